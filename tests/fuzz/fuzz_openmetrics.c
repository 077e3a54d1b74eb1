/*
 * OpenMetrics text, packed or not. The first byte says in what pieces it comes. Whatever the pieces, the sink
 * must hear the same and the same error must come; samples of a run must ascend.
 */
#include "base/map.h"
#include "base/mem.h"
#include "format/gzip.h"
#include "format/om.h"

#define UNPACKED_MAX ((uint64_t)1 << 20)

typedef struct heard {
    uint64_t digest, samples;
    int64_t last_ms;
    bool any;
} heard;

static void mix(heard *h, const void *p, size_t n)
{
    h->digest = (h->digest ^ gw_hash(p, n)) * UINT64_C(0x9e3779b97f4a7c15);
}

static int on_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    heard *h = ctx;
    (void)e;
    if (n == 0 || n > GW_SERIES_MAX_LABELS)
        abort();
    for (size_t i = 0; i < n; i++) {
        mix(h, labels[i].name.p, labels[i].name.n);
        mix(h, labels[i].value.p, labels[i].value.n);
    }
    h->any = false;
    *ret = h;
    return 0;
}

static int on_samples(void *ctx, void *series, const int64_t *t_ms, const double *value, size_t n,
                      gw_error *e)
{
    heard *h = ctx;
    (void)e;
    if (series != h || n == 0)
        abort();
    for (size_t i = 0; i < n; i++) {
        if (h->any && t_ms[i] <= h->last_ms)
            abort();
        h->any = true;
        h->last_ms = t_ms[i];
        mix(h, &t_ms[i], sizeof(t_ms[i]));
        mix(h, &value[i], sizeof(value[i]));
        h->samples++;
    }
    return 0;
}

static int to_reader(void *ctx, const char *p, size_t n, gw_error *e)
{
    return gw_om_reader_feed(ctx, p, n, e);
}

static int read_all(const char *p, size_t n, size_t piece, heard *h, gw_error *e)
{
    gw_series_sink sink = {h, on_series, on_samples};
    *h = (heard){0};
    gw_om_reader *r = gw_om_reader_new(&sink, (gw_interval){INT64_MIN, INT64_MAX});
    if (!r)
        abort();
    int rc = 0;
    for (size_t at = 0; at < n && rc == 0; at += piece)
        rc = gw_om_reader_feed(r, p + at, GW_MIN(piece, n - at), e);
    if (rc == 0)
        rc = gw_om_reader_finish(r, e);
    if (gw_om_reader_samples(r) != h->samples)
        abort();
    gw_om_reader_free(r);
    return rc;
}

static void read_packed(const char *p, size_t n)
{
    heard h = {0};
    gw_error e;
    gw_series_sink sink = {&h, on_series, on_samples};
    gw_om_reader *r = gw_om_reader_new(&sink, (gw_interval){INT64_MIN, INT64_MAX});
    gw_gunzip *g = gw_gunzip_new(UNPACKED_MAX, to_reader, r);
    if (!r || !g)
        abort();
    if (gw_gunzip_feed(g, p, n, &e) == 0 && gw_gunzip_finish(g, &e) == 0)
        gw_om_reader_finish(r, &e);
    if (gw_gunzip_total(g) > UNPACKED_MAX)
        abort();
    gw_gunzip_free(g);
    gw_om_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *p = (const char *)data + 1;
    heard whole, pieces;
    gw_error a = {0}, b = {0};
    int rc = read_all(p, size - 1, size, &whole, &a);
    if (read_all(p, size - 1, (size_t)data[0] + 1, &pieces, &b) != rc || whole.digest != pieces.digest ||
        strcmp(a.message, b.message) != 0)
        abort();
    read_packed(p, size - 1);
    return 0;
}
