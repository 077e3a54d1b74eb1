/*
 * From fleet and usage to the world: which nodes, boards and pods are there at the end of the window, who
 * sits where, and what keeps it there.
 */
#include "allocate/world_internal.h"
#include "price/gpu.h"

/* The last sample of what is still there may be this old: two scrapes missed at the slowest common rate. */
#define LATE_MS (10 * GW_MINUTE_MS)
/* A node younger than this may have been made for a pod that has not come yet. */
#define YOUNG_MS GW_HOUR_MS
/* A unit of which nobody knows who held it for more than this share of its time is nobody's to plan with. */
#define UNKNOWN_HOLDER_MAX 0.05
/* What a restart costs of its GPU: "2-7 min altogether" for node, image and weights, and the drain. */
#define RESTART_MS (10 * GW_MINUTE_MS)
#define KEY_MAX    2048 /* cluster, namespace, kind and name: 253 bytes at most each */

typedef struct builder {
    gw_world *w;
    const gw_planner_input *in;
    bool api;          /* the Kubernetes API was read */
    bool *current;     /* parallel to pods */
    uint32_t *by_pod;  /* holds sorted by pod */
    size_t *pod_at;    /* n_pods + 1 borders in by_pod */
    uint32_t *by_unit; /* holds sorted by unit */
    size_t *unit_at;
    uint32_t *tenant_of_unit; /* GW_NONE; of units that are not shared */
    gw_map workloads, gangs;
    gw_map ruled; /* a controller → one pod of it whose rules are known */
    gw_error *e;
} builder;

static bool late(const gw_world *w, int64_t end_ms)
{
    return end_ms < w->now_ms - LATE_MS;
}

static void stay(gw_tenant *t, const char *why)
{
    if (!t->stays)
        t->stays = why;
}

static void keep(gw_world_node *n, const char *why)
{
    if (!n->stays)
        n->stays = why;
}

/* ---- nodes and boards ---- */

static void place_node(builder *b, uint32_t i)
{
    gw_world *w = b->w;
    const gw_node *n = &w->fleet->nodes[i];
    gw_world_node *x = &w->nodes[i];
    const gw_node_price *p = i < b->in->book->n_nodes ? &b->in->book->nodes[i] : NULL;
    x->here = b->api ? n->in_api : gw_interval_ms(n->seen) > 0 && !late(w, n->seen.end_ms);
    x->priced = p && gw_micro_known(p->hourly);
    x->hourly = x->priced ? p->hourly : 0;
    x->cpu_free = n->cpu_milli;
    x->memory_free = n->memory_mib;
    x->room_known = n->cpu_milli >= 0 && n->memory_mib >= 0;
    x->pods_free = n->max_pods >= 0 ? n->max_pods : INT32_MAX;
    x->disk_free = n->ephemeral_mib;
    if (n->keep)
        keep(x, n->keep);
    x->closed = x->here && n->created_ms > w->now_ms - YOUNG_MS;
    if (x->closed)
        keep(x, "it has been there for less than an hour: what it was made for may still come");
}

static void cut_of(gw_world *w, uint32_t gpu)
{
    gw_board *b = &w->boards[gpu];
    b->form = GW_FORM_MIG;
    for (uint32_t u = 0; u < w->fleet->n_units && b->mig; u++) {
        const gw_unit *x = &w->fleet->units[u];
        if (x->gpu != gpu || !x->mig_profile)
            continue;
        int p = gw_mig_profile_find(b->mig, gw_str_of(x->mig_profile));
        if (p == GW_MIG_NONE)
            b->mig = NULL;
        else
            b->cut.n[p]++;
    }
    /* cut twice within the window: which instances are there now, nobody said */
    if (!b->mig || !gw_mig_fit(b->mig, &b->cut, NULL))
        b->here = false;
}

