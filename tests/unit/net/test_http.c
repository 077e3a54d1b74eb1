/* The HTTP client against a server that misbehaves. The expected bytes are written out in fault_server.h. */
#include "gw_test.h"

#include "base/buf.h"
#include "base/mem.h"
#include "net/fault_server.h"
#include "net/http.h"

static fault_server *plain, *proxy, *tls, *tls_other_name, *tls_client, *tls_expired;
static fs_cert ca, other_ca, good, renamed, client, stranger, expired;

/* ---- helpers ---- */

typedef struct sink {
    gw_buf body;
    int begins, retries, ends, status;
    char type[64];
    int data_code, end_code; /* what on_data, on_end answer */
    int end_code_until;      /* on_end answers end_code this many times; 0 = always */
} sink;

static int on_begin(void *ctx, int status, const char *type, gw_error *e)
{
    GW_UNUSED(e);
    sink *s = ctx;
    s->begins++;
    s->status = status;
    snprintf(s->type, sizeof(s->type), "%s", type ? type : "");
    return 0;
}

static int on_data(void *ctx, const char *p, size_t n, gw_error *e)
{
    sink *s = ctx;
    gw_buf_add(&s->body, p, n);
    return s->data_code ? gw_fail(e, s->data_code, "the frame is broken") : 0;
}

static int on_retry(void *ctx, gw_error *e)
{
    GW_UNUSED(e);
    sink *s = ctx;
    s->retries++;
    gw_buf_clear(&s->body);
    return 0;
}

static int on_end(void *ctx, gw_error *e)
{
    sink *s = ctx;
    s->ends++;
    if (s->end_code_until && s->ends > s->end_code_until)
        return 0;
    return s->end_code ? gw_fail(e, s->end_code, "the last frame is cut off") : 0;
}

static gw_http_request request(sink *s, const char *path)
{
    memset(s, 0, sizeof(*s));
    gw_buf_init(&s->body, 4 << 20);
    return (gw_http_request){.method = "GET",
                             .path = path,
                             .ctx = s,
                             .on_begin = on_begin,
                             .on_data = on_data,
                             .on_retry = on_retry,
                             .on_end = on_end};
}

static const char *url_of(const fault_server *s, bool secure, const char *host)
{
    static char text[4][128];
    static unsigned turn;
    char *out = text[turn++ % 4];
    snprintf(out, sizeof(text[0]), "%s://%s:%d", secure ? "https" : "http", host, s->port);
    return out;
}

static gw_http_options options(const char *url)
{
    return (gw_http_options){.base_url = url,
                             .what = "Prometheus",
                             .max_retries = 2,
                             .backoff_ms = 4,
                             .connect_timeout_ms = 3000,
                             .stall_timeout_ms = 2000,
                             .seed = 7};
}

static gw_http *client_of(const gw_http_options *o)
{
    gw_http *h = NULL;
    gw_error e = {0};
    int rc = gw_http_new(o, &h, &e);
    if (rc)
        print_message("%s\n", e.message);
    assert_int_equal(rc, 0);
    return h;
}

