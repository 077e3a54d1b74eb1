#include "gw_test.h"

#include <math.h>

#include "allocate/pack.h"
#include "allocate/pack_policy.h"
#include "base/mem.h"

#define ANY GW_PACK_ANY_MODEL

static gw_error e;

/* ---- helpers ---- */

static gw_pack_node node(int64_t cpu, int32_t n, const int32_t *free_milli)
{
    gw_pack_node c = {.cpu_milli = cpu, .memory_mib = 1 << 20, .gpus = n};
    for (int i = 0; i < n; i++) {
        c.free_milli[i] = free_milli[i];
        c.free_total += free_milli[i];
    }
    return c;
}

#define NODE(cpu, ...)                                                                                       \
    node(cpu, (int32_t)GW_COUNT(((const int32_t[]){__VA_ARGS__})), (const int32_t[]){__VA_ARGS__})

static gw_pack_pod pod(int64_t cpu, int32_t gpus, int32_t milli)
{
    return (gw_pack_pod){cpu, 1, gpus, milli, ANY};
}

static const gw_pack_mix no_mix;

/* The score and choice of a policy on one node, asked directly. */
static int32_t ask(const gw_pack_policy *p, const gw_pack_mix *mix, gw_pack_node n, gw_pack_pod q,
                   uint32_t *gpus)
{
    void *state = NULL;
    *gpus = 0;
    if (p->open)
        assert_int_equal(p->open(mix, &state, &e), 0);
    if (p->prepare)
        p->prepare(state, &n);
    int32_t s = p->score(state, &n, &q, gpus);
    if (p->close)
        p->close(state);
    return s;
}

static double value(const gw_pack_mix *mix, gw_pack_node n)
{
    void *state = NULL;
    assert_int_equal(gw_pack_gpuwise.open(mix, &state, &e), 0);
    gw_pack_gpuwise.prepare(state, &n);
    gw_pack_gpuwise.close(state);
    return n.value;
}

/* ---- scores worked out by hand ---- */

static void scores_bestfit(void **state)
{
    GW_UNUSED(state);
    uint32_t g;
    /* CPU left (64 - 32)/128 = 1/4, GPU left 1500/8000 = 3/16: 100 (1 - 1/8 - 3/32) = 78.125 */
    assert_int_equal(ask(&gw_pack_bestfit, &no_mix, NODE(64000, 1000, 1000), pod(32000, 1, 500), &g), 78);
    assert_int_equal(g, 1);
    /* nothing left: 100; the tightest GPU that will do is the third, not the second */
    assert_int_equal(ask(&gw_pack_bestfit, &no_mix, NODE(4000, 0, 0, 300), pod(4000, 1, 300), &g), 100);
    assert_int_equal(g, 4);
    /* of equally tight ones the first: 700 of 900; 200 will not do */
    ask(&gw_pack_bestfit, &no_mix, NODE(4000, 1000, 200, 700, 700), pod(1000, 1, 600), &g);
    assert_int_equal(g, 4);
    /* whole ones: the first free two */
    ask(&gw_pack_bestfit, &no_mix, NODE(4000, 900, 1000, 100, 1000, 1000), pod(1000, 2, 1000), &g);
    assert_int_equal(g, 2 | 8);
}

static void scores_dotprod(void **state)
{
    GW_UNUSED(state);
    uint32_t g;
    /* 64/128 * 32/128 = 1/8; 2000/8000 * 500/8000 = 1/64: 100 (1 - (1/8 + 1/64)/2) = 92.97 */
    assert_int_equal(ask(&gw_pack_dotprod, &no_mix, NODE(64000, 1000, 1000), pod(32000, 1, 500), &g), 92);
    /* 1 * 1 and 8000/8000 * 8000/8000: 0 */
    assert_int_equal(ask(&gw_pack_dotprod, &no_mix,
                         NODE(128000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000), pod(128000, 8, 1000),
                         &g),
                     0);
    assert_int_equal(g, 255);
}

