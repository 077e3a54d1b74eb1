#include "gw_test.h"

#include <math.h>

#include "../support/collect.h"
#include "base/mem.h"
#include "observe/prom_json.h"

#define ALL ((gw_interval){0, INT64_C(1) << 50})

static int feed(const char *text, size_t n, size_t piece, gw_interval range, const char *metric, collect *c,
                gw_prom_json_stats *stats, char *warning, gw_error *e)
{
    gw_prom_json *r = gw_prom_json_new(&c->sink, range, metric);
    if (!r)
        return gw_fail_memory(e);
    int rc = 0;
    for (size_t at = 0; at < n && !rc; at += piece)
        rc = gw_prom_json_feed(r, text + at, GW_MIN(piece, n - at), e);
    if (!rc)
        rc = gw_prom_json_finish(r, e);
    if (stats)
        *stats = *gw_prom_json_stats_of(r);
    if (warning)
        snprintf(warning, GW_PROM_JSON_TEXT_MAX, "%s", gw_prom_json_warning(r));
    gw_prom_json_free(r);
    return rc;
}

static int take(const char *text, collect *c, gw_error *e)
{
    return feed(text, strlen(text), strlen(text) + 1, ALL, NULL, c, NULL, NULL, e);
}

/* As Prometheus 2.42 writes it, with blanks and what later versions add. */
static const char reply[] = "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
                            "{\"metric\":{\"__name__\":\"a\",\"gpu\":\"0\",\"odd\":\"q\\\"\\\\\\u00e9\"},"
                            "\"values\":[[1662858720,\"0.25\"],[1662858750.5,\"NaN\"],[1662858780.123,\"+"
                            "Inf\"],[1662858810,\"-1e-7\"]]},\n"
                            "{\"metric\":{\"__name__\":\"b\"},\"values\":[[1.5,\"1\"]],\"histograms\":[[2,{"
                            "\"count\":\"1\",\"buckets\":[[0,\"1\"]]}]]},"
                            "{\"metric\":{},\"values\":[]} ] , \"stats\":{\"x\":[1,{\"y\":null}]}},"
                            "\"warnings\":[\"one replica is away\",\"and another\"],\"infos\":[\"hm\"]}";

static const char reply_text[] = "a{gpu=\"0\",odd=\"q\"\\\xc3\xa9\"} 1662858720000=0.25 1662858750500=nan "
                                 "1662858780123=inf 1662858810000=-9.9999999999999995e-08\n"
                                 "b{} 1500=1\n"
                                 "{}";

static void in_pieces_of_every_size(void **state)
{
    GW_UNUSED(state);
    for (size_t piece = 1; piece <= sizeof(reply); piece++) {
        collect c;
        gw_error e = {0};
        gw_prom_json_stats stats;
        char warning[GW_PROM_JSON_TEXT_MAX];
        collect_init(&c);
        int rc = feed(reply, sizeof(reply) - 1, piece, ALL, NULL, &c, &stats, warning, &e);
        if (rc)
            print_error("%s\n", e.message);
        assert_int_equal(rc, 0);
        assert_string_equal(collect_text(&c), reply_text);
        assert_int_equal(stats.series, 3);
        assert_int_equal(stats.samples, 5);
        assert_int_equal(stats.warnings, 2);
        assert_string_equal(warning, "one replica is away");
        collect_free(&c);
    }
}

static void times(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0", 0},
        {"1", 1000},
        {"1662858720", 1662858720000},
        {"1662858720.1", 1662858720100},
        {"1662858720.12", 1662858720120},
        {"1662858720.123", 1662858720123},
        {"1662858719.999", 1662858719999},
        {"1662858720.1234", 1662858720123},
        {"1662858720.9999", 1662858721000},
        {"1.66285872e9", 1662858720000},
        {"1.662858720123e+09", 1662858720123},
        {"-1.5", -1500},
    };
    for (size_t i = 0; i < GW_COUNT(good); i++) {
        int64_t ms = 77;
        assert_true(gw_prom_time_parse(gw_str_of(good[i].text), &ms));
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {"",    "x",     "1.x", "1.5.5", "NaN",
                                      "Inf", "1e300", ".",   "1..2",  "12345678901234567890123"};
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        int64_t ms = 77;
        if (gw_prom_time_parse(gw_str_of(bad[i]), &ms))
            fail_msg("'%s' is taken as %" PRId64, bad[i], ms);
        assert_int_equal(ms, 77);
    }
    /* every millisecond of a second: nothing is rounded away */
    for (int64_t k = 0; k < 1000; k++) {
        char text[32];
        int64_t ms = 0;
        snprintf(text, sizeof(text), "1662858720.%03d", (int)k);
        assert_true(gw_prom_time_parse(gw_str_of(text), &ms));
        assert_int_equal(ms, INT64_C(1662858720000) + k);
    }
}

