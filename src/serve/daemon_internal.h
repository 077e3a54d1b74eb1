/*
 * The daemon's own parts, shared by its files and nobody else:
 *   daemon.c   life cycle, status, stores
 *   money.c    budgets, anomalies, followed actions, alerts
 *   loop.c     one turn: read, judge, close hours, look at the money
 *   books.c    which hours are in the store, and which are to be put there (again)
 *   views.c    a window → a finished pipeline; the last few are kept
 *
 * Locks, in the order in which they may be taken: `observed` (the watch and what is made from it), `state`
 * (everything that is small and read often). A view's own lock is taken with neither held.
 */
#ifndef GW_SERVE_DAEMON_INTERNAL_H
#define GW_SERVE_DAEMON_INTERNAL_H

#include "observe/watch.h"
#include "operate/anomaly_watch.h"
#include "operate/deliver.h"
#include "serve/daemon.h"

#define GW_SETTLE_MS          (2 * GW_MINUTE_MS)  /* what is younger may still lack a scrape */
#define GW_CLOSE_MS           (10 * GW_MINUTE_MS) /* after its end an hour waits so long for late samples */
#define GW_STALE_MS           (15 * GW_MINUTE_MS) /* without a sample for so long, data are stale */
#define GW_OBJECTS_MS         (5 * GW_MINUTE_MS)  /* between two lists of Kubernetes objects */
#define GW_CLUSTERS_MAX       256                 /* that one source names */
#define GW_VIEWS_MAX          8
#define GW_TURN_MS            GW_MINUTE_MS
#define GW_TRIM_MS            GW_HOUR_MS
#define GW_PRICES_RETIRED_MAX 256
#define GW_READ_STEP_MS       GW_DAY_MS          /* read at once while catching up */
#define GW_JUMP_MS            (2 * GW_MINUTE_MS) /* clocks that differ by more have jumped */

/* An hour as the store has it. */
typedef struct gw_booked {
    int64_t start_ms;
    uint64_t revision; /* of the watch's hour when it was put; 0: put by an earlier process */
    uint64_t prices;   /* the price list's number then */
} gw_booked;

struct gw_daemon {
    const gw_serve_config *config;
    gw_pipeline_env env;
    gw_pipeline base; /* source, Kubernetes and prices; nothing is observed into it */
    gw_source kube;   /* base.kube as a source of objects */
    gw_watch *watch;
    gw_interval span; /* what the watch is to hold; end INT64_MAX: goes on */
    bool recording;   /* the source ends: its data do not age */
    int64_t skew_ms;  /* what --as-of adds to the clock */

    pthread_mutex_t observed;
    pthread_mutex_t state;
    pthread_cond_t wake;
    pthread_t thread;
    bool started, stopping, nudged;
    bool told_something; /* under `state`: the teller has news */

    /* the loop's own */
    gw_store *store;
    int64_t objects_ms, trim_ms; /* when they were last listed, trimmed */
    gw_booked *booked;
    size_t n_booked, cap_booked;
    bool catching_up;       /* there is more to be read at once */
    bool same_start;        /* an earlier process observed from the same time on */
    uint64_t booked_prices; /* number of the price list that hours were last put with */
    bool booked_known;      /* what earlier processes put has been asked for */
    uint64_t prices;        /* number of the price list, from 1 */
    bool prices_again;      /* SIGHUP: to be read anew */
    gw_price_list *retired[GW_PRICES_RETIRED_MAX]; /* views may still point into them */
    size_t n_retired;
    int64_t last_ms, last_mono_ms; /* the last turn's time, by both clocks; 0: none */
    int64_t read_ms;               /* up to when the source has been read */
    int64_t judged_ms;             /* up to when it has been judged; 0: never */
    gw_error price_error;          /* why the price list is the old one */
    gw_alerts *alerts;             /* NULL: nobody is to hear of anything */
    gw_deliver *deliver;
    gw_anomaly_watch *anomalies;
    pthread_t teller;
    bool telling;
    /* The first state is told whatever it is: an earlier process may have told of another. */
    bool told_state, told_bad;
    bool plan_due;  /* ... and the plan in the store is older */
    bool money_due; /* hours were put, and not judged yet */
    char kube_failure[GW_REASON_MAX];

    /* under `state` */
    gw_daemon_status status;
    int64_t jump_ms; /* what the clock was off by at the last turn */
    uint64_t generation;
    gw_view *views[GW_VIEWS_MAX];
    gw_interval asked[GW_VIEWS_MAX]; /* the window that each was asked for with */
    uint64_t used[GW_VIEWS_MAX], ticks;
    gw_store *stores[GW_DAEMON_STORES];
};

/* loop.c */
void *gw_daemon_loop(void *daemon);
/* One turn, on the loop's thread (or before it is started). */
void gw_daemon_turn(gw_daemon *d);

/* books.c: puts every hour that is full, and not in the store as it is now. *ret_new: hours that were not
 * there. On failure what is left waits for the next turn. */
int gw_daemon_close_hours(gw_daemon *d, int64_t now_ms, uint64_t *ret_new, gw_error *e);
/* What is no longer watched need not be known. */
void gw_daemon_forget_hours(gw_daemon *d, int64_t before_ms);
/* Hours that are full and not in the store. */
uint64_t gw_daemon_hours_waiting(const gw_daemon *d, int64_t now_ms);

/* views.c */
void gw_daemon_drop_views(gw_daemon *d);

/* money.c: budgets, anomalies, followed actions and events. new_hours: since the last call hours were put. */
int gw_daemon_judge_money(gw_daemon *d, int64_t now_ms, bool new_hours, gw_error *e);
/* The plan as a document, where hours were closed since the last one. After a state is published that advice
 * may rest on; a plan that cannot be made is told by /api/v1/plan. */
void gw_daemon_renew_plan(gw_daemon *d);
/* Tells of a state that has become bad, or well again; also while the store is down. */
void gw_daemon_say_state(gw_daemon *d, int64_t now_ms);
int gw_daemon_open_money(gw_daemon *d, gw_error *e);
int gw_daemon_start_telling(gw_daemon *d, gw_error *e);
void gw_daemon_stop_telling(gw_daemon *d); /* after `stopping` was said */
void gw_daemon_free_money(gw_daemon *d);

#endif
