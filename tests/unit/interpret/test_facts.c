/* Rules that judge requests, labels, errors, placement, exporters and prices. */
#include "world.h"

#include "interpret/xid.h"

/* A pod of Deployment ml/chat that holds a GPU of its own at 70 %, so that no rule of behaviour speaks. */
static uint32_t busy_pod(world *w, uint32_t node, const char *name, const char *uuid)
{
    uint32_t pod = world_pod(w, "ml", name, "Deployment", "chat");
    world_hold(w, world_gpu(w, node, uuid, 0), pod, 168, 168, 0.7, 1);
    w->f.pods[pod].node = node;
    w->f.pods[pod].resource = GW_RESOURCE_GPU;
    w->f.pods[pod].gpus = 1;
    return pod;
}

static void cpu(world *w, uint32_t pod, int64_t request_milli, double used_max_milli)
{
    w->f.pods[pod].cpu_request_milli = request_milli;
    w->f.pods[pod].cpu_used_max_milli = used_max_milli;
}

static void memory(world *w, uint32_t pod, int64_t request_mib, double used_max_mib)
{
    w->f.pods[pod].memory_request_mib = request_mib;
    w->f.pods[pod].memory_used_max_mib = used_max_mib;
}

WORLD_TEST(busy_pods_raise_nothing)
{
    uint32_t n = world_node(w, "n1", 8);
    uint32_t a = busy_pod(w, n, "chat-1", "GPU-1");
    cpu(w, a, 4000, 3900);
    memory(w, a, 32768, 30000);
    world_judge(w);
    assert_int_equal(w->out.n, 0);
}

WORLD_TEST(over_requested_cpu_fits_the_busiest_pod)
{
    uint32_t n = world_node(w, "n1", 8);
    cpu(w, busy_pod(w, n, "chat-1", "GPU-1"), 16000, 2000);
    cpu(w, busy_pod(w, n, "chat-2", "GPU-2"), 16000, 3000);
    cpu(w, busy_pod(w, n, "chat-3", "GPU-3"), 16000, -1); /* no cAdvisor */
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_OVER_CPU);
    assert_subject(f, "workload", "chat");
    assert_near(number_of(f, "pods"), 2);
    assert_near(number_of(f, "podsUnknown"), 1);
    assert_near(number_of(f, "requestCores"), 16);
    assert_near(number_of(f, "usedMaxCores"), 3);
    assert_near(number_of(f, "recommendedCores"), 3.45);                 /* 3 × 1.15 */
    assert_near(number_of(f, "excessCoreHours"), 2 * (16 - 3.45) * 168); /* 4216.8 */
    assert_false(gw_micro_known(f->monthly)); /* CPU has no price without the split */
    assert_int_equal(f->severity, GW_SEVERITY_LOW);
    /* 2 of 3 pods; 1 − 2/(16/3.45) */
    assert_near(f->confidence, 2.0 / 3 * 0.9921875 * (0.5 + 0.5 * (1 - 2 * 3.45 / 16)));
}

WORLD_TEST(over_requested_cpu_has_a_price_with_the_split)
{
    uint32_t n = world_node(w, "n1", 8), pod = busy_pod(w, n, "chat-1", "GPU-1");
    cpu(w, pod, 16000, 3000);
    w->f.nodes[n].cpu_milli = 192000;
    w->f.nodes[n].memory_mib = 1536 * 1024;
    w->prices[n].overhead_hourly = 2 * GW_USD;
    world_judge(w);
    /* of $2 an hour, 12.55 cores at their list price over all of the node's cores and GiB */
    double part = 12.55 * 0.031611 / (192 * 0.031611 + 1536 * 0.004237);
    const gw_finding *f = world_finding(w, GW_RULE_OVER_CPU);
    assert_near((double)f->monthly / 1e6, 2 * part * 730.5);
}

WORLD_TEST(over_requested_memory_has_a_floor)
{
    uint32_t n = world_node(w, "n1", 8);
    memory(w, busy_pod(w, n, "chat-1", "GPU-1"), 4096, 10);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_OVER_MEMORY);
    assert_near(number_of(f, "requestGib"), 4);
    assert_near(number_of(f, "recommendedGib"), 250.0 / 1024);
}

