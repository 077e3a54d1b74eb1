#include "gw_test.h"

#include "base/money.h"

static void money_is_exact(void **state)
{
    GW_UNUSED(state);
    gw_micro part[3];
    double weight[3] = {1, 1, 1};
    assert_int_equal(gw_apportion(100, weight, 3, part), 0);
    assert_int_equal(part[0], 34);
    assert_int_equal(part[1], 33);
    assert_int_equal(part[2], 33);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(money_is_exact)};
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
