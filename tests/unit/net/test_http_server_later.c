/* Answers that come later: completed, streamed, broken off, too late; from this thread and from others. */
#include "net/http_server_kit.h"

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define GET0(path) "GET " path " HTTP/1.0\r\n\r\n"

static gw_token *token;

static void defer(void *ctx, const gw_server_request *q, gw_reply *r)
{
    GW_UNUSED(ctx);
    if (strcmp(q->path, "/now") == 0) {
        gw_reply_text(r, 200, NULL, "now");
        return;
    }
    token = gw_reply_defer(r);
    assert_null(gw_reply_defer(r)); /* one a request */
    if (strcmp(q->path, "/within") == 0)
        gw_server_complete(token, 200, NULL, 0, NULL);
    if (strcmp(q->path, "/bad-header") == 0)
        gw_reply_header(r, "A B", "c");
}

static void ask(kit *k, const char *in)
{
    kit_init(k, defer, NULL);
    k->options.limits.stream_bytes = 100;
    k->options.limits.output_bytes = 1000;
    assert_true(kit_open(k));
    kit_feed(k, in, strlen(in));
}

static void expect(kit *k, const char *out)
{
    kit_mail(k);
    kit_drain(k, 5);
    assert_string_equal(k->out.data ? k->out.data : "", out);
}

static void completed(void **state)
{
    GW_UNUSED(state);
    kit k;
    ask(&k, GET("/a"));
    assert_int_equal(gw_conn_timer(k.c), GW_TIMER_WAIT);
    assert_false(gw_conn_wants_input(k.c));
    expect(&k, "");
    assert_false(gw_token_gone(token));
    gw_shared *body = gw_shared_new("body", 4);
    gw_server_complete(token, 201, (const gw_server_header[]){{"X", "1"}, {"Y", "2"}}, 2, body);
    gw_shared_unref(body);
    expect(&k, "HTTP/1.1 201 Created\r\n" KIT_DATE "X: 1\r\nY: 2\r\nContent-Length: 4\r\n\r\nbody");
    assert_true(gw_conn_wants_input(k.c));
    assert_int_equal(k.counts.requests[2], 1);
    kit_close(&k);
    /* what was sent behind it waits its turn; an answer within the handler is one as well */
    ask(&k, GET("/a") GET("/now") GET("/within"));
    expect(&k, "");
    gw_server_complete(token, 204, NULL, 0, NULL);
    expect(&k, "HTTP/1.1 204 No Content\r\n" KIT_DATE "\r\n"
               "HTTP/1.1 200 OK\r\n" KIT_DATE "Content-Length: 3\r\n\r\nnow"
               "HTTP/1.1 200 OK\r\n" KIT_DATE "Content-Length: 0\r\n\r\n");
    kit_close(&k);
    /* a header that is none */
    ask(&k, GET("/a"));
    gw_server_complete(token, 200, &(gw_server_header){"A", "b\r\nC: d"}, 1, NULL);
    expect(&k, "HTTP/1.1 500 Internal Server Error\r\n" KIT_DATE "Content-Length: 0\r\n\r\n");
    kit_close(&k);
    ask(&k, GET("/bad-header"));
    assert_true(gw_token_gone(token));
    gw_server_complete(token, 200, NULL, 0, NULL);
    assert_int_equal(k.counts.requests[5], 1);
    kit_close(&k);
}

