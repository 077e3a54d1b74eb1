/*
 * HTTP client over libcurl: many requests to one origin with bounded concurrency, streamed replies, retry
 * with backoff, and errors that say what to do. Not thread-safe: one client, one thread.
 */
#ifndef GW_NET_HTTP_H
#define GW_NET_HTTP_H

#include "base/base.h"
#include "base/time.h"

typedef struct gw_http_options {
    const char *base_url; /* "https://host:port/prefix"; the request path is appended */
    const char *bearer_token,
        *bearer_token_file; /* the file is re-read at most every 60 s, and after a 401 */
    const char *username, *password;
    const char *ca_file;                 /* PEM; NULL = the system's */
    const char *cert_file, *key_file;    /* client certificate, PEM */
    gw_str ca_data, cert_data, key_data; /* the same as bytes; each wins over its file */
    const char *server_name;             /* TLS name to expect instead of the URL's host */
    bool insecure;                       /* do not verify the server */
    const char *proxy;                   /* "" = none, NULL = from HTTP_PROXY, HTTPS_PROXY, NO_PROXY */
    const char *const *headers;          /* "X-Scope-OrgID: team", NULL-terminated; NULL = none */
    int max_concurrency;                 /* 1..16; 0 = 4 */
    int max_retries;                     /* after the first try; -1 = 4 */
    int64_t backoff_ms; /* first pause, doubled each time with jitter, at most 10 s; 0 = 200 ms; Retry-After
                           is honoured */
    int64_t connect_timeout_ms; /* 0 = 10 s */
    int64_t stall_timeout_ms;   /* no byte for this long ends a try; 0 = 60 s */
    int64_t try_timeout_ms;     /* a whole try, from the start to the last byte; 0 = no such bound */
    uint64_t max_reply_bytes;   /* of one reply, after decompression; 0 = 8 GiB */
    uint64_t seed;              /* of the jitter */
    const char *what;           /* for messages: "Prometheus", "Kubernetes API" */
    /* Called after a 401, once for each request: may replace *token (owned by the callback's owner). false =
     * give up. */
    bool (*refresh_token)(void *ctx, const char **ret_token);
    void *refresh_ctx;
} gw_http_options;

typedef struct gw_http gw_http;

/* Copies the options. GW_EUSAGE for a URL that is none, GW_EIO for a file that cannot be read. */
int gw_http_new(const gw_http_options *o, gw_http **ret, gw_error *e);
void gw_http_free(gw_http *h);
/* The base URL without user and password, for messages. Lives as long as the client. */
const char *gw_http_url(const gw_http *h);

typedef struct gw_http_request {
    const char *method; /* "GET", "POST" */
    const char *path;   /* "/api/v1/read?x=y": appended to base_url; already percent-encoded */
    const char *body;
    size_t body_len;
    const char *const *headers;  /* NULL-terminated "Name: value"; NULL = none */
    const char *accept_encoding; /* "gzip" or NULL; decoded before on_data */
    void *ctx;
    /* The head of a 2xx reply has come. Non-zero ends the request with that error. May be NULL. */
    int (*on_begin)(void *ctx, int status, const char *content_type, gw_error *e);
    /* A piece of a 2xx reply's body. Non-zero ends the request with that error, without retry. */
    int (*on_data)(void *ctx, const char *p, size_t n, gw_error *e);
    /* A new try starts: forget what on_data was given. Non-zero: do not retry, fail with the first error. May
     * be NULL. */
    int (*on_retry)(void *ctx, gw_error *e);
    /* The body of a 2xx reply has ended cleanly. Non-zero is the request's error (e.g. cut-off frames);
     * GW_ETIMEOUT is retried. May be NULL. */
    int (*on_end)(void *ctx, gw_error *e);
    int idempotent_retry; /* 0 = retry (the default: all our requests are reads), 1 = never */
    int result;           /* out: 0 or the error code */
    int status;           /* out: the last HTTP status; 0 = none came */
    gw_error error;       /* out: the message */
    uint64_t bytes;       /* out: body bytes received, all tries */
    int retries;          /* out */
} gw_http_request;

/*
 * Runs n requests, at most max_concurrency at a time, in order of their index. Returns 0, or the error of the
 * lowest index that failed (the other requests still ran, unless `stop_on_error`). Error bodies (up to 4 KiB)
 * are shown in the message. GW_ECONNECT name, port, proxy · GW_ETLS · GW_EAUTH 401, 403 · GW_EQUERY other 4xx
 * · GW_ESERVER 429, 5xx after the retries · GW_ETIMEOUT stalled or cut off after the retries · GW_ELIMIT
 * reply too large
 */
int gw_http_perform(gw_http *h, gw_http_request *requests, size_t n, bool stop_on_error, gw_error *e);

/* GETs a whole small reply into a NUL-terminated string (free with gw_free). max_bytes bounds it. */
int gw_http_get(gw_http *h, const char *path, size_t max_bytes, char **ret_body, size_t *ret_len,
                gw_error *e);

#endif
