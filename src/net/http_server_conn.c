/* One connection: from bytes to requests, and from replies to the next request. */
#include "net/http_server_internal.h"

void gw_conn_env_init(gw_conn_env *env, const gw_server_options *o, gw_counts *counts, gw_mailbox *box)
{
    *env = (gw_conn_env){.options = o, .counts = counts, .box = box};
    gw_arena_init(&env->spare, o->limits.arena_bytes);
    gw_buf_init(&env->scratch, 2 * GW_REPLY_HEADER_BYTES);
}

void gw_conn_env_free(gw_conn_env *env)
{
    gw_arena_free(&env->spare);
    gw_buf_free(&env->scratch);
}

static int64_t now_us(const gw_conn *c)
{
    const gw_server_options *o = c->env->options;
    return o->monotonic_us(o->clock_ctx);
}

gw_conn *gw_conn_new(gw_conn_env *env, const char *peer, bool loopback, bool tls)
{
    gw_conn *c = gw_calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->env = env;
    snprintf(c->peer, sizeof(c->peer), "%s", peer);
    c->peer_is_loopback = loopback;
    c->tls = tls;
    c->out_left = GW_CONN_PROGRESS;
    gw_buf_init(&c->in, env->options->limits.header_bytes + 4 * GW_CONN_READ_BYTES);
    gw_buf_init(&c->body, env->options->limits.body_bytes);
    gw_arena_init(&c->arena, env->options->limits.arena_bytes);
    return c;
}

/* The arena of a request that is over: one is kept for the next of this loop, so idle connections hold none.
 */
void gw_conn_drop_request(gw_conn *c)
{
    if (c->arena.head && !c->env->spare.head) {
        gw_arena_reset(&c->arena);
        c->env->spare = c->arena;
        gw_arena_init(&c->arena, c->env->options->limits.arena_bytes);
    }
    gw_arena_free(&c->arena);
    gw_buf_free(&c->body);
    c->request = (gw_server_request){0};
    c->headers = NULL;
    c->n_headers = c->headers_cap = 0;
}

/* Of a reply that nobody will get whole. */
static void close_record(gw_conn *c, gw_record **r)
{
    if (*r)
        (*r)->status = 499;
    gw_record_close(c->env, c->peer, *r);
    *r = NULL;
}

void gw_conn_free(gw_conn *c)
{
    if (!c)
        return;
    if (c->token)
        gw_token_detach(c);
    close_record(c, &c->waiting);
    close_record(c, &c->record);
    for (gw_piece *p = c->out.first, *next; p; p = next) {
        next = p->next;
        close_record(c, &p->record);
        gw_piece_free(p);
    }
    gw_conn_drop_request(c);
    gw_buf_free(&c->in);
    gw_free(c);
}

bool gw_conn_is_over(const gw_conn *c)
{
    return c->state == GW_CONN_CUT || (c->state == GW_CONN_LAST && c->out.bytes == 0);
}

static bool output_is_full(const gw_conn *c)
{
    return c->out.bytes >= c->env->options->limits.output_bytes;
}

bool gw_conn_wants_input(const gw_conn *c)
{
    if (c->eof || (c->state != GW_CONN_HEAD && c->state != GW_CONN_BODY))
        return false;
    return !output_is_full(c);
}

void gw_conn_refuse(gw_conn *c, int status, const char *code, const char *message)
{
    gw_reply r;
    c->keep = false;
    c->began_us = now_us(c);
    if (c->request.method == NULL)
        c->is_head = false;
    gw_count(&c->env->counts->malformed, 1);
    gw_reply_init(&r, c);
    gw_reply_error(&r, status, code, message);
    gw_reply_send(&r);
    gw_reply_free(&r);
    if (c->state != GW_CONN_CUT)
        c->state = GW_CONN_LAST;
}

void gw_conn_next(gw_conn *c)
{
    gw_conn_drop_request(c);
    close_record(c, &c->waiting); /* there was no memory for its reply */
    c->n_requests++;
    c->progress++;
    /* a streamed reply may have begun, without Connection: close, before the server began to stop */
    c->state = c->keep && !c->stopping ? GW_CONN_HEAD : GW_CONN_LAST;
    c->seen = c->line = c->n_lines = c->n_blank = 0;
}

static void begin_request(gw_conn *c)
{
    if (!c->arena.head && c->env->spare.head) {
        c->arena = c->env->spare;
        gw_arena_init(&c->env->spare, c->env->options->limits.arena_bytes);
    }
    c->request = (gw_server_request){0};
    c->head_done = c->body_done = c->chunked = c->cr = false;
    c->refused = 0;
    c->framing = 0;
    c->body_left = GW_CONN_PROGRESS;
    gw_buf_clear(&c->body);
}

