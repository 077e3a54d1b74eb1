/* The server as its users see it: options, the listening socket, threads, figures. */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/number.h"
#include "net/http_server_internal.h"

#define THREADS_MAX 64
#define BACKLOG     4096 /* the kernel cuts it to net.core.somaxconn */

const int64_t gw_server_latency_us[GW_SERVER_LATENCIES] = {
    100,    250,    500,    1000,    2500,    5000,    10000,    25000,    50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, INT64_MAX};

/* ---- options ---- */

static void fill_size(size_t *v, size_t initial)
{
    if (*v == 0)
        *v = initial;
}

static void fill_ms(int64_t *v, int64_t initial)
{
    if (*v == 0)
        *v = initial;
}

void gw_server_limits_fill(gw_server_limits *l)
{
    fill_size(&l->header_bytes, (size_t)16 * 1024);
    fill_size(&l->headers, 100);
    fill_size(&l->uri_bytes, (size_t)8 * 1024);
    fill_size(&l->body_bytes, (size_t)1024 * 1024);
    fill_size(&l->arena_bytes, (size_t)64 * 1024 * 1024);
    fill_size(&l->output_bytes, (size_t)256 * 1024);
    fill_size(&l->stream_bytes, (size_t)256 * 1024);
    fill_size(&l->connections, 10000);
    if (l->requests == 0)
        l->requests = 1000000;
    fill_ms(&l->header_ms, 10 * GW_SECOND_MS);
    fill_ms(&l->body_ms, 30 * GW_SECOND_MS);
    fill_ms(&l->idle_ms, GW_MINUTE_MS);
    fill_ms(&l->write_ms, 30 * GW_SECOND_MS);
    fill_ms(&l->deferred_ms, 5 * GW_MINUTE_MS);
    fill_ms(&l->stop_ms, 10 * GW_SECOND_MS);
}

static int check_limits(const gw_server_limits *l, gw_error *e)
{
    const size_t sizes[] = {l->header_bytes, l->headers,      l->uri_bytes,    l->body_bytes,
                            l->arena_bytes,  l->output_bytes, l->stream_bytes, l->connections};
    const int64_t times[] = {l->header_ms, l->body_ms, l->idle_ms, l->write_ms, l->deferred_ms, l->stop_ms};
    for (size_t i = 0; i < GW_COUNT(sizes); i++)
        if (sizes[i] > (size_t)1 << 40)
            return gw_fail(e, GW_EUSAGE, "HTTP server: a size among the limits is out of range");
    for (size_t i = 0; i < GW_COUNT(times); i++)
        if (times[i] < 0 || times[i] > 365 * GW_DAY_MS)
            return gw_fail(e, GW_EUSAGE, "HTTP server: a time among the limits is out of range");
    return 0;
}

static int64_t clock_us(void *unused)
{
    GW_UNUSED(unused);
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return GW_MAX(1, GW_MIN(n, THREADS_MAX));
}

/* ---- the address ---- */

static int fail_address(const char *text, gw_error *e)
{
    return gw_fail(e, GW_EUSAGE,
                   "'%.100s' is no address to listen at; write it as 127.0.0.1:9797, [::1]:9797 or :9797",
                   text);
}

static int parse_address(const char *text, struct sockaddr_storage *ret, gw_error *e)
{
    const char *colon = text ? strrchr(text, ':') : NULL;
    int64_t port;
    if (!colon || !gw_parse_int64(gw_str_of(colon + 1), &port) || port < 0 || port > 65535 || colon[1] == '+')
        return fail_address(text ? text : "", e);
    char host[INET6_ADDRSTRLEN];
    size_t n = (size_t)(colon - text);
    bool v6 = n >= 2 && text[0] == '[' && text[n - 1] == ']';
    if (v6) {
        text++;
        n -= 2;
    }
    if (n >= sizeof(host))
        return fail_address(text, e);
    memcpy(host, text, n);
    host[n] = '\0';
    *ret = (struct sockaddr_storage){0};
    struct sockaddr_in *in4 = (void *)ret;
    struct sockaddr_in6 *in6 = (void *)ret;
    if (v6 || n == 0) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        if (n && inet_pton(AF_INET6, host, &in6->sin6_addr) != 1)
            return fail_address(text, e);
        return 0;
    }
    in4->sin_family = AF_INET;
    in4->sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, gw_eq(host, "localhost") ? "127.0.0.1" : host, &in4->sin_addr) != 1)
        return fail_address(text, e);
    return 0;
}

