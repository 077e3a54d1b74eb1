#include "observe/fold_internal.h"

gw_fold *gw_fold_new(gw_fleet *fleet, gw_usage *usage, gw_error *e)
{
    gw_fold *f = gw_calloc(1, sizeof(*f));
    if (!f) {
        gw_fail_memory(e);
        return NULL;
    }
    f->fleet = fleet;
    f->usage = usage;
    f->typical_ms = INTERVAL_DEFAULT_MS;
    f->sink = (gw_series_sink){f, gw_fold_series, NULL};
    gw_arena_init(&f->arena, SLICE_BYTES_MAX);
    gw_map_init(&f->by_series);
    gw_map_init(&f->exporting);
    gw_map_init(&f->naming);
    gw_map_init(&f->clusters);
    return f;
}

void gw_fold_free(gw_fold *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_units; i++) {
        for (uint32_t l = 0; l < f->units[i].n_lumps; l++)
            gw_stats_free(&f->units[i].lumps[l].idle);
        gw_free(f->units[i].lumps);
    }
    for (size_t i = 0; i < f->n_nodes; i++)
        gw_free(f->nodes[i].away);
    gw_free(f->units);
    gw_free(f->sums);
    gw_free(f->tracks);
    gw_arena_free(&f->arena);
    gw_map_free(&f->by_series);
    gw_map_free(&f->exporting);
    gw_map_free(&f->naming);
    gw_map_free(&f->clusters);
    gw_free(f->xids);
    gw_free(f->nodes);
    gw_free(f);
}

int gw_fold_no_room(const gw_fold *f, gw_error *e)
{
    if (f->arena.used <= SLICE_BYTES_MAX / 2)
        return gw_fail_memory(e);
    return gw_fail(
        e, GW_ELIMIT,
        "the samples of an hour need more than %zu MiB, the most that gpuwise holds: read a part of "
        "the fleet with --prometheus-matcher",
        SLICE_BYTES_MAX >> 20);
}

static int push_samples(void *ctx, void *series, const int64_t *t_ms, const double *value, size_t n,
                        gw_error *e)
{
    return n ? gw_fold_track_samples(ctx, series, t_ms, value, n, e) : 0;
}

int gw_fold_begin(gw_fold *f, gw_interval slice, gw_error *e)
{
    if (slice.end_ms <= slice.start_ms || slice.end_ms - slice.start_ms > SLICE_MAX_MS)
        return gw_fail(e, GW_EINTERNAL, "a slice of %" PRId64 " ms", slice.end_ms - slice.start_ms);
    gw_arena_reset(&f->arena);
    gw_map_free(&f->by_series);
    f->n_tracks = 0;
    f->slice = slice;
    f->base_ms = slice.start_ms - ((slice.start_ms % GW_WINDOW_MS) + GW_WINDOW_MS) % GW_WINDOW_MS;
    f->n_windows = (uint32_t)((slice.end_ms - f->base_ms + GW_WINDOW_MS - 1) / GW_WINDOW_MS);
    f->n_blocks = (f->n_windows + BLOCK_WINDOWS - 1) / BLOCK_WINDOWS;
    f->node_seen = NULL;
    f->pods = NULL;
    f->n_xids = 0;
    f->slice_samples = f->slice_series = 0;
    f->reading_ms = slice.start_ms - GW_HOLD_MAX_MS;
    f->lost_ms = INT64_MAX;
    f->requests_seen = NULL;
    f->n_requests_seen = 0;
    f->sink.samples = push_samples;
    return 0;
}

const gw_series_sink *gw_fold_sink(gw_fold *f)
{
    return &f->sink;
}

int gw_fold_fit_nodes(gw_fold *f, gw_error *e)
{
    size_t n = f->fleet->n_nodes;
    if (gw_grow((void **)&f->nodes, &f->cap_nodes, n, sizeof(*f->nodes), GW_FLEET_MAX_NODES))
        return gw_fail_memory(e);
    for (; f->n_nodes < n; f->n_nodes++)
        f->nodes[f->n_nodes] = (node_state){0};
    return 0;
}

