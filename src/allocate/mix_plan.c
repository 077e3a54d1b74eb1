#include "allocate/mix_internal.h"

#define PARTS_MAX ((size_t)1 << 22)

void gw_mix_plan_free(gw_mix_plan *p)
{
    gw_free(p->parts);
    memset(p, 0, sizeof(*p));
}

int gw_mix_plan_add(gw_mix_plan *p, uint32_t column, int64_t times)
{
    if (times <= 0)
        return 0;
    int rc = gw_grow((void **)&p->parts, &p->cap, p->n + 1, sizeof(*p->parts), PARTS_MAX);
    if (rc == 0)
        p->parts[p->n++] = (gw_mix_part){column, times};
    return rc;
}

int gw_mix_plan_copy(gw_mix_plan *to, const gw_mix_plan *from)
{
    int rc =
        gw_grow((void **)&to->parts, &to->cap, GW_MAX(from->n, (size_t)1), sizeof(*to->parts), PARTS_MAX);
    if (rc)
        return rc;
    if (from->n)
        memcpy(to->parts, from->parts, from->n * sizeof(*to->parts));
    to->n = from->n;
    to->cost = from->cost;
    to->unplaced = from->unplaced;
    to->method = from->method;
    return 0;
}

bool gw_mix_plan_better(const gw_mix_plan *a, const gw_mix_plan *b)
{
    return a->unplaced != b->unplaced ? a->unplaced < b->unplaced : a->cost < b->cost;
}

/* ---- trimming ---- */

typedef struct trimmer {
    const gw_mix_model *m;
    gw_mix_pool *pool;
    gw_mix_plan out;
    int64_t *surplus;               /* pods of each kind that are planned too often; negative: too few */
    int64_t used[GW_MIX_TYPES_MAX]; /* nodes of each type, where types are limited */
    gw_mix_item *items;
    size_t n_items, cap_items;
} trimmer;

/* Renumbers the GPUs of the items from 0 without gaps; how many there are. Items of one GPU share a number.
 */
static int32_t close_gaps(trimmer *t)
{
    int32_t to[GW_MIX_GPUS_MAX], next = 0;
    memset(to, 0xff, sizeof(to));
    for (size_t i = 0; i < t->n_items; i++) {
        gw_mix_item *item = &t->items[i];
        if (item->gpu < 0 || item->n == 0)
            continue;
        int32_t old = item->gpu;
        if (to[old] < 0) {
            to[old] = next;
            next += t->m->kinds[item->kind].gpus;
        }
        item->gpu = to[old];
    }
    return next;
}

/* The cheapest type that holds the items, of which n nodes may still be had; `now` where none is cheaper. */
static uint32_t cheapest_type(trimmer *t, uint32_t now, int64_t n)
{
    gw_mix_kind sum = {.types = UINT64_MAX};
    bool any = false;
    sum.gpus = close_gaps(t);
    for (size_t i = 0; i < t->n_items; i++) {
        const gw_mix_kind *k = &t->m->kinds[t->items[i].kind];
        int64_t times = t->items[i].n;
        if (times == 0)
            continue;
        any = true;
        sum.cpu += k->cpu * times;
        sum.memory += k->memory * times;
        sum.types &= k->types;
    }
    uint32_t best = now;
    for (uint32_t s = 0; any && s < t->m->n_shapes; s++) {
        const gw_mix_shape *shape = &t->m->shapes[s];
        if (shape->cost >= t->m->shapes[best].cost || !(sum.types >> s & 1) || sum.cpu > shape->cpu ||
            sum.memory > shape->memory || sum.gpus > shape->gpus)
            continue;
        /* GPUs of another size: what shares one may not fit */
        if (shape->milli < t->m->shapes[now].milli && sum.gpus > 0)
            continue;
        if (shape->max_nodes == GW_MIX_NO_LIMIT || t->used[s] + n <= shape->max_nodes)
            best = s;
    }
    return any ? best : GW_NONE;
}

static int load(trimmer *t, const gw_mix_column *c)
{
    int rc = gw_grow((void **)&t->items, &t->cap_items, GW_MAX(c->n_items, 1U), sizeof(*t->items), PARTS_MAX);
    if (rc)
        return rc;
    memcpy(t->items, c->items, c->n_items * sizeof(*t->items));
    t->n_items = c->n_items;
    return 0;
}

/* Takes what is planned too often out of the loaded column; how many nodes that can be done to alike. */
static int64_t strip(trimmer *t, const gw_mix_column *c, int64_t times)
{
    for (uint32_t i = 0; i < c->n_uses; i++) {
        int64_t out = GW_MIN(t->surplus[c->uses[i].kind], (int64_t)c->uses[i].n);
        if (out <= 0)
            continue;
        times = GW_MIN(times, out < c->uses[i].n ? 1 : t->surplus[c->uses[i].kind] / out);
        for (size_t j = t->n_items; j-- > 0 && out > 0;) {
            if (t->items[j].kind != c->uses[i].kind)
                continue;
            int64_t here = GW_MIN(out, (int64_t)t->items[j].n);
            t->items[j].n -= (uint32_t)here;
            out -= here;
        }
    }
    return times;
}

