/* A fleet with texts of its own. */
#include "fleet/copy.h"
#include "fleet/rules.h"

typedef struct cloner {
    gw_fleet *to;
    bool failed; /* for want of memory; from then on texts are NULL */
} cloner;

static void own(cloner *c, const char **text)
{
    if (!*text)
        return;
    *text = c->failed ? NULL : gw_fleet_intern(c->to, gw_str_of(*text));
    c->failed |= !*text;
}

#define OWN(c, ...) own_all(c, (const char **[]){__VA_ARGS__, NULL})

static void own_all(cloner *c, const char **const *texts)
{
    for (size_t i = 0; texts[i]; i++)
        own(c, texts[i]);
}

/* l still has the original's array. */
static void own_labels(cloner *c, gw_labels *l)
{
    const gw_kv *from = l->kv;
    uint32_t n = l->n;
    *l = (gw_labels){0};
    if (n == 0 || c->failed)
        return;
    l->kv = gw_malloc(n * sizeof(*l->kv));
    if (!l->kv) {
        c->failed = true;
        return;
    }
    l->n = l->cap = n;
    for (uint32_t i = 0; i < n; i++) {
        l->kv[i] = from[i];
        OWN(c, &l->kv[i].name, &l->kv[i].value);
    }
}

static void own_taints(cloner *c, gw_node *n)
{
    const gw_taint *from = n->taints;
    n->taints = n->n_taints && !c->failed ? GW_NEW_ARRAY(&c->to->rule_parts, gw_taint, n->n_taints) : NULL;
    c->failed |= n->n_taints && !n->taints;
    n->n_taints = n->taints ? n->n_taints : 0;
    for (uint32_t i = 0; i < n->n_taints; i++) {
        n->taints[i] = from[i];
        OWN(c, &n->taints[i].key, &n->taints[i].value);
    }
}

/* Room for n elements, filled with the original's; NULL where there are none, or no memory. */
static void *dup_array(cloner *c, const void *from, size_t n, size_t size, size_t *ret_n, size_t *ret_cap)
{
    *ret_n = *ret_cap = 0;
    if (n == 0 || c->failed)
        return NULL;
    void *p = gw_malloc(n * size);
    c->failed |= !p;
    if (p)
        memcpy(p, from, n * size);
    *ret_n = *ret_cap = p ? n : 0;
    return p;
}

#define DUP(c, f, things, n, cap)                                                                            \
    (c)->to->things = dup_array(c, (f)->things, (f)->n, sizeof(*(f)->things), &(c)->to->n, &(c)->to->cap)

static void clone_hardware(cloner *c, const gw_fleet *f)
{
    gw_fleet *to = c->to;
    DUP(c, f, nodes, n_nodes, cap_nodes);
    for (size_t i = 0; i < to->n_nodes; i++) {
        gw_node *n = &to->nodes[i];
        OWN(c, &n->name, &n->cluster, &n->instance_type, &n->region, &n->zone, &n->provider_id,
            &n->gpu_product, &n->keep);
        own_labels(c, &n->labels);
        own_taints(c, n);
    }
    DUP(c, f, gpus, n_gpus, cap_gpus);
    for (size_t i = 0; i < to->n_gpus; i++)
        OWN(c, &to->gpus[i].uuid, &to->gpus[i].model);
    DUP(c, f, units, n_units, cap_units);
    for (size_t i = 0; i < to->n_units; i++)
        OWN(c, &to->units[i].mig_profile, &to->units[i].mig_id);
}

static void clone_pods(cloner *c, const gw_fleet *f)
{
    gw_fleet *to = c->to;
    DUP(c, f, pods, n_pods, cap_pods);
    for (size_t i = 0; i < to->n_pods; i++) {
        gw_pod *p = &to->pods[i];
        OWN(c, &p->ns, &p->name, &p->cluster, &p->uid, &p->owner_kind, &p->owner_name, &p->workload_kind,
            &p->workload_name, &p->mig_resource);
        own_labels(c, &p->labels);
    }
    DUP(c, f, owners, n_owners, cap_owners);
    for (size_t i = 0; i < to->n_owners; i++) {
        gw_owner *o = &to->owners[i];
        OWN(c, &o->ns, &o->kind, &o->name, &o->owner_kind, &o->owner_name);
        own_labels(c, &o->labels);
    }
    size_t n, cap;
    to->ns_names = dup_array(c, f->ns_names, f->n_ns, sizeof(*f->ns_names), &n, &cap);
    to->ns_labels = dup_array(c, f->ns_labels, f->n_ns, sizeof(*f->ns_labels), &to->n_ns, &to->cap_ns);
    for (size_t i = 0; i < to->n_ns; i++) {
        own(c, &to->ns_names[i]);
        own_labels(c, &to->ns_labels[i]);
    }
}

/* Rules, budgets, volumes, claims: each is what it is by its key, and is added in order. */
static int clone_rules(gw_fleet *to, const gw_fleet *f, gw_error *e)
{
    int rc = 0;
    gw_error own_error = {0};
    e = e ? e : &own_error; /* gw_fleet_rules leaves its code there */
    for (size_t i = 0; i < f->n_rules && !rc; i++)
        rc = gw_fleet_rules(to, &f->rules[i], e) == GW_NONE ? e->code : 0;
    for (size_t i = 0; i < f->n_budgets && !rc; i++)
        rc = gw_fleet_add_budget(to, &f->budgets[i], e);
    for (size_t i = 0; i < f->n_volumes && !rc; i++)
        rc = gw_fleet_add_volume(to, &f->volumes[i], e);
    for (size_t i = 0; i < f->n_claims && !rc; i++)
        rc = gw_fleet_add_claim(to, &f->claims[i], e);
    to->budgets_known = f->budgets_known;
    to->volumes_known = f->volumes_known;
    to->claims_known = f->claims_known;
    to->namespaces_known = f->namespaces_known;
    return rc;
}

static void clone_map(cloner *c, gw_map *to, const gw_map *from)
{
    for (size_t i = 0; i < from->n && !c->failed; i++) {
        const gw_map_entry *x = &from->entries[i];
        c->failed |= gw_map_set(to, (gw_str){x->key, x->key_len}, x->value) != 0;
    }
}

int gw_fleet_clone(gw_fleet *ret, const gw_fleet *f, gw_error *e)
{
    gw_fleet_init(ret);
    cloner c = {.to = ret};
    clone_hardware(&c, f);
    clone_pods(&c, f);
    clone_map(&c, &ret->by_node, &f->by_node);
    clone_map(&c, &ret->by_uuid, &f->by_uuid);
    clone_map(&c, &ret->by_unit, &f->by_unit);
    clone_map(&c, &ret->by_pod, &f->by_pod);
    clone_map(&c, &ret->by_owner, &f->by_owner);
    clone_map(&c, &ret->by_ns, &f->by_ns);
    int rc = c.failed ? gw_fail_memory(e) : clone_rules(ret, f, e);
    if (rc) {
        gw_fleet_free(ret);
        gw_fleet_init(ret);
    }
    return rc;
}
