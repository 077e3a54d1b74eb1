/* Remote read from the request to the samples: what is asked, and both forms of the reply. */
#include "gw_test.h"

#include <snappy-c.h>

#include "../support/collect.h"
#include "../support/reply_builder.h"
#include "../support/xor_reference.h"
#include "base/mem.h"
#include "observe/chunked_reply.h"
#include "observe/remote_read.h"
#include "observe/samples_reply.h"

#define ALL ((gw_interval){0, INT64_C(1) << 50})

static gw_chunk_space space;

/* ---- the request ---- */

static void request_bytes(void **state)
{
    GW_UNUSED(state);
    const gw_matcher m[] = {{GW_MATCH_EQ, "__name__", "up"}, {GW_MATCH_RE, "j", ""}};
    const gw_read_query q = {m, 2};
    gw_buf b;
    gw_buf_init(&b, 1024);
    gw_remote_read_write(&b, &q, 1, (gw_interval){1, 301});
    /* from remote.proto, by hand; the end is inclusive: 300 = ac 02 */
    static const char want[] = "\x0a\x27"             /* queries: 5 + 18 + 9 + 7 bytes */
                               "\x08\x01\x10\xac\x02" /* start 1, end 300: 5 */
                               "\x1a\x10\x08\x00\x12\x08__name__\x1a\x02up" /* EQ: 18 */
                               "\x1a\x07\x08\x02\x12\x01j\x1a\x00"          /* RE: 9 */
                               "\x22\x05\x18\x01\x20\xac\x02"               /* hints: start 1, end 300: 7 */
                               "\x12\x02\x01\x00";                          /* chunks, else samples */
    assert_int_equal(sizeof(want) - 1, 2 + 5 + 18 + 9 + 7 + 4);
    assert_int_equal(b.len, sizeof(want) - 1);
    assert_memory_equal(b.data, want, b.len);
    gw_buf_free(&b);
}

static void request_is_compressed(void **state)
{
    GW_UNUSED(state);
    const gw_matcher m = {GW_MATCH_EQ, "__name__", "up"};
    const gw_read_query q[] = {{&m, 1}, {&m, 1}};
    gw_buf plain;
    gw_buf_init(&plain, 1024);
    gw_remote_read_write(&plain, q, 2, (gw_interval){5, 9});
    for (uint64_t fail = 1;; fail++) {
        char *body = NULL, back[1024];
        size_t len = 0, back_len = sizeof(back);
        gw_error e = {0};
        gw_mem_fail_at(fail);
        int rc = gw_remote_read_request(q, 2, (gw_interval){5, 9}, &body, &len, &e);
        gw_mem_fail_at(0);
        if (rc) {
            assert_int_equal(rc, GW_ENOMEM);
            assert_null(body);
            continue;
        }
        assert_true(fail > 2);
        assert_int_equal(snappy_uncompress(body, len, back, &back_len), SNAPPY_OK);
        assert_int_equal(back_len, plain.len);
        assert_memory_equal(back, plain.data, plain.len);
        gw_free(body);
        break;
    }
    gw_buf_free(&plain);
}

/* ---- a streamed reply ---- */

typedef struct run {
    int64_t from;
    unsigned n;
    double value;
} run;

/* A chunk with n samples every 1000 ms. */
static void add_chunk(gw_buf *series, run r, unsigned type, bool say_when)
{
    uint8_t bytes[4096];
    xor_writer w;
    xor_begin(&w, bytes, sizeof(bytes));
    for (unsigned i = 0; i < r.n; i++)
        xor_append(&w, r.from + 1000 * i, r.value + i);
    int64_t last = r.from + 1000 * ((int64_t)r.n - 1);
    reply_chunk(series, say_when ? r.from : 0, say_when ? last : 0, type, bytes, xor_end(&w));
}

static void add_series(gw_buf *message, const char *name, const char *gpu, const run *runs, size_t n)
{
    gw_buf series;
    gw_buf_init(&series, 1 << 20);
    reply_label(&series, "__name__", name);
    if (gpu)
        reply_label(&series, "gpu", gpu);
    for (size_t i = 0; i < n; i++)
        add_chunk(&series, runs[i], 1, true);
    gw_proto_put_message(message, 1, &series);
    gw_buf_free(&series);
}

