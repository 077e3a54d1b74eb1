/*
 * A Karpenter NodePool (karpenter.sh/v1) for each kind of node that the action hires, bounded to as many as
 * it hires, so that Karpenter makes the plan's mix and not one of its own. Format:
 * https://github.com/kubernetes-sigs/karpenter (pkg/apis/crds), https://karpenter.sh/docs/concepts/
 *
 * GPU pods are dear to restart, so the pool removes nodes only when they are empty, and one at a time for any
 * other reason. Labels and taints are those of the node that the hire is like, so that the same pods fit;
 * labels of domains that Kubernetes, Karpenter and the providers keep for themselves are left to them.
 */
#include "act/export_internal.h"
#include "fleet/rules.h"

#define LABELS_MAX 90 /* Karpenter takes 100 */

static const struct {
    gw_provider provider;
    const char *group, *kind, *label;
} classes[] = {
    {GW_PROVIDER_AWS, "karpenter.k8s.aws", "EC2NodeClass", "karpenter.k8s.aws/ec2nodeclass"},
    {GW_PROVIDER_AZURE, "karpenter.azure.com", "AKSNodeClass", "karpenter.azure.com/aksnodeclass"},
    {GW_PROVIDER_GCP, "karpenter.k8s.gcp", "GCENodeClass", "karpenter.k8s.gcp/gcenodeclass"},
};

static const gw_node *like_of(const gw_act *a, const gw_hire *h)
{
    uint32_t i = h->like ? gw_fleet_find_node(a->fleet, gw_str_of(h->like)) : GW_NONE;
    return i == GW_NONE ? NULL : &a->fleet->nodes[i];
}

/* ---- labels ---- */

static bool ends_in(gw_str s, const char *end)
{
    size_t n = strlen(end);
    return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0 && (s.n == n || s.p[s.n - n - 1] == '.');
}

/* A label that somebody put on the node, and that its next one must be given. */
static bool is_own_label(const gw_kv *kv)
{
    static const char *const kept[] = {
        "kubernetes.io",     "k8s.io",        "karpenter.sh", "nvidia.com", "k8s.aws",  "karpenter.azure.com",
        "karpenter.k8s.gcp", "amazonaws.com", "google.com",   "azure.com",  "eksctl.io"};
    static const char inner[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const char *slash = strchr(kv->name, '/');
    gw_str domain = {kv->name, slash ? (size_t)(slash - kv->name) : 0};
    const char *name = slash ? slash + 1 : kv->name;
    for (size_t i = 0; i < GW_COUNT(kept); i++) {
        if (ends_in(domain, kept[i]))
            return false;
    }
    return *name && strlen(name) <= 63 && name[strspn(name, inner)] == '\0' && strlen(kv->value) <= 63 &&
           kv->value[strspn(kv->value, inner)] == '\0' && domain.n <= 253;
}

static void put_labels(gw_doc *d, const gw_act_hires *g, const gw_node *like)
{
    gw_doc_object(d, "metadata");
    gw_doc_object(d, "labels");
    if (g->mig)
        gw_doc_text(d, GW_ACT_MIG_LABEL, g->mig);
    if (g->plugin)
        gw_doc_text(d, GW_ACT_PLUGIN_LABEL, g->plugin);
    /* kube-state-metrics alone spells labels otherwise than they are: only what the API said is copied */
    size_t n = 0;
    for (uint32_t i = 0; like && like->in_api && i < like->labels.n && n < LABELS_MAX; i++) {
        if (!is_own_label(&like->labels.kv[i]))
            continue;
        gw_doc_text(d, like->labels.kv[i].name, like->labels.kv[i].value);
        n++;
    }
    gw_doc_end(d);
    gw_doc_end(d);
}

/* ---- taints ---- */

/* Taints that come and go with the state of a node. */
static bool is_passing(const gw_taint *t)
{
    return gw_has_prefix(t->key, "node.kubernetes.io/") || gw_has_prefix(t->key, "node.cloudprovider") ||
           gw_has_prefix(t->key, "karpenter.sh/") || gw_eq(t->key, GW_ACT_RELEASE_TAINT) ||
           gw_has_prefix(t->key, "ToBeDeletedByClusterAutoscaler") ||
           gw_has_prefix(t->key, "DeletionCandidateOfClusterAutoscaler");
}

static void put_taint(gw_doc *d, const char *key, const char *value, gw_taint_effect effect)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "key", key);
    if (*value)
        gw_doc_text(d, "value", value);
    gw_doc_text(d, "effect", gw_taint_effect_name(effect));
    gw_doc_end(d);
}

static void put_taints(gw_doc *d, const gw_node *like)
{
    bool any = false;
    for (uint32_t i = 0; like && like->rules_known && i < like->n_taints; i++) {
        if (is_passing(&like->taints[i]))
            continue;
        if (!any)
            gw_doc_array(d, "taints");
        any = true;
        put_taint(d, like->taints[i].key, like->taints[i].value, like->taints[i].effect);
    }
    if (any)
        gw_doc_end(d);
}

