/*
 * A watch that reads a random fleet in many small turns must say what gw_observe says of the same time in one
 * go: the same books, priced and booked by the same code, leaf by leaf and to the micro-dollar. The other
 * side of every comparison is gw_observe, with one sum for everything.
 */
#include "gw_test.h"

#include <math.h>

#include "attribute/ledger.h"
#include "fleet/copy.h"
#include "observe/random_fleet.h"
#include "observe/watch.h"

#define DAY_MS     INT64_C(1759968000000) /* 2025-10-09T00:00Z */
#define HOURLY     (37 * GW_USD)
#define NEAR(a, b) (fabs((a) - (b)) <= 1e-6 * (1 + fabs(a) + fabs(b)))

typedef struct seen {
    gw_fleet fleet;
    gw_usage usage;
    gw_price_book book;
    gw_ledger ledger;
} seen;

static void book(seen *x)
{
    gw_error e = {0};
    gw_price_book_init(&x->book);
    x->book.nodes = gw_calloc(x->fleet.n_nodes + 1, sizeof(*x->book.nodes));
    x->book.n_nodes = x->fleet.n_nodes;
    x->book.control_plane_hourly = 100000;
    for (size_t i = 0; i < x->fleet.n_nodes; i++)
        x->book.nodes[i] =
            (gw_node_price){.hourly = HOURLY, .gpu_hourly = HOURLY, .overhead_hourly = HOURLY / 7};
    if (gw_ledger_book(&x->ledger, &x->fleet, &x->usage, &x->book, &e))
        fail_msg("book: %s", e.message);
}

static void seen_free(seen *x)
{
    gw_ledger_free(&x->ledger);
    gw_free(x->book.nodes);
    gw_usage_free(&x->usage);
    gw_fleet_free(&x->fleet);
}

/* false: there is nothing to see. */
static bool observe(mem_source *m, gw_interval window, int64_t slice_ms, seen *ret)
{
    gw_error e = {0};
    gw_source source = {.self = m, .read = mem_read};
    gw_observe_options o = {.window = window, .slice_ms = slice_ms, .policy = GW_STATE_POLICY_DEFAULT};
    gw_fleet_init(&ret->fleet);
    gw_usage_init(&ret->usage, window, o.policy);
    int rc = gw_observe(&source, &o, &ret->fleet, &ret->usage, &e);
    if (rc == GW_ENODATA) {
        gw_usage_free(&ret->usage);
        gw_fleet_free(&ret->fleet);
        return false;
    }
    if (rc)
        fail_msg("observe: %s", e.message);
    book(ret);
    return true;
}

static void merge(const gw_watch *w, gw_interval window, seen *ret)
{
    gw_error e = {0};
    if (gw_fleet_clone(&ret->fleet, gw_watch_fleet(w), &e))
        fail_msg("clone: %s", e.message);
    if (gw_watch_merge(w, window, &ret->fleet, &ret->usage, &e))
        fail_msg("merge: %s", e.message);
    book(ret);
}

static gw_watch *watch_new(gw_interval window, int64_t slice_ms)
{
    gw_error e = {0};
    gw_watch *w = NULL;
    gw_watch_options o = {.start_ms = window.start_ms,
                          .end_ms = window.end_ms,
                          .slice_ms = slice_ms,
                          .policy = GW_STATE_POLICY_DEFAULT};
    if (gw_watch_new(&o, &w, &e))
        fail_msg("watch: %s", e.message);
    return w;
}

/* ---- comparing ---- */

static const char *text(const char *s)
{
    return s ? s : "";
}

static bool same_leaf(const seen *a, const gw_leaf *x, const seen *b, const gw_leaf *y)
{
    if ((x->node == GW_NONE) != (y->node == GW_NONE) || (x->unit == GW_NONE) != (y->unit == GW_NONE) ||
        (x->hold == GW_NONE) != (y->hold == GW_NONE))
        return false;
    if (x->node != GW_NONE && strcmp(a->fleet.nodes[x->node].name, b->fleet.nodes[y->node].name) != 0)
        return false;
    if (x->unit != GW_NONE) {
        const gw_unit *u = &a->fleet.units[x->unit], *v = &b->fleet.units[y->unit];
        if ((u->gpu == GW_NONE) != (v->gpu == GW_NONE) || strcmp(text(u->mig_id), text(v->mig_id)) != 0 ||
            strcmp(text(u->mig_profile), text(v->mig_profile)) != 0)
            return false;
        if (u->gpu != GW_NONE && strcmp(a->fleet.gpus[u->gpu].uuid, b->fleet.gpus[v->gpu].uuid) != 0)
            return false;
    }
    if (x->hold == GW_NONE)
        return true;
    const gw_pod *p = &a->fleet.pods[a->usage.holds[x->hold].pod],
                 *q = &b->fleet.pods[b->usage.holds[y->hold].pod];
    return strcmp(p->ns, q->ns) == 0 && strcmp(p->name, q->name) == 0;
}

