/* What a trial came to, as a change that others can carry out, book and export. */
#include "allocate/world_internal.h"

/* Journal entries since a mark, each subject once: what it was before them. */
typedef struct before {
    uint32_t *list;
    const gw_world_step **step;
    size_t n;
} before;

static int collect(const gw_world *w, size_t mark, gw_step_kind kind, size_t subjects, gw_arena *a,
                   before *ret)
{
    bool *met = gw_calloc(subjects + 1, sizeof(*met));
    *ret = (before){.list = GW_NEW_ARRAY(a, uint32_t, w->n_steps - mark + 1),
                    .step = GW_NEW_ARRAY(a, const gw_world_step *, w->n_steps - mark + 1)};
    for (size_t i = mark; met && ret->list && ret->step && i < w->n_steps; i++) {
        const gw_world_step *s = &w->steps[i];
        if (s->kind != kind || met[s->subject])
            continue;
        met[s->subject] = true;
        ret->list[ret->n] = s->subject;
        ret->step[ret->n++] = s;
    }
    bool ok = met && ret->list && ret->step;
    gw_free(met);
    return ok ? 0 : GW_ENOMEM;
}

static const char *layout_text(const gw_mig_board *b, const gw_mig_layout *l, gw_arena *a)
{
    const char *text = "";
    for (size_t i = 0; text && i < l->n; i++)
        text = gw_arena_printf(a, "%s%s%s@%d", text, i ? "," : "", b->profiles[l->at[i].profile].name,
                               l->at[i].start);
    return text;
}

static const char *set_text(const gw_mig_board *b, const gw_mig_set *s, gw_arena *a)
{
    const char *text = "";
    for (size_t p = 0; text && p < b->n_profiles; p++) {
        if (s->n[p])
            text = gw_arena_printf(a, "%s%s%dx%s", text, *text ? "," : "", s->n[p], b->profiles[p].name);
    }
    return text;
}

/* Where each instance of a board that was cut here starts, and who gets it. */
static int assign(gw_world *w, uint32_t gpu, gw_arena *a, const char **ret)
{
    gw_board *b = &w->boards[gpu];
    gw_mig_layout l;
    bool given[GW_MIG_SLOTS_MAX] = {false};
    if (!gw_mig_fit(b->mig, &b->cut, &l))
        return GW_EINTERNAL;
    for (int i = 0; i < b->n; i++) {
        gw_tenant *t = &w->tenants[b->at[i]];
        for (uint32_t k = 0; k < t->n_units; k++) {
            gw_seat *s = &t->seats[k];
            if (s->gpu != gpu || !s->profile)
                continue;
            for (size_t x = 0; x < l.n; x++) {
                if (!given[x] && gw_eq(b->mig->profiles[l.at[x].profile].name, s->profile)) {
                    given[x] = true;
                    s->start = l.at[x].start;
                    break;
                }
            }
        }
    }
    *ret = layout_text(b->mig, &l, a);
    return *ret ? 0 : GW_ENOMEM;
}

/* What brings parts of boards to the pods of this node: the scheduler that all of them name. */
static gw_via via_of(const gw_world *w, uint32_t node, gw_form form)
{
    const gw_world_node *n = &w->nodes[node];
    const char *scheduler = NULL;
    for (uint32_t i = 0; i < n->n; i++) {
        const gw_tenant *t = &w->tenants[n->at[i]];
        const char *mine = t->n_rules ? t->rules[0]->scheduler : NULL;
        if (t->n_units == 0)
            continue;
        if (!mine || (scheduler && !gw_eq(mine, scheduler)))
            return GW_VIA_DEVICE_PLUGIN;
        scheduler = mine;
    }
    if (form == GW_FORM_MIG || form == GW_FORM_WHOLE)
        return GW_VIA_DEVICE_PLUGIN; /* MIG instances are resources, whoever schedules */
    return gw_eq(scheduler, "kai-scheduler")    ? GW_VIA_KAI
           : gw_eq(scheduler, "hami-scheduler") ? GW_VIA_HAMI
                                                : GW_VIA_DEVICE_PLUGIN;
}

