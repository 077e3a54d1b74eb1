/*
 * Better plans from a plan: groups of nodes are taken out and planned anew, with column generation, diving
 * and CBC on what was on them, which is small enough to be solved nearly to the optimum. Half of a group are
 * nodes that cost more than their pods are worth, by the values of the linear program; the others are any.
 * What is found is kept when it is cheaper.
 */
#include "allocate/mix_internal.h"

#define RANDOM_SEED UINT64_C(0x9e3779b97f4a7c15)
#define WORST_TRIES 8  /* of so many nodes at random the one that wastes most */
#define TRIES_MAX   60 /* in a row that bring nothing */
#define CBC_EVERY   4  /* of these, one in so many is left to CBC where diving brought nothing */
#define CBC_NODES   200
#define CBC_MS      INT64_C(3000) /* the nodes come to their end before this */
#define ROUNDS      40
#define ROUNDS_DIVE 4
#define STEPS       4000

typedef struct improver {
    const gw_mix_model *m;
    gw_mix_pool *pool;
    gw_mix_plan *plan;
    const int64_t *value;
    gw_mix_watch *watch;
    bool with_cbc;
    uint64_t random;
    int64_t *demand;   /* of the pods on the nodes that were taken out */
    uint32_t *part_of; /* kind in the part, of each kind */
    int64_t *out;      /* of each part of the plan: nodes taken out */
    size_t cap_out;
    gw_mix_item *items;
    size_t cap_items;
    int64_t out_cost;
} improver;

static uint64_t draw(improver *v)
{
    v->random ^= v->random << 13;
    v->random ^= v->random >> 7;
    v->random ^= v->random << 17;
    return v->random * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* What a node costs beyond what is on it, for its cost. */
static double waste(const improver *v, uint32_t column)
{
    const gw_mix_column *c = &v->pool->columns[column];
    double cost = (double)v->m->shapes[c->type].cost, worth = 0;
    for (uint32_t i = 0; i < c->n_uses; i++)
        worth += (double)v->value[c->uses[i].kind] * c->uses[i].n;
    return cost > 0 ? (cost - worth) / cost : 0;
}

/* ---- taking out ---- */

static size_t pick(improver *v, bool bad)
{
    size_t best = draw(v) % v->plan->n;
    double most = waste(v, v->plan->parts[best].column);
    for (int i = 1; bad && i < WORST_TRIES; i++) {
        size_t at = draw(v) % v->plan->n;
        double w = waste(v, v->plan->parts[at].column);
        if (v->out[at] < v->plan->parts[at].times &&
            (w > most || v->out[best] == v->plan->parts[best].times)) {
            best = at;
            most = w;
        }
    }
    return best;
}

/* Pods that have no node yet, where types are limited, are part of every part. */
static void add_unplaced(improver *v)
{
    const gw_mix_plan *p = v->plan;
    for (size_t k = 0; k < v->m->n_kinds; k++)
        v->demand[k] = v->m->kinds[k].demand;
    for (size_t i = 0; i < p->n; i++) {
        const gw_mix_column *c = &v->pool->columns[p->parts[i].column];
        for (uint32_t u = 0; u < c->n_uses; u++)
            v->demand[c->uses[u].kind] -= c->uses[u].n * p->parts[i].times;
    }
}

static int take_out(improver *v, size_t nodes)
{
    int rc = gw_grow((void **)&v->out, &v->cap_out, v->plan->n + 1, sizeof(*v->out), GW_MIX_COLUMNS_MAX);
    if (rc)
        return rc;
    memset(v->out, 0, v->plan->n * sizeof(*v->out));
    memset(v->demand, 0, v->m->n_kinds * sizeof(*v->demand));
    if (v->plan->unplaced)
        add_unplaced(v);
    v->out_cost = 0;
    for (size_t i = 0; i < nodes; i++) {
        size_t at = pick(v, i % 2 == 0);
        const gw_mix_column *c = &v->pool->columns[v->plan->parts[at].column];
        if (v->out[at] == v->plan->parts[at].times)
            continue;
        v->out[at]++;
        v->out_cost += v->m->shapes[c->type].cost;
        for (uint32_t u = 0; u < c->n_uses; u++)
            v->demand[c->uses[u].kind] += c->uses[u].n;
    }
    return 0;
}

/* ---- the part ---- */

/* A column of one pool in another, whose kinds are numbered otherwise. */
static int translate(improver *v, const gw_mix_column *c, const uint32_t *kind_of, const gw_mix_kind *parents,
                     gw_mix_pool *to, uint32_t *at)
{
    int rc =
        gw_grow((void **)&v->items, &v->cap_items, c->n_items + 1, sizeof(*v->items), GW_MIX_COLUMNS_MAX);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < c->n_items; i++) {
        v->items[i] = c->items[i];
        v->items[i].kind = kind_of ? kind_of[c->items[i].kind] : parents[c->items[i].kind].parent;
    }
    return gw_mix_pool_add(to, c->type, v->items, c->n_items, at, NULL);
}

