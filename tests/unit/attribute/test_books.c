/*
 * The property that gpuwise stands on: over random fleets, in every grouping, the books balance to the
 * micro-dollar.
 *
 * Fleets are made by folding random telemetry (pods that come and go, gaps, sentinels, MIG, time-slicing,
 * nodes without exporter), then priced at random, some nodes not at all. The checks add up leaves and rows by
 * themselves.
 */
#include "gw_test.h"

#include <math.h>

#include "attribute/ledger.h"
#include "attribute/report.h"
#include "observe/telemetry.h"

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static const char *const namespaces[] = {"ads", "search", "research", "default"};

static void pod_series(telemetry *t, int node, int gpu, int pod, int from, int to, const char *mig)
{
    char head[512];
    int step = 15 + (int)below(4) * 15;
    const char *ns = namespaces[pod % 4];
    const char *metric = *mig ? "DCGM_FI_PROF_GR_ENGINE_ACTIVE" : "DCGM_FI_DEV_GPU_UTIL";
    double scale = *mig ? 0.01 : 1;
    snprintf(head, sizeof(head),
             "%s{UUID=\"GPU-%d-%d\",gpu=\"%d\",modelName=\"NVIDIA "
             "H100\",Hostname=\"n%d\"%s,namespace=\"%s\",pod=\"p%d\"}",
             metric, node, gpu, gpu, node, mig, ns, pod);
    for (int s = from; s < to; s += step) {
        uint32_t chance = below(40);
        if (chance == 0)
            s += (int)below(1500); /* a gap */
        series(t, head, s, s, 1, chance == 1 ? 9223372036854775794.0 : below(101) * scale);
    }
    char memory[512];
    snprintf(memory, sizeof(memory), "DCGM_FI_DEV_FB_USED%s", strchr(head, '{'));
    if (below(4)) {
        series(t, memory, from, to, 60, below(80000));
        snprintf(memory, sizeof(memory), "DCGM_FI_DEV_FB_FREE%s", strchr(head, '{'));
        series(t, memory, from, to, 60, below(80000));
    }
    if (below(3) == 0) {
        snprintf(head, sizeof(head),
                 "kube_pod_labels{namespace=\"%s\",pod=\"p%d\",label_team=\"t%u\",label_app=\"a%u\"}", ns,
                 pod, below(3), below(5));
        series(t, head, from, to, 60, 1);
    }
}

static void random_telemetry(telemetry *t)
{
    char head[512];
    int nodes = 1 + (int)below(5), pod = 0;
    for (int n = 0; n < nodes; n++) {
        int gpus = 1 + (int)below(4), kind = (int)below(5);
        if (kind == 1) {
            snprintf(head, sizeof(head),
                     "kube_node_labels{node=\"n%d\",label_nvidia_com_gpu_replicas=\"%u\"}", n, 2 + below(3));
            series(t, head, 0, 7200, 60, 1);
        }
        if (below(2)) {
            snprintf(head, sizeof(head),
                     "kube_node_status_allocatable{node=\"n%d\",resource=\"nvidia_com_gpu\"}", n);
            series(t, head, 0, 7200, 60, gpus + (int)below(3));
        }
        for (int g = 0; g < gpus; g++) {
            for (int from = (int)below(1200); from < 7000 && kind != 4;) {
                int to = from + 60 + (int)below(3000);
                if (kind == 2) {
                    pod_series(t, n, g, pod++, from, to, ",GPU_I_ID=\"1\",GPU_I_PROFILE=\"3g.40gb\"");
                    pod_series(t, n, g, pod++, from, to, ",GPU_I_ID=\"2\",GPU_I_PROFILE=\"1g.10gb\"");
                } else {
                    pod_series(t, n, g, pod++, from, to, "");
                    if (kind == 1 && below(2))
                        pod_series(t, n, g, pod++, from, to, "");
                }
                from = to + (int)below(2000);
            }
        }
        if (below(2)) {
            snprintf(head, sizeof(head),
                     "kube_pod_container_resource_requests{namespace=\"ads\",pod=\"u%d\",container=\"c\","
                     "node=\"n%d\",resource=\"nvidia_com_gpu\"}",
                     n, n);
            series(t, head, (int)below(3000), 5000, 60, 1 + below(2));
        }
    }
}

static void random_prices(const gw_fleet *f, gw_price_book *book)
{
    gw_price_book_init(book);
    book->n_nodes = f->n_nodes;
    book->nodes = gw_calloc(f->n_nodes + 1, sizeof(*book->nodes));
    for (size_t i = 0; i < f->n_nodes; i++) {
        gw_micro hourly = below(6) ? (gw_micro)below(100000000) : GW_MICRO_UNKNOWN;
        book->nodes[i] =
            (gw_node_price){.hourly = hourly, .gpu_hourly = hourly, .why_unknown = "a test says so"};
        if (gw_micro_known(hourly) && below(3) == 0)
            book->nodes[i].overhead_hourly = hourly / 7;
    }
    book->control_plane_hourly = below(2) ? 100000 : 0;
}

