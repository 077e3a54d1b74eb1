#include "observe/demo_rules.h"

/* What the pods of a workload ask for beyond resources. NULL: nothing. */
typedef struct rule_row {
    const char *work;
    demo_kv annotation;
    demo_kv node;       /* nodeSelector */
    demo_kv either[2];  /* node affinity: any of these two */
    const char *apart;  /* anti-affinity with this app's pods, host by host */
    const char *spread; /* topologyKey of a hard spread of its own pods */
    const char *host_path;
    bool everywhere; /* tolerates everything, as a daemon does */
} rule_row;

static const rule_row rule_rows[] = {
    {.work = "vit-pretrain", .annotation = {"karpenter.sh/do-not-disrupt", "true"}},
    {.work = "llama-3-70b-chat-eu", .node = {"nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3"}},
    {.work = "sdxl-serve",
     .either = {{"karpenter.sh/capacity-type", "spot"}, {"karpenter.sh/capacity-type", "on-demand"}}},
    {.work = "fraud-scorer",
     .node = {"topology.kubernetes.io/region", "us-central1"},
     .spread = "topology.kubernetes.io/zone"},
    {.work = "model-registry", .apart = "model-registry"},
    {.work = "nvidia-dcgm-exporter", .host_path = "/var/lib/kubelet/pod-resources", .everywhere = true},
};

/* Volumes, and the pods that claim them. */
typedef struct volume_row {
    const char *work, *ns, *claim, *volume;
    const char *key, *value; /* of the nodes that it can be mounted on */
    const char *local_path;  /* NULL: a disk of the cloud's */
} volume_row;

static const volume_row volume_rows[] = {
    {"mixtral-8x7b-decode", "assistant", "weights-mixtral-8x7b-decode-0", "local-nvme-12-44-0",
     "kubernetes.io/hostname", "ip-10-0-12-44.ec2.internal", "/mnt/nvme0"},
    {"prometheus-k8s", "monitoring", "data-prometheus-k8s-0", "pvc-5d0b7c34", "topology.kubernetes.io/zone",
     "us-east-1a", NULL},
};

static const struct budget_row {
    const char *ns, *app;
    int min_available; /* -1: maxUnavailable is given */
    int max_unavailable;
} budget_rows[] = {{"fraud", "fraud-scorer", 3, -1}, {"speech", "whisper-large-v3", -1, 0}};

/* Sets what was packed, or tells that it could not be. */
static bool put(json_t *to, const char *key, json_t *value)
{
    return value && json_object_set_new(to, key, value) == 0;
}

static bool add(json_t *to, json_t *value)
{
    return value && json_array_append_new(to, value) == 0;
}

/* ---- taints, and what tolerates them ---- */

static json_t *taint(const char *key, const char *value)
{
    return json_pack("{s:s, s:s, s:s}", "key", key, "value", value, "effect", "NoSchedule");
}

/* GKE taints its GPU nodes itself; a Karpenter pool and AKS do as their documentation advises. */
bool demo_node_rules(const demo_node *n, json_t *spec)
{
    gw_provider cloud = demo_clusters[n->cluster].provider;
    bool ok = true, pool = cloud == GW_PROVIDER_AWS && !(n->row->flags & DEMO_NODE_EKS_LABELS);
    json_t *taints = json_array();
    if (n->machine->gpus && (cloud == GW_PROVIDER_GCP || pool))
        ok = add(taints, taint("nvidia.com/gpu", pool ? "true" : "present"));
    if (n->machine->gpus && cloud == GW_PROVIDER_AZURE)
        ok = add(taints, taint("sku", "gpu"));
    if (ok && cloud == GW_PROVIDER_AZURE && n->row->capacity == GW_CAPACITY_SPOT)
        ok = add(taints, taint("kubernetes.azure.com/scalesetpriority", "spot"));
    if (!ok || json_array_size(taints) == 0) {
        json_decref(taints);
        return ok && taints;
    }
    return put(spec, "taints", taints);
}

static json_t *tolerations_of(const demo_pod *p, const rule_row *r)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    if (ok && r && r->everywhere)
        ok = add(list, json_pack("{s:s}", "operator", "Exists"));
    else if (ok)
        ok = add(list, json_pack("{s:s, s:s, s:s}", "key", "nvidia.com/gpu", "operator", "Exists", "effect",
                                 "NoSchedule"));
    if (ok && p->gpus && demo_clusters[p->cluster].provider == GW_PROVIDER_AZURE) {
        ok = add(list, taint("sku", "gpu"));
        if (ok)
            ok = add(list, taint("kubernetes.azure.com/scalesetpriority", "spot"));
    }
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* ---- pods ---- */

static const rule_row *row_of(const char *work)
{
    for (size_t i = 0; i < GW_COUNT(rule_rows); i++) {
        if (strcmp(rule_rows[i].work, work) == 0)
            return &rule_rows[i];
    }
    return NULL;
}

static json_t *app_selector(const char *app)
{
    return json_pack("{s:{s:s}}", "matchLabels", "app", app);
}

#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"

