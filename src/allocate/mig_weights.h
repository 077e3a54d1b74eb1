/*
 * Lower bounds on boards, by weights. Give every profile a weight, and let no set of one board weigh more
 * than `most`: then slices that weigh w together need at least w / most boards, rounded up. Any weights prove
 * something; the best are the dual solution of the linear program "fewest boards, fractions allowed". Weights
 * are integers, so that a bound is exact whatever rounding led to them.
 */
#ifndef GW_ALLOCATE_MIG_WEIGHTS_H
#define GW_ALLOCATE_MIG_WEIGHTS_H

#include "allocate/mig.h"

/* The maximal sets of a board. */
typedef struct gw_mig_patterns {
    const gw_mig_board *board;
    gw_mig_set *sets;
    size_t n;
} gw_mig_patterns;

typedef struct gw_mig_weights {
    int64_t of[GW_MIG_PROFILES_MAX]; /* 0..GW_MIG_WEIGHT_MAX */
    int64_t most;                    /* the heaviest pattern */
} gw_mig_weights;

#define GW_MIG_WEIGHT_MAX 1000000

typedef enum gw_mig_weighing { GW_MIG_BY_COMPUTE, GW_MIG_BY_SLOTS } gw_mig_weighing;

/* The maximal sets made of the profiles in `of`. */
int gw_mig_patterns_of(const gw_mig_board *b, unsigned of, gw_arena *a, gw_mig_patterns *ret, gw_error *e);

void gw_mig_weights_init(const gw_mig_patterns *patterns, gw_mig_weights *w, gw_mig_weighing by);
/* Sets w->most from w->of. */
void gw_mig_weights_measure(const gw_mig_patterns *patterns, gw_mig_weights *w);
/*
 * Solves that linear program for a set. *ret: the weights that bound the set best. *use (may be NULL): how
 * many boards of each pattern the solution takes, in fractions; patterns->n of them, from `a`.
 */
int gw_mig_weights_dual(const gw_mig_patterns *patterns, const gw_mig_set *of, gw_arena *a,
                        gw_mig_weights *ret, double **use, gw_error *e);

int64_t gw_mig_weight_of(const gw_mig_weights *w, const gw_mig_set *s);
/* Boards that the set needs at least. */
size_t gw_mig_weights_bound(const gw_mig_weights *w, const gw_mig_set *s);

#endif
