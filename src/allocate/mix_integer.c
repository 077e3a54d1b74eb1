/*
 * From fractions of nodes to nodes, by CBC: the integer program over the columns that the linear program
 * knows and that are not too dear to be in a plan better than the one there is.
 *
 * CBC counts nodes of its tree, not seconds, so that the same input gives the same answer; the seconds that
 * it is given are what the budget has left.
 */
#include <coin/Cbc_C_Interface.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "allocate/mix_internal.h"

#define MONEY       ((double)(INT64_C(1) << 33)) /* units of one "dollar" of the program */
#define COLUMNS_MAX 3000

typedef struct ranked {
    double reduced;
    uint32_t column;
} ranked;

static int by_reduced(const void *va, const void *vb)
{
    const ranked *a = va, *b = vb;
    if (a->reduced != b->reduced)
        return a->reduced < b->reduced ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

/* The matrix of the program, in columns. */
typedef struct program {
    CoinBigIndex *starts;
    int *rows;
    double *entries, *cost, *lower, *upper, *row_lower, *row_upper;
    int n, n_rows;
    size_t n_entries;
} program;

static void close_program(program *g)
{
    gw_free(g->starts);
    gw_free(g->rows);
    gw_free(g->entries);
    gw_free(g->cost);
    gw_free(g->lower);
    gw_free(g->upper);
    gw_free(g->row_lower);
    gw_free(g->row_upper);
}

static int open_program(program *g, const gw_mix_model *m, const gw_mix_pool *pool, const ranked *r, size_t n)
{
    size_t entries = 0, rows = m->n_kinds + m->n_shapes;
    for (size_t i = 0; i < n; i++)
        entries += pool->columns[r[i].column].n_uses + 1;
    g->starts = gw_malloc((n + 1) * sizeof(*g->starts));
    g->rows = gw_malloc(entries * sizeof(*g->rows));
    g->entries = gw_malloc(entries * sizeof(*g->entries));
    g->cost = gw_malloc(n * sizeof(*g->cost));
    g->lower = gw_calloc(n, sizeof(*g->lower));
    g->upper = gw_malloc(n * sizeof(*g->upper));
    g->row_lower = gw_malloc(rows * sizeof(*g->row_lower));
    g->row_upper = gw_malloc(rows * sizeof(*g->row_upper));
    if (!g->starts || !g->rows || !g->entries || !g->cost || !g->lower || !g->upper || !g->row_lower ||
        !g->row_upper)
        return GW_ENOMEM;
    g->n_rows = (int)rows;
    for (size_t k = 0; k < m->n_kinds; k++) {
        g->row_lower[k] = (double)m->kinds[k].demand;
        g->row_upper[k] = DBL_MAX;
    }
    for (size_t t = 0; t < m->n_shapes; t++) {
        int64_t most = m->shapes[t].max_nodes;
        g->row_lower[m->n_kinds + t] = -DBL_MAX;
        g->row_upper[m->n_kinds + t] = most == GW_MIX_NO_LIMIT ? DBL_MAX : (double)most;
    }
    for (size_t i = 0; i < n; i++) {
        const gw_mix_column *c = &pool->columns[r[i].column];
        double most = 0;
        g->starts[i] = (CoinBigIndex)g->n_entries;
        for (uint32_t u = 0; u < c->n_uses; u++) {
            g->rows[g->n_entries] = (int)c->uses[u].kind;
            g->entries[g->n_entries++] = c->uses[u].n;
            most = GW_MAX(most, ceil((double)m->kinds[c->uses[u].kind].demand / c->uses[u].n));
        }
        g->rows[g->n_entries] = (int)(m->n_kinds + c->type);
        g->entries[g->n_entries++] = 1;
        g->cost[i] = (double)m->shapes[c->type].cost / MONEY;
        g->upper[i] = most;
    }
    g->starts[n] = (CoinBigIndex)g->n_entries;
    g->n = (int)n;
    return 0;
}

static int solve(const program *g, const ranked *r, double cutoff, double seconds, int nodes,
                 gw_mix_plan *plan)
{
    char text[32];
    Cbc_Model *cbc = Cbc_newModel();
    if (!cbc)
        return GW_ENOMEM;
    Cbc_setLogLevel(cbc, 0);
    Cbc_loadProblem(cbc, g->n, g->n_rows, g->starts, g->rows, g->entries, g->lower, g->upper, g->cost,
                    g->row_lower, g->row_upper);
    for (int i = 0; i < g->n; i++)
        Cbc_setInteger(cbc, i);
    Cbc_setParameter(cbc, "logLevel", "0");
    snprintf(text, sizeof(text), "%.3f", seconds);
    Cbc_setParameter(cbc, "seconds", text);
    snprintf(text, sizeof(text), "%d", nodes);
    Cbc_setParameter(cbc, "maxNodes", text);
    snprintf(text, sizeof(text), "%.9g", cutoff);
    Cbc_setParameter(cbc, "cutoff", text);
    /* neither helps with columns of this kind; both take most of the time */
    Cbc_setParameter(cbc, "cuts", "off");
    Cbc_setParameter(cbc, "heuristicsOnOff", "off");
    Cbc_solve(cbc);
    const double *x = Cbc_bestSolution(cbc);
    int rc = x ? 1 : 0;
    for (int i = 0; x && i < g->n && rc >= 0; i++) {
        int bad = gw_mix_plan_add(plan, r[i].column, (int64_t)floor(x[i] + 0.5));
        rc = bad ? bad : rc;
    }
    Cbc_deleteModel(cbc);
    return rc;
}

int gw_mix_integer(const gw_mix_model *m, gw_mix_pool *pool, const gw_mix_lp *lp, const gw_mix_plan *best,
                   int64_t seconds_ms, int nodes, gw_mix_plan *plan)
{
    program g = {0};
    size_t n = 0;
    double room = (double)best->cost - lp->objective;
    ranked *r = gw_malloc((lp->n + best->n + 1) * sizeof(*r));
    if (!r)
        return GW_ENOMEM;
    for (size_t i = 0; i < lp->n; i++)
        if (lp->reduced[i] <= room)
            r[n++] = (ranked){lp->reduced[i], lp->columns[i]};
    qsort(r, n, sizeof(*r), by_reduced);
    n = GW_MIN(n, (size_t)COLUMNS_MAX);
    int rc = open_program(&g, m, pool, r, n);
    if (rc == 0)
        rc = solve(&g, r, ((double)best->cost - 1) / MONEY, (double)seconds_ms / 1000, nodes, plan);
    close_program(&g);
    gw_free(r);
    if (rc == 1)
        rc = gw_mix_plan_trim(plan, m, pool) ? GW_ENOMEM : 1;
    return rc;
}
