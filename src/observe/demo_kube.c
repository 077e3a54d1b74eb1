/*
 * The series of kube-state-metrics, v2 (github.com/kubernetes/kube-state-metrics, docs/metrics). Where the
 * exporter writes an empty label, as `node` of a pod that is not scheduled, Prometheus has none.
 */
#include "observe/demo_scrape.h"

enum { ZEROS, ONES, OUT }; /* arrays of values */

/* A series of value `v` wherever the runs are. */
static int emit_constant(demo_reader *r, const demo_labels *l, double v)
{
    double *out = demo_values(r, v == 1 ? ONES : OUT);
    for (size_t i = 0; i < r->scrapes.n && v != 1; i++)
        out[i] = v;
    return demo_emit(r, l, 0, r->scrapes.n, out);
}

/* Label names as kube-state-metrics writes them: label_ and every other byte as '_'. */
static void kube_labels(demo_labels *l, const demo_kv *kv, size_t n, char (*names)[96])
{
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof(names[i]), "label_%s", kv[i].name);
        for (char *c = names[i]; *c; c++) {
            bool word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
            *c = word ? *c : '_';
        }
        demo_label(l, names[i], kv[i].value);
    }
}

/* --- nodes --- */

static int emit_resource(demo_reader *r, const demo_labels *base, const char *family, const char *resource,
                         const char *unit, double v)
{
    demo_labels l = *base;
    demo_label(&l, "__name__", family);
    demo_label(&l, "resource", resource);
    demo_label(&l, "unit", unit);
    return emit_constant(r, &l, v);
}

/* How many of a resource the node offers; of GPUs those that are sound, and each as often as it is shared. */
static int count_units(const demo_fleet *f, const demo_node *n, const char *profile)
{
    int count = 0;
    for (uint32_t i = 0; i < n->n_units; i++)
        count += gw_eq(f->units[n->first_unit + i].mig_profile, profile);
    return count * n->row->replicas;
}

/* nvidia.com/gpu, of which a dead GPU is taken off what can be allocated, though not off the capacity. */
static int emit_gpus(demo_reader *r, const demo_labels *base, const char *family, const demo_node *n)
{
    double *out = demo_values(r, OUT);
    bool renamed = n->row->flags & DEMO_NODE_RENAMED, healthy_only = strstr(family, "allocatable");
    double all = renamed ? 0 : count_units(r->f, n, NULL);
    for (size_t i = 0; i < r->scrapes.n; i++)
        out[i] = all;
    for (uint32_t k = 0; k < n->n_units && healthy_only; k++) {
        const demo_unit *u = &r->f->units[n->first_unit + k];
        for (size_t i = u->dies ? demo_scrape_at(&r->scrapes, u->xid_ms) : r->scrapes.n; i < r->scrapes.n;
             i++)
            out[i]--;
    }
    demo_labels l = *base;
    demo_label(&l, "__name__", family);
    demo_label(&l, "resource", "nvidia_com_gpu");
    demo_label(&l, "unit", "integer");
    int rc = demo_emit(r, &l, 0, r->scrapes.n, out);
    if (rc == 0 && renamed)
        rc = emit_resource(r, base, family, "nvidia_com_gpu_shared", "integer", count_units(r->f, n, NULL));
    return rc;
}

static int emit_offer(demo_reader *r, const demo_labels *base, const char *family, const demo_node *n)
{
    static const struct {
        const char *profile, *resource;
    } mig[] = {{"1g.10gb", "nvidia_com_mig_1g_10gb"},
               {"2g.20gb", "nvidia_com_mig_2g_20gb"},
               {"3g.40gb", "nvidia_com_mig_3g_40gb"}};
    int rc = n->n_units ? emit_gpus(r, base, family, n) : 0;
    for (size_t i = 0; i < GW_COUNT(mig) && n->row->mig && rc == 0; i++)
        rc = emit_resource(r, base, family, mig[i].resource, "integer", count_units(r->f, n, mig[i].profile));
    if (rc == 0)
        rc = emit_resource(r, base, family, "cpu", "core", n->machine->cpu);
    if (rc == 0)
        rc = emit_resource(r, base, family, "memory", "byte", (double)(n->machine->memory_gib << 30));
    return rc;
}