static void scores_gpuclustering(void **state)
{
    GW_UNUSED(state);
    uint32_t g;
    const gw_pack_pod half = pod(1000, 1, 500), one = pod(1000, 1, 1000), two = pod(1000, 2, 1000);
    gw_pack_node n = NODE(64000, 1000, 1000);
    /* base: 25 * 6000/8000 = 18 (18.75 cut) */
    assert_int_equal(ask(&gw_pack_gpuclustering, &no_mix, n, half, &g), 18 + 25); /* empty */
    n.held[0] = 3;
    assert_int_equal(ask(&gw_pack_gpuclustering, &no_mix, n, half, &g), 18 + 75); /* only its class */
    assert_int_equal(ask(&gw_pack_gpuclustering, &no_mix, n, one, &g), 18);       /* only another */
    n.held[1] = 1;
    assert_int_equal(ask(&gw_pack_gpuclustering, &no_mix, n, half, &g), 18 + 50); /* its own and another */
    assert_int_equal(ask(&gw_pack_gpuclustering, &no_mix, n, two, &g), 18);       /* 2 is no class with 1 */
    assert_int_equal(ask(&gw_pack_gpuclustering, &no_mix, n, pod(1000, 0, 0), &g), 0);
}

static void scores_gpupacking(void **state)
{
    GW_UNUSED(state);
    uint32_t g;
    const gw_pack_policy *p = &gw_pack_gpupacking;
    const gw_pack_node used = NODE(64000, 1000, 400, 1000, 205);
    /* untouched: max(33 - k, k) */
    assert_int_equal(ask(p, &no_mix, NODE(64000, 1000, 1000, 1000, 1000), pod(1, 1, 500), &g), 29);
    assert_int_equal(ask(p, &no_mix, NODE(64000, 1000, 1000), pod(1, 2, 1000), &g), 31);
    /* a GPU in use: 100 - (400/10)/10; 100 - (205/10)/10 = 100 - 20/10 */
    assert_int_equal(ask(p, &no_mix, used, pod(1, 1, 300), &g), 96);
    assert_int_equal(g, 2);
    assert_int_equal(ask(p, &no_mix, used, pod(1, 1, 200), &g), 98);
    assert_int_equal(g, 8);
    /* a free GPU of a node in use: 50 - how many */
    assert_int_equal(ask(p, &no_mix, used, pod(1, 1, 500), &g), 49);
    assert_int_equal(ask(p, &no_mix, used, pod(1, 2, 1000), &g), 48);
    assert_int_equal(g, 1 | 4);
    assert_int_equal(ask(p, &no_mix, used, pod(1, 0, 0), &g), 0);
}

/* Half of the pods ask for half a GPU and 4 CPUs, a quarter for a whole one and 8, a quarter for none. */
static const gw_pack_mix small_mix = {
    .kinds = {{4000, 1, 500, ANY, 0.5}, {8000, 1, 1000, ANY, 0.25}, {1000, 0, 0, ANY, 0.25}}, .n = 3};

static void measures_fragmentation(void **state)
{
    GW_UNUSED(state);
    /* 400 is of no use to the first two, 1400 to the third: 0.75 * 400 + 0.25 * 1400 */
    gw_pack_node n = NODE(10000, 1000, 400);
    assert_float_equal(gw_pack_fragmentation(&small_mix, &n), 650, 1e-3);
    /* too little CPU for a whole one: 0.5 * 400 + 0.5 * 1400 */
    n.cpu_milli = 7999;
    assert_float_equal(gw_pack_fragmentation(&small_mix, &n), 900, 1e-3);
    n.cpu_milli = 8000;
    assert_float_equal(gw_pack_fragmentation(&small_mix, &n), 650, 1e-3);
    /* model 3, which the first does not accept: 0.5 * 1400 + 0.25 * 400 + 0.25 * 1400 */
    gw_pack_mix picky = small_mix;
    picky.kinds[0].models = 1 << 2;
    n.model = 3;
    assert_float_equal(gw_pack_fragmentation(&picky, &n), 1150, 1e-3);
    /* two whole ones asked, one there: all of it is lost; two there: what is below 1000 is */
    const gw_pack_mix two = {.kinds = {{0, 2, 1000, ANY, 1}}, .n = 1};
    n = NODE(0, 1000, 999);
    assert_float_equal(gw_pack_fragmentation(&two, &n), 1999, 1e-3);
    n = NODE(0, 1000, 999, 1000);
    assert_float_equal(gw_pack_fragmentation(&two, &n), 999, 1e-3);
}

