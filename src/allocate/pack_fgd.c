/*
 * FGD, fragmentation gradient descent: the placement that makes the node's measure of fragmentation
 * (gw_pack_fragmentation) grow least. Weng et al., Beware of Fragmentation, USENIX ATC 2023.
 *
 * The score is cut to whole points as published, which is more than a detail: many nodes tie then, ties go to
 * the earlier one, and so nodes are filled one after the other. With exact differences it allocates up to one
 * percentage point less (docs/internals/packing.md).
 */
#include "allocate/pack_policy.h"

#include <math.h>

static int open_mix(const gw_pack_mix *mix, void **ret, gw_error *e)
{
    GW_UNUSED(e);
    *ret = (void *)(uintptr_t)mix;
    return 0;
}

static void prepare(const void *state, gw_pack_node *n)
{
    n->value = gw_pack_fragmentation(state, n);
}

static int32_t points(const gw_pack_mix *mix, const gw_pack_node *n, const gw_pack_pod *pod, uint32_t gpus)
{
    gw_pack_node after = *n;
    gw_pack_subtract(&after, pod, gpus);
    double gain = n->value - gw_pack_fragmentation(mix, &after);
    return (int32_t)(100 / (1 + exp(-gain / 1000)));
}

static int32_t score(const void *state, const gw_pack_node *n, const gw_pack_pod *pod, uint32_t *ret_gpus)
{
    const gw_pack_mix *mix = state;
    if (pod->gpus == 0 || pod->gpu_milli == GW_PACK_GPU_MILLI) {
        *ret_gpus = gw_pack_first_whole(n, pod->gpus);
        return points(mix, n, pod, *ret_gpus);
    }
    int32_t best = -1;
    for (int i = 0; i < n->gpus; i++) {
        if (n->free_milli[i] < pod->gpu_milli)
            continue;
        int32_t s = points(mix, n, pod, UINT32_C(1) << i);
        if (s > best) {
            best = s;
            *ret_gpus = UINT32_C(1) << i;
        }
    }
    return best;
}

const gw_pack_policy gw_pack_fgd = {.name = "fgd", .open = open_mix, .prepare = prepare, .score = score};
