/*
 * What may go wrong, on both real engines: a writer killed at any moment, a full disk, a database that stops,
 * damaged bytes, several writers and readers at a time, memory that runs out.
 *
 * GW_STORE_KILLS: how many kills (default 50; `make kill` takes 200).
 */
#include "gw_test.h"

#include <pthread.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "base/number.h"
#include "env.h"
#include "hours.h"

/* ---- killed writers ---- */

#define OPS        200
#define KILL_HOURS 100

static int kills_wanted(void)
{
    const char *text = getenv("GW_STORE_KILLS");
    int64_t n = 50;
    return text && gw_parse_int64(gw_str_of(text), &n) && n > 0 && n < 100000 ? (int)n : 50;
}

/* Operation i, the same each time: a new hour, or one of before with other numbers. */
static gw_hour hour_of_op(int i, gw_arena *a)
{
    rnd r = {(uint64_t)i * 2654435761u + 1};
    int64_t n = i % 3 == 2 ? rnd_below(&r, i) : i; /* every third corrects one */
    return random_hour(&r, a, n % 2 ? "blue" : "red", T0 + n % KILL_HOURS * GW_HOUR_MS, 12);
}

/* From where the last writer came to, to the end; each operation, then where it is. */
static int work(const char *url, bool tolerant)
{
    gw_error e = {0};
    gw_store *s = NULL;
    gw_arena a;
    gw_document d;
    int64_t from = 0, now = 1;
    gw_store_options o = {.url = url, .timeout_ms = TEST_TIMEOUT_MS, .clock = test_clock, .clock_ctx = &now};
    int rc = gw_store_open(&o, &s, &e);
    gw_arena_init(&a, 0);
    if (rc == 0 && gw_store_document_get(s, "progress", "", &a, &d, &e) == 0)
        gw_parse_int64(d.body, &from);
    for (int i = (int)from; rc == 0 && i < OPS; i++) {
        char text[24];
        gw_put_result got;
        gw_hour h = hour_of_op(i, &a);
        rc = gw_store_put_hour(s, &h, "late samples", &got, &e);
        snprintf(text, sizeof(text), "%d", i + 1);
        rc = rc ? rc : gw_store_document_put(s, "progress", "", gw_str_of(text), &e);
        gw_arena_reset(&a);
    }
    gw_arena_free(&a);
    gw_store_free(s);
    if (rc && !tolerant)
        fprintf(stderr, "writer: %s\n", e.message);
    return rc;
}

static int64_t progress(const env *v)
{
    return sql_int(v, "SELECT CAST(body AS INTEGER) FROM gw_document WHERE kind = 'progress'");
}

static void killed_writers_leave_whole_books(void **state)
{
    env *v = *state;
    gw_buf killed, whole;
    rnd r = {77};
    int kills = 0, wanted = kills_wanted(), rounds = 0;
    gw_store_free(open_fresh(v));
    while (kills < wanted) {
        if (progress(v) >= OPS) { /* the books are full: compare below, and go on with new ones */
            gw_store_free(open_fresh(v));
            rounds++;
        }
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            _exit(work(v->url, true) == 0 ? 0 : 1);
        usleep((useconds_t)rnd_below(&r, 60000));
        int status;
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        kills += WIFSIGNALED(status);
    }
    int64_t at = progress(v);
    assert_int_equal(work(v->url, false), 0);
    gw_store *s = open_url(v->url);
    export_all(s, &killed);
    gw_store_free(s);
    gw_store_free(open_fresh(v));
    assert_int_equal(work(v->url, false), 0);
    s = open_url(v->url);
    export_all(s, &whole);
    gw_store_free(s);
    printf("# %d kills, the last at operation %d of %d of book %d\n", kills, (int)at, OPS, rounds + 1);
    if (killed.len != whole.len || memcmp(killed.data, whole.data, whole.len) != 0)
        fail_msg("books after %d kills differ from those of an uninterrupted run", kills);
    gw_buf_free(&killed);
    gw_buf_free(&whole);
}

