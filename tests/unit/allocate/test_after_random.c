/*
 * Changes on random fleets. The test keeps a picture of its own, of who is where and when, makes changes that
 * are sound by that picture (and now and then one that is not), and compares what comes of them with what the
 * picture says: bills, times, seats.
 */
#include "after_world.h"

#include "observe/telemetry.h"

#define MAX_NODES   8
#define MAX_BOARDS  64
#define MAX_TENANTS 160
#define MAX_CHANGES 3

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

/* All that is on one unit of a whole board or a MIG instance, or one pod on a board in parts. */
typedef struct tenant {
    uint32_t unit;       /* in the present */
    uint32_t pod;        /* GW_NONE: only pods that ended */
    bool past;           /* pods that ended were there, too */
    int board;           /* now */
    double share, was;   /* of the board */
    const char *profile; /* MIG, now */
    int from, to;        /* hours */
} tenant;

typedef struct board_state {
    uint32_t gpu; /* as a change names it */
    int node;     /* as below */
    gw_form form;
    int parts;
    int free;          /* parts or instances of the layout that nobody is on; WHOLE: 1 or 0 */
    const char *again; /* profile of the instances of a cut */
    bool foreign;      /* hired by an earlier change */
} board_state;

typedef struct node_state {
    uint32_t index; /* as a change names it */
    bool released, hired, foreign;
    int from, to; /* hours that it is paid for */
} node_state;

typedef struct picture {
    world w;
    tenant tenants[MAX_TENANTS];
    board_state boards[MAX_BOARDS];
    node_state nodes[MAX_NODES + MAX_CHANGES];
    int n_tenants, n_boards, n_nodes;
    script s[MAX_CHANGES];
    int n_changes;
    bool wider; /* a node is longer there than before, or hired */
    bool plain; /* only moves between whole boards of the present */
} picture;

/* ---- the fleet ---- */

static uint32_t new_pod(picture *p, uint32_t node, bool ended)
{
    char name[32];
    snprintf(name, sizeof(name), "p%zu", p->w.fleet.n_pods);
    uint32_t pod = add_pod(&p->w, name, node);
    p->w.fleet.pods[pod].cpu_request_milli = 100;
    p->w.fleet.pods[pod].memory_request_mib = 10;
    if (ended)
        end_pod(&p->w, pod);
    return pod;
}

static double busy(void)
{
    return 0.01 * (1 + below(12)); /* less than a seventh of a board */
}

/* One after the other on a unit of its own; the last one may still run. */
static void fill_unit(picture *p, int board, uint32_t unit, const char *profile)
{
    board_state *b = &p->boards[board];
    const node_state *n = &p->nodes[b->node];
    double weight = p->w.fleet.units[unit].weight;
    tenant t = {.unit = unit,
                .pod = GW_NONE,
                .board = board,
                .share = weight,
                .was = weight,
                .profile = profile,
                .from = -1};
    for (int at = n->from + (int)below(6); at < n->to && below(5);) {
        int hours = 1 + (int)below(12), to = GW_MIN(n->to, at + hours);
        bool runs = to == n->to;
        uint32_t pod = new_pod(p, (uint32_t)b->node, !runs);
        hold(&p->w, pod, unit, at, to, 1, below(2) ? 1 : 0.8, busy() * weight, 1000);
        t.from = t.from < 0 ? at : t.from;
        t.to = to;
        t.past |= !runs;
        t.pod = runs ? pod : t.pod;
        at = to + (int)below(5);
    }
    if (t.from < 0)
        return;
    p->tenants[p->n_tenants++] = t;
    b->free = 0;
}

