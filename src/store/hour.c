#include "store/hour.h"

#include "store/measures.h"

static const char *const dim_names[GW_N_LEAF_DIMS] = {
    [GW_DIM_CLUSTER] = "cluster",
    [GW_DIM_NAMESPACE] = "namespace",
    [GW_DIM_WORKLOAD] = "workload",
    [GW_DIM_WORKLOAD_KIND] = "workloadKind",
    [GW_DIM_TEAM] = "team",
    [GW_DIM_PROJECT] = "project",
    [GW_DIM_ENVIRONMENT] = "environment",
    [GW_DIM_MODEL] = "model",
    [GW_DIM_MODEL_VERSION] = "modelVersion",
    [GW_DIM_COST_CENTER] = "costCenter",
    [GW_DIM_CLASS] = "class",
    [GW_DIM_GPU_MODEL] = "gpuModel",
    [GW_DIM_CAPACITY] = "capacity",
    [GW_DIM_NODE] = "node",
    [GW_DIM_INSTANCE_TYPE] = "instanceType",
    [GW_DIM_REGION] = "region",
    [GW_DIM_GPU] = "gpu",
    [GW_DIM_PROFILE] = "profile",
    [GW_DIM_POD] = "pod",
};

const char *gw_dim_name(gw_dim d)
{
    return (unsigned)d < GW_N_LEAF_DIMS ? dim_names[d] : NULL;
}

gw_dim gw_dim_find(gw_str name)
{
    for (unsigned d = 0; d < GW_N_LEAF_DIMS; d++)
        if (gw_str_is(name, dim_names[d]))
            return (gw_dim)d;
    return GW_N_LEAF_DIMS;
}

#define AT(field) [offsetof(gw_measures, field) / sizeof(int64_t)]
const char *const gw_measure_names[GW_N_MEASURES] = {
    AT(bill) = "bill",
    AT(used) = "used",
    AT(wasted) = "wasted",
    AT(idle) = "idle",
    AT(unknown) = "unknown",
    AT(overhead) = "overhead",
    AT(reclaimable) = "reclaimable",
    AT(unpriced_ms) = "unpricedMs",
    AT(paid_ms) = "paidMs",
    AT(allocated_ms) = "allocatedMs",
    AT(used_ms) = "usedMs",
    AT(idle_ms) = "idleMs",
    AT(unknown_ms) = "unknownMs",
    AT(known_ms) = "knownMs",
    AT(memory_ms) = "memoryMs",
    AT(memory_known_ms) = "memoryKnownMs",
    AT(state_ms[GW_STATE_HIGH_HIGH]) = "highHighMs",
    AT(state_ms[GW_STATE_LOW_HIGH]) = "lowHighMs",
    AT(state_ms[GW_STATE_HIGH_LOW]) = "highLowMs",
    AT(state_ms[GW_STATE_LOW_LOW]) = "lowLowMs",
    AT(state_ms[GW_STATE_UNKNOWN]) = "stateUnknownMs",
};
#undef AT

_Static_assert(sizeof(gw_measures) == GW_N_MEASURES * sizeof(int64_t), "a measure has no column");

bool gw_measures_add_to(gw_measures *into, const gw_measures *m)
{
    bool fits = true;
    for (size_t c = 0; c < GW_N_MEASURES; c++) {
        int64_t *sum = gw_measure_at(into, c);
        int64_t v = gw_measure_of(m, c);
        if (v < 0)
            continue; /* unknown: the other stands */
        if (*sum < 0)
            *sum = v;
        else if (__builtin_add_overflow(*sum, v, sum)) {
            *sum = INT64_MAX;
            fits = false;
        }
    }
    return fits;
}

void gw_measures_add(gw_measures *into, const gw_measures *m)
{
    gw_measures_add_to(into, m);
}

gw_measures gw_measures_unknown(void)
{
    gw_measures m;
    for (size_t c = 0; c < GW_N_MEASURES; c++)
        *gw_measure_at(&m, c) = GW_UNKNOWN_COUNT;
    return m;
}

gw_measures gw_hour_sum(const gw_hour *h)
{
    gw_measures sum = h->n_leaves ? gw_measures_unknown() : (gw_measures){0};
    for (size_t i = 0; i < h->n_leaves; i++)
        gw_measures_add(&sum, &h->leaves[i].m);
    return sum;
}
