/*
 * The end of a slice, first half: who held which unit when.
 *
 * Three witnesses, in this order: the exporter's series that name a pod; kube-state-metrics, which knows when
 * a pod was scheduled and when it ended (it cuts the claims of ended pods that linger in the exporter, and
 * bridges the exporter's gaps); and elimination: a pod that requests GPUs on a node and is named on none of
 * them holds GPUs there that nobody else does. An idle GPU does no work, so of several candidates the busiest
 * is taken.
 */
#include "observe/fold_internal.h"

#define SETTLED_XIDS_MAX ((size_t)1000000)

static int64_t cut_start(const gw_fold *f, int64_t t)
{
    return GW_MAX(t, f->slice.start_ms);
}

static int64_t cut_end(const gw_fold *f, int64_t t)
{
    return GW_MIN(t, f->slice.end_ms);
}

/* First to last time covered within the slice; false where there is none. */
static bool track_extent(const gw_fold *f, const track *k, span *ret)
{
    bool any = false;
    for (uint32_t i = 0; i < k->n_spans; i++) {
        int64_t s = cut_start(f, k->spans[i].start_ms), e = cut_end(f, k->spans[i].end_ms);
        if (s >= e)
            continue;
        if (!any)
            *ret = (span){s, e};
        ret->end_ms = e;
        any = true;
    }
    return any;
}

static void cover(span *s, span more)
{
    gw_interval i = {s->start_ms, s->end_ms};
    gw_interval_cover(&i, more.start_ms, more.end_ms);
    *s = (span){i.start_ms, i.end_ms};
}