static void scores_fgd(void **state)
{
    GW_UNUSED(state);
    uint32_t g;
    /* F before is 650 (above). 400 milli on the first GPU leave 600, 400: 0.5 * 400 + 0.5 * 1000 = 700, on
     * the second 1000, 0: 0.25 * 1000 = 250. So the second: 100 / (1 + exp(-0.4)) = 59.87 */
    assert_int_equal(ask(&gw_pack_fgd, &small_mix, NODE(10000, 1000, 400), pod(1000, 1, 400), &g), 59);
    assert_int_equal(g, 2);
    /* the same, and the CPU falls under 8000: the second leaves 0.5 * 0 + 0.5 * 1000 = 500:
     * 100 / (1 + exp(-0.15)) = 53.74 */
    assert_int_equal(ask(&gw_pack_fgd, &small_mix, NODE(10000, 1000, 400), pod(3000, 1, 400), &g), 53);
    assert_int_equal(g, 2);
    /* a whole one leaves 0, 400: 400: 100 / (1 + exp(-0.25)) = 56.2 */
    assert_int_equal(ask(&gw_pack_fgd, &small_mix, NODE(10000, 1000, 400), pod(1000, 1, 1000), &g), 56);
    assert_int_equal(g, 1);
    /* no change at all is exactly 50; of equal GPUs the first */
    assert_int_equal(ask(&gw_pack_fgd, &small_mix, NODE(20000, 1000), pod(1000, 0, 0), &g), 50);
    assert_int_equal(g, 0);
    ask(&gw_pack_fgd, &small_mix, NODE(20000, 0, 700, 700), pod(1000, 1, 100), &g);
    assert_int_equal(g, 2);
}

static void values_a_node(void **state)
{
    GW_UNUSED(state);
    const int64_t plenty = GW_PACK_CPU_MAX; /* factor of CPU: 1 - 2e-22 or less */
    /* kinds of 300 and 400, equally frequent, on 450 free: 150 or 50 would be left, so they weigh
     * exp(-150/125) and exp(-50/125); nothing fits behind them. One: both can use 450. */
    const gw_pack_mix two = {.kinds = {{1, 1, 300, ANY, 0.5}, {1, 1, 400, ANY, 0.5}}, .n = 2};
    double a = exp(-1.2), b = exp(-0.4);
    assert_float_equal(value(&two, NODE(plenty, 450)), (300 * a + 400 * b) / (a + b) + 450, 1e-3);
    /* 350: only 300 fits, half of the pods can use it */
    assert_float_equal(value(&two, NODE(plenty, 350)), 300 + 350 / 2.0, 1e-3);
    /* 600: 300 + 300 with weight exp(-300/125), or 400 with exp(-200/125) */
    a = exp(-2.4), b = exp(-1.6);
    assert_float_equal(value(&two, NODE(plenty, 600)), (600 * a + 400 * b) / (a + b) + 600, 1e-3);
    /* GPUs add up, and 299 is of no worth */
    assert_float_equal(value(&two, NODE(plenty, 350, 299, 350)), 2 * (300 + 350 / 2.0), 1e-3);
    /* no CPU: nothing */
    assert_float_equal(value(&two, NODE(0, 1000)), 0, 1e-3);

    /* a pod of two whole GPUs and 6 CPUs: three GPUs fill with 3 * 1000, which take 3 * 3 CPUs; with 9 CPUs
     * the factor is 2^(-1/4). One: 3000, as the pod has room; with 5 CPUs, or one GPU, it has not. */
    const gw_pack_mix pair = {.kinds = {{6000, 2, 1000, ANY, 1}}, .n = 1};
    assert_float_equal(value(&pair, NODE(9000, 1000, 1000, 1000)), 3000 * pow(2, -0.25) + 3000, 1e-3);
    double x = 5.0 / 9;
    assert_float_equal(value(&pair, NODE(5000, 1000, 1000, 1000)), 3000 * x / pow(1 + pow(x, 4), 0.25), 1e-3);
    assert_float_equal(value(&pair, NODE(plenty, 1000, 900)), 1000, 1e-3);

    /* GPUs count, not pods: two of three GPUs that are asked for come with 4 CPUs, one with 1: 3 each. 3 CPUs
     * for one GPU: 2^(-1/4). One: half of the pods ask one GPU. */
    const gw_pack_mix uneven = {.kinds = {{8000, 2, 1000, ANY, 0.5}, {1000, 1, 1000, ANY, 0.5}}, .n = 2};
    assert_float_equal(value(&uneven, NODE(3000, 1000)), 1000 * pow(2, -0.25) + 500, 1e-3);

    /* models: the only kind accepts model 5 */
    const gw_pack_mix picky = {.kinds = {{1, 1, 500, 1 << 5, 1}}, .n = 1};
    gw_pack_node n = NODE(plenty, 700);
    assert_float_equal(value(&picky, n), 0, 1e-3);
    n.model = 5;
    assert_float_equal(value(&picky, n), 500 + 700, 1e-3);
}

