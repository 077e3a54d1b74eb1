/*
 * What the files of the pricing share. mix_price.c decides which big pods are on the node, mix_units.c
 * lists fillings of one GPU, mix_search.c puts them together.
 */
#ifndef GW_ALLOCATE_MIX_PRICE_H
#define GW_ALLOCATE_MIX_PRICE_H

#include "allocate/mix_relax.h"

#define GW_MIX_UNITS_MAX  4096 /* fillings of one GPU */
#define GW_MIX_BIGS       8    /* pods, at most, of which each takes more than a third of a node */
#define GW_MIX_OTHERS_MAX 64   /* kinds without GPUs on one node; with more, nothing is proven */

/* One GPU filled with fractions or a whole pod, or left empty. */
typedef struct gw_mix_unit {
    int64_t loss, cpu, memory;
    uint32_t first, n; /* of unit_kinds */
} gw_mix_unit;

/* What a unit of plentiful kinds offers to others. */
typedef struct gw_mix_rival {
    int64_t cpu, memory, worth;
} gw_mix_rival;

/* A kind without GPUs. rate: what it loses at least for all it takes, in 2^-20 of the price of that. */
typedef struct gw_mix_other {
    uint32_t kind;
    int64_t most, gain; /* pods; r of one */
    int64_t rate;
} gw_mix_other;

typedef struct gw_mix_found {
    int64_t worth;
    gw_mix_item *items;
    size_t n, cap;
} gw_mix_found;

struct gw_mix_pricer {
    gw_mix_relax x;
    int64_t (*prices)[2]; /* of each type, from the last time */
    gw_mix_unit *units;   /* least loss first */
    size_t n_units, cap_units;
    gw_mix_rival rivals[GW_MIX_UNITS_MAX];
    uint32_t *unit_kinds;
    size_t n_unit_kinds, cap_unit_kinds;
    int64_t *unit_cpu, *unit_memory; /* most of the units from here on */
    size_t cap_unit_cpu, cap_unit_memory;
    uint32_t *by_worth; /* fractions, largest first, of equal ones the best first */
    size_t n_by_worth;
    gw_mix_other *others; /* rate rises */
    size_t n_others;
    int64_t *taken; /* pods of each kind in the column as it stands */
    /* the column as it stands */
    uint32_t picked[GW_MIX_GPUS_MAX]; /* units */
    size_t n_picked;
    uint32_t multi[GW_MIX_GPUS_MAX]; /* kinds of several GPUs */
    size_t n_multi;
    gw_mix_item loose[GW_MIX_OTHERS_MAX]; /* without GPUs */
    size_t n_loose;
    /* the case: which big pods are on the node; shape is what is left of it */
    gw_mix_shape shape;
    const int64_t *value, *all; /* of kinds; all: pods there are */
    int64_t *limit;             /* pods that the case may still take */
    uint32_t *bigs;             /* kinds */
    size_t n_bigs;
    uint32_t bigs_taken[GW_MIX_BIGS]; /* of bigs */
    size_t n_bigs_taken;
    int64_t *gone;               /* of kinds: how many are among those taken */
    int64_t *at_most;            /* [taken][big]: worth of the case with one more, by the prices before */
    int64_t base;                /* what they are worth */
    int64_t floor;               /* only columns worth more are looked for */
    int64_t upper;               /* no column of the cases so far is worth more */
    int64_t budget, budget_case; /* steps */
    /* the search */
    uint32_t stack[GW_MIX_GPU_EACH_MAX]; /* kinds on the GPU that is being filled */
    int64_t allowed;                     /* losses must be below */
    bool any_found;
    int64_t steps;
    bool unlimited; /* a column may have more pods of a kind than there are */
    bool cut_short;
    int failed;
    gw_mix_found found[GW_MIX_FOUND_MAX];
    size_t n_found;
};

static inline const gw_mix_kind *gw_mix_kind_at(const gw_mix_pricer *p, uint32_t k)
{
    return &p->x.m->kinds[k];
}

/* True when the search must stop; counts a step. */
static inline bool gw_mix_spent(gw_mix_pricer *p)
{
    if (p->failed || p->steps <= 0)
        p->cut_short = true;
    else
        p->steps--;
    return p->cut_short;
}

static inline void gw_mix_stop(gw_mix_pricer *p, int rc)
{
    p->failed = rc;
    p->cut_short = true;
}

/* The most pods of a kind that a column may have. */
static inline int64_t gw_mix_limit_of(const gw_mix_pricer *p, uint32_t k)
{
    return p->unlimited && p->x.limit[k] > 0 ? INT64_MAX : p->x.limit[k];
}

/* Readies the pricer for units at the prices of x: after prices, values or limits have changed. */
int gw_mix_units_prepare(gw_mix_pricer *p);
/* All units that lose less than allowed, but for those that another can always take the place of; sets
 * cut_short where there are too many. */
int gw_mix_units_list(gw_mix_pricer *p);

/* Keeps the column as it stands among the best, if it loses less than allowed; which is lowered when there
 * are enough. */
void gw_mix_record(gw_mix_pricer *p, int64_t loss);
/* Depth first: every column of the units as listed that loses less than allowed and keeps the limits. */
void gw_mix_search(gw_mix_pricer *p);
void gw_mix_list_others(gw_mix_pricer *p);
/* Keeps every column that can be made of what stands by adding pods without GPUs, others[from..), and loses
 * less than allowed. */
void gw_mix_search_others(gw_mix_pricer *p, size_t from, int64_t cpu, int64_t memory, int64_t loss);
/* What CPU and memory that are left lose at least when only others[from..) can still take them. */
int64_t gw_mix_least_loss(const gw_mix_pricer *p, size_t from, int64_t cpu, int64_t memory);

#endif
