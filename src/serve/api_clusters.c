/* Whose books the daemon keeps. */
#include "serve/api_internal.h"

static int add(gw_map *names, const char *name, gw_error *e)
{
    return gw_map_set(names, gw_str_of(name), 0) ? gw_fail_memory(e) : 0;
}

/* Of every node that is held; the settings' own for those that name none, and for the control plane. */
static int find(gw_api_call *c, const char *own, gw_map *names, gw_error *e)
{
    gw_view *v;
    int rc = add(names, own, e);
    if (rc)
        return rc;
    rc = gw_daemon_view(c->daemon, (gw_interval){0, 0}, false, &v, e);
    if (rc)
        return rc == GW_ENODATA ? 0 : rc; /* nothing has been read yet */
    for (size_t i = 0; i < v->p.fleet.n_nodes && rc == 0; i++) {
        const char *name = v->p.fleet.nodes[i].cluster;
        rc = name && *name ? add(names, name, e) : 0;
    }
    gw_view_release(v);
    return rc;
}

int gw_api_clusters(gw_api_call *c, const char *const **ret, size_t *ret_n, gw_error *e)
{
    gw_map names;
    const char **out = NULL;
    gw_map_init(&names);
    int rc = find(c, gw_daemon_config(c->daemon)->cluster, &names, e);
    if (rc == 0 && !(out = GW_NEW_ARRAY(&c->arena, const char *, names.n)))
        rc = gw_fail_memory(e);
    for (size_t i = 0; rc == 0 && i < names.n; i++) {
        out[i] = gw_arena_strdup(&c->arena, names.entries[i].key);
        if (!out[i])
            rc = gw_fail_memory(e);
    }
    if (rc == 0) {
        *ret = out;
        *ret_n = names.n;
    }
    gw_map_free(&names);
    return rc;
}

int gw_api_extent(gw_store *s, const char *const *clusters, size_t n, gw_interval *ret, gw_error *e)
{
    gw_interval all = {0, 0};
    for (size_t i = 0; i < n; i++) {
        gw_interval one;
        int rc = gw_store_extent(s, clusters[i], &one, e);
        if (rc)
            return rc;
        if (gw_interval_ms(one) == 0)
            continue;
        if (gw_interval_ms(all) == 0)
            all = one;
        all.start_ms = GW_MIN(all.start_ms, one.start_ms);
        all.end_ms = GW_MAX(all.end_ms, one.end_ms);
    }
    *ret = all;
    return 0;
}