static void streamed(void **state)
{
    GW_UNUSED(state);
    kit k;
    gw_error e;
    ask(&k, GET("/a") GET("/now"));
    assert_int_equal(gw_server_begin(token, 200, &(gw_server_header){"X", "1"}, 1, NULL, NULL, &e), 0);
#define HEAD "HTTP/1.1 200 OK\r\n" KIT_DATE "X: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
    expect(&k, HEAD); /* at once, before the first piece */
    assert_int_equal(gw_server_write(token, "hello ", 6), 0);
    assert_int_equal(gw_server_write(token, "", 0), 0); /* is no end */
    expect(&k, HEAD "6\r\nhello \r\n");
    assert_int_equal(gw_server_write(token, "0123456789abcdef0", 17), 0);
    gw_server_end(token);
    expect(&k, HEAD "6\r\nhello \r\n11\r\n0123456789abcdef0\r\n0\r\n\r\n"
                    "HTTP/1.1 200 OK\r\n" KIT_DATE "Content-Length: 3\r\n\r\nnow");
    assert_int_equal(k.counts.requests[2], 2);
    kit_close(&k);
    /* HTTP/1.0 knows no chunks: the end of the connection is the end */
    ask(&k, GET0("/a"));
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, NULL, NULL, &e), 0);
    assert_int_equal(gw_server_write(token, "ab", 2), 0);
    expect(&k, "HTTP/1.1 200 OK\r\n" KIT_DATE "Connection: close\r\n\r\nab");
    assert_false(gw_conn_is_over(k.c));
    gw_server_end(token);
    kit_mail(&k);
    assert_true(gw_conn_is_over(k.c));
    assert_int_equal(k.counts.requests[2], 1);
    kit_close(&k);
    /* HEAD */
    ask(&k, "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n" GET("/now"));
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, NULL, NULL, &e), 0);
    assert_int_equal(gw_server_write(token, "ab", 2), 0);
    gw_server_end(token);
    expect(&k, "HTTP/1.1 200 OK\r\n" KIT_DATE "Transfer-Encoding: chunked\r\n\r\n"
               "HTTP/1.1 200 OK\r\n" KIT_DATE "Content-Length: 3\r\n\r\nnow");
    kit_close(&k);
    /* begun twice, and with what is none */
    ask(&k, GET("/a"));
    assert_int_equal(gw_server_write(token, "a", 1), GW_EINTERNAL);
    assert_int_equal(gw_server_begin(token, 99, NULL, 0, NULL, NULL, &e), GW_EINTERNAL);
    assert_int_equal(gw_server_begin(token, 200, &(gw_server_header){"A", "\n"}, 1, NULL, NULL, &e),
                     GW_EINTERNAL);
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, NULL, NULL, &e), 0);
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, NULL, NULL, &e), GW_EINTERNAL);
    gw_server_end(token);
    kit_close(&k);
}

static void broken_off(void **state)
{
    GW_UNUSED(state);
    kit k;
    ask(&k, GET("/a") GET("/now"));
    gw_server_abort(token);
    kit_mail(&k);
    kit_drain(&k, 100);
    assert_int_equal(strncmp(k.out.data, "HTTP/1.1 502 Bad Gateway\r\n", 26), 0);
    assert_non_null(strstr(k.out.data, "\r\n\r\nnow"));
    kit_close(&k);
    /* an end without a begin is no answer */
    ask(&k, GET("/a"));
    gw_server_end(token);
    kit_mail(&k);
    kit_drain(&k, 100);
    assert_int_equal(strncmp(k.out.data, "HTTP/1.1 502 ", 13), 0);
    kit_close(&k);
    /* half a reply must not look like a whole one */
    ask(&k, GET("/a") GET("/now"));
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, NULL, NULL, NULL), 0);
    assert_int_equal(gw_server_write(token, "ab", 2), 0);
    kit_mail(&k);
    kit_drain(&k, 100);
    gw_server_abort(token);
    kit_mail(&k);
    assert_int_equal(k.c->state, GW_CONN_CUT);
    kit_close(&k);
    assert_int_equal(k.counts.requests[0], 1);
}

static int told;
static bool end_it;

static void writable(void *ctx, gw_token *t)
{
    assert_ptr_equal(ctx, &told);
    told++;
    if (end_it)
        gw_server_end(t);
}

