/*
 * What the files of the node mix share. Read in this order: model (the problem), column (a node and what is
 * on it), greedy, relax and price (the best column for given values of pods), master (the linear program),
 * bound (the proof), round and integer (from fractions to nodes), improve (groups of nodes anew).
 *
 * Money inside is counted in "units": micro-dollars shifted left so far that the dearest type costs about
 * 2^40. Costs are exact in units; the values of pods are rounded down to them, and everything that a bound
 * rests on is integer arithmetic from there.
 */
#ifndef GW_ALLOCATE_MIX_INTERNAL_H
#define GW_ALLOCATE_MIX_INTERNAL_H

#include "allocate/mix.h"
#include "base/map.h"
#include "base/mem.h"

#define GW_MIX_UNIT_BITS 40
#define GW_MIX_HUGE      (INT64_MAX / 2) /* "no bound": larger than any sum of units that matters */

/* ---- model: the problem, with equal pods as one kind ---- */

typedef struct gw_mix_kind {
    int64_t cpu, memory;
    int32_t gpus, milli; /* milli of each GPU */
    uint64_t types;      /* bit t: allowed, and it fits type t alone */
    int64_t demand;      /* pods */
    uint32_t parent;     /* in the model that this one was cut from */
} gw_mix_kind;

/* A type with what is reserved taken off, and the kinds that fit it. */
typedef struct gw_mix_shape {
    int64_t cpu, memory;
    int32_t gpus, milli;
    int64_t cost;                          /* units */
    int64_t max_nodes;                     /* or GW_MIX_NO_LIMIT */
    uint32_t *fractions, *wholes, *others; /* kinds: fractions of a GPU, smallest first; whole GPUs, fewest
                                              first; without GPUs */
    size_t n_fractions, n_wholes, n_others;
    int32_t step; /* greatest common divisor of the fractions' milli */
} gw_mix_shape;

typedef struct gw_mix_model {
    gw_mix_kind *kinds; /* sorted */
    size_t n_kinds;
    gw_mix_shape *shapes;
    size_t n_shapes;
    int unit_shift;
    bool limited; /* some type has max_nodes */
    gw_arena arena;
} gw_mix_model;

static inline bool gw_mix_is_fraction(const gw_mix_kind *k)
{
    return k->gpus == 1 && k->milli < GW_MIX_GPU_MILLI;
}

/* kind_of[i]: the kind of pod i; n_pods long, the caller's. */
int gw_mix_model_init(gw_mix_model *m, const gw_mix_pod *pods, size_t n_pods, const gw_mix_type *types,
                      size_t n_types, uint32_t *kind_of, gw_error *e);
/* The same types and only the kinds that demand[] asks for; parent is the index in `of`. */
int gw_mix_model_cut(gw_mix_model *m, const gw_mix_model *of, const int64_t *demand);
/*
 * At most about `most` kinds: similar ones are merged into one that asks for as little of everything as any
 * of them. A bound for the merged model is one for the model. group_of[k]: what kind k became; the caller's.
 */
int gw_mix_model_merge(gw_mix_model *m, const gw_mix_model *of, size_t most, uint32_t *group_of);
void gw_mix_model_free(gw_mix_model *m);

/* ---- column: one node with pods on it ---- */

typedef struct gw_mix_item {
    uint32_t kind, n;
    int32_t gpu; /* the first of its GPUs; -1 without */
} gw_mix_item;

/* Items that ask for GPUs of their own have n = 1. uses is items by kind, each kind once, in rising order. */
typedef struct gw_mix_use {
    uint32_t kind, n;
} gw_mix_use;

typedef struct gw_mix_column {
    uint32_t type;
    uint32_t n_items, n_uses;
    const gw_mix_item *items;
    const gw_mix_use *uses;
} gw_mix_column;

/* Columns, each once. */
typedef struct gw_mix_pool {
    gw_mix_column *columns;
    size_t n, cap;
    gw_map known;
    gw_arena arena;
    gw_mix_use *scratch;
    size_t cap_scratch;
} gw_mix_pool;

