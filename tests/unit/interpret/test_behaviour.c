/* Rules that judge what holds did: each fires, stays quiet just below its threshold, and on what is unknown.
 */
#include "world.h"

#define DURATION 0.9921875 /* 1 − 2^(−168/24) = 1 − 1/128 */

static uint32_t one_gpu(world *w)
{
    return world_gpu(w, world_node(w, "n1", 8), "GPU-1", 0);
}

static gw_hold *one_hold(world *w, double hours, double known, double mean, double peak)
{
    return world_hold(w, one_gpu(w), world_pod(w, "ml", "chat-1", "Deployment", "chat"), hours, known, mean,
                      peak);
}

WORLD_TEST(never_used_merges_pods_of_a_workload)
{
    uint32_t n = world_node(w, "n1", 8);
    uint32_t a = world_gpu(w, n, "GPU-a", 0), b = world_gpu(w, n, "GPU-b", 1),
             c = world_gpu(w, n, "GPU-c", 2);
    world_hold(w, a, world_pod(w, "ml", "chat-1", "Deployment", "chat"), 168, 168, 0, 0.004);
    world_hold(w, b, world_pod(w, "ml", "chat-2", "Deployment", "chat"), 168, 168, 0, 0.002);
    world_hold(w, c, world_pod(w, "ml", "chat-3", "Deployment", "chat"), 168, 168, 0.5, 0.9);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_NEVER_USED);
    assert_subject(f, "namespace", "ml");
    assert_subject(f, "kind", "Deployment");
    assert_subject(f, "workload", "chat");
    assert_near(number_of(f, "pods"), 2);
    assert_near(number_of(f, "podsOfWorkload"), 3);
    assert_near(number_of(f, "gpus"), 2);
    assert_near(number_of(f, "gpuHours"), 336);
    assert_near(number_of(f, "peakCompute"), 0.004);
    assert_monthly(f, 336);                            /* $1,461.00 */
    assert_int_equal(f->severity, GW_SEVERITY_MEDIUM); /* from $1,000 */
    /* coverage 1; margin (0.01 − 0.004) / 0.01 = 0.6, so 0.5 + 0.3 */
    assert_near(f->confidence, DURATION * 0.8);
    assert_string_equal(
        f->text, "Deployment ml/chat (2 of 3 pods) held 2 GPUs for 336.0 GPU-hours and never computed on "
                 "them (highest sample 0.4 %), $1,461.00 a month; delete it, or scale it to zero while "
                 "nobody calls it");
}

WORLD_TEST(never_used_looks_at_each_gpu_of_a_pod)
{
    uint32_t n = world_node(w, "n1", 8), pod = world_pod(w, "ml", "solo", NULL, NULL);
    world_hold(w, world_gpu(w, n, "GPU-a", 0), pod, 168, 168, 0.7, 1);
    world_hold(w, world_gpu(w, n, "GPU-b", 1), pod, 168, 168, 0, 0);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_NEVER_USED);
    assert_subject(f, "pod", "solo");
    assert_null(gw_finding_subject_of(f, "workload"));
    assert_near(number_of(f, "pods"), 1);
    assert_near(number_of(f, "gpus"), 1);
    assert_near(number_of(f, "otherGpusOfPods"), 1);
    assert_monthly(f, 168);
    assert_non_null(strstr(f->text, "request fewer GPUs a pod"));
}

WORLD_TEST(never_used_at_the_threshold_fires)
{
    one_hold(w, 168, 168, 0, 0.01);
    world_judge(w);
    assert_near(world_finding(w, GW_RULE_NEVER_USED)->confidence, DURATION * 0.5);
}

WORLD_TEST(never_used_above_the_threshold_is_quiet)
{
    one_hold(w, 168, 168, 0, 0.0101);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_NEVER_USED), 0);
}

WORLD_TEST(never_used_needs_a_signal)
{
    one_hold(w, 168, 0, 0, -1);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_NEVER_USED), 0);
}

WORLD_TEST(never_used_needs_a_largest_sample)
{
    one_hold(w, 168, 168, 0, -1); /* windows are known, samples while held are not */
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_NEVER_USED), 0);
}

WORLD_TEST(never_used_needs_half_of_the_time)
{
    one_hold(w, 168, 83, 0, 0);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_NEVER_USED), 0);
}

WORLD_TEST(never_used_needs_an_hour)
{
    one_hold(w, 0.9, 0.9, 0, 0);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_NEVER_USED), 0);
}