/* The request is whole. */
static void dispatch(gw_conn *c)
{
    const gw_server_options *o = c->env->options;
    gw_server_request *q = &c->request;
    q->body = (gw_str){c->body.data, c->body.len};
    q->peer = c->peer;
    q->peer_is_loopback = c->peer_is_loopback;
    q->tls = c->tls;
    q->arena = &c->arena;
    q->now_ms = o->wall_ms(o->clock_ctx);
    c->began_us = now_us(c);
    if (c->n_requests + 1 >= o->limits.requests)
        c->keep = false;
    gw_reply r;
    gw_reply_init(&r, c);
    o->handler(o->ctx, q, &r);
    gw_reply_send(&r); /* goes on to the next request, or waits for the token */
    gw_reply_free(&r);
}

/* True when there may be more to do. */
static bool step(gw_conn *c)
{
    gw_step s;
    size_t n;
    switch (c->state) {
    case GW_CONN_HEAD:
        if (output_is_full(c))
            return false;
        s = gw_head_scan(c, &n);
        if (s == GW_STEP_DONE) {
            begin_request(c);
            s = gw_head_parse(c, n);
            c->at += n;
            if (s == GW_STEP_DONE) {
                c->state = GW_CONN_BODY;
                c->progress++;
            }
        }
        break;
    case GW_CONN_BODY:
        s = c->body_done ? GW_STEP_DONE : gw_body_step(c);
        if (s == GW_STEP_DONE)
            dispatch(c);
        break;
    default:
        return false;
    }
    return s == GW_STEP_DONE;
}

void gw_conn_advance(gw_conn *c)
{
    while (step(c))
        ;
    if (c->state == GW_CONN_LAST || c->state == GW_CONN_CUT)
        c->at = c->in.len;
    if (c->at) {
        gw_buf_drop(&c->in, c->at);
        c->at = 0;
    }
    if (c->in.len == 0)
        gw_buf_free(&c->in);
    /* the client sends no more, and what it has sent is no whole request */
    if (c->eof && (c->state == GW_CONN_HEAD || c->state == GW_CONN_BODY) && !output_is_full(c))
        c->state = GW_CONN_LAST;
}

void gw_conn_feed(gw_conn *c, const char *p, size_t n)
{
    gw_count(&c->env->counts->bytes_in, n);
    gw_buf_add(&c->in, p, n);
    if (c->in.failed) {
        c->state = GW_CONN_CUT; /* no memory to go on with; what was promised before cannot be kept either */
        return;
    }
    gw_conn_advance(c);
}

void gw_conn_eof(gw_conn *c)
{
    c->eof = true;
    gw_conn_advance(c);
}

gw_timer gw_conn_timer(const gw_conn *c)
{
    if (c->out.bytes)
        return GW_TIMER_WRITE;
    switch (c->state) {
    case GW_CONN_BODY:
        return GW_TIMER_BODY;
    case GW_CONN_WAIT:
        return GW_TIMER_WAIT;
    case GW_CONN_HEAD:
        return c->in.len || c->n_requests == 0 ? GW_TIMER_HEAD : GW_TIMER_IDLE;
    default:
        return GW_TIMER_LINGER;
    }
}

void gw_conn_expired(gw_conn *c)
{
    gw_timer t = gw_conn_timer(c);
    gw_count(&c->env->counts->timeouts, t != GW_TIMER_IDLE);
    bool begun = t == GW_TIMER_BODY || (t == GW_TIMER_HEAD && c->in.len);
    if (begun) {
        if (t == GW_TIMER_HEAD)
            c->request = (gw_server_request){0};
        gw_conn_refuse(c, 408, "timeout", "the request did not arrive in time");
        gw_conn_advance(c);
    } else if (t == GW_TIMER_WAIT && !c->record) {
        gw_token_detach(c);
        gw_reply r;
        c->keep = false;
        gw_reply_init(&r, c);
        gw_reply_error(&r, 504, "timeout", "the answer was not ready in time");
        gw_reply_send(&r);
        gw_reply_free(&r);
        gw_conn_advance(c);
    } else {
        c->state = GW_CONN_CUT;
    }
}

void gw_conn_stop(gw_conn *c)
{
    c->stopping = true;
    if (c->state == GW_CONN_HEAD && c->in.len == 0) {
        c->keep = false;
        c->state = GW_CONN_LAST;
    }
}
