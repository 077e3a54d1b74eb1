#include "serve/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <unistd.h>

#include "format/json_tree.h"

typedef struct known {
    unsigned char hash[SHA256_DIGEST_LENGTH];
    gw_auth_who who;
} known;

/* An answer of Kubernetes. The table is a ring: the oldest goes first. */
typedef struct reviewed {
    unsigned char hash[SHA256_DIGEST_LENGTH];
    gw_auth_review_reply reply;
    int64_t until_ms;
} reviewed;

struct gw_auth {
    gw_auth_options o;
    known *tokens;
    size_t n_tokens;
    pthread_mutex_t lock; /* of the answers */
    reviewed *answers;
    size_t n_answers, next;
    pthread_mutex_t posting;
};

static void hash_of(gw_str token, unsigned char hash[SHA256_DIGEST_LENGTH])
{
    SHA256((const unsigned char *)token.p, token.n, hash);
}

static gw_auth_who who_of(gw_role role, const char *name)
{
    gw_auth_who w = {.role = role};
    snprintf(w.name, sizeof(w.name), "%s", name);
    return w;
}

/* ---- token files --------------------------------------------------------------------------------------- */

static int read_token(const gw_config_token *t, char *buf, size_t size, gw_str *ret, gw_error *e)
{
    int fd = open(t->token_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return gw_fail(e, GW_EIO, "token '%s': cannot read '%s': %s", t->name, t->token_file,
                       strerror(errno));
    ssize_t n, total = 0;
    while ((n = read(fd, buf + total, size - (size_t)total)) > 0)
        total += n;
    int failed = errno;
    close(fd);
    if (n < 0)
        return gw_fail(e, GW_EIO, "token '%s': cannot read '%s': %s", t->name, t->token_file,
                       strerror(failed));
    gw_str s = {buf, (size_t)total};
    while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == ' '))
        s.n--;
    if (s.n == 0 || s.n > GW_AUTH_TOKEN_MAX)
        return gw_fail(e, GW_ECONFIG, "token '%s': '%s' must hold one token of 1 to %d bytes", t->name,
                       t->token_file, GW_AUTH_TOKEN_MAX);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return gw_fail(e, GW_ECONFIG,
                           "token '%s': '%s' holds blanks or characters that no header can carry", t->name,
                           t->token_file);
    }
    *ret = s;
    return 0;
}

static int read_tokens(gw_auth *a, gw_error *e)
{
    char buf[GW_AUTH_TOKEN_MAX + 16];
    for (; a->n_tokens < a->o.n_tokens; a->n_tokens++) {
        const gw_config_token *t = &a->o.tokens[a->n_tokens];
        gw_str token = {NULL, 0};
        int rc = read_token(t, buf, sizeof(buf), &token, e);
        if (rc)
            return rc;
        hash_of(token, a->tokens[a->n_tokens].hash);
        a->tokens[a->n_tokens].who = who_of(t->role, t->name);
    }
    OPENSSL_cleanse(buf, sizeof(buf));
    return 0;
}

int gw_auth_new(const gw_auth_options *o, gw_auth **ret, gw_error *e)
{
    gw_auth *a = gw_calloc(1, sizeof(*a));
    if (!a)
        return gw_fail_memory(e);
    a->o = *o;
    if (!a->o.clock)
        a->o.clock = gw_clock_monotonic;
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->posting, NULL);
    a->tokens = gw_calloc(o->n_tokens, sizeof(*a->tokens));
    a->answers = gw_calloc(o->token_review ? GW_AUTH_REVIEWS : 0, sizeof(*a->answers));
    int rc = a->tokens && a->answers ? read_tokens(a, e) : gw_fail_memory(e);
    if (rc) {
        gw_auth_free(a);
        return rc;
    }
    a->o.tokens = NULL; /* the caller's; only the hashes are kept */
    *ret = a;
    return 0;
}

void gw_auth_free(gw_auth *a)
{
    if (!a)
        return;
    gw_free(a->tokens);
    gw_free(a->answers);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->posting);
    gw_free(a);
}

bool gw_auth_required(const gw_auth *a)
{
    return a->n_tokens > 0 || a->o.token_review;
}

/* ---- checking ------------------------------------------------------------------------------------------ */

