/* namespace-underused: the time-weighted mean over a namespace's known GPU time is low. */
#include "interpret/judge.h"

typedef struct ns_use {
    const char *name;
    gw_stats stats;
    gw_cost cost;
    uint32_t n_pods, n_workloads;
} ns_use;

static int tell(gw_judge *j, const ns_use *n)
{
    const gw_stats *s = &n->stats;
    double mean = gw_judge_mean(s);
    if (!gw_judge_known(j, s) || mean < 0 || mean >= j->t->namespace_low)
        return 0;
    gw_micro monthly = gw_judge_monthly(j, n->cost.wasted, n->cost.priced);
    double confidence =
        gw_confidence(gw_judge_coverage(s), gw_judge_hours(j, s), gw_margin_under(mean, j->t->namespace_low));
    gw_finding *f;
    int rc = gw_judge_finding(j, GW_RULE_NAMESPACE_LOW, monthly, confidence, &f);
    if (rc)
        return rc;
    gw_finding_subject(f, "namespace", n->name);
    gw_finding_number(f, "workloads", n->n_workloads);
    gw_finding_number(f, "pods", n->n_pods);
    gw_finding_number(f, "gpuHours", gw_hours(s->allocated));
    gw_finding_number(f, "knownGpuHours", gw_hours(s->known));
    gw_finding_number(f, "meanCompute", mean);
    gw_finding_measure(f, "p95Compute", gw_hist_quantile(s->compute_hist, 0.95));
    gw_finding_measure(f, "peakCompute", s->compute.peak);
    gw_finding_number(f, "thresholdCompute", j->t->namespace_low);
    if (n->cost.unpriced_ms > 0)
        gw_finding_number(f, "unpricedGpuHours", gw_hours(n->cost.unpriced_ms));
    char money[GW_JUDGE_MONEY_MAX];
    return gw_judge_say(j, f,
                        "namespace %s averages %.1f %% compute over %.1f known GPU-hours of %" PRIu32
                        " pod%s, %s; start with its dearest workload",
                        n->name, 100 * mean, gw_hours(s->known), n->n_pods, gw_plural(n->n_pods),
                        gw_judge_waste(monthly, money));
}

static int take_workload(gw_judge *j, const gw_judge_workload *w, ns_use *n)
{
    n->n_workloads++;
    n->n_pods += w->n;
    for (uint32_t p = w->first; p < w->first + w->n; p++) {
        const gw_judge_pod *pod = &j->pods[p];
        for (uint32_t i = pod->first; i < pod->first + pod->n; i++) {
            if (gw_stats_merge(&n->stats, &j->usage->holds[j->holds[i]].stats))
                return gw_fail_memory(j->e);
            gw_judge_add_hold_cost(j, j->holds[i], &n->cost);
        }
    }
    return 0;
}

static int gather(gw_judge *j, gw_map *by_name, ns_use *all, size_t *n)
{
    for (size_t i = 0; i < j->n_workloads; i++) {
        const gw_judge_workload *w = &j->workloads[i];
        uint32_t at = gw_map_get(by_name, gw_str_of(w->ns));
        if (at == GW_NONE) {
            at = (uint32_t)*n;
            if (gw_map_set(by_name, gw_str_of(w->ns), at))
                return gw_fail_memory(j->e);
            all[at].name = w->ns;
            gw_stats_init(&all[at].stats);
            ++*n;
        }
        int rc = take_workload(j, w, &all[at]);
        if (rc)
            return rc;
    }
    return 0;
}

int gw_rule_namespace_low(gw_judge *j)
{
    ns_use *all = GW_NEW_ARRAY(&j->arena, ns_use, j->n_workloads + 1);
    if (!all)
        return gw_fail_memory(j->e);
    gw_map by_name;
    gw_map_init(&by_name);
    size_t n = 0;
    int rc = gather(j, &by_name, all, &n);
    for (size_t i = 0; i < n; i++) {
        if (!rc)
            rc = tell(j, &all[i]);
        gw_stats_free(&all[i].stats);
    }
    gw_map_free(&by_name);
    return rc;
}
