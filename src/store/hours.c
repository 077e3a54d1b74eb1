/* Hours: what a put means, and what is there. */
#include "base/mem.h"
#include "store/internal.h"

/* ---- days ---- */

int gw_day_write(gw_store *s, int64_t cluster, int64_t day_ms, const gw_rows *rows, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, GW_PACK_BODY_MAX);
    int rc = gw_rows_write(rows, &b, e);
    if (rc == 0) {
        gw_sql_value args[] = {gw_sql_int(cluster), gw_sql_int(day_ms), gw_sql_blob(b.data, b.len)};
        rc = gw_store_run(s,
                          "INSERT INTO gw_day (cluster, day_ms, sums) VALUES ($1, $2, $3) "
                          "ON CONFLICT (cluster, day_ms) DO UPDATE SET sums = excluded.sums",
                          args, 3, NULL, NULL, e);
    }
    gw_buf_free(&b);
    return rc;
}

int gw_day_read(gw_store *s, int64_t cluster, int64_t day_ms, gw_rows *ret, bool *ret_found, gw_error *e)
{
    gw_buf b;
    gw_sql_value args[] = {gw_sql_int(cluster), gw_sql_int(day_ms)};
    gw_buf_init(&b, GW_PACK_BODY_MAX);
    int rc = gw_store_blob(s, "SELECT sums FROM gw_day WHERE cluster = $1 AND day_ms = $2", args, 2, &b,
                           ret_found, e);
    if (rc == 0 && *ret_found)
        rc = gw_rows_read(b.data, b.len, ret, e);
    gw_buf_free(&b);
    return rc;
}

typedef struct adding {
    gw_rows *into;
    const char *cluster;
} adding;

static int add_hour_rows(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    adding *a = ctx;
    gw_rows r;
    GW_UNUSED(n);
    if (v[0].type == GW_SQL_NULL)
        return gw_fail(e, GW_EWINDOW,
                       "cluster %s: an hour of a day whose hours are not kept any more (retention.hourDays) "
                       "cannot be corrected",
                       a->cluster);
    int rc = gw_rows_read(v[0].s.p, v[0].s.n, &r, e);
    if (rc)
        return rc;
    rc = gw_rows_merge(a->into, &r, e);
    gw_rows_free(&r);
    return rc;
}

/*
 * A new hour is added to its day. A corrected one is not subtracted first: the day is summed anew from its
 * hours, since "unknown plus 5" does not remember that something was unknown.
 */
static int update_day(gw_store *s, const gw_groups *c, int64_t hour_ms, const gw_rows *hour, bool corrected,
                      gw_error *e)
{
    int64_t day_ms = hour_ms / GW_DAY_MS * GW_DAY_MS;
    gw_rows day = {0};
    adding a = {&day, c->name};
    bool found;
    int rc;
    if (corrected) {
        gw_sql_value args[] = {gw_sql_int(c->cluster), gw_sql_int(day_ms), gw_sql_int(day_ms + GW_DAY_MS),
                               gw_sql_int(hour_ms)};
        rc = gw_store_run(s,
                          "SELECT sums FROM gw_hour WHERE cluster = $1 AND hour_ms >= $2 AND hour_ms < $3 "
                          "AND hour_ms <> $4 ORDER BY hour_ms",
                          args, 4, add_hour_rows, &a, e);
    } else {
        rc = gw_day_read(s, c->cluster, day_ms, &day, &found, e);
    }
    rc = rc ? rc : gw_rows_merge(&day, hour, e);
    rc = rc ? rc : gw_day_write(s, c->cluster, day_ms, &day, e);
    gw_rows_free(&day);
    return rc;
}

/* ---- the trail ---- */

typedef struct change {
    const char *ns, *workload;
    gw_measures before, after; /* all 0 where the hour had none of it */
    bool was, is;
} change;

