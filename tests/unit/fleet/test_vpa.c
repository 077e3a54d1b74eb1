/*
 * Histograms of the Vertical Pod Autoscaler's kind. Expected values follow from its published formulas, on
 * paper: bucket n begins at first · (1.05^n − 1) / 0.05, so with first = 10 the buckets begin at 0, 10, 20.5,
 * 31.525, 43.10125, 55.2563125 …
 */
#include "gw_test.h"

#include <math.h>

#include "base/mem.h"
#include "fleet/vpa.h"

#define FIRST 10.0
#define DAY   GW_DAY_MS
#define T     (20000 * GW_DAY_MS) /* a multiple of the half-life, as every reference is */

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-9 * fabs(b)))
        fail_msg("%.12g is not %.12g", a, b);
}

static void buckets_grow_by_a_twentieth(void **state)
{
    GW_UNUSED(state);
    static const double starts[] = {0, 10, 20.5, 31.525, 43.10125, 55.2563125};
    for (int i = 0; i < 6; i++)
        assert_near(gw_vpa_bucket_start(i, FIRST), starts[i]);
    static const struct {
        double value;
        int bucket;
    } cases[] = {{0, 0},          {9.99, 0},  {10, 1},   {20.49, 1},  {20.51, 2},
                 {31.52, 2},      {31.53, 3}, {250, 16}, {1e12, 175}, {(double)INFINITY, 175},
                 {(double)NAN, 0}};
    /* 250: log(250 / 10 · 0.05 + 1) / log(1.05) = log(2.25) / log(1.05) = 16.62 */
    for (size_t i = 0; i < GW_COUNT(cases); i++)
        assert_int_equal(gw_vpa_bucket(cases[i].value, FIRST), cases[i].bucket);
    /* the last bucket begins at or beyond the maximum, the one before it below: 1000 cores and 1e12 bytes */
    assert_true(gw_vpa_bucket_start(GW_VPA_BUCKETS - 1, 0.01) >= 1000);
    assert_true(gw_vpa_bucket_start(GW_VPA_BUCKETS - 2, 0.01) < 1000);
    assert_true(gw_vpa_bucket_start(GW_VPA_BUCKETS - 1, 1e7) >= 1e12);
    assert_true(gw_vpa_bucket_start(GW_VPA_BUCKETS - 2, 1e7) < 1e12);
    /* between the borders the formula and the table of starts agree */
    for (int i = 0; i < GW_VPA_BUCKETS - 1; i++) {
        double middle = (gw_vpa_bucket_start(i, FIRST) + gw_vpa_bucket_start(i + 1, FIRST)) / 2;
        assert_int_equal(gw_vpa_bucket(middle, FIRST), i);
    }
}

static void percentiles_are_ends_of_buckets(void **state)
{
    GW_UNUSED(state);
    gw_vpa_hist h;
    gw_vpa_hist_init(&h);
    assert_true(gw_vpa_hist_percentile(&h, FIRST, 0.9) < 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(gw_vpa_hist_add(&h, FIRST, 15, 1, T), 0); /* bucket 1 */
    for (int i = 0; i < 2; i++)
        assert_int_equal(gw_vpa_hist_add(&h, FIRST, 35, 1, T), 0); /* bucket 3 */
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0), 20.5);
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.5), 20.5);
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.79), 20.5);
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.81), 43.10125);
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 1), 43.10125);
    assert_near(h.peak, 35);
    /* the last bucket has no end: its start */
    assert_int_equal(gw_vpa_hist_add(&h, FIRST, 1e9, 1000, T), 0);
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.9), gw_vpa_bucket_start(175, FIRST));
    gw_vpa_hist_free(&h);
    assert_true(gw_vpa_hist_percentile(&h, FIRST, 0.9) < 0);
}

/* Two samples of a day ago weigh as much as one of now; two days ago four do. */
static void a_day_halves_a_weight(void **state)
{
    GW_UNUSED(state);
    for (int order = 0; order < 2; order++) {
        gw_vpa_hist h;
        gw_vpa_hist_init(&h);
        if (order)
            assert_int_equal(gw_vpa_hist_add(&h, FIRST, 35, 1, T + DAY / 2), 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(gw_vpa_hist_add(&h, FIRST, 15, 1, T - DAY / 2), 0);
        if (!order)
            assert_int_equal(gw_vpa_hist_add(&h, FIRST, 35, 1, T + DAY / 2), 0);
        assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.4999), 20.5);
        assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.5001), 43.10125);
        gw_vpa_hist_free(&h);
    }
    gw_vpa_hist h;
    gw_vpa_hist_init(&h);
    for (int i = 0; i < 4; i++)
        assert_int_equal(gw_vpa_hist_add(&h, FIRST, 15, 1, T), 0);
    assert_int_equal(gw_vpa_hist_add(&h, FIRST, 35, 1, T + 2 * DAY), 0);
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.4999), 20.5);
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.5001), 43.10125);
    gw_vpa_hist_free(&h);
}

