#include "gw_test.h"

#include <math.h>

#include "observe/telemetry.h"

#define HOUR 3600
/* what every GPU series carries */
#define GPU(n) "UUID=\"GPU-" n "\",gpu=\"" n "\",modelName=\"NVIDIA L40S\",Hostname=\"node-a\""
#define POD(p) ",namespace=\"ml\",pod=\"" p "\",container=\"main\""

static const gw_stats *hold(const telemetry *t, const char *pod)
{
    uint32_t p = gw_fleet_find_pod(&t->fleet, gw_str_of("ml"), gw_str_of(pod));
    for (size_t i = 0; i < t->usage.n_holds; i++) {
        if (t->usage.holds[i].pod == p)
            return &t->usage.holds[i].stats;
    }
    fail_msg("no hold of pod %s", pod);
    return NULL;
}

static double sum_paid(const telemetry *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->usage.n_units; i++)
        sum += t->usage.units[i].paid;
    return sum / 1000;
}

static double sum_idle(const telemetry *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->usage.n_units; i++)
        sum += t->usage.units[i].idle.allocated;
    return sum / 1000;
}

static double sum_unheld_unknown(const telemetry *t)
{
    double sum = 0;
    for (size_t i = 0; i < t->usage.n_units; i++)
        sum += t->usage.units[i].unknown;
    return sum / 1000;
}

/* GPU-milliseconds against seconds, to the millisecond. */
static void assert_s(double gpu_ms, double seconds)
{
    if (fabs(gpu_ms / 1000 - seconds) > 0.001)
        fail_msg("%.6f s, expected %.6f s", gpu_ms / 1000, seconds);
}

static void fold(telemetry *t, int from, int to, int64_t slice_ms)
{
    gw_error e = {0};
    if (telemetry_fold(t, from, to, slice_ms, &e))
        fail_msg("fold: %s", e.message);
}

static void a_pod_holds_from_first_to_last_sample(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* 60 .. 3660 s every 30 s at 40 %: held 3600 s plus one interval; nothing before and after */
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 60, 3660, 30, 40);
    fold(&t, 0, 2 * HOUR, 0);
    const gw_stats *s = hold(&t, "a");
    assert_s(s->allocated, 3630);
    assert_s(s->known, 3630);
    assert_s(s->used, 0.4 * 3630);
    assert_int_equal(s->samples, 121);
    assert_s(s->by_signal[GW_SIGNAL_GPU_UTIL], 3630);
    /* one GPU is all that is known of the node, and it was paid for while it was seen */
    assert_true(fabs(sum_paid(&t) - 3630) < 0.001);
    telemetry_free(&t);
}

static void a_gap_is_held_and_unknown(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 600, 30, 50);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 1800, 2400, 30, 50);
    fold(&t, 0, HOUR, 0);
    const gw_stats *s = hold(&t, "a");
    /* 0..2430 held; the sample at 600 speaks until 900, the next is at 1800 */
    assert_s(s->allocated, 2430);
    assert_s(s->known, 900 + 630);
    assert_s(s->used, 0.5 * (900 + 630));
    assert_s(gw_stats_unknown(s), 900);
    telemetry_free(&t);
}

