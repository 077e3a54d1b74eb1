/*
 * What the fold makes of cAdvisor's series: histograms of VPA's kind for each container of the pods that have
 * to do with GPUs. Expected values are worked out in the comments from VPA's formulas (fleet/vpa.h).
 */
#include "gw_test.h"

#include <math.h>

#include "telemetry.h"

#define HOUR 3600
#define DAY  (24 * HOUR)

#define LABELS(pod, container, more)                                                                         \
    "{namespace=\"ml\",pod=\"" pod "\",container=\"" container "\",image=\"i\"" more "}"
#define CPU(pod, container, more)    "container_cpu_usage_seconds_total" LABELS(pod, container, more)
#define MEMORY(pod, container, more) "container_memory_working_set_bytes" LABELS(pod, container, more)
#define DISK(pod, container, more)   "container_fs_usage_bytes" LABELS(pod, container, more)
#define REQUEST(pod, container, node, resource)                                                              \
    "kube_pod_container_resource_requests{namespace=\"ml\",pod=\"" pod "\",container=\"" container           \
    "\",node=\"" node "\",resource=\"" resource "\"}"
#define ENDED(pod, container, reason)                                                                        \
    "kube_pod_container_status_last_terminated_reason{namespace=\"ml\",pod=\"" pod                           \
    "\",container=\"" container "\",reason=\"" reason "\"}"
#define GIB 1073741824.0

/* A counter that grows by `cores` a second. Returns its last value. */
static double counter(telemetry *t, const char *head, int from, int to, int step, double start, double cores)
{
    for (int s = from; s <= to; s += step) {
        double value = start + cores * (s - from);
        gw_buf_printf(&t->text, "%s %.17g %" PRId64 "\n", head, value, T0_S + s);
    }
    return start + cores * ((to - from) / step * step);
}

/* A node with a GPU that pod a holds, and one without on which pod c runs. */
static void start(telemetry *t, int until)
{
    telemetry_start(t);
    series(t, "kube_node_status_allocatable{node=\"g\",resource=\"nvidia_com_gpu\"}", 0, until, 60, 1);
    series(t, "kube_node_status_allocatable{node=\"g\",resource=\"cpu\"}", 0, until, 60, 16);
    series(t, "kube_node_status_allocatable{node=\"c\",resource=\"cpu\"}", 0, until, 60, 16);
    series(t, REQUEST("a", "main", "g", "nvidia_com_gpu"), 0, until, 60, 1);
    series(t, REQUEST("a", "main", "g", "cpu"), 0, until, 60, 4);
    series(t, REQUEST("a", "main", "g", "memory"), 0, until, 60, 8 * GIB);
    series(t, REQUEST("a", "main", "g", "ephemeral_storage"), 0, until, 60, 10 * GIB);
    series(t, REQUEST("a", "side", "g", "cpu"), 0, until, 60, 0.1);
    series(t, REQUEST("a", "side", "g", "ephemeral_storage"), 0, until, 60, GIB);
    series(t, REQUEST("b", "agent", "g", "cpu"), 0, until, 60, 0.2);
    series(t, REQUEST("c", "web", "c", "cpu"), 0, until, 60, 1);
}

static void fold(telemetry *t, int until, int64_t slice_ms)
{
    gw_error e = {0};
    int rc = telemetry_fold(t, 0, until, slice_ms, &e);
    if (rc)
        fail_msg("%s", e.message);
}

