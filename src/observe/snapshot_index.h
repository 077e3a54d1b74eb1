/*
 * An index of a plain OpenMetrics file: which of its bytes hold which family group and which times. One pass
 * over the file makes it; after that a read of one group and slice touches only the bytes that it needs.
 */
#ifndef GW_OBSERVE_SNAPSHOT_INDEX_H
#define GW_OBSERVE_SNAPSHOT_INDEX_H

#include "base/base.h"
#include "base/time.h"
#include "format/om.h"
#include "observe/families.h"

/* Whole lines, one after the other. */
typedef struct gw_snapshot_section {
    uint64_t offset, bytes, line;
    gw_interval interval; /* covers its samples */
    unsigned groups;      /* bit 1 << gw_family_group for each group in it */
} gw_snapshot_section;

typedef struct gw_snapshot_index {
    gw_snapshot_section *sections; /* by offset; owned */
    size_t n, cap;
    gw_interval extent; /* covers all samples of known families; {0,0}: there is none */
    int64_t step_ms;    /* shortest time between two samples of a series; 0: there are no two */
    gw_om_back back;    /* the largest step back in the times of a series; line 0: none */
} gw_snapshot_index;

/* The shortest time between neighbours of t_ms, if it is shorter than *step_ms or that is 0. */
void gw_snapshot_step(int64_t *step_ms, const int64_t *t_ms, size_t n);

/* The names of every family group in one list that ends with NULL, for gw_om_reader_families. */
const char *const *gw_all_family_names(void);

/*
 * Reads the file once. On GW_ECORRUPT ("line 17: …") the index covers what stands before the damage; on any
 * other failure it is empty. *read grows by the bytes read. The caller frees it in any case.
 */
int gw_snapshot_index_make(int fd, gw_snapshot_index *x, uint64_t *read, gw_error *e);
void gw_snapshot_index_free(gw_snapshot_index *x);

#endif
