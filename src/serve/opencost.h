/*
 * OpenCost's API, answered from gpuwise's books, so that what reads OpenCost (Backstage's and Headlamp's
 * plugins, the OpenCost UI) reads gpuwise: GET /allocation, /allocation/compute and /assets, bare and under
 * /model. docs/guide/opencost.md says which fields mean what, and what gpuwise does not know.
 * https://opencost.io/docs/integrations/api; field names as of core/pkg/opencost/allocation_json.go and
 * asset_json.go there.
 *
 * An allocation set is one span of time: names (of whatever is aggregated by) → allocations. The money of a
 * set with idle included is the bill of its span to the micro-dollar: an allocation is a sum of leaves, and
 * every leaf is in one. What nobody holds is "__idle__" (with the time of which nobody knows); the control
 * plane and the part of a node that is not GPU is "__overhead__".
 */
#ifndef GW_SERVE_OPENCOST_H
#define GW_SERVE_OPENCOST_H

#include "base/buf.h"
#include "base/map.h"
#include "format/doc.h"
#include "store/hour.h"

#define GW_OC_BY_MAX     8
#define GW_OC_VALUES_MAX 64 /* of one filter */
#define GW_OC_TERMS_MAX  16
#define GW_OC_SETS_MAX   1000    /* steps of one answer */
#define GW_OC_NAMES_MAX  1000000 /* allocations of one set */

/* What allocations are grouped and filtered by. */
typedef enum gw_oc_property {
    GW_OC_CLUSTER,
    GW_OC_NODE,
    GW_OC_NAMESPACE,
    GW_OC_CONTROLLER_KIND, /* "deployment": small letters, as OpenCost has them */
    GW_OC_CONTROLLER,      /* "deployment:chat" */
    GW_OC_DEPLOYMENT,      /* "chat"; __unallocated__ for what is none. So the next three */
    GW_OC_STATEFULSET,
    GW_OC_DAEMONSET,
    GW_OC_JOB,
    GW_OC_SERVICE, /* gpuwise does not read Services: __unallocated__ */
    GW_OC_POD,
    GW_OC_CONTAINER, /* of a pod that has one; else __unallocated__ */
    GW_OC_PROVIDER_ID,
    GW_OC_TEAM,        /* through the ownership mapping */
    GW_OC_ENVIRONMENT, /* likewise */
    GW_OC_LABEL,
    GW_N_OC_PROPERTIES,
} gw_oc_property;

typedef struct gw_oc_by {
    gw_oc_property property;
    const char *label; /* of GW_OC_LABEL: its name */
} gw_oc_by;

/* property is one of the values (or, `not`, none of them). */
typedef struct gw_oc_term {
    gw_oc_by by;
    bool not, prefix; /* prefix: begins with one of them */
    const char *values[GW_OC_VALUES_MAX];
    size_t n_values;
} gw_oc_term;

typedef enum gw_oc_accumulate {
    GW_OC_STEPS, /* a set for each step */
    GW_OC_ALL,   /* one set */
    GW_OC_HOURS,
    GW_OC_DAYS,
    GW_OC_WEEKS, /* from Sunday */
    GW_OC_MONTHS,
} gw_oc_accumulate;

typedef struct gw_oc_query {
    gw_interval window; /* as asked for; may end in the future */
    int64_t step_ms;    /* 0: the window */
    gw_oc_accumulate accumulate;
    gw_oc_by by[GW_OC_BY_MAX];
    size_t n_by; /* 0: each pod on each node by itself */
    bool include_idle, share_idle, idle_by_node;
    gw_oc_term terms[GW_OC_TERMS_MAX]; /* all of them */
    size_t n_terms;
} gw_oc_query;

/* ---- the query (opencost_query.c) ---- */

typedef struct gw_oc_param {
    const char *name, *value;
} gw_oc_param;

/* Names of the parameters, NULL-terminated: the rest is refused. */
extern const char *const gw_oc_allocation_params[], *const gw_oc_asset_params[];

