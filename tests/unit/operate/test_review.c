/* Reviews from sums: worked examples, what is missing, what comes from people's labels, failures. */
#include "gw_test.h"

#include <jansson.h>
#include <math.h>

#include "operate/review.h"
#include "operate/review_numbers.h"
#include "operate/review_page.h"
#include "operate/review_period.h"

#define H GW_HOUR_MS

static int64_t instant(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(gw_time_parse(text, 0, &ms, NULL), 0);
    return ms;
}

static gw_interval week(void)
{
    return (gw_interval){instant("2026-11-09"), instant("2026-11-16")};
}

/* ---- periods ------------------------------------------------------------------------------------------- */

static void check_period(gw_review_kind k, const char *now, const char *from, const char *to)
{
    gw_interval i = gw_review_period(k, instant(now));
    assert_int_equal(i.start_ms, instant(from));
    assert_int_equal(i.end_ms, instant(to));
}

static void test_periods(void **state)
{
    GW_UNUSED(state);
    /* 2026-11-21 is a Saturday, 2026-11-16 a Monday (cal 11 2026) */
    check_period(GW_REVIEW_WEEKLY, "2026-11-21T15:00:00Z", "2026-11-09", "2026-11-16");
    check_period(GW_REVIEW_WEEKLY, "2026-11-16T00:00:00Z", "2026-11-09", "2026-11-16");
    check_period(GW_REVIEW_WEEKLY, "2026-11-15T23:59:59Z", "2026-11-02", "2026-11-09");
    check_period(GW_REVIEW_BIWEEKLY, "2026-11-21T15:00:00Z", "2026-11-02", "2026-11-16");
    check_period(GW_REVIEW_MONTHLY, "2026-11-21T15:00:00Z", "2026-10-01", "2026-11-01");
    check_period(GW_REVIEW_MONTHLY, "2027-01-01T00:00:00Z", "2026-12-01", "2027-01-01");
    assert_int_equal(gw_period_month(instant("2026-03-31"), -1), instant("2026-02-01"));
    assert_int_equal(gw_period_month(instant("2026-01-31"), -13), instant("2024-12-01"));
    assert_int_equal(gw_period_month(instant("2028-02-29T12:00:00Z"), 1), instant("2028-03-01"));
    assert_int_equal(gw_period_week(instant("1970-01-01")), -3 * GW_DAY_MS);
    assert_int_equal(gw_review_kind_find(gw_str_of("fortnightly")), GW_REVIEW_BIWEEKLY);
    assert_int_equal(gw_review_kind_find(gw_str_of("yearly")), GW_N_REVIEW_KINDS);
}

/* Ten hours of which 0, 1, 4 and 9 are there: gaps [2,4) and [5,9). */
static void test_gaps(void **state)
{
    GW_UNUSED(state);
    int64_t closed[] = {-5 * H, 0, H, 4 * H, 9 * H, 12 * H};
    gw_interval gaps[4];
    size_t n;
    assert_int_equal(gw_period_gaps((gw_interval){0, 10 * H}, closed, GW_COUNT(closed), gaps, 4, &n), 4);
    assert_int_equal(n, 2);
    assert_int_equal(gaps[0].start_ms, 2 * H);
    assert_int_equal(gaps[0].end_ms, 4 * H);
    assert_int_equal(gaps[1].start_ms, 5 * H);
    assert_int_equal(gaps[1].end_ms, 9 * H);
    /* only one is asked for, and it is the first, unharmed by the second */
    assert_int_equal(gw_period_gaps((gw_interval){0, 10 * H}, closed, GW_COUNT(closed), gaps, 1, &n), 4);
    assert_int_equal(n, 2);
    assert_int_equal(gaps[0].end_ms, 4 * H);
    assert_int_equal(gw_period_gaps((gw_interval){0, 2 * H}, NULL, 0, gaps, 4, &n), 0);
    assert_int_equal(n, 1);
}

