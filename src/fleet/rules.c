/* The store: rules, volumes, claims and budgets by what they are, each once. */
#include "fleet/rules.h"

#include "base/buf.h"

/* ---- rules as bytes: equal rules have equal bytes, and others have others ---- */

static void put_count(gw_buf *b, uint32_t n)
{
    gw_buf_add(b, &n, sizeof(n));
}

/* NULL is not "". */
static void put_text(gw_buf *b, const char *s)
{
    put_count(b, s ? (uint32_t)strlen(s) : UINT32_MAX);
    if (s)
        gw_buf_puts(b, s);
}

static void put_texts(gw_buf *b, const char *const *list, uint32_t n)
{
    put_count(b, n);
    for (uint32_t i = 0; i < n; i++)
        put_text(b, list[i]);
}

static void put_term(gw_buf *b, const gw_match_term *t)
{
    gw_buf_putc(b, t->nothing);
    put_count(b, t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        const gw_match *m = &t->all[i];
        put_text(b, m->key);
        gw_buf_putc(b, (char)m->op);
        gw_buf_putc(b, m->field);
        put_texts(b, m->values, m->n);
    }
}

static void put_alternatives(gw_buf *b, const gw_match_alternatives *list, uint32_t n)
{
    put_count(b, n);
    for (uint32_t i = 0; i < n; i++) {
        put_count(b, list[i].n);
        for (uint32_t k = 0; k < list[i].n; k++)
            put_term(b, &list[i].any[k]);
    }
}

static void put_tolerations(gw_buf *b, const gw_toleration *list, uint32_t n)
{
    put_count(b, n);
    for (uint32_t i = 0; i < n; i++) {
        put_text(b, list[i].key);
        put_text(b, list[i].value);
        gw_buf_putc(b, (char)(list[i].any_effect | list[i].limited << 1));
        gw_buf_putc(b, (char)list[i].effect);
    }
}

static void put_pod_terms(gw_buf *b, const gw_pod_term *list, uint32_t n)
{
    put_count(b, n);
    for (uint32_t i = 0; i < n; i++) {
        put_term(b, &list[i].selector);
        put_text(b, list[i].topology_key);
        put_texts(b, list[i].namespaces, list[i].n_namespaces);
        gw_buf_putc(b, list[i].all_namespaces);
    }
}

static void put_spreads(gw_buf *b, const gw_spread *list, uint32_t n)
{
    put_count(b, n);
    for (uint32_t i = 0; i < n; i++) {
        put_term(b, &list[i].selector);
        put_text(b, list[i].topology_key);
        put_count(b, (uint32_t)list[i].max_skew);
        put_count(b, (uint32_t)list[i].min_domains);
        gw_buf_putc(b, (char)(list[i].honour_affinity | list[i].honour_taints << 1));
    }
}

static void put_ns_terms(gw_buf *b, const gw_ns_term *list, uint32_t n)
{
    put_count(b, n);
    for (uint32_t i = 0; i < n; i++) {
        put_term(b, &list[i].selector);
        put_count(b, list[i].term);
        gw_buf_putc(b, list[i].anti);
    }
}

static void put_rules(gw_buf *b, const gw_pod_rules *r)
{
    put_term(b, &r->node_selector);
    put_alternatives(b, r->node_affinity, r->n_node_affinity);
    put_alternatives(b, r->volumes, r->n_volumes);
    put_tolerations(b, r->tolerations, r->n_tolerations);
    put_pod_terms(b, r->affinity, r->n_affinity);
    put_pod_terms(b, r->anti_affinity, r->n_anti_affinity);
    put_spreads(b, r->spreads, r->n_spreads);
    put_count(b, (uint32_t)r->priority);
    put_text(b, r->scheduler);
    put_text(b, r->runtime_class);
    put_text(b, r->gang);
    put_text(b, r->stays);
    gw_buf_putc(b, r->daemon);
    put_texts(b, r->claims, r->n_claims);
    put_ns_terms(b, r->ns_terms, r->n_ns_terms);
}

