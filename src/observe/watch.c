/* Which slices are open, and what of them is read. */
#include "observe/watch.h"

#include "observe/watch_internal.h"

static void free_slice(open_slice *s)
{
    gw_fold_free(s->fold);
    gw_usage_free(&s->facts);
    *s = (open_slice){0};
}

int gw_watch_new(const gw_watch_options *o, gw_watch **ret, gw_error *e)
{
    if (o->end_ms <= o->start_ms || o->start_ms < -WATCH_END_MAX || o->start_ms > WATCH_END_MAX ||
        o->late_ms < 0 || o->slice_ms < 0)
        return gw_fail(e, GW_EUSAGE,
                       "a watch from %" PRId64 " to %" PRId64 ": the end must lie after the start",
                       o->start_ms, o->end_ms);
    gw_watch *w = gw_calloc(1, sizeof(*w));
    if (!w)
        return gw_fail_memory(e);
    w->o = *o;
    w->o.end_ms = GW_MIN(o->end_ms, WATCH_END_MAX);
    w->o.late_ms = GW_MAX(o->late_ms ? o->late_ms : GW_WATCH_LATE_MS, GW_HOLD_MAX_MS);
    w->length_ms = GW_MAX(o->slice_ms ? GW_MIN(o->slice_ms, SLICE_MAX_MS) : SLICE_MAX_MS, GW_WINDOW_MS);
    w->closed_ms = w->o.start_ms;
    w->first_ms = hour_of(w->o.start_ms);
    w->newest_gpu_ms = w->newest_ms = INT64_MIN;
    gw_fleet_init(&w->fleet);
    gw_usage_init(&w->total, (gw_interval){w->o.start_ms, w->o.end_ms}, o->policy);
    gw_carry_init(&w->carry);
    gw_map_init(&w->held);
    *ret = w;
    return 0;
}

void gw_watch_free(gw_watch *w)
{
    if (!w)
        return;
    gw_judgement_free(w->now);
    for (size_t i = 0; i < w->n_open; i++)
        free_slice(&w->open[i]);
    for (size_t i = 0; i < w->n_closed; i++)
        gw_closed_hour_free(&w->closed[i]);
    gw_free(w->closed);
    gw_free(w->revisions);
    gw_map_free(&w->held);
    gw_carry_free(&w->carry);
    gw_usage_free(&w->total);
    gw_fleet_free(&w->fleet);
    gw_free(w);
}

int64_t gw_watch_slice_end(const gw_watch *w, int64_t start_ms)
{
    int64_t end = start_ms + w->length_ms;
    end -= ((end % GW_WINDOW_MS) + GW_WINDOW_MS) % GW_WINDOW_MS;
    return GW_MIN(end, w->o.end_ms);
}

/* ---- slices ---- */

/* Fills *s, which is at its place for good until the slice before it is closed. */
static int begin_slice(gw_watch *w, open_slice *s, int64_t start_ms, gw_error *e)
{
    *s = (open_slice){.slice = {start_ms, gw_watch_slice_end(w, start_ms)}, .read_ms = INT64_MIN};
    gw_usage_init(&s->facts, (gw_interval){w->o.start_ms, w->o.end_ms}, w->o.policy);
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++)
        s->newest_ms[g] = INT64_MIN;
    s->fold = gw_fold_new(&w->fleet, &s->facts, e);
    int rc = s->fold ? gw_fold_begin(s->fold, s->slice, e) : GW_ENOMEM;
    if (rc)
        free_slice(s);
    return rc;
}

/* What the slice has gathered is forgotten, and it is read anew from its start. */
static int restart_slice(gw_watch *w, open_slice *s, gw_error *e)
{
    open_slice fresh;
    int64_t start = s->slice.start_ms;
    int rc = begin_slice(w, &fresh, start, e);
    if (rc)
        return rc;
    free_slice(s);
    *s = fresh;
    s->fold->usage = &s->facts;
    return 0;
}

/* ---- reading ---- */

/* Stands before the fold's sink: sees how new the samples are, and whether the sink refuses them. */
typedef struct gate {
    const gw_series_sink *to;
    int64_t newest_ms;
    bool refused;
} gate;

static int gate_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    gate *g = ctx;
    int rc = g->to->series(g->to->ctx, labels, n, ret, e);
    g->refused |= rc != 0;
    return rc;
}

static int gate_samples(void *ctx, void *series, const int64_t *t_ms, const double *value, size_t n,
                        gw_error *e)
{
    gate *g = ctx;
    if (n)
        g->newest_ms = GW_MAX(g->newest_ms, t_ms[n - 1]);
    int rc = g->to->samples(g->to->ctx, series, t_ms, value, n, e);
    g->refused |= rc != 0;
    return rc;
}