static int by_interval(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int close_tracks(gw_fold *f, gw_error *e)
{
    int64_t *all = GW_NEW_ARRAY(&f->arena, int64_t, f->n_tracks);
    if (!all)
        return gw_fail_memory(e);
    size_t n = 0;
    for (size_t i = 0; i < f->n_tracks; i++) {
        int64_t d = f->tracks[i]->what < N_GPU_MEASURES ? gw_fold_track_interval(f->tracks[i]) : 0;
        if (d > 0)
            all[n++] = d;
    }
    qsort(all, n, sizeof(*all), by_interval);
    if (n)
        f->typical_ms = all[n / 2];
    for (size_t i = 0; i < f->n_tracks; i++) {
        int rc = gw_fold_track_close(f, f->tracks[i], e);
        if (rc)
            return rc;
    }
    return 0;
}

static int fit_slice_arrays(gw_fold *f, gw_error *e)
{
    const gw_fleet *fl = f->fleet;
    f->node_seen = GW_NEW_ARRAY(&f->arena, gw_interval, fl->n_nodes + 1);
    f->pods = GW_NEW_ARRAY(&f->arena, pod_slice, fl->n_pods + 1);
    if (!f->node_seen || !f->pods)
        return gw_fail_memory(e);
    if (gw_grow((void **)&f->sums, &f->cap_sums, fl->n_pods, sizeof(*f->sums), GW_FLEET_MAX_PODS))
        return gw_fail_memory(e);
    if (fl->n_pods > f->n_sums)
        memset(f->sums + f->n_sums, 0, (fl->n_pods - f->n_sums) * sizeof(*f->sums));
    f->n_sums = fl->n_pods;
    for (size_t i = 0; i < fl->n_pods; i++)
        f->pods[i].cpu_max_milli = f->pods[i].memory_max_mib = -1;
    return 0;
}

/* --- facts --- */

static void node_fact(gw_fold *f, const track *k)
{
    gw_node *n = &f->fleet->nodes[k->subject];
    span x;
    if (track_extent(f, k, &x)) {
        gw_interval_cover(&f->node_seen[k->subject], x.start_ms, x.end_ms);
        gw_interval_cover(&n->seen, x.start_ms, x.end_ms);
        gw_interval_cover(&f->kube_seen, x.start_ms, x.end_ms);
    }
    if (!k->resource || k->fact < 0)
        return;
    bool capacity = k->order >> 31;
    int64_t v = (int64_t)k->fact;
    if (gw_label_name_eq(k->resource, "nvidia.com/gpu") && (!capacity || n->allocatable_gpus < 0))
        n->allocatable_gpus = v;
    else if (strcmp(k->resource, "cpu") == 0 && (!capacity || n->cpu_milli < 0))
        n->cpu_milli = (int64_t)(k->fact * 1000 + 0.5);
    else if (strcmp(k->resource, "memory") == 0 && (!capacity || n->memory_mib < 0))
        n->memory_mib = v / 1048576;
}

typedef struct request {
    uint32_t pod;
    gw_gpu_resource resource;
    const char *mig;
    bool cpu, memory, ephemeral;
    double value;
} request;

/* "nvidia_com_mig_1g_10gb_me" → "1g.10gb+me": the profile's own spelling, so that it meets the exporter's. */
static const char *mig_profile_of(gw_fold *f, const char *resource)
{
    char out[32];
    size_t n = 0;
    for (const char *p = resource; *p && n + 1 < sizeof(out); p++)
        out[n++] = *p;
    out[n] = '\0';
    char *sep = strpbrk(out, "_.");
    if (sep)
        *sep = '.';
    char *second = sep ? strpbrk(sep + 1, "_.") : NULL;
    if (second)
        *second = '+';
    return gw_fleet_intern(f->fleet, gw_str_of(out));
}

static bool request_of(gw_fold *f, const track *k, request *r)
{
    const char *res = k->resource ? k->resource : "";
    *r = (request){.pod = k->subject, .value = k->fact};
    if (gw_label_name_eq(res, "nvidia.com/gpu"))
        r->resource = GW_RESOURCE_GPU;
    else if (gw_label_name_eq(res, "nvidia.com/gpu.shared"))
        r->resource = GW_RESOURCE_GPU_SHARED;
    else if (gw_has_prefix(res, "nvidia_com_mig_") || gw_has_prefix(res, "nvidia.com/mig-")) {
        r->resource = GW_RESOURCE_MIG;
        r->mig = mig_profile_of(f, res + 15);
    } else if (strcmp(res, "cpu") == 0)
        r->cpu = true;
    else if (strcmp(res, "memory") == 0)
        r->memory = true;
    else if (strcmp(res, "ephemeral_storage") == 0)
        r->ephemeral = true;
    else
        return false;
    return true;
}

/*
 * Requests of all containers of a pod add up; the same (pod, container, resource) from two Prometheus
 * replicas or from before and after scheduling does not: the larger counts.
 */
static int add_requests(gw_fold *f, gw_error *e)
{
    gw_map seen;
    gw_map_init(&seen);
    size_t n = 0;
    double *value = GW_NEW_ARRAY(&f->arena, double, f->n_tracks + 1);
    track **first = GW_NEW_ARRAY(&f->arena, track *, f->n_tracks + 1);
    int rc = value && first ? 0 : gw_fail_memory(e);
    for (size_t i = 0; i < f->n_tracks && !rc; i++) {
        track *k = f->tracks[i];
        if (k->what != M_POD_REQUEST || k->subject == GW_NONE || k->fact < 0)
            continue;
        const void *key[3] = {(const void *)(uintptr_t)k->subject, k->container, k->resource};
        gw_str s = {(const char *)key, sizeof(key)};
        uint32_t at = gw_map_get(&seen, s);
        if (at == GW_NONE) {
            at = (uint32_t)n++;
            if (gw_map_set(&seen, s, at))
                rc = gw_fail_memory(e);
            first[at] = k;
            value[at] = 0;
        }
        value[at] = GW_MAX(value[at], k->fact);
    }
    gw_map_free(&seen);
    double *cpu = rc ? NULL : GW_NEW_ARRAY(&f->arena, double, f->fleet->n_pods + 1);
    double *memory = rc ? NULL : GW_NEW_ARRAY(&f->arena, double, f->fleet->n_pods + 1);
    double *disk = rc ? NULL : GW_NEW_ARRAY(&f->arena, double, f->fleet->n_pods + 1);
    if (!cpu || !memory || !disk)
        return rc ? rc : gw_fail_memory(e);
    for (size_t i = 0; i < n; i++) {
        request r;
        if (!request_of(f, first[i], &r))
            continue;
        gw_pod *p = &f->fleet->pods[r.pod];
        if (r.cpu) {
            cpu[r.pod] += value[i] * 1000;
            p->cpu_request_milli = (int64_t)(cpu[r.pod] + 0.5);
        } else if (r.memory) {
            memory[r.pod] += value[i] / 1048576;
            p->memory_request_mib = (int64_t)(memory[r.pod] + 0.5);
        } else if (r.ephemeral) {
            disk[r.pod] += value[i] / 1048576;
            p->ephemeral_request_mib = (int64_t)(disk[r.pod] + 0.5);
        } else if (value[i] >= 1) {
            f->pods[r.pod].gpus += (int64_t)value[i];
            p->gpus = f->pods[r.pod].gpus;
            p->resource = r.resource;
            if (r.mig)
                p->mig_resource = r.mig;
        }
    }
    return 0;
}

/* Where the pod was last; `at` is when. Of two nodes at one time, the one that comes first by name. */
static void note_pod_node(gw_fold *f, const track *k, int64_t end_ms, int64_t *at)
{
    gw_fleet *fl = f->fleet;
    uint32_t *node = &fl->pods[k->subject].node;
    if (!k->node_name || !*k->node_name || end_ms < *at)
        return;
    uint32_t n = gw_fleet_find_node_in(fl, gw_str_of(k->cluster), gw_str_of(k->node_name));
    if (n == GW_NONE || (end_ms == *at && strcmp(fl->nodes[n].name, fl->nodes[*node].name) >= 0))
        return;
    *node = n;
    *at = end_ms;
}

/* Nodes that only pods mention must exist before arrays are laid out. */
static int enter_pod_nodes(gw_fold *f, gw_error *e)
{
    for (size_t i = 0; i < f->n_tracks; i++) {
        const track *k = f->tracks[i];
        if (k->what == M_POD_REQUEST && k->node_name && *k->node_name && k->resource &&
            (gw_has_prefix(k->resource, "nvidia_com_") || gw_has_prefix(k->resource, "nvidia.com/")) &&
            gw_fleet_node_in(f->fleet, gw_str_of(k->cluster), gw_str_of(k->node_name), e) == GW_NONE)
            return e ? e->code : GW_ENOMEM;
    }
    return 0;
}

static int pod_facts(gw_fold *f, gw_error *e)
{
    size_t n = f->fleet->n_pods;
    span *phase = GW_NEW_ARRAY(&f->arena, span, n + 1), *scheduled = GW_NEW_ARRAY(&f->arena, span, n + 1);
    int64_t *phase_at = GW_NEW_ARRAY(&f->arena, int64_t, n + 1),
            *node_at = GW_NEW_ARRAY(&f->arena, int64_t, n + 1);
    bool *has_phase = GW_NEW_ARRAY(&f->arena, bool, n + 1);
    if (!phase || !scheduled || !phase_at || !node_at || !has_phase)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n; i++)
        phase_at[i] = node_at[i] = INT64_MIN;
    for (size_t i = 0; i < f->n_tracks; i++) {
        const track *k = f->tracks[i];
        span x = {0, 0};
        if (k->what < M_POD_INFO || k->what > M_POD_FACT || k->subject == GW_NONE)
            continue;
        has_phase[k->subject] |= k->what == M_POD_PHASE;
        if (!track_extent(f, k, &x))
            continue;
        gw_pod *p = &f->fleet->pods[k->subject];
        f->pods[k->subject].known = true;
        gw_interval_cover(&p->info, x.start_ms, x.end_ms);
        gw_interval_cover(&f->kube_seen, x.start_ms, x.end_ms);
        note_pod_node(f, k, x.end_ms, &node_at[k->subject]);
        if (k->what == M_POD_REQUEST && k->node_name && *k->node_name)
            cover(&scheduled[k->subject], x);
        if (k->what != M_POD_PHASE)
            continue;
        if (x.end_ms > phase_at[k->subject]) {
            phase_at[k->subject] = x.end_ms;
            p->phase = k->phase;
        }
        if (k->phase == GW_PHASE_PENDING || k->phase == GW_PHASE_RUNNING)
            cover(&phase[k->subject], x);
    }
    for (size_t i = 0; i < n; i++) {
        span a = scheduled[i];
        if (has_phase[i])
            a = (span){GW_MAX(a.start_ms, phase[i].start_ms), GW_MIN(a.end_ms, phase[i].end_ms)};
        if (a.start_ms >= a.end_ms || f->fleet->pods[i].node == GW_NONE)
            continue;
        f->pods[i].active = a;
        gw_interval_cover(&f->fleet->pods[i].active, a.start_ms, a.end_ms);
        /* a node that runs a pod exists, also where no series is about the node itself */
        gw_interval_cover(&f->node_seen[f->fleet->pods[i].node], a.start_ms, a.end_ms);
        gw_interval_cover(&f->fleet->nodes[f->fleet->pods[i].node].seen, a.start_ms, a.end_ms);
    }
    return add_requests(f, e);
}

