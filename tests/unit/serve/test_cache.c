/*
 * Answers kept ready: one making for many askers, generations, bounds, and what is told when it ends. The
 * makers here are held back by a gate, so that the tests decide who comes first.
 */
#include "gw_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/mem.h"
#include "format/gzip.h"
#include "serve/cache.h"

/* ---- a gate, a maker that waits at it, an asker that notes what it was told ------------------------------
 */

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int arrived, passes; /* makers that came; that may go on */
} gate;

static void gate_init(gate *g, int passes)
{
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->moved, NULL);
    g->arrived = 0;
    g->passes = passes;
}

static void gate_open(gate *g, int passes)
{
    pthread_mutex_lock(&g->lock);
    g->passes += passes;
    pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->lock);
}

static void gate_wait_arrived(gate *g, int n)
{
    pthread_mutex_lock(&g->lock);
    while (g->arrived < n)
        pthread_cond_wait(&g->moved, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

typedef struct making {
    gate *gate;
    const char *text;
    int status;
    atomic_int made, freed;
} making;

static gw_blob *blob_of(const char *text, int status)
{
    gw_buf b;
    gw_blob *blob = NULL;
    gw_error e;
    gw_buf_init(&b, GW_BLOB_MAX);
    gw_buf_puts(&b, text);
    return gw_blob_new(status, "text/plain", &b, &blob, &e) ? NULL : blob;
}

static gw_blob *make(void *ctx, int worker)
{
    making *m = ctx;
    assert_true(worker >= 0 && worker < GW_CACHE_WORKER_MAX);
    if (m->gate) {
        pthread_mutex_lock(&m->gate->lock);
        m->gate->arrived++;
        pthread_cond_broadcast(&m->gate->moved);
        while (m->gate->passes == 0)
            pthread_cond_wait(&m->gate->moved, &m->gate->lock);
        m->gate->passes--;
        pthread_mutex_unlock(&m->gate->lock);
    }
    atomic_fetch_add(&m->made, 1);
    return m->text ? blob_of(m->text, m->status) : NULL;
}

static void made_free(void *ctx)
{
    atomic_fetch_add(&((making *)ctx)->freed, 1);
}

static gw_maker maker(making *m)
{
    return (gw_maker){m, make, made_free};
}

typedef struct asker {
    pthread_mutex_t lock;
    pthread_cond_t told_it;
    int told;
    char text[64];
    int status;
} asker;

static void asker_init(asker *a)
{
    *a = (asker){.told = 0};
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->told_it, NULL);
}

static void note(asker *a, const gw_blob *b)
{
    gw_str s = b ? gw_shared_bytes(b->plain) : gw_str_of("nothing");
    snprintf(a->text, sizeof(a->text), "%.*s", GW_STR_ARG(s));
    a->status = b ? b->status : 0;
}

static void tell(void *ctx, gw_blob *b)
{
    asker *a = ctx;
    pthread_mutex_lock(&a->lock);
    note(a, b);
    a->told++;
    pthread_cond_signal(&a->told_it);
    pthread_mutex_unlock(&a->lock);
}

static void wait_told(asker *a)
{
    pthread_mutex_lock(&a->lock);
    while (!a->told)
        pthread_cond_wait(&a->told_it, &a->lock);
    a->told = 0;
    pthread_mutex_unlock(&a->lock);
}

static gw_cache *cache_new(gw_cache_options o)
{
    gw_cache *c = NULL;
    gw_error e = {0};
    if (gw_cache_new(&o, &c, &e))
        fail_msg("%s", e.message);
    return c;
}

/* Asks, and waits where that is the answer; the text is in a->text. */
static gw_cache_answer ask(gw_cache *c, const char *key, gw_cache_how how, making *m, asker *a)
{
    gw_blob *b = NULL;
    gw_cache_answer r = gw_cache_ask(c, key, &how, maker(m), (gw_waiter){a, tell}, &b);
    if (r == GW_CACHE_HIT)
        note(a, b);
    else if (r == GW_CACHE_WAIT)
        wait_told(a);
    gw_blob_release(b);
    return r;
}

#define GENERATION(g) ((gw_cache_how){.generation = (g)})

/* ---- the blob ---------------------------------------------------------------------------------------------
 */

static int count_bytes(void *ctx, const char *p, size_t n, gw_error *e)
{
    GW_UNUSED(e);
    gw_buf_add(ctx, p, n);
    return 0;
}

static void test_blob(void **state)
{
    GW_UNUSED(state);
    char tag[GW_ETAG_MAX];
    gw_error e;
    gw_blob *small = blob_of("abc", 200);
    /* SHA-256("abc") = ba7816bf 8f01cfea 414140de 5dae2223 b00361a3 … (FIPS 180-2, B.1); its first half */
    assert_string_equal(small->etag, "\"ba7816bf8f01cfea414140de5dae2223\"");
    assert_string_equal(gw_blob_etag(small, false, tag), small->etag);
    assert_string_equal(gw_blob_etag(small, true, tag), "\"ba7816bf8f01cfea414140de5dae2223-gzip\"");
    assert_null(small->gzip);
    gw_blob_release(small);

    gw_buf text, back;
    gw_buf_init(&text, 1 << 20);
    gw_buf_init(&back, 1 << 20);
    for (int i = 0; i < 1000; i++)
        gw_buf_printf(&text, "row %d\n", i % 7);
    gw_buf copy;
    gw_buf_init(&copy, 1 << 20);
    gw_buf_add(&copy, text.data, text.len);
    gw_blob *large = NULL;
    assert_int_equal(gw_blob_new(200, "text/plain", &copy, &large, &e), 0);
    assert_null(copy.data);
    assert_non_null(large->gzip);
    gw_str packed = gw_shared_bytes(large->gzip);
    assert_true(packed.n < text.len / 10);
    gw_gunzip *z = gw_gunzip_new(1 << 20, count_bytes, &back);
    assert_int_equal(gw_gunzip_feed(z, packed.p, packed.n, &e), 0);
    assert_int_equal(gw_gunzip_finish(z, &e), 0);
    gw_gunzip_free(z);
    assert_int_equal(back.len, text.len);
    assert_memory_equal(back.data, text.data, text.len);
    gw_blob_release(gw_blob_hold(large));
    gw_blob_release(large);
    gw_buf_free(&text);
    gw_buf_free(&back);
}

static void test_if_none_match(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *header;
        bool matches;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"*", true},
        {"\"a1\"", true},
        {"W/\"a1\"", true},
        {"\"a1-gzip\"", true},
        {"W/\"a1-gzip\"", true},
        {"\"a\"", false},
        {"\"a12\"", false},
        {"\"x\", \"a1\"", true},
        {"\"x\" ,\t\"a1\" ", true},
        {",,\"a1\"", true},
        {"\"x\",\"y\"", false},
        {"\"-gzip\"", false},
        {"\"", false},
        {"W/", false},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        if (gw_etag_matches(cases[i].header, "\"a1\"") != cases[i].matches)
            fail_msg("%s", cases[i].header);
    }
}