WORLD_TEST(never_used_sees_copies)
{
    one_hold(w, 168, 168, 0, 0)->stats.copy = (gw_quantity){1, 168 * H, 0.06};
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_NEVER_USED), 0);
}

WORLD_TEST(memory_reserved_fires)
{
    world_memory(w, one_hold(w, 168, 168, 0.10, 0.5), 0.7, 0.8);
    w->l.leaves[0].cost.reclaimable = usd(16.8);
    w->l.leaves[0].cost.reclaimable_known = true;
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_MEMORY_RESERVED);
    assert_monthly(f, 168 * 0.9);
    assert_near(number_of(f, "meanCompute"), 0.10);
    assert_near(number_of(f, "peakMemory"), 0.8);
    assert_near(number_of(f, "lowHighShare"), 1);
    assert_near(number_of(f, "reclaimableMonthlyUsd"), 16.8 * 730.5 / 168);
    assert_near(f->confidence, DURATION * (0.5 + 0.5 * 0.6)); /* (0.25 − 0.10) / 0.25 */
}

WORLD_TEST(memory_reserved_says_when_nobody_knows_what_could_be_freed)
{
    world_memory(w, one_hold(w, 168, 168, 0.10, 0.5), 0.7, 0.8);
    world_judge(w);
    const gw_evidence *v =
        gw_finding_evidence_of(world_finding(w, GW_RULE_MEMORY_RESERVED), "reclaimableMonthlyUsd");
    assert_int_equal(v->kind, GW_EVIDENCE_UNKNOWN);
}

WORLD_TEST(memory_reserved_below_is_quiet)
{
    uint32_t n = world_node(w, "n1", 8);
    /* compute at its threshold; memory that peaks under its own; high memory in too few windows */
    world_memory(
        w,
        world_hold(w, world_gpu(w, n, "GPU-a", 0), world_pod(w, "ml", "a", NULL, NULL), 168, 168, 0.25, 0.5),
        0.7, 0.8);
    world_memory(
        w,
        world_hold(w, world_gpu(w, n, "GPU-b", 1), world_pod(w, "ml", "b", NULL, NULL), 168, 168, 0.10, 0.5),
        0.45, 0.49);
    gw_hold *h =
        world_hold(w, world_gpu(w, n, "GPU-c", 2), world_pod(w, "ml", "c", NULL, NULL), 168, 168, 0.10, 0.5);
    world_memory(w, h, 0.55, 0.8);
    h->stats.states[GW_STATE_LOW_HIGH] = 83 * H;
    h->stats.states[GW_STATE_LOW_LOW] = 85 * H;
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_MEMORY_RESERVED), 0);
}

WORLD_TEST(memory_reserved_needs_memory)
{
    one_hold(w, 168, 168, 0.10, 0.5); /* no memory signal */
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_MEMORY_RESERVED), 0);
}

WORLD_TEST(memory_reserved_leaves_shared_gpus_alone)
{
    gw_hold *h = one_hold(w, 168, 168, 0.10, 0.5);
    world_memory(w, h, 0.7, 0.8);
    h->shared = true;
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_MEMORY_RESERVED), 0);
}

WORLD_TEST(memory_bound_fires_and_takes_the_place_of_reserved)
{
    gw_hold *h = one_hold(w, 168, 168, 0.10, 0.5);
    world_memory(w, h, 0.7, 0.8);
    h->stats.memory_bound = 126 * H;
    h->stats.memory_bound_known = 168 * H;
    h->stats.dram = (gw_quantity){0.6 * 168 * H, 168 * H, 0.8};
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_MEMORY_BOUND);
    assert_near(number_of(f, "memoryBoundShare"), 0.75);
    assert_near(number_of(f, "meanDram"), 0.6);
    assert_int_equal(gw_finding_evidence_of(f, "meanTensor")->kind, GW_EVIDENCE_UNKNOWN);
    assert_monthly(f, 168 * 0.9);
    assert_near(f->confidence, DURATION * (0.5 + 0.5 * 0.5)); /* (0.75 − 0.50) / (1 − 0.50) */
    assert_int_equal(world_count(w, GW_RULE_MEMORY_RESERVED), 0);
}

WORLD_TEST(memory_bound_below_is_quiet)
{
    gw_hold *h = one_hold(w, 168, 168, 0.10, 0.5);
    h->stats.memory_bound = 83 * H;
    h->stats.memory_bound_known = 168 * H;
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_MEMORY_BOUND), 0);
}

