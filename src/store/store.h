/*
 * History: closed hours, day sums, what was corrected and why, and small documents (budgets' states, alerts,
 * accepted actions). One interface over SQLite (embedded; one file, WAL) and PostgreSQL (shared by clusters
 * and replicas).
 *
 * An hour is put as a whole, in one transaction: its page of leaves, its group rows, the day rows they are
 * part of, and, where the hour was closed before with other numbers, one line in the trail of corrections for
 * each group that changed. Killed at any moment, the store has the hour or has it not.
 *
 * A handle is for one thread; open one for each. Handles of several processes and machines may write to one
 * PostgreSQL: an hour of a cluster that two replicas put at a time is kept once.
 *
 * Errors: GW_ECONNECT the database cannot be reached (try again) · GW_EIO disk full or unreadable ·
 * GW_ECORRUPT a file that is no database, or a damaged page · GW_ECONFIG a URL that is none, a schema newer
 * than this program · GW_EAUTH user or password · GW_ETIMEOUT locked by another, or silent, for too long ·
 * GW_ENOMEM · GW_ELIMIT, also where a sum of money is beyond 64 bits. Messages name the store without its
 * password. After any of them a handle can be used on; a lost connection is made again by the next call.
 */
#ifndef GW_STORE_STORE_H
#define GW_STORE_STORE_H

#include "base/buf.h"
#include "base/time.h"
#include "store/hour.h"

typedef struct gw_store gw_store;

typedef struct gw_store_options {
    const char *url; /* "sqlite:FILE", "sqlite::memory:", "postgres://user@host/db?…" or "postgresql://…" */
    bool read_only;     /* for those who only ask; the schema must be there */
    int64_t timeout_ms; /* of a statement, and of waiting for a lock; 0 = 10 s */
    gw_clock clock;     /* of the trail; NULL = the system's */
    void *clock_ctx;
} gw_store_options;

/* Connects, makes or migrates the schema (unless read_only). */
int gw_store_open(const gw_store_options *o, gw_store **ret, gw_error *e);
void gw_store_free(gw_store *s);
/* "SQLite gpuwise.db", "PostgreSQL db at host": no secrets. */
const char *gw_store_describe(const gw_store *s);
const char *gw_store_kind(const gw_store *s); /* "sqlite", "postgres" */
/* Whether it answers and takes writes: a cheap statement. Reconnects where that helps. */
int gw_store_ping(gw_store *s, gw_error *e);

/* ---- hours --------------------------------------------------------------------------------------------- */

typedef enum gw_put_result {
    GW_PUT_NEW,
    GW_PUT_SAME,      /* was there with the same numbers: nothing written */
    GW_PUT_CORRECTED, /* was there with others: replaced, and the trail says what changed */
} gw_put_result;

/*
 * reason: for the trail, "late samples", "prices changed"; NULL: not an expected correction ("read again").
 * The order of the leaves does not matter. h->total is not looked at: the store sums itself.
 *
 * GW_EUSAGE for an hour that is none: not on the hour, a leaf whose bill is not the sum of its parts, a
 * number below 0 that is not GW_UNKNOWN_COUNT (or GW_MICRO_UNKNOWN, which is kept as the former in exports).
 * GW_EWINDOW where it would correct an hour whose rows retention has dropped. Where only details of leaves
 * changed (another GPU, another pod of the workload), the hour is corrected and the trail has no line.
 */
int gw_store_put_hour(gw_store *s, const gw_hour *h, const char *reason, gw_put_result *ret, gw_error *e);
/* First and last closed hours of a cluster; {0,0} where there are none. end_ms is the end of the last one. */
int gw_store_extent(gw_store *s, const char *cluster, gw_interval *ret, gw_error *e);
/* The starts of the closed hours of a cluster within the interval, ascending; in the arena. */
int gw_store_closed(gw_store *s, const char *cluster, gw_interval when, gw_arena *arena, int64_t **ret,
                    size_t *ret_n, gw_error *e);
/* Names of clusters, ascending; in the arena. */
int gw_store_clusters(gw_store *s, gw_arena *arena, const char ***ret, size_t *ret_n, gw_error *e);
/* Pages, in order of (start, cluster's name); cluster NULL: all. each() may use the store. The hour given to
 * each() lives until it returns; non-zero from it stops and is returned. */
int gw_store_pages(gw_store *s, const char *cluster, gw_interval when,
                   int (*each)(void *ctx, const gw_hour *h, gw_error *e), void *ctx, gw_error *e);

/* ---- sums ---------------------------------------------------------------------------------------------- */

