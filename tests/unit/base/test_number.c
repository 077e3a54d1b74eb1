/* Numbers from text: what is taken, what is refused, and the same doubles as strtod where it takes them too.
 */
#include "gw_test.h"

#include <math.h>

#include "base/number.h"

static double number(const char *text)
{
    double d = 777;
    if (!gw_parse_double(gw_str_of(text), &d))
        fail_msg("'%s' was not taken", text);
    return d;
}

static void reads_doubles(void **state)
{
    GW_UNUSED(state);
    assert_true(number("0") == 0 && !signbit(number("0")));
    assert_true(number("-0") == 0 && signbit(number("-0")));
    assert_true(number("1.") == 1);
    assert_true(number(".25") == 0.25);
    assert_true(number("+7") == 7);
    assert_true(number("-12.5") == -12.5);
    assert_true(number("1e3") == 1000);
    assert_true(number("1E-3") == 0.001);
    assert_true(number("9223372036854775794") == 9223372036854775808.0); /* DCGM's "no reading", rounded */
    assert_true(number("1e308") == 1e308);
    assert_true(number("4.9e-324") == 4.9e-324);
    assert_true(number("1e-400") == 0);
    assert_true(isinf(number("1e999")));
    assert_true(isinf(number("Inf")) && number("inf") > 0);
    assert_true(isinf(number("+Inf")) && number("+INF") > 0);
    assert_true(isinf(number("-Inf")) && number("-inf") < 0);
    assert_true(isinf(number("Infinity")));
    assert_true(isnan(number("NaN")) && isnan(number("nan")));
    /* the border between the fast way (15 digits) and strtod */
    assert_true(number("123456789012345") == 123456789012345.0);
    assert_true(number("1234567890123456") == 1234567890123456.0);
    assert_true(number("0.123456789012345") == 0.123456789012345);
    assert_true(number("0.1234567890123456") == 0.1234567890123456);
    assert_true(number("00000000000000000000000000000000000001") == 1);
}

static void is_as_exact_as_strtod(void **state)
{
    GW_UNUSED(state);
    uint64_t rng = 1;
    char text[64];
    for (int i = 0; i < 50000; i++) {
        rng = rng * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX generator */
        int digits = 1 + (int)(rng >> 33) % 17, point = (int)(rng >> 40) % (digits + 1);
        uint64_t v = rng >> 20;
        size_t n = 0;
        if (rng >> 63)
            text[n++] = '-';
        for (int k = 0; k < digits; k++, v /= 7) {
            if (k == point)
                text[n++] = '.';
            text[n++] = (char)('0' + v % 10);
        }
        text[n] = '\0';
        double want = strtod(text, NULL), got = number(text);
        assert_memory_equal(&got, &want, sizeof(want));
    }
}

static void refuses_what_is_no_number(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {
        "",    "-",    "+",     ".",     "-.",  "e5",  "1e",        "1e+",   " 1",       "1 ",    "1\n",
        "1,5", "0x10", "0X1p3", "1_000", "--1", "+-1", "1-",        "1.2.3", "nan(1)",   "nanny", "infi",
        "in",  "true", "1e5.5", "1e5e5", "\t1", "1f",  "Infinity1", "N",     "1\xc2\xa0"};
    double d = 777;
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        if (gw_parse_double(gw_str_of(bad[i]), &d))
            fail_msg("'%s' was taken as %g", bad[i], d);
    }
    /* a NUL is a byte like any other wrong one */
    assert_false(gw_parse_double((gw_str){"1\0", 2}, &d));
    assert_false(gw_parse_double((gw_str){"1e5\0garbage", 11}, &d));
    assert_false(gw_parse_double((gw_str){"\0", 1}, &d));
    assert_false(gw_parse_double((gw_str){NULL, 0}, &d));
    assert_true(d == 777);
    /* the slice ends where it says */
    assert_true(gw_parse_double((gw_str){"123456", 3}, &d) && d == 123);
    assert_true(gw_parse_double((gw_str){"1e23", 3}, &d) && d == 100);
}

static void long_texts_are_refused(void **state)
{
    GW_UNUSED(state);
    char text[80];
    double d;
    int64_t v;
    memset(text, '0', sizeof(text));
    text[0] = '1';
    assert_true(gw_parse_double((gw_str){text, 63}, &d) && d == 1e62);
    assert_false(gw_parse_double((gw_str){text, 64}, &d));
    text[0] = '0';
    text[62] = '5';
    assert_true(gw_parse_int64((gw_str){text, 63}, &v) && v == 5);
    assert_false(gw_parse_int64((gw_str){text, 64}, &v));
}

