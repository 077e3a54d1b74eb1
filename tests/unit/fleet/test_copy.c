/* Clones of a fleet that outlive it, and sums of two usages of one fleet; every value set by hand. */
#include "fleet/copy.h"
#include "fleet/rules.h"
#include "gw_test.h"

#define S(text) gw_str_of(text)

static int make(gw_fleet *f, gw_error *e)
{
    gw_fleet_init(f);
    gw_str none = {"", 0};
    uint32_t n = gw_fleet_node(f, S("n0"), e), g = gw_fleet_gpu(f, S("GPU-0"), e);
    uint32_t p = gw_fleet_pod_in(f, S("east"), S("ml"), S("train"), e);
    uint32_t o = gw_fleet_owner(f, S("ml"), S("Job"), S("train"), e), ns = gw_fleet_namespace(f, S("ml"), e);
    if (n == GW_NONE || g == GW_NONE || p == GW_NONE || o == GW_NONE || ns == GW_NONE)
        return e->code;
    if (gw_fleet_unit(f, g, n, none, none, e) == GW_NONE ||
        gw_fleet_unit(f, g, n, S("1g.10gb"), S("7"), e) == GW_NONE)
        return e->code;
    f->gpus[g].node = n;
    f->pods[p].node = n;
    f->nodes[n].keep = "it has an annotation";
    f->nodes[n].taints = GW_NEW_ARRAY(&f->rule_parts, gw_taint, 1);
    if (!f->nodes[n].taints)
        return gw_fail_memory(e);
    f->nodes[n].taints[0] = (gw_taint){"nvidia.com/gpu", "present", GW_TAINT_NO_EXECUTE};
    f->nodes[n].n_taints = 1;
    if (gw_fleet_label(f, &f->nodes[n].labels, S("zone"), S("a"), true) ||
        gw_fleet_label(f, &f->pods[p].labels, S("team"), S("nlp"), true) ||
        gw_fleet_label(f, &f->owners[o].labels, S("app"), S("x"), true) ||
        gw_fleet_label(f, &f->ns_labels[ns], S("env"), S("prod"), true))
        return gw_fail_memory(e);
    f->owners[o].owner_kind = gw_fleet_intern(f, S("CronJob"));
    gw_match match = {.key = "disk", .op = GW_MATCH_EXISTS};
    gw_match_term term = {.all = &match, .n = 1};
    gw_pod_rules r = {.scheduler = "default-scheduler", .stays = "it is local", .node_selector = term};
    f->pods[p].rules = gw_fleet_rules(f, &r, e);
    gw_volume v = {.name = "pv", .nodes = {&term, 1}, .local = true};
    gw_claim c = {"ml", "data", "pv"};
    gw_budget b = {
        .ns = "ml", .name = "pdb", .selector = term, .disruptions_allowed = 3, .min_available = "50%"};
    if (f->pods[p].rules == GW_NONE)
        return e->code;
    int rc = gw_fleet_add_volume(f, &v, e);
    rc = rc ? rc : gw_fleet_add_claim(f, &c, e);
    rc = rc ? rc : gw_fleet_add_budget(f, &b, e);
    f->volumes_known = true;
    return rc;
}

static void check(const gw_fleet *f)
{
    uint32_t n = gw_fleet_find_node(f, S("n0")), p = gw_fleet_find_pod_in(f, S("east"), S("ml"), S("train"));
    assert_true(n == 0 && p == 0);
    assert_int_equal(gw_map_get(&f->by_uuid, S("GPU-0")), 0);
    assert_string_equal(f->nodes[0].keep, "it has an annotation");
    assert_string_equal(f->nodes[0].taints[0].key, "nvidia.com/gpu");
    assert_int_equal(f->nodes[0].taints[0].effect, GW_TAINT_NO_EXECUTE);
    assert_string_equal(gw_labels_get(&f->nodes[0].labels, "zone"), "a");
    assert_null(f->nodes[0].region);
    assert_string_equal(f->pods[0].cluster, "east");
    assert_string_equal(gw_labels_get(&f->pods[0].labels, "team"), "nlp");
    assert_string_equal(f->owners[0].owner_kind, "CronJob");
    assert_string_equal(gw_labels_get(&f->owners[0].labels, "app"), "x");
    assert_string_equal(f->ns_names[0], "ml");
    assert_string_equal(gw_labels_get(&f->ns_labels[0], "env"), "prod");
    assert_int_equal(f->n_units, 2);
    assert_string_equal(f->units[1].mig_profile, "1g.10gb");
    assert_string_equal(f->units[1].mig_id, "7");
    const gw_pod_rules *r = &f->rules[f->pods[0].rules];
    assert_string_equal(r->stays, "it is local");
    assert_string_equal(r->node_selector.all[0].key, "disk");
    assert_string_equal(f->volumes[0].nodes.any[0].all[0].key, "disk");
    assert_true(f->volumes[0].local && f->volumes_known && !f->claims_known);
    assert_string_equal(f->claims[0].volume, "pv");
    assert_string_equal(f->budgets[0].min_available, "50%");
    assert_int_equal(f->budgets[0].disruptions_allowed, 3);
}

