/* peak-hides-average: the largest sample, which a dashboard's maximum shows, against window averages. */
#include "interpret/judge.h"

static bool is_hidden(const gw_judge *j, const gw_judge_part *part)
{
    const gw_stats *s = part->stats;
    double mean = gw_judge_mean(s);
    return gw_judge_known(j, s) && s->compute.peak >= j->t->peak_high && mean >= 0 &&
           mean < j->t->peak_mean_low;
}

static int tell(gw_judge *j, const gw_judge_pick *p)
{
    const gw_stats *s = &p->stats;
    gw_micro monthly = gw_judge_monthly(j, p->cost.wasted, p->cost.priced);
    double mean = gw_judge_mean(s);
    double confidence =
        gw_confidence(gw_judge_coverage(s), gw_judge_hours(j, s), gw_margin_under(mean, j->t->peak_mean_low));
    gw_finding *f;
    int rc = gw_judge_finding(j, GW_RULE_PEAK_HIDES, monthly, confidence, &f);
    if (rc)
        return rc;
    gw_judge_subject(f, p->workload);
    gw_judge_evidence(j, f, p);
    gw_finding_number(f, "peakCompute", s->compute.peak);
    gw_finding_measure(f, "busiestWindowCompute", s->window_mean_max);
    gw_finding_measure(f, "p95Compute", gw_hist_quantile(s->compute_hist, 0.95));
    gw_finding_number(f, "meanCompute", mean);
    char who[GW_JUDGE_WHO_MAX], money[GW_JUDGE_MONEY_MAX], busiest[64] = "";
    if (s->window_mean_max >= 0)
        snprintf(busiest, sizeof(busiest), " (%.0f %% over its busiest 5 minutes)", 100 * s->window_mean_max);
    return gw_judge_say(
        j, f,
        "%s peaks at %.0f %% compute%s but averages %.1f %%, %s; judge it by window averages, not by "
        "its maximum, and size it for its P95",
        gw_judge_who(p, who), 100 * s->compute.peak, busiest, 100 * mean, gw_judge_waste(monthly, money));
}

int gw_rule_peak_hides(gw_judge *j)
{
    return gw_judge_each(j, GW_JUDGE_PODS, is_hidden, tell);
}