static void scores_gpuwise(void **state)
{
    GW_UNUSED(state);
    uint32_t g;
    /* one kind, half a GPU and 4 CPUs: a GPU fills with 500 + 500 and takes 8 CPUs. 8 CPUs there: 1000 /
     * 2^(1/4) + 1000. Behind the pod 4 for 4: 500 / 2^(1/4) + 500. It keeps 500, which cost 500/64. 64 points
     * a milli. */
    const gw_pack_mix half = {.kinds = {{4000, 1, 500, ANY, 1}}, .n = 1};
    double want = 64 * (-500 * pow(2, -0.25) - 500 - 500 / 64.0);
    assert_int_equal(ask(&gw_pack_gpuwise, &half, NODE(8000, 1000), pod(4000, 1, 500), &g), lrint(want));
    assert_int_equal(g, 1);
    /* 500 fits the second exactly; on the first or third it would spoil 100 or 400 */
    ask(&gw_pack_gpuwise, &half, NODE(96000, 600, 500, 900), pod(4000, 1, 500), &g);
    assert_int_equal(g, 2);
    /* 100 milli are of no use to the mix anyway on a GPU with 600, and spoil half of one with 500 */
    ask(&gw_pack_gpuwise, &half, NODE(96000, 500, 600), pod(4000, 1, 100), &g);
    assert_int_equal(g, 2);
    /* three whole ones */
    ask(&gw_pack_gpuwise, &half, NODE(96000, 500, 1000, 1000, 1000), pod(4000, 3, 1000), &g);
    assert_int_equal(g, 14);
}

/* ---- the mix ---- */

static void takes_the_typical_mix(void **state)
{
    GW_UNUSED(state);
    /* 100 pods of 4 kinds: 60, 30, 6, 4. 60 + 30 are 90 %, with 6 they are 96 % >= 95 %: three kinds of 96
     * pods. Memory does not part kinds. */
    gw_pack_pod pods[100];
    for (int i = 0; i < 100; i++) {
        pods[i] = i < 4 ? pod(9, 1, 1000) : i < 34 ? pod(2, 1, 500) : i < 40 ? pod(2, 0, 0) : pod(2, 1, 400);
        pods[i].memory_mib = i;
    }
    static gw_pack_mix m;
    assert_int_equal(gw_pack_mix_of(pods, 100, &m, &e), 0);
    assert_int_equal(m.n, 3);
    assert_int_equal(m.kinds[0].gpu_milli, 400);
    assert_int_equal(m.kinds[1].gpu_milli, 500);
    assert_int_equal(m.kinds[2].gpus, 0);
    assert_float_equal(m.kinds[0].share, 60 / 96.0, 1e-12);
    assert_float_equal(m.kinds[1].share, 30 / 96.0, 1e-12);
    assert_float_equal(m.kinds[2].share, 6 / 96.0, 1e-12);
    /* equally frequent: in order of appearance; a model parts kinds */
    pods[0] = pod(7, 1, 10);
    pods[1] = pod(7, 1, 10);
    pods[1].models = 1;
    assert_int_equal(gw_pack_mix_of(pods, 2, &m, &e), 0);
    assert_int_equal(m.n, 2);
    assert_true(m.kinds[0].models == ANY && m.kinds[1].models == 1);
    assert_int_equal(gw_pack_mix_of(pods, 0, &m, &e), GW_ENODATA);
    /* 300 kinds, each once: 285 cover 95 %, and that is more than fit */
    static gw_pack_pod many[300];
    for (int i = 0; i < 300; i++)
        many[i] = pod(i, 0, 0);
    m.n = 77;
    assert_int_equal(gw_pack_mix_of(many, 300, &m, &e), GW_ELIMIT);
    assert_non_null(strstr(e.message, "285 kinds"));
    assert_int_equal(m.n, 77);
}

/* ---- the cluster ---- */

static gw_pack *new_pack(const char *policy, const gw_pack_node *nodes, size_t n, const gw_pack_mix *mix)
{
    gw_pack *p = NULL;
    assert_int_equal(gw_pack_new(gw_pack_policy_find(policy), nodes, n, mix, &p, &e), 0);
    return p;
}

