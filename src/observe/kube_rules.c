/* The rules of a pod: where it may run and next to whom. What holds it is in kube_holds.c. */
#include "observe/kube_rules_internal.h"

#include "observe/kube_objects.h"

#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"

static int add_to(gw_kube_pod *p, size_t size, uint32_t n, void *ret)
{
    void *room = n ? gw_arena_alloc(p->at->scratch, n * size) : NULL;
    memcpy(ret, &room, sizeof(room));
    return n && !room ? gw_fail_memory(p->at->e) : 0;
}

/* The list under key, at most so many that the bound allows: beyond it, none, and the pod stays. */
static int get_list(gw_kube_pod *p, const json_t *from, const char *key, const json_t **ret, uint32_t *n)
{
    int r = gw_kube_get_array(p->at, from, key, ret);
    *n = (uint32_t)GW_MIN(json_array_size(*ret), (size_t)UINT32_MAX);
    if (*n > GW_RULES_MAX_ITEMS) {
        p->odd = true;
        *n = 0;
    }
    for (uint32_t i = 0; i < *n && !r; i++) {
        if (!json_is_object(json_array_get(*ret, i)))
            r = gw_kube_fail_field(p->at, key, "a list of objects");
    }
    return r;
}

/* ---- nodes ---- */

static int read_node_selector(gw_kube_pod *p)
{
    gw_kube_selectors s = {.at = p->at};
    int r = gw_kube_read_map(&s, p->spec, "nodeSelector", &p->rules.node_selector);
    p->odd |= s.odd;
    return r;
}

static int read_node_affinity(gw_kube_pod *p, const json_t *affinity)
{
    gw_kube_selectors s = {.at = p->at};
    const json_t *node, *required = NULL;
    int r = gw_kube_get_object(p->at, affinity, "nodeAffinity", &node);
    if (!r && node)
        r = gw_kube_get_object(p->at, node, REQUIRED, &required);
    if (r || !required)
        return r;
    gw_match_alternatives *one = GW_NEW(p->at->scratch, gw_match_alternatives);
    if (!one)
        return gw_fail_memory(p->at->e);
    r = gw_kube_read_node_terms(&s, required, one);
    p->rules.node_affinity = one;
    p->rules.n_node_affinity = 1;
    p->odd |= s.odd;
    return r;
}

/* False where the word is not known. No effect at all means every effect. */
static bool find_effect(const char *text, bool *any, gw_taint_effect *ret)
{
    *any = text == NULL;
    for (int e = GW_TAINT_NO_SCHEDULE; e <= GW_TAINT_NO_EXECUTE; e++) {
        *ret = (gw_taint_effect)e;
        if (!text || strcmp(text, gw_taint_effect_name(*ret)) == 0)
            return true;
    }
    return false;
}

/* What is not understood tolerates nothing: it is left out (*ret_known false). */
static int read_toleration(gw_kube_pod *p, const json_t *from, gw_toleration *t, bool *ret_known)
{
    const char *op, *value, *effect;
    int r = gw_kube_get_text(p->at, from, "key", &t->key);
    if (!r)
        r = gw_kube_get_text(p->at, from, "operator", &op);
    if (!r)
        r = gw_kube_get_text(p->at, from, "value", &value);
    if (!r)
        r = gw_kube_get_text(p->at, from, "effect", &effect);
    if (r)
        return r;
    bool exists = gw_eq(op, "Exists");
    t->value = exists ? NULL : value ? value : "";
    t->limited = json_is_number(json_object_get(from, "tolerationSeconds"));
    *ret_known =
        (exists || !op || strcmp(op, "Equal") == 0) && find_effect(effect, &t->any_effect, &t->effect);
    return 0;
}

