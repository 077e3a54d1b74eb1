/* Judging what is open, on copies; and closing a slice, on the thing itself. */
#include "fleet/copy.h"
#include "observe/watch_internal.h"

void gw_judgement_free(judgement *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->n_parts; i++)
        gw_part_free(&j->parts[i]);
    gw_carry_free(&j->carry);
    gw_fleet_free(&j->fleet);
    gw_free(j->rests);
    gw_free(j->trims);
    gw_free(j);
}

static int run_open(gw_watch *w, judgement *j, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; i < w->n_open && !rc; i++) {
        open_slice *s = &w->open[i];
        part *prev = j->n_parts ? &j->parts[j->n_parts - 1] : NULL;
        if (s->slice.start_ms >= j->until_ms)
            break;
        rc = gw_watch_run(w, s, GW_MIN(j->until_ms, s->slice.end_ms), &j->carry, &j->fleet,
                          prev ? &prev->facts : &w->total, prev, &j->parts[j->n_parts], e);
        j->n_parts += !rc;
    }
    return rc;
}

int gw_watch_judge(gw_watch *w, int64_t until_ms, gw_error *e)
{
    if (w->broken)
        return gw_fail(e, GW_EINTERNAL, "the watch ran out of memory while it closed a slice: start again");
    until_ms = until_ms >= w->o.end_ms ? w->o.end_ms
                                       : until_ms - ((until_ms % GW_WINDOW_MS) + GW_WINDOW_MS) % GW_WINDOW_MS;
    if (w->n_open)
        until_ms = GW_MIN(until_ms, w->open[w->n_open - 1].slice.end_ms);
    until_ms = GW_MAX(until_ms, w->closed_ms);
    judgement *j = gw_calloc(1, sizeof(*j));
    if (!j)
        return gw_fail_memory(e);
    gw_fleet_init(&j->fleet);
    gw_carry_init(&j->carry);
    j->until_ms = until_ms;
    int rc = gw_fleet_copy(&j->fleet, &w->fleet, e);
    rc = rc ? rc : gw_carry_copy(&j->carry, &w->carry, e);
    rc = rc ? rc : run_open(w, j, e);
    if (!rc && j->n_parts == 0)
        j->until_ms = w->closed_ms;
    rc = rc ? rc : gw_watch_rest(w, j, e);
    rc = rc ? rc : gw_watch_revise(w, j, e);
    if (rc) {
        gw_judgement_free(j);
        return rc;
    }
    gw_judgement_free(w->now);
    w->now = j;
    return 0;
}

/* ---- closing ---- */

/* What became in this slice of time that earlier ones left open. */
static int settle_old(gw_watch *w, uint32_t unit, const unit_state *st)
{
    unit_state *was = &w->carry.units[unit];
    for (uint32_t i = 0; i < was->n_lumps; i++) {
        lump *l = &was->lumps[i];
        int64_t at = (l->hour_ms - w->first_ms) / GW_HOUR_MS;
        closed_hour *h = l->hour_ms >= w->first_ms && (size_t)at < w->n_closed ? &w->closed[at] : NULL;
        if (h && (st->fate != LUMP_OPEN || st->reported)) {
            h->digest = 0;
            if (gw_usage_fit(&h->sums, &w->fleet))
                return GW_ENOMEM;
        }
        if (st->fate != LUMP_OPEN) {
            if (h && gw_fold_apply_lump(&h->sums, unit, st, l))
                return GW_ENOMEM;
            gw_stats_free(&l->idle);
        } else if (st->reported) {
            if (h)
                h->sums.units[unit].paid += l->gap + l->dark;
            l->idle.allocated += l->gap;
            l->idle.states[GW_STATE_UNKNOWN] += l->gap;
            l->unknown += l->dark;
            l->gap = l->dark = 0;
        }
    }
    if (st->fate != LUMP_OPEN)
        was->n_lumps = 0;
    return 0;
}

#define LUMPS_MAX ((size_t)100000)

/* Lumps that are still open go before those of the slice. */
static int join_lumps(unit_state *st, unit_state *was)
{
    if (was->n_lumps == 0)
        return 0;
    size_t cap = was->cap_lumps;
    if (gw_grow((void **)&was->lumps, &cap, (size_t)was->n_lumps + st->n_lumps, sizeof(*was->lumps),
                LUMPS_MAX))
        return GW_ENOMEM;
    was->cap_lumps = (uint32_t)cap;
    if (st->n_lumps)
        memcpy(was->lumps + was->n_lumps, st->lumps, st->n_lumps * sizeof(*st->lumps));
    lump *own = st->lumps;
    st->lumps = was->lumps;
    st->n_lumps += was->n_lumps;
    st->cap_lumps = was->cap_lumps;
    was->lumps = NULL;
    was->n_lumps = was->cap_lumps = 0;
    gw_free(own);
    return 0;
}

