/*
 * A small fleet made by hand, with its books: 24 hours, nodes priced by name in dollars an hour, boards of
 * 80 GiB that are idle until somebody holds them. Hours are counted from the start of the window.
 */
#ifndef GW_TESTS_AFTER_WORLD_H
#define GW_TESTS_AFTER_WORLD_H

#include "gw_test.h"

#include <math.h>

#include "allocate/after.h"
#include "attribute/ledger.h"
#include "fleet/rules.h"

#define HOURS   24
#define START   (100 * GW_DAY_MS)
#define H       ((double)GW_HOUR_MS)
#define AT(h)   (START + (int64_t)(h)*GW_HOUR_MS)
#define DOLLARS (1000000.0)

typedef struct world {
    gw_fleet fleet;
    gw_usage usage;
    gw_price_list *prices;
    gw_price_book book;
    gw_ledger ledger;
    char rows[8192];
} world;

#define HIRABLE "instance_type,region,capacity,hourly_usd\nbig.8,here,on-demand,16\nbig.8,here,spot,4\n"

static inline void world_start(world *w)
{
    memset(w, 0, sizeof(*w));
    gw_fleet_init(&w->fleet);
    gw_usage_init(&w->usage, (gw_interval){START, AT(HOURS)}, GW_STATE_POLICY_DEFAULT);
    gw_price_book_init(&w->book);
    gw_ledger_init(&w->ledger);
    snprintf(w->rows, sizeof(w->rows), "node,hourly_usd\n");
}

/* Prices and books the present. */
static inline void world_close(world *w)
{
    gw_error e = {0};
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.no_catalogue = true;
    if (gw_price_list_new(&o, &w->prices, &e) ||
        gw_price_list_add_text(w->prices, "nodes", gw_str_of(w->rows), &e) ||
        gw_price_list_add_text(w->prices, "types", gw_str_of(HIRABLE), &e) ||
        gw_price_fleet(w->prices, &w->fleet, &w->usage, &w->book, &e) ||
        gw_ledger_book(&w->ledger, &w->fleet, &w->usage, &w->book, &e))
        fail_msg("%s", e.message);
}

static inline void world_free(world *w)
{
    gw_ledger_free(&w->ledger);
    gw_price_book_free(&w->book);
    gw_price_list_free(w->prices);
    gw_usage_free(&w->usage);
    gw_fleet_free(&w->fleet);
}

static inline void idle_on(world *w, uint32_t unit, double ms)
{
    assert_int_equal(gw_usage_fit(&w->usage, &w->fleet), 0);
    gw_unit_usage *u = &w->usage.units[unit];
    u->idle.allocated += ms;
    u->idle.states[GW_STATE_UNKNOWN] += ms;
    u->paid += ms;
}

/* The whole unit of a board. */
static inline uint32_t whole(world *w, uint32_t gpu)
{
    gw_error e = {0};
    uint32_t u = gw_fleet_unit(&w->fleet, gpu, w->fleet.gpus[gpu].node, gw_str_of(""), gw_str_of(""), &e);
    assert_true(u != GW_NONE);
    return u;
}

static inline uint32_t add_node(world *w, const char *name, int dollars, int gpus, int from, int to)
{
    gw_error e = {0};
    uint32_t at = gw_fleet_node(&w->fleet, gw_str_of(name), &e);
    gw_node *n = &w->fleet.nodes[at];
    size_t len = strlen(w->rows);
    if (dollars)
        snprintf(w->rows + len, sizeof(w->rows) - len, "%s,%d\n", name, dollars);
    n->seen = (gw_interval){AT(from), AT(to)};
    n->gpu_count = gpus;
    n->cpu_milli = 32000;
    n->memory_mib = 131072;
    for (int j = 0; j < gpus; j++) {
        char uuid[64];
        snprintf(uuid, sizeof(uuid), "%s-%d", name, j);
        uint32_t g = gw_fleet_gpu(&w->fleet, gw_str_of(uuid), &e);
        w->fleet.gpus[g].node = at;
        w->fleet.gpus[g].index = j;
        w->fleet.gpus[g].model = "NVIDIA A100-SXM4-80GB";
        w->fleet.gpus[g].memory_mib = 81920;
        w->fleet.gpus[g].seen = n->seen;
        idle_on(w, whole(w, g), (to - from) * H);
    }
    return at;
}

