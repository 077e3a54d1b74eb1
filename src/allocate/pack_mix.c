#include "allocate/pack.h"

#include "base/map.h"
#include "base/mem.h"

#define COVERED   0.95
#define KINDS_MAX ((size_t)1 << 20) /* different pods that gw_pack_mix_of counts */

double gw_pack_fragmentation(const gw_pack_mix *mix, const gw_pack_node *n)
{
    double sum = 0;
    for (size_t k = 0; k < mix->n; k++) {
        const gw_pack_typical *m = &mix->kinds[k];
        int32_t lost = n->free_total;
        if (m->gpus > 0 && m->cpu_milli <= n->cpu_milli && (m->models >> n->model & 1)) {
            int enough = 0;
            int32_t small = 0;
            for (int i = 0; i < n->gpus; i++) {
                bool will_do = n->free_milli[i] >= m->gpu_milli;
                enough += will_do;
                small += will_do ? 0 : n->free_milli[i];
            }
            if (enough >= m->gpus)
                lost = small;
        }
        sum += m->share * lost;
    }
    return sum;
}

typedef struct counted {
    gw_pack_typical kind;
    size_t n, first;
} counted;

static int by_count(const void *a, const void *b)
{
    const counted *x = a, *y = b;
    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return x->first < y->first ? -1 : 1;
}

static int count_kinds(const gw_pack_pod *pods, size_t n, gw_map *index, counted **kinds, size_t *n_kinds,
                       gw_error *e)
{
    size_t cap = 0;
    for (size_t i = 0; i < n; i++) {
        const int64_t key[] = {pods[i].cpu_milli, pods[i].gpus, pods[i].gpu_milli, (int64_t)pods[i].models};
        gw_str k = {(const char *)key, sizeof(key)};
        uint32_t at = gw_map_get(index, k);
        if (at != GW_NONE) {
            (*kinds)[at].n++;
            continue;
        }
        int rc = gw_grow((void **)kinds, &cap, *n_kinds + 1, sizeof(**kinds), KINDS_MAX);
        if (rc == GW_ELIMIT)
            return gw_fail(e, rc, "the pods are of more than %zu kinds", KINDS_MAX);
        if (rc || gw_map_set(index, k, (uint32_t)*n_kinds))
            return gw_fail_memory(e);
        (*kinds)[*n_kinds] =
            (counted){.kind = {pods[i].cpu_milli, pods[i].gpus, pods[i].gpu_milli, pods[i].models, 0},
                      .n = 1,
                      .first = i};
        ++*n_kinds;
    }
    return 0;
}

static int cut(counted *kinds, size_t n_kinds, size_t n, gw_pack_mix *ret, gw_error *e)
{
    qsort(kinds, n_kinds, sizeof(*kinds), by_count);
    size_t taken = 0, covered = 0;
    while (taken < n_kinds && (double)covered < COVERED * (double)n)
        covered += kinds[taken++].n;
    if (taken > GW_PACK_MIX_MAX)
        return gw_fail(
            e, GW_ELIMIT,
            "%.0f %% of the pods are of %zu kinds, and a mix holds at most %d: round their requests",
            100 * COVERED, taken, GW_PACK_MIX_MAX);
    ret->n = taken;
    for (size_t i = 0; i < taken; i++) {
        ret->kinds[i] = kinds[i].kind;
        ret->kinds[i].share = (double)kinds[i].n / (double)covered;
    }
    return 0;
}

int gw_pack_mix_of(const gw_pack_pod *pods, size_t n, gw_pack_mix *ret, gw_error *e)
{
    if (n == 0)
        return gw_fail(e, GW_ENODATA, "there are no pods to take a typical mix from");
    gw_map index;
    counted *kinds = NULL;
    size_t n_kinds = 0;
    gw_map_init(&index);
    int rc = count_kinds(pods, n, &index, &kinds, &n_kinds, e);
    if (rc == 0)
        rc = cut(kinds, n_kinds, n, ret, e);
    gw_free(kinds);
    gw_map_free(&index);
    return rc;
}
