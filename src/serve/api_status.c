/* How the daemon is: for people, for Kubernetes' probes. Cheap: made on the server's own threads. */
#include <math.h>

#include "serve/api_internal.h"

extern const char gw_openapi_json[];
extern const size_t gw_openapi_json_size;

static void put_time(gw_doc *d, const char *key, int64_t ms)
{
    char t[GW_TIME_TEXT_MAX];
    if (ms > 0)
        gw_doc_text(d, key, gw_time_format(ms, t));
    else
        gw_doc_null(d, key);
}

static void put_named(gw_doc *d, const char *key, const char *text)
{
    gw_doc_text(d, key, *text ? text : NULL);
}

static void put_reasons(gw_doc *d, const gw_daemon_status *s)
{
    gw_doc_array(d, "reasons");
    for (size_t i = 0; i < s->n_reasons; i++)
        gw_doc_text(d, NULL, s->reasons[i]);
    gw_doc_end(d);
}

static void put_turn(gw_doc *d, const gw_daemon_status *s)
{
    if (!s->turn_at_ms) {
        gw_doc_null(d, "lastTurn");
        return;
    }
    gw_doc_object(d, "lastTurn");
    put_time(d, "at", s->turn_at_ms);
    gw_doc_bool(d, "ok", s->turn_ok);
    put_named(d, "message", s->turn_message);
    gw_doc_number(d, "cpuMs", s->turn_cpu_seconds * 1000, 3);
    gw_doc_end(d);
}

int gw_api_make_status(gw_api_call *c, gw_buf *b, gw_error *e)
{
    static const char *const roles[] = {"none", "read", "admin"};
    gw_daemon_status s;
    gw_doc d;
    gw_daemon_status_get(c->daemon, &s);
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "version", GW_VERSION);
    gw_doc_text(&d, "cluster", s.cluster);
    gw_doc_text(&d, "state", gw_daemon_state_name(s.state));
    put_reasons(&d, &s);
    put_time(&d, "now", s.now_ms);
    gw_doc_bool(&d, "recording", s.recording);
    gw_doc_object(&d, "window");
    put_time(&d, "start", s.window.start_ms);
    put_time(&d, "end", s.window.end_ms);
    gw_doc_end(&d);
    put_turn(&d, &s);
    gw_doc_object(&d, "data");
    put_time(&d, "newest", s.newest_ms);
    bool ages = s.data_age_ms >= 0 && !s.recording;
    gw_doc_number(&d, "ageSeconds", ages ? (double)s.data_age_ms / 1000 : (double)NAN, 3);
    gw_doc_bool(&d, "stale", s.state == GW_DAEMON_STALE);
    gw_doc_end(&d);
    put_time(&d, "lastClosedHour", s.last_closed_ms);
    gw_doc_int(&d, "hoursClosed", (int64_t)s.hours_closed);
    gw_doc_int(&d, "hoursWaiting", (int64_t)s.hours_waiting);
    gw_doc_object(&d, "store");
    gw_doc_text(&d, "kind", s.store_kind);
    gw_doc_bool(&d, "ok", s.store_ok);
    put_named(&d, "message", s.store);
    gw_doc_end(&d);
    put_named(&d, "source", s.source);
    put_named(&d, "kubernetes", s.kubernetes);
    gw_doc_object(&d, "auth");
    gw_doc_text(&d, "role", roles[c->who.role]);
    gw_doc_bool(&d, "required", gw_auth_required(c->api->o.auth));
    gw_doc_end(&d);
    gw_doc_int(&d, "generation", (int64_t)s.generation);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

/* The process answers: nothing else is asked here, so that a database that is down restarts nobody. */
int gw_api_make_healthz(gw_api_call *c, gw_buf *b, gw_error *e)
{
    GW_UNUSED(c);
    gw_buf_puts(b, "{\"status\": \"ok\"}\n");
    return gw_buf_check(b, "the answer", e);
}

int gw_api_make_readyz(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_daemon_status s;
    gw_doc d;
    gw_daemon_status_get(c->daemon, &s);
    c->status = s.state == GW_DAEMON_READY ? 200 : 503;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "state", gw_daemon_state_name(s.state));
    put_reasons(&d, &s);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

int gw_api_make_openapi(gw_api_call *c, gw_buf *b, gw_error *e)
{
    GW_UNUSED(c);
    gw_buf_add(b, gw_openapi_json, gw_openapi_json_size);
    return gw_buf_check(b, "the answer", e);
}
