/*
 * An HTTP/1.1 server (RFC 9110, 9112) that knows nothing of what it serves: epoll, llhttp with every leniency
 * off, OpenSSL. Design and reasons: docs/internals/http-server.md.
 *
 *   static void hello(void *ctx, const gw_server_request *q, gw_reply *r)
 *   {
 *       gw_reply_text(r, 200, "text/plain; charset=utf-8", "hello\n");
 *   }
 *   gw_server_options o = {.listen = "127.0.0.1:8080", .handler = hello};
 *   gw_server *s;
 *   if (gw_server_new(&o, &s, &e) == 0 && gw_server_start(s, &e) == 0) ...
 *   gw_server_stop(s); gw_server_free(s);
 *
 * Threads. Each of `threads` loops owns its connections; the handler is called on the thread of the loop
 * whose connection sent the request, with the whole request in memory. While a handler works, the other
 * connections of its loop wait: a handler that needs more than a few milliseconds calls gw_reply_defer and
 * answers from another thread. Functions are for the handler's thread, within the call, unless they say "any
 * thread".
 *
 * Failure of memory never stops the server: the request gets 503, or its connection is closed.
 *
 * What the server does itself and the handler never sees: malformed requests (400), a header block or number
 * of headers over the limit (431), URI too long (414), body too large (413), Expect other than 100-continue
 * (417), a transfer coding other than chunked and CONNECT (501), a version other than 1.0 and 1.1 (505), a
 * request that does not arrive in time (408). Each of these closes the connection; the body is
 * {"error":{"code":"…","message":"…"}}.
 */
#ifndef GW_NET_HTTP_SERVER_H
#define GW_NET_HTTP_SERVER_H

#include "base/base.h"
#include "base/mem.h"
#include "base/time.h"
#include "net/shared.h"

typedef struct gw_server gw_server;
typedef struct gw_reply gw_reply;
typedef struct gw_token gw_token;

typedef struct gw_server_header {
    const char *name, *value;
} gw_server_header;

/* ---- the request ---- */

/* Everything in it lives until the handler returns: copy what deferred work needs. */
typedef struct gw_server_request {
    const char *method; /* "GET": as sent, one of llhttp's */
    const char *target; /* the request target as sent */
    const char *path;  /* percent-decoded, begins with '/'; "*" for OPTIONS *. Never holds a NUL (%00 is 400).
                          Dot segments are kept: it is a name, not a file */
    const char *query; /* what follows '?', still encoded; NULL: there is no '?' */
    const char *host;  /* of an absolute target, else of the Host header; "" for HTTP/1.0 without one */
    int version_minor; /* 0 or 1 */
    const gw_server_header *headers; /* in the order sent; values without blanks around them */
    size_t n_headers;
    gw_str body;           /* whole, unchunked */
    const char *peer;      /* "192.0.2.1:4711", "[2001:db8::1]:4711" */
    bool peer_is_loopback; /* 127.0.0.0/8, ::1, and the former mapped into IPv6 */
    bool tls;
    gw_arena *arena; /* of this request, for the handler's use; bounded by limits.arena_bytes */
    int64_t now_ms;  /* wall clock when the request was complete */
} gw_server_request;

/* The value of the first header of that name, whatever the case; NULL: there is none. */
const char *gw_server_header_get(const gw_server_request *q, const char *name);

#define GW_SERVER_PARAMS_MAX 256
typedef struct gw_server_param {
    const char *name, *value; /* decoded ('+' is a blank), NUL-terminated; "" where there is no '=' */
} gw_server_param;
/*
 * The query taken apart, in memory of the request's arena; empty pieces ("a=1&&b=2") are left out. GW_EUSAGE
 * for a wrong %-escape, %00 or more than GW_SERVER_PARAMS_MAX pieces; GW_ENOMEM.
 */
int gw_server_query(const gw_server_request *q, const gw_server_param **ret, size_t *ret_n, gw_error *e);

/* Decodes %XX into out, which has room for s.n + 1 bytes and is NUL-terminated; '+' becomes a blank where
 * plus_is_blank. *ret_n is the length. False for a wrong escape and for %00. out may be s.p. */
bool gw_percent_decode(gw_str s, bool plus_is_blank, char *out, size_t *ret_n);

/* If-None-Match (weak comparison, lists, "*"; RFC 9110, 13.1.2) holds this ETag, which has its quotes. */
bool gw_server_etag_matches(const gw_server_request *q, const char *etag);
/* Accept-Encoding takes gzip (with q > 0; RFC 9110, 12.5.3). */
bool gw_server_accepts_gzip(const gw_server_request *q);

/* ---- the reply: one of these in each call of the handler ---- */

/*
 * Adds a header; both texts are copied. Content-Length, Transfer-Encoding, Connection and Date are the
 * server's own. Those, and a name or value that is not one (line ends!), turn the reply into a 500. For
 * deferred replies headers are given to gw_server_complete and gw_server_begin; those added here are lost.
 */
