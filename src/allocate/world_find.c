/* Where a tenant may sit, where it would best, and emptying a node. */
#include "allocate/world_internal.h"

#define NODE_TENANTS_MAX 1024 /* a kubelet runs a few hundred pods */

static bool refuse(const char **why, const char *text)
{
    if (why)
        *why = text;
    return false;
}

bool gw_world_may(const gw_world *w, uint32_t tenant, uint32_t node, const char **why)
{
    const gw_tenant *t = &w->tenants[tenant];
    const gw_world_node *n = &w->nodes[node];
    const gw_node *to = &w->fleet->nodes[node], *from = &w->fleet->nodes[t->was_node];
    if (!n->here || n->released || n->closed)
        return refuse(why, "the node takes no pods");
    if (!gw_eq(to->cluster, from->cluster))
        return refuse(why, "the node is of another cluster");
    if (!n->room_known)
        return refuse(why, "what is free on the node is not known");
    if (t->node != node && (t->cpu_milli > n->cpu_free || t->memory_mib > n->memory_free || n->pods_free < 1))
        return refuse(why, t->cpu_milli > n->cpu_free       ? "no node with enough free CPU"
                           : t->memory_mib > n->memory_free ? "no node with enough free memory"
                                                            : "no node that takes another pod");
    if (t->node != node && t->disk_mib > 0 &&
        (n->disk_free == GW_UNKNOWN_COUNT || t->disk_mib > n->disk_free))
        return refuse(why, "no node with enough free ephemeral storage");
    if (t->n_rules == 0)
        return refuse(why, "its scheduling rules are not known");
    for (uint32_t i = 0; i < t->n_rules; i++) {
        gw_refusal no;
        if (!gw_rules_allow_node(t->rules[i], to, &no))
            return refuse(why, no.kind == GW_RULE_TAINT      ? "taints"
                               : no.kind == GW_RULE_CORDONED ? "cordoned nodes"
                                                             : "its node selector, affinity or volumes");
    }
    return gw_world_neighbours(w, tenant, node, why);
}

/* ---- seats ---- */

static bool same_model(const gw_world *w, const gw_tenant *t, const gw_board *b)
{
    uint32_t gpu = t->was[0].gpu;
    if (gpu >= w->fleet->n_gpus)
        return false;
    const gw_board *mine = &w->boards[gpu];
    return mine->model && gw_eq(mine->model, b->model) &&
           (mine->memory_mib == GW_UNKNOWN_COUNT || b->memory_mib == GW_UNKNOWN_COUNT ||
            b->memory_mib >= mine->memory_mib * 99 / 100);
}

static const gw_share_way *way_of(const gw_tenant *t, gw_form form)
{
    for (size_t i = 0; i < t->choice.n; i++) {
        if (t->choice.ways[i].form == form)
            return &t->choice.ways[i];
    }
    return NULL;
}

/* Whether two nodes offer shared GPUs and MIG instances by the same names, as far as their labels and what is
 * allocatable tell. */
static bool same_offer(const gw_world *w, uint32_t a, uint32_t b)
{
    const gw_node *x = &w->fleet->nodes[a], *y = &w->fleet->nodes[b];
    return a == b || (gw_eq(gw_labels_exact(&x->labels, "nvidia.com/mig.strategy"),
                            gw_labels_exact(&y->labels, "nvidia.com/mig.strategy")) &&
                      x->allocatable_gpus != GW_UNKNOWN_COUNT && y->allocatable_gpus != GW_UNKNOWN_COUNT &&
                      (x->allocatable_gpus > 0) == (y->allocatable_gpus > 0));
}

/* ... and whether somebody there asks for them by the name that this pod does. */
static bool same_resource(const gw_world *w, const gw_tenant *t, uint32_t node)
{
    const gw_world_node *n = &w->nodes[node];
    for (uint32_t i = 0; i < n->n && t->pod != GW_NONE; i++) {
        const gw_tenant *o = &w->tenants[n->at[i]];
        if (o->pod != GW_NONE && o->n_units &&
            w->fleet->pods[o->pod].resource == w->fleet->pods[t->pod].resource)
            return true;
    }
    return false;
}

