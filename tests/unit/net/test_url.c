/* URLs, the choice of a proxy, and what is shown of a server's words. */
#include "gw_test.h"

#include "net/proxy.h"
#include "net/reply_text.h"
#include "net/url.h"

static const char *const web[] = {"http", "https", NULL};

static void urls_are_taken_apart(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_arena_init(&a, 0);
    gw_url u;
    gw_error e;
    assert_int_equal(
        gw_url_parse(&a, "HTTPS://ada:l%40ve@Prom.Example:8443/pre/fix//", web, false, "it", &u, &e), 0);
    assert_string_equal(u.scheme, "https");
    assert_string_equal(u.host, "Prom.Example");
    assert_int_equal(u.port, 8443);
    assert_string_equal(u.origin, "https://Prom.Example:8443");
    assert_string_equal(u.path, "/pre/fix");
    assert_string_equal(u.user, "ada");
    assert_string_equal(u.password, "l@ve");
    gw_url v;
    assert_int_equal(gw_url_parse(&a, "http://[::1]?x=1", web, false, "it", &v, &e), 0);
    assert_string_equal(v.host, "::1");
    assert_int_equal(v.port, 80);
    assert_string_equal(v.authority, "[::1]");
    assert_string_equal(v.path, "");
    assert_string_equal(v.query, "x=1");
    assert_null(v.user);
    assert_false(gw_url_same_origin(&u, &v));
    assert_int_equal(gw_url_parse(&a, "https://prom.example:8443", web, false, "it", &v, &e), 0);
    assert_true(gw_url_same_origin(&u, &v));
    /* a port that is written out and one that is meant are the same */
    assert_int_equal(gw_url_parse(&a, "http://h:80", web, false, "it", &u, &e), 0);
    assert_int_equal(gw_url_parse(&a, "http://h/x", web, false, "it", &v, &e), 0);
    assert_true(gw_url_same_origin(&u, &v));
    v.host = "untouched";
    static const char *const bad[] = {"h:80",       "http://", "http://h:0", "http://h:65536", "http://a b",
                                      "gopher://h", "",        "http://h\n", "file:///x"};
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        assert_int_equal(gw_url_parse(&a, bad[i], web, false, "it", &v, &e), GW_EUSAGE);
        assert_null(strchr(e.message, '\n'));
    }
    assert_string_equal(v.host, "untouched");
    gw_arena_free(&a);
}

static void components_are_encoded(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 1024);
    gw_buf_puts(&b, "/api/v1/query");
    gw_url_query(&b, "query", gw_str_of("sum by(x)({a=~\"b+/é\"})"));
    gw_url_query(&b, "time", gw_str_of("1.5-~_"));
    /* é is C3 A9 in UTF-8 */
    assert_string_equal(
        b.data, "/api/v1/query?query=sum%20by%28x%29%28%7Ba%3D~%22b%2B%2F%C3%A9%22%7D%29&time=1.5-~_");
    gw_buf_free(&b);
}

static void shown_urls_hide_secrets(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"http://h:1/p?token=x#y", "http://h:1/p"},        {"https://ada:lovelace@h/p", "https://h/p"},
        {"https://ada:love/l@ce@h/p", "https://h/p"},      {"ada:lovelace@h", "h"},
        {"http://h/a\x1b[1m\nb\x7f", "http://h/a?[1m?b?"}, {"", ""},
    };
    char out[GW_URL_SHOWN_MAX], large[1000];
    for (size_t i = 0; i < GW_COUNT(cases); i++)
        assert_string_equal(gw_url_shown(cases[i].text, out), cases[i].shown);
    memset(large, 'a', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    assert_int_equal(strlen(gw_url_shown(large, out)), GW_URL_SHOWN_MAX - 1);
}

static void no_proxy_lists_are_read(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *list, *host;
        int port;
        bool bypassed;
    } cases[] = {
        {"*", "any.where", 80, true},
        {"example.com", "example.com", 80, true},
        {"example.com", "a.EXAMPLE.com.", 80, true},
        {"example.com", "badexample.com", 80, false},
        {".example.com", "a.example.com", 80, true},
        {".example.com", "example.com", 80, false},
        {"*.example.com", "a.b.example.com", 80, true},
        {"x, example.com:8080 ,y", "example.com", 8080, true},
        {"x, example.com:8080 ,y", "example.com", 80, false},
        {"10.0.0.0/8", "10.200.3.4", 443, true},
        {"10.0.0.0/8", "11.0.0.1", 443, false},
        {"10.0.0.0/8", "10.example.com", 443, false},
        {"192.168.6.0/23", "192.168.7.255", 1, true},
        {"192.168.6.0/23", "192.168.8.0", 1, false},
        {"0.0.0.0/0", "8.8.8.8", 1, true},
        {"10.1.2.3", "10.1.2.3", 1, true},
        {"10.1.2.3:9090", "10.1.2.3", 9090, true},
        {"10.1.2.3:9090", "10.1.2.3", 9091, false},
        {"2.3", "10.1.2.3", 1, false},
        {"fd00::/8", "fd12::1", 1, true},
        {"fd00::/8", "fe80::1", 1, false},
        {"::1", "::1", 1, true},
        {"[fd00::1]:443", "fd00::1", 443, true},
        {"10.0.0.0/33,10.0.0.0/-1,/8,a/b", "10.0.0.1", 1, false},
        {"", "h", 1, false},
        {",, ,", "h", 1, false},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        bool got = gw_proxy_bypassed(cases[i].list, cases[i].host, cases[i].port);
        if (got != cases[i].bypassed)
            print_message("'%s' and '%s'\n", cases[i].list, cases[i].host);
        assert_int_equal(got, cases[i].bypassed);
    }
}