static void places_where_it_fits(void **state)
{
    GW_UNUSED(state);
    gw_pack_node nodes[] = {NODE(8000, 0, 0), NODE(8000, 0, 0, 0, 0), NODE(8000, 0)};
    gw_pack_place at;
    nodes[2].model = 1;
    for (const char *const *name = gw_pack_policy_names(); *name; name++) {
        gw_pack *p = new_pack(*name, nodes, 3, &small_mix);
        gw_pack_pod q = pod(1000, 4, 1000);
        assert_int_equal(gw_pack_node_at(p, 1)->free_total,
                         4000); /* free_milli of the input counts for nothing */
        assert_int_equal(gw_pack_place_pod(p, &q, &at, &e), 1);
        assert_int_equal(at.node, 1);
        assert_int_equal(at.gpus, 15);
        assert_int_equal(gw_pack_place_pod(p, &q, &at, &e), 0); /* no other has four */
        q = pod(1000, 1, 100);
        q.models = 1 << 1;
        assert_int_equal(gw_pack_find(p, &q, &at, &e), 1);
        assert_int_equal(at.node, 2); /* the only one of model 1 */
        q.models = 0;
        assert_int_equal(gw_pack_find(p, &q, &at, &e), 0);
        q = pod(8001, 0, 0);
        assert_int_equal(gw_pack_find(p, &q, &at, &e), 0);
        q = pod(8000, 0, 0);
        q.memory_mib = (1 << 20) + 1;
        assert_int_equal(gw_pack_find(p, &q, &at, &e), 0);
        q.memory_mib = 1 << 20;
        assert_int_equal(gw_pack_find(p, &q, &at, &e), 1);
        assert_int_not_equal(at.node, 1); /* which has 7000 left */
        gw_pack_close(p, 0, true);
        gw_pack_close(p, 2, true);
        assert_int_equal(gw_pack_find(p, &q, &at, &e), 0);
        gw_pack_close(p, 2, false);
        assert_int_equal(gw_pack_find(p, &q, &at, &e), 1);
        assert_int_equal(at.node, 2);
        gw_pack_free(p);
    }
}

static void takes_the_earlier_of_equals(void **state)
{
    GW_UNUSED(state);
    const gw_pack_node nodes[] = {NODE(8000, 0), NODE(8000, 0), NODE(8000, 0)};
    gw_pack_place at;
    for (const char *const *name = gw_pack_policy_names(); *name; name++) {
        gw_pack *p = new_pack(*name, nodes, 3, &small_mix);
        gw_pack_pod whole = pod(1000, 1, 1000);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(gw_pack_place_pod(p, &whole, &at, &e), 1);
            assert_int_equal(at.node, i);
        }
        assert_int_equal(gw_pack_place_pod(p, &whole, &at, &e), 0);
        gw_pack_free(p);
    }
}

static void puts_and_removes(void **state)
{
    GW_UNUSED(state);
    const gw_pack_node nodes[] = {NODE(8000, 0, 0)};
    gw_pack *p = new_pack("gpuwise", nodes, 1, &small_mix);
    const gw_pack_node *n = gw_pack_node_at(p, 0);
    gw_pack_pod q = pod(3000, 1, 600);
    double born = n->value;
    assert_int_equal(gw_pack_put(p, &q, (gw_pack_place){0, 2}, &e), 0);
    assert_int_equal(n->free_milli[1], 400);
    assert_int_equal(n->free_total, 1400);
    assert_int_equal(n->cpu_milli, 5000);
    assert_int_equal(n->held[0], 1);
    /* the second does not fit beside the first; on the other GPU it does */
    assert_int_equal(gw_pack_put(p, &q, (gw_pack_place){0, 2}, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "too little free"));
    assert_int_equal(gw_pack_put(p, &q, (gw_pack_place){0, 1}, &e), 0);
    assert_int_equal(gw_pack_put(p, &q, (gw_pack_place){0, 1}, &e), GW_EUSAGE); /* nor CPU for a third */
    assert_int_equal(gw_pack_put(p, &q, (gw_pack_place){1, 1}, &e), GW_EUSAGE); /* no such node */
    assert_int_equal(gw_pack_put(p, &q, (gw_pack_place){0, 4}, &e), GW_EUSAGE); /* no such GPU */
    assert_int_equal(gw_pack_put(p, &q, (gw_pack_place){0, 3}, &e), GW_EUSAGE); /* two for one */
    assert_int_equal(gw_pack_remove(p, &q, (gw_pack_place){0, 1}, &e), 0);
    assert_int_equal(gw_pack_remove(p, &q, (gw_pack_place){0, 1}, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "does not hold it"));
    assert_int_equal(gw_pack_remove(p, &q, (gw_pack_place){0, 2}, &e), 0);
    assert_int_equal(gw_pack_remove(p, &q, (gw_pack_place){0, 2}, &e), GW_EUSAGE);
    assert_int_equal(n->free_total, 2000);
    assert_int_equal(n->cpu_milli, 8000);
    assert_true(n->value == born);
    gw_pack_free(p);
}

