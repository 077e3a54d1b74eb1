/* Budgets over a real SQLite store in memory. */
#include "gw_test.h"

#include <math.h>

#include "books.h"
#include "format/json_tree.h"
#include "operate/budget.h"

static int64_t at(const char *text)
{
    int64_t ms = 0;
    gw_error e;
    assert_int_equal(gw_time_parse(text, 0, &ms, &e), 0);
    return ms;
}

static gw_budget_rule rule(const char *name, const char *team, gw_micro amount)
{
    gw_budget_rule r;
    gw_budget_rule_init(&r);
    r.name = name;
    r.amount = amount;
    if (team) {
        r.by[0].dim = GW_DIM_TEAM;
        r.by[0].value = team;
        r.n_by = 1;
    }
    return r;
}

static void test_periods(void **state)
{
    GW_UNUSED(state);
    static const struct {
        gw_budget_period period;
        const char *now, *start, *end;
    } cases[] = {
        {GW_BUDGET_MONTHLY, "2024-02-29T23:59:59Z", "2024-02-01", "2024-03-01"},
        {GW_BUDGET_MONTHLY, "2026-12-31T23:00:00Z", "2026-12-01", "2027-01-01"},
        {GW_BUDGET_MONTHLY, "2026-11-01", "2026-11-01", "2026-12-01"},
        {GW_BUDGET_WEEKLY, "2026-11-21T15:00:00Z", "2026-11-16", "2026-11-23"}, /* a Saturday */
        {GW_BUDGET_WEEKLY, "2026-11-23", "2026-11-23", "2026-11-30"},           /* a Monday */
        {GW_BUDGET_WEEKLY, "2026-11-22T23:59:59Z", "2026-11-16", "2026-11-23"}, /* the Sunday before */
        {GW_BUDGET_WEEKLY, "1970-01-01", "1969-12-29", "1970-01-05"},
        {GW_BUDGET_MONTHLY, "1969-12-31T23:59:59Z", "1969-12-01", "1970-01-01"},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_interval p = gw_budget_period_of(cases[i].period, at(cases[i].now));
        assert_int_equal(p.start_ms, at(cases[i].start));
        assert_int_equal(p.end_ms, at(cases[i].end));
    }
    gw_budget_period p = GW_BUDGET_MONTHLY;
    assert_true(gw_budget_period_find(gw_str_of("weekly"), &p) && p == GW_BUDGET_WEEKLY);
    assert_false(gw_budget_period_find(gw_str_of("Weekly"), &p));
}

static void test_rules(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_budget_rule good = rule("nlp", "nlp", 1), r;
    assert_int_equal(gw_budget_rule_check(&good, &e), 0);
#define BREAK(change)                                                                                        \
    do {                                                                                                     \
        r = good;                                                                                            \
        change;                                                                                              \
        assert_int_equal(gw_budget_rule_check(&r, &e), GW_ECONFIG);                                          \
    } while (0)
    BREAK(r.name = NULL);
    BREAK(r.name = "");
    BREAK(r.amount = 0);
    BREAK(r.amount = GW_MICRO_UNKNOWN);
    BREAK(r.by[0].dim = GW_DIM_POD); /* history has no pods */
    BREAK(r.by[0].value = NULL);
    BREAK(r.n_by = 2; r.by[1] = r.by[0]);
    BREAK(r.n_by = GW_BUDGET_BY_MAX + 1);
    BREAK(r.thresholds[1] = 0.5); /* twice */
    BREAK(r.thresholds[0] = -1);
    BREAK(r.thresholds[2] = NAN);
    BREAK(r.n_thresholds = GW_BUDGET_THRESHOLDS_MAX + 1);
    BREAK(r.forecast = -0.1);
    BREAK(r.forecast = NAN);
    BREAK(r.period = (gw_budget_period)7);
    gw_budget_rule two[] = {good, good};
    assert_int_equal(gw_budget_rules_check(two, 2, &e), GW_ECONFIG);
    two[1].name = "ads";
    assert_int_equal(gw_budget_rules_check(two, 2, &e), 0);
    assert_int_equal(gw_budget_rules_check(NULL, 0, &e), 0);
}

/* From 2026-09-21 on team nlp costs 10 $ an hour and team ads 1 $. */
#define FIRST "2026-09-21"