static int by_span_start(const void *a, const void *b)
{
    const span *x = a, *y = b;
    return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

/* When kube-state-metrics said what pods request: the union of those series' times. An hour in which the
 * whole source was silent is in none of them, and then nobody knows who held what. */
static int cover_requests(gw_fold *f, gw_error *e)
{
    size_t n = 0, out = 0;
    for (size_t i = 0; i < f->n_tracks; i++)
        n += f->tracks[i]->what == M_POD_REQUEST ? f->tracks[i]->n_spans : 0;
    span *all = GW_NEW_ARRAY(&f->arena, span, n + 1);
    if (!all)
        return gw_fail_memory(e);
    n = 0;
    for (size_t i = 0; i < f->n_tracks; i++) {
        const track *k = f->tracks[i];
        for (uint32_t s = 0; k->what == M_POD_REQUEST && s < k->n_spans; s++) {
            span x = {cut_start(f, k->spans[s].start_ms), cut_end(f, k->spans[s].end_ms)};
            if (x.start_ms < x.end_ms)
                all[n++] = x;
        }
    }
    qsort(all, n, sizeof(*all), by_span_start);
    for (size_t i = 0; i < n; i++) {
        if (out && all[i].start_ms <= all[out - 1].end_ms)
            all[out - 1].end_ms = GW_MAX(all[out - 1].end_ms, all[i].end_ms);
        else
            all[out++] = all[i];
    }
    f->requests_seen = all;
    f->n_requests_seen = out;
    return 0;
}

/*
 * The largest use of each container, summed over the pod's. cAdvisor begins a new series at each restart, and
 * two Prometheus servers tell everything twice: of one (pod, container) the largest counts, not the sum.
 */
static int add_containers(gw_fold *f, gw_error *e)
{
    gw_map seen;
    gw_map_init(&seen);
    int rc = 0;
    double *most = GW_NEW_ARRAY(&f->arena, double, f->n_tracks + 1);
    for (size_t i = 0; i < f->n_tracks && most && !rc; i++) {
        const track *k = f->tracks[i];
        bool told = k->what == M_CPU_SECONDS || k->what == M_MEMORY_BYTES;
        if (!told || k->subject == GW_NONE || k->rate_max < 0)
            continue;
        const void *id[3] = {(const void *)(uintptr_t)k->subject, k->container,
                             (const void *)(uintptr_t)k->what};
        gw_str key = {(const char *)id, sizeof(id)};
        uint32_t at = gw_map_get(&seen, key);
        if (at == GW_NONE) {
            at = (uint32_t)seen.n;
            rc = gw_map_set(&seen, key, at) ? gw_fail_memory(e) : 0;
            most[at] = 0;
        }
        pod_slice *s = &f->pods[k->subject];
        double more = GW_MAX(0, k->rate_max - most[at]);
        most[at] += more;
        if (k->what == M_MEMORY_BYTES) {
            s->memory_max_mib = GW_MAX(s->memory_max_mib, 0) + more;
        } else {
            s->cpu_max_milli = GW_MAX(s->cpu_max_milli, 0) + more;
            f->sums[k->subject].cpu_integral += k->rate_sum;
            f->sums[k->subject].cpu_ms += k->rate_ms;
        }
    }
    gw_map_free(&seen);
    return rc ? rc : most ? 0 : gw_fail_memory(e);
}

static int read_facts(gw_fold *f, gw_error *e)
{
    for (size_t i = 0; i < f->n_tracks; i++) {
        const track *k = f->tracks[i];
        if (k->what == M_NODE_FACT && k->subject != GW_NONE)
            node_fact(f, k);
    }
    int rc = add_containers(f, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < f->fleet->n_nodes; i++)
        gw_node_read_labels(f->fleet, &f->fleet->nodes[i]);
    for (size_t i = 0; i < f->fleet->n_pods; i++) {
        gw_pod *p = &f->fleet->pods[i];
        p->cpu_used_max_milli = GW_MAX(p->cpu_used_max_milli, f->pods[i].cpu_max_milli);
        p->memory_used_max_mib = GW_MAX(p->memory_used_max_mib, f->pods[i].memory_max_mib);
        if (f->sums[i].cpu_ms > 0)
            p->cpu_used_mean_milli = f->sums[i].cpu_integral / f->sums[i].cpu_ms;
    }
    return pod_facts(f, e);
}

/* --- who a GPU series is about --- */

static int resolve_gpu(gw_fold *f, track *k, gw_error *e)
{
    gw_fleet *fl = f->fleet;
    if (k->bare_pod && gw_map_get(&f->exporting, gw_str_of(k->job)) != GW_NONE)
        k->pod = k->ns = "";
    k->pod_index = GW_NONE;
    if (*k->pod) {
        k->pod_index = gw_fleet_pod_in(fl, gw_str_of(k->cluster), gw_str_of(k->ns), gw_str_of(k->pod), e);
        if (k->pod_index == GW_NONE)
            return e ? e->code : GW_ENOMEM;
    }
    uint32_t node = GW_NONE;
    for (size_t i = 0; i < NODE_NAMES_MAX && k->node_names[i] && node == GW_NONE; i++)
        node = gw_fleet_find_node_in(fl, gw_str_of(k->cluster), gw_str_of(k->node_names[i]));
    bool explicit = node != GW_NONE;
    if (node == GW_NONE && k->pod_index != GW_NONE)
        node = fl->pods[k->pod_index].node;
    if (node == GW_NONE) {
        node = gw_fleet_node_in(fl, gw_str_of(k->cluster),
                                gw_str_of(k->node_names[0] ? k->node_names[0] : "unknown"), e);
        if (node == GW_NONE)
            return e ? e->code : GW_ENOMEM;
    }
    uint32_t g = gw_fleet_gpu(fl, gw_str_of(k->uuid), e);
    if (g == GW_NONE)
        return e ? e->code : GW_ENOMEM;
    if (fl->gpus[g].node != GW_NONE && fl->gpus[g].node != node && explicit) {
        /* the board, or the node's name, has moved: what it did there and here are two things */
        char moved[600];
        snprintf(moved, sizeof(moved), "%.250s@%.300s", k->uuid, fl->nodes[node].name);
        g = gw_fleet_gpu(fl, gw_str_of(moved), e);
        if (g == GW_NONE)
            return e ? e->code : GW_ENOMEM;
    }
    gw_gpu *gpu = &fl->gpus[g];
    if (gpu->node == GW_NONE)
        gpu->node = node;
    if (*k->model && !gpu->model)
        gpu->model = k->model;
    if (gpu->index < 0 && *k->gpu_index >= '0' && *k->gpu_index <= '9')
        gpu->index = (int32_t)strtol(k->gpu_index, NULL, 10);
    gpu->mig |= *k->mig_id != '\0';
    if (!fl->nodes[gpu->node].gpu_product)
        fl->nodes[gpu->node].gpu_product = gpu->model;
    k->unit = gw_fleet_unit(fl, g, gpu->node, gw_str_of(k->mig_profile), gw_str_of(k->mig_id), e);
    return k->unit == GW_NONE ? (e ? e->code : GW_ENOMEM) : 0;
}

static int resolve_gpus(gw_fold *f, gw_error *e)
{
    for (size_t i = 0; i < f->n_tracks; i++) {
        if (f->tracks[i]->what >= N_GPU_MEASURES)
            continue;
        int rc = resolve_gpu(f, f->tracks[i], e);
        if (rc)
            return rc;
    }
    return 0;
}

static void mark_windows(const gw_fold *f, const track *k, uint64_t *row)
{
    for (uint32_t i = 0; i < k->n_spans; i++) {
        int64_t s = cut_start(f, k->spans[i].start_ms), e = cut_end(f, k->spans[i].end_ms);
        if (s >= e)
            continue;
        uint32_t from = (uint32_t)((s - f->base_ms) / GW_WINDOW_MS);
        uint32_t to = (uint32_t)((e - 1 - f->base_ms) / GW_WINDOW_MS);
        for (uint32_t w = from; w <= to && w < f->n_windows; w++)
            row[w / 64] |= UINT64_C(1) << (w % 64);
    }
}

const uint64_t *gw_fold_kube_row(const gw_fold *f, const char *cluster)
{
    uint32_t i = gw_map_get(&f->clusters, gw_str_of(cluster ? cluster : ""));
    return i == GW_NONE || !f->kube_windows ? NULL : f->kube_windows + (size_t)i * f->window_words;
}

/* Which windows anything is about each node and each board, and in which kube-state-metrics tells of a
 * cluster's nodes. */
static int note_windows(gw_fold *f, gw_error *e)
{
    const gw_fleet *fl = f->fleet;
    f->window_words = (f->n_windows + 63) / 64;
    for (size_t i = 0; i < fl->n_nodes; i++) {
        gw_str cluster = gw_str_of(fl->nodes[i].cluster ? fl->nodes[i].cluster : "");
        if (gw_map_get(&f->clusters, cluster) == GW_NONE &&
            gw_map_set(&f->clusters, cluster, (uint32_t)f->clusters.n))
            return gw_fail_memory(e);
    }
    f->node_windows = GW_NEW_ARRAY(&f->arena, uint64_t, fl->n_nodes * f->window_words + 1);
    f->board_windows = GW_NEW_ARRAY(&f->arena, uint64_t, fl->n_gpus * 2 * f->window_words + 1);
    f->kube_windows = GW_NEW_ARRAY(&f->arena, uint64_t, (f->clusters.n + 1) * f->window_words + 1);
    if (!f->node_windows || !f->board_windows || !f->kube_windows)
        return gw_fail_memory(e);
    for (size_t i = 0; i < f->n_tracks; i++) {
        const track *k = f->tracks[i];
        uint32_t node = GW_NONE;
        if (k->what < N_GPU_MEASURES) {
            uint32_t gpu = fl->units[k->unit].gpu;
            node = fl->gpus[gpu].node;
            mark_windows(f, k, board_row(f, gpu, 0));
            if (*k->mig_id)
                mark_windows(f, k, board_row(f, gpu, 1));
        } else if (k->what == M_NODE_FACT && k->subject != GW_NONE) {
            node = k->subject;
            f->nodes[node].in_kube = true;
            mark_windows(f, k, (uint64_t *)(uintptr_t)gw_fold_kube_row(f, fl->nodes[node].cluster));
        } else if (k->what == M_POD_REQUEST && k->node_name && *k->node_name) {
            node = gw_fleet_find_node_in(fl, gw_str_of(k->cluster), gw_str_of(k->node_name));
        }
        if (node != GW_NONE)
            mark_windows(f, k, f->node_windows + (size_t)node * f->window_words);
    }
    return 0;
}

static void cover_gpus(gw_fold *f)
{
    for (size_t i = 0; i < f->n_tracks; i++) {
        const track *k = f->tracks[i];
        span x;
        if (k->what >= N_GPU_MEASURES || !track_extent(f, k, &x))
            continue;
        gw_gpu *g = &f->fleet->gpus[f->fleet->units[k->unit].gpu];
        gw_interval_cover(&g->seen, x.start_ms, x.end_ms);
        gw_interval_cover(&f->node_seen[g->node], x.start_ms, x.end_ms);
        gw_interval_cover(&f->fleet->nodes[g->node].seen, x.start_ms, x.end_ms);
    }
}

/* --- XID events: from track numbers to units; one event however many series tell of it --- */

static gw_xid *find_xid(gw_usage *u, uint32_t unit, int32_t code)
{
    for (size_t i = u->n_xids; i-- > 0;) {
        if (u->xids[i].unit == unit && u->xids[i].code == code)
            return &u->xids[i];
    }
    return NULL;
}

/*
 * The exporter shows the last code for ever. A series that begins with a code (times == 0) says that it
 * stands, not who brought it about: the pod named on such a series is not blamed, and a code that is known
 * already is not counted again.
 */
static int settle_xid(gw_usage *u, gw_xid x, bool counts, gw_error *e)
{
    gw_xid *old = find_xid(u, x.unit, x.code);
    if (!old) {
        if (gw_grow((void **)&u->xids, &u->cap_xids, u->n_xids + 1, sizeof(*u->xids), SETTLED_XIDS_MAX))
            return gw_fail_memory(e);
        x.times = counts;
        u->xids[u->n_xids++] = x;
        return 0;
    }
    old->times += counts;
    old->first_ms = GW_MIN(old->first_ms, x.first_ms);
    old->last_ms = GW_MAX(old->last_ms, x.last_ms);
    if (old->pod == GW_NONE)
        old->pod = x.pod;
    return 0;
}

static int by_xid_time(const void *a, const void *b)
{
    const gw_xid *x = a, *y = b;
    if (x->first_ms != y->first_ms)
        return x->first_ms < y->first_ms ? -1 : 1;
    return (x->unit > y->unit) - (x->unit < y->unit);
}

static int settle_xids(gw_fold *f, gw_error *e)
{
    if (f->n_xids)
        qsort(f->xids, f->n_xids, sizeof(*f->xids), by_xid_time);
    for (size_t i = 0; i < f->n_xids; i++) {
        gw_xid x = f->xids[i];
        const track *k = f->tracks[x.unit];
        bool changed = x.times > 0;
        x.unit = k->unit;
        x.pod = changed ? k->pod_index : GW_NONE;
        const gw_xid *old = find_xid(f->usage, x.unit, x.code);
        bool counts = !old || (changed && x.first_ms > old->last_ms + GW_HOLD_MAX_MS);
        int rc = x.first_ms >= f->slice.end_ms ? 0 : settle_xid(f->usage, x, counts, e);
        if (!rc && f->hours && x.first_ms < f->slice.end_ms)
            rc = settle_xid(sums_at(f, x.first_ms), x, counts, e);
        if (rc)
            return rc;
    }
    f->n_xids = 0;
    return 0;
}

/* --- claims --- */

static int add_claim(gw_fold *f, unit_claims *u, claim c, gw_error *e)
{
    if (c.start_ms >= c.end_ms)
        return 0;
    if (u->n == u->cap) {
        size_t cap = u->cap ? u->cap * 2 : 4;
        claim *grown = GW_NEW_ARRAY(&f->arena, claim, cap);
        if (!grown)
            return gw_fail_memory(e);
        if (u->n)
            memcpy(grown, u->claims, u->n * sizeof(claim));
        u->claims = grown;
        u->cap = cap;
    }
    u->claims[u->n++] = c;
    return 0;
}

static int by_pod_then_start(const void *a, const void *b)
{
    const claim *x = a, *y = b;
    if (x->pod != y->pod)
        return x->pod < y->pod ? -1 : 1;
    return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

static int by_start(const void *a, const void *b)
{
    const claim *x = a, *y = b;
    if (x->start_ms != y->start_ms)
        return x->start_ms < y->start_ms ? -1 : 1;
    return (x->pod > y->pod) - (x->pod < y->pod);
}

static void merge_claims(unit_claims *u)
{
    if (u->n == 0)
        return;
    qsort(u->claims, u->n, sizeof(claim), by_pod_then_start);
    size_t out = 0;
    for (size_t i = 1; i < u->n; i++) {
        claim *last = &u->claims[out], *c = &u->claims[i];
        if (c->pod == last->pod && c->start_ms <= last->end_ms) {
            last->end_ms = GW_MAX(last->end_ms, c->end_ms);
            last->how = GW_MIN(last->how, c->how);
        } else {
            u->claims[++out] = *c;
        }
    }
    u->n = out + 1;
    qsort(u->claims, u->n, sizeof(claim), by_start);
}

bool gw_fold_requests_known(const gw_fold *f, int64_t start, int64_t end)
{
    size_t low = 0, high = f->n_requests_seen;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->requests_seen[middle].end_ms < end)
            low = middle + 1;
        else
            high = middle;
    }
    return low < f->n_requests_seen && f->requests_seen[low].start_ms <= start;
}

