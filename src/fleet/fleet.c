#include "fleet/fleet.h"

#include "fleet/rules.h"

#define KEY_MAX 1024 /* namespace + kind + name of a Kubernetes object fit easily (253 + 63 + 253) */

void gw_fleet_init(gw_fleet *f)
{
    *f = (gw_fleet){0};
    gw_pool_init(&f->pool);
    gw_map *maps[] = {&f->by_node, &f->by_uuid,  &f->by_unit,   &f->by_pod,    &f->by_owner,
                      &f->by_ns,   &f->by_rules, &f->by_budget, &f->by_volume, &f->by_claim};
    for (size_t i = 0; i < GW_COUNT(maps); i++)
        gw_map_init(maps[i]);
    gw_arena_init(&f->rule_parts, 0);
}

void gw_fleet_free(gw_fleet *f)
{
    for (size_t i = 0; i < f->n_nodes; i++)
        gw_free(f->nodes[i].labels.kv);
    for (size_t i = 0; i < f->n_pods; i++)
        gw_free(f->pods[i].labels.kv);
    for (size_t i = 0; i < f->n_owners; i++)
        gw_free(f->owners[i].labels.kv);
    for (size_t i = 0; i < f->n_ns; i++)
        gw_free(f->ns_labels[i].kv);
    void *arrays[] = {f->nodes,    f->gpus,  f->units,   f->pods,    f->owners, f->ns_labels,
                      f->ns_names, f->rules, f->budgets, f->volumes, f->claims};
    for (size_t i = 0; i < GW_COUNT(arrays); i++)
        gw_free(arrays[i]);
    gw_map *maps[] = {&f->by_node, &f->by_uuid,  &f->by_unit,   &f->by_pod,    &f->by_owner,
                      &f->by_ns,   &f->by_rules, &f->by_budget, &f->by_volume, &f->by_claim};
    for (size_t i = 0; i < GW_COUNT(maps); i++)
        gw_map_free(maps[i]);
    gw_arena_free(&f->rule_parts);
    gw_pool_free(&f->pool);
    *f = (gw_fleet){0};
}

const char *gw_fleet_intern(gw_fleet *f, gw_str s)
{
    return gw_intern(&f->pool, s);
}

/* The parts joined by NUL, which no name contains: one map key for a compound name. */
static bool key_of(char key[KEY_MAX], gw_str *ret, const gw_str *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].n >= KEY_MAX - len)
            return false;
        if (parts[i].n)
            memcpy(key + len, parts[i].p, parts[i].n);
        len += parts[i].n;
        if (i + 1 < n)
            key[len++] = '\0';
    }
    *ret = (gw_str){key, len};
    return true;
}

/* Names the longest part: it is the one to blame. */
static uint32_t too_long(gw_error *e, const char *what, const gw_str *parts, size_t n)
{
    gw_str name = parts[0];
    for (size_t i = 1; i < n; i++)
        name = parts[i].n > name.n ? parts[i] : name;
    gw_fail(e, GW_ECORRUPT, "%s name too long: %zu bytes, more than Kubernetes allows: '%.*s…'", what, name.n,
            (int)GW_MIN(name.n, 60), name.p);
    return GW_NONE;
}

/*
 * Finds `key` in the map, or makes room for one more element in the array and enters it. Returns the index;
 * *ret_new says whether the caller must fill a new element.
 */
static uint32_t enter(gw_map *map, gw_str key, void **array, size_t *n, size_t *cap, size_t size, size_t max,
                      const char *what, bool *ret_new, gw_error *e)
{
    uint32_t found = gw_map_get(map, key);
    *ret_new = false;
    if (found != GW_NONE)
        return found;
    int rc = gw_grow(array, cap, *n + 1, size, max);
    if (rc == GW_ELIMIT) {
        gw_fail(e, GW_ELIMIT, "more than %zu %ss: narrow the report with --namespace or a matcher", max,
                what);
        return GW_NONE;
    }
    if (rc || gw_map_set(map, key, (uint32_t)*n)) {
        gw_fail_memory(e);
        return GW_NONE;
    }
    *ret_new = true;
    return (uint32_t)(*n)++;
}

#define ENTER(map, key, array, n, cap, max, what, is_new)                                                    \
    enter(map, key, (void **)&(array), &(n), &(cap), sizeof(*(array)), max, what, is_new, e)

