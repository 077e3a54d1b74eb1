/*
 * Online placement: pods come one at a time, each goes to the node and GPUs that a policy scores highest, or
 * nowhere. The policy sees the pod, the nodes as they are, and the mix of pods that is typical here; never
 * what comes next. docs/internals/packing.md explains the policies and what they reach.
 *
 * A pod fits a node that has the CPU and memory, whose GPU model it accepts, and that has, for a fraction,
 * one GPU with that much free; for whole GPUs, that many with nothing on them. GPUs are counted in
 * thousandths (milli) of one.
 *
 * The same nodes in the same order, the same mix and the same pods give the same placements.
 */
#ifndef GW_ALLOCATE_PACK_H
#define GW_ALLOCATE_PACK_H

#include "base/base.h"

#define GW_PACK_GPU_MILLI  1000 /* of one whole GPU */
#define GW_PACK_GPUS_MAX   16   /* of one node */
#define GW_PACK_NODES_MAX  ((size_t)1 << 17)
#define GW_PACK_MODELS_MAX 64                     /* GPU models told apart */
#define GW_PACK_CPU_MAX    INT64_C(1000000000)    /* milli, of one node or pod: a million cores */
#define GW_PACK_MEMORY_MAX INT64_C(1000000000000) /* MiB, of one node or pod */
#define GW_PACK_ANY_MODEL  UINT64_MAX
#define GW_PACK_MIX_MAX    256 /* kinds of typical pods */
/* Scores are kept for each node and kind of pod in at most this many bytes; kinds beyond it cost more time.
 */
#define GW_PACK_CACHE_BYTES_MAX ((size_t)256 << 20)

/* What a pod asks for. Two pods with equal fields are of one kind. */
typedef struct gw_pack_pod {
    int64_t cpu_milli, memory_mib;
    int32_t gpus;      /* 0: none */
    int32_t gpu_milli; /* of each: 0 without GPUs, 1..1000 of one, 1000 of several */
    uint64_t models;   /* bit i: model i will do; GW_PACK_ANY_MODEL; 0: there is none, it fits nowhere */
} gw_pack_pod;

/* What a node has left. Given to gw_pack_new: cpu_milli, memory_mib, gpus and model of the empty node. */
typedef struct gw_pack_node {
    int64_t cpu_milli, memory_mib;
    int32_t gpus;
    int32_t model; /* 0..GW_PACK_MODELS_MAX - 1 */
    /* Kept by the cluster. */
    int32_t free_milli[GW_PACK_GPUS_MAX]; /* of each GPU */
    int32_t free_total;                   /* sum of free_milli */
    bool closed;                          /* takes no more pods */
    uint32_t held[GW_PACK_GPUS_MAX + 1];  /* pods on it: [0] fractional, [k] of k whole GPUs */
    double value;                         /* the policy's own, of this state */
} gw_pack_node;

/* One kind of pod that is typical, and its share of all pods. */
typedef struct gw_pack_typical {
    int64_t cpu_milli;
    int32_t gpus, gpu_milli;
    uint64_t models;
    double share; /* 0..1 */
} gw_pack_typical;

/* Most frequent first. */
typedef struct gw_pack_mix {
    gw_pack_typical kinds[GW_PACK_MIX_MAX];
    size_t n;
} gw_pack_mix;

typedef struct gw_pack_place {
    uint32_t node;
    uint32_t gpus; /* bit i: GPU i of the node */
} gw_pack_place;

typedef struct gw_pack_policy gw_pack_policy; /* allocate/pack_policy.h */
typedef struct gw_pack gw_pack;

/* The policy of that name, or NULL; the names, NULL-terminated. */
const gw_pack_policy *gw_pack_policy_find(const char *name);
const char *const *gw_pack_policy_names(void);

/*
 * The typical mix of these pods as FGD defines it: pods that agree in CPU, GPUs, milli and models are one
 * kind; the most frequent kinds (equally frequent ones in order of appearance) until they cover 95 % of the
 * pods; shares renormalised to 1. GW_ENODATA without pods, GW_ELIMIT with too many kinds, GW_ENOMEM.
 */
int gw_pack_mix_of(const gw_pack_pod *pods, size_t n, gw_pack_mix *ret, gw_error *e);

/*
 * FGD's measure of one node: the GPU milli that are free and that a pod drawn from the mix is expected to be
 * unable to use. F = sum over kinds m of share_m * f(m), f = everything free where m cannot run on the node
 * (asks no GPU, wrong model, CPU or GPUs short), else what is free on GPUs with less than m.gpu_milli free.
 * Weng et al., Beware of Fragmentation, USENIX ATC 2023, section 3. Memory plays no part in it.
 */
double gw_pack_fragmentation(const gw_pack_mix *mix, const gw_pack_node *n);

/*
 * An empty cluster of these nodes, which are copied; put the pods that run already with gw_pack_put. Equal
 * scores go to the node that comes first. mix is copied; the policies that need none ignore it. GW_EUSAGE for
 * a node or mix out of range, saying which; GW_ELIMIT; GW_ENOMEM. gw_pack_free takes NULL.
 */
int gw_pack_new(const gw_pack_policy *policy, const gw_pack_node *nodes, size_t n, const gw_pack_mix *mix,
                gw_pack **ret, gw_error *e);
void gw_pack_free(gw_pack *p);

size_t gw_pack_size(const gw_pack *p);
/* The node as it is now; valid until the cluster is freed. */
const gw_pack_node *gw_pack_node_at(const gw_pack *p, size_t i);

/* True where the pod fits that node now. */
bool gw_pack_fits(const gw_pack_node *n, const gw_pack_pod *pod);

/* Where the policy would have the pod. 1: *ret says where. 0: it fits nowhere. GW_EUSAGE for a pod out of
 * range, GW_ENOMEM. */
int gw_pack_find(gw_pack *p, const gw_pack_pod *pod, gw_pack_place *ret, gw_error *e);
/* gw_pack_find, and puts it there. */
int gw_pack_place_pod(gw_pack *p, const gw_pack_pod *pod, gw_pack_place *ret, gw_error *e);
/* Puts the pod on exactly these GPUs, closed or not: for pods that run already. GW_EUSAGE where it does not
 * fit there. */
int gw_pack_put(gw_pack *p, const gw_pack_pod *pod, gw_pack_place at, gw_error *e);
/* Takes a pod away that is at this place. GW_EUSAGE where the node would have more than it began with. */
int gw_pack_remove(gw_pack *p, const gw_pack_pod *pod, gw_pack_place at, gw_error *e);
/* Keeps scores in at most that many bytes from now on, instead of GW_PACK_CACHE_BYTES_MAX; what is kept
 * already stays. Takes time, saves memory, changes no choice. */
void gw_pack_limit_cache(gw_pack *p, size_t bytes);
/* A closed node takes no pods that gw_pack_find places. */
void gw_pack_close(gw_pack *p, size_t node, bool closed);

#endif