static void assert_micro(const char *what, uint64_t seed, gw_micro a, gw_micro b, gw_micro slack)
{
    if (llabs(a - b) > slack)
        fail_msg("seed %" PRIu64 ": %s is %" PRId64 " in one go, %" PRId64 " watched", seed, what, a, b);
}

static void assert_ms(const char *what, uint64_t seed, double a, double b)
{
    if (fabs(a - b) > 0.5)
        fail_msg("seed %" PRIu64 ": %s is %.1f ms in one go, %.1f watched", seed, what, a, b);
}

static void compare_stats(uint64_t seed, const gw_hold *x, const gw_hold *y)
{
    const gw_stats *a = &x->stats, *b = &y->stats;
    assert_int_equal(x->how, y->how);
    assert_int_equal(x->shared, y->shared);
    assert_int_equal(a->first_ms, b->first_ms);
    assert_int_equal(a->end_ms, b->end_ms);
    for (int i = 0; i < GW_N_STATES; i++)
        assert_ms("a state", seed, a->states[i], b->states[i]);
    assert_true(NEAR(a->memory.integral, b->memory.integral) && NEAR(a->memory.peak, b->memory.peak));
    assert_true(NEAR(a->window_mean_max, b->window_mean_max) && NEAR(a->active_windows, b->active_windows));
    assert_true(gw_hist_quantile(a->compute_hist, 0.95) == gw_hist_quantile(b->compute_hist, 0.95));
}

static void compare_ledgers(uint64_t seed, const seen *a, const seen *b)
{
    assert_int_equal(a->ledger.n_leaves, b->ledger.n_leaves);
    for (size_t i = 0; i < a->ledger.n_leaves; i++) {
        const gw_leaf *x = &a->ledger.leaves[i], *y = &b->ledger.leaves[i]; /* both by name */
        if (!same_leaf(a, x, b, y))
            fail_msg("seed %" PRIu64 ": leaf %zu is of something else", seed, i);
        assert_ms("paid", seed, x->time.paid, y->time.paid);
        assert_ms("held", seed, x->time.allocated, y->time.allocated);
        assert_ms("used", seed, x->time.used, y->time.used);
        assert_ms("idle", seed, x->time.idle, y->time.idle);
        assert_ms("unknown", seed, x->time.unknown, y->time.unknown);
        /* a tie of remainders may fall either way: sums of doubles in another order */
        assert_micro("a leaf's bill", seed, x->cost.bill, y->cost.bill, 1);
        assert_micro("a leaf's reclaimable", seed, x->cost.reclaimable, y->cost.reclaimable, 1);
        if (x->hold != GW_NONE)
            compare_stats(seed, &a->usage.holds[x->hold], &b->usage.holds[y->hold]);
    }
    const gw_cost *c = &a->ledger.total, *d = &b->ledger.total;
    assert_micro("the bill", seed, c->bill, d->bill, 0);
    assert_micro("overhead", seed, c->overhead, d->overhead, 0);
    assert_micro("used", seed, c->used, d->used, 1);
    assert_micro("wasted", seed, c->wasted, d->wasted, 1);
    assert_micro("idle", seed, c->idle, d->idle, 1);
    assert_micro("unknown", seed, c->unknown, d->unknown, 1);
    assert_micro("reclaimable", seed, c->reclaimable, d->reclaimable, 2);
}

/* Samples of a pod that has no time in an hour are the unit's in that hour: only their sum is the same. */
static uint64_t samples_of(const gw_usage *u)
{
    uint64_t n = 0;
    for (size_t i = 0; i < u->n_holds; i++)
        n += u->holds[i].stats.samples;
    for (size_t i = 0; i < u->n_units; i++)
        n += u->units[i].idle.samples;
    return n;
}