/* Takes back the element that enter() has just added, when its texts could not be interned. */
static uint32_t give_up(size_t *n, gw_map *map, gw_str key, gw_error *e)
{
    --*n;
    gw_map_set(map, key, GW_NONE); /* replaces an existing key: cannot fail */
    gw_fail_memory(e);
    return GW_NONE;
}

/* Finds the node entered under `key`, or adds one of this name under it. */
static uint32_t add_node(gw_fleet *f, gw_str key, gw_str name, gw_error *e)
{
    bool is_new;
    uint32_t i =
        ENTER(&f->by_node, key, f->nodes, f->n_nodes, f->cap_nodes, GW_FLEET_MAX_NODES, "node", &is_new);
    if (!is_new)
        return i;
    const char *text = gw_fleet_intern(f, name);
    if (!text)
        return give_up(&f->n_nodes, &f->by_node, key, e);
    f->nodes[i] = (gw_node){.name = text,
                            .gpu_count = GW_UNKNOWN_COUNT,
                            .gpu_memory_mib = GW_UNKNOWN_COUNT,
                            .replicas = 1,
                            .allocatable_gpus = GW_UNKNOWN_COUNT,
                            .cpu_milli = GW_UNKNOWN_COUNT,
                            .memory_mib = GW_UNKNOWN_COUNT,
                            .ephemeral_mib = GW_UNKNOWN_COUNT,
                            .max_pods = GW_UNKNOWN_COUNT,
                            .schedulable = true};
    return i;
}

uint32_t gw_fleet_node(gw_fleet *f, gw_str name, gw_error *e)
{
    return name.n >= KEY_MAX ? too_long(e, "node", &name, 1) : add_node(f, name, name, e);
}

uint32_t gw_fleet_gpu(gw_fleet *f, gw_str uuid, gw_error *e)
{
    bool is_new;
    if (uuid.n >= KEY_MAX)
        return too_long(e, "GPU", &uuid, 1);
    uint32_t i = ENTER(&f->by_uuid, uuid, f->gpus, f->n_gpus, f->cap_gpus, GW_FLEET_MAX_GPUS, "GPU", &is_new);
    if (!is_new)
        return i;
    const char *text = gw_fleet_intern(f, uuid);
    if (!text)
        return give_up(&f->n_gpus, &f->by_uuid, uuid, e);
    f->gpus[i] = (gw_gpu){.uuid = text, .node = GW_NONE, .index = -1, .memory_mib = GW_UNKNOWN_COUNT};
    return i;
}

uint32_t gw_fleet_unit(gw_fleet *f, uint32_t gpu, uint32_t node, gw_str mig_profile, gw_str mig_id,
                       gw_error *e)
{
    char key[KEY_MAX];
    gw_str k, parts[] = {gw_str_of(gpu == GW_NONE ? "node" : "gpu"),
                         {(const char *)(gpu == GW_NONE ? &node : &gpu), sizeof(gpu)},
                         mig_profile,
                         mig_id};
    bool is_new;
    if (!key_of(key, &k, parts, GW_COUNT(parts)))
        return too_long(e, "MIG instance", parts + 2, 2);
    uint32_t i =
        ENTER(&f->by_unit, k, f->units, f->n_units, f->cap_units, GW_FLEET_MAX_UNITS, "GPU unit", &is_new);
    if (!is_new)
        return i;
    gw_unit u = {.gpu = gpu, .node = node, .weight = 1, .memory_mib = GW_UNKNOWN_COUNT};
    if (mig_profile.n || mig_id.n) {
        u.mig_profile = gw_fleet_intern(f, mig_profile);
        u.mig_id = gw_fleet_intern(f, mig_id);
        if (!u.mig_profile || !u.mig_id)
            return give_up(&f->n_units, &f->by_unit, k, e);
        u.memory_mib = gw_mig_memory_mib(u.mig_profile);
        if (gpu != GW_NONE)
            u.weight = gw_mig_weight(f->gpus[gpu].model, u.mig_profile);
    }
    f->units[i] = u;
    return i;
}

