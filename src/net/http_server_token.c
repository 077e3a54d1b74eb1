/*
 * Answers from other threads. A token is shared by the one who answers and by the connection that waits; what
 * both touch is under the mailbox's lock. The mailbox outlives the server, so a late answer finds it closed
 * and goes nowhere.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/http_server_internal.h"

typedef enum token_state { TOKEN_OPEN, TOKEN_COMPLETE, TOKEN_STREAM, TOKEN_ENDED, TOKEN_ABORTED } token_state;

struct gw_token {
    atomic_uint_fast64_t refs;
    gw_mailbox *box;
    gw_conn *conn; /* the loop's thread only; NULL when it has gone */
    bool chunked;  /* else to the end of the connection */
    bool no_body;  /* the request is HEAD */
    size_t most;   /* bytes of the queue */

    gw_token *next; /* in the mailbox */
    bool queued;
    token_state state;
    bool gone, full;
    bool calling; /* `writable` runs, on this thread: */
    pthread_t caller;
    int status;
    gw_buf headers;
    gw_shared *body;
    gw_piece *first, *last;
    size_t bytes;
    gw_server_writable writable;
    void *ctx;
};

/* ---- the mailbox ---- */

gw_mailbox *gw_mailbox_new(bool with_fd)
{
    gw_mailbox *b = gw_calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    atomic_init(&b->refs, 1);
    b->fd = with_fd ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
    if (with_fd && b->fd < 0) {
        gw_free(b);
        return NULL;
    }
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->quiet, NULL);
    return b;
}

gw_mailbox *gw_mailbox_ref(gw_mailbox *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
    return b;
}

void gw_mailbox_unref(gw_mailbox *b)
{
    if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (b->fd >= 0)
        close(b->fd);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->quiet);
    gw_free(b);
}

void gw_mailbox_wake(gw_mailbox *b)
{
    if (b->fd < 0)
        return;
    /* the counter is full only where the loop has been told often enough */
    ssize_t n = write(b->fd, &(uint64_t){1}, sizeof(uint64_t));
    GW_UNUSED(n);
}

size_t gw_mailbox_count(gw_mailbox *b)
{
    pthread_mutex_lock(&b->lock);
    size_t n = b->n;
    pthread_mutex_unlock(&b->lock);
    return n;
}

gw_token *gw_mailbox_take(gw_mailbox *b)
{
    pthread_mutex_lock(&b->lock);
    gw_token *t = b->first;
    if (t) {
        b->first = t->next;
        if (!b->first)
            b->last = NULL;
        t->next = NULL;
        t->queued = false;
        b->n--;
    }
    pthread_mutex_unlock(&b->lock);
    return t;
}

/* With the lock held: the loop shall look at this token. */
static void post(gw_token *t)
{
    gw_mailbox *b = t->box;
    if (t->queued || t->gone || b->closed)
        return;
    atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    t->queued = true;
    bool was_empty = !b->first;
    if (b->last)
        b->last->next = t;
    else
        b->first = t;
    b->last = t;
    b->n++;
    if (was_empty)
        gw_mailbox_wake(b);
}

/* ---- tokens ---- */

gw_token *gw_token_new(gw_conn *c)
{
    gw_token *t = gw_calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    atomic_init(&t->refs, 2); /* the answerer's and the connection's */
    t->box = gw_mailbox_ref(c->env->box);
    t->conn = c;
    t->chunked = c->version_minor == 1;
    t->no_body = c->is_head;
    t->most = c->env->options->limits.stream_bytes;
    gw_buf_init(&t->headers, GW_REPLY_HEADER_BYTES);
    c->token = t;
    return t;
}

static void free_pieces(gw_token *t)
{
    for (gw_piece *p = t->first, *next; p; p = next) {
        next = p->next;
        gw_piece_free(p);
    }
    t->first = t->last = NULL;
    t->bytes = 0;
}

void gw_token_unref(gw_token *t)
{
    if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    free_pieces(t);
    gw_buf_free(&t->headers);
    gw_shared_unref(t->body);
    gw_mailbox_unref(t->box);
    gw_free(t);
}

gw_conn *gw_token_conn(const gw_token *t)
{
    return t->conn;
}

bool gw_token_gone(gw_token *t)
{
    pthread_mutex_lock(&t->box->lock);
    bool gone = t->gone;
    pthread_mutex_unlock(&t->box->lock);
    return gone;
}

