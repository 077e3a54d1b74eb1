/* What the files of the FOCUS export share, and nobody else. */
#ifndef GW_OPERATE_FOCUS_INTERNAL_H
#define GW_OPERATE_FOCUS_INTERNAL_H

#include "operate/focus.h"

/* A row of the file in the making. */
typedef struct focus_charge {
    gw_leaf_kind kind;
    const char *dim[GW_N_LEAF_DIMS];
    gw_interval when;
    int64_t billed_ms; /* an instant of the billing period */
    int64_t hours_ms;  /* the hours in which it was charged: the quantity of what has no GPU time */
    gw_micro bill, used, wasted, idle, unknown, overhead, reclaimable; /* a correction's may be negative */
    int64_t paid_ms, allocated_ms, used_ms, known_ms;
    const char *correction; /* the reason; NULL for a charge */
} focus_charge;

extern const char *const focus_columns[];
extern const size_t focus_n_columns;

/* Appends the record of a charge. */
void focus_row_write(gw_buf *b, const gw_focus_options *o, const focus_charge *c);

#endif