static int place_board(builder *b, uint32_t gpu)
{
    gw_world *w = b->w;
    const gw_gpu *g = &w->fleet->gpus[gpu];
    gw_board *x = &w->boards[gpu];
    x->node = g->node;
    x->parts = 1;
    if (g->node == GW_NONE || !w->nodes[g->node].here || late(w, g->seen.end_ms))
        return 0;
    const gw_node *n = &w->fleet->nodes[g->node];
    int64_t mib = g->memory_mib >= 0 ? g->memory_mib : n->gpu_memory_mib;
    const char *model = gw_gpu_canonical(g->model ? g->model : n->gpu_product);
    x->model = gw_gpu_sized(model, mib);
    x->memory_mib = mib >= 0 ? mib : gw_gpu_memory_mib(x->model);
    if (x->model && gw_mig_board_find(x->model, x->memory_mib, &x->mig, NULL))
        x->mig = NULL;
    x->here = true;
    if (g->mig) {
        cut_of(w, gpu);
    } else if (n->replicas > 1 && n->replicas <= GW_PLAN_PARTS_MAX) {
        x->form = n->sharing == GW_SHARING_MPS ? GW_FORM_MPS : GW_FORM_TIME_SLICE;
        x->parts = (int)n->replicas;
    } else if (n->replicas > GW_PLAN_PARTS_MAX) {
        x->here = false;
    }
    x->at = x->here ? GW_NEW_ARRAY(&w->arena, uint32_t, GW_PLAN_PARTS_MAX) : NULL;
    return x->here && !x->at ? GW_ENOMEM : 0;
}

static int list_boards(builder *b)
{
    gw_world *w = b->w;
    const gw_fleet *f = w->fleet;
    uint32_t *count = GW_NEW_ARRAY(&w->arena, uint32_t, f->n_nodes + 1);
    uint32_t *list = GW_NEW_ARRAY(&w->arena, uint32_t, f->n_gpus + 1);
    if (!count || !list)
        return GW_ENOMEM;
    for (uint32_t g = 0; g < f->n_gpus; g++) {
        if (w->boards[g].here)
            count[w->boards[g].node]++;
    }
    for (uint32_t i = 0; i < f->n_nodes; i++) {
        w->nodes[i].boards = list;
        list += count[i];
    }
    for (uint32_t g = 0; g < f->n_gpus; g++) {
        if (w->boards[g].here) {
            gw_world_node *n = &w->nodes[w->boards[g].node];
            n->boards[n->n_boards++] = g;
        } else if (f->gpus[g].node != GW_NONE && w->nodes[f->gpus[g].node].here) {
            keep(&w->nodes[f->gpus[g].node],
                 "a GPU of it is no longer reported, or in a form that is not clear");
        }
    }
    for (uint32_t i = 0; i < f->n_nodes; i++) {
        gw_world_node *n = &w->nodes[i];
        n->gpus = n->n_boards > 0 || f->nodes[i].gpu_count > 0;
        if (n->here && !f->nodes[i].gpu_count_guessed && f->nodes[i].gpu_count > (int64_t)n->n_boards)
            keep(n, "no exporter reports all of its GPUs");
    }
    return 0;
}

/* ---- who holds what ---- */

static int sort_holds(builder *b)
{
    const gw_usage *u = b->in->usage;
    const gw_fleet *f = b->w->fleet;
    gw_arena *a = &b->w->arena;
    b->by_pod = GW_NEW_ARRAY(a, uint32_t, u->n_holds + 1);
    b->by_unit = GW_NEW_ARRAY(a, uint32_t, u->n_holds + 1);
    b->pod_at = GW_NEW_ARRAY(a, size_t, f->n_pods + 2);
    b->unit_at = GW_NEW_ARRAY(a, size_t, f->n_units + 2);
    if (!b->by_pod || !b->by_unit || !b->pod_at || !b->unit_at)
        return GW_ENOMEM;
    for (uint32_t h = 0; h < u->n_holds; h++) {
        b->pod_at[u->holds[h].pod + 1]++;
        b->unit_at[u->holds[h].unit + 1]++;
    }
    for (size_t i = 0; i < f->n_pods; i++)
        b->pod_at[i + 1] += b->pod_at[i];
    for (size_t i = 0; i < f->n_units; i++)
        b->unit_at[i + 1] += b->unit_at[i];
    size_t *pod_next = GW_NEW_ARRAY(a, size_t, f->n_pods + 1),
           *unit_next = GW_NEW_ARRAY(a, size_t, f->n_units + 1);
    if (!pod_next || !unit_next)
        return GW_ENOMEM;
    memcpy(pod_next, b->pod_at, f->n_pods * sizeof(*pod_next));
    memcpy(unit_next, b->unit_at, f->n_units * sizeof(*unit_next));
    for (uint32_t h = 0; h < u->n_holds; h++) {
        b->by_pod[pod_next[u->holds[h].pod]++] = h;
        b->by_unit[unit_next[u->holds[h].unit]++] = h;
    }
    return 0;
}

