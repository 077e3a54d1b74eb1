#include "gw_test.h"

#include <jansson.h>

#include "base/mem.h"
#include "format/json_push.h"

/* Writes the tokens down: { } [ ] k:key s:string n:number true false null, each followed by a blank. */
static int keep(void *ctx, gw_json_token token, gw_str text, gw_error *e)
{
    static const char *const names[] = {"{", "}", "[", "]", "k:", "s:", "n:", "", "", ""};
    gw_buf *b = ctx;
    gw_buf_puts(b, names[token]);
    gw_buf_add(b, text.p, text.n);
    gw_buf_putc(b, ' ');
    return gw_buf_check(b, "the test's buffer", e);
}

static int parse(const char *text, size_t n, size_t piece, gw_buf *out, gw_error *e)
{
    gw_json_push j;
    gw_json_push_init(&j, keep, out);
    int rc = 0;
    for (size_t at = 0; at < n && !rc; at += piece)
        rc = gw_json_push_feed(&j, text + at, GW_MIN(piece, n - at), e);
    if (!rc)
        rc = gw_json_push_finish(&j, e);
    gw_json_push_free(&j);
    return rc;
}

static void tokens_in_pieces_of_every_size(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text, *tokens;
    } good[] = {
        {"{}", "{ } "},
        {"[]", "[ ] "},
        {" [ 1 , -2.5e+3,\"a\" ] \n", "[ n:1 n:-2.5e+3 s:a ] "},
        {"{\"a\":{\"b\":[true,false,null]},\"c\":\"\"}", "{ k:a { k:b [ true false null ] } k:c s: } "},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s:\"\\/\b\f\n\r\t "},
        {"\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "s:A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 "},
        {"\"\\ud83d\"", "s:\xef\xbf\xbd "},
        {"\"\\ud83dx\\ude00\"", "s:\xef\xbf\xbdx\xef\xbf\xbd "},
        {"\"\\ud83d\\ud83d\\ude00\\n\"", "s:\xef\xbf\xbd\xf0\x9f\x98\x80\n "},
        {"\"gr\xc3\xbc\xc3\x9f\"", "s:gr\xc3\xbc\xc3\x9f "},
        {"0", "n:0 "},
        {"-0.0E-10", "n:-0.0E-10 "},
        {"null", "null "},
        {"[[[[]],{}]]", "[ [ [ [ ] ] { } ] ] "},
    };
    for (size_t i = 0; i < GW_COUNT(good); i++) {
        size_t n = strlen(good[i].text);
        for (size_t piece = 1; piece <= n; piece++) {
            gw_buf out;
            gw_error e = {0};
            gw_buf_init(&out, 1024);
            int rc = parse(good[i].text, n, piece, &out, &e);
            if (rc)
                print_error("%s: %s\n", good[i].text, e.message);
            assert_int_equal(rc, 0);
            assert_string_equal(out.data, good[i].tokens);
            gw_buf_free(&out);
        }
        /* cut off anywhere it is not a document; but a number may seem to end, and blanks do not matter */
        for (size_t cut = 0; cut < n; cut++) {
            gw_buf out;
            gw_error e = {0};
            gw_buf_init(&out, 1024);
            int rc = parse(good[i].text, cut, n, &out, &e);
            gw_buf_free(&out);
            json_t *judge = json_loadb(good[i].text, cut, JSON_DECODE_ANY, NULL);
            assert_true(judge ? rc == 0 : rc != 0);
            json_decref(judge);
        }
    }
}

static void what_is_not_json(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {
        "<html>",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "[1 2]",
        "[1}",
        "{\"a\":1]",
        "1 2",
        "[] []",
        "tru",
        "True",
        "nul",
        "NaN",
        "Infinity",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "+1",
        "0x10",
        "--1",
        "1-1",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "'a'",
        "[\"a\":1]",
        "{\"a\",1}",
        "{\"a\":1:2}",
        "",
        " ",
        "\"abc",
        "{\"a\":1,,\"b\":2}",
        ":",
        ",",
        "[1]]",
        "\"\\",
        "\"\\u00",
    };
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        size_t n = strlen(bad[i]);
        for (size_t piece = 1; piece <= GW_MAX(n, 1); piece++) {
            gw_buf out;
            gw_error e = {0};
            gw_buf_init(&out, 1024);
            int rc = parse(bad[i], n, piece, &out, &e);
            if (rc != GW_ECORRUPT && rc != GW_ETIMEOUT)
                print_error("'%s' gives %d\n", bad[i], rc);
            assert_true(rc == GW_ECORRUPT || rc == GW_ETIMEOUT);
            assert_int_equal(e.code, rc);
            gw_buf_free(&out);
        }
    }
    gw_buf out;
    gw_error e = {0};
    gw_buf_init(&out, 1024);
    assert_int_equal(parse("[1,\n<p>", 7, 7, &out, &e), GW_ECORRUPT);
    assert_non_null(strstr(e.message, "'<' stands at byte 5"));
    gw_buf_free(&out);
}

