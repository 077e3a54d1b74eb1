#include "allocate/mix_internal.h"

#include <stdlib.h>

/* ---- checking what was handed in ---- */

static int check_type(const gw_mix_type *t, size_t i, gw_error *e)
{
    const char *name = t->name ? t->name : "";
    const char *fault = NULL;
    if (t->cpu_milli < 0 || t->cpu_milli > GW_MIX_CPU_MAX)
        fault = "CPU is out of range";
    else if (t->memory_mib < 0 || t->memory_mib > GW_MIX_MEMORY_MAX)
        fault = "memory is out of range";
    else if (t->gpus < 0 || t->gpus > GW_MIX_GPUS_MAX)
        fault = "the number of GPUs is out of range";
    else if (t->gpu_milli_each < 0 || t->gpu_milli_each > GW_MIX_GPU_EACH_MAX)
        fault = "the milli of a GPU are out of range";
    else if (!gw_micro_known(t->hourly) || t->hourly < 0 || t->hourly > GW_MIX_PRICE_MAX)
        fault = "the price is unknown or out of range";
    else if (t->reserve_cpu_milli < 0 || t->reserve_memory_mib < 0)
        fault = "what is reserved is negative";
    else if (t->max_nodes < GW_MIX_NO_LIMIT)
        fault = "the limit of nodes is negative";
    return fault ? gw_fail(e, GW_EUSAGE, "instance type %zu (%s): %s", i, name, fault) : 0;
}

static int check_pod(const gw_mix_pod *p, size_t i, gw_error *e)
{
    const char *fault = NULL;
    if (p->cpu_milli < 0 || p->cpu_milli > GW_MIX_CPU_MAX)
        fault = "CPU is out of range";
    else if (p->memory_mib < 0 || p->memory_mib > GW_MIX_MEMORY_MAX)
        fault = "memory is out of range";
    else if (p->gpus < 0 || p->gpus > GW_MIX_GPUS_MAX)
        fault = "the number of GPUs is out of range";
    else if (p->gpu_milli < 0 || p->gpu_milli > GW_MIX_GPU_MILLI || (p->gpus == 0) != (p->gpu_milli == 0))
        fault = "the milli of a GPU are out of range";
    else if (p->gpus > 1 && p->gpu_milli != GW_MIX_GPU_MILLI)
        fault = "several GPUs must be whole ones";
    return fault ? gw_fail(e, GW_EUSAGE, "pod %zu: %s", i, fault) : 0;
}

static bool fits(const gw_mix_shape *s, const gw_mix_kind *k)
{
    return k->cpu <= s->cpu && k->memory <= s->memory && k->gpus <= s->gpus && k->milli <= s->milli;
}

static uint64_t types_that_fit(const gw_mix_model *m, const gw_mix_kind *k)
{
    uint64_t set = 0;
    for (size_t t = 0; t < m->n_shapes; t++)
        if (k->types >> t & 1 && fits(&m->shapes[t], k))
            set |= UINT64_C(1) << t;
    return set;
}

static int fail_without_type(const gw_mix_pod *p, size_t i, const gw_mix_model *m, gw_error *e)
{
    uint64_t all = m->n_shapes == 64 ? UINT64_MAX : (UINT64_C(1) << m->n_shapes) - 1;
    return gw_fail(e, GW_ENODATA,
                   "pod %zu (%" PRId64 " milli CPU, %" PRId64 " MiB, %d GPUs of %d milli) fits none of the "
                   "%zu instance types%s: add a larger one",
                   i, p->cpu_milli, p->memory_mib, p->gpus, p->gpu_milli, m->n_shapes,
                   (p->types & all) == all ? "" : " that it allows");
}

/* ---- shapes ---- */

static int make_shapes(gw_mix_model *m, const gw_mix_type *types, size_t n, gw_error *e)
{
    gw_micro dearest = 1;
    m->shapes = GW_NEW_ARRAY(&m->arena, gw_mix_shape, n);
    if (!m->shapes)
        return gw_fail_memory(e);
    m->n_shapes = n;
    for (size_t t = 0; t < n; t++) {
        int rc = check_type(&types[t], t, e);
        if (rc)
            return rc;
        dearest = GW_MAX(dearest, types[t].hourly);
    }
    while (m->unit_shift < GW_MIX_UNIT_BITS && dearest << (m->unit_shift + 1) < INT64_C(1)
                                                                                    << GW_MIX_UNIT_BITS)
        m->unit_shift++;
    for (size_t t = 0; t < n; t++) {
        gw_mix_shape *s = &m->shapes[t];
        s->cpu = GW_MAX(types[t].cpu_milli - types[t].reserve_cpu_milli, INT64_C(0));
        s->memory = GW_MAX(types[t].memory_mib - types[t].reserve_memory_mib, INT64_C(0));
        s->gpus = types[t].gpus;
        s->milli = types[t].gpus ? types[t].gpu_milli_each : 0;
        s->cost = types[t].hourly << m->unit_shift;
        s->max_nodes = types[t].max_nodes;
        m->limited |= s->max_nodes != GW_MIX_NO_LIMIT;
    }
    return 0;
}

