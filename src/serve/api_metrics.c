/*
 * GET /metrics. Money comes from the store's closed hours, so that it adds up to /api/v1/history; what the
 * store cannot say while it is down is left out, and gpuwise_store_up tells why. The figures that need sums
 * over all of history are made once for each generation of the data.
 */
#include <math.h>

#include "format/json_tree.h"
#include "operate/anomaly_watch.h"
#include "operate/budget.h"
#include "operate/realised.h"
#include "serve/api_internal.h"
#include "serve/metrics.h"

#define PARTS 5

static const char *const part_names[PARTS] = {"used", "wasted", "idle", "unknown", "overhead"};

static gw_micro part_of(const gw_measures *m, size_t part)
{
    const gw_micro parts[PARTS] = {m->used, m->wasted, m->idle, m->unknown, m->overhead};
    return parts[part];
}

/* ---- money of closed hours ----------------------------------------------------------------------------- */

/* Nothing of a row is known where none of its time has a price. */
static bool priced(const gw_measures *m)
{
    return m->bill != 0 || m->unpriced_ms < m->paid_ms || m->paid_ms == 0;
}

typedef struct clusters {
    const char *const *names;
    size_t n;
} clusters;

/* Parallel to own. A cluster without rows of that hour is not there: nothing is known of it. */
static int sum_last_hour(gw_store *s, const gw_daemon_status *st, clusters own, gw_measures *ret,
                         bool *ret_there, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; i < own.n && rc == 0; i++) {
        gw_query q = {.when = {st->last_closed_ms - GW_HOUR_MS, st->last_closed_ms},
                      .n_where = 1,
                      .where = {{GW_DIM_CLUSTER, own.names[i]}}};
        gw_sums sums;
        rc = gw_store_sum(s, &q, &sums, e);
        if (rc)
            break;
        ret_there[i] = sums.n > 0;
        if (sums.n)
            ret[i] = sums.rows[0].m;
        gw_sums_free(&sums);
    }
    return rc;
}

static void write_costs(gw_metrics *m, clusters own, const gw_measures *x, const bool *there)
{
    gw_metric(m, "gpuwise_cost_dollars", "gauge", "Cost of the last closed hour by what became of it.");
    for (size_t k = 0; k < own.n; k++) {
        for (size_t i = 0; there[k] && priced(&x[k]) && i < PARTS; i++) {
            const gw_metric_label labels[] = {{"cluster", own.names[k]}, {"part", part_names[i]}};
            gw_metric_money(m, labels, 2, part_of(&x[k], i));
        }
    }
}

static void write_hours(gw_metrics *m, clusters own, const gw_measures *x, const bool *there)
{
    static const char *const times[] = {"paid", "allocated", "used", "idle", "unknown"};
    gw_metric(m, "gpuwise_gpu_hours", "gauge", "GPU-hours of the last closed hour by what became of them.");
    for (size_t k = 0; k < own.n; k++) {
        const int64_t ms[] = {x[k].paid_ms, x[k].allocated_ms, x[k].used_ms, x[k].idle_ms, x[k].unknown_ms};
        for (size_t i = 0; there[k] && i < GW_COUNT(times); i++) {
            const gw_metric_label labels[] = {{"cluster", own.names[k]}, {"part", times[i]}};
            gw_metric_value(m, labels, 2, (double)ms[i] / (double)GW_HOUR_MS);
        }
    }
    gw_metric(m, "gpuwise_utilisation_ratio", "gauge",
              "Compute of the last closed hour over the GPU time that was held and measured.");
    for (size_t k = 0; k < own.n; k++) {
        const gw_metric_label label = {"cluster", own.names[k]};
        if (there[k] && x[k].known_ms > 0)
            gw_metric_value(m, &label, 1, (double)x[k].used_ms / (double)x[k].known_ms);
    }
}

static int write_last_hour(gw_metrics *m, gw_api_call *c, gw_store *s, const gw_daemon_status *st,
                           clusters own, gw_error *e)
{
    gw_measures *x = GW_NEW_ARRAY(&c->arena, gw_measures, own.n);
    bool *there = GW_NEW_ARRAY(&c->arena, bool, own.n);
    int rc = x && there ? sum_last_hour(s, st, own, x, there, e) : gw_fail_memory(e);
    if (rc)
        return rc;
    write_costs(m, own, x, there);
    write_hours(m, own, x, there);
    return 0;
}

