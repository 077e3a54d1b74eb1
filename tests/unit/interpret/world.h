/*
 * A small fleet for judging: a window of 168 h, GPUs of 46,068 MiB at $1 a GPU-hour, built by hand. Every
 * cost follows from hours: a hold of h known hours at mean compute m costs h dollars, of which m·h used and
 * (1 − m)·h wasted. A month of the window's dollars is × 730.5 / 168.
 */
#ifndef GW_TESTS_UNIT_INTERPRET_WORLD_H
#define GW_TESTS_UNIT_INTERPRET_WORLD_H

#include "gw_test.h"

#include "interpret/interpret.h"

#define START_MS ((int64_t)1700000000000)
#define HOURS    168.0
#define H        ((double)GW_HOUR_MS)
#define NODES    16
#define PODS     256

typedef struct world {
    gw_fleet f;
    gw_usage u;
    gw_ledger l;
    gw_price_book b;
    gw_node_price prices[NODES];
    gw_ownership o;
    gw_thresholds t;
    gw_workload_class cls[PODS];
    gw_findings out;
} world;

static inline void world_open(world *w)
{
    gw_interval window = {START_MS, START_MS + (int64_t)(HOURS * H)};
    *w = (world){0};
    gw_fleet_init(&w->f);
    gw_usage_init(&w->u, window, GW_STATE_POLICY_DEFAULT);
    gw_ledger_init(&w->l);
    gw_ownership_defaults(&w->o);
    gw_thresholds_defaults(&w->t);
    gw_findings_init(&w->out);
    w->b.nodes = w->prices;
}

static inline void world_close(world *w)
{
    gw_findings_free(&w->out);
    gw_ledger_free(&w->l);
    gw_usage_free(&w->u);
    gw_fleet_free(&w->f);
}

static inline gw_judge_input world_input(const world *w)
{
    return (gw_judge_input){.fleet = &w->f,
                            .usage = &w->u,
                            .ledger = &w->l,
                            .prices = &w->b,
                            .ownership = &w->o,
                            .pod_class = w->cls,
                            .thresholds = &w->t};
}

static inline void world_judge(world *w)
{
    gw_judge_input in = world_input(w);
    gw_error e = {0};
    assert_int_equal(gw_usage_fit(&w->u, &w->f), 0);
    assert_int_equal(gw_interpret(&in, &w->out, &e), 0);
}

static inline uint32_t world_node(world *w, const char *name, int64_t gpus)
{
    uint32_t i = gw_fleet_node(&w->f, gw_str_of(name), NULL);
    assert_true(i < NODES);
    gw_node *n = &w->f.nodes[i];
    n->gpu_count = gpus;
    n->gpu_memory_mib = 46068;
    n->instance_type = "test.8xlarge";
    n->region = "us-east-1";
    n->capacity = GW_CAPACITY_ON_DEMAND;
    n->schedulable = true;
    n->seen = w->u.window;
    w->prices[i] = (gw_node_price){.hourly = gpus * GW_USD, .gpu_hourly = GW_USD};
    w->b.n_nodes = w->f.n_nodes;
    return i;
}

/* The unit of a whole GPU. */
static inline uint32_t world_gpu(world *w, uint32_t node, const char *uuid, int index)
{
    uint32_t g = gw_fleet_gpu(&w->f, gw_str_of(uuid), NULL);
    w->f.gpus[g].node = node;
    w->f.gpus[g].index = index;
    w->f.gpus[g].model = "NVIDIA L40S";
    w->f.gpus[g].memory_mib = 46068;
    uint32_t u = gw_fleet_unit(&w->f, g, node, gw_str_of(""), gw_str_of(""), NULL);
    assert_int_not_equal(u, GW_NONE);
    assert_int_equal(gw_usage_fit(&w->u, &w->f), 0);
    return u;
}

/* A pod of a controller (kind NULL: a bare pod), labelled with a team and a model so that only a test of
 * labels finds any missing. */
static inline uint32_t world_pod(world *w, const char *ns, const char *name, const char *kind,
                                 const char *owner)
{
    uint32_t i = gw_fleet_pod(&w->f, gw_str_of(ns), gw_str_of(name), NULL);
    assert_true(i < PODS);
    gw_pod *p = &w->f.pods[i];
    p->owner_kind = p->workload_kind = kind;
    p->owner_name = p->workload_name = owner;
    p->phase = GW_PHASE_RUNNING;
    p->active = p->info = w->u.window;
    assert_int_equal(gw_fleet_label(&w->f, &p->labels, gw_str_of("team"), gw_str_of("t"), true), 0);
    assert_int_equal(gw_fleet_label(&w->f, &p->labels, gw_str_of("model"), gw_str_of("m"), true), 0);
    return i;
}

static inline gw_leaf *world_leaf(world *w, uint32_t unit, uint32_t hold)
{
    assert_int_equal(
        gw_grow((void **)&w->l.leaves, &w->l.cap_leaves, w->l.n_leaves + 1, sizeof(gw_leaf), 1000), 0);
    gw_leaf *leaf = &w->l.leaves[w->l.n_leaves++];
    *leaf = (gw_leaf){.node = w->f.units[unit].node, .unit = unit, .hold = hold};
    leaf->cost.priced = true;
    return leaf;
}

static inline gw_micro usd(double d)
{
    return (gw_micro)(d * 1e6 + 0.5);
}

