/*
 * Fleets that change: nodes that go and come back, boards that move or are replaced, boards that are
 * partitioned, exporters that stop for a day, two clusters with the same names. Numbers are worked out by
 * hand from the series.
 */
#include "gw_test.h"

#include <math.h>

#include "observe/telemetry.h"

#define HOUR 3600
#define UTIL(uuid, node, more)                                                                               \
    "DCGM_FI_DEV_GPU_UTIL{UUID=\"" uuid "\",gpu=\"0\",Hostname=\"" node "\"" more "}"
#define POD(p)         ",namespace=\"ml\",pod=\"" p "\",container=\"main\""
#define COUNT(node, n) "kube_node_labels{node=\"" node "\",label_nvidia_com_gpu_count=\"" n "\"}"
#define REQUEST(p, node)                                                                                     \
    "kube_pod_container_resource_requests{namespace=\"ml\",pod=\"" p "\",container=\"main\",node=\"" node    \
    "\",resource=\"nvidia_com_gpu\"}"

typedef struct sums {
    double paid, held, used, idle, unknown; /* GPU-hours */
} sums;

static sums fold(telemetry *t, int hours, int64_t slice_ms)
{
    gw_error e = {0};
    sums x = {0};
    if (telemetry_fold(t, 0, hours * HOUR, slice_ms, &e))
        fail_msg("fold: %s", e.message);
    for (size_t i = 0; i < t->usage.n_units; i++) {
        x.paid += t->usage.units[i].paid / 3.6e6;
        x.idle += t->usage.units[i].idle.allocated / 3.6e6;
        x.unknown += t->usage.units[i].unknown / 3.6e6;
    }
    for (size_t i = 0; i < t->usage.n_holds; i++) {
        x.held += t->usage.holds[i].stats.allocated / 3.6e6;
        x.used += t->usage.holds[i].stats.used / 3.6e6;
        x.unknown += gw_stats_unknown(&t->usage.holds[i].stats) / 3.6e6;
    }
    return x;
}

static void assert_hours(double got, double want)
{
    if (fabs(got - want) > 0.02)
        fail_msg("%.4f h, expected %.4f h", got, want);
}

static double held_by(const telemetry *t, const char *pod)
{
    double ms = 0;
    for (size_t i = 0; i < t->usage.n_holds; i++)
        ms += strcmp(t->fleet.pods[t->usage.holds[i].pod].name, pod) == 0 ? t->usage.holds[i].stats.allocated
                                                                          : 0;
    return ms / 3.6e6;
}

static void many_pods_on_one_gpu(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    char head[256];
    telemetry_start(&t);
    for (int i = 0; i < 144; i++) {
        snprintf(head, sizeof(head), UTIL("GPU-0", "n", ",namespace=\"ml\",pod=\"job-%03d\""), i);
        series(&t, head, i * 600, i * 600 + 570, 30, 80);
    }
    sums x = fold(&t, 24, 0);
    assert_int_equal(t.usage.n_holds, 144);
    assert_hours(x.held, 24);
    assert_hours(x.used, 0.8 * 24);
    assert_hours(x.unknown, 0);
    telemetry_free(&t);
}

static void a_replaced_board_does_not_make_two(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, UTIL("GPU-old", "n", POD("a")), 0, 12 * HOUR - 30, 30, 100);
    series(&t, UTIL("GPU-new", "n", POD("b")), 12 * HOUR, 24 * HOUR - 30, 30, 100);
    series(&t, "kube_node_status_allocatable{node=\"n\",resource=\"nvidia_com_gpu\"}", 0, 24 * HOUR, 60, 1);
    sums x = fold(&t, 24, 0);
    assert_hours(x.paid, 24);
    assert_hours(x.unknown, 0);
    telemetry_free(&t);
}

static void a_board_that_moves_is_paid_where_it_is(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, UTIL("GPU-x", "n1", POD("a")), 0, 12 * HOUR - 30, 30, 100);
    series(&t, UTIL("GPU-x", "n2", POD("b")), 12 * HOUR, 24 * HOUR - 30, 30, 50);
    series(&t, COUNT("n1", "1"), 0, 12 * HOUR - 60, 60, 1);
    series(&t, COUNT("n2", "1"), 12 * HOUR, 24 * HOUR, 60, 1);
    sums x = fold(&t, 24, 0);
    assert_hours(x.paid, 24);
    assert_hours(x.held, 24);
    assert_hours(x.used, 18);
    for (size_t i = 0; i < t.usage.n_holds; i++) {
        const gw_hold *h = &t.usage.holds[i];
        const char *node = t.fleet.nodes[t.fleet.units[h->unit].node].name;
        assert_string_equal(node, strcmp(t.fleet.pods[h->pod].name, "a") == 0 ? "n1" : "n2");
    }
    telemetry_free(&t);
}

