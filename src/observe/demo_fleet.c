#include "observe/demo_fleet.h"

#define BEFORE_MS (2 * GW_DAY_MS)
#define AFTER_MS  (2 * GW_HOUR_MS)

#define MAX_UNITS       ((size_t)GW_DEMO_MAX_NODES * 12)
#define MAX_PODS        ((size_t)GW_DEMO_MAX_NODES * 8 + 10000) /* CronJobs: one a day each */
#define MAX_OWNERS      (2 * MAX_PODS)
#define PENDING_MS      (40 * GW_SECOND_MS) /* from the object to the container's start: image, volumes */
#define JOB_TTL_MS      GW_HOUR_MS          /* ttlSecondsAfterFinished */
#define CRONJOB_KEEP_MS (6 * GW_HOUR_MS)    /* until the history limit takes them */
#define DELETED_MS      (5 * GW_SECOND_MS)  /* a deleted pod's object outlives its containers */

int64_t demo_at(const gw_demo_options *o, double fraction)
{
    if (fraction <= DEMO_BEFORE)
        return o->window.start_ms - BEFORE_MS;
    if (fraction >= DEMO_AFTER)
        return o->window.end_ms + AFTER_MS;
    int64_t ms = (int64_t)(fraction * (double)gw_interval_ms(o->window));
    return o->window.start_ms + ms / GW_SECOND_MS * GW_SECOND_MS;
}

double demo_pod_compute(const demo_fleet *f, uint32_t pod, uint32_t unit, int64_t t_ms)
{
    const demo_pod *p = &f->pods[pod];
    if (!demo_in(p->life, t_ms) || t_ms >= p->busy_until_ms)
        return 0;
    return demo_load_at(&p->work->load, demo_pod_seed(p, &f->units[unit]), p->life.start_ms, t_ms);
}

/* --- texts; on exhaustion they are "" and the fleet is marked failed, which is looked at once, at the end
 * --- */

static const char *kept(demo_fleet *f, const char *text)
{
    if (!text)
        f->failed = true;
    return text ? text : "";
}

#define TEXT(f, ...) kept((f), gw_arena_printf(&(f)->arena, __VA_ARGS__))

/* Kubernetes' generated suffixes have no vowels, and no digits that look like letters. */
static const char *suffix(demo_fleet *f, uint64_t seed, int n)
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
    char out[16];
    for (int i = 0; i < n; i++)
        out[i] = alphabet[demo_draw(seed, (uint64_t)i) % (sizeof(alphabet) - 1)];
    out[n] = '\0';
    return TEXT(f, "%s", out);
}

