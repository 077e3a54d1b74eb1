#include "net/tls_server.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/mem.h"

/* What tells one version of a file from the next. */
typedef struct stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime;
} stamp;

struct gw_tls_server {
    pthread_mutex_t lock;
    SSL_CTX *ctx;
    char *cert_file, *key_file;
    stamp cert, key; /* of the last try, whether it worked or not */
    uint64_t reloads, failures;
};

static stamp stamp_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return (stamp){0};
    return (stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static bool same(const stamp *a, const stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
           a->mtime.tv_nsec == b->mtime.tv_nsec;
}

/* HTTP/1.1 where the client names protocols at all; a client that names only others is told nothing, and will
 * find out by itself. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                           unsigned in_n, void *ctx)
{
    GW_UNUSED(ssl);
    GW_UNUSED(ctx);
    static const char want[] = "http/1.1";
    for (unsigned at = 0; at < in_n && in[at] < in_n - at; at += in[at] + 1u)
        if (in[at] == sizeof(want) - 1 && memcmp(in + at + 1, want, sizeof(want) - 1) == 0) {
            *out = in + at + 1;
            *out_n = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_NOACK;
}

static int fail_tls(const char *path, const char *what, gw_error *e)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    int r = gw_fail(e, GW_ETLS, "TLS: %s %s: %s", path, what, reason ? reason : "no reason given");
    ERR_clear_error();
    return r;
}

static int check_readable(const char *path, const char *what, gw_error *e)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return gw_fail(e, GW_EIO, "TLS: the %s file %s cannot be read: %m", what, path);
    fclose(f);
    return 0;
}

/* A key with a passphrase is refused: nobody is there to type it. */
static int no_passphrase(char *buf, int size, int writing, void *ctx)
{
    GW_UNUSED(buf);
    GW_UNUSED(size);
    GW_UNUSED(writing);
    GW_UNUSED(ctx);
    return -1;
}

static int context_fill(SSL_CTX *ctx, const char *cert_file, const char *key_file, gw_error *e)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    /* an end without close_notify is one: requests say their length themselves */
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx,
                                   SSL_SESS_CACHE_OFF); /* tickets resume as well, and cost no memory here */
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    /* of TLS 1.2 only what has forward secrecy and authenticates what it encrypts */
    if (SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
        return fail_tls(cert_file, "has no cipher to go with it", e);
    if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
        return fail_tls(cert_file, "is no certificate in PEM", e);
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
        return fail_tls(key_file, "is no key in PEM of the certificate, or it has a passphrase", e);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fail_tls(key_file, "is not the key of the certificate", e);
    return 0;
}

static int context_new(const char *cert_file, const char *key_file, SSL_CTX **ret, gw_error *e)
{
    int r = check_readable(cert_file, "certificate", e);
    if (r == 0)
        r = check_readable(key_file, "key", e);
    if (r)
        return r;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return gw_fail_memory(e);
    r = context_fill(ctx, cert_file, key_file, e);
    if (r) {
        SSL_CTX_free(ctx);
        return r;
    }
    *ret = ctx;
    return 0;
}

int gw_tls_server_new(const char *cert_file, const char *key_file, gw_tls_server **ret, gw_error *e)
{
    gw_tls_server *t = gw_calloc(1, sizeof(*t));
    if (!t)
        return gw_fail_memory(e);
    pthread_mutex_init(&t->lock, NULL);
    t->cert_file = gw_strdup(cert_file);
    t->key_file = gw_strdup(key_file);
    t->cert = stamp_of(cert_file);
    t->key = stamp_of(key_file);
    int r = t->cert_file && t->key_file ? context_new(cert_file, key_file, &t->ctx, e) : gw_fail_memory(e);
    if (r) {
        gw_tls_server_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

void gw_tls_server_free(gw_tls_server *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    gw_free(t->cert_file);
    gw_free(t->key_file);
    pthread_mutex_destroy(&t->lock);
    gw_free(t);
}

int gw_tls_server_reload(gw_tls_server *t, gw_error *e)
{
    /* the stamps first: a change while the files are read is seen the next time */
    stamp cert = stamp_of(t->cert_file), key = stamp_of(t->key_file);
    SSL_CTX *fresh = NULL, *old = NULL;
    int r = context_new(t->cert_file, t->key_file, &fresh, e);
    pthread_mutex_lock(&t->lock);
    t->cert = cert;
    t->key = key;
    if (r == 0) {
        old = t->ctx;
        t->ctx = fresh;
        t->reloads++;
    } else {
        t->failures++;
    }
    pthread_mutex_unlock(&t->lock);
    SSL_CTX_free(old); /* connections hold references of their own */
    return r;
}

void gw_tls_server_look(gw_tls_server *t)
{
    stamp cert = stamp_of(t->cert_file), key = stamp_of(t->key_file);
    pthread_mutex_lock(&t->lock);
    bool changed = !same(&cert, &t->cert) || !same(&key, &t->key);
    pthread_mutex_unlock(&t->lock);
    gw_error e;
    if (changed)
        gw_tls_server_reload(t, &e);
}

struct ssl_st *gw_tls_server_accept(gw_tls_server *t, int fd)
{
    pthread_mutex_lock(&t->lock);
    SSL *ssl = SSL_new(t->ctx);
    pthread_mutex_unlock(&t->lock);
    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return ssl;
}

void gw_tls_server_counts(gw_tls_server *t, uint64_t *ret_reloads, uint64_t *ret_failures)
{
    pthread_mutex_lock(&t->lock);
    *ret_reloads = t->reloads;
    *ret_failures = t->failures;
    pthread_mutex_unlock(&t->lock);
}