/* What of the slice is to be read at `now`. */
static gw_interval range_of(const gw_watch *w, const open_slice *s, int g, int64_t now_ms)
{
    gw_interval range = {s->slice.start_ms - GW_HOLD_MAX_MS,
                         GW_MIN(now_ms, s->slice.end_ms) + GW_HOLD_MAX_MS};
    if (s->read_ms == INT64_MIN)
        return range;
    /* what came last, again, for what is late; where nothing came for long, a source may catch up */
    int64_t from = s->read_ms - BACKFILL_MS;
    if (s->newest_ms[g] != INT64_MIN)
        from = GW_MAX(from, s->newest_ms[g] - w->o.late_ms);
    if (g == GW_FAMILIES_CADVISOR)
        from = GW_MIN(from, s->fold->lost_ms);
    range.start_ms = GW_MAX(range.start_ms, from);
    return range;
}

/* Something was half taken: neither it nor what it belongs to can be told apart, so the slice starts again.
 */
static int refuse(gw_watch *w, open_slice *s, int rc, gw_error *e)
{
    bool too_large = rc == GW_ELIMIT && s->fold->arena.used > SLICE_BYTES_MAX / 2;
    gw_error again = {0};
    if (too_large && gw_interval_ms(s->slice) > SLICE_MIN_MS) {
        w->length_ms = GW_MAX(gw_interval_ms(s->slice) / 2, SLICE_MIN_MS);
        /* a slice after it begins where it now ends */
        if (s == &w->open[0] && w->n_open > 1) {
            free_slice(&w->open[1]);
            w->n_open = 1;
        }
        rc = 0;
    }
    int failed = restart_slice(w, s, &again);
    if (failed) {
        w->broken = true;
        return failed == GW_ENOMEM ? gw_fail_memory(e) : gw_fail(e, failed, "%s", again.message);
    }
    return rc;
}

/* Reads the slice up to now; 0 with read_ms short of it where it was started again, in a shorter form. */
static int read_slice(gw_watch *w, open_slice *s, gw_source *source, int64_t now_ms, gw_error *e)
{
    int64_t newest[GW_N_FAMILY_GROUPS];
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        gate gt = {.to = gw_fold_sink(s->fold), .newest_ms = s->newest_ms[g]};
        gw_series_sink sink = {&gt, gate_series, gate_samples};
        gw_interval range = range_of(w, s, g, now_ms);
        int64_t lost = s->fold->lost_ms;
        s->fold->reading_ms = range.start_ms;
        if (g == GW_FAMILIES_CADVISOR)
            s->fold->lost_ms = INT64_MAX; /* until it finds more */
        int rc = range.start_ms < range.end_ms
                     ? source->read(source->self, (gw_family_group)g, range, &sink, e)
                     : 0;
        if (rc)
            s->fold->lost_ms = GW_MIN(lost, s->fold->lost_ms);
        if (rc)
            return gt.refused ? refuse(w, s, rc, e) : rc;
        newest[g] = gt.newest_ms;
        w->newest_ms = GW_MAX(w->newest_ms, gt.newest_ms);
        if (g == GW_FAMILIES_GPU)
            w->newest_gpu_ms = GW_MAX(w->newest_gpu_ms, gt.newest_ms);
    }
    memcpy(s->newest_ms, newest, sizeof(newest));
    s->read_ms = now_ms;
    s->again = false;
    return 0;
}

/* Again where it was started anew, and where containers turned out to be those of a pod that is known now. */
static int read_fully(gw_watch *w, size_t i, gw_source *source, int64_t now_ms, gw_error *e)
{
    int rc = 0;
    while (!rc && (w->open[i].read_ms < now_ms || w->open[i].again))
        rc = read_slice(w, &w->open[i], source, now_ms, e);
    if (!rc && w->open[i].fold->lost_ms != INT64_MAX)
        rc = read_slice(w, &w->open[i], source, now_ms, e);
    return rc;
}

static bool is_over(const gw_watch *w, const open_slice *s)
{
    return s->read_ms >= s->slice.end_ms + GW_HOLD_MAX_MS + w->o.late_ms;
}

/* The slice after the last one, where it has begun. */
static int open_next(gw_watch *w, int64_t now_ms, bool *ret_opened, gw_error *e)
{
    int64_t start = w->n_open ? w->open[w->n_open - 1].slice.end_ms : w->closed_ms;
    *ret_opened = false;
    if (w->n_open == OPEN_MAX || start >= w->o.end_ms || start > now_ms)
        return 0;
    int rc = begin_slice(w, &w->open[w->n_open], start, e);
    *ret_opened = !rc;
    w->n_open += !rc;
    return rc;
}

static void tell(const gw_watch *w, int64_t now_ms)
{
    int64_t whole = GW_MIN(now_ms, w->o.end_ms) - w->o.start_ms;
    if (w->o.progress && whole > 0)
        w->o.progress(w->o.progress_ctx, GW_MIN(1, (double)(w->closed_ms - w->o.start_ms) / (double)whole),
                      "reading metrics");
}

