#include <jansson.h>

#include "base/mem.h"
#include "format/json_tree.h"
#include "store/carry.h"

/* A line is one transaction: an import that was killed is run again, and finds what is there already the
 * same. */
typedef struct in {
    gw_store *s;
    bool replace;
    uint64_t line;
    bool begun, ended;
    gw_arena arena; /* of the line */
} in;

static int wrong(gw_error *e, const char *what)
{
    return gw_fail(e, GW_ECORRUPT, "%s; export the history again", what);
}

/* ---- values ---- */

static bool get_int(const json_t *o, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(o, key);
    *ret = json_is_integer(v) ? json_integer_value(v) : 0;
    return json_is_integer(v);
}

static const char *get_text(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static bool get_measures(const json_t *a, size_t from, gw_measures *m)
{
    for (size_t c = 0; c < GW_N_MEASURES; c++) {
        const json_t *v = json_array_get(a, from + c);
        if (!json_is_integer(v) && !json_is_null(v))
            return false;
        *gw_measure_at(m, c) = json_is_null(v) ? GW_UNKNOWN_COUNT : json_integer_value(v);
    }
    return true;
}

static const char *text_at(const json_t *texts, const json_t *index)
{
    int64_t i = json_is_integer(index) ? json_integer_value(index) : -1;
    return i < 0 ? NULL : json_string_value(json_array_get(texts, (size_t)i));
}

/* ---- hours ---- */

static bool get_head(const json_t *o, gw_hour *h)
{
    const json_t *seen = json_object_get(o, "observed");
    const json_t *from = json_array_get(seen, 0), *to = json_array_get(seen, 1);
    h->cluster = get_text(o, "cluster");
    if (seen && (!json_is_integer(from) || !json_is_integer(to)))
        return false;
    h->observed = (gw_interval){json_integer_value(from), json_integer_value(to)};
    return h->cluster && get_int(o, "start", &h->start_ms);
}

static bool get_leaf(const json_t *texts, const json_t *a, const char *cluster, gw_hour_leaf *l)
{
    const json_t *kind = json_array_get(a, 0), *hourly = json_array_get(a, 1 + GW_N_TEXT_DIMS);
    if (json_array_size(a) != GW_LEAF_COLUMNS || !json_is_integer(kind) || json_integer_value(kind) < 0 ||
        json_integer_value(kind) > GW_LEAF_OVERHEAD || (!json_is_integer(hourly) && !json_is_null(hourly)))
        return false;
    l->kind = (gw_leaf_kind)json_integer_value(kind);
    l->node_hourly = json_is_null(hourly) ? GW_MICRO_UNKNOWN : json_integer_value(hourly);
    l->dim[GW_DIM_CLUSTER] = cluster;
    for (size_t d = 1; d < GW_N_LEAF_DIMS; d++) {
        l->dim[d] = text_at(texts, json_array_get(a, d));
        if (!l->dim[d])
            return false;
    }
    return get_measures(a, 2 + GW_N_TEXT_DIMS, &l->m);
}

/* A group as a leaf that has no more dimensions than a group. */
static bool get_group(const json_t *texts, const json_t *a, const char *cluster, gw_hour_leaf *l,
                      uint32_t *hours)
{
    const json_t *bits = json_array_get(a, GW_N_GROUP_DIMS);
    if (json_array_size(a) != GW_GROUP_COLUMNS || !json_is_integer(bits) || json_integer_value(bits) < 0 ||
        json_integer_value(bits) >= 1 << 24)
        return false;
    *hours = (uint32_t)json_integer_value(bits);
    l->kind = GW_LEAF_HELD;
    for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
        l->dim[d] = "";
    l->dim[GW_DIM_CLUSTER] = cluster;
    for (size_t d = 1; d < GW_N_DIMS; d++) {
        l->dim[d] = text_at(texts, json_array_get(a, d - 1));
        if (!l->dim[d])
            return false;
    }
    return get_measures(a, GW_N_GROUP_DIMS + 1, &l->m);
}

/* hours: NULL for leaves; else made in the arena. */
static int get_leaves(in *i, const json_t *o, const char *key, gw_hour *h, uint32_t **hours, gw_error *e)
{
    const json_t *list = json_object_get(o, key), *texts = json_object_get(o, "texts");
    if (!get_head(o, h) || !json_is_array(list) || !json_is_array(texts))
        return wrong(e, "an hour without cluster, start, texts or leaves");
    h->n_leaves = json_array_size(list);
    h->leaves = GW_NEW_ARRAY(&i->arena, gw_hour_leaf, h->n_leaves);
    if (hours)
        *hours = GW_NEW_ARRAY(&i->arena, uint32_t, h->n_leaves);
    if (!h->leaves || (hours && !*hours))
        return gw_fail_memory(e);
    for (size_t k = 0; k < h->n_leaves; k++) {
        const json_t *a = json_array_get(list, k);
        bool right = hours ? get_group(texts, a, h->cluster, &h->leaves[k], &(*hours)[k])
                           : get_leaf(texts, a, h->cluster, &h->leaves[k]);
        if (!right)
            return wrong(e, "a leaf or group that has not the columns that the first line states");
    }
    return 0;
}

static int put_hour(in *i, const json_t *o, gw_error *e)
{
    gw_hour h = {0};
    gw_put how = {.reason = "imported", .refuse = !i->replace};
    gw_put_result result;
    int rc = get_leaves(i, o, "leaves", &h, NULL, e);
    return rc ? rc : gw_hour_put(i->s, &h, &how, &result, e);
}

static bool get_digest(const json_t *o, uint8_t ret[GW_DIGEST_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    const char *hex = get_text(o, "digest");
    if (!hex || strlen(hex) != 2 * GW_DIGEST_BYTES || strspn(hex, digits) != 2 * GW_DIGEST_BYTES)
        return false;
    for (size_t i = 0; i < GW_DIGEST_BYTES; i++)
        ret[i] =
            (uint8_t)((strchr(digits, hex[2 * i]) - digits) << 4 | (strchr(digits, hex[2 * i + 1]) - digits));
    return true;
}

static int put_sums(in *i, const json_t *o, gw_error *e)
{
    gw_hour h = {0};
    uint8_t digest[GW_DIGEST_BYTES];
    uint32_t *hours = NULL;
    gw_put how = {.reason = "imported", .refuse = !i->replace, .digest = digest};
    gw_put_result result;
    int rc = get_leaves(i, o, "groups", &h, &hours, e);
    if (rc == 0 && !get_digest(o, digest))
        rc = wrong(e, "an hour without its digest");
    return rc ? rc : gw_hour_put(i->s, &h, &how, &result, e);
}

static int put_closed(in *i, const json_t *o, gw_error *e)
{
    gw_hour h = {0};
    uint8_t digest[GW_DIGEST_BYTES];
    int64_t cluster = 0;
    if (!get_head(o, &h) || !get_digest(o, digest) || h.start_ms < 0 || h.start_ms % GW_HOUR_MS)
        return wrong(e, "a closed hour without cluster, start or digest");
    int rc = gw_cluster_lock(i->s, h.cluster, &cluster, e);
    gw_sql_value args[] = {gw_sql_int(cluster),
                           gw_sql_int(h.start_ms),
                           gw_sql_int(i->s->clock(i->s->clock_ctx)),
                           gw_sql_int(h.observed.start_ms),
                           gw_sql_int(h.observed.end_ms),
                           gw_sql_blob(digest, sizeof(digest))};
    return rc ? rc
              : gw_store_run(
                    i->s,
                    "INSERT INTO gw_hour (cluster, hour_ms, closed_ms, observed_start_ms, observed_end_ms, "
                    "digest) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (cluster, hour_ms) DO NOTHING",
                    args, GW_COUNT(args), NULL, NULL, e);
}

/* ---- days ---- */

/* Whether `more` has every group and hour that `less` has. */
static bool covers(const gw_rows *more, const gw_rows *less)
{
    size_t k = 0;
    for (size_t i = 0; i < less->n; i++) {
        while (k < more->n && more->rows[k].group < less->rows[i].group)
            k++;
        if (k == more->n || more->rows[k].group != less->rows[i].group ||
            (less->rows[i].hours & ~more->rows[k].hours))
            return false;
    }
    return true;
}

/* The day as it was kept, unless this store has all of its hours: then it knows better. */
static int put_rows_of_day(in *i, int64_t cluster, const gw_hour *h, const gw_rows *day, gw_error *e)
{
    gw_rows there = {0};
    bool found = false;
    int64_t bare = 0;
    gw_sql_value args[] = {gw_sql_int(cluster), gw_sql_int(h->start_ms), gw_sql_int(h->start_ms + GW_DAY_MS)};
    int rc = gw_day_read(i->s, cluster, h->start_ms, &there, &found, e);
    rc = rc ? rc
            : gw_store_int(
                  i->s,
                  "SELECT count(*) FROM gw_hour WHERE cluster = $1 AND hour_ms >= $2 AND hour_ms < $3 AND "
                  "sums IS NULL",
                  args, 3, 0, &bare, e);
    bool write = rc == 0 && (!found || bare);
    if (write && found && !i->replace && !covers(day, &there))
        rc =
            gw_fail(e, GW_EUSAGE,
                    "cluster %s: a day is there already with other numbers; import with --replace to have it "
                    "replaced",
                    h->cluster);
    gw_rows_free(&there);
    return rc || !write ? rc : gw_day_write(i->s, cluster, h->start_ms, day, e);
}

static int put_day(in *i, const json_t *o, gw_error *e)
{
    gw_hour h = {0};
    gw_leaf_texts t;
    uint32_t *hours = NULL;
    int64_t cluster = 0;
    gw_groups *c = NULL;
    gw_rows day = {0};
    int rc = get_leaves(i, o, "groups", &h, &hours, e);
    if (rc == 0 && (h.start_ms < 0 || h.start_ms % GW_DAY_MS))
        rc = wrong(e, "a day that does not begin at midnight UTC");
    rc = rc ? rc : gw_leaf_texts_make(&h, &t, e);
    if (rc)
        return rc;
    rc = gw_cluster_lock(i->s, h.cluster, &cluster, e);
    rc = rc ? rc : gw_groups_of(i->s, cluster, &c, e);
    rc = rc ? rc : gw_groups_sum(i->s, c, &h, &t, hours, &day, e);
    rc = rc ? rc : put_rows_of_day(i, cluster, &h, &day, e);
    gw_rows_free(&day);
    gw_leaf_texts_free(&t);
    return rc;
}

/* ---- trail and documents ---- */

static int put_correction(in *i, const json_t *o, gw_error *e)
{
    gw_measures before, after;
    gw_buf b, a;
    int64_t cluster = 0, hour_ms, at_ms;
    const char *name = get_text(o, "cluster"), *ns = get_text(o, "namespace"),
               *workload = get_text(o, "workload"), *reason = get_text(o, "reason");
    const json_t *was = json_object_get(o, "before"), *is = json_object_get(o, "after");
    if (!name || !name[0] || !ns || !workload || !reason || !get_int(o, "hour", &hour_ms) ||
        !get_int(o, "at", &at_ms) || !get_measures(was, 0, &before) || !get_measures(is, 0, &after))
        return wrong(e, "a correction that lacks something");
    gw_buf_init(&b, GW_MEASURES_BYTES_MAX);
    gw_buf_init(&a, GW_MEASURES_BYTES_MAX);
    gw_measures_put(&b, &before, sizeof(before), 1);
    gw_measures_put(&a, &after, sizeof(after), 1);
    int rc = b.failed || a.failed ? gw_fail_memory(e) : gw_cluster_lock(i->s, name, &cluster, e);
    if (rc == 0) {
        gw_sql_value args[] = {gw_sql_int(cluster),        gw_sql_int(hour_ms),
                               gw_sql_int(at_ms),          gw_sql_text(ns),
                               gw_sql_text(workload),      gw_sql_text(reason),
                               gw_sql_blob(b.data, b.len), gw_sql_blob(a.data, a.len)};
        rc = gw_store_run(
            i->s,
            "INSERT INTO gw_correction (cluster, hour_ms, at_ms, namespace, workload, reason, "
            "sums_before, sums_after) SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS (SELECT 1 "
            "FROM gw_correction WHERE cluster = $1 AND hour_ms = $2 AND at_ms = $3 AND namespace = $4 "
            "AND workload = $5 AND reason = $6 AND sums_before = $7 AND sums_after = $8)",
            args, GW_COUNT(args), NULL, NULL, e);
    }
    gw_buf_free(&b);
    gw_buf_free(&a);
    return rc;
}

/* Of two documents of one id the newer stays. */
static int put_document(in *i, const json_t *o, gw_error *e)
{
    const char *kind = get_text(o, "kind"), *id = get_text(o, "id");
    const json_t *body = json_object_get(o, "body");
    int64_t updated_ms;
    if (!kind || !id || !json_is_string(body) || !get_int(o, "updated", &updated_ms))
        return wrong(e, "a document that lacks something");
    if (json_string_length(body) > GW_DOCUMENT_BYTES_MAX)
        return gw_fail(e, GW_ELIMIT, "%s %s: a document of %zu bytes; the store takes %zu", kind, id,
                       json_string_length(body), GW_DOCUMENT_BYTES_MAX);
    gw_sql_value args[] = {gw_sql_text(kind), gw_sql_text(id), gw_sql_int(updated_ms),
                           gw_sql_str((gw_str){json_string_value(body), json_string_length(body)})};
    return gw_store_run(
        i->s,
        "INSERT INTO gw_document (kind, id, updated_ms, body) VALUES ($1, $2, $3, $4) ON CONFLICT "
        "(kind, id) DO UPDATE SET updated_ms = excluded.updated_ms, body = excluded.body WHERE "
        "gw_document.updated_ms < excluded.updated_ms",
        args, GW_COUNT(args), NULL, NULL, e);
}

/* ---- lines ---- */

static int take_head(in *i, const json_t *line, gw_error *e)
{
    int64_t version = 0;
    if (!gw_eq(get_text(line, "gpuwise"), "history") || !get_int(line, "version", &version) || version < 1)
        return gw_fail(e, GW_ECORRUPT, "is not a history that gpuwise exported");
    if (version > GW_CARRY_VERSION)
        return gw_fail(e, GW_ECONFIG, "was exported by a newer gpuwise (version %" PRId64 "); update gpuwise",
                       version);
    i->begun = true;
    return 0;
}

static int take_end(in *i, const json_t *o, gw_error *e)
{
    int64_t lines = 0;
    if (!get_int(o, "lines", &lines) || lines != (int64_t)i->line)
        return gw_fail(e, GW_ECORRUPT, "ends after %" PRIu64 " lines and states %" PRId64 "; export it again",
                       i->line, lines);
    i->ended = true;
    return 0;
}

static int take_line(in *i, const json_t *line, gw_error *e)
{
    static const struct {
        const char *key;
        int (*put)(in *i, const json_t *o, gw_error *e);
    } kinds[] = {{"hour", put_hour},
                 {"sums", put_sums},
                 {"closed", put_closed},
                 {"day", put_day},
                 {"correction", put_correction},
                 {"document", put_document}};
    const json_t *end = json_object_get(line, "end");
    if (!i->begun)
        return take_head(i, line, e);
    if (end)
        return take_end(i, end, e);
    for (size_t k = 0; k < GW_COUNT(kinds); k++) {
        const json_t *o = json_object_get(line, kinds[k].key);
        if (!o)
            continue;
        int rc = gw_store_begin(i->s, true, e);
        return rc ? rc : gw_store_end(i->s, kinds[k].put(i, o, e), e);
    }
    return wrong(e, "a line of no kind that there is");
}

int gw_store_import(gw_store *s, int (*read_line)(void *ctx, gw_str *ret_line, gw_error *e), void *ctx,
                    bool replace, gw_error *e)
{
    in i = {.s = s, .replace = replace};
    gw_str text = {NULL, 0};
    int rc = 0;
    gw_arena_init(&i.arena, 0);
    while (rc == 0 && !i.ended) {
        json_t *line = NULL;
        text = (gw_str){NULL, 0};
        rc = read_line(ctx, &text, e);
        if (rc || !text.p)
            break;
        i.line++;
        rc = gw_json_tree_parse(text, &line, e);
        rc = rc ? rc : take_line(&i, line, e);
        json_decref(line);
        gw_arena_reset(&i.arena);
        if (rc && e)
            gw_error_prefix(e, "history, line %" PRIu64, i.line);
    }
    if (rc == 0 && !i.ended)
        rc = gw_fail(e, GW_ECORRUPT,
                     "history: ends after line %" PRIu64
                     " without its last line: it was cut off; copy or export "
                     "it again",
                     i.line);
    gw_arena_free(&i.arena);
    return rc;
}
