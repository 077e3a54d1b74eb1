#include "observe/kube_objects.h"

#include "base/number.h"
#include "format/json_tree.h"
#include "observe/kube_rules.h"

/* nvidia.com/… resources of one pod or node: whole, shared, and the MIG profiles of NVIDIA's guide. */
#define MAX_RESOURCES 32

#define MIB_MILLI ((int64_t)1048576 * 1000)

static const char gpu_name[] = "nvidia.com/gpu";
static const char shared_name[] = "nvidia.com/gpu.shared";
static const char mig_prefix[] = "nvidia.com/mig-";

static int intern_text(gw_fleet *f, const gw_kube_place *at, const json_t *from, const char *key,
                       const char **field)
{
    const char *text;
    int r = gw_kube_get_text(at, from, key, &text);
    if (r || !text || *field)
        return r;
    *field = gw_fleet_intern(f, gw_str_of(text));
    return *field ? 0 : gw_fail_memory(at->e);
}

static int add_labels(gw_fleet *f, const gw_kube_place *at, const json_t *meta, gw_labels *to, bool replace)
{
    const json_t *labels;
    int r = gw_kube_get_object(at, meta, "labels", &labels);
    const char *name;
    json_t *value;
    if (r)
        return r;
    json_object_foreach((json_t *)labels, name, value)
    {
        if (!json_is_string(value))
            return gw_kube_fail_field(at, "labels", "a map of texts");
        gw_str v = {json_string_value(value), json_string_length(value)};
        if (gw_fleet_label(f, to, gw_str_of(name), v, replace))
            return gw_fail_memory(at->e);
    }
    return 0;
}

/* ---- resources ---- */

/* Amounts by name, in thousandths. The names belong to the JSON. */
typedef struct amounts {
    struct {
        const char *name;
        int64_t milli;
    } at[MAX_RESOURCES];
    size_t n;
} amounts;

bool gw_kube_is_counted(const char *name)
{
    static const char *const names[] = {"cpu", "memory", "ephemeral-storage", "pods", gpu_name, shared_name};
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return gw_has_prefix(name, mig_prefix);
}

static int64_t *amount_of(amounts *a, const char *name)
{
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->at[i].name, name) == 0)
            return &a->at[i].milli;
    return NULL;
}

static int64_t add_saturated(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int amount_slot(const gw_kube_place *at, amounts *a, const char *name, int64_t **ret)
{
    *ret = amount_of(a, name);
    if (*ret)
        return 0;
    if (a->n == MAX_RESOURCES)
        return gw_kube_fail_field(at, "resources", "at most 32 kinds of GPU");
    a->at[a->n].name = name;
    a->at[a->n].milli = 0;
    *ret = &a->at[a->n++].milli;
    return 0;
}

/* Into a: from's amounts are added, or (raise) a is raised to them. */
static int combine(const gw_kube_place *at, amounts *a, const amounts *from, bool raise)
{
    for (size_t i = 0; i < from->n; i++) {
        int64_t *slot;
        int r = amount_slot(at, a, from->at[i].name, &slot);
        if (r)
            return r;
        *slot = raise ? GW_MAX(*slot, from->at[i].milli) : add_saturated(*slot, from->at[i].milli);
    }
    return 0;
}

static int read_quantity(const gw_kube_place *at, const json_t *v, const char *name, int64_t *ret_milli)
{
    if (json_is_string(v)) {
        gw_str s = {json_string_value(v), json_string_length(v)};
        if (gw_parse_quantity_milli(s, ret_milli) && *ret_milli >= 0)
            return 0;
    } else if (json_is_integer(v) && json_integer_value(v) >= 0) {
        int64_t units = json_integer_value(v);
        *ret_milli = units > INT64_MAX / 1000 ? INT64_MAX : units * 1000;
        return 0;
    } else if (json_is_real(v) && json_real_value(v) >= 0 && json_real_value(v) < 9e15) {
        *ret_milli = (int64_t)(json_real_value(v) * 1000 + 0.5);
        return 0;
    }
    return gw_kube_fail_field(at, name, "a quantity such as 500m, 4 or 64Gi");
}

/* Takes the counted resources of a map; those that `a` has already stay (limits behind requests). */
static int read_amounts(const gw_kube_place *at, const json_t *map, amounts *a)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)map, name, value)
    {
        int64_t milli, *slot;
        if (!gw_kube_is_counted(name) || amount_of(a, name))
            continue;
        int r = read_quantity(at, value, name, &milli);
        if (!r)
            r = amount_slot(at, a, name, &slot);
        if (r)
            return r;
        *slot = milli;
    }
    return 0;
}