static bool is_current(const builder *b, uint32_t pod)
{
    const gw_world *w = b->w;
    const gw_pod *p = &w->fleet->pods[pod];
    if (p->node == GW_NONE || !w->nodes[p->node].here || p->phase == GW_PHASE_SUCCEEDED ||
        p->phase == GW_PHASE_FAILED)
        return false;
    if (b->api)
        return p->in_api && p->created_ms <= w->now_ms + LATE_MS;
    if (gw_interval_ms(p->active) > 0 && !late(w, p->active.end_ms))
        return true;
    for (size_t i = b->pod_at[pod]; i < b->pod_at[pod + 1]; i++) {
        if (!late(w, b->in->usage->holds[b->by_pod[i]].stats.end_ms))
            return true;
    }
    return false;
}

static uint32_t number_of(gw_map *m, const char *a, const char *b, const char *c, int *rc)
{
    char key[KEY_MAX];
    int n = snprintf(key, sizeof(key), "%s\n%s\n%s", a, b ? b : "", c ? c : "");
    gw_str k = {key, GW_MIN((size_t)GW_MAX(n, 0), sizeof(key) - 1)};
    uint32_t at = gw_map_get(m, k);
    if (at == GW_NONE) {
        at = (uint32_t)m->n;
        if (gw_map_set(m, k, at))
            *rc = GW_ENOMEM;
    }
    return at;
}

/* ---- a tenant ---- */

static bool add_rules(gw_tenant *t, const gw_pod_rules *r)
{
    for (uint32_t i = 0; i < t->n_rules; i++) {
        if (t->rules[i] == r)
            return true;
    }
    if (t->n_rules == GW_TENANT_RULES_MAX)
        return false;
    t->rules[t->n_rules++] = r;
    return true;
}

static gw_str workload_key(const gw_pod *p, char key[KEY_MAX])
{
    int n = snprintf(key, KEY_MAX, "%s\n%s\n%s\n%s", p->cluster ? p->cluster : "", p->ns,
                     p->workload_kind ? p->workload_kind : "", p->workload_name ? p->workload_name : "");
    return (gw_str){key, GW_MIN((size_t)GW_MAX(n, 0), (size_t)KEY_MAX - 1)};
}

/* One pod of each controller whose rules are known. */
static int learn_rules(builder *b)
{
    const gw_fleet *f = b->w->fleet;
    char key[KEY_MAX];
    for (uint32_t i = 0; i < f->n_pods; i++) {
        const gw_pod *p = &f->pods[i];
        if (p->rules != GW_NONE && p->workload_name && gw_map_set(&b->ruled, workload_key(p, key), i))
            return GW_ENOMEM;
    }
    return 0;
}

/* The rules of a pod that ended: its own, or those of a pod of the same controller. */
static const gw_pod_rules *rules_of_past(const builder *b, uint32_t pod)
{
    const gw_fleet *f = b->w->fleet;
    const gw_pod *p = &f->pods[pod];
    char key[KEY_MAX];
    if (p->rules != GW_NONE)
        return &f->rules[p->rules];
    uint32_t like = p->workload_name ? gw_map_get(&b->ruled, workload_key(p, key)) : GW_NONE;
    return like == GW_NONE ? NULL : &f->rules[f->pods[like].rules];
}

static void request(gw_tenant *t, const gw_pod *p)
{
    if (p->cpu_request_milli < 0 || p->memory_request_mib < 0)
        stay(t, "its requests are not known");
    t->cpu_milli = GW_MAX(t->cpu_milli, GW_MAX(0, p->cpu_request_milli));
    t->memory_mib = GW_MAX(t->memory_mib, GW_MAX(0, p->memory_request_mib));
    t->disk_mib = GW_MAX(t->disk_mib, GW_MAX(0, p->ephemeral_request_mib));
}

static void add_past(builder *b, gw_tenant *t, uint32_t pod)
{
    const gw_pod *p = &b->w->fleet->pods[pod];
    const gw_pod_rules *r = rules_of_past(b, pod);
    const gw_pod *now = t->pod == GW_NONE ? NULL : &b->w->fleet->pods[t->pod];
    bool first = !t->past;
    t->foreign |= !now || !p->workload_name || !gw_eq(now->ns, p->ns) || !gw_eq(now->cluster, p->cluster) ||
                  !gw_eq(now->workload_kind, p->workload_kind) ||
                  !gw_eq(now->workload_name, p->workload_name);
    t->past = true;
    if (!r || !add_rules(t, r))
        stay(t, "pods that have ended ran on its GPU, and their scheduling rules are not known");
    gw_headroom h = gw_policy_of(b->in->policy, b->w->fleet, b->in->ownership, pod,
                                 b->in->pod_class ? b->in->pod_class[pod] : GW_CLASS_UNKNOWN);
    if (h.exclude || h.pin)
        stay(t, h.why ? h.why : "the policy");
    if (t->pod == GW_NONE && first)
        t->headroom = h;
    else
        gw_headroom_tighten(&t->headroom, &h);
    request(t, p);
}

