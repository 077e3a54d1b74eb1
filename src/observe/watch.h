/*
 * The watch: observation that goes on. A daemon's fold, which reads what is new and has sums by the hour
 * (UTC) whose merge over the whole time is what gw_observe gives for it. docs/internals/watch.md explains it.
 *
 * Time is cut into slices as gw_observe cuts it: 24 h each from the start on, on the 5-minute grid. The
 * series of the open slice are kept as windows (not samples); those of closed slices are sums by the hour.
 * What is said of an open slice may change with every further sample, and what is said of a closed one with
 * what turns out later: a GPU that nobody reported for a night was held by the pod that has it next morning.
 * So an hour has a revision.
 *
 * A turn of the daemon:
 *
 *     gw_watch_read(w, source, now, e)          what is new; a failure leaves the watch usable
 *     gw_watch_objects(w, source, e)            now and then: what Kubernetes says exists
 *     gw_watch_judge(w, until, e)               series → fleet and hours
 *     gw_fleet_clone(&fleet, gw_watch_fleet(w), e)      what of it is handed to others, with
 *     gw_watch_merge(w, window, &fleet, &usage, e)      each window that somebody asks for
 *
 * Not thread-safe: one thread owns it, or a lock. Times are ms UTC.
 */
#ifndef GW_OBSERVE_WATCH_H
#define GW_OBSERVE_WATCH_H

#include "fleet/usage.h"
#include "observe/source.h"

#define GW_WATCH_LATE_MS   (15 * GW_MINUTE_MS) /* samples may come so late, by default */
#define GW_WATCH_HOURS_MAX 8784                /* hours held at once: a year */

typedef struct gw_watch gw_watch;

typedef struct gw_watch_options {
    int64_t start_ms;
    int64_t end_ms;   /* INT64_MAX: goes on for ever */
    int64_t late_ms;  /* 0 = GW_WATCH_LATE_MS; less than 5 minutes is 5 minutes */
    int64_t slice_ms; /* 0 = 24 h; halved where a slice would need too much memory */
    gw_state_policy policy;
    gw_progress progress; /* while much is read at once; may be NULL */
    void *progress_ctx;
} gw_watch_options;

/* GW_EUSAGE for times that are none, GW_ENOMEM. */
int gw_watch_new(const gw_watch_options *o, gw_watch **ret, gw_error *e);
void gw_watch_free(gw_watch *w);

/*
 * Reads from the source what is new up to now: from the newest sample less late_ms, to now + 5 minutes, in
 * reads that do not cross a slice's end; slices that are over (their end + 5 minutes + late_ms is past) are
 * closed. A series drops what it has already, so that reading again does no harm.
 *
 * Where the source fails (its code is returned) the watch keeps what it has got so far and goes on from there
 * next time. GW_ELIMIT where even an hour of samples needs more memory than the fold allows (the message says
 * what to do). After a GW_ENOMEM while a slice is being closed the watch is broken: every further call
 * gives GW_EINTERNAL, and only gw_watch_free is of use.
 */
int gw_watch_read(gw_watch *w, gw_source *source, int64_t now_ms, gw_error *e);

/*
 * Puts what the source's Kubernetes says exists now into the fleet. What it no longer lists is no longer
 * in_api, and stays in the fleet. After a failure in_api is what it was. To be judged anew after it.
 */
int gw_watch_objects(gw_watch *w, gw_source *source, gw_error *e);

/*
 * Makes fleet and hours of all that was read, up to until_ms (cut down to the 5-minute grid, and to the
 * watch's end; never back before the open slice's start). Changes nothing of what was read, so that it may be
 * called after any turn, or not at all. On failure the last judgement stands.
 */
int gw_watch_judge(gw_watch *w, int64_t until_ms, gw_error *e);

/*
 * Everything below is as of the last judgement: empty before the first one. A read that closes a slice, and a
 * trim, repeat it up to the same time; where that fails for want of memory all is empty until the next one.
 */

/* Lives until the next gw_watch_judge, gw_watch_read or gw_watch_trim; gw_fleet_clone makes a copy that
 * outlives it. */
const gw_fleet *gw_watch_fleet(const gw_watch *w);
/* Up to when hours are judged. start_ms: nothing is. */
int64_t gw_watch_judged(const gw_watch *w);

typedef struct gw_watch_hour {
    gw_interval when;  /* cut by the watch's start, and by what is judged */
    bool complete;     /* judged to its end */
    bool closed;       /* of a closed slice: only what turns out later changes it */
    uint64_t revision; /* number of the judgement that changed it last, from 1 */
} gw_watch_hour;

/* Hours from the first that is kept to the last that is judged, without gaps, ascending. */
size_t gw_watch_hours(const gw_watch *w);
gw_watch_hour gw_watch_hour_at(const gw_watch *w, size_t i);

/*
 * The usage of a window of hours: one that begins or ends within an hour is widened to whole hours, and
 * cut to what is held and judged (ret->window says what came out; GW_ENODATA where nothing is left). window,
 * observed, heat map, node_ms and unknowns are as gw_observe would have them; what containers used
 * (right-sizing) is of the watch's whole time, in which the past fades.
 *
 * fleet: a clone of gw_watch_fleet (gw_fleet_clone) since the last judgement, in which the texts of ret are
 * interned; several merges may share it. ret needs nothing of the watch then, and is as good as what
 * gw_observe leaves: price it, book it, free it with gw_usage_free. GW_ENOMEM; *ret is untouched on failure.
 */
int gw_watch_merge(const gw_watch *w, gw_interval when, gw_fleet *fleet, gw_usage *ret, gw_error *e);

/* Time of the newest sample that was read; INT64_MIN before the first one. For staleness. */
int64_t gw_watch_newest(const gw_watch *w);
/* Samples read so far, repeated ones not counted. */
uint64_t gw_watch_samples(const gw_watch *w);

/* Forgets the hours of closed slices that end at or before before_ms. */
void gw_watch_trim(gw_watch *w, int64_t before_ms);

#endif
