/* Views: a window of the watch, copied and worked out to the end by the command line's own pipeline. */
#include "fleet/copy.h"
#include "serve/daemon_internal.h"

/* ---- cells --------------------------------------------------------------------------------------------- */

static uint8_t main_state(const gw_stats *s)
{
    int best = GW_STATE_UNKNOWN;
    for (int i = 0; i < GW_N_STATES; i++) {
        if (s->states[i] > s->states[best])
            best = i;
    }
    return (uint8_t)best;
}

/* What held time and idle time of a unit come to. */
typedef struct cell_sum {
    gw_quantity compute, memory;
    double held;
} cell_sum;

static void add_quantity(gw_quantity *to, const gw_quantity *q)
{
    to->integral += q->integral;
    to->known += q->known;
}

static void fill_hour(gw_view *v, const gw_usage *u, size_t hour, cell_sum *sums)
{
    memset(sums, 0, v->p.fleet.n_units * sizeof(*sums));
    for (size_t i = 0; i < u->n_holds; i++) {
        const gw_hold *h = &u->holds[i];
        if (h->unit >= v->p.fleet.n_units || h->stats.allocated <= 0)
            continue;
        gw_cell *c = &v->cells[h->unit * v->n_hours + hour];
        cell_sum *s = &sums[h->unit];
        add_quantity(&s->compute, &h->stats.compute);
        add_quantity(&s->memory, &h->stats.memory);
        c->shared |= h->shared;
        if (h->stats.allocated > s->held) {
            s->held = h->stats.allocated;
            c->pod = h->pod;
            c->state = main_state(&h->stats);
        }
    }
    for (size_t x = 0; x < u->n_units && x < v->p.fleet.n_units; x++) {
        gw_cell *c = &v->cells[x * v->n_hours + hour];
        const gw_unit_usage *unit = &u->units[x];
        cell_sum *s = &sums[x];
        uint32_t node = v->p.fleet.units[x].node;
        add_quantity(&s->compute, &unit->idle.compute);
        add_quantity(&s->memory, &unit->idle.memory);
        c->there = unit->paid > 0;
        c->compute = (float)gw_quantity_mean(&s->compute);
        c->memory = (float)gw_quantity_mean(&s->memory);
        gw_micro gpu_hour = node == GW_NONE ? GW_MICRO_UNKNOWN : v->p.book.nodes[node].gpu_hourly;
        if (gpu_hour != GW_MICRO_UNKNOWN)
            c->cost = (gw_micro)((double)gpu_hour * unit->paid / (double)GW_HOUR_MS + 0.5);
    }
}

static int make_cells(gw_daemon *d, gw_view *v, gw_error *e)
{
    size_t n_units = v->p.fleet.n_units, n = 0;
    cell_sum *sums = gw_calloc(n_units + 1, sizeof(*sums));
    v->hours = gw_calloc(gw_watch_hours(d->watch) + 1, sizeof(*v->hours));
    for (size_t i = 0; v->hours && i < gw_watch_hours(d->watch); i++) {
        gw_interval when = gw_watch_hour_at(d->watch, i).when;
        if (gw_interval_ms(gw_interval_cut(when, v->window)) > 0)
            v->hours[n++] = when;
    }
    v->n_hours = n;
    v->cells = gw_calloc(n_units * n + 1, sizeof(*v->cells));
    if (!sums || !v->hours || !v->cells) {
        gw_free(sums);
        return gw_fail_memory(e);
    }
    for (size_t i = 0; i < n_units * n; i++)
        v->cells[i] = (gw_cell){-1, -1, GW_MICRO_UNKNOWN, GW_NONE, GW_STATE_UNKNOWN, false, false};
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        gw_usage u;
        rc = gw_watch_merge(d->watch, v->hours[i], &v->p.fleet, &u, e);
        if (rc)
            break;
        fill_hour(v, &u, i, sums);
        gw_usage_free(&u);
    }
    gw_free(sums);
    return rc;
}

/* ---- making -------------------------------------------------------------------------------------------- */

/* What was left out, as the command line says it. */
static int note_missing(gw_daemon *d, gw_view *v, gw_error *e)
{
    int rc = 0;
    if (d->base.source.warnings) {
        v->p.source = (gw_source){.self = d->base.source.self, .warnings = d->base.source.warnings};
        rc = gw_pipeline_take_warnings(&v->p, e);
        v->p.source = (gw_source){0};
    }
    if (rc == 0 && d->base.doubt)
        rc = gw_usage_note_unknown(&v->p.usage, &v->p.fleet, -1, "the times of the samples", d->base.doubt)
                 ? gw_fail_memory(e)
                 : 0;
    if (rc == 0 && *d->kube_failure)
        rc = gw_pipeline_lack_objects(&v->p, d->kube_failure, e);
    v->p.partial |= d->base.partial;
    return rc;
}

static int observe(gw_daemon *d, gw_view *v, gw_interval window, gw_error *e)
{
    gw_pipeline *p = &v->p;
    if (gw_watch_hours(d->watch) == 0)
        return gw_fail(e, GW_ENODATA, "nothing has been read yet: /api/v1/status says why");
    gw_interval held = {gw_watch_hour_at(d->watch, 0).when.start_ms, gw_watch_judged(d->watch)};
    gw_interval want = gw_interval_ms(window) ? gw_interval_cut(window, held) : held;
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    /* less than was asked for would pass for all of it */
    bool older = gw_interval_ms(window) && window.start_ms < held.start_ms - GW_HOUR_MS;
    if (gw_interval_ms(want) == 0 || older)
        return gw_fail(
            e, GW_EWINDOW,
            "the daemon holds %s to %s in memory; ask within it, start it with a longer --window, or "
            "ask /api/v1/history, which reaches back further",
            gw_time_format(held.start_ms, from), gw_time_format(held.end_ms, to));
    gw_usage u;
    int rc = gw_fleet_clone(&p->fleet, gw_watch_fleet(d->watch), e);
    if (rc == 0)
        rc = gw_watch_merge(d->watch, want, &p->fleet, &u, e);
    if (rc)
        return rc;
    gw_usage_free(&p->usage);
    p->usage = u;
    p->window = v->window = u.window;
    return note_missing(d, v, e);
}