void gw_server_complete(gw_token *t, int status, const gw_server_header *headers, size_t n_headers,
                        gw_shared *body)
{
    pthread_mutex_lock(&t->box->lock);
    if (!t->gone && t->state == TOKEN_OPEN) {
        gw_buf_clear(&t->headers);
        gw_headers_add(&t->headers, headers, n_headers);
        bool ok = !t->headers.failed && status >= 200 && status <= 599;
        t->status = ok ? status : t->headers.failed == GW_ENOMEM ? 503 : 500;
        t->body = ok ? gw_shared_ref(body) : NULL;
        if (!ok)
            gw_buf_clear(&t->headers);
        t->state = TOKEN_COMPLETE;
        post(t);
    }
    pthread_mutex_unlock(&t->box->lock);
    gw_token_unref(t);
}

int gw_server_begin(gw_token *t, int status, const gw_server_header *headers, size_t n_headers,
                    gw_server_writable writable, void *ctx, gw_error *e)
{
    int r = 0;
    pthread_mutex_lock(&t->box->lock);
    gw_buf_clear(&t->headers);
    gw_headers_add(&t->headers, headers, n_headers);
    if (t->gone)
        r = gw_fail(e, GW_ECONNECT, "the client has gone");
    else if (t->state != TOKEN_OPEN || status < 200 || status > 599 || t->headers.failed == GW_EUSAGE)
        r = gw_fail(e, GW_EINTERNAL, "a streamed reply with a wrong status or header, or begun twice");
    else
        r = gw_buf_check(&t->headers, "the head of a reply", e);
    if (r == 0) {
        t->status = status;
        t->writable = writable;
        t->ctx = ctx;
        t->state = TOKEN_STREAM;
        post(t);
    }
    pthread_mutex_unlock(&t->box->lock);
    return r;
}

static gw_piece *new_chunk(const gw_token *t, const void *p, size_t n)
{
    char size[32];
    int digits = t->chunked ? snprintf(size, sizeof(size), "%zx\r\n", n) : 0;
    size_t more = (size_t)digits + (t->chunked ? 2 : 0);
    gw_piece *piece = n > SIZE_MAX / 2 ? NULL : gw_piece_new(n + more);
    if (!piece)
        return NULL;
    memcpy(piece->own, size, (size_t)digits);
    memcpy(piece->own + digits, p, n);
    if (t->chunked)
        memcpy(piece->own + (size_t)digits + n, "\r\n", 2);
    return piece;
}

int gw_server_write(gw_token *t, const void *p, size_t n)
{
    int r = 0;
    pthread_mutex_lock(&t->box->lock);
    if (t->gone)
        r = GW_ECONNECT;
    else if (t->state != TOKEN_STREAM)
        r = GW_EINTERNAL;
    else if (t->bytes && n > t->most - GW_MIN(t->bytes, t->most))
        r = GW_STREAM_FULL;
    t->full = r == GW_STREAM_FULL || (t->full && r == 0);
    pthread_mutex_unlock(&t->box->lock);
    if (r || n == 0 || t->no_body) /* an empty chunk would be the end */
        return r;
    gw_piece *piece = new_chunk(t, p, n);
    if (!piece)
        return GW_ENOMEM;
    pthread_mutex_lock(&t->box->lock);
    if (t->gone) {
        r = GW_ECONNECT;
        gw_piece_free(piece);
    } else {
        if (t->last)
            t->last->next = piece;
        else
            t->first = piece;
        t->last = piece;
        t->bytes += piece->n;
        post(t);
    }
    pthread_mutex_unlock(&t->box->lock);
    return r;
}

static void finish(gw_token *t, token_state state)
{
    pthread_mutex_lock(&t->box->lock);
    t->state = state;
    post(t);
    /* what `writable` works with must not be freed under it by the thread that ends the token */
    while (t->calling && !pthread_equal(t->caller, pthread_self()))
        pthread_cond_wait(&t->box->quiet, &t->box->lock);
    pthread_mutex_unlock(&t->box->lock);
    gw_token_unref(t);
}

void gw_server_end(gw_token *t)
{
    pthread_mutex_lock(&t->box->lock);
    token_state state = t->state == TOKEN_STREAM ? TOKEN_ENDED : TOKEN_ABORTED;
    pthread_mutex_unlock(&t->box->lock);
    finish(t, state);
}

void gw_server_abort(gw_token *t)
{
    finish(t, TOKEN_ABORTED);
}

/* ---- the loop's side ---- */

