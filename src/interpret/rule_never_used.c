/* never-used: GPUs that a pod held and on which nothing was ever computed. */
#include "interpret/judge.h"

static bool moved_data(const gw_judge *j, const gw_stats *s)
{
    return s->dram.peak > j->t->never_used_copy || s->copy.peak > j->t->never_used_copy;
}

bool gw_judge_never_used(const gw_judge *j, const gw_judge_part *part)
{
    const gw_stats *s = part->stats;
    if (!gw_judge_known(j, s) || s->compute.peak < 0 || s->compute.peak > j->t->never_used_compute)
        return false;
    double wall_ms = gw_judge_hours(j, s) * (double)GW_HOUR_MS * gw_judge_coverage(s);
    return wall_ms >= (double)j->t->never_used_min_ms && !moved_data(j, s);
}

static int tell(gw_judge *j, const gw_judge_pick *p)
{
    const gw_stats *s = &p->stats;
    gw_micro monthly = gw_judge_monthly(j, p->cost.wasted, p->cost.priced);
    double confidence = gw_confidence(gw_judge_coverage(s), gw_judge_hours(j, s),
                                      gw_margin_under(s->compute.peak, j->t->never_used_compute));
    gw_finding *f;
    int rc = gw_judge_finding(j, GW_RULE_NEVER_USED, monthly, confidence, &f);
    if (rc)
        return rc;
    gw_judge_subject(f, p->workload);
    gw_judge_evidence(j, f, p);
    gw_finding_number(f, "knownGpuHours", gw_hours(s->known));
    gw_finding_number(f, "peakCompute", s->compute.peak);
    gw_finding_measure(f, "peakMemory", s->memory.peak);
    gw_finding_number(f, "otherGpusOfPods", p->n_others);
    char who[GW_JUDGE_WHO_MAX], money[GW_JUDGE_MONEY_MAX];
    return gw_judge_say(j, f,
                        "%s held %" PRIu32
                        " GPU%s for %.1f GPU-hours and never computed on %s (highest sample "
                        "%.1f %%), %s; %s",
                        gw_judge_who(p, who), p->n_gpus, gw_plural(p->n_gpus), gw_hours(s->allocated),
                        p->n_gpus == 1 ? "it" : "them", 100 * s->compute.peak, gw_judge_money(monthly, money),
                        p->n_others ? "request fewer GPUs a pod: it works on the others"
                                    : "delete it, or scale it to zero while nobody calls it");
}

int gw_rule_never_used(gw_judge *j)
{
    return gw_judge_each(j, GW_JUDGE_HOLDS, gw_judge_never_used, tell);
}