WORLD_TEST(requests_below_are_left_alone)
{
    uint32_t n = world_node(w, "n1", 8);
    uint32_t a = busy_pod(w, n, "chat-1", "GPU-1");
    cpu(w, a, 6899, 3000);   /* 1.9997 times 3.45 cores */
    memory(w, a, 1200, 100); /* 4.8 times the floor, but only 950 MiB too much */
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_OVER_CPU), 0);
    assert_int_equal(world_count(w, GW_RULE_OVER_MEMORY), 0);
}

WORLD_TEST(requests_without_cadvisor_are_not_judged)
{
    uint32_t n = world_node(w, "n1", 8);
    uint32_t a = busy_pod(w, n, "chat-1", "GPU-1");
    cpu(w, a, 64000, -1);
    memory(w, a, 640000, -1);
    cpu(w, busy_pod(w, n, "chat-2", "GPU-2"), GW_UNKNOWN_COUNT, 100); /* no request known */
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_OVER_CPU), 0);
    assert_int_equal(world_count(w, GW_RULE_OVER_MEMORY), 0);
}

static void unlabel(world *w, uint32_t pod)
{
    w->f.pods[pod].labels.n = 0;
}

WORLD_TEST(missing_labels_hide_dollars)
{
    uint32_t n = world_node(w, "n1", 8);
    uint32_t a = busy_pod(w, n, "chat-1", "GPU-1"), b = busy_pod(w, n, "chat-2", "GPU-2"),
             c = busy_pod(w, n, "chat-3", "GPU-3");
    busy_pod(w, n, "chat-4", "GPU-4"); /* labelled */
    unlabel(w, a);
    unlabel(w, b);
    unlabel(w, c); /* neither API nor any label: unknown, not missing */
    w->f.pods[a].in_api = true;
    gw_fleet_label(&w->f, &w->f.pods[b].labels, gw_str_of("team"), gw_str_of("t"), true);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_MISSING_LABELS);
    assert_subject(f, "namespace", "ml");
    assert_near(number_of(f, "pods"), 2);
    assert_near(number_of(f, "podsOfNamespace"), 4);
    assert_near(number_of(f, "podsUnknown"), 1);
    assert_string_equal(text_of(f, "missing"), "team, model");
    assert_non_null(strstr(text_of(f, "alsoMissing"), "costCenter"));
    assert_monthly(f, 336);
    assert_near(number_of(f, "teamMonthlyUsd"), 168 * 730.5 / 168);
    assert_near(number_of(f, "modelMonthlyUsd"), 336 * 730.5 / 168);
    assert_near(f->confidence, 0.75); /* one pod from the API, one from metrics: (1 + 0.5) / 2 */
}

WORLD_TEST(labels_of_namespace_and_class_count)
{
    uint32_t n = world_node(w, "n1", 8), a = busy_pod(w, n, "nb-1", "GPU-1");
    unlabel(w, a);
    w->f.pods[a].in_api = true;
    w->cls[a] = GW_CLASS_NOTEBOOK; /* serves no model */
    uint32_t ns = gw_fleet_namespace(&w->f, gw_str_of("ml"), NULL);
    gw_fleet_label(&w->f, &w->f.ns_labels[ns], gw_str_of("team"), gw_str_of("research"), true);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_MISSING_LABELS), 0);
}

WORLD_TEST(labels_that_nobody_exports_are_unknown)
{
    uint32_t n = world_node(w, "n1", 8);
    unlabel(w, busy_pod(w, n, "chat-1", "GPU-1"));
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_MISSING_LABELS), 0);
}

static void xid(world *w, uint32_t unit, uint32_t pod, int32_t code, uint32_t times)
{
    assert_int_equal(gw_grow((void **)&w->u.xids, &w->u.cap_xids, w->u.n_xids + 1, sizeof(gw_xid), 100), 0);
    w->u.xids[w->u.n_xids++] = (gw_xid){unit, pod, code, times, START_MS, START_MS + 3600000};
}