static void compare_usages(uint64_t seed, const seen *a, const seen *b)
{
    const gw_usage *u = &a->usage, *v = &b->usage;
    assert_int_equal(u->window.start_ms, v->window.start_ms);
    assert_int_equal(u->window.end_ms, v->window.end_ms);
    assert_int_equal(u->observed.start_ms, v->observed.start_ms);
    assert_int_equal(u->observed.end_ms, v->observed.end_ms);
    assert_int_equal(u->has_kube_state, v->has_kube_state);
    assert_int_equal(u->has_cadvisor, v->has_cadvisor);
    assert_int_equal(u->n_unknowns, v->n_unknowns);
    assert_int_equal(u->n_xids, v->n_xids);
    uint32_t times[2] = {0};
    for (size_t i = 0; i < u->n_xids; i++) {
        times[0] += u->xids[i].times;
        times[1] += v->xids[i].times;
    }
    assert_int_equal(times[0], times[1]);
    for (size_t g = 0; g < a->fleet.n_gpus; g++) {
        uint32_t at = gw_map_get(&b->fleet.by_uuid, gw_str_of(a->fleet.gpus[g].uuid));
        assert_true(at < v->n_heat);
        for (int c = 0; c < GW_HEAT_COLUMNS; c++) {
            const gw_heat *x = &u->heat[g][c], *y = &v->heat[at][c];
            if (fabsf(x->known - y->known) > 1 + 1e-5f * x->known ||
                fabsf(x->integral - y->integral) > 1 + 1e-5f * x->known)
                fail_msg("seed %" PRIu64 ": heat of GPU %zu in column %d", seed, g, c);
        }
    }
}

static void compare_containers(const seen *a, const seen *b)
{
    assert_int_equal(a->usage.n_containers, b->usage.n_containers);
    for (size_t i = 0; i < a->usage.n_containers; i++) {
        const gw_container *x = &a->usage.containers[i], *y = NULL;
        const gw_pod *p = &a->fleet.pods[x->pod];
        uint32_t q = gw_fleet_find_pod(&b->fleet, gw_str_of(p->ns), gw_str_of(p->name));
        for (size_t k = 0; k < b->usage.n_containers && !y; k++) {
            const gw_container *z = &b->usage.containers[k];
            y = z->pod == q && strcmp(z->name, x->name) == 0 ? z : NULL;
        }
        assert_non_null(y);
        assert_true(NEAR(x->use.samples, y->use.samples));
        assert_int_equal(x->use.first_ms, y->use.first_ms);
        assert_int_equal(x->use.last_ms, y->use.last_ms);
        assert_true(gw_vpa_hist_percentile(&x->use.cpu, GW_VPA_CPU_FIRST_MILLI, 0.9) ==
                    gw_vpa_hist_percentile(&y->use.cpu, GW_VPA_CPU_FIRST_MILLI, 0.9));
        assert_true(NEAR(gw_vpa_peaks_max(&x->use.memory), gw_vpa_peaks_max(&y->use.memory)));
        assert_int_equal(x->use.memory.end_ms, y->use.memory.end_ms);
        assert_true(NEAR(x->use.memory.open, y->use.memory.open));
        assert_true(NEAR(x->use.memory.ended.peak, y->use.memory.ended.peak));
    }
}

static void compare(uint64_t seed, const seen *a, const seen *b)
{
    compare_ledgers(seed, a, b);
    compare_usages(seed, a, b);
    compare_containers(a, b);
    assert_int_equal(samples_of(&a->usage), samples_of(&b->usage));
}

