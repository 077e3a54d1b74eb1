#include "gw_test.h"

#include <math.h>

#include "allocate/mix.h"
#include "allocate/mix_internal.h"
#include "allocate/mix_relax.h"
#include "base/mem.h"

#define ANY  GW_MIX_ANY_TYPE
#define NONE GW_MIX_NO_LIMIT

static gw_error e;

/* ---- helpers ---- */

static gw_mix_pod pod(int64_t cpu, int64_t memory, int32_t gpus, int32_t milli)
{
    return (gw_mix_pod){cpu, memory, gpus, milli, ANY};
}

static gw_mix_type type(const char *name, int64_t cpu, int64_t memory, int32_t gpus, gw_micro hourly)
{
    return (gw_mix_type){name, cpu, memory, gpus, 1000, hourly, 0, 0, NONE};
}

static const gw_mix_options plenty = {.budget_ms = 60000};

static gw_mix find(const gw_mix_pod *pods, size_t n, const gw_mix_type *types, size_t n_types)
{
    gw_mix m = {0};
    if (gw_mix_find(pods, n, types, n_types, &plenty, &m, &e))
        fail_msg("%s", e.message);
    if (gw_mix_check(pods, n, types, n_types, &m, &e))
        fail_msg("%s", e.message);
    return m;
}

static uint64_t seed;

static int64_t draw(int64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)((seed * UINT64_C(0x2545f4914f6cdd1d) >> 33) % (uint64_t)below);
}

/* ---- the optimum, by going through everything ---- */

#define FEW 9

/* Whether pods[i..) of the set fit the GPUs, shared[] being what is on them. */
static bool gpus_fit(const gw_mix_pod *pods, uint32_t set, const gw_mix_type *t, int64_t *shared)
{
    if (set == 0)
        return true;
    int i = __builtin_ctz(set);
    const gw_mix_pod *p = &pods[i];
    uint32_t rest = set & (set - 1);
    if (p->gpus == 0)
        return gpus_fit(pods, rest, t, shared);
    if (p->gpus == 1 && p->gpu_milli < 1000) {
        for (int g = 0; g < t->gpus; g++) {
            if (shared[g] < 0 || shared[g] + p->gpu_milli > t->gpu_milli_each)
                continue;
            shared[g] += p->gpu_milli;
            bool ok = gpus_fit(pods, rest, t, shared);
            shared[g] -= p->gpu_milli;
            if (ok)
                return true;
        }
        return false;
    }
    /* whole GPUs are all alike: any that are free */
    int taken[64], n = 0;
    for (int g = 0; g < t->gpus && n < p->gpus && t->gpu_milli_each >= 1000; g++)
        if (shared[g] == 0)
            taken[n++] = g;
    if (n < p->gpus)
        return false;
    for (int k = 0; k < n; k++)
        shared[taken[k]] = -1;
    bool ok = gpus_fit(pods, rest, t, shared);
    for (int k = 0; k < n; k++)
        shared[taken[k]] = 0;
    return ok;
}

static bool set_fits(const gw_mix_pod *pods, uint32_t set, const gw_mix_type *t, size_t index)
{
    int64_t cpu = 0, memory = 0, shared[64] = {0};
    for (uint32_t s = set; s; s &= s - 1) {
        const gw_mix_pod *p = &pods[__builtin_ctz(s)];
        cpu += p->cpu_milli;
        memory += p->memory_mib;
        if (!(p->types >> index & 1))
            return false;
    }
    if (cpu > t->cpu_milli - t->reserve_cpu_milli || memory > t->memory_mib - t->reserve_memory_mib)
        return false;
    return gpus_fit(pods, set, t, shared);
}

/* Least cost of all ways to divide n <= FEW pods over nodes; -1 where a pod fits nothing. */
static gw_micro optimum(const gw_mix_pod *pods, size_t n, const gw_mix_type *types, size_t n_types)
{
    static gw_micro node[1 << FEW], best[1 << FEW];
    for (uint32_t s = 1; s < 1U << n; s++) {
        node[s] = best[s] = INT64_MAX;
        for (size_t t = 0; t < n_types; t++)
            if (types[t].hourly < node[s] && set_fits(pods, s, &types[t], t))
                node[s] = types[t].hourly;
    }
    best[0] = 0;
    for (uint32_t s = 1; s < 1U << n; s++) {
        uint32_t low = s & -s;
        /* the node of the lowest pod, then the others */
        for (uint32_t part = s; part; part = (part - 1) & s)
            if (part & low && node[part] < INT64_MAX && best[s ^ part] < INT64_MAX)
                best[s] = GW_MIN(best[s], node[part] + best[s ^ part]);
    }
    return best[(1U << n) - 1];
}

