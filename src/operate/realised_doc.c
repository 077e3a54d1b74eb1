/*
 * The document of a followed action, and how it is shown. Money is whole micro-dollars and time whole GPU-ms
 * in the document, so that what is read is what was written; the API shows dollars and GPU-hours.
 */
#include "format/json_tree.h"
#include "operate/realised_internal.h"

#define VERSION 1

static const char *const states[] = {
    [REALISED_PENDING] = "pending", [REALISED_DONE] = "done", [REALISED_UNKNOWN] = "unknown"};

/* The measures that a comparison needs. */
static const struct {
    const char *key;
    size_t at;
} side_fields[] = {
    {"billMicro", offsetof(gw_measures, bill)}, {"unpricedMs", offsetof(gw_measures, unpriced_ms)},
    {"paidMs", offsetof(gw_measures, paid_ms)}, {"allocatedMs", offsetof(gw_measures, allocated_ms)},
    {"usedMs", offsetof(gw_measures, used_ms)}, {"knownMs", offsetof(gw_measures, known_ms)}};

static int64_t *field(gw_measures *m, size_t i)
{
    return (int64_t *)(void *)((char *)m + side_fields[i].at);
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static void put_micro(gw_doc *d, const char *key, gw_micro m)
{
    if (gw_micro_known(m))
        gw_doc_int(d, key, m);
    else
        gw_doc_null(d, key);
}

static void put_factor(gw_doc *d, double factor)
{
    if (factor >= 0)
        gw_doc_number(d, "demandFactor", factor, 6);
    else
        gw_doc_null(d, "demandFactor");
}

static void put_time(gw_doc *d, const char *key, int64_t ms)
{
    char text[GW_TIME_TEXT_MAX];
    gw_doc_text(d, key, ms ? gw_time_format(ms, text) : NULL);
}

static void put_names(gw_doc *d, const char *key, const realised_names *names)
{
    gw_doc_array(d, key);
    for (size_t i = 0; i < names->n; i++)
        gw_doc_text(d, NULL, names->items[i]);
    gw_doc_end(d);
}

static void put_pairs(gw_doc *d, const char *key, const realised_names *names)
{
    gw_doc_array(d, key);
    for (size_t i = 0; i < names->n; i++) {
        const char *cut = strchr(names->items[i], '\x1f');
        gw_doc_object(d, NULL);
        gw_doc_str(d, "namespace", (gw_str){names->items[i], (size_t)(cut - names->items[i])});
        gw_doc_text(d, "name", cut + 1);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void put_scope(gw_doc *d, const realised_action *a)
{
    gw_doc_object(d, "scope");
    gw_doc_text(d, "cluster", a->cluster);
    put_names(d, "nodes", &a->nodes);
    put_pairs(d, "workloads", &a->workloads);
    put_names(d, "hiredTypes", &a->hired);
    put_names(d, "nodesThereBefore", &a->known);
    gw_doc_end(d);
}

static void put_side(gw_doc *d, const char *key, const gw_measures *m)
{
    gw_measures copy = *m;
    gw_doc_object(d, key);
    for (size_t i = 0; i < GW_COUNT(side_fields); i++)
        gw_doc_int(d, side_fields[i].key, *field(&copy, i));
    gw_doc_end(d);
}

static void put_baseline(gw_doc *d, const realised_action *a)
{
    gw_doc_object(d, "baseline");
    gw_interval_write(d, "window", a->baseline);
    gw_doc_int(d, "hours", a->before.hours);
    gw_doc_int(d, "expected", a->before.expected);
    put_side(d, "held", &a->before.held);
    put_side(d, "rest", &a->before.rest);
    gw_doc_array(d, "rows");
    for (size_t i = 0; i < a->n_rows; i++) {
        const realised_hour *h = &a->rows[i];
        gw_doc_object(d, NULL);
        put_time(d, "hour", h->start_ms);
        gw_doc_int(d, "billMicro", h->bill);
        gw_doc_int(d, "usedMs", h->used_ms);
        gw_doc_int(d, "knownMs", h->known_ms);
        gw_doc_int(d, "allocatedMs", h->allocated_ms);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    gw_doc_end(d);
}

static void write_action(gw_doc *d, const realised_action *a)
{
    gw_doc_object(d, NULL);
    gw_doc_int(d, "version", VERSION);
    gw_doc_text(d, "id", a->id);
    gw_doc_text(d, "kind", a->kind);
    gw_doc_text(d, "summary", a->summary);
    put_time(d, "acceptedAt", a->accepted_ms);
    gw_doc_text(d, "acceptedBy", a->accepted_by);
    put_time(d, "stoppedAt", a->stopped_ms);
    put_micro(d, "predictedLowMicro", a->low);
    put_micro(d, "predictedHighMicro", a->high);
    put_scope(d, a);
    put_baseline(d, a);
    gw_doc_array(d, "checks");
    for (size_t i = 0; i < GW_REALISED_CHECKS; i++) {
        const realised_check *c = &a->checks[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "state", states[c->state]);
        put_time(d, "checkedAt", c->checked_ms);
        gw_doc_int(d, "hours", c->hours);
        gw_doc_int(d, "expected", c->expected);
        put_micro(d, "monthlyMicro", c->monthly);
        put_micro(d, "monthlyPlainMicro", c->monthly_plain);
        put_micro(d, "baselineMicro", c->baseline);
        put_micro(d, "actualMicro", c->actual);
        put_factor(d, c->demand_factor);
        gw_doc_text(d, "note", c->note);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    gw_doc_end(d);
}

int realised_save(gw_store *s, const realised_action *a, gw_error *e)
{
    gw_buf b;
    gw_doc d;
    gw_buf_init(&b, GW_DOCUMENT_BYTES_MAX);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    write_action(&d, a);
    int rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = gw_store_document_put(s, GW_ACTION_DOCUMENT, a->id, (gw_str){b.data, b.len}, e);
    gw_buf_free(&b);
    return rc;
}

void realised_show(gw_doc *d, const realised_action *a)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "id", a->id);
    gw_doc_text(d, "kind", a->kind);
    gw_doc_text(d, "summary", a->summary);
    put_time(d, "acceptedAt", a->accepted_ms);
    gw_doc_text(d, "acceptedBy", a->accepted_by);
    put_time(d, "stoppedAt", a->stopped_ms);
    gw_doc_object(d, "predictedMonthly");
    gw_doc_money(d, "low", a->low);
    gw_doc_money(d, "high", a->high);
    gw_doc_end(d);
    put_scope(d, a);
    gw_doc_object(d, "baseline");
    gw_interval_write(d, "window", a->baseline);
    gw_doc_int(d, "hours", a->before.hours);
    gw_doc_int(d, "expected", a->before.expected);
    gw_doc_money(d, "bill", a->before.held.bill + a->before.rest.bill);
    gw_doc_end(d);
    gw_doc_array(d, "checks");
    for (size_t i = 0; i < GW_REALISED_CHECKS; i++) {
        const realised_check *c = &a->checks[i];
        gw_doc_object(d, NULL);
        gw_doc_int(d, "days", c->days);
        put_time(d, "dueAt", c->due_ms);
        put_time(d, "checkedAt", c->checked_ms);
        gw_doc_text(d, "state", states[c->state]);
        gw_doc_money(d, "predicted", a->high);
        gw_doc_money(d, "realised", c->monthly);
        gw_doc_money(d, "uncorrected", c->monthly_plain);
        gw_doc_money(d, "baselineHourly", c->baseline);
        gw_doc_money(d, "actualHourly", c->actual);
        put_factor(d, c->demand_factor);
        gw_doc_int(d, "hours", c->hours);
        gw_doc_int(d, "expected", c->expected);
        gw_doc_text(d, "note", c->note && *c->note ? c->note : NULL);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    gw_doc_end(d);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

typedef struct reader {
    gw_arena *arena;
    const char *wrong; /* the first member that is not what it must be */
    bool memory;
} reader;

static const char *keep(reader *r, const char *text)
{
    const char *copy = gw_arena_strdup(r->arena, text ? text : "");
    r->memory |= !copy;
    return copy ? copy : "";
}

static void blame(reader *r, const char *what)
{
    r->wrong = r->wrong ? r->wrong : what;
}

static const char *get_text(reader *r, const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    if (!text)
        blame(r, key);
    return keep(r, text);
}

static int64_t get_time(reader *r, const json_t *o, const char *key, bool must)
{
    int64_t ms = 0;
    const json_t *v = json_object_get(o, key);
    if (json_is_null(v) && !must)
        return 0;
    if (!json_is_string(v) || gw_time_parse(json_string_value(v), 0, &ms, NULL))
        blame(r, key);
    return ms;
}

static int64_t get_int(reader *r, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v))
        blame(r, key);
    return json_integer_value(v);
}

static gw_micro get_micro(reader *r, const json_t *o, const char *key)
{
    return json_is_null(json_object_get(o, key)) ? GW_MICRO_UNKNOWN : get_int(r, o, key);
}

static realised_names get_names(reader *r, const json_t *o, const char *key, bool pairs)
{
    const json_t *list = json_object_get(o, key);
    realised_names names = {0};
    if (!json_is_array(list) || json_array_size(list) > GW_SCOPE_NAMES_MAX) {
        blame(r, key);
        return names;
    }
    names.items = GW_NEW_ARRAY(r->arena, const char *, json_array_size(list) + 1);
    r->memory |= !names.items;
    for (size_t i = 0; i < json_array_size(list) && names.items; i++) {
        const json_t *x = json_array_get(list, i);
        const char *ns = json_string_value(json_object_get(x, "namespace")),
                   *name = pairs ? json_string_value(json_object_get(x, "name")) : json_string_value(x);
        if (!name || (pairs && !ns)) {
            blame(r, key);
            break;
        }
        const char *text =
            pairs ? gw_arena_printf(r->arena, "%s\x1f%s", ns, name) : gw_arena_strdup(r->arena, name);
        r->memory |= !text;
        names.items[names.n++] = text ? text : "";
    }
    return names;
}

static void get_side(reader *r, const json_t *o, const char *key, gw_measures *m)
{
    const json_t *side = json_object_get(o, key);
    for (size_t i = 0; i < GW_COUNT(side_fields); i++)
        *field(m, i) = get_int(r, side, side_fields[i].key);
}

static void get_baseline(reader *r, const json_t *doc, realised_action *a)
{
    const json_t *b = json_object_get(doc, "baseline"), *window = json_object_get(b, "window");
    const json_t *rows = json_object_get(b, "rows");
    a->baseline = (gw_interval){get_time(r, window, "start", true), get_time(r, window, "end", true)};
    a->before.hours = (uint32_t)get_int(r, b, "hours");
    a->before.expected = (uint32_t)get_int(r, b, "expected");
    get_side(r, b, "held", &a->before.held);
    get_side(r, b, "rest", &a->before.rest);
    size_t n = json_array_size(rows);
    a->rows = GW_NEW_ARRAY(r->arena, realised_hour, n + 1);
    r->memory |= !a->rows;
    for (; a->n_rows < n && a->rows; a->n_rows++) {
        const json_t *x = json_array_get(rows, a->n_rows);
        a->rows[a->n_rows] = (realised_hour){.start_ms = get_time(r, x, "hour", true),
                                             .bill = get_int(r, x, "billMicro"),
                                             .used_ms = get_int(r, x, "usedMs"),
                                             .known_ms = get_int(r, x, "knownMs"),
                                             .allocated_ms = get_int(r, x, "allocatedMs")};
    }
}

static void get_check(reader *r, const json_t *o, realised_check *c)
{
    const char *state = get_text(r, o, "state");
    const json_t *factor = json_object_get(o, "demandFactor");
    c->state = GW_COUNT(states);
    for (size_t i = 0; i < GW_COUNT(states); i++)
        if (strcmp(state, states[i]) == 0)
            c->state = (realised_state)i;
    if ((size_t)c->state == GW_COUNT(states))
        blame(r, "state");
    c->checked_ms = get_time(r, o, "checkedAt", false);
    c->hours = (uint32_t)get_int(r, o, "hours");
    c->expected = (uint32_t)get_int(r, o, "expected");
    c->monthly = get_micro(r, o, "monthlyMicro");
    c->monthly_plain = get_micro(r, o, "monthlyPlainMicro");
    c->baseline = get_micro(r, o, "baselineMicro");
    c->actual = get_micro(r, o, "actualMicro");
    c->demand_factor = json_is_number(factor) ? json_number_value(factor) : -1;
    c->note = get_text(r, o, "note");
}

static void get_action(reader *r, const json_t *doc, realised_action *a)
{
    const json_t *scope = json_object_get(doc, "scope"), *checks = json_object_get(doc, "checks");
    const json_t *cluster = json_object_get(scope, "cluster");
    if (get_int(r, doc, "version") != VERSION)
        blame(r, "version");
    a->id = get_text(r, doc, "id");
    a->kind = get_text(r, doc, "kind");
    a->summary = get_text(r, doc, "summary");
    a->accepted_by = get_text(r, doc, "acceptedBy");
    a->accepted_ms = get_time(r, doc, "acceptedAt", true);
    a->stopped_ms = get_time(r, doc, "stoppedAt", false);
    a->low = get_micro(r, doc, "predictedLowMicro");
    a->high = get_micro(r, doc, "predictedHighMicro");
    a->cluster = json_is_string(cluster) ? keep(r, json_string_value(cluster)) : NULL;
    a->nodes = get_names(r, scope, "nodes", false);
    a->workloads = get_names(r, scope, "workloads", true);
    a->hired = get_names(r, scope, "hiredTypes", false);
    a->known = get_names(r, scope, "nodesThereBefore", false);
    get_baseline(r, doc, a);
    if (json_array_size(checks) != GW_REALISED_CHECKS)
        blame(r, "checks");
    for (size_t i = 0; i < GW_REALISED_CHECKS; i++) {
        get_check(r, json_array_get(checks, i), &a->checks[i]);
        a->checks[i].days = gw_realised_days[i];
        a->checks[i].due_ms = a->accepted_ms + gw_realised_days[i] * GW_DAY_MS;
    }
}

int realised_read(const char *id, gw_str body, gw_arena *arena, realised_action *ret, gw_error *e)
{
    json_t *doc = NULL;
    reader r = {.arena = arena};
    realised_action a = {0};
    int rc = gw_json_tree_parse(body, &doc, e);
    if (rc)
        return rc == GW_ECORRUPT ? gw_error_prefix(e, "the document of action '%s'", id) : rc;
    get_action(&r, doc, &a);
    json_decref(doc);
    if (r.memory)
        return gw_fail_memory(e);
    if (r.wrong)
        return gw_fail(e, GW_ECORRUPT,
                       "the document of action '%s' has no, or no proper, \"%s\"; stop following it "
                       "and accept the action anew",
                       id, r.wrong);
    *ret = a;
    return 0;
}
