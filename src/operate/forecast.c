#include "operate/forecast.h"

#include <math.h>

#define WEEK          7
#define FACTOR_WEEKS  8
#define FACTOR_PRIOR  1.0
#define FACTOR_LEAST  0.05 /* a weekday that costs nothing must not make a level infinite */
#define TREND_DAYS    28
#define TREND_MIN     14
#define TREND_Z       2.58
#define TREND_DAMPING 0.9

/* Days as doubles; NAN where not known. */
typedef struct history {
    double v[GW_FORECAST_DAYS_MAX];
    size_t n;
    int64_t first_day; /* days since 1970 */
} history;

/* What a forecast from a day rests on. */
typedef struct model {
    double factor[WEEK]; /* by day number modulo 7 */
    double level, slope;
    int64_t origin; /* the day after the last one known */
} model;

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(double *v, size_t n)
{
    qsort(v, n, sizeof(*v), by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static size_t weekday(const history *h, size_t i)
{
    return (size_t)(((h->first_day + (int64_t)i) % WEEK + WEEK) % WEEK);
}

/* The mean of the seven days around day i, all known; NAN otherwise. */
static double week_around(const history *h, size_t n, size_t i)
{
    double sum = 0;
    if (i < WEEK / 2 || i + WEEK / 2 >= n)
        return NAN;
    for (size_t k = i - WEEK / 2; k <= i + WEEK / 2; k++)
        sum += h->v[k];
    return sum / WEEK;
}

/* Of the first n days. */
static void factors_of(const history *h, size_t n, double factor[WEEK])
{
    double sum[WEEK] = {0}, count[WEEK] = {0};
    size_t from = n > FACTOR_WEEKS * WEEK ? n - FACTOR_WEEKS * WEEK : 0;

    for (size_t i = from; i < n && n >= 2 * WEEK; i++) {
        double mean = week_around(h, n, i);
        if (mean > 0) {
            sum[weekday(h, i)] += h->v[i] / mean;
            count[weekday(h, i)]++;
        }
    }
    for (size_t d = 0; d < WEEK; d++)
        factor[d] = GW_MAX((sum[d] + FACTOR_PRIOR) / (count[d] + FACTOR_PRIOR), FACTOR_LEAST);
}

/* The mean of the last seven known of v without the least and the greatest (where there are five or more). */
static double level_of(const double *v, size_t n)
{
    double last[WEEK], sum = 0;
    size_t k = 0;
    while (n > 0 && k < WEEK)
        if (!isnan(v[--n]))
            last[k++] = v[n];
    if (k == 0)
        return NAN;
    qsort(last, k, sizeof(*last), by_value);
    size_t cut = k >= 5 ? 1 : 0;
    for (size_t i = cut; i < k - cut; i++)
        sum += last[i];
    return sum / (double)(k - 2 * cut);
}

/* A day, where there is a trend beyond doubt; else 0. v ends with the newest day. */
static double slope_of(const double *v, size_t n)
{
    double slopes[TREND_DAYS * (TREND_DAYS - 1) / 2], s = 0;
    size_t k = 0, known = 0, from = n > TREND_DAYS ? n - TREND_DAYS : 0;

    for (size_t i = from; i < n; i++) {
        known += !isnan(v[i]);
        for (size_t j = from; j < i; j++)
            if (!isnan(v[i]) && !isnan(v[j])) {
                slopes[k++] = (v[i] - v[j]) / (double)(i - j);
                s += (v[i] > v[j]) - (v[i] < v[j]);
            }
    }
    if (known < TREND_MIN)
        return 0;
    double m = (double)known, deviation = sqrt(m * (m - 1) * (2 * m + 5) / 18);
    return fabs(s) / deviation > TREND_Z ? median_of(slopes, k) : 0;
}

/* From the first n days; false: too few are known. */
static bool model_of(const history *h, size_t n, model *m)
{
    double even[GW_FORECAST_DAYS_MAX];
    size_t known = 0;

    factors_of(h, n, m->factor);
    for (size_t i = 0; i < n; i++) {
        even[i] = h->v[i] / m->factor[weekday(h, i)];
        known += !isnan(even[i]);
    }
    m->level = level_of(even, n);
    m->slope = slope_of(even, n);
    m->origin = h->first_day + (int64_t)n;
    return known >= GW_FORECAST_DAYS_MIN;
}

/* What day number `day` is likely to cost. */
static double day_of(const model *m, int64_t day)
{
    /* the level stands for the middle of its week, four days before the origin */
    int64_t ahead = day - m->origin + 4;
    double trend = m->slope * (1 - pow(TREND_DAMPING, (double)ahead)) / (1 - TREND_DAMPING) * TREND_DAMPING;
    double cost = (m->level + trend) * m->factor[(size_t)((day % WEEK + WEEK) % WEEK)];
    return GW_MAX(cost, 0);
}

/* Over [from, to), parts of days as such. */
static double sum_of(const model *m, gw_interval when)
{
    double sum = 0;
    for (int64_t t = when.start_ms; t < when.end_ms;) {
        int64_t day = t / GW_DAY_MS, end = GW_MIN((day + 1) * GW_DAY_MS, when.end_ms);
        sum += day_of(m, day) * (double)(end - t) / (double)GW_DAY_MS;
        t = end;
    }
    return sum;
}

/* Errors of `horizon` days, as parts of the level a day, from every origin that has them. */
static size_t errors_of(const history *h, size_t horizon, double *ret)
{
    size_t k = 0;
    for (size_t n = GW_FORECAST_DAYS_MIN; n + horizon <= h->n; n++) {
        model m;
        double actual = 0;
        for (size_t i = n; i < n + horizon; i++)
            actual += h->v[i];
        if (isnan(actual) || !model_of(h, n, &m) || !(m.level > 0))
            continue;
        int64_t from = m.origin * GW_DAY_MS;
        ret[k++] = (actual - sum_of(&m, (gw_interval){from, from + (int64_t)horizon * GW_DAY_MS})) / m.level;
    }
    return k;
}

/* Low and high errors of `horizon` days, as parts of the level a day. False: nothing to compare with. */
static bool interval_of(const history *h, double horizon, double *low, double *high)
{
    double errors[GW_FORECAST_DAYS_MAX];
    size_t tried = (size_t)GW_MAX(ceil(horizon), 1), n = 0;

    for (;; tried = (tried + 1) / 2) {
        n = errors_of(h, tried, errors);
        if (n >= GW_FORECAST_ORIGINS_MIN || tried == 1)
            break;
    }
    if (n == 0)
        return false;
    double each = (1 - GW_FORECAST_SHARE) / 2, grow = horizon / (double)tried;
    size_t out = (size_t)floor(each * (double)(n + 1));
    out = out > 0 ? out - 1 : 0;
    qsort(errors, n, sizeof(*errors), by_value);
    *low = errors[out] * grow;
    *high = errors[n - 1 - out] * grow;
    return true;
}

static void unknown(gw_forecast *ret, const char *why)
{
    *ret = (gw_forecast){false, GW_MICRO_UNKNOWN, GW_MICRO_UNKNOWN, GW_MICRO_UNKNOWN, why};
}

static gw_micro add_saturated(gw_micro spent, double more)
{
    double sum = (double)spent + GW_MAX(more, 0);
    return sum >= 9e18 ? INT64_MAX : spent + (gw_micro)llround(GW_MAX(more, 0));
}

void gw_forecast_make(const gw_forecast_input *in, gw_forecast *ret)
{
    history h = {.n = GW_MIN(in->n_days, (size_t)GW_FORECAST_DAYS_MAX)};
    size_t skipped = in->n_days - h.n;
    double missing = (double)in->missing_ms / (double)GW_DAY_MS;
    double horizon = (double)gw_interval_ms(in->rest) / (double)GW_DAY_MS + missing, low, high;
    model m;

    if (!gw_micro_known(in->spent)) {
        unknown(ret, "what is spent so far is not known");
        return;
    }
    if (horizon <= 0) {
        *ret = (gw_forecast){true, in->spent, in->spent, in->spent, NULL};
        return;
    }
    h.first_day = in->first_day_ms / GW_DAY_MS + (int64_t)skipped;
    for (size_t i = 0; i < h.n; i++)
        h.v[i] = gw_micro_known(in->days[skipped + i]) ? (double)in->days[skipped + i] : (double)NAN;
    if (horizon > GW_FORECAST_HORIZON_MAX)
        unknown(ret, "the period ends too far ahead");
    else if (!model_of(&h, h.n, &m))
        unknown(ret, "fewer than 7 complete days of history");
    else if (!interval_of(&h, horizon, &low, &high))
        unknown(ret, "too few days of history in a row to tell how far a forecast errs");
    else {
        double mean = sum_of(&m, in->rest) + missing * m.level;
        *ret = (gw_forecast){true, add_saturated(in->spent, GW_MIN(mean + low * m.level, mean)),
                             add_saturated(in->spent, mean),
                             add_saturated(in->spent, GW_MAX(mean + high * m.level, mean)), NULL};
    }
}
