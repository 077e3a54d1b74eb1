/*
 * The end of a slice, second half: windows × claims → sums.
 *
 * Each unit's time is walked window by window; inside a window, segment by segment between the borders of
 * claims. A segment has holders, or the exporter says that nobody holds the unit, or nobody says anything.
 * Time of the latter two kinds is pending until the next holder is known: a pod holds its GPU from its first
 * to its last sample, so what lies between two stretches of the same pod is the pod's.
 */
#include "observe/fold_internal.h"

#define BUSY_COMPUTE 0.05 /* a window mean above this is work, not the noise of an idle GPU */

/* The window's readings of the series that name one pod (or none). */
typedef struct slot {
    uint32_t pod;
    size_t first_track, n_tracks;
    int64_t from_ms, to_ms; /* that its samples cover, with gaps */
    double claimed_ms;      /* of this window */
    const window *best[M_XID];
    double scale[M_XID];
} slot;

typedef struct reading {
    bool known;
    double mean, max, part; /* part: the share of the segment that it covers, 0..1 */
} reading;

typedef struct scene {
    gw_fold *f;
    gw_usage *to; /* where the sums of the window go */
    const unit_claims *u;
    uint32_t unit;
    double weight;
    int64_t start_ms, end_ms; /* the window, cut to the slice */
    slot *slots;              /* one for each pod that the unit's series name */
    size_t n_slots;
    const claim **holders; /* room for every claim */
    bool naming; /* a job reports it that names pods: a series without one says that there is none */
    uint32_t last_pod, last_hold; /* whose hold was looked up last */
    int64_t replicas;
} scene;

static int make_slots(scene *s, gw_error *e)
{
    const unit_claims *u = s->u;
    s->slots = GW_NEW_ARRAY(&s->f->arena, slot, u->n_tracks + 1);
    s->holders = GW_NEW_ARRAY(&s->f->arena, const claim *, u->n + 1);
    if (!s->slots || !s->holders)
        return gw_fail_memory(e);
    for (size_t i = 0; i < u->n_tracks; i++) {
        const track *k = u->tracks[i];
        slot *x = s->n_slots ? &s->slots[s->n_slots - 1] : NULL;
        if (!x || x->pod != k->pod_index) {
            x = &s->slots[s->n_slots++];
            *x = (slot){.pod = k->pod_index, .first_track = i, .from_ms = INT64_MAX, .to_ms = INT64_MIN};
        }
        x->n_tracks++;
        s->naming |= gw_map_get(&s->f->naming, gw_str_of(k->job)) != GW_NONE;
        if (k->n_spans) {
            x->from_ms = GW_MIN(x->from_ms, k->spans[0].start_ms);
            x->to_ms = GW_MAX(x->to_ms, k->spans[k->n_spans - 1].end_ms);
        }
    }
    return 0;
}

/* Of several series of one measure (replicas of Prometheus, containers of the pod) the one that covers most
 * of the window speaks. */
static void read_window(scene *s, uint32_t w)
{
    for (size_t i = 0; i < s->n_slots; i++) {
        slot *x = &s->slots[i];
        memset(x->best, 0, sizeof(x->best));
        x->claimed_ms = 0;
        if (x->to_ms <= s->start_ms || x->from_ms >= s->end_ms)
            continue;
        for (size_t t = 0; t < x->n_tracks; t++) {
            const track *k = s->u->tracks[x->first_track + t];
            const window *win = track_window(k, w);
            if (win && win->ms && (!x->best[k->what] || win->ms > x->best[k->what]->ms)) {
                x->best[k->what] = win;
                x->scale[k->what] = k->scale;
            }
        }
    }
}

static slot *slot_of(scene *s, uint32_t pod)
{
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].pod == pod)
            return &s->slots[i];
    }
    return NULL;
}

static reading read_slot(const slot *x, measure m, double base_ms)
{
    const window *w = x ? x->best[m] : NULL;
    if (!w)
        return (reading){0};
    double part = base_ms > 0 ? (double)w->ms / base_ms : 1;
    return (reading){true, w->sum / w->ms * x->scale[m], (double)w->max * x->scale[m], GW_MIN(part, 1)};
}

