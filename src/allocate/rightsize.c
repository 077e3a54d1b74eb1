#include "allocate/rightsize.h"

#include <math.h>

#define CONFIDENCE_MIN 0.9
#define CLOSE_SHARE    0.1                  /* --pod-update-threshold of VPA's updater */
#define LATE_MS        (2 * GW_HOLD_MAX_MS) /* silent for longer before the end of what was observed: gone */

static const char *const hold_names[GW_N_RIGHTSIZE_HOLDS] = {
    "go", "not-measured", "request-unknown", "mixed", "confidence", "autoscaled", "oom", "partial", "close"};

static const char *const hold_whys[GW_N_RIGHTSIZE_HOLDS] = {
    "",
    "of some of its containers nobody measured what they use",
    "what it requests now is not known",
    "its pods do not request alike, and one recommendation would not fit them all",
    "there is too little data: less than a day of samples",
    "an autoscaler counts replicas by the share of this request that is used: change its target with it",
    "a container was killed for want of memory in the window, so that it gets no less",
    "what its volumes take is not measured, so that it gets no less",
    "it is within a tenth of what is requested now",
};

const char *gw_rightsize_hold_name(gw_rightsize_hold h)
{
    return hold_names[h];
}

const char *gw_rightsize_hold_why(gw_rightsize_hold h)
{
    return hold_whys[h];
}

typedef struct builder {
    const gw_rightsize_input *in;
    const gw_fleet *fleet;
    const gw_usage *usage;
    gw_arena *arena;
    bool api; /* the Kubernetes API was read: what it does not list is gone */
    int64_t end_ms;
    double confidence_min, memory_peak_share;
    uint32_t *containers; /* of usage, by pod: pod p's are [container_at[p], container_at[p + 1]) */
    size_t *container_at;
    int64_t *hold_end;        /* by pod: the end of its last hold; 0 = none */
    gw_rightsize_node *nodes; /* parallel to the fleet's while rows are made */
    gw_rightsize_row *rows;
    size_t n_rows;
    gw_error *e;
} builder;

/* --- who --- */

static const char *kind_of(const gw_pod *p)
{
    /* a static pod belongs to its node, and nothing but its file can be changed */
    bool bare = !p->workload_kind || !p->workload_name || strcmp(p->workload_kind, "Node") == 0;
    return bare ? "Pod" : p->workload_kind;
}

static const char *name_of(const gw_pod *p)
{
    return strcmp(kind_of(p), "Pod") == 0 ? p->name : p->workload_name;
}

static int compare_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int compare_workloads(const gw_pod *p, const gw_pod *q)
{
    int c = strcmp(p->ns, q->ns);
    c = c ? c : strcmp(kind_of(p), kind_of(q));
    c = c ? c : strcmp(name_of(p), name_of(q));
    return c ? c : compare_text(p->cluster, q->cluster);
}

static int by_workload_then_name(const void *a, const void *b, void *fleet)
{
    const gw_fleet *f = fleet;
    const gw_pod *p = &f->pods[*(const uint32_t *)a], *q = &f->pods[*(const uint32_t *)b];
    int c = compare_workloads(p, q);
    return c ? c : strcmp(p->name, q->name);
}

static bool on_gpu_node(const builder *b, uint32_t pod)
{
    const gw_pod *p = &b->fleet->pods[pod];
    return (p->node != GW_NONE && gw_node_has_gpus(&b->fleet->nodes[p->node])) ||
           b->container_at[pod] != b->container_at[pod + 1];
}

static bool runs(const builder *b, uint32_t pod)
{
    const gw_pod *p = &b->fleet->pods[pod];
    if (p->phase == GW_PHASE_SUCCEEDED || p->phase == GW_PHASE_FAILED)
        return false;
    if (b->api)
        return p->in_api && p->node != GW_NONE;
    int64_t last = GW_MAX(p->active.end_ms, b->hold_end[pod]);
    for (size_t i = b->container_at[pod]; i < b->container_at[pod + 1]; i++)
        last = GW_MAX(last, b->usage->containers[b->containers[i]].use.last_ms);
    return last > 0 && last >= b->end_ms - LATE_MS;
}

