#include "gw_test.h"

#include <math.h>

#include "operate/anomaly.h"
#include "operate/ranks.h"

static uint64_t seed = 1;

/* xorshift64*: https://en.wikipedia.org/wiki/Xorshift; 0..1, never 0 */
static double uniform(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return ((double)(seed * UINT64_C(2685821657736338717) >> 11) + 0.5) / 9007199254740992.0;
}

/* Box and Muller's */
static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());
}

static gw_anomaly *hourly(void)
{
    gw_anomaly *d = NULL;
    gw_error e;
    assert_int_equal(gw_anomaly_new(&(gw_anomaly_options){.step_ms = GW_HOUR_MS}, &d, &e), 0);
    return d;
}

#define HOUR(h) ((int64_t)(h)*GW_HOUR_MS) /* since Thursday, 1970-01-01 */

static void test_ranks(void **state)
{
    GW_UNUSED(state);
    float v[101];
    gw_ranks r = {v, 0};
    assert_true(isnan(gw_ranks_quantile(&r, 0.5)));
    assert_true(gw_ranks_tail(&r, 1) == 1);
    for (int i = 0; i < 100; i++)
        gw_ranks_insert(&r, (float)((i * 37) % 100 + 1)); /* 1..100 in some order */
    for (int i = 0; i < 100; i++)
        assert_true(v[i] == (float)(i + 1));
    assert_true(gw_ranks_quantile(&r, 0.5) == 50.5);
    /* 51 of 100 are 50 or more, and the next would be one of 101 */
    assert_true(fabs(gw_ranks_tail(&r, 50) - 52.0 / 101) < 1e-12);
    /* the highest 3 %, but at least 5, are 96..100; at twice the least of them: 6/101 * 2^-a with 1/a the
     * mean of the logarithms and of three times 0.3 */
    double logs = 3 * 0.3 + log(97.0 / 96) + log(98.0 / 96) + log(99.0 / 96) + log(100.0 / 96);
    assert_true(fabs(gw_ranks_tail(&r, 192) - 6.0 / 101 * pow(2, -8 / logs)) < 1e-12);
    gw_ranks_remove(&r, 7);
    gw_ranks_remove(&r, 1000); /* not in: nothing happens */
    assert_int_equal(r.n, 99);
    assert_true(v[5] == 6 && v[6] == 8);
}

/* Values without any pattern: a score of 1 - p comes up with probability p. */
static void test_calibrated(void **state)
{
    GW_UNUSED(state);
    enum { N = 20000 };
    gw_anomaly *d = hourly();
    size_t judged = 0, rare = 0, rarest = 0, told = 0;
    seed = 7;
    for (int i = 0; i < N; i++) {
        gw_anomaly_verdict v;
        gw_anomaly_add(d, HOUR(i), 1000 + 10 * normal(), &v);
        assert_true(v.score >= 0 && v.score <= 1);
        judged += v.judged;
        rare += v.judged && v.score >= 0.98;
        rarest += v.judged && v.score >= 0.999;
        told += v.anomalous;
    }
    gw_anomaly_free(d);
    assert_true(judged > N - 200);
    /* neighbouring points share eleven of twelve values, so the counts scatter more than 20,000 throws would
     */
    assert_true(rare > 0.01 * N && rare < 0.03 * N);
    assert_true(rarest < 0.002 * N);
    /* and only records are told */
    assert_true(told < 0.01 * N);
}