/*
 * The pod holds the unit for `hours` from the window's start, `known` of them covered by samples that average
 * `mean` and reach `peak`; every window has the mean.
 */
static inline gw_hold *world_hold(world *w, uint32_t unit, uint32_t pod, double hours, double known,
                                  double mean, double peak)
{
    uint32_t i = gw_usage_hold(&w->u, unit, pod);
    assert_int_not_equal(i, GW_NONE);
    gw_stats *s = &w->u.holds[i].stats;
    s->allocated = hours * H;
    s->known = s->compute.known = known * H;
    s->used = s->compute.integral = mean * known * H;
    s->states[GW_STATE_UNKNOWN] = hours * H;
    s->first_ms = START_MS;
    s->end_ms = START_MS + (int64_t)(hours * H);
    if (known > 0) {
        s->compute.peak = peak;
        s->window_mean_max = mean;
        s->compute_hist = gw_calloc(1, sizeof(gw_hist));
        assert_non_null(s->compute_hist);
        s->compute_hist->bin[(int)(mean * (GW_HIST_BINS - 1))] = (float)(known * H);
        s->known_windows = known * 12;
        s->active_windows = mean > 0.01 ? known * 12 : 0;
    }
    gw_leaf *leaf = world_leaf(w, unit, i);
    leaf->cost.bill = usd(hours);
    leaf->cost.used = usd(mean * known);
    leaf->cost.wasted = usd(known) - leaf->cost.used;
    leaf->cost.unknown = leaf->cost.bill - usd(known);
    w->u.units[unit].paid += hours * H;
    return &w->u.holds[i];
}

/* Memory as well: its mean and peak share, and the states that go with it and the mean of compute. */
static inline void world_memory(world *w, gw_hold *h, double mean, double peak)
{
    gw_stats *s = &h->stats;
    s->memory = (gw_quantity){mean * s->known, s->known, peak};
    s->memory_mib = (gw_quantity){46068 * mean * s->known, s->known, 46068 * peak};
    bool compute_high = s->used / s->known >= w->u.policy.compute_high,
         memory_high = mean >= w->u.policy.memory_high;
    gw_state state = compute_high ? (memory_high ? GW_STATE_HIGH_HIGH : GW_STATE_HIGH_LOW)
                                  : (memory_high ? GW_STATE_LOW_HIGH : GW_STATE_LOW_LOW);
    s->states[state] = s->known;
    s->states[GW_STATE_UNKNOWN] = s->allocated - s->known;
}

/* Nobody holds the unit for `idle` hours, and for `unknown` hours nobody knows. */
static inline void world_idle(world *w, uint32_t unit, double idle, double unknown)
{
    gw_unit_usage *use = &w->u.units[unit];
    use->idle.allocated = idle * H;
    use->unknown = unknown * H;
    use->paid += (idle + unknown) * H;
    gw_leaf *leaf = world_leaf(w, unit, GW_NONE);
    leaf->cost.bill = usd(idle + unknown);
    leaf->cost.idle = usd(idle);
    leaf->cost.unknown = leaf->cost.bill - leaf->cost.idle;
}

static inline size_t world_count(const world *w, const char *rule)
{
    size_t n = 0;
    for (size_t i = 0; i < w->out.n; i++)
        n += strcmp(w->out.items[i].rule, rule) == 0;
    return n;
}

/* The one finding of the rule. */
static inline const gw_finding *world_finding(const world *w, const char *rule)
{
    const gw_finding *f = NULL;
    assert_int_equal(world_count(w, rule), 1);
    for (size_t i = 0; i < w->out.n; i++) {
        if (strcmp(w->out.items[i].rule, rule) == 0)
            f = &w->out.items[i];
    }
    return f;
}

static inline void assert_near(double a, double b)
{
    double d = a > b ? a - b : b - a, scale = b > 1 ? b : b < -1 ? -b : 1;
    if (d > 1e-6 * scale)
        fail_msg("%.9g is not %.9g", a, b);
}

static inline double number_of(const gw_finding *f, const char *name)
{
    const gw_evidence *v = gw_finding_evidence_of(f, name);
    if (!v || v->kind != GW_EVIDENCE_NUMBER)
        fail_msg("no number %s in a finding of %s", name, f->rule);
    return v->number;
}

static inline const char *text_of(const gw_finding *f, const char *name)
{
    const gw_evidence *v = gw_finding_evidence_of(f, name);
    if (!v || v->kind != GW_EVIDENCE_TEXT)
        fail_msg("no text %s in a finding of %s", name, f->rule);
    return v->text;
}

/* A window's dollars as a month's, in micro-dollars; within one of rounding. */
static inline void assert_monthly(const gw_finding *f, double window_usd)
{
    double month = window_usd * 730.5 / HOURS * 1e6;
    assert_true(f->monthly >= (gw_micro)month - 1 && f->monthly <= (gw_micro)month + 1);
}

static inline void assert_subject(const gw_finding *f, const char *name, const char *value)
{
    const char *v = gw_finding_subject_of(f, name);
    if (!v)
        fail_msg("no subject %s in a finding of %s", name, f->rule);
    assert_string_equal(v, value);
}

#define WORLD_TEST(name)                                                                                     \
    static void name##_in(world *w);                                                                         \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        world w;                                                                                             \
        GW_UNUSED(state);                                                                                    \
        world_open(&w);                                                                                      \
        name##_in(&w);                                                                                       \
        world_close(&w);                                                                                     \
    }                                                                                                        \
    static void name##_in(world *w)

#endif
