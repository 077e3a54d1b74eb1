/*
 * The most valuable column of a type: branch and bound around the bound of mix_relax.h.
 *
 * The bound L is what a filling would be worth that loses nothing. Every choice loses something, exactly and
 * additively: a GPU filled with less than the best that one can hold loses the difference; a pod without a
 * GPU that is worth less than what it takes loses -r, one that is worth more and stays out loses r; CPU and
 * memory that stay empty lose their price. A column is worth L minus its losses, so those worth more than a
 * threshold T are those that lose less than L - T, and to list them the searches need only such fillings of
 * one GPU ("units") as lose less than that.
 *
 * L is weak where a pod takes a large part of the node: it counts on one and a third of them. So first it is
 * decided which of the big pods are on the node (at most a handful), and each such case has an L of its own,
 * over what is left of the node, without big pods.
 *
 * The allowance starts at a part of L - T and widens, so that good columns are found before many are looked
 * at. When the search comes to its end for one allowance, no column that it has not found is worth more than
 * L minus that: this is what makes the result a proof.
 */
#include "allocate/mix_price.h"

#define BIG         3 /* a pod that takes more than 1 / BIG of a node is big */
#define CASES       8 /* that may each take all steps */
#define WIDENINGS   4
#define WIDEN_SHIFT 2 /* each allowance is four times the last */

int gw_mix_pricer_new(const gw_mix_model *m, gw_mix_pricer **ret)
{
    size_t kinds = GW_MAX(m->n_kinds, (size_t)1);
    gw_mix_pricer *p = gw_calloc(1, sizeof(*p));
    if (!p)
        return GW_ENOMEM;
    int rc = gw_mix_relax_init(&p->x, m);
    if (rc == 0) {
        p->prices = gw_calloc(m->n_shapes, sizeof(*p->prices));
        p->by_worth = gw_calloc(kinds, sizeof(*p->by_worth));
        p->others = gw_calloc(kinds, sizeof(*p->others));
        p->taken = gw_calloc(kinds, sizeof(*p->taken));
        p->limit = gw_calloc(kinds, sizeof(*p->limit));
        p->bigs = gw_calloc(kinds, sizeof(*p->bigs));
        p->gone = gw_calloc(kinds, sizeof(*p->gone));
        p->at_most = gw_calloc(kinds * (GW_MIX_BIGS + 1), sizeof(*p->at_most));
        if (!p->prices || !p->by_worth || !p->others || !p->taken || !p->limit || !p->bigs || !p->gone ||
            !p->at_most)
            rc = GW_ENOMEM;
    }
    if (rc) {
        gw_mix_pricer_free(p);
        return rc;
    }
    *ret = p;
    return 0;
}

void gw_mix_pricer_free(gw_mix_pricer *p)
{
    if (!p)
        return;
    gw_mix_relax_free(&p->x);
    gw_free(p->prices);
    gw_free(p->units);
    gw_free(p->unit_kinds);
    gw_free(p->unit_cpu);
    gw_free(p->unit_memory);
    gw_free(p->by_worth);
    gw_free(p->others);
    gw_free(p->taken);
    gw_free(p->limit);
    gw_free(p->bigs);
    gw_free(p->gone);
    gw_free(p->at_most);
    for (size_t i = 0; i < GW_MIX_FOUND_MAX; i++)
        gw_free(p->found[i].items);
    gw_free(p);
}

/* ---- one case ---- */

/* Everything that loses less than allowed. True where nothing was left out; then *upper is what no column of
 * the case is worth more than. */
static bool search(gw_mix_pricer *p, int64_t allowed, int64_t *upper)
{
    int64_t top = p->base + p->x.bound, steps = GW_MIN(p->budget, p->budget_case);
    p->allowed = allowed;
    p->cut_short = false;
    p->steps = steps;
    int rc = gw_mix_units_list(p);
    if (rc)
        gw_mix_stop(p, rc);
    bool all_units = !p->cut_short;
    p->budget -= steps - p->steps;
    p->cut_short = p->failed != 0;
    p->steps = steps;
    gw_mix_search(p);
    p->budget -= steps - p->steps;
    if (p->cut_short || !all_units)
        return false;
    *upper = top - allowed;
    for (size_t i = 0; i < p->n_found; i++)
        *upper = GW_MAX(*upper, p->found[i].worth);
    return true;
}

/* Raises p->upper to what the case as it stands may be worth. */
static void search_case(gw_mix_pricer *p)
{
    int64_t upper = p->base + p->x.bound;
    if (upper <= p->floor)
        return;
    int rc = gw_mix_units_prepare(p);
    if (rc) {
        gw_mix_stop(p, rc);
        return;
    }
    gw_mix_list_others(p);
    p->any_found = false;
    for (int i = WIDENINGS; i-- > 0 && !p->any_found;) {
        int64_t room = p->base + p->x.bound - p->floor, now;
        if (room <= 0)
            break;
        if (search(p, GW_MAX(room >> (i * WIDEN_SHIFT), INT64_C(1)), &now))
            upper = GW_MIN(upper, now);
        else
            i = GW_MIN(i, 1); /* what comes is for finding columns only: all that is allowed */
    }
    p->upper = GW_MAX(p->upper, upper);
}

/* ---- the cases ---- */

static bool is_big(const gw_mix_shape *s, const gw_mix_kind *k)
{
    return k->cpu > s->cpu / BIG || k->memory > s->memory / BIG || (k->gpus > 1 && k->gpus > s->gpus / BIG);
}