static void a_clone_outlives_the_original(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_fleet f, c;
    int64_t live = gw_mem_live();
    assert_int_equal(make(&f, &e), 0);
    assert_int_equal(gw_fleet_clone(&c, &f, &e), 0);
    gw_fleet_free(&f);
    check(&c);
    /* it can be added to, and finds what is there */
    assert_int_equal(gw_fleet_pod_in(&c, S("east"), S("ml"), S("train"), &e), 0);
    assert_int_equal(gw_fleet_unit(&c, 0, 0, S("1g.10gb"), S("7"), &e), 1);
    assert_int_equal(gw_fleet_node(&c, S("n1"), &e), 1);
    gw_fleet_free(&c);
    assert_int_equal(gw_mem_live(), live);
}

static void a_clone_without_memory_is_none(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_fleet f, c;
    assert_int_equal(make(&f, &e), 0);
    int64_t live = gw_mem_live();
    int rc = GW_ENOMEM;
    uint64_t n = 0;
    while (rc) {
        gw_mem_fail_at(++n);
        rc = gw_fleet_clone(&c, &f, &e);
        gw_mem_fail_at(0);
        assert_true(rc == 0 || rc == GW_ENOMEM);
        if (rc) {
            assert_int_equal(c.n_nodes, 0);
            assert_int_equal(gw_mem_live(), live);
        }
    }
    assert_true(n > 30);
    check(&c);
    gw_fleet_free(&c);
    gw_fleet_free(&f);
}

static void what_is_read_again_needs_no_room(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_fleet f;
    assert_int_equal(make(&f, &e), 0);
    gw_match match = {.key = "disk", .op = GW_MATCH_EXISTS};
    gw_match_term term = {.all = &match, .n = 1};
    gw_volume v = {.name = "pv", .nodes = {&term, 1}, .local = true};
    gw_budget b = {
        .ns = "ml", .name = "pdb", .selector = term, .disruptions_allowed = 3, .min_available = "50%"};
    size_t used = f.rule_parts.used;
    assert_int_equal(gw_fleet_add_volume(&f, &v, &e), 0);
    assert_int_equal(gw_fleet_add_budget(&f, &b, &e), 0);
    assert_int_equal(f.rule_parts.used, used);
    b.disruptions_allowed = 0; /* what has changed is taken */
    v.local = false;
    assert_int_equal(gw_fleet_add_volume(&f, &v, &e), 0);
    assert_int_equal(gw_fleet_add_budget(&f, &b, &e), 0);
    assert_int_equal(f.budgets[0].disruptions_allowed, 0);
    assert_false(f.volumes[0].local);
    assert_int_equal(f.n_budgets, 1);
    gw_fleet_free(&f);
}

/* ---- usages ---- */

static void add_hold(gw_usage *u, uint32_t pod, gw_hold_how how, double ms, double used, int64_t from)
{
    uint32_t h = gw_usage_hold(u, 0, pod);
    assert_true(h != GW_NONE);
    gw_hold *x = &u->holds[h];
    x->how = how;
    x->stats.allocated = x->stats.known = ms;
    x->stats.used = used;
    x->stats.compute.peak = used / ms;
    x->stats.first_ms = from;
    x->stats.end_ms = from + (int64_t)ms;
}

/* Two hours of one GPU. The heat map of each has 168 columns of an hour; in the sum of both they are half as
 * wide, so that the second hour's columns 0 and 1 are column 84. */
