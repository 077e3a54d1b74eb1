#include "operate/anomaly_watch_internal.h"

#define LEARN_MS    (GW_ANOMALY_HISTORY * GW_HOUR_MS)
#define CHUNK_MS    GW_DAY_MS /* of rows asked for at a time */
#define WORK_MAX    50000     /* values judged in one turn, about a second: a restart learns over several */
#define BACKFILL_MS (14 * GW_DAY_MS) /* of zeros before a group's first hour */
#define UNSEEN_MS   (28 * GW_DAY_MS) /* a group without cost for so long makes room */
#define CALM_HOURS  2

/* ---- series ---- */

int gw_anomaly_watch_new(const gw_anomaly_watch_options *o, gw_anomaly_watch **ret, gw_error *e)
{
    if (o->minimum < 0 || !(o->tail >= 0 && o->tail < 1))
        return gw_fail(e, GW_EUSAGE,
                       "a watch over anomalies wants a minimum of 0 dollars or more and a tail below 1");
    gw_anomaly_watch *w = gw_calloc(1, sizeof(*w));
    if (!w)
        return gw_fail_memory(e);
    w->minimum = o->minimum ? o->minimum : GW_ANOMALY_MINIMUM;
    w->tail = o->tail;
    gw_map_init(&w->index);
    *ret = w;
    return 0;
}

static void series_free(gw_watched *x)
{
    if (!x)
        return;
    for (int m = 0; m < GW_N_WATCH_METRICS; m++) {
        gw_anomaly_free(x->detector[m]);
        gw_open_free(&x->open[m]);
    }
    gw_free(x->cluster);
    gw_free(x->value);
    gw_free(x);
}

void gw_anomaly_watch_free(gw_anomaly_watch *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n_series; i++)
        series_free(w->series[i]);
    for (size_t i = 0; i < w->n_clusters; i++)
        gw_free(w->clusters[i].name);
    gw_free(w->series);
    gw_free(w->clusters);
    gw_map_free(&w->index);
    gw_free(w);
}

gw_watch_cluster *gw_watch_cluster_of(gw_anomaly_watch *w, const char *name, gw_error *e)
{
    for (size_t i = 0; i < w->n_clusters; i++)
        if (strcmp(w->clusters[i].name, name) == 0)
            return &w->clusters[i];
    int r = gw_grow((void **)&w->clusters, &w->cap_clusters, w->n_clusters + 1, sizeof(*w->clusters),
                    GW_WATCH_CLUSTERS_MAX);
    char *copy = r ? NULL : gw_strdup(name);
    if (!copy) {
        if (r == GW_ELIMIT)
            gw_fail(e, r, "more than %d clusters", GW_WATCH_CLUSTERS_MAX);
        else
            gw_fail_memory(e);
        return NULL;
    }
    w->clusters[w->n_clusters] = (gw_watch_cluster){copy, INT64_MIN, INT64_MIN};
    return &w->clusters[w->n_clusters++];
}

static int key_of(const char *cluster, gw_dim dim, const char *value, gw_buf *b, gw_error *e)
{
    gw_buf_printf(b, "%d", (int)dim);
    gw_buf_add(b, cluster, strlen(cluster) + 1);
    gw_buf_puts(b, value);
    return gw_buf_check(b, "name of a series", e);
}

static int index_put(gw_anomaly_watch *w, const gw_watched *x, uint32_t at, gw_error *e)
{
    gw_buf key;
    gw_buf_init(&key, 1 << 16);
    int r = key_of(x->cluster, x->dim, x->value, &key, e);
    if (!r && gw_map_set(&w->index, (gw_str){key.data, key.len}, at))
        r = gw_fail_memory(e);
    gw_buf_free(&key);
    return r;
}

