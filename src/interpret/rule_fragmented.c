/*
 * fragmented-gpus: whole GPUs that are free when the window ends and that nobody can use.
 *
 *  spread: a pending pod needs k GPUs on one node; k and more are free, but no node has k.
 *  cpu, memory: the node's unrequested CPU or memory is less than the median GPU pod requests. Pods that are
 *  not known leave the room larger than it is, so what is said to be too small is too small.
 *
 * Free is what the scheduler would count: the nvidia.com/gpu that the node offers, less what pods on it
 * request. On nodes whose GPUs are time-sliced, or all sliced by MIG under that name, those are not whole
 * GPUs: they are room for a pending pod, but not free GPUs. Node selectors, taints and quotas are not seen.
 */
#include "interpret/judge.h"

#include <math.h>

#define MONTH_MS ((int64_t)2629800000) /* 730.5 h */
/* Confidence in a pending pod being kept out by spread alone, since its node selector is not seen: m of 0.5.
 */
#define SPREAD_MARGIN 0.5

typedef struct room {
    bool counted;            /* there at the end, and takes pods */
    bool known;              /* and what is free of it is known */
    bool whole;              /* what it offers are whole GPUs */
    int64_t gpus;            /* free, as the scheduler counts */
    int64_t cpu, memory_mib; /* not requested; INT64_MAX where the node's size is unknown */
} room;

typedef struct wanted { /* pods that wait for whole GPUs */
    uint32_t pod;
    int64_t gpus;
} wanted;

typedef struct state {
    room *rooms;  /* parallel to fleet->nodes */
    bool *sliced; /* the same: a GPU of it is sliced by MIG */
    bool *seen;   /* the same: telemetry saw a GPU on it */
    wanted *wants;
    size_t n_wants;
    int64_t median_cpu, median_memory_mib; /* of what GPU pods request; GW_UNKNOWN_COUNT */
    uint32_t n_counted, n_known;
} state;

static bool at_end(const gw_judge *j, gw_interval seen, bool in_api)
{
    if (gw_interval_ms(seen) == 0)
        return in_api;
    return seen.end_ms >= j->usage->window.end_ms - GW_HOLD_MAX_MS;
}

static void look_at_gpus(const gw_fleet *f, state *s)
{
    for (size_t i = 0; i < f->n_gpus; i++) {
        uint32_t node = f->gpus[i].node;
        if (node >= f->n_nodes)
            continue;
        s->seen[node] = true;
        s->sliced[node] |= f->gpus[i].mig;
    }
}

static void open_rooms(const gw_judge *j, state *s)
{
    const gw_fleet *f = j->fleet;
    for (size_t i = 0; i < f->n_nodes; i++) {
        const gw_node *n = &f->nodes[i];
        room *r = &s->rooms[i];
        bool shared = n->sharing != GW_SHARING_NONE || n->replicas > 1;
        bool plain = !shared && !s->sliced[i];
        bool has_gpus = n->gpu_count > 0 || n->allocatable_gpus > 0 || s->seen[i]; /* else a CPU node */
        r->gpus = n->allocatable_gpus >= 0 ? n->allocatable_gpus : plain ? n->gpu_count : GW_UNKNOWN_COUNT;
        r->counted = has_gpus && r->gpus != 0 && n->schedulable && at_end(j, n->seen, n->in_api);
        r->known = r->counted && r->gpus > 0;
        r->whole = !shared && (plain || (n->gpu_count >= 0 && r->gpus <= n->gpu_count));
        r->cpu = n->cpu_milli >= 0 ? n->cpu_milli : INT64_MAX;
        r->memory_mib = n->memory_mib >= 0 ? n->memory_mib : INT64_MAX;
    }
}

/* GPUs that telemetry saw the pod on until the end; for pods whose request nobody reported. */
static int64_t held_at_end(const gw_judge *j, uint32_t pod)
{
    if (j->slot[pod] == GW_NONE)
        return 0;
    const gw_judge_pod *p = &j->pods[j->slot[pod]];
    int64_t n = 0;
    for (uint32_t i = p->first; i < p->first + p->n; i++)
        n += j->usage->holds[j->holds[i]].stats.end_ms >= j->usage->window.end_ms - GW_HOLD_MAX_MS;
    return n;
}