/* holder.resources: requests, then limits for what is not requested. */
static int read_resources(const gw_kube_place *at, const json_t *holder, amounts *a)
{
    const json_t *resources, *requests = NULL, *limits = NULL;
    a->n = 0;
    int r = gw_kube_get_object(at, holder, "resources", &resources);
    if (!r && resources)
        r = gw_kube_get_object(at, resources, "requests", &requests);
    if (!r && resources)
        r = gw_kube_get_object(at, resources, "limits", &limits);
    if (!r && requests)
        r = read_amounts(at, requests, a);
    if (!r && limits)
        r = read_amounts(at, limits, a);
    return r;
}

/* An init container runs alone but for the sidecars (restartPolicy: Always) started before it, which stay. */
static int init_amounts(const gw_kube_place *at, const json_t *spec, amounts *sidecars, amounts *peak)
{
    const json_t *list;
    int r = gw_kube_get_array(at, spec, "initContainers", &list);
    for (size_t i = 0; !r && i < json_array_size(list); i++) {
        const json_t *c = json_array_get(list, i);
        const char *policy = NULL;
        amounts own, now = *sidecars;
        if (!json_is_object(c))
            return gw_kube_fail_field(at, "initContainers", "a list of objects");
        r = gw_kube_get_text(at, c, "restartPolicy", &policy);
        if (!r)
            r = read_resources(at, c, &own);
        if (!r)
            r = combine(at, &now, &own, false);
        if (!r)
            r = combine(at, peak, &now, true);
        if (!r && gw_eq(policy, "Always"))
            *sidecars = now;
    }
    return r;
}

static int pod_amounts(const gw_kube_place *at, const json_t *spec, amounts *ret)
{
    const json_t *list, *overhead;
    amounts peak = {.n = 0}, own;
    ret->n = 0;
    int r = init_amounts(at, spec, ret, &peak); /* ret: the sidecars, which run beside the containers */
    if (!r)
        r = gw_kube_get_array(at, spec, "containers", &list);
    for (size_t i = 0; !r && i < json_array_size(list); i++) {
        if (!json_is_object(json_array_get(list, i)))
            return gw_kube_fail_field(at, "containers", "a list of objects");
        r = read_resources(at, json_array_get(list, i), &own);
        if (!r)
            r = combine(at, ret, &own, false);
    }
    if (!r)
        r = combine(at, ret, &peak, true);
    if (!r)
        r = read_resources(at, spec, &own);
    for (size_t i = 0; !r && i < own.n; i++) {
        int64_t *slot;
        r = amount_slot(at, ret, own.at[i].name, &slot);
        if (!r)
            *slot = own.at[i].milli;
    }
    if (!r)
        r = gw_kube_get_object(at, spec, "overhead", &overhead);
    own.n = 0;
    if (!r && overhead)
        r = read_amounts(at, overhead, &own);
    return r ? r : combine(at, ret, &own, false);
}

static int64_t milli_or_zero(amounts *a, const char *name)
{
    const int64_t *v = amount_of(a, name);
    return v ? *v : 0;
}

static int64_t mib_of(int64_t milli)
{
    return milli / MIB_MILLI + (milli % MIB_MILLI >= MIB_MILLI / 2);
}

/* "nvidia.com/mig-1g.10gb.me" → "1g.10gb+me", as the profile is called everywhere but in resource names. */
static const char *mig_profile(gw_fleet *f, const char *resource)
{
    gw_str s = gw_str_of(resource + sizeof(mig_prefix) - 1);
    char text[64];
    bool media = s.n > 3 && memcmp(s.p + s.n - 3, ".me", 3) == 0;
    if (!media || s.n >= sizeof(text))
        return gw_fleet_intern(f, s);
    snprintf(text, sizeof(text), "%.*s+me", (int)(s.n - 3), s.p);
    return gw_fleet_intern(f, gw_str_of(text));
}

