#include "observe/chunked_reply.h"

#include "base/mem.h"
#include "format/proto.h"

/* Chunk.Encoding; 4 and up are newer than this program. */
#define CHUNK_XOR             1
#define CHUNK_HISTOGRAM       2
#define CHUNK_FLOAT_HISTOGRAM 3

#define CHUNKS_MAX      ((size_t)1 << 20) /* of one series in one frame */
#define LABEL_BYTES_MAX ((size_t)1 << 20)

typedef struct chunk {
    int64_t min_ms, max_ms;
    uint64_t type;
    gw_str data;
} chunk;

struct gw_chunked_reply {
    gw_frames frames;
    const gw_series_sink *sink;
    gw_interval range;
    gw_chunk_space *space;
    bool skip_unknown;
    gw_chunked_stats stats;
    gw_buf known; /* the labels of the series announced last, as they came */
    void *series; /* and its handle */
    gw_label labels[GW_SERIES_MAX_LABELS];
    size_t n_labels;
    chunk *chunks;
    size_t n_chunks, cap_chunks;
    int64_t *merged_t;
    double *merged_v;
    size_t cap_merged_t, cap_merged_v;
};

static int broken(gw_error *e, const char *what)
{
    return gw_fail(e, GW_ECORRUPT, "the remote-read reply has a %s that is not well formed", what);
}

/* Puts the name of the series in hand before the message. */
static int name_series(const gw_chunked_reply *r, gw_error *e, int rc)
{
    for (size_t i = 0; i < r->n_labels && e; i++)
        if (gw_str_is(r->labels[i].name, "__name__"))
            return gw_error_prefix(e, "%.*s", (int)GW_MIN(r->labels[i].value.n, 200), r->labels[i].value.p);
    return rc;
}

static int read_label(gw_chunked_reply *r, gw_str message, gw_error *e)
{
    gw_proto in = gw_proto_of(message);
    gw_proto_field f;
    gw_label l = {{"", 0}, {"", 0}};
    int rc;
    while ((rc = gw_proto_next(&in, &f)) > 0) {
        if (f.wire != GW_PROTO_BYTES)
            continue;
        if (f.number == 1)
            l.name = f.bytes;
        else if (f.number == 2)
            l.value = f.bytes;
    }
    if (rc)
        return broken(e, "label");
    if (r->n_labels == GW_SERIES_MAX_LABELS)
        return name_series(r, e,
                           gw_fail(e, GW_ELIMIT, "a series with more than %d labels", GW_SERIES_MAX_LABELS));
    r->labels[r->n_labels++] = l;
    return 0;
}

static int read_chunk(gw_chunked_reply *r, gw_str message, gw_error *e)
{
    gw_proto in = gw_proto_of(message);
    gw_proto_field f;
    chunk c = {0};
    int rc;
    while ((rc = gw_proto_next(&in, &f)) > 0) {
        if (f.wire == GW_PROTO_VARINT && f.number == 1)
            c.min_ms = (int64_t)f.value;
        else if (f.wire == GW_PROTO_VARINT && f.number == 2)
            c.max_ms = (int64_t)f.value;
        else if (f.wire == GW_PROTO_VARINT && f.number == 3)
            c.type = f.value;
        else if (f.wire == GW_PROTO_BYTES && f.number == 4)
            c.data = f.bytes;
    }
    if (rc)
        return broken(e, "chunk");
    r->stats.chunks++;
    if (c.type != CHUNK_XOR) {
        bool histogram = c.type == CHUNK_HISTOGRAM || c.type == CHUNK_FLOAT_HISTOGRAM;
        r->stats.histograms += histogram;
        r->stats.unknown_chunks += !histogram;
        if (histogram || r->skip_unknown)
            return 0;
        return gw_fail(e, GW_EQUERY,
                       "the server streams chunks in encoding %" PRIu64
                       ", which this version of gpuwise cannot read",
                       c.type);
    }
    bool says_when = c.min_ms != 0 || c.max_ms != 0; /* proto3 leaves 0 out: then nobody knows */
    if (says_when && (c.max_ms < r->range.start_ms || c.min_ms >= r->range.end_ms))
        return 0;
    if (!says_when) {
        c.min_ms = INT64_MIN;
        c.max_ms = INT64_MIN;
    }
    void *p = r->chunks;
    rc = gw_grow(&p, &r->cap_chunks, r->n_chunks + 1, sizeof(c), CHUNKS_MAX);
    r->chunks = p;
    if (rc)
        return rc == GW_ENOMEM ? gw_fail_memory(e)
                               : gw_fail(e, rc, "a series with more than %zu chunks", CHUNKS_MAX);
    r->chunks[r->n_chunks++] = c;
    return 0;
}