/* Puts the part's plan in the place of what was taken out. */
static int put_back(improver *v, const gw_mix_model *part, const gw_mix_pool *pool, const gw_mix_plan *better)
{
    gw_mix_plan plan = {.method = GW_MIX_IMPROVED};
    int rc = 0;
    for (size_t i = 0; i < v->plan->n && rc == 0; i++)
        rc = gw_mix_plan_add(&plan, v->plan->parts[i].column, v->plan->parts[i].times - v->out[i]);
    for (size_t i = 0; i < better->n && rc == 0; i++) {
        uint32_t at = 0;
        rc = translate(v, &pool->columns[better->parts[i].column], NULL, part->kinds, v->pool, &at);
        if (rc == 0)
            rc = gw_mix_plan_add(&plan, at, better->parts[i].times);
    }
    if (rc == 0)
        rc = gw_mix_plan_trim(&plan, v->m, v->pool);
    if (rc == 0 && gw_mix_plan_better(&plan, v->plan))
        rc = gw_mix_plan_copy(v->plan, &plan);
    gw_mix_plan_free(&plan);
    return rc;
}

/* Of limited types the part may have what the nodes that stay leave. */
static void limit_nodes(const improver *v, gw_mix_model *part)
{
    for (size_t i = 0; part->limited && i < v->plan->n; i++) {
        gw_mix_shape *s = &part->shapes[v->pool->columns[v->plan->parts[i].column].type];
        if (s->max_nodes != GW_MIX_NO_LIMIT)
            s->max_nodes -= v->plan->parts[i].times - v->out[i];
    }
}

/* The columns of what was taken out, to begin with. */
static int begin(improver *v, const gw_mix_model *part, gw_mix_pool *pool, gw_mix_master *master)
{
    int rc = 0;
    for (uint32_t i = 0; i < part->n_kinds; i++)
        v->part_of[part->kinds[i].parent] = i;
    for (size_t i = 0; i < v->plan->n && rc == 0; i++) {
        uint32_t at = 0;
        if (v->out[i] == 0)
            continue;
        rc = translate(v, &v->pool->columns[v->plan->parts[i].column], v->part_of, NULL, pool, &at);
        if (rc == 0)
            rc = gw_mix_master_add(master, at);
    }
    return rc;
}