static gw_mix_pod random_pod(void)
{
    gw_mix_pod p = pod(draw(9) * 500, draw(9) * 512, 0, 0);
    int64_t what = draw(10);
    if (what < 5) {
        p.gpus = 1;
        p.gpu_milli = (int32_t)(draw(19) + 1) * 50;
    } else if (what < 8) {
        p.gpus = (int32_t)draw(3) + 1;
        p.gpu_milli = 1000;
    }
    return p;
}

static size_t random_types(gw_mix_type *types)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    size_t n = 2 + (size_t)draw(3);
    /* the first holds any of them */
    types[0] = type("big", 4000 + draw(9) * 1000, 4096 + draw(9) * 1024, 3 + (int32_t)draw(2),
                    2000000 + draw(50) * 100000);
    for (size_t i = 1; i < n; i++)
        types[i] =
            type(names[i - 1], draw(7) * 1000, draw(7) * 1024, (int32_t)draw(3), 300000 + draw(30) * 100000);
    return n;
}

static void agrees_with_exhaustive_search(void **state)
{
    GW_UNUSED(state);
    int optimal = 0, tight = 0, cases = 150;
    seed = 7;
    for (int i = 0; i < cases; i++) {
        gw_mix_pod pods[FEW];
        gw_mix_type types[4];
        size_t n = 1 + (size_t)draw(FEW), n_types = random_types(types);
        for (size_t k = 0; k < n; k++) {
            pods[k] = k > 0 && draw(3) == 0 ? pods[k - 1] : random_pod();
            if (draw(8) == 0)
                pods[k].types = 1 | (uint64_t)draw(8);
        }
        gw_micro least = optimum(pods, n, types, n_types);
        gw_mix m = find(pods, n, types, n_types);
        assert_true(m.bound <= least);
        assert_true(least <= m.cost);
        assert_true(m.cost <= m.greedy_cost);
        optimal += m.cost == least;
        tight += m.bound >= least - least / 5;
        gw_mix_free(&m);
    }
    /* neither is promised; both would fall at once if the search or the bound were broken */
    assert_true(optimal >= cases * 95 / 100);
    assert_true(tight >= cases * 80 / 100);
}

/* ---- worked out by hand ---- */

static void fills_nodes(void **state)
{
    GW_UNUSED(state);
    /* ten pods of half a node: five nodes, and no fewer, since CPU for five is asked */
    gw_mix_pod pods[10];
    for (size_t i = 0; i < 10; i++)
        pods[i] = pod(4000, 1024, 0, 0);
    const gw_mix_type t[] = {type("m", 8000, 65536, 0, 1000000)};
    gw_mix m = find(pods, 10, t, 1);
    assert_int_equal(m.cost, 5000000);
    assert_int_equal(m.bound, 5000000);
    assert_int_equal(m.n_nodes, 5);
    assert_int_equal(m.n_kinds, 1);
    gw_mix_free(&m);
}

static void rounds_the_bound_to_what_nodes_can_cost(void **state)
{
    GW_UNUSED(state);
    /* three GPUs of 810 each leave no room for another: a node each, though 3 * 0.81 = 2.43 nodes */
    gw_mix_pod pods[] = {pod(1, 1, 1, 810), pod(1, 1, 1, 810), pod(1, 1, 1, 810)};
    const gw_mix_type t[] = {type("g", 4000, 16384, 1, 1006000)};
    gw_mix m = find(pods, 3, t, 1);
    assert_int_equal(m.cost, 3018000);
    assert_int_equal(m.bound, 3018000);
    gw_mix_free(&m);
    /* five pods, two to a node: 2.5 nodes are proven by the linear program, so 3 */
    gw_mix_pod five[5];
    for (size_t i = 0; i < 5; i++)
        five[i] = pod(2000, 1, 0, 0);
    m = find(five, 5, (const gw_mix_type[]){type("m", 4000, 16384, 0, 700000)}, 1);
    assert_int_equal(m.bound, 2100000);
    assert_int_equal(m.cost, 2100000);
    gw_mix_free(&m);
}

static void chooses_between_types(void **state)
{
    GW_UNUSED(state);
    /* two pods of a GPU each with little CPU, one with much: 2 x 1.0 + 1 x 1.6 is less than the node of four
     * GPUs for 5.6, and than a node of 1.6 for each */
    gw_mix_pod pods[] = {pod(2000, 4096, 1, 1000), pod(2000, 4096, 1, 1000), pod(14000, 4096, 1, 1000)};
    const gw_mix_type t[] = {type("small", 4000, 16384, 1, 1000000), type("large", 16000, 65536, 1, 1600000),
                             type("four", 48000, 196608, 4, 5600000)};
    gw_mix m = find(pods, 3, t, 3);
    assert_int_equal(m.cost, 3600000);
    assert_int_equal(m.bound, 3600000);
    /* by type: the small ones come first */
    assert_int_equal(m.nodes[0].type, 0);
    assert_int_equal(m.nodes[1].type, 0);
    assert_int_equal(m.nodes[2].type, 1);
    gw_mix_free(&m);
}