/* A year is 2^365: the reference moves, today's ratios stay, and what is old enough weighs nothing. */
static void long_histories_do_not_overflow(void **state)
{
    GW_UNUSED(state);
    gw_vpa_hist h;
    gw_vpa_hist_init(&h);
    for (int day = 0; day <= 1000; day++)
        assert_int_equal(gw_vpa_hist_add(&h, FIRST, day < 1000 ? 15 : 35, 1, T + day * DAY), 0);
    /* today 1, and before it ½ + ¼ + … = 1 */
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.499), 20.5);
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.501), 43.10125);
    for (int i = 0; i < GW_VPA_BUCKETS; i++)
        assert_true(isfinite(h.weight[i]));
    /* a sample long before all of it: it is the peak, and no weight */
    assert_int_equal(gw_vpa_hist_add(&h, FIRST, 500, 1, T - 1000 * DAY), 0);
    assert_near(gw_vpa_hist_percentile(&h, FIRST, 0.999), 43.10125);
    assert_near(h.peak, 500);
    gw_vpa_hist_free(&h);
}

static void merging_is_adding(void **state)
{
    GW_UNUSED(state);
    /* samples of several days, all in one, or in two that are merged in either direction */
    static const struct {
        double value;
        int day;
    } samples[] = {{15, 0}, {15, 3}, {25, 1}, {35, 4}, {45, 70}, {15, 71}, {60, 69}, {25, 72}};
    gw_vpa_hist one, a, b, into;
    gw_vpa_hist_init(&one);
    gw_vpa_hist_init(&a);
    gw_vpa_hist_init(&b);
    for (size_t i = 0; i < GW_COUNT(samples); i++) {
        int64_t t = T + samples[i].day * DAY;
        assert_int_equal(gw_vpa_hist_add(&one, FIRST, samples[i].value, 1, t), 0);
        assert_int_equal(gw_vpa_hist_add(i < 4 ? &a : &b, FIRST, samples[i].value, 1, t), 0);
    }
    for (int order = 0; order < 2; order++) {
        gw_vpa_hist_init(&into);
        assert_int_equal(gw_vpa_hist_merge(&into, order ? &b : &a), 0);
        assert_int_equal(gw_vpa_hist_merge(&into, order ? &a : &b), 0);
        for (int q = 0; q <= 20; q++)
            assert_near(gw_vpa_hist_percentile(&into, FIRST, q / 20.0 + 1e-4),
                        gw_vpa_hist_percentile(&one, FIRST, q / 20.0 + 1e-4));
        assert_near(into.peak, 60);
        gw_vpa_hist_free(&into);
    }
    /* of an empty one: nothing, not even memory */
    gw_vpa_hist none;
    gw_vpa_hist_init(&none);
    gw_vpa_hist_init(&into);
    assert_int_equal(gw_vpa_hist_merge(&into, &none), 0);
    assert_null(into.weight);
    gw_vpa_hist_free(&one);
    gw_vpa_hist_free(&a);
    gw_vpa_hist_free(&b);
}

static void peaks_are_one_a_day(void **state)
{
    GW_UNUSED(state);
    gw_vpa_peaks p;
    gw_vpa_hist all;
    gw_vpa_peaks_init(&p);
    gw_vpa_hist_init(&all);
    assert_false(gw_vpa_peaks_known(&p));
    assert_true(gw_vpa_peaks_max(&p) < 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(gw_vpa_peaks_add(&p, FIRST, i < 500 ? 15 : 12, T + DAY), 0);
    assert_null(p.ended.weight); /* the first day is still open */
    assert_int_equal(gw_vpa_peaks_add(&p, FIRST, 35, T + 2 * DAY), 0);
    assert_int_equal(gw_vpa_peaks_add(&p, FIRST, 30, T + 2 * DAY), 0);
    assert_near(gw_vpa_peaks_max(&p), 35);
    assert_int_equal(gw_vpa_peaks_into(&all, &p, FIRST), 0);
    /* a thousand readings of the first day are one sample of half the weight: 1/3 to 2/3 */
    assert_near(gw_vpa_hist_percentile(&all, FIRST, 0.33), 20.5);
    assert_near(gw_vpa_hist_percentile(&all, FIRST, 0.34), 43.10125);
    /* p itself is as it was */
    assert_near(p.ended.peak, 15);
    gw_vpa_hist_free(&all);
    gw_vpa_peaks_free(&p);
}

/* The table in the comments of VPA's logic/recommender.go, to its own precision. */
static void confidence_as_published(void **state)
{
    GW_UNUSED(state);
    assert_near(gw_vpa_confidence(T, T + DAY, 1440), 1);
    assert_near(gw_vpa_confidence(T, T + DAY / 2, 720), 0.5);
    assert_near(gw_vpa_confidence(T, T + 7 * DAY, 1440), 1);     /* many days, few samples */
    assert_near(gw_vpa_confidence(T, T + DAY, 100 * 1440.0), 1); /* many pods, one day */
    assert_true(gw_vpa_confidence(0, 0, 0) <= 0);
    static const struct {
        double days, upper, lower;
    } cases[] = {{0.5, 3, 0.996},          {1, 2, 0.998},
                 {7, 1.14, 0.9997},        {5 / 1440.0, 289, 0.603},
                 {30 / 1440.0, 49, 0.910}, {60 / 1440.0, 25, 0.954}};
    gw_vpa_hist h;
    gw_vpa_hist_init(&h);
    assert_int_equal(gw_vpa_hist_add(&h, FIRST, 15, 1, T), 0);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_vpa_range r = gw_vpa_estimate(&h, FIRST, cases[i].days, 0);
        assert_near(r.target, 20.5 * 1.15);
        assert_true(fabs(r.upper / r.target - cases[i].upper) < 0.005);
        assert_true(fabs(r.lower / r.target - cases[i].lower) < 0.001);
    }
    gw_vpa_range r = gw_vpa_estimate(&h, FIRST, 0, 5);
    assert_true(isinf(r.upper));
    assert_near(r.lower, 5);
    r = gw_vpa_estimate(&h, FIRST, 1, 25);
    assert_near(r.target, 25);
    assert_near(r.lower, 25);
    gw_vpa_hist_free(&h);
    r = gw_vpa_estimate(&h, FIRST, 1, 25);
    assert_true(r.target < 0 && r.lower < 0 && r.upper < 0);
}