static void budgets(builder *b, gw_tenant *t)
{
    const gw_fleet *f = b->w->fleet;
    size_t covering = 0;
    for (size_t i = 0; i < f->n_budgets; i++) {
        if (!gw_budget_covers(&f->budgets[i], &f->pods[t->pod]))
            continue;
        covering++;
        if (f->budgets[i].disruptions_allowed <= 0)
            stay(t, f->budgets[i].disruptions_allowed == GW_UNKNOWN_COUNT
                        ? "what its PodDisruptionBudget allows is not known"
                        : "its PodDisruptionBudget allows no disruption now");
    }
    if (covering > 1)
        stay(t, "several PodDisruptionBudgets cover it, and the eviction API refuses that");
}

static gw_seat seat_of(const builder *b, uint32_t unit, uint32_t holders)
{
    const gw_unit *u = &b->w->fleet->units[unit];
    gw_seat s = {.gpu = u->gpu, .parts = 1, .start = -1, .share = 1, .memory_mib = u->memory_mib};
    const gw_board *x = u->gpu == GW_NONE ? NULL : &b->w->boards[u->gpu];
    if (u->mig_profile) {
        s.form = GW_FORM_MIG;
        s.profile = u->mig_profile;
        s.share = u->weight;
        /* the board's table and the exporter spell variants differently */
        int p = x && x->mig ? gw_mig_profile_find(x->mig, gw_str_of(u->mig_profile)) : GW_MIG_NONE;
        if (p != GW_MIG_NONE)
            s.profile = x->mig->profiles[p].name;
    } else if (x && x->here && x->form != GW_FORM_WHOLE) {
        s.form = x->form;
        s.parts = x->parts;
        s.share = 1.0 / (double)GW_MAX((uint32_t)x->parts, holders);
        s.memory_mib = x->memory_mib < 0 ? GW_UNKNOWN_COUNT : x->memory_mib / x->parts;
    } else if (x && s.memory_mib < 0) {
        s.memory_mib = x->memory_mib;
    }
    return s;
}

/* What was measured of it, as shares of a whole board. */
static void measure(builder *b, gw_tenant *t)
{
    gw_share_facts *f = &t->facts;
    const gw_usage *u = b->in->usage;
    const gw_board *x = t->n_units && t->seats[0].gpu != GW_NONE ? &b->w->boards[t->seats[0].gpu] : NULL;
    double known = 0, all = 0;
    bool blind = false;
    int64_t first = INT64_MAX, end = INT64_MIN;
    *f = (gw_share_facts){.model = x ? x->model : NULL,
                          .board_mib = x ? x->memory_mib : GW_UNKNOWN_COUNT,
                          .gpus = t->n_units,
                          .form = t->n_units ? t->seats[0].form : GW_FORM_WHOLE,
                          .compute_p95 = -1,
                          .compute_peak = -1,
                          .memory_peak_mib = GW_UNKNOWN_COUNT,
                          .class = t->class,
                          .headroom = t->headroom};
    for (uint32_t i = 0; i < t->n_units; i++) {
        double share = t->seats[i].share;
        for (size_t k = b->unit_at[t->units[i]]; k < b->unit_at[t->units[i] + 1]; k++) {
            const gw_hold *h = &u->holds[b->by_unit[k]];
            const gw_stats *s = &h->stats;
            if (b->current[h->pod] && h->pod != t->pod)
                continue;
            known += s->known;
            all += s->allocated;
            t->board_ms += share > 0 ? s->allocated / share : 0;
            if (s->end_ms > s->first_ms) {
                first = GW_MIN(first, s->first_ms);
                end = GW_MAX(end, s->end_ms);
            }
            f->compute_p95 = GW_MAX(f->compute_p95, gw_hist_quantile(s->compute_hist, 0.95) * share);
            f->compute_peak = GW_MAX(f->compute_peak, s->compute.peak * share);
            if (s->memory_mib.peak < 0)
                blind |= s->allocated > 0; /* what nobody measured is no less than what somebody did */
            else
                f->memory_peak_mib = GW_MAX(f->memory_peak_mib, (int64_t)(s->memory_mib.peak + 0.999));
        }
    }
    if (blind)
        f->memory_peak_mib = GW_UNKNOWN_COUNT;
    f->compute_p95 = f->compute_p95 < 0 ? -1 : f->compute_p95;
    f->compute_peak = f->compute_peak < 0 ? -1 : f->compute_peak;
    f->known = all > 0 ? known / all : 0;
    f->hours = end > first ? (double)(end - first) / (double)GW_HOUR_MS : 0;
}

