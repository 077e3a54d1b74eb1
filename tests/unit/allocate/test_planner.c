/*
 * Plans over random fleets, against a checker that knows nothing of the planner: it carries the chosen
 * actions out step by step on plain arrays, and looks after every step whether something is twice in one
 * place, on a node that would not take it, or gone. The generator keeps the truth of each pod (what it must
 * have, where it may go) in fields of its own.
 */
#include "gw_test.h"

#include <math.h>

#include "allocate/mig.h"
#include "allocate/planner.h"
#include "attribute/ledger.h"
#include "fleet/rules.h"

#define HOURS     24
#define MAX_NODES 14
#define MAX_PODS  120
#define GPUS      8

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

/* ---- the truth ---- */

typedef struct node_truth {
    int gpus, model, pool, hourly; /* dollars */
    bool tainted, keep, cordoned;
    int64_t cpu, memory; /* free */
    uint32_t gpu[GPUS];
    int held[GPUS];
    bool gone;
} node_truth;

typedef struct pod_truth {
    int node, gpus, ns, app, pool; /* pool: -1 any */
    bool tolerates, stays, lonely, budgeted, daemon;
    int gang; /* -1 */
    int64_t cpu, memory;
    double p95, peak; /* of a board; MiB */
    gw_seat seat[GPUS];
} pod_truth;

typedef struct scene {
    gw_fleet fleet;
    gw_usage usage;
    gw_price_list *prices;
    gw_price_book book;
    gw_ledger ledger;
    gw_ownership ownership;
    gw_policy *policy;
    node_truth node[MAX_NODES];
    pod_truth pod[MAX_PODS];
    struct {
        uint32_t was, gpu; /* a board that pods used which have ended */
        bool known;        /* their rules are */
    } past[MAX_NODES * GPUS];
    int nodes, pods, pasts;
    int calm; /* 1 + model: one namespace, small pods, one model of GPU; 0: anything */
    gw_workload_class class[MAX_PODS];
} scene;

static const char *const models[] = {"NVIDIA A100-SXM4-80GB", "NVIDIA L4"};
static const int64_t board_mib[] = {81920, 23034};
static const char *const spaces[] = {"ads", "search", "research"};
static const char *const stages[] = {"dev", "prod", "dev"};

static gw_str text(const char *s)
{
    return gw_str_of(s);
}

static void add_node(scene *s, int i)
{
    gw_error e = {0};
    char name[32], number[32];
    node_truth *t = &s->node[i];
    *t = (node_truth){.gpus = 1 << below(4),
                      .model = s->calm ? s->calm - 1 : below(4) == 0,
                      .pool = (int)below(2),
                      .hourly = 1 + (int)below(30),
                      .tainted = below(2),
                      .keep = below(12) == 0,
                      .cordoned = below(12) == 0};
    snprintf(name, sizeof(name), "node-%02d", i);
    uint32_t at = gw_fleet_node(&s->fleet, text(name), &e);
    gw_node *n = &s->fleet.nodes[at];
    assert_int_equal(at, i);
    n->seen = s->usage.window;
    n->gpu_count = t->gpus;
    n->gpu_memory_mib = board_mib[t->model];
    n->gpu_product = gw_fleet_intern(&s->fleet, text(models[t->model]));
    n->cpu_milli = t->cpu = 8000 + 4000 * (int64_t)below(12);
    n->memory_mib = t->memory = 65536 + 16384 * (int64_t)below(12);
    n->max_pods = 110;
    n->replicas = 1;
    n->in_api = n->rules_known = true;
    n->schedulable = !t->cordoned;
    n->keep = t->keep ? "it has an annotation" : NULL;
    assert_int_equal(gw_fleet_label(&s->fleet, &n->labels, text("pool"), text(t->pool ? "b" : "a"), true), 0);
    assert_int_equal(gw_fleet_label(&s->fleet, &n->labels, text("kubernetes.io/hostname"), text(name), true),
                     0);
    if (t->tainted) {
        n->taints = gw_arena_alloc(&s->fleet.rule_parts, sizeof(gw_taint));
        n->taints[0] = (gw_taint){"gpu", "yes", GW_TAINT_NO_SCHEDULE};
        n->n_taints = 1;
    }
    for (int g = 0; g < t->gpus; g++) {
        snprintf(number, sizeof(number), "GPU-%02d-%d", i, g);
        uint32_t gpu = gw_fleet_gpu(&s->fleet, text(number), &e);
        gw_gpu *x = &s->fleet.gpus[gpu];
        x->node = at;
        x->index = g;
        x->model = n->gpu_product;
        x->memory_mib = n->gpu_memory_mib;
        x->seen = s->usage.window;
        t->gpu[g] = gpu;
        assert_true(gw_fleet_unit(&s->fleet, gpu, at, text(""), text(""), &e) != GW_NONE);
    }
}