static int feed(const gw_buf *in, size_t piece, gw_interval range, collect *c, gw_chunked_stats *stats,
                gw_error *e)
{
    gw_chunked_reply *r = gw_chunked_reply_new(&c->sink, range, &space, false, 0);
    if (!r)
        return gw_fail_memory(e);
    int rc = 0;
    for (size_t at = 0; at < in->len && !rc; at += piece)
        rc = gw_chunked_reply_feed(r, in->data + at, GW_MIN(piece, in->len - at), e);
    if (!rc)
        rc = gw_chunked_reply_finish(r, e);
    if (stats)
        *stats = *gw_chunked_reply_stats(r);
    gw_chunked_reply_free(r);
    return rc;
}

/* Two series over three frames: `a` goes on in the second. */
static void make_reply(gw_buf *out)
{
    gw_buf m;
    gw_buf_init(&m, 1 << 20);
    add_series(&m, "a", "0", (run[]){{1000, 3, 5}, {4000, 1, 8}}, 2);
    reply_frame(out, &m);
    gw_buf_clear(&m);
    add_series(&m, "a", "0", (run[]){{5000, 2, 9}}, 1);
    add_series(&m, "b", NULL, (run[]){{1000, 2, 0.5}}, 1);
    gw_proto_put_uvarint(&m, 2, 7); /* query_index */
    reply_frame(out, &m);
    gw_buf_clear(&m);
    add_series(&m, "skipped", NULL, (run[]){{1000, 2, 0.5}}, 1);
    add_series(&m, "empty", NULL, NULL, 0);
    reply_frame(out, &m);
    gw_buf_free(&m);
}

static void streamed_in_pieces_of_every_size(void **state)
{
    GW_UNUSED(state);
    gw_buf in;
    gw_buf_init(&in, 1 << 20);
    make_reply(&in);
    collect c;
    collect_init(&c);
    c.skip = "skipped";
    for (size_t piece = 1; piece <= in.len; piece++) {
        gw_error e = {0};
        gw_chunked_stats stats;
        collect_clear(&c);
        assert_int_equal(feed(&in, piece, ALL, &c, &stats, &e), 0);
        assert_string_equal(collect_text(&c), "a{gpu=\"0\"} 1000=5 2000=6 3000=7 4000=8 5000=9 6000=10\n"
                                              "b{} 1000=0.5 2000=1.5\n"
                                              "skipped{}");
        assert_int_equal(stats.series, 3);
        assert_int_equal(stats.samples, 8);
        assert_int_equal(stats.chunks, 5);
    }
    collect_free(&c);
    gw_buf_free(&in);
}

static void samples_outside_the_range_are_cut(void **state)
{
    GW_UNUSED(state);
    gw_buf in, m;
    gw_buf_init(&in, 1 << 20);
    gw_buf_init(&m, 1 << 20);
    add_series(&m, "a", NULL, (run[]){{1000, 4, 1}, {5000, 4, 5}, {9000, 4, 9}}, 3);
    reply_frame(&in, &m);
    const struct {
        gw_interval range;
        const char *text;
    } cuts[] = {
        {{0, 99999},
         "a{} 1000=1 2000=2 3000=3 4000=4 5000=5 6000=6 7000=7 8000=8 9000=9 10000=10 11000=11 12000=12"},
        {{1000, 12000},
         "a{} 1000=1 2000=2 3000=3 4000=4 5000=5 6000=6 7000=7 8000=8 9000=9 10000=10 11000=11"},
        {{1001, 11999}, "a{} 2000=2 3000=3 4000=4 5000=5 6000=6 7000=7 8000=8 9000=9 10000=10 11000=11"},
        {{6500, 7001}, "a{} 7000=7"},
        {{5000, 8000}, "a{} 5000=5 6000=6 7000=7"},
        {{4500, 4600}, ""},    /* between two chunks: the series is not even announced */
        {{6100, 6200}, "a{}"}, /* inside one, between two samples */
        {{20000, 30000}, ""},
    };
    for (size_t i = 0; i < GW_COUNT(cuts); i++) {
        collect c;
        gw_error e = {0};
        collect_init(&c);
        assert_int_equal(feed(&in, in.len, cuts[i].range, &c, NULL, &e), 0);
        assert_string_equal(collect_text(&c), cuts[i].text);
        collect_free(&c);
    }
    gw_buf_free(&m);
    gw_buf_free(&in);
}

