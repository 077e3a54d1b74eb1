/*
 * Money: text both ways, products, and splits that add up. The limits are worked out by hand; Hamilton's
 * method is done a second time in exact integers.
 */
#include "gw_test.h"

#include "base/mem.h"
#include "base/money.h"

static gw_micro parsed(const char *text)
{
    gw_micro m = 777;
    if (!gw_micro_parse(gw_str_of(text), &m))
        fail_msg("'%s' was not taken", text);
    return m;
}

static void reads_dollars(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(parsed("0"), 0);
    assert_int_equal(parsed("-0"), 0);
    assert_int_equal(parsed("30.13118"), 30131180);
    assert_int_equal(parsed("1"), 1000000);
    assert_int_equal(parsed("1."), 1000000);
    assert_int_equal(parsed(".5"), 500000);
    assert_int_equal(parsed("-2.5"), -2500000);
    assert_int_equal(parsed("000000000000000000000000000012.000001"), 12000001);
    assert_int_equal(parsed("0.123456"), 123456);
    /* the seventh decimal rounds, half away from zero; the ones behind it say nothing */
    assert_int_equal(parsed("0.1234564999999"), 123456);
    assert_int_equal(parsed("0.1234565"), 123457);
    assert_int_equal(parsed("-0.1234565"), -123457);
    assert_int_equal(parsed("0.0000004999999999999999999999999999999999"), 0);
    assert_int_equal(parsed("0.9999995"), 1000000);
}

static void refuses_what_is_no_amount(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {"",    "-",   ".",     "-.",  "+1", "1,000", "1e3",
                                      " 1",  "1 ",  "1.2.3", "--1", "1-", "$1",    "0x10",
                                      "nan", "inf", "1..2",  "1_0", "..", "1.2-",  "\xc2\xbd"};
    gw_micro m = 777;
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        if (gw_micro_parse(gw_str_of(bad[i]), &m))
            fail_msg("'%s' was taken as %" PRId64, bad[i], m);
    }
    assert_false(gw_micro_parse((gw_str){"1\0", 2}, &m));
    assert_false(gw_micro_parse((gw_str){NULL, 0}, &m));
    assert_int_equal(m, 777); /* untouched */
}

static void large_amounts_are_refused_before_they_overflow(void **state)
{
    GW_UNUSED(state);
    gw_micro m;
    assert_int_equal(parsed("2300000000000"), 2300000000000 * GW_USD);
    assert_int_equal(parsed("2300000000000.9999999"), 2300000000001 * GW_USD);
    assert_int_equal(parsed("-2300000000000.5"), -2300000000000 * GW_USD - 500000);
    assert_false(gw_micro_parse(gw_str_of("2400000000000"), &m));
    assert_false(gw_micro_parse(gw_str_of("9223372036855"), &m)); /* 2^63 micro-dollars and a little */
    assert_false(gw_micro_parse(gw_str_of("99999999999999999999999999999999"), &m));
    assert_false(gw_micro_parse(gw_str_of("-99999999999999999999999999999999.5"), &m));
    /* once a length is too long, so is every longer one: no wrap-around in between */
    char digits[64];
    for (int n = 14; n < 60; n++) {
        snprintf(digits, sizeof(digits), "1%0*d", n - 1, 0);
        assert_false(gw_micro_parse(gw_str_of(digits), &m));
    }
}

static void hours_times_price(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(gw_micro_for(10 * GW_USD, 3600000), 10 * GW_USD);
    assert_int_equal(gw_micro_for(0, 3600000), 0);
    assert_int_equal(gw_micro_for(10 * GW_USD, 0), 0);
    /* p4d at $32.772600/h for 22 h 48 min 57 s = 82137 s: 32772600 / 3600 × 82137 = 9103.5 × 82137 =
     * 747734179.5 */
    assert_int_equal(gw_micro_for(32772600, 82137000), 747734180);
    /* halves go away from zero: 1 micro-dollar an hour for half an hour, and a millisecond less */
    assert_int_equal(gw_micro_for(1, 1800000), 1);
    assert_int_equal(gw_micro_for(1, 1799999), 0);
    assert_int_equal(gw_micro_for(-1, 1800000), -1);
    assert_int_equal(gw_micro_for(-1, 1799999), 0);
    assert_int_equal(gw_micro_for(1, -1800000), -1);
    /* a product beyond 64 bits with a quotient within: 10^12 × 3.6 × 10^12 / (3.6 × 10^6) = 10^18 */
    assert_int_equal(gw_micro_for(1000000000000, 3600000000000), 1000000000000000000);
    /* a quotient beyond 64 bits stays at the end, and never becomes "unknown" */
    assert_int_equal(gw_micro_for(INT64_MAX, 3600000), INT64_MAX);
    assert_int_equal(gw_micro_for(INT64_MAX, 3600001), INT64_MAX);
    assert_int_equal(gw_micro_for(INT64_MAX, INT64_MAX), INT64_MAX);
    assert_int_equal(gw_micro_for(-INT64_MAX, INT64_MAX), -INT64_MAX);
    assert_int_equal(gw_micro_for(INT64_MAX, INT64_MIN), -INT64_MAX);
    assert_false(gw_micro_known(gw_micro_for(GW_MICRO_UNKNOWN, 3600000)));
    assert_false(gw_micro_known(gw_micro_for(GW_MICRO_UNKNOWN, 0)));
}