static const char *uuid_text(demo_fleet *f, const char *prefix, uint64_t seed)
{
    uint64_t a = demo_draw(seed, 0), b = demo_draw(seed, 1);
    return TEXT(f, "%s%08x-%04x-4%03x-%04x-%012" PRIx64, prefix, (unsigned)(a >> 32),
                (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
                b & UINT64_C(0xffffffffffff));
}

static uint64_t seed_of(const demo_fleet *f, const char *what, uint64_t n)
{
    return demo_draw(f->o.seed ^ gw_hash(what, strlen(what)), n);
}

/* Room for one more in an array of the fleet, or NULL and the fleet marked failed. */
static void *more(demo_fleet *f, void **items, size_t *n, size_t *cap, size_t size, size_t max)
{
    if (f->failed || gw_grow(items, cap, *n + 1, size, max)) {
        f->failed = true;
        return NULL;
    }
    void *p = (char *)*items + (*n)++ * size;
    return memset(p, 0, size);
}

/* --- nodes and units --- */

static void node_label(demo_node *n, const char *name, const char *value)
{
    if (value && *value && n->n_labels < DEMO_NODE_LABELS_MAX)
        n->labels[n->n_labels++] = (demo_kv){name, value};
}

static void label_provider(demo_node *n)
{
    bool spot = n->row->capacity == GW_CAPACITY_SPOT;
    switch (demo_clusters[n->cluster].provider) {
    case GW_PROVIDER_AWS:
        if (n->row->flags & DEMO_NODE_EKS_LABELS) {
            node_label(n, "eks.amazonaws.com/capacityType", spot ? "SPOT" : "ON_DEMAND");
            node_label(n, "eks.amazonaws.com/nodegroup", n->machine->gpus ? "gpu" : "system");
        } else {
            node_label(n, "karpenter.sh/capacity-type", spot ? "spot" : "on-demand");
            node_label(n, "karpenter.sh/nodepool", "gpu");
        }
        node_label(n, "alpha.eksctl.io/cluster-name", demo_clusters[n->cluster].name);
        break;
    case GW_PROVIDER_GCP:
        node_label(n, "cloud.google.com/gke-nodepool", "gpu");
        node_label(n, spot ? "cloud.google.com/gke-spot" : "cloud.google.com/gke-provisioning",
                   spot ? "true" : "standard");
        break;
    case GW_PROVIDER_AZURE:
        node_label(n, "kubernetes.azure.com/cluster", "mc_prod_prod-weu_westeurope");
        if (spot)
            node_label(n, "kubernetes.azure.com/scalesetpriority", "spot");
        break;
    default:
        break;
    }
}

static void label_gpus(demo_fleet *f, demo_node *n)
{
    const demo_machine *m = n->machine;
    if (!m->gpus)
        return;
    /* feature discovery marks the product where the resource keeps its name though it is shared */
    bool marked = n->row->sharing != GW_SHARING_NONE && !(n->row->flags & DEMO_NODE_RENAMED);
    node_label(n, "nvidia.com/gpu.product", marked ? TEXT(f, "%s-SHARED", m->product) : m->product);
    node_label(n, "nvidia.com/gpu.count", TEXT(f, "%d", m->gpus));
    node_label(n, "nvidia.com/gpu.memory", TEXT(f, "%" PRId64, m->fb_mib));
    node_label(n, "nvidia.com/gpu.replicas", TEXT(f, "%d", n->row->replicas));
    node_label(n, "nvidia.com/gpu.sharing-strategy",
               n->row->sharing == GW_SHARING_MPS            ? "mps"
               : n->row->sharing == GW_SHARING_TIME_SLICING ? "time-slicing"
                                                            : "none");
    node_label(n, "nvidia.com/mig.capable",
               strstr(m->model, "A100") || strstr(m->model, "H100") ? "true" : "false");
    node_label(n, "nvidia.com/mig.strategy", n->row->mig ? "mixed" : "single");
    if (n->row->mig)
        node_label(n, "nvidia.com/mig.config", "custom-mixed");
}

static void label_node(demo_fleet *f, demo_node *n)
{
    const demo_cluster *c = &demo_clusters[n->cluster];
    node_label(n, "kubernetes.io/hostname", n->name);
    node_label(n, "node.kubernetes.io/instance-type", n->machine->instance_type);
    node_label(n, "topology.kubernetes.io/region", c->region);
    node_label(n, "topology.kubernetes.io/zone", c->zone);
    label_provider(n);
    label_gpus(f, n);
}

static void name_node(demo_fleet *f, demo_node *n, uint32_t index)
{
    const char *name = n->row->name;
    int extra = index >= demo_n_node_rows ? (int)(index - demo_n_node_rows) + 1 : 0;
    switch (demo_clusters[n->cluster].provider) {
    case GW_PROVIDER_AWS:
        n->name = extra ? TEXT(f, "%s%d-%d.ec2.internal", name, extra / 200, extra % 200 + 4) : name;
        n->provider_id = TEXT(f, "aws:///%s/i-%017" PRIx64, demo_clusters[n->cluster].zone, n->seed >> 4);
        break;
    case GW_PROVIDER_GCP:
        n->name = extra ? TEXT(f, "%s%04d", name, extra) : name;
        n->provider_id = TEXT(f, "gce://acme-research/%s/%s", demo_clusters[n->cluster].zone, n->name);
        break;
    case GW_PROVIDER_AZURE:
        n->name = extra ? TEXT(f, "%svmss%06d", name, extra) : name;
        n->provider_id =
            TEXT(f,
                 "azure:///subscriptions/00000000-0000-4000-8000-000000000007/resourceGroups/mc_prod/"
                 "providers/Microsoft.Compute/virtualMachines/%s",
                 n->name);
        break;
    default:
        n->name = name;
        n->provider_id = TEXT(f, "rke2://%s", name);
        break;
    }
}

static void add_unit(demo_fleet *f, uint32_t node, int gpu, const demo_mig *mig)
{
    demo_node *n = &f->nodes[node];
    demo_unit *u = more(f, (void **)&f->units, &f->n_units, &f->cap_units, sizeof(*u), MAX_UNITS);
    if (!u)
        return;
    bool part = mig && mig->profile;
    uint64_t gpu_seed = demo_draw(n->seed, (uint64_t)gpu);
    *u = (demo_unit){
        .node = node,
        .gpu = gpu,
        .uuid = uuid_text(f, "GPU-", gpu_seed),
        .gpu_text = TEXT(f, "%d", gpu),
        .device = TEXT(f, "nvidia%d", gpu),
        .pci_bus_id = TEXT(f, "00000000:%02X:00.0", 0x10 + gpu),
        .mig_profile = part ? mig->profile : NULL,
        .mig_id = part ? mig->id : NULL,
        .fb_mib = part ? mig->memory_mib : n->machine->fb_mib,
        .fb_reserved_mib = part ? 14 : n->machine->fb_reserved_mib,
        .seed = part ? demo_draw(gpu_seed, gw_hash(mig->id, strlen(mig->id))) : gpu_seed,
        .xid_ms = INT64_MAX,
    };
    n->n_units++;
}

static void add_units(demo_fleet *f, uint32_t node)
{
    const demo_node_row *row = f->nodes[node].row;
    f->nodes[node].first_unit = (uint32_t)f->n_units;
    for (int i = 0; i < row->n_mig && row->mig; i++)
        add_unit(f, node, row->mig[i].gpu, &row->mig[i]);
    for (int i = 0; i < f->nodes[node].machine->gpus && !row->mig; i++)
        add_unit(f, node, i, NULL);
}

static void add_node(demo_fleet *f, const demo_node_row *row)
{
    uint32_t index = (uint32_t)f->n_nodes;
    demo_node *n =
        more(f, (void **)&f->nodes, &f->n_nodes, &f->cap_nodes, sizeof(*n), GW_DEMO_MAX_NODES + 16);
    if (!n)
        return;
    n->row = row;
    n->machine = &demo_machines[row->machine];
    n->cluster = row->cluster;
    n->seed = seed_of(f, "node", index);
    name_node(f, n, index);
    n->life = (gw_interval){demo_at(&f->o, row->from), demo_at(&f->o, row->to)};
    if (row->outage_to > row->outage_from)
        n->outage = (gw_interval){demo_at(&f->o, row->outage_from), demo_at(&f->o, row->outage_to)};
    n->restart_ms = row->restart > 0 ? demo_at(&f->o, row->restart) : INT64_MAX;
    n->prof_stop_ms = row->prof_stop > 0 ? demo_at(&f->o, row->prof_stop) : INT64_MAX;
    for (uint32_t i = 0; i < 2; i++) {
        n->instance[i] = TEXT(f, "10.%u.%u.%u:9400", 64 + index / 250, index % 250, 7 + i * 31);
        n->exporter[i] = TEXT(f, "nvidia-dcgm-exporter-%s", suffix(f, n->seed + i, 5));
    }
    label_node(f, n);
    add_units(f, index);
}

static void add_event(demo_fleet *f, const demo_event *e)
{
    const demo_node *n = &f->nodes[e->node];
    demo_unit *u = &f->units[n->first_unit + e->unit];
    u->xid = e->xid;
    u->xid_ms = demo_at(&f->o, e->at);
    u->dies = e->dies;
}

/* --- owners --- */

static const char *kind_name(demo_kind k)
{
    static const char *const names[] = {[DEMO_BARE] = NULL,
                                        [DEMO_DEPLOYMENT] = "Deployment",
                                        [DEMO_ROLLOUT] = "Rollout",
                                        [DEMO_STATEFULSET] = "StatefulSet",
                                        [DEMO_DAEMONSET] = "DaemonSet",
                                        [DEMO_JOB] = "Job",
                                        [DEMO_CRONJOB] = "CronJob",
                                        [DEMO_RAYCLUSTER] = "RayCluster",
                                        [DEMO_PYTORCHJOB] = "PyTorchJob"};
    return names[k];
}

static void add_owner(demo_fleet *f, uint32_t pod, const char *kind, const char *name, const char *owner_kind,
                      const char *owner_name)
{
    const demo_pod *p = &f->pods[pod];
    const char *key = TEXT(f, "%u/%s/%s/%s", p->cluster, p->work->ns, kind, name);
    gw_interval life = {p->created_ms, p->gone_ms};
    /* a ReplicaSet stays, at no replicas, when its pods are gone; so do Deployments and the like */
    if (strcmp(kind, "Job") != 0)
        life.end_ms = f->extent.end_ms;
    uint32_t i = gw_map_get(&f->by_owner, gw_str_of(key));
    if (i != GW_NONE) {
        gw_interval *have = &f->owners[i].life;
        *have = (gw_interval){GW_MIN(have->start_ms, life.start_ms), GW_MAX(have->end_ms, life.end_ms)};
        return;
    }
    if (gw_map_set(&f->by_owner, gw_str_of(key), (uint32_t)f->n_owners))
        f->failed = true;
    demo_owner *o = more(f, (void **)&f->owners, &f->n_owners, &f->cap_owners, sizeof(*o), MAX_OWNERS);
    if (o)
        *o = (demo_owner){p->cluster, p->work->ns, kind, name, owner_kind, owner_name, pod, life};
}

/* The pod's name, its direct owner, and the chain above. */
static void name_pod(demo_fleet *f, uint32_t pod, int64_t cron_ms)
{
    demo_pod *p = &f->pods[pod];
    const demo_work *w = p->work;
    const char *top = kind_name(w->kind), *tail = suffix(f, p->seed, 5);
    p->owner_kind = top;
    p->owner_name = w->name;
    switch (w->kind) {
    case DEMO_BARE:
        p->owner_kind = p->owner_name = NULL;
        p->name = w->name;
        return;
    case DEMO_DEPLOYMENT:
    case DEMO_ROLLOUT:
        p->owner_kind = "ReplicaSet";
        p->owner_name = TEXT(f, "%s-%s", w->name, suffix(f, seed_of(f, w->name, p->cluster), 9));
        p->name = TEXT(f, "%s-%s", p->owner_name, tail);
        add_owner(f, pod, "ReplicaSet", p->owner_name, top, w->name);
        break;
    case DEMO_CRONJOB:
        p->owner_kind = "Job";
        p->owner_name = TEXT(f, "%s-%" PRId64, w->name, cron_ms / GW_MINUTE_MS);
        p->name = TEXT(f, "%s-%s", p->owner_name, tail);
        add_owner(f, pod, "Job", p->owner_name, top, w->name);
        break;
    case DEMO_STATEFULSET:
        p->name = TEXT(f, "%s-%d", w->name, p->place->ordinal);
        break;
    case DEMO_RAYCLUSTER:
        p->name = TEXT(f, "%s-worker-gpu-%s", w->name, tail);
        break;
    case DEMO_PYTORCHJOB:
        p->name = TEXT(f, "%s-worker-%d", w->name, p->place->ordinal);
        break;
    case DEMO_JOB:
    case DEMO_DAEMONSET:
        p->name = TEXT(f, "%s-%s", w->name, tail);
        break;
    }
    add_owner(f, pod, top, w->name, NULL, NULL);
}

/* --- pods --- */

static void pod_label(demo_pod *p, const char *name, const char *value)
{
    if (value && p->n_labels < DEMO_POD_LABELS_MAX)
        p->labels[p->n_labels++] = (demo_kv){name, value};
}

static void label_pod(demo_pod *p)
{
    const demo_work *w = p->work;
    if (w->kind != DEMO_BARE)
        pod_label(p, "app", w->name);
    pod_label(p, "team", w->team);
    pod_label(p, "project", w->project);
    pod_label(p, "environment", w->environment);
    pod_label(p, "model-name", w->model);
    pod_label(p, "model-version", w->version);
    pod_label(p, "workload-type", w->type);
    pod_label(p, "cost-center", w->cost_center);
    pod_label(p, "sla-tier", w->sla);
    pod_label(p, "optimization-level", w->optimization);
    /* their controllers mark the pods that stand or fall together */
    if (w->kind == DEMO_RAYCLUSTER)
        pod_label(p, "ray.io/cluster", w->name);
    if (w->kind == DEMO_PYTORCHJOB)
        pod_label(p, "training.kubeflow.org/job-name", w->name);
}

static const char *container_of(const demo_work *w)
{
    if (w->kind == DEMO_DAEMONSET)
        return "nvidia-dcgm-exporter";
    if (w->load.shape == DEMO_NOTEBOOK)
        return "notebook";
    if (w->load.shape == DEMO_TRAINING)
        return w->kind == DEMO_RAYCLUSTER ? "ray-worker" : "trainer";
    return w->load.shape == DEMO_BATCH ? "main" : "server";
}

/* What the pod asks the scheduler for. */
static void request_gpus(demo_fleet *f, demo_pod *p)
{
    p->gpus = __builtin_popcount(p->units);
    if (!p->gpus)
        return;
    p->resource = "nvidia.com/gpu";
    p->state_resource = "nvidia_com_gpu";
    if (p->node == GW_NONE)
        return;
    const demo_node *n = &f->nodes[p->node];
    const demo_unit *u = &f->units[n->first_unit + (unsigned)__builtin_ctz(p->units)];
    if (n->row->flags & DEMO_NODE_RENAMED) {
        p->resource = "nvidia.com/gpu.shared";
        p->state_resource = "nvidia_com_gpu_shared";
    } else if (u->mig_profile) {
        p->resource = TEXT(f, "nvidia.com/mig-%s", u->mig_profile);
        const char *dot = strchr(u->mig_profile, '.');
        p->state_resource =
            TEXT(f, "nvidia_com_mig_%.*s_%s", (int)(dot - u->mig_profile), u->mig_profile, dot + 1);
    }
}

/* How long the object stays when its containers have ended. */
static int64_t kept_ms(const demo_work *w, bool failed)
{
    if (w->kind == DEMO_CRONJOB)
        return CRONJOB_KEEP_MS;
    return w->kind == DEMO_JOB || w->kind == DEMO_PYTORCHJOB || failed ? JOB_TTL_MS : DELETED_MS;
}

static void add_pod(demo_fleet *f, const demo_work *w, const demo_place *place, uint32_t node,
                    gw_interval life, int64_t cron_ms)
{
    uint32_t index = (uint32_t)f->n_pods;
    demo_pod *p = more(f, (void **)&f->pods, &f->n_pods, &f->cap_pods, sizeof(*p), MAX_PODS);
    if (!p)
        return;
    bool pending = node == GW_NONE;
    p->work = w;
    p->place = place;
    p->node = node;
    p->cluster = pending ? 0 : f->nodes[node].cluster;
    p->units = place->units;
    p->seed = seed_of(f, w->name, (uint64_t)index << 20 ^ (uint64_t)(cron_ms / GW_MINUTE_MS));
    p->uid = uuid_text(f, "", p->seed ^ 0x0d);
    p->ip = TEXT(f, "10.%u.%u.%u", 128 + index / 60000, index / 240 % 250, 10 + index % 240);
    p->container = container_of(w);
    p->failed = place->flags & DEMO_PLACE_FAILED;
    p->created_ms = pending ? life.start_ms : life.start_ms - PENDING_MS;
    p->life = pending ? (gw_interval){life.start_ms, life.start_ms} : life;
    p->gone_ms = pending ? life.end_ms : life.end_ms + kept_ms(w, p->failed);
    p->busy_until_ms = place->busy_to > 0 ? demo_at(&f->o, place->busy_to) : INT64_MAX;
    p->restart_ms = place->flags & DEMO_PLACE_RESTARTED ? demo_at(&f->o, 0.55) : INT64_MAX;
    request_gpus(f, p);
    label_pod(p);
    name_pod(f, index, cron_ms);
}

static void add_place(demo_fleet *f, const demo_work *w, const demo_place *place, uint32_t node)
{
    gw_interval life = {demo_at(&f->o, place->from), demo_at(&f->o, place->to)};
    if (w->kind != DEMO_CRONJOB) {
        add_pod(f, w, place, node, life, 0);
        return;
    }
    for (int64_t day = life.start_ms / GW_DAY_MS; day <= life.end_ms / GW_DAY_MS; day++) {
        int64_t start = day * GW_DAY_MS + place->cron_hour * GW_HOUR_MS;
        gw_interval run = {start, start + place->cron_minutes * GW_MINUTE_MS};
        if (run.start_ms >= life.start_ms && run.end_ms <= life.end_ms)
            add_pod(f, w, place, node, run, start);
    }
}

static const demo_work *work_named(const demo_work *works, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(works[i].name, name) == 0)
            return &works[i];
    }
    return NULL;
}

