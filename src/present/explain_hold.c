/* What one pod cost on one GPU, with the arithmetic. */
#include "present/explain.h"

#include <math.h>

static double hours(double ms)
{
    return ms / (double)GW_HOUR_MS;
}

static const char *percent(gw_explanation *x, double share)
{
    return share >= 0 ? gw_explain_text(x, "%.2f %%", 100 * share) : "unknown";
}

static const char *dollars(gw_explanation *x, gw_micro m, bool known)
{
    char text[GW_MICRO_TEXT_MAX];
    return known && gw_micro_known(m) ? gw_explain_text(x, "$%s", gw_micro_format(m, text)) : "unknown";
}

static const char *span(gw_explanation *x, int64_t first_ms, int64_t end_ms)
{
    char a[GW_TIME_TEXT_MAX], b[GW_TIME_TEXT_MAX];
    if (end_ms <= first_ms)
        return "never seen";
    return gw_explain_text(x, "%s to %s", gw_time_format(first_ms, a), gw_time_format(end_ms, b));
}

/* What all leaves of a node were charged by the GPU-hour: the bill less overhead over the time seen on it. */
typedef struct node_rate {
    gw_micro bill, overhead;
    double gpu_hours, rate; /* dollars a GPU-hour; < 0 unknown */
} node_rate;

static node_rate rate_of(const gw_pipeline *p, uint32_t node)
{
    node_rate r = {.bill = node < p->ledger.n_nodes ? p->ledger.node_bill[node] : GW_MICRO_UNKNOWN,
                   .rate = -1};
    for (size_t i = 0; i < p->ledger.n_leaves; i++) {
        const gw_leaf *l = &p->ledger.leaves[i];
        if (l->node != node)
            continue;
        r.gpu_hours += hours(l->time.paid);
        r.overhead += l->cost.overhead;
    }
    if (gw_micro_known(r.bill) && r.gpu_hours > 0)
        r.rate = (double)(r.bill - r.overhead) / (double)GW_USD / r.gpu_hours;
    return r;
}

static void explain_price(gw_explanation *x, const gw_pipeline *p, uint32_t node, const node_rate *r)
{
    const gw_node_price *np = node < p->book.n_nodes ? &p->book.nodes[node] : NULL;
    if (!np || !gw_micro_known(np->hourly)) {
        gw_explain_fact(x, "price", np && np->why_unknown ? np->why_unknown : "no price list has this node",
                        "unknown");
        return;
    }
    /* most formulas begin with the source and its date */
    const char *formula = np->formula ? np->formula : "",
               *source = np->source ? np->source : "unknown source";
    bool said = strstr(formula, source) != NULL;
    gw_explain_fact(x, "node price",
                    gw_explain_text(x, "%s%s%s%s%s", formula, said ? "" : "; ", said ? "" : source,
                                    !said && np->as_of ? ", as of " : "",
                                    !said && np->as_of ? np->as_of : ""),
                    "%s an hour", dollars(x, np->hourly, true));
    if (r->rate >= 0)
        gw_explain_fact(x, "GPU-hour",
                        gw_explain_text(x, "node's bill %s%s%s / %.6f GPU hours seen on it",
                                        dollars(x, r->bill, true), r->overhead ? " less overhead " : "",
                                        r->overhead ? dollars(x, r->overhead, true) : "", r->gpu_hours),
                        "$%.6f", r->rate);
}

static const char *how_held(const gw_hold *h)
{
    switch (h->how) {
    case GW_HOLD_NAMED:
        return "the exporter's series name the pod";
    case GW_HOLD_REQUESTED:
        return "the pod requests GPUs on this node, and this one was left by elimination";
    default:
        return "the pod requests GPUs on this node, and no exporter reports them";
    }
}

static void explain_time(gw_explanation *x, const gw_pipeline *p, const gw_hold *h)
{
    const gw_stats *s = &h->stats;
    const gw_unit *u = &p->fleet.units[h->unit];
    char text[GW_SIGNALS_TEXT_MAX];
    unsigned signals = 0;
    gw_explain_fact(x, "held", how_held(h), "%s", span(x, s->first_ms, s->end_ms));
    if (h->shared || u->weight != 1)
        gw_explain_fact(x, "share",
                        h->shared
                            ? "other pods held it at the same time; each is charged its part of the time"
                            : "compute slices of the profile / slices of the board",
                        "%.6g of a GPU%s", u->weight, h->shared ? ", shared" : "");
    gw_explain_fact(x, "allocated", "time held x share of the board", "%.6f GPU hours", hours(s->allocated));
    for (int i = 0; i < GW_N_COMPUTE_SIGNALS; i++)
        signals |= s->by_signal[i] > 0 ? 1u << i : 0;
    const char *names = gw_signals_text(signals, text);
    gw_explain_fact(x, "signal",
                    "the best that the exporter has: SM_ACTIVE, else GR_ENGINE_ACTIVE, else GPU_UTIL", "%s",
                    names ? names : "none");
    const char *samples = s->samples ? gw_explain_text(x, "%" PRIu64 " samples", s->samples) : "samples";
    gw_explain_fact(
        x, "known",
        gw_explain_text(x, "%s cover %.4g windows of 5 minutes; each holds until the next, at most 5 minutes",
                        samples, s->known_windows),
        "%.6f GPU hours", hours(s->known));
    gw_explain_fact(x, "unknown", "allocated - known: never taken as zero", "%.6f GPU hours",
                    hours(gw_stats_unknown(s)));
}

