/*
 * Labels → tracks and facts. One table says what each metric family measures; the rest reads who a series is
 * about.
 *
 * Label traps (dcgm-exporter's documentation and issue tracker): the node is in Hostname, since 2026 in
 * hostname; the workload is in namespace/pod/container, or in exported_* where Prometheus' own target labels
 * won (honor_labels: false) — then a bare "pod" is the exporter's.
 */
#include <strings.h>

#include "base/number.h"
#include "observe/fold_internal.h"

#define TRACKS_MAX ((size_t)4000000)

/* Requests and capacities in their own units (cores, bytes, pieces): a pebibyte is out of range, and
 * infinity. */
#define FACT_MAX 1.2e15

static const struct family {
    const char *name;
    measure what;
    double scale, low, high;
} families[] = {
    {"DCGM_FI_PROF_SM_ACTIVE", M_SM_ACTIVE, 1, 0, 1.01},
    {"DCGM_FI_PROF_GR_ENGINE_ACTIVE", M_GR_ENGINE_ACTIVE, 1, 0, 1.01},
    {"DCGM_FI_DEV_GPU_UTIL", M_GPU_UTIL, 0.01, 0, 100},
    {"DCGM_FI_DEV_FB_USED", M_FB_USED, 1, 0, 2097152}, /* MiB: 2 TiB on one board is out of range */
    {"DCGM_FI_DEV_FB_FREE", M_FB_FREE, 1, 0, 2097152},
    {"DCGM_FI_PROF_DRAM_ACTIVE", M_DRAM, 1, 0, 1.01},
    {"DCGM_FI_DEV_MEM_COPY_UTIL", M_COPY, 0.01, 0, 100},
    {"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", M_TENSOR, 1, 0, 1.01},
    {"DCGM_FI_DEV_POWER_USAGE", M_POWER, 1, 0, 10000},
    {"DCGM_FI_DEV_XID_ERRORS", M_XID, 1, 0, 1000},
    {"kube_pod_info", M_POD_INFO, 1, 0, FACT_MAX},
    {"kube_pod_status_phase", M_POD_PHASE, 1, 0, FACT_MAX},
    {"kube_pod_container_resource_requests", M_POD_REQUEST, 1, 0, FACT_MAX},
    {"kube_pod_labels", M_POD_FACT, 1, 0, FACT_MAX},
    {"kube_pod_owner", M_POD_FACT, 1, 0, FACT_MAX},
    {"kube_replicaset_owner", M_NODE_FACT, 1, 0, FACT_MAX},
    {"kube_job_owner", M_NODE_FACT, 1, 0, FACT_MAX},
    {"kube_namespace_labels", M_NODE_FACT, 1, 0, FACT_MAX},
    {"kube_pod_container_status_last_terminated_reason", M_POD_OOM, 1, 1, 1},
    {"kube_node_info", M_NODE_FACT, 1, 0, FACT_MAX},
    {"kube_node_labels", M_NODE_FACT, 1, 0, FACT_MAX},
    {"kube_node_status_allocatable", M_NODE_FACT, 1, 0, FACT_MAX},
    {"kube_node_status_capacity", M_NODE_FACT, 1, 0, FACT_MAX},
    {"container_cpu_usage_seconds_total", M_CPU_SECONDS, 1, 0, 1e15},
    {"container_memory_working_set_bytes", M_MEMORY_BYTES, 1, 0, 1e15},
    {"container_fs_usage_bytes", M_DISK_BYTES, 1, 0, 1e15},
};

typedef struct labels_in {
    const gw_label *l;
    size_t n;
} labels_in;

static gw_str get(const labels_in *in, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < in->n; i++) {
        if (in->l[i].name.n == n && memcmp(in->l[i].name.p, name, n) == 0)
            return in->l[i].value;
    }
    return (gw_str){"", 0};
}

