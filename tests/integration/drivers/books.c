/*
 * Fills a store with made-up books, for tests of what reads history.
 * usage: books STORE-URL FROM HOURS [SEED [MISSING]]
 * Two clusters, four nodes each (spot, on demand, of unknown capacity, without a price), four teams, names
 * that want escaping. Every MISSINGth hour is left out. One hour is corrected. Prints the bill of all hours
 * in µ$.
 */
#include <stdio.h>

#include "base/number.h"
#include "store/store.h"

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static const struct {
    const char *name, *type, *region, *capacity, *model;
} nodes[] = {{"n-1", "p4d.24xlarge", "us-east-1", "on-demand", "NVIDIA A100-SXM4-40GB"},
             {"n-2", "g2-standard-4", "us-central1", "spot", "NVIDIA L4"},
             {"n-3", "", "", "unknown", "NVIDIA H100"},
             {"n-4", "", "", "unknown", "Tesla T4"}}; /* has no price */
#define WITHOUT_PRICE 3

static const struct {
    const char *ns, *workload, *pod, *team, *model, *class;
    uint32_t used; /* thousandths, about */
} pods[] = {{"ads", "ranker", "ranker-7c9-x2", "growth", "llama, \"8b\"", "inference", 150},
            {"ads", "<b>train|er", "trainer-0", "growth", "", "training", 800},
            {"research", "notebook", "notebook-0", "", "", "notebook", 20},
            {"search", "embed", "embed-5f-1", "__unallocated__", "e5", "inference", 600},
            {"search", "embed", "embed-5f-2", "=cmd()", "e5", "inference", 450}};

static gw_hour_leaf leaf(gw_leaf_kind kind, const char *cluster, size_t node)
{
    gw_hour_leaf l = {.kind = kind, .node_hourly = GW_MICRO_UNKNOWN};
    for (int d = 0; d < GW_N_LEAF_DIMS; d++)
        l.dim[d] = "";
    l.dim[GW_DIM_CLUSTER] = cluster;
    l.dim[GW_DIM_NAMESPACE] = kind == GW_LEAF_IDLE       ? GW_KEY_IDLE
                              : kind == GW_LEAF_OVERHEAD ? GW_KEY_OVERHEAD
                                                         : "";
    if (node < GW_COUNT(nodes)) {
        l.dim[GW_DIM_NODE] = nodes[node].name;
        l.dim[GW_DIM_INSTANCE_TYPE] = nodes[node].type;
        l.dim[GW_DIM_REGION] = nodes[node].region;
        l.dim[GW_DIM_CAPACITY] = nodes[node].capacity;
        l.dim[GW_DIM_GPU_MODEL] = nodes[node].model;
        l.dim[GW_DIM_GPU] = nodes[node].name;
    }
    return l;
}

static gw_hour_leaf held(const char *cluster, size_t node, size_t pod)
{
    gw_hour_leaf l = leaf(GW_LEAF_HELD, cluster, node);
    int64_t ms = GW_HOUR_MS / (1 + below(3)), known = ms - below(2) * (ms / 10);
    l.dim[GW_DIM_NAMESPACE] = pods[pod].ns;
    l.dim[GW_DIM_WORKLOAD] = pods[pod].workload;
    l.dim[GW_DIM_WORKLOAD_KIND] = "Deployment";
    l.dim[GW_DIM_POD] = pods[pod].pod;
    l.dim[GW_DIM_TEAM] = pods[pod].team;
    l.dim[GW_DIM_MODEL] = pods[pod].model;
    l.dim[GW_DIM_CLASS] = pods[pod].class;
    l.m = (gw_measures){.paid_ms = ms, .allocated_ms = ms, .known_ms = known, .unknown_ms = ms - known};
    l.m.used_ms = known * (pods[pod].used + below(100)) / 1000;
    l.m.state_ms[GW_STATE_LOW_HIGH] = known / 2;
    l.m.state_ms[GW_STATE_LOW_LOW] = known - known / 2;
    if (node == WITHOUT_PRICE) {
        l.m.unpriced_ms = ms;
        return l;
    }
    l.m.used = l.m.used_ms * 11 / 10;
    l.m.wasted = (known - l.m.used_ms) * 11 / 10 + below(7);
    l.m.unknown = l.m.unknown_ms * 11 / 10;
    l.m.bill = l.m.used + l.m.wasted + l.m.unknown;
    return l;
}

