/*
 * Whatever clients send, cut wherever the network cuts it: a connection of the HTTP server, without a socket.
 * The first bytes choose the cuts. What comes out must be whole replies, must not depend on the cuts, and the
 * bytes held must stay within their bound.
 */
#include "net/http_server_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define IN_MAX ((size_t)64 * 1024)

typedef struct run {
    gw_buf out;
    uint64_t answered, refused;
} run;

static int64_t clock_still(void *unused)
{
    GW_UNUSED(unused);
    return 784111777000;
}

/* Looks at all that a handler may look at, and answers in each of the ways. */
static void handle(void *ctx, const gw_server_request *q, gw_reply *r)
{
    GW_UNUSED(ctx);
    size_t n = strlen(q->path) + strlen(q->host) + (q->query ? strlen(q->query) : 0), n_params;
    if (!strchr("/*", q->path[0]) || q->version_minor > 1)
        abort();
    for (size_t i = 0; i < q->n_headers; i++) {
        n += strlen(q->headers[i].name) + strlen(q->headers[i].value);
        if (strpbrk(q->headers[i].value, "\r\n") || strpbrk(q->headers[i].name, "\r\n: "))
            abort();
    }
    for (size_t i = 0; i < q->body.n; i++)
        n += (unsigned char)q->body.p[i];
    const gw_server_param *params;
    gw_server_query(q, &params, &n_params, NULL);
    char *line = gw_arena_printf(q->arena, "%s %s %zu %d%d", q->method, q->path, n, gw_server_accepts_gzip(q),
                                 gw_server_etag_matches(q, "\"a\""));
    gw_token *t = n % 3 ? NULL : gw_reply_defer(r);
    if (!t) {
        gw_reply_header(r, "X-Path", q->path);
        gw_reply_text(r, 200, "text/plain", line ? line : "");
    } else if (n % 2) {
        gw_server_complete(t, 200, NULL, 0, NULL);
    } else {
        if (gw_server_begin(t, 200, NULL, 0, NULL, NULL, NULL) == 0)
            gw_server_write(t, "piece", 5);
        gw_server_end(t);
    }
}

/* cuts: seed of the pieces' lengths; 0: as few as can be. */
static void serve(run *u, const uint8_t *p, size_t n, uint64_t cuts, size_t step)
{
    gw_server_options o = {.handler = handle, .wall_ms = clock_still, .monotonic_us = clock_still};
    gw_counts counts = {0};
    gw_conn_env env;
    o.limits = (gw_server_limits){
        .header_bytes = 1024, .headers = 12, .uri_bytes = 256, .body_bytes = 2000, .output_bytes = 600};
    gw_server_limits_fill(&o.limits);
    gw_mailbox *box = gw_mailbox_new(false);
    if (!box)
        abort();
    gw_conn_env_init(&env, &o, &counts, box);
    gw_conn *c = gw_conn_new(&env, "peer", false, false);
    gw_buf_init(&u->out, (size_t)64 << 20);
    bool ended = false;
    for (size_t at = 0; c && c->state != GW_CONN_CUT;) {
        struct iovec v;
        if (gw_conn_output(c, &v, 1)) {
            size_t take = GW_MIN(v.iov_len, step);
            gw_buf_add(&u->out, v.iov_base, take);
            gw_conn_sent(c, take);
        } else if (gw_conn_wants_input(c) && at < n) {
            size_t take = GW_CONN_READ_BYTES;
            if (cuts) {
                cuts = cuts * 6364136223846793005ull + 1442695040888963407ull;
                take = 1 + (cuts >> 33) % 50;
            }
            take = GW_MIN(take, n - at);
            gw_conn_feed(c, (const char *)p + at, take);
            at += take;
        } else if (!ended) {
            ended = true;
            gw_conn_eof(c);
        } else {
            break;
        }
        if (c->in.len > c->in.max || c->body.len > o.limits.body_bytes)
            abort();
    }
    if (!c || !gw_conn_is_over(c)) /* the client has ended, all is sent: nothing is left to wait for */
        abort();
    for (int i = 1; i < 6; i++)
        u->answered += counts.requests[i];
    u->refused = counts.malformed;
    gw_conn_free(c);
    for (gw_token *t; (t = gw_mailbox_take(box));)
        gw_token_unref(t);
    gw_conn_env_free(&env);
    gw_mailbox_unref(box);
}

/* Every reply begins as one, so their number is that of the lines that do. */
static uint64_t replies(const gw_buf *b)
{
    uint64_t n = 0;
    for (const char *p = b->data; p && (p = strstr(p, "HTTP/1.1 ")); p++)
        n += strncmp(p, "HTTP/1.1 100 ", 13) != 0 && strstr(p, "\r\nDate: ") != NULL;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > IN_MAX)
        return 0;
    uint64_t cuts = 1 + data[0];
    size_t step = 1 + data[1];
    run whole = {0}, cut = {0};
    serve(&whole, data + 2, size - 2, 0, SIZE_MAX);
    serve(&cut, data + 2, size - 2, cuts, step);
    if (whole.out.len && strncmp(whole.out.data, "HTTP/1.1 ", 9) != 0)
        abort();
    if (replies(&whole.out) < whole.answered || whole.refused > 1)
        abort();
    /* in chunks llhttp may see a wrong byte before or after one of ours does: both refuse, in other words */
    if (whole.answered != cut.answered || whole.refused != cut.refused)
        abort();
    if (!whole.refused && (whole.out.len != cut.out.len ||
                           (whole.out.len && memcmp(whole.out.data, cut.out.data, whole.out.len) != 0)))
        abort();
    gw_buf_free(&whole.out);
    gw_buf_free(&cut.out);
    return 0;
}
