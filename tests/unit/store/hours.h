/*
 * Random hours for the tests of the store, and what they come to by plain loops over their leaves: a second
 * way to every number that the store gives. Nothing here uses the store's arithmetic.
 */
#ifndef GW_TESTS_STORE_HOURS_H
#define GW_TESTS_STORE_HOURS_H

#include "base/mem.h"
#include "base/time.h"
#include "store/store.h"

#define T0 INT64_C(1672531200000) /* 2023-01-01T00:00:00Z, a Sunday */

typedef struct rnd {
    uint64_t s;
} rnd;

static inline uint64_t rnd_next(rnd *r)
{
    /* xorshift64* */
    r->s ^= r->s >> 12;
    r->s ^= r->s << 25;
    r->s ^= r->s >> 27;
    return r->s * UINT64_C(2685821657736338717);
}

static inline int64_t rnd_below(rnd *r, int64_t n)
{
    return (int64_t)(rnd_next(r) % (uint64_t)n);
}

static inline const char *pick(rnd *r, gw_arena *a, const char *prefix, int64_t n)
{
    return gw_arena_printf(a, "%s-%" PRId64, prefix, rnd_below(r, n));
}

/* A leaf whose parts add up. Some things are unknown, some texts are empty. */
static inline void random_leaf(rnd *r, gw_arena *a, const char *cluster, gw_hour_leaf *l)
{
    static const char *const empty = "";
    *l = (gw_hour_leaf){.kind = (gw_leaf_kind)rnd_below(r, 3)};
    for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
        l->dim[d] = empty;
    l->dim[GW_DIM_CLUSTER] = cluster;
    l->dim[GW_DIM_NAMESPACE] = l->kind == GW_LEAF_HELD   ? pick(r, a, "ns", 4)
                               : l->kind == GW_LEAF_IDLE ? GW_KEY_IDLE
                                                         : GW_KEY_OVERHEAD;
    if (l->kind == GW_LEAF_HELD) {
        l->dim[GW_DIM_WORKLOAD] = pick(r, a, "wl", 6);
        l->dim[GW_DIM_WORKLOAD_KIND] = rnd_below(r, 2) ? "Deployment" : "Job";
        l->dim[GW_DIM_TEAM] = rnd_below(r, 5) ? pick(r, a, "team", 3) : "";
        l->dim[GW_DIM_MODEL] = rnd_below(r, 2) ? "größe-7b" : "";
        l->dim[GW_DIM_CLASS] = "inference";
        l->dim[GW_DIM_POD] = pick(r, a, "pod", 50);
    }
    l->dim[GW_DIM_GPU_MODEL] = rnd_below(r, 2) ? "NVIDIA L40S" : "NVIDIA H100 80GB HBM3";
    l->dim[GW_DIM_NODE] = pick(r, a, "node", 9);
    l->dim[GW_DIM_GPU] = pick(r, a, "GPU", 30);
    l->node_hourly = rnd_below(r, 4) ? rnd_below(r, 100) * 1000000 : GW_MICRO_UNKNOWN;
    gw_measures *m = &l->m;
    m->used = rnd_below(r, 1000000);
    m->wasted = rnd_below(r, 1000000);
    m->idle = rnd_below(r, 3) ? 0 : rnd_below(r, 1000000);
    m->unknown = rnd_below(r, 5) ? 0 : rnd_below(r, 1000000);
    m->overhead = rnd_below(r, 5) ? 0 : rnd_below(r, 1000000);
    m->bill = m->used + m->wasted + m->idle + m->unknown + m->overhead;
    m->reclaimable = rnd_below(r, m->wasted + 1);
    m->paid_ms = rnd_below(r, GW_HOUR_MS + 1);
    m->allocated_ms = rnd_below(r, m->paid_ms + 1);
    m->used_ms = rnd_below(r, m->allocated_ms + 1);
    m->idle_ms = m->paid_ms - m->allocated_ms;
    m->unknown_ms = rnd_below(r, 1000);
    m->known_ms = rnd_below(r, m->allocated_ms + 1);
    m->memory_ms = rnd_below(r, 4) ? rnd_below(r, m->known_ms + 1) : GW_UNKNOWN_COUNT;
    m->memory_known_ms = m->memory_ms < 0 ? 0 : m->known_ms;
    for (int s = 0; s < GW_N_STATES; s++)
        m->state_ms[s] = rnd_below(r, 1000000);
    m->unpriced_ms = rnd_below(r, 9) ? 0 : m->paid_ms;
}