/*
 * Reads the parameters of /allocation. Texts are kept in the arena. GW_EUSAGE, GW_EWINDOW with what is
 * allowed. Where the window is missing it is GW_EUSAGE, as in OpenCost.
 */
int gw_oc_query_read(const gw_oc_param *params, size_t n, int64_t now_ms, gw_arena *arena, gw_oc_query *ret,
                     gw_error *e);
/* "namespace", "label:app" …; GW_EUSAGE names those there are. */
int gw_oc_property_read(gw_str text, gw_arena *arena, gw_oc_by *ret, gw_error *e);
/* Whether labels of pods are asked about, which the store does not keep. */
bool gw_oc_query_needs_fleet(const gw_oc_query *q);
/* The spans of the sets, ascending, whole hours; in the arena. GW_ELIMIT beyond GW_OC_SETS_MAX. */
int gw_oc_spans(const gw_oc_query *q, gw_arena *arena, gw_interval **ret, size_t *ret_n, gw_error *e);

/* ---- sets (opencost_set.c) ---- */

/* A leaf of the books as OpenCost would see it. NULL or "" where there is no such text. Quantities below 0
 * are unknown. */
typedef struct gw_oc_leaf {
    gw_leaf_kind kind;
    const char *cluster, *node, *provider_id;
    const char *ns, *pod, *container, *controller_kind, *controller, *team, *environment;
    /* the value of a label of the pod; NULL: nobody knows labels here */
    const char *(*label)(const struct gw_oc_leaf *leaf, const char *name);
    const void *label_ctx;
    uint32_t label_pod;
    gw_micro bill;      /* of what has a price */
    double unpriced_ms; /* GPU time that has none */
    double gpu_ms;      /* allocated; of idle leaves the time that nobody held */
    double used_ms, known_ms, unknown_ms;
    double cpu_core_ms, cpu_used_core_ms,
        ram_byte_ms;    /* requested (used) cores × ms; of a pod's first leaf */
    gw_interval active; /* when it was there */
} gw_oc_leaf;

typedef struct gw_oc_allocation gw_oc_allocation;

typedef struct gw_oc_set {
    const gw_oc_query *query;
    gw_interval window;
    gw_oc_allocation *items;
    size_t n, cap;
    gw_map by_name;
    gw_arena arena; /* names */
    gw_buf key;     /* scratch */
    bool held_only; /* a filter is on: what nobody holds is left out */
    /* idle money that is to be shared, by cluster */
    gw_map idle_clusters;
    gw_micro *idle;
    size_t cap_idle;
} gw_oc_set;

void gw_oc_set_init(gw_oc_set *s, const gw_oc_query *q, gw_interval window);
void gw_oc_set_free(gw_oc_set *s);
/* Adds a leaf where the filters let it through; nothing of it is borrowed. GW_ENOMEM, GW_ELIMIT. */
int gw_oc_set_add(gw_oc_set *s, const gw_oc_leaf *leaf, gw_error *e);
/* After the last leaf: shares what is to be shared, exactly (largest remainder, by each one's GPU cost). */
int gw_oc_set_finish(gw_oc_set *s, gw_error *e);
/* Money of all allocations together. */
gw_micro gw_oc_set_total(const gw_oc_set *s);
/* The set as an object: name → allocation, in order of names. */
int gw_oc_set_write(gw_oc_set *s, gw_doc *d, gw_error *e);

/* ---- from the books (opencost_books.c) ---- */

struct gw_pipeline;

/* All leaves of a finished pipeline's ledger; cluster: of nodes whose series name none. */
int gw_oc_set_add_pipeline(gw_oc_set *s, const struct gw_pipeline *p, const char *cluster, gw_error *e);
/* All leaves of an hour of the store. */
int gw_oc_set_add_hour(gw_oc_set *s, const gw_hour *h, gw_error *e);
/*
 * The nodes with GPUs and the control plane as OpenCost's assets: an object of that name (NULL: at the top),
 * "CLUSTER/Node/NAME" → asset. Their money is the bill.
 */
int gw_oc_assets_write(const struct gw_pipeline *p, const char *cluster, const char *member, gw_doc *d,
                       gw_error *e);

#endif