static int read_tolerations(gw_kube_pod *p)
{
    const json_t *list;
    gw_toleration *all;
    uint32_t n, kept = 0;
    int r = get_list(p, p->spec, "tolerations", &list, &n);
    if (!r)
        r = add_to(p, sizeof(*all), n, &all);
    for (uint32_t i = 0; i < n && !r; i++) {
        bool known = false;
        r = read_toleration(p, json_array_get(list, i), &all[kept], &known);
        kept += known;
    }
    if (r)
        return r;
    p->rules.tolerations = all;
    p->rules.n_tolerations = kept;
    return 0;
}

/* ---- other pods ---- */

static int read_namespaces(gw_kube_pod *p, const json_t *from, gw_pod_term *t)
{
    const json_t *list;
    const char **names;
    int r = gw_kube_get_array(p->at, from, "namespaces", &list);
    size_t n = json_array_size(list);
    bool own = n == 0 && !json_is_object(json_object_get(from, "namespaceSelector"));
    if (n > GW_RULES_MAX_ITEMS) {
        p->odd = t->all_namespaces = true;
        n = 0;
    }
    if (!r)
        r = add_to(p, sizeof(*names), (uint32_t)n + own, &names);
    if (r)
        return r;
    if (own)
        names[0] = p->at->ns;
    for (size_t i = 0; i < n; i++) {
        names[i] = json_string_value(json_array_get(list, i));
        if (!names[i])
            return gw_kube_fail_field(p->at, "namespaces", "a list of texts");
    }
    t->namespaces = names;
    t->n_namespaces = (uint32_t)n + own;
    return 0;
}

/*
 * The namespaces of a term: those listed and those selected, or the pod's own where neither is given; an
 * empty selector is all of them.
 */
static int read_ns_selector(gw_kube_pod *p, const json_t *from, gw_pod_term *t, gw_ns_term *ns,
                            uint32_t *n_ns)
{
    gw_kube_selectors s = {.at = p->at};
    const json_t *selector;
    int r = gw_kube_get_object(p->at, from, "namespaceSelector", &selector);
    if (!r)
        r = gw_kube_read_selector(&s, selector, &ns->selector);
    if (r || !selector)
        return r;
    p->odd |= s.odd;
    if (s.odd || ns->selector.n == 0)
        t->all_namespaces = true;
    else
        ++*n_ns;
    return 0;
}

static int read_pod_term(gw_kube_pod *p, const json_t *from, gw_pod_term *t, bool anti)
{
    gw_kube_selectors s = {.at = p->at};
    const json_t *selector;
    int r = gw_kube_get_object(p->at, from, "labelSelector", &selector);
    if (!r)
        r = gw_kube_read_selector(&s, selector, &t->selector);
    if (!r)
        r = gw_kube_get_text(p->at, from, "topologyKey", &t->topology_key);
    if (!r)
        r = read_namespaces(p, from, t);
    if (s.odd && anti)
        t->selector = (gw_match_term){.n = 0}; /* keep off everything rather than off nothing */
    p->odd |= s.odd || !t->topology_key;
    return r;
}

/* The required terms under spec.affinity.KEY. ns: room for the namespaceSelectors. */
static int read_pod_terms(gw_kube_pod *p, const json_t *holder, bool anti, gw_ns_term *ns)
{
    const json_t *list;
    gw_pod_term *all;
    uint32_t n;
    int r = get_list(p, holder, REQUIRED, &list, &n);
    if (!r)
        r = add_to(p, sizeof(*all), n, &all);
    for (uint32_t i = 0; i < n && !r; i++) {
        const json_t *from = json_array_get(list, i);
        gw_ns_term *this = &ns[p->rules.n_ns_terms];
        *this = (gw_ns_term){.term = i, .anti = anti};
        r = read_pod_term(p, from, &all[i], anti);
        if (!r)
            r = read_ns_selector(p, from, &all[i], this, &p->rules.n_ns_terms);
    }
    if (r)
        return r;
    *(anti ? &p->rules.anti_affinity : &p->rules.affinity) = all;
    *(anti ? &p->rules.n_anti_affinity : &p->rules.n_affinity) = n;
    return 0;
}

