/* What the tests of the HTTP client share: a consumer that keeps what it gets, and short ways to ask. */
#ifndef GW_TESTS_UNIT_NET_HTTP_KIT_H
#define GW_TESTS_UNIT_NET_HTTP_KIT_H

#include "base/buf.h"
#include "base/mem.h"
#include "gw_test.h"
#include "net/fault_server.h"
#include "net/http.h"

typedef struct sink {
    gw_buf body;
    int begins, retries, ends, status;
    char type[64];
    int data_code, end_code; /* what on_data, on_end answer */
    int end_code_until;      /* on_end answers end_code this many times; 0 = always */
} sink;

static inline int on_begin(void *ctx, int status, const char *type, gw_error *e)
{
    GW_UNUSED(e);
    sink *s = ctx;
    s->begins++;
    s->status = status;
    snprintf(s->type, sizeof(s->type), "%s", type ? type : "");
    return 0;
}

static inline int on_data(void *ctx, const char *p, size_t n, gw_error *e)
{
    sink *s = ctx;
    gw_buf_add(&s->body, p, n);
    return s->data_code ? gw_fail(e, s->data_code, "the frame is broken") : 0;
}

static inline int on_retry(void *ctx, gw_error *e)
{
    GW_UNUSED(e);
    sink *s = ctx;
    s->retries++;
    gw_buf_clear(&s->body);
    return 0;
}

static inline int on_end(void *ctx, gw_error *e)
{
    sink *s = ctx;
    s->ends++;
    if (s->end_code_until && s->ends > s->end_code_until)
        return 0;
    return s->end_code ? gw_fail(e, s->end_code, "the last frame is cut off") : 0;
}

static inline gw_http_request request(sink *s, const char *path)
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

static inline const char *url_of(const fault_server *s, bool secure, const char *host)
{
    static char text[4][128];
    static unsigned turn;
    char *out = text[turn++ % 4];
    snprintf(out, sizeof(text[0]), "%s://%s:%d", secure ? "https" : "http", host, s->port);
    return out;
}

static inline gw_http_options options(const char *url)
{
    return (gw_http_options){.base_url = url,
                             .what = "Prometheus",
                             .max_retries = 2,
                             .backoff_ms = 4,
                             .connect_timeout_ms = 3000,
                             .stall_timeout_ms = 2000,
                             .seed = 7};
}

static inline gw_http *client_of(const gw_http_options *o)
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
static inline int fetch(const gw_http_options *o, const char *path, char *out)
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

#define assert_has(text, part)                                                                               \
    do {                                                                                                     \
        if (!strstr((text), (part)))                                                                         \
            print_message("'%s' lacks '%s'\n", (text), (part));                                              \
        assert_non_null(strstr((text), (part)));                                                             \
    } while (0)
#define assert_lacks(text, part) assert_null(strstr((text), (part)))

/* No proxy of the machine's own comes between. */
static inline void clear_environment(void)
{
    static const char *const env[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                      "NO_PROXY",   "no_proxy",   "ALL_PROXY",   "all_proxy"};
    for (size_t i = 0; i < GW_COUNT(env); i++)
        unsetenv(env[i]);
}

#endif
