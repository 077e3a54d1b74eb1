/*
 * What the hours are made of: sums of closed slices, sums of what is open, time that is not settled yet, and
 * what no unit accounts for. The last is said of all that is held together, as gw_fold_finish says it of a
 * window, and then put down in the hours in which it is missing.
 */
#include "observe/watch_internal.h"

#define RESTS_MAX ((size_t)64000000)

/* ---- the hours of a judgement ---- */

static int64_t first_hour(const gw_watch *w, const judgement *j)
{
    return w->n_closed ? w->first_ms : j->n_parts ? j->parts[0].hours.first_ms : hour_of(j->until_ms);
}

static size_t count_hours(const gw_watch *w, const judgement *j)
{
    int64_t ms = j->until_ms - first_hour(w, j);
    return ms <= 0 || j->until_ms <= w->o.start_ms ? 0 : (size_t)((ms + GW_HOUR_MS - 1) / GW_HOUR_MS);
}

static gw_interval hour_at(const gw_watch *w, const judgement *j, size_t i)
{
    int64_t start = first_hour(w, j) + (int64_t)i * GW_HOUR_MS;
    return gw_interval_cut((gw_interval){start, start + GW_HOUR_MS},
                           (gw_interval){w->o.start_ms, j->until_ms});
}

static int64_t node_ms(const judgement *j, size_t node, gw_interval when)
{
    int64_t ms = gw_interval_ms(gw_interval_cut(j->fleet.nodes[node].seen, when));
    if (node < j->carry.n_nodes)
        ms -= gw_fold_away_ms(&j->carry.nodes[node], when);
    return GW_MAX(0, ms);
}

/* ---- what no unit accounts for ---- */

static void add_paid(const gw_fleet *f, const gw_usage *u, double *paid)
{
    for (size_t i = 0; i < u->n_units; i++) {
        if (f->units[i].node != GW_NONE)
            paid[f->units[i].node] += u->units[i].paid;
    }
}

/* GPU-ms paid for by the units of each node in each hour: paid[hour × nodes + node]. */
static void sum_paid(const gw_watch *w, const judgement *j, size_t n_hours, double *paid)
{
    const gw_fleet *f = &j->fleet;
    int64_t first = first_hour(w, j);
    for (size_t h = 0; h < n_hours; h++) {
        int64_t hour = first + (int64_t)h * GW_HOUR_MS;
        const closed_hour *closed = watch_closed(w, hour);
        if (closed)
            add_paid(f, &closed->sums, paid + h * f->n_nodes);
        for (size_t p = 0; p < j->n_parts; p++) {
            const gw_usage *open = part_hour(&j->parts[p], hour);
            if (open)
                add_paid(f, open, paid + h * f->n_nodes);
        }
    }
    for (size_t u = 0; u < j->carry.n_units; u++) {
        const unit_state *st = &j->carry.units[u];
        for (uint32_t i = 0; i < st->n_old && st->reported; i++) {
            int64_t h = (st->old[i].hour_ms - first) / GW_HOUR_MS;
            if (st->old[i].hour_ms >= first && (size_t)h < n_hours && f->units[u].node != GW_NONE)
                paid[(size_t)h * f->n_nodes + f->units[u].node] += st->old[i].gap + st->old[i].dark;
        }
    }
}

static int add_trim(judgement *j, uint32_t node, double excess, const double *unit_paid, gw_error *e)
{
    for (uint32_t u = 0; u < j->fleet.n_units; u++) {
        if (j->fleet.units[u].node != node || j->fleet.units[u].gpu != GW_NONE || unit_paid[u] <= 0)
            continue;
        if (gw_grow((void **)&j->trims, &j->cap_trims, j->n_trims + 1, sizeof(*j->trims), GW_FLEET_MAX_UNITS))
            return gw_fail_memory(e);
        j->trims[j->n_trims++] = (trim){u, keep_of(unit_paid[u], excess)};
    }
    return 0;
}