static int read_affinity(gw_kube_pod *p)
{
    const json_t *affinity, *near_pods = NULL, *off_pods = NULL;
    int r = gw_kube_get_object(p->at, p->spec, "affinity", &affinity);
    if (r || !affinity)
        return r;
    r = read_node_affinity(p, affinity);
    if (!r)
        r = gw_kube_get_object(p->at, affinity, "podAffinity", &near_pods);
    if (!r)
        r = gw_kube_get_object(p->at, affinity, "podAntiAffinity", &off_pods);
    if (r || (!near_pods && !off_pods))
        return r;
    gw_ns_term *ns;
    size_t n = json_array_size(json_object_get(near_pods, REQUIRED)) +
               json_array_size(json_object_get(off_pods, REQUIRED)) + 1;
    r = add_to(p, sizeof(*ns), (uint32_t)GW_MIN(n, (size_t)2 * GW_RULES_MAX_ITEMS + 1), &ns);
    if (!r)
        r = read_pod_terms(p, near_pods, false, ns);
    if (!r)
        r = read_pod_terms(p, off_pods, true, ns);
    p->rules.ns_terms = ns;
    return r;
}

/* ---- spreads ---- */

/* matchLabelKeys: the pods with the same value as this one; a key that this pod lacks is passed over. */
static int add_own_values(gw_kube_pod *p, const json_t *from, gw_match_term *t)
{
    const json_t *keys, *labels;
    gw_match *all;
    int r = gw_kube_get_array(p->at, from, "matchLabelKeys", &keys);
    if (!r)
        r = gw_kube_get_object(p->at, p->meta, "labels", &labels);
    size_t n = GW_MIN(json_array_size(keys), (size_t)GW_RULES_MAX_ITEMS);
    if (r || n == 0 || t->nothing)
        return r;
    r = add_to(p, sizeof(*all), t->n + (uint32_t)n, &all);
    if (r)
        return r;
    if (t->n)
        memcpy(all, t->all, t->n * sizeof(*all));
    for (size_t i = 0; i < n; i++) {
        const char *key = json_string_value(json_array_get(keys, i)), **value;
        const char *own = key ? json_string_value(json_object_get(labels, key)) : NULL;
        if (!own)
            continue;
        if ((r = add_to(p, sizeof(*value), 1, &value)))
            return r;
        *value = own;
        all[t->n++] = (gw_match){.key = key, .op = GW_MATCH_IN, .values = value, .n = 1};
    }
    t->all = all;
    return 0;
}

static int32_t bounded(int64_t v)
{
    return (int32_t)GW_MIN(GW_MAX(v, INT32_MIN), INT32_MAX);
}

static int read_spread(gw_kube_pod *p, const json_t *from, gw_spread *t)
{
    gw_kube_selectors s = {.at = p->at};
    const json_t *selector;
    const char *affinity, *taints;
    int64_t skew = 1, domains = 1;
    int r = gw_kube_get_object(p->at, from, "labelSelector", &selector);
    if (!r)
        r = gw_kube_read_selector(&s, selector, &t->selector);
    if (!r && s.odd)
        t->selector = (gw_match_term){.n = 0};
    if (!r)
        r = add_own_values(p, from, &t->selector);
    if (!r)
        r = gw_kube_get_text(p->at, from, "topologyKey", &t->topology_key);
    if (!r)
        r = gw_kube_get_int(p->at, from, "maxSkew", &skew);
    if (!r)
        r = gw_kube_get_int(p->at, from, "minDomains", &domains);
    if (!r)
        r = gw_kube_get_text(p->at, from, "nodeAffinityPolicy", &affinity);
    if (!r)
        r = gw_kube_get_text(p->at, from, "nodeTaintsPolicy", &taints);
    if (r)
        return r;
    t->max_skew = bounded(skew);
    t->min_domains = bounded(domains);
    t->honour_affinity = !gw_eq(affinity, "Ignore");
    t->honour_taints = gw_eq(taints, "Honor");
    p->odd |= s.odd || !t->topology_key;
    return 0;
}

