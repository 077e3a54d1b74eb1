#include "nab_score.h"

#include <math.h>

#include "base/mem.h"

#define A_TP 1.0
#define A_FP 0.11
#define A_FN 1.0

size_t nab_probation(size_t rows)
{
    return GW_MIN((size_t)floor(0.15 * (double)rows), (size_t)750);
}

static double scaled_sigmoid(double y)
{
    return y >= 3 ? -1 : 2 / (1 + exp(5 * y)) - 1;
}

/* What a row would bring if it were detected, and in which window it lies (SIZE_MAX: in none). */
typedef struct row {
    double score, worth;
    size_t series, window;
} row;

/* First and last row of each window. */
typedef struct span {
    size_t left, right;
} span;

static void spans_of(const nab_series *s, span *ret)
{
    for (size_t w = 0; w < s->n_windows; w++) {
        size_t i = 0;
        while (i < s->n && s->at_ms[i] < s->window[w].from_ms)
            i++;
        ret[w].left = i;
        while (i < s->n && s->at_ms[i] <= s->window[w].to_ms)
            i++;
        ret[w].right = i ? i - 1 : 0;
    }
}

static size_t rows_of(const nab_series *s, size_t index, const double *scores, row *ret)
{
    span spans[NAB_WINDOWS_MAX];
    size_t n = 0;

    spans_of(s, spans);
    for (size_t i = nab_probation(s->n); i < s->n; i++) {
        row r = {scores[i], -A_FP, index, SIZE_MAX};
        for (size_t w = 0; w < s->n_windows; w++) {
            double width = (double)(spans[w].right - spans[w].left + 1);
            if (i >= spans[w].left && i <= spans[w].right) {
                r.window = w;
                r.worth =
                    A_TP * scaled_sigmoid(-(double)(spans[w].right - i + 1) / width) / scaled_sigmoid(-1);
                break;
            }
            if (i > spans[w].right) /* windows are in order: the last one before the row stands */
                r.worth = A_FP * scaled_sigmoid((double)(i - spans[w].right) / (width - 1));
        }
        ret[n++] = r;
    }
    return n;
}

static nab_result empty_result(const nab_series *series, size_t n, const bool *skip)
{
    nab_result r = {0};
    for (size_t s = 0; s < n; s++)
        if (!skip || !skip[s])
            r.windows += series[s].n_windows;
    r.best = A_TP * (double)r.windows;
    r.raw = -A_FN * (double)r.windows;
    return r;
}

static double normalised(const nab_result *r)
{
    double nothing = -A_FN * (double)r->windows;
    return r->windows ? 100 * (r->raw - nothing) / (r->best - nothing) : 0;
}

/* best[series][window] is what the window has brought so far. */
static void take(nab_result *r, const row *x, double (*best)[NAB_WINDOWS_MAX])
{
    r->alarms++;
    if (x->window == SIZE_MAX) {
        r->raw += x->worth;
        return;
    }
    double *b = &best[x->series][x->window];
    r->alarms_true++;
    if (*b == -A_FN)
        r->found++;
    if (x->worth > *b) {
        r->raw += x->worth - *b;
        *b = x->worth;
    }
}

static int by_score(const void *a, const void *b)
{
    double x = ((const row *)a)->score, y = ((const row *)b)->score;
    return (x < y) - (x > y);
}

/* Walks down the thresholds; stops below `lowest`. The best, or (all) the last, state is returned. */
static int sweep(const nab_series *series, size_t n, double *const *scores, const bool *skip, double lowest,
                 bool optimum, double *ret_threshold, nab_result *ret)
{
    size_t total = 0, k = 0;
    for (size_t s = 0; s < n; s++)
        total += series[s].n;
    row *rows = gw_calloc(total + 1, sizeof(*rows));
    double(*best)[NAB_WINDOWS_MAX] = gw_calloc(n + 1, sizeof(*best));
    if (!rows || !best) {
        gw_free(rows);
        gw_free(best);
        return GW_ENOMEM;
    }
    for (size_t s = 0; s < n; s++) {
        for (size_t w = 0; w < NAB_WINDOWS_MAX; w++)
            best[s][w] = -A_FN;
        if (!skip || !skip[s])
            k += rows_of(&series[s], s, scores[s], rows + k);
    }
    qsort(rows, k, sizeof(*rows), by_score);
    nab_result at = empty_result(series, n, skip), top = at;
    double threshold = INFINITY;
    for (size_t i = 0; i < k && rows[i].score >= lowest; i++) {
        take(&at, &rows[i], best);
        if ((i + 1 == k || rows[i + 1].score != rows[i].score) && at.raw > top.raw) {
            top = at;
            threshold = rows[i].score;
        }
    }
    *ret = optimum ? top : at;
    ret->score = normalised(ret);
    if (ret_threshold)
        *ret_threshold = threshold;
    gw_free(rows);
    gw_free(best);
    return 0;
}

nab_result nab_score(const nab_series *series, size_t n, double *const *scores, double threshold,
                     const bool *skip)
{
    nab_result r = {.score = NAN};
    (void)sweep(series, n, scores, skip, threshold, false, NULL, &r);
    return r;
}

int nab_optimum(const nab_series *series, size_t n, double *const *scores, const bool *skip,
                double *ret_threshold, nab_result *ret)
{
    return sweep(series, n, scores, skip, -INFINITY, true, ret_threshold, ret);
}
