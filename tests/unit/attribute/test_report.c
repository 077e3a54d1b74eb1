/*
 * The report: leaves of a small hand-made ledger, grouped, filtered and sorted. Every amount is a different
 * power of two micro-dollars, so that a sum says which leaves are in it.
 */
#include "gw_test.h"

#include <math.h>

#include "attribute/report.h"

#define S(text) gw_str_of(text)
#define H       ((double)GW_HOUR_MS)

/*
 *   node n1 (g6e.12xlarge, priced)    GPU-1 whole: ml/a, then nobody
 *                                     GPU-2 in two MIG instances: ml/a on one, ml/b on the other
 *                                     GPU-3 whole: web/a
 *                                     overhead of the node
 *   node n2 (p9.mega, no price)       GPU-4 whole: web/c;  unobserved: ml/b
 *   node n3 (no type, no price)       GPU-5 whole: nobody
 *   control plane
 */
enum {
    USED_A1 = 1,
    WASTED_A1 = 2,
    IDLE_1 = 4,
    UNKNOWN_1 = 8,
    USED_A2 = 16,
    WASTED_B2 = 32,
    UNKNOWN_W3 = 64,
    OVERHEAD_N1 = 128,
    OVERHEAD_CLUSTER = 256
};

typedef struct world {
    gw_fleet f;
    gw_usage u;
    gw_ledger l;
    gw_price_book b;
    gw_node_price prices[3];
    uint32_t ml_a, ml_b, web_a, web_c;
    gw_workload_class class[4];
    const char *reason[4];
    gw_arena arena;
    gw_report r;
} world;

static void label(world *w, gw_labels *l, const char *name, const char *value)
{
    assert_int_equal(gw_fleet_label(&w->f, l, S(name), S(value), true), 0);
}

/* A hold with its leaf; the statistics are filled by who needs them. */
static gw_hold *hold(world *w, uint32_t unit, uint32_t pod, gw_cost cost, gw_gpu_time time)
{
    uint32_t h = gw_usage_hold(&w->u, unit, pod);
    assert_int_equal(
        gw_grow((void **)&w->l.leaves, &w->l.cap_leaves, w->l.n_leaves + 1, sizeof(gw_leaf), 100), 0);
    w->l.leaves[w->l.n_leaves++] =
        (gw_leaf){.node = w->f.units[unit].node, .unit = unit, .hold = h, .cost = cost, .time = time};
    w->u.holds[h].stats.allocated = time.allocated;
    w->u.holds[h].stats.known = time.allocated - time.unknown;
    return &w->u.holds[h];
}

static void leaf(world *w, uint32_t node, uint32_t unit, gw_cost cost, gw_gpu_time time)
{
    assert_int_equal(
        gw_grow((void **)&w->l.leaves, &w->l.cap_leaves, w->l.n_leaves + 1, sizeof(gw_leaf), 100), 0);
    w->l.leaves[w->l.n_leaves++] =
        (gw_leaf){.node = node, .unit = unit, .hold = GW_NONE, .cost = cost, .time = time};
}

static uint32_t gpu(world *w, uint32_t node, const char *uuid)
{
    uint32_t g = gw_fleet_gpu(&w->f, S(uuid), NULL);
    w->f.gpus[g].node = node;
    return g;
}

static void world_pods(world *w)
{
    w->ml_a = gw_fleet_pod(&w->f, S("ml"), S("a"), NULL);
    w->ml_b = gw_fleet_pod(&w->f, S("ml"), S("b"), NULL);
    w->web_a = gw_fleet_pod(&w->f, S("web"), S("a"), NULL);
    w->web_c = gw_fleet_pod(&w->f, S("web"), S("c"), NULL);
    gw_pod *p = w->f.pods;
    p[w->ml_a].workload_kind = p[w->web_a].workload_kind = "Deployment";
    p[w->ml_a].workload_name = p[w->web_a].workload_name = "serve";
    p[w->web_c].workload_kind = "StatefulSet";
    p[w->web_c].workload_name = "store";
    label(w, &p[w->ml_a].labels, "team", "blue");
    label(w, &p[w->ml_a].labels, "model-name", "llama");
    label(w, &p[w->ml_b].labels, "team", "red");
    label(w, &p[w->ml_b].labels, "model-name", "llama");
    label(w, &p[w->ml_b].labels, "flag", ""); /* without a value, as Kubernetes allows */
    uint32_t o = gw_fleet_owner(&w->f, S("web"), S("StatefulSet"), S("store"), NULL);
    label(w, &w->f.owners[o].labels, "app", "store-app");
    uint32_t ns = gw_fleet_namespace(&w->f, S("web"), NULL);
    label(w, &w->f.ns_labels[ns], "tier", "gold");
    label(w, &w->f.ns_labels[ns], "app", "of-namespace");
    for (int i = 0; i < 4; i++) {
        w->class[i] = i < 2 ? GW_CLASS_INFERENCE : GW_CLASS_TRAINING;
        w->reason[i] = i == 0 ? "because" : "why not";
    }
}