static void a_stale_marker_ends_at_the_marker(void **state)
{
    GW_UNUSED(state);
    gw_fleet fleet;
    gw_usage usage;
    gw_error e = {0};
    gw_interval window = {T0_MS, T0_MS + GW_HOUR_MS};
    gw_fleet_init(&fleet);
    gw_usage_init(&usage, window, GW_STATE_POLICY_DEFAULT);
    gw_fold *f = gw_fold_new(&fleet, &usage, &e);
    assert_int_equal(gw_fold_begin(f, window, &e), 0);
    const gw_series_sink *sink = gw_fold_sink(f);
    gw_label labels[] = {{gw_str_of("__name__"), gw_str_of("DCGM_FI_PROF_SM_ACTIVE")},
                         {gw_str_of("UUID"), gw_str_of("GPU-0")},
                         {gw_str_of("Hostname"), gw_str_of("node-a")},
                         {gw_str_of("namespace"), gw_str_of("ml")},
                         {gw_str_of("pod"), gw_str_of("a")}};
    double marker;
    uint64_t bits = GW_STALE_NAN_BITS;
    memcpy(&marker, &bits, sizeof(marker));
    int64_t at[] = {T0_MS, T0_MS + 30000, T0_MS + 60000, T0_MS + 71000};
    double value[] = {0.5, 0.5, 1.0, marker};
    void *series_handle;
    assert_int_equal(sink->series(sink->ctx, labels, GW_COUNT(labels), &series_handle, &e), 0);
    assert_int_equal(sink->samples(sink->ctx, series_handle, at, value, GW_COUNT(at), &e), 0);
    assert_int_equal(gw_fold_end(f, &e), 0);
    assert_int_equal(gw_fold_finish(f, &e), 0);
    /* 60 s at a half and 11 s at full; the last sample does not hold a whole interval */
    assert_int_equal(usage.n_holds, 1);
    assert_s(usage.holds[0].stats.allocated, 71);
    assert_s(usage.holds[0].stats.used, 30 + 11);
    gw_fold_free(f);
    gw_usage_free(&usage);
    gw_fleet_free(&fleet);
}

static void out_of_range_is_unknown_not_zero(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 570, 30, 100);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 600, 1170, 30, 9223372036854775794.0);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 1200, 1770, 30, 100);
    fold(&t, 0, 1800, 0);
    const gw_stats *s = hold(&t, "a");
    assert_s(s->allocated, 1800);
    assert_s(s->known, 1200);
    assert_s(s->used, 1200);
    assert_true(s->compute.peak <= 1.0);
    telemetry_free(&t);
}

static void idle_time_belongs_to_nobody(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* a until 570, nobody from 600 to 1170, b from 1200; the unlabelled series holds over b's start but b
     * wins */
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 570, 30, 80);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") "}", 600, 1170, 30, 0);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("b") "}", 1200, 1770, 30, 20);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") "}", 3000, 3570, 30, 0);
    fold(&t, 0, HOUR, 0);
    assert_s(hold(&t, "a")->allocated, 600);
    assert_s(hold(&t, "b")->allocated, 600);
    assert_s(hold(&t, "b")->used, 120);
    /* 600 s between, 600 s at the end, and 1800..3000 where nobody said anything */
    /* the unlabelled series has a sample at 1170 and its next at 3000: it speaks until 1470, over b's time; b
     * holds that */
    assert_true(fabs(sum_idle(&t) - 1200) < 0.001);
    assert_true(fabs(sum_unheld_unknown(&t) - 1200) < 0.001);
    assert_true(fabs(sum_paid(&t) - 3600) < 0.001);
    telemetry_free(&t);
}

static void repeated_reads_and_replicas_change_nothing(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    t.times = 3;
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") ",prometheus_replica=\"r0\"}", 0, 3570, 30, 50);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") ",prometheus_replica=\"r1\"}", 13, 3583, 30, 50);
    fold(&t, 0, HOUR, 0);
    const gw_stats *s = hold(&t, "a");
    assert_s(s->allocated, 3600);
    assert_s(s->known, 3600);
    assert_s(s->used, 1800);
    telemetry_free(&t);
}

static void slices_give_the_same_as_one_piece(void **state)
{
    GW_UNUSED(state);
    double allocated[3], used[3], idle[3], unknown[3];
    int64_t slices[] = {0, GW_HOUR_MS, 25 * GW_MINUTE_MS};
    for (int i = 0; i < 3; i++) {
        telemetry t;
        telemetry_start(&t);
        for (int s = 0; s < 6 * HOUR; s += 30) {
            /* a ramp, so that a sample in the wrong window would show */
            double v = s % 7200 / 72.0;
            if (s < 9000 || s > 9900) /* a gap of 15 minutes across a slice border */
                series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", s, s, 30, v);
        }
        fold(&t, 0, 6 * HOUR, slices[i]);
        const gw_stats *s = hold(&t, "a");
        allocated[i] = s->allocated;
        used[i] = s->used;
        unknown[i] = gw_stats_unknown(s);
        idle[i] = sum_idle(&t);
        telemetry_free(&t);
    }
    assert_s(allocated[0], 6 * HOUR);
    /* the last sample before the gap is at 8970 and speaks until 9270; the next is at 9930 */
    assert_s(unknown[0], 660);
    for (int i = 1; i < 3; i++) {
        assert_s(allocated[i], allocated[0] / 1000);
        assert_s(used[i], used[0] / 1000);
        assert_s(unknown[i], unknown[0] / 1000);
        assert_s(idle[i], idle[0] / 1000);
    }
}

