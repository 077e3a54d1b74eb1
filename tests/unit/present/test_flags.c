/* The options of a command, spelt again for the next command. Expected texts are written by hand. */
#include "gw_test.h"

#include "present/options.h"

static const gw_option_group *const groups[] = {&gw_options_source,
                                                &gw_options_kubernetes,
                                                &gw_options_demo,
                                                &gw_options_window,
                                                &gw_options_prices,
                                                &gw_options_thresholds,
                                                NULL};
static const gw_command command = {.name = "report", .groups = groups};

static const char *no_environment(void *unused, const char *name)
{
    GW_UNUSED(unused);
    GW_UNUSED(name);
    return NULL;
}

#define ARGS(...)                                                                                            \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static gw_options parsed(const char *const *argv)
{
    gw_options o;
    gw_operands operands;
    gw_error e = {0};
    char *copy[32];
    int argc = 0;
    for (; argv[argc]; argc++)
        copy[argc] = (char *)(uintptr_t)argv[argc];
    gw_options_init(&o);
    if (gw_options_parse(&command, "gpuwise", argc, copy, no_environment, NULL, &o, &operands, &e))
        fail_msg("%s", e.message);
    return o;
}

static void spells(const char *const *argv, const char *want)
{
    gw_options o = parsed(argv);
    gw_arena arena;
    gw_error e = {0};
    const char *got = NULL;
    gw_arena_init(&arena, 0);
    if (gw_options_flags(&o, groups, &arena, &got, &e))
        fail_msg("%s", e.message);
    assert_string_equal(got, want);
    gw_arena_free(&arena);
}

static void test_nothing_that_is_default(void **state)
{
    GW_UNUSED(state);
    spells(ARGS("--demo"), "--demo");
    spells(ARGS("--demo", "--discount", "0", "--compute-high", "0.50", "--seed=1"), "--demo");
}

static void test_every_kind(void **state)
{
    GW_UNUSED(state);
    spells(ARGS("--demo", "--seed", "7", "--nodes", "20"), "--demo --seed 7 --nodes 20");
    spells(ARGS("--prometheus", "http://a:9090/x", "--prometheus-mode=json", "--tenant", "t",
                "--prometheus-matcher", "cluster=\"a\"", "--prometheus-insecure", "--retries", "0"),
           "--prometheus http://a:9090/x --prometheus-insecure --prometheus-mode json --prometheus-matcher "
           "'cluster=\"a\"' --tenant t --retries 0");
    /* a week is a week, and a length that needs more than three units is exact all the same: 8 d 1 h 1 min 1
     * s = 694861 s */
    spells(ARGS("--demo", "--window", "168h"), "--demo --window 7d");
    spells(ARGS("--demo", "--window", "694861s"), "--demo --window 694861000ms");
    spells(ARGS("--demo", "--discount", "12.5", "--control-plane-fee", "0.1", "--prices", "a b.csv",
                "--prices", "c.yaml", "--no-catalogue", "--min-coverage", "40%"),
           "--demo --prices 'a b.csv' --prices c.yaml --no-catalogue --discount 12.5% --control-plane-fee "
           "0.100000 --min-coverage 0.4");
}

static void test_quotes(void **state)
{
    GW_UNUSED(state);
    spells(ARGS("--snapshot", "it's; $(x)"), "--snapshot 'it'\\''s; $(x)'");
    spells(ARGS("--snapshot", ""), "--snapshot ''");
}

static void test_no_secrets(void **state)
{
    GW_UNUSED(state);
    spells(ARGS("--prometheus", "https://me:secret@h/p", "--prometheus-token", "secret",
                "--prometheus-header", "X: secret"),
           "--prometheus https://h/p");
}

static void test_only_what_the_source_takes(void **state)
{
    GW_UNUSED(state);
    spells(ARGS("--snapshot", "d", "--concurrency", "9", "--seed", "3"), "--snapshot d");
    spells(ARGS("--prometheus", "http://h", "--seed", "3"), "--prometheus http://h");
}

static void test_allocations(void **state)
{
    GW_UNUSED(state);
    gw_options o = parsed(ARGS("--demo", "--prices", "a", "--window", "3h"));
    for (uint64_t n = 1;; n++) {
        gw_arena arena;
        gw_error e = {0};
        const char *got = NULL;
        gw_arena_init(&arena, 0);
        gw_mem_fail_at(n);
        int rc = gw_options_flags(&o, groups, &arena, &got, &e);
        bool failed = gw_mem_count() >= n;
        gw_mem_fail_at(0);
        gw_arena_free(&arena);
        assert_int_equal(rc, failed ? GW_ENOMEM : 0);
        if (!failed)
            break;
        assert_null(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_that_is_default),
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_no_secrets),
        cmocka_unit_test(test_only_what_the_source_takes),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
