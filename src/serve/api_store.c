/* What the store remembers: history, budgets, anomalies, spot coverage, followed actions. */
#include "format/json_tree.h"
#include "operate/anomaly_watch.h"
#include "operate/budget.h"
#include "operate/realised.h"
#include "operate/spot.h"
#include "present/render.h"
#include "serve/api_internal.h"
#include "serve/window_words.h"

#define STEPS_MAX       20000 /* of one answer: two years of hours */
#define CORRECTIONS_MAX 1000  /* of one answer, the newest */

static int open_store(gw_api_call *c, gw_store **ret, gw_error *e)
{
    return gw_daemon_store(c->daemon, c->worker, ret, e);
}

static int64_t now_of(const gw_api_call *c)
{
    gw_daemon_status s;
    gw_daemon_status_get(c->daemon, &s);
    return gw_api_now(&s);
}

/* All that the store has: of the cluster that is asked for, or of any. */
static int whole_extent(gw_api_call *c, gw_store *s, gw_interval *ret, gw_error *e)
{
    const char *one = gw_api_param(c, "cluster"), **all = NULL;
    size_t n = 0;
    if (one)
        return gw_api_extent(s, &one, 1, ret, e);
    int rc = gw_store_clusters(s, &c->arena, &all, &n, e);
    return rc ? rc : gw_api_extent(s, all, n, ret, e);
}

/* The call's window in whole hours; all that the store has where none is given. */
static int stored_window(gw_api_call *c, gw_store *s, gw_interval *ret, gw_error *e)
{
    int rc = gw_api_window(c, ret, e);
    if (rc == 0 && gw_interval_ms(*ret) == 0)
        rc = whole_extent(c, s, ret, e);
    if (rc)
        return rc;
    ret->start_ms = ret->start_ms / GW_HOUR_MS * GW_HOUR_MS;
    ret->end_ms = (ret->end_ms + GW_HOUR_MS - 1) / GW_HOUR_MS * GW_HOUR_MS;
    return 0;
}

/* ---- history ------------------------------------------------------------------------------------------- */

static const char *const steps[] = {"day", "hour", "week", "month"};
static const gw_step step_of[] = {GW_STEP_DAY, GW_STEP_HOUR, GW_STEP_WEEK, GW_STEP_MONTH};

static int read_dims(const char *by, gw_query *q, gw_error *e)
{
    for (const char *p = by; *p;) {
        size_t n = strcspn(p, ",");
        gw_dim d = gw_dim_find((gw_str){p, n});
        if (d >= GW_N_DIMS)
            return gw_fail(
                e, GW_EUSAGE,
                "by: the store cannot group by '%.*s'; it has cluster, namespace, workload, "
                "workloadKind, team, project, environment, model, modelVersion, costCenter, class, "
                "gpuModel and capacity",
                (int)GW_MIN(n, (size_t)60), p);
        if (q->n_by == GW_MAX_BY)
            return gw_fail(e, GW_EUSAGE, "by: at most %d names", GW_MAX_BY);
        q->by[q->n_by++] = d;
        p += n + (p[n] == ',');
    }
    return 0;
}

static int read_query(gw_api_call *c, gw_store *s, gw_query *q, gw_error *e)
{
    static const gw_dim wheres[] = {GW_DIM_CLUSTER, GW_DIM_NAMESPACE,     GW_DIM_WORKLOAD,
                                    GW_DIM_TEAM,    GW_DIM_PROJECT,       GW_DIM_ENVIRONMENT,
                                    GW_DIM_MODEL,   GW_DIM_MODEL_VERSION, GW_DIM_COST_CENTER,
                                    GW_DIM_CLASS,   GW_DIM_GPU_MODEL,     GW_DIM_CAPACITY};
    const char *by = gw_api_param(c, "by");
    size_t step;
    int rc = gw_api_choice(c, "step", steps, GW_COUNT(steps), &step, e);
    if (rc == 0)
        rc = stored_window(c, s, &q->when, e);
    if (rc == 0)
        rc = read_dims(by ? by : "namespace", q, e);
    if (rc)
        return rc;
    q->step = step_of[step];
    for (size_t i = 0; i < GW_COUNT(wheres); i++) {
        const char *v = gw_api_param(c, gw_dim_name(wheres[i]));
        if (!v)
            continue;
        if (q->n_where == GW_QUERY_WHERE_MAX)
            return gw_fail(e, GW_EUSAGE, "at most %d conditions", GW_QUERY_WHERE_MAX);
        q->where[q->n_where].dim = wheres[i];
        q->where[q->n_where++].value = v;
    }
    return 0;
}

