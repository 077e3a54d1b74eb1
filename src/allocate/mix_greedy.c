/*
 * Greedy: of every type the node that a simple rule fills, of those the one with the most worth for its
 * money, as often as it goes; again, until every pod has a node.
 *
 * A pod is worth the cheapest share of a node that it takes: price times the largest of its shares of CPU,
 * memory and GPUs. After a pass each pod is charged with what its nodes really cost, in proportion, and the
 * next pass begins with a worth between the two: what leaves room that nobody fills becomes dear and is
 * packed first. (Sequential value correction: Belov and Scheithauer, 2007, for cutting stock.)
 */
#include "allocate/mix_internal.h"

#include <stdlib.h>

#define PASSES     40
#define WORK_MAX   INT64_C(10000000) /* kinds looked at, after which no new pass begins */
#define MISSES_MAX 4096              /* kinds in a row that do not fit, then the node counts as full */
#define MISSES_FEW 256               /* the same where there are very many kinds */
#define KINDS_MANY 8192
#define RULES      2
#define LEARN      0.7 /* how far a worth moves to what was charged, after each pass */

typedef struct filled {
    gw_mix_item *items;
    size_t n, cap;
    double worth;
    bool stale;
} filled;

typedef struct greedy {
    const gw_mix_model *m;
    gw_mix_pool *pool;
    double *worth;   /* of a pod of each kind */
    double *charged; /* what the pods of each kind cost in this pass */
    int64_t *left;   /* pods without a node */
    uint32_t *order; /* [shape][rule]: kinds by what the rule takes first */
    filled *filled;  /* [shape][rule] */
    int64_t nodes[GW_MIX_TYPES_MAX];
    int64_t work;
} greedy;

/* ---- worth ---- */

static double share(const gw_mix_shape *s, const gw_mix_kind *k)
{
    double cpu = s->cpu ? (double)k->cpu / (double)s->cpu : 0;
    double memory = s->memory ? (double)k->memory / (double)s->memory : 0;
    double gpu = 0;
    if (k->gpus)
        gpu = gw_mix_is_fraction(k) ? (double)k->milli / ((double)s->gpus * s->milli)
                                    : (double)k->gpus / s->gpus;
    return GW_MAX(GW_MAX(cpu, memory), gpu);
}

void gw_mix_appraise(const gw_mix_model *m, double *worth)
{
    for (size_t i = 0; i < m->n_kinds; i++) {
        const gw_mix_kind *k = &m->kinds[i];
        double least = 0;
        bool any = false;
        for (size_t t = 0; t < m->n_shapes; t++) {
            const gw_mix_shape *s = &m->shapes[t];
            if (!(k->types >> t & 1))
                continue;
            double cost = (double)s->cost * share(s, k);
            if (!any || cost < least)
                least = cost;
            any = true;
        }
        worth[i] = least + 1; /* what is free must still be placed */
    }
}

/* ---- the order of each rule ---- */

typedef struct ranked {
    double rank;
    uint32_t kind;
} ranked;

