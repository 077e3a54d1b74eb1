/* Kubernetes as the one who knows tokens. */
#include "observe/kubernetes.h"
#include "serve/api.h"

#define REVIEW_TIMEOUT_MS (10 * GW_SECOND_MS) /* somebody waits */

struct gw_reviewer {
    gw_kube *kube;
};

int gw_reviewer_new(const gw_serve_config *c, gw_reviewer **ret, gw_error *e)
{
    const gw_options *o = &c->options;
    const gw_kube_options k = {.kubeconfig = o->kubeconfig,
                               .context = o->context,
                               .timeout_ms = o->timeout_ms ? GW_MIN(o->timeout_ms, REVIEW_TIMEOUT_MS)
                                                           : REVIEW_TIMEOUT_MS,
                               .max_retries = 1};
    gw_reviewer *r = gw_calloc(1, sizeof(*r));
    if (!r)
        return gw_fail_memory(e);
    int rc = gw_kube_open(&k, &r->kube, e);
    if (rc) {
        gw_free(r);
        return rc == GW_ENOMEM ? rc : gw_error_prefix(e, "auth.tokenReview needs a Kubernetes API to ask");
    }
    *ret = r;
    return 0;
}

void gw_reviewer_free(gw_reviewer *r)
{
    if (!r)
        return;
    gw_kube_free(r->kube);
    gw_free(r);
}

int gw_reviewer_post(void *reviewer, gw_str body, gw_buf *b, gw_error *e)
{
    return gw_kube_review_token(((gw_reviewer *)reviewer)->kube, body, b, e);
}
