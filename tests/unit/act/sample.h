/*
 * A fleet and a plan by hand, with an action of each kind and each way of sharing, for the tests of act/ and
 * for tests/integration/test_plan_manifests.py. Failures end the program: there is nothing to test then.
 *
 *   mig-1    2 × A100 80GB: board 0 whole (Deployment ml/chat), board 1 cut (bare pod ml/probe on 3g.40gb)
 *   time-1   2 × T4, two pods of the StatefulSet dev/notebook
 *   mps-1    1 × L4, a pod of the Deployment ml/embed and one of the ReplicaSet ml/old
 *   kai-1    1 × A10G, two pods of the Deployment ml/kai
 *   hami-1   1 × A10G, a pod of the Rollout ml/hami
 *   idle-1   8 × H100, nothing
 *   cpu-1    4 × T4, a Deployment without GPUs
 *   big-1    8 × A10G, a Job and a CronJob
 */
#ifndef GW_TESTS_UNIT_ACT_SAMPLE_H
#define GW_TESTS_UNIT_ACT_SAMPLE_H

#include "act/export.h"
#include "fleet/rules.h"

#define SAMPLE_CHECK(x)                                                                                      \
    do {                                                                                                     \
        if (!(x)) {                                                                                          \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                          \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

typedef struct sample {
    gw_fleet fleet;
    gw_plan plan;
    gw_price_book book;
    gw_node_price prices[16];
} sample;

static inline gw_str s_(const char *s)
{
    return gw_str_of(s);
}

static inline uint32_t sample_node(gw_fleet *f, const char *name, const char *type, int gpus,
                                   const char *model, int64_t memory_mib)
{
    gw_error e;
    uint32_t n = gw_fleet_node(f, s_(name), &e);
    SAMPLE_CHECK(n != GW_NONE);
    gw_node *node = &f->nodes[n];
    node->instance_type = gw_fleet_intern(f, s_(type));
    node->region = gw_fleet_intern(f, s_("us-east-1"));
    node->zone = gw_fleet_intern(f, s_("us-east-1a"));
    node->provider = GW_PROVIDER_AWS;
    node->capacity = GW_CAPACITY_ON_DEMAND;
    node->gpu_count = gpus;
    node->in_api = node->rules_known = true;
    for (int i = 0; i < gpus; i++) {
        char uuid[64];
        snprintf(uuid, sizeof(uuid), "GPU-%s-%d", name, i);
        uint32_t g = gw_fleet_gpu(f, s_(uuid), &e);
        SAMPLE_CHECK(g != GW_NONE);
        f->gpus[g].node = n;
        f->gpus[g].index = i;
        f->gpus[g].model = gw_fleet_intern(f, s_(model));
        f->gpus[g].memory_mib = memory_mib;
        uint32_t u = gw_fleet_unit(f, g, n, s_(""), s_(""), &e);
        SAMPLE_CHECK(u != GW_NONE);
        f->units[u].node = n;
        f->units[u].memory_mib = memory_mib;
    }
    return n;
}

static inline uint32_t sample_gpu(const gw_fleet *f, const char *node, int i)
{
    char uuid[64];
    snprintf(uuid, sizeof(uuid), "GPU-%s-%d", node, i);
    uint32_t g = gw_map_get(&f->by_uuid, s_(uuid));
    SAMPLE_CHECK(g != GW_NONE);
    return g;
}

static inline uint32_t sample_unit(const gw_fleet *f, uint32_t gpu, const char *profile)
{
    for (uint32_t i = 0; i < f->n_units; i++) {
        if (f->units[i].gpu == gpu && gw_eq(f->units[i].mig_profile, profile))
            return i;
    }
    SAMPLE_CHECK(!"a unit of that kind");
    return 0;
}

static inline uint32_t sample_pod(gw_fleet *f, const char *ns, const char *name, const char *kind,
                                  const char *workload, const char *node, int64_t gpus)
{
    gw_error e;
    uint32_t p = gw_fleet_pod(f, s_(ns), s_(name), &e);
    SAMPLE_CHECK(p != GW_NONE);
    gw_pod *pod = &f->pods[p];
    pod->node = gw_fleet_find_node(f, s_(node));
    pod->phase = GW_PHASE_RUNNING;
    pod->in_api = true;
    pod->resource = gpus ? GW_RESOURCE_GPU : GW_RESOURCE_NONE;
    pod->gpus = gpus;
    if (kind) {
        pod->owner_kind = pod->workload_kind = gw_fleet_intern(f, s_(kind));
        pod->owner_name = pod->workload_name = gw_fleet_intern(f, s_(workload));
    }
    return p;
}

static inline void sample_label(gw_fleet *f, const char *node, const char *name, const char *value)
{
    uint32_t n = gw_fleet_find_node(f, s_(node));
    SAMPLE_CHECK(n != GW_NONE && gw_fleet_label(f, &f->nodes[n].labels, s_(name), s_(value), true) == 0);
}

static inline void sample_fleet(gw_fleet *f)
{
    static gw_taint gpu_taint[] = {{"nvidia.com/gpu", "present", GW_TAINT_NO_SCHEDULE},
                                   {"node.kubernetes.io/unreachable", "", GW_TAINT_NO_EXECUTE}};
    gw_error e;
    gw_fleet_init(f);
    sample_node(f, "mig-1", "p4de.24xlarge", 2, "NVIDIA A100-SXM4-80GB", 81920);
    sample_node(f, "time-1", "g4dn.12xlarge", 2, "Tesla T4", 15360);
    sample_node(f, "mps-1", "g6.xlarge", 1, "NVIDIA L4", 23034);
    sample_node(f, "kai-1", "g5.xlarge", 1, "NVIDIA A10G", 23028);
    sample_node(f, "hami-1", "g5.xlarge", 1, "NVIDIA A10G", 23028);
    sample_node(f, "idle-1", "p5.48xlarge", 8, "NVIDIA H100 80GB HBM3", 81559);
    sample_node(f, "cpu-1", "g4dn.12xlarge", 4, "Tesla T4", 15360);
    uint32_t big = sample_node(f, "big-1", "g5.48xlarge", 8, "NVIDIA A10G", 23028);
    f->nodes[big].taints = gpu_taint;
    f->nodes[big].n_taints = 2;
    f->nodes[gw_fleet_find_node(f, s_("idle-1"))].provider_id = "aws:///us-east-1a/i-0abc123";
    sample_label(f, "mig-1", "nvidia.com/mig.config", "all-1g.10gb");
    sample_label(f, "mig-1", "nvidia.com/mig.strategy", "mixed");
    sample_label(f, "big-1", "karpenter.sh/nodepool", "gpu");
    sample_label(f, "big-1", "karpenter.k8s.aws/ec2nodeclass", "gpu-class");
    sample_label(f, "big-1", "team", "on");             /* YAML 1.1 would read true */
    sample_label(f, "big-1", "example.com/rev", "1e3"); /* and a number */

    uint32_t cut = sample_gpu(f, "mig-1", 1);
    f->gpus[cut].mig = true;
    SAMPLE_CHECK(gw_fleet_unit(f, cut, GW_NONE, s_("3g.40gb"), s_("1"), &e) != GW_NONE);
    SAMPLE_CHECK(gw_fleet_unit(f, cut, GW_NONE, s_("1g.10gb"), s_("9"), &e) != GW_NONE);

    sample_pod(f, "ml", "chat-6c9f7d5b8-abcde", "Deployment", "chat", "mig-1", 1);
    uint32_t probe = sample_pod(f, "ml", "probe", NULL, NULL, "mig-1", 1);
    f->pods[probe].resource = GW_RESOURCE_MIG;
    f->pods[probe].mig_resource = "3g.40gb";
    sample_pod(f, "dev", "notebook-0", "StatefulSet", "notebook", "time-1", 1);
    sample_pod(f, "dev", "notebook-1", "StatefulSet", "notebook", "time-1", 1);
    sample_pod(f, "dev", "notebook-2", "StatefulSet", "notebook", "cpu-1", 1);
    sample_pod(f, "ml", "embed-5d5b8c7f9-x2x2x", "Deployment", "embed", "mps-1", 1);
    sample_pod(f, "ml", "old-abcde", "ReplicaSet", "old", "mps-1", 1);
    sample_pod(f, "ml", "kai-1", "Deployment", "kai", "kai-1", 1);
    sample_pod(f, "ml", "kai-2", "Deployment", "kai", "kai-1", 1);
    sample_pod(f, "ml", "hami-1", "Rollout", "hami", "hami-1", 1);
    sample_pod(f, "web", "shop-1", "Deployment", "shop", "cpu-1", 0);
    sample_pod(f, "ml", "train-1", "Job", "train", "big-1", 4);
    sample_pod(f, "ml", "nightly-1", "CronJob", "nightly", "big-1", 2);
    sample_pod(f, "nvidia", "nvidia-device-plugin-daemonset-xyz", "DaemonSet",
               "nvidia-device-plugin-daemonset", "mig-1", 0);

    gw_budget budget = {.ns = "ml",
                        .name = "chat",
                        .disruptions_allowed = 1,
                        .current_healthy = 1,
                        .desired_healthy = 0,
                        .expected_pods = 1,
                        .max_unavailable = "1"};
    SAMPLE_CHECK(gw_fleet_add_budget(f, &budget, &e) == 0);
    f->budgets_known = true;
}

static inline void *sample_copy(gw_plan *p, const void *from, size_t n)
{
    void *to = gw_arena_alloc(&p->arena, n);
    SAMPLE_CHECK(to != NULL);
    memcpy(to, from, n);
    return to;
}

#define SAMPLE_LIST(p, array, n) sample_copy(p, array, (n) * sizeof((array)[0]))

static inline gw_seat sample_seat(uint32_t gpu, gw_form form, int parts, const char *profile, int start,
                                  double share, int64_t memory_mib)
{
    return (gw_seat){gpu, form, parts, profile, start, share, memory_mib};
}

static inline gw_seat sample_whole(const gw_fleet *f, uint32_t gpu)
{
    return sample_seat(gpu, GW_FORM_WHOLE, 1, NULL, -1, 1, gpu & GW_HIRED ? 23028 : f->gpus[gpu].memory_mib);
}

/* One pod (NULL: a bundle), one board. */
static inline gw_move sample_move(sample *s, const char *ns, const char *pod, uint32_t unit, gw_seat was,
                                  gw_seat to, const char *from, uint32_t node)
{
    uint32_t p = pod ? gw_fleet_find_pod(&s->fleet, s_(ns), s_(pod)) : GW_NONE;
    SAMPLE_CHECK(!pod || p != GW_NONE);
    return (gw_move){.pod = p,
                     .units = SAMPLE_LIST(&s->plan, &unit, 1),
                     .n_units = 1,
                     .was = SAMPLE_LIST(&s->plan, &was, 1),
                     .to = SAMPLE_LIST(&s->plan, &to, 1),
                     .from = gw_fleet_find_node(&s->fleet, s_(from)),
                     .node = node,
                     .restarts = pod != NULL};
}

static inline gw_action *sample_action(sample *s, gw_action_kind kind, const char *id, const char *subject,
                                       const char *is, const char *should)
{
    gw_action *a;
    gw_error e;
    SAMPLE_CHECK(gw_plan_add(&s->plan, kind, &a, &e) == 0);
    a->id = id;
    a->subject = subject;
    a->is = is;
    a->should = should;
    a->text = "Something costs more than it must, by $1,000 a month.";
    a->rule = "bursty: nobody waits for it";
    a->alone = a->share = (gw_saving){100 * GW_USD, 500 * GW_USD, 1000 * GW_USD};
    a->confidence = 0.5;
    a->risk = GW_RISK_MEDIUM;
    a->risk_why = "its pods restart";
    a->blast = (gw_blast){.pods = 1, .workloads = 1, .nodes = 1, .restart_cost = 250000};
    a->evidence[0] = (gw_evidence){"peakMemoryMib", GW_EVIDENCE_NUMBER, 5120, NULL};
    a->evidence[1] = (gw_evidence){"class", GW_EVIDENCE_TEXT, 0, "notebook"};
    a->evidence[2] = (gw_evidence){"replicas", GW_EVIDENCE_UNKNOWN, 0, NULL};
    a->n_evidence = 3;
    a->chosen = true;
    return a;
}

static inline void sample_mig(sample *s)
{
    gw_fleet *f = &s->fleet;
    gw_plan *p = &s->plan;
    uint32_t g0 = sample_gpu(f, "mig-1", 0), g1 = sample_gpu(f, "mig-1", 1);
    uint32_t node = gw_fleet_find_node(f, s_("mig-1"));
    gw_cut cuts[] = {
        {g0, GW_FORM_MIG, GW_VIA_DEVICE_PLUGIN, 1, "3g.40gb@4,1g.10gb@0,1g.10gb@1", NULL},
        {g1, GW_FORM_MIG, GW_VIA_DEVICE_PLUGIN, 1, "3g.40gb@0,2g.20gb@4", "3g.40gb@0*,1g.10gb@4"},
    };
    gw_move moves[] = {
        sample_move(s, "ml", "chat-6c9f7d5b8-abcde", sample_unit(f, g0, NULL), sample_whole(f, g0),
                    sample_seat(g0, GW_FORM_MIG, 1, "1g.10gb", 0, 1.0 / 7, 9728), "mig-1", node),
        sample_move(s, "ml", "probe", sample_unit(f, g1, "3g.40gb"),
                    sample_seat(g1, GW_FORM_MIG, 1, "3g.40gb", 0, 3.0 / 7, 40192),
                    sample_seat(g1, GW_FORM_MIG, 1, "2g.20gb", 4, 2.0 / 7, 19968), "mig-1", node),
    };
    gw_action *a = sample_action(s, GW_ACTION_MIG, "mig/mig-1", "Deployment ml/chat on mig-1", "a whole A100",
                                 "1g.10gb");
    a->change.cuts = SAMPLE_LIST(p, cuts, 2);
    a->change.n_cuts = 2;
    a->change.moves = SAMPLE_LIST(p, moves, 2);
    a->change.n_moves = 2;
    static const char *const needs[] = {"mig-manager runs on mig-1"};
    a->prerequisites = SAMPLE_LIST(p, needs, 1);
    a->n_prerequisites = 1;
}

static inline void sample_time_slice(sample *s)
{
    gw_fleet *f = &s->fleet;
    gw_plan *p = &s->plan;
    uint32_t g0 = sample_gpu(f, "time-1", 0), g1 = sample_gpu(f, "time-1", 1);
    uint32_t node = gw_fleet_find_node(f, s_("time-1"));
    gw_seat to = sample_seat(g0, GW_FORM_TIME_SLICE, 4, NULL, -1, 0.25, 3840);
    gw_cut cuts[] = {{g0, GW_FORM_TIME_SLICE, GW_VIA_DEVICE_PLUGIN, 4, NULL, NULL}};
    gw_move moves[] = {
        sample_move(s, "dev", "notebook-0", sample_unit(f, g0, NULL), sample_whole(f, g0), to, "time-1",
                    node),
        sample_move(s, "dev", "notebook-1", sample_unit(f, g1, NULL), sample_whole(f, g1), to, "time-1",
                    node),
        sample_move(s, NULL, NULL, sample_unit(f, g1, NULL), sample_whole(f, g1), to, "time-1", node),
    };
    gw_action *a = sample_action(s, GW_ACTION_TIME_SLICE, "time-slicing/time-1", "StatefulSet dev/notebook",
                                 "2 whole T4s", "quarters of one T4");
    a->change.cuts = SAMPLE_LIST(p, cuts, 1);
    a->change.n_cuts = 1;
    a->change.moves = SAMPLE_LIST(p, moves, 3);
    a->change.n_moves = 3;
}

static inline void sample_mps(sample *s)
{
    gw_fleet *f = &s->fleet;
    gw_plan *p = &s->plan;
    uint32_t g = sample_gpu(f, "mps-1", 0), node = gw_fleet_find_node(f, s_("mps-1"));
    gw_seat to = sample_seat(g, GW_FORM_MPS, 2, NULL, -1, 0.5, 11517);
    gw_cut cuts[] = {{g, GW_FORM_MPS, GW_VIA_DEVICE_PLUGIN, 2, NULL, NULL}};
    gw_move moves[] = {
        sample_move(s, "ml", "embed-5d5b8c7f9-x2x2x", sample_unit(f, g, NULL), sample_whole(f, g), to,
                    "mps-1", node),
        sample_move(s, "ml", "old-abcde", sample_unit(f, g, NULL), sample_whole(f, g), to, "mps-1", node),
    };
    gw_action *a =
        sample_action(s, GW_ACTION_MPS, "mps/mps-1", "Deployment ml/embed", "a whole L4", "half an L4");
    a->change.cuts = SAMPLE_LIST(p, cuts, 1);
    a->change.n_cuts = 1;
    a->change.moves = SAMPLE_LIST(p, moves, 2);
    a->change.n_moves = 2;
}

/* Both as time-slicing, by what pods ask for. */
static inline void sample_fraction(sample *s, gw_via via)
{
    gw_fleet *f = &s->fleet;
    gw_plan *p = &s->plan;
    bool kai = via == GW_VIA_KAI;
    const char *name = kai ? "kai-1" : "hami-1";
    uint32_t g = sample_gpu(f, name, 0), node = gw_fleet_find_node(f, s_(name));
    gw_seat to = sample_seat(g, GW_FORM_TIME_SLICE, 3, NULL, -1, 1.0 / 3, 7676);
    gw_cut cuts[] = {{g, GW_FORM_TIME_SLICE, via, 3, NULL, NULL}};
    gw_move moves[] = {
        sample_move(s, "ml", kai ? "kai-1" : "hami-1", sample_unit(f, g, NULL), sample_whole(f, g), to, name,
                    node),
        sample_move(s, "ml", kai ? "kai-2" : "hami-1", sample_unit(f, g, NULL), sample_whole(f, g), to, name,
                    node),
    };
    gw_action *a = sample_action(s, GW_ACTION_TIME_SLICE, kai ? "time-slicing/kai-1" : "time-slicing/hami-1",
                                 kai ? "Deployment ml/kai" : "Rollout ml/hami", "a whole A10G", "a third");
    a->change.cuts = SAMPLE_LIST(p, cuts, 1);
    a->change.n_cuts = 1;
    a->change.moves = SAMPLE_LIST(p, moves, kai ? 2 : 1);
    a->change.n_moves = kai ? 2 : 1;
}

static inline void sample_release(sample *s)
{
    uint32_t idle[] = {gw_fleet_find_node(&s->fleet, s_("idle-1"))};
    gw_action *a = sample_action(s, GW_ACTION_RELEASE_NODE, "release-node/idle-1", "node idle-1",
                                 "8 GPUs that nobody asks for", "released");
    a->change.released = SAMPLE_LIST(&s->plan, idle, 1);
    a->change.n_released = 1;
}

static inline void sample_cpu_pods(sample *s)
{
    gw_fleet *f = &s->fleet;
    uint32_t from[] = {gw_fleet_find_node(f, s_("cpu-1"))};
    gw_move moves[] = {{.pod = gw_fleet_find_pod(f, s_("web"), s_("shop-1")),
                        .from = from[0],
                        .node = gw_fleet_find_node(f, s_("time-1")),
                        .restarts = true}};
    gw_action *a = sample_action(s, GW_ACTION_MOVE_CPU_PODS, "move-cpu-pods/cpu-1", "node cpu-1",
                                 "kept alive by 1 pod without GPUs", "released");
    a->change.moves = SAMPLE_LIST(&s->plan, moves, 1);
    a->change.n_moves = 1;
    a->change.released = SAMPLE_LIST(&s->plan, from, 1);
    a->change.n_released = 1;
}

static inline void sample_replace(sample *s)
{
    gw_fleet *f = &s->fleet;
    gw_plan *p = &s->plan;
    uint32_t big[] = {gw_fleet_find_node(f, s_("big-1"))};
    gw_hire hires[3] = {
        {.instance_type = "g5.12xlarge",
         .region = "us-east-1",
         .provider = GW_PROVIDER_AWS,
         .capacity = GW_CAPACITY_ON_DEMAND,
         .hourly = 5672000,
         .gpu = "A10G",
         .like = "big-1",
         .gpus = 4,
         .gpu_memory_mib = 23028,
         .cpu_milli = 47810,
         .memory_mib = 184320},
        {.instance_type = "g5.xlarge",
         .region = "us-east-1",
         .zone = "us-east-1b",
         .provider = GW_PROVIDER_AWS,
         .capacity = GW_CAPACITY_SPOT,
         .hourly = GW_MICRO_UNKNOWN,
         .gpu = "A10G",
         .gpus = 1,
         .gpu_memory_mib = GW_UNKNOWN_COUNT,
         .cpu_milli = GW_UNKNOWN_COUNT,
         .memory_mib = GW_UNKNOWN_COUNT},
    };
    hires[2] = hires[1];
    uint32_t units[4];
    gw_seat was[4], to[4];
    for (int i = 0; i < 4; i++) {
        uint32_t g = sample_gpu(f, "big-1", i);
        units[i] = sample_unit(f, g, NULL);
        was[i] = sample_whole(f, g);
        to[i] = sample_whole(f, GW_HIRED_GPU(0, i));
    }
    gw_move moves[] = {{.pod = gw_fleet_find_pod(f, s_("ml"), s_("train-1")),
                        .units = SAMPLE_LIST(p, units, 4),
                        .n_units = 4,
                        .was = SAMPLE_LIST(p, was, 4),
                        .to = SAMPLE_LIST(p, to, 4),
                        .from = big[0],
                        .node = GW_HIRED_NODE(0),
                        .restarts = true}};
    gw_cut cuts[] = {{GW_HIRED_GPU(1, 0), GW_FORM_TIME_SLICE, GW_VIA_DEVICE_PLUGIN, 2, NULL, NULL}};
    gw_action *a = sample_action(s, GW_ACTION_REPLACE_NODES, "replace-nodes/1", "1 node", "1 × g5.48xlarge",
                                 "1 × g5.12xlarge, 2 × g5.xlarge");
    a->change.hires = SAMPLE_LIST(p, hires, 3);
    a->change.n_hires = 3;
    a->change.cuts = SAMPLE_LIST(p, cuts, 1);
    a->change.n_cuts = 1;
    a->change.moves = SAMPLE_LIST(p, moves, 1);
    a->change.n_moves = 1;
    a->change.released = SAMPLE_LIST(p, big, 1);
    a->change.n_released = 1;
    static const uint32_t after[] = {0};
    a->after = after;
    a->n_after = 1;
}

static inline void sample_resize(sample *s)
{
    gw_resize sizes[] = {
        {"ml", "Deployment", "chat", {16000, 3500}, {65536, 20480}, {GW_UNKNOWN_COUNT, GW_UNKNOWN_COUNT}, 1},
        {"ml", "CronJob", "nightly", {8000, 8000}, {1024, 1536}, {GW_UNKNOWN_COUNT, 10240}, 1},
        {"ml", "Job", "train", {8000, 4000}, {1024, 1024}, {1024, 1024}, 1},
        {"ml", "Pod", "probe", {8000, 4000}, {1024, 1024}, {1024, 1024}, 1},
    };
    gw_action *a = sample_action(s, GW_ACTION_RIGHT_SIZE, "right-size/ml", "4 workloads",
                                 "16 CPUs and 64 GiB", "3.5 CPUs and 20 GiB");
    a->change.resizes = SAMPLE_LIST(&s->plan, sizes, 4);
    a->change.n_resizes = 4;
}

static inline void sample_init(sample *s)
{
    gw_fleet *f = &s->fleet;
    sample_fleet(f);
    gw_plan_init(&s->plan);
    s->plan.window = (gw_interval){INT64_C(1767225600000), INT64_C(1767830400000)}; /* 2026-01-01, 7 days */
    sample_mig(s);
    sample_time_slice(s);
    sample_mps(s);
    sample_fraction(s, GW_VIA_KAI);
    sample_fraction(s, GW_VIA_HAMI);
    sample_release(s);
    sample_cpu_pods(s);
    sample_replace(s);
    sample_resize(s);
    s->plan.saving = (gw_saving){900 * GW_USD, 4500 * GW_USD, 9000 * GW_USD};
    s->plan.before = (gw_cost){.bill = 20000 * GW_USD, .priced = true};
    s->plan.after = (gw_cost){.bill = 19100 * GW_USD, .priced = true};
    gw_price_book_init(&s->book);
    for (size_t i = 0; i < GW_COUNT(s->prices); i++)
        s->prices[i] = (gw_node_price){.hourly = 98320000, .source = "aws list", .as_of = "2025-06-01"};
    s->book.nodes = s->prices;
    s->book.n_nodes = f->n_nodes;
}

static inline gw_export sample_export(const sample *s)
{
    return (gw_export){.fleet = &s->fleet,
                       .plan = &s->plan,
                       .prices = &s->book,
                       .product = "gpuwise 0.0.0",
                       .command = "gpuwise plan --snapshot fleet"};
}

static inline void sample_free(sample *s)
{
    gw_plan_free(&s->plan);
    gw_fleet_free(&s->fleet);
}

#endif