/* The hours, one by one, make up the whole. */
static void compare_hours(uint64_t seed, const gw_watch *w, const seen *whole)
{
    gw_gpu_time sum = {0};
    gw_micro bill = 0;
    int64_t at = whole->usage.window.start_ms;
    for (size_t i = 0; i < gw_watch_hours(w); i++) {
        gw_watch_hour h = gw_watch_hour_at(w, i);
        seen x;
        assert_int_equal(h.when.start_ms, at);
        at = h.when.end_ms;
        merge(w, h.when, &x);
        assert_int_equal(x.usage.window.start_ms, h.when.start_ms);
        assert_int_equal(x.usage.window.end_ms, h.when.end_ms);
        gw_gpu_time_add(&sum, &x.ledger.time);
        bill += x.ledger.total.bill - x.ledger.total.overhead;
        for (size_t k = 0; k < x.fleet.n_nodes; k++)
            bill += x.ledger.node_bill[k] == 0 && whole->ledger.node_bill[k] > 0
                        ? gw_micro_for(HOURLY - HOURLY / 7, x.usage.node_ms[k])
                        : 0;
        seen_free(&x);
    }
    assert_int_equal(at, whole->usage.window.end_ms);
    assert_ms("paid of hours", seed, whole->ledger.time.paid, sum.paid);
    assert_ms("used of hours", seed, whole->ledger.time.used, sum.used);
    assert_ms("idle of hours", seed, whole->ledger.time.idle, sum.idle);
    assert_ms("unknown of hours", seed, whole->ledger.time.unknown, sum.unknown);
    /* Bills are rounded. And a node's hour of which no unit and no GPU is known has no line that could be
     * billed, as where nobody tells how many GPUs it has. */
    assert_micro("bill of hours", seed, whole->ledger.total.bill - whole->ledger.total.overhead, bill,
                 (gw_micro)(gw_watch_hours(w) * (2 * whole->fleet.n_nodes + 1)));
}

/* ---- tests ---- */

static void turn(gw_watch *w, mem_source *m, int64_t now, bool may_fail)
{
    gw_source source = {.self = m, .read = mem_read};
    gw_error e = {0};
    m->now_ms = now;
    int rc = gw_watch_read(w, &source, now, &e);
    if (rc && !(may_fail && rc == GW_ECONNECT))
        fail_msg("read: %s", e.message);
}

static void judge(gw_watch *w, int64_t until)
{
    gw_error e = {0};
    if (gw_watch_judge(w, until, &e))
        fail_msg("judge: %s", e.message);
}

static void one_go_is_what_observe_says(void **state)
{
    GW_UNUSED(state);
    size_t n = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        mem_source m;
        seen a, b;
        mem_source_init(&m, seed);
        gw_interval window = {DAY_MS + (int64_t)rnd(&m.rng, 600) * GW_MINUTE_MS, 0};
        window.end_ms = window.start_ms + (60 + (int64_t)rnd(&m.rng, 3600)) * GW_MINUTE_MS;
        int64_t slice_ms = (int64_t[]){0, 0, 7 * GW_HOUR_MS, 95 * GW_MINUTE_MS}[rnd(&m.rng, 4)];
        random_fleet_make(&m, window.start_ms, window.end_ms, false);
        if (observe(&m, window, slice_ms, &a)) {
            gw_watch *w = watch_new(window, slice_ms);
            turn(w, &m, window.end_ms + GW_HOLD_MAX_MS + (int64_t)rnd(&m.rng, 2) * GW_DAY_MS, false);
            judge(w, window.end_ms);
            merge(w, window, &b);
            compare(seed, &a, &b);
            compare_hours(seed, w, &b);
            n++;
            seen_free(&a);
            seen_free(&b);
            gw_watch_free(w);
        }
        mem_source_free(&m);
    }
    assert_true(n > 40);
}

static void many_turns_are_what_observe_says(void **state)
{
    GW_UNUSED(state);
    size_t n = 0;
    for (uint64_t seed = 101; seed <= 150; seed++) {
        mem_source m;
        seen a, b;
        mem_source_init(&m, seed);
        gw_interval window = {DAY_MS + (int64_t)rnd(&m.rng, 300) * GW_WINDOW_MS, 0};
        window.end_ms = window.start_ms + (60 + (int64_t)rnd(&m.rng, 3600)) * GW_MINUTE_MS;
        int64_t slice_ms = (int64_t[]){0, 0, 7 * GW_HOUR_MS, 95 * GW_MINUTE_MS}[rnd(&m.rng, 4)];
        random_fleet_make(&m, window.start_ms, window.end_ms, seed % 2);
        if (observe(&m, window, slice_ms, &a)) {
            gw_watch *w = watch_new(window, slice_ms);
            m.fail_1 = seed % 3 ? 0 : 5;
            for (int64_t now = window.start_ms; now < window.end_ms;
                 now += 1000 + (int64_t)rnd(&m.rng, 90 * 60000)) {
                turn(w, &m, now, true);
                if (rnd(&m.rng, 3) == 0)
                    judge(w, now);
            }
            m.fail_1 = 0;
            int64_t over = window.end_ms + 20 * GW_MINUTE_MS + (int64_t)rnd(&m.rng, 2) * GW_MINUTE_MS;
            turn(w, &m, over - GW_MINUTE_MS, false);
            turn(w, &m, over, false);
            judge(w, over);
            merge(w, window, &b);
            compare(seed, &a, &b);
            n++;
            seen_free(&a);
            seen_free(&b);
            gw_watch_free(w);
        }
        mem_source_free(&m);
    }
    assert_true(n > 30);
}