static void keeps_what_is_reserved(void **state)
{
    GW_UNUSED(state);
    /* 8000 less 1000 holds one pod of 4000, not two */
    gw_mix_pod pods[] = {pod(4000, 1024, 0, 0), pod(4000, 1024, 0, 0)};
    gw_mix_type t[] = {type("m", 8000, 65536, 0, 1000000)};
    t[0].reserve_cpu_milli = 1000;
    gw_mix m = find(pods, 2, t, 1);
    assert_int_equal(m.n_nodes, 2);
    gw_mix_free(&m);
    t[0].reserve_cpu_milli = 0;
    t[0].reserve_memory_mib = 65536 - 2047;
    m = find(pods, 2, t, 1);
    assert_int_equal(m.n_nodes, 2);
    gw_mix_free(&m);
    t[0].reserve_memory_mib = 65536 - 2048;
    m = find(pods, 2, t, 1);
    assert_int_equal(m.n_nodes, 1);
    gw_mix_free(&m);
}

static void honours_types_and_limits(void **state)
{
    GW_UNUSED(state);
    gw_mix_pod pods[] = {pod(1000, 1024, 1, 1000), pod(1000, 1024, 1, 1000), pod(1000, 1024, 1, 1000)};
    gw_mix_type t[] = {type("cheap", 4000, 16384, 1, 1000000), type("dear", 4000, 16384, 1, 3000000)};
    pods[1].types = 2; /* only the dear one will do */
    gw_mix m = find(pods, 3, t, 2);
    assert_int_equal(m.cost, 5000000);
    assert_int_equal(m.bound, 5000000);
    gw_mix_free(&m);
    pods[1].types = ANY;
    t[0].max_nodes = 1; /* one of the cheap ones: 1 + 3 + 3 */
    m = find(pods, 3, t, 2);
    assert_int_equal(m.cost, 7000000);
    assert_int_equal(m.bound, 7000000);
    gw_mix_free(&m);
    t[1].max_nodes = 1;
    m = (gw_mix){0};
    assert_int_equal(gw_mix_find(pods, 3, t, 2, &plenty, &m, &e), GW_ENODATA);
    assert_non_null(strstr(e.message, "leaves 1"));
    assert_null(m.nodes);
    t[0].max_nodes = 0;
    t[1].max_nodes = NONE;
    m = find(pods, 3, t, 2);
    assert_int_equal(m.cost, 9000000);
    gw_mix_free(&m);
}

static void limits_force_a_better_division(void **state)
{
    GW_UNUSED(state);
    /* two nodes of 10 and no more; 5 + 5 and 6 + 4, whatever greedy begins with */
    gw_mix_pod pods[] = {pod(6000, 1, 0, 0), pod(5000, 1, 0, 0), pod(5000, 1, 0, 0), pod(4000, 1, 0, 0)};
    gw_mix_type t[] = {type("m", 10000, 1024, 0, 1000000)};
    t[0].max_nodes = 2;
    gw_mix m = find(pods, 4, t, 1);
    assert_int_equal(m.n_nodes, 2);
    gw_mix_free(&m);
}

static void places_gpus(void **state)
{
    GW_UNUSED(state);
    /* 600 + 400, 700 + 300, and a whole one on three GPUs; 600 + 300 and 700 + 400 would not do */
    gw_mix_pod pods[] = {pod(1, 1, 1, 600), pod(1, 1, 1, 700), pod(1, 1, 1, 300), pod(1, 1, 1, 400),
                         pod(1, 1, 1, 1000)};
    gw_mix m = find(pods, 5, (const gw_mix_type[]){type("three", 1000, 1000, 3, 1000000)}, 1);
    assert_int_equal(m.n_nodes, 1);
    uint64_t at[5] = {0};
    for (size_t i = 0; i < 5; i++)
        at[m.places[i].pod] = m.places[i].gpus;
    assert_int_equal(at[0], at[3]);
    assert_int_equal(at[1], at[2]);
    assert_int_equal(at[0] | at[1] | at[4], 7);
    gw_mix_free(&m);
    /* half a GPU's milli each: a fraction of 600 does not fit, a whole one neither */
    gw_mix_type half = type("half", 1000, 1000, 2, 1000000);
    half.gpu_milli_each = 500;
    assert_int_equal(gw_mix_find(pods, 1, &half, 1, &plenty, &m, &e), GW_ENODATA);
    assert_int_equal(gw_mix_find(pods + 4, 1, &half, 1, &plenty, &m, &e), GW_ENODATA);
    gw_mix_pod small = pod(1, 1, 1, 500);
    m = find(&small, 1, &half, 1);
    assert_int_equal(m.n_nodes, 1);
    gw_mix_free(&m);
    /* all 64 GPUs of a node, for one pod and for 64 */
    gw_mix_pod all = pod(1, 1, 64, 1000);
    gw_mix_type wide = type("wide", 1000, 1000, 64, 1000000);
    m = find(&all, 1, &wide, 1);
    assert_true(m.places[0].gpus == UINT64_MAX);
    gw_mix_free(&m);
    gw_mix_pod many[64];
    for (size_t i = 0; i < 64; i++)
        many[i] = pod(1, 1, 1, 1000);
    m = find(many, 64, &wide, 1);
    assert_int_equal(m.n_nodes, 1);
    gw_mix_free(&m);
}

