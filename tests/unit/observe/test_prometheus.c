/*
 * The choice of the way and what it is asked for, against a small server in this process that answers by
 * path. Real servers and faults on the way are tests/integration/test_prometheus.py's.
 */
#include "gw_test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../support/collect.h"
#include "../support/reply_builder.h"
#include "../support/xor_reference.h"
#include "base/mem.h"
#include "observe/prometheus.h"

#define WINDOW ((gw_interval){INT64_C(1662858720000), INT64_C(1662858720000) + 3600000})

typedef struct answer {
    const char *status, *type;
    const char *body;
    size_t n;
} answer;

/* One connection after the other, one request each; what /api/v1/read, /query and /query_range answer can be
 * set. */
static struct server {
    int listener, port;
    pthread_t thread;
    answer read, query, query_range;
    char targets[64][512]; /* of the requests so far */
    int n;
    pthread_mutex_t lock;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void serve_one(int fd)
{
    static char in[65536];
    size_t n = 0;
    const char *end = NULL;
    while (n < sizeof(in) - 1 && !end) {
        ssize_t k = recv(fd, in + n, sizeof(in) - 1 - n, 0);
        if (k <= 0)
            return;
        n += (size_t)k;
        in[n] = '\0';
        end = strstr(in, "\r\n\r\n");
    }
    const char *length = strcasestr(in, "content-length: ");
    size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
    for (size_t have = n - (size_t)(end + 4 - in); have < body;) {
        static char rest[65536];
        ssize_t k = recv(fd, rest, sizeof(rest), 0);
        if (k <= 0)
            return;
        have += (size_t)k;
    }
    const char *target = strchr(in, ' ') + 1;
    pthread_mutex_lock(&server.lock);
    if (server.n < (int)GW_COUNT(server.targets))
        snprintf(server.targets[server.n++], sizeof(server.targets[0]), "%.*s", (int)strcspn(target, " "),
                 target);
    answer a = strncmp(target, "/api/v1/read", 12) == 0          ? server.read
               : strncmp(target, "/api/v1/query_range", 19) == 0 ? server.query_range
                                                                 : server.query;
    pthread_mutex_unlock(&server.lock);
    char head[512];
    int h = snprintf(head, sizeof(head),
                     "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                     a.status, a.type, a.n);
    if (send(fd, head, (size_t)h, MSG_NOSIGNAL) == h && a.n)
        (void)!send(fd, a.body, a.n, MSG_NOSIGNAL);
}

static void *serve(void *unused)
{
    GW_UNUSED(unused);
    for (;;) {
        int fd = accept(server.listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        serve_one(fd);
        shutdown(fd, SHUT_WR);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        char rest[256];
        while (poll(&p, 1, 200) > 0 && recv(fd, rest, sizeof(rest), 0) > 0) /* until the client has closed */
            ;
        close(fd);
    }
}

static int start(void **state)
{
    GW_UNUSED(state);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(server.listener, (struct sockaddr *)&a, n) || listen(server.listener, 64) ||
        getsockname(server.listener, (struct sockaddr *)&a, &n))
        return -1;
    server.port = ntohs(a.sin_port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int stop(void **state)
{
    GW_UNUSED(state);
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
    return 0;
}

static const answer not_found = {"404 Not Found", "text/plain", "no", 2};
static const answer bad_request = {"400 Bad Request", "application/json", "{}", 2};

static answer text_answer(const char *status, const char *type, const char *body)
{
    return (answer){status, type, body, strlen(body)};
}

#define MATRIX(x) "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[" x "]}}"

/* A stream with one series of two samples, in the encoding wanted. */
static answer stream_answer(gw_buf *out, unsigned encoding)
{
    uint8_t bytes[64];
    xor_writer w;
    gw_buf series, message;
    gw_buf_init(&series, 4096);
    gw_buf_init(&message, 4096);
    gw_buf_clear(out);
    xor_begin(&w, bytes, sizeof(bytes));
    xor_append(&w, WINDOW.start_ms, 1);
    xor_append(&w, WINDOW.start_ms + 30000, 2);
    reply_label(&series, "__name__", "m");
    reply_chunk(&series, WINDOW.start_ms, WINDOW.start_ms + 30000, encoding, bytes, xor_end(&w));
    gw_proto_put_message(&message, 1, &series);
    reply_frame(out, &message);
    gw_buf_free(&series);
    gw_buf_free(&message);
    return (answer){"200 OK", "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse",
                    out->data, out->len};
}

static void setup(answer read, answer query, answer query_range)
{
    pthread_mutex_lock(&server.lock);
    server.read = read;
    server.query = query;
    server.query_range = query_range;
    server.n = 0;
    pthread_mutex_unlock(&server.lock);
}

typedef struct outcome {
    int rc;
    gw_prom_mode way;
    gw_source_stats stats;
    char describe[512], warnings[512];
    gw_error e;
} outcome;

/* Opens, reads the two metrics of cAdvisor, closes. */
static outcome read_once(gw_prom_options o, gw_interval range, collect *c)
{
    char url[64];
    outcome r = {0};
    gw_source s = {0};
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", server.port);
    o.http.base_url = url;
    o.http.proxy = "";
    o.http.max_concurrency = o.http.max_concurrency ? o.http.max_concurrency : 1;
    o.http.backoff_ms = 1;
    r.rc = gw_prom_open(&o, &s, &r.e);
    if (r.rc)
        return r;
    r.rc = s.read(s.self, GW_FAMILIES_CADVISOR, range, &c->sink, &r.e);
    r.way = gw_prom_mode_taken(&s);
    s.stats(s.self, &r.stats);
    snprintf(r.describe, sizeof(r.describe), "%s", s.describe(s.self));
    const char *w = s.warnings(s.self);
    snprintf(r.warnings, sizeof(r.warnings), "%s", w ? w : "");
    s.free(s.self);
    return r;
}

/* The answer of every query, once for each metric of the group. */
#define CONTAINERS                                                                                           \
    "container_cpu_usage_seconds_total{} 1662858720000=7\n"                                                  \
    "container_memory_working_set_bytes{} 1662858720000=7\n"                                                 \
    "container_fs_usage_bytes{} 1662858720000=7"

static void ways_in_their_order(void **state)
{
    GW_UNUSED(state);
    gw_buf out;
    gw_buf_init(&out, 4096);
    const answer stream = stream_answer(&out, 1);
    const answer matrix =
        text_answer("200 OK", "application/json", MATRIX("{\"metric\":{},\"values\":[[1662858720,\"7\"]]}"));
    const struct {
        gw_prom_mode mode;
        answer read, query, query_range;
        int rc;
        gw_prom_mode way;
        uint64_t requests;
        const char *text;
    } cases[] = {
        {GW_PROM_AUTO, stream, not_found, not_found, 0, GW_PROM_REMOTE_READ, 1,
         "m{} 1662858720000=1 1662858750000=2"},
        {GW_PROM_AUTO, not_found, matrix, not_found, 0, GW_PROM_QUERY, 1 + 3, CONTAINERS},
        {GW_PROM_AUTO, not_found, bad_request, matrix, 0, GW_PROM_QUERY_RANGE, 1 + 3 + 3, CONTAINERS},
        {GW_PROM_QUERY, stream, bad_request, matrix, 0, GW_PROM_QUERY_RANGE, 3 + 3, CONTAINERS},
        {GW_PROM_QUERY_RANGE, stream, matrix, matrix, 0, GW_PROM_QUERY_RANGE, 3, CONTAINERS},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        collect c;
        collect_init(&c);
        setup(cases[i].read, cases[i].query, cases[i].query_range);
        outcome r = read_once((gw_prom_options){.mode = cases[i].mode}, WINDOW, &c);
        assert_int_equal(r.rc, cases[i].rc);
        assert_int_equal(r.way, cases[i].way);
        assert_int_equal(r.stats.requests, cases[i].requests);
        assert_string_equal(collect_text(&c), cases[i].text);
        assert_string_equal(r.warnings, "");
        collect_free(&c);
    }
    gw_buf_free(&out);
}

/* Chunks that this version cannot read: another way where one may be chosen, else a warning. */
static void chunks_from_the_future(void **state)
{
    GW_UNUSED(state);
    gw_buf out;
    collect c;
    gw_buf_init(&out, 4096);
    collect_init(&c);
    setup(stream_answer(&out, 9), text_answer("200 OK", "application/json", MATRIX("")), not_found);
    outcome r = read_once((gw_prom_options){.mode = GW_PROM_AUTO}, WINDOW, &c);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.way, GW_PROM_QUERY);
    assert_non_null(strstr(r.describe, "encoding 9"));
    assert_string_equal(r.warnings, "");
    r = read_once((gw_prom_options){.mode = GW_PROM_REMOTE_READ}, WINDOW, &c);
    assert_int_equal(r.rc, 0);
    assert_non_null(strstr(r.warnings, "samples are missing"));
    assert_string_equal(collect_text(&c), "");
    collect_free(&c);
    gw_buf_free(&out);
}

/* The queries as they go out, decoded by hand from what PromQL and the query API say. */
static void what_is_asked(void **state)
{
    GW_UNUSED(state);
    collect c;
    collect_init(&c);
    setup(not_found, text_answer("200 OK", "application/json", MATRIX("")),
          text_answer("200 OK", "application/json", MATRIX("")));
    outcome r =
        read_once((gw_prom_options){.mode = GW_PROM_QUERY, .extra_matchers = "a=\"b c\""}, WINDOW, &c);
    assert_int_equal(r.rc, 0);
    /* 3,600,000 ms and 2 more on both sides; the instant 2 ms after the end */
    assert_string_equal(
        server.targets[0],
        "/api/v1/query?query=container_cpu_usage_seconds_total%7Bcontainer%21%3D%22%22%2Cimage%21%3D%22%22"
        "%2Ca%3D%22b%20c%22%7D%5B3600004ms%5D&time=1662862320.002");
    setup(not_found, not_found, text_answer("200 OK", "application/json", MATRIX("")));
    r = read_once((gw_prom_options){.mode = GW_PROM_QUERY_RANGE, .step_ms = 60000},
                  (gw_interval){WINDOW.start_ms + 1, WINDOW.end_ms}, &c);
    assert_int_equal(r.rc, 0);
    /* 1662858720 is a multiple of 60: the first minute after it, and the last one before the end */
    assert_string_equal(
        server.targets[1],
        "/api/v1/"
        "query_range?query=last_over_time%28container_memory_working_set_bytes%7Bcontainer%21%3D%22%22"
        "%2Cimage%21%3D%22%22%7D%5B60000ms%5D%29&start=1662858780.000&end=1662862260.000&step=60.000");
    /* between two instants of the grid there is nothing to ask */
    server.n = 0;
    r = read_once((gw_prom_options){.mode = GW_PROM_QUERY_RANGE, .step_ms = 60000},
                  (gw_interval){WINDOW.start_ms + 1, WINDOW.start_ms + 2}, &c);
    assert_int_equal(r.rc, 0);
    assert_int_equal(server.n, 0);
    collect_free(&c);
}

/* At most 11,000 points a series in a request. */
static void query_range_keeps_to_its_bound(void **state)
{
    GW_UNUSED(state);
    collect c;
    collect_init(&c);
    setup(not_found, not_found, text_answer("200 OK", "application/json", MATRIX("")));
    outcome r = read_once((gw_prom_options){.mode = GW_PROM_QUERY_RANGE, .step_ms = 1000},
                          (gw_interval){WINDOW.start_ms, WINDOW.start_ms + 24000 * 1000}, &c);
    assert_int_equal(r.rc, 0);
    /* 24,000 points at a second each: 10,999 + 10,999 + 2,002 */
    assert_int_equal(r.stats.requests, 3 * 3); /* for each metric of the group */
    for (int i = 0; i < server.n; i++) {
        double from = strtod(strstr(server.targets[i], "start=") + 6, NULL);
        double to = strtod(strstr(server.targets[i], "end=") + 4, NULL);
        assert_true(to - from + 1 <= 11000);
    }
    collect_free(&c);
}

static void bad_options(void **state)
{
    GW_UNUSED(state);
    gw_source s = {.self = &s};
    gw_error e = {0};
    gw_prom_options o = {.http.base_url = "http://127.0.0.1:1", .extra_matchers = "a~b"};
    assert_int_equal(gw_prom_open(&o, &s, &e), GW_EUSAGE);
    assert_ptr_equal(s.self, &s);
    o = (gw_prom_options){.http.base_url = "ftp://x"};
    assert_int_equal(gw_prom_open(&o, &s, &e), GW_EUSAGE);
    assert_ptr_equal(s.self, &s);
}

static void every_allocation_fails_once(void **state)
{
    GW_UNUSED(state);
    gw_buf out;
    gw_buf_init(&out, 4096);
    const answer stream = stream_answer(&out, 1);
    const answer matrix =
        text_answer("200 OK", "application/json", MATRIX("{\"metric\":{},\"values\":[[1662858720,\"7\"]]}"));
    for (int way = 0; way < 2; way++) {
        uint64_t n = 1, failures = 0;
        setup(way ? not_found : stream, matrix, not_found);
        for (;; n++) {
            static char room[8192];
            collect c;
            collect_init(&c);
            c.text = (gw_buf){.data = room, .cap = sizeof(room), .max = sizeof(room) - 1};
            gw_mem_fail_at(n);
            outcome r = read_once((gw_prom_options){.extra_matchers = "a=\"b\""}, WINDOW, &c);
            bool reached = gw_mem_count() >= n;
            gw_mem_fail_at(0);
            if (!reached) {
                assert_int_equal(r.rc, 0);
                break;
            }
            /* libcurl can do without some of what it asks for, and says of other things that they cannot be
             * done; but a read that says it went well has given everything */
            failures += r.rc != 0;
            if (r.rc == 0 && !r.warnings[0])
                assert_int_equal(c.samples, way ? 3 : 2);
            assert_true(r.rc == 0 || strlen(r.e.message) > 0);
        }
        assert_true(failures > 20);
    }
    gw_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways_in_their_order), cmocka_unit_test(chunks_from_the_future),
        cmocka_unit_test(what_is_asked),       cmocka_unit_test(query_range_keeps_to_its_bound),
        cmocka_unit_test(bad_options),         cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("prometheus", tests, start, stop);
}