/* Chunks as two replicas or late samples leave them. Values tell which chunk a sample came from. */
static void chunks_that_overlap_are_merged(void **state)
{
    GW_UNUSED(state);
    const struct {
        run runs[4];
        size_t n;
        const char *text;
    } cases[] = {
        /* the second begins inside the first */
        {{{1000, 4, 10}, {2500, 3, 20}}, 2, "a{} 1000=10 2000=11 2500=20 3000=12 3500=21 4000=13 4500=22"},
        /* the same times: the first one counts */
        {{{1000, 3, 10}, {1000, 3, 20}}, 2, "a{} 1000=10 2000=11 3000=12"},
        {{{1000, 3, 10}, {2000, 3, 20}}, 2, "a{} 1000=10 2000=11 3000=12 4000=22"},
        /* inside, and equal at both ends */
        {{{1000, 5, 10}, {2000, 2, 20}}, 2, "a{} 1000=10 2000=11 3000=12 4000=13 5000=14"},
        {{{2000, 2, 10}, {1000, 5, 20}}, 2, "a{} 1000=20 2000=10 3000=11 4000=23 5000=24"},
        /* a chain of three, and one apart */
        {{{1000, 2, 10}, {1500, 3, 20}, {3500, 2, 30}, {9000, 1, 40}},
         4,
         "a{} 1000=10 1500=20 2000=11 2500=21 3500=22 4500=31 9000=40"},
        /* the third lies before the second */
        {{{1000, 3, 10}, {3000, 3, 20}, {2000, 2, 30}}, 3, "a{} 1000=10 2000=11 3000=12 4000=21 5000=22"},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_buf in, m;
        collect c;
        gw_error e = {0};
        gw_buf_init(&in, 1 << 20);
        gw_buf_init(&m, 1 << 20);
        collect_init(&c);
        add_series(&m, "a", NULL, cases[i].runs, cases[i].n);
        reply_frame(&in, &m);
        assert_int_equal(feed(&in, in.len, ALL, &c, NULL, &e), 0);
        assert_string_equal(collect_text(&c), cases[i].text);
        assert_false(c.descending);
        collect_free(&c);
        gw_buf_free(&m);
        gw_buf_free(&in);
    }
}

static void other_encodings(void **state)
{
    GW_UNUSED(state);
    gw_buf in, m, series;
    collect c;
    gw_error e = {0};
    gw_chunked_stats stats;
    gw_buf_init(&in, 1 << 20);
    gw_buf_init(&m, 1 << 20);
    gw_buf_init(&series, 1 << 20);
    collect_init(&c);
    reply_label(&series, "__name__", "a");
    add_chunk(&series, (run){1000, 1, 1}, 2, true); /* native histograms */
    add_chunk(&series, (run){2000, 1, 2}, 3, true);
    add_chunk(&series, (run){3000, 1, 3}, 1, true);
    gw_proto_put_message(&m, 1, &series);
    reply_frame(&in, &m);
    assert_int_equal(feed(&in, in.len, ALL, &c, &stats, &e), 0);
    assert_string_equal(collect_text(&c), "a{} 3000=3");
    assert_int_equal(stats.histograms, 2);

    /* newer than this program: nothing of the series is handed on, so that it can be read in another way */
    add_chunk(&series, (run){4000, 1, 4}, 4, true);
    gw_buf_clear(&in);
    gw_buf_clear(&m);
    gw_proto_put_message(&m, 1, &series);
    reply_frame(&in, &m);
    collect_clear(&c);
    assert_int_equal(feed(&in, in.len, ALL, &c, &stats, &e), GW_EQUERY);
    assert_string_equal(collect_text(&c), "");
    assert_int_equal(stats.unknown_chunks, 1);
    gw_chunked_reply *r = gw_chunked_reply_new(&c.sink, ALL, &space, true, 0);
    assert_int_equal(gw_chunked_reply_feed(r, in.data, in.len, &e), 0);
    assert_string_equal(collect_text(&c), "a{} 3000=3");
    assert_int_equal(gw_chunked_reply_stats(r)->unknown_chunks, 1);
    gw_chunked_reply_free(r);

    /* a chunk that does not say when it is */
    gw_buf_clear(&series);
    gw_buf_clear(&m);
    gw_buf_clear(&in);
    collect_clear(&c);
    reply_label(&series, "__name__", "a");
    add_chunk(&series, (run){1000, 2, 1}, 1, false);
    add_chunk(&series, (run){3000, 2, 3}, 1, false);
    gw_proto_put_message(&m, 1, &series);
    reply_frame(&in, &m);
    assert_int_equal(feed(&in, in.len, (gw_interval){2000, 4000}, &c, &stats, &e), 0);
    assert_string_equal(collect_text(&c), "a{} 2000=2 3000=3");
    collect_free(&c);
    gw_buf_free(&series);
    gw_buf_free(&m);
    gw_buf_free(&in);
}

