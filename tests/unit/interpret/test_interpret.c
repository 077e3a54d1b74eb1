/* What holds for all rules: confidence, order, failure, and that the guide describes every one. */
#include "world.h"

static void confidence_is_the_product_of_three(void **state)
{
    GW_UNUSED(state);
    assert_near(gw_confidence(1, 24, 1), 0.5);     /* one day: half */
    assert_near(gw_confidence(1, 48, 1), 0.75);    /* each day halves what is in doubt */
    assert_near(gw_confidence(0.5, 24, 0), 0.125); /* half covered, at the threshold: 0.5 × 0.5 × 0.5 */
    assert_near(gw_confidence(1, 1e9, 1), 1);
    assert_near(gw_confidence(7, 1e9, 7), 1); /* cut */
    assert_near(gw_confidence(-1, 24, 1), 0);
    assert_near(gw_confidence(1, 0, 1), 0);
    assert_near(gw_confidence(0.0 / 0.0, 24, 1), 0); /* not a number is not sure */
}

static void margins(void **state)
{
    GW_UNUSED(state);
    assert_near(gw_margin_under(0.10, 0.25), 0.6);
    assert_near(gw_margin_under(0.25, 0.25), 0);
    assert_near(gw_margin_under(0.30, 0.25), 0);
    assert_near(gw_margin_over(0.75, 0.50), 0.5);
    assert_near(gw_margin_over(1, 0.80), 1);
    assert_near(gw_margin_ratio(4, 2), 0.5);
    assert_near(gw_margin_ratio(2, 2), 0);
    assert_near(gw_margin_ratio(0, 2), 0);
}

/* Something for every rule that has to allocate. */
static void fill(world *w)
{
    static const char *const names[] = {"chat-1", "chat-2", "chat-3"};
    uint32_t n = world_node(w, "n1", 4), m = world_node(w, "n2", 8);
    for (int i = 0; i < 3; i++) {
        char uuid[16];
        snprintf(uuid, sizeof(uuid), "GPU-%d", i);
        uint32_t u = world_gpu(w, n, uuid, i), p = world_pod(w, "ml", names[i], "Deployment", "chat");
        world_memory(w, world_hold(w, u, p, 168, 168, 0.1 * i, i ? 0.9 : 0), 0.6, 0.7);
        gw_pod *pod = &w->f.pods[p];
        pod->cpu_request_milli = 16000;
        pod->cpu_used_max_milli = 1000;
        pod->node = n;
    }
    world_hold(w, world_gpu(w, n, "GPU-3", 3), world_pod(w, "lab", "bare", NULL, NULL), 60, 60, 0.05, 0.9);
    w->f.pods[3].labels.n = 0;
    w->f.pods[3].in_api = true;
    world_idle(w, 3, 108, 0);
    uint32_t pair = world_gpu(w, n, "GPU-3", 3);
    world_hold(w, pair, 0, 10, 10, 0, 0); /* a pod with two holds: a scratch merge */
    w->u.units[pair].paid -= 10 * H;
    uint32_t blind = gw_fleet_unit(&w->f, GW_NONE, m, gw_str_of(""), gw_str_of(""), NULL);
    assert_int_equal(gw_usage_fit(&w->u, &w->f), 0);
    world_idle(w, blind, 0, 168);
    w->prices[m].gpu_hourly = GW_MICRO_UNKNOWN;
    assert_int_equal(gw_grow((void **)&w->u.xids, &w->u.cap_xids, 1, sizeof(gw_xid), 100), 0);
    w->u.xids[w->u.n_xids++] = (gw_xid){0, 0, 79, 1, START_MS, START_MS};
}

WORLD_TEST(order_is_by_cost_then_rule_then_subject)
{
    fill(w);
    world_judge(w);
    assert_true(w->out.n >= 8);
    for (size_t i = 1; i < w->out.n; i++) {
        const gw_finding *a = &w->out.items[i - 1], *b = &w->out.items[i];
        assert_true(gw_finding_compare(a, b) < 0);
        assert_true(a->monthly >= b->monthly); /* unknown is the smallest */
    }
    assert_false(gw_micro_known(w->out.items[w->out.n - 1].monthly));
    for (size_t i = 0; i < w->out.n; i++) {
        const gw_finding *f = &w->out.items[i];
        assert_true(f->n_subject > 0 && f->n_evidence > 0 && f->n_evidence <= GW_EVIDENCE_MAX);
        assert_true(f->confidence > 0 && f->confidence <= 1);
        assert_true(strlen(f->text) > 20);
    }
}

WORLD_TEST(the_same_world_gives_the_same_findings)
{
    world v;
    world_open(&v);
    fill(w);
    fill(&v);
    world_judge(w);
    world_judge(&v);
    assert_int_equal(w->out.n, v.out.n);
    for (size_t i = 0; i < w->out.n; i++) {
        assert_string_equal(w->out.items[i].text, v.out.items[i].text);
        assert_int_equal(w->out.items[i].monthly, v.out.items[i].monthly);
    }
    world_close(&v);
}

WORLD_TEST(an_empty_fleet_has_no_findings)
{
    world_judge(w);
    assert_int_equal(w->out.n, 0);
}

WORLD_TEST(without_prices_and_classes_it_still_judges)
{
    fill(w);
    gw_judge_input in = world_input(w);
    in.prices = NULL;
    in.pod_class = NULL;
    assert_int_equal(gw_interpret(&in, &w->out, NULL), 0);
    assert_int_equal(world_count(w, GW_RULE_NEVER_USED), 1);
    assert_int_equal(world_count(w, GW_RULE_UNKNOWN_PRICE), 0);
}

WORLD_TEST(every_allocation_may_fail)
{
    fill(w);
    gw_judge_input in = world_input(w);
    gw_error e = {0};
    uint64_t n = 1;
    for (;; n++) {
        gw_mem_fail_at(n);
        int rc = gw_interpret(&in, &w->out, &e);
        gw_mem_fail_at(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, GW_ENOMEM);
        assert_int_equal(e.code, GW_ENOMEM);
        assert_int_equal(w->out.n, 0); /* as it was */
        assert_true(n < 10000);
    }
    assert_true(n > 20);
    assert_true(w->out.n >= 8);
}

static void the_guide_describes_every_rule(void **state)
{
    GW_UNUSED(state);
    FILE *guide = fopen("docs/guide/findings.md", "r"); /* tests run in the source root */
    assert_non_null(guide);
    static char text[1 << 17];
    size_t n = fread(text, 1, sizeof(text) - 1, guide);
    fclose(guide);
    text[n] = '\0';
    const char *at = text;
    for (const char *const *name = gw_rule_names(); *name; name++) {
        char heading[128];
        snprintf(heading, sizeof(heading), "\n## %s\n", *name);
        at = strstr(at, heading); /* in the registry's order */
        if (!at)
            fail_msg("docs/guide/findings.md has no section \"%s\" in its place", *name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(confidence_is_the_product_of_three),
        cmocka_unit_test(margins),
        cmocka_unit_test(order_is_by_cost_then_rule_then_subject),
        cmocka_unit_test(the_same_world_gives_the_same_findings),
        cmocka_unit_test(an_empty_fleet_has_no_findings),
        cmocka_unit_test(without_prices_and_classes_it_still_judges),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(the_guide_describes_every_rule),
    };
    return cmocka_run_group_tests_name("interpret", tests, NULL, NULL);
}
