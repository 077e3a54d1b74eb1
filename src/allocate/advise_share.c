/*
 * Boards to hand out to several: a node whose tenants may all sit on parts of a board becomes a host, its
 * boards are cut, and nodes are emptied into what that frees. Only what gives nodes back is proposed. MIG is
 * tried first (hardware keeps tenants apart), then MPS, then time-slicing; at first only on hosts whose
 * tenants are best off with it, then on those who can live with it. A host is tried with the most
 * parts that its own tenants bear, and with 4, 3 and 2, and the dearest result stands.
 *
 * The device plugin's configuration is one for a whole node, so MPS and time-slicing take all boards of the
 * host; MIG is cut board by board, and boards without a tenant for it stay whole.
 */
#include "allocate/planner_internal.h"
#include "allocate/world_internal.h"

#define PARTS_TRIED 4

static const gw_share_way *way_of(const gw_tenant *t, gw_form form)
{
    for (size_t i = 0; i < t->choice.n; i++) {
        if (t->choice.ways[i].form == form)
            return &t->choice.ways[i];
    }
    return NULL;
}

static bool willing(const gw_tenant *t, gw_form form, bool best)
{
    if (best && t->choice.n && t->choice.ways[0].form != form)
        return false;
    return !t->stays && !t->moved && t->gang == GW_NONE && t->n_units == 1 &&
           t->seats[0].form == GW_FORM_WHOLE && way_of(t, form);
}

/* How many of the node's tenants would share, best: and like no form better; -1 where one of them rules it
 * out. */
static int willing_on(const gw_world *w, uint32_t node, gw_form form, bool best, int *ret_parts)
{
    const gw_world_node *n = &w->nodes[node];
    int many = 0, parts = GW_PLAN_PARTS_MAX;
    for (uint32_t i = 0; i < n->n_boards && form != GW_FORM_MIG; i++) {
        if (w->boards[n->boards[i]].form != GW_FORM_WHOLE)
            return -1; /* MPS goes with no MIG, and what is shared already stays as it is */
    }
    for (uint32_t i = 0; i < n->n; i++) {
        const gw_tenant *t = &w->tenants[n->at[i]];
        if (t->n_units == 0)
            continue;
        if (willing(t, form, best)) {
            many++;
            parts = GW_MIN(parts, way_of(t, form)->max_parts);
        } else if (form != GW_FORM_MIG) {
            return -1;
        }
    }
    *ret_parts = parts;
    return many;
}

typedef struct host {
    uint32_t node;
    int willing, parts;
    const char *name;
} host;

static int by_promise(const void *a, const void *b)
{
    const host *x = a, *y = b;
    if (x->willing != y->willing)
        return x->willing > y->willing ? -1 : 1;
    return strcmp(x->name, y->name);
}

typedef struct donor {
    uint32_t node, tenants;
    gw_micro hourly;
    const char *name;
} donor;