static int read_node(demo_reader *r, const demo_labels *target, uint32_t node)
{
    const demo_node *n = &r->f->nodes[node];
    char names[DEMO_NODE_LABELS_MAX][96];
    int rc = demo_runs_of(r, &n->life, 1);
    demo_labels base = *target, l;
    demo_label(&base, "node", n->name);
    if (rc == 0) {
        l = base;
        demo_label(&l, "__name__", "kube_node_info");
        demo_label(&l, "provider_id", n->provider_id);
        demo_label(&l, "kubelet_version", "v1.31.4");
        demo_label(&l, "container_runtime_version",
                   demo_clusters[n->cluster].container_disk ? "cri-o://1.31.4" : "containerd://1.7.24");
        demo_label(&l, "os_image", "Ubuntu 22.04.5 LTS");
        rc = emit_constant(r, &l, 1);
    }
    if (rc == 0) {
        l = base;
        demo_label(&l, "__name__", "kube_node_labels");
        kube_labels(&l, n->labels, n->n_labels, names);
        rc = emit_constant(r, &l, 1);
    }
    if (rc == 0)
        rc = emit_offer(r, &base, "kube_node_status_capacity", n);
    return rc ? rc : emit_offer(r, &base, "kube_node_status_allocatable", n);
}

/* --- pods --- */

static int emit_phase(demo_reader *r, const demo_labels *base, const demo_pod *p)
{
    static const char *const phases[] = {"Pending", "Running", "Succeeded", "Failed", "Unknown"};
    int last = p->failed ? 3 : 2;
    double *out = demo_values(r, OUT);
    for (int k = 0; k < 5; k++) {
        gw_interval in = {0, 0};
        if (k == 0)
            in = (gw_interval){p->created_ms, p->node == GW_NONE ? p->gone_ms : p->life.start_ms};
        else if (k == 1)
            in = p->life;
        else if (k == last && p->node != GW_NONE)
            in = (gw_interval){p->life.end_ms, p->gone_ms};
        demo_labels l = *base;
        demo_label(&l, "__name__", "kube_pod_status_phase");
        demo_label(&l, "phase", phases[k]);
        size_t a = demo_scrape_at(&r->scrapes, in.start_ms), b = demo_scrape_at(&r->scrapes, in.end_ms);
        memset(out, 0, r->scrapes.n * sizeof(*out));
        for (size_t i = a; i < b; i++)
            out[i] = 1;
        int rc = demo_emit(r, &l, 0, r->scrapes.n, out);
        if (rc)
            return rc;
    }
    return 0;
}

static int emit_requests(demo_reader *r, const demo_labels *base, const demo_pod *p)
{
    static const char family[] = "kube_pod_container_resource_requests";
    demo_labels l = *base;
    demo_label(&l, "container", p->container);
    demo_label(&l, "node", p->node == GW_NONE ? NULL : r->f->nodes[p->node].name);
    int rc = emit_resource(r, &l, family, "cpu", "core", p->work->cpu);
    if (rc == 0)
        rc = emit_resource(r, &l, family, "memory", "byte", p->work->ram_gib * 1073741824.0);
    if (rc == 0 && p->gpus)
        rc = emit_resource(r, &l, family, p->state_resource, "integer", p->gpus);
    return rc;
}

static int emit_about_pod(demo_reader *r, const demo_labels *base, const demo_pod *p)
{
    char names[DEMO_POD_LABELS_MAX][96];
    demo_labels l = *base;
    demo_label(&l, "__name__", "kube_pod_info");
    demo_label(&l, "node", p->node == GW_NONE ? NULL : r->f->nodes[p->node].name);
    demo_label(&l, "pod_ip", p->node == GW_NONE ? NULL : p->ip);
    demo_label(&l, "created_by_kind", p->owner_kind ? p->owner_kind : "<none>");
    demo_label(&l, "created_by_name", p->owner_name ? p->owner_name : "<none>");
    int rc = emit_constant(r, &l, 1);
    if (rc)
        return rc;
    l = *base;
    demo_label(&l, "__name__", "kube_pod_owner");
    demo_label(&l, "owner_kind", p->owner_kind ? p->owner_kind : "<none>");
    demo_label(&l, "owner_name", p->owner_name ? p->owner_name : "<none>");
    demo_label(&l, "owner_is_controller", p->owner_kind ? "true" : "<none>");
    rc = emit_constant(r, &l, 1);
    if (rc)
        return rc;
    l = *base;
    demo_label(&l, "__name__", "kube_pod_labels");
    kube_labels(&l, p->labels, p->n_labels, names);
    return emit_constant(r, &l, 1);
}

/* Why its container's last life ended, from the restart on. */
static int emit_last_end(demo_reader *r, const demo_labels *base, const demo_pod *p)
{
    if (!demo_in(p->life, p->restart_ms))
        return 0;
    demo_labels l = *base;
    demo_label(&l, "__name__", "kube_pod_container_status_last_terminated_reason");
    demo_label(&l, "container", p->container);
    demo_label(&l, "reason", p->place->flags & DEMO_PLACE_OOM_KILLED ? "OOMKilled" : "Error");
    gw_interval since = {p->restart_ms, p->gone_ms};
    int rc = demo_runs_of(r, &since, 1);
    return rc ? rc : emit_constant(r, &l, 1);
}

