/* Spot coverage by hand. */
#include "gw_test.h"

#include <math.h>

#include "operate/spot.h"

#define H GW_HOUR_MS

static gw_measures held(int64_t hours, gw_micro bill)
{
    return (gw_measures){.bill = bill, .paid_ms = hours * H, .allocated_ms = hours * H};
}

static void test_coverage(void **state)
{
    GW_UNUSED(state);
    gw_sum rows[] = {{.key = {"inference", "spot", "a"}, .m = held(45, 9)},
                     {.key = {"inference", "reserved", "a"}, .m = held(55, 20)},
                     {.key = {"training", "spot", "a"}, .m = held(10, 1)},
                     {.key = {"training", "spot", "b"}, .m = held(20, 2)},
                     {.key = {"training", "on-demand", "b"}, .m = held(70, 70)},
                     {.key = {"training", "", "b"}, .m = held(5, 5)}, /* no label tells */
                     {.key = {"", "spot", "__idle__"}, .m = held(500, 50)},
                     {.key = {"", "spot", "c"}, .m = held(1, 1)}};
    gw_sums s = {.rows = rows, .n = GW_COUNT(rows)};
    gw_spot spot;
    gw_spot_make(&s, (gw_spot_targets){GW_SPOT_TRAINING, GW_SPOT_INFERENCE}, &spot);
    assert_int_equal(spot.n_rows, 3);
    const gw_spot_row *training = &spot.rows[0], *inference = &spot.rows[1], *other = &spot.rows[2];
    assert_string_equal(training->class, "training");
    assert_true(fabs(training->coverage - 0.30) < 1e-12); /* 30 of 100; the 5 unknown are in neither */
    assert_int_equal(training->unknown_ms, 5 * H);
    assert_int_equal(gw_spot_lack(training), 30 * H); /* 60 of 100 wanted */
    assert_int_equal(training->spot_bill, 3);
    assert_int_equal(training->other_bill, 75);
    assert_string_equal(inference->class, "inference");
    assert_true(fabs(inference->coverage - 0.45) < 1e-12);
    assert_int_equal(gw_spot_lack(inference), 0); /* 40 wanted */
    assert_string_equal(other->class, "unknown");
    assert_int_equal(other->spot_ms, H);
    assert_int_equal(gw_spot_lack(other), -1);
}

static void test_unknown_is_not_zero(void **state)
{
    GW_UNUSED(state);
    gw_sum rows[] = {{.key = {"training", "unknown", "a"}, .m = held(45, 9)}};
    rows[0].m.unpriced_ms = rows[0].m.paid_ms;
    gw_sums s = {.rows = rows, .n = 1};
    gw_spot spot;
    gw_buf b;
    gw_doc d;
    gw_error e;
    gw_spot_make(&s, (gw_spot_targets){GW_SPOT_TRAINING, -1}, &spot);
    assert_true(spot.rows[0].coverage < 0);
    gw_buf_init(&b, 1 << 16);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    gw_doc_object(&d, NULL);
    gw_spot_write(&d, &spot);
    gw_doc_end(&d);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
    assert_non_null(strstr(b.data, "\"coverage\": null"));
    assert_non_null(strstr(b.data, "\"unknownHours\": 45.000000"));
    assert_non_null(strstr(b.data, "\"inference\": null"));
    assert_non_null(strstr(b.data, "\"otherCost\": null"));
    gw_buf_free(&b);
}

/* No hours cost 0; hours of which some have no price cost at least what the others did. */
static void test_bounds_of_cost(void **state)
{
    GW_UNUSED(state);
    gw_sum rows[] = {{.key = {"training", "spot", "a"}, .m = held(10, 7)},
                     {.key = {"training", "spot", "b"}, .m = held(20, 0)},
                     {.key = {"inference", "on-demand", "a"}, .m = held(3, 30)},
                     {.key = {"batch", "spot", "a"}, .m = held(4, 5)},
                     {.key = {"notebook", "spot", "a"}, .m = held(6, 0)}};
    rows[1].m.unpriced_ms = rows[1].m.paid_ms;
    rows[3].m.unpriced_ms = H; /* of its four */
    rows[4].m.unpriced_ms = rows[4].m.paid_ms;
    gw_sums s = {.rows = rows, .n = GW_COUNT(rows)};
    gw_spot spot;
    gw_spot_make(&s, (gw_spot_targets){-1, -1}, &spot);
    assert_int_equal(spot.n_rows, 4);
    const gw_spot_row *training = &spot.rows[0], *inference = &spot.rows[1], *batch = &spot.rows[2],
                      *notebook = &spot.rows[3];
    assert_int_equal(training->spot_bill, 7);
    assert_true(training->spot_unpriced);
    assert_int_equal(training->other_bill, 0);
    assert_false(training->other_unpriced);
    assert_int_equal(inference->spot_bill, 0);
    assert_false(inference->spot_unpriced);
    assert_int_equal(inference->other_bill, 30);
    assert_false(inference->other_unpriced);
    assert_int_equal(batch->spot_bill, 5);
    assert_true(batch->spot_unpriced);
    assert_int_equal(notebook->spot_bill, GW_MICRO_UNKNOWN);
    assert_true(notebook->spot_unpriced);

    gw_buf b;
    gw_doc d;
    gw_error e;
    gw_buf_init(&b, 1 << 16);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    gw_doc_object(&d, NULL);
    gw_spot_write(&d, &spot);
    gw_doc_end(&d);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
    const char *last = strstr(b.data, "\"notebook\"");
    assert_non_null(last);
    assert_non_null(strstr(last, "\"spotCost\": null"));
    assert_non_null(
        strstr(last, "\"spotCostIsLowerBound\": false")); /* of what is not known there is no bound */
    assert_non_null(strstr(b.data, "\"spotCostIsLowerBound\": true"));
    gw_buf_free(&b);
}

static void test_nothing(void **state)
{
    GW_UNUSED(state);
    gw_sums s = {0};
    gw_spot spot;
    gw_spot_make(&s, (gw_spot_targets){0.6, 0.4}, &spot);
    assert_int_equal(spot.n_rows, 0);
    gw_query q = gw_spot_query((gw_interval){0, H}, "prod");
    assert_int_equal(q.n_by, 3);
    assert_int_equal(q.n_where, 1);
    assert_string_equal(q.where[0].value, "prod");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_unknown_is_not_zero),
        cmocka_unit_test(test_bounds_of_cost),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