static bool takes_part(const gw_world *w, uint32_t tenant, const gw_board *b)
{
    const gw_tenant *t = &w->tenants[tenant];
    const gw_share_way *way = way_of(t, b->form);
    bool at_home = t->was[0].form == b->form && t->was[0].parts >= b->parts;
    if (b->n >= b->parts || (!at_home && !(b->recut && way && way->max_parts >= b->parts)))
        return false;
    if (!b->recut && (!same_offer(w, t->was_node, b->node) || !same_resource(w, t, b->node)))
        return false;
    double limit = t->headroom.compute_p95, memory = t->headroom.memory_peak;
    int64_t peaks = t->facts.memory_peak_mib;
    for (int i = 0; i < b->n; i++) {
        const gw_tenant *o = &w->tenants[b->at[i]];
        if (!gw_share_together(b->form, &t->headroom, &o->headroom))
            return false;
        limit = GW_MIN(limit, o->headroom.compute_p95);
        memory = GW_MIN(memory, o->headroom.memory_peak);
        peaks = peaks < 0 || o->facts.memory_peak_mib < 0 ? -1 : peaks + o->facts.memory_peak_mib;
    }
    /* time slices keep nobody's memory from another's: all peaks together must fit; MPS holds each to its
     * part */
    if (peaks < 0 || b->memory_mib < 0 || (double)peaks > memory * (double)b->memory_mib ||
        (double)t->facts.memory_peak_mib > (double)b->memory_mib / b->parts)
        return false;
    return t->facts.compute_p95 >= 0 && b->compute_p95 + t->facts.compute_p95 <= limit;
}

/* The instance it would get: one that is free, or one that can still be cut. GW_MIG_NONE. */
static int takes_instance(const gw_world *w, const gw_tenant *t, const gw_board *b)
{
    const gw_share_way *way = way_of(t, GW_FORM_MIG);
    int need = GW_MIG_NONE;
    if (!b->mig)
        return GW_MIG_NONE;
    if (t->was[0].form == GW_FORM_MIG)
        need = gw_mig_profile_find(b->mig, gw_str_of(t->was[0].profile));
    else if (b->recut && way && way->mig == b->mig)
        need = (int)(way->profile - b->mig->profiles);
    if (need == GW_MIG_NONE || (!b->recut && !same_offer(w, t->was_node, b->node)))
        return GW_MIG_NONE;
    if (b->used.n[need] < b->cut.n[need])
        return need;
    gw_mig_set more = b->cut;
    more.n[need]++;
    return b->recut && gw_mig_fit(b->mig, &more, NULL) ? need : GW_MIG_NONE;
}

static gw_seat seat_on(const gw_world *w, uint32_t gpu, int profile)
{
    const gw_board *b = &w->boards[gpu];
    gw_seat s = {
        .gpu = gpu, .form = b->form, .parts = 1, .start = -1, .share = 1, .memory_mib = b->memory_mib};
    if (b->form == GW_FORM_MIG) {
        const gw_mig_profile *p = &b->mig->profiles[profile];
        s.profile = p->name;
        s.share = (double)p->compute / b->mig->compute;
        s.memory_mib = p->memory_mib;
    } else if (b->form != GW_FORM_WHOLE) {
        s.parts = b->parts;
        s.share = 1.0 / b->parts;
        s.memory_mib = b->memory_mib == GW_UNKNOWN_COUNT ? GW_UNKNOWN_COUNT : b->memory_mib / b->parts;
    }
    return s;
}

static bool one_seat(const gw_world *w, uint32_t tenant, const gw_world_node *n, gw_seat *ret)
{
    const gw_tenant *t = &w->tenants[tenant];
    uint32_t whole = GW_NONE, part_of = GW_NONE;
    for (uint32_t i = 0; i < n->n_boards; i++) {
        uint32_t gpu = n->boards[i];
        const gw_board *b = &w->boards[gpu];
        if (!b->here || !same_model(w, t, b))
            continue;
        int profile = b->form == GW_FORM_MIG ? takes_instance(w, t, b) : GW_MIG_NONE;
        bool part = (b->form == GW_FORM_MPS || b->form == GW_FORM_TIME_SLICE) && takes_part(w, tenant, b);
        if (profile != GW_MIG_NONE) {
            *ret = seat_on(w, gpu, profile);
            return true;
        }
        /* the board with the fewest, so that bursts that come together meet as seldom as can be */
        if (part && (part_of == GW_NONE || b->n < w->boards[part_of].n))
            part_of = gpu;
        if (whole == GW_NONE && b->form == GW_FORM_WHOLE && b->n == 0 && t->was[0].form == GW_FORM_WHOLE)
            whole = gpu;
    }
    if (part_of != GW_NONE)
        whole = part_of;
    if (whole != GW_NONE)
        *ret = seat_on(w, whole, GW_MIG_NONE);
    return whole != GW_NONE;
}

bool gw_world_seats(const gw_world *w, uint32_t tenant, uint32_t node, gw_seat *ret)
{
    const gw_tenant *t = &w->tenants[tenant];
    const gw_world_node *n = &w->nodes[node];
    if (t->n_units == 0)
        return true;
    if (t->n_units > GW_TENANT_GPUS_MAX)
        return false;
    if (t->n_units == 1)
        return one_seat(w, tenant, n, ret);
    uint32_t got = 0;
    for (uint32_t i = 0; i < n->n_boards && got < t->n_units; i++) {
        const gw_board *b = &w->boards[n->boards[i]];
        if (b->here && b->form == GW_FORM_WHOLE && b->n == 0 && same_model(w, t, b))
            ret[got++] = seat_on(w, n->boards[i], GW_MIG_NONE);
    }
    return got == t->n_units;
}