WORLD_TEST(hardware_errors_are_told_per_node)
{
    uint32_t n = world_node(w, "n1", 8);
    uint32_t a = busy_pod(w, n, "chat-1", "GPU-1");
    busy_pod(w, n, "chat-2", "GPU-2");
    xid(w, 0, a, 79, 1);
    xid(w, 1, GW_NONE, 79, 2);
    xid(w, 1, GW_NONE, 0, 1); /* no error */
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_GPU_ERRORS);
    assert_subject(f, "node", "n1");
    assert_near(number_of(f, "xid"), 79);
    assert_near(number_of(f, "times"), 3);
    assert_near(number_of(f, "gpus"), 2);
    assert_string_equal(text_of(f, "cause"), "hardware");
    assert_string_equal(text_of(f, "lastSeen"), "2023-11-14T23:13:20Z"); /* 1700003600 s */
    assert_int_equal(f->severity, GW_SEVERITY_HIGH);
    assert_monthly(f, 336); /* both GPUs */
}

WORLD_TEST(errors_of_programs_are_told_per_workload)
{
    uint32_t n = world_node(w, "n1", 8);
    xid(w, 0, busy_pod(w, n, "chat-1", "GPU-1"), 31, 5);
    xid(w, 1, busy_pod(w, n, "chat-2", "GPU-2"), 31, 1);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_GPU_ERRORS);
    assert_subject(f, "workload", "chat");
    assert_near(number_of(f, "times"), 6);
    assert_int_equal(f->severity, GW_SEVERITY_LOW);
    assert_false(gw_micro_known(f->monthly));
}

static void xid_severities(void **state)
{
    /* by the immediate action in NVIDIA's catalog: reset or reboot is high, restart of one program with a
     * reset later is medium, a program's own fault or nothing is low or info */
    static const struct {
        int32_t code;
        gw_severity severity;
        gw_xid_cause cause;
    } known[] = {
        {79, GW_SEVERITY_HIGH, GW_XID_HARDWARE},   {48, GW_SEVERITY_HIGH, GW_XID_HARDWARE},
        {63, GW_SEVERITY_LOW, GW_XID_HARDWARE},    {64, GW_SEVERITY_HIGH, GW_XID_HARDWARE},
        {74, GW_SEVERITY_HIGH, GW_XID_HARDWARE},   {94, GW_SEVERITY_MEDIUM, GW_XID_HARDWARE},
        {95, GW_SEVERITY_HIGH, GW_XID_HARDWARE},   {13, GW_SEVERITY_LOW, GW_XID_APPLICATION},
        {31, GW_SEVERITY_LOW, GW_XID_APPLICATION}, {43, GW_SEVERITY_LOW, GW_XID_APPLICATION},
        {45, GW_SEVERITY_INFO, GW_XID_NOTE},       {119, GW_SEVERITY_HIGH, GW_XID_HARDWARE},
        {120, GW_SEVERITY_HIGH, GW_XID_HARDWARE},  {150, GW_SEVERITY_HIGH, GW_XID_HARDWARE},
        {1, GW_SEVERITY_MEDIUM, GW_XID_UNLISTED},  {99999, GW_SEVERITY_MEDIUM, GW_XID_UNLISTED},
        {-5, GW_SEVERITY_MEDIUM, GW_XID_UNLISTED},
    };
    GW_UNUSED(state);
    for (size_t i = 0; i < GW_COUNT(known); i++) {
        const gw_xid_meaning *m = gw_xid_look_up(known[i].code);
        assert_int_equal(m->severity, known[i].severity);
        assert_int_equal(m->cause, known[i].cause);
    }
    /* the search finds each entry only if the table is sorted and free of overlaps: the codes it is asked for
     * must never go down */
    int32_t last = 0;
    for (int32_t code = 1; code < 300; code++) {
        const gw_xid_meaning *m = gw_xid_look_up(code);
        if (m->cause == GW_XID_UNLISTED)
            continue;
        assert_true(m->first <= code && code <= m->last && m->first >= last);
        last = m->first;
    }
}