static int read_pod(demo_reader *r, const demo_labels *target, const demo_pod *p)
{
    if (p->place->flags & DEMO_PLACE_NO_STATE)
        return 0;
    gw_interval exists = {p->created_ms, p->gone_ms};
    int rc = demo_runs_of(r, &exists, 1);
    demo_labels base = *target;
    demo_label(&base, "namespace", p->work->ns);
    demo_label(&base, "pod", p->name);
    demo_label(&base, "uid", p->uid);
    if (rc == 0)
        rc = emit_about_pod(r, &base, p);
    if (rc == 0)
        rc = emit_phase(r, &base, p);
    if (rc == 0)
        rc = emit_requests(r, &base, p);
    return rc ? rc : emit_last_end(r, &base, p);
}

/* --- owners and namespaces --- */

static int read_owner(demo_reader *r, const demo_labels *target, const demo_owner *o)
{
    bool rs = strcmp(o->kind, "ReplicaSet") == 0;
    if (!rs && strcmp(o->kind, "Job") != 0)
        return 0;
    int rc = demo_runs_of(r, &o->life, 1);
    demo_labels l = *target;
    demo_label(&l, "__name__", rs ? "kube_replicaset_owner" : "kube_job_owner");
    demo_label(&l, "namespace", o->ns);
    demo_label(&l, rs ? "replicaset" : "job_name", o->name);
    demo_label(&l, "owner_kind", o->owner_kind ? o->owner_kind : "<none>");
    demo_label(&l, "owner_name", o->owner_name ? o->owner_name : "<none>");
    demo_label(&l, "owner_is_controller", o->owner_kind ? "true" : "<none>");
    return rc ? rc : emit_constant(r, &l, 1);
}

static bool cluster_has_ns(const demo_fleet *f, uint32_t cluster, const char *ns)
{
    for (size_t i = 0; i < f->n_pods; i++) {
        if (f->pods[i].cluster == cluster && strcmp(f->pods[i].work->ns, ns) == 0)
            return true;
    }
    return false;
}

static int read_namespaces(demo_reader *r, const demo_labels *target, uint32_t cluster)
{
    int rc = demo_runs_of(r, &r->f->extent, 1);
    for (size_t i = 0; i < demo_n_ns_rows && rc == 0; i++) {
        const demo_ns_row *row = &demo_ns_rows[i];
        if (!cluster_has_ns(r->f, cluster, row->ns))
            continue;
        demo_labels l = *target;
        demo_label(&l, "__name__", "kube_namespace_labels");
        demo_label(&l, "namespace", row->ns);
        demo_label(&l, "label_kubernetes_io_metadata_name", row->ns);
        demo_label(&l, "label_team", row->team);
        demo_label(&l, "label_cost_center", row->cost_center);
        demo_label(&l, "label_environment", row->environment);
        rc = emit_constant(r, &l, 1);
    }
    return rc;
}

static int read_cluster(demo_reader *r, uint32_t cluster, int prometheus)
{
    const demo_fleet *f = r->f;
    demo_target t = {
        .seed = demo_draw(f->o.seed ^ 0x4b53, cluster * 2 + (uint64_t)prometheus),
        .jitter = demo_clusters[cluster].prometheis > 1,
        .life = f->extent,
        .gap = demo_cluster_gap(f, cluster),
    };
    int rc = demo_scrape(r, &t);
    if (rc || r->scrapes.n == 0)
        return rc;
    for (size_t i = 0; i < r->scrapes.n; i++)
        demo_values(r, ONES)[i] = 1;
    demo_labels target;
    demo_target_labels(&target, cluster, prometheus, "kube-state-metrics", "10.64.250.9:8080");
    rc = read_namespaces(r, &target, cluster);
    for (uint32_t i = 0; i < f->n_nodes && rc == 0; i++) {
        if (f->nodes[i].cluster == cluster)
            rc = read_node(r, &target, i);
    }
    for (size_t i = 0; i < f->n_pods && rc == 0; i++) {
        if (f->pods[i].cluster == cluster)
            rc = read_pod(r, &target, &f->pods[i]);
    }
    for (size_t i = 0; i < f->n_owners && rc == 0; i++) {
        if (f->owners[i].cluster == cluster)
            rc = read_owner(r, &target, &f->owners[i]);
    }
    return rc;
}

int demo_read_kube(demo_reader *r)
{
    for (uint32_t c = 0; c < DEMO_N_CLUSTERS; c++) {
        for (int k = 0; k < demo_clusters[c].prometheis; k++) {
            int rc = read_cluster(r, c, k);
            if (rc)
                return rc;
        }
    }
    return 0;
}
