/*
 * From the last seats to books: nodes' times, then each board's, then each unit's. Everything is made from
 * the present's numbers; what did not change is not touched.
 */
#include "allocate/after_internal.h"

#include <math.h>

typedef struct unit_time {
    double held0, idle0, unknown0; /* GPU-ms in the present */
    double held, idle, unknown;    /* now */
    double wall;                   /* ms that its seats need: one after the other, or beside each other */
} unit_time;

typedef struct node_time {
    int64_t before, after; /* ms paid for */
    double need;           /* ms of the fullest changed board or seat */
    bool came;             /* somebody from another node */
    gw_interval tenants;   /* their time */
} node_time;

typedef struct settling {
    after *a;
    unit_time *units; /* room for one more a GPU and a node */
    node_time *nodes;
    bool *changed; /* boards */
    after_group units_of, units_on;
} settling;

static double before(const unit_time *u)
{
    return u->held0 + u->idle0 + u->unknown0;
}

static double paid(const unit_time *u)
{
    return u->held + u->idle + u->unknown;
}

/* ---- holds ---- */

static after_scale scale_of(const after *a, uint32_t hold)
{
    const after_hold *h = &a->holds[hold];
    const gw_fleet *f = &a->ret->fleet;
    const gw_unit *was = &f->units[a->u->holds[hold].unit], *now = &f->units[h->unit];
    const char *old_model = f->gpus[was->gpu].model, *new_model = f->gpus[now->gpu].model;
    bool alike = was->gpu == now->gpu || (old_model && gw_eq(old_model, new_model));
    after_scale s = {.share = h->share / h->was};
    int64_t old_mib = after_unit_mib(a, hold), new_mib = after_seat_mib(a, h);
    bool same_part = h->form == h->was_form && h->share == h->was;
    if (alike && same_part && (h->form != GW_FORM_MIG || gw_eq(was->mig_profile, now->mig_profile)))
        s.memory = 1;
    else if (old_mib > 0 && new_mib > 0)
        s.memory = (double)old_mib / (double)new_mib;
    else if (alike && h->was_form != GW_FORM_MIG && h->form != GW_FORM_MIG)
        s.memory = h->parts; /* of the whole board, which is what was measured */
    return s;
}

static int scale_holds(settling *s)
{
    after *a = s->a;
    const gw_fleet *f = &a->ret->fleet;
    for (uint32_t i = 0; i < a->u->n_holds; i++) {
        gw_hold *x = &a->ret->usage.holds[i];
        const after_hold *h = &a->holds[i];
        if (!h->live || after_stays(a, i))
            continue;
        after_scale scale = scale_of(a, i);
        if (after_stats_scale(&x->stats, &a->u->holds[i].stats, &scale))
            return gw_fail_memory(a->e);
        x->unit = h->unit;
        x->shared = after_form_shared(h->form);
        uint32_t from = f->units[a->u->holds[i].unit].gpu, to = f->units[h->unit].gpu;
        s->changed[from] = s->changed[to] = true;
        uint32_t node = f->units[h->unit].node;
        if (node == a->f->units[a->u->holds[i].unit].node)
            continue;
        gw_interval when = after_extent(a, i);
        s->nodes[node].came = true;
        gw_interval_cover(&s->nodes[node].tenants, when.start_ms, when.end_ms);
    }
    return 0;
}

static void sum_units(settling *s)
{
    after *a = s->a;
    for (uint32_t i = 0; i < a->u->n_holds; i++) {
        const after_hold *h = &a->holds[i];
        if (!h->live)
            continue;
        s->units[a->u->holds[i].unit].held0 += a->u->holds[i].stats.allocated;
        unit_time *u = &s->units[h->unit];
        double ms = a->ret->usage.holds[i].stats.allocated;
        u->held += ms;
        /* parts are beside each other; what has all of the unit comes one after the other */
        u->wall = after_form_shared(h->form) ? GW_MAX(u->wall, ms / h->share) : u->wall + ms / h->share;
    }
    for (size_t i = 0; i < a->u->n_units; i++) {
        s->units[i].idle = s->units[i].idle0 = a->u->units[i].idle.allocated;
        s->units[i].unknown = s->units[i].unknown0 = a->u->units[i].unknown;
    }
}

/* ---- nodes' times ---- */

static int64_t ms_within(const after *a, gw_interval seen)
{
    return gw_interval_ms(gw_interval_cut(seen, a->u->window));
}

static double board_held(const settling *s, uint32_t gpu)
{
    double sum = 0;
    for (uint32_t j = s->units_of.at[gpu]; j < s->units_of.at[gpu + 1]; j++)
        sum += s->units[s->units_of.items[j]].held;
    return sum;
}