static const gw_container *find(const telemetry *t, const char *pod, const char *name)
{
    uint32_t p = gw_fleet_find_pod(&t->fleet, gw_str_of("ml"), gw_str_of(pod));
    for (size_t i = 0; i < t->usage.n_containers; i++) {
        const gw_container *c = &t->usage.containers[i];
        if (c->pod == p && strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static void assert_about(double a, double b, double within)
{
    if (!(fabs(a - b) <= within))
        fail_msg("%.9g is not %.9g", a, b);
}

static double cpu_at(const gw_container *c, double q)
{
    return gw_vpa_hist_percentile(&c->use.cpu, GW_VPA_CPU_FIRST_MILLI, q);
}

/*
 * A quarter of a core for 18 hours, then a core for 6. With decay the two weigh 2^(18/24) − 1 = 0.682 and
 * 2 − 2^(18/24) = 0.318. 250 m is in bucket floor(ln 2.25 / ln 1.05) = 16, which ends at
 * 200 · (1.05^17 − 1) = 258.40; 1000 m in floor(ln 6 / ln 1.05) = 36, which ends at 1016.28.
 */
static void cpu_fades(void **state)
{
    GW_UNUSED(state);
    static const int64_t slices[] = {0, 6 * GW_HOUR_MS, 7 * GW_HOUR_MS};
    for (size_t i = 0; i < GW_COUNT(slices); i++) {
        telemetry t;
        start(&t, DAY);
        double v = counter(&t, CPU("a", "main", ""), 0, 18 * HOUR, 30, 0, 0.25);
        counter(&t, CPU("a", "main", ""), 18 * HOUR + 30, DAY, 30, v + 30, 1);
        t.times = 1 + (i == 1); /* a repeated read changes nothing */
        fold(&t, DAY, slices[i]);
        const gw_container *c = find(&t, "a", "main");
        assert_non_null(c);
        /* the end of a series is too short for a rate of two minutes; no border of slices loses any */
        assert_about(c->use.samples, i ? 1439 : 1440, 1e-6);
        assert_about(gw_vpa_confidence(c->use.first_ms, c->use.last_ms, c->use.samples),
                     c->use.samples / 1440, 1e-6);
        assert_about(cpu_at(c, 0.67), 258.4037, 1e-3);
        assert_about(cpu_at(c, 0.69), 1016.2814, 1e-3); /* without decay: 258 up to 0.75 */
        assert_about(c->use.cpu.peak, 1000, 1e-6);
        telemetry_free(&t);
    }
}

/* How often a kubelet is scraped has no say: every minute of either hour weighs the same. */
static void scrape_intervals_do_not_matter(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    start(&t, 2 * HOUR);
    double v = counter(&t, CPU("a", "main", ""), 0, HOUR, 15, 0, 0.25);
    counter(&t, CPU("a", "main", ""), HOUR + 240, 2 * HOUR, 240, v + 240, 1);
    fold(&t, 2 * HOUR, 0);
    const gw_container *c = find(&t, "a", "main");
    assert_about(c->use.samples, 120, 1e-6);
    /* the later hour weighs 2^(1/24) more: the first has 0.4928 of all */
    assert_about(cpu_at(c, 0.48), 258.4037, 1e-3);
    assert_about(cpu_at(c, 0.51), 1016.2814, 1e-3);
    telemetry_free(&t);
}

static void copies_and_lives(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    start(&t, DAY);
    /* two Prometheus servers; one of them was down for half an hour */
    counter(&t, CPU("a", "main", ",prometheus=\"x\""), 0, DAY / 2, 30, 0, 0.25);
    counter(&t, CPU("a", "main", ",prometheus=\"x\""), DAY / 2 + 1800, DAY, 30, 12000, 0.25);
    counter(&t, CPU("a", "main", ",prometheus=\"y\""), 10, DAY, 30, 0, 0.25);
    /* two lives of the sidecar, ten minutes apart */
    counter(&t, CPU("a", "side", ",id=\"2\""), 12 * HOUR + 600, DAY, 30, 0, 0.05);
    counter(&t, CPU("a", "side", ",id=\"1\""), 0, 12 * HOUR, 30, 0, 0.05);
    fold(&t, DAY, 0);
    const gw_container *c = find(&t, "a", "main");
    assert_about(c->use.samples, 1440, 2);
    c = find(&t, "a", "side");
    assert_about(c->use.samples, 1430, 2);
    assert_int_equal(c->use.first_ms, T0_MS);
    assert_int_equal(c->use.last_ms, T0_MS + GW_DAY_MS);
    telemetry_free(&t);
}

/*
 * Two days, peaks of 3 GiB on the first and 2 GiB on the second, which weigh one third and two thirds. In
 * units of 1e7 bytes: 2 GiB is 214.7, bucket 50, which ends at 20 · (1.05^51 − 1) = 220.8 units, 2105.9 MiB;
 * 3 GiB is 322.1, bucket 58, whose end is 335.8 units, 3202.4 MiB.
 */
static void memory_has_one_peak_a_day(void **state)
{
    GW_UNUSED(state);
    for (int i = 0; i < 2; i++) {
        telemetry t;
        start(&t, 2 * DAY);
        series(&t, MEMORY("a", "main", ",id=\"1\""), 0, 12 * HOUR, 30, GIB);
        series(&t, MEMORY("a", "main", ",id=\"1\""), 12 * HOUR + 30, 12 * HOUR + 30, 30, 3 * GIB);
        series(&t, MEMORY("a", "main", ",id=\"2\""), 13 * HOUR, DAY - 30, 30, GIB);
        series(&t, MEMORY("a", "main", ",id=\"2\""), DAY, 2 * DAY - 30, 30, 2 * GIB);
        fold(&t, 2 * DAY, i ? 7 * GW_HOUR_MS : 0); /* some slices lie across the border of the days */
        const gw_container *c = find(&t, "a", "main");
        assert_about(gw_vpa_peaks_max(&c->use.memory), 3072, 1e-6);
        gw_vpa_hist h;
        gw_vpa_hist_init(&h);
        assert_int_equal(gw_vpa_peaks_into(&h, &c->use.memory, GW_VPA_MEMORY_FIRST_MIB), 0);
        assert_about(gw_vpa_hist_percentile(&h, GW_VPA_MEMORY_FIRST_MIB, 0.66), 2105.87, 0.05);
        assert_about(gw_vpa_hist_percentile(&h, GW_VPA_MEMORY_FIRST_MIB, 0.67), 3202.4, 0.1);
        gw_vpa_hist_free(&h);
        assert_false(gw_vpa_peaks_known(&c->use.disk));
        telemetry_free(&t);
    }
}

static void who_is_gathered(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    start(&t, HOUR);
    const char *heads[] = {CPU("a", "main", ""), CPU("a", "side", ""), CPU("b", "agent", ""),
                           CPU("c", "web", ""), CPU("nobody", "x", "")};
    for (size_t i = 0; i < GW_COUNT(heads); i++)
        counter(&t, heads[i], 0, HOUR, 30, 0, 0.25);
    series(&t, DISK("a", "main", ",device=\"/dev/sda1\""), 0, HOUR, 30, 5 * GIB);
    series(&t, MEMORY("c", "web", ""), 0, HOUR, 30, 5 * GIB);
    /* a reading that cannot be: no peak */
    series(&t, MEMORY("a", "main", ""), 0, HOUR, 30, -1);
    series(&t, ENDED("a", "main", "OOMKilled"), 0, HOUR, 60, 1);
    series(&t, ENDED("a", "side", "Error"), 0, HOUR, 60, 1);
    series(&t, ENDED("b", "agent", "OOMKilled"), 0, HOUR, 60, 0); /* an old kube-state-metrics: not so */
    fold(&t, HOUR, 0);
    assert_int_equal(t.usage.n_containers, 3); /* a's two and b's: c is on a node without GPUs */
    const gw_container *main = find(&t, "a", "main"), *side = find(&t, "a", "side"),
                       *agent = find(&t, "b", "agent");
    assert_true(main && side && agent && !find(&t, "c", "web"));
    assert_int_equal(main->cpu_request_milli, 4000);
    assert_int_equal(main->memory_request_mib, 8192);
    assert_int_equal(main->ephemeral_request_mib, 10240);
    assert_int_equal(side->cpu_request_milli, 100);
    assert_int_equal(side->memory_request_mib, GW_UNKNOWN_COUNT);
    uint32_t a = gw_fleet_find_pod(&t.fleet, gw_str_of("ml"), gw_str_of("a"));
    assert_int_equal(t.fleet.pods[a].ephemeral_request_mib, 11264);
    assert_int_equal(t.fleet.pods[agent->pod].ephemeral_request_mib, GW_UNKNOWN_COUNT);
    assert_true(main->oom_killed && !side->oom_killed && !agent->oom_killed);
    assert_about(gw_vpa_peaks_max(&main->use.disk), 5120, 1e-6);
    assert_false(gw_vpa_peaks_known(&side->use.disk));
    assert_false(gw_vpa_peaks_known(&main->use.memory));
    /* what disk is used does not count as memory */
    assert_true(t.fleet.pods[a].memory_used_max_mib < 0);
    telemetry_free(&t);
}

/* Every allocation fails once: GW_ENOMEM, and nothing leaks. */
static void out_of_memory(void **state)
{
    GW_UNUSED(state);
    telemetry t;
    start(&t, 2 * HOUR);
    counter(&t, CPU("a", "main", ""), 0, 2 * HOUR, 60, 0, 0.25);
    series(&t, MEMORY("a", "main", ""), 0, 2 * HOUR, 60, GIB);
    series(&t, ENDED("a", "main", "OOMKilled"), 0, HOUR, 60, 1);
    int rc = GW_ENOMEM;
    for (uint64_t n = 1; rc == GW_ENOMEM; n++) {
        gw_error e = {0};
        gw_mem_fail_at(n);
        rc = telemetry_fold(&t, 0, 2 * HOUR, GW_HOUR_MS, &e);
        gw_mem_fail_at(0);
        assert_true(rc == 0 || rc == GW_ENOMEM);
        if (rc == 0)
            assert_int_equal(t.usage.n_containers, 3);
        gw_usage_free(&t.usage);
        gw_fleet_free(&t.fleet);
    }
    gw_buf_free(&t.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_fades),        cmocka_unit_test(scrape_intervals_do_not_matter),
        cmocka_unit_test(copies_and_lives), cmocka_unit_test(memory_has_one_peak_a_day),
        cmocka_unit_test(who_is_gathered),  cmocka_unit_test(out_of_memory),
    };
    return cmocka_run_group_tests_name("observe/fold_containers", tests, NULL, NULL);
}