static void fill_parts(picture *p, int board)
{
    board_state *b = &p->boards[board];
    const node_state *n = &p->nodes[b->node];
    uint32_t unit = whole(&p->w, b->gpu);
    for (int i = (int)below((uint32_t)b->parts + 1); i > 0; i--) {
        int from = n->from + (int)below((uint32_t)(n->to - n->from)), to = n->to;
        uint32_t pod = new_pod(p, (uint32_t)b->node, false);
        hold(&p->w, pod, unit, from, to, 1.0 / b->parts, 0.9, busy(), 1000);
        p->tenants[p->n_tenants++] = (tenant){.unit = unit,
                                              .pod = pod,
                                              .board = board,
                                              .share = 1.0 / b->parts,
                                              .was = 1.0 / b->parts,
                                              .from = from,
                                              .to = to};
        b->free--;
    }
}

static void fill_instances(picture *p, int board)
{
    static const char *const profiles[] = {"3g.40gb", "2g.20gb", "1g.10gb"};
    board_state *b = &p->boards[board];
    const node_state *n = &p->nodes[b->node];
    gw_error e = {0};
    uint32_t all = whole(&p->w, b->gpu);
    p->w.fleet.gpus[b->gpu].mig = true;
    for (int i = 0; i < 3; i++) {
        uint32_t u = gw_fleet_unit(&p->w.fleet, b->gpu, (uint32_t)b->node, gw_str_of(profiles[i]),
                                   gw_str_of(profiles[i]), &e);
        double ms = (n->to - n->from) * H * p->w.fleet.units[u].weight;
        idle_on(&p->w, u, ms);
        idle_on(&p->w, all, -ms);
        fill_unit(p, board, u, profiles[i]);
    }
    b->free = 0;
}

static void make(picture *p, uint64_t seed)
{
    memset(p, 0, sizeof(*p));
    rng = seed;
    world_start(&p->w);
    p->n_nodes = 1 + (int)below(MAX_NODES);
    p->plain = seed % 3 == 0;
    for (int i = 0; i < p->n_nodes; i++) {
        char name[16];
        node_state *n = &p->nodes[i];
        *n = (node_state){.index = (uint32_t)i, .to = HOURS};
        if (seed % 2) {
            n->from = (int)below(12);
            n->to = n->from + 6 + (int)below((uint32_t)(HOURS - n->from - 5));
        }
        int gpus = 1 + (int)below(4), kind = p->plain ? 0 : (int)below(4);
        snprintf(name, sizeof(name), "n%d", i);
        uint32_t at = add_node(&p->w, name, below(8) ? 1 + (int)below(30) : 0, gpus, n->from, n->to);
        if (kind == 1)
            p->w.fleet.nodes[at].replicas = 2 + below(3);
        for (int g = 0; g < gpus; g++) {
            board_state *b = &p->boards[p->n_boards++];
            *b = (board_state){.gpu = board(&p->w, at, g), .node = i, .parts = 1, .free = 1};
            if (kind == 1) {
                b->form = GW_FORM_TIME_SLICE;
                b->parts = b->free = (int)p->w.fleet.nodes[at].replicas;
                fill_parts(p, p->n_boards - 1);
            } else if (kind == 2) {
                b->form = GW_FORM_MIG;
                fill_instances(p, p->n_boards - 1);
            } else {
                fill_unit(p, p->n_boards - 1, whole(&p->w, b->gpu), NULL);
            }
        }
    }
    assert_int_equal(gw_usage_fit(&p->w.usage, &p->w.fleet), 0);
    world_close(&p->w);
}

/* ---- changes ---- */

static gw_seat seat_on(const board_state *b, const char *profile, int start)
{
    if (b->form == GW_FORM_WHOLE)
        return seat_whole(b->gpu);
    return b->form == GW_FORM_MIG ? seat_mig(b->gpu, profile, start) : seat_part(b->gpu, b->form, b->parts);
}

