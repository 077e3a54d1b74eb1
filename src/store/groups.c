/* Groups: the combinations of dimensions that a cluster has had, by number. */
#include "base/mem.h"
#include "base/time.h"
#include "store/internal.h"

#define GROUP_COLUMNS                                                                                        \
    "namespace, workload, workload_kind, team, project, environment, model, model_version, cost_center, "    \
    "class, "                                                                                                \
    "gpu_model, capacity"
#define KEY_BYTES_MAX (GW_N_GROUP_DIMS * (GW_TEXT_BYTES_MAX + 10))

static void groups_free(gw_groups *c)
{
    gw_free(c->dim);
    gw_map_free(&c->by_key);
    gw_pool_free(&c->texts);
    gw_free(c);
}

void gw_groups_forget(gw_store *s)
{
    for (size_t i = 0; i < s->n_groups; i++)
        groups_free(s->groups[i]);
    s->n_groups = 0;
}

void gw_groups_forget_new(gw_store *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_groups; i++) {
        if (s->groups[i]->whole)
            s->groups[kept++] = s->groups[i];
        else
            groups_free(s->groups[i]);
    }
    s->n_groups = kept;
}

/* Lengths in front, so that no two combinations join to the same bytes. */
static void join(const gw_str dim[GW_N_GROUP_DIMS], gw_buf *b)
{
    gw_buf_clear(b);
    for (size_t d = 0; d < GW_N_GROUP_DIMS; d++) {
        gw_pack_text(b, dim[d]);
    }
}

static int add_group(gw_groups *c, const gw_str dim[GW_N_GROUP_DIMS], const gw_buf *key, gw_error *e)
{
    void *p = c->dim;
    int rc = gw_grow(&p, &c->cap, c->n + 1, sizeof(*c->dim), GW_ROWS_MAX);
    if (rc == GW_ELIMIT)
        return gw_fail(e, GW_ELIMIT, "cluster %s: more than %zu combinations of namespace, workload, team, …",
                       c->name, GW_ROWS_MAX);
    if (rc)
        return gw_fail_memory(e);
    c->dim = p;
    for (size_t d = 0; d < GW_N_GROUP_DIMS; d++) {
        c->dim[c->n][d] = gw_intern(&c->texts, dim[d]);
        if (!c->dim[c->n][d])
            return gw_fail_memory(e);
    }
    if (gw_map_set(&c->by_key, (gw_str){key->data, key->len}, (uint32_t)c->n + 1))
        return gw_fail_memory(e);
    c->n++;
    return 0;
}

typedef struct loading {
    gw_groups *c;
    gw_buf key;
} loading;

static int load_row(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    loading *l = ctx;
    gw_str dim[GW_N_GROUP_DIMS];
    if (n != 1 + GW_N_GROUP_DIMS || v[0].i != (int64_t)l->c->n + 1)
        return gw_fail(e, GW_ECORRUPT, "cluster %s: its groups have gaps (after %zu); import a backup",
                       l->c->name, l->c->n);
    for (size_t d = 0; d < GW_N_GROUP_DIMS; d++)
        dim[d] = v[1 + d].s;
    join(dim, &l->key);
    int rc = gw_buf_check(&l->key, "a group", e);
    return rc ? rc : add_group(l->c, dim, &l->key, e);
}

static int refresh(gw_store *s, gw_groups *c, gw_error *e)
{
    loading l = {.c = c};
    gw_sql_value args[] = {gw_sql_int(c->cluster), gw_sql_int((int64_t)c->n)};
    gw_buf_init(&l.key, KEY_BYTES_MAX);
    int rc = gw_store_run(
        s, "SELECT id, " GROUP_COLUMNS " FROM gw_group WHERE cluster = $1 AND id > $2 ORDER BY id", args, 2,
        load_row, &l, e);
    gw_buf_free(&l.key);
    return rc;
}

static int new_groups(gw_store *s, int64_t cluster, gw_groups **ret, gw_error *e)
{
    gw_buf name;
    bool found = false;
    gw_sql_value args[] = {gw_sql_int(cluster)};
    void *p = s->groups;
    if (gw_grow(&p, &s->cap_groups, s->n_groups + 1, sizeof(gw_groups *), GW_CLUSTERS_MAX))
        return gw_fail_memory(e);
    s->groups = p;
    gw_buf_init(&name, GW_CLUSTER_BYTES_MAX);
    int rc = gw_store_blob(s, "SELECT name FROM gw_cluster WHERE id = $1", args, 1, &name, &found, e);
    if (rc == 0 && !found)
        rc = gw_fail(e, GW_ECORRUPT, "cluster %" PRId64 " has hours and no name; import a backup", cluster);
    gw_groups *c = rc ? NULL : gw_calloc(1, sizeof(*c));
    if (c) {
        gw_pool_init(&c->texts);
        gw_map_init(&c->by_key);
        c->cluster = cluster;
        c->whole = true;
        c->name = gw_intern(&c->texts, (gw_str){name.data, name.len});
    }
    gw_buf_free(&name);
    if (rc)
        return rc;
    if (!c || !c->name) {
        if (c)
            groups_free(c);
        return gw_fail_memory(e);
    }
    s->groups[s->n_groups++] = c;
    *ret = c;
    return 0;
}