/* Forgets groups that have cost nothing for weeks. */
static int make_room(gw_anomaly_watch *w, int64_t now_ms, gw_error *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->n_series; i++) {
        gw_watched *x = w->series[i];
        bool open = x->open[GW_WATCH_COST].on || x->open[GW_WATCH_UTILISATION].on;
        if (!open && x->seen_ms < now_ms - UNSEEN_MS)
            series_free(x);
        else
            w->series[kept++] = x;
    }
    if (kept == w->n_series)
        return 0;
    w->n_series = kept;
    gw_map_free(&w->index);
    gw_map_init(&w->index);
    for (size_t i = 0; i < kept; i++) {
        int r = index_put(w, w->series[i], (uint32_t)i, e);
        if (r)
            return r;
    }
    return 0;
}

static int series_new(gw_anomaly_watch *w, const char *cluster, gw_dim dim, const char *value,
                      gw_watched **ret, gw_error *e)
{
    int r = gw_grow((void **)&w->series, &w->cap_series, w->n_series + 1, sizeof(*w->series),
                    GW_ANOMALY_SERIES_MAX);
    gw_watched *x = r ? NULL : gw_calloc(1, sizeof(*x));
    if (!x)
        return gw_fail_memory(e);
    x->dim = dim;
    x->seen_ms = x->stamp_ms = INT64_MIN;
    r = (x->cluster = gw_strdup(cluster)) && (x->value = gw_strdup(value)) ? 0 : gw_fail_memory(e);
    for (int m = 0; m < GW_N_WATCH_METRICS && !r; m++)
        r = gw_anomaly_new(&(gw_anomaly_options){.step_ms = GW_HOUR_MS, .tail = w->tail}, &x->detector[m], e);
    if (!r)
        r = index_put(w, x, (uint32_t)w->n_series, e);
    if (r) {
        series_free(x);
        return r;
    }
    w->series[w->n_series++] = x;
    *ret = x;
    return 0;
}

int gw_watch_series_of(gw_anomaly_watch *w, const char *cluster, gw_dim dim, const char *value,
                       gw_watched **ret, gw_error *e)
{
    gw_buf key;
    gw_buf_init(&key, 1 << 16);
    int r = key_of(cluster, dim, value, &key, e);
    uint32_t at = r ? GW_NONE : gw_map_get(&w->index, (gw_str){key.data, key.len});
    gw_buf_free(&key);
    *ret = NULL;
    if (r)
        return r;
    if (at != GW_NONE)
        *ret = w->series[at];
    else if (w->n_series < GW_ANOMALY_SERIES_MAX)
        return series_new(w, cluster, dim, value, ret, e);
    return 0;
}

/* ---- one hour of one series ---- */

typedef struct turn {
    gw_anomaly_watch *w;
    gw_store *store;
    gw_watch_cluster *cluster;
    int64_t now_ms;
    gw_events *events;
    size_t work; /* values fed */
} turn;

/* An hour of what is open: what it added, and whether it was the last. `bill`: of the hour. */
static void open_goes_on(gw_open *o, gw_watch_metric m, int64_t hour_ms, double value, double bill,
                         const gw_anomaly_verdict *v)
{
    bool calm = value >= v->low && value <= v->high; /* false where there is no range */
    if (!isnan(v->expected))
        o->impact += m == GW_WATCH_COST ? value - v->expected : (v->expected - value) * bill;
    o->last_ms = hour_ms;
    o->dirty = true;
    if (!calm)
        o->calm_ms = INT64_MIN;
    else if (o->calm_ms == INT64_MIN)
        o->calm_ms = hour_ms;
    if (calm && hour_ms - o->calm_ms >= (CALM_HOURS - 1) * GW_HOUR_MS) {
        o->over = true;
        o->end_ms = o->calm_ms;
    } else if (hour_ms + GW_HOUR_MS - o->at_ms >= GW_ANOMALY_OPEN_MAX_MS) {
        o->over = true;
        o->end_ms = hour_ms + GW_HOUR_MS;
    }
}

static void open_begin(gw_open *o, gw_watch_metric m, int64_t hour_ms, double value, double bill,
                       const gw_anomaly_verdict *v)
{
    if (isnan(v->expected) || (m == GW_WATCH_UTILISATION && value >= v->expected))
        return; /* who works more needs no alarm */
    *o = (gw_open){.on = true,
                   .at_ms = hour_ms,
                   .calm_ms = INT64_MIN,
                   .observed = value,
                   .expected = v->expected,
                   .low = v->low,
                   .high = v->high,
                   .score = v->score};
    open_goes_on(o, m, hour_ms, value, bill, v);
    o->calm_ms = INT64_MIN; /* the range may be wide; it was strange all the same */
    o->over = false;
}