/* Every node with an exporter runs the exporter's pod, and after its restart another. */
static void add_exporter_pods(demo_fleet *f)
{
    static const demo_place nowhere = {.work = "nvidia-dcgm-exporter"};
    const demo_work *w = work_named(demo_works, demo_n_works, nowhere.work);
    for (uint32_t i = 0; i < f->n_nodes && w; i++) {
        if (f->nodes[i].row->flags & DEMO_NODE_NO_EXPORTER)
            continue;
        int lives = f->nodes[i].restart_ms == INT64_MAX ? 1 : 2;
        for (int k = 0; k < lives && !f->failed; k++) {
            gw_interval life = f->nodes[i].life;
            if (k == 1)
                life.start_ms = f->nodes[i].restart_ms;
            else
                life.end_ms = GW_MIN(life.end_ms, f->nodes[i].restart_ms);
            add_pod(f, w, &nowhere, i, life, 0);
            if (!f->failed)
                f->pods[f->n_pods - 1].name = f->nodes[i].exporter[k];
        }
    }
}

/* What runs on an ordinary node: the same workloads under names of their own. */
static void add_more(demo_fleet *f, uint32_t node)
{
    size_t n_works = 0;
    while (demo_more_works[n_works].ns)
        n_works++;
    demo_work *works = GW_NEW_ARRAY(&f->arena, demo_work, n_works);
    if (!works) {
        f->failed = true;
        return;
    }
    for (size_t i = 0; i < n_works; i++) {
        works[i] = demo_more_works[i];
        works[i].name = TEXT(f, "%s-%04u", works[i].name, node - (uint32_t)demo_n_node_rows + 1);
    }
    for (size_t i = 0; i < demo_n_more_places && !f->failed; i++) {
        const demo_work *w = work_named(demo_more_works, n_works, demo_more_places[i].work);
        if (w)
            add_place(f, &works[w - demo_more_works], &demo_more_places[i], node);
    }
}

