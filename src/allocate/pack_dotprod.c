/*
 * DotProd: the node whose free (CPU, GPU) makes the smallest product with what the pod asks, both as shares
 * of the largest node. Grandl et al., Multi-resource packing for cluster schedulers, SIGCOMM 2014, turned
 * round as the published experiment has it.
 */
#include "allocate/pack_policy.h"

#define CPU_SCALE 128000.0
#define GPU_SCALE 8000.0

static int32_t score(const void *state, const gw_pack_node *n, const gw_pack_pod *pod, uint32_t *ret_gpus)
{
    GW_UNUSED(state);
    *ret_gpus = gw_pack_tightest(n, pod);
    double cpu = (double)n->cpu_milli / CPU_SCALE * ((double)pod->cpu_milli / CPU_SCALE);
    double gpu = (double)n->free_total / GPU_SCALE * ((double)(pod->gpus * pod->gpu_milli) / GPU_SCALE);
    return (int32_t)(100 * (1 - 0.5 * (cpu + gpu)));
}

const gw_pack_policy gw_pack_dotprod = {.name = "dotprod", .score = score};