/* A node of 8 GPUs, of which one pod of `used` holds all but a few. */
static uint32_t filled(world *w, const char *node, int64_t used, int64_t cpu_milli)
{
    char name[32];
    uint32_t n = world_node(w, node, 8);
    w->f.nodes[n].cpu_milli = 64000;
    w->f.nodes[n].memory_mib = 512 * 1024;
    snprintf(name, sizeof(name), "on-%s", node);
    uint32_t pod = world_pod(w, "ml", gw_fleet_intern(&w->f, gw_str_of(name)), NULL, NULL);
    gw_pod *p = &w->f.pods[pod];
    p->node = n;
    p->resource = GW_RESOURCE_GPU;
    p->gpus = used;
    p->cpu_request_milli = cpu_milli;
    p->memory_request_mib = 1024;
    return pod;
}

static void waits_for(world *w, const char *name, int64_t gpus)
{
    uint32_t pod = world_pod(w, "ml", name, "Job", "train");
    gw_pod *p = &w->f.pods[pod];
    p->node = GW_NONE;
    p->phase = GW_PHASE_PENDING;
    p->resource = GW_RESOURCE_GPU;
    p->gpus = gpus;
    p->active = (gw_interval){0, 0};
}

WORLD_TEST(spread_keeps_a_pending_pod_out)
{
    filled(w, "n1", 6, 1000);
    filled(w, "n2", 6, 1000);
    filled(w, "n3", 6, 1000);
    waits_for(w, "train-0", 4);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_FRAGMENTED);
    assert_string_equal(text_of(f, "cause"), "spread");
    assert_string_equal(text_of(f, "pod"), "ml/train-0");
    assert_near(number_of(f, "freeGpus"), 6);
    assert_near(number_of(f, "mostFreeOnOneNode"), 2);
    assert_near(number_of(f, "gpusWanted"), 4);
    assert_near((double)f->monthly / 1e6, 6 * 730.5);
    assert_near(f->confidence, 0.75);
}

WORLD_TEST(spread_is_not_to_blame_where_a_node_has_room_or_all_are_full)
{
    filled(w, "n1", 6, 1000);
    filled(w, "n2", 6, 1000);
    waits_for(w, "train-0", 2); /* fits on n1 */
    waits_for(w, "train-1", 5); /* more than all that is free */
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_FRAGMENTED), 0);
}

WORLD_TEST(spread_needs_every_node_known)
{
    filled(w, "n1", 6, 1000);
    filled(w, "n2", 6, 1000);
    filled(w, "n3", GW_UNKNOWN_COUNT, 1000);
    waits_for(w, "train-0", 4);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_FRAGMENTED), 0);
}

WORLD_TEST(spread_counts_as_the_scheduler_does)
{
    /* two nodes of 8 with 6 taken; a third offers 8 GPUs as 32 time slices of which 29 are taken: room for 3
     */
    filled(w, "n1", 6, 1000);
    filled(w, "n2", 6, 1000);
    uint32_t n = w->f.pods[filled(w, "n3", 29, 1000)].node;
    w->f.nodes[n].sharing = GW_SHARING_TIME_SLICING;
    w->f.nodes[n].replicas = 4;
    w->f.nodes[n].allocatable_gpus = 32;
    gw_fleet_node(&w->f, gw_str_of("cpu-1"), NULL); /* a node without GPUs leaves nothing unknown */
    waits_for(w, "train-0", 3);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_FRAGMENTED), 0); /* fits on n3 */
    waits_for(w, "train-1", 4);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_FRAGMENTED);
    assert_near(number_of(f, "freeGpus"), 4); /* whole ones */
    assert_near(number_of(f, "mostFreeOnOneNode"), 3);
    assert_string_equal(text_of(f, "pod"), "ml/train-1");
}