static void hold(scene *s, uint32_t pod, uint32_t gpu, const pod_truth *t)
{
    gw_error e = {0};
    uint32_t unit = gw_fleet_unit(&s->fleet, gpu, s->fleet.gpus[gpu].node, text(""), text(""), &e);
    uint32_t h = gw_usage_hold(&s->usage, unit, pod);
    double ms = (double)gw_interval_ms(s->usage.window);
    gw_stats *st = &s->usage.holds[h].stats;
    st->allocated = st->known = ms;
    st->used = ms * t->p95 / 2;
    st->compute = (gw_quantity){st->used, ms, t->p95};
    st->memory_mib = (gw_quantity){t->peak * ms, ms, t->peak};
    st->memory = (gw_quantity){t->peak * ms / (double)s->fleet.gpus[gpu].memory_mib, ms,
                               t->peak / (double)s->fleet.gpus[gpu].memory_mib};
    st->compute_hist = gw_calloc(1, sizeof(gw_hist));
    st->compute_hist->bin[(int)ceil(t->p95 * GW_HIST_BINS) - 1] = (float)ms;
    st->states[GW_STATE_LOW_LOW] = ms;
    st->first_ms = s->usage.window.start_ms;
    st->end_ms = s->usage.window.end_ms;
}

static uint32_t rules_of(scene *s, const pod_truth *t)
{
    gw_error e = {0};
    char app[16], gang[32];
    const char *apps[1] = {app}, *pools[1] = {t->pool ? "b" : "a"}, *ns[1] = {spaces[t->ns]};
    snprintf(app, sizeof(app), "app-%d", t->app);
    snprintf(gang, sizeof(gang), "%s/gang-%d", spaces[t->ns], t->gang);
    gw_match in_pool = {.key = "pool", .op = GW_MATCH_IN, .values = pools, .n = 1};
    gw_match is_app = {.key = "app", .op = GW_MATCH_IN, .values = apps, .n = 1};
    gw_toleration tolerate = {.key = "gpu", .any_effect = true};
    gw_pod_term alone = {.selector = {.all = &is_app, .n = 1},
                         .topology_key = "kubernetes.io/hostname",
                         .namespaces = ns,
                         .n_namespaces = 1};
    gw_pod_rules r = {.scheduler = "default-scheduler",
                      .node_selector = {.all = &in_pool, .n = t->pool >= 0},
                      .tolerations = &tolerate,
                      .n_tolerations = t->tolerates,
                      .anti_affinity = &alone,
                      .n_anti_affinity = t->lonely,
                      .gang = t->gang >= 0 ? gang : NULL,
                      .daemon = t->daemon,
                      .stays = t->stays ? "it has an annotation" : NULL};
    uint32_t at = gw_fleet_rules(&s->fleet, &r, &e);
    assert_true(at != GW_NONE);
    return at;
}

