/* What holds a pod on its node, and a node in the fleet. See kube_rules.h for the decisions. */
#include "base/number.h"
#include "observe/kube_objects.h"
#include "observe/kube_rules_internal.h"

#define DO_NOT_DISRUPT      "karpenter.sh/do-not-disrupt"
#define SAFE_TO_EVICT       "cluster-autoscaler.kubernetes.io/safe-to-evict"
#define SAFE_LOCAL_VOLUMES  "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
#define SCALE_DOWN_DISABLED "cluster-autoscaler.kubernetes.io/scale-down-disabled"

const char *const gw_kube_pod_annotations[] = {DO_NOT_DISRUPT,
                                               SAFE_TO_EVICT,
                                               SAFE_LOCAL_VOLUMES,
                                               GW_KUBE_MIRROR,
                                               "scheduling.k8s.io/group-name",
                                               "gpu-fraction",
                                               "gpu-memory",
                                               NULL};
const char *const gw_kube_node_annotations[] = {DO_NOT_DISRUPT, SCALE_DOWN_DISABLED, NULL};

static const char *annotation(const gw_kube_pod *p, const char *name)
{
    return json_string_value(json_object_get(p->annotations, name));
}

/* The first reason is told; the text is "… NAME" where there is one. */
static int hold(gw_kube_pod *p, const char *why, const char *name)
{
    if (p->rules.stays)
        return 0;
    p->rules.stays = name ? gw_arena_printf(p->at->scratch, "%s %s", why, name) : why;
    return p->rules.stays ? 0 : gw_fail_memory(p->at->e);
}

/* Karpenter takes "true", and a time from the start of the pod on ("5m"), after which it no longer holds.
 * That time may be over, but nobody here knows. */
static int read_annotations(gw_kube_pod *p)
{
    const char *karpenter = annotation(p, DO_NOT_DISRUPT);
    if (karpenter && *karpenter && strcmp(karpenter, "false") != 0)
        return hold(p, "it has the annotation " DO_NOT_DISRUPT ":", karpenter);
    if (gw_eq(annotation(p, SAFE_TO_EVICT), "false"))
        return hold(p, "it has the annotation " SAFE_TO_EVICT ": false", NULL);
    return 0;
}

/* ---- volumes ---- */

/* Whether the name stands in a list parted by commas. */
static bool is_in_list(const char *list, const char *name)
{
    for (const char *p = list; p && name; p = strchr(p, ',')) {
        p += *p == ',';
        p += strspn(p, " ");
        size_t n = strcspn(p, ", ");
        if (gw_str_is((gw_str){p, n}, name))
            return true;
    }
    return false;
}

static int add_claim(gw_kube_pod *p, const json_t *source, const char **claims)
{
    const char *name;
    int r = gw_kube_get_text(p->at, source, "claimName", &name);
    if (r)
        return r;
    if (!name)
        return gw_kube_fail_field(p->at, "claimName", "text");
    for (uint32_t i = 0; i < p->rules.n_claims; i++) {
        if (strcmp(claims[i], name) == 0)
            return 0;
    }
    claims[p->rules.n_claims++] = name;
    return 0;
}

/* Volumes that come to whatever node the pod runs on, and bring nothing that would be lost. */
static bool comes_along(const char *kind)
{
    static const char *const kinds[] = {"configMap", "secret",    "downwardAPI", "projected", "emptyDir",
                                        "csi",       "ephemeral", "image",       "nfs",       "cephfs",
                                        "glusterfs", "azureFile", "gitRepo"};
    for (size_t i = 0; i < GW_COUNT(kinds); i++) {
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    }
    return false;
}