/* The one GPU resource of the pod: whole GPUs, else MIG, else shared; pods ask for one kind. */
static int take_gpus(gw_fleet *f, const gw_kube_place *at, gw_pod *p, amounts *a)
{
    if (p->resource != GW_RESOURCE_NONE || p->gpus != GW_UNKNOWN_COUNT)
        return 0;
    p->gpus = 0;
    if (milli_or_zero(a, gpu_name) > 0) {
        p->resource = GW_RESOURCE_GPU;
        p->gpus = milli_or_zero(a, gpu_name) / 1000;
        return 0;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (!gw_has_prefix(a->at[i].name, mig_prefix) || a->at[i].milli <= 0)
            continue;
        const char *profile = mig_profile(f, a->at[i].name);
        if (!profile)
            return gw_fail_memory(at->e);
        p->mig_resource = profile;
        p->resource = GW_RESOURCE_MIG;
        p->gpus = a->at[i].milli / 1000;
        return 0;
    }
    if (milli_or_zero(a, shared_name) > 0) {
        p->resource = GW_RESOURCE_GPU_SHARED;
        p->gpus = milli_or_zero(a, shared_name) / 1000;
    }
    return 0;
}

/* ---- owners ---- */

static bool read_ref(const json_t *ref, gw_kube_ref *ret)
{
    *ret = (gw_kube_ref){
        .api_version = json_string_value(json_object_get(ref, "apiVersion")),
        .kind = json_string_value(json_object_get(ref, "kind")),
        .name = json_string_value(json_object_get(ref, "name")),
    };
    return ret->kind && *ret->kind && ret->name && *ret->name;
}

bool gw_kube_controller(const json_t *object, gw_kube_ref *ret)
{
    const json_t *refs = json_object_get(json_object_get(object, "metadata"), "ownerReferences");
    gw_kube_ref first;
    bool any = false;
    for (size_t i = 0; i < json_array_size(refs); i++) {
        const json_t *ref = json_array_get(refs, i);
        gw_kube_ref this;
        if (!read_ref(ref, &this))
            continue;
        if (json_is_true(json_object_get(ref, "controller"))) {
            *ret = this;
            return true;
        }
        if (!any)
            first = this;
        any = true;
    }
    if (any)
        *ret = first;
    return any;
}

static int take_controller(gw_fleet *f, const gw_kube_place *at, const json_t *object, const char **kind,
                           const char **name)
{
    gw_kube_ref ref;
    if (*kind || !gw_kube_controller(object, &ref))
        return 0;
    const char *k = gw_fleet_intern(f, gw_str_of(ref.kind)), *n = gw_fleet_intern(f, gw_str_of(ref.name));
    if (!k || !n)
        return gw_fail_memory(at->e);
    *kind = k;
    *name = n;
    return 0;
}

static bool is_workload_kind(const char *kind)
{
    static const char *const kinds[] = {"ReplicaSet", "Deployment", "StatefulSet", "DaemonSet",
                                        "Job",        "CronJob",    "Rollout",     "ReplicationController"};
    for (size_t i = 0; i < GW_COUNT(kinds); i++)
        if (strcmp(kind, kinds[i]) == 0)
            return true;
    return false;
}

/* spec.template.metadata.labels, or a CronJob's spec.jobTemplate.spec.template.metadata.labels. */
static const json_t *template_labels(const json_t *object)
{
    const json_t *spec = json_object_get(object, "spec"), *job = json_object_get(spec, "jobTemplate");
    const json_t *template = json_object_get(job ? json_object_get(job, "spec") : spec, "template");
    return json_object_get(json_object_get(template, "metadata"), "labels");
}

static int add_owner(gw_fleet *f, const gw_kube_place *at, const json_t *object, const json_t *meta)
{
    uint32_t i = gw_fleet_owner(f, gw_str_of(at->ns), gw_str_of(at->kind), gw_str_of(at->name), at->e);
    if (i == GW_NONE)
        return at->e->code;
    gw_owner *o = &f->owners[i];
    int r = take_controller(f, at, object, &o->owner_kind, &o->owner_name);
    if (!r)
        r = add_labels(f, at, meta, &o->labels, true);
    const char *name;
    json_t *value;
    /* custom kinds may put anything under these keys: only what has the form of labels is taken */
    json_object_foreach((json_t *)template_labels(object), name, value)
    {
        gw_str v = {json_string_value(value), json_string_length(value)};
        if (!r && v.p && gw_fleet_label(f, &o->labels, gw_str_of(name), v, false))
            r = gw_fail_memory(at->e);
    }
    return r;
}

/* ---- nodes, pods, namespaces ---- */