static void test_level_told_once(void **state)
{
    GW_UNUSED(state);
    gw_anomaly *d = hourly();
    int before = 0, at = 0, soon = 0, later = 0;
    gw_anomaly_verdict v;
    seed = 11;
    for (int i = 0; i < 1500; i++) {
        double level = i < 800 ? 100 : 150;
        gw_anomaly_add(d, HOUR(i), level + normal(), &v);
        before += v.anomalous && i > 700 && i < 800;
        at += v.anomalous && i == 800;
        soon += v.anomalous && i > 800 && i < 860;
        later += v.anomalous && i >= 900 && v.score > 0.9999;
        if (i == 800) /* of a jump of fifty deviations; 99.99 % is what no noise of 800 hours gives */
            assert_true(v.score > 0.9999 && fabs(v.expected - 100) < 2 && v.high < 110);
    }
    /* the median of 72 hours has long arrived */
    assert_true(fabs(v.expected - 150) < 2);
    gw_anomaly_free(d);
    assert_int_equal(at, 1);
    assert_true(before <= 2);
    assert_true(soon <= 2);
    assert_int_equal(later, 0);
}

/* Weekdays 20 at night and 100 from 8 to 20 h; weekends 20. 1970-01-05 was a Monday. */
static double office(int64_t hour)
{
    int64_t day = (hour / 24 + 3) % 7, h = hour % 24; /* day 0 = Monday */
    return day < 5 && h >= 8 && h < 20 ? 100 : 20;
}

static void test_week(void **state)
{
    GW_UNUSED(state);
    gw_anomaly *d = hourly();
    gw_anomaly_verdict v;
    int64_t i, quiet = 0;
    seed = 13;
    for (i = 0; i < 8 * 168; i++) {
        gw_anomaly_add(d, HOUR(i), office(i) + 0.5 * normal(), &v);
        quiet += v.anomalous && i > 5 * 168;
        if (i > 6 * 168)
            assert_true(fabs(v.expected - office(i)) < 8 && v.low <= v.expected && v.expected <= v.high);
    }
    assert_true(quiet <= 6); /* three weeks of 168 hours, of which 2 % would be 10 */
    /* a holiday that nobody announced: Thursday and Wednesday's shapes are known, and so is a quiet day's;
     * only that this is no weekend makes it strange */
    bool told = false;
    assert_int_equal((i / 24 + 3) % 7, 3); /* a Thursday */
    for (int64_t end = i + 12; i < end; i++) {
        gw_anomaly_add(d, HOUR(i), 20 + 0.5 * normal(), &v);
        told = told || (v.anomalous && office(i) == 100);
        if (office(i) == 100)
            assert_true(v.expected > 90);
    }
    assert_true(told);
    gw_anomaly_free(d);
}

static void test_unknown(void **state)
{
    GW_UNUSED(state);
    gw_anomaly *d = hourly();
    gw_anomaly_verdict v;
    int told = 0;
    seed = 17;
    for (int i = 0; i < 1000; i++) {
        bool known = i % 9 != 0 && i / 50 != 12; /* every ninth, and two days in a row */
        gw_anomaly_add(d, HOUR(i), known ? 100 + normal() : NAN, &v);
        if (!known)
            assert_true(!v.judged && !v.anomalous && v.score == 0);
        if (i > 100) /* expected without a value too; a zero for the unknown would pull the median of 72 down,
                        or not at all, but the lower bound to nothing */
            assert_true(fabs(v.expected - 100) < 3 && v.low > 90);
        told += v.anomalous && v.score > 0.9999;
    }
    assert_int_equal(told, 0);
    /* a step that is left out is the same as one without a value */
    gw_anomaly_add(d, HOUR(1003), 100, &v);
    assert_int_equal(gw_anomaly_last_ms(d), HOUR(1003));
    size_t known = gw_anomaly_known(d);
    gw_anomaly_add(d, HOUR(1003), 5000, &v); /* again */
    gw_anomaly_add(d, HOUR(1000), 5000, &v); /* late */
    gw_anomaly_add(d, INT64_MAX, 5000, &v);  /* no time */
    assert_int_equal(gw_anomaly_known(d), known);
    assert_false(v.judged);
    gw_anomaly_add(d, HOUR(1004), 1e31, &v); /* no amount */
    assert_int_equal(gw_anomaly_known(d), known);
    gw_anomaly_add(d, HOUR(1005 + GW_ANOMALY_HISTORY), 7, &v); /* all that was known is too old */
    assert_int_equal(gw_anomaly_known(d), 1);
    gw_anomaly_free(d);
}

