/* The trail of corrections and the documents: plain rows. */
#include "base/mem.h"
#include "base/utf8.h"
#include "store/internal.h"

/* ---- the trail ---- */

typedef struct corrections {
    gw_arena *arena;
    gw_correction *list;
    size_t n, cap;
} corrections;

static const char *keep(gw_arena *a, gw_str s, bool *failed)
{
    const char *p = s.n ? gw_arena_strndup(a, s.p, s.n) : "";
    *failed = *failed || !p;
    return p;
}

static void get_measures(gw_str bytes, gw_measures *ret, bool *bad)
{
    gw_cursor c = {(const uint8_t *)bytes.p, (const uint8_t *)bytes.p + bytes.n, false};
    gw_measures_get(&c, ret, sizeof(*ret), 1);
    *bad = *bad || c.bad || c.p != c.end;
}

static int take_correction(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    corrections *l = ctx;
    void *p = l->list;
    bool failed = false, bad = false;
    GW_UNUSED(n);
    if (gw_grow(&p, &l->cap, l->n + 1, sizeof(*l->list), GW_CORRECTIONS_MAX))
        return gw_fail_memory(e);
    l->list = p;
    gw_correction *c = &l->list[l->n++];
    *c = (gw_correction){.at_ms = v[0].i, .hour_ms = v[1].i};
    c->cluster = keep(l->arena, v[2].s, &failed);
    c->ns = keep(l->arena, v[3].s, &failed);
    c->workload = keep(l->arena, v[4].s, &failed);
    c->reason = keep(l->arena, v[5].s, &failed);
    get_measures(v[6].s, &c->before, &bad);
    get_measures(v[7].s, &c->after, &bad);
    if (failed)
        return gw_fail_memory(e);
    return bad ? gw_fail(e, GW_ECORRUPT, "a correction in the trail is damaged; import a backup") : 0;
}

#define CORRECTIONS(where)                                                                                   \
    "SELECT t.at_ms, t.hour_ms, c.name, t.namespace, t.workload, t.reason, t.sums_before, t.sums_after "     \
    "FROM "                                                                                                  \
    "gw_correction t JOIN gw_cluster c ON c.id = t.cluster WHERE t.hour_ms >= $1 AND t.hour_ms < $2" where   \
    " ORDER BY t.at_ms DESC, t.id DESC LIMIT $3"

int gw_store_corrections(gw_store *s, const char *cluster, gw_interval hours, size_t limit, gw_arena *arena,
                         gw_correction **ret, size_t *ret_n, gw_error *e)
{
    corrections l = {.arena = arena};
    gw_sql_value args[] = {gw_sql_int(hours.start_ms), gw_sql_int(hours.end_ms),
                           gw_sql_int((int64_t)GW_MIN(limit, (size_t)GW_CORRECTIONS_MAX)),
                           gw_sql_text(cluster ? cluster : "")};
    int rc = gw_store_begin(s, false, e);
    if (rc)
        return rc;
    rc = gw_store_run(s, cluster ? CORRECTIONS(" AND c.name = $4") : CORRECTIONS(""), args, cluster ? 4 : 3,
                      take_correction, &l, e);
    rc = gw_store_end(s, rc, e);
    gw_correction *list = rc ? NULL : GW_NEW_ARRAY(arena, gw_correction, l.n);
    if (rc == 0 && !list)
        rc = gw_fail_memory(e);
    if (rc == 0) {
        if (l.n)
            memcpy(list, l.list, l.n * sizeof(*list));
        *ret = list;
        *ret_n = l.n;
    }
    gw_free(l.list);
    return rc;
}

/* ---- documents ---- */

static bool is_text(gw_str s)
{
    for (size_t at = 0; at < s.n;) {
        size_t from = at;
        uint32_t c = gw_utf8_next(s, &at);
        if (c == 0 || (c == GW_UTF8_REPLACEMENT && at - from == 1))
            return false;
    }
    return true;
}

static int check_document(const char *kind, const char *id, gw_str body, gw_error *e)
{
    if (!kind || !kind[0] || !id || strlen(kind) + strlen(id) > 1024)
        return gw_fail(e, GW_EUSAGE, "a document needs a kind and an id, of 1024 bytes together at most");
    if (body.n > GW_DOCUMENT_BYTES_MAX)
        return gw_fail(e, GW_ELIMIT, "%s %s: a document of %zu bytes; the store takes %zu", kind, id, body.n,
                       GW_DOCUMENT_BYTES_MAX);
    if (!is_text(body) || !is_text(gw_str_of(kind)) || !is_text(gw_str_of(id)))
        return gw_fail(e, GW_EUSAGE, "%s: a document that is not UTF-8 text", kind);
    return 0;
}

