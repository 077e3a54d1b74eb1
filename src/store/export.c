#include "base/mem.h"
#include "store/carry.h"

#define PIECE_BYTES ((size_t)64 * 1024)

typedef struct out {
    int (*write)(void *ctx, const char *p, size_t n, gw_error *e);
    void *ctx;
    gw_buf b;
    uint64_t lines;
} out;

static int flush(out *o, size_t at_least, gw_error *e)
{
    int rc = gw_buf_check(&o->b, "a line of the backup", e);
    if (rc || o->b.len < at_least || o->b.len == 0)
        return rc;
    rc = o->write(o->ctx, o->b.data, o->b.len, e);
    gw_buf_clear(&o->b);
    return rc;
}

static int end_line(out *o, gw_error *e)
{
    gw_buf_putc(&o->b, '\n');
    o->lines++;
    return flush(o, PIECE_BYTES, e);
}

static void put_text(gw_buf *b, gw_str s)
{
    gw_buf_putc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            gw_buf_printf(b, "\\%c", c);
        else if (c < 0x20)
            gw_buf_printf(b, "\\u%04x", c);
        else
            gw_buf_putc(b, (char)c);
    }
    gw_buf_putc(b, '"');
}

static void put_number(gw_buf *b, int64_t v)
{
    if (v == GW_UNKNOWN_COUNT || v == GW_MICRO_UNKNOWN)
        gw_buf_puts(b, "null");
    else
        gw_buf_printf(b, "%" PRId64, v);
}

static void put_measures(gw_buf *b, const gw_measures *m)
{
    for (size_t c = 0; c < GW_N_MEASURES; c++) {
        gw_buf_putc(b, ',');
        put_number(b, gw_measure_of(m, c));
    }
}

static void put_name(gw_buf *b, const char *name, bool first)
{
    if (!first)
        gw_buf_putc(b, ',');
    put_text(b, gw_str_of(name));
}

static int put_head(out *o, gw_error *e)
{
    gw_buf *b = &o->b;
    gw_buf_printf(b, "{\"gpuwise\":\"history\",\"version\":%d,\"leaf\":[\"kind\"", GW_CARRY_VERSION);
    for (unsigned d = 1; d < GW_N_LEAF_DIMS; d++)
        put_name(b, gw_dim_name((gw_dim)d), false);
    put_name(b, "nodeHourly", false);
    for (size_t c = 0; c < GW_N_MEASURES; c++)
        put_name(b, gw_measure_names[c], false);
    gw_buf_puts(b, "],\"group\":[");
    for (unsigned d = 1; d < GW_N_DIMS; d++)
        put_name(b, gw_dim_name((gw_dim)d), d == 1);
    put_name(b, "hours", false);
    for (size_t c = 0; c < GW_N_MEASURES; c++)
        put_name(b, gw_measure_names[c], false);
    gw_buf_puts(b, "]}");
    return end_line(o, e);
}

static void put_hour_start(gw_buf *b, const char *what, const char *cluster, int64_t start_ms,
                           const gw_interval *observed)
{
    gw_buf_printf(b, "{\"%s\":{\"cluster\":", what);
    put_text(b, gw_str_of(cluster));
    gw_buf_printf(b, ",\"start\":%" PRId64, start_ms);
    if (observed)
        gw_buf_printf(b, ",\"observed\":[%" PRId64 ",%" PRId64 "]", observed->start_ms, observed->end_ms);
}

static int put_texts(out *o, const gw_texts *t, gw_error *e)
{
    gw_buf_puts(&o->b, ",\"texts\":[");
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < gw_texts_n(t); i++) {
        if (i)
            gw_buf_putc(&o->b, ',');
        put_text(&o->b, gw_texts_at(t, i));
        rc = flush(o, PIECE_BYTES, e);
    }
    gw_buf_putc(&o->b, ']');
    return rc;
}

