/*
 * What containers used → histograms of VPA's kind (fleet/vpa.h), for right-sizing. During the slice each
 * cAdvisor series gathers its own; at the slice's end the series of one container are put together and added
 * to what earlier slices said.
 *
 * Of interest are pods on GPU nodes and pods that hold or request GPUs. Which these are is certain only at
 * the slice's end, when every series has told of pods and nodes; what is clearly none of them gathers
 * nothing, so that a large cluster's other pods cost no memory.
 */
#include "observe/fold_internal.h"

#include <math.h>

/* False where it is known of pod and node that neither has to do with GPUs. */
static bool may_matter(const gw_fold *f, uint32_t pod)
{
    const gw_pod *p = &f->fleet->pods[pod];
    if (p->gpus > 0 || p->node == GW_NONE)
        return true;
    const gw_node *n = &f->fleet->nodes[p->node];
    return n->cpu_milli < 0 || gw_node_has_gpus(n);
}

int gw_fold_container_begin(gw_fold *f, track *k, gw_error *e)
{
    if (k->subject == GW_NONE || !may_matter(f, k->subject))
        return 0;
    container_part *p = GW_NEW(&f->arena, container_part);
    if (!p)
        return gw_fold_no_room(f, e);
    gw_vpa_hist_init(&p->cpu);
    for (int i = 0; i < SLICE_DAYS_MAX; i++)
        p->peak[i] = -1;
    int64_t start = f->usage->window.start_ms, into = GW_MAX(0, f->slice.start_ms - start);
    p->day_end_ms = start + (into / GW_VPA_INTERVAL_MS + 1) * GW_VPA_INTERVAL_MS;
    k->part = p;
    return 0;
}

int gw_fold_container_rate(gw_fold *f, track *k, int64_t from, int64_t to, double milli, gw_error *e)
{
    container_part *p = k->part;
    /* a rate over the border of two slices: each takes the minutes that are its own */
    from = GW_MAX(from, f->slice.start_ms);
    to = GW_MIN(to, f->slice.end_ms);
    if (to <= from)
        return 0;
    if (!p->cpu.weight && !(p->cpu.weight = GW_NEW_ARRAY(&f->arena, float, GW_VPA_BUCKETS)))
        return gw_fold_no_room(f, e);
    double minutes = (double)(to - from) / (double)GW_MINUTE_MS;
    gw_vpa_hist_add(&p->cpu, GW_VPA_CPU_FIRST_MILLI, milli, minutes, to); /* has its memory */
    if (p->minutes <= 0)
        p->first_ms = from;
    p->last_ms = to;
    p->minutes += minutes;
    return 0;
}

/* --- the end of the slice --- */

static int mark_pods(gw_fold *f, bool *matters, gw_error *e)
{
    const gw_fleet *fl = f->fleet;
    bool *node = GW_NEW_ARRAY(&f->arena, bool, fl->n_nodes + 1);
    if (!node)
        return gw_fail_memory(e);
    for (size_t i = 0; i < fl->n_nodes; i++)
        node[i] = gw_node_has_gpus(&fl->nodes[i]);
    for (size_t i = 0; i < fl->n_gpus; i++) {
        if (fl->gpus[i].node != GW_NONE)
            node[fl->gpus[i].node] = true;
    }
    for (size_t i = 0; i < fl->n_pods; i++) {
        const gw_pod *p = &fl->pods[i];
        matters[i] = p->gpus > 0 || f->pods[i].n_named > 0 || (p->node != GW_NONE && node[p->node]);
    }
    return 0;
}

static gw_container *container_of(gw_fold *f, const track *k, uint32_t *ret_index, gw_error *e)
{
    uint32_t i = gw_usage_container(f->usage, k->subject, k->container);
    if (i == GW_NONE) {
        gw_fail_memory(e);
        return NULL;
    }
    *ret_index = i;
    return &f->usage->containers[i];
}

static int take_request(gw_fold *f, const track *k, gw_error *e)
{
    const char *what = k->resource ? k->resource : "";
    bool cpu = strcmp(what, "cpu") == 0, memory = strcmp(what, "memory") == 0,
         disk = strcmp(what, "ephemeral_storage") == 0;
    if ((!cpu && !memory && !disk) || k->fact < 0)
        return 0;
    uint32_t i;
    gw_container *c = container_of(f, k, &i, e);
    if (!c)
        return GW_ENOMEM;
    if (cpu)
        c->cpu_request_milli = llround(k->fact * 1000);
    else if (memory)
        c->memory_request_mib = llround(k->fact / 1048576);
    else
        c->ephemeral_request_mib = llround(k->fact / 1048576);
    return 0;
}

