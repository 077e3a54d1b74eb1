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

typedef struct gw_view {
    gw_pipeline p;       /* finished: everything up to the findings */
    uint64_t generation; /* of the data; a later one is newer */
    gw_interval window;
    gw_interval *hours; /* of the window, ascending: for what is told by the hour */
    gw_usage *hour;     /* parallel: the usage of each, on p.fleet's indices; histograms are left out */
    size_t n_hours;
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