static void check_leaves(const gw_ledger *l, const gw_fleet *f, const gw_usage *u, const gw_price_book *p)
{
    gw_cost sum = {0};
    for (size_t i = 0; i < l->n_leaves; i++) {
        assert_true(gw_cost_balances(&l->leaves[i].cost));
        gw_cost_add(&sum, &l->leaves[i].cost);
        const gw_gpu_time *t = &l->leaves[i].time;
        /* paid = held + idle + unknown that nobody held */
        assert_true(fabs(t->paid - t->allocated - t->idle - (t->allocated > 0 ? 0 : t->unknown)) < 1e-3);
        assert_true(t->used <= t->allocated + 1e-6 && t->used >= 0);
    }
    assert_memory_equal(&sum.bill, &l->total.bill, sizeof(gw_micro));
    assert_true(gw_cost_balances(&sum));
    for (uint32_t n = 0; n < f->n_nodes; n++) {
        gw_micro bill = 0;
        for (size_t i = 0; i < l->n_leaves; i++)
            bill += l->leaves[i].node == n ? l->leaves[i].cost.bill : 0;
        bool has = false;
        for (size_t i = 0; i < l->n_leaves; i++)
            has |= l->leaves[i].node == n;
        if (!has || !gw_micro_known(p->nodes[n].hourly)) {
            assert_int_equal(bill, 0);
            continue;
        }
        /* the node's bill, computed here from its price and the time it was seen */
        int64_t ms = GW_MIN(f->nodes[n].seen.end_ms, u->window.end_ms) -
                     GW_MAX(f->nodes[n].seen.start_ms, u->window.start_ms);
        assert_true(u->node_ms[n] <= ms);
        ms = u->node_ms[n];
        long double exact = (long double)p->nodes[n].hourly * ms / 3600000.0L;
        assert_int_equal(bill, (gw_micro)roundl(exact));
        assert_int_equal(bill, l->node_bill[n]);
    }
}

/* What no accounting may exceed: a node's GPUs for the time that it was there. */
static void check_physics(const gw_fleet *f, const gw_usage *u)
{
    for (uint32_t n = 0; n < f->n_nodes; n++) {
        double paid = 0;
        for (size_t i = 0; i < f->n_units; i++)
            paid += f->units[i].node == n ? u->units[i].paid : 0;
        int64_t ms = u->node_ms[n];
        /* a node that only requests speak of has an unknown number of GPUs */
        if (f->nodes[n].gpu_count >= 0 &&
            paid > (double)f->nodes[n].gpu_count * (double)ms * (1 + 1e-9) + 1) {
            fail_msg("node %s: %.0f GPU-ms paid of %" PRId64 " GPUs x %" PRId64 " ms", f->nodes[n].name, paid,
                     f->nodes[n].gpu_count, ms);
        }
    }
}

static void check_grouping(const char *by, const gw_ledger *l, const gw_fleet *f, const gw_usage *u,
                           const gw_price_book *p)
{
    gw_error e = {0};
    gw_arena arena;
    gw_report r = {.fleet = f, .usage = u, .ledger = l, .prices = p, .window = u->window};
    gw_report_options o = {0};
    gw_arena_init(&arena, 0);
    assert_int_equal(gw_by_parse(by, &arena, o.by, &o.n_by, &e), 0);
    if (gw_report_build(&r, &o, &e))
        fail_msg("--by %s: %s", by, e.message);
    gw_cost sum = {0};
    gw_gpu_time time = {0};
    for (size_t i = 0; i < r.n_rows; i++) {
        if (!gw_cost_balances(&r.rows[i].cost))
            fail_msg("--by %s: row %s does not balance", by, r.rows[i].key[0]);
        gw_cost_add(&sum, &r.rows[i].cost);
        gw_gpu_time_add(&time, &r.rows[i].time);
        for (size_t j = 0; j < i; j++) {
            bool same = true;
            for (size_t k = 0; k < o.n_by; k++)
                same &= strcmp(r.rows[i].key[k], r.rows[j].key[k]) == 0;
            assert_false(same); /* no two rows with one key */
        }
        double states = 0;
        for (int s = 0; s < GW_N_STATES; s++)
            states += r.rows[i].stats.states[s];
        assert_true(fabs(states - r.rows[i].time.allocated) < 1e-6 * (1 + states));
    }
    gw_micro *a =
        (gw_micro[]){sum.bill, sum.used, sum.wasted, sum.idle, sum.unknown, sum.overhead, sum.reclaimable};
    gw_micro *b = (gw_micro[]){l->total.bill,    l->total.used,     l->total.wasted,     l->total.idle,
                               l->total.unknown, l->total.overhead, l->total.reclaimable};
    gw_micro *c =
        (gw_micro[]){r.total.cost.bill,    r.total.cost.used,     r.total.cost.wasted,     r.total.cost.idle,
                     r.total.cost.unknown, r.total.cost.overhead, r.total.cost.reclaimable};
    for (int i = 0; i < 7; i++) {
        assert_int_equal(a[i], b[i]);
        assert_int_equal(a[i], c[i]);
    }
    assert_true(fabs(time.paid - l->time.paid) < 1e-6 * (1 + l->time.paid));
    gw_report_free(&r);
    gw_arena_free(&arena);
}