static void weigh_restart(builder *b, gw_tenant *t)
{
    const gw_fleet *f = b->w->fleet;
    const gw_node_price *p = t->node < b->in->book->n_nodes ? &b->in->book->nodes[t->node] : NULL;
    int64_t lost = RESTART_MS;
    double share = 0;
    for (uint32_t i = 0; i < t->n_units; i++)
        share += t->seats[i].share;
    if (t->pod == GW_NONE)
        lost = 0;
    else if ((t->class == GW_CLASS_TRAINING || t->class == GW_CLASS_BATCH) && t->n_units) {
        /* nobody said that it writes checkpoints, so all it did is lost */
        const gw_pod *pod = &f->pods[t->pod];
        int64_t began = pod->started_ms > 0 ? pod->started_ms : pod->created_ms;
        if (began <= 0)
            began = b->w->observed.start_ms;
        lost += GW_MAX(0, b->w->now_ms - began);
    }
    if (t->n_units == 0 || lost == 0)
        t->restart_cost = 0;
    else if (!p || !gw_micro_known(p->gpu_hourly))
        t->restart_cost = GW_MICRO_UNKNOWN;
    else
        t->restart_cost = (gw_micro)((double)gw_micro_for(p->gpu_hourly, lost) * share);
}

/* The holders of a unit that are there now. */
static uint32_t holders_of(const builder *b, uint32_t unit)
{
    uint32_t n = 0;
    for (size_t k = b->unit_at[unit]; k < b->unit_at[unit + 1]; k++)
        n += b->current[b->in->usage->holds[b->by_unit[k]].pod];
    return n;
}

static bool unclear(const builder *b, uint32_t unit)
{
    const gw_unit_usage *u = unit < b->in->usage->n_units ? &b->in->usage->units[unit] : NULL;
    return u && u->unknown > UNKNOWN_HOLDER_MAX * u->paid;
}

/* Units, seats, and what speaks against moving what is on them. */
static int seat_units(builder *b, gw_tenant *t, const uint32_t *units, uint32_t n)
{
    gw_world *w = b->w;
    uint32_t *list = GW_NEW_ARRAY(&w->arena, uint32_t, n + 1);
    t->seats = GW_NEW_ARRAY(&w->arena, gw_seat, n + 1);
    gw_seat *was = GW_NEW_ARRAY(&w->arena, gw_seat, n + 1);
    if (!list || !t->seats || !was)
        return GW_ENOMEM;
    memcpy(list, units, n * sizeof(*list));
    t->units = list;
    t->n_units = n;
    t->was = was;
    for (uint32_t i = 0; i < n; i++) {
        const gw_unit *u = &w->fleet->units[units[i]];
        t->seats[i] = was[i] = seat_of(b, units[i], GW_MAX(1, holders_of(b, units[i])));
        if (u->gpu == GW_NONE)
            stay(t, "no exporter reports its GPU");
        else if (!w->boards[u->gpu].here || u->node != t->node)
            stay(t, "its GPUs are not all on its node, or in a form that is not clear");
        else if (n > 1 && t->seats[i].form != GW_FORM_WHOLE)
            stay(t, "it holds parts of several GPUs");
        else if (w->boards[u->gpu].form == GW_FORM_MIG && !u->mig_profile)
            stay(t, "its GPU was cut anew within the window");
        else if (unclear(b, units[i]))
            stay(t, "it is not known who held its GPU for a part of the window");
        else if (!w->boards[u->gpu].model)
            stay(t, "the model of its GPU is not known");
    }
    if (n > GW_TENANT_GPUS_MAX)
        stay(t, "it holds more GPUs than are planned for");
    return 0;
}

/* Pods that ended on the units of a tenant go with it, where the units are its alone. */
static void gather_past(builder *b, gw_tenant *t)
{
    for (uint32_t i = 0; i < t->n_units; i++) {
        for (size_t k = b->unit_at[t->units[i]]; k < b->unit_at[t->units[i] + 1]; k++) {
            uint32_t pod = b->in->usage->holds[b->by_unit[k]].pod;
            if (b->current[pod])
                continue;
            if (t->seats[i].form == GW_FORM_MPS || t->seats[i].form == GW_FORM_TIME_SLICE) {
                stay(t, "pods came and went on the GPU that it shares");
                return;
            }
            add_past(b, t, pod);
        }
    }
}