/* Any sequence of bytes is taken or refused as jansson, which reads whole documents, does. */
static void random_text_as_jansson(void **state)
{
    GW_UNUSED(state);
    static const char alphabet[] = "{}[]:,\"\\ue1-+.0 tfnrsl";
    static const char *const words[] = {"true", "null",    "false", "\"a\"", "\"\\u0041\"",
                                        "-1.5", "{\"k\":", "[1,",   "12"};
    uint64_t seed = 7;
    int taken = 0;
    for (int round = 0; round < 60000; round++) {
        char text[128];
        size_t n = 0;
        while (n < 40) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            unsigned r = (unsigned)(seed >> 33);
            if (r % 16 == 0)
                break;
            if (r % 3 == 0) {
                text[n++] = alphabet[r / 16 % (sizeof(alphabet) - 1)];
            } else {
                const char *w = words[r / 16 % GW_COUNT(words)];
                memcpy(text + n, w, strlen(w));
                n += strlen(w);
            }
        }
        gw_buf out;
        gw_error e = {0};
        gw_buf_init(&out, 4096);
        int rc = parse(text, n, 1 + seed % 20, &out, &e);
        json_error_t why;
        json_t *judge = json_loadb(text, n, JSON_DECODE_ANY, &why);
        /* jansson also refuses NULs and lone surrogates in strings, and numbers that no double can hold */
        if ((judge != NULL) != (rc == 0) && !strstr(why.text, "Unicode") && !strstr(why.text, "too big"))
            fail_msg("'%.*s': %d (%s), jansson: %s", (int)n, text, rc, e.message, why.text);
        taken += rc == 0;
        json_decref(judge);
        gw_buf_free(&out);
    }
    assert_true(taken > 100);
}

static void bounds(void **state)
{
    GW_UNUSED(state);
    gw_buf out, in;
    gw_error e = {0};
    gw_buf_init(&out, 16 << 20);
    gw_buf_init(&in, 4 << 20);
    for (int i = 0; i < GW_JSON_PUSH_MAX_DEPTH; i++)
        gw_buf_putc(&in, '[');
    assert_int_equal(parse(in.data, in.len, in.len, &out, &e), GW_ETIMEOUT);
    gw_buf_putc(&in, '[');
    assert_int_equal(parse(in.data, in.len, in.len, &out, &e), GW_ELIMIT);
    /* a string that would have to be held, longer than what is held */
    gw_buf_clear(&in);
    gw_buf_putc(&in, '"');
    while (in.len <= GW_JSON_PUSH_MAX_TEXT + 1)
        gw_buf_putc(&in, 'x');
    gw_buf_putc(&in, '"');
    assert_int_equal(parse(in.data, in.len, 1000, &out, &e), GW_ELIMIT);
    gw_buf_free(&in);
    gw_buf_free(&out);
}

static void reset_starts_over(void **state)
{
    GW_UNUSED(state);
    static const char text[] = "{\"a\":[\"\\u00e9\",12]}";
    gw_buf out;
    gw_error e = {0};
    gw_json_push j;
    gw_buf_init(&out, 1024);
    gw_json_push_init(&j, keep, &out);
    for (size_t half = 0; half < sizeof(text) - 1; half++) {
        assert_int_equal(gw_json_push_feed(&j, text, half, &e), 0);
        gw_json_push_reset(&j);
        gw_buf_clear(&out);
        assert_int_equal(gw_json_push_feed(&j, text, sizeof(text) - 1, &e), 0);
        assert_int_equal(gw_json_push_finish(&j, &e), 0);
        assert_string_equal(out.data, "{ k:a [ s:\xc3\xa9 n:12 ] } ");
        gw_json_push_reset(&j);
    }
    gw_json_push_free(&j);
    gw_buf_free(&out);
}

static void every_allocation_fails_once(void **state)
{
    GW_UNUSED(state);
    static const char text[] = "{\"a\":[\"\\u00e9\",12, \"a string that is a little longer than that\"]}";
    uint64_t n = 1;
    for (;; n++) {
        char room[4096];
        gw_buf out = {
            .data = room, .cap = sizeof(room), .max = sizeof(room) - 1}; /* needs no memory of its own */
        gw_error e = {0};
        gw_mem_fail_at(n);
        int rc = parse(text, sizeof(text) - 1, 3, &out, &e);
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
        cmocka_unit_test(tokens_in_pieces_of_every_size),
        cmocka_unit_test(what_is_not_json),
        cmocka_unit_test(random_text_as_jansson),
        cmocka_unit_test(bounds),
        cmocka_unit_test(reset_starts_over),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("json_push", tests, NULL, NULL);
}
