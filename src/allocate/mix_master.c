/*
 * The linear program "fewest dollars, fractions of nodes allowed" over the columns that are known:
 *
 *     minimise  sum cost x     where for each kind   sum (pods of it in the column) x  >=  demand
 *                              and for each limited type      sum x  <=  nodes,   x >= 0
 *
 * Its dual gives each kind a value; the pricing looks for columns that are worth more than they cost at these
 * values, they are added, and so on (column generation: Gilmore and Gomory, 1961). Where types are limited,
 * pods may stay without a node at a high price, so that the program always has a solution.
 *
 * CLP works in floating point. Nothing that is proven rests on it: values are rounded down to integers, and
 * mix_bound.c takes it from there.
 */
#include <coin/Clp_C_Interface.h>

#include <float.h>
#include <math.h>

#include "allocate/mix_internal.h"
#include "allocate/mix_relax.h"

#define LP_UNIT        ((double)(INT64_C(1) << 33)) /* units of one "dollar" of the program */
#define TOLERANCE      26                           /* columns must be worth more than cost + cost / 2^26 */
#define ITERATIONS_MAX 200000
#define EXCHANGES      4 /* for each kind; 2 take more rounds, 0 twice as many */
#define NO_BOUND       DBL_MAX

struct gw_mix_master {
    const gw_mix_model *m;
    gw_mix_pool *pool;
    gw_mix_pricer *pricer;
    Clp_Simplex *lp;
    uint32_t *columns; /* of the program, without those for pods that stay out */
    size_t n, cap;
    uint8_t *inside; /* of the pool: is in the program */
    size_t cap_inside;
    size_t n_outs;                    /* columns before the first of `columns` */
    int64_t row_of[GW_MIX_TYPES_MAX]; /* of the limit; -1 */
    int64_t *value, *limit;
    int64_t dual_of[GW_MIX_TYPES_MAX]; /* of the limit, units, >= 0 */
    double *x, *reduced;
    size_t cap_x, cap_reduced;
    double objective;
    int64_t bound;
    int rounds;
    bool closed, stalled, partial; /* partial: not all pods are asked for */
};

/* ---- the program ---- */

static void add_column(gw_mix_master *s, double cost, int n, const int *rows, const double *entries)
{
    const double lower = 0, upper = NO_BOUND;
    const CoinBigIndex starts[2] = {0, n};
    Clp_addColumns(s->lp, 1, &lower, &upper, &cost, starts, rows, entries);
}

static int open_program(gw_mix_master *s)
{
    const gw_mix_model *m = s->m;
    double dearest = 0;
    s->lp = Clp_newModel();
    if (!s->lp)
        return GW_ENOMEM;
    Clp_setLogLevel(s->lp, 0);
    Clp_setMaximumIterations(s->lp, ITERATIONS_MAX);
    int rows = (int)m->n_kinds;
    for (size_t t = 0; t < m->n_shapes; t++) {
        s->row_of[t] = m->shapes[t].max_nodes == GW_MIX_NO_LIMIT ? -1 : rows++;
        dearest = GW_MAX(dearest, (double)m->shapes[t].cost / LP_UNIT);
    }
    Clp_resize(s->lp, rows, 0);
    double *lower = Clp_rowLower(s->lp), *upper = Clp_rowUpper(s->lp);
    for (size_t k = 0; k < m->n_kinds; k++) {
        lower[k] = (double)m->kinds[k].demand;
        upper[k] = NO_BOUND;
    }
    for (size_t t = 0; t < m->n_shapes; t++) {
        if (s->row_of[t] < 0)
            continue;
        lower[s->row_of[t]] = -NO_BOUND;
        upper[s->row_of[t]] = (double)m->shapes[t].max_nodes;
    }
    for (int k = 0; m->limited && k < (int)m->n_kinds; k++) {
        const double one = 1;
        add_column(s, 2 * dearest, 1, &k, &one);
        s->n_outs++;
    }
    return 0;
}

/* ---- exchanges ---- */

/* True where a pod of kind a can always stand where one of kind b stands. */
static bool can_replace(const gw_mix_kind *a, const gw_mix_kind *b)
{
    return a->cpu <= b->cpu && a->memory <= b->memory && a->gpus <= b->gpus && a->milli <= b->milli &&
           (b->types & ~a->types) == 0;
}

/* How much larger b is, of itself, in all dimensions. */
static double distance(const gw_mix_kind *a, const gw_mix_kind *b)
{
    double cpu = b->cpu ? 1 - (double)a->cpu / (double)b->cpu : 0;
    double memory = b->memory ? 1 - (double)a->memory / (double)b->memory : 0;
    double of = (double)b->gpus * b->milli;
    double gpu = of > 0 ? 1 - (double)a->gpus * a->milli / of : 0;
    return cpu + memory + gpu;
}

