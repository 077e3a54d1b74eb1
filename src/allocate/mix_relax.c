#include "allocate/mix_relax.h"

#include <math.h>

#define NEVER       (-GW_MIX_HUGE / 8) /* r of what cannot be on the node */
#define CUTS_MAX    40
#define CORNERS_MAX (CUTS_MAX + 4)
#define SPAN_MAX    ((double)(INT64_C(1) << 50)) /* units; of CPU and memory together at their prices */

int gw_mix_relax_init(gw_mix_relax *x, const gw_mix_model *m)
{
    size_t steps = 1, kinds = GW_MAX(m->n_kinds, (size_t)1);
    memset(x, 0, sizeof(*x));
    x->m = m;
    for (size_t t = 0; t < m->n_shapes; t++) {
        const gw_mix_shape *s = &m->shapes[t];
        if (s->n_fractions)
            steps = GW_MAX(steps, (size_t)(s->milli / s->step) + 1);
    }
    x->reduced = gw_calloc(kinds, sizeof(*x->reduced));
    x->stairs = gw_calloc(kinds, sizeof(*x->stairs));
    x->fill = gw_calloc(steps, sizeof(*x->fill));
    x->fill_kind = gw_calloc(steps, sizeof(*x->fill_kind));
    if (x->reduced && x->stairs && x->fill && x->fill_kind)
        return 0;
    gw_mix_relax_free(x);
    return GW_ENOMEM;
}

void gw_mix_relax_free(gw_mix_relax *x)
{
    gw_free(x->reduced);
    gw_free(x->stairs);
    gw_free(x->fill);
    gw_free(x->fill_kind);
    memset(x, 0, sizeof(*x));
}

int64_t gw_mix_relax_most(const gw_mix_relax *x, uint32_t kind)
{
    const gw_mix_kind *k = &x->m->kinds[kind];
    int64_t n = x->limit[kind];
    if (k->cpu)
        n = GW_MIN(n, x->s->cpu / k->cpu);
    if (k->memory)
        n = GW_MIN(n, x->s->memory / k->memory);
    return n;
}

/* ---- L at given prices ---- */

static void reduce(gw_mix_relax *x, const uint32_t *kinds, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const gw_mix_kind *k = &x->m->kinds[kinds[i]];
        x->reduced[kinds[i]] = NEVER;
        if (gw_mix_relax_usable(x, kinds[i]))
            x->reduced[kinds[i]] = x->value[kinds[i]] - x->cpu_price * k->cpu - x->memory_price * k->memory;
    }
}

/* Knapsack over the milli of one GPU. Fractions come smallest first, so that one which is worth no more than
 * an earlier one is never needed. */
static void fill_one(gw_mix_relax *x)
{
    const gw_mix_shape *s = x->s;
    size_t n = 0;
    int64_t most = 0;
    for (size_t i = 0; i < s->n_fractions; i++) {
        uint32_t k = s->fractions[i];
        if (x->reduced[k] <= most)
            continue;
        most = x->reduced[k];
        if (n && x->m->kinds[x->stairs[n - 1]].milli == x->m->kinds[k].milli)
            n--;
        x->stairs[n++] = k;
    }
    x->fill_n = s->n_fractions ? (size_t)(s->milli / s->step) + 1 : 1;
    x->fill[0] = 0;
    x->fill_kind[0] = GW_NONE;
    for (size_t w = 1; w < x->fill_n; w++) {
        int64_t best = x->fill[w - 1];
        uint32_t kind = GW_NONE;
        for (size_t i = 0; i < n; i++) {
            size_t size = (size_t)(x->m->kinds[x->stairs[i]].milli / s->step);
            if (size > w)
                break;
            int64_t v = x->fill[w - size] + x->reduced[x->stairs[i]];
            if (v > best) {
                best = v;
                kind = x->stairs[i];
            }
        }
        x->fill[w] = best;
        x->fill_kind[w] = kind;
    }
}

static void fill_gpus(gw_mix_relax *x)
{
    const gw_mix_shape *s = x->s;
    int64_t one = x->fill[x->fill_n - 1];
    x->one_kind = GW_NONE;
    x->gpus_best[0] = 0;
    for (size_t i = 0; i < s->n_wholes; i++) {
        uint32_t k = s->wholes[i];
        if (x->m->kinds[k].gpus == 1 && x->reduced[k] > one) {
            one = x->reduced[k];
            x->one_kind = k;
        }
    }
    for (int32_t g = 1; g <= s->gpus; g++) {
        x->gpus_best[g] = x->gpus_best[g - 1] + one;
        x->gpus_kind[g] = GW_NONE;
        for (size_t i = 0; i < s->n_wholes; i++) {
            uint32_t k = s->wholes[i];
            int32_t need = x->m->kinds[k].gpus;
            if (need < 2 || need > g)
                continue;
            int64_t v = x->gpus_best[g - need] + x->reduced[k];
            if (v > x->gpus_best[g]) {
                x->gpus_best[g] = v;
                x->gpus_kind[g] = k;
            }
        }
    }
}

static void evaluate(gw_mix_relax *x)
{
    const gw_mix_shape *s = x->s;
    reduce(x, s->fractions, s->n_fractions);
    reduce(x, s->wholes, s->n_wholes);
    reduce(x, s->others, s->n_others);
    fill_one(x);
    fill_gpus(x);
    __int128 sum = (__int128)x->cpu_price * s->cpu + (__int128)x->memory_price * s->memory;
    sum += x->gpus_best[s->gpus];
    for (size_t i = 0; i < s->n_others; i++) {
        uint32_t k = s->others[i];
        if (x->reduced[k] > 0)
            sum += (__int128)x->reduced[k] * gw_mix_relax_most(x, k);
    }
    x->bound = sum > GW_MIX_HUGE ? GW_MIX_HUGE : (int64_t)sum;
}