/* The first of the names that has a value; *ret_i says which, when not NULL. */
static gw_str get_first(const labels_in *in, const char *const *names, size_t *ret_i)
{
    for (size_t i = 0; names[i]; i++) {
        gw_str v = get(in, names[i]);
        if (v.n) {
            if (ret_i)
                *ret_i = i;
            return v;
        }
    }
    return (gw_str){"", 0};
}

#define GET_FIRST(in, ...) get_first(in, (const char *const[]){__VA_ARGS__, NULL}, NULL)

static const struct family *family_of(gw_str name)
{
    for (size_t i = 0; i < GW_COUNT(families); i++) {
        if (gw_str_is(name, families[i].name))
            return &families[i];
    }
    return NULL;
}

static const char *keep(gw_fold *f, gw_str s, bool *ok)
{
    const char *text = gw_fleet_intern(f->fleet, s);
    if (!text)
        *ok = false;
    return text;
}

static track *track_new(gw_fold *f, const struct family *fam, gw_error *e)
{
    int rc = gw_grow((void **)&f->tracks, &f->cap_tracks, f->n_tracks + 1, sizeof(*f->tracks), TRACKS_MAX);
    if (rc == GW_ELIMIT) {
        gw_fail(e, GW_ELIMIT, "more than %zu series in one slice of time: narrow the report with a matcher",
                TRACKS_MAX);
        return NULL;
    }
    track *k = rc ? NULL : GW_NEW(&f->arena, track);
    if (k && fam->what < M_XID)
        k->blocks = GW_NEW_ARRAY(&f->arena, window *, f->n_blocks);
    if (!k || (fam->what < M_XID && !k->blocks)) {
        gw_fold_no_room(f, e);
        return NULL;
    }
    k->what = fam->what;
    k->scale = fam->scale;
    k->low = fam->low;
    k->high = fam->high;
    k->last_ms = INT64_MIN;
    k->order = (uint32_t)f->n_tracks;
    k->unit = k->pod_index = k->subject = GW_NONE;
    k->rate_max = -1;
    k->stride = 1;
    k->fact = -1;
    return k;
}

/* "10.0.0.1:9400" → the host part; an address is no node name, but better than none. */
static gw_str host_part(gw_str instance)
{
    const char *colon = memrchr(instance.p ? instance.p : "", ':', instance.n);
    return colon ? (gw_str){instance.p, (size_t)(colon - instance.p)} : instance;
}

static int read_gpu(gw_fold *f, track *k, const labels_in *in, gw_error *e)
{
    bool ok = true;
    gw_str uuid = GET_FIRST(in, "UUID", "uuid");
    gw_str node =
        GET_FIRST(in, "Hostname", "hostname", "exported_node", "node", "kubernetes_node", "nodename");
    gw_str index = get(in, "gpu");
    if (index.n == 0)
        index = get(in, "minor_number");
    char made[512];
    if (uuid.n == 0) {
        snprintf(made, sizeof(made), "%.*s/gpu%.*s", GW_STR_ARG(node.n ? node : get(in, "instance")),
                 GW_STR_ARG(index));
        uuid = gw_str_of(made);
    }
    k->uuid = keep(f, uuid, &ok);
    k->gpu_index = keep(f, index, &ok);
    k->model = keep(f, GET_FIRST(in, "modelName", "model_name"), &ok);
    k->mig_profile = keep(f, get(in, "GPU_I_PROFILE"), &ok);
    k->mig_id = keep(f, get(in, "GPU_I_ID"), &ok);
    static const char *const names[] = {"Hostname", "hostname",        "exported_node",
                                        "node",     "kubernetes_node", "nodename"};
    size_t n = 0;
    for (size_t i = 0; i < GW_COUNT(names) && n < NODE_NAMES_MAX - 1; i++) {
        gw_str v = get(in, names[i]);
        if (v.n)
            k->node_names[n++] = keep(f, v, &ok);
    }
    gw_str instance = host_part(get(in, "instance"));
    if (instance.n)
        k->node_names[n++] = keep(f, instance, &ok);

    static const char *const pods[] = {"exported_pod", "pod_name", "pod", NULL};
    size_t which = 0;
    gw_str pod = get_first(in, pods, &which);
    gw_str ns = which == 0 && pod.n ? GET_FIRST(in, "exported_namespace", "namespace")
                                    : GET_FIRST(in, "pod_namespace", "namespace");
    k->bare_pod = pod.n && which == 2;
    /* honor_labels is set per scrape job, so one job says nothing about another */
    char job[512];
    snprintf(job, sizeof(job), "%.*s/%.*s/%.*s", GW_STR_ARG(get(in, "cluster")),
             GW_STR_ARG(get(in, "prometheus")), GW_STR_ARG(get(in, "job")));
    k->job = keep(f, gw_str_of(job), &ok);
    if ((get(in, "exported_pod").n || get(in, "exported_namespace").n || get(in, "exported_container").n) &&
        gw_map_set(&f->exporting, gw_str_of(job), 1))
        ok = false;
    /* the exporter's own pod is no workload, whatever the label says */
    if (k->bare_pod && memmem(pod.p, pod.n, "dcgm-exporter", 13))
        pod.n = 0;
    if (pod.n && gw_map_set(&f->naming, gw_str_of(job), 1))
        ok = false;
    k->ns = keep(f, pod.n ? ns : (gw_str){"", 0}, &ok);
    k->pod = keep(f, pod, &ok);
    f->usage->has_dcgm = true;
    return ok ? 0 : gw_fail_memory(e);
}