static void the_best_signal_is_taken_window_by_window(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 3570, 30, 100);
    series(&t, "DCGM_FI_PROF_GR_ENGINE_ACTIVE{" GPU("0") POD("a") "}", 0, 3570, 30, 0.5);
    series(&t, "DCGM_FI_PROF_SM_ACTIVE{" GPU("0") POD("a") "}", 0, 1770, 30, 0.25);
    fold(&t, 0, HOUR, 0);
    const gw_stats *s = hold(&t, "a");
    assert_s(s->by_signal[GW_SIGNAL_SM_ACTIVE], 1800);
    assert_s(s->by_signal[GW_SIGNAL_GR_ENGINE_ACTIVE], 1800);
    assert_s(s->by_signal[GW_SIGNAL_GPU_UTIL], 0);
    assert_s(s->used, 0.25 * 1800 + 0.5 * 1800);
    telemetry_free(&t);
}

#define MIG(id, profile) ",GPU_I_ID=\"" id "\",GPU_I_PROFILE=\"" profile "\""

static void a_mig_slice_is_its_share_of_the_board(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* the board: 3g + 2g of 7; the board's own GPU_UTIL is a constant 0 and says nothing */
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") "}", 0, 3570, 30, 0);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") MIG("1", "3g.40gb") POD("a") "}", 0, 3570, 30, 0);
    series(&t, "DCGM_FI_PROF_GR_ENGINE_ACTIVE{" GPU("0") MIG("1", "3g.40gb") POD("a") "}", 0, 3570, 30, 0.5);
    series(&t, "DCGM_FI_PROF_GR_ENGINE_ACTIVE{" GPU("0") MIG("5", "2g.20gb") "}", 0, 3570, 30, 0);
    fold(&t, 0, HOUR, 0);
    const gw_stats *s = hold(&t, "a");
    assert_s(s->allocated, 3600 * 3 / 7.0);
    assert_s(s->used, 1800 * 3 / 7.0);
    /* 2/7 is a free instance, 2/7 is not partitioned at all: both idle */
    assert_true(fabs(sum_idle(&t) - 3600 * 4 / 7.0) < 0.01);
    assert_true(fabs(sum_paid(&t) - 3600) < 0.01);
    telemetry_free(&t);
}

#define NODE_LABELS(more) "kube_node_labels{node=\"node-a\"" more "}"
#define REQUEST(p, res)                                                                                      \
    "kube_pod_container_resource_requests{namespace=\"ml\",pod=\"" p                                         \
    "\",container=\"main\",node=\"node-a\",resource=\"" res "\"}"
#define PHASE(p, phase) "kube_pod_status_phase{namespace=\"ml\",pod=\"" p "\",phase=\"" phase "\"}"

static void every_sharer_named_on_every_metric(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    static const char *const pods[] = {"a", "b", "c"};
    for (size_t i = 0; i < GW_COUNT(pods); i++) {
        char head[256];
        snprintf(head, sizeof(head), "DCGM_FI_DEV_GPU_UTIL{" GPU("0") ",namespace=\"ml\",pod=\"%s\"}",
                 pods[i]);
        series(&t, head, 0, 3570, 30, 30);
    }
    series(&t, NODE_LABELS(",label_nvidia_com_gpu_replicas=\"4\",label_nvidia_com_gpu_count=\"1\""), 0, 3570,
           30, 1);
    fold(&t, 0, HOUR, 0);
    /* three of four replicas: a quarter of the GPU each, a quarter idle; 30 % of work in three equal parts */
    for (size_t i = 0; i < GW_COUNT(pods); i++) {
        assert_s(hold(&t, pods[i])->allocated, 900);
        assert_s(hold(&t, pods[i])->used, 360);
    }
    assert_true(fabs(sum_idle(&t) - 900) < 0.01);
    assert_true(fabs(sum_paid(&t) - 3600) < 0.01);
    telemetry_free(&t);
}