static int put_page(out *o, const gw_hour *h, gw_error *e)
{
    gw_leaf_texts t;
    int rc = gw_leaf_texts_make(h, &t, e);
    if (rc)
        return rc;
    put_hour_start(&o->b, "hour", h->cluster, h->start_ms, &h->observed);
    rc = put_texts(o, &t.texts, e);
    gw_buf_puts(&o->b, ",\"leaves\":[");
    for (size_t i = 0; rc == 0 && i < h->n_leaves; i++) {
        gw_buf_printf(&o->b, "%s[%d", i ? "," : "", (int)h->leaves[i].kind);
        for (size_t d = 0; d < GW_N_TEXT_DIMS; d++)
            gw_buf_printf(&o->b, ",%" PRIu32, t.ids[d * t.n + i]);
        gw_buf_putc(&o->b, ',');
        put_number(&o->b, h->leaves[i].node_hourly);
        put_measures(&o->b, &h->leaves[i].m);
        gw_buf_putc(&o->b, ']');
        rc = flush(o, PIECE_BYTES, e);
    }
    gw_leaf_texts_free(&t);
    gw_buf_puts(&o->b, "]}}");
    return rc ? rc : end_line(o, e);
}

typedef struct named_row {
    const gw_group_row *row;
    const char *const *dim;
} named_row;

static int by_dimensions(const void *a, const void *b)
{
    const named_row *x = a, *y = b;
    int order = 0;
    for (size_t d = 0; order == 0 && d < GW_N_GROUP_DIMS; d++)
        order = strcmp(x->dim[d], y->dim[d]);
    return order;
}

/* `,"texts":[…],"groups":[…]` of rows, in the order of their names: the numbers of groups are the store's
 * own. */
static int put_rows(out *o, const gw_groups *c, const gw_rows *r, gw_error *e)
{
    gw_texts t;
    int rc = 0;
    uint32_t *ids = gw_malloc(GW_MAX(r->n, (size_t)1) * GW_N_GROUP_DIMS * sizeof(*ids));
    named_row *rows = gw_malloc(GW_MAX(r->n, (size_t)1) * sizeof(*rows));
    gw_texts_init(&t);
    if (!ids || !rows)
        rc = gw_fail_memory(e);
    for (size_t i = 0; rc == 0 && i < r->n; i++) {
        if (r->rows[i].group > c->n)
            rc = gw_fail(e, GW_ECORRUPT, "cluster %s: a block of sums names a group that is not there",
                         c->name);
        else
            rows[i] = (named_row){&r->rows[i], c->dim[r->rows[i].group - 1]};
    }
    if (rc == 0 && r->n > 1)
        qsort(rows, r->n, sizeof(*rows), by_dimensions);
    for (size_t i = 0; rc == 0 && i < r->n; i++)
        for (size_t d = 0; rc == 0 && d < GW_N_GROUP_DIMS; d++)
            rc = gw_texts_add(&t, gw_str_of(rows[i].dim[d]), &ids[i * GW_N_GROUP_DIMS + d], e);
    rc = rc ? rc : put_texts(o, &t, e);
    gw_buf_puts(&o->b, ",\"groups\":[");
    for (size_t i = 0; rc == 0 && i < r->n; i++) {
        gw_buf_puts(&o->b, i ? ",[" : "[");
        for (size_t d = 0; d < GW_N_GROUP_DIMS; d++)
            gw_buf_printf(&o->b, "%" PRIu32 ",", ids[i * GW_N_GROUP_DIMS + d]);
        gw_buf_printf(&o->b, "%" PRIu32, rows[i].row->hours);
        put_measures(&o->b, &rows[i].row->m);
        gw_buf_putc(&o->b, ']');
        rc = flush(o, PIECE_BYTES, e);
    }
    gw_buf_putc(&o->b, ']');
    gw_texts_free(&t);
    gw_free(ids);
    gw_free(rows);
    return rc;
}

/* ---- an hour without its page ---- */

