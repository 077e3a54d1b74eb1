/* small-model-large-gpu: a model whose peak memory is a small part of a large GPU that it does not need for
 * its compute either. */
#include "interpret/judge.h"

static int64_t unit_memory_mib(const gw_fleet *f, uint32_t unit)
{
    const gw_unit *u = &f->units[unit];
    if (u->memory_mib >= 0)
        return u->memory_mib;
    if (u->mig_profile) /* the board's memory says nothing of a slice */
        return GW_UNKNOWN_COUNT;
    if (u->gpu < f->n_gpus && f->gpus[u->gpu].memory_mib >= 0)
        return f->gpus[u->gpu].memory_mib;
    return u->node < f->n_nodes ? f->nodes[u->node].gpu_memory_mib : GW_UNKNOWN_COUNT;
}

static bool is_small(const gw_judge *j, const gw_judge_part *part)
{
    const gw_stats *s = part->stats;
    if (!gw_judge_known(j, s) || !gw_judge_quantity_known(j, s, &s->memory) || part->shared ||
        s->memory.peak >= j->t->small_model_memory)
        return false;
    for (uint32_t i = part->first; i < part->first + part->n; i++) {
        if (unit_memory_mib(j->fleet, j->usage->holds[j->holds[i]].unit) < j->t->small_model_gpu_mib)
            return false; /* small, or unknown */
    }
    double p95 = gw_hist_quantile(s->compute_hist, 0.95);
    return p95 >= 0 && p95 < j->t->small_model_compute && !gw_judge_never_used(j, part) &&
           !gw_judge_memory_bound(j, part);
}

static int tell(gw_judge *j, const gw_judge_pick *p)
{
    const gw_stats *s = &p->stats;
    gw_micro monthly = gw_judge_monthly(j, p->cost.reclaimable, p->cost.priced && p->cost.reclaimable_known);
    double covered = GW_MIN(gw_judge_coverage(s), s->memory.known / s->allocated);
    double confidence = gw_confidence(covered, gw_judge_hours(j, s),
                                      gw_margin_under(s->memory.peak, j->t->small_model_memory));
    gw_finding *f;
    int rc = gw_judge_finding(j, GW_RULE_SMALL_MODEL, monthly, confidence, &f);
    if (rc)
        return rc;
    uint32_t hold = GW_NONE;
    for (uint32_t i = p->workload->first; i < p->workload->first + p->workload->n && hold == GW_NONE; i++) {
        if (j->pods[i].pod == p->pod)
            hold = j->holds[j->pods[i].first];
    }
    const gw_unit *u = &j->fleet->units[j->usage->holds[hold].unit];
    const char *gpu = u->gpu < j->fleet->n_gpus ? j->fleet->gpus[u->gpu].model : NULL;
    int64_t gpu_mib = unit_memory_mib(j->fleet, j->usage->holds[hold].unit);
    const char *model = gw_owner_of(j->fleet, j->in->ownership, p->pod, GW_OWNER_MODEL);
    gw_judge_subject(f, p->workload);
    gw_judge_evidence(j, f, p);
    if (model)
        gw_finding_text(f, "model", model);
    gw_finding_text(f, "gpuModel", gpu);
    gw_finding_number(f, "gpuMemoryMib", (double)gpu_mib);
    gw_finding_measure(f, "peakMemoryMib", s->memory_mib.peak);
    gw_finding_number(f, "peakMemory", s->memory.peak);
    gw_finding_measure(f, "p95Compute", gw_hist_quantile(s->compute_hist, 0.95));
    char who[GW_JUDGE_WHO_MAX], money[GW_JUDGE_MONEY_MAX];
    return gw_judge_say(j, f,
                        "%s needs at most %.0f %% of the memory of its %s (%" PRId64
                        " MiB) and a P95 of %.0f %% of its compute, %s%s; use a smaller GPU or a MIG slice",
                        gw_judge_who(p, who), 100 * s->memory.peak, gpu ? gpu : "GPU", gpu_mib,
                        100 * gw_hist_quantile(s->compute_hist, 0.95), gw_judge_money(monthly, money),
                        gw_micro_known(monthly) ? " could be freed" : "");
}

int gw_rule_small_model(gw_judge *j)
{
    return gw_judge_each(j, GW_JUDGE_PODS, is_small, tell);
}