/* What is judged half-way is what gw_observe says of the time so far. */
static void what_is_open_is_what_observe_says_so_far(void **state)
{
    GW_UNUSED(state);
    for (uint64_t seed = 201; seed <= 212; seed++) {
        mem_source m;
        mem_source_init(&m, seed);
        gw_interval window = {DAY_MS, DAY_MS + 40 * GW_HOUR_MS};
        random_fleet_make(&m, window.start_ms, window.end_ms, false);
        gw_watch *w = watch_new((gw_interval){window.start_ms, INT64_MAX}, 0);
        for (int64_t now = window.start_ms + 100 * GW_MINUTE_MS; now < window.end_ms;
             now += (1 + (int64_t)rnd(&m.rng, 100)) * GW_WINDOW_MS) {
            seen a, b;
            turn(w, &m, now + GW_HOLD_MAX_MS - 1, false); /* as far as gw_observe reads */
            judge(w, now);
            if (!observe(&m, (gw_interval){window.start_ms, now}, 0, &a))
                continue;
            merge(w, window, &b);
            compare_ledgers(seed, &a, &b);
            compare_usages(seed, &a, &b);
            seen_free(&a);
            seen_free(&b);
        }
        gw_watch_free(w);
        mem_source_free(&m);
    }
}

/* ---- by hand ---- */

static void put_all(mem_series *s, int64_t from, int64_t to, int64_t step, double value)
{
    for (int64_t t = from; t < to; t += step)
        mem_put(s, t, value, 0);
}

#define ON_GPU "UUID=GPU-0,gpu=0,modelName=NVIDIA H100,Hostname=n0"

static double hours(double ms)
{
    return ms / (double)GW_HOUR_MS;
}

/*
 * A GPU that is silent from hour 2 to hour 26, across the end of the first slice, with one pod before and
 * after: nobody knows of the time between until the pod is back, then it is the pod's, and of hours that are
 * closed.
 */
static void a_gap_over_midnight_is_settled_next_day(void **state)
{
    GW_UNUSED(state);
    mem_source m;
    seen x;
    mem_source_init(&m, 1);
    mem_series *s = mem_add(&m, GW_FAMILIES_GPU, "DCGM_FI_DEV_GPU_UTIL", ON_GPU ",namespace=ml,pod=a");
    put_all(s, DAY_MS, DAY_MS + 2 * GW_HOUR_MS, 30000, 50);
    put_all(s, DAY_MS + 26 * GW_HOUR_MS, DAY_MS + 28 * GW_HOUR_MS, 30000, 50);
    gw_watch *w = watch_new((gw_interval){DAY_MS, INT64_MAX}, 0);
    gw_interval gap = {DAY_MS + 10 * GW_HOUR_MS, DAY_MS + 11 * GW_HOUR_MS};
    turn(w, &m, DAY_MS + 25 * GW_HOUR_MS, false);
    judge(w, DAY_MS + 25 * GW_HOUR_MS);
    assert_int_equal(gw_watch_hours(w), 25);
    assert_true(gw_watch_hour_at(w, 10).closed && gw_watch_hour_at(w, 10).complete);
    assert_false(gw_watch_hour_at(w, 24).closed);
    uint64_t before = gw_watch_hour_at(w, 10).revision, first = gw_watch_hour_at(w, 0).revision;
    merge(w, gap, &x);
    /* the node was last seen in hour 2: what came after is not paid by anybody yet */
    assert_int_equal(x.usage.node_ms[0], 0);
    assert_int_equal(x.ledger.total.bill, 0);
    seen_free(&x);
    turn(w, &m, DAY_MS + 28 * GW_HOUR_MS, false);
    judge(w, DAY_MS + 28 * GW_HOUR_MS);
    assert_true(gw_watch_hour_at(w, 10).revision > before);
    assert_int_equal(gw_watch_hour_at(w, 0).revision, first);
    merge(w, gap, &x);
    assert_int_equal(x.usage.node_ms[0], GW_HOUR_MS);
    assert_int_equal(x.usage.n_holds, 1);
    assert_true(NEAR(hours(x.usage.holds[0].stats.allocated), 1.0));
    assert_true(x.usage.holds[0].stats.known == 0);
    assert_int_equal(x.usage.holds[0].how, GW_HOLD_NAMED);
    /* an hour of the node, all of it unknown; the control plane's tenth of a dollar is overhead */
    assert_int_equal(x.ledger.total.bill, HOURLY + 100000);
    assert_int_equal(x.ledger.total.unknown, HOURLY - HOURLY / 7);
    seen_free(&x);
    gw_watch_free(w);
    mem_source_free(&m);
}

