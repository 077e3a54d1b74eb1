/*
 * The series of cAdvisor in the kubelet: what containers really use. The CPU counter starts at 0 with its
 * container; where `id` and `name` are dropped by relabelling, a restart is a reset within one series.
 */
#include "observe/demo_scrape.h"

enum { CPU, MEMORY, DISK };

#define RESTART_MS (20 * GW_SECOND_MS) /* without a container in between */

/* Cores in use in the hour: between 0.6 and 1.4 of the average. */
static double cores_in_hour(const demo_pod *p, int64_t hour)
{
    return p->work->cpu_used * (0.6 + 0.8 * demo_share(p->seed ^ 0xc95, (uint64_t)hour));
}

/*
 * CPU seconds since the container began, at every scrape of [a, b). Whole hours are summed first, so that a
 * value does not depend, in its last bits, on which scrapes came before it.
 */
static void count_cpu(demo_reader *r, const demo_pod *p, int64_t began_ms, size_t a, size_t b)
{
    double *out = demo_values(r, CPU), before = 0; /* until `at`: the beginning, then every full hour */
    int64_t at = began_ms;
    for (size_t i = a; i < b; i++) {
        int64_t t = r->scrapes.t[i], hour = at / GW_HOUR_MS;
        while ((hour + 1) * GW_HOUR_MS <= t) {
            before += cores_in_hour(p, hour) * (double)((hour + 1) * GW_HOUR_MS - at) / 1000;
            at = ++hour * GW_HOUR_MS;
        }
        out[i] = before + cores_in_hour(p, hour) * (double)(t - at) / 1000;
    }
}

/* Climbs to its level within ten minutes, and varies by a few percent from then on. */
static void measure_memory(demo_reader *r, const demo_pod *p, int64_t began_ms, size_t a, size_t b)
{
    double *out = demo_values(r, MEMORY), level = p->work->ram_used_gib * 1073741824.0;
    for (size_t i = a; i < b; i++) {
        int64_t age = r->scrapes.t[i] - began_ms;
        double risen = age < 10 * GW_MINUTE_MS ? 0.3 + 0.7 * (double)age / (double)(10 * GW_MINUTE_MS) : 1;
        double v = level * risen *
                   (0.94 + 0.06 * demo_share(p->seed ^ 0x3e3, (uint64_t)(r->scrapes.t[i] / GW_HOUR_MS)));
        out[i] = (double)(int64_t)(v / 4096) * 4096;
    }
}

/* What a container writes beside its volumes: a cache of its own size at once, then logs. */
static void measure_disk(demo_reader *r, const demo_pod *p, int64_t began_ms, size_t a, size_t b)
{
    double *out = demo_values(r, DISK), cache = (0.3 + 2 * demo_share(p->seed ^ 0xd15, 0)) * 1073741824.0;
    for (size_t i = a; i < b; i++) {
        double hours = (double)(r->scrapes.t[i] - began_ms) / (double)GW_HOUR_MS;
        out[i] = (double)(int64_t)((cache + hours * 4e6) / 4096) * 4096;
    }
}

/* CPU and memory, and of a container its disk where that is measured. */
static int emit_all(demo_reader *r, const demo_labels *base, bool disk)
{
    static const char *const families[] = {"container_cpu_usage_seconds_total",
                                           "container_memory_working_set_bytes", "container_fs_usage_bytes"};
    for (size_t k = CPU; k <= (disk ? DISK : MEMORY); k++) {
        demo_labels l = *base;
        demo_label(&l, "__name__", families[k]);
        if (k == DISK)
            demo_label(&l, "device", "/dev/nvme0n1p2");
        int rc = demo_emit(r, &l, 0, r->scrapes.n, demo_values(r, k));
        if (rc)
            return rc;
    }
    return 0;
}

