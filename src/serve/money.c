/*
 * After hours were closed: budgets, anomalies, followed actions, the plan as of now; and events for those who
 * are to hear of them. Telling has a thread of its own, since a receiver may take its time.
 */
#include <time.h>

#include "operate/alert_shelf.h"
#include "operate/budget.h"
#include "operate/deliver.h"
#include "operate/realised.h"
#include "serve/daemon_internal.h"

#define PLAN_BYTES_MAX GW_DOCUMENT_BYTES_MAX

/* ---- the plan ------------------------------------------------------------------------------------------ */

/* As `gpuwise plan -o json` says it, for reviews and for who accepts an action. */
static int keep_plan(gw_daemon *d, gw_error *e)
{
    gw_view *v = NULL;
    gw_buf b;
    int rc = gw_daemon_view(d, (gw_interval){0, 0}, false, &v, e);
    if (rc)
        return rc;
    gw_options o = d->config->options;
    o.output = GW_OUTPUT_JSON;
    const gw_ask ask = {&o, "gpuwise", false, 0};
    gw_buf_init(&b, PLAN_BYTES_MAX);
    pthread_mutex_lock(&v->lock);
    rc = gw_daemon_plan(d, v, e);
    if (rc == 0)
        rc = gw_answer_plan(&ask, &v->p, &v->plan, &b, e);
    pthread_mutex_unlock(&v->lock);
    if (rc == 0)
        rc = gw_store_document_put(d->store, "plan", d->config->cluster, (gw_str){b.data, b.len}, e);
    gw_buf_free(&b);
    gw_view_release(v);
    return rc;
}

void gw_daemon_renew_plan(gw_daemon *d)
{
    gw_error why = {0};
    gw_daemon_status s;
    gw_daemon_status_get(d, &s);
    if (!d->plan_due || s.state != GW_DAEMON_READY)
        return;
    int rc = keep_plan(d, &why);
    d->plan_due = rc == GW_ECONNECT || rc == GW_EIO || rc == GW_ETIMEOUT;
    bool deleted;
    if (rc && !d->plan_due) /* an old plan must not pass for the present one */
        gw_store_document_delete(d->store, "plan", d->config->cluster, &deleted, &why);
}

/* ---- states as events ---------------------------------------------------------------------------------- */

/* Events to the alerts' memory and, where there is one, to the shelf. */
static int take(gw_daemon *d, const gw_events *events, gw_error *e)
{
    if (!d->alerts || events->n == 0)
        return 0;
    gw_alert_shelf shelf = gw_alert_shelf_of(d->store);
    int rc = gw_alerts_take(d->alerts, &shelf, events->items, events->n, e);
    pthread_mutex_lock(&d->state);
    d->told_something = true;
    pthread_cond_broadcast(&d->wake);
    pthread_mutex_unlock(&d->state);
    return rc;
}

void gw_daemon_say_state(gw_daemon *d, int64_t now_ms)
{
    gw_daemon_status s;
    gw_events events;
    gw_error ignored;
    gw_daemon_status_get(d, &s);
    bool bad = s.state == GW_DAEMON_STALE || s.state == GW_DAEMON_FAILING;
    if (s.state == GW_DAEMON_STARTING || (d->told_state && bad == d->told_bad))
        return;
    char summary[GW_REASON_MAX + 300], key[GW_EVENT_KEY_MAX + 1];
    snprintf(key, sizeof(key), "daemon-state %s", d->config->cluster);
    snprintf(summary, sizeof(summary), "gpuwise of cluster %s is %s%s%s", d->config->cluster,
             bad ? gw_daemon_state_name(s.state) : "well again", s.n_reasons ? ": " : "",
             s.n_reasons ? s.reasons[0] : "");
    if (d->config->say && (bad || d->told_state))
        d->config->say(d->config->say_ctx, summary);
    const gw_event ev = {.kind = "daemon-state",
                         .dedup_key = key,
                         .severity = GW_EVENT_WARNING,
                         .summary = summary,
                         .at_ms = now_ms,
                         .resolved = !bad};
    gw_events_init(&events);
    if (gw_events_add(&events, &ev, &ignored) == 0) {
        d->told_bad = bad;
        d->told_state = true;
        /* a shelf that fails has it in memory, and the reason is in the status already */
        take(d, &events, &ignored);
    }
    gw_events_free(&events);
}

/* ---- judging ------------------------------------------------------------------------------------------- */