/* --- who is named on which unit --- */

static void put_on_units(demo_fleet *f)
{
    for (size_t i = 0; i < f->n_pods; i++) {
        const demo_pod *p = &f->pods[i];
        for (unsigned bits = p->node == GW_NONE ? 0 : p->units; bits; bits &= bits - 1)
            f->units[f->nodes[p->node].first_unit + (unsigned)__builtin_ctz(bits)].n_pods++;
    }
    for (size_t i = 0; i < f->n_units; i++) {
        f->units[i].pods = GW_NEW_ARRAY(&f->arena, uint32_t, f->units[i].n_pods);
        f->failed |= !f->units[i].pods;
        f->units[i].n_pods = 0;
    }
    for (uint32_t i = 0; i < f->n_pods && !f->failed; i++) {
        const demo_pod *p = &f->pods[i];
        for (unsigned bits = p->node == GW_NONE ? 0 : p->units; bits; bits &= bits - 1) {
            demo_unit *u = &f->units[f->nodes[p->node].first_unit + (unsigned)__builtin_ctz(bits)];
            size_t at = u->n_pods++;
            while (at > 0 && f->pods[u->pods[at - 1]].life.start_ms > p->life.start_ms) {
                u->pods[at] = u->pods[at - 1];
                at--;
            }
            u->pods[at] = i;
        }
    }
}

