/*
 * Group rows: the sums of an hour, or of a day, by group. A group is a number that stands for its dimensions
 * (table gw_group). Kept as one block of bytes a cluster and hour, and one a cluster and day. Internal to the
 * store.
 */
#ifndef GW_STORE_ROWS_H
#define GW_STORE_ROWS_H

#include "store/measures.h"

typedef struct gw_group_row {
    uint32_t group; /* 1, 2, … within the cluster */
    uint32_t hours; /* bit h: the row holds something of hour h of the day */
    gw_measures m;
} gw_group_row;

typedef struct gw_rows {
    gw_group_row *rows; /* by group, each once */
    size_t n, cap;
} gw_rows;

#define GW_ROWS_MAX ((size_t)1 << 20)

void gw_rows_free(gw_rows *r);
/* Appends a row, which the caller may change; gw_rows_sort comes after. NULL: out of memory or too many. */
gw_group_row *gw_rows_add(gw_rows *r);
void gw_rows_sort(gw_rows *r);
/* into += from, both sorted. GW_ELIMIT where a sum is beyond int64; *into is then as it was. */
int gw_rows_merge(gw_rows *into, const gw_rows *from, gw_error *e);

int gw_rows_write(const gw_rows *r, gw_buf *b, gw_error *e);
/* *ret is initialised by this, and to be freed where it returns 0. */
int gw_rows_read(const void *bytes, size_t n, gw_rows *ret, gw_error *e);

#endif