/* ---- numbers ------------------------------------------------------------------------------------------- */

static void test_numbers(void **state)
{
    GW_UNUSED(state);
    /* 10 h held of which 8 measured, 2 of them used; $20 held: $4 used, $12 wasted, $4 unknown */
    gw_measures m = {.bill = 20000000,
                     .used = 4000000,
                     .wasted = 12000000,
                     .unknown = 4000000,
                     .paid_ms = 10 * H,
                     .allocated_ms = 10 * H,
                     .known_ms = 8 * H,
                     .used_ms = 2 * H,
                     .unknown_ms = 2 * H};
    assert_true(fabs(gw_measures_utilisation(&m) - 0.25) < 1e-12);
    assert_true(fabs(gw_measures_unknown_share(&m) - 0.2) < 1e-12);
    assert_int_equal(gw_measures_per_paid(&m), 2000000); /* 20 / 10 */
    assert_int_equal(gw_measures_per_used(&m), 8000000); /* (20 - 4) / 2 */
    /* half of the time without a price: what a paid hour costs is said of the other half */
    m.unpriced_ms = 5 * H;
    assert_int_equal(gw_measures_per_paid(&m), 4000000);
    assert_int_equal(gw_measures_per_used(&m), GW_MICRO_UNKNOWN);
    assert_true(gw_measures_priced(&m));
    m.unpriced_ms = 10 * H;
    assert_false(gw_measures_priced(&m));
    assert_int_equal(gw_measures_per_paid(&m), GW_MICRO_UNKNOWN);
    /* nothing measured is unknown, not 0 % */
    gw_measures none = {.paid_ms = H, .allocated_ms = H};
    assert_true(gw_measures_utilisation(&none) < 0);
    assert_true(gw_measures_unknown_share(&none) == 1);
    gw_measures empty = {0};
    assert_true(gw_measures_unknown_share(&empty) < 0);
    assert_int_equal(gw_measures_per_paid(&empty), GW_MICRO_UNKNOWN);
}

static void check_verdict(int64_t used_percent, int64_t known_percent, gw_review_verdict want)
{
    gw_measures m = {.allocated_ms = 100 * H,
                     .known_ms = known_percent * H,
                     .used_ms = used_percent * known_percent * H / 100};
    assert_int_equal(gw_review_judge(&m), want);
}

static void test_verdicts(void **state)
{
    GW_UNUSED(state);
    check_verdict(0, 100, GW_VERDICT_LOW);
    check_verdict(24, 100, GW_VERDICT_LOW);
    check_verdict(25, 100, GW_VERDICT_OVERPAYING);
    check_verdict(50, 100, GW_VERDICT_BELOW);
    check_verdict(70, 100, GW_VERDICT_TARGET);
    check_verdict(85, 100, GW_VERDICT_TARGET);
    check_verdict(86, 100, GW_VERDICT_ABOVE);
    check_verdict(91, 100, GW_VERDICT_QUEUEING);
    check_verdict(10, 50, GW_VERDICT_LOW);
    check_verdict(10, 49, GW_VERDICT_UNKNOWN);
    check_verdict(10, 0, GW_VERDICT_UNKNOWN);
}

/* ---- weekly -------------------------------------------------------------------------------------------- */

/* Time in hours, money in dollars; all of it measured. */
static gw_measures held(int paid, int used, int dollars)
{
    gw_micro bill = dollars * GW_USD, part = paid ? bill * used / paid : 0;
    return (gw_measures){.bill = bill,
                         .used = part,
                         .wasted = bill - part,
                         .paid_ms = paid * H,
                         .allocated_ms = paid * H,
                         .known_ms = paid * H,
                         .used_ms = used * H};
}

static gw_measures idle(int paid, int dollars)
{
    return (gw_measures){
        .bill = dollars * GW_USD, .idle = dollars * GW_USD, .paid_ms = paid * H, .idle_ms = paid * H};
}

