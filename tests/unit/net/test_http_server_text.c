/* The texts of a request: escapes, queries, preferences, and the document that follows from them. */
#include "net/http_server_kit.h"

static void percent(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *in, *out; /* NULL: refused */
        bool plus;
    } cases[] = {
        {"", "", false},         {"abc", "abc", false},         {"%41%6a%6A", "Ajj", false},
        {"a+b", "a+b", false},   {"a+b%2B", "a b+", true},      {"%25", "%", false},
        {"%2541", "%41", false}, {"%c3%a9", "\xc3\xa9", false}, {"%", NULL, false},
        {"%4", NULL, false},     {"a%4", NULL, false},          {"%4g", NULL, false},
        {"%g4", NULL, false},    {"%00", NULL, false},          {"% 4", NULL, false},
        {"%%41", NULL, false},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        char out[32];
        size_t n = 99;
        bool ok = gw_percent_decode(gw_str_of(cases[i].in), cases[i].plus, out, &n);
        if (ok != (cases[i].out != NULL) || (ok && (strcmp(out, cases[i].out) != 0 || n != strlen(out))))
            fail_msg("%s: %s", cases[i].in, ok ? out : "refused");
    }
    /* in place, and not beyond the slice */
    char same[] = "%41%42%4";
    size_t n;
    assert_true(gw_percent_decode((gw_str){same, 6}, false, same, &n));
    assert_string_equal(same, "AB");
}

static void query(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_arena_init(&a, 0);
    gw_server_request q = {.arena = &a, .query = "a=1&&b&c=&=d&a=2%263&e=f=g+h&"};
    static const gw_server_param want[] = {{"a", "1"}, {"b", ""},    {"c", ""},
                                           {"", "d"},  {"a", "2&3"}, {"e", "f=g h"}};
    const gw_server_param *p;
    size_t n;
    gw_error e;
    assert_int_equal(gw_server_query(&q, &p, &n, &e), 0);
    assert_int_equal(n, GW_COUNT(want));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(p[i].name, want[i].name);
        assert_string_equal(p[i].value, want[i].value);
    }
    q.query = NULL;
    assert_int_equal(gw_server_query(&q, &p, &n, &e), 0);
    assert_int_equal(n, 0);
    static const char *const wrong[] = {"a=%", "%zz=1", "a=1&b=%00"};
    for (size_t i = 0; i < GW_COUNT(wrong); i++) {
        q.query = wrong[i];
        assert_int_equal(gw_server_query(&q, &p, &n, &e), GW_EUSAGE);
        assert_non_null(strstr(e.message, "%-escape"));
    }
    char many[2 * GW_SERVER_PARAMS_MAX + 1];
    memset(many, '&', sizeof(many));
    many[2 * GW_SERVER_PARAMS_MAX] = '\0';
    q.query = many;
    assert_int_equal(gw_server_query(&q, &p, &n, &e), GW_EUSAGE);
    gw_arena_free(&a);
    q.query = "a=1&b=2";
    for (uint64_t i = 1; i < 4; i++) {
        gw_arena_init(&a, i * 16);
        int r = gw_server_query(&q, &p, &n, &e);
        assert_int_equal(r, GW_ENOMEM);
        gw_arena_free(&a);
    }
}

static gw_server_request with(gw_server_header *h, const char *name, const char *value)
{
    *h = (gw_server_header){name, value};
    return (gw_server_request){.headers = h, .n_headers = 1};
}

static void etags(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *header, *etag;
        bool yes;
    } cases[] = {
        {"\"a\"", "\"a\"", true},
        {"\"b\"", "\"a\"", false},
        {"W/\"a\"", "\"a\"", true},
        {"\"a\"", "W/\"a\"", true},
        {"*", "\"a\"", true},
        {" \"b\" , \"a\"", "\"a\"", true},
        {"\"a,b\", \"c\"", "\"b\"", false},
        {"\"x,\"a\"", "\"a\"", false},
        {"a", "\"a\"", false},
        {"\"a", "\"a\"", false},
        {"", "\"a\"", false},
        {"\"ab\"", "\"a\"", false},
        {"\"a,b\"", "\"a,b\"", true},
        {"*, \"b\"", "\"a\"", false},
        {"W/", "\"a\"", false},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_server_header h;
        gw_server_request q = with(&h, "if-none-match", cases[i].header);
        if (gw_server_etag_matches(&q, cases[i].etag) != cases[i].yes)
            fail_msg("%s of %s", cases[i].etag, cases[i].header);
    }
    gw_server_request none = {0};
    assert_false(gw_server_etag_matches(&none, "\"a\""));
}

static void encodings(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *header;
        bool yes;
    } cases[] = {
        {"gzip", true},        {"GZIP", true},
        {"x-gzip", true},      {"", false},
        {"identity", false},   {"*", true},
        {"*;q=0", false},      {"gzip;q=0", false},
        {"gzip;q=0.0", false}, {"gzip;q=0.001", true},
        {"gzip; q=1", true},   {"gzip;Q=0.5", true},
        {"br, gzip", true},    {"br,gzip;q=0, *", false},
        {"*;q=0, gzip", true}, {"gzipx", false},
        {"gzip;q=x", false},   {"deflate;q=1, br", false},
        {"gzip ; q=0", false}, {",,gzip", true},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_server_header h;
        gw_server_request q = with(&h, "Accept-Encoding", cases[i].header);
        if (gw_server_accepts_gzip(&q) != cases[i].yes)
            fail_msg("%s", cases[i].header);
    }
    gw_server_request none = {0};
    assert_false(gw_server_accepts_gzip(&none));
}

