/*
 * HTTP client over libcurl: many requests to one origin with bounded concurrency, streamed replies, retry
 * with backoff, and errors that say what to do. Not thread-safe: one client, one thread. HTTP/2 where TLS
 * negotiates it, else HTTP/1.1; connections are kept and used again.
 *
 * What is tried again: 408, 429, 5xx (but 501 and 505), replies that break off; and, once the server has
 * answered this client, a connection that fails and a reply that does not come (before that, a wrong URL is
 * likelier than a restart, and the user should read so at once). A 401 is tried again once where there is a
 * new token; that counts in `retries`, not against max_retries, and waits for nothing. Retry-After is
 * honoured up to 30 s. A request that waits keeps its place among max_concurrency, so a server that is unwell
 * sees fewer requests.
 *
 * Redirects: up to 3, for GET only, never from https to http. Another scheme, host or port is another origin:
 * tokens, passwords, the options' headers and the client certificate do not go there, nor to where it leads.
 *
 * Messages are one line of printable text. Users, passwords, tokens, headers and query strings never appear
 * in them; a server's words do, cut to 320 bytes, with the token and password blotted out where it echoes
 * them.
 *
 * libcurl is started once in the process, with gw_malloc and its kin as allocators, and is never shut down.
 */
#ifndef GW_NET_HTTP_H
#define GW_NET_HTTP_H

#include "base/base.h"
#include "base/time.h"

/* What the user calls these settings, so that a message can say what to change: "--prometheus-ca". */
typedef struct gw_http_settings {
    const char *ca, *cert, *insecure;
    const char *server_name, *timeout; /* NULL: there is no such setting */
} gw_http_settings;

typedef struct gw_http_options {
    const char *base_url; /* "https://host:port/prefix"; the request path is appended */
    const char *bearer_token,
        *bearer_token_file; /* the file is re-read at most every 60 s, and after a 401 */
    const char *username, *password;
    const char *ca_file;                 /* PEM, trusted instead of the system's; NULL = the system's */
    const char *cert_file, *key_file;    /* client certificate, PEM */
    gw_str ca_data, cert_data, key_data; /* the same as bytes; each wins over its file */
    const char *server_name;             /* TLS name to send and expect instead of the URL's host */
    bool insecure;                       /* do not verify the server */
    const char *proxy;                   /* "" = none, NULL = from HTTP_PROXY, HTTPS_PROXY, NO_PROXY;
                                            net/proxy.h has the rules */
    const char *const *headers;          /* "X-Scope-OrgID: team", NULL-terminated; NULL = none */
    int max_concurrency;                 /* 1..16; 0 = 4 */
    int max_retries;                     /* after the first try; -1 = 4 */
    int64_t backoff_ms; /* first pause, doubled each time with jitter, at most 10 s; 0 = 200 ms; Retry-After
                           is honoured */
    int64_t connect_timeout_ms; /* 0 = 10 s */
    int64_t stall_timeout_ms;   /* no byte for this long ends a try, and so does less than a KiB in five times
                                   as long; 0 = 60 s */
    int64_t try_timeout_ms;     /* a whole try, from the start to the last byte; 0 = no such bound */
    uint64_t max_reply_bytes;   /* of one reply, after decompression; 0 = 8 GiB */
    uint64_t seed;              /* of the jitter */
    const char *what;           /* for messages: "Prometheus", "Kubernetes API" */
    const gw_http_settings *settings; /* static; NULL = no names */
    /* Called after a 401, at most once for each request, and not where another request has renewed the token
     * meanwhile: may replace *token (owned by the callback's owner, copied here). false = give up. */
    bool (*refresh_token)(void *ctx, const char **ret_token);
    void *refresh_ctx;
} gw_http_options;

typedef struct gw_http gw_http;

/*
 * Copies the options (not what refresh_ctx points to) and reads the files; only the token file is read again
 * later. user:password@ in base_url counts as username and password. GW_EUSAGE for a URL that is none, two
 * ways to log in, a header with line ends, a number out of range; GW_EIO for a file that cannot be read or is
 * not PEM; GW_ECONFIG for a proxy that is none. Does not connect.
 */
int gw_http_new(const gw_http_options *o, gw_http **ret, gw_error *e);
void gw_http_free(gw_http *h);
/* The base URL without user and password, for messages. Lives as long as the client. */
const char *gw_http_url(const gw_http *h);

typedef struct gw_http_request {
    const char *method; /* "GET", "POST"; others are sent as they are */
    const char *path;   /* "/api/v1/read?x=y": appended to base_url; already percent-encoded */
    const char *body;
    size_t body_len;
    const char *const *headers;  /* NULL-terminated "Name: value"; NULL = none */
    const char *accept_encoding; /* "gzip" or NULL; decoded before on_data */
    void *ctx;
    /* A 2xx reply has come and its body begins, or has ended without a byte. content_type may be NULL.
     * Non-zero ends the request with that error, without retry. May be NULL. */
    int (*on_begin)(void *ctx, int status, const char *content_type, gw_error *e);
    /* A piece of a 2xx reply's body. Non-zero ends the request with that error, without retry. */
    int (*on_data)(void *ctx, const char *p, size_t n, gw_error *e);
    /* A new try starts: forget what on_data was given. Non-zero: do not retry, fail with the first error. May
     * be NULL. */
    int (*on_retry)(void *ctx, gw_error *e);
    /* The body of a 2xx reply has ended cleanly. Non-zero is the request's error (e.g. cut-off frames);
     * GW_ETIMEOUT is retried. May be NULL. */
    int (*on_end)(void *ctx, gw_error *e);
    int idempotent_retry;   /* 0 = retry (the default: all our requests are reads), 1 = never */
    int result;             /* out: 0 or the error code */
    int status;             /* out: the last HTTP status; 0 = none came */
    gw_error error;         /* out: the message */
    uint64_t bytes;         /* out: body bytes received, all tries, before decompression */
    int retries;            /* out: tries after the first */
    int64_t retry_after_ms; /* out: what the last reply asked for, at most a day; 0 = nothing */
} gw_http_request;

/*
 * Runs n requests, at most max_concurrency at a time, in order of their index. Returns 0, or the error of the
 * lowest index that failed (the other requests still ran, unless `stop_on_error`: then those that had not
 * ended get the code of the one that failed). A callback must not use the same client. Error bodies (up to 4
 * KiB) are read for the reason in the message. GW_ECONNECT name, port, proxy · GW_ETLS · GW_EAUTH 401, 403 ·
 * GW_EQUERY other 4xx · GW_ESERVER 429, 5xx after the retries · GW_ETIMEOUT stalled or cut off after the
 * retries · GW_ELIMIT reply too large
 */
int gw_http_perform(gw_http *h, gw_http_request *requests, size_t n, bool stop_on_error, gw_error *e);

/* GETs a whole small reply into a NUL-terminated string (free with gw_free). max_bytes bounds it. */
int gw_http_get(gw_http *h, const char *path, size_t max_bytes, char **ret_body, size_t *ret_len,
                gw_error *e);

#endif
