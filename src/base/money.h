/*
 * Money: int64 micro-dollars (1 USD = 1,000,000), which bounds a sum at 9.2 trillion dollars. Splits are
 * exact: the parts of gw_apportion add up to the whole, always.
 */
#ifndef GW_BASE_MONEY_H
#define GW_BASE_MONEY_H

#include "base/base.h"

typedef int64_t gw_micro; /* micro-dollars */

#define GW_USD           ((gw_micro)1000000)
#define GW_MICRO_UNKNOWN INT64_MIN /* an amount that nobody knows; never add it */

static inline bool gw_micro_known(gw_micro m)
{
    return m != GW_MICRO_UNKNOWN;
}

/* "30.13118" dollars, at most 6 decimals kept (rounded half away from zero), no sign but '-'. False when it
 * is not a number, or one of more than 2.3 trillion dollars. */
bool gw_micro_parse(gw_str s, gw_micro *ret);

/* price per hour × duration, rounded half away from zero, exact in 128 bits; saturates at ±INT64_MAX. What an
 * unknown price comes to is unknown. */
gw_micro gw_micro_for(gw_micro per_hour, int64_t duration_ms);

#define GW_MICRO_TEXT_MAX 32
/* "30.131180": always six decimals. Returns out. */
const char *gw_micro_format(gw_micro m, char out[GW_MICRO_TEXT_MAX]);
/* "1,234.57": for people; two decimals, thousands grouped. Returns out. */
const char *gw_micro_format_human(gw_micro m, char out[GW_MICRO_TEXT_MAX]);

/*
 * Splits `whole` over n parts in proportion to weight[] (each >= 0 and finite), by the largest-remainder
 * method (Hamilton; ties to the lower index). ret[i] >= 0 when whole >= 0, and the sum of ret is exactly
 * whole. If every weight is 0 the whole goes to ret[n - 1]; n must be at least 1. 0 or GW_ENOMEM.
 */
int gw_apportion(gw_micro whole, const double *weight, size_t n, gw_micro *ret);

#endif