static void one_name_in_two_clusters_is_two_nodes(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, UTIL("GPU-a", "n", POD("p") ",cluster=\"a\""), 0, 2 * HOUR - 30, 30, 50);
    series(&t, UTIL("GPU-b", "n", POD("p") ",cluster=\"b\""), 0, 2 * HOUR - 30, 30, 100);
    sums x = fold(&t, 2, 0);
    assert_int_equal(t.fleet.n_nodes, 2);
    assert_int_equal(t.usage.n_holds, 2);
    assert_hours(x.paid, 4);
    assert_hours(x.used, 3);
    telemetry_free(&t);
}

static void an_outage_is_the_same_in_any_slices(void **state)
{
    GW_UNUSED(state);
    static const int64_t slices[] = {0, 6 * GW_HOUR_MS, GW_HOUR_MS};
    for (size_t i = 0; i < GW_COUNT(slices); i++) {
        telemetry t;
        telemetry_start(&t);
        /* the exporter is down from hour 20 to hour 52; kube-state-metrics knows that the pod runs throughout
         */
        series(&t, UTIL("GPU-0", "n", POD("a")), 0, 20 * HOUR - 30, 30, 50);
        series(&t, UTIL("GPU-0", "n", POD("a")), 52 * HOUR, 72 * HOUR - 30, 30, 50);
        series(&t, REQUEST("a", "n"), 0, 72 * HOUR - 60, 60, 1);
        series(&t, "kube_node_status_allocatable{node=\"n\",resource=\"nvidia_com_gpu\"}", 0, 72 * HOUR - 60,
               60, 1);
        series(&t, COUNT("n", "1"), 0, 72 * HOUR - 60, 60, 1);
        sums x = fold(&t, 72, slices[i]);
        assert_hours(x.paid, 72);
        assert_hours(x.held, 72);
        /* the last sample before the outage speaks for one interval, or 5 minutes where the next is seen */
        assert_true(fabs(x.used - 20) < 0.05);
        assert_true(fabs(x.unknown - 32) < 0.1);
        assert_hours(x.idle, 0);
        telemetry_free(&t);
    }
}

#define MIG(id, profile)   ",GPU_I_ID=\"" id "\",GPU_I_PROFILE=\"" profile "\""
#define ENGINE(uuid, more) "DCGM_FI_PROF_GR_ENGINE_ACTIVE{UUID=\"" uuid "\",gpu=\"0\",Hostname=\"n\"" more "}"

static void a_board_that_is_partitioned_at_noon(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, UTIL("GPU-0", "n", POD("a")), 0, 12 * HOUR - 30, 30, 100);
    series(&t, ENGINE("GPU-0", MIG("1", "7g.80gb") POD("b")), 12 * HOUR, 24 * HOUR - 30, 30, 0.5);
    sums x = fold(&t, 24, 0);
    assert_hours(held_by(&t, "a"), 12);
    assert_hours(held_by(&t, "b"), 12);
    assert_hours(x.used, 18);
    assert_hours(x.paid, 24);
    telemetry_free(&t);
}

static void instances_that_come_back_were_not_there_meanwhile(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    for (int day = 0; day < 3; day++) {
        int d = day * 24 * HOUR;
        series(&t, ENGINE("GPU-0", MIG("1", "3g.40gb") POD("day")), d, d + 12 * HOUR - 30, 30, 0.5);
        series(&t, ENGINE("GPU-0", MIG("0", "7g.80gb") POD("night")), d + 12 * HOUR, d + 24 * HOUR - 30, 30,
               1);
    }
    sums x = fold(&t, 72, 0);
    assert_true(fabs(x.paid - 72) < 0.2);
    assert_true(fabs(held_by(&t, "day") - 36 * 3 / 7.0) < 0.1);
    /* a series with a later sample speaks for 5 minutes, not one interval: twice 4.5 minutes more */
    assert_true(fabs(held_by(&t, "night") - 36 - 0.15) < 0.1);
    telemetry_free(&t);
}

static void a_node_that_was_away_is_not_paid_for(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* up two hours a day; another node keeps kube-state-metrics talking */
    for (int day = 0; day < 3; day++) {
        int d = day * 24 * HOUR;
        series(&t, UTIL("GPU-0", "n", POD("a")), d, d + 2 * HOUR - 30, 30, 100);
        series(&t, COUNT("n", "1"), d, d + 2 * HOUR - 30, 30, 1);
    }
    series(&t, "kube_node_info{node=\"cpu\"}", 0, 72 * HOUR, 60, 1);
    sums x = fold(&t, 72, 0);
    /* twice the last sample before a long gap speaks for 5 minutes instead of one interval */
    assert_hours(x.used, 6 + 2 * 4.5 / 60);
    assert_true(fabs(x.paid - 6) < 0.5); /* to the 5-minute grid, twice a day */
    telemetry_free(&t);
}

