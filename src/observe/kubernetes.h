/*
 * The Kubernetes API as a source of what exists now: kubeconfig as kubectl reads it, or the in-cluster
 * service account; paged lists. Reads only.
 */
#ifndef GW_OBSERVE_KUBERNETES_H
#define GW_OBSERVE_KUBERNETES_H

#include <jansson.h>

#include "observe/source.h"

typedef struct gw_kube_options {
    const char *kubeconfig; /* --kubeconfig; NULL: $KUBECONFIG (a list, merged), then ~/.kube/config, then
                               in-cluster */
    const char *context;    /* --context; NULL: current-context */
    const char *ns;         /* only this namespace's pods; NULL = all */
    const char *const *environ_kubeconfig; /* tests: what $KUBECONFIG says; NULL = read the environment */
    const char *in_cluster_dir;            /* NULL: /var/run/secrets/kubernetes.io/serviceaccount */
    bool optional;                         /* no kubeconfig anywhere is not an error: *ret is then NULL */
} gw_kube_options;

typedef struct gw_kube gw_kube;

int gw_kube_open(const gw_kube_options *o, gw_kube **ret, gw_error *e);
/* Lists nodes, pods, namespaces and owners into the fleet. A list that RBAC forbids (other than nodes and
 * pods) is noted in *ret_missing, not an error. */
int gw_kube_objects(gw_kube *k, gw_fleet *fleet, const char **ret_missing, gw_error *e);
/* The raw lists, for `gpuwise record`: calls write(ctx, "nodes", json) for nodes, pods, namespaces,
 * workloads. */
int gw_kube_export(gw_kube *k, int (*write)(void *ctx, const char *name, json_t *list, gw_error *e),
                   void *ctx, gw_error *e);
const char *gw_kube_describe(const gw_kube *k); /* "https://host:6443 (context fleet)" */
void gw_kube_free(gw_kube *k);

#endif
