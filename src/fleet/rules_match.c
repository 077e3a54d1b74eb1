/* The predicates: what matches, what tolerates, what may run where. */
#include "base/number.h"
#include "fleet/rules.h"

#define UNSCHEDULABLE "node.kubernetes.io/unschedulable"

const char *gw_labels_exact(const gw_labels *l, const char *name)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (gw_eq(l->kv[i].name, name))
            return l->kv[i].value;
    }
    return NULL;
}

static bool is_listed(const gw_match *m, const char *value)
{
    for (uint32_t i = 0; i < m->n; i++) {
        if (gw_eq(m->values[i], value))
            return true;
    }
    return false;
}

/* Gt and Lt: whole numbers of 64 bits on both sides, as strconv.ParseInt reads them. */
static bool compares(const gw_match *m, const char *value)
{
    int64_t have, wanted;
    if (m->n != 1 || !gw_parse_int64(gw_str_of(value), &have) ||
        !gw_parse_int64(gw_str_of(m->values[0]), &wanted))
        return false;
    return m->op == GW_MATCH_GT ? have > wanted : have < wanted;
}

static bool holds(const gw_match *m, const char *value)
{
    switch (m->op) {
    case GW_MATCH_IN:
        return value && is_listed(m, value);
    case GW_MATCH_NOT_IN:
        return !value || !is_listed(m, value);
    case GW_MATCH_EXISTS:
        return value != NULL;
    case GW_MATCH_MISSING:
        return !value;
    case GW_MATCH_GT:
    case GW_MATCH_LT:
        return value && compares(m, value);
    }
    return false;
}

/* The first requirement that does not hold; NULL where all do. */
static const gw_match *first_unmet(const gw_match_term *t, const gw_labels *l, const char *name)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (!holds(&t->all[i], t->all[i].field ? name : gw_labels_exact(l, t->all[i].key)))
            return &t->all[i];
    }
    return NULL;
}

bool gw_match_labels(const gw_match_term *t, const gw_labels *l, const char *name)
{
    return !t->nothing && !first_unmet(t, l, name);
}

static bool any_matches(const gw_match_alternatives *a, const gw_node *n)
{
    for (uint32_t i = 0; i < a->n; i++) {
        if (gw_match_labels(&a->any[i], &n->labels, n->name))
            return true;
    }
    return false;
}

static bool all_match(const gw_match_alternatives *list, uint32_t count, const gw_node *n)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!any_matches(&list[i], n))
            return false;
    }
    return true;
}

/* ---- taints ---- */

bool gw_toleration_covers(const gw_toleration *t, const gw_taint *taint)
{
    return (t->any_effect || t->effect == taint->effect) && (!t->key || gw_eq(t->key, taint->key)) &&
           (!t->value || gw_eq(t->value, taint->value));
}

static bool tolerates(const gw_pod_rules *r, const gw_taint *taint)
{
    for (uint32_t i = 0; i < r->n_tolerations; i++) {
        const gw_toleration *t = &r->tolerations[i];
        if (gw_toleration_covers(t, taint) && !(t->limited && taint->effect == GW_TAINT_NO_EXECUTE))
            return true;
    }
    return false;
}

static const gw_taint *first_untolerated(const gw_pod_rules *r, const gw_node *n)
{
    for (uint32_t i = 0; i < n->n_taints; i++) {
        if (n->taints[i].effect != GW_TAINT_PREFER_NO_SCHEDULE && !tolerates(r, &n->taints[i]))
            return &n->taints[i];
    }
    return NULL;
}

/* ---- nodes ---- */

static gw_refusal refusal_of(const gw_pod_rules *r, const gw_node *n)
{
    static const gw_taint cordon = {UNSCHEDULABLE, "", GW_TAINT_NO_SCHEDULE};
    if (r->n_claims || r->n_ns_terms)
        return (gw_refusal){.kind = GW_RULE_UNRESOLVED};
    if (!n->rules_known)
        return (gw_refusal){.kind = GW_RULE_NODE_UNKNOWN};
    if (!n->schedulable && !tolerates(r, &cordon))
        return (gw_refusal){.kind = GW_RULE_CORDONED};
    const gw_match *unmet = first_unmet(&r->node_selector, &n->labels, n->name);
    if (unmet || r->node_selector.nothing)
        return (gw_refusal){.kind = GW_RULE_NODE_SELECTOR, .match = unmet};
    if (!all_match(r->node_affinity, r->n_node_affinity, n))
        return (gw_refusal){.kind = GW_RULE_NODE_AFFINITY};
    if (!all_match(r->volumes, r->n_volumes, n))
        return (gw_refusal){.kind = GW_RULE_VOLUME};
    const gw_taint *taint = first_untolerated(r, n);
    if (taint)
        return (gw_refusal){.kind = GW_RULE_TAINT, .taint = taint};
    return (gw_refusal){.kind = GW_RULE_NONE};
}

bool gw_rules_allow_node(const gw_pod_rules *r, const gw_node *n, gw_refusal *why)
{
    gw_refusal refusal = refusal_of(r, n);
    if (why)
        *why = refusal;
    return refusal.kind == GW_RULE_NONE;
}

const char *gw_taint_effect_name(gw_taint_effect e)
{
    static const char *const names[] = {"NoSchedule", "PreferNoSchedule", "NoExecute"};
    return names[e];
}

const char *gw_refusal_phrase(const gw_refusal *why, char out[GW_REFUSAL_TEXT_MAX])
{
    static const char *const phrases[] = {
        [GW_RULE_NONE] = "nothing speaks against it",
        [GW_RULE_UNRESOLVED] = "its volumes and namespaces have not been looked up",
        [GW_RULE_NODE_UNKNOWN] = "the Kubernetes API did not show the node",
        [GW_RULE_CORDONED] = "the node is cordoned",
        [GW_RULE_NODE_SELECTOR] = "its node selector does not match the node",
        [GW_RULE_NODE_AFFINITY] = "its node affinity does not allow the node",
        [GW_RULE_VOLUME] = "one of its volumes cannot be mounted on the node",
        [GW_RULE_TAINT] = "it does not tolerate a taint of the node",
    };
    const gw_match *m = why->match;
    const gw_taint *t = why->taint;
    if (m && m->op == GW_MATCH_IN && m->n == 1)
        snprintf(out, GW_REFUSAL_TEXT_MAX, "its node selector wants %s=%s", m->key, m->values[0]);
    else if (t)
        snprintf(out, GW_REFUSAL_TEXT_MAX, "it does not tolerate the taint %s%s%s:%s", t->key,
                 *t->value ? "=" : "", t->value, gw_taint_effect_name(t->effect));
    else
        snprintf(out, GW_REFUSAL_TEXT_MAX, "%s", phrases[why->kind]);
    return out;
}

/* ---- other pods ---- */

bool gw_pod_term_selects(const gw_pod_term *t, const gw_pod *p)
{
    bool in = t->all_namespaces;
    for (uint32_t i = 0; i < t->n_namespaces && !in; i++)
        in = gw_eq(t->namespaces[i], p->ns);
    return in && gw_match_labels(&t->selector, &p->labels, p->name);
}

bool gw_spread_counts(const gw_spread *s, const char *ns, const gw_pod *p)
{
    return gw_eq(ns, p->ns) && gw_match_labels(&s->selector, &p->labels, p->name);
}

bool gw_budget_covers(const gw_budget *b, const gw_pod *p)
{
    return gw_eq(b->ns, p->ns) && gw_match_labels(&b->selector, &p->labels, p->name);
}
