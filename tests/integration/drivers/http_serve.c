/*
 * The HTTP server with a few routes, for tests and for measuring.
 * usage: http_serve LISTEN [threads=N] [cert=FILE key=FILE] [LIMIT=N]...   LIMIT: a field of gw_server_limits
 * Prints its URL. SIGTERM ends it; /reload reads the certificate again.
 *   /hello          12 bytes                       /echo           the request, as JSON, with its body
 *   /big?n=N        N bytes, shared by all         /doc            a document with ETag and gzip
 *   /later?ms=N     answered by another thread     /stream?n=N&size=B  N pieces of B bytes from another
 * thread /abort?begun=1  broken off by another thread   /sleep?ms=N     a handler that works for N ms /stats
 * the figures
 */
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/number.h"
#include "format/gzip.h"
#include "net/http_server.h"

static gw_server *server;
static gw_shared *plain, *packed;
static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;
static gw_shared *big;

static void on_signal(int number)
{
    if (number == SIGTERM || number == SIGINT)
        gw_server_stop_begin(server);
}

static int64_t number(const gw_server_request *q, const char *name, int64_t initial)
{
    const gw_server_param *p;
    size_t n;
    int64_t v;
    if (gw_server_query(q, &p, &n, NULL) != 0)
        return initial;
    for (size_t i = 0; i < n; i++)
        if (strcmp(p[i].name, name) == 0 && gw_parse_int64(gw_str_of(p[i].value), &v))
            return v;
    return initial;
}

/* ---- answers from other threads: a thread each, since this is a test ---- */

typedef struct work {
    gw_token *token;
    int kind;
    int64_t ms, n, size;
    pthread_mutex_t lock;
    pthread_cond_t room;
    bool writable;
} work;

static void on_writable(void *ctx, gw_token *t)
{
    GW_UNUSED(t);
    work *w = ctx;
    pthread_mutex_lock(&w->lock);
    w->writable = true;
    pthread_cond_signal(&w->room);
    pthread_mutex_unlock(&w->lock);
}

static void stream(work *w)
{
    const gw_server_header type = {"Content-Type", "application/octet-stream"};
    char *piece = gw_malloc((size_t)w->size);
    int r = piece ? gw_server_begin(w->token, 200, &type, 1, on_writable, w, NULL) : GW_ENOMEM;
    if (piece)
        memset(piece, 'x', (size_t)w->size);
    for (int64_t i = 0; i < w->n && r == 0; i++) {
        while ((r = gw_server_write(w->token, piece, (size_t)w->size)) == GW_STREAM_FULL) {
            pthread_mutex_lock(&w->lock);
            while (!w->writable)
                pthread_cond_wait(&w->room, &w->lock);
            w->writable = false;
            pthread_mutex_unlock(&w->lock);
        }
        if (w->ms)
            usleep((useconds_t)w->ms * 1000);
    }
    gw_free(piece);
    if (r == 0 && w->kind == 's')
        gw_server_end(w->token);
    else
        gw_server_abort(w->token);
}

static void *run_work(void *p)
{
    work *w = p;
    if (w->kind == 'l') {
        usleep((useconds_t)w->ms * 1000);
        gw_shared *body = gw_shared_new("later\n", 6);
        gw_server_complete(w->token, 200, &(gw_server_header){"X-Late", "yes"}, 1, body);
        gw_shared_unref(body);
    } else if (w->kind == 'a' && w->n == 0) {
        gw_server_abort(w->token);
    } else {
        stream(w);
    }
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->room);
    gw_free(w);
    return NULL;
}

static void begin_work(int kind, const gw_server_request *q, gw_reply *r)
{
    work *w = gw_calloc(1, sizeof(*w));
    gw_token *t = w ? gw_reply_defer(r) : NULL;
    if (!t) {
        gw_free(w);
        return;
    }
    *w = (work){.token = t,
                .kind = kind,
                .ms = number(q, "ms", 0),
                .n = kind == 'a' ? number(q, "begun", 0) : number(q, "n", 10),
                .size = number(q, "size", 1000)};
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->room, NULL);
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_work, w) == 0) {
        pthread_detach(thread);
    } else {
        gw_server_abort(t);
        gw_free(w);
    }
}