#define GW_MIX_COLUMNS_MAX ((size_t)1 << 22)

void gw_mix_pool_init(gw_mix_pool *p);
void gw_mix_pool_free(gw_mix_pool *p);
/* Adds a column (items in any order; those of n = 0 are left out); *at: its index, old or new. True in *fresh
 * (may be NULL) where it is new. */
int gw_mix_pool_add(gw_mix_pool *p, uint32_t type, const gw_mix_item *items, size_t n, uint32_t *at,
                    bool *fresh);

/* ---- plan: columns, and how often ---- */

typedef struct gw_mix_part {
    uint32_t column;
    int64_t times;
} gw_mix_part;

typedef struct gw_mix_plan {
    gw_mix_part *parts;
    size_t n, cap;
    int64_t cost;     /* units */
    int64_t unplaced; /* pods that found no node for want of max_nodes */
    gw_mix_method method;
} gw_mix_plan;

void gw_mix_plan_free(gw_mix_plan *p);
int gw_mix_plan_add(gw_mix_plan *p, uint32_t column, int64_t times);
int gw_mix_plan_copy(gw_mix_plan *to, const gw_mix_plan *from);
/* True where a is the better: fewer pods without a node, then cheaper. */
bool gw_mix_plan_better(const gw_mix_plan *a, const gw_mix_plan *b);
/*
 * Makes the plan cover every kind exactly as often as it is asked for, moves each node to the cheapest type
 * that holds what is left on it, drops empty ones, and counts cost and unplaced.
 */
int gw_mix_plan_trim(gw_mix_plan *p, const gw_mix_model *m, gw_mix_pool *pool);

/* ---- the clock, and who watches it ---- */

typedef struct gw_mix_watch {
    const gw_mix_options *options;
    gw_clock clock;
    int64_t start_ms;
    gw_micro cost, bound; /* as told last; 0: none yet */
} gw_mix_watch;

int64_t gw_mix_elapsed_ms(const gw_mix_watch *w);
bool gw_mix_late(const gw_mix_watch *w);
/* Tells whoever watches, where the cost has fallen or the bound has risen; 0: nothing new. */
void gw_mix_tell(gw_mix_watch *w, gw_micro cost, gw_micro bound, gw_mix_method method);

/* ---- greedy ---- */

/* What greedy takes a pod of each kind to be worth, units: the cheapest share of a node that it takes. */
void gw_mix_appraise(const gw_mix_model *m, double *worth);
int gw_mix_greedy(const gw_mix_model *m, gw_mix_pool *pool, gw_mix_plan *plan);

/* ---- pricing: the most valuable column of a type ---- */

typedef struct gw_mix_pricer gw_mix_pricer;

int gw_mix_pricer_new(const gw_mix_model *m, gw_mix_pricer **ret);
void gw_mix_pricer_free(gw_mix_pricer *p);

#define GW_MIX_FOUND_MAX 6 /* columns handed over from one search, at most */

typedef struct gw_mix_priced {
    int64_t upper;                    /* no column of this type is worth more; GW_MIX_HUGE: unknown */
    int64_t best;                     /* worth of the best column found, 0: none above the threshold */
    bool proven;                      /* upper is max(threshold, best) */
    uint32_t found[GW_MIX_FOUND_MAX]; /* columns of the pool, new or not */
    size_t n_found;
} gw_mix_priced;

/*
 * value[k]: what a pod of kind k is worth, units, >= 0. limit[k]: how many of them a column may have at most;
 * 0: none. Columns worth more than `above` go into the pool. steps: bounds the work. unlimited: columns may
 * have more pods of a kind than limit, where it is not 0; for large nodes that is much quicker. Failing is
 * GW_ENOMEM.
 */
int gw_mix_price(gw_mix_pricer *p, uint32_t type, const int64_t *value, const int64_t *limit, int64_t above,
                 int64_t steps, bool unlimited, gw_mix_pool *pool, gw_mix_priced *ret);