static void refuses_what_is_out_of_range(void **state)
{
    GW_UNUSED(state);
    gw_pack *p = NULL;
    gw_pack_node good = NODE(8000, 0), bad;
    const gw_pack_policy *fgd = gw_pack_policy_find("fgd");
    assert_null(gw_pack_policy_find("fdg"));
    assert_int_equal(gw_pack_new(fgd, &good, 0, &no_mix, &p, &e), GW_EUSAGE);
    assert_int_equal(gw_pack_new(fgd, &good, GW_PACK_NODES_MAX + 1, &no_mix, &p, &e), GW_ELIMIT);
    for (int i = 0; i < 8; i++) {
        bad = good;
        if (i < 2)
            bad.cpu_milli = i ? -1 : GW_PACK_CPU_MAX + 1;
        else if (i < 4)
            bad.memory_mib = i & 1 ? -1 : GW_PACK_MEMORY_MAX + 1;
        else if (i < 6)
            bad.gpus = i & 1 ? -1 : GW_PACK_GPUS_MAX + 1;
        else
            bad.model = i & 1 ? -1 : GW_PACK_MODELS_MAX;
        gw_pack_node both[] = {good, bad};
        assert_int_equal(gw_pack_new(fgd, both, 2, &no_mix, &p, &e), GW_EUSAGE);
        assert_non_null(strstr(e.message, "node 1"));
    }
    static gw_pack_mix mix;
    mix = small_mix;
    mix.kinds[1].share = (double)NAN;
    assert_int_equal(gw_pack_new(fgd, &good, 1, &mix, &p, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "kind 1"));
    mix = small_mix;
    mix.kinds[2].gpu_milli = 5;
    assert_int_equal(gw_pack_new(fgd, &good, 1, &mix, &p, &e), GW_EUSAGE);
    mix.n = GW_PACK_MIX_MAX + 1;
    assert_int_equal(gw_pack_new(fgd, &good, 1, &mix, &p, &e), GW_ELIMIT);
    assert_null(p);
    p = new_pack("fgd", &good, 1, &small_mix);
    const gw_pack_pod bad_pods[] = {{-1, 0, 0, 0, ANY},
                                    {0, -1, 0, 0, ANY},
                                    {GW_PACK_CPU_MAX + 1, 0, 0, 0, ANY},
                                    {0, GW_PACK_MEMORY_MAX + 1, 0, 0, ANY},
                                    {0, 0, -1, 1000, ANY},
                                    {0, 0, GW_PACK_GPUS_MAX + 1, 1000, ANY},
                                    {0, 0, 0, 1, ANY},
                                    {0, 0, 1, 0, ANY},
                                    {0, 0, 1, 1001, ANY},
                                    {0, 0, 2, 500, ANY}};
    gw_pack_place at = {9, 9};
    for (size_t i = 0; i < GW_COUNT(bad_pods); i++) {
        assert_int_equal(gw_pack_find(p, &bad_pods[i], &at, &e), GW_EUSAGE);
        assert_int_equal(gw_pack_put(p, &bad_pods[i], (gw_pack_place){0, 1}, &e), GW_EUSAGE);
    }
    assert_int_equal(at.node, 9);
    gw_pack_free(p);
}

/* ---- random clusters ---- */

static uint64_t seed;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

#define NODES 40
#define STEPS 1500

typedef struct run {
    gw_pack_node nodes[NODES];
    gw_pack_mix mix;
    gw_pack_pod kinds[24];
    struct {
        gw_pack_pod pod;
        gw_pack_place at;
    } on[STEPS];
    size_t n_on, placed;
    uint64_t hash; /* of all places */
} run;