/* What the units that no exporter reports are paid for in all hours. */
static void sum_unobserved(const gw_watch *w, const judgement *j, size_t n_hours, double *unit_paid)
{
    for (size_t h = 0; h < n_hours; h++) {
        int64_t hour = first_hour(w, j) + (int64_t)h * GW_HOUR_MS;
        for (size_t p = 0; p <= j->n_parts; p++) {
            const closed_hour *closed = p < j->n_parts ? NULL : watch_closed(w, hour);
            const gw_usage *u = closed           ? &closed->sums
                                : p < j->n_parts ? part_hour(&j->parts[p], hour)
                                                 : NULL;
            for (size_t i = 0; u && i < u->n_units; i++)
                unit_paid[i] += j->fleet.units[i].gpu == GW_NONE ? u->units[i].paid : 0;
        }
    }
}

typedef struct resting {
    const gw_watch *w;
    judgement *j;
    size_t n_hours;
    double *paid, *missing, *unit_paid;
    int64_t *seen_gpus;
} resting;

static int add_rests(resting *r, uint32_t node, gw_error *e)
{
    judgement *j = r->j;
    const gw_node *n = &j->fleet.nodes[node];
    bool kube = j->n_parts ? j->parts[j->n_parts - 1].facts.has_kube_state : r->w->total.has_kube_state;
    bool any_seen = r->seen_gpus[node] > 0, idle = !any_seen && kube && n->allocatable_gpus >= 0;
    gw_str none = {"", 0};
    uint32_t unit = gw_fleet_unit(&j->fleet, GW_NONE, node, none, none, e);
    if (unit == GW_NONE)
        return e ? e->code : GW_ENOMEM;
    for (size_t h = 0; h < r->n_hours; h++) {
        if (!(r->missing[h] > 0))
            continue;
        if (gw_grow((void **)&j->rests, &j->cap_rests, j->n_rests + 1, sizeof(*j->rests), RESTS_MAX))
            return gw_fail_memory(e);
        j->rests[j->n_rests++] = (rest){.hour_ms = first_hour(r->w, j) + (int64_t)h * GW_HOUR_MS,
                                        .node = node,
                                        .unit = unit,
                                        .idle = idle,
                                        .any_seen = any_seen,
                                        .ms = r->missing[h]};
    }
    return 0;
}

static int rest_of_node(resting *r, uint32_t node, gw_error *e)
{
    gw_node *n = &r->j->fleet.nodes[node];
    int64_t count = gw_fold_physical_gpus(n, r->seen_gpus[node]);
    if (count <= 0 || (n->seen.start_ms == 0 && n->seen.end_ms == 0))
        return 0;
    n->gpu_count_guessed = n->gpu_count <= 0 && n->allocatable_gpus <= 0;
    n->gpu_count = count;
    for (size_t h = 0; h < r->n_hours; h++) {
        int64_t ms = node_ms(r->j, node, hour_at(r->w, r->j, h));
        r->missing[h] = (double)count * (double)ms - r->paid[h * r->j->fleet.n_nodes + node];
    }
    double missing = gw_fold_even_out(r->missing, r->n_hours, 0);
    if (missing < -1)
        return add_trim(r->j, node, -missing, r->unit_paid, e);
    return missing < 1 ? 0 : add_rests(r, node, e);
}

