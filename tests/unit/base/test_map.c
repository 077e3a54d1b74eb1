/* The map and the pool of strings: against a plain array searched from end to end, and with memory running
 * out. */
#include "gw_test.h"

#include "base/map.h"

static gw_str number_key(uint32_t i, char out[16])
{
    return (gw_str){out, (size_t)snprintf(out, 16, "key-%" PRIu32, i)};
}

static void finds_what_was_set(void **state)
{
    GW_UNUSED(state);
    enum { N = 5000 };
    char text[16];
    gw_map m;
    gw_map_init(&m);
    assert_int_equal(gw_map_get(&m, gw_str_of("x")), GW_NONE);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(gw_map_set(&m, number_key(i, text), i * 3), 0);
    for (uint32_t i = 0; i < N; i += 2)
        assert_int_equal(gw_map_set(&m, number_key(i, text), i + 7), 0);
    assert_int_equal(m.n, N);
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(gw_map_get(&m, number_key(i, text)), i % 2 ? i * 3 : i + 7);
        /* walking the entries is walking in the order of their arrival */
        assert_string_equal(m.entries[i].key, number_key(i, text).p);
    }
    assert_int_equal(gw_map_get(&m, number_key(N, text)), GW_NONE);
    gw_map_free(&m);
    assert_int_equal(gw_map_get(&m, number_key(1, text)), GW_NONE);
}

static void keys_are_bytes(void **state)
{
    GW_UNUSED(state);
    char mutable[] = "abc";
    gw_map m;
    gw_map_init(&m);
    assert_int_equal(gw_map_set(&m, (gw_str){NULL, 0}, 1), 0);
    assert_int_equal(gw_map_set(&m, (gw_str){"\0", 1}, 2), 0);
    assert_int_equal(gw_map_set(&m, (gw_str){"a\0b", 3}, 3), 0);
    assert_int_equal(gw_map_set(&m, (gw_str){"a\0c", 3}, 4), 0);
    assert_int_equal(gw_map_set(&m, (gw_str){"a", 1}, 5), 0);
    assert_int_equal(gw_map_set(&m, gw_str_of(mutable), 6), 0);
    mutable[0] = 'x'; /* the map has its own copy */
    assert_int_equal(m.n, 6);
    assert_int_equal(gw_map_get(&m, (gw_str){"", 0}), 1);
    assert_int_equal(gw_map_get(&m, (gw_str){"\0", 1}), 2);
    assert_int_equal(gw_map_get(&m, (gw_str){"a\0b", 3}), 3);
    assert_int_equal(gw_map_get(&m, (gw_str){"a\0c", 3}), 4);
    assert_int_equal(gw_map_get(&m, gw_str_of("a")), 5);
    assert_int_equal(gw_map_get(&m, gw_str_of("abc")), 6);
    assert_int_equal(gw_map_get(&m, gw_str_of("xbc")), GW_NONE);
    assert_int_equal(m.entries[2].key_len, 3);
    gw_map_free(&m);
}

/* Who takes back what he entered, for want of memory, relies on it. */
static void replacing_never_needs_memory(void **state)
{
    GW_UNUSED(state);
    char text[16];
    gw_map m;
    gw_map_init(&m);
    /* every size up to past several growths, among them those where one more key makes the table grow */
    for (uint32_t n = 1; n <= 200; n++) {
        assert_int_equal(gw_map_set(&m, number_key(n, text), n), 0);
        gw_mem_fail_at(1);
        assert_int_equal(gw_map_set(&m, number_key(n, text), GW_NONE), 0);
        assert_int_equal(gw_mem_count(), 0);
        gw_mem_fail_at(0);
        assert_int_equal(gw_map_get(&m, number_key(n, text)), GW_NONE);
    }
    gw_map_free(&m);
}

static void failed_sets_change_nothing(void **state)
{
    GW_UNUSED(state);
    char text[16];
    int64_t live = gw_mem_live();
    gw_map m;
    gw_map_init(&m);
    uint64_t failures = 0;
    for (uint32_t i = 0; i < 3000; i++) {
        for (uint64_t at = 1;; at++) {
            gw_mem_fail_at(at);
            int rc = gw_map_set(&m, number_key(i, text), i);
            bool asked = gw_mem_count() >= at;
            gw_mem_fail_at(0);
            if (rc == 0) {
                assert_false(asked);
                break;
            }
            failures++;
            assert_int_equal(rc, GW_ENOMEM);
            assert_int_equal(m.n, i);
            assert_int_equal(gw_map_get(&m, number_key(i, text)), GW_NONE);
        }
    }
    assert_true(failures > 10); /* slots, entries and keys had to grow several times */
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(gw_map_get(&m, number_key(i, text)), i);
    gw_map_free(&m);
    assert_int_equal(gw_mem_live(), live);
}

static void hashes_spread(void **state)
{
    GW_UNUSED(state);
    /* FNV-1a of the empty text is its offset basis, folded by us: h ^ h >> 29 */
    assert_true(gw_hash(NULL, 0) == (1469598103934665603u ^ (1469598103934665603u >> 29)));
    /* 4096 short keys over 4096 slots: a fair hash leaves 1/e of them empty; ours must not be far off */
    static unsigned char used[4096];
    int taken = 0;
    for (uint32_t i = 0; i < 4096; i++) {
        uint32_t k[2] = {i, 7};
        size_t slot = gw_hash(k, sizeof(k)) % 4096;
        taken += !used[slot];
        used[slot] = 1;
    }
    assert_true(taken > 4096 * 55 / 100);
}

static void interned_text_is_one(void **state)
{
    GW_UNUSED(state);
    gw_pool p;
    gw_pool_init(&p);
    const char *a = gw_intern(&p, gw_str_of("alpha"));
    assert_string_equal(a, "alpha");
    assert_string_equal(gw_intern(&p, (gw_str){"alphabet", 8}), "alphabet");
    assert_ptr_equal(gw_intern(&p, (gw_str){"alphabet", 5}), a);
    assert_string_equal(gw_intern(&p, (gw_str){NULL, 0}), "");
    const char *many[500];
    char text[16];
    for (uint32_t i = 0; i < 500; i++)
        many[i] = gw_intern(&p, number_key(i, text));
    for (uint32_t i = 0; i < 500; i++)
        assert_ptr_equal(gw_intern(&p, number_key(i, text)), many[i]);
    assert_ptr_equal(gw_intern(&p, gw_str_of("alpha")), a);
    /* what is there needs no memory; what is new gives NULL without it, and can be had later */
    gw_mem_fail_at(1);
    assert_ptr_equal(gw_intern(&p, gw_str_of("alpha")), a);
    gw_mem_fail_at(0);
    gw_pool_free(&p);
    gw_pool_init(&p);
    gw_mem_fail_at(1);
    assert_null(gw_intern(&p, gw_str_of("new")));
    gw_mem_fail_at(0);
    assert_string_equal(gw_intern(&p, gw_str_of("new")), "new");
    gw_pool_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_set),
        cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(replacing_never_needs_memory),
        cmocka_unit_test(failed_sets_change_nothing),
        cmocka_unit_test(hashes_spread),
        cmocka_unit_test(interned_text_is_one),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
