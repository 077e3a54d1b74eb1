/* The order of work; each step is a file of its own. */
#include "allocate/mix_internal.h"

#include <stdlib.h>

#define KINDS_EXACT    400 /* more are merged for the linear program */
#define KINDS_LIMITS   256 /* up to so many, columns are kept within the number of pods there are */
#define ROUNDS         8   /* of the linear program between two reports */
#define STEPS          20000
#define STEPS_PROOF    2000000
#define ROUNDS_PERCENT 40    /* of the budget, for columns and proof */
#define NEAR_ENOUGH    10000 /* planning ends where the gap is one part in so many */
#define ROUNDS_DIVE    6
#define STEPS_DIVE     4000
#define ROUNDS_PROPER  60

typedef struct work {
    gw_mix_model model;
    gw_mix_pool pool;
    gw_mix_plan plan;
    gw_mix_watch watch;
    uint32_t *kind_of;
    int64_t *value; /* of kinds, from the linear program, or as greedy has it */
    gw_micro bound;
} work;

const char *gw_mix_method_name(gw_mix_method m)
{
    static const char *const names[] = {"greedy", "rounded", "improved"};
    return (size_t)m < GW_COUNT(names) ? names[m] : "?";
}

/* ---- the clock ---- */

int64_t gw_mix_elapsed_ms(const gw_mix_watch *w)
{
    return w->clock(w->options->clock_ctx) - w->start_ms;
}

bool gw_mix_late(const gw_mix_watch *w)
{
    return gw_mix_elapsed_ms(w) >= w->options->budget_ms;
}

void gw_mix_tell(gw_mix_watch *w, gw_micro cost, gw_micro bound, gw_mix_method method)
{
    bool news = (cost && (w->cost == 0 || cost < w->cost)) || bound > w->bound;
    if (cost)
        w->cost = w->cost ? GW_MIN(w->cost, cost) : cost;
    w->bound = GW_MAX(w->bound, bound);
    if (news && w->cost && w->options->progress)
        w->options->progress(w->options->progress_ctx, gw_mix_elapsed_ms(w), w->cost, w->bound, method);
}

static void tell_plan(work *w)
{
    if (w->plan.unplaced == 0)
        gw_mix_tell(&w->watch, w->plan.cost >> w->model.unit_shift, 0, w->plan.method);
}

static void tell_bound(work *w, int64_t units)
{
    w->bound = GW_MAX(w->bound, gw_mix_bound_micro(&w->model, units));
    gw_mix_tell(&w->watch, 0, w->bound, w->plan.method);
}

static bool optimal(const work *w)
{
    return w->plan.unplaced == 0 && w->plan.cost >> w->model.unit_shift <= w->bound;
}

/* The linear program may have a part of the budget only: the rest is for plans. */
static bool late_for_rounds(const work *w)
{
    return gw_mix_elapsed_ms(&w->watch) >= w->watch.options->budget_ms / 100 * ROUNDS_PERCENT;
}

/* ---- the steps ---- */

static int plan_greedily(work *w)
{
    int rc = gw_mix_greedy(&w->model, &w->pool, &w->plan);
    if (rc == 0)
        tell_plan(w);
    return rc;
}

/* Values as greedy has them, and types as mix_relax.h bounds them. */
static int bound_plainly(work *w)
{
    const gw_mix_model *m = &w->model;
    int64_t upper[GW_MIX_TYPES_MAX];
    gw_mix_pricer *p = NULL;
    double *worth = gw_calloc(GW_MAX(m->n_kinds, (size_t)1), sizeof(*worth));
    int64_t *limit = gw_calloc(GW_MAX(m->n_kinds, (size_t)1), sizeof(*limit));
    int rc = worth && limit ? gw_mix_pricer_new(m, &p) : GW_ENOMEM;
    if (rc == 0) {
        gw_mix_appraise(m, worth);
        for (size_t k = 0; k < m->n_kinds; k++) {
            w->value[k] = (int64_t)worth[k];
            limit[k] = m->kinds[k].demand;
        }
        for (uint32_t t = 0; t < m->n_shapes; t++)
            upper[t] = gw_mix_price_relaxed(p, t, w->value, limit, m->shapes[t].cost);
        tell_bound(w, gw_mix_bound(m, w->value, upper));
    }
    gw_mix_pricer_free(p);
    gw_free(worth);
    gw_free(limit);
    return rc;
}

/* Adds columns until none is missing, or until none is found. */
static int generate(work *w, const gw_mix_model *m, gw_mix_master *s, int64_t steps_proof)
{
    const gw_mix_effort effort = {ROUNDS, STEPS, steps_proof, m->n_kinds > KINDS_LIMITS, &w->watch};
    gw_mix_lp lp = {0};
    int rc = 0;
    while (rc == 0 && !lp.closed && !lp.stalled && !late_for_rounds(w)) {
        rc = gw_mix_master_generate(s, &effort);
        gw_mix_master_look(s, &lp);
        tell_bound(w, lp.bound);
    }
    return rc;
}

