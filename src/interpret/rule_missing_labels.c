/*
 * missing-ownership-labels: GPU time whose owner no label names, per namespace. kube-state-metrics exports
 * only the labels of its allowlist, none by default, so a pod of which no label at all was seen, and which
 * the Kubernetes API did not list, has unknown labels: nothing is said of it.
 */
#include "base/buf.h"
#include "interpret/judge.h"

/* Confidence in a label being missing: the API lists every label, kube-state-metrics those it was told to. */
#define SEEN_IN_API     1.0
#define SEEN_IN_METRICS 0.5

typedef struct ns_gap {
    const char *name;
    uint32_t n_pods, n_missing, n_unknown;
    unsigned missing;                 /* required fields that at least one pod lacks */
    unsigned everywhere;              /* fields of any kind that no pod of it has */
    gw_cost cost;                     /* of pods that lack a required field */
    gw_cost field[GW_N_OWNER_FIELDS]; /* of pods that lack this one */
    double allocated;                 /* GPU-ms of pods that lack a required field */
    double sureness;                  /* sum over them */
} ns_gap;

static unsigned required_of(const gw_judge *j, uint32_t pod)
{
    gw_workload_class c = j->in->pod_class ? j->in->pod_class[pod] : GW_CLASS_UNKNOWN;
    bool serves_model = c == GW_CLASS_INFERENCE || c == GW_CLASS_TRAINING || c == GW_CLASS_UNKNOWN;
    return j->t->required_owner | (serves_model ? j->t->required_model : 0);
}

static void take_pod(const gw_judge *j, const gw_judge_pod *jp, ns_gap *n)
{
    const gw_pod *p = &j->fleet->pods[jp->pod];
    n->n_pods++;
    if (!p->in_api && p->labels.n == 0) {
        n->n_unknown++;
        return;
    }
    unsigned missing = 0;
    for (int field = 0; field < GW_N_OWNER_FIELDS; field++) {
        if (!gw_owner_of(j->fleet, j->in->ownership, jp->pod, (gw_owner_field)field))
            missing |= 1u << field;
    }
    n->everywhere &= missing;
    missing &= required_of(j, jp->pod);
    if (!missing)
        return;
    gw_cost cost = {0};
    for (uint32_t i = jp->first; i < jp->first + jp->n; i++) {
        gw_judge_add_hold_cost(j, j->holds[i], &cost);
        n->allocated += j->usage->holds[j->holds[i]].stats.allocated;
    }
    n->n_missing++;
    n->missing |= missing;
    n->sureness += p->in_api ? SEEN_IN_API : SEEN_IN_METRICS;
    gw_cost_add(&n->cost, &cost);
    for (int field = 0; field < GW_N_OWNER_FIELDS; field++) {
        if (missing & 1u << field)
            gw_cost_add(&n->field[field], &cost);
    }
}

/* "team, model" */
static const char *field_names(gw_judge *j, unsigned fields)
{
    gw_buf b;
    gw_buf_init(&b, 1024);
    for (int i = 0; i < GW_N_OWNER_FIELDS; i++) {
        if (fields & 1u << i)
            gw_buf_printf(&b, "%s%s", b.len ? ", " : "", gw_owner_field_name((gw_owner_field)i));
    }
    const char *text = b.failed ? NULL : gw_judge_text(j, "%s", b.data ? b.data : "");
    gw_buf_free(&b);
    return text;
}

static int field_dollars(gw_judge *j, gw_finding *f, const ns_gap *n)
{
    for (int i = 0; i < GW_N_OWNER_FIELDS; i++) {
        if (!(n->missing & 1u << i))
            continue;
        const char *key = gw_judge_text(j, "%sMonthlyUsd", gw_owner_field_name((gw_owner_field)i));
        if (!key)
            return gw_fail_memory(j->e);
        gw_micro monthly = gw_judge_monthly(j, n->field[i].bill, n->field[i].priced);
        if (gw_micro_known(monthly))
            gw_finding_number(f, key, (double)monthly / (double)GW_USD);
        else
            gw_finding_unknown(f, key);
    }
    return 0;
}

static int tell(gw_judge *j, const ns_gap *n)
{
    const char *names = field_names(j, n->missing);
    const char *also = field_names(j, n->everywhere & ~n->missing);
    if (!names || !also)
        return gw_fail_memory(j->e);
    gw_micro monthly = gw_judge_monthly(j, n->cost.bill, n->cost.priced);
    gw_finding *f;
    int rc = gw_judge_finding(j, GW_RULE_MISSING_LABELS, monthly, n->sureness / n->n_missing, &f);
    if (rc)
        return rc;
    gw_finding_subject(f, "namespace", n->name);
    gw_finding_number(f, "pods", n->n_missing);
    gw_finding_number(f, "podsOfNamespace", n->n_pods);
    gw_finding_number(f, "podsUnknown", n->n_unknown);
    gw_finding_number(f, "gpuHours", gw_hours(n->allocated));
    gw_finding_text(f, "missing", names);
    if (*also)
        gw_finding_text(f, "alsoMissing", also);
    rc = field_dollars(j, f, n);
    if (rc)
        return rc;
    char money[GW_JUDGE_MONEY_MAX];
    return gw_judge_say(
        j, f,
        "namespace %s: %" PRIu32 " of %" PRIu32
        " GPU pods have no label for %s, so nobody can be shown %.1f GPU-hours (%s) as theirs; "
        "label the namespace or the pod templates",
        n->name, n->n_missing, n->n_pods, names, gw_hours(n->allocated), gw_judge_money(monthly, money));
}

int gw_rule_missing_labels(gw_judge *j)
{
    ns_gap *all = GW_NEW_ARRAY(&j->arena, ns_gap, j->n_workloads + 1);
    if (!all)
        return gw_fail_memory(j->e);
    gw_map by_name;
    gw_map_init(&by_name);
    uint32_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < j->n_workloads && !rc; i++) {
        const gw_judge_workload *w = &j->workloads[i];
        uint32_t at = gw_map_get(&by_name, gw_str_of(w->ns));
        if (at == GW_NONE) {
            at = n++;
            all[at].name = w->ns;
            all[at].everywhere = (1u << GW_N_OWNER_FIELDS) - 1;
            if (gw_map_set(&by_name, gw_str_of(w->ns), at))
                rc = gw_fail_memory(j->e);
        }
        for (uint32_t p = w->first; p < w->first + w->n && !rc; p++)
            take_pod(j, &j->pods[p], &all[at]);
    }
    gw_map_free(&by_name);
    for (uint32_t i = 0; i < n && !rc; i++) {
        if (all[i].n_missing)
            rc = tell(j, &all[i]);
    }
    return rc;
}