static int read_volume(gw_kube_pod *p, const json_t *volume, const char **claims)
{
    const char *name, *kind;
    json_t *source;
    int r = json_is_object(volume) ? gw_kube_get_text(p->at, volume, "name", &name)
                                   : gw_kube_fail_field(p->at, "volumes", "a list of objects");
    if (r)
        return r;
    json_object_foreach((json_t *)(uintptr_t)volume, kind, source)
    {
        if (!json_is_object(source) || comes_along(kind))
            continue;
        bool left_behind = gw_eq(annotation(p, SAFE_TO_EVICT), "true") ||
                           is_in_list(annotation(p, SAFE_LOCAL_VOLUMES), name);
        if (strcmp(kind, "persistentVolumeClaim") == 0)
            r = add_claim(p, source, claims);
        else if (p->rules.daemon || (strcmp(kind, "hostPath") == 0 && left_behind))
            continue;
        else if (strcmp(kind, "hostPath") == 0)
            r = hold(p, "it uses a directory of its node, the hostPath volume", name);
        else
            r = hold(p, "it mounts a kind of volume that gpuwise does not follow:", kind);
        if (r)
            return r;
    }
    return 0;
}

static int read_volumes(gw_kube_pod *p)
{
    const json_t *list;
    int r = gw_kube_get_array(p->at, p->spec, "volumes", &list);
    size_t n = json_array_size(list);
    if (n > GW_RULES_MAX_ITEMS) {
        p->odd = true;
        n = 0;
    }
    const char **claims = n && !r ? GW_NEW_ARRAY(p->at->scratch, const char *, n) : NULL;
    if (n && !r && !claims)
        r = gw_fail_memory(p->at->e);
    for (size_t i = 0; i < n && !r; i++)
        r = read_volume(p, json_array_get(list, i), claims);
    p->rules.claims = claims;
    return r;
}

/* ---- ports, resources, devices ---- */

static int read_ports(gw_kube_pod *p, const json_t *container)
{
    const json_t *ports;
    int r = gw_kube_get_array(p->at, container, "ports", &ports);
    for (size_t i = 0; i < json_array_size(ports) && !r; i++) {
        int64_t port = 0;
        r = gw_kube_get_int(p->at, json_array_get(ports, i), "hostPort", &port);
        if (!r && port > 0)
            r = hold(p, "it takes a port of its node (hostPort)", NULL);
    }
    return r;
}

static bool is_zero(const json_t *quantity)
{
    int64_t milli;
    gw_str s = {json_string_value(quantity), json_string_length(quantity)};
    if (json_is_string(quantity))
        return gw_parse_quantity_milli(s, &milli) && milli == 0;
    return json_number_value(quantity) == 0;
}

/* The scheduler counts every resource, and gpuwise those that it knows. */
static int read_resources(gw_kube_pod *p, const json_t *holder)
{
    static const char *const maps[] = {"requests", "limits"};
    const json_t *resources, *map;
    int r = gw_kube_get_object(p->at, holder, "resources", &resources);
    for (size_t i = 0; i < GW_COUNT(maps) && resources && !r; i++) {
        const char *name;
        json_t *quantity;
        r = gw_kube_get_object(p->at, resources, maps[i], &map);
        if (r)
            break;
        json_object_foreach((json_t *)(uintptr_t)map, name, quantity)
        {
            if (!gw_kube_is_counted(name) && !is_zero(quantity) &&
                (r = hold(p, "it requests a resource that gpuwise does not count:", name)))
                return r;
        }
    }
    return r;
}

static int read_containers(gw_kube_pod *p, const char *key)
{
    const json_t *list;
    int r = gw_kube_get_array(p->at, p->spec, key, &list);
    for (size_t i = 0; i < json_array_size(list) && !r; i++) {
        r = read_ports(p, json_array_get(list, i));
        if (!r)
            r = read_resources(p, json_array_get(list, i));
    }
    return r;
}

static int read_devices(gw_kube_pod *p)
{
    const json_t *claims;
    int r = gw_kube_get_array(p->at, p->spec, "resourceClaims", &claims);
    return r || json_array_size(claims) == 0
               ? r
               : hold(p, "it has ResourceClaims, which gpuwise does not follow", NULL);
}