static inline gw_hour random_hour(rnd *r, gw_arena *a, const char *cluster, int64_t start_ms, size_t n)
{
    gw_hour h = {.cluster = cluster, .start_ms = start_ms, .n_leaves = n, .arena = a};
    h.observed = (gw_interval){start_ms, start_ms + GW_HOUR_MS - rnd_below(r, 2) * 60000};
    h.leaves = GW_NEW_ARRAY(a, gw_hour_leaf, n);
    for (size_t i = 0; i < n; i++)
        random_leaf(r, a, cluster, &h.leaves[i]);
    return h;
}

/* ---- what they come to ---- */

#define N_MEASURES (sizeof(gw_measures) / sizeof(int64_t))

static inline void plain_add(gw_measures *into, const gw_measures *m)
{
    int64_t *to = (int64_t *)into;
    const int64_t *from = (const int64_t *)m;
    for (size_t i = 0; i < N_MEASURES; i++) {
        if (from[i] < 0)
            continue;
        to[i] = to[i] < 0 ? from[i] : to[i] + from[i];
    }
}

/* Every measure unknown: what a sum starts as. */
static inline gw_measures nothing_known(void)
{
    gw_measures m;
    memset(&m, 0xff, sizeof(m)); /* -1 in each */
    return m;
}

static inline int64_t plain_step(int64_t ms, gw_step step, gw_interval when)
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    int64_t day = ms - ms % GW_DAY_MS;
    switch (step) {
    case GW_STEP_HOUR:
        return ms - ms % GW_HOUR_MS;
    case GW_STEP_DAY:
        return day;
    case GW_STEP_WEEK:
        return day - (tm.tm_wday + 6) % 7 * GW_DAY_MS;
    case GW_STEP_MONTH:
        return day - (tm.tm_mday - 1) * GW_DAY_MS;
    default:
        return when.start_ms;
    }
}

#define PLAIN_SUMS_MAX 20000

typedef struct plain_sum {
    int64_t step_ms;
    const char *key[GW_MAX_BY];
    gw_measures m;
    int64_t seen[400]; /* distinct hours */
    uint32_t hours;
} plain_sum;

/* The store's answer to a query, by loops over the leaves of all hours. */
static inline size_t plain_sums(const gw_hour *hours, size_t n_hours, const gw_query *q, plain_sum *sums)
{
    size_t n = 0;
    for (size_t i = 0; i < n_hours; i++) {
        const gw_hour *h = &hours[i];
        if (h->start_ms < q->when.start_ms || h->start_ms + GW_HOUR_MS > q->when.end_ms)
            continue;
        int64_t step = plain_step(h->start_ms, q->step, q->when);
        for (size_t k = 0; k < h->n_leaves; k++) {
            const gw_hour_leaf *l = &h->leaves[k];
            bool in = true;
            for (size_t w = 0; w < q->n_where; w++)
                in = in && strcmp(l->dim[q->where[w].dim], q->where[w].value) == 0;
            if (!in)
                continue;
            size_t at = 0;
            for (; at < n; at++) {
                bool same = sums[at].step_ms == step;
                for (size_t b = 0; same && b < q->n_by; b++)
                    same = strcmp(sums[at].key[b], l->dim[q->by[b]]) == 0;
                if (same)
                    break;
            }
            if (at == n) {
                memset(&sums[n], 0, sizeof(sums[n]));
                sums[n].step_ms = step;
                sums[n].m = nothing_known();
                for (size_t b = 0; b < q->n_by; b++)
                    sums[n].key[b] = l->dim[q->by[b]];
                n++;
            }
            plain_add(&sums[at].m, &l->m);
            bool counted = false;
            for (uint32_t s = 0; s < sums[at].hours; s++)
                counted = counted || sums[at].seen[s] == h->start_ms;
            if (!counted)
                sums[at].seen[sums[at].hours++] = h->start_ms;
        }
    }
    return n;
}

#endif