/* One GET with these options; the code, and the message or the body in `out` (1 KiB). */
static int fetch(const gw_http_options *o, const char *path, char *out)
{
    gw_http *h = client_of(o);
    gw_error e = {0};
    char *body;
    size_t n;
    int rc = gw_http_get(h, path, 4 << 20, &body, &n, &e);
    snprintf(out, 1024, "%s", rc ? e.message : body);
    if (!rc) {
        assert_int_equal(strlen(body) <= n, 1);
        gw_free(body);
    } else {
        assert_int_equal(e.code, rc);
        /* whatever the server said: one line of printable text */
        for (const char *p = e.message; *p; p++)
            assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
    gw_http_free(h);
    return rc;
}

static int fetch_plain(const char *path, char *out)
{
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    return fetch(&o, path, out);
}

#define assert_has(text, part)                                                                               \
    do {                                                                                                     \
        if (!strstr((text), (part)))                                                                         \
            print_message("'%s' lacks '%s'\n", (text), (part));                                              \
        assert_non_null(strstr((text), (part)));                                                             \
    } while (0)
#define assert_lacks(text, part) assert_null(strstr((text), (part)))

/* ---- success ---- */

static void replies_are_delivered(void **state)
{
    GW_UNUSED(state);
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    gw_http *h = client_of(&o);
    gw_error e;
    sink a, b, c;
    gw_http_request r[] = {request(&a, "/ok"), request(&b, "/chunked"), request(&c, "/empty")};
    assert_int_equal(gw_http_perform(h, r, 3, false, &e), 0);
    assert_string_equal(a.body.data, "hello");
    assert_string_equal(a.type, "text/plain; x=y");
    assert_string_equal(b.body.data, "aabbbc");
    assert_int_equal(c.body.len, 0);
    for (int i = 0; i < 3; i++) {
        const sink *s = r[i].ctx;
        assert_int_equal(r[i].result, 0);
        assert_int_equal(r[i].status, 200);
        assert_int_equal(r[i].retries, 0);
        assert_int_equal(s->begins, 1);
        assert_int_equal(s->ends, 1);
        assert_int_equal(s->status, 200);
        gw_buf_free(&((sink *)r[i].ctx)->body);
    }
    assert_int_equal(r[0].bytes, 5);
    assert_int_equal(r[2].bytes, 0);
    gw_http_free(h);
}

static void base_path_and_query_are_kept(void **state)
{
    GW_UNUSED(state);
    char out[1024], url[160];
    snprintf(url, sizeof(url), "%s/chunked/..//", url_of(plain, false, "127.0.0.1"));
    /* a base with a path and trailing slashes: one slash joins */
    snprintf(url, sizeof(url), "%s/", url_of(plain, false, "127.0.0.1"));
    gw_http_options o = options(url);
    fs_reset(plain);
    assert_int_equal(fetch(&o, "/ok?q=a%20b", out), 0);
    assert_string_equal(plain->log[0].target, "/ok?q=a%20b");
    assert_string_equal(out, "hello");
    snprintf(url, sizeof(url), "%s/pre//", url_of(plain, false, "127.0.0.1"));
    o = options(url);
    assert_int_equal(fetch(&o, "/x", out), GW_EQUERY);
    assert_string_equal(plain->log[1].target, "/pre/x");
}

static void posts_carry_body_and_headers(void **state)
{
    GW_UNUSED(state);
    const char *all[] = {"X-Scope-OrgID: team-a", NULL},
               *own[] = {"Content-Type: application/x-protobuf", NULL};
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.headers = all;
    o.username = "ada";
    o.password = "lovelace";
    gw_http *h = client_of(&o);
    gw_error e;
    sink a;
    gw_http_request r = request(&a, "/post");
    r.method = "POST";
    r.body = "a\0b";
    r.body_len = 3;
    r.headers = own;
    fs_reset(plain);
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), 0);
    assert_int_equal(a.body.len, 3);
    assert_memory_equal(a.body.data, "a\0b", 3);
    assert_string_equal(plain->log[0].method, "POST");
    assert_string_equal(plain->log[0].extra, "team-a");
    /* base64 of "ada:lovelace", by coreutils' base64 */
    assert_string_equal(plain->log[0].authorization, "Basic YWRhOmxvdmVsYWNl");
    gw_buf_free(&a.body);
    gw_http_free(h);
}

static void compression_only_when_asked(void **state)
{
    GW_UNUSED(state);
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    gw_http *h = client_of(&o);
    gw_error e;
    sink a, b;
    gw_http_request r[] = {request(&a, "/gzip"), request(&b, "/gzip")};
    r[0].accept_encoding = "gzip";
    assert_int_equal(gw_http_perform(h, r, 2, false, &e), 0);
    assert_string_equal(a.body.data, "hello");
    assert_int_equal(b.body.len, 28);
    assert_int_equal((unsigned char)b.body.data[0], 0x1f);
    gw_buf_free(&a.body);
    gw_buf_free(&b.body);
    gw_http_free(h);
}

static void concurrency_is_bounded_and_connections_are_reused(void **state)
{
    GW_UNUSED(state);
    enum { N = 12 };
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.max_concurrency = 3;
    gw_http *h = client_of(&o);
    gw_error e;
    sink s[N];
    gw_http_request r[N];
    for (int i = 0; i < N; i++)
        r[i] = request(&s[i], "/slow");
    fs_reset(plain);
    int before = plain->connections;
    assert_int_equal(gw_http_perform(h, r, N, false, &e), 0);
    assert_int_equal(gw_http_perform(h, r, N, false, &e), 0);
    assert_int_equal(fs_requests(plain), 2 * N);
    assert_int_equal(plain->most_in_flight, 3);
    assert_int_equal(plain->connections - before, 3);
    for (int i = 0; i < N; i++)
        gw_buf_free(&s[i].body);
    gw_http_free(h);
}

/* ---- cut off, slow, too large ---- */