static int take_allocatable(const gw_kube_place *at, const json_t *object, gw_node *n)
{
    const json_t *status, *map = NULL;
    amounts a = {.n = 0};
    int r = gw_kube_get_object(at, object, "status", &status);
    if (!r && status)
        r = gw_kube_get_object(at, status, "allocatable", &map);
    if (!r && status && !map)
        r = gw_kube_get_object(at, status, "capacity", &map);
    if (!r && map)
        r = read_amounts(at, map, &a);
    if (r || !map || json_object_size(map) == 0)
        return r; /* a kubelet that has not reported yet: unknown */
    if (n->cpu_milli == GW_UNKNOWN_COUNT && amount_of(&a, "cpu"))
        n->cpu_milli = milli_or_zero(&a, "cpu");
    if (n->memory_mib == GW_UNKNOWN_COUNT && amount_of(&a, "memory"))
        n->memory_mib = mib_of(milli_or_zero(&a, "memory"));
    if (n->ephemeral_mib == GW_UNKNOWN_COUNT && amount_of(&a, "ephemeral-storage"))
        n->ephemeral_mib = mib_of(milli_or_zero(&a, "ephemeral-storage"));
    if (n->max_pods == GW_UNKNOWN_COUNT && amount_of(&a, "pods"))
        n->max_pods = milli_or_zero(&a, "pods") / 1000;
    int64_t whole = milli_or_zero(&a, gpu_name) / 1000, shared = milli_or_zero(&a, shared_name) / 1000;
    if (n->allocatable_gpus == GW_UNKNOWN_COUNT)
        n->allocatable_gpus = whole ? whole : shared;
    /* the resource is only called so where the device plugin shares GPUs and renames */
    if (shared && n->sharing == GW_SHARING_NONE)
        n->sharing = GW_SHARING_TIME_SLICING;
    return 0;
}

static int add_node(gw_fleet *f, const gw_kube_place *at, const json_t *object, const json_t *meta)
{
    const json_t *spec;
    uint32_t i = gw_fleet_node(f, gw_str_of(at->name), at->e);
    if (i == GW_NONE)
        return at->e->code;
    gw_node *n = &f->nodes[i];
    int r = add_labels(f, at, meta, &n->labels, true);
    if (!r)
        r = gw_kube_get_time(at, meta, "creationTimestamp", &n->created_ms);
    if (!r)
        r = gw_kube_get_object(at, object, "spec", &spec);
    if (!r && spec)
        r = intern_text(f, at, spec, "providerID", &n->provider_id);
    if (r)
        return r;
    n->schedulable = !json_is_true(json_object_get(spec, "unschedulable"));
    n->in_api = true;
    gw_node_read_labels(f, n);
    r = take_allocatable(at, object, n);
    return r ? r : gw_kube_add_node_rules(f, at, object, n);
}

static gw_phase phase_of(const char *text)
{
    static const struct {
        const char *text;
        gw_phase phase;
    } phases[] = {{"Pending", GW_PHASE_PENDING},
                  {"Running", GW_PHASE_RUNNING},
                  {"Succeeded", GW_PHASE_SUCCEEDED},
                  {"Failed", GW_PHASE_FAILED}};
    for (size_t i = 0; text && i < GW_COUNT(phases); i++)
        if (strcmp(text, phases[i].text) == 0)
            return phases[i].phase;
    return GW_PHASE_UNKNOWN;
}

static int take_status(const gw_kube_place *at, const json_t *object, gw_pod *p)
{
    const json_t *status;
    const char *phase = NULL;
    int r = gw_kube_get_object(at, object, "status", &status);
    if (!r && status)
        r = gw_kube_get_text(at, status, "phase", &phase);
    if (!r && status)
        r = gw_kube_get_time(at, status, "startTime", &p->started_ms);
    if (!r && p->phase == GW_PHASE_UNKNOWN)
        p->phase = phase_of(phase);
    return r;
}

static int take_node_name(gw_fleet *f, const gw_kube_place *at, const json_t *spec, uint32_t pod)
{
    const char *name;
    int r = gw_kube_get_text(at, spec, "nodeName", &name);
    if (r || !name || f->pods[pod].node != GW_NONE)
        return r;
    uint32_t node = gw_fleet_node(f, gw_str_of(name), at->e);
    if (node == GW_NONE)
        return at->e->code;
    f->pods[pod].node = node;
    return 0;
}