static void all_hours(gw_review *r, const char *cluster, int missing)
{
    static int64_t now[1000], before[1000];
    size_t n = 0, m = 0;
    gw_error e;
    for (int64_t t = r->when.start_ms + missing * H; t < r->when.end_ms; t += H)
        now[n++] = t;
    for (int64_t t = r->before.start_ms; t < r->before.end_ms; t += H)
        before[m++] = t;
    assert_int_equal(gw_review_take_cluster(r, cluster, now, n, before, m, &e), 0);
}

static int make_weekly(gw_review *r, gw_error *e)
{
    static gw_sum now[] = {
        {.key = {"prod", "ads", "growth"}},
        {.key = {"prod", "__idle__", ""}},
        {.key = {"prod", "ads", ""}},
        {.key = {"prod", "search", "find <b>|`"}},
    };
    static gw_sum before[] = {{.key = {"prod", "ads", "growth"}}, {.key = {"prod", "gone", "x"}}};
    now[0].m = held(100, 10, 200);
    now[1].m = idle(50, 100);
    now[2].m = held(50, 5, 100);
    now[3].m = held(40, 30, 80);
    before[0].m = held(100, 50, 200);
    before[1].m = held(10, 10, 20);
    gw_sums a = {.rows = now, .n = GW_COUNT(now)}, b = {.rows = before, .n = GW_COUNT(before)};
    return gw_review_take_namespaces(r, &a, &b, e);
}

static void test_weekly(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_review r;
    gw_review_init(&r, GW_REVIEW_WEEKLY, week());
    all_hours(&r, "prod", 0);
    assert_int_equal(make_weekly(&r, &e), 0);
    assert_int_equal(r.expected, 168);
    assert_int_equal(r.closed, 168);
    assert_true(r.comparable);
    /* 200 + 100 + 100 + 80; held without the idle 100 */
    assert_int_equal(r.total.bill, 480 * GW_USD);
    assert_int_equal(r.held.bill, 380 * GW_USD);
    assert_int_equal(r.total_before.bill, 220 * GW_USD);
    assert_int_equal(r.n_namespaces, 2);
    const gw_review_namespace *ads = &r.namespaces[0];
    assert_string_equal(ads->ns, "ads");
    assert_int_equal(ads->m.bill, 300 * GW_USD);
    /* 15 of 150 h; half of 100 the week before */
    assert_true(fabs(gw_measures_utilisation(&ads->m) - 0.10) < 1e-12);
    assert_true(fabs(gw_measures_utilisation(&ads->before) - 0.50) < 1e-12);
    assert_int_equal(ads->verdict, GW_VERDICT_LOW);
    assert_int_equal(ads->n_owners, 1);
    assert_string_equal(ads->owners[0], "growth");
    assert_true(ads->unowned);
    assert_int_equal(r.namespaces[1].verdict, GW_VERDICT_TARGET); /* 30 of 40 */
    assert_false(r.namespaces[1].seen_before);
    gw_review_free(&r);
}

static void test_missing_hours(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_review r;
    gw_buf b;
    gw_buf_init(&b, 1 << 20);
    gw_review_init(&r, GW_REVIEW_WEEKLY, week());
    all_hours(&r, "prod", 37);
    assert_int_equal(make_weekly(&r, &e), 0);
    assert_int_equal(r.closed, 131);
    assert_false(r.comparable); /* 131 of 168 is 78 % */
    assert_int_equal(gw_review_render(&r, false, &b, &e), 0);
    assert_non_null(strstr(b.data, "37 of 168 hours of cluster prod are not in the store: "
                                   "2026-11-09T00:00:00Z to 2026-11-10T13:00:00Z."));
    assert_non_null(strstr(b.data, "not compared"));
    gw_buf_free(&b);
    gw_review_free(&r);
}

