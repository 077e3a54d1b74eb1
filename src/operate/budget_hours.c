#include "operate/budget_internal.h"

static size_t hour_of(const gw_closed_hours *h, int64_t ms)
{
    return (size_t)((ms - h->when.start_ms) / GW_HOUR_MS);
}

static int cluster_read(gw_store *s, const gw_closed_hours *h, const char *name, gw_arena *a,
                        gw_cluster_hours *ret, gw_error *e)
{
    int64_t *hours = NULL;
    size_t n = 0;
    int r = gw_store_extent(s, name, &ret->extent, e);

    if (r || (r = gw_store_closed(s, name, h->when, a, &hours, &n, e)))
        return r;
    ret->name = name;
    ret->closed = GW_NEW_ARRAY(a, uint8_t, hour_of(h, h->when.end_ms) + 1);
    if (!ret->closed)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n; i++)
        if (hours[i] >= h->when.start_ms && hours[i] < h->when.end_ms)
            ret->closed[hour_of(h, hours[i])] = 1;
    return 0;
}

int gw_closed_hours_read(gw_store *s, gw_interval when, gw_arena *a, gw_closed_hours *ret, gw_error *e)
{
    const char **names = NULL;
    size_t n = 0;
    int r = gw_store_clusters(s, a, &names, &n, e);
    if (r)
        return r;
    gw_closed_hours h = {.when = when, .clusters = GW_NEW_ARRAY(a, gw_cluster_hours, n + 1), .n = n};
    if (!h.clusters)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n; i++)
        if ((r = cluster_read(s, &h, names[i], a, &h.clusters[i], e)))
            return r;
    *ret = h;
    return 0;
}

static bool counts(const gw_cluster_hours *c, const char *cluster)
{
    return gw_interval_ms(c->extent) > 0 && (!cluster || gw_eq(c->name, cluster));
}

static bool gone(const gw_cluster_hours *c, int64_t now_ms)
{
    return c->extent.end_ms < now_ms - GW_BUDGET_GONE_MS;
}

bool gw_closed_hours_missing(const gw_closed_hours *h, const char *cluster, int64_t hour_ms, int64_t now_ms)
{
    bool any = false;
    if (hour_ms < h->when.start_ms || hour_ms >= h->when.end_ms)
        return true;
    for (size_t i = 0; i < h->n; i++) {
        const gw_cluster_hours *c = &h->clusters[i];
        if (!counts(c, cluster))
            continue;
        if (c->closed[hour_of(h, hour_ms)]) {
            any = true;
            continue;
        }
        if (hour_ms >= c->extent.start_ms && (hour_ms < c->extent.end_ms || !gone(c, now_ms)))
            return true;
    }
    return !any;
}

int64_t gw_closed_hours_end(const gw_closed_hours *h, const char *cluster, int64_t now_ms)
{
    int64_t end = INT64_MAX;
    for (size_t i = 0; i < h->n; i++)
        if (counts(&h->clusters[i], cluster) && !gone(&h->clusters[i], now_ms))
            end = GW_MIN(end, h->clusters[i].extent.end_ms);
    return end == INT64_MAX ? INT64_MIN : end;
}

int64_t gw_closed_hours_start(const gw_closed_hours *h, const char *cluster)
{
    int64_t start = INT64_MAX;
    for (size_t i = 0; i < h->n; i++)
        if (counts(&h->clusters[i], cluster))
            start = GW_MIN(start, h->clusters[i].extent.start_ms);
    return start;
}
