/*
 * GpuClustering: GPU pods of one affinity class (fractional, or k whole GPUs) together, on the fuller node
 * first. Xiao et al., Gandiva, OSDI 2018, as the published experiment has it.
 */
#include "allocate/pack_policy.h"

#define GPU_SCALE 8000 /* milli of the largest node */

static int32_t score(const void *state, const gw_pack_node *n, const gw_pack_pod *pod, uint32_t *ret_gpus)
{
    GW_UNUSED(state);
    *ret_gpus = gw_pack_tightest(n, pod);
    if (pod->gpus == 0)
        return 0;
    bool same = n->held[gw_pack_affinity(pod)] > 0, other = false;
    for (int i = 0; i <= GW_PACK_GPUS_MAX; i++)
        if (i != gw_pack_affinity(pod) && n->held[i] > 0)
            other = true;
    return 25 * (GPU_SCALE - n->free_total) / GPU_SCALE + (same ? other ? 50 : 75 : other ? 0 : 25);
}

const gw_pack_policy gw_pack_gpuclustering = {.name = "gpuclustering", .score = score};