static bool app_is_on(const scene *s, int ns, int app, int node, int but)
{
    for (int i = 0; i < s->pods; i++) {
        if (i != but && s->pod[i].node == node && s->pod[i].ns == ns && s->pod[i].app == app)
            return true;
    }
    return false;
}

static bool lonely_app(const scene *s, int ns, int app)
{
    for (int i = 0; i < s->pods; i++) {
        if (s->pod[i].ns == ns && s->pod[i].app == app && s->pod[i].lonely)
            return true;
    }
    return false;
}

static void add_pod(scene *s, int gang)
{
    gw_error e = {0};
    char name[32], app[16], owner[32];
    int node = (int)below((uint32_t)s->nodes);
    node_truth *n = &s->node[node];
    pod_truth t = {.node = node,
                   .gpus = below(5) == 0   ? 0
                           : below(6) == 0 ? 2
                                           : 1,
                   .ns = s->calm ? 0 : (int)below(3),
                   .app = (int)below(6),
                   .pool = below(4) == 0 ? n->pool : -1,
                   .tolerates = n->tainted || below(2),
                   .stays = below(10) == 0,
                   .daemon = below(12) == 0,
                   .gang = gang,
                   .cpu = 500 + 500 * (int64_t)below(8),
                   .memory = 1024 * (int64_t)(1 + below(12)),
                   .p95 = 0.01 * (1 + below(s->calm ? 25 : 90)),
                   .peak = (double)board_mib[n->model] * 0.01 * (1 + below(s->calm ? 40 : 90))};
    int free_gpus = 0, got = 0;
    for (int g = 0; g < n->gpus; g++)
        free_gpus += !n->held[g];
    if (t.daemon) {
        t.gpus = 0;
        t.gang = -1;
    }
    t.lonely = !app_is_on(s, t.ns, t.app, node, -1) && below(4) == 0;
    if (s->pods == MAX_PODS || t.gpus > free_gpus || t.cpu > n->cpu || t.memory > n->memory ||
        (lonely_app(s, t.ns, t.app) && app_is_on(s, t.ns, t.app, node, -1)))
        return;
    if (t.ns == 2 && t.app == 0)
        t.budgeted = true;
    snprintf(name, sizeof(name), "pod-%03d", s->pods);
    snprintf(app, sizeof(app), "app-%d", t.app);
    snprintf(owner, sizeof(owner), "app-%d", t.app);
    uint32_t at = gw_fleet_pod(&s->fleet, text(spaces[t.ns]), text(name), &e);
    assert_int_equal(at, s->pods);
    uint32_t rules = rules_of(s, &t);
    gw_pod *p = &s->fleet.pods[at];
    p->node = (uint32_t)node;
    p->phase = GW_PHASE_RUNNING;
    p->in_api = true;
    p->rules = rules;
    p->cpu_request_milli = t.cpu;
    p->memory_request_mib = t.memory;
    p->resource = t.gpus ? GW_RESOURCE_GPU : GW_RESOURCE_NONE;
    p->gpus = t.gpus;
    p->workload_kind = gw_fleet_intern(&s->fleet, text("Deployment"));
    p->workload_name = gw_fleet_intern(&s->fleet, text(owner));
    assert_int_equal(gw_fleet_label(&s->fleet, &p->labels, text("app"), text(app), true), 0);
    assert_int_equal(gw_fleet_label(&s->fleet, &p->labels, text("environment"), text(stages[t.ns]), true), 0);
    for (int g = 0; g < n->gpus && got < t.gpus; g++) {
        if (n->held[g])
            continue;
        n->held[g] = 1;
        t.seat[got++] = (gw_seat){.gpu = n->gpu[g], .form = GW_FORM_WHOLE, .parts = 1, .share = 1};
        hold(s, at, n->gpu[g], &t);
    }
    s->class[at] = s->calm && s->nodes % 2 ? GW_CLASS_NOTEBOOK : GW_CLASS_INFERENCE;
    n->cpu -= t.cpu;
    n->memory -= t.memory;
    s->pod[s->pods++] = t;
}

