/* From the store's rows to the state of a budget. */
#include <math.h>

#include "operate/budget_internal.h"

#define ARENA_BYTES_MAX ((size_t)256 << 20)

typedef struct judging {
    gw_store *store;
    const gw_closed_hours *hours;
    gw_arena *arena;
    int64_t now_ms;
} judging;

static int64_t down(int64_t ms, int64_t unit)
{
    return ms - ((ms % unit) + unit) % unit;
}

static const char *cluster_of(const gw_budget_rule *r)
{
    for (size_t i = 0; i < r->n_by; i++)
        if (r->by[i].dim == GW_DIM_CLUSTER)
            return r->by[i].value;
    return NULL;
}

static int sums_of(const judging *j, const gw_budget_rule *r, gw_interval when, gw_step step, gw_sums *ret,
                   gw_error *e)
{
    gw_query q = {.when = when, .step = step};
    for (size_t i = 0; i < r->n_by; i++) {
        q.where[q.n_where].dim = r->by[i].dim;
        q.where[q.n_where++].value = r->by[i].value;
    }
    return gw_store_sum(j->store, &q, ret, e);
}

/* ---- days ---- */

/* Every day from the first of the history until now. */
typedef struct days {
    int64_t first_ms;
    size_t n;
    gw_micro *spent;   /* 0 where the store has the day's hours and the group is not in them */
    uint32_t *missing; /* hours */
    uint32_t *hours;   /* that lie before `upto` */
    int64_t *unpriced_ms;
} days;

static void count_missing(const judging *j, const char *cluster, int64_t upto, days *d)
{
    for (size_t i = 0; i < d->n; i++)
        for (int64_t t = d->first_ms + (int64_t)i * GW_DAY_MS, end = t + GW_DAY_MS; t < GW_MIN(end, upto);
             t += GW_HOUR_MS) {
            d->hours[i]++;
            d->missing[i] += gw_closed_hours_missing(j->hours, cluster, t, j->now_ms);
        }
}

static int days_of(const judging *j, const gw_budget_rule *r, gw_interval when, int64_t upto, days *ret,
                   gw_error *e)
{
    size_t n = (size_t)((when.end_ms - when.start_ms + GW_DAY_MS - 1) / GW_DAY_MS);
    days d = {when.start_ms,
              n,
              GW_NEW_ARRAY(j->arena, gw_micro, n + 1),
              GW_NEW_ARRAY(j->arena, uint32_t, n + 1),
              GW_NEW_ARRAY(j->arena, uint32_t, n + 1),
              GW_NEW_ARRAY(j->arena, int64_t, n + 1)};
    gw_sums sums = {0};
    if (!d.spent || !d.missing || !d.hours || !d.unpriced_ms)
        return gw_fail_memory(e);
    int rc = n ? sums_of(j, r, when, GW_STEP_DAY, &sums, e) : 0;
    if (rc)
        return rc;
    for (size_t i = 0; i < sums.n; i++) {
        int64_t at = (sums.rows[i].step_ms - d.first_ms) / GW_DAY_MS;
        if (at < 0 || (size_t)at >= n)
            continue;
        d.spent[at] += GW_MAX(sums.rows[i].m.bill, 0); /* below 0: nobody knows */
        d.unpriced_ms[at] += sums.rows[i].m.unpriced_ms > 0 ? sums.rows[i].m.unpriced_ms : 0;
    }
    if (n)
        gw_sums_free(&sums);
    count_missing(j, cluster_of(r), upto, &d);
    *ret = d;
    return 0;
}

/* ---- the state ---- */

static bool any_day_known(const gw_budget_day *series, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (gw_micro_known(series[i].spent))
            return true;
    return false;
}

static int series_of(const judging *j, const days *d, gw_budget_state *b, gw_error *e)
{
    size_t from = (size_t)((b->period.start_ms - d->first_ms) / GW_DAY_MS);
    gw_budget_day *out = GW_NEW_ARRAY(j->arena, gw_budget_day, d->n - from + 1);
    if (!out)
        return gw_fail_memory(e);
    for (size_t i = from; i < d->n; i++) {
        bool none = d->missing[i] == d->hours[i]; /* also of a day whose first hour is still open */
        out[b->n_days++] =
            (gw_budget_day){d->first_ms + (int64_t)i * GW_DAY_MS, none ? GW_MICRO_UNKNOWN : d->spent[i]};
        b->hours_missing += d->missing[i];
        b->unpriced_ms += d->unpriced_ms[i];
        b->spent += d->spent[i];
    }
    b->days = out;
    b->share = (double)b->spent / (double)b->rule->amount;
    if (b->hours_missing > 0 && !any_day_known(out, b->n_days)) {
        b->spent = GW_MICRO_UNKNOWN;
        b->share = NAN;
    }
    return 0;
}

