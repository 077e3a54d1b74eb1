/*
 * The Kubernetes API as a source of what exists now: kubeconfig as kubectl reads it (kubeconfig.h), or the
 * in-cluster service account; paged lists. Reads only: list and get, nothing else.
 *
 * What it asks for: nodes, pods, namespaces; ReplicaSets, Deployments, StatefulSets, DaemonSets, Jobs,
 * CronJobs, Argo Rollouts; and, by discovery, whatever other kind owns a pod or an owner of one, level by
 * level; and for a plan or a recording, PodDisruptionBudgets, PersistentVolumes and their claims. One page is
 * held at a time.
 */
#ifndef GW_OBSERVE_KUBERNETES_H
#define GW_OBSERVE_KUBERNETES_H

#include <jansson.h>

#include "base/buf.h"
#include "observe/source.h"

#define GW_KUBE_PAGE_ITEMS   500    /* of one request */
#define GW_KUBE_MAX_PAGES    20000  /* of one list */
#define GW_KUBE_MAX_RESTARTS 5      /* of one list, when its continue token expires (410) */
#define GW_KUBE_MAX_OWNERS   100000 /* of kinds that are not listed anyway */
#define GW_KUBE_MAX_DEPTH    8      /* levels of such owners */

typedef struct gw_kube_options {
    const char *kubeconfig; /* --kubeconfig; NULL: $KUBECONFIG (a list, merged), then ~/.kube/config, then
                               in-cluster */
    const char *context;    /* --context; NULL: current-context */
    const char *ns;         /* only this namespace's pods and owners; NULL = all */
    const char *const *environ_kubeconfig; /* tests: what $KUBECONFIG says; NULL = read the environment */
    const char *in_cluster_dir;            /* NULL: /var/run/secrets/kubernetes.io/serviceaccount */
    bool rules; /* also what only a plan needs: budgets, volumes, claims. A report need not be allowed to */
    bool optional;      /* no kubeconfig anywhere is not an error: *ret is then NULL */
    int page_items;     /* 0 = GW_KUBE_PAGE_ITEMS */
    int64_t timeout_ms; /* of silence of the server, and of a plugin's run; 0 = a minute each */
    int max_retries;    /* of a request; 0 = 4, -1 = none */
    gw_clock clock;     /* for credentials that expire; NULL = the system's */
    void *clock_ctx;
} gw_kube_options;

typedef struct gw_kube gw_kube;

/* Reads the configuration and the files that it names; does not connect and runs no plugin yet. GW_ECONFIG
 * also where there is none; GW_EIO for a file that cannot be read. */
int gw_kube_open(const gw_kube_options *o, gw_kube **ret, gw_error *e);
/*
 * Lists everything into the fleet. A list that RBAC forbids (other than nodes and pods) is noted in
 * *ret_missing
 * ("jobs.batch, namespaces: forbidden for user x"; NULL where nothing is missing; lives until the next call),
 * not an error. GW_EAUTH for nodes and pods, with the rule to add. On failure the fleet may hold a part.
 */
int gw_kube_objects(gw_kube *k, gw_fleet *fleet, const char **ret_missing, gw_error *e);
/*
 * The lists for `gpuwise record`: calls write(ctx, "nodes", json) for nodes, pods, namespaces, workloads, and
 * with gw_kube_options.rules poddisruptionbudgets, persistentvolumes and persistentvolumeclaims, each a v1
 * List with only the fields that gpuwise reads (no environments, no commands: see kube_slim.h). A list that
 * could not be read is not written: an empty one says that there is none.
 */
int gw_kube_export(gw_kube *k, int (*write)(void *ctx, const char *name, json_t *list, gw_error *e),
                   void *ctx, gw_error *e);
/* What the last of the two calls above could not see; NULL = nothing. */
const char *gw_kube_missing(const gw_kube *k);
/*
 * Posts a TokenReview (JSON) with our own credentials; the API server's answer is appended to *reply.
 * GW_EAUTH where we may not ask, with the role to bind.
 */
int gw_kube_review_token(gw_kube *k, gw_str review, gw_buf *reply, gw_error *e);
const char *gw_kube_describe(const gw_kube *k); /* "https://host:6443 (context fleet)" */
void gw_kube_free(gw_kube *k);

#endif
