/*
 * Inside the HTTP client: what http.c (the loop), http_client.c (options and credentials), http_try.c (one
 * try of one request) and http_verdict.c (what a finished try means) share. Nobody else includes this but
 * url.c, for the start of libcurl.
 */
#ifndef GW_NET_HTTP_CLIENT_H
#define GW_NET_HTTP_CLIENT_H

#include <curl/curl.h>
#include <signal.h>

#include "base/mem.h"
#include "net/http.h"
#include "net/proxy.h"
#include "net/url.h"

#define HTTP_CONCURRENCY_MAX 16
#define HTTP_REDIRECTS_MAX   3
#define HTTP_ERROR_BODY_MAX  4096                /* shown at most */
#define HTTP_ERROR_DRAIN_MAX ((uint64_t)1 << 18) /* read on to keep the connection; beyond, hang up */
#define HTTP_HEADERS_MAX     ((size_t)256 * 1024)
#define HTTP_BACKOFF_MAX_MS  (10 * GW_SECOND_MS)
#define HTTP_RETRY_AFTER_MS  (30 * GW_SECOND_MS) /* a server that asks for more is asked again after this */
#define HTTP_PACE_BYTES                                                                                      \
    ((uint64_t)1024) /* that move in HTTP_PACE_TIMEOUTS stall timeouts, or it is a stall */
#define HTTP_PACE_TIMEOUTS   5
#define HTTP_TOKEN_REREAD_MS (60 * GW_SECOND_MS)
#define HTTP_FILE_BYTES_MAX  ((size_t)4 << 20) /* of a PEM file */
#define HTTP_TOKEN_BYTES_MAX ((size_t)64 << 10)
#define HTTP_LOCATION_MAX    8192

typedef enum gw_http_slot_state { HTTP_SLOT_FREE, HTTP_SLOT_RUNNING, HTTP_SLOT_WAITING } gw_http_slot_state;

/*
 * One of max_concurrency places for a request. It keeps its place while it waits for the next try, so that a
 * server that is unwell sees fewer requests, not the next ones.
 */
typedef struct gw_http_slot {
    gw_http *http;
    CURL *easy; /* of the try under way; NULL = none */
    gw_http_slot_state state;
    gw_http_request *request;
    uint64_t serial; /* of the request in this client's life: feeds the jitter */
    int tries;       /* that failed, and the one under way */
    bool renewed;    /* the credentials were renewed after a 401 already */
    int64_t due_ms;  /* WAITING: when the next try starts */

    /* the try under way */
    int redirects;
    char location[HTTP_LOCATION_MAX]; /* the redirect's target; "" = the request's own URL */
    bool foreign;                     /* the target is another origin: no credentials go there */
    gw_arena arena;                   /* URL, proxy: until the next try */
    gw_proxy proxy;
    struct curl_slist *headers, *connect_to;
    uint64_t token_generation; /* of the token that was sent */
    bool linked;               /* easy is in the multi handle */
    int64_t active_ms;         /* last sign of life; 0 = not connected yet */
    uint64_t moved;            /* bytes that had come and gone by then */
    int64_t pace_ms;           /* when the last HTTP_PACE_BYTES began */
    uint64_t pace_moved;       /* ... and what had moved by then */
    uint64_t body_bytes;       /* decoded */
    size_t header_bytes;
    bool began;
    int own_code; /* an error of a callback or a bound of ours: ends the request; message in request->error */
    size_t error_len;
    char error_body[HTTP_ERROR_BODY_MAX];
    char curl_text[CURL_ERROR_SIZE];
} gw_http_slot;

struct gw_http {
    gw_http_options o; /* pointers go into the arena; the token is below */
    gw_arena arena;
    gw_url base;
    const char *what;
    CURLM *multi;
    gw_http_slot *slots; /* o.max_concurrency */
    char *token;         /* NULL = none */
    uint64_t token_generation;
    int64_t token_read_ms;
    uint64_t n_requests;
    bool answered; /* the server has replied once: from now on a refused connection is worth another try */
    bool busy;
};

/* Starts libcurl with our allocators, once in the process. */
int gw_http_global_init(gw_error *e);

/* Whether an allocation of libcurl has failed in this thread since the last call. */
bool gw_http_memory_failed(void);

/* Reads the token file again where it is due, or at once when forced. A file that cannot be read leaves the
 * token as it is. True when the token has changed. */
bool gw_http_token_reread(gw_http *h, bool force);
/* Replaces the token. 0, GW_ENOMEM, or GW_EUSAGE for one that cannot stand in a header. */
int gw_http_token_set(gw_http *h, gw_str token, gw_error *e);
/* getenv, in the shape that gw_proxy_pick takes. */
const char *gw_http_env(const char *name);
/* OpenSSL may write to a connection that the server has closed: around libcurl's work the thread holds
 * SIGPIPE back, without touching how the program handles it. */
bool gw_http_sigpipe_block(sigset_t *ret_before);
void gw_http_sigpipe_restore(const sigset_t *before, bool was_pending);
/* Frees what may be a secret, after overwriting it. NULL is fine. */
void gw_http_forget(char *secret);

/* Starts a try of slot->request at slot->location. On failure nothing is left running. */
int gw_http_try_start(gw_http_slot *s, gw_error *e);
/* Takes the try out of the multi handle, if there is one, and frees what it had, but for the proxy's name
 * (until the next try).
 */
void gw_http_try_stop(gw_http_slot *s);
/* Tells the request once that its body begins. 0 or the callback's error. */
int gw_http_try_begin(gw_http_slot *s);
/* Takes slot->location, as the server gave it, for the next try: decides whether credentials may go there.
 * GW_EQUERY where it must not be followed. */
int gw_http_try_redirect(gw_http_slot *s, gw_error *e);

/* Puts the URL before an error that the reply's consumer found in it; errors of another kind stay. */
void gw_http_name_place(const gw_http_slot *s, gw_error *e);

typedef struct gw_http_verdict {
    int code;          /* 0 = a clean 2xx */
    bool retry;        /* worth another try */
    bool unauthorized; /* 401: worth one with new credentials */
    bool redirect;     /* slot->location holds where to */
    int64_t wait_ms;   /* Retry-After, bounded; 0 = none */
} gw_http_verdict;

/* What the finished try means; the message is in *e. stalled: we ended it for want of bytes. */
gw_http_verdict gw_http_judge(gw_http_slot *s, CURLcode rc, bool stalled, gw_error *e);

#endif