static int read_pod(demo_reader *r, const demo_labels *target, const demo_pod *p)
{
    const demo_cluster *c = &demo_clusters[p->cluster];
    int64_t restart = demo_in(p->life, p->restart_ms) ? p->restart_ms : p->life.end_ms;
    gw_interval lives[2] = {{p->life.start_ms, restart},
                            {GW_MIN(restart + RESTART_MS, p->life.end_ms), p->life.end_ms}};
    demo_labels base = *target;
    demo_label(&base, "namespace", p->work->ns);
    demo_label(&base, "pod", p->name);
    for (int k = 0; k < 2; k++) {
        size_t a = demo_scrape_at(&r->scrapes, lives[k].start_ms),
               b = demo_scrape_at(&r->scrapes, lives[k].end_ms);
        count_cpu(r, p, lives[k].start_ms, a, b);
        measure_memory(r, p, lives[k].start_ms, a, b);
        measure_disk(r, p, lives[k].start_ms, a, b);
    }
    int rc = 0;
    if (c->pod_cgroups && (rc = demo_runs_of(r, lives, 2)) == 0)
        rc = emit_all(r, &base, false); /* the pod's own cgroup: no container label */
    demo_label(&base, "container", p->container);
    if (!c->container_ids) {
        if (rc == 0 && (rc = demo_runs_of(r, lives, 2)) == 0)
            rc = emit_all(r, &base, c->container_disk);
        return rc;
    }
    for (int k = 0; k < 2 && rc == 0; k++) {
        char id[128], name[80];
        uint64_t x = demo_draw(p->seed ^ 0xc0, (uint64_t)k);
        snprintf(name, sizeof(name), "%016" PRIx64 "%016" PRIx64, x, demo_mix(x));
        snprintf(id, sizeof(id), "/kubepods.slice/pod%s/cri-containerd-%s", p->uid, name);
        demo_labels l = base;
        demo_label(&l, "id", id);
        demo_label(&l, "name", name);
        rc = demo_runs_of(r, &lives[k], 1);
        if (rc == 0)
            rc = emit_all(r, &l, c->container_disk);
    }
    return rc;
}

static int read_kubelet(demo_reader *r, uint32_t node, int prometheus, const uint32_t *pods, size_t n_pods)
{
    const demo_fleet *f = r->f;
    const demo_node *n = &f->nodes[node];
    demo_target t = {
        .seed = demo_draw(n->seed, (uint64_t)(200 + prometheus)),
        .jitter = demo_clusters[n->cluster].prometheis > 1,
        .life = n->life,
        .gap = demo_cluster_gap(f, n->cluster),
    };
    int rc = demo_scrape(r, &t);
    demo_labels target;
    char instance[64];
    snprintf(instance, sizeof(instance), "10.%u.%u.2:10250", 64 + node / 250, node % 250);
    demo_target_labels(&target, n->cluster, prometheus, "kubelet", instance);
    demo_label(&target, "metrics_path", "/metrics/cadvisor");
    demo_label(&target, "node", n->name);
    for (size_t i = 0; i < n_pods && rc == 0 && r->scrapes.n; i++)
        rc = read_pod(r, &target, &f->pods[pods[i]]);
    return rc;
}

/* The pods by node, so that each kubelet's are at hand: start[i] .. start[i + 1] of pods[] are node i's. */
static int sort_by_node(const demo_fleet *f, uint32_t *start, uint32_t *pods)
{
    for (size_t i = 0; i < f->n_pods; i++) {
        if (f->pods[i].node != GW_NONE)
            start[f->pods[i].node + 1]++;
    }
    for (size_t i = 0; i < f->n_nodes; i++)
        start[i + 1] += start[i];
    uint32_t *at = gw_calloc(f->n_nodes + 1, sizeof(*at));
    if (!at)
        return GW_ENOMEM;
    memcpy(at, start, f->n_nodes * sizeof(*at));
    for (uint32_t i = 0; i < f->n_pods; i++) {
        if (f->pods[i].node != GW_NONE)
            pods[at[f->pods[i].node]++] = i;
    }
    gw_free(at);
    return 0;
}

int demo_read_cadvisor(demo_reader *r)
{
    const demo_fleet *f = r->f;
    uint32_t *start = gw_calloc(f->n_nodes + 1, sizeof(*start)),
             *pods = gw_calloc(f->n_pods + 1, sizeof(*pods));
    int rc = start && pods && sort_by_node(f, start, pods) == 0 ? 0 : gw_fail_memory(r->e);
    for (uint32_t i = 0; i < f->n_nodes && rc == 0; i++) {
        for (int k = 0; k < demo_clusters[f->nodes[i].cluster].prometheis && rc == 0; k++)
            rc = read_kubelet(r, i, k, pods + start[i], start[i + 1] - start[i]);
    }
    gw_free(start);
    gw_free(pods);
    return rc;
}