void gw_reply_header(gw_reply *r, const char *name, const char *value);

/* status 200..599. content_type NULL: none is sent. The last call wins; a handler that makes none sends 500.
 */
void gw_reply_bytes(gw_reply *r, int status, const char *content_type, const void *p, size_t n); /* copied */
void gw_reply_text(gw_reply *r, int status, const char *content_type, const char *text);         /* copied */
void gw_reply_shared(gw_reply *r, int status, const char *content_type, gw_shared *body); /* takes a reference
                                                                                             of its own */
/* {"error":{"code":code,"message":message}} with Cache-Control: no-store. */
void gw_reply_error(gw_reply *r, int status, const char *code, const char *message);

/* A document that may be held by the client already, and in two forms. */
typedef struct gw_server_document {
    const char *content_type;
    const char *etag; /* with quotes, of the plain form; NULL: none. The gzip form gets it with "-gzip" */
    const char *cache_control; /* NULL: none */
    gw_shared *plain;
    gw_shared *gzip; /* NULL: there is none */
} gw_server_document;
/* 304 where If-None-Match says so, else 200 in the form that Accept-Encoding allows, with ETag, Cache-Control
 * and (two forms) Vary. GET and HEAD only: the caller has looked at the method. */
void gw_reply_document(gw_reply *r, const gw_server_request *q, const gw_server_document *d);

/*
 * Later, from any thread. The token is answered exactly once: by gw_server_complete, or by gw_server_begin ..
 * gw_server_end, or by gw_server_abort. The call that ends it takes the token back; every one of them is safe
 * after the client has gone, after limits.deferred_ms (the client has had its 504 then), and after the server
 * was stopped and freed. NULL: out of memory (the reply is a 503 then, whatever else the handler does), or
 * the reply has failed already or has a token.
 */
gw_token *gw_reply_defer(gw_reply *r);

/* Any thread. A whole reply; takes a reference of its own to body (NULL: empty) and copies the headers. */
void gw_server_complete(gw_token *t, int status, const gw_server_header *headers, size_t n_headers,
                        gw_shared *body);

/* Called on the loop's thread after gw_server_write said GW_STREAM_FULL and half of the queue has gone out,
 * and once when the client has gone; from then on the token is still to be ended. Must not block; may write,
 * end. */
typedef void (*gw_server_writable)(void *ctx, gw_token *t);

/*
 * Any thread. Starts a reply of unknown length: chunked, or to the end of the connection for HTTP/1.0. After
 * it: gw_server_write any number of times, then gw_server_end or gw_server_abort. One thread at a time works
 * on a token. 0, GW_ECONNECT (the client has gone; go on to gw_server_end), GW_ENOMEM (the token may still be
 * completed or aborted).
 */
int gw_server_begin(gw_token *t, int status, const gw_server_header *headers, size_t n_headers,
                    gw_server_writable writable, void *ctx, gw_error *e);
#define GW_STREAM_FULL 1
/* Any thread. Copies n bytes into the queue and wakes the loop. 0; GW_STREAM_FULL: nothing was taken, since
 * the queue (limits.stream_bytes; an empty one takes any n) has no room: `writable` will be called;
 * GW_ECONNECT: the client has gone; GW_ENOMEM. */
int gw_server_write(gw_token *t, const void *p, size_t n);
/* Any thread. The reply is complete. Takes the token. */
void gw_server_end(gw_token *t);
/* Any thread. Nothing began: 502; else the connection is cut, so that the client does not take half a reply
 * for a whole one. Takes the token. */
void gw_server_abort(gw_token *t);
/* Any thread. True when nobody waits for the answer any more: the work may stop. The token is still to be
 * ended. */
bool gw_token_gone(gw_token *t);

typedef void (*gw_server_handler)(void *ctx, const gw_server_request *q, gw_reply *r);

/* ---- the server ---- */

/* 0 means the default in each. */
typedef struct gw_server_limits {
    size_t header_bytes; /* request line and headers: 16 KiB */
    size_t headers;      /* number: 100 */
    size_t uri_bytes;    /* 8 KiB */
    size_t body_bytes;   /* 1 MiB */
    size_t arena_bytes;  /* what a handler may take from the request's arena: 64 MiB */
    size_t output_bytes; /* unsent bytes of a connection above which its next request waits: 256 KiB */
    size_t stream_bytes; /* queue of a streamed reply: 256 KiB */
    size_t connections;  /* at a time, all loops: 10,000; more get 503 and are closed */
    uint64_t requests;   /* of one connection, then Connection: close: 1,000,000 */
    int64_t header_ms;   /* from accept, or a request's first byte, to its last header, TLS included: 10 s */
    int64_t body_ms;     /* in which 1 KiB of body must come: 30 s */
    int64_t idle_ms;     /* between requests of a connection: 60 s */
    int64_t write_ms;    /* in which 1 KiB of output must be taken: 30 s */
    int64_t deferred_ms; /* from the handler's return, or a streamed piece, to the next: 5 min */
    int64_t stop_ms;     /* gw_server_stop: for requests in flight: 10 s */
} gw_server_limits;