/*
 * The end that kube-state-metrics sets to a claim of this pod: an ended pod lingers in the exporter for up to
 * half an hour. Within one hold of its own last sample nothing is cut, since the two are scraped at different
 * times.
 */
static int64_t end_by_kube(const gw_fold *f, uint32_t pod, int64_t end)
{
    if (pod == GW_NONE || f->kube_seen.end_ms == 0)
        return end;
    const pod_slice *s = &f->pods[pod];
    const gw_pod *p = &f->fleet->pods[pod];
    bool known_ever = p->info.end_ms > 0;
    if (!known_ever)
        return end;
    int64_t ended = s->active.end_ms > s->active.start_ms ? s->active.end_ms
                    : p->active.end_ms > 0                ? GW_MIN(p->active.end_ms, f->slice.start_ms)
                                                          : end;
    /* it must have gone on talking when the pod's series stopped: its own outage ends no pod */
    bool kube_was_there = gw_fold_requests_known(f, ended, ended + GW_HOLD_MAX_MS);
    return kube_was_there && end > ended + GW_HOLD_MAX_MS ? ended : end;
}

static int named_claims(gw_fold *f, unit_claims *u, gw_error *e)
{
    for (size_t i = 0; i < u->n_tracks; i++) {
        const track *k = u->tracks[i];
        for (uint32_t s = 0; s < k->n_spans; s++) {
            int64_t start = cut_start(f, k->spans[s].start_ms), end = cut_end(f, k->spans[s].end_ms);
            int64_t held = GW_MAX(start, end_by_kube(f, k->pod_index, end));
            int rc = add_claim(f, u, (claim){k->pod_index, GW_HOLD_NAMED, start, held}, e);
            /* past the pod's end the GPU is still reported, and nobody holds it */
            if (!rc && held < end)
                rc = add_claim(f, u, (claim){GW_NONE, GW_HOLD_NAMED, held, end}, e);
            if (rc)
                return rc;
        }
    }
    merge_claims(u);
    return 0;
}