static int index_containers(builder *b)
{
    const gw_usage *u = b->usage;
    size_t n = b->fleet->n_pods;
    b->container_at = GW_NEW_ARRAY(b->arena, size_t, n + 2);
    b->containers = GW_NEW_ARRAY(b->arena, uint32_t, u->n_containers + 1);
    b->hold_end = GW_NEW_ARRAY(b->arena, int64_t, n + 1);
    if (!b->container_at || !b->containers || !b->hold_end)
        return gw_fail_memory(b->e);
    /* counted two places ahead, so that filling moves each start to where it belongs */
    for (size_t i = 0; i < u->n_containers; i++)
        b->container_at[u->containers[i].pod + 2]++;
    for (size_t i = 1; i < n + 2; i++)
        b->container_at[i] += b->container_at[i - 1];
    for (uint32_t i = 0; i < u->n_containers; i++)
        b->containers[b->container_at[u->containers[i].pod + 1]++] = i;
    for (size_t i = 0; i < u->n_holds; i++)
        b->hold_end[u->holds[i].pod] = GW_MAX(b->hold_end[u->holds[i].pod], u->holds[i].stats.end_ms);
    return 0;
}

/* --- one container name of a workload --- */

static int64_t up(double v)
{
    return v < 0 ? GW_UNKNOWN_COUNT : (int64_t)ceil(v);
}

static bool known(int64_t v)
{
    return v != GW_UNKNOWN_COUNT;
}

static void set_target(gw_rightsize_field *f, const gw_vpa_hist *h, double first, double confidence,
                       double floor)
{
    gw_vpa_range r = gw_vpa_estimate(h, first, confidence, floor);
    f->target = up(r.target);
    f->lower = up(r.lower);
    f->upper = isinf(r.upper) ? GW_UNKNOWN_COUNT : up(r.upper);
    f->peak = up(h->peak);
    f->recommended = known(f->target) ? f->target : f->request;
}

/* What exceeds VPA's target: readings of the window, and kills. */
static void raise_memory(gw_rightsize_field *f, double peak_share, bool oom_killed)
{
    if (!known(f->target))
        return;
    int64_t needed = up((double)f->peak / peak_share);
    f->raised_to_peak = needed > f->recommended;
    f->recommended = GW_MAX(f->recommended, needed);
    needed = oom_killed ? up(gw_vpa_after_oom((double)GW_MAX(f->request, f->peak))) : 0;
    f->raised_for_oom = needed > f->recommended;
    f->recommended = GW_MAX(f->recommended, needed);
}

/* The histograms of one container name over all pods of the workload. */
typedef struct merged {
    gw_vpa_hist cpu, memory, disk;
    int64_t first_ms, last_ms;
    double samples;
    bool oom_killed;
} merged;

static void merged_free(merged *m)
{
    gw_vpa_hist_free(&m->cpu);
    gw_vpa_hist_free(&m->memory);
    gw_vpa_hist_free(&m->disk);
}

static int merge(const builder *b, const uint32_t *containers, size_t n, merged *m)
{
    *m = (merged){0};
    gw_vpa_hist_init(&m->cpu);
    gw_vpa_hist_init(&m->memory);
    gw_vpa_hist_init(&m->disk);
    for (size_t i = 0; i < n; i++) {
        const gw_container *c = &b->usage->containers[containers[i]];
        const gw_vpa_use *u = &c->use;
        if (gw_vpa_hist_merge(&m->cpu, &u->cpu) ||
            gw_vpa_peaks_into(&m->memory, &u->memory, GW_VPA_MEMORY_FIRST_MIB) ||
            gw_vpa_peaks_into(&m->disk, &u->disk, GW_VPA_MEMORY_FIRST_MIB)) {
            merged_free(m);
            return gw_fail_memory(b->e);
        }
        if (u->first_ms)
            m->first_ms = m->first_ms ? GW_MIN(m->first_ms, u->first_ms) : u->first_ms;
        m->last_ms = GW_MAX(m->last_ms, u->last_ms);
        m->samples += u->samples;
        m->oom_killed |= c->oom_killed;
    }
    return 0;
}

