/* Tables: every line fits, columns line up, and no label writes on the terminal. */
#include "gw_test.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "format/table.h"

static void test_widths(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text;
        size_t columns;
    } cases[] = {
        {"", 0},         {"abc", 3},      {"é", 1}, {"e\xcc\x81", 1}, /* e and a combining acute */
        {"日本", 4},                                                  /* wide */
        {"😀", 2},        {"\xff\xfe", 2}, /* two bytes that are no UTF-8: two replacement characters */
        {"a\x1b[31m", 6}};                /* the escape character shows as one '?' */
    for (size_t i = 0; i < GW_COUNT(cases); i++)
        assert_int_equal(gw_text_width(gw_str_of(cases[i].text)), cases[i].columns);
}

static void check_cut(const char *text, size_t max, const char *expected)
{
    gw_buf b;
    gw_buf_init(&b, 4096);
    size_t w = gw_text_write(&b, gw_str_of(text), max);
    assert_string_equal(b.data ? b.data : "", expected);
    assert_int_equal(w, gw_text_width(gw_str_of(expected)));
    gw_buf_free(&b);
}

static void test_cut(void **state)
{
    GW_UNUSED(state);
    check_cut("abcdef", 6, "abcdef");
    check_cut("abcdef", 5, "abcd…");
    check_cut("abcdef", 1, "…");
    check_cut("日本語", 5, "日本…");
    check_cut("日本語", 4, "日…"); /* a half character is not shown */
    check_cut("a\033[2Jb\n", 0, "a?[2Jb?");
    check_cut("\xe2\x80\xae"
              "abc",
              0, "?abc"); /* right-to-left override */
}

static gw_table two_columns(void)
{
    gw_table t;
    gw_table_init(&t);
    gw_table_column_add(&t, (gw_table_column){.title = "NAME", .least = 6});
    gw_table_column_add(&t, (gw_table_column){.title = "BILL $", .right = true});
    return t;
}

static void test_alignment(void **state)
{
    GW_UNUSED(state);
    gw_table t = two_columns();
    gw_buf b;
    gw_error e;
    gw_buf_init(&b, 4096);
    gw_table_cell_add(&t, GW_STYLE_PLAIN, "日本");
    gw_table_cellf(&t, GW_STYLE_PLAIN, "%d.00", 5);
    gw_table_cell_add(&t, GW_STYLE_RED, "b");
    gw_table_cell_add(&t, GW_STYLE_PLAIN, "12345.00");
    assert_int_equal(gw_table_write(&t, &b, 100, 0, false, &e), 0);
    assert_string_equal(b.data, "NAME    BILL $\n日本      5.00\nb     12345.00\n");
    gw_buf_clear(&b);
    assert_int_equal(gw_table_write(&t, &b, 100, 2, true, &e), 0);
    assert_non_null(strstr(b.data, "  \033[31mb\033[0m   "));
    gw_buf_free(&b);
    gw_table_free(&t);
}

/* Every line of any table of these names is at most 100 columns, whatever they are. */
static void test_fits(void **state)
{
    GW_UNUSED(state);
    char longest[3001];
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    const char *names[] = {"a",
                           longest,
                           "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語",
                           "\033]0;title\007",
                           "e\xcc\x81\xcc\x81\xcc\x81",
                           "\xff\xff\xff"};
    for (size_t keys = 1; keys <= 6; keys++) {
        gw_table t;
        gw_buf b;
        gw_error e;
        gw_table_init(&t);
        gw_buf_init(&b, 1 << 20);
        for (size_t k = 0; k < keys; k++)
            gw_table_column_add(&t, (gw_table_column){.title = "LABEL:SOME-NAME", .least = 8});
        for (int k = 0; k < 8; k++)
            gw_table_column_add(&t, (gw_table_column){.title = "WASTED $", .right = true, .rank = k});
        for (size_t i = 0; i < GW_COUNT(names); i++) {
            for (size_t k = 0; k < keys; k++)
                gw_table_cell_add(&t, GW_STYLE_PLAIN, names[(i + k) % GW_COUNT(names)]);
            for (int k = 0; k < 8; k++)
                gw_table_cell_add(&t, GW_STYLE_PLAIN, "123,456,789.00");
        }
        assert_int_equal(gw_table_write(&t, &b, 100, 2, false, &e), 0);
        size_t lines = 0;
        for (const char *s = b.data; *s; s += strcspn(s, "\n") + 1, lines++)
            assert_in_range(gw_text_width((gw_str){s, strcspn(s, "\n")}), 0, 100);
        assert_int_equal(lines, GW_COUNT(names) + 1);
        assert_null(strchr(b.data, '\033'));
        gw_buf_free(&b);
        gw_table_free(&t);
    }
}

static void test_rank(void **state)
{
    GW_UNUSED(state);
    gw_table t;
    gw_buf b;
    gw_error e;
    gw_table_init(&t);
    gw_buf_init(&b, 4096);
    gw_table_column_add(&t, (gw_table_column){.title = "AAAA"});
    gw_table_column_add(&t, (gw_table_column){.title = "BBBB", .rank = 2});
    gw_table_column_add(&t, (gw_table_column){.title = "CCCC", .rank = 1});
    assert_int_equal(gw_table_write(&t, &b, 10, 0, false, &e), 0); /* 4 + 2 + 4: B is left out */
    assert_string_equal(b.data, "AAAA  CCCC\n");
    gw_buf_free(&b);
    gw_table_free(&t);
}

static void test_allocations(void **state)
{
    GW_UNUSED(state);
    for (uint64_t n = 1;; n++) {
        gw_buf b;
        gw_error e;
        gw_buf_init(&b, 1 << 16);
        gw_mem_fail_at(n);
        gw_table t = two_columns();
        for (int i = 0; i < 40; i++)
            gw_table_cellf(&t, GW_STYLE_PLAIN, "cell %d", i);
        int rc = gw_table_write(&t, &b, 100, 0, false, &e);
        bool failed = gw_mem_count() >= n;
        gw_mem_fail_at(0);
        gw_table_free(&t);
        gw_buf_free(&b);
        assert_int_equal(rc, failed ? GW_ENOMEM : 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths), cmocka_unit_test(test_cut),  cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_fits),   cmocka_unit_test(test_rank), cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
