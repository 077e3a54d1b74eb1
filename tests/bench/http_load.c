/*
 * Load for an HTTP server: a fixed number of requests a second, whatever the server does (open loop), over a
 * fixed number of kept connections, and how long the answers took. A request's time counts from when it was
 * due, not from when a connection was free for it: a server that stalls cannot hide the requests that it kept
 * from being sent.
 *
 * usage: http-load ADDR:PORT [rate=1000] [seconds=10] [connections=64] [pid=N] [every=10] [header="Name:
 * value"]... PATH... The paths are asked in turn. pid: the server's, whose memory and processor time are
 * printed. every: seconds between lines. Prints p50, p99, p99.9 and the longest in milliseconds, statuses,
 * errors. Exit code 1 if there were errors.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"

#define PATHS_MAX       64
#define CONNECTIONS_MAX 4096
#define HEAD_MAX        ((size_t)64 * 1024)
#define LATE_S          10 /* after the last request, for answers that are outstanding */

/* Times in 64 steps to each power of two (1.6 %), from 1 us to 2^36 us. */
#define STEPS   64
#define BUCKETS (37 * STEPS)

typedef struct histogram {
    uint64_t n, bucket[BUCKETS];
    int64_t longest_us;
} histogram;

typedef struct client {
    int fd;
    bool busy, connected;
    int64_t due_us;
    gw_buf out; /* the request */
    size_t sent;
    gw_buf head;
    int64_t body_left; /* -1: the head is not whole; -2: chunked, to the end of the last chunk */
    int status;
    char tail[5]; /* of a chunked body */
} client;

typedef struct load {
    struct sockaddr_in to;
    const char *host, *paths[PATHS_MAX];
    size_t n_paths;
    gw_buf headers;
    int64_t rate, seconds, n_clients, pid, every;
    int epoll;
    client *clients;
    histogram all, recent;
    uint64_t statuses[6], errors, sent, waited_most;
    uint64_t bytes;
    int64_t rss_first, rss_last, rss_most;
} load;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- the histogram ---- */

static size_t bucket_of(int64_t us)
{
    uint64_t v = us < 1 ? 1 : (uint64_t)us;
    int power = 63 - __builtin_clzll(v);
    uint64_t step = power >= 6 ? (v >> (power - 6)) - STEPS : (v << (6 - power)) - STEPS;
    return GW_MIN((size_t)power * STEPS + step, (size_t)BUCKETS - 1);
}

static int64_t upper_us(size_t bucket)
{
    size_t power = bucket / STEPS, step = bucket % STEPS + 1;
    return (int64_t)((((uint64_t)STEPS + step) << power) / STEPS);
}

static void record(histogram *h, int64_t us)
{
    h->n++;
    h->bucket[bucket_of(us)]++;
    h->longest_us = GW_MAX(h->longest_us, us);
}

static double quantile_ms(const histogram *h, double q)
{
    uint64_t want = (uint64_t)((double)h->n * q), seen = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        seen += h->bucket[i];
        if (seen > want || seen == h->n)
            return (double)GW_MIN(upper_us(i), h->longest_us) / 1000;
    }
    return 0;
}

/* ---- the server's process ---- */

