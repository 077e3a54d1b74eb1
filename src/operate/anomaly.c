#include "operate/anomaly.h"

#include "operate/anomaly_internal.h"

#define LEVEL_BLOCKS    3
#define LEVEL_STEPS     24
#define LEVEL_KNOWN_MIN 6    /* of a block */
#define ERRORS_MIN      12   /* before a range is told */
#define SHRINK          0.5  /* a seasonal median of n weighs n/(n + SHRINK) */
#define FLOOR           0.01 /* of the level: a difference below it is none */
#define ERROR_QUANTILE  0.01
#define SEASON_SAMPLES  (GW_ANOMALY_HISTORY / 24)
#define TIME_MAX_MS     (INT64_C(1) << 60)

int gw_anomaly_new(const gw_anomaly_options *o, gw_anomaly **ret, gw_error *e)
{
    double tail = o->tail == 0 ? GW_ANOMALY_TAIL : o->tail;
    if (o->step_ms <= 0 || !(tail > 0 && tail < 1))
        return gw_fail(e, GW_EUSAGE,
                       "a detector of anomalies wants a step above 0 and a tail between 0 and 1");
    gw_anomaly *d = gw_calloc(1, sizeof(*d));
    if (!d)
        return gw_fail_memory(e);
    d->step_ms = o->step_ms;
    d->tail = tail;
    gw_anomaly_forget(d);
    *ret = d;
    return 0;
}

void gw_anomaly_free(gw_anomaly *d)
{
    gw_free(d);
}

void gw_anomaly_forget(gw_anomaly *d)
{
    d->n = 0;
    d->known = 0;
    d->last = INT64_MIN;
    d->record = 0;
    d->shapes = (gw_ranks){d->shapes_v, 0};
    d->seasons = (gw_ranks){d->seasons_v, 0};
    d->errors = (gw_ranks){d->errors_v, 0};
    for (size_t i = 0; i < GW_ANOMALY_HISTORY; i++)
        d->slot[i] = (gw_anomaly_slot){NAN, NAN, NAN, NAN, NAN};
}

int64_t gw_anomaly_last_ms(const gw_anomaly *d)
{
    return d->last == INT64_MIN ? INT64_MIN : d->last * d->step_ms;
}

size_t gw_anomaly_known(const gw_anomaly *d)
{
    return d->known;
}

/* Steps back from the newest, 0 = the newest; the caller keeps back < n. */
static gw_anomaly_slot *slot_back(gw_anomaly *d, size_t back)
{
    return &d->slot[(size_t)(d->last - (int64_t)back - d->base) % GW_ANOMALY_HISTORY];
}

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

/* The median of what values were apart from their level 1, 2, … periods before the newest slot; *ret_n: of
 * how many. */
static double season_of(gw_anomaly *d, int64_t period_ms, size_t *ret_n)
{
    double apart[SEASON_SAMPLES];
    size_t n = 0;

    *ret_n = 0;
    if (period_ms % d->step_ms != 0 || period_ms / d->step_ms < 2)
        return 0;
    size_t period = (size_t)(period_ms / d->step_ms);
    for (size_t back = period; back < d->n && n < SEASON_SAMPLES; back += period) {
        const gw_anomaly_slot *s = slot_back(d, back);
        if (!isnan(s->value) && !isnan(s->level))
            apart[n++] = (double)s->value - (double)s->level;
    }
    *ret_n = n;
    return n ? median_of(apart, n) : 0;
}

/* What the newest slot, whose value is not in yet, should hold: the level, and what its hour of the week
 * adds, drawn towards what its hour of the day adds where there are few weeks. */
static double expected_of(gw_anomaly *d, double level, size_t *ret_weeks)
{
    size_t days;
    double daily = season_of(d, GW_DAY_MS, &days), weekly = season_of(d, 7 * GW_DAY_MS, ret_weeks);
    daily *= (double)days / ((double)days + SHRINK);
    double w = (double)*ret_weeks;
    return level + (w * weekly + SHRINK * daily) / (w + SHRINK);
}

/*
 * Squared distances of the newest point, whose values are at q[0], q[-1], …, to the points that end at
 * v[0..BLOCK). A block at a time and without an early end, so that compilers make vectors of it: several
 * times as quick as one point after the other.
 */
