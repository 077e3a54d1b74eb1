#include "observe/demo.h"

#include "observe/demo_scrape.h"

#define DEFAULT_END_MS  (INT64_C(1789344000) * GW_SECOND_MS) /* 2026-09-14T00:00:00Z, a Monday */
#define MIN_WINDOW_MS   GW_HOUR_MS
#define MIN_INTERVAL_MS GW_SECOND_MS
#define MAX_INTERVAL_MS (5 * GW_MINUTE_MS)

typedef struct demo {
    demo_fleet fleet;
    gw_source_stats stats;
    char what[128];
} demo;

void gw_demo_defaults(gw_demo_options *o)
{
    *o = (gw_demo_options){.seed = 1,
                           .nodes = GW_DEMO_BASE_NODES,
                           .interval_ms = GW_MINUTE_MS,
                           .window = {DEFAULT_END_MS - 7 * GW_DAY_MS, DEFAULT_END_MS}};
}

static int demo_read(void *self, gw_family_group group, gw_interval range, const gw_series_sink *sink,
                     gw_error *e)
{
    static int (*const readers[GW_N_FAMILY_GROUPS])(demo_reader *) = {
        [GW_FAMILIES_GPU] = demo_read_gpu,
        [GW_FAMILIES_KUBE] = demo_read_kube,
        [GW_FAMILIES_CADVISOR] = demo_read_cadvisor,
    };
    demo *d = self;
    demo_reader r;
    demo_reader_init(&r, &d->fleet, range, sink, e);
    int rc = readers[group](&r);
    d->stats.requests++;
    d->stats.series += r.n_series;
    d->stats.samples += r.n_samples;
    demo_reader_free(&r);
    return rc;
}

static int demo_into_fleet(void *self, gw_fleet *fleet, gw_error *e)
{
    return demo_objects(&((demo *)self)->fleet, fleet, e);
}

static int demo_as_lists(void *self,
                         int (*write)(void *ctx, const char *name, struct json_t *list, gw_error *e),
                         void *ctx, gw_error *e)
{
    return demo_lists(&((demo *)self)->fleet, write, ctx, e);
}

static int demo_extent(void *self, gw_interval *ret, gw_error *e)
{
    GW_UNUSED(e);
    *ret = ((demo *)self)->fleet.o.window;
    return 0;
}

static const char *demo_describe(void *self)
{
    return ((demo *)self)->what;
}

static void demo_stats(void *self, gw_source_stats *ret)
{
    *ret = ((demo *)self)->stats;
}

static void demo_free(void *self)
{
    demo *d = self;
    if (!d)
        return;
    demo_fleet_free(&d->fleet);
    gw_free(d);
}

static int check(const gw_demo_options *o, gw_error *e)
{
    if (o->nodes < GW_DEMO_BASE_NODES || o->nodes > GW_DEMO_MAX_NODES)
        return gw_fail(e, GW_EUSAGE, "the sample fleet has %d to %d nodes, not %d", GW_DEMO_BASE_NODES,
                       GW_DEMO_MAX_NODES, o->nodes);
    if (o->interval_ms < MIN_INTERVAL_MS || o->interval_ms > MAX_INTERVAL_MS)
        return gw_fail(e, GW_EUSAGE, "the sample fleet is scraped every 1s to 5m, not every %" PRId64 " ms",
                       o->interval_ms);
    if (o->window.start_ms < 30 * GW_DAY_MS || o->window.end_ms > INT64_MAX / 4 ||
        o->window.end_ms - o->window.start_ms < MIN_WINDOW_MS)
        return gw_fail(e, GW_EWINDOW,
                       "the sample fleet needs a window of at least 1h that starts after January 1970");
    if (gw_interval_ms(o->window) / o->interval_ms > GW_DEMO_MAX_POINTS)
        return gw_fail(e, GW_EWINDOW,
                       "the sample fleet's window holds more than %" PRId64
                       " scrapes of each target; take a shorter window or a longer interval",
                       GW_DEMO_MAX_POINTS);
    return 0;
}

int gw_demo_open(const gw_demo_options *o, gw_source *ret, gw_error *e)
{
    int rc = check(o, e);
    if (rc)
        return rc;
    demo *d = gw_calloc(1, sizeof(*d));
    if (!d)
        return gw_fail_memory(e);
    rc = demo_fleet_init(&d->fleet, o, e);
    if (rc) {
        gw_free(d);
        return rc;
    }
    char every[GW_TIME_TEXT_MAX];
    snprintf(d->what, sizeof(d->what), "sample fleet (seed %" PRIu64 ", %d GPU nodes, scraped every %s)",
             o->seed, o->nodes, gw_duration_format(o->interval_ms, every));
    *ret = (gw_source){.self = d,
                       .read = demo_read,
                       .objects = demo_into_fleet,
                       .extent = demo_extent,
                       .describe = demo_describe,
                       .stats = demo_stats,
                       .free = demo_free,
                       .lists = demo_as_lists};
    return 0;
}
