/*
 * Who asks, and what they may: bearer tokens from files, and Kubernetes' own opinion of a token
 * (TokenReview).
 *
 * Of a token only its SHA-256 is kept, and compared in constant time. Without any way to log in everybody is
 * an admin, which gw_auth_check_listen allows on loopback addresses only.
 *
 * TokenReview: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
 * gpuwise posts the bearer's token with its own credentials and goes by the groups and the user name that
 * come back; it needs `create` on tokenreviews.authentication.k8s.io (the ClusterRole system:auth-delegator).
 * An answer is kept for at most a minute, so that is how long a revoked token works.
 */
#ifndef GW_SERVE_AUTH_H
#define GW_SERVE_AUTH_H

#include "base/time.h"
#include "serve/config.h"

#define GW_AUTH_TOKEN_MAX 8192 /* bytes of a bearer token */
#define GW_AUTH_REVIEWS   1024 /* answers kept */
#define GW_AUTH_REVIEW_MS (60 * GW_SECOND_MS)
#define GW_AUTH_REFUSED_MS                                                                                   \
    (10 * GW_SECOND_MS) /* a token that was refused is asked about again after this                          \
                         */

typedef struct gw_auth gw_auth;

typedef enum gw_auth_answer {
    GW_AUTH_KNOWN,   /* the role says what they may */
    GW_AUTH_MISSING, /* no credentials, or ones that nobody knows: 401 */
    GW_AUTH_ASK,     /* call gw_auth_review on a thread that may wait */
} gw_auth_answer;

#define GW_AUTH_NAME_MAX 128
typedef struct gw_auth_who {
    gw_role role;
    char name[GW_AUTH_NAME_MAX]; /* the token's, Kubernetes' user name, "anonymous"; cut to fit */
} gw_auth_who;

/* What TokenReview said. */
typedef struct gw_auth_review_reply {
    bool authenticated;
    gw_auth_who who;
} gw_auth_review_reply;

typedef struct gw_auth_options {
    const gw_config_token *tokens;
    size_t n_tokens;
    const char *const *admin_groups, *const *read_groups; /* group names, or "user:NAME" */
    size_t n_admin_groups, n_read_groups;
    bool token_review;
    /* Posts a TokenReview (JSON) and appends the reply's JSON to b. Called on one thread at a time. */
    int (*post_review)(void *ctx, gw_str body, gw_buf *b, gw_error *e);
    void *post_ctx;
    gw_clock clock; /* monotonic; NULL: the system's */
    void *clock_ctx;
} gw_auth_options;

/* Reads the token files. GW_EIO, GW_ECONFIG for one that is empty, too long or not printable, GW_ENOMEM. */
int gw_auth_new(const gw_auth_options *o, gw_auth **ret, gw_error *e);
void gw_auth_free(gw_auth *a);
/* Whether anybody has to log in at all. */
bool gw_auth_required(const gw_auth *a);

/* header: the value of Authorization, NULL where there is none. Does not wait and does not allocate. */
gw_auth_answer gw_auth_check(gw_auth *a, const char *header, gw_auth_who *ret);
/* After GW_AUTH_ASK: asks Kubernetes, and keeps the answer. GW_AUTH_KNOWN or GW_AUTH_MISSING in *ret_answer;
 * an error where Kubernetes cannot be asked (503). */
int gw_auth_review(gw_auth *a, const char *header, gw_auth_answer *ret_answer, gw_auth_who *ret, gw_error *e);

/* "127.0.0.1:9797", "[::1]:80", "localhost:9797": only this machine can reach it. */
bool gw_listen_is_loopback(const char *listen);
/* GW_ECONFIG where others could reach an address that asks for no credentials, with what to do about it. */
int gw_auth_check_listen(const char *listen, bool authenticated, gw_error *e);

/* Reads the reply of a TokenReview; apart for tests and the fuzzer. GW_ECORRUPT. */
int gw_auth_review_read(const gw_auth_options *o, gw_str json, gw_auth_review_reply *ret, gw_error *e);

#endif