static int take_level(gw_fold *f, const track *k, gw_error *e)
{
    const container_part *p = k->part;
    uint32_t at;
    for (int i = 0; i < SLICE_DAYS_MAX; i++) {
        gw_container *c = p->peak[i] < 0 ? NULL : container_of(f, k, &at, e);
        if (p->peak[i] < 0)
            continue;
        if (!c)
            return GW_ENOMEM;
        gw_vpa_peaks *to = k->what == M_MEMORY_BYTES ? &c->use.memory : &c->use.disk;
        if (gw_vpa_peaks_add(to, GW_VPA_MEMORY_FIRST_MIB, p->peak[i], p->day_end_ms + i * GW_VPA_INTERVAL_MS))
            return gw_fail_memory(e);
    }
    return 0;
}

/* The CPU series of one container, in order of time. */
typedef struct cpu_part {
    uint32_t container, order;
    const container_part *part;
} cpu_part;

static int by_container_then_time(const void *a, const void *b)
{
    const cpu_part *x = a, *y = b;
    if (x->container != y->container)
        return x->container < y->container ? -1 : 1;
    if (x->part->first_ms != y->part->first_ms)
        return x->part->first_ms < y->part->first_ms ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/*
 * Two series of one container are either two lives of it, one after the other, or two Prometheus servers'
 * copies of one, which overlap for more than half of the shorter one.
 */
static bool is_copy(const container_part *a, const container_part *b)
{
    int64_t both = GW_MIN(a->last_ms, b->last_ms) - GW_MAX(a->first_ms, b->first_ms);
    int64_t shorter = GW_MIN(a->last_ms - a->first_ms, b->last_ms - b->first_ms);
    return both > shorter / 2;
}

static int add_cpu(gw_vpa_use *u, const container_part *p, gw_error *e)
{
    if (gw_vpa_hist_merge(&u->cpu, &p->cpu))
        return gw_fail_memory(e);
    u->first_ms = u->first_ms ? GW_MIN(u->first_ms, p->first_ms) : p->first_ms;
    u->last_ms = GW_MAX(u->last_ms, p->last_ms);
    u->samples += p->minutes;
    return 0;
}

/* Of copies the one that covers most speaks. */
static int add_cpu_parts(gw_fold *f, cpu_part *all, size_t n, gw_error *e)
{
    qsort(all, n, sizeof(*all), by_container_then_time);
    for (size_t i = 0; i < n;) {
        cpu_part best = all[i++];
        for (; i < n && all[i].container == best.container && is_copy(best.part, all[i].part); i++) {
            if (all[i].part->minutes > best.part->minutes)
                best = all[i];
        }
        int rc = add_cpu(&f->usage->containers[best.container].use, best.part, e);
        if (rc)
            return rc;
    }
    return 0;
}

/* The one series: into the container, or a rate's among those that are yet to be put in order. */
static int take(gw_fold *f, const track *k, cpu_part *cpu, size_t *n_cpu, gw_error *e)
{
    uint32_t at;
    gw_container *c;
    switch (k->what) {
    case M_POD_REQUEST:
        return take_request(f, k, e);
    case M_POD_OOM:
        if (k->fact <= 0)
            return 0;
        if (!(c = container_of(f, k, &at, e)))
            return GW_ENOMEM;
        c->oom_killed = true;
        return 0;
    case M_CPU_SECONDS:
        if (!k->part || k->part->minutes <= 0)
            return 0;
        if (!container_of(f, k, &at, e))
            return GW_ENOMEM;
        cpu[(*n_cpu)++] = (cpu_part){at, k->order, k->part};
        return 0;
    case M_MEMORY_BYTES:
    case M_DISK_BYTES:
        return k->part ? take_level(f, k, e) : 0;
    default:
        return 0;
    }
}

int gw_fold_containers(gw_fold *f, gw_error *e)
{
    bool *matters = GW_NEW_ARRAY(&f->arena, bool, f->fleet->n_pods + 1);
    cpu_part *cpu = GW_NEW_ARRAY(&f->arena, cpu_part, f->n_tracks + 1);
    if (!matters || !cpu)
        return gw_fail_memory(e);
    size_t n_cpu = 0;
    int rc = mark_pods(f, matters, e);
    for (size_t i = 0; i < f->n_tracks && !rc; i++) {
        const track *k = f->tracks[i];
        bool of_pod = k->what >= M_POD_INFO && k->what != M_NODE_FACT;
        if (of_pod && k->container && k->subject != GW_NONE && matters[k->subject])
            rc = take(f, k, cpu, &n_cpu, e);
    }
    return rc ? rc : add_cpu_parts(f, cpu, n_cpu, e);
}
