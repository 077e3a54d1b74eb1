/*
 * Telemetry of random fleets, in memory, for tests that read it more than one way: nodes that go and come
 * back, boards that are partitioned and put together again, time slicing, exporters and kube-state-metrics
 * that stop for hours, pods that end and return, requests that no exporter names, XIDs, cAdvisor. Samples
 * may arrive late.
 */
#ifndef GW_TESTS_RANDOM_FLEET_H
#define GW_TESTS_RANDOM_FLEET_H

#include "base/mem.h"
#include "observe/fold.h"

#define LABELS_MAX 12

typedef struct mem_sample {
    int64_t t_ms, arrives_ms;
    double value;
} mem_sample;

typedef struct mem_series {
    gw_family_group group;
    gw_label labels[LABELS_MAX];
    size_t n_labels;
    mem_sample *samples;
    size_t n, cap;
} mem_series;

typedef struct mem_source {
    gw_arena texts;
    gw_map by_labels;
    mem_series *series;
    size_t n, cap;
    int64_t now_ms;  /* what arrives later is not there yet */
    uint32_t fail_1; /* of so many reads one fails, half-way; 0: none */
    uint64_t rng;
} mem_source;

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint32_t rnd(uint64_t *state, uint32_t n)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static void mem_source_init(mem_source *m, uint64_t seed)
{
    *m = (mem_source){.now_ms = INT64_MAX, .rng = seed};
    gw_arena_init(&m->texts, 0);
    gw_map_init(&m->by_labels);
}

static void mem_source_free(mem_source *m)
{
    for (size_t i = 0; i < m->n; i++)
        gw_free(m->series[i].samples);
    gw_free(m->series);
    gw_map_free(&m->by_labels);
    gw_arena_free(&m->texts);
}

/* labels: "name=value,name=value". The series of these, until the next call. */
static mem_series *mem_add(mem_source *m, gw_family_group group, const char *name, const char *labels)
{
    char *key = gw_arena_printf(&m->texts, "%s,%s", name, labels);
    uint32_t known = gw_map_get(&m->by_labels, gw_str_of(key));
    if (known != GW_NONE)
        return &m->series[known];
    if (gw_grow((void **)&m->series, &m->cap, m->n + 1, sizeof(*m->series), SIZE_MAX) ||
        gw_map_set(&m->by_labels, gw_str_of(key), (uint32_t)m->n))
        abort();
    mem_series *s = &m->series[m->n++];
    *s = (mem_series){.group = group};
    s->labels[s->n_labels++] = (gw_label){gw_str_of("__name__"), gw_str_of(gw_arena_strdup(&m->texts, name))};
    char *text = gw_arena_strdup(&m->texts, labels), *save = NULL;
    for (char *p = strtok_r(text, ",", &save); p && s->n_labels < LABELS_MAX;
         p = strtok_r(NULL, ",", &save)) {
        char *eq = strchr(p, '=');
        *eq = '\0';
        s->labels[s->n_labels++] = (gw_label){gw_str_of(p), gw_str_of(eq + 1)};
    }
    return s;
}

static void mem_put(mem_series *s, int64_t t_ms, double value, int64_t late_ms)
{
    int64_t arrives = t_ms + late_ms;
    if (s->n && s->samples[s->n - 1].t_ms >= t_ms)
        return; /* a pod that is in two places has one series of what it uses */
    if (s->n)
        arrives = GW_MAX(arrives, s->samples[s->n - 1].arrives_ms); /* in order */
    if (gw_grow((void **)&s->samples, &s->cap, s->n + 1, sizeof(*s->samples), SIZE_MAX))
        abort();
    s->samples[s->n++] = (mem_sample){t_ms, arrives, value};
}

static int mem_read(void *self, gw_family_group group, gw_interval range, const gw_series_sink *sink,
                    gw_error *e)
{
    mem_source *m = self;
    size_t stop = m->fail_1 && rnd(&m->rng, m->fail_1) == 0 ? rnd(&m->rng, (uint32_t)m->n + 1) : SIZE_MAX;
    for (size_t i = 0; i < m->n; i++) {
        mem_series *s = &m->series[i];
        if (i == stop)
            return gw_fail(e, GW_ECONNECT, "the source is down");
        if (s->group != group)
            continue;
        int64_t t[64];
        double v[64];
        size_t n = 0, low = 0, high = s->n;
        void *handle = NULL;
        bool known = false;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (s->samples[middle].t_ms < range.start_ms)
                low = middle + 1;
            else
                high = middle;
        }
        for (size_t k = low; k <= s->n; k++) {
            bool more =
                k < s->n && s->samples[k].t_ms < range.end_ms && s->samples[k].arrives_ms <= m->now_ms;
            if (more && !known) {
                int rc = sink->series(sink->ctx, s->labels, s->n_labels, &handle, e);
                if (rc)
                    return rc;
                known = true;
            }
            if (n == GW_COUNT(t) || (!more && n)) {
                int rc = handle ? sink->samples(sink->ctx, handle, t, v, n, e) : 0;
                if (rc)
                    return rc;
                n = 0;
            }
            if (!more)
                break;
            t[n] = s->samples[k].t_ms;
            v[n++] = s->samples[k].value;
        }
    }
    return 0;
}

