/*
 * The ledger: where every micro-dollar of the bill went. Leaves are (hold | idle and unknown time of a unit |
 * overhead of a node); each carries money in whole micro-dollars. A node's leaves add up to the node's bill
 * exactly, so every grouping of leaves adds up to the total exactly: rows are sums of leaves, never computed
 * a second way.
 */
#ifndef GW_FLEET_LEDGER_H
#define GW_FLEET_LEDGER_H

#include "base/money.h"
#include "fleet/price.h"
#include "fleet/usage.h"

/*
 * bill = used + wasted + idle + unknown + overhead, always. reclaimable is part of wasted, not added.
 * `priced` says whether any GPU time here had a known price; where false, the amounts are unknown (null), not
 * zero. unpriced_ms is the GPU time without a price: it is in gpu_hours and in no amount.
 */
typedef struct gw_cost {
    gw_micro bill, used, wasted, idle, unknown, overhead;
    gw_micro reclaimable;
    bool priced;
    bool reclaimable_known; /* false where no waste here has a known memory peak */
    double unpriced_ms;     /* GPU-ms */
} gw_cost;

typedef struct gw_gpu_time { /* GPU-ms */
    double paid, allocated, used, idle, unknown;
} gw_gpu_time;

typedef struct gw_leaf {
    uint32_t node; /* GW_NONE where even that is unknown */
    uint32_t unit; /* GW_NONE: the node's overhead, or the control plane */
    uint32_t hold; /* index into usage->holds; GW_NONE: held by none */
    gw_cost cost;
    gw_gpu_time time;
} gw_leaf;

typedef struct gw_ledger {
    gw_leaf *leaves;
    size_t n_leaves, cap_leaves;
    gw_cost total;
    gw_gpu_time time;
    gw_micro *node_bill; /* parallel to fleet->nodes: GPU nodes' bills; GW_MICRO_UNKNOWN where the price is */
    size_t n_nodes;
} gw_ledger;

void gw_ledger_init(gw_ledger *l);
void gw_ledger_free(gw_ledger *l);
void gw_cost_add(gw_cost *into, const gw_cost *c);
void gw_gpu_time_add(gw_gpu_time *into, const gw_gpu_time *t);
/* True when bill is the sum of its parts and 0 <= reclaimable <= wasted. */
bool gw_cost_balances(const gw_cost *c);

/* A row of a report: a group of leaves. Keys are parallel to gw_report.by. */
typedef enum gw_workload_class {
    GW_CLASS_UNKNOWN,
    GW_CLASS_INFERENCE,
    GW_CLASS_TRAINING,
    GW_CLASS_BATCH,
    GW_CLASS_NOTEBOOK,
    GW_CLASS_MIXED, /* a row over holds of several classes */
    GW_CLASS_NONE,  /* a row that no pod holds; printed as null */
} gw_workload_class;

/* "unknown", "inference", ..., "mixed"; NULL for GW_CLASS_NONE */
const char *gw_class_name(gw_workload_class c);

/* Keys of what has no owner; OpenCost's reserved names where it has them. */
#define GW_KEY_IDLE        "__idle__"        /* GPUs that no pod holds */
#define GW_KEY_UNALLOCATED "__unallocated__" /* a pod without that label */
#define GW_KEY_OVERHEAD    "__overhead__"    /* the control plane, the part of a node that is not GPU */

#define GW_CLUSTER_UNNAMED                                                                                   \
    "default" /* of nodes whose series name no cluster; what the daemon calls its own by default */

#define GW_MAX_BY 6

typedef enum gw_dimension {
    GW_BY_CLUSTER,
    GW_BY_NAMESPACE,
    GW_BY_NODE,
    GW_BY_GPU,
    GW_BY_POD,
    GW_BY_WORKLOAD,
    GW_BY_LABEL,     /* any pod label, then the owner's, then the namespace's */
    GW_BY_OWNERSHIP, /* one of the ownership names: team, project, model ... through the mapping */
} gw_dimension;

typedef struct gw_by {
    gw_dimension dimension;
    const char *name;   /* as the user wrote it and as the JSON key says: "namespace", "team", "label:app" */
    uint32_t ownership; /* index into gw_ownership, for GW_BY_OWNERSHIP */
    const char *label;  /* for GW_BY_LABEL */
} gw_by;

/* Ownership: which labels mean team, project and so on. */
typedef enum gw_owner_field {
    GW_OWNER_TEAM,
    GW_OWNER_PROJECT,
    GW_OWNER_ENVIRONMENT,
    GW_OWNER_MODEL,
    GW_OWNER_MODEL_VERSION,
    GW_OWNER_WORKLOAD_TYPE,
    GW_OWNER_COST_CENTER,
    GW_OWNER_SLA_TIER,
    GW_OWNER_OPTIMIZATION_LEVEL,
    GW_N_OWNER_FIELDS,
} gw_owner_field;

/* "team", "project", "environment", "model", "modelVersion", ...: the keys of "owner" in JSON. */
const char *gw_owner_field_name(gw_owner_field f);

#define GW_OWNER_LABELS_MAX 8
typedef struct gw_ownership {
    const char *labels[GW_N_OWNER_FIELDS][GW_OWNER_LABELS_MAX]; /* tried in order; NULL ends */
} gw_ownership;

/* The defaults: "team", "app.kubernetes.io/team", "owner" ... for each field. */
void gw_ownership_defaults(gw_ownership *o);
/* The value of a field for a pod: its labels, then its workload's, then its namespace's; NULL where none
 * says. */
const char *gw_owner_of(const gw_fleet *f, const gw_ownership *o, uint32_t pod, gw_owner_field field);

#endif
