/* What the files of the review share, and nobody else. */
#ifndef GW_OPERATE_REVIEW_INTERNAL_H
#define GW_OPERATE_REVIEW_INTERNAL_H

#include "operate/review.h"

#define GW_REVIEW_ROWS_MAX ((size_t)1 << 20)

/* Makes room for one more and counts it. GW_ENOMEM, GW_ELIMIT beyond max. */
int gw_review_add(void **items, size_t *n, size_t size, size_t max, gw_error *e);
/* Adds a row of one of the two periods to the review's totals. */
void gw_review_add_total(gw_review *r, const gw_measures *m, const char *ns, bool before);

#endif