static void cut_off_replies_are_tried_again(void **state)
{
    GW_UNUSED(state);
    const char *paths[] = {"/cut-length", "/cut-chunk", "/nothing"};
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    gw_http *h = client_of(&o);
    gw_error e;
    sink s;
    for (size_t i = 0; i < GW_COUNT(paths); i++) {
        gw_http_request r = request(&s, paths[i]);
        fs_reset(plain);
        assert_int_equal(gw_http_perform(h, &r, 1, false, &e), GW_ETIMEOUT);
        assert_int_equal(r.retries, 2);
        assert_int_equal(s.retries, 2);
        assert_int_equal(s.ends, 0);
        assert_has(e.message, "broke off");
        assert_has(e.message, "(3 tries)");
        gw_buf_free(&s.body);
    }
    gw_http_request r = request(&s, "/cut-once");
    fs_reset(plain);
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), 0);
    assert_int_equal(s.retries, 1);
    assert_string_equal(s.body.data, "all of it");
    assert_int_equal(r.bytes, 4 + 9);
    gw_buf_free(&s.body);
    /* never retried where the caller says so */
    r = request(&s, "/cut-length");
    r.idempotent_retry = 1;
    fs_reset(plain);
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), GW_ETIMEOUT);
    assert_int_equal(fs_requests(plain), 1);
    gw_buf_free(&s.body);
    gw_http_free(h);
}

static void the_consumer_can_call_a_reply_cut_off(void **state)
{
    GW_UNUSED(state);
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    gw_http *h = client_of(&o);
    gw_error e;
    sink s;
    gw_http_request r = request(&s, "/ok");
    s.end_code = GW_ETIMEOUT;
    s.end_code_until = 1;
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), 0);
    assert_int_equal(r.retries, 1);
    assert_string_equal(s.body.data, "hello");
    gw_buf_free(&s.body);
    r = request(&s, "/ok");
    s.end_code = GW_ECORRUPT;
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), GW_ECORRUPT);
    assert_int_equal(r.retries, 0);
    assert_string_equal(e.message, "the last frame is cut off");
    gw_buf_free(&s.body);
    gw_http_free(h);
}

static void silence_ends_a_try(void **state)
{
    GW_UNUSED(state);
    const char *paths[] = {"/stall", "/silent"};
    char out[1024];
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.stall_timeout_ms = 150;
    o.max_retries = 1;
    for (size_t i = 0; i < GW_COUNT(paths); i++) {
        int64_t start = gw_clock_monotonic(NULL);
        assert_int_equal(fetch(&o, paths[i], out), GW_ETIMEOUT);
        int64_t took = gw_clock_monotonic(NULL) - start;
        assert_true(took >= 300 && took < 1500);
        assert_has(out, "no byte came for 150 ms");
    }
    /* six bytes 60 ms apart take 360 ms, but no silence lasts 150 ms */
    assert_int_equal(fetch(&o, "/drip", out), 0);
    assert_string_equal(out, "xxxxxx");
    o.try_timeout_ms = 120;
    o.max_retries = 0;
    assert_int_equal(fetch(&o, "/drip", out), GW_ETIMEOUT);
    assert_has(out, "took more than 120 ms");
}

static void bounds_hold(void **state)
{
    GW_UNUSED(state);
    char out[1024];
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    assert_int_equal(fetch(&o, "/big", out), 0);
    o.max_reply_bytes = 100000;
    fs_reset(plain);
    assert_int_equal(fetch(&o, "/big", out), GW_ELIMIT);
    assert_has(out, "larger than 100000 bytes");
    assert_int_equal(fs_requests(plain), 1);
    /* what counts is the size after decompression */
    o.max_reply_bytes = 4;
    assert_int_equal(fetch(&o, "/ok", out), GW_ELIMIT);
    o.max_reply_bytes = 5;
    assert_int_equal(fetch(&o, "/ok", out), 0);
    o.max_reply_bytes = 0;
    assert_int_equal(fetch(&o, "/headers-forever", out), GW_ELIMIT);
    assert_int_equal(fetch(&o, "/big-error", out), GW_EQUERY);
    assert_has(out, "the first words");
    gw_http *h = client_of(&o);
    char *body = NULL;
    gw_error e;
    assert_int_equal(gw_http_get(h, "/ok", 4, &body, NULL, &e), GW_ELIMIT);
    assert_null(body);
    assert_int_equal(gw_http_get(h, "/ok", 5, &body, NULL, &e), 0);
    assert_string_equal(body, "hello");
    gw_free(body);
    gw_http_free(h);
}

