/*
 * A loop: one thread, one epoll instance, its links. All loops wait on the one listening socket, exclusively,
 * and the one that wakes gives the connection to the loop that has the fewest: which thread woke does not
 * decide who works.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_server_internal.h"

#define EVENTS          128
#define ACCEPTS         32   /* of one wake */
#define ACCEPTS_AT_STOP 1024 /* what waits in the kernel's queue when the server stops */
#define ACCEPT_PAUSE_US (100 * (int64_t)1000)
#define US(ms)          ((ms) * (int64_t)1000)

int64_t gw_loop_now_us(const gw_loop *l)
{
    return l->server->options.monotonic_us(l->server->options.clock_ctx);
}

/* ---- timeouts: a queue for each kind, since what enters a queue later is due later ---- */

static int64_t duration_us(const gw_loop *l, int timer)
{
    const gw_server_limits *m = &l->server->options.limits;
    switch (timer) {
    case GW_TIMER_HEAD:
        return US(m->header_ms);
    case GW_TIMER_BODY:
        return US(m->body_ms);
    case GW_TIMER_IDLE:
        return US(m->idle_ms);
    case GW_TIMER_WRITE:
        return US(m->write_ms);
    case GW_TIMER_WAIT:
        return US(m->deferred_ms);
    default:
        return US(GW_LINGER_MS);
    }
}

void gw_loop_untime(gw_link *k)
{
    if (k->timer < 0)
        return;
    gw_loop *l = k->loop;
    if (k->timer_prev)
        k->timer_prev->timer_next = k->timer_next;
    else
        l->timers[k->timer].first = k->timer_next;
    if (k->timer_next)
        k->timer_next->timer_prev = k->timer_prev;
    else
        l->timers[k->timer].last = k->timer_prev;
    k->timer_next = k->timer_prev = NULL;
    k->timer = -1;
}

void gw_loop_time(gw_link *k)
{
    gw_loop *l = k->loop;
    int timer = k->lingering ? GW_TIMER_LINGER : gw_conn_timer(k->conn);
    if (timer == k->timer && (k->progress == k->conn->progress || k->lingering))
        return;
    gw_loop_untime(k);
    k->timer = timer;
    k->progress = k->conn->progress;
    k->due_us = gw_loop_now_us(l) + duration_us(l, timer);
    k->timer_prev = l->timers[timer].last;
    if (k->timer_prev)
        k->timer_prev->timer_next = k;
    else
        l->timers[timer].first = k;
    l->timers[timer].last = k;
}

static void expire(gw_loop *l)
{
    int64_t now = gw_loop_now_us(l);
    for (int i = 0; i < GW_TIMERS; i++)
        while (l->timers[i].first && l->timers[i].first->due_us <= now) {
            gw_link *k = l->timers[i].first;
            gw_link_expired(k);
            if (k->fd >= 0 && k == l->timers[i].first && k->due_us <= now)
                gw_link_close(k); /* it did not move on: never twice the same */
        }
}

static int wait_ms(const gw_loop *l)
{
    int64_t due = INT64_MAX;
    for (int i = 0; i < GW_TIMERS; i++)
        if (l->timers[i].first)
            due = GW_MIN(due, l->timers[i].first->due_us);
    if (!l->listening && !l->stopping)
        due = GW_MIN(due, l->listen_us);
    if (l->stopping)
        due = GW_MIN(due, l->stop_us);
    if (l->tls_look_us)
        due = GW_MIN(due, l->tls_look_us);
    if (due == INT64_MAX)
        return -1;
    int64_t left = due - gw_loop_now_us(l);
    return left <= 0 ? 0 : (int)GW_MIN(left / 1000 + 1, 60 * GW_SECOND_MS);
}

/* ---- accepting ---- */

static void listen_on(gw_loop *l, bool on)
{
    if (l->listening == on)
        return;
    /* NULL stands for the listening socket */
    struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL};
    if (epoll_ctl(l->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, l->server->listen_fd, &ev) == 0 || !on)
        l->listening = on;
    l->listen_us = gw_loop_now_us(l) + ACCEPT_PAUSE_US;
}

