/*
 * Anomalies of the books: a detector (operate/anomaly.h) for the cost of each cluster, of each team and of
 * each namespace of a cluster, and for the utilisation of each (used time of the allocated time that was
 * measured), fed with the store's closed hours.
 *
 * An anomaly opens at the hour that its detector tells of, and is measured from there: each hour adds the
 * dollars it cost less those expected; of utilisation (of which only a fall counts), the share it fell short
 * of what was expected times what the hour cost. It closes when two hours in a row lie in the expected range
 * again, be it that the value came back or that the new level has become what is expected (about a day and a
 * half), at the latest after GW_ANOMALY_OPEN_MAX_MS. An event is made once the impact, either way, comes to
 * the minimum. What never gets that far leaves no document.
 *
 * What moves a total, a team and a namespace at once is an anomaly of each; their events say so by their
 * scope, and the total's explanation names the teams. Explanations compare the first hour with the mean of
 * the 24 hours before, in dollars an hour (of utilisation: of waste), rounded down row by row; their sums are
 * exact.
 *
 * Hours that are not in the store are unknown to the detectors, never 0; an hour most of whose GPU time has
 * no price is of unknown cost. A group that is not in a closed hour cost 0 in it.
 */
#ifndef GW_OPERATE_ANOMALY_WATCH_H
#define GW_OPERATE_ANOMALY_WATCH_H

#include "format/doc.h"
#include "operate/anomaly.h"
#include "operate/event.h"
#include "store/store.h"

#define GW_ANOMALY_MINIMUM     (50 * GW_USD)
#define GW_ANOMALY_SERIES_MAX  512 /* as they come up; later ones wait for room. 130 KB each */
#define GW_ANOMALY_OPEN_MAX_MS (3 * GW_DAY_MS)
#define GW_ANOMALY_EXPLAIN_MAX 6

typedef struct gw_anomaly_watch gw_anomaly_watch;

typedef struct gw_anomaly_watch_options {
    gw_micro minimum; /* 0 = GW_ANOMALY_MINIMUM */
    double tail;      /* 0 = GW_ANOMALY_TAIL */
} gw_anomaly_watch_options;

int gw_anomaly_watch_new(const gw_anomaly_watch_options *o, gw_anomaly_watch **ret, gw_error *e);
void gw_anomaly_watch_free(gw_anomaly_watch *w);

/*
 * Judges the hours that were closed since the last call, in order, and adds events. The first call of a
 * process learns from the hours that are there (at most twelve weeks, so a restart goes on as if there had
 * been none) and tells only of those that no earlier process has judged. What was judged, what is open and
 * what was told are in the store: ("detector", "anomaly"), and one ("anomaly", id) for each anomaly. An hour
 * that is corrected later is not judged again. On failure the next call goes on where this one stopped.
 */
int gw_anomaly_watch_turn(gw_anomaly_watch *w, gw_store *s, int64_t now_ms, gw_events *events, gw_error *e);

/* The document of GET /api/v1/anomalies: {"anomalies": [...]}, newest first, of those that overlap the window
 * ({0,0}: all). Needs the store alone. */
int gw_anomaly_watch_write(gw_store *s, gw_interval window, gw_doc *d, gw_error *e);

#endif