static int add_pod(builder *b, uint32_t pod)
{
    gw_world *w = b->w;
    const gw_fleet *f = w->fleet;
    const gw_pod *p = &f->pods[pod];
    gw_tenant *t = &w->tenants[w->n_tenants++];
    int rc = 0;
    *t = (gw_tenant){.pod = pod, .node = p->node, .was_node = p->node, .gang = GW_NONE, .workload = GW_NONE};
    t->class = b->in->pod_class ? b->in->pod_class[pod] : GW_CLASS_UNKNOWN;
    t->headroom = gw_policy_of(b->in->policy, f, b->in->ownership, pod, t->class);
    const gw_pod_rules *r = p->rules == GW_NONE ? NULL : &f->rules[p->rules];
    if (r) {
        t->rules[t->n_rules++] = r;
        t->daemon = r->daemon;
        if (r->gang)
            t->gang = number_of(&b->gangs, r->gang, p->cluster, NULL, &rc);
        if (r->stays)
            stay(t, r->stays);
    } else {
        stay(t, "the Kubernetes API did not show its scheduling rules");
        if (gw_eq(p->owner_kind, "DaemonSet") || gw_eq(p->workload_kind, "DaemonSet"))
            t->daemon = true;
    }
    if (p->workload_name)
        t->workload = number_of(&b->workloads, p->ns, p->workload_kind, p->workload_name, &rc);
    if (t->headroom.exclude || t->headroom.pin)
        stay(t, t->headroom.why ? t->headroom.why : "the policy");
    request(t, p);
    if (p->cpu_request_milli < 0 || p->memory_request_mib < 0)
        w->nodes[p->node].room_known = false;
    uint32_t units[GW_TENANT_GPUS_MAX + 1], n = 0;
    for (size_t i = b->pod_at[pod]; i < b->pod_at[pod + 1] && n <= GW_TENANT_GPUS_MAX; i++) {
        units[n++] = b->in->usage->holds[b->by_pod[i]].unit;
        b->tenant_of_unit[units[n - 1]] = 0;
    }
    rc = rc ? rc : seat_units(b, t, units, n);
    if (rc)
        return rc;
    if (p->resource != GW_RESOURCE_NONE && p->gpus > 0 && (int64_t)n != p->gpus) {
        stay(t, n ? "it was on other GPUs within the window" : "which GPU it holds is not known");
        keep(&w->nodes[p->node], "which GPUs a pod on it holds is not known");
    }
    if (t->daemon && n) {
        stay(t, "it is a DaemonSet's and holds a GPU");
        t->daemon = false; /* it does not vanish unseen */
    }
    budgets(b, t);
    gather_past(b, t);
    measure(b, t);
    weigh_restart(b, t);
    return 0;
}

/* Units that only pods of the past were on. A past pod that was on several makes them one tenant. */
static uint32_t root_of(uint32_t *up, uint32_t u)
{
    while (up[u] != u)
        u = up[u] = up[up[u]];
    return u;
}