/* ---- what is asked may be little, or wrong ---- */

static void degenerate(void **state)
{
    GW_UNUSED(state);
    const gw_mix_type t[] = {type("m", 8000, 65536, 1, 1000000)};
    gw_mix m = find(NULL, 0, t, 1);
    assert_int_equal(m.cost, 0);
    assert_int_equal(m.n_nodes, 0);
    gw_mix_free(&m);
    /* pods that ask for nothing still need a node */
    gw_mix_pod nothing[] = {pod(0, 0, 0, 0), pod(0, 0, 0, 0)};
    m = find(nothing, 2, t, 1);
    assert_int_equal(m.cost, 1000000);
    gw_mix_free(&m);
    /* a node for nothing, and one that holds nothing */
    gw_mix_pod one = pod(4000, 1024, 0, 0);
    const gw_mix_type odd[] = {type("empty", 0, 0, 0, 1), type("free", 4000, 1024, 0, 0), t[0]};
    m = find(&one, 1, odd, 3);
    assert_int_equal(m.cost, 0);
    gw_mix_free(&m);
    /* one that is reserved away */
    gw_mix_type gone = t[0];
    gone.reserve_cpu_milli = 9000;
    assert_int_equal(gw_mix_find(&one, 1, &gone, 1, &plenty, &m, &e), GW_ENODATA);
    /* the largest there can be */
    gw_mix_pod huge = pod(GW_MIX_CPU_MAX, GW_MIX_MEMORY_MAX, 1, 1);
    gw_mix_type vast = type("vast", GW_MIX_CPU_MAX, GW_MIX_MEMORY_MAX, 64, GW_MIX_PRICE_MAX);
    vast.gpu_milli_each = GW_MIX_GPU_EACH_MAX;
    m = find(&huge, 1, &vast, 1);
    assert_int_equal(m.cost, GW_MIX_PRICE_MAX);
    assert_int_equal(m.bound, GW_MIX_PRICE_MAX);
    gw_mix_free(&m);
}

static void refuse(gw_mix_pod p, gw_mix_type t, int code, const char *text)
{
    gw_mix m = {.cost = 77};
    memset(&e, 0, sizeof(e));
    assert_int_equal(gw_mix_find(&p, 1, &t, 1, &plenty, &m, &e), code);
    assert_int_equal(m.cost, 77);
    if (!strstr(e.message, text))
        fail_msg("\"%s\" is not in \"%s\"", text, e.message);
}

static void refuses(void **state)
{
    GW_UNUSED(state);
    const gw_mix_pod p = pod(1000, 1024, 1, 500);
    const gw_mix_type t = type("name", 8000, 65536, 1, 1000000);
    gw_mix_pod q = p;
    gw_mix_type u = t;
    gw_mix m = {0};
    refuse((q.cpu_milli = -1, q), t, GW_EUSAGE, "pod 0");
    q = p;
    refuse((q.memory_mib = GW_MIX_MEMORY_MAX + 1, q), t, GW_EUSAGE, "memory");
    q = p;
    refuse((q.gpus = 65, q), t, GW_EUSAGE, "GPUs");
    refuse((q.gpus = 2, q), t, GW_EUSAGE, "whole");
    refuse((q.gpus = 0, q), t, GW_EUSAGE, "milli");
    q = p;
    refuse((q.gpu_milli = 1001, q), t, GW_EUSAGE, "milli");
    q = p;
    refuse((q.cpu_milli = 8001, q), t, GW_ENODATA, "8001 milli CPU");
    q = p;
    refuse((q.types = 2, q), t, GW_ENODATA, "it allows");
    refuse(p, (u.hourly = -1, u), GW_EUSAGE, "(name): the price");
    refuse(p, (u.hourly = GW_MICRO_UNKNOWN, u), GW_EUSAGE, "price");
    u = t;
    refuse(p, (u.gpus = -1, u), GW_EUSAGE, "GPUs");
    u = t;
    refuse(p, (u.reserve_memory_mib = -1, u), GW_EUSAGE, "reserved");
    u = t;
    refuse(p, (u.max_nodes = -2, u), GW_EUSAGE, "limit");
    u = t;
    refuse(p, (u.gpu_milli_each = GW_MIX_GPU_EACH_MAX + 1, u), GW_EUSAGE, "milli");
    assert_int_equal(gw_mix_find(&p, 1, &t, 0, &plenty, &m, &e), GW_EUSAGE);
    static gw_mix_type many[GW_MIX_TYPES_MAX + 1];
    for (size_t i = 0; i <= GW_MIX_TYPES_MAX; i++)
        many[i] = t;
    assert_int_equal(gw_mix_find(&p, 1, many, GW_MIX_TYPES_MAX + 1, &plenty, &m, &e), GW_ELIMIT);
    m = find(&p, 1, many, GW_MIX_TYPES_MAX);
    assert_int_equal(m.cost, 1000000);
    gw_mix_free(&m);
}

