/* Metrics as text: heads, labels, histograms, and what is left out. The format's own document has the
 * examples' rules: https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include "gw_test.h"

#include <math.h>

#include "serve/metrics.h"

static void is(gw_buf *b, const char *text)
{
    assert_int_equal(b->failed, 0);
    assert_string_equal(b->data ? b->data : "", text);
    gw_buf_free(b);
}

static void test_values(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 4096);
    gw_metrics m = {.b = &b};
    const gw_metric_label odd[] = {{"name", "a\"b\\c\nd"}, {"empty", ""}};
    gw_metric(&m, "x", "gauge", "An x.");
    gw_metric_value(&m, NULL, 0, 1.5);
    gw_metric_value(&m, odd, 2, 2);
    gw_metric_value(&m, NULL, 0, (double)NAN);
    gw_metric_value(&m, NULL, 0, (double)INFINITY);
    gw_metric_money(&m, odd + 1, 1, 1234567);
    gw_metric_money(&m, NULL, 0, GW_MICRO_UNKNOWN);
    is(&b, "# HELP x An x.\n# TYPE x gauge\nx 1.5\n"
           "x{name=\"a\\\"b\\\\c\\nd\",empty=\"\"} 2\nx{empty=\"\"} 1.234567\n");
}

static void test_unknown_families_are_not_there(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 4096);
    gw_metrics m = {.b = &b};
    gw_metric(&m, "x", "gauge", "An x.");
    gw_metric_value(&m, NULL, 0, (double)NAN);
    gw_metric(&m, "y", "gauge", "A y.");
    gw_metric_money(&m, NULL, 0, GW_MICRO_UNKNOWN);
    gw_metric(&m, "z", "counter", "A z.");
    gw_metric_value(&m, NULL, 0, 0);
    is(&b, "# HELP z A z.\n# TYPE z counter\nz 0\n");
}

/* Buckets come as they are and go out cumulated. */
static void test_histogram(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 4096);
    gw_metrics m = {.b = &b};
    const double bounds[] = {0.005, 1};
    const uint64_t buckets[] = {3, 0, 2};
    gw_metric(&m, "h", "histogram", "An h.");
    gw_metric_histogram(&m, bounds, 2, buckets, 7.25);
    is(&b, "# HELP h An h.\n# TYPE h histogram\nh_bucket{le=\"0.005\"} 3\nh_bucket{le=\"1\"} 3\n"
           "h_bucket{le=\"+Inf\"} 5\nh_sum 7.25\nh_count 5\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_unknown_families_are_not_there),
        cmocka_unit_test(test_histogram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
