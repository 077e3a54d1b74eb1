/*
 * The body of a request. llhttp takes chunks apart; beside it, every byte that is not body is held to strict
 * line ends, and to a bound: chunks of one byte, or extensions without end, would let a client send much and
 * be counted little.
 */
#include "net/http_server_internal.h"

/* CR and LF come in pairs only; there is no NUL. */
static bool framing_is_strict(gw_conn *c, const char *p, size_t n)
{
    c->framing += n;
    for (size_t i = 0; i < n; i++) {
        if ((p[i] == '\n') != c->cr || p[i] == '\0')
            return false;
        c->cr = p[i] == '\r';
    }
    return true;
}

int gw_body_on_chunk(llhttp_t *p)
{
    gw_conn *c = p->data;
    if (p->content_length > c->env->options->limits.body_bytes - c->body.len) {
        c->refused = 413;
        return HPE_USER;
    }
    return 0;
}

int gw_body_on_data(llhttp_t *p, const char *at, size_t n)
{
    gw_conn *c = p->data;
    if (c->chunked && (!framing_is_strict(c, c->span, (size_t)(at - c->span)) || c->cr)) {
        c->refused = 400;
        return HPE_USER;
    }
    c->span = at + n;
    gw_buf_add(&c->body, at, n);
    if (c->body.failed) {
        c->refused = c->body.failed == GW_ENOMEM ? 503 : 413;
        return HPE_USER;
    }
    if (n >= c->body_left) {
        c->body_left = GW_CONN_PROGRESS;
        c->progress++;
    } else {
        c->body_left -= n;
    }
    return 0;
}

static gw_step refuse(gw_conn *c, llhttp_errno_t r)
{
    if (c->refused == 503)
        gw_conn_refuse(c, 503, "memory", "the server is out of memory");
    else if (c->refused == 413)
        gw_conn_refuse(c, 413, "body_too_large", "the request's body is larger than the server takes");
    else
        gw_conn_refuse(c, 400, "malformed",
                       r == HPE_INVALID_CHUNK_SIZE ? "a chunk's size is no hexadecimal number"
                                                   : "the chunks of the request's body are malformed");
    return GW_STEP_REFUSED;
}

gw_step gw_body_step(gw_conn *c)
{
    const char *p = c->in.data ? c->in.data + c->at : ""; /* nothing has come yet */
    size_t n = c->in.len - c->at;
    if (n == 0)
        return GW_STEP_MORE;
    c->span = p;
    llhttp_errno_t r = llhttp_execute(&c->parser, p, n);
    size_t used = n;
    if (r == HPE_PAUSED)
        used = (size_t)(llhttp_get_error_pos(&c->parser) - p);
    if (c->refused || (r != HPE_OK && r != HPE_PAUSED))
        return refuse(c, r);
    if (c->chunked && !framing_is_strict(c, c->span, (size_t)(p + used - c->span)))
        return refuse(c, r);
    if (c->framing > GW_CONN_FRAMING && c->framing - GW_CONN_FRAMING > c->body.len * GW_CONN_FRAMING_EACH)
        return refuse(c, r);
    c->at += used;
    return c->body_done ? GW_STEP_DONE : GW_STEP_MORE;
}