WORLD_TEST(slices_take_no_whole_gpus)
{
    /* MIG on 2 of 8 GPUs: the node offers 6, and the pod on it holds a slice */
    uint32_t p = filled(w, "n1", 1, 1000), n = w->f.pods[p].node;
    w->f.pods[p].resource = GW_RESOURCE_MIG;
    w->f.nodes[n].allocatable_gpus = 6;
    uint32_t g = gw_fleet_gpu(&w->f, gw_str_of("GPU-m"), NULL);
    w->f.gpus[g].node = n;
    w->f.gpus[g].mig = true;
    filled(w, "n2", 6, 1000);
    waits_for(w, "train-0", 7);
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_FRAGMENTED);
    assert_near(number_of(f, "freeGpus"), 8); /* 6 + 2 */
    assert_near(number_of(f, "mostFreeOnOneNode"), 6);
}

WORLD_TEST(spread_needs_somebody_who_waits)
{
    filled(w, "n1", 6, 1000);
    filled(w, "n2", 6, 1000);
    waits_for(w, "train-0", 4);
    w->f.pods[w->f.n_pods - 1].info.end_ms = START_MS + GW_HOUR_MS; /* long gone */
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_FRAGMENTED), 0);
}

WORLD_TEST(cpu_strands_gpus)
{
    filled(w, "n1", 5, 60000); /* leaves 4 cores and 3 GPUs */
    filled(w, "n2", 8, 8000);
    filled(w, "n3", 8, 8000); /* the lower median of 8, 8 and 60 cores is 8 */
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_FRAGMENTED);
    assert_subject(f, "node", "n1");
    assert_string_equal(text_of(f, "cause"), "cpu");
    assert_near(number_of(f, "freeGpus"), 3);
    assert_near(number_of(f, "unrequestedCores"), 4);
    assert_near(number_of(f, "medianRequestCores"), 8);
    assert_near((double)f->monthly / 1e6, 3 * 730.5);
    assert_near(f->confidence, 0.5 + 0.5 * 0.5); /* (8 − 4) / 8 */
}

WORLD_TEST(enough_cpu_strands_nothing)
{
    filled(w, "n1", 5, 56000); /* leaves exactly 8 */
    filled(w, "n2", 8, 8000);
    filled(w, "n3", 8, 8000);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_FRAGMENTED), 0);
}

WORLD_TEST(a_node_of_unknown_size_strands_nothing)
{
    uint32_t p = filled(w, "n1", 5, 60000);
    filled(w, "n2", 8, 8000);
    filled(w, "n3", 8, 8000);
    w->f.nodes[w->f.pods[p].node].cpu_milli = GW_UNKNOWN_COUNT;
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_FRAGMENTED), 0);
}

WORLD_TEST(unobserved_gpus_are_told_per_instance_type)
{
    uint32_t a = world_node(w, "n1", 8), b = world_node(w, "n2", 8);
    for (uint32_t n = a; n <= b; n++) {
        uint32_t u = gw_fleet_unit(&w->f, GW_NONE, n, gw_str_of(""), gw_str_of(""), NULL);
        assert_int_equal(gw_usage_fit(&w->u, &w->f), 0);
        world_idle(w, u, 0, 8 * 168);
    }
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_UNOBSERVED);
    assert_subject(f, "instanceType", "test.8xlarge");
    assert_near(number_of(f, "nodes"), 2);
    assert_near(number_of(f, "gpus"), 16);
    assert_near(number_of(f, "paidGpuHours"), 2 * 8 * 168);
    assert_monthly(f, 2 * 8 * 168);
    assert_int_equal(world_count(w, GW_RULE_IDLE_GPU), 0);
}

WORLD_TEST(a_gap_at_a_restart_is_not_an_unobserved_gpu)
{
    uint32_t n = world_node(w, "n1", 8);
    uint32_t u = gw_fleet_unit(&w->f, GW_NONE, n, gw_str_of(""), gw_str_of(""), NULL);
    assert_int_equal(gw_usage_fit(&w->u, &w->f), 0);
    world_idle(w, u, 0, 0.9);
    world_judge(w);
    assert_int_equal(world_count(w, GW_RULE_UNOBSERVED), 0);
}