static gw_cost cost_of(const gw_measures *m)
{
    return (gw_cost){.bill = m->bill,
                     .used = m->used,
                     .wasted = m->wasted,
                     .idle = m->idle,
                     .unknown = m->unknown,
                     .overhead = m->overhead,
                     .reclaimable = m->reclaimable,
                     .priced = m->bill != 0 || m->unpriced_ms < m->paid_ms || m->paid_ms == 0,
                     .reclaimable_known = true,
                     .unpriced_ms = (double)m->unpriced_ms};
}

static void write_measures(gw_doc *d, const gw_measures *m)
{
    gw_cost cost = cost_of(m);
    gw_gpu_time time = {.paid = (double)m->paid_ms,
                        .allocated = (double)m->allocated_ms,
                        .used = (double)m->used_ms,
                        .idle = (double)m->idle_ms,
                        .unknown = (double)m->unknown_ms};
    gw_doc_cost(d, &cost);
    gw_doc_gpu_hours(d, &time);
}

static int64_t next_step(gw_step step, int64_t start)
{
    switch (step) {
    case GW_STEP_HOUR:
        return start / GW_HOUR_MS * GW_HOUR_MS + GW_HOUR_MS;
    case GW_STEP_WEEK:
        return gw_week_start(start, GW_WINDOW_WORDS_OURS) + 7 * GW_DAY_MS;
    case GW_STEP_MONTH:
        return gw_month_start(start, 1);
    default:
        return gw_day_start(start) + GW_DAY_MS;
    }
}

static int64_t step_start(gw_step step, int64_t at)
{
    switch (step) {
    case GW_STEP_HOUR:
        return at / GW_HOUR_MS * GW_HOUR_MS;
    case GW_STEP_WEEK:
        return gw_week_start(at, GW_WINDOW_WORDS_OURS);
    case GW_STEP_MONTH:
        return gw_month_start(at, 0);
    default:
        return gw_day_start(at);
    }
}

/* What the store says of a query. held: the same without conditions but the cluster's, for whether the store
 * has an hour does not depend on what is looked for in it. */
typedef struct history {
    gw_sums rows, totals, held;
} history;

