/* The document of GET /api/v1/budgets. */
#include "operate/budget.h"

#define SHARE_DECIMALS 6

static void time_write(gw_doc *d, const char *key, int64_t ms)
{
    char text[GW_TIME_TEXT_MAX];
    gw_doc_text(d, key, ms == INT64_MIN ? NULL : gw_time_format(ms, text));
}

static void forecast_write(gw_doc *d, const gw_forecast *f)
{
    if (!f->known) {
        gw_doc_null(d, "forecast");
        return;
    }
    gw_doc_object(d, "forecast");
    gw_doc_money(d, "low", f->low);
    gw_doc_money(d, "mean", f->mean);
    gw_doc_money(d, "high", f->high);
    gw_doc_end(d);
}

static void thresholds_write(gw_doc *d, const gw_budget_state *b)
{
    gw_doc_array(d, "thresholds");
    for (size_t i = 0; i < b->n_thresholds; i++) {
        const gw_budget_threshold *t = &b->thresholds[i];
        bool incomplete = t->forecast ? !b->forecast.known : b->hours_missing > 0 || b->unpriced_ms > 0;
        gw_doc_object(d, NULL);
        gw_doc_number(d, "at", t->at, SHARE_DECIMALS);
        gw_doc_text(d, "kind", t->forecast ? "forecast" : "actual");
        if (!t->reached && incomplete) /* what is known does not reach it; what is not known might */
            gw_doc_null(d, "reached");
        else
            gw_doc_bool(d, "reached", t->reached);
        time_write(d, "reachedAt", t->reached_ms);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void series_write(gw_doc *d, const gw_budget_state *b)
{
    gw_doc_array(d, "series");
    for (size_t i = 0; i < b->n_days; i++) {
        char day[GW_TIME_TEXT_MAX];
        gw_time_format(b->days[i].day_ms, day);
        gw_doc_object(d, NULL);
        gw_doc_str(d, "day", (gw_str){day, sizeof("2026-11-01") - 1});
        gw_doc_money(d, "spent", b->days[i].spent);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void budget_write(gw_doc *d, const gw_budget_state *b)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "name", b->rule->name);
    gw_doc_object(d, "by");
    for (size_t i = 0; i < b->rule->n_by; i++)
        gw_doc_text(d, gw_dim_name(b->rule->by[i].dim), b->rule->by[i].value);
    gw_doc_end(d);
    gw_doc_text(d, "period", gw_budget_period_name(b->rule->period));
    time_write(d, "periodStart", b->period.start_ms);
    time_write(d, "periodEnd", b->period.end_ms);
    gw_doc_money(d, "amount", b->rule->amount);
    gw_doc_money(d, "spent", b->spent);
    gw_doc_number(d, "share", b->share, SHARE_DECIMALS);
    forecast_write(d, &b->forecast);
    gw_doc_text(d, "forecastWhy", b->forecast.why);
    thresholds_write(d, b);
    series_write(d, b);
    gw_doc_text(d, "state", gw_budget_verdict_name(b->verdict));
    gw_doc_text(d, "why", b->why);
    gw_doc_end(d);
}

void gw_budget_write(const gw_budget_states *s, gw_doc *d)
{
    gw_doc_object(d, NULL);
    gw_doc_array(d, "budgets");
    for (size_t i = 0; i < s->n; i++)
        budget_write(d, &s->items[i]);
    gw_doc_end(d);
    gw_doc_end(d);
}