static bool names_pod(const unit_claims *u, uint32_t pod)
{
    for (size_t i = 0; i < u->n; i++) {
        if (u->claims[i].pod == pod)
            return true;
    }
    return false;
}

/* A pod that is named on no more units than it requests holds them for as long as it is scheduled, whatever
 * the exporter misses. */
static int bridge_by_kube(gw_fold *f, unit_claims *all, gw_error *e)
{
    for (uint32_t u = 0; u < f->fleet->n_units; u++) {
        for (size_t i = 0; i < all[u].n; i++) {
            uint32_t pod = all[u].claims[i].pod;
            if (pod == GW_NONE || f->pods[pod].last_unit == u + 1)
                continue;
            f->pods[pod].last_unit = u + 1;
            f->pods[pod].n_named++;
        }
    }
    for (size_t u = 0; u < f->fleet->n_units; u++) {
        size_t n = all[u].n;
        for (size_t i = 0; i < n; i++) {
            uint32_t pod = all[u].claims[i].pod;
            if (pod == GW_NONE || f->pods[pod].n_named > f->pods[pod].gpus)
                continue;
            span a = f->pods[pod].active;
            int rc = add_claim(f, &all[u], (claim){pod, GW_HOLD_NAMED, a.start_ms, a.end_ms}, e);
            if (rc)
                return rc;
        }
        if (all[u].n != n)
            merge_claims(&all[u]);
    }
    return 0;
}