/* ---- the best of them ---- */

typedef struct room {
    bool gpus;         /* a pod without GPUs is better off on a node without */
    uint32_t boards;   /* free whole boards */
    int64_t cpu_milli; /* free */
} room;

static room room_of(const gw_world *w, const gw_tenant *t, uint32_t node)
{
    const gw_world_node *n = &w->nodes[node];
    room r = {.gpus = t->n_units == 0 && n->gpus, .cpu_milli = n->cpu_free};
    for (uint32_t i = 0; i < n->n_boards; i++)
        r.boards += w->boards[n->boards[i]].n == 0;
    return r;
}

/* < 0: a is to be preferred. */
static int compare_room(const gw_world *w, room a, uint32_t x, room b, uint32_t y)
{
    if (a.gpus != b.gpus)
        return a.gpus ? 1 : -1;
    if (a.boards != b.boards)
        return a.boards < b.boards ? -1 : 1;
    if (a.cpu_milli != b.cpu_milli)
        return a.cpu_milli < b.cpu_milli ? -1 : 1;
    return strcmp(w->fleet->nodes[x].name, w->fleet->nodes[y].name);
}

static bool find(const gw_world *w, uint32_t tenant, uint32_t *ret_node, gw_seat *ret_seats, const char **why)
{
    const gw_tenant *t = &w->tenants[tenant];
    gw_seat seats[GW_TENANT_GPUS_MAX];
    uint32_t best = GW_NONE;
    room best_room = {0};
    const char *no = t->n_units ? GW_WHY_NO_BOARD : "no other node";
    for (uint32_t i = 0; i < w->fleet->n_nodes; i++) {
        if (i == t->node || !w->nodes[i].here || w->nodes[i].released || w->nodes[i].closed ||
            !gw_eq(w->fleet->nodes[i].cluster, w->fleet->nodes[t->node].cluster) ||
            !gw_world_seats(w, tenant, i, seats))
            continue;
        room r = room_of(w, t, i);
        if (best != GW_NONE && compare_room(w, best_room, best, r, i) <= 0)
            continue;
        if (!gw_world_may(w, tenant, i, &no))
            continue;
        best = i;
        best_room = r;
        memcpy(ret_seats, seats, t->n_units * sizeof(*seats));
    }
    if (best == GW_NONE)
        return refuse(why, no);
    *ret_node = best;
    return true;
}

bool gw_world_find(const gw_world *w, uint32_t tenant, uint32_t *ret_node, gw_seat *ret_seats)
{
    return find(w, tenant, ret_node, ret_seats, NULL);
}

/* An instance that is cut for it, where none is free. */
void gw_world_cut_for(gw_world *w, const gw_tenant *t, const gw_seat *seats)
{
    for (uint32_t i = 0; i < t->n_units; i++) {
        gw_board *b = &w->boards[seats[i].gpu];
        if (b->form != GW_FORM_MIG || !b->recut)
            continue;
        int p = gw_mig_profile_find(b->mig, gw_str_of(seats[i].profile));
        if (b->used.n[p] < b->cut.n[p])
            continue;
        gw_mig_set more = b->cut;
        more.n[p]++;
        gw_world_cut(w, seats[i].gpu, GW_FORM_MIG, 1, &more);
    }
}

typedef struct queue {
    uint32_t tenant, units;
    double share;
} queue;

/* The hardest to seat first; then the tenants' own order, which is that of names. */
static int by_size(const void *a, const void *b)
{
    const queue *x = a, *y = b;
    if (x->units != y->units)
        return x->units > y->units ? -1 : 1;
    if (x->share < y->share || x->share > y->share)
        return x->share > y->share ? -1 : 1;
    return (x->tenant > y->tenant) - (x->tenant < y->tenant);
}

static bool move_all(gw_world *w, uint32_t node, const char **why)
{
    queue q[NODE_TENANTS_MAX];
    const gw_world_node *n = &w->nodes[node];
    uint32_t count = n->n;
    if (count > NODE_TENANTS_MAX)
        return refuse(why, "more pods than are planned for on one node");
    for (uint32_t i = 0; i < count; i++) {
        const gw_tenant *t = &w->tenants[n->at[i]];
        if (t->stays)
            return refuse(why, t->stays);
        if (t->moved)
            return refuse(why, "another action of the plan moved pods to it");
        q[i] = (queue){n->at[i], t->n_units, t->n_units ? t->seats[0].share : 0};
    }
    qsort(q, count, sizeof(*q), by_size);
    for (uint32_t i = 0; i < count; i++) {
        gw_seat seats[GW_TENANT_GPUS_MAX];
        uint32_t to;
        if (!find(w, q[i].tenant, &to, seats, why))
            return false;
        gw_world_cut_for(w, &w->tenants[q[i].tenant], seats);
        gw_world_put(w, q[i].tenant, to, seats);
        if (w->failed)
            return false;
    }
    return true;
}