static int take_labels(gw_fold *f, gw_labels *to, const labels_in *in, gw_error *e)
{
    for (size_t i = 0; i < in->n; i++) {
        gw_str name = in->l[i].name;
        if (name.n <= 6 || memcmp(name.p, "label_", 6) != 0)
            continue;
        if (gw_fleet_label(f->fleet, to, (gw_str){name.p + 6, name.n - 6}, in->l[i].value, false))
            return gw_fail_memory(e);
    }
    return 0;
}

static const char *keep_if_unset(gw_fold *f, const char *old, gw_str v, bool *ok)
{
    if (old || v.n == 0 || gw_str_is(v, "<none>"))
        return old;
    return keep(f, v, ok);
}

static gw_phase phase_of(gw_str s)
{
    if (gw_str_is(s, "Pending"))
        return GW_PHASE_PENDING;
    if (gw_str_is(s, "Running"))
        return GW_PHASE_RUNNING;
    if (gw_str_is(s, "Succeeded"))
        return GW_PHASE_SUCCEEDED;
    if (gw_str_is(s, "Failed"))
        return GW_PHASE_FAILED;
    return GW_PHASE_UNKNOWN;
}

static int read_pod(gw_fold *f, track *k, const labels_in *in, gw_str family, gw_error *e)
{
    bool ok = true;
    gw_str name = GET_FIRST(in, "exported_pod", "pod");
    gw_str ns = GET_FIRST(in, "exported_namespace", "namespace");
    if (name.n == 0 || (k->what == M_POD_OOM && !gw_str_is(get(in, "reason"), "OOMKilled")))
        return 0;
    k->subject = gw_fleet_pod_in(f->fleet, gw_str_of(k->cluster), ns, name, e);
    if (k->subject == GW_NONE)
        return e ? e->code : GW_ENOMEM;
    gw_pod *p = &f->fleet->pods[k->subject];
    gw_str node = GET_FIRST(in, "exported_node", "node");
    p->uid = keep_if_unset(f, p->uid, get(in, "uid"), &ok);
    if (k->what == M_POD_INFO || k->what == M_POD_REQUEST) {
        k->node_name = keep(f, node, &ok);
    }
    if (k->what == M_POD_INFO) {
        p->owner_kind = keep_if_unset(f, p->owner_kind, get(in, "created_by_kind"), &ok);
        p->owner_name = keep_if_unset(f, p->owner_name, get(in, "created_by_name"), &ok);
    } else if (k->what == M_POD_PHASE) {
        k->phase = phase_of(get(in, "phase"));
    } else if (k->what == M_POD_REQUEST) {
        k->container = keep(f, GET_FIRST(in, "exported_container", "container"), &ok);
        k->resource = keep(f, get(in, "resource"), &ok);
    } else if (k->what == M_POD_OOM) {
        k->container = keep(f, GET_FIRST(in, "exported_container", "container"), &ok);
    } else if (gw_str_is(family, "kube_pod_labels")) {
        if (take_labels(f, &p->labels, in, e))
            return e ? e->code : GW_ENOMEM;
    } else if (gw_str_is(family, "kube_pod_owner") && !gw_str_is(get(in, "owner_is_controller"), "false")) {
        p->owner_kind = keep_if_unset(f, p->owner_kind, get(in, "owner_kind"), &ok);
        p->owner_name = keep_if_unset(f, p->owner_name, get(in, "owner_name"), &ok);
    }
    return ok ? 0 : gw_fail_memory(e);
}