/* Labels come from people: no table, tag or code span of theirs. */
static void test_escapes(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_review r;
    gw_buf b;
    gw_buf_init(&b, 1 << 20);
    gw_review_init(&r, GW_REVIEW_WEEKLY, week());
    all_hours(&r, "prod", 0);
    assert_int_equal(make_weekly(&r, &e), 0);
    assert_int_equal(gw_review_render(&r, false, &b, &e), 0);
    assert_non_null(strstr(b.data, "find &lt;b>\\|\\`"));
    gw_buf_clear(&b);
    assert_int_equal(gw_review_render(&r, true, &b, &e), 0);
    assert_non_null(strstr(b.data, "find &lt;b&gt;|`"));
    assert_null(strstr(b.data, "<b>"));
    assert_null(strstr(b.data, "://"));
    gw_buf_free(&b);
    gw_review_free(&r);
}

static void test_long_text(void **state)
{
    GW_UNUSED(state);
    static char text[5000];
    gw_buf b;
    gw_page p;
    memset(text, 'x', sizeof(text) - 1);
    gw_buf_init(&b, 1 << 20);
    gw_page_begin(&p, false, &b, "t");
    gw_page_text(&p, "%s|", text);
    assert_int_equal(b.failed, 0);
    assert_int_equal(b.len, strlen("# t\n\n") + 4999 + strlen("\\|\n"));
    gw_buf_free(&b);
}

/* ---- biweekly ------------------------------------------------------------------------------------------ */

static const char plan[] =
    "{\"window\":{\"start\":\"2026-11-02T00:00:00Z\",\"end\":\"2026-11-16T00:00:00Z\"},\"actions\":["
    "{\"id\":\"mps/n1\",\"kind\":\"mps\",\"text\":\"shares a board\",\"chosen\":true,"
    "\"share\":{\"monthlyLow\":100.5,\"monthlyHigh\":120.25},\"change\":{\"resizes\":[],\"moves\":["
    "{\"pod\":{\"namespace\":\"ml\",\"name\":\"chat-large-6d-x1\"}},{\"pod\":{\"namespace\":\"ml\",\"name\":"
    "\"chat-large-6d-x2\"}},"
    "{\"pod\":null},{\"pod\":{\"namespace\":\"other\",\"name\":\"chat-6d-x1\"}}]}},"
    "{\"id\":\"right-size/x\",\"kind\":\"right-size\",\"text\":\"asks for "
    "less\",\"chosen\":false,\"share\":null,"
    "\"change\":{\"resizes\":[{\"namespace\":\"ml\",\"kind\":\"Deployment\",\"name\":\"w3\"}],\"moves\":[]}}]"
    ",\"held\":[{\"why\":\"no free "
    "GPU\",\"gpus\":8,\"monthlyCost\":12.5},{},{\"why\":\"x\",\"monthlyCost\":null}]}";

static int make_biweekly(gw_review *r, const char *plan_text, gw_error *e)
{
    static gw_sum now[14];
    static char names[14][8];
    for (int i = 0; i < 14; i++) {
        snprintf(names[i], sizeof(names[i]), "w%d", i);
        now[i] = (gw_sum){.key = {"prod", "ml", names[i], "Deployment", "nlp", "inference"},
                          .m = held(20, 10, 100 - i)};
    }
    now[0].key[2] = "chat";
    now[1].key[2] = "chat-large";
    now[1].m.state_ms[GW_STATE_LOW_HIGH] = 15 * H;
    now[1].m.state_ms[GW_STATE_LOW_LOW] = 5 * H;
    gw_sums a = {.rows = now, .n = 14}, b = {.rows = now, .n = 3};
    int rc = gw_review_take_workloads(r, &a, &b, e);
    return rc || !plan_text ? rc : gw_review_take_plan(r, gw_str_of(plan_text), e);
}

