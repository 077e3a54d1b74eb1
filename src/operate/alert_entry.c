#include "base/map.h"
#include "format/doc.h"
#include "format/json_tree.h"
#include "operate/alert_internal.h"

#define VERSION 1 /* of the document */

/* ---- copies of events ---------------------------------------------------------------------------------- */

/* How much of a text is kept: ALERT_TEXT_MAX bytes, never half a character. */
static size_t kept(const char *s)
{
    size_t n = strnlen(s, ALERT_TEXT_MAX + 1);
    if (n <= ALERT_TEXT_MAX)
        return n;
    n = ALERT_TEXT_MAX;
    while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static const char *put(char **at, const char *s)
{
    size_t n = kept(s);
    char *start = *at;
    memcpy(start, s, n);
    start[n] = '\0';
    *at += n + 1;
    return start;
}

/* Labels of the one event, then what else the other says; at most GW_EVENT_DETAILS_MAX. */
static size_t choose_details(const gw_event *ev, const gw_event *labels_of,
                             const gw_event_detail *ret[GW_EVENT_DETAILS_MAX])
{
    size_t n = 0;
    if (!labels_of)
        labels_of = ev;
    for (size_t i = 0; i < labels_of->n_details && n < GW_EVENT_DETAILS_MAX; i++)
        if (gw_alert_is_label(labels_of->details[i].key))
            ret[n++] = &labels_of->details[i];
    for (size_t i = 0; i < ev->n_details && n < GW_EVENT_DETAILS_MAX; i++)
        if (!gw_alert_is_label(ev->details[i].key))
            ret[n++] = &ev->details[i];
    return n;
}

gw_event *gw_alert_event_copy(const gw_event *ev, const gw_event *labels_of)
{
    const gw_event_detail *chosen[GW_EVENT_DETAILS_MAX];
    size_t n = choose_details(ev, labels_of, chosen);
    size_t bytes = sizeof(gw_event) + n * sizeof(gw_event_detail);
    bytes += kept(ev->kind) + kept(ev->dedup_key) + kept(ev->summary) + 3;
    for (size_t i = 0; i < n; i++)
        bytes += kept(chosen[i]->key) + kept(chosen[i]->value) + 2;
    gw_event *copy = gw_malloc(bytes);
    if (!copy)
        return NULL;
    gw_event_detail *details = (gw_event_detail *)(copy + 1);
    char *at = (char *)(details + n);
    *copy = *ev;
    copy->kind = put(&at, ev->kind);
    copy->dedup_key = put(&at, ev->dedup_key);
    copy->summary = put(&at, ev->summary);
    for (size_t i = 0; i < n; i++) {
        details[i].key = put(&at, chosen[i]->key);
        details[i].value = put(&at, chosen[i]->value);
    }
    copy->details = details;
    copy->n_details = n;
    return copy;
}

/* ---- documents ----------------------------------------------------------------------------------------- */

int gw_alert_entry_write(const gw_alert_entry *x, gw_buf *b, gw_error *e)
{
    const gw_event *ev = x->event;
    gw_doc d;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_int(&d, "version", VERSION);
    gw_doc_text(&d, "key", ev->dedup_key);
    gw_doc_text(&d, "kind", ev->kind);
    gw_doc_text(&d, "severity", gw_event_severity_name(ev->severity));
    gw_doc_text(&d, "summary", ev->summary);
    gw_doc_int(&d, "atMs", ev->at_ms);
    gw_doc_bool(&d, "resolved", ev->resolved);
    gw_doc_array(&d, "details");
    for (size_t i = 0; i < ev->n_details; i++) {
        gw_doc_array(&d, NULL);
        gw_doc_text(&d, NULL, ev->details[i].key);
        gw_doc_text(&d, NULL, ev->details[i].value);
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    gw_doc_bool(&d, "pending", x->pending);
    gw_doc_bool(&d, "told", x->told);
    gw_doc_text(&d, "toldSeverity", gw_event_severity_name(x->told_severity));
    gw_doc_int(&d, "openedMs", x->opened_ms);
    gw_doc_int(&d, "queuedMs", x->queued_ms);
    gw_doc_int(&d, "toldMs", x->told_ms);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

static const char *text_of(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static bool read_details(const json_t *list, gw_event_detail *ret, size_t *ret_n)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > GW_EVENT_DETAILS_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *pair = json_array_get(list, i);
        ret[i].key = json_string_value(json_array_get(pair, 0));
        ret[i].value = json_string_value(json_array_get(pair, 1));
        if (!ret[i].key || !ret[i].value)
            return false;
    }
    *ret_n = n;
    return true;
}

static gw_event_severity severity_of(const json_t *o, const char *key)
{
    const char *s = text_of(o, key);
    return s ? gw_event_severity_find(gw_str_of(s)) : GW_N_EVENT_SEVERITIES;
}

static int take_entry(const json_t *o, gw_alert_entry *ret, gw_error *e)
{
    gw_event_detail details[GW_EVENT_DETAILS_MAX];
    gw_event ev = {.kind = text_of(o, "kind"),
                   .dedup_key = text_of(o, "key"),
                   .severity = severity_of(o, "severity"),
                   .summary = text_of(o, "summary"),
                   .details = details,
                   .at_ms = json_integer_value(json_object_get(o, "atMs")),
                   .resolved = json_is_true(json_object_get(o, "resolved"))};
    gw_alert_entry x = {.pending = json_is_true(json_object_get(o, "pending")),
                        .told = json_is_true(json_object_get(o, "told")),
                        .told_severity = severity_of(o, "toldSeverity"),
                        .opened_ms = json_integer_value(json_object_get(o, "openedMs")),
                        .queued_ms = json_integer_value(json_object_get(o, "queuedMs")),
                        .told_ms = json_integer_value(json_object_get(o, "toldMs"))};
    if (json_integer_value(json_object_get(o, "version")) != VERSION || !ev.kind || !ev.dedup_key ||
        !*ev.dedup_key || strlen(ev.dedup_key) > GW_EVENT_KEY_MAX || !ev.summary ||
        ev.severity == GW_N_EVENT_SEVERITIES || x.told_severity == GW_N_EVENT_SEVERITIES ||
        !read_details(json_object_get(o, "details"), details, &ev.n_details))
        return gw_fail(e, GW_ECORRUPT, "the document of an alert is not one of this program's");
    x.event = gw_alert_event_copy(&ev, NULL);
    if (!x.event)
        return gw_fail_memory(e);
    x.hash = gw_hash(ev.dedup_key, strlen(ev.dedup_key));
    *ret = x;
    return 0;
}

int gw_alert_entry_read(gw_str body, gw_alert_entry *ret, gw_error *e)
{
    json_t *o = NULL;
    if (body.n > ALERT_DOCUMENT_BYTES_MAX)
        return gw_fail(e, GW_ECORRUPT, "the document of an alert has %zu bytes", body.n);
    int rc = gw_json_tree_parse(body, &o, e);
    if (rc)
        return rc;
    rc = take_entry(o, ret, e);
    json_decref(o);
    return rc;
}
