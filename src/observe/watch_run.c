/*
 * The end of a slice, without an end: the fold's own code runs over the windows, on a copy of what goes from
 * slice to slice and with a fleet that may be a copy. What it changes in the tracks is noted before and put
 * back after.
 */
#include "observe/watch_internal.h"

/* ---- what goes from slice to slice ---- */

void gw_carry_init(carry *c)
{
    *c = (carry){.typical_ms = INTERVAL_DEFAULT_MS};
    gw_map_init(&c->exporting);
    gw_map_init(&c->naming);
}

void gw_carry_free(carry *c)
{
    for (size_t i = 0; i < c->n_units; i++) {
        for (uint32_t l = 0; l < c->units[i].n_lumps; l++)
            gw_stats_free(&c->units[i].lumps[l].idle);
        gw_free(c->units[i].lumps);
    }
    for (size_t i = 0; i < c->n_nodes; i++)
        gw_free(c->nodes[i].away);
    gw_free(c->units);
    gw_free(c->nodes);
    gw_free(c->sums);
    gw_map_free(&c->exporting);
    gw_map_free(&c->naming);
    gw_carry_init(c);
}

static int add_names(gw_map *into, const gw_map *from)
{
    for (size_t i = 0; i < from->n; i++) {
        if (gw_map_set(into, (gw_str){from->entries[i].key, from->entries[i].key_len}, 1))
            return GW_ENOMEM;
    }
    return 0;
}

static int copy_units(carry *ret, const carry *c)
{
    if (gw_grow((void **)&ret->units, &ret->cap_units, c->n_units, sizeof(*ret->units), GW_FLEET_MAX_UNITS))
        return GW_ENOMEM;
    for (size_t i = 0; i < c->n_units; i++) {
        const unit_state *x = &c->units[i];
        ret->units[i] = (unit_state){.last_holder = x->last_holder,
                                     .last_how = x->last_how,
                                     .seen = x->seen,
                                     .old = x->lumps,
                                     .n_old = x->n_lumps};
    }
    ret->n_units = c->n_units;
    return 0;
}

static int copy_nodes(carry *ret, const carry *c)
{
    if (gw_grow((void **)&ret->nodes, &ret->cap_nodes, c->n_nodes, sizeof(*ret->nodes), GW_FLEET_MAX_NODES))
        return GW_ENOMEM;
    for (; ret->n_nodes < c->n_nodes; ret->n_nodes++) {
        const node_state *x = &c->nodes[ret->n_nodes];
        node_state *to = &ret->nodes[ret->n_nodes];
        *to = *x;
        to->away = NULL;
        to->cap_spans = x->n_spans;
        if (x->n_spans == 0)
            continue;
        to->away = gw_malloc(x->n_spans * sizeof(*to->away));
        if (!to->away)
            return GW_ENOMEM;
        memcpy(to->away, x->away, x->n_spans * sizeof(*to->away));
    }
    return 0;
}

int gw_carry_copy(carry *ret, const carry *c, gw_error *e)
{
    gw_carry_init(ret);
    ret->typical_ms = c->typical_ms;
    int rc = copy_units(ret, c);
    rc = rc ? rc : copy_nodes(ret, c);
    rc = rc ? rc
            : gw_grow((void **)&ret->sums, &ret->cap_sums, c->n_sums, sizeof(*ret->sums), GW_FLEET_MAX_PODS);
    if (!rc && c->n_sums)
        memcpy(ret->sums, c->sums, c->n_sums * sizeof(*ret->sums));
    ret->n_sums = rc ? 0 : c->n_sums;
    rc = rc ? rc : add_names(&ret->exporting, &c->exporting);
    rc = rc ? rc : add_names(&ret->naming, &c->naming);
    if (rc)
        gw_carry_free(ret);
    return rc ? gw_fail_memory(e) : 0;
}

/* ---- tracks: as they were ---- */

#define TOUCHED 2 /* windows that a hold of 5 minutes can reach into */

typedef struct track_before {
    const char *ns, *pod;
    span *spans, last;
    uint32_t n_spans, cap_spans;
    bool open;
    uint32_t first; /* window of the last sample */
    window *blocks[TOUCHED], windows[TOUCHED];
} track_before;

static uint32_t window_of(const gw_fold *f, int64_t t_ms)
{
    return (uint32_t)((GW_MAX(t_ms, f->slice.start_ms) - f->base_ms) / GW_WINDOW_MS);
}

static void note_track(const gw_fold *f, const track *k, track_before *b)
{
    *b = (track_before){.ns = k->ns,
                        .pod = k->pod,
                        .spans = k->spans,
                        .n_spans = k->n_spans,
                        .cap_spans = k->cap_spans,
                        .open = k->open};
    if (k->n_spans)
        b->last = k->spans[k->n_spans - 1];
    if (!k->open || !k->blocks || k->last_ms >= f->slice.end_ms)
        return;
    b->first = window_of(f, k->last_ms);
    for (uint32_t i = 0; i < TOUCHED && b->first + i < f->n_windows; i++) {
        uint32_t w = b->first + i;
        b->blocks[i] = k->blocks[w / BLOCK_WINDOWS];
        if (b->blocks[i])
            b->windows[i] = b->blocks[i][w % BLOCK_WINDOWS];
    }
}

