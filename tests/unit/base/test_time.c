/*
 * Time: RFC 3339, unix seconds, "now-…", durations, and both ways of writing. Days are compared with glibc's
 * timegm and gmtime_r, the rest is worked out by hand.
 */
#include "gw_test.h"

#include "base/time.h"

#define NOW ((int64_t)1700000000000)

static int64_t time_of(const char *text)
{
    int64_t ms = 777;
    gw_error e = {0};
    if (gw_time_parse(text, NOW, &ms, &e))
        fail_msg("%s", e.message);
    return ms;
}

static int64_t utc(int y, int mo, int d, int h, int mi, int s)
{
    struct tm tm = {
        .tm_year = y - 1900, .tm_mon = mo - 1, .tm_mday = d, .tm_hour = h, .tm_min = mi, .tm_sec = s};
    return (int64_t)timegm(&tm) * 1000;
}

static void reads_instants(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(time_of("2022-09-11T01:12:00Z"), 1662858720000);
    assert_int_equal(time_of("2022-09-11t01:12:00z"), 1662858720000);
    assert_int_equal(time_of("2022-09-11 01:12:00Z"), 1662858720000);
    assert_int_equal(time_of("2022-09-11T01:12Z"), 1662858720000);
    assert_int_equal(time_of("2022-09-11T01:12:00"), 1662858720000); /* nothing said is UTC */
    assert_int_equal(time_of("2022-09-11"), utc(2022, 9, 11, 0, 0, 0));
    assert_int_equal(time_of("1970-01-01"), 0);
    assert_int_equal(time_of("1969-12-31T23:59:59Z"), -1000);
    assert_int_equal(time_of("0001-01-01T00:00:00Z"), -62135596800000);
    assert_int_equal(time_of("9999-12-31T23:59:59.999Z"), 253402300799999);
}

static void fractions_are_milliseconds(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(time_of("1970-01-01T00:00:01.5Z"), 1500);
    assert_int_equal(time_of("1970-01-01T00:00:01.05Z"), 1050);
    assert_int_equal(time_of("1970-01-01T00:00:01.123Z"), 1123);
    assert_int_equal(time_of("1970-01-01T00:00:01.123999999Z"), 1123); /* cut */
    assert_int_equal(time_of("1970-01-01T00:00:01.0009Z"), 1000);
    assert_int_equal(time_of("1970-01-01T00:00:01.00000000000000000000000000000000000001Z"), 1000);
    assert_int_equal(time_of("1970-01-01T00:00:01.25+01:00"), 1250 - 3600000);
}

static void offsets_are_taken_off(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(time_of("2022-09-11T03:12:00+02:00"), 1662858720000);
    assert_int_equal(time_of("2022-09-10T20:12:00-05:00"), 1662858720000);
    assert_int_equal(time_of("2022-09-11T06:57:00+05:45"), 1662858720000); /* Nepal */
    assert_int_equal(time_of("2022-09-11T01:12:00-00:00"), 1662858720000);
    assert_int_equal(time_of("1970-01-01T00:00:00+23:59"), -(23 * 60 + 59) * 60000);
    assert_int_equal(time_of("0000-01-01T00:00:00+23:59"), utc(0, 1, 1, 0, 0, 0) - (23 * 60 + 59) * 60000);
}

static void leaps(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(time_of("2024-02-29"), utc(2024, 2, 29, 0, 0, 0));
    assert_int_equal(time_of("2000-02-29"), utc(2000, 2, 29, 0, 0, 0)); /* a century that is one */
    assert_int_equal(time_of("2400-02-29"), utc(2400, 2, 29, 0, 0, 0));
    /* a leap second is the second after it, and so is the last midnight of ISO 8601 */
    assert_int_equal(time_of("2016-12-31T23:59:60Z"), utc(2017, 1, 1, 0, 0, 0));
    assert_int_equal(time_of("2016-12-31T24:00:00Z"), utc(2017, 1, 1, 0, 0, 0));
    assert_int_equal(time_of("2017-01-01T05:29:60.5+05:30"), utc(2017, 1, 1, 0, 0, 0) + 500);
}