typedef struct trail {
    gw_map by_name; /* namespace, NUL, workload -> index */
    change *changes;
    size_t n, cap, next;
    int64_t cluster, hour_ms, at_ms;
    const char *reason;
    uint8_t before[GW_MEASURES_BYTES_MAX], after[GW_MEASURES_BYTES_MAX];
    gw_buf b;
} trail;

static int note(trail *t, const gw_groups *c, const gw_rows *rows, bool after, gw_error *e)
{
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->rows[i].group > c->n)
            return gw_fail(e, GW_ECORRUPT,
                           "cluster %s: an hour names a group that is not there; import a backup", c->name);
        const char *const *dim = c->dim[rows->rows[i].group - 1];
        gw_str parts[] = {gw_str_of(dim[GW_DIM_NAMESPACE - 1]), gw_str_of(dim[GW_DIM_WORKLOAD - 1])};
        gw_buf_clear(&t->b);
        gw_buf_add(&t->b, parts[0].p, parts[0].n + 1); /* with its NUL */
        gw_buf_add(&t->b, parts[1].p, parts[1].n);
        if (t->b.failed)
            return gw_fail_memory(e);
        gw_str key = {t->b.data, t->b.len};
        uint32_t at = gw_map_get(&t->by_name, key);
        if (at == GW_NONE) {
            void *p = t->changes;
            if (gw_grow(&p, &t->cap, t->n + 1, sizeof(*t->changes), 2 * GW_ROWS_MAX))
                return gw_fail_memory(e);
            t->changes = p;
            at = (uint32_t)t->n;
            if (gw_map_set(&t->by_name, key, at))
                return gw_fail_memory(e);
            t->changes[t->n++] = (change){.ns = parts[0].p, .workload = parts[1].p};
        }
        change *ch = &t->changes[at];
        bool *began = after ? &ch->is : &ch->was;
        gw_measures *sum = after ? &ch->after : &ch->before;
        if (*began)
            gw_measures_add(sum, &rows->rows[i].m);
        else
            *sum = rows->rows[i].m;
        *began = true;
    }
    return 0;
}

static gw_sql_value pack_one(gw_buf *b, uint8_t *out, const gw_measures *m)
{
    gw_buf_clear(b);
    gw_measures_put(b, m, sizeof(*m), 1);
    size_t n = b->failed ? 0 : b->len;
    memcpy(out, b->data ? b->data : "", n);
    return gw_sql_blob(out, n);
}

static bool next_change(void *ctx, gw_sql_value *v)
{
    trail *t = ctx;
    while (t->next < t->n &&
           memcmp(&t->changes[t->next].before, &t->changes[t->next].after, sizeof(gw_measures)) == 0)
        t->next++;
    if (t->next == t->n)
        return false;
    const change *c = &t->changes[t->next++];
    v[0] = gw_sql_int(t->cluster);
    v[1] = gw_sql_int(t->hour_ms);
    v[2] = gw_sql_int(t->at_ms);
    v[3] = gw_sql_text(c->ns);
    v[4] = gw_sql_text(c->workload);
    v[5] = gw_sql_text(t->reason);
    v[6] = pack_one(&t->b, t->before, &c->before);
    v[7] = pack_one(&t->b, t->after, &c->after);
    return true;
}

static int write_trail(gw_store *s, const gw_groups *c, int64_t hour_ms, const char *reason, int64_t now_ms,
                       const gw_rows *before, const gw_rows *after, gw_error *e)
{
    trail t = {
        .cluster = c->cluster, .hour_ms = hour_ms, .at_ms = now_ms, .reason = reason ? reason : "read again"};
    gw_map_init(&t.by_name);
    gw_buf_init(&t.b, 2 * GW_TEXT_BYTES_MAX + 2);
    int rc = note(&t, c, before, false, e);
    rc = rc ? rc : note(&t, c, after, true, e);
    /* what next_change() packs fits: no allocation is left that could fail within it */
    gw_buf_clear(&t.b);
    for (size_t i = 0; i < GW_MEASURES_BYTES_MAX; i++)
        gw_buf_putc(&t.b, 0);
    if (rc == 0 && t.b.failed)
        rc = gw_fail_memory(e);
    if (rc == 0)
        rc = s->g->ops->bulk(s->g, "gw_correction",
                             "cluster, hour_ms, at_ms, namespace, workload, reason, sums_before, sums_after",
                             8, next_change, &t, e);
    gw_free(t.changes);
    gw_map_free(&t.by_name);
    gw_buf_free(&t.b);
    return rc;
}