/* ---- a full disk ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit l;
    getrlimit(RLIMIT_FSIZE, &l);
    l.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static gw_hour big_hour(gw_arena *a, int i)
{
    rnd r = {(uint64_t)i + 5};
    return random_hour(&r, a, "c", T0 + i * GW_HOUR_MS, 800);
}

static gw_micro bill_of(gw_store *s, uint32_t *hours)
{
    gw_error e = {0};
    gw_sums sums;
    gw_query q = {.when = {T0, T0 + 400 * GW_DAY_MS}};
    if (gw_store_sum(s, &q, &sums, &e))
        fail_msg("%s", e.message);
    gw_micro bill = sums.n ? sums.rows[0].m.bill : 0;
    *hours = sums.n ? sums.rows[0].hours : 0;
    gw_sums_free(&sums);
    return bill;
}

#define FULL_AT ((rlim_t)3 << 20)

/* SQLite: no file may grow beyond 3 MiB. PostgreSQL: a tablespace on a file system of 6 MiB, which takes the
 * right to mount one. False where that is missing. */
static bool fill_disk(env *v)
{
    char small[96], space[128], sql[256], url[128];
    signal(SIGXFSZ, SIG_IGN);
    if (!v->pg) {
        fresh_store(v);
        limit_files(FULL_AT);
        return true;
    }
    const struct passwd *p = getpwnam("postgres");
    p = p ? p : getpwnam("nobody");
    snprintf(small, sizeof(small), "%s/small", v->dir);
    snprintf(space, sizeof(space), "%s/space", small);
    if (!p || mkdir(small, 0700) || mount("none", small, "tmpfs", 0, "size=6m,mode=0777"))
        return false;
    assert_int_equal(mkdir(space, 0700), 0);
    assert_int_equal(chown(space, p->pw_uid, p->pw_gid), 0);
    snprintf(sql, sizeof(sql), "CREATE TABLESPACE small LOCATION '%s'", space);
    snprintf(url, sizeof(url), "postgresql://gw@/postgres?host=%s", v->dir);
    sql_run(v, url, sql, NULL);
    fresh_store(v);
    size_t n = strlen(v->url);
    snprintf(v->url + n, sizeof(v->url) - n, "&options=-c%%20default_tablespace%%3Dsmall");
    snprintf(v->path, sizeof(v->path), "%s", small);
    return true;
}

