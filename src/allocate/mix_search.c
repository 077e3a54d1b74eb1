/*
 * Columns by depth-first search over units; and what is common to both searches: pods without GPUs, and
 * keeping what was found. See mix_price.c.
 */
#include "allocate/mix_price.h"

#include <stdlib.h>

#define RATE_BITS 20

/* ---- pods without GPUs ---- */

static int by_rate(const void *va, const void *vb)
{
    const gw_mix_other *a = va, *b = vb;
    if (a->rate != b->rate)
        return a->rate < b->rate ? -1 : 1;
    return (a->kind > b->kind) - (a->kind < b->kind);
}

/* Those worth most for what they take first: rate rises. */
void gw_mix_list_others(gw_mix_pricer *p)
{
    const gw_mix_relax *x = &p->x;
    p->n_others = 0;
    for (size_t i = 0; i < x->s->n_others; i++) {
        uint32_t k = x->s->others[i];
        const gw_mix_kind *kind = gw_mix_kind_at(p, k);
        if (!gw_mix_relax_usable(x, k))
            continue;
        __int128 price = (__int128)x->cpu_price * kind->cpu + (__int128)x->memory_price * kind->memory;
        gw_mix_other o = {k, gw_mix_relax_most(x, k), x->reduced[k], INT64_MIN};
        if (o.gain <= 0 && price > 0)
            o.rate = (int64_t)(((__int128)-o.gain << RATE_BITS) / price);
        else if (o.gain <= 0)
            o.rate = 0;
        p->others[p->n_others++] = o;
    }
    qsort(p->others, p->n_others, sizeof(*p->others), by_rate);
}

int64_t gw_mix_least_loss(const gw_mix_pricer *p, size_t from, int64_t cpu, int64_t memory)
{
    const gw_mix_relax *x = &p->x;
    int64_t rate = from < p->n_others ? p->others[from].rate : INT64_C(1) << RATE_BITS;
    if (rate <= 0)
        return 0;
    __int128 price = (__int128)x->cpu_price * cpu + (__int128)x->memory_price * memory;
    return (int64_t)((price * GW_MIN(rate, INT64_C(1) << RATE_BITS)) >> RATE_BITS);
}

/* ---- columns ---- */

static int push(gw_mix_found *f, uint32_t kind, int64_t n, int32_t gpu)
{
    int rc = gw_grow((void **)&f->items, &f->cap, f->n + 1, sizeof(*f->items), GW_MIX_COLUMNS_MAX);
    if (rc == 0)
        f->items[f->n++] = (gw_mix_item){kind, (uint32_t)n, gpu};
    return rc;
}

static int write_down(const gw_mix_pricer *p, gw_mix_found *f)
{
    int32_t gpu = 0;
    int rc = 0;
    f->n = 0;
    for (size_t i = 0; i < p->n_bigs_taken && rc == 0; i++) {
        uint32_t k = p->bigs[p->bigs_taken[i]];
        int32_t gpus = gw_mix_kind_at(p, k)->gpus;
        rc = push(f, k, 1, gpus ? gpu : -1);
        gpu += gpus;
    }
    for (size_t i = 0; i < p->n_multi && rc == 0; i++) {
        rc = push(f, p->multi[i], 1, gpu);
        gpu += gw_mix_kind_at(p, p->multi[i])->gpus;
    }
    for (size_t i = 0; i < p->n_picked && rc == 0; i++, gpu++) {
        const gw_mix_unit *u = &p->units[p->picked[i]];
        for (uint32_t j = 0; j < u->n && rc == 0; j++)
            rc = push(f, p->unit_kinds[u->first + j], 1, gpu);
    }
    for (size_t i = 0; i < p->n_loose && rc == 0; i++)
        rc = push(f, p->loose[i].kind, p->loose[i].n, -1);
    return rc;
}

static size_t least_found(const gw_mix_pricer *p)
{
    size_t at = 0;
    for (size_t i = 1; i < p->n_found; i++)
        if (p->found[i].worth < p->found[at].worth)
            at = i;
    return at;
}

void gw_mix_record(gw_mix_pricer *p, int64_t loss)
{
    if (loss >= p->allowed)
        return;
    p->any_found = true;
    size_t at = p->n_found < GW_MIX_FOUND_MAX ? p->n_found++ : least_found(p);
    p->found[at].worth = p->base + p->x.bound - loss;
    int rc = write_down(p, &p->found[at]);
    if (rc)
        gw_mix_stop(p, rc);
    if (p->n_found < GW_MIX_FOUND_MAX)
        return;
    /* from now on only what is better than the least of them */
    p->floor = GW_MAX(p->floor, p->found[least_found(p)].worth);
    p->allowed = GW_MIN(p->allowed, p->base + p->x.bound - p->floor);
}

/* ---- the search: pods of several GPUs, then units, then pods without GPUs ---- */