/* ---- routes ---- */

static void echo(const gw_server_request *q, gw_reply *r)
{
    gw_buf b;
    gw_buf_init(&b, (size_t)64 << 20);
    gw_buf_printf(
        &b, "{\"method\":\"%s\",\"headers\":%zu,\"peer\":\"%s\",\"loopback\":%s,\"tls\":%s,\"bytes\":%zu}\n",
        q->method, q->n_headers, q->peer, q->peer_is_loopback ? "true" : "false", q->tls ? "true" : "false",
        q->body.n);
    gw_buf_add(&b, q->body.p, q->body.n);
    gw_shared *body = gw_shared_take(&b);
    gw_reply_shared(r, body ? 200 : 503, "application/json", body);
    gw_shared_unref(body);
    gw_buf_free(&b);
}

static void send_big(const gw_server_request *q, gw_reply *r)
{
    size_t n = (size_t)number(q, "n", 1000000);
    pthread_mutex_lock(&big_lock);
    if (n <= (size_t)1 << 30 && (!big || gw_shared_bytes(big).n != n)) {
        char *p = gw_calloc(n, 1);
        gw_shared_unref(big);
        big = p ? gw_shared_new(p, n) : NULL;
        gw_free(p);
    }
    gw_reply_shared(r, 200, "application/octet-stream", big);
    pthread_mutex_unlock(&big_lock);
}

static void send_stats(const gw_server_request *q, gw_reply *r)
{
    gw_server_stats s;
    gw_server_stats_get(server, &s);
    char *text = gw_arena_printf(
        q->arena,
        "{\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"open\":%" PRIu64 ",\"requests\":[%" PRIu64
        ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "],\"timeouts\":%" PRIu64
        ",\"malformed\":%" PRIu64 ",\"in\":%" PRIu64 ",\"out\":%" PRIu64 ",\"handshakes\":%" PRIu64
        ",\"tlsFailures\":%" PRIu64 ",\"reloads\":%" PRIu64 ",\"reloadFailures\":%" PRIu64 "}\n",
        s.accepted, s.refused, s.open, s.requests[0], s.requests[1], s.requests[2], s.requests[3],
        s.requests[4], s.requests[5], s.timeouts, s.malformed, s.bytes_in, s.bytes_out, s.tls_handshakes,
        s.tls_failures, s.tls_reloads, s.tls_reload_failures);
    gw_reply_text(r, text ? 200 : 503, "application/json", text ? text : "");
}

static void handle(void *ctx, const gw_server_request *q, gw_reply *r)
{
    GW_UNUSED(ctx);
    const gw_server_document doc = {.content_type = "text/plain; charset=utf-8",
                                    .etag = "\"d1\"",
                                    .cache_control = "no-cache",
                                    .plain = plain,
                                    .gzip = packed};
    if (strcmp(q->path, "/hello") == 0)
        gw_reply_text(r, 200, "text/plain; charset=utf-8", "hello world\n");
    else if (strcmp(q->path, "/echo") == 0)
        echo(q, r);
    else if (strcmp(q->path, "/big") == 0)
        send_big(q, r);
    else if (strcmp(q->path, "/doc") == 0)
        gw_reply_document(r, q, &doc);
    else if (strcmp(q->path, "/stats") == 0)
        send_stats(q, r);
    else if (strcmp(q->path, "/later") == 0)
        begin_work('l', q, r);
    else if (strcmp(q->path, "/stream") == 0)
        begin_work('s', q, r);
    else if (strcmp(q->path, "/abort") == 0)
        begin_work('a', q, r);
    else if (strcmp(q->path, "/sleep") == 0) {
        usleep((useconds_t)number(q, "ms", 10) * 1000);
        gw_reply_text(r, 200, NULL, "slept\n");
    } else if (strcmp(q->path, "/reload") == 0) {
        gw_error e;
        int code = gw_server_tls_reload(server, &e);
        gw_reply_text(r, code ? 500 : 200, NULL, code ? e.message : "read again\n");
    } else {
        gw_reply_error(r, 404, "not_found", "there is no such page");
    }
}

