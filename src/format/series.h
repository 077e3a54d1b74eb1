/*
 * How samples enter: the one interface between every source (Prometheus remote read, JSON fallback,
 * OpenMetrics snapshot, the demo generator) and the fold that turns samples into Fleet and Usage.
 *
 * A source calls series() once for each run of samples of one series, then samples() any number of times with
 * ascending timestamps. It may call series() for the same labels again (a retry, another chunk frame):
 * samples at or before the last one taken of that series are dropped, so a repeated read does no harm.
 */
#ifndef GW_FORMAT_SERIES_H
#define GW_FORMAT_SERIES_H

#include "base/base.h"
#include "base/time.h"

#define GW_SERIES_MAX_LABELS 512

typedef struct gw_label {
    gw_str name, value; /* unescaped bytes, owned by the caller of series(), valid during the call */
} gw_label;

#define GW_SERIES_SKIP ((void *)0)

typedef struct gw_series_sink {
    void *ctx;
    /*
     * Announces a series. labels: any order, "__name__" among them. *ret_series: a handle valid until the
     * next begin or end of a slice, or GW_SERIES_SKIP when nobody wants the samples. 0 or an error that ends
     * the read.
     */
    int (*series)(void *ctx, const gw_label *labels, size_t n, void **ret_series, gw_error *e);
    /* n samples of that series, ascending in time; NaN with the bits 0x7ff0000000000002 is a stale marker. */
    int (*samples)(void *ctx, void *series, const int64_t *t_ms, const double *value, size_t n, gw_error *e);
} gw_series_sink;

#define GW_STALE_NAN_BITS UINT64_C(0x7ff0000000000002)

static inline bool gw_is_stale_marker(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    return bits == GW_STALE_NAN_BITS;
}

#endif
