/* Moves: all holds are taken up first, so that nobody is in the way of who goes where it was. */
#include "allocate/after_internal.h"

#include <strings.h>

/* The holds that one unit of a move takes along, and where they go. */
typedef struct lift {
    size_t move;
    uint32_t k;        /* of its units */
    uint32_t first, n; /* of lifts.holds */
    uint32_t gpu, node;
} lift;

typedef struct lifts {
    lift *items;
    size_t n;
    uint32_t *holds;
    uint32_t n_holds;
} lifts;

static void say_move(after *a, size_t i)
{
    const gw_move *m = &a->c->moves[i];
    if (m->pod != GW_NONE && m->pod < a->f->n_pods)
        snprintf(a->where, sizeof(a->where), "move %zu (pod %.60s/%.60s)", i + 1, a->f->pods[m->pod].ns,
                 a->f->pods[m->pod].name);
    else
        snprintf(a->where, sizeof(a->where), "move %zu", i + 1);
}

/* ---- moves: taking up ---- */

static int check_from(after *a, uint32_t from, uint32_t now, uint32_t in_present, const char *what)
{
    const gw_fleet *f = &a->ret->fleet;
    if (now != GW_NONE && a->nodes[now].hired)
        return after_refuse(a, "%s is on a node that another change hired", what);
    if (now == GW_NONE || from == now || from == in_present)
        return 0;
    return after_refuse(a, "%s is on node %s, and not where the move takes it from", what,
                        f->nodes[now].name);
}

/* The seat that a hold had in the present, as far as it matters: its share of the board. */
static int check_was(after *a, const gw_seat *was, uint32_t unit, after_hold *h)
{
    const gw_unit *u = &a->f->units[unit];
    if ((was->form == GW_FORM_MIG) != (u->mig_profile != NULL))
        return after_refuse(a, "was %s, and its unit is %s", gw_form_name(was->form),
                            u->mig_profile ? "a MIG instance" : "none of MIG's");
    if (h->form != GW_FORM_WHOLE && was->form == GW_FORM_WHOLE)
        return after_refuse(a, "was dedicated, and its board is handed out in %d parts", h->parts);
    if (!after_form_shared(was->form) || after_form_shared(h->form))
        return 0;
    /* shared by something that the node does not say, such as the KAI scheduler */
    if (was->parts < 2 || was->parts > GW_PLAN_PARTS_MAX)
        return after_refuse(a, "was one of %d parts", was->parts);
    h->form = h->was_form = was->form;
    h->parts = was->parts;
    h->share = h->was = 1.0 / was->parts;
    return 0;
}

static int lift_hold(after *a, const gw_move *m, uint32_t k, uint32_t hold, lifts *l)
{
    after_hold *h = &a->holds[hold];
    const gw_unit *units = a->ret->fleet.units;
    const gw_pod *p = &a->f->pods[a->u->holds[hold].pod];
    char what[160];
    snprintf(what, sizeof(what), "the hold of %.60s/%.60s", p->ns, p->name);
    if (h->unit == GW_NONE)
        return after_refuse(a, "%s is moved twice in one change", what);
    int rc = check_from(a, m->from, units[h->unit].node, a->f->units[m->units[k]].node, what);
    if (!rc && !h->change)
        rc = check_was(a, &m->was[k], m->units[k], h);
    if (rc)
        return rc;
    a->seated[h->unit].n--;
    h->unit = GW_NONE;
    h->change = a->now;
    h->own |= m->pod != GW_NONE;
    l->holds[l->n_holds++] = hold;
    return 0;
}

static int lift_unit(after *a, size_t i, uint32_t k, lifts *l)
{
    const gw_move *m = &a->c->moves[i];
    uint32_t unit = m->units[k];
    bool met = m->pod == GW_NONE;
    if (unit >= a->f->n_units)
        return after_refuse(a, "there is no unit of index %" PRIu32, unit);
    if (a->f->units[unit].gpu == GW_NONE)
        return after_refuse(a, "no exporter reports the GPU that it holds, so nothing is known of its work");
    lift *x = &l->items[l->n++];
    *x = (lift){.move = i, .k = k, .first = l->n_holds};
    for (uint32_t j = a->holds_of.at[unit]; j < a->holds_of.at[unit + 1]; j++) {
        uint32_t hold = a->holds_of.items[j], pod = a->u->holds[hold].pod;
        bool taken = m->pod == GW_NONE ? a->pod_change[pod] != a->now && !a->holds[hold].own : pod == m->pod;
        if (!taken)
            continue;
        met = true;
        int rc = a->holds[hold].live ? lift_hold(a, m, k, hold, l) : 0;
        if (rc)
            return rc;
    }
    x->n = l->n_holds - x->first;
    return met ? 0 : after_refuse(a, "it does not hold unit %" PRIu32, unit);
}