static int describe(gw_daemon *d, gw_view *v, gw_error *e)
{
    gw_pipeline *p = &v->p;
    const char *source = d->base.source.describe ? d->base.source.describe(d->base.source.self) : NULL;
    const char *kube = d->base.kube ? gw_kube_describe(d->base.kube) : NULL;
    p->source_name = source ? gw_arena_printf(&p->arena, "%s", source) : NULL;
    p->kube_name = kube ? gw_arena_printf(&p->arena, "%s", kube) : NULL;
    p->source_flags = d->base.source_flags;
    return (source && !p->source_name) || (kube && !p->kube_name) ? gw_fail_memory(e) : 0;
}

static int make(gw_daemon *d, gw_interval window, bool cells, gw_view **ret, gw_error *e)
{
    gw_view *v = gw_view_new();
    if (!v)
        return gw_fail_memory(e);
    pthread_mutex_lock(&d->observed);
    v->generation = gw_daemon_generation(d);
    v->p.prices = d->base.prices;
    v->p.borrows_prices = true;
    int rc = observe(d, v, window, e);
    if (rc == 0)
        rc = describe(d, v, e);
    if (rc == 0)
        rc = gw_pipeline_prepare(&v->p, &d->config->options, e);
    if (rc == 0)
        rc = gw_pipeline_settle(&v->p, &d->config->options, e);
    if (rc == 0 && cells)
        rc = make_cells(d, v, e);
    pthread_mutex_unlock(&d->observed);
    if (rc)
        gw_view_release(v);
    else
        *ret = v;
    return rc;
}

/* ---- keeping ------------------------------------------------------------------------------------------- */

static bool same_window(gw_interval a, gw_interval b)
{
    return a.start_ms == b.start_ms && a.end_ms == b.end_ms;
}

/* With a reference of the caller's; NULL: none is kept. */
static gw_view *find(gw_daemon *d, gw_interval window, bool cells)
{
    gw_view *found = NULL;
    pthread_mutex_lock(&d->state);
    for (size_t i = 0; i < GW_VIEWS_MAX && !found; i++) {
        gw_view *v = d->views[i];
        if (v && v->generation == d->generation && same_window(d->asked[i], window) && (v->cells || !cells)) {
            found = gw_view_hold(v);
            d->used[i] = ++d->ticks;
        }
    }
    pthread_mutex_unlock(&d->state);
    return found;
}

/* In place of an outdated one, else of the one that nobody asked for longest. */
static void keep(gw_daemon *d, gw_interval window, gw_view *v)
{
    size_t at = 0;
    pthread_mutex_lock(&d->state);
    for (size_t i = 0; i < GW_VIEWS_MAX; i++) {
        bool outdated =
            !d->views[i] || d->views[i]->generation != d->generation || same_window(d->asked[i], window);
        uint64_t age = outdated ? 0 : d->used[i];
        uint64_t best = !d->views[at] || d->views[at]->generation != d->generation ? 0 : d->used[at];
        if (age < best)
            at = i;
    }
    gw_view *old = d->views[at];
    d->views[at] = gw_view_hold(v);
    d->asked[at] = window;
    d->used[at] = ++d->ticks;
    pthread_mutex_unlock(&d->state);
    gw_view_release(old);
}

void gw_daemon_drop_views(gw_daemon *d)
{
    for (size_t i = 0; i < GW_VIEWS_MAX; i++) {
        pthread_mutex_lock(&d->state);
        gw_view *v = d->views[i];
        d->views[i] = NULL;
        pthread_mutex_unlock(&d->state);
        gw_view_release(v);
    }
}

int gw_daemon_view(gw_daemon *d, gw_interval window, bool cells, gw_view **ret, gw_error *e)
{
    gw_view *v = find(d, window, cells);
    if (!v) {
        int rc = make(d, window, cells, &v, e);
        if (rc)
            return rc;
        keep(d, window, v);
    }
    *ret = v;
    return 0;
}

/* ---- the plan ------------------------------------------------------------------------------------------ */

static int refuse_stale(gw_daemon *d, gw_error *e)
{
    gw_daemon_status s;
    gw_daemon_status_get(d, &s);
    if (s.state == GW_DAEMON_READY)
        return 0;
    return gw_fail(e, GW_ENODATA, "nothing is advised while the data are %s: %s",
                   gw_daemon_state_name(s.state), s.n_reasons ? s.reasons[0] : "see /api/v1/status");
}

int gw_daemon_plan(gw_daemon *d, gw_view *v, gw_error *e)
{
    int rc = refuse_stale(d, e);
    if (rc)
        return rc;
    if (!v->plan_tried) {
        gw_plan_setup setup;
        v->plan_tried = true;
        rc = gw_plan_setup_open(&d->config->options, &setup, &v->plan_error);
        if (rc == 0) {
            rc = gw_plan_setup_make(&setup, &v->p, &v->plan, &v->plan_error);
            gw_plan_setup_free(&setup);
        }
        v->has_plan = rc == 0;
    }
    if (!v->has_plan && e)
        *e = v->plan_error;
    return v->has_plan ? 0 : v->plan_error.code;
}