int gw_groups_of(gw_store *s, int64_t cluster, gw_groups **ret, gw_error *e)
{
    gw_groups *c = NULL;
    for (size_t i = 0; i < s->n_groups && !c; i++)
        if (s->groups[i]->cluster == cluster)
            c = s->groups[i];
    int rc = c ? 0 : new_groups(s, cluster, &c, e);
    if (rc)
        return rc;
    bool before = c->whole;
    c->whole = false; /* until all of it is there */
    rc = refresh(s, c, e);
    if (rc)
        return rc;
    c->whole = before;
    *ret = c;
    return 0;
}

/* ---- from leaves to rows ---- */

typedef struct unsaved {
    const gw_groups *c;
    size_t next;
} unsaved;

static bool next_unsaved(void *ctx, gw_sql_value *v)
{
    unsaved *u = ctx;
    if (u->next == u->c->n)
        return false;
    v[0] = gw_sql_int(u->c->cluster);
    v[1] = gw_sql_int((int64_t)u->next + 1);
    for (size_t d = 0; d < GW_N_GROUP_DIMS; d++)
        v[2 + d] = gw_sql_text(u->c->dim[u->next][d]);
    u->next++;
    return true;
}
_Static_assert(2 + GW_N_GROUP_DIMS <= GW_SQL_ARGS_MAX, "a group has more columns than a statement");

/* Rows by the texts' numbers; the i-th entry of `found` is the key of the i-th row. */
static int sum_leaves(const gw_hour *h, const gw_leaf_texts *t, const uint32_t *hours, gw_map *found,
                      gw_rows *r, gw_error *e)
{
    uint32_t bit = UINT32_C(1) << h->start_ms / GW_HOUR_MS % 24;
    uint32_t key[GW_N_GROUP_DIMS], before[GW_N_GROUP_DIMS], at = GW_NONE;
    gw_str k = {(const char *)key, sizeof(key)};
    for (size_t i = 0; i < t->n; i++) {
        for (size_t d = 0; d < GW_N_GROUP_DIMS; d++)
            key[d] = t->ids[d * t->n + i];
        /* pods of a workload mostly stand together */
        if (i == 0 || memcmp(key, before, sizeof(key)) != 0)
            at = gw_map_get(found, k);
        memcpy(before, key, sizeof(key));
        if (at == GW_NONE) {
            at = (uint32_t)r->n;
            gw_group_row *row = gw_rows_add(r);
            if (!row || gw_map_set(found, k, at))
                return gw_fail_memory(e);
            row->hours = hours ? hours[i] : bit;
            row->m = h->leaves[i].m;
        } else if (!gw_measures_add_to(&r->rows[at].m, &h->leaves[i].m)) {
            return gw_fail(e, GW_ELIMIT, "cluster %s: a sum of the hour is larger than 64 bits hold",
                           h->cluster);
        }
    }
    return 0;
}

/* Gives each row the number of its group; a new one goes into the cache. */
static int number_rows(gw_groups *c, const gw_leaf_texts *t, const gw_map *found, gw_rows *r, gw_error *e)
{
    gw_buf key;
    int rc = 0;
    gw_buf_init(&key, KEY_BYTES_MAX);
    for (size_t i = 0; rc == 0 && i < r->n; i++) {
        uint32_t id[GW_N_GROUP_DIMS];
        gw_str dim[GW_N_GROUP_DIMS];
        memcpy(id, found->entries[i].key, sizeof(id));
        for (size_t d = 0; d < GW_N_GROUP_DIMS; d++)
            dim[d] = gw_texts_at(&t->texts, id[d]);
        join(dim, &key);
        rc = gw_buf_check(&key, "a group", e);
        if (rc)
            break;
        r->rows[i].group = gw_map_get(&c->by_key, (gw_str){key.data, key.len});
        if (r->rows[i].group == GW_NONE) {
            c->whole = false;
            rc = add_group(c, dim, &key, e);
            r->rows[i].group = (uint32_t)c->n;
        }
    }
    gw_buf_free(&key);
    return rc;
}

int gw_groups_sum(gw_store *s, gw_groups *c, const gw_hour *h, const gw_leaf_texts *t, const uint32_t *hours,
                  gw_rows *ret, gw_error *e)
{
    gw_map found;
    gw_rows r = {0};
    unsaved u = {c, c->n};
    gw_map_init(&found);
    int rc = sum_leaves(h, t, hours, &found, &r, e);
    rc = rc ? rc : number_rows(c, t, &found, &r, e);
    gw_map_free(&found);
    if (rc == 0 && u.next < c->n)
        rc = s->g->ops->bulk(s->g, "gw_group", "cluster, id, " GROUP_COLUMNS, 2 + GW_N_GROUP_DIMS,
                             next_unsaved, &u, e);
    if (rc) {
        gw_rows_free(&r);
        return rc;
    }
    gw_rows_sort(&r);
    *ret = r;
    return 0;
}