static void test_blob_memory(void **state)
{
    GW_UNUSED(state);
    char big[4 * GW_GZIP_LEAST];
    memset(big, 'x', sizeof(big));
    int64_t before = gw_mem_live();
    for (uint64_t n = 1;; n++) {
        gw_buf b;
        gw_blob *blob = NULL;
        gw_error e = {0};
        gw_buf_init(&b, sizeof(big) * 2);
        gw_buf_add(&b, big, sizeof(big));
        gw_mem_fail_at(n);
        int rc = gw_blob_new(200, "text/plain", &b, &blob, &e);
        uint64_t asked = gw_mem_count();
        gw_mem_fail_at(0);
        if (rc == 0) {
            /* where packing has failed the plain bytes are there */
            assert_int_equal(gw_shared_bytes(blob->plain).n, sizeof(big));
            gw_blob_release(blob);
        } else {
            assert_int_equal(rc, GW_ENOMEM);
            assert_null(blob);
        }
        assert_null(b.data);
        assert_int_equal(gw_mem_live(), before);
        if (asked < n)
            break;
    }
}

/* ---- one making for many
 * ------------------------------------------------------------------------------------ */

static void test_made_once_then_kept(void **state)
{
    GW_UNUSED(state);
    gw_cache *c = cache_new((gw_cache_options){0});
    making m = {.text = "first", .status = 200};
    asker a;
    asker_init(&a);
    assert_int_equal(ask(c, "k", GENERATION(1), &m, &a), GW_CACHE_WAIT);
    assert_string_equal(a.text, "first");
    assert_int_equal(ask(c, "k", GENERATION(1), &m, &a), GW_CACHE_HIT);
    assert_string_equal(a.text, "first");
    assert_int_equal(ask(c, "other", GENERATION(1), &m, &a), GW_CACHE_WAIT);
    gw_cache_free(c);
    assert_int_equal(m.made, 2);
    assert_int_equal(m.freed, 3); /* each maker that was handed over, used or not */
}

