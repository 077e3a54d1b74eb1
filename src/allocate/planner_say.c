/* What an action says of itself: names, phrases, risk, what it touches, what must be so first. */
#include "allocate/planner_internal.h"

#include "interpret/interpret.h"

#define PREREQUISITES_MAX 16

/* Text in the plan's arena; NULL for want of memory. */
#define say(p, ...) gw_arena_printf(&(p)->plan->arena, __VA_ARGS__)

static const gw_tenant *tenant_of(const gw_planning *p, uint32_t pod)
{
    for (size_t i = 0; pod != GW_NONE && i < p->world.n_tenants; i++) {
        if (p->world.tenants[i].pod == pod)
            return &p->world.tenants[i];
    }
    return NULL;
}

static const char *node_name(const gw_planning *p, uint32_t node)
{
    return node < p->in->fleet->n_nodes ? p->in->fleet->nodes[node].name : "a new node";
}

/* ---- what it touches ---- */

typedef struct touched {
    uint32_t with_gpus, bundles, training, alone, bare; /* moved pods; of a workload of one pod */
    double gpus;                                        /* of the nodes given back */
    double gpus_held;
} touched;

static bool is_alone(const gw_planning *p, const gw_tenant *t)
{
    uint32_t n = 0;
    if (t->workload == GW_NONE)
        return true;
    for (size_t i = 0; i < p->world.n_tenants; i++)
        n += p->world.tenants[i].workload == t->workload;
    return n == 1;
}

static int measure_blast(gw_planning *p, gw_action *a, touched *ret)
{
    const gw_change *c = &a->change;
    bool *workload = gw_calloc(p->world.n_workloads + 1, sizeof(*workload));
    bool *node = gw_calloc(p->in->fleet->n_nodes + 1, sizeof(*node));
    touched x = {0};
    if (!workload || !node) {
        gw_free(workload);
        gw_free(node);
        return gw_fail_memory(p->e);
    }
    for (size_t i = 0; i < c->n_moves; i++) {
        const gw_tenant *t = tenant_of(p, c->moves[i].pod);
        if (!t) {
            x.bundles += c->moves[i].pod == GW_NONE;
            continue;
        }
        a->blast.pods++;
        a->blast.production += t->headroom.production;
        if (t->workload == GW_NONE || !workload[t->workload])
            a->blast.workloads++;
        if (t->workload != GW_NONE)
            workload[t->workload] = true;
        x.with_gpus += t->n_units > 0;
        x.training += t->n_units > 0 && (t->class == GW_CLASS_TRAINING || t->class == GW_CLASS_BATCH);
        x.alone += t->n_units > 0 && is_alone(p, t);
        x.bare += t->workload == GW_NONE;
    }
    for (size_t k = 0; k < p->world.n_tenants; k++) {
        const gw_tenant *t = &p->world.tenants[k];
        bool resized = false, moves = false;
        for (size_t i = 0; i < c->n_resizes && !resized; i++)
            resized = gw_plan_resizes(p, &c->resizes[i], t);
        for (size_t i = 0; i < c->n_moves && !moves; i++)
            moves = t->pod != GW_NONE && c->moves[i].pod == t->pod;
        if (!resized || moves)
            continue;
        a->blast.pods++;
        a->blast.production += t->headroom.production;
        if (t->workload == GW_NONE || !workload[t->workload])
            a->blast.workloads++;
        if (t->workload != GW_NONE)
            workload[t->workload] = true;
        x.with_gpus += t->n_units > 0;
        x.training += t->n_units > 0 && (t->class == GW_CLASS_TRAINING || t->class == GW_CLASS_BATCH);
        x.alone += t->n_units > 0 && is_alone(p, t);
        x.bare += t->workload == GW_NONE;
        node[t->node] = true;
    }
    for (size_t i = 0; i < c->n_cuts; i++) {
        if (c->cuts[i].gpu < p->in->fleet->n_gpus)
            node[p->in->fleet->gpus[c->cuts[i].gpu].node] = true;
    }
    for (size_t i = 0; i < c->n_released; i++) {
        node[c->released[i]] = true;
        x.gpus += p->world.nodes[c->released[i]].n_boards;
    }
    a->blast.nodes = (uint32_t)c->n_hires;
    for (size_t i = 0; i < p->in->fleet->n_nodes; i++)
        a->blast.nodes += node[i];
    gw_free(workload);
    gw_free(node);
    *ret = x;
    return 0;
}