/* ---- copies that the fleet owns ---- */

/* Copies hand NULL on and mark the copier, which is looked at once, at the end. */
typedef struct copier {
    gw_fleet *f;
    bool failed;
} copier;

static const char *copy_text(copier *c, const char *s)
{
    const char *kept = s && !c->failed ? gw_fleet_intern(c->f, gw_str_of(s)) : NULL;
    c->failed |= s && !kept;
    return kept;
}

/* n things of `size` bytes as they are; NULL where there are none. */
static void *copy_bytes(copier *c, const void *p, uint32_t n, size_t size)
{
    void *copy = n && !c->failed ? gw_arena_alloc(&c->f->rule_parts, n * size) : NULL;
    c->failed |= n && !copy;
    return copy ? memcpy(copy, p, n * size) : NULL;
}

static const char *const *copy_texts(copier *c, const char *const *list, uint32_t n)
{
    const char **copy = copy_bytes(c, list, n, sizeof(*list));
    for (uint32_t i = 0; i < n && copy; i++)
        copy[i] = copy_text(c, list[i]);
    return copy;
}

static gw_match_term copy_term(copier *c, const gw_match_term *t)
{
    gw_match *all = copy_bytes(c, t->all, t->n, sizeof(*all));
    for (uint32_t i = 0; i < t->n && all; i++) {
        all[i].key = copy_text(c, all[i].key);
        all[i].values = copy_texts(c, all[i].values, all[i].n);
    }
    return (gw_match_term){all, t->n, t->nothing};
}

static gw_match_alternatives copy_alternative(copier *c, const gw_match_alternatives *a)
{
    gw_match_term *any = copy_bytes(c, a->any, a->n, sizeof(*any));
    for (uint32_t i = 0; i < a->n && any; i++)
        any[i] = copy_term(c, &any[i]);
    return (gw_match_alternatives){any, a->n};
}

static const gw_match_alternatives *copy_alternatives(copier *c, const gw_match_alternatives *list,
                                                      uint32_t n)
{
    gw_match_alternatives *copy = copy_bytes(c, list, n, sizeof(*copy));
    for (uint32_t i = 0; i < n && copy; i++)
        copy[i] = copy_alternative(c, &copy[i]);
    return copy;
}

static const gw_toleration *copy_tolerations(copier *c, const gw_toleration *list, uint32_t n)
{
    gw_toleration *copy = copy_bytes(c, list, n, sizeof(*copy));
    for (uint32_t i = 0; i < n && copy; i++) {
        copy[i].key = copy_text(c, copy[i].key);
        copy[i].value = copy_text(c, copy[i].value);
    }
    return copy;
}

static const gw_pod_term *copy_pod_terms(copier *c, const gw_pod_term *list, uint32_t n)
{
    gw_pod_term *copy = copy_bytes(c, list, n, sizeof(*copy));
    for (uint32_t i = 0; i < n && copy; i++) {
        copy[i].selector = copy_term(c, &copy[i].selector);
        copy[i].topology_key = copy_text(c, copy[i].topology_key);
        copy[i].namespaces = copy_texts(c, copy[i].namespaces, copy[i].n_namespaces);
    }
    return copy;
}

static const gw_spread *copy_spreads(copier *c, const gw_spread *list, uint32_t n)
{
    gw_spread *copy = copy_bytes(c, list, n, sizeof(*copy));
    for (uint32_t i = 0; i < n && copy; i++) {
        copy[i].selector = copy_term(c, &copy[i].selector);
        copy[i].topology_key = copy_text(c, copy[i].topology_key);
    }
    return copy;
}

static const gw_ns_term *copy_ns_terms(copier *c, const gw_ns_term *list, uint32_t n)
{
    gw_ns_term *copy = copy_bytes(c, list, n, sizeof(*copy));
    for (uint32_t i = 0; i < n && copy; i++)
        copy[i].selector = copy_term(c, &copy[i].selector);
    return copy;
}