#define THREADS 8
#define ASKS    200

typedef struct crowd {
    gw_cache *cache;
    making *m;
    atomic_int waited, hit, other;
} crowd;

static void *crowd_ask(void *arg)
{
    crowd *w = arg;
    asker a;
    asker_init(&a);
    for (int i = 0; i < ASKS; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i / 10);
        gw_cache_answer r = ask(w->cache, key, GENERATION(1), w->m, &a);
        atomic_fetch_add(r == GW_CACHE_HIT ? &w->hit : r == GW_CACHE_WAIT ? &w->waited : &w->other, 1);
        if (r != GW_CACHE_FULL)
            assert_string_equal(a.text, "crowd");
    }
    return NULL;
}

static void test_single_flight(void **state)
{
    GW_UNUSED(state);
    making m = {.text = "crowd", .status = 200};
    crowd w = {.cache = cache_new((gw_cache_options){0}), .m = &m};
    pthread_t t[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, crowd_ask, &w), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    gw_cache_stats s;
    gw_cache_stats_get(w.cache, &s);
    gw_cache_free(w.cache);
    assert_int_equal(m.made, ASKS / 10); /* each key once, however many asked */
    assert_int_equal(s.misses, ASKS / 10);
    assert_int_equal(w.other, 0);
    assert_int_equal(w.hit + w.waited, THREADS * ASKS);
    assert_int_equal(m.freed, THREADS * ASKS);
}

/* All who come while it is made get the same bytes, in one making. */
static void test_askers_share(void **state)
{
    GW_UNUSED(state);
    gate g;
    gate_init(&g, 0);
    making m = {.gate = &g, .text = "shared", .status = 200};
    gw_cache *c = cache_new((gw_cache_options){.workers = 1});
    asker a[5];
    gw_blob *none = NULL;
    for (size_t i = 0; i < GW_COUNT(a); i++) {
        asker_init(&a[i]);
        gw_cache_how how = GENERATION(1);
        assert_int_equal(gw_cache_ask(c, "k", &how, maker(&m), (gw_waiter){&a[i], tell}, &none),
                         GW_CACHE_WAIT);
    }
    gate_open(&g, 1);
    for (size_t i = 0; i < GW_COUNT(a); i++) {
        wait_told(&a[i]);
        assert_string_equal(a[i].text, "shared");
    }
    gw_cache_free(c);
    assert_int_equal(m.made, 1);
    assert_null(none);
}

/* ---- generations
 * --------------------------------------------------------------------------------------------- */

static int64_t held_clock(void *ctx)
{
    return atomic_load((atomic_int_fast64_t *)ctx);
}

