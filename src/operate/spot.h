/*
 * Spot coverage: how much of the work runs on capacity that the cloud may take back, by workload class,
 * against targets (60 % of training, 40 % of inference).
 *
 * Hours are GPU-hours held by pods: a node's hours weighed by the GPUs of it that the class holds, so that a
 * node of eight counts eight times a node of one, and a shared node counts for each class with its part.
 * Coverage = spot / (spot + on-demand + reserved); hours on nodes whose capacity type no label tells are in
 * neither and are said beside it.
 */
#ifndef GW_OPERATE_SPOT_H
#define GW_OPERATE_SPOT_H

#include "format/doc.h"
#include "store/store.h"

#define GW_SPOT_TRAINING  0.60
#define GW_SPOT_INFERENCE 0.40

/* inference, training, batch, notebook, unknown, mixed */
#define GW_SPOT_ROWS_MAX 8

typedef struct gw_spot_targets {
    double training, inference; /* shares; negative: no target */
} gw_spot_targets;

typedef struct gw_spot_row {
    const char *class; /* gw_class_name */
    int64_t spot_ms, on_demand_ms, reserved_ms, unknown_ms;
    double coverage;                /* negative: nothing is known */
    double target;                  /* negative: none */
    gw_micro spot_bill, other_bill; /* GW_MICRO_UNKNOWN where there is no price; 0 where there are no hours */
    bool spot_unpriced, other_unpriced; /* of a part of the hours: the bill is at least that */
} gw_spot_row;

typedef struct gw_spot {
    gw_spot_targets targets;
    gw_spot_row rows[GW_SPOT_ROWS_MAX]; /* training, inference, then the rest by name; only what there is */
    size_t n_rows;
} gw_spot;

/* The query that gw_spot_make wants: by (class, capacity, namespace) over `when`; cluster NULL: all. */
gw_query gw_spot_query(gw_interval when, const char *cluster);
/* Sums of gw_spot_query, in one step. */
void gw_spot_make(const gw_sums *s, gw_spot_targets targets, gw_spot *ret);
/* {"targets", "rows"} as members of the object that is open: GET /api/v1/spot. */
void gw_spot_write(gw_doc *d, const gw_spot *s);
/* Hours in spot that a class lacks to meet its target, in GPU-ms; 0 where it is met, negative where not
 * known. */
int64_t gw_spot_lack(const gw_spot_row *r);

#endif
