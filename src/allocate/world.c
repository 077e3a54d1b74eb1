/* State and journal: putting tenants on boards and nodes, and taking it back. */
#include "allocate/world_internal.h"

/* ---- boards ---- */

static void board_sum(gw_world *w, gw_board *b)
{
    b->compute_p95 = 0;
    for (int i = 0; i < b->n; i++) {
        double p95 = w->tenants[b->at[i]].facts.compute_p95;
        b->compute_p95 += p95 < 0 ? 1 : p95;
    }
}

static int mig_profile(const gw_board *b, const gw_seat *s)
{
    return b->mig && s->profile ? gw_mig_profile_find(b->mig, gw_str_of(s->profile)) : GW_MIG_NONE;
}

static void sit(gw_world *w, uint32_t tenant)
{
    gw_tenant *t = &w->tenants[tenant];
    gw_world_node *n = &w->nodes[t->node];
    if (!t->daemon) {
        if (gw_grow((void **)&n->at, &n->cap, (size_t)n->n + 1, sizeof(*n->at), GW_FLEET_MAX_PODS)) {
            w->failed = true;
            return;
        }
        n->at[n->n++] = tenant;
    }
    if (t->pod != GW_NONE || t->n_units) {
        n->cpu_free -= t->cpu_milli;
        n->memory_free -= t->memory_mib;
        n->disk_free -= n->disk_free == GW_UNKNOWN_COUNT ? 0 : t->disk_mib;
        n->pods_free--;
    }
    for (uint32_t i = 0; i < t->n_units; i++) {
        gw_board *b = t->seats[i].gpu < w->fleet->n_gpus ? &w->boards[t->seats[i].gpu] : NULL;
        if (!b || !b->at || b->n == GW_PLAN_PARTS_MAX)
            continue;
        b->at[b->n++] = tenant;
        int p = mig_profile(b, &t->seats[i]);
        if (p != GW_MIG_NONE)
            b->used.n[p]++;
        board_sum(w, b);
    }
}

static void leave_list(uint32_t *at, uint32_t *n, uint32_t tenant)
{
    for (uint32_t i = *n; i-- > 0;) {
        if (at[i] == tenant) {
            memmove(at + i, at + i + 1, (*n - i - 1) * sizeof(*at));
            (*n)--;
            return;
        }
    }
}

static void stand(gw_world *w, uint32_t tenant)
{
    gw_tenant *t = &w->tenants[tenant];
    gw_world_node *n = &w->nodes[t->node];
    if (!t->daemon)
        leave_list(n->at, &n->n, tenant);
    if (t->pod != GW_NONE || t->n_units) {
        n->cpu_free += t->cpu_milli;
        n->memory_free += t->memory_mib;
        n->disk_free += n->disk_free == GW_UNKNOWN_COUNT ? 0 : t->disk_mib;
        n->pods_free++;
    }
    for (uint32_t i = 0; i < t->n_units; i++) {
        gw_board *b = t->seats[i].gpu < w->fleet->n_gpus ? &w->boards[t->seats[i].gpu] : NULL;
        if (!b || !b->at)
            continue;
        uint32_t m = (uint32_t)b->n;
        leave_list(b->at, &m, tenant);
        if ((int)m == b->n)
            continue;
        b->n = (int)m;
        int p = mig_profile(b, &t->seats[i]);
        if (p != GW_MIG_NONE)
            b->used.n[p]--;
        board_sum(w, b);
    }
}

void gw_world_sit(gw_world *w, uint32_t tenant)
{
    sit(w, tenant);
}

/* ---- the journal ---- */

static gw_world_step *note(gw_world *w, gw_step_kind kind, uint32_t subject)
{
    if (w->failed ||
        gw_grow((void **)&w->steps, &w->cap_steps, w->n_steps + 1, sizeof(*w->steps), GW_WORLD_STEPS_MAX)) {
        w->failed = true;
        return NULL;
    }
    gw_world_step *s = &w->steps[w->n_steps++];
    *s = (gw_world_step){.kind = kind, .subject = subject};
    return s;
}

size_t gw_world_mark(const gw_world *w)
{
    return w->n_steps;
}

