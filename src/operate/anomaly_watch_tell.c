/* What people hear of an anomaly: its rows, its event, its document. */
#include "operate/anomaly_watch_internal.h"

#define BEFORE_HOURS   24          /* whose mean an explanation compares with */
#define EVENT_AGE_MAX  (GW_DAY_MS) /* older news are none: a first start, or after days of standing still */
#define SEVERE         10          /* times the minimum */
#define DOCUMENT_BYTES ((size_t)1 << 18)
#define NONE           "(none)"

const char *gw_watch_metric_name(gw_watch_metric m)
{
    return m == GW_WATCH_COST ? "cost" : "utilisation";
}

/* ---- rows ---- */

/* What a scope falls into. */
static gw_dim part_of(gw_dim dim)
{
    return dim == GW_DIM_CLUSTER ? GW_DIM_TEAM : dim == GW_DIM_TEAM ? GW_DIM_NAMESPACE : GW_DIM_WORKLOAD;
}

static int parts_of(const gw_watched *x, gw_store *s, gw_interval when, gw_sums *ret, gw_error *e)
{
    gw_query q = {.when = when, .step = GW_STEP_NONE, .n_by = 1, .n_where = 1};
    q.by[0] = part_of(x->dim);
    q.where[0].dim = GW_DIM_CLUSTER;
    q.where[0].value = x->cluster;
    if (x->dim != GW_DIM_CLUSTER) {
        q.where[q.n_where].dim = x->dim;
        q.where[q.n_where++].value = x->value;
    }
    return gw_store_sum(s, &q, ret, e);
}

/* Dollars an hour: of the cost the bill, of the utilisation what is wasted. */
static void rows_add(const gw_sums *sums, gw_watch_metric m, int64_t hours, bool after, gw_moved *rows,
                     size_t *n)
{
    for (size_t i = 0; i < sums->n; i++) {
        gw_micro sum = m == GW_WATCH_COST ? sums->rows[i].m.bill : sums->rows[i].m.wasted,
                 an_hour = GW_MAX(sum, 0) / hours;
        const char *key = *sums->rows[i].key[0] ? sums->rows[i].key[0] : NONE;
        rows[(*n)++] = (gw_moved){key, after ? 0 : an_hour, after ? an_hour : 0};
    }
}

static int keep_rows(gw_open *o, const gw_moved *rows, size_t n, gw_error *e)
{
    for (o->n_rows = 0; o->n_rows < n; o->n_rows++) {
        char *key = gw_strdup(rows[o->n_rows].key);
        if (!key) {
            while (o->n_rows > 0)
                gw_free((char *)(uintptr_t)o->rows[--o->n_rows].key);
            return gw_fail_memory(e);
        }
        o->rows[o->n_rows] = (gw_moved){key, rows[o->n_rows].before, rows[o->n_rows].after};
    }
    return 0;
}

static int explain(const gw_watched *x, gw_watch_metric m, gw_open *o, gw_store *s, gw_error *e)
{
    gw_sums before = {0}, after = {0};
    gw_arena a;
    int64_t *hours = NULL;
    size_t n_hours = 0, n = 0, n_moved = 0;
    gw_moved *moved = NULL;
    gw_interval day = {o->at_ms - BEFORE_HOURS * GW_HOUR_MS, o->at_ms},
                hour = {o->at_ms, o->at_ms + GW_HOUR_MS};

    gw_arena_init(&a, 0);
    int r = gw_store_closed(s, x->cluster, day, &a, &hours, &n_hours, e);
    if (!r)
        r = parts_of(x, s, day, &before, e);
    if (!r && (r = parts_of(x, s, hour, &after, e)))
        gw_sums_free(&before);
    if (!r) {
        gw_moved *rows = GW_NEW_ARRAY(&a, gw_moved, before.n + after.n + 1);
        if (rows) {
            rows_add(&before, m, (int64_t)GW_MAX(n_hours, (size_t)1), false, rows, &n);
            rows_add(&after, m, 1, true, rows, &n);
        }
        r = rows ? gw_anomaly_explain(rows, n, GW_ANOMALY_EXPLAIN_MAX, &a, &moved, &n_moved, e)
                 : gw_fail_memory(e);
        if (!r)
            r = keep_rows(o, moved, n_moved, e);
        gw_sums_free(&before);
        gw_sums_free(&after);
    }
    gw_arena_free(&a);
    return r;
}

