/* Tables as CSV, made from the JSON that says the same. Quoting and the guard against formulas are RFC 4180's
 * and format/csv.h's; what is expected here is written out by hand. */
#include "gw_test.h"

#include "base/mem.h"
#include "serve/api_internal.h"

static void is(const char *json, const char *outer, const char *inner, const gw_csv_column *columns, size_t n,
               const char *text)
{
    gw_buf b;
    gw_error e = {0};
    gw_buf_init(&b, 4096);
    if (gw_api_csv(gw_str_of(json), outer, inner, columns, n, &b, &e))
        fail_msg("%s", e.message);
    assert_string_equal(b.data, text);
    gw_buf_free(&b);
}

static void test_cells(void **state)
{
    GW_UNUSED(state);
    static const gw_csv_column columns[] = {
        {"name", "name"}, {"low", "cost.low"}, {"first", "list.0"}, {"second", "list.1.x"}};
    is("{\"rows\":[{\"name\":\"a,b\",\"cost\":{\"low\":1.500000},\"list\":[7,{\"x\":true}]},"
       "{\"name\":\"=HYPERLINK(1)\",\"cost\":null,\"list\":[]},"
       "{\"name\":null,\"cost\":{\"low\":12345678.901234},\"list\":[-3,{\"x\":\"q\\\"q\"}]},"
       "{\"cost\":{\"low\":[1]}}]}",
       "rows", NULL, columns, GW_COUNT(columns),
       "name,low,first,second\n\"a,b\",1.5,7,true\n'=HYPERLINK(1),,,\n,12345678.901234,-3,\"q\"\"q\"\n,,,\n");
}

/* Rows within steps: "^" is the step. */
static void test_nested(void **state)
{
    GW_UNUSED(state);
    static const gw_csv_column columns[] = {{"start", "^start"}, {"key", "key.0"}, {"bill", "bill"}};
    is("{\"steps\":[{\"start\":\"s1\",\"rows\":[{\"key\":[\"x\"],\"bill\":1},{\"key\":[\"y\"],\"bill\":null}]"
       "},"
       "{\"start\":\"s2\",\"rows\":[]},{\"start\":\"s3\",\"rows\":[{\"key\":[\"z\"],\"bill\":0}]}]}",
       "steps", "rows", columns, GW_COUNT(columns), "start,key,bill\ns1,x,1\ns1,y,\ns3,z,0\n");
}

static void test_nothing(void **state)
{
    GW_UNUSED(state);
    static const gw_csv_column columns[] = {{"a", "a"}};
    is("{}", "rows", NULL, columns, 1, "a\n");
    is("{\"rows\":[]}", "rows", NULL, columns, 1, "a\n");
    is("{\"rows\":{\"a\":1}}", "rows", NULL, columns, 1, "a\n");
    is("{\"rows\":[1,\"x\",null]}", "rows", NULL, columns, 1, "a\n\n\n\n");
    gw_buf b;
    gw_error e = {0};
    gw_buf_init(&b, 4096);
    assert_int_equal(gw_api_csv(gw_str_of("{\"rows\":["), "rows", NULL, columns, 1, &b, &e), GW_ECORRUPT);
    gw_buf_free(&b);
    gw_buf_init(&b, 8);
    assert_int_equal(gw_api_csv(gw_str_of("{\"rows\":[{\"a\":\"longer than it may be\"}]}"), "rows", NULL,
                                columns, 1, &b, &e),
                     GW_ELIMIT);
    gw_buf_free(&b);
}

static void test_memory(void **state)
{
    GW_UNUSED(state);
    static const gw_csv_column columns[] = {{"a", "a"}, {"b", "b.c"}};
    static const char json[] = "{\"rows\":[{\"a\":\"x,y\",\"b\":{\"c\":1.5}},{\"a\":2}]}";
    int64_t before = gw_mem_live();
    for (uint64_t n = 1;; n++) {
        gw_buf b;
        gw_error e = {0};
        gw_buf_init(&b, 4096);
        gw_mem_fail_at(n);
        int rc = gw_api_csv(gw_str_of(json), "rows", NULL, columns, 2, &b, &e);
        uint64_t asked = gw_mem_count();
        gw_mem_fail_at(0);
        gw_buf_free(&b);
        assert_int_equal(gw_mem_live(), before);
        if (asked < n) {
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, GW_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
