/*
 * The score of the Numenta Anomaly Benchmark, standard profile, for series that somebody else judged.
 *
 * From the published descriptions: Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the
 * Numenta Anomaly Benchmark" (ICMLA 2015), with the positions and the probationary period as NAB 1.1 has
 * them. A row is detected where its score reaches the threshold.
 *
 *   - A window's first rows count most: s(y) = 2/(1+e^(5y)) - 1 at y = -(right - i + 1)/width, over s(-1),
 * times A_TP = 1; only the best detected row of a window counts. A window without one costs A_FN = 1.
 *   - A detected row outside windows costs A_FP = 0.11 times s(y) at y = (i - right)/(width - 1) of the
 * window before it: little right behind a window, all of it from y = 3 on and where there is no window
 * before.
 *   - The first min(15 % of the rows, 750) rows of a series count neither way.
 *   - 100 · (score - nothing detected)/(all detected at once - nothing detected).
 */
#ifndef GW_TESTS_BENCH_NAB_SCORE_H
#define GW_TESTS_BENCH_NAB_SCORE_H

#include "base/base.h"

#define NAB_WINDOWS_MAX 16 /* of one series */

typedef struct nab_series {
    char name[128];
    int64_t *at_ms;
    double *value;
    size_t n;
    struct {
        int64_t from_ms, to_ms; /* both ends are inside */
    } window[NAB_WINDOWS_MAX];
    size_t n_windows;
} nab_series;

typedef struct nab_result {
    double score;     /* normalised; may be negative */
    double raw, best; /* before normalising: reached, and at most (nothing detected is -windows) */
    size_t windows, found;
    size_t alarms;      /* detected rows */
    size_t alarms_true; /* of them inside windows */
} nab_result;

/* Rows at the start of a series that do not count. */
size_t nab_probation(size_t rows);

/* scores[s][i]: of row i of series s. Series that `skip` names (may be NULL; one flag a series) are left out.
 */
nab_result nab_score(const nab_series *series, size_t n, double *const *scores, double threshold,
                     const bool *skip);

/* The threshold, one for all series, at which the score is greatest; the score there in *ret. GW_ENOMEM. */
int nab_optimum(const nab_series *series, size_t n, double *const *scores, const bool *skip,
                double *ret_threshold, nab_result *ret);

#endif