/* ---- risk ---- */

static void raise_risk(gw_action *a, gw_risk to, const char *why)
{
    if (a->risk_why && to < a->risk)
        return; /* of equal ones the later says more */
    a->risk = to;
    a->risk_why = why;
}

static void judge_risk(const gw_planning *p, gw_action *a, const touched *x)
{
    raise_risk(a, GW_RISK_LOW, "nothing that runs is touched");
    if (!p->api)
        raise_risk(a, GW_RISK_MEDIUM,
                   "the Kubernetes API was not read, so nobody knows what is to keep the node");
    if (a->blast.pods)
        raise_risk(a, x->with_gpus ? GW_RISK_MEDIUM : GW_RISK_LOW,
                   x->with_gpus ? "pods that hold GPUs restart" : "only pods without GPUs restart");
    if (x->bundles)
        raise_risk(a, GW_RISK_MEDIUM,
                   "pods that have ended used these GPUs within the window and may come again");
    if (a->blast.pods && !p->in->fleet->budgets_known)
        raise_risk(a, GW_RISK_MEDIUM, "PodDisruptionBudgets could not be read");
    if (a->kind == GW_ACTION_REPLACE_NODES)
        raise_risk(a, GW_RISK_HIGH, "pods move to nodes that do not exist yet");
    if (x->training)
        raise_risk(a, GW_RISK_HIGH,
                   "training or batch pods restart, and whether they write checkpoints is not known");
    if (x->alone && a->blast.production)
        raise_risk(a, GW_RISK_HIGH, "a production workload of one pod is away while it restarts");
    if ((a->kind == GW_ACTION_TIME_SLICE || a->kind == GW_ACTION_MPS) && a->blast.production)
        raise_risk(a, GW_RISK_HIGH, "production pods share a board that does not keep them apart");
}

/* ---- what must be so first ---- */

static int need(gw_planning *p, gw_action *a, const char *text)
{
    if (!a->prerequisites)
        a->prerequisites = GW_NEW_ARRAY(&p->plan->arena, const char *, PREREQUISITES_MAX);
    if (!a->prerequisites || !text)
        return gw_fail_memory(p->e);
    if (a->n_prerequisites < PREREQUISITES_MAX)
        a->prerequisites[a->n_prerequisites++] = text;
    return 0;
}

static int list_needs(gw_planning *p, gw_action *a, const touched *x)
{
    int rc = 0;
    if (!p->api)
        rc = need(p, a,
                  "check that no annotation, taint or owner keeps the node: the Kubernetes API was not read");
    if (!rc && a->blast.pods && !p->in->fleet->budgets_known)
        rc = need(p, a, "check that PodDisruptionBudgets allow the evictions: they could not be read");
    if (!rc && x->training)
        rc = need(p, a,
                  "wait for the training and batch pods to end, or see that they have written a checkpoint");
    if (!rc && a->change.n_resizes)
        rc = need(p, a, "no HorizontalPodAutoscaler scales on the share of these requests that is used");
    if (!rc && x->bare)
        rc = need(p, a, "pods without a controller are not made again: start them anew by hand");
    if (!rc && a->kind == GW_ACTION_MIG)
        rc = need(p, a, "the GPU operator's MIG manager runs, with mig.strategy mixed");
    if (!rc && (a->kind == GW_ACTION_MPS || a->kind == GW_ACTION_TIME_SLICE))
        rc = need(p, a,
                  "NVIDIA's device plugin reads its configuration by the node label "
                  "nvidia.com/device-plugin.config");
    if (!rc && (a->kind == GW_ACTION_MPS || a->kind == GW_ACTION_TIME_SLICE))
        rc = need(p, a,
                  "see that bursts do not come together: P95 says nothing of what is busy for less than a "
                  "twentieth of the time");
    if (!rc && (a->change.n_released || a->change.n_hires))
        rc = need(
            p, a,
            "the autoscaler, or whoever owns the node group, takes drained nodes away and does not bring "
            "them back");
    return rc;
}

