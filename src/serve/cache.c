#include "serve/cache.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"

#define BUCKETS        4096 /* a power of two */
#define ENTRY_OVERHEAD 256  /* bytes that an entry costs beside its blob and key */
#define SEEN           16   /* generations of which the cache knows when they came */

typedef struct job job;

typedef struct entry {
    struct entry *chain;         /* of its bucket */
    struct entry *newer, *older; /* in order of use */
    char *key;
    uint64_t hash;
    gw_blob *blob; /* NULL while it is made for the first time */
    uint64_t generation;
    int64_t made_ms;
    job *making; /* NULL: nobody makes it */
} entry;

struct job {
    job *next;
    entry *entry; /* NULL: nothing is kept */
    gw_maker maker;
    uint64_t generation;
    gw_waiter *waiters;
    size_t n_waiters, cap_waiters;
};

struct gw_cache {
    gw_cache_options o;
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t threads[GW_CACHE_WORKER_MAX];
    int n_threads, n_started;
    bool closing;
    entry *buckets[BUCKETS];
    entry *newest, *oldest;
    struct {
        uint64_t generation;
        int64_t at_ms;
    } seen[SEEN]; /* the newest first */
    job *first, *last;
    gw_cache_stats stats;
};

/* ---- the table; all under the lock --------------------------------------------------------------------- */

static entry **find_link(gw_cache *c, const char *key, uint64_t hash)
{
    entry **at = &c->buckets[hash & (BUCKETS - 1)];
    while (*at && ((*at)->hash != hash || strcmp((*at)->key, key) != 0))
        at = &(*at)->chain;
    return at;
}

static void use_unlink(gw_cache *c, entry *x)
{
    *(x->newer ? &x->newer->older : &c->newest) = x->older;
    *(x->older ? &x->older->newer : &c->oldest) = x->newer;
    x->newer = x->older = NULL;
}

static void use_now(gw_cache *c, entry *x)
{
    x->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = x;
    c->newest = x;
}

static size_t weight(const entry *x)
{
    return ENTRY_OVERHEAD + strlen(x->key) + (x->blob ? x->blob->bytes : 0);
}

/* Takes the entry out; a making of it goes on for those who wait, and is not kept. */
static void entry_remove(gw_cache *c, entry *x)
{
    *find_link(c, x->key, x->hash) = x->chain;
    use_unlink(c, x);
    c->stats.entries--;
    c->stats.bytes -= weight(x);
    if (x->making)
        x->making->entry = NULL;
    gw_blob_release(x->blob);
    gw_free(x->key);
    gw_free(x);
}

static entry *entry_add(gw_cache *c, const char *key, uint64_t hash)
{
    entry *x = gw_calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    x->key = gw_strdup(key);
    if (!x->key) {
        gw_free(x);
        return NULL;
    }
    x->hash = hash;
    *find_link(c, key, hash) = x;
    use_now(c, x);
    c->stats.entries++;
    c->stats.bytes += weight(x);
    return x;
}

/* What is in the making is not worth dropping: it holds next to nothing, and its askers wait. */
static void evict(gw_cache *c)
{
    for (entry *x = c->oldest, *next; x; x = next) {
        next = x->newer;
        if (c->stats.entries <= c->o.entries && c->stats.bytes <= c->o.bytes)
            return;
        if (x->making)
            continue;
        entry_remove(c, x);
        c->stats.evicted++;
    }
}

/* ---- makings ------------------------------------------------------------------------------------------- */

static void job_free(job *j)
{
    if (j->maker.drop)
        j->maker.drop(j->maker.ctx);
    gw_free(j->waiters);
    gw_free(j);
}

static void tell(job *j, gw_blob *blob)
{
    for (size_t i = 0; i < j->n_waiters; i++)
        j->waiters[i].done(j->waiters[i].ctx, blob);
}

static bool add_waiter(job *j, gw_waiter w)
{
    if (!w.done)
        return true;
    if (gw_grow((void **)&j->waiters, &j->cap_waiters, j->n_waiters + 1, sizeof(*j->waiters),
                GW_CACHE_WAITERS))
        return false;
    j->waiters[j->n_waiters++] = w;
    return true;
}

/* Queues a making; takes the maker over where it succeeds. x may be NULL. */
static bool submit(gw_cache *c, entry *x, const gw_cache_how *how, gw_maker maker, gw_waiter waiter)
{
    job *j = c->stats.queued < c->o.queue ? gw_calloc(1, sizeof(*j)) : NULL;
    if (!j || !add_waiter(j, waiter)) {
        gw_free(j);
        return false;
    }
    j->entry = x;
    j->maker = maker;
    j->generation = how->generation;
    if (x)
        x->making = j;
    *(c->last ? &c->last->next : &c->first) = j;
    c->last = j;
    c->stats.queued++;
    pthread_cond_signal(&c->work);
    return true;
}

