#include "allocate/mig_weights.h"

#include <math.h>

#define DENOMINATOR_MAX 840 /* of the dual's fractions, tried one after the other */
#define PIVOTS_MAX      2000
#define TINY            1e-9

int gw_mig_patterns_of(const gw_mig_board *b, unsigned of, gw_arena *a, gw_mig_patterns *ret, gw_error *e)
{
    size_t n = gw_mig_sets(b, of, true, NULL, 0);
    gw_mig_set *sets = GW_NEW_ARRAY(a, gw_mig_set, n);
    if (!sets)
        return gw_fail_memory(e);
    gw_mig_sets(b, of, true, sets, n);
    *ret = (gw_mig_patterns){b, sets, n};
    return 0;
}

int64_t gw_mig_weight_of(const gw_mig_weights *w, const gw_mig_set *s)
{
    int64_t sum = 0;
    for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
        sum += w->of[p] * s->n[p];
    return sum;
}

void gw_mig_weights_measure(const gw_mig_patterns *patterns, gw_mig_weights *w)
{
    w->most = 0;
    for (size_t i = 0; i < patterns->n; i++)
        w->most = GW_MAX(w->most, gw_mig_weight_of(w, &patterns->sets[i]));
}

size_t gw_mig_weights_bound(const gw_mig_weights *w, const gw_mig_set *s)
{
    int64_t sum = gw_mig_weight_of(w, s);
    return w->most > 0 ? (size_t)((sum + w->most - 1) / w->most) : 0;
}

void gw_mig_weights_init(const gw_mig_patterns *patterns, gw_mig_weights *w, gw_mig_weighing by)
{
    const gw_mig_board *b = patterns->board;
    memset(w->of, 0, sizeof(w->of));
    for (size_t p = 0; p < b->n_profiles; p++)
        w->of[p] = by == GW_MIG_BY_COMPUTE ? b->profiles[p].compute : b->profiles[p].size;
    gw_mig_weights_measure(patterns, w);
}

/*
 * maximise sum(d[p] x[p]) where no pattern weighs more than 1, x >= 0: the simplex method on the condensed
 * tableau, with Bland's rule, so that it ends. Row i: variable basic[i] = t[i][width]; the last row holds
 * what each variable outside would gain. Variables 0..width-1 are weights, the others slacks.
 */
typedef struct tableau {
    double *t;
    size_t *basic, *outside;
    size_t rows, width;
} tableau;

static double *cell(const tableau *m, size_t row, size_t column)
{
    return &m->t[row * (m->width + 1) + column];
}

static void pivot(tableau *m, size_t row, size_t column)
{
    double by = 1 / *cell(m, row, column);
    for (size_t j = 0; j <= m->width; j++)
        *cell(m, row, j) *= j == column ? 1 : by;
    for (size_t i = 0; i <= m->rows; i++) {
        double f = *cell(m, i, column);
        if (i == row || f == 0)
            continue;
        for (size_t j = 0; j <= m->width; j++)
            if (j != column)
                *cell(m, i, j) -= f * *cell(m, row, j);
        *cell(m, i, column) = -f * by;
    }
    *cell(m, row, column) = by;
    size_t swap = m->basic[row];
    m->basic[row] = m->outside[column];
    m->outside[column] = swap;
}

/* One step; false at the optimum. */
static bool improve(tableau *m)
{
    size_t column = SIZE_MAX, row = SIZE_MAX;
    double least = 0;
    for (size_t j = 0; j < m->width; j++) {
        if (*cell(m, m->rows, j) > TINY && (column == SIZE_MAX || m->outside[j] < m->outside[column]))
            column = j;
    }
    if (column == SIZE_MAX)
        return false;
    for (size_t i = 0; i < m->rows; i++) {
        if (*cell(m, i, column) <= TINY)
            continue;
        double ratio = *cell(m, i, m->width) / *cell(m, i, column);
        if (row == SIZE_MAX || ratio < least - TINY ||
            (ratio < least + TINY && m->basic[i] < m->basic[row])) {
            least = row == SIZE_MAX ? ratio : GW_MIN(least, ratio);
            row = i;
        }
    }
    if (row == SIZE_MAX)
        return false;
    pivot(m, row, column);
    return true;
}

/* Fractions to integers: over a common denominator where a small one does, else over a large one. */
static void to_integers(const double *x, gw_mig_weights *w)
{
    for (int d = 1; d <= DENOMINATOR_MAX; d++) {
        bool whole = true;
        for (size_t p = 0; p < GW_MIG_PROFILES_MAX && whole; p++) {
            w->of[p] = (int64_t)llround(x[p] * d);
            whole = fabs(x[p] * d - (double)w->of[p]) < 1e-6;
        }
        if (whole)
            return;
    }
    for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
        w->of[p] = (int64_t)(GW_MIN(x[p], 1.0) * GW_MIG_WEIGHT_MAX);
}

/* At the optimum, what a slack outside would lose is how often its pattern is used. */
static void read_use(const tableau *m, double *use)
{
    for (size_t j = 0; j < m->width; j++) {
        if (m->outside[j] >= m->width)
            use[m->outside[j] - m->width] = GW_MAX(-*cell(m, m->rows, j), 0.0);
    }
}

int gw_mig_weights_dual(const gw_mig_patterns *patterns, const gw_mig_set *of, gw_arena *a,
                        gw_mig_weights *ret, double **use, gw_error *e)
{
    double x[GW_MIG_PROFILES_MAX] = {0};
    tableau m = {.rows = patterns->n, .width = patterns->board->n_profiles};
    m.t = GW_NEW_ARRAY(a, double, (m.rows + 1) * (m.width + 1));
    m.basic = GW_NEW_ARRAY(a, size_t, m.rows);
    m.outside = GW_NEW_ARRAY(a, size_t, m.width);
    double *used = GW_NEW_ARRAY(a, double, m.rows);
    if (!m.t || !m.basic || !m.outside || !used)
        return gw_fail_memory(e);
    for (size_t i = 0; i < m.rows; i++) {
        m.basic[i] = m.width + i;
        for (size_t p = 0; p < m.width; p++)
            *cell(&m, i, p) = patterns->sets[i].n[p];
        *cell(&m, i, m.width) = 1;
    }
    for (size_t p = 0; p < m.width; p++) {
        m.outside[p] = p;
        *cell(&m, m.rows, p) = of->n[p];
    }
    for (int i = 0; i < PIVOTS_MAX && improve(&m); i++) {
    }
    for (size_t i = 0; i < m.rows; i++)
        if (m.basic[i] < m.width)
            x[m.basic[i]] = GW_MAX(*cell(&m, i, m.width), 0.0);
    read_use(&m, used);
    to_integers(x, ret);
    gw_mig_weights_measure(patterns, ret);
    if (use)
        *use = used;
    return 0;
}
