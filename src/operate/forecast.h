/*
 * What a period will have cost at its end: what is spent, exactly, and what the days that are left are likely
 * to add, with the interval that holds four of five outcomes.
 *
 * From the complete days before:
 *   day of week  the mean of (a day / the mean of the seven days around it) over the same weekdays of the
 *                last eight weeks, drawn towards 1 by one made-up week; 1 before two weeks are known
 *   level        the mean of the last seven days, each over its day-of-week factor, without the least and the
 * greatest trend        the median slope of all pairs of the last 28 days (Theil and Sen), only where Mann
 * and Kendall's test finds one (|z| > 2.58); damped by 0.9 a day, so that it adds at most nine days of itself
 *   interval     the same forecast is made from every earlier day, for as many days ahead as are left now,
 * and compared with what came: the errors, relative to the level, are the interval (10th and 90th of a
 * hundred, the outer of two ranks: split conformal prediction, Vovk et al. 2005). Where the history is too
 * short for GW_FORECAST_ORIGINS_MIN such trials, fewer days ahead are tried, and their errors grow with the
 * days (h/h').
 *
 * Unknown days are left out everywhere; a trial needs every day of its horizon. Fewer than
 * GW_FORECAST_DAYS_MIN known days: no forecast, with a reason.
 */
#ifndef GW_OPERATE_FORECAST_H
#define GW_OPERATE_FORECAST_H

#include "base/money.h"
#include "base/time.h"

#define GW_FORECAST_DAYS_MIN    7   /* known */
#define GW_FORECAST_DAYS_MAX    120 /* that are looked at: the last ones */
#define GW_FORECAST_HORIZON_MAX 62  /* days ahead */
#define GW_FORECAST_ORIGINS_MIN 10
#define GW_FORECAST_SHARE       0.8 /* of the outcomes lie in the interval */

typedef struct gw_forecast_input {
    const gw_micro
        *days; /* complete UTC days, oldest first, without a hole; GW_MICRO_UNKNOWN where not known */
    size_t n_days;
    int64_t first_day_ms; /* start of days[0] */
    gw_micro spent;       /* in the period until now */
    gw_interval rest;     /* from where `spent` ends to the period's end; parts of days count as such */
    int64_t missing_ms;   /* time of the period before `rest` that `spent` does not cover: is forecast too, as
                             parts of average days */
} gw_forecast_input;

typedef struct gw_forecast {
    bool known;
    gw_micro low, mean,
        high;        /* of the whole period; never below what is spent; spent itself where nothing is left */
    const char *why; /* static text: why it is not known; NULL where it is */
} gw_forecast;

/* Neither allocates nor fails. */
void gw_forecast_make(const gw_forecast_input *in, gw_forecast *ret);

#endif