/* The j-th board of a node. */
static inline uint32_t board(const world *w, uint32_t node, int j)
{
    for (uint32_t g = 0; g < w->fleet.n_gpus; g++) {
        if (w->fleet.gpus[g].node == node && w->fleet.gpus[g].index == j)
            return g;
    }
    fail_msg("node %u has no board %d", node, j);
    return GW_NONE;
}

static inline uint32_t add_pod(world *w, const char *name, uint32_t node)
{
    gw_error e = {0};
    uint32_t at = gw_fleet_pod(&w->fleet, gw_str_of("ml"), gw_str_of(name), &e);
    gw_pod *p = &w->fleet.pods[at];
    p->node = node;
    p->phase = GW_PHASE_RUNNING;
    p->active = (gw_interval){START, AT(HOURS)};
    p->cpu_request_milli = 4000;
    p->memory_request_mib = 8192;
    return at;
}

static inline void end_pod(world *w, uint32_t pod)
{
    w->fleet.pods[pod].phase = GW_PHASE_SUCCEEDED;
}

/* Half of the time is known only where `known` is 0.5, and so on; `busy`: share of the unit, all along; the
 * idle time of the unit goes down by what is held. */
static inline uint32_t hold(world *w, uint32_t pod, uint32_t unit, double from, double to, double share,
                            double known, double busy, double mib)
{
    uint32_t at = gw_usage_hold(&w->usage, unit, pod);
    gw_stats *s = &w->usage.holds[at].stats;
    double ms = (to - from) * H * share * w->fleet.units[unit].weight, k = ms * known;
    double of = mib / (w->fleet.units[unit].mig_profile ? (double)w->fleet.units[unit].memory_mib : 81920);
    gw_hist *c = gw_calloc(1, sizeof(*c)), *m = gw_calloc(1, sizeof(*m));
    /* bin b holds what is greater than b / 400 */
    c->bin[GW_MAX(0, (int)ceil(busy * GW_HIST_BINS - 1e-9) - 1)] = (float)k;
    m->bin[GW_MAX(0, (int)ceil(of * GW_HIST_BINS - 1e-9) - 1)] = (float)k;
    *s = (gw_stats){.allocated = ms,
                    .known = k,
                    .used = k * busy,
                    .by_signal = {[GW_SIGNAL_GPU_UTIL] = k},
                    .states = {[GW_STATE_LOW_LOW] = k, [GW_STATE_UNKNOWN] = ms - k},
                    .compute = {k * busy, k, busy},
                    .memory = {k * of, k, of},
                    .memory_mib = {k * mib, k, mib},
                    .dram = {k * busy / 2, k, busy / 2},
                    .copy = {.peak = -1},
                    .tensor = {.peak = -1},
                    .power_watts = {k * 200, k, 300},
                    .window_mean_max = busy,
                    .compute_hist = c,
                    .memory_hist = m,
                    .samples = 100,
                    .first_ms = START + (int64_t)(from * H),
                    .end_ms = START + (int64_t)(to * H)};
    w->usage.holds[at].shared = share < 1;
    gw_stats *idle = &w->usage.units[unit].idle;
    idle->allocated -= ms;
    idle->states[GW_STATE_UNKNOWN] -= ms;
    return at;
}

/* ---- changes ---- */

static inline gw_seat seat_whole(uint32_t gpu)
{
    return (gw_seat){.gpu = gpu,
                     .form = GW_FORM_WHOLE,
                     .parts = 1,
                     .start = -1,
                     .share = 1,
                     .memory_mib = GW_UNKNOWN_COUNT};
}

static inline gw_seat seat_part(uint32_t gpu, gw_form form, int parts)
{
    return (gw_seat){.gpu = gpu,
                     .form = form,
                     .parts = parts,
                     .start = -1,
                     .share = 1.0 / parts,
                     .memory_mib = GW_UNKNOWN_COUNT};
}