/* The tenant and its past to a seat on the board. */
static void move_tenant(picture *p, script *s, tenant *t, int to, int start)
{
    board_state *old = &p->boards[t->board], *b = &p->boards[to];
    node_state *n = &p->nodes[b->node];
    gw_seat was = seat_on(old, t->profile, -1), seat = seat_on(b, b->again, start);
    uint32_t from = p->nodes[old->node].index;
    if (t->pod != GW_NONE) {
        say_move(s, t->pod, from, n->index);
        say_seat(s, t->unit, was, seat);
    }
    if (t->past || t->pod == GW_NONE) {
        say_move(s, GW_NONE, from, n->index);
        say_seat(s, t->unit, was, seat);
    }
    old->free += old->form != GW_FORM_MIG;
    b->free--;
    t->board = to;
    t->profile = b->form == GW_FORM_MIG ? b->again : NULL;
    t->share = b->form == GW_FORM_MIG ? gw_mig_weight("A100", b->again) : 1.0 / b->parts;
}

static bool may_move(const picture *p, const tenant *t)
{
    const board_state *b = &p->boards[t->board];
    return !b->foreign && !p->nodes[b->node].foreign;
}

/* Any other board with room, of an unreleased node; -1 where there is none. */
static int find_room(const picture *p, int but, bool whole_only)
{
    int tried = (int)below((uint32_t)p->n_boards);
    for (int i = 0; i < p->n_boards; i++, tried = (tried + 1) % p->n_boards) {
        const board_state *b = &p->boards[tried];
        if (tried != but && b->free > 0 && !b->foreign && !p->nodes[b->node].released &&
            !(whole_only && b->form != GW_FORM_WHOLE) && b->form != GW_FORM_MIG)
            return tried;
    }
    return -1;
}

static void some_moves(picture *p, script *s, bool *met)
{
    for (int i = (int)below(4); i > 0 && p->n_tenants; i--) {
        int k = (int)below((uint32_t)p->n_tenants);
        tenant *t = &p->tenants[k];
        int to = find_room(p, t->board, p->plain);
        if (met[k] || !may_move(p, t) || to < 0)
            continue;
        met[k] = true;
        move_tenant(p, s, t, to, -1);
    }
}

static void some_cut(picture *p, script *s, bool *met)
{
    static const struct {
        const char *layout, *profile;
        int n, start[7];
    } layouts[] = {{"3g.40gb@0,3g.40gb@4", "3g.40gb", 2, {0, 4}},
                   {"2g.20gb@0,2g.20gb@2,2g.20gb@4", "2g.20gb", 3, {0, 2, 4}},
                   {"1g.10gb@0,1g.10gb@1,1g.10gb@6", "1g.10gb", 3, {0, 1, 6}}};
    int at = find_room(p, -1, true);
    board_state *b = at < 0 ? NULL : &p->boards[at];
    if (!b || b->free != 1)
        return;
    size_t k = below(GW_COUNT(layouts));
    bool say_start = below(2);
    b->form = (gw_form)(1 + below(3));
    b->parts = b->form == GW_FORM_MIG ? 1 : 2 + (int)below(6);
    b->free = b->form == GW_FORM_MIG ? layouts[k].n : b->parts;
    b->again = layouts[k].profile;
    say_cut(s, b->gpu, b->form, b->parts, b->form == GW_FORM_MIG ? layouts[k].layout : NULL);
    for (int i = 0; i < p->n_tenants && b->free > 0; i++) {
        tenant *t = &p->tenants[i];
        if (met[i] || !may_move(p, t) || t->board == at || below(2))
            continue;
        met[i] = true;
        int start = b->form == GW_FORM_MIG && say_start ? layouts[k].start[b->free - 1] : -1;
        move_tenant(p, s, t, at, start);
    }
    if (b->form == GW_FORM_MIG)
        b->free = 0; /* what is left of it is for nobody, so that no later seat has to guess */
}

