/*
 * A server on loopback that misbehaves on request: a double, because these are faults that a real server
 * cannot be made to show at will. One thread accepts, one thread serves a connection. What it does is chosen
 * by the path; it also plays an HTTP proxy (absolute URLs, CONNECT), and speaks TLS when it has a
 * certificate. It keeps a log of requests, for tests to read between two calls of the client.
 */
#ifndef GW_TESTS_UNIT_NET_FAULT_SERVER_H
#define GW_TESTS_UNIT_NET_FAULT_SERVER_H

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"

#define FS_LOG_MAX     512
#define FS_REQUEST_MAX 65536
#define FS_CONNS_MAX   2048

typedef struct fs_entry {
    char target[256]; /* as on the request line */
    char method[16];
    char authorization[128], host[128], extra[64], proxy_authorization[64];
    int connection; /* 1, 2, … in order of acceptance */
    size_t body_len;
} fs_entry;

typedef struct fault_server {
    int listener, port;
    SSL_CTX *tls; /* NULL = plain; a plain one with tunnel_tls plays the origin inside a CONNECT tunnel */
    SSL_CTX *tunnel_tls;
    pthread_t thread;
    pthread_mutex_t lock;
    bool stopping;
    bool h2;       /* offer HTTP/2: fs_serve_h2 */
    int h2_resets; /* streams that are still to be reset instead of answered */
    int n_log, connections, in_flight, most_in_flight;
    fs_entry log[FS_LOG_MAX];
    int fds[FS_CONNS_MAX];
    pthread_t threads[FS_CONNS_MAX];
} fault_server;

typedef struct fs_conn {
    fault_server *server;
    int fd, number;
    SSL *ssl;
} fs_conn;