static int by_hour_then_node(const void *a, const void *b)
{
    const rest *x = a, *y = b;
    if (x->hour_ms != y->hour_ms)
        return x->hour_ms < y->hour_ms ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

int gw_watch_rest(const gw_watch *w, judgement *j, gw_error *e)
{
    resting r = {.w = w, .j = j, .n_hours = count_hours(w, j)};
    size_t n = j->fleet.n_nodes;
    r.paid = gw_calloc(r.n_hours * n + 1, sizeof(double));
    r.missing = gw_calloc(r.n_hours + 1, sizeof(double));
    r.unit_paid = gw_calloc(j->fleet.n_units + 1, sizeof(double));
    r.seen_gpus = gw_calloc(n + 1, sizeof(int64_t));
    int rc = r.paid && r.missing && r.unit_paid && r.seen_gpus ? 0 : gw_fail_memory(e);
    rc = rc ? rc : gw_fold_count_boards(&j->fleet, r.seen_gpus, e);
    if (!rc) {
        sum_paid(w, j, r.n_hours, r.paid);
        sum_unobserved(w, j, r.n_hours, r.unit_paid);
    }
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = rest_of_node(&r, i, e);
    if (!rc && j->n_rests)
        qsort(j->rests, j->n_rests, sizeof(*j->rests), by_hour_then_node);
    gw_free(r.paid);
    gw_free(r.missing);
    gw_free(r.unit_paid);
    gw_free(r.seen_gpus);
    return rc;
}

/* ---- what containers used ---- */

static int add_peaks(gw_vpa_peaks *into, const gw_vpa_peaks *from)
{
    if (!gw_vpa_peaks_known(from))
        return 0;
    /* a slice touches two days at most, and of the first one the peak is the largest that has ended */
    if (from->ended.peak >= 0 &&
        gw_vpa_peaks_add(into, GW_VPA_MEMORY_FIRST_MIB, from->ended.peak, from->end_ms - GW_VPA_INTERVAL_MS))
        return GW_ENOMEM;
    return gw_vpa_peaks_add(into, GW_VPA_MEMORY_FIRST_MIB, from->open, from->end_ms);
}

static gw_container *container_in(gw_usage *into, gw_fleet *names, const gw_container *from)
{
    const char *name = gw_fleet_intern(names, gw_str_of(from->name));
    uint32_t at = name ? gw_usage_container(into, from->pod, name) : GW_NONE;
    gw_container *to = at == GW_NONE ? NULL : &into->containers[at];
    if (!to)
        return NULL;
    if (from->cpu_request_milli != GW_UNKNOWN_COUNT)
        to->cpu_request_milli = from->cpu_request_milli;
    if (from->memory_request_mib != GW_UNKNOWN_COUNT)
        to->memory_request_mib = from->memory_request_mib;
    if (from->ephemeral_request_mib != GW_UNKNOWN_COUNT)
        to->ephemeral_request_mib = from->ephemeral_request_mib;
    to->oom_killed |= from->oom_killed;
    if (from->use.first_ms)
        to->use.first_ms =
            to->use.first_ms ? GW_MIN(to->use.first_ms, from->use.first_ms) : from->use.first_ms;
    to->use.last_ms = GW_MAX(to->use.last_ms, from->use.last_ms);
    to->use.samples += from->use.samples;
    return gw_vpa_hist_merge(&to->use.cpu, &from->use.cpu) ? NULL : to;
}

int gw_watch_add_containers(gw_usage *into, gw_fleet *names, const gw_usage *from)
{
    for (size_t i = 0; i < from->n_containers; i++) {
        gw_container *to = container_in(into, names, &from->containers[i]);
        if (!to || add_peaks(&to->use.memory, &from->containers[i].use.memory) ||
            add_peaks(&to->use.disk, &from->containers[i].use.disk))
            return GW_ENOMEM;
    }
    return 0;
}

static int copy_peaks(gw_vpa_peaks *to, const gw_vpa_peaks *from)
{
    to->end_ms = from->end_ms;
    to->open = from->open;
    return gw_vpa_hist_merge(&to->ended, &from->ended);
}

static int copy_containers(gw_usage *into, gw_fleet *names, const gw_usage *from)
{
    for (size_t i = 0; i < from->n_containers; i++) {
        gw_container *to = container_in(into, names, &from->containers[i]);
        if (!to || copy_peaks(&to->use.memory, &from->containers[i].use.memory) ||
            copy_peaks(&to->use.disk, &from->containers[i].use.disk))
            return GW_ENOMEM;
    }
    return 0;
}

/* ---- a window ---- */

static bool is_in(gw_interval when, int64_t hour_ms)
{
    return hour_ms + GW_HOUR_MS > when.start_ms && hour_ms < when.end_ms;
}

static int merge_hours(const gw_watch *w, gw_usage *u, const gw_fleet *f)
{
    const judgement *j = w->now;
    int rc = gw_usage_fit(u, f);
    for (int64_t h = hour_of(u->window.start_ms); h < u->window.end_ms && !rc; h += GW_HOUR_MS) {
        const closed_hour *closed = watch_closed(w, h);
        rc = closed ? gw_usage_merge(u, &closed->sums, f) : 0;
        rc = closed && !rc ? gw_watch_unpack(u, closed) : rc;
        for (size_t p = 0; p < j->n_parts && !rc; p++) {
            const gw_usage *open = part_hour(&j->parts[p], h);
            rc = open ? gw_usage_merge(u, open, f) : 0;
        }
    }
    return rc;
}

/* Time that is not settled yet: where nothing else turns out it is idle, or unknown. */
static int add_lumps(const gw_watch *w, gw_usage *u)
{
    static const unit_state open = {.fate = LUMP_OPEN};
    const carry *c = &w->now->carry;
    for (uint32_t x = 0; x < c->n_units; x++) {
        const unit_state *st = &c->units[x];
        for (uint32_t i = 0; i < st->n_old; i++) {
            if (is_in(u->window, st->old[i].hour_ms) && gw_fold_apply_lump(u, x, st, &st->old[i]))
                return GW_ENOMEM;
        }
        for (uint32_t i = 0; i < st->n_lumps; i++) {
            if (is_in(u->window, st->lumps[i].hour_ms) && gw_fold_apply_lump(u, x, &open, &st->lumps[i]))
                return GW_ENOMEM;
        }
    }
    return 0;
}

static int set_node_ms(const judgement *j, gw_usage *u, const gw_fleet *f)
{
    if (gw_usage_fit_nodes(u, f))
        return GW_ENOMEM;
    for (size_t i = 0; i < u->n_nodes; i++)
        u->node_ms[i] = i < j->fleet.n_nodes ? node_ms(j, i, u->window) : 0;
    return 0;
}

static int add_missing(const judgement *j, gw_usage *u, gw_fleet *f, gw_error *e)
{
    double *missing = gw_calloc(f->n_nodes + 1, sizeof(*missing));
    bool *any_seen = gw_calloc(f->n_nodes + 1, sizeof(*any_seen));
    int rc = missing && any_seen ? 0 : gw_fail_memory(e);
    for (size_t i = 0; i < j->n_rests && !rc; i++) {
        const rest *r = &j->rests[i];
        if (!is_in(u->window, r->hour_ms))
            continue;
        gw_unit_usage *x = &u->units[r->unit];
        x->paid += r->ms;
        if (r->idle) {
            x->idle.allocated += r->ms;
            x->idle.states[GW_STATE_UNKNOWN] += r->ms;
            continue;
        }
        x->unknown += r->ms;
        missing[r->node] += r->ms;
        any_seen[r->node] = r->any_seen;
    }
    for (uint32_t i = 0; i < f->n_nodes && !rc; i++) {
        double all = (double)GW_MAX(0, f->nodes[i].gpu_count) * (double)u->node_ms[i];
        if (missing[i] > 0)
            rc = gw_fold_note_missing(u, f, i, any_seen[i], missing[i], all, e);
    }
    gw_free(missing);
    gw_free(any_seen);
    return rc;
}

static void apply_trims(const judgement *j, gw_usage *u)
{
    for (size_t i = 0; i < j->n_trims; i++) {
        const trim *t = &j->trims[i];
        for (size_t h = 0; h < u->n_holds; h++) {
            if (u->holds[h].unit != t->unit)
                continue;
            u->holds[h].stats.allocated *= t->keep;
            u->holds[h].stats.states[GW_STATE_UNKNOWN] = u->holds[h].stats.allocated;
        }
        u->units[t->unit].paid *= t->keep;
    }
}

static int add_facts(const gw_watch *w, gw_usage *u, gw_fleet *f)
{
    const judgement *j = w->now;
    const gw_usage *last = j->n_parts ? &j->parts[j->n_parts - 1].facts : &w->total;
    u->has_kube_state = last->has_kube_state;
    u->has_cadvisor = last->has_cadvisor;
    u->has_dcgm = last->has_dcgm;
    u->samples_total = w->total.samples_total;
    u->series_total = w->total.series_total;
    for (size_t i = 0; i < u->n_xids; i++)
        u->xids[i].times = GW_MAX(u->xids[i].times, 1);
    if (copy_containers(u, f, &w->total))
        return GW_ENOMEM;
    for (size_t p = 0; p < j->n_parts; p++) {
        u->samples_total += j->parts[p].facts.samples_total;
        u->series_total += j->parts[p].facts.series_total;
        if (gw_watch_add_containers(u, f, &j->parts[p].facts))
            return GW_ENOMEM;
    }
    return 0;
}

int gw_watch_merge(const gw_watch *w, gw_interval when, gw_fleet *fleet, gw_usage *ret, gw_error *e)
{
    const judgement *j = w->now;
    gw_interval held = {w->o.start_ms, w->o.start_ms};
    if (j)
        held = (gw_interval){GW_MAX(w->o.start_ms, first_hour(w, j)), j->until_ms};
    when = gw_interval_cut(when, held);
    if (when.end_ms > when.start_ms)
        when = gw_interval_cut((gw_interval){hour_of(when.start_ms), hour_of(when.end_ms - 1) + GW_HOUR_MS},
                               held);
    if (gw_interval_ms(when) <= 0)
        return gw_fail(e, GW_ENODATA, "nothing has been observed in this window yet: ask for a later one");
    gw_usage u;
    gw_usage_init(&u, when, w->o.policy);
    int rc =
        merge_hours(w, &u, fleet) || add_lumps(w, &u) || set_node_ms(j, &u, fleet) || add_facts(w, &u, fleet)
            ? gw_fail_memory(e)
            : 0;
    if (!rc)
        apply_trims(j, &u);
    rc = rc ? rc : add_missing(j, &u, fleet, e);
    rc = rc ? rc : gw_fold_note_observed(&u, fleet, e);
    if (rc) {
        gw_usage_free(&u);
        return rc;
    }
    *ret = u;
    return 0;
}

/* ---- hours and their revisions ---- */

static uint64_t mix(uint64_t h, uint64_t x)
{
    /* splitmix64's finaliser (Steele, Lea, Flood 2014) */
    h ^= x + 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

/* To the millisecond: sums in another order are no other sums. */
static uint64_t mix_ms(uint64_t h, double ms)
{
    return mix(h, (uint64_t)(int64_t)(ms + 0.5));
}

/* What an hour says, whatever the order of its holds. */
uint64_t gw_watch_digest(const gw_usage *u)
{
    uint64_t sum = 1;
    for (size_t i = 0; i < u->n_holds; i++) {
        const gw_hold *x = &u->holds[i];
        uint64_t h = mix(mix(mix(0, x->unit), x->pod), (uint64_t)x->how);
        sum += mix_ms(mix_ms(mix_ms(h, x->stats.allocated), x->stats.known), x->stats.used);
    }
    for (size_t i = 0; i < u->n_units; i++) {
        const gw_unit_usage *x = &u->units[i];
        if (x->paid > 0)
            sum += mix_ms(mix_ms(mix_ms(mix(1, i), x->idle.allocated), x->unknown), x->paid);
    }
    return sum;
}

static void digest_lumps(const carry *c, int64_t first_ms, uint64_t *digest, size_t n)
{
    for (size_t u = 0; u < c->n_units; u++) {
        const unit_state *st = &c->units[u];
        for (uint32_t i = 0; i < st->n_old; i++) {
            int64_t h = (st->old[i].hour_ms - first_ms) / GW_HOUR_MS;
            uint64_t fate = mix(mix(mix(2, u), (uint64_t)st->fate * 4 + st->reported * 2u + st->fate_idle),
                                st->fate_holder);
            if (st->old[i].hour_ms >= first_ms && (size_t)h < n)
                digest[h] +=
                    mix_ms(mix_ms(fate, st->old[i].idle.allocated), st->old[i].unknown + st->old[i].gap);
        }
        for (uint32_t i = 0; i < st->n_lumps; i++) {
            int64_t h = (st->lumps[i].hour_ms - first_ms) / GW_HOUR_MS;
            if (st->lumps[i].hour_ms >= first_ms && (size_t)h < n)
                digest[h] += mix_ms(mix_ms(mix(3, u), st->lumps[i].idle.allocated), st->lumps[i].unknown);
        }
    }
}

static void digest_rests(const judgement *j, int64_t first_ms, uint64_t *digest, size_t n)
{
    for (size_t i = 0; i < j->n_rests; i++) {
        const rest *r = &j->rests[i];
        int64_t h = (r->hour_ms - first_ms) / GW_HOUR_MS;
        if ((size_t)h < n)
            digest[h] += mix_ms(mix(mix(4, r->node), r->idle), r->ms);
    }
    for (size_t i = 0; i < j->n_trims; i++) {
        for (size_t h = 0; h < n; h++)
            digest[h] += mix_ms(mix(5, j->trims[i].unit), j->trims[i].keep * 1e9);
    }
}

int gw_watch_revise(gw_watch *w, const judgement *j, gw_error *e)
{
    size_t n = count_hours(w, j);
    int64_t first = first_hour(w, j);
    uint64_t *digest = gw_calloc(n + 1, sizeof(*digest));
    if (!digest || gw_grow((void **)&w->revisions, &w->cap_revisions, n, sizeof(*w->revisions),
                           GW_WATCH_HOURS_MAX + 48)) {
        gw_free(digest);
        return gw_fail_memory(e);
    }
    for (size_t h = 0; h < n; h++) {
        gw_interval when = hour_at(w, j, h);
        if (h < w->n_closed) {
            if (w->closed[h].digest == 0)
                w->closed[h].digest = gw_watch_digest(&w->closed[h].sums);
            digest[h] += w->closed[h].digest;
        }
        for (size_t p = 0; p < j->n_parts; p++) {
            const gw_usage *open = part_hour(&j->parts[p], first + (int64_t)h * GW_HOUR_MS);
            digest[h] += open ? gw_watch_digest(open) : 0;
        }
        for (size_t i = 0; i < j->fleet.n_nodes; i++)
            digest[h] += mix(mix(6, i), (uint64_t)node_ms(j, i, when));
    }
    digest_lumps(&j->carry, first, digest, n);
    digest_rests(j, first, digest, n);
    w->judgements++;
    for (; w->n_revisions < n; w->n_revisions++)
        w->revisions[w->n_revisions] = (revision){0};
    for (size_t h = 0; h < n; h++) {
        if (w->revisions[h].number == 0 || w->revisions[h].digest != digest[h])
            w->revisions[h] = (revision){digest[h], w->judgements};
    }
    gw_free(digest);
    return 0;
}

size_t gw_watch_hours(const gw_watch *w)
{
    return w->now ? count_hours(w, w->now) : 0;
}

gw_watch_hour gw_watch_hour_at(const gw_watch *w, size_t i)
{
    int64_t end = first_hour(w, w->now) + (int64_t)(i + 1) * GW_HOUR_MS;
    return (gw_watch_hour){.when = hour_at(w, w->now, i),
                           .complete = w->now->until_ms >= GW_MIN(end, w->o.end_ms),
                           .closed = GW_MIN(end, w->o.end_ms) <= w->closed_ms,
                           .revision = w->revisions[i].number};
}