static int open_socket(const struct sockaddr_storage *a, bool any, int *ret)
{
    int fd = socket(a->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (a->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){!any}, sizeof(int));
    socklen_t n = a->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (bind(fd, (const struct sockaddr *)a, n) != 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        close(fd);
        return error;
    }
    *ret = fd;
    return 0;
}

static void describe(gw_server *s, const struct sockaddr_storage *a)
{
    char peer[GW_PEER_TEXT];
    gw_peer_text(a, peer, &s->loopback);
    s->port = ntohs(a->ss_family == AF_INET ? ((const struct sockaddr_in *)a)->sin_port
                                            : ((const struct sockaddr_in6 *)a)->sin6_port);
    bool any = gw_has_prefix(peer, "0.0.0.0:") || gw_has_prefix(peer, "[::]:");
    if (any)
        snprintf(peer, sizeof(peer), "127.0.0.1:%d", s->port); /* one of those that it listens at */
    snprintf(s->url, sizeof(s->url), "%s://%s", s->options.tls.cert_file ? "https" : "http", peer);
}

static int open_listener(gw_server *s, const char *text, gw_error *e)
{
    struct sockaddr_storage a;
    int r = parse_address(text, &a, e);
    if (r)
        return r;
    bool any = text[0] == ':';
    int error = open_socket(&a, any, &s->listen_fd);
    if (error == EAFNOSUPPORT && any) { /* a kernel without IPv6 */
        in_port_t port = ((struct sockaddr_in6 *)&a)->sin6_port;
        a = (struct sockaddr_storage){0};
        ((struct sockaddr_in *)&a)->sin_family = AF_INET;
        ((struct sockaddr_in *)&a)->sin_port = port;
        error = open_socket(&a, any, &s->listen_fd);
    }
    if (error) {
        errno = error;
        return gw_fail(e, GW_ECONNECT, "cannot listen at %.100s: %m%s", text,
                       error == EADDRINUSE ? "; something else listens there" : "");
    }
    socklen_t n = sizeof(a);
    getsockname(s->listen_fd, (struct sockaddr *)&a, &n);
    describe(s, &a);
    return 0;
}

/* ---- life ---- */

static int copy_text(char **to, const char *text, gw_error *e)
{
    if (!text)
        return 0;
    *to = gw_strdup(text);
    return *to ? 0 : gw_fail_memory(e);
}

static int server_init(gw_server *s, const gw_server_options *o, gw_error *e)
{
    int r = check_limits(&s->options.limits, e);
    if (r == 0 && (!o->handler || o->threads < 0 || o->threads > THREADS_MAX))
        r = gw_fail(e, GW_EUSAGE, "HTTP server: no handler, or a number of threads outside 0..%d",
                    THREADS_MAX);
    if (r == 0 && o->name && !gw_header_is_ok("Server", o->name))
        r = gw_fail(e, GW_EUSAGE, "HTTP server: the name holds a control character");
    if (r == 0 && !o->tls.cert_file != !o->tls.key_file)
        r = gw_fail(e, GW_EUSAGE, "TLS needs both a certificate and a key file");
    if (r == 0)
        r = copy_text(&s->cert_file, o->tls.cert_file, e);
    if (r == 0)
        r = copy_text(&s->key_file, o->tls.key_file, e);
    if (r == 0)
        r = copy_text(&s->name, o->name, e);
    if (r)
        return r;
    s->options.tls = (gw_server_tls){s->cert_file, s->key_file};
    s->options.name = s->name;
    if (s->cert_file)
        r = gw_tls_server_new(s->cert_file, s->key_file, &s->tls, e);
    if (r == 0)
        r = open_listener(s, o->listen, e);
    if (r)
        return r;
    s->options.listen = NULL; /* the caller's */
    s->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->stop_fd < 0)
        return gw_fail(e, GW_EIO, "HTTP server: no eventfd: %m");
    int n = o->threads ? o->threads : cores();
    s->loops = gw_calloc((size_t)n, sizeof(gw_loop *));
    if (!s->loops)
        return gw_fail_memory(e);
    for (; s->n_loops < n; s->n_loops++) {
        s->loops[s->n_loops] = gw_loop_new(s, s->n_loops, e);
        if (!s->loops[s->n_loops])
            return e ? e->code : GW_ENOMEM;
    }
    return 0;
}

