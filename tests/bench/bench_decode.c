/*
 * How fast a streamed remote-read reply becomes samples, without network and without a judge behind it.
 * Replies come from gen_reply.h, made in memory and not timed; what is timed is
 *
 *     plain    the chunks alone, bit by bit (tests/support/xor_reference.h)
 *     chunks   the chunks alone, gw_xor_chunk_decode
 *     reply    everything: frames, checksums, messages, labels, chunks, hand-over to a sink that does nothing
 *
 * Each of them --runs times (default 5), the median printed. One core, processor time.
 *
 *     bench-decode [--gpus N] [--hours N] [--runs N] [--seed N] [--piece BYTES]
 */
#include <getopt.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/number.h"
#include "gen_reply.h"
#include "observe/chunked_reply.h"

#define CHUNKS_MAX ((size_t)1 << 24)
#define REPLY_MAX  ((size_t)4 << 30)
#define RUNS_MAX   99
#define START_MS   INT64_C(1662858720000)

typedef struct settings {
    gen fleet;
    int hours, runs;
    size_t piece;
} settings;

static gw_chunk_space space;
static volatile double swallowed; /* so that no decoder's work is left out as unused */

/* ---- a sink that does nothing, and one that keeps where the chunks are ---- */

static int null_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    GW_UNUSED(labels);
    GW_UNUSED(n);
    GW_UNUSED(e);
    *ret = ctx;
    return 0;
}

static int null_samples(void *ctx, void *series, const int64_t *t_ms, const double *value, size_t n,
                        gw_error *e)
{
    GW_UNUSED(series);
    GW_UNUSED(t_ms);
    GW_UNUSED(e);
    *(uint64_t *)ctx += n;
    swallowed = value[n - 1];
    return 0;
}

typedef struct chunk_list {
    gw_str *chunks;
    size_t n, cap;
} chunk_list;

static int die(const gw_error *e)
{
    fprintf(stderr, "bench-decode: %s\n", e->message);
    exit(1);
}

/* The data of every Chunk in a message, at whatever depth the fields stand. */
static int list_chunks(void *ctx, const char *message, size_t n, gw_error *e)
{
    chunk_list *l = ctx;
    gw_proto reply = gw_proto_of((gw_str){message, n});
    gw_proto_field series, chunk, field;
    while (gw_proto_next(&reply, &series) > 0) {
        gw_proto in_series = gw_proto_of(series.bytes);
        while (gw_proto_next(&in_series, &chunk) > 0) {
            gw_proto in_chunk = gw_proto_of(chunk.bytes);
            while (chunk.number == 2 && gw_proto_next(&in_chunk, &field) > 0) {
                void *p = l->chunks;
                if (field.number != 4)
                    continue;
                if (gw_grow(&p, &l->cap, l->n + 1, sizeof(*l->chunks), CHUNKS_MAX))
                    return gw_fail_memory(e);
                l->chunks = p;
                l->chunks[l->n++] = field.bytes;
            }
        }
    }
    return 0;
}

/* ---- what is measured: nanoseconds and samples of one metric's reply ---- */

/* The thread's own time: what other programs do to a shared machine is no part of it. */
static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t time_plain(const chunk_list *l, uint64_t *samples)
{
    int64_t started = now_ns();
    for (size_t i = 0; i < l->n; i++) {
        int n = xor_decode_plainly((const uint8_t *)l->chunks[i].p, l->chunks[i].n, space.t_ms, space.value,
                                   GW_XOR_CAPACITY);
        swallowed = space.value[n - 1];
        *samples += (uint64_t)n;
    }
    return now_ns() - started;
}

static int64_t time_chunks(const chunk_list *l, uint64_t *samples)
{
    gw_error e;
    int64_t started = now_ns();
    for (size_t i = 0; i < l->n; i++) {
        size_t n = 0;
        if (gw_xor_chunk_decode(l->chunks[i].p, l->chunks[i].n, space.t_ms, space.value, GW_XOR_CAPACITY, &n,
                                &e))
            die(&e);
        swallowed = space.value[n - 1];
        *samples += n;
    }
    return now_ns() - started;
}

/* Any sink can stand here: what it costs is in the figure. */
static int64_t time_reply(const gw_buf *reply, const settings *s, const gw_series_sink *sink,
                          gw_interval range)
{
    gw_error e;
    gw_chunked_reply *r = gw_chunked_reply_new(sink, range, &space, false, 0);
    if (!r)
        die((gw_fail_memory(&e), &e));
    int64_t started = now_ns();
    for (size_t at = 0; at < reply->len; at += s->piece)
        if (gw_chunked_reply_feed(r, reply->data + at, GW_MIN(s->piece, reply->len - at), &e))
            die(&e);
    if (gw_chunked_reply_finish(r, &e))
        die(&e);
    int64_t took = now_ns() - started;
    gw_chunked_reply_free(r);
    return took;
}