/* A job that ended half-way through the window, on a board that nobody holds now. */
static void add_past(scene *s, int node, int g)
{
    gw_error e = {0};
    char name[32];
    pod_truth t = {.node = node, .pool = -1, .tolerates = true, .gang = -1, .p95 = 0.5, .peak = 9000};
    bool known = below(2);
    snprintf(name, sizeof(name), "job-%d-%d", node, g);
    uint32_t rules = known ? rules_of(s, &t) : GW_NONE;
    uint32_t at = gw_fleet_pod(&s->fleet, text("jobs"), text(name), &e);
    gw_pod *p = &s->fleet.pods[at];
    p->node = (uint32_t)node;
    p->phase = GW_PHASE_SUCCEEDED;
    p->rules = rules;
    p->cpu_request_milli = 1000;
    p->memory_request_mib = 1024;
    p->resource = GW_RESOURCE_GPU;
    p->gpus = 1;
    hold(s, at, s->node[node].gpu[g], &t);
    gw_stats *st = &s->usage.holds[s->usage.n_holds - 1].stats;
    double half = st->allocated / 2;
    st->allocated = st->known = st->states[GW_STATE_LOW_LOW] = half;
    st->used = GW_MIN(st->used, half);
    st->end_ms = st->first_ms + (int64_t)half;
    s->node[node].held[g] = 1;
    s->past[s->pasts].was = s->past[s->pasts].gpu = s->node[node].gpu[g];
    s->past[s->pasts++].known = known;
}

static void fill_idle(scene *s)
{
    double ms = (double)gw_interval_ms(s->usage.window);
    assert_int_equal(gw_usage_fit(&s->usage, &s->fleet), 0);
    for (size_t u = 0; u < s->fleet.n_units; u++)
        s->usage.units[u].paid = s->usage.units[u].idle.allocated = ms;
    for (size_t h = 0; h < s->usage.n_holds; h++)
        s->usage.units[s->usage.holds[h].unit].idle.allocated -= s->usage.holds[h].stats.allocated;
}

static void make(scene *s, uint64_t seed)
{
    gw_error e = {0};
    char rows[4096] = "node,hourly_usd\n";
    memset(s, 0, sizeof(*s));
    rng = seed;
    gw_fleet_init(&s->fleet);
    gw_usage_init(&s->usage, (gw_interval){GW_DAY_MS, GW_DAY_MS + HOURS * GW_HOUR_MS},
                  GW_STATE_POLICY_DEFAULT);
    gw_price_book_init(&s->book);
    gw_ledger_init(&s->ledger);
    gw_ownership_defaults(&s->ownership);
    s->fleet.budgets_known = true;
    s->calm = (int)(seed % 3);
    s->nodes = 3 + (int)below(MAX_NODES - 3);
    for (int i = 0; i < s->nodes; i++) {
        add_node(s, i);
        size_t n = strlen(rows);
        snprintf(rows + n, sizeof(rows) - n, "node-%02d,%d\n", i, s->node[i].hourly);
    }
    int wanted = (int)below(70);
    for (int i = 0; i < wanted; i++)
        add_pod(s, below(10) == 0 ? (int)below(3) : -1);
    for (int i = 0; i < s->nodes && seed % 2; i++) {
        for (int g = 0; g < s->node[i].gpus; g++) {
            if (!s->node[i].held[g] && below(5) == 0)
                add_past(s, i, g);
        }
    }
    const char *app[1] = {"app-0"};
    gw_match is = {.key = "app", .op = GW_MATCH_IN, .values = app, .n = 1};
    gw_budget b = {.ns = "research",
                   .name = "never",
                   .selector = {.all = &is, .n = 1},
                   .disruptions_allowed = 0,
                   .current_healthy = 1,
                   .desired_healthy = 1,
                   .expected_pods = 1};
    assert_int_equal(gw_fleet_add_budget(&s->fleet, &b, &e), 0);
    fill_idle(s);
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.no_catalogue = true;
    o.control_plane_hourly = 0;
    assert_int_equal(gw_price_list_new(&o, &s->prices, &e), 0);
    if (gw_price_list_add_text(s->prices, "test", text(rows), &e))
        fail_msg("%s", e.message);
    assert_int_equal(gw_price_fleet(s->prices, &s->fleet, &s->usage, &s->book, &e), 0);
    assert_int_equal(gw_ledger_book(&s->ledger, &s->fleet, &s->usage, &s->book, &e), 0);
    assert_int_equal(gw_policy_new(&s->policy, &e), 0);
}