typedef struct bare {
    gw_interval observed;
    uint8_t digest[GW_DIGEST_BYTES];
    bool has_rows;
    gw_rows rows;
} bare;

static int take_bare(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    bare *b = ctx;
    GW_UNUSED(n);
    b->observed = (gw_interval){v[0].i, v[1].i};
    memcpy(b->digest, v[2].s.p, GW_MIN(v[2].s.n, sizeof(b->digest)));
    b->has_rows = v[3].type != GW_SQL_NULL;
    return b->has_rows ? gw_rows_read(v[3].s.p, v[3].s.n, &b->rows, e) : 0;
}

static int put_bare_hour(gw_store *s, out *o, const gw_hour_key *k, gw_error *e)
{
    bare hour = {.has_rows = false};
    gw_groups *c = NULL;
    gw_sql_value args[] = {gw_sql_int(k->cluster), gw_sql_int(k->hour_ms)};
    int rc = gw_groups_of(s, k->cluster, &c, e);
    rc = rc ? rc
            : gw_store_run(
                  s,
                  "SELECT observed_start_ms, observed_end_ms, digest, sums FROM gw_hour WHERE cluster = $1 "
                  "AND hour_ms = $2",
                  args, 2, take_bare, &hour, e);
    if (rc)
        return rc;
    put_hour_start(&o->b, hour.has_rows ? "sums" : "closed", c->name, k->hour_ms, &hour.observed);
    gw_buf_puts(&o->b, ",\"digest\":\"");
    for (size_t i = 0; i < sizeof(hour.digest); i++)
        gw_buf_printf(&o->b, "%02x", hour.digest[i]);
    gw_buf_putc(&o->b, '"');
    rc = hour.has_rows ? put_rows(o, c, &hour.rows, e) : 0;
    gw_rows_free(&hour.rows);
    gw_buf_puts(&o->b, "}}");
    return rc ? rc : end_line(o, e);
}

static int put_hours(gw_store *s, out *o, gw_error *e)
{
    gw_hour_key *keys = NULL;
    size_t n = 0;
    gw_arena arena;
    int rc =
        gw_hour_keys_of(s, "SELECT hour_ms, cluster FROM gw_hour ORDER BY hour_ms", NULL, 0, &keys, &n, e);
    gw_arena_init(&arena, 0);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        gw_hour h;
        bool found = false;
        rc = gw_hour_page(s, keys[i].cluster, keys[i].hour_ms, &arena, &h, &found, e);
        if (rc == 0)
            rc = found ? put_page(o, &h, e) : put_bare_hour(s, o, &keys[i], e);
        gw_arena_reset(&arena);
    }
    gw_arena_free(&arena);
    gw_free(keys);
    return rc;
}

/* Days of which an hour's sums are not there any more. */
static int put_days(gw_store *s, out *o, gw_error *e)
{
    gw_hour_key *keys = NULL;
    size_t n = 0;
    int rc =
        gw_hour_keys_of(s,
                        "SELECT d.day_ms, d.cluster FROM gw_day d WHERE NOT EXISTS (SELECT 1 FROM gw_hour h "
                        "WHERE h.cluster = d.cluster AND h.hour_ms >= d.day_ms AND h.hour_ms < d.day_ms + "
                        "86400000) OR EXISTS (SELECT 1 FROM gw_hour h WHERE h.cluster = d.cluster AND "
                        "h.hour_ms >= d.day_ms AND h.hour_ms < d.day_ms + 86400000 AND h.sums IS NULL) "
                        "ORDER BY d.day_ms",
                        NULL, 0, &keys, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        gw_rows day = {0};
        gw_groups *c = NULL;
        bool found = false;
        rc = gw_groups_of(s, keys[i].cluster, &c, e);
        rc = rc ? rc : gw_day_read(s, keys[i].cluster, keys[i].hour_ms, &day, &found, e);
        if (rc == 0 && found) {
            put_hour_start(&o->b, "day", c->name, keys[i].hour_ms, NULL);
            rc = put_rows(o, c, &day, e);
            gw_buf_puts(&o->b, "}}");
            rc = rc ? rc : end_line(o, e);
        }
        gw_rows_free(&day);
    }
    gw_free(keys);
    return rc;
}

