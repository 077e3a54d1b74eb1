#include "gw_test.h"

#include <math.h>

#include "operate/forecast.h"

static uint64_t seed = 1;

static double uniform(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return ((double)(seed * UINT64_C(2685821657736338717) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

#define DAY(d) ((int64_t)(d)*GW_DAY_MS)

static gw_forecast make(const gw_micro *days, size_t n, int64_t first, gw_micro spent, gw_interval rest)
{
    gw_forecast f;
    gw_forecast_make(&(gw_forecast_input){days, n, DAY(first), spent, rest, 0}, &f);
    return f;
}

/* Every day costs the same: so does every day to come, and nothing is uncertain. */
static void test_constant(void **state)
{
    GW_UNUSED(state);
    gw_micro days[40];
    for (size_t i = 0; i < GW_COUNT(days); i++)
        days[i] = 240 * GW_USD;
    /* 10 days and a quarter are left */
    gw_forecast f = make(days, 40, 100, 1000 * GW_USD, (gw_interval){DAY(140) + DAY(3) / 4, DAY(151)});
    assert_true(f.known && f.why == NULL);
    assert_int_equal(f.mean, 1000 * GW_USD + 240 * GW_USD * 41 / 4);
    assert_int_equal(f.low, f.mean);
    assert_int_equal(f.high, f.mean);
    /* half a day that nobody saw costs what half a day does */
    gw_forecast_make(&(gw_forecast_input){days, 40, DAY(100), 7, {DAY(140), DAY(141)}, DAY(1) / 2}, &f);
    assert_int_equal(f.mean, 7 + 360 * GW_USD);
    /* seven days are enough for a mean, but not to see a forecast err */
    f = make(days, 7, 100, 0, (gw_interval){DAY(107), DAY(109)});
    assert_false(f.known);
    f = make(days, 8, 100, 0, (gw_interval){DAY(108), DAY(110)});
    assert_true(f.known);
    assert_int_equal(f.mean, 480 * GW_USD);
}

/* Weekdays 100 $, weekends 30 $: five and two are a week, whatever day it starts with. */
static void test_weekdays(void **state)
{
    GW_UNUSED(state);
    gw_micro days[70];
    for (size_t i = 0; i < GW_COUNT(days); i++)
        days[i] = ((i + 4) % 7 < 5 ? 100 : 30) * GW_USD; /* day 0 is a Friday here */
    for (int start = 0; start < 7; start++) {
        size_t n = (size_t)(63 + start);
        gw_forecast f = make(days, n, 1000, 0, (gw_interval){DAY(1000 + n), DAY(1000 + n + 7)});
        assert_true(f.known);
        assert_true(fabs((double)f.mean / 1e6 - 560) < 560 * 0.05);
        /* and the Saturday after a Friday: 30, not 80 */
        size_t saturday = 64; /* (64 + 4) % 7 = 5 */
        f = make(days, saturday, 1000, 0, (gw_interval){DAY(1000 + saturday), DAY(1001 + saturday)});
        assert_true((double)f.mean / 1e6 < 42);
    }
}

/* A cost that grows by 10 $ a day from 1,000 $: 20 days after day 60 are worth Σ (1,610 … 1,800) at most;
 * without a trend it would be 20 × about 1,560. */
static void test_trend(void **state)
{
    GW_UNUSED(state);
    gw_micro days[60];
    for (int i = 0; i < 60; i++)
        days[i] = (1000 + 10 * i) * GW_USD;
    gw_forecast f = make(days, 60, 500, 0, (gw_interval){DAY(560), DAY(580)});
    assert_true((double)f.mean / 1e6 > 20 * 1600 && (double)f.mean / 1e6 < 20 * 1700);
    /* what really comes, 20 × 1,695, is seen coming by the errors of the trials */
    assert_true((double)f.high / 1e6 >= 20 * 1690);
}

static void test_unknown(void **state)
{
    GW_UNUSED(state);
    gw_micro days[60];
    gw_forecast f;
    for (int i = 0; i < 60; i++)
        days[i] = i % 10 == 3 ? GW_MICRO_UNKNOWN : 100 * GW_USD; /* a zero for these would be 10 % less */
    f = make(days, 60, 500, 5, (gw_interval){DAY(560), DAY(570)});
    assert_true(f.known);
    assert_int_equal(f.mean, 5 + 1000 * GW_USD);
    for (int i = 0; i < 60; i++)
        days[i] = i % 9 == 0 ? 100 * GW_USD : GW_MICRO_UNKNOWN; /* seven of them */
    f = make(days, 60, 500, 5, (gw_interval){DAY(560), DAY(570)});
    assert_false(f.known); /* no day next to another known one: no trial */
    assert_non_null(f.why);
    assert_int_equal(f.mean, GW_MICRO_UNKNOWN);
    f = make(days, 5, 500, 5, (gw_interval){DAY(505), DAY(510)});
    assert_false(f.known);
    f = make(days, 60, 500, GW_MICRO_UNKNOWN, (gw_interval){DAY(560), DAY(570)});
    assert_false(f.known);
    f = make(NULL, 0, 0, 77,
             (gw_interval){DAY(560), DAY(560)}); /* the period is over: what is spent is the answer */
    assert_true(f.known && f.low == 77 && f.mean == 77 && f.high == 77);
    f = make(days, 60, 500, 5, (gw_interval){DAY(560), DAY(700)});
    assert_false(f.known);
    days[0] = INT64_MAX; /* absurd, but must not overflow */
    for (int i = 1; i < 60; i++)
        days[i] = INT64_MAX;
    f = make(days, 60, 500, INT64_MAX - 1, (gw_interval){DAY(560), DAY(570)});
    assert_true(f.known && f.mean == INT64_MAX && f.low >= INT64_MAX - 1);
}

/* A world to forecast: what a day costs, given how it went before. */
typedef double (*world)(int day, double *memory);

static double week_shape(int day)
{
    return day % 7 < 5 ? 1.2 : 0.5;
}

static double noisy(int day, double *memory)
{
    (void)memory;
    return 1000 * week_shape(day) * exp(0.15 * normal());
}

static double sticky(int day, double *memory) /* noise that lasts: half of it is tomorrow's too */
{
    *memory = 0.5 * *memory + 0.15 * normal();
    return 1000 * week_shape(day) * exp(*memory);
}

static double growing(int day, double *memory)
{
    (void)memory;
    return (1000 + 8 * day) * week_shape(day) * exp(0.1 * normal());
}

static double steps(int day, double *memory) /* a new level about every 50 days */
{
    if (day == 0)
        *memory = 1;
    if (uniform() < 0.02)
        *memory *= exp(0.3 * normal());
    return 1000 * *memory * week_shape(day) * exp(0.08 * normal());
}

/*
 * 400 worlds of 90 days, each at a random day of a month whose end is 1 to 28 days ahead. 80 % of the
 * outcomes should lie in the interval; of 400 throws that is 76..84 in 19 of 20 cases, and errors that last
 * (the level moves within the horizon, the trials overlap) cost some more.
 */
static void coverage(const char *name, world w, double least, double most)
{
    enum { DAYS = 90, WORLDS = 400 };
    int in = 0, high = 0;
    double error = 0, actual_sum = 0;
    for (int k = 0; k < WORLDS; k++) {
        gw_micro days[DAYS + 28];
        double memory = 0, actual = 0;
        int ahead = 1 + (int)(uniform() * 28);
        for (int i = 0; i < DAYS + ahead; i++) {
            days[i] = (gw_micro)(w(i, &memory) * 1e6);
            if (i >= DAYS)
                actual += (double)days[i];
        }
        gw_forecast f = make(days, DAYS, 700, 0, (gw_interval){DAY(700 + DAYS), DAY(700 + DAYS + ahead)});
        assert_true(f.known && f.low <= f.mean && f.mean <= f.high);
        in += actual >= (double)f.low && actual <= (double)f.high;
        high += actual > (double)f.high;
        error += fabs((double)f.mean - actual);
        actual_sum += actual;
    }
    print_message("# %s: %.1f %% of the outcomes in the 80 %% interval, %.1f %% above; mean error %.1f %%\n",
                  name, 100.0 * in / WORLDS, 100.0 * high / WORLDS, 100 * error / actual_sum);
    assert_true(in >= least * WORLDS && in <= most * WORLDS);
}

static void test_coverage(void **state)
{
    GW_UNUSED(state);
    seed = 23;
    coverage("noise around a weekly shape", noisy, 0.72, 0.90);
    coverage("noise that lasts", sticky, 0.70, 0.90);
    coverage("growth", growing, 0.65, 0.92);
    coverage("levels that jump", steps, 0.65, 0.92);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant), cmocka_unit_test(test_weekdays), cmocka_unit_test(test_trend),
        cmocka_unit_test(test_unknown),  cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
