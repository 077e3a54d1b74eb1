/* The FOCUS export of a store. */
#include "operate/focus_internal.h"

static int each_hour(void *ctx, const gw_hour *h, gw_error *e)
{
    return gw_focus_hour(ctx, h, e);
}

/* Corrections since the last export, of hours before this one; oldest first, as a reader of the file expects.
 */
static int put_corrections(gw_focus *f, gw_store *s, const gw_focus_options *o, gw_error *e)
{
    gw_arena arena;
    gw_correction *c = NULL;
    size_t n = 0;
    gw_interval before = {INT64_MIN / 2, o->when.start_ms};
    gw_arena_init(&arena, 0);
    int rc = gw_store_corrections(s, o->cluster, before, GW_CORRECTIONS_MAX, &arena, &c, &n, e);
    /* newest first: where the list is full, what is cut off may still be of this export */
    if (rc == 0 && n == GW_CORRECTIONS_MAX && c[n - 1].at_ms >= o->corrections_since_ms)
        rc = gw_fail(e, GW_ELIMIT,
                     "there are more than %d corrections since then; export the corrected periods again",
                     GW_CORRECTIONS_MAX);
    for (size_t i = n; i > 0 && rc == 0; i--)
        if (c[i - 1].at_ms >= o->corrections_since_ms)
            rc = gw_focus_correction(f, &c[i - 1], e);
    gw_arena_free(&arena);
    return rc;
}

int gw_focus_write(gw_store *s, const gw_focus_options *o, gw_focus_sink sink, void *ctx,
                   gw_focus_stats *stats, gw_error *e)
{
    gw_focus *f = NULL;
    int rc = gw_focus_open(o, sink, ctx, &f, e);
    if (rc)
        return rc;
    if (o->corrections_since_ms)
        rc = put_corrections(f, s, o, e);
    if (rc == 0)
        rc = gw_store_pages(s, o->cluster, o->when, each_hour, f, e);
    if (rc == 0)
        rc = gw_focus_finish(f, stats, e);
    gw_focus_free(f);
    return rc;
}
