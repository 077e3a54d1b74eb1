/*
 * One suite, run on both real engines: what a put means, sums against plain loops over the same hours, the
 * trail, documents, retention, backups, schema versions.
 */
#include "gw_test.h"

#include "env.h"
#include "hours.h"

#define HOURS_MAX 200

static void put(gw_store *s, const gw_hour *h, const char *reason, gw_put_result expected)
{
    gw_error e = {0};
    gw_put_result got;
    if (gw_store_put_hour(s, h, reason, &got, &e))
        fail_msg("%s", e.message);
    assert_int_equal(got, expected);
}

/* ---- sums against plain loops ---- */

static plain_sum *plain; /* large: not on the stack */

static void assert_same_sums(gw_store *s, const gw_hour *hours, size_t n_hours, const gw_query *q)
{
    gw_error e = {0};
    gw_sums sums;
    if (gw_store_sum(s, q, &sums, &e))
        fail_msg("%s", e.message);
    size_t n = plain_sums(hours, n_hours, q, plain);
    assert_int_equal(sums.n, n);
    for (size_t i = 0; i < sums.n; i++) {
        const gw_sum *got = &sums.rows[i];
        size_t k = 0;
        for (; k < n; k++) {
            bool same = plain[k].step_ms == got->step_ms;
            for (size_t b = 0; same && b < q->n_by; b++)
                same = strcmp(plain[k].key[b], got->key[b]) == 0;
            if (same)
                break;
        }
        assert_true(k < n);
        assert_memory_equal(&got->m, &plain[k].m, sizeof(got->m));
        assert_int_equal(got->hours, plain[k].hours);
        plain[k].step_ms = INT64_MIN; /* each once */
        if (i) {
            assert_true(got[-1].step_ms <= got->step_ms);
            if (got[-1].step_ms == got->step_ms)
                assert_true(got[-1].m.bill >= got->m.bill);
        }
    }
    gw_sums_free(&sums);
}

static gw_query random_query(rnd *r, gw_arena *a, int64_t days)
{
    gw_query q = {.step = (gw_step)rnd_below(r, 5)};
    q.when.start_ms = T0 + rnd_below(r, days * 24) * GW_HOUR_MS;
    q.when.end_ms = q.when.start_ms + rnd_below(r, days * 24 + 24) * GW_HOUR_MS;
    q.n_by = (size_t)rnd_below(r, 4);
    for (size_t b = 0; b < q.n_by; b++)
        q.by[b] = (gw_dim)rnd_below(r, GW_N_DIMS);
    if (rnd_below(r, 3) == 0) {
        q.where[0].dim = rnd_below(r, 2) ? GW_DIM_CLUSTER : GW_DIM_TEAM;
        q.where[0].value = q.where[0].dim == GW_DIM_CLUSTER ? pick(r, a, "cluster", 3)
                           : rnd_below(r, 3)                ? pick(r, a, "team", 3)
                                                            : "";
        q.n_where = 1;
    }
    return q;
}

/* Leaves the other way round: the same hour. */
static gw_hour turned(gw_arena *a, const gw_hour *h)
{
    gw_hour t = *h;
    t.leaves = GW_NEW_ARRAY(a, gw_hour_leaf, h->n_leaves);
    for (size_t i = 0; i < h->n_leaves; i++)
        t.leaves[i] = h->leaves[h->n_leaves - 1 - i];
    return t;
}

typedef struct history {
    gw_arena arena;
    rnd r;
    gw_hour hours[HOURS_MAX];
    size_t n;
} history;

static void history_init(history *h, uint64_t seed)
{
    gw_arena_init(&h->arena, 0);
    h->r.s = seed;
    h->n = 0;
}

/* Puts an hour that is new, the same, or corrected, in the store and in the list. */
static void random_put(history *h, gw_store *s, int64_t days)
{
    gw_arena *a = &h->arena;
    const char *cluster = pick(&h->r, a, "cluster", 3);
    int64_t start = T0 + rnd_below(&h->r, days * 24) * GW_HOUR_MS;
    size_t at = 0;
    while (at < h->n && (h->hours[at].start_ms != start || strcmp(h->hours[at].cluster, cluster)))
        at++;
    if (at < h->n && rnd_below(&h->r, 3) == 0) {
        gw_hour same = turned(a, &h->hours[at]);
        put(s, &same, NULL, GW_PUT_SAME);
        return;
    }
    if (at == HOURS_MAX)
        return;
    gw_hour hour = random_hour(&h->r, a, cluster, start, (size_t)rnd_below(&h->r, 25) + 1);
    put(s, &hour, "late samples", at < h->n ? GW_PUT_CORRECTED : GW_PUT_NEW);
    h->hours[at] = hour;
    h->n = GW_MAX(h->n, at + 1);
}

static void random_history_sums_as_plain_loops_do(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    history *h = calloc(1, sizeof(*h));
    history_init(h, 11);
    for (int i = 0; i < 300; i++) {
        random_put(h, s, 10);
        if (i % 6 == 0) {
            gw_query q = random_query(&h->r, &h->arena, 10);
            assert_same_sums(s, h->hours, h->n, &q);
        }
    }
    gw_store_free(s);
    s = open_url(v->url); /* another handle, that has seen nothing yet */
    for (int i = 0; i < 60; i++) {
        gw_query q = random_query(&h->r, &h->arena, 40);
        assert_same_sums(s, h->hours, h->n, &q);
    }
    gw_store_free(s);
    gw_arena_free(&h->arena);
    free(h);
}

