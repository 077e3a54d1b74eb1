#include "fleet/fleet.h"

#include <strings.h>

#include "base/number.h"

#define LABELS_MAX 512 /* on one object; etcd's size limit ends long before */

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* A label's name as kube-state-metrics spells it, letter by letter. */
typedef struct spelling {
    const char *p;
    char before; /* the last letter as it stands in the name */
} spelling;

/* The next letter; '\0' at the end. */
static char next_letter(spelling *s)
{
    char c = *s->p;
    if (!c)
        return '\0';
    bool small = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    bool hump =
        is_upper(c) && ((s->before >= 'a' && s->before <= 'z') || (s->before >= '0' && s->before <= '9'));
    if (hump) {
        s->before = '_';
        return '_';
    }
    s->before = c;
    s->p++;
    return small ? c : is_upper(c) ? (char)(c - 'A' + 'a') : '_';
}

bool gw_label_name_eq(const char *a, const char *b)
{
    spelling x = {a, '\0'}, y = {b, '\0'};
    for (;;) {
        char c = next_letter(&x);
        if (c != next_letter(&y))
            return false;
        if (!c)
            return true;
    }
}

const char *gw_labels_get(const gw_labels *l, const char *name)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (gw_label_name_eq(l->kv[i].name, name))
            return l->kv[i].value;
    }
    return NULL;
}

int gw_fleet_label(gw_fleet *f, gw_labels *l, gw_str name, gw_str value, bool replace)
{
    const char *n = gw_fleet_intern(f, name), *v = gw_fleet_intern(f, value);
    if (!n || !v)
        return GW_ENOMEM;
    for (uint32_t i = 0; i < l->n; i++) {
        if (!gw_label_name_eq(l->kv[i].name, n))
            continue;
        if (replace)
            l->kv[i] = (gw_kv){n, v};
        return 0;
    }
    size_t cap = l->cap;
    int rc = gw_grow((void **)&l->kv, &cap, (size_t)l->n + 1, sizeof(*l->kv), LABELS_MAX);
    if (rc == GW_ELIMIT)
        return 0; /* an object with this many labels is not one that Kubernetes would store */
    if (rc)
        return GW_ENOMEM;
    l->cap = (uint32_t)cap;
    l->kv[l->n++] = (gw_kv){n, v};
    return 0;
}

const char *gw_capacity_name(gw_capacity c)
{
    static const char *const names[] = {"unknown", "on-demand", "spot", "reserved"};
    return names[c];
}

const char *gw_provider_name(gw_provider p)
{
    static const char *const names[] = {"unknown", "aws", "azure", "gcp", "on-premises"};
    return names[p];
}

static const char *first_label(const gw_labels *l, const char *const *names)
{
    for (; *names; names++) {
        const char *v = gw_labels_get(l, *names);
        if (v && *v)
            return v;
    }
    return NULL;
}

#define FIRST_LABEL(l, ...) first_label(l, (const char *const[]){__VA_ARGS__, NULL})

static void take_count(const gw_labels *l, const char *name, int64_t *count)
{
    const char *text = gw_labels_get(l, name);
    int64_t v;
    if (text && gw_parse_int64(gw_str_of(text), &v) && v >= 0)
        *count = v;
}

static bool has_label_prefix(const gw_labels *l, const char *prefix)
{
    for (uint32_t i = 0; i < l->n; i++) {
        spelling x = {l->kv[i].name, '\0'}, y = {prefix, '\0'};
        char c = next_letter(&y);
        while (c && c == next_letter(&x))
            c = next_letter(&y);
        if (!c)
            return true;
    }
    return false;
}