static int collect(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf_add(ctx, p, n);
    return gw_buf_check(ctx, "a document", e);
}

static bool make_documents(void)
{
    gw_buf b, z;
    gw_buf_init(&b, 1 << 20);
    gw_buf_init(&z, 1 << 20);
    for (int i = 0; i < 2000; i++)
        gw_buf_printf(&b, "line %d of a document that packs well\n", i);
    gw_gzip *g = gw_gzip_new(GW_GZIP_LEVEL, collect, &z);
    bool ok = g && gw_gzip_write(g, b.data, b.len, NULL) == 0 && gw_gzip_end(g, NULL) == 0;
    gw_gzip_free(g);
    plain = gw_shared_take(&b);
    packed = gw_shared_take(&z);
    return ok && plain && packed;
}

static bool set_limit(gw_server_limits *l, const char *name, size_t n, int64_t v)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
#define FIELD(f) {#f, offsetof(gw_server_limits, f)}
        FIELD(header_bytes), FIELD(headers),      FIELD(uri_bytes),   FIELD(body_bytes),  FIELD(arena_bytes),
        FIELD(output_bytes), FIELD(stream_bytes), FIELD(connections), FIELD(requests),    FIELD(header_ms),
        FIELD(body_ms),      FIELD(idle_ms),      FIELD(write_ms),    FIELD(deferred_ms), FIELD(stop_ms)};
    for (size_t i = 0; i < GW_COUNT(fields); i++)
        if (strlen(fields[i].name) == n && memcmp(fields[i].name, name, n) == 0) {
            memcpy((char *)l + fields[i].offset, &v, sizeof(v)); /* each is 64 bits wide */
            return true;
        }
    return false;
}

static bool read_options(int argc, char **argv, gw_server_options *o)
{
    for (int i = 2; i < argc; i++) {
        const char *eq = strchr(argv[i], '=');
        int64_t v = 0;
        if (!eq)
            return false;
        if (gw_has_prefix(argv[i], "cert="))
            o->tls.cert_file = eq + 1;
        else if (gw_has_prefix(argv[i], "key="))
            o->tls.key_file = eq + 1;
        else if (!gw_parse_int64(gw_str_of(eq + 1), &v))
            return false;
        else if (gw_has_prefix(argv[i], "threads="))
            o->threads = (int)v;
        else if (!set_limit(&o->limits, argv[i], (size_t)(eq - argv[i]), v))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    gw_server_options o = {.listen = argc > 1 ? argv[1] : "", .handler = handle};
    gw_error e;
    if (argc < 2 || !read_options(argc, argv, &o) || !make_documents()) {
        fprintf(stderr, "usage: http_serve LISTEN [threads=N] [cert=FILE key=FILE] [LIMIT=N]...\n");
        return 2;
    }
    int r = gw_server_new(&o, &server, &e);
    if (r == 0) {
        struct sigaction a = {.sa_handler = on_signal};
        sigaction(SIGTERM, &a, NULL);
        sigaction(SIGINT, &a, NULL);
        printf("%s\n", gw_server_url(server));
        fflush(stdout);
        r = gw_server_run(server, &e);
        a.sa_handler = SIG_IGN; /* the handler must not find the server freed */
        sigaction(SIGTERM, &a, NULL);
        sigaction(SIGINT, &a, NULL);
    }
    if (r)
        fprintf(stderr, "http_serve: %s\n", e.message);
    gw_server_free(server);
    gw_shared_unref(plain);
    gw_shared_unref(packed);
    gw_shared_unref(big);
    return -r;
}
