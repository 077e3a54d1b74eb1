/*
 * Sums over history. Blocks of rows are read in order of time and added up here and not by the database:
 * integers that overflow are noticed, both engines give the same, and a block of a thousand rows costs one
 * row of SQL.
 */
#include "base/mem.h"
#include "store/internal.h"

#define KEY_BYTES_MAX (GW_MAX_BY * (GW_TEXT_BYTES_MAX + 10))

/* Of a cluster: which key each of its groups has, GW_NONE where the query leaves the group out. */
typedef struct keyed {
    int64_t cluster;
    uint32_t *key; /* key[group - 1] */
    size_t n;
} keyed;

typedef struct key {
    const char *text[GW_MAX_BY];
    uint32_t last; /* the sum that was added to last: most often the next one, too */
} key;

typedef struct sum_row {
    gw_sum s;
    uint32_t key;
    int64_t day_ms; /* that `hours` is of */
    uint32_t hours; /* of that day, not counted in s.hours yet */
} sum_row;

typedef struct summing {
    const gw_query *q;
    gw_interval when;
    keyed *clusters; /* by number */
    size_t n_clusters, cap_clusters;
    gw_map by_text; /* joined texts -> index into keys */
    key *keys;
    size_t n_keys, cap_keys;
    gw_map by_step; /* (step, key) -> index into rows */
    sum_row *rows;
    size_t n_rows, cap_rows;
    gw_arena texts;
    gw_buf join;
} summing;

/* ---- steps ---- */

/* Days since 1970 of the first of a month; the way over 400-year cycles that begin in March, so that the leap
 * day is the last of a year. */
static int64_t days_of(int64_t year, int64_t month)
{
    year -= month <= 2;
    int64_t cycle = (year >= 0 ? year : year - 399) / 400;
    int64_t y = year - cycle * 400, m = month > 2 ? month - 3 : month + 9;
    return cycle * 146097 + y * 365 + y / 4 - y / 100 + (153 * m + 2) / 5 - 719468;
}

static int64_t month_start(int64_t day)
{
    int64_t year = 1970 + day * 400 / 146097;
    while (days_of(year + 1, 1) <= day)
        year++;
    while (days_of(year, 1) > day)
        year--;
    int64_t month = 12;
    while (days_of(year, month) > day)
        month--;
    return days_of(year, month);
}

static int64_t step_of(const summing *s, int64_t ms)
{
    int64_t day = ms / GW_DAY_MS;
    switch (s->q->step) {
    case GW_STEP_HOUR:
        return ms / GW_HOUR_MS * GW_HOUR_MS;
    case GW_STEP_DAY:
        return day * GW_DAY_MS;
    case GW_STEP_WEEK: /* 1970-01-01 was a Thursday */
        return (day - (day + 3) % 7) * GW_DAY_MS;
    case GW_STEP_MONTH:
        return month_start(day) * GW_DAY_MS;
    case GW_STEP_NONE:
        break;
    }
    return s->when.start_ms;
}

/* ---- keys ---- */

static const char *dim_of(const gw_groups *c, size_t group, gw_dim d)
{
    return d == GW_DIM_CLUSTER ? c->name : c->dim[group][d - 1];
}

static bool wanted(const gw_query *q, const gw_groups *c, size_t group)
{
    for (size_t w = 0; w < q->n_where; w++)
        if (!gw_eq(dim_of(c, group, q->where[w].dim), q->where[w].value))
            return false;
    return true;
}

