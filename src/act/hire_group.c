/* Hired nodes that are alike become one NodePool. */
#include "act/export_internal.h"

#define KEY_MAX    2048
#define GROUPS_MAX ((size_t)2000) /* each is a file */
#define POOL_MAX   55             /* a pool's name becomes a label and the head of its nodes' names */

/* Labels that boards cut on the spot give to hired nodes: one column for each label, by hire. */
typedef struct hire_labels {
    const char **mig, **plugin; /* NULL: none has any */
} hire_labels;

static int find_labels(gw_act *a, hire_labels *ret)
{
    size_t n = a->action->change.n_hires;
    *ret = (hire_labels){NULL, NULL};
    for (size_t i = 0; i < a->n_settings; i++) {
        const gw_act_setting *s = &a->settings[i];
        const char ***column = s->mig ? &ret->mig : &ret->plugin;
        uint32_t k = s->node & ~GW_HIRED;
        if (!(s->node & GW_HIRED) || k >= n)
            continue;
        if (!*column)
            *column = GW_NEW_ARRAY(a->arena, const char *, n);
        if (!*column)
            return GW_ENOMEM;
        (*column)[k] = s->value;
    }
    return 0;
}

static const char *label_of(const char *const *column, uint32_t k)
{
    return column ? column[k] : NULL;
}

static bool is_of_karpenter(const gw_hire *h)
{
    return h->instance_type && (h->provider == GW_PROVIDER_AWS || h->provider == GW_PROVIDER_AZURE ||
                                h->provider == GW_PROVIDER_GCP);
}

/* "gpuwise-g5-xlarge-spot-us-east-1a"; what else differs is told apart by a hash of the group's key. */
static const char *pool_name(gw_act *a, const gw_hire *h, const char *key, bool plain_is_taken)
{
    const char *whole = gw_arena_printf(
        a->arena, "gpuwise %s %s %s", h->instance_type,
        h->capacity == GW_CAPACITY_UNKNOWN ? "" : gw_capacity_name(h->capacity), h->zone ? h->zone : "");
    char *slug = whole ? gw_act_slug(a->arena, whole) : NULL;
    for (char *p = slug; p && *p; p++)
        *p = *p == '.' ? '-' : *p;
    if (!slug || (strlen(slug) <= POOL_MAX && !plain_is_taken))
        return slug;
    return gw_arena_printf(a->arena, "%.46s-%08" PRIx32, slug, (uint32_t)gw_hash(key, strlen(key)));
}

static int add_group(gw_act *a, const hire_labels *l, gw_map *map, const char *key, uint32_t k, gw_error *e)
{
    const gw_hire *h = &a->action->change.hires[k];
    gw_act_hires g = {
        .like = h, .first = k, .n = 1, .mig = label_of(l->mig, k), .plugin = label_of(l->plugin, k)};
    if (a->n_hires == GROUPS_MAX)
        return gw_fail(e, GW_ELIMIT, "%s hires nodes of more than %zu kinds", a->action->id, GROUPS_MAX);
    if ((a->n_hires & (a->n_hires - 1)) == 0) { /* full, or empty */
        gw_act_hires *items = GW_NEW_ARRAY(a->arena, gw_act_hires, a->n_hires ? 2 * a->n_hires : 1);
        if (!items)
            return gw_fail_memory(e);
        if (a->n_hires)
            memcpy(items, a->hires, a->n_hires * sizeof(*items));
        a->hires = items;
    }
    if (is_of_karpenter(h)) {
        g.name = pool_name(a, h, key, false);
        /* a name has no '|', so that keys and names fit one map */
        if (g.name && gw_map_get(map, gw_str_of(g.name)) != GW_NONE)
            g.name = pool_name(a, h, key, true);
        if (!g.name || gw_map_set(map, gw_str_of(g.name), 0))
            return gw_fail_memory(e);
    }
    if (gw_map_set(map, gw_str_of(key), (uint32_t)a->n_hires))
        return gw_fail_memory(e);
    a->hires[a->n_hires++] = g;
    return 0;
}

static const char *or_none(const char *s)
{
    return s ? s : "";
}

int gw_act_find_hires(gw_act *a, gw_error *e)
{
    const gw_change *c = &a->action->change;
    hire_labels labels;
    gw_map map;
    int rc = find_labels(a, &labels) ? gw_fail_memory(e) : 0;
    gw_map_init(&map);
    for (uint32_t k = 0; rc == 0 && k < c->n_hires; k++) {
        const gw_hire *h = &c->hires[k];
        char key[KEY_MAX];
        snprintf(key, sizeof(key), "|%.200s|%.200s|%.200s|%d|%d|%.300s|%.100s|%.100s|%" PRId64,
                 or_none(h->instance_type), or_none(h->region), or_none(h->zone), (int)h->capacity,
                 (int)h->provider, or_none(h->like), or_none(label_of(labels.mig, k)),
                 or_none(label_of(labels.plugin, k)), h->gpus);
        uint32_t at = gw_map_get(&map, gw_str_of(key));
        if (at == GW_NONE)
            rc = add_group(a, &labels, &map, key, k, e);
        else
            a->hires[at].n++;
    }
    gw_map_free(&map);
    return rc;
}
