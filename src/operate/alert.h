/*
 * Alerts: who hears of an event (operate/event.h), once, and when.
 *
 * An alert is one matter (a dedup_key) on one route. The first event of a key opens it; the same key again is
 * a repeat, told anew only after the route's repeat interval, or at once where its severity has risen; a
 * resolved event is told once and closes it. A matter that ends before it could be told is told as ended. An
 * event that is resolved and was never open is nothing.
 *
 * Every open or untold alert is a document on a shelf (the store), written before gw_alerts_take returns and
 * after each delivery. Killed between a delivery and its mark, an alert is told twice; none is lost. A store
 * that is down keeps nobody from being told: alerts wait in memory then and are written when it is back.
 *
 * Delivery: a route sends one message at a time and groups what is due. After a failure it waits (5 s,
 * doubled up to 10 min, with jitter; longer where Retry-After says so) and then tries one message again;
 * after five failures in a row its circuit counts as open. What a receiver refuses for its content (400, 413,
 * 422) is sent apart from the others, so that one bad alert does not hold up the rest, and once an hour. What
 * could not be told in three days is dropped and counted.
 *
 * With a digest interval, alerts below critical wait for its end (whole multiples of it since 1970) and come
 * as one message. Alertmanager takes back what is not said again, so open alerts are said again every 5
 * minutes there, each valid for 20.
 *
 * Threads: all functions may be called from any thread; each takes the caller's own shelf, so that a store
 * handle stays in its thread. No lock is held while a message is on its way. gw_alerts_turn is for one thread
 * at a time.
 */
#ifndef GW_OPERATE_ALERT_H
#define GW_OPERATE_ALERT_H

#include "base/time.h"
#include "net/mail.h"
#include "operate/event.h"

/* ---- configuration ------------------------------------------------------------------------------------- */

typedef enum gw_alert_type {
    GW_ALERT_ALERTMANAGER,
    GW_ALERT_SLACK,
    GW_ALERT_WEBHOOK,
    GW_ALERT_PAGERDUTY,
    GW_ALERT_EMAIL,
    GW_N_ALERT_TYPES,
} gw_alert_type;

/* "alertmanager", "slack", "webhook", "pagerduty", "email" */
const char *gw_alert_type_name(gw_alert_type t);
/* GW_N_ALERT_TYPES where there is no such word. */
gw_alert_type gw_alert_type_find(gw_str name);

#define GW_ALERT_ROUTES_MAX    16
#define GW_ALERT_ROUTE_ENTRIES 4096 /* open and untold alerts of one route */
#define GW_ALERT_KINDS_MAX     32
#define GW_ALERT_NAME_MAX      63
#define GW_ALERT_REPEAT_MS     GW_DAY_MS
#define GW_ALERT_KEEP_MS       (3 * GW_DAY_MS)  /* an untold alert */
#define GW_ALERT_FORGET_MS     (90 * GW_DAY_MS) /* a told one that nobody speaks of any more */

typedef struct gw_alert_route {
    const char *name; /* letters, digits, '-', '_'; NULL: its type, and from the second of a type "slack-2" */
    gw_alert_type type;
    /*
     * alertmanager "http://host:9093"; webhook any URL; slack the incoming webhook's URL, or NULL where the
     * secret is the URL; pagerduty NULL (or another region's "https://events.eu.pagerduty.com"); email
     * "smtp://host:587" or "smtps://host:465"
     */
    const char *url;
    /*
     * Where the secret is: a file (its first line; read again for each message, so that it may be changed) or
     * an environment variable. alertmanager: bearer token, or password where there is a user name. slack: the
     * URL. webhook: the key of the signature. pagerduty: the integration's routing key. email: password.
     * Never both; never logged.
     */
    const char *secret_file, *secret_env;
    gw_event_severity minimum;   /* less severe events do not go here */
    const char *const *kinds;    /* NULL-terminated; "budget-*" for all that begin so; NULL: every kind */
    int64_t digest_ms;           /* 0: at once */
    int64_t repeat_ms;           /* 0: GW_ALERT_REPEAT_MS */
    const char *ca_file, *proxy; /* as in net/http.h; NULL */
    bool insecure;
    const char *username;  /* alertmanager, email */
    const char *from;      /* email: "gpuwise@example.org" or "Name <gpuwise@example.org>" */
    const char *const *to; /* email: NULL-terminated */
    gw_mail_tls tls;       /* email */
} gw_alert_route;

typedef struct gw_alert_config {
    const gw_alert_route *routes;
    size_t n_routes;
    const char *cluster;      /* named in every message; NULL: "default" */
    const char *external_url; /* of the dashboard, for links; NULL: no links */
    int64_t timeout_ms;       /* of a message; 0: 10 s */
} gw_alert_config;

