/*
 * The parts of the HTTP server, from the inside out. Nobody outside net/http_server*.c and its tests includes
 * this.
 *
 *   gw_out     what is to be sent: a queue of pieces, some of them references to shared bytes
 *   gw_conn    the protocol of one connection: bytes in, bytes out. Knows no socket, no TLS, no epoll and no
 *              thread, so that tests and the fuzzer drive it with bytes alone
 *   gw_token   an answer that comes later, maybe from another thread; gw_mailbox carries the news to the loop
 *   gw_link    a gw_conn with a socket, maybe TLS, and a place in the loop's queues of timeouts
 *   gw_loop    a thread with an epoll instance and its links
 */
#ifndef GW_NET_HTTP_SERVER_INTERNAL_H
#define GW_NET_HTTP_SERVER_INTERNAL_H

#include <llhttp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "net/http_server.h"
#include "net/tls_server.h"

#define GW_CONN_READ_BYTES                                                                                   \
    ((size_t)16 * 1024) /* one read; also the longest TLS record, so that none is read half */
#define GW_CONN_COPY_BYTES    ((size_t)4 * 1024)  /* a body up to this goes into one piece with its head */
#define GW_CONN_PROGRESS      ((size_t)1024)      /* what counts as progress of a body or of the output */
#define GW_CONN_FRAMING       ((size_t)16 * 1024) /* bytes around chunks that are free ... */
#define GW_CONN_FRAMING_EACH  ((size_t)16)        /* ... and those that each byte of the body earns */
#define GW_CONN_BLANK_LINES   ((size_t)4)         /* empty lines before a request that are overlooked */
#define GW_REPLY_HEADER_BYTES ((size_t)32 * 1024)
#define GW_REPLY_TYPE_MAX     128
#define GW_LINGER_MS          (2 * GW_SECOND_MS) /* for the client to read the last reply before the socket closes */
#define GW_LINGER_BYTES       ((size_t)1024 * 1024)
#define GW_PEER_TEXT          64

/* ---- output ---- */

/* Of a reply on its way out, for the figures and the log. */
typedef struct gw_record {
    int status;
    int64_t began_us;
    uint64_t body_bytes;
    const char *method, *target; /* behind this struct; NULL without a log */
    char text[];
} gw_record;

typedef struct gw_piece {
    struct gw_piece *next;
    gw_shared *shared; /* the bytes' owner, or NULL: they are in `own` */
    const char *p;
    size_t n;
    gw_record *record; /* the reply that is out when this piece is; owned */
    char own[];
} gw_piece;

typedef struct gw_out {
    gw_piece *first, *last;
    size_t sent;  /* of the first piece */
    size_t bytes; /* not sent yet, of all */
} gw_out;

gw_piece *gw_piece_new(size_t n);        /* n bytes of its own, to be filled */
gw_piece *gw_piece_shared(gw_shared *s); /* takes a reference of its own */
void gw_piece_free(gw_piece *p);
void gw_out_add(gw_out *o, gw_piece *p);

/* ---- what the connections of one loop share ---- */

typedef struct gw_counts {
    atomic_uint_fast64_t accepted, refused, open, requests[6], timeouts, malformed, bytes_in, bytes_out;
    atomic_uint_fast64_t latency[GW_SERVER_LATENCIES], latency_sum_us, tls_handshakes, tls_failures;
} gw_counts;