static int add_past_tenants(builder *b)
{
    gw_world *w = b->w;
    const gw_fleet *f = w->fleet;
    size_t n_units = f->n_units;
    uint32_t *up = GW_NEW_ARRAY(&w->arena, uint32_t, n_units + 1);
    uint32_t *first = GW_NEW_ARRAY(&w->arena, uint32_t, n_units + 1); /* of a group: a list through next */
    uint32_t *next = GW_NEW_ARRAY(&w->arena, uint32_t, n_units + 1);
    if (!up || !first || !next)
        return GW_ENOMEM;
    for (uint32_t u = 0; u < n_units; u++) {
        up[u] = u;
        first[u] = GW_NONE;
    }
    for (uint32_t p = 0; p < f->n_pods; p++) {
        for (size_t i = b->pod_at[p]; i + 1 < b->pod_at[p + 1] && !b->current[p]; i++) {
            uint32_t x = root_of(up, b->in->usage->holds[b->by_pod[i]].unit);
            uint32_t y = root_of(up, b->in->usage->holds[b->by_pod[i + 1]].unit);
            up[GW_MAX(x, y)] = GW_MIN(x, y);
        }
    }
    for (uint32_t u = (uint32_t)n_units; u-- > 0;) {
        uint32_t root = root_of(up, u);
        next[u] = first[root];
        first[root] = u;
    }
    for (uint32_t u = 0; u < n_units; u++) {
        uint32_t units[GW_TENANT_GPUS_MAX + 1], n = 0;
        bool held = false, mixed = false;
        if (first[u] == GW_NONE || f->units[u].node == GW_NONE)
            continue;
        for (uint32_t v = first[u]; v != GW_NONE; v = next[v]) {
            held |= b->unit_at[v + 1] > b->unit_at[v];
            mixed |= b->tenant_of_unit[v] != GW_NONE;
            if (n <= GW_TENANT_GPUS_MAX)
                units[n++] = v;
        }
        uint32_t node = f->units[u].node;
        if (!held || !w->nodes[node].here)
            continue;
        if (mixed && n == 1)
            continue; /* goes with the tenant that is there now */
        if (mixed) {
            keep(&w->nodes[node], "pods that have ended held several GPUs of it, of which some are held now");
            continue;
        }
        gw_tenant *t = &w->tenants[w->n_tenants++];
        *t =
            (gw_tenant){.pod = GW_NONE, .node = node, .was_node = node, .gang = GW_NONE, .workload = GW_NONE};
        int rc = seat_units(b, t, units, n);
        if (rc)
            return rc;
        gather_past(b, t);
        measure(b, t);
        weigh_restart(b, t);
    }
    return 0;
}

/* ---- putting it together ---- */

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int by_name(const void *a, const void *b, void *ctx)
{
    const gw_fleet *f = *(const gw_fleet *const *)ctx;
    const gw_tenant *x = a, *y = b;
    if ((x->pod == GW_NONE) != (y->pod == GW_NONE))
        return x->pod == GW_NONE ? 1 : -1;
    if (x->pod != GW_NONE) {
        const gw_pod *p = &f->pods[x->pod], *q = &f->pods[y->pod];
        int c = compare_text(p->ns, q->ns);
        c = c ? c : compare_text(p->name, q->name);
        return c ? c : compare_text(p->cluster, q->cluster);
    }
    const gw_unit *u = &f->units[x->units[0]], *v = &f->units[y->units[0]];
    int c = compare_text(u->gpu == GW_NONE ? NULL : f->gpus[u->gpu].uuid,
                         v->gpu == GW_NONE ? NULL : f->gpus[v->gpu].uuid);
    c = c ? c : compare_text(u->mig_id, v->mig_id);
    return c ? c : (x->units[0] > y->units[0]) - (x->units[0] < y->units[0]);
}

/* Gangs whose pods are on several nodes cannot move as one; a gang of one is none. */
static int pin_gangs(builder *b)
{
    gw_world *w = b->w;
    uint32_t *node = GW_NEW_ARRAY(&w->arena, uint32_t, b->gangs.n + 1);
    uint32_t *members = GW_NEW_ARRAY(&w->arena, uint32_t, b->gangs.n + 1);
    bool *split = GW_NEW_ARRAY(&w->arena, bool, b->gangs.n + 1);
    if (!node || !members || !split)
        return GW_ENOMEM;
    for (size_t i = 0; i < w->n_tenants; i++) {
        const gw_tenant *t = &w->tenants[i];
        if (t->gang == GW_NONE)
            continue;
        split[t->gang] |= members[t->gang] > 0 && node[t->gang] != t->node;
        node[t->gang] = t->node;
        members[t->gang]++;
    }
    for (size_t i = 0; i < w->n_tenants; i++) {
        gw_tenant *t = &w->tenants[i];
        if (t->gang != GW_NONE && split[t->gang])
            stay(t, "it is of a group that runs all or not at all, on several nodes");
        if (t->gang != GW_NONE && members[t->gang] == 1)
            t->gang = GW_NONE;
    }
    return 0;
}