static bool is_measured(const gw_rightsize_container *c)
{
    return known(c->of[GW_RIGHTSIZE_CPU].target) || known(c->of[GW_RIGHTSIZE_MEMORY].target) ||
           known(c->of[GW_RIGHTSIZE_EPHEMERAL].target);
}

static int make_container(const builder *b, gw_rightsize_row *r, gw_rightsize_container *c,
                          const gw_container *present, const uint32_t *all, size_t n)
{
    merged m;
    int rc = merge(b, all, n, &m);
    if (rc)
        return rc;
    double parts = (double)r->n_containers;
    *c = (gw_rightsize_container){.name = present->name, .oom_killed = m.oom_killed};
    c->confidence = gw_vpa_confidence(m.first_ms, m.last_ms, m.samples);
    gw_rightsize_field *cpu = &c->of[GW_RIGHTSIZE_CPU], *memory = &c->of[GW_RIGHTSIZE_MEMORY],
                       *disk = &c->of[GW_RIGHTSIZE_EPHEMERAL];
    cpu->request = present->cpu_request_milli;
    memory->request = present->memory_request_mib;
    disk->request = present->ephemeral_request_mib;
    set_target(cpu, &m.cpu, GW_VPA_CPU_FIRST_MILLI, c->confidence, GW_VPA_CPU_FLOOR_MILLI / parts);
    set_target(memory, &m.memory, GW_VPA_MEMORY_FIRST_MIB, c->confidence, GW_VPA_MEMORY_FLOOR_MIB / parts);
    set_target(disk, &m.disk, GW_VPA_MEMORY_FIRST_MIB, c->confidence, 0);
    raise_memory(memory, b->memory_peak_share, m.oom_killed);
    raise_memory(disk, 1, false);
    if (m.first_ms)
        gw_interval_cover(&r->window, m.first_ms, m.last_ms);
    if (is_measured(c) && (r->confidence < 0 || c->confidence < r->confidence)) {
        r->confidence = c->confidence;
        r->samples = m.samples;
    }
    merged_free(&m);
    return 0;
}

/* --- the containers of a workload --- */

static int by_name_then_pod(const void *a, const void *b, void *usage)
{
    const gw_usage *u = usage;
    const gw_container *x = &u->containers[*(const uint32_t *)a], *y = &u->containers[*(const uint32_t *)b];
    int c = strcmp(x->name, y->name);
    return c ? c : (x->pod > y->pod) - (x->pod < y->pod);
}

static size_t end_of_name(const gw_usage *u, const uint32_t *all, size_t n, size_t from)
{
    size_t i = from + 1;
    while (i < n && strcmp(u->containers[all[i]].name, u->containers[all[from]].name) == 0)
        i++;
    return i;
}

/* The container of the pod `like` among all[from..to); GW_NONE where it has none of the name. */
static uint32_t of_pod(const gw_usage *u, const uint32_t *all, size_t from, size_t to, uint32_t like)
{
    for (size_t i = from; i < to; i++) {
        if (u->containers[all[i]].pod == like)
            return all[i];
    }
    return GW_NONE;
}

