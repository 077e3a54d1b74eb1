/*
 * A view: what the daemon knows of one window, worked out to the end by the pipeline of the command line. Its
 * fleet and usage are copies, so it does not change while somebody reads it. Counted references; made by the
 * daemon (serve/daemon.h), freed by whoever lets go of it last.
 */
#ifndef GW_SERVE_VIEW_H
#define GW_SERVE_VIEW_H

#include <pthread.h>
#include <stdatomic.h>

#include "present/answer.h"

/* A unit in an hour. */
typedef struct gw_cell {
    float compute, memory; /* shares; < 0 unknown, or nobody held it and nothing was measured */
    gw_micro cost;         /* of the unit's part of its node in that hour; GW_MICRO_UNKNOWN */
    uint32_t pod;          /* who held it longest; GW_NONE: nobody */
    uint8_t state;         /* gw_state that it was in longest; GW_STATE_UNKNOWN */
    bool shared;           /* several pods at the same time */
    bool there;            /* paid for in that hour at all */
} gw_cell;

typedef struct gw_view {
    gw_pipeline p;       /* finished: everything up to the findings */
    uint64_t generation; /* of the data; a later one is newer */
    gw_interval window;
    /* Only where they were asked for (gw_daemon_view): what each unit did in each hour of the window. */
    gw_interval *hours;
    size_t n_hours;
    gw_cell *cells;            /* [unit × n_hours + hour]; units are p.fleet's; NULL: not asked for */
    bool plan_tried, has_plan; /* the plan is made when first asked for */
    gw_plan plan;
    gw_error plan_error;
    /* The pipeline's arena and `shown`, and the plan, change while an answer is made: hold this meanwhile. */
    pthread_mutex_t lock;
    atomic_int refs;
} gw_view;

gw_view *gw_view_new(void); /* with one reference, everything else empty; NULL: no memory */
gw_view *gw_view_hold(gw_view *v);
void gw_view_release(gw_view *v); /* NULL is fine */

#endif
