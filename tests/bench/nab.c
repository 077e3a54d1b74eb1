/*
 * The detector of anomalies on the labelled series of the Numenta Anomaly Benchmark, at its default setting,
 * beside NAB's own Windowed Gaussian and simple rules, by the same scorer (nab_score.h).
 *
 *     nab [--data FOLDER] [--series]
 *
 * Every detector sees one value at a time, starts anew for each series, and has one setting for all.
 *
 *   default       what gpuwise does: its own threshold, fixed
 *   optimum       the threshold at which the detector scores best on these series, one for all: NAB's way
 *   left out      for each series the threshold that is best for the others: what an optimum is worth on
 *                 series that it was not chosen on
 *   halves        the same, by halves: even series with the optimum of the odd ones, and the other way round
 *
 * The rules "told once" pass a detector's likelihoods through the very memory of gw_anomaly, so that the
 * comparison is not about repeating an alarm.
 */
#include <getopt.h>
#include <math.h>

#include "nab_input.h"
#include "operate/anomaly.h"

#define WG_WINDOW    6400 /* NAB's windowedGaussian_detector.py, tuned by its authors on the whole corpus */
#define WG_STEP      100
#define MEDIAN_STEPS 288
#define TAILS        161
#define PUBLISHED    39.6 /* of Windowed Gaussian, standard profile, all 58 series: NAB's scoreboard */

/* Scores that grow, or tail probabilities that fall, with how strange a row is. */
typedef int (*judge)(const nab_series *s, double *score, gw_error *e);

static int64_t usual_step(const nab_series *s)
{
    int64_t step = INT64_MAX;
    for (size_t i = 1; i < s->n && i < 100; i++)
        if (s->at_ms[i] > s->at_ms[i - 1])
            step = GW_MIN(step, s->at_ms[i] - s->at_ms[i - 1]);
    return step;
}

static int run_gpuwise(const nab_series *s, bool verdict, double *score, gw_error *e)
{
    gw_anomaly *d;
    gw_anomaly_options o = {.step_ms = usual_step(s)};
    int r = gw_anomaly_new(&o, &d, e);
    if (r)
        return r;
    for (size_t i = 0; i < s->n; i++) {
        gw_anomaly_verdict v;
        gw_anomaly_add(d, s->at_ms[i], s->value[i], &v);
        score[i] = verdict ? v.anomalous : 1 - v.score;
    }
    gw_anomaly_free(d);
    return 0;
}

/* 1 where it tells of an anomaly */
static int gpuwise(const nab_series *s, double *score, gw_error *e)
{
    return run_gpuwise(s, true, score, e);
}

static int gpuwise_tail(const nab_series *s, double *p, gw_error *e)
{
    return run_gpuwise(s, false, p, e);
}

/* Two-sided tail of the normal distribution that mean and variance of the window give, as NAB has it: one
 * side only, so that 1 - p starts at 1/2. */
static int windowed_gaussian(const nab_series *s, double *score, gw_error *e)
{
    double mean = 0, deviation = 1;
    size_t from = 0, to = 0; /* the window; what came after it waits for WG_STEP values */
    (void)e;
    for (size_t i = 0; i < s->n; i++) {
        score[i] = to > from ? 1 - 0.5 * erfc(fabs(s->value[i] - mean) / deviation / sqrt(2)) : 0;
        if (to - from < WG_WINDOW)
            to++;
        else if (i + 1 - to == WG_STEP) {
            to += WG_STEP;
            from += WG_STEP;
        } else
            continue;
        mean = deviation = 0;
        for (size_t k = from; k < to; k++)
            mean += s->value[k] / (double)(to - from);
        for (size_t k = from; k < to; k++)
            deviation += (s->value[k] - mean) * (s->value[k] - mean) / (double)(to - from);
        deviation = deviation > 0 ? sqrt(deviation) : 0.000001;
    }
    return 0;
}