static void world_open(world *w)
{
    *w = (world){0};
    gw_fleet_init(&w->f);
    gw_usage_init(&w->u, (gw_interval){0, 10 * GW_HOUR_MS}, GW_STATE_POLICY_DEFAULT);
    gw_ledger_init(&w->l);
    gw_arena_init(&w->arena, 0);
    uint32_t n1 = gw_fleet_node(&w->f, S("n1"), NULL), n2 = gw_fleet_node(&w->f, S("n2"), NULL),
             n3 = gw_fleet_node(&w->f, S("n3"), NULL);
    w->f.nodes[n1].instance_type = "g6e.12xlarge";
    w->f.nodes[n2].instance_type = "p9.mega";
    uint32_t g1 = gpu(w, n1, "GPU-1"), g2 = gpu(w, n1, "GPU-2"), g3 = gpu(w, n1, "GPU-3"),
             g4 = gpu(w, n2, "GPU-4"), g5 = gpu(w, n3, "GPU-5");
    uint32_t u1 = gw_fleet_unit(&w->f, g1, n1, S(""), S(""), NULL),
             u2 = gw_fleet_unit(&w->f, g2, n1, S("1g.5gb"), S("1"), NULL),
             u2b = gw_fleet_unit(&w->f, g2, n1, S("2g.10gb"), S("2"), NULL),
             u3 = gw_fleet_unit(&w->f, g3, n1, S(""), S(""), NULL),
             u4 = gw_fleet_unit(&w->f, g4, n2, S(""), S(""), NULL),
             u5 = gw_fleet_unit(&w->f, g5, n3, S(""), S(""), NULL),
             unseen = gw_fleet_unit(&w->f, GW_NONE, n2, S(""), S(""), NULL);
    world_pods(w);
    assert_int_equal(gw_usage_fit(&w->u, &w->f), 0);
    hold(w, u1, w->ml_a,
         (gw_cost){.bill = USED_A1 + WASTED_A1,
                   .used = USED_A1,
                   .wasted = WASTED_A1,
                   .reclaimable = 1,
                   .priced = true},
         (gw_gpu_time){.paid = 6 * H, .allocated = 6 * H, .used = 2 * H});
    leaf(w, n1, u1,
         (gw_cost){.bill = IDLE_1 + UNKNOWN_1, .idle = IDLE_1, .unknown = UNKNOWN_1, .priced = true},
         (gw_gpu_time){.paid = 4 * H, .idle = 3 * H, .unknown = 1 * H});
    hold(w, u2, w->ml_a, (gw_cost){.bill = USED_A2, .used = USED_A2, .priced = true},
         (gw_gpu_time){.paid = 2 * H, .allocated = 2 * H, .used = 2 * H});
    hold(w, u2b, w->ml_b, (gw_cost){.bill = WASTED_B2, .wasted = WASTED_B2, .priced = true},
         (gw_gpu_time){.paid = 3 * H, .allocated = 3 * H, .unknown = 0.5 * H}); /* with a gap */
    hold(w, u3, w->web_a, (gw_cost){.bill = UNKNOWN_W3, .unknown = UNKNOWN_W3, .priced = true},
         (gw_gpu_time){.paid = 7 * H, .allocated = 7 * H, .unknown = 7 * H}); /* never measured */
    leaf(w, n1, GW_NONE, (gw_cost){.bill = OVERHEAD_N1, .overhead = OVERHEAD_N1, .priced = true},
         (gw_gpu_time){0});
    hold(w, u4, w->web_c, (gw_cost){.unpriced_ms = 5 * H},
         (gw_gpu_time){.paid = 5 * H, .allocated = 5 * H, .used = 1 * H});
    hold(w, unseen, w->ml_b, (gw_cost){.unpriced_ms = 8 * H},
         (gw_gpu_time){.paid = 8 * H, .allocated = 8 * H, .unknown = 8 * H});
    leaf(w, n3, u5, (gw_cost){.unpriced_ms = 9 * H}, (gw_gpu_time){.paid = 9 * H, .idle = 9 * H});
    leaf(w, GW_NONE, GW_NONE,
         (gw_cost){.bill = OVERHEAD_CLUSTER, .overhead = OVERHEAD_CLUSTER, .priced = true}, (gw_gpu_time){0});
    for (size_t i = 0; i < w->l.n_leaves; i++) {
        gw_cost_add(&w->l.total, &w->l.leaves[i].cost);
        gw_gpu_time_add(&w->l.time, &w->l.leaves[i].time);
    }
    w->prices[1].why_unknown = "nobody sells it";
    w->b = (gw_price_book){.nodes = w->prices, .n_nodes = 3};
}

static void world_close(world *w)
{
    gw_report_free(&w->r);
    gw_arena_free(&w->arena);
    gw_ledger_free(&w->l);
    gw_usage_free(&w->u);
    gw_fleet_free(&w->f);
}

static int try_build(world *w, const char *by, gw_filter filter, const char *sort, gw_error *e)
{
    gw_report_options o = {.filter = filter, .sort_by = sort};
    w->r = (gw_report){.fleet = &w->f,
                       .usage = &w->u,
                       .ledger = &w->l,
                       .prices = &w->b,
                       .pod_class = w->class,
                       .pod_class_reason = w->reason,
                       .window = w->u.window};
    int rc = gw_by_parse(by, &w->arena, o.by, &o.n_by, e);
    return rc ? rc : gw_report_build(&w->r, &o, e);
}

static void build(world *w, const char *by, gw_filter filter, const char *sort)
{
    gw_error e = {0};
    if (try_build(w, by, filter, sort, &e))
        fail_msg("%s: %s", by, e.message);
}

#define REPORT_TEST(name)                                                                                    \
    static void name##_in(world *w);                                                                         \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        GW_UNUSED(state);                                                                                    \
        world w;                                                                                             \
        int64_t live = gw_mem_live();                                                                        \
        world_open(&w);                                                                                      \
        name##_in(&w);                                                                                       \
        world_close(&w);                                                                                     \
        assert_int_equal(gw_mem_live(), live);                                                               \
    }                                                                                                        \
    static void name##_in(world *w)

static const gw_filter ALL = {NULL, NULL};