#define BLOCK 8
static void distances(const double *q, const double *v, double *ret)
{
    for (int j = 0; j < BLOCK; j++)
        ret[j] = 0;
    for (int k = 0; k < GW_ANOMALY_SHAPE; k++)
        for (int j = 0; j < BLOCK; j++) {
            double x = q[-k] - v[j - k];
            ret[j] += x * x;
        }
}

/* The same for one point, of the steps that both know, scaled up for those that they do not. Fewer than half
 * of the steps known: INFINITY. */
static double distance(const double *q, const double *v)
{
    double sum = 0;
    int known = 0;
    for (int k = 0; k < GW_ANOMALY_SHAPE; k++) {
        double x = q[-k] - v[-k];
        if (isnan(x))
            continue;
        known++;
        sum += x * x;
    }
    return known * 2 < GW_ANOMALY_SHAPE ? INFINITY : sum * GW_ANOMALY_SHAPE / known;
}

static void keep_nearest(double nearest[GW_ANOMALY_NEIGHBOURS], double x)
{
    for (size_t k = 0; k < GW_ANOMALY_NEIGHBOURS && x < nearest[GW_ANOMALY_NEIGHBOURS - 1]; k++)
        if (x < nearest[k]) {
            double out = nearest[k];
            nearest[k] = x;
            x = out;
        }
}

/* The history's values, oldest first. */
static void values_of(const gw_anomaly *d, double *ret)
{
    size_t at = (size_t)(d->last - (int64_t)(d->n - 1) - d->base) % GW_ANOMALY_HISTORY;
    for (size_t i = 0; i < d->n; i++) {
        ret[i] = (double)d->slot[at].value;
        if (++at == GW_ANOMALY_HISTORY)
            at = 0;
    }
}

/* Mean distance of the newest point to its nearest; NAN where there are too few to compare. */
static double shape_novelty(gw_anomaly *d)
{
    double v[GW_ANOMALY_HISTORY], nearest[GW_ANOMALY_NEIGHBOURS], block[BLOCK], sum = 0;
    const double *q = v + d->n - 1;
    size_t i = GW_ANOMALY_SHAPE - 1;

    if (d->n < 2 * GW_ANOMALY_SHAPE)
        return NAN;
    values_of(d, v);
    for (size_t k = 0; k < GW_ANOMALY_NEIGHBOURS; k++)
        nearest[k] = INFINITY;
    size_t end = d->n - GW_ANOMALY_SHAPE; /* points that end here or later overlap the newest */
    for (; d->known == d->n && i + BLOCK <= end; i += BLOCK) {
        distances(q, v + i, block);
        for (size_t j = 0; j < BLOCK; j++)
            keep_nearest(nearest, block[j]);
    }
    for (; i < end; i++)
        keep_nearest(nearest, distance(q, v + i));
    for (size_t k = 0; k < GW_ANOMALY_NEIGHBOURS; k++)
        sum += sqrt(nearest[k]);
    return isfinite(sum) ? sum / GW_ANOMALY_NEIGHBOURS : NAN;
}

/* The mean of the last three steps' errors, of which two must be known; NAN otherwise. */
static double season_novelty(gw_anomaly *d)
{
    double sum = 0;
    int n = 0;
    for (size_t back = 0; back < 3 && back < d->n; back++) {
        double err = (double)slot_back(d, back)->error;
        if (!isnan(err)) {
            sum += err;
            n++;
        }
    }
    return n < 2 ? NAN : fabs(sum / n);
}

static void forget_oldest(gw_anomaly *d, gw_anomaly_slot *s)
{
    if (!isnan(s->value))
        d->known--;
    if (!isnan(s->shape))
        gw_ranks_remove(&d->shapes, s->shape);
    if (!isnan(s->season))
        gw_ranks_remove(&d->seasons, s->season);
    if (!isnan(s->error))
        gw_ranks_remove(&d->errors, s->error);
}

/* The middle one of the means of three blocks of 24 steps before the newest. A median of the values
 * themselves would tip over at every step where half of the hours are busy and half are not. NAN: too little
 * is known. */
static double level_of(gw_anomaly *d)
{
    double mean[LEVEL_BLOCKS];
    size_t n = 0;

    for (size_t block = 0; block < LEVEL_BLOCKS; block++) {
        double sum = 0;
        int known = 0;
        for (size_t back = 1 + block * LEVEL_STEPS; back < d->n && back <= (block + 1) * LEVEL_STEPS;
             back++) {
            double x = (double)slot_back(d, back)->value;
            if (!isnan(x)) {
                sum += x;
                known++;
            }
        }
        if (known >= LEVEL_KNOWN_MIN)
            mean[n++] = sum / known;
    }
    return n ? median_of(mean, n) : (double)NAN;
}

