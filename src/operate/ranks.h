/* A bounded set of numbers in ascending order, for medians and tails of a sliding window. Inserting and
 * removing move memory, which is quicker than any tree for the few thousand numbers it is meant for. Private
 * to operate/. */
#ifndef GW_OPERATE_RANKS_H
#define GW_OPERATE_RANKS_H

#include "base/base.h"

typedef struct gw_ranks {
    float *v; /* of at least the numbers put in; the owner's */
    size_t n;
} gw_ranks;

void gw_ranks_insert(gw_ranks *r, float x);
/* x must have been inserted. */
void gw_ranks_remove(gw_ranks *r, float x);
/* Interpolated between ranks, q in 0..1; NAN where it is empty. */
double gw_ranks_quantile(const gw_ranks *r, double q);
/* Numbers below x. */
size_t gw_ranks_below(const gw_ranks *r, float x);

/*
 * The probability that the next number is x or more: by rank up to the highest GW_RANKS_TAIL of the numbers;
 * beyond, by the Pareto tail whose exponent Hill's estimator finds in these ("A simple general approach to
 * inference about the tail of a distribution", 1975). Three made-up exceedances keep it from trusting a
 * handful. Never 0. 1 where there are no numbers.
 */
#define GW_RANKS_TAIL 0.03
double gw_ranks_tail(const gw_ranks *r, double x);

#endif