/*
 * What a holder's unit did: by the series that name the holder; else by whatever series of the unit covers
 * most of the window (the arbitrary pod that is named on a time-sliced GPU, or an exporter that names none).
 */
static reading read_for(scene *s, const slot *own, measure m)
{
    if (own && own->best[m])
        return read_slot(own, m, own->claimed_ms);
    const slot *other = NULL;
    for (size_t i = 0; i < s->n_slots; i++) {
        const slot *x = &s->slots[i];
        if (x->best[m] && (!other || x->best[m]->ms > other->best[m]->ms))
            other = x;
    }
    return read_slot(other, m, (double)(s->end_ms - s->start_ms));
}

static reading read_compute(scene *s, const slot *own, gw_signal *ret_signal)
{
    for (int m = 0; m < GW_N_COMPUTE_SIGNALS; m++) {
        reading r = read_for(s, own, (measure)m);
        if (r.known) {
            *ret_signal = (gw_signal)m;
            r.mean = GW_MIN(r.mean, 1);
            r.max = GW_MIN(r.max, 1);
            return r;
        }
    }
    return (reading){0};
}

/* Framebuffer: used, and used / (used + free), which is DCGM's own FB_USED_PERCENT; the total is learned
 * where free is reported. */
static reading read_memory(scene *s, const slot *own, reading *ret_mib)
{
    gw_fleet *fl = s->f->fleet;
    gw_unit *u = &fl->units[s->unit];
    reading used = read_for(s, own, M_FB_USED), spare = read_for(s, own, M_FB_FREE);
    *ret_mib = used;
    if (!used.known)
        return used;
    double total = used.mean + spare.mean;
    if (spare.known && total > 0) {
        u->memory_mib = (int64_t)(total + 0.5);
        if (!u->mig_profile && u->gpu != GW_NONE)
            fl->gpus[u->gpu].memory_mib = u->memory_mib;
    } else if (u->memory_mib > 0) {
        total = (double)u->memory_mib;
    } else if (!u->mig_profile && fl->nodes[u->node].gpu_memory_mib > 0) {
        total = (double)fl->nodes[u->node].gpu_memory_mib;
    } else {
        return (reading){0};
    }
    return (reading){true, GW_MIN(used.mean / total, 1), GW_MIN(used.max / total, 1), used.part};
}

static void add_quantity(gw_quantity *q, reading r, double gpu_ms)
{
    if (!r.known)
        return;
    q->integral += r.mean * gpu_ms * r.part;
    q->known += gpu_ms * r.part;
    q->peak = GW_MAX(q->peak, r.max);
}

static int add_hist(gw_hist **h, reading r, double gpu_ms)
{
    if (!r.known)
        return 0;
    if (!*h && !(*h = gw_calloc(1, sizeof(**h))))
        return GW_ENOMEM;
    int bin = (int)(r.mean * GW_HIST_BINS);
    /* a mean on the border of two bins belongs to the lower one, so that 0.25 reads as 0.25; also where it
     * was summed in another order, and is off by a rounding */
    if (bin > 0 && (double)bin / GW_HIST_BINS + 1e-12 >= r.mean)
        bin--;
    (*h)->bin[GW_MIN(bin, GW_HIST_BINS - 1)] += (float)(gpu_ms * r.part);
    return 0;
}

static void add_state(gw_stats *s, const gw_state_policy *p, reading compute, reading memory, double gpu_ms)
{
    double part = compute.known && memory.known ? GW_MIN(compute.part, memory.part) : 0;
    if (part > 0) {
        bool c = compute.mean >= p->compute_high, m = memory.mean >= p->memory_high;
        s->states[c ? (m ? GW_STATE_HIGH_HIGH : GW_STATE_HIGH_LOW)
                    : (m ? GW_STATE_LOW_HIGH : GW_STATE_LOW_LOW)] += gpu_ms * part;
    }
    s->states[GW_STATE_UNKNOWN] += gpu_ms * (1 - part);
}

/*
 * Books gpu_ms of one window to s. `busy`: the factor from the unit's compute to that of this holder's part
 * of it (1 on a unit of its own).
 */