static void call_writable(gw_token *t)
{
    pthread_mutex_lock(&t->box->lock);
    bool wanted = t->writable && t->state == TOKEN_STREAM;
    t->calling = wanted;
    t->caller = pthread_self();
    pthread_mutex_unlock(&t->box->lock);
    if (!wanted)
        return;
    t->writable(t->ctx, t);
    pthread_mutex_lock(&t->box->lock);
    t->calling = false;
    pthread_cond_broadcast(&t->box->quiet);
    pthread_mutex_unlock(&t->box->lock);
}

/* The connection has all it wanted of the token. */
static void release(gw_conn *c)
{
    gw_token *t = c->token;
    c->token = NULL;
    t->conn = NULL;
    pthread_mutex_lock(&t->box->lock);
    t->gone = true;
    free_pieces(t);
    pthread_mutex_unlock(&t->box->lock);
    gw_token_unref(t);
}

void gw_token_detach(gw_conn *c)
{
    gw_token *t = c->token;
    if (!t)
        return;
    pthread_mutex_lock(&t->box->lock);
    t->gone = true;
    pthread_mutex_unlock(&t->box->lock);
    t->conn = NULL;
    call_writable(t);
    release(c);
}

static void send_error(gw_conn *c, int status, const char *code, const char *message)
{
    gw_reply r;
    gw_reply_init(&r, c);
    gw_reply_error(&r, status, code, message);
    gw_reply_send(&r);
    gw_reply_free(&r);
}

static void pump_complete(gw_conn *c)
{
    gw_token *t = c->token;
    /* nobody else touches these after the token was completed */
    gw_str lines = {t->headers.data, t->headers.len};
    if (!gw_conn_queue(c, t->status, NULL, lines, GW_FRAMING_LENGTH, t->body)) {
        release(c);
        send_error(c, 503, "memory", "the server is out of memory");
        return;
    }
    release(c);
    gw_conn_next(c);
}

/* The last piece carries the record, so that the reply counts when it is out. */
static void end_stream(gw_conn *c)
{
    gw_token *t = c->token;
    static const char last_chunk[] = "0\r\n\r\n";
    size_t n = t->chunked && !t->no_body ? sizeof(last_chunk) - 1 : 0;
    gw_piece *p = gw_piece_new(n);
    if (!p) {
        c->state = GW_CONN_CUT;
        return;
    }
    memcpy(p->own, last_chunk, n);
    p->record = c->record;
    c->record = NULL;
    gw_out_add(&c->out, p);
    gw_conn_drop_sent(c); /* an end without bytes, and all the rest is out */
    release(c);
    gw_conn_next(c);
}

static void pump_stream(gw_conn *c, bool ended)
{
    gw_token *t = c->token;
    gw_str lines = {t->headers.data, t->headers.len};
    if (!c->record &&
        !gw_conn_queue(c, t->status, NULL, lines, t->chunked ? GW_FRAMING_CHUNKED : GW_FRAMING_CLOSE, NULL)) {
        c->state = GW_CONN_CUT;
        return;
    }
    pthread_mutex_lock(&t->box->lock);
    while (t->first && c->out.bytes < c->env->options->limits.output_bytes) {
        gw_piece *p = t->first;
        t->first = p->next;
        if (!t->first)
            t->last = NULL;
        t->bytes -= p->n;
        c->record->body_bytes += p->n;
        gw_out_add(&c->out, p);
        c->progress++;
    }
    bool all = ended && !t->first, room = t->full && t->bytes <= t->most / 2;
    if (room)
        t->full = false;
    pthread_mutex_unlock(&t->box->lock);
    if (all)
        end_stream(c);
    else if (room)
        call_writable(t);
}

void gw_token_pump(gw_conn *c)
{
    gw_token *t = c->token;
    if (!t || c->state != GW_CONN_WAIT)
        return;
    pthread_mutex_lock(&t->box->lock);
    token_state state = t->state;
    pthread_mutex_unlock(&t->box->lock);
    switch (state) {
    case TOKEN_OPEN:
        break;
    case TOKEN_COMPLETE:
        pump_complete(c);
        break;
    case TOKEN_STREAM:
    case TOKEN_ENDED:
        pump_stream(c, state == TOKEN_ENDED);
        break;
    case TOKEN_ABORTED:
        if (c->record) {
            c->state = GW_CONN_CUT;
            break;
        }
        release(c);
        send_error(c, 502, "aborted", "the answer could not be made");
        break;
    }
}
