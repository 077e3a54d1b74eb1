/* The queue of what is to be sent, and the account of each reply that leaves through it. */
#include "net/http_server_internal.h"

gw_piece *gw_piece_new(size_t n)
{
    if (n > SIZE_MAX / 2)
        return NULL;
    gw_piece *p = gw_malloc(sizeof(*p) + n);
    if (p)
        *p = (gw_piece){.p = p->own, .n = n};
    return p;
}

gw_piece *gw_piece_shared(gw_shared *s)
{
    gw_piece *p = gw_piece_new(0);
    if (p) {
        gw_str bytes = gw_shared_bytes(s);
        p->shared = gw_shared_ref(s);
        p->p = bytes.p;
        p->n = bytes.n;
    }
    return p;
}

void gw_piece_free(gw_piece *p)
{
    if (!p)
        return;
    gw_shared_unref(p->shared);
    gw_free(p->record);
    gw_free(p);
}

void gw_out_add(gw_out *o, gw_piece *p)
{
    p->next = NULL;
    if (o->last)
        o->last->next = p;
    else
        o->first = p;
    o->last = p;
    o->bytes += p->n;
}

size_t gw_conn_output(const gw_conn *c, struct iovec *iov, size_t max)
{
    size_t n = 0, skip = c->out.sent;
    for (const gw_piece *p = c->out.first; p && n < max; p = p->next, skip = 0)
        if (p->n > skip)
            /* iovec is for reading as well, hence not const */
            iov[n++] = (struct iovec){(void *)(uintptr_t)(p->p + skip), p->n - skip};
    return n;
}

gw_record *gw_record_new(const gw_conn *c, int status)
{
    const char *method = c->request.method, *target = c->request.target;
    bool texts = c->env->options->access_log != NULL;
    size_t m = texts && method ? strlen(method) + 1 : 0, t = texts && target ? strlen(target) + 1 : 0;
    gw_record *r = gw_malloc(sizeof(*r) + m + t);
    if (!r)
        return NULL;
    *r = (gw_record){.status = status, .began_us = c->began_us};
    if (m)
        r->method = memcpy(r->text, method, m);
    if (t)
        r->target = memcpy(r->text + m, target, t);
    return r;
}

static int64_t monotonic_us(const gw_server_options *o)
{
    return o->monotonic_us(o->clock_ctx);
}

void gw_record_close(gw_conn_env *env, const char *peer, gw_record *r)
{
    if (!r)
        return;
    const gw_server_options *o = env->options;
    gw_counts *n = env->counts;
    int64_t us = GW_MAX(0, monotonic_us(o) - r->began_us);
    size_t i = 0;
    while (us > gw_server_latency_us[i])
        i++;
    gw_count(&n->latency[i], 1);
    gw_count(&n->latency_sum_us, (uint64_t)us);
    gw_count(&n->requests[r->status == 499 ? 0 : r->status / 100], 1);
    if (o->access_log) {
        gw_server_access a = {.peer = peer,
                              .method = r->method ? r->method : "-",
                              .target = r->target ? r->target : "-",
                              .status = r->status,
                              .body_bytes = r->body_bytes,
                              .duration_us = us,
                              .at_ms = o->wall_ms(o->clock_ctx)};
        o->access_log(o->ctx, &a);
    }
    gw_free(r);
}

void gw_conn_drop_sent(gw_conn *c)
{
    gw_out *o = &c->out;
    while (o->first && o->sent >= o->first->n) {
        gw_piece *p = o->first;
        o->sent -= p->n;
        o->first = p->next;
        if (!o->first)
            o->last = NULL;
        gw_record_close(c->env, c->peer, p->record);
        p->record = NULL;
        gw_piece_free(p);
    }
}

void gw_conn_sent(gw_conn *c, size_t n)
{
    gw_out *o = &c->out;
    n = GW_MIN(n, o->bytes);
    gw_count(&c->env->counts->bytes_out, n);
    o->bytes -= n;
    o->sent += n;
    gw_conn_drop_sent(c);
    /* a client that takes a byte now and then does not hold the connection: progress has a size */
    if (n >= c->out_left) {
        c->out_left = GW_CONN_PROGRESS;
        c->progress++;
    } else {
        c->out_left -= n;
    }
    gw_token_pump(c);
    gw_conn_advance(c);
}
