/* Label selectors and node selectors. What they are read into lives in the scratch arena, texts in the JSON.
 */
#include "observe/kube_rules.h"

/* Room for n things, or NULL with the failure told; more than the bound is odd and none. */
static int room(gw_kube_selectors *s, size_t size, size_t *n, void *ret)
{
    if (*n > GW_RULES_MAX_ITEMS) {
        s->odd = true;
        *n = 0;
    }
    void *p = *n ? gw_arena_alloc(s->at->scratch, *n * size) : NULL;
    memcpy(ret, &p, sizeof(p));
    return *n && !p ? gw_fail_memory(s->at->e) : 0;
}

/* The texts of a list. */
static int read_values(gw_kube_selectors *s, const json_t *from, gw_match *m)
{
    const json_t *list;
    const char **values;
    int r = gw_kube_get_array(s->at, from, "values", &list);
    size_t n = json_array_size(list);
    if (!r)
        r = room(s, sizeof(*values), &n, &values);
    for (size_t i = 0; i < n && !r; i++) {
        values[i] = json_string_value(json_array_get(list, i));
        if (!values[i])
            r = gw_kube_fail_field(s->at, "values", "a list of texts");
    }
    if (r)
        return r;
    m->values = values;
    m->n = (uint32_t)n;
    return 0;
}

static bool find_op(const char *text, gw_match_op *ret)
{
    static const struct {
        const char *text;
        gw_match_op op;
    } known[] = {{"In", GW_MATCH_IN},         {"NotIn", GW_MATCH_NOT_IN},
                 {"Exists", GW_MATCH_EXISTS}, {"DoesNotExist", GW_MATCH_MISSING},
                 {"Gt", GW_MATCH_GT},         {"Lt", GW_MATCH_LT}};
    for (size_t i = 0; i < GW_COUNT(known); i++) {
        if (gw_eq(text, known[i].text)) {
            *ret = known[i].op;
            return true;
        }
    }
    return false;
}

/* { key, operator, values } */
static int read_requirement(gw_kube_selectors *s, const json_t *from, gw_match *m)
{
    const char *key = NULL, *op = NULL;
    if (!json_is_object(from))
        return gw_kube_fail_field(s->at, "matchExpressions", "a list of objects");
    int r = gw_kube_get_text(s->at, from, "key", &key);
    if (!r)
        r = gw_kube_get_text(s->at, from, "operator", &op);
    if (!r)
        r = read_values(s, from, m);
    m->key = key ? key : "";
    s->odd |= !key || !find_op(op, &m->op);
    return r;
}

/* A map's entries, then the requirements of the lists. */
static int read_term(gw_kube_selectors *s, const json_t *map, const json_t *const lists[2],
                     gw_match_term *ret)
{
    gw_match *all;
    size_t n = json_object_size(map) + json_array_size(lists[0]) + json_array_size(lists[1]), at = 0;
    int r = room(s, sizeof(*all), &n, &all);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)map, key, value)
    {
        const char **text = at < n && !r ? GW_NEW(s->at->scratch, const char *) : NULL;
        if (at < n && !r && !text)
            r = gw_fail_memory(s->at->e);
        else if (!r && !json_is_string(value))
            r = gw_kube_fail_field(s->at, "a selector", "a map of texts");
        if (r || at >= n)
            break;
        *text = json_string_value(value);
        all[at++] = (gw_match){.key = key, .op = GW_MATCH_IN, .values = text, .n = 1};
    }
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < json_array_size(lists[k]) && at < n && !r; i++) {
            r = read_requirement(s, json_array_get(lists[k], i), &all[at]);
            all[at++].field = k == 1;
        }
    }
    if (!r)
        *ret = (gw_match_term){all, (uint32_t)n, false};
    return r;
}

int gw_kube_read_selector(gw_kube_selectors *s, const json_t *selector, gw_match_term *ret)
{
    const json_t *map, *lists[2] = {NULL, NULL};
    bool odd_before = s->odd;
    *ret = (gw_match_term){.nothing = true};
    if (!selector)
        return 0;
    s->odd = false;
    int r = gw_kube_get_object(s->at, selector, "matchLabels", &map);
    if (!r)
        r = gw_kube_get_array(s->at, selector, "matchExpressions", &lists[0]);
    if (!r)
        r = read_term(s, map, lists, ret);
    if (s->odd)
        *ret = (gw_match_term){.nothing = true};
    s->odd |= odd_before;
    return r;
}

int gw_kube_read_map(gw_kube_selectors *s, const json_t *from, const char *key, gw_match_term *ret)
{
    const json_t *map, *none[2] = {NULL, NULL};
    int r = gw_kube_get_object(s->at, from, key, &map);
    return r ? r : read_term(s, map, none, ret);
}

/* A term without any requirement matches no node. */
static int read_node_term(gw_kube_selectors *s, const json_t *from, gw_match_term *ret)
{
    const json_t *lists[2];
    bool odd_before = s->odd;
    s->odd = false;
    if (!json_is_object(from))
        return gw_kube_fail_field(s->at, "nodeSelectorTerms", "a list of objects");
    int r = gw_kube_get_array(s->at, from, "matchExpressions", &lists[0]);
    if (!r)
        r = gw_kube_get_array(s->at, from, "matchFields", &lists[1]);
    if (!r)
        r = read_term(s, NULL, lists, ret);
    ret->nothing = ret->n == 0 || s->odd;
    for (uint32_t i = 0; i < ret->n && !r; i++) /* the one field there is */
        ret->nothing |= ret->all[i].field && strcmp(ret->all[i].key, "metadata.name") != 0;
    s->odd |= odd_before;
    return r;
}

int gw_kube_read_node_terms(gw_kube_selectors *s, const json_t *selector, gw_match_alternatives *ret)
{
    const json_t *list;
    gw_match_term *any;
    int r = gw_kube_get_array(s->at, selector, "nodeSelectorTerms", &list);
    size_t n = json_array_size(list);
    if (!r)
        r = room(s, sizeof(*any), &n, &any);
    for (size_t i = 0; i < n && !r; i++)
        r = read_node_term(s, json_array_get(list, i), &any[i]);
    if (!r)
        *ret = (gw_match_alternatives){any, (uint32_t)n};
    return r;
}