static int settle_units(gw_watch *w, carry *c)
{
    for (uint32_t u = 0; u < w->carry.n_units; u++) {
        unit_state *st = &c->units[u];
        bool gaps = st->gaps;
        for (uint32_t i = 0; i < w->carry.units[u].n_lumps && !st->reported; i++)
            gaps |= w->carry.units[u].lumps[i].gap + w->carry.units[u].lumps[i].dark > 0;
        if (settle_old(w, u, st) || join_lumps(st, &w->carry.units[u]))
            return GW_ENOMEM;
        st->gaps = gaps;
        st->old = NULL;
        st->n_old = 0;
    }
    return 0;
}

#define CLOSED_MAX ((size_t)GW_WATCH_HOURS_MAX)

static int keep_hours(gw_watch *w, part *p)
{
    if (w->n_closed == 0)
        w->first_ms = p->hours.first_ms;
    for (size_t i = 0; i < p->hours.n; i++) {
        gw_usage *from = &p->hours.of[i];
        for (size_t h = 0; h < from->n_holds; h++) {
            uint32_t pair[2] = {from->holds[h].unit, from->holds[h].pod};
            if (gw_map_set(&w->held, (gw_str){(const char *)pair, sizeof(pair)}, 1))
                return GW_ENOMEM;
        }
        size_t at = (size_t)((from->window.start_ms - w->first_ms) / GW_HOUR_MS);
        if (at < w->n_closed) {
            /* slices that meet within an hour */
            w->closed[at].digest = 0;
            if (gw_usage_merge(&w->closed[at].sums, from, &w->fleet))
                return GW_ENOMEM;
            continue;
        }
        if (gw_grow((void **)&w->closed, &w->cap_closed, w->n_closed + 1, sizeof(*w->closed), CLOSED_MAX))
            return GW_ENOMEM;
        w->closed[w->n_closed++] = (closed_hour){.sums = *from};
        gw_usage_init(from, from->window, w->o.policy);
    }
    return 0;
}

static int keep_facts(gw_watch *w, part *p)
{
    gw_usage *t = &w->total;
    t->has_kube_state = p->facts.has_kube_state;
    t->has_cadvisor = p->facts.has_cadvisor;
    t->has_dcgm = p->facts.has_dcgm;
    t->samples_total += p->facts.samples_total;
    t->series_total += p->facts.series_total;
    gw_free(t->xids);
    t->xids = p->facts.xids;
    t->n_xids = p->facts.n_xids;
    t->cap_xids = p->facts.cap_xids;
    p->facts.xids = NULL;
    p->facts.n_xids = p->facts.cap_xids = 0;
    return gw_watch_add_containers(t, &w->fleet, &p->facts);
}

/* Containers of pods that nobody has told of: somebody may have now, also of those that have ended since. */
static void find_lost(gw_fold *f)
{
    for (size_t i = 0; i < f->n_tracks; i++) {
        const track *k = f->tracks[i];
        if (k->what >= M_CPU_SECONDS && k->container && k->subject == GW_NONE && k->open)
            f->lost_ms = GW_MIN(f->lost_ms, k->anchor_ms);
    }
}

static void free_open(gw_watch *w)
{
    gw_fold_free(w->open[0].fold);
    gw_usage_free(&w->open[0].facts);
    w->n_open--;
    memmove(w->open, w->open + 1, w->n_open * sizeof(*w->open));
    for (size_t i = 0; i < w->n_open; i++)
        w->open[i].fold->usage = &w->open[i].facts;
    if (w->n_open) {
        w->open[0].again = true;
        find_lost(w->open[0].fold);
    }
}

int gw_watch_close(gw_watch *w, gw_error *e)
{
    carry c;
    part p = {0};
    open_slice *s = &w->open[0];
    gw_judgement_free(w->now);
    w->now = NULL;
    int rc = gw_carry_copy(&c, &w->carry, e);
    if (rc)
        return rc; /* nothing has been done */
    w->broken = true;
    rc = gw_watch_run(w, s, s->slice.end_ms, &c, &w->fleet, &w->total, NULL, &p, e);
    if (!rc && (keep_hours(w, &p) || keep_facts(w, &p) || settle_units(w, &c)))
        rc = gw_fail_memory(e);
    for (size_t i = 0; i < w->n_closed && !rc; i++) {
        if (w->closed[i].digest == 0)
            gw_watch_pack(&w->closed[i]);
    }
    gw_part_free(&p);
    if (rc) {
        gw_carry_free(&c);
        return rc;
    }
    gw_carry_free(&w->carry);
    w->carry = c;
    w->closed_ms = s->slice.end_ms;
    free_open(w);
    w->broken = false;
    return 0;
}