static int settle(builder *b)
{
    gw_world *w = b->w;
    int rc = pin_gangs(b);
    qsort_r(w->tenants, w->n_tenants, sizeof(*w->tenants), by_name, &w->fleet);
    w->shy = GW_NEW_ARRAY(&w->arena, uint32_t, w->n_tenants + 1);
    if (rc || !w->shy)
        return GW_ENOMEM;
    for (uint32_t i = 0; i < w->n_tenants; i++) {
        gw_tenant *t = &w->tenants[i];
        gw_world_sit(w, i);
        for (uint32_t r = 0; r < t->n_rules; r++) {
            if (t->rules[r]->n_anti_affinity) {
                w->shy[w->n_shy++] = i;
                break;
            }
        }
        gw_share_choose(&t->facts, &t->choice);
        if (t->pod == GW_NONE || t->foreign)
            t->choice.n = 0; /* what comes next is not known well enough to give it less */
    }
    w->n_gangs = (uint32_t)b->gangs.n;
    w->n_workloads = (uint32_t)b->workloads.n;
    w->survives = GW_NEW_ARRAY(&w->arena, bool, w->fleet->n_nodes + 1);
    w->escapes = GW_NEW_ARRAY(&w->arena, gw_escape, w->fleet->n_nodes + 1);
    w->production = GW_NEW_ARRAY(&w->arena, uint32_t, w->fleet->n_nodes + 1);
    if (!w->survives || !w->escapes || !w->production || w->failed)
        return GW_ENOMEM;
    gw_world_note_survivors(w);
    return w->failed ? GW_ENOMEM : 0;
}

/* A pod that came after the window: the node is not as the window says. */
static int later(builder *b, uint32_t pod)
{
    const gw_pod *p = &b->w->fleet->pods[pod];
    if (b->api && p->in_api && p->node != GW_NONE && p->phase != GW_PHASE_SUCCEEDED &&
        p->phase != GW_PHASE_FAILED) {
        keep(&b->w->nodes[p->node], "a pod came to it after the window");
        b->w->nodes[p->node].room_known = false;
    }
    return 0;
}

static int build(builder *b)
{
    gw_world *w = b->w;
    const gw_fleet *f = w->fleet;
    for (size_t i = 0; i < f->n_nodes; i++)
        b->api |= f->nodes[i].in_api;
    w->nodes = GW_NEW_ARRAY(&w->arena, gw_world_node, f->n_nodes + 1);
    w->boards = GW_NEW_ARRAY(&w->arena, gw_board, f->n_gpus + 1);
    w->tenants = gw_calloc(f->n_pods + f->n_units + 1, sizeof(*w->tenants));
    b->current = GW_NEW_ARRAY(&w->arena, bool, f->n_pods + 1);
    b->tenant_of_unit = GW_NEW_ARRAY(&w->arena, uint32_t, f->n_units + 1);
    if (!w->nodes || !w->boards || !w->tenants || !b->current || !b->tenant_of_unit)
        return GW_ENOMEM;
    memset(b->tenant_of_unit, 0xff, f->n_units * sizeof(uint32_t));
    int rc = 0;
    for (uint32_t i = 0; i < f->n_nodes; i++)
        place_node(b, i);
    for (uint32_t g = 0; g < f->n_gpus && !rc; g++)
        rc = place_board(b, g);
    rc = rc ? rc : list_boards(b);
    rc = rc ? rc : sort_holds(b);
    rc = rc ? rc : learn_rules(b);
    for (uint32_t p = 0; p < f->n_pods && !rc; p++)
        b->current[p] = is_current(b, p);
    for (uint32_t p = 0; p < f->n_pods && !rc; p++)
        rc = b->current[p] ? add_pod(b, p) : later(b, p);
    rc = rc ? rc : add_past_tenants(b);
    return rc ? rc : settle(b);
}

int gw_world_new(const gw_planner_input *in, gw_world *ret, gw_error *e)
{
    *ret = (gw_world){.in = in, .fleet = in->fleet, .observed = gw_usage_observed(in->usage)};
    ret->now_ms = ret->observed.end_ms;
    gw_arena_init(&ret->arena, 0);
    builder b = {.w = ret, .in = in, .e = e};
    gw_map_init(&b.workloads);
    gw_map_init(&b.gangs);
    gw_map_init(&b.ruled);
    int rc = build(&b);
    gw_map_free(&b.workloads);
    gw_map_free(&b.gangs);
    gw_map_free(&b.ruled);
    bool any = false;
    for (size_t i = 0; !rc && i < in->fleet->n_nodes; i++)
        any |= ret->nodes[i].here && ret->nodes[i].gpus;
    if (rc)
        gw_fail_memory(e);
    else if (!any)
        rc = gw_fail(
            e, GW_ENODATA,
            "no GPU node is there at the end of the window: there is nothing to plan; choose a window that "
            "ends later (--to)");
    if (rc)
        gw_world_free(ret);
    return rc;
}

void gw_world_free(gw_world *w)
{
    for (size_t i = 0; w->nodes && i < w->fleet->n_nodes; i++)
        gw_free(w->nodes[i].at);
    gw_free(w->tenants);
    gw_free(w->steps);
    gw_arena_free(&w->arena);
    *w = (gw_world){0};
}
