/*
 * The fleet as the Kubernetes API would list it at the window's end: nodes, pods, namespaces, workloads. The
 * same JSON goes into a recording and, through the reader of such lists, into a fleet; so a sample fleet and
 * a snapshot of it say the same.
 */
#include <jansson.h>

#include "observe/demo_rules.h"
#include "observe/demo_scrape.h"
#include "observe/kube_objects.h"

/* Building blocks that may hand NULL on: to jansson a NULL value is a failure to set, which marks the list.
 */
typedef struct lists {
    const demo_fleet *f;
    int64_t now_ms;
    bool failed;
} lists;

static void put(lists *b, json_t *object, const char *name, json_t *value)
{
    b->failed |= json_object_set_new(object, name, value) != 0;
}

static void put_text(lists *b, json_t *object, const char *name, const char *text)
{
    put(b, object, name, json_string(text));
}

static void add(lists *b, json_t *array, json_t *value)
{
    b->failed |= json_array_append_new(array, value) != 0;
}

static json_t *time_text(int64_t ms)
{
    char out[GW_TIME_TEXT_MAX];
    return json_string(gw_time_format(ms / GW_SECOND_MS * GW_SECOND_MS, out));
}

static json_t *labels_of(lists *b, const demo_kv *kv, size_t n)
{
    json_t *l = json_object();
    for (size_t i = 0; i < n; i++) {
        if (kv[i].value)
            put_text(b, l, kv[i].name, kv[i].value);
    }
    return l;
}

/* An object with its metadata, labels and ownerReference. */
static json_t *object_of(lists *b, const char *version, const char *kind, const char *ns, const char *name,
                         json_t *labels, json_t *owners)
{
    json_t *o = json_object(), *meta = json_object();
    put_text(b, o, "apiVersion", version);
    put_text(b, o, "kind", kind);
    put_text(b, meta, "name", name);
    if (ns)
        put_text(b, meta, "namespace", ns);
    put(b, meta, "labels", labels);
    if (owners)
        put(b, meta, "ownerReferences", owners);
    put(b, o, "metadata", meta);
    return o;
}

static const char *api_version(const char *kind)
{
    static const struct {
        const char *kind, *version;
    } known[] = {{"Job", "batch/v1"},
                 {"CronJob", "batch/v1"},
                 {"Rollout", "argoproj.io/v1alpha1"},
                 {"RayCluster", "ray.io/v1"},
                 {"PyTorchJob", "kubeflow.org/v1"}};
    for (size_t i = 0; i < GW_COUNT(known); i++) {
        if (strcmp(known[i].kind, kind) == 0)
            return known[i].version;
    }
    return "apps/v1";
}

static json_t *owners_of(lists *b, const char *kind, const char *name)
{
    if (!kind)
        return NULL;
    json_t *refs = json_array(), *ref = json_object();
    put_text(b, ref, "apiVersion", api_version(kind));
    put_text(b, ref, "kind", kind);
    put_text(b, ref, "name", name);
    put(b, ref, "controller", json_true());
    add(b, refs, ref);
    if (!refs)
        b->failed = true;
    return refs;
}

static void put_count(lists *b, json_t *map, const char *resource, int64_t count)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, count);
    put_text(b, map, resource, text);
}

/* --- nodes --- */

/* The resource that a unit is offered as, in buf or static. */
static const char *unit_resource(const demo_node *n, const demo_unit *u, char buf[64])
{
    if (!u->mig_profile)
        return n->row->flags & DEMO_NODE_RENAMED ? "nvidia.com/gpu.shared" : "nvidia.com/gpu";
    snprintf(buf, 64, "nvidia.com/mig-%s", u->mig_profile);
    return buf;
}

/* What the device plugin offers: of a dead GPU's capacity nothing can be allocated. */
static json_t *amounts_of(lists *b, const demo_node *n, bool allocatable)
{
    json_t *map = json_object();
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64 "Mi", n->machine->memory_gib * 1024);
    put_count(b, map, "cpu", n->machine->cpu);
    put_text(b, map, "memory", text);
    put_text(b, map, "ephemeral-storage", "200Gi");
    put_count(b, map, "pods", 110);
    if (n->n_units)
        put_count(b, map, "nvidia.com/gpu", 0);
    for (uint32_t i = 0; i < n->n_units; i++) {
        char buf[64];
        const char *resource = unit_resource(n, &b->f->units[n->first_unit + i], buf);
        int64_t count = 0;
        for (uint32_t k = 0; k < n->n_units; k++) {
            const demo_unit *u = &b->f->units[n->first_unit + k];
            char other[64];
            bool there = !allocatable || !u->dies || u->xid_ms > b->now_ms;
            count += there && strcmp(unit_resource(n, u, other), resource) == 0 ? n->row->replicas : 0;
        }
        put_count(b, map, resource, count);
    }
    return map;
}

static json_t *node_of(lists *b, const demo_node *n)
{
    json_t *o = object_of(b, "v1", "Node", NULL, n->name, labels_of(b, n->labels, n->n_labels), NULL);
    json_t *spec = json_object(), *status = json_object();
    put(b, json_object_get(o, "metadata"), "creationTimestamp", time_text(n->life.start_ms));
    put_text(b, spec, "providerID", n->provider_id);
    put(b, status, "capacity", amounts_of(b, n, false));
    put(b, status, "allocatable", amounts_of(b, n, true));
    b->failed |= !demo_node_rules(n, spec);
    put(b, o, "spec", spec);
    put(b, o, "status", status);
    return o;
}

/* --- pods --- */

static const char *phase_at(const demo_pod *p, int64_t t_ms)
{
    if (p->node == GW_NONE || t_ms < p->life.start_ms)
        return "Pending";
    if (t_ms < p->life.end_ms)
        return "Running";
    return p->failed ? "Failed" : "Succeeded";
}

