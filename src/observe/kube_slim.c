#include "observe/kube_slim.h"

#include "base/base.h"

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

static json_t *slim_containers(const json_t *list)
{
    static const char *const keys[] = {"name", "resources", "restartPolicy", NULL};
    json_t *out = json_array();
    for (size_t i = 0; out && i < json_array_size(list); i++) {
        if (json_array_append_new(out, pick(json_array_get(list, i), keys))) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static json_t *slim_meta(const json_t *object)
{
    static const char *const keys[] = {
        "name", "namespace", "uid", "labels", "creationTimestamp", "ownerReferences", NULL};
    return pick(json_object_get(object, "metadata"), keys);
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
    static const char *const keys[] = {"nodeName", "providerID",    "unschedulable",     "taints",
                                       "overhead", "resources",     "nodeSelector",      "tolerations",
                                       "affinity", "schedulerName", "priorityClassName", "replicas",
                                       NULL};
    const json_t *job = json_object_get(spec, "jobTemplate");
    json_t *o = pick(spec, keys);
    if (!o)
        return NULL;
    bool ok = put(o, "containers", slim_containers(json_object_get(spec, "containers"))) &&
              put(o, "initContainers", slim_containers(json_object_get(spec, "initContainers"))) &&
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

json_t *gw_kube_slim(const json_t *object, const char *api_version, const char *kind)
{
    static const char *const top[] = {"apiVersion", "kind", NULL};
    static const char *const status[] = {"phase", "startTime", "allocatable", "capacity", NULL};
    json_t *o = pick(object, top);
    if (!o)
        return NULL;
    bool ok = (!api_version || !json_object_set_new(o, "apiVersion", json_string(api_version))) &&
              (!kind || !json_object_set_new(o, "kind", json_string(kind))) &&
              put(o, "metadata", slim_meta(object)) &&
              put(o, "spec", slim_spec(json_object_get(object, "spec"), 0)) &&
              put(o, "status", pick(json_object_get(object, "status"), status));
    if (!ok) {
        json_decref(o);
        return NULL;
    }
    return o;
}
