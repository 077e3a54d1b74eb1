/*
 * Which hours are in the store, and which are to be put there.
 *
 * An hour is closed once it is over and late samples had their time. It is put again when the watch judged it
 * anew with another result, or prices changed: the store compares, and keeps a trail of what became
 * different. What an earlier process closed is read again as far back as the watch reaches, except its first
 * day, which this process judges without knowing the day before.
 */
#include "base/number.h"
#include "fleet/copy.h"
#include "operate/hour.h"
#include "serve/daemon_internal.h"

static gw_booked *find(const gw_daemon *d, int64_t start_ms)
{
    size_t low = 0, high = d->n_booked;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (d->booked[mid].start_ms < start_ms)
            low = mid + 1;
        else
            high = mid;
    }
    return low < d->n_booked && d->booked[low].start_ms == start_ms ? &d->booked[low] : NULL;
}

static int by_start(const void *a, const void *b)
{
    int64_t x = ((const gw_booked *)a)->start_ms, y = ((const gw_booked *)b)->start_ms;
    return (x > y) - (x < y);
}

static int note(gw_daemon *d, gw_booked b, gw_error *e)
{
    gw_booked *there = find(d, b.start_ms);
    if (there) {
        *there = b;
        return 0;
    }
    if (gw_grow((void **)&d->booked, &d->cap_booked, d->n_booked + 1, sizeof(*d->booked),
                GW_WATCH_HOURS_MAX * 4))
        return gw_fail_memory(e);
    d->booked[d->n_booked++] = b;
    qsort(d->booked, d->n_booked, sizeof(*d->booked), by_start);
    return 0;
}

/* ---- clusters ------------------------------------------------------------------------------------------ */

/*
 * A Prometheus may hold several clusters, which its series name; nodes that name none, and the control plane,
 * are of the cluster that the settings name. Each has hours of its own in the store.
 */
typedef struct clusters {
    const char *names[GW_CLUSTERS_MAX];
    size_t n;
} clusters;

static void add_cluster(clusters *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->names[i], name) == 0)
            return;
    }
    if (c->n < GW_CLUSTERS_MAX)
        c->names[c->n++] = name;
}

/* Of every node that was ever there, so that a cluster whose nodes are away has empty hours and not missing
 * ones. */
static int find_clusters(const gw_daemon *d, const gw_fleet *f, clusters *ret, gw_error *e)
{
    ret->n = 0;
    for (size_t i = 0; i < f->n_nodes; i++) {
        const char *own = f->nodes[i].cluster;
        add_cluster(ret, own && *own ? own : d->config->cluster);
    }
    if (f->n_nodes == 0)
        add_cluster(ret, d->config->cluster);
    if (ret->n == GW_CLUSTERS_MAX)
        return gw_fail(e, GW_ELIMIT,
                       "the source names %d clusters or more; read fewer with --prometheus-matcher",
                       GW_CLUSTERS_MAX);
    return 0;
}

/*
 * Whether an earlier process observed from the same time on: it judged its first day with as little knowledge
 * of the day before as this one does, and its hours may be corrected. Who started at another time knew other
 * things.
 */
static int learn_start(gw_daemon *d, gw_error *e)
{
    gw_arena arena;
    gw_document doc;
    char text[32];
    int64_t earlier = 0;
    int n = snprintf(text, sizeof(text), "%" PRId64, d->span.start_ms);
    gw_arena_init(&arena, 0);
    int rc = gw_store_document_get(d->store, "start", d->config->cluster, &arena, &doc, e);
    if (rc == 0)
        d->same_start = gw_parse_int64(doc.body, &earlier) && earlier == d->span.start_ms;
    if (rc == GW_ENOTFOUND)
        rc = 0;
    if (rc == 0 && !d->same_start)
        rc = gw_store_document_put(d->store, "start", d->config->cluster, (gw_str){text, (size_t)n}, e);
    gw_arena_free(&arena);
    return rc;
}

/* What earlier processes closed, of any of the clusters: those that lack an hour are looked for when it is
 * put. */
static int learn(gw_daemon *d, const clusters *c, gw_error *e)
{
    const gw_interval when = {d->span.start_ms - GW_HOUR_MS, d->span.end_ms};
    gw_arena arena;
    int rc = learn_start(d, e);
    gw_arena_init(&arena, 0);
    for (size_t k = 0; k < c->n && !rc; k++) {
        int64_t *starts = NULL;
        size_t n = 0;
        rc = gw_store_closed(d->store, c->names[k], when, &arena, &starts, &n, e);
        for (size_t i = 0; i < n && !rc; i++)
            rc = note(d, (gw_booked){.start_ms = starts[i]}, e);
    }
    gw_arena_free(&arena);
    d->booked_known = rc == 0;
    return rc;
}