/* Weeks begin on Monday, months on the first, in UTC: 2023-01-01 was a Sunday, 2024 a leap year. */
static void steps_are_calendar_steps(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_arena a;
    rnd r = {2};
    gw_error e = {0};
    gw_sums sums;
    gw_arena_init(&a, 0);
    /* 2024-02-29T23:00Z and 2024-03-01T00:00Z */
    int64_t last = INT64_C(1709247600000);
    gw_hour one = random_hour(&r, &a, "c", last, 3), two = random_hour(&r, &a, "c", last + GW_HOUR_MS, 3);
    put(s, &one, NULL, GW_PUT_NEW);
    put(s, &two, NULL, GW_PUT_NEW);
    gw_query q = {.when = {0, INT64_MAX}, .step = GW_STEP_MONTH};
    assert_int_equal(gw_store_sum(s, &q, &sums, &e), 0);
    assert_int_equal(sums.n, 2);
    assert_int_equal(sums.rows[0].step_ms, INT64_C(1706745600000)); /* 2024-02-01 */
    assert_int_equal(sums.rows[1].step_ms, INT64_C(1709251200000)); /* 2024-03-01 */
    gw_sums_free(&sums);
    q.step = GW_STEP_WEEK;
    assert_int_equal(gw_store_sum(s, &q, &sums, &e), 0);
    assert_int_equal(sums.n, 1);                                    /* Thursday and Friday */
    assert_int_equal(sums.rows[0].step_ms, INT64_C(1708905600000)); /* Monday 2024-02-26 */
    assert_int_equal(sums.rows[0].hours, 2);
    gw_sums_free(&sums);
    gw_arena_free(&a);
    gw_store_free(s);
}

/* ---- what is there ---- */

typedef struct page_list {
    const gw_hour *expected[HOURS_MAX];
    size_t n, at;
    int stop_at;
} page_list;

static int compare_page(void *ctx, const gw_hour *h, gw_error *e)
{
    page_list *l = ctx;
    if (l->stop_at && (int)l->at == l->stop_at)
        return gw_fail(e, GW_ELIMIT, "enough");
    assert_true(l->at < l->n);
    const gw_hour *x = l->expected[l->at++];
    assert_string_equal(h->cluster, x->cluster);
    assert_int_equal(h->start_ms, x->start_ms);
    assert_int_equal(h->n_leaves, x->n_leaves);
    for (size_t i = 0; i < h->n_leaves; i++) {
        for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
            assert_string_equal(h->leaves[i].dim[d], x->leaves[i].dim[d]);
        assert_memory_equal(&h->leaves[i].m, &x->leaves[i].m, sizeof(gw_measures));
    }
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const gw_hour *x = *(const gw_hour *const *)a, *y = *(const gw_hour *const *)b;
    if (x->start_ms != y->start_ms)
        return x->start_ms < y->start_ms ? -1 : 1;
    return strcmp(x->cluster, y->cluster);
}