static void some_hire(picture *p, script *s, bool *met)
{
    if (s->c.n_hires || p->n_boards + 8 > MAX_BOARDS || below(3))
        return;
    node_state *n = &p->nodes[p->n_nodes];
    *n = (node_state){.index = GW_HIRED_NODE(0), .hired = true};
    int gpus = 1 + (int)below(4);
    say_hire(s, gpus);
    for (int j = 0; j < gpus; j++) {
        p->boards[p->n_boards++] =
            (board_state){.gpu = GW_HIRED_GPU(0, j), .node = p->n_nodes, .parts = 1, .free = 1};
        int k = p->n_tenants ? (int)below((uint32_t)p->n_tenants) : -1;
        if (k < 0 || met[k] || !may_move(p, &p->tenants[k]))
            continue;
        met[k] = true;
        move_tenant(p, s, &p->tenants[k], p->n_boards - 1, -1);
    }
    p->n_nodes++;
}

static bool is_empty(const picture *p, int node)
{
    for (int i = 0; i < p->n_tenants; i++) {
        if (p->boards[p->tenants[i].board].node == node)
            return false;
    }
    /* pods that ended stay in the fleet, and running ones are tenants */
    return true;
}

static void some_releases(picture *p, script *s)
{
    for (int i = 0; i < p->n_nodes; i++) {
        if (p->nodes[i].hired || p->nodes[i].released || below(2) || !is_empty(p, i))
            continue;
        say_release(s, p->nodes[i].index);
        p->nodes[i].released = true;
    }
}

/* What this change hired is nothing to the next. */
static void leave_hires(picture *p)
{
    for (int i = 0; i < p->n_nodes; i++)
        p->nodes[i].foreign |= p->nodes[i].hired;
    for (int i = 0; i < p->n_boards; i++)
        p->boards[i].foreign |= p->nodes[p->boards[i].node].hired;
}

static void change_it(picture *p)
{
    p->n_changes = 1 + (int)below(MAX_CHANGES);
    for (int i = 0; i < p->n_changes; i++) {
        bool met[MAX_TENANTS] = {false};
        script *s = &p->s[i];
        if (!p->plain) {
            some_hire(p, s, met);
            some_cut(p, s, met);
        }
        some_moves(p, s, met);
        if (!p->plain)
            some_releases(p, s);
        leave_hires(p);
    }
}

static int book(picture *p, gw_after *a, gw_error *e)
{
    const gw_change *list[MAX_CHANGES];
    for (int i = 0; i < p->n_changes; i++)
        list[i] = &p->s[i].c;
    return gw_after_build(&p->w.fleet, &p->w.usage, p->w.prices, list, (size_t)p->n_changes, a, e);
}

/* ---- what must come of it ---- */

/* The present's hours, and those of who came from elsewhere. */
static void hours_of(const picture *p, int node, int *from, int *to)
{
    const node_state *n = &p->nodes[node];
    bool came = false;
    *from = n->hired ? HOURS : n->from;
    *to = n->hired ? 0 : n->to;
    for (int i = 0; i < p->n_tenants; i++) {
        const tenant *t = &p->tenants[i];
        if (p->boards[t->board].node != node || p->w.fleet.units[t->unit].node == (uint32_t)node)
            continue;
        *from = GW_MIN(*from, t->from);
        *to = GW_MAX(*to, t->to);
        came = true;
    }
    if (n->hired && !came) {
        *from = 0;
        *to = HOURS;
    }
}

static double dollars_of(const picture *p, int node, int hours)
{
    const node_state *n = &p->nodes[node];
    if (n->hired)
        return 16.0 * hours;
    gw_micro hourly = p->w.book.nodes[node].hourly;
    return gw_micro_known(hourly) && !n->released ? (double)hourly / DOLLARS * hours : 0;
}

static void check_bills(const picture *p, const gw_after *a)
{
    double sum = 0, paid = 0;
    bool wider = false;
    for (int i = 0; i < p->n_nodes; i++) {
        int from, to;
        hours_of(p, i, &from, &to);
        wider |= p->nodes[i].hired || from < p->nodes[i].from || to > p->nodes[i].to;
        sum += dollars_of(p, i, to - from);
        for (uint32_t g = 0; g < a->fleet.n_gpus && !p->nodes[i].released; g++)
            paid += a->fleet.gpus[g].node == (uint32_t)i ? (to - from) * H : 0;
    }
    assert_near((double)a->ledger.total.bill / DOLLARS, sum);
    assert_near(a->ledger.time.paid, paid);
    if (!wider) {
        gw_micro gone = 0;
        for (int i = 0; i < p->n_nodes; i++)
            gone += p->nodes[i].released && gw_micro_known(p->w.ledger.node_bill[i])
                        ? p->w.ledger.node_bill[i]
                        : 0;
        assert_int_equal(p->w.ledger.total.bill - a->ledger.total.bill, gone);
    }
}