/*
 * Columns of no cost that turn a pod of one kind into one of a smaller kind: they say that the smaller one
 * has no larger value, which is true of some dual solution anyway, and keeps the values of similar kinds
 * together from the beginning (Valerio de Carvalho, 2005: dual cuts). Each kind gets the nearest ones.
 */
void gw_mix_master_add_exchanges(gw_mix_master *s)
{
    const gw_mix_model *m = s->m;
    for (size_t b = 0; b < m->n_kinds; b++) {
        int near[EXCHANGES];
        double how_near[EXCHANGES];
        int n = 0;
        for (size_t a = 0; a < m->n_kinds; a++) {
            if (a == b || !can_replace(&m->kinds[a], &m->kinds[b]))
                continue;
            double d = distance(&m->kinds[a], &m->kinds[b]);
            if (n == EXCHANGES && d >= how_near[n - 1])
                continue;
            int at = n < EXCHANGES ? n++ : n - 1;
            for (; at > 0 && how_near[at - 1] > d; at--) {
                near[at] = near[at - 1];
                how_near[at] = how_near[at - 1];
            }
            near[at] = (int)a;
            how_near[at] = d;
        }
        for (int i = 0; i < n; i++) {
            const int rows[2] = {(int)b, near[i]};
            const double entries[2] = {-1, 1};
            add_column(s, 0, 2, rows, entries);
            s->n_outs++;
        }
    }
}

void gw_mix_master_drop_exchanges(gw_mix_master *s)
{
    double *upper = Clp_columnUpper(s->lp);
    size_t first = s->m->limited ? s->m->n_kinds : 0;
    for (size_t i = first; i < s->n_outs; i++)
        upper[i] = 0;
}

int gw_mix_master_new(const gw_mix_model *m, gw_mix_pool *pool, gw_mix_master **ret)
{
    gw_mix_master *s = gw_calloc(1, sizeof(*s));
    size_t kinds = GW_MAX(m->n_kinds, (size_t)1);
    if (!s)
        return GW_ENOMEM;
    s->m = m;
    s->pool = pool;
    s->value = gw_calloc(kinds, sizeof(*s->value));
    s->limit = gw_calloc(kinds, sizeof(*s->limit));
    int rc = s->value && s->limit ? gw_mix_pricer_new(m, &s->pricer) : GW_ENOMEM;
    if (rc == 0)
        rc = open_program(s);
    if (rc) {
        gw_mix_master_free(s);
        return rc;
    }
    for (size_t k = 0; k < m->n_kinds; k++)
        s->limit[k] = m->kinds[k].demand;
    *ret = s;
    return 0;
}

void gw_mix_master_free(gw_mix_master *s)
{
    if (!s)
        return;
    if (s->lp)
        Clp_deleteModel(s->lp);
    gw_mix_pricer_free(s->pricer);
    gw_free(s->columns);
    gw_free(s->inside);
    gw_free(s->value);
    gw_free(s->limit);
    gw_free(s->x);
    gw_free(s->reduced);
    gw_free(s);
}

static int add(gw_mix_master *s, uint32_t column, bool *fresh)
{
    const gw_mix_column *c = &s->pool->columns[column];
    size_t had = s->cap_inside;
    *fresh = false;
    int rc = gw_grow((void **)&s->inside, &s->cap_inside, (size_t)column + 1, 1, GW_MIX_COLUMNS_MAX);
    if (rc)
        return rc;
    memset(s->inside + had, 0, s->cap_inside - had);
    if (s->inside[column])
        return 0;
    rc = gw_grow((void **)&s->columns, &s->cap, s->n + 1, sizeof(*s->columns), GW_MIX_COLUMNS_MAX);
    int *rows = rc ? NULL : gw_malloc((c->n_uses + 1) * sizeof(*rows));
    double *entries = rows ? gw_malloc((c->n_uses + 1) * sizeof(*entries)) : NULL;
    if (entries) {
        int n = 0;
        for (uint32_t i = 0; i < c->n_uses; i++) {
            rows[n] = (int)c->uses[i].kind;
            entries[n++] = c->uses[i].n;
        }
        if (s->row_of[c->type] >= 0) {
            rows[n] = (int)s->row_of[c->type];
            entries[n++] = 1;
        }
        add_column(s, (double)s->m->shapes[c->type].cost / LP_UNIT, n, rows, entries);
        s->columns[s->n++] = column;
        s->inside[column] = 1;
        *fresh = true;
    } else {
        rc = GW_ENOMEM;
    }
    gw_free(rows);
    gw_free(entries);
    return rc;
}

int gw_mix_master_add(gw_mix_master *s, uint32_t column)
{
    bool fresh;
    return add(s, column, &fresh);
}

void gw_mix_master_set_left(gw_mix_master *s, const int64_t *left, const int64_t *nodes_left)
{
    double *lower = Clp_rowLower(s->lp), *upper = Clp_rowUpper(s->lp);
    s->partial = true;
    for (size_t k = 0; k < s->m->n_kinds; k++) {
        lower[k] = (double)left[k];
        s->limit[k] = left[k];
    }
    for (size_t t = 0; t < s->m->n_shapes; t++)
        if (s->row_of[t] >= 0)
            upper[s->row_of[t]] = (double)nodes_left[t];
}