static void one_arbitrary_sharer_named(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 1770, 30, 60);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("b") "}", 1800, 3570, 30, 60);
    series(&t, NODE_LABELS(",label_nvidia_com_gpu_replicas=\"2\",label_nvidia_com_gpu_count=\"1\""), 0, 3570,
           30, 1);
    series(&t, REQUEST("a", "nvidia_com_gpu_shared"), 0, 3570, 30, 1);
    series(&t, REQUEST("b", "nvidia_com_gpu_shared"), 0, 3570, 30, 1);
    fold(&t, 0, HOUR, 0);
    assert_s(hold(&t, "a")->allocated, 1800);
    assert_s(hold(&t, "b")->allocated, 1800);
    assert_s(hold(&t, "a")->used + hold(&t, "b")->used, 2160);
    assert_true(fabs(sum_paid(&t) - 3600) < 0.01);
    telemetry_free(&t);
}

static void an_ended_pod_lingers_in_the_exporter(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 3570, 30, 0);
    series(&t, REQUEST("a", "nvidia_com_gpu"), 0, 3570, 30, 1);
    series(&t, PHASE("a", "Running"), 0, 1770, 30, 1);
    series(&t, PHASE("a", "Running"), 1800, 3570, 30, 0);
    series(&t, PHASE("a", "Succeeded"), 0, 1770, 30, 0);
    series(&t, PHASE("a", "Succeeded"), 1800, 3570, 30, 1);
    fold(&t, 0, HOUR, 0);
    assert_s(hold(&t, "a")->allocated, 1800);
    assert_true(fabs(sum_idle(&t) - 1800) < 0.01);
    telemetry_free(&t);
}

static void an_exporter_outage_is_bridged_by_kube_state(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 570, 30, 10);
    series(&t, REQUEST("a", "nvidia_com_gpu"), 0, 3570, 30, 1);
    series(&t, PHASE("a", "Running"), 0, 3570, 30, 1);
    series(&t, "kube_node_status_allocatable{node=\"node-a\",resource=\"nvidia_com_gpu\"}", 0, 3570, 30, 1);
    fold(&t, 0, HOUR, 0);
    const gw_stats *s = hold(&t, "a");
    assert_s(s->allocated, 3600);
    assert_s(s->known, 600); /* the series ends at 570 and holds one interval */
    telemetry_free(&t);
}

/*
 * Four hours; for the second and third nothing comes from the exporter. Where kube-state-metrics goes on
 * saying what pods request, and none requests this GPU, the GPU is idle throughout. Where that is silent too,
 * nobody knows: unknown from 5 minutes after the last sample, 3900, to 10800. Within a slice of an hour the
 * series ends at 3600, so that its last sample speaks for one interval, and unknown begins at 3630.
 */
static void a_silent_source_knows_of_no_idle_time(void **state)
{
    GW_UNUSED(state);
    for (int dark = 0; dark < 2; dark++) {
        for (int64_t slice_ms = 0; slice_ms <= GW_HOUR_MS; slice_ms += GW_HOUR_MS) {
            telemetry t;
            telemetry_start(&t);
            for (int part = 0; part < 3; part++) {
                int from = part * 5400 - (part == 1 ? 1800 : 0), to = from + (part == 1 ? 7200 : 3600);
                if (part != 1)
                    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") "}", from, to, 30, 0);
                if (part == 1 && dark)
                    continue;
                series(&t, REQUEST("other", "cpu"), from, to, 30, 1);
                series(&t, "kube_node_status_allocatable{node=\"node-a\",resource=\"nvidia_com_gpu\"}", from,
                       to, 30, 1);
            }
            fold(&t, 0, 4 * HOUR, slice_ms);
            double unknown = !dark ? 0 : slice_ms ? 7170 : 6900;
            assert_true(fabs(sum_unheld_unknown(&t) - unknown) < 0.001);
            assert_true(fabs(sum_idle(&t) - (14400 - unknown)) < 0.001);
            assert_true(fabs(sum_paid(&t) - 14400) < 0.001);
            telemetry_free(&t);
        }
    }
}

