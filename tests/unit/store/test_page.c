/* The page: what is written is read back, the same hour gives the same bytes, damage is noticed. */
#include "gw_test.h"

#include "hours.h"

static void same_text(const char *a, const char *b)
{
    assert_string_equal(a ? a : "", b);
}

static void assert_same_hour(const gw_hour *a, const gw_hour *b)
{
    assert_string_equal(a->cluster, b->cluster);
    assert_int_equal(a->start_ms, b->start_ms);
    assert_int_equal(a->observed.start_ms, b->observed.start_ms);
    assert_int_equal(a->observed.end_ms, b->observed.end_ms);
    assert_int_equal(a->n_leaves, b->n_leaves);
    for (size_t i = 0; i < a->n_leaves; i++) {
        assert_int_equal(a->leaves[i].kind, b->leaves[i].kind);
        for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
            same_text(a->leaves[i].dim[d], b->leaves[i].dim[d]);
        assert_int_equal(a->leaves[i].node_hourly, b->leaves[i].node_hourly);
        assert_memory_equal(&a->leaves[i].m, &b->leaves[i].m, sizeof(gw_measures));
    }
}

static void round_trip(const gw_hour *h)
{
    gw_error e = {0};
    gw_buf b, again;
    gw_arena a;
    gw_hour back;
    gw_buf_init(&b, GW_PAGE_BYTES_MAX);
    gw_buf_init(&again, GW_PAGE_BYTES_MAX);
    gw_arena_init(&a, 0);
    if (gw_page_write(h, &b, &e))
        fail_msg("%s", e.message);
    assert_int_equal(gw_page_write(h, &again, &e), 0);
    assert_int_equal(b.len, again.len);
    assert_memory_equal(b.data, again.data, b.len);
    if (gw_page_read(b.data, b.len, &a, &back, &e))
        fail_msg("%s", e.message);
    assert_same_hour(h, &back);
    gw_measures sum = h->n_leaves ? nothing_known() : (gw_measures){0};
    for (size_t i = 0; i < h->n_leaves; i++)
        plain_add(&sum, &h->leaves[i].m);
    assert_memory_equal(&sum, &back.total, sizeof(sum));
    gw_arena_free(&a);
    gw_buf_free(&b);
    gw_buf_free(&again);
}

static void reads_what_was_written(void **state)
{
    GW_UNUSED(state);
    rnd r = {7};
    for (int i = 0; i < 100; i++) {
        gw_arena a;
        gw_arena_init(&a, 0);
        gw_hour h =
            random_hour(&r, &a, i % 2 ? "prod" : "größe/eu", T0 + i * GW_HOUR_MS, (size_t)rnd_below(&r, 60));
        round_trip(&h);
        gw_arena_free(&a);
    }
}

/* The guesses of measures.c multiply and subtract: nothing may break at the ends of the numbers. */
static void takes_the_ends_of_numbers(void **state)
{
    static const int64_t ends[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_MAX - 1, 3600000};
    GW_UNUSED(state);
    rnd r = {3};
    for (int i = 0; i < 200; i++) {
        gw_arena a;
        gw_arena_init(&a, 0);
        gw_hour h = random_hour(&r, &a, "c", T0, 5);
        h.observed = (gw_interval){INT64_MIN, INT64_MAX};
        for (size_t k = 0; k < h.n_leaves; k++)
            for (size_t m = 0; m < N_MEASURES; m++)
                ((int64_t *)&h.leaves[k].m)[m] = ends[rnd_below(&r, GW_COUNT(ends))];
        gw_error e = {0};
        gw_buf b;
        gw_hour back;
        gw_buf_init(&b, GW_PAGE_BYTES_MAX);
        assert_int_equal(gw_page_write(&h, &b, &e), 0);
        assert_int_equal(gw_page_read(b.data, b.len, &a, &back, &e), 0);
        assert_same_hour(&h, &back);
        gw_buf_free(&b);
        gw_arena_free(&a);
    }
}

static void texts_that_are_no_utf8_are_mended(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_arena a;
    gw_buf b;
    gw_hour back;
    rnd r = {1};
    gw_arena_init(&a, 0);
    gw_buf_init(&b, GW_PAGE_BYTES_MAX);
    gw_hour h = random_hour(&r, &a, "c", T0, 1);
    h.leaves[0].dim[GW_DIM_NODE] = "a\xff"
                                   "b";
    h.leaves[0].dim[GW_DIM_POD] = NULL;
    assert_int_equal(gw_page_write(&h, &b, &e), 0);
    assert_int_equal(gw_page_read(b.data, b.len, &a, &back, &e), 0);
    assert_string_equal(back.leaves[0].dim[GW_DIM_NODE], "a\xef\xbf\xbd"
                                                         "b"); /* U+FFFD */
    assert_string_equal(back.leaves[0].dim[GW_DIM_POD], "");
    gw_buf_free(&b);
    gw_arena_free(&a);
}