int gw_fold_fit_sums(gw_fold *f, gw_error *e)
{
    int rc = f->hours ? 0 : gw_usage_fit(f->usage, f->fleet);
    for (size_t h = 0; f->hours && h < f->hours->n && !rc; h++)
        rc = gw_usage_fit(&f->hours->of[h], f->fleet);
    return rc ? gw_fail_memory(e) : 0;
}

static int fit_units(gw_fold *f, gw_error *e)
{
    size_t n = f->fleet->n_units;
    int rc = gw_fold_fit_sums(f, e);
    if (rc)
        return rc;
    if (gw_grow((void **)&f->units, &f->cap_units, n, sizeof(*f->units), GW_FLEET_MAX_UNITS))
        return gw_fail_memory(e);
    for (; f->n_units < n; f->n_units++)
        f->units[f->n_units] = (unit_state){.last_holder = GW_NONE};
    return 0;
}

#define AWAY_MAX ((size_t)1000000) /* times that one node was away */

static int add_away(node_state *st, int64_t from, int64_t to)
{
    if (st->n_spans > st->n_away && st->away[st->n_spans - 1].end_ms == from) {
        st->away[st->n_spans - 1].end_ms = to;
        return 0;
    }
    size_t cap = st->cap_spans;
    if (gw_grow((void **)&st->away, &cap, st->n_spans + 1, sizeof(*st->away), AWAY_MAX))
        return GW_ENOMEM;
    st->cap_spans = (uint32_t)cap;
    st->away[st->n_spans++] = (span){from, to};
    return 0;
}

int64_t gw_fold_away_ms(const node_state *n, gw_interval within)
{
    int64_t ms = 0;
    for (uint32_t i = 0; i < n->n_away; i++)
        ms += gw_interval_ms(gw_interval_cut((gw_interval){n->away[i].start_ms, n->away[i].end_ms}, within));
    return ms;
}

/*
 * When nodes were away. A node that is deleted and comes back under its name was not paid for meanwhile; that
 * is known only where kube-state-metrics tells of other nodes of the cluster in a window and not of this one.
 * What lies behind its last sighting counts once it is seen again.
 */
static int note_nodes(gw_fold *f, gw_error *e)
{
    for (size_t i = 0; i < f->n_nodes; i++) {
        node_state *st = &f->nodes[i];
        const uint64_t *row = f->node_windows + i * f->window_words;
        const uint64_t *kube = gw_fold_kube_row(f, f->fleet->nodes[i].cluster);
        for (uint32_t w = 0; w < f->n_windows; w++) {
            if (window_bit(row, w)) {
                if (st->seen && st->in_kube)
                    st->n_away = st->n_spans;
                st->seen = true;
                st->n_spans = st->n_away;
            } else if (st->seen && kube && window_bit(kube, w)) {
                int64_t from = GW_MAX(f->slice.start_ms, f->base_ms + (int64_t)w * GW_WINDOW_MS);
                int64_t to = GW_MIN(f->slice.end_ms, f->base_ms + (int64_t)(w + 1) * GW_WINDOW_MS);
                if (add_away(st, from, to))
                    return gw_fail_memory(e);
            }
        }
    }
    return 0;
}

int gw_fold_sum(gw_fold *f, gw_error *e)
{
    unit_claims *claims;
    int rc = gw_fold_claims(f, &claims, e);
    rc = rc ? rc : fit_units(f, e);
    rc = rc ? rc : gw_fold_containers(f, e);
    rc = rc ? rc : note_nodes(f, e);
    return rc ? rc : gw_fold_book(f, claims, e);
}