static void relative_and_unix_times(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(time_of("now"), NOW);
    assert_int_equal(time_of("now-24h"), NOW - GW_DAY_MS);
    assert_int_equal(time_of("now-1h30m"), NOW - 90 * GW_MINUTE_MS);
    assert_int_equal(time_of("1662858720"), 1662858720000);
    assert_int_equal(time_of("1662858720.123"), 1662858720123);
    assert_int_equal(time_of("1662858720.1236"), 1662858720124); /* to the nearest */
    assert_int_equal(time_of("1.66285872e9"), 1662858720000);
    assert_int_equal(time_of("00000"), 0);
    assert_int_equal(time_of("99999999999"), 99999999999000);
    /* the earliest clock and the longest duration there can be */
    int64_t ms;
    assert_int_equal(gw_time_parse("now-9999w", 0, &ms, NULL), 0);
    assert_int_equal(ms, -9999 * 7 * GW_DAY_MS);
}

static void refuses_what_is_no_instant(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {"",
                                      " ",
                                      "2022",
                                      "tomorrow",
                                      "now+1h",
                                      "now-",
                                      "now-x",
                                      "now -1h",
                                      "Now",
                                      "nowhere",
                                      "2022-13-01",
                                      "2022-00-01",
                                      "2022-01-00",
                                      "2022-01-32",
                                      "2022-04-31",
                                      "2022-02-29",
                                      "1900-02-29",
                                      "2022-1-1",
                                      "22-01-01",
                                      "12022-01-01",
                                      "+2022-01-01",
                                      "-001-01-01",
                                      "2022/01/01",
                                      "2022-01-01Z",
                                      "2022-01-01T",
                                      "2022-01-01T00",
                                      "2022-01-01T00:0",
                                      "2022-01-01T0:00:00Z",
                                      "2022-01-01T25:00:00Z",
                                      "2022-01-01T24:00:01Z",
                                      "2022-01-01T24:01:00Z",
                                      "2022-01-01T00:60:00Z",
                                      "2022-01-01T00:00:61Z",
                                      "2022-01-01T00:00:00.Z",
                                      "2022-01-01T00:00:00.",
                                      "2022-01-01T00:00:00,5Z",
                                      "2022-01-01T00:00.5Z",
                                      "2022-01-01T00:00:00ZZ",
                                      "2022-01-01T00:00:00Z ",
                                      " 2022-01-01T00:00:00Z",
                                      "2022-01-01T00:00:00 Z",
                                      "2022-01-01T00:00:00+",
                                      "2022-01-01T00:00:00+1",
                                      "2022-01-01T00:00:00+01",
                                      "2022-01-01T00:00:00+0100",
                                      "2022-01-01T00:00:00+24:00",
                                      "2022-01-01T00:00:00+01:60",
                                      "2022-01-01T00:00:00+01:00:00",
                                      "2022-01-01T00:00:00+01:00.5",
                                      "2022-01-01T00:00:00+01:00Z",
                                      "2022-01-01T00:00:00--01:00",
                                      "2022-01-01+01:00",
                                      "100000000000",
                                      "-1662858720",
                                      "1e99",
                                      "nan00",
                                      "infinity",
                                      "0x12345",
                                      "12 345"};
    gw_error e = {0};
    int64_t ms = 777;
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        if (gw_time_parse(bad[i], NOW, &ms, &e) != GW_EUSAGE)
            fail_msg("'%s' was taken as %" PRId64, bad[i], ms);
    }
    assert_int_equal(ms, 777);
    assert_int_equal(gw_time_parse("x", NOW, &ms, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "'x'"));
    assert_int_equal(gw_time_parse("x", NOW, &ms, NULL), GW_EUSAGE);
    assert_int_equal(gw_time_parse("now-x", NOW, &ms, NULL), GW_EUSAGE);
}

/* Every cut of a good text is read or refused without reading past its end (the sanitizer watches), and only
 * the cuts that stand for something shorter are read. */