static const char *formatted(gw_micro m)
{
    static char text[GW_MICRO_TEXT_MAX];
    return gw_micro_format(m, text);
}

static const char *human(gw_micro m)
{
    static char text[GW_MICRO_TEXT_MAX];
    return gw_micro_format_human(m, text);
}

static void writes_dollars(void **state)
{
    GW_UNUSED(state);
    assert_string_equal(formatted(0), "0.000000");
    assert_string_equal(formatted(1), "0.000001");
    assert_string_equal(formatted(-1), "-0.000001");
    assert_string_equal(formatted(30131180), "30.131180");
    assert_string_equal(formatted(-1000000), "-1.000000");
    assert_string_equal(formatted(INT64_MAX), "9223372036854.775807");
    assert_string_equal(formatted(INT64_MIN + 1), "-9223372036854.775807");
    assert_string_equal(formatted(INT64_MIN), "-9223372036854.775808");
    /* there and back again */
    for (gw_micro m = 1; m < 2000000000000000000; m = m * 7 + 3) {
        assert_int_equal(parsed(formatted(m)), m);
        assert_int_equal(parsed(formatted(-m)), -m);
    }
}

static void writes_for_people(void **state)
{
    GW_UNUSED(state);
    assert_string_equal(human(0), "0.00");
    assert_string_equal(human(4999), "0.00");
    assert_string_equal(human(5000), "0.01");
    assert_string_equal(human(-4999), "0.00"); /* no "-0.00" */
    assert_string_equal(human(-5000), "-0.01");
    assert_string_equal(human(999 * GW_USD + 994999), "999.99");
    assert_string_equal(human(999 * GW_USD + 995000), "1,000.00");
    assert_string_equal(human(1234 * GW_USD + 567000), "1,234.57");
    assert_string_equal(human(-12345 * GW_USD), "-12,345.00");
    assert_string_equal(human(123456789 * GW_USD), "123,456,789.00");
    assert_string_equal(human(INT64_MAX), "9,223,372,036,854.78");
    assert_string_equal(human(INT64_MIN), "-9,223,372,036,854.78");
}

static void splits_by_largest_remainder(void **state)
{
    GW_UNUSED(state);
    gw_micro part[4];
    /* equal weights: the odd one to the lowest index */
    assert_int_equal(gw_apportion(100, (double[]){1, 1, 1}, 3, part), 0);
    assert_int_equal(part[0], 34);
    assert_int_equal(part[1], 33);
    assert_int_equal(part[2], 33);
    /* 10 over 5 : 3 : 1 is 5.56, 3.33, 1.11: the one left goes to the first */
    assert_int_equal(gw_apportion(10, (double[]){5, 3, 1}, 3, part), 0);
    assert_int_equal(part[0], 6);
    assert_int_equal(part[1], 3);
    assert_int_equal(part[2], 1);
    /* 10 over 1.5 : 1.4 : 0.1 … is 5, 4.67, 0.33: the second is the one rounded up */
    assert_int_equal(gw_apportion(10, (double[]){15, 14, 1}, 3, part), 0);
    assert_int_equal(part[0], 5);
    assert_int_equal(part[1], 5);
    assert_int_equal(part[2], 0);
    /* no weight, no cent */
    assert_int_equal(gw_apportion(2, (double[]){0, 1, 0, 1}, 4, part), 0);
    assert_int_equal(part[0], 0);
    assert_int_equal(part[1], 1);
    assert_int_equal(part[2], 0);
    assert_int_equal(part[3], 1);
    assert_int_equal(gw_apportion(3, (double[]){1e-300, 1, 1e300, 0}, 4, part), 0);
    assert_int_equal(part[2], 3);
    /* nothing to weigh by: all to the last */
    assert_int_equal(gw_apportion(7, (double[]){0, 0}, 2, part), 0);
    assert_int_equal(part[0], 0);
    assert_int_equal(part[1], 7);
    assert_int_equal(gw_apportion(0, (double[]){1, 2}, 2, part), 0);
    assert_int_equal(part[0], 0);
    assert_int_equal(part[1], 0);
}

static uint64_t rng = 1;

static uint64_t below(uint64_t n)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

/* Hamilton's method in exact integers. False where two parts tie for the last micro-dollar with different
 * weights: there a long double may say either. */
