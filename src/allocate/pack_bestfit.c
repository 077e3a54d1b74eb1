/*
 * BestFit: the node with the least CPU and GPU left after the pod, each as a share of the largest node. The
 * published scheduler then scales scores to 0..100 over the nodes that fit; the scores span at most 100
 * points, so scaling keeps every order and every tie, and is left out.
 */
#include "allocate/pack_policy.h"

#define CPU_SCALE 128000.0
#define GPU_SCALE 8000.0

static int32_t score(const void *state, const gw_pack_node *n, const gw_pack_pod *pod, uint32_t *ret_gpus)
{
    GW_UNUSED(state);
    *ret_gpus = gw_pack_tightest(n, pod);
    double cpu = (double)(n->cpu_milli - pod->cpu_milli) / CPU_SCALE;
    double gpu = (double)(n->free_total - pod->gpus * pod->gpu_milli) / GPU_SCALE;
    return (int32_t)(100 * (1 - 0.5 * cpu - 0.5 * gpu));
}

const gw_pack_policy gw_pack_bestfit = {.name = "bestfit", .score = score};