/* Opens the slot of the next step, unknown, with the level as it was before. */
static gw_anomaly_slot *step_on(gw_anomaly *d)
{
    d->last++;
    if (d->n < GW_ANOMALY_HISTORY)
        d->n++;
    else
        forget_oldest(d, slot_back(d, 0));
    gw_anomaly_slot *s = slot_back(d, 0);
    *s = (gw_anomaly_slot){NAN, NAN, NAN, NAN, NAN};
    s->level = (float)level_of(d);
    d->record = GW_MAX(d->record - 1.0 / GW_ANOMALY_FADE, 0);
    return s;
}

/* The tail probability of the newest value's novelty by both eyes; NAN where it cannot be judged. Novelties
 * enter the history after they were compared with it. */
static double tail_of(gw_anomaly *d, gw_anomaly_slot *s, bool season_open)
{
    double p = NAN, floor = isnan(s->level) ? 0 : FLOOR * fabs((double)s->level);
    double shape = shape_novelty(d) + floor, season = season_open ? season_novelty(d) + floor : NAN;

    s->shape = (float)shape;
    s->season = (float)season;
    if (!isnan(s->shape)) {
        if (d->known >= GW_ANOMALY_WARMUP)
            p = gw_ranks_tail(&d->shapes, (double)s->shape);
        gw_ranks_insert(&d->shapes, s->shape);
    }
    if (!isnan(s->season)) {
        /* two looks at one value: the likelier of two accidents is twice as likely (Bonferroni) */
        if (!isnan(p) && d->seasons.n >= GW_ANOMALY_WARMUP)
            p = GW_MIN(1.0, 2 * GW_MIN(p, gw_ranks_tail(&d->seasons, (double)s->season)));
        gw_ranks_insert(&d->seasons, s->season);
    }
    return p;
}

static void judge(gw_anomaly *d, double p, gw_anomaly_verdict *ret)
{
    double surprise = -log10(p);
    ret->judged = true;
    ret->score = 1 - p;
    ret->anomalous = p <= d->tail && surprise >= d->record + log10(GW_ANOMALY_RECORD_FACTOR);
    if (ret->anomalous || (p <= d->tail && surprise > d->record))
        d->record = surprise;
}

void gw_anomaly_add(gw_anomaly *d, int64_t at_ms, double value, gw_anomaly_verdict *ret)
{
    gw_anomaly_verdict none, *v = ret ? ret : &none;
    int64_t step = at_ms / d->step_ms - (at_ms % d->step_ms < 0);
    float x = (float)value;

    *v = (gw_anomaly_verdict){.expected = NAN, .low = NAN, .high = NAN};
    if (at_ms < -TIME_MAX_MS || at_ms > TIME_MAX_MS || (d->last != INT64_MIN && step <= d->last))
        return;
    if (d->last == INT64_MIN || step - d->last > GW_ANOMALY_HISTORY) {
        gw_anomaly_forget(d);
        d->base = d->last = step - 1;
        d->base -= GW_ANOMALY_HISTORY; /* so that steps back of an empty history stay above it */
    }
    while (d->last < step - 1)
        step_on(d);
    gw_anomaly_slot *s = step_on(d);
    size_t weeks = 0;
    if (!isnan(s->level)) {
        v->expected = expected_of(d, (double)s->level, &weeks);
        if (d->errors.n >= ERRORS_MIN) {
            v->low = v->expected + GW_MIN(gw_ranks_quantile(&d->errors, ERROR_QUANTILE), 0.0);
            v->high = v->expected + GW_MAX(gw_ranks_quantile(&d->errors, 1 - ERROR_QUANTILE), 0.0);
        }
    }
    if (!(fabs(value) <= GW_ANOMALY_VALUE_MAX))
        return;
    s->value = x;
    d->known++;
    if (!isnan(v->expected)) {
        s->error = (float)((double)x - v->expected);
        gw_ranks_insert(&d->errors, s->error);
    }
    double p = tail_of(d, s, weeks >= GW_ANOMALY_WEEKS_MIN);
    if (!isnan(p))
        judge(d, p, v);
}