/* The row with this first key (and second, where not NULL); there must be exactly one. */
static const gw_row *row2(const world *w, const char *first, const char *second)
{
    const gw_row *found = NULL;
    for (size_t i = 0; i < w->r.n_rows; i++) {
        const gw_row *x = &w->r.rows[i];
        if (strcmp(x->key[0], first) != 0 || (second && strcmp(x->key[1], second) != 0))
            continue;
        if (found)
            fail_msg("two rows %s", first);
        found = x;
    }
    if (!found)
        fail_msg("no row %s %s", first, second ? second : "");
    return found;
}

static const gw_row *row(const world *w, const char *key)
{
    return row2(w, key, NULL);
}

static void assert_bill(const world *w, const char *key, gw_micro bill)
{
    if (row(w, key)->cost.bill != bill)
        fail_msg("%s costs %" PRId64 ", not %" PRId64, key, row(w, key)->cost.bill, bill);
}

/* --- --by --- */

REPORT_TEST(groupings_are_parsed)
{
    gw_by by[GW_MAX_BY];
    size_t n = 0;
    gw_error e = {0};
    assert_int_equal(gw_by_parse("ns,team,label:app.kubernetes.io/name,nodes,gpus,wl", &w->arena, by, &n, &e),
                     0);
    assert_int_equal(n, 6);
    assert_int_equal(by[0].dimension, GW_BY_NAMESPACE);
    assert_string_equal(by[0].name, "namespace"); /* an alias gets its full name */
    assert_int_equal(by[1].dimension, GW_BY_OWNERSHIP);
    assert_int_equal(by[1].ownership, GW_OWNER_TEAM);
    assert_int_equal(by[2].dimension, GW_BY_LABEL);
    assert_string_equal(by[2].name, "label:app.kubernetes.io/name");
    assert_string_equal(by[2].label, "app.kubernetes.io/name");
    assert_int_equal(by[3].dimension, GW_BY_NODE);
    assert_int_equal(by[4].dimension, GW_BY_GPU);
    assert_int_equal(by[5].dimension, GW_BY_WORKLOAD);
    assert_int_equal(gw_by_parse("pod", &w->arena, by, &n, &e), 0);
    assert_int_equal(by[0].dimension, GW_BY_POD);
    assert_int_equal(gw_by_parse("total", &w->arena, by, &n, &e), 0);
    assert_int_equal(by[0].dimension, GW_BY_CLUSTER);
    for (uint32_t i = 0; i < GW_N_OWNER_FIELDS; i++) {
        assert_int_equal(gw_by_parse(gw_owner_field_name((gw_owner_field)i), &w->arena, by, &n, &e), 0);
        assert_int_equal(by[0].ownership, i);
    }
}

REPORT_TEST(wrong_groupings_are_refused)
{
    static const char *const bad[] = {"",
                                      ",",
                                      "namespace,",
                                      ",namespace",
                                      "namespace,,team",
                                      "nonsense",
                                      "label:",
                                      "label",
                                      " team",
                                      "Team",
                                      "namespace,namespace",
                                      "ns,namespace",
                                      "label:a,label:a",
                                      "namespace,node,gpu,pod,workload,team,project"};
    gw_by by[GW_MAX_BY] = {{.name = "mine"}};
    size_t n = 77;
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        gw_error e = {0};
        if (gw_by_parse(bad[i], &w->arena, by, &n, &e) != GW_EUSAGE)
            fail_msg("--by '%s' was taken", bad[i]);
        assert_int_equal(e.code, GW_EUSAGE);
        assert_true(e.message[0] != '\0');
    }
    assert_string_equal(by[0].name, "mine"); /* untouched */
    assert_int_equal(n, 77);
    gw_error e = {0};
    gw_by_parse("nonsense", &w->arena, by, &n, &e);
    assert_non_null(strstr(e.message, "'nonsense'"));
    assert_non_null(strstr(e.message, "costCenter"));
    assert_non_null(strstr(e.message, "label:NAME"));
    assert_int_equal(gw_by_parse("label:app,team,app", &w->arena, by, &n, NULL), GW_EUSAGE);
}

/* --- rows --- */

/* Rows in every grouping add up to the ledger, and so does the total. */
REPORT_TEST(every_grouping_adds_up)
{
    static const char *const groupings[] = {
        "cluster",   "namespace",     "node",          "gpu",
        "pod",       "workload",      "team",          "model",
        "label:app", "label:nothing", "namespace,pod", "node,gpu,pod,workload,team,model"};
    for (size_t g = 0; g < GW_COUNT(groupings); g++) {
        gw_cost cost = {0};
        gw_gpu_time time = {0};
        build(w, groupings[g], ALL, NULL);
        for (size_t i = 0; i < w->r.n_rows; i++) {
            assert_true(gw_cost_balances(&w->r.rows[i].cost));
            gw_cost_add(&cost, &w->r.rows[i].cost);
            gw_gpu_time_add(&time, &w->r.rows[i].time);
        }
        assert_memory_equal(&cost, &w->l.total, sizeof(cost));
        assert_memory_equal(&w->r.total.cost, &w->l.total, sizeof(cost));
        assert_memory_equal(&time, &w->l.time, sizeof(time)); /* whole and half hours: exact in a double */
        assert_memory_equal(&w->r.total.time, &w->l.time, sizeof(time));
        assert_int_equal(cost.bill, 511); /* 2^9 − 1: each amount once */
        gw_report_free(&w->r);
    }
}