static void test_generations(void **state)
{
    GW_UNUSED(state);
    atomic_int_fast64_t now = 1000;
    gate g;
    gate_init(&g, 1);
    making one = {.gate = &g, .text = "one", .status = 200}, two = {.gate = &g, .text = "two", .status = 200};
    making three = {.text = "three", .status = 200}, four = {.text = "four", .status = 200};
    gw_cache *c =
        cache_new((gw_cache_options){.workers = 1, .linger_ms = 100, .clock = held_clock, .clock_ctx = &now});
    asker a;
    asker_init(&a);
    ask(c, "k", GENERATION(1), &one, &a);
    /* however old it is: it was overtaken just now. The old answer meanwhile, and one making of the new one
     */
    atomic_store(&now, 60000);
    assert_int_equal(ask(c, "k", GENERATION(2), &two, &a), GW_CACHE_HIT);
    assert_string_equal(a.text, "one");
    gate_wait_arrived(&g, 2);
    atomic_store(&now, 60099);
    assert_int_equal(ask(c, "k", GENERATION(4), &two, &a), GW_CACHE_HIT);
    assert_string_equal(a.text, "one");
    gate_open(&g, 1);
    for (int i = 0; i < 1000 && strcmp(a.text, "two") != 0; i++) {
        usleep(1000);
        ask(c, "k", GENERATION(2), &two, &a);
    }
    assert_string_equal(a.text, "two");
    assert_int_equal(two.made, 1);
    /* it is of generation 2, and was overtaken when 4 was first heard of, at 60099 */
    atomic_store(&now, 60199);
    assert_int_equal(ask(c, "k", GENERATION(5), &three, &a), GW_CACHE_WAIT);
    assert_string_equal(a.text, "three");
    /* who wants it fresh is not given an old one at all */
    gw_cache_how fresh = {.generation = 6, .fresh = true};
    assert_int_equal(ask(c, "k", fresh, &four, &a), GW_CACHE_WAIT);
    assert_string_equal(a.text, "four");
    /* so many generations that nobody knows when the answer was overtaken */
    for (uint64_t n = 7; n < 60; n++)
        ask(c, "other", GENERATION(n), &three, &a);
    assert_int_equal(ask(c, "k", GENERATION(60), &three, &a), GW_CACHE_WAIT);
    gw_cache_free(c);
}

static void test_expiry(void **state)
{
    GW_UNUSED(state);
    atomic_int_fast64_t now = 1000;
    making one = {.text = "one", .status = 200}, two = {.text = "two", .status = 200};
    gw_cache *c = cache_new((gw_cache_options){.linger_ms = 100, .clock = held_clock, .clock_ctx = &now});
    gw_cache_how how = {.generation = 1, .expires_ms = 500},
                 fresh = {.generation = 1, .fresh = true, .expires_ms = 500};
    asker a;
    asker_init(&a);
    ask(c, "k", how, &one, &a);
    ask(c, "f", fresh, &one, &a);
    ask(c, "late", how, &one, &a);
    atomic_store(&now, 1499);
    assert_int_equal(ask(c, "k", how, &two, &a), GW_CACHE_HIT);
    assert_int_equal(ask(c, "f", fresh, &two, &a), GW_CACHE_HIT);
    assert_string_equal(a.text, "one");
    assert_int_equal(two.made, 0);
    atomic_store(&now, 1500);
    assert_int_equal(ask(c, "f", fresh, &two, &a), GW_CACHE_WAIT);
    assert_string_equal(a.text, "two");
    /* the old one meanwhile, for who takes it */
    assert_int_equal(ask(c, "k", how, &two, &a), GW_CACHE_HIT);
    assert_string_equal(a.text, "one");
    for (int i = 0; i < 1000 && strcmp(a.text, "two") != 0; i++) {
        usleep(1000);
        ask(c, "k", how, &two, &a);
    }
    assert_string_equal(a.text, "two");
    atomic_store(&now, 1600);
    assert_int_equal(ask(c, "late", how, &two, &a), GW_CACHE_WAIT);
    assert_string_equal(a.text, "two");
    gw_cache_free(c);
}