static inline gw_seat seat_mig(uint32_t gpu, const char *profile, int start)
{
    return (gw_seat){.gpu = gpu,
                     .form = GW_FORM_MIG,
                     .parts = 1,
                     .profile = profile,
                     .start = start,
                     .memory_mib = GW_UNKNOWN_COUNT};
}

/* One change that is put together line by line. */
#define PARTS 64
typedef struct script {
    gw_hire hires[4];
    gw_cut cuts[PARTS];
    gw_resize resizes[4];
    gw_move moves[PARTS];
    gw_seat was[PARTS][2], to[PARTS][2];
    uint32_t units[PARTS][2], released[PARTS];
    gw_change c;
} script;

static inline gw_move *say_move(script *s, uint32_t pod, uint32_t from, uint32_t node)
{
    size_t i = s->c.n_moves++;
    s->moves[i] = (gw_move){.pod = pod, .from = from, .node = node, .restarts = pod != GW_NONE};
    s->moves[i].units = s->units[i];
    s->moves[i].was = s->was[i];
    s->moves[i].to = s->to[i];
    s->c.moves = s->moves;
    return &s->moves[i];
}

static inline void say_seat(script *s, uint32_t unit, gw_seat was, gw_seat to)
{
    size_t i = s->c.n_moves - 1;
    uint32_t k = s->moves[i].n_units++;
    s->units[i][k] = unit;
    s->was[i][k] = was;
    s->to[i][k] = to;
}

static inline void say_release(script *s, uint32_t node)
{
    s->released[s->c.n_released++] = node;
    s->c.released = s->released;
}

static inline void say_cut(script *s, uint32_t gpu, gw_form form, int parts, const char *layout)
{
    s->cuts[s->c.n_cuts++] = (gw_cut){.gpu = gpu, .form = form, .parts = parts, .layout = layout};
    s->c.cuts = s->cuts;
}

static inline gw_hire *say_hire(script *s, int gpus)
{
    gw_hire *h = &s->hires[s->c.n_hires++];
    *h = (gw_hire){.instance_type = "big.8",
                   .region = "here",
                   .capacity = GW_CAPACITY_ON_DEMAND,
                   .hourly = 1, /* which is not looked at */
                   .gpu = "A100-80GB",
                   .gpus = gpus,
                   .gpu_memory_mib = 81920,
                   .cpu_milli = 64000,
                   .memory_mib = 262144};
    s->c.hires = s->hires;
    return h;
}

/* ---- what came of it ---- */

static inline double used_ms(const gw_after *a)
{
    return a->ledger.time.used;
}

static inline uint32_t find_hold(const gw_usage *u, uint32_t unit, uint32_t pod)
{
    uint32_t pair[2] = {unit, pod};
    return gw_map_get(&u->by_hold, (gw_str){(const char *)pair, sizeof(pair)});
}

/* The unit of a board with this profile and id; "" for the whole. */
static inline uint32_t unit_of(const gw_fleet *f, uint32_t gpu, const char *profile, const char *id)
{
    for (uint32_t u = 0; u < f->n_units; u++) {
        if (f->units[u].gpu == gpu &&
            gw_eq(f->units[u].mig_profile ? f->units[u].mig_profile : "", profile) &&
            (!*profile || gw_eq(f->units[u].mig_id, id)))
            return u;
    }
    return GW_NONE;
}