static size_t make(const char *cluster, gw_hour_leaf *leaves)
{
    size_t n = 0;
    for (size_t i = 0; i < GW_COUNT(nodes); i++) {
        for (size_t p = 0; p < GW_COUNT(pods); p++)
            if (below(3))
                leaves[n++] = held(cluster, i, p);
        leaves[n] = leaf(GW_LEAF_IDLE, cluster, i);
        leaves[n].m =
            (gw_measures){.paid_ms = GW_HOUR_MS / 3, .idle_ms = GW_HOUR_MS / 3, .idle = 1234567 + below(9)};
        leaves[n].m.bill = leaves[n].m.idle;
        if (i == WITHOUT_PRICE)
            leaves[n].m = (gw_measures){
                .paid_ms = GW_HOUR_MS / 3, .idle_ms = GW_HOUR_MS / 3, .unpriced_ms = GW_HOUR_MS / 3};
        n++;
    }
    leaves[n] = leaf(GW_LEAF_OVERHEAD, cluster, GW_COUNT(nodes));
    leaves[n].m = (gw_measures){.bill = 100000, .overhead = 100000};
    return n + 1;
}

static int fail(const gw_error *e)
{
    fprintf(stderr, "books: %s\n", e->message);
    return 1;
}

static int put(gw_store *s, const char *cluster, int64_t start, const char *reason, gw_micro *bill,
               gw_error *e)
{
    gw_hour_leaf leaves[64];
    gw_put_result r;
    gw_hour h = {
        .cluster = cluster, .start_ms = start, .observed = {start, start + GW_HOUR_MS}, .leaves = leaves};
    h.n_leaves = make(cluster, leaves);
    h.total = gw_hour_sum(&h);
    *bill = h.total.bill;
    return gw_store_put_hour(s, &h, reason, &r, e);
}

int main(int argc, char **argv)
{
    static const char *const clusters[] = {"prod-eu", "prod-us"};
    int64_t from, hours, seed = 1, missing = 0;
    gw_error e = {0};
    gw_store *s = NULL;
    gw_micro total = 0, bill = 0, again;
    char text[GW_MICRO_TEXT_MAX];
    if (argc < 4 || gw_time_parse(argv[2], 0, &from, &e) || !gw_parse_int64(gw_str_of(argv[3]), &hours) ||
        (argc > 4 && !gw_parse_int64(gw_str_of(argv[4]), &seed)) ||
        (argc > 5 && !gw_parse_int64(gw_str_of(argv[5]), &missing))) {
        fprintf(stderr, "usage: books STORE-URL FROM HOURS [SEED [MISSING]]\n");
        return 2;
    }
    gw_store_options o = {.url = argv[1]};
    if (gw_store_open(&o, &s, &e))
        return fail(&e);
    rng = (uint64_t)seed;
    for (int64_t i = 0; i < hours; i++) {
        for (size_t c = 0; c < GW_COUNT(clusters); c++) {
            if (missing && i % missing == missing - 1)
                continue;
            if (put(s, clusters[c], from + i * GW_HOUR_MS, NULL, &bill, &e))
                return fail(&e);
            total += bill;
        }
    }
    /* the first hour of the first cluster once more, with other numbers */
    rng = (uint64_t)seed;
    put(s, clusters[0], from, NULL, &bill, &e); /* the same: nothing happens */
    rng = (uint64_t)seed + 1000;
    if (put(s, clusters[0], from, "late samples", &again, &e))
        return fail(&e);
    total += again - bill;
    gw_store_free(s);
    printf("%s\n", gw_micro_format(total, text));
    return 0;
}