void gw_mix_master_restart(gw_mix_master *s)
{
    double *lower = Clp_rowLower(s->lp), *upper = Clp_rowUpper(s->lp);
    s->partial = false;
    for (size_t k = 0; k < s->m->n_kinds; k++) {
        s->limit[k] = s->m->kinds[k].demand;
        lower[k] = (double)s->limit[k];
    }
    for (size_t t = 0; t < s->m->n_shapes; t++)
        if (s->row_of[t] >= 0)
            upper[s->row_of[t]] = (double)s->m->shapes[t].max_nodes;
}

/* ---- solving ---- */

static int solve(gw_mix_master *s)
{
    Clp_primal(s->lp, 0);
    if (Clp_status(s->lp) != 0)
        return GW_EINTERNAL;
    const double *x = Clp_primalColumnSolution(s->lp), *reduced = Clp_dualColumnSolution(s->lp);
    const double *dual = Clp_dualRowSolution(s->lp);
    int rc = gw_grow((void **)&s->x, &s->cap_x, s->n + 1, sizeof(*s->x), GW_MIX_COLUMNS_MAX);
    if (rc == 0)
        rc =
            gw_grow((void **)&s->reduced, &s->cap_reduced, s->n + 1, sizeof(*s->reduced), GW_MIX_COLUMNS_MAX);
    if (rc)
        return rc;
    for (size_t i = 0; i < s->n; i++) {
        s->x[i] = x[s->n_outs + i];
        s->reduced[i] = reduced[s->n_outs + i] * LP_UNIT;
    }
    for (size_t k = 0; k < s->m->n_kinds; k++) {
        double v = floor(dual[k] * LP_UNIT);
        s->value[k] = v > 0 ? (int64_t)GW_MIN(v, (double)GW_MIX_VALUE_MAX) : 0;
    }
    for (size_t t = 0; t < s->m->n_shapes; t++) {
        double v = s->row_of[t] >= 0 ? ceil(-dual[s->row_of[t]] * LP_UNIT) : 0;
        s->dual_of[t] = v > 0 ? (int64_t)GW_MIN(v, (double)GW_MIX_VALUE_MAX) : 0;
    }
    s->objective = Clp_objectiveValue(s->lp) * LP_UNIT;
    return 0;
}

/* Looks at every type once. *n_new: columns that were added. */
static int price(gw_mix_master *s, int64_t steps, bool unlimited, const gw_mix_watch *watch, size_t *n_new,
                 bool *proven)
{
    int64_t upper[GW_MIX_TYPES_MAX];
    *proven = true;
    *n_new = 0;
    for (uint32_t t = 0; t < s->m->n_shapes; t++) {
        gw_mix_priced found;
        int64_t above = s->m->shapes[t].cost + s->dual_of[t];
        int rc = gw_mix_price(s->pricer, t, s->value, s->limit, above + (above >> TOLERANCE), steps,
                              unlimited, s->pool, &found);
        for (size_t i = 0; rc == 0 && i < found.n_found; i++) {
            bool fresh;
            rc = add(s, found.found[i], &fresh);
            *n_new += fresh;
        }
        if (rc)
            return rc;
        upper[t] = found.upper;
        *proven &= found.proven;
        if (watch && gw_mix_late(watch)) {
            *proven = false;
            return 0;
        }
    }
    if (!s->partial)
        s->bound = GW_MAX(s->bound, gw_mix_bound(s->m, s->value, upper));
    return 0;
}

int gw_mix_master_generate(gw_mix_master *s, const gw_mix_effort *effort)
{
    int64_t steps = effort->steps;
    s->closed = s->stalled = false;
    for (int i = 0;; i++) {
        size_t n_new;
        bool proven;
        int rc = solve(s);
        if (rc || i >= effort->rounds || (effort->watch && gw_mix_late(effort->watch)))
            return rc;
        s->rounds++;
        rc = price(s, steps, effort->unlimited, effort->watch, &n_new, &proven);
        if (rc)
            return rc;
        if (n_new)
            continue;
        s->closed = proven;
        s->stalled = !proven && steps >= effort->steps_proof;
        if (proven || s->stalled)
            return 0;
        steps = effort->steps_proof;
    }
}

void gw_mix_master_look(const gw_mix_master *s, gw_mix_lp *ret)
{
    *ret = (gw_mix_lp){.columns = s->columns,
                       .x = s->x,
                       .reduced = s->reduced,
                       .n = s->n,
                       .objective = s->objective,
                       .bound = s->bound,
                       .rounds = s->rounds,
                       .closed = s->closed,
                       .stalled = s->stalled};
}

void gw_mix_master_values(const gw_mix_master *s, int64_t *ret)
{
    memcpy(ret, s->value, s->m->n_kinds * sizeof(*ret));
}