static void a_callback_has_the_last_word(void **state)
{
    GW_UNUSED(state);
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.max_concurrency = 1;
    gw_http *h = client_of(&o);
    gw_error e;
    sink a, b, c;
    gw_http_request r[] = {request(&a, "/ok"), request(&b, "/ok"), request(&c, "/ok")};
    b.data_code = GW_ECORRUPT;
    fs_reset(plain);
    assert_int_equal(gw_http_perform(h, r, 3, false, &e), GW_ECORRUPT);
    assert_string_equal(e.message, "the frame is broken");
    assert_int_equal(r[0].result, 0);
    assert_int_equal(r[1].retries, 0);
    assert_int_equal(r[2].result, 0);
    assert_int_equal(fs_requests(plain), 3);
    fs_reset(plain);
    assert_int_equal(gw_http_perform(h, r, 3, true, &e), GW_ECORRUPT);
    assert_int_equal(fs_requests(plain), 2);
    assert_int_equal(r[2].result, GW_ECORRUPT);
    assert_has(r[2].error.message, "another request failed");
    gw_buf_free(&a.body);
    gw_buf_free(&b.body);
    gw_buf_free(&c.body);
    gw_http_free(h);
}

/* ---- statuses ---- */

static void statuses_have_their_codes_and_words(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *path;
        int code, requests;
        const char *words;
    } cases[] = {
        {"/403", GW_EAUTH, 1, "answers 403, not allowed: nodes is forbidden: User \"dev\" cannot list;"},
        {"/missing", GW_EQUERY, 1, "answers 404, not found: 404 page not found; check the URL"},
        {"/422", GW_EQUERY, 1, "rejects the request (422): query processing would load too many samples"},
        {"/400", GW_EQUERY, 1, "(400): line one [31mline two ? end"},
        {"/503", GW_ESERVER, 3, "answers 503: 503 no backend;"},
        {"/junk", GW_ECONNECT, 1, "does not answer in HTTP"},
    };
    char out[1024], at[160];
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        fs_reset(plain);
        assert_int_equal(fetch_plain(cases[i].path, out), cases[i].code);
        assert_has(out, cases[i].words);
        assert_int_equal(fs_requests(plain), cases[i].requests);
        snprintf(at, sizeof(at), "Prometheus at %s", url_of(plain, false, "127.0.0.1"));
        assert_has(out, at);
    }
}

static void retry_after_is_honoured(void **state)
{
    GW_UNUSED(state);
    char out[1024];
    fs_reset(plain);
    int64_t start = gw_clock_monotonic(NULL);
    assert_int_equal(fetch_plain("/429-once", out), 0);
    int64_t took = gw_clock_monotonic(NULL) - start;
    assert_string_equal(out, "now");
    assert_true(took >= 1000 && took < 2500);
}

/* ---- credentials ---- */

typedef struct refresher {
    int calls;
    const char *token; /* NULL = give up */
} refresher;

static bool refresh(void *ctx, const char **ret_token)
{
    refresher *r = ctx;
    r->calls++;
    if (r->token)
        *ret_token = r->token;
    return r->token != NULL;
}

static void a_401_renews_the_token_once(void **state)
{
    GW_UNUSED(state);
    enum { N = 4 };
    refresher f = {.token = "new-token"};
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.bearer_token = "old-token\n";
    o.refresh_token = refresh;
    o.refresh_ctx = &f;
    o.max_retries = 0; /* new credentials are no retry of a failure */
    gw_http *h = client_of(&o);
    gw_error e;
    sink s[N];
    gw_http_request r[N];
    for (int i = 0; i < N; i++)
        r[i] = request(&s[i], "/auth");
    fs_reset(plain);
    assert_int_equal(gw_http_perform(h, r, N, false, &e), 0);
    assert_string_equal(plain->log[0].authorization, "Bearer old-token");
    for (int i = 0; i < N; i++) {
        assert_string_equal(s[i].body.data, "welcome");
        assert_int_equal(r[i].retries, 1);
        gw_buf_free(&s[i].body);
    }
    /* four met the 401 together; one asked for a new token */
    assert_int_equal(f.calls, 1);
    gw_http_free(h);
}

