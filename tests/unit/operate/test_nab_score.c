/* The scorer of tests/bench/nab.c by hand: what it says about our detector is worth no more than it is. */
#include "gw_test.h"

#include <math.h>

#include "../../bench/nab_score.c"

enum { ROWS = 100, LEFT = 50, RIGHT = 59 };

static int64_t times[ROWS];
static double values[ROWS], scores[ROWS];

static nab_series series(void)
{
    nab_series s = {.at_ms = times, .value = values, .n = ROWS, .n_windows = 1};
    for (int i = 0; i < ROWS; i++) {
        times[i] = i * 1000;
        scores[i] = 0;
    }
    s.window[0].from_ms = times[LEFT];
    s.window[0].to_ms = times[RIGHT];
    return s;
}

static double score(const nab_series *s)
{
    double *all[] = {scores};
    return nab_score(s, 1, all, 0.5, NULL).score;
}

/* 100 · (worth + 1)/2 for one window */
static bool near(double got, double worth)
{
    return fabs(got - 50 * (worth + 1)) < 1e-9;
}

static double s_of(double y)
{
    return 2 / (1 + exp(5 * y)) - 1;
}

static void test_places(void **state)
{
    GW_UNUSED(state);
    nab_series s = series();
    assert_true(near(score(&s), -1)); /* nothing: 0 */
    scores[LEFT] = 1;
    assert_true(near(score(&s), 1)); /* at once: 100 */
    scores[LEFT + 3] = scores[RIGHT] = 1;
    assert_true(near(score(&s), 1)); /* again: no more */
    scores[LEFT] = scores[LEFT + 3] = 0;
    assert_true(near(score(&s), s_of(-0.1) / s_of(-1))); /* at the last of ten rows */
    scores[RIGHT] = 0;
    /* wrong: right behind the window nearly nothing, one width (nine steps) later 0.98661 of 0.11, far off
     * all of it */
    scores[RIGHT + 9] = 1;
    assert_true(near(score(&s), -1 + 0.11 * s_of(1)));
    scores[RIGHT + 9] = 0;
    scores[RIGHT + 1] = 1;
    assert_true(near(score(&s), -1 + 0.11 * s_of(1.0 / 9)));
    scores[RIGHT + 1] = 0;
    scores[RIGHT + 27] = 1;
    assert_true(near(score(&s), -1 - 0.11));
    scores[RIGHT + 27] = 0;
    scores[LEFT - 1] = 1; /* no window before */
    assert_true(near(score(&s), -1 - 0.11));
    scores[LEFT - 1] = 0;
    scores[14] = 1; /* 15 % of the rows are probation */
    assert_true(near(score(&s), -1));
    scores[15] = 1;
    assert_true(near(score(&s), -1 - 0.11));
    assert_int_equal(nab_probation(100), 15);
    assert_int_equal(nab_probation(20000), 750);
}

static void test_optimum(void **state)
{
    GW_UNUSED(state);
    nab_series s = series();
    double *all[] = {scores}, threshold;
    nab_result r;
    bool skip = true;
    /* a false alarm at 0.9 costs 0.11, the true one at 0.8 brings 2; another false one waits at 0.7 */
    scores[20] = 0.9;
    scores[LEFT] = 0.8;
    scores[30] = 0.7;
    assert_int_equal(nab_optimum(&s, 1, all, NULL, &threshold, &r), 0);
    assert_true(threshold == 0.8);
    assert_true(near(r.score, 1 - 0.11));
    assert_int_equal(r.alarms, 2);
    assert_int_equal(r.alarms_true, 1);
    assert_int_equal(r.found, 1);
    /* equal scores come together */
    scores[30] = 0.8;
    assert_int_equal(nab_optimum(&s, 1, all, NULL, &threshold, &r), 0);
    assert_true(near(r.score, 1 - 0.22));
    assert_int_equal(nab_optimum(&s, 1, all, &skip, &threshold, &r), 0);
    assert_int_equal(r.windows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places), cmocka_unit_test(test_optimum)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
