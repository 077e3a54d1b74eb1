/*
 * Reviews and the FOCUS export over a real store (SQLite in memory): what is asked of it, and what it has
 * lost.
 */
#include "gw_test.h"

#include "operate/focus.h"
#include "operate/review.h"
#include "operate/review_numbers.h"

#define H GW_HOUR_MS

static int64_t instant(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(gw_time_parse(text, 0, &ms, NULL), 0);
    return ms;
}

static gw_store *open_store(void)
{
    gw_store_options o = {.url = "sqlite::memory:"};
    gw_store *s = NULL;
    gw_error e;
    if (gw_store_open(&o, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

static gw_hour_leaf leaf(const char *cluster, bool held, gw_micro bill)
{
    gw_hour_leaf l = {.kind = held ? GW_LEAF_HELD : GW_LEAF_IDLE, .node_hourly = GW_MICRO_UNKNOWN};
    for (int d = 0; d < GW_N_LEAF_DIMS; d++)
        l.dim[d] = "";
    l.dim[GW_DIM_CLUSTER] = cluster;
    l.dim[GW_DIM_NAMESPACE] = held ? "ml" : GW_KEY_IDLE;
    l.dim[GW_DIM_NODE] = l.dim[GW_DIM_GPU] = "n1";
    l.dim[GW_DIM_CAPACITY] = "spot";
    l.m = (gw_measures){.bill = bill, .paid_ms = H, .known_ms = H};
    if (held) {
        l.dim[GW_DIM_WORKLOAD] = l.dim[GW_DIM_POD] = "chat";
        l.dim[GW_DIM_TEAM] = "nlp";
        l.dim[GW_DIM_CLASS] = "training";
        l.m.allocated_ms = H;
        l.m.used_ms = H / 5;
        l.m.used = bill / 5;
        l.m.wasted = bill - bill / 5;
    } else {
        l.m.idle = bill;
        l.m.idle_ms = H;
    }
    return l;
}

/* $3 of a pod and $1 of idle an hour. */
static void put(gw_store *s, const char *cluster, int64_t from, int n, gw_micro idle, const char *reason)
{
    for (int i = 0; i < n; i++) {
        gw_hour_leaf leaves[] = {leaf(cluster, true, 3 * GW_USD), leaf(cluster, false, idle)};
        gw_hour h = {.cluster = cluster, .start_ms = from + i * H, .leaves = leaves, .n_leaves = 2};
        gw_put_result r;
        gw_error e;
        h.observed = (gw_interval){h.start_ms, h.start_ms + H};
        h.total = gw_hour_sum(&h);
        if (gw_store_put_hour(s, &h, reason, &r, &e))
            fail_msg("%s", e.message);
    }
}

static void test_weekly(void **state)
{
    GW_UNUSED(state);
    gw_store *s = open_store();
    gw_error e;
    gw_review r;
    put(s, "a", instant("2026-11-02"), 14 * 24, GW_USD, NULL);
    put(s, "b", instant("2026-11-09"), 100, GW_USD, NULL);
    /* nothing said: the last full week before now, a Saturday */
    gw_review_options o = {.kind = GW_REVIEW_WEEKLY, .now_ms = instant("2026-11-21T10:00:00Z")};
    assert_int_equal(gw_review_make(s, &o, &r, &e), 0);
    assert_int_equal(r.when.start_ms, instant("2026-11-09"));
    assert_int_equal(r.n_clusters, 2);
    assert_int_equal(r.clusters[0].closed, 168);
    assert_int_equal(r.clusters[1].closed, 100);
    assert_false(r.comparable); /* b has 100 of 168 */
    assert_int_equal(r.total.bill, (168 + 100) * 4 * GW_USD);
    assert_int_equal(r.total_before.bill, 168 * 4 * GW_USD);
    assert_int_equal(r.n_namespaces, 2);
    assert_int_equal(r.namespaces[0].verdict, GW_VERDICT_LOW); /* a fifth */
    assert_string_equal(r.namespaces[0].owners[0], "nlp");
    gw_review_free(&r);
    o.cluster = "a";
    assert_int_equal(gw_review_make(s, &o, &r, &e), 0);
    assert_int_equal(r.total.bill, 168 * 4 * GW_USD);
    assert_true(r.comparable);
    gw_review_free(&r);
    gw_store_free(s);
}

static void test_monthly(void **state)
{
    GW_UNUSED(state);
    gw_store *s = open_store();
    gw_error e;
    gw_review r;
    put(s, "a", instant("2026-09-01"), 30 * 24, GW_USD, NULL);
    put(s, "a", instant("2026-10-01"), 31 * 24, GW_USD, NULL);
    put(s, "a", instant("2026-10-07"), 1, 2 * GW_USD, "prices changed");
    const gw_statement_budget budget = {"nlp", 1000 * GW_USD};
    gw_review_options o = {.kind = GW_REVIEW_MONTHLY,
                           .now_ms = instant("2026-11-21"),
                           .spot = {GW_SPOT_TRAINING, GW_SPOT_INFERENCE},
                           .budgets = &budget,
                           .n_budgets = 1};
    assert_int_equal(gw_review_make(s, &o, &r, &e), 0);
    gw_micro bill = (744 * 4 + 1) * GW_USD;
    assert_int_equal(r.total.bill, bill);
    assert_int_equal(r.months[4].closed, 720);
    assert_int_equal(r.months[5].closed, 744);
    assert_int_equal(gw_measures_per_paid(&r.months[4].m), 2 * GW_USD); /* $4 for two GPU-hours */
    assert_int_equal(r.spot.n_rows, 1);
    assert_true(r.spot.rows[0].coverage == 1);
    assert_int_equal(r.statements.n, 1);
    assert_int_equal(r.statements.items[0].total, bill); /* the only team has all of the idle */
    assert_int_equal(r.statements.items[0].budget, 1000 * GW_USD);
    assert_int_equal(r.statements.n_lines, 1);
    assert_string_equal(r.statements.lines[0].c->reason, "prices changed");
    gw_review_free(&r);
    gw_store_free(s);
}

static void test_plan_document(void **state)
{
    GW_UNUSED(state);
    static const char plan[] =
        "{\"window\":{\"start\":\"x\",\"end\":\"y\"},\"actions\":[{\"id\":\"i\",\"change\":{"
        "\"resizes\":[{\"namespace\":\"ml\",\"name\":\"chat\"}]}}]}";
    gw_store *s = open_store();
    gw_error e;
    gw_review r;
    put(s, "a", instant("2026-11-02"), 24, GW_USD, NULL);
    gw_review_options o = {.kind = GW_REVIEW_BIWEEKLY, .now_ms = instant("2026-11-21")};
    assert_int_equal(gw_review_make(s, &o, &r, &e), 0);
    assert_int_equal(r.workloads[0].n_proposals, 0);
    assert_null(r.plan_made);
    gw_review_free(&r);
    assert_int_equal(gw_store_document_put(s, "plan", "latest", gw_str_of(plan), &e), 0);
    assert_int_equal(gw_review_make(s, &o, &r, &e), 0);
    assert_int_equal(r.workloads[0].n_proposals, 1);
    assert_string_equal(r.plan_made, "x to y");
    gw_review_free(&r);
    assert_int_equal(gw_store_document_put(s, "plan", "latest", gw_str_of("[]"), &e), 0);
    assert_int_equal(gw_review_make(s, &o, &r, &e), GW_ECORRUPT);
    gw_store_free(s);
}

static void test_errors(void **state)
{
    GW_UNUSED(state);
    gw_store *s = open_store();
    gw_error e;
    gw_review r;
    gw_review_options o = {.kind = GW_REVIEW_WEEKLY, .now_ms = instant("2026-11-21")};
    assert_int_equal(gw_review_make(s, &o, &r, &e), GW_ENODATA);
    assert_non_null(strstr(e.message, "2026-11-09T00:00:00Z"));
    o.when = (gw_interval){instant("2026-11-02"), instant("2026-11-02")};
    assert_int_equal(gw_review_make(s, &o, &r, &e), GW_EWINDOW);
    o.when = (gw_interval){instant("2026-11-02"), instant("2026-11-03") + 1};
    assert_int_equal(gw_review_make(s, &o, &r, &e), GW_EWINDOW);
    o.when = (gw_interval){instant("2024-11-02"), instant("2026-11-03")};
    assert_int_equal(gw_review_make(s, &o, &r, &e), GW_EWINDOW);
    gw_store_free(s);
}

static int swallow(void *ctx, const char *p, size_t n, gw_error *e)
{
    GW_UNUSED(p);
    GW_UNUSED(e);
    *(size_t *)ctx += n;
    return 0;
}

/* A file that lacks what retention deleted says so; the books themselves are still whole. */
static void test_focus_without_detail(void **state)
{
    GW_UNUSED(state);
    gw_store *s = open_store();
    gw_error e;
    gw_focus_stats stats;
    size_t bytes = 0;
    uint64_t gone;
    int64_t from = instant("2026-11-02");
    put(s, "a", from, 10 * 24, GW_USD, NULL);
    gw_focus_options o = {.when = {from, from + 10 * GW_DAY_MS}};
    assert_int_equal(gw_focus_write(s, &o, swallow, &bytes, &stats, &e), 0);
    assert_int_equal(stats.billed, 240 * 4 * GW_USD);
    assert_int_equal(stats.hours, 240);
    assert_true(bytes > 240 * 2 * 100);
    gw_retention keep = {.detail_days = 5, .hour_days = 100, .day_days = 1000};
    assert_int_equal(gw_store_trim(s, &keep, from + 10 * GW_DAY_MS, &gone, &e), 0);
    assert_int_equal(gw_focus_write(s, &o, swallow, &bytes, &stats, &e), GW_ENODATA);
    assert_non_null(strstr(e.message, "of 240 closed hours have no detail any more"));
    o.when.start_ms = from + 6 * GW_DAY_MS;
    assert_int_equal(gw_focus_write(s, &o, swallow, &bytes, &stats, &e), 0);
    assert_int_equal(stats.hours, 96);
    gw_store_free(s);
}

static void test_no_memory(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    int64_t live = gw_mem_live();
    gw_store *s = open_store();
    put(s, "a", instant("2026-10-01"), 30, GW_USD, NULL);
    put(s, "a", instant("2026-10-01"), 1, 2 * GW_USD, "prices changed");
    for (unsigned k = 0; k < GW_N_REVIEW_KINDS; k++) {
        gw_review_options o = {.kind = (gw_review_kind)k,
                               .when = {instant("2026-10-01"), instant("2026-10-03")}};
        int rc = GW_ENOMEM;
        for (uint64_t n = 1; rc; n++) {
            gw_review r;
            gw_mem_fail_at(n);
            rc = gw_review_make(s, &o, &r, &e);
            gw_mem_fail_at(0);
            if (rc == 0)
                gw_review_free(&r);
            else if (rc != GW_ENOMEM)
                fail_msg("allocation %d: %d %s", (int)n, rc, e.message);
            assert_true(n < 20000);
        }
    }
    gw_store_free(s);
    assert_int_equal(gw_mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weekly),
        cmocka_unit_test(test_monthly),
        cmocka_unit_test(test_plan_document),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_focus_without_detail),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