static void note_needs(settling *s)
{
    const gw_fleet *f = &s->a->ret->fleet;
    for (uint32_t g = 0; g < f->n_gpus; g++) {
        if (!s->changed[g] || f->gpus[g].node == GW_NONE)
            continue;
        node_time *n = &s->nodes[f->gpus[g].node];
        n->need = GW_MAX(n->need, board_held(s, g));
        for (uint32_t j = s->units_of.at[g]; j < s->units_of.at[g + 1]; j++)
            n->need = GW_MAX(n->need, s->units[s->units_of.items[j]].wall);
    }
}

static void widen(settling *s, uint32_t node)
{
    after *a = s->a;
    node_time *t = &s->nodes[node];
    gw_node *n = &a->ret->fleet.nodes[node];
    int64_t away = GW_MAX(0, ms_within(a, n->seen) - t->before);
    if (a->nodes[node].hired) {
        n->seen = t->came ? t->tenants : a->observed;
        away = 0;
    } else if (t->came) {
        gw_interval_cover(&n->seen, t->tenants.start_ms, t->tenants.end_ms);
        int64_t all = ms_within(a, n->seen), need = (int64_t)ceil(t->need - AFTER_SLACK_MS);
        away = GW_MIN(away, GW_MAX(0, all - need));
    }
    t->after = GW_MAX(0, ms_within(a, n->seen) - away);
    a->ret->usage.node_ms[node] = t->after;
}

static int time_nodes(settling *s)
{
    after *a = s->a;
    gw_fleet *f = &a->ret->fleet;
    if (gw_usage_fit_nodes(&a->ret->usage, f))
        return gw_fail_memory(a->e);
    note_needs(s);
    for (uint32_t i = 0; i < f->n_nodes; i++) {
        node_time *t = &s->nodes[i];
        if (a->nodes[i].released) {
            a->ret->usage.node_ms[i] = 0;
            continue;
        }
        if (!a->nodes[i].hired)
            t->before = a->ret->usage.node_ms[i];
        widen(s, i);
    }
    for (uint32_t g = 0; g < f->n_gpus; g++) {
        uint32_t node = f->gpus[g].node;
        if (node == GW_NONE || s->nodes[node].before == s->nodes[node].after)
            continue;
        s->changed[g] = true;
        gw_interval_cover(&f->gpus[g].seen, f->nodes[node].seen.start_ms, f->nodes[node].seen.end_ms);
    }
    return 0;
}

/* ---- boards ---- */

static bool is_cut_anew(const after_board *b)
{
    return b->cut && (b->form != b->was_form || b->parts != b->was_parts || b->mig);
}

/* The board's own unit, GW_NONE where it has none yet. */
static uint32_t whole_of(const settling *s, uint32_t gpu)
{
    const gw_fleet *f = &s->a->ret->fleet;
    for (uint32_t j = s->units_of.at[gpu]; j < s->units_of.at[gpu + 1]; j++) {
        if (!f->units[s->units_of.items[j]].mig_profile)
            return s->units_of.items[j];
    }
    return GW_NONE;
}

static void take(double *from, double *over)
{
    double x = GW_MIN(*from, GW_MAX(0, *over));
    *from -= x;
    *over -= x;
}

/* What is too much comes off the idle time of the board itself, then of its instances, then off what is
 * unknown. */
static void shrink(settling *s, const uint32_t *units, uint32_t n, uint32_t whole, double over)
{
    if (whole != GW_NONE)
        take(&s->units[whole].idle, &over);
    for (uint32_t j = 0; j < n; j++)
        take(&s->units[units[j]].idle, &over);
    if (whole != GW_NONE)
        take(&s->units[whole].unknown, &over);
    for (uint32_t j = 0; j < n; j++)
        take(&s->units[units[j]].unknown, &over);
}

static int add_unit(settling *s, uint32_t gpu, uint32_t node, uint32_t *ret)
{
    gw_str none = {"", 0};
    *ret = gw_fleet_unit(&s->a->ret->fleet, gpu, node, none, none, s->a->e);
    return *ret == GW_NONE ? (s->a->e ? s->a->e->code : GW_ENOMEM) : after_fit(s->a);
}