static gw_server_document document;

static void send_document(void *ctx, const gw_server_request *q, gw_reply *r)
{
    GW_UNUSED(ctx);
    gw_reply_document(r, q, &document);
}

static void ask(const char *headers, const char *want)
{
    kit k;
    kit_init(&k, send_document, NULL);
    assert_true(kit_open(&k));
    char in[300];
    int n = snprintf(in, sizeof(in), "GET / HTTP/1.1\r\nHost: h\r\n%s\r\n", headers);
    kit_feed(&k, in, (size_t)n);
    assert_string_equal(k.out.data, want);
    kit_close(&k);
}

static void documents(void **state)
{
    GW_UNUSED(state);
    document = (gw_server_document){.content_type = "text/css",
                                    .etag = "\"v1\"",
                                    .cache_control = "max-age=60",
                                    .plain = gw_shared_new("plain", 5),
                                    .gzip = gw_shared_static("packed", 6)};
#define TAGS(tag) "ETag: " tag "\r\nCache-Control: max-age=60\r\nVary: Accept-Encoding\r\n"
    ask("", "HTTP/1.1 200 OK\r\n" KIT_DATE
            "Content-Type: text/css\r\n" TAGS("\"v1\"") "Content-Length: 5\r\n\r\nplain");
    ask("Accept-Encoding: gzip\r\n",
        "HTTP/1.1 200 OK\r\n" KIT_DATE "Content-Type: text/css\r\n" TAGS(
            "\"v1-gzip\"") "Content-Encoding: gzip\r\nContent-Length: 6\r\n\r\npacked");
    ask("If-None-Match: \"v1\"\r\n", "HTTP/1.1 304 Not Modified\r\n" KIT_DATE TAGS("\"v1\"") "\r\n");
    ask("Accept-Encoding: gzip\r\nIf-None-Match: \"v1-gzip\"\r\n",
        "HTTP/1.1 304 Not Modified\r\n" KIT_DATE TAGS("\"v1-gzip\"") "\r\n");
    gw_shared_unref(document.gzip);
    document.gzip = NULL;
    document.etag = document.cache_control = NULL;
    ask("Accept-Encoding: gzip\r\n",
        "HTTP/1.1 200 OK\r\n" KIT_DATE "Content-Type: text/css\r\nContent-Length: 5\r\n\r\nplain");
    gw_shared_unref(document.plain);
}

/* Bytes that are shared go out from where they lie. */
static void shared_bytes_are_not_copied(void **state)
{
    GW_UNUSED(state);
    char *big = gw_calloc(100000, 1);
    assert_non_null(big);
    gw_buf b;
    gw_buf_init(&b, 100000);
    gw_buf_add(&b, big, 100000);
    gw_free(big);
    const char *at = b.data;
    document = (gw_server_document){.content_type = "x/y", .plain = gw_shared_take(&b)};
    assert_null(b.data);
    kit k;
    kit_init(&k, send_document, NULL);
    assert_true(kit_open(&k));
    static const char in[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    gw_conn_feed(k.c, in, sizeof(in) - 1);
    struct iovec v[3];
    assert_int_equal(gw_conn_output(k.c, v, 3), 2);
    assert_ptr_equal(v[1].iov_base, at);
    gw_shared_unref(document.plain); /* the connection holds its own reference */
    gw_conn_sent(k.c, v[0].iov_len + 10);
    assert_int_equal(gw_conn_output(k.c, v, 3), 1);
    assert_ptr_equal(v[0].iov_base, at + 10);
    kit_close(&k);
}

static void dates(void **state)
{
    GW_UNUSED(state);
    kit k;
    kit_init(&k, send_document, NULL);
    assert_true(kit_open(&k));
    assert_string_equal(gw_conn_env_date(&k.env), "Sun, 06 Nov 1994 08:49:37 GMT");
    const char *kept = gw_conn_env_date(&k.env);
    k.env.date[0] = 'X'; /* within the second it is not made again */
    assert_ptr_equal(gw_conn_env_date(&k.env), kept);
    assert_string_equal(kept, "Xun, 06 Nov 1994 08:49:37 GMT");
    kit_close(&k);
}

static void headers_that_are_none(void **state)
{
    GW_UNUSED(state);
    assert_true(gw_header_is_ok("X-A", "b\tc \xc3\xa9"));
    assert_true(gw_header_is_ok("X", ""));
    static const gw_server_header wrong[] = {{"", "x"},
                                             {"A B", "x"},
                                             {"A:", "x"},
                                             {"A\r\nB", "x"},
                                             {"A", "b\r\nC: d"},
                                             {"A", "b\nC: d"},
                                             {"A", "\x7f"},
                                             {"date", "x"},
                                             {"Connection", "x"},
                                             {"content-length", "1"},
                                             {"TRANSFER-ENCODING", "chunked"}};
    for (size_t i = 0; i < GW_COUNT(wrong); i++)
        assert_false(gw_header_is_ok(wrong[i].name, wrong[i].value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percent),   cmocka_unit_test(query),
        cmocka_unit_test(etags),     cmocka_unit_test(encodings),
        cmocka_unit_test(documents), cmocka_unit_test(shared_bytes_are_not_copied),
        cmocka_unit_test(dates),     cmocka_unit_test(headers_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
