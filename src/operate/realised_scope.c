/* The scope of an action: from the plan, completed and summed from the store's pages. */
#include <math.h>

#include "format/json_tree.h"
#include "operate/realised_internal.h"

#define KEY_MAX 1024 /* two names of Kubernetes objects */

int realised_name_add(realised_names *names, const char *name, gw_arena *arena, gw_error *e)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->items[i], name) == 0)
            return 0;
    if (names->n == GW_SCOPE_NAMES_MAX)
        return gw_fail(e, GW_ELIMIT, "the action touches more than %d things of a kind, too many to follow",
                       GW_SCOPE_NAMES_MAX);
    if ((names->n & (names->n - 1)) == 0) { /* full: of 0, or of a power of two */
        const char **more = GW_NEW_ARRAY(arena, const char *, names->n ? 2 * names->n : 1);
        if (!more)
            return gw_fail_memory(e);
        if (names->n)
            memcpy(more, names->items, names->n * sizeof(*more));
        names->items = more;
    }
    char *copy = gw_arena_strdup(arena, name);
    if (!copy)
        return gw_fail_memory(e);
    names->items[names->n++] = copy;
    return 0;
}

/* ---- from the plan ------------------------------------------------------------------------------------- */

typedef struct reader {
    gw_arena *arena;
    realised_action *a;
    realised_wanted *wanted;
    gw_error *e;
} reader;

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int add(reader *r, realised_names *names, const char *name)
{
    return name && *name ? realised_name_add(names, name, r->arena, r->e) : 0;
}

/* A node of the plan: its name, and whose it is. One that is to be hired has neither. */
static int add_node(reader *r, const json_t *node)
{
    int rc = add(r, &r->a->nodes, text_of(node, "name"));
    return rc ? rc : add(r, &r->wanted->clusters, text_of(node, "cluster"));
}

static int add_pair(reader *r, realised_names *names, const char *ns, const char *name)
{
    char key[KEY_MAX];
    if (!ns || !name)
        return 0;
    int n = snprintf(key, sizeof(key), "%s\x1f%s", ns, name);
    return n > 0 && (size_t)n < sizeof(key) ? add(r, names, key) : 0;
}

static int read_moves(reader *r, const json_t *moves)
{
    size_t i, k;
    const json_t *move, *seat;
    int rc = 0;
    json_array_foreach(moves, i, move)
    {
        const json_t *pod = json_object_get(move, "pod");
        rc = rc ? rc : add_node(r, json_object_get(move, "from"));
        rc = rc ? rc : add_node(r, json_object_get(move, "node"));
        rc = rc ? rc : add_pair(r, &r->wanted->pods, text_of(pod, "namespace"), text_of(pod, "name"));
        json_array_foreach(json_object_get(move, "seats"), k, seat)
        {
            rc = rc ? rc : add(r, &r->wanted->gpus, text_of(json_object_get(seat, "unit"), "uuid"));
        }
    }
    return rc;
}

static int read_change(reader *r, const json_t *change)
{
    size_t i;
    const json_t *x;
    int rc = read_moves(r, json_object_get(change, "moves"));
    json_array_foreach(json_object_get(change, "releases"), i, x)
    {
        rc = rc ? rc : add_node(r, x);
    }
    json_array_foreach(json_object_get(change, "cuts"), i, x)
    {
        rc = rc ? rc : add(r, &r->wanted->gpus, text_of(json_object_get(x, "gpu"), "uuid"));
    }
    json_array_foreach(json_object_get(change, "hires"), i, x)
    {
        rc = rc ? rc : add(r, &r->a->hired, text_of(x, "instanceType"));
    }
    json_array_foreach(json_object_get(change, "resizes"), i, x)
    {
        rc = rc ? rc : add_pair(r, &r->a->workloads, text_of(x, "namespace"), text_of(x, "name"));
    }
    return rc;
}

static gw_micro money_of(const json_t *saving, const char *key)
{
    const json_t *v = json_object_get(saving, key);
    double dollars = json_number_value(v);
    return json_is_number(v) && fabs(dollars) < 9e9 ? (gw_micro)llround(dollars * 1e6) : GW_MICRO_UNKNOWN;
}