/* ---- many pods ---- */

static gw_mix_pod cluster_pod(void)
{
    static const int64_t cpu[] = {2000, 3152, 8000, 11300, 15700};
    static const int32_t milli[] = {1000, 1000, 810, 470, 230};
    return pod(cpu[draw(5)], 8192 + draw(2) * 16384, 1, milli[draw(5)]);
}

static const gw_mix_type sizes[] = {
    {"xlarge", 4000, 16384, 1, 1000, 1006000, 0, 0, NONE},
    {"2xlarge", 8000, 32768, 1, 1000, 1212000, 0, 0, NONE},
    {"4xlarge", 16000, 65536, 1, 1000, 1624000, 0, 0, NONE},
    {"8xlarge", 32000, 131072, 1, 1000, 2448000, 0, 0, NONE},
    {"12xlarge", 48000, 196608, 4, 1000, 5672000, 0, 0, NONE},
    {"48xlarge", 192000, 786432, 8, 1000, 16288000, 0, 0, NONE},
};

static void random_clusters(void **state)
{
    GW_UNUSED(state);
    gw_mix_pod pods[60];
    seed = 11;
    for (int i = 0; i < 2; i++) {
        size_t n = 40 + (size_t)draw(20);
        for (size_t k = 0; k < n; k++)
            pods[k] = i == 1 && k % 3 == 0 ? pod(1000 * (1 + draw(4)), 2048, 0, 0) : cluster_pod();
        gw_mix m = find(pods, n, sizes, GW_COUNT(sizes));
        assert_true(m.bound <= m.cost && m.cost <= m.greedy_cost);
        assert_true(m.cost - m.bound < m.bound / 25);
        assert_false(m.cut_short);
        gw_mix again = find(pods, n, sizes, GW_COUNT(sizes));
        assert_int_equal(again.n_nodes, m.n_nodes);
        assert_int_equal(again.bound, m.bound);
        assert_memory_equal(again.nodes, m.nodes, m.n_nodes * sizeof(*m.nodes));
        for (size_t k = 0; k < n; k++)
            assert_true(again.places[k].pod == m.places[k].pod && again.places[k].gpus == m.places[k].gpus);
        gw_mix_free(&again);
        gw_mix_free(&m);
    }
}

/* More kinds than the linear program takes: merged. */
static void merges_kinds(void **state)
{
    GW_UNUSED(state);
    static gw_mix_pod pods[500];
    seed = 13;
    for (size_t k = 0; k < 500; k++) {
        pods[k] = cluster_pod();
        pods[k].cpu_milli += draw(1000);
        pods[k].memory_mib += draw(1000);
    }
    const gw_mix_options o = {.budget_ms = 2000};
    gw_mix m = {0};
    assert_int_equal(gw_mix_find(pods, 500, sizes, GW_COUNT(sizes), &o, &m, &e), 0);
    assert_int_equal(gw_mix_check(pods, 500, sizes, GW_COUNT(sizes), &m, &e), 0);
    assert_true(m.n_kinds > 400);
    assert_true(m.bound > m.cost / 2);
    gw_mix_free(&m);
}

typedef struct heard {
    gw_micro cost, bound;
    int64_t ms;
    int times;
} heard;

static void hear(void *ctx, int64_t ms, gw_micro cost, gw_micro bound, gw_mix_method method)
{
    heard *h = ctx;
    assert_true(h->times == 0 || (cost <= h->cost && bound >= h->bound && ms >= h->ms));
    assert_true(h->times == 0 || cost < h->cost || bound > h->bound);
    assert_true(h->times > 0 || method == GW_MIX_GREEDY);
    *h = (heard){cost, bound, ms, h->times + 1};
}

static int64_t ticking(void *ctx)
{
    return (*(int64_t *)ctx)++;
}

