/*
 * Which slices, and how many processes on each, serve measured models at given rates within given latencies
 * on the fewest boards.
 *
 * What a model does on a slice is measured, not assumed: a curve has a point for each slice size (compute
 * slices), batch size and number of processes that share the slice. The plan uses of each size the point with
 * the highest rate among those whose measured latency is less than `latency_share` of the model's limit. The
 * rest of the limit is for waiting in the queue: a request that comes just after a batch has left waits for
 * one batch and is served in the next, so that half is the most a measured batch may take; a tenth of that is
 * margin, 0.45.
 *
 * A size is served by the plain profile of that many compute slices with the least memory (1g.10gb, not
 * 1g.20gb): that is where such curves were measured.
 */
#ifndef GW_ALLOCATE_MIG_PLAN_H
#define GW_ALLOCATE_MIG_PLAN_H

#include "allocate/mig.h"

#define GW_MIG_POINTS_MAX    16384 /* of one curve */
#define GW_MIG_SERVICES_MAX  256
#define GW_MIG_LATENCY_SHARE 0.45

typedef struct gw_mig_point {
    int compute; /* size of the slice in compute slices */
    int batch, processes;
    double rate;      /* requests/s of all processes together */
    double latency_s; /* of one batch */
} gw_mig_point;

typedef struct gw_mig_curve {
    gw_mig_point *points;
    size_t n;
} gw_mig_curve;

/*
 * A curve from CSV with the columns "MIG instance", "Batch size", "Workload number" (processes), "Throughput"
 * and "Latency" (s), in any order and letter case. Throughput is that of ONE process, in requests/s, as
 * ParvaGPU's published measurements have it (throughput times latency is the batch size there); the point's
 * rate is that times the processes. Rows whose throughput or latency is 0 are combinations that did not run
 * (out of memory) and are left out. `name` is for messages: GW_ECONFIG with line and column for a column that
 * is missing, a number that is none or negative, a size or count out of range; GW_ECORRUPT for broken CSV;
 * GW_ELIMIT; GW_ENOMEM. Points come from `a`.
 */
int gw_mig_curve_read(const char *name, gw_str text, gw_arena *a, gw_mig_curve *ret, gw_error *e);

typedef struct gw_mig_service {
    const char *name; /* borrowed */
    gw_mig_curve curve;
    double rate;            /* requests/s, greater than 0 */
    double latency_limit_s; /* greater than 0 */
} gw_mig_service;

typedef struct gw_mig_segment {
    size_t service, board;
    int profile, start;
    const gw_mig_point *point; /* in the service's curve */
} gw_mig_segment;

typedef struct gw_mig_plan {
    gw_mig_segment *segments; /* by board, then start */
    size_t n_segments;
    size_t n_boards;
    size_t lower; /* no choice of slices needs fewer boards: proven */
    bool exact;   /* n_boards is the minimum */
} gw_mig_plan;

/*
 * Finds the plan. Segments of one service add up: their rates together are at least the service's rate.
 * Fewest boards first, then fewest compute slices and fewest slices among the candidates that were looked at.
 *
 * The lower bound: for any weights of allocate/mig_weights.h, a service weighs at least what its lightest
 * cover weighs (found exactly, by dynamic programming over the weight), and the services together at least
 * that many boards. Weights are improved by local search. Where the best plan found does not meet the bound,
 * all minimal covers are searched, unless there are too many (exact = false then).
 *
 * GW_ENOTFOUND where a service cannot be served within its limit on any slice; GW_EUSAGE for rates or limits
 * that are not greater than 0; GW_ELIMIT for more services or slices than the bounds above; GW_ENOMEM.
 */
int gw_mig_plan_find(const gw_mig_board *b, const gw_mig_service *services, size_t n, double latency_share,
                     gw_arena *a, gw_mig_plan *ret, gw_error *e);

/* The profile that serves a size in compute slices; GW_MIG_NONE where the board has none. */
int gw_mig_profile_of_size(const gw_mig_board *b, int compute);

#endif