/* ---- texts ---- */

static void scope_text(const gw_watched *x, gw_buf *b)
{
    if (x->dim == GW_DIM_CLUSTER)
        gw_buf_printf(b, "cluster %s", x->cluster);
    else
        gw_buf_printf(b, "%s %s on %s", gw_dim_name(x->dim), *x->value ? x->value : NONE, x->cluster);
}

/* "cost/prod/team=nlp/2026-11-21T05:00:00Z" */
static void id_text(const gw_watched *x, gw_watch_metric m, const gw_open *o, gw_buf *b)
{
    char at[GW_TIME_TEXT_MAX];
    gw_buf_printf(b, "%s/%s/", gw_watch_metric_name(m), x->cluster);
    if (x->dim != GW_DIM_CLUSTER)
        gw_buf_printf(b, "%s=%s/", gw_dim_name(x->dim), x->value);
    gw_buf_puts(b, gw_time_format(o->at_ms, at));
}

static void summary_text(const gw_watched *x, gw_watch_metric m, const gw_open *o, gw_buf *b)
{
    char at[GW_TIME_TEXT_MAX], impact[GW_MICRO_TEXT_MAX], delta[GW_MICRO_TEXT_MAX];
    gw_time_format(o->at_ms, at);
    gw_micro_format_human((gw_micro)llround(o->impact * 1e6), impact);
    gw_buf_puts(b, m == GW_WATCH_COST ? "Cost of " : "Utilisation of ");
    scope_text(x, b);
    if (o->over)
        gw_buf_printf(b, " is as expected again; since %s it made %s USD", at, impact);
    else if (m == GW_WATCH_COST)
        gw_buf_printf(b, ": %.2f USD an hour since %s, %.2f expected; %s USD so far", o->observed, at,
                      o->expected, impact);
    else
        gw_buf_printf(b, ": %.1f %% since %s, %.1f %% expected; worth %s USD so far", o->observed * 100, at,
                      o->expected * 100, impact);
    if (!o->over && o->n_rows > 0 && strcmp(o->rows[0].key, GW_MOVED_OTHERS) != 0)
        gw_buf_printf(b, "; %s moved most, by %s USD an hour", o->rows[0].key,
                      gw_micro_format_human(o->rows[0].after - o->rows[0].before, delta));
}

static void number(gw_doc *d, const char *key, double v)
{
    gw_doc_number(d, key, v, 6);
}