static void work_without_a_name_is_not_idle(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* an exporter that cannot see pods, and no kube-state-metrics */
    series(&t, UTIL("GPU-0", "n", ""), 0, 24 * HOUR - 30, 30, 100);
    series(&t, UTIL("GPU-1", "n", ""), 0, 24 * HOUR - 30, 30, 0);
    sums x = fold(&t, 24, 0);
    assert_hours(x.idle, 0);
    assert_hours(x.unknown, 48);
    telemetry_free(&t);
    /* where it has named a pod, its silence counts, but not on a GPU that works */
    telemetry_start(&t);
    series(&t, UTIL("GPU-0", "n", ""), 0, 24 * HOUR - 30, 30, 100);
    series(&t, UTIL("GPU-1", "n", ""), 0, 24 * HOUR - 30, 30, 0);
    series(&t, UTIL("GPU-2", "n", POD("a")), 0, 24 * HOUR - 30, 30, 10);
    x = fold(&t, 24, 0);
    assert_hours(x.idle, 24);
    assert_hours(x.unknown, 24);
    telemetry_free(&t);
}

static void a_label_that_flickers_names_one_unit(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* a pod of two GPUs, named on one of them, but for half an hour: the other is its second all the time */
    series(&t, UTIL("GPU-0", "n", POD("a")), 0, 6 * HOUR - 30, 30, 50);
    series(&t, UTIL("GPU-0", "n", ""), 6 * HOUR, 6 * HOUR + 1770, 30, 50);
    series(&t, UTIL("GPU-0", "n", POD("a")), 6 * HOUR + 1800, 12 * HOUR - 30, 30, 50);
    series(&t, UTIL("GPU-1", "n", ""), 0, 12 * HOUR - 30, 30, 50);
    series(&t, REQUEST("a", "n"), 0, 12 * HOUR - 60, 60, 2);
    series(&t, COUNT("n", "2"), 0, 12 * HOUR - 60, 60, 1);
    sums x = fold(&t, 12, 0);
    assert_hours(x.held, 24);
    assert_hours(x.idle, 0);
    telemetry_free(&t);
}

static void restarts_of_a_container_do_not_add_up(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    char head[512];
    telemetry_start(&t);
    series(&t, UTIL("GPU-0", "n", POD("a")), 0, 2 * HOUR - 30, 30, 50);
    for (int i = 0; i < 4; i++) {
        snprintf(head, sizeof(head),
                 "container_memory_working_set_bytes{namespace=\"ml\",pod=\"a\",container=\"main\",id=\"/"
                 "kubepods/%d\"}",
                 i);
        series(&t, head, i * 1800, i * 1800 + 1740, 60, (8.0 + i) * 1073741824.0);
    }
    fold(&t, 2, 0);
    /* the largest of the four, 11 GiB; the pod is known from the exporter only after the first group is read,
     * as in a real run */
    uint32_t p = gw_fleet_find_pod(&t.fleet, gw_str_of("ml"), gw_str_of("a"));
    double used = t.fleet.pods[p].memory_used_max_mib;
    assert_true(used < 0 || fabs(used - 11 * 1024) < 1);
    telemetry_free(&t);
}

static void a_standing_xid_is_not_the_next_pods(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
#define XID(more) "DCGM_FI_DEV_XID_ERRORS{UUID=\"GPU-0\",gpu=\"0\",Hostname=\"n\"" more "}"
    series(&t, UTIL("GPU-0", "n", POD("innocent")), HOUR, 2 * HOUR - 30, 30, 50);
    series(&t, XID(""), 0, HOUR - 30, 30, 31);
    series(&t, XID(POD("innocent")), HOUR, 2 * HOUR - 30, 30, 31);
    fold(&t, 2, 0);
    assert_int_equal(t.usage.n_xids, 1);
    assert_int_equal(t.usage.xids[0].times, 1);
    assert_int_equal(t.usage.xids[0].pod, GW_NONE);
    telemetry_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_pods_on_one_gpu),
        cmocka_unit_test(a_replaced_board_does_not_make_two),
        cmocka_unit_test(a_board_that_moves_is_paid_where_it_is),
        cmocka_unit_test(one_name_in_two_clusters_is_two_nodes),
        cmocka_unit_test(an_outage_is_the_same_in_any_slices),
        cmocka_unit_test(a_board_that_is_partitioned_at_noon),
        cmocka_unit_test(instances_that_come_back_were_not_there_meanwhile),
        cmocka_unit_test(a_node_that_was_away_is_not_paid_for),
        cmocka_unit_test(work_without_a_name_is_not_idle),
        cmocka_unit_test(a_label_that_flickers_names_one_unit),
        cmocka_unit_test(restarts_of_a_container_do_not_add_up),
        cmocka_unit_test(a_standing_xid_is_not_the_next_pods),
    };
    return cmocka_run_group_tests_name("fold_change", tests, NULL, NULL);
}