/* Every leaf, the total, and every node by its price and time; and no node has more GPU time than GPUs. */
static inline void check_books(const gw_after *a)
{
    const gw_fleet *f = &a->fleet;
    const gw_usage *u = &a->usage;
    gw_cost sum = {0};
    assert_int_equal(a->ledger.n_nodes, f->n_nodes);
    assert_int_equal(u->n_units, f->n_units);
    for (size_t i = 0; i < a->ledger.n_leaves; i++) {
        const gw_leaf *x = &a->ledger.leaves[i];
        assert_true(gw_cost_balances(&x->cost));
        assert_true(x->time.used >= 0 && x->time.used <= x->time.allocated + 1e-6);
        gw_cost_add(&sum, &x->cost);
    }
    assert_true(gw_cost_balances(&a->ledger.total));
    assert_int_equal(sum.bill, a->ledger.total.bill);
    for (uint32_t n = 0; n < f->n_nodes; n++) {
        double paid = 0, listed = 0;
        int64_t there = GW_MIN(f->nodes[n].seen.end_ms, u->window.end_ms) -
                        GW_MAX(f->nodes[n].seen.start_ms, u->window.start_ms);
        int64_t ms = u->node_ms[n];
        assert_true(ms >= 0 && ms <= there);
        gw_micro bill = 0;
        bool any = false;
        for (size_t i = 0; i < a->ledger.n_leaves; i++) {
            if (a->ledger.leaves[i].node != n)
                continue;
            any = true;
            bill += a->ledger.leaves[i].cost.bill;
            paid += a->ledger.leaves[i].time.paid;
        }
        for (size_t i = 0; i < f->n_units; i++)
            listed += f->units[i].node == n ? u->units[i].paid : 0;
        assert_true(fabs(paid - listed) <= 1 + 1e-9 * paid);
        if (f->nodes[n].gpu_count > 0 && paid > (double)f->nodes[n].gpu_count * (double)ms * (1 + 1e-9) + 1)
            fail_msg("node %s: %.0f GPU-ms paid of %" PRId64 " x %" PRId64, f->nodes[n].name, paid,
                     f->nodes[n].gpu_count, ms);
        if (any && gw_micro_known(a->book.nodes[n].hourly))
            assert_int_equal(bill, (gw_micro)roundl((long double)a->book.nodes[n].hourly * ms / 3600000.0L));
    }
    for (size_t h = 0; h < u->n_holds; h++) {
        const gw_stats *s = &u->holds[h].stats;
        double states = 0, signals = 0;
        for (int i = 0; i < GW_N_STATES; i++)
            states += s->states[i];
        for (int i = 0; i < GW_N_COMPUTE_SIGNALS; i++)
            signals += s->by_signal[i];
        assert_true(fabs(states - s->allocated) <= 1e-6 * (1 + s->allocated));
        assert_true(fabs(signals - s->known) <= 1e-6 * (1 + s->known));
        assert_true(s->used <= s->known + 1e-9 && s->known <= s->allocated + 1e-6);
        assert_true(s->compute.integral <= s->compute.known * (1 + 1e-9) && s->compute.peak <= 1);
    }
}

static inline gw_after run(world *w, const gw_change *one, const gw_change *two)
{
    gw_error e = {0};
    gw_after a;
    const gw_change *list[] = {one, two};
    if (gw_after_build(&w->fleet, &w->usage, w->prices, list, one ? (two ? 2 : 1) : 0, &a, &e))
        fail_msg("%s", e.message);
    check_books(&a);
    return a;
}

static inline void assert_near(double have, double want)
{
    if (fabs(have - want) > 1e-6 * (1 + fabs(want)))
        fail_msg("%.9g is not %.9g", have, want);
}

static inline bool same_ledger(const gw_ledger *a, const gw_ledger *b)
{
    bool same = a->n_leaves == b->n_leaves && a->n_nodes == b->n_nodes &&
                memcmp(a->node_bill, b->node_bill, a->n_nodes * sizeof(gw_micro)) == 0;
    for (size_t i = 0; same && i < a->n_leaves; i++) {
        const gw_leaf *x = &a->leaves[i], *y = &b->leaves[i];
        const gw_cost *c = &x->cost, *d = &y->cost;
        same = x->node == y->node && x->unit == y->unit && x->hold == y->hold && c->bill == d->bill &&
               c->used == d->used && c->wasted == d->wasted && c->idle == d->idle &&
               c->unknown == d->unknown && c->overhead == d->overhead && c->reclaimable == d->reclaimable &&
               c->reclaimable_known == d->reclaimable_known && c->priced == d->priced &&
               memcmp(&x->time, &y->time, sizeof(x->time)) == 0;
    }
    return same;
}

#endif
