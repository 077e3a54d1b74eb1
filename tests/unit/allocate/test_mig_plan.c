#include "gw_test.h"

#include "allocate/mig_cover.h"
#include "allocate/mig_plan.h"
#include "mig_naive.h"

static const gw_mig_board *board(const char *name)
{
    const gw_mig_board *b = NULL;
    gw_error e = {0};
    if (gw_mig_board_find(name, -1, &b, &e))
        fail_msg("%s", e.message);
    return b;
}

/* ---- curves ---- */

static int read_curve(const char *text, gw_arena *a, gw_mig_curve *c, gw_error *e)
{
    gw_arena_init(a, 0);
    return gw_mig_curve_read("curve.csv", gw_str_of(text), a, c, e);
}

static void curve_is_read(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_mig_curve c;
    gw_error e = {0};
    assert_int_equal(read_curve("Mig instance,Batch size,Workload Number,Throughput,Latency\n"
                                "1,128,3,61.2,2.092\n"
                                "1,1,5,0,0\n" /* did not run */
                                "7,16,2,765.111,0.021\n",
                                &a, &c, &e),
                     0);
    assert_int_equal(c.n, 2);
    assert_int_equal(c.points[0].compute, 1);
    assert_int_equal(c.points[0].batch, 128);
    assert_int_equal(c.points[0].processes, 3);
    assert_true(c.points[0].rate == 61.2 * 3); /* the file's is that of one process */
    assert_true(c.points[0].latency_s == 2.092);
    assert_int_equal(c.points[1].compute, 7);
    gw_arena_free(&a);
    assert_int_equal(
        read_curve("latency,throughput,MIG INSTANCE,workload number,batch size\n0.5,10,2,1,4", &a, &c, &e),
        0);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.points[0].batch, 4);
    gw_arena_free(&a);
}

static void curve_that_is_none(void **state)
{
    GW_UNUSED(state);
#define HEADER "Mig instance,Batch size,Workload Number,Throughput,Latency\n"
    static const struct {
        const char *text, *part;
        int code;
    } cases[] = {
        {"", "MIG instance", GW_ECONFIG},
        {"Mig instance,Batch size,Workload Number,Throughput\n", "Latency", GW_ECONFIG},
        {HEADER "1,2,3,4\n", "curve.csv:2", GW_ECONFIG},
        {HEADER "1,2,3,4,x\n", "Latency", GW_ECONFIG},
        {HEADER "1,2,3,-4,1\n", "Throughput", GW_ECONFIG},
        {HEADER "1,2,3,nan,1\n", "Throughput", GW_ECONFIG},
        {HEADER "1,2,3,inf,1\n", "Throughput", GW_ECONFIG},
        {HEADER "0,2,3,4,1\n", "MIG instance", GW_ECONFIG},
        {HEADER "9,2,3,4,1\n", "MIG instance", GW_ECONFIG},
        {HEADER "1.5,2,3,4,1\n", "MIG instance", GW_ECONFIG},
        {HEADER "1,2,0,4,1\n", "Workload number", GW_ECONFIG},
        {HEADER "1,2,3,4,\"1\n", "curve.csv:2", GW_ECORRUPT},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_arena a;
        gw_mig_curve c = {.n = 99};
        gw_error e = {0};
        if (read_curve(cases[i].text, &a, &c, &e) != cases[i].code || !strstr(e.message, cases[i].part))
            fail_msg("case %zu: %d %s", i, e.code, e.message);
        assert_int_equal(c.n, 99);
        gw_arena_free(&a);
    }
}

/* ---- covers ---- */

/* 1g gives 10, 2g 21, 3g 35, 4g 40, 7g 80 of a rate of 60, weighed by compute slices. By hand: 3g 2g is 56;
 * with six slices 3g 3g gives 70 and 2g 2g 2g 63; with five at most 56. So the least weight is 6. */
