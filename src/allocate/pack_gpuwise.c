/*
 * gpuwise, the project's own policy: the placement that costs the node the least of what it is still worth.
 * The worth of a node is the sum of two estimates of the GPU milli that it can still give away, both from the
 * typical mix; a placement scores its change, which is minus the milli that the pod takes and minus what it
 * spoils for others.
 *
 *  one: what a pod drawn from the mix can use (FGD's measure, gw_pack_fragmentation, from the other side:
 * free milli less F). It knows pods of many GPUs, and kinds that a node has too little CPU for. all: what
 * will be used when pods of the mix have come until no more fits. For a GPU with r free fill(r) = sum w_m
 * (milli_m + fill(r - milli_m)) / sum w_m     over kinds m with milli_m <= r w_m = share_m * gpus_m * exp(-(r
 * - milli_m) / GOOD_FIT) the exponent because, of all the GPUs there are, a pod tends to get one that it fits
 * well. The same recursion gives the CPU that the filling takes. Where the node has x of that CPU, the sum
 * over its GPUs is multiplied with x / (1 + x^4)^(1/4): about x when it has little, about 1 when it has
 * plenty, and round in between because the CPU that is taken scatters about its mean. It knows what remains
 * of a GPU between two fractions, and CPU that runs out before the GPUs do.
 *
 * On top, a node pays 1/64 of the GPU milli it keeps free, so that of equally good nodes the fuller one is
 * taken and untouched ones stay so.
 *
 * All sums are looked up in tables by a GPU's free milli; a placement changes one entry of a sum.
 */
#include "allocate/pack_policy.h"
#include "base/mem.h"

#include <math.h>

#define GOOD_FIT   125.0 /* milli */
#define KEEP_FREE  (1 / 64.0)
#define RESOLUTION 64 /* of a score: points a milli */
#define WHOLE      GW_PACK_GPU_MILLI

/* Tables for GPUs of models that the same kinds of the mix accept. */
typedef struct shelf {
    double fill[WHOLE + 1]; /* by free milli */
    double cpu[WHOLE + 1];
    uint16_t step[WHOLE + 1]; /* by free milli: how many of `millis` are at most that */
    /* one[l * (n_millis + 1) + s]: share of kinds of one GPU with the first l of `cpus` and the first s of
     * `millis`; many[l * (GPUS_MAX + 1) + k]: of kinds of several GPUs, at most k */
    double *one, *many;
} shelf;

typedef struct gpuwise {
    int64_t cpus[GW_PACK_MIX_MAX]; /* different CPU requests of the mix's GPU pods, ascending */
    int32_t millis[GW_PACK_MIX_MAX];
    size_t n_cpus, n_millis;
    size_t shelf_of[GW_PACK_MODELS_MAX];
    shelf *shelves[GW_PACK_MODELS_MAX];
    size_t n_shelves;
} gpuwise;

/* ---- tables ---- */

static void tabulate_fill(shelf *s, const gw_pack_mix *mix, int model)
{
    double fit[WHOLE + 1];
    for (int left = 0; left <= WHOLE; left++)
        fit[left] = exp(-left / GOOD_FIT);
    for (int r = 0; r <= WHOLE; r++) {
        double weight = 0, fill = 0, cpu = 0;
        for (size_t k = 0; k < mix->n; k++) {
            const gw_pack_typical *m = &mix->kinds[k];
            if (m->gpus == 0 || m->gpu_milli > r || !(m->models >> model & 1))
                continue;
            int left = r - m->gpu_milli;
            double w = m->share * m->gpus * fit[left];
            weight += w;
            fill += w * (m->gpu_milli + s->fill[left]);
            cpu += w * ((double)m->cpu_milli / m->gpus + s->cpu[left]);
        }
        s->fill[r] = weight > 0 ? fill / weight : 0;
        s->cpu[r] = weight > 0 ? cpu / weight : 0;
    }
}

static void tabulate_one(shelf *s, const gpuwise *g, const gw_pack_mix *mix, int model)
{
    for (int r = 0; r <= WHOLE; r++)
        while (s->step[r] < g->n_millis && g->millis[s->step[r]] <= r)
            s->step[r]++;
    for (size_t l = 1; l <= g->n_cpus; l++)
        for (size_t k = 0; k < mix->n; k++) {
            const gw_pack_typical *m = &mix->kinds[k];
            if (m->gpus == 0 || m->cpu_milli > g->cpus[l - 1] || !(m->models >> model & 1))
                continue;
            if (m->gpus == 1)
                for (size_t i = s->step[m->gpu_milli]; i <= g->n_millis; i++)
                    s->one[l * (g->n_millis + 1) + i] += m->share;
            else
                for (int i = m->gpus; i <= GW_PACK_GPUS_MAX; i++)
                    s->many[l * (GW_PACK_GPUS_MAX + 1) + (size_t)i] += m->share;
        }
}

static void shelf_free(shelf *s)
{
    if (!s)
        return;
    gw_free(s->one);
    gw_free(s->many);
    gw_free(s);
}

static shelf *shelf_new(const gpuwise *g, const gw_pack_mix *mix, int model)
{
    shelf *s = gw_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->one = gw_calloc((g->n_cpus + 1) * (g->n_millis + 1), sizeof(*s->one));
    s->many = gw_calloc((g->n_cpus + 1) * (GW_PACK_GPUS_MAX + 1), sizeof(*s->many));
    if (!s->one || !s->many) {
        shelf_free(s);
        return NULL;
    }
    tabulate_fill(s, mix, model);
    tabulate_one(s, g, mix, model);
    return s;
}