/* The token of "Bearer TOKEN"; the scheme in any letter case (RFC 9110, 11.1). */
static bool bearer(const char *header, gw_str *ret)
{
    static const char scheme[] = "bearer";
    const char *p = header;
    if (!p)
        return false;
    for (size_t i = 0; scheme[i]; i++, p++) {
        if ((*p | 0x20) != scheme[i])
            return false;
    }
    if (*p != ' ')
        return false;
    p += strspn(p, " ");
    *ret = gw_str_of(p);
    while (ret->n && (p[ret->n - 1] == ' ' || p[ret->n - 1] == '\t'))
        ret->n--;
    return ret->n > 0 && ret->n <= GW_AUTH_TOKEN_MAX;
}

/* Looks at all of them, so that the time says nothing of which one it was. */
static bool find_token(const gw_auth *a, const unsigned char hash[SHA256_DIGEST_LENGTH], gw_auth_who *ret)
{
    bool found = false;
    for (size_t i = 0; i < a->n_tokens; i++) {
        if (CRYPTO_memcmp(a->tokens[i].hash, hash, SHA256_DIGEST_LENGTH) == 0) {
            /* one token with two roles is the better of them */
            if (!found || a->tokens[i].who.role > ret->role)
                *ret = a->tokens[i].who;
            found = true;
        }
    }
    return found;
}

/* Under the lock. */
static reviewed *find_answer(gw_auth *a, const unsigned char hash[SHA256_DIGEST_LENGTH])
{
    int64_t now = a->o.clock(a->o.clock_ctx);
    for (size_t i = 0; i < a->n_answers; i++) {
        if (a->answers[i].until_ms > now &&
            CRYPTO_memcmp(a->answers[i].hash, hash, SHA256_DIGEST_LENGTH) == 0)
            return &a->answers[i];
    }
    return NULL;
}

static gw_auth_answer say(const gw_auth_review_reply *r, gw_auth_who *ret)
{
    *ret = r->who;
    return r->authenticated ? GW_AUTH_KNOWN : GW_AUTH_MISSING;
}

gw_auth_answer gw_auth_check(gw_auth *a, const char *header, gw_auth_who *ret)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    gw_str token = {NULL, 0};
    if (!gw_auth_required(a)) {
        *ret = who_of(GW_ROLE_ADMIN, "anonymous");
        return GW_AUTH_KNOWN;
    }
    *ret = who_of(GW_ROLE_NONE, "");
    if (!bearer(header, &token))
        return GW_AUTH_MISSING;
    hash_of(token, hash);
    if (find_token(a, hash, ret))
        return GW_AUTH_KNOWN;
    if (!a->o.token_review)
        return GW_AUTH_MISSING;
    pthread_mutex_lock(&a->lock);
    const reviewed *r = find_answer(a, hash);
    gw_auth_answer answer = r ? say(&r->reply, ret) : GW_AUTH_ASK;
    pthread_mutex_unlock(&a->lock);
    return answer;
}

/* ---- TokenReview --------------------------------------------------------------------------------------- */

static bool in_list(const char *const *list, size_t n, const char *prefix, const char *name)
{
    size_t len = strlen(prefix);
    for (size_t i = 0; i < n; i++) {
        if (gw_has_prefix(list[i], prefix) && strcmp(list[i] + len, name) == 0)
            return true;
    }
    return false;
}

static gw_role role_of(const gw_auth_options *o, const char *prefix, const char *name)
{
    if (in_list(o->admin_groups, o->n_admin_groups, prefix, name))
        return GW_ROLE_ADMIN;
    return in_list(o->read_groups, o->n_read_groups, prefix, name) ? GW_ROLE_READ : GW_ROLE_NONE;
}

int gw_auth_review_read(const gw_auth_options *o, gw_str json, gw_auth_review_reply *ret, gw_error *e)
{
    json_t *root = NULL;
    int rc = gw_json_tree_parse(json, &root, e);
    if (rc)
        return gw_error_prefix(e, "Kubernetes' TokenReview");
    const json_t *status = json_object_get(root, "status");
    if (!json_is_object(status)) {
        json_decref(root);
        return gw_fail(e, GW_ECORRUPT, "Kubernetes' TokenReview has no status");
    }
    gw_auth_review_reply r = {.authenticated = json_is_true(json_object_get(status, "authenticated"))};
    const json_t *user = json_object_get(status, "user"), *groups = json_object_get(user, "groups");
    const char *name = json_string_value(json_object_get(user, "username"));
    if (r.authenticated)
        r.who = who_of(name ? role_of(o, "user:", name) : GW_ROLE_NONE, name ? name : "");
    for (size_t i = 0; r.authenticated && i < json_array_size(groups); i++) {
        const char *group = json_string_value(json_array_get(groups, i));
        if (group)
            r.who.role = GW_MAX(r.who.role, role_of(o, "", group));
    }
    json_decref(root);
    *ret = r;
    return 0;
}

