/*
 * The measures of gw_measures as columns, for those who go over all of them: the page, the rows, the export.
 * Internal to the store.
 */
#ifndef GW_STORE_MEASURES_H
#define GW_STORE_MEASURES_H

#include "store/hour.h"
#include "store/pack.h"

#define GW_N_MEASURES ((size_t)16 + GW_N_STATES)

/* In exports: "bill", "paidMs", in the order of the struct, which has no other fields and no gaps. */
extern const char *const gw_measure_names[];

static inline int64_t *gw_measure_at(gw_measures *m, size_t column)
{
    return (int64_t *)(void *)m + column;
}

static inline int64_t gw_measure_of(const gw_measures *m, size_t column)
{
    return ((const int64_t *)(const void *)m)[column];
}

/* gw_measures_add; false where a sum is beyond int64 (it is INT64_MAX then). */
bool gw_measures_add_to(gw_measures *into, const gw_measures *m);

/*
 * Writes n measures, `stride` bytes apart, column after column, each number as its difference to what the
 * columns before it and the row above let one expect: money is time at the row's rate, what is left of a
 * whole is the whole less its parts. Of a balanced row most differences are 0.
 */
void gw_measures_put(gw_buf *b, const gw_measures *first, size_t stride, size_t n);
/* The inverse; c->bad where the bytes end early. */
void gw_measures_get(gw_cursor *c, gw_measures *first, size_t stride, size_t n);

/* The same for one, without a row above: what the trail of corrections holds. */
#define GW_MEASURES_BYTES_MAX (10 * GW_N_MEASURES)

#endif
