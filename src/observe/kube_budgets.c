/*
 * PodDisruptionBudgets, PersistentVolumes and PersistentVolumeClaims. An empty selector of a budget is every
 * pod in policy/v1, and none in policy/v1beta1.
 * https://kubernetes.io/docs/reference/using-api/deprecation-guide/#poddisruptionbudget-v125
 */
#include "observe/kube_rules.h"

#define MAX_ZONE_LABELS 4

/* An IntOrString as it is written. */
static int read_int_or_text(const gw_kube_place *at, const json_t *from, const char *key, const char **ret)
{
    const json_t *v = json_object_get(from, key);
    *ret = json_string_value(v);
    if (json_is_integer(v)) {
        *ret = gw_arena_printf(at->scratch, "%" PRId64, (int64_t)json_integer_value(v));
        return *ret ? 0 : gw_fail_memory(at->e);
    }
    return *ret || !v || json_is_null(v) ? 0 : gw_kube_fail_field(at, key, "a number or a percentage");
}

/* A count that cannot be negative; unknown where it is. */
static int read_count(const gw_kube_place *at, const json_t *status, const char *key, int64_t *ret)
{
    int64_t v = GW_UNKNOWN_COUNT;
    int r = gw_kube_get_int(at, status, key, &v);
    *ret = v < 0 ? GW_UNKNOWN_COUNT : v;
    return r;
}

static int read_budget_status(const gw_kube_place *at, const json_t *object, gw_budget *b)
{
    const json_t *status;
    int64_t written = 0, seen = 0;
    int r = gw_kube_get_object(at, object, "status", &status);
    if (!r)
        r = read_count(at, status, "disruptionsAllowed", &b->disruptions_allowed);
    if (!r)
        r = read_count(at, status, "currentHealthy", &b->current_healthy);
    if (!r)
        r = read_count(at, status, "desiredHealthy", &b->desired_healthy);
    if (!r)
        r = read_count(at, status, "expectedPods", &b->expected_pods);
    if (!r)
        r = gw_kube_get_int(at, json_object_get(object, "metadata"), "generation", &written);
    if (!r)
        r = gw_kube_get_int(at, status, "observedGeneration", &seen);
    if (seen <
        written) /* the status is of an earlier text; the eviction API refuses until it has caught up */
        b->disruptions_allowed = GW_UNKNOWN_COUNT;
    return r;
}

int gw_kube_add_budget(gw_fleet *f, const gw_kube_place *at, const json_t *object)
{
    gw_budget b = {.ns = at->ns, .name = at->name};
    gw_kube_selectors s = {.at = at};
    const json_t *spec, *selector;
    int r = gw_kube_get_object(at, object, "spec", &spec);
    if (!r)
        r = gw_kube_get_object(at, spec, "selector", &selector);
    if (!r)
        r = gw_kube_read_selector(&s, selector, &b.selector);
    if (!r)
        r = read_int_or_text(at, spec, "minAvailable", &b.min_available);
    if (!r)
        r = read_int_or_text(at, spec, "maxUnavailable", &b.max_unavailable);
    if (!r)
        r = read_budget_status(at, object, &b);
    if (r)
        return r;
    if (gw_eq(at->version, "policy/v1beta1") && b.selector.n == 0)
        b.selector.nothing = true;
    if (s.odd) { /* nobody knows whose budget it is: it may be anybody's in the namespace */
        b.selector = (gw_match_term){.n = 0};
        b.disruptions_allowed = GW_UNKNOWN_COUNT;
    }
    return gw_fleet_add_budget(f, &b, at->e);
}

/* ---- volumes ---- */

/*
 * Zones and regions that a volume's labels name, as requirements. Several are parted by "__".
 * https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone
 */