REPORT_TEST(what_nobody_owns_has_keys_of_its_own)
{
    build(w, "namespace", ALL, NULL);
    assert_int_equal(w->r.n_rows, 4);
    assert_bill(w, "ml", USED_A1 + WASTED_A1 + USED_A2 + WASTED_B2);
    assert_bill(w, "web", UNKNOWN_W3);
    assert_bill(w, GW_KEY_IDLE, IDLE_1 + UNKNOWN_1);
    assert_bill(w, GW_KEY_OVERHEAD, OVERHEAD_N1 + OVERHEAD_CLUSTER);
    assert_false(row(w, GW_KEY_IDLE)->held);
    assert_int_equal(row(w, GW_KEY_IDLE)->class, GW_CLASS_NONE);
    assert_int_equal(row(w, GW_KEY_OVERHEAD)->class, GW_CLASS_NONE);
    assert_int_equal(row(w, GW_KEY_IDLE)->n_gpus, 2); /* GPU-1 and GPU-5 */
    assert_int_equal(row(w, GW_KEY_IDLE)->n_pods, 0);
    assert_true(row(w, "ml")->held);
    gw_report_free(&w->r);

    build(w, "model", ALL, NULL);
    assert_bill(w, "llama", USED_A1 + WASTED_A1 + USED_A2 + WASTED_B2);
    assert_bill(w, GW_KEY_UNALLOCATED, UNKNOWN_W3); /* pods without that label */
    assert_true(row(w, GW_KEY_UNALLOCATED)->held);
    gw_report_free(&w->r);

    build(w, "node", ALL, NULL);
    assert_int_equal(w->r.n_rows, 4);
    assert_bill(w, "n1", 511 - OVERHEAD_CLUSTER); /* with its own overhead and its idle time */
    assert_bill(w, "n2", 0);
    assert_false(row(w, "n2")->cost.priced); /* which is unknown, not free */
    assert_bill(w, GW_KEY_OVERHEAD, OVERHEAD_CLUSTER);
    gw_report_free(&w->r);

    build(w, "gpu", ALL, NULL);
    assert_int_equal(w->r.n_rows, 7);
    assert_bill(w, "GPU-1", USED_A1 + WASTED_A1 + IDLE_1 + UNKNOWN_1); /* held or not */
    assert_bill(w, "GPU-2", USED_A2 + WASTED_B2);
    assert_true(row(w, "n2/unobserved")->cost.unpriced_ms == 8 * H);
    assert_false(row(w, "GPU-5")->held);
    gw_report_free(&w->r);

    build(w, "cluster", ALL, NULL);
    assert_int_equal(w->r.n_rows, 1);
    assert_bill(w, "default", 511);
    gw_report_free(&w->r);

    build(w, "gpu,namespace", ALL, NULL);
    assert_int_equal(row2(w, "GPU-1", "ml")->cost.bill, USED_A1 + WASTED_A1);
    assert_int_equal(row2(w, "GPU-1", GW_KEY_IDLE)->cost.bill, IDLE_1 + UNKNOWN_1);
    assert_int_equal(row2(w, GW_KEY_OVERHEAD, GW_KEY_OVERHEAD)->cost.bill, OVERHEAD_N1 + OVERHEAD_CLUSTER);
}

REPORT_TEST(labels_come_from_pod_then_owner_then_namespace)
{
    build(w, "label:app", ALL, NULL);
    assert_true(row(w, "store-app")->cost.unpriced_ms ==
                5 * H);                         /* web/c: its StatefulSet says, before the namespace */
    assert_bill(w, "of-namespace", UNKNOWN_W3); /* web/a */
    assert_bill(w, GW_KEY_UNALLOCATED, USED_A1 + WASTED_A1 + USED_A2 + WASTED_B2);
    gw_report_free(&w->r);
    label(w, &w->f.pods[w->web_c].labels, "app", "own");
    label(w, &w->f.pods[w->web_a].labels, "app", ""); /* set to nothing: a row cannot be called that */
    build(w, "label:app", ALL, NULL);
    assert_true(row(w, "own")->cost.unpriced_ms == 5 * H);
    assert_bill(w, GW_KEY_UNALLOCATED, USED_A1 + WASTED_A1 + USED_A2 + WASTED_B2 + UNKNOWN_W3);
}

REPORT_TEST(keys_do_not_run_together)
{
    label(w, &w->f.pods[w->ml_a].labels, "x", "1");
    label(w, &w->f.pods[w->ml_a].labels, "y", "23");
    label(w, &w->f.pods[w->ml_b].labels, "x", "12");
    label(w, &w->f.pods[w->ml_b].labels, "y", "3");
    build(w, "label:x,label:y", ALL, NULL);
    assert_int_equal(row2(w, "1", "23")->cost.bill, USED_A1 + WASTED_A1 + USED_A2);
    assert_int_equal(row2(w, "12", "3")->cost.bill, WASTED_B2);
}

REPORT_TEST(a_name_in_two_namespaces_is_told_apart)
{
    build(w, "pod", ALL, NULL);
    assert_bill(w, "ml/a", USED_A1 + WASTED_A1 + USED_A2);
    assert_bill(w, "web/a", UNKNOWN_W3);
    assert_bill(w, "b", WASTED_B2);
    row(w, "c");
    gw_report_free(&w->r);
    build(w, "workload", ALL, NULL);
    assert_bill(w, "ml/serve", USED_A1 + WASTED_A1 + USED_A2);
    assert_bill(w, "web/serve", UNKNOWN_W3);
    assert_bill(w, "b", WASTED_B2); /* a pod without owner is its own workload */
    row(w, "store");
    gw_report_free(&w->r);
    /* a pod in a third namespace, and a second of a workload in one namespace */
    gw_fleet_pod(&w->f, S("zoo"), S("a"), NULL);
    uint32_t twin = gw_fleet_pod(&w->f, S("web"), S("c2"), NULL);
    w->f.pods[twin].workload_kind = "StatefulSet";
    w->f.pods[twin].workload_name = "store";
    gw_workload_class six[6] = {0};
    w->r = (gw_report){0};
    gw_report_options o = {
        .by = {{.dimension = GW_BY_POD, .name = "pod"}, {.dimension = GW_BY_WORKLOAD, .name = "workload"}},
        .n_by = 2};
    w->r = (gw_report){.fleet = &w->f,
                       .usage = &w->u,
                       .ledger = &w->l,
                       .prices = &w->b,
                       .pod_class = six,
                       .window = w->u.window};
    assert_int_equal(gw_report_build(&w->r, &o, NULL), 0);
    assert_int_equal(row2(w, "ml/a", "ml/serve")->n_pods, 1);
    assert_int_equal(row2(w, "web/a", "web/serve")->n_pods, 1);
    row2(w, "c", "store"); /* its twin is in the same namespace: no ambiguity */
}

