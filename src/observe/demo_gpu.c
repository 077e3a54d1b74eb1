/*
 * The series of dcgm-exporter. Label names and which metrics a GPU or MIG instance has: the exporter's own
 * source and default-counters.csv (github.com/NVIDIA/dcgm-exporter). On MIG the board's power and XID are
 * repeated on every instance, as the exporter does.
 */
#include "observe/demo_scrape.h"

#define EXPORTER_GONE_MS (20 * GW_MINUTE_MS) /* a dead GPU's last error code stays visible for so long */
#define SENTINEL_ONE_IN  400

enum { SM, GR, UTIL, DRAM, TENSOR, MEMORY, OUT, ONE_POD }; /* arrays of values */
_Static_assert(ONE_POD < DEMO_VALUES, "more arrays than a reader has");

typedef enum metric {
    SM_ACTIVE,
    GR_ENGINE_ACTIVE,
    GPU_UTIL,
    FB_USED,
    FB_FREE,
    DRAM_ACTIVE,
    MEM_COPY_UTIL,
    TENSOR_ACTIVE,
    POWER_USAGE,
    N_METRICS,
} metric;

static const char *const metric_names[N_METRICS] = {
    "DCGM_FI_PROF_SM_ACTIVE",    "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    "DCGM_FI_DEV_GPU_UTIL",      "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_FB_FREE",       "DCGM_FI_PROF_DRAM_ACTIVE",
    "DCGM_FI_DEV_MEM_COPY_UTIL", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "DCGM_FI_DEV_POWER_USAGE",
};

static bool is_prof(metric m)
{
    return m == SM_ACTIVE || m == GR_ENGINE_ACTIVE || m == DRAM_ACTIVE || m == TENSOR_ACTIVE;
}

static bool has_metric(const demo_node *n, const demo_unit *u, metric m)
{
    if (m == SM_ACTIVE && !(n->row->flags & DEMO_NODE_SM_ACTIVE))
        return false;
    if (u->mig_profile && (m == GPU_UTIL || m == MEM_COPY_UTIL))
        return false;
    return !(is_prof(m) && n->row->flags & DEMO_NODE_NO_PROF);
}

/* Adds what one pod does on the unit. */
static void add_pod(demo_reader *r, uint32_t unit, uint32_t pod)
{
    const demo_fleet *f = r->f;
    const demo_pod *p = &f->pods[pod];
    const demo_load *l = &p->work->load;
    size_t a = demo_scrape_at(&r->scrapes, p->life.start_ms), b = demo_scrape_at(&r->scrapes, p->life.end_ms);
    double *one = demo_values(r, ONE_POD), *sm = demo_values(r, SM), *gr = demo_values(r, GR);
    double *util = demo_values(r, UTIL), *dram = demo_values(r, DRAM), *tensor = demo_values(r, TENSOR);
    double *memory = demo_values(r, MEMORY);
    for (size_t i = a; i < b; i++)
        one[i] = demo_pod_compute(f, pod, unit, r->scrapes.t[i]);
    for (size_t i = a; i < b; i++) {
        sm[i] += one[i];
        gr[i] += one[i] * l->gr;
        util[i] += one[i] * l->util;
        dram[i] += one[i] * l->dram;
        tensor[i] += one[i] * l->tensor;
        memory[i] += l->memory_mib;
    }
}

/* What the device does at every scrape: the sum of its pods. */
static void measure(demo_reader *r, uint32_t unit)
{
    const demo_unit *u = &r->f->units[unit];
    for (size_t k = SM; k <= MEMORY; k++)
        memset(demo_values(r, k), 0, r->scrapes.n * sizeof(double));
    for (size_t i = 0; i < u->n_pods; i++)
        add_pod(r, unit, u->pods[i]);
}

static inline double least(double a, double b)
{
    return a < b ? a : b;
}

/* Six decimals, as the exporter prints shares. */
static void shares(const double *in, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (double)(int64_t)(least(in[i], 1) * 1e6 + 0.5) / 1e6;
}

static void percent(const double *in, double factor, size_t n, double *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (double)(int64_t)(least(in[i] * factor, 1) * 100 + 0.5);
}

static void framebuffer(const demo_reader *r, const demo_unit *u, const double *in, bool used, double *out)
{
    double usable = (double)(u->fb_mib - u->fb_reserved_mib);
    for (size_t i = 0; i < r->scrapes.n; i++) {
        double v = least((double)(int64_t)(in[i] + 1.5), usable); /* the driver keeps 1 MiB */
        out[i] = used ? v : usable - v;
    }
}

