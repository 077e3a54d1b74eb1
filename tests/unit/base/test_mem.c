/* Allocation: fault injection, the count of live blocks, growing arrays, arenas. */
#include "gw_test.h"

#include "base/mem.h"

static void the_nth_allocation_fails_once(void **state)
{
    GW_UNUSED(state);
    void *p[5];
    gw_mem_fail_at(3);
    p[0] = gw_malloc(1);
    p[1] = gw_calloc(2, 2);
    p[2] = gw_strdup("x");
    p[3] = gw_realloc(NULL, 5);
    p[4] = gw_malloc(0); /* nothing is still a block of its own */
    assert_int_equal(gw_mem_count(), 5);
    gw_mem_fail_at(0);
    for (int i = 0; i < 5; i++) {
        assert_true((p[i] == NULL) == (i == 2));
        gw_free(p[i]);
    }
}

static void live_blocks_are_counted(void **state)
{
    GW_UNUSED(state);
    int64_t before = gw_mem_live();
    void *a = gw_malloc(10), *b = gw_calloc(0, 0), *c = gw_strdup(""), *d = gw_realloc(NULL, 0);
    assert_int_equal(gw_mem_live(), before + 4);
    a = gw_realloc(a, 10000); /* the same block */
    assert_int_equal(gw_mem_live(), before + 4);
    gw_mem_fail_at(1);
    assert_null(gw_realloc(a, 20000)); /* the old one stays */
    gw_mem_fail_at(1);
    assert_null(gw_malloc(1));
    gw_mem_fail_at(0);
    assert_int_equal(gw_mem_live(), before + 4);
    ((char *)a)[9999] = 'x';
    gw_free(NULL);
    gw_free(a);
    gw_free(b);
    gw_free(c);
    gw_free(d);
    assert_int_equal(gw_mem_live(), before);
}

static void callocs_are_zero(void **state)
{
    GW_UNUSED(state);
    unsigned char *p = gw_calloc(100, 3);
    for (int i = 0; i < 300; i++)
        assert_int_equal(p[i], 0);
    gw_free(p);
}

static void arrays_grow(void **state)
{
    GW_UNUSED(state);
    void *p = NULL;
    size_t cap = 0;
    assert_int_equal(gw_grow(&p, &cap, 0, 4, 100), 0);
    assert_null(p);
    assert_int_equal(gw_grow(&p, &cap, 1, 4, 100), 0);
    assert_int_equal(cap, 8);
    memset(p, 'x', cap * 4);
    assert_int_equal(gw_grow(&p, &cap, 9, 4, 100), 0);
    assert_int_equal(cap, 16); /* doubled */
    assert_memory_equal(p, "xxxxxxxx", 8);
    assert_int_equal(gw_grow(&p, &cap, 60, 4, 100), 0);
    assert_int_equal(cap, 64);
    assert_int_equal(gw_grow(&p, &cap, 65, 4, 100), 0);
    assert_int_equal(cap, 100); /* 128 is beyond the bound */
    memset(p, 'y', cap * 4);
    void *same = p;
    assert_int_equal(gw_grow(&p, &cap, 100, 4, 100), 0);
    assert_int_equal(gw_grow(&p, &cap, 101, 4, 100), GW_ELIMIT);
    assert_ptr_equal(p, same);
    assert_int_equal(cap, 100);
    /* a bound under what is there already still holds */
    assert_int_equal(gw_grow(&p, &cap, 50, 4, 40), GW_ELIMIT);
    gw_mem_fail_at(1);
    assert_int_equal(gw_grow(&p, &cap, 101, 4, 1000), GW_ENOMEM);
    gw_mem_fail_at(0);
    assert_ptr_equal(p, same);
    assert_int_equal(cap, 100);
    /* more bytes than there can be */
    assert_int_equal(gw_grow(&p, &cap, SIZE_MAX / 2, 4, SIZE_MAX), GW_ELIMIT);
    assert_int_equal(cap, 100);
    gw_free(p);

    /* a bound smaller than the first step */
    p = NULL;
    cap = 0;
    assert_int_equal(gw_grow(&p, &cap, 1, 4, 3), 0);
    assert_int_equal(cap, 3);
    assert_int_equal(gw_grow(&p, &cap, 4, 4, 3), GW_ELIMIT);
    gw_free(p);
}

static void arena_memory_is_zero_and_aligned(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_arena_init(&a, 0);
    for (size_t n = 0; n < 3000; n += 7) {
        unsigned char *p = gw_arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n); /* what comes next must not lie on it */
    }
    gw_arena_free(&a);
}