/* ---- hours --------------------------------------------------------------------------------------------- */

static bool is_due(const gw_daemon *d, const gw_watch_hour *h, int64_t now_ms)
{
    /* while days are to be read that will tell more of the one before, that one waits for them */
    if (d->catching_up)
        return h->complete && h->when.end_ms <= now_ms - GW_DAY_MS;
    return h->complete && (d->recording || now_ms >= h->when.end_ms + GW_CLOSE_MS);
}

static int64_t hour_of(const gw_watch_hour *h)
{
    return h->when.start_ms / GW_HOUR_MS * GW_HOUR_MS;
}

/* Whether the store's hour may differ from what is known now. */
static bool is_changed(const gw_daemon *d, const gw_watch_hour *h)
{
    const gw_booked *b = find(d, hour_of(h));
    return !b || b->revision != h->revision || b->prices != d->prices;
}

/*
 * Whether an hour may only be added, and never put in place of one that the store has: one that the window
 * cuts, and those of the watch's first day that a process closed which knew the day before.
 */
static bool adds_only(const gw_daemon *d, const gw_watch_hour *h)
{
    const gw_booked *b = find(d, hour_of(h));
    bool cut = gw_interval_ms(h->when) < GW_HOUR_MS;
    bool first_day = h->when.start_ms < d->span.start_ms + GW_DAY_MS;
    return (cut && !d->same_start) || (b && b->revision == 0 && first_day && !d->same_start);
}

static const char *reason_of(const gw_daemon *d, const gw_watch_hour *h)
{
    const gw_booked *b = find(d, hour_of(h));
    if (!b || b->revision == 0)
        return "read again after a restart";
    return b->prices != d->prices ? "prices changed" : "late samples";
}

/* The leaves of one cluster, to the front of `all`, which has room for all of them. */
static gw_hour part_of(const gw_hour *h, const char *cluster, const char *own, gw_hour_leaf *all)
{
    gw_hour part = *h;
    part.cluster = cluster;
    part.leaves = all;
    part.n_leaves = 0;
    for (size_t i = 0; i < h->n_leaves; i++) {
        const char *of = h->leaves[i].dim[GW_DIM_CLUSTER];
        if (strcmp(of, cluster) == 0 || (strcmp(own, cluster) == 0 && !*of))
            all[part.n_leaves++] = h->leaves[i];
    }
    part.total = gw_hour_sum(&part);
    return part;
}

/* Whether the store has that very hour, by an earlier process or by this one. */
static int has_hour(gw_daemon *d, const gw_hour *h, bool *ret, gw_error *e)
{
    const gw_interval when = {h->start_ms, h->start_ms + GW_HOUR_MS};
    gw_arena arena;
    int64_t *starts = NULL;
    size_t n = 0;
    gw_arena_init(&arena, 0);
    int rc = gw_store_closed(d->store, h->cluster, when, &arena, &starts, &n, e);
    gw_arena_free(&arena);
    *ret = n > 0;
    return rc;
}

/* A correction that retention forbids is settled: the hour stays as it was closed. */
static int put_one(gw_daemon *d, const gw_hour *h, bool add_only, const char *reason, gw_put_result *ret,
                   gw_error *e)
{
    bool there = false;
    gw_error why = {0};
    int rc = add_only ? has_hour(d, h, &there, e) : 0;
    if (rc || there)
        return rc;
    rc = gw_store_put_hour(d->store, h, reason, ret, &why);
    if (rc == GW_EWINDOW) {
        *ret = GW_PUT_SAME;
        return 0;
    }
    if (rc && e)
        *e = why;
    return rc;
}

static int put_clusters(gw_daemon *d, const gw_hour *h, clusters c, bool add_only, const char *reason,
                        uint64_t *ret_new, gw_error *e)
{
    gw_hour_leaf *room = GW_NEW_ARRAY(h->arena, gw_hour_leaf, h->n_leaves + 1);
    int rc = room ? 0 : gw_fail_memory(e);
    for (size_t i = 0; i < h->n_leaves; i++) /* the control plane's may be nobody else's */
        add_cluster(&c, h->leaves[i].dim[GW_DIM_CLUSTER]);
    for (size_t k = 0; k < c.n && !rc; k++) {
        gw_hour part = part_of(h, c.names[k], d->config->cluster, room);
        gw_put_result result = GW_PUT_SAME;
        rc = put_one(d, &part, add_only, reason, &result, e);
        if (rc)
            break;
        *ret_new += result == GW_PUT_NEW;
        pthread_mutex_lock(&d->state);
        d->status.corrections += result == GW_PUT_CORRECTED;
        pthread_mutex_unlock(&d->state);
    }
    return rc;
}

