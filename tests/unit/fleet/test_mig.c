/* What the names of MIG profiles say. Expected: the tables "Supported MIG Profiles" of NVIDIA's MIG user
 * guide. */
#include "gw_test.h"

#include <math.h>

#include "fleet/fleet.h"

static void weights_are_slices_of_the_board(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *model, *profile;
        int slices, of;
    } cases[] = {
        {"NVIDIA A100-SXM4-40GB", "1g.5gb", 1, 7},
        {"NVIDIA A100-SXM4-40GB", "1g.5gb+me", 1, 7},
        {"NVIDIA A100-SXM4-40GB", "1g.5gb.me", 1, 7}, /* as a resource's name has it */
        {"NVIDIA A100-SXM4-80GB", "1g.20gb", 1, 7},   /* twice the memory, the same compute */
        {"NVIDIA A100-SXM4-80GB", "2g.20gb", 2, 7},
        {"NVIDIA H100 80GB HBM3", "3g.40gb", 3, 7},
        {"NVIDIA H100 80GB HBM3", "4g.40gb", 4, 7},
        {"NVIDIA H200", "7g.141gb", 7, 7},
        {"NVIDIA B200", "1g.23gb", 1, 7},
        {"NVIDIA A30", "1g.6gb", 1, 4},
        {"NVIDIA A30", "2g.12gb", 2, 4},
        {"NVIDIA A30", "4g.24gb", 4, 4},
        {"NVIDIA RTX PRO 6000 Blackwell Server Edition", "1g.24gb", 1, 4},
        {"NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", "2g.48gb", 2, 4}, /* as a label has it */
        {NULL, "2g.10gb", 2, 7},                                           /* most boards have seven */
        {"NVIDIA A30", "7g.80gb", 4, 4},                                   /* never more than the board */
        {"NVIDIA H100 80GB HBM3", "12g.96gb", 7, 7},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        double w = gw_mig_weight(cases[i].model, cases[i].profile),
               want = (double)cases[i].slices / cases[i].of;
        if (fabs(w - want) > 1e-12)
            fail_msg("%s on %s weighs %g, not %g", cases[i].profile, cases[i].model, w, want);
    }
}

static void what_is_no_profile_has_no_weight(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {"",           "g",       "g.5gb",  "1",        "1x.5gb",
                                      "mig-1g.5gb", " 1g.5gb", "0g.0gb", "100g.1gb", "-1g.5gb",
                                      "1c.3g.20gb", "1.5gb",   "all"};
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        if (gw_mig_weight("NVIDIA A100-SXM4-40GB", bad[i]) != 0)
            fail_msg("'%s' weighs something", bad[i]);
    }
    assert_true(gw_mig_weight("NVIDIA A100-SXM4-40GB", NULL) == 0);
    assert_true(gw_mig_weight(NULL, NULL) == 0);
}

static void memory_is_what_the_name_says(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(gw_mig_memory_mib("1g.5gb"), 5 * 1024);
    assert_int_equal(gw_mig_memory_mib("7g.141gb"), 141 * 1024);
    assert_int_equal(gw_mig_memory_mib("1g.10gb+me"), 10 * 1024);
    assert_int_equal(gw_mig_memory_mib("1g.10gb.me"), 10 * 1024);
    static const char *const bad[] = {"",       "1g",         "1g.",     "1g.gb",     "1g.5",
                                      "1g.5mb", "1g.99999gb", "1g.-5gb", "1c.3g.20gb"};
    for (size_t i = 0; i < GW_COUNT(bad); i++)
        assert_int_equal(gw_mig_memory_mib(bad[i]), GW_UNKNOWN_COUNT);
    assert_int_equal(gw_mig_memory_mib(NULL), GW_UNKNOWN_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_slices_of_the_board),
        cmocka_unit_test(what_is_no_profile_has_no_weight),
        cmocka_unit_test(memory_is_what_the_name_says),
    };
    return cmocka_run_group_tests_name("mig", tests, NULL, NULL);
}