static int add_stats(scene *s, gw_stats *to, uint32_t pod, double gpu_ms, double busy, int64_t start,
                     int64_t end)
{
    const slot *own = slot_of(s, pod);
    gw_signal signal = GW_SIGNAL_GPU_UTIL;
    reading mib, c = read_compute(s, own, &signal), m = read_memory(s, own, &mib);
    reading dram = read_for(s, own, M_DRAM), copy = read_for(s, own, M_COPY);
    c.mean = GW_MIN(c.mean * busy, 1);
    if (add_hist(&to->compute_hist, c, gpu_ms) || add_hist(&to->memory_hist, m, gpu_ms))
        return GW_ENOMEM;
    to->allocated += gpu_ms;
    add_quantity(&to->compute, c, gpu_ms);
    add_quantity(&to->memory, m, gpu_ms);
    add_quantity(&to->memory_mib, mib, gpu_ms);
    add_quantity(&to->dram, dram, gpu_ms);
    add_quantity(&to->copy, copy, gpu_ms);
    add_quantity(&to->tensor, read_for(s, own, M_TENSOR), gpu_ms);
    add_quantity(&to->power_watts, read_for(s, own, M_POWER), gpu_ms);
    add_state(to, &s->f->usage->policy, c, m, gpu_ms);
    if (c.known) {
        double windows = (double)(end - start) / (double)GW_WINDOW_MS * c.part;
        to->known += gpu_ms * c.part;
        to->used += c.mean * gpu_ms * c.part;
        to->by_signal[signal] += gpu_ms * c.part;
        to->window_mean_max = GW_MAX(to->window_mean_max, c.mean);
        to->known_windows += windows;
        to->active_windows += c.mean > 0.01 ? windows : 0;
    }
    if (c.known && (dram.known || copy.known)) {
        double part = GW_MIN(c.part, GW_MAX(dram.part, copy.part));
        double moving = GW_MAX(dram.known ? dram.mean : 0, copy.known ? copy.mean : 0);
        to->memory_bound_known += gpu_ms * part;
        if (c.mean < s->f->usage->policy.compute_high && moving >= s->f->usage->policy.dram_high)
            to->memory_bound += gpu_ms * part;
    }
    gw_interval seen = {to->first_ms, to->end_ms};
    gw_interval_cover(&seen, start, end);
    to->first_ms = seen.start_ms;
    to->end_ms = seen.end_ms;
    return 0;
}

/* ---- time that may turn out to be the last holder's ---- */

#define LUMPS_MAX ((size_t)100000) /* of one unit: eleven years of hours */

/* The lump for what happens at t_ms. NULL for want of memory. */
static lump *lump_at(const gw_fold *f, unit_state *st, int64_t t_ms)
{
    int64_t hour = f->hours ? hour_of(t_ms) : 0;
    if (st->n_lumps && st->lumps[st->n_lumps - 1].hour_ms == hour)
        return &st->lumps[st->n_lumps - 1];
    size_t cap = st->cap_lumps;
    if (gw_grow((void **)&st->lumps, &cap, st->n_lumps + 1, sizeof(*st->lumps), LUMPS_MAX))
        return NULL;
    st->cap_lumps = (uint32_t)cap;
    lump *l = &st->lumps[st->n_lumps++];
    *l = (lump){.hour_ms = hour};
    gw_stats_init(&l->idle);
    return l;
}

static void drop_lumps(unit_state *st)
{
    for (uint32_t i = 0; i < st->n_lumps; i++)
        gw_stats_free(&st->lumps[i].idle);
    st->n_lumps = 0;
    st->gaps = false;
}

/* What is pending is nobody's: idle, or unknown. */
static int flush_lump(gw_unit_usage *u, lump *l)
{
    if (gw_stats_merge(&u->idle, &l->idle))
        return GW_ENOMEM;
    gw_stats_free(&l->idle);
    u->unknown += l->unknown;
    l->unknown = 0;
    return 0;
}

int gw_fold_flush_pending(gw_fold *f, uint32_t unit, gw_error *e)
{
    unit_state *st = &f->units[unit];
    for (uint32_t i = 0; i < st->n_lumps; i++) {
        if (flush_lump(&sums_at(f, st->lumps[i].hour_ms)->units[unit], &st->lumps[i]))
            return gw_fail_memory(e);
    }
    if (st->fate == LUMP_OPEN)
        st->fate = LUMP_IDLE;
    return 0;
}