static void cut_texts(void **state)
{
    GW_UNUSED(state);
    static const char whole[] = "2022-09-11T03:12:00.250+02:00";
    size_t read = 0;
    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        char *cut = strndup(whole, n);
        int64_t ms;
        read += gw_time_parse(cut, NOW, &ms, NULL) == 0;
        free(cut);
    }
    /* the date; to the minute, to the second, and with one, two and three decimals */
    assert_int_equal(read, 6);
}

static void durations(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"1ms", 1},
                {"250ms", 250},
                {"90s", 90000},
                {"5m", 300000},
                {"24h", 86400000},
                {"7d", 604800000},
                {"2w", 1209600000},
                {"1y", 31536000000},
                {"1h30m", 5400000},
                {"1y2w3d4h5m6s7ms", 31536000000 + 1209600000 + 259200000 + 14400000 + 300000 + 6000 + 7},
                {"0h1s", 1000},
                {"0000000000001s", 1000}};
    int64_t ms;
    for (size_t i = 0; i < GW_COUNT(good); i++) {
        if (gw_duration_parse(good[i].text, &ms, NULL))
            fail_msg("'%s' was not taken", good[i].text);
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {"",     "0s",   "0",     "5",     "s",    "-5m",  "+5m",  " 5m",
                                      "5m ",  "5 m",  "1.5h",  "5M",    "5min", "1h30", "h1",   "1hm",
                                      "1e3s", "1h1h", "30m1h", "5ms5s", "1mo",  "ms",   "1h-5m"};
    gw_error e = {0};
    ms = 777;
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        if (gw_duration_parse(bad[i], &ms, &e) != GW_EUSAGE)
            fail_msg("'%s' was taken as %" PRId64, bad[i], ms);
    }
    assert_int_equal(ms, 777);
    assert_non_null(strstr(e.message, "1h-5m"));
}

static void long_durations_are_refused_before_they_overflow(void **state)
{
    GW_UNUSED(state);
    int64_t ms;
    /* a year is 31 536 000 000 ms; 2^61 ms are 73 117 802.17 of them */
    assert_int_equal(gw_duration_parse("73117802y", &ms, NULL), 0);
    assert_int_equal(ms, 73117802 * (int64_t)31536000000);
    assert_int_equal(gw_duration_parse("73117803y", &ms, NULL), GW_EUSAGE);
    assert_int_equal(gw_duration_parse("73117802y53w", &ms, NULL), GW_EUSAGE);
    assert_int_equal(gw_duration_parse("99999999999y", &ms, NULL), GW_EUSAGE);
    assert_int_equal(gw_duration_parse("999999999999999999999999ms", &ms, NULL), GW_EUSAGE);
    assert_int_equal(gw_duration_parse("9223372036854775807ms", &ms, NULL), GW_EUSAGE);
    assert_int_equal(gw_duration_parse("73117802y999999999999w999999999999d999999999999h", &ms, NULL),
                     GW_EUSAGE);
    assert_int_equal(gw_duration_parse("999999999999ms", &ms, NULL), 0);
    assert_int_equal(ms, 999999999999);
}

static const char *formatted(int64_t ms)
{
    static char text[GW_TIME_TEXT_MAX];
    return gw_time_format(ms, text);
}

static void writes_instants(void **state)
{
    GW_UNUSED(state);
    assert_string_equal(formatted(0), "1970-01-01T00:00:00Z");
    assert_string_equal(formatted(1662858720000), "2022-09-11T01:12:00Z");
    assert_string_equal(formatted(1662858720120), "2022-09-11T01:12:00.120Z");
    assert_string_equal(formatted(-1), "1969-12-31T23:59:59.999Z");
    assert_string_equal(formatted(-86400000), "1969-12-31T00:00:00Z");
    assert_string_equal(formatted(-86400001), "1969-12-30T23:59:59.999Z");
    assert_string_equal(formatted(253402300799999), "9999-12-31T23:59:59.999Z");
    assert_string_equal(formatted(253402300800000), "out of range");
    assert_string_equal(formatted(utc(0, 1, 1, 0, 0, 0)), "0000-01-01T00:00:00Z");
    assert_string_equal(formatted(utc(0, 1, 1, 0, 0, 0) - 1), "out of range");
    assert_string_equal(formatted(INT64_MAX), "out of range");
    assert_string_equal(formatted(INT64_MIN), "out of range");
    assert_string_equal(formatted(INT64_MIN + 1), "out of range");
}