/* A retry: half a reply, then the whole; the series in hand is announced again. */
static void reset_starts_over(void **state)
{
    GW_UNUSED(state);
    gw_buf in;
    collect c;
    gw_error e = {0};
    gw_buf_init(&in, 1 << 20);
    make_reply(&in);
    for (size_t half = 0; half <= in.len; half++) {
        collect_init(&c);
        gw_chunked_reply *r = gw_chunked_reply_new(&c.sink, ALL, &space, false, 0);
        assert_int_equal(gw_chunked_reply_feed(r, in.data, half, &e), 0);
        gw_chunked_reply_reset(r);
        collect_clear(&c);
        assert_int_equal(gw_chunked_reply_feed(r, in.data, in.len, &e), 0);
        assert_int_equal(gw_chunked_reply_finish(r, &e), 0);
        assert_string_equal(collect_text(&c), "a{gpu=\"0\"} 1000=5 2000=6 3000=7 4000=8 5000=9 6000=10\n"
                                              "b{} 1000=0.5 2000=1.5\n"
                                              "skipped{} 1000=0.5 2000=1.5");
        gw_chunked_reply_free(r);
        collect_free(&c);
    }
    gw_buf_free(&in);
}

/* Frames whose checksum is right around messages that are not: every byte of one set to many values. */
static void broken_messages(void **state)
{
    GW_UNUSED(state);
    gw_buf m, in;
    gw_buf_init(&m, 1 << 20);
    gw_buf_init(&in, 1 << 20);
    add_series(&m, "a", "0", (run[]){{1000, 20, 5}, {21000, 20, 8}}, 2);
    size_t refused = 0;
    for (size_t at = 0; at < m.len; at++) {
        char was = m.data[at];
        for (int v = 0; v < 256; v += 5) {
            collect c;
            gw_error e = {0};
            collect_init(&c);
            m.data[at] = (char)v;
            gw_buf_clear(&in);
            reply_frame(&in, &m);
            int rc = feed(&in, in.len, ALL, &c, NULL, &e);
            assert_true(rc == 0 || rc == GW_ECORRUPT || rc == GW_EQUERY);
            assert_true(rc == 0 || strlen(e.message) > 10);
            assert_false(c.descending);
            refused += rc != 0;
            collect_free(&c);
        }
        m.data[at] = was;
    }
    assert_true(refused > 1000);
    /* cut short, with the checksum of what is left */
    size_t whole = m.len;
    for (m.len = 1; m.len < whole; m.len++) {
        collect c;
        gw_error e = {0};
        collect_init(&c);
        gw_buf_clear(&in);
        reply_frame(&in, &m);
        assert_int_equal(feed(&in, in.len, ALL, &c, NULL, &e), GW_ECORRUPT);
        collect_free(&c);
    }
    gw_buf_free(&m);
    gw_buf_free(&in);
}

static void an_error_names_the_metric(void **state)
{
    GW_UNUSED(state);
    gw_buf m, in, series;
    collect c;
    gw_error e = {0};
    gw_buf_init(&m, 1 << 20);
    gw_buf_init(&in, 1 << 20);
    gw_buf_init(&series, 1 << 20);
    collect_init(&c);
    reply_label(&series, "__name__", "DCGM_FI_DEV_GPU_UTIL");
    reply_chunk(&series, 1, 2, 1, "\0\5\2", 3);
    gw_proto_put_message(&m, 1, &series);
    reply_frame(&in, &m);
    assert_int_equal(feed(&in, in.len, ALL, &c, NULL, &e), GW_ECORRUPT);
    assert_string_equal(e.message, "DCGM_FI_DEV_GPU_UTIL: a chunk of 3 bytes ends in sample 1 of 5");
    collect_free(&c);
    gw_buf_free(&series);
    gw_buf_free(&m);
    gw_buf_free(&in);
}