static bool is_named(const demo_fleet *f, const demo_unit *u, uint32_t pod)
{
    return !(f->nodes[u->node].row->flags & DEMO_NODE_NAME_ONE) ||
           f->pods[pod].place->flags & DEMO_PLACE_NAMED;
}

/* Until when the exporter names the pod: past its end by the linger, unless the next one comes. */
static int64_t named_until(const demo_fleet *f, const demo_unit *u, size_t at)
{
    const demo_pod *p = &f->pods[u->pods[at]];
    int64_t until = p->life.end_ms + p->place->linger_minutes * GW_MINUTE_MS;
    if (f->nodes[u->node].row->sharing != GW_SHARING_NONE)
        return until;
    if (at + 1 < u->n_pods)
        until = GW_MIN(until, f->pods[u->pods[at + 1]].life.start_ms);
    return GW_MAX(until, p->life.end_ms);
}

/* A track for each named pod, and one for the time in which none is. */
static void make_tracks(demo_fleet *f, demo_unit *u)
{
    u->tracks = GW_NEW_ARRAY(&f->arena, demo_track, u->n_pods + 1);
    gw_interval *spans = GW_NEW_ARRAY(&f->arena, gw_interval, 2 * u->n_pods + 1);
    if (!u->tracks || !spans) {
        f->failed = true;
        return;
    }
    gw_interval *nobody = spans + u->n_pods;
    size_t n_nobody = 0;
    int64_t covered = f->nodes[u->node].life.start_ms, end = f->nodes[u->node].life.end_ms;
    bool repeated = f->nodes[u->node].row->flags & DEMO_NODE_NAME_ALL;
    for (size_t i = 0; i < u->n_pods; i++) {
        if (!is_named(f, u, u->pods[i]))
            continue;
        gw_interval *span = spans++;
        *span = (gw_interval){f->pods[u->pods[i]].life.start_ms, named_until(f, u, i)};
        u->tracks[u->n_tracks++] = (demo_track){u->pods[i], repeated ? (int)i : -1, span, 1};
        if (span->start_ms > covered)
            nobody[n_nobody++] = (gw_interval){covered, span->start_ms};
        covered = GW_MAX(covered, span->end_ms);
    }
    if (covered < end)
        nobody[n_nobody++] = (gw_interval){covered, end};
    if (n_nobody)
        u->tracks[u->n_tracks++] = (demo_track){GW_NONE, -1, nobody, n_nobody};
}

