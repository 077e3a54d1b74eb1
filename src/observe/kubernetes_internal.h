/* What the files of the Kubernetes client share; see kubernetes.h for everybody else. */
#ifndef GW_OBSERVE_KUBERNETES_INTERNAL_H
#define GW_OBSERVE_KUBERNETES_INTERNAL_H

#include "base/buf.h"
#include "net/http.h"
#include "observe/kube_exec.h"
#include "observe/kube_objects.h"
#include "observe/kubernetes.h"

struct gw_kube {
    gw_arena arena; /* configuration */
    gw_kube_access access;
    const char *ns, *describe;
    int page_items, max_retries;
    bool rules;
    int64_t timeout_ms;
    gw_clock clock;
    void *clock_ctx;
    gw_http *http;            /* made on first use, and anew when the credential expires */
    gw_arena secrets;         /* of the credential */
    gw_kube_credential given; /* by the exec plugin */
    bool has_given;
    int64_t given_ms; /* when */
    gw_buf missing;   /* what the call could not see, with '; ' between */
};

/* One kind as it is listed. */
typedef struct gw_kube_list {
    const char *group, *version; /* "" and "v1", "apps" and "v1" */
    const char *older;           /* another version to try where this one is not served; NULL */
    const char *resource, *kind;
    const char *set; /* nodes, pods, namespaces, workloads …: which file of a recording */
    bool namespaced; /* the namespace option narrows it */
    bool required;   /* a refusal ends the read */
    bool may_lack;   /* a server without it is no gap: a custom resource */
    bool rules;      /* read only where gw_kube_options.rules asks; who owns its items does not matter */
} gw_kube_list;

/* Where the pages go. */
typedef struct gw_kube_sink {
    void *ctx;
    /* A page or a single object, in a version of the list; the page may be changed, and is released
     * afterwards. */
    int (*page)(void *ctx, const gw_kube_list *list, json_t *page, gw_error *e);
    /* The list starts again: forget its pages. May be NULL. */
    void (*restart)(void *ctx);
    /* All pages of the list have come. May be NULL. */
    void (*whole)(void *ctx, const gw_kube_list *list);
} gw_kube_sink;

/* Makes the HTTP client, with a fresh credential where the last has expired. */
int gw_kube_connect(gw_kube *k, gw_error *e);

/* GETs a JSON document. *ret_status: the HTTP status also on failure, 0 where none came. */
int gw_kube_get(gw_kube *k, const char *path, json_t **ret, int *ret_status, gw_error *e);

/*
 * Reads the list page by page into the sink. A refused or unserved optional list is noted as missing;
 * *ret_seen says whether the list was read.
 */
int gw_kube_read_list(gw_kube *k, const gw_kube_list *list, const gw_kube_sink *sink, bool *ret_seen,
                      gw_error *e);

/* The API path of a list's resource, into b: "/apis/apps/v1/namespaces/a/deployments". ns may be NULL. */
void gw_kube_path(gw_buf *b, const char *group, const char *version, const char *ns, const char *resource);

/* Adds "what (why)" to what the call could not see. */
void gw_kube_note_missing(gw_kube *k, const char *what, const char *why);

/* ---- owners of other kinds (kube_owners.c) ---- */

typedef struct gw_kube_owners gw_kube_owners;

gw_kube_owners *gw_kube_owners_new(gw_kube *k);
void gw_kube_owners_free(gw_kube_owners *o);
/* Notes the owners of a page's items (or of a single object) that gpuwise does not list anyway. 0 or
 * GW_ENOMEM. */
int gw_kube_owners_note(gw_kube_owners *o, const json_t *page, gw_error *e);
/* Gets them, and their owners in turn, into the sink, which notes what it is given. */
int gw_kube_owners_fetch(gw_kube_owners *o, const gw_kube_sink *sink, gw_error *e);

/* Every list, then the owners that they point to, into the sink. */
int gw_kube_read_everything(gw_kube *k, const gw_kube_sink *sink, gw_kube_owners *owners, gw_error *e);

/* The lists that are always read; NULL-terminated by a NULL resource. */
extern const gw_kube_list gw_kube_lists[];

#endif