static int by_cpu(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int by_milli(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void collect_steps(gpuwise *g, const gw_pack_mix *mix)
{
    size_t n = 0;
    for (size_t k = 0; k < mix->n; k++)
        if (mix->kinds[k].gpus > 0) {
            g->cpus[n] = mix->kinds[k].cpu_milli;
            g->millis[n++] = mix->kinds[k].gpu_milli;
        }
    qsort(g->cpus, n, sizeof(*g->cpus), by_cpu);
    qsort(g->millis, n, sizeof(*g->millis), by_milli);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || g->cpus[i] != g->cpus[i - 1])
            g->cpus[g->n_cpus++] = g->cpus[i];
        if (i == 0 || g->millis[i] != g->millis[i - 1])
            g->millis[g->n_millis++] = g->millis[i];
    }
}

/* True where every kind of the mix accepts both models or neither. */
static bool alike(const gw_pack_mix *mix, int a, int b)
{
    for (size_t k = 0; k < mix->n; k++)
        if ((mix->kinds[k].models >> a & 1) != (mix->kinds[k].models >> b & 1))
            return false;
    return true;
}

static void close_tables(void *state)
{
    gpuwise *g = state;
    for (size_t i = 0; i < g->n_shelves; i++)
        shelf_free(g->shelves[i]);
    gw_free(g);
}

static int open_tables(const gw_pack_mix *mix, void **ret, gw_error *e)
{
    int first[GW_PACK_MODELS_MAX]; /* a model of each shelf */
    gpuwise *g = gw_calloc(1, sizeof(*g));
    if (!g)
        return gw_fail_memory(e);
    collect_steps(g, mix);
    for (int model = 0; model < GW_PACK_MODELS_MAX; model++) {
        size_t s = 0;
        while (s < g->n_shelves && !alike(mix, first[s], model))
            s++;
        if (s == g->n_shelves) {
            g->shelves[s] = shelf_new(g, mix, model);
            if (!g->shelves[s]) {
                close_tables(g);
                return gw_fail_memory(e);
            }
            first[g->n_shelves++] = model;
        }
        g->shelf_of[model] = s;
    }
    *ret = g;
    return 0;
}

/* ---- worth ---- */

/* The sums over a node's GPUs that its worth is made of. */
typedef struct sums {
    const shelf *shelf;
    const double *one, *many; /* rows of the shelf for the node's CPU */
    double cpu;               /* the node's free CPU */
    double fill, need;        /* `all`: milli, and the CPU for it */
    double single;            /* `one`, of kinds of one GPU */
    int whole;                /* wholly free GPUs */
} sums;

/* How many of the mix's CPU requests are at most that. */
static size_t level(const gpuwise *g, int64_t cpu)
{
    size_t lo = 0, hi = g->n_cpus;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (g->cpus[mid] <= cpu)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void add(sums *s, int32_t r, int sign)
{
    s->fill += sign * s->shelf->fill[r];
    s->need += sign * s->shelf->cpu[r];
    s->single += sign * r * s->one[s->shelf->step[r]];
    s->whole += r == WHOLE ? sign : 0;
}

static sums sums_of(const gpuwise *g, const gw_pack_node *n, int64_t cpu)
{
    size_t l = level(g, cpu);
    const shelf *tables = g->shelves[g->shelf_of[n->model]];
    sums s = {.shelf = tables,
              .one = tables->one + l * (g->n_millis + 1),
              .many = tables->many + l * (GW_PACK_GPUS_MAX + 1),
              .cpu = (double)cpu};
    for (int i = 0; i < n->gpus; i++)
        add(&s, n->free_milli[i], 1);
    return s;
}

static double worth(const sums *s)
{
    double all = s->fill;
    if (s->need > 0) {
        double x = s->cpu / s->need, xx = x * x;
        all *= x / sqrt(sqrt(1 + xx * xx));
    }
    return all + s->single + WHOLE * s->whole * s->many[s->whole];
}

static void prepare(const void *state, gw_pack_node *n)
{
    sums s = sums_of(state, n, n->cpu_milli);
    n->value = worth(&s);
}

static int32_t score(const void *state, const gw_pack_node *n, const gw_pack_pod *pod, uint32_t *ret_gpus)
{
    const gpuwise *g = state;
    sums s = sums_of(g, n, n->cpu_milli - pod->cpu_milli);
    double best;
    if (pod->gpus != 1 || pod->gpu_milli == WHOLE) {
        *ret_gpus = gw_pack_first_whole(n, pod->gpus);
        for (int i = 0; i < pod->gpus; i++) {
            add(&s, WHOLE, -1);
            add(&s, 0, 1);
        }
        best = worth(&s);
    } else {
        best = -INFINITY;
        for (int i = 0; i < n->gpus; i++) {
            int32_t r = n->free_milli[i];
            if (r < pod->gpu_milli || (i > 0 && r == n->free_milli[i - 1]))
                continue;
            sums after = s;
            add(&after, r, -1);
            add(&after, r - pod->gpu_milli, 1);
            double w = worth(&after);
            if (w > best) {
                best = w;
                *ret_gpus = UINT32_C(1) << i;
            }
        }
    }
    int32_t kept = n->free_total - pod->gpus * pod->gpu_milli;
    return (int32_t)lrint(RESOLUTION * (best - n->value - KEEP_FREE * kept));
}

const gw_pack_policy gw_pack_gpuwise = {
    .name = "gpuwise", .open = open_tables, .close = close_tables, .prepare = prepare, .score = score};