static int begin(gw_mix_master *s, const gw_mix_plan *plan)
{
    int rc = 0;
    gw_mix_master_add_exchanges(s);
    for (size_t i = 0; i < plan->n && rc == 0; i++)
        rc = gw_mix_master_add(s, plan->parts[i].column);
    return rc;
}

static int round_off(work *w, gw_mix_master *s)
{
    const gw_mix_effort proper = {ROUNDS_PROPER, STEPS_DIVE, 0, false, &w->watch};
    const gw_mix_effort dive = {ROUNDS_DIVE, STEPS_DIVE, 0, false, &w->watch};
    gw_mix_plan plan = {0};
    gw_mix_master_drop_exchanges(s);
    int rc = gw_mix_master_generate(s, &proper);
    if (rc == 0)
        rc = gw_mix_round(&w->model, &w->pool, s, &dive, &plan);
    if (rc == 0 && gw_mix_plan_better(&plan, &w->plan))
        rc = gw_mix_plan_copy(&w->plan, &plan);
    if (rc == 0)
        tell_plan(w);
    gw_mix_plan_free(&plan);
    return rc;
}

/* Failure of CLP, or want of time, leaves what there is. */
static int forgive(int rc)
{
    return rc == GW_EINTERNAL || rc == GW_ETIMEOUT ? 0 : rc;
}

/* A plan early, from the columns that are found easily; then the proof, which may take much longer. */
static int solve_exactly(work *w)
{
    gw_mix_master *s = NULL;
    int rc = gw_mix_master_new(&w->model, &w->pool, &s);
    if (rc == 0)
        rc = begin(s, &w->plan);
    if (rc == 0)
        rc = generate(w, &w->model, s, 0);
    if (rc == 0)
        gw_mix_master_values(s, w->value);
    if (rc == 0 && !optimal(w))
        rc = round_off(w, s);
    if (rc == 0 && !optimal(w)) {
        gw_mix_master_restart(s);
        rc = generate(w, &w->model, s, STEPS_PROOF);
    }
    if (rc == 0)
        gw_mix_master_values(s, w->value);
    gw_mix_master_free(s);
    return forgive(rc);
}

/* Too many kinds for the linear program: merged ones give a bound, and values. */
static int solve_merged(work *w)
{
    gw_mix_model m;
    gw_mix_pool pool;
    gw_mix_plan plan = {0};
    gw_mix_master *s = NULL;
    uint32_t *group_of = gw_calloc(w->model.n_kinds, sizeof(*group_of));
    if (!group_of)
        return GW_ENOMEM;
    int rc = gw_mix_model_merge(&m, &w->model, KINDS_EXACT, group_of);
    if (rc) {
        gw_free(group_of);
        return rc;
    }
    gw_mix_pool_init(&pool);
    int64_t *value = gw_calloc(m.n_kinds, sizeof(*value));
    rc = value ? gw_mix_greedy(&m, &pool, &plan) : GW_ENOMEM;
    if (rc == 0)
        rc = gw_mix_master_new(&m, &pool, &s);
    if (rc == 0)
        rc = begin(s, &plan);
    if (rc == 0)
        rc = generate(w, &m, s, STEPS_PROOF);
    if (rc == 0) {
        gw_mix_master_values(s, value);
        for (size_t k = 0; k < w->model.n_kinds; k++)
            w->value[k] = value[group_of[k]];
    }
    gw_mix_master_free(s);
    gw_mix_plan_free(&plan);
    gw_mix_pool_free(&pool);
    gw_mix_model_free(&m);
    gw_free(value);
    gw_free(group_of);
    return forgive(rc);
}

static int solve(work *w)
{
    int rc = bound_plainly(w);
    if (rc || w->watch.options->greedy_only || w->model.n_kinds == 0)
        return rc;
    rc = w->model.n_kinds > KINDS_EXACT ? solve_merged(w) : solve_exactly(w);
    if (rc == 0 && !optimal(w))
        rc = gw_mix_improve(&w->model, &w->pool, w->value, w->bound + w->bound / NEAR_ENOUGH, &w->watch,
                            &w->plan);
    return rc;
}

/* ---- the answer ---- */