int gw_server_new(const gw_server_options *o, gw_server **ret, gw_error *e)
{
    gw_error own;
    gw_server *s = gw_calloc(1, sizeof(*s));
    if (!s)
        return gw_fail_memory(e);
    s->options = *o;
    s->options.tls = (gw_server_tls){0};
    if (!o->wall_ms)
        s->options.wall_ms = gw_clock_system;
    if (!o->monotonic_us)
        s->options.monotonic_us = clock_us;
    gw_server_limits_fill(&s->options.limits);
    s->listen_fd = s->stop_fd = -1;
    int r = server_init(s, o, e ? e : &own);
    if (r) {
        gw_server_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

int gw_server_port(const gw_server *s)
{
    return s->port;
}

const char *gw_server_url(const gw_server *s)
{
    return s->url;
}

bool gw_server_is_loopback(const gw_server *s)
{
    return s->loopback;
}

int gw_server_start(gw_server *s, gw_error *e)
{
    if (s->started)
        return gw_fail(e, GW_EUSAGE, "HTTP server: it was started before");
    s->started = true;
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int started = 0, error = 0;
    for (; started < s->n_loops && !error; started += !error)
        error = pthread_create(&s->loops[started]->thread, NULL, gw_loop_main, s->loops[started]);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (!error)
        return 0;
    gw_server_stop_begin(s);
    for (int i = 0; i < started; i++)
        pthread_join(s->loops[i]->thread, NULL);
    s->joined = true;
    errno = error;
    return gw_fail(e, GW_EIO, "HTTP server: a thread cannot be started: %m");
}

void gw_server_stop_begin(gw_server *s)
{
    /* nothing here that a signal handler must not do */
    int saved = errno;
    atomic_store(&s->stopping, true);
    for (int i = 0; i < s->n_loops; i++)
        gw_mailbox_wake(s->loops[i]->box);
    ssize_t n = write(s->stop_fd, &(uint64_t){1}, sizeof(uint64_t));
    GW_UNUSED(n);
    errno = saved;
}

void gw_server_stop(gw_server *s)
{
    if (!s->started || s->joined)
        return;
    gw_server_stop_begin(s);
    for (int i = 0; i < s->n_loops; i++)
        pthread_join(s->loops[i]->thread, NULL);
    s->joined = true;
}

int gw_server_run(gw_server *s, gw_error *e)
{
    int r = gw_server_start(s, e);
    if (r)
        return r;
    struct pollfd p = {.fd = s->stop_fd, .events = POLLIN};
    while (!atomic_load(&s->stopping))
        poll(&p, 1, -1);
    gw_server_stop(s);
    return 0;
}

void gw_server_free(gw_server *s)
{
    if (!s)
        return;
    gw_server_stop(s);
    for (int i = 0; i < s->n_loops; i++)
        gw_loop_free(s->loops[i]);
    gw_free(s->loops);
    gw_tls_server_free(s->tls);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    gw_free(s->cert_file);
    gw_free(s->key_file);
    gw_free(s->name);
    gw_free(s);
}

int gw_server_tls_reload(gw_server *s, gw_error *e)
{
    if (!s->tls)
        return gw_fail(e, GW_EUSAGE, "HTTP server: it has no TLS");
    return gw_tls_server_reload(s->tls, e);
}

/* ---- figures ---- */

static void add(uint64_t *to, const atomic_uint_fast64_t *from)
{
    *to += atomic_load_explicit(from, memory_order_relaxed);
}

void gw_server_stats_get(const gw_server *s, gw_server_stats *ret)
{
    gw_server_stats t = {0};
    for (int i = 0; i < s->n_loops; i++) {
        const gw_counts *c = &s->loops[i]->counts;
        add(&t.accepted, &c->accepted);
        add(&t.refused, &c->refused);
        add(&t.open, &c->open);
        add(&t.timeouts, &c->timeouts);
        add(&t.malformed, &c->malformed);
        add(&t.bytes_in, &c->bytes_in);
        add(&t.bytes_out, &c->bytes_out);
        add(&t.latency_sum_us, &c->latency_sum_us);
        add(&t.tls_handshakes, &c->tls_handshakes);
        add(&t.tls_failures, &c->tls_failures);
        for (size_t j = 0; j < GW_COUNT(t.requests); j++)
            add(&t.requests[j], &c->requests[j]);
        for (size_t j = 0; j < GW_SERVER_LATENCIES; j++)
            add(&t.latency[j], &c->latency[j]);
    }
    if (s->tls)
        gw_tls_server_counts(s->tls, &t.tls_reloads, &t.tls_reload_failures);
    *ret = t;
}