/* ... is the holder's: the time, and what was reported meanwhile where `idle`. */
static int give_lump(gw_usage *to, uint32_t unit, uint32_t holder, gw_hold_how how, bool idle, lump *l)
{
    uint32_t h = gw_usage_hold(to, unit, holder);
    if (h == GW_NONE)
        return GW_ENOMEM;
    gw_stats *s = &to->holds[h].stats;
    if (s->allocated <= 0)
        to->holds[h].how = how; /* in this hour it has nothing else */
    s->allocated += l->unknown;
    s->states[GW_STATE_UNKNOWN] += l->unknown;
    l->unknown = 0;
    if (idle) {
        if (gw_stats_merge(s, &l->idle))
            return GW_ENOMEM;
        gw_stats_free(&l->idle);
    }
    return 0;
}

/* Time between two stretches of the same pod is the pod's, unless kube-state-metrics knows that it had ended
 * or not begun. */
static int settle_pending(gw_fold *f, uint32_t unit, uint32_t holder, gw_error *e)
{
    unit_state *st = &f->units[unit];
    bool same = holder != GW_NONE && holder == st->last_holder;
    bool idle = same && f->pods[holder].active.start_ms >= f->pods[holder].active.end_ms;
    if (st->fate == LUMP_OPEN && same) {
        st->fate = LUMP_HELD;
        st->fate_holder = holder;
        st->fate_how = st->last_how;
        st->fate_idle = idle;
    }
    for (uint32_t i = 0; i < st->n_lumps; i++) {
        lump *l = &st->lumps[i];
        bool pending = l->idle.allocated > 0 || l->unknown > 0;
        if (same && pending && give_lump(sums_at(f, l->hour_ms), unit, holder, st->last_how, idle, l))
            return gw_fail_memory(e);
    }
    int rc = gw_fold_flush_pending(f, unit, e);
    if (!rc)
        drop_lumps(st);
    return rc;
}

/* The unit is reported again: what was open since is pending. */
static void close_gaps(gw_fold *f, uint32_t unit)
{
    unit_state *st = &f->units[unit];
    st->reported |= st->fate == LUMP_OPEN;
    for (uint32_t i = 0; i < st->n_lumps && st->gaps; i++) {
        lump *l = &st->lumps[i];
        /* idle where the scheduler knew of no holder, else open */
        l->idle.allocated += l->gap;
        l->idle.states[GW_STATE_UNKNOWN] += l->gap;
        l->unknown += l->dark;
        sums_at(f, l->hour_ms)->units[unit].paid += l->gap + l->dark;
        l->gap = l->dark = 0;
    }
    st->gaps = false;
}

int gw_fold_apply_lump(gw_usage *to, uint32_t unit, const unit_state *st, const lump *l)
{
    lump now = *l; /* its histograms are the lump's */
    now.idle.borrows = true;
    gw_unit_usage *u = &to->units[unit];
    if (st->reported) {
        now.idle.allocated += l->gap;
        now.idle.states[GW_STATE_UNKNOWN] += l->gap;
        now.unknown += l->dark;
        u->paid += l->gap + l->dark;
    }
    bool pending = now.idle.allocated > 0 || now.unknown > 0;
    if (st->fate == LUMP_HELD && pending &&
        give_lump(to, unit, st->fate_holder, st->fate_how, st->fate_idle, &now))
        return GW_ENOMEM;
    return flush_lump(u, &now);
}

static uint32_t hold_of(scene *s, uint32_t pod)
{
    if (s->last_hold == GW_NONE || s->last_pod != pod) {
        s->last_pod = pod;
        s->last_hold = gw_usage_hold(s->to, s->unit, pod);
    }
    return s->last_hold;
}