static void power(demo_reader *r, const demo_unit *u, double *out)
{
    const demo_machine *m = r->f->nodes[u->node].machine;
    const double *sm = demo_values(r, SM), *dram = demo_values(r, DRAM), *memory = demo_values(r, MEMORY);
    double span = m->max_watts - m->idle_watts;
    for (size_t i = 0; i < r->scrapes.n; i++) {
        double busy = 0.55 * least(sm[i], 1) + 0.3 * least(dram[i], 1) + (memory[i] > 0 ? 0.08 : 0);
        double w = m->idle_watts + span * busy +
                   2 * demo_share(u->seed ^ 0x9077, (uint64_t)(r->scrapes.first_index + (int64_t)i));
        out[i] = (double)(int64_t)(w * 1000 + 0.5) / 1000;
    }
}

/* What DCGM's blank and not-supported values look like when an old exporter prints them. */
static void spoil(demo_reader *r, const demo_unit *u, metric m, double *out)
{
    static const double blanks[] = {9223372036854775794.0, 140737488355328.0, 2147483632.0, -1.0};
    for (size_t i = 0; i < r->scrapes.n; i++) {
        uint64_t x =
            demo_draw(u->seed ^ (0xb1a0 + (uint64_t)m), (uint64_t)(r->scrapes.first_index + (int64_t)i));
        if (x % SENTINEL_ONE_IN == 0)
            out[i] = blanks[x / SENTINEL_ONE_IN % GW_COUNT(blanks)];
    }
}

static const double *metric_values(demo_reader *r, const demo_unit *u, metric m)
{
    double *out = demo_values(r, OUT);
    size_t n = r->scrapes.n;
    switch (m) {
    case SM_ACTIVE:
        shares(demo_values(r, SM), n, out);
        break;
    case GR_ENGINE_ACTIVE:
        shares(demo_values(r, GR), n, out);
        break;
    case GPU_UTIL:
        percent(demo_values(r, UTIL), 1, n, out);
        break;
    case FB_USED:
        framebuffer(r, u, demo_values(r, MEMORY), true, out);
        break;
    case FB_FREE:
        framebuffer(r, u, demo_values(r, MEMORY), false, out);
        break;
    case DRAM_ACTIVE:
        shares(demo_values(r, DRAM), n, out);
        break;
    case MEM_COPY_UTIL:
        percent(demo_values(r, DRAM), 0.8, n, out);
        break;
    case TENSOR_ACTIVE:
        shares(demo_values(r, TENSOR), n, out);
        break;
    case POWER_USAGE:
        power(r, u, out);
        break;
    case N_METRICS:
        break;
    }
    if (r->f->nodes[u->node].row->flags & DEMO_NODE_SENTINELS)
        spoil(r, u, m, out);
    return out;
}

/* Which exporter: before or after its restart, read by which Prometheus through which job. */
typedef struct exporter {
    uint32_t node;
    int prometheus, job, life;
} exporter;

static void label_unit(const demo_fleet *f, const exporter *x, const demo_unit *u, demo_labels *l)
{
    static const char *const jobs[] = {"dcgm-exporter", "kubernetes-pods"};
    const demo_node *n = &f->nodes[x->node];
    const demo_cluster *c = &demo_clusters[n->cluster];
    demo_target_labels(l, n->cluster, x->prometheus, jobs[x->job], n->instance[x->life]);
    demo_label(l, "gpu", u->gpu_text);
    demo_label(l, "UUID", u->uuid);
    demo_label(l, "pci_bus_id", u->pci_bus_id);
    demo_label(l, "device", u->device);
    demo_label(l, "modelName", n->machine->model);
    demo_label(l, c->new_exporter ? "hostname" : "Hostname", n->name);
    demo_label(l, "DCGM_FI_DRIVER_VERSION", n->row->flags & DEMO_NODE_SENTINELS ? "470.57.02" : "550.127.08");
    demo_label(l, "GPU_I_PROFILE", u->mig_profile);
    demo_label(l, "GPU_I_ID", u->mig_id);
    if (c->exported_labels) {
        demo_label(l, "namespace", "gpu-operator");
        demo_label(l, "pod", n->exporter[x->life]);
        demo_label(l, "container", "nvidia-dcgm-exporter");
        demo_label(l, "service", "nvidia-dcgm-exporter");
    }
}

static void label_holder(const demo_fleet *f, const demo_track *t, uint32_t cluster, demo_labels *l)
{
    static const char *const slots[] = {"0", "1", "2", "3", "4", "5", "6", "7"};
    if (t->vgpu >= 0)
        demo_label(l, "vgpu", slots[(size_t)t->vgpu % GW_COUNT(slots)]);
    if (t->pod == GW_NONE)
        return;
    const demo_pod *p = &f->pods[t->pod];
    bool exported = demo_clusters[cluster].exported_labels;
    demo_label(l, exported ? "exported_namespace" : "namespace", p->work->ns);
    demo_label(l, exported ? "exported_pod" : "pod", p->name);
    demo_label(l, exported ? "exported_container" : "container", p->container);
    if (demo_clusters[cluster].new_exporter)
        demo_label(l, "pod_uid", p->uid);
}

