#include "observe/kube_slim.h"

#include "observe/kube_rules.h"

/* Copies the named members by reference. False when memory is exhausted. */
static bool share(json_t *to, const json_t *from, const char *const *keys)
{
    for (; *keys; keys++) {
        json_t *v = json_object_get(from, *keys);
        if (v && json_object_set(to, *keys, v))
            return false;
    }
    return true;
}

/* Adds `part` under key unless it is empty; takes the reference. False when memory is exhausted. */
static bool put(json_t *to, const char *key, json_t *part)
{
    if (!part)
        return false;
    if (json_object_size(part) == 0 && json_array_size(part) == 0) {
        json_decref(part);
        return true;
    }
    return json_object_set_new(to, key, part) == 0;
}

static json_t *pick(const json_t *from, const char *const *keys)
{
    json_t *o = json_object();
    if (o && !share(o, from, keys)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

/* The list with each object reduced by `slim`. */
static json_t *slim_list(const json_t *list, json_t *(*slim)(const json_t *item))
{
    json_t *out = json_array();
    for (size_t i = 0; out && i < json_array_size(list); i++) {
        if (json_array_append_new(out, slim(json_array_get(list, i)))) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

/* Of ports, those of the node. */
static json_t *slim_port(const json_t *port)
{
    static const char *const keys[] = {"hostPort", "protocol", NULL};
    return pick(json_object_get(port, "hostPort") ? port : NULL, keys);
}

static json_t *slim_container(const json_t *container)
{
    static const char *const keys[] = {"name", "resources", "restartPolicy", NULL};
    json_t *o = pick(container, keys);
    const json_t *ports = json_object_get(container, "ports");
    bool of_node = false;
    for (size_t i = 0; i < json_array_size(ports); i++)
        of_node |= json_object_get(json_array_get(ports, i), "hostPort") != NULL;
    if (o && of_node && !put(o, "ports", slim_list(ports, slim_port))) {
        json_decref(o);
        return NULL;
    }
    return o;
}

/* A volume's name and kind; of what it is made from (a secret's name, a path) only what matters. */
static json_t *slim_volume(const json_t *volume)
{
    static const char *const name[] = {"name", NULL};
    static const char *const kept[] = {"claimName", "medium", NULL};
    json_t *o = pick(volume, name);
    const char *kind;
    json_t *source;
    json_object_foreach((json_t *)(uintptr_t)volume, kind, source)
    {
        if (o && json_is_object(source) && json_object_set_new(o, kind, pick(source, kept))) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static json_t *slim_name(const json_t *item)
{
    static const char *const keys[] = {"name", NULL};
    return pick(item, keys);
}

static json_t *slim_meta(const json_t *object, const char *kind)
{
    static const char *const keys[] = {
        "name", "namespace", "uid", "labels", "creationTimestamp", "ownerReferences", NULL};
    static const char *const with_generation[] = {"generation", NULL};
    const json_t *meta = json_object_get(object, "metadata");
    const char *const *annotations = gw_eq(kind, "Pod")    ? gw_kube_pod_annotations
                                     : gw_eq(kind, "Node") ? gw_kube_node_annotations
                                                           : NULL;
    json_t *o = pick(meta, keys);
    bool ok = o != NULL;
    if (ok && annotations)
        ok = put(o, "annotations", pick(json_object_get(meta, "annotations"), annotations));
    if (ok && gw_eq(kind, "PodDisruptionBudget"))
        ok = share(o, meta, with_generation);
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *slim_template(const json_t *template)
{
    static const char *const keys[] = {"labels", NULL};
    json_t *o = json_object();
    if (o && !put(o, "metadata", pick(json_object_get(template, "metadata"), keys))) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *slim_spec(const json_t *spec, int depth)
{
    static const char *const keys[] = {"nodeName",      "providerID",
                                       "unschedulable", "taints",
                                       "overhead",      "resources",
                                       "nodeSelector",  "tolerations",
                                       "affinity",      "topologySpreadConstraints",
                                       "schedulerName", "priorityClassName",
                                       "priority",      "runtimeClassName",
                                       "replicas",      NULL};
    const json_t *job = json_object_get(spec, "jobTemplate");
    json_t *o = pick(spec, keys);
    if (!o)
        return NULL;
    bool ok = put(o, "containers", slim_list(json_object_get(spec, "containers"), slim_container)) &&
              put(o, "initContainers", slim_list(json_object_get(spec, "initContainers"), slim_container)) &&
              put(o, "volumes", slim_list(json_object_get(spec, "volumes"), slim_volume)) &&
              put(o, "resourceClaims", slim_list(json_object_get(spec, "resourceClaims"), slim_name)) &&
              put(o, "template", slim_template(json_object_get(spec, "template")));
    if (ok && json_is_object(job) && depth == 0) {
        json_t *inner = json_object();
        ok = inner && put(inner, "spec", slim_spec(json_object_get(job, "spec"), 1));
        ok = put(o, "jobTemplate", inner) && ok;
    }
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static json_t *slim_budget(const json_t *spec)
{
    static const char *const keys[] = {"selector", "minAvailable", "maxUnavailable", NULL};
    return pick(spec, keys);
}

static json_t *slim_claim(const json_t *spec)
{
    static const char *const keys[] = {"volumeName", NULL};
    return pick(spec, keys);
}

/* Which nodes a volume can be mounted on; that it is on a node's disk, but not where. */
static json_t *slim_persistent_volume(const json_t *spec)
{
    static const char *const keys[] = {"accessModes", "nodeAffinity", NULL};
    static const char *const local[] = {"local", "hostPath"};
    json_t *o = pick(spec, keys);
    for (size_t i = 0; o && i < GW_COUNT(local); i++) {
        if (json_object_get(spec, local[i]) && json_object_set_new(o, local[i], json_object())) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

static json_t *spec_of(const json_t *object, const char *kind)
{
    const json_t *spec = json_object_get(object, "spec");
    if (gw_eq(kind, "PodDisruptionBudget"))
        return slim_budget(spec);
    if (gw_eq(kind, "PersistentVolume"))
        return slim_persistent_volume(spec);
    return gw_eq(kind, "PersistentVolumeClaim") ? slim_claim(spec) : slim_spec(spec, 0);
}

/* A pod whose spec has nothing of interest has one all the same: it is known what it asks for. */
static bool put_spec(json_t *o, const json_t *object, const char *kind)
{
    json_t *spec = spec_of(object, kind);
    if (gw_eq(kind, "Pod") && json_is_object(json_object_get(object, "spec")))
        return spec && json_object_set_new(o, "spec", spec) == 0;
    return put(o, "spec", spec);
}

json_t *gw_kube_slim(const json_t *object, const char *api_version, const char *kind)
{
    static const char *const top[] = {"apiVersion", "kind", NULL};
    static const char *const status[] = {
        "phase",          "startTime",      "allocatable",  "capacity",           "disruptionsAllowed",
        "currentHealthy", "desiredHealthy", "expectedPods", "observedGeneration", NULL};
    const char *known = kind ? kind : json_string_value(json_object_get(object, "kind"));
    json_t *o = pick(object, top);
    if (!o)
        return NULL;
    bool ok = (!api_version || !json_object_set_new(o, "apiVersion", json_string(api_version))) &&
              (!kind || !json_object_set_new(o, "kind", json_string(kind))) &&
              put(o, "metadata", slim_meta(object, known)) && put_spec(o, object, known) &&
              put(o, "status", pick(json_object_get(object, "status"), status));
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}