static double unit_work(const gw_fold *f, const unit_claims *u, span when)
{
    double work = 0;
    uint32_t from = (uint32_t)((when.start_ms - f->base_ms) / GW_WINDOW_MS);
    for (size_t i = 0; i < u->n_tracks; i++) {
        const track *k = u->tracks[i];
        if (k->what > M_GPU_UTIL)
            continue;
        for (uint32_t w = from; w < f->n_windows && f->base_ms + (int64_t)w * GW_WINDOW_MS < when.end_ms;
             w++) {
            const window *x = track_window(k, w);
            work += x ? x->sum * k->scale : 0;
        }
    }
    return work;
}

static int64_t overlap(const claim *c, span when)
{
    return GW_MIN(c->end_ms, when.end_ms) - GW_MAX(c->start_ms, when.start_ms);
}

/*
 * The most pods that claim the unit at one time of `when`. An overlap of one hold, or of half the shorter
 * life, is the skew between two scrapes and no shared GPU.
 */
static int64_t rivals(const unit_claims *u, span when)
{
    int64_t most = 0;
    for (size_t i = 0; i < u->n; i++) {
        const claim *c = &u->claims[i];
        int64_t shorter = GW_MIN(c->end_ms - c->start_ms, when.end_ms - when.start_ms), n = 0;
        if (c->pod == GW_NONE || overlap(c, when) <= GW_MIN(GW_HOLD_MAX_MS, shorter / 2))
            continue;
        /* the number at once is largest where some claim begins */
        int64_t at = GW_MAX(c->start_ms, when.start_ms);
        for (size_t j = 0; j < u->n; j++) {
            const claim *o = &u->claims[j];
            int64_t short2 = GW_MIN(o->end_ms - o->start_ms, when.end_ms - when.start_ms);
            n += o->pod != GW_NONE && o->start_ms <= at && o->end_ms > at &&
                 overlap(o, when) > GW_MIN(GW_HOLD_MAX_MS, short2 / 2);
        }
        most = GW_MAX(most, n);
    }
    return most;
}