static int settle_board(settling *s, uint32_t gpu)
{
    after *a = s->a;
    const gw_fleet *f = &a->ret->fleet;
    const uint32_t *units = s->units_of.items + s->units_of.at[gpu];
    uint32_t n = s->units_of.at[gpu + 1] - s->units_of.at[gpu], whole = whole_of(s, gpu);
    const node_time *t = &s->nodes[f->gpus[gpu].node];
    bool anew = is_cut_anew(&a->boards[gpu]);
    double was = 0, held = 0, unknown = 0, sum = 0, wall = 0;
    for (uint32_t j = 0; j < n; j++) {
        unit_time *u = &s->units[units[j]];
        was += before(u);
        held += u->held;
        unknown += u->unknown;
        wall = GW_MAX(wall, u->wall);
        u->idle = anew ? 0 : GW_MAX(0, before(u) - u->held - u->unknown);
        sum += paid(u);
    }
    double most = GW_MAX((double)t->after, was);
    if (GW_MAX(held, wall) > most * (1 + 1e-9) + AFTER_SLACK_MS)
        return after_refuse(a,
                            "the tenants of GPU %s would hold it for %.0f s, and its node %s is there for "
                            "%.0f: they did not have the share that they are said to have had",
                            f->gpus[gpu].uuid, GW_MAX(held, wall) / 1000, f->nodes[f->gpus[gpu].node].name,
                            most / 1000);
    double all = GW_MIN(GW_MAX(was + (double)(t->after - t->before), held + unknown), GW_MAX(most, held));
    int rc = 0;
    if (whole == GW_NONE && all - sum >= AFTER_SLACK_MS)
        rc = add_unit(s, gpu, f->gpus[gpu].node, &whole);
    if (all > sum && whole != GW_NONE && !rc)
        s->units[whole].idle += all - sum;
    else if (sum > all)
        shrink(s, units, n, whole, sum - all);
    return rc;
}

/*
 * A node is paid for its GPUs and the time that it is there, no more and no less than before. A board that is
 * held for longer takes from what the fold put down as unobserved; GPUs that nobody reports are there for
 * longer, too.
 */
static int settle_node(settling *s, uint32_t node)
{
    after *a = s->a;
    const gw_node *n = &a->ret->fleet.nodes[node];
    const node_time *t = &s->nodes[node];
    const uint32_t *units = s->units_on.items + s->units_on.at[node];
    uint32_t n_units = s->units_on.at[node + 1] - s->units_on.at[node], dark = GW_NONE;
    double was = 0, sum = 0;
    for (uint32_t j = 0; j < n_units; j++) {
        was += before(&s->units[units[j]]);
        sum += paid(&s->units[units[j]]);
        if (a->ret->fleet.units[units[j]].gpu == GW_NONE)
            dark = units[j];
    }
    if (n->gpu_count <= 0)
        return 0;
    double target = was + (double)n->gpu_count * (double)(t->after - t->before);
    double most = GW_MAX(target, (double)n->gpu_count * (double)t->after);
    if (sum > most + AFTER_SLACK_MS) {
        double over = sum - most;
        if (dark != GW_NONE) {
            take(&s->units[dark].unknown, &over);
            take(&s->units[dark].idle, &over);
        }
        shrink(s, units, n_units, GW_NONE, over);
        double left = 0;
        for (uint32_t j = 0; j < n_units; j++)
            left += paid(&s->units[units[j]]);
        return left <= most * (1 + 1e-9) + AFTER_SLACK_MS
                   ? 0
                   : after_refuse(a, "node %s has %" PRId64 " GPUs, and its tenants would hold more", n->name,
                                  n->gpu_count);
    }
    int rc = 0;
    if (sum >= target - AFTER_SLACK_MS || t->after == t->before)
        return 0;
    if (dark == GW_NONE)
        rc = add_unit(s, GW_NONE, node, &dark);
    if (!rc)
        s->units[dark].unknown += target - sum;
    return rc;
}

static int index_units(settling *s)
{
    after *a = s->a;
    const gw_fleet *f = &a->ret->fleet;
    uint32_t *gpu = GW_NEW_ARRAY(&a->arena, uint32_t, f->n_units + 1);
    uint32_t *node = GW_NEW_ARRAY(&a->arena, uint32_t, f->n_units + 1);
    if (!gpu || !node)
        return gw_fail_memory(a->e);
    for (size_t i = 0; i < f->n_units; i++) {
        gpu[i] = f->units[i].gpu;
        node[i] = f->units[i].node;
    }
    int rc = after_group_by(a, gpu, f->n_units, f->n_gpus, &s->units_of);
    return rc ? rc : after_group_by(a, node, f->n_units, f->n_nodes, &s->units_on);
}

/* Boards, then nodes; released ones are empty. New units are not in the groups: each board and each node adds
 * one of its own at most, and needs it no more afterwards but for the sum of the node. */