/* value NAN: not known. */
static int hour_feed(turn *t, gw_watched *x, gw_watch_metric m, int64_t hour_ms, double value, double bill,
                     gw_error *e)
{
    gw_anomaly_verdict v;
    gw_open *o = &x->open[m];

    if (gw_anomaly_last_ms(x->detector[m]) >= hour_ms)
        return 0; /* before a turn that failed */
    gw_anomaly_add(x->detector[m], hour_ms, value, &v);
    t->work++;
    if (t->cluster->judged_ms > hour_ms || isnan(value))
        return 0;
    if (o->on && !o->over) {
        o->score = GW_MAX(o->score, v.score);
        open_goes_on(o, m, hour_ms, value, bill, &v);
    } else if (!o->on && v.anomalous)
        open_begin(o, m, hour_ms, value, bill, &v);
    bool due = !o->told && fabs(o->impact) * 1e6 >= (double)t->w->minimum;
    return o->on && (o->over || due) ? gw_watch_tell(t->w, x, m, t->store, t->now_ms, t->events, e) : 0;
}

static int series_feed(turn *t, gw_watched *x, int64_t hour_ms, const gw_measures *m, gw_error *e)
{
    double cost = 0, used = NAN;
    if (m) {
        /* a sum that leaves out most of the GPUs for want of a price says nothing about the cost */
        cost =
            m->bill < 0 || m->unpriced_ms * 2 > GW_MAX(m->paid_ms, 0) ? (double)NAN : (double)m->bill / 1e6;
        if (m->known_ms > 0 && m->used_ms >= 0 && m->known_ms * 2 >= m->allocated_ms)
            used = (double)m->used_ms / (double)m->known_ms;
        if (m->bill > 0)
            x->seen_ms = hour_ms;
    }
    x->stamp_ms = hour_ms;
    int r = hour_feed(t, x, GW_WATCH_COST, hour_ms, cost, cost, e);
    return r ? r : hour_feed(t, x, GW_WATCH_UTILISATION, hour_ms, used, isnan(cost) ? 0 : cost, e);
}

/* ---- hours of one grouping ---- */

/* A group that comes up was free before, as far as the books go back. */
static void backfill(gw_watched *x, const int64_t *hours, size_t upto)
{
    for (size_t i = 0; i < upto; i++)
        if (hours[i] >= hours[upto] - BACKFILL_MS)
            gw_anomaly_add(x->detector[GW_WATCH_COST], hours[i], 0, NULL);
}

static int rows_feed(turn *t, gw_dim dim, const gw_sums *sums, const int64_t *known, size_t n_known,
                     gw_interval when, gw_error *e)
{
    size_t row = 0;
    int r;
    for (size_t h = 0; h < n_known; h++) {
        if (known[h] < when.start_ms)
            continue;
        for (; row < sums->n && sums->rows[row].step_ms <= known[h]; row++) {
            gw_watched *x;
            if (sums->rows[row].step_ms < known[h])
                continue;
            if ((r = gw_watch_series_of(t->w, t->cluster->name, dim,
                                        dim == GW_DIM_CLUSTER ? "" : sums->rows[row].key[0], &x, e)))
                return r;
            if (x && x->stamp_ms == INT64_MIN)
                backfill(x, known, h);
            if (x && (r = series_feed(t, x, known[h], &sums->rows[row].m, e)))
                return r;
        }
        for (size_t i = 0; i < t->w->n_series; i++) {
            gw_watched *x = t->w->series[i];
            if (x->dim == dim && x->stamp_ms < known[h] && strcmp(x->cluster, t->cluster->name) == 0 &&
                (r = series_feed(t, x, known[h], NULL, e)))
                return r;
        }
    }
    return 0;
}

