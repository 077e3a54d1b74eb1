/*
 * Fillings of one GPU that lose little: see mix_price.c.
 */
#include "allocate/mix_price.h"

#include <stdlib.h>

#define UNIT_KINDS_MAX ((size_t)1 << 22) /* pods in all units */

static int by_loss(const void *va, const void *vb)
{
    const gw_mix_unit *a = va, *b = vb;
    if (a->loss != b->loss)
        return a->loss < b->loss ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

/* True where a column can hold no more pods of the kind than there are anyway. */
static bool plentiful(const gw_mix_pricer *p, uint32_t kind)
{
    const gw_mix_kind *k = gw_mix_kind_at(p, kind);
    const gw_mix_shape *s = p->x.s;
    int64_t most = k->gpus ? s->gpus / k->gpus : INT64_MAX;
    if (gw_mix_is_fraction(k))
        most *= s->milli / k->milli;
    if (k->cpu)
        most = GW_MIN(most, s->cpu / k->cpu);
    if (k->memory)
        most = GW_MIN(most, s->memory / k->memory);
    return gw_mix_limit_of(p, kind) >= most;
}

static int64_t worth_of(const gw_mix_pricer *p, const gw_mix_unit *u)
{
    return p->x.gpus_best[1] - u->loss + p->x.cpu_price * u->cpu + p->x.memory_price * u->memory;
}

static bool all_plentiful(const gw_mix_pricer *p, const gw_mix_unit *u)
{
    for (uint32_t k = 0; k < u->n; k++)
        if (!plentiful(p, p->unit_kinds[u->first + k]))
            return false;
    return true;
}

/*
 * Sorts the units and leaves out those that another can take the place of in any column: one of plentiful
 * kinds that takes no more CPU and memory and is worth no less. It loses no more either, so that it comes
 * earlier.
 */
static void drop_beaten_units(gw_mix_pricer *p)
{
    size_t n = 0, n_rivals = 0;
    if (p->n_units)
        qsort(p->units, p->n_units, sizeof(*p->units), by_loss);
    for (size_t i = 0; i < p->n_units; i++) {
        const gw_mix_unit *u = &p->units[i];
        gw_mix_rival r = {u->cpu, u->memory, worth_of(p, u)};
        bool beaten = false;
        for (size_t j = 0; j < n_rivals && !beaten; j++)
            beaten =
                p->rivals[j].cpu <= r.cpu && p->rivals[j].memory <= r.memory && p->rivals[j].worth >= r.worth;
        if (beaten)
            continue;
        if (all_plentiful(p, u))
            p->rivals[n_rivals++] = r;
        p->units[n++] = *u;
    }
    p->n_units = n;
}

static int add_unit(gw_mix_pricer *p, gw_mix_unit u, const uint32_t *kinds, uint32_t n)
{
    int rc = gw_grow((void **)&p->units, &p->cap_units, p->n_units + 1, sizeof(*p->units), GW_MIX_UNITS_MAX);
    if (rc == 0)
        rc = gw_grow((void **)&p->unit_kinds, &p->cap_unit_kinds, p->n_unit_kinds + GW_MAX(n, 1U),
                     sizeof(*p->unit_kinds), UNIT_KINDS_MAX);
    if (rc)
        return rc;
    u.first = (uint32_t)p->n_unit_kinds;
    u.n = n;
    for (uint32_t i = 0; i < n; i++)
        p->unit_kinds[p->n_unit_kinds++] = kinds[i];
    p->units[p->n_units++] = u;
    return 0;
}

/* When there are too many, those that are not needed go. */
static void keep_unit(gw_mix_pricer *p, gw_mix_unit u, const uint32_t *kinds, uint32_t n)
{
    int rc = 0;
    if (p->n_units == GW_MIX_UNITS_MAX) {
        drop_beaten_units(p);
        /* had that helped little, the next time would be soon */
        rc = p->n_units > GW_MIX_UNITS_MAX / 4 * 3 ? GW_ELIMIT : 0;
    }
    if (rc == 0)
        rc = add_unit(p, u, kinds, n);
    if (rc == GW_ELIMIT)
        p->cut_short = true;
    else if (rc)
        gw_mix_stop(p, rc);
}

/* All fillings of one GPU that lose less than allowed, each once: kinds in the order of by_worth. u: what is
 * on it so far, stack[0..u.n); worth: their r; steps: milli left over the step. */
static void list_fillings(gw_mix_pricer *p, size_t from, gw_mix_unit u, int64_t worth, size_t steps)
{
    const gw_mix_relax *x = &p->x;
    int64_t best = x->gpus_best[1];
    if (u.n && best - worth < p->allowed) {
        u.loss = best - worth;
        keep_unit(p, u, p->stack, u.n);
    }
    for (size_t i = from; i < p->n_by_worth && !gw_mix_spent(p); i++) {
        uint32_t k = p->by_worth[i];
        const gw_mix_kind *kind = gw_mix_kind_at(p, k);
        size_t size = (size_t)(kind->milli / x->s->step);
        if (size > steps)
            continue;
        if (best - (worth + x->reduced[k] + x->fill[steps - size]) >= p->allowed) {
            /* the others of this size are worth less */
            while (i + 1 < p->n_by_worth && gw_mix_kind_at(p, p->by_worth[i + 1])->milli == kind->milli)
                i++;
            continue;
        }
        if (u.cpu + kind->cpu > x->s->cpu || u.memory + kind->memory > x->s->memory ||
            p->taken[k] >= gw_mix_limit_of(p, k))
            continue;
        p->taken[k]++;
        p->stack[u.n] = k;
        list_fillings(
            p, i, (gw_mix_unit){.cpu = u.cpu + kind->cpu, .memory = u.memory + kind->memory, .n = u.n + 1},
            worth + x->reduced[k], steps - size);
        p->taken[k]--;
    }
}

typedef struct rank {
    int64_t milli, worth;
    uint32_t kind;
} rank;

static int by_milli_and_worth(const void *va, const void *vb)
{
    const rank *a = va, *b = vb;
    if (a->milli != b->milli)
        return a->milli > b->milli ? -1 : 1;
    if (a->worth != b->worth)
        return a->worth > b->worth ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* True where a can take the place of b in any column, and is worth no less. */
static bool beats(const gw_mix_pricer *p, uint32_t a, uint32_t b)
{
    const gw_mix_kind *ka = gw_mix_kind_at(p, a), *kb = gw_mix_kind_at(p, b);
    return ka->milli <= kb->milli && ka->cpu <= kb->cpu && ka->memory <= kb->memory &&
           p->x.value[a] >= p->x.value[b] && plentiful(p, a);
}

/* Leaves out of by_worth, which is sorted, what another beats; of two that beat each other the later. */
static void drop_beaten(gw_mix_pricer *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_by_worth; i++) {
        bool beaten = false;
        for (size_t j = 0; j < p->n_by_worth && !beaten; j++) {
            uint32_t a = p->by_worth[j], b = p->by_worth[i];
            beaten = j != i && beats(p, a, b) && (j < i || !beats(p, b, a));
        }
        p->taken[n++] = beaten;
    }
    n = 0;
    for (size_t i = 0; i < p->n_by_worth; i++)
        if (!p->taken[i])
            p->by_worth[n++] = p->by_worth[i];
    memset(p->taken, 0, p->n_by_worth * sizeof(*p->taken));
    p->n_by_worth = n;
}

int gw_mix_units_prepare(gw_mix_pricer *p)
{
    const gw_mix_shape *s = p->x.s;
    rank *r = gw_malloc(GW_MAX(s->n_fractions, (size_t)1) * sizeof(*r));
    if (!r)
        return GW_ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < s->n_fractions; i++) {
        uint32_t k = s->fractions[i];
        if (gw_mix_relax_usable(&p->x, k))
            r[n++] = (rank){gw_mix_kind_at(p, k)->milli, p->x.reduced[k], k};
    }
    qsort(r, n, sizeof(*r), by_milli_and_worth);
    for (size_t i = 0; i < n; i++)
        p->by_worth[i] = r[i].kind;
    p->n_by_worth = n;
    gw_free(r);
    drop_beaten(p);
    return 0;
}

