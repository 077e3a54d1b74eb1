/* Nodes that are hired: named, labelled, with boards that are idle until they get a tenant. */
#include "allocate/after_internal.h"

/* Letters and digits are compared as they are, everything else as kube-state-metrics would spell it. */
static bool starts_like(const char *name, const char *prefix)
{
    for (; *prefix; name++, prefix++) {
        bool plain = (*prefix >= 'a' && *prefix <= 'z') || (*prefix >= '0' && *prefix <= '9');
        if (*name != *prefix && (plain || *name != '_'))
            return false;
    }
    return true;
}

/* Labels that say what a machine is, and not what it is for. */
static bool is_of_the_machine(const char *name)
{
    static const char *const prefixes[] = {"nvidia.com/", "karpenter.k8s.aws/instance-",
                                           "karpenter.k8s.aws/capacity-reservation-",
                                           "feature.node.kubernetes.io/"};
    static const char *const names[] = {"kubernetes.io/hostname",
                                        "node.kubernetes.io/instance-type",
                                        "beta.kubernetes.io/instance-type",
                                        "topology.kubernetes.io/region",
                                        "failure-domain.beta.kubernetes.io/region",
                                        "topology.kubernetes.io/zone",
                                        "failure-domain.beta.kubernetes.io/zone",
                                        "karpenter.sh/capacity-type",
                                        "eks.amazonaws.com/capacityType",
                                        "kubernetes.azure.com/scalesetpriority",
                                        "node.kubernetes.io/lifecycle",
                                        "cloud.google.com/gke-spot",
                                        "cloud.google.com/gke-preemptible",
                                        "cloud.google.com/gke-provisioning",
                                        "cloud.google.com/gke-accelerator"};
    for (size_t i = 0; i < GW_COUNT(prefixes); i++) {
        if (starts_like(name, prefixes[i]))
            return true;
    }
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        if (gw_label_name_eq(name, names[i]))
            return true;
    }
    return false;
}

static int label(gw_fleet *f, gw_node *n, const char *name, const char *value)
{
    return value ? gw_fleet_label(f, &n->labels, gw_str_of(name), gw_str_of(value), true) : 0;
}

static int label_number(gw_fleet *f, gw_node *n, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, value);
    return value < 0 ? 0 : label(f, n, name, text);
}

static int label_node(gw_fleet *f, uint32_t node, const gw_hire *h, uint32_t like)
{
    gw_node *n = &f->nodes[node];
    const gw_labels *from = like == GW_NONE ? NULL : &f->nodes[like].labels;
    int rc = 0;
    for (uint32_t i = 0; from && i < from->n && !rc; i++)
        rc = is_of_the_machine(from->kv[i].name) ? 0 : label(f, n, from->kv[i].name, from->kv[i].value);
    rc = rc ? rc : label(f, n, "kubernetes.io/hostname", n->name);
    rc = rc ? rc : label(f, n, "node.kubernetes.io/instance-type", h->instance_type);
    rc = rc ? rc : label(f, n, "topology.kubernetes.io/region", h->region);
    rc = rc ? rc : label(f, n, "topology.kubernetes.io/zone", h->zone);
    if (!rc && h->capacity != GW_CAPACITY_UNKNOWN)
        rc = label(f, n, "karpenter.sh/capacity-type", gw_capacity_name(h->capacity));
    rc = rc ? rc : label(f, n, "nvidia.com/gpu.product", h->gpu);
    rc = rc ? rc : label_number(f, n, "nvidia.com/gpu.count", h->gpus);
    return rc ? rc : label_number(f, n, "nvidia.com/gpu.memory", h->gpu_memory_mib);
}

/* A number that no node and no GPU of the fleet is named by yet. */
static void name_hire(after *a, int64_t gpus, char name[32])
{
    const gw_fleet *f = &a->ret->fleet;
    for (bool taken = true; taken; a->n_hired++) {
        snprintf(name, 32, "hired-%" PRIu32, a->n_hired);
        taken = gw_fleet_find_node(f, gw_str_of(name)) != GW_NONE;
        for (int64_t j = 0; j < gpus && !taken; j++) {
            char uuid[64];
            snprintf(uuid, sizeof(uuid), "%s-%" PRId64, name, j);
            taken = gw_map_get(&f->by_uuid, gw_str_of(uuid)) != GW_NONE;
        }
    }
}