static void test_biweekly(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_review r;
    gw_review_init(&r, GW_REVIEW_BIWEEKLY, (gw_interval){instant("2026-11-02"), instant("2026-11-16")});
    all_hours(&r, "prod", 0);
    assert_int_equal(make_biweekly(&r, plan, &e), 0);
    assert_int_equal(r.n_workloads, 10);
    assert_int_equal(r.workloads_seen, 14);
    assert_string_equal(r.workloads[0].workload, "chat");
    assert_int_equal(r.workloads[0].m.bill, 100 * GW_USD);
    /* its name begins that of the pods that move, but those are chat-large's */
    assert_int_equal(r.workloads[0].n_proposals, 0);
    assert_non_null(strstr(r.workloads[0].why_none, "no action of the plan"));
    const gw_review_workload *large = &r.workloads[1];
    assert_int_equal(large->n_proposals, 1);
    assert_string_equal(large->proposals[0].action, "mps/n1");
    assert_int_equal(large->proposals[0].monthly_low, 100500000);
    assert_int_equal(large->proposals[0].monthly_high, 120250000);
    assert_true(fabs(gw_measures_state_share(&large->m, GW_STATE_LOW_HIGH) - 0.75) < 1e-12);
    assert_true(gw_measures_state_share(&r.workloads[0].m, GW_STATE_LOW_HIGH) < 0);
    assert_int_equal(r.workloads[3].n_proposals, 1);
    assert_int_equal(r.workloads[3].proposals[0].monthly_high, GW_MICRO_UNKNOWN);
    assert_false(r.workloads[3].proposals[0].chosen);
    assert_int_equal(r.n_held_back, 2);
    assert_string_equal(r.held_back[0].why, "no free GPU");
    assert_int_equal(r.held_back[0].monthly, 12500000);
    assert_int_equal(r.held_back[1].monthly, GW_MICRO_UNKNOWN);
    assert_true(r.held_back[1].gpus < 0);
    gw_review_free(&r);
}

static void test_no_plan(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {"", "{", "[]", "{\"actions\":[]}",
                                      "{\"actions\":{},\"window\":{\"start\":\"a\",\"end\":\"b\"}}"};
    gw_error e;
    gw_review r;
    gw_buf b;
    gw_buf_init(&b, 1 << 20);
    gw_review_init(&r, GW_REVIEW_BIWEEKLY, week());
    all_hours(&r, "prod", 0);
    assert_int_equal(make_biweekly(&r, NULL, &e), 0);
    assert_int_equal(gw_review_render(&r, false, &b, &e), 0);
    assert_non_null(strstr(b.data, "There is no plan in the store"));
    for (size_t i = 0; i < GW_COUNT(bad); i++)
        assert_int_equal(gw_review_take_plan(&r, gw_str_of(bad[i]), &e), GW_ECORRUPT);
    gw_buf_free(&b);
    gw_review_free(&r);
}

/* ---- monthly ------------------------------------------------------------------------------------------- */