/* The bound of mix_relax.h alone, without a search. */
int64_t gw_mix_price_relaxed(gw_mix_pricer *p, uint32_t type, const int64_t *value, const int64_t *limit,
                             int64_t enough);

/* ---- the bound ---- */

/*
 * What every plan costs at least, units. upper[t]: no column of type t within the demand is worth more than
 * this, at these values of pods. Exact: see mix_bound.c.
 */
int64_t gw_mix_bound(const gw_mix_model *m, const int64_t *value, const int64_t *upper);
/* The bound in micro-dollars: rounded up to what nodes of these types can add up to. */
gw_micro gw_mix_bound_micro(const gw_mix_model *m, int64_t units);

/* ---- the master: the linear program over the columns that are known ---- */

typedef struct gw_mix_master gw_mix_master;

/* The pool and model must outlive it. GW_ENOMEM. */
int gw_mix_master_new(const gw_mix_model *m, gw_mix_pool *pool, gw_mix_master **ret);
void gw_mix_master_free(gw_mix_master *s);
/* Before any column: what makes good values come sooner (see there), where columns need not be rounded.
 * Dropping it again makes the solution one of nodes. */
void gw_mix_master_add_exchanges(gw_mix_master *s);
void gw_mix_master_drop_exchanges(gw_mix_master *s);
/* A column of the pool, unless it is there. */
int gw_mix_master_add(gw_mix_master *s, uint32_t column);

typedef struct gw_mix_effort {
    int rounds;          /* of the linear program, at most */
    int64_t steps;       /* of one search for columns */
    int64_t steps_proof; /* of one that must prove that there is none; 0: not tried */
    bool unlimited;      /* columns: see gw_mix_price */
    gw_mix_watch *watch;
} gw_mix_effort;

/*
 * Solves the linear program and looks for columns that make it cheaper, until there are none or the effort is
 * spent. 0; GW_ENOMEM; GW_EINTERNAL where CLP fails.
 */
int gw_mix_master_generate(gw_mix_master *s, const gw_mix_effort *effort);
/* Asks for other numbers of pods and nodes from now on: what is left of a plan that is being made. The bound
 * is not touched until gw_mix_master_restart, which asks for all again. */
void gw_mix_master_set_left(gw_mix_master *s, const int64_t *left, const int64_t *nodes_left);
void gw_mix_master_restart(gw_mix_master *s);

typedef struct gw_mix_lp {
    const uint32_t *columns;   /* of the pool */
    const double *x, *reduced; /* how often each is used; what using it once more would cost, units */
    size_t n;
    double objective; /* units */
    int64_t bound;    /* the best proven so far, units */
    int rounds;
    bool closed;  /* the last round proved that no column is missing */
    bool stalled; /* it found none, but did not prove that */
} gw_mix_lp;

void gw_mix_master_values(const gw_mix_master *s, int64_t *ret);
/* The last solution; valid until the master changes. */
void gw_mix_master_look(const gw_mix_master *s, gw_mix_lp *ret);

/* ---- from fractions to nodes ---- */

/* Rounds the linear program column by column, with new columns for what is left. The plan is trimmed. */
int gw_mix_round(const gw_mix_model *m, gw_mix_pool *pool, gw_mix_master *s, const gw_mix_effort *effort,
                 gw_mix_plan *plan);

/*
 * CBC over the columns of the linear program. 1: *plan is better than *best. 0: none was found. GW_ENOMEM.
 */
int gw_mix_integer(const gw_mix_model *m, gw_mix_pool *pool, const gw_mix_lp *lp, const gw_mix_plan *best,
                   int64_t seconds_ms, int nodes, gw_mix_plan *plan);

/* ---- better plans from a plan ---- */

/*
 * Takes out groups of nodes and plans them anew, until many in a row bring nothing, or the plan costs no more
 * than `enough`. value: of kinds, from the linear program.
 */
int gw_mix_improve(const gw_mix_model *m, gw_mix_pool *pool, const int64_t *value, gw_micro enough,
                   gw_mix_watch *watch, gw_mix_plan *plan);

#endif