/* ---- requirements ---- */

static void put_requirement(gw_doc *d, const char *key, const char *value)
{
    if (!value)
        return;
    gw_doc_object(d, NULL);
    gw_doc_text(d, "key", key);
    gw_doc_text(d, "operator", "In");
    gw_doc_array(d, "values");
    gw_doc_text(d, NULL, value);
    gw_doc_end(d);
    gw_doc_end(d);
}

static void put_template(gw_act *a, gw_doc *d, const gw_act_hires *g)
{
    const gw_hire *h = g->like;
    const gw_node *like = like_of(a, h);
    size_t c = 0;
    while (c + 1 < GW_COUNT(classes) && classes[c].provider != h->provider)
        c++;
    const char *name = like ? gw_labels_get(&like->labels, classes[c].label) : NULL;
    gw_doc_object(d, "template");
    put_labels(d, g, like);
    gw_doc_object(d, "spec");
    gw_doc_object(d, "nodeClassRef");
    gw_doc_text(d, "group", classes[c].group);
    gw_doc_text(d, "kind", classes[c].kind);
    gw_doc_text(d, "name", name && *name ? name : "default");
    gw_doc_end(d);
    gw_doc_array(d, "requirements");
    put_requirement(d, "node.kubernetes.io/instance-type", h->instance_type);
    if (h->capacity != GW_CAPACITY_UNKNOWN)
        put_requirement(d, "karpenter.sh/capacity-type", gw_capacity_name(h->capacity));
    put_requirement(d, "topology.kubernetes.io/region", h->region);
    put_requirement(d, "topology.kubernetes.io/zone", h->zone);
    gw_doc_end(d);
    put_taints(d, like);
    gw_doc_text(d, "expireAfter", "720h");
    gw_doc_end(d);
    gw_doc_end(d);
}

static void put_budget(gw_doc *d, const char *nodes, const char *const *reasons)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "nodes", nodes);
    gw_doc_array(d, "reasons");
    for (; *reasons; reasons++)
        gw_doc_text(d, NULL, *reasons);
    gw_doc_end(d);
    gw_doc_end(d);
}

static void put_disruption(gw_doc *d)
{
    gw_doc_object(d, "disruption");
    gw_doc_text(d, "consolidationPolicy", "WhenEmpty");
    gw_doc_text(d, "consolidateAfter", "10m");
    gw_doc_array(d, "budgets");
    put_budget(d, "100%", (const char *const[]){"Empty", NULL});
    put_budget(d, "1", (const char *const[]){"Drifted", "Underutilized", NULL});
    gw_doc_end(d);
    gw_doc_end(d);
}

/* As many nodes as are hired: by GPUs where they have any, else by CPUs (a node's capacity is its allocatable
 * CPU rounded up). Without either the pool has no bound. */
static void put_limits(gw_doc *d, const gw_act_hires *g)
{
    char text[24];
    const gw_hire *h = g->like;
    const char *resource = h->gpus > 0 ? "nvidia.com/gpu" : "cpu";
    int64_t each = h->gpus > 0 ? h->gpus : h->cpu_milli > 0 ? (h->cpu_milli + 999) / 1000 : 0;
    if (each == 0)
        return;
    snprintf(text, sizeof(text), "%" PRId64, each * g->n);
    gw_doc_object(d, "limits");
    gw_doc_text(d, resource, text);
    gw_doc_end(d);
}

static int write_pool(gw_act *a, const gw_act_hires *g, gw_error *e)
{
    const char *path = gw_arena_printf(a->arena, "manifests/nodepool-%s.yaml", g->name);
    gw_buf b;
    gw_doc d;
    if (!path)
        return gw_fail_memory(e);
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_act_object(&d, "karpenter.sh/v1", "NodePool", NULL, g->name);
    gw_doc_object(&d, "spec");
    put_template(a, &d, g);
    put_disruption(&d);
    put_limits(&d, g);
    gw_doc_int(&d, "weight", 50); /* before pools that have none */
    gw_doc_end(&d);
    gw_doc_end(&d);
    int rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = gw_act_add(a, path, &b, e);
    gw_buf_free(&b);
    return rc;
}

int gw_act_write_karpenter(gw_act *a, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n_hires; i++) {
        const gw_act_hires *g = &a->hires[i];
        const gw_node *like = like_of(a, g->like);
        if (!g->name)
            rc = gw_act_caution(a, e, "No manifest hires nodes of the type %s: get %" PRIu32 " of them.",
                                g->like->instance_type ? g->like->instance_type : "unknown", g->n);
        else
            rc = write_pool(a, g, e);
        if (rc == 0 && g->name && (!like || !like->rules_known))
            rc = gw_act_caution(a, e,
                                "Which taints and labels the nodes of the pool %s should have is not known: "
                                "it has none, so that any pod may come there.",
                                g->name);
    }
    return rc;
}
