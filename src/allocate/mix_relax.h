/*
 * An upper bound on what one node can hold, by putting a price on its CPU and memory instead of a limit.
 *
 * With prices p, q >= 0 for a milli of CPU and a MiB, a pod of value v is worth r = v - p cpu - q memory more
 * than what it takes. Without CPU and memory limits each GPU is filled by itself, and
 *
 *     L(p, q) = p CPU + q MEMORY + (most r that the GPUs hold) + (r of pods without GPUs, where positive)
 *
 * is at least the value of every filling, whatever p and q are (weak Lagrangian duality). The GPUs are packed
 * exactly: a knapsack over the milli of one GPU, then one over the GPUs. What is given up is that CPU and
 * memory are limits, and how often a pod of a kind can be used at all.
 *
 * L is convex in (p, q). The least is found by cutting a polygon at its centre of gravity; p and q are then
 * integers, and L is evaluated in integers, so that the bound holds whatever the search did.
 */
#ifndef GW_ALLOCATE_MIX_RELAX_H
#define GW_ALLOCATE_MIX_RELAX_H

#include "allocate/mix_internal.h"

#define GW_MIX_VALUE_MAX                                                                                     \
    (INT64_C(1) << (GW_MIX_UNIT_BITS + 1)) /* units; all pods together: below GW_MIX_HUGE */

typedef struct gw_mix_relax {
    const gw_mix_model *m;
    const gw_mix_shape *s;
    const int64_t *value, *limit; /* of kinds */
    int64_t *reduced;             /* r of kinds */
    int64_t cpu_price, memory_price;
    int64_t bound; /* L; at most GW_MIX_HUGE */
    int64_t gpus_best[GW_MIX_GPUS_MAX +
                      1]; /* most r that so many GPUs hold; [1] is from fractions and pods of one */
    int64_t *fill;        /* most r that fractions of w steps of milli have, w = 0..fill_n - 1 */
    uint32_t *fill_kind;  /* the one that fill[w] put last; GW_NONE: as fill[w - 1] */
    size_t fill_n;
    uint32_t one_kind; /* the pod of one whole GPU, where that is better than fractions */
    uint32_t gpus_kind[GW_MIX_GPUS_MAX + 1]; /* the pod of several GPUs that gpus_best put last, or GW_NONE */
    uint32_t *stairs;                        /* fractions that no smaller one beats */
} gw_mix_relax;

/* Allocates what the search needs, for all shapes of the model. */
int gw_mix_relax_init(gw_mix_relax *x, const gw_mix_model *m);
void gw_mix_relax_free(gw_mix_relax *x);

/* True where a pod of the kind may be on the node and fits it alone. */
static inline bool gw_mix_relax_usable(const gw_mix_relax *x, uint32_t kind)
{
    const gw_mix_kind *k = &x->m->kinds[kind];
    return x->limit[kind] > 0 && k->cpu <= x->s->cpu && k->memory <= x->s->memory && k->gpus <= x->s->gpus;
}

/* Most pods of a kind without GPUs that the shape could hold. */
int64_t gw_mix_relax_most(const gw_mix_relax *x, uint32_t kind);

/*
 * Looks for the prices that bound the node best, beginning with those in *x, and stops early where the bound
 * is no more than `enough`. Leaves everything in *x as of the best prices.
 */
void gw_mix_relax_minimise(gw_mix_relax *x, const gw_mix_shape *s, const int64_t *value, const int64_t *limit,
                           int64_t enough);

#endif
