/*
 * The node mix: which instance types to hire, how many of each, and which pod goes on which, so that an hour
 * costs least; and a lower bound that is proven, which says how far from the optimum that can be at most.
 * docs/internals/node-mix.md explains the method.
 *
 * A node holds pods as Kubernetes would: CPU and memory add up; a pod that asks for a fraction of a GPU gets
 * it from one GPU, which others may share; a pod that asks for whole GPUs has them to itself. GPUs are
 * counted in thousandths (milli) of one.
 *
 * What is not modelled: the number of pods a node takes, GPU memory, zones, anti-affinity. Put what a pod may
 * not use into its `types`.
 *
 * The same input gives the same answer, unless the budget cuts the work short.
 */
#ifndef GW_ALLOCATE_MIX_H
#define GW_ALLOCATE_MIX_H

#include "base/base.h"
#include "base/money.h"
#include "base/time.h"

#define GW_MIX_TYPES_MAX    64
#define GW_MIX_PODS_MAX     ((size_t)1 << 20)
#define GW_MIX_GPUS_MAX     64 /* of one node */
#define GW_MIX_GPU_MILLI    1000
#define GW_MIX_GPU_EACH_MAX 4000                        /* milli of one GPU of a node */
#define GW_MIX_CPU_MAX      INT64_C(1000000000)         /* milli, of one node or pod: a million cores */
#define GW_MIX_MEMORY_MAX   INT64_C(1000000000000)      /* MiB, of one node or pod */
#define GW_MIX_PRICE_MAX    (INT64_C(1000000) * GW_USD) /* an hour of one node */
#define GW_MIX_ANY_TYPE     UINT64_MAX
#define GW_MIX_NO_LIMIT     INT64_C(-1)

/* What a pod asks for. Pods with equal fields are of one kind; the work grows with kinds rather than pods. */
typedef struct gw_mix_pod {
    int64_t cpu_milli, memory_mib;
    int32_t gpus;      /* 0: none */
    int32_t gpu_milli; /* of each: 0 without GPUs, 1..1000 of one, 1000 of several */
    uint64_t types;    /* bit i: instance type i will do */
} gw_mix_pod;

typedef struct gw_mix_type {
    const char *name; /* not copied; for messages */
    int64_t cpu_milli, memory_mib;
    int32_t gpus;           /* 0..GW_MIX_GPUS_MAX */
    int32_t gpu_milli_each; /* what fractions may share of one GPU; below 1000 no pod of whole GPUs fits */
    gw_micro hourly;        /* 0..GW_MIX_PRICE_MAX; must be known */
    int64_t reserve_cpu_milli, reserve_memory_mib; /* taken from every node: the system, DaemonSets */
    int64_t max_nodes;                             /* or GW_MIX_NO_LIMIT */
} gw_mix_type;

typedef enum gw_mix_method {
    GW_MIX_GREEDY,   /* the node with the most for its money, again and again */
    GW_MIX_ROUNDED,  /* the linear program, rounded node by node */
    GW_MIX_IMPROVED, /* one of these, with groups of nodes planned anew, by rounding and by CBC */
} gw_mix_method;

/* Called whenever the plan gets cheaper or the bound rises. bound is 0 until one is known. */
typedef void (*gw_mix_progress)(void *ctx, int64_t elapsed_ms, gw_micro cost, gw_micro bound,
                                gw_mix_method method);

typedef struct gw_mix_options {
    int64_t budget_ms; /* greedy takes what it takes; everything else ends soon after */
    gw_clock clock;    /* NULL: gw_clock_monotonic */
    void *clock_ctx;
    bool greedy_only; /* no linear program, and therefore no bound but a plain one */
    gw_mix_progress progress;
    void *progress_ctx;
} gw_mix_options;

/* A pod and its GPUs of the node, bit i for GPU i. */
typedef struct gw_mix_place {
    uint32_t pod;
    uint64_t gpus;
} gw_mix_place;

typedef struct gw_mix_node {
    uint32_t type;
    uint32_t first, n; /* places[first..first + n) */
} gw_mix_node;

typedef struct gw_mix {
    gw_mix_node *nodes; /* by type, then as planned */
    size_t n_nodes;
    gw_mix_place *places; /* every pod once */
    size_t n_places;
    size_t n_kinds;
    gw_micro cost;
    gw_micro bound;       /* no plan costs less; 0 says nothing */
    gw_micro greedy_cost; /* what the greedy answer cost */
    int64_t greedy_ms, elapsed_ms;
    gw_mix_method method;
    bool cut_short; /* the budget ended the work */
} gw_mix;

/*
 * *ret is filled on success and owned by the caller. GW_EUSAGE for a pod or type out of range, saying which;
 * GW_ENODATA for a pod that fits no type, and where max_nodes leaves pods without a node; GW_ELIMIT;
 * GW_ENOMEM. Where CBC fails or runs out of time the best answer so far stands.
 */
int gw_mix_find(const gw_mix_pod *pods, size_t n_pods, const gw_mix_type *types, size_t n_types,
                const gw_mix_options *o, gw_mix *ret, gw_error *e);
void gw_mix_free(gw_mix *m); /* takes a zeroed one */

/*
 * Checks a plan from nothing but the pods and types: every pod is on one node that allows it, nothing is
 * given away twice, limits hold, the cost adds up and is no less than the bound. GW_EINTERNAL says what is
 * wrong.
 */
int gw_mix_check(const gw_mix_pod *pods, size_t n_pods, const gw_mix_type *types, size_t n_types,
                 const gw_mix *m, gw_error *e);

const char *gw_mix_method_name(gw_mix_method m);

#endif