/* Of the names that the present template has; where nothing is known of its containers, of all. */
static int make_containers(const builder *b, gw_rightsize_row *r, const uint32_t *pods, size_t n_pods,
                           uint32_t like)
{
    const gw_usage *u = b->usage;
    size_t n = 0, at = 0;
    for (size_t i = 0; i < n_pods; i++)
        n += b->container_at[pods[i] + 1] - b->container_at[pods[i]];
    uint32_t *all = GW_NEW_ARRAY(b->arena, uint32_t, n + 1);
    if (!all)
        return gw_fail_memory(b->e);
    for (size_t i = 0; i < n_pods; i++) {
        for (size_t k = b->container_at[pods[i]]; k < b->container_at[pods[i] + 1]; k++)
            all[at++] = b->containers[k];
    }
    qsort_r(all, n, sizeof(*all), by_name_then_pod, (void *)(uintptr_t)u);
    bool any = b->container_at[like] == b->container_at[like + 1];
    for (size_t i = 0, end; i < n; i = end) {
        end = end_of_name(u, all, n, i);
        r->n_containers += any || of_pod(u, all, i, end, like) != GW_NONE;
    }
    r->containers = GW_NEW_ARRAY(b->arena, gw_rightsize_container, r->n_containers + 1);
    if (!r->containers)
        return gw_fail_memory(b->e);
    uint32_t made = 0;
    int rc = 0;
    for (size_t i = 0, end; i < n && !rc; i = end) {
        end = end_of_name(u, all, n, i);
        uint32_t present = of_pod(u, all, i, end, like);
        if (present == GW_NONE && !any)
            continue;
        present = present == GW_NONE ? all[end - 1] : present;
        rc = make_container(b, r, &r->containers[made++], &u->containers[present], all + i, end - i);
    }
    return rc;
}

/* --- a workload --- */

static int64_t request_of(const gw_pod *p, gw_rightsize_resource w)
{
    return w == GW_RIGHTSIZE_CPU      ? p->cpu_request_milli
           : w == GW_RIGHTSIZE_MEMORY ? p->memory_request_mib
                                      : p->ephemeral_request_mib;
}

/* Sums over the containers. One of which nothing is known stays at its request, if that is known. */
static void sum_containers(gw_rightsize_row *r, gw_rightsize_resource w)
{
    gw_rightsize_field *f = &r->of[w];
    int64_t *sums[] = {&f->target, &f->lower, &f->upper, &f->peak, &f->recommended};
    bool measured = false;
    for (size_t s = 0; s < GW_COUNT(sums); s++)
        *sums[s] = 0;
    for (uint32_t i = 0; i < r->n_containers; i++) {
        const gw_rightsize_field *c = &r->containers[i].of[w];
        bool has = known(c->target);
        const int64_t parts[] = {has ? c->target : c->request, has ? c->lower : c->request,
                                 has ? c->upper : c->request, c->peak, c->recommended};
        measured |= has;
        for (size_t s = 0; s < GW_COUNT(sums); s++)
            *sums[s] = known(*sums[s]) && known(parts[s]) ? *sums[s] + parts[s] : GW_UNKNOWN_COUNT;
        f->raised_to_peak |= c->raised_to_peak;
        f->raised_for_oom |= c->raised_for_oom;
    }
    for (size_t s = 0; s < GW_COUNT(sums) && !measured; s++)
        *sums[s] = GW_UNKNOWN_COUNT;
}

static bool requests_differ(const builder *b, const gw_rightsize_row *r, gw_rightsize_resource w)
{
    for (uint32_t i = 0; i < r->n_pods; i++) {
        int64_t v = request_of(&b->fleet->pods[r->pods[i]], w);
        if (known(v) && v != r->of[w].request)
            return true;
    }
    return false;
}

static bool was_oom_killed(const gw_rightsize_row *r)
{
    for (uint32_t i = 0; i < r->n_containers; i++) {
        if (r->containers[i].oom_killed)
            return true;
    }
    return false;
}

static gw_rightsize_hold decide(const builder *b, const gw_rightsize_row *r, gw_rightsize_resource w,
                                unsigned scales)
{
    const gw_rightsize_field *f = &r->of[w];
    bool less = f->recommended < f->request;
    if (!known(f->target))
        return GW_RIGHTSIZE_NOT_MEASURED;
    if (!known(f->request))
        return GW_RIGHTSIZE_REQUEST_UNKNOWN;
    if (requests_differ(b, r, w))
        return GW_RIGHTSIZE_MIXED;
    if (r->confidence < b->confidence_min)
        return GW_RIGHTSIZE_CONFIDENCE;
    if ((w == GW_RIGHTSIZE_CPU && scales & GW_SCALES_ON_CPU) ||
        (w == GW_RIGHTSIZE_MEMORY && scales & GW_SCALES_ON_MEMORY))
        return GW_RIGHTSIZE_AUTOSCALED;
    if (w == GW_RIGHTSIZE_MEMORY && less && was_oom_killed(r))
        return GW_RIGHTSIZE_OOM;
    if (w == GW_RIGHTSIZE_EPHEMERAL && less)
        return GW_RIGHTSIZE_PARTIAL;
    if (fabs((double)(f->recommended - f->request)) <= CLOSE_SHARE * (double)f->request)
        return GW_RIGHTSIZE_CLOSE;
    return GW_RIGHTSIZE_GO;
}