static void drop(scene *s)
{
    gw_policy_free(s->policy);
    gw_ledger_free(&s->ledger);
    gw_price_book_free(&s->book);
    gw_price_list_free(s->prices);
    gw_usage_free(&s->usage);
    gw_fleet_free(&s->fleet);
}

/* ---- the checker ---- */

typedef struct cut_state {
    gw_form form;
    int parts;
} cut_state;

static int mib_of(const scene *s, uint32_t gpu)
{
    return (int)s->fleet.gpus[gpu].memory_mib;
}

/* Everybody on every board, pair by pair. */
static void check_boards(const scene *s, const cut_state *cut)
{
    for (uint32_t g = 0; g < s->fleet.n_gpus; g++) {
        int on[64], at[64], n = 0;
        double p95 = 0;
        unsigned slots = 0;
        for (int i = 0; i < s->pods; i++) {
            for (int k = 0; k < s->pod[i].gpus; k++) {
                if (s->pod[i].seat[k].gpu == g) {
                    assert_true(n < 64);
                    on[n] = i;
                    at[n++] = k;
                }
            }
        }
        int pasts = 0;
        for (int i = 0; i < s->pasts; i++)
            pasts += s->past[i].gpu == g;
        assert_true(pasts == 0 || n == 0); /* none of them was anybody's who runs now */
        assert_true(pasts <= 1);
        if (n > 1)
            assert_true(cut[g].form != GW_FORM_WHOLE);
        for (int i = 0; i < n; i++) {
            const pod_truth *p = &s->pod[on[i]];
            const gw_seat *x = &p->seat[at[i]];
            assert_int_equal(x->form, cut[g].form);
            if (x->form == GW_FORM_MIG) {
                const gw_mig_board *b;
                assert_int_equal(gw_mig_board_find("A100-80GB", GW_UNKNOWN_COUNT, &b, NULL), 0);
                int q = gw_mig_profile_find(b, text(x->profile));
                assert_true(q != GW_MIG_NONE && (b->profiles[q].starts >> x->start & 1));
                unsigned mine = ((1u << b->profiles[q].size) - 1) << x->start;
                assert_int_equal(slots & mine, 0); /* two things in one slot */
                slots |= mine;
                assert_true(p->peak <= 0.85 * (double)b->profiles[q].memory_mib + 1);
            } else if (x->form != GW_FORM_WHOLE) {
                assert_int_equal(x->parts, cut[g].parts);
                assert_true(n <= x->parts);
                assert_int_equal(p->ns, s->pod[on[0]].ns); /* one tenant */
                assert_true(p->peak <= 0.85 * mib_of(s, g) / x->parts + 1);
                p95 += p->p95;
            }
        }
        if (n > 1 && cut[g].form != GW_FORM_MIG)
            assert_true(p95 <= 0.85 + 0.03); /* each P95 is rounded up to a bin */
    }
}

