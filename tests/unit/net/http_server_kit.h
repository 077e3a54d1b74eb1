/* A connection of the HTTP server without a socket: bytes in, bytes out, a clock that stands still. */
#ifndef GW_TESTS_UNIT_NET_HTTP_SERVER_KIT_H
#define GW_TESTS_UNIT_NET_HTTP_SERVER_KIT_H

#include "gw_test.h"

#include "net/http_server_internal.h"

/* The instant that RFC 9110, 5.6.7, writes as an example of a date. */
#define KIT_WALL_MS ((int64_t)784111777 * 1000)
#define KIT_DATE    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

typedef struct kit {
    gw_server_options options;
    gw_counts counts;
    gw_mailbox *box;
    gw_conn_env env;
    gw_conn *c;
    gw_buf out;
    int64_t now_us;
} kit;

static int64_t kit_wall(void *ctx)
{
    GW_UNUSED(ctx);
    return KIT_WALL_MS;
}

static int64_t kit_monotonic(void *ctx)
{
    return ((kit *)ctx)->now_us;
}

static inline void kit_init(kit *k, gw_server_handler handler, void *ctx)
{
    *k = (kit){
        .options = {.handler = handler, .ctx = ctx, .wall_ms = kit_wall, .monotonic_us = kit_monotonic}};
    k->options.clock_ctx = k;
    gw_buf_init(&k->out, (size_t)64 * 1024 * 1024);
}

/* With the limits that were set between; false: no memory. */
static inline bool kit_open(kit *k)
{
    gw_server_limits_fill(&k->options.limits);
    if (!k->box)
        k->box = gw_mailbox_new(false);
    if (!k->box)
        return false;
    gw_conn_env_init(&k->env, &k->options, &k->counts, k->box);
    k->c = gw_conn_new(&k->env, "192.0.2.1:4711", false, false);
    return k->c != NULL;
}

static inline void kit_close(kit *k)
{
    gw_conn_free(k->c);
    k->c = NULL;
    if (k->box)
        gw_conn_env_free(&k->env);
    for (gw_token *t; k->box && (t = gw_mailbox_take(k->box));)
        gw_token_unref(t);
    gw_mailbox_unref(k->box);
    k->box = NULL;
    gw_buf_free(&k->out);
}

/* Takes what is to be sent, at most `step` bytes at a time. */
static inline void kit_drain(kit *k, size_t step)
{
    struct iovec iov[3];
    for (size_t n; k->c->state != GW_CONN_CUT && (n = gw_conn_output(k->c, iov, GW_COUNT(iov))) > 0;) {
        size_t take = GW_MIN(step, iov[0].iov_len);
        gw_buf_add(&k->out, iov[0].iov_base, take);
        gw_conn_sent(k->c, take);
    }
}

/* What other threads have done to tokens. */
static inline void kit_mail(kit *k)
{
    for (gw_token *t; (t = gw_mailbox_take(k->box));) {
        gw_conn *c = gw_token_conn(t);
        if (c) {
            gw_token_pump(c);
            gw_conn_advance(c);
        }
        gw_token_unref(t);
    }
}

/* All that the connection takes of it; returns how much that is. */
static inline size_t kit_feed(kit *k, const char *p, size_t n)
{
    size_t at = 0;
    while (at < n) {
        kit_drain(k, SIZE_MAX);
        if (!gw_conn_wants_input(k->c))
            break;
        size_t take = GW_MIN(n - at, GW_CONN_READ_BYTES);
        gw_conn_feed(k->c, p + at, take);
        at += take;
    }
    kit_drain(k, SIZE_MAX);
    return at;
}

static inline uint64_t kit_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

#endif