static json_t *container_of(lists *b, const demo_pod *p)
{
    json_t *c = json_object(), *resources = json_object(), *requests = json_object(), *limits = json_object();
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64 "m", (int64_t)(p->work->cpu * 1000 + 0.5));
    put_text(b, requests, "cpu", text);
    snprintf(text, sizeof(text), "%" PRId64 "Mi", (int64_t)(p->work->ram_gib * 1024 + 0.5));
    put_text(b, requests, "memory", text);
    if (p->gpus) {
        put_count(b, requests, p->resource, p->gpus);
        put_count(b, limits, p->resource, p->gpus);
    }
    put_text(b, c, "name", p->container);
    put(b, resources, "requests", requests);
    put(b, resources, "limits", limits);
    put(b, c, "resources", resources);
    return c;
}

static json_t *pod_of(lists *b, const demo_pod *p)
{
    json_t *o = object_of(b, "v1", "Pod", p->work->ns, p->name, labels_of(b, p->labels, p->n_labels),
                          owners_of(b, p->owner_kind, p->owner_name));
    json_t *meta = json_object_get(o, "metadata"), *containers = json_array();
    json_t *spec = json_object(), *status = json_object();
    put_text(b, meta, "uid", p->uid);
    put(b, meta, "creationTimestamp", time_text(p->created_ms));
    if (p->node != GW_NONE)
        put_text(b, spec, "nodeName", b->f->nodes[p->node].name);
    add(b, containers, container_of(b, p));
    put(b, spec, "containers", containers);
    b->failed |= !demo_pod_rules(p, meta, spec);
    put_text(b, status, "phase", phase_at(p, b->now_ms));
    if (p->node != GW_NONE)
        put(b, status, "startTime", time_text(p->life.start_ms));
    put(b, o, "spec", spec);
    put(b, o, "status", status);
    return o;
}

/* --- namespaces and workloads --- */

static json_t *namespace_of(lists *b, const demo_ns_row *row)
{
    const demo_kv labels[] = {{"kubernetes.io/metadata.name", row->ns},
                              {"team", row->team},
                              {"cost-center", row->cost_center},
                              {"environment", row->environment}};
    return object_of(b, "v1", "Namespace", NULL, row->ns, labels_of(b, labels, GW_COUNT(labels)), NULL);
}

static json_t *workload_of(lists *b, const demo_owner *w)
{
    const demo_pod *p = &b->f->pods[w->pod];
    return object_of(b, api_version(w->kind), w->kind, w->ns, w->name, labels_of(b, p->labels, p->n_labels),
                     owners_of(b, w->owner_kind, w->owner_name));
}

/* --- the lists --- */

static void fill_nodes(lists *b, json_t *items)
{
    for (size_t i = 0; i < b->f->n_nodes && !b->failed; i++) {
        if (demo_in(b->f->nodes[i].life, b->now_ms))
            add(b, items, node_of(b, &b->f->nodes[i]));
    }
}

static void fill_pods(lists *b, json_t *items)
{
    for (size_t i = 0; i < b->f->n_pods && !b->failed; i++) {
        const demo_pod *p = &b->f->pods[i];
        bool there = b->now_ms >= p->created_ms && b->now_ms < p->gone_ms;
        if (there && !(p->place->flags & DEMO_PLACE_NO_STATE))
            add(b, items, pod_of(b, p));
    }
}

static void fill_namespaces(lists *b, json_t *items)
{
    for (size_t i = 0; i < demo_n_ns_rows && !b->failed; i++)
        add(b, items, namespace_of(b, &demo_ns_rows[i]));
}

static void fill_workloads(lists *b, json_t *items)
{
    for (size_t i = 0; i < b->f->n_owners && !b->failed; i++) {
        if (demo_in(b->f->owners[i].life, b->now_ms))
            add(b, items, workload_of(b, &b->f->owners[i]));
    }
}

static void fill_budgets(lists *b, json_t *items)
{
    b->failed |= !demo_add_budgets(b->f, b->now_ms, items);
}

static void fill_volumes(lists *b, json_t *items)
{
    b->failed |= !demo_add_volumes(b->f, items);
}

static void fill_claims(lists *b, json_t *items)
{
    b->failed |= !demo_add_claims(b->f, items);
}

int demo_lists(const demo_fleet *f, int (*write)(void *ctx, const char *name, json_t *list, gw_error *e),
               void *ctx, gw_error *e)
{
    static const struct {
        const char *name;
        void (*fill)(lists *b, json_t *items);
    } sets[] = {{"nodes", fill_nodes},
                {"pods", fill_pods},
                {"namespaces", fill_namespaces},
                {"workloads", fill_workloads},
                {"poddisruptionbudgets", fill_budgets},
                {"persistentvolumes", fill_volumes},
                {"persistentvolumeclaims", fill_claims}};
    gw_kube_json_init();
    for (size_t i = 0; i < GW_COUNT(sets); i++) {
        lists b = {.f = f, .now_ms = f->o.window.end_ms - 1};
        json_t *list = json_object(), *items = json_array();
        put_text(&b, list, "apiVersion", "v1");
        put_text(&b, list, "kind", "List");
        if (items)
            sets[i].fill(&b, items);
        put(&b, list, "items", items);
        int rc = b.failed ? gw_fail_memory(e) : write(ctx, sets[i].name, list, e);
        json_decref(list);
        if (rc)
            return rc;
    }
    return 0;
}

static int add_list(void *ctx, const char *name, json_t *list, gw_error *e)
{
    return gw_kube_add_set(ctx, name, list, e);
}

int demo_objects(const demo_fleet *f, gw_fleet *fleet, gw_error *e)
{
    return demo_lists(f, add_list, fleet, e);
}