static int take_spec(gw_fleet *f, const gw_kube_place *at, const json_t *object, uint32_t pod)
{
    const json_t *spec;
    amounts a;
    int r = gw_kube_get_object(at, object, "spec", &spec);
    if (r || !spec)
        return r;
    r = take_node_name(f, at, spec, pod);
    if (!r)
        r = pod_amounts(at, spec, &a);
    if (r)
        return r;
    gw_pod *p = &f->pods[pod];
    if (p->cpu_request_milli == GW_UNKNOWN_COUNT)
        p->cpu_request_milli = milli_or_zero(&a, "cpu");
    if (p->memory_request_mib == GW_UNKNOWN_COUNT)
        p->memory_request_mib = mib_of(milli_or_zero(&a, "memory"));
    if (p->ephemeral_request_mib == GW_UNKNOWN_COUNT)
        p->ephemeral_request_mib = mib_of(milli_or_zero(&a, "ephemeral-storage"));
    return take_gpus(f, at, p, &a);
}

/* KAI's share of a GPU; what is no number of the kind is passed over, as an annotation may be anything. */
static void take_kai(const json_t *meta, gw_pod *p)
{
    const json_t *annotations = json_object_get(meta, "annotations");
    const char *fraction = json_string_value(json_object_get(annotations, "gpu-fraction"));
    const char *memory = json_string_value(json_object_get(annotations, "gpu-memory"));
    double share;
    int64_t mib;
    if (fraction && gw_parse_double(gw_str_of(fraction), &share) && share > 0 && share <= 1)
        p->kai_fraction_milli = (int64_t)(share * 1000 + 0.5);
    if (memory && gw_parse_int64(gw_str_of(memory), &mib) && mib > 0)
        p->kai_memory_mib = mib;
}

static int add_pod(gw_fleet *f, const gw_kube_place *at, const json_t *object, const json_t *meta)
{
    const char *uid;
    int r = gw_kube_get_text(at, meta, "uid", &uid);
    if (r)
        return r;
    uint32_t i = gw_fleet_pod(f, gw_str_of(at->ns), gw_str_of(at->name), at->e);
    if (i == GW_NONE)
        return at->e->code;
    gw_pod *p = &f->pods[i];
    p->in_api = true;
    if (uid && p->uid && strcmp(uid, p->uid) != 0)
        return 0; /* a later pod of the same name */
    r = intern_text(f, at, meta, "uid", &p->uid);
    if (!r)
        r = add_labels(f, at, meta, &p->labels, true);
    if (!r)
        r = gw_kube_get_time(at, meta, "creationTimestamp", &p->created_ms);
    if (!r)
        r = take_controller(f, at, object, &p->owner_kind, &p->owner_name);
    if (!r)
        r = take_status(at, object, p);
    if (r)
        return r;
    take_kai(meta, p);
    r = take_spec(f, at, object, i);
    return r ? r : gw_kube_add_pod_rules(f, at, object, i);
}

static int add_namespace(gw_fleet *f, const gw_kube_place *at, const json_t *meta)
{
    uint32_t i = gw_fleet_namespace(f, gw_str_of(at->name), at->e);
    return i == GW_NONE ? at->e->code : add_labels(f, at, meta, &f->ns_labels[i], true);
}

/* ---- lists ---- */

/* One item; `at` is filled up to its kind. */
static int add_item(gw_fleet *f, const json_t *item, gw_kube_place at, bool is_owner)
{
    if (!json_is_object(item))
        return gw_fail(at.e, GW_ECORRUPT, "item %zu is no object; get the objects again", at.index);
    const char *own, *ns, *name;
    const json_t *meta;
    int r = gw_kube_get_text(&at, item, "kind", &own);
    if (!r && own)
        at.kind = own;
    if (!r)
        r = gw_kube_get_text(&at, item, "apiVersion", &own);
    if (!r && own)
        at.version = own;
    if (!r)
        r = gw_kube_get_object(&at, item, "metadata", &meta);
    if (!r)
        r = gw_kube_get_text(&at, meta, "name", &name);
    if (!r)
        r = gw_kube_get_text(&at, meta, "namespace", &ns);
    if (r)
        return r;
    if (!name)
        return gw_kube_fail_field(&at, "metadata.name", "text");
    at.name = name;
    at.ns = ns ? ns : "";
    if (!at.kind)
        return 0;
    if (strcmp(at.kind, "Node") == 0)
        return add_node(f, &at, item, meta);
    if (strcmp(at.kind, "Pod") == 0)
        return add_pod(f, &at, item, meta);
    if (strcmp(at.kind, "Namespace") == 0)
        return add_namespace(f, &at, meta);
    if (strcmp(at.kind, "PodDisruptionBudget") == 0)
        return gw_kube_add_budget(f, &at, item);
    if (strcmp(at.kind, "PersistentVolume") == 0)
        return gw_kube_add_volume(f, &at, item);
    if (strcmp(at.kind, "PersistentVolumeClaim") == 0)
        return gw_kube_add_claim(f, &at, item);
    gw_kube_ref ref;
    if (is_owner || is_workload_kind(at.kind) || gw_kube_controller(item, &ref))
        return add_owner(f, &at, item, meta);
    return 0;
}