/* Diving, then CBC. */
static int round_part(improver *v, const gw_mix_model *part, gw_mix_pool *pool, gw_mix_master *master)
{
    const gw_mix_effort effort = {ROUNDS_DIVE, STEPS, 0, false, v->watch};
    gw_mix_plan had = {.cost = v->out_cost, .unplaced = v->plan->unplaced}, plan = {0};
    gw_mix_lp lp;
    int64_t left_ms = v->watch->options->budget_ms - gw_mix_elapsed_ms(v->watch);
    int rc = 0;
    if (v->with_cbc) {
        gw_mix_master_look(master, &lp);
        rc = gw_mix_integer(part, pool, &lp, &had, GW_MIN(left_ms, CBC_MS), CBC_NODES, &plan);
        rc = rc == 1 ? put_back(v, part, pool, &plan) : rc;
    } else {
        rc = gw_mix_round(part, pool, master, &effort, &plan);
        if (rc == 0 && gw_mix_plan_better(&plan, &had))
            rc = put_back(v, part, pool, &plan);
    }
    gw_mix_plan_free(&plan);
    return rc;
}

static int plan_part(improver *v, const gw_mix_model *part, gw_mix_pool *pool, gw_mix_master *master)
{
    const gw_mix_effort effort = {ROUNDS, STEPS, 0, false, v->watch};
    gw_mix_lp lp;
    int rc = begin(v, part, pool, master);
    if (rc == 0)
        rc = gw_mix_master_generate(master, &effort);
    gw_mix_master_look(master, &lp);
    if (rc || v->plan->unplaced)
        return rc ? rc : round_part(v, part, pool, master);
    if (gw_mix_bound_micro(part, (int64_t)lp.objective) >= v->out_cost >> part->unit_shift)
        return 0; /* nothing to be had */
    return round_part(v, part, pool, master);
}

static int try_part(improver *v, size_t nodes)
{
    gw_mix_model part;
    gw_mix_pool pool;
    gw_mix_master *master = NULL;
    int rc = take_out(v, nodes);
    if (rc == 0)
        rc = gw_mix_model_cut(&part, v->m, v->demand);
    if (rc)
        return rc;
    limit_nodes(v, &part);
    gw_mix_pool_init(&pool);
    rc = gw_mix_master_new(&part, &pool, &master);
    if (rc == 0)
        rc = plan_part(v, &part, &pool, master);
    gw_mix_master_free(master);
    gw_mix_pool_free(&pool);
    gw_mix_model_free(&part);
    return rc;
}

static int improve(improver *v, gw_micro enough)
{
    static const size_t sizes[] = {20, 20, 12, 32};
    for (int i = 0; i < TRIES_MAX && v->plan->n && !gw_mix_late(v->watch); i++) {
        gw_mix_plan before = {.cost = v->plan->cost, .unplaced = v->plan->unplaced};
        v->with_cbc = i % CBC_EVERY == CBC_EVERY - 1;
        int rc = try_part(v, sizes[(size_t)i % GW_COUNT(sizes)]);
        if (rc == GW_EINTERNAL || rc == GW_ETIMEOUT)
            continue; /* this part stays as it is */
        if (rc)
            return rc;
        if (!gw_mix_plan_better(v->plan, &before))
            continue;
        if (v->plan->unplaced == 0)
            gw_mix_tell(v->watch, v->plan->cost >> v->m->unit_shift, 0, v->plan->method);
        if (v->plan->unplaced == 0 && v->plan->cost >> v->m->unit_shift <= enough)
            return 0;
        i = -1;
    }
    return 0;
}

int gw_mix_improve(const gw_mix_model *m, gw_mix_pool *pool, const int64_t *value, gw_micro enough,
                   gw_mix_watch *watch, gw_mix_plan *plan)
{
    improver v = {.m = m, .pool = pool, .plan = plan, .value = value, .watch = watch, .random = RANDOM_SEED};
    v.demand = gw_calloc(GW_MAX(m->n_kinds, (size_t)1), sizeof(*v.demand));
    v.part_of = gw_calloc(GW_MAX(m->n_kinds, (size_t)1), sizeof(*v.part_of));
    int rc = v.demand && v.part_of ? improve(&v, enough) : GW_ENOMEM;
    gw_free(v.demand);
    gw_free(v.part_of);
    gw_free(v.out);
    gw_free(v.items);
    return rc;
}