static int64_t rss_kib(int64_t pid)
{
    char path[64], line[256];
    int64_t kib = -1;
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/status", pid);
    FILE *f = pid > 0 ? fopen(path, "r") : NULL;
    while (f && fgets(line, sizeof(line), f))
        if (gw_has_prefix(line, "VmRSS:"))
            kib = strtoll(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return kib;
}

static double cpu_s(int64_t pid)
{
    char path[64], line[1024] = "";
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
    FILE *f = pid > 0 ? fopen(path, "r") : NULL;
    if (f && !fgets(line, sizeof(line), f))
        line[0] = '\0';
    if (f)
        fclose(f);
    unsigned long user = 0, system = 0;
    const char *p = strrchr(line, ')');
    if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void print_line(load *l, const char *what, const histogram *h)
{
    int64_t rss = rss_kib(l->pid);
    printf("%-8s %9" PRIu64 " answers  p50 %8.3f  p99 %8.3f  p99.9 %8.3f  max %9.3f ms  errors %" PRIu64,
           what, h->n, quantile_ms(h, 0.5), quantile_ms(h, 0.99), quantile_ms(h, 0.999),
           (double)h->longest_us / 1000, l->errors);
    if (rss >= 0)
        printf("  rss %.1f MiB", (double)rss / 1024);
    printf("\n");
    fflush(stdout);
    if (rss >= 0) {
        l->rss_first = l->rss_first ? l->rss_first : rss;
        l->rss_last = rss;
        l->rss_most = GW_MAX(l->rss_most, rss);
    }
}

/* ---- clients ---- */

static bool client_connect(load *l, client *c)
{
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if ((connect(c->fd, (const struct sockaddr *)&l->to, sizeof(l->to)) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0) {
        close(c->fd);
        c->fd = -1;
        return false;
    }
    return true;
}

static void client_drop(load *l, client *c)
{
    l->errors += c->busy;
    c->busy = false;
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static void answered(load *l, client *c, bool keep)
{
    int64_t us = now_us() - c->due_us;
    record(&l->all, us);
    record(&l->recent, us);
    l->statuses[c->status / 100 < 6 ? c->status / 100 : 0]++;
    c->busy = false;
    if (!keep)
        client_drop(l, c);
}

static const char *header(const char *head, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = head; (p = strstr(p, "\r\n")) != NULL; p += 2)
        if (strncasecmp(p + 2, name, n) == 0 && p[2 + n] == ':')
            return p + 3 + n + strspn(p + 3 + n, " ");
    return NULL;
}

static bool read_head(client *c)
{
    const char *length = header(c->head.data, "Content-Length"),
               *coding = header(c->head.data, "Transfer-Encoding");
    int64_t v;
    if (c->head.len < 12 || !gw_parse_int64((gw_str){c->head.data + 9, 3}, &v) || v < 100 || v > 599)
        return false;
    c->status = (int)v;
    c->body_left = 0;
    if (coding)
        c->body_left = -2;
    else if (length && gw_parse_int64((gw_str){length, strspn(length, "0123456789")}, &v))
        c->body_left = v;
    else if (v != 304 && v != 204)
        return false;
    memset(c->tail, 0, sizeof(c->tail));
    return true;
}

/* The last five bytes tell the end of chunks: good enough for a load, whose answers are known. */
static void read_chunks(client *c, const char *p, size_t n)
{
    for (size_t i = n > 5 ? n - 5 : 0; i < n; i++) {
        memmove(c->tail, c->tail + 1, 4);
        c->tail[4] = p[i];
    }
    if (memcmp(c->tail, "0\r\n\r\n", 5) == 0)
        c->body_left = 0;
}

static bool take(load *l, client *c, const char *p, size_t n)
{
    l->bytes += n;
    if (!c->busy)
        return false;
    if (c->body_left == -1) {
        size_t had = c->head.len;
        gw_buf_add(&c->head, p, n);
        const char *end = c->head.data ? strstr(c->head.data + (had > 3 ? had - 3 : 0), "\r\n\r\n") : NULL;
        if (!end)
            return c->head.failed == 0;
        size_t body = c->head.len - (size_t)(end + 4 - c->head.data);
        c->head.data[end + 2 - c->head.data] = '\0';
        if (!read_head(c))
            return false;
        p += n - GW_MIN(body, n);
        n = GW_MIN(body, n);
    }
    if (c->body_left == -2)
        read_chunks(c, p, n);
    else if ((int64_t)n > c->body_left)
        return false;
    else
        c->body_left -= (int64_t)n;
    if (c->body_left == 0) {
        const char *connection = header(c->head.data, "Connection");
        answered(l, c, !connection || strncasecmp(connection, "close", 5) != 0);
    }
    return true;
}

static void receive(load *l, client *c)
{
    static char in[256 * 1024];
    while (c->fd >= 0) {
        ssize_t n = recv(c->fd, in, sizeof(in), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0 || !take(l, c, in, (size_t)n))
            client_drop(l, c);
    }
}

static void transmit(load *l, client *c)
{
    while (c->fd >= 0 && c->busy && c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN))
            return;
        if (n < 0)
            client_drop(l, c);
        else
            c->sent += (size_t)n;
    }
}

static void ask(load *l, client *c, int64_t due_us)
{
    c->due_us = due_us;
    c->sent = 0;
    c->body_left = -1;
    gw_buf_clear(&c->head);
    gw_buf_clear(&c->out);
    gw_buf_printf(&c->out, "GET %s HTTP/1.1\r\nHost: %s\r\n", l->paths[l->sent % l->n_paths], l->host);
    gw_buf_add(&c->out, l->headers.data, l->headers.len);
    gw_buf_puts(&c->out, "\r\n");
    l->sent++;
    c->busy = true;
    if (c->fd < 0 && !client_connect(l, c)) {
        client_drop(l, c);
        return;
    }
    transmit(l, c);
}

/* ---- the run ---- */

static void serve_events(load *l, int wait_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(l->epoll, events, GW_COUNT(events), wait_ms);
    for (int i = 0; i < n; i++) {
        client *c = events[i].data.ptr;
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            receive(l, c);
        if (events[i].events & EPOLLOUT)
            transmit(l, c);
    }
}

static client *free_client(load *l, size_t *at)
{
    for (int64_t i = 0; i < l->n_clients; i++) {
        *at = (*at + 1) % (size_t)l->n_clients;
        if (!l->clients[*at].busy)
            return &l->clients[*at];
    }
    return NULL;
}

static void run(load *l)
{
    int64_t begin = now_us(), end = begin + l->seconds * 1000000, line = begin + l->every * 1000000;
    uint64_t total = (uint64_t)(l->rate * l->seconds);
    size_t at = 0;
    double cpu = cpu_s(l->pid);
    for (int64_t now = begin; l->sent < total && now < end + LATE_S * 1000000; now = now_us()) {
        /* the next one is due at a fixed time, whether a connection is free or not */
        int64_t due = begin + (int64_t)((double)l->sent * 1e6 / (double)l->rate);
        client *c = due <= now ? free_client(l, &at) : NULL;
        if (c) {
            ask(l, c, due);
            continue;
        }
        if (due <= now)
            l->waited_most = GW_MAX(l->waited_most, (uint64_t)(now - due));
        serve_events(l, due <= now || due - now < 1000 ? 0 : (int)((due - now) / 1000));
        if (now >= line) {
            char what[32];
            snprintf(what, sizeof(what), "%" PRId64 " s", (now - begin) / 1000000);
            print_line(l, what, &l->recent);
            l->recent = (histogram){0};
            line += l->every * 1000000;
        }
    }
    int64_t last = now_us() + LATE_S * 1000000;
    for (bool busy = true; busy && now_us() < last;) {
        serve_events(l, 10);
        busy = false;
        for (int64_t i = 0; i < l->n_clients; i++)
            busy |= l->clients[i].busy;
    }
    for (int64_t i = 0; i < l->n_clients; i++)
        client_drop(l, &l->clients[i]);
    double took = (double)(now_us() - begin) / 1e6;
    l->errors += total - l->sent;
    print_line(l, "all", &l->all);
    printf("asked %" PRIu64 " in %.1f s: %.0f answers/s, %.1f MB/s; 2xx %" PRIu64 " 3xx %" PRIu64
           " 4xx %" PRIu64 " 5xx %" PRIu64 "; longest wait for a connection %.1f ms\n",
           l->sent, took, (double)l->all.n / took, (double)l->bytes / took / 1e6, l->statuses[2],
           l->statuses[3], l->statuses[4], l->statuses[5], (double)l->waited_most / 1000);
    if (l->pid > 0)
        printf("server: %.2f s of processor (%.1f %% of one), rss first %.1f last %.1f most %.1f MiB\n",
               cpu_s(l->pid) - cpu, (cpu_s(l->pid) - cpu) / took * 100, (double)l->rss_first / 1024,
               (double)l->rss_last / 1024, (double)l->rss_most / 1024);
}

static bool number(const char *arg, const char *name, int64_t least, int64_t most, int64_t *v)
{
    size_t n = strlen(name);
    return strncmp(arg, name, n) == 0 && arg[n] == '=' && gw_parse_int64(gw_str_of(arg + n + 1), v) &&
           *v >= least && *v <= most;
}

static bool read_options(load *l, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        const char *a = argv[i];
        if (a[0] == '/' && l->n_paths < PATHS_MAX)
            l->paths[l->n_paths++] = a;
        else if (gw_has_prefix(a, "header="))
            gw_buf_printf(&l->headers, "%s\r\n", a + 7);
        else if (!number(a, "rate", 1, 1000000, &l->rate) && !number(a, "seconds", 1, 86400, &l->seconds) &&
                 !number(a, "connections", 1, CONNECTIONS_MAX, &l->n_clients) &&
                 !number(a, "pid", 1, INT32_MAX, &l->pid) && !number(a, "every", 1, 86400, &l->every))
            return false;
    }
    const char *colon = argc > 1 ? strrchr(argv[1], ':') : NULL;
    char host[64];
    int64_t port;
    if (!colon || !gw_parse_int64(gw_str_of(colon + 1), &port) || (size_t)(colon - argv[1]) >= sizeof(host))
        return false;
    snprintf(host, sizeof(host), "%.*s", (int)(colon - argv[1]), argv[1]);
    l->host = argv[1];
    l->to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return l->n_paths > 0 && inet_pton(AF_INET, host, &l->to.sin_addr) == 1;
}

int main(int argc, char **argv)
{
    static load l = {.rate = 1000, .seconds = 10, .n_clients = 64, .every = 10};
    gw_buf_init(&l.headers, HEAD_MAX);
    if (!read_options(&l, argc, argv)) {
        fprintf(stderr, "usage: http-load ADDR:PORT [rate=N] [seconds=N] [connections=N] [pid=N] [every=N] "
                        "[header=TEXT]... PATH...\n");
        return 2;
    }
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.clients = gw_calloc((size_t)l.n_clients, sizeof(client));
    if (l.epoll < 0 || !l.clients)
        return 14;
    for (int64_t i = 0; i < l.n_clients; i++) {
        l.clients[i].fd = -1;
        gw_buf_init(&l.clients[i].out, HEAD_MAX);
        gw_buf_init(&l.clients[i].head, (size_t)1 << 20);
    }
    run(&l);
    for (int64_t i = 0; i < l.n_clients; i++) {
        gw_buf_free(&l.clients[i].out);
        gw_buf_free(&l.clients[i].head);
    }
    gw_free(l.clients);
    gw_buf_free(&l.headers);
    close(l.epoll);
    return l.errors ? 1 : 0;
}
