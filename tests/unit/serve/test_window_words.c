/*
 * Windows in words. The dates are from a calendar: 2026-11-21 is a Saturday (2000-01-01 was one, and the
 * 9,821 days between are 1,403 weeks), so its week began on Monday the 16th or Sunday the 15th.
 */
#include "gw_test.h"

#include "serve/window_words.h"

#define OURS     GW_WINDOW_WORDS_OURS
#define OPENCOST GW_WINDOW_WORDS_OPENCOST

static int64_t at(const char *text)
{
    int64_t ms = 0;
    gw_error e = {0};
    if (gw_time_parse(text, 0, &ms, &e))
        fail_msg("%s: %s", text, e.message);
    return ms;
}

static void is(const char *text, gw_window_words as, const char *now, const char *start, const char *end)
{
    char a[GW_TIME_TEXT_MAX], b[GW_TIME_TEXT_MAX];
    gw_interval w = {0, 0};
    gw_error e = {0};
    if (gw_window_words_parse(text, as, at(now), &w, &e))
        fail_msg("%s: %s", text, e.message);
    assert_string_equal(gw_time_format(w.start_ms, a), start);
    assert_string_equal(gw_time_format(w.end_ms, b), end);
}

static void fails(const char *text, gw_window_words as, int code, const char *part)
{
    gw_interval w = {1, 2};
    gw_error e = {0};
    assert_int_equal(gw_window_words_parse(text, as, at("2026-11-21T15:16:17Z"), &w, &e), code);
    if (!strstr(e.message, part))
        fail_msg("'%s': \"%s\" does not say \"%s\"", text, e.message, part);
    assert_int_equal(w.start_ms, 1); /* untouched */
}

#define NOW "2026-11-21T15:16:17Z"