static int read_owner(gw_fold *f, const labels_in *in, const char *kind, const char *name_label, gw_error *e)
{
    bool ok = true;
    gw_str owner_name = get(in, "owner_name");
    gw_str name = get(in, name_label);
    if (name.n == 0)
        return 0;
    uint32_t i =
        gw_fleet_owner(f->fleet, GET_FIRST(in, "exported_namespace", "namespace"), gw_str_of(kind), name, e);
    if (i == GW_NONE)
        return e ? e->code : GW_ENOMEM;
    gw_owner *o = &f->fleet->owners[i];
    o->owner_kind = keep_if_unset(f, o->owner_kind, get(in, "owner_kind"), &ok);
    o->owner_name = keep_if_unset(f, o->owner_name, owner_name, &ok);
    return ok ? 0 : gw_fail_memory(e);
}

static int read_node(gw_fold *f, track *k, const labels_in *in, gw_str family, gw_error *e)
{
    bool ok = true;
    gw_str name = GET_FIRST(in, "exported_node", "node");
    if (name.n == 0)
        return 0;
    k->subject = gw_fleet_node_in(f->fleet, gw_str_of(k->cluster), name, e);
    if (k->subject == GW_NONE)
        return e ? e->code : GW_ENOMEM;
    gw_node *n = &f->fleet->nodes[k->subject];
    if (gw_str_is(family, "kube_node_info")) {
        n->provider_id = keep_if_unset(f, n->provider_id, get(in, "provider_id"), &ok);
    } else if (gw_str_is(family, "kube_node_labels")) {
        if (take_labels(f, &n->labels, in, e))
            return e ? e->code : GW_ENOMEM;
    } else {
        k->resource = keep(f, get(in, "resource"), &ok);
        /* capacity only fills what allocatable does not say */
        k->order |= gw_str_is(family, "kube_node_status_capacity") ? UINT32_C(1) << 31 : 0;
    }
    return ok ? 0 : gw_fail_memory(e);
}

static int read_container(gw_fold *f, track *k, const labels_in *in, gw_error *e)
{
    bool ok = true;
    gw_str container = GET_FIRST(in, "exported_container", "container");
    gw_str pod = GET_FIRST(in, "exported_pod", "pod"), ns = GET_FIRST(in, "exported_namespace", "namespace");
    /* rows without a container are the sums of the cgroup above; POD is the pause container */
    if (pod.n == 0 || container.n == 0 || gw_str_is(container, "POD"))
        return 0;
    k->subject = gw_fleet_find_pod_in(f->fleet, gw_str_of(k->cluster), ns, pod);
    k->container = keep(f, container, &ok);
    f->usage->has_cadvisor = true;
    return ok ? gw_fold_container_begin(f, k, e) : gw_fail_memory(e);
}