static void tells_and_stops(void **state)
{
    GW_UNUSED(state);
    gw_mix_pod pods[30];
    heard h = {0};
    int64_t now = 1000000;
    seed = 17;
    for (size_t k = 0; k < 30; k++)
        pods[k] = cluster_pod();
    gw_mix m = {0};
    gw_mix_options o = {.budget_ms = 60000, .progress = hear, .progress_ctx = &h};
    assert_int_equal(gw_mix_find(pods, 30, sizes, GW_COUNT(sizes), &o, &m, &e), 0);
    assert_int_equal(h.cost, m.cost);
    assert_int_equal(h.bound, m.bound);
    gw_micro best = m.cost;
    gw_mix_free(&m);
    /* a clock on which the budget is over after one, two, ... looks: there is always an answer */
    for (int64_t budget = 0; budget < 40; budget += 3) {
        o = (gw_mix_options){.budget_ms = budget, .clock = ticking, .clock_ctx = &now};
        assert_int_equal(gw_mix_find(pods, 30, sizes, GW_COUNT(sizes), &o, &m, &e), 0);
        assert_int_equal(gw_mix_check(pods, 30, sizes, GW_COUNT(sizes), &m, &e), 0);
        assert_true(m.cost >= best && m.cut_short);
        gw_mix_free(&m);
    }
    o = (gw_mix_options){.budget_ms = 60000, .greedy_only = true};
    assert_int_equal(gw_mix_find(pods, 30, sizes, GW_COUNT(sizes), &o, &m, &e), 0);
    assert_int_equal(m.method, GW_MIX_GREEDY);
    assert_string_equal(gw_mix_method_name(m.method), "greedy");
    assert_int_equal(m.cost, m.greedy_cost);
    assert_false(m.cut_short);
    assert_true(m.bound > 0 && m.bound <= best);
    gw_mix_free(&m);
}

/* ---- the checker finds what is wrong ---- */

static void expect_wrong(const gw_mix_pod *pods, size_t n, const gw_mix_type *t, size_t n_types,
                         const gw_mix *m, const char *text)
{
    memset(&e, 0, sizeof(e));
    assert_int_equal(gw_mix_check(pods, n, t, n_types, m, &e), GW_EINTERNAL);
    if (!strstr(e.message, text))
        fail_msg("\"%s\" is not in \"%s\"", text, e.message);
}

static void checker_objects(void **state)
{
    GW_UNUSED(state);
    gw_mix_pod pods[] = {pod(2000, 100, 1, 600), pod(2000, 100, 1, 400), pod(1000, 100, 1, 1000),
                         pod(1000, 100, 0, 0)};
    gw_mix_type t[] = {type("two", 6000, 400, 2, 1000000), type("none", 6000, 400, 0, 100000)};
    gw_mix_node nodes[] = {{0, 0, 4}, {1, 0, 0}};
    gw_mix_place places[] = {{0, 1}, {1, 1}, {2, 2}, {3, 0}};
    gw_mix m = {.nodes = nodes,
                .n_nodes = 1,
                .places = places,
                .n_places = 4,
                .cost = 1000000,
                .bound = 1000000,
                .greedy_cost = 1000000};
    assert_int_equal(gw_mix_check(pods, 4, t, 2, &m, &e), 0);
    places[1].gpus = 2; /* on the GPU that the third has alone */
    expect_wrong(pods, 4, t, 2, &m, "alone");
    places[1].gpus = 4;
    expect_wrong(pods, 4, t, 2, &m, "no such GPU");
    places[1].gpus = 3;
    expect_wrong(pods, 4, t, 2, &m, "another number");
    places[1] = (gw_mix_place){0, 1};
    expect_wrong(pods, 4, t, 2, &m, "somewhere else");
    places[1] = (gw_mix_place){1, 1};
    pods[1].gpu_milli = 401;
    expect_wrong(pods, 4, t, 2, &m, "too many");
    pods[1].gpu_milli = 400;
    pods[3].cpu_milli = 1001;
    expect_wrong(pods, 4, t, 2, &m, "CPU");
    pods[3].cpu_milli = 1000;
    t[0].reserve_memory_mib = 1;
    expect_wrong(pods, 4, t, 2, &m, "memory");
    t[0].reserve_memory_mib = 0;
    pods[3].types = 2;
    expect_wrong(pods, 4, t, 2, &m, "does not allow");
    pods[3].types = ANY;
    t[0].max_nodes = 0;
    expect_wrong(pods, 4, t, 2, &m, "so many of its type");
    t[0].max_nodes = NONE;
    t[0].gpu_milli_each = 999;
    expect_wrong(pods, 4, t, 2, &m, "a GPU is");
    t[0].gpu_milli_each = 1000;
    nodes[0].n = 3;
    expect_wrong(pods, 4, t, 2, &m, "3 of 4 pods");
    nodes[0].n = 5;
    expect_wrong(pods, 4, t, 2, &m, "not of this mix");
    nodes[0].n = 4;
    m.n_nodes = 2;
    expect_wrong(pods, 4, t, 2, &m, "empty");
    m.n_nodes = 1;
    m.bound = 1000001;
    expect_wrong(pods, 4, t, 2, &m, "bound");
    m.bound = 0;
    m.cost = 999999;
    expect_wrong(pods, 4, t, 2, &m, "says");
}