#define MATRIX(x) "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" x "]}}"

static void cuts_names_and_order(void **state)
{
    GW_UNUSED(state);
    static const char text[] = MATRIX("{\"metric\":{\"gpu\":\"0\"},\"values\":[[1,\"1\"],[2,\"2\"],[2,\"3\"],"
                                      "[1.5,\"4\"],[3,\"5\"],[4,6]]}");
    collect c;
    gw_error e = {0};
    collect_init(&c);
    /* [2 s, 4 s): of the two at 2 s the first, and nothing that goes back; the name is the one that was asked
     * for */
    assert_int_equal(feed(text, sizeof(text) - 1, 7, (gw_interval){2000, 4000}, "asked", &c, NULL, NULL, &e),
                     0);
    assert_string_equal(collect_text(&c), "asked{gpu=\"0\"} 2000=2 3000=5");
    /* a value may be a number */
    collect_clear(&c);
    assert_int_equal(feed(text, sizeof(text) - 1, 7, (gw_interval){4000, 5000}, "asked", &c, NULL, NULL, &e),
                     0);
    assert_string_equal(collect_text(&c), "asked{gpu=\"0\"} 4000=6");
    /* nobody wants it */
    collect_clear(&c);
    c.skip = "asked";
    assert_int_equal(feed(text, sizeof(text) - 1, 7, ALL, "asked", &c, NULL, NULL, &e), 0);
    assert_string_equal(collect_text(&c), "asked{gpu=\"0\"}");
    collect_free(&c);
}

static void many_samples_come_in_batches(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    collect c;
    gw_error e = {0};
    gw_buf_init(&b, 1 << 20);
    gw_buf_puts(&b, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},"
                    "\"values\":[");
    for (int i = 0; i < 5000; i++)
        gw_buf_printf(&b, "%s[%d.250,\"%d\"]", i ? "," : "", i, i);
    gw_buf_puts(&b, "]}]}}");
    collect_init(&c);
    assert_int_equal(feed(b.data, b.len, 1000, ALL, NULL, &c, NULL, NULL, &e), 0);
    assert_int_equal(c.samples, 5000);
    assert_int_equal(c.calls, 1 + 3);
    assert_non_null(strstr(c.text.data, " 4999250=4999"));
    collect_free(&c);
    gw_buf_free(&b);
}

static void error_replies(void **state)
{
    GW_UNUSED(state);
    collect c;
    gw_error e = {0};
    collect_init(&c);
    assert_int_equal(
        take("{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"too many samples\"}", &c, &e),
        GW_EQUERY);
    assert_non_null(strstr(e.message, "execution: too many samples"));
    assert_int_equal(
        take("{\"data\":{\"resultType\":\"matrix\",\"result\":[]},\"error\":\"boom\",\"status\":\"error\"}",
             &c, &e),
        GW_EQUERY);
    assert_non_null(strstr(e.message, "boom"));
    /* VictoriaMetrics' cluster, when a storage node is away */
    char warning[GW_PROM_JSON_TEXT_MAX];
    gw_prom_json_stats stats;
    static const char partial[] =
        "{\"status\":\"success\",\"isPartial\":true,\"data\":{\"resultType\":\"matrix\",\"result\":[]}}";
    assert_int_equal(feed(partial, sizeof(partial) - 1, 99, ALL, NULL, &c, &stats, warning, &e), 0);
    assert_int_equal(stats.warnings, 1);
    assert_non_null(strstr(warning, "partial"));
    static const char whole[] =
        "{\"status\":\"success\",\"isPartial\":false,\"data\":{\"resultType\":\"matrix\",\"result\":[]}}";
    assert_int_equal(feed(whole, sizeof(whole) - 1, 99, ALL, NULL, &c, &stats, warning, &e), 0);
    assert_int_equal(stats.warnings, 0);
    assert_string_equal(collect_text(&c), "");
    collect_free(&c);
}