static void test_our_words(void **state)
{
    GW_UNUSED(state);
    is("today", OURS, NOW, "2026-11-21T00:00:00Z", NOW);
    is("yesterday", OURS, NOW, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    is("week", OURS, NOW, "2026-11-16T00:00:00Z", NOW);
    is("lastweek", OURS, NOW, "2026-11-09T00:00:00Z", "2026-11-16T00:00:00Z");
    is("month", OURS, NOW, "2026-11-01T00:00:00Z", NOW);
    is("lastmonth", OURS, NOW, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    is("24h", OURS, NOW, "2026-11-20T15:16:17Z", NOW);
    is("7d", OURS, NOW, "2026-11-14T15:16:17Z", NOW);
    is("1h30m", OURS, NOW, "2026-11-21T13:46:17Z", NOW);
}

static void test_opencost_words(void **state)
{
    GW_UNUSED(state);
    is("today", OPENCOST, NOW, "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    is("yesterday", OPENCOST, NOW, "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    is("week", OPENCOST, NOW, "2026-11-15T00:00:00Z", NOW);
    is("lastweek", OPENCOST, NOW, "2026-11-08T00:00:00Z", "2026-11-15T00:00:00Z");
    is("month", OPENCOST, NOW, "2026-11-01T00:00:00Z", NOW);
    is("lastmonth", OPENCOST, NOW, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
    /* whole units, the one that now lies in among them */
    is("24h", OPENCOST, NOW, "2026-11-20T16:00:00Z", "2026-11-21T16:00:00Z");
    is("48h", OPENCOST, NOW, "2026-11-19T16:00:00Z", "2026-11-21T16:00:00Z");
    is("7d", OPENCOST, NOW, "2026-11-15T00:00:00Z", "2026-11-22T00:00:00Z");
    is("14d", OPENCOST, NOW, "2026-11-08T00:00:00Z", "2026-11-22T00:00:00Z");
    is("30m", OPENCOST, NOW, "2026-11-21T14:47:00Z", "2026-11-21T15:17:00Z");
    is("1w", OPENCOST, NOW, "2026-11-15T00:00:00Z", "2026-11-22T00:00:00Z");
}

/* Days on which a week, a month or a year turns. */
static void test_edges(void **state)
{
    GW_UNUSED(state);
    /* a Sunday: the last day of a week that began on Monday, the first of one that begins on Sunday */
    is("week", OURS, "2026-11-22T10:00:00Z", "2026-11-16T00:00:00Z", "2026-11-22T10:00:00Z");
    is("week", OPENCOST, "2026-11-22T10:00:00Z", "2026-11-22T00:00:00Z", "2026-11-22T10:00:00Z");
    /* a Monday */
    is("week", OURS, "2026-11-23T10:00:00Z", "2026-11-23T00:00:00Z", "2026-11-23T10:00:00Z");
    is("lastweek", OPENCOST, "2026-11-23T10:00:00Z", "2026-11-15T00:00:00Z", "2026-11-22T00:00:00Z");
    is("lastmonth", OURS, "2026-01-05T00:30:00Z", "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z");
    is("lastmonth", OURS, "2024-03-31T23:59:59Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z");
    is("yesterday", OURS, "2024-03-01T12:00:00Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z");
    /* a recording that ends at midnight has a today, an hour that ended is the last one there is */
    is("today", OURS, "2026-11-21T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    is("today", OPENCOST, "2026-11-21T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    is("2d", OPENCOST, "2026-11-21T00:00:00Z", "2026-11-19T00:00:00Z", "2026-11-21T00:00:00Z");
    is("1h", OPENCOST, "2026-11-21T16:00:00Z", "2026-11-21T15:00:00Z", "2026-11-21T16:00:00Z");
}

static void test_pairs(void **state)
{
    GW_UNUSED(state);
    for (int as = OURS; as <= OPENCOST; as++) {
        is("2026-01-05T00:00:00Z,2026-01-06T12:00:00Z", as, NOW, "2026-01-05T00:00:00Z",
           "2026-01-06T12:00:00Z");
        is("2026-01-05T01:00:00+01:00,2026-01-06T00:00:00Z", as, NOW, "2026-01-05T00:00:00Z",
           "2026-01-06T00:00:00Z");
        is("2026-01-05,2026-01-06", as, NOW, "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z");
        /* date -u -d @1586822400 is 2020-04-14T00:00:00Z; OpenCost's documentation has this pair */
        is("1586822400,1586908800", as, NOW, "2020-04-14T00:00:00Z", "2020-04-15T00:00:00Z");
        is("1586822400-1586908800", as, NOW, "2020-04-14T00:00:00Z", "2020-04-15T00:00:00Z");
    }
}

static void test_refused(void **state)
{
    GW_UNUSED(state);
    for (int as = OURS; as <= OPENCOST; as++) {
        fails("", as, GW_EUSAGE, "1 to 127 bytes");
        fails("fortnight", as, GW_EUSAGE, "'fortnight' is none");
        fails("Today", as, GW_EUSAGE, "is none");
        fails("7", as, GW_EUSAGE, "is none");
        fails("-7d", as, as == OURS ? GW_EUSAGE : GW_EWINDOW, "window:");
        fails("7days", as, GW_EUSAGE, "is none");
        fails("9999999999999999999d", as, GW_EUSAGE, "is none");
        fails("2000d", as, GW_EWINDOW, "longer than five years");
        fails("2026-01-05", as, GW_EUSAGE, "is none");
        fails("2026-01-06,2026-01-05", as, GW_EWINDOW, "must end after");
        fails("2026-01-06,2026-01-06", as, GW_EWINDOW, "must end after");
        fails("1586908800,1586822400", as, GW_EWINDOW, "must end after");
        fails("2020-01-01,2026-01-01", as, GW_EWINDOW, "five years");
        fails("2026-01-06,", as, GW_EUSAGE, "window");
        fails(",", as, GW_EUSAGE, "window");
        fails("a,b", as, GW_EUSAGE, "window");
        fails("2026-13-01,2027-01-01", as, GW_EUSAGE, "window");
    }
    fails("0d", OPENCOST, GW_EWINDOW, "empty");
    char longest[300];
    memset(longest, '1', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    fails(longest, OURS, GW_EUSAGE, "127");
}

static void test_starts(void **state)
{
    GW_UNUSED(state);
    char t[GW_TIME_TEXT_MAX];
    assert_string_equal(gw_time_format(gw_day_start(at("1969-12-31T23:00:00Z")), t), "1969-12-31T00:00:00Z");
    assert_string_equal(gw_time_format(gw_week_start(at("1970-01-01T00:00:00Z"), OURS), t),
                        "1969-12-29T00:00:00Z");
    assert_string_equal(gw_time_format(gw_week_start(at("1970-01-01T00:00:00Z"), OPENCOST), t),
                        "1969-12-28T00:00:00Z");
    assert_string_equal(gw_time_format(gw_month_start(at("2026-11-21T00:00:00Z"), 2), t),
                        "2027-01-01T00:00:00Z");
    assert_string_equal(gw_time_format(gw_month_start(at("2026-11-21T00:00:00Z"), -23), t),
                        "2024-12-01T00:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_our_words), cmocka_unit_test(test_opencost_words),
        cmocka_unit_test(test_edges),     cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_refused),   cmocka_unit_test(test_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