static int judge_budgets(gw_daemon *d, int64_t now_ms, gw_events *events, gw_error *e)
{
    gw_budget_states states;
    int rc = gw_budget_judge(d->store, d->config->budgets, d->config->n_budgets, now_ms, &states, events, e);
    if (rc == 0)
        gw_budget_states_free(&states);
    return rc;
}

/* What was judged is handed on before anything else is judged: it is written down as told by then. */
static int judge_hours(gw_daemon *d, int64_t now_ms, gw_events *events, gw_error *e)
{
    int rc = judge_budgets(d, now_ms, events, e);
    int told = take(d, events, rc ? NULL : e);
    gw_events_clear(events);
    rc = rc ? rc : told;
    if (rc == 0)
        rc = gw_anomaly_watch_turn(d->anomalies, d->store, now_ms, events, e);
    told = take(d, events, rc ? NULL : e);
    rc = rc ? rc : told;
    return rc ? rc : gw_realised_check_all(d->store, now_ms, NULL, e);
}

int gw_daemon_judge_money(gw_daemon *d, int64_t now_ms, bool new_hours, gw_error *e)
{
    gw_events events;
    if (!new_hours)
        return 0;
    if (d->recording) /* its present is its end */
        now_ms = d->span.end_ms;
    d->plan_due = true;
    gw_events_init(&events);
    int rc = judge_hours(d, now_ms, &events, e);
    gw_events_free(&events);
    return rc;
}

/* ---- telling ------------------------------------------------------------------------------------------- */

/* Until there is something to tell; false: it is time to stop. */
static bool wait_for_news(gw_daemon *d, int64_t due_ms)
{
    struct timespec until;
    int64_t ms = GW_MAX(GW_SECOND_MS, GW_MIN(due_ms - d->env.clock(d->env.clock_ctx), GW_MINUTE_MS));
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    pthread_mutex_lock(&d->state);
    int rc = 0;
    while (!d->stopping && !d->told_something && rc == 0)
        rc = pthread_cond_timedwait(&d->wake, &d->state, &until);
    d->told_something = false;
    bool go = !d->stopping;
    pthread_mutex_unlock(&d->state);
    return go;
}

static void *tell(void *daemon)
{
    gw_daemon *d = daemon;
    gw_store *store = NULL;
    do {
        gw_error e = {0};
        const gw_store_options so = {.url = d->config->store};
        if (!store && gw_store_open(&so, &store, &e))
            store = NULL; /* the loop says so; what is in memory is told all the same */
        gw_alert_shelf shelf = gw_alert_shelf_of(store);
        gw_alerts_turn(d->alerts, &shelf, &e);
    } while (wait_for_news(d, gw_alerts_due(d->alerts)));
    gw_store_free(store);
    return NULL;
}

int gw_daemon_open_money(gw_daemon *d, gw_error *e)
{
    const gw_anomaly_watch_options wo = {.minimum = d->config->anomaly_minimum};
    int rc = gw_anomaly_watch_new(&wo, &d->anomalies, e);
    if (rc || d->config->alerts.n_routes == 0)
        return rc;
    rc = gw_deliver_new(&d->config->alerts, &d->deliver, e);
    if (rc)
        return rc;
    const gw_alert_options ao = {.config = d->config->alerts,
                                 .send = gw_deliver_send,
                                 .send_ctx = d->deliver,
                                 .seed = (uint64_t)gw_clock_monotonic(NULL)};
    return gw_alerts_new(&ao, &d->alerts, e);
}

int gw_daemon_start_telling(gw_daemon *d, gw_error *e)
{
    if (!d->alerts)
        return 0;
    int failed = pthread_create(&d->teller, NULL, tell, d);
    if (failed)
        return gw_fail(e, GW_EIO, "cannot start the thread that sends alerts: %s", strerror(failed));
    d->telling = true;
    return 0;
}

void gw_daemon_stop_telling(gw_daemon *d)
{
    if (d->telling)
        pthread_join(d->teller, NULL);
    d->telling = false;
}

size_t gw_daemon_alerts(gw_daemon *d, gw_alert_status ret[GW_ALERT_ROUTES_MAX])
{
    return d->alerts ? gw_alerts_status(d->alerts, ret) : 0;
}

void gw_daemon_free_money(gw_daemon *d)
{
    if (d->anomalies)
        gw_anomaly_watch_free(d->anomalies);
    if (d->alerts)
        gw_alerts_free(d->alerts);
    if (d->deliver)
        gw_deliver_free(d->deliver);
}