static int put(gw_daemon *d, gw_fleet *fleet, const clusters *c, const gw_watch_hour *h, uint64_t *ret_new,
               gw_error *e)
{
    gw_usage usage;
    gw_arena arena;
    gw_hour hour;
    uint64_t fresh = 0;
    int rc = gw_watch_merge(d->watch, h->when, fleet, &usage, e);
    if (rc)
        return rc;
    gw_arena_init(&arena, 0);
    const gw_hour_input in = {.fleet = fleet,
                              .usage = &usage,
                              .prices = d->base.prices,
                              .ownership = &d->base.ownership,
                              .cluster = d->config->cluster};
    rc = gw_hour_make(&in, &arena, &hour, e);
    if (rc == 0)
        rc = put_clusters(d, &hour, *c, adds_only(d, h), reason_of(d, h), &fresh, e);
    gw_arena_free(&arena);
    gw_usage_free(&usage);
    if (rc)
        return rc;
    *ret_new += fresh;
    pthread_mutex_lock(&d->state);
    d->status.hours_closed += fresh > 0;
    d->status.last_closed_ms = GW_MAX(d->status.last_closed_ms, hour_of(h) + GW_HOUR_MS);
    pthread_mutex_unlock(&d->state);
    return note(d, (gw_booked){hour_of(h), h->revision, d->prices}, e);
}

/* The fleet as of now with its owners, which the watch's own does not resolve. */
static int clone_fleet(gw_daemon *d, gw_fleet *ret, gw_error *e)
{
    int rc = gw_fleet_clone(ret, gw_watch_fleet(d->watch), e);
    if (rc == 0 && gw_fleet_resolve_owners(ret)) {
        gw_fleet_free(ret);
        rc = gw_fail_memory(e);
    }
    return rc;
}

static int close_all(gw_daemon *d, gw_fleet *fleet, int64_t now_ms, uint64_t *ret_new, gw_error *e)
{
    clusters c;
    int rc = find_clusters(d, fleet, &c, e);
    if (rc == 0 && !d->booked_known)
        rc = learn(d, &c, e);
    for (size_t i = 0; i < gw_watch_hours(d->watch) && !rc; i++) {
        gw_watch_hour h = gw_watch_hour_at(d->watch, i);
        if (is_due(d, &h, now_ms) && is_changed(d, &h))
            rc = put(d, fleet, &c, &h, ret_new, e);
    }
    return rc;
}

int gw_daemon_close_hours(gw_daemon *d, int64_t now_ms, uint64_t *ret_new, gw_error *e)
{
    gw_fleet fleet;
    bool any = false;
    /* Hours that are judged anew with another result are put again when a further hour is closed, so that the
     * trail has one line for what became of an hour, and not one for each judgement. */
    bool again = d->booked_prices != d->prices;
    for (size_t i = 0; i < gw_watch_hours(d->watch) && !any; i++) {
        gw_watch_hour h = gw_watch_hour_at(d->watch, i);
        const gw_booked *b = find(d, hour_of(&h));
        any = is_due(d, &h, now_ms) && (!b || b->revision == 0 || (again && is_changed(d, &h)));
    }
    if (!any)
        return 0;
    d->booked_prices = d->prices;
    int rc = clone_fleet(d, &fleet, e);
    if (rc)
        return rc;
    rc = close_all(d, &fleet, now_ms, ret_new, e);
    gw_fleet_free(&fleet);
    return rc;
}

void gw_daemon_forget_hours(gw_daemon *d, int64_t before_ms)
{
    size_t gone = 0;
    while (gone < d->n_booked && d->booked[gone].start_ms < before_ms)
        gone++;
    d->n_booked -= gone;
    if (gone)
        memmove(d->booked, d->booked + gone, d->n_booked * sizeof(*d->booked));
}

uint64_t gw_daemon_hours_waiting(const gw_daemon *d, int64_t now_ms)
{
    uint64_t n = 0;
    for (size_t i = 0; i < gw_watch_hours(d->watch); i++) {
        gw_watch_hour h = gw_watch_hour_at(d->watch, i);
        n += is_due(d, &h, now_ms) && !find(d, hour_of(&h));
    }
    return n;
}