static int forecast_of(const judging *j, const days *d, int64_t upto, gw_budget_state *b, gw_error *e)
{
    gw_micro *history = GW_NEW_ARRAY(j->arena, gw_micro, d->n + 1);
    size_t n = 0;
    if (!history)
        return gw_fail_memory(e);
    for (size_t i = 0; i < d->n && d->first_ms + (int64_t)(i + 1) * GW_DAY_MS <= upto; i++)
        history[n++] = d->missing[i] ? GW_MICRO_UNKNOWN : d->spent[i];
    gw_forecast_make(&(gw_forecast_input){.days = history,
                                          .n_days = n,
                                          .first_day_ms = d->first_ms,
                                          .spent = b->spent,
                                          .rest = {upto, b->period.end_ms},
                                          .missing_ms = (int64_t)b->hours_missing * GW_HOUR_MS},
                     &b->forecast);
    return 0;
}

/* The end of the hour of day i in which the sum from `before` on came to `limit`; the day's end where the
 * store's hours do not say. */
static int crossed_at(const judging *j, const gw_budget_rule *r, int64_t day_ms, gw_micro before,
                      double limit, int64_t *ret, gw_error *e)
{
    gw_sums hours;
    int rc = sums_of(j, r, (gw_interval){day_ms, GW_MIN(day_ms + GW_DAY_MS, down(j->now_ms, GW_HOUR_MS))},
                     GW_STEP_HOUR, &hours, e);
    if (rc)
        return rc;
    *ret = GW_MIN(day_ms + GW_DAY_MS, j->now_ms);
    for (size_t i = 0; i < hours.n; i++) {
        before += GW_MAX(hours.rows[i].m.bill, 0);
        if ((double)before >= limit) {
            *ret = hours.rows[i].step_ms + GW_HOUR_MS;
            break;
        }
    }
    gw_sums_free(&hours);
    return 0;
}

static int actual_reached(const judging *j, gw_budget_state *b, gw_budget_threshold *t, gw_error *e)
{
    double limit = t->at * (double)b->rule->amount;
    gw_micro before = 0;

    t->reached = gw_micro_known(b->spent) && (double)b->spent >= limit;
    for (size_t i = 0; t->reached && i < b->n_days; i++) {
        gw_micro spent = gw_micro_known(b->days[i].spent) ? b->days[i].spent : 0;
        if ((double)(before + spent) >= limit)
            return crossed_at(j, b->rule, b->days[i].day_ms, before, limit, &t->reached_ms, e);
        before += spent;
    }
    return 0;
}

static int thresholds_of(const judging *j, const gw_budget_told *told, gw_budget_state *b, gw_error *e)
{
    const gw_budget_rule *r = b->rule;
    for (size_t i = 0; i < r->n_thresholds; i++) {
        gw_budget_threshold *t = &b->thresholds[b->n_thresholds++];
        *t = (gw_budget_threshold){.at = r->thresholds[i], .reached_ms = INT64_MIN};
        int rc = actual_reached(j, b, t, e);
        if (rc)
            return rc;
    }
    if (r->forecast > 0) {
        gw_budget_threshold *t = &b->thresholds[b->n_thresholds++];
        size_t at =
            told->period_ms == b->period.start_ms ? gw_budget_told_find(told, r->forecast, true) : SIZE_MAX;
        *t = (gw_budget_threshold){.at = r->forecast, .forecast = true, .reached_ms = INT64_MIN};
        t->reached = b->forecast.known && (double)b->forecast.mean >= r->forecast * (double)r->amount;
        if (t->reached)
            t->reached_ms = at != SIZE_MAX ? told->items[at].ms : j->now_ms;
    }
    return 0;
}