WORLD_TEST(unknown_prices_are_said_loudly)
{
    uint32_t n = world_node(w, "n1", 8);
    busy_pod(w, n, "chat-1", "GPU-1");
    w->prices[n] = (gw_node_price){.hourly = GW_MICRO_UNKNOWN,
                                   .gpu_hourly = GW_MICRO_UNKNOWN,
                                   .overhead_hourly = GW_MICRO_UNKNOWN,
                                   .why_unknown = "not in the catalogue"};
    w->l.leaves[0].cost = (gw_cost){.unpriced_ms = 168 * H};
    uint32_t idle = world_node(w, "n2", 8); /* a priced node */
    busy_pod(w, idle, "chat-2", "GPU-2");
    world_judge(w);
    assert_int_equal(w->out.n, 1);
    const gw_finding *f = world_finding(w, GW_RULE_UNKNOWN_PRICE);
    assert_subject(f, "instanceType", "test.8xlarge");
    assert_subject(f, "region", "us-east-1");
    assert_near(number_of(f, "nodes"), 1);
    assert_near(number_of(f, "gpuHours"), 168);
    assert_string_equal(text_of(f, "why"), "not in the catalogue");
    assert_int_equal(f->severity, GW_SEVERITY_HIGH);
    assert_false(gw_micro_known(f->monthly));
}

WORLD_TEST(waste_without_a_price_is_told_without_an_amount)
{
    uint32_t n = world_node(w, "n1", 8);
    world_hold(w, world_gpu(w, n, "GPU-1", 0), world_pod(w, "ml", "a", NULL, NULL), 168, 168, 0, 0);
    w->l.leaves[0].cost = (gw_cost){.unpriced_ms = 168 * H};
    world_judge(w);
    const gw_finding *f = world_finding(w, GW_RULE_NEVER_USED);
    assert_false(gw_micro_known(f->monthly));
    assert_near(number_of(f, "unpricedGpuHours"), 168);
    assert_int_equal(f->severity, GW_SEVERITY_MEDIUM);
    assert_non_null(strstr(f->text, "price unknown"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_pods_raise_nothing),
        cmocka_unit_test(over_requested_cpu_fits_the_busiest_pod),
        cmocka_unit_test(over_requested_cpu_has_a_price_with_the_split),
        cmocka_unit_test(over_requested_memory_has_a_floor),
        cmocka_unit_test(requests_below_are_left_alone),
        cmocka_unit_test(requests_without_cadvisor_are_not_judged),
        cmocka_unit_test(missing_labels_hide_dollars),
        cmocka_unit_test(labels_of_namespace_and_class_count),
        cmocka_unit_test(labels_that_nobody_exports_are_unknown),
        cmocka_unit_test(hardware_errors_are_told_per_node),
        cmocka_unit_test(errors_of_programs_are_told_per_workload),
        cmocka_unit_test(xid_severities),
        cmocka_unit_test(spread_keeps_a_pending_pod_out),
        cmocka_unit_test(spread_is_not_to_blame_where_a_node_has_room_or_all_are_full),
        cmocka_unit_test(spread_needs_every_node_known),
        cmocka_unit_test(spread_counts_as_the_scheduler_does),
        cmocka_unit_test(slices_take_no_whole_gpus),
        cmocka_unit_test(spread_needs_somebody_who_waits),
        cmocka_unit_test(cpu_strands_gpus),
        cmocka_unit_test(enough_cpu_strands_nothing),
        cmocka_unit_test(a_node_of_unknown_size_strands_nothing),
        cmocka_unit_test(unobserved_gpus_are_told_per_instance_type),
        cmocka_unit_test(a_gap_at_a_restart_is_not_an_unobserved_gpu),
        cmocka_unit_test(unknown_prices_are_said_loudly),
        cmocka_unit_test(waste_without_a_price_is_told_without_an_amount),
    };
    return cmocka_run_group_tests_name("interpret facts", tests, NULL, NULL);
}