static int book_held(scene *s, const claim *const *holders, size_t n, int64_t start, int64_t end, gw_error *e)
{
    gw_fold *f = s->f;
    unit_state *st = &f->units[s->unit];
    gw_unit_usage *u = &s->to->units[s->unit];
    double ms = (double)(end - start) * s->weight;
    double share = 1.0 / (double)GW_MAX(s->replicas, (int64_t)n);
    int rc = settle_pending(f, s->unit, n == 1 ? holders[0]->pod : GW_NONE, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        uint32_t h = hold_of(s, holders[i]->pod);
        if (h == GW_NONE)
            return gw_fail_memory(e);
        gw_hold *hold = &s->to->holds[h];
        bool fresh = hold->stats.allocated <= 0;
        hold->how = fresh ? holders[i]->how : GW_MIN(hold->how, holders[i]->how);
        hold->shared |= n > 1 || s->replicas > 1;
        /* all the work is the holders', in equal parts, and none does more than its part allows */
        if (add_stats(s, &hold->stats, holders[i]->pod, ms * share, 1.0 / ((double)n * share), start, end))
            return gw_fail_memory(e);
    }
    double spare = 1 - share * (double)n;
    if (spare > 1e-9 && add_stats(s, &u->idle, GW_NONE, ms * spare, 0, start, end))
        return gw_fail_memory(e);
    u->paid += ms;
    st->last_holder = n == 1 ? holders[0]->pod : GW_NONE;
    st->last_how = n == 1 ? s->to->holds[s->last_hold].how : GW_HOLD_NAMED;
    return 0;
}

static bool kube_knows(const gw_fold *f, uint32_t unit, int64_t start, int64_t end)
{
    uint32_t node = f->fleet->units[unit].node;
    if (!f->usage->has_kube_state || node == GW_NONE || f->fleet->nodes[node].allocatable_gpus < 0)
        return false;
    return gw_fold_requests_known(f, start, end);
}

/*
 * Whether a series without a pod means that no pod holds the unit. An exporter that cannot see pods names
 * none either; only one that has named others, or kube-state-metrics, makes it a statement. And a GPU that
 * works is held by somebody, whoever that is.
 */
static bool nobody_holds(scene *s, int64_t start, int64_t end)
{
    const slot *none = slot_of(s, GW_NONE);
    gw_signal signal;
    if (!s->naming && !kube_knows(s->f, s->unit, start, end))
        return false;
    reading r = read_compute(s, none, &signal);
    return !r.known || r.mean <= BUSY_COMPUTE;
}

/*
 * Whether a unit that nothing is said of in this window can have been there: not while its node was away, and
 * not while its board was reported in another partition.
 */
static bool was_there(const scene *s)
{
    const gw_fold *f = s->f;
    const gw_unit *u = &f->fleet->units[s->unit];
    uint32_t w = (uint32_t)((s->start_ms - f->base_ms) / GW_WINDOW_MS);
    const uint64_t *kube = gw_fold_kube_row(f, f->fleet->nodes[u->node].cluster);
    if (u->mig_profile && window_bit(board_row(f, u->gpu, 0), w))
        return false;
    return !f->nodes[u->node].in_kube || !kube || !window_bit(kube, w) ||
           window_bit(f->node_windows + (size_t)u->node * f->window_words, w);
}

static int book_gap(scene *s, double ms, int64_t start, int64_t end, gw_error *e)
{
    unit_state *st = &s->f->units[s->unit];
    lump *l = lump_at(s->f, st, start);
    if (!l)
        return gw_fail_memory(e);
    st->gaps = true;
    *(kube_knows(s->f, s->unit, start, end) ? &l->gap : &l->dark) += ms;
    return 0;
}

static int book_segment(scene *s, const claim *const *live, size_t n_live, int64_t start, int64_t end,
                        gw_error *e)
{
    size_t n = 0;
    bool reported = false;
    for (size_t i = 0; i < n_live; i++) {
        if (live[i]->start_ms > start || live[i]->end_ms < end)
            continue;
        reported = true;
        if (live[i]->pod != GW_NONE)
            s->holders[n++] = live[i];
    }
    unit_state *st = &s->f->units[s->unit];
    double ms = (double)(end - start) * s->weight;
    if (!reported)
        return st->seen && was_there(s) ? book_gap(s, ms, start, end, e) : 0;
    st->seen = true;
    close_gaps(s->f, s->unit);
    if (n)
        return book_held(s, s->holders, n, start, end, e);
    s->to->units[s->unit].paid += ms;
    lump *l = lump_at(s->f, st, start);
    if (!l)
        return gw_fail_memory(e);
    if (!nobody_holds(s, start, end)) {
        l->unknown += ms;
        return 0;
    }
    return add_stats(s, &l->idle, GW_NONE, ms, 1, start, end) ? gw_fail_memory(e) : 0;
}

