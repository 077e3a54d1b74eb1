/*
 * The daemon: one thread that observes in turns, closes hours and judges (loop.c), and a state that others
 * ask. Everything here may be called from any thread; what may take long says so, and belongs on a worker.
 */
#ifndef GW_SERVE_DAEMON_H
#define GW_SERVE_DAEMON_H

#include "serve/config.h"
#include "serve/view.h"
#include "store/store.h"

typedef struct gw_daemon gw_daemon;

typedef enum gw_daemon_state {
    GW_DAEMON_STARTING, /* nothing has been read yet */
    GW_DAEMON_READY,
    GW_DAEMON_STALE,   /* the newest sample is too old: nothing is advised */
    GW_DAEMON_FAILING, /* the last turns failed, or the store does not take hours */
} gw_daemon_state;

const char *gw_daemon_state_name(gw_daemon_state s); /* "starting", "ready", "stale", "failing" */

#define GW_REASON_MAX  400
#define GW_REASONS_MAX 8

typedef struct gw_daemon_status {
    gw_daemon_state state;
    char reasons[GW_REASONS_MAX][GW_REASON_MAX]; /* why it is not ready: what, and what to do */
    size_t n_reasons;
    char source[GW_REASON_MAX], kubernetes[GW_REASON_MAX], store[GW_REASON_MAX]; /* "" = none */
    const char *cluster, *store_kind;
    bool source_ok, store_ok;
    bool recording; /* the source ends: words such as "today" count from the end of the window */
    int64_t now_ms;
    gw_interval window;     /* what is held: from the first hour to the newest whole 5 minutes */
    int64_t newest_ms;      /* of all samples; 0: none */
    int64_t data_age_ms;    /* now − newest; < 0: unknown. A recording does not age */
    int64_t last_closed_ms; /* end of the last closed hour; 0: none */
    uint64_t hours_closed;  /* by this process */
    uint64_t hours_waiting; /* full, and not in the store yet */
    uint64_t corrections;   /* by this process */
    uint64_t turns, turns_failed;
    int64_t turn_at_ms; /* the last one's start; 0: none */
    bool turn_ok;
    char turn_message[GW_REASON_MAX]; /* what failed; "" */
    double turn_cpu_seconds;          /* of the last one */
    double turn_cpu_total_seconds;
    int64_t first_wall_ms;        /* how long the first turn took; -1: it is not over */
    uint64_t turn_cpu_buckets[8]; /* turns under 5, 10, 20, 50, 100, 500, 2000 ms and above, not cumulated */
    uint64_t generation;
} gw_daemon_status;

extern const double gw_turn_cpu_bounds[7]; /* seconds */

/* Copies the configuration's texts; opens the store and the source, starts nothing. Errors as of the pipeline
 * and the store. */
int gw_daemon_new(const gw_serve_config *c, const gw_pipeline_env *env, gw_daemon **ret, gw_error *e);
void gw_daemon_free(gw_daemon *d); /* after stop */
int gw_daemon_start(gw_daemon *d, gw_error *e);
void gw_daemon_stop(gw_daemon *d); /* waits for the turn in progress */
/* Asks for a turn now (tests, SIGHUP: prices and policies are read anew). */
void gw_daemon_nudge(gw_daemon *d);

const gw_serve_config *gw_daemon_config(const gw_daemon *d);
void gw_daemon_status_get(gw_daemon *d, gw_daemon_status *ret);
/* Changes with each turn that found anything new; what is cached under an older one is stale. */
uint64_t gw_daemon_generation(const gw_daemon *d);

/* Begins a new generation: something that answers rest on was changed. */
void gw_daemon_renew(gw_daemon *d);

/*
 * The view of a window. {0,0}: all that is held. start is taken down and end up to the hour, and end is cut
 * to what is held. Made, or found among the last few: may take seconds. GW_EWINDOW where the window begins
 * before, or lies outside of, what is held (the message says what is held, and that /api/v1/history reaches
 * back further), GW_ENODATA before the first turn. To be released with gw_view_release. cells: also what each
 * unit did by the hour, for the map of the fleet.
 */
int gw_daemon_view(gw_daemon *d, gw_interval window, bool cells, gw_view **ret, gw_error *e);
/*
 * The plan of the whole window: v->plan under v->lock, which the caller holds. May take many seconds.
 * GW_ENODATA with the reason where the data are stale: nothing is advised on stale data.
 */
int gw_daemon_plan(gw_daemon *d, gw_view *v, gw_error *e);

/*
 * A handle to the store for the calling worker: each `slot` (0 … GW_DAEMON_STORES - 1) has one of its own,
 * opened when first asked for. GW_ECONNECT and the like: say so with 503.
 */
#define GW_DAEMON_STORES 4
int gw_daemon_store(gw_daemon *d, int slot, gw_store **ret, gw_error *e);

/* How each route of alerts fares; returns how many there are. */
size_t gw_daemon_alerts(gw_daemon *d, gw_alert_status ret[GW_ALERT_ROUTES_MAX]);

#endif