static int write_review(gw_str token, gw_buf *b, gw_error *e)
{
    /* a header's token has nothing that JSON would escape but these two */
    gw_buf_puts(
        b, "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\",\"spec\":{\"token\":\"");
    for (size_t i = 0; i < token.n; i++) {
        if (token.p[i] < ' ' || token.p[i] >= 0x7f)
            return GW_ECORRUPT; /* no token of Kubernetes' */
        if (token.p[i] == '"' || token.p[i] == '\\')
            gw_buf_putc(b, '\\');
        gw_buf_putc(b, token.p[i]);
    }
    gw_buf_puts(b, "\"}}");
    return gw_buf_check(b, "a TokenReview", e);
}

static void keep(gw_auth *a, const unsigned char hash[SHA256_DIGEST_LENGTH], const gw_auth_review_reply *r)
{
    int64_t now = a->o.clock(a->o.clock_ctx);
    pthread_mutex_lock(&a->lock);
    reviewed *x = find_answer(a, hash);
    if (!x) {
        x = &a->answers[a->next];
        a->next = (a->next + 1) % GW_AUTH_REVIEWS;
        a->n_answers = GW_MIN(a->n_answers + 1, (size_t)GW_AUTH_REVIEWS);
    }
    memcpy(x->hash, hash, SHA256_DIGEST_LENGTH);
    x->reply = *r;
    x->until_ms = now + (r->authenticated ? GW_AUTH_REVIEW_MS : GW_AUTH_REFUSED_MS);
    pthread_mutex_unlock(&a->lock);
}

static int ask_kubernetes(gw_auth *a, gw_str token, gw_auth_review_reply *ret, gw_error *e)
{
    gw_buf body, reply;
    gw_buf_init(&body, 4 * GW_AUTH_TOKEN_MAX);
    gw_buf_init(&reply, (size_t)1 << 20);
    int rc = write_review(token, &body, e);
    if (rc == GW_ECORRUPT) {
        *ret = (gw_auth_review_reply){0};
        rc = 0;
    } else if (rc == 0) {
        pthread_mutex_lock(&a->posting);
        rc = a->o.post_review(a->o.post_ctx, (gw_str){body.data, body.len}, &reply, e);
        pthread_mutex_unlock(&a->posting);
        if (rc == 0)
            rc = gw_buf_check(&reply, "Kubernetes' TokenReview", e);
        if (rc == 0)
            rc = gw_auth_review_read(&a->o, (gw_str){reply.data ? reply.data : "", reply.len}, ret, e);
    }
    if (body.data)
        OPENSSL_cleanse(body.data, body.cap);
    gw_buf_free(&body);
    gw_buf_free(&reply);
    return rc;
}

int gw_auth_review(gw_auth *a, const char *header, gw_auth_answer *ret_answer, gw_auth_who *ret, gw_error *e)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    gw_auth_review_reply r;
    gw_str token = {NULL, 0};
    gw_auth_answer already = gw_auth_check(a, header, ret);
    if (already != GW_AUTH_ASK) {
        *ret_answer = already; /* another request has asked meanwhile */
        return 0;
    }
    bearer(header, &token);
    int rc = ask_kubernetes(a, token, &r, e);
    if (rc)
        return rc;
    hash_of(token, hash);
    keep(a, hash, &r);
    *ret_answer = say(&r, ret);
    return 0;
}

/* ---- where to listen ----------------------------------------------------------------------------------- */

bool gw_listen_is_loopback(const char *listen)
{
    const char *colon = strrchr(listen, ':');
    gw_str host = {listen, colon ? (size_t)(colon - listen) : strlen(listen)};
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (gw_str){host.p + 1, host.n - 2};
    if (gw_str_is(host, "localhost") || gw_str_is(host, "::1"))
        return true;
    /* all of 127.0.0.0/8, written out: "127.evil.example" is a name */
    if (host.n < 7 || memcmp(host.p, "127.", 4) != 0)
        return false;
    int dots = 0;
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] == '.')
            dots++;
        else if (host.p[i] < '0' || host.p[i] > '9')
            return false;
    }
    return dots == 3;
}

int gw_auth_check_listen(const char *listen, bool authenticated, gw_error *e)
{
    if (authenticated || gw_listen_is_loopback(listen))
        return 0;
    return gw_fail(e, GW_ECONFIG,
                   "listen: others can reach %s, and nobody would have to log in: give auth.tokens or "
                   "auth.tokenReview in the configuration, or listen on 127.0.0.1 and put a proxy before it",
                   listen);
}