static void held_back(void **state)
{
    GW_UNUSED(state);
    kit k;
    char piece[60] = {0};
    ask(&k, GET("/a"));
    told = 0;
    end_it = false;
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, writable, &told, NULL), 0);
    kit_mail(&k);
    /* the queue holds 100 bytes and the connection 1,000, both with chunk framing, before there is no room */
    int written = 0;
    while (gw_server_write(token, piece, sizeof(piece)) == 0) {
        written++;
        kit_mail(&k);
        assert_true(written < 40);
    }
    assert_int_equal(gw_server_write(token, piece, sizeof(piece)), GW_STREAM_FULL);
    /* 84 bytes of head and 14 pieces of 4 + 60 + 2 fill the connection, one more leaves 34 bytes in the queue
     */
    assert_int_equal(written, 15);
    assert_int_equal(told, 0);
    kit_drain(&k, 10);
    assert_int_equal(told, 1); /* once, though both writes found no room */
    assert_int_equal(gw_server_write(token, piece, sizeof(piece)), 0);
    gw_server_end(token);
    kit_mail(&k);
    kit_drain(&k, 100);
    assert_int_equal(k.counts.requests[2], 1);
    kit_close(&k);
    /* a piece larger than the queue goes through an empty one */
    char large[500] = {0};
    ask(&k, GET("/a"));
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, writable, &told, NULL), 0);
    assert_int_equal(gw_server_write(token, large, sizeof(large)), 0);
    assert_int_equal(gw_server_write(token, large, 1), GW_STREAM_FULL);
    kit_mail(&k);
    assert_int_equal(told, 2);
    assert_int_equal(gw_server_write(token, large, 1), 0);
    gw_server_end(token);
    kit_mail(&k);
    kit_drain(&k, 100);
    assert_true(gw_conn_wants_input(k.c));
    kit_close(&k);
}

static void the_client_goes(void **state)
{
    GW_UNUSED(state);
    for (int ends = 0; ends < 2; ends++) {
        kit k;
        ask(&k, GET("/a"));
        told = 0;
        end_it = ends;
        assert_int_equal(gw_server_begin(token, 200, NULL, 0, writable, &told, NULL), 0);
        assert_int_equal(gw_server_write(token, "a", 1), 0);
        if (ends)
            kit_mail(&k);
        gw_conn_free(k.c);
        k.c = NULL;
        assert_int_equal(told, 1);
        if (!ends) {
            assert_true(gw_token_gone(token));
            assert_int_equal(gw_server_write(token, "a", 1), GW_ECONNECT);
            gw_server_end(token);
        }
        kit_close(&k);
        assert_int_equal(k.counts.requests[0], 1);
    }
    kit k;
    ask(&k, GET("/a"));
    gw_conn_free(k.c);
    k.c = NULL;
    assert_true(gw_token_gone(token));
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, NULL, NULL, NULL), GW_ECONNECT);
    assert_int_equal(gw_server_write(token, "a", 1), GW_ECONNECT);
    kit_close(&k); /* the server goes as well; the token stays */
    gw_server_complete(token, 200, NULL, 0, NULL);
}

static void too_late(void **state)
{
    GW_UNUSED(state);
    kit k;
    ask(&k, GET("/a"));
    gw_conn_expired(k.c);
    assert_true(gw_token_gone(token));
    kit_drain(&k, 100);
    assert_int_equal(strncmp(k.out.data, "HTTP/1.1 504 Gateway Timeout\r\n", 30), 0);
    assert_true(gw_conn_is_over(k.c));
    gw_server_complete(token, 200, NULL, 0, NULL);
    kit_mail(&k);
    kit_close(&k);
    /* a stream that falls silent is cut */
    ask(&k, GET("/a"));
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, NULL, NULL, NULL), 0);
    kit_mail(&k);
    kit_drain(&k, 100);
    gw_conn_expired(k.c);
    assert_int_equal(k.c->state, GW_CONN_CUT);
    kit_close(&k);
    gw_server_end(token);
    /* each piece is progress */
    ask(&k, GET("/a"));
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, NULL, NULL, NULL), 0);
    kit_mail(&k);
    kit_drain(&k, 1000);
    unsigned progress = k.c->progress;
    assert_int_equal(gw_server_write(token, "a", 1), 0);
    kit_mail(&k);
    assert_int_not_equal(k.c->progress, progress);
    gw_server_end(token);
    kit_close(&k);
}

