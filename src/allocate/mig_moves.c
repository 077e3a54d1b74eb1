/* From one layout of a board to another with the least running work disturbed. */
#include "allocate/mig.h"

/* What is disturbed, the most important first; compared in this order. */
enum { DRAINED, DRAINED_COMPUTE, DESTROYED, WAITING, WAITING_COMPUTE, N_COSTS };

typedef struct move_search {
    const gw_mig_board *b;
    const gw_mig_layout *from;
    int item[GW_MIG_SLOTS_MAX]; /* profiles of the target, the largest first */
    size_t n_items;
    gw_mig_instance at[GW_MIG_SLOTS_MAX]; /* where the items stand, as far as the search has come */
    bool found;
    int cost[N_COSTS];
    gw_mig_change best;
} move_search;

static int cost_compare(const int *a, const int *b, int n)
{
    for (int i = 0; i < n; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static bool stands_in(const gw_mig_instance *at, size_t n, const gw_mig_instance *i)
{
    for (size_t k = 0; k < n; k++)
        if (at[k].profile == i->profile && at[k].start == i->start)
            return true;
    return false;
}

/* ---- the order of steps between two given layouts ---- */

typedef struct walk {
    const gw_mig_board *b;
    gw_mig_instance create[GW_MIG_SLOTS_MAX], drain[GW_MIG_SLOTS_MAX];
    size_t n_create, n_drain;
    gw_mig_step steps[GW_MIG_STEPS_MAX], best[GW_MIG_STEPS_MAX];
    size_t n_best;
    int best_waiting, best_compute; /* works without a place, and their compute slices */
} walk;

/* What exists at one point of the walk. */
typedef struct state {
    unsigned taken;                              /* slots */
    gw_mig_set present;                          /* instances, for the greatest number of each profile */
    unsigned created, done;                      /* bits of walk.create and walk.drain */
    gw_mig_instance place[2 * GW_MIG_SLOTS_MAX]; /* instances that stay and that nothing works on */
    size_t n_places;
    size_t n_steps;
    int waiting, compute;
} state;

static void add_step(walk *w, state *s, gw_mig_step_kind kind, const gw_mig_instance *i, int move_to)
{
    w->steps[s->n_steps++] = (gw_mig_step){kind, i->profile, i->start, move_to};
}

static void remove_instance(walk *w, state *s, const gw_mig_instance *i)
{
    s->taken &= ~gw_mig_slots(w->b, i->profile, i->start);
    s->present.n[i->profile]--;
    add_step(w, s, GW_MIG_DESTROY, i, GW_MIG_NONE);
}

static void create_what_fits(walk *w, state *s)
{
    for (size_t k = 0; k < w->n_create; k++) {
        const gw_mig_instance *i = &w->create[k];
        unsigned slots = gw_mig_slots(w->b, i->profile, i->start);
        if ((s->created >> k & 1u) || (s->taken & slots) ||
            s->present.n[i->profile] >= w->b->profiles[i->profile].max)
            continue;
        s->created |= 1u << k;
        s->taken |= slots;
        s->present.n[i->profile]++;
        s->place[s->n_places++] = *i;
        add_step(w, s, GW_MIG_CREATE, i, GW_MIG_NONE);
    }
}

/* Work from one profile can go on with another: as much of everything, and the same extensions if it has any.
 */
static bool can_host(const gw_mig_board *b, int host, int work)
{
    const gw_mig_profile *h = &b->profiles[host], *w = &b->profiles[work];
    const char *extension = strpbrk(w->name, "+-"), *theirs = strpbrk(h->name, "+-");
    if (extension && !gw_eq(extension, theirs))
        return false;
    return h->compute >= w->compute && h->memory_mib >= w->memory_mib &&
           gw_mig_compute_share(b, h) >= gw_mig_compute_share(b, w);
}

/* The smallest place that work of this profile can go to; SIZE_MAX. */
static size_t find_place(const gw_mig_board *b, const state *s, int work)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < s->n_places; i++) {
        if (!can_host(b, s->place[i].profile, work))
            continue;
        const gw_mig_profile *p = &b->profiles[s->place[i].profile];
        const gw_mig_profile *q = best == SIZE_MAX ? NULL : &b->profiles[s->place[best].profile];
        if (!q || p->size < q->size || (p->size == q->size && p->compute < q->compute))
            best = i;
    }
    return best;
}

static bool waits_less(const walk *w, const state *s)
{
    return s->waiting < w->best_waiting || (s->waiting == w->best_waiting && s->compute < w->best_compute);
}

/* All orders of draining; depth is at most the slots of a board. */
static void walk_on(walk *w, state s)
{
    create_what_fits(w, &s);
    if (s.done == (1u << w->n_drain) - 1u) {
        if (waits_less(w, &s)) {
            w->best_waiting = s.waiting;
            w->best_compute = s.compute;
            w->n_best = s.n_steps;
            memcpy(w->best, w->steps, s.n_steps * sizeof(*w->steps));
        }
        return;
    }
    for (size_t k = 0; k < w->n_drain; k++) {
        if (s.done >> k & 1u)
            continue;
        state next = s;
        size_t place = find_place(w->b, &s, w->drain[k].profile);
        int move_to = place == SIZE_MAX ? GW_MIG_NONE : s.place[place].start;
        if (place != SIZE_MAX) {
            next.place[place] = next.place[--next.n_places];
        } else {
            next.waiting++;
            next.compute += w->b->profiles[w->drain[k].profile].compute;
        }
        if (!waits_less(w, &next))
            continue;
        next.done |= 1u << k;
        add_step(w, &next, GW_MIG_DRAIN, &w->drain[k], move_to);
        remove_instance(w, &next, &w->drain[k]);
        walk_on(w, next);
    }
}

