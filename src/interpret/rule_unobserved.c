/* unobserved-gpus: GPUs that are paid for and that no exporter reports, per instance type. */
#include "interpret/judge.h"

typedef struct blind {
    const char *instance; /* NULL unknown */
    uint32_t node;        /* the first */
    uint32_t n_nodes;
    int64_t gpus; /* unobserved; GW_UNKNOWN_COUNT once it is unknown on one node */
    double paid;  /* GPU-ms */
    gw_cost cost;
} blind;

static int64_t unobserved_on(const gw_judge *j, const uint32_t *observed, uint32_t node)
{
    int64_t count = j->fleet->nodes[node].gpu_count;
    return count < 0 ? GW_UNKNOWN_COUNT : GW_MAX(1, count - observed[node]);
}

static int tell(gw_judge *j, const blind *b)
{
    gw_micro monthly = gw_judge_monthly(j, b->cost.bill, b->cost.priced);
    gw_finding *f;
    /* a fact, not a judgement of behaviour: nothing to doubt in coverage or margin, only in how long it lasts
     */
    double confidence = gw_confidence(1, gw_hours((double)gw_interval_ms(j->usage->window)), 1);
    int rc = gw_judge_finding(j, GW_RULE_UNOBSERVED, monthly, confidence, &f);
    if (rc)
        return rc;
    const char *name = j->fleet->nodes[b->node].name;
    if (b->n_nodes == 1)
        gw_finding_subject(f, "node", name);
    gw_finding_subject(f, "instanceType", b->instance ? b->instance : "unknown");
    gw_finding_number(f, "nodes", b->n_nodes);
    if (b->n_nodes > 1)
        gw_finding_text(f, "exampleNode", name);
    gw_finding_measure(f, "gpus", (double)b->gpus);
    gw_finding_number(f, "paidGpuHours", gw_hours(b->paid));
    if (b->cost.unpriced_ms > 0)
        gw_finding_number(f, "unpricedGpuHours", gw_hours(b->cost.unpriced_ms));
    char money[GW_JUDGE_MONEY_MAX], others[48] = "";
    if (b->n_nodes > 1)
        snprintf(others, sizeof(others), " and %" PRIu32 " more node%s", b->n_nodes - 1,
                 gw_plural(b->n_nodes - 1));
    return gw_judge_say(
        j, f,
        "no exporter reports %.1f paid GPU-hours of node %s%s (%s), so nothing is known of their "
        "use; run dcgm-exporter there, and see that Prometheus scrapes it",
        gw_hours(b->paid), name, others, gw_judge_money(monthly, money));
}

static blind *blind_of(gw_judge *j, gw_map *by_instance, blind *all, uint32_t *n, uint32_t node)
{
    const char *instance = j->fleet->nodes[node].instance_type;
    gw_str key = gw_str_of(instance ? instance : "");
    uint32_t at = gw_map_get(by_instance, key);
    if (at == GW_NONE) {
        if (gw_map_set(by_instance, key, *n))
            return NULL;
        at = (*n)++;
        all[at].instance = instance;
        all[at].node = node;
    }
    return &all[at];
}

/* Holds on a unit are booked on their own leaves; the unit's bill is that of all of them. */
static void add_bills(const gw_judge *j, gw_cost *of_node)
{
    const gw_ledger *l = j->in->ledger;
    for (size_t i = 0; i < l->n_leaves; i++) {
        uint32_t unit = l->leaves[i].unit;
        if (unit < j->fleet->n_units && j->fleet->units[unit].gpu == GW_NONE &&
            j->fleet->units[unit].node < j->fleet->n_nodes)
            gw_cost_add(&of_node[j->fleet->units[unit].node], &l->leaves[i].cost);
    }
}

static int gather(gw_judge *j, gw_map *by_instance, blind *all, uint32_t *n)
{
    const gw_fleet *f = j->fleet;
    gw_cost *bill = GW_NEW_ARRAY(&j->arena, gw_cost, f->n_nodes + 1);
    double *paid = GW_NEW_ARRAY(&j->arena, double, f->n_nodes + 1);
    uint32_t *observed = GW_NEW_ARRAY(&j->arena, uint32_t, f->n_nodes + 1);
    if (!bill || !paid || !observed)
        return gw_fail_memory(j->e);
    add_bills(j, bill);
    for (size_t i = 0; i < f->n_gpus; i++) {
        if (f->gpus[i].node < f->n_nodes)
            observed[f->gpus[i].node]++;
    }
    for (size_t i = 0; i < f->n_units && i < j->usage->n_units; i++) {
        if (f->units[i].gpu == GW_NONE && f->units[i].node < f->n_nodes)
            paid[f->units[i].node] += j->usage->units[i].paid;
    }
    for (uint32_t i = 0; i < f->n_nodes; i++) {
        if (paid[i] < (double)j->t->min_known_ms) /* the edge of an exporter's restart */
            continue;
        blind *b = blind_of(j, by_instance, all, n, i);
        if (!b)
            return gw_fail_memory(j->e);
        int64_t gpus = unobserved_on(j, observed, i);
        b->gpus = gpus < 0 || b->gpus < 0 ? GW_UNKNOWN_COUNT : b->gpus + gpus;
        b->n_nodes++;
        b->paid += paid[i];
        gw_cost_add(&b->cost, &bill[i]);
    }
    return 0;
}

int gw_rule_unobserved(gw_judge *j)
{
    blind *all = GW_NEW_ARRAY(&j->arena, blind, j->fleet->n_nodes + 1);
    if (!all)
        return gw_fail_memory(j->e);
    gw_map by_instance;
    gw_map_init(&by_instance);
    uint32_t n = 0;
    int rc = gather(j, &by_instance, all, &n);
    gw_map_free(&by_instance);
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = tell(j, &all[i]);
    return rc;
}
