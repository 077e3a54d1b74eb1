/*
 * From fractions of nodes to nodes, by diving: take what the linear program uses a whole time at least, as
 * often as it says; else the one column it uses most; solve again for the pods that are left, with new
 * columns for them, until none is left.
 */
#include "allocate/mix_internal.h"

#include <math.h>

#define SLACK 1e-6

typedef struct dive {
    const gw_mix_model *m;
    gw_mix_pool *pool;
    gw_mix_master *master;
    gw_mix_plan *plan;
    int64_t *left;
    int64_t nodes_left[GW_MIX_TYPES_MAX];
    int64_t pods_left;
} dive;

/* Takes a column that often, but not for pods that are not there. Returns 1 where it took any. */
static int take(dive *d, uint32_t column, double times)
{
    const gw_mix_column *c = &d->pool->columns[column];
    int64_t n = 0, wanted = (int64_t)times;
    for (uint32_t i = 0; i < c->n_uses; i++)
        n = GW_MAX(n, (d->left[c->uses[i].kind] + c->uses[i].n - 1) / c->uses[i].n);
    n = GW_MIN(n, wanted);
    if (d->m->shapes[c->type].max_nodes != GW_MIX_NO_LIMIT)
        n = GW_MIN(n, d->nodes_left[c->type]);
    if (n <= 0)
        return 0;
    for (uint32_t i = 0; i < c->n_uses; i++) {
        int64_t *left = &d->left[c->uses[i].kind];
        int64_t gone = GW_MIN(*left, n * c->uses[i].n);
        *left -= gone;
        d->pods_left -= gone;
    }
    d->nodes_left[c->type] -= n;
    int rc = gw_mix_plan_add(d->plan, column, n);
    return rc ? rc : 1;
}

/* One step down. Returns how many columns were taken. */
static int step(dive *d)
{
    gw_mix_lp lp;
    gw_mix_master_look(d->master, &lp);
    int taken = 0;
    size_t most = SIZE_MAX;
    for (size_t i = 0; i < lp.n; i++) {
        if (lp.x[i] > SLACK && (most == SIZE_MAX || lp.x[i] > lp.x[most] + SLACK))
            most = i;
        if (lp.x[i] < 1 - SLACK)
            continue;
        int rc = take(d, lp.columns[i], floor(lp.x[i] + SLACK));
        if (rc < 0)
            return rc;
        taken += rc;
    }
    return taken || most == SIZE_MAX ? taken : take(d, lp.columns[most], 1);
}

static int descend(dive *d, const gw_mix_effort *effort)
{
    while (d->pods_left > 0) {
        if (gw_mix_late(effort->watch))
            return GW_ETIMEOUT;
        int taken = step(d);
        if (taken < 0)
            return taken;
        if (taken == 0)
            break; /* what is left stays out */
        gw_mix_master_set_left(d->master, d->left, d->nodes_left);
        int rc = gw_mix_master_generate(d->master, effort);
        if (rc)
            return rc;
    }
    return gw_mix_plan_trim(d->plan, d->m, d->pool);
}

int gw_mix_round(const gw_mix_model *m, gw_mix_pool *pool, gw_mix_master *s, const gw_mix_effort *effort,
                 gw_mix_plan *plan)
{
    dive d = {.m = m, .pool = pool, .master = s, .plan = plan};
    plan->method = GW_MIX_ROUNDED;
    d.left = gw_malloc(GW_MAX(m->n_kinds, (size_t)1) * sizeof(*d.left));
    if (!d.left)
        return GW_ENOMEM;
    for (size_t k = 0; k < m->n_kinds; k++) {
        d.left[k] = m->kinds[k].demand;
        d.pods_left += m->kinds[k].demand;
    }
    for (size_t t = 0; t < m->n_shapes; t++)
        d.nodes_left[t] = m->shapes[t].max_nodes;
    int rc = descend(&d, effort);
    gw_free(d.left);
    return rc;
}