static int windowed_gaussian_tail(const nab_series *s, double *p, gw_error *e)
{
    int r = windowed_gaussian(s, p, e);
    for (size_t i = 0; i < s->n; i++) /* a 1 stands for all tails that a double cannot tell from 0 */
        p[i] = p[i] >= 1 ? 1e-17 : p[i] > 0 ? 2 * (1 - p[i]) : 1;
    return r;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Distance from the median of the last day in medians of such distances, as a normal tail: what a robust
 * three-sigma rule does. */
static int median_tail(const nab_series *s, double *p, gw_error *e)
{
    double v[MEDIAN_STEPS];
    (void)e;
    for (size_t i = 0; i < s->n; i++) {
        size_t n = GW_MIN(i, (size_t)MEDIAN_STEPS);
        p[i] = 1;
        if (n < MEDIAN_STEPS / 4)
            continue;
        memcpy(v, s->value + i - n, n * sizeof(*v));
        qsort(v, n, sizeof(*v), by_value);
        double median = v[n / 2];
        for (size_t k = 0; k < n; k++)
            v[k] = fabs(v[k] - median);
        qsort(v, n, sizeof(*v), by_value);
        double scale = GW_MAX(1.4826 * v[n / 2], 1e-6);
        p[i] = GW_MAX(erfc(fabs(s->value[i] - median) / scale / sqrt(2)), 1e-300);
    }
    return 0;
}

static void line(const char *what, const nab_result *r)
{
    printf("    %-9s NAB score %5.1f   precision %3.0f %%   recall %3.0f %%   (%zu alarms, %zu true; %zu of "
           "%zu windows found)\n",
           what, r->score, r->alarms ? 100 * (double)r->alarms_true / (double)r->alarms : 0,
           100 * (double)r->found / (double)r->windows, r->alarms, r->alarms_true, r->found, r->windows);
}

/* ---- a threshold of NAB's kind: every row whose score reaches it is an alarm ---- */

/* What thresholds chosen on the others reach; group[i]: the series that are left out together. */
static double held_out(const nab_series *s, size_t n, double **scores, const size_t *group)
{
    double raw = 0, windows = 0;
    for (size_t g = 0; g < n; g++) {
        bool others[NAB_SERIES_MAX], own[NAB_SERIES_MAX];
        double threshold;
        nab_result r;
        for (size_t i = 0; i < n; i++)
            others[i] = !(own[i] = group[i] != g);
        if (nab_optimum(s, n, scores, others, &threshold, &r))
            return NAN;
        r = nab_score(s, n, scores, threshold, own);
        raw += r.raw;
        windows += (double)r.windows;
    }
    return 100 * (raw + windows) / (2 * windows);
}

static int by_threshold(const char *name, judge f, const nab_series *s, size_t n, double **scores,
                        gw_error *e)
{
    size_t each[NAB_SERIES_MAX], halves[NAB_SERIES_MAX];
    double threshold;
    nab_result r;
    int rc = 0;

    for (size_t i = 0; i < n && !rc; i++) {
        rc = f(&s[i], scores[i], e);
        each[i] = i;
        halves[i] = i % 2;
    }
    if (rc || (rc = nab_optimum(s, n, scores, NULL, &threshold, &r)))
        return rc;
    printf("  %s\n", name);
    line("optimum", &r);
    printf("    left out  NAB score %5.1f   halves %.1f\n", held_out(s, n, scores, each),
           held_out(s, n, scores, halves));
    return 0;
}

/* ---- a tail probability and the memory of what was told ---- */

static double tail_of(size_t i) /* 0.2 down to 2e-17, ten a decade */
{
    return 0.2 * pow(10, -(double)i / 10);
}

/* The rule of gw_anomaly for a tail: 1 where it would tell. */
static void tell_once(const double *p, size_t n, double tail, double *told)
{
    double record = 0;
    for (size_t i = 0; i < n; i++) {
        double surprise = -log10(GW_MAX(p[i], 1e-300));
        record = GW_MAX(record - 1.0 / GW_ANOMALY_FADE, 0);
        told[i] = p[i] <= tail && surprise >= record + log10(GW_ANOMALY_RECORD_FACTOR);
        if (p[i] <= tail && surprise > record)
            record = surprise;
    }
}

/* The tail that is best for the series that are not skipped. */
static size_t best_tail(double (*raw)[NAB_SERIES_MAX], size_t n, const size_t *group, size_t skip)
{
    size_t best = 0;
    double most = -INFINITY;
    for (size_t t = 0; t < TAILS; t++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            if (group[i] != skip)
                sum += raw[t][i];
        if (sum > most) {
            most = sum;
            best = t;
        }
    }
    return best;
}

static double held_out_tail(double (*raw)[NAB_SERIES_MAX], size_t n, const size_t *group, double windows)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += raw[best_tail(raw, n, group, group[i])][i];
    return 100 * (sum + windows) / (2 * windows);
}