static int find_key(summing *s, const gw_groups *c, size_t group, uint32_t *ret, gw_error *e)
{
    gw_buf_clear(&s->join);
    for (size_t b = 0; b < s->q->n_by; b++) {
        gw_str t = gw_str_of(dim_of(c, group, s->q->by[b]));
        gw_buf_printf(&s->join, "%zu:", t.n);
        gw_buf_add(&s->join, t.p, t.n);
    }
    int rc = gw_buf_check(&s->join, "a key", e);
    if (rc)
        return rc;
    gw_str joined = {s->join.data ? s->join.data : "", s->join.len};
    uint32_t at = gw_map_get(&s->by_text, joined);
    if (at == GW_NONE) {
        void *p = s->keys;
        if (gw_grow(&p, &s->cap_keys, s->n_keys + 1, sizeof(*s->keys), UINT32_MAX))
            return gw_fail_memory(e);
        s->keys = p;
        at = (uint32_t)s->n_keys;
        s->keys[at] = (key){.last = GW_NONE};
        for (size_t b = 0; b < s->q->n_by; b++) {
            s->keys[at].text[b] = gw_arena_strdup(&s->texts, dim_of(c, group, s->q->by[b]));
            if (!s->keys[at].text[b])
                return gw_fail_memory(e);
        }
        if (gw_map_set(&s->by_text, joined, at))
            return gw_fail_memory(e);
        s->n_keys++;
    }
    *ret = at;
    return 0;
}

/* A cluster that takes part; one of which no group is wanted is left out. */
static int add_cluster(summing *s, const gw_groups *c, gw_error *e)
{
    keyed k = {c->cluster, gw_malloc(GW_MAX(c->n, (size_t)1) * sizeof(uint32_t)), c->n};
    bool any = false;
    int rc = k.key ? 0 : gw_fail_memory(e);
    for (size_t g = 0; rc == 0 && g < c->n; g++) {
        k.key[g] = GW_NONE;
        if (wanted(s->q, c, g)) {
            any = true;
            rc = find_key(s, c, g, &k.key[g], e);
        }
    }
    void *p = s->clusters;
    if (rc == 0 && any && gw_grow(&p, &s->cap_clusters, s->n_clusters + 1, sizeof(keyed), GW_CLUSTERS_MAX))
        rc = gw_fail_memory(e);
    if (rc || !any) {
        gw_free(k.key);
        return rc;
    }
    s->clusters = p;
    s->clusters[s->n_clusters++] = k;
    return 0;
}

typedef struct id_list {
    int64_t *ids;
    size_t n, cap;
} id_list;

static int take_id(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    id_list *l = ctx;
    void *p = l->ids;
    GW_UNUSED(n);
    if (gw_grow(&p, &l->cap, l->n + 1, sizeof(*l->ids), GW_CLUSTERS_MAX))
        return gw_fail_memory(e);
    l->ids = p;
    l->ids[l->n++] = v[0].i;
    return 0;
}

static int add_clusters(gw_store *st, summing *s, gw_error *e)
{
    id_list l = {0};
    const char *only = NULL;
    for (size_t w = 0; w < s->q->n_where && !only; w++)
        if (s->q->where[w].dim == GW_DIM_CLUSTER)
            only = s->q->where[w].value;
    gw_sql_value args[] = {gw_sql_text(only ? only : "")};
    int rc = gw_store_run(
        st, only ? "SELECT id FROM gw_cluster WHERE name = $1" : "SELECT id FROM gw_cluster ORDER BY id",
        args, only ? 1 : 0, take_id, &l, e);
    for (size_t i = 0; rc == 0 && i < l.n; i++) {
        gw_groups *c = NULL;
        rc = gw_groups_of(st, l.ids[i], &c, e);
        rc = rc ? rc : add_cluster(s, c, e);
    }
    gw_free(l.ids);
    return rc;
}

/* ---- adding up ---- */

static int row_of(summing *s, int64_t step_ms, uint32_t k, sum_row **ret, gw_error *e)
{
    uint32_t at = s->keys[k].last;
    if (at != GW_NONE && s->rows[at].s.step_ms == step_ms) {
        *ret = &s->rows[at];
        return 0;
    }
    struct {
        int64_t step_ms, key;
    } name = {step_ms, k};
    gw_str text = {(const char *)&name, sizeof(name)};
    at = gw_map_get(&s->by_step, text);
    if (at == GW_NONE) {
        void *p = s->rows;
        int rc = gw_grow(&p, &s->cap_rows, s->n_rows + 1, sizeof(*s->rows), GW_QUERY_ROWS_MAX);
        if (rc == GW_ELIMIT)
            return gw_fail(e, GW_ELIMIT, "more than %d rows; ask for a longer step or fewer keys",
                           GW_QUERY_ROWS_MAX);
        if (rc)
            return gw_fail_memory(e);
        s->rows = p;
        at = (uint32_t)s->n_rows;
        if (gw_map_set(&s->by_step, text, at))
            return gw_fail_memory(e);
        s->rows[s->n_rows++] =
            (sum_row){.s = {.step_ms = step_ms, .m = gw_measures_unknown()}, .key = k, .day_ms = INT64_MIN};
    }
    s->keys[k].last = at;
    *ret = &s->rows[at];
    return 0;
}

