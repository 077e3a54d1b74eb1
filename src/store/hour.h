/*
 * An hour of one cluster's books, as plain data: what the store keeps and everything about the past is made
 * of. A leaf is a pod on a unit, the time that nobody held a unit, or the overhead of a node; the leaves of
 * an hour add up to its bill. The dimensions are those of `report --by`, as texts that need no fleet.
 */
#ifndef GW_STORE_HOUR_H
#define GW_STORE_HOUR_H

#include "base/buf.h"
#include "fleet/ledger.h"

/* What a leaf is about. */
typedef enum gw_leaf_kind {
    GW_LEAF_HELD,     /* a pod on a unit */
    GW_LEAF_IDLE,     /* time of a unit that nobody held, or of which nobody knows */
    GW_LEAF_OVERHEAD, /* the part of a node that is not GPU; the control plane */
} gw_leaf_kind;

/* Dimensions of the group rows, in the order of their columns. "" where a leaf has none; never NULL. */
typedef enum gw_dim {
    GW_DIM_CLUSTER,
    GW_DIM_NAMESPACE, /* GW_KEY_IDLE and GW_KEY_OVERHEAD where no pod holds */
    GW_DIM_WORKLOAD,
    GW_DIM_WORKLOAD_KIND,
    GW_DIM_TEAM,
    GW_DIM_PROJECT,
    GW_DIM_ENVIRONMENT,
    GW_DIM_MODEL,
    GW_DIM_MODEL_VERSION,
    GW_DIM_COST_CENTER,
    GW_DIM_CLASS,     /* gw_class_name, "" for what no pod holds */
    GW_DIM_GPU_MODEL, /* the exporter's modelName or the node's product */
    GW_DIM_CAPACITY,  /* gw_capacity_name */
    GW_N_DIMS,
    /* only leaves have these; group and day rows do not */
    GW_DIM_NODE = GW_N_DIMS,
    GW_DIM_INSTANCE_TYPE,
    GW_DIM_REGION,
    GW_DIM_GPU,     /* uuid */
    GW_DIM_PROFILE, /* "1g.10gb" */
    GW_DIM_POD,
    GW_N_LEAF_DIMS,
} gw_dim;

/* "cluster", "namespace", "workload", "workloadKind", "team", …, as --by and JSON spell them. */
const char *gw_dim_name(gw_dim d);
/* GW_N_LEAF_DIMS where there is no such dimension. */
gw_dim gw_dim_find(gw_str name);

/* GPU-milliseconds and µ$; a quantity that nobody measured is GW_UNKNOWN_COUNT. */
typedef struct gw_measures {
    gw_micro bill, used, wasted, idle, unknown, overhead; /* bill is the sum of the others */
    gw_micro reclaimable;                                 /* part of wasted; 0 where not known */
    int64_t unpriced_ms; /* GPU time of which no price is known: in no amount */
    int64_t paid_ms, allocated_ms, used_ms, idle_ms, unknown_ms;
    int64_t known_ms;  /* of allocated (or idle) time: covered by a compute sample */
    int64_t memory_ms; /* memory share × GPU-ms */
    int64_t memory_known_ms;
    int64_t state_ms[GW_N_STATES]; /* of allocated time, by gw_state */
} gw_measures;

/* Sums. Unknown and known is known (known_ms and its like say of how much); unknown and unknown is unknown. A
 * sum beyond int64 stays at INT64_MAX; the store refuses such an hour. */
void gw_measures_add(gw_measures *into, const gw_measures *m);
/* Every measure unknown: what a sum begins as that must not call 0 what nobody measured. */
gw_measures gw_measures_unknown(void);

typedef struct gw_hour_leaf {
    gw_leaf_kind kind;
    const char *dim[GW_N_LEAF_DIMS];
    gw_micro node_hourly; /* what the node cost an hour; GW_MICRO_UNKNOWN */
    gw_measures m;
} gw_hour_leaf;

typedef struct gw_hour {
    const char *cluster;
    int64_t start_ms;     /* on the hour, UTC */
    gw_interval observed; /* the part of the hour that the source has data of; {0,0}: none */
    gw_hour_leaf *leaves;
    size_t n_leaves;
    gw_measures total;
    gw_arena *arena; /* of a gw_hour that the store or a maker filled: leaves and texts */
} gw_hour;

/* Total of the leaves; all 0 where there are none. */
gw_measures gw_hour_sum(const gw_hour *h);

/*
 * The page: an hour's leaves in one block of bytes, columns one after the other, numbers as differences,
 * texts once each, deflated, with a version and a CRC-32C. Same hour, same bytes.
 */
#define GW_PAGE_BYTES_MAX ((size_t)256 << 20)
int gw_page_write(const gw_hour *h, gw_buf *b, gw_error *e);
/* Leaves and texts are put into the arena. GW_ECORRUPT names what is wrong; a newer version is GW_ECONFIG. */
int gw_page_read(const void *bytes, size_t n, gw_arena *arena, gw_hour *ret, gw_error *e);

#endif