static void refuses_hours_that_are_none(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_buf b;
    gw_hour_leaf l = {.kind = (gw_leaf_kind)3};
    gw_buf_init(&b, 1000);
    gw_hour h = {.cluster = "", .start_ms = T0};
    assert_int_equal(gw_page_write(&h, &b, &e), GW_EUSAGE);
    h = (gw_hour){.cluster = "c", .start_ms = T0 + 1};
    assert_int_equal(gw_page_write(&h, &b, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "is not the start of an hour"));
    h = (gw_hour){.cluster = "c", .start_ms = -GW_HOUR_MS};
    assert_int_equal(gw_page_write(&h, &b, &e), GW_EUSAGE);
    h = (gw_hour){.cluster = "c", .start_ms = T0, .leaves = &l, .n_leaves = 1};
    assert_int_equal(gw_page_write(&h, &b, &e), GW_EUSAGE);
    h.n_leaves = (size_t)1 << 40;
    assert_int_equal(gw_page_write(&h, &b, &e), GW_ELIMIT);
    assert_int_equal(b.len, 0);
    gw_buf_free(&b);
}

/* Every byte of a page changed in turn, and every length cut: never read, never a crash. */
static void notices_damage(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_arena a;
    gw_buf b;
    gw_hour back = {0};
    rnd r = {5};
    gw_arena_init(&a, 0);
    gw_buf_init(&b, GW_PAGE_BYTES_MAX);
    gw_hour h = random_hour(&r, &a, "c", T0, 20);
    assert_int_equal(gw_page_write(&h, &b, &e), 0);
    for (size_t i = 0; i < b.len; i++) {
        b.data[i] ^= 0x10;
        assert_int_equal(gw_page_read(b.data, b.len, &a, &back, &e), GW_ECORRUPT);
        b.data[i] ^= 0x10;
        assert_int_equal(gw_page_read(b.data, i, &a, &back, &e), GW_ECORRUPT);
    }
    assert_null(back.leaves);
    assert_int_equal(gw_page_read(b.data, b.len, &a, &back, &e), 0);
    gw_buf_free(&b);
    gw_arena_free(&a);
}

static void allocations_may_fail(void **state)
{
    GW_UNUSED(state);
    gw_arena a, into;
    rnd r = {5};
    gw_error e = {0};
    gw_buf b;
    gw_hour back;
    int rc;
    gw_arena_init(&a, 0);
    gw_arena_init(&into, 0);
    gw_hour h = random_hour(&r, &a, "c", T0, 30);
    uint64_t n = 1;
    do {
        int64_t live = gw_mem_live();
        gw_mem_fail_at(n++);
        gw_buf_init(&b, GW_PAGE_BYTES_MAX);
        rc = gw_page_write(&h, &b, &e);
        assert_true(rc == 0 || rc == GW_ENOMEM);
        if (rc == 0) {
            rc = gw_page_read(b.data, b.len, &into, &back, &e);
            assert_true(rc == 0 || rc == GW_ENOMEM);
        }
        gw_mem_fail_at(0);
        gw_buf_free(&b);
        gw_arena_free(&into);
        assert_int_equal(gw_mem_live(), live);
    } while (rc && n < 10000);
    assert_int_equal(rc, 0);
    assert_true(n > 10);
    gw_arena_free(&a);
}

static void dimensions_have_names(void **state)
{
    GW_UNUSED(state);
    for (unsigned d = 0; d < GW_N_LEAF_DIMS; d++)
        assert_int_equal(gw_dim_find(gw_str_of(gw_dim_name((gw_dim)d))), d);
    assert_string_equal(gw_dim_name(GW_DIM_WORKLOAD_KIND), "workloadKind");
    assert_string_equal(gw_dim_name(GW_DIM_POD), "pod");
    assert_null(gw_dim_name(GW_N_LEAF_DIMS));
    assert_int_equal(gw_dim_find(gw_str_of("colour")), GW_N_LEAF_DIMS);
}

static void sums_saturate_and_unknowns_stay(void **state)
{
    GW_UNUSED(state);
    gw_measures a = {
        .bill = INT64_MAX - 1, .memory_ms = GW_UNKNOWN_COUNT, .used_ms = 5, .idle_ms = GW_UNKNOWN_COUNT};
    gw_measures b = {.bill = 5, .memory_ms = GW_UNKNOWN_COUNT, .used_ms = GW_UNKNOWN_COUNT, .idle_ms = 7};
    gw_measures_add(&a, &b);
    assert_int_equal(a.bill, INT64_MAX);
    assert_int_equal(a.memory_ms, GW_UNKNOWN_COUNT); /* nobody knows */
    assert_int_equal(a.used_ms, 5);                  /* what is known stays known */
    assert_int_equal(a.idle_ms, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(takes_the_ends_of_numbers),
        cmocka_unit_test(texts_that_are_no_utf8_are_mended),
        cmocka_unit_test(refuses_hours_that_are_none),
        cmocka_unit_test(notices_damage),
        cmocka_unit_test(allocations_may_fail),
        cmocka_unit_test(dimensions_have_names),
        cmocka_unit_test(sums_saturate_and_unknowns_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