static int32_t common_divisor(int32_t a, int32_t b)
{
    while (b) {
        int32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The lists of kinds of each shape. Kinds are sorted by GPUs, then milli, so that the lists are. */
static int make_lists(gw_mix_model *m)
{
    for (size_t t = 0; t < m->n_shapes; t++) {
        gw_mix_shape *s = &m->shapes[t];
        uint32_t *list = GW_NEW_ARRAY(&m->arena, uint32_t, 3 * GW_MAX(m->n_kinds, (size_t)1));
        if (!list)
            return GW_ENOMEM;
        s->fractions = list;
        s->wholes = list + m->n_kinds;
        s->others = list + 2 * m->n_kinds;
        s->n_fractions = s->n_wholes = s->n_others = 0;
        s->step = 0;
        for (uint32_t k = 0; k < m->n_kinds; k++) {
            const gw_mix_kind *kind = &m->kinds[k];
            if (!(kind->types >> t & 1))
                continue;
            if (kind->gpus == 0) {
                s->others[s->n_others++] = k;
            } else if (gw_mix_is_fraction(kind)) {
                s->fractions[s->n_fractions++] = k;
                s->step = common_divisor(s->step, kind->milli);
            } else {
                s->wholes[s->n_wholes++] = k;
            }
        }
    }
    return 0;
}

/* ---- kinds ---- */

static int compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_size(const void *va, const void *vb)
{
    const gw_mix_kind *a = va, *b = vb;
    int c = compare(a->gpus, b->gpus);
    c = c ? c : compare(a->milli, b->milli);
    c = c ? c : compare(a->cpu, b->cpu);
    c = c ? c : compare(a->memory, b->memory);
    return c ? c : (a->types > b->types) - (a->types < b->types);
}

/* Each kind once, in order of appearance, and the kind of each pod. */
static int collect(gw_mix_model *m, const gw_mix_pod *pods, size_t n, gw_map *known, uint32_t *kind_of,
                   gw_error *e)
{
    for (size_t i = 0; i < n; i++) {
        const gw_mix_pod *p = &pods[i];
        gw_mix_kind k = {
            .cpu = p->cpu_milli, .memory = p->memory_mib, .gpus = p->gpus, .milli = p->gpu_milli};
        int rc = check_pod(p, i, e);
        if (rc)
            return rc;
        k.types = p->types;
        k.types = types_that_fit(m, &k);
        if (!k.types)
            return fail_without_type(p, i, m, e);
        struct {
            int64_t cpu, memory;
            int32_t gpus, milli;
            uint64_t types;
        } key = {k.cpu, k.memory, k.gpus, k.milli, k.types};
        gw_str text = {(const char *)&key, sizeof(key)};
        uint32_t at = gw_map_get(known, text);
        if (at == GW_NONE) {
            at = (uint32_t)known->n;
            if (gw_map_set(known, text, at))
                return gw_fail_memory(e);
            k.parent = at;
            m->kinds[m->n_kinds++] = k;
        }
        m->kinds[at].demand++;
        kind_of[i] = at;
    }
    return 0;
}

static int make_kinds(gw_mix_model *m, const gw_mix_pod *pods, size_t n, uint32_t *kind_of, gw_error *e)
{
    gw_map known;
    gw_map_init(&known);
    m->kinds = GW_NEW_ARRAY(&m->arena, gw_mix_kind, GW_MAX(n, (size_t)1));
    uint32_t *place = GW_NEW_ARRAY(&m->arena, uint32_t, GW_MAX(n, (size_t)1));
    int rc = m->kinds && place ? collect(m, pods, n, &known, kind_of, e) : gw_fail_memory(e);
    gw_map_free(&known);
    if (rc)
        return rc;
    qsort(m->kinds, m->n_kinds, sizeof(*m->kinds), by_size);
    for (uint32_t k = 0; k < m->n_kinds; k++)
        place[m->kinds[k].parent] = k;
    for (uint32_t k = 0; k < m->n_kinds; k++)
        m->kinds[k].parent = k;
    for (size_t i = 0; i < n; i++)
        kind_of[i] = place[kind_of[i]];
    return 0;
}

int gw_mix_model_init(gw_mix_model *m, const gw_mix_pod *pods, size_t n_pods, const gw_mix_type *types,
                      size_t n_types, uint32_t *kind_of, gw_error *e)
{
    memset(m, 0, sizeof(*m));
    gw_arena_init(&m->arena, 0);
    if (n_types == 0)
        return gw_fail(e, GW_EUSAGE, "there are no instance types to choose from");
    if (n_types > GW_MIX_TYPES_MAX)
        return gw_fail(e, GW_ELIMIT, "%zu instance types are more than %d", n_types, GW_MIX_TYPES_MAX);
    if (n_pods > GW_MIX_PODS_MAX)
        return gw_fail(e, GW_ELIMIT, "%zu pods are more than %zu", n_pods, GW_MIX_PODS_MAX);
    int rc = make_shapes(m, types, n_types, e);
    if (rc == 0)
        rc = make_kinds(m, pods, n_pods, kind_of, e);
    if (rc == 0 && make_lists(m))
        rc = gw_fail_memory(e);
    if (rc)
        gw_mix_model_free(m);
    return rc;
}

void gw_mix_model_free(gw_mix_model *m)
{
    gw_arena_free(&m->arena);
    memset(m, 0, sizeof(*m));
}

/* Another model of the same shapes, with room for that many kinds. */
static int derive(gw_mix_model *m, const gw_mix_model *of, size_t kinds)
{
    memset(m, 0, sizeof(*m));
    gw_arena_init(&m->arena, 0);
    m->unit_shift = of->unit_shift;
    m->limited = of->limited;
    m->kinds = GW_NEW_ARRAY(&m->arena, gw_mix_kind, GW_MAX(kinds, (size_t)1));
    m->shapes = GW_NEW_ARRAY(&m->arena, gw_mix_shape, of->n_shapes);
    if (!m->kinds || !m->shapes) {
        gw_mix_model_free(m);
        return GW_ENOMEM;
    }
    m->n_shapes = of->n_shapes;
    memcpy(m->shapes, of->shapes, of->n_shapes * sizeof(*m->shapes));
    return 0;
}

int gw_mix_model_cut(gw_mix_model *m, const gw_mix_model *of, const int64_t *demand)
{
    size_t n = 0;
    for (size_t k = 0; k < of->n_kinds; k++)
        n += demand[k] > 0;
    int rc = derive(m, of, n);
    for (uint32_t k = 0; rc == 0 && k < of->n_kinds; k++) {
        if (demand[k] <= 0)
            continue;
        m->kinds[m->n_kinds] = of->kinds[k];
        m->kinds[m->n_kinds].demand = demand[k];
        m->kinds[m->n_kinds++].parent = k;
    }
    if (rc == 0 && (rc = make_lists(m)))
        gw_mix_model_free(m);
    return rc;
}

/* ---- merging ---- */

#define DIMENSIONS 3

static int64_t size_of(const gw_mix_kind *k, int dimension)
{
    return dimension == 0 ? k->cpu : dimension == 1 ? k->memory : k->milli;
}

/* Kinds that may be merged at all: alike but for CPU, memory, and the milli of a fraction. */
static bool alike(const gw_mix_kind *a, const gw_mix_kind *b)
{
    return a->gpus == b->gpus && gw_mix_is_fraction(a) == gw_mix_is_fraction(b) && a->types == b->types;
}

typedef struct group {
    uint32_t first, n; /* of the sorted kinds */
    int dimension;     /* the one to split by */
    double loss;       /* what rounding down to the least along it gives away, pods times share */
} group;

/* How much is given away along each dimension when everything is rounded down to the least. */
static void measure(const gw_mix_kind *kinds, group *g)
{
    g->loss = 0;
    g->dimension = 0;
    for (int d = 0; d < DIMENSIONS; d++) {
        int64_t least = INT64_MAX, most = 0;
        double sum = 0, pods = 0;
        for (uint32_t i = g->first; i < g->first + g->n; i++) {
            int64_t size = size_of(&kinds[i], d);
            least = GW_MIN(least, size);
            most = GW_MAX(most, size);
            sum += (double)size * (double)kinds[i].demand;
            pods += (double)kinds[i].demand;
        }
        /* measured against the mean size, so that all dimensions count alike */
        double loss = sum > 0 ? (sum - (double)least * pods) / sum * pods : 0;
        if (most > least && loss > g->loss) {
            g->loss = loss;
            g->dimension = d;
        }
    }
}

static int by_cpu(const void *a, const void *b)
{
    int c = compare(size_of(a, 0), size_of(b, 0));
    return c ? c : by_size(a, b);
}

static int by_memory(const void *a, const void *b)
{
    int c = compare(size_of(a, 1), size_of(b, 1));
    return c ? c : by_size(a, b);
}

static int by_group(const void *va, const void *vb)
{
    const gw_mix_kind *a = va, *b = vb;
    int c = compare(a->gpus, b->gpus);
    c = c ? c : compare(gw_mix_is_fraction(a), gw_mix_is_fraction(b));
    c = c ? c : (a->types > b->types) - (a->types < b->types);
    return c ? c : by_size(a, b);
}

/* Splits the group where half of its pods are on either side, never between equal sizes; g becomes the lower
 * part. */
static group split(gw_mix_kind *kinds, group *g)
{
    static int (*const order[DIMENSIONS])(const void *, const void *) = {by_cpu, by_memory, by_size};
    gw_mix_kind *k = kinds + g->first;
    qsort(k, g->n, sizeof(*k), order[g->dimension]);
    int64_t pods = 0, below = 0;
    for (uint32_t i = 0; i < g->n; i++)
        pods += k[i].demand;
    uint32_t at = 0;
    for (uint32_t i = 1; i < g->n; i++) {
        below += k[i - 1].demand;
        if (size_of(&k[i], g->dimension) == size_of(&k[i - 1], g->dimension))
            continue;
        if (at && 2 * below > pods)
            break;
        at = i;
    }
    group upper = {g->first + at, g->n - at, 0, 0};
    g->n = at;
    measure(kinds, g);
    measure(kinds, &upper);
    return upper;
}

int gw_mix_model_merge(gw_mix_model *m, const gw_mix_model *of, size_t most, uint32_t *group_of)
{
    int rc = derive(m, of, of->n_kinds);
    if (rc)
        return rc;
    gw_mix_kind *kinds = GW_NEW_ARRAY(&m->arena, gw_mix_kind, of->n_kinds);
    group *groups = GW_NEW_ARRAY(&m->arena, group, of->n_kinds);
    if (!kinds || !groups) {
        gw_mix_model_free(m);
        return GW_ENOMEM;
    }
    memcpy(kinds, of->kinds, of->n_kinds * sizeof(*kinds));
    for (uint32_t k = 0; k < of->n_kinds; k++)
        kinds[k].parent = k;
    qsort(kinds, of->n_kinds, sizeof(*kinds), by_group);
    size_t n = 0;
    for (uint32_t i = 0; i < of->n_kinds; i++) {
        if (i == 0 || !alike(&kinds[i], &kinds[i - 1]))
            groups[n++] = (group){.first = i};
        groups[n - 1].n++;
    }
    for (size_t i = 0; i < n; i++)
        measure(kinds, &groups[i]);
    while (n < most) {
        size_t worst = 0;
        for (size_t i = 1; i < n; i++)
            if (groups[i].loss > groups[worst].loss)
                worst = i;
        if (!(groups[worst].loss > 0))
            break;
        group upper = split(kinds, &groups[worst]);
        groups[n++] = upper;
    }
    for (size_t i = 0; i < n; i++) {
        gw_mix_kind k = kinds[groups[i].first];
        k.demand = 0;
        k.parent = (uint32_t)i;
        for (uint32_t j = groups[i].first; j < groups[i].first + groups[i].n; j++) {
            k.cpu = GW_MIN(k.cpu, kinds[j].cpu);
            k.memory = GW_MIN(k.memory, kinds[j].memory);
            k.milli = GW_MIN(k.milli, kinds[j].milli);
            k.demand += kinds[j].demand;
        }
        m->kinds[m->n_kinds++] = k;
    }
    qsort(m->kinds, m->n_kinds, sizeof(*m->kinds), by_size);
    for (uint32_t i = 0; i < n; i++) {
        const group *g = &groups[m->kinds[i].parent];
        for (uint32_t j = g->first; j < g->first + g->n; j++)
            group_of[kinds[j].parent] = i;
    }
    if ((rc = make_lists(m)))
        gw_mix_model_free(m);
    return rc;
}