/* ---- trail and documents: written as they are read ---- */

static void put_sums(gw_buf *b, const char *key, gw_str packed, bool *bad)
{
    gw_measures m = {0};
    gw_cursor c = {(const uint8_t *)packed.p, (const uint8_t *)packed.p + packed.n, false};
    gw_measures_get(&c, &m, sizeof(m), 1);
    *bad = *bad || c.bad;
    gw_buf_printf(b, ",\"%s\":[", key);
    for (size_t i = 0; i < GW_N_MEASURES; i++) {
        if (i)
            gw_buf_putc(b, ',');
        put_number(b, gw_measure_of(&m, i));
    }
    gw_buf_putc(b, ']');
}

static int put_correction(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    static const char *const keys[] = {"namespace", "workload", "reason"};
    out *o = ctx;
    bool bad = false;
    GW_UNUSED(n);
    gw_buf_puts(&o->b, "{\"correction\":{\"cluster\":");
    put_text(&o->b, v[0].s);
    gw_buf_printf(&o->b, ",\"hour\":%" PRId64 ",\"at\":%" PRId64, v[1].i, v[2].i);
    for (size_t i = 0; i < GW_COUNT(keys); i++) {
        gw_buf_printf(&o->b, ",\"%s\":", keys[i]);
        put_text(&o->b, v[3 + i].s);
    }
    put_sums(&o->b, "before", v[6].s, &bad);
    put_sums(&o->b, "after", v[7].s, &bad);
    gw_buf_puts(&o->b, "}}");
    if (bad)
        return gw_fail(e, GW_ECORRUPT, "a correction in the trail is damaged");
    return end_line(o, e);
}

static int put_document(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    out *o = ctx;
    GW_UNUSED(n);
    gw_buf_puts(&o->b, "{\"document\":{\"kind\":");
    put_text(&o->b, v[0].s);
    gw_buf_puts(&o->b, ",\"id\":");
    put_text(&o->b, v[1].s);
    gw_buf_printf(&o->b, ",\"updated\":%" PRId64 ",\"body\":", v[2].i);
    put_text(&o->b, v[3].s);
    gw_buf_puts(&o->b, "}}");
    return end_line(o, e);
}

int gw_store_export(gw_store *s, int (*write)(void *ctx, const char *p, size_t n, gw_error *e), void *ctx,
                    gw_error *e)
{
    out o = {.write = write, .ctx = ctx};
    int rc = gw_store_begin(s, false, e);
    if (rc)
        return rc;
    gw_buf_init(&o.b, 16 * GW_DOCUMENT_BYTES_MAX);
    rc = put_head(&o, e);
    rc = rc ? rc : put_hours(s, &o, e);
    rc = rc ? rc : put_days(s, &o, e);
    rc = rc ? rc
            : gw_store_run(
                  s,
                  "SELECT c.name, t.hour_ms, t.at_ms, t.namespace, t.workload, t.reason, t.sums_before, "
                  "t.sums_after FROM gw_correction t JOIN gw_cluster c ON c.id = t.cluster ORDER BY t.id",
                  NULL, 0, put_correction, &o, e);
    rc = rc ? rc
            : gw_store_run(s, "SELECT kind, id, updated_ms, body FROM gw_document ORDER BY kind, id", NULL, 0,
                           put_document, &o, e);
    if (rc == 0) {
        gw_buf_printf(&o.b, "{\"end\":{\"lines\":%" PRIu64 "}}", o.lines + 1);
        rc = end_line(&o, e);
    }
    rc = rc ? rc : flush(&o, 1, e);
    rc = gw_store_end(s, rc, e);
    gw_buf_free(&o.b);
    return rc;
}
