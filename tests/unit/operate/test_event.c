#include "gw_test.h"

#include "operate/event.h"

static const gw_event_detail details[] = {{"spent", "9,600.12 USD"}, {"budget", "nlp"}};

static gw_event sample(const char *key)
{
    return (gw_event){.kind = "budget-threshold",
                      .dedup_key = key,
                      .severity = GW_EVENT_WARNING,
                      .summary = "80 % of nlp's budget is spent",
                      .details = details,
                      .n_details = GW_COUNT(details),
                      .at_ms = 1000};
}

static void test_copies(void **state)
{
    GW_UNUSED(state);
    gw_events l;
    gw_error e;
    char key[] = "budget/nlp/2026-11/0.8";
    gw_events_init(&l);
    gw_event ev = sample(key);
    assert_int_equal(gw_events_add(&l, &ev, &e), 0);
    memset(key, 'x', sizeof(key) - 1); /* the list's copy is its own */
    assert_int_equal(l.n, 1);
    assert_string_equal(l.items[0].dedup_key, "budget/nlp/2026-11/0.8");
    assert_string_equal(l.items[0].details[1].value, "nlp");
    assert_ptr_not_equal(l.items[0].details, details);
    gw_events_clear(&l);
    assert_int_equal(l.n, 0);
    gw_events_free(&l);
}

static void test_long_keys(void **state)
{
    GW_UNUSED(state);
    enum { N = 400 };
    gw_events l;
    gw_error e;
    char a[N + 1], b[N + 1], exact[GW_EVENT_KEY_MAX + 1], wide[N + 2];
    memset(a, 'k', N);
    memset(b, 'k', N);
    memset(exact, 'k', GW_EVENT_KEY_MAX);
    a[N] = b[N] = exact[GW_EVENT_KEY_MAX] = '\0';
    b[N - 1] = 'z'; /* differs only behind the cut */
    wide[0] = 'k';  /* then two-byte characters, so that the cut at an even place would split one */
    for (int i = 1; i < N; i += 2) {
        wide[i] = (char)0xc3;
        wide[i + 1] = (char)0xa9;
    }
    wide[N + 1] = '\0';
    gw_events_init(&l);
    const char *keys[] = {a, b, exact, wide};
    for (size_t i = 0; i < GW_COUNT(keys); i++) {
        gw_event ev = sample(keys[i]);
        assert_int_equal(gw_events_add(&l, &ev, &e), 0);
        assert_true(strlen(l.items[i].dedup_key) <= GW_EVENT_KEY_MAX);
    }
    assert_string_not_equal(l.items[0].dedup_key, l.items[1].dedup_key);
    assert_string_equal(l.items[2].dedup_key, exact);
    /* 255 - 17 = 238 is in the middle of a character, which starts at 237: 237 bytes and '#' + 16 digits */
    assert_int_equal(strlen(l.items[3].dedup_key), 237 + 17);
    gw_events_free(&l);
}

static void test_bounds_and_names(void **state)
{
    GW_UNUSED(state);
    gw_events l;
    gw_error e;
    gw_events_init(&l);
    gw_event ev = sample("k");
    ev.n_details = GW_EVENT_DETAILS_MAX + 1;
    assert_int_equal(gw_events_add(&l, &ev, &e), GW_EINTERNAL);
    assert_int_equal(l.n, 0);
    gw_events_free(&l);
    assert_int_equal(gw_event_severity_find(gw_str_of("error")), GW_EVENT_ERROR);
    assert_int_equal(gw_event_severity_find(gw_str_of("Error")), GW_N_EVENT_SEVERITIES);
    assert_string_equal(gw_event_severity_name(GW_EVENT_CRITICAL), "critical");
}

static void test_allocations(void **state)
{
    GW_UNUSED(state);
    for (uint64_t n = 1;; n++) {
        gw_events l;
        gw_error e;
        gw_events_init(&l);
        gw_event ev = sample("k");
        gw_mem_fail_at(n);
        int r = gw_events_add(&l, &ev, &e);
        bool failed = gw_mem_count() >= n;
        gw_mem_fail_at(0);
        assert_int_equal(r, failed ? GW_ENOMEM : 0);
        assert_int_equal(l.n, failed ? 0 : 1);
        gw_events_free(&l);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_long_keys),
        cmocka_unit_test(test_bounds_and_names),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