/* The part of n ascending samples that lies in range: the first index, and *ret_n. */
static size_t cut(const int64_t *t, size_t n, gw_interval range, size_t *ret_n)
{
    size_t from = 0, to = n;
    if (n > 0 && t[0] < range.start_ms) {
        for (size_t half = n; from < half;) {
            size_t mid = from + (half - from) / 2;
            if (t[mid] < range.start_ms)
                from = mid + 1;
            else
                half = mid;
        }
    }
    if (n > 0 && t[n - 1] >= range.end_ms) {
        for (size_t low = from; low < to;) {
            size_t mid = low + (to - low) / 2;
            if (t[mid] < range.end_ms)
                low = mid + 1;
            else
                to = mid;
        }
    }
    *ret_n = to - from;
    return from;
}

static int hand_over(gw_chunked_reply *r, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    size_t from = cut(t, n, r->range, &n);
    if (n == 0)
        return 0;
    r->stats.samples += n;
    return r->sink->samples(r->sink->ctx, r->series, t + from, v + from, n, e);
}

static int decode(gw_chunked_reply *r, const chunk *c, size_t *ret_n, gw_error *e)
{
    int rc =
        gw_xor_chunk_decode(c->data.p, c->data.n, r->space->t_ms, r->space->value, GW_XOR_CAPACITY, ret_n, e);
    return rc ? name_series(r, e, rc) : 0;
}

/* Merges n samples of the space into the n_old merged ones, from the back, so that it needs no second copy.
 */
static size_t merge(gw_chunked_reply *r, size_t n_old, size_t n)
{
    int64_t *t = r->merged_t;
    double *v = r->merged_v;
    size_t i = n_old, k = n, out = n_old + n, doubles = 0;
    while (k > 0) {
        out--;
        if (i > 0 && t[i - 1] >= r->space->t_ms[k - 1]) {
            doubles += t[i - 1] == r->space->t_ms[k - 1];
            k -= t[i - 1] == r->space->t_ms[k - 1];
            i--;
            t[out] = t[i];
            v[out] = v[i];
        } else {
            k--;
            t[out] = r->space->t_ms[k];
            v[out] = r->space->value[k];
        }
    }
    /* what was left out because both had it has left a gap between the old samples that stayed and the rest
     */
    if (doubles && out > i) {
        memmove(t + i, t + out, (n_old + n - out) * sizeof(*t));
        memmove(v + i, v + out, (n_old + n - out) * sizeof(*v));
    }
    return i + (n_old + n - out);
}

static int reserve_merged(gw_chunked_reply *r, size_t n, gw_error *e)
{
    void *t = r->merged_t, *v = r->merged_v;
    int rc = gw_grow(&t, &r->cap_merged_t, n, sizeof(int64_t), GW_MERGE_MAX_SAMPLES);
    r->merged_t = t;
    if (!rc)
        rc = gw_grow(&v, &r->cap_merged_v, n, sizeof(double), GW_MERGE_MAX_SAMPLES);
    r->merged_v = v;
    if (rc == GW_ENOMEM)
        return gw_fail_memory(e);
    if (rc)
        return name_series(
            r, e, gw_fail(e, rc, "more than %zu samples in chunks that overlap", GW_MERGE_MAX_SAMPLES));
    return 0;
}

static int hand_over_merged(gw_chunked_reply *r, const chunk *c, size_t n_chunks, gw_error *e)
{
    size_t n = 0;
    for (size_t i = 0; i < n_chunks; i++) {
        size_t more;
        int rc = decode(r, &c[i], &more, e);
        if (!rc)
            rc = reserve_merged(r, n + more, e);
        if (rc)
            return rc;
        n = merge(r, n, more);
    }
    return hand_over(r, r->merged_t, r->merged_v, n, e);
}