void gw_world_put(gw_world *w, uint32_t tenant, uint32_t node, const gw_seat *seats)
{
    gw_tenant *t = &w->tenants[tenant];
    gw_seat *old = t->n_units > 1 ? GW_NEW_ARRAY(&w->arena, gw_seat, t->n_units) : NULL;
    gw_world_step *s = t->n_units > 1 && !old ? NULL : note(w, GW_STEP_PUT, tenant);
    if (!s) {
        w->failed = true;
        return;
    }
    s->node = t->node;
    s->flag = t->moved;
    s->flag2 = w->nodes[node].received;
    s->to = node;
    if (old)
        memcpy(old, t->seats, t->n_units * sizeof(*old));
    s->seats = old;
    if (t->n_units == 1)
        s->one = t->seats[0];
    s->stamp = w->nodes[t->node].stamp;
    s->stamp_to = w->nodes[node].stamp;
    w->nodes[t->node].stamp = w->nodes[node].stamp = ++w->stamps;
    stand(w, tenant);
    if (t->n_units)
        memcpy(t->seats, seats, t->n_units * sizeof(*seats));
    t->node = node;
    t->moved = true;
    if (node != s->node)
        w->nodes[node].received = true;
    sit(w, tenant);
}

void gw_world_cut(gw_world *w, uint32_t gpu, gw_form form, int parts, const gw_mig_set *cut)
{
    gw_board *b = &w->boards[gpu];
    gw_world_step *s = note(w, GW_STEP_CUT, gpu);
    if (!s)
        return;
    s->form = b->form;
    s->parts = b->parts;
    s->flag = b->recut;
    s->cut = b->cut;
    s->stamp = w->nodes[b->node].stamp;
    w->nodes[b->node].stamp = ++w->stamps;
    b->form = form;
    b->parts = parts;
    b->recut = true;
    b->cut = cut ? *cut : (gw_mig_set){{0}};
}

void gw_world_close(gw_world *w, uint32_t node, bool closed)
{
    gw_world_step *s = note(w, GW_STEP_CLOSE, node);
    if (!s)
        return;
    s->flag = w->nodes[node].closed;
    w->nodes[node].closed = closed;
}

void gw_world_resize(gw_world *w, uint32_t tenant, int64_t cpu_milli, int64_t memory_mib)
{
    gw_tenant *t = &w->tenants[tenant];
    gw_world_step *s = note(w, GW_STEP_RESIZE, tenant);
    if (!s)
        return;
    gw_world_node *n = &w->nodes[t->node];
    s->cpu_milli = t->cpu_milli;
    s->memory_mib = t->memory_mib;
    s->stamp = n->stamp;
    n->stamp = ++w->stamps;
    n->cpu_free += t->cpu_milli - cpu_milli;
    n->memory_free += t->memory_mib - memory_mib;
    t->cpu_milli = cpu_milli;
    t->memory_mib = memory_mib;
}

void gw_world_release(gw_world *w, uint32_t node)
{
    if (note(w, GW_STEP_RELEASE, node))
        w->nodes[node].released = true;
}

static void undo(gw_world *w, const gw_world_step *s)
{
    gw_tenant *t = s->kind == GW_STEP_PUT || s->kind == GW_STEP_RESIZE ? &w->tenants[s->subject] : NULL;
    gw_board *b = s->kind == GW_STEP_CUT ? &w->boards[s->subject] : NULL;
    switch (s->kind) {
    case GW_STEP_PUT:
        stand(w, s->subject);
        w->nodes[s->to].received = s->flag2;
        if (t->n_units)
            memcpy(t->seats, t->n_units > 1 ? s->seats : &s->one, t->n_units * sizeof(*t->seats));
        t->node = s->node;
        t->moved = s->flag;
        sit(w, s->subject);
        w->nodes[s->to].stamp = s->stamp_to;
        w->nodes[s->node].stamp = s->stamp;
        break;
    case GW_STEP_CUT:
        b->form = s->form;
        b->parts = s->parts;
        b->recut = s->flag;
        b->cut = s->cut;
        w->nodes[b->node].stamp = s->stamp;
        break;
    case GW_STEP_CLOSE:
        w->nodes[s->subject].closed = s->flag;
        break;
    case GW_STEP_RELEASE:
        w->nodes[s->subject].released = false;
        break;
    case GW_STEP_RESIZE:
        w->nodes[t->node].cpu_free += t->cpu_milli - s->cpu_milli;
        w->nodes[t->node].memory_free += t->memory_mib - s->memory_mib;
        t->cpu_milli = s->cpu_milli;
        t->memory_mib = s->memory_mib;
        w->nodes[t->node].stamp = s->stamp;
        break;
    }
}

void gw_world_undo(gw_world *w, size_t mark)
{
    while (w->n_steps > mark)
        undo(w, &w->steps[--w->n_steps]);
}