static int put_document(gw_store *s, const char *sql, const char *kind, const char *id, gw_str body,
                        uint64_t *changed, gw_error *e)
{
    gw_sql_value args[] = {gw_sql_text(kind), gw_sql_text(id), gw_sql_int(s->clock(s->clock_ctx)),
                           gw_sql_str(body.n ? body : (gw_str){"", 0})};
    int rc = check_document(kind, id, body, e);
    rc = rc ? rc : gw_store_begin(s, true, e);
    if (rc)
        return rc;
    return gw_store_end(s, s->g->ops->run(s->g, sql, args, 4, NULL, NULL, changed, e), e);
}

#define ADD                                                                                                  \
    "INSERT INTO gw_document (kind, id, updated_ms, body) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, id) "   \
    "DO "

int gw_store_document_put(gw_store *s, const char *kind, const char *id, gw_str body, gw_error *e)
{
    return put_document(s, ADD "UPDATE SET updated_ms = excluded.updated_ms, body = excluded.body", kind, id,
                        body, NULL, e);
}

int gw_store_document_add(gw_store *s, const char *kind, const char *id, gw_str body, bool *ret_added,
                          gw_error *e)
{
    uint64_t changed = 0;
    int rc = put_document(s, ADD "NOTHING", kind, id, body, &changed, e);
    if (rc == 0)
        *ret_added = changed > 0;
    return rc;
}

int gw_store_document_delete(gw_store *s, const char *kind, const char *id, bool *ret_deleted, gw_error *e)
{
    uint64_t changed = 0;
    gw_sql_value args[] = {gw_sql_text(kind), gw_sql_text(id)};
    int rc = gw_store_begin(s, true, e);
    if (rc)
        return rc;
    rc = s->g->ops->run(s->g, "DELETE FROM gw_document WHERE kind = $1 AND id = $2", args, 2, NULL, NULL,
                        &changed, e);
    rc = gw_store_end(s, rc, e);
    if (rc == 0)
        *ret_deleted = changed > 0;
    return rc;
}

typedef struct documents {
    gw_arena *arena;
    gw_document *list;
    size_t n, cap;
} documents;

static int take_document(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    documents *l = ctx;
    void *p = l->list;
    bool failed = false;
    GW_UNUSED(n);
    int rc = gw_grow(&p, &l->cap, l->n + 1, sizeof(*l->list), GW_DOCUMENTS_MAX);
    if (rc == GW_ELIMIT)
        return gw_fail(e, GW_ELIMIT, "more than %d documents of one kind", GW_DOCUMENTS_MAX);
    if (rc)
        return gw_fail_memory(e);
    l->list = p;
    gw_document *d = &l->list[l->n++];
    d->kind = keep(l->arena, v[0].s, &failed);
    d->id = keep(l->arena, v[1].s, &failed);
    d->updated_ms = v[2].i;
    d->body = (gw_str){keep(l->arena, v[3].s, &failed), v[3].s.n};
    return failed ? gw_fail_memory(e) : 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const gw_document *)a)->id, ((const gw_document *)b)->id);
}

static int list_documents(gw_store *s, const char *sql, const gw_sql_value *args, size_t n_args,
                          gw_arena *arena, gw_document **ret, size_t *ret_n, gw_error *e)
{
    documents l = {.arena = arena};
    int rc = gw_store_begin(s, false, e);
    if (rc)
        return rc;
    rc = gw_store_end(s, gw_store_run(s, sql, args, n_args, take_document, &l, e), e);
    gw_document *list = rc ? NULL : GW_NEW_ARRAY(arena, gw_document, l.n);
    if (rc == 0 && !list)
        rc = gw_fail_memory(e);
    if (rc == 0) {
        if (l.n)
            memcpy(list, l.list, l.n * sizeof(*list));
        qsort(list, l.n, sizeof(*list), by_id);
        *ret = list;
        *ret_n = l.n;
    }
    gw_free(l.list);
    return rc;
}

int gw_store_document_get(gw_store *s, const char *kind, const char *id, gw_arena *arena, gw_document *ret,
                          gw_error *e)
{
    gw_document *list = NULL;
    size_t n = 0;
    gw_sql_value args[] = {gw_sql_text(kind), gw_sql_text(id)};
    int rc =
        list_documents(s, "SELECT kind, id, updated_ms, body FROM gw_document WHERE kind = $1 AND id = $2",
                       args, 2, arena, &list, &n, e);
    if (rc == 0 && n == 0)
        return gw_fail(e, GW_ENOTFOUND, "there is no %s %s", kind, id);
    if (rc == 0)
        *ret = list[0];
    return rc;
}

int gw_store_documents(gw_store *s, const char *kind, gw_arena *arena, gw_document **ret, size_t *ret_n,
                       gw_error *e)
{
    gw_sql_value args[] = {gw_sql_text(kind)};
    return list_documents(s, "SELECT kind, id, updated_ms, body FROM gw_document WHERE kind = $1", args, 1,
                          arena, ret, ret_n, e);
}