static gw_pod_rules copy_rules(copier *c, const gw_pod_rules *r)
{
    gw_pod_rules to = *r;
    to.node_selector = copy_term(c, &r->node_selector);
    to.node_affinity = copy_alternatives(c, r->node_affinity, r->n_node_affinity);
    to.volumes = copy_alternatives(c, r->volumes, r->n_volumes);
    to.tolerations = copy_tolerations(c, r->tolerations, r->n_tolerations);
    to.affinity = copy_pod_terms(c, r->affinity, r->n_affinity);
    to.anti_affinity = copy_pod_terms(c, r->anti_affinity, r->n_anti_affinity);
    to.spreads = copy_spreads(c, r->spreads, r->n_spreads);
    to.scheduler = copy_text(c, r->scheduler);
    to.runtime_class = copy_text(c, r->runtime_class);
    to.gang = copy_text(c, r->gang);
    to.stays = copy_text(c, r->stays);
    to.claims = copy_texts(c, r->claims, r->n_claims);
    to.ns_terms = copy_ns_terms(c, r->ns_terms, r->n_ns_terms);
    return to;
}

/* ---- finding or adding ---- */

/* The index of `key`, or of room for one more at the end of the array, which the caller fills and enters. */
static int find(const gw_map *map, gw_str key, void **array, size_t n, size_t *cap, size_t size, size_t max,
                const char *what, uint32_t *ret, gw_error *e)
{
    *ret = gw_map_get(map, key);
    if (*ret != GW_NONE)
        return 0;
    int rc = gw_grow(array, cap, n + 1, size, max);
    if (rc == GW_ELIMIT)
        return gw_fail(e, rc, "more than %zu %s: narrow the report with --namespace", max, what);
    *ret = (uint32_t)n;
    return rc ? gw_fail_memory(e) : 0;
}

#define FIND(map, key, array, n, cap, max, what, ret)                                                        \
    find(map, key, (void **)&(array), n, &(cap), sizeof(*(array)), max, what, ret, e)

/* Enters what was put at the end of an array. */
static int enter(gw_map *map, gw_str key, size_t *n, uint32_t at, bool failed, gw_error *e)
{
    if (failed || (at == *n && gw_map_set(map, key, at)))
        return gw_fail_memory(e);
    *n += at == *n;
    return 0;
}

uint32_t gw_fleet_rules(gw_fleet *f, const gw_pod_rules *r, gw_error *e)
{
    gw_buf b;
    uint32_t at = GW_NONE;
    gw_buf_init(&b, GW_RULES_MAX_BYTES);
    put_rules(&b, r);
    gw_str key = {b.data, b.len};
    int rc = gw_buf_check(&b, "what constrains a pod", e);
    if (rc == 0)
        rc = FIND(&f->by_rules, key, f->rules, f->n_rules, f->cap_rules, GW_FLEET_MAX_RULES, "kinds of pods",
                  &at);
    if (rc == 0 && at == f->n_rules) {
        copier c = {.f = f};
        f->rules[at] = copy_rules(&c, r);
        rc = enter(&f->by_rules, key, &f->n_rules, at, c.failed, e);
    }
    gw_buf_free(&b);
    return rc ? GW_NONE : at;
}

/* "ns", NUL, "name". */
static int key_in_ns(gw_buf *b, const char *ns, const char *name, gw_error *e)
{
    gw_buf_init(b, GW_RULES_MAX_BYTES);
    gw_buf_add(b, ns, strlen(ns) + 1);
    gw_buf_puts(b, name);
    return gw_buf_check(b, "the name of a Kubernetes object", e);
}

/*
 * What is read again and again, by a daemon, must not need room each time: the room of what it replaces is
 * only given back with the fleet. Too large to compare counts as changed.
 */
static bool same_bytes(gw_buf *a, gw_buf *b)
{
    gw_error ignored;
    bool same = !gw_buf_check(a, "", &ignored) && !gw_buf_check(b, "", &ignored) && a->len == b->len &&
                memcmp(a->data, b->data, a->len) == 0;
    gw_buf_free(a);
    gw_buf_free(b);
    return same;
}