/* ---- phrases ---- */

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static int name_it(gw_planning *p, gw_action *a, const gw_proposal *x)
{
    const char *node = node_name(p, x->node),
               *cluster = x->node < p->in->fleet->n_nodes ? p->in->fleet->nodes[x->node].cluster : NULL;
    const char *id = cluster ? say(p, "%s/%s/%s", gw_action_kind_name(a->kind), cluster, node)
                             : say(p, "%s/%s", gw_action_kind_name(a->kind), node);
    for (int i = 2; id && gw_plan_find(p->plan, id) != GW_NONE && i < 1000; i++)
        id = say(p, "%s/%s#%d", gw_action_kind_name(a->kind), node, i);
    a->id = id;
    a->subject = say(p, "node %s", node);
    return a->id && a->subject ? 0 : gw_fail_memory(p->e);
}

static const char *released_names(gw_planning *p, const gw_action *a)
{
    const char *text = "";
    for (size_t i = 0; text && i < a->change.n_released; i++) {
        if (i == 3 && a->change.n_released > 4) {
            text = say(p, "%s and %zu more", text, a->change.n_released - i);
            break;
        }
        text = say(p, "%s%s%s", text, i ? ", " : "", node_name(p, a->change.released[i]));
    }
    return text;
}

static int phrase_release(gw_planning *p, gw_action *a, const touched *x)
{
    size_t pods = a->blast.pods;
    a->is = pods ? say(p, "%.0f GPU%s, %zu pod%s", x->gpus, plural((size_t)x->gpus), pods, plural(pods))
                 : say(p, "%.0f idle GPU%s", x->gpus, plural((size_t)x->gpus));
    a->should = pods ? say(p, "pods moved, node given back") : say(p, "given back");
    a->text =
        pods
            ? say(p,
                  "The %zu pod%s on node %s fit%s on nodes that stay; without %s the node can be given back.",
                  pods, plural(pods), released_names(p, a), pods == 1 ? "s" : "", pods == 1 ? "it" : "them")
        : x->bundles ? say(p,
                           "Nothing runs on node %s now, and what ran on it within the window fits on nodes "
                           "that stay.",
                           released_names(p, a))
                     : say(p, "Node %s is paid for and nothing needs it.", released_names(p, a));
    return a->is && a->should && a->text ? 0 : gw_fail_memory(p->e);
}

static int phrase_share(gw_planning *p, gw_action *a, const gw_proposal *x)
{
    const gw_change *c = &a->change;
    const gw_cut *cut = c->n_cuts ? &c->cuts[0] : NULL;
    const char *to = !cut ? "as it is"
                     : cut->form == GW_FORM_MIG
                         ? say(p, "%zu board%s cut by MIG (%s%s)", c->n_cuts, plural(c->n_cuts), cut->layout,
                               c->n_cuts > 1 ? ", …" : "")
                         : say(p, "%zu board%s in %d parts by %s", c->n_cuts, c->n_cuts == 1 ? "" : "s, each",
                               cut->parts, gw_form_name(cut->form));
    a->is = say(p, "%u pod%s with boards of their own on %zu node%s", a->blast.pods, plural(a->blast.pods),
                c->n_released + 1, plural(c->n_released + 1));
    a->should = to ? say(p, "%s; %zu node%s given back", to, c->n_released, plural(c->n_released)) : NULL;
    a->text = to ? say(p, "Node %s: %s; the pods of %s move there, and %s can be given back.",
                       node_name(p, x->node), to, released_names(p, a), c->n_released == 1 ? "it" : "they")
                 : NULL;
    return a->is && a->should && a->text ? 0 : gw_fail_memory(p->e);
}

