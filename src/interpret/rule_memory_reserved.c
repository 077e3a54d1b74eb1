/*
 * memory-reserved-compute-light: GPU memory is held while compute idles, window by window. Not where the DRAM
 * is busy (memory-bound says that), not where nothing ever ran (never-used), not where the GPU is shared
 * already.
 */
#include "interpret/judge.h"

static double low_high_share(const gw_stats *s)
{
    double judged = 0;
    for (int i = 0; i < GW_N_STATES; i++)
        judged += i == GW_STATE_UNKNOWN ? 0 : s->states[i];
    return judged > 0 ? s->states[GW_STATE_LOW_HIGH] / judged : -1;
}

static bool is_reserved(const gw_judge *j, const gw_judge_part *part)
{
    const gw_stats *s = part->stats;
    double mean = gw_judge_mean(s);
    return gw_judge_known(j, s) && gw_judge_quantity_known(j, s, &s->memory) && !part->shared && mean >= 0 &&
           mean < j->t->reserved_compute && s->memory.peak >= j->t->reserved_memory &&
           low_high_share(s) >= j->t->reserved_share && !gw_judge_never_used(j, part) &&
           !gw_judge_memory_bound(j, part);
}

static int tell(gw_judge *j, const gw_judge_pick *p)
{
    const gw_stats *s = &p->stats;
    gw_micro monthly = gw_judge_monthly(j, p->cost.wasted, p->cost.priced);
    gw_micro free_part =
        gw_judge_monthly(j, p->cost.reclaimable, p->cost.priced && p->cost.reclaimable_known);
    double mean = gw_judge_mean(s);
    double covered = GW_MIN(gw_judge_coverage(s), s->memory.known / s->allocated);
    double confidence =
        gw_confidence(covered, gw_judge_hours(j, s), gw_margin_under(mean, j->t->reserved_compute));
    gw_finding *f;
    int rc = gw_judge_finding(j, GW_RULE_MEMORY_RESERVED, monthly, confidence, &f);
    if (rc)
        return rc;
    gw_judge_subject(f, p->workload);
    gw_judge_evidence(j, f, p);
    gw_finding_number(f, "meanCompute", mean);
    gw_finding_measure(f, "p95Compute", gw_hist_quantile(s->compute_hist, 0.95));
    gw_finding_measure(f, "meanMemory", gw_quantity_mean(&s->memory));
    gw_finding_number(f, "peakMemory", s->memory.peak);
    gw_finding_measure(f, "lowHighShare", low_high_share(s));
    if (gw_micro_known(free_part))
        gw_finding_number(f, "reclaimableMonthlyUsd", (double)free_part / (double)GW_USD);
    else
        gw_finding_unknown(f, "reclaimableMonthlyUsd");
    char who[GW_JUDGE_WHO_MAX], money[GW_JUDGE_MONEY_MAX];
    return gw_judge_say(
        j, f,
        "%s reserves up to %.0f %% of GPU memory and averages %.1f %% compute, %s; "
        "%s",
        gw_judge_who(p, who), 100 * s->memory.peak, 100 * mean, gw_judge_waste(monthly, money),
        s->memory.peak >= 0.85 ? "cut the reserved memory (KV cache, preallocation) before sharing the GPU"
                               : "share the GPU, or cut its replicas");
}

int gw_rule_memory_reserved(gw_judge *j)
{
    return gw_judge_each(j, GW_JUDGE_PODS, is_reserved, tell);
}