/* ---- put ---- */

static bool is_unknown(int64_t v)
{
    return v == GW_UNKNOWN_COUNT || v == GW_MICRO_UNKNOWN;
}

/* Books that do not balance are a bug of whoever made them, and must not become history. */
static int check_leaf(const gw_hour *h, size_t i, gw_error *e)
{
    const gw_measures *m = &h->leaves[i].m;
    bool whole = true;
    for (size_t c = 0; c < GW_N_MEASURES; c++) {
        int64_t v = gw_measure_of(m, c);
        if (v < 0 && !is_unknown(v))
            return gw_fail(e, GW_EUSAGE, "cluster %s: leaf %zu has %s = %" PRId64, h->cluster, i,
                           gw_measure_names[c], v);
    }
    const int64_t parts[] = {m->used, m->wasted, m->idle, m->unknown, m->overhead};
    int64_t sum = 0;
    for (size_t p = 0; p < GW_COUNT(parts); p++) {
        whole = whole && !is_unknown(parts[p]);
        if (whole && __builtin_add_overflow(sum, parts[p], &sum))
            return gw_fail(e, GW_ELIMIT, "cluster %s: leaf %zu: its amounts are larger than 64 bits hold",
                           h->cluster, i);
    }
    if (whole && !is_unknown(m->bill) && sum != m->bill)
        return gw_fail(e, GW_EUSAGE,
                       "cluster %s: leaf %zu does not balance: its bill is %" PRId64
                       " and its parts come to %" PRId64 " micro-dollars",
                       h->cluster, i, m->bill, sum);
    return 0;
}

typedef struct there {
    bool found, same, has_rows;
    const uint8_t *digest;
    gw_rows rows;
} there;

static int look_row(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    there *t = ctx;
    t->found = true;
    t->same = v[0].s.n == GW_DIGEST_BYTES && memcmp(v[0].s.p, t->digest, GW_DIGEST_BYTES) == 0;
    t->has_rows = n > 1 && v[1].type != GW_SQL_NULL;
    return t->has_rows && !t->same ? gw_rows_read(v[1].s.p, v[1].s.n, &t->rows, e) : 0;
}

static int write_hour(gw_store *s, const gw_hour *h, int64_t cluster, const there *t, const gw_buf *page,
                      const gw_buf *rows, int64_t now_ms, gw_error *e)
{
    gw_sql_value args[] = {gw_sql_int(cluster),
                           gw_sql_int(h->start_ms),
                           gw_sql_int(now_ms),
                           gw_sql_int(h->observed.start_ms),
                           gw_sql_int(h->observed.end_ms),
                           gw_sql_blob(t->digest, GW_DIGEST_BYTES),
                           gw_sql_blob(rows->data, rows->len),
                           page->len ? gw_sql_blob(page->data, page->len) : gw_sql_null(),
                           page->len ? gw_sql_int(s->base_id) : gw_sql_null()};
    return gw_store_run(
        s,
        "INSERT INTO gw_hour (cluster, hour_ms, closed_ms, observed_start_ms, observed_end_ms, digest, sums, "
        "page, "
        "texts) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (cluster, hour_ms) DO UPDATE SET "
        "closed_ms = excluded.closed_ms, observed_start_ms = excluded.observed_start_ms, "
        "observed_end_ms = excluded.observed_end_ms, digest = excluded.digest, sums = excluded.sums, "
        "page = excluded.page, texts = excluded.texts",
        args, GW_COUNT(args), NULL, NULL, e);
}