static void explain_use(gw_explanation *x, const gw_hold *h)
{
    const gw_stats *s = &h->stats;
    double p95 = gw_hist_quantile(s->compute_hist, 0.95), mem95 = gw_hist_quantile(s->memory_hist, 0.95);
    gw_explain_fact(
        x, "compute",
        gw_explain_text(
            x, "mean = %.6f / %.6f GPU hours; P95 of windows %s, largest window %s, largest sample %s",
            hours(s->compute.integral), hours(s->compute.known), percent(x, p95),
            percent(x, s->window_mean_max), percent(x, s->compute.peak)),
        "mean %s", percent(x, gw_quantity_mean(&s->compute)));
    gw_explain_fact(
        x, "memory",
        s->memory_mib.peak >= 0
            ? gw_explain_text(x, "framebuffer used / (used + free); P95 of windows %s, peak %s, %.0f MiB",
                              percent(x, mem95), percent(x, s->memory.peak), s->memory_mib.peak)
            : "framebuffer used / (used + free)",
        "mean %s", percent(x, gw_quantity_mean(&s->memory)));
    double states[GW_N_STATES];
    gw_state_shares(s, states);
    gw_explain_fact(x, "states",
                    "compute and memory of the same 5-minute windows, each high or low by the thresholds",
                    "high-high %s, low-high %s, high-low %s, low-low %s, unknown %s",
                    percent(x, states[GW_STATE_HIGH_HIGH]), percent(x, states[GW_STATE_LOW_HIGH]),
                    percent(x, states[GW_STATE_HIGH_LOW]), percent(x, states[GW_STATE_LOW_LOW]),
                    percent(x, states[GW_STATE_UNKNOWN]));
}

static void explain_money(gw_explanation *x, const gw_stats *s, const gw_cost *c, double rate)
{
    double known = hours(s->known), used = hours(s->used), p95 = gw_hist_quantile(s->compute_hist, 0.95);
    const char *by = rate >= 0 ? gw_explain_text(x, "$%.6f", rate) : "unknown price";
    gw_explain_fact(x, "used", gw_explain_text(x, "sum of compute x time = %.6f GPU hours x %s", used, by),
                    "%s", dollars(x, c->used, c->priced));
    gw_explain_fact(x, "wasted", gw_explain_text(x, "known - used = %.6f GPU hours x %s", known - used, by),
                    "%s", dollars(x, c->wasted, c->priced));
    gw_explain_fact(x, "unknown", gw_explain_text(x, "%.6f GPU hours x %s", hours(gw_stats_unknown(s)), by),
                    "%s", dollars(x, c->unknown, c->priced));
    if (c->reclaimable_known)
        gw_explain_fact(
            x, "reclaimable",
            gw_explain_text(
                x,
                "the lesser of wasted and known x (1 - the greater of compute P95 %s and memory peak "
                "%s) = %.6f GPU hours x %s",
                percent(x, p95), percent(x, s->memory.peak),
                known * GW_MAX(0, 1 - GW_MAX(p95, s->memory.peak)), by),
            "%s", dollars(x, c->reclaimable, c->priced));
    else
        gw_explain_fact(x, "reclaimable", "no sample of memory says whether another pod would fit",
                        "unknown");
    gw_explain_fact(x, "bill", "used + wasted + unknown, rounded so that the node's parts add up to its bill",
                    "%s", dollars(x, c->bill, c->priced));
}

static const char *unit_name(gw_explanation *x, const gw_pipeline *p, uint32_t unit)
{
    const gw_unit *u = &p->fleet.units[unit];
    const char *node = u->node < p->fleet.n_nodes ? p->fleet.nodes[u->node].name : "an unknown node";
    if (u->gpu == GW_NONE)
        return gw_explain_text(x, "GPUs of %s that no exporter reports", node);
    const gw_gpu *g = &p->fleet.gpus[u->gpu];
    return gw_explain_text(x, "%s%s%s (%s) on %s", g->uuid, u->mig_profile ? " MIG " : "",
                           u->mig_profile ? u->mig_profile : "", g->model ? g->model : "model unknown", node);
}