static void write_rows(gw_metrics *m, const char *cluster, const gw_sums *sums)
{
    for (size_t r = 0; r < sums->n; r++) {
        const gw_sum *x = &sums->rows[r];
        for (size_t i = 0; priced(&x->m) && i < PARTS; i++) {
            const gw_metric_label labels[] = {
                {"cluster", cluster}, {"namespace", x->key[0]}, {"team", x->key[1]}, {"part", part_names[i]}};
            if (part_of(&x->m, i))
                gw_metric_money(m, labels, GW_COUNT(labels), part_of(&x->m, i));
        }
    }
}

/* A counter: it falls only where hours are corrected or fall out of the retention, which Prometheus takes for
 * a reset. */
static int write_totals(gw_metrics *m, gw_store *s, clusters own, gw_error *e)
{
    int rc = 0;
    gw_metric(m, "gpuwise_cost_dollars_total", "counter", "Cost of all closed hours by namespace and team.");
    for (size_t i = 0; i < own.n && rc == 0; i++) {
        gw_query q = {.n_by = 2,
                      .by = {GW_DIM_NAMESPACE, GW_DIM_TEAM},
                      .n_where = 1,
                      .where = {{GW_DIM_CLUSTER, own.names[i]}}};
        gw_sums sums;
        rc = gw_store_extent(s, own.names[i], &q.when, e);
        if (rc || gw_interval_ms(q.when) == 0)
            continue;
        rc = gw_store_sum(s, &q, &sums, e);
        if (rc)
            break;
        write_rows(m, own.names[i], &sums);
        gw_sums_free(&sums);
    }
    return rc;
}

/* ---- budgets, anomalies, savings ----------------------------------------------------------------------- */

static void write_budget_amounts(gw_metrics *m, const gw_budget_states *states)
{
    static const char *const bounds[] = {"low", "mean", "high"};
    gw_metric(m, "gpuwise_budget_spent_dollars", "gauge", "Spent in the budget's period, from closed hours.");
    for (size_t i = 0; i < states->n; i++) {
        const gw_metric_label label = {"budget", states->items[i].rule->name};
        gw_metric_money(m, &label, 1, states->items[i].spent);
    }
    gw_metric(m, "gpuwise_budget_amount_dollars", "gauge", "The budget's amount for a period.");
    for (size_t i = 0; i < states->n; i++) {
        const gw_metric_label label = {"budget", states->items[i].rule->name};
        gw_metric_money(m, &label, 1, states->items[i].rule->amount);
    }
    gw_metric(m, "gpuwise_budget_forecast_dollars", "gauge",
              "What will have been spent at the period's end.");
    for (size_t i = 0; i < states->n; i++) {
        const gw_forecast *f = &states->items[i].forecast;
        const gw_micro values[] = {f->low, f->mean, f->high};
        for (size_t k = 0; f->known && k < GW_COUNT(bounds); k++) {
            const gw_metric_label labels[] = {{"budget", states->items[i].rule->name}, {"bound", bounds[k]}};
            gw_metric_money(m, labels, 2, values[k]);
        }
    }
}

static int write_budgets(gw_metrics *m, gw_api_call *c, gw_store *s, const gw_daemon_status *st, gw_error *e)
{
    const gw_serve_config *config = gw_daemon_config(c->daemon);
    gw_budget_states states;
    int rc = gw_budget_judge(s, config->budgets, config->n_budgets, gw_api_now(st), &states, NULL, e);
    if (rc)
        return rc;
    write_budget_amounts(m, &states);
    gw_budget_states_free(&states);
    return 0;
}

/* What another part says as a document, read back: it decides what is open and what is realised, not we. */
static int read_document(gw_store *s, int (*write)(gw_store *s, gw_doc *d, gw_error *e), json_t **ret,
                         gw_error *e)
{
    gw_buf b;
    gw_doc d;
    gw_buf_init(&b, GW_BLOB_MAX);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    int rc = write(s, &d, e);
    if (rc == 0)
        rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = gw_json_tree_parse((gw_str){b.data, b.len}, ret, e);
    gw_buf_free(&b);
    return rc;
}

static int anomalies(gw_store *s, gw_doc *d, gw_error *e)
{
    return gw_anomaly_watch_write(s, (gw_interval){0, 0}, d, e);
}

static int actions(gw_store *s, gw_doc *d, gw_error *e)
{
    gw_doc_object(d, NULL);
    int rc = gw_actions_write(s, d, e);
    gw_doc_end(d);
    return rc;
}