static void agrees_with_the_c_library(void **state)
{
    GW_UNUSED(state);
    /* a prime number of milliseconds, about 13 days, so that every field takes all its values */
    for (int64_t ms = utc(0, 1, 1, 0, 0, 0); ms < utc(9999, 12, 31, 0, 0, 0); ms += 1123456789) {
        int64_t second = ms / 1000 - (ms % 1000 < 0), milli = ms - second * 1000;
        time_t t = (time_t)second;
        struct tm tm;
        char want[64];
        gmtime_r(&t, &tm);
        int n = snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
                         tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
        if (milli)
            n += snprintf(want + n, sizeof(want) - (size_t)n, ".%03d", (int)milli);
        snprintf(want + n, sizeof(want) - (size_t)n, "Z");
        assert_string_equal(formatted(ms), want);
        assert_int_equal(time_of(want), ms);
    }
}

static void writes_durations(void **state)
{
    GW_UNUSED(state);
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {{0, "0s"},
                 {-5, "0s"},
                 {INT64_MIN, "0s"},
                 {1, "1ms"},
                 {999, "999ms"},
                 {1000, "1s"},
                 {1500, "1s500ms"},
                 {82137000, "22h48m57s"}, /* 22 × 3600 + 48 × 60 + 57 = 82137 */
                 {82137500, "22h48m57s"}, /* three units at most */
                 {86400000, "1d"},
                 {86400000 + 60000, "1d1m"},
                 {90061001, "1d1h1m"},
                 {INT64_MAX, "106751991167d7h12m"}}; /* 2^63 - 1 ms; the remainder is 7:12:55.807 */
    char text[GW_TIME_TEXT_MAX];
    for (size_t i = 0; i < GW_COUNT(cases); i++)
        assert_string_equal(gw_duration_format(cases[i].ms, text), cases[i].want);
}

static void intervals(void **state)
{
    GW_UNUSED(state);
    gw_interval a = {10, 20};
    assert_int_equal(gw_interval_ms(a), 10);
    assert_int_equal(gw_interval_ms((gw_interval){20, 10}), 0);
    static const struct {
        gw_interval b;
        int64_t ms;
    } cases[] = {{{0, 100}, 10}, {{12, 15}, 3}, {{0, 15}, 5}, {{15, 100}, 5},
                 {{0, 10}, 0},   {{20, 30}, 0}, {{0, 5}, 0},  {{25, 30}, 0}};
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_interval cut = gw_interval_cut(a, cases[i].b), same = gw_interval_cut(cases[i].b, a);
        assert_int_equal(gw_interval_ms(cut), cases[i].ms);
        assert_true(cut.end_ms >= cut.start_ms);
        assert_int_equal(gw_interval_ms(same), cases[i].ms);
    }
}

static void clocks_run(void **state)
{
    GW_UNUSED(state);
    assert_true(gw_clock_system(NULL) > utc(2024, 1, 1, 0, 0, 0));
    int64_t a = gw_clock_monotonic(NULL);
    assert_true(gw_clock_monotonic(NULL) >= a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_instants),
        cmocka_unit_test(fractions_are_milliseconds),
        cmocka_unit_test(offsets_are_taken_off),
        cmocka_unit_test(leaps),
        cmocka_unit_test(relative_and_unix_times),
        cmocka_unit_test(refuses_what_is_no_instant),
        cmocka_unit_test(cut_texts),
        cmocka_unit_test(durations),
        cmocka_unit_test(long_durations_are_refused_before_they_overflow),
        cmocka_unit_test(writes_instants),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(writes_durations),
        cmocka_unit_test(intervals),
        cmocka_unit_test(clocks_run),
    };
    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