/* missed: the loss of others[0..from) that were left out though they gain. */
void gw_mix_search_others(gw_mix_pricer *p, size_t from, int64_t cpu, int64_t memory, int64_t loss)
{
    const gw_mix_relax *x = &p->x;
    int64_t end = loss;
    for (size_t i = from; i < p->n_others && p->others[i].gain > 0; i++) {
        __int128 missed = (__int128)p->others[i].gain * p->others[i].most + end;
        end = missed > GW_MIX_HUGE ? GW_MIX_HUGE : (int64_t)missed;
    }
    __int128 empty = (__int128)x->cpu_price * cpu + (__int128)x->memory_price * memory;
    if (empty + end < p->allowed)
        gw_mix_record(p, (int64_t)empty + end);
    for (size_t i = from; i < p->n_others && !gw_mix_spent(p); i++) {
        const gw_mix_other *o = &p->others[i];
        const gw_mix_kind *k = gw_mix_kind_at(p, o->kind);
        if (loss + gw_mix_least_loss(p, i, cpu, memory) >= p->allowed)
            return;
        int64_t n = o->most;
        if (k->cpu)
            n = GW_MIN(n, cpu / k->cpu);
        if (k->memory)
            n = GW_MIN(n, memory / k->memory);
        if (n > 0 && p->n_loose == GW_MIX_OTHERS_MAX) {
            p->cut_short = true;
            return;
        }
        for (; n > 0 && !gw_mix_spent(p); n--) {
            __int128 more = o->gain > 0 ? (__int128)o->gain * (o->most - n) : -(__int128)o->gain * n;
            if (more + loss >= p->allowed) {
                if (o->gain > 0)
                    break;
                continue;
            }
            p->loose[p->n_loose++] = (gw_mix_item){o->kind, (uint32_t)n, -1};
            gw_mix_search_others(p, i + 1, cpu - n * k->cpu, memory - n * k->memory, loss + (int64_t)more);
            p->n_loose--;
        }
        /* from here on without it */
        if (o->gain > 0) {
            __int128 missed = (__int128)o->gain * o->most + loss;
            if (missed >= p->allowed)
                return;
            loss = (int64_t)missed;
        }
    }
}

static bool take_unit(gw_mix_pricer *p, const gw_mix_unit *u)
{
    for (uint32_t i = 0; i < u->n; i++) {
        uint32_t k = p->unit_kinds[u->first + i];
        if (p->taken[k] < gw_mix_limit_of(p, k)) {
            p->taken[k]++;
            continue;
        }
        while (i-- > 0)
            p->taken[p->unit_kinds[u->first + i]]--;
        return false;
    }
    return true;
}

static void drop_unit(gw_mix_pricer *p, const gw_mix_unit *u)
{
    for (uint32_t i = 0; i < u->n; i++)
        p->taken[p->unit_kinds[u->first + i]]--;
}

static void search_units(gw_mix_pricer *p, size_t from, int32_t gpus, int64_t cpu, int64_t memory,
                         int64_t loss)
{
    if (gpus == 0) {
        gw_mix_search_others(p, 0, cpu, memory, loss);
        return;
    }
    for (size_t i = from; i < p->n_units && !gw_mix_spent(p); i++) {
        const gw_mix_unit *u = &p->units[i];
        /* no later unit loses less, none takes more than unit_cpu */
        int64_t idle_cpu = GW_MAX(cpu - gpus * p->unit_cpu[i], INT64_C(0));
        int64_t idle_memory = GW_MAX(memory - gpus * p->unit_memory[i], INT64_C(0));
        __int128 least = (__int128)gpus * u->loss + loss + gw_mix_least_loss(p, 0, idle_cpu, idle_memory);
        if (least >= p->allowed)
            return;
        if (u->cpu > cpu || u->memory > memory || !take_unit(p, u))
            continue;
        p->picked[p->n_picked++] = (uint32_t)i;
        search_units(p, i, gpus - 1, cpu - u->cpu, memory - u->memory, loss + u->loss);
        p->n_picked--;
        drop_unit(p, u);
    }
}

/* wholes[0..from) of several GPUs may still be taken: the largest come first. */
static void search_multi(gw_mix_pricer *p, size_t from, int32_t gpus, int64_t cpu, int64_t memory,
                         int64_t loss)
{
    const gw_mix_relax *x = &p->x;
    int64_t alone = loss + x->gpus_best[gpus] - gpus * (x->s->gpus ? x->gpus_best[1] : 0);
    if (alone < p->allowed)
        search_units(p, 0, gpus, cpu, memory, alone);
    for (size_t i = from; i-- > 0 && !gw_mix_spent(p);) {
        uint32_t k = x->s->wholes[i];
        const gw_mix_kind *kind = gw_mix_kind_at(p, k);
        if (kind->gpus < 2)
            break;
        if (kind->gpus > gpus || kind->cpu > cpu || kind->memory > memory ||
            p->taken[k] >= gw_mix_limit_of(p, k))
            continue;
        int64_t more = x->gpus_best[gpus] - x->gpus_best[gpus - kind->gpus] - x->reduced[k];
        if (loss + more >= p->allowed)
            continue;
        p->taken[k]++;
        p->multi[p->n_multi++] = k;
        search_multi(p, i + 1, gpus - kind->gpus, cpu - kind->cpu, memory - kind->memory, loss + more);
        p->n_multi--;
        p->taken[k]--;
    }
}

void gw_mix_search(gw_mix_pricer *p)
{
    const gw_mix_shape *s = p->x.s;
    search_multi(p, s->n_wholes, s->gpus, s->cpu, s->memory, 0);
}