/* ---- fleets ---- */

typedef struct random_fleet {
    mem_source *m;
    int64_t start_ms, end_ms;
    bool late;
    int64_t kube_from, kube_to; /* kube-state-metrics is silent meanwhile */
    int pods;
    int kinds[8]; /* of nodes; + 1 */
} random_fleet;

static int64_t lateness(random_fleet *r)
{
    return r->late && rnd(&r->m->rng, 20) == 0 ? rnd(&r->m->rng, 14 * 60) * GW_SECOND_MS : 0;
}

static void fact(random_fleet *r, const char *name, const char *labels, int64_t from, int64_t to,
                 double value)
{
    mem_series *s = mem_add(r->m, GW_FAMILIES_KUBE, name, labels);
    for (int64_t t = from; t < to; t += GW_MINUTE_MS) {
        if (t < r->kube_from || t >= r->kube_to)
            mem_put(s, t, value, lateness(r));
    }
}

/* One pod's life on a GPU, by the exporter, and with luck by kube-state-metrics and cAdvisor. */
static void life(random_fleet *r, int node, int gpu, const char *mig, int pod, int64_t from, int64_t to)
{
    uint64_t *g = &r->m->rng;
    char labels[400], who[100];
    int64_t step = (30 + (int64_t)rnd(g, 3) * 15) * GW_SECOND_MS;
    int level = (int)rnd(g, 90);
    snprintf(who, sizeof(who), "namespace=ns%d,pod=p%d,container=main", pod % 3, pod);
    snprintf(labels, sizeof(labels), "UUID=GPU-%d-%d,gpu=%d,modelName=NVIDIA H100,Hostname=n%d%s%s,%s", node,
             gpu, gpu, node, *mig ? "," : "", mig, who);
    mem_series *util = mem_add(r->m, GW_FAMILIES_GPU,
                               *mig ? "DCGM_FI_PROF_GR_ENGINE_ACTIVE" : "DCGM_FI_DEV_GPU_UTIL", labels);
    for (int64_t t = from + (int64_t)rnd(g, 30000); t < to; t += step) {
        uint32_t chance = rnd(g, 200);
        if (chance == 0)
            t += (int64_t)rnd(g, 150) * GW_MINUTE_MS;
        double v = (double)(level + (int)rnd(g, 11)) * (*mig ? 0.01 : 1);
        if (t < to)
            mem_put(util, t, chance == 1 ? 9223372036854775794.0 : v, lateness(r));
    }
    if (rnd(g, 4)) {
        mem_series *used = mem_add(r->m, GW_FAMILIES_GPU, "DCGM_FI_DEV_FB_USED", labels);
        for (int64_t t = from; t < to; t += 2 * GW_MINUTE_MS)
            mem_put(used, t, 10000 + rnd(g, 60000), lateness(r));
        mem_series *spare = mem_add(r->m, GW_FAMILIES_GPU, "DCGM_FI_DEV_FB_FREE", labels);
        for (int64_t t = from; t < to; t += 2 * GW_MINUTE_MS)
            mem_put(spare, t, 10000, lateness(r));
    }
    if (rnd(g, 3) == 0) {
        mem_series *xid = mem_add(r->m, GW_FAMILIES_GPU, "DCGM_FI_DEV_XID_ERRORS", labels);
        for (int64_t t = from; t < to; t += GW_MINUTE_MS)
            mem_put(xid, t, t < from + (to - from) / 2 ? 0 : 79, lateness(r));
    }
    if (rnd(g, 2)) {
        snprintf(labels, sizeof(labels), "%s,node=n%d,resource=nvidia_com_gpu", who, node);
        fact(r, "kube_pod_container_resource_requests", labels, from, to, 1);
        snprintf(labels, sizeof(labels), "namespace=ns%d,pod=p%d,phase=Running", pod % 3, pod);
        fact(r, "kube_pod_status_phase", labels, from, to, 1);
        mem_series *cpu = mem_add(r->m, GW_FAMILIES_CADVISOR, "container_cpu_usage_seconds_total", who);
        double seconds = 0;
        for (int64_t t = from; t < to; t += GW_MINUTE_MS)
            mem_put(cpu, t, seconds += rnd(g, 120), lateness(r));
        mem_series *memory = mem_add(r->m, GW_FAMILIES_CADVISOR, "container_memory_working_set_bytes", who);
        for (int64_t t = from; t < to; t += GW_MINUTE_MS)
            mem_put(memory, t, 1e9 + rnd(g, 1000000000), lateness(r));
    }
}