/* Owners out of Prometheus have names of any length. */
REPORT_TEST(very_long_names_are_keys_too)
{
    char *name = gw_arena_alloc(&w->arena, 300001);
    memset(name, 'x', 300000);
    const char *shorter = gw_arena_strndup(&w->arena, name, 5000);
    w->f.pods[w->ml_a].workload_name = w->f.pods[w->web_a].workload_name = name;
    w->f.pods[w->ml_b].workload_name = shorter;
    w->f.pods[w->ml_b].workload_kind = "Deployment";
    build(w, "workload,namespace", ALL, NULL);
    assert_int_equal(row(w, shorter)->cost.bill, WASTED_B2);
    for (size_t i = 0; i < w->r.n_rows; i++) {
        const gw_row *x = &w->r.rows[i];
        if (strlen(x->key[0]) > 300000) /* told apart like short ones */
            assert_true(strncmp(x->key[0], x->key[1], strlen(x->key[1])) == 0 &&
                        x->key[0][strlen(x->key[1])] == '/');
    }
    assert_int_equal(w->r.n_rows, 6);
    gw_report_free(&w->r);

    /* a row's key has a bound, and beyond it an error that says so */
    gw_error e = {0};
    char *more = gw_arena_alloc(&w->arena, ((size_t)1 << 20) + 1);
    memset(more, 'y', (size_t)1 << 20);
    w->f.pods[w->ml_b].workload_name = more;
    assert_int_equal(try_build(w, "namespace", ALL, NULL, &e), GW_ELIMIT);
    assert_int_equal(e.code, GW_ELIMIT);
    w->f.pods[w->ml_b].workload_name = "b";
    w->f.pods[w->ml_a].workload_name = gw_arena_strndup(&w->arena, more, 600000);
    w->f.pods[w->ml_a].ns = gw_arena_strndup(&w->arena, more, 600000);
    assert_int_equal(try_build(w, "namespace,workload", ALL, NULL, &e), GW_ELIMIT);
    assert_non_null(strstr(e.message, "key of a row"));
}

REPORT_TEST(pods_and_gpus_are_counted_once)
{
    build(w, "namespace", ALL, NULL);
    assert_int_equal(row(w, "ml")->n_pods, 2);
    assert_int_equal(row(w, "ml")->n_gpus,
                     2); /* GPU-1, and GPU-2 with both its instances; the unobserved is none */
    assert_int_equal(row(w, "web")->n_pods, 2);
    assert_int_equal(row(w, "web")->n_gpus, 2);
    assert_int_equal(w->r.total.n_pods, 4);
    assert_int_equal(w->r.total.n_gpus, 5);
    assert_int_equal(row(w, GW_KEY_OVERHEAD)->n_gpus, 0);
    gw_report_free(&w->r);
    build(w, "team", ALL, NULL);
    assert_int_equal(row(w, "blue")->n_pods, 1);
    assert_int_equal(row(w, "blue")->n_gpus, 2);
    assert_int_equal(row(w, "red")->n_pods, 1);
    assert_int_equal(row(w, "red")->n_gpus, 1);
}

REPORT_TEST(owners_and_classes_that_differ_are_not_guessed)
{
    build(w, "namespace", ALL, NULL);
    const gw_row *ml = row(w, "ml");
    assert_null(ml->owner[GW_OWNER_TEAM]); /* blue and red */
    assert_string_equal(ml->owner[GW_OWNER_MODEL], "llama");
    assert_null(ml->owner[GW_OWNER_PROJECT]); /* nobody says */
    assert_int_equal(ml->class, GW_CLASS_INFERENCE);
    assert_string_equal(ml->class_reason, "because"); /* the first pod's */
    assert_int_equal(w->r.total.class, GW_CLASS_MIXED);
    assert_null(w->r.total.class_reason);
    assert_null(w->r.total.owner[GW_OWNER_MODEL]); /* some have one and some have none */
    gw_report_free(&w->r);
    build(w, "pod", ALL, NULL);
    assert_string_equal(row(w, "ml/a")->owner[GW_OWNER_TEAM], "blue");
    assert_string_equal(row(w, "b")->owner[GW_OWNER_TEAM], "red");
    gw_report_free(&w->r);

    /* a pod without the label first, one with it second: still not known of the row */
    label(w, &w->f.pods[w->web_c].labels, "team", "green");
    build(w, "namespace", ALL, NULL);
    assert_null(row(w, "web")->owner[GW_OWNER_TEAM]);
    gw_report_free(&w->r);

    /* without classes every row is of an unknown one */
    gw_report_options o = {.by = {{.dimension = GW_BY_NAMESPACE, .name = "namespace"}}, .n_by = 1};
    w->r =
        (gw_report){.fleet = &w->f, .usage = &w->u, .ledger = &w->l, .prices = &w->b, .window = w->u.window};
    assert_int_equal(gw_report_build(&w->r, &o, NULL), 0);
    assert_int_equal(row(w, "ml")->class, GW_CLASS_UNKNOWN);
    assert_int_equal(row(w, GW_KEY_IDLE)->class, GW_CLASS_NONE);
}