static int by_tail(const char *name, judge f, const nab_series *s, size_t n, double **scores, double **told,
                   gw_error *e)
{
    static double raw[TAILS][NAB_SERIES_MAX];
    size_t each[NAB_SERIES_MAX], halves[NAB_SERIES_MAX];

    for (size_t i = 0; i < n; i++) {
        int r = f(&s[i], scores[i], e);
        if (r)
            return r;
        each[i] = i;
        halves[i] = i % 2;
        for (size_t t = 0; t < TAILS; t++) {
            tell_once(scores[i], s[i].n, tail_of(t), told[i]);
            raw[t][i] = nab_score(&s[i], 1, &told[i], 0.5, NULL).raw;
        }
    }
    size_t best = best_tail(raw, n, each, SIZE_MAX);
    for (size_t i = 0; i < n; i++)
        tell_once(scores[i], s[i].n, tail_of(best), told[i]);
    nab_result r = nab_score(s, n, told, 0.5, NULL);
    printf("  %s (best tail %.2g)\n", name, tail_of(best));
    line("optimum", &r);
    printf("    left out  NAB score %5.1f   halves %.1f\n", held_out_tail(raw, n, each, (double)r.windows),
           held_out_tail(raw, n, halves, (double)r.windows));
    return 0;
}

static int at_default(const nab_series *s, size_t n, double **scores, bool each, gw_error *e)
{
    for (size_t i = 0; i < n; i++) {
        int r = gpuwise(&s[i], scores[i], e);
        if (r)
            return r;
    }
    nab_result r = nab_score(s, n, scores, 0.5, NULL);
    line("default", &r);
    for (size_t i = 0; each && i < n; i++) {
        bool others[NAB_SERIES_MAX];
        for (size_t k = 0; k < n; k++)
            others[k] = k != i;
        nab_result one = nab_score(s, n, scores, 0.5, others);
        printf("      %-44s %zu of %zu windows, %zu alarms, %zu true\n", s[i].name, one.found, one.windows,
               one.alarms, one.alarms_true);
    }
    return 0;
}

static int bench(const char *folder, bool each, gw_error *e)
{
    gw_arena a;
    nab_series *s;
    size_t n;
    double *scores[NAB_SERIES_MAX], *told[NAB_SERIES_MAX];

    gw_arena_init(&a, 0);
    int r = nab_load(folder, &a, &s, &n, e);
    for (size_t i = 0; i < n && !r; i++)
        if (!(scores[i] = GW_NEW_ARRAY(&a, double, s[i].n + 1)) ||
            !(told[i] = GW_NEW_ARRAY(&a, double, s[i].n + 1)))
            r = gw_fail_memory(e);
    if (!r) {
        printf("  gpuwise, tail %.3g for every series\n", GW_ANOMALY_TAIL);
        r = at_default(s, n, scores, each, e);
    }
    if (!r)
        r = by_tail("gpuwise, tail chosen on these series", gpuwise_tail, s, n, scores, told, e);
    if (!r)
        r = by_threshold("Windowed Gaussian", windowed_gaussian, s, n, scores, e);
    if (!r)
        r = by_tail("Windowed Gaussian, told once", windowed_gaussian_tail, s, n, scores, told, e);
    if (!r)
        r = by_tail("distance from the day's median, told once", median_tail, s, n, scores, told, e);
    if (!r)
        printf("  Windowed Gaussian as published, all 58 series of NAB: %.1f\n", PUBLISHED);
    gw_arena_free(&a);
    return r;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'}, {"series", no_argument, NULL, 's'}, {0}};
    const char *folder = "../shared/data/nab";
    bool each = false;
    gw_error e;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (c) {
        case 'd':
            folder = optarg;
            break;
        case 's':
            each = true;
            break;
        default:
            return 2;
        }
    if (bench(folder, each, &e) == 0)
        return 0;
    fprintf(stderr, "nab: %s\n", e.message);
    return 1;
}
