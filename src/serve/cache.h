/*
 * Answers kept ready, and the workers that make them. The threads that serve HTTP never compute: what is
 * ready they send, what is not they leave to a worker and hear of it when it is done.
 *
 * An answer is made for a key (a route with its parameters in order) and a generation of the data. One making
 * at a time for a key: who asks meanwhile waits for the same bytes. For a few seconds after a newer
 * generation has come the old answer is still given, while the new one is being made: a turn of the daemon is
 * not to stop everybody at once.
 *
 * Bounded: bytes and entries (the least recently used goes first), makings that wait, and askers that wait
 * for one making. Beyond the last two the answer is GW_CACHE_FULL: come back later. Every function may be
 * called from any thread.
 */
#ifndef GW_SERVE_CACHE_H
#define GW_SERVE_CACHE_H

#include "base/buf.h"
#include "base/time.h"
#include "net/shared.h"

#define GW_CACHE_BYTES      ((size_t)128 << 20)
#define GW_CACHE_ENTRIES    4096
#define GW_CACHE_QUEUE      64   /* makings that wait for a worker */
#define GW_CACHE_WAITERS    4096 /* askers that wait for one making */
#define GW_CACHE_WORKERS    2
#define GW_CACHE_WORKER_MAX 8
#define GW_CACHE_LINGER_MS  (10 * GW_SECOND_MS) /* an answer that was overtaken */

/* ---- an answer ----------------------------------------------------------------------------------------- */

#define GW_ETAG_MAX   48
#define GW_GZIP_LEAST 1024                /* bytes below which packing does not pay */
#define GW_BLOB_MAX   ((size_t)256 << 20) /* of one answer */

/* Immutable; counted references. */
typedef struct gw_blob {
    int status;
    const char *type;        /* Content-Type; static text */
    char etag[GW_ETAG_MAX];  /* a hash of the plain bytes, with quotes */
    gw_shared *plain, *gzip; /* gzip NULL: not packed */
    size_t bytes;            /* of both */
    struct gw_blob_count *count;
} gw_blob;

/* Takes the buffer's bytes (it is empty afterwards, also on failure). GW_ENOMEM, or the buffer's failure. */
int gw_blob_new(int status, const char *type, gw_buf *take, gw_blob **ret, gw_error *e);
gw_blob *gw_blob_hold(gw_blob *b);
void gw_blob_release(gw_blob *b); /* NULL is fine */
/* The tag of one of the two forms: the packed one's ends in -gzip". Returns out. */
const char *gw_blob_etag(const gw_blob *b, bool packed, char out[GW_ETAG_MAX]);
/* Whether an If-None-Match header names the tag in either form, or is "*" (weak comparison, RFC
 * 9110, 13.1.2). NULL: there is no such header. */
bool gw_etag_matches(const char *if_none_match, const char *etag);

/* ---- making and asking --------------------------------------------------------------------------------- */

typedef struct gw_cache gw_cache;

typedef struct gw_maker {
    void *ctx;
    /* On a worker (0 … workers − 1). Errors are answers too; NULL for want of memory. */
    gw_blob *(*make)(void *ctx, int worker);
    void (*drop)(void *ctx); /* once, whatever happened; may be NULL */
} gw_maker;

typedef struct gw_waiter {
    void *ctx;
    /* On a worker, once, and only where gw_cache_ask said GW_CACHE_WAIT. The blob is the cache's: hold it to
     * keep it. NULL: no memory, or the cache is being closed. */
    void (*done)(void *ctx, gw_blob *blob);
} gw_waiter;

typedef struct gw_cache_how {
    uint64_t generation;
    bool fresh;         /* an answer that is not good any more will not do, not even while one is made */
    int64_t expires_ms; /* an answer is good for so long within a generation; 0: for as long as that */
} gw_cache_how;

typedef enum gw_cache_answer {
    GW_CACHE_HIT,  /* *ret is held for the caller; the maker was not needed, or works for the next asker */
    GW_CACHE_WAIT, /* the waiter will be told */
    GW_CACHE_FULL, /* too much waits already, or no memory */
} gw_cache_answer;

typedef struct gw_cache_options {
    size_t bytes, entries, queue; /* 0: the bounds above */
    int workers;                  /* 0: GW_CACHE_WORKERS */
    int64_t linger_ms;            /* 0: GW_CACHE_LINGER_MS */
    gw_clock clock;               /* monotonic; NULL: the system's */
    void *clock_ctx;
} gw_cache_options;

/* Starts the workers. GW_ENOMEM, GW_ELIMIT where no thread can be had. */
int gw_cache_new(const gw_cache_options *o, gw_cache **ret, gw_error *e);
/* Ends the makings under way, tells those who wait (NULL), frees everything. Nobody may ask any more. */
void gw_cache_free(gw_cache *c);

/* An answer for the key. maker.free is called in every case. key NULL: nothing is kept and nobody shares it
 * (what changes something, or answers one person). Answers with a status of 500 and above are never kept. */
gw_cache_answer gw_cache_ask(gw_cache *c, const char *key, const gw_cache_how *how, gw_maker maker,
                             gw_waiter waiter, gw_blob **ret);
/* The answer for the key where it is ready and not overtaken, held for the caller; else NULL. */
gw_blob *gw_cache_get(gw_cache *c, const char *key, const gw_cache_how *how);
/* Forgets the keys that begin so, those in the making included: they have become wrong. */
void gw_cache_forget(gw_cache *c, const char *prefix);

typedef struct gw_cache_stats {
    size_t entries, bytes, queued;
    uint64_t hits, stale_hits, misses, shared, full, evicted;
} gw_cache_stats;

void gw_cache_stats_get(gw_cache *c, gw_cache_stats *ret);

#endif