static const char *xid_text(int code)
{
    switch (code) {
    case 31:
        return "GPU memory page fault";
    case 79:
        return "GPU has fallen off the bus";
    case 94:
        return "Contained memory error";
    default:
        return "No Error";
    }
}

/* The last error code: one series that steps, or with err_code labels one series for each code. */
static int emit_xid(demo_reader *r, const exporter *x, const demo_unit *u, const demo_labels *base,
                    size_t end)
{
    double *out = demo_values(r, OUT);
    size_t at = demo_scrape_at(&r->scrapes, u->xid_ms);
    for (size_t i = 0; i < r->scrapes.n; i++)
        out[i] = i < at ? 0 : u->xid;
    demo_labels l = *base;
    demo_label(&l, "__name__", "DCGM_FI_DEV_XID_ERRORS");
    if (!demo_clusters[r->f->nodes[x->node].cluster].new_exporter)
        return demo_emit(r, &l, 0, end, out);
    demo_labels clean = l;
    demo_label(&clean, "err_code", "0");
    demo_label(&clean, "err_msg", xid_text(0));
    int rc = demo_emit(r, &clean, 0, at, out);
    if (rc || at >= r->scrapes.n)
        return rc;
    char code[16];
    snprintf(code, sizeof(code), "%d", u->xid);
    demo_label(&l, "err_code", code);
    demo_label(&l, "err_msg", xid_text(u->xid));
    return demo_emit(r, &l, at, end, out);
}

static int read_unit(demo_reader *r, const exporter *x, uint32_t unit)
{
    const demo_unit *u = &r->f->units[unit];
    const demo_node *n = &r->f->nodes[x->node];
    size_t dead = r->scrapes.n, gone = r->scrapes.n, unprofiled = r->scrapes.n;
    if (u->dies) {
        dead = demo_scrape_at(&r->scrapes, u->xid_ms);
        gone = demo_scrape_at(&r->scrapes, u->xid_ms + EXPORTER_GONE_MS);
    }
    if (x->life == 0)
        unprofiled = demo_scrape_at(&r->scrapes, n->prof_stop_ms);
    demo_labels base[2]; /* of the unit, and of the holder on it */
    label_unit(r->f, x, u, &base[0]);
    measure(r, unit);
    for (int m = 0; m <= N_METRICS; m++) {
        if (m < N_METRICS && !has_metric(n, u, m))
            continue;
        const double *values = m < N_METRICS ? metric_values(r, u, m) : NULL;
        for (size_t i = 0; i < u->n_tracks; i++) {
            int rc = demo_runs_of(r, u->tracks[i].spans, u->tracks[i].n_spans);
            base[1] = base[0];
            label_holder(r->f, &u->tracks[i], n->cluster, &base[1]);
            if (rc == 0 && m == N_METRICS)
                rc = emit_xid(r, x, u, &base[1], gone);
            else if (rc == 0) {
                demo_label(&base[1], "__name__", metric_names[m]);
                rc = demo_emit(r, &base[1], 0, is_prof(m) ? GW_MIN(dead, unprofiled) : dead, values);
            }
            if (rc)
                return rc;
        }
    }
    return 0;
}

static int read_exporter(demo_reader *r, const exporter *x)
{
    const demo_fleet *f = r->f;
    const demo_node *n = &f->nodes[x->node];
    const demo_cluster *c = &demo_clusters[n->cluster];
    demo_target t = {
        .seed = demo_draw(n->seed, (uint64_t)(100 + x->prometheus * 4 + x->job * 2 + x->life)),
        .jitter = c->prometheis > 1,
        .life = n->life,
        .outage = n->outage,
        .gap = demo_cluster_gap(f, n->cluster),
    };
    if (x->life == 0)
        t.life.end_ms = GW_MIN(t.life.end_ms, n->restart_ms);
    else
        t.life.start_ms = n->restart_ms + GW_MINUTE_MS; /* the new pod has to start */
    int rc = demo_scrape(r, &t);
    for (uint32_t i = 0; i < n->n_units && rc == 0 && r->scrapes.n; i++)
        rc = read_unit(r, x, n->first_unit + i);
    return rc;
}

int demo_read_gpu(demo_reader *r)
{
    for (uint32_t i = 0; i < r->f->n_nodes; i++) {
        const demo_node *n = &r->f->nodes[i];
        if (n->row->flags & DEMO_NODE_NO_EXPORTER)
            continue;
        int prometheis = demo_clusters[n->cluster].prometheis,
            jobs = n->row->flags & DEMO_NODE_TWO_JOBS ? 2 : 1;
        int lives = n->restart_ms == INT64_MAX ? 1 : 2;
        for (int k = 0; k < prometheis * jobs * lives; k++) {
            exporter x = {i, k / (jobs * lives), k / lives % jobs, k % lives};
            int rc = read_exporter(r, &x);
            if (rc)
                return rc;
        }
    }
    return 0;
}