static int list_cuts(gw_world *w, size_t mark, gw_arena *a, gw_change *c)
{
    before b;
    int rc = collect(w, mark, GW_STEP_CUT, w->fleet->n_gpus, a, &b);
    gw_cut *out = rc ? NULL : GW_NEW_ARRAY(a, gw_cut, b.n + 1);
    if (!out)
        return GW_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < b.n; i++) {
        const gw_board *x = &w->boards[b.list[i]];
        gw_cut *cut = &out[n];
        if (x->form == b.step[i]->form && x->parts == b.step[i]->parts &&
            gw_mig_set_eq(&x->cut, &b.step[i]->cut))
            continue;
        *cut = (gw_cut){
            .gpu = b.list[i], .form = x->form, .via = via_of(w, x->node, x->form), .parts = x->parts};
        if (b.step[i]->form == GW_FORM_MIG) {
            cut->was_layout = set_text(x->mig, &b.step[i]->cut, a);
            if (!cut->was_layout)
                return GW_ENOMEM;
        }
        if (x->form == GW_FORM_MIG) {
            rc = assign(w, b.list[i], a, &cut->layout);
            if (rc)
                return rc;
        }
        n++;
    }
    c->cuts = out;
    c->n_cuts = n;
    return 0;
}

static bool same_seats(const gw_seat *a, const gw_seat *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (a[i].gpu != b[i].gpu || a[i].form != b[i].form || a[i].parts != b[i].parts ||
            !gw_eq(a[i].profile, b[i].profile))
            return false;
    }
    return true;
}

static int list_moves(gw_world *w, size_t mark, gw_arena *a, gw_change *c)
{
    before b;
    int rc = collect(w, mark, GW_STEP_PUT, w->n_tenants, a, &b);
    gw_move *out = rc ? NULL : GW_NEW_ARRAY(a, gw_move, 2 * b.n + 1);
    if (!out)
        return GW_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < b.n; i++) {
        const gw_tenant *t = &w->tenants[b.list[i]];
        const gw_world_step *s = b.step[i];
        const gw_seat *old = t->n_units > 1 ? s->seats : &s->one;
        if (t->node == s->node && same_seats(old, t->seats, t->n_units))
            continue;
        gw_seat *was = GW_NEW_ARRAY(a, gw_seat, t->n_units + 1),
                *to = GW_NEW_ARRAY(a, gw_seat, t->n_units + 1);
        uint32_t *units = GW_NEW_ARRAY(a, uint32_t, t->n_units + 1); /* the plan outlives the world */
        if (!was || !to || !units)
            return GW_ENOMEM;
        memcpy(units, t->units, t->n_units * sizeof(*units));
        memcpy(was, old, t->n_units * sizeof(*was));
        memcpy(to, t->seats, t->n_units * sizeof(*to));
        gw_move m = {.pod = t->pod,
                     .units = units,
                     .n_units = t->n_units,
                     .was = was,
                     .to = to,
                     .from = s->node,
                     .node = t->node,
                     .restarts = t->pod != GW_NONE};
        out[n++] = m;
        if (t->past && t->pod != GW_NONE) {
            m.pod = GW_NONE;
            m.restarts = false;
            out[n++] = m;
        }
    }
    c->moves = out;
    c->n_moves = n;
    return 0;
}

static int list_released(const gw_world *w, size_t mark, gw_arena *a, gw_change *c)
{
    before b;
    if (collect(w, mark, GW_STEP_RELEASE, w->fleet->n_nodes, a, &b))
        return GW_ENOMEM;
    c->released = b.list;
    c->n_released = b.n;
    return 0;
}

int gw_world_change(gw_world *w, size_t mark, gw_arena *arena, gw_change *ret, gw_error *e)
{
    gw_change c = {0};
    int rc = list_cuts(w, mark, arena, &c);
    rc = rc ? rc : list_moves(w, mark, arena, &c);
    rc = rc ? rc : list_released(w, mark, arena, &c);
    if (rc == GW_EINTERNAL)
        return gw_fail(e, rc, "a board was to be cut in a way that it does not take; please report this");
    if (rc)
        return gw_fail_memory(e);
    *ret = c;
    return 0;
}

const char *gw_tenant_name(const gw_world *w, uint32_t tenant, gw_arena *arena)
{
    const gw_tenant *t = &w->tenants[tenant];
    if (t->pod != GW_NONE) {
        const gw_pod *p = &w->fleet->pods[t->pod];
        return gw_arena_printf(arena, "pod %s/%s", p->ns, p->name);
    }
    uint32_t gpu = w->fleet->units[t->units[0]].gpu;
    return gw_arena_printf(arena, "what ran on %s", gpu == GW_NONE ? "a GPU" : w->fleet->gpus[gpu].uuid);
}