/* Finds the pod entered under `key`, or adds one of this name under it. */
static uint32_t add_pod(gw_fleet *f, gw_str key, gw_str ns, gw_str name, gw_error *e)
{
    bool is_new;
    uint32_t i = ENTER(&f->by_pod, key, f->pods, f->n_pods, f->cap_pods, GW_FLEET_MAX_PODS, "pod", &is_new);
    if (!is_new)
        return i;
    const char *ns_text = gw_fleet_intern(f, ns), *name_text = gw_fleet_intern(f, name);
    if (!ns_text || !name_text)
        return give_up(&f->n_pods, &f->by_pod, key, e);
    f->pods[i] = (gw_pod){.ns = ns_text,
                          .name = name_text,
                          .node = GW_NONE,
                          .gpus = GW_UNKNOWN_COUNT,
                          .cpu_request_milli = GW_UNKNOWN_COUNT,
                          .memory_request_mib = GW_UNKNOWN_COUNT,
                          .ephemeral_request_mib = GW_UNKNOWN_COUNT,
                          .rules = GW_NONE,
                          .kai_fraction_milli = GW_UNKNOWN_COUNT,
                          .kai_memory_mib = GW_UNKNOWN_COUNT,
                          .cpu_used_max_milli = -1,
                          .memory_used_max_mib = -1,
                          .cpu_used_mean_milli = -1};
    return i;
}

uint32_t gw_fleet_pod(gw_fleet *f, gw_str ns, gw_str name, gw_error *e)
{
    char key[KEY_MAX];
    gw_str k, parts[] = {ns, name};
    return key_of(key, &k, parts, 2) ? add_pod(f, k, ns, name, e) : too_long(e, "pod", parts, 2);
}

uint32_t gw_fleet_owner(gw_fleet *f, gw_str ns, gw_str kind, gw_str name, gw_error *e)
{
    char key[KEY_MAX];
    gw_str k, parts[] = {ns, kind, name};
    bool is_new;
    if (!key_of(key, &k, parts, 3))
        return too_long(e, "owner", parts, GW_COUNT(parts));
    uint32_t i =
        ENTER(&f->by_owner, k, f->owners, f->n_owners, f->cap_owners, GW_FLEET_MAX_PODS, "owner", &is_new);
    if (!is_new)
        return i;
    gw_owner o = {
        .ns = gw_fleet_intern(f, ns), .kind = gw_fleet_intern(f, kind), .name = gw_fleet_intern(f, name)};
    if (!o.ns || !o.kind || !o.name)
        return give_up(&f->n_owners, &f->by_owner, k, e);
    f->owners[i] = o;
    return i;
}

uint32_t gw_fleet_namespace(gw_fleet *f, gw_str ns, gw_error *e)
{
    uint32_t i = gw_map_get(&f->by_ns, ns);
    if (i != GW_NONE)
        return i;
    if (ns.n >= KEY_MAX)
        return too_long(e, "namespace", &ns, 1);
    /* two parallel arrays: grow the labels first, to the capacity that the names will have */
    size_t cap = f->cap_ns;
    if (gw_grow((void **)&f->ns_labels, &cap, f->n_ns + 1, sizeof(*f->ns_labels), GW_FLEET_MAX_PODS) ||
        gw_grow((void **)&f->ns_names, &f->cap_ns, f->n_ns + 1, sizeof(*f->ns_names), GW_FLEET_MAX_PODS)) {
        gw_fail_memory(e);
        return GW_NONE;
    }
    const char *text = gw_fleet_intern(f, ns);
    if (!text || gw_map_set(&f->by_ns, ns, (uint32_t)f->n_ns)) {
        gw_fail_memory(e);
        return GW_NONE;
    }
    f->ns_names[f->n_ns] = text;
    f->ns_labels[f->n_ns] = (gw_labels){0};
    return (uint32_t)f->n_ns++;
}

/*
 * A name in a cluster: `in` is its key with the cluster, `plain` without. 1 and *ret where it is known, or
 * where what is known without a cluster is claimed for this one; 0 where it must be added.
 */
static bool claim_in(gw_map *map, gw_str in, gw_str plain, uint32_t *ret)
{
    *ret = gw_map_get(map, in);
    if (*ret == GW_NONE)
        *ret = gw_map_get(map, plain);
    return *ret != GW_NONE;
}

uint32_t gw_fleet_node_in(gw_fleet *f, gw_str cluster, gw_str name, gw_error *e)
{
    char key[KEY_MAX];
    gw_str k, parts[] = {cluster, name};
    uint32_t i;
    if (cluster.n == 0)
        return gw_fleet_node(f, name, e);
    if (!key_of(key, &k, parts, 2))
        return too_long(e, "node", parts, 2);
    const char *text = gw_fleet_intern(f, cluster);
    bool known = claim_in(&f->by_node, k, name, &i);
    bool others = known && f->nodes[i].cluster && !gw_eq(f->nodes[i].cluster, text);
    if (!text || (known && !others && gw_map_set(&f->by_node, k, i))) {
        gw_fail_memory(e);
        return GW_NONE;
    }
    if (!known)
        i = gw_fleet_node(f, name, e);
    else if (others)
        i = add_node(f, k, name, e);
    if (i == GW_NONE)
        return GW_NONE;
    f->nodes[i].cluster = text;
    if (!known && gw_map_set(&f->by_node, k, i)) {
        gw_fail_memory(e);
        return GW_NONE;
    }
    return i;
}