static void add_heat(scene *s)
{
    const gw_fold *f = s->f;
    const gw_usage *to = s->to;
    uint32_t gpu = f->fleet->units[s->unit].gpu;
    gw_signal signal;
    reading r = read_compute(s, slot_of(s, GW_NONE), &signal);
    double known = r.part * (double)(s->end_ms - s->start_ms) * s->weight;
    int64_t whole = gw_interval_ms(to->window);
    if (!r.known || gpu == GW_NONE || whole <= 0)
        return;
    int64_t column = (s->start_ms - to->window.start_ms) * GW_HEAT_COLUMNS / whole;
    gw_heat *h = &to->heat[gpu][GW_MAX(0, GW_MIN(column, GW_HEAT_COLUMNS - 1))];
    h->integral += (float)(r.mean * known);
    h->known += (float)known;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int book_window(scene *s, const claim **live, size_t n_live, int64_t *borders, gw_error *e)
{
    size_t n = 0;
    borders[n++] = s->start_ms;
    borders[n++] = s->end_ms;
    for (size_t i = 0; i < n_live; i++) {
        int64_t from = GW_MAX(live[i]->start_ms, s->start_ms), to = GW_MIN(live[i]->end_ms, s->end_ms);
        slot *x = slot_of(s, live[i]->pod);
        if (x)
            x->claimed_ms += (double)GW_MAX(0, to - from);
        if (from > s->start_ms && from < s->end_ms)
            borders[n++] = from;
        if (to > s->start_ms && to < s->end_ms)
            borders[n++] = to;
    }
    if (n > 2)
        qsort(borders, n, sizeof(*borders), by_time);
    for (size_t i = 0; i + 1 < n; i++) {
        if (borders[i] < borders[i + 1]) {
            int rc = book_segment(s, live, n_live, borders[i], borders[i + 1], e);
            if (rc)
                return rc;
        }
    }
    return 0;
}

static int book_unit(gw_fold *f, uint32_t unit, const unit_claims *u, gw_error *e)
{
    const gw_unit *x = &f->fleet->units[unit];
    scene s = {.f = f, .u = u, .unit = unit, .weight = x->weight, .last_hold = GW_NONE};
    s.replicas = x->mig_profile ? 1 : f->fleet->nodes[x->node].replicas;
    int rc = make_slots(&s, e);
    if (rc)
        return rc;
    const claim **live = GW_NEW_ARRAY(&f->arena, const claim *, u->n + 1);
    int64_t *borders = GW_NEW_ARRAY(&f->arena, int64_t, 2 * u->n + 2);
    if (!live || !borders)
        return gw_fail_memory(e);
    size_t next = 0, n_live = 0;
    for (uint32_t w = 0; w < f->n_windows; w++) {
        s.start_ms = GW_MAX(f->slice.start_ms, f->base_ms + (int64_t)w * GW_WINDOW_MS);
        s.end_ms = GW_MIN(f->slice.end_ms, f->base_ms + (int64_t)(w + 1) * GW_WINDOW_MS);
        while (next < u->n && u->claims[next].start_ms < s.end_ms)
            live[n_live++] = &u->claims[next++];
        size_t kept = 0;
        for (size_t i = 0; i < n_live; i++) {
            if (live[i]->end_ms > s.start_ms)
                live[kept++] = live[i];
        }
        n_live = kept;
        if (n_live == 0 && !f->units[unit].seen)
            continue;
        if (s.to != sums_at(f, s.start_ms)) {
            s.to = sums_at(f, s.start_ms);
            s.last_hold = GW_NONE;
        }
        /* while a board is partitioned, its own readings describe no unit, and its instances account for it
         */
        if (!x->mig_profile && x->gpu != GW_NONE && window_bit(board_row(f, x->gpu, 1), w)) {
            rc = gw_fold_flush_pending(f, unit, e);
            if (rc)
                return rc;
            drop_lumps(&f->units[unit]);
            continue;
        }
        read_window(&s, w);
        rc = book_window(&s, live, n_live, borders, e);
        if (rc)
            return rc;
        add_heat(&s);
    }
    return 0;
}

/* What counts the samples of a pod on a unit; NULL where it holds nothing there. */
static uint64_t *samples_of(gw_usage *to, uint32_t unit, uint32_t pod)
{
    uint32_t pair[2] = {unit, pod};
    uint32_t h =
        pod == GW_NONE ? GW_NONE : gw_map_get(&to->by_hold, (gw_str){(const char *)pair, sizeof(pair)});
    return pod == GW_NONE ? &to->units[unit].idle.samples : h != GW_NONE ? &to->holds[h].stats.samples : NULL;
}

/* Over the hours in which the pod holds the unit, as the tracks (which measure the same) cover them. */
static bool spread_samples(const gw_fold *f, uint32_t unit, uint32_t pod, track *const *tracks,
                           size_t n_tracks, uint64_t n)
{
    double all = 0, sum = 0;
    uint64_t given = 0, *to = NULL, *last = NULL;
    const gw_usage *in = NULL;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t w = 0; w < f->n_windows; w++) {
            gw_usage *hour = sums_at(f, GW_MAX(f->slice.start_ms, f->base_ms + (int64_t)w * GW_WINDOW_MS));
            double ms = 0;
            if (hour != in)
                to = samples_of(hour, unit, pod);
            in = hour;
            for (size_t i = 0; i < n_tracks && to; i++)
                ms += track_window(tracks[i], w) ? track_window(tracks[i], w)->ms : 0;
            last = to ? to : last;
            if (pass == 0) {
                all += ms;
            } else if (ms > 0) {
                sum += ms;
                uint64_t due = (uint64_t)((double)n * sum / all);
                *to += due - given;
                given = due;
            }
        }
    }
    if (last)
        *last += n - given;
    return last;
}