static int by_type(const void *va, const void *vb)
{
    const gw_mix_node *a = va, *b = vb;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

/* The pods of each kind, in the order of pods: next[k] is where the next one of kind k stands in list. */
static void queue_pods(const work *w, size_t n_pods, uint32_t *list, uint32_t *next)
{
    uint32_t at = 0;
    for (size_t k = 0; k < w->model.n_kinds; k++) {
        next[k] = at;
        at += (uint32_t)w->model.kinds[k].demand;
    }
    for (uint32_t i = 0; i < n_pods; i++)
        list[next[w->kind_of[i]]++] = i;
    for (size_t k = 0; k < w->model.n_kinds; k++)
        next[k] -= (uint32_t)w->model.kinds[k].demand;
}

static void write_node(const work *w, const gw_mix_column *c, const uint32_t *list, uint32_t *next,
                       gw_mix *ret)
{
    gw_mix_node *node = &ret->nodes[ret->n_nodes++];
    *node = (gw_mix_node){c->type, (uint32_t)ret->n_places, 0};
    for (uint32_t i = 0; i < c->n_items; i++) {
        const gw_mix_item *item = &c->items[i];
        int32_t gpus = w->model.kinds[item->kind].gpus;
        uint64_t mask = gpus == 64 ? UINT64_MAX : ((UINT64_C(1) << gpus) - 1) << GW_MAX(item->gpu, 0);
        for (uint32_t j = 0; j < item->n; j++)
            ret->places[ret->n_places++] = (gw_mix_place){list[next[item->kind]++], mask};
    }
    node->n = (uint32_t)ret->n_places - node->first;
}

static int write_down(const work *w, size_t n_pods, gw_mix *ret)
{
    size_t nodes = 0;
    for (size_t i = 0; i < w->plan.n; i++)
        nodes += (size_t)w->plan.parts[i].times;
    uint32_t *list = gw_calloc(GW_MAX(n_pods, (size_t)1), sizeof(*list));
    uint32_t *next = gw_calloc(GW_MAX(w->model.n_kinds, (size_t)1), sizeof(*next));
    ret->nodes = gw_calloc(GW_MAX(nodes, (size_t)1), sizeof(*ret->nodes));
    ret->places = gw_calloc(GW_MAX(n_pods, (size_t)1), sizeof(*ret->places));
    bool ok = list && next && ret->nodes && ret->places;
    if (ok) {
        queue_pods(w, n_pods, list, next);
        for (size_t i = 0; i < w->plan.n; i++)
            for (int64_t j = 0; j < w->plan.parts[i].times; j++)
                write_node(w, &w->pool.columns[w->plan.parts[i].column], list, next, ret);
        qsort(ret->nodes, ret->n_nodes, sizeof(*ret->nodes), by_type);
    }
    gw_free(list);
    gw_free(next);
    return ok ? 0 : GW_ENOMEM;
}

static int find(work *w, const gw_mix_pod *pods, size_t n_pods, const gw_mix_type *types, size_t n_types,
                gw_mix *ret, gw_error *e)
{
    w->kind_of = gw_calloc(GW_MAX(n_pods, (size_t)1), sizeof(*w->kind_of));
    if (!w->kind_of)
        return gw_fail_memory(e);
    int rc = gw_mix_model_init(&w->model, pods, n_pods, types, n_types, w->kind_of, e);
    if (rc)
        return rc;
    w->value = gw_calloc(GW_MAX(w->model.n_kinds, (size_t)1), sizeof(*w->value));
    rc = w->value ? plan_greedily(w) : GW_ENOMEM;
    ret->greedy_ms = gw_mix_elapsed_ms(&w->watch);
    ret->greedy_cost = w->plan.unplaced ? INT64_MAX : w->plan.cost >> w->model.unit_shift;
    if (rc == 0)
        rc = solve(w);
    if (rc == 0 && w->plan.unplaced)
        return gw_fail(e, GW_ENODATA,
                       "no mix was found that leaves no pod without a node; the best leaves %" PRId64
                       ": allow more nodes of some type",
                       w->plan.unplaced);
    if (rc == 0)
        rc = write_down(w, n_pods, ret);
    if (rc == GW_ELIMIT)
        return gw_fail(e, rc, "the plan needs more columns than %zu", GW_MIX_COLUMNS_MAX);
    if (rc)
        return gw_fail_memory(e);
    ret->n_kinds = w->model.n_kinds;
    ret->cost = w->plan.cost >> w->model.unit_shift;
    ret->bound = w->bound;
    ret->method = w->plan.method;
    ret->elapsed_ms = gw_mix_elapsed_ms(&w->watch);
    ret->cut_short = !w->watch.options->greedy_only && gw_mix_late(&w->watch) && !optimal(w);
    return 0;
}

int gw_mix_find(const gw_mix_pod *pods, size_t n_pods, const gw_mix_type *types, size_t n_types,
                const gw_mix_options *o, gw_mix *ret, gw_error *e)
{
    work w = {.watch = {.options = o, .clock = o->clock ? o->clock : gw_clock_monotonic}};
    gw_mix m = {0};
    w.watch.start_ms = w.watch.clock(o->clock_ctx);
    gw_mix_pool_init(&w.pool);
    int rc = find(&w, pods, n_pods, types, n_types, &m, e);
    gw_mix_plan_free(&w.plan);
    gw_mix_pool_free(&w.pool);
    gw_mix_model_free(&w.model);
    gw_free(w.value);
    gw_free(w.kind_of);
    if (rc)
        gw_mix_free(&m);
    else
        *ret = m;
    return rc;
}

void gw_mix_free(gw_mix *m)
{
    gw_free(m->nodes);
    gw_free(m->places);
    memset(m, 0, sizeof(*m));
}