static void lightest_cover(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b = board("A100-80GB");
    gw_mig_demand d = {.rate = 60, .gives = {10, 0, 0, 21, 35, 40, 80}};
    gw_mig_patterns patterns;
    gw_mig_weights w;
    gw_mig_cover_table t;
    gw_mig_set s;
    gw_arena a;
    gw_error e = {0};
    gw_arena_init(&a, 0);
    assert_int_equal(gw_mig_patterns_of(b, 0x79, &a, &patterns, &e), 0);
    assert_int_equal(gw_mig_cover_table_new(&a, &t, &e), 0);
    gw_mig_weights_init(&patterns, &w, GW_MIG_BY_COMPUTE);
    assert_int_equal(gw_mig_cover_lightest(&w, &d, &t, &s), 6);
    assert_true(gw_mig_covers(&d, &s));
    d.rate = 81;
    assert_int_equal(gw_mig_cover_lightest(&w, &d, &t, &s), 8); /* 3g 3g 2g */
    d.rate = 80;
    assert_int_equal(gw_mig_cover_lightest(&w, &d, &t, &s), 7); /* 7g, exactly */
    d.rate = 1e9;
    assert_int_equal(gw_mig_cover_lightest(&w, &d, &t, &s), -1);
    /* what weighs nothing covers for nothing */
    d.rate = 60;
    w.of[3] = 0;
    assert_int_equal(gw_mig_cover_lightest(&w, &d, &t, &s), 0);
    assert_int_equal(s.n[3], 3);
    gw_arena_free(&a);
}

static void minimal_covers(void **state)
{
    GW_UNUSED(state);
    /* 10 by 1g, 21 by 2g, of 30: 1g 1g 1g; 1g 2g; 2g 2g */
    gw_mig_demand d = {.rate = 30, .gives = {10, 0, 0, 21}};
    gw_mig_set s[8];
    assert_int_equal(gw_mig_covers_minimal(&d, s, 8), 3);
    assert_int_equal(s[0].n[3], 2);
    assert_int_equal(s[1].n[0], 1);
    assert_int_equal(s[1].n[3], 1);
    assert_int_equal(s[2].n[0], 3);
    assert_true(gw_mig_covers_minimal(&d, s, 2) > 2);
    d.rate = 1e9; /* comes to an end */
    assert_true(gw_mig_covers_minimal(&d, s, 8) == 0 || gw_mig_covers_minimal(&d, s, 8) > 8);
}

/* ---- plans ---- */

typedef struct world {
    const gw_mig_board *b;
    gw_mig_point points[8][8];
    gw_mig_service services[8];
    size_t n;
} world;

static void check_plan(const world *k, double share, const gw_mig_plan *p)
{
    double rate[8] = {0};
    naive boards = {.b = k->b};
    for (size_t i = 0; i < p->n_segments; i++) {
        const gw_mig_segment *g = &p->segments[i];
        const gw_mig_service *s = &k->services[g->service];
        assert_true(g->board < p->n_boards);
        assert_true(g->point >= s->curve.points && g->point < s->curve.points + s->curve.n);
        assert_int_equal(k->b->profiles[g->profile].compute, g->point->compute);
        assert_true(g->point->latency_s < share * s->latency_limit_s);
        assert_true(k->b->profiles[g->profile].starts & 1u << g->start);
        if (p->n_boards <= NAIVE_BOARDS_MAX)
            assert_true(naive_put(&boards, (int)g->board, &k->b->profiles[g->profile], g->start, 1));
        rate[g->service] += g->point->rate;
    }
    for (size_t i = 0; i < k->n; i++)
        assert_true(rate[i] >= k->services[i].rate * (1 - 1e-8));
    assert_true(p->lower <= p->n_boards && (!p->exact || p->lower == p->n_boards));
}

static gw_mig_plan plan_of(const world *k, gw_arena *a)
{
    gw_mig_plan p;
    gw_error e = {0};
    if (gw_mig_plan_find(k->b, k->services, k->n, GW_MIG_LATENCY_SHARE, a, &p, &e))
        fail_msg("%s", e.message);
    check_plan(k, GW_MIG_LATENCY_SHARE, &p);
    return p;
}

static void add_service(world *k, const char *name, double rate, double limit_s, size_t n_points)
{
    k->services[k->n] = (gw_mig_service){name, {k->points[k->n], n_points}, rate, limit_s};
    k->n++;
}

static void plans_by_hand(void **state)
{
    GW_UNUSED(state);
    static world k;
    gw_arena a;
    gw_arena_init(&a, 0);
    memset(&k, 0, sizeof(k));
    k.b = board("A100-SXM4-80GB");
    /* 0.45 of 1 s: the batch of 8 (0.45 s) is just too slow, that of 4 is not; so 1g gives 10 and not 15, and
     * 100/s need ten of 1g, which is two boards; 3g gives 45: three are 135 on two boards, two are 90; one 3g
     * and 1g four times is 85 on one board, so that one board cannot do it */
    k.points[0][0] = (gw_mig_point){1, 8, 1, 15, 0.45};
    k.points[0][1] = (gw_mig_point){1, 4, 1, 10, 0.44};
    k.points[0][2] = (gw_mig_point){3, 4, 2, 45, 0.2};
    add_service(&k, "one", 100, 1, 3);
    gw_mig_plan p = plan_of(&k, &a);
    assert_int_equal(p.n_boards, 2);
    assert_true(p.exact);
    /* 90/s: two of 3g, on one board */
    k.services[0].rate = 90;
    p = plan_of(&k, &a);
    assert_int_equal(p.n_boards, 1);
    assert_int_equal(p.n_segments, 2);
    assert_int_equal(p.segments[0].point->processes, 2);
    /* with more time the batch of 8 will do: 7 of 1g are 105 on one board */
    k.services[0].rate = 100;
    k.services[0].latency_limit_s = 1.001;
    p = plan_of(&k, &a);
    assert_int_equal(p.n_boards, 1);
    assert_int_equal(p.n_segments, 7);
    gw_arena_free(&a);
}