static void too_many_labels(void **state)
{
    GW_UNUSED(state);
    for (int extra = 0; extra < 2; extra++) {
        gw_buf m, in, series;
        collect c;
        gw_error e = {0};
        gw_buf_init(&m, 1 << 20);
        gw_buf_init(&in, 1 << 20);
        gw_buf_init(&series, 1 << 20);
        collect_init(&c);
        for (int i = 0; i < GW_SERIES_MAX_LABELS + extra; i++)
            reply_label(&series, "l", "v");
        add_chunk(&series, (run){1000, 1, 1}, 1, true);
        gw_proto_put_message(&m, 1, &series);
        reply_frame(&in, &m);
        assert_int_equal(feed(&in, in.len, ALL, &c, NULL, &e), extra ? GW_ELIMIT : 0);
        collect_free(&c);
        gw_buf_free(&series);
        gw_buf_free(&m);
        gw_buf_free(&in);
    }
}

static void the_sink_s_error_ends_it(void **state)
{
    GW_UNUSED(state);
    gw_buf in;
    gw_buf_init(&in, 1 << 20);
    make_reply(&in);
    uint64_t n = 1;
    for (;; n++) {
        collect c;
        gw_error e = {0};
        collect_init(&c);
        c.fail_at = n;
        int rc = feed(&in, in.len, ALL, &c, NULL, &e);
        collect_free(&c);
        if (!rc)
            break;
        assert_int_equal(rc, GW_EIO);
    }
    assert_int_equal(n, 9); /* three announcements and five chunks, each of which failed once */
    gw_buf_free(&in);
}

/* ---- a reply in one piece ---- */

static void plain_sample(gw_buf *series, int64_t t, double v)
{
    gw_buf s;
    gw_buf_init(&s, 64);
    gw_proto_put_double(&s, 1, v);
    gw_proto_put_uvarint(&s, 2, (uint64_t)t);
    gw_proto_put_message(series, 2, &s);
    gw_buf_free(&s);
}

static void make_plain(gw_buf *response, int n)
{
    gw_buf result, series;
    gw_buf_init(&result, 1 << 20);
    gw_buf_init(&series, 1 << 20);
    reply_label(&series, "__name__", "a");
    reply_label(&series, "gpu", "1");
    for (int i = 0; i < n; i++)
        plain_sample(&series, 1000 * (i + 1), i + 0.25);
    gw_proto_put_message(&result, 1, &series);
    gw_buf_clear(&series);
    reply_label(&series, "__name__", "b");
    plain_sample(&series, 1000, 7);
    plain_sample(&series, 1000, 8); /* twice, as replicas leave it */
    plain_sample(&series, 900, 9);
    gw_proto_put_message(&result, 1, &series);
    gw_proto_put_message(response, 1, &result);
    gw_buf_clear(&result);
    gw_proto_put_message(response, 1, &result); /* another query's, without series */
    gw_buf_free(&series);
    gw_buf_free(&result);
}

static int read_plain(const gw_buf *plain, gw_interval range, collect *c, gw_samples_stats *stats,
                      gw_error *e)
{
    char *packed = malloc(snappy_max_compressed_length(plain->len));
    size_t n = snappy_max_compressed_length(plain->len);
    assert_int_equal(snappy_compress(plain->data, plain->len, packed, &n), SNAPPY_OK);
    int rc = gw_samples_reply_read(packed, n, &c->sink, range, stats, e);
    free(packed);
    return rc;
}

static void plain_samples(void **state)
{
    GW_UNUSED(state);
    gw_buf plain;
    collect c;
    gw_error e = {0};
    gw_samples_stats stats = {0};
    gw_buf_init(&plain, 1 << 20);
    collect_init(&c);
    make_plain(&plain, 4);
    assert_int_equal(read_plain(&plain, (gw_interval){1000, 4000}, &c, &stats, &e), 0);
    assert_string_equal(collect_text(&c), "a{gpu=\"1\"} 1000=0.25 2000=1.25 3000=2.25\nb{} 1000=7");
    assert_int_equal(stats.series, 2);
    assert_int_equal(stats.samples, 4);
    collect_clear(&c);
    c.skip = "a";
    assert_int_equal(read_plain(&plain, ALL, &c, &stats, &e), 0);
    assert_string_equal(collect_text(&c), "a{gpu=\"1\"}\nb{} 1000=7");
    /* more than a batch */
    gw_buf_clear(&plain);
    make_plain(&plain, 5000);
    collect_clear(&c);
    c.skip = NULL;
    assert_int_equal(read_plain(&plain, ALL, &c, &stats, &e), 0);
    assert_int_equal(c.samples, 5001);
    assert_int_equal(c.calls, 2 + 5 + 1); /* 5000 = 4 * 1024 + 904 */
    collect_free(&c);
    gw_buf_free(&plain);
}

