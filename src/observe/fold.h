/*
 * The fold: samples in, Fleet and Usage out. One slice of time after the other; within a slice the windows of
 * every series are held, after it only sums remain. docs/internals/fold.md explains it.
 */
#ifndef GW_OBSERVE_FOLD_H
#define GW_OBSERVE_FOLD_H

#include "fleet/usage.h"
#include "observe/source.h"

typedef struct gw_fold gw_fold;

gw_fold *gw_fold_new(gw_fleet *fleet, gw_usage *usage, gw_error *e);
void gw_fold_free(gw_fold *f);

/*
 * Starts a slice: the windows of [slice). Samples are wanted from slice.start - 5 min to slice.end + 5 min,
 * since a sample holds for up to 5 minutes. Slices come in order and do not overlap; the first starts at the
 * window's start, the last ends at its end.
 */
int gw_fold_begin(gw_fold *f, gw_interval slice, gw_error *e);
const gw_series_sink *gw_fold_sink(gw_fold *f);
/* Turns the slice's windows into usage, and forgets them. */
int gw_fold_end(gw_fold *f, gw_error *e);
/* After the last slice: what is still open is closed. */
int gw_fold_finish(gw_fold *f, gw_error *e);

typedef struct gw_observe_options {
    gw_interval window;
    int64_t slice_ms; /* 0 = 24 h, shortened for large fleets */
    gw_state_policy policy;
    gw_progress progress;
    void *progress_ctx;
} gw_observe_options;

/*
 * The whole of observation: reads every slice from the source into fleet and usage (both initialised by the
 * caller), then the Kubernetes objects of the source. GW_ENODATA where there is no GPU metric at all; the
 * message says what was looked for and where.
 */
int gw_observe(gw_source *source, const gw_observe_options *o, gw_fleet *fleet, gw_usage *usage, gw_error *e);

#endif
