/* What Kubernetes would say to a tenant on a node, against where everything else is at this moment. */
#include "allocate/world_internal.h"

#define AFFINITY_MAX 32 /* required terms of one pod */

static const char *domain_of(const gw_world *w, uint32_t node, const char *key)
{
    return gw_labels_exact(&w->fleet->nodes[node].labels, key);
}

static const gw_pod *pod_of(const gw_world *w, uint32_t tenant)
{
    uint32_t pod = w->tenants[tenant].pod;
    return pod == GW_NONE ? NULL : &w->fleet->pods[pod];
}

static const char *pod_ns(const gw_world *w, uint32_t tenant)
{
    const gw_pod *p = pod_of(w, tenant);
    return p ? p->ns : "";
}

/* A pod that is somewhere: those of released nodes are daemons, which are gone. */
static const gw_pod *neighbour(const gw_world *w, uint32_t other, uint32_t tenant)
{
    return other == tenant || w->nodes[w->tenants[other].node].released ? NULL : pod_of(w, other);
}

static bool same_domain(const gw_world *w, uint32_t node, const char *domain, const char *key)
{
    const char *d = domain_of(w, node, key);
    return d && domain && gw_eq(d, domain);
}

/*
 * As the scheduler's InterPodAffinity filter has it: a pod counts where it matches all terms, and each term's
 * domain must hold one that does. The first of a group that selects itself has nobody to be beside.
 */
static bool affinity_holds(const gw_world *w, uint32_t tenant, const gw_pod_rules *r, uint32_t node)
{
    bool met[AFFINITY_MAX] = {false}, anywhere = false, all = true, own = true;
    const gw_pod *self = pod_of(w, tenant);
    if (r->n_affinity > AFFINITY_MAX)
        return false;
    for (uint32_t k = 0; k < r->n_affinity; k++) {
        if (!domain_of(w, node, r->affinity[k].topology_key))
            return false;
        own &= self && gw_pod_term_selects(&r->affinity[k], self);
    }
    for (uint32_t i = 0; i < w->n_tenants; i++) {
        const gw_pod *p = neighbour(w, i, tenant);
        bool matches = p != NULL;
        for (uint32_t k = 0; k < r->n_affinity && matches; k++)
            matches = gw_pod_term_selects(&r->affinity[k], p);
        anywhere |= matches;
        for (uint32_t k = 0; k < r->n_affinity && matches; k++) {
            const char *key = r->affinity[k].topology_key;
            met[k] |= same_domain(w, w->tenants[i].node, domain_of(w, node, key), key);
        }
    }
    for (uint32_t k = 0; k < r->n_affinity; k++)
        all &= met[k];
    return all || (!anywhere && own);
}

static bool apart(const gw_world *w, uint32_t tenant, const gw_pod_term *term, uint32_t node)
{
    const char *domain = domain_of(w, node, term->topology_key);
    for (uint32_t i = 0; domain && i < w->n_tenants; i++) {
        const gw_pod *p = neighbour(w, i, tenant);
        if (p && same_domain(w, w->tenants[i].node, domain, term->topology_key) &&
            gw_pod_term_selects(term, p))
            return false;
    }
    return true;
}

/* The other way round: nobody there minds this pod. */
static bool welcome(const gw_world *w, uint32_t tenant, uint32_t node)
{
    const gw_pod *self = pod_of(w, tenant);
    for (size_t i = 0; self && i < w->n_shy; i++) {
        const gw_tenant *t = &w->tenants[w->shy[i]];
        if (!neighbour(w, w->shy[i], tenant))
            continue;
        for (uint32_t r = 0; r < t->n_rules; r++) {
            for (uint32_t k = 0; k < t->rules[r]->n_anti_affinity; k++) {
                const gw_pod_term *term = &t->rules[r]->anti_affinity[k];
                const char *domain = domain_of(w, node, term->topology_key);
                if (same_domain(w, t->node, domain, term->topology_key) && gw_pod_term_selects(term, self))
                    return false;
            }
        }
    }
    return true;
}

static bool selects_node(const gw_pod_rules *r, const gw_node *n)
{
    if (!gw_match_labels(&r->node_selector, &n->labels, n->name))
        return false;
    for (uint32_t i = 0; i < r->n_node_affinity; i++) {
        bool any = false;
        for (uint32_t k = 0; k < r->node_affinity[i].n && !any; k++)
            any = gw_match_labels(&r->node_affinity[i].any[k], &n->labels, n->name);
        if (!any)
            return false;
    }
    return true;
}

