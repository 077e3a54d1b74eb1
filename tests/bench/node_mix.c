/*
 * The cheapest instance types for pods: cost of the greedy answer, of the full method, the proven lower
 * bound, and time; beside what simpler rules would cost.
 *
 *     node-mix --pods CSV --types CSV [--seconds N] [--limit N | --clone N [--seed S]] [--gpu-pods |
 * --all-pods]
 *              [--plan FILE] [-o csv]
 *
 *     pods     CSV with header: cpu_milli, memory_mib, num_gpu, gpu_milli, and name and gpu_spec ("A|B",
 * names of types; both may be missing) types    CSV with header: name, cpu_milli, memory_mib, gpus,
 * gpu_milli_each, usd_per_hour, and max_nodes (may be missing)
 *
 * Where some pods ask for GPUs and some do not, both questions are answered, one after the other: the mix for
 * the pods with GPUs, and the mix for all. --limit takes the first N pods that count, --clone draws N of them
 * at random, with return. --plan writes who goes where: node, type, pod, gpus. The plan is checked by
 * gw_mix_check before anything is printed.
 */
#include <getopt.h>
#include <stdlib.h>
#include <time.h>

#include "node_mix_input.h"

#define SECONDS_DEFAULT 60
#define SECONDS_MAX     86400
#define CURVE_MAX       4096
#define SIMPLE_PODS_MAX 20000 /* first-fit takes the square of them */

typedef struct settings {
    const char *pods, *types, *plan;
    int64_t seconds, limit, clone, seed;
    bool csv, gpu_pods, all_pods;
} settings;

typedef struct point {
    int64_t ms;
    gw_micro cost, bound;
    gw_mix_method method;
} point;

typedef struct curve {
    point points[CURVE_MAX];
    size_t n;
} curve;

static void on_progress(void *ctx, int64_t ms, gw_micro cost, gw_micro bound, gw_mix_method method)
{
    curve *c = ctx;
    if (c->n == CURVE_MAX)
        c->n--; /* the last point is always the last */
    c->points[c->n++] = (point){ms, cost, bound, method};
}

/* ---- simpler rules ---- */

/* A pod alone on a node of its own; -1: none holds it. */
static bool holds(const gw_mix_type *t, size_t type, const gw_mix_pod *p)
{
    return p->types >> type & 1 && p->cpu_milli <= t->cpu_milli && p->memory_mib <= t->memory_mib &&
           p->gpus <= t->gpus && (p->gpus == 0 || p->gpu_milli <= t->gpu_milli_each);
}

static gw_micro one_node_per_pod(const input *in)
{
    gw_micro sum = 0;
    for (size_t i = 0; i < in->n_pods; i++) {
        gw_micro least = INT64_MAX;
        for (size_t t = 0; t < in->n_types; t++)
            if (holds(&in->types[t], t, &in->pods[i]))
                least = GW_MIN(least, in->types[t].hourly);
        if (least == INT64_MAX)
            return GW_MICRO_UNKNOWN;
        sum += least;
    }
    return sum;
}

typedef struct bin {
    int64_t cpu, memory;
    uint64_t types;        /* that everything on it allows */
    int32_t gpus, largest; /* opened; the most milli asked of one */
    int32_t shared[GW_MIX_GPUS_MAX];
} bin;

/* Types that would hold the bin. */
static uint64_t fitting(const input *in, const bin *b)
{
    uint64_t set = 0;
    for (size_t t = 0; t < in->n_types; t++) {
        const gw_mix_type *y = &in->types[t];
        if (b->types >> t & 1 && b->cpu <= y->cpu_milli && b->memory <= y->memory_mib && b->gpus <= y->gpus &&
            (b->gpus == 0 || b->largest <= y->gpu_milli_each))
            set |= UINT64_C(1) << t;
    }
    return set;
}

static bool add_to(const input *in, bin *b, const gw_mix_pod *p)
{
    bin c = *b;
    c.cpu += p->cpu_milli;
    c.memory += p->memory_mib;
    c.types &= p->types;
    int32_t gpu = 0;
    bool part = p->gpus == 1 && p->gpu_milli < GW_MIX_GPU_MILLI;
    while (part && gpu < c.gpus && c.shared[gpu] + p->gpu_milli > GW_MIX_GPU_MILLI)
        gpu++;
    if (!part)
        gpu = c.gpus;
    if (gpu + p->gpus > GW_MIX_GPUS_MAX)
        return false;
    for (int32_t i = gpu; i < gpu + p->gpus; i++) {
        c.shared[i] = part ? c.shared[i] + p->gpu_milli : GW_MIX_GPU_MILLI;
        c.largest = GW_MAX(c.largest, c.shared[i]);
        c.gpus = GW_MAX(c.gpus, i + 1);
    }
    if (!fitting(in, &c))
        return false;
    *b = c;
    return true;
}