typedef enum gw_step {
    GW_STEP_NONE, /* all of it in one */
    GW_STEP_HOUR,
    GW_STEP_DAY,
    GW_STEP_WEEK,  /* from Monday, UTC */
    GW_STEP_MONTH, /* calendar, UTC */
} gw_step;

#define GW_QUERY_WHERE_MAX 8
#define GW_QUERY_ROWS_MAX  1000000

typedef struct gw_query {
    gw_interval when; /* cut to whole hours */
    gw_step step;
    gw_dim by[GW_MAX_BY]; /* below GW_N_DIMS */
    size_t n_by;
    struct {
        gw_dim dim;
        const char *value;
    } where[GW_QUERY_WHERE_MAX]; /* all of them */
    size_t n_where;
} gw_query;

typedef struct gw_sum {
    int64_t step_ms; /* start of the step */
    const char *key[GW_MAX_BY];
    gw_measures m;
    uint32_t hours; /* distinct hours within the step that the sum is of */
} gw_sum;

typedef struct gw_sums {
    gw_sum *rows; /* by step, then by bill, dearest first, then by key */
    size_t n;
    gw_arena arena;
} gw_sums;

/* Whole days that lie in the interval come from day rows, the rest from hour rows. GW_ELIMIT beyond
 * GW_QUERY_ROWS_MAX: ask for a longer step or fewer keys. *ret is initialised by this. */
int gw_store_sum(gw_store *s, const gw_query *q, gw_sums *ret, gw_error *e);
void gw_sums_free(gw_sums *s);

/* ---- the trail ----------------------------------------------------------------------------------------- */

typedef struct gw_correction {
    int64_t at_ms;   /* when it was corrected */
    int64_t hour_ms; /* the hour that it is about */
    const char *cluster, *ns, *workload, *reason;
    gw_measures before, after; /* of that (namespace, workload) */
} gw_correction;

#define GW_CORRECTIONS_MAX 10000
/* Newest first, at most `limit` (<= GW_CORRECTIONS_MAX); in the arena. cluster NULL: all. */
int gw_store_corrections(gw_store *s, const char *cluster, gw_interval hours, size_t limit, gw_arena *arena,
                         gw_correction **ret, size_t *ret_n, gw_error *e);

/* ---- documents ----------------------------------------------------------------------------------------- */

#define GW_DOCUMENT_BYTES_MAX ((size_t)4 << 20)
#define GW_DOCUMENTS_MAX      100000

typedef struct gw_document {
    const char *kind, *id; /* ("action", "release-node/…"), ("alert", …), ("anomaly", …), ("budget", …) */
    int64_t updated_ms;
    gw_str body; /* JSON */
} gw_document;

/* Adds or replaces. */
int gw_store_document_put(gw_store *s, const char *kind, const char *id, gw_str body, gw_error *e);
/* Adds only where there is none of that id: *ret_added false otherwise. */
int gw_store_document_add(gw_store *s, const char *kind, const char *id, gw_str body, bool *ret_added,
                          gw_error *e);
/* GW_ENOTFOUND where there is none. */
int gw_store_document_get(gw_store *s, const char *kind, const char *id, gw_arena *arena, gw_document *ret,
                          gw_error *e);
int gw_store_document_delete(gw_store *s, const char *kind, const char *id, bool *ret_deleted, gw_error *e);
/* All of one kind by id; in the arena. */
int gw_store_documents(gw_store *s, const char *kind, gw_arena *arena, gw_document **ret, size_t *ret_n,
                       gw_error *e);

/* ---- keeping and carrying ------------------------------------------------------------------------------ */

typedef struct gw_retention {
    int detail_days, hour_days, day_days; /* 0 = for ever. Pages; hour rows; day rows */
} gw_retention;

/*
 * Deletes what is older, in whole days of UTC, and a day of it a transaction. *ret_n: pages and blocks of
 * hour and day rows gone. An hour without its page is still closed; with its day row it is forgotten, and its
 * trail, too. Day rows are kept at least as long as hour rows, and for ever where those are.
 */
int gw_store_trim(gw_store *s, const gw_retention *r, int64_t now_ms, uint64_t *ret_n, gw_error *e);

/*
 * Backup: everything as lines of JSON (version first, then hours, days, trail, documents), one transaction's
 * view of it. Import puts it into an empty store or beside what is there; an hour that is there already with
 * other numbers is GW_EUSAGE unless `replace`.
 */
int gw_store_export(gw_store *s, int (*write)(void *ctx, const char *p, size_t n, gw_error *e), void *ctx,
                    gw_error *e);
int gw_store_import(gw_store *s, int (*read_line)(void *ctx, gw_str *ret_line, gw_error *e), void *ctx,
                    bool replace, gw_error *e);

#endif
