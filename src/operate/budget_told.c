/* What was told about a budget, so that it is told once; and the telling. */
#include "format/json_tree.h"
#include "operate/budget_internal.h"

#define KIND          "budget"
#define BACK          0.95 /* a forecast is taken back under this part of its threshold: it trembles */
#define STATE_BYTES   4096
#define SUMMARY_BYTES 1024

/* ---- the document ---- */

static void told_parse(json_t *root, gw_budget_told *t)
{
    json_t *list = json_object_get(root, "told"), *item;
    size_t i;
    if (json_integer_value(json_object_get(root, "version")) != 1 ||
        !json_is_integer(json_object_get(root, "period")))
        return;
    t->period_ms = json_integer_value(json_object_get(root, "period"));
    json_array_foreach(list, i, item)
    {
        double at = json_number_value(json_object_get(item, "at"));
        if (t->n == GW_COUNT(t->items) || !(at > 0))
            return;
        t->items[t->n].at = at;
        t->items[t->n].forecast = json_is_true(json_object_get(item, "forecast"));
        t->items[t->n++].ms = json_integer_value(json_object_get(item, "ms"));
    }
}

int gw_budget_told_read(gw_store *s, const char *name, gw_arena *a, gw_budget_told *ret, gw_error *e)
{
    gw_budget_told t = {.period_ms = INT64_MIN};
    gw_document doc;
    json_t *root = NULL;
    gw_error ignored;
    int r = gw_store_document_get(s, KIND, name, a, &doc, e);

    if (r && r != GW_ENOTFOUND)
        return r;
    if (!r && (r = gw_json_tree_parse(doc.body, &root, &ignored)) == GW_ENOMEM)
        return gw_fail_memory(e);
    if (!r)
        told_parse(root, &t);
    json_decref(root);
    *ret = t;
    return 0;
}

static int told_write(gw_store *s, const char *name, const gw_budget_told *t, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, STATE_BYTES);
    gw_buf_printf(&b, "{\"version\":1,\"period\":%" PRId64 ",\"told\":[", t->period_ms);
    for (size_t i = 0; i < t->n; i++)
        gw_buf_printf(&b, "%s{\"at\":%.17g,\"forecast\":%s,\"ms\":%" PRId64 "}", i ? "," : "", t->items[i].at,
                      t->items[i].forecast ? "true" : "false", t->items[i].ms);
    gw_buf_puts(&b, "]}");
    int r = gw_buf_check(&b, "state of a budget", e);
    if (!r)
        r = gw_store_document_put(s, KIND, name, (gw_str){b.data, b.len}, e);
    gw_buf_free(&b);
    return r;
}

size_t gw_budget_told_find(const gw_budget_told *t, double at, bool forecast)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->items[i].at == at && t->items[i].forecast == forecast)
            return i;
    return SIZE_MAX;
}

/* ---- events ---- */

static gw_event_severity severity_of(double at, bool forecast)
{
    if (forecast)
        return GW_EVENT_WARNING;
    return at < 0.8    ? GW_EVENT_INFO
           : at < 0.95 ? GW_EVENT_WARNING
           : at < 1    ? GW_EVENT_ERROR
                       : GW_EVENT_CRITICAL;
}

static void day_text(int64_t ms, char out[GW_TIME_TEXT_MAX])
{
    gw_time_format(ms, out);
    out[10] = '\0'; /* "2026-11-01" */
}

/* "team=nlp, environment=prod"; "everything". */
static void groups_text(const gw_budget_rule *r, gw_buf *b)
{
    for (size_t i = 0; i < r->n_by; i++)
        gw_buf_printf(b, "%s%s=%s", i ? ", " : "", gw_dim_name(r->by[i].dim), r->by[i].value);
    if (r->n_by == 0)
        gw_buf_puts(b, "everything");
}

/* One event about a threshold; texts are built in a scratch arena and copied by the list. */
typedef struct message {
    const gw_budget_state *b;
    int64_t period_ms; /* this one, or the one before */
    double at;
    bool forecast, resolved;
    int64_t ms;
} message;

static void summary_text(const message *m, const char *period, gw_buf *t)
{
    char amount[GW_MICRO_TEXT_MAX], spent[GW_MICRO_TEXT_MAX];
    const gw_budget_state *b = m->b;
    gw_micro of = m->forecast ? b->forecast.mean : b->spent;

    gw_micro_format_human(b->rule->amount, amount);
    if (m->period_ms != b->period.start_ms) {
        gw_buf_printf(t, "Budget %s: the period from %s is over", b->rule->name, period);
        return;
    }
    gw_buf_printf(t, "Budget %s: ", b->rule->name);
    if (m->resolved)
        gw_buf_printf(t, "%s is below %.4g %% of %s USD again",
                      m->forecast ? "the forecast" : "what is spent", m->at * 100, amount);
    else if (m->forecast)
        gw_buf_printf(t, "%s USD are forecast for the period from %s, %.4g %% of %s USD",
                      gw_micro_format_human(of, spent), period, (double)of / (double)b->rule->amount * 100,
                      amount);
    else
        gw_buf_printf(t, "%s USD are spent since %s, over %.4g %% of %s USD",
                      gw_micro_format_human(of, spent), period, m->at * 100, amount);
}