static gw_anomaly *reread(gw_anomaly *d)
{
    gw_buf b;
    gw_error e;
    gw_anomaly *again = NULL;
    gw_buf_init(&b, GW_ANOMALY_STATE_BYTES_MAX);
    assert_int_equal(gw_anomaly_write(d, &b, &e), 0);
    assert_int_equal(gw_anomaly_read((gw_str){b.data, b.len}, &again, &e), 0);
    gw_buf_free(&b);
    return again;
}

static void test_restart(void **state)
{
    GW_UNUSED(state);
    gw_anomaly *through = hourly(), *stopped = hourly(), *again = reread(stopped);
    gw_anomaly_free(stopped);
    stopped = again;
    seed = 19;
    for (int i = 0; i < 2600; i++) { /* beyond the history, so that it has turned over */
        double x = uniform() < 0.05 ? NAN : office(i) * (i > 1700 ? 1.5 : 1) + normal();
        gw_anomaly_verdict a, b;
        gw_anomaly_add(through, HOUR(i), x, &a);
        gw_anomaly_add(stopped, HOUR(i), x, &b);
        assert_memory_equal(&a.score, &b.score, sizeof(a.score));
        assert_memory_equal(&a.low, &b.low, sizeof(a.low));
        assert_int_equal(a.anomalous, b.anomalous);
        if (i % 211 == 0 || i == 1701) {
            again = reread(stopped);
            gw_anomaly_free(stopped);
            stopped = again;
        }
    }
    gw_anomaly_free(through);
    gw_anomaly_free(stopped);
}

static void test_broken_states(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"", GW_ECORRUPT},
        {"{}", GW_ECORRUPT},
        {"[1]", GW_ECORRUPT},
        {"{\"version\":99}", GW_ECONFIG},
        {"{\"version\":1,\"stepMs\":0,\"tail\":0.02}", GW_ECORRUPT},
        {"{\"version\":1,\"stepMs\":5,\"tail\":2}", GW_ECORRUPT},
        {"{\"version\":1,\"stepMs\":5,\"tail\":0.5,\"record\":-1,\"last\":1}", GW_ECORRUPT},
        {"{\"version\":1,\"stepMs\":5,\"tail\":0.5,\"record\":0,\"last\":9223372036854775807,\"value\":[]}",
         GW_ECORRUPT},
        {"{\"version\":1,\"stepMs\":5,\"tail\":0.5,\"record\":0,\"last\":1,\"value\":[1],\"level\":[]}",
         GW_ECORRUPT},
        {"{\"version\":1,\"stepMs\":5,\"tail\":0.5,\"record\":0,\"last\":1,\"value\":[\"x\"],\"level\":[1]}",
         GW_ECORRUPT},
        {"{\"version\":1,\"stepMs\":5,\"tail\":0.5,\"record\":0,\"last\":1,\"value\":[1e300],\"level\":[1]}",
         GW_ECORRUPT},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_anomaly *d = NULL;
        gw_error e;
        assert_int_equal(gw_anomaly_read(gw_str_of(cases[i].text), &d, &e), cases[i].code);
        assert_null(d);
    }
    gw_anomaly *d = NULL;
    gw_error e;
    assert_int_equal(gw_anomaly_new(&(gw_anomaly_options){.step_ms = 0}, &d, &e), GW_EUSAGE);
    assert_int_equal(gw_anomaly_new(&(gw_anomaly_options){.step_ms = 1, .tail = 1}, &d, &e), GW_EUSAGE);
    assert_null(d);
}