/* CPU and memory of the pods that L counts. */
static void add_use(const gw_mix_relax *x, uint32_t kind, double times, double *cpu, double *memory)
{
    *cpu += times * (double)x->m->kinds[kind].cpu;
    *memory += times * (double)x->m->kinds[kind].memory;
}

static void use(const gw_mix_relax *x, double *cpu, double *memory)
{
    const gw_mix_shape *s = x->s;
    double ones = 0;
    *cpu = *memory = 0;
    for (int32_t g = s->gpus; g > 0;) {
        if (x->gpus_kind[g] == GW_NONE) {
            ones++;
            g--;
            continue;
        }
        add_use(x, x->gpus_kind[g], 1, cpu, memory);
        g -= x->m->kinds[x->gpus_kind[g]].gpus;
    }
    if (x->one_kind != GW_NONE)
        add_use(x, x->one_kind, ones, cpu, memory);
    for (size_t w = x->one_kind == GW_NONE ? x->fill_n - 1 : 0; w > 0;) {
        if (x->fill_kind[w] == GW_NONE) {
            w--;
            continue;
        }
        add_use(x, x->fill_kind[w], ones, cpu, memory);
        w -= (size_t)(x->m->kinds[x->fill_kind[w]].milli / s->step);
    }
    for (size_t i = 0; i < s->n_others; i++) {
        uint32_t k = s->others[i];
        if (x->reduced[k] > 0)
            add_use(x, k, (double)gw_mix_relax_most(x, k), cpu, memory);
    }
}

/* ---- the polygon of prices; u and v are what all CPU and all memory of the node cost ---- */

typedef struct polygon {
    double u[CORNERS_MAX], v[CORNERS_MAX];
    size_t n;
} polygon;

/* Keeps the part where a u + b v <= c. */
static void cut(polygon *p, double a, double b, double c)
{
    polygon q = {.n = 0};
    for (size_t i = 0; i < p->n; i++) {
        size_t j = (i + 1) % p->n;
        double di = a * p->u[i] + b * p->v[i] - c, dj = a * p->u[j] + b * p->v[j] - c;
        if (di <= 0 && q.n < CORNERS_MAX) {
            q.u[q.n] = p->u[i];
            q.v[q.n++] = p->v[i];
        }
        if ((di < 0) != (dj < 0) && di != dj && q.n < CORNERS_MAX) {
            double at = di / (di - dj);
            q.u[q.n] = p->u[i] + at * (p->u[j] - p->u[i]);
            q.v[q.n++] = p->v[i] + at * (p->v[j] - p->v[i]);
        }
    }
    *p = q;
}

/* The centre of gravity, and the area. */
static double centre(const polygon *p, double *u, double *v)
{
    double area = 0;
    *u = *v = 0;
    for (size_t i = 1; i + 1 < p->n; i++) {
        double a =
            (p->u[i] - p->u[0]) * (p->v[i + 1] - p->v[0]) - (p->u[i + 1] - p->u[0]) * (p->v[i] - p->v[0]);
        area += a / 2;
        *u += a / 2 * (p->u[0] + p->u[i] + p->u[i + 1]) / 3;
        *v += a / 2 * (p->v[0] + p->v[i] + p->v[i + 1]) / 3;
    }
    if (area > 0) {
        *u /= area;
        *v /= area;
    }
    return area;
}

static void set_prices(gw_mix_relax *x, double u, double v)
{
    x->cpu_price = x->s->cpu > 0 ? (int64_t)GW_MAX(rint(u / (double)x->s->cpu), 0.0) : 0;
    x->memory_price = x->s->memory > 0 ? (int64_t)GW_MAX(rint(v / (double)x->s->memory), 0.0) : 0;
}

void gw_mix_relax_minimise(gw_mix_relax *x, const gw_mix_shape *s, const int64_t *value, const int64_t *limit,
                           int64_t enough)
{
    x->s = s;
    x->value = value;
    x->limit = limit;
    evaluate(x);
    int64_t best = x->bound, best_cpu = x->cpu_price, best_memory = x->memory_price;
    /* L is at least u + v, so that no better prices lie beyond */
    double span = GW_MIN((double)best, SPAN_MAX);
    polygon p = {{0, span, 0}, {0, 0, span}, 3};
    for (int i = 0; i < CUTS_MAX && best > enough; i++) {
        double u0 = (double)x->cpu_price * (double)x->s->cpu;
        double v0 = (double)x->memory_price * (double)x->s->memory;
        double cpu, memory, u, v;
        use(x, &cpu, &memory);
        /* L falls by no more than this slope says */
        double a = x->s->cpu ? 1 - cpu / (double)x->s->cpu : 1;
        double b = x->s->memory ? 1 - memory / (double)x->s->memory : 1;
        cut(&p, a, b, a * u0 + b * v0 + (double)(best - x->bound));
        if (p.n < 3 || !(centre(&p, &u, &v) > 1e-12 * span * span))
            break;
        set_prices(x, u, v);
        evaluate(x);
        if (x->bound < best) {
            best = x->bound;
            best_cpu = x->cpu_price;
            best_memory = x->memory_price;
        }
    }
    x->cpu_price = best_cpu;
    x->memory_price = best_memory;
    evaluate(x);
}