static void what_is_no_reply(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {
        "<html><title>Sign in</title></html>",
        "null",
        "[]",
        "{}",
        "42",
        "{\"status\":\"success\"}",
        "{\"status\":\"success\",\"data\":[]}",
        "{\"status\":\"success\",\"data\":{}}",
        "{\"data\":{\"resultType\":\"matrix\",\"result\":[]}}",
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}",
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":{}}}",
        MATRIX("1"),
        MATRIX("[]"),
        MATRIX("{\"values\":[[1,\"1\"]]}"),
        MATRIX("{\"values\":[[1,\"1\"]],\"metric\":{}}"),
        MATRIX("{\"metric\":{\"a\":1},\"values\":[]}"),
        MATRIX("{\"metric\":{\"a\":[]},\"values\":[]}"),
        MATRIX("{\"metric\":{},\"values\":[1]}"),
        MATRIX("{\"metric\":{},\"values\":[{}]}"),
        MATRIX("{\"metric\":{},\"values\":[[]]}"),
        MATRIX("{\"metric\":{},\"values\":[[1]]}"),
        MATRIX("{\"metric\":{},\"values\":[[1,\"1\",2]]}"),
        MATRIX("{\"metric\":{},\"values\":[[\"x\",\"1\"]]}"),
        MATRIX("{\"metric\":{},\"values\":[[1,\"x\"]]}"),
        MATRIX("{\"metric\":{},\"values\":[[1,\"\"]]}"),
        MATRIX("{\"metric\":{},\"values\":[[1,null]]}"),
        MATRIX("{\"metric\":{},\"values\":[[1,[]]]}"),
    };
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        collect c;
        gw_error e = {0};
        collect_init(&c);
        int rc = take(bad[i], &c, &e);
        if (rc != GW_ECORRUPT)
            print_error("%s gives %d\n", bad[i], rc);
        assert_int_equal(rc, GW_ECORRUPT);
        assert_true(strlen(e.message) > 10);
        collect_free(&c);
    }
}

static void cut_off_at_every_byte(void **state)
{
    GW_UNUSED(state);
    for (size_t n = 0; n < sizeof(reply) - 1; n++) {
        collect c;
        gw_error e = {0};
        collect_init(&c);
        assert_int_equal(feed(reply, n, 50, ALL, NULL, &c, NULL, NULL, &e), GW_ETIMEOUT);
        collect_free(&c);
    }
}

static void a_retry_starts_over(void **state)
{
    GW_UNUSED(state);
    for (size_t half = 0; half < sizeof(reply); half += 3) {
        collect c;
        gw_error e = {0};
        collect_init(&c);
        gw_prom_json *r = gw_prom_json_new(&c.sink, ALL, NULL);
        assert_int_equal(gw_prom_json_feed(r, reply, half, &e), 0);
        gw_prom_json_reset(r);
        collect_clear(&c);
        assert_int_equal(gw_prom_json_feed(r, reply, sizeof(reply) - 1, &e), 0);
        assert_int_equal(gw_prom_json_finish(r, &e), 0);
        assert_string_equal(collect_text(&c), reply_text);
        gw_prom_json_free(r);
        collect_free(&c);
    }
}

static void any_byte_changed(void **state)
{
    GW_UNUSED(state);
    char text[sizeof(reply)];
    for (size_t at = 0; at < sizeof(reply) - 1; at++) {
        for (int v = 0; v < 256; v += 3) {
            collect c;
            gw_error e = {0};
            memcpy(text, reply, sizeof(reply));
            text[at] = (char)v;
            collect_init(&c);
            int rc = feed(text, sizeof(reply) - 1, 64, ALL, NULL, &c, NULL, NULL, &e);
            assert_true(rc == 0 || rc == GW_ECORRUPT || rc == GW_ETIMEOUT);
            assert_false(c.descending);
            collect_free(&c);
        }
    }
}

static void every_allocation_and_every_sink_call_fails_once(void **state)
{
    GW_UNUSED(state);
    for (int sink = 0; sink < 2; sink++) {
        uint64_t n = 1;
        for (;; n++) {
            static char room[8192];
            collect c;
            gw_error e = {0};
            collect_init(&c);
            c.text = (gw_buf){.data = room, .cap = sizeof(room), .max = sizeof(room) - 1};
            c.fail_at = sink ? n : 0;
            gw_mem_fail_at(sink ? 0 : n);
            int rc = feed(reply, sizeof(reply) - 1, 20, ALL, NULL, &c, NULL, NULL, &e);
            gw_mem_fail_at(0);
            if (!rc)
                break;
            assert_int_equal(rc, sink ? GW_EIO : GW_ENOMEM);
        }
        assert_true(n > 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_pieces_of_every_size),
        cmocka_unit_test(times),
        cmocka_unit_test(cuts_names_and_order),
        cmocka_unit_test(many_samples_come_in_batches),
        cmocka_unit_test(error_replies),
        cmocka_unit_test(what_is_no_reply),
        cmocka_unit_test(cut_off_at_every_byte),
        cmocka_unit_test(a_retry_starts_over),
        cmocka_unit_test(any_byte_changed),
        cmocka_unit_test(every_allocation_and_every_sink_call_fails_once),
    };
    return cmocka_run_group_tests_name("prom_json", tests, NULL, NULL);
}