/* What is there is another, or nothing: everything that belongs to the hour. */
static int write_all(gw_store *s, const gw_hour *h, const gw_leaf_texts *lt, gw_groups *c, const there *t,
                     const gw_put *how, gw_error *e)
{
    gw_rows rows = {0};
    gw_buf page, block;
    int64_t now_ms = s->clock(s->clock_ctx);
    gw_buf_init(&page, GW_PAGE_BYTES_MAX);
    gw_buf_init(&block, GW_PACK_BODY_MAX);
    int rc = gw_groups_sum(s, c, h, lt, NULL, &rows, e);
    if (!how->digest) {
        rc = rc ? rc : gw_base_for(s, c->cluster, lt, e);
        rc = rc ? rc : gw_page_put(h, lt, &s->base, s->base_number, &page, e);
    }
    rc = rc ? rc : gw_rows_write(&rows, &block, e);
    rc = rc ? rc : write_hour(s, h, c->cluster, t, &page, &block, now_ms, e);
    rc = rc ? rc : update_day(s, c, h->start_ms, &rows, t->found, e);
    if (rc == 0 && t->found)
        rc = write_trail(s, c, h->start_ms, how->reason, now_ms, &t->rows, &rows, e);
    gw_rows_free(&rows);
    gw_buf_free(&page);
    gw_buf_free(&block);
    return rc;
}

int gw_cluster_lock(gw_store *s, const char *name, int64_t *ret, gw_error *e)
{
    gw_sql_value args[] = {gw_sql_text(name)};
    int rc = gw_store_int(s, s->g->ops->lock_cluster, args, 1, 0, ret, e);
    if (rc || *ret)
        return rc;
    rc = gw_store_run(s, "INSERT INTO gw_cluster (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", args, 1,
                      NULL, NULL, e);
    return rc ? rc : gw_store_int(s, s->g->ops->lock_cluster, args, 1, 0, ret, e);
}

static int look(gw_store *s, int64_t cluster, int64_t hour_ms, there *t, gw_error *e)
{
    gw_sql_value args[] = {gw_sql_int(cluster), gw_sql_int(hour_ms)};
    return gw_store_run(s, "SELECT digest, sums FROM gw_hour WHERE cluster = $1 AND hour_ms = $2", args, 2,
                        look_row, t, e);
}

/* What is there may be replaced. */
static int may_correct(const gw_hour *h, const there *t, const gw_put *how, gw_error *e)
{
    char at[GW_TIME_TEXT_MAX];
    if (!t->has_rows)
        return gw_fail(
            e, GW_EWINDOW,
            "cluster %s, hour %s: is closed with other numbers, and too old to be corrected: its sums "
            "are not kept any more (retention.hourDays)",
            h->cluster, gw_time_format(h->start_ms, at));
    if (how->refuse)
        return gw_fail(
            e, GW_EUSAGE,
            "cluster %s, hour %s: is there already with other numbers; import with --replace to have "
            "it corrected",
            h->cluster, gw_time_format(h->start_ms, at));
    return 0;
}

int gw_hour_put(gw_store *s, const gw_hour *h, const gw_put *how, gw_put_result *ret, gw_error *e)
{
    gw_leaf_texts lt;
    uint8_t digest[GW_DIGEST_BYTES];
    there t = {.digest = digest};
    int64_t cluster = 0;
    gw_groups *c = NULL;
    int rc = gw_leaf_texts_make(h, &lt, e);
    if (rc)
        return rc;
    for (size_t i = 0; rc == 0 && i < h->n_leaves; i++)
        rc = check_leaf(h, i, e);
    if (how->digest)
        memcpy(digest, how->digest, sizeof(digest));
    else
        rc = rc ? rc : gw_hour_digest(h, &lt, digest, e);
    rc = rc ? rc : gw_cluster_lock(s, h->cluster, &cluster, e);
    rc = rc ? rc : look(s, cluster, h->start_ms, &t, e);
    if (rc == 0 && t.found && !t.same)
        rc = may_correct(h, &t, how, e);
    if (rc == 0 && !t.same) {
        rc = gw_groups_of(s, cluster, &c, e);
        rc = rc ? rc : write_all(s, h, &lt, c, &t, how, e);
    }
    if (rc == 0)
        *ret = t.same ? GW_PUT_SAME : t.found ? GW_PUT_CORRECTED : GW_PUT_NEW;
    gw_rows_free(&t.rows);
    gw_leaf_texts_free(&lt);
    return rc;
}