static bool has_surplus(const trimmer *t, const gw_mix_column *c, bool all)
{
    for (uint32_t i = 0; i < c->n_uses; i++) {
        int64_t s = t->surplus[c->uses[i].kind];
        if (all ? s < c->uses[i].n : s > 0)
            return !all;
    }
    return all;
}

static int keep(trimmer *t, uint32_t type, int64_t times)
{
    uint32_t at;
    int rc = gw_mix_pool_add(t->pool, type, t->items, t->n_items, &at, NULL);
    return rc ? rc : gw_mix_plan_add(&t->out, at, times);
}

/*
 * One pass over the plan; *part is what is left of it. Nodes that are not needed at all go first, then those
 * that a smaller one can replace when stripped, then whatever has something to strip.
 */
enum { PASS_WHOLE, PASS_CHEAPER, PASS_ANY, PASSES };

static int trim_part(trimmer *t, int pass, gw_mix_part *part)
{
    while (part->times > 0) {
        gw_mix_column c = t->pool->columns[part->column]; /* a copy: the pool may grow */
        if (!has_surplus(t, &c, pass == PASS_WHOLE))
            return 0;
        int rc = load(t, &c);
        if (rc)
            return rc;
        int64_t times = strip(t, &c, part->times);
        uint32_t type = cheapest_type(t, c.type, times);
        if (pass == PASS_CHEAPER && type == c.type)
            return 0;
        for (uint32_t i = 0; i < c.n_uses; i++) {
            int64_t *s = &t->surplus[c.uses[i].kind];
            if (*s > 0)
                *s -= GW_MIN(*s, times * c.uses[i].n);
        }
        part->times -= times;
        t->used[c.type] -= times;
        if (type == GW_NONE)
            continue;
        t->used[type] += times;
        rc = keep(t, type, times);
        if (rc)
            return rc;
    }
    return 0;
}

/* What has nothing to strip: only the type may be too large. */
static int settle(trimmer *t, const gw_mix_part *part)
{
    gw_mix_column c = t->pool->columns[part->column];
    int rc = load(t, &c);
    if (rc)
        return rc;
    uint32_t type = cheapest_type(t, c.type, part->times);
    if (type == GW_NONE)
        return 0;
    t->used[c.type] -= part->times;
    t->used[type] += part->times;
    return type == c.type ? gw_mix_plan_add(&t->out, part->column, part->times) : keep(t, type, part->times);
}

static void count(trimmer *t)
{
    t->out.cost = t->out.unplaced = 0;
    for (size_t i = 0; i < t->out.n; i++)
        t->out.cost +=
            t->m->shapes[t->pool->columns[t->out.parts[i].column].type].cost * t->out.parts[i].times;
    for (size_t k = 0; k < t->m->n_kinds; k++)
        t->out.unplaced += GW_MAX(-t->surplus[k], INT64_C(0));
}

static int trim(trimmer *t, gw_mix_plan *p)
{
    for (size_t k = 0; k < t->m->n_kinds; k++)
        t->surplus[k] = -t->m->kinds[k].demand;
    for (size_t i = 0; i < p->n; i++) {
        const gw_mix_column *c = &t->pool->columns[p->parts[i].column];
        t->used[c->type] += p->parts[i].times;
        for (uint32_t u = 0; u < c->n_uses; u++)
            t->surplus[c->uses[u].kind] += c->uses[u].n * p->parts[i].times;
    }
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = p->n; i-- > 0;) {
            int rc = trim_part(t, pass, &p->parts[i]);
            if (rc)
                return rc;
        }
    }
    for (size_t i = 0; i < p->n; i++) {
        int rc = p->parts[i].times > 0 ? settle(t, &p->parts[i]) : 0;
        if (rc)
            return rc;
    }
    count(t);
    return 0;
}

int gw_mix_plan_trim(gw_mix_plan *p, const gw_mix_model *m, gw_mix_pool *pool)
{
    trimmer t = {.m = m, .pool = pool};
    t.surplus = gw_malloc(GW_MAX(m->n_kinds, (size_t)1) * sizeof(*t.surplus));
    int rc = t.surplus ? trim(&t, p) : GW_ENOMEM;
    gw_free(t.surplus);
    gw_free(t.items);
    t.out.method = p->method;
    if (rc) {
        gw_mix_plan_free(&t.out);
        return rc;
    }
    gw_free(p->parts);
    *p = t.out;
    return 0;
}