/* ---- the parts ---- */

/* The most that pods of these values come to on one node, by trying every number of each kind. */
static int64_t dearest(const gw_mix_model *m, size_t shape, const gw_mix_type *t, const int64_t *value,
                       const int64_t *limit, size_t k, gw_mix_pod *pods, size_t n)
{
    if (k == m->n_kinds)
        return 0;
    int64_t best = dearest(m, shape, t, value, limit, k + 1, pods, n);
    for (int64_t times = 1; times <= limit[k]; times++) {
        const gw_mix_kind *kind = &m->kinds[k];
        pods[n++] = (gw_mix_pod){kind->cpu, kind->memory, kind->gpus, kind->milli, kind->types};
        if (n > 12 || !set_fits(pods, (1U << n) - 1, t, shape))
            break;
        best = GW_MAX(best, times * value[k] + dearest(m, shape, t, value, limit, k + 1, pods, n));
    }
    return best;
}

/* Random kinds and values: what the pricing proves holds, what it finds is there, and it seldom gives up. */
static void prices_exactly(void **state)
{
    GW_UNUSED(state);
    int proven = 0, cases = 200;
    seed = 19;
    for (int i = 0; i < cases; i++) {
        gw_mix_pod pods[6], scratch[16];
        uint32_t kind_of[6];
        gw_mix_model m;
        gw_mix_pricer *p = NULL;
        gw_mix_pool pool;
        gw_mix_priced got;
        int64_t value[6], limit[6];
        gw_mix_type t =
            type("t", 4000 + draw(7) * 1000, 4096 + draw(7) * 1024, 3 + (int32_t)draw(2), 1000000);
        for (size_t k = 0; k < 6; k++)
            pods[k] = random_pod();
        assert_int_equal(gw_mix_model_init(&m, pods, 6, &t, 1, kind_of, &e), 0);
        for (size_t k = 0; k < m.n_kinds; k++) {
            value[k] = draw(1000000);
            limit[k] = draw(4);
        }
        gw_mix_pool_init(&pool);
        assert_int_equal(gw_mix_pricer_new(&m, &p), 0);
        int64_t best = dearest(&m, 0, &t, value, limit, 0, scratch, 0);
        int64_t above = draw(2) ? 0 : best + draw(5) - 2;
        above = GW_MAX(above, INT64_C(0));
        assert_int_equal(gw_mix_price(p, 0, value, limit, above, 1000000, false, &pool, &got), 0);
        assert_true(got.upper >= GW_MIN(best, GW_MAX(best, above)));
        assert_true(got.best <= best);
        assert_true(gw_mix_price_relaxed(p, 0, value, limit, 0) >= best);
        if (got.proven) {
            proven++;
            assert_int_equal(GW_MAX(got.best, above), GW_MAX(best, above));
        }
        for (size_t k = 0; k < got.n_found; k++) {
            const gw_mix_column *c = &pool.columns[got.found[k]];
            int64_t worth = 0;
            for (uint32_t u = 0; u < c->n_uses; u++) {
                worth += c->uses[u].n * value[c->uses[u].kind];
                assert_true(c->uses[u].n <= limit[c->uses[u].kind]);
            }
            assert_true(worth > above && worth <= got.best);
        }
        /* without limits there is more to choose from */
        gw_mix_priced free_of_limits;
        assert_int_equal(gw_mix_price(p, 0, value, limit, above, 1000000, true, &pool, &free_of_limits), 0);
        assert_true(free_of_limits.upper >= best || free_of_limits.upper >= above);
        assert_true(!free_of_limits.proven || GW_MAX(free_of_limits.best, above) >= GW_MAX(best, above));
        gw_mix_pricer_free(p);
        gw_mix_pool_free(&pool);
        gw_mix_model_free(&m);
    }
    assert_true(proven >= cases * 95 / 100);
}

