/* Sums of the ledger: every part is added, and books that do not balance are told. */
#include "gw_test.h"

#include "fleet/ledger.h"

static void costs_add_up(void **state)
{
    GW_UNUSED(state);
    gw_cost a = {.bill = 15,
                 .used = 1,
                 .wasted = 2,
                 .idle = 3,
                 .unknown = 4,
                 .overhead = 5,
                 .reclaimable = 1,
                 .priced = true,
                 .unpriced_ms = 0.5};
    gw_cost b = {.bill = 150,
                 .used = 10,
                 .wasted = 20,
                 .idle = 30,
                 .unknown = 40,
                 .overhead = 50,
                 .reclaimable = 20,
                 .reclaimable_known = true,
                 .unpriced_ms = 7};
    gw_cost sum = {0};
    gw_cost_add(&sum, &sum); /* nothing and nothing has no price */
    assert_false(sum.priced);
    gw_cost_add(&sum, &a);
    assert_true(sum.priced && !sum.reclaimable_known);
    gw_cost_add(&sum, &b);
    assert_int_equal(sum.bill, 165);
    assert_int_equal(sum.used, 11);
    assert_int_equal(sum.wasted, 22);
    assert_int_equal(sum.idle, 33);
    assert_int_equal(sum.unknown, 44);
    assert_int_equal(sum.overhead, 55);
    assert_int_equal(sum.reclaimable, 21);
    assert_true(sum.priced && sum.reclaimable_known); /* known of some of it */
    assert_true(sum.unpriced_ms == 7.5);
    assert_true(gw_cost_balances(&sum));
}

static void times_add_up(void **state)
{
    GW_UNUSED(state);
    gw_gpu_time sum = {.paid = 1, .allocated = 2, .used = 3, .idle = 4, .unknown = 5};
    gw_gpu_time_add(&sum, &(gw_gpu_time){.paid = 10, .allocated = 20, .used = 30, .idle = 40, .unknown = 50});
    assert_true(sum.paid == 11 && sum.allocated == 22 && sum.used == 33 && sum.idle == 44 &&
                sum.unknown == 55);
}

static void what_does_not_balance_is_told(void **state)
{
    GW_UNUSED(state);
    const gw_cost good = {
        .bill = 15, .used = 1, .wasted = 2, .idle = 3, .unknown = 4, .overhead = 5, .reclaimable = 2};
    assert_true(gw_cost_balances(&good));
    assert_true(gw_cost_balances(&(gw_cost){0}));
    gw_cost c = good;
    c.bill = 16;
    assert_false(gw_cost_balances(&c));
    c = good;
    c.reclaimable = 3; /* more than is wasted */
    assert_false(gw_cost_balances(&c));
    c.reclaimable = -1;
    assert_false(gw_cost_balances(&c));
    /* the sum is right, and a part of it is nonsense */
    size_t parts[] = {offsetof(gw_cost, used), offsetof(gw_cost, idle), offsetof(gw_cost, unknown),
                      offsetof(gw_cost, overhead), offsetof(gw_cost, wasted)};
    for (size_t i = 0; i < GW_COUNT(parts); i++) {
        c = good;
        gw_micro *part = (gw_micro *)(void *)((char *)&c + parts[i]);
        c.bill += -7 - *part;
        *part = -7;
        c.reclaimable = 0;
        assert_false(gw_cost_balances(&c));
    }
}

static void a_ledger_is_freed_once_and_again(void **state)
{
    GW_UNUSED(state);
    int64_t live = gw_mem_live();
    gw_ledger l;
    gw_ledger_init(&l);
    l.leaves = gw_calloc(3, sizeof(*l.leaves));
    l.node_bill = gw_calloc(3, sizeof(*l.node_bill));
    gw_ledger_free(&l);
    gw_ledger_free(&l);
    assert_int_equal(gw_mem_live(), live);
    assert_int_equal(l.n_leaves, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_add_up),
        cmocka_unit_test(times_add_up),
        cmocka_unit_test(what_does_not_balance_is_told),
        cmocka_unit_test(a_ledger_is_freed_once_and_again),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
