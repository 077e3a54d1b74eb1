/* Pods, groups of pods, and findings. */
#include "present/explain.h"

#define HOLDS_SHOWN 16
#define PODS_SHOWN  50

static const char *or_unknown(const char *s)
{
    return s ? s : "unknown";
}

void gw_explain_pod(gw_explanation *x, const gw_pipeline *p, uint32_t pod)
{
    static const char *const resources[] = {"none", "nvidia.com/gpu", "nvidia.com/gpu.shared",
                                            "nvidia.com/mig"};
    const gw_pod *d = &p->fleet.pods[pod];
    size_t shown = 0, n = 0;
    gw_explain_section(x, "Pod %s/%s", d->ns, d->name);
    gw_explain_fact(x, "workload", "owner links followed to the top", "%s %s", or_unknown(d->workload_kind),
                    or_unknown(d->workload_name));
    if (d->gpus != GW_UNKNOWN_COUNT)
        gw_explain_fact(x, "requests", NULL, "%" PRId64 " x %s%s%s", d->gpus, resources[d->resource],
                        d->mig_resource ? "-" : "", d->mig_resource ? d->mig_resource : "");
    else
        gw_explain_fact(x, "requests", "kube-state-metrics did not say", "unknown");
    for (int f = 0; f < GW_N_OWNER_FIELDS; f++) {
        const char *v = gw_owner_of(&p->fleet, &p->ownership, pod, (gw_owner_field)f);
        if (v)
            gw_explain_fact(x, gw_owner_field_name((gw_owner_field)f), NULL, "%s", v);
    }
    if (p->pod_class && gw_class_name(p->pod_class[pod]))
        gw_explain_fact(x, "class", p->pod_class_reason ? p->pod_class_reason[pod] : NULL, "%s",
                        gw_class_name(p->pod_class[pod]));
    for (uint32_t h = 0; h < p->usage.n_holds; h++) {
        if (p->usage.holds[h].pod != pod)
            continue;
        n++;
        if (shown < HOLDS_SHOWN) {
            gw_explain_hold(x, p, h);
            shown++;
        }
    }
    if (n == 0)
        gw_explain_fact(x, "GPUs", NULL, "none was held in the window");
    if (n > shown)
        gw_explain_section(x, "and %zu more GPUs", n - shown);
}

static bool belongs(const gw_pod *d, const char *ns, const char *workload)
{
    if (!gw_eq(d->ns, ns))
        return false;
    return !workload || gw_eq(d->workload_name ? d->workload_name : d->name, workload);
}

static const char *money(gw_explanation *x, gw_micro m, bool priced)
{
    char text[GW_MICRO_TEXT_MAX];
    return priced ? gw_explain_text(x, "$%s", gw_micro_format(m, text)) : "unknown";
}

static void put_pod(gw_explanation *x, const gw_pipeline *p, uint32_t pod, const gw_cost *c,
                    const gw_gpu_time *t)
{
    gw_explain_fact(x, p->fleet.pods[pod].name,
                    gw_explain_text(x, "used %s + wasted %s + unknown %s; %.6f GPU hours",
                                    money(x, c->used, c->priced), money(x, c->wasted, c->priced),
                                    money(x, c->unknown, c->priced), t->allocated / (double)GW_HOUR_MS),
                    "%s", money(x, c->bill, c->priced));
}

/* What a pod cost, over all it held. */
typedef struct pod_sum {
    gw_cost cost;
    gw_gpu_time time;
    bool holds;
} pod_sum;

/* By index of the pod; gw_free it. NULL when memory is exhausted. */
static pod_sum *sum_by_pod(const gw_pipeline *p)
{
    pod_sum *sums = gw_calloc(p->fleet.n_pods + 1, sizeof(*sums));
    for (size_t i = 0; sums && i < p->ledger.n_leaves; i++) {
        const gw_leaf *l = &p->ledger.leaves[i];
        if (l->hold == GW_NONE)
            continue;
        pod_sum *s = &sums[p->usage.holds[l->hold].pod];
        gw_cost_add(&s->cost, &l->cost);
        gw_gpu_time_add(&s->time, &l->time);
        s->holds = true;
    }
    return sums;
}

typedef struct pod_order {
    const gw_pipeline *p;
    const pod_sum *sums;
} pod_order;

/* Dearest first, then by name: the order in which a source tells of pods is its own. */
static int dearest_first(const void *a, const void *b, void *ctx)
{
    const pod_order *o = ctx;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const gw_pod *p = &o->p->fleet.pods[i], *q = &o->p->fleet.pods[j];
    if (o->sums[i].cost.bill != o->sums[j].cost.bill)
        return o->sums[i].cost.bill > o->sums[j].cost.bill ? -1 : 1;
    int c = strcmp(p->ns, q->ns);
    return c ? c : strcmp(p->name, q->name);
}