/* --- all of it --- */

static void build(demo_fleet *f)
{
    for (size_t i = 0; i < demo_n_node_rows; i++)
        add_node(f, &demo_node_rows[i]);
    for (int i = GW_DEMO_BASE_NODES; i < f->o.nodes && !f->failed; i++)
        add_node(f, &demo_more_nodes[(size_t)(i - GW_DEMO_BASE_NODES) % demo_n_more_nodes]);
    for (size_t i = 0; i < demo_n_events && !f->failed; i++)
        add_event(f, &demo_events[i]);
    for (size_t i = 0; i < demo_n_places && !f->failed; i++) {
        const demo_work *w = work_named(demo_works, demo_n_works, demo_places[i].work);
        if (w)
            add_place(f, w, &demo_places[i], demo_places[i].node);
    }
    for (size_t i = demo_n_node_rows; i < f->n_nodes && !f->failed; i++)
        add_more(f, (uint32_t)i);
    if (!f->failed)
        add_exporter_pods(f);
    if (!f->failed)
        put_on_units(f);
    for (size_t i = 0; i < f->n_units && !f->failed; i++)
        make_tracks(f, &f->units[i]);
}

int demo_fleet_init(demo_fleet *f, const gw_demo_options *o, gw_error *e)
{
    *f = (demo_fleet){.o = *o};
    f->extent = (gw_interval){demo_at(o, DEMO_BEFORE), demo_at(o, DEMO_AFTER)};
    gw_arena_init(&f->arena, 0);
    gw_map_init(&f->by_owner);
    build(f);
    if (!f->failed)
        return 0;
    demo_fleet_free(f);
    return gw_fail_memory(e);
}

void demo_fleet_free(demo_fleet *f)
{
    gw_free(f->nodes);
    gw_free(f->units);
    gw_free(f->pods);
    gw_free(f->owners);
    gw_map_free(&f->by_owner);
    gw_arena_free(&f->arena);
    *f = (demo_fleet){0};
}