static int check_move(after *a, size_t i)
{
    const gw_move *m = &a->c->moves[i];
    uint32_t node;
    int rc = after_find_node(a, m->node, &node);
    if (rc)
        return rc;
    if (m->pod != GW_NONE && m->pod >= a->f->n_pods)
        return after_refuse(a, "there is no pod of index %" PRIu32, m->pod);
    if (m->pod == GW_NONE && m->n_units == 0)
        return after_refuse(a, "neither a pod nor units are named");
    if (m->n_units && (!m->units || !m->was || !m->to))
        return after_refuse(a, "units without seats");
    if (a->nodes[node].released)
        return after_refuse(a, "node %s was released", a->ret->fleet.nodes[node].name);
    if (m->pod == GW_NONE)
        return 0;
    if (a->pod_change[m->pod] == a->now)
        return after_refuse(a, "it is moved twice in one change");
    a->pod_change[m->pod] = a->now;
    return m->n_units
               ? 0
               : check_from(a, m->from, a->ret->fleet.pods[m->pod].node, a->f->pods[m->pod].node, "the pod");
}

static int lift_all(after *a, lifts *l)
{
    const gw_change *c = a->c;
    size_t units = 0;
    for (size_t i = 0; i < c->n_moves; i++) {
        say_move(a, i);
        int rc = check_move(a, i);
        if (rc)
            return rc;
        units += c->moves[i].n_units;
    }
    *l = (lifts){.items = GW_NEW_ARRAY(&a->arena, lift, units + 1), .holds = a->lifted};
    if (!l->items)
        return gw_fail_memory(a->e);
    for (size_t i = 0; i < c->n_moves; i++) {
        say_move(a, i);
        for (uint32_t k = 0; k < c->moves[i].n_units; k++) {
            int rc = lift_unit(a, i, k, l);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* ---- moves: putting down ---- */

static bool is_profile(const gw_mig_board *b, const char *x, const char *y)
{
    int p = b ? gw_mig_profile_find(b, gw_str_of(x)) : GW_MIG_NONE;
    return p != GW_MIG_NONE ? p == gw_mig_profile_find(b, gw_str_of(y)) : strcasecmp(x, y) == 0;
}

/* Nobody is on it, or only who may be there together with this tenant. */
static bool is_free(const after *a, uint32_t unit, uint64_t tenant)
{
    return unit == GW_NONE || a->seated[unit].n == 0 || a->seated[unit].tenant == tenant;
}

/* A unit for an instance that was cut; another one of the same name is in use where the board was cut anew
 * and the instance there was kept. */
static int make_instance(after *a, uint32_t gpu, after_cut *c, size_t i)
{
    gw_fleet *f = &a->ret->fleet;
    const gw_mig_profile *p = &c->mig->profiles[c->layout.at[i].profile];
    char id[32];
    for (int again = 0;; again++) {
        snprintf(id, sizeof(id), again ? "@%d.%d" : "@%d", c->layout.at[i].start, again);
        uint32_t u = gw_fleet_unit(f, gpu, f->gpus[gpu].node, gw_str_of(p->name), gw_str_of(id), a->e);
        if (u == GW_NONE)
            return a->e ? a->e->code : GW_ENOMEM;
        int rc = after_fit(a);
        if (rc)
            return rc;
        if (a->seated[u].n)
            continue;
        f->units[u].weight = (double)p->compute / c->mig->compute;
        f->units[u].memory_mib = p->memory_mib;
        c->unit[i] = u;
        return 0;
    }
}

/* An instance of the cut for a seat, or GW_MIG_SLOTS_MAX. */
static size_t find_instance(const after *a, const after_cut *c, const gw_seat *s, uint64_t tenant)
{
    int p = gw_mig_profile_find(c->mig, gw_str_of(s->profile));
    size_t best = GW_MIG_SLOTS_MAX;
    for (size_t i = 0; i < c->layout.n; i++) {
        const gw_mig_instance *x = &c->layout.at[i];
        if (x->profile != p)
            continue;
        if (s->start >= 0 && x->start == s->start)
            return i;
        if (s->start >= 0 || !is_free(a, c->unit[i], tenant))
            continue;
        /* beside whom it may be there is better than an instance more */
        bool joins = c->unit[i] != GW_NONE && a->seated[c->unit[i]].n > 0;
        if (best == GW_MIG_SLOTS_MAX || joins)
            best = i;
    }
    return best;
}

/* An instance that the board has in the present. */
static uint32_t find_present(const after *a, uint32_t gpu, const gw_seat *s, uint64_t tenant)
{
    const gw_fleet *f = a->f;
    const gw_mig_board *b = NULL;
    uint32_t best = GW_NONE;
    if (gpu >= f->n_gpus)
        return GW_NONE;
    if (f->gpus[gpu].model && gw_mig_board_find(f->gpus[gpu].model, after_board_mib(f, gpu), &b, NULL))
        b = NULL;
    for (uint32_t j = a->units_of.at[gpu]; j < a->units_of.at[gpu + 1]; j++) {
        uint32_t u = a->units_of.items[j];
        if (!f->units[u].mig_profile || !is_profile(b, s->profile, f->units[u].mig_profile) ||
            !is_free(a, u, tenant))
            continue;
        bool longer = best == GW_NONE || a->u->units[u].paid > a->u->units[best].paid;
        if (longer || (a->seated[u].n && !a->seated[best].n))
            best = u;
    }
    return best;
}

static int find_unit(after *a, uint32_t gpu, const gw_seat *s, uint64_t tenant, uint32_t *ret)
{
    gw_fleet *f = &a->ret->fleet;
    after_board *b = &a->boards[gpu];
    gw_str none = {"", 0};
    if (s->form != GW_FORM_MIG) {
        *ret = gw_fleet_unit(f, gpu, f->gpus[gpu].node, none, none, a->e);
        return *ret == GW_NONE ? (a->e ? a->e->code : GW_ENOMEM) : after_fit(a);
    }
    if (!b->mig) {
        *ret = find_present(a, gpu, s, tenant);
        return *ret != GW_NONE ? 0
                               : after_refuse(a, "GPU %s has no instance %.40s that nobody is on",
                                              f->gpus[gpu].uuid, s->profile);
    }
    size_t i = find_instance(a, b->mig, s, tenant);
    if (i == GW_MIG_SLOTS_MAX)
        return s->start < 0 ? after_refuse(a, "GPU %s has no instance %.40s that nobody is on",
                                           f->gpus[gpu].uuid, s->profile)
                            : after_refuse(a, "GPU %s has no instance %.40s at slot %d", f->gpus[gpu].uuid,
                                           s->profile, s->start);
    int rc = b->mig->unit[i] == GW_NONE ? make_instance(a, gpu, b->mig, i) : 0;
    *ret = b->mig->unit[i];
    return rc;
}

/* Form and parts of the seat are those of the board. */
static int check_seat(after *a, const gw_seat *s, uint32_t gpu, uint32_t node)
{
    const gw_fleet *f = &a->ret->fleet;
    const after_board *b = &a->boards[gpu];
    const char *uuid = f->gpus[gpu].uuid;
    if (f->gpus[gpu].node != node)
        return after_refuse(a, "GPU %s is on node %s, and the move goes to %s", uuid,
                            f->nodes[f->gpus[gpu].node].name, f->nodes[node].name);
    if (s->form == GW_FORM_MIG && !s->profile)
        return after_refuse(a, "a MIG seat on GPU %s without a profile", uuid);
    if (s->form != b->form)
        return after_refuse(a,
                            "a %s seat on GPU %s, which is handed out as %s: parts of a board in two forms",
                            gw_form_name(s->form), uuid, gw_form_name(b->form));
    if (after_form_shared(s->form) && s->parts != b->parts)
        return after_refuse(a, "one of %d parts of GPU %s, which is handed out in %d", s->parts, uuid,
                            b->parts);
    return 0;
}

static int check_peak(after *a, const after_hold *h, uint32_t hold)
{
    const gw_hold *x = &a->u->holds[hold];
    int64_t mib = after_seat_mib(a, h);
    /* on a board that several share nobody says whose memory it is */
    if (mib < 0 || x->shared || after_stays(a, hold) || !(x->stats.memory_mib.peak > (double)mib))
        return 0;
    return after_refuse(a, "%.0f MiB of GPU memory were recorded of it, and the seat on GPU %s has %" PRId64,
                        x->stats.memory_mib.peak, a->ret->fleet.gpus[a->ret->fleet.units[h->unit].gpu].uuid,
                        mib);
}

static int put_hold(after *a, const gw_seat *s, uint32_t gpu, uint32_t hold)
{
    after_hold *h = &a->holds[hold];
    uint64_t tenant = after_tenant(a, hold);
    int rc = find_unit(a, gpu, s, tenant, &h->unit);
    if (rc)
        return rc;
    after_seated *on = &a->seated[h->unit];
    on->tenant = on->n++ ? on->tenant : tenant;
    h->form = s->form;
    h->parts = a->boards[gpu].parts;
    h->start = s->form == GW_FORM_MIG ? s->start : -1;
    h->memory_mib = s->memory_mib > 0 ? s->memory_mib : GW_UNKNOWN_COUNT;
    h->share = s->form == GW_FORM_MIG ? a->ret->fleet.units[h->unit].weight : 1.0 / h->parts;
    if (!(h->share > 0))
        return after_refuse(a, "\"%.40s\" is no MIG profile", s->profile);
    return check_peak(a, h, hold);
}

static bool picks_start(const after *a, const lift *x)
{
    const gw_seat *s = &a->c->moves[x->move].to[x->k];
    return s->form != GW_FORM_MIG || s->start >= 0 || !a->boards[x->gpu].mig;
}

static int put_lift(after *a, const lift *x, const lifts *l)
{
    const gw_move *m = &a->c->moves[x->move];
    say_move(a, x->move);
    for (uint32_t i = x->first; i < x->first + x->n; i++) {
        int rc = put_hold(a, &m->to[x->k], x->gpu, l->holds[i]);
        if (rc)
            return rc;
    }
    return 0;
}

/* An instance of the new cut for a tenant that stays on its old one. */
static int keep_instance(after *a, uint32_t hold)
{
    after_hold *h = &a->holds[hold];
    const gw_unit *u = &a->ret->fleet.units[h->unit];
    after_cut *c = a->boards[u->gpu].mig;
    int p = u->mig_profile ? gw_mig_profile_find(c->mig, gw_str_of(u->mig_profile)) : GW_MIG_NONE;
    size_t best = GW_MIG_SLOTS_MAX;
    for (size_t i = 0; i < c->layout.n; i++) {
        if (c->unit[i] == h->unit)
            return 0;
        bool fits = c->layout.at[i].profile == p && c->unit[i] == GW_NONE;
        if (fits && (best == GW_MIG_SLOTS_MAX || c->layout.at[i].start == h->start))
            best = i;
    }
    const gw_pod *pod = &a->f->pods[a->u->holds[hold].pod];
    if (best == GW_MIG_SLOTS_MAX)
        return after_refuse(a, "GPU %s is cut anew, and the instance that %.60s/%.60s stays on is not in it",
                            a->ret->fleet.gpus[u->gpu].uuid, pod->ns, pod->name);
    c->unit[best] = h->unit;
    return 0;
}

/* Who stays on a board that is cut in this change. */
static int keep_seats(after *a)
{
    for (uint32_t i = 0; i < a->u->n_holds; i++) {
        const after_hold *h = &a->holds[i];
        if (!h->live || h->unit == GW_NONE || h->change == a->now)
            continue;
        uint32_t gpu = a->ret->fleet.units[h->unit].gpu;
        const after_board *b = gpu == GW_NONE ? NULL : &a->boards[gpu];
        if (!b || b->cut != a->now)
            continue;
        const gw_pod *p = &a->f->pods[a->u->holds[i].pod];
        snprintf(a->where, sizeof(a->where), "cuts");
        if (h->form != b->form || h->parts != b->parts)
            return after_refuse(a,
                                "GPU %s is handed out as %s, and %.60s/%.60s keeps a %s seat on it: parts of "
                                "a board in two forms",
                                a->ret->fleet.gpus[gpu].uuid, gw_form_name(b->form), p->ns, p->name,
                                gw_form_name(h->form));
        int rc = b->mig ? keep_instance(a, i) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int check_lifts(after *a, lifts *l)
{
    for (size_t i = 0; i < l->n; i++) {
        lift *x = &l->items[i];
        const gw_move *m = &a->c->moves[x->move];
        const gw_seat *s = &m->to[x->k];
        say_move(a, x->move);
        int rc = after_find_node(a, m->node, &x->node);
        rc = rc ? rc : after_find_gpu(a, s->gpu, &x->gpu);
        rc = rc ? rc : check_seat(a, s, x->gpu, x->node);
        if (rc)
            return rc;
        a->boards[x->gpu].seated = a->now;
    }
    return 0;
}

/* First who names a place, then who stays where a board is cut, then who takes what is left. */
static int put_all(after *a, lifts *l)
{
    int rc = check_lifts(a, l);
    for (size_t i = 0; i < l->n && !rc; i++)
        rc = picks_start(a, &l->items[i]) ? put_lift(a, &l->items[i], l) : 0;
    rc = rc || a->c->n_cuts == 0 ? rc : keep_seats(a);
    for (size_t i = 0; i < l->n && !rc; i++)
        rc = picks_start(a, &l->items[i]) ? 0 : put_lift(a, &l->items[i], l);
    for (size_t i = 0; i < a->c->n_moves && !rc; i++) {
        const gw_move *m = &a->c->moves[i];
        uint32_t node;
        rc = m->pod == GW_NONE ? 0 : after_find_node(a, m->node, &node);
        if (rc || m->pod == GW_NONE)
            continue;
        after_load(a, m->pod, -1);
        a->ret->fleet.pods[m->pod].node = node;
        a->counts[m->pod] = true;
        after_load(a, m->pod, 1);
    }
    return rc;
}

int after_move(after *a)
{
    lifts l;
    int rc = lift_all(a, &l);
    return rc ? rc : put_all(a, &l);
}