static void random_cluster(run *r)
{
    *r = (run){0};
    for (int i = 0; i < NODES; i++)
        r->nodes[i] = (gw_pack_node){.cpu_milli = 4000 * (1 + rnd(30)),
                                     .memory_mib = 1000 * (1 + rnd(30)),
                                     .gpus = (int32_t)rnd(9),
                                     .model = (int32_t)rnd(3)};
    for (size_t i = 0; i < GW_COUNT(r->kinds); i++) {
        int32_t gpus = rnd(3) ? 1 : rnd(2) ? 0 : 2 << rnd(2);
        r->kinds[i] = (gw_pack_pod){1000 * rnd(13), 500 * rnd(9), gpus,
                                    gpus == 0                 ? 0
                                    : gpus > 1 || rnd(3) == 0 ? 1000
                                                              : 10 * (1 + (int32_t)rnd(99)),
                                    rnd(4) ? ANY : 1u + rnd(7)};
    }
    assert_int_equal(gw_pack_mix_of(r->kinds, GW_COUNT(r->kinds), &r->mix, &e), 0);
}

/* The best place by asking the policy about every node anew, without anything kept. */
static int best_afresh(const run *r, const gw_pack_policy *policy, gw_pack *p, const gw_pack_pod *q,
                       gw_pack_place *ret)
{
    void *state = NULL;
    int found = 0;
    int32_t best = 0;
    if (policy->open)
        assert_int_equal(policy->open(&r->mix, &state, &e), 0);
    for (uint32_t i = 0; i < NODES; i++) {
        gw_pack_node n = *gw_pack_node_at(p, i);
        uint32_t gpus = 0;
        if (n.closed || !gw_pack_fits(&n, q))
            continue;
        n.value = NAN;
        if (policy->prepare)
            policy->prepare(state, &n);
        int32_t s = policy->score(state, &n, q, &gpus);
        if (!found || s > best) {
            best = s;
            found = 1;
            *ret = (gw_pack_place){i, gpus};
        }
    }
    if (policy->close)
        policy->close(state);
    return found;
}

/* That the books are right: each node's free is what it had less what is on it, nothing below zero. */
static void check_books(const run *r, gw_pack *p)
{
    static int32_t used[NODES][GW_PACK_GPUS_MAX];
    int64_t cpu[NODES] = {0}, memory[NODES] = {0};
    memset(used, 0, sizeof(used));
    for (size_t k = 0; k < r->n_on; k++) {
        const gw_pack_pod *q = &r->on[k].pod;
        uint32_t at = r->on[k].at.node, n_gpus = 0;
        cpu[at] += q->cpu_milli;
        memory[at] += q->memory_mib;
        for (int i = 0; i < GW_PACK_GPUS_MAX; i++)
            if (r->on[k].at.gpus >> i & 1) {
                assert_true(i < r->nodes[at].gpus);
                used[at][i] += q->gpu_milli;
                n_gpus++;
            }
        assert_int_equal(n_gpus, q->gpus);
        assert_true(q->gpus == 0 || (q->models >> r->nodes[at].model & 1));
    }
    for (uint32_t i = 0; i < NODES; i++) {
        const gw_pack_node *n = gw_pack_node_at(p, i);
        assert_true(cpu[i] <= r->nodes[i].cpu_milli && n->cpu_milli == r->nodes[i].cpu_milli - cpu[i]);
        assert_true(memory[i] <= r->nodes[i].memory_mib &&
                    n->memory_mib == r->nodes[i].memory_mib - memory[i]);
        int32_t total = 0;
        for (int g = 0; g < n->gpus; g++) {
            assert_true(used[i][g] <= GW_PACK_GPU_MILLI &&
                        n->free_milli[g] == GW_PACK_GPU_MILLI - used[i][g]);
            total += n->free_milli[g];
        }
        assert_int_equal(n->free_total, total);
    }
}

static void step(run *r, const gw_pack_policy *policy, gw_pack *p)
{
    gw_pack_pod q = r->kinds[rnd(GW_COUNT(r->kinds))];
    gw_pack_place at = {0, 0}, want = {0, 0};
    if (r->n_on > 0 && rnd(4) == 0) {
        size_t k = rnd((uint32_t)r->n_on);
        assert_int_equal(gw_pack_remove(p, &r->on[k].pod, r->on[k].at, &e), 0);
        r->on[k] = r->on[--r->n_on];
    }
    if (rnd(20) == 0)
        gw_pack_close(p, rnd(NODES), rnd(2));
    int rc = best_afresh(r, policy, p, &q, &want);
    assert_int_equal(gw_pack_place_pod(p, &q, &at, &e), rc);
    if (rc == 0)
        return;
    assert_int_equal(at.node, want.node);
    assert_int_equal(at.gpus, want.gpus);
    r->on[r->n_on].pod = q;
    r->on[r->n_on++].at = at;
    r->placed++;
    r->hash = (r->hash ^ at.node ^ (uint64_t)at.gpus << 8) * 1099511628211u;
}