static void write_rows(gw_doc *d, const gw_query *q, const gw_sums *sums, size_t *at, int64_t end)
{
    gw_doc_array(d, "rows");
    for (; *at < sums->n && sums->rows[*at].step_ms < end; ++*at) {
        const gw_sum *x = &sums->rows[*at];
        gw_doc_object(d, NULL);
        gw_doc_array(d, "key");
        for (size_t i = 0; i < q->n_by; i++)
            gw_doc_text(d, NULL, x->key[i]);
        gw_doc_end(d);
        write_measures(d, &x->m);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

/* The sum of the step that ends so; NULL where there is none. Steps are taken in order. */
static const gw_sum *take_step(const gw_sums *s, size_t *at, int64_t end)
{
    return *at < s->n && s->rows[*at].step_ms < end ? &s->rows[(*at)++] : NULL;
}

/* All of a step of the calendar, not of the part that the window has of it. */
static bool is_complete(const gw_query *q, int64_t at, const gw_sum *held)
{
    int64_t end = next_step(q->step, at);
    return held && at == step_start(q->step, at) && end <= q->when.end_ms &&
           (int64_t)held->hours * GW_HOUR_MS >= end - at;
}

/* Steps of which the store has nothing are written too: a gap is shown as one. Where it has hours, and in
 * them nothing that was asked for, the sum is 0. */
static void write_steps(gw_doc *d, const gw_query *q, const history *h)
{
    static const gw_measures none = {0};
    char t[GW_TIME_TEXT_MAX];
    size_t row = 0, total = 0, held = 0;
    gw_doc_array(d, "steps");
    for (int64_t at = q->when.start_ms; at < q->when.end_ms;) {
        int64_t end = GW_MIN(next_step(q->step, at), q->when.end_ms);
        const gw_sum *sum = take_step(&h->totals, &total, end), *there = take_step(&h->held, &held, end);
        gw_doc_object(d, NULL);
        gw_doc_text(d, "start", gw_time_format(at, t));
        gw_doc_text(d, "end", gw_time_format(end, t));
        gw_doc_bool(d, "complete", is_complete(q, at, there));
        write_rows(d, q, &h->rows, &row, end);
        if (there) {
            gw_doc_object(d, "total");
            write_measures(d, sum ? &sum->m : &none);
            gw_doc_end(d);
        } else {
            gw_doc_null(d, "total");
        }
        gw_doc_end(d);
        at = end;
    }
    gw_doc_end(d);
}

static void write_side(gw_doc *d, const char *key, const gw_measures *m)
{
    gw_cost cost = cost_of(m);
    gw_doc_object(d, key);
    gw_doc_cost(d, &cost);
    gw_doc_end(d);
}

static int write_corrections(gw_api_call *c, gw_store *s, gw_interval when, gw_doc *d, gw_error *e)
{
    gw_correction *list = NULL;
    size_t n = 0;
    char t[GW_TIME_TEXT_MAX];
    int rc =
        gw_store_corrections(s, gw_api_param(c, "cluster"), when, CORRECTIONS_MAX, &c->arena, &list, &n, e);
    gw_doc_array(d, "corrections");
    for (size_t i = 0; i < n && rc == 0; i++) {
        gw_doc_object(d, NULL);
        gw_doc_text(d, "at", gw_time_format(list[i].at_ms, t));
        gw_doc_text(d, "hour", gw_time_format(list[i].hour_ms, t));
        gw_doc_text(d, "cluster", list[i].cluster);
        gw_doc_text(d, "namespace", list[i].ns);
        gw_doc_text(d, "workload", list[i].workload);
        gw_doc_text(d, "reason", list[i].reason);
        write_side(d, "before", &list[i].before);
        write_side(d, "after", &list[i].after);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    return rc;
}

static int write_history(gw_api_call *c, gw_store *s, const gw_query *q, const history *h, gw_buf *b,
                         gw_error *e)
{
    gw_doc d;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "gpuwise/v1");
    gw_doc_text(&d, "kind", "History");
    gw_doc_window(&d, q->when);
    gw_doc_text(&d, "currency", "USD");
    for (size_t i = 0; i < GW_COUNT(steps); i++) {
        if (step_of[i] == q->step)
            gw_doc_text(&d, "step", steps[i]);
    }
    gw_doc_array(&d, "by");
    for (size_t i = 0; i < q->n_by; i++)
        gw_doc_text(&d, NULL, gw_dim_name(q->by[i]));
    gw_doc_end(&d);
    write_steps(&d, q, h);
    int rc = write_corrections(c, s, q->when, &d, e);
    gw_doc_end(&d);
    return rc ? rc : gw_doc_finish(&d, e);
}

/* Before anything is asked: the answer has every step, also those of which the store has nothing. */
static int check_steps(const gw_query *q, gw_error *e)
{
    static const int64_t shortest[] = {[GW_STEP_NONE] = INT64_MAX,
                                       [GW_STEP_HOUR] = GW_HOUR_MS,
                                       [GW_STEP_DAY] = GW_DAY_MS,
                                       [GW_STEP_WEEK] = 7 * GW_DAY_MS,
                                       [GW_STEP_MONTH] = 28 * GW_DAY_MS};
    if (gw_interval_ms(q->when) / shortest[q->step] <= STEPS_MAX)
        return 0;
    return gw_fail(e, GW_EUSAGE, "window: more than %d steps; ask for less time, or for a longer step",
                   STEPS_MAX);
}

static int sum_rows(gw_store *s, const gw_query *q, gw_sums *ret, gw_error *e)
{
    const gw_query wide = gw_api_keys_query(q);
    int rc = gw_store_sum(s, &wide, ret, e);
    if (rc == 0)
        gw_api_keys_fold(q, &wide, ret);
    return rc;
}

static int sum_totals(gw_store *s, const gw_query *q, history *h, gw_error *e)
{
    gw_query all = *q, held = *q;
    all.n_by = held.n_by = held.n_where = 0;
    for (size_t i = 0; i < q->n_where; i++) {
        if (q->where[i].dim == GW_DIM_CLUSTER)
            held.where[held.n_where++] = q->where[i];
    }
    int rc = gw_store_sum(s, &all, &h->totals, e);
    return rc ? rc : gw_store_sum(s, &held, &h->held, e);
}

static int history_json(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_query q = {.n_by = 0};
    history h = {.rows.n = 0};
    gw_store *s;
    int rc = open_store(c, &s, e);
    if (rc == 0)
        rc = read_query(c, s, &q, e);
    if (rc == 0)
        rc = check_steps(&q, e);
    if (rc == 0)
        rc = sum_rows(s, &q, &h.rows, e);
    if (rc == 0)
        rc = sum_totals(s, &q, &h, e);
    if (rc == 0)
        rc = write_history(c, s, &q, &h, b, e);
    gw_sums_free(&h.rows);
    gw_sums_free(&h.totals);
    gw_sums_free(&h.held);
    return rc;
}

int gw_api_make_history(gw_api_call *c, gw_buf *b, gw_error *e)
{
    static const char *const keys[] = {"key.0", "key.1", "key.2", "key.3", "key.4", "key.5"};
    static const gw_csv_column fixed[] = {
        {"complete", "^complete"},
        {"bill_usd", "cost.bill"},
        {"used_usd", "cost.used"},
        {"wasted_usd", "cost.wasted"},
        {"reclaimable_usd", "cost.reclaimable"},
        {"idle_usd", "cost.idle"},
        {"unknown_usd", "cost.unknown"},
        {"overhead_usd", "cost.overhead"},
        {"gpu_hours_paid", "gpuHours.paid"},
        {"gpu_hours_allocated", "gpuHours.allocated"},
        {"gpu_hours_used", "gpuHours.used"},
        {"gpu_hours_idle", "gpuHours.idle"},
        {"gpu_hours_unknown", "gpuHours.unknown"},
    };
    gw_csv_column columns[2 + GW_MAX_BY + GW_COUNT(fixed)] = {{"start", "^start"}, {"end", "^end"}};
    const char *by = gw_api_param(c, "by");
    gw_query q = {.n_by = 0};
    int rc = read_dims(by ? by : "namespace", &q, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < q.n_by; i++)
        columns[2 + i] = (gw_csv_column){gw_dim_name(q.by[i]), keys[i]};
    memcpy(&columns[2 + q.n_by], fixed, sizeof(fixed));
    return gw_api_table(c, history_json, "steps", "rows", columns, 2 + q.n_by + GW_COUNT(fixed), b, e);
}

/* ---- budgets, anomalies, spot -------------------------------------------------------------------------- */

static int budgets_json(gw_api_call *c, gw_buf *b, gw_error *e)
{
    const gw_serve_config *config = gw_daemon_config(c->daemon);
    gw_budget_states states;
    gw_store *s;
    gw_doc d;
    int rc = open_store(c, &s, e);
    if (rc == 0)
        rc = gw_budget_judge(s, config->budgets, config->n_budgets, now_of(c), &states, NULL, e);
    if (rc)
        return rc;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_budget_write(&states, &d);
    gw_budget_states_free(&states);
    return gw_doc_finish(&d, e);
}

int gw_api_make_budgets(gw_api_call *c, gw_buf *b, gw_error *e)
{
    static const gw_csv_column columns[] = {{"name", "name"},
                                            {"period", "period"},
                                            {"period_start", "periodStart"},
                                            {"period_end", "periodEnd"},
                                            {"amount_usd", "amount"},
                                            {"spent_usd", "spent"},
                                            {"share", "share"},
                                            {"forecast_low_usd", "forecast.low"},
                                            {"forecast_mean_usd", "forecast.mean"},
                                            {"forecast_high_usd", "forecast.high"},
                                            {"state", "state"},
                                            {"why", "why"}};
    return gw_api_table(c, budgets_json, "budgets", NULL, columns, GW_COUNT(columns), b, e);
}

static int anomalies_json(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_interval window;
    gw_store *s;
    gw_doc d;
    int rc = gw_api_window(c, &window, e);
    if (rc == 0)
        rc = open_store(c, &s, e);
    if (rc)
        return rc;
    gw_doc_init(&d, GW_DOC_JSON, b);
    rc = gw_anomaly_watch_write(s, window, &d, e);
    return rc ? rc : gw_doc_finish(&d, e);
}

int gw_api_make_anomalies(gw_api_call *c, gw_buf *b, gw_error *e)
{
    static const gw_csv_column columns[] = {{"id", "id"},
                                            {"at", "at"},
                                            {"end", "end"},
                                            {"metric", "metric"},
                                            {"cluster", "scope.cluster"},
                                            {"team", "scope.team"},
                                            {"namespace", "scope.namespace"},
                                            {"observed", "observed"},
                                            {"expected", "expected"},
                                            {"low", "low"},
                                            {"high", "high"},
                                            {"score", "score"},
                                            {"impact_usd", "impact"},
                                            {"state", "state"}};
    return gw_api_table(c, anomalies_json, "anomalies", NULL, columns, GW_COUNT(columns), b, e);
}

static int spot_json(gw_api_call *c, gw_buf *b, gw_error *e)
{
    const gw_serve_config *config = gw_daemon_config(c->daemon);
    gw_interval window;
    gw_store *s;
    gw_sums sums;
    gw_spot spot;
    gw_doc d;
    int rc = open_store(c, &s, e);
    if (rc == 0)
        rc = stored_window(c, s, &window, e);
    if (rc)
        return rc;
    gw_query q = gw_spot_query(window, gw_api_param(c, "cluster"));
    rc = gw_store_sum(s, &q, &sums, e);
    if (rc)
        return rc;
    gw_spot_make(&sums, (gw_spot_targets){config->spot_training, config->spot_inference}, &spot);
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_window(&d, window);
    gw_spot_write(&d, &spot);
    gw_doc_end(&d);
    rc = gw_doc_finish(&d, e);
    gw_sums_free(&sums);
    return rc;
}

int gw_api_make_spot(gw_api_call *c, gw_buf *b, gw_error *e)
{
    static const gw_csv_column columns[] = {{"class", "class"},
                                            {"spot_hours", "spotHours"},
                                            {"on_demand_hours", "onDemandHours"},
                                            {"unknown_hours", "unknownHours"},
                                            {"coverage", "coverage"}};
    return gw_api_table(c, spot_json, "rows", NULL, columns, GW_COUNT(columns), b, e);
}

/* ---- followed actions ---------------------------------------------------------------------------------- */

static int write_actions(gw_store *s, gw_buf *b, gw_error *e)
{
    gw_doc d;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    int rc = gw_actions_write(s, &d, e);
    gw_doc_end(&d);
    return rc ? rc : gw_doc_finish(&d, e);
}

static int actions_json(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_store *s;
    int rc = open_store(c, &s, e);
    return rc ? rc : write_actions(s, b, e);
}

int gw_api_make_actions(gw_api_call *c, gw_buf *b, gw_error *e)
{
    static const gw_csv_column columns[] = {{"id", "id"},
                                            {"kind", "kind"},
                                            {"summary", "summary"},
                                            {"accepted_at", "acceptedAt"},
                                            {"accepted_by", "acceptedBy"},
                                            {"predicted_low_usd", "predictedMonthly.low"},
                                            {"predicted_high_usd", "predictedMonthly.high"},
                                            {"realised_1d_usd", "checks.0.realised"},
                                            {"state_1d", "checks.0.state"},
                                            {"realised_7d_usd", "checks.1.realised"},
                                            {"state_7d", "checks.1.state"},
                                            {"realised_30d_usd", "checks.2.realised"},
                                            {"state_30d", "checks.2.state"}};
    return gw_api_table(c, actions_json, "actions", NULL, columns, GW_COUNT(columns), b, e);
}

/* {"id": "release-node/…"}, and nothing else. */
static int read_accept(gw_api_call *c, const char **ret, gw_error *e)
{
    json_t *root = NULL;
    int rc = gw_json_tree_parse(c->body, &root, e);
    const char *id = rc ? NULL : json_string_value(json_object_get(root, "id"));
    bool good = id && *id && json_object_size(root) == 1;
    *ret = good ? gw_arena_strdup(&c->arena, id) : NULL;
    json_decref(root);
    if (rc == GW_ENOMEM || (good && !*ret))
        return gw_fail_memory(e);
    return good ? 0
                : gw_fail(e, GW_EUSAGE,
                          "the body must be {\"id\": \"…\"} with the id of an action of /api/v1/plan");
}

/* The plan that the action is of: as it is now. */
static int plan_text(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_options o = gw_daemon_config(c->daemon)->options;
    gw_view *v;
    o.output = GW_OUTPUT_JSON;
    const gw_ask ask = {.options = &o, .program = "gpuwise"};
    int rc = gw_daemon_view(c->daemon, (gw_interval){0, 0}, false, &v, e);
    if (rc)
        return rc;
    pthread_mutex_lock(&v->lock);
    rc = gw_daemon_plan(c->daemon, v, e);
    if (rc == 0)
        rc = gw_answer_plan(&ask, &v->p, &v->plan, b, e);
    pthread_mutex_unlock(&v->lock);
    gw_view_release(v);
    return rc;
}

/* Answers of before are wrong now. Those of these two routes are not even given while new ones are made. */
static void tell_change(gw_api_call *c)
{
    gw_daemon_renew(c->daemon);
    gw_cache_forget(c->api->cache, "/api/v1/actions");
    gw_cache_forget(c->api->cache, "/metrics");
}

int gw_api_make_accept(gw_api_call *c, gw_buf *b, gw_error *e)
{
    const char *id;
    gw_store *s;
    gw_buf plan;
    int rc = read_accept(c, &id, e);
    if (rc == 0)
        rc = open_store(c, &s, e);
    if (rc)
        return rc;
    gw_buf_init(&plan, GW_BLOB_MAX);
    rc = plan_text(c, &plan, e);
    if (rc == 0)
        rc = gw_action_accept(s, (gw_str){plan.data, plan.len}, id, gw_daemon_config(c->daemon)->cluster,
                              c->who.name, now_of(c), e);
    gw_buf_free(&plan);
    tell_change(c);
    c->status = 201;
    return rc ? rc : write_actions(s, b, e);
}

int gw_api_make_drop(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_store *s;
    int rc = open_store(c, &s, e);
    if (rc == 0)
        rc = gw_action_stop(s, c->tail, now_of(c), e);
    tell_change(c);
    return rc ? rc : write_actions(s, b, e);
}
