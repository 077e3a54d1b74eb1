/*
 * over-requested-cpu, over-requested-memory: what GPU pods request beside their GPUs, against the most that
 * cAdvisor ever saw them use. The pods of a workload share a template, so one recommendation must hold for
 * the busiest of them.
 */
#include "interpret/judge.h"

#include <math.h>

/* List prices of a vCPU-hour and a GiB-hour, by which a node's non-GPU price is split between the two: those
 * OpenCost ships as its defaults. */
#define CPU_PER_HOUR 0.031611
#define RAM_PER_HOUR 0.004237

typedef struct resource {
    const char *rule;
    bool memory;
    double per_unit; /* milli-cores in a core, MiB in a GiB */
    const char *unit, *request_key, *used_key, *recommended_key, *excess_key;
} resource;

static const resource CPU = {
    GW_RULE_OVER_CPU, false, 1000, "cores", "requestCores", "usedMaxCores", "recommendedCores",
    "excessCoreHours"};
static const resource MEMORY = {
    GW_RULE_OVER_MEMORY, true, 1024, "GiB", "requestGib", "usedMaxGib", "recommendedGib", "excessGibHours"};

typedef struct request {
    double total, used_max;   /* of the pods whose usage is known; in milli-cores or MiB */
    uint32_t n_pods, unknown; /* pods with known usage and request; the others */
    gw_interval seen;
} request;

static double requested(const gw_pod *p, const resource *r)
{
    return (double)(r->memory ? p->memory_request_mib : p->cpu_request_milli);
}

static double used_max(const gw_pod *p, const resource *r)
{
    return r->memory ? p->memory_used_max_mib : p->cpu_used_max_milli;
}

static bool pod_known(const gw_pod *p, const resource *r)
{
    return requested(p, r) >= 0 && used_max(p, r) >= 0;
}

/* When the pod ran, within the window: what kube-state-metrics says, else when it was seen on a GPU. */
static gw_interval ran(const gw_judge *j, const gw_judge_pod *p)
{
    gw_interval seen = j->fleet->pods[p->pod].active;
    for (uint32_t i = p->first; gw_interval_ms(seen) == 0 && i < p->first + p->n; i++) {
        const gw_stats *s = &j->usage->holds[j->holds[i]].stats;
        seen = (gw_interval){s->first_ms, s->end_ms};
    }
    return gw_interval_cut(seen, j->usage->window);
}

static request add_up(const gw_judge *j, const gw_judge_workload *w, const resource *r)
{
    request q = {0};
    for (uint32_t i = w->first; i < w->first + w->n; i++) {
        const gw_pod *p = &j->fleet->pods[j->pods[i].pod];
        if (!pod_known(p, r)) {
            q.unknown++;
            continue;
        }
        gw_interval t = ran(j, &j->pods[i]);
        q.n_pods++;
        q.total += requested(p, r);
        q.used_max = GW_MAX(q.used_max, used_max(p, r));
        if (gw_interval_ms(t) > 0)
            gw_interval_cover(&q.seen, t.start_ms, t.end_ms);
    }
    return q;
}

/* Share of the node's non-GPU price that `excess` of the resource stands for; < 0 where its size is unknown.
 */
static double price_share(const gw_node *n, const resource *r, double excess)
{
    if (n->cpu_milli <= 0 || n->memory_mib <= 0)
        return -1;
    double cpu = (double)n->cpu_milli / 1000 * CPU_PER_HOUR,
           ram = (double)n->memory_mib / 1024 * RAM_PER_HOUR;
    double part = r->memory ? excess / 1024 * RAM_PER_HOUR : excess / 1000 * CPU_PER_HOUR;
    return GW_MIN(1.0, part / (cpu + ram));
}

/*
 * What the excess cost in the window. Only a price book that splits a node's price gives CPU and RAM a price
 * of their own; without the split the GPUs carry it all, and the excess has none.
 */
