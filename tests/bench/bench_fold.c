/*
 * Decode and windowing together: a generated fleet's streamed remote-read replies (gen_reply.h) through
 * frames, checksums, labels, chunks and the fold, slice by slice of a day as `gpuwise report` reads them.
 * Making the replies is not timed.
 *
 *     bench-fold [--gpus N] [--days N] [--runs N]
 *
 * Prints for the median run, on one core: samples/s of decode + windowing (and with the end of each slice,
 * where windows become sums), and the peak resident memory of the process, of which the generated reply is a
 * part that is printed too.
 */
#include <getopt.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/number.h"
#include "gen_reply.h"
#include "observe/chunked_reply.h"
#include "observe/fold.h"

#define REPLY_MAX ((size_t)4 << 30)
#define RUNS_MAX  99
#define PIECE     ((size_t)131072) /* as much as libcurl hands over at once, at most */
#define START_MS  INT64_C(1662854400000)

static gw_chunk_space space;

typedef struct outcome {
    int64_t read_ns, end_ns;
    uint64_t samples, bytes, largest_reply;
} outcome;

static int die(const gw_error *e)
{
    fprintf(stderr, "bench-fold: %s\n", e->message);
    exit(1);
}

/* The thread's own time: what other programs do to a shared machine is no part of it. */
static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void feed(gw_fold *f, const gw_buf *reply, gw_interval range)
{
    gw_error e;
    gw_chunked_reply *r = gw_chunked_reply_new(gw_fold_sink(f), range, &space, false, 0);
    if (!r)
        die((gw_fail_memory(&e), &e));
    for (size_t at = 0; at < reply->len; at += PIECE)
        if (gw_chunked_reply_feed(r, reply->data + at, GW_MIN(PIECE, reply->len - at), &e))
            die(&e);
    if (gw_chunked_reply_finish(r, &e))
        die(&e);
    gw_chunked_reply_free(r);
}

static outcome run(const gen *g, int days)
{
    outcome out = {0};
    gw_fleet fleet;
    gw_usage usage;
    gw_error e;
    gw_interval window = {START_MS, START_MS + days * GW_DAY_MS};
    gw_fleet_init(&fleet);
    gw_usage_init(&usage, window, GW_STATE_POLICY_DEFAULT);
    gw_fold *f = gw_fold_new(&fleet, &usage, &e);
    if (!f)
        die(&e);
    for (int64_t at = window.start_ms; at < window.end_ms; at += GW_DAY_MS) {
        gw_interval slice = {at, at + GW_DAY_MS};
        gw_interval range = {slice.start_ms - GW_HOLD_MAX_MS, slice.end_ms + GW_HOLD_MAX_MS};
        if (gw_fold_begin(f, slice, &e))
            die(&e);
        for (int m = 0; m < GEN_N_METRICS; m++) {
            gw_buf reply;
            gw_buf_init(&reply, REPLY_MAX);
            out.samples += gen_reply(g, m, slice, &reply);
            if (gw_buf_check(&reply, "the reply", &e))
                die(&e);
            int64_t started = now_ns();
            feed(f, &reply, range);
            out.read_ns += now_ns() - started;
            out.bytes += reply.len;
            out.largest_reply = GW_MAX(out.largest_reply, reply.len);
            gw_buf_free(&reply);
        }
        int64_t started = now_ns();
        if (gw_fold_end(f, &e))
            die(&e);
        out.end_ns += now_ns() - started;
    }
    if (gw_fold_finish(f, &e))
        die(&e);
    if (usage.samples_total != out.samples) {
        fprintf(stderr, "bench-fold: %" PRIu64 " of %" PRIu64 " samples folded\n", usage.samples_total,
                out.samples);
        exit(1);
    }
    gw_fold_free(f);
    gw_usage_free(&usage);
    gw_fleet_free(&fleet);
    return out;
}

static int by_time(const void *a, const void *b)
{
    const outcome *x = a, *y = b;
    int64_t u = x->read_ns + x->end_ns, v = y->read_ns + y->end_ns;
    return (u > v) - (u < v);
}

static int number(const char *text, int most)
{
    int64_t n;
    if (gw_parse_int64(gw_str_of(text), &n) && n >= 1 && n <= most)
        return (int)n;
    fprintf(stderr, "bench-fold: '%s' is not a number from 1 to %d\n", text, most);
    exit(2);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"gpus", 1, NULL, 'g'}, {"days", 1, NULL, 'd'}, {"runs", 1, NULL, 'r'}, {NULL, 0, NULL, 0}};
    gen g = {.seed = 1, .gpus = 1000, .interval_ms = 30000};
    int days = 7, runs = 3;
    static outcome all[RUNS_MAX];
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'g')
            g.gpus = number(optarg, 100000);
        else if (c == 'd')
            days = number(optarg, 366);
        else if (c == 'r')
            runs = number(optarg, RUNS_MAX);
        else
            return 2;
    }
    for (int i = 0; i < runs; i++)
        all[i] = run(&g, days);
    qsort(all, (size_t)runs, sizeof(*all), by_time);
    outcome m = all[runs / 2];
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double n = (double)m.samples / 1e6;
    printf("%5d GPUs x %2d d: %6.1f M samples, %.2f B each; decode + windowing %6.1f M samples/s, with the "
           "slices' ends %6.1f; "
           "peak %ld MiB (%.0f MiB of it the generated reply)\n",
           g.gpus, days, n, (double)m.bytes / (double)m.samples, n / ((double)m.read_ns / 1e9),
           n / ((double)(m.read_ns + m.end_ns) / 1e9), use.ru_maxrss / 1024,
           (double)m.largest_reply / 1048576);
    return 0;
}