static bool profile_fits(const gw_pod *p, const gw_unit *u)
{
    if (p->resource == GW_RESOURCE_MIG)
        return u->mig_profile && p->mig_resource && gw_label_name_eq(u->mig_profile, p->mig_resource);
    return true;
}

typedef struct node_units {
    uint32_t *units;
    size_t n;
} node_units;

static int units_by_node(gw_fold *f, const unit_claims *all, node_units **ret, gw_error *e)
{
    gw_fleet *fl = f->fleet;
    node_units *by = GW_NEW_ARRAY(&f->arena, node_units, fl->n_nodes + 1);
    if (!by)
        return gw_fail_memory(e);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t u = 0; u < fl->n_units; u++) {
            if (fl->units[u].gpu == GW_NONE || fl->units[u].node == GW_NONE)
                continue;
            /* a unit that has been reported before is there also while its exporter is down */
            if (all[u].n_tracks == 0 &&
                (u >= f->n_units || !f->units[u].seen || fl->gpus[fl->units[u].gpu].mig))
                continue;
            node_units *x = &by[fl->units[u].node];
            if (pass)
                x->units[x->n] = u;
            x->n++;
        }
        for (size_t n = 0; pass == 0 && n < fl->n_nodes; n++) {
            by[n].units = GW_NEW_ARRAY(&f->arena, uint32_t, by[n].n + 1);
            if (!by[n].units)
                return gw_fail_memory(e);
            by[n].n = 0;
        }
    }
    *ret = by;
    return 0;
}

static bool before_unit(const gw_fleet *f, uint32_t a, uint32_t b)
{
    const gw_unit *x = &f->units[a], *y = &f->units[b];
    int c = strcmp(f->gpus[x->gpu].uuid, f->gpus[y->gpu].uuid);
    return c < 0 || (c == 0 && x->mig_id && y->mig_id && strcmp(x->mig_id, y->mig_id) < 0);
}

/* Whether a (unit, pod) was a hold before. */
static bool has_held(const gw_fold *f, gw_str pair)
{
    if (!f->hours)
        return gw_map_get(&f->usage->by_hold, pair) != GW_NONE;
    for (const fold_hours *s = f->hours; s; s = s->prev) {
        for (size_t h = 0; h < s->n; h++) {
            if (gw_map_get(&s->of[h].by_hold, pair) != GW_NONE)
                return true;
        }
    }
    return gw_map_get(f->held, pair) != GW_NONE;
}

/* The best unit left for an unnamed pod; GW_NONE where there is none. */
static uint32_t best_unit(const gw_fold *f, const unit_claims *all, const node_units *on, uint32_t pod)
{
    const gw_pod *p = &f->fleet->pods[pod];
    const gw_node *node = &f->fleet->nodes[p->node];
    span when = f->pods[pod].active;
    uint32_t best = GW_NONE;
    double best_score = -1;
    for (size_t i = 0; i < on->n; i++) {
        uint32_t u = on->units[i];
        if (!profile_fits(p, &f->fleet->units[u]) || names_pod(&all[u], pod))
            continue;
        int64_t there = rivals(&all[u], when);
        if (there >= node->replicas)
            continue;
        uint32_t pair[2] = {u, pod};
        bool before = has_held(f, (gw_str){(const char *)pair, sizeof(pair)});
        double score = (before ? 1e18 : 0) + 1 +
                       (node->replicas > 1 ? (double)(node->replicas - there) * 1e15 : 0) +
                       unit_work(f, &all[u], when);
        if (score > best_score || (score == best_score && before_unit(f->fleet, u, best))) {
            best = u;
            best_score = score;
        }
    }
    return best;
}

static int book_unobserved(gw_usage *to, uint32_t unit, uint32_t pod, span when, double ms)
{
    uint32_t h = gw_usage_hold(to, unit, pod);
    if (h == GW_NONE)
        return GW_ENOMEM;
    gw_stats *s = &to->holds[h].stats;
    to->holds[h].how = GW_HOLD_UNOBSERVED;
    s->allocated += ms;
    s->states[GW_STATE_UNKNOWN] += ms;
    to->units[unit].paid += ms;
    gw_interval seen = {s->first_ms, s->end_ms};
    gw_interval_cover(&seen, when.start_ms, when.end_ms);
    s->first_ms = seen.start_ms;
    s->end_ms = seen.end_ms;
    return 0;
}

/* GPUs that are requested and reported by no exporter: held, and nothing is known of their use. */
static int hold_unobserved(gw_fold *f, uint32_t pod, int64_t count, gw_error *e)
{
    const gw_pod *p = &f->fleet->pods[pod];
    gw_str none = {"", 0};
    uint32_t u = gw_fleet_unit(f->fleet, GW_NONE, p->node, none, none, e);
    if (u == GW_NONE)
        return e ? e->code : GW_ENOMEM;
    int rc = gw_fold_fit_sums(f, e);
    span a = f->pods[pod].active;
    for (int64_t t = a.start_ms; t < a.end_ms && !rc; t = sums_until(f, t, a.end_ms)) {
        span piece = {t, sums_until(f, t, a.end_ms)};
        double ms = (double)(piece.end_ms - piece.start_ms) * (double)count;
        if (p->resource != GW_RESOURCE_MIG)
            ms /= (double)f->fleet->nodes[p->node].replicas;
        else
            ms *= gw_mig_weight(f->fleet->nodes[p->node].gpu_product, p->mig_resource);
        rc = book_unobserved(sums_at(f, t), u, pod, piece, ms) ? gw_fail_memory(e) : 0;
    }
    return rc;
}