static void fill(gw_store *s, const char *cluster, int64_t from, int64_t to)
{
    static const book_leaf leaves[] = {{"ns-a", "nlp", 7 * GW_USD, 0, GW_HOUR_MS, 1, 1},
                                       {"ns-b", "nlp", 3 * GW_USD, 0, GW_HOUR_MS, 1, 1},
                                       {"ns-b", "ads", 1 * GW_USD, 0, GW_HOUR_MS, 1, 1}};
    for (int64_t t = from; t < to; t += GW_HOUR_MS)
        books_put(s, cluster, t, leaves, GW_COUNT(leaves));
}

static gw_budget_states judge(gw_store *s, const gw_budget_rule *rules, size_t n, const char *now,
                              gw_events *events)
{
    gw_budget_states b = {0};
    gw_error e = {0};
    if (gw_budget_judge(s, rules, n, at(now), &b, events, &e))
        fail_msg("%s", e.message);
    assert_int_equal(b.n, n);
    return b;
}

/*
 * 2026-11-16T12:30: fifteen and a half days of November are closed, which nlp spent 15.5 × 240 = 3,720 $ in.
 * Of 6,000 $ that is 62 %; the half was crossed in hour 300, which ends on the 13th at 12:00. The month will
 * have cost 30 × 240 = 7,200.
 */
static void test_judged(void **state)
{
    GW_UNUSED(state);
    gw_store *s = books_open();
    gw_events ev;
    gw_events_init(&ev);
    fill(s, "prod", at(FIRST), at("2026-11-16T12:00:00Z"));
    gw_budget_rule rules[] = {rule("nlp", "nlp", 6000 * GW_USD), rule("all", NULL, 12000 * GW_USD),
                              rule("ads, weekly", "ads", 20 * GW_USD)};
    rules[2].period = GW_BUDGET_WEEKLY;
    gw_budget_states b = judge(s, rules, 3, "2026-11-16T12:30:00Z", &ev);
    const gw_budget_state *x = &b.items[0];
    assert_int_equal(x->spent, 3720 * GW_USD);
    assert_true(fabs(x->share - 0.62) < 1e-12);
    assert_int_equal(x->n_thresholds, 4);
    assert_true(x->thresholds[0].reached && !x->thresholds[1].reached && !x->thresholds[2].reached);
    assert_int_equal(x->thresholds[0].reached_ms, at("2026-11-13T12:00:00Z"));
    assert_int_equal(x->thresholds[1].reached_ms, INT64_MIN);
    assert_true(x->forecast.known);
    assert_int_equal(x->forecast.mean, 7200 * GW_USD);
    assert_int_equal(x->forecast.high, 7200 * GW_USD); /* it never erred */
    assert_true(x->thresholds[3].forecast && x->thresholds[3].reached);
    assert_int_equal(x->thresholds[3].reached_ms, at("2026-11-16T12:30:00Z"));
    assert_int_equal(x->verdict, GW_BUDGET_WARNING);
    assert_null(x->why);
    assert_int_equal(x->n_days, 16);
    assert_int_equal(x->days[0].day_ms, at("2026-11-01"));
    assert_int_equal(x->days[0].spent, 240 * GW_USD);
    assert_int_equal(x->days[15].spent, 120 * GW_USD);
    /* everything is 11 $ an hour: 372 × 11 = 4,092 of 12,000, and 720 × 11 = 7,920 in the end */
    assert_int_equal(b.items[1].spent, 4092 * GW_USD);
    assert_int_equal(b.items[1].forecast.mean, 7920 * GW_USD);
    assert_int_equal(b.items[1].verdict, GW_BUDGET_OK);
    /* the week began at midnight: 12 $ of 20, and 168 in the end */
    assert_int_equal(b.items[2].period.start_ms, at("2026-11-16"));
    assert_int_equal(b.items[2].spent, 12 * GW_USD);
    assert_int_equal(b.items[2].forecast.mean, 168 * GW_USD);
    assert_int_equal(b.items[2].verdict, GW_BUDGET_WARNING);
    gw_budget_states_free(&b);
    /* nlp: half, forecast; ads: half, forecast */
    assert_int_equal(ev.n, 4);
    assert_string_equal(ev.items[0].kind, "budget-forecast");
    assert_string_equal(ev.items[1].dedup_key, "gpuwise/budget/nlp/2026-11-01/actual-0.5");
    assert_int_equal(ev.items[1].severity, GW_EVENT_INFO);
    assert_int_equal(ev.items[1].at_ms, at("2026-11-13T12:00:00Z"));
    assert_string_equal(ev.items[1].summary,
                        "Budget nlp: 3,720.00 USD are spent since 2026-11-01, over 50 % of 6,000.00 USD");
    gw_events_free(&ev);
    gw_store_free(s);
}