static int phrase_resize(gw_planning *p, gw_action *a, const touched *x)
{
    const gw_change *c = &a->change;
    int64_t cpu = 0, memory = 0;
    for (size_t i = 0; i < c->n_resizes; i++) {
        const gw_resize *r = &c->resizes[i];
        cpu += (r->cpu_milli[0] - r->cpu_milli[1]) * r->pods;
        memory += (r->memory_mib[0] - r->memory_mib[1]) * r->pods;
    }
    a->is = say(p, "requests that block %.0f GPU%s", x->gpus, plural((size_t)x->gpus));
    a->should = say(p, "%.1f CPU and %.1f GiB less requested, %zu node%s given back", (double)cpu / 1000,
                    (double)memory / 1024, c->n_released, plural(c->n_released));
    a->text = say(p, "With requests as measured for %zu workload%s, what is on %s fits on nodes that stay.",
                  c->n_resizes, plural(c->n_resizes), released_names(p, a));
    return a->is && a->should && a->text ? 0 : gw_fail_memory(p->e);
}

static int phrase_mix(gw_planning *p, gw_action *a, const gw_proposal *x)
{
    const gw_change *c = &a->change;
    a->is = say(p, "%zu node%s", c->n_released, plural(c->n_released));
    a->should = x->should ? x->should : say(p, "%zu other node%s", c->n_hires, plural(c->n_hires));
    a->text = say(p, "The pods of %s fit %s for less.", released_names(p, a), a->should ? a->should : "");
    return a->is && a->should && a->text ? 0 : gw_fail_memory(p->e);
}

/* ---- evidence ---- */

static gw_evidence *slot(gw_action *a, const char *name)
{
    if (a->n_evidence == GW_ACTION_EVIDENCE_MAX)
        return NULL;
    gw_evidence *v = &a->evidence[a->n_evidence++];
    *v = (gw_evidence){.name = name, .kind = GW_EVIDENCE_UNKNOWN};
    return v;
}

static void number(gw_action *a, const char *name, double value)
{
    gw_evidence *v = slot(a, name);
    if (v && value >= 0) {
        v->kind = GW_EVIDENCE_NUMBER;
        v->number = value;
    }
}

static void give_evidence(gw_planning *p, gw_action *a, const touched *x)
{
    double hours = 0, peak = -1, compute = -1, burst = -1, share = -1;
    for (size_t i = 0; i < a->change.n_moves; i++) {
        const gw_tenant *t = tenant_of(p, a->change.moves[i].pod);
        if (!t || t->n_units == 0)
            continue;
        compute = GW_MAX(compute, t->facts.compute_p95);
        burst = GW_MAX(burst, t->facts.compute_peak);
        int64_t seat = a->change.moves[i].to[0].memory_mib;
        if (t->facts.memory_peak_mib >= 0 && seat > 0 && t->facts.memory_peak_mib > peak * (double)seat) {
            peak = (double)t->facts.memory_peak_mib / (double)seat;
            share = (double)t->facts.memory_peak_mib;
        }
    }
    hours = (double)gw_interval_ms(p->world.observed) / (double)GW_HOUR_MS;
    number(a, "windowHours", hours);
    number(a, "gpusReleased", x->gpus);
    number(a, "nodesReleased", (double)a->change.n_released);
    if (x->with_gpus) {
        number(a, "highestComputeP95", compute);
        number(a, "highestComputePeak", burst);
        number(a, "highestMemoryPeakOfSeat", peak);
        number(a, "thatMemoryPeakMib", share);
    }
    if (x->bundles)
        number(a, "pastTenants", x->bundles);
    gw_micro hourly = 0;
    bool priced = a->change.n_released > 0;
    const char *source = NULL;
    for (size_t i = 0; i < a->change.n_released; i++) {
        const gw_world_node *n = &p->world.nodes[a->change.released[i]];
        priced &= n->priced;
        hourly += n->hourly;
        if (n->priced && !source)
            source = p->in->book->nodes[a->change.released[i]].source;
    }
    if (a->change.n_released) {
        gw_micro hired = 0;
        for (size_t i = 0; i < a->change.n_hires; i++)
            hired += gw_micro_known(a->change.hires[i].hourly) ? a->change.hires[i].hourly : 0;
        /* nodes that joined within the window cost more a month than the window shows */
        number(a, "monthlyAtRunningRateUsd",
               priced && hourly >= hired ? (double)(hourly - hired) / (double)GW_USD * GW_MONTH_HOURS : -1);
        number(a, "hourlyReleasedUsd", priced ? (double)hourly / (double)GW_USD : -1);
        gw_evidence *v = slot(a, "priceSource");
        if (v && source) {
            v->kind = GW_EVIDENCE_TEXT;
            v->text = source;
        }
    }
}