int gw_fold_end(gw_fold *f, gw_error *e)
{
    /* from here on sums are made, and a slice is no longer read again: the bound was for its windows */
    f->arena.limit = SIZE_MAX;
    int rc = gw_fold_sum(f, e);
    f->usage->samples_total += f->slice_samples;
    f->usage->series_total += f->slice_series;
    gw_arena_free(&f->arena);
    gw_arena_init(&f->arena, SLICE_BYTES_MAX);
    f->n_tracks = 0;
    gw_map_free(&f->by_series);
    return rc;
}

/* Physical GPUs of a node: what the node says, unless it counts slices or replicas; else what was seen on it.
 */
int64_t gw_fold_physical_gpus(const gw_node *n, int64_t seen)
{
    bool slices = n->gpu_product && strstr(n->gpu_product, "-MIG-");
    if (n->gpu_count > 0 && !slices)
        return GW_MAX(n->gpu_count, seen);
    if (seen > 0 && (slices || n->allocatable_gpus <= seen))
        return seen;
    if (n->allocatable_gpus > 0 && n->allocatable_gpus % n->replicas == 0)
        return GW_MAX(seen, n->allocatable_gpus / n->replicas);
    return seen;
}

/*
 * Requests that exceed what a node has, beside the GPUs that its exporter accounts for, contradict each
 * other: what nobody observed gives way, since no node is paid for more GPU time than it has.
 */
static void trim_unobserved(gw_fold *f, uint32_t node, double excess_ms)
{
    gw_usage *u = f->usage;
    for (uint32_t x = 0; x < f->fleet->n_units; x++) {
        gw_unit_usage *unit = &u->units[x];
        if (f->fleet->units[x].node != node || f->fleet->units[x].gpu != GW_NONE || unit->paid <= 0)
            continue;
        double keep = keep_of(unit->paid, excess_ms);
        for (size_t h = 0; h < u->n_holds; h++) {
            if (u->holds[h].unit != x)
                continue;
            u->holds[h].stats.allocated *= keep;
            u->holds[h].stats.states[GW_STATE_UNKNOWN] = u->holds[h].stats.allocated;
        }
        unit->paid *= keep;
    }
}

int gw_fold_note_missing(gw_usage *u, gw_fleet *fl, uint32_t node, bool any_seen, double missing_ms,
                         double all_ms, gw_error *e)
{
    /* the first and last minutes of an exporter's life: in the sums, but not worth a line of their own */
    if (any_seen && missing_ms < 0.005 * all_ms)
        return 0;
    char what[512];
    snprintf(what, sizeof(what), "GPUs on node %.300s that no exporter reports", fl->nodes[node].name);
    const char *why =
        any_seen ? "the node has more GPU time than its DCGM series cover: an exporter that stopped, "
                   "started late, or a GPU that fell off the bus"
                 : "no DCGM series name this node: is dcgm-exporter running there?";
    return gw_usage_note_unknown(u, fl, missing_ms, what, why) ? gw_fail_memory(e) : 0;
}

/*
 * The time that a node's GPUs are paid for and no unit accounts for: GPUs that no exporter reports, or only
 * later, or no more. Where an exporter never reported any of a node's GPUs, the scheduler's word on what is
 * not requested stands: idle.
 */
static int close_node(gw_fold *f, uint32_t i, int64_t seen_gpus, double paid_ms, gw_error *e)
{
    gw_node *n = &f->fleet->nodes[i];
    int64_t count = gw_fold_physical_gpus(n, seen_gpus);
    const double there = (double)f->usage->node_ms[i];
    if (count <= 0 || (n->seen.start_ms == 0 && n->seen.end_ms == 0))
        return 0;
    n->gpu_count_guessed = n->gpu_count <= 0 && n->allocatable_gpus <= 0;
    n->gpu_count = count;
    double missing = (double)count * there - paid_ms;
    if (missing < -1)
        trim_unobserved(f, i, -missing);
    if (missing < 1)
        return 0;
    gw_str none = {"", 0};
    uint32_t u = gw_fleet_unit(f->fleet, GW_NONE, i, none, none, e);
    if (u == GW_NONE || gw_usage_fit(f->usage, f->fleet))
        return e ? e->code : GW_ENOMEM;
    gw_unit_usage *x = &f->usage->units[u];
    if (seen_gpus == 0 && f->usage->has_kube_state && n->allocatable_gpus >= 0) {
        x->idle.allocated += missing;
        x->idle.states[GW_STATE_UNKNOWN] += missing;
        x->paid += missing;
        return 0;
    }
    x->unknown += missing;
    x->paid += missing;
    return gw_fold_note_missing(f->usage, f->fleet, i, seen_gpus > 0, missing, (double)count * there, e);
}