static void no_slice_is_fast_enough(void **state)
{
    GW_UNUSED(state);
    static world k;
    gw_arena a;
    gw_mig_plan p = {.n_boards = 99};
    gw_error e = {0};
    gw_arena_init(&a, 0);
    memset(&k, 0, sizeof(k));
    k.b = board("A100-80GB");
    k.points[0][0] = (gw_mig_point){1, 8, 1, 15, 0.45};
    add_service(&k, "slow", 1, 1, 1);
    assert_int_equal(gw_mig_plan_find(k.b, k.services, 1, 0.45, &a, &p, &e), GW_ENOTFOUND);
    assert_non_null(strstr(e.message, "slow"));
    k.services[0].rate = 0;
    assert_int_equal(gw_mig_plan_find(k.b, k.services, 1, 0.5, &a, &p, &e), GW_EUSAGE);
    k.services[0].rate = 1e9;
    assert_int_equal(gw_mig_plan_find(k.b, k.services, 1, 0.5, &a, &p, &e), GW_ELIMIT);
    assert_int_equal(gw_mig_plan_find(k.b, k.services, 0, 0.5, &a, &p, &e), GW_EUSAGE);
    /* a size that the board does not have is no slice */
    k.services[0].rate = 1;
    k.points[0][0].compute = 3;
    assert_int_equal(gw_mig_plan_find(board("A30"), k.services, 1, 0.5, &a, &p, &e), GW_ENOTFOUND);
    assert_int_equal(p.n_boards, 99);
    gw_arena_free(&a);
}

/* ---- against exhaustive search ---- */

/* Services with a few slices at most, so that everything can be tried. */
static void random_world(world *k, uint64_t *seed)
{
    static const int sizes[] = {1, 2, 3, 4, 7}, small[] = {1, 2, 4};
    memset(k, 0, sizeof(*k));
    bool a30 = naive_random(seed, 4) == 0;
    k->b = board(a30 ? "A30" : "A100-80GB");
    size_t n = 1 + naive_random(seed, 4), n_sizes = a30 ? 3 : 5;
    for (size_t i = 0; i < n; i++) {
        size_t points = 0;
        double unit = 50 + naive_random(seed, 50);
        for (size_t s = 0; s < n_sizes; s++) {
            int size = a30 ? small[s] : sizes[s];
            double rate = unit * size * (0.6 + 0.01 * naive_random(seed, 80));
            if (s == i % n_sizes || naive_random(seed, 5) > 1)
                k->points[i][points++] = (gw_mig_point){size, 1, 1, rate, 0.1};
        }
        add_service(k, "s", unit * (0.2 + 0.01 * naive_random(seed, n > 2 ? 380 : 600)), 1, points);
    }
}

typedef struct tried {
    gw_mig_set covers[8][512];
    size_t n[8];
} tried;

/* All covers of a service with at most 7 of a size, without those that hold another. */
static void all_covers(const world *k, size_t i, tried *t)
{
    const gw_mig_service *s = &k->services[i];
    int limit[8] = {0}, at[8] = {0};
    for (size_t p = 0; p < s->curve.n; p++)
        while (limit[p] * s->curve.points[p].rate < s->rate)
            limit[p]++;
    for (bool more = true; more;) {
        double rate = 0, least = 1e300;
        gw_mig_set set = {{0}};
        for (size_t p = 0; p < s->curve.n; p++) {
            const gw_mig_point *point = &s->curve.points[p];
            rate += at[p] * point->rate;
            if (at[p])
                least = GW_MIN(least, point->rate);
            for (size_t q = 0; q < k->b->n_profiles; q++) {
                const gw_mig_profile *profile = &k->b->profiles[q];
                bool plain_and_least = !strpbrk(profile->name, "+-") && strcmp(profile->name, "1g.20gb") != 0;
                if (plain_and_least && profile->compute == point->compute)
                    set.n[q] = at[p];
            }
        }
        if (rate >= s->rate && rate - least < s->rate) {
            assert_true(t->n[i] < 512);
            t->covers[i][t->n[i]++] = set;
        }
        more = false;
        for (size_t p = 0; p < s->curve.n && !more; p++) {
            more = at[p] < limit[p];
            at[p] = more ? at[p] + 1 : 0;
        }
    }
}