static int make_monthly(gw_review *r, gw_error *e)
{
    static gw_sum months[3], teams[5], spot[5], statements[3];
    static gw_correction c;
    static const gw_statement_budget budgets[] = {{"nlp", 400 * GW_USD}, {"nobody", GW_USD}};
    int64_t sep = instant("2026-09-01"), oct = instant("2026-10-01");
    months[0] = (gw_sum){.step_ms = sep, .m = held(100, 50, 400), .hours = 700};
    months[1] = (gw_sum){.step_ms = oct, .m = held(200, 50, 400), .hours = 744};
    /* ten hours on nodes without a price: used, and in no unit cost */
    months[2] = (gw_sum){.step_ms = oct, .key = {"NVIDIA H100"}, .m = held(10, 10, 0), .hours = 10};
    months[2].m.unpriced_ms = 10 * H;
    teams[4] = (gw_sum){.step_ms = oct, .key = {"nlp", "ml", "NVIDIA H100"}, .m = months[2].m};
    teams[0] = (gw_sum){.step_ms = sep, .key = {"nlp", "ml"}, .m = held(100, 50, 400)};
    teams[1] = (gw_sum){.step_ms = oct, .key = {"nlp", "ml"}, .m = held(150, 50, 300)};
    teams[2] = (gw_sum){.step_ms = oct, .key = {"", "ml"}, .m = held(50, 0, 100)};
    teams[3] = (gw_sum){.step_ms = oct, .key = {"", "__idle__"}, .m = idle(50, 100)};
    spot[0] = (gw_sum){.key = {"training", "spot", "ml"}, .m = held(30, 30, 30)};
    spot[1] = (gw_sum){.key = {"training", "on-demand", "ml"}, .m = held(70, 30, 140)};
    spot[2] = (gw_sum){.key = {"training", "unknown", "ml"}, .m = held(11, 5, 11)};
    spot[3] = (gw_sum){.key = {"inference", "unknown", "ml"}, .m = held(9, 5, 11)};
    spot[4] = (gw_sum){.key = {"", "on-demand", "__idle__"}, .m = idle(50, 50)};
    statements[0] = (gw_sum){.key = {"prod", "ml", "chat", "nlp"}, .m = held(150, 50, 300)};
    statements[1] = (gw_sum){.key = {"prod", "ml", "x", ""}, .m = held(50, 0, 100)};
    statements[2] = (gw_sum){.key = {"prod", "__idle__", "", ""}, .m = idle(50, 100)};
    c = (gw_correction){.at_ms = oct + 5 * H,
                        .hour_ms = oct,
                        .cluster = "prod",
                        .ns = "ml",
                        .workload = "chat",
                        .reason = "late samples",
                        .before = held(1, 0, 3),
                        .after = held(1, 0, 2)};
    gw_sums s = {.rows = months, .n = 3}, empty = {0};
    int rc = gw_review_take_months(r, &s, &s, e);
    s = (gw_sums){.rows = teams, .n = 5};
    rc = rc ? rc : gw_review_take_units(r, &s, GW_DIM_TEAM, e);
    rc = rc ? rc : gw_review_take_units(r, &empty, GW_DIM_MODEL, e);
    s = (gw_sums){.rows = spot, .n = 5};
    gw_spot_make(&s, (gw_spot_targets){GW_SPOT_TRAINING, GW_SPOT_INFERENCE}, &r->spot);
    s = (gw_sums){.rows = statements, .n = 3};
    return rc ? rc : gw_statements_make(&s, &c, 1, budgets, 2, &r->arena, &r->statements, e);
}

static void test_monthly(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_review r;
    gw_review_init(&r, GW_REVIEW_MONTHLY, (gw_interval){instant("2026-10-01"), instant("2026-11-01")});
    assert_int_equal(r.before.start_ms, instant("2026-09-01")); /* a month, not 31 days */
    all_hours(&r, "prod", 0);
    assert_int_equal(make_monthly(&r, &e), 0);
    assert_int_equal(r.n_months, 6);
    assert_int_equal(r.months[0].when.start_ms, instant("2026-05-01"));
    assert_int_equal(r.months[0].closed, 0);
    assert_int_equal(r.months[4].expected, 720);
    assert_int_equal(r.months[4].closed, 700);
    assert_int_equal(gw_measures_per_paid(&r.months[4].m), 4 * GW_USD);
    assert_int_equal(gw_measures_per_used(&r.months[4].m), 8 * GW_USD);
    assert_int_equal(r.months[5].closed, 744);
    assert_int_equal(gw_measures_per_paid(&r.months[5].m), 2 * GW_USD);
    assert_int_equal(gw_measures_per_used(&r.months[5].m), 8 * GW_USD); /* 400 / 50 */
    assert_int_equal(r.months[5].unpriced_ms, 10 * H);
    assert_int_equal(r.n_units, 2);
    assert_string_equal(r.units[0].key, "nlp");
    assert_int_equal(gw_measures_per_used(&r.units[0].m[5]), 6 * GW_USD); /* 300 / 50 */
    assert_null(r.units[1].key);
    assert_false(r.units[1].seen[4]);
    assert_int_equal(gw_measures_per_used(&r.units[1].m[5]), GW_MICRO_UNKNOWN); /* nothing used */
    gw_review_free(&r);
}