static int by_cpu_and_memory(const void *va, const void *vb)
{
    const gw_mix_pod *a = va, *b = vb;
    if (a->cpu_milli != b->cpu_milli)
        return a->cpu_milli > b->cpu_milli ? -1 : 1;
    return (a->memory_mib < b->memory_mib) - (a->memory_mib > b->memory_mib);
}

/* First-fit decreasing as Karpenter sorts: by CPU, then memory; a node takes pods as long as some type would
 * hold them, and is then the cheapest such type. */
static int first_fit(const input *in, gw_micro *ret)
{
    gw_mix_pod *pods = gw_malloc(GW_MAX(in->n_pods, (size_t)1) * sizeof(*pods));
    bin *bins = gw_malloc(GW_MAX(in->n_pods, (size_t)1) * sizeof(*bins));
    size_t n = 0;
    gw_micro sum = 0;
    if (!pods || !bins) {
        gw_free(pods);
        gw_free(bins);
        return GW_ENOMEM;
    }
    memcpy(pods, in->pods, in->n_pods * sizeof(*pods));
    qsort(pods, in->n_pods, sizeof(*pods), by_cpu_and_memory);
    for (size_t i = 0; i < in->n_pods; i++) {
        size_t at = 0;
        while (at < n && !add_to(in, &bins[at], &pods[i]))
            at++;
        if (at < n)
            continue;
        bins[n] = (bin){.types = UINT64_MAX};
        add_to(in, &bins[n++], &pods[i]);
    }
    for (size_t i = 0; i < n; i++) {
        gw_micro least = INT64_MAX;
        uint64_t set = fitting(in, &bins[i]);
        for (size_t t = 0; t < in->n_types; t++)
            if (set >> t & 1)
                least = GW_MIN(least, in->types[t].hourly);
        sum += least == INT64_MAX ? 0 : least;
    }
    gw_free(pods);
    gw_free(bins);
    *ret = sum;
    return 0;
}

/* ---- printing ---- */

static double dollars(gw_micro m)
{
    return (double)m / 1e6;
}

static double gap_pct(gw_micro cost, gw_micro bound)
{
    return bound > 0 ? 100 * ((double)cost - (double)bound) / (double)bound : 100;
}

typedef struct row {
    const char *what;
    int64_t ms; /* -1: not measured */
    gw_micro cost;
} row;

static void print_row(const settings *s, row r)
{
    if (!gw_micro_known(r.cost))
        return;
    if (s->csv)
        printf("cost,%s,%" PRId64 ",%.6f,\n", r.what, r.ms, dollars(r.cost));
    else if (r.ms >= 0)
        printf("  %-44s %14.3f $/h %8.3f s\n", r.what, dollars(r.cost), (double)r.ms / 1000);
    else
        printf("  %-44s %14.3f $/h\n", r.what, dollars(r.cost));
}

static void print_types(const settings *s, const input *in, const gw_mix *m)
{
    size_t count[GW_MIX_TYPES_MAX] = {0};
    for (size_t i = 0; i < m->n_nodes; i++)
        count[m->nodes[i].type]++;
    if (!s->csv)
        printf("mix of %zu nodes\n", m->n_nodes);
    for (size_t t = 0; t < in->n_types; t++) {
        if (count[t] == 0)
            continue;
        double sum = dollars(in->types[t].hourly) * (double)count[t];
        if (s->csv)
            printf("type,%s,,%.6f,%zu\n", in->types[t].name, sum, count[t]);
        else
            printf("  %7zu x %-34s %14.3f $/h\n", count[t], in->types[t].name, sum);
    }
}

static void print_curve(const settings *s, const curve *c)
{
    if (!s->csv)
        printf("anytime curve: %10s %14s %14s %8s\n", "s", "cost $/h", "bound $/h", "gap %");
    for (size_t i = 0; i < c->n; i++) {
        const point *p = &c->points[i];
        if (s->csv)
            printf("curve,%s,%" PRId64 ",%.6f,%.6f\n", gw_mix_method_name(p->method), p->ms, dollars(p->cost),
                   dollars(p->bound));
        else
            printf("  %-12s %10.3f %14.3f %14.3f %8.3f\n", gw_mix_method_name(p->method),
                   (double)p->ms / 1000, dollars(p->cost), dollars(p->bound), gap_pct(p->cost, p->bound));
    }
}