/* Nobody on it: the exporter reports the GPU, and no pod. */
static void idle_stretch(random_fleet *r, int node, int gpu, int64_t from, int64_t to)
{
    char labels[300];
    snprintf(labels, sizeof(labels), "UUID=GPU-%d-%d,gpu=%d,modelName=NVIDIA H100,Hostname=n%d", node, gpu,
             gpu, node);
    mem_series *util = mem_add(r->m, GW_FAMILIES_GPU, "DCGM_FI_DEV_GPU_UTIL", labels);
    for (int64_t t = from; t < to; t += 45 * GW_SECOND_MS)
        mem_put(util, t, 0, lateness(r));
}

static void random_gpu(random_fleet *r, int node, int gpu, int kind, int64_t from, int64_t to)
{
    uint64_t *g = &r->m->rng;
    for (int64_t at = from + (int64_t)rnd(g, 120) * GW_MINUTE_MS; at < to;) {
        int64_t until = GW_MIN(to, at + (5 + (int64_t)rnd(g, 900)) * GW_MINUTE_MS);
        /* some pods are old ones, which come back */
        int pod = r->pods && rnd(g, 3) == 0 ? (int)rnd(g, (uint32_t)r->pods) : r->pods++;
        if (kind == 2 && rnd(g, 2)) {
            life(r, node, gpu, "GPU_I_ID=1,GPU_I_PROFILE=3g.40gb", pod, at, until);
            if (rnd(g, 2))
                life(r, node, gpu, "GPU_I_ID=2,GPU_I_PROFILE=1g.10gb", r->pods++, at, until);
        } else {
            life(r, node, gpu, "", pod, at, until);
            if (kind == 1 && rnd(g, 2))
                life(r, node, gpu, "", r->pods++, at, until);
        }
        int64_t next = until + (int64_t)rnd(g, 400) * GW_MINUTE_MS;
        if (kind != 2 && rnd(g, 2))
            idle_stretch(r, node, gpu, until, GW_MIN(next, to));
        at = next;
    }
}

static void random_node(random_fleet *r, int node, int64_t from, int64_t to)
{
    uint64_t *g = &r->m->rng;
    char labels[200];
    /* a node is what it is, also when it comes back */
    int gpus = 1 + (int)rnd(g, 3), kind = r->kinds[node] ? r->kinds[node] - 1 : (int)rnd(g, 5);
    r->kinds[node] = kind + 1;
    snprintf(labels, sizeof(labels), kind == 1 ? "node=n%d,label_nvidia_com_gpu_replicas=2" : "node=n%d",
             node);
    fact(r, "kube_node_labels", labels, from, to, 1);
    if (rnd(g, 3)) {
        snprintf(labels, sizeof(labels), "node=n%d,resource=nvidia_com_gpu", node);
        fact(r, "kube_node_status_allocatable", labels, from, to,
             gpus * (kind == 1 ? 2 : 1) + (rnd(g, 4) == 0));
    }
    for (int gpu = 0; gpu < gpus && kind != 4; gpu++)
        random_gpu(r, node, gpu, kind, from, to);
    if (rnd(g, 2)) {
        snprintf(labels, sizeof(labels), "namespace=ns0,pod=u%d,container=c,node=n%d,resource=nvidia_com_gpu",
                 node, node);
        fact(r, "kube_pod_container_resource_requests", labels, from + (int64_t)rnd(g, 600) * GW_MINUTE_MS,
             to, 1 + rnd(g, 2));
    }
}

static void random_fleet_make(mem_source *m, int64_t start_ms, int64_t end_ms, bool late)
{
    random_fleet r = {.m = m,
                      .start_ms = start_ms,
                      .end_ms = end_ms,
                      .late = late,
                      .kube_from = INT64_MAX,
                      .kube_to = INT64_MAX};
    uint64_t *g = &m->rng;
    int64_t whole = end_ms - start_ms;
    if (rnd(g, 2)) {
        r.kube_from = start_ms + (int64_t)rnd(g, (uint32_t)(whole / GW_MINUTE_MS)) * GW_MINUTE_MS;
        r.kube_to = r.kube_from + (int64_t)rnd(g, 300) * GW_MINUTE_MS;
    }
    int nodes = 1 + (int)rnd(g, 4);
    for (int n = 0; n < nodes; n++) {
        int64_t from = start_ms - (int64_t)rnd(g, 60) * GW_MINUTE_MS, to = end_ms + 30 * GW_MINUTE_MS;
        if (rnd(g, 3)) {
            random_node(&r, n, from, to);
            continue;
        }
        /* it goes, and comes back */
        int64_t gone = from + (int64_t)rnd(g, (uint32_t)(whole / GW_MINUTE_MS)) * GW_MINUTE_MS;
        random_node(&r, n, from, gone);
        random_node(&r, n, gone + (int64_t)rnd(g, 1000) * GW_MINUTE_MS, to);
    }
}

#endif