/* The steps from m->from to the layout at m->at. */
static void find_steps(const move_search *m, walk *w)
{
    state s = {0};
    *w = (walk){.b = m->b, .best_waiting = GW_MIG_SLOTS_MAX + 1};
    for (size_t i = 0; i < m->from->n; i++) {
        s.taken |= gw_mig_slots(m->b, m->from->at[i].profile, m->from->at[i].start);
        s.present.n[m->from->at[i].profile]++;
    }
    for (size_t i = 0; i < m->from->n; i++) {
        const gw_mig_instance *old = &m->from->at[i];
        bool kept = stands_in(m->at, m->n_items, old);
        if (kept && !old->running)
            s.place[s.n_places++] = *old;
        else if (!kept && old->running)
            w->drain[w->n_drain++] = *old;
        else if (!kept)
            remove_instance(w, &s, old);
    }
    for (size_t i = 0; i < m->n_items; i++)
        if (!stands_in(m->from->at, m->from->n, &m->at[i]))
            w->create[w->n_create++] = m->at[i];
    walk_on(w, s);
}

/* ---- which layout ---- */

static void count_costs(const move_search *m, int cost[N_COSTS])
{
    memset(cost, 0, N_COSTS * sizeof(*cost));
    for (size_t i = 0; i < m->from->n; i++) {
        const gw_mig_instance *old = &m->from->at[i];
        if (stands_in(m->at, m->n_items, old))
            continue;
        cost[DESTROYED]++;
        cost[DRAINED] += old->running;
        cost[DRAINED_COMPUTE] += old->running ? m->b->profiles[old->profile].compute : 0;
    }
}

static void keep_result(move_search *m, const int *cost, const walk *w)
{
    gw_mig_change *c = &m->best;
    *c = (gw_mig_change){.drained = cost[DRAINED],
                         .drained_compute = cost[DRAINED_COMPUTE],
                         .destroyed = cost[DESTROYED],
                         .waiting = cost[WAITING],
                         .n_steps = w->n_best};
    memcpy(c->steps, w->best, w->n_best * sizeof(*w->best));
    for (int start = 0; start < m->b->slots; start++) {
        for (size_t i = 0; i < m->n_items; i++) {
            if (m->at[i].start != start)
                continue;
            c->to.at[c->to.n] = m->at[i];
            for (size_t k = 0; k < m->from->n; k++)
                c->to.at[c->to.n].running |=
                    m->from->at[k].running && stands_in(&m->from->at[k], 1, &m->at[i]);
            c->to.n++;
        }
    }
    memcpy(m->cost, cost, sizeof(m->cost));
    m->found = true;
}

static void judge(move_search *m)
{
    int cost[N_COSTS];
    walk w;
    count_costs(m, cost);
    if (m->found && cost_compare(cost, m->cost, WAITING) > 0)
        return;
    find_steps(m, &w);
    cost[WAITING] = w.best_waiting;
    cost[WAITING_COMPUTE] = w.best_compute;
    if (!m->found || cost_compare(cost, m->cost, N_COSTS) < 0)
        keep_result(m, cost, &w);
}

/* All layouts of the items; equal ones stand in falling order, so that each layout comes once. */
static void try_places(move_search *m, size_t i, unsigned taken)
{
    if (i == m->n_items) {
        judge(m);
        return;
    }
    int p = m->item[i];
    int start = i > 0 && m->item[i - 1] == p ? m->at[i - 1].start - 1 : m->b->slots - 1;
    for (; start >= 0; start--) {
        unsigned slots = gw_mig_slots(m->b, p, start);
        if (!(m->b->profiles[p].starts >> start & 1u) || (taken & slots))
            continue;
        m->at[i] = (gw_mig_instance){p, start, false};
        try_places(m, i + 1, taken | slots);
    }
}

int gw_mig_repartition(const gw_mig_board *b, const gw_mig_layout *from, const gw_mig_set *to,
                       gw_mig_change *ret, gw_error *e)
{
    if (!gw_mig_fit(b, to, NULL))
        return gw_fail(e, GW_ENOTFOUND, "these slices do not fit on one %s; 'mig fit' tells on how many",
                       b->name);
    move_search m = {.b = b, .from = from};
    for (int size = b->slots; size > 0; size--) {
        for (size_t p = 0; p < b->n_profiles; p++) {
            for (int i = 0; b->profiles[p].size == size && i < to->n[p]; i++)
                m.item[m.n_items++] = (int)p;
        }
    }
    try_places(&m, 0, 0);
    *ret = m.best;
    return 0;
}