static int print_simple(const settings *s, const input *in, gw_error *e)
{
    gw_micro cost = one_node_per_pod(in);
    for (size_t t = 0; t < in->n_types; t++)
        if (in->types[t].max_nodes != GW_MIX_NO_LIMIT)
            return 0; /* they know no limits */
    print_row(s, (row){"one cheapest node per pod", -1, cost});
    if (in->n_pods > SIMPLE_PODS_MAX)
        return 0;
    if (first_fit(in, &cost))
        return gw_fail_memory(e);
    print_row(s, (row){"first-fit decreasing by CPU then memory", -1, cost});
    return 0;
}

static int write_plan(const char *path, const input *in, const gw_mix *m, gw_error *e)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return gw_fail(e, GW_EIO, "%s: cannot be written: %s", path, strerror(errno));
    fputs("node,type,pod,gpus\n", f);
    for (size_t i = 0; i < m->n_nodes; i++) {
        const gw_mix_node *n = &m->nodes[i];
        for (uint32_t j = n->first; j < n->first + n->n; j++) {
            const gw_mix_place *at = &m->places[j];
            fprintf(f, "%zu,%s,%" PRIu32 ",", i, in->types[n->type].name, at->pod);
            const char *between = "";
            for (int g = 0; g < GW_MIX_GPUS_MAX; g++) {
                if (at->gpus >> g & 1) {
                    fprintf(f, "%s%d", between, g);
                    between = "+";
                }
            }
            fputc('\n', f);
        }
    }
    bool bad = ferror(f);
    bad |= fclose(f) != 0;
    return bad ? gw_fail(e, GW_EIO, "%s: cannot be written: %s", path, strerror(errno)) : 0;
}

/* ---- the program ---- */

/* A pod that fits no type is named as the file does. */
static int name_pod(const input *in, gw_error *e)
{
    for (size_t i = 0; i < in->n_pods; i++) {
        const gw_mix_pod *p = &in->pods[i];
        bool any = false;
        for (size_t t = 0; t < in->n_types; t++)
            any |= holds(&in->types[t], t, p);
        if (!any)
            return gw_error_prefix(e, "line %" PRIu32 ", pod \"%s\"", in->lines[i], in->names[i]);
    }
    return e->code;
}

static int answer(const settings *s, const input *in, const char *which, gw_error *e)
{
    static curve c;
    gw_mix m = {0};
    c.n = 0;
    const gw_mix_options o = {.budget_ms = s->seconds * 1000, .progress = on_progress, .progress_ctx = &c};
    int rc = gw_mix_find(in->pods, in->n_pods, in->types, in->n_types, &o, &m, e);
    if (rc)
        return name_pod(in, e);
    rc = gw_mix_check(in->pods, in->n_pods, in->types, in->n_types, &m, e);
    if (rc == 0) {
        if (s->csv)
            printf("pods,%s,,,%zu\nkinds,,,,%zu\n", which, in->n_pods, m.n_kinds);
        else
            printf("%s: %zu, of %zu kinds; %zu instance types\n", which, in->n_pods, m.n_kinds, in->n_types);
        rc = print_simple(s, in, e);
    }
    if (rc == 0) {
        if (m.greedy_cost != INT64_MAX)
            print_row(s, (row){"greedy", m.greedy_ms, m.greedy_cost});
        print_row(s, (row){"full method", m.elapsed_ms, m.cost});
        print_row(s, (row){"proven lower bound", -1, m.bound});
        if (s->csv)
            printf("gap,percent,,%.6f,\nmethod,%s,,,%d\n", gap_pct(m.cost, m.bound),
                   gw_mix_method_name(m.method), m.cut_short);
        else
            printf("  gap %.4f %%; the answer is %s%s%s; checked\n", gap_pct(m.cost, m.bound),
                   gw_mix_method_name(m.method), m.cost == m.bound ? ", and optimal" : "",
                   m.cut_short ? ", cut short by --seconds" : "");
        print_types(s, in, &m);
        print_curve(s, &c);
        if (s->plan)
            rc = write_plan(s->plan, in, &m, e);
    }
    gw_mix_free(&m);
    return rc;
}

/* Keeps the pods that ask for GPUs. */
static void keep_gpu_pods(input *in)
{
    size_t n = 0;
    for (size_t i = 0; i < in->n_pods; i++) {
        if (in->pods[i].gpus == 0)
            continue;
        in->pods[n] = in->pods[i];
        in->lines[n] = in->lines[i];
        in->names[n++] = in->names[i];
    }
    in->n_pods = n;
}