static void test_failures_are_not_kept(void **state)
{
    GW_UNUSED(state);
    making down = {.text = "down", .status = 503}, bad = {.text = "bad", .status = 404},
           empty = {.text = NULL};
    making up = {.text = "up", .status = 200};
    gw_cache *c = cache_new((gw_cache_options){0});
    gw_cache_stats s;
    asker a;
    asker_init(&a);
    assert_int_equal(ask(c, "k", GENERATION(1), &down, &a), GW_CACHE_WAIT);
    assert_int_equal(a.status, 503);
    assert_int_equal(ask(c, "k", GENERATION(1), &empty, &a), GW_CACHE_WAIT);
    assert_string_equal(a.text, "nothing");
    gw_cache_stats_get(c, &s);
    assert_int_equal(s.entries, 0);
    assert_int_equal(s.bytes, 0);
    assert_int_equal(ask(c, "k", GENERATION(1), &up, &a), GW_CACHE_WAIT);
    assert_string_equal(a.text, "up");
    /* a refusal follows from the data as an answer does */
    assert_int_equal(ask(c, "gone", GENERATION(1), &bad, &a), GW_CACHE_WAIT);
    assert_int_equal(ask(c, "gone", GENERATION(1), &bad, &a), GW_CACHE_HIT);
    assert_int_equal(a.status, 404);
    /* nothing is kept without a key */
    assert_int_equal(ask(c, NULL, GENERATION(1), &up, &a), GW_CACHE_WAIT);
    assert_int_equal(ask(c, NULL, GENERATION(1), &up, &a), GW_CACHE_WAIT);
    assert_int_equal(up.made, 3);
    gw_cache_free(c);
}

/* ---- forgetting
 * ----------------------------------------------------------------------------------------------- */

static void test_forget(void **state)
{
    GW_UNUSED(state);
    gate g;
    gate_init(&g, 0);
    making old = {.gate = &g, .text = "old", .status = 200}, fresh = {.text = "new", .status = 200};
    gw_cache *c = cache_new((gw_cache_options){.workers = 2});
    asker a, b;
    asker_init(&a);
    asker_init(&b);
    gw_cache_how how = GENERATION(1);
    gw_blob *none = NULL;
    ask(c, "/x/1", how, &fresh, &a);
    assert_int_equal(gw_cache_ask(c, "/actions", &how, maker(&old), (gw_waiter){&b, tell}, &none),
                     GW_CACHE_WAIT);
    gate_wait_arrived(&g, 1);
    gw_cache_forget(c, "/act");
    /* what was begun before is for those who asked before */
    assert_int_equal(ask(c, "/actions", how, &fresh, &a), GW_CACHE_WAIT);
    assert_string_equal(a.text, "new");
    gate_open(&g, 1);
    wait_told(&b);
    assert_string_equal(b.text, "old");
    assert_int_equal(ask(c, "/actions", how, &old, &a), GW_CACHE_HIT);
    assert_string_equal(a.text, "new");
    assert_int_equal(ask(c, "/x/1", how, &fresh, &a), GW_CACHE_HIT);
    gw_cache_free(c);
}

/* ---- bounds
 * --------------------------------------------------------------------------------------------------- */

static void test_full(void **state)
{
    GW_UNUSED(state);
    gate g;
    gate_init(&g, 0);
    making m = {.gate = &g, .text = "x", .status = 200};
    gw_cache *c = cache_new((gw_cache_options){.workers = 1, .queue = 2});
    asker a[4];
    gw_blob *none = NULL;
    static const char *const keys[] = {"a", "b", "c", "d"};
    gw_cache_answer want[] = {GW_CACHE_WAIT, GW_CACHE_WAIT, GW_CACHE_WAIT, GW_CACHE_FULL};
    for (size_t i = 0; i < GW_COUNT(a); i++) {
        asker_init(&a[i]);
        gw_cache_how how = GENERATION(1);
        assert_int_equal(gw_cache_ask(c, keys[i], &how, maker(&m), (gw_waiter){&a[i], tell}, &none), want[i]);
        if (i == 0)
            gate_wait_arrived(&g, 1); /* one works, two wait */
    }
    assert_int_equal(m.freed, 1); /* of the one that was turned away */
    gw_cache_stats s;
    gw_cache_stats_get(c, &s);
    assert_int_equal(s.full, 1);
    assert_int_equal(s.entries, 3);
    gate_open(&g, 3);
    for (size_t i = 0; i < 3; i++)
        wait_told(&a[i]);
    gw_cache_free(c);
    assert_int_equal(a[3].told, 0);
    assert_int_equal(m.freed, 4);
}

