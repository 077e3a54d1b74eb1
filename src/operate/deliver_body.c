/* What machines are told: JSON as each receiver documents it. */
#include <ctype.h>

#include "format/doc.h"
#include "operate/deliver_internal.h"

#define SLACK_TEXT_MAX    2800 /* of 3000 characters of a section; escaping makes five of one */
#define SLACK_HEADER_MAX  140  /* of 150 */
#define PAGERDUTY_KEY_MAX 255
#define PAGERDUTY_SUMMARY 1024
#define NAME_MAX_BYTES    128

static void doc_time(gw_doc *d, const char *key, int64_t ms)
{
    char t[GW_TIME_TEXT_MAX];
    gw_doc_text(d, key, gw_time_format(ms, t));
}

/* At most max bytes of the text, never half a character. */
static gw_str cut(const char *s, size_t max)
{
    size_t n = strlen(s);
    if (n > max)
        for (n = max; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
            ;
    return (gw_str){s, n};
}

/* ---- Alertmanager -------------------------------------------------------------------------------------- */

/* Names of labels and annotations are [a-zA-Z_][a-zA-Z0-9_]*. */
static const char *label_name(const char *key, char out[NAME_MAX_BYTES])
{
    size_t n = 0;
    if (!isalpha((unsigned char)*key) && *key != '_')
        out[n++] = '_';
    for (; *key && n + 1 < NAME_MAX_BYTES; key++)
        out[n++] = isalnum((unsigned char)*key) ? *key : '_';
    out[n] = '\0';
    return out;
}

/* "budget-threshold" becomes "GpuwiseBudgetThreshold", as alert names are written. */
static const char *alert_name(const char *kind, char out[NAME_MAX_BYTES])
{
    size_t n = (size_t)snprintf(out, NAME_MAX_BYTES, "Gpuwise");
    bool upper = true;
    for (; *kind && n + 1 < NAME_MAX_BYTES; kind++) {
        if (isalnum((unsigned char)*kind))
            out[n++] = (char)(upper ? toupper((unsigned char)*kind) : *kind);
        upper = !isalnum((unsigned char)*kind);
    }
    out[n] = '\0';
    return out;
}

/* A detail that is called like a label of ours must not come beside it. */
static bool is_taken(const char *name)
{
    static const char *const ours[] = {"alertname", "severity", "kind", "gpuwise_key", "summary"};
    for (size_t i = 0; i < GW_COUNT(ours); i++)
        if (strcmp(name, ours[i]) == 0)
            return true;
    return false;
}

static void put_details(gw_doc *d, const gw_event *ev, bool labels)
{
    char name[NAME_MAX_BYTES];
    for (size_t i = 0; i < ev->n_details; i++) {
        const gw_event_detail *x = &ev->details[i];
        if (gw_alert_is_label(x->key) != labels || strcmp(x->key, "cluster") == 0)
            continue;
        label_name(x->key, name);
        if (!is_taken(name))
            gw_doc_text(d, name, x->value);
    }
}

static const char *detail(const gw_event *ev, const char *key)
{
    for (size_t i = 0; i < ev->n_details; i++)
        if (strcmp(ev->details[i].key, key) == 0)
            return ev->details[i].value;
    return NULL;
}

static const char *cluster_of(const gw_deliver_message *m, const gw_event *ev)
{
    const char *named = detail(ev, "cluster");
    return named && *named ? named : m->config->cluster;
}

int gw_deliver_alertmanager(const gw_deliver_message *m, gw_buf *b, gw_error *e)
{
    gw_doc d;
    char name[NAME_MAX_BYTES];
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_array(&d, NULL);
    for (size_t i = 0; i < m->n; i++) {
        const gw_alert *x = &m->alerts[i];
        const gw_event *ev = x->event;
        gw_doc_object(&d, NULL);
        gw_doc_object(&d, "labels");
        gw_doc_text(&d, "alertname", alert_name(ev->kind, name));
        gw_doc_text(&d, "severity", gw_event_severity_name(ev->severity));
        gw_doc_text(&d, "kind", ev->kind);
        gw_doc_text(&d, "gpuwise_key", ev->dedup_key);
        gw_doc_text(&d, "cluster", cluster_of(m, ev));
        put_details(&d, ev, true);
        gw_doc_end(&d);
        gw_doc_object(&d, "annotations");
        gw_doc_text(&d, "summary", ev->summary);
        put_details(&d, ev, false);
        gw_doc_end(&d);
        doc_time(&d, "startsAt", x->opened_ms);
        /* one that starts and ends at the same instant would be taken as without an end */
        doc_time(&d, "endsAt", GW_MAX(x->valid_until_ms, x->opened_ms + GW_SECOND_MS));
        if (m->config->external_url)
            gw_doc_text(&d, "generatorURL", m->config->external_url);
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

/* ---- webhook ------------------------------------------------------------------------------------------- */

int gw_deliver_webhook(const gw_deliver_message *m, gw_buf *b, gw_error *e)
{
    gw_doc d;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_int(&d, "version", 1);
    gw_doc_text(&d, "cluster", m->config->cluster);
    doc_time(&d, "sentAt", m->now_ms);
    gw_doc_text(&d, "externalUrl", m->config->external_url);
    gw_doc_array(&d, "alerts");
    for (size_t i = 0; i < m->n; i++) {
        const gw_event *ev = m->alerts[i].event;
        gw_doc_object(&d, NULL);
        gw_doc_text(&d, "key", ev->dedup_key);
        gw_doc_text(&d, "kind", ev->kind);
        gw_doc_text(&d, "status", ev->resolved ? "resolved" : "firing");
        gw_doc_text(&d, "severity", gw_event_severity_name(ev->severity));
        gw_doc_text(&d, "summary", ev->summary);
        doc_time(&d, "startsAt", m->alerts[i].opened_ms);
        if (ev->resolved)
            doc_time(&d, "endsAt", ev->at_ms);
        else
            gw_doc_null(&d, "endsAt");
        gw_doc_object(&d, "details");
        for (size_t k = 0; k < ev->n_details; k++)
            gw_doc_text(&d, ev->details[k].key, ev->details[k].value);
        gw_doc_end(&d);
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

/* ---- PagerDuty ----------------------------------------------------------------------------------------- */

/* Two clusters may page one service: the cluster is part of the key. */
static int pagerduty_key(const gw_deliver_message *m, gw_buf *b, gw_error *e)
{
    char hex[DELIVER_HEX_MAX];
    gw_buf_printf(b, "%s/%s", m->config->cluster, m->alerts[0].event->dedup_key);
    int rc = gw_buf_check(b, "the alert's key", e);
    if (rc || b->len <= PAGERDUTY_KEY_MAX)
        return rc;
    rc = gw_deliver_digest((gw_str){b->data, b->len}, hex, e);
    if (rc)
        return rc;
    size_t n = cut(b->data, PAGERDUTY_KEY_MAX - 1 - strlen(hex)).n;
    b->len = n;
    gw_buf_printf(b, "#%s", hex);
    return gw_buf_check(b, "the alert's key", e);
}

static void pagerduty_payload(gw_doc *d, const gw_deliver_message *m)
{
    const gw_event *ev = m->alerts[0].event;
    const char *component = detail(ev, "budget");
    const char *group = detail(ev, "team");
    gw_doc_object(d, "payload");
    gw_doc_str(d, "summary", cut(ev->summary, PAGERDUTY_SUMMARY));
    gw_doc_text(d, "source", cluster_of(m, ev));
    gw_doc_text(d, "severity", gw_event_severity_name(ev->severity));
    doc_time(d, "timestamp", ev->at_ms);
    gw_doc_text(d, "class", ev->kind);
    if (component)
        gw_doc_text(d, "component", component);
    if (group)
        gw_doc_text(d, "group", group);
    gw_doc_object(d, "custom_details");
    for (size_t k = 0; k < ev->n_details; k++)
        gw_doc_text(d, ev->details[k].key, ev->details[k].value);
    gw_doc_end(d);
    gw_doc_end(d);
}

int gw_deliver_pagerduty(const gw_deliver_message *m, const char *routing_key, gw_buf *b, gw_error *e)
{
    const gw_event *ev = m->alerts[0].event;
    gw_doc d;
    gw_buf key;
    gw_buf_init(&key, 4096);
    int rc = pagerduty_key(m, &key, e);
    if (rc) {
        gw_buf_free(&key);
        return rc;
    }
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "routing_key", routing_key);
    gw_doc_text(&d, "event_action", ev->resolved ? "resolve" : "trigger");
    gw_doc_str(&d, "dedup_key", (gw_str){key.data, key.len});
    pagerduty_payload(&d, m);
    gw_doc_text(&d, "client", "gpuwise");
    if (m->config->external_url) {
        gw_doc_text(&d, "client_url", m->config->external_url);
        gw_doc_array(&d, "links");
        gw_doc_object(&d, NULL);
        gw_doc_text(&d, "href", m->config->external_url);
        gw_doc_text(&d, "text", "gpuwise");
        gw_doc_end(&d);
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    gw_buf_free(&key);
    return gw_doc_finish(&d, e);
}

/* ---- Slack --------------------------------------------------------------------------------------------- */

/* Slack's three control characters; what is left of them cannot mention anybody.
 * https://api.slack.com/reference/surfaces/formatting#escaping */
static void put_escaped(gw_buf *b, gw_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '&')
            gw_buf_puts(b, "&amp;");
        else if (s.p[i] == '<')
            gw_buf_puts(b, "&lt;");
        else if (s.p[i] == '>')
            gw_buf_puts(b, "&gt;");
        else
            gw_buf_putc(b, s.p[i]);
    }
}

static void slack_text(gw_doc *d, const char *key, const char *type, gw_str text)
{
    gw_doc_object(d, key);
    gw_doc_text(d, "type", type);
    gw_doc_str(d, "text", text);
    gw_doc_end(d);
}

static const char *mark_of(const gw_event *ev)
{
    static const char *const marks[GW_N_EVENT_SEVERITIES] = {
        ":information_source:", ":warning:", ":rotating_light:", ":rotating_light:"};
    return ev->resolved ? ":white_check_mark:" : marks[ev->severity];
}

static void slack_alert(gw_doc *d, gw_buf *text, const gw_alert *x)
{
    const gw_event *ev = x->event;
    char t[GW_TIME_TEXT_MAX];
    gw_buf_clear(text);
    gw_buf_printf(text, "%s *%s* ", mark_of(ev),
                  ev->resolved ? "resolved" : gw_event_severity_name(ev->severity));
    put_escaped(text, cut(ev->summary, 400));
    for (size_t i = 0; i < ev->n_details && text->len < SLACK_TEXT_MAX - 700; i++) {
        gw_buf_puts(text, "\n• ");
        put_escaped(text, cut(ev->details[i].key, 60));
        gw_buf_puts(text, ": ");
        put_escaped(text, cut(ev->details[i].value, 60));
    }
    gw_buf_printf(text, "\n_since %s_", gw_time_format(x->opened_ms, t));
    gw_doc_object(d, NULL);
    gw_doc_text(d, "type", "section");
    slack_text(d, "text", "mrkdwn", (gw_str){text->data, text->len});
    gw_doc_end(d);
}

static void slack_context(gw_doc *d, gw_buf *text, const gw_deliver_message *m)
{
    gw_buf_clear(text);
    if (m->n > DELIVER_SLACK_SHOWN)
        gw_buf_printf(text, "and %zu more · ", m->n - DELIVER_SLACK_SHOWN);
    gw_buf_puts(text, "gpuwise · cluster ");
    put_escaped(text, gw_str_of(m->config->cluster));
    if (m->config->external_url) {
        gw_buf_puts(text, " · ");
        put_escaped(text, gw_str_of(m->config->external_url));
    }
    gw_doc_object(d, NULL);
    gw_doc_text(d, "type", "context");
    gw_doc_array(d, "elements");
    slack_text(d, NULL, "mrkdwn", (gw_str){text->data, text->len});
    gw_doc_end(d);
    gw_doc_end(d);
}

int gw_deliver_slack(const gw_deliver_message *m, gw_buf *b, gw_error *e)
{
    gw_doc d;
    gw_buf text, subject;
    gw_buf_init(&text, 16384);
    gw_buf_init(&subject, 16384);
    gw_deliver_subject(m, &subject);
    put_escaped(&text, gw_str_of(subject.data ? subject.data : ""));
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "text", text.data);
    gw_doc_array(&d, "blocks");
    if (m->n > 1) {
        gw_doc_object(&d, NULL);
        gw_doc_text(&d, "type", "header");
        slack_text(&d, "text", "plain_text", cut(subject.data ? subject.data : "", SLACK_HEADER_MAX));
        gw_doc_end(&d);
    }
    int rc = gw_buf_check(&subject, "the message to Slack", e);
    for (size_t i = 0; i < m->n && i < DELIVER_SLACK_SHOWN && !rc; i++) {
        slack_alert(&d, &text, &m->alerts[i]);
        rc = gw_buf_check(&text, "the message to Slack", e);
    }
    if (!rc) {
        slack_context(&d, &text, m);
        rc = gw_buf_check(&text, "the message to Slack", e);
    }
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_buf_free(&text);
    gw_buf_free(&subject);
    return rc ? rc : gw_doc_finish(&d, e);
}