static void stopping(void **state)
{
    GW_UNUSED(state);
    kit k;
    ask(&k, GET("/a"));
    gw_conn_stop(k.c);
    assert_false(gw_conn_is_over(k.c));
    gw_server_complete(token, 200, NULL, 0, NULL);
    expect(&k, "HTTP/1.1 200 OK\r\n" KIT_DATE "Content-Length: 0\r\nConnection: close\r\n\r\n");
    assert_true(gw_conn_is_over(k.c));
    kit_close(&k);
    ask(&k, GET("/a"));
    assert_int_equal(gw_server_begin(token, 200, NULL, 0, NULL, NULL, NULL), 0);
    kit_mail(&k);
    gw_conn_stop(k.c);
    gw_server_end(token);
    kit_mail(&k);
    kit_drain(&k, 100);
    assert_true(gw_conn_is_over(k.c));
    kit_close(&k);
}

/* Each allocation fails once, in a completed answer and in a streamed one. */
static void without_memory(void **state)
{
    GW_UNUSED(state);
    for (int streams = 0; streams < 2; streams++)
        for (uint64_t n = 1;; n++) {
            assert_true(n < 1000);
            int64_t live = gw_mem_live();
            kit k;
            kit_init(&k, NULL, NULL);
            k.options.handler = defer;
            token = NULL;
            gw_mem_fail_at(n);
            bool open = kit_open(&k);
            if (open)
                gw_conn_feed(k.c, GET("/a"), strlen(GET("/a")));
            gw_token *t = token;
            if (t && streams) {
                if (gw_server_begin(t, 200, &(gw_server_header){"X", "1"}, 1, NULL, NULL, NULL) == 0) {
                    gw_server_write(t, "abc", 3);
                    kit_mail(&k);
                    gw_server_write(t, "abc", 3);
                }
                gw_server_end(t);
            } else if (t) {
                gw_shared *body = gw_shared_new("body", 4);
                gw_server_complete(t, 200, &(gw_server_header){"X", "1"}, 1, body);
                gw_shared_unref(body);
            }
            if (open) {
                kit_mail(&k);
                struct iovec v;
                while (k.c->state != GW_CONN_CUT && gw_conn_output(k.c, &v, 1))
                    gw_conn_sent(k.c, v.iov_len);
                assert_int_not_equal(k.c->state, GW_CONN_WAIT);
            }
            bool failed = gw_mem_count() >= n;
            gw_mem_fail_at(0);
            kit_close(&k);
            assert_int_equal(gw_mem_live(), live);
            if (!failed)
                break;
        }
}

/* ---- whole servers with threads: what the thread sanitizer looks at ---- */

typedef struct job {
    gw_token *token;
    int kind;
    struct job *next;
} job;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    job *first;
    bool over;
} jobs = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, false};

static void give(job *j)
{
    pthread_mutex_lock(&jobs.lock);
    j->next = jobs.first;
    jobs.first = j;
    pthread_cond_signal(&jobs.work);
    pthread_mutex_unlock(&jobs.lock);
}

static void go_on(void *ctx, gw_token *t)
{
    GW_UNUSED(t);
    give(ctx);
}

/* One step of a job; a stream goes on until its queue is full and is given back by go_on. */
static void work_on(job *j)
{
    static const char text[2000] = "text";
    if (j->kind == 0) {
        gw_shared *body = gw_shared_new(text, sizeof(text));
        gw_server_complete(j->token, 200, NULL, 0, body);
        gw_shared_unref(body);
    } else if (j->kind == 1) {
        gw_server_abort(j->token);
    } else {
        int r = 0;
        if (j->kind == 2)
            r = gw_server_begin(j->token, 200, NULL, 0, go_on, j, NULL);
        while (r == 0 && ++j->kind < 60)
            r = gw_server_write(j->token, text, sizeof(text));
        if (r == GW_STREAM_FULL)
            return;
        gw_server_end(j->token);
    }
    gw_free(j);
}

static void *worker(void *unused)
{
    GW_UNUSED(unused);
    pthread_mutex_lock(&jobs.lock);
    while (!jobs.over || jobs.first) {
        job *j = jobs.first;
        if (!j) {
            pthread_cond_wait(&jobs.work, &jobs.lock);
            continue;
        }
        jobs.first = j->next;
        pthread_mutex_unlock(&jobs.lock);
        work_on(j);
        pthread_mutex_lock(&jobs.lock);
    }
    pthread_mutex_unlock(&jobs.lock);
    return NULL;
}

