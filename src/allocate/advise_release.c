/*
 * Nodes to give back: idle ones first, then those that only pods without GPUs keep, then those whose tenants
 * fit elsewhere as boards are handed out today; the dearer and the emptier the sooner.
 */
#include "allocate/planner_internal.h"

typedef struct candidate {
    uint32_t node, tenants;
    double gpus; /* held */
    gw_micro hourly;
    const char *name;
} candidate;

static int by_ease(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if ((x->tenants == 0) != (y->tenants == 0))
        return x->tenants == 0 ? -1 : 1;
    if (x->gpus < y->gpus || x->gpus > y->gpus)
        return x->gpus < y->gpus ? -1 : 1;
    if (x->hourly != y->hourly)
        return x->hourly > y->hourly ? -1 : 1;
    if (x->tenants != y->tenants)
        return x->tenants < y->tenants ? -1 : 1;
    return strcmp(x->name, y->name);
}

static candidate *candidates(gw_planning *p, size_t *ret_n)
{
    const gw_world *w = &p->world;
    candidate *c = gw_malloc((w->fleet->n_nodes + 1) * sizeof(*c));
    size_t n = 0;
    for (uint32_t i = 0; c && i < w->fleet->n_nodes; i++) {
        const gw_world_node *x = &w->nodes[i];
        if (!x->here || !x->gpus || x->released)
            continue;
        c[n] = (candidate){i, x->n, 0, x->hourly, w->fleet->nodes[i].name};
        for (uint32_t k = 0; k < x->n; k++) {
            const gw_tenant *t = &w->tenants[x->at[k]];
            for (uint32_t s = 0; s < t->n_units; s++)
                c[n].gpus += t->seats[s].share;
        }
        n++;
    }
    if (c)
        qsort(c, n, sizeof(*c), by_ease);
    *ret_n = n;
    return c;
}

static const char *rule_of(const gw_planning *p, const candidate *c)
{
    if (c->tenants == 0)
        return "idle-node: no pod but those of DaemonSets is on it, and none that needed its GPUs was in the "
               "window";
    if (c->gpus <= 0)
        return p->world.nodes[c->node].n_boards
                   ? "cpu-only: the pods on it use no GPU, and fit on other nodes"
                   : "cpu-only: the pods on it use no GPU that anybody reports";
    return "consolidate: every pod on it, and what ran on it within the window, fits on nodes that stay";
}

int gw_advise_release(gw_planning *p)
{
    size_t n;
    candidate *c = candidates(p, &n);
    int rc = c ? 0 : gw_fail_memory(p->e);
    for (size_t i = 0; !rc && i < n && p->trials < GW_TRIALS_MAX; i++) {
        gw_action_kind kind =
            c[i].tenants && c[i].gpus <= 0 ? GW_ACTION_MOVE_CPU_PODS : GW_ACTION_RELEASE_NODE;
        gw_proposal x = {
            .kind = kind, .mark = gw_world_mark(&p->world), .node = c[i].node, .rule = rule_of(p, &c[i])};
        p->trials++;
        if (!gw_plan_wants(p, kind) || !gw_world_empty(&p->world, c[i].node, &p->node_why[c[i].node]))
            continue;
        if (gw_plan_weigh(p, &x) == GW_FAILED)
            rc = p->e->code;
    }
    gw_free(c);
    return rc || !p->world.failed ? rc : gw_fail_memory(p->e);
}