static void books_balance_on_random_fleets(void **state)
{
    GW_UNUSED(state);
    static const char *const groupings[] = {"namespace",
                                            "node",
                                            "gpu",
                                            "pod",
                                            "workload",
                                            "cluster",
                                            "team",
                                            "model",
                                            "label:app",
                                            "namespace,team",
                                            "node,gpu,namespace",
                                            "team,pod",
                                            "gpu,pod",
                                            "label:none,node"};
    size_t rows = 0, unpriced = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        rng = seed;
        telemetry t;
        gw_error e = {0};
        gw_price_book book;
        gw_ledger ledger;
        telemetry_start(&t);
        random_telemetry(&t);
        int rc = telemetry_fold(&t, 0, 7200, seed % 3 ? 0 : 40 * GW_MINUTE_MS, &e);
        if (rc == GW_ENODATA) {
            telemetry_free(&t);
            continue;
        }
        if (rc)
            fail_msg("seed %" PRIu64 ": %s", seed, e.message);
        check_physics(&t.fleet, &t.usage);
        random_prices(&t.fleet, &book);
        assert_int_equal(gw_ledger_book(&ledger, &t.fleet, &t.usage, &book, &e), 0);
        check_leaves(&ledger, &t.fleet, &t.usage, &book);
        for (size_t i = 0; i < GW_COUNT(groupings); i++)
            check_grouping(groupings[i], &ledger, &t.fleet, &t.usage, &book);
        rows += ledger.n_leaves;
        unpriced += ledger.total.unpriced_ms > 0;
        gw_ledger_free(&ledger);
        gw_free(book.nodes);
        telemetry_free(&t);
    }
    /* the fleets were not trivial */
    assert_true(rows > 2000);
    assert_true(unpriced > 20);
}

static void apportion_is_exact(void **state)
{
    GW_UNUSED(state);
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        rng = seed;
        double weight[40];
        gw_micro part[40], sum = 0, whole = (gw_micro)below(2000000000) * (1 + below(5000));
        size_t n = 1 + below(40);
        double total = 0;
        for (size_t i = 0; i < n; i++)
            total += weight[i] = below(3) ? below(1000000) / 7.0 : 0;
        assert_int_equal(gw_apportion(whole, weight, n, part), 0);
        for (size_t i = 0; i < n; i++) {
            sum += part[i];
            /* no part is off its exact share by a micro-dollar or more */
            if (total > 0)
                assert_true(fabsl((long double)part[i] - (long double)whole * weight[i] / total) <= 1.0L);
        }
        assert_int_equal(sum, whole);
    }
}

static void reclaimable_is_limited_by_memory(void **state)
{
    GW_UNUSED(state);
    /* one GPU-hour at $10: compute 10 % all the time; memory peak 0.9, then 0.3, then unknown */
    static const struct {
        double used_mib, free_mib, reclaimable_usd;
    } cases[] = {
        {36000, 4000, 1.0}, /* 1 − 0.9 of $10, though $9 is wasted */
        {12000, 28000, 7.0},
        {0, 40000, 9.0}, /* limited by compute: its P95 is 0.1 */
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        telemetry t;
        gw_error e = {0};
        gw_ledger ledger;
        gw_node_price price = {.hourly = 10 * GW_USD, .gpu_hourly = 10 * GW_USD};
        gw_price_book book = {.nodes = &price, .n_nodes = 1};
        telemetry_start(&t);
#define WHO "{UUID=\"GPU-0\",gpu=\"0\",Hostname=\"n\",namespace=\"ml\",pod=\"a\"}"
        series(&t, "DCGM_FI_DEV_GPU_UTIL" WHO, 0, 3570, 30, 10);
        series(&t, "DCGM_FI_DEV_FB_USED" WHO, 0, 3570, 30, cases[i].used_mib);
        series(&t, "DCGM_FI_DEV_FB_FREE" WHO, 0, 3570, 30, cases[i].free_mib);
        assert_int_equal(telemetry_fold(&t, 0, 3600, 0, &e), 0);
        assert_int_equal(gw_ledger_book(&ledger, &t.fleet, &t.usage, &book, &e), 0);
        assert_int_equal(ledger.total.bill, 10 * GW_USD);
        assert_int_equal(ledger.total.used, 1 * GW_USD);
        assert_int_equal(ledger.total.wasted, 9 * GW_USD);
        assert_true(fabs((double)ledger.total.reclaimable - cases[i].reclaimable_usd * 1e6) <= 2);
        gw_ledger_free(&ledger);
        telemetry_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apportion_is_exact),
        cmocka_unit_test(reclaimable_is_limited_by_memory),
        cmocka_unit_test(books_balance_on_random_fleets),
    };
    return cmocka_run_group_tests_name("books", tests, NULL, NULL);
}