int gw_kube_read_holds(gw_kube_pod *p, const json_t *object)
{
    gw_kube_ref ref;
    int r = read_annotations(p);
    if (!r && !p->rules.daemon && !gw_kube_controller(object, &ref))
        r = hold(p, "nothing would create it again: it has no controller", NULL);
    if (!r)
        r = read_volumes(p);
    if (p->rules.daemon)
        return r; /* it does not move: whatever else it uses is its node's */
    if (!r)
        r = read_containers(p, "containers");
    if (!r)
        r = read_containers(p, "initContainers");
    if (!r)
        r = read_resources(p, p->spec);
    if (!r)
        r = read_devices(p);
    if (!r && p->odd)
        r = hold(p, "its scheduling rules have a form that gpuwise does not know", NULL);
    return r;
}

/* ---- nodes ---- */

static int read_taint(gw_fleet *f, const gw_kube_place *at, const json_t *from, gw_taint *t)
{
    const char *key, *value, *effect;
    if (!json_is_object(from))
        return gw_kube_fail_field(at, "taints", "a list of objects");
    int r = gw_kube_get_text(at, from, "key", &key);
    if (!r)
        r = gw_kube_get_text(at, from, "value", &value);
    if (!r)
        r = gw_kube_get_text(at, from, "effect", &effect);
    if (r)
        return r;
    t->key = gw_fleet_intern(f, gw_str_of(key ? key : ""));
    t->value = gw_fleet_intern(f, gw_str_of(value ? value : ""));
    t->effect = GW_TAINT_NO_SCHEDULE; /* what is not known keeps off */
    for (int k = GW_TAINT_PREFER_NO_SCHEDULE; k <= GW_TAINT_NO_EXECUTE; k++) {
        if (gw_eq(effect, gw_taint_effect_name((gw_taint_effect)k)))
            t->effect = (gw_taint_effect)k;
    }
    return t->key && t->value ? 0 : gw_fail_memory(at->e);
}

int gw_kube_add_node_rules(gw_fleet *f, const gw_kube_place *at, const json_t *object, gw_node *n)
{
    const json_t *spec, *meta, *list = NULL, *annotations = NULL;
    gw_taint *taints = NULL;
    int r = gw_kube_get_object(at, object, "metadata", &meta);
    if (!r)
        r = gw_kube_get_object(at, object, "spec", &spec);
    if (!r)
        r = gw_kube_get_object(at, meta, "annotations", &annotations);
    if (!r && spec)
        r = gw_kube_get_array(at, spec, "taints", &list);
    size_t count = json_array_size(list);
    if (r || count > GW_RULES_MAX_ITEMS)
        return r; /* so many that nobody knows them */
    if (count && !(taints = GW_NEW_ARRAY(at->scratch, gw_taint, count)))
        return gw_fail_memory(at->e);
    for (size_t i = 0; i < count && !r; i++)
        r = read_taint(f, at, json_array_get(list, i), &taints[i]);
    if (r)
        return r;
    /* a list that is read again and again, by a daemon, must not need room each time for what it knows */
    bool same = count == n->n_taints;
    for (size_t i = 0; i < count && same; i++)
        same = taints[i].key == n->taints[i].key && taints[i].value == n->taints[i].value &&
               taints[i].effect == n->taints[i].effect;
    gw_taint *kept = same ? n->taints : count ? GW_NEW_ARRAY(&f->rule_parts, gw_taint, count) : NULL;
    if (count && !kept)
        return gw_fail_memory(at->e);
    if (!same && count)
        memcpy(kept, taints, count * sizeof(*kept));
    n->taints = kept;
    n->n_taints = (uint32_t)count;
    n->keep = gw_eq(json_string_value(json_object_get(annotations, DO_NOT_DISRUPT)), "true")
                  ? "it has the annotation " DO_NOT_DISRUPT ": true"
              : gw_eq(json_string_value(json_object_get(annotations, SCALE_DOWN_DISABLED)), "true")
                  ? "it has the annotation " SCALE_DOWN_DISABLED ": true"
                  : NULL;
    n->rules_known = true;
    return 0;
}
