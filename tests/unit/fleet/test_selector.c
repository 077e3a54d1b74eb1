#include "gw_test.h"

#include "fleet/selector.h"

static gw_fleet fleet;
static gw_labels labels;
static gw_arena arena;

static int setup(void **state)
{
    GW_UNUSED(state);
    gw_fleet_init(&fleet);
    gw_arena_init(&arena, 0);
    const char *const kv[][2] = {{"app", "chat"}, {"nvidia.com/gpu.product", "NVIDIA-L40S"}, {"empty", ""}};
    for (size_t i = 0; i < GW_COUNT(kv); i++)
        assert_int_equal(gw_fleet_label(&fleet, &labels, gw_str_of(kv[i][0]), gw_str_of(kv[i][1]), true), 0);
    return 0;
}

static int teardown(void **state)
{
    GW_UNUSED(state);
    gw_free(labels.kv);
    gw_fleet_free(&fleet);
    gw_arena_free(&arena);
    return 0;
}

static void matches_as_kubectl_does(void **state)
{
    GW_UNUSED(state);
    const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"", true},
        {"app=chat", true},
        {"app==chat", true},
        {"app=other", false},
        {"app!=other", true},
        {"app!=chat", false},
        {"gone!=x", true}, /* as in kubectl, where there is no such label */
        {"gone=x", false},
        {"app", true},
        {"!app", false},
        {"!gone", true},
        {"empty=", true},
        {"app in (a,chat)", true},
        {"app in (a, b)", false},
        {"app notin (a,b)", true},
        {"gone notin (a)", true},
        {" app = chat , nvidia.com/gpu.product=NVIDIA-L40S", true},
        {"app=chat,gone", false},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_error e = {0};
        gw_selector s;
        assert_int_equal(gw_selector_parse(gw_str_of(cases[i].text), &arena, &s, &e), 0);
        if (gw_selector_matches(&s, &labels) != cases[i].want)
            fail_msg("%s", cases[i].text);
    }
}

static void refuses_what_kubectl_refuses(void **state)
{
    GW_UNUSED(state);
    const char *const bad[] = {"=x",           ",",   "a=b,", "a b",  "a in b", "a in (b",
                               "a within (b)", "a!b", "!",    "a=b;c"};
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        gw_error e = {0};
        gw_selector s;
        if (gw_selector_parse(gw_str_of(bad[i]), &arena, &s, &e) != GW_EUSAGE)
            fail_msg("%s", bad[i]);
        assert_non_null(strstr(e.message, "character"));
    }
}

static const char *of_letters(void *ctx, const char *name)
{
    GW_UNUSED(ctx);
    return strcmp(name, "a") == 0 ? "1" : NULL;
}

static void asks_whoever_knows(void **state)
{
    GW_UNUSED(state);
    gw_selector s;
    assert_int_equal(gw_selector_parse(gw_str_of("a=1,!b"), &arena, &s, NULL), 0);
    assert_true(gw_selector_matches_with(&s, of_letters, NULL));
    assert_int_equal(gw_selector_parse(gw_str_of("a=1,b"), &arena, &s, NULL), 0);
    assert_false(gw_selector_matches_with(&s, of_letters, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_as_kubectl_does),
        cmocka_unit_test(refuses_what_kubectl_refuses),
        cmocka_unit_test(asks_whoever_knows),
    };
    return cmocka_run_group_tests_name("selector", tests, setup, teardown);
}