/* The least recently used goes first, by number and by bytes. */
static void test_evicts(void **state)
{
    GW_UNUSED(state);
    making m = {.text = "x", .status = 200};
    gw_cache *c = cache_new((gw_cache_options){.entries = 2});
    asker a;
    asker_init(&a);
    ask(c, "a", GENERATION(1), &m, &a);
    ask(c, "b", GENERATION(1), &m, &a);
    assert_int_equal(ask(c, "a", GENERATION(1), &m, &a), GW_CACHE_HIT);
    ask(c, "c", GENERATION(1), &m, &a); /* b goes */
    assert_int_equal(ask(c, "a", GENERATION(1), &m, &a), GW_CACHE_HIT);
    assert_int_equal(ask(c, "b", GENERATION(1), &m, &a), GW_CACHE_WAIT);
    gw_cache_free(c);

    char big[20000];
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    making heavy = {.text = big, .status = 200};
    c = cache_new((gw_cache_options){.bytes = 50000});
    for (int i = 0; i < 50; i++) {
        char key[16];
        gw_cache_stats s;
        snprintf(key, sizeof(key), "k%d", i);
        ask(c, key, GENERATION(1), &heavy, &a);
        gw_cache_stats_get(c, &s);
        assert_true(s.bytes <= 50000 && s.entries <= 2);
    }
    gw_cache_free(c);
    /* one that is larger than the whole is given, and not kept */
    c = cache_new((gw_cache_options){.bytes = 1000});
    assert_int_equal(ask(c, "k", GENERATION(1), &heavy, &a), GW_CACHE_WAIT);
    assert_int_equal(ask(c, "k", GENERATION(1), &heavy, &a), GW_CACHE_WAIT);
    gw_cache_free(c);
}

/* Who waits is told when it ends, whether or not a worker has begun. */
static void test_closing(void **state)
{
    GW_UNUSED(state);
    gate g;
    gate_init(&g, 0);
    making m = {.gate = &g, .text = "x", .status = 200};
    gw_cache *c = cache_new((gw_cache_options){.workers = 1});
    asker a[3];
    gw_blob *none = NULL;
    static const char *const keys[] = {"a", "b", "b"};
    for (size_t i = 0; i < GW_COUNT(a); i++) {
        asker_init(&a[i]);
        gw_cache_how how = GENERATION(1);
        assert_int_equal(gw_cache_ask(c, keys[i], &how, maker(&m), (gw_waiter){&a[i], tell}, &none),
                         GW_CACHE_WAIT);
    }
    gate_wait_arrived(&g, 1);
    gate_open(&g, 2); /* the second, should the worker be quick */
    gw_cache_free(c);
    int told = 0;
    for (size_t i = 0; i < GW_COUNT(a); i++)
        told += a[i].told;
    assert_int_equal(told, 3);
    assert_string_equal(a[0].text, "x");
    assert_int_equal(m.freed, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blob),
        cmocka_unit_test(test_if_none_match),
        cmocka_unit_test(test_blob_memory),
        cmocka_unit_test(test_made_once_then_kept),
        cmocka_unit_test(test_single_flight),
        cmocka_unit_test(test_askers_share),
        cmocka_unit_test(test_generations),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_failures_are_not_kept),
        cmocka_unit_test(test_forget),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_evicts),
        cmocka_unit_test(test_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