static void pods_that_no_exporter_names(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* two GPUs without pod labels, one busy; one pod requests one GPU: it must be the busy one */
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") "}", 0, 3570, 30, 0);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("1") "}", 0, 3570, 30, 90);
    series(&t, REQUEST("a", "nvidia_com_gpu"), 0, 3570, 30, 1);
    series(&t, "kube_node_status_allocatable{node=\"node-a\",resource=\"nvidia_com_gpu\"}", 0, 3570, 30, 2);
    fold(&t, 0, HOUR, 0);
    const gw_stats *s = hold(&t, "a");
    assert_s(s->allocated, 3600);
    assert_s(s->used, 3240);
    assert_true(fabs(sum_idle(&t) - 3600) < 0.01);
    assert_int_equal(t.usage.holds[0].how, GW_HOLD_REQUESTED);
    telemetry_free(&t);
}

static void a_node_without_exporter(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, REQUEST("a", "nvidia_com_gpu"), 0, 3570, 30, 2);
    series(&t, "kube_node_status_allocatable{node=\"node-a\",resource=\"nvidia_com_gpu\"}", 0, 3570, 30, 8);
    fold(&t, 0, HOUR, 0);
    const gw_stats *s = hold(&t, "a");
    assert_s(s->allocated, 7200);
    assert_s(s->known, 0);
    assert_int_equal(t.usage.holds[0].how, GW_HOLD_UNOBSERVED);
    /* the other six are idle, for the scheduler knows of no holder */
    assert_true(fabs(sum_idle(&t) - 6 * 3600) < 0.01);
    assert_true(fabs(sum_paid(&t) - 8 * 3600) < 0.01);
    telemetry_free(&t);
}

static void the_exporters_own_pod_holds_nothing(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* honor_labels: false — "pod" is the exporter's, the workload's is in exported_pod, absent on an idle GPU
     */
    series(&t,
           "DCGM_FI_DEV_GPU_UTIL{" GPU("0") ",pod=\"gpu-metrics-x7k2p\",namespace=\"monitoring\",exported_"
                                            "pod=\"a\",exported_namespace=\"ml\"}",
           0, 3570, 30, 50);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("1") ",pod=\"gpu-metrics-x7k2p\",namespace=\"monitoring\"}", 0,
           3570, 30, 0);
    fold(&t, 0, HOUR, 0);
    assert_int_equal(t.usage.n_holds, 1);
    assert_s(hold(&t, "a")->allocated, 3600);
    assert_true(fabs(sum_idle(&t) - 3600) < 0.01);
    telemetry_free(&t);
}

static void states_are_judged_on_the_same_windows(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* half an hour busy with little memory, half an hour idle with full memory: the averages (50 %, 50 %)
     * would say high × high */
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 1770, 30, 90);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 1800, 3570, 30, 10);
    series(&t, "DCGM_FI_DEV_FB_USED{" GPU("0") POD("a") "}", 0, 1770, 30, 4000);
    series(&t, "DCGM_FI_DEV_FB_FREE{" GPU("0") POD("a") "}", 0, 1770, 30, 36000);
    series(&t, "DCGM_FI_DEV_FB_USED{" GPU("0") POD("a") "}", 1800, 3570, 30, 36000);
    series(&t, "DCGM_FI_DEV_FB_FREE{" GPU("0") POD("a") "}", 1800, 3570, 30, 4000);
    fold(&t, 0, HOUR, 0);
    const gw_stats *s = hold(&t, "a");
    assert_s(s->states[GW_STATE_HIGH_LOW], 1800);
    assert_s(s->states[GW_STATE_LOW_HIGH], 1800);
    assert_s(s->states[GW_STATE_HIGH_HIGH] + s->states[GW_STATE_LOW_LOW] + s->states[GW_STATE_UNKNOWN], 0);
    assert_true(fabs(s->memory.peak - 0.9) < 1e-6);
    assert_true(fabs(gw_quantity_mean(&s->memory) - 0.5) < 1e-6);
    telemetry_free(&t);
}