static int read_action(reader *r, const char *id, const json_t *action)
{
    realised_action *a = r->a;
    /* within the plan it saves its share; an alternative saves what it saves alone */
    const json_t *saving =
        json_object_get(action, json_is_true(json_object_get(action, "chosen")) ? "share" : "alone");
    const char *kind = text_of(action, "kind"), *text = text_of(action, "text");
    const json_t *change = json_object_get(action, "change");
    if (!kind || !json_is_object(change))
        return gw_fail(r->e, GW_ECORRUPT,
                       "action '%s' of the plan has no kind or no change; it is not the JSON of "
                       "`gpuwise plan -o json`",
                       id);
    a->id = gw_arena_strdup(r->arena, id);
    a->kind = gw_arena_strdup(r->arena, kind);
    a->summary = gw_arena_strdup(r->arena, text ? text : "");
    a->low = money_of(saving, "monthlyLow");
    a->high = money_of(saving, "monthlyHigh");
    if (!a->id || !a->kind || !a->summary)
        return gw_fail_memory(r->e);
    return read_change(r, change);
}

static const json_t *find_action(const json_t *plan, const char *id)
{
    size_t i;
    const json_t *action;
    json_array_foreach(json_object_get(plan, "actions"), i, action)
    {
        if (gw_eq(text_of(action, "id"), id))
            return action;
    }
    return NULL;
}

int realised_read_plan(gw_str plan, const char *id, gw_arena *arena, realised_action *ret,
                       realised_wanted *wanted, gw_error *e)
{
    json_t *tree = NULL;
    reader r = {.arena = arena, .a = ret, .wanted = wanted, .e = e};
    int rc = gw_json_tree_parse(plan, &tree, e);
    if (rc)
        return rc == GW_ECORRUPT ? gw_error_prefix(e, "the plan") : rc;
    const json_t *action = find_action(tree, id);
    if (action)
        rc = read_action(&r, id, action);
    else
        rc = gw_fail(e, GW_ENOTFOUND,
                     "the plan has no action '%s'; it may have changed since, see `gpuwise plan`", id);
    json_decref(tree);
    return rc;
}

/* ---- from the pages ------------------------------------------------------------------------------------ */

typedef struct scope_maps {
    gw_map nodes, workloads, hired, known, pods, gpus;
} scope_maps;

static int fill(gw_map *m, const realised_names *names, gw_error *e)
{
    for (size_t i = 0; i < names->n; i++)
        if (gw_map_set(m, gw_str_of(names->items[i]), 0))
            return gw_fail_memory(e);
    return 0;
}

static void maps_free(scope_maps *m)
{
    gw_map *all[] = {&m->nodes, &m->workloads, &m->hired, &m->known, &m->pods, &m->gpus};
    for (size_t i = 0; i < GW_COUNT(all); i++)
        gw_map_free(all[i]);
}

/* *m is initialised by this, and to be freed in any case. */
static int maps_make(scope_maps *m, const realised_action *a, const realised_wanted *wanted, gw_error *e)
{
    gw_map *all[] = {&m->nodes, &m->workloads, &m->hired, &m->known, &m->pods, &m->gpus};
    for (size_t i = 0; i < GW_COUNT(all); i++)
        gw_map_init(all[i]);
    int rc = fill(&m->nodes, &a->nodes, e);
    rc = rc ? rc : fill(&m->workloads, &a->workloads, e);
    rc = rc ? rc : fill(&m->hired, &a->hired, e);
    rc = rc ? rc : fill(&m->known, &a->known, e);
    rc = rc || !wanted ? rc : fill(&m->pods, &wanted->pods, e);
    return rc || !wanted ? rc : fill(&m->gpus, &wanted->gpus, e);
}

static bool has(const gw_map *m, const char *name)
{
    return m->n && name && *name && gw_map_get(m, gw_str_of(name)) != GW_NONE;
}

static bool has_pair(const gw_map *m, const char *ns, const char *name)
{
    char key[KEY_MAX];
    if (!m->n || !ns || !name)
        return false;
    int n = snprintf(key, sizeof(key), "%s\x1f%s", ns, name);
    return n > 0 && (size_t)n < sizeof(key) && has(m, key);
}

static bool in_scope(const scope_maps *m, const gw_hour_leaf *l)
{
    const char *node = l->dim[GW_DIM_NODE];
    if (has(&m->nodes, node))
        return true;
    if (l->kind == GW_LEAF_HELD && has_pair(&m->workloads, l->dim[GW_DIM_NAMESPACE], l->dim[GW_DIM_WORKLOAD]))
        return true;
    return has(&m->hired, l->dim[GW_DIM_INSTANCE_TYPE]) && !has(&m->known, node);
}

typedef struct resolver {
    scope_maps maps;
    realised_action *a;
    gw_arena *arena;
} resolver;

