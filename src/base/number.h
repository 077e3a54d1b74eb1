/* Numbers from text, strictly: the whole slice must be the number, without blanks, locale or surprises. */
#ifndef GW_BASE_NUMBER_H
#define GW_BASE_NUMBER_H

#include "base/base.h"

/* A decimal or exponent float, or NaN, Inf, +Inf, -Inf in any case. At most 63 bytes. False when it is not
 * one. What is too large for a double is infinite. */
bool gw_parse_double(gw_str s, double *ret);
/* A base-10 integer with optional sign that fits 64 bits. */
bool gw_parse_int64(gw_str s, int64_t *ret);
/*
 * A Kubernetes quantity ("500m", "16", "64Gi", "1e3", "1.5G") in thousandths of its unit, rounded to
 * the nearest; saturates at the ends of int64_t.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
bool gw_parse_quantity_milli(gw_str s, int64_t *ret_milli);

#endif