/* The making is over: keeps its answer, if there is one worth keeping. Under the lock. */
static void settle(gw_cache *c, job *j, gw_blob *blob)
{
    entry *x = j->entry;
    if (!x)
        return;
    x->making = NULL;
    if (!blob || blob->status >= 500) {
        /* the last good answer stays what it was: of its generation */
        if (!x->blob)
            entry_remove(c, x);
        return;
    }
    c->stats.bytes -= weight(x);
    gw_blob_release(x->blob);
    x->blob = gw_blob_hold(blob);
    x->generation = j->generation;
    x->made_ms = c->o.clock(c->o.clock_ctx);
    c->stats.bytes += weight(x);
    evict(c);
}

static void work_on(gw_cache *c, job *j, int worker)
{
    gw_blob *blob = j->maker.make(j->maker.ctx, worker);
    pthread_mutex_lock(&c->lock);
    settle(c, j, blob);
    pthread_mutex_unlock(&c->lock);
    /* from here on nobody else knows of j: an entry leads to it no more */
    tell(j, blob);
    gw_blob_release(blob);
    job_free(j);
}

typedef struct worker {
    gw_cache *cache;
    int index;
} worker;

static void *work(void *arg)
{
    worker me = *(worker *)arg;
    gw_cache *c = me.cache;
    gw_free(arg);
    pthread_mutex_lock(&c->lock);
    for (;;) {
        while (!c->first && !c->closing)
            pthread_cond_wait(&c->work, &c->lock);
        if (c->closing)
            break;
        job *j = c->first;
        c->first = j->next;
        if (!c->first)
            c->last = NULL;
        c->stats.queued--;
        pthread_mutex_unlock(&c->lock);
        work_on(c, j, me.index);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static bool is_good(const gw_cache *c, const entry *x, const gw_cache_how *how)
{
    return x && x->blob && x->generation >= how->generation &&
           (!how->expires_ms || c->o.clock(c->o.clock_ctx) - x->made_ms < how->expires_ms);
}

gw_blob *gw_cache_get(gw_cache *c, const char *key, const gw_cache_how *how)
{
    gw_blob *b = NULL;
    uint64_t hash = gw_hash(key, strlen(key));
    pthread_mutex_lock(&c->lock);
    entry *x = *find_link(c, key, hash);
    if (is_good(c, x, how)) {
        use_unlink(c, x);
        use_now(c, x);
        c->stats.hits++;
        b = gw_blob_hold(x->blob);
    }
    pthread_mutex_unlock(&c->lock);
    return b;
}

static void note_generation(gw_cache *c, uint64_t generation, int64_t now)
{
    if (generation <= c->seen[0].generation)
        return;
    memmove(&c->seen[1], &c->seen[0], (SEEN - 1) * sizeof(c->seen[0]));
    c->seen[0].generation = generation;
    c->seen[0].at_ms = now;
}

/* When a newer generation came; INT64_MAX: none has, INT64_MIN: so long ago that nobody knows. */
static int64_t overtaken_ms(const gw_cache *c, const entry *x)
{
    size_t newer = 0;
    while (newer < SEEN && c->seen[newer].generation > x->generation)
        newer++;
    return newer == 0 ? INT64_MAX : newer == SEEN ? INT64_MIN : c->seen[newer - 1].at_ms;
}

/* How long ago it stopped being good is what makes an answer too old, not when it was made. */
static bool lingers(const gw_cache *c, const entry *x, const gw_cache_how *how, int64_t now)
{
    if (how->fresh || !x || !x->blob)
        return false;
    int64_t expired_ms = how->expires_ms ? x->made_ms + how->expires_ms : INT64_MAX;
    int64_t ended_ms = GW_MIN(expired_ms, overtaken_ms(c, x));
    return ended_ms > now - c->o.linger_ms;
}

/* Under the lock. *ret_taken: the maker is the cache's now. */
static gw_cache_answer ask_locked(gw_cache *c, const char *key, const gw_cache_how *how, gw_maker maker,
                                  gw_waiter waiter, gw_blob **ret, bool *ret_taken)
{
    uint64_t hash = gw_hash(key, strlen(key));
    entry *x = *find_link(c, key, hash);
    int64_t now = c->o.clock(c->o.clock_ctx);
    note_generation(c, how->generation, now);
    bool old_will_do = lingers(c, x, how, now);
    if (x) {
        use_unlink(c, x);
        use_now(c, x);
    }
    if (is_good(c, x, how)) {
        c->stats.hits++;
        *ret = gw_blob_hold(x->blob);
        return GW_CACHE_HIT;
    }
    if (old_will_do) {
        /* nobody waits for this one: it is for the next who asks */
        if (!x->making)
            *ret_taken = submit(c, x, how, maker, (gw_waiter){0});
        c->stats.stale_hits++;
        *ret = gw_blob_hold(x->blob);
        return GW_CACHE_HIT;
    }
    if (x && x->making) {
        c->stats.shared++;
        return add_waiter(x->making, waiter) ? GW_CACHE_WAIT : GW_CACHE_FULL;
    }
    bool added = !x;
    if (added)
        x = entry_add(c, key, hash);
    *ret_taken = x && submit(c, x, how, maker, waiter);
    if (*ret_taken) {
        c->stats.misses++;
        return GW_CACHE_WAIT;
    }
    if (x && added)
        entry_remove(c, x);
    return GW_CACHE_FULL;
}

gw_cache_answer gw_cache_ask(gw_cache *c, const char *key, const gw_cache_how *how, gw_maker maker,
                             gw_waiter waiter, gw_blob **ret)
{
    bool taken = false;
    gw_cache_answer a;
    pthread_mutex_lock(&c->lock);
    if (key) {
        a = ask_locked(c, key, how, maker, waiter, ret, &taken);
    } else {
        taken = submit(c, NULL, how, maker, waiter);
        a = taken ? GW_CACHE_WAIT : GW_CACHE_FULL;
    }
    c->stats.full += a == GW_CACHE_FULL;
    pthread_mutex_unlock(&c->lock);
    if (!taken && maker.drop)
        maker.drop(maker.ctx);
    return a;
}

void gw_cache_forget(gw_cache *c, const char *prefix)
{
    pthread_mutex_lock(&c->lock);
    for (entry *x = c->oldest, *next; x; x = next) {
        next = x->newer;
        if (gw_has_prefix(x->key, prefix))
            entry_remove(c, x);
    }
    pthread_mutex_unlock(&c->lock);
}

void gw_cache_stats_get(gw_cache *c, gw_cache_stats *ret)
{
    pthread_mutex_lock(&c->lock);
    *ret = c->stats;
    pthread_mutex_unlock(&c->lock);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static int start_workers(gw_cache *c, gw_error *e)
{
    for (; c->n_started < c->n_threads; c->n_started++) {
        worker *w = gw_malloc(sizeof(*w));
        if (!w)
            return gw_fail_memory(e);
        *w = (worker){c, c->n_started};
        int err = pthread_create(&c->threads[c->n_started], NULL, work, w);
        if (err) {
            gw_free(w);
            return gw_fail(e, GW_ELIMIT, "cannot start a thread for answers: %s", strerror(err));
        }
    }
    return 0;
}

int gw_cache_new(const gw_cache_options *o, gw_cache **ret, gw_error *e)
{
    gw_cache *c = gw_calloc(1, sizeof(*c));
    if (!c)
        return gw_fail_memory(e);
    c->o = *o;
    c->o.bytes = o->bytes ? o->bytes : GW_CACHE_BYTES;
    c->o.entries = o->entries ? o->entries : GW_CACHE_ENTRIES;
    c->o.queue = o->queue ? o->queue : GW_CACHE_QUEUE;
    c->o.linger_ms = o->linger_ms ? o->linger_ms : GW_CACHE_LINGER_MS;
    c->o.clock = o->clock ? o->clock : gw_clock_monotonic;
    c->n_threads = GW_MIN(o->workers > 0 ? o->workers : GW_CACHE_WORKERS, GW_CACHE_WORKER_MAX);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->work, NULL);
    int rc = start_workers(c, e);
    if (rc) {
        gw_cache_free(c);
        return rc;
    }
    *ret = c;
    return 0;
}

void gw_cache_free(gw_cache *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_broadcast(&c->work);
    pthread_mutex_unlock(&c->lock);
    for (int i = 0; i < c->n_started; i++)
        pthread_join(c->threads[i], NULL);
    while (c->first) {
        job *j = c->first;
        c->first = j->next;
        if (j->entry)
            j->entry->making = NULL;
        tell(j, NULL);
        job_free(j);
    }
    while (c->oldest)
        entry_remove(c, c->oldest);
    pthread_cond_destroy(&c->work);
    pthread_mutex_destroy(&c->lock);
    gw_free(c);
}