int gw_store_put_hour(gw_store *s, const gw_hour *h, const char *reason, gw_put_result *ret, gw_error *e)
{
    gw_put_result result = GW_PUT_SAME;
    gw_put how = {.reason = reason};
    int rc = gw_store_begin(s, true, e);
    if (rc)
        return rc;
    rc = gw_store_end(s, gw_hour_put(s, h, &how, &result, e), e);
    if (rc == 0)
        *ret = result;
    return rc;
}

/* ---- what is there ---- */

static int take_extent(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    GW_UNUSED(e);
    if (n == 2 && v[0].type == GW_SQL_INT)
        *(gw_interval *)ctx = (gw_interval){v[0].i, v[1].i + GW_HOUR_MS};
    return 0;
}

int gw_store_extent(gw_store *s, const char *cluster, gw_interval *ret, gw_error *e)
{
    gw_interval found = {0, 0};
    gw_sql_value args[] = {gw_sql_text(cluster)};
    int rc = gw_store_begin(s, false, e);
    if (rc)
        return rc;
    rc = gw_store_run(
        s,
        "SELECT min(hour_ms), max(hour_ms) FROM gw_hour WHERE cluster = (SELECT id FROM gw_cluster "
        "WHERE name = $1)",
        args, 1, take_extent, &found, e);
    rc = gw_store_end(s, rc, e);
    if (rc == 0)
        *ret = found;
    return rc;
}

typedef struct key_list {
    gw_hour_key *keys;
    size_t n, cap;
} key_list;

static int take_key(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    key_list *l = ctx;
    void *p = l->keys;
    GW_UNUSED(n);
    if (gw_grow(&p, &l->cap, l->n + 1, sizeof(*l->keys), GW_HOURS_MAX))
        return gw_fail_memory(e);
    l->keys = p;
    l->keys[l->n++] = (gw_hour_key){v[0].i, v[1].i, 0};
    return 0;
}

typedef struct cluster_name {
    int64_t cluster;
    const char *name;
} cluster_name;

typedef struct cluster_names {
    gw_arena arena;
    cluster_name *list;
    size_t n, cap;
} cluster_names;

static int take_cluster(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    cluster_names *l = ctx;
    void *p = l->list;
    GW_UNUSED(n);
    if (gw_grow(&p, &l->cap, l->n + 1, sizeof(*l->list), GW_CLUSTERS_MAX))
        return gw_fail_memory(e);
    l->list = p;
    l->list[l->n] = (cluster_name){v[0].i, gw_arena_strndup(&l->arena, v[1].s.p, v[1].s.n)};
    return l->list[l->n++].name ? 0 : gw_fail_memory(e);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const cluster_name *)a)->name, ((const cluster_name *)b)->name);
}