static int tell(const message *m, gw_events *events, gw_error *e)
{
    char period[GW_TIME_TEXT_MAX], amount[GW_MICRO_TEXT_MAX], spent[GW_MICRO_TEXT_MAX],
        forecast[GW_MICRO_TEXT_MAX], at[GW_DECIMAL_TEXT_MAX];
    gw_buf summary, key, groups;
    const gw_budget_rule *rule = m->b->rule;
    bool this_period = m->period_ms == m->b->period.start_ms;

    day_text(m->period_ms, period);
    gw_buf_init(&summary, SUMMARY_BYTES);
    gw_buf_init(&key, SUMMARY_BYTES);
    gw_buf_init(&groups, 1 << 16);
    summary_text(m, period, &summary);
    gw_buf_printf(&key, "gpuwise/budget/%s/%s/%s-%s", rule->name, period, m->forecast ? "forecast" : "actual",
                  gw_decimal_format(m->at, 6, true, at));
    groups_text(rule, &groups);
    int r = gw_buf_check(&summary, "summary of an event", e);
    r = r ? r : gw_buf_check(&key, "key of an event", e);
    r = r ? r : gw_buf_check(&groups, "groups of a budget", e);
    if (!r) {
        gw_event_detail details[8];
        size_t n = 0;
        details[n++] = (gw_event_detail){"budget", rule->name};
        details[n++] = (gw_event_detail){"group", groups.data};
        details[n++] = (gw_event_detail){"period", period};
        details[n++] = (gw_event_detail){"amount", gw_micro_format(rule->amount, amount)};
        details[n++] = (gw_event_detail){"threshold", at};
        if (this_period && gw_micro_known(m->b->spent))
            details[n++] = (gw_event_detail){"spent", gw_micro_format(m->b->spent, spent)};
        if (this_period && m->b->forecast.known)
            details[n++] = (gw_event_detail){"forecast", gw_micro_format(m->b->forecast.mean, forecast)};
        if (this_period && m->b->why)
            details[n++] = (gw_event_detail){"incomplete", m->b->why};
        r = gw_events_add(events,
                          &(gw_event){.kind = m->forecast ? "budget-forecast" : "budget-threshold",
                                      .dedup_key = key.data,
                                      .severity = severity_of(m->at, m->forecast),
                                      .summary = summary.data,
                                      .details = details,
                                      .n_details = n,
                                      .at_ms = m->ms,
                                      .resolved = m->resolved},
                          e);
    }
    gw_buf_free(&summary);
    gw_buf_free(&key);
    gw_buf_free(&groups);
    return r;
}

/* Of a period that is over, everything; of this one, what is no longer so. */
static bool is_over(const gw_budget_state *b, const gw_budget_told *t, size_t i)
{
    double of = t->items[i].at * (double)b->rule->amount;
    if (t->period_ms != b->period.start_ms)
        return true;
    if (t->items[i].forecast)
        return b->forecast.known && (double)b->forecast.mean < of * BACK;
    return gw_micro_known(b->spent) && (double)b->spent < of; /* corrected, or the amount was raised */
}

static int take_back(const gw_budget_state *b, gw_budget_told *t, int64_t now_ms, gw_events *events,
                     bool *changed, gw_error *e)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (!is_over(b, t, i)) {
            t->items[kept++] = t->items[i];
            continue;
        }
        *changed = true;
        int r =
            tell(&(message){b, t->period_ms, t->items[i].at, t->items[i].forecast, true, now_ms}, events, e);
        if (r)
            return r;
    }
    t->n = kept;
    return 0;
}

int gw_budget_tell(gw_store *s, const gw_budget_state *b, gw_budget_told *t, int64_t now_ms,
                   gw_events *events, gw_error *e)
{
    bool changed = false;
    size_t highest = SIZE_MAX;
    int r = take_back(b, t, now_ms, events, &changed, e);

    if (r)
        return r;
    t->period_ms = b->period.start_ms;
    for (size_t i = 0; i < b->n_thresholds; i++) {
        const gw_budget_threshold *x = &b->thresholds[i];
        if (!x->reached || t->n == GW_COUNT(t->items) ||
            gw_budget_told_find(t, x->at, x->forecast) != SIZE_MAX)
            continue;
        t->items[t->n].at = x->at;
        t->items[t->n].forecast = x->forecast;
        t->items[t->n++].ms = x->reached_ms;
        changed = true;
        if (!x->forecast)
            highest = i; /* thresholds rise: who hears of 80 % need not hear of 50 */
        else if ((r = tell(&(message){b, t->period_ms, x->at, true, false, x->reached_ms}, events, e)))
            return r;
    }
    if (highest != SIZE_MAX) {
        const gw_budget_threshold *x = &b->thresholds[highest];
        if ((r = tell(&(message){b, t->period_ms, x->at, false, false, x->reached_ms}, events, e)))
            return r;
    }
    return changed ? told_write(s, b->rule->name, t, e) : 0;
}
