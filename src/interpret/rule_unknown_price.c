/* unknown-price: GPU time whose price no list knows, per instance type, region and capacity; never $0. */
#include "base/buf.h"
#include "interpret/judge.h"

typedef struct gap {
    uint32_t node; /* the first; GW_NONE: units of no known node */
    uint32_t n_nodes;
    double paid; /* GPU-ms */
} gap;

static const gw_node_price *price_of(const gw_judge *j, uint32_t node)
{
    return node < j->in->prices->n_nodes ? &j->in->prices->nodes[node] : NULL;
}

static int tell(gw_judge *j, const gap *g)
{
    gw_finding *f;
    int rc = gw_judge_finding(j, GW_RULE_UNKNOWN_PRICE, GW_MICRO_UNKNOWN, 1, &f);
    if (rc)
        return rc;
    f->severity = GW_SEVERITY_HIGH; /* every amount of the report is too small by it */
    if (g->node == GW_NONE) {
        gw_finding_subject(f, "instanceType", "unknown");
        gw_finding_number(f, "gpuHours", gw_hours(g->paid));
        return gw_judge_say(
            j, f,
            "%.1f GPU-hours are on GPUs whose node is unknown, so they have no price and are in no "
            "amount of this report; see that the exporter's Hostname is the node's name",
            gw_hours(g->paid));
    }
    const gw_node *n = &j->fleet->nodes[g->node];
    const gw_node_price *p = price_of(j, g->node);
    const char *why =
        p && p->why_unknown ? p->why_unknown : "no price list has it: add it with --prices FILE";
    gw_finding_subject(f, "instanceType", n->instance_type ? n->instance_type : "unknown");
    gw_finding_subject(f, "region", n->region);
    gw_finding_subject(f, "capacity", gw_capacity_name(n->capacity));
    gw_finding_number(f, "nodes", g->n_nodes);
    gw_finding_text(f, "exampleNode", n->name);
    gw_finding_number(f, "gpuHours", gw_hours(g->paid));
    gw_finding_text(f, "why", why);
    return gw_judge_say(j, f,
                        "%" PRIu32
                        " node%s of instance type %s in %s %s no price, so %.1f GPU-hours are in no amount "
                        "of this report: %s",
                        g->n_nodes, gw_plural(g->n_nodes), n->instance_type ? n->instance_type : "(unknown)",
                        n->region ? n->region : "an unknown region", g->n_nodes == 1 ? "has" : "have",
                        gw_hours(g->paid), why);
}

static int gap_of(gw_judge *j, gw_map *by_kind, gap *all, uint32_t *n, uint32_t node, uint32_t *ret)
{
    gw_buf key;
    gw_buf_init(&key, 4096);
    if (node == GW_NONE) {
        gw_buf_puts(&key, "?");
    } else {
        const gw_node *v = &j->fleet->nodes[node];
        gw_buf_puts(&key, v->instance_type ? v->instance_type : "");
        gw_buf_add(&key, "", 1);
        gw_buf_puts(&key, v->region ? v->region : "");
        gw_buf_printf(&key, "/%s", gw_capacity_name(v->capacity));
    }
    int rc = gw_buf_check(&key, "instance type", j->e);
    if (!rc && (*ret = gw_map_get(by_kind, (gw_str){key.data, key.len})) == GW_NONE) {
        *ret = *n;
        if (gw_map_set(by_kind, (gw_str){key.data, key.len}, *n))
            rc = gw_fail_memory(j->e);
        else
            all[(*n)++] = (gap){.node = node};
    }
    gw_buf_free(&key);
    return rc;
}

static int gather(gw_judge *j, gw_map *by_kind, gap *all, uint32_t *n)
{
    const gw_fleet *f = j->fleet;
    double *paid = GW_NEW_ARRAY(&j->arena, double, f->n_nodes + 1); /* the last: of no known node */
    if (!paid)
        return gw_fail_memory(j->e);
    for (size_t i = 0; i < f->n_units && i < j->usage->n_units; i++)
        paid[GW_MIN(f->units[i].node, (uint32_t)f->n_nodes)] += j->usage->units[i].paid;
    for (uint32_t i = 0; i <= f->n_nodes; i++) {
        const gw_node_price *p = price_of(j, i);
        if (!(paid[i] > 0) || (i < f->n_nodes && p && gw_micro_known(p->gpu_hourly)))
            continue;
        uint32_t at;
        int rc = gap_of(j, by_kind, all, n, i < f->n_nodes ? i : GW_NONE, &at);
        if (rc)
            return rc;
        all[at].n_nodes++;
        all[at].paid += paid[i];
    }
    return 0;
}

int gw_rule_unknown_price(gw_judge *j)
{
    if (!j->in->prices)
        return 0;
    gap *all = GW_NEW_ARRAY(&j->arena, gap, j->fleet->n_nodes + 1);
    if (!all)
        return gw_fail_memory(j->e);
    gw_map by_kind;
    gw_map_init(&by_kind);
    uint32_t n = 0;
    int rc = gather(j, &by_kind, all, &n);
    gw_map_free(&by_kind);
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = tell(j, &all[i]);
    return rc;
}