static void check_pod_on(const scene *s, int i)
{
    const pod_truth *p = &s->pod[i];
    const node_truth *n = &s->node[p->node];
    assert_false(n->gone);
    assert_false(n->cordoned);
    assert_false(p->stays || p->budgeted || p->daemon);
    assert_true(p->pool < 0 || p->pool == n->pool);
    assert_true(p->tolerates || !n->tainted);
    if (lonely_app(s, p->ns, p->app)) {
        for (int k = 0; k < s->pods; k++) {
            const pod_truth *q = &s->pod[k];
            if (k != i && q->node == p->node && q->ns == p->ns && q->app == p->app)
                assert_false(p->lonely || q->lonely);
        }
    }
    for (int k = 0; k < p->gpus; k++)
        assert_int_equal(s->fleet.gpus[p->seat[k].gpu].node, p->node);
}

static size_t pasts_moved;

static void carry_past(scene *s, const gw_move *m)
{
    int at = 0;
    assert_int_equal(m->n_units, 1);
    while (at < s->pasts && s->past[at].was != s->fleet.units[m->units[0]].gpu)
        at++;
    assert_true(at < s->pasts && s->past[at].known);
    assert_int_equal(s->past[at].gpu, m->was[0].gpu);
    assert_int_equal(m->to[0].form, GW_FORM_WHOLE);
    assert_false(s->node[m->node].gone || s->node[m->node].cordoned);
    s->past[at].gpu = m->to[0].gpu;
    pasts_moved++;
}

/* Exports name the units: they must be those that the pod held, also now that the planner's world is gone. */
static bool held(const scene *s, uint32_t pod, uint32_t unit)
{
    for (size_t i = 0; i < s->usage.n_holds; i++) {
        if (s->usage.holds[i].pod == pod && s->usage.holds[i].unit == unit)
            return true;
    }
    return false;
}

static void carry_out(scene *s, const gw_action *a, cut_state *cut)
{
    const gw_change *c = &a->change;
    bool moved[MAX_PODS] = {false};
    for (size_t i = 0; i < c->n_cuts; i++)
        cut[c->cuts[i].gpu] = (cut_state){c->cuts[i].form, c->cuts[i].parts};
    for (size_t i = 0; i < c->n_moves; i++) {
        const gw_move *m = &c->moves[i];
        if (m->pod == GW_NONE) {
            carry_past(s, m);
            continue;
        }
        assert_true(m->pod < (uint32_t)s->pods);
        pod_truth *p = &s->pod[m->pod];
        assert_int_equal(p->node, m->from);
        assert_int_equal(p->gpus, m->n_units);
        for (int k = 0; k < p->gpus; k++) {
            assert_int_equal(p->seat[k].gpu, m->was[k].gpu);
            assert_true(held(s, m->pod, m->units[k]));
            p->seat[k] = m->to[k];
        }
        s->node[p->node].cpu += p->cpu;
        s->node[p->node].memory += p->memory;
        p->node = (int)m->node;
        s->node[p->node].cpu -= p->cpu;
        s->node[p->node].memory -= p->memory;
        assert_true(s->node[p->node].cpu >= 0 && s->node[p->node].memory >= 0); /* on the way, too */
        moved[m->pod] = true;
        if (m->from != m->node)
            check_pod_on(s, (int)m->pod);
    }
    for (size_t i = 0; i < c->n_released; i++) {
        node_truth *n = &s->node[c->released[i]];
        assert_false(n->gone || n->keep);
        n->gone = true;
        for (int k = 0; k < s->pods; k++)
            assert_true(s->pod[k].node != (int)c->released[i] || s->pod[k].daemon);
        for (int k = 0; k < s->pasts; k++)
            assert_int_not_equal(s->fleet.gpus[s->past[k].gpu].node, c->released[i]);
    }
    for (int i = 0; i < s->pods; i++) {
        for (int k = 0; k < s->pods; k++) { /* gangs go together */
            if (s->pod[i].gang >= 0 && s->pod[i].gang == s->pod[k].gang && s->pod[i].ns == s->pod[k].ns)
                assert_int_equal(moved[i], moved[k]);
        }
    }
    check_boards(s, cut);
}