/* Who comes first does not hang on the order in which a source tells of the pods. */
static int by_arrival(const void *a, const void *b, void *fold)
{
    const gw_fold *f = fold;
    uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const gw_pod *p = &f->fleet->pods[i], *q = &f->fleet->pods[j];
    if (f->pods[i].active.start_ms != f->pods[j].active.start_ms)
        return f->pods[i].active.start_ms < f->pods[j].active.start_ms ? -1 : 1;
    int c = strcmp(p->ns, q->ns);
    return c ? c : strcmp(p->name, q->name);
}

static int place_pod(gw_fold *f, unit_claims *all, const node_units *on, uint32_t pod, gw_error *e)
{
    const pod_slice *s = &f->pods[pod];
    /* a shared GPU names one arbitrary pod at a time, so being named once says nothing about the rest */
    int64_t need = s->gpus - (int64_t)s->n_named;
    for (; need > 0; need--) {
        uint32_t u = best_unit(f, all, on, pod);
        if (u == GW_NONE)
            return hold_unobserved(f, pod, need, e);
        int rc =
            add_claim(f, &all[u], (claim){pod, GW_HOLD_REQUESTED, s->active.start_ms, s->active.end_ms}, e);
        if (rc)
            return rc;
    }
    return 0;
}

static int place_unnamed(gw_fold *f, unit_claims *all, size_t n_units, gw_error *e)
{
    node_units *by = NULL;
    int rc = units_by_node(f, all, &by, e);
    uint32_t *unnamed = rc ? NULL : GW_NEW_ARRAY(&f->arena, uint32_t, f->fleet->n_pods + 1);
    if (!unnamed)
        return rc ? rc : gw_fail_memory(e);
    size_t n = 0;
    for (uint32_t i = 0; i < f->fleet->n_pods; i++) {
        const pod_slice *s = &f->pods[i];
        if (s->active.start_ms < s->active.end_ms && s->gpus > (int64_t)s->n_named)
            unnamed[n++] = i;
    }
    qsort_r(unnamed, n, sizeof(*unnamed), by_arrival, f);
    for (size_t i = 0; i < n && !rc; i++)
        rc = place_pod(f, all, &by[f->fleet->pods[unnamed[i]].node], unnamed[i], e);
    for (size_t u = 0; u < n_units && !rc; u++)
        merge_claims(&all[u]);
    return rc;
}

/* By name: which of two series speaks, where they cover the same, does not hang on what was told first. */
static int by_pod_measure(const void *a, const void *b)
{
    const track *x = *(track *const *)a, *y = *(track *const *)b;
    if (x->pod_index != y->pod_index) {
        int c = strcmp(x->ns, y->ns);
        c = c ? c : strcmp(x->pod, y->pod);
        return c ? c : x->pod_index < y->pod_index ? -1 : 1;
    }
    if (x->what != y->what)
        return x->what < y->what ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Hands every GPU track to its unit. On a board with MIG instances the board's own readings describe no unit.
 */
static int deal_tracks(gw_fold *f, unit_claims *all, gw_error *e)
{
    gw_fleet *fl = f->fleet;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < f->n_tracks; i++) {
            track *k = f->tracks[i];
            if (k->what >= M_XID)
                continue;
            if (k->what == M_GPU_UTIL && *k->mig_id)
                continue; /* missing or a constant 0 on an instance: never a reading */
            unit_claims *u = &all[k->unit];
            if (pass)
                u->tracks[u->n_tracks] = k;
            u->n_tracks++;
        }
        for (size_t u = 0; pass == 0 && u < fl->n_units; u++) {
            all[u].tracks = GW_NEW_ARRAY(&f->arena, track *, all[u].n_tracks + 1);
            if (!all[u].tracks)
                return gw_fail_memory(e);
            all[u].n_tracks = 0;
        }
    }
    for (size_t u = 0; u < fl->n_units; u++)
        qsort(all[u].tracks, all[u].n_tracks, sizeof(track *), by_pod_measure);
    return 0;
}

int gw_fold_claims(gw_fold *f, unit_claims **ret, gw_error *e)
{
    int rc;
    f->kube_seen = (gw_interval){0, 0};
    if ((rc = close_tracks(f, e)) || (rc = enter_pod_nodes(f, e)) || (rc = resolve_gpus(f, e)) ||
        (rc = fit_slice_arrays(f, e)) || (rc = gw_fold_fit_nodes(f, e)) || (rc = note_windows(f, e)) ||
        (rc = read_facts(f, e)) || (rc = cover_requests(f, e)))
        return rc;
    cover_gpus(f);
    if ((rc = settle_xids(f, e)))
        return rc;
    size_t n = f->fleet->n_units;
    unit_claims *all = GW_NEW_ARRAY(&f->arena, unit_claims, n + 1);
    if (!all)
        return gw_fail_memory(e);
    if ((rc = gw_fold_fit_sums(f, e)) || (rc = deal_tracks(f, all, e)))
        return rc;
    for (size_t u = 0; u < n; u++) {
        if ((rc = named_claims(f, &all[u], e)))
            return rc;
    }
    if ((rc = bridge_by_kube(f, all, e)) || (rc = place_unnamed(f, all, n, e)))
        return rc;
    f->n_claimed = n;
    *ret = all;
    return 0;
}