static size_t count_open(const json_t *list, const char *cluster)
{
    size_t open = 0, i;
    const json_t *x;
    json_array_foreach(list, i, x)
    {
        const char *of = json_string_value(json_object_get(json_object_get(x, "scope"), "cluster"));
        open += gw_eq(json_string_value(json_object_get(x, "state")), "open") && gw_eq(of, cluster);
    }
    return open;
}

static int write_anomalies(gw_metrics *m, gw_store *s, clusters own, gw_error *e)
{
    json_t *root = NULL;
    int rc = read_document(s, anomalies, &root, e);
    if (rc)
        return rc;
    gw_metric(m, "gpuwise_anomalies_open", "gauge", "Anomalies of cost and utilisation that are not over.");
    for (size_t i = 0; i < own.n; i++) {
        const gw_metric_label label = {"cluster", own.names[i]};
        gw_metric_value(m, &label, 1, (double)count_open(json_object_get(root, "anomalies"), own.names[i]));
    }
    json_decref(root);
    return 0;
}

/* Of an action the latest check that came to a result. */
static double realised_of(const json_t *action)
{
    const json_t *checks = json_object_get(action, "checks");
    for (size_t i = json_array_size(checks); i-- > 0;) {
        const json_t *v = json_object_get(json_array_get(checks, i), "realised");
        if (json_is_number(v))
            return json_number_value(v);
    }
    return (double)NAN;
}

static void add_known(double *sum, double v)
{
    if (isfinite(v))
        *sum = isfinite(*sum) ? *sum + v : v;
}

static int write_savings(gw_metrics *m, gw_store *s, const gw_daemon_status *st, gw_error *e)
{
    json_t *root = NULL;
    double low = (double)NAN, high = (double)NAN, realised = (double)NAN;
    size_t i;
    const json_t *x;
    int rc = read_document(s, actions, &root, e);
    if (rc)
        return rc;
    json_array_foreach(json_object_get(root, "actions"), i, x)
    {
        const json_t *predicted = json_object_get(x, "predictedMonthly"),
                     *lo = json_object_get(predicted, "low");
        const json_t *hi = json_object_get(predicted, "high");
        if (json_is_string(json_object_get(x, "stoppedAt")))
            continue;
        add_known(&low, json_is_number(lo) ? json_number_value(lo) : (double)NAN);
        add_known(&high, json_is_number(hi) ? json_number_value(hi) : (double)NAN);
        add_known(&realised, realised_of(x));
    }
    json_decref(root);
    gw_metric_label labels[2] = {{"cluster", st->cluster}, {"kind", NULL}};
    const char *const kinds[] = {"predicted_low", "predicted_high", "realised"};
    const double values[] = {low, high, realised};
    gw_metric(m, "gpuwise_savings_dollars_monthly", "gauge",
              "Of the actions that are followed: dollars a month as predicted, and as they came out.");
    for (size_t k = 0; k < GW_COUNT(kinds); k++) {
        labels[1].value = kinds[k];
        gw_metric_value(m, labels, 2, values[k]);
    }
    return 0;
}

/* ---- the daemon and the server ------------------------------------------------------------------------- */

static void write_daemon(gw_metrics *m, const gw_daemon_status *st)
{
    const gw_metric_label version = {"version", GW_VERSION}, cluster = {"cluster", st->cluster};
    const gw_metric_label ok = {"result", "ok"}, failed = {"result", "failed"};
    gw_metric(m, "gpuwise_build_info", "gauge", "The version of the program.");
    gw_metric_value(m, &version, 1, 1);
    gw_metric(m, "gpuwise_data_age_seconds", "gauge", "Time since the newest sample.");
    bool ages = st->data_age_ms >= 0 && !st->recording;
    gw_metric_value(m, NULL, 0, ages ? (double)st->data_age_ms / 1000 : (double)NAN);
    gw_metric(m, "gpuwise_last_closed_hour_timestamp_seconds", "gauge", "End of the last closed hour.");
    gw_metric_value(m, NULL, 0, st->last_closed_ms ? (double)(st->last_closed_ms / 1000) : (double)NAN);
    gw_metric(m, "gpuwise_turns_total", "counter", "Turns of observation by result.");
    gw_metric_value(m, &ok, 1, (double)(st->turns - st->turns_failed));
    gw_metric_value(m, &failed, 1, (double)st->turns_failed);
    gw_metric(m, "gpuwise_turn_cpu_seconds", "histogram", "Processor time of a turn.");
    gw_metric_histogram(m, gw_turn_cpu_bounds, GW_COUNT(gw_turn_cpu_bounds), st->turn_cpu_buckets,
                        st->turn_cpu_total_seconds);
    gw_metric(m, "gpuwise_corrections_total", "counter", "Closed hours that were corrected.");
    gw_metric_value(m, &cluster, 1, (double)st->corrections);
    gw_metric(m, "gpuwise_store_up", "gauge", "Whether the store answers and takes hours.");
    gw_metric_value(m, NULL, 0, st->store_ok);
    gw_metric(m, "gpuwise_source_up", "gauge", "Whether the source of telemetry answers.");
    gw_metric_value(m, NULL, 0, st->source_ok);
}