static void document_write(const gw_watched *x, gw_watch_metric m, const gw_open *o, const char *id,
                           gw_doc *d)
{
    char time[GW_TIME_TEXT_MAX];
    gw_doc_object(d, NULL);
    gw_doc_text(d, "id", id);
    gw_doc_text(d, "at", gw_time_format(o->at_ms, time));
    gw_doc_text(d, "end", o->over ? gw_time_format(o->end_ms, time) : NULL);
    gw_doc_text(d, "metric", gw_watch_metric_name(m));
    gw_doc_object(d, "scope");
    gw_doc_text(d, "cluster", x->cluster);
    if (x->dim != GW_DIM_CLUSTER)
        gw_doc_text(d, gw_dim_name(x->dim), x->value);
    gw_doc_end(d);
    number(d, "observed", o->observed);
    number(d, "expected", o->expected);
    number(d, "low", o->low);
    number(d, "high", o->high);
    number(d, "score", o->score);
    number(d, "impact", o->impact);
    gw_doc_array(d, "explanation");
    for (size_t i = 0; i < o->n_rows; i++) {
        gw_doc_object(d, NULL);
        gw_doc_text(d, "key", o->rows[i].key);
        gw_doc_money(d, "before", o->rows[i].before);
        gw_doc_money(d, "after", o->rows[i].after);
        gw_doc_money(d, "delta", o->rows[i].after - o->rows[i].before);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    gw_doc_text(d, "state", o->over ? "closed" : "open");
    gw_doc_end(d);
}

/* ---- telling ---- */

static int document_put(const gw_watched *x, gw_watch_metric m, const gw_open *o, const char *id, gw_store *s,
                        gw_error *e)
{
    gw_buf body;
    gw_doc d;
    gw_buf_init(&body, DOCUMENT_BYTES);
    gw_doc_init(&d, GW_DOC_JSON, &body);
    document_write(x, m, o, id, &d);
    int r = gw_doc_finish(&d, e);
    if (!r)
        r = gw_store_document_put(s, GW_WATCH_KIND, id, (gw_str){body.data, body.len}, e);
    gw_buf_free(&body);
    return r;
}

static int event_add(const gw_anomaly_watch *w, const gw_watched *x, gw_watch_metric m, const gw_open *o,
                     const char *id, gw_events *events, gw_error *e)
{
    gw_buf summary, key;
    char expected[GW_DECIMAL_TEXT_MAX], observed[GW_DECIMAL_TEXT_MAX], impact[GW_MICRO_TEXT_MAX];
    gw_event_detail details[GW_EVENT_DETAILS_MAX];
    char deltas[GW_ANOMALY_EXPLAIN_MAX][GW_MICRO_TEXT_MAX];
    size_t n = 0;

    gw_buf_init(&summary, 1 << 16);
    gw_buf_init(&key, 1 << 16);
    summary_text(x, m, o, &summary);
    gw_buf_printf(&key, "gpuwise/anomaly/%s", id);
    details[n++] = (gw_event_detail){"metric", gw_watch_metric_name(m)};
    details[n++] = (gw_event_detail){"cluster", x->cluster};
    if (x->dim != GW_DIM_CLUSTER)
        details[n++] = (gw_event_detail){gw_dim_name(x->dim), x->value};
    details[n++] = (gw_event_detail){"observed", gw_decimal_format(o->observed, 6, true, observed)};
    details[n++] = (gw_event_detail){"expected", gw_decimal_format(o->expected, 6, true, expected)};
    details[n++] = (gw_event_detail){"impact", gw_micro_format((gw_micro)llround(o->impact * 1e6), impact)};
    for (size_t i = 0; i < o->n_rows; i++)
        details[n++] = (gw_event_detail){o->rows[i].key,
                                         gw_micro_format(o->rows[i].after - o->rows[i].before, deltas[i])};
    int r = gw_buf_check(&summary, "summary of an event", e);
    r = r ? r : gw_buf_check(&key, "key of an event", e);
    if (!r)
        r = gw_events_add(events,
                          &(gw_event){.kind = m == GW_WATCH_COST ? "anomaly-cost" : "anomaly-utilisation",
                                      .dedup_key = key.data,
                                      .severity = fabs(o->impact) * 1e6 >= SEVERE * (double)w->minimum
                                                      ? GW_EVENT_ERROR
                                                      : GW_EVENT_WARNING,
                                      .summary = summary.data,
                                      .details = details,
                                      .n_details = n,
                                      .at_ms = o->over ? o->end_ms : o->at_ms,
                                      .resolved = o->over},
                          e);
    gw_buf_free(&summary);
    gw_buf_free(&key);
    return r;
}

static int tell_as(const gw_anomaly_watch *w, gw_watched *x, gw_watch_metric m, const char *id, gw_store *s,
                   int64_t now_ms, gw_events *events, gw_error *e)
{
    gw_open *o = &x->open[m];
    bool news = events && now_ms - o->last_ms <= EVENT_AGE_MAX, over = o->over;
    int r;

    if (!o->told && o->n_rows == 0 && (r = explain(x, m, o, s, e)))
        return r;
    if (!o->told && news) {
        o->over = false; /* what began is told as what began, even where it is over by now */
        r = event_add(w, x, m, o, id, events, e);
        o->over = over;
        if (r)
            return r;
    }
    o->told = true;
    if (over && news && (r = event_add(w, x, m, o, id, events, e)))
        return r;
    if (o->dirty && (r = document_put(x, m, o, id, s, e)))
        return r;
    o->dirty = false;
    return 0;
}

int gw_watch_tell(const gw_anomaly_watch *w, gw_watched *x, gw_watch_metric m, gw_store *s, int64_t now_ms,
                  gw_events *events, gw_error *e)
{
    gw_open *o = &x->open[m];
    gw_buf id;
    int r = 0;

    if (o->told || fabs(o->impact) * 1e6 >= (double)w->minimum) {
        gw_buf_init(&id, 1 << 16);
        id_text(x, m, o, &id);
        r = gw_buf_check(&id, "name of an anomaly", e);
        if (!r)
            r = tell_as(w, x, m, id.data, s, now_ms, events, e);
        gw_buf_free(&id);
    }
    if (!r && o->over)
        gw_open_free(o);
    return r;
}