static void test_documents(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    for (unsigned k = 0; k < GW_N_REVIEW_KINDS; k++) {
        gw_review r;
        gw_buf b;
        gw_doc d;
        json_error_t je;
        gw_buf_init(&b, 1 << 20);
        gw_review_init(&r, (gw_review_kind)k,
                       k == GW_REVIEW_MONTHLY ? (gw_interval){instant("2026-10-01"), instant("2026-11-01")}
                                              : week());
        all_hours(&r, "prod", 2);
        assert_int_equal(k == GW_REVIEW_WEEKLY     ? make_weekly(&r, &e)
                         : k == GW_REVIEW_BIWEEKLY ? make_biweekly(&r, plan, &e)
                                                   : make_monthly(&r, &e),
                         0);
        gw_doc_init(&d, GW_DOC_JSON, &b);
        assert_int_equal(gw_review_write(&r, &d, &e), 0);
        json_t *doc = json_loadb(b.data, b.len, 0, &je);
        assert_non_null(doc);
        assert_string_equal(json_string_value(json_object_get(doc, "review")),
                            gw_review_kind_name((gw_review_kind)k));
        const json_t *cluster = json_array_get(json_object_get(doc, "clusters"), 0);
        assert_int_equal(json_integer_value(json_object_get(cluster, "hours")) -
                             json_integer_value(json_object_get(cluster, "closedHours")),
                         2);
        if (k == GW_REVIEW_MONTHLY) {
            const json_t *spot = json_object_get(json_object_get(doc, "spot"), "rows");
            const json_t *inference = json_array_get(spot, 1);
            assert_string_equal(json_string_value(json_object_get(inference, "class")), "inference");
            assert_true(json_is_null(json_object_get(inference, "coverage"))); /* all on unknown capacity */
        }
        json_decref(doc);
        gw_buf_free(&b);
        gw_review_free(&r);
    }
}

/* ---- failures ------------------------------------------------------------------------------------------ */

static int all_of_it(unsigned k, gw_error *e)
{
    gw_review r;
    gw_buf b;
    gw_doc d;
    int64_t hour = week().start_ms;
    gw_buf_init(&b, 1 << 20);
    gw_review_init(&r, (gw_review_kind)k, week());
    int rc = gw_review_take_cluster(&r, "prod", &hour, 1, NULL, 0, e);
    rc = rc                        ? rc
         : k == GW_REVIEW_WEEKLY   ? make_weekly(&r, e)
         : k == GW_REVIEW_BIWEEKLY ? make_biweekly(&r, plan, e)
                                   : make_monthly(&r, e);
    rc = rc ? rc : gw_review_render(&r, true, &b, e);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    rc = rc ? rc : gw_review_write(&r, &d, e);
    gw_buf_free(&b);
    gw_review_free(&r);
    return rc;
}

static void test_no_memory(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    for (unsigned k = 0; k < GW_N_REVIEW_KINDS; k++) {
        int rc = GW_ENOMEM;
        for (uint64_t n = 1; rc; n++) {
            int64_t live = gw_mem_live();
            gw_mem_fail_at(n);
            rc = all_of_it(k, &e);
            gw_mem_fail_at(0);
            if (rc != 0 && rc != GW_ENOMEM)
                fail_msg("allocation %d: %d %s", (int)n, rc, e.message);
            assert_int_equal(gw_mem_live(), live);
            assert_true(n < 2000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_periods),   cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_weekly),    cmocka_unit_test(test_missing_hours),
        cmocka_unit_test(test_escapes),   cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_biweekly),  cmocka_unit_test(test_no_plan),
        cmocka_unit_test(test_monthly),   cmocka_unit_test(test_documents),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