/* ---- the runs ---- */

enum { PLAIN, CHUNKS, REPLY, N_MEASURES };
static const char *const measure_names[] = {"plain", "chunks", "reply"};

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double median_rate(int64_t *ns, int runs, uint64_t samples)
{
    qsort(ns, (size_t)runs, sizeof(*ns), by_size);
    return (double)samples / ((double)ns[runs / 2] / 1e9) / 1e6;
}

static void measure(const settings *s)
{
    const gw_interval slice = {START_MS, START_MS + s->hours * GW_HOUR_MS};
    static int64_t ns[GEN_N_METRICS + 1][N_MEASURES][RUNS_MAX];
    uint64_t samples[GEN_N_METRICS + 1] = {0}, bytes = 0;
    printf("%-34s %8s %10s %10s %10s\n", "M samples/s (median)", "B/sample", "plain", "chunks", "reply");
    for (int m = 0; m < GEN_N_METRICS; m++) {
        gw_buf reply;
        chunk_list list = {0};
        gw_frames frames;
        gw_error e;
        gw_buf_init(&reply, REPLY_MAX);
        samples[m] = gen_reply(&s->fleet, m, slice, &reply);
        gw_frames_init(&frames, 0, list_chunks, &list);
        if (gw_buf_check(&reply, "the reply", &e) || gw_frames_feed(&frames, reply.data, reply.len, &e))
            die(&e);
        for (int run = 0; run < s->runs; run++) {
            uint64_t n[N_MEASURES] = {0};
            const gw_series_sink sink = {&n[REPLY], null_series, null_samples};
            ns[m][PLAIN][run] = time_plain(&list, &n[PLAIN]);
            ns[m][CHUNKS][run] = time_chunks(&list, &n[CHUNKS]);
            ns[m][REPLY][run] = time_reply(&reply, s, &sink, slice);
            for (int k = 0; k < N_MEASURES; k++) {
                ns[GEN_N_METRICS][k][run] += ns[m][k][run];
                if (n[k] != samples[m]) {
                    fprintf(stderr, "bench-decode: %s gave %" PRIu64 " of %" PRIu64 " samples\n",
                            measure_names[k], n[k], samples[m]);
                    exit(1);
                }
            }
        }
        printf("%-34s %8.2f", gen_metrics[m], (double)reply.len / (double)samples[m]);
        for (int k = 0; k < N_MEASURES; k++)
            printf(" %10.1f", median_rate(ns[m][k], s->runs, samples[m]));
        printf("\n");
        samples[GEN_N_METRICS] += samples[m];
        bytes += reply.len;
        gw_frames_free(&frames);
        gw_free(list.chunks);
        gw_buf_free(&reply);
    }
    printf("%-34s %8.2f", "all", (double)bytes / (double)samples[GEN_N_METRICS]);
    for (int k = 0; k < N_MEASURES; k++)
        printf(" %10.1f", median_rate(ns[GEN_N_METRICS][k], s->runs, samples[GEN_N_METRICS]));
    printf("\n%" PRIu64 " samples, %" PRIu64 " bytes, %d GPUs, %d metrics, %d h at %" PRId64
           " s, seed %" PRIu64 ", %d runs\n",
           samples[GEN_N_METRICS], bytes, s->fleet.gpus, GEN_N_METRICS, s->hours, s->fleet.interval_ms / 1000,
           s->fleet.seed, s->runs);
}

static int64_t number(const char *text, int64_t most)
{
    int64_t n;
    if (gw_parse_int64(gw_str_of(text), &n) && n >= 1 && n <= most)
        return n;
    fprintf(stderr, "bench-decode: '%s' is not a number from 1 to %" PRId64 "\n", text, most);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {{"gpus", 1, NULL, 'g'},  {"hours", 1, NULL, 'h'},
                                          {"runs", 1, NULL, 'r'},  {"seed", 1, NULL, 's'},
                                          {"piece", 1, NULL, 'p'}, {NULL, 0, NULL, 0}};
    settings s = {
        .fleet = {.seed = 1, .gpus = 100, .interval_ms = 30000}, .hours = 24, .runs = 5, .piece = 131072};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'g':
            s.fleet.gpus = (int)number(optarg, 100000);
            break;
        case 'h':
            s.hours = (int)number(optarg, 24 * 366);
            break;
        case 'r':
            s.runs = (int)number(optarg, RUNS_MAX);
            break;
        case 's':
            s.fleet.seed = (uint64_t)number(optarg, INT64_MAX);
            break;
        case 'p':
            s.piece = (size_t)number(optarg, INT64_C(1) << 40);
            break;
        default:
            return 2;
        }
    }
    measure(&s);
    return 0;
}