static int by_hour(const void *a, const void *b)
{
    const gw_hour_key *x = a, *y = b;
    if (x->hour_ms != y->hour_ms)
        return x->hour_ms < y->hour_ms ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* By hour and then by the name of the cluster: here and not by the database, whose order depends on its
 * locale. */
static int sort_keys(gw_store *s, key_list *l, gw_error *e)
{
    cluster_names names = {.n = 0};
    gw_map rank;
    gw_arena_init(&names.arena, 0);
    gw_map_init(&rank);
    int rc = gw_store_run(s, "SELECT id, name FROM gw_cluster", NULL, 0, take_cluster, &names, e);
    if (rc == 0 && names.n > 1) {
        qsort(names.list, names.n, sizeof(*names.list), by_name);
        for (size_t i = 0; rc == 0 && i < names.n; i++)
            if (gw_map_set(&rank, (gw_str){(const char *)&names.list[i].cluster, sizeof(int64_t)},
                           (uint32_t)i))
                rc = gw_fail_memory(e);
        for (size_t i = 0; rc == 0 && i < l->n; i++)
            l->keys[i].rank = gw_map_get(&rank, (gw_str){(const char *)&l->keys[i].cluster, sizeof(int64_t)});
        if (rc == 0 && l->n > 1)
            qsort(l->keys, l->n, sizeof(*l->keys), by_hour);
    }
    gw_free(names.list);
    gw_map_free(&rank);
    gw_arena_free(&names.arena);
    return rc;
}

int gw_hour_keys_of(gw_store *s, const char *sql, const gw_sql_value *args, size_t n, gw_hour_key **ret,
                    size_t *ret_n, gw_error *e)
{
    key_list l = {0};
    int rc = gw_store_run(s, sql, args, n, take_key, &l, e);
    rc = rc ? rc : sort_keys(s, &l, e);
    if (rc) {
        gw_free(l.keys);
        return rc;
    }
    *ret = l.keys;
    *ret_n = l.n;
    return 0;
}

int gw_hour_keys(gw_store *s, int64_t cluster, gw_interval when, gw_hour_key **ret, size_t *ret_n,
                 gw_error *e)
{
    gw_sql_value args[] = {gw_sql_int(when.start_ms), gw_sql_int(when.end_ms), gw_sql_int(cluster)};
    return gw_hour_keys_of(
        s,
        cluster ? "SELECT hour_ms, cluster FROM gw_hour WHERE hour_ms >= $1 AND hour_ms < $2 AND "
                  "cluster = $3 AND page IS NOT NULL ORDER BY hour_ms"
                : "SELECT hour_ms, cluster FROM gw_hour WHERE hour_ms >= $1 AND hour_ms < $2 AND "
                  "page IS NOT NULL ORDER BY hour_ms",
        args, cluster ? 3 : 2, ret, ret_n, e);
}

int gw_store_closed(gw_store *s, const char *cluster, gw_interval when, gw_arena *arena, int64_t **ret,
                    size_t *ret_n, gw_error *e)
{
    gw_hour_key *keys = NULL;
    size_t n = 0;
    gw_sql_value args[] = {gw_sql_text(cluster), gw_sql_int(when.start_ms), gw_sql_int(when.end_ms)};
    int rc = gw_store_begin(s, false, e);
    if (rc)
        return rc;
    rc = gw_hour_keys_of(
        s,
        "SELECT hour_ms, cluster FROM gw_hour WHERE cluster = (SELECT id FROM gw_cluster WHERE "
        "name = $1) AND hour_ms >= $2 AND hour_ms < $3 ORDER BY hour_ms",
        args, 3, &keys, &n, e);
    rc = gw_store_end(s, rc, e);
    int64_t *hours = rc ? NULL : GW_NEW_ARRAY(arena, int64_t, n);
    if (rc == 0 && !hours)
        rc = gw_fail_memory(e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        hours[i] = keys[i].hour_ms;
    gw_free(keys);
    if (rc == 0) {
        *ret = hours;
        *ret_n = n;
    }
    return rc;
}

typedef struct name_list {
    gw_arena *arena;
    const char **names;
    size_t n, cap;
} name_list;

static int take_name(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    name_list *l = ctx;
    void *p = l->names;
    GW_UNUSED(n);
    if (gw_grow(&p, &l->cap, l->n + 1, sizeof(*l->names), GW_CLUSTERS_MAX))
        return gw_fail_memory(e);
    l->names = p;
    l->names[l->n] = gw_arena_strndup(l->arena, v[0].s.p, v[0].s.n);
    return l->names[l->n++] ? 0 : gw_fail_memory(e);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int gw_store_clusters(gw_store *s, gw_arena *arena, const char ***ret, size_t *ret_n, gw_error *e)
{
    name_list l = {.arena = arena};
    int rc = gw_store_begin(s, false, e);
    if (rc)
        return rc;
    rc = gw_store_run(s, "SELECT name FROM gw_cluster", NULL, 0, take_name, &l, e);
    rc = gw_store_end(s, rc, e);
    const char **names = rc ? NULL : GW_NEW_ARRAY(arena, const char *, l.n);
    if (rc == 0 && !names)
        rc = gw_fail_memory(e);
    if (rc == 0) {
        /* here and not by the database, whose order depends on its locale */
        if (l.n)
            memcpy(names, l.names, l.n * sizeof(*names));
        qsort(names, l.n, sizeof(*names), by_bytes);
        *ret = names;
        *ret_n = l.n;
    }
    gw_free(l.names);
    return rc;
}

/* ---- pages ---- */

typedef struct page_row {
    gw_buf *b;
    int64_t texts;
    bool found;
} page_row;

static int take_page(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    page_row *p = ctx;
    GW_UNUSED(n);
    p->found = v[0].type != GW_SQL_NULL;
    p->texts = v[1].type == GW_SQL_INT ? v[1].i : 0;
    gw_buf_add(p->b, v[0].s.p, v[0].s.n);
    return gw_buf_check(p->b, "a page", e);
}

int gw_hour_page(gw_store *s, int64_t cluster, int64_t hour_ms, gw_arena *arena, gw_hour *ret,
                 bool *ret_found, gw_error *e)
{
    gw_buf b;
    page_row p = {.b = &b};
    gw_sql_value args[] = {gw_sql_int(cluster), gw_sql_int(hour_ms)};
    gw_buf_init(&b, GW_PAGE_BYTES_MAX);
    int rc = gw_store_run(s, "SELECT page, texts FROM gw_hour WHERE cluster = $1 AND hour_ms = $2", args, 2,
                          take_page, &p, e);
    if (rc == 0 && p.found && p.texts)
        rc = gw_base_load(s, cluster, p.texts, e);
    if (rc == 0 && p.found)
        rc = gw_page_get(b.data, b.len, p.texts ? &s->base : NULL, s->base_number, arena, ret, e);
    gw_buf_free(&b);
    if (rc == 0)
        *ret_found = p.found;
    if (rc == GW_ECORRUPT && e) {
        char at[GW_TIME_TEXT_MAX];
        rc = gw_error_prefix(e, "%s: hour %s", s->g->name, gw_time_format(hour_ms, at));
    }
    return rc;
}

/* Each page in a transaction of its own, so that each() may ask the store itself. */
static int one_page(gw_store *s, const gw_hour_key *k, gw_arena *arena,
                    int (*each)(void *ctx, const gw_hour *h, gw_error *e), void *ctx, gw_error *e)
{
    gw_hour h;
    bool found = false;
    int rc = gw_store_begin(s, false, e);
    if (rc)
        return rc;
    rc = gw_store_end(s, gw_hour_page(s, k->cluster, k->hour_ms, arena, &h, &found, e), e);
    return rc || !found ? rc : each(ctx, &h, e);
}

int gw_store_pages(gw_store *s, const char *cluster, gw_interval when,
                   int (*each)(void *ctx, const gw_hour *h, gw_error *e), void *ctx, gw_error *e)
{
    gw_hour_key *keys = NULL;
    size_t n = 0;
    int64_t id = 0;
    int rc = gw_store_begin(s, false, e);
    if (rc)
        return rc;
    rc = cluster ? gw_store_cluster_id(s, cluster, &id, e) : 0;
    if (rc == 0 && (id || !cluster))
        rc = gw_hour_keys(s, id, when, &keys, &n, e);
    rc = gw_store_end(s, rc, e);
    gw_arena arena;
    gw_arena_init(&arena, 0);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = one_page(s, &keys[i], &arena, each, ctx, e);
        gw_arena_reset(&arena);
    }
    gw_arena_free(&arena);
    gw_free(keys);
    return rc;
}