static bool any_fits(const world *k, const tried *t, size_t i, const gw_mig_set *all, int boards)
{
    if (gw_mig_set_compute(k->b, all) > boards * k->b->compute) /* nothing can save this */
        return false;
    if (i == k->n)
        return naive_fits(k->b, all, boards);
    for (size_t c = 0; c < t->n[i]; c++) {
        gw_mig_set more = *all;
        for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
            more.n[p] += t->covers[i][c].n[p];
        if (any_fits(k, t, i + 1, &more, boards))
            return true;
    }
    return false;
}

static void no_more_boards_than_exhaustive_search(void **state)
{
    GW_UNUSED(state);
    static world k;
    static tried t;
    uint64_t seed = 42;
    int most = 0, searched = 0;
    for (int round = 0; round < 4000; round++) {
        gw_mig_set none = {{0}};
        gw_arena a;
        gw_arena_init(&a, 0);
        random_world(&k, &seed);
        memset(&t, 0, sizeof(t));
        for (size_t i = 0; i < k.n; i++)
            all_covers(&k, i, &t);
        gw_mig_plan p = plan_of(&k, &a);
        assert_true(p.exact);
        /* everything tried on one board less; and the plan itself is proof that its number is enough */
        if (p.n_boards > 0 && p.n_boards <= 3) {
            assert_false(any_fits(&k, &t, 0, &none, (int)p.n_boards - 1));
            searched += p.n_boards > 1;
        }
        most = GW_MAX(most, (int)p.n_boards);
        gw_arena_free(&a);
    }
    assert_true(most >= 3 && searched >= 100); /* or else the worlds are too small to say anything */
}

static void same_input_same_plan(void **state)
{
    GW_UNUSED(state);
    static world k;
    uint64_t seed = 9;
    random_world(&k, &seed);
    gw_arena a;
    gw_arena_init(&a, 0);
    gw_mig_plan p = plan_of(&k, &a), q = plan_of(&k, &a);
    assert_int_equal(p.n_segments, q.n_segments);
    for (size_t i = 0; i < p.n_segments; i++) {
        assert_int_equal(p.segments[i].service, q.segments[i].service);
        assert_int_equal(p.segments[i].board, q.segments[i].board);
        assert_int_equal(p.segments[i].start, q.segments[i].start);
        assert_ptr_equal(p.segments[i].point, q.segments[i].point);
    }
    gw_arena_free(&a);
}

static void memory_runs_out(void **state)
{
    GW_UNUSED(state);
    static const char *const text = HEADER "1,1,1,10,0.1\n2,1,1,20,0.1\n3,1,1,35,0.1\n";
    int64_t live = gw_mem_live();
    int rc = GW_ENOMEM;
    for (uint64_t n = 1; rc; n++) {
        gw_mig_curve c = {.n = 99};
        gw_mig_plan p = {.n_boards = 99};
        gw_arena a;
        gw_error e = {0};
        gw_arena_init(&a, 0);
        gw_mem_fail_at(n);
        rc = gw_mig_curve_read("c", gw_str_of(text), &a, &c, &e);
        if (rc == 0) {
            /* 6 and 5 of 3g, so that it takes a search */
            gw_mig_service s[] = {{"a", c, 205, 1}, {"b", c, 161, 1}};
            rc = gw_mig_plan_find(board("A100-80GB"), s, 2, 0.45, &a, &p, &e);
        }
        gw_mem_fail_at(0);
        assert_true(rc == 0 || (rc == GW_ENOMEM && e.code == rc && p.n_boards == 99));
        gw_arena_free(&a);
        assert_true(n < 100000);
    }
    assert_int_equal(gw_mem_live(), live);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(curve_is_read),
        cmocka_unit_test(curve_that_is_none),
        cmocka_unit_test(lightest_cover),
        cmocka_unit_test(minimal_covers),
        cmocka_unit_test(plans_by_hand),
        cmocka_unit_test(no_slice_is_fast_enough),
        cmocka_unit_test(no_more_boards_than_exhaustive_search),
        cmocka_unit_test(same_input_same_plan),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