static bool put_affinity(const rule_row *r, json_t *spec)
{
    const demo_kv *e = r->either;
    if (e[0].name)
        return put(spec, "affinity",
                   json_pack("{s:{s:{s:[{s:[{s:s, s:s, s:[s, s]}]}]}}}", "nodeAffinity", REQUIRED,
                             "nodeSelectorTerms", "matchExpressions", "key", e[0].name, "operator", "In",
                             "values", e[0].value, e[1].value));
    return !r->apart || put(spec, "affinity",
                            json_pack("{s:{s:[{s:o, s:s}]}}", "podAntiAffinity", REQUIRED, "labelSelector",
                                      app_selector(r->apart), "topologyKey", "kubernetes.io/hostname"));
}

static bool put_row(const demo_pod *p, const rule_row *r, json_t *meta, json_t *spec)
{
    bool ok = put_affinity(r, spec);
    if (ok && r->annotation.name)
        ok = put(meta, "annotations", json_pack("{s:s}", r->annotation.name, r->annotation.value));
    if (ok && r->node.name)
        ok = put(spec, "nodeSelector", json_pack("{s:s}", r->node.name, r->node.value));
    if (ok && r->spread)
        ok = put(spec, "topologySpreadConstraints",
                 json_pack("[{s:i, s:s, s:s, s:o}]", "maxSkew", 1, "topologyKey", r->spread,
                           "whenUnsatisfiable", "DoNotSchedule", "labelSelector",
                           app_selector(p->work->name)));
    if (ok && r->host_path)
        ok = put(spec, "volumes",
                 json_pack("[{s:s, s:{s:s}}]", "name", "host", "hostPath", "path", r->host_path));
    return ok;
}

bool demo_pod_rules(const demo_pod *p, json_t *meta, json_t *spec)
{
    const rule_row *r = row_of(p->work->name);
    bool tolerant = p->gpus || (r && (r->everywhere || r->apart));
    bool ok = !tolerant || put(spec, "tolerations", tolerations_of(p, r));
    if (ok && r)
        ok = put_row(p, r, meta, spec);
    for (size_t i = 0; ok && i < GW_COUNT(volume_rows); i++) {
        const volume_row *v = &volume_rows[i];
        if (strcmp(v->work, p->work->name) == 0)
            ok = put(spec, "volumes",
                     json_pack("[{s:s, s:{s:s}}]", "name", "data", "persistentVolumeClaim", "claimName",
                               v->claim));
    }
    return ok;
}

/* ---- lists ---- */

bool demo_add_budgets(const demo_fleet *f, int64_t now_ms, json_t *items)
{
    bool ok = true;
    for (size_t i = 0; ok && i < GW_COUNT(budget_rows); i++) {
        const struct budget_row *b = &budget_rows[i];
        bool min = b->min_available >= 0;
        int pods = 0;
        for (size_t k = 0; k < f->n_pods; k++)
            pods += strcmp(f->pods[k].work->ns, b->ns) == 0 && strcmp(f->pods[k].work->name, b->app) == 0 &&
                    demo_in(f->pods[k].life, now_ms);
        int desired = min ? b->min_available : pods - b->max_unavailable;
        ok = add(items,
                 json_pack("{s:s, s:s, s:{s:s, s:s, s:i}, s:{s:i, s:o}, s:{s:i, s:i, s:i, s:i, s:i}}",
                           "apiVersion", "policy/v1", "kind", "PodDisruptionBudget", "metadata", "namespace",
                           b->ns, "name", b->app, "generation", 1, "spec",
                           min ? "minAvailable" : "maxUnavailable",
                           min ? b->min_available : b->max_unavailable, "selector", app_selector(b->app),
                           "status", "disruptionsAllowed", GW_MAX(pods - desired, 0), "currentHealthy", pods,
                           "desiredHealthy", desired, "expectedPods", pods, "observedGeneration", 1));
    }
    return ok;
}

bool demo_add_volumes(const demo_fleet *f, json_t *items)
{
    GW_UNUSED(f);
    bool ok = true;
    for (size_t i = 0; ok && i < GW_COUNT(volume_rows); i++) {
        const volume_row *v = &volume_rows[i];
        json_t *spec = json_pack("{s:[s], s:{s:{s:[{s:[{s:s, s:s, s:[s]}]}]}}}", "accessModes",
                                 "ReadWriteOnce", "nodeAffinity", "required", "nodeSelectorTerms",
                                 "matchExpressions", "key", v->key, "operator", "In", "values", v->value);
        ok = spec && (!v->local_path || put(spec, "local", json_pack("{s:s}", "path", v->local_path)));
        if (!ok)
            json_decref(spec);
        else
            ok = add(items, json_pack("{s:s, s:s, s:{s:s}, s:o}", "apiVersion", "v1", "kind",
                                      "PersistentVolume", "metadata", "name", v->volume, "spec", spec));
    }
    return ok;
}

bool demo_add_claims(const demo_fleet *f, json_t *items)
{
    GW_UNUSED(f);
    bool ok = true;
    for (size_t i = 0; ok && i < GW_COUNT(volume_rows); i++) {
        const volume_row *v = &volume_rows[i];
        ok = add(items, json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s}}", "apiVersion", "v1", "kind",
                                  "PersistentVolumeClaim", "metadata", "namespace", v->ns, "name", v->claim,
                                  "spec", "volumeName", v->volume));
    }
    return ok;
}