static void half_of_kube_state_is_no_witness(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* pods are known and requests are not (a cut-off snapshot): a gap is then held and unknown, not idle */
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 600, 30, 50);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 1800, 3570, 30, 50);
    series(&t, "kube_pod_info{namespace=\"ml\",pod=\"a\",node=\"node-a\"}", 0, 3570, 30, 1);
    series(&t, "kube_node_status_allocatable{node=\"node-a\",resource=\"nvidia_com_gpu\"}", 0, 3570, 30, 1);
    fold(&t, 0, HOUR, 0);
    assert_s(hold(&t, "a")->allocated, 3600);
    assert_s(gw_stats_unknown(hold(&t, "a")), 900);
    assert_true(fabs(sum_idle(&t)) < 0.001);
    telemetry_free(&t);
}

static void one_job_says_nothing_about_another(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    /* cluster x keeps target labels (honor_labels: false), cluster y does not */
    series(&t,
           "DCGM_FI_DEV_GPU_UTIL{" GPU(
               "0") ",cluster=\"x\",job=\"dcgm\",pod=\"exp-1\",exported_pod=\"a\",exported_namespace=\"ml\"}",
           0, 3570, 30, 50);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("1") ",cluster=\"x\",job=\"dcgm\",pod=\"exp-1\"}", 0, 3570, 30, 0);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("2") ",cluster=\"y\",job=\"dcgm\",namespace=\"ml\",pod=\"b\"}", 0,
           3570, 30, 25);
    fold(&t, 0, HOUR, 0);
    assert_int_equal(t.usage.n_holds, 2);
    assert_s(hold(&t, "b")->used, 900);
    telemetry_free(&t);
}

static void no_gpu_metrics_is_said(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    gw_error e = {0};
    telemetry_start(&t);
    series(&t, "kube_node_info{node=\"node-a\"}", 0, 600, 30, 1);
    assert_int_equal(telemetry_fold(&t, 0, HOUR, 0, &e), GW_ENODATA);
    assert_non_null(strstr(e.message, "dcgm-exporter"));
    telemetry_free(&t);
}

static void xid_is_an_event_once(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    telemetry_start(&t);
    series(&t, "DCGM_FI_DEV_GPU_UTIL{" GPU("0") POD("a") "}", 0, 3570, 30, 10);
    series(&t, "DCGM_FI_DEV_XID_ERRORS{" GPU("0") POD("a") "}", 0, 1770, 30, 0);
    series(&t, "DCGM_FI_DEV_XID_ERRORS{" GPU("0") POD("a") "}", 1800, 3570, 30, 79);
    fold(&t, 0, HOUR, 10 * GW_MINUTE_MS);
    assert_int_equal(t.usage.n_xids, 1);
    assert_int_equal(t.usage.xids[0].code, 79);
    assert_int_equal(t.usage.xids[0].times, 1);
    assert_int_equal(t.usage.xids[0].first_ms, T0_MS + 1800 * 1000);
    telemetry_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pod_holds_from_first_to_last_sample),
        cmocka_unit_test(a_gap_is_held_and_unknown),
        cmocka_unit_test(a_stale_marker_ends_at_the_marker),
        cmocka_unit_test(out_of_range_is_unknown_not_zero),
        cmocka_unit_test(idle_time_belongs_to_nobody),
        cmocka_unit_test(a_silent_source_knows_of_no_idle_time),
        cmocka_unit_test(repeated_reads_and_replicas_change_nothing),
        cmocka_unit_test(slices_give_the_same_as_one_piece),
        cmocka_unit_test(the_best_signal_is_taken_window_by_window),
        cmocka_unit_test(a_mig_slice_is_its_share_of_the_board),
        cmocka_unit_test(every_sharer_named_on_every_metric),
        cmocka_unit_test(one_arbitrary_sharer_named),
        cmocka_unit_test(an_ended_pod_lingers_in_the_exporter),
        cmocka_unit_test(an_exporter_outage_is_bridged_by_kube_state),
        cmocka_unit_test(pods_that_no_exporter_names),
        cmocka_unit_test(a_node_without_exporter),
        cmocka_unit_test(the_exporters_own_pod_holds_nothing),
        cmocka_unit_test(states_are_judged_on_the_same_windows),
        cmocka_unit_test(half_of_kube_state_is_no_witness),
        cmocka_unit_test(one_job_says_nothing_about_another),
        cmocka_unit_test(no_gpu_metrics_is_said),
        cmocka_unit_test(xid_is_an_event_once),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
