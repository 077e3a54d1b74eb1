/*
 * How to reach a Kubernetes API server: a kubeconfig as kubectl reads it, or the in-cluster service account.
 *
 * Files: the one named by the caller, else those of $KUBECONFIG (a list separated by ':'), else
 * ~/.kube/config. In a list, missing files are skipped; the first file to set current-context, or to have a
 * cluster, user or context of a name, wins, whole; relative paths are taken from the directory of the file
 * they stand in. Fields that are not known here are passed over, as kubectl does; fields of the wrong type
 * are errors with file, line and column.
 * https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
 */
#ifndef GW_OBSERVE_KUBECONFIG_H
#define GW_OBSERVE_KUBECONFIG_H

#include "base/base.h"
#include "base/mem.h"

#define GW_KUBECONFIG_MAX_FILES   64
#define GW_KUBECONFIG_MAX_ENTRIES 256 /* args, env, groups, extensions of one user or cluster */

/* An exec credential plugin, see kube_exec.h. */
typedef struct gw_kube_exec {
    const char *where;        /* "file:line:column" of the configuration */
    const char *api_version;  /* client.authentication.k8s.io/v1 or v1beta1 */
    const char *command;      /* with a '/': a path, made absolute; without: looked up in PATH */
    const char *const *args;  /* NULL-terminated; without the command itself */
    const char *const *env;   /* "NAME=value", NULL-terminated: beside the process's own */
    const char *install_hint; /* NULL = none */
    const char *exec_info;    /* the ExecCredential for KUBERNETES_EXEC_INFO, JSON */
} gw_kube_exec;

/* Everything that one context says. Texts live in the arena; NULL or empty where nothing is said. */
typedef struct gw_kube_access {
    const char *context; /* NULL: in-cluster */
    const char *user;    /* its name, for messages */
    const char *ns;      /* the context's default namespace */
    const char *server;  /* "https://host:port", with scheme, without a '/' at the end */
    const char *tls_server_name, *proxy_url, *ca_file;
    gw_str ca_data;
    bool insecure, disable_compression;
    const char *token, *token_file, *username, *password, *cert_file, *key_file;
    gw_str cert_data, key_data;
    const char *const *headers; /* Impersonate-*, NULL-terminated; NULL = none */
    const gw_kube_exec *exec;   /* NULL = none */
} gw_kube_access;

typedef struct gw_kubeconfig_options {
    const char *file;    /* --kubeconfig: only this file, and it must exist; NULL */
    const char *context; /* --context; NULL: current-context */
    const char *list;    /* what $KUBECONFIG says; NULL or "" = nothing */
    const char *home;    /* $HOME; NULL = no ~/.kube/config */
} gw_kubeconfig_options;

/*
 * Reads the files and resolves the context. *ret_found = false (and *ret untouched) where there is no file,
 * or only files without any cluster, user and context, and neither file nor context were asked for by name.
 * GW_ECONFIG what kubectl would refuse, with the place · GW_EIO a file that cannot be read
 */
int gw_kubeconfig_load(gw_arena *a, const gw_kubeconfig_options *o, gw_kube_access *ret, bool *ret_found,
                       gw_error *e);

/*
 * The service account that a pod finds in `dir` (token, ca.crt). host and port: KUBERNETES_SERVICE_HOST and
 * _PORT. *ret_found = false where host, port or the token file are missing.
 */
int gw_kube_in_cluster(gw_arena *a, const char *dir, const char *host, const char *port, gw_kube_access *ret,
                       bool *ret_found, gw_error *e);

#endif