static void check_seats(const picture *p, const gw_after *a)
{
    double held = 0;
    for (int i = 0; i < p->n_tenants; i++) {
        const tenant *t = &p->tenants[i];
        const board_state *b = &p->boards[t->board];
        for (size_t h = 0; h < p->w.usage.n_holds; h++) {
            const gw_hold *was = &p->w.usage.holds[h], *now = &a->usage.holds[h];
            if (was->unit != t->unit)
                continue;
            bool parts = p->w.fleet.units[t->unit].weight == 1 && t->was < 1; /* one pod of several */
            if (parts && was->pod != t->pod)
                continue;
            const gw_unit *u = &a->fleet.units[now->unit];
            assert_int_equal(u->node, b->node);
            assert_true(gw_eq(u->mig_profile, t->profile));
            assert_near(now->stats.allocated * t->was, was->stats.allocated * t->share);
            assert_near(now->stats.known * t->was, was->stats.known * t->share);
            assert_near(now->stats.used, was->stats.used);
            assert_near(now->stats.memory_mib.peak, was->stats.memory_mib.peak);
            held += now->stats.allocated;
        }
    }
    assert_near(held, a->ledger.time.allocated);
    assert_near(a->ledger.time.used, p->w.ledger.time.used);
    for (uint32_t u = 0; u < a->fleet.n_units; u++) {
        double on = 0;
        for (size_t h = 0; h < a->usage.n_holds; h++)
            on += a->usage.holds[h].unit == u ? a->usage.holds[h].stats.allocated : 0;
        const gw_node *n = &a->fleet.nodes[a->fleet.units[u].node];
        assert_true(on <= a->fleet.units[u].weight * (double)gw_interval_ms(n->seen) * (1 + 1e-9) + 1);
        assert_true(a->usage.units[u].idle.allocated > -1e-3 && a->usage.units[u].unknown >= 0);
    }
}

static void moves_and_cuts_come_to_what_they_should(void **state)
{
    GW_UNUSED(state);
    static picture p;
    size_t moves = 0, cuts = 0, hires = 0, releases = 0;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        gw_error e = {0};
        gw_after a, again;
        make(&p, seed);
        change_it(&p);
        if (book(&p, &a, &e) || book(&p, &again, &e))
            fail_msg("seed %" PRIu64 ": %s", seed, e.message);
        check_books(&a);
        check_bills(&p, &a);
        check_seats(&p, &a);
        assert_true(same_ledger(&a.ledger, &again.ledger));
        for (int i = 0; i < p.n_changes; i++) {
            moves += p.s[i].c.n_moves;
            cuts += p.s[i].c.n_cuts;
            hires += p.s[i].c.n_hires;
            releases += p.s[i].c.n_released;
        }
        gw_after_free(&again);
        gw_after_free(&a);
        world_free(&p.w);
    }
    /* the changes were not trivial */
    assert_true(moves > 1500 && cuts > 150 && hires > 100 && releases > 150);
}

