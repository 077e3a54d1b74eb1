/*
 * Replies of the query API on any bytes, the first of which is the size of the pieces less one. Checked: time
 * ascends, what is taken whole is taken in pieces with the same result, and what is taken is JSON to jansson
 * as well.
 */
#include <jansson.h>

#include "observe/prom_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct sum {
    uint64_t series, samples, bits;
} sum;

static int on_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    sum *s = ctx;
    GW_UNUSED(e);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < labels[i].value.n; k++)
            s->bits = s->bits * 31 + (unsigned char)labels[i].value.p[k];
    s->series++;
    *ret = n % 5 == 4 ? GW_SERIES_SKIP : ctx;
    return 0;
}

static int on_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    sum *s = ctx;
    GW_UNUSED(e);
    if (series != ctx || n == 0)
        abort();
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &v[i], sizeof(bits));
        if (i > 0 && t[i] <= t[i - 1])
            abort();
        s->bits = (s->bits * 31 + (uint64_t)t[i]) * 31 + bits;
    }
    s->samples += n;
    return 0;
}

static int run(const char *p, size_t n, size_t piece, sum *s)
{
    const gw_series_sink sink = {s, on_series, on_samples};
    gw_error e;
    gw_prom_json *r = gw_prom_json_new(&sink, (gw_interval){INT64_MIN, INT64_MAX}, n % 2 ? "metric" : NULL);
    int rc = 0;
    for (size_t at = 0; at < n && !rc; at += piece)
        rc = gw_prom_json_feed(r, p + at, GW_MIN(piece, n - at), &e);
    if (!rc)
        rc = gw_prom_json_finish(r, &e);
    gw_prom_json_free(r);
    return rc;
}

/* Jansson also wants strings to be UTF-8 without NULs, and numbers that fit: what it refuses for that proves
 * nothing. */
static bool is_json(const char *p, size_t n)
{
    json_error_t why;
    json_t *judge = json_loadb(p, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    json_decref(judge);
    enum json_error_code code = judge ? json_error_unknown : json_error_code(&why);
    return judge || code == json_error_invalid_utf8 || code == json_error_numeric_overflow ||
           strstr(why.text, "Unicode") || strstr(why.text, "NUL");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *p = (const char *)data + 1;
    size_t n = size - 1;
    sum whole = {0}, pieces = {0};
    int a = run(p, n, n + 1, &whole), b = run(p, n, 1 + (size_t)data[0], &pieces);
    if (a != b || (a == 0 && memcmp(&whole, &pieces, sizeof(whole)) != 0))
        abort();
    if (a == 0 && !is_json(p, n))
        abort();
    return 0;
}