uint32_t gw_fleet_pod_in(gw_fleet *f, gw_str cluster, gw_str ns, gw_str name, gw_error *e)
{
    char key[KEY_MAX], plain_key[KEY_MAX];
    gw_str k, plain, parts[] = {cluster, ns, name};
    uint32_t i;
    if (cluster.n == 0)
        return gw_fleet_pod(f, ns, name, e);
    if (!key_of(key, &k, parts, 3) || !key_of(plain_key, &plain, parts + 1, 2))
        return too_long(e, "pod", parts, 3);
    const char *text = gw_fleet_intern(f, cluster);
    bool known = claim_in(&f->by_pod, k, plain, &i);
    bool others = known && f->pods[i].cluster && !gw_eq(f->pods[i].cluster, text);
    if (!text || (known && !others && gw_map_set(&f->by_pod, k, i))) {
        gw_fail_memory(e);
        return GW_NONE;
    }
    if (!known)
        i = gw_fleet_pod(f, ns, name, e);
    else if (others)
        i = add_pod(f, k, ns, name, e);
    if (i == GW_NONE)
        return GW_NONE;
    f->pods[i].cluster = text;
    if (!known && gw_map_set(&f->by_pod, k, i)) {
        gw_fail_memory(e);
        return GW_NONE;
    }
    return i;
}

uint32_t gw_fleet_find_node_in(const gw_fleet *f, gw_str cluster, gw_str name)
{
    char key[KEY_MAX];
    gw_str k, parts[] = {cluster, name};
    uint32_t i = cluster.n && key_of(key, &k, parts, 2) ? gw_map_get(&f->by_node, k) : GW_NONE;
    if (i != GW_NONE)
        return i;
    i = gw_map_get(&f->by_node, name);
    bool others =
        i != GW_NONE && cluster.n && f->nodes[i].cluster && !gw_str_is(cluster, f->nodes[i].cluster);
    return others ? GW_NONE : i;
}

uint32_t gw_fleet_find_pod_in(const gw_fleet *f, gw_str cluster, gw_str ns, gw_str name)
{
    char key[KEY_MAX];
    gw_str k, parts[] = {cluster, ns, name};
    uint32_t i = cluster.n && key_of(key, &k, parts, 3) ? gw_map_get(&f->by_pod, k) : GW_NONE;
    if (i != GW_NONE)
        return i;
    i = gw_fleet_find_pod(f, ns, name);
    bool others = i != GW_NONE && cluster.n && f->pods[i].cluster && !gw_str_is(cluster, f->pods[i].cluster);
    return others ? GW_NONE : i;
}

uint32_t gw_fleet_find_node(const gw_fleet *f, gw_str name)
{
    return gw_map_get(&f->by_node, name);
}

uint32_t gw_fleet_find_pod(const gw_fleet *f, gw_str ns, gw_str name)
{
    char key[KEY_MAX];
    gw_str k, parts[] = {ns, name};
    return key_of(key, &k, parts, 2) ? gw_map_get(&f->by_pod, k) : GW_NONE;
}

uint32_t gw_fleet_find_owner(const gw_fleet *f, gw_str ns, gw_str kind, gw_str name)
{
    char key[KEY_MAX];
    gw_str k, parts[] = {ns, kind, name};
    return key_of(key, &k, parts, 3) ? gw_map_get(&f->by_owner, k) : GW_NONE;
}

bool gw_node_has_gpus(const gw_node *n)
{
    return n->gpu_count > 0 || n->allocatable_gpus > 0 || n->gpu_product;
}

void gw_interval_cover(gw_interval *seen, int64_t start_ms, int64_t end_ms)
{
    if (seen->start_ms == 0 && seen->end_ms == 0) {
        *seen = (gw_interval){start_ms, end_ms};
        return;
    }
    seen->start_ms = GW_MIN(seen->start_ms, start_ms);
    seen->end_ms = GW_MAX(seen->end_ms, end_ms);
}