static size_t count(const gw_events *l, const char *kind, bool resolved)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += gw_eq(l->items[i].kind, kind) && l->items[i].resolved == resolved;
    return n;
}

/* Told once, of several at a time the highest, and taken back when the month is over. */
static void test_told_once(void **state)
{
    GW_UNUSED(state);
    gw_store *s = books_open();
    gw_events ev;
    gw_events_init(&ev);
    fill(s, "prod", at(FIRST), at("2026-11-21"));
    gw_budget_rule r = rule("nlp", "nlp", 5000 * GW_USD); /* 4,800 are spent: 50, 80 and 95 % */
    gw_budget_states b = judge(s, &r, 1, "2026-11-21T00:10:00Z", NULL);
    assert_true(b.items[0].thresholds[2].reached);
    /* 4,750 $ are spent after 475 hours: on the 20th at 19:00 */
    assert_int_equal(b.items[0].thresholds[2].reached_ms, at("2026-11-20T19:00:00Z"));
    gw_budget_states_free(&b);
    b = judge(s, &r, 1, "2026-11-21T00:10:00Z", &ev);
    gw_budget_states_free(&b);
    assert_int_equal(count(&ev, "budget-threshold", false), 1);
    assert_string_equal(ev.items[1].dedup_key, "gpuwise/budget/nlp/2026-11-01/actual-0.95");
    assert_int_equal(ev.items[1].severity, GW_EVENT_ERROR);
    gw_events_clear(&ev);
    b = judge(s, &r, 1, "2026-11-21T00:20:00Z", &ev);
    assert_int_equal(ev.n, 0);
    assert_int_equal(b.items[0].thresholds[3].reached_ms,
                     at("2026-11-21T00:10:00Z")); /* not a later look's */
    gw_budget_states_free(&b);
    /* the amount is raised: 4,800 of 8,000 is over the half alone, and 7,200 are no 95 % of it */
    r.amount = 8000 * GW_USD;
    b = judge(s, &r, 1, "2026-11-21T00:30:00Z", &ev);
    gw_budget_states_free(&b);
    assert_int_equal(count(&ev, "budget-threshold", true), 2);
    assert_int_equal(count(&ev, "budget-forecast", true), 1);
    assert_int_equal(ev.n, 3);
    gw_events_clear(&ev);
    fill(s, "prod", at("2026-11-21"), at("2026-12-01T01:00:00Z"));
    b = judge(s, &r, 1, "2026-12-01T01:00:00Z", &ev);
    assert_int_equal(b.items[0].spent, 10 * GW_USD);
    gw_budget_states_free(&b);
    assert_int_equal(ev.n, 1); /* the half of November */
    assert_true(ev.items[0].resolved);
    assert_string_equal(ev.items[0].dedup_key, "gpuwise/budget/nlp/2026-11-01/actual-0.5");
    gw_events_free(&ev);
    gw_store_free(s);
}