static void take_room(const gw_judge *j, state *s, uint32_t pod)
{
    const gw_pod *p = &j->fleet->pods[pod];
    room *r = &s->rooms[p->node];
    /* slices and shared GPUs of their own resource names take nothing from nvidia.com/gpu */
    int64_t gpus = p->resource == GW_RESOURCE_GPU    ? p->gpus
                   : p->resource == GW_RESOURCE_NONE ? held_at_end(j, pod)
                                                     : 0;
    if (gpus < 0)
        r->known = false;
    else
        r->gpus -= gpus;
    if (r->cpu != INT64_MAX && p->cpu_request_milli > 0)
        r->cpu -= p->cpu_request_milli;
    if (r->memory_mib != INT64_MAX && p->memory_request_mib > 0)
        r->memory_mib -= p->memory_request_mib;
}

static void place_pods(const gw_judge *j, state *s)
{
    const gw_fleet *f = j->fleet;
    for (uint32_t i = 0; i < f->n_pods; i++) {
        const gw_pod *p = &f->pods[i];
        if (p->phase == GW_PHASE_SUCCEEDED || p->phase == GW_PHASE_FAILED)
            continue;
        bool waits = p->node == GW_NONE && p->phase == GW_PHASE_PENDING && p->resource == GW_RESOURCE_GPU &&
                     p->gpus > 0 && at_end(j, p->info, p->in_api);
        if (waits)
            s->wants[s->n_wants++] = (wanted){i, p->gpus};
        else if (p->node < f->n_nodes && (at_end(j, p->active, p->in_api) || held_at_end(j, i) > 0))
            take_room(j, s, i);
    }
    for (size_t i = 0; i < f->n_nodes; i++) {
        s->n_counted += s->rooms[i].counted;
        s->n_known += s->rooms[i].known;
    }
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* The lower median of what pods with whole GPUs request; GW_UNKNOWN_COUNT of too few. */
static int64_t median_request(const gw_judge *j, int64_t *scratch, bool memory)
{
    size_t n = 0;
    for (size_t i = 0; i < j->fleet->n_pods; i++) {
        const gw_pod *p = &j->fleet->pods[i];
        int64_t request = memory ? p->memory_request_mib : p->cpu_request_milli;
        if (p->resource == GW_RESOURCE_GPU && p->gpus > 0 && request >= 0)
            scratch[n++] = request;
    }
    if (n == 0 || n < j->t->median_min_pods)
        return GW_UNKNOWN_COUNT;
    qsort(scratch, n, sizeof(*scratch), by_size);
    return scratch[(n - 1) / 2];
}

/* A month of `gpus` GPUs of the node, added; false where the node has no price. */
static bool add_price(const gw_judge *j, size_t node, int64_t gpus, gw_micro *into)
{
    const gw_price_book *b = j->in->prices;
    if (!b || node >= b->n_nodes || !gw_micro_known(b->nodes[node].gpu_hourly))
        return false;
    *into += gw_micro_for(b->nodes[node].gpu_hourly, MONTH_MS) * gpus;
    return true;
}

static int tell_stranded(gw_judge *j, const state *s, size_t node, bool memory)
{
    const room *r = &s->rooms[node];
    int64_t left = GW_MAX(0, memory ? r->memory_mib : r->cpu);
    int64_t median = memory ? s->median_memory_mib : s->median_cpu;
    double per_unit = memory ? 1024 : 1000;
    gw_micro monthly = 0;
    if (!add_price(j, node, r->gpus, &monthly))
        monthly = GW_MICRO_UNKNOWN;
    gw_finding *f;
    int rc = gw_judge_finding(j, GW_RULE_FRAGMENTED, monthly,
                              gw_confidence(1, HUGE_VAL, gw_margin_under((double)left, (double)median)), &f);
    if (rc)
        return rc;
    const char *name = j->fleet->nodes[node].name;
    gw_finding_subject(f, "node", name);
    gw_finding_text(f, "cause", memory ? "memory" : "cpu");
    gw_finding_number(f, "freeGpus", (double)r->gpus);
    gw_finding_number(f, memory ? "unrequestedGib" : "unrequestedCores", (double)left / per_unit);
    gw_finding_number(f, memory ? "medianRequestGib" : "medianRequestCores", (double)median / per_unit);
    char money[GW_JUDGE_MONEY_MAX];
    return gw_judge_say(
        j, f,
        "node %s has %" PRId64 " free GPU%s (%s) and %.1f %s that no pod requests, less than the "
        "%.1f of the median GPU pod; cut the requests of the pods on it",
        name, r->gpus, gw_plural((double)r->gpus), gw_judge_money(monthly, money), (double)left / per_unit,
        memory ? "GiB of memory" : "cores", (double)median / per_unit);
}

static int judge_stranded(gw_judge *j, const state *s)
{
    for (size_t i = 0; i < j->fleet->n_nodes; i++) {
        const room *r = &s->rooms[i];
        if (!r->known || !r->whole || r->gpus <= 0)
            continue;
        bool cpu = s->median_cpu >= 0 && r->cpu < s->median_cpu;
        bool memory = s->median_memory_mib >= 0 && r->memory_mib < s->median_memory_mib;
        int rc = cpu || memory ? tell_stranded(j, s, i, !cpu) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

typedef struct spread {
    int64_t free, largest; /* GPUs free in all, and on the node with most */
    uint32_t n_nodes;      /* with any free */
    gw_micro monthly;
    bool priced;
    uint32_t blocked; /* pending pods that the spread keeps out */
    int64_t smallest; /* the fewest GPUs that one of them wants */
    uint32_t pod;     /* which */
} spread;

static spread measure(const gw_judge *j, const state *s)
{
    spread m = {.smallest = INT64_MAX, .pod = GW_NONE};
    for (size_t i = 0; i < j->fleet->n_nodes; i++) {
        const room *r = &s->rooms[i];
        if (!r->known || r->gpus <= 0)
            continue;
        m.largest = GW_MAX(m.largest, r->gpus);
        if (!r->whole)
            continue;
        m.n_nodes++;
        m.free += r->gpus;
        m.priced |= add_price(j, i, r->gpus, &m.monthly);
    }
    for (size_t i = 0; i < s->n_wants; i++) {
        const wanted *w = &s->wants[i];
        if (w->gpus <= m.largest || w->gpus > m.free)
            continue;
        m.blocked++;
        if (w->gpus < m.smallest) {
            m.smallest = w->gpus;
            m.pod = w->pod;
        }
    }
    return m;
}

static int judge_spread(gw_judge *j, const state *s)
{
    spread m = measure(j, s);
    /* a node whose free GPUs are unknown may be the one with room */
    if (m.blocked == 0 || s->n_known < s->n_counted)
        return 0;
    const gw_pod *p = &j->fleet->pods[m.pod];
    const char *example = gw_judge_text(j, "%s/%s", p->ns, p->name);
    gw_micro monthly = m.priced ? m.monthly : GW_MICRO_UNKNOWN;
    gw_finding *f;
    if (!example)
        return gw_fail_memory(j->e);
    int rc = gw_judge_finding(j, GW_RULE_FRAGMENTED, monthly, gw_confidence(1, HUGE_VAL, SPREAD_MARGIN), &f);
    if (rc)
        return rc;
    gw_finding_subject(f, "resource", "nvidia.com/gpu");
    gw_finding_text(f, "cause", "spread");
    gw_finding_number(f, "pendingPods", m.blocked);
    gw_finding_text(f, "pod", example);
    gw_finding_number(f, "gpusWanted", (double)m.smallest);
    gw_finding_number(f, "freeGpus", (double)m.free);
    gw_finding_number(f, "nodesWithFreeGpus", m.n_nodes);
    gw_finding_number(f, "mostFreeOnOneNode", (double)m.largest);
    char money[GW_JUDGE_MONEY_MAX];
    return gw_judge_say(j, f,
                        "%" PRId64 " GPUs are free on %" PRIu32
                        " nodes (%s), but no node has more than %" PRId64 " and pod %s waits for %" PRId64
                        " on one node; move small pods together",
                        m.free, m.n_nodes, gw_judge_money(monthly, money), m.largest, example, m.smallest);
}

int gw_rule_fragmented(gw_judge *j)
{
    state s = {0};
    int64_t *scratch = GW_NEW_ARRAY(&j->arena, int64_t, j->fleet->n_pods + 1);
    s.rooms = GW_NEW_ARRAY(&j->arena, room, j->fleet->n_nodes + 1);
    s.wants = GW_NEW_ARRAY(&j->arena, wanted, j->fleet->n_pods + 1);
    s.sliced = GW_NEW_ARRAY(&j->arena, bool, j->fleet->n_nodes + 1);
    s.seen = GW_NEW_ARRAY(&j->arena, bool, j->fleet->n_nodes + 1);
    if (!scratch || !s.rooms || !s.wants || !s.sliced || !s.seen)
        return gw_fail_memory(j->e);
    look_at_gpus(j->fleet, &s);
    open_rooms(j, &s);
    place_pods(j, &s);
    s.median_cpu = median_request(j, scratch, false);
    s.median_memory_mib = median_request(j, scratch, true);
    int rc = judge_stranded(j, &s);
    return rc ? rc : judge_spread(j, &s);
}