static void count_hours(sum_row *r)
{
    r->s.hours += (uint32_t)__builtin_popcount(r->hours);
    r->hours = 0;
}

static int add_block(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    summing *s = ctx;
    gw_rows block;
    int64_t day_ms = v[0].i / GW_DAY_MS * GW_DAY_MS, step_ms = step_of(s, v[0].i);
    const keyed *c = NULL;
    GW_UNUSED(n);
    for (size_t lo = 0, hi = s->n_clusters; lo < hi && !c;) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->clusters[mid].cluster == v[1].i)
            c = &s->clusters[mid];
        else if (s->clusters[mid].cluster < v[1].i)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (!c)
        return 0;
    int rc = gw_rows_read(v[2].s.p, v[2].s.n, &block, e);
    if (rc)
        return rc;
    for (size_t i = 0; rc == 0 && i < block.n; i++) {
        const gw_group_row *b = &block.rows[i];
        sum_row *r = NULL;
        if (b->group > c->n) {
            rc = gw_fail(e, GW_ECORRUPT,
                         "a block of sums names group %u, which is not there; import a backup", b->group);
            break;
        }
        if (c->key[b->group - 1] == GW_NONE)
            continue;
        rc = row_of(s, step_ms, c->key[b->group - 1], &r, e);
        if (rc)
            break;
        if (r->day_ms != day_ms)
            count_hours(r);
        r->day_ms = day_ms;
        r->hours |= b->hours;
        if (!gw_measures_add_to(&r->s.m, &b->m))
            rc = gw_fail(e, GW_ELIMIT, "a sum is larger than 64 bits hold; ask for a shorter time");
    }
    gw_rows_free(&block);
    return rc;
}

#define BLOCKS_OF(table, time, where)                                                                        \
    "SELECT " time ", cluster, sums FROM " table " WHERE " time " >= $1 AND " time " < $2" where             \
    " ORDER BY " time ", cluster"

static int add_blocks(gw_store *st, summing *s, bool days, gw_interval when, gw_error *e)
{
    if (gw_interval_ms(when) == 0 || s->n_clusters == 0)
        return 0;
    bool one = s->n_clusters == 1;
    gw_sql_value args[] = {gw_sql_int(when.start_ms), gw_sql_int(when.end_ms),
                           gw_sql_int(s->clusters[0].cluster)};
    const char *sql;
    if (days)
        sql = one ? BLOCKS_OF("gw_day", "day_ms", " AND cluster = $3") : BLOCKS_OF("gw_day", "day_ms", "");
    else
        sql = one ? BLOCKS_OF("gw_hour", "hour_ms", " AND sums IS NOT NULL AND cluster = $3")
                  : BLOCKS_OF("gw_hour", "hour_ms", " AND sums IS NOT NULL");
    return gw_store_run(st, sql, args, one ? 3 : 2, add_block, s, e);
}

/* The whole days within come from day rows, what is before and behind them from hour rows. */
static int add_all(gw_store *st, summing *s, gw_error *e)
{
    gw_interval days = {(s->when.start_ms + GW_DAY_MS - 1) / GW_DAY_MS * GW_DAY_MS,
                        s->when.end_ms / GW_DAY_MS * GW_DAY_MS};
    if (s->q->step == GW_STEP_HOUR || days.start_ms >= days.end_ms)
        return add_blocks(st, s, false, s->when, e);
    int rc = add_blocks(st, s, false, (gw_interval){s->when.start_ms, days.start_ms}, e);
    rc = rc ? rc : add_blocks(st, s, true, days, e);
    return rc ? rc : add_blocks(st, s, false, (gw_interval){days.end_ms, s->when.end_ms}, e);
}