WORLD_TEST(memory_bound_needs_half_of_the_time)
{
    gw_hold *h = one_hold(w, 168, 168, 0.10, 0.5);
    h->stats.memory_bound = h->stats.memory_bound_known = 83 * H;
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_MEMORY_BOUND), 0);
}

WORLD_TEST(memory_bound_needs_dram_or_copy)
{
    one_hold(w, 168, 168, 0.10, 0.5);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_MEMORY_BOUND), 0);
}

WORLD_TEST(small_model_fires)
{
    world_memory(w, one_hold(w, 168, 168, 0.30, 0.6), 0.15, 0.20);
    w->l.leaves[0].cost.reclaimable = usd(50);
    w->l.leaves[0].cost.reclaimable_known = true;
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_SMALL_MODEL);
    assert_monthly(f, 50);
    assert_string_equal(text_of(f, "model"), "m");
    assert_string_equal(text_of(f, "gpuModel"), "NVIDIA L40S");
    assert_near(number_of(f, "gpuMemoryMib"), 46068);
    assert_near(number_of(f, "peakMemoryMib"), 46068 * 0.20);
    assert_near(number_of(f, "p95Compute"), 0.30);            /* bin 119 of 400 ends at 0.30 */
    assert_near(f->confidence, DURATION * (0.5 + 0.5 * 0.2)); /* (0.25 − 0.20) / 0.25 */
}

static void small_model_is_quiet(world *w)
{
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_SMALL_MODEL), 0);
}

WORLD_TEST(small_model_at_the_threshold_is_quiet)
{
    world_memory(w, one_hold(w, 168, 168, 0.30, 0.6), 0.15, 0.25);
    small_model_is_quiet(w);
}

WORLD_TEST(small_model_on_a_small_gpu_is_quiet)
{
    world_memory(w, one_hold(w, 168, 168, 0.30, 0.6), 0.15, 0.20);
    w->f.gpus[0].memory_mib = 39999;
    small_model_is_quiet(w);
}

WORLD_TEST(small_model_on_an_unknown_gpu_is_quiet)
{
    world_memory(w, one_hold(w, 168, 168, 0.30, 0.6), 0.15, 0.20);
    w->f.gpus[0].memory_mib = w->f.nodes[0].gpu_memory_mib = GW_UNKNOWN_COUNT;
    small_model_is_quiet(w);
}

WORLD_TEST(small_model_that_computes_is_quiet)
{
    world_memory(w, one_hold(w, 168, 168, 0.60, 0.9), 0.15, 0.20);
    small_model_is_quiet(w);
}

WORLD_TEST(peak_hides_average)
{
    gw_hold *h = one_hold(w, 168, 168, 0.05, 0.98);
    h->stats.window_mean_max = 0.41;
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_PEAK_HIDES);
    assert_near(number_of(f, "peakCompute"), 0.98);
    assert_near(number_of(f, "busiestWindowCompute"), 0.41);
    assert_near(number_of(f, "meanCompute"), 0.05);
    assert_monthly(f, 168 * 0.95);
    assert_near(f->confidence, DURATION * (0.5 + 0.5 * 0.8)); /* (0.25 − 0.05) / 0.25 */
    assert_string_equal(f->text,
                        "Deployment ml/chat (1 pod) peaks at 98 % compute (41 % over its busiest 5 minutes) "
                        "but averages 5.0 %, $693.98 a month held and not computed on; judge it by window "
                        "averages, not by its maximum, and size it for its P95");
}

WORLD_TEST(peak_hides_nothing_below)
{
    uint32_t n = world_node(w, "n1", 8);
    world_hold(w, world_gpu(w, n, "GPU-a", 0), world_pod(w, "ml", "a", NULL, NULL), 168, 168, 0.05, 0.79);
    world_hold(w, world_gpu(w, n, "GPU-b", 1), world_pod(w, "ml", "b", NULL, NULL), 168, 168, 0.25, 0.99);
    world_hold(w, world_gpu(w, n, "GPU-c", 2), world_pod(w, "ml", "c", NULL, NULL), 168, 0, 0, -1);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_PEAK_HIDES), 0);
}

WORLD_TEST(peak_needs_an_hour)
{
    one_hold(w, 0.9, 0.9, 0.05, 0.98);
    world_judge(w);
    assert_int_equal(w->out.n, 0);
}