/*
 * The most boards that each node had at one time, from each board's first report to its last: a board that
 * replaced another does not make two. Two that overlap by one hold are the one and its replacement.
 */
int gw_fold_count_boards(const gw_fleet *fl, int64_t *count, gw_error *e)
{
    uint32_t *first = gw_malloc((fl->n_nodes + 1) * sizeof(*first)),
             *next = gw_malloc((fl->n_gpus + 1) * sizeof(*next));
    if (!first || !next) {
        gw_free(first);
        gw_free(next);
        return gw_fail_memory(e);
    }
    memset(first, 0xff, (fl->n_nodes + 1) * sizeof(*first));
    for (uint32_t g = 0; g < fl->n_gpus; g++) {
        next[g] = first[fl->gpus[g].node];
        first[fl->gpus[g].node] = g;
    }
    for (uint32_t g = 0; g < fl->n_gpus; g++) {
        const gw_interval *seen = &fl->gpus[g].seen;
        int64_t at = GW_MIN(seen->start_ms + GW_HOLD_MAX_MS, seen->end_ms - 1), n = 0;
        for (uint32_t o = first[fl->gpus[g].node]; o != GW_NONE; o = next[o])
            n += fl->gpus[o].seen.start_ms <= at && fl->gpus[o].seen.end_ms > at;
        count[fl->gpus[g].node] = GW_MAX(count[fl->gpus[g].node], n);
    }
    gw_free(first);
    gw_free(next);
    return 0;
}

/* What part of the window the source has data of, and a line where it is not all of it: retention ends, or
 * the cluster is younger. */
int gw_fold_note_observed(gw_usage *u, gw_fleet *fl, gw_error *e)
{
    gw_interval seen = {0, 0}, whole = u->window;
    for (size_t i = 0; i < fl->n_nodes; i++) {
        gw_interval there = gw_interval_cut(fl->nodes[i].seen, whole);
        if (gw_interval_ms(there) > 0)
            gw_interval_cover(&seen, there.start_ms, there.end_ms);
    }
    if (gw_interval_ms(seen) == 0)
        return 0;
    u->observed = seen;
    int64_t missing = gw_interval_ms(whole) - gw_interval_ms(seen);
    if (missing <= 2 * GW_HOLD_MAX_MS)
        return 0;
    char what[256], why[256], a[GW_TIME_TEXT_MAX], b[GW_TIME_TEXT_MAX];
    snprintf(what, sizeof(what), "%s of the window", gw_duration_format(missing, a));
    snprintf(why, sizeof(why),
             "the source has data only from %s to %s; amounts are those of that time, and a month is "
             "reckoned from it",
             gw_time_format(seen.start_ms, a), gw_time_format(seen.end_ms, b));
    return gw_usage_note_unknown(u, fl, -1, what, why) ? gw_fail_memory(e) : 0;
}