static gw_cost hold_cost(const gw_pipeline *p, uint32_t hold)
{
    gw_cost c = {0};
    for (size_t i = 0; i < p->ledger.n_leaves; i++) {
        if (p->ledger.leaves[i].hold == hold)
            gw_cost_add(&c, &p->ledger.leaves[i].cost);
    }
    return c;
}

void gw_explain_hold(gw_explanation *x, const gw_pipeline *p, uint32_t hold)
{
    const gw_hold *h = &p->usage.holds[hold];
    const gw_pod *pod = &p->fleet.pods[h->pod];
    uint32_t node = p->fleet.units[h->unit].node;
    gw_cost c = hold_cost(p, hold);
    node_rate r = rate_of(p, node);
    gw_explain_section(x, "%s/%s on %s", pod->ns, pod->name, unit_name(x, p, h->unit));
    explain_time(x, p, h);
    explain_use(x, h);
    explain_price(x, p, node, &r);
    explain_money(x, &h->stats, &c, c.priced ? r.rate : -1);
}

void gw_explain_node(gw_explanation *x, const gw_pipeline *p, uint32_t node)
{
    const gw_node *n = &p->fleet.nodes[node];
    node_rate r = rate_of(p, node);
    gw_cost total = {0};
    gw_interval seen = gw_interval_cut(n->seen, p->window);
    for (size_t i = 0; i < p->ledger.n_leaves; i++) {
        if (p->ledger.leaves[i].node == node)
            gw_cost_add(&total, &p->ledger.leaves[i].cost);
    }
    gw_explain_section(x, "Node %s", n->name);
    gw_explain_fact(x, "type", NULL, "%s in %s, %s, %s",
                    n->instance_type ? n->instance_type : "instance type unknown",
                    n->region ? n->region : "region unknown", gw_capacity_name(n->capacity),
                    gw_provider_name(n->provider));
    gw_explain_fact(x, "seen", "first to last sample of any series about it, cut to the window", "%s",
                    span(x, seen.start_ms, seen.end_ms));
    explain_price(x, p, node, &r);
    gw_explain_fact(x, "bill", gw_explain_text(x, "price x %.6f h", hours((double)gw_interval_ms(seen))),
                    "%s", dollars(x, r.bill, true));
    if (total.priced)
        gw_explain_fact(x, "parts", "used + wasted + idle + unknown + overhead = bill",
                        "%s + %s + %s + %s + %s", dollars(x, total.used, true),
                        dollars(x, total.wasted, true), dollars(x, total.idle, true),
                        dollars(x, total.unknown, true), dollars(x, total.overhead, true));
    gw_explain_section(x, "Who held its GPUs");
    for (uint32_t h = 0; h < p->usage.n_holds; h++) {
        const gw_hold *one = &p->usage.holds[h];
        if (p->fleet.units[one->unit].node != node)
            continue;
        gw_cost c = hold_cost(p, h);
        const gw_pod *pod = &p->fleet.pods[one->pod];
        gw_explain_fact(x, gw_explain_text(x, "%s/%s", pod->ns, pod->name), unit_name(x, p, one->unit),
                        "%s, %.4f GPU hours", dollars(x, c.bill, c.priced), hours(one->stats.allocated));
    }
}

void gw_explain_gpu(gw_explanation *x, const gw_pipeline *p, uint32_t gpu)
{
    const gw_gpu *g = &p->fleet.gpus[gpu];
    gw_explain_section(x, "GPU %s", g->uuid);
    gw_explain_fact(x, "model", NULL, "%s", g->model ? g->model : "unknown");
    gw_explain_fact(x, "node", NULL, "%s",
                    g->node < p->fleet.n_nodes ? p->fleet.nodes[g->node].name : "unknown");
    gw_explain_fact(x, "seen", "first to last sample of any of its series", "%s",
                    span(x, g->seen.start_ms, g->seen.end_ms));
    for (size_t i = 0; i < p->ledger.n_leaves; i++) {
        const gw_leaf *l = &p->ledger.leaves[i];
        if (l->unit == GW_NONE || l->hold != GW_NONE || p->fleet.units[l->unit].gpu != gpu)
            continue;
        gw_explain_fact(x, "idle", "observed, and held by no pod", "%s for %.6f GPU hours",
                        dollars(x, l->cost.idle, l->cost.priced), hours(l->time.idle));
        gw_explain_fact(x, "unknown", "neither a holder nor a sample", "%s for %.6f GPU hours",
                        dollars(x, l->cost.unknown, l->cost.priced), hours(l->time.unknown));
    }
    for (uint32_t h = 0; h < p->usage.n_holds; h++) {
        if (p->fleet.units[p->usage.holds[h].unit].gpu == gpu)
            gw_explain_hold(x, p, h);
    }
}