static int by_gain(const void *a, const void *b)
{
    const donor *x = a, *y = b;
    if (x->tenants != y->tenants)
        return x->tenants < y->tenants ? -1 : 1;
    if (x->hourly != y->hourly)
        return x->hourly > y->hourly ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* The host's own tenants take their parts. */
static void seat_at_home(gw_world *w, uint32_t gpu, gw_form form, int parts)
{
    gw_board *b = &w->boards[gpu];
    if (form == GW_FORM_MIG) {
        gw_mig_set cut = {{0}};
        const gw_tenant *t = b->n ? &w->tenants[b->at[0]] : NULL;
        if (!t || !b->mig || !willing(t, form, false) || way_of(t, form)->mig != b->mig)
            return;
        const gw_mig_profile *p = way_of(t, form)->profile;
        uint32_t tenant = b->at[0];
        cut.n[p - b->mig->profiles] = 1;
        gw_world_cut(w, gpu, form, 1, &cut);
        gw_seat s = {.gpu = gpu,
                     .form = form,
                     .parts = 1,
                     .profile = p->name,
                     .start = -1,
                     .share = (double)p->compute / b->mig->compute,
                     .memory_mib = p->memory_mib};
        gw_world_put(w, tenant, b->node, &s);
        return;
    }
    gw_world_cut(w, gpu, form, parts, NULL);
    if (b->n) {
        gw_seat s = {.gpu = gpu,
                     .form = form,
                     .parts = parts,
                     .start = -1,
                     .share = 1.0 / parts,
                     .memory_mib = b->memory_mib < 0 ? GW_UNKNOWN_COUNT : b->memory_mib / parts};
        gw_world_put(w, b->at[0], b->node, &s);
    }
}

/* Boards that were cut and that nobody joined are as they were. */
static void put_back(gw_world *w, uint32_t node)
{
    const gw_world_node *n = &w->nodes[node];
    for (uint32_t i = 0; i < n->n_boards; i++) {
        gw_board *b = &w->boards[n->boards[i]];
        if (b->form != GW_FORM_MIG || !b->recut || b->n != 1)
            continue;
        uint32_t tenant = b->at[0];
        gw_tenant *t = &w->tenants[tenant];
        if (t->was_node != node || t->was[0].gpu != n->boards[i] || t->was[0].form != GW_FORM_WHOLE)
            continue;
        gw_world_put(w, tenant, node, t->was);
        gw_world_cut(w, n->boards[i], GW_FORM_WHOLE, 1, NULL);
        b->recut = false;
        t->moved = false;
    }
}

static bool has_room(const gw_world *w, uint32_t node)
{
    const gw_world_node *n = &w->nodes[node];
    for (uint32_t i = 0; i < n->n_boards; i++) {
        const gw_board *b = &w->boards[n->boards[i]];
        if (b->form == GW_FORM_MIG ? b->recut : b->n < b->parts)
            return true;
    }
    return false;
}

/* Cuts the host and empties what it can; the hourly price of the nodes that are free then. */
static gw_micro attempt(gw_planning *p, const host *h, gw_form form, int parts, const donor *donors, size_t n)
{
    gw_world *w = &p->world;
    gw_micro freed = 0;
    p->trials++;
    for (uint32_t i = 0; i < w->nodes[h->node].n_boards; i++)
        seat_at_home(w, w->nodes[h->node].boards[i], form, parts);
    for (size_t i = 0; i < n && !w->failed && has_room(w, h->node); i++) {
        if (donors[i].node == h->node || !gw_world_empty(w, donors[i].node, NULL))
            continue;
        freed += GW_MAX(1, donors[i].hourly);
    }
    put_back(w, h->node);
    return freed;
}

static donor *list_donors(gw_planning *p, gw_form form, size_t *ret_n)
{
    const gw_world *w = &p->world;
    donor *d = gw_malloc((w->fleet->n_nodes + 1) * sizeof(*d));
    size_t n = 0;
    for (uint32_t i = 0; d && i < w->fleet->n_nodes; i++) {
        const gw_world_node *x = &w->nodes[i];
        bool any = false, all = true;
        for (uint32_t k = 0; k < x->n; k++) {
            any |= willing(&w->tenants[x->at[k]], form, false);
            all &= !w->tenants[x->at[k]].stays && !w->tenants[x->at[k]].moved;
        }
        if (x->here && x->gpus && !x->released && !x->received && !x->stays && any && all)
            d[n++] = (donor){i, x->n, x->hourly, w->fleet->nodes[i].name};
    }
    if (d)
        qsort(d, n, sizeof(*d), by_gain);
    *ret_n = n;
    return d;
}

static host *list_hosts(gw_planning *p, gw_form form, bool best, size_t *ret_n)
{
    const gw_world *w = &p->world;
    host *h = gw_malloc((w->fleet->n_nodes + 1) * sizeof(*h));
    size_t n = 0;
    for (uint32_t i = 0; h && i < w->fleet->n_nodes; i++) {
        const gw_world_node *x = &w->nodes[i];
        int parts, many;
        if (!x->here || x->released || x->n_boards == 0)
            continue;
        many = willing_on(w, i, form, best, &parts);
        if (many > 0)
            h[n++] = (host){i, many, parts, w->fleet->nodes[i].name};
    }
    if (h)
        qsort(h, n, sizeof(*h), by_promise);
    *ret_n = n;
    return h;
}

static const struct {
    gw_form form;
    gw_action_kind kind;
    const char *rule;
} forms[] = {
    {GW_FORM_MIG, GW_ACTION_MIG,
     "mig: memory peak and compute of each pod fit an instance, and hardware keeps instances apart"},
    {GW_FORM_MPS, GW_ACTION_MPS,
     "mps: pods of one tenant, none with hard p99 limits, whose memory peaks fit equal parts of a board"},
    {GW_FORM_TIME_SLICE, GW_ACTION_TIME_SLICE,
     "time-slicing: pods of one tenant that may wait, whose memory peaks fit equal parts of a board"},
};

/* The most tenants on one board of the node. */
static int fullest(const gw_world *w, uint32_t node)
{
    int most = 0;
    for (uint32_t i = 0; i < w->nodes[node].n_boards; i++)
        most = GW_MAX(most, w->boards[w->nodes[node].boards[i]].n);
    return most;
}

/* The best number of parts for one host, and the proposal made with it. */
static int try_host(gw_planning *p, const host *h, size_t f, const donor *donors, size_t n_donors)
{
    gw_world *w = &p->world;
    int tried[PARTS_TRIED] = {h->parts, 4, 3, 2}, best = 0;
    gw_micro most = 0;
    size_t mark = gw_world_mark(w);
    for (size_t i = 0; i < (forms[f].form == GW_FORM_MIG ? 1 : PARTS_TRIED) && !w->failed; i++) {
        if ((i > 0 && tried[i] >= h->parts) || (forms[f].form != GW_FORM_MIG && tried[i] < 2))
            continue;
        gw_micro freed = attempt(p, h, forms[f].form, tried[i], donors, n_donors);
        gw_world_undo(w, mark);
        if (freed > most) {
            most = freed;
            best = tried[i];
        }
    }
    if (w->failed || most == 0)
        return w->failed ? gw_fail_memory(p->e) : 0;
    attempt(p, h, forms[f].form, best, donors, n_donors);
    if (forms[f].form != GW_FORM_MIG) {
        /* no more parts than are taken: MPS holds each tenant to its part */
        int parts = fullest(w, h->node);
        gw_world_undo(w, mark);
        if (parts >= 2 && parts < best && attempt(p, h, forms[f].form, parts, donors, n_donors) != most)
            gw_world_undo(w, mark);
        if (gw_world_mark(w) == mark)
            attempt(p, h, forms[f].form, best, donors, n_donors);
    }
    gw_proposal x = {.kind = forms[f].kind, .mark = mark, .node = h->node, .rule = forms[f].rule};
    switch (gw_plan_weigh(p, &x)) {
    case GW_TAKEN:
        for (uint32_t i = 0; i < w->nodes[h->node].n_boards; i++)
            w->boards[w->nodes[h->node].boards[i]].recut = false; /* its layout is promised */
        return 0;
    case GW_REFUSED:
        return 0;
    case GW_FAILED:
        break;
    }
    return p->e->code;
}

static bool is_host_still(const gw_world *w, const host *h, gw_form form, bool best)
{
    int parts;
    return !w->nodes[h->node].released && willing_on(w, h->node, form, best, &parts) == h->willing;
}

static int share(gw_planning *p, size_t f, bool best)
{
    size_t n_hosts, n_donors;
    host *hosts = list_hosts(p, forms[f].form, best, &n_hosts);
    int rc = hosts ? 0 : gw_fail_memory(p->e);
    for (size_t i = 0; !rc && i < n_hosts && p->trials < GW_TRIALS_MAX; i++) {
        if (!is_host_still(&p->world, &hosts[i], forms[f].form, best))
            continue;
        donor *donors = list_donors(p, forms[f].form, &n_donors);
        rc = donors ? try_host(p, &hosts[i], f, donors, n_donors) : gw_fail_memory(p->e);
        gw_free(donors);
    }
    gw_free(hosts);
    return rc;
}

int gw_advise_share(gw_planning *p)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < 2 * GW_COUNT(forms); i++) {
        size_t f = i % GW_COUNT(forms);
        if (gw_plan_wants(p, forms[f].kind))
            rc = share(p, f, i < GW_COUNT(forms));
    }
    if (!rc && p->trials >= GW_TRIALS_MAX)
        rc = gw_plan_note(
            p->plan,
            "the search was stopped at its bound of trials: there may be more to save; plan a part "
            "of the fleet at a time",
            p->e);
    return rc;
}
