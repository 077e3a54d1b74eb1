/* What the watch keeps in the store, and the document of GET /api/v1/anomalies. */
#include "format/json_tree.h"
#include "operate/anomaly_watch_internal.h"

#define VERSION 1

void gw_open_free(gw_open *o)
{
    for (size_t i = 0; i < o->n_rows; i++)
        gw_free((char *)(uintptr_t)o->rows[i].key);
    *o = (gw_open){0};
}

/* ---- writing ---- */

static void open_write(const gw_watched *x, gw_watch_metric m, gw_doc *d)
{
    const gw_open *o = &x->open[m];
    gw_doc_object(d, NULL);
    gw_doc_text(d, "cluster", x->cluster);
    gw_doc_text(d, "by", gw_dim_name(x->dim));
    gw_doc_text(d, "value", x->value);
    gw_doc_text(d, "metric", gw_watch_metric_name(m));
    gw_doc_bool(d, "told", o->told);
    gw_doc_int(d, "at", o->at_ms);
    gw_doc_int(d, "last", o->last_ms);
    if (o->calm_ms == INT64_MIN)
        gw_doc_null(d, "calm");
    else
        gw_doc_int(d, "calm", o->calm_ms);
    const double numbers[] = {o->observed, o->expected, o->low, o->high, o->score, o->impact};
    gw_doc_array(d, "numbers");
    for (size_t i = 0; i < GW_COUNT(numbers); i++)
        gw_doc_number(d, NULL, numbers[i], 12);
    gw_doc_end(d);
    gw_doc_array(d, "rows");
    for (size_t i = 0; i < o->n_rows; i++) {
        gw_doc_array(d, NULL);
        gw_doc_text(d, NULL, o->rows[i].key);
        gw_doc_int(d, NULL, o->rows[i].before);
        gw_doc_int(d, NULL, o->rows[i].after);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    gw_doc_end(d);
}

int gw_watch_state_write(const gw_anomaly_watch *w, gw_store *s, gw_error *e)
{
    gw_buf b;
    gw_doc d;
    gw_buf_init(&b, GW_DOCUMENT_BYTES_MAX);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    gw_doc_object(&d, NULL);
    gw_doc_int(&d, "version", VERSION);
    gw_doc_object(&d, "judged");
    for (size_t i = 0; i < w->n_clusters; i++)
        if (w->clusters[i].judged_ms != INT64_MIN)
            gw_doc_int(&d, w->clusters[i].name, w->clusters[i].judged_ms);
    gw_doc_end(&d);
    gw_doc_array(&d, "open");
    for (size_t i = 0; i < w->n_series; i++)
        for (int m = 0; m < GW_N_WATCH_METRICS; m++)
            if (w->series[i]->open[m].on)
                open_write(w->series[i], (gw_watch_metric)m, &d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    int r = gw_doc_finish(&d, e);
    if (!r)
        r = gw_store_document_put(s, GW_WATCH_STATE_KIND, GW_WATCH_STATE_ID, (gw_str){b.data, b.len}, e);
    gw_buf_free(&b);
    return r;
}

/* ---- reading ---- */

static bool rows_read(json_t *list, gw_open *o)
{
    json_t *row;
    size_t i;
    json_array_foreach(list, i, row)
    {
        const char *key = json_string_value(json_array_get(row, 0));
        if (!key || o->n_rows == GW_ANOMALY_EXPLAIN_MAX)
            continue;
        char *copy = gw_strdup(key);
        if (!copy)
            return false;
        o->rows[o->n_rows++] = (gw_moved){copy, json_integer_value(json_array_get(row, 1)),
                                          json_integer_value(json_array_get(row, 2))};
    }
    return true;
}

static double number_at(json_t *list, size_t i)
{
    json_t *x = json_array_get(list, i);
    return json_is_number(x) ? json_number_value(x) : (double)NAN;
}

/* An entry that makes no sense is left out. */
static int open_read(gw_anomaly_watch *w, json_t *item, gw_error *e)
{
    const char *cluster = json_string_value(json_object_get(item, "cluster")),
               *by = json_string_value(json_object_get(item, "by")),
               *value = json_string_value(json_object_get(item, "value")),
               *metric = json_string_value(json_object_get(item, "metric"));
    json_t *numbers = json_object_get(item, "numbers"), *calm = json_object_get(item, "calm");
    gw_dim dim = by ? gw_dim_find(gw_str_of(by)) : GW_N_DIMS;
    gw_watched *x;

    if (!cluster || !value || !metric ||
        (dim != GW_DIM_CLUSTER && dim != GW_DIM_TEAM && dim != GW_DIM_NAMESPACE))
        return 0;
    gw_watch_metric m =
        strcmp(metric, gw_watch_metric_name(GW_WATCH_COST)) == 0 ? GW_WATCH_COST : GW_WATCH_UTILISATION;
    gw_open o = {.on = true,
                 .told = json_is_true(json_object_get(item, "told")),
                 .at_ms = json_integer_value(json_object_get(item, "at")),
                 .last_ms = json_integer_value(json_object_get(item, "last")),
                 .calm_ms = json_is_integer(calm) ? json_integer_value(calm) : INT64_MIN,
                 .observed = number_at(numbers, 0),
                 .expected = number_at(numbers, 1),
                 .low = number_at(numbers, 2),
                 .high = number_at(numbers, 3),
                 .score = number_at(numbers, 4),
                 .impact = number_at(numbers, 5)};
    int r = gw_watch_series_of(w, cluster, dim, value, &x, e);
    if (r || !x || x->open[m].on || isnan(o.impact) || isnan(o.expected))
        return r;
    if (!rows_read(json_object_get(item, "rows"), &o)) {
        gw_open_free(&o);
        return gw_fail_memory(e);
    }
    x->open[m] = o;
    return 0;
}

static int state_parse(gw_anomaly_watch *w, json_t *root, gw_error *e)
{
    json_t *item;
    const char *name;
    size_t i;
    if (json_integer_value(json_object_get(root, "version")) != VERSION)
        return 0;
    json_object_foreach(json_object_get(root, "judged"), name, item)
    {
        gw_watch_cluster *c = gw_watch_cluster_of(w, name, e);
        if (!c)
            return e ? e->code : GW_ENOMEM;
        if (json_is_integer(item))
            c->judged_ms = json_integer_value(item);
    }
    json_array_foreach(json_object_get(root, "open"), i, item)
    {
        int r = open_read(w, item, e);
        if (r)
            return r;
    }
    return 0;
}

int gw_watch_state_read(gw_anomaly_watch *w, gw_store *s, gw_error *e)
{
    gw_arena a;
    gw_document doc;
    json_t *root = NULL;
    gw_error ignored;

    gw_arena_init(&a, 0);
    int r = gw_store_document_get(s, GW_WATCH_STATE_KIND, GW_WATCH_STATE_ID, &a, &doc, e);
    if (r == GW_ENOTFOUND)
        r = 0;
    else if (!r && (r = gw_json_tree_parse(doc.body, &root, &ignored)) == GW_ENOMEM)
        r = gw_fail_memory(e);
    else if (!r)
        r = state_parse(w, root, e);
    else if (r == GW_ECORRUPT)
        r = 0;
    json_decref(root);
    gw_arena_free(&a);
    return r;
}

/* ---- the API's document ---- */

static void value_write(gw_doc *d, const char *key, json_t *v, int depth)
{
    json_t *item;
    const char *name;
    size_t i;
    if (json_is_object(v) && depth < GW_DOC_DEPTH_MAX / 2) {
        gw_doc_object(d, key);
        json_object_foreach(v, name, item) value_write(d, name, item, depth + 1);
        gw_doc_end(d);
    } else if (json_is_array(v) && depth < GW_DOC_DEPTH_MAX / 2) {
        gw_doc_array(d, key);
        json_array_foreach(v, i, item) value_write(d, NULL, item, depth + 1);
        gw_doc_end(d);
    } else if (json_is_string(v))
        gw_doc_text(d, key, json_string_value(v));
    else if (json_is_number(v))
        gw_doc_number(d, key, json_number_value(v), 6);
    else if (json_is_boolean(v))
        gw_doc_bool(d, key, json_is_true(v));
    else
        gw_doc_null(d, key);
}

typedef struct entry {
    json_t *root;
    int64_t at_ms;
    const char *id;
} entry;

static int by_newest(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? 1 : -1;
    return strcmp(x->id, y->id);
}

static bool instant(json_t *root, const char *key, int64_t *ret)
{
    const char *text = json_string_value(json_object_get(root, key));
    gw_error ignored;
    return text && gw_time_parse(text, 0, ret, &ignored) == 0;
}

/* Whether it overlaps the window. A document that is damaged is left out. */
static bool entry_read(const gw_document *doc, gw_interval window, entry *ret)
{
    gw_error ignored;
    int64_t end = INT64_MAX;
    *ret = (entry){.id = doc->id};
    if (gw_json_tree_parse(doc->body, &ret->root, &ignored))
        return false;
    instant(ret->root, "end", &end);
    if (!instant(ret->root, "at", &ret->at_ms) ||
        ((window.start_ms || window.end_ms) && (ret->at_ms >= window.end_ms || end <= window.start_ms))) {
        json_decref(ret->root);
        return false;
    }
    return true;
}

int gw_anomaly_watch_write(gw_store *s, gw_interval window, gw_doc *d, gw_error *e)
{
    gw_arena a;
    gw_document *docs = NULL;
    size_t n = 0, k = 0;
    gw_arena_init(&a, 0);
    int r = gw_store_documents(s, GW_WATCH_KIND, &a, &docs, &n, e);
    entry *entries = r ? NULL : GW_NEW_ARRAY(&a, entry, n + 1);
    if (!r && !entries)
        r = gw_fail_memory(e);
    for (size_t i = 0; i < n && !r; i++)
        k += entry_read(&docs[i], window, &entries[k]);
    if (!r) {
        qsort(entries, k, sizeof(*entries), by_newest);
        gw_doc_object(d, NULL);
        gw_doc_array(d, "anomalies");
        for (size_t i = 0; i < k; i++)
            value_write(d, NULL, entries[i].root, 2);
        gw_doc_end(d);
        gw_doc_end(d);
    }
    for (size_t i = 0; i < k; i++)
        json_decref(entries[i].root);
    gw_arena_free(&a);
    return r;
}
