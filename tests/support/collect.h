/*
 * A sink that writes down what it is given, as text to compare:  name{a="b"} 1000=0.5 2000=stale
 * A series that is announced again begins a new line. Set skip to leave out the samples of one metric, and
 * fail_at to make the n-th call fail.
 */
#ifndef GW_TESTS_SUPPORT_COLLECT_H
#define GW_TESTS_SUPPORT_COLLECT_H

#include "base/buf.h"
#include "format/series.h"

typedef struct collect {
    gw_series_sink sink;
    gw_buf text;
    const char *skip;
    uint64_t calls, fail_at, samples;
    bool descending;
} collect;

static inline int collect_call(collect *c, gw_error *e)
{
    return ++c->calls == c->fail_at ? gw_fail(e, GW_EIO, "the sink failed") : 0;
}

static inline int collect_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    collect *c = ctx;
    int rc = collect_call(c, e);
    if (rc)
        return rc;
    gw_str name = {"", 0};
    for (size_t i = 0; i < n; i++)
        if (gw_str_is(labels[i].name, "__name__"))
            name = labels[i].value;
    gw_buf_printf(&c->text, "%s%.*s{", c->text.len ? "\n" : "", GW_STR_ARG(name));
    const char *comma = "";
    for (size_t i = 0; i < n; i++) {
        if (gw_str_is(labels[i].name, "__name__"))
            continue;
        gw_buf_printf(&c->text, "%s%.*s=\"%.*s\"", comma, GW_STR_ARG(labels[i].name),
                      GW_STR_ARG(labels[i].value));
        comma = ",";
    }
    gw_buf_puts(&c->text, "}");
    *ret = c->skip && gw_str_is(name, c->skip) ? GW_SERIES_SKIP : c;
    return 0;
}

static inline int collect_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n,
                                  gw_error *e)
{
    collect *c = ctx;
    int rc = series == c ? collect_call(c, e) : gw_fail(e, GW_EINTERNAL, "samples of a skipped series");
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (gw_is_stale_marker(v[i]))
            gw_buf_printf(&c->text, " %" PRId64 "=stale", t[i]);
        else
            gw_buf_printf(&c->text, " %" PRId64 "=%.17g", t[i], v[i]);
        c->descending |= i > 0 && t[i] <= t[i - 1];
    }
    c->samples += n;
    return 0;
}

static inline void collect_init(collect *c)
{
    *c = (collect){.sink = {c, collect_series, collect_samples}};
    gw_buf_init(&c->text, (size_t)64 << 20);
}

static inline const char *collect_text(const collect *c)
{
    return c->text.data ? c->text.data : "";
}

static inline void collect_clear(collect *c)
{
    gw_buf_clear(&c->text);
    c->calls = c->samples = 0;
}

static inline void collect_free(collect *c)
{
    gw_buf_free(&c->text);
}

#endif
