/*
 * Hand-made telemetry for tests: series written as OpenMetrics lines and folded the way a snapshot is. Times
 * are seconds from T0, which lies on the 5-minute grid; expected values in the tests are worked out by hand
 * from these numbers.
 */
#ifndef GW_TESTS_TELEMETRY_H
#define GW_TESTS_TELEMETRY_H

#include "base/buf.h"
#include "format/om.h"
#include "observe/fold.h"

#define T0_S  INT64_C(1760000100) /* 300 × 5866667 */
#define T0_MS (T0_S * 1000)

typedef struct telemetry {
    gw_buf text;
    gw_fleet fleet;
    gw_usage usage;
    gw_source_stats reads;
    int times; /* each slice is fed this many times */
} telemetry;

/* One series: `name{labels}` with `value` at from, from + step, ... up to and including to. */
static void series(telemetry *t, const char *head, int from, int to, int step, double value)
{
    for (int s = from; s <= to; s += step)
        gw_buf_printf(&t->text, "%s %.17g %" PRId64 "\n", head, value, T0_S + s);
}

static int telemetry_read(void *self, gw_family_group group, gw_interval range, const gw_series_sink *sink,
                          gw_error *e)
{
    telemetry *t = self;
    if (group != GW_FAMILIES_GPU)
        return 0;
    for (int i = 0; i < t->times; i++) {
        gw_om_reader *r = gw_om_reader_new(sink, range);
        if (!r)
            return gw_fail_memory(e);
        int rc = gw_om_reader_feed(r, t->text.data, t->text.len, e);
        rc = rc ? rc : gw_om_reader_feed(r, "# EOF\n", 6, e);
        rc = rc ? rc : gw_om_reader_finish(r, e);
        gw_om_reader_free(r);
        if (rc)
            return rc;
    }
    return 0;
}

static void telemetry_start(telemetry *t)
{
    *t = (telemetry){.times = 1};
    gw_buf_init(&t->text, (size_t)256 << 20);
}

/* Folds everything over [T0 + from, T0 + to) in slices of slice_ms (0 = the default). */
static int telemetry_fold(telemetry *t, int from, int to, int64_t slice_ms, gw_error *e)
{
    gw_source source = {.self = t, .read = telemetry_read};
    gw_interval window = {T0_MS + from * GW_SECOND_MS, T0_MS + to * GW_SECOND_MS};
    gw_fleet_init(&t->fleet);
    gw_usage_init(&t->usage, window, GW_STATE_POLICY_DEFAULT);
    gw_observe_options o = {.window = window, .slice_ms = slice_ms, .policy = GW_STATE_POLICY_DEFAULT};
    return gw_observe(&source, &o, &t->fleet, &t->usage, e);
}

static void telemetry_free(telemetry *t)
{
    gw_usage_free(&t->usage);
    gw_fleet_free(&t->fleet);
    gw_buf_free(&t->text);
}

#endif
