/*
 * Covering a rate with slices: of each profile that serves a model, the rate that one slice of it gives.
 */
#ifndef GW_ALLOCATE_MIG_COVER_H
#define GW_ALLOCATE_MIG_COVER_H

#include "allocate/mig_weights.h"

typedef struct gw_mig_demand {
    double rate;                       /* to be covered; greater than 0 */
    double gives[GW_MIG_PROFILES_MAX]; /* by one slice; 0: this profile does not serve it */
} gw_mig_demand;

/* Whether the slices give the rate; sums of measured rates are compared with room for rounding. */
bool gw_mig_covers(const gw_mig_demand *d, const gw_mig_set *s);

#define GW_MIG_COVER_WEIGHT_MAX 64 /* of one profile, in gw_mig_cover_lightest */

/* Memory that gw_mig_cover_lightest works in. */
typedef struct gw_mig_cover_table {
    double *best;    /* [w]: the most that slices of weight w together give */
    int8_t *profile; /* [w]: the last of them; GW_MIG_NONE: the same as w - 1 */
    size_t cap;
} gw_mig_cover_table;

int gw_mig_cover_table_new(gw_arena *a, gw_mig_cover_table *ret, gw_error *e);

/*
 * The least weight that covers the demand: exact. *ret gets such a cover, made no larger than it must be.
 * Returns the weight, or -1 where more than GW_MIG_SLICES_MAX slices would be needed. w->of must not exceed
 * GW_MIG_COVER_WEIGHT_MAX.
 */
int64_t gw_mig_cover_lightest(const gw_mig_weights *w, const gw_mig_demand *d, gw_mig_cover_table *t,
                              gw_mig_set *ret);

/* All covers that lose the rate with any slice taken away, at most `cap`; returns how many there are, or
 * cap + 1 when it stopped counting. */
size_t gw_mig_covers_minimal(const gw_mig_demand *d, gw_mig_set *out, size_t cap);

#endif