static void hold_back(gw_rightsize_row *r, gw_rightsize_resource w, gw_rightsize_hold hold)
{
    gw_rightsize_field *f = &r->of[w];
    f->hold = hold;
    if (hold != GW_RIGHTSIZE_GO)
        f->recommended = f->request;
    for (uint32_t i = 0; i < r->n_containers; i++) {
        gw_rightsize_field *c = &r->containers[i].of[w];
        c->hold = hold;
        if (hold != GW_RIGHTSIZE_GO)
            c->recommended = c->request;
    }
}

/* An HPA wants a scale subresource, which these kinds do not have. */
static bool may_scale(const char *kind)
{
    static const char *const fixed[] = {"Pod", "Job", "CronJob", "DaemonSet"};
    for (size_t i = 0; i < GW_COUNT(fixed); i++) {
        if (strcmp(kind, fixed[i]) == 0)
            return false;
    }
    return true;
}

static unsigned scales_of(const builder *b, gw_rightsize_row *r)
{
    if (!may_scale(r->kind))
        return 0;
    unsigned s = b->in->autoscaled ? b->in->autoscaled(b->in->autoscaled_ctx, r->ns, r->kind, r->name)
                                   : GW_SCALES_UNKNOWN;
    r->autoscaling_unknown = s & GW_SCALES_UNKNOWN;
    return s;
}

/* The pod whose template is the present one: the youngest that runs, else the one that was there last. */
static uint32_t youngest(const builder *b, const gw_rightsize_row *r, const uint32_t *pods, size_t n)
{
    uint32_t best = GW_NONE;
    int64_t best_at = INT64_MIN;
    const uint32_t *from = r->n_pods ? r->pods : pods;
    for (size_t i = 0; i < (r->n_pods ? r->n_pods : n); i++) {
        const gw_pod *p = &b->fleet->pods[from[i]];
        int64_t begin = p->created_ms ? p->created_ms : p->active.start_ms;
        int64_t at = r->n_pods ? begin : GW_MAX(p->active.end_ms, b->hold_end[from[i]]);
        if (best == GW_NONE || at > best_at) {
            best = from[i];
            best_at = at;
        }
    }
    return best;
}

static void give_back(builder *b, const gw_rightsize_row *r)
{
    for (uint32_t i = 0; i < r->n_pods; i++) {
        const gw_pod *p = &b->fleet->pods[r->pods[i]];
        bool changes = false;
        if (p->node == GW_NONE)
            continue;
        gw_rightsize_node *n = &b->nodes[p->node];
        int64_t *room[] = {&n->cpu_milli, &n->memory_mib, &n->ephemeral_mib};
        for (gw_rightsize_resource w = 0; w < GW_N_RIGHTSIZE_RESOURCES; w++) {
            int64_t now = request_of(p, w);
            if (r->of[w].hold != GW_RIGHTSIZE_GO || !known(now))
                continue;
            *room[w] += now - r->of[w].recommended;
            changes = true;
        }
        n->pods += changes;
    }
}