static void a_401_that_stays_is_final(void **state)
{
    GW_UNUSED(state);
    refresher wrong = {.token = "also-wrong-token"}, none = {0};
    char out[1024];
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.bearer_token = "old-token";
    fs_reset(plain);
    assert_int_equal(fetch(&o, "/auth", out), GW_EAUTH);
    assert_int_equal(fs_requests(plain), 1);
    assert_has(out, "answers 401, not authenticated: you sent Bearer *********;");
    assert_lacks(out, "old-token");
    o.refresh_token = refresh;
    o.refresh_ctx = &none;
    assert_int_equal(fetch(&o, "/auth", out), GW_EAUTH);
    assert_int_equal(fs_requests(plain), 2);
    o.refresh_ctx = &wrong;
    assert_int_equal(fetch(&o, "/auth", out), GW_EAUTH);
    assert_int_equal(wrong.calls, 1);
    assert_int_equal(fs_requests(plain), 4);
    assert_lacks(out, "also-wrong");
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void the_token_file_is_read_again_after_a_401(void **state)
{
    GW_UNUSED(state);
    char path[] = "/tmp/gw-test-token-XXXXXX", out[1024];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_file(path, "old-token\n");
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.bearer_token_file = path;
    gw_http *h = client_of(&o);
    write_file(path, "new-token\n");
    char *body;
    gw_error e;
    fs_reset(plain);
    assert_int_equal(gw_http_get(h, "/auth", 100, &body, NULL, &e), 0);
    gw_free(body);
    assert_int_equal(fs_requests(plain), 2);
    assert_string_equal(plain->log[0].authorization, "Bearer old-token");
    /* a file that is gone for a while leaves the token in use */
    unlink(path);
    assert_int_equal(gw_http_get(h, "/auth", 100, &body, NULL, &e), 0);
    gw_free(body);
    gw_http_free(h);
    gw_http *none = NULL;
    assert_int_equal(gw_http_new(&o, &none, &e), GW_EIO);
    assert_null(none);
    assert_has(e.message, path);
    GW_UNUSED(out);
}

/* ---- redirects ---- */

static void redirects_keep_credentials_at_home(void **state)
{
    GW_UNUSED(state);
    const char *headers[] = {"X-Scope-OrgID: team-a", NULL};
    char out[1024], path[256];
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.bearer_token = "new-token";
    o.headers = headers;
    fs_reset(plain);
    assert_int_equal(fetch(&o, "/redirect?to=/auth", out), 0);
    assert_string_equal(out, "welcome");
    assert_string_equal(plain->log[1].extra, "team-a");
    /* the same port of another name is another origin; so is another port */
    const char *elsewhere[] = {url_of(plain, false, "localhost"), url_of(proxy, false, "127.0.0.1")};
    fault_server *there[] = {plain, proxy};
    for (int i = 0; i < 2; i++) {
        fs_reset(plain);
        fs_reset(proxy);
        snprintf(path, sizeof(path), "/redirect?to=%s/ok", elsewhere[i]);
        assert_int_equal(fetch(&o, path, out), 0);
        assert_string_equal(out, "hello");
        const fs_entry *last = &there[i]->log[there[i]->n_log - 1];
        assert_string_equal(plain->log[0].authorization, "Bearer new-token");
        assert_string_equal(last->target, "/ok");
        assert_string_equal(last->authorization, "");
        assert_string_equal(last->extra, "");
    }
    o.bearer_token = NULL;
    o.username = "ada";
    o.password = "lovelace";
    fs_reset(plain);
    snprintf(path, sizeof(path), "/redirect?to=%s/auth", elsewhere[0]);
    assert_int_equal(fetch(&o, path, out), GW_EAUTH);
    assert_string_equal(plain->log[1].authorization, "");
    assert_has(out, "none were sent");
}

static void redirects_are_bounded(void **state)
{
    GW_UNUSED(state);
    char out[1024];
    fs_reset(plain);
    assert_int_equal(fetch_plain("/redirect?to=/redirect", out), GW_EQUERY);
    assert_has(out, "redirects more than 3 times");
    assert_int_equal(fs_requests(plain), 4);
    assert_int_equal(fetch_plain("/redirect?to=file:///etc/passwd", out), GW_EQUERY);
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    gw_http *h = client_of(&o);
    gw_error e;
    sink s;
    gw_http_request r = request(&s, "/redirect?to=http://user:secret@login.test/x?state=secret");
    r.method = "POST";
    r.body = "q";
    r.body_len = 1;
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), GW_EQUERY);
    assert_has(e.message, "redirects to http://login.test/x (302)");
    assert_lacks(e.message, "secret");
    assert_int_equal(s.begins, 0);
    gw_buf_free(&s.body);
    gw_http_free(h);
}

/* ---- no connection ---- */

static void no_connection_says_why(void **state)
{
    GW_UNUSED(state);
    char out[1024], url[256];
    int port, fd = fs_listen(&port);
    close(fd);
    snprintf(url, sizeof(url), "http://ada:lovelace@127.0.0.1:%d/pre", port);
    gw_http_options o = options(url);
    int64_t start = gw_clock_monotonic(NULL);
    o.backoff_ms = 1000;
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "refused");
    assert_lacks(out, "lovelace");
    /* a server that has never answered is not waited for */
    assert_true(gw_clock_monotonic(NULL) - start < 900);
    /* A label of more than 63 bytes is refused by the resolver itself, so no name server decides the outcome.
     */
    snprintf(url, sizeof(url), "http://%064d.invalid:9090", 0);
    o = options(url);
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "cannot be resolved");
}

