/* The HTTP client against a server that misbehaves. The expected bytes are written out in fault_server.h. */
#include "net/http_kit.h"

static fault_server *plain, *other;

static int fetch_plain(const char *path, char *out)
{
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    return fetch(&o, path, out);
}

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
    assert_has(e.message, "Prometheus at http://127.0.0.1:");
    assert_has(e.message, "/ok: the last frame is cut off");
    gw_buf_free(&s.body);
    gw_http_free(h);
}

static void silence_ends_a_try(void **state)
{
    GW_UNUSED(state);
    static const gw_http_settings settings = {.timeout = "--patience"};
    char out[1024];
    gw_http_options o = options(url_of(plain, false, "127.0.0.1"));
    o.stall_timeout_ms = 150;
    o.max_retries = 1;
    /* it says hello and no more */
    int64_t start = gw_clock_monotonic(NULL);
    assert_int_equal(fetch(&o, "/stall", out), GW_ETIMEOUT);
    int64_t took = gw_clock_monotonic(NULL) - start;
    assert_true(took >= 300 && took < 1500);
    assert_has(out, "no byte came for 150 ms");
    assert_lacks(out, "with --patience");
    /* from whom nothing was ever heard is not asked again */
    o.settings = &settings;
    fs_reset(plain);
    assert_int_equal(fetch(&o, "/silent", out), GW_ETIMEOUT);
    assert_has(out, "no byte came for 150 ms; ask for less, or allow it more time with --patience");
    assert_int_equal(fs_requests(plain), 1);
    gw_http *h = client_of(&o);
    gw_http_request r[2];
    sink s[2];
    gw_error e;
    r[0] = request(&s[0], "/ok");
    r[1] = request(&s[1], "/silent");
    assert_int_equal(gw_http_perform(h, &r[0], 1, false, &e), 0);
    assert_int_equal(gw_http_perform(h, &r[1], 1, false, &e), GW_ETIMEOUT);
    assert_int_equal(r[1].retries, 1);
    gw_buf_free(&s[0].body);
    gw_buf_free(&s[1].body);
    gw_http_free(h);
    /* six bytes 60 ms apart take 360 ms, but no silence lasts 150 ms */
    assert_int_equal(fetch(&o, "/drip", out), 0);
    assert_string_equal(out, "xxxxxx");
    /* but a byte now and then is no reply either: at most 5 × 150 ms for a KiB, and 20 ms a byte take 20 s */
    o.max_retries = 0;
    start = gw_clock_monotonic(NULL);
    assert_int_equal(fetch(&o, "/trickle", out), GW_ETIMEOUT);
    took = gw_clock_monotonic(NULL) - start;
    assert_true(took >= 750 && took < 3000);
    assert_has(out, "less than a KiB came in 750 ms");
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
    assert_has(e.message, "Prometheus at http://127.0.0.1:");
    assert_has(e.message, "/ok: the frame is broken");
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
    const char *elsewhere[] = {url_of(plain, false, "localhost"), url_of(other, false, "127.0.0.1")};
    fault_server *there[] = {plain, other};
    for (int i = 0; i < 2; i++) {
        fs_reset(plain);
        fs_reset(other);
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
    clear_environment();
    plain = fs_start(NULL, NULL);
    other = fs_start(NULL, NULL);
    return plain && other ? 0 : -1;
}

static int close_servers(void **state)
{
    GW_UNUSED(state);
    fs_stop(plain);
    fs_stop(other);
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
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("http", tests, open_servers, close_servers);
}