static void bounds_are_p50_and_p95(void **state)
{
    GW_UNUSED(state);
    gw_vpa_hist h;
    gw_vpa_hist_init(&h);
    /* 60 at 15, 32 at 25, 8 at 35: P50 in bucket 1, P90 in bucket 2, P95 in bucket 3 */
    for (int i = 0; i < 100; i++)
        assert_int_equal(gw_vpa_hist_add(&h, FIRST, i < 60 ? 15 : i < 92 ? 25 : 35, 1, T), 0);
    gw_vpa_range r = gw_vpa_estimate(&h, FIRST, 1, 0);
    assert_near(r.target, 31.525 * 1.15);
    assert_near(r.lower, 20.5 * 1.15 / (1.001 * 1.001));
    assert_near(r.upper, 43.10125 * 1.15 * 2);
    gw_vpa_hist_free(&h);
}

static void after_a_kill(void **state)
{
    GW_UNUSED(state);
    assert_near(gw_vpa_after_oom(100), 200);   /* + 100 MiB */
    assert_near(gw_vpa_after_oom(500), 600);   /* where both agree */
    assert_near(gw_vpa_after_oom(1000), 1200); /* × 1.2 */
}

static void out_of_memory_changes_nothing(void **state)
{
    GW_UNUSED(state);
    int64_t live = gw_mem_live();
    gw_vpa_hist h, other;
    gw_vpa_peaks p;
    gw_vpa_hist_init(&h);
    gw_vpa_hist_init(&other);
    gw_vpa_peaks_init(&p);
    gw_mem_fail_at(1);
    assert_int_equal(gw_vpa_hist_add(&h, FIRST, 15, 1, T), GW_ENOMEM);
    assert_true(h.peak < 0 && !h.weight);
    assert_int_equal(gw_vpa_hist_add(&h, FIRST, 15, 1, T), 0);
    gw_mem_fail_at(1);
    assert_int_equal(gw_vpa_hist_merge(&other, &h), GW_ENOMEM);
    assert_true(other.peak < 0 && !other.weight);
    assert_int_equal(gw_vpa_peaks_add(&p, FIRST, 15, T), 0);
    gw_mem_fail_at(1);
    assert_int_equal(gw_vpa_peaks_add(&p, FIRST, 35, T + DAY), GW_ENOMEM);
    assert_int_equal(p.end_ms, T);
    assert_near(gw_vpa_peaks_max(&p), 15);
    gw_mem_fail_at(0);
    gw_vpa_hist_free(&h);
    gw_vpa_hist_free(&other);
    gw_vpa_peaks_free(&p);
    assert_int_equal(gw_mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_grow_by_a_twentieth),
        cmocka_unit_test(percentiles_are_ends_of_buckets),
        cmocka_unit_test(a_day_halves_a_weight),
        cmocka_unit_test(long_histories_do_not_overflow),
        cmocka_unit_test(merging_is_adding),
        cmocka_unit_test(peaks_are_one_a_day),
        cmocka_unit_test(confidence_as_published),
        cmocka_unit_test(bounds_are_p50_and_p95),
        cmocka_unit_test(after_a_kill),
        cmocka_unit_test(out_of_memory_changes_nothing),
    };
    return cmocka_run_group_tests_name("fleet/vpa", tests, NULL, NULL);
}