static void test_explained(void **state)
{
    GW_UNUSED(state);
    /* the sum rises from 100 to 300. nlp +170, ads +40 (two rows of it), dev -20, ops +10: nlp alone is 85 %,
     * with ads 105 %, so these two are named */
    static const gw_moved rows[] = {
        {"ads", 10, 30}, {"nlp", 30, 200}, {"ads", 10, 30}, {"dev", 40, 20}, {"ops", 10, 20}};
    gw_arena a;
    gw_moved *m;
    size_t n;
    gw_error e;
    gw_arena_init(&a, 0);
    assert_int_equal(gw_anomaly_explain(rows, GW_COUNT(rows), 5, &a, &m, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_string_equal(m[0].key, "nlp");
    assert_string_equal(m[1].key, "ads");
    assert_int_equal(m[1].before, 20);
    assert_int_equal(m[1].after, 60);
    assert_string_equal(m[2].key, GW_MOVED_OTHERS);
    assert_int_equal(m[2].before, 50);
    assert_int_equal(m[2].after, 40);
    /* one name at most: the rest in one row, and the sums stay */
    assert_int_equal(gw_anomaly_explain(rows, GW_COUNT(rows), 2, &a, &m, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_int_equal(m[0].before + m[1].before, 100);
    assert_int_equal(m[0].after + m[1].after, 300);
    /* falling: the other way round; nothing: no rows */
    static const gw_moved fall[] = {{"a", 5, 6}, {"b", 9, 0}, {"c", 7, 7}};
    assert_int_equal(gw_anomaly_explain(fall, 3, 5, &a, &m, &n, &e), 0);
    assert_string_equal(m[0].key, "b");
    assert_int_equal(n, 2);
    assert_int_equal(gw_anomaly_explain(NULL, 0, 5, &a, &m, &n, &e), 0);
    assert_int_equal(n, 0);
    static const gw_moved large[] = {{"a", INT64_MAX, 0}, {"b", 1, 0}},
                          unknown[] = {{"a", GW_MICRO_UNKNOWN, 0}};
    assert_int_equal(gw_anomaly_explain(large, 2, 5, &a, &m, &n, &e), GW_ELIMIT);
    assert_int_equal(gw_anomaly_explain(unknown, 1, 5, &a, &m, &n, &e), GW_ELIMIT);
    gw_arena_free(&a);
}

static int make_and_explain(gw_error *e)
{
    static const char text[] =
        "{\"version\":1,\"stepMs\":5,\"tail\":0.5,\"last\":1,\"record\":0,\"value\":[1],\"level\":[1],"
        "\"error\":[null],\"shape\":[null],\"season\":[null]}";
    static const gw_moved rows[] = {{"a", 5, 6}, {"b", 9, 0}};
    gw_anomaly *d = NULL;
    gw_buf b;
    gw_arena a;
    gw_moved *m;
    size_t n;

    gw_buf_init(&b, GW_ANOMALY_STATE_BYTES_MAX);
    gw_arena_init(&a, 0);
    int r = gw_anomaly_read(gw_str_of(text), &d, e);
    if (!r)
        r = gw_anomaly_write(d, &b, e);
    if (!r)
        assert_string_equal(b.data, text);
    if (!r)
        r = gw_anomaly_explain(rows, 2, 3, &a, &m, &n, e);
    gw_anomaly_free(d);
    gw_arena_free(&a);
    gw_buf_free(&b);
    return r;
}

static void test_allocations(void **state)
{
    GW_UNUSED(state);
    int64_t live = gw_mem_live();
    for (uint64_t n = 1;; n++) {
        gw_error e;
        gw_mem_fail_at(n);
        int r = make_and_explain(&e);
        bool failed = gw_mem_count() >= n;
        gw_mem_fail_at(0);
        assert_int_equal(r, failed ? GW_ENOMEM : 0);
        assert_int_equal(gw_mem_live(), live);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),           cmocka_unit_test(test_calibrated),
        cmocka_unit_test(test_level_told_once), cmocka_unit_test(test_week),
        cmocka_unit_test(test_unknown),         cmocka_unit_test(test_restart),
        cmocka_unit_test(test_explained),       cmocka_unit_test(test_broken_states),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
