#include "observe/samples_reply.h"

#include <snappy-c.h>

#include "base/mem.h"
#include "format/proto.h"

#define BATCH 1024

typedef struct reader {
    const gw_series_sink *sink;
    gw_interval range;
    gw_samples_stats stats;
    gw_label labels[GW_SERIES_MAX_LABELS];
    int64_t t_ms[BATCH];
    double value[BATCH];
} reader;

static int broken(gw_error *e, const char *what)
{
    return gw_fail(e, GW_ECORRUPT, "the remote-read reply has %s that is not well formed", what);
}

static int read_label(gw_str message, gw_label *ret, gw_error *e)
{
    gw_proto in = gw_proto_of(message);
    gw_proto_field f;
    int rc;
    *ret = (gw_label){{"", 0}, {"", 0}};
    while ((rc = gw_proto_next(&in, &f)) > 0) {
        if (f.wire == GW_PROTO_BYTES && f.number == 1)
            ret->name = f.bytes;
        else if (f.wire == GW_PROTO_BYTES && f.number == 2)
            ret->value = f.bytes;
    }
    return rc ? broken(e, "a label") : 0;
}

static int read_sample(gw_str message, int64_t *t_ms, double *value, gw_error *e)
{
    gw_proto in = gw_proto_of(message);
    gw_proto_field f;
    int rc;
    *t_ms = 0;
    *value = 0;
    while ((rc = gw_proto_next(&in, &f)) > 0) {
        if (f.wire == GW_PROTO_FIXED64 && f.number == 1)
            *value = gw_proto_double(f.value);
        else if (f.wire == GW_PROTO_VARINT && f.number == 2)
            *t_ms = (int64_t)f.value;
    }
    return rc ? broken(e, "a sample") : 0;
}

static int flush(reader *r, void *series, size_t *n, gw_error *e)
{
    size_t all = *n;
    *n = 0;
    r->stats.samples += all;
    return all ? r->sink->samples(r->sink->ctx, series, r->t_ms, r->value, all, e) : 0;
}

/* The samples of a series whose labels are known. */
static int read_samples(reader *r, gw_str message, void *series, gw_error *e)
{
    gw_proto in = gw_proto_of(message);
    gw_proto_field f;
    size_t n = 0;
    int64_t last = INT64_MIN;
    int rc;
    while ((rc = gw_proto_next(&in, &f)) > 0) {
        if (f.number != 2 || f.wire != GW_PROTO_BYTES)
            continue;
        int64_t t;
        int failed = read_sample(f.bytes, &t, &r->value[n], e);
        if (failed)
            return failed;
        if (t < r->range.start_ms || t >= r->range.end_ms || t <= last)
            continue;
        r->t_ms[n++] = last = t;
        if (n == BATCH && (failed = flush(r, series, &n, e)))
            return failed;
    }
    return rc ? broken(e, "a series") : flush(r, series, &n, e);
}

static int read_series(reader *r, gw_str message, gw_error *e)
{
    gw_proto in = gw_proto_of(message);
    gw_proto_field f;
    size_t n_labels = 0;
    bool samples = false;
    int rc;
    while ((rc = gw_proto_next(&in, &f)) > 0) {
        samples |= f.number == 2;
        if (f.number != 1 || f.wire != GW_PROTO_BYTES)
            continue;
        if (n_labels == GW_SERIES_MAX_LABELS)
            return gw_fail(e, GW_ELIMIT, "a series with more than %d labels", GW_SERIES_MAX_LABELS);
        int failed = read_label(f.bytes, &r->labels[n_labels++], e);
        if (failed)
            return failed;
    }
    if (rc)
        return broken(e, "a series");
    if (!samples)
        return 0;
    void *series;
    rc = r->sink->series(r->sink->ctx, r->labels, n_labels, &series, e);
    if (rc)
        return rc;
    r->stats.series++;
    return series == GW_SERIES_SKIP ? 0 : read_samples(r, message, series, e);
}

static int read_response(reader *r, gw_str message, gw_error *e)
{
    gw_proto in = gw_proto_of(message);
    gw_proto_field result, f;
    int rc;
    while ((rc = gw_proto_next(&in, &result)) > 0) {
        if (result.number != 1 || result.wire != GW_PROTO_BYTES)
            continue;
        gw_proto inner = gw_proto_of(result.bytes);
        while ((rc = gw_proto_next(&inner, &f)) > 0) {
            if (f.number != 1 || f.wire != GW_PROTO_BYTES)
                continue;
            rc = read_series(r, f.bytes, e);
            if (rc)
                return rc;
        }
        if (rc)
            break;
    }
    return rc ? broken(e, "a message") : 0;
}

int gw_samples_reply_read(const char *p, size_t n, const gw_series_sink *sink, gw_interval range,
                          gw_samples_stats *stats, gw_error *e)
{
    size_t expanded;
    if (snappy_uncompressed_length(p, n, &expanded) != SNAPPY_OK)
        return gw_fail(
            e, GW_ECORRUPT,
            "the remote-read reply of %zu bytes is not compressed with snappy; is a proxy in between?", n);
    if (expanded > GW_SAMPLES_REPLY_MAX_EXPANDED)
        return gw_fail(e, GW_ELIMIT, "the remote-read reply expands to %zu bytes; gpuwise takes at most %zu",
                       expanded, GW_SAMPLES_REPLY_MAX_EXPANDED);
    if (snappy_validate_compressed_buffer(p, n) != SNAPPY_OK)
        return gw_fail(
            e, GW_ECORRUPT,
            "the remote-read reply of %zu bytes is not compressed with snappy; is a proxy in between?", n);
    char *plain = gw_malloc(expanded);
    reader *r = gw_calloc(1, sizeof(*r));
    int rc = 0;
    if (!plain || !r)
        rc = gw_fail_memory(e);
    else if (snappy_uncompress(p, n, plain, &expanded) != SNAPPY_OK)
        rc = gw_fail(
            e, GW_ECORRUPT,
            "the remote-read reply of %zu bytes is not compressed with snappy; is a proxy in between?", n);
    if (!rc) {
        r->sink = sink;
        r->range = range;
        rc = read_response(r, (gw_str){plain, expanded}, e);
        stats->series += r->stats.series;
        stats->samples += r->stats.samples;
    }
    gw_free(r);
    gw_free(plain);
    return rc;
}