static uint64_t random_run(const gw_pack_policy *policy, uint64_t from, size_t cache, size_t *ret_placed)
{
    static run r;
    gw_pack *p = NULL;
    seed = from;
    random_cluster(&r);
    assert_int_equal(gw_pack_new(policy, r.nodes, NODES, &r.mix, &p, &e), 0);
    gw_pack_limit_cache(p, cache);
    for (int i = 0; i < STEPS; i++) {
        step(&r, policy, p);
        if (i % 100 == 0)
            check_books(&r, p);
    }
    check_books(&r, p);
    gw_pack_free(p);
    *ret_placed = r.placed;
    return r.hash;
}

/* Kept scores choose as fresh ones do, whatever is placed, taken away and closed; nothing is given twice; and
 * the same comes out again, also where there is room for the scores of no kind of pod, or of a few. */
static void keeps_its_books_on_random_clusters(void **state)
{
    GW_UNUSED(state);
    for (const char *const *name = gw_pack_policy_names(); *name; name++)
        for (uint64_t s = 1; s <= 4; s++) {
            const gw_pack_policy *policy = gw_pack_policy_find(*name);
            size_t placed, again;
            uint64_t hash = random_run(policy, s, GW_PACK_CACHE_BYTES_MAX, &placed);
            assert_true(placed > 100);
            assert_true(hash == random_run(policy, s, (s & 1) * 5 * NODES * 10, &again));
            assert_int_equal(placed, again);
        }
}

/* ---- memory ---- */

static int try_all(const gw_pack_policy *policy)
{
    const gw_pack_node nodes[] = {NODE(8000, 0, 0), NODE(8000, 0, 0, 0, 0)};
    static gw_pack_mix mix;
    gw_pack_pod pods[40];
    gw_pack *p = NULL;
    gw_pack_place at;
    for (int i = 0; i < 40; i++)
        pods[i] = pod(100 + i, 1, 10 + i);
    int rc = gw_pack_mix_of(pods, 40, &mix, &e);
    if (rc)
        return rc;
    rc = gw_pack_new(policy, nodes, 2, &mix, &p, &e);
    for (int i = 0; rc == 0 && i < 40; i++) {
        int64_t before = gw_pack_node_at(p, 0)->cpu_milli + gw_pack_node_at(p, 1)->cpu_milli;
        rc = gw_pack_place_pod(p, &pods[i], &at, &e);
        int64_t after = gw_pack_node_at(p, 0)->cpu_milli + gw_pack_node_at(p, 1)->cpu_milli;
        assert_int_equal(after, rc < 0 ? before : before - pods[i].cpu_milli);
        rc = rc < 0 ? rc : 0;
    }
    gw_pack_free(p);
    return rc;
}

static void survives_want_of_memory(void **state)
{
    GW_UNUSED(state);
    for (const char *const *name = gw_pack_policy_names(); *name; name++) {
        int rc = GW_ENOMEM;
        uint64_t n = 0;
        while (rc) {
            gw_mem_fail_at(++n);
            rc = try_all(gw_pack_policy_find(*name));
            gw_mem_fail_at(0);
            assert_true(rc == 0 || rc == GW_ENOMEM);
            assert_true(n < 10000);
        }
        assert_true(n > 40); /* a kind of pod each, at least */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_bestfit),
        cmocka_unit_test(scores_dotprod),
        cmocka_unit_test(scores_gpuclustering),
        cmocka_unit_test(scores_gpupacking),
        cmocka_unit_test(measures_fragmentation),
        cmocka_unit_test(scores_fgd),
        cmocka_unit_test(values_a_node),
        cmocka_unit_test(scores_gpuwise),
        cmocka_unit_test(takes_the_typical_mix),
        cmocka_unit_test(places_where_it_fits),
        cmocka_unit_test(takes_the_earlier_of_equals),
        cmocka_unit_test(puts_and_removes),
        cmocka_unit_test(refuses_what_is_out_of_range),
        cmocka_unit_test(keeps_its_books_on_random_clusters),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