static void make_room(const env *v)
{
    if (v->pg)
        assert_int_equal(mount("none", v->path, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    else
        limit_files(RLIM_INFINITY);
}

static void a_full_disk_loses_nothing(void **state)
{
    env *v = *state;
    gw_error e = {0};
    gw_arena a;
    gw_put_result got;
    gw_micro bill = 0;
    uint32_t hours;
    int i = 0, rc = 0;
    gw_arena_init(&a, 0);
    if (!fill_disk(v)) {
        printf("SKIP: a full disk under PostgreSQL: no right to mount a small file system\n");
        skip();
    }
    gw_store *s = open_url(v->url);
    for (; rc == 0 && i < 2000; i++) {
        gw_hour h = big_hour(&a, i);
        rc = gw_store_put_hour(s, &h, NULL, &got, &e);
        if (rc == 0) {
            assert_int_equal(got, GW_PUT_NEW);
            bill += gw_hour_sum(&h).bill;
        }
        gw_arena_reset(&a);
    }
    i--;
    if (rc != GW_EIO)
        fail_msg("hour %d: %d %s", i, rc, e.message);
    assert_int_equal(bill_of(s, &hours), bill); /* still readable, and nothing lost */
    assert_int_equal(hours, i);
    gw_hour h = big_hour(&a, i);
    assert_int_equal(gw_store_put_hour(s, &h, NULL, &got, &e), GW_EIO);
    make_room(v);
    if (gw_store_put_hour(s, &h, NULL, &got, &e)) /* the same handle */
        fail_msg("%s", e.message);
    assert_int_equal(got, GW_PUT_NEW);
    assert_int_equal(bill_of(s, &hours), bill + gw_hour_sum(&h).bill);
    assert_int_equal(hours, i + 1);
    gw_arena_free(&a);
    gw_store_free(s);
    if (v->pg) {
        pg_stop_server(v, SIGINT);
        assert_int_equal(umount2(v->path, MNT_DETACH), 0);
        assert_int_equal(rmdir(v->path), 0);
    }
}

/* ---- a database that stops ---- */

static void a_database_that_stops_is_found_again(void **state)
{
    env *v = *state;
    gw_error e = {0};
    gw_arena a;
    gw_put_result got;
    uint32_t hours;
    gw_arena_init(&a, 0);
    gw_store *s = open_fresh(v);
    for (int i = 0; i < 6; i++) {
        gw_hour h = big_hour(&a, 2 * i), next = big_hour(&a, 2 * i + 1);
        assert_int_equal(gw_store_put_hour(s, &h, NULL, &got, &e), 0);
        pg_stop_server(v, i % 2 ? SIGINT : SIGQUIT);
        if (i % 3 != 2) {
            assert_int_equal(gw_store_put_hour(s, &next, NULL, &got, &e), GW_ECONNECT);
            assert_int_equal(gw_store_ping(s, &e), GW_ECONNECT);
            assert_non_null(strstr(e.message, "check that it runs"));
        }
        assert_true(pg_start_server(v));
        if (gw_store_put_hour(s, &next, NULL, &got, &e))
            fail_msg("%s", e.message);
        assert_int_equal(got, GW_PUT_NEW);
        assert_int_equal(gw_store_ping(s, &e), 0);
    }
    bill_of(s, &hours);
    assert_int_equal(hours, 12);
    gw_arena_free(&a);
    gw_store_free(s);
}

/* ---- damage ---- */

static int no_page(void *ctx, const gw_hour *h, gw_error *e)
{
    GW_UNUSED(ctx);
    GW_UNUSED(h);
    GW_UNUSED(e);
    return 0;
}

static void damage_is_named(void **state)
{
    static const struct {
        const char *sql, *words;
        bool page;
    } damages[] = {
        {"UPDATE gw_hour SET page = substr(page, 1, length(page) - 1)", "checksum", true},
        {"UPDATE gw_hour SET page = substr(page, 5)", "do not begin as one", true},
        {"UPDATE gw_texts SET body = substr(body, 1, length(body) - 1)", "checksum", true},
        {"DELETE FROM gw_texts", "list of texts", true},
        {"UPDATE gw_hour SET texts = NULL", "another list of texts", true},
        {"UPDATE gw_day SET sums = substr(sums, 1, length(sums) - 1)", "checksum", false},
        {"DELETE FROM gw_group WHERE id = 2", "gaps", false},
        {"DELETE FROM gw_group WHERE id > 2", "not there", false},
    };
    env *v = *state;
    gw_arena a;
    gw_arena_init(&a, 0);
    for (size_t i = 0; i < GW_COUNT(damages); i++) {
        gw_error e = {0};
        gw_put_result got;
        gw_sums sums;
        gw_store *s = open_fresh(v);
        gw_hour h = big_hour(&a, 0);
        assert_int_equal(gw_store_put_hour(s, &h, NULL, &got, &e), 0);
        gw_store_free(s);
        sql_do(v, damages[i].sql);
        s = open_url(v->url);
        gw_query q = {.when = {T0, T0 + GW_DAY_MS}};
        int pages = gw_store_pages(s, NULL, q.when, no_page, NULL, &e);
        assert_int_equal(pages, damages[i].page ? GW_ECORRUPT : 0);
        int rc = gw_store_sum(s, &q, &sums, damages[i].page ? NULL : &e);
        assert_int_equal(rc, damages[i].page ? 0 : GW_ECORRUPT);
        if (rc == 0)
            gw_sums_free(&sums);
        if (!strstr(e.message, damages[i].words))
            fail_msg("%s: \"%s\"", damages[i].sql, e.message);
        gw_store_free(s);
    }
    gw_arena_free(&a);
}

/* Every tenth byte of a SQLite file changed, a page at a time: an answer or GW_ECORRUPT, no crash. */
static void damaged_files_do_no_harm(void **state)
{
    env *v = *state;
    gw_error e = {0};
    gw_arena a;
    gw_put_result got;
    int corrupt = 0;
    gw_arena_init(&a, 0);
    gw_store *s = open_fresh(v);
    for (int i = 0; i < 5; i++) {
        gw_hour h = big_hour(&a, i);
        assert_int_equal(gw_store_put_hour(s, &h, NULL, &got, &e), 0);
    }
    gw_store_free(s);
    FILE *f = fopen(v->path, "r+b");
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    static unsigned char page[4096], bad[4096];
    for (long at = 4096; at + 4096 <= size; at += 4096) {
        gw_sums sums;
        gw_store_options o = {.url = v->url, .timeout_ms = 2000};
        fseek(f, at, SEEK_SET);
        assert_int_equal(fread(page, 1, sizeof(page), f), sizeof(page));
        for (size_t i = 0; i < sizeof(page); i++)
            bad[i] = i % 10 ? page[i] : page[i] ^ 0x55;
        fseek(f, at, SEEK_SET);
        fwrite(bad, 1, sizeof(bad), f);
        fflush(f);
        gw_query q = {.when = {T0, T0 + GW_DAY_MS}, .by = {GW_DIM_WORKLOAD}, .n_by = 1};
        s = NULL;
        int rc = gw_store_open(&o, &s, &e);
        rc = rc ? rc : gw_store_sum(s, &q, &sums, &e);
        if (rc == 0) {
            gw_sums_free(&sums);
            rc = gw_store_pages(s, NULL, q.when, no_page, NULL, &e);
        }
        corrupt += rc == GW_ECORRUPT;
        assert_true(rc == 0 || rc == GW_ECORRUPT || rc == GW_ECONFIG || rc == GW_EINTERNAL);
        gw_store_free(s);
        fseek(f, at, SEEK_SET);
        fwrite(page, 1, sizeof(page), f);
        fflush(f);
    }
    fclose(f);
    assert_true(corrupt > 5);
    gw_arena_free(&a);
}

/* ---- several at a time ---- */

#define SHARED_HOURS 60

typedef struct worker {
    const char *url;
    pthread_t thread;
    int made, same, failed;
    bool reads;
    volatile bool *stop;
} worker;

/* Hours whose bill is 1000 each, so that a reader can tell a whole from a part. */
static gw_hour thousand(int i, gw_hour_leaf leaves[2])
{
    for (int k = 0; k < 2; k++) {
        leaves[k] = (gw_hour_leaf){.kind = GW_LEAF_HELD};
        for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
            leaves[k].dim[d] = "";
        leaves[k].dim[GW_DIM_TEAM] = k ? "a" : "b";
        leaves[k].m.used = leaves[k].m.bill = k ? 400 : 600;
    }
    return (gw_hour){.cluster = "c", .start_ms = T0 + i * GW_HOUR_MS, .leaves = leaves, .n_leaves = 2};
}

static void *run_worker(void *ctx)
{
    worker *w = ctx;
    gw_error e = {0};
    gw_store *s = NULL;
    gw_store_options o = {.url = w->url, .timeout_ms = TEST_TIMEOUT_MS};
    if (gw_store_open(&o, &s, &e)) {
        w->failed++;
        return NULL;
    }
    uint32_t before = 0;
    for (int i = 0; w->reads ? !*w->stop : i < SHARED_HOURS; i++) {
        if (w->reads) {
            gw_sums sums;
            gw_query q = {.when = {T0, T0 + 30 * GW_DAY_MS}, .step = i % 2 ? GW_STEP_HOUR : GW_STEP_NONE};
            if (gw_store_sum(s, &q, &sums, &e)) {
                w->failed++;
                continue;
            }
            uint32_t hours = 0;
            for (size_t k = 0; k < sums.n; k++) {
                hours += sums.rows[k].hours;
                w->failed += sums.rows[k].m.bill != 1000 * (int64_t)sums.rows[k].hours;
            }
            w->failed += hours < before;
            before = hours;
            gw_sums_free(&sums);
        } else {
            gw_hour_leaf leaves[2];
            gw_put_result got;
            gw_hour h = thousand(i, leaves);
            if (gw_store_put_hour(s, &h, NULL, &got, &e)) {
                fprintf(stderr, "writer: %s\n", e.message);
                w->failed++;
                continue;
            }
            w->made += got == GW_PUT_NEW;
            w->same += got == GW_PUT_SAME;
        }
    }
    gw_store_free(s);
    return NULL;
}

/* Two replicas put the same hours while two readers ask: each hour is kept once, no reader sees a part. */
static void writers_and_readers_at_a_time(void **state)
{
    env *v = *state;
    volatile bool stop = false;
    worker w[4] = {{.reads = false}, {.reads = false}, {.reads = true}, {.reads = true}};
    uint32_t hours;
    gw_store_free(open_fresh(v));
    for (int i = 0; i < 4; i++) {
        w[i].url = v->url;
        w[i].stop = &stop;
        assert_int_equal(pthread_create(&w[i].thread, NULL, run_worker, &w[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(w[i].thread, NULL);
        stop = stop || i == 1;
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(w[i].failed, 0);
    assert_int_equal(w[0].made + w[1].made, SHARED_HOURS);
    assert_int_equal(w[0].same + w[1].same, SHARED_HOURS);
    gw_store *s = open_url(v->url);
    assert_int_equal(bill_of(s, &hours), 1000 * SHARED_HOURS);
    assert_int_equal(hours, SHARED_HOURS);
    assert_int_equal(sql_int(v, "SELECT count(*) FROM gw_correction"), 0);
    gw_store_free(s);
}

/* Two that open an empty store at a time: one makes the schema. */
static void *open_one(void *ctx)
{
    gw_error e = {0};
    gw_store *s = NULL;
    gw_store_options o = {.url = ctx, .timeout_ms = TEST_TIMEOUT_MS};
    int rc = gw_store_open(&o, &s, &e);
    if (rc)
        fprintf(stderr, "%s\n", e.message);
    gw_store_free(s);
    return rc ? ctx : NULL;
}

static void opened_by_several_at_a_time(void **state)
{
    env *v = *state;
    for (int round = 0; round < 5; round++) {
        pthread_t t[4];
        fresh_store(v);
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&t[i], NULL, open_one, v->url), 0);
        for (int i = 0; i < 4; i++) {
            void *failed;
            pthread_join(t[i], &failed);
            assert_null(failed);
        }
    }
}

/* ---- memory ---- */

static void memory_may_run_out(void **state)
{
    env *v = *state;
    gw_error e = {0};
    gw_arena a;
    int64_t live = gw_mem_live();
    int failures = 0;
    gw_arena_init(&a, 0);
    gw_store *s = open_fresh(v);
    for (int what = 0; what < 8; what++) {
        int rc = GW_ENOMEM;
        for (uint64_t n = 1; rc == GW_ENOMEM && n < 5000; n++) {
            rnd r = {(uint64_t)what + 1};
            gw_put_result got = GW_PUT_SAME;
            gw_arena into;
            gw_arena_init(&into, 0);
            /* new, corrected, new in another cluster, then what reads */
            gw_hour h = random_hour(&r, &a, what == 2 ? "n" : "m", T0, 9);
            gw_correction *c;
            gw_document d, *list;
            size_t count;
            gw_sums sums;
            gw_buf b;
            gw_query q = {
                .when = {T0, T0 + 2 * GW_DAY_MS}, .step = GW_STEP_DAY, .by = {GW_DIM_TEAM}, .n_by = 1};
            gw_buf_init(&b, 1 << 20);
            gw_mem_fail_at(n);
            switch (what) {
            case 0:
            case 1:
            case 2:
                rc = gw_store_put_hour(s, &h, NULL, &got, &e);
                break;
            case 3:
                rc = gw_store_sum(s, &q, &sums, &e);
                if (rc == 0)
                    gw_sums_free(&sums);
                break;
            case 4:
                rc = gw_store_pages(s, NULL, q.when, no_page, NULL, &e);
                break;
            case 5:
                rc = gw_store_export(s, append, &b, &e);
                break;
            case 6:
                rc = gw_store_corrections(s, NULL, q.when, 100, &into, &c, &count, &e);
                break;
            case 7:
                rc = gw_store_document_put(s, "k", "i", gw_str_of("{}"), &e);
                rc = rc ? rc : gw_store_document_get(s, "k", "i", &into, &d, &e);
                rc = rc ? rc : gw_store_documents(s, "k", &into, &list, &count, &e);
                break;
            }
            gw_mem_fail_at(0);
            if (rc && rc != GW_ENOMEM)
                fail_msg("%d, allocation %d: %s", what, (int)n, e.message);
            failures += rc != 0;
            if (rc == 0 && what < 3)
                assert_int_equal(got, what == 1 ? GW_PUT_CORRECTED : GW_PUT_NEW);
            gw_buf_free(&b);
            gw_arena_free(&into);
        }
        assert_int_equal(rc, 0);
    }
    assert_true(failures > 100);
    gw_store_free(s);
    gw_arena_free(&a);
    assert_int_equal(gw_mem_live(), live);
    /* and opening */
    for (uint64_t n = 1, rc = 1; rc && n < 1000; n++) {
        gw_store_options o = {.url = v->url};
        gw_mem_fail_at(n);
        rc = (uint64_t)(gw_store_open(&o, &s, &e) != 0);
        gw_mem_fail_at(0);
        if (rc)
            assert_int_equal(e.code, GW_ENOMEM);
        else
            gw_store_free(s);
        assert_int_equal(gw_mem_live(), live);
    }
}

/* ---- both engines ---- */

static int on_sqlite(void **state)
{
    static env v;
    *state = &v;
    return env_open(&v, false) ? 0 : -1;
}

static int on_postgres(void **state)
{
    static env v;
    *state = &v;
    return env_open(&v, true) ? 0 : -1;
}

static int done(void **state)
{
    env_close(*state);
    return 0;
}

#define ON(engine, name)                                                                                     \
    {                                                                                                        \
#name " on " engine, name, NULL, NULL, NULL                                                          \
    }
/* the full disk comes last: PostgreSQL is stopped before its file system goes */
#define SUITE(engine)                                                                                        \
    ON(engine, damage_is_named), ON(engine, opened_by_several_at_a_time),                                    \
        ON(engine, writers_and_readers_at_a_time), ON(engine, memory_may_run_out),                           \
        ON(engine, killed_writers_leave_whole_books)

int main(void)
{
    const struct CMUnitTest sqlite[] = {SUITE("sqlite"), ON("sqlite", damaged_files_do_no_harm),
                                        ON("sqlite", a_full_disk_loses_nothing)},
                            postgres[] = {SUITE("postgres"),
                                          ON("postgres", a_database_that_stops_is_found_again),
                                          ON("postgres", a_full_disk_loses_nothing)};
    int bad = cmocka_run_group_tests_name("sqlite", sqlite, on_sqlite, done);
    if (!pg_there()) {
        printf("SKIP: the same on PostgreSQL: no initdb in %s (install postgresql, or set GW_PG_BIN)\n",
               pg_bin());
        return bad;
    }
    return bad + cmocka_run_group_tests_name("postgres", postgres, on_postgres, done);
}