/* Samples read, for `explain`: of the best compute signal of each pod's series. */
static void count_samples(gw_fold *f, uint32_t unit, const unit_claims *u)
{
    for (size_t i = 0; i < u->n_tracks;) {
        size_t first = i, n_best = 0;
        uint32_t pod = u->tracks[i]->pod_index;
        measure best = u->tracks[i]->what;
        uint64_t n = 0;
        for (; i < u->n_tracks && u->tracks[i]->pod_index == pod; i++) {
            if (u->tracks[i]->what == best && best <= M_GPU_UTIL) {
                n += u->tracks[i]->samples - GW_MIN(u->tracks[i]->invalid, u->tracks[i]->samples);
                n_best++;
            }
        }
        if (f->hours) {
            if (!spread_samples(f, unit, pod, u->tracks + first, n_best, n))
                spread_samples(f, unit, GW_NONE, u->tracks + first, n_best, n);
            continue;
        }
        uint64_t *to = samples_of(f->usage, unit, pod);
        *(to ? to : samples_of(f->usage, unit, GW_NONE)) += n;
    }
}

/* What the unit has been paid for: by all sums, and in earlier hours. */
static double unit_paid(const gw_fold *f, uint32_t unit)
{
    const unit_state *st = &f->units[unit];
    double ms = f->hours ? 0 : f->usage->units[unit].paid;
    for (const fold_hours *s = f->hours; s; s = s->prev) {
        for (size_t h = 0; h < s->n; h++)
            ms += unit < s->of[h].n_units ? s->of[h].units[unit].paid : 0;
    }
    for (uint32_t i = 0; i < st->n_old && st->reported; i++)
        ms += st->old[i].gap + st->old[i].dark;
    return ms;
}

static void add_rest(gw_unit_usage *u, double ms)
{
    u->idle.allocated += ms;
    u->idle.states[GW_STATE_UNKNOWN] += ms;
    u->paid += ms;
}