WORLD_TEST(namespace_mean_is_weighted_by_known_time)
{
    uint32_t n = world_node(w, "n1", 8);
    world_hold(w, world_gpu(w, n, "GPU-a", 0), world_pod(w, "ml", "a", "Deployment", "a"), 168, 168, 0.10,
               0.5);
    world_hold(w, world_gpu(w, n, "GPU-b", 1), world_pod(w, "ml", "b", "Deployment", "b"), 168, 84, 0.40,
               0.5);
    world_hold(w, world_gpu(w, n, "GPU-c", 2), world_pod(w, "busy", "c", "Deployment", "c"), 168, 168, 0.70,
               1);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_NAMESPACE_LOW);
    assert_subject(f, "namespace", "ml");
    /* (16.8 + 33.6) / (168 + 84) = 0.2; 252 of 336 hours known */
    assert_near(number_of(f, "meanCompute"), 0.20);
    assert_near(number_of(f, "workloads"), 2);
    assert_monthly(f, 151.2 + 50.4);
    assert_near(f->confidence, 0.75 * DURATION * (0.5 + 0.5 * 0.2));
}

WORLD_TEST(namespace_at_the_threshold_is_quiet)
{
    uint32_t n = world_node(w, "n1", 8);
    world_hold(w, world_gpu(w, n, "GPU-a", 0), world_pod(w, "ml", "a", "Deployment", "a"), 168, 168, 0.125,
               0.5);
    world_hold(w, world_gpu(w, n, "GPU-b", 1), world_pod(w, "ml", "b", "Deployment", "b"), 168, 168, 0.375,
               0.5);
    world_hold(w, world_gpu(w, n, "GPU-c", 2), world_pod(w, "dark", "c", "Deployment", "c"), 168, 10, 0, 0);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_NAMESPACE_LOW), 0);
}

WORLD_TEST(notebooks_of_a_namespace_are_one_workload)
{
    uint32_t n = world_node(w, "n1", 8);
    const char *users[] = {"ann", "bob", "eve"};
    const char *uuids[] = {"GPU-a", "GPU-b", "GPU-c"};
    for (int i = 0; i < 3; i++) {
        uint32_t p = world_pod(w, "lab", users[i], "StatefulSet", users[i]);
        w->cls[p] = GW_CLASS_NOTEBOOK;
        world_hold(w, world_gpu(w, n, uuids[i], i), p, 168, 168, i == 2 ? 0.5 : 0.05, 0.9);
    }
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_PEAK_HIDES);
    assert_subject(f, "namespace", "lab");
    assert_subject(f, "class", "notebook");
    assert_null(gw_finding_subject_of(f, "workload"));
    assert_near(number_of(f, "pods"), 2);
    assert_near(number_of(f, "podsOfWorkload"), 3);
    assert_near(number_of(f, "controllers"), 3);
    assert_monthly(f, 2 * 168 * 0.95);
    assert_non_null(strstr(f->text, "notebook use in namespace lab (2 of 3 pods) peaks at 90 %"));
}

WORLD_TEST(a_single_notebook_keeps_its_name)
{
    uint32_t n = world_node(w, "n1", 8), p = world_pod(w, "lab", "ann-0", "StatefulSet", "ann");
    uint32_t q = world_pod(w, "lab", "ann-1", "StatefulSet", "ann");
    w->cls[p] = w->cls[q] = GW_CLASS_NOTEBOOK;
    world_hold(w, world_gpu(w, n, "GPU-a", 0), p, 168, 168, 0.05, 0.9);
    world_hold(w, world_gpu(w, n, "GPU-b", 1), q, 168, 168, 0.05, 0.9);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_PEAK_HIDES);
    assert_subject(f, "workload", "ann");
    assert_near(number_of(f, "pods"), 2);
}

WORLD_TEST(idle_gpus_are_told_per_node)
{
    uint32_t n = world_node(w, "n1", 4), pod = world_pod(w, "ml", "a", NULL, NULL);
    uint32_t u[4] = {world_gpu(w, n, "GPU-0", 0), world_gpu(w, n, "GPU-1", 1), world_gpu(w, n, "GPU-2", 2),
                     world_gpu(w, n, "GPU-3", 3)};
    world_hold(w, u[0], pod, 68, 68, 0.7, 1);
    world_idle(w, u[0], 100, 0);
    world_idle(w, u[1], 168, 0);
    world_hold(w, u[2], pod, 168, 168, 0.7, 1);
    world_hold(w, u[3], pod, 88, 88, 0.7, 1);
    world_idle(w, u[3], 80, 0); /* 48 % */
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_IDLE_GPU);
    assert_subject(f, "node", "n1");
    assert_null(gw_finding_subject_of(f, "gpu"));
    assert_near(number_of(f, "gpus"), 2);
    assert_near(number_of(f, "gpusOfNode"), 4);
    assert_string_equal(text_of(f, "gpuIndexes"), "0,1");
    assert_near(number_of(f, "idleShare"), 268.0 / 336);
    assert_monthly(f, 268);
    assert_near(f->confidence, DURATION * (0.5 + 0.5 * (268.0 / 336 - 0.5) / 0.5));
}