static bool fs_write(fs_conn *c, const char *p, size_t n)
{
    while (n) {
        ssize_t k = c->ssl ? SSL_write(c->ssl, p, (int)n) : send(c->fd, p, n, MSG_NOSIGNAL);
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool fs_say(fs_conn *c, const char *text)
{
    return fs_write(c, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static bool fs_sayf(fs_conn *c, const char *format, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    return fs_say(c, text);
}

static bool fs_reply(fs_conn *c, const char *status, const char *headers, const char *body)
{
    return fs_sayf(c, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status, strlen(body), headers, body);
}

/* Reads one request's head and body; false at the connection's end. */
static bool fs_read_request(fs_conn *c, char *buf, size_t *ret_head, size_t *ret_body)
{
    size_t n = 0, head = 0, want = 0;
    while (n < FS_REQUEST_MAX - 1) {
        ssize_t k = c->ssl ? SSL_read(c->ssl, buf + n, (int)(FS_REQUEST_MAX - 1 - n))
                           : recv(c->fd, buf + n, FS_REQUEST_MAX - 1 - n, 0);
        if (k <= 0)
            return false;
        n += (size_t)k;
        buf[n] = '\0';
        if (buf[0] == 0x16) { /* a TLS handshake where HTTP is spoken */
            fs_reply(c, "400 Bad Request", "", "speak HTTP");
            return false;
        }
        char *end = strstr(buf, "\r\n\r\n");
        if (end && !head) {
            head = (size_t)(end - buf) + 4;
            char *length = strcasestr(buf, "\r\nContent-Length:");
            want = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        }
        if (head && n >= head + want) {
            *ret_head = head;
            *ret_body = want;
            return true;
        }
    }
    return false;
}

static void fs_header(const char *head, const char *name, char *out, size_t cap)
{
    char key[64];
    snprintf(key, sizeof(key), "\r\n%s: ", name);
    const char *p = strcasestr(head, key);
    out[0] = '\0';
    if (p) {
        p += strlen(key);
        snprintf(out, cap, "%.*s", (int)strcspn(p, "\r"), p);
    }
}

/* Waits until the client hangs up, at most 5 s. */
static void fs_hold(fs_conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    poll(&p, 1, 5000);
}

static void fs_sleep_ms(int ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&ts, NULL);
}

/* How often this target was asked for before this request. */
static int fs_seen(fault_server *s, const char *target)
{
    int n = -1;
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->n_log; i++)
        n += strcmp(s->log[i].target, target) == 0;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static bool fs_is(const fs_entry *e, const char *path)
{
    const char *p = e->target;
    if (*p != '/') /* absolute, as to a proxy */
        p = strstr(p, "://") ? strchr(strstr(p, "://") + 3, '/') : NULL;
    return p && strncmp(p, path, strlen(path)) == 0 && (p[strlen(path)] == '\0' || p[strlen(path)] == '?');
}

static bool fs_serve_faults(fs_conn *c, const fs_entry *e)
{
    int seen = fs_seen(c->server, e->target);
    if (fs_is(e, "/cut-length"))
        return fs_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789"), false;
    if (fs_is(e, "/cut-chunk"))
        return fs_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), false;
    if (fs_is(e, "/cut-once") && seen == 0)
        return fs_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nlost"), false;
    if (fs_is(e, "/cut-once"))
        return fs_reply(c, "200 OK", "", "all of it");
    if (fs_is(e, "/stall")) {
        fs_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
        fs_hold(c);
        return false;
    }
    if (fs_is(e, "/silent")) {
        fs_hold(c);
        return false;
    }
    if (fs_is(e, "/nothing"))
        return false;
    if (fs_is(e, "/junk"))
        return fs_say(c, "SSH-2.0-OpenSSH_9.2\r\n"), false;
    if (fs_is(e, "/drip")) { /* slower than a whole stall timeout, but never silent that long */
        fs_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
        for (int i = 0; i < 6; i++) {
            fs_sleep_ms(60);
            fs_say(c, "x");
        }
        return true;
    }
    if (fs_is(e, "/trickle")) { /* never silent for long, and never done */
        fs_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while (fs_write(c, "x", 1))
            fs_sleep_ms(20);
        return false;
    }
    if (fs_is(e, "/big")) {
        static const char zeros[16384];
        fs_say(c, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n");
        for (int i = 0; i < 64; i++)
            if (!fs_write(c, zeros, sizeof(zeros)))
                return false;
        return true;
    }
    if (fs_is(e, "/big-error")) {
        static const char zeros[16384];
        fs_say(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 1048576\r\n\r\nthe first words");
        for (int i = 0; i < 64; i++)
            if (!fs_write(c, zeros, sizeof(zeros)))
                return false;
        return false;
    }
    if (fs_is(e, "/headers-forever")) {
        fs_say(c, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 100000; i++)
            if (!fs_sayf(c, "X-%d: %0512d\r\n", i, i))
                return false;
    }
    return fs_reply(c, "404 Not Found", "Content-Type: text/plain\r\n", "404 page not found\n");
}

static bool fs_serve_statuses(fs_conn *c, const fs_entry *e)
{
    int seen = fs_seen(c->server, e->target);
    if (fs_is(e, "/auth") && strcmp(e->authorization, "Bearer new-token") == 0)
        return fs_reply(c, "200 OK", "", "welcome");
    if (fs_is(e, "/auth"))
        return fs_sayf(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: %zu\r\n\r\nyou sent %s",
                       strlen(e->authorization) + 9, e->authorization),
               true;
    if (fs_is(e, "/403"))
        return fs_reply(
            c, "403 Forbidden", "Content-Type: application/json\r\n",
            "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{\"message\":[1,{\"x\":\"no\"}]},"
            "\"status\":"
            "\"Failure\",\"message\":\"nodes is forbidden: User \\\"dev\\\" cannot list\",\"code\":403}");
    if (fs_is(e, "/422"))
        return fs_reply(
            c, "422 Unprocessable Entity", "",
            "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"query processing would load "
            "too many samples\"}");
    if (fs_is(e, "/400"))
        return fs_reply(c, "400 Bad Request", "", "line one\r\n\x1b[31mline\ttwo\xc2\x9b\x07 \xff end");
    if (fs_is(e, "/429-once") && seen == 0)
        return fs_reply(c, "429 Too Many Requests", "Retry-After: 1\r\n", "");
    if (fs_is(e, "/429-once"))
        return fs_reply(c, "200 OK", "", "now");
    if (fs_is(e, "/503"))
        return fs_reply(c, "503 Service Unavailable", "",
                        "<html><head><TITLE>503 no\nbackend</TITLE></head><body>x</body></html>");
    if (fs_is(e, "/redirect")) {
        char location[512];
        const char *to = strstr(e->target, "?to=");
        snprintf(location, sizeof(location), "Location: %s\r\n", to ? to + 4 : "/redirect");
        return fs_reply(c, "302 Found", location, "moved");
    }
    return fs_serve_faults(c, e);
}

/* Serves one request. False ends the connection. */
static bool fs_serve(fs_conn *c, const fs_entry *e, const char *body)
{
    if (fs_is(e, "/ok"))
        return fs_reply(c, "200 OK", "Content-Type: text/plain; x=y\r\n", "hello");
    if (fs_is(e, "/empty"))
        return fs_reply(c, "200 OK", "", "");
    if (fs_is(e, "/chunked"))
        return fs_say(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                         "chunked\r\n\r\n2\r\naa\r\n3\r\nbbb\r\n1\r\nc\r\n0\r\n\r\n");
    if (fs_is(e, "/slow"))
        return fs_sleep_ms(30), fs_reply(c, "200 OK", "", "slow");
    if (fs_is(e, "/post"))
        return fs_sayf(c, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", e->body_len) &&
               fs_write(c, body, e->body_len);
    if (fs_is(e, "/gzip")) {
        /* RFC 1952 by hand: one stored block of "hello", its CRC-32 0x3610a686, its length */
        static const unsigned char gz[] = {0x1f, 0x8b, 8,    0,    0,    0,   0,   0,   0,   3,
                                           1,    5,    0,    0xfa, 0xff, 'h', 'e', 'l', 'l', 'o',
                                           0x86, 0xa6, 0x10, 0x36, 5,    0,   0,   0};
        return fs_sayf(c, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                       sizeof(gz)) &&
               fs_write(c, (const char *)gz, sizeof(gz));
    }
    return fs_serve_statuses(c, e);
}

static bool fs_start_tls(fs_conn *c, SSL_CTX *ctx)
{
    c->ssl = SSL_new(ctx);
    SSL_set_fd(c->ssl, c->fd);
    return SSL_accept(c->ssl) == 1;
}

static bool fs_connect(fs_conn *c, const fs_entry *e)
{
    if (strstr(e->target, "login.test"))
        return fs_reply(c, "407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=\"x\"\r\n",
                        ""),
               false;
    if (strstr(e->target, "deny.test") || !c->server->tunnel_tls)
        return fs_reply(c, "403 Forbidden", "", "not through here"), false;
    return fs_say(c, "HTTP/1.1 200 Connection established\r\n\r\n") && fs_start_tls(c, c->server->tunnel_tls);
}

static void fs_note(fs_conn *c, const char *head, size_t body_len, fs_entry *e)
{
    *e = (fs_entry){.connection = c->number, .body_len = body_len};
    size_t method = strcspn(head, " "), target = strcspn(head + method + 1, " ");
    snprintf(e->method, sizeof(e->method), "%.*s", (int)method, head);
    snprintf(e->target, sizeof(e->target), "%.*s", (int)target, head + method + 1);
    fs_header(head, "Authorization", e->authorization, sizeof(e->authorization));
    fs_header(head, "Proxy-Authorization", e->proxy_authorization, sizeof(e->proxy_authorization));
    fs_header(head, "Host", e->host, sizeof(e->host));
    fs_header(head, "X-Scope-OrgID", e->extra, sizeof(e->extra));
    fault_server *s = c->server;
    pthread_mutex_lock(&s->lock);
    if (s->n_log < FS_LOG_MAX)
        s->log[s->n_log++] = *e;
    s->in_flight++;
    s->most_in_flight = GW_MAX(s->most_in_flight, s->in_flight);
    pthread_mutex_unlock(&s->lock);
}

/* ---- HTTP/2 (RFC 9113), as little of it as an answer takes ---- */

static bool fs_read_exact(fs_conn *c, unsigned char *p, size_t n)
{
    while (n) {
        int k = SSL_read(c->ssl, p, (int)n);
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

static bool fs_frame(fs_conn *c, int type, int flags, uint32_t stream, const char *payload, size_t n)
{
    char head[9] = {(char)(n >> 16),      (char)(n >> 8),      (char)n,
                    (char)type,           (char)flags,         (char)(stream >> 24),
                    (char)(stream >> 16), (char)(stream >> 8), (char)stream};
    return fs_write(c, head, sizeof(head)) && fs_write(c, payload, n);
}

/* Answers every stream with 200 and "hello", whatever it asks for (the header compression is not read). */
static void fs_serve_h2(fs_conn *c)
{
    enum { DATA, HEADERS, RST_STREAM = 3, SETTINGS, PING = 6 };
    unsigned char preface[24], head[9], payload[16384];
    fs_entry e;
    bool on = fs_read_exact(c, preface, sizeof(preface)) && fs_frame(c, SETTINGS, 0, 0, "", 0);
    while (on && fs_read_exact(c, head, sizeof(head))) {
        size_t n = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
        uint32_t stream =
            (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
        if (n > sizeof(payload) || !fs_read_exact(c, payload, n))
            return;
        if (head[3] == SETTINGS && !(head[4] & 1))
            on = fs_frame(c, SETTINGS, 1, 0, "", 0);
        else if (head[3] == PING && !(head[4] & 1))
            on = fs_frame(c, PING, 1, 0, (const char *)payload, n);
        if (head[3] != HEADERS)
            continue;
        fs_note(c, "GET h2 ", 0, &e);
        pthread_mutex_lock(&c->server->lock);
        c->server->in_flight--;
        bool reset = c->server->h2_resets > 0 && c->server->h2_resets--;
        pthread_mutex_unlock(&c->server->lock);
        /* INTERNAL_ERROR is 2; 0x88 is ":status: 200" in HPACK's static table (RFC 7541, appendix A, entry 8)
         */
        on = reset ? fs_frame(c, RST_STREAM, 0, stream, "\0\0\0\2", 4)
                   : fs_frame(c, HEADERS, 4, stream, "\x88", 1) && fs_frame(c, DATA, 1, stream, "hello", 5);
    }
}

static inline int fs_choose_h2(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
                               unsigned in_n, void *arg)
{
    GW_UNUSED(ssl);
    GW_UNUSED(arg);
    unsigned char *chosen;
    int rc = SSL_select_next_proto(&chosen, n, (const unsigned char *)"\2h2", 3, in, in_n);
    *out = chosen;
    return rc == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static void *fs_serve_connection(void *arg)
{
    fs_conn *c = arg;
    char *buf = malloc(FS_REQUEST_MAX);
    size_t head, body;
    bool on = buf && (!c->server->tls || fs_start_tls(c, c->server->tls));
    if (on && c->server->h2) {
        fs_serve_h2(c);
        on = false;
    }
    while (on && fs_read_request(c, buf, &head, &body)) {
        fs_entry e;
        fs_note(c, buf, body, &e);
        on = strcmp(e.method, "CONNECT") == 0 ? fs_connect(c, &e) : fs_serve(c, &e, buf + head);
        pthread_mutex_lock(&c->server->lock);
        c->server->in_flight--;
        pthread_mutex_unlock(&c->server->lock);
    }
    /* closing with unread bytes would turn our last words into a reset: wait for the client to hang up */
    shutdown(c->fd, SHUT_WR);
    struct timeval patience = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    for (char rest[4096]; recv(c->fd, rest, sizeof(rest), 0) > 0;)
        ;
    if (c->ssl)
        SSL_free(c->ssl);
    pthread_mutex_lock(&c->server->lock);
    c->server->fds[c->number - 1] = -1;
    close(c->fd);
    pthread_mutex_unlock(&c->server->lock);
    free(buf);
    free(c);
    return NULL;
}

static void *fs_accept(void *arg)
{
    fault_server *s = arg;
    for (;;) {
        int fd = accept(s->listener, NULL, NULL);
        pthread_mutex_lock(&s->lock);
        bool stop = s->stopping || fd < 0 || s->connections == FS_CONNS_MAX;
        fs_conn *c = stop ? NULL : calloc(1, sizeof(*c));
        if (c) {
            *c = (fs_conn){.server = s, .fd = fd, .number = ++s->connections};
            s->fds[c->number - 1] = fd;
            pthread_create(&s->threads[c->number - 1], NULL, fs_serve_connection, c);
        }
        pthread_mutex_unlock(&s->lock);
        if (!c) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
    }
}

static int fs_listen(int *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&a, &n))
        return -1;
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static fault_server *fs_start(SSL_CTX *tls, SSL_CTX *tunnel_tls)
{
    fault_server *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    signal(SIGPIPE, SIG_IGN); /* SSL_write of this server; the client must not need it: see its own test */
    s->tls = tls;
    s->tunnel_tls = tunnel_tls;
    pthread_mutex_init(&s->lock, NULL);
    s->listener = fs_listen(&s->port);
    pthread_create(&s->thread, NULL, fs_accept, s);
    return s;
}

static void fs_stop(fault_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    for (int i = 0; i < s->connections; i++)
        if (s->fds[i] >= 0)
            shutdown(s->fds[i], SHUT_RDWR);
    pthread_mutex_unlock(&s->lock);
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
    for (int i = 0; i < s->connections; i++)
        pthread_join(s->threads[i], NULL);
    SSL_CTX_free(s->tls);
    SSL_CTX_free(s->tunnel_tls);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* Forgets what was logged. */
static inline void fs_reset(fault_server *s)
{
    pthread_mutex_lock(&s->lock);
    s->n_log = s->most_in_flight = 0;
    pthread_mutex_unlock(&s->lock);
}

static inline int fs_requests(fault_server *s)
{
    pthread_mutex_lock(&s->lock);
    int n = s->n_log;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* ---- certificates, made when the test runs ---- */

typedef struct fs_cert {
    X509 *cert;
    EVP_PKEY *key;
    char *cert_pem, *key_pem;
} fs_cert;

static char *fs_pem(X509 *cert, EVP_PKEY *key)
{
    BIO *b = BIO_new(BIO_s_mem());
    char *p;
    if (cert)
        PEM_write_bio_X509(b, cert);
    if (key)
        PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL);
    long n = BIO_get_mem_data(b, &p);
    char *text = malloc((size_t)n + 1);
    memcpy(text, p, (size_t)n);
    text[n] = '\0';
    BIO_free(b);
    return text;
}

static void fs_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
}

/* A P-256 certificate; issuer NULL makes a CA that signs itself. Valid from now + from_s to now + to_s. */
static inline fs_cert fs_certify(const char *name, const char *san, const fs_cert *issuer, long from_s,
                                 long to_s)
{
    static long serial = 1;
    fs_cert c = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
    X509_set_version(c.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c.cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(c.cert), from_s);
    X509_gmtime_adj(X509_getm_notAfter(c.cert), to_s);
    X509_set_pubkey(c.cert, c.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c.cert), "CN", MBSTRING_ASC, (const unsigned char *)name,
                               -1, -1, 0);
    X509_set_issuer_name(c.cert, X509_get_subject_name(issuer ? issuer->cert : c.cert));
    if (!issuer)
        fs_extension(c.cert, NID_basic_constraints, "critical,CA:TRUE");
    if (san)
        fs_extension(c.cert, NID_subject_alt_name, san);
    X509_sign(c.cert, issuer ? issuer->key : c.key, EVP_sha256());
    c.cert_pem = fs_pem(c.cert, NULL);
    c.key_pem = fs_pem(NULL, c.key);
    return c;
}

static inline void fs_cert_free(fs_cert *c)
{
    X509_free(c->cert);
    EVP_PKEY_free(c->key);
    free(c->cert_pem);
    free(c->key_pem);
}

/* client_ca: clients must show a certificate of that authority; NULL = they need not. */
static inline SSL_CTX *fs_tls(const fs_cert *c, const fs_cert *client_ca)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(ctx, c->cert);
    SSL_CTX_use_PrivateKey(ctx, c->key);
    if (client_ca) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), client_ca->cert);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}

#endif