static int run(const settings *s, bool gpu_pods, bool *mixed, gw_error *e)
{
    static input in;
    memset(&in, 0, sizeof(in));
    gw_map_init(&in.type_at);
    gw_pool_init(&in.texts);
    int rc = read_csv(&in, s->types, type_columns, type_row, e);
    if (rc == 0)
        rc = read_csv(&in, s->pods, pod_columns, pod_row, e);
    size_t all = in.n_pods, with_gpus = 0;
    for (size_t i = 0; i < all; i++)
        with_gpus += in.pods[i].gpus > 0;
    *mixed = with_gpus > 0 && with_gpus < all;
    if (rc == 0 && s->gpu_pods && with_gpus == 0)
        rc = gw_fail(e, GW_ENODATA, "no pod asks for a GPU");
    if (rc == 0 && gpu_pods && *mixed)
        keep_gpu_pods(&in);
    if (rc == 0 && s->limit >= 0)
        in.n_pods = GW_MIN(in.n_pods, (size_t)s->limit);
    if (rc == 0 && s->clone >= 0)
        rc = clone_pods(&in, (size_t)s->clone, (uint64_t)s->seed, e);
    if (rc == 0)
        rc = answer(s, &in, !gpu_pods ? "all pods" : *mixed ? "pods with GPUs" : "pods", e);
    if (rc == GW_ENODATA || rc == GW_EUSAGE)
        gw_error_prefix(e, "%s", s->pods);
    input_free(&in);
    return rc;
}

static int usage(const char *fault, const char *what)
{
    if (fault)
        fprintf(stderr, "node-mix: %s%s%s\n", fault, what ? ": " : "", what ? what : "");
    fprintf(stderr, "usage: node-mix --pods CSV --types CSV [--seconds N] [--limit N | --clone N [--seed S]] "
                    "[--gpu-pods | --all-pods] [--plan FILE] [-o csv]\n");
    return -GW_EUSAGE;
}

static bool number(const char *text, int64_t least, int64_t most, int64_t *ret)
{
    return gw_parse_int64(gw_str_of(text), ret) && *ret >= least && *ret <= most;
}

/* 0, or the exit code. */
static int parse(int argc, char **argv, settings *s)
{
    static const struct option options[] = {
        {"pods", required_argument, NULL, 'p'},
        {"types", required_argument, NULL, 't'},
        {"seconds", required_argument, NULL, 's'},
        {"limit", required_argument, NULL, 'l'},
        {"clone", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 'r'},
        {"gpu-pods", no_argument, NULL, 'g'},
        {"all-pods", no_argument, NULL, 'a'},
        {"plan", required_argument, NULL, 'w'},
        {"output", required_argument, NULL, 'o'},
        {NULL, 0, NULL, 0},
    };
    *s = (settings){.seconds = SECONDS_DEFAULT, .limit = -1, .clone = -1, .seed = 1};
    for (int c; (c = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        bool ok = true;
        if (c == 'p')
            s->pods = optarg;
        else if (c == 't')
            s->types = optarg;
        else if (c == 'w')
            s->plan = optarg;
        else if (c == 's')
            ok = number(optarg, 0, SECONDS_MAX, &s->seconds);
        else if (c == 'l')
            ok = number(optarg, 0, INT64_MAX, &s->limit);
        else if (c == 'c')
            ok = number(optarg, 0, (int64_t)GW_MIX_PODS_MAX / 2, &s->clone);
        else if (c == 'r')
            ok = number(optarg, 0, INT64_MAX, &s->seed);
        else if (c == 'g')
            s->gpu_pods = true;
        else if (c == 'a')
            s->all_pods = true;
        else if (c == 'o')
            ok = s->csv = gw_eq(optarg, "csv");
        else
            return usage(NULL, NULL);
        if (!ok)
            return usage(c == 'o' ? "-o knows csv only" : "not a number in range", optarg);
    }
    if (optind < argc)
        return usage("what is this", argv[optind]);
    if (s->gpu_pods && s->all_pods)
        return usage("--gpu-pods and --all-pods exclude each other", NULL);
    return s->pods && s->types ? 0 : usage("--pods and --types are needed", NULL);
}

int main(int argc, char **argv)
{
    settings s;
    gw_error e = {0};
    bool mixed = true;
    int rc = parse(argc, argv, &s);
    if (rc)
        return rc;
    if (s.csv)
        puts("row,name,ms,usd_per_hour,value");
    if (!s.all_pods)
        rc = run(&s, true, &mixed, &e);
    if (rc == 0 && !s.gpu_pods && mixed) {
        bool unused;
        fflush(stdout);
        rc = run(&s, false, &unused, &e);
    }
    if (rc)
        fprintf(stderr, "node-mix: %s\n", e.message);
    return -rc;
}