static int by_rank(const void *va, const void *vb)
{
    const ranked *a = va, *b = vb;
    if (a->rank != b->rank)
        return a->rank < b->rank ? 1 : -1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* Rule 0: the dearest pod first. Rule 1: the one with the most worth for its share of this type. */
static int sort_orders(greedy *g)
{
    size_t n = g->m->n_kinds;
    ranked *r = gw_malloc(GW_MAX(n, (size_t)1) * sizeof(*r));
    if (!r)
        return GW_ENOMEM;
    for (size_t i = 0; i < g->m->n_shapes * RULES; i++) {
        const gw_mix_shape *s = &g->m->shapes[i / RULES];
        for (uint32_t k = 0; k < n; k++)
            r[k] =
                (ranked){i % RULES == 0 ? g->worth[k] : g->worth[k] / (share(s, &g->m->kinds[k]) + 1e-9), k};
        qsort(r, n, sizeof(*r), by_rank);
        for (uint32_t k = 0; k < n; k++)
            g->order[i * n + k] = r[k].kind;
        g->filled[i].stale = true;
    }
    gw_free(r);
    return 0;
}

/* ---- filling one node ---- */

typedef struct room {
    int64_t cpu, memory;
    int32_t gpus;                        /* opened */
    int32_t free_milli[GW_MIX_GPUS_MAX]; /* of what is opened and shared; 0 of whole ones */
} room;

/* The GPU for a fraction: the fullest that has the room, else a new one; -1: none. */
static int32_t find_gpu(const room *r, const gw_mix_shape *s, int32_t milli)
{
    int32_t best = -1;
    for (int32_t i = 0; i < r->gpus; i++)
        if (r->free_milli[i] >= milli && (best < 0 || r->free_milli[i] < r->free_milli[best]))
            best = i;
    return best >= 0 || r->gpus == s->gpus ? best : r->gpus;
}

static int put(filled *f, uint32_t kind, int32_t gpu, int64_t n)
{
    int rc = gw_grow((void **)&f->items, &f->cap, f->n + 1, sizeof(*f->items), GW_MIX_COLUMNS_MAX);
    if (rc == 0)
        f->items[f->n++] = (gw_mix_item){kind, (uint32_t)n, gpu};
    return rc;
}

/* As many pods of the kind as there is room for; how many, or GW_ENOMEM. */
static int64_t put_all(greedy *g, filled *f, const gw_mix_shape *s, room *r, uint32_t kind)
{
    const gw_mix_kind *k = &g->m->kinds[kind];
    int64_t n = g->left[kind];
    if (k->cpu)
        n = GW_MIN(n, r->cpu / k->cpu);
    if (k->memory)
        n = GW_MIN(n, r->memory / k->memory);
    int64_t done = 0;
    if (k->gpus == 0 && n > 0) {
        if (put(f, kind, -1, n))
            return GW_ENOMEM;
        done = n;
    }
    while (k->gpus && done < n) {
        bool part = gw_mix_is_fraction(k);
        int32_t gpu = part ? find_gpu(r, s, k->milli) : r->gpus + k->gpus <= s->gpus ? r->gpus : -1;
        if (gpu < 0)
            break;
        if (put(f, kind, gpu, 1))
            return GW_ENOMEM;
        if (gpu == r->gpus) {
            for (int32_t i = 0; i < k->gpus; i++)
                r->free_milli[r->gpus++] = part ? s->milli : 0;
        }
        if (part)
            r->free_milli[gpu] -= k->milli;
        done++;
    }
    r->cpu -= done * k->cpu;
    r->memory -= done * k->memory;
    return done;
}

static int fill(greedy *g, size_t at)
{
    size_t t = at / RULES, n = g->m->n_kinds, misses = 0;
    size_t misses_max = n > KINDS_MANY ? MISSES_FEW : MISSES_MAX;
    const gw_mix_shape *s = &g->m->shapes[t];
    filled *f = &g->filled[at];
    room r = {.cpu = s->cpu, .memory = s->memory};
    f->n = 0;
    f->worth = 0;
    f->stale = false;
    for (size_t i = 0; i < n && misses < misses_max; i++) {
        uint32_t kind = g->order[at * n + i];
        g->work++;
        if (g->left[kind] == 0 || !(g->m->kinds[kind].types >> t & 1))
            continue;
        int64_t done = put_all(g, f, s, &r, kind);
        if (done < 0)
            return (int)done;
        misses = done ? 0 : misses + 1;
        f->worth += (double)done * g->worth[kind];
    }
    return 0;
}

/* ---- passes ---- */

/* Takes the node as often as there are pods for it; charges them. */
static int take(greedy *g, size_t at, gw_mix_plan *plan)
{
    const filled *f = &g->filled[at];
    size_t t = at / RULES;
    const gw_mix_shape *s = &g->m->shapes[t];
    uint32_t column;
    int rc = gw_mix_pool_add(g->pool, (uint32_t)t, f->items, f->n, &column, NULL);
    if (rc)
        return rc;
    const gw_mix_column *c = &g->pool->columns[column];
    int64_t times = s->max_nodes == GW_MIX_NO_LIMIT ? INT64_MAX : s->max_nodes - g->nodes[t];
    for (uint32_t i = 0; i < c->n_uses; i++)
        times = GW_MIN(times, g->left[c->uses[i].kind] / c->uses[i].n);
    for (uint32_t i = 0; i < c->n_uses; i++) {
        uint32_t k = c->uses[i].kind;
        double pods = (double)(times * c->uses[i].n);
        g->left[k] -= times * c->uses[i].n;
        g->charged[k] += pods * g->worth[k] * (double)s->cost / f->worth;
    }
    g->nodes[t] += times;
    return gw_mix_plan_add(plan, column, times);
}

static bool is_stale(const greedy *g, const filled *f)
{
    /* items of one kind on several GPUs are several: only together do they say how many are needed */
    for (size_t i = 0; i < f->n && !f->stale; i++) {
        int64_t need = 0;
        for (size_t j = i; j < f->n && f->items[j].kind == f->items[i].kind; j++)
            need += f->items[j].n;
        if (g->left[f->items[i].kind] < need)
            return true;
    }
    return f->stale;
}

static int pass(greedy *g, gw_mix_plan *plan)
{
    const gw_mix_model *m = g->m;
    memset(g->nodes, 0, sizeof(g->nodes));
    memset(g->charged, 0, m->n_kinds * sizeof(*g->charged));
    for (size_t k = 0; k < m->n_kinds; k++)
        g->left[k] = m->kinds[k].demand;
    int rc = sort_orders(g);
    while (rc == 0) {
        size_t best = SIZE_MAX;
        double density = 0;
        for (size_t i = 0; i < m->n_shapes * RULES && rc == 0; i++) {
            const gw_mix_shape *s = &m->shapes[i / RULES];
            filled *f = &g->filled[i];
            if (s->max_nodes != GW_MIX_NO_LIMIT && g->nodes[i / RULES] >= s->max_nodes)
                continue;
            if (is_stale(g, f))
                rc = fill(g, i);
            double d = f->worth / (double)GW_MAX(s->cost, INT64_C(1));
            if (f->n && d > density) {
                density = d;
                best = i;
            }
        }
        if (rc || best == SIZE_MAX)
            break;
        rc = take(g, best, plan);
    }
    return rc ? rc : gw_mix_plan_trim(plan, m, g->pool);
}

static int passes(greedy *g, gw_mix_plan *best)
{
    const gw_mix_model *m = g->m;
    gw_mix_appraise(m, g->worth);
    for (int i = 0; i < PASSES && (i == 0 || g->work < WORK_MAX); i++) {
        gw_mix_plan plan = {.method = GW_MIX_GREEDY};
        int rc = pass(g, &plan);
        if (rc == 0 && (i == 0 || gw_mix_plan_better(&plan, best)))
            rc = gw_mix_plan_copy(best, &plan);
        gw_mix_plan_free(&plan);
        if (rc)
            return rc;
        for (size_t k = 0; k < m->n_kinds; k++)
            g->worth[k] = (1 - LEARN) * g->worth[k] + LEARN * g->charged[k] / (double)m->kinds[k].demand;
    }
    return 0;
}

int gw_mix_greedy(const gw_mix_model *m, gw_mix_pool *pool, gw_mix_plan *plan)
{
    size_t n = GW_MAX(m->n_kinds, (size_t)1), fills = m->n_shapes * RULES;
    greedy g = {.m = m, .pool = pool};
    g.worth = gw_calloc(n, sizeof(*g.worth));
    g.charged = gw_calloc(n, sizeof(*g.charged));
    g.left = gw_calloc(n, sizeof(*g.left));
    g.order = gw_calloc(n * fills, sizeof(*g.order));
    g.filled = gw_calloc(fills, sizeof(*g.filled));
    int rc = GW_ENOMEM;
    if (g.worth && g.charged && g.left && g.order && g.filled)
        rc = passes(&g, plan);
    for (size_t i = 0; g.filled && i < fills; i++)
        gw_free(g.filled[i].items);
    gw_free(g.filled);
    gw_free(g.order);
    gw_free(g.left);
    gw_free(g.charged);
    gw_free(g.worth);
    return rc;
}
