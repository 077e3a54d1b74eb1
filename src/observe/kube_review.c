/* Asking the API server who a bearer is. Creates no object: a TokenReview is an answer. */
#include "observe/kubernetes_internal.h"

#define REVIEW_PATH "/apis/authentication.k8s.io/v1/tokenreviews"

static int take(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf_add(ctx, p, n);
    return gw_buf_check(ctx, "the reply", e);
}

static int again(void *ctx, gw_error *e)
{
    GW_UNUSED(e);
    gw_buf_clear(ctx);
    return 0;
}

int gw_kube_review_token(gw_kube *k, gw_str review, gw_buf *reply, gw_error *e)
{
    static const char *const headers[] = {"Content-Type: application/json", "Accept: application/json", NULL};
    int rc = gw_kube_connect(k, e);
    if (rc)
        return rc;
    gw_http_request q = {.method = "POST",
                         .path = REVIEW_PATH,
                         .body = review.p,
                         .body_len = review.n,
                         .headers = headers,
                         .ctx = reply,
                         .on_data = take,
                         .on_retry = again};
    rc = gw_http_perform(k->http, &q, 1, false, e);
    if (rc && q.status == 403)
        gw_error_prefix(
            e, "gpuwise may not ask who a token belongs to; bind the ClusterRole system:auth-delegator "
               "to its service account");
    return rc;
}