double gw_fold_even_out(double *d, size_t n, double debt)
{
    double sum = -debt;
    for (size_t i = 0; i < n; i++) {
        sum += d[i];
        if (d[i] < 0) {
            debt -= d[i];
            d[i] = 0;
        }
        double off = GW_MIN(d[i], debt);
        d[i] -= off;
        debt -= off;
    }
    for (size_t i = n; i-- > 0 && debt > 0;) {
        double off = GW_MIN(d[i], debt);
        d[i] -= off;
        debt -= off;
    }
    return sum;
}

/* The rest of a partitioned board, hour by hour. */
static void left_by_hour(const gw_fold *f, const unit_claims *claims, const double *before, uint32_t gpu,
                         span extent, double *ret)
{
    const fold_hours *hours = f->hours;
    double debt = 0;
    for (size_t h = 0; h < hours->n; h++)
        ret[h] = (double)gw_interval_ms(
            gw_interval_cut((gw_interval){extent.start_ms, extent.end_ms}, hours->of[h].window));
    for (uint32_t u = 0; u < f->n_claimed; u++) {
        const gw_unit *x = &f->fleet->units[u];
        if (x->gpu != gpu || !x->mig_profile || claims[u].n == 0)
            continue;
        double all = unit_paid(f, u) - before[u];
        for (size_t h = 0; h < hours->n; h++) {
            ret[h] -= hours->of[h].units[u].paid;
            all -= hours->of[h].units[u].paid;
        }
        debt += all;
    }
    gw_fold_even_out(ret, hours->n, debt);
}

/*
 * A partitioned board whose instances do not fill it: the rest is idle, on the board's own unit. `before`
 * holds what each unit had been paid for before this slice.
 */
static int book_unpartitioned(gw_fold *f, const unit_claims *claims, const double *before, gw_error *e)
{
    size_t n = f->fleet->n_gpus;
    double *filled = GW_NEW_ARRAY(&f->arena, double, n + 1);
    span *extent = GW_NEW_ARRAY(&f->arena, span, n + 1);
    double *by_hour = GW_NEW_ARRAY(&f->arena, double, f->hours ? f->hours->n : 1);
    if (!filled || !extent || !by_hour)
        return gw_fail_memory(e);
    for (uint32_t u = 0; u < f->n_claimed; u++) {
        const gw_unit *x = &f->fleet->units[u];
        if (x->gpu == GW_NONE || !x->mig_profile || claims[u].n == 0)
            continue;
        filled[x->gpu] += unit_paid(f, u) - before[u];
        for (size_t i = 0; i < claims[u].n; i++) {
            gw_interval all = {extent[x->gpu].start_ms, extent[x->gpu].end_ms};
            gw_interval_cover(&all, claims[u].claims[i].start_ms, claims[u].claims[i].end_ms);
            extent[x->gpu] = (span){all.start_ms, all.end_ms};
        }
    }
    for (uint32_t g = 0; g < n; g++) {
        double left = (double)(extent[g].end_ms - extent[g].start_ms) - filled[g];
        if (filled[g] <= 0 || left < 1)
            continue;
        gw_str none = {"", 0};
        uint32_t u = gw_fleet_unit(f->fleet, g, f->fleet->gpus[g].node, none, none, e);
        if (u == GW_NONE)
            return e ? e->code : GW_ENOMEM;
        int rc = gw_fold_fit_sums(f, e);
        if (rc)
            return rc;
        if (f->hours)
            left_by_hour(f, claims, before, g, extent[g], by_hour);
        else
            by_hour[0] = left;
        for (size_t h = 0; h < (f->hours ? f->hours->n : 1); h++)
            add_rest(f->hours ? &f->hours->of[h].units[u] : &f->usage->units[u], by_hour[h]);
    }
    return 0;
}

int gw_fold_book(gw_fold *f, const unit_claims *claims, gw_error *e)
{
    double *before = GW_NEW_ARRAY(&f->arena, double, f->n_claimed + 1);
    if (!before)
        return gw_fail_memory(e);
    for (uint32_t u = 0; u < f->n_claimed; u++) {
        before[u] = unit_paid(f, u);
        if (claims[u].n == 0 && !f->units[u].seen)
            continue;
        int rc = book_unit(f, u, &claims[u], e);
        if (rc)
            return rc;
        count_samples(f, u, &claims[u]);
    }
    return book_unpartitioned(f, claims, before, e);
}