static int plan_of(scene *s, const gw_planner_options *o, gw_plan *plan, gw_error *e)
{
    gw_planner_input in = {.fleet = &s->fleet,
                           .usage = &s->usage,
                           .prices = s->prices,
                           .book = &s->book,
                           .ledger = &s->ledger,
                           .ownership = &s->ownership,
                           .policy = s->policy,
                           .pod_class = s->class};
    return gw_plan_make(&in, o, plan, e);
}

static void print_plan(const gw_plan *p, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < p->n_actions && n < size; i++) {
        const gw_action *a = &p->actions[i];
        n += (size_t)snprintf(out + n, size - n, "%s %s %s %s %" PRId64 " %" PRId64 " %d %zu\n", a->id, a->is,
                              a->should, a->text, a->share.window, a->alone.window, a->chosen,
                              a->change.n_moves);
        for (size_t k = 0; k < a->change.n_moves && n < size; k++)
            n += (size_t)snprintf(out + n, size - n, " %u->%u", a->change.moves[k].pod,
                                  a->change.moves[k].node);
    }
    for (size_t i = 0; i < p->n_held && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s %u %" PRId64 "\n", p->held[i].why, p->held[i].pods,
                              p->held[i].monthly);
}

static void check_money(const scene *s, const gw_plan *p)
{
    gw_micro sum = 0, gone = 0;
    for (size_t i = 0; i < p->n_actions; i++) {
        const gw_action *a = &p->actions[i];
        assert_true(a->alone.window >= 0 && a->share.window >= 0);
        assert_true(a->share.low <= a->share.high);
        sum += a->share.window;
    }
    for (int i = 0; i < s->nodes; i++)
        gone += s->node[i].gone ? s->node[i].hourly * GW_USD * HOURS : 0;
    assert_int_equal(sum, p->saving.window);
    assert_int_equal(p->before.bill - p->after.bill, p->saving.window);
    assert_int_equal(gone, p->saving.window); /* all nodes were there all the time */
    assert_true(gw_cost_balances(&p->before) && gw_cost_balances(&p->after));
}

static size_t taken[GW_N_ACTION_KINDS];

static void test_random_fleets(void **state)
{
    GW_UNUSED(state);
    static char first[1 << 16], second[1 << 16];
    for (uint64_t seed = 1; seed <= 400; seed++) {
        static scene s;
        gw_error e = {0};
        gw_plan plan, again;
        gw_plan_init(&plan);
        gw_plan_init(&again);
        make(&s, seed);
        if (plan_of(&s, NULL, &plan, &e))
            fail_msg("seed %" PRIu64 ": %s", seed, e.message);
        assert_int_equal(plan_of(&s, NULL, &again, &e), 0);
        print_plan(&plan, first, sizeof(first));
        print_plan(&again, second, sizeof(second));
        assert_string_equal(first, second);
        static cut_state cut[MAX_NODES * GPUS];
        memset(cut, 0, sizeof(cut));
        for (size_t i = 0; i < plan.n_actions; i++) {
            if (!plan.actions[i].chosen)
                continue;
            taken[plan.actions[i].kind]++;
            carry_out(&s, &plan.actions[i], cut);
        }
        check_money(&s, &plan);
        gw_plan_free(&plan);
        gw_plan_free(&again);
        drop(&s);
    }
    for (int k = 0; k < GW_N_ACTION_KINDS; k++)
        print_message("%s: %zu\n", gw_action_kind_name((gw_action_kind)k), taken[k]);
    /* the property says something only where plans do something */
    assert_true(taken[GW_ACTION_RELEASE_NODE] > 50);
    assert_true(taken[GW_ACTION_MOVE_CPU_PODS] > 5);
    assert_true(pasts_moved > 20);
    assert_true(taken[GW_ACTION_MIG] > 20);
    assert_true(taken[GW_ACTION_MPS] > 5);
    assert_true(taken[GW_ACTION_TIME_SLICE] > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_fleets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