static gw_capacity capacity_of(const gw_labels *l)
{
    const char *v = FIRST_LABEL(l, "karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType",
                                "kubernetes.azure.com/scalesetpriority", "node.kubernetes.io/lifecycle");
    if (v) {
        if (strcasecmp(v, "spot") == 0)
            return GW_CAPACITY_SPOT;
        if (strcasecmp(v, "reserved") == 0 || strcasecmp(v, "CAPACITY_BLOCK") == 0)
            return GW_CAPACITY_RESERVED;
        if (strcasecmp(v, "on-demand") == 0 || strcasecmp(v, "ON_DEMAND") == 0 ||
            strcasecmp(v, "regular") == 0 || strcasecmp(v, "normal") == 0)
            return GW_CAPACITY_ON_DEMAND;
    }
    v = FIRST_LABEL(l, "cloud.google.com/gke-spot", "cloud.google.com/gke-preemptible");
    if (v && strcasecmp(v, "true") == 0)
        return GW_CAPACITY_SPOT;
    v = FIRST_LABEL(l, "cloud.google.com/gke-provisioning");
    if (v)
        return strcasecmp(v, "spot") == 0 || strcasecmp(v, "preemptible") == 0 ? GW_CAPACITY_SPOT
                                                                               : GW_CAPACITY_ON_DEMAND;
    return GW_CAPACITY_UNKNOWN;
}

static gw_provider provider_of(const gw_node *n, bool *ret_managed)
{
    const gw_labels *l = &n->labels;
    const char *id = n->provider_id ? n->provider_id : "";
    bool eks = has_label_prefix(l, "eks.amazonaws.com/") || has_label_prefix(l, "alpha.eksctl.io/");
    bool gke = has_label_prefix(l, "cloud.google.com/gke-");
    bool aks = has_label_prefix(l, "kubernetes.azure.com/");
    *ret_managed = eks || gke || aks;
    if (eks || gw_has_prefix(id, "aws:"))
        return GW_PROVIDER_AWS;
    if (gke || gw_has_prefix(id, "gce:"))
        return GW_PROVIDER_GCP;
    if (aks || gw_has_prefix(id, "azure:"))
        return GW_PROVIDER_AZURE;
    /* without a provider id the form of the instance type is the last hint */
    const char *type = n->instance_type;
    if (type && gw_has_prefix(type, "Standard_"))
        return GW_PROVIDER_AZURE;
    if (type && strchr(type, '.') && (strstr(type, "xlarge") || strstr(type, ".metal")))
        return GW_PROVIDER_AWS;
    if (type && (gw_has_prefix(type, "a2-") || gw_has_prefix(type, "a3-") || gw_has_prefix(type, "a4-") ||
                 gw_has_prefix(type, "g2-") || gw_has_prefix(type, "n1-")))
        return GW_PROVIDER_GCP;
    return n->provider;
}

void gw_node_read_labels(gw_fleet *f, gw_node *n)
{
    GW_UNUSED(f);
    const gw_labels *l = &n->labels;
    const char *v;
    if ((v = FIRST_LABEL(l, "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")))
        n->instance_type = v;
    if ((v = FIRST_LABEL(l, "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region")))
        n->region = v;
    if ((v = FIRST_LABEL(l, "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")))
        n->zone = v;
    if ((v = FIRST_LABEL(l, "nvidia.com/gpu.product", "karpenter.k8s.aws/instance-gpu-name",
                         "cloud.google.com/gke-accelerator")))
        n->gpu_product = v;
    gw_capacity c = capacity_of(l);
    if (c != GW_CAPACITY_UNKNOWN)
        n->capacity = c;
    bool managed;
    n->provider = provider_of(n, &managed);
    n->managed_control_plane |= managed;
    take_count(l, "nvidia.com/gpu.count", &n->gpu_count);
    take_count(l, "nvidia.com/gpu.memory", &n->gpu_memory_mib);
    take_count(l, "nvidia.com/gpu.replicas", &n->replicas);
    if (n->replicas < 1)
        n->replicas = 1;
    v = gw_labels_get(l, "nvidia.com/gpu.sharing-strategy");
    if (v && strcasecmp(v, "mps") == 0)
        n->sharing = GW_SHARING_MPS;
    else if (v && strcasecmp(v, "time-slicing") == 0)
        n->sharing = GW_SHARING_TIME_SLICING;
    else if (n->replicas > 1 && n->sharing == GW_SHARING_NONE)
        n->sharing = GW_SHARING_TIME_SLICING;
}