static int hand_over_chunks(gw_chunked_reply *r, gw_error *e)
{
    for (size_t i = 0, end; i < r->n_chunks; i = end) {
        int64_t max_ms = r->chunks[i].max_ms;
        for (end = i + 1; end < r->n_chunks && r->chunks[end].min_ms <= max_ms && max_ms != INT64_MIN; end++)
            max_ms = GW_MAX(max_ms, r->chunks[end].max_ms);
        size_t n;
        int rc;
        if (end - i > 1) {
            rc = hand_over_merged(r, &r->chunks[i], end - i, e);
        } else {
            rc = decode(r, &r->chunks[i], &n, e);
            if (!rc)
                rc = hand_over(r, r->space->t_ms, r->space->value, n, e);
        }
        if (rc)
            return rc;
    }
    return 0;
}

/* Tells the sink which series follows, unless it is the one before. `raw` are the bytes that hold the labels.
 */
static int announce(gw_chunked_reply *r, gw_str raw, gw_error *e)
{
    if (raw.n > 0 && gw_str_eq(raw, (gw_str){r->known.data, r->known.len}))
        return 0;
    gw_buf_clear(&r->known);
    int rc = r->sink->series(r->sink->ctx, r->labels, r->n_labels, &r->series, e);
    if (rc)
        return rc;
    r->stats.series++;
    gw_buf_add(&r->known, raw.p, raw.n);
    return gw_buf_check(&r->known, "the labels of a series", e);
}

static int read_series(gw_chunked_reply *r, gw_str message, gw_error *e)
{
    gw_proto in = gw_proto_of(message);
    gw_proto_field f;
    r->n_labels = r->n_chunks = 0;
    const char *labels_end = message.p;
    bool ordered = true;
    int rc;
    while ((rc = gw_proto_next(&in, &f)) > 0) {
        if (f.wire != GW_PROTO_BYTES)
            continue;
        int failed = 0;
        if (f.number == 1) {
            ordered &= r->n_chunks == 0;
            failed = read_label(r, f.bytes, e);
            labels_end = (const char *)in.p;
        } else if (f.number == 2) {
            failed = read_chunk(r, f.bytes, e);
        }
        if (failed)
            return failed;
    }
    if (rc)
        return broken(e, "series");
    if (r->n_chunks == 0)
        return 0;
    gw_str raw = {message.p, ordered ? (size_t)(labels_end - message.p) : 0};
    rc = announce(r, raw, e);
    return rc || r->series == GW_SERIES_SKIP ? rc : hand_over_chunks(r, e);
}

static int on_frame(void *ctx, const char *message, size_t n, gw_error *e)
{
    gw_chunked_reply *r = ctx;
    gw_proto in = gw_proto_of((gw_str){message, n});
    gw_proto_field f;
    int rc;
    while ((rc = gw_proto_next(&in, &f)) > 0) {
        if (f.number != 1 || f.wire != GW_PROTO_BYTES)
            continue;
        int failed = read_series(r, f.bytes, e);
        if (failed)
            return failed;
    }
    return rc ? broken(e, "message") : 0;
}

gw_chunked_reply *gw_chunked_reply_new(const gw_series_sink *sink, gw_interval range, gw_chunk_space *space,
                                       bool skip_unknown, size_t max_frame_bytes)
{
    gw_chunked_reply *r = gw_calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->sink = sink;
    r->range = range;
    r->space = space;
    r->skip_unknown = skip_unknown;
    gw_frames_init(&r->frames, max_frame_bytes, on_frame, r);
    gw_buf_init(&r->known, LABEL_BYTES_MAX);
    return r;
}

void gw_chunked_reply_free(gw_chunked_reply *r)
{
    if (!r)
        return;
    gw_frames_free(&r->frames);
    gw_buf_free(&r->known);
    gw_free(r->chunks);
    gw_free(r->merged_t);
    gw_free(r->merged_v);
    gw_free(r);
}

int gw_chunked_reply_feed(gw_chunked_reply *r, const char *p, size_t n, gw_error *e)
{
    return gw_frames_feed(&r->frames, p, n, e);
}

int gw_chunked_reply_finish(gw_chunked_reply *r, gw_error *e)
{
    return gw_frames_finish(&r->frames, e);
}

void gw_chunked_reply_reset(gw_chunked_reply *r)
{
    gw_frames_reset(&r->frames);
    gw_buf_clear(&r->known);
}

const gw_chunked_stats *gw_chunked_reply_stats(const gw_chunked_reply *r)
{
    return &r->stats;
}