static void a_known_server_is_waited_for(void **state)
{
    GW_UNUSED(state);
    fault_server *s = fs_start(NULL, NULL);
    gw_http_options o = options(url_of(s, false, "127.0.0.1"));
    gw_http *h = client_of(&o);
    gw_error e;
    sink k;
    gw_http_request r = request(&k, "/ok");
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), 0);
    fs_stop(s);
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), GW_ECONNECT);
    assert_int_equal(r.retries, 2);
    gw_buf_free(&k.body);
    gw_http_free(h);
}

static void options_are_checked(void **state)
{
    GW_UNUSED(state);
    static const char *const urls[] = {"",
                                       "localhost:9090",
                                       "ftp://h/",
                                       "http://",
                                       "http://h:99999",
                                       "http://h/?q=1",
                                       "http://ada:lovelace@h h/",
                                       "http:/ada:lovelace@h"};
    static const char *const bad[] = {"NoColon", "A: b\r\nEvil: c", ": x", "A:", "A B: c"};
    gw_error e;
    gw_http *h = NULL;
    for (size_t i = 0; i < GW_COUNT(urls); i++) {
        gw_http_options o = options(urls[i]);
        assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
        assert_lacks(e.message, "lovelace");
    }
    gw_http_options o = options("localhost:9090");
    gw_http_new(&o, &h, &e);
    assert_has(e.message, "write it as http://localhost:9090");
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        const char *headers[] = {bad[i], NULL};
        o = options("http://h");
        o.headers = headers;
        assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    }
    o = options("http://h");
    o.bearer_token = "a\r\nEvil: b";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    o.bearer_token = "a";
    o.username = "b";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    o = options("http://h");
    o.max_concurrency = 17;
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    o = options("https://h");
    o.ca_file = "/nonexistent/ca.pem";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EIO);
    assert_has(e.message, "/nonexistent/ca.pem");
    o.ca_file = "LICENSE";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EIO);
    assert_has(e.message, "is not PEM");
    o = options("https://h");
    o.key_data = gw_str_of(client.key_pem);
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    o = options("http://h");
    o.proxy = "gopher://p";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_ECONFIG);
    assert_null(h);
}

/* ---- TLS ---- */