static int resolve_leaf(resolver *r, const gw_hour_leaf *l, gw_error *e)
{
    char key[KEY_MAX];
    const char *ns = l->dim[GW_DIM_NAMESPACE], *workload = l->dim[GW_DIM_WORKLOAD],
               *node = l->dim[GW_DIM_NODE];
    int rc = 0;
    if (has(&r->maps.gpus, l->dim[GW_DIM_GPU]) && !has(&r->maps.nodes, node) && *node) {
        rc = realised_name_add(&r->a->nodes, node, r->arena, e);
        if (rc == 0 && gw_map_set(&r->maps.nodes, gw_str_of(node), 0))
            rc = gw_fail_memory(e);
    }
    if (rc == 0 && l->kind == GW_LEAF_HELD && has_pair(&r->maps.pods, ns, l->dim[GW_DIM_POD]) &&
        !has_pair(&r->maps.workloads, ns, workload)) {
        snprintf(key, sizeof(key), "%s\x1f%s", ns, workload);
        rc = realised_name_add(&r->a->workloads, key, r->arena, e);
        if (rc == 0 && gw_map_set(&r->maps.workloads, gw_str_of(key), 0))
            rc = gw_fail_memory(e);
    }
    if (rc == 0 && has(&r->maps.hired, l->dim[GW_DIM_INSTANCE_TYPE]) && *node && !has(&r->maps.known, node)) {
        rc = realised_name_add(&r->a->known, node, r->arena, e);
        if (rc == 0 && gw_map_set(&r->maps.known, gw_str_of(node), 0))
            rc = gw_fail_memory(e);
    }
    return rc;
}

static int resolve_hour(void *ctx, const gw_hour *h, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; i < h->n_leaves && rc == 0; i++)
        rc = resolve_leaf(ctx, &h->leaves[i], e);
    return rc;
}

int realised_resolve(gw_store *s, realised_action *a, const realised_wanted *wanted, gw_arena *arena,
                     gw_error *e)
{
    resolver r = {.a = a, .arena = arena};
    int rc = maps_make(&r.maps, a, wanted, e);
    if (rc == 0)
        rc = gw_store_pages(s, a->cluster, a->baseline, resolve_hour, &r, e);
    maps_free(&r.maps);
    return rc;
}

typedef struct summer {
    scope_maps maps;
    realised_sums *out;
    size_t cap;
    int64_t last_day_ms; /* its start */
} summer;

static void add_leaf(gw_realised_side *side, const gw_hour_leaf *l)
{
    gw_measures_add(gw_is_shared_namespace(l->dim[GW_DIM_NAMESPACE]) ? &side->rest : &side->held, &l->m);
}

/* Pages come by time, and several clusters' of one hour after one another: an hour counts once. */
static int sum_hour(void *ctx, const gw_hour *h, gw_error *e)
{
    summer *k = ctx;
    realised_sums *out = k->out;
    bool last = h->start_ms >= k->last_day_ms;
    if (out->n_rows == 0 || out->rows[out->n_rows - 1].start_ms != h->start_ms) {
        if (out->n_rows == k->cap)
            return gw_fail(e, GW_EINTERNAL, "the store gives more hours than the interval has");
        out->rows[out->n_rows++] = (realised_hour){.start_ms = h->start_ms};
        out->side.hours++;
        out->last_day.hours += last;
    }
    realised_hour *row = &out->rows[out->n_rows - 1];
    for (size_t i = 0; i < h->n_leaves; i++) {
        const gw_hour_leaf *l = &h->leaves[i];
        if (!in_scope(&k->maps, l))
            continue;
        add_leaf(&out->side, l);
        if (last)
            add_leaf(&out->last_day, l);
        row->bill += l->m.bill;
        row->used_ms += GW_MAX(0, l->m.used_ms);
        row->allocated_ms += GW_MAX(0, l->m.allocated_ms);
        row->known_ms += GW_MAX(0, GW_MIN(l->m.known_ms, l->m.allocated_ms));
    }
    return 0;
}

int realised_sum(gw_store *s, const realised_action *a, gw_interval when, gw_arena *arena, realised_sums *ret,
                 gw_error *e)
{
    realised_sums out = {0};
    summer k = {.out = &out, .cap = (size_t)(gw_interval_ms(when) / GW_HOUR_MS)};
    k.last_day_ms = GW_MAX(when.start_ms, when.end_ms - GW_DAY_MS);
    out.side.expected = (uint32_t)k.cap;
    out.last_day.expected = (uint32_t)((when.end_ms - k.last_day_ms) / GW_HOUR_MS);
    out.rows = GW_NEW_ARRAY(arena, realised_hour, k.cap + 1);
    if (!out.rows)
        return gw_fail_memory(e);
    int rc = maps_make(&k.maps, a, NULL, e);
    if (rc == 0)
        rc = gw_store_pages(s, a->cluster, when, sum_hour, &k, e);
    maps_free(&k.maps);
    if (rc == 0)
        *ret = out;
    return rc;
}