static void write_server(gw_metrics *m, const gw_server *server)
{
    static const char *const classes[6] = {"499", "1xx", "2xx", "3xx", "4xx", "5xx"};
    double bounds[GW_SERVER_LATENCIES - 1];
    gw_server_stats st;
    if (!server)
        return;
    gw_server_stats_get(server, &st);
    gw_metric(m, "gpuwise_http_requests_total", "counter",
              "Requests by class of status; 499: the client went before the answer.");
    for (size_t i = 0; i < GW_COUNT(classes); i++) {
        const gw_metric_label label = {"code", classes[i]};
        gw_metric_value(m, &label, 1, (double)st.requests[i]);
    }
    for (size_t i = 0; i < GW_COUNT(bounds); i++)
        bounds[i] = (double)gw_server_latency_us[i] / 1e6;
    gw_metric(m, "gpuwise_http_request_seconds", "histogram",
              "Time from a whole request to its whole answer.");
    gw_metric_histogram(m, bounds, GW_COUNT(bounds), st.latency, (double)st.latency_sum_us / 1e6);
}

/* One family for all routes, then the next. */
static void write_routes(gw_metrics *m, gw_daemon *d)
{
    static const struct {
        const char *name, *type, *help;
    } families[] = {{"gpuwise_alerts_sent_total", "counter", "Alerts told, by route."},
                    {"gpuwise_alerts_failed_total", "counter", "Messages that a receiver did not take."},
                    {"gpuwise_alerts_dropped_total", "counter", "Alerts given up, or without room."},
                    {"gpuwise_alerts_queued", "gauge", "Alerts that wait to be told."},
                    {"gpuwise_alert_route_up", "gauge", "Whether the last message went through."}};
    gw_alert_status s[GW_ALERT_ROUTES_MAX];
    size_t n = gw_daemon_alerts(d, s);
    for (size_t f = 0; f < GW_COUNT(families); f++) {
        gw_metric(m, families[f].name, families[f].type, families[f].help);
        for (size_t i = 0; i < n; i++) {
            const gw_metric_label label = {"route", s[i].name};
            const double values[] = {(double)s[i].sent, (double)s[i].failed, (double)s[i].dropped,
                                     (double)s[i].queued, s[i].health == GW_ALERT_OK};
            gw_metric_value(m, &label, 1, values[f]);
        }
    }
}

/* ---- together ------------------------------------------------------------------------------------------ */

/* What a store that fails in between leaves unsaid is left out. */
static bool write_money(gw_api_call *c, const gw_daemon_status *st, gw_buf *b)
{
    gw_store *s;
    gw_error e;
    clusters own;
    gw_metrics m = {.b = b};
    if (gw_daemon_store(c->daemon, c->worker, &s, &e) || gw_api_clusters(c, &own.names, &own.n, &e))
        return false;
    if (st->last_closed_ms && (write_last_hour(&m, c, s, st, own, &e) || write_totals(&m, s, own, &e)))
        return false;
    return write_budgets(&m, c, s, st, &e) == 0 && write_anomalies(&m, s, own, &e) == 0 &&
           write_savings(&m, s, st, &e) == 0;
}

int gw_api_make_metrics(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_daemon_status st;
    gw_api *a = c->api;
    gw_metrics m = {.b = b};
    gw_daemon_status_get(c->daemon, &st);
    pthread_mutex_lock(&a->money_lock);
    if (!a->has_money || a->money_generation != st.generation) {
        gw_buf_clear(&a->money);
        a->has_money = write_money(c, &st, &a->money) && !a->money.failed;
        a->money_generation = st.generation;
    }
    gw_buf_add(b, a->money.data, a->money.len);
    pthread_mutex_unlock(&a->money_lock);
    write_daemon(&m, &st);
    write_routes(&m, c->daemon);
    write_server(&m, a->server);
    return gw_buf_check(b, "the metrics", e);
}