int gw_plan_describe(gw_planning *p, gw_action *a, const gw_proposal *x)
{
    touched t = {0};
    int rc = measure_blast(p, a, &t);
    rc = rc ? rc : name_it(p, a, x);
    if (rc)
        return rc;
    judge_risk(p, a, &t);
    rc = list_needs(p, a, &t);
    if (rc)
        return rc;
    give_evidence(p, a, &t);
    switch (a->kind) {
    case GW_ACTION_RELEASE_NODE:
    case GW_ACTION_MOVE_CPU_PODS:
        return phrase_release(p, a, &t);
    case GW_ACTION_MIG:
    case GW_ACTION_MPS:
    case GW_ACTION_TIME_SLICE:
        return phrase_share(p, a, x);
    case GW_ACTION_RIGHT_SIZE:
        return a->change.n_resizes ? phrase_resize(p, a, &t) : phrase_release(p, a, &t);
    case GW_ACTION_REPLACE_NODES:
    case GW_N_ACTION_KINDS:
        break;
    }
    return phrase_mix(p, a, x);
}

int gw_plan_describe_resize(gw_planning *p, gw_action *a, const char *cluster, uint32_t pods)
{
    const gw_resize *r = &a->change.resizes[0];
    a->id = cluster ? say(p, "%s/%s/%s/%s/%s", gw_action_kind_name(a->kind), cluster, r->ns, r->kind, r->name)
                    : say(p, "%s/%s/%s/%s", gw_action_kind_name(a->kind), r->ns, r->kind, r->name);
    a->subject = say(p, "%s %s/%s", r->kind, r->ns, r->name);
    a->is =
        say(p, "%.2f CPU, %.1f GiB a pod", (double)r->cpu_milli[0] / 1000, (double)r->memory_mib[0] / 1024);
    a->should = say(p, "%.2f CPU, %.1f GiB", (double)r->cpu_milli[1] / 1000, (double)r->memory_mib[1] / 1024);
    a->text = say(p, "%u pod%s of %s %s/%s ask%s for more than the histograms say: %s; %s would do.", pods,
                  plural(pods), r->kind, r->ns, r->name, pods == 1 ? "s" : "", a->is ? a->is : "",
                  a->should ? a->should : "");
    touched t = {0};
    a->blast = (gw_blast){.pods = pods, .workloads = 1, .restart_cost = 0};
    for (size_t i = 0; i < p->world.n_tenants; i++) {
        const gw_tenant *x = &p->world.tenants[i];
        const gw_pod *pod = x->pod == GW_NONE ? NULL : &p->in->fleet->pods[x->pod];
        if (!gw_plan_resizes(p, r, x) || (cluster && !gw_eq(pod->cluster, cluster)))
            continue;
        a->blast.production += x->headroom.production;
        t.with_gpus += x->n_units > 0;
        t.training += x->n_units > 0 && (x->class == GW_CLASS_TRAINING || x->class == GW_CLASS_BATCH);
        t.alone += x->n_units > 0 && is_alone(p, x);
        t.bare += x->workload == GW_NONE;
        if (gw_micro_known(a->blast.restart_cost))
            a->blast.restart_cost =
                gw_micro_known(x->restart_cost) ? a->blast.restart_cost + x->restart_cost : GW_MICRO_UNKNOWN;
    }
    raise_risk(a, GW_RISK_MEDIUM, "a changed request restarts the pods");
    judge_risk(p, a, &t);
    if (list_needs(p, a, &t))
        return p->e->code;
    number(a, "pods", pods);
    number(a, "cpuMilliFreed", (double)(r->cpu_milli[0] - r->cpu_milli[1]) * pods);
    number(a, "memoryMibFreed", (double)(r->memory_mib[0] - r->memory_mib[1]) * pods);
    return a->id && a->subject && a->is && a->should && a->text ? 0 : gw_fail_memory(p->e);
}