static int read_spreads(gw_kube_pod *p)
{
    const json_t *list;
    gw_spread *all;
    uint32_t n, kept = 0;
    int r = get_list(p, p->spec, "topologySpreadConstraints", &list, &n);
    if (!r)
        r = add_to(p, sizeof(*all), n, &all);
    for (uint32_t i = 0; i < n && !r; i++) {
        const json_t *from = json_array_get(list, i);
        const char *when;
        r = gw_kube_get_text(p->at, from, "whenUnsatisfiable", &when);
        if (r || gw_eq(when, "ScheduleAnyway"))
            continue;
        r = read_spread(p, from, &all[kept++]);
    }
    if (r)
        return r;
    p->rules.spreads = all;
    p->rules.n_spreads = kept;
    return 0;
}

/* ---- the rest ---- */

/* Labels and annotations that name a group of pods that is scheduled, or fails, as a whole. */
static const char *const gang_labels[] = {"scheduling.x-k8s.io/pod-group",
                                          "pod-group.scheduling.sigs.k8s.io/name",
                                          "pod-group.scheduling.sigs.k8s.io",
                                          "scheduling.k8s.io/group-name",
                                          "kueue.x-k8s.io/pod-group-name",
                                          "leaderworkerset.sigs.k8s.io/group-key",
                                          "jobset.sigs.k8s.io/jobset-name",
                                          "training.kubeflow.org/job-name",
                                          "ray.io/cluster",
                                          NULL};

static int read_gang(gw_kube_pod *p)
{
    const json_t *labels = json_object_get(p->meta, "labels");
    for (const char *const *name = gang_labels; *name && !p->rules.gang; name++) {
        const char *group = json_string_value(json_object_get(labels, *name));
        if (!group || !*group)
            group = json_string_value(json_object_get(p->annotations, *name));
        if (!group || !*group)
            continue;
        p->rules.gang = gw_arena_printf(p->at->scratch, "%s/%s", p->at->ns, group);
        if (!p->rules.gang)
            return gw_fail_memory(p->at->e);
    }
    return 0;
}

static bool is_daemon(const gw_kube_pod *p, const json_t *object)
{
    gw_kube_ref ref;
    return json_object_get(p->annotations, GW_KUBE_MIRROR) ||
           (gw_kube_controller(object, &ref) &&
            (strcmp(ref.kind, "DaemonSet") == 0 || strcmp(ref.kind, "Node") == 0));
}

static int read_words(gw_kube_pod *p)
{
    int64_t priority = 0;
    int r = gw_kube_get_int(p->at, p->spec, "priority", &priority);
    if (!r)
        r = gw_kube_get_text(p->at, p->spec, "schedulerName", &p->rules.scheduler);
    if (!r)
        r = gw_kube_get_text(p->at, p->spec, "runtimeClassName", &p->rules.runtime_class);
    p->rules.priority = bounded(priority);
    if (!p->rules.scheduler)
        p->rules.scheduler = "default-scheduler";
    return r;
}

int gw_kube_add_pod_rules(gw_fleet *f, const gw_kube_place *at, const json_t *object, uint32_t pod)
{
    gw_kube_pod p = {.at = at};
    int r = gw_kube_get_object(at, object, "metadata", &p.meta);
    if (!r)
        r = gw_kube_get_object(at, object, "spec", &p.spec);
    if (!r)
        r = gw_kube_get_object(at, p.meta, "annotations", &p.annotations);
    if (r || !p.spec)
        return r;
    p.rules.daemon = is_daemon(&p, object);
    int (*const readers[])(gw_kube_pod *) = {read_node_selector, read_affinity, read_tolerations,
                                             read_spreads,       read_gang,     read_words};
    for (size_t i = 0; i < GW_COUNT(readers) && !r; i++)
        r = readers[i](&p);
    if (!r)
        r = gw_kube_read_holds(&p, object);
    if (r)
        return r;
    f->pods[pod].rules = gw_fleet_rules(f, &p.rules, at->e);
    return f->pods[pod].rules == GW_NONE ? at->e->code : 0;
}
