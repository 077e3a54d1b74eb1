/* Copies of fleet and usage that share what does not change. */
#include "fleet/copy.h"

#include "fleet/rules.h"

/* n elements; *ret_cap gets room for as many. NULL for none of them. */
static int dup_array(void **ret, size_t *ret_cap, const void *from, size_t n, size_t size)
{
    *ret = NULL;
    *ret_cap = 0;
    if (n == 0)
        return 0;
    *ret = gw_malloc(n * size);
    if (!*ret)
        return GW_ENOMEM;
    memcpy(*ret, from, n * size);
    *ret_cap = n;
    return 0;
}

#define DUP(ret, cap, from, n) dup_array((void **)&(ret), &(cap), from, n, sizeof(*(ret)))

/* Keys are the original's; those that are added later are the copy's own. */
static int copy_map(gw_map *ret, const gw_map *m)
{
    gw_map c;
    gw_map_init(&c);
    if (m->n) {
        c.slots = gw_malloc(m->n_slots * sizeof(*c.slots));
        if (!c.slots || DUP(c.entries, c.cap, m->entries, m->n)) {
            gw_free(c.slots);
            return GW_ENOMEM;
        }
        memcpy(c.slots, m->slots, m->n_slots * sizeof(*c.slots));
        c.n_slots = m->n_slots;
        c.n = m->n;
    }
    *ret = c;
    return 0;
}

static int copy_labels(gw_labels *l)
{
    const gw_kv *from = l->kv;
    size_t cap;
    int rc = DUP(l->kv, cap, from, l->n);
    l->cap = (uint32_t)cap;
    l->n = (uint32_t)cap;
    return rc;
}

/* The labels of an array of things still point to the original's: either all get their own, or, after a
 * failure, the rest has none. */
#define COPY_LABELS(rc, things, n_things)                                                                    \
    do {                                                                                                     \
        for (size_t i_ = 0; i_ < (n_things); i_++) {                                                         \
            if (rc)                                                                                          \
                (things)[i_].labels = (gw_labels){0};                                                        \
            else                                                                                             \
                rc = copy_labels(&(things)[i_].labels);                                                      \
        }                                                                                                    \
    } while (0)

static int copy_namespaces(gw_fleet *c, const gw_fleet *f)
{
    size_t cap;
    int rc = DUP(c->ns_labels, cap, f->ns_labels, f->n_ns);
    rc = rc ? rc : DUP(c->ns_names, c->cap_ns, f->ns_names, f->n_ns);
    for (size_t i = 0; c->ns_labels && i < f->n_ns; i++) {
        if (rc)
            c->ns_labels[i] = (gw_labels){0};
        else
            rc = copy_labels(&c->ns_labels[i]);
    }
    c->n_ns = c->ns_labels ? f->n_ns : 0;
    return rc;
}

static int copy_things(gw_fleet *c, const gw_fleet *f)
{
    int rc = DUP(c->nodes, c->cap_nodes, f->nodes, f->n_nodes);
    c->n_nodes = c->cap_nodes;
    COPY_LABELS(rc, c->nodes, c->n_nodes);
    rc = rc ? rc : DUP(c->pods, c->cap_pods, f->pods, f->n_pods);
    c->n_pods = c->cap_pods;
    COPY_LABELS(rc, c->pods, c->n_pods);
    rc = rc ? rc : DUP(c->owners, c->cap_owners, f->owners, f->n_owners);
    c->n_owners = c->cap_owners;
    COPY_LABELS(rc, c->owners, c->n_owners);
    rc = rc ? rc : DUP(c->gpus, c->cap_gpus, f->gpus, f->n_gpus);
    c->n_gpus = c->cap_gpus;
    rc = rc ? rc : DUP(c->units, c->cap_units, f->units, f->n_units);
    c->n_units = c->cap_units;
    rc = rc ? rc : DUP(c->rules, c->cap_rules, f->rules, f->n_rules);
    c->n_rules = c->cap_rules;
    rc = rc ? rc : DUP(c->budgets, c->cap_budgets, f->budgets, f->n_budgets);
    c->n_budgets = c->cap_budgets;
    rc = rc ? rc : DUP(c->volumes, c->cap_volumes, f->volumes, f->n_volumes);
    c->n_volumes = c->cap_volumes;
    rc = rc ? rc : DUP(c->claims, c->cap_claims, f->claims, f->n_claims);
    c->n_claims = c->cap_claims;
    return rc ? rc : copy_namespaces(c, f);
}

int gw_fleet_copy(gw_fleet *ret, const gw_fleet *f, gw_error *e)
{
    gw_fleet_init(ret);
    const gw_map *from[] = {&f->by_node, &f->by_uuid,  &f->by_unit,   &f->by_pod,    &f->by_owner,
                            &f->by_ns,   &f->by_rules, &f->by_budget, &f->by_volume, &f->by_claim};
    gw_map *to[] = {&ret->by_node, &ret->by_uuid,  &ret->by_unit,   &ret->by_pod,    &ret->by_owner,
                    &ret->by_ns,   &ret->by_rules, &ret->by_budget, &ret->by_volume, &ret->by_claim};
    int rc = copy_things(ret, f);
    for (size_t i = 0; !rc && i < GW_COUNT(from); i++)
        rc = copy_map(to[i], from[i]);
    ret->budgets_known = f->budgets_known;
    ret->volumes_known = f->volumes_known;
    ret->claims_known = f->claims_known;
    ret->namespaces_known = f->namespaces_known;
    if (!rc)
        return 0;
    gw_fleet_free(ret);
    gw_fleet_init(ret);
    return gw_fail_memory(e);
}

int gw_usage_copy(gw_usage *ret, const gw_usage *u, gw_error *e)
{
    gw_usage c;
    gw_usage_init(&c, u->window, u->policy);
    c.observed = u->observed;
    c.samples_total = u->samples_total;
    c.series_total = u->series_total;
    c.has_kube_state = u->has_kube_state;
    c.has_cadvisor = u->has_cadvisor;
    c.has_dcgm = u->has_dcgm;
    int rc = DUP(c.holds, c.cap_holds, u->holds, u->n_holds);
    c.n_holds = c.cap_holds;
    for (size_t i = 0; i < c.n_holds; i++)
        c.holds[i].stats.borrows = true;
    rc = rc ? rc : DUP(c.units, c.cap_units, u->units, u->n_units);
    c.n_units = c.cap_units;
    for (size_t i = 0; i < c.n_units; i++)
        c.units[i].idle.borrows = true;
    rc = rc ? rc : DUP(c.node_ms, c.cap_nodes, u->node_ms, u->n_nodes);
    c.n_nodes = c.cap_nodes;
    rc = rc ? rc : DUP(c.xids, c.cap_xids, u->xids, u->n_xids);
    c.n_xids = c.cap_xids;
    rc = rc ? rc : DUP(c.unknowns, c.cap_unknowns, u->unknowns, u->n_unknowns);
    c.n_unknowns = c.cap_unknowns;
    rc = rc ? rc : copy_map(&c.by_hold, &u->by_hold);
    if (rc) {
        gw_usage_free(&c);
        return gw_fail_memory(e);
    }
    *ret = c;
    return 0;
}