/* The moves of all changes backwards, each from its new seat to its old one. */
static void there_and_back_again_is_nothing(void **state)
{
    GW_UNUSED(state);
    static picture p;
    size_t moves = 0;
    for (uint64_t seed = 3; seed <= 900; seed += 3) {
        gw_error e = {0};
        gw_after a;
        script back[MAX_CHANGES] = {0};
        const gw_change *list[2 * MAX_CHANGES];
        make(&p, seed);
        change_it(&p);
        for (int i = 0; i < p.n_changes; i++) {
            const script *s = &p.s[i];
            script *b = &back[i];
            for (size_t k = 0; k < s->c.n_moves; k++) {
                const gw_move *m = &s->moves[k];
                say_move(b, m->pod, m->node, m->from);
                say_seat(b, m->units[0], m->to[0], m->was[0]);
                moves++;
            }
            list[i] = &s->c;
            list[2 * p.n_changes - 1 - i] = &b->c;
        }
        if (gw_after_build(&p.w.fleet, &p.w.usage, p.w.prices, list, 2 * (size_t)p.n_changes, &a, &e))
            fail_msg("seed %" PRIu64 ": %s", seed, e.message);
        assert_true(same_ledger(&p.w.ledger, &a.ledger));
        assert_int_equal(a.ledger.total.bill, p.w.ledger.total.bill);
        gw_after_free(&a);
        world_free(&p.w);
    }
    assert_true(moves > 400);
}

/* One more move, to a board that somebody has at that time, or a node less, that somebody is on. */
static void what_cannot_be_is_never_booked(void **state)
{
    GW_UNUSED(state);
    static picture p;
    size_t clashes = 0, evictions = 0;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        gw_error e = {0};
        gw_after a;
        make(&p, seed);
        change_it(&p);
        script *s = &p.s[p.n_changes - 1];
        bool any = false;
        for (int i = 0; i < p.n_tenants && !any; i++) {
            const tenant *t = &p.tenants[i];
            const board_state *b = &p.boards[t->board];
            node_state *n = &p.nodes[b->node];
            if (n->hired || b->form != GW_FORM_WHOLE)
                continue;
            if (seed % 2) {
                say_release(s, n->index);
                any = ++evictions;
                continue;
            }
            /* a change of its own, so that nothing of it is moved twice */
            for (int k = 0; k < p.n_tenants && p.n_changes < MAX_CHANGES && !any; k++) {
                tenant *o = &p.tenants[k];
                if (o->board == t->board || !may_move(&p, o) || o->from >= t->to || t->from >= o->to)
                    continue;
                move_tenant(&p, &p.s[p.n_changes++], o, t->board, -1);
                any = ++clashes;
            }
        }
        int rc = book(&p, &a, &e);
        if (any && rc != GW_EUSAGE)
            fail_msg("seed %" PRIu64 ": %d", seed, rc);
        if (!any && rc)
            fail_msg("seed %" PRIu64 ": %s", seed, e.message);
        if (!rc)
            gw_after_free(&a);
        world_free(&p.w);
    }
    assert_true(clashes > 100 && evictions > 150);
}

/* ---- fleets as the fold makes them ---- */

/* Nodes that come late, exporters that come later still, gaps, requests that no exporter speaks of. */
static void random_telemetry(telemetry *t)
{
    char head[400];
    int nodes = 2 + (int)below(4), pod = 0;
    for (int n = 0; n < nodes; n++) {
        int gpus = 1 + (int)below(3), born = 300 * (int)below(10);
        if (below(2)) {
            snprintf(head, sizeof(head),
                     "kube_node_status_allocatable{node=\"n%d\",resource=\"nvidia_com_gpu\"}", n);
            series(t, head, born, 7140, 60, gpus + (below(3) == 0));
            if (born < 2000 && below(2)) /* gone for a while, while others are there */
                series(t, "kube_node_info{node=\"always\"}", 0, 7140, 60, 1);
        }
        if (below(4) == 0) {
            snprintf(head, sizeof(head),
                     "kube_pod_container_resource_requests{namespace=\"ads\",pod=\"dark%d\",container=\"c\","
                     "node=\"n%d\",resource=\"nvidia_com_gpu\"}",
                     n, n);
            series(t, head, born + 600, 6000, 60, 1);
        }
        for (int g = 0; g < gpus; g++) {
            int at = born + 300 * (int)below(4);
            while (at < 7000) {
                int to = GW_MIN(at + 600 + (int)below(4) * 900, 7170), idle = (int)below(3) == 0;
                char who[64] = "";
                if (!idle)
                    snprintf(who, sizeof(who), ",namespace=\"ads\",pod=\"p%d\"", pod++);
                snprintf(head, sizeof(head),
                         "DCGM_FI_DEV_GPU_UTIL{UUID=\"GPU-%d-%d\",gpu=\"%d\",modelName=\"NVIDIA "
                         "H100 80GB HBM3\",Hostname=\"n%d\"%s}",
                         n, g, g, n, who);
                series(t, head, at, to, 30, idle ? 0 : below(100));
                at = to + 30 + (below(4) ? 0 : 300 * (int)below(6));
            }
        }
    }
}