/* ml/a ran on two units; what it did is the time-weighted mean of both. */
REPORT_TEST(profiles_are_merged)
{
    gw_stats *s1 = &w->u.holds[0].stats, *s2 = &w->u.holds[1].stats;
    s1->compute = (gw_quantity){.integral = 1 * H, .known = 4 * H, .peak = 0.9};
    s1->memory = (gw_quantity){.integral = 2 * H, .known = 4 * H, .peak = 0.6};
    s1->by_signal[GW_SIGNAL_SM_ACTIVE] = 4 * H;
    s1->compute_hist = gw_calloc(1, sizeof(gw_hist));
    s1->compute_hist->bin[99] = 4; /* (0.2475, 0.25] */
    s2->compute = (gw_quantity){.integral = 1.5 * H, .known = 1 * H, .peak = 0.4};
    s2->by_signal[GW_SIGNAL_GPU_UTIL] = 1 * H;
    gw_unit_usage *idle = &w->u.units[0];
    idle->idle.states[GW_STATE_LOW_LOW] = 3 * H;
    idle->idle.compute = (gw_quantity){.integral = 0, .known = 3 * H, .peak = 0};
    build(w, "pod", ALL, NULL);
    const gw_row *a = row(w, "ml/a");
    assert_true(fabs(a->compute.mean - 2.5 / 5) < 1e-12);
    assert_true(a->compute.peak == 0.9);
    assert_true(a->compute.p95 == 0.25);
    assert_true(fabs(a->memory.mean - 0.5) < 1e-12);
    assert_true(a->memory.p95 < 0); /* no window of memory is known */
    assert_int_equal(a->signals, 1u << GW_SIGNAL_SM_ACTIVE | 1u << GW_SIGNAL_GPU_UTIL);
    const gw_row *nobody = row(w, GW_KEY_IDLE);
    assert_true(nobody->compute.mean == 0 && nobody->compute.peak == 0);
    assert_true(nobody->stats.states[GW_STATE_LOW_LOW] == 0); /* states are of time that is held */
    assert_int_equal(nobody->signals, 0);
    const gw_row *c = row(w, "web/a");
    assert_true(c->compute.mean < 0 && c->compute.p95 < 0 && c->compute.peak < 0 && c->memory.mean < 0);
    gw_report_free(&w->r);
    /* a P95 never lies above the largest sample, though its bin's edge may */
    s1->compute.peak = s2->compute.peak = 0.248;
    build(w, "pod", ALL, NULL);
    assert_true(row(w, "ml/a")->compute.p95 == 0.248);
}

/* --- filters --- */

REPORT_TEST(a_namespace_alone)
{
    build(w, "pod", (gw_filter){.ns = "ml"}, NULL);
    assert_int_equal(w->r.n_rows, 2); /* neither idle time nor overhead: they are nobody's */
    assert_bill(w, "ml/a", USED_A1 + WASTED_A1 + USED_A2); /* named as it is in the whole fleet */
    assert_bill(w, "b", WASTED_B2);
    assert_int_equal(w->r.total.cost.bill, USED_A1 + WASTED_A1 + USED_A2 + WASTED_B2);
    assert_int_equal(w->r.total.n_pods, 2);
    gw_report_free(&w->r);
    build(w, "namespace", (gw_filter){.ns = "nowhere"}, NULL);
    assert_int_equal(w->r.n_rows, 0);
    assert_int_equal(w->r.total.cost.bill, 0);
    assert_int_equal(w->r.n_unknowns, 0);
}

REPORT_TEST(selectors_see_owner_and_namespace_labels)
{
    static const struct {
        const char *ns, *selector;
        gw_micro bill;
        uint32_t pods;
    } cases[] = {
        {NULL, "team=blue", USED_A1 + WASTED_A1 + USED_A2, 1},
        {NULL, "team in (blue,red)", USED_A1 + WASTED_A1 + USED_A2 + WASTED_B2, 2},
        {NULL, "team!=blue", WASTED_B2 + UNKNOWN_W3, 3}, /* those without it as well */
        {NULL, "!team", UNKNOWN_W3, 2},
        {NULL, "model_name=llama,team=red", WASTED_B2, 1},
        {NULL, "app=store-app", 0, 1},             /* the StatefulSet's */
        {NULL, "app=of-namespace", UNKNOWN_W3, 1}, /* the namespace's, where the owner says nothing */
        {NULL, "tier=gold", UNKNOWN_W3, 2},
        {NULL, "tier", UNKNOWN_W3, 2},
        {NULL, "!tier", USED_A1 + WASTED_A1 + USED_A2 + WASTED_B2, 2},
        {NULL, "flag", WASTED_B2, 1}, /* there, though empty */
        {NULL, "flag=", WASTED_B2, 1},
        {NULL, "!flag", USED_A1 + WASTED_A1 + USED_A2 + UNKNOWN_W3, 3},
        {"ml", "tier=gold", 0, 0},
        {"web", "tier=gold", UNKNOWN_W3, 2},
        {NULL, "", 511, 4}, /* an empty one selects all */
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        build(w, "namespace", (gw_filter){.ns = cases[i].ns, .selector = cases[i].selector}, NULL);
        if (w->r.total.cost.bill != cases[i].bill || w->r.total.n_pods != cases[i].pods)
            fail_msg("'%s': %" PRId64 " for %" PRIu32 " pods", cases[i].selector, w->r.total.cost.bill,
                     w->r.total.n_pods);
        gw_report_free(&w->r);
    }
    gw_error e = {0};
    assert_int_equal(try_build(w, "namespace", (gw_filter){.selector = "team=("}, NULL, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "selector"));
}

/* --- order --- */