static int grouping_feed(turn *t, gw_dim dim, const int64_t *known, size_t n_known, gw_interval when,
                         gw_error *e)
{
    gw_query q = {.when = when, .step = GW_STEP_HOUR, .n_where = 1};
    gw_sums sums;
    q.where[0].dim = GW_DIM_CLUSTER;
    q.where[0].value = t->cluster->name;
    q.by[0] = dim;
    q.n_by = 1;
    int r = gw_store_sum(t->store, &q, &sums, e);
    if (r)
        return r;
    r = rows_feed(t, dim, &sums, known, n_known, when, e);
    gw_sums_free(&sums);
    return r;
}

/* A day at most. The hours before it come along for the backfill. */
static int chunk_feed(turn *t, gw_interval when, gw_error *e)
{
    static const gw_dim dims[] = {GW_DIM_CLUSTER, GW_DIM_TEAM, GW_DIM_NAMESPACE};
    gw_arena a;
    int64_t *known = NULL;
    size_t n = 0;

    gw_arena_init(&a, 0);
    int r = gw_store_closed(t->store, t->cluster->name,
                            (gw_interval){when.start_ms - BACKFILL_MS, when.end_ms}, &a, &known, &n, e);
    for (size_t i = 0; i < GW_COUNT(dims) && !r; i++)
        r = grouping_feed(t, dims[i], known, n, when, e);
    gw_arena_free(&a);
    if (!r)
        t->cluster->fed_ms = when.end_ms;
    return r;
}

static int cluster_feed(turn *t, const char *name, bool *ret_more, gw_error *e)
{
    gw_interval extent;
    int r = gw_store_extent(t->store, name, &extent, e);
    if (r)
        return r;
    t->cluster = gw_watch_cluster_of(t->w, name, e);
    if (!t->cluster)
        return e ? e->code : GW_ENOMEM;
    gw_watch_cluster *c = t->cluster;
    if (c->fed_ms == INT64_MIN) {
        int64_t from = c->judged_ms == INT64_MIN ? extent.end_ms : GW_MIN(c->judged_ms, extent.end_ms);
        c->fed_ms = GW_MAX(extent.start_ms, from - LEARN_MS);
    }
    while (c->fed_ms < extent.end_ms && t->work < WORK_MAX) {
        r = chunk_feed(t, (gw_interval){c->fed_ms, GW_MIN(c->fed_ms + CHUNK_MS, extent.end_ms)}, e);
        if (r)
            return r;
        c->judged_ms = GW_MAX(c->judged_ms, c->fed_ms);
        *ret_more = true;
    }
    return 0;
}

/* What an earlier turn could not tell, and documents that are behind. */
static int catch_up(const turn *t, gw_error *e)
{
    for (size_t i = 0; i < t->w->n_series; i++)
        for (int m = 0; m < GW_N_WATCH_METRICS; m++) {
            gw_watched *x = t->w->series[i];
            const gw_open *o = &x->open[m];
            if (!o->on || !(o->over || o->told))
                continue;
            int r = gw_watch_tell(t->w, x, (gw_watch_metric)m, t->store, t->now_ms, t->events, e);
            if (r)
                return r;
        }
    return 0;
}

int gw_anomaly_watch_turn(gw_anomaly_watch *w, gw_store *s, int64_t now_ms, gw_events *events, gw_error *e)
{
    turn t = {w, s, NULL, now_ms, events, 0};
    gw_arena a;
    const char **names = NULL;
    size_t n = 0;
    bool more = false;
    int r = 0;

    if (!w->loaded && (r = gw_watch_state_read(w, s, e)))
        return r;
    w->loaded = true;
    if ((r = catch_up(&t, e)) || (w->n_series == GW_ANOMALY_SERIES_MAX && (r = make_room(w, now_ms, e))))
        return r;
    gw_arena_init(&a, 0);
    r = gw_store_clusters(s, &a, &names, &n, e);
    for (size_t i = 0; i < n && !r; i++)
        r = cluster_feed(&t, names[i], &more, e);
    gw_arena_free(&a);
    if (!r && more)
        r = catch_up(&t, e);
    if (!r && more)
        r = gw_watch_state_write(w, s, e);
    return r;
}