int gw_mix_units_list(gw_mix_pricer *p)
{
    const gw_mix_relax *x = &p->x;
    const gw_mix_shape *s = x->s;
    p->n_units = p->n_unit_kinds = 0;
    if (s->gpus == 0)
        return 0;
    if (x->gpus_best[1] < p->allowed)
        keep_unit(p, (gw_mix_unit){.loss = x->gpus_best[1]}, NULL, 0);
    for (size_t i = 0; i < s->n_wholes; i++) {
        uint32_t k = s->wholes[i];
        const gw_mix_kind *kind = gw_mix_kind_at(p, k);
        int64_t loss = x->gpus_best[1] - x->reduced[k];
        if (kind->gpus == 1 && gw_mix_relax_usable(x, k) && loss < p->allowed)
            keep_unit(p, (gw_mix_unit){.loss = loss, .cpu = kind->cpu, .memory = kind->memory}, &k, 1);
    }
    list_fillings(p, 0, (gw_mix_unit){0}, 0, x->fill_n - 1);
    if (p->failed)
        return p->failed;
    drop_beaten_units(p);
    int rc = gw_grow((void **)&p->unit_cpu, &p->cap_unit_cpu, p->n_units + 1, sizeof(*p->unit_cpu),
                     GW_MIX_UNITS_MAX + 1);
    if (rc == 0)
        rc = gw_grow((void **)&p->unit_memory, &p->cap_unit_memory, p->n_units + 1, sizeof(*p->unit_memory),
                     GW_MIX_UNITS_MAX + 1);
    if (rc)
        return rc;
    p->unit_cpu[p->n_units] = p->unit_memory[p->n_units] = 0;
    for (size_t i = p->n_units; i-- > 0;) {
        p->unit_cpu[i] = GW_MAX(p->unit_cpu[i + 1], p->units[i].cpu);
        p->unit_memory[i] = GW_MAX(p->unit_memory[i + 1], p->units[i].memory);
    }
    return 0;
}
