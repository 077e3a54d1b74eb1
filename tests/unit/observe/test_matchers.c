#include "gw_test.h"

#include "observe/matchers.h"

/* Reads a text and writes it again. */
static int again(const char *text, gw_buf *out, gw_error *e)
{
    gw_arena a;
    gw_matcher m[GW_MATCHERS_MAX];
    size_t n = 99;
    gw_arena_init(&a, 0);
    int rc = gw_matchers_parse(text, &a, m, GW_MATCHERS_MAX, &n, e);
    if (rc)
        assert_int_equal(n, 99);
    else
        gw_matchers_write(out, m, n);
    gw_arena_free(&a);
    return rc;
}

static void read_and_written(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text, *written;
    } good[] = {
        {"", ""},
        {"  ", ""},
        {"{}", ""},
        {"a=\"b\"", "a=\"b\""},
        {"{a=\"b\"}", "a=\"b\""},
        {" { a = \"b\" , } ", "a=\"b\""},
        {"a=\"b\",c!=\"d\",e=~\"f|g\",h!~\"i.*\"", "a=\"b\",c!=\"d\",e=~\"f|g\",h!~\"i.*\""},
        {"a='b\"c'", "a=\"b\\\"c\""},
        {"a=\"\"", "a=\"\""},
        {"a=\"x\\\\d\\\"\\n\\t\"", "a=\"x\\\\d\\\"\\n\t\""},
        {"_a1:b=\"}\"", "_a1:b=\"}\""},
        {"a=\"gr\xc3\xbc\"", "a=\"gr\xc3\xbc\""},
    };
    for (size_t i = 0; i < GW_COUNT(good); i++) {
        gw_buf out;
        gw_error e = {0};
        gw_buf_init(&out, 1024);
        int rc = again(good[i].text, &out, &e);
        if (rc)
            print_error("%s: %s\n", good[i].text, e.message);
        assert_int_equal(rc, 0);
        assert_string_equal(out.data ? out.data : "", good[i].written);
        gw_buf_free(&out);
    }
}

static void refused(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {
        "a",         "a=",         "a=b",     "a=\"b",           "=\"b\"",
        "1a=\"b\"",  "a==\"b\"",   "a~\"b\"", "a=\"b\" c=\"d\"", "{a=\"b\"",
        "a=\"b\"}",  "{a=\"b\"}x", ",",       "a=\"b\",,",       "a=\"\\",
        "a=\"\\x\"", "a-b=\"c\"",  "a=\"b'",  "a>\"b\"",
    };
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        gw_buf out;
        gw_error e = {0};
        gw_buf_init(&out, 1024);
        if (again(bad[i], &out, &e) != GW_EUSAGE)
            fail_msg("'%s' is taken", bad[i]);
        assert_non_null(strstr(e.message, "at character"));
        gw_buf_free(&out);
    }
    gw_arena a;
    gw_matcher m[1];
    size_t n;
    gw_error e = {0};
    gw_arena_init(&a, 0);
    assert_int_equal(gw_matchers_parse("a=\"b\",c=\"d\"", &a, m, 1, &n, &e), GW_EUSAGE);
    gw_arena_free(&a);
}

static void every_allocation_fails_once(void **state)
{
    GW_UNUSED(state);
    uint64_t n = 1;
    for (;; n++) {
        char room[256];
        gw_buf out = {.data = room, .cap = sizeof(room), .max = sizeof(room) - 1};
        gw_error e = {0};
        gw_mem_fail_at(n);
        int rc = again("a=\"b\",c!=\"d\"", &out, &e);
        gw_mem_fail_at(0);
        if (!rc)
            break;
        assert_int_equal(rc, GW_ENOMEM);
    }
    assert_true(n > 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_and_written),
        cmocka_unit_test(refused),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("matchers", tests, NULL, NULL);
}