static bool hamilton(gw_micro whole, const uint64_t *weight, size_t n, gw_micro *ret)
{
    unsigned __int128 total = 0, rest[8], last_given = 0, first_not = 0;
    gw_micro left = whole;
    bool given[8] = {false};
    for (size_t i = 0; i < n; i++)
        total += weight[i];
    for (size_t i = 0; i < n; i++) {
        ret[i] = (gw_micro)((unsigned __int128)whole * weight[i] / total);
        rest[i] = (unsigned __int128)whole * weight[i] % total;
        left -= ret[i];
    }
    for (; left > 0; left--) {
        size_t best = n;
        for (size_t i = 0; i < n; i++) {
            if (!given[i] && (best == n || rest[i] > rest[best]))
                best = i;
        }
        given[best] = true;
        last_given = rest[best];
        ret[best]++;
    }
    for (size_t i = 0; i < n; i++)
        first_not = given[i] ? first_not : GW_MAX(first_not, rest[i]);
    return last_given != first_not;
}

static void agrees_with_exact_integers(void **state)
{
    GW_UNUSED(state);
    size_t compared = 0;
    for (int k = 0; k < 20000; k++) {
        size_t n = 1 + below(8);
        uint64_t w[8];
        double weight[8];
        gw_micro part[8], exact[8], whole = (gw_micro)below(k % 2 ? 1000 : 1000000000000);
        uint64_t total = 0;
        for (size_t i = 0; i < n; i++) {
            w[i] = below(4) ? 1 + below(100000) : 0;
            total += w[i];
            weight[i] = (double)w[i];
        }
        if (total == 0 || !hamilton(whole, w, n, exact))
            continue;
        assert_int_equal(gw_apportion(whole, weight, n, part), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(part[i], exact[i]);
        compared++;
    }
    assert_true(compared > 15000);
}

static void large_and_negative_wholes_add_up(void **state)
{
    GW_UNUSED(state);
    enum { N = 20000 };
    static const gw_micro wholes[] = {INT64_MAX, INT64_MAX - 1,  INT64_MAX / 2, -1, -100,
                                      -12345678, -INT64_MAX / 2, -INT64_MAX,    1,  5};
    double *weight = gw_calloc(N, sizeof(*weight));
    gw_micro *part = gw_calloc(N, sizeof(*part));
    for (size_t k = 0; k < GW_COUNT(wholes); k++) {
        for (size_t n = 1; n <= N; n = n * 11 + 2) {
            for (size_t i = 0; i < n; i++)
                weight[i] = below(5) ? (double)below(1u << 30) / 7.0 : 0;
            weight[0] = 3;
            assert_int_equal(gw_apportion(wholes[k], weight, n, part), 0);
            __int128 sum = 0;
            for (size_t i = 0; i < n; i++) {
                sum += part[i];
                assert_true(wholes[k] < 0 ? part[i] <= 0 || weight[i] > 0 : part[i] >= 0);
                if (weight[i] == 0)
                    assert_int_equal(part[i], 0);
            }
            assert_true(sum == wholes[k]);
        }
    }
    gw_free(weight);
    gw_free(part);
}

/*
 * Where the total of the weights is off. One weight is 1.25 × 2^64, where a long double of 64 bits has a step
 * of 2, so that INT64_MAX micro-dollars give a step of weight 0.8 of a micro-dollar. A thousand weights
 * of 2.5 and a little are worth 1 each but add only 2 to the total, so the first part comes out 0.2 × 1000
 * too large. A thousand of a little less than 7.5 are worth 3 each and add 8, so the first part comes out 200
 * too small, which for a negative whole is too much again.
 */
static void a_total_that_is_off_is_put_right(void **state)
{
    GW_UNUSED(state);
    enum { N = 1001 };
    double weight[N];
    gw_micro part[N];
    for (int k = 0; k < 4; k++) {
        gw_micro whole = k % 2 ? INT64_MAX : -INT64_MAX;
        for (size_t i = 1; i < N; i++)
            weight[i] = k / 2 ? 2.5000025 : 7.4999925;
        weight[0] = 0x1.4p64;
        assert_int_equal(gw_apportion(whole, weight, N, part), 0);
        __int128 sum = 0;
        for (size_t i = 0; i < N; i++) {
            assert_true(whole > 0 ? part[i] >= 0 : part[i] <= 0);
            sum += part[i];
        }
        assert_true(sum == whole);
    }
}

static void splitting_needs_memory(void **state)
{
    GW_UNUSED(state);
    gw_micro part[2] = {-7, -7};
    int64_t live = gw_mem_live();
    gw_mem_fail_at(1);
    assert_int_equal(gw_apportion(10, (double[]){1, 1}, 2, part), GW_ENOMEM);
    gw_mem_fail_at(0);
    assert_int_equal(part[0], -7);
    assert_int_equal(part[1], -7);
    assert_int_equal(gw_mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_dollars),
        cmocka_unit_test(refuses_what_is_no_amount),
        cmocka_unit_test(large_amounts_are_refused_before_they_overflow),
        cmocka_unit_test(hours_times_price),
        cmocka_unit_test(writes_dollars),
        cmocka_unit_test(writes_for_people),
        cmocka_unit_test(splits_by_largest_remainder),
        cmocka_unit_test(agrees_with_exact_integers),
        cmocka_unit_test(large_and_negative_wholes_add_up),
        cmocka_unit_test(a_total_that_is_off_is_put_right),
        cmocka_unit_test(splitting_needs_memory),
    };
    return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
