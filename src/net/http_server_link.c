/* A connection's socket: reads, writes, TLS, and the way it closes. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_server_internal.h"

#define ROUNDS    8 /* reads or writes of one connection before the others have their turn */
#define IOV_COUNT 16

void gw_peer_text(const struct sockaddr_storage *a, char out[GW_PEER_TEXT], bool *ret_loopback)
{
    char host[INET6_ADDRSTRLEN] = "?";
    out[0] = '\0';
    *ret_loopback = false;
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)a;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(out, GW_PEER_TEXT, "%s:%d", host, ntohs(v4->sin_port));
        *ret_loopback = (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    } else if (a->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)a;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        const unsigned char *b = v6->sin6_addr.s6_addr;
        if (mapped) {
            snprintf(out, GW_PEER_TEXT, "%d.%d.%d.%d:%d", b[12], b[13], b[14], b[15], ntohs(v6->sin6_port));
        } else {
            inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
            snprintf(out, GW_PEER_TEXT, "[%s]:%d", host, ntohs(v6->sin6_port));
        }
        *ret_loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) || (mapped && b[12] == 127);
    }
}

static void watch(gw_link *k, uint32_t events)
{
    if (k->events == events)
        return;
    struct epoll_event ev = {.events = events, .data.ptr = k};
    /* cannot fail for a descriptor that is in the set: the kernel allocates nothing here */
    epoll_ctl(k->loop->epoll, EPOLL_CTL_MOD, k->fd, &ev);
    k->events = events;
}

void gw_link_open(gw_loop *l, int fd, const struct sockaddr_storage *peer)
{
    char text[GW_PEER_TEXT];
    bool loopback;
    gw_peer_text(peer, text, &loopback);
    gw_link *k = gw_calloc(1, sizeof(*k));
    gw_tls_server *tls = l->server->tls;
    if (k) {
        k->loop = l;
        k->fd = fd;
        k->timer = -1;
        k->events = EPOLLIN;
        k->conn = gw_conn_new(&l->env, text, loopback, tls != NULL);
        k->ssl = tls ? gw_tls_server_accept(tls, fd) : NULL;
        k->shaking = tls != NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = k};
    if (!k || !k->conn || (tls && !k->ssl) || epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) != 0) {
        if (k) {
            SSL_free(k->ssl);
            gw_conn_free(k->conn);
        }
        gw_free(k);
        close(fd);
        gw_count(&l->counts.open, (uint64_t)-1);
        return;
    }
    k->conn->owner = k;
    k->next = l->links;
    if (k->next)
        k->next->prev = k;
    l->links = k;
    if (l->stopping)
        gw_conn_stop(k->conn);
    gw_link_serve(k, EPOLLIN); /* the request has often come with the connection */
}