static void pages_hold_the_leaves(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_error e = {0};
    history *h = calloc(1, sizeof(*h));
    page_list l = {.n = 0};
    history_init(h, 21);
    /* clusters in the order of their names, which is that of their numbers then: pages come by (start,
     * cluster) */
    for (int c = 0; c < 3; c++) {
        gw_hour hour = random_hour(&h->r, &h->arena, gw_arena_printf(&h->arena, "cluster-%d", c), T0, 4);
        put(s, &hour, NULL, GW_PUT_NEW);
        h->hours[h->n++] = hour;
    }
    for (int i = 0; i < 80; i++)
        random_put(h, s, 3);
    gw_interval when = {T0 + 5 * GW_HOUR_MS, T0 + 50 * GW_HOUR_MS};
    for (size_t i = 0; i < h->n; i++)
        if (h->hours[i].start_ms >= when.start_ms && h->hours[i].start_ms < when.end_ms)
            l.expected[l.n++] = &h->hours[i];
    qsort(l.expected, l.n, sizeof(l.expected[0]), by_time);
    assert_true(l.n > 10);
    if (gw_store_pages(s, NULL, when, compare_page, &l, &e))
        fail_msg("%s", e.message);
    assert_int_equal(l.at, l.n);
    l.at = 0;
    l.stop_at = 4;
    assert_int_equal(gw_store_pages(s, NULL, when, compare_page, &l, &e), GW_ELIMIT);
    assert_string_equal(e.message, "enough");
    l = (page_list){.n = 0};
    assert_int_equal(gw_store_pages(s, "nobody", when, compare_page, &l, &e), 0);
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(h->hours[i].cluster, "cluster-1") == 0)
            l.expected[l.n++] = &h->hours[i];
    qsort(l.expected, l.n, sizeof(l.expected[0]), by_time);
    assert_int_equal(gw_store_pages(s, "cluster-1", (gw_interval){0, INT64_MAX}, compare_page, &l, &e), 0);
    assert_int_equal(l.at, l.n);

    gw_interval extent;
    int64_t *closed;
    size_t n;
    const char **names;
    assert_int_equal(gw_store_extent(s, "cluster-1", &extent, &e), 0);
    assert_int_equal(extent.start_ms, l.expected[0]->start_ms);
    assert_int_equal(extent.end_ms, l.expected[l.n - 1]->start_ms + GW_HOUR_MS);
    assert_int_equal(gw_store_extent(s, "nobody", &extent, &e), 0);
    assert_int_equal(extent.start_ms, 0);
    assert_int_equal(extent.end_ms, 0);
    assert_int_equal(gw_store_closed(s, "cluster-1", (gw_interval){0, INT64_MAX}, &h->arena, &closed, &n, &e),
                     0);
    assert_int_equal(n, l.n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(closed[i], l.expected[i]->start_ms);
    assert_int_equal(gw_store_clusters(s, &h->arena, &names, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "cluster-0");
    assert_string_equal(names[2], "cluster-2");
    gw_store_free(s);
    gw_arena_free(&h->arena);
    free(h);
}

/* ---- same, other, and the trail ---- */

static gw_hour_leaf simple_leaf(const char *ns, const char *workload, gw_micro used, gw_micro wasted)
{
    gw_hour_leaf l = {.kind = GW_LEAF_HELD, .node_hourly = 5000000};
    for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
        l.dim[d] = "";
    l.dim[GW_DIM_NAMESPACE] = ns;
    l.dim[GW_DIM_WORKLOAD] = workload;
    l.m.used = used;
    l.m.wasted = wasted;
    l.m.bill = used + wasted;
    return l;
}

static void the_same_again_writes_nothing(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_hour_leaf leaves[] = {simple_leaf("a", "w", 10, 20), simple_leaf("b", "w", 30, 40)};
    gw_hour h = {.cluster = "c", .start_ms = T0, .leaves = leaves, .n_leaves = 2};
    put(s, &h, NULL, GW_PUT_NEW);
    int64_t closed = sql_int(v, "SELECT closed_ms FROM gw_hour");
    assert_int_equal(closed, test_now);
    test_now += 1000;
    put(s, &h, NULL, GW_PUT_SAME);
    gw_hour_leaf other_way[] = {leaves[1], leaves[0]};
    h.leaves = other_way;
    put(s, &h, "prices changed", GW_PUT_SAME);
    assert_int_equal(sql_int(v, "SELECT closed_ms FROM gw_hour"), closed);
    assert_int_equal(sql_int(v, "SELECT count(*) FROM gw_correction"), 0);
    /* one more of the same leaf is another hour, and so is a pod of another name */
    gw_hour_leaf twice[] = {leaves[0], leaves[1], leaves[1]};
    h = (gw_hour){.cluster = "c", .start_ms = T0, .leaves = twice, .n_leaves = 3};
    put(s, &h, NULL, GW_PUT_CORRECTED);
    twice[2].dim[GW_DIM_POD] = "other";
    put(s, &h, NULL, GW_PUT_CORRECTED);
    put(s, &h, NULL, GW_PUT_SAME);
    gw_store_free(s);
}

static void corrections_leave_a_trail(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_error e = {0};
    gw_arena a;
    gw_correction *c;
    size_t n;
    gw_arena_init(&a, 0);
    gw_hour_leaf before[] = {simple_leaf("a", "w", 10, 20), simple_leaf("a", "w", 1, 2),
                             simple_leaf("b", "w", 30, 40), simple_leaf("gone", "w", 5, 5)};
    gw_hour_leaf after[] = {simple_leaf("a", "w", 11, 20), simple_leaf("a", "w", 1, 2),
                            simple_leaf("b", "w", 30, 40), simple_leaf("new", "w", 7, 0)};
    gw_hour h = {.cluster = "c", .start_ms = T0, .leaves = before, .n_leaves = 4};
    put(s, &h, "prices changed", GW_PUT_NEW);
    assert_int_equal(gw_store_corrections(s, NULL, (gw_interval){0, INT64_MAX}, 100, &a, &c, &n, &e), 0);
    assert_int_equal(n, 0);
    test_now += 5000;
    h.leaves = after;
    put(s, &h, "prices changed", GW_PUT_CORRECTED);
    assert_int_equal(gw_store_corrections(s, "c", (gw_interval){T0, T0 + 1}, 100, &a, &c, &n, &e), 0);
    assert_int_equal(n, 3); /* b is as it was */
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(c[i].at_ms, test_now);
        assert_int_equal(c[i].hour_ms, T0);
        assert_string_equal(c[i].cluster, "c");
        assert_string_equal(c[i].workload, "w");
        assert_string_equal(c[i].reason, "prices changed");
        bool is_a = strcmp(c[i].ns, "a") == 0, is_gone = strcmp(c[i].ns, "gone") == 0;
        assert_true(is_a || is_gone || strcmp(c[i].ns, "new") == 0);
        /* a: 10 + 20 + 1 + 2 before, 11 + 20 + 1 + 2 after */
        assert_int_equal(c[i].before.bill, is_a ? 33 : is_gone ? 10 : 0);
        assert_int_equal(c[i].after.bill, is_a ? 34 : is_gone ? 0 : 7);
    }
    assert_int_equal(gw_store_corrections(s, "c", (gw_interval){T0, T0 + 1}, 2, &a, &c, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(gw_store_corrections(s, "d", (gw_interval){T0, T0 + 1}, 100, &a, &c, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(gw_store_corrections(s, "c", (gw_interval){T0 + 1, INT64_MAX}, 100, &a, &c, &n, &e), 0);
    assert_int_equal(n, 0);
    h.leaves = before;
    put(s, &h, NULL, GW_PUT_CORRECTED);
    assert_int_equal(gw_store_corrections(s, NULL, (gw_interval){0, INT64_MAX}, 100, &a, &c, &n, &e), 0);
    assert_int_equal(n, 6);
    assert_string_equal(c[0].reason, "read again");
    gw_arena_free(&a);
    gw_store_free(s);
}

static void money_that_overflows_is_refused(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_error e = {0};
    gw_put_result got;
    gw_hour_leaf leaves[] = {simple_leaf("a", "w", INT64_MAX - 5, 0), simple_leaf("a", "w", 6, 0)};
    gw_hour h = {.cluster = "c", .start_ms = T0, .leaves = leaves, .n_leaves = 2};
    assert_int_equal(gw_store_put_hour(s, &h, NULL, &got, &e), GW_ELIMIT);
    assert_int_equal(sql_int(v, "SELECT count(*) FROM gw_hour"), 0);
    h.n_leaves = 1;
    put(s, &h, NULL, GW_PUT_NEW);
    gw_hour next = {.cluster = "c", .start_ms = T0 + GW_HOUR_MS, .leaves = leaves + 1, .n_leaves = 1};
    assert_int_equal(gw_store_put_hour(s, &next, NULL, &got, &e), GW_ELIMIT); /* the day would */
    assert_int_equal(sql_int(v, "SELECT count(*) FROM gw_hour"), 1);
    next.start_ms = T0 + GW_DAY_MS;
    put(s, &next, NULL, GW_PUT_NEW);
    gw_sums sums;
    gw_query q = {.when = {T0, T0 + 2 * GW_DAY_MS}, .step = GW_STEP_DAY};
    assert_int_equal(gw_store_sum(s, &q, &sums, &e), 0);
    assert_int_equal(sums.rows[0].m.bill, INT64_MAX - 5);
    gw_sums_free(&sums);
    q.step = GW_STEP_NONE;
    assert_int_equal(gw_store_sum(s, &q, &sums, &e), GW_ELIMIT);
    gw_store_free(s);
}

static void hours_that_are_wrong_are_refused(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_error e = {0};
    gw_put_result got = GW_PUT_SAME;
    gw_hour_leaf leaf = simple_leaf("a", "w", 10, 20);
    gw_hour h = {.cluster = "c", .start_ms = T0, .leaves = &leaf, .n_leaves = 1};
    leaf.m.bill = 29;
    assert_int_equal(gw_store_put_hour(s, &h, NULL, &got, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "does not balance"));
    leaf.m.bill = 30;
    leaf.m.used_ms = -2;
    assert_int_equal(gw_store_put_hour(s, &h, NULL, &got, &e), GW_EUSAGE);
    leaf.m.used_ms = GW_UNKNOWN_COUNT;
    h.start_ms++;
    assert_int_equal(gw_store_put_hour(s, &h, NULL, &got, &e), GW_EUSAGE);
    h.start_ms--;
    put(s, &h, NULL, GW_PUT_NEW);
    /* unknown stays unknown in sums of hours and of days */
    gw_sums sums;
    gw_query q = {.when = {T0, T0 + GW_DAY_MS}, .step = GW_STEP_DAY};
    assert_int_equal(gw_store_sum(s, &q, &sums, &e), 0);
    assert_int_equal(sums.rows[0].m.used_ms, GW_UNKNOWN_COUNT);
    gw_sums_free(&sums);
    q = (gw_query){.by = {GW_DIM_POD}, .n_by = 1};
    assert_int_equal(gw_store_sum(s, &q, &sums, &e), GW_EUSAGE);
    q = (gw_query){.n_by = GW_MAX_BY + 1};
    assert_int_equal(gw_store_sum(s, &q, &sums, &e), GW_EUSAGE);
    gw_store_free(s);
}

/* Texts as they come: no UTF-8, quotes, long ones. */
static void names_are_kept_as_they_are(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_error e = {0};
    gw_sums sums;
    char *longest = calloc(1, 5001);
    memset(longest, 'x', 5000);
    gw_hour_leaf leaves[] = {simple_leaf("o'brien; DROP TABLE gw_hour --", "\"q\"\\\n\t", 1, 0),
                             simple_leaf("broken\xff", "w", 2, 0), simple_leaf(longest, "w", 3, 0)};
    gw_hour h = {.cluster = "größe \"1\"", .start_ms = T0, .leaves = leaves, .n_leaves = 3};
    put(s, &h, NULL, GW_PUT_NEW);
    put(s, &h, NULL, GW_PUT_SAME);
    gw_query q = {
        .when = {T0, T0 + GW_HOUR_MS}, .by = {GW_DIM_NAMESPACE, GW_DIM_WORKLOAD, GW_DIM_CLUSTER}, .n_by = 3};
    assert_int_equal(gw_store_sum(s, &q, &sums, &e), 0);
    assert_int_equal(sums.n, 3);
    assert_string_equal(sums.rows[0].key[0], longest);
    assert_string_equal(sums.rows[1].key[0], "broken\xef\xbf\xbd");
    assert_string_equal(sums.rows[2].key[0], "o'brien; DROP TABLE gw_hour --");
    assert_string_equal(sums.rows[2].key[1], "\"q\"\\\n\t");
    assert_string_equal(sums.rows[2].key[2], "größe \"1\"");
    gw_sums_free(&sums);
    free(longest);
    gw_store_free(s);
}

/* ---- documents ---- */

static void documents_are_kept(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_error e = {0};
    gw_arena a;
    gw_document d, *list;
    size_t n;
    bool yes;
    gw_arena_init(&a, 0);
    assert_int_equal(gw_store_document_get(s, "action", "x", &a, &d, &e), GW_ENOTFOUND);
    assert_int_equal(gw_store_document_put(s, "action", "release-node/b", gw_str_of("{\"a\":1}"), &e), 0);
    assert_int_equal(gw_store_document_add(s, "action", "release-node/b", gw_str_of("{}"), &yes, &e), 0);
    assert_false(yes);
    test_now += 10;
    assert_int_equal(gw_store_document_add(s, "action", "release-node/a", gw_str_of("{}"), &yes, &e), 0);
    assert_true(yes);
    assert_int_equal(gw_store_document_put(s, "alert", "release-node/a", gw_str_of(""), &e), 0);
    assert_int_equal(gw_store_document_get(s, "action", "release-node/b", &a, &d, &e), 0);
    assert_int_equal(d.updated_ms, test_now - 10);
    assert_true(gw_str_is(d.body, "{\"a\":1}"));
    assert_int_equal(gw_store_document_put(s, "action", "release-node/b", gw_str_of("[\"größe\"]"), &e), 0);
    assert_int_equal(gw_store_documents(s, "action", &a, &list, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].id, "release-node/a");
    assert_true(gw_str_is(list[1].body, "[\"größe\"]"));
    assert_int_equal(list[1].updated_ms, test_now);
    assert_int_equal(gw_store_document_delete(s, "action", "release-node/b", &yes, &e), 0);
    assert_true(yes);
    assert_int_equal(gw_store_document_delete(s, "action", "release-node/b", &yes, &e), 0);
    assert_false(yes);
    assert_int_equal(gw_store_documents(s, "nothing", &a, &list, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(gw_store_document_put(s, "action", "x", gw_str_of("\xff"), &e), GW_EUSAGE);
    assert_int_equal(gw_store_document_put(s, "", "x", gw_str_of("{}"), &e), GW_EUSAGE);
    gw_arena_free(&a);
    gw_store_free(s);
}

/* ---- retention ---- */

static int count_page(void *ctx, const gw_hour *h, gw_error *e)
{
    GW_UNUSED(h);
    GW_UNUSED(e);
    (*(size_t *)ctx)++;
    return 0;
}

static void trimming_keeps_what_it_should(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_error e = {0};
    history *h = calloc(1, sizeof(*h));
    uint64_t gone = 0;
    history_init(h, 31);
    for (int day = 0; day < 10; day++)
        for (int i = 0; i < 4; i++) {
            gw_hour hour =
                random_hour(&h->r, &h->arena, "cluster-0", T0 + day * GW_DAY_MS + i * 5 * GW_HOUR_MS, 6);
            put(s, &hour, NULL, GW_PUT_NEW);
            h->hours[h->n++] = hour;
        }
    int64_t now = T0 + 10 * GW_DAY_MS + 7 * GW_HOUR_MS;
    gw_retention none = {0}, some = {.detail_days = 2, .hour_days = 5, .day_days = 8};
    assert_int_equal(gw_store_trim(s, &none, now, &gone, &e), 0);
    assert_int_equal(gone, 0);
    assert_int_equal(gw_store_trim(s, &some, now, &gone, &e), 0);
    /* now is in day 10: days 0..7 lose 4 pages each, days 0..4 4 blocks each, days 0..1 are dropped: 32 + 20
     * + 2 */
    assert_int_equal(gone, 54);
    assert_int_equal(gw_store_trim(s, &some, now, &gone, &e), 0);
    assert_int_equal(gone, 0);
    size_t pages = 0;
    assert_int_equal(gw_store_pages(s, NULL, (gw_interval){0, INT64_MAX}, count_page, &pages, &e), 0);
    assert_int_equal(pages, 8);
    gw_query q = {.when = {T0, now}, .step = GW_STEP_DAY, .by = {GW_DIM_TEAM}, .n_by = 1};
    assert_same_sums(s, h->hours + 8, h->n - 8, &q); /* days 2..9 */
    q.step = GW_STEP_HOUR;
    assert_same_sums(s, h->hours + 20, h->n - 20, &q); /* days 5..9 */
    /* closed all the same; corrected only where it can be */
    int64_t *closed;
    size_t n;
    gw_put_result got;
    assert_int_equal(gw_store_closed(s, "cluster-0", (gw_interval){0, INT64_MAX}, &h->arena, &closed, &n, &e),
                     0);
    assert_int_equal(n, 32);
    put(s, &h->hours[12], NULL, GW_PUT_SAME);
    gw_hour other = random_hour(&h->r, &h->arena, "cluster-0", h->hours[12].start_ms, 3);
    assert_int_equal(gw_store_put_hour(s, &other, NULL, &got, &e), GW_EWINDOW);
    other = random_hour(&h->r, &h->arena, "cluster-0", h->hours[24].start_ms, 3);
    put(s, &other, NULL, GW_PUT_CORRECTED); /* its page is gone, its sums are not */
    h->hours[24] = other;
    q.step = GW_STEP_DAY;
    assert_same_sums(s, h->hours + 8, h->n - 8, &q);
    gw_store_free(s);
    gw_arena_free(&h->arena);
    free(h);
}

/* ---- backups ---- */

static void assert_same_export(gw_store *a, gw_store *b)
{
    gw_buf x, y;
    export_all(a, &x);
    export_all(b, &y);
    if (x.len != y.len || memcmp(x.data, y.data, x.len) != 0)
        fail_msg("exports differ: %zu and %zu bytes", x.len, y.len);
    gw_buf_free(&x);
    gw_buf_free(&y);
}

static int import_from(gw_store *s, const gw_buf *b, bool replace, gw_error *e)
{
    line_reader r = {b->data, b->data + b->len};
    return gw_store_import(s, next_line, &r, replace, e);
}

static void backups_come_back(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    gw_error e = {0};
    gw_buf b;
    uint64_t gone;
    history *h = calloc(1, sizeof(*h));
    history_init(h, 41);
    for (int i = 0; i < 120; i++) {
        test_now += 1000;
        random_put(h, s, 9);
    }
    assert_int_equal(gw_store_document_put(s, "alert", "x\"y", gw_str_of("{\"größe\":\"\\n\"}"), &e), 0);
    gw_retention some = {.detail_days = 2, .hour_days = 4, .day_days = 7};
    assert_int_equal(gw_store_trim(s, &some, T0 + 9 * GW_DAY_MS, &gone, &e), 0);
    assert_true(gone > 10);
    export_all(s, &b);
    gw_store *t = open_fresh(v);
    if (import_from(t, &b, false, &e))
        fail_msg("%s", e.message);
    assert_same_export(s, t);
    for (int i = 0; i < 20; i++) { /* and sums as the first store does, whatever was trimmed */
        gw_sums x, y;
        gw_query q = random_query(&h->r, &h->arena, 9);
        assert_int_equal(gw_store_sum(s, &q, &x, &e), 0);
        assert_int_equal(gw_store_sum(t, &q, &y, &e), 0);
        assert_int_equal(x.n, y.n);
        for (size_t k = 0; k < x.n; k++) {
            assert_memory_equal(&x.rows[k].m, &y.rows[k].m, sizeof(gw_measures));
            assert_int_equal(x.rows[k].hours, y.rows[k].hours);
        }
        gw_sums_free(&x);
        gw_sums_free(&y);
    }
    assert_int_equal(import_from(t, &b, false, &e), 0); /* again: nothing new */
    assert_same_export(s, t);

    /* an hour that is there with other numbers */
    gw_hour *last = &h->hours[0];
    for (size_t i = 0; i < h->n; i++)
        last = h->hours[i].start_ms > last->start_ms ? &h->hours[i] : last;
    gw_hour other = random_hour(&h->r, &h->arena, last->cluster, last->start_ms, 2);
    put(t, &other, NULL, GW_PUT_CORRECTED);
    assert_int_equal(import_from(t, &b, false, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "line "));
    assert_int_equal(import_from(t, &b, true, &e), 0);
    put(t, last, NULL, GW_PUT_SAME);

    /* cut off, damaged, of the future */
    gw_store *u = open_fresh(v);
    size_t whole = b.len;
    while (b.data[b.len - 2] != '\n')
        b.len--;
    assert_int_equal(import_from(u, &b, false, &e), GW_ECORRUPT);
    b.len = whole / 2;
    assert_int_equal(import_from(u, &b, false, &e), GW_ECORRUPT);
    b.len = whole;
    char *digit = strstr(b.data, "\"version\":1");
    digit[10] = '2';
    assert_int_equal(import_from(u, &b, false, &e), GW_ECONFIG);
    gw_buf_free(&b);
    gw_store_free(s);
    gw_store_free(t);
    gw_store_free(u);
    gw_arena_free(&h->arena);
    free(h);
}

/* Lines that are JSON and no history. */
static void imports_refuse_nonsense(void **state)
{
    static const char *const lines[] = {
        "[]",
        "{}",
        "{\"hour\":{}}",
        "{\"hour\":{\"cluster\":\"c\",\"start\":3600000,\"texts\":[],\"leaves\":[[0]]}}",
        "{\"hour\":{\"cluster\":\"c\",\"start\":1,\"texts\":[],\"leaves\":[]}}",
        "{\"hour\":{\"cluster\":\"\",\"start\":0,\"texts\":[],\"leaves\":[]}}",
        "{\"sums\":{\"cluster\":\"c\",\"start\":0,\"texts\":[],\"groups\":[],\"digest\":\"xyz\"}}",
        "{\"day\":{\"cluster\":\"c\",\"start\":3600000,\"texts\":[],\"groups\":[]}}",
        "{\"closed\":{\"cluster\":\"c\",\"start\":0}}",
        "{\"correction\":{\"cluster\":\"c\"}}",
        "{\"document\":{\"kind\":\"k\"}}",
        "{\"end\":{\"lines\":7}}",
        "{\"gpuwise\":\"history\"",
        "",
    };
    env *v = *state;
    gw_store *s = open_fresh(v);
    for (size_t i = 0; i < GW_COUNT(lines); i++) {
        gw_error e = {0};
        gw_buf b;
        gw_buf_init(&b, 10000);
        gw_buf_printf(&b, "{\"gpuwise\":\"history\",\"version\":1}\n%s\n", lines[i]);
        int rc = import_from(s, &b, false, &e);
        assert_true(rc == GW_ECORRUPT || rc == GW_EUSAGE);
        assert_non_null(strstr(e.message, "line 2"));
        gw_buf_free(&b);
    }
    assert_int_equal(sql_int(v, "SELECT count(*) FROM gw_hour"), 0);
    gw_store_free(s);
}

/* ---- opening ---- */

static void open_fails(const char *url, bool read_only, int code, const char *words)
{
    gw_error e = {0};
    gw_store *s = NULL;
    gw_store_options o = {.url = url, .read_only = read_only, .timeout_ms = 3000};
    assert_int_equal(gw_store_open(&o, &s, &e), code);
    assert_null(s);
    if (!strstr(e.message, words))
        fail_msg("\"%s\" does not say \"%s\"", e.message, words);
    assert_null(strstr(e.message, "s3cret"));
}

static void readers_only_read(void **state)
{
    env *v = *state;
    gw_error e = {0};
    gw_put_result got;
    bool yes;
    fresh_store(v);
    open_fails(v->url, true, v->pg ? GW_ECONFIG : GW_EIO,
               v->pg ? "there is no history in it" : "unable to open");
    gw_store *s = open_url(v->url);
    gw_hour_leaf leaf = simple_leaf("a", "w", 10, 20);
    gw_hour h = {.cluster = "c", .start_ms = T0, .leaves = &leaf, .n_leaves = 1};
    put(s, &h, NULL, GW_PUT_NEW);
    gw_store_options o = {.url = v->url, .read_only = true};
    gw_store *r = NULL;
    if (gw_store_open(&o, &r, &e))
        fail_msg("%s", e.message);
    assert_int_equal(gw_store_ping(r, &e), 0);
    assert_int_equal(gw_store_ping(s, &e), 0);
    h.start_ms += GW_HOUR_MS;
    assert_int_equal(gw_store_put_hour(r, &h, NULL, &got, &e), GW_EUSAGE);
    assert_int_equal(gw_store_document_add(r, "k", "i", gw_str_of("{}"), &yes, &e), GW_EUSAGE);
    gw_interval extent;
    assert_int_equal(gw_store_extent(r, "c", &extent, &e), 0);
    assert_int_equal(extent.end_ms, T0 + GW_HOUR_MS);
    put(s, &h, NULL, GW_PUT_NEW); /* beside an open reader, which then sees it */
    assert_int_equal(gw_store_extent(r, "c", &extent, &e), 0);
    assert_int_equal(extent.end_ms, T0 + 2 * GW_HOUR_MS);
    gw_store_free(r);
    gw_store_free(s);
}

static void urls_that_are_none_are_refused(void **state)
{
    env *v = *state;
    char url[300];
    open_fails("mysql://x", false, GW_ECONFIG, "sqlite:FILE");
    if (!v->pg) {
        open_fails("sqlite:", false, GW_ECONFIG, "names no file");
        open_fails("sqlite:/nowhere/at/all.db", false, GW_EIO, "check that the folder exists");
        return;
    }
    open_fails("postgres://u:s3cret@h:notaport/db", false, GW_ECONNECT, "PostgreSQL db at h");
    open_fails("postgres://u:s3cret@[::1/db", false, GW_ECONFIG, "not a PostgreSQL URL");
    open_fails("postgres://u:s3cret@127.0.0.1:1/db", false, GW_ECONNECT, "PostgreSQL db at 127.0.0.1");
    snprintf(url, sizeof(url), "postgresql://gw:s3cret@/nodb?host=%s", v->dir);
    open_fails(url, false, GW_ECONFIG, "create the database");
    snprintf(url, sizeof(url), "postgresql://stranger:s3cret@/postgres?host=%s", v->dir);
    open_fails(url, false, GW_ECONNECT, "stranger");
}

/* ---- schemas of other versions ---- */

/* Version 1 as it was: no gw_texts, no column for it, pages that stand alone. Written here once more on
 * purpose: the step from it must work on what is out there, not on what the code says today. */
static const char version_1[] =
    "CREATE TABLE gw_cluster (id SERIAL_, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE gw_group (cluster INT_ NOT NULL, id INT_ NOT NULL, namespace TEXT NOT NULL, workload TEXT "
    "NOT NULL,"
    " workload_kind TEXT NOT NULL, team TEXT NOT NULL, project TEXT NOT NULL, environment TEXT NOT NULL,"
    " model TEXT NOT NULL, model_version TEXT NOT NULL, cost_center TEXT NOT NULL, class TEXT NOT NULL,"
    " gpu_model TEXT NOT NULL, capacity TEXT NOT NULL, PRIMARY KEY (cluster, id));"
    "CREATE TABLE gw_hour (cluster INT_ NOT NULL, hour_ms INT_ NOT NULL, closed_ms INT_ NOT NULL,"
    " observed_start_ms INT_ NOT NULL, observed_end_ms INT_ NOT NULL, digest BLOB_ NOT NULL, sums BLOB_, "
    "page BLOB_,"
    " PRIMARY KEY (cluster, hour_ms));"
    "CREATE TABLE gw_day (cluster INT_ NOT NULL, day_ms INT_ NOT NULL, sums BLOB_ NOT NULL,"
    " PRIMARY KEY (cluster, day_ms));"
    "CREATE TABLE gw_correction (id SERIAL_, cluster INT_ NOT NULL, hour_ms INT_ NOT NULL, at_ms INT_ NOT "
    "NULL,"
    " namespace TEXT NOT NULL, workload TEXT NOT NULL, reason TEXT NOT NULL, sums_before BLOB_ NOT NULL,"
    " sums_after BLOB_ NOT NULL);"
    "CREATE TABLE gw_document (kind TEXT NOT NULL, id TEXT NOT NULL, updated_ms INT_ NOT NULL, body TEXT NOT "
    "NULL,"
    " PRIMARY KEY (kind, id));"
    "INSERT INTO gw_cluster (name) VALUES ('old');"
    "INSERT INTO gw_document VALUES ('action', 'a', 5, '{}');";

static void in_dialect(const env *v, const char *sql, gw_buf *b)
{
    static const struct {
        const char *word, *sqlite, *postgres;
    } words[] = {{"SERIAL_", "INTEGER PRIMARY KEY AUTOINCREMENT",
                  "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
                 {"INT_", "INTEGER", "BIGINT"},
                 {"BLOB_", "BLOB", "BYTEA"}};
    for (const char *p = sql; *p;) {
        size_t w = 0;
        while (w < GW_COUNT(words) && !gw_has_prefix(p, words[w].word))
            w++;
        if (w < GW_COUNT(words)) {
            gw_buf_puts(b, v->pg ? words[w].postgres : words[w].sqlite);
            p += strlen(words[w].word);
        } else {
            gw_buf_putc(b, *p++);
        }
    }
}

/* A page of its own for the old store: what version 1 wrote is what gw_page_write() writes. */
static void put_old_page(const env *v, const gw_hour *h)
{
    gw_error e = {0};
    gw_buf page, sql;
    gw_buf_init(&page, 100000);
    gw_buf_init(&sql, 300000);
    assert_int_equal(gw_page_write(h, &page, &e), 0);
    gw_buf_printf(&sql, "INSERT INTO gw_hour VALUES (1, %" PRId64 ", 7, 0, 0, %s, NULL, %s", h->start_ms,
                  v->pg ? "'\\x00'" : "x'00'", v->pg ? "'\\x" : "x'");
    for (size_t i = 0; i < page.len; i++)
        gw_buf_printf(&sql, "%02x", (unsigned char)page.data[i]);
    gw_buf_puts(&sql, "')");
    sql_do(v, sql.data);
    gw_buf_free(&page);
    gw_buf_free(&sql);
}

static void older_schemas_are_brought_up(void **state)
{
    env *v = *state;
    gw_error e = {0};
    gw_arena a;
    rnd r = {9};
    gw_buf sql;
    gw_document d;
    fresh_store(v);
    gw_arena_init(&a, 0);
    gw_buf_init(&sql, 100000);
    in_dialect(v, version_1, &sql);
    gw_buf_puts(&sql,
                v->pg ? "CREATE TABLE gw_schema (version INTEGER NOT NULL); INSERT INTO gw_schema VALUES (1);"
                      : "PRAGMA application_id = 1735423351; PRAGMA user_version = 1;");
    sql_do(v, sql.data);
    gw_hour old = random_hour(&r, &a, "old", T0, 12);
    put_old_page(v, &old);
    open_fails(v->url, true, GW_ECONFIG, "of an older gpuwise");
    gw_store *s = open_url(v->url);
    page_list l = {.expected = {&old}, .n = 1};
    if (gw_store_pages(s, "old", (gw_interval){0, INT64_MAX}, compare_page, &l, &e))
        fail_msg("%s", e.message);
    assert_int_equal(l.at, 1);
    assert_int_equal(gw_store_document_get(s, "action", "a", &a, &d, &e), 0);
    assert_int_equal(d.updated_ms, 5);
    gw_hour next = random_hour(&r, &a, "old", T0 + GW_DAY_MS, 12);
    put(s, &next, NULL, GW_PUT_NEW);
    assert_int_equal(sql_int(v, "SELECT count(*) FROM gw_texts"), 1);
    gw_store_free(s);
    gw_store_free(open_url(v->url)); /* once only */
    gw_buf_free(&sql);
    gw_arena_free(&a);
}

static void newer_schemas_are_left_alone(void **state)
{
    env *v = *state;
    gw_store_free(open_fresh(v));
    sql_do(v, v->pg ? "UPDATE gw_schema SET version = 3" : "PRAGMA user_version = 3");
    open_fails(v->url, false, GW_ECONFIG, "update gpuwise");
    if (!v->pg) {
        fresh_store(v);
        sql_do(v, "CREATE TABLE someone (x)");
        open_fails(v->url, false, GW_ECONFIG, "another program's database");
        assert_int_equal(sql_int(v, "SELECT count(*) FROM sqlite_schema"), 1);
        FILE *f = fopen(v->path, "wb");
        for (int i = 0; i < 3000; i++)
            fprintf(f, "this is no database\n");
        fclose(f);
        open_fails(v->url, false, GW_ECORRUPT, "not a database");
    }
}

static void stores_describe_themselves(void **state)
{
    env *v = *state;
    gw_store *s = open_fresh(v);
    assert_string_equal(gw_store_kind(s), v->pg ? "postgres" : "sqlite");
    assert_true(gw_has_prefix(gw_store_describe(s), v->pg ? "PostgreSQL t" : "SQLite "));
    gw_store_free(s);
    gw_store_free(NULL);
}

static int on_sqlite(void **state)
{
    static env v;
    *state = &v;
    plain = calloc(PLAIN_SUMS_MAX, sizeof(*plain));
    return env_open(&v, false) ? 0 : -1;
}

static int on_postgres(void **state)
{
    static env v;
    *state = &v;
    plain = calloc(PLAIN_SUMS_MAX, sizeof(*plain));
    return env_open(&v, true) ? 0 : -1;
}

static int done(void **state)
{
    free(plain);
    env_close(*state);
    return 0;
}

#define SUITE(name)                                                                                          \
    {                                                                                                        \
#name " on " ENGINE, name, NULL, NULL, NULL                                                          \
    }

int main(void)
{
#define ENGINE "sqlite"
    const struct CMUnitTest sqlite[] = {
        SUITE(random_history_sums_as_plain_loops_do),
        SUITE(steps_are_calendar_steps),
        SUITE(pages_hold_the_leaves),
        SUITE(the_same_again_writes_nothing),
        SUITE(corrections_leave_a_trail),
        SUITE(money_that_overflows_is_refused),
        SUITE(hours_that_are_wrong_are_refused),
        SUITE(names_are_kept_as_they_are),
        SUITE(documents_are_kept),
        SUITE(trimming_keeps_what_it_should),
        SUITE(backups_come_back),
        SUITE(imports_refuse_nonsense),
        SUITE(readers_only_read),
        SUITE(urls_that_are_none_are_refused),
        SUITE(older_schemas_are_brought_up),
        SUITE(newer_schemas_are_left_alone),
        SUITE(stores_describe_themselves),
    };
#undef ENGINE
#define ENGINE "postgres"
    const struct CMUnitTest postgres[] = {
        SUITE(random_history_sums_as_plain_loops_do),
        SUITE(steps_are_calendar_steps),
        SUITE(pages_hold_the_leaves),
        SUITE(the_same_again_writes_nothing),
        SUITE(corrections_leave_a_trail),
        SUITE(money_that_overflows_is_refused),
        SUITE(hours_that_are_wrong_are_refused),
        SUITE(names_are_kept_as_they_are),
        SUITE(documents_are_kept),
        SUITE(trimming_keeps_what_it_should),
        SUITE(backups_come_back),
        SUITE(imports_refuse_nonsense),
        SUITE(readers_only_read),
        SUITE(urls_that_are_none_are_refused),
        SUITE(older_schemas_are_brought_up),
        SUITE(newer_schemas_are_left_alone),
        SUITE(stores_describe_themselves),
    };
    int bad = cmocka_run_group_tests_name("sqlite", sqlite, on_sqlite, done);
    if (!pg_there()) {
        printf("SKIP: the same on PostgreSQL: no initdb in %s (install postgresql, or set GW_PG_BIN)\n",
               pg_bin());
        return bad;
    }
    return bad + cmocka_run_group_tests_name("postgres", postgres, on_postgres, done);
}