/* Whether all of it makes sense: GW_ECONFIG with the route, what is wrong, and what to write. Opens no file
 * and connects to nothing. */
int gw_alert_config_check(const gw_alert_config *c, gw_error *e);

/* The name of route i, given or made. Returns out. */
const char *gw_alert_route_name(const gw_alert_config *c, size_t i, char out[GW_ALERT_NAME_MAX + 1]);

/* ---- the shelf ----------------------------------------------------------------------------------------- */

/* Where alerts are kept: documents by id. */
typedef struct gw_alert_shelf {
    void *ctx;
    int (*put)(void *ctx, const char *id, gw_str body, gw_error *e); /* adds or replaces */
    int (*drop)(void *ctx, const char *id, gw_error *e);             /* what is not there is no error */
    /* Calls fn for each document whose id starts with the prefix; non-zero from it stops. */
    int (*each)(void *ctx, const char *prefix,
                int (*fn)(void *fn_ctx, const char *id, gw_str body, gw_error *e), void *fn_ctx, gw_error *e);
} gw_alert_shelf;

/* ---- the engine ---------------------------------------------------------------------------------------- */

/* One alert as a transport is given it. */
typedef struct gw_alert {
    const gw_event *event;  /* the newest word; `severity` of a resolved one is that of the alert it ends */
    int64_t opened_ms;      /* at_ms of the first event */
    int64_t valid_until_ms; /* for receivers that want one; of resolved ones at_ms */
} gw_alert;

typedef struct gw_alert_reply {
    int64_t retry_after_ms; /* the receiver asked for this much patience; 0: it did not */
    bool refused;           /* the content is what it does not take */
} gw_alert_reply;

/* Delivers n alerts (dearest first: severest, then oldest) of route i as one message. 0 or an error, whose
 * message must hold no secret. */
typedef int (*gw_alert_send)(void *ctx, size_t route, const gw_alert *alerts, size_t n, int64_t now_ms,
                             gw_alert_reply *reply, gw_error *e);

typedef struct gw_alert_options {
    gw_alert_config config; /* copied */
    gw_alert_send send;     /* gw_deliver_send */
    void *send_ctx;
    gw_clock clock; /* wall clock; NULL: the system's */
    void *clock_ctx;
    uint64_t seed; /* of the jitter */
} gw_alert_options;

typedef struct gw_alerts gw_alerts;

/* Checks and copies the configuration. What is on the shelf is read by the first take or turn that can. */
int gw_alerts_new(const gw_alert_options *o, gw_alerts **ret, gw_error *e);
void gw_alerts_free(gw_alerts *a);

/*
 * Takes events in and writes down who is to hear of them. Where the shelf fails, its error is returned, and
 * the alerts are in memory all the same. GW_ENOMEM: some were not taken; the same list may be given again.
 */
int gw_alerts_take(gw_alerts *a, const gw_alert_shelf *shelf, const gw_event *events, size_t n, gw_error *e);

/* Sends what is due: at most one message a route, and more only to Alertmanager and webhooks, which take
 * alerts by the hundred. Failures of receivers are in the status; returned are those of the shelf. */
int gw_alerts_turn(gw_alerts *a, const gw_alert_shelf *shelf, gw_error *e);

/* When the next turn has something to do; INT64_MAX: when there are new events. */
int64_t gw_alerts_due(gw_alerts *a);

typedef enum gw_alert_health {
    GW_ALERT_OK,       /* the last message went through, or there was none yet */
    GW_ALERT_RETRYING, /* the last one did not */
    GW_ALERT_OPEN,     /* five in a row did not: the circuit is open */
} gw_alert_health;

const char *gw_alert_health_name(gw_alert_health h); /* "ok", "retrying", "open" */

#define GW_ALERT_WHY_MAX 256

typedef struct gw_alert_status {
    char name[GW_ALERT_NAME_MAX + 1];
    gw_alert_type type;
    gw_alert_health health;
    /* since the start: alerts told, messages that failed, alerts given up or without room */
    uint64_t sent, failed, dropped;
    size_t queued, open;        /* untold; told and not resolved */
    size_t unsaved;             /* of them, changes that the shelf has not taken yet */
    int64_t oldest_queued_ms;   /* 0: none is queued */
    int64_t last_sent_ms;       /* 0: none since the start */
    int64_t next_try_ms;        /* while it waits after a failure; else 0 */
    char why[GW_ALERT_WHY_MAX]; /* of the last failure while health is not ok; else "" */
} gw_alert_status;

/* Fills ret[GW_ALERT_ROUTES_MAX]; returns the number of routes. */
size_t gw_alerts_status(gw_alerts *a, gw_alert_status ret[GW_ALERT_ROUTES_MAX]);

#endif