static void refuse(gw_loop *l, int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\n"
                               "Connection: close\r\n\r\n";
    gw_count(&l->counts.refused, 1);
    if (!l->server->tls && send(fd, text, sizeof(text) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
        shutdown(fd, SHUT_WR);
        /* what has come is read, else the reset of the close may overtake the reply */
        while (recv(fd, l->buffer, sizeof(l->buffer), MSG_DONTWAIT) == (ssize_t)sizeof(l->buffer))
            ;
    }
    close(fd);
}

bool gw_loop_give(gw_loop *l, int fd, const struct sockaddr_storage *peer)
{
    gw_handoff *h = gw_malloc(sizeof(*h));
    if (!h)
        return false;
    *h = (gw_handoff){.fd = fd, .peer = *peer};
    pthread_mutex_lock(&l->box->lock);
    bool taken = !l->box->closed;
    if (taken) {
        h->next = l->box->handoffs;
        l->box->handoffs = h;
        gw_mailbox_wake(l->box);
    }
    pthread_mutex_unlock(&l->box->lock);
    if (!taken)
        gw_free(h);
    return taken;
}

static void place(gw_loop *l, int fd, const struct sockaddr_storage *peer)
{
    gw_server *s = l->server;
    uint64_t open = 0, least = UINT64_MAX;
    gw_loop *best = l;
    /* from this loop on, so that it keeps the connection where it has as few as any */
    for (int i = 0; i < s->n_loops; i++) {
        gw_loop *other = s->loops[(l->index + i) % s->n_loops];
        uint64_t n = atomic_load_explicit(&other->counts.open, memory_order_relaxed);
        open += n;
        if (n < least) {
            least = n;
            best = other;
        }
    }
    if (open >= s->options.limits.connections) {
        refuse(l, fd);
        return;
    }
    gw_count(&l->counts.accepted, 1);
    if (best != l) {
        /* counted before it is given, so that a burst of connections spreads */
        gw_count(&best->counts.open, 1);
        if (gw_loop_give(best, fd, peer))
            return;
        gw_count(&best->counts.open, (uint64_t)-1);
    }
    gw_count(&l->counts.open, 1);
    gw_link_open(l, fd, peer);
}

static void accept_some(gw_loop *l, int most)
{
    for (int i = 0; i < most; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t n = sizeof(peer);
        int fd = accept4(l->server->listen_fd, (struct sockaddr *)&peer, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            place(l, fd, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            listen_on(l, false); /* the kernel's queue holds them until there are descriptors again */
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}

/* ---- news from other threads ---- */

static void read_mail(gw_loop *l)
{
    uint64_t count;
    ssize_t n = read(l->box->fd, &count, sizeof(count));
    GW_UNUSED(n);
    /* what comes meanwhile has the next turn: a writer that is always ready must not keep the others waiting
     */
    gw_token *t;
    for (size_t left = gw_mailbox_count(l->box); left && (t = gw_mailbox_take(l->box)); left--) {
        gw_conn *c = gw_token_conn(t);
        if (c) {
            gw_token_pump(c);
            gw_conn_advance(c);
            gw_link_serve(c->owner, 0);
        }
        gw_token_unref(t);
    }
    pthread_mutex_lock(&l->box->lock);
    if (l->box->first)
        gw_mailbox_wake(l->box);
    gw_handoff *h = l->box->handoffs;
    l->box->handoffs = NULL;
    pthread_mutex_unlock(&l->box->lock);
    for (gw_handoff *next; h; h = next) {
        next = h->next;
        gw_link_open(l, h->fd, &h->peer);
        gw_free(h);
    }
}

/* ---- the turn ---- */

static void begin_stop(gw_loop *l)
{
    l->stopping = true;
    l->stop_us = gw_loop_now_us(l) + US(l->server->options.limits.stop_ms);
    /* who is in the kernel's queue has connected, and is served */
    accept_some(l, ACCEPTS_AT_STOP);
    listen_on(l, false);
    shutdown(l->server->listen_fd, SHUT_RD);
    for (gw_link *k = l->links, *next; k; k = next) {
        next = k->next;
        gw_link_serve(k, EPOLLIN); /* a request that has come is in flight, read or not */
        if (k->fd >= 0) {
            gw_conn_stop(k->conn);
            gw_link_serve(k, 0);
        }
    }
}

static void bury(gw_loop *l)
{
    for (gw_link *k = l->dead, *next; k; k = next) {
        next = k->next;
        gw_free(k);
    }
    l->dead = NULL;
}

static void end(gw_loop *l)
{
    pthread_mutex_lock(&l->box->lock);
    l->box->closed = true;
    pthread_mutex_unlock(&l->box->lock);
    while (l->links) {
        l->links->conn->state = GW_CONN_CUT;
        gw_link_close(l->links);
    }
    read_mail(l); /* what had come before it was closed; a socket among it is opened, and closed at once */
    while (l->links)
        gw_link_close(l->links);
    bury(l);
}

static void turn(gw_loop *l)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(l->epoll, events, EVENTS, wait_ms(l));
    bool mail = false, calls = false;
    for (int i = 0; i < n; i++) {
        void *p = events[i].data.ptr;
        if (p == l)
            mail = true;
        else if (!p)
            calls = true;
        else
            gw_link_serve(p, events[i].events);
    }
    if (mail)
        read_mail(l);
    if (calls && l->listening)
        accept_some(l, ACCEPTS);
    expire(l);
    if (!l->stopping && atomic_load(&l->server->stopping))
        begin_stop(l);
    int64_t now = gw_loop_now_us(l);
    if (!l->listening && !l->stopping && now >= l->listen_us)
        listen_on(l, true);
    if (l->tls_look_us && now >= l->tls_look_us) {
        gw_tls_server_look(l->server->tls);
        l->tls_look_us = now + US(GW_SERVER_TLS_LOOK_MS);
    }
    l->done = l->stopping && (!l->links || now >= l->stop_us);
    bury(l);
}

void *gw_loop_main(void *loop)
{
    gw_loop *l = loop;
    listen_on(l, true);
    if (l->server->tls && l->index == 0)
        l->tls_look_us = gw_loop_now_us(l) + US(GW_SERVER_TLS_LOOK_MS);
    while (!l->done)
        turn(l);
    end(l);
    return NULL;
}

gw_loop *gw_loop_new(gw_server *s, int index, gw_error *e)
{
    gw_loop *l = gw_calloc(1, sizeof(*l));
    if (!l) {
        gw_fail_memory(e);
        return NULL;
    }
    l->server = s;
    l->index = index;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->box = gw_mailbox_new(true);
    gw_conn_env_init(&l->env, &s->options, &l->counts, l->box);
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = l};
    if (l->epoll < 0 || !l->box || epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->box->fd, &ev) != 0) {
        gw_fail(e, l->box ? GW_EIO : GW_ENOMEM, "HTTP server: a thread's epoll cannot be set up: %m");
        gw_loop_free(l);
        return NULL;
    }
    return l;
}

void gw_loop_free(gw_loop *l)
{
    if (!l)
        return;
    if (l->box) {
        pthread_mutex_lock(&l->box->lock);
        l->box->closed = true;
        pthread_mutex_unlock(&l->box->lock);
    }
    if (l->epoll >= 0)
        close(l->epoll);
    gw_conn_env_free(&l->env);
    gw_mailbox_unref(l->box);
    gw_free(l);
}