static void bounds_exactly(void **state)
{
    GW_UNUSED(state);
    gw_mix_kind kinds[] = {{.demand = 10}, {.demand = 4}};
    gw_mix_shape shapes[] = {{.cost = 100, .max_nodes = NONE}, {.cost = 90, .max_nodes = 2}};
    gw_mix_model m = {.kinds = kinds, .n_kinds = 2, .shapes = shapes, .n_shapes = 2};
    const int64_t value[] = {30, 7};
    /* no type holds more than it costs: 10 * 30 + 4 * 7 */
    assert_int_equal(gw_mix_bound(&m, value, (const int64_t[]){100, 90}), 328);
    /* the first may hold 120: all values times 100 / 120, 273.3; then the second holds 100 * 100 / 120 = 83 <
     * 90 */
    assert_int_equal(gw_mix_bound(&m, value, (const int64_t[]){120, 100}), 273);
    /* the limited one may hold 95: 5 more than it costs, twice */
    assert_int_equal(gw_mix_bound(&m, value, (const int64_t[]){100, 95}), 318);
    /* so much that nothing is left */
    assert_int_equal(gw_mix_bound(&m, value, (const int64_t[]){100, 400}), 0);
    /* two micro-dollars to the unit's eight: 328 / 8 = 41, and prices that are multiples of 25 / 8: rounded
     * up */
    m.unit_shift = 1;
    shapes[0].cost = 50 << 1;
    shapes[1].cost = 35 << 1;
    assert_int_equal(gw_mix_bound_micro(&m, 328), 165); /* 164, in steps of 5 */
    assert_int_equal(gw_mix_bound_micro(&m, 329), 165); /* 164.5 */
    assert_int_equal(gw_mix_bound_micro(&m, 331), 170); /* 165.5 */
    assert_int_equal(gw_mix_bound_micro(&m, 0), 0);
}

/* Three groups of kinds, which cannot be mixed; split until nothing is to be gained. */
static void merges_downwards(void **state)
{
    GW_UNUSED(state);
    const gw_mix_pod pods[] = {pod(1000, 100, 1, 300),  pod(1100, 90, 1, 310), pod(5000, 100, 1, 300),
                               pod(1000, 100, 1, 1000), pod(1000, 100, 0, 0),  pod(2000, 300, 0, 0)};
    const gw_mix_type t[] = {type("t", 10000, 1000, 2, 1)};
    uint32_t kind_of[6], group_of[6];
    gw_mix_model m, few, same;
    assert_int_equal(gw_mix_model_init(&m, pods, 6, t, 1, kind_of, &e), 0);
    assert_int_equal(m.n_kinds, 6);
    assert_int_equal(gw_mix_model_merge(&few, &m, 3, group_of), 0);
    assert_int_equal(few.n_kinds, 3);
    const gw_mix_kind *g = &few.kinds[group_of[kind_of[1]]];
    assert_int_equal(g->cpu, 1000); /* the least of everything */
    assert_int_equal(g->memory, 90);
    assert_int_equal(g->milli, 300);
    assert_int_equal(g->demand, 3);
    assert_int_equal(group_of[kind_of[0]], group_of[kind_of[2]]);
    assert_int_equal(few.kinds[group_of[kind_of[4]]].demand, 2);
    assert_int_equal(gw_mix_model_merge(&same, &m, 100, group_of), 0);
    assert_int_equal(same.n_kinds, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(same.kinds[group_of[kind_of[i]]].cpu, pods[i].cpu_milli);
    gw_mix_model_free(&same);
    gw_mix_model_free(&few);
    gw_mix_model_free(&m);
}

/* ---- memory ---- */

static void survives_want_of_memory(void **state)
{
    GW_UNUSED(state);
    gw_mix_pod pods[20];
    int64_t live = gw_mem_live(), now = 0;
    uint64_t n = 0;
    seed = 23;
    for (size_t k = 0; k < 20; k++)
        pods[k] = cluster_pod();
    pods[5] = pod(1000, 1024, 0, 0);
    /* so many looks at the clock are enough to reach every step of the work */
    const gw_mix_options o = {.budget_ms = 600, .clock = ticking, .clock_ctx = &now};
    for (int rc = GW_ENOMEM; rc;) {
        gw_mix m = {0};
        gw_mem_fail_at(++n);
        rc = gw_mix_find(pods, 20, sizes, GW_COUNT(sizes), &o, &m, &e);
        gw_mem_fail_at(0);
        if (rc)
            assert_int_equal(rc, GW_ENOMEM);
        else
            assert_int_equal(m.method, GW_MIX_IMPROVED);
        gw_mix_free(&m);
        assert_int_equal(gw_mem_live(), live);
        n += n / 16; /* there are many thousands */
    }
    assert_true(n > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_exhaustive_search),
        cmocka_unit_test(fills_nodes),
        cmocka_unit_test(rounds_the_bound_to_what_nodes_can_cost),
        cmocka_unit_test(chooses_between_types),
        cmocka_unit_test(keeps_what_is_reserved),
        cmocka_unit_test(honours_types_and_limits),
        cmocka_unit_test(limits_force_a_better_division),
        cmocka_unit_test(places_gpus),
        cmocka_unit_test(degenerate),
        cmocka_unit_test(refuses),
        cmocka_unit_test(random_clusters),
        cmocka_unit_test(merges_kinds),
        cmocka_unit_test(tells_and_stops),
        cmocka_unit_test(checker_objects),
        cmocka_unit_test(prices_exactly),
        cmocka_unit_test(bounds_exactly),
        cmocka_unit_test(merges_downwards),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