void gw_link_close(gw_link *k)
{
    gw_loop *l = k->loop;
    if (k->fd < 0)
        return;
    if (k->conn->state == GW_CONN_CUT && k->conn->out.bytes)
        /* a reset, so that half a reply is not taken for a whole one */
        setsockopt(k->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    if (k->shaking)
        gw_count(&l->counts.tls_failures, 1);
    gw_loop_untime(k);
    close(k->fd); /* leaves epoll with it */
    k->fd = -1;
    SSL_free(k->ssl);
    k->ssl = NULL;
    gw_conn_free(k->conn);
    k->conn = NULL;
    if (k->prev)
        k->prev->next = k->next;
    else
        l->links = k->next;
    if (k->next)
        k->next->prev = k->prev;
    k->prev = NULL;
    k->next = l->dead;
    l->dead = k;
    gw_count(&l->counts.open, (uint64_t)-1);
}

/* ---- moving bytes: > 0 moved, 0 not now, < 0 the connection is done for ---- */

static int tls_result(gw_link *k, int r, bool reading)
{
    switch (SSL_get_error(k->ssl, r)) {
    case SSL_ERROR_WANT_READ:
        if (!reading)
            k->write_wants_read = true;
        return 0;
    case SSL_ERROR_WANT_WRITE:
        if (reading)
            k->read_wants_write = true;
        return 0;
    default:
        return -1;
    }
}

/* *ret_n = 0 with a positive result: the client sends no more. */
static int receive(gw_link *k, size_t *ret_n)
{
    char *p = k->loop->buffer;
    *ret_n = 0;
    if (!k->ssl) {
        ssize_t n = recv(k->fd, p, GW_CONN_READ_BYTES, 0);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        *ret_n = (size_t)n;
        return 1;
    }
    ERR_clear_error();
    k->read_wants_write = false;
    int r = SSL_read_ex(k->ssl, p, GW_CONN_READ_BYTES, ret_n);
    if (r == 1)
        return 1;
    if (SSL_get_error(k->ssl, r) == SSL_ERROR_ZERO_RETURN)
        return 1;
    return tls_result(k, r, true);
}

static int transmit(gw_link *k)
{
    struct iovec iov[IOV_COUNT];
    size_t n = gw_conn_output(k->conn, iov, k->ssl ? 1 : IOV_COUNT), sent = 0;
    if (n == 0)
        return 0;
    if (!k->ssl) {
        struct msghdr m = {.msg_iov = iov, .msg_iovlen = n};
        ssize_t r = sendmsg(k->fd, &m, MSG_NOSIGNAL);
        if (r < 0 && errno != EAGAIN && errno != EINTR)
            return -1;
        sent = r < 0 ? 0 : (size_t)r;
    } else {
        ERR_clear_error();
        k->write_wants_read = false;
        int r = SSL_write_ex(k->ssl, iov[0].iov_base, iov[0].iov_len, &sent);
        if (r != 1) {
            r = tls_result(k, r, false);
            if (r < 0)
                return -1;
            sent = 0;
        }
    }
    if (sent == 0) {
        k->blocked = !k->write_wants_read;
        return 0;
    }
    gw_conn_sent(k->conn, sent);
    return 1;
}

static int shake(gw_link *k)
{
    ERR_clear_error();
    int r = SSL_accept(k->ssl);
    if (r == 1) {
        k->shaking = false;
        k->read_wants_write = false;
        gw_count(&k->loop->counts.tls_handshakes, 1);
        return 1;
    }
    k->read_wants_write = false;
    return tls_result(k, r, true);
}

/* ---- the end ---- */

/* All is sent. A socket closed with unread bytes is reset, and the reset may overtake the reply: so say that
 * nothing more comes, and read on for a while. */
static void linger(gw_link *k)
{
    k->lingering = true;
    if (k->ssl) {
        ERR_clear_error();
        SSL_shutdown(k->ssl);
    }
    if (k->conn->eof || shutdown(k->fd, SHUT_WR) != 0)
        gw_link_close(k);
}

static void drain(gw_link *k)
{
    for (int i = 0; i < ROUNDS; i++) {
        ssize_t n = recv(k->fd, k->loop->buffer, GW_CONN_READ_BYTES, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        k->lingered += n > 0 ? (size_t)n : 0;
        if (n <= 0 || k->lingered > GW_LINGER_BYTES) {
            gw_link_close(k);
            return;
        }
    }
}

static void move(gw_link *k, bool readable)
{
    for (int i = 0; i < ROUNDS; i++) {
        int out = k->blocked || k->write_wants_read ? 0 : transmit(k), in = 0;
        if (out >= 0 && readable && gw_conn_wants_input(k->conn)) {
            size_t n;
            in = receive(k, &n);
            if (in > 0 && n)
                gw_conn_feed(k->conn, k->loop->buffer, n);
            else if (in > 0)
                gw_conn_eof(k->conn);
            /* less than asked for was all there is: epoll tells of more, and a call is saved. A TLS record
             * says nothing of the next */
            readable = in > 0 && n && (k->ssl || n == GW_CONN_READ_BYTES);
        }
        if (out < 0 || in < 0) {
            gw_link_close(k);
            return;
        }
        if (out == 0 && in == 0)
            return;
    }
}

static void settle(gw_link *k)
{
    gw_conn *c = k->conn;
    if (!k->lingering && gw_conn_is_over(c)) {
        if (c->state == GW_CONN_CUT || k->shaking)
            gw_link_close(k);
        else
            linger(k);
    }
    if (k->fd < 0)
        return;
    uint32_t want = 0;
    if (k->shaking)
        want = k->read_wants_write ? EPOLLOUT : EPOLLIN;
    else if (k->lingering)
        want = EPOLLIN;
    else
        want = (gw_conn_wants_input(c) || k->write_wants_read ? (uint32_t)EPOLLIN : 0) |
               ((c->out.bytes && !k->write_wants_read) || k->read_wants_write ? (uint32_t)EPOLLOUT : 0);
    watch(k, want);
    gw_loop_time(k);
}

void gw_link_serve(gw_link *k, uint32_t events)
{
    if (k->fd < 0)
        return;
    bool readable = events & (EPOLLIN | EPOLLHUP | EPOLLERR);
    if (events & EPOLLOUT) {
        k->blocked = false;
        readable |= k->read_wants_write;
    }
    if (readable)
        k->write_wants_read = false;
    if ((events & (EPOLLHUP | EPOLLERR)) && !k->shaking && !k->lingering && !gw_conn_wants_input(k->conn)) {
        gw_link_close(k); /* nobody is there to take the reply */
        return;
    }
    if (k->shaking && events) {
        int r = shake(k);
        if (r < 0) {
            gw_link_close(k);
            return;
        }
    }
    if (k->lingering)
        drain(k);
    else if (!k->shaking)
        move(k, readable);
    if (k->fd >= 0)
        settle(k);
}

void gw_link_expired(gw_link *k)
{
    if (k->lingering) {
        gw_link_close(k);
        return;
    }
    gw_conn_expired(k->conn);
    gw_link_serve(k, 0);
}