static void mixed(void *ctx, const gw_server_request *q, gw_reply *r)
{
    gw_shared *document = ctx;
    job *j;
    switch (q->path[1]) {
    case 's':
        gw_reply_shared(r, 200, "text/plain", document);
        break;
    case 'd':
        j = gw_calloc(1, sizeof(*j));
        assert_non_null(j);
        j->kind = (int)(q->path[2] - '0');
        j->token = gw_reply_defer(r);
        assert_non_null(j->token);
        give(j);
        break;
    default:
        gw_reply_text(r, 200, "text/plain", "hello");
    }
}

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static int port;

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 20}, sizeof(struct timeval));
    return fd;
}

/* Pipelines a mix; every third time goes without waiting for the answers. */
static void *client(void *number)
{
    unsigned i = (unsigned)(uintptr_t)number;
    uintptr_t answered = 0;
    char in[65536];
    for (int round = 0; round < 12; round++) {
        static const char text[] =
            GET("/hello") GET("/shared") GET("/d0") GET("/d2") GET("/d1") "GET /d0 HTTP/1.1\r\nHost: h\r\n"
                                                                          "Connection: close\r\n\r\n";
        int fd = dial();
        if (fd < 0)
            break;
        bool waits = (i + (unsigned)round) % 3 != 0;
        ssize_t n = send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL);
        while (waits && n > 0) {
            n = recv(fd, in, sizeof(in) - 1, 0);
            in[n > 0 ? n : 0] = '\0';
        }
        if (!waits)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        else if (n == 0)
            answered++;
        close(fd);
    }
    return (void *)answered;
}

static void threads_together(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_server *s;
    static char bytes[100000];
    gw_shared *document = gw_shared_new(bytes, sizeof(bytes));
    gw_server_options o = {.listen = "127.0.0.1:0",
                           .threads = 3,
                           .handler = mixed,
                           .ctx = document,
                           .limits = {.stream_bytes = 10000, .output_bytes = 20000, .stop_ms = 5000}};
    pthread_t workers[2], clients[6];
    assert_int_equal(gw_server_new(&o, &s, &e), 0);
    port = gw_server_port(s);
    jobs.over = false;
    for (size_t i = 0; i < GW_COUNT(workers); i++)
        assert_int_equal(pthread_create(&workers[i], NULL, worker, NULL), 0);
    assert_int_equal(gw_server_start(s, &e), 0);
    assert_int_equal(gw_server_start(s, &e), GW_EUSAGE);
    for (size_t i = 0; i < GW_COUNT(clients); i++)
        assert_int_equal(pthread_create(&clients[i], NULL, client, (void *)(uintptr_t)i), 0);
    uintptr_t answered = 0;
    for (size_t i = 0; i < GW_COUNT(clients); i++) {
        void *n;
        pthread_join(clients[i], &n);
        answered += (uintptr_t)n;
        gw_server_stats stats;
        gw_server_stats_get(s, &stats); /* while it runs */
    }
    assert_int_equal(answered, 6 * 8); /* of 12 rounds each, 4 do not wait */
    int fd = dial();                   /* stops while an answer is outstanding */
    assert_true(fd >= 0 && send(fd, GET("/d0"), strlen(GET("/d0")), 0) > 0);
    gw_server_stop(s);
    close(fd);
    gw_server_stats stats;
    gw_server_stats_get(s, &stats);
    assert_int_equal(stats.open, 0);
    assert_true(stats.requests[2] >= 6 * 8 * 5);
    assert_true(stats.requests[5] >= 6 * 8); /* each /d1 is 502 */
    gw_server_free(s);
    pthread_mutex_lock(&jobs.lock);
    jobs.over = true;
    pthread_cond_broadcast(&jobs.work);
    pthread_mutex_unlock(&jobs.lock);
    for (size_t i = 0; i < GW_COUNT(workers); i++)
        pthread_join(workers[i], NULL);
    gw_shared_unref(document);
}

/* ---- a writer that always has more ---- */