static bool tolerates(const gw_pod_rules *r, const gw_node *n)
{
    for (uint32_t i = 0; i < n->n_taints; i++) {
        bool covered = n->taints[i].effect == GW_TAINT_PREFER_NO_SCHEDULE;
        for (uint32_t k = 0; k < r->n_tolerations && !covered; k++)
            covered = gw_toleration_covers(&r->tolerations[k], &n->taints[i]);
        if (!covered)
            return false;
    }
    return true;
}

static bool counts(const gw_world *w, const gw_pod_rules *r, const gw_spread *s, uint32_t node)
{
    const gw_node *n = &w->fleet->nodes[node];
    return w->nodes[node].here && !w->nodes[node].released && domain_of(w, node, s->topology_key) &&
           (!s->honour_affinity || selects_node(r, n)) && (!s->honour_taints || tolerates(r, n));
}

/* Each domain by the first node that counts in it; GW_NONE for nodes that do not. */
static bool number_domains(const gw_world *w, const gw_pod_rules *r, const gw_spread *s, uint32_t *domain)
{
    gw_map map;
    bool ok = true;
    gw_map_init(&map);
    for (uint32_t i = 0; i < w->fleet->n_nodes && ok; i++) {
        domain[i] = GW_NONE;
        if (!counts(w, r, s, i))
            continue;
        gw_str key = gw_str_of(domain_of(w, i, s->topology_key));
        domain[i] = gw_map_get(&map, key);
        if (domain[i] == GW_NONE) {
            domain[i] = i;
            ok = gw_map_set(&map, key, i) == 0;
        }
    }
    gw_map_free(&map);
    return ok;
}

/* One pass over nodes and one over tenants, and only for pods that have such a constraint. */
static bool spread_holds(const gw_world *w, uint32_t tenant, const gw_pod_rules *r, const gw_spread *s,
                         uint32_t node)
{
    const gw_pod *self = pod_of(w, tenant);
    size_t n = w->fleet->n_nodes;
    const char *mine = domain_of(w, node, s->topology_key);
    uint32_t *domain = gw_malloc((n + 1) * sizeof(*domain));
    int32_t *pods = gw_calloc(n + 1, sizeof(*pods)), fewest = INT32_MAX, domains = 0, here = 0;
    /* without memory nothing is allowed: the next allocation says so */
    bool ok = mine && domain && pods && number_domains(w, r, s, domain);
    for (uint32_t i = 0; i < w->n_tenants && ok; i++) {
        const gw_pod *p = neighbour(w, i, tenant);
        uint32_t d = domain[w->tenants[i].node];
        if (p && d != GW_NONE && gw_spread_counts(s, pod_ns(w, tenant), p))
            pods[d]++;
    }
    for (uint32_t i = 0; i < n && ok; i++) {
        if (domain[i] != i)
            continue;
        domains++;
        fewest = GW_MIN(fewest, pods[i]);
        if (gw_eq(domain_of(w, i, s->topology_key), mine))
            here = pods[i];
    }
    gw_free(domain);
    gw_free(pods);
    if (domains == 0 || domains < s->min_domains)
        fewest = 0;
    here += self && gw_spread_counts(s, pod_ns(w, tenant), self) ? 1 : 0;
    return ok && here - fewest <= s->max_skew;
}

bool gw_world_neighbours(const gw_world *w, uint32_t tenant, uint32_t node, const char **why)
{
    const gw_tenant *t = &w->tenants[tenant];
    const char *no = NULL;
    for (uint32_t i = 0; i < t->n_rules && !no; i++) {
        const gw_pod_rules *r = t->rules[i];
        if (r->n_affinity && !affinity_holds(w, tenant, r, node))
            no = "its pod affinity";
        for (uint32_t k = 0; k < r->n_anti_affinity && !no; k++)
            no = apart(w, tenant, &r->anti_affinity[k], node) ? NULL : "its pod anti-affinity";
        for (uint32_t k = 0; k < r->n_spreads && !no; k++)
            no = spread_holds(w, tenant, r, &r->spreads[k], node) ? NULL : "its topology spread";
    }
    if (!no && !welcome(w, tenant, node))
        no = "the anti-affinity of a pod there";
    if (no && why)
        *why = no;
    return !no;
}
