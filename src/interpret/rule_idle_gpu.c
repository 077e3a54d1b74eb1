/* idle-gpu: GPUs (or MIG slices) that are paid for and held by no pod for much of their time; per node. */
#include "base/buf.h"
#include "interpret/judge.h"

#define LIST_MAX 16 /* GPUs named in the evidence; the rest is "…" */

typedef struct idle_node {
    gw_cost cost;
    double idle, paid, unknown;         /* GPU-ms of the idle units */
    double wall_ms;                     /* longest paid wall time of one of them */
    uint32_t n_idle, n_units, n_slices; /* idle ones; all that were paid for; slices among these */
    uint32_t unit;                      /* the first idle one */
} idle_node;

static bool is_idle(const gw_judge *j, uint32_t unit)
{
    const gw_unit *u = &j->fleet->units[unit];
    const gw_unit_usage *use = &j->usage->units[unit];
    double idle = use->idle.allocated, weight = u->weight > 0 ? u->weight : 1;
    return use->paid > 0 && idle >= j->t->idle_share * use->paid &&
           idle / weight >= (double)j->t->min_known_ms;
}

static void take_unit(const gw_judge *j, uint32_t unit, idle_node *n)
{
    const gw_unit *u = &j->fleet->units[unit];
    const gw_unit_usage *use = &j->usage->units[unit];
    if (!(use->paid > 0)) /* a board that was seen only as slices, or before it was sliced */
        return;
    n->n_units++;
    n->n_slices += u->mig_profile != NULL;
    if (!is_idle(j, unit))
        return;
    gw_judge_add_idle_cost(j, unit, &n->cost);
    if (n->n_idle++ == 0)
        n->unit = unit;
    n->idle += use->idle.allocated;
    n->paid += use->paid;
    n->unknown += use->unknown;
    n->wall_ms = GW_MAX(n->wall_ms, use->paid / (u->weight > 0 ? u->weight : 1));
}

static const char *name_of(const gw_judge *j, uint32_t unit, char out[64])
{
    const gw_unit *u = &j->fleet->units[unit];
    const gw_gpu *g = &j->fleet->gpus[u->gpu];
    if (g->index < 0)
        snprintf(out, 64, "%.40s", g->uuid);
    else if (u->mig_id)
        snprintf(out, 64, "%d/%.40s", (int)g->index, u->mig_id);
    else
        snprintf(out, 64, "%d", (int)g->index);
    return out;
}

/* "0,3,5": the exporter's indexes of the idle ones, "index/instance" for a MIG slice. */
static const char *list_idle(gw_judge *j, const uint32_t *units, size_t n)
{
    gw_buf b;
    gw_buf_init(&b, 4096);
    size_t listed = 0;
    for (size_t i = 0; i < n; i++) {
        char name[64];
        if (!is_idle(j, units[i]))
            continue;
        if (listed == LIST_MAX) {
            gw_buf_puts(&b, ",…");
            break;
        }
        gw_buf_printf(&b, "%s%s", listed++ ? "," : "", name_of(j, units[i], name));
    }
    const char *text = b.failed ? NULL : gw_judge_text(j, "%s", b.data ? b.data : "");
    gw_buf_free(&b);
    return text;
}

static int tell(gw_judge *j, uint32_t node, const idle_node *n, const uint32_t *units, size_t n_units)
{
    gw_micro monthly = gw_judge_monthly(j, n->cost.idle, n->cost.priced);
    double share = n->idle / n->paid;
    double confidence = gw_confidence(1 - n->unknown / n->paid, gw_hours(n->wall_ms),
                                      gw_margin_over(share, j->t->idle_share));
    const char *list = list_idle(j, units, n_units);
    gw_finding *f;
    if (!list)
        return gw_fail_memory(j->e);
    int rc = gw_judge_finding(j, GW_RULE_IDLE_GPU, monthly, confidence, &f);
    if (rc)
        return rc;
    const char *name = node == GW_NONE ? "unknown" : j->fleet->nodes[node].name;
    gw_finding_subject(f, "node", name);
    if (n->n_idle == 1)
        gw_finding_subject(f, "gpu", j->fleet->gpus[j->fleet->units[n->unit].gpu].uuid);
    gw_finding_number(f, "gpus", n->n_idle);
    gw_finding_number(f, "gpusOfNode", n->n_units);
    gw_finding_text(f, "gpuIndexes", list);
    gw_finding_number(f, "idleShare", share);
    gw_finding_number(f, "idleGpuHours", gw_hours(n->idle));
    gw_finding_number(f, "paidGpuHours", gw_hours(n->paid));
    if (n->cost.unpriced_ms > 0)
        gw_finding_number(f, "unpricedGpuHours", gw_hours(n->cost.unpriced_ms));
    char money[GW_JUDGE_MONEY_MAX];
    const char *noun = n->n_slices == 0            ? "GPU"
                       : n->n_slices == n->n_units ? "MIG slice"
                                                   : "GPUs and MIG slice";
    bool whole = n->n_idle == n->n_units && n->idle >= 0.99 * n->paid;
    return gw_judge_say(j, f,
                        "node %s: no pod held %" PRIu32 " of %" PRIu32
                        " %s%s for %.0f %% of the %.1f GPU-hours paid, %s; %s",
                        name, n->n_idle, n->n_units, noun, gw_plural(n->n_units), 100 * share,
                        gw_hours(n->paid), gw_judge_money(monthly, money),
                        whole ? "drain the node and give it back" : "move work onto them or run fewer nodes");
}

int gw_rule_idle_gpu(gw_judge *j)
{
    const gw_fleet *f = j->fleet;
    size_t n_units = GW_MIN(f->n_units, j->usage->n_units);
    /* units sorted by node, in the fleet's order within a node; the last node is the unknown one */
    uint32_t *first = GW_NEW_ARRAY(&j->arena, uint32_t, f->n_nodes + 2);
    uint32_t *order = GW_NEW_ARRAY(&j->arena, uint32_t, n_units + 1);
    if (!first || !order)
        return gw_fail_memory(j->e);
#define NODE_OF(u) (f->units[u].node < f->n_nodes ? f->units[u].node : (uint32_t)f->n_nodes)
    for (uint32_t u = 0; u < n_units; u++)
        first[NODE_OF(u)] += f->units[u].gpu < f->n_gpus;
    for (size_t i = 0, at = 0; i < f->n_nodes + 2; i++) {
        size_t n = first[i];
        first[i] = (uint32_t)at;
        at += n;
    }
    for (uint32_t u = 0; u < n_units; u++) {
        if (f->units[u].gpu < f->n_gpus)
            order[first[NODE_OF(u)]++] = u;
    }
    /* now first[i] is where node i ends */
    for (uint32_t i = 0, at = 0; i < f->n_nodes + 1; at = first[i++]) {
        idle_node n = {.unit = GW_NONE};
        for (uint32_t k = at; k < first[i]; k++)
            take_unit(j, order[k], &n);
        if (n.n_idle == 0)
            continue;
        int rc = tell(j, i < f->n_nodes ? i : GW_NONE, &n, order + at, first[i] - at);
        if (rc)
            return rc;
    }
#undef NODE_OF
    return 0;
}