static int make_row(builder *b, const uint32_t *pods, size_t n)
{
    gw_rightsize_row *r = &b->rows[b->n_rows++];
    const gw_pod *p = &b->fleet->pods[pods[0]];
    *r = (gw_rightsize_row){
        .ns = p->ns, .kind = kind_of(p), .name = name_of(p), .cluster = p->cluster, .confidence = -1};
    uint32_t *running = GW_NEW_ARRAY(b->arena, uint32_t, n + 1);
    if (!running)
        return gw_fail_memory(b->e);
    for (size_t i = 0; i < n; i++) {
        if (runs(b, pods[i]))
            running[r->n_pods++] = pods[i];
    }
    r->pods = running;
    r->n_ended = (uint32_t)n - r->n_pods;
    uint32_t like = youngest(b, r, pods, n);
    int rc = make_containers(b, r, pods, n, like);
    if (rc)
        return rc;
    r->confidence = GW_MAX(0, r->confidence);
    unsigned scales = scales_of(b, r);
    for (gw_rightsize_resource w = 0; w < GW_N_RIGHTSIZE_RESOURCES; w++) {
        r->of[w].request = request_of(&b->fleet->pods[like], w);
        sum_containers(r, w);
        hold_back(r, w, decide(b, r, w, scales));
    }
    give_back(b, r);
    return 0;
}

static int make_rows(builder *b)
{
    const gw_fleet *f = b->fleet;
    size_t n = 0, n_rows = 0;
    uint32_t *pods = GW_NEW_ARRAY(b->arena, uint32_t, f->n_pods + 1);
    if (!pods)
        return gw_fail_memory(b->e);
    for (uint32_t i = 0; i < f->n_pods; i++) {
        if (on_gpu_node(b, i))
            pods[n++] = i;
    }
    qsort_r(pods, n, sizeof(*pods), by_workload_then_name, (void *)(uintptr_t)f);
    for (size_t i = 0; i < n; i++)
        n_rows += i == 0 || compare_workloads(&f->pods[pods[i - 1]], &f->pods[pods[i]]) != 0;
    b->rows = GW_NEW_ARRAY(b->arena, gw_rightsize_row, n_rows + 1);
    if (!b->rows)
        return gw_fail_memory(b->e);
    int rc = 0;
    for (size_t i = 0, end; i < n && !rc; i = end) {
        for (end = i + 1; end < n && compare_workloads(&f->pods[pods[i]], &f->pods[pods[end]]) == 0; end++)
            ;
        rc = make_row(b, pods + i, end - i);
    }
    return rc;
}

static int by_node_name(const void *a, const void *b, void *fleet)
{
    const gw_fleet *f = fleet;
    const gw_node *x = &f->nodes[((const gw_rightsize_node *)a)->node],
                  *y = &f->nodes[((const gw_rightsize_node *)b)->node];
    int c = strcmp(x->name, y->name);
    return c ? c : compare_text(x->cluster, y->cluster);
}

int gw_rightsize(const gw_rightsize_input *in, gw_arena *arena, gw_rightsize_result *ret, gw_error *e)
{
    gw_interval observed = gw_usage_observed(in->usage);
    builder b = {
        .in = in,
        .fleet = in->fleet,
        .usage = in->usage,
        .arena = arena,
        .end_ms = observed.end_ms,
        .confidence_min = in->confidence_min > 0 ? in->confidence_min : CONFIDENCE_MIN,
        .memory_peak_share = in->memory_peak_share > 0 ? in->memory_peak_share : 1,
        .e = e,
    };
    for (size_t i = 0; i < in->fleet->n_pods && !b.api; i++)
        b.api = in->fleet->pods[i].in_api;
    b.nodes = GW_NEW_ARRAY(arena, gw_rightsize_node, in->fleet->n_nodes + 1);
    if (!b.nodes)
        return gw_fail_memory(e);
    int rc = index_containers(&b);
    rc = rc ? rc : make_rows(&b);
    if (rc)
        return rc;
    size_t n = 0;
    for (uint32_t i = 0; i < in->fleet->n_nodes; i++) {
        b.nodes[i].node = i;
        if (b.nodes[i].pods)
            b.nodes[n++] = b.nodes[i];
    }
    qsort_r(b.nodes, n, sizeof(*b.nodes), by_node_name, (void *)(uintptr_t)in->fleet);
    *ret = (gw_rightsize_result){.rows = b.rows, .n_rows = b.n_rows, .nodes = b.nodes, .n_nodes = n};
    return 0;
}
