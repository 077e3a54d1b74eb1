#include "gw_test.h"

#include "base/mem.h"
#include "format/base64.h"
#include "format/json_tree.h"

static gw_error error;

static const char document[] =
    "{\"kind\":\"x\",\"n\":[1,-2,2.5,1e3,true,false,null,\"\\u0041\\ud83d\\ude00\"],"
    "\"skip\":{\"deep\":[{\"skip\":1}]},\"labels\":{\"skip\":\"text stays\"},\"o\":{}}";

/* jansson's own reader, with memory to spare, is the independent witness. */
static json_t *witness(const char *text)
{
    json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(j);
    return j;
}

static void same_as_jansson(void **state)
{
    GW_UNUSED(state);
    static const char *const texts[] = {document, "[]", "{}",   "[[[]],{\"a\":[{}]}]",
                                        "\"x\"",  "12", "null", " {\"a\" : 1 , \"a\" : 2 } \n"};
    for (size_t i = 0; i < GW_COUNT(texts); i++) {
        json_t *got = NULL, *expected = witness(texts[i]);
        if (gw_json_tree_parse(gw_str_of(texts[i]), &got, &error))
            fail_msg("%s: %s", texts[i], error.message);
        if (!json_equal(got, expected))
            fail_msg("%s", texts[i]);
        json_decref(got);
        json_decref(expected);
    }
}

static void skips_containers_only(void **state)
{
    GW_UNUSED(state);
    static const char *const skip[] = {"skip", NULL};
    json_t *expected = witness("{\"kind\":\"x\",\"n\":[1,-2,2.5,1e3,true,false,null,\"A\\ud83d\\ude00\"],"
                               "\"labels\":{\"skip\":\"text stays\"},\"o\":{}}");
    for (size_t piece = 1; piece <= sizeof(document); piece++) { /* cut anywhere */
        gw_json_tree t;
        json_t *got = NULL;
        gw_json_tree_init(&t, skip);
        assert_int_equal(gw_json_tree_feed(&t, "{\"begun", 7, &error), 0);
        gw_json_tree_reset(&t); /* a retry starts over */
        for (size_t at = 0; at < sizeof(document) - 1; at += piece)
            assert_int_equal(
                gw_json_tree_feed(&t, document + at, GW_MIN(piece, sizeof(document) - 1 - at), &error), 0);
        assert_int_equal(gw_json_tree_finish(&t, &got, &error), 0);
        assert_true(json_equal(got, expected));
        json_decref(got);
        gw_json_tree_free(&t);
    }
    json_decref(expected);
}

static void refuses(const char *text, size_t n, int code)
{
    json_t *got = NULL;
    assert_int_equal(gw_json_tree_parse((gw_str){text, n}, &got, &error), code);
    assert_null(got);
}

static void wrong_input(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {"",
                                      "{",
                                      "[1",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "nul",
                                      "[1 2]",
                                      "{\"a\" 1}",
                                      "1.2.3",
                                      "1e999",
                                      "\"\\u0000\"",
                                      "\"\xff\"",
                                      "{\"\xc3\":1}",
                                      "\"\xed\xa0\x80\"",
                                      "[1]]",
                                      "{\"\\u0000\":1}"};
    for (size_t i = 0; i < GW_COUNT(bad); i++)
        refuses(bad[i], strlen(bad[i]), GW_ECORRUPT);
    char deep[200];
    memset(deep, '[', sizeof(deep));
    refuses(deep, sizeof(deep), GW_ELIMIT);
    json_t *got = NULL; /* a real replacement character is fine */
    assert_int_equal(gw_json_tree_parse(gw_str_of("\"\xef\xbf\xbd\""), &got, &error), 0);
    json_decref(got);
}

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    int r = -1;
    uint64_t at = 0;
    while (r && at < 1000) {
        json_t *got = NULL;
        gw_mem_fail_at(++at);
        r = gw_json_tree_parse(gw_str_of(document), &got, &error);
        gw_mem_fail_at(0);
        if (r) {
            assert_int_equal(r, GW_ENOMEM);
            assert_null(got);
        }
        json_decref(got);
    }
    assert_int_equal(r, 0);
    assert_true(at > 20);
}

/* The vectors of RFC 4648, section 10. */
static void base64(void **state)
{
    GW_UNUSED(state);
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zg===", "Zm9", "Zm9v=", "=", "Zm9v!", "Z=g=", "Zm 9v", "Zg==Zg=="};
    gw_arena a;
    gw_arena_init(&a, 0);
    gw_str got;
    for (size_t i = 0; i < GW_COUNT(vectors); i++) {
        gw_buf b;
        gw_buf_init(&b, 100);
        gw_base64_encode(&b, gw_str_of(vectors[i][0]));
        assert_string_equal(b.data ? b.data : "", vectors[i][1]);
        gw_buf_free(&b);
        assert_int_equal(gw_base64_decode(&a, gw_str_of(vectors[i][1]), &got), 0);
        assert_true(gw_str_is(got, vectors[i][0]));
    }
    assert_int_equal(gw_base64_decode(&a, gw_str_of("Zm9v\r\nYmFy\n"), &got), 0);
    assert_true(gw_str_is(got, "foobar"));
    for (size_t i = 0; i < GW_COUNT(bad); i++)
        assert_int_equal(gw_base64_decode(&a, gw_str_of(bad[i]), &got), GW_ECORRUPT);
    gw_arena_free(&a);
}

int main(void)
{
    gw_json_use_own_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_jansson), cmocka_unit_test(skips_containers_only),
        cmocka_unit_test(wrong_input),     cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(base64),
    };
    return cmocka_run_group_tests_name("json_tree", tests, NULL, NULL);
}
