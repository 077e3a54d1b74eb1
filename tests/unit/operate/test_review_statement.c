/* Statements add up to the bill, always; and what each says is checked by hand. */
#include "gw_test.h"

#include "operate/statement.h"

#define H GW_HOUR_MS

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static gw_measures held(int64_t paid_ms, gw_micro bill)
{
    return (gw_measures){
        .bill = bill, .wasted = bill, .paid_ms = paid_ms, .allocated_ms = paid_ms, .known_ms = paid_ms};
}

/*
 * Three teams with 1 h each, and 100 µ$ of idle: 33.3 each, so by largest remainder (all equal) the first
 * gets the odd one. 50 µ$ of overhead: 16.67 each: two get one more.
 */
static void test_by_hand(void **state)
{
    GW_UNUSED(state);
    gw_sum rows[] = {{.key = {"c", "n", "w1", "a"}, .m = held(H, 30)},
                     {.key = {"c", "n", "w2", "b"}, .m = held(H, 20)},
                     {.key = {"c", "m", "w2", ""}, .m = held(H, 500)},
                     {.key = {"c", "__idle__", "", ""}, .m = {.bill = 100, .idle = 100, .paid_ms = H}},
                     {.key = {"c", "__overhead__", "", ""}, .m = {.bill = 50, .overhead = 50}}};
    gw_correction c[] = {
        {.cluster = "c", .ns = "n", .workload = "w2", .before = held(H, 25), .after = held(H, 20)},
        {.cluster = "c", .ns = "__idle__", .workload = "", .before = held(0, 0), .after = held(0, 1)}};
    gw_statement_budget budget = {"b", 600};
    gw_sums s = {.rows = rows, .n = GW_COUNT(rows)};
    gw_statements t;
    gw_arena arena;
    gw_error e;
    gw_arena_init(&arena, 0);
    assert_int_equal(gw_statements_make(&s, c, 2, &budget, 1, &arena, &t, &e), 0);
    assert_int_equal(t.bill, 700);
    assert_int_equal(t.n, 3);
    assert_string_equal(t.items[0].team, "a");
    assert_int_equal(t.items[0].idle, 34);
    assert_int_equal(t.items[0].overhead, 17);
    assert_int_equal(t.items[0].total, 30 + 34 + 17);
    assert_string_equal(t.items[1].team, "b");
    assert_int_equal(t.items[1].total, 20 + 33 + 17);
    assert_int_equal(t.items[1].budget, 600);
    assert_int_equal(t.items[1].corrected, -5);
    assert_null(t.items[2].team); /* dearest, but nobody's: last */
    assert_int_equal(t.items[2].total, 500 + 33 + 16);
    assert_int_equal(t.items[0].total + t.items[1].total + t.items[2].total, 700);
    assert_int_equal(t.n_lines, 2);
    assert_int_equal(t.lines[0].statement, 1);
    assert_true(t.lines[1].statement == SIZE_MAX);
    gw_arena_free(&arena);
}

/* Nobody held anything: the whole bill is on the statement without a team. */
static void test_only_idle(void **state)
{
    GW_UNUSED(state);
    gw_sum rows[] = {
        {.key = {"c", "__idle__", "", ""}, .m = {.bill = 101, .idle = 70, .unknown = 31, .paid_ms = H}}};
    gw_sums s = {.rows = rows, .n = 1};
    gw_statements t;
    gw_arena arena;
    gw_error e;
    gw_arena_init(&arena, 0);
    assert_int_equal(gw_statements_make(&s, NULL, 0, NULL, 0, &arena, &t, &e), 0);
    assert_int_equal(t.n, 1);
    assert_null(t.items[0].team);
    assert_int_equal(t.items[0].total, 101);
    gw_arena_free(&arena);
}

/* A team whose hours have no price: its total is unknown, and it still takes its part of the idle. */
static void test_no_price(void **state)
{
    GW_UNUSED(state);
    gw_sum rows[] = {{.key = {"c", "n", "w1", "a"}, .m = held(H, 30)},
                     {.key = {"c", "n", "w2", "b"}, .m = {.paid_ms = H, .allocated_ms = H, .unpriced_ms = H}},
                     {.key = {"c", "__idle__", "", ""}, .m = {.bill = 100, .idle = 100, .paid_ms = H}}};
    gw_sums s = {.rows = rows, .n = GW_COUNT(rows)};
    gw_statements t;
    gw_arena arena;
    gw_error e;
    gw_arena_init(&arena, 0);
    assert_int_equal(gw_statements_make(&s, NULL, 0, NULL, 0, &arena, &t, &e), 0);
    assert_int_equal(t.items[0].total, 80);
    assert_int_equal(t.items[1].total, GW_MICRO_UNKNOWN);
    assert_int_equal(t.items[1].idle, 50);
    gw_arena_free(&arena);
}

static void test_random(void **state)
{
    GW_UNUSED(state);
    static const char *const teams[] = {"", "a", "b", "c", "d", "e", "__unallocated__"};
    static const char *const spaces[] = {"n", "m", "__idle__", "__overhead__"};
    for (uint64_t seed = 0; seed < 300; seed++) {
        gw_sum rows[40];
        gw_sums s = {.rows = rows, .n = below(GW_COUNT(rows) + 1)};
        gw_micro want = 0;
        rng = seed;
        for (size_t i = 0; i < s.n; i++) {
            gw_measures m = {.paid_ms = below((uint32_t)H)};
            gw_micro *parts[] = {&m.used, &m.wasted, &m.idle, &m.unknown, &m.overhead};
            const char *ns = spaces[below(GW_COUNT(spaces))];
            bool own = ns[0] != '_';
            for (size_t k = 0; k < GW_COUNT(parts); k++) {
                /* what a pod holds is used, wasted or unknown; the rest is idle, unknown or overhead */
                if (own ? k == 2 || k == 4 : k < 2)
                    continue;
                *parts[k] = below(3) ? (gw_micro)below(1000000000) * below(1000) : 0;
                m.bill += *parts[k];
            }
            want += m.bill;
            rows[i] = (gw_sum){.key = {"c", ns, "w", own ? teams[below(GW_COUNT(teams))] : ""}, .m = m};
        }
        gw_statements t;
        gw_arena arena;
        gw_error e;
        gw_micro sum = 0;
        gw_arena_init(&arena, 0);
        assert_int_equal(gw_statements_make(&s, NULL, 0, NULL, 0, &arena, &t, &e), 0);
        for (size_t i = 0; i < t.n; i++) {
            assert_true(t.items[i].idle >= 0 && t.items[i].unknown >= 0 && t.items[i].overhead >= 0);
            sum += t.items[i].total;
        }
        assert_int_equal(sum, want);
        assert_int_equal(t.bill, want);
        gw_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_only_idle),
        cmocka_unit_test(test_no_price),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