static void assert_order(world *w, const char *by, const char *sort, const char *const *keys)
{
    build(w, by, ALL, sort);
    size_t n = 0;
    for (; keys[n]; n++) {
        if (n >= w->r.n_rows || strcmp(w->r.rows[n].key[0], keys[n]) != 0)
            fail_msg("--sort-by %s: row %zu is %s, not %s", sort, n,
                     n < w->r.n_rows ? w->r.rows[n].key[0] : "none", keys[n]);
    }
    assert_int_equal(n, w->r.n_rows);
    gw_report_free(&w->r);
}

#define ORDER(w, by, sort, ...) assert_order(w, by, sort, (const char *const[]){__VA_ARGS__, NULL})

REPORT_TEST(rows_are_sorted)
{
    /* bills: overhead 384, web 64, ml 51, idle 12 */
    ORDER(w, "namespace", NULL, GW_KEY_OVERHEAD, "web", "ml", GW_KEY_IDLE);
    ORDER(w, "namespace", "bill", GW_KEY_OVERHEAD, "web", "ml", GW_KEY_IDLE);
    ORDER(w, "namespace", "cost", GW_KEY_OVERHEAD, "web", "ml", GW_KEY_IDLE);
    ORDER(w, "namespace", "name", GW_KEY_IDLE, GW_KEY_OVERHEAD, "ml", "web");
    /* used: ml 17, the others nothing; then by hours: idle 13, web 12, overhead 0 */
    ORDER(w, "namespace", "used", "ml", GW_KEY_IDLE, "web", GW_KEY_OVERHEAD);
    ORDER(w, "namespace", "wasted", "ml", GW_KEY_IDLE, "web", GW_KEY_OVERHEAD);
    ORDER(w, "namespace", "reclaimable", "ml", GW_KEY_IDLE, "web", GW_KEY_OVERHEAD);
    ORDER(w, "namespace", "idle", GW_KEY_IDLE, "ml", "web", GW_KEY_OVERHEAD);
    ORDER(w, "namespace", "unknown", "web", GW_KEY_IDLE, "ml", GW_KEY_OVERHEAD);
    ORDER(w, "namespace", "overhead", GW_KEY_OVERHEAD, "ml", GW_KEY_IDLE, "web");
    /* paid: ml 19 h, idle 13, web 12, overhead 0; held: ml 19, web 12 */
    ORDER(w, "namespace", "gpu-hours", "ml", GW_KEY_IDLE, "web", GW_KEY_OVERHEAD);
    ORDER(w, "namespace", "allocated", "ml", "web", GW_KEY_IDLE, GW_KEY_OVERHEAD);
    ORDER(w, "namespace", "pods", "ml", "web", GW_KEY_IDLE, GW_KEY_OVERHEAD);
    ORDER(w, "namespace", "gpus", "ml", GW_KEY_IDLE, "web", GW_KEY_OVERHEAD);
    /* compute: web/c 0.9 with a peak of 0.95, ml/b 0.1 with one of 1; of the others nothing is known, which
     * is less than 0 and falls back on hours: idle 13, ml/a 8, web/a 7, overhead */
    w->u.holds[4].stats.compute = (gw_quantity){.integral = 0.9 * H, .known = 1 * H, .peak = 0.95};
    w->u.holds[2].stats.compute = (gw_quantity){.integral = 0.1 * H, .known = 1 * H, .peak = 1};
    w->u.holds[2].stats.memory = (gw_quantity){.integral = 0.8 * H, .known = 1 * H, .peak = 0.8};
    w->u.holds[4].stats.memory = (gw_quantity){.integral = 0, .known = 1 * H, .peak = 0.9};
    w->u.holds[2].stats.compute_hist = gw_calloc(1, sizeof(gw_hist));
    w->u.holds[2].stats.compute_hist->bin[39] = 1;
    ORDER(w, "pod", "compute", "c", "b", GW_KEY_IDLE, "ml/a", "web/a", GW_KEY_OVERHEAD);
    ORDER(w, "pod", "compute-peak", "b", "c", GW_KEY_IDLE, "ml/a", "web/a", GW_KEY_OVERHEAD);
    ORDER(w, "pod", "compute-p95", "b", GW_KEY_IDLE, "ml/a", "web/a", "c", GW_KEY_OVERHEAD);
    ORDER(w, "pod", "memory", "b", "c", GW_KEY_IDLE, "ml/a", "web/a", GW_KEY_OVERHEAD);
    ORDER(w, "pod", "memory-peak", "c", "b", GW_KEY_IDLE, "ml/a", "web/a", GW_KEY_OVERHEAD);
    gw_error e = {0};
    assert_int_equal(try_build(w, "namespace", ALL, "colour", &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "'colour'"));
    assert_non_null(strstr(e.message, "gpu-hours"));
    assert_int_equal(w->r.n_rows, 0);
}

REPORT_TEST(ties_are_broken_by_every_key)
{
    /* the same money and hours in each: by name, the second key after the first */
    for (size_t i = 0; i < w->l.n_leaves; i++) {
        if (w->l.leaves[i].unit == GW_NONE)
            continue;
        w->l.leaves[i].cost = (gw_cost){.bill = 5, .idle = 5, .priced = true};
        w->l.leaves[i].time = (gw_gpu_time){.paid = H};
    }
    build(w, "namespace,gpu", ALL, NULL);
    for (size_t i = 1; i < w->r.n_rows; i++) {
        const gw_row *x = &w->r.rows[i - 1], *y = &w->r.rows[i];
        if (x->cost.bill != y->cost.bill) {
            assert_true(x->cost.bill > y->cost.bill);
            continue;
        }
        int first = strcmp(x->key[0], y->key[0]);
        assert_true(first < 0 || (first == 0 && strcmp(x->key[1], y->key[1]) < 0));
    }
    assert_int_equal(w->r.n_rows, 8);
}