static int read_zones(const gw_kube_place *at, const json_t *labels, gw_match zones[MAX_ZONE_LABELS],
                      uint32_t *n)
{
    static const char *const names[MAX_ZONE_LABELS] = {
        "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"};
    *n = 0;
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        const char *text = json_string_value(json_object_get(labels, names[i])), *next;
        if (!text || !*text)
            continue;
        const char **values = GW_NEW_ARRAY(at->scratch, const char *, strlen(text) / 2 + 1);
        uint32_t count = 0;
        for (; values && text; text = next ? next + 2 : NULL) {
            next = strstr(text, "__");
            values[count] = gw_arena_strndup(at->scratch, text, next ? (size_t)(next - text) : strlen(text));
            if (!values[count++])
                values = NULL;
        }
        if (!values)
            return gw_fail_memory(at->e);
        zones[(*n)++] = (gw_match){.key = names[i], .op = GW_MATCH_IN, .values = values, .n = count};
    }
    return 0;
}

/* Each alternative must also be in the zones; where there is no alternative, the zones are one. */
static int add_zones(const gw_kube_place *at, const gw_match *zones, uint32_t n, bool any,
                     gw_match_alternatives *a)
{
    uint32_t n_terms = any ? 1 : a->n;
    gw_match_term *terms = GW_NEW_ARRAY(at->scratch, gw_match_term, n_terms);
    if (!terms)
        return gw_fail_memory(at->e);
    for (uint32_t i = 0; i < n_terms; i++) {
        gw_match_term t = any ? (gw_match_term){.n = 0} : a->any[i];
        gw_match *all = GW_NEW_ARRAY(at->scratch, gw_match, (size_t)t.n + n);
        if (!all)
            return gw_fail_memory(at->e);
        if (t.n)
            memcpy(all, t.all, t.n * sizeof(*all));
        memcpy(all + t.n, zones, n * sizeof(*all));
        terms[i] = (gw_match_term){all, t.n + n, t.nothing};
    }
    *a = (gw_match_alternatives){terms, n_terms};
    return 0;
}

static int read_nodes(const gw_kube_place *at, const json_t *object, const json_t *spec, gw_volume *v)
{
    gw_kube_selectors s = {.at = at};
    gw_match zones[MAX_ZONE_LABELS];
    const json_t *affinity, *required = NULL, *labels;
    uint32_t n = 0;
    int r = gw_kube_get_object(at, spec, "nodeAffinity", &affinity);
    if (!r && affinity)
        r = gw_kube_get_object(at, affinity, "required", &required);
    if (!r && required)
        r = gw_kube_read_node_terms(&s, required, &v->nodes);
    if (!r)
        r = gw_kube_get_object(at, json_object_get(object, "metadata"), "labels", &labels);
    if (!r)
        r = read_zones(at, labels, zones, &n);
    if (!r && n)
        r = add_zones(at, zones, n, !required, &v->nodes);
    v->anywhere = !required && n == 0;
    return r;
}

int gw_kube_add_volume(gw_fleet *f, const gw_kube_place *at, const json_t *object)
{
    gw_volume v = {.name = at->name};
    const json_t *spec, *modes;
    int r = gw_kube_get_object(at, object, "spec", &spec);
    if (!r)
        r = gw_kube_get_array(at, spec, "accessModes", &modes);
    if (!r)
        r = read_nodes(at, object, spec, &v);
    if (r)
        return r;
    v.local = json_object_get(spec, "local") || json_object_get(spec, "hostPath");
    for (size_t i = 0; i < json_array_size(modes); i++) {
        const char *mode = json_string_value(json_array_get(modes, i));
        v.shared |= gw_eq(mode, "ReadWriteMany") || gw_eq(mode, "ReadOnlyMany");
    }
    return gw_fleet_add_volume(f, &v, at->e);
}

int gw_kube_add_claim(gw_fleet *f, const gw_kube_place *at, const json_t *object)
{
    gw_claim c = {.ns = at->ns, .name = at->name};
    const json_t *spec;
    int r = gw_kube_get_object(at, object, "spec", &spec);
    if (!r)
        r = gw_kube_get_text(at, spec, "volumeName", &c.volume);
    return r ? r : gw_fleet_add_claim(f, &c, at->e);
}