/* "Pod" of "PodList" into out; NULL where the kind says nothing about its items. */
static const char *item_kind(const char *list_kind, char out[64])
{
    size_t n = list_kind ? strlen(list_kind) : 0;
    if (n <= 4 || n - 4 >= 64 || strcmp(list_kind + n - 4, "List") != 0)
        return NULL;
    memcpy(out, list_kind, n - 4);
    out[n - 4] = '\0';
    return out;
}

static int add_list(gw_fleet *f, const json_t *list, const char *kind, gw_arena *scratch, gw_error *e)
{
    gw_kube_place at = {.kind = kind, .ns = "", .name = "?", .scratch = scratch, .e = e};
    if (!json_is_object(list))
        return gw_fail(e, GW_ECORRUPT, "a Kubernetes list or object is wanted, and this is none");
    const char *list_kind = json_string_value(json_object_get(list, "kind"));
    at.version = json_string_value(json_object_get(list, "apiVersion"));
    const json_t *items = json_object_get(list, "items");
    char name[64];
    bool is_list = gw_eq(list_kind, "List") || item_kind(list_kind, name) || (!list_kind && items);
    if (!is_list)
        return add_item(f, list, at, kind != NULL);
    if (items && !json_is_array(items) && !json_is_null(items))
        return gw_fail(e, GW_ECORRUPT, "the items of this %s are no list; get the objects again",
                       list_kind ? list_kind : "list");
    if (!kind)
        at.kind = item_kind(list_kind, name);
    int r = 0;
    for (at.index = 0; !r && at.index < json_array_size(items); at.index++) {
        r = add_item(f, json_array_get(items, at.index), at, kind != NULL);
        gw_arena_reset(scratch);
    }
    return r;
}

int gw_kube_add_list(gw_fleet *f, const json_t *list, const char *kind, gw_error *e)
{
    gw_error own_error = {0};
    gw_arena scratch;
    gw_arena_init(&scratch, 0);
    int r = add_list(f, list, kind, &scratch, e ? e : &own_error); /* codes travel in it */
    gw_arena_free(&scratch);
    return r;
}

void gw_kube_note_known(gw_fleet *f, const char *set)
{
    static const struct {
        const char *set;
        size_t offset;
    } known[] = {{"namespaces", offsetof(gw_fleet, namespaces_known)},
                 {"poddisruptionbudgets", offsetof(gw_fleet, budgets_known)},
                 {"persistentvolumes", offsetof(gw_fleet, volumes_known)},
                 {"persistentvolumeclaims", offsetof(gw_fleet, claims_known)}};
    for (size_t i = 0; i < GW_COUNT(known); i++) {
        if (strcmp(set, known[i].set) == 0)
            *(bool *)((char *)f + known[i].offset) = true;
    }
}

int gw_kube_add_set(gw_fleet *f, const char *set, const json_t *list, gw_error *e)
{
    static const struct {
        const char *set, *kind;
    } kinds[] = {{"nodes", "Node"},
                 {"pods", "Pod"},
                 {"namespaces", "Namespace"},
                 {"poddisruptionbudgets", "PodDisruptionBudget"},
                 {"persistentvolumes", "PersistentVolume"},
                 {"persistentvolumeclaims", "PersistentVolumeClaim"}};
    const char *kind = NULL;
    for (size_t i = 0; i < GW_COUNT(kinds); i++) {
        if (strcmp(set, kinds[i].set) == 0)
            kind = kinds[i].kind;
    }
    /* workloads: every item says its own kind, and all of them are owners */
    if (!kind && gw_eq(json_string_value(json_object_get(list, "kind")), "List"))
        kind = "Workload";
    int r = gw_kube_add_list(f, list, kind, e);
    if (r == 0)
        gw_kube_note_known(f, set);
    return r;
}

void gw_kube_json_init(void)
{
    gw_json_use_own_memory();
}