static int hire_gpus(after *a, const gw_hire *h, uint32_t node, uint32_t *ret_first)
{
    gw_fleet *f = &a->ret->fleet;
    char uuid[64];
    *ret_first = (uint32_t)f->n_gpus;
    for (int64_t j = 0; j < h->gpus; j++) {
        snprintf(uuid, sizeof(uuid), "%s-%" PRId64, f->nodes[node].name, j);
        uint32_t g = gw_fleet_gpu(f, gw_str_of(uuid), a->e);
        if (g == GW_NONE)
            return a->e ? a->e->code : GW_ENOMEM;
        f->gpus[g].node = node;
        f->gpus[g].index = (int32_t)j;
        f->gpus[g].model = f->nodes[node].gpu_product;
        f->gpus[g].memory_mib = h->gpu_memory_mib;
        if (gw_grow((void **)&a->boards, &a->cap_boards, g + 1, sizeof(*a->boards), GW_FLEET_MAX_GPUS))
            return gw_fail_memory(a->e);
        a->boards[g] = (after_board){.form = GW_FORM_WHOLE, .parts = 1, .was_parts = 1};
    }
    return 0;
}

static int hire_one(after *a, size_t k)
{
    const gw_hire *h = &a->c->hires[k];
    gw_fleet *f = &a->ret->fleet;
    gw_str none = {"", 0};
    char name[32];
    snprintf(a->where, sizeof(a->where), "hire %zu (%.80s)", k + 1, h->instance_type ? h->instance_type : "");
    if (h->gpus < 1 || h->gpus > GW_HIRE_GPUS_MAX)
        return after_refuse(a, "a node is hired for its GPUs, and it must be known how many it has, 1 to %d",
                            GW_HIRE_GPUS_MAX);
    uint32_t like = h->like ? gw_fleet_find_node(f, gw_str_of(h->like)) : GW_NONE;
    if (h->like && like >= a->f->n_nodes)
        return after_refuse(a, "there is no node %.100s to take labels and taints from", h->like);
    name_hire(a, h->gpus, name);
    uint32_t at = gw_fleet_node(f, gw_str_of(name), a->e);
    if (at == GW_NONE)
        return a->e ? a->e->code : GW_ENOMEM;
    if (gw_grow((void **)&a->nodes, &a->cap_nodes, at + 1, sizeof(*a->nodes), GW_FLEET_MAX_NODES) ||
        label_node(f, at, h, like))
        return gw_fail_memory(a->e);
    a->nodes[at] = (after_node){.hired = a->now};
    gw_node *n = &f->nodes[at];
    gw_node_read_labels(f, n);
    n->provider = h->provider == GW_PROVIDER_UNKNOWN ? n->provider : h->provider;
    n->gpu_count = h->gpus;
    n->gpu_memory_mib = h->gpu_memory_mib;
    n->allocatable_gpus = h->gpus;
    n->cpu_milli = h->cpu_milli;
    n->memory_mib = h->memory_mib;
    n->managed_control_plane = false;
    if (like != GW_NONE) {
        const gw_node *l = &f->nodes[like];
        n->cluster = l->cluster;
        n->managed_control_plane = l->managed_control_plane && l->provider == n->provider;
        n->taints = l->taints;
        n->n_taints = l->n_taints;
        n->rules_known = l->rules_known;
        n->in_api = l->in_api;
        n->max_pods = l->max_pods;
    }
    a->hired[k] = at;
    int rc = hire_gpus(a, h, at, &a->hired_gpus[k]);
    /* each board is idle until it gets a tenant */
    for (uint32_t j = 0; j < h->gpus && !rc; j++) {
        if (gw_fleet_unit(f, a->hired_gpus[k] + j, at, none, none, a->e) == GW_NONE)
            rc = a->e ? a->e->code : GW_ENOMEM;
    }
    return rc ? rc : after_fit(a);
}

int after_hire(after *a)
{
    if (a->c->n_hires > GW_HIRES_MAX)
        return after_refuse(a, "%zu hires are more than the %zu that a change may have", a->c->n_hires,
                            GW_HIRES_MAX);
    a->hired = GW_NEW_ARRAY(&a->arena, uint32_t, a->c->n_hires + 1);
    a->hired_gpus = GW_NEW_ARRAY(&a->arena, uint32_t, a->c->n_hires + 1);
    if (!a->hired || !a->hired_gpus)
        return gw_fail_memory(a->e);
    for (size_t k = 0; k < a->c->n_hires; k++) {
        int rc = hire_one(a, k);
        if (rc)
            return rc;
    }
    return 0;
}
