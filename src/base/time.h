/*
 * Time: int64 milliseconds since 1970 in UTC; intervals are half-open [start, end). The clock is passed in,
 * so that tests can hold it still.
 */
#ifndef GW_BASE_TIME_H
#define GW_BASE_TIME_H

#include "base/base.h"

#define GW_SECOND_MS ((int64_t)1000)
#define GW_MINUTE_MS (60 * GW_SECOND_MS)
#define GW_HOUR_MS   (60 * GW_MINUTE_MS)
#define GW_DAY_MS    (24 * GW_HOUR_MS)

/* Hours in the month that monthly figures are given for: 365.25 * 24 / 12. */
#define GW_MONTH_HOURS 730.5

typedef struct gw_interval {
    int64_t start_ms, end_ms;
} gw_interval;

static inline int64_t gw_interval_ms(gw_interval i)
{
    return i.end_ms > i.start_ms ? i.end_ms - i.start_ms : 0;
}

/* The part of a that lies in b; empty (start == end) where they do not meet. */
static inline gw_interval gw_interval_cut(gw_interval a, gw_interval b)
{
    int64_t s = GW_MAX(a.start_ms, b.start_ms), e = GW_MIN(a.end_ms, b.end_ms);
    return (gw_interval){s, GW_MAX(s, e)};
}

typedef int64_t (*gw_clock)(void *ctx);
int64_t gw_clock_system(void *unused);    /* wall clock */
int64_t gw_clock_monotonic(void *unused); /* for durations */

/*
 * An instant: RFC 3339 ("2022-09-11T01:12:00Z", with fraction or offset), "2022-09-11", unix seconds (with
 * fraction), "now" or "now-24h". now_ms is what "now" means. Fractions are kept to the millisecond, the rest
 * is cut; a leap second is the second after it; without an offset a time is UTC.
 */
int gw_time_parse(const char *text, int64_t now_ms, int64_t *ret_ms, gw_error *e);

/* A duration as Prometheus writes it: "90s", "5m", "24h", "7d", "2w", "1y", "1h30m", "250ms"; greater than
 * zero, each unit at most once and the larger first. At most 2^61 ms (73 million years). */
int gw_duration_parse(const char *text, int64_t *ret_ms, gw_error *e);

#define GW_TIME_TEXT_MAX 32
/* "2022-09-11T01:12:00Z"; with ".123" only where the milliseconds are not zero. Returns out. */
const char *gw_time_format(int64_t ms, char out[GW_TIME_TEXT_MAX]);
/* "22h48m57s", the two or three largest units. Returns out. */
const char *gw_duration_format(int64_t ms, char out[GW_TIME_TEXT_MAX]);

#endif