typedef struct gw_server_tls {
    const char *cert_file; /* PEM, the server's first, then the chain; NULL: no TLS */
    const char *key_file;  /* PEM */
} gw_server_tls;

/* One finished reply, for a log. Texts live during the call. */
typedef struct gw_server_access {
    const char *peer;
    const char *method, *target; /* "-" where the request was not understood */
    int status;                  /* 499: the client went before the reply was complete */
    uint64_t body_bytes;         /* handed to the kernel */
    int64_t duration_us;         /* from the complete request to the last byte handed to the kernel */
    int64_t at_ms;               /* wall clock at the end */
} gw_server_access;

typedef struct gw_server_options {
    const char *listen; /* "127.0.0.1:9797", "[::1]:0", ":9797" (every address, IPv6 and IPv4), port 0: any.
                           A name is not resolved, but "localhost" is 127.0.0.1 */
    int threads;        /* 1..64; 0 = as many as cores that this process may use */
    gw_server_limits limits;
    gw_server_tls tls;
    gw_server_handler handler;
    void *ctx;                                                /* of the handler and the log */
    void (*access_log)(void *ctx, const gw_server_access *a); /* on the loops' threads, so maybe several at
                                                                 once; NULL: none */
    gw_clock wall_ms;      /* for Date and now_ms; NULL = gw_clock_system */
    gw_clock monotonic_us; /* MICROseconds, for timeouts and latencies; NULL = CLOCK_MONOTONIC */
    void *clock_ctx;       /* of both */
    const char *name;      /* Server header; NULL: none is sent */
} gw_server_options;

/* Checks and copies the options, opens the listening socket (so that gw_server_port tells the port), reads
 * the certificate. GW_EUSAGE for an address that is none or a limit out of range, GW_ECONNECT where it cannot
 * be listened at, GW_ETLS for certificate or key, GW_ENOMEM, GW_EIO. */
int gw_server_new(const gw_server_options *o, gw_server **ret, gw_error *e);
int gw_server_port(const gw_server *s);
/* "http://127.0.0.1:9797": what a person may open. Lives as long as the server. */
const char *gw_server_url(const gw_server *s);
/* Whether the listening address is loopback, so that nobody else can connect. */
bool gw_server_is_loopback(const gw_server *s);

/* Starts the threads and returns. Once. GW_ENOMEM, GW_EIO. SIGPIPE is blocked in these threads, and all other
 * signals, so that they go to the caller's. */
int gw_server_start(gw_server *s, gw_error *e);
/* Stops accepting at once, closes idle connections, finishes what is in flight for at most limits.stop_ms,
 * joins the threads. Once; not from a handler. */
void gw_server_stop(gw_server *s);
/* Any thread, and from a signal handler (which must not run after gw_server_free): begins what gw_server_stop
 * waits for. */
void gw_server_stop_begin(gw_server *s);
/* gw_server_start, then waits until gw_server_stop_begin was called, then gw_server_stop. */
int gw_server_run(gw_server *s, gw_error *e);
/* Stops, if need be, and frees. Tokens that are still out stay safe. s may be NULL. */
void gw_server_free(gw_server *s);

/* Any thread. Reads certificate and key again; new connections use them. On failure the old ones stay. The
 * server does this itself when one of the files changes (it looks every GW_SERVER_TLS_LOOK_MS). */
int gw_server_tls_reload(gw_server *s, gw_error *e);
#define GW_SERVER_TLS_LOOK_MS (10 * GW_SECOND_MS)

/* ---- figures ---- */

#define GW_SERVER_LATENCIES 17
/* Upper bounds, inclusive, in microseconds; the last is INT64_MAX. */
extern const int64_t gw_server_latency_us[GW_SERVER_LATENCIES];

typedef struct gw_server_stats {
    uint64_t accepted, refused;   /* connections; refused: over limits.connections */
    uint64_t open;                /* now */
    uint64_t requests[6];         /* by status class: requests[2] is 2xx; [0] the client went first */
    uint64_t timeouts;            /* connections cut because of one of the times in the limits */
    uint64_t malformed;           /* requests that the server itself answered with 4xx or 5xx */
    uint64_t bytes_in, bytes_out; /* as the sockets carry them, TLS taken off */
    uint64_t latency[GW_SERVER_LATENCIES]; /* replies by duration; not cumulative */
    uint64_t latency_sum_us;
    uint64_t tls_handshakes, tls_failures, tls_reloads, tls_reload_failures;
} gw_server_stats;

/* Any thread. Each figure is true; together they are not of one instant. */
void gw_server_stats_get(const gw_server *s, gw_server_stats *ret);

#endif