static void hours_that_are_trimmed_are_gone(void **state)
{
    GW_UNUSED(state);
    mem_source m;
    seen x;
    mem_source_init(&m, 1);
    mem_series *s = mem_add(&m, GW_FAMILIES_GPU, "DCGM_FI_DEV_GPU_UTIL", ON_GPU ",namespace=ml,pod=a");
    put_all(s, DAY_MS, DAY_MS + 60 * GW_HOUR_MS, 60000, 50);
    gw_watch *w = watch_new((gw_interval){DAY_MS, INT64_MAX}, 0);
    turn(w, &m, DAY_MS + 50 * GW_HOUR_MS, false);
    judge(w, DAY_MS + 50 * GW_HOUR_MS);
    assert_int_equal(gw_watch_hours(w), 50);
    uint64_t revision = gw_watch_hour_at(w, 30).revision;
    gw_watch_trim(w, DAY_MS + 30 * GW_HOUR_MS + 1);
    assert_int_equal(gw_watch_hours(w), 20);
    assert_int_equal(gw_watch_hour_at(w, 0).when.start_ms, DAY_MS + 30 * GW_HOUR_MS);
    assert_int_equal(gw_watch_hour_at(w, 0).revision, revision);
    merge(w, (gw_interval){INT64_MIN / 4, INT64_MAX}, &x);
    assert_int_equal(x.usage.window.start_ms, DAY_MS + 30 * GW_HOUR_MS);
    assert_true(NEAR(hours(x.usage.holds[0].stats.allocated), 20.0));
    assert_int_equal(x.usage.node_ms[0], 20 * GW_HOUR_MS);
    seen_free(&x);
    /* of what is open nothing is trimmed */
    gw_watch_trim(w, INT64_MAX);
    assert_int_equal(gw_watch_hours(w), 2);
    gw_watch_free(w);
    mem_source_free(&m);
}

static void windows_are_cut_to_what_is_there(void **state)
{
    GW_UNUSED(state);
    mem_source m;
    seen x;
    gw_error e = {0};
    gw_watch *w;
    gw_watch_options bad = {.start_ms = 5, .end_ms = 5};
    assert_int_equal(gw_watch_new(&bad, &w, &e), GW_EUSAGE);
    bad = (gw_watch_options){.start_ms = INT64_MIN, .end_ms = 5};
    assert_int_equal(gw_watch_new(&bad, &w, &e), GW_EUSAGE);
    mem_source_init(&m, 1);
    mem_series *s = mem_add(&m, GW_FAMILIES_GPU, "DCGM_FI_DEV_GPU_UTIL", ON_GPU ",namespace=ml,pod=a");
    put_all(s, DAY_MS, DAY_MS + 10 * GW_HOUR_MS, 30000, 50);
    w = watch_new((gw_interval){DAY_MS + 30 * GW_MINUTE_MS, INT64_MAX}, 0);
    judge(w, DAY_MS); /* nothing was read */
    assert_int_equal(gw_watch_hours(w), 0);
    assert_true(gw_watch_newest(w) == INT64_MIN);
    assert_int_equal(gw_watch_merge(w, (gw_interval){DAY_MS, INT64_MAX}, &x.fleet, &x.usage, &e), GW_ENODATA);
    turn(w, &m, DAY_MS + 3 * GW_HOUR_MS + 12 * GW_MINUTE_MS, false);
    judge(w, DAY_MS + 3 * GW_HOUR_MS + 12 * GW_MINUTE_MS);
    assert_int_equal(gw_watch_judged(w), DAY_MS + 3 * GW_HOUR_MS + 10 * GW_MINUTE_MS);
    assert_int_equal(gw_watch_hours(w), 4);
    assert_int_equal(gw_watch_hour_at(w, 0).when.start_ms, DAY_MS + 30 * GW_MINUTE_MS);
    assert_false(gw_watch_hour_at(w, 3).complete);
    assert_true(gw_watch_newest(w) > DAY_MS + 3 * GW_HOUR_MS);
    /* an instant of an hour is that hour */
    merge(w, (gw_interval){DAY_MS + 70 * GW_MINUTE_MS, DAY_MS + 70 * GW_MINUTE_MS + 1}, &x);
    assert_int_equal(x.usage.window.start_ms, DAY_MS + GW_HOUR_MS);
    assert_int_equal(x.usage.window.end_ms, DAY_MS + 2 * GW_HOUR_MS);
    assert_true(NEAR(hours(x.usage.holds[0].stats.used), 0.5));
    seen_free(&x);
    gw_source source = {.self = &m, .read = mem_read};
    assert_int_equal(gw_watch_read(w, &source, INT64_MAX, &e), GW_EUSAGE);
    gw_watch_free(w);
    mem_source_free(&m);
}