static bool same_volume(const gw_volume *x, const gw_volume *y)
{
    gw_buf a, b;
    gw_buf_init(&a, GW_RULES_MAX_BYTES);
    gw_buf_init(&b, GW_RULES_MAX_BYTES);
    put_alternatives(&a, &x->nodes, 1);
    put_alternatives(&b, &y->nodes, 1);
    return same_bytes(&a, &b) && x->anywhere == y->anywhere && x->local == y->local && x->shared == y->shared;
}

static void put_budget(gw_buf *b, const gw_budget *x)
{
    const int64_t numbers[] = {x->disruptions_allowed, x->current_healthy, x->desired_healthy,
                               x->expected_pods};
    put_term(b, &x->selector);
    put_text(b, x->min_available);
    put_text(b, x->max_unavailable);
    gw_buf_add(b, numbers, sizeof(numbers));
}

static bool same_budget(const gw_budget *x, const gw_budget *y)
{
    gw_buf a, b;
    gw_buf_init(&a, GW_RULES_MAX_BYTES);
    gw_buf_init(&b, GW_RULES_MAX_BYTES);
    put_budget(&a, x);
    put_budget(&b, y);
    return same_bytes(&a, &b);
}

int gw_fleet_add_volume(gw_fleet *f, const gw_volume *v, gw_error *e)
{
    uint32_t at;
    gw_str key = gw_str_of(v->name);
    int rc = FIND(&f->by_volume, key, f->volumes, f->n_volumes, f->cap_volumes, GW_FLEET_MAX_VOLUMES,
                  "PersistentVolumes", &at);
    if (rc)
        return rc;
    if (at < f->n_volumes && same_volume(&f->volumes[at], v))
        return 0;
    copier c = {.f = f};
    gw_volume to = *v;
    to.name = copy_text(&c, v->name);
    to.nodes = copy_alternative(&c, &v->nodes);
    if (!c.failed)
        f->volumes[at] = to;
    return enter(&f->by_volume, key, &f->n_volumes, at, c.failed, e);
}

int gw_fleet_add_claim(gw_fleet *f, const gw_claim *v, gw_error *e)
{
    gw_buf b;
    uint32_t at;
    int rc = key_in_ns(&b, v->ns, v->name, e);
    gw_str key = {b.data, b.len};
    if (rc == 0)
        rc = FIND(&f->by_claim, key, f->claims, f->n_claims, f->cap_claims, GW_FLEET_MAX_VOLUMES,
                  "PersistentVolumeClaims", &at);
    if (rc == 0) {
        copier c = {.f = f};
        gw_claim to = {copy_text(&c, v->ns), copy_text(&c, v->name), copy_text(&c, v->volume)};
        if (!c.failed)
            f->claims[at] = to;
        rc = enter(&f->by_claim, key, &f->n_claims, at, c.failed, e);
    }
    gw_buf_free(&b);
    return rc;
}

int gw_fleet_add_budget(gw_fleet *f, const gw_budget *v, gw_error *e)
{
    gw_buf b;
    uint32_t at;
    int rc = key_in_ns(&b, v->ns, v->name, e);
    gw_str key = {b.data, b.len};
    if (rc == 0)
        rc = FIND(&f->by_budget, key, f->budgets, f->n_budgets, f->cap_budgets, GW_FLEET_MAX_BUDGETS,
                  "PodDisruptionBudgets", &at);
    if (rc == 0 && !(at < f->n_budgets && same_budget(&f->budgets[at], v))) {
        copier c = {.f = f};
        gw_budget to = *v;
        to.ns = copy_text(&c, v->ns);
        to.name = copy_text(&c, v->name);
        to.selector = copy_term(&c, &v->selector);
        to.min_available = copy_text(&c, v->min_available);
        to.max_unavailable = copy_text(&c, v->max_unavailable);
        if (!c.failed)
            f->budgets[at] = to;
        rc = enter(&f->by_budget, key, &f->n_budgets, at, c.failed, e);
    }
    gw_buf_free(&b);
    return rc;
}
