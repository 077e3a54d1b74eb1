/* memory-bound: compute is low while DRAM or the copy engine is busy, on the same windows. */
#include "interpret/judge.h"

bool gw_judge_memory_bound(const gw_judge *j, const gw_judge_part *part)
{
    const gw_stats *s = part->stats;
    double judged = s->memory_bound_known;
    if (!gw_judge_known(j, s) || !(judged > 0) || judged < j->t->min_coverage * s->allocated)
        return false;
    return s->memory_bound >= j->t->memory_bound_share * judged;
}

static int tell(gw_judge *j, const gw_judge_pick *p)
{
    const gw_stats *s = &p->stats;
    double share = s->memory_bound / s->memory_bound_known, mean = gw_judge_mean(s);
    gw_micro monthly = gw_judge_monthly(j, p->cost.wasted, p->cost.priced);
    double confidence = gw_confidence(GW_MIN(1.0, s->memory_bound_known / s->allocated), gw_judge_hours(j, s),
                                      gw_margin_over(share, j->t->memory_bound_share));
    gw_finding *f;
    int rc = gw_judge_finding(j, GW_RULE_MEMORY_BOUND, monthly, confidence, &f);
    if (rc)
        return rc;
    gw_judge_subject(f, p->workload);
    gw_judge_evidence(j, f, p);
    gw_finding_number(f, "memoryBoundShare", share);
    gw_finding_measure(f, "meanCompute", mean);
    gw_finding_measure(f, "meanDram", gw_quantity_mean(&s->dram));
    gw_finding_measure(f, "meanCopy", gw_quantity_mean(&s->copy));
    gw_finding_measure(f, "meanTensor", gw_quantity_mean(&s->tensor));
    char who[GW_JUDGE_WHO_MAX], money[GW_JUDGE_MONEY_MAX];
    return gw_judge_say(
        j, f,
        "%s is bound by memory traffic for %.0f %% of the time judged (compute averages %.1f %%), "
        "%s; use larger batches and move less data, since sharing "
        "would not help",
        gw_judge_who(p, who), 100 * share, 100 * mean, gw_judge_waste(monthly, money));
}

int gw_rule_memory_bound(gw_judge *j)
{
    return gw_judge_each(j, GW_JUDGE_PODS, gw_judge_memory_bound, tell);
}
