/*
 * GpuPacking: GPUs in use before free ones, nodes in use before untouched ones. Weng et al., MLaaS in the
 * Wild, NSDI 2022, as the published experiment has it.
 */
#include "allocate/pack_policy.h"

/* The pod on the GPUs with the least free that will do: the sum of what is free there in whole per cent, and
 * how many of them were wholly free. */
static int32_t take(const gw_pack_node *n, const gw_pack_pod *pod, int *ret_whole)
{
    uint32_t taken = 0;
    int32_t sum = 0;
    *ret_whole = 0;
    for (int k = 0; k < pod->gpus; k++) {
        int best = -1;
        for (int i = 0; i < n->gpus; i++)
            if (!(taken >> i & 1) && n->free_milli[i] >= pod->gpu_milli &&
                (best < 0 || n->free_milli[i] < n->free_milli[best]))
                best = i;
        if (best < 0)
            break;
        taken |= UINT32_C(1) << best;
        *ret_whole += n->free_milli[best] == GW_PACK_GPU_MILLI;
        sum += n->free_milli[best] / 10;
    }
    return sum;
}

static int32_t score(const void *state, const gw_pack_node *n, const gw_pack_pod *pod, uint32_t *ret_gpus)
{
    GW_UNUSED(state);
    *ret_gpus = gw_pack_tightest(n, pod);
    if (pod->gpus == 0)
        return 0;
    int free = gw_pack_count(n, GW_PACK_GPU_MILLI);
    if (free == n->gpus)
        return GW_MAX(33 - free, free);
    int whole;
    int32_t sum = take(n, pod, &whole);
    return whole > 0 ? GW_MAX(50 - whole, 33) : GW_MAX(100 - sum / 10, 50);
}

const gw_pack_policy gw_pack_gpupacking = {.name = "gpupacking", .score = score};