static void test_missing(void **state)
{
    GW_UNUSED(state);
    gw_store *s = books_open();
    /* the 10th is not there; 19 of 20 days of November are: 4,560 $, and 240 that nobody knows */
    fill(s, "prod", at(FIRST), at("2026-11-10"));
    fill(s, "prod", at("2026-11-11"), at("2026-11-21"));
    gw_budget_rule rules[] = {rule("large", "nlp", 20000 * GW_USD), rule("small", "nlp", 4000 * GW_USD)};
    gw_budget_states b = judge(s, rules, 2, "2026-11-21T00:30:00Z", NULL);
    assert_int_equal(b.items[0].spent, 4560 * GW_USD);
    assert_int_equal(b.items[0].hours_missing, 24);
    assert_int_equal(b.items[0].verdict, GW_BUDGET_UNKNOWN);
    assert_non_null(strstr(b.items[0].why, "24 of 480 hours"));
    assert_int_equal(b.items[0].days[9].spent, GW_MICRO_UNKNOWN);
    assert_int_equal(b.items[0].forecast.mean, 7200 * GW_USD); /* the missing day as any other */
    assert_int_equal(b.items[1].verdict, GW_BUDGET_EXCEEDED);  /* whatever that day cost */
    assert_non_null(b.items[1].why);
    gw_budget_states_free(&b);
    /* a second cluster that came on the 15th and is quiet since the 18th: its hours are missing, until it
     * counts as gone */
    fill(s, "edge", at("2026-11-15"), at("2026-11-18"));
    b = judge(s, rules, 1, "2026-11-21T00:30:00Z", NULL);
    assert_int_equal(b.items[0].hours_missing, 24 + 72 - 2); /* the last two may still come */
    gw_budget_states_free(&b);
    fill(s, "prod", at("2026-11-21"), at("2026-11-26"));
    b = judge(s, rules, 1, "2026-11-26T00:30:00Z", NULL);
    assert_int_equal(b.items[0].hours_missing, 24);
    gw_budget_states_free(&b);
    /* the rule of one cluster does not ask for others' hours */
    gw_budget_rule edge = rule("edge", NULL, 1000 * GW_USD);
    edge.by[0].dim = GW_DIM_CLUSTER;
    edge.by[0].value = "edge";
    edge.n_by = 1;
    edge.period = GW_BUDGET_WEEKLY;
    b = judge(s, &edge, 1, "2026-11-18T00:30:00Z", NULL);
    assert_int_equal(b.items[0].hours_missing, 0);
    assert_int_equal(b.items[0].spent, 48 * 11 * GW_USD);
    assert_false(b.items[0].forecast.known); /* three days */
    assert_non_null(b.items[0].forecast.why);
    gw_budget_states_free(&b);
    gw_store_free(s);
}

static void test_nothing_known(void **state)
{
    GW_UNUSED(state);
    gw_store *s = books_open();
    gw_budget_rule r = rule("nlp", "nlp", 6000 * GW_USD);
    gw_buf text;
    gw_doc d;
    gw_error e;
    json_t *root = NULL;
    gw_budget_states b = judge(s, &r, 1, "2026-11-16T12:30:00Z", NULL);
    assert_int_equal(b.items[0].spent, GW_MICRO_UNKNOWN);
    assert_int_equal(b.items[0].verdict, GW_BUDGET_UNKNOWN);
    gw_buf_init(&text, 1 << 20);
    gw_doc_init(&d, GW_DOC_JSON, &text);
    gw_budget_write(&b, &d);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
    assert_int_equal(gw_json_tree_parse((gw_str){text.data, text.len}, &root, &e), 0);
    json_t *x = json_array_get(json_object_get(root, "budgets"), 0);
    static const char *const null[] = {"spent", "share", "forecast"};
    for (size_t i = 0; i < GW_COUNT(null); i++)
        assert_true(json_is_null(json_object_get(x, null[i])));
    assert_string_equal(json_string_value(json_object_get(x, "state")), "unknown");
    assert_true(
        json_is_null(json_object_get(json_array_get(json_object_get(x, "thresholds"), 0), "reached")));
    assert_true(json_is_null(json_object_get(json_array_get(json_object_get(x, "series"), 3), "spent")));
    json_decref(root);
    gw_buf_free(&text);
    gw_budget_states_free(&b);
    gw_store_free(s);
}