static int settle_all(settling *s)
{
    after *a = s->a;
    const gw_fleet *f = &a->ret->fleet;
    bool *nodes = GW_NEW_ARRAY(&a->arena, bool, f->n_nodes + 1);
    int rc = nodes ? 0 : gw_fail_memory(a->e);
    for (uint32_t g = 0; g < f->n_gpus && !rc; g++) {
        uint32_t node = f->gpus[g].node;
        if (node == GW_NONE || a->nodes[node].released || !(s->changed[g] || is_cut_anew(&a->boards[g])))
            continue;
        nodes[node] = true;
        rc = settle_board(s, g);
    }
    rc = rc ? rc : index_units(s);
    for (uint32_t i = 0; i < f->n_nodes && !rc; i++) {
        if (a->nodes[i].released) {
            for (uint32_t j = s->units_on.at[i]; j < s->units_on.at[i + 1]; j++) {
                unit_time *u = &s->units[s->units_on.items[j]];
                u->held = u->idle = u->unknown = 0;
            }
        } else if (nodes[i] || s->nodes[i].before != s->nodes[i].after) {
            rc = settle_node(s, i);
        }
    }
    return rc;
}

/* ---- writing it down ---- */

static int write_units(settling *s)
{
    after *a = s->a;
    static const gw_stats nothing = {.borrows = true};
    for (size_t i = 0; i < a->ret->usage.n_units; i++) {
        unit_time *u = &s->units[i];
        gw_unit_usage *x = &a->ret->usage.units[i];
        if (u->idle == u->idle0 && u->unknown == u->unknown0 && u->held == u->held0)
            continue;
        if (u->idle != u->idle0 &&
            after_stats_idle(&x->idle, i < a->u->n_units ? &a->u->units[i].idle : &nothing, u->idle))
            return gw_fail_memory(a->e);
        x->unknown = u->unknown;
        x->paid = paid(u);
    }
    return 0;
}

static gw_str key_of(uint32_t pair[2])
{
    return (gw_str){(const char *)pair, 2 * sizeof(*pair)};
}

/* The map of holds; a tenant that comes where it has been before has one hold there, not two. */
static int index_holds(after *a)
{
    gw_usage *u = &a->ret->usage;
    for (uint32_t i = 0; i < u->n_holds; i++) {
        uint32_t pair[2] = {a->u->holds[i].unit, u->holds[i].pod};
        if (a->holds[i].live && !after_stays(a, i) && gw_map_set(&u->by_hold, key_of(pair), GW_NONE))
            return gw_fail_memory(a->e);
    }
    for (uint32_t i = 0; i < u->n_holds; i++) {
        uint32_t pair[2] = {u->holds[i].unit, u->holds[i].pod};
        if (!a->holds[i].live || after_stays(a, i))
            continue;
        uint32_t at = gw_map_get(&u->by_hold, key_of(pair));
        if (at == GW_NONE) {
            if (gw_map_set(&u->by_hold, key_of(pair), i))
                return gw_fail_memory(a->e);
            continue;
        }
        if (gw_stats_merge(&u->holds[at].stats, &u->holds[i].stats))
            return gw_fail_memory(a->e);
        u->holds[at].shared |= u->holds[i].shared;
        gw_stats_free(&u->holds[i].stats);
    }
    return 0;
}

/* What nodes and boards say of how they are handed out. A node says it of all its boards or not at all. */
static void say_forms(after *a)
{
    gw_fleet *f = &a->ret->fleet;
    for (uint32_t g = 0; g < f->n_gpus; g++) {
        const after_board *b = &a->boards[g];
        uint32_t node = f->gpus[g].node;
        if (!is_cut_anew(b) || node == GW_NONE)
            continue;
        f->gpus[g].mig = b->form == GW_FORM_MIG;
        bool all = true;
        for (uint32_t o = 0; o < f->n_gpus && all; o++)
            all = f->gpus[o].node != node || (a->boards[o].form == b->form && a->boards[o].parts == b->parts);
        gw_node *n = &f->nodes[node];
        n->replicas = all ? b->parts : 1;
        n->sharing = !all || !after_form_shared(b->form) ? GW_SHARING_NONE
                     : b->form == GW_FORM_MPS            ? GW_SHARING_MPS
                                                         : GW_SHARING_TIME_SLICING;
    }
}

int after_settle(after *a)
{
    const gw_fleet *f = &a->ret->fleet;
    settling s = {.a = a,
                  .units = GW_NEW_ARRAY(&a->arena, unit_time, f->n_units + f->n_gpus + f->n_nodes + 1),
                  .nodes = GW_NEW_ARRAY(&a->arena, node_time, f->n_nodes + 1),
                  .changed = GW_NEW_ARRAY(&a->arena, bool, f->n_gpus + 1)};
    if (!s.units || !s.nodes || !s.changed)
        return gw_fail_memory(a->e);
    a->where[0] = '\0';
    a->now = 0;
    int rc = scale_holds(&s);
    if (rc)
        return rc;
    sum_units(&s);
    rc = index_units(&s);
    rc = rc ? rc : time_nodes(&s);
    rc = rc ? rc : settle_all(&s);
    rc = rc ? rc : write_units(&s);
    rc = rc ? rc : index_holds(a);
    if (!rc)
        say_forms(a);
    return rc;
}