static void two_hours_are_one_window(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_fleet f;
    gw_usage sum, hour[2];
    const int64_t t0 = 1000 * GW_HOUR_MS;
    assert_int_equal(make(&f, &e), 0);
    gw_usage_init(&sum, (gw_interval){t0, t0 + 2 * GW_HOUR_MS}, GW_STATE_POLICY_DEFAULT);
    for (int i = 0; i < 2; i++) {
        gw_usage *u = &hour[i];
        gw_usage_init(u, (gw_interval){t0 + i * GW_HOUR_MS, t0 + (i + 1) * GW_HOUR_MS},
                      GW_STATE_POLICY_DEFAULT);
        assert_int_equal(gw_usage_fit(u, &f), 0);
        add_hold(u, 0, i ? GW_HOLD_NAMED : GW_HOLD_REQUESTED, 1000, i ? 100 : 900, u->window.start_ms);
        u->units[0].paid = 3600000;
        u->units[0].unknown = 5;
        u->units[0].idle.allocated = 7;
        u->heat[0][0] = (gw_heat){10, 20};
        u->heat[0][1] = (gw_heat){1, 2};
        u->node_ms = gw_malloc(sizeof(*u->node_ms));
        u->node_ms[0] = 1800000 * (i + 1);
        u->n_nodes = u->cap_nodes = 1;
        u->xids = gw_malloc(2 * sizeof(*u->xids));
        u->xids[0] = (gw_xid){0, i ? 0 : GW_NONE, 79, 1, t0 + i * GW_HOUR_MS, t0 + i * GW_HOUR_MS + 5};
        u->n_xids = u->cap_xids = 1;
        u->has_dcgm = i == 1;
    }
    add_hold(&hour[1], 1, GW_HOLD_UNOBSERVED, 50, 0, t0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(gw_usage_merge(&sum, &hour[i], &f), 0);
    assert_int_equal(sum.n_holds, 2);
    const gw_hold *h = &sum.holds[0];
    assert_int_equal(h->how, GW_HOLD_NAMED); /* the best that anybody said */
    assert_true(h->stats.allocated == 2000 && h->stats.used == 1000);
    assert_true(h->stats.compute.peak == 0.9);
    assert_int_equal(h->stats.first_ms, t0);
    assert_int_equal(h->stats.end_ms, t0 + GW_HOUR_MS + 1000);
    assert_int_equal(sum.holds[1].how, GW_HOLD_UNOBSERVED);
    assert_true(sum.units[0].paid == 7200000 && sum.units[0].unknown == 10);
    assert_true(sum.units[0].idle.allocated == 14);
    assert_int_equal(sum.node_ms[0], 5400000);
    assert_true(sum.heat[0][0].known == 22.0f && sum.heat[0][84].known == 22.0f);
    assert_true(sum.heat[0][84].integral == 11.0f && sum.heat[0][1].known == 0.0f);
    assert_int_equal(sum.n_xids, 1);
    assert_int_equal(sum.xids[0].times, 2);
    assert_int_equal(sum.xids[0].pod, 0);
    assert_int_equal(sum.xids[0].last_ms, t0 + GW_HOUR_MS + 5);
    assert_true(sum.has_dcgm);
    gw_usage_free(&sum);
    gw_usage_free(&hour[0]);
    gw_usage_free(&hour[1]);
    gw_fleet_free(&f);
}

/* Without node_ms a node is paid as long as it was seen in the window. */
static void a_node_is_paid_as_long_as_it_was_seen(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_fleet f;
    gw_usage u;
    assert_int_equal(make(&f, &e), 0);
    gw_usage_init(&u, (gw_interval){1000, 5000}, GW_STATE_POLICY_DEFAULT);
    f.nodes[0].seen = (gw_interval){500, 3000};
    assert_int_equal(gw_usage_node_ms(&u, &f, 0), 2000);
    assert_int_equal(gw_usage_fit_nodes(&u, &f), 0);
    u.node_ms[0] = 1500;
    assert_int_equal(gw_usage_node_ms(&u, &f, 0), 1500);
    assert_int_equal(gw_fleet_node(&f, S("n1"), &e), 1);
    f.nodes[1].seen = (gw_interval){4000, 9000};
    assert_int_equal(gw_usage_fit_nodes(&u, &f), 0);
    assert_int_equal(u.node_ms[0], 1500);
    assert_int_equal(u.node_ms[1], 1000);
    gw_usage_free(&u);
    gw_fleet_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clone_outlives_the_original),
        cmocka_unit_test(a_clone_without_memory_is_none),
        cmocka_unit_test(what_is_read_again_needs_no_room),
        cmocka_unit_test(two_hours_are_one_window),
        cmocka_unit_test(a_node_is_paid_as_long_as_it_was_seen),
    };
    return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