static int read_who(gw_fold *f, track *k, const struct family *fam, const labels_in *in, gw_error *e)
{
    gw_str name = gw_str_of(fam->name);
    bool ok = true;
    k->cluster = keep(f, get(in, "cluster"), &ok);
    if (!ok)
        return gw_fail_memory(e);
    if (fam->what < N_GPU_MEASURES)
        return read_gpu(f, k, in, e);
    if (fam->what >= M_CPU_SECONDS)
        return read_container(f, k, in, e);
    f->usage->has_kube_state = true;
    if (fam->what != M_NODE_FACT)
        return read_pod(f, k, in, name, e);
    if (gw_str_is(name, "kube_replicaset_owner"))
        return read_owner(f, in, "ReplicaSet", "replicaset", e);
    if (gw_str_is(name, "kube_job_owner"))
        return read_owner(f, in, "Job", "job_name", e);
    if (gw_str_is(name, "kube_namespace_labels")) {
        uint32_t i = gw_fleet_namespace(f->fleet, GET_FIRST(in, "exported_namespace", "namespace"), e);
        return i == GW_NONE ? (e ? e->code : GW_ENOMEM) : take_labels(f, &f->fleet->ns_labels[i], in, e);
    }
    return read_node(f, k, in, name, e);
}

/* FNV-1a over some bytes, from a state. */
static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * UINT64_C(1099511628211);
    return h;
}

/*
 * The series' identity: 128 bits of hash over every label with its lengths, in the order given. The labels
 * themselves would be most of the memory that a slice needs; two hashes of different start and stride meet by
 * chance once in 2^64 pairs.
 */
typedef struct series_key {
    uint64_t a, b;
} series_key;

static series_key key_of(const labels_in *in)
{
    series_key k = {UINT64_C(1469598103934665603), UINT64_C(0x9e3779b97f4a7c15)};
    for (size_t i = 0; i < in->n; i++) {
        uint32_t len[2] = {(uint32_t)in->l[i].name.n, (uint32_t)in->l[i].value.n};
        k.a = mix(mix(mix(k.a, len, sizeof(len)), in->l[i].name.p, len[0]), in->l[i].value.p, len[1]);
        k.b = mix(mix(mix(k.b ^ k.a >> 32, in->l[i].value.p, len[1]), in->l[i].name.p, len[0]), len,
                  sizeof(len));
    }
    return k;
}

/* A container whose pod nobody has told of yet. */
static bool is_lost(const track *k)
{
    return k->what >= M_CPU_SECONDS && k->container && k->subject == GW_NONE;
}

/* Its pod may be known by now. What is read again from its first sample on counts then; where that is not
 * what is being read, it is what is to be read. */
static int find_again(gw_fold *f, track *k, const labels_in *in, gw_error *e)
{
    gw_str pod = GET_FIRST(in, "exported_pod", "pod"), ns = GET_FIRST(in, "exported_namespace", "namespace");
    if (gw_fleet_find_pod_in(f->fleet, gw_str_of(k->cluster), ns, pod) == GW_NONE)
        return 0;
    if (k->open && k->anchor_ms < f->reading_ms) {
        f->lost_ms = GW_MIN(f->lost_ms, k->anchor_ms);
        return 0;
    }
    k->last_ms = INT64_MIN;
    k->open = false;
    return read_container(f, k, in, e);
}

int gw_fold_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    gw_fold *f = ctx;
    labels_in in = {labels, n};
    const struct family *fam = family_of(get(&in, "__name__"));
    if (!fam) {
        *ret = GW_SERIES_SKIP;
        return 0;
    }
    series_key id = key_of(&in);
    gw_str key = {(const char *)&id, sizeof(id)};
    uint32_t known = gw_map_get(&f->by_series, key);
    if (known != GW_NONE) {
        *ret = f->tracks[known];
        return is_lost(f->tracks[known]) ? find_again(f, f->tracks[known], &in, e) : 0;
    }
    track *k = track_new(f, fam, e);
    if (!k)
        return e ? e->code : GW_ENOMEM;
    int rc = read_who(f, k, fam, &in, e);
    if (rc)
        return rc;
    if (gw_map_set(&f->by_series, key, (uint32_t)f->n_tracks))
        return gw_fail_memory(e);
    f->tracks[f->n_tracks++] = k;
    f->slice_series++;
    *ret = k;
    return 0;
}