static int read_all(gw_watch *w, gw_source *source, int64_t now_ms, gw_error *e)
{
    int rc = 0;
    bool opened = true;
    while (!rc && !w->broken && opened) {
        for (size_t i = 0; i < w->n_open && !rc; i++) {
            rc = read_fully(w, i, source, now_ms, e);
        }
        if (!rc && w->n_open && is_over(w, &w->open[0])) {
            rc = gw_watch_close(w, e);
            tell(w, now_ms);
            continue;
        }
        if (!rc)
            rc = open_next(w, now_ms, &opened, e);
    }
    if (!rc && w->broken)
        return gw_fail(e, GW_EINTERNAL, "the watch ran out of memory while it closed a slice: start again");
    return rc;
}

/* What was judged goes on being so when a slice is closed, or hours are dropped. Where that fails, nothing is
 * judged until the caller does it. */
static void judge_again(gw_watch *w, int64_t until_ms)
{
    if (!w->now && !w->broken && until_ms > w->o.start_ms)
        gw_watch_judge(w, until_ms, NULL);
}

int gw_watch_read(gw_watch *w, gw_source *source, int64_t now_ms, gw_error *e)
{
    int64_t until = gw_watch_judged(w);
    if (now_ms > WATCH_END_MAX || now_ms < -WATCH_END_MAX)
        return gw_fail(e, GW_EUSAGE, "the time is %" PRId64 " ms: set this machine's clock", now_ms);
    int rc = read_all(w, source, now_ms, e);
    judge_again(w, until);
    return rc;
}

/* ---- objects ---- */

int gw_watch_objects(gw_watch *w, gw_source *source, gw_error *e)
{
    gw_fleet *f = &w->fleet;
    if (!source->objects)
        return 0;
    size_t n_nodes = f->n_nodes, n_pods = f->n_pods;
    bool *was = gw_calloc(n_nodes + n_pods + 1, sizeof(*was));
    if (!was)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n_nodes; i++) {
        was[i] = f->nodes[i].in_api;
        f->nodes[i].in_api = false;
    }
    for (size_t i = 0; i < n_pods; i++) {
        was[n_nodes + i] = f->pods[i].in_api;
        f->pods[i].in_api = false;
    }
    int rc = source->objects(source->self, f, e);
    for (size_t i = 0; i < n_nodes && rc; i++)
        f->nodes[i].in_api = was[i];
    for (size_t i = 0; i < n_pods && rc; i++)
        f->pods[i].in_api = was[n_nodes + i];
    gw_free(was);
    return rc;
}

/* ---- what is known ---- */

const gw_fleet *gw_watch_fleet(const gw_watch *w)
{
    return w->now ? &w->now->fleet : &w->fleet;
}

int64_t gw_watch_judged(const gw_watch *w)
{
    return w->now ? w->now->until_ms : w->o.start_ms;
}

int64_t gw_watch_newest(const gw_watch *w)
{
    return w->newest_gpu_ms != INT64_MIN ? w->newest_gpu_ms : w->newest_ms;
}

uint64_t gw_watch_samples(const gw_watch *w)
{
    uint64_t n = w->total.samples_total;
    for (size_t i = 0; i < w->n_open; i++)
        n += w->open[i].fold->slice_samples;
    return n;
}

static void forget_lumps(unit_state *st, int64_t before_ms)
{
    uint32_t n = 0;
    while (n < st->n_lumps && st->lumps[n].hour_ms < before_ms)
        gw_stats_free(&st->lumps[n++].idle);
    st->n_lumps -= n;
    if (n)
        memmove(st->lumps, st->lumps + n, st->n_lumps * sizeof(*st->lumps));
}

void gw_watch_trim(gw_watch *w, int64_t before_ms)
{
    size_t n = 0;
    while (n < w->n_closed && w->closed[n].sums.window.end_ms <= GW_MIN(before_ms, hour_of(w->closed_ms)))
        n++;
    if (n == 0)
        return;
    int64_t until = gw_watch_judged(w);
    gw_judgement_free(w->now); /* it speaks of them */
    w->now = NULL;
    for (size_t i = 0; i < n; i++)
        gw_closed_hour_free(&w->closed[i]);
    w->n_closed -= n;
    memmove(w->closed, w->closed + n, w->n_closed * sizeof(*w->closed));
    size_t revised = GW_MIN(n, w->n_revisions);
    w->n_revisions -= revised;
    memmove(w->revisions, w->revisions + revised, w->n_revisions * sizeof(*w->revisions));
    w->first_ms += (int64_t)n * GW_HOUR_MS;
    for (size_t i = 0; i < w->carry.n_units; i++)
        forget_lumps(&w->carry.units[i], w->first_ms);
    judge_again(w, until);
}