void gw_explain_pods(gw_explanation *x, const gw_pipeline *p, const char *ns, const char *workload)
{
    gw_cost total = {0};
    gw_gpu_time time = {0};
    size_t n = 0;
    pod_sum *sums = sum_by_pod(p);
    uint32_t *order = gw_malloc((p->fleet.n_pods + 1) * sizeof(*order));
    size_t n_order = 0;
    if (!sums || !order) {
        gw_free(sums);
        gw_free(order);
        x->failed = GW_ENOMEM;
        return;
    }
    for (uint32_t pod = 0; pod < p->fleet.n_pods; pod++) {
        if (sums[pod].holds && belongs(&p->fleet.pods[pod], ns, workload))
            order[n_order++] = pod;
    }
    qsort_r(order, n_order, sizeof(*order), dearest_first, &(pod_order){p, sums});
    gw_explain_section(x, "Its pods, and what each cost (explain pod/%s/NAME goes on from here)", ns);
    for (size_t i = 0; i < n_order; i++) {
        uint32_t pod = order[i];
        const pod_sum *s = &sums[pod];
        gw_cost_add(&total, &s->cost);
        gw_gpu_time_add(&time, &s->time);
        if (n++ < PODS_SHOWN)
            put_pod(x, p, pod, &s->cost, &s->time);
    }
    gw_free(order);
    gw_free(sums);
    if (n > PODS_SHOWN)
        gw_explain_fact(x, "...", NULL, "and %zu more: report --by pod lists them all", n - PODS_SHOWN);
    gw_explain_section(x, "Together");
    gw_explain_fact(x, "pods", NULL, "%zu held GPUs", n);
    gw_explain_fact(x, "allocated", "sum over its pods", "%.6f GPU hours",
                    time.allocated / (double)GW_HOUR_MS);
    gw_explain_fact(x, "used", "sum over its pods", "%s, %.6f GPU hours", money(x, total.used, total.priced),
                    time.used / (double)GW_HOUR_MS);
    gw_explain_fact(x, "wasted", "sum over its pods", "%s", money(x, total.wasted, total.priced));
    gw_explain_fact(x, "unknown", "sum over its pods", "%s, %.6f GPU hours",
                    money(x, total.unknown, total.priced), time.unknown / (double)GW_HOUR_MS);
    if (total.reclaimable_known)
        gw_explain_fact(x, "reclaimable", "sum over its pods whose memory is known", "%s",
                        money(x, total.reclaimable, total.priced));
    gw_explain_fact(x, "bill", "used + wasted + unknown", "%s", money(x, total.bill, total.priced));
}

static void put_finding(gw_explanation *x, const gw_finding *f)
{
    char text[GW_MICRO_TEXT_MAX], number[GW_DECIMAL_TEXT_MAX];
    gw_explain_section(x, "%s", f->text && *f->text ? f->text : f->rule);
    for (size_t i = 0; i < f->n_subject; i++)
        gw_explain_fact(x, f->subject[i].name, NULL, "%s", f->subject[i].value);
    gw_explain_fact(x, "severity", NULL, "%s", gw_severity_name(f->severity));
    gw_explain_fact(x, "a month", "the window's cost x 730.5 h / the window's hours", "%s%s",
                    gw_micro_known(f->monthly) ? "$" : "",
                    gw_micro_known(f->monthly) ? gw_micro_format(f->monthly, text) : "unknown");
    gw_explain_fact(x, "confidence", "coverage x duration x margin, see docs/guide/findings.md", "%.2f",
                    f->confidence);
    for (size_t i = 0; i < f->n_evidence; i++) {
        const gw_evidence *v = &f->evidence[i];
        gw_explain_fact(x, v->name, NULL, "%s",
                        v->kind == GW_EVIDENCE_NUMBER ? gw_decimal_format(v->number, 6, true, number)
                        : v->kind == GW_EVIDENCE_TEXT ? v->text
                                                      : "unknown");
    }
}

void gw_explain_rule(gw_explanation *x, const gw_pipeline *p, const char *rule)
{
    size_t n = 0;
    for (size_t i = 0; i < p->findings.n; i++) {
        if (!gw_eq(p->findings.items[i].rule, rule))
            continue;
        if (n++ < PODS_SHOWN)
            put_finding(x, &p->findings.items[i]);
    }
    if (n == 0)
        gw_explain_section(x, "Nothing in this window meets the rule %s", rule);
    if (n > PODS_SHOWN)
        gw_explain_section(x, "and %zu more: report -o json has them all", n - PODS_SHOWN);
}