static void plain_samples_broken(void **state)
{
    GW_UNUSED(state);
    gw_buf plain;
    collect c;
    gw_error e = {0};
    gw_samples_stats stats = {0};
    gw_buf_init(&plain, 1 << 20);
    collect_init(&c);
    make_plain(&plain, 3);
    assert_int_equal(gw_samples_reply_read("nonsense", 8, &c.sink, ALL, &stats, &e), GW_ECORRUPT);
    assert_int_equal(gw_samples_reply_read(NULL, 0, &c.sink, ALL, &stats, &e), GW_ECORRUPT);
    /* says that it expands to 4 GiB - 1 */
    assert_int_equal(gw_samples_reply_read("\xff\xff\xff\xff\x0f\x00", 6, &c.sink, ALL, &stats, &e),
                     GW_ELIMIT);
    size_t whole = plain.len, taken = 0;
    for (plain.len = 1; plain.len < whole; plain.len++) {
        int rc = read_plain(&plain, ALL, &c, &stats, &e);
        assert_true(rc == 0 || rc == GW_ECORRUPT);
        taken += rc == 0;
    }
    assert_int_equal(taken, 1); /* where the first result ends and the empty second is missing */
    for (size_t at = 0; at < whole; at++) {
        char was = plain.data[at];
        for (int v = 0; v < 256; v += 7) {
            plain.data[at] = (char)v;
            int rc = read_plain(&plain, ALL, &c, &stats, &e);
            assert_true(rc == 0 || rc == GW_ECORRUPT);
        }
        plain.data[at] = was;
    }
    assert_false(c.descending);
    collect_free(&c);
    gw_buf_free(&plain);
}

static void every_allocation_fails_once(void **state)
{
    GW_UNUSED(state);
    gw_buf in, plain;
    gw_buf_init(&in, 1 << 20);
    gw_buf_init(&plain, 1 << 20);
    make_reply(&in);
    gw_buf m;
    gw_buf_init(&m, 1 << 20);
    add_series(&m, "overlapping", NULL, (run[]){{1000, 4, 10}, {2500, 3, 20}}, 2);
    reply_frame(&in, &m);
    gw_buf_free(&m);
    make_plain(&plain, 3);
    for (int way = 0; way < 2; way++) {
        uint64_t n = 1;
        for (;; n++) {
            static char room[8192];
            collect c;
            gw_error e = {0};
            gw_samples_stats stats = {0};
            collect_init(&c);
            c.text = (gw_buf){.data = room, .cap = sizeof(room), .max = sizeof(room) - 1};
            gw_mem_fail_at(n);
            int rc = way ? read_plain(&plain, ALL, &c, &stats, &e) : feed(&in, 10, ALL, &c, NULL, &e);
            gw_mem_fail_at(0);
            if (!rc)
                break;
            assert_int_equal(rc, GW_ENOMEM);
        }
        assert_true(n > 2);
    }
    gw_buf_free(&in);
    gw_buf_free(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_bytes),
        cmocka_unit_test(request_is_compressed),
        cmocka_unit_test(streamed_in_pieces_of_every_size),
        cmocka_unit_test(samples_outside_the_range_are_cut),
        cmocka_unit_test(chunks_that_overlap_are_merged),
        cmocka_unit_test(other_encodings),
        cmocka_unit_test(reset_starts_over),
        cmocka_unit_test(broken_messages),
        cmocka_unit_test(an_error_names_the_metric),
        cmocka_unit_test(too_many_labels),
        cmocka_unit_test(the_sink_s_error_ends_it),
        cmocka_unit_test(plain_samples),
        cmocka_unit_test(plain_samples_broken),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("remote_read", tests, NULL, NULL);
}