bool gw_world_empty(gw_world *w, uint32_t node, const char **why)
{
    const gw_world_node *n = &w->nodes[node];
    size_t mark = gw_world_mark(w);
    if (!n->here || n->released)
        return refuse(why, "the node is not there");
    if (n->stays)
        return refuse(why, n->stays);
    if (n->received)
        return refuse(why, "another action of the plan moved pods to it");
    gw_world_close(w, node, true);
    if (!move_all(w, node, why)) {
        gw_world_undo(w, mark);
        return false;
    }
    gw_world_release(w, node);
    return true;
}

/* ---- the loss of a node ---- */

static bool is_precious(const gw_tenant *t)
{
    return t->pod != GW_NONE && t->n_units > 0 && t->headroom.production && t->headroom.survive_node_loss;
}

/* Remembers where they went, with the stamps from before the trial. */
static void remember(gw_world *w, uint32_t node, const uint32_t *to, const uint64_t *stamps, uint32_t n)
{
    gw_escape *x = &w->escapes[node];
    if (n > x->cap) {
        x->nodes = GW_NEW_ARRAY(&w->arena, uint32_t, n);
        x->stamps = GW_NEW_ARRAY(&w->arena, uint64_t, n);
        x->cap = x->nodes && x->stamps ? n : 0;
    }
    x->stamp = n <= x->cap ? w->nodes[node].stamp + 1 : 0;
    x->n = n <= x->cap ? n : 0;
    memcpy(x->nodes ? x->nodes : (uint32_t[1]){0}, to, x->n * sizeof(*to));
    memcpy(x->stamps ? x->stamps : (uint64_t[1]){0}, stamps, x->n * sizeof(*stamps));
}

/* Nothing has changed since on the node, nor where its tenants would go: a thousand nodes are looked at after
 * every trial, and a trial touches a few. */
static bool remembers(const gw_world *w, uint32_t node)
{
    const gw_escape *x = &w->escapes[node];
    if (x->stamp != w->nodes[node].stamp + 1)
        return false;
    for (uint32_t i = 0; i < x->n; i++) {
        const gw_world_node *to = &w->nodes[x->nodes[i]];
        if (to->released || to->closed || to->stamp != x->stamps[i])
            return false;
    }
    return true;
}

static bool loss_is_survived(gw_world *w, uint32_t node)
{
    size_t mark = gw_world_mark(w);
    const gw_world_node *n = &w->nodes[node];
    bool ok = n->n <= NODE_TENANTS_MAX;
    uint32_t at[NODE_TENANTS_MAX], went[NODE_TENANTS_MAX], count = ok ? n->n : 0, gone = 0;
    uint64_t stamps[NODE_TENANTS_MAX];
    if (ok && remembers(w, node))
        return true;
    memcpy(at, n->at ? n->at : at, count * sizeof(*at));
    gw_world_close(w, node, true);
    for (uint32_t i = 0; i < count && ok; i++) {
        gw_seat seats[GW_TENANT_GPUS_MAX];
        if (!is_precious(&w->tenants[at[i]]))
            continue;
        ok = gw_world_find(w, at[i], &went[gone], seats);
        if (ok)
            gw_world_put(w, at[i], went[gone++], seats);
    }
    gw_world_undo(w, mark);
    for (uint32_t i = 0; i < gone; i++)
        stamps[i] = w->nodes[went[i]].stamp;
    if (ok && !w->failed)
        remember(w, node, went, stamps, gone);
    return ok;
}

static uint32_t precious_on(const gw_world *w, uint32_t node)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->nodes[node].n; i++)
        n += is_precious(&w->tenants[w->nodes[node].at[i]]);
    return n;
}

bool gw_world_survives(gw_world *w)
{
    for (uint32_t i = 0; i < w->fleet->n_nodes && !w->failed; i++) {
        if (!w->nodes[i].here || w->nodes[i].released)
            continue;
        if ((w->survives[i] || precious_on(w, i) > w->production[i]) && !loss_is_survived(w, i))
            return false;
    }
    return !w->failed;
}

void gw_world_note_survivors(gw_world *w)
{
    for (uint32_t i = 0; i < w->fleet->n_nodes; i++) {
        w->survives[i] = w->nodes[i].here && w->nodes[i].n_boards > 0 && loss_is_survived(w, i);
        w->production[i] = precious_on(w, i);
    }
}