WORLD_TEST(idle_leaves_out_what_is_unknown)
{
    world_idle(w, one_gpu(w), 126, 42);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_IDLE_GPU);
    assert_subject(f, "gpu", "GPU-1");
    assert_monthly(f, 126);
    /* 42 of 168 hours unknown; share 0.75, half way from 0.50 to 1 */
    assert_near(f->confidence, 0.75 * DURATION * 0.75);
}

WORLD_TEST(idle_is_not_unknown)
{
    uint32_t n = world_node(w, "n1", 2);
    uint32_t a = world_gpu(w, n, "GPU-0", 0), b = world_gpu(w, n, "GPU-1", 1);
    world_idle(w, a, 0, 168);
    world_idle(w, b, 83, 85);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_IDLE_GPU), 0);
}

WORLD_TEST(idle_time_of_a_slice_is_wall_time)
{
    uint32_t n = world_node(w, "n1", 1);
    world_gpu(w, n, "GPU-0", 0);
    uint32_t s = gw_fleet_unit(&w->f, 0, n, gw_str_of("1g.5gb"), gw_str_of("7"), NULL);
    w->f.units[s].weight = 1.0 / 7;
    assert_int_equal(gw_usage_fit(&w->u, &w->f), 0);
    world_idle(w, s, 2.0 / 7, 0); /* two hours of a seventh */
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_IDLE_GPU);
    assert_subject(f, "gpu", "GPU-0");
    assert_string_equal(text_of(f, "gpuIndexes"), "0/7");
    assert_non_null(strstr(f->text, "MIG slice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_used_merges_pods_of_a_workload),
        cmocka_unit_test(never_used_looks_at_each_gpu_of_a_pod),
        cmocka_unit_test(never_used_at_the_threshold_fires),
        cmocka_unit_test(never_used_above_the_threshold_is_quiet),
        cmocka_unit_test(never_used_needs_a_signal),
        cmocka_unit_test(never_used_needs_a_largest_sample),
        cmocka_unit_test(never_used_needs_half_of_the_time),
        cmocka_unit_test(never_used_needs_an_hour),
        cmocka_unit_test(never_used_sees_copies),
        cmocka_unit_test(memory_reserved_fires),
        cmocka_unit_test(memory_reserved_says_when_nobody_knows_what_could_be_freed),
        cmocka_unit_test(memory_reserved_below_is_quiet),
        cmocka_unit_test(memory_reserved_needs_memory),
        cmocka_unit_test(memory_reserved_leaves_shared_gpus_alone),
        cmocka_unit_test(memory_bound_fires_and_takes_the_place_of_reserved),
        cmocka_unit_test(memory_bound_below_is_quiet),
        cmocka_unit_test(memory_bound_needs_half_of_the_time),
        cmocka_unit_test(memory_bound_needs_dram_or_copy),
        cmocka_unit_test(small_model_fires),
        cmocka_unit_test(small_model_at_the_threshold_is_quiet),
        cmocka_unit_test(small_model_on_a_small_gpu_is_quiet),
        cmocka_unit_test(small_model_on_an_unknown_gpu_is_quiet),
        cmocka_unit_test(small_model_that_computes_is_quiet),
        cmocka_unit_test(peak_hides_average),
        cmocka_unit_test(peak_hides_nothing_below),
        cmocka_unit_test(peak_needs_an_hour),
        cmocka_unit_test(namespace_mean_is_weighted_by_known_time),
        cmocka_unit_test(namespace_at_the_threshold_is_quiet),
        cmocka_unit_test(notebooks_of_a_namespace_are_one_workload),
        cmocka_unit_test(a_single_notebook_keeps_its_name),
        cmocka_unit_test(idle_gpus_are_told_per_node),
        cmocka_unit_test(idle_leaves_out_what_is_unknown),
        cmocka_unit_test(idle_is_not_unknown),
        cmocka_unit_test(idle_time_of_a_slice_is_wall_time),
    };
    return cmocka_run_group_tests_name("interpret behaviour", tests, NULL, NULL);
}
