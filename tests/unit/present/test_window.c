/* The report's window from --window, --from and --to, and the mapping of ownership labels. */
#include "gw_test.h"

#include "base/mem.h"
#include "present/pipeline.h"

#define NOW     ((int64_t)1800000000000) /* 2027-01-15T08:00:00Z */
#define EXTENT  ((gw_interval){1662858720000, 1662940857000})
#define NOTHING ((gw_interval){0, 0})

static int choose(const char *from, const char *to, int64_t window_ms, gw_interval extent, gw_interval *w,
                  gw_error *e)
{
    gw_options o = {.from = from, .to = to, .window_ms = window_ms};
    return gw_window_choose(&o, extent, NOW, w, e);
}

static void is(const char *from, const char *to, int64_t window_ms, gw_interval extent, int64_t start,
               int64_t end)
{
    gw_interval w;
    gw_error e = {0};
    if (choose(from, to, window_ms, extent, &w, &e))
        fail_msg("%s", e.message);
    assert_int_equal(w.start_ms, start);
    assert_int_equal(w.end_ms, end);
}

static void fails(const char *from, const char *to, int64_t window_ms, gw_interval extent, int code,
                  const char *part)
{
    gw_interval w = {1, 2};
    gw_error e = {0};
    assert_int_equal(choose(from, to, window_ms, extent, &w, &e), code);
    if (!strstr(e.message, part))
        fail_msg("\"%s\" does not say \"%s\"", e.message, part);
    assert_int_equal(w.start_ms, 1); /* untouched */
}

static void test_live(void **state)
{
    GW_UNUSED(state);
    is(NULL, NULL, 0, NOTHING, NOW - GW_DAY_MS, NOW);
    is(NULL, NULL, GW_HOUR_MS, NOTHING, NOW - GW_HOUR_MS, NOW);
    is("now-2h", NULL, 0, NOTHING, NOW - 2 * GW_HOUR_MS, NOW);
    is("now-2h", NULL, GW_HOUR_MS, NOTHING, NOW - 2 * GW_HOUR_MS, NOW - GW_HOUR_MS);
    is(NULL, "now-1h", GW_HOUR_MS, NOTHING, NOW - 2 * GW_HOUR_MS, NOW - GW_HOUR_MS);
    is("2022-09-11T01:12:00Z", "2022-09-12T00:00:57Z", 0, NOTHING, EXTENT.start_ms, EXTENT.end_ms);
    is("now-1h", "2099-01-01", 0, NOTHING, NOW - GW_HOUR_MS, NOW); /* the future is cut off */
}

static void test_extent(void **state)
{
    GW_UNUSED(state);
    is(NULL, NULL, 0, EXTENT, EXTENT.start_ms, EXTENT.end_ms);
    is(NULL, NULL, GW_HOUR_MS, EXTENT, EXTENT.end_ms - GW_HOUR_MS, EXTENT.end_ms);
    is("2022-09-11", NULL, 0, EXTENT, 1662854400000,
       EXTENT.end_ms); /* taken as it is, though it begins before */
    fails("2023-01-01", "2023-01-02", 0, EXTENT, GW_EWINDOW, "outside of what the source holds");
}

static void test_wrong(void **state)
{
    GW_UNUSED(state);
    fails("2099-01-01", "2099-01-02", 0, NOTHING, GW_EWINDOW, "in the future");
    fails("2099-01-01", NULL, 0, NOTHING, GW_EWINDOW, "in the future");
    fails("now", NULL, 0, NOTHING, GW_EWINDOW, "empty");
    fails("now", "2099-01-01", 0, NOTHING, GW_EWINDOW, "empty");
    fails("now-1h", "now-2h", 0, NOTHING, GW_EWINDOW, "--from must be before --to");
    fails("now-1h", "now", GW_HOUR_MS, NOTHING, GW_EUSAGE, "too much");
    fails("yesterday", NULL, 0, NOTHING, GW_EUSAGE, "--from");
    fails(NULL, "2026-13-01", 0, NOTHING, GW_EUSAGE, "--to");
    fails("1971-01-01", NULL, 0, NOTHING, GW_EWINDOW, "5 years");
}

static void test_ownership(void **state)
{
    GW_UNUSED(state);
    gw_ownership o;
    gw_arena a;
    gw_error e;
    gw_arena_init(&a, 0);
    gw_ownership_defaults(&o);
    assert_int_equal(gw_ownership_map(&o, "team=squad,owner", &a, &e), 0);
    assert_string_equal(o.labels[GW_OWNER_TEAM][0], "squad");
    assert_string_equal(o.labels[GW_OWNER_TEAM][1], "owner");
    assert_null(o.labels[GW_OWNER_TEAM][2]);
    assert_int_equal(gw_ownership_map(&o, "model-version=v", &a, &e), 0);
    assert_string_equal(o.labels[GW_OWNER_MODEL_VERSION][0], "v");
    assert_int_equal(gw_ownership_map(&o, "modelVersion=w", &a, &e), 0);
    assert_string_equal(o.labels[GW_OWNER_MODEL_VERSION][0], "w");
    static const char *const bad[] = {"team",  "team=",   "=x",       "colour=x",
                                      "tea=x", "teams=x", "model-=x", "team=a,b,c,d,e,f,g,h,i"};
    for (size_t i = 0; i < GW_COUNT(bad); i++)
        assert_int_equal(gw_ownership_map(&o, bad[i], &a, &e), GW_EUSAGE);
    assert_string_equal(o.labels[GW_OWNER_TEAM][0], "squad"); /* untouched by what failed */
    gw_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_live), cmocka_unit_test(test_extent),
                                       cmocka_unit_test(test_wrong), cmocka_unit_test(test_ownership)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