/* ---- without memory ---- */

static int all_of_it(gw_watch *w, mem_source *m, gw_fleet *fleet, gw_usage *u, gw_error *e)
{
    gw_source source = {.self = m, .read = mem_read};
    int rc = 0;
    for (int64_t t = DAY_MS + GW_HOUR_MS; t <= DAY_MS + 5 * GW_HOUR_MS && !rc; t += 40 * GW_MINUTE_MS) {
        rc = gw_watch_read(w, &source, t, e);
        rc = rc ? rc : gw_watch_judge(w, t, e);
    }
    rc = rc ? rc : gw_fleet_clone(fleet, gw_watch_fleet(w), e);
    if (rc)
        return rc;
    rc = gw_watch_merge(w, (gw_interval){DAY_MS, DAY_MS + 5 * GW_HOUR_MS}, fleet, u, e);
    if (rc)
        gw_fleet_free(fleet);
    return rc;
}

/* Fails allocation after allocation. What is left is freed whole; and a watch that is not broken goes on, and
 * says in the end what one says that never lacked anything. */
static void it_survives_every_lack_of_memory(void **state)
{
    GW_UNUSED(state);
    mem_source m;
    mem_source_init(&m, 7);
    random_fleet_make(&m, DAY_MS, DAY_MS + 5 * GW_HOUR_MS, false);
    double want = -1;
    size_t went_on = 0, broke = 0;
    int rc = GW_ENOMEM;
    for (uint64_t n = 0; rc || n <= 1; n += n < 400 ? 1 : 1 + n / 40) {
        gw_error e = {0};
        seen x;
        int64_t live = gw_mem_live();
        gw_watch *w = watch_new((gw_interval){DAY_MS, INT64_MAX}, 65 * GW_MINUTE_MS);
        gw_mem_fail_at(n);
        rc = all_of_it(w, &m, &x.fleet, &x.usage, &e);
        gw_mem_fail_at(0);
        assert_true(rc == 0 || rc == GW_ENOMEM);
        int again = rc ? all_of_it(w, &m, &x.fleet, &x.usage, &e) : 0;
        if (again) {
            assert_int_equal(again, GW_EINTERNAL);
            broke++;
        } else {
            double sum = 0;
            for (size_t i = 0; i < x.usage.n_units; i++)
                sum += x.usage.units[i].paid + 3 * x.usage.units[i].unknown;
            for (size_t i = 0; i < x.usage.n_holds; i++)
                sum += 5 * x.usage.holds[i].stats.used + 7 * x.usage.holds[i].stats.known;
            want = n == 0 ? sum : want;
            if (!NEAR(sum, want))
                fail_msg("allocation %" PRIu64 " failed, and %.3f became %.3f", n, want, sum);
            went_on += rc != 0;
            gw_usage_free(&x.usage);
            gw_fleet_free(&x.fleet);
        }
        gw_watch_free(w);
        assert_int_equal(gw_mem_live(), live);
    }
    assert_true(went_on > 50 && broke > 5);
    mem_source_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_go_is_what_observe_says),
        cmocka_unit_test(many_turns_are_what_observe_says),
        cmocka_unit_test(what_is_open_is_what_observe_says_so_far),
        cmocka_unit_test(a_gap_over_midnight_is_settled_next_day),
        cmocka_unit_test(hours_that_are_trimmed_are_gone),
        cmocka_unit_test(windows_are_cut_to_what_is_there),
        cmocka_unit_test(it_survives_every_lack_of_memory),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
