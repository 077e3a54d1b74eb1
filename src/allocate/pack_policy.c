#include "allocate/pack_policy.h"

static const gw_pack_policy *const policies[] = {
    &gw_pack_bestfit,    &gw_pack_dotprod, &gw_pack_gpuclustering,
    &gw_pack_gpupacking, &gw_pack_fgd,     &gw_pack_gpuwise,
};

const gw_pack_policy *gw_pack_policy_find(const char *name)
{
    for (size_t i = 0; i < GW_COUNT(policies); i++)
        if (gw_eq(policies[i]->name, name))
            return policies[i];
    return NULL;
}

const char *const *gw_pack_policy_names(void)
{
    static const char *const names[] = {"bestfit", "dotprod", "gpuclustering", "gpupacking", "fgd",
                                        "gpuwise", NULL};
    return names;
}

uint32_t gw_pack_first_whole(const gw_pack_node *n, int32_t count)
{
    uint32_t gpus = 0;
    for (int i = 0; i < n->gpus && count > 0; i++)
        if (n->free_milli[i] == GW_PACK_GPU_MILLI) {
            gpus |= UINT32_C(1) << i;
            count--;
        }
    return gpus;
}

uint32_t gw_pack_tightest(const gw_pack_node *n, const gw_pack_pod *pod)
{
    if (pod->gpu_milli == GW_PACK_GPU_MILLI || pod->gpus == 0)
        return gw_pack_first_whole(n, pod->gpus);
    int best = -1;
    for (int i = 0; i < n->gpus; i++)
        if (n->free_milli[i] >= pod->gpu_milli && (best < 0 || n->free_milli[i] < n->free_milli[best]))
            best = i;
    return best < 0 ? 0 : UINT32_C(1) << best;
}

void gw_pack_subtract(gw_pack_node *n, const gw_pack_pod *pod, uint32_t gpus)
{
    n->cpu_milli -= pod->cpu_milli;
    n->memory_mib -= pod->memory_mib;
    for (int i = 0; i < n->gpus; i++)
        if (gpus >> i & 1) {
            n->free_milli[i] -= pod->gpu_milli;
            n->free_total -= pod->gpu_milli;
        }
}