static void restore_track(const gw_fold *f, track *k, const track_before *b)
{
    k->ns = b->ns;
    k->pod = b->pod;
    k->spans = b->spans;
    k->n_spans = b->n_spans;
    k->cap_spans = b->cap_spans;
    k->open = b->open;
    if (b->n_spans)
        b->spans[b->n_spans - 1] = b->last;
    if (!k->open || !k->blocks || k->last_ms >= f->slice.end_ms)
        return;
    for (uint32_t i = 0; i < TOUCHED && b->first + i < f->n_windows; i++) {
        uint32_t w = b->first + i;
        k->blocks[w / BLOCK_WINDOWS] = b->blocks[i];
        if (b->blocks[i])
            b->blocks[i][w % BLOCK_WINDOWS] = b->windows[i];
    }
}

/* ---- the run ---- */

void gw_part_free(part *p)
{
    for (size_t h = 0; h < p->hours.n; h++)
        gw_usage_free(&p->hours.of[h]);
    gw_free(p->hours.of);
    gw_usage_free(&p->facts);
    *p = (part){0};
}

static int make_part(const gw_watch *w, const open_slice *s, int64_t until_ms, const gw_usage *before,
                     part *prev, part *ret, gw_error *e)
{
    int64_t first = hour_of(s->slice.start_ms);
    size_t n = (size_t)((until_ms - first + GW_HOUR_MS - 1) / GW_HOUR_MS);
    *ret = (part){.slice = {s->slice.start_ms, until_ms}};
    ret->hours = (fold_hours){.first_ms = first, .prev = prev ? &prev->hours : NULL};
    gw_usage_init(&ret->facts, (gw_interval){w->o.start_ms, w->o.end_ms}, w->o.policy);
    ret->facts.has_kube_state = before->has_kube_state || s->facts.has_kube_state;
    ret->facts.has_cadvisor = before->has_cadvisor || s->facts.has_cadvisor;
    ret->facts.has_dcgm = before->has_dcgm || s->facts.has_dcgm;
    ret->facts.samples_total = s->fold->slice_samples;
    ret->facts.series_total = s->fold->slice_series;
    ret->hours.of = gw_malloc(n * sizeof(*ret->hours.of));
    if (!ret->hours.of || gw_grow((void **)&ret->facts.xids, &ret->facts.cap_xids, before->n_xids,
                                  sizeof(*before->xids), SIZE_MAX)) {
        gw_part_free(ret);
        return gw_fail_memory(e);
    }
    if (before->n_xids)
        memcpy(ret->facts.xids, before->xids, before->n_xids * sizeof(*before->xids));
    ret->facts.n_xids = before->n_xids;
    for (size_t h = 0; h < n; h++) {
        int64_t start = first + (int64_t)h * GW_HOUR_MS;
        gw_usage_init(&ret->hours.of[h], (gw_interval){start, start + GW_HOUR_MS}, w->o.policy);
    }
    ret->hours.n = n;
    return 0;
}

/* The open slice's fold, with state and sums of others. */
static gw_fold borrow(const gw_watch *w, const open_slice *s, const carry *c, gw_fleet *fleet, part *p)
{
    gw_fold f = *s->fold;
    f.fleet = fleet;
    f.usage = &p->facts;
    f.hours = &p->hours;
    f.held = &w->held;
    f.slice = p->slice;
    f.n_windows = (uint32_t)((f.slice.end_ms - f.base_ms + GW_WINDOW_MS - 1) / GW_WINDOW_MS);
    gw_arena_init(&f.arena, 0);
    gw_map_init(&f.clusters);
    f.exporting = c->exporting;
    f.naming = c->naming;
    f.typical_ms = c->typical_ms;
    f.units = c->units;
    f.n_units = c->n_units;
    f.cap_units = c->cap_units;
    f.nodes = c->nodes;
    f.n_nodes = c->n_nodes;
    f.cap_nodes = c->cap_nodes;
    f.sums = c->sums;
    f.n_sums = c->n_sums;
    f.cap_sums = c->cap_sums;
    return f;
}

static void give_back(const gw_fold *f, carry *c)
{
    c->typical_ms = f->typical_ms;
    c->units = f->units;
    c->n_units = f->n_units;
    c->cap_units = f->cap_units;
    c->nodes = f->nodes;
    c->n_nodes = f->n_nodes;
    c->cap_nodes = f->cap_nodes;
    c->sums = f->sums;
    c->n_sums = f->n_sums;
    c->cap_sums = f->cap_sums;
}

int gw_watch_run(const gw_watch *w, open_slice *s, int64_t until_ms, carry *c, gw_fleet *fleet,
                 const gw_usage *before, part *prev, part *ret, gw_error *e)
{
    if (add_names(&c->exporting, &s->fold->exporting) || add_names(&c->naming, &s->fold->naming))
        return gw_fail_memory(e);
    int rc = make_part(w, s, until_ms, before, prev, ret, e);
    if (rc)
        return rc;
    gw_fold f = borrow(w, s, c, fleet, ret);
    track_before *was = gw_malloc((f.n_tracks + 1) * sizeof(*was));
    for (size_t i = 0; i < f.n_tracks && was; i++)
        note_track(&f, f.tracks[i], &was[i]);
    rc = was ? gw_fold_sum(&f, e) : gw_fail_memory(e);
    for (size_t i = 0; i < f.n_tracks && was; i++)
        restore_track(&f, f.tracks[i], &was[i]);
    gw_free(was);
    give_back(&f, c);
    gw_map_free(&f.clusters);
    gw_arena_free(&f.arena);
    if (rc)
        gw_part_free(ret);
    return rc;
}
