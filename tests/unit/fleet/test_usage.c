/*
 * Usage: merging of statistics, quantiles of histograms against quantiles of the sorted values themselves,
 * holds, and memory that runs out.
 */
#include "gw_test.h"

#include <math.h>

#include "fleet/usage.h"

#define S(text) gw_str_of(text)

static uint64_t rng = 1;

static double uniform(void)
{
    /* splitmix64 (Steele, Lea, Flood 2014), upper 53 bits */
    uint64_t z = (rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

/* --- quantiles --- */

typedef struct weighted {
    double value, weight;
} weighted;

static int by_value(const void *a, const void *b)
{
    const weighted *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

/* The smallest value up to which at least q of the weight lies. */
static double exact_quantile(weighted *w, size_t n, double q)
{
    double total = 0, sum = 0;
    qsort(w, n, sizeof(*w), by_value);
    for (size_t i = 0; i < n; i++)
        total += w[i].weight;
    for (size_t i = 0; i < n; i++) {
        sum += w[i].weight;
        if (sum >= q * total)
            return w[i].value;
    }
    return w[n - 1].value;
}

/* The bin of a value as the histogram's header says: equal bins over 0..1, a border belonging to the lower
 * one. */
static size_t bin_of(double v)
{
    double bin = ceil(v * GW_HIST_BINS) - 1;
    return bin < 0 ? 0 : (size_t)bin;
}

static void quantiles_are_within_a_bin(void **state)
{
    GW_UNUSED(state);
    static const double q[] = {0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1};
    enum { N = 500 };
    weighted w[N];
    for (int round = 0; round < 200; round++) {
        gw_hist h = {0};
        size_t n = 1 + (size_t)(uniform() * (N - 1));
        for (size_t i = 0; i < n; i++) {
            /* uniform, crowded at an end, or a few values many times */
            double v = round % 3 == 0   ? uniform()
                       : round % 3 == 1 ? pow(uniform(), 8)
                                        : floor(uniform() * 5) / 4;
            w[i] = (weighted){v, floor(1 + uniform() * 1000) * (round % 2 ? 1000 : 1)}; /* exact in a float */
            h.bin[bin_of(v)] += (float)w[i].weight;
        }
        for (size_t k = 0; k < GW_COUNT(q); k++) {
            double got = gw_hist_quantile(&h, q[k]), want = exact_quantile(w, n, q[k]);
            /* an upper edge, at most one bin above; 0 for the whole of the lowest bin */
            double off = got - want;
            if (want <= 1.0 / GW_HIST_BINS)
                assert_true(got == 0);
            else if (off < -1e-12 || off > 1.0 / GW_HIST_BINS + 1e-12)
                fail_msg("q %g is %g, not %g", q[k], got, want);
        }
    }
}

static void quantiles_at_the_edges(void **state)
{
    GW_UNUSED(state);
    gw_hist h = {0};
    assert_true(gw_hist_quantile(NULL, 0.5) < 0);
    assert_true(gw_hist_quantile(&h, 0.5) < 0); /* empty: unknown, not 0 */
    h.bin[0] = 5;
    assert_true(gw_hist_quantile(&h, 0) == 0);
    assert_true(gw_hist_quantile(&h, 1) == 0);
    h.bin[0] = 0;
    h.bin[GW_HIST_BINS - 1] = 1e-30f; /* however little */
    assert_true(gw_hist_quantile(&h, 0) == 1);
    assert_true(gw_hist_quantile(&h, 0.5) == 1);
    assert_true(gw_hist_quantile(&h, 1) == 1);
    h.bin[GW_HIST_BINS - 1] = 0;
    h.bin[199] = 3; /* (0.4975, 0.5] */
    assert_true(gw_hist_quantile(&h, 0) == 0.5);
    assert_true(gw_hist_quantile(&h, 0.95) == 0.5);
    /* exactly q of the weight is enough: 95 of 100 idle have a P95 of 0, 94 do not */
    h = (gw_hist){0};
    h.bin[0] = 95;
    h.bin[399] = 5;
    assert_true(gw_hist_quantile(&h, 0.95) == 0);
    h.bin[0] = 94;
    h.bin[399] = 6;
    assert_true(gw_hist_quantile(&h, 0.95) == 1);
    /* beyond all */
    assert_true(gw_hist_quantile(&h, 2) == 1);
}

/* --- merging --- */

static gw_hist *hist_with(size_t bin, float weight)
{
    gw_hist *h = gw_calloc(1, sizeof(*h));
    h->bin[bin] = weight;
    return h;
}

/* Every number different, so that one that is added to the wrong place shows. */
static gw_stats numbered(double from)
{
    gw_stats s;
    gw_stats_init(&s);
    gw_quantity *all[] = {&s.compute, &s.memory, &s.memory_mib, &s.dram, &s.copy, &s.tensor, &s.power_watts};
    for (size_t i = 0; i < GW_COUNT(all); i++)
        *all[i] = (gw_quantity){from + 100 + (double)i, from + 200 + (double)i, from + 300 + (double)i};
    for (int i = 0; i < GW_N_COMPUTE_SIGNALS; i++)
        s.by_signal[i] = from + 400 + i;
    for (int i = 0; i < GW_N_STATES; i++)
        s.states[i] = from + 500 + i;
    s.allocated = from + 1;
    s.known = from + 2;
    s.used = from + 3;
    s.memory_bound = from + 4;
    s.memory_bound_known = from + 5;
    s.window_mean_max = from + 6;
    s.active_windows = from + 7;
    s.known_windows = from + 8;
    s.samples = (uint64_t)from + 9;
    s.first_ms = (int64_t)from + 1000;
    s.end_ms = (int64_t)from + 2000;
    return s;
}

static void everything_is_merged(void **state)
{
    GW_UNUSED(state);
    gw_stats a = numbered(0), b = numbered(10000);
    a.compute_hist = hist_with(3, 5);
    b.compute_hist = hist_with(3, 7);
    b.memory_hist = hist_with(399, 2);
    assert_int_equal(gw_stats_merge(&a, &b), 0);
    /* sums: x + (10000 + x) */
    assert_true(a.allocated == 10002 && a.known == 10004 && a.used == 10006);
    assert_true(a.memory_bound == 10008 && a.memory_bound_known == 10010);
    assert_true(a.active_windows == 10014 && a.known_windows == 10016);
    assert_int_equal(a.samples, 10018);
    for (int i = 0; i < GW_N_COMPUTE_SIGNALS; i++)
        assert_true(a.by_signal[i] == 10800 + 2 * i);
    for (int i = 0; i < GW_N_STATES; i++)
        assert_true(a.states[i] == 11000 + 2 * i);
    const gw_quantity *all[] = {&a.compute, &a.memory, &a.memory_mib, &a.dram,
                                &a.copy,    &a.tensor, &a.power_watts};
    for (size_t i = 0; i < GW_COUNT(all); i++) {
        assert_true(all[i]->integral == 10200 + 2 * (double)i);
        assert_true(all[i]->known == 10400 + 2 * (double)i);
        assert_true(all[i]->peak == 10300 + (double)i); /* the larger */
    }
    assert_true(a.window_mean_max == 10006);
    assert_int_equal(a.first_ms, 1000);
    assert_int_equal(a.end_ms, 12000);
    assert_true(a.compute_hist->bin[3] == 12);
    assert_true(a.memory_hist->bin[399] == 2);
    assert_true(b.compute_hist->bin[3] == 7 && b.allocated == 10001); /* the other is left alone */
    gw_stats_free(&a);
    gw_stats_free(&b);
}

static void merging_nothing_changes_nothing(void **state)
{
    GW_UNUSED(state);
    gw_stats a = numbered(0), before = a, none, into;
    gw_stats_init(&none);
    assert_int_equal(gw_stats_merge(&a, &none), 0);
    assert_memory_equal(&a, &before, sizeof(a));
    assert_null(a.compute_hist); /* still nothing known */
    /* and into nothing it is a copy */
    gw_stats_init(&into);
    assert_true(into.window_mean_max < 0 && into.compute.peak < 0 && into.power_watts.peak < 0);
    assert_int_equal(gw_stats_merge(&into, &a), 0);
    assert_memory_equal(&into, &a, sizeof(a));
    gw_stats_init(&into);
    assert_int_equal(gw_stats_merge(&into, &none), 0);
    assert_true(into.window_mean_max < 0 && into.compute.peak < 0); /* unknown and unknown is unknown */
    assert_int_equal(into.end_ms, 0);
    assert_true(gw_quantity_mean(&into.compute) < 0);
    assert_true(gw_stats_unknown(&into) == 0);
    assert_true(gw_stats_unknown(&(gw_stats){.allocated = 5, .known = 2}) == 3);
    assert_true(gw_stats_unknown(&(gw_stats){.allocated = 2, .known = 2.0000001}) == 0);
    assert_true(gw_quantity_mean(&(gw_quantity){.integral = 3, .known = 4}) == 0.75);
}

static void a_failed_merge_changes_nothing(void **state)
{
    GW_UNUSED(state);
    int64_t live = gw_mem_live();
    gw_stats a = numbered(0), b = numbered(10000);
    b.compute_hist = hist_with(1, 1);
    b.memory_hist = hist_with(2, 1);
    int failures = 0;
    for (uint64_t n = 1;; n++) {
        gw_stats before = a;
        gw_mem_fail_at(n);
        int rc = gw_stats_merge(&a, &b);
        gw_mem_fail_at(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, GW_ENOMEM);
        assert_memory_equal(&a, &before, sizeof(a));
        failures++;
    }
    assert_int_equal(failures, 2); /* two histograms */
    gw_stats_free(&a);
    gw_stats_free(&b);
    assert_int_equal(gw_mem_live(), live);
}

/* Merging holds in any order gives the same quantiles as one histogram of all their windows. */
static void quantiles_of_merged_holds(void **state)
{
    GW_UNUSED(state);
    enum { HOLDS = 50, WINDOWS = 40 };
    weighted all[HOLDS * WINDOWS];
    gw_stats total;
    gw_stats_init(&total);
    size_t n = 0;
    for (int i = 0; i < HOLDS; i++) {
        gw_stats s;
        gw_stats_init(&s);
        s.compute_hist = gw_calloc(1, sizeof(gw_hist));
        for (int k = 0; k < WINDOWS; k++) {
            double v = pow(uniform(), 3);
            s.compute_hist->bin[bin_of(v)] += 300000;
            all[n++] = (weighted){v, 300000};
        }
        assert_int_equal(gw_stats_merge(&total, &s), 0);
        gw_stats_free(&s);
    }
    for (double q = 0.05; q < 1; q += 0.05) {
        double want = exact_quantile(all, n, q), got = gw_hist_quantile(total.compute_hist, q);
        assert_true(want <= 0.0025 ? got == 0 : got >= want - 1e-12 && got <= want + 0.0025 + 1e-12);
    }
    gw_stats_free(&total);
}

/* --- usage --- */

static void holds_are_found_again(void **state)
{
    GW_UNUSED(state);
    enum { N = 3000 };
    gw_usage u;
    gw_usage_init(&u, (gw_interval){0, 1000}, GW_STATE_POLICY_DEFAULT);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < N; i++)
            assert_int_equal(gw_usage_hold(&u, i % 7, i), i);
    }
    assert_int_equal(u.n_holds, N);
    assert_int_equal(gw_usage_hold(&u, 1, 0), N); /* (unit, pod), not (pod, unit) */
    assert_int_equal(u.holds[0].unit, 0);
    assert_int_equal(u.holds[N - 1].pod, N - 1);
    assert_true(u.holds[5].stats.window_mean_max < 0); /* nothing known of it yet */
    gw_usage_free(&u);
}

static void arrays_follow_the_fleet(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_usage u;
    gw_fleet_init(&f);
    gw_usage_init(&u, (gw_interval){0, 1000}, GW_STATE_POLICY_DEFAULT);
    assert_int_equal(gw_usage_fit(&u, &f), 0); /* of an empty fleet */
    uint32_t n = gw_fleet_node(&f, S("n"), NULL);
    for (int i = 0; i < 100; i++) {
        char uuid[16];
        snprintf(uuid, sizeof(uuid), "GPU-%d", i);
        uint32_t g = gw_fleet_gpu(&f, S(uuid), NULL);
        gw_fleet_unit(&f, g, n, S(""), S(""), NULL);
        gw_fleet_unit(&f, g, n, S("1g.5gb"), S("1"), NULL);
        assert_int_equal(gw_usage_fit(&u, &f), 0);
        assert_int_equal(u.n_units, f.n_units);
        assert_int_equal(u.n_heat, f.n_gpus);
        for (size_t k = 0; k < GW_HEAT_COLUMNS; k++)
            assert_true(u.heat[i][k].integral == 0 && u.heat[i][k].known == 0);
        u.heat[i][GW_HEAT_COLUMNS - 1].known = (float)i + 1; /* stays when the arrays move */
        u.units[2 * i].paid = i;
        assert_true(u.units[2 * i + 1].idle.compute.peak < 0);
    }
    for (int i = 0; i < 100; i++) {
        assert_true(u.heat[i][GW_HEAT_COLUMNS - 1].known == (float)i + 1);
        assert_true(u.units[2 * i].paid == i);
    }
    gw_usage_free(&u);
    gw_fleet_free(&f);
}

static void memory_may_run_out(void **state)
{
    GW_UNUSED(state);
    int64_t live = gw_mem_live();
    int failures = 0;
    for (uint64_t n = 1;; n++) {
        gw_fleet f;
        gw_usage u;
        bool failed = false;
        gw_fleet_init(&f);
        gw_usage_init(&u, (gw_interval){0, 1000}, GW_STATE_POLICY_DEFAULT);
        for (int i = 0; i < 20; i++) {
            char uuid[16];
            snprintf(uuid, sizeof(uuid), "GPU-%d", i);
            gw_fleet_unit(&f, gw_fleet_gpu(&f, S(uuid), NULL), GW_NONE, S(""), S(""), NULL);
        }
        gw_mem_fail_at(n);
        for (uint32_t i = 0; i < 40; i++) {
            if (gw_usage_hold(&u, i, i) == GW_NONE) {
                failed = true;
                assert_int_equal(u.n_holds, i);
                assert_int_equal(gw_usage_hold(&u, i, i), i); /* the next time it works */
            }
        }
        if (gw_usage_fit(&u, &f)) {
            failed = true;
            assert_int_equal(u.n_units, 0);
            assert_int_equal(gw_usage_fit(&u, &f), 0);
        }
        if (gw_usage_note_unknown(&u, &f, 5, "what", "why")) {
            failed = true;
            assert_int_equal(u.n_unknowns, 0);
            assert_int_equal(gw_usage_note_unknown(&u, &f, 5, "what", "why"), 0);
        }
        gw_mem_fail_at(0);
        assert_int_equal(u.n_holds, 40);
        assert_int_equal(u.n_units, 20);
        assert_string_equal(u.unknowns[0].what, "what");
        assert_string_equal(u.unknowns[0].why, "why");
        assert_true(u.unknowns[0].gpu_ms == 5);
        gw_usage_free(&u);
        gw_fleet_free(&f);
        assert_int_equal(gw_mem_live(), live);
        failures += failed;
        if (!failed)
            break;
    }
    assert_true(failures >= 6);
}

static void signals_are_named(void **state)
{
    GW_UNUSED(state);
    assert_string_equal(gw_signal_name(GW_SIGNAL_SM_ACTIVE), "DCGM_FI_PROF_SM_ACTIVE");
    assert_string_equal(gw_signal_name(GW_SIGNAL_GR_ENGINE_ACTIVE), "DCGM_FI_PROF_GR_ENGINE_ACTIVE");
    assert_string_equal(gw_signal_name(GW_SIGNAL_GPU_UTIL), "DCGM_FI_DEV_GPU_UTIL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_within_a_bin),
        cmocka_unit_test(quantiles_at_the_edges),
        cmocka_unit_test(everything_is_merged),
        cmocka_unit_test(merging_nothing_changes_nothing),
        cmocka_unit_test(a_failed_merge_changes_nothing),
        cmocka_unit_test(quantiles_of_merged_holds),
        cmocka_unit_test(holds_are_found_again),
        cmocka_unit_test(arrays_follow_the_fleet),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(signals_are_named),
    };
    return cmocka_run_group_tests_name("usage", tests, NULL, NULL);
}