static int verdict_of(const judging *j, int64_t upto, gw_budget_state *b, gw_error *e)
{
    bool reached = false, missing = b->hours_missing > 0 || b->unpriced_ms > 0;
    for (size_t i = 0; i < b->n_thresholds; i++)
        reached = reached || b->thresholds[i].reached;
    b->verdict = b->spent >= b->rule->amount ? GW_BUDGET_EXCEEDED
                 : reached                   ? GW_BUDGET_WARNING
                 : missing                   ? GW_BUDGET_UNKNOWN
                                             : GW_BUDGET_OK;
    if (!missing)
        return 0;
    gw_buf why;
    gw_buf_init(&why, 512);
    if (b->hours_missing > 0)
        gw_buf_printf(&why, "%u of %" PRId64 " hours are not in the store", b->hours_missing,
                      (upto - b->period.start_ms) / GW_HOUR_MS);
    if (b->unpriced_ms > 0)
        gw_buf_printf(&why, "%s%.1f GPU-hours have no price", b->hours_missing > 0 ? "; " : "",
                      (double)b->unpriced_ms / (double)GW_HOUR_MS);
    if (gw_micro_known(b->spent))
        gw_buf_puts(&why, ": what is spent is at least this");
    int r = gw_buf_check(&why, "a budget's reason", e);
    if (!r && !(b->why = gw_arena_strndup(j->arena, why.data, why.len)))
        r = gw_fail_memory(e);
    gw_buf_free(&why);
    return r;
}

static int judge_rule(const judging *j, const gw_budget_rule *r, const gw_budget_told *told,
                      gw_budget_state *b, gw_error *e)
{
    const char *cluster = cluster_of(r);
    days d = {0};
    int rc;

    /* of the last moment: at midnight on Monday the week that is over can be told in full, and the next has
     * nothing */
    *b = (gw_budget_state){.rule = r, .period = gw_budget_period_of(r->period, j->now_ms - 1)};
    /* what is not closed yet is no loss: spent ends with the last closed hour, unless that is too long ago */
    int64_t end = down(j->now_ms, GW_HOUR_MS), closed = gw_closed_hours_end(j->hours, cluster, j->now_ms);
    int64_t upto = GW_MAX(GW_MIN(closed, end), down(j->now_ms - GW_BUDGET_PENDING_MS, GW_HOUR_MS));
    upto = GW_MAX(upto, b->period.start_ms);
    int64_t start = GW_MAX(gw_closed_hours_start(j->hours, cluster), j->hours->when.start_ms);
    start = GW_MIN(down(GW_MIN(start, end) + GW_DAY_MS - 1, GW_DAY_MS), b->period.start_ms);

    if ((rc = days_of(j, r, (gw_interval){start, end}, upto, &d, e)) || (rc = series_of(j, &d, b, e)) ||
        (rc = forecast_of(j, &d, upto, b, e)) || (rc = thresholds_of(j, told, b, e)))
        return rc;
    return verdict_of(j, upto, b, e);
}

int gw_budget_judge(gw_store *s, const gw_budget_rule *rules, size_t n, int64_t now_ms, gw_budget_states *ret,
                    gw_events *events, gw_error *e)
{
    gw_budget_states out = {0};
    gw_closed_hours hours = {0};
    int64_t end = down(now_ms, GW_HOUR_MS);
    gw_interval when = {down(end, GW_DAY_MS) - GW_FORECAST_DAYS_MAX * GW_DAY_MS, end};
    int r;

    gw_arena_init(&out.arena, ARENA_BYTES_MAX);
    out.items = GW_NEW_ARRAY(&out.arena, gw_budget_state, n + 1);
    r = out.items ? gw_closed_hours_read(s, when, &out.arena, &hours, e) : gw_fail_memory(e);
    judging j = {s, &hours, &out.arena, now_ms};
    for (; out.n < n && !r; out.n++) {
        gw_budget_told told;
        if ((r = gw_budget_told_read(s, rules[out.n].name, &out.arena, &told, e)) ||
            (r = judge_rule(&j, &rules[out.n], &told, &out.items[out.n], e)))
            break;
        if (events)
            r = gw_budget_tell(s, &out.items[out.n], &told, now_ms, events, e);
    }
    if (r) {
        gw_arena_free(&out.arena);
        return r;
    }
    *ret = out;
    return 0;
}

void gw_budget_states_free(gw_budget_states *s)
{
    gw_arena_free(&s->arena);
    *s = (gw_budget_states){0};
}