/* ---- what is handed out ---- */

static int by_step_and_bill(const void *a, const void *b)
{
    const gw_sum *x = a, *y = b;
    if (x->step_ms != y->step_ms)
        return x->step_ms < y->step_ms ? -1 : 1;
    if (x->m.bill != y->m.bill)
        return x->m.bill > y->m.bill ? -1 : 1;
    for (size_t i = 0; i < GW_MAX_BY; i++) {
        int order = x->key[i] && y->key[i] ? strcmp(x->key[i], y->key[i]) : 0;
        if (order)
            return order;
    }
    return 0;
}

static int hand_out(summing *s, gw_sums *ret, gw_error *e)
{
    gw_sum *rows = GW_NEW_ARRAY(&s->texts, gw_sum, s->n_rows);
    if (!rows)
        return gw_fail_memory(e);
    for (size_t i = 0; i < s->n_rows; i++) {
        count_hours(&s->rows[i]);
        rows[i] = s->rows[i].s;
        memcpy(rows[i].key, s->keys[s->rows[i].key].text, sizeof(rows[i].key));
    }
    qsort(rows, s->n_rows, sizeof(*rows), by_step_and_bill);
    *ret = (gw_sums){.rows = rows, .n = s->n_rows, .arena = s->texts};
    gw_arena_init(&s->texts, 0);
    return 0;
}

static int check_query(const gw_query *q, gw_error *e)
{
    if (q->n_by > GW_MAX_BY || q->n_where > GW_QUERY_WHERE_MAX)
        return gw_fail(e, GW_EUSAGE, "history is grouped by at most %d dimensions and cut by at most %d",
                       GW_MAX_BY, GW_QUERY_WHERE_MAX);
    for (size_t i = 0; i < q->n_by; i++)
        if ((unsigned)q->by[i] >= GW_N_DIMS)
            return gw_fail(e, GW_EUSAGE, "history is not kept by %s; pages of single hours have it",
                           gw_dim_name(q->by[i]) ? gw_dim_name(q->by[i]) : "that");
    for (size_t i = 0; i < q->n_where; i++)
        if ((unsigned)q->where[i].dim >= GW_N_DIMS)
            return gw_fail(e, GW_EUSAGE, "history is not kept by %s; pages of single hours have it",
                           gw_dim_name(q->where[i].dim) ? gw_dim_name(q->where[i].dim) : "that");
    return 0;
}

int gw_store_sum(gw_store *s, const gw_query *q, gw_sums *ret, gw_error *e)
{
    int64_t start = GW_MAX(q->when.start_ms, 0), end = GW_MAX(q->when.end_ms, 0);
    summing w = {.q = q};
    start = start > INT64_MAX - GW_DAY_MS ? INT64_MAX / GW_DAY_MS * GW_DAY_MS
                                          : (start + GW_HOUR_MS - 1) / GW_HOUR_MS * GW_HOUR_MS;
    end = end / GW_HOUR_MS * GW_HOUR_MS;
    w.when = (gw_interval){start, GW_MAX(start, end)};
    int rc = check_query(q, e);
    rc = rc ? rc : gw_store_begin(s, false, e);
    if (rc)
        return rc;
    gw_arena_init(&w.texts, 0);
    gw_map_init(&w.by_text);
    gw_map_init(&w.by_step);
    gw_buf_init(&w.join, KEY_BYTES_MAX);
    rc = add_clusters(s, &w, e);
    rc = rc ? rc : add_all(s, &w, e);
    rc = gw_store_end(s, rc, e);
    rc = rc ? rc : hand_out(&w, ret, e);
    for (size_t i = 0; i < w.n_clusters; i++)
        gw_free(w.clusters[i].key);
    gw_free(w.clusters);
    gw_free(w.keys);
    gw_free(w.rows);
    gw_map_free(&w.by_text);
    gw_map_free(&w.by_step);
    gw_buf_free(&w.join);
    gw_arena_free(&w.texts);
    return rc;
}

void gw_sums_free(gw_sums *s)
{
    gw_arena_free(&s->arena);
    *s = (gw_sums){0};
}
