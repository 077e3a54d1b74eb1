/*
 * The API's own parts:
 *   api.c           life, dispatch, replies
 *   api_call.c      parameters, the key of an answer, errors as JSON
 *   api_routes.c    the table of routes
 *   api_*.c         what they answer
 */
#ifndef GW_SERVE_API_INTERNAL_H
#define GW_SERVE_API_INTERNAL_H

#include "format/doc.h"
#include "serve/api.h"
#include "serve/cache.h"
#include "serve/opencost.h"

#define GW_API_PARAMS_MAX 32
#define GW_API_VALUE_MAX  4096 /* bytes of a parameter */
#define GW_API_JSON       "application/json; charset=utf-8"
#define GW_API_CSV        "text/csv; charset=utf-8"

typedef struct gw_api_call gw_api_call;

typedef enum gw_api_keep {
    GW_API_KEEP,    /* as long as the data are the same */
    GW_API_STORE,   /* and not for long: others may write to the same store */
    GW_API_FRESH,   /* the same, but never an older answer */
    GW_API_BRIEF,   /* for a second: it has figures that always change */
    GW_API_NEVER,   /* it changes something */
    GW_API_INSTANT, /* made on the server's own thread, since it takes no time; never kept */
} gw_api_keep;

typedef struct gw_route {
    const char *method;        /* "GET" is HEAD as well */
    const char *path;          /* ends in '/': what follows is call->tail */
    const char *const *params; /* that it takes, NULL-terminated */
    gw_role role;              /* that is needed */
    gw_api_keep keep;
    bool csv;         /* format=csv too */
    bool opencost;    /* also under /model; errors in OpenCost's shape */
    const char *type; /* NULL: JSON */
    /* On a worker: appends the answer. Fills call->status where it is not 200. */
    int (*make)(gw_api_call *call, gw_buf *b, gw_error *e);
} gw_route;

extern const gw_route gw_api_routes[];
extern const size_t gw_n_api_routes;

/* What is to be made; copied from the request, freed with its arena. */
struct gw_api_call {
    gw_api *api;
    gw_daemon *daemon;
    const gw_route *route;
    gw_arena arena;
    const gw_oc_param *params; /* by name */
    size_t n_params;
    const char *tail; /* of the path, decoded; "" */
    gw_str body;
    gw_auth_who who; /* who asks; of answers that are kept, who asked first */
    int worker;      /* < 0: on the server's thread */
    int status;
    bool csv;
};

struct gw_api {
    gw_api_options o;
    gw_cache *cache;
    const gw_server *server;
    /* the part of /metrics that needs sums over history, of one generation */
    pthread_mutex_t money_lock;
    gw_buf money;
    uint64_t money_generation;
    bool has_money;
};

/* ---- parameters (api_call.c) ---- */

/* The call of a request. GW_EUSAGE: a parameter that the route does not take, or twice; GW_ENOMEM. */
int gw_api_call_new(gw_api *a, const gw_route *route, const gw_server_request *q, const char *tail,
                    gw_api_call **ret, gw_error *e);
void gw_api_call_free(gw_api_call *c);
/* Path and parameters in order: what the same answer is the same for. In the call's arena; NULL: no memory.
 */
const char *gw_api_call_key(gw_api_call *c);
/* The value; NULL where it is not there, or empty. */
const char *gw_api_param(const gw_api_call *c, const char *name);
/* What "now" is for words: the clock's time, or the end of a recording. */
int64_t gw_api_now(const gw_daemon_status *s);
/* The window of `window`, or of `from` and `to`; {0,0} where none is given. GW_EUSAGE, GW_EWINDOW. */
int gw_api_window(const gw_api_call *c, gw_interval *ret, gw_error *e);
/* One of the words; *ret is its index. GW_EUSAGE lists them. Absent: 0. */
int gw_api_choice(const gw_api_call *c, const char *name, const char *const *words, size_t n, size_t *ret,
                  gw_error *e);

/* ---- errors (api_call.c) ---- */

int gw_api_status_of(int code);
const char *gw_api_code_of(int status);
/* {"error":{"code","message"}}, or OpenCost's {"code","status","data","message"}. */
void gw_api_error_write(gw_buf *b, bool opencost, int status, const char *message);

/* ---- views (api_present.c), clusters (api_clusters.c) ---- */

/* The view of the call's window. To be released. */
int gw_api_view(gw_api_call *c, bool cells, gw_view **ret, gw_error *e);

/*
 * The clusters that this daemon watches, by name: those that its source's series name, and the settings' own.
 * A store may hold others. In the call's arena; at least one.
 */
int gw_api_clusters(gw_api_call *c, const char *const **ret, size_t *ret_n, gw_error *e);
/* From the first to the last closed hour of any of the clusters; {0,0} where there is none. */
int gw_api_extent(gw_store *s, const char *const *clusters, size_t n, gw_interval *ret, gw_error *e);

/* ---- tables as CSV (api_csv.c) ---- */

typedef struct gw_csv_column {
    const char *title;
    const char *path; /* "cost.bill" in the row; "^start" in what the row lies in */
} gw_csv_column;

/*
 * JSON text → CSV: a line for each item of the array `outer` of the root, or, where `inner` is not NULL, for
 * each item of that array in each item of `outer`. Appends to b.
 */
int gw_api_csv(gw_str json, const char *outer, const char *inner, const gw_csv_column *columns, size_t n,
               gw_buf *b, gw_error *e);
/* Makes the answer of the call with `json`, and as CSV where that is asked for. */
int gw_api_table(gw_api_call *c, int (*json)(gw_api_call *c, gw_buf *b, gw_error *e), const char *outer,
                 const char *inner, const gw_csv_column *columns, size_t n, gw_buf *b, gw_error *e);

/* ---- keys of history ---- */

/*
 * What to ask the store so that keys can be named as the report names them: q, and the namespace as a last
 * dimension where q lacks it. A q of GW_MAX_BY dimensions without the namespace stays, and so do its keys.
 */
gw_query gw_api_keys_query(const gw_query *q);
/* Sums of `wide` become those of q: "" becomes GW_KEY_IDLE, GW_KEY_OVERHEAD or GW_KEY_UNALLOCATED (but for
 * the cluster), rows of equal keys become one, in the store's order. The sums' steps and total stay. */
void gw_api_keys_fold(const gw_query *q, const gw_query *wide, gw_sums *s);

/* ---- the routes' makers ---- */

int gw_api_make_report(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_plan(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_manifests(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_explain(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_prices(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_fleet(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_history(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_budgets(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_anomalies(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_spot(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_actions(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_accept(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_drop(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_allocation(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_assets(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_metrics(gw_api_call *c, gw_buf *b, gw_error *e);

int gw_api_make_status(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_healthz(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_readyz(gw_api_call *c, gw_buf *b, gw_error *e);
int gw_api_make_openapi(gw_api_call *c, gw_buf *b, gw_error *e);

/* The dashboard's file of that path; false where there is none. */
bool gw_static_reply(const gw_server_request *q, gw_reply *r);
/* Headers that every answer carries. */
void gw_api_headers(gw_reply *r);

#endif