static inline void gw_count(atomic_uint_fast64_t *c, uint64_t n)
{
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

typedef struct gw_mailbox gw_mailbox;

typedef struct gw_conn_env {
    const gw_server_options *options; /* defaults filled in */
    gw_counts *counts;
    gw_mailbox *box;
    int64_t date_s; /* the second that `date` is of; 0: none yet */
    char date[32];
    gw_arena spare; /* a request's arena after use, so that the next one need not ask for memory */
    gw_buf scratch; /* of the head of a reply */
} gw_conn_env;

void gw_conn_env_init(gw_conn_env *env, const gw_server_options *o, gw_counts *counts, gw_mailbox *box);
void gw_conn_env_free(gw_conn_env *env);
const char *gw_conn_env_date(gw_conn_env *env);
/* Zeros replaced by the defaults. */
void gw_server_limits_fill(gw_server_limits *l);

/* ---- the protocol of one connection ---- */

typedef enum gw_conn_state {
    GW_CONN_HEAD, /* waits for a request line and headers, or reads them */
    GW_CONN_BODY,
    GW_CONN_WAIT, /* the reply is made elsewhere */
    GW_CONN_LAST, /* what is in `out` is the last of it; input is dropped */
    GW_CONN_CUT,  /* nothing more is sent either */
} gw_conn_state;

typedef enum gw_timer {
    GW_TIMER_HEAD,
    GW_TIMER_BODY,
    GW_TIMER_IDLE,
    GW_TIMER_WRITE,
    GW_TIMER_WAIT,
    GW_TIMER_LINGER,
    GW_TIMERS
} gw_timer;

typedef struct gw_conn {
    gw_conn_env *env;
    void *owner; /* its gw_link; NULL in tests */
    char peer[GW_PEER_TEXT];
    bool peer_is_loopback, tls;
    gw_conn_state state;
    bool eof;      /* the client sends no more */
    bool stopping; /* the server stops: this reply is the last */
    bool keep;     /* the connection outlives the request at hand */
    bool is_head;  /* it is a HEAD */
    int version_minor;
    uint64_t n_requests;

    /* input that is not used up */
    gw_buf in;
    size_t at;   /* of in: used up */
    size_t seen; /* of in, from at: looked at for the end of the head */
    size_t line; /* of in, from at: where the line at `seen` begins */
    size_t n_lines, n_blank;

    /* the request at hand */
    llhttp_t parser;
    gw_arena arena;
    gw_server_request request;
    gw_server_header *headers;
    size_t n_headers, headers_cap;
    bool head_done, body_done, chunked;
    int refused; /* status that a callback of llhttp has decided on */
    gw_buf body;
    const char *span; /* in the bytes llhttp is at: the end of the last piece of body */
    bool cr;          /* the last byte of the framing was CR */
    size_t framing;   /* bytes of the body section that are not body */
    size_t body_left; /* until the next progress */
    int64_t began_us;

    gw_out out;
    gw_token *token;
    gw_record *waiting; /* of a deferred request: all that is kept of it */
    gw_record *record;  /* of the streamed reply that has begun; NULL: none has */
    size_t out_left;    /* until the next progress of the output */
    unsigned progress;  /* goes up when the time that runs shall start anew */
} gw_conn;

/* NULL: out of memory. peer is copied. */
gw_conn *gw_conn_new(gw_conn_env *env, const char *peer, bool loopback, bool tls);
void gw_conn_free(gw_conn *c);
/* Bytes have come. Only while gw_conn_wants_input. May call the handler. */
void gw_conn_feed(gw_conn *c, const char *p, size_t n);
bool gw_conn_wants_input(const gw_conn *c);
/* The client has said that it sends no more. */
void gw_conn_eof(gw_conn *c);
/* What is to be sent next; the number of entries filled. */
size_t gw_conn_output(const gw_conn *c, struct iovec *iov, size_t max);
/* The first n bytes of it are sent. May call the handler for requests that were waiting. */
void gw_conn_sent(gw_conn *c, size_t n);
/* Which time runs now. */
gw_timer gw_conn_timer(const gw_conn *c);
/* That time is up. */
void gw_conn_expired(gw_conn *c);
/* The server stops: what is begun is finished, nothing else is. */
void gw_conn_stop(gw_conn *c);
/* All is sent, or nothing more can be: close it. */
bool gw_conn_is_over(const gw_conn *c);
/* Goes on with input that is held. */
void gw_conn_advance(gw_conn *c);

/* ---- parts of it ---- */

/* Refuses the request and makes this reply the connection's last. */
void gw_conn_refuse(gw_conn *c, int status, const char *code, const char *message);
/* Lets go of the memory of the request at hand. */
void gw_conn_drop_request(gw_conn *c);
/* Ends the request whose reply is queued: the next one, or the end. */
void gw_conn_next(gw_conn *c);

typedef enum gw_step { GW_STEP_MORE, GW_STEP_DONE, GW_STEP_REFUSED } gw_step;
/* Looks for the end of the head in c->in. DONE: *ret_n is its length. */
gw_step gw_head_scan(gw_conn *c, size_t *ret_n);
/* Parses the head of n bytes at c->in. DONE: c->request is filled but for the body. */
gw_step gw_head_parse(gw_conn *c, size_t n);
/* The settings of llhttp, whose callbacks work on (gw_conn *)parser->data. */
extern const llhttp_settings_t gw_conn_settings;
/* Callbacks for bodies, in http_server_body.c. */
int gw_body_on_chunk(llhttp_t *p);
int gw_body_on_data(llhttp_t *p, const char *at, size_t n);
gw_step gw_body_step(gw_conn *c);

struct gw_reply {
    gw_conn *c;
    gw_buf headers;                       /* lines, in memory of its own */
    int status;                           /* 0: none yet */
    char content_type[GW_REPLY_TYPE_MAX]; /* "": none */
    gw_shared *body;
    gw_token *token;
    int failed; /* status to send instead: 500 a bug of the handler, 503 memory */
};

/* The body of an error; b is empty before. */
void gw_error_body(gw_buf *b, const char *code, const char *message);

void gw_reply_init(gw_reply *r, gw_conn *c);
void gw_reply_free(gw_reply *r);
/* Queues what the handler has made, or a 5xx, and goes on to the next request; or waits for the token. */
void gw_reply_send(gw_reply *r);
/* Whether this is a header that a handler may set. */
bool gw_header_is_ok(const char *name, const char *value);
/* "Name: value\r\n" for each; b fails (GW_EUSAGE) for one that is not. */
void gw_headers_add(gw_buf *b, const gw_server_header *h, size_t n);
const char *gw_status_reason(int status);

typedef enum gw_framing { GW_FRAMING_LENGTH, GW_FRAMING_CHUNKED, GW_FRAMING_CLOSE } gw_framing;
/* Queues a head (and a body, where framing is LENGTH). False: no memory; nothing was queued. headers: lines.
 */
bool gw_conn_queue(gw_conn *c, int status, const char *content_type, gw_str headers, gw_framing framing,
                   gw_shared *body);
/* Frees the pieces that are out, and closes their records. */
void gw_conn_drop_sent(gw_conn *c);
/* A record of the reply under way; NULL: out of memory. */
gw_record *gw_record_new(const gw_conn *c, int status);
/* Counts and logs a reply that is out or never will be (status 499), and frees the record. */
void gw_record_close(gw_conn_env *env, const char *peer, gw_record *r);

/* ---- later ---- */

struct gw_mailbox {
    pthread_mutex_t lock;
    pthread_cond_t quiet; /* a `writable` has returned */
    atomic_uint_fast64_t refs;
    int fd;      /* eventfd; -1 in tests */
    bool closed; /* nobody empties it any more */
    gw_token *first, *last;
    size_t n;                    /* tokens */
    struct gw_handoff *handoffs; /* sockets that another loop has accepted for this one */
};

typedef struct gw_handoff {
    struct gw_handoff *next;
    int fd;
    struct sockaddr_storage peer;
} gw_handoff;

gw_mailbox *gw_mailbox_new(bool with_fd);
gw_mailbox *gw_mailbox_ref(gw_mailbox *b);
void gw_mailbox_unref(gw_mailbox *b);
void gw_mailbox_wake(gw_mailbox *b);
size_t gw_mailbox_count(gw_mailbox *b);
/* The next token with news, whose reference the caller takes over; NULL: none. */
gw_token *gw_mailbox_take(gw_mailbox *b);

gw_token *gw_token_new(gw_conn *c);
void gw_token_unref(gw_token *t);
/* The connection looks after its token: queues what has come. On the loop's thread. */
void gw_token_pump(gw_conn *c);
/* The connection lets go: whoever works on the answer learns that nobody waits. */
void gw_token_detach(gw_conn *c);
/* The connection of a token that was in the mailbox; NULL: it has gone. */
gw_conn *gw_token_conn(const gw_token *t);

/* ---- sockets ---- */

typedef struct gw_loop gw_loop;

typedef struct gw_link {
    gw_conn *conn;
    gw_loop *loop;
    int fd;
    struct ssl_st *ssl; /* NULL without TLS */
    bool shaking, lingering, read_wants_write, write_wants_read,
        blocked; /* blocked: the socket takes no more */
    size_t lingered;
    uint32_t events;                         /* that epoll looks for */
    struct gw_link *next, *prev;             /* of the loop */
    struct gw_link *timer_next, *timer_prev; /* of those with the same time */
    int timer;                               /* gw_timer, or -1 */
    unsigned progress;                       /* of the conn, when the timer was set */
    int64_t due_us;
} gw_link;

struct gw_loop {
    gw_server *server;
    int index, epoll;
    pthread_t thread;
    gw_mailbox *box;
    gw_counts counts;
    gw_conn_env env;
    gw_link *links;
    struct {
        gw_link *first, *last;
    } timers[GW_TIMERS];
    bool listening, stopping, done;
    int64_t stop_us, listen_us, tls_look_us; /* listen_us: when accepting is tried again after it failed */
    gw_link *dead;                           /* closed in this turn; freed at its end */
    char buffer[GW_CONN_READ_BYTES];
};

struct gw_server {
    gw_server_options options;
    char *cert_file, *key_file, *name; /* copies behind the options */
    char url[GW_PEER_TEXT + 16];
    int listen_fd, stop_fd, port;
    bool loopback, started, joined;
    atomic_bool stopping;
    gw_tls_server *tls;
    gw_loop **loops;
    int n_loops;
};

int64_t gw_loop_now_us(const gw_loop *l);
void *gw_loop_main(void *loop);
gw_loop *gw_loop_new(gw_server *s, int index, gw_error *e);
void gw_loop_free(gw_loop *l);

/* Gives the socket to the loop, from the thread of another one. False: that loop has ended, or no memory. */
bool gw_loop_give(gw_loop *l, int fd, const struct sockaddr_storage *peer);
/* Takes over the socket, which counts as open in the loop's figures already. */
void gw_link_open(gw_loop *l, int fd, const struct sockaddr_storage *peer);
/* Puts the link behind the others whose time is the one that runs for it now. */
void gw_loop_time(gw_link *k);
void gw_loop_untime(gw_link *k);
/* Does what the socket and the connection can do now. The link may be dead afterwards. */
void gw_link_serve(gw_link *k, uint32_t events);
void gw_link_close(gw_link *k);
void gw_link_expired(gw_link *k);
/* "192.0.2.1:4711" */
void gw_peer_text(const struct sockaddr_storage *a, char out[GW_PEER_TEXT], bool *ret_loopback);

#endif
