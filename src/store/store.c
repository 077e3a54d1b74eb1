#include "store/store.h"

#include "base/mem.h"
#include "store/internal.h"

int gw_store_open(const gw_store_options *o, gw_store **ret, gw_error *e)
{
    const char *url = o->url ? o->url : "";
    bool sqlite = gw_has_prefix(url, "sqlite:");
    if (!sqlite && !gw_has_prefix(url, "postgres://") && !gw_has_prefix(url, "postgresql://"))
        return gw_fail(e, GW_ECONFIG,
                       "--store is neither sqlite:FILE nor postgres://USER@HOST/DATABASE; as in "
                       "sqlite:gpuwise.db");
    gw_store *s = gw_calloc(1, sizeof(*s));
    if (!s)
        return gw_fail_memory(e);
    s->clock = o->clock ? o->clock : gw_clock_system;
    s->clock_ctx = o->clock_ctx;
    gw_texts_init(&s->base);
    int rc =
        sqlite ? gw_engine_sqlite(o, url + strlen("sqlite:"), &s->g, e) : gw_engine_postgres(o, &s->g, e);
    rc = rc ? rc : gw_schema_bring_up(s->g, e);
    if (rc)
        gw_store_free(s);
    else
        *ret = s;
    return rc;
}

void gw_store_free(gw_store *s)
{
    if (!s)
        return;
    gw_groups_forget(s);
    gw_free(s->groups);
    gw_base_forget(s);
    if (s->g)
        s->g->ops->close(s->g);
    gw_free(s);
}

const char *gw_store_describe(const gw_store *s)
{
    return s->g->name;
}

const char *gw_store_kind(const gw_store *s)
{
    return s->g->ops->kind;
}

int gw_store_ping(gw_store *s, gw_error *e)
{
    return s->g->ops->ping(s->g, e);
}

int gw_store_begin(gw_store *s, bool write, gw_error *e)
{
    if (write && s->g->read_only)
        return gw_fail(e, GW_EUSAGE, "%s: was opened for reading only", s->g->name);
    int rc = s->g->ops->begin(s->g, write, e);
    if (rc == 0 && s->generation != s->g->generation) {
        gw_groups_forget(s);
        gw_base_forget(s);
        s->generation = s->g->generation;
    }
    return rc;
}

int gw_store_end(gw_store *s, int rc, gw_error *e)
{
    if (rc == 0)
        rc = s->g->ops->commit(s->g, e);
    else
        s->g->ops->rollback(s->g);
    if (rc) {
        gw_groups_forget_new(s);
        gw_base_forget(s);
    }
    for (size_t i = 0; i < s->n_groups; i++)
        s->groups[i]->whole = true;
    return rc;
}

int gw_store_run(gw_store *s, const char *sql, const gw_sql_value *args, size_t n, gw_sql_row each, void *ctx,
                 gw_error *e)
{
    return s->g->ops->run(s->g, sql, args, n, each, ctx, NULL, e);
}

static int first_int(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    GW_UNUSED(e);
    if (n && v[0].type == GW_SQL_INT)
        *(int64_t *)ctx = v[0].i;
    return 0;
}

int gw_store_int(gw_store *s, const char *sql, const gw_sql_value *args, size_t n, int64_t none, int64_t *ret,
                 gw_error *e)
{
    int64_t v = none;
    int rc = gw_store_run(s, sql, args, n, first_int, &v, e);
    if (rc == 0)
        *ret = v;
    return rc;
}

typedef struct blob {
    gw_buf *b;
    bool found;
} blob;

static int first_blob(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    blob *to = ctx;
    if (!n || v[0].type == GW_SQL_NULL || to->found)
        return 0;
    to->found = true;
    gw_buf_add(to->b, v[0].s.p, v[0].s.n);
    return gw_buf_check(to->b, "what the store holds", e);
}

int gw_store_blob(gw_store *s, const char *sql, const gw_sql_value *args, size_t n, gw_buf *b,
                  bool *ret_found, gw_error *e)
{
    blob to = {b, false};
    int rc = gw_store_run(s, sql, args, n, first_blob, &to, e);
    if (rc == 0)
        *ret_found = to.found;
    return rc;
}

int gw_store_cluster_id(gw_store *s, const char *name, int64_t *ret, gw_error *e)
{
    gw_sql_value args[] = {gw_sql_text(name)};
    return gw_store_int(s, "SELECT id FROM gw_cluster WHERE name = $1", args, 1, 0, ret, e);
}