static void pour(void *ctx, gw_token *t)
{
    static const char bytes[4000];
    atomic_bool *over = ctx;
    int r = 0;
    while (r == 0 && !atomic_load(over))
        r = gw_server_write(t, bytes, sizeof(bytes));
    if (r != GW_STREAM_FULL)
        gw_server_end(t);
}

static void endless(void *ctx, const gw_server_request *q, gw_reply *r)
{
    gw_token *t = strcmp(q->path, "/endless") == 0 ? gw_reply_defer(r) : NULL;
    if (!t)
        gw_reply_text(r, 200, NULL, "hello");
    else if (gw_server_begin(t, 200, NULL, 0, pour, ctx, NULL) == 0)
        pour(ctx, t);
}

static void *drink(void *number)
{
    static char in[1 << 20];
    int fd = *(int *)number;
    while (recv(fd, in, sizeof(in), 0) > 0)
        ;
    return NULL;
}

static void others_have_their_turn(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_server *s;
    atomic_bool over = false;
    gw_server_options o = {
        .listen = "127.0.0.1:0", .threads = 1, .handler = endless, .ctx = &over, .limits = {.stop_ms = 5000}};
    assert_int_equal(gw_server_new(&o, &s, &e), 0);
    port = gw_server_port(s);
    assert_int_equal(gw_server_start(s, &e), 0);
    pthread_t reader;
    int greedy = dial();
    assert_true(send(greedy, GET("/endless"), strlen(GET("/endless")), 0) > 0);
    assert_int_equal(pthread_create(&reader, NULL, drink, &greedy), 0);
    for (int i = 0; i < 50; i++) {
        char in[4096];
        int fd = dial();
        assert_true(fd >= 0 && send(fd, GET("/hello"), strlen(GET("/hello")), 0) > 0);
        ssize_t n = recv(fd, in, sizeof(in), 0); /* gives up after 20 s */
        assert_true(n > 12 && memcmp(in, "HTTP/1.1 200", 12) == 0);
        close(fd);
    }
    atomic_store(&over, true);
    gw_server_stop(s);
    pthread_join(reader, NULL);
    close(greedy);
    gw_server_free(s);
}

static void servers_without_memory(void **state)
{
    GW_UNUSED(state);
    gw_server_options o = {.listen = "127.0.0.1:0", .threads = 2, .handler = mixed, .name = "n"};
    for (uint64_t n = 1;; n++) {
        int64_t live = gw_mem_live();
        gw_error e = {0};
        gw_server *s = NULL;
        gw_mem_fail_at(n);
        int r = gw_server_new(&o, &s, &e);
        gw_mem_fail_at(0);
        assert_true(r == 0 || (r == GW_ENOMEM && !s && strlen(e.message)));
        gw_server_free(s);
        assert_int_equal(gw_mem_live(), live);
        if (r == 0)
            break;
    }
}

static void wrong_options(void **state)
{
    GW_UNUSED(state);
    const gw_server_options good = {.listen = "127.0.0.1:0", .handler = mixed};
    gw_server_options bad[8];
    for (size_t i = 0; i < GW_COUNT(bad); i++)
        bad[i] = good;
    bad[0].handler = NULL;
    bad[1].threads = 65;
    bad[2].threads = -1;
    bad[3].listen = NULL;
    bad[4].name = "a\r\nb";
    bad[5].tls.cert_file = "x";
    bad[6].limits.idle_ms = -1;
    bad[7].limits.header_bytes = SIZE_MAX;
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        gw_error e = {0};
        gw_server *s = NULL;
        assert_int_equal(gw_server_new(&bad[i], &s, &e), GW_EUSAGE);
        assert_null(s);
        assert_true(strlen(e.message) > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(completed),
        cmocka_unit_test(streamed),
        cmocka_unit_test(broken_off),
        cmocka_unit_test(held_back),
        cmocka_unit_test(the_client_goes),
        cmocka_unit_test(too_late),
        cmocka_unit_test(stopping),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(threads_together),
        cmocka_unit_test(others_have_their_turn),
        cmocka_unit_test(servers_without_memory),
        cmocka_unit_test(wrong_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