/* Everything that was on one board goes to another; which may be held at that time, and then is refused. */
static void move_board(script *s, const gw_fleet *f, uint32_t from, uint32_t to, uint32_t unit)
{
    say_move(s, GW_NONE, f->gpus[from].node, f->gpus[to].node);
    say_seat(s, unit, seat_whole(from), seat_whole(to));
}

static void folded_fleets_stay_within_their_time(void **state)
{
    GW_UNUSED(state);
    size_t moved = 0, refused = 0, released = 0, wider = 0;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        static script s;
        telemetry t;
        gw_error e = {0};
        gw_after a;
        gw_price_list *prices;
        gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
        rng = seed;
        telemetry_start(&t);
        random_telemetry(&t);
        if (telemetry_fold(&t, 0, 7200, seed % 2 ? 0 : 40 * GW_MINUTE_MS, &e))
            fail_msg("seed %" PRIu64 ": %s", seed, e.message);
        const char *rows = "node,hourly_usd\nn*,7\n";
        assert_int_equal(gw_price_list_new(&o, &prices, &e), 0);
        assert_int_equal(gw_price_list_add_text(prices, "nodes", gw_str_of(rows), &e), 0);
        const gw_change *one = &s.c;
        gw_after now;
        assert_int_equal(gw_after_build(&t.fleet, &t.usage, prices, &one, 0, &now, &e), 0);
        check_books(&now);
        for (uint32_t g = 0; g < t.fleet.n_gpus; g++) {
            uint32_t to = below((uint32_t)t.fleet.n_gpus);
            uint32_t unit = unit_of(&t.fleet, g, "", "");
            memset(&s, 0, sizeof(s));
            move_board(&s, &t.fleet, g, to, unit);
            if (below(2)) /* as a swap it is sound more often */
                move_board(&s, &t.fleet, to, g, unit_of(&t.fleet, to, "", ""));
            if (s.c.n_moves == 1 && t.fleet.nodes[t.fleet.gpus[g].node].gpu_count == 1)
                say_release(&s, t.fleet.gpus[g].node);
            if (to == g || unit == GW_NONE || s.units[0][0] == s.units[1][0])
                continue;
            int rc = gw_after_build(&t.fleet, &t.usage, prices, &one, 1, &a, &e);
            assert_true(rc == 0 || rc == GW_EUSAGE);
            if (rc) {
                refused++;
                continue;
            }
            check_books(&a);
            assert_near(a.ledger.time.used, now.ledger.time.used);
            assert_near(a.ledger.time.allocated, now.ledger.time.allocated);
            moved++;
            released += s.c.n_released;
            wider += a.ledger.total.bill > now.ledger.total.bill;
            gw_after_free(&a);
        }
        gw_after_free(&now);
        gw_price_list_free(prices);
        telemetry_free(&t);
    }
    assert_true(moved > 100 && refused > 50 && released > 5 && wider > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_and_cuts_come_to_what_they_should),
        cmocka_unit_test(there_and_back_again_is_nothing),
        cmocka_unit_test(what_cannot_be_is_never_booked),
        cmocka_unit_test(folded_fleets_stay_within_their_time),
    };
    return cmocka_run_group_tests_name("after, at random", tests, NULL, NULL);
}