static void arena_keeps_what_it_gave(void **state)
{
    GW_UNUSED(state);
    enum { N = 3000 };
    static unsigned char *block[N];
    gw_arena a;
    int64_t live = gw_mem_live();
    gw_arena_init(&a, 0);
    /* sizes below, at and beyond a block of 64 KiB, in turn */
    static const size_t sizes[] = {1, 100, 5000, 65536, 65537, 200000, 64};
    for (size_t i = 0; i < N; i++) {
        size_t n = sizes[i % GW_COUNT(sizes)] / (i < 70 ? 1 : 50) + 1;
        block[i] = gw_arena_alloc(&a, n);
        assert_non_null(block[i]);
        memset(block[i], (int)(i % 251), n);
    }
    for (size_t i = 0; i < N; i++) {
        size_t n = sizes[i % GW_COUNT(sizes)] / (i < 70 ? 1 : 50) + 1;
        for (size_t k = 0; k < n; k++)
            assert_int_equal(block[i][k], i % 251);
    }
    gw_arena_free(&a);
    assert_int_equal(gw_mem_live(), live);
}

static void a_large_piece_does_not_waste_the_block(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_arena_init(&a, 0);
    int64_t live = gw_mem_live();
    gw_arena_alloc(&a, 16);
    gw_arena_alloc(&a, 1 << 20);
    gw_arena_alloc(&a, 16);
    gw_arena_alloc(&a, 1 << 20);
    gw_arena_alloc(&a, 16);
    assert_int_equal(gw_mem_live(), live + 3); /* the small ones share a block */
    gw_arena_free(&a);
    assert_int_equal(gw_mem_live(), live);
}

static void arenas_have_limits(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_arena_init(&a, 160);
    assert_non_null(gw_arena_alloc(&a, 100)); /* 112 bytes: rounded up to 16 */
    assert_null(gw_arena_alloc(&a, 49));
    assert_non_null(gw_arena_alloc(&a, 48));
    assert_null(gw_arena_alloc(&a, 1));
    assert_null(gw_arena_strdup(&a, "x"));
    assert_null(gw_arena_printf(&a, "%d", 1));
    assert_int_equal(a.used, 160);
    gw_arena_reset(&a);
    assert_non_null(gw_arena_alloc(&a, 160));
    gw_arena_free(&a);
    assert_non_null(gw_arena_alloc(&a, 160)); /* usable again, with the same limit */
    assert_null(gw_arena_alloc(&a, 1));
    assert_null(gw_arena_alloc(&a, SIZE_MAX));
    assert_null(gw_arena_alloc(&a, SIZE_MAX / 2 + 1));
    gw_arena_free(&a);
}

static void reset_keeps_one_block(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    int64_t live = gw_mem_live();
    gw_arena_init(&a, 0);
    gw_arena_reset(&a); /* of nothing */
    for (int i = 0; i < 10; i++)
        memset(gw_arena_alloc(&a, 40000), 0xaa, 40000);
    gw_arena_reset(&a);
    assert_int_equal(gw_mem_live(), live + 1);
    assert_int_equal(a.used, 0);
    gw_mem_fail_at(1);
    unsigned char *p = gw_arena_alloc(&a, 40000); /* from the block that was kept */
    gw_mem_fail_at(0);
    assert_non_null(p);
    for (size_t i = 0; i < 40000; i++)
        assert_int_equal(p[i], 0);
    gw_arena_free(&a);
    assert_int_equal(gw_mem_live(), live);
}

static void arena_texts(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_arena_init(&a, 0);
    assert_string_equal(gw_arena_strdup(&a, "text"), "text");
    assert_string_equal(gw_arena_strndup(&a, "text", 2), "te");
    assert_string_equal(gw_arena_strndup(&a, NULL, 0), "");
    assert_string_equal(gw_arena_printf(&a, "%s %d", "n", 5), "n 5");
    assert_string_equal(gw_arena_printf(&a, "%s", ""), "");
    gw_arena_free(&a);
    gw_mem_fail_at(1);
    assert_null(gw_arena_printf(&a, "%s", "x"));
    gw_mem_fail_at(0);
    gw_arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_allocation_fails_once),
        cmocka_unit_test(live_blocks_are_counted),
        cmocka_unit_test(callocs_are_zero),
        cmocka_unit_test(arrays_grow),
        cmocka_unit_test(arena_memory_is_zero_and_aligned),
        cmocka_unit_test(arena_keeps_what_it_gave),
        cmocka_unit_test(a_large_piece_does_not_waste_the_block),
        cmocka_unit_test(arenas_have_limits),
        cmocka_unit_test(reset_keeps_one_block),
        cmocka_unit_test(arena_texts),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