/* --- what is not known --- */

static const gw_unknown *unknown(const world *w, const char *what)
{
    for (size_t i = 0; i < w->r.n_unknowns; i++) {
        if (strcmp(w->r.unknowns[i].what, what) == 0)
            return &w->r.unknowns[i];
    }
    return NULL;
}

static void assert_unknown(const world *w, const char *what, double hours, const char *why)
{
    const gw_unknown *x = unknown(w, what);
    if (!x)
        fail_msg("'%s' is not said to be unknown", what);
    else if (fabs(x->gpu_ms - hours * H) > 1e-6 * H || (why && !strstr(x->why, why)))
        fail_msg("%s: %g h, %s", what, x->gpu_ms / H, x->why);
}

REPORT_TEST(unknowns_are_listed)
{
    /* ml/b's first hold: 2.5 h measured, without memory; ml/a's: with memory */
    w->u.holds[0].stats.memory.known = w->u.holds[1].stats.memory.known = 1;
    assert_int_equal(gw_usage_note_unknown(&w->u, &w->f, -1, "what a source lacked", "it said so"), 0);
    /* of GPUs that no exporter reports, nobody expects to hear who held them */
    leaf(w, 0, 6, (gw_cost){.priced = true}, (gw_gpu_time){.paid = 2 * H, .unknown = 2 * H});
    build(w, "namespace", ALL, NULL);
    assert_unknown(w, "price of instance type p9.mega", 5 + 8,
                   "nobody sells it"); /* both leaves of it together */
    assert_unknown(w, "price of node n3", 9, "--prices");
    assert_unknown(w, "compute use of GPUs that pods hold", 7 + 8,
                   NULL); /* web/a, and ml/b on the unobserved one */
    assert_unknown(w, "compute use while samples were missing", 0.5, NULL);
    assert_unknown(w, "who held GPUs while nothing was reported", 1, NULL);
    assert_unknown(w, "what could be reclaimed from GPUs without a memory reading", 2.5 + 5,
                   NULL); /* ml/b, web/c */
    assert_string_equal(unknown(w, "what a source lacked")->why, "it said so");
    assert_true(unknown(w, "what a source lacked")->gpu_ms == -1);
    assert_int_equal(w->r.n_unknowns, 7);
    gw_report_free(&w->r);
    /* of a part, only what concerns it */
    build(w, "namespace", (gw_filter){.selector = "team=red"}, NULL);
    assert_unknown(w, "price of instance type p9.mega", 8, NULL);
    assert_unknown(w, "compute use of GPUs that pods hold", 8, NULL);
    assert_unknown(w, "compute use while samples were missing", 0.5, NULL);
    assert_unknown(w, "what could be reclaimed from GPUs without a memory reading", 2.5, NULL);
    assert_int_equal(w->r.n_unknowns, 4);
}

REPORT_TEST(nodes_of_one_type_are_one_unknown_price)
{
    w->f.nodes[2].instance_type = "p9.mega";
    w->b.n_nodes = 1; /* a book that is shorter than the fleet */
    build(w, "namespace", ALL, NULL);
    assert_unknown(w, "price of instance type p9.mega", 5 + 8 + 9, "no price list has it");
    assert_null(unknown(w, "price of node n3"));
}

/* --- memory --- */

REPORT_TEST(every_allocation_may_fail)
{
    int64_t live = gw_mem_live();
    w->u.holds[0].stats.compute_hist = gw_calloc(1, sizeof(gw_hist));
    w->u.holds[3].stats.memory_hist = gw_calloc(1, sizeof(gw_hist));
    live += 2;
    for (uint64_t n = 1;; n++) {
        gw_error e = {0};
        gw_by by[GW_MAX_BY];
        size_t n_by;
        gw_arena arena;
        gw_arena_init(&arena, 0);
        gw_mem_fail_at(n);
        int rc = gw_by_parse("pod,team,label:app", &arena, by, &n_by, &e);
        if (!rc)
            rc = try_build(w, "pod,team,label:app", (gw_filter){.selector = "!none"}, "name", &e);
        gw_mem_fail_at(0);
        gw_arena_free(&arena);
        if (rc == 0) {
            assert_true(n > 20);
            break;
        }
        assert_int_equal(rc, GW_ENOMEM);
        assert_int_equal(e.code, GW_ENOMEM);
        assert_int_equal(w->r.n_rows, 0);
        /* nothing is left but what the world's own arena took for the grouping */
        gw_arena_free(&w->arena);
        assert_int_equal(gw_mem_live(), live);
    }
    assert_int_equal(w->r.n_rows, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groupings_are_parsed),
        cmocka_unit_test(wrong_groupings_are_refused),
        cmocka_unit_test(every_grouping_adds_up),
        cmocka_unit_test(what_nobody_owns_has_keys_of_its_own),
        cmocka_unit_test(labels_come_from_pod_then_owner_then_namespace),
        cmocka_unit_test(keys_do_not_run_together),
        cmocka_unit_test(a_name_in_two_namespaces_is_told_apart),
        cmocka_unit_test(very_long_names_are_keys_too),
        cmocka_unit_test(pods_and_gpus_are_counted_once),
        cmocka_unit_test(owners_and_classes_that_differ_are_not_guessed),
        cmocka_unit_test(profiles_are_merged),
        cmocka_unit_test(a_namespace_alone),
        cmocka_unit_test(selectors_see_owner_and_namespace_labels),
        cmocka_unit_test(rows_are_sorted),
        cmocka_unit_test(ties_are_broken_by_every_key),
        cmocka_unit_test(unknowns_are_listed),
        cmocka_unit_test(nodes_of_one_type_are_one_unknown_price),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