int gw_fold_finish(gw_fold *f, gw_error *e)
{
    int rc = fit_units(f, e);
    rc = rc ? rc : gw_fold_fit_nodes(f, e);
    for (uint32_t u = 0; u < f->n_units && !rc; u++)
        rc = gw_fold_flush_pending(f, u, e);
    size_t n = f->fleet->n_nodes;
    double *paid = gw_calloc(n + 1, sizeof(*paid));
    int64_t *gpus = gw_calloc(n + 1, sizeof(*gpus));
    if (!rc && (!paid || !gpus))
        rc = gw_fail_memory(e);
    for (uint32_t u = 0; u < f->n_units && !rc; u++) {
        if (f->fleet->units[u].node != GW_NONE)
            paid[f->fleet->units[u].node] += f->usage->units[u].paid;
    }
    if (!rc && gw_usage_fit_nodes(f->usage, f->fleet))
        rc = gw_fail_memory(e);
    for (uint32_t i = 0; i < n && !rc; i++)
        f->usage->node_ms[i] =
            GW_MAX(0, f->usage->node_ms[i] - gw_fold_away_ms(&f->nodes[i], f->usage->window));
    if (!rc)
        rc = gw_fold_count_boards(f->fleet, gpus, e);
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = close_node(f, i, gpus[i], paid[i], e);
    gw_free(paid);
    gw_free(gpus);
    return rc ? rc : gw_fold_note_observed(f->usage, f->fleet, e);
}

static int read_slice(gw_source *source, gw_fold *f, gw_interval slice, gw_error *e)
{
    gw_interval range = {slice.start_ms - GW_HOLD_MAX_MS, slice.end_ms + GW_HOLD_MAX_MS};
    int rc = gw_fold_begin(f, slice, e);
    for (int g = 0; g < GW_N_FAMILY_GROUPS && !rc; g++)
        rc = source->read(source->self, (gw_family_group)g, range, gw_fold_sink(f), e);
    return rc ? rc : gw_fold_end(f, e);
}

static int no_gpus(const gw_source *s, const gw_usage *u, gw_error *e)
{
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    const char *where = s->describe ? s->describe(s->self) : "the source";
    gw_time_format(u->window.start_ms, from);
    gw_time_format(u->window.end_ms, to);
    if (u->series_total == 0)
        return gw_fail(
            e, GW_ENODATA,
            "%s has no data at all from %s to %s, of GPUs or else: check the window (--from, --to), this "
            "machine's clock, how far back the data go, and the tenant",
            where, from, to);
    return gw_fail(
        e, GW_ENODATA,
        "%s has data from %s to %s, but no GPU metrics (DCGM_FI_DEV_GPU_UTIL, "
        "DCGM_FI_PROF_SM_ACTIVE, ...) and no node or pod with nvidia.com/gpu: check that dcgm-exporter "
        "runs and is scraped",
        where, from, to);
}

int gw_observe(gw_source *source, const gw_observe_options *o, gw_fleet *fleet, gw_usage *usage, gw_error *e)
{
    gw_fold *f = gw_fold_new(fleet, usage, e);
    if (!f)
        return GW_ENOMEM;
    int rc = source->objects ? source->objects(source->self, fleet, e) : 0;
    int64_t length = o->slice_ms ? GW_MIN(o->slice_ms, SLICE_MAX_MS) : SLICE_MAX_MS;
    int64_t at = o->window.start_ms;
    while (at < o->window.end_ms && !rc) {
        /* slices end on the window grid, so that no window is torn */
        int64_t end = (at + length) / GW_WINDOW_MS * GW_WINDOW_MS;
        end = GW_MIN(end, o->window.end_ms);
        if (o->progress)
            o->progress(o->progress_ctx,
                        (double)(at - o->window.start_ms) / (double)gw_interval_ms(o->window),
                        "reading metrics");
        rc = read_slice(source, f, (gw_interval){at, end}, e);
        if (rc == GW_ELIMIT && end - at > SLICE_MIN_MS && f->arena.used > SLICE_BYTES_MAX / 2) {
            length = GW_MAX((end - at) / 2, SLICE_MIN_MS);
            rc = 0;
            continue;
        }
        at = end;
    }
    if (!rc)
        rc = gw_fold_finish(f, e);
    if (!rc && o->progress)
        o->progress(o->progress_ctx, 1, "reading metrics");
    if (!rc && fleet->n_units == 0)
        rc = no_gpus(source, usage, e);
    gw_fold_free(f);
    return rc;
}