static void reads_integers(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text;
        int64_t want;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"+5", 5},
                {"-17", -17},
                {"007", 7}, /* ten is the base, whatever stands first */
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    int64_t v;
    for (size_t i = 0; i < GW_COUNT(good); i++) {
        assert_true(gw_parse_int64(gw_str_of(good[i].text), &v));
        assert_int_equal(v, good[i].want);
    }
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      " 1",
                                      "1 ",
                                      "\n1",
                                      "- 1",
                                      "+-1",
                                      "1.0",
                                      "1e3",
                                      "0x1",
                                      "abc",
                                      "1,",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999999999"};
    v = 777;
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        if (gw_parse_int64(gw_str_of(bad[i]), &v))
            fail_msg("'%s' was taken as %" PRId64, bad[i], v);
    }
    assert_false(gw_parse_int64((gw_str){"5\0", 2}, &v));
    assert_false(gw_parse_int64((gw_str){"5\0junk", 6}, &v));
    assert_false(gw_parse_int64((gw_str){NULL, 0}, &v));
    assert_int_equal(v, 777);
    assert_true(gw_parse_int64((gw_str){"123", 2}, &v) && v == 12);
}

static void reads_quantities(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text;
        int64_t want; /* thousandths */
    } good[] = {{"0", 0},
                {"16", 16000},
                {"500m", 500},
                {"1500m", 1500},
                {"0.5", 500},
                {"-2", -2000},
                {"+2", 2000},
                {"1e3", 1000000},
                {"1E3", 1000000},  /* an exponent ... */
                {"1E", INT64_MAX}, /* ... and exa, of which 10^21 thousandths are too many */
                {"1k", 1000000},
                {"1M", 1000000000},
                {"1.5G", 1500000000000},
                {"2T", 2000000000000000},
                {"3P", 3000000000000000000},
                {"1Ki", 1024000},
                {"64Gi", 68719476736000}, /* 64 × 2^30 × 1000 */
                {"1Ti", 1099511627776000},
                {"1Pi", 1125899906842624000},
                {"8Pi", 9007199254740992000}, /* the largest whole one that fits */
                {"9Pi", INT64_MAX},
                {"1Ei", INT64_MAX},
                {"-1Ei", INT64_MIN},
                {"1e30", INT64_MAX},
                {"9.2e15", 9200000000000000000}, /* fits, if only just */
                {"9.3e15", INT64_MAX},
                {"250u", 0}, /* a quarter of a thousandth */
                {"500u", 1}, /* half of one: to the nearest */
                {"1499999n", 1},
                {"1500000n", 2},
                {"-1500000n", -2}};
    int64_t v;
    for (size_t i = 0; i < GW_COUNT(good); i++) {
        if (!gw_parse_quantity_milli(gw_str_of(good[i].text), &v))
            fail_msg("'%s' was not taken", good[i].text);
        if (v != good[i].want)
            fail_msg("'%s' is %" PRId64 ", not %" PRId64, good[i].text, v, good[i].want);
    }
    static const char *const bad[] = {"",      "m",   "Gi",  "k",     "-",    "1K",  "1ki", "1mi",  "1MiB",
                                      "1GB",   "1 G", "G1",  "1Gi ",  " 1Gi", "nan", "inf", "infn", "1e3k",
                                      "1E2Mi", "1e",  "1mm", "1.2.3", "0x1",  "Ei",  "1iG", "1g",   "1t"};
    v = 777;
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        if (gw_parse_quantity_milli(gw_str_of(bad[i]), &v))
            fail_msg("'%s' was taken as %" PRId64, bad[i], v);
    }
    assert_false(gw_parse_quantity_milli((gw_str){"1\0k", 3}, &v));
    assert_false(gw_parse_quantity_milli((gw_str){NULL, 0}, &v));
    assert_int_equal(v, 777);
    assert_true(gw_parse_quantity_milli((gw_str){"12Gi", 2}, &v) && v == 12000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_doubles),
        cmocka_unit_test(is_as_exact_as_strtod),
        cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(long_texts_are_refused),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(reads_quantities),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
