/* Uses nothing of the planner but its header, so that a mistake there is found here. */
#include "allocate/mix.h"
#include "base/mem.h"

typedef struct load {
    int64_t cpu, memory;
    int64_t gpu[GW_MIX_GPUS_MAX]; /* milli shared of each; -1: given away whole */
} load;

static int wrong(gw_error *e, size_t node, const char *what, size_t pod)
{
    return gw_fail(e, GW_EINTERNAL, "node %zu of the mix: %s (pod %zu)", node, what, pod);
}

static int put(load *l, const gw_mix_type *t, uint32_t type, const gw_mix_pod *p, const gw_mix_place *at,
               size_t node, gw_error *e)
{
    if (!(p->types >> type & 1))
        return wrong(e, node, "the pod does not allow this type", at->pod);
    l->cpu += p->cpu_milli;
    l->memory += p->memory_mib;
    if (l->cpu > GW_MAX(t->cpu_milli - t->reserve_cpu_milli, INT64_C(0)))
        return wrong(e, node, "more CPU is used than there is", at->pod);
    if (l->memory > GW_MAX(t->memory_mib - t->reserve_memory_mib, INT64_C(0)))
        return wrong(e, node, "more memory is used than there is", at->pod);
    if (__builtin_popcountll(at->gpus) != p->gpus)
        return wrong(e, node, "the pod has another number of GPUs than it asks for", at->pod);
    for (int i = 0; i < GW_MIX_GPUS_MAX; i++) {
        if (!(at->gpus >> i & 1))
            continue;
        if (i >= t->gpus)
            return wrong(e, node, "the node has no such GPU", at->pod);
        if (p->gpu_milli > t->gpu_milli_each)
            return wrong(e, node, "a GPU is too small", at->pod);
        if (l->gpu[i] < 0 || (p->gpu_milli >= GW_MIX_GPU_MILLI && l->gpu[i] > 0))
            return wrong(e, node, "a whole GPU is not the pod's alone", at->pod);
        l->gpu[i] = p->gpu_milli >= GW_MIX_GPU_MILLI ? -1 : l->gpu[i] + p->gpu_milli;
        if (l->gpu[i] > t->gpu_milli_each)
            return wrong(e, node, "a GPU is shared by too many", at->pod);
    }
    return 0;
}

static int check(const gw_mix_pod *pods, size_t n_pods, const gw_mix_type *types, size_t n_types,
                 const gw_mix *m, uint8_t *seen, gw_error *e)
{
    int64_t used[GW_MIX_TYPES_MAX] = {0};
    gw_micro cost = 0;
    size_t placed = 0;
    for (size_t i = 0; i < m->n_nodes; i++) {
        const gw_mix_node *n = &m->nodes[i];
        load l = {0};
        if (n->type >= n_types || n->first > m->n_places || n->n > m->n_places - n->first || n->n == 0)
            return wrong(e, i, "it is empty, or not of this mix", 0);
        for (uint32_t j = n->first; j < n->first + n->n; j++) {
            const gw_mix_place *at = &m->places[j];
            if (at->pod >= n_pods || seen[at->pod])
                return wrong(e, i, "no such pod, or it is somewhere else as well", at->pod);
            seen[at->pod] = 1;
            placed++;
            int rc = put(&l, &types[n->type], n->type, &pods[at->pod], at, i, e);
            if (rc)
                return rc;
        }
        cost += types[n->type].hourly;
        if (++used[n->type] > types[n->type].max_nodes && types[n->type].max_nodes != GW_MIX_NO_LIMIT)
            return wrong(e, i, "there may not be so many of its type", 0);
    }
    if (placed != n_pods)
        return gw_fail(e, GW_EINTERNAL, "%zu of %zu pods are in the mix", placed, n_pods);
    if (cost != m->cost || m->bound > cost || m->cost > m->greedy_cost)
        return gw_fail(e, GW_EINTERNAL, "the mix costs %" PRId64 ", but says %" PRId64 ", bound %" PRId64,
                       cost, m->cost, m->bound);
    return 0;
}

int gw_mix_check(const gw_mix_pod *pods, size_t n_pods, const gw_mix_type *types, size_t n_types,
                 const gw_mix *m, gw_error *e)
{
    uint8_t *seen = gw_calloc(GW_MAX(n_pods, (size_t)1), 1);
    if (!seen)
        return gw_fail_memory(e);
    int rc = check(pods, n_pods, types, n_types, m, seen, e);
    gw_free(seen);
    return rc;
}
