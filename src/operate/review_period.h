/*
 * Calendar periods of reviews, in UTC: weeks begin on Monday (ISO 8601), months on the first. Pure functions
 * of an instant.
 */
#ifndef GW_OPERATE_REVIEW_PERIOD_H
#define GW_OPERATE_REVIEW_PERIOD_H

#include "base/time.h"

/* The Monday, 00:00 UTC, on or before ms. */
int64_t gw_period_week(int64_t ms);
/* The first of the month, 00:00 UTC, that is `months` after (or before, where negative) the month of ms. */
int64_t gw_period_month(int64_t ms, int months);
/* "2026-11": the month of ms. */
const char *gw_period_month_name(int64_t ms, char out[GW_TIME_TEXT_MAX]);
/* "2026-11-09": the day of ms. */
const char *gw_period_day_name(int64_t ms, char out[GW_TIME_TEXT_MAX]);

/*
 * Marks, in the hours of `when`, those that `closed` (starts, ascending) lacks, as gaps in order of time: at
 * most max into ret. Returns how many hours are closed; *ret_n is the number of gaps, which may be more than
 * max.
 */
uint32_t gw_period_gaps(gw_interval when, const int64_t *closed, size_t n_closed, gw_interval *ret,
                        size_t max, size_t *ret_n);

#endif
