/*
 * What a packing policy is, and what policies share. One policy a file: pack_NAME.c. Private to allocate/.
 */
#ifndef GW_ALLOCATE_PACK_POLICY_H
#define GW_ALLOCATE_PACK_POLICY_H

#include "allocate/pack.h"

struct gw_pack_policy {
    const char *name;
    /* Whatever the policy works out once from the mix, which outlives it; NULL: it needs nothing. */
    int (*open)(const gw_pack_mix *mix, void **ret, gw_error *e);
    void (*close)(void *state);
    /* Called once after each change of a node, before any score of it: sets n->value. NULL: nothing to do. */
    void (*prepare)(const void *state, gw_pack_node *n);
    /*
     * How good it is to put this pod on this node, which it fits; more is better, above INT32_MIN. Sets
     * *ret_gpus to the GPUs it would take. It hangs on the pod, and on the node's fields, alone: that is what
     * lets the cluster keep scores until the node changes.
     */
    int32_t (*score)(const void *state, const gw_pack_node *n, const gw_pack_pod *pod, uint32_t *ret_gpus);
};

extern const gw_pack_policy gw_pack_bestfit, gw_pack_dotprod, gw_pack_gpuclustering, gw_pack_gpupacking,
    gw_pack_fgd, gw_pack_gpuwise;

/* The pods of one affinity class, as GpuClustering counts them: 0 fractional, else the number of GPUs. */
static inline int gw_pack_affinity(const gw_pack_pod *pod)
{
    return pod->gpu_milli < GW_PACK_GPU_MILLI ? 0 : pod->gpus;
}

/* GPUs with at least that much free. */
static inline int gw_pack_count(const gw_pack_node *n, int32_t milli)
{
    int k = 0;
    for (int i = 0; i < n->gpus; i++)
        k += n->free_milli[i] >= milli;
    return k;
}

/* The GPUs that the published policies other than FGD take, for a pod that fits: a fraction goes to the GPU
 * with the least free that will do, whole GPUs are the first free ones; the lowest index first. */
uint32_t gw_pack_tightest(const gw_pack_node *n, const gw_pack_pod *pod);
/* The first `count` wholly free GPUs. */
uint32_t gw_pack_first_whole(const gw_pack_node *n, int32_t count);

/* Subtracts the pod from the node (its value and all else that the cluster keeps stay as they were). */
void gw_pack_subtract(gw_pack_node *n, const gw_pack_pod *pod, uint32_t gpus);

#endif