static void tls_is_verified(void **state)
{
    GW_UNUSED(state);
    char out[1024];
    gw_http_options o = options(url_of(tls, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_string_equal(out, "hello");
    /* another authority; the system's */
    const char *others[] = {other_ca.cert_pem, NULL};
    for (int i = 0; i < 2; i++) {
        o.ca_data = gw_str_of(others[i]);
        fs_reset(tls);
        assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
        assert_has(out, "unable to get local issuer certificate");
        assert_has(out, "--ca-file");
        assert_has(out, "--insecure-skip-tls-verify");
        assert_has(out, "system time");
        assert_int_equal(fs_requests(tls), 0);
    }
    o.insecure = true;
    assert_int_equal(fetch(&o, "/ok", out), 0);
    o = options(url_of(tls_expired, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "expired");
    assert_has(out, "system's time (20");
    /* the wrong protocol, both ways round */
    o = options(url_of(plain, true, "127.0.0.1"));
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "does not speak TLS");
}

static void the_server_name_can_be_set(void **state)
{
    GW_UNUSED(state);
    char out[1024], host[64];
    gw_http_options o = options(url_of(tls_other_name, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "TLS server name");
    o.server_name = "gpuwise.test";
    fs_reset(tls_other_name);
    assert_int_equal(fetch(&o, "/redirect?to=/ok", out), 0);
    assert_string_equal(out, "hello");
    /* the Host header still names whom we asked */
    snprintf(host, sizeof(host), "127.0.0.1:%d", tls_other_name->port);
    assert_int_equal(fs_requests(tls_other_name), 2);
    assert_string_equal(tls_other_name->log[0].host, host);
    assert_string_equal(tls_other_name->log[1].host, host);
    o.server_name = "another.test";
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
}

static void client_certificates_are_shown(void **state)
{
    GW_UNUSED(state);
    char out[1024];
    gw_http_options o = options(url_of(tls_client, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "wants a client certificate");
    o.cert_data = gw_str_of(client.cert_pem);
    o.key_data = gw_str_of(client.key_pem);
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_string_equal(out, "hello");
    o.key_data = gw_str_of(stranger.key_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "client certificate or its key cannot be used");
    o.cert_data = gw_str_of(stranger.cert_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "client certificate");
    o.cert_data = gw_str_of("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
}

static void a_client_certificate_stays_at_home(void **state)
{
    GW_UNUSED(state);
    char out[1024], path[256];
    gw_http_options o = options(url_of(tls, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    o.cert_data = gw_str_of(client.cert_pem);
    o.key_data = gw_str_of(client.key_pem);
    snprintf(path, sizeof(path), "/redirect?to=%s/ok", url_of(tls_client, true, "127.0.0.1"));
    assert_int_equal(fetch(&o, path, out), GW_ETLS);
    assert_has(out, "wants a client certificate");
    snprintf(path, sizeof(path), "/redirect?to=%s/ok", url_of(plain, false, "127.0.0.1"));
    fs_reset(plain);
    assert_int_equal(fetch(&o, path, out), GW_EQUERY);
    assert_has(out, "not encrypted");
    assert_int_equal(fs_requests(plain), 0);
}

/* ---- proxies ---- */

static void a_proxy_is_used(void **state)
{
    GW_UNUSED(state);
    char out[1024], via[128];
    gw_http_options o = options("http://prom.test:9090");
    snprintf(via, sizeof(via), "http://ada:love%%2Flace@127.0.0.1:%d", proxy->port);
    o.proxy = via;
    fs_reset(proxy);
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_string_equal(proxy->log[0].target, "http://prom.test:9090/ok");
    /* base64 of "ada:love/lace", by coreutils' base64 */
    assert_string_equal(proxy->log[0].proxy_authorization, "Basic YWRhOmxvdmUvbGFjZQ==");
    /* through a tunnel, the headers are for the server alone */
    const char *headers[] = {"X-Scope-OrgID: team-a", NULL};
    o.base_url = "https://gpuwise.test:6443";
    o.ca_data = gw_str_of(ca.cert_pem);
    o.headers = headers;
    o.bearer_token = "new-token";
    fs_reset(proxy);
    assert_int_equal(fetch(&o, "/auth", out), 0);
    assert_string_equal(proxy->log[0].target, "gpuwise.test:6443");
    assert_string_equal(proxy->log[0].extra, "");
    assert_string_equal(proxy->log[0].authorization, "");
    assert_string_equal(proxy->log[1].target, "/auth");
    assert_string_equal(proxy->log[1].extra, "team-a");
    assert_string_equal(proxy->log[1].proxy_authorization, "");
    /* with a TLS name of its own, the tunnel still leads to the host that was named */
    o.base_url = "https://elsewhere.test:6443";
    o.server_name = "gpuwise.test";
    fs_reset(proxy);
    assert_int_equal(fetch(&o, "/auth", out), 0);
    assert_string_equal(proxy->log[0].target, "elsewhere.test:6443");
    assert_string_equal(proxy->log[1].host, "elsewhere.test:6443");
}

static void a_proxy_that_fails_is_named(void **state)
{
    GW_UNUSED(state);
    char out[1024], via[128];
    snprintf(via, sizeof(via), "http://ada:lovelace@127.0.0.1:%d", proxy->port);
    gw_http_options o = options("https://deny.test");
    o.proxy = via;
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "refuses to connect");
    assert_has(out, "(403)");
    o.base_url = "https://login.test";
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "wants a login (407)");
    assert_lacks(out, "lovelace");
    int port, fd = fs_listen(&port);
    close(fd);
    snprintf(via, sizeof(via), "http://ada:lovelace@127.0.0.1:%d", port);
    o.base_url = "http://prom.test";
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "the proxy http://127.0.0.1:");
    assert_has(out, "refused");
    assert_lacks(out, "lovelace");
}

static void the_environment_names_the_proxy(void **state)
{
    GW_UNUSED(state);
    char out[1024], via[128];
    snprintf(via, sizeof(via), "127.0.0.1:%d", proxy->port);
    gw_http_options o = options("http://prom.test:9090");
    setenv("HTTP_PROXY", via, 1);
    fs_reset(proxy);
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_int_equal(fs_requests(proxy), 1);
    /* NO_PROXY, and "" in the options: straight to a host that does not exist. The name cannot be resolved by
     * the resolver's own rules, see above. */
    char url[256], except[256];
    snprintf(url, sizeof(url), "http://%064d.invalid:9090", 0);
    o.base_url = url;
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_int_equal(fs_requests(proxy), 2);
    snprintf(except, sizeof(except), "x.test, %064d.invalid", 0);
    setenv("NO_PROXY", except, 1);
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "cannot be resolved");
    unsetenv("NO_PROXY");
    o.proxy = "";
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_int_equal(fs_requests(proxy), 2);
    /* a port-forward on loopback is not looked for behind the proxy */
    o = options(url_of(plain, false, "127.0.0.1"));
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_int_equal(fs_requests(proxy), 2);
    unsetenv("HTTP_PROXY");
}

/* ---- memory ---- */

/* One whole life of a client: 0 and the right body, or a code and nothing lost. */
static int one_life(void)
{
    const char *headers[] = {"X-Scope-OrgID: team-a", NULL};
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.headers = headers;
    o.bearer_token = "new-token";
    o.max_retries = 0;
    gw_http *h;
    char *body;
    gw_error e;
    int rc = gw_http_new(&o, &h, &e);
    if (rc)
        return rc;
    rc = gw_http_get(h, "/redirect?to=/auth", 100, &body, NULL, &e);
    if (!rc) {
        assert_string_equal(body, "welcome");
        gw_free(body);
    }
    gw_http_free(h);
    return rc;
}

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    uint64_t n = 0, asked, failures = 0;
    do {
        gw_mem_fail_at(++n);
        int rc = one_life();
        asked = gw_mem_count();
        /* No other code. A success (one_life compares its body) is one whose want came after the reply. */
        assert_true(rc == 0 || rc == GW_ENOMEM);
        failures += rc != 0;
        assert_true(n < 2000);
    } while (asked >= n);
    gw_mem_fail_at(0);
    assert_int_equal(one_life(), 0);
    assert_true(failures > 50);
}

/* ---- the house ---- */

static int open_servers(void **state)
{
    GW_UNUSED(state);
    static const char *const env[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                      "NO_PROXY",   "no_proxy",   "ALL_PROXY",   "all_proxy"};
    for (size_t i = 0; i < GW_COUNT(env); i++)
        unsetenv(env[i]);
    ca = fs_certify("test CA", NULL, NULL, -60, 3600);
    other_ca = fs_certify("other CA", NULL, NULL, -60, 3600);
    good = fs_certify("good", "DNS:localhost,IP:127.0.0.1", &ca, -60, 3600);
    renamed = fs_certify("renamed", "DNS:gpuwise.test", &ca, -60, 3600);
    expired = fs_certify("expired", "IP:127.0.0.1", &ca, -7200, -3600);
    client = fs_certify("client", NULL, &ca, -60, 3600);
    stranger = fs_certify("stranger", NULL, &other_ca, -60, 3600);
    plain = fs_start(NULL, NULL);
    proxy = fs_start(NULL, fs_tls(&renamed, NULL));
    tls = fs_start(fs_tls(&good, NULL), NULL);
    tls_other_name = fs_start(fs_tls(&renamed, NULL), NULL);
    tls_client = fs_start(fs_tls(&good, &ca), NULL);
    tls_expired = fs_start(fs_tls(&expired, NULL), NULL);
    return 0;
}

static int close_servers(void **state)
{
    GW_UNUSED(state);
    fault_server *all[] = {plain, proxy, tls, tls_other_name, tls_client, tls_expired};
    fs_cert *certs[] = {&ca, &other_ca, &good, &renamed, &client, &stranger, &expired};
    for (size_t i = 0; i < GW_COUNT(all); i++)
        fs_stop(all[i]);
    for (size_t i = 0; i < GW_COUNT(certs); i++)
        fs_cert_free(certs[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_delivered),
        cmocka_unit_test(base_path_and_query_are_kept),
        cmocka_unit_test(posts_carry_body_and_headers),
        cmocka_unit_test(compression_only_when_asked),
        cmocka_unit_test(concurrency_is_bounded_and_connections_are_reused),
        cmocka_unit_test(cut_off_replies_are_tried_again),
        cmocka_unit_test(the_consumer_can_call_a_reply_cut_off),
        cmocka_unit_test(silence_ends_a_try),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(a_callback_has_the_last_word),
        cmocka_unit_test(statuses_have_their_codes_and_words),
        cmocka_unit_test(retry_after_is_honoured),
        cmocka_unit_test(a_401_renews_the_token_once),
        cmocka_unit_test(a_401_that_stays_is_final),
        cmocka_unit_test(the_token_file_is_read_again_after_a_401),
        cmocka_unit_test(redirects_keep_credentials_at_home),
        cmocka_unit_test(redirects_are_bounded),
        cmocka_unit_test(no_connection_says_why),
        cmocka_unit_test(a_known_server_is_waited_for),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(tls_is_verified),
        cmocka_unit_test(the_server_name_can_be_set),
        cmocka_unit_test(client_certificates_are_shown),
        cmocka_unit_test(a_client_certificate_stays_at_home),
        cmocka_unit_test(a_proxy_is_used),
        cmocka_unit_test(a_proxy_that_fails_is_named),
        cmocka_unit_test(the_environment_names_the_proxy),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("http", tests, open_servers, close_servers);
}
