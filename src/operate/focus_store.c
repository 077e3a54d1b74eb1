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

/* Closed hours of the interval, of which each must have its page. */
static int count_closed(gw_store *s, const gw_focus_options *o, uint64_t *ret, gw_error *e)
{
    gw_arena arena;
    const char **names = NULL;
    size_t n = 0;
    gw_arena_init(&arena, 0);
    int rc = gw_store_clusters(s, &arena, &names, &n, e);
    *ret = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        int64_t *closed = NULL;
        size_t n_closed = 0;
        if (o->cluster && !gw_eq(o->cluster, names[i]))
            continue;
        rc = gw_store_closed(s, names[i], o->when, &arena, &closed, &n_closed, e);
        *ret += n_closed;
    }
    gw_arena_free(&arena);
    return rc;
}

/* A file that lacks what retention has deleted would be taken for the whole. */
static int check_pages(uint64_t closed, uint64_t pages, gw_error *e)
{
    if (pages >= closed) /* more: hours that were closed in the meantime */
        return 0;
    return gw_fail(e, GW_ENODATA,
                   "the file is not complete: %" PRIu64 " of %" PRIu64
                   " closed hours have no detail any more "
                   "(retention.detailDays); export a later period",
                   closed - pages, closed);
}

int gw_focus_write(gw_store *s, const gw_focus_options *o, gw_focus_sink sink, void *ctx,
                   gw_focus_stats *stats, gw_error *e)
{
    gw_focus *f = NULL;
    gw_focus_stats done = {0};
    uint64_t closed = 0;
    int rc = gw_focus_open(o, sink, ctx, &f, e);
    if (rc)
        return rc;
    rc = count_closed(s, o, &closed, e);
    if (rc == 0 && o->corrections_since_ms)
        rc = put_corrections(f, s, o, e);
    if (rc == 0)
        rc = gw_store_pages(s, o->cluster, o->when, each_hour, f, e);
    if (rc == 0)
        rc = gw_focus_finish(f, &done, e);
    gw_focus_free(f);
    if (rc == 0)
        rc = check_pages(closed, done.hours, e);
    if (rc == 0 && stats)
        *stats = done;
    return rc;
}