static void test_unpriced_and_document(void **state)
{
    GW_UNUSED(state);
    gw_store *s = books_open();
    static const book_leaf leaves[] = {{"ns-a", "nlp", 10 * GW_USD, 0, GW_HOUR_MS, 1, 1},
                                       {"ns-b", "nlp", 0, GW_HOUR_MS / 2, GW_HOUR_MS, 1, 1}};
    for (int64_t t = at("2026-11-01"); t < at("2026-11-02T12:00:00Z"); t += GW_HOUR_MS)
        books_put(s, "prod", t, leaves, 2);
    gw_budget_rule r = rule("nlp", "nlp", 6000 * GW_USD);
    gw_budget_states b = judge(s, &r, 1, "2026-11-02T12:00:00Z", NULL);
    gw_buf text;
    gw_doc d;
    gw_error e;
    json_t *root = NULL;
    gw_buf_init(&text, 1 << 20);
    gw_doc_init(&d, GW_DOC_JSON, &text);
    gw_budget_write(&b, &d);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
    assert_int_equal(gw_json_tree_parse((gw_str){text.data, text.len}, &root, &e), 0);
    json_t *x = json_array_get(json_object_get(root, "budgets"), 0);
    assert_string_equal(json_string_value(json_object_get(x, "name")), "nlp");
    assert_string_equal(json_string_value(json_object_get(json_object_get(x, "by"), "team")), "nlp");
    assert_string_equal(json_string_value(json_object_get(x, "period")), "monthly");
    assert_string_equal(json_string_value(json_object_get(x, "periodStart")), "2026-11-01T00:00:00Z");
    assert_string_equal(json_string_value(json_object_get(x, "periodEnd")), "2026-12-01T00:00:00Z");
    assert_true(json_number_value(json_object_get(x, "amount")) == 6000);
    assert_true(json_number_value(json_object_get(x, "spent")) == 360);
    assert_true(json_number_value(json_object_get(x, "share")) == 0.06);
    assert_string_equal(json_string_value(json_object_get(x, "state")), "unknown");
    /* half a GPU-hour in each of 36 hours */
    assert_string_equal(json_string_value(json_object_get(x, "why")),
                        "18.0 GPU-hours have no price: what is spent is at least this");
    json_t *series = json_object_get(x, "series");
    assert_int_equal(json_array_size(series), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(series, 1), "day")), "2026-11-02");
    assert_true(json_number_value(json_object_get(json_array_get(series, 1), "spent")) == 120);
    json_decref(root);
    gw_buf_free(&text);
    gw_budget_states_free(&b);
    gw_store_free(s);
}

/* A document that somebody broke: as if nothing had been told. */
static void test_broken_document(void **state)
{
    GW_UNUSED(state);
    static const char *const broken[] = {
        "{", "[]", "{\"version\":1,\"period\":1793491200000,\"told\":[{\"at\":\"x\"},3]}", "{\"version\":2}"};
    for (size_t i = 0; i < GW_COUNT(broken); i++) {
        gw_store *s = books_open();
        gw_events ev;
        gw_error e;
        gw_events_init(&ev);
        fill(s, "prod", at("2026-11-01"), at("2026-11-14"));
        gw_budget_rule r = rule("nlp", "nlp", 5000 * GW_USD);
        assert_int_equal(gw_store_document_put(s, "budget", "nlp", gw_str_of(broken[i]), &e), 0);
        gw_budget_states b = judge(s, &r, 1, "2026-11-14T00:10:00Z", &ev);
        gw_budget_states_free(&b);
        assert_int_equal(count(&ev, "budget-threshold", false), 1);
        gw_events_free(&ev);
        gw_store_free(s);
    }
}

static void test_allocations(void **state)
{
    GW_UNUSED(state);
    gw_store *s = books_open();
    fill(s, "prod", at("2026-11-01"), at("2026-11-14"));
    gw_budget_rule r = rule("nlp", "nlp", 5000 * GW_USD);
    for (uint64_t n = 1;; n++) {
        gw_budget_states b = {0};
        gw_events ev;
        gw_error e;
        bool gone = false;
        gw_events_init(&ev);
        assert_int_equal(gw_store_document_delete(s, "budget", "nlp", &gone, &e), 0);
        gw_mem_fail_at(n);
        int rc = gw_budget_judge(s, &r, 1, at("2026-11-14T00:10:00Z"), &b, &ev, &e);
        bool failed = gw_mem_count() >= n;
        gw_mem_fail_at(0);
        if (!failed)
            assert_int_equal(rc, 0);
        else if (rc)
            assert_int_equal(rc, GW_ENOMEM);
        gw_budget_states_free(&b);
        gw_events_free(&ev);
        if (!failed)
            break;
    }
    gw_store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_judged),
        cmocka_unit_test(test_told_once),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_nothing_known),
        cmocka_unit_test(test_unpriced_and_document),
        cmocka_unit_test(test_broken_document),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