static bool price_excess(const gw_judge *j, const gw_judge_workload *w, const resource *r, double recommended,
                         gw_micro *ret, double *ret_hours)
{
    const gw_price_book *b = j->in->prices;
    bool priced = false;
    *ret = 0;
    *ret_hours = 0;
    for (uint32_t i = w->first; i < w->first + w->n; i++) {
        const gw_pod *p = &j->fleet->pods[j->pods[i].pod];
        double excess = requested(p, r) - recommended;
        int64_t ms = gw_interval_ms(ran(j, &j->pods[i]));
        if (!pod_known(p, r) || excess <= 0)
            continue;
        *ret_hours += excess / r->per_unit * gw_hours((double)ms);
        if (p->node >= j->fleet->n_nodes || !b || p->node >= b->n_nodes)
            continue;
        gw_micro hourly = b->nodes[p->node].overhead_hourly;
        double share = price_share(&j->fleet->nodes[p->node], r, excess);
        if (!gw_micro_known(hourly) || hourly <= 0 || share < 0)
            continue;
        *ret += (gw_micro)llround((double)gw_micro_for(hourly, ms) * share);
        priced = true;
    }
    return priced;
}

static int judge_workload(gw_judge *j, const gw_judge_workload *w, const resource *r)
{
    request q = add_up(j, w, r);
    double floor_of = (double)(r->memory ? j->t->memory_floor_mib : j->t->cpu_floor_milli);
    double excess_min = (double)(r->memory ? j->t->memory_excess_mib : j->t->cpu_excess_milli);
    double recommended = GW_MAX(floor_of, q.used_max * j->t->request_margin);
    if (q.n_pods == 0 || !(recommended > 0) || gw_interval_ms(q.seen) < j->t->min_known_ms)
        return 0;
    double a_pod = q.total / q.n_pods, ratio = a_pod / recommended;
    if (ratio < j->t->over_request || a_pod - recommended < excess_min)
        return 0;
    gw_micro amount;
    double excess_hours;
    bool priced = price_excess(j, w, r, recommended, &amount, &excess_hours);
    gw_micro monthly = gw_judge_monthly(j, amount, priced);
    double confidence = gw_confidence((double)q.n_pods / w->n, gw_hours((double)gw_interval_ms(q.seen)),
                                      gw_margin_ratio(ratio, j->t->over_request));
    gw_finding *f;
    int rc = gw_judge_finding(j, r->rule, monthly, confidence, &f);
    if (rc)
        return rc;
    if (!gw_micro_known(monthly)) /* frees room, not dollars: less than what has a price */
        f->severity = GW_SEVERITY_LOW;
    gw_judge_subject(f, w);
    gw_finding_number(f, "pods", q.n_pods);
    gw_finding_number(f, "podsUnknown", q.unknown);
    gw_finding_number(f, r->request_key, a_pod / r->per_unit);
    gw_finding_number(f, r->used_key, q.used_max / r->per_unit);
    gw_finding_number(f, r->recommended_key, recommended / r->per_unit);
    gw_finding_number(f, "ratio", ratio);
    gw_finding_number(f, r->excess_key, excess_hours);
    char who[GW_JUDGE_WHO_MAX], money[GW_JUDGE_MONEY_MAX];
    gw_judge_pick p = {.workload = w, .n_pods = q.n_pods};
    return gw_judge_say(
        j, f,
        "%s requests %.1f %s a pod and never used more than %.2f (%s); %.2f would leave a margin of "
        "%.0f %%, and the rest is room in which other GPU pods could run",
        gw_judge_who(&p, who), a_pod / r->per_unit, r->unit, q.used_max / r->per_unit,
        gw_micro_known(monthly) ? gw_judge_money(monthly, money) : "no price of its own in this report",
        recommended / r->per_unit, 100 * (j->t->request_margin - 1));
}

static int judge_all(gw_judge *j, const resource *r)
{
    int rc = 0;
    for (size_t i = 0; i < j->n_workloads && !rc; i++)
        rc = judge_workload(j, &j->workloads[i], r);
    return rc;
}

int gw_rule_over_cpu(gw_judge *j)
{
    return judge_all(j, &CPU);
}

int gw_rule_over_memory(gw_judge *j)
{
    return judge_all(j, &MEMORY);
}