static void list_bigs(gw_mix_pricer *p)
{
    const gw_mix_shape *s = &p->shape;
    p->n_bigs = 0;
    for (size_t i = s->n_wholes; i-- > 0;)
        if (is_big(s, gw_mix_kind_at(p, s->wholes[i])))
            p->bigs[p->n_bigs++] = s->wholes[i];
    for (size_t i = s->n_others; i-- > 0;)
        if (is_big(s, gw_mix_kind_at(p, s->others[i])))
            p->bigs[p->n_bigs++] = s->others[i];
}

static void relax(gw_mix_pricer *p)
{
    gw_mix_relax_minimise(&p->x, &p->shape, p->value, p->limit, p->floor - p->base);
}

/* What a column loses at least, at the prices as they are, by having a pod of this kind. */
static int64_t loss_of(const gw_mix_relax *x, uint32_t k)
{
    int32_t gpus = x->m->kinds[k].gpus;
    if (gpus == 0)
        return GW_MAX(-x->reduced[k], INT64_C(0));
    return gpus > x->s->gpus ? x->bound
                             : x->gpus_best[x->s->gpus] - x->gpus_best[x->s->gpus - gpus] - x->reduced[k];
}

/* p->x is of the case with all of bigs[from..) still open: the case with nothing more of bigs, then those
 * with one more, bigs[from..]. limit of bigs[0..from) is 0. */
static void visit(gw_mix_pricer *p, size_t from)
{
    gw_mix_shape shape = p->shape;
    int64_t base = p->base, cpu_price = p->x.cpu_price, memory_price = p->x.memory_price;
    int64_t *at_most = p->at_most + p->n_bigs_taken * p->n_bigs;
    for (size_t i = from; i < p->n_bigs; i++) {
        at_most[i] = base + p->x.bound - loss_of(&p->x, p->bigs[i]);
        p->limit[p->bigs[i]] = 0;
    }
    relax(p);
    search_case(p);
    for (size_t i = p->n_bigs; i-- > from;) {
        uint32_t k = p->bigs[i];
        const gw_mix_kind *kind = gw_mix_kind_at(p, k);
        int64_t left = p->all[k] - p->gone[k];
        /* from here on this one may be taken, and those after it */
        p->limit[k] = left;
        if (left <= 0 || kind->cpu > shape.cpu || kind->memory > shape.memory || kind->gpus > shape.gpus ||
            p->n_bigs_taken == GW_COUNT(p->bigs_taken) || at_most[i] <= p->floor)
            continue;
        p->limit[k] = left - 1;
        p->gone[k]++;
        p->bigs_taken[p->n_bigs_taken++] = (uint32_t)i;
        p->shape.cpu = shape.cpu - kind->cpu;
        p->shape.memory = shape.memory - kind->memory;
        p->shape.gpus = shape.gpus - kind->gpus;
        p->base = base + p->value[k];
        p->x.cpu_price = cpu_price;
        p->x.memory_price = memory_price;
        relax(p);
        if (p->base + p->x.bound > p->floor && p->budget > 0 && !p->failed)
            visit(p, i);
        else
            p->upper = GW_MAX(p->upper, p->base + p->x.bound);
        p->n_bigs_taken--;
        p->gone[k]--;
        p->limit[k] = left;
    }
    p->shape = shape;
    p->base = base;
}

static int hand_over(gw_mix_pricer *p, uint32_t type, gw_mix_pool *pool, gw_mix_priced *ret)
{
    for (size_t i = 0; i < p->n_found; i++) {
        int rc = gw_mix_pool_add(pool, type, p->found[i].items, p->found[i].n, &ret->found[i], NULL);
        if (rc)
            return rc;
        ret->n_found++;
        ret->best = GW_MAX(ret->best, p->found[i].worth);
    }
    return 0;
}

/* The case with everything still open. */
static void begin(gw_mix_pricer *p, uint32_t type, const int64_t *value, const int64_t *limit, int64_t enough)
{
    p->shape = p->x.m->shapes[type];
    p->value = value;
    p->all = limit;
    p->base = 0;
    p->floor = p->upper = enough;
    p->n_found = p->n_bigs_taken = 0;
    p->failed = 0;
    memcpy(p->limit, limit, p->x.m->n_kinds * sizeof(*p->limit));
    p->x.cpu_price = p->prices[type][0];
    p->x.memory_price = p->prices[type][1];
    relax(p);
    p->prices[type][0] = p->x.cpu_price;
    p->prices[type][1] = p->x.memory_price;
}

int64_t gw_mix_price_relaxed(gw_mix_pricer *p, uint32_t type, const int64_t *value, const int64_t *limit,
                             int64_t enough)
{
    begin(p, type, value, limit, enough);
    return p->x.bound;
}

int gw_mix_price(gw_mix_pricer *p, uint32_t type, const int64_t *value, const int64_t *limit, int64_t above,
                 int64_t steps, bool unlimited, gw_mix_pool *pool, gw_mix_priced *ret)
{
    begin(p, type, value, limit, above);
    *ret = (gw_mix_priced){.upper = GW_MAX(p->x.bound, above), .proven = p->x.bound <= above};
    if (ret->proven || p->x.bound >= GW_MIX_HUGE)
        return 0;
    p->unlimited = unlimited;
    p->budget_case = steps;
    p->budget = CASES * steps;
    list_bigs(p);
    visit(p, 0);
    int rc = p->failed ? p->failed : hand_over(p, type, pool, ret);
    ret->upper = GW_MIN(GW_MAX(p->upper, ret->best), ret->upper);
    ret->proven = ret->upper <= GW_MAX(above, ret->best);
    return rc;
}