static const char *env_both(const char *name)
{
    return strcmp(name, "HTTPS_PROXY") == 0  ? "socks5://ada:x@p"
           : strcmp(name, "http_proxy") == 0 ? "p:3128"
                                             : NULL;
}

static void a_proxy_is_picked_by_scheme(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_arena_init(&a, 0);
    gw_proxy p;
    gw_error e;
    gw_url plain = {.scheme = "http", .host = "h", .port = 80},
           secure = {.scheme = "https", .host = "h", .port = 443};
    assert_int_equal(gw_proxy_pick(&a, &plain, NULL, env_both, &p, &e), 0);
    assert_string_equal(p.url, "http://p:3128");
    assert_string_equal(p.source, "http_proxy");
    assert_null(p.user);
    assert_int_equal(gw_proxy_pick(&a, &secure, NULL, env_both, &p, &e), 0);
    assert_string_equal(p.url, "socks5h://p:1080");
    assert_string_equal(p.user, "ada");
    assert_int_equal(gw_proxy_pick(&a, &plain, "https://[fd00::1]", env_both, &p, &e), 0);
    assert_string_equal(p.url, "https://[fd00::1]:443");
    assert_int_equal(gw_proxy_pick(&a, &plain, "", env_both, &p, &e), 0);
    assert_null(p.url);
    static const char *const home[] = {"localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"};
    for (size_t i = 0; i < GW_COUNT(home); i++) {
        plain.host = home[i];
        assert_int_equal(gw_proxy_pick(&a, &plain, NULL, env_both, &p, &e), 0);
        assert_null(p.url);
    }
    assert_int_equal(gw_proxy_pick(&a, &plain, "ftp://p", env_both, &p, &e), GW_ECONFIG);
    gw_arena_free(&a);
}

static void text_becomes_one_line(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text, *line;
        size_t cap, broken;
    } cases[] = {
        {"  a\r\n\tb\x1b[2Jc  ", "a b [2Jc", 64, 0},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", 64, 0},
        {"x\xc2\x9by", "x y", 64, 0}, /* U+009B, a terminal's CSI */
        {"a\xe2\x80\xae"
         "b\xe2\x81\xa6"
         "c",
         "a b c", 64, 0},                                /* bidirectional overrides */
        {"\xff\xc0\x80\xed\xa0\x80z", "??????z", 64, 6}, /* not UTF-8, over-long NUL, a surrogate */
        {"\xe2\x82", "??", 64, 2},                       /* cut in the middle of a character */
        {"abcdefghij", "abcdef...", 10, 0},              /* 6 bytes, the dots, the NUL */
        {"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac", "\xe2\x82\xac\xe2\x82\xac...", 10, 0},
        {"abc", "", 1, 0},
        {"", "", 8, 0},
    };
    char out[64];
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        assert_int_equal(gw_text_line(gw_str_of(cases[i].text), out, cases[i].cap), cases[i].broken);
        if (cases[i].cap > 4)
            assert_string_equal(out, cases[i].line);
        assert_true(strlen(out) < cases[i].cap);
    }
}

static void reasons_are_found(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *body, *reason;
    } cases[] = {
        {"{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"parse \\\"x\\\"\\nline\"}",
         "parse \"x\" line"},
        {" {\"a\":{\"message\":\"no\",\"b\":[\"]}\",{}]},\"n\":1.5e3,\"t\":true,\"message\":\"yes\"}", "yes"},
        {"{\"error\":{\"code\":403,\"message\":\"quota\"}}", "quota"},
        {"{\"Message\":\"denied\"}", "denied"},
        {"{\"error\":\"\\u00fc\\ud83d\\ude00\\ud83d!\\u001b[0m\"}",
         "\xc3\xbc\xf0\x9f\x98\x80\xef\xbf\xbd! [0m"},
        /* cut anywhere: what came of the string counts */
        {"{\"error\":\"half a reas", "half a reas"},
        {"{\"error\":\"x\\", "x\\"},
        {"{\"error\":\"x\\u00", "x\xef\xbf\xbd"
                                "00"},
        /* no such member: the text as it is */
        {"{\"code\":7}", "{\"code\":7}"},
        {"{\"code\":[[[{", "{\"code\":[[[{"},
        {"{]", "{]"},
        {"{\"error\":{\"error\":{\"error\":\"too deep\"}}}",
         "{\"error\":{\"error\":{\"error\":\"too deep\"}}}"},
        {"<!doctype html>\n<html><head><title>502 Bad\nGateway</title>", "502 Bad Gateway"},
        {"<html><title>cut", "cut"},
        {"<html><body>no title", ""},
        {"404 page not found\n", "404 page not found"},
        {"\x1f\x8b\x08\xff\xfe\xfd\xfc\xfb", ""},
        {"", ""},
    };
    char out[128];
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_reply_reason(gw_str_of(cases[i].body), out, sizeof(out));
        assert_string_equal(out, cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),        cmocka_unit_test(components_are_encoded),
        cmocka_unit_test(shown_urls_hide_secrets),     cmocka_unit_test(no_proxy_lists_are_read),
        cmocka_unit_test(a_proxy_is_picked_by_scheme), cmocka_unit_test(text_becomes_one_line),
        cmocka_unit_test(reasons_are_found),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
