/*
 * Plans MIG slices for measured models: which slices, with how many processes and what batch, on how many
 * boards, for one scenario a row of the two SLO files; and the lower bound that says how good that is.
 *
 *     mig-plan --profiles DIR --slo-latency CSV --slo-rate CSV [--board NAME] [--scenario N] [--share X]
 *
 * DIR has one CSV a model (allocate/mig_plan.h says of what columns); the SLO files have a row a scenario and
 * a column a model in alphabetical order of DIR's files: the latency limit in ms, and the rate in requests/s.
 * A cell that is no number leaves its model out. --share: the part of the limit that a measured latency must
 * be less than (0.45). The last line of each scenario sums up:
 *
 *     scenario 1: 6 models, 2 boards, lower bound 2, optimal, 10 of 14 compute slices, 0.9 ms
 */
#include <dirent.h>
#include <getopt.h>
#include <stdio.h>

#include "allocate/mig_plan.h"
#include "base/number.h"
#include "base/time.h"
#include "format/csv.h"

#define MODELS_MAX    GW_MIG_SERVICES_MAX
#define SCENARIOS_MAX 64
#define FILE_MAX      ((size_t)1 << 20)

typedef struct input {
    char *models[MODELS_MAX]; /* file names, sorted */
    gw_mig_curve curves[MODELS_MAX];
    size_t n;
    double limit_ms[SCENARIOS_MAX][MODELS_MAX], rate[SCENARIOS_MAX][MODELS_MAX]; /* -1: not a number */
    size_t n_limits, n_rates;
    gw_arena arena;
} input;

static input in;

static int fail(const gw_error *e)
{
    fprintf(stderr, "mig-plan: %s\n", e->message);
    return 1;
}

static int read_whole(const char *path, gw_str *ret, gw_error *e)
{
    FILE *f = fopen(path, "rb");
    char *text = f ? gw_arena_alloc(&in.arena, FILE_MAX) : NULL;
    if (!text) {
        if (f)
            fclose(f);
        return gw_fail(e, GW_EIO, "cannot read %s", path);
    }
    size_t n = fread(text, 1, FILE_MAX, f);
    fclose(f);
    *ret = (gw_str){text, n};
    return n < FILE_MAX ? 0 : gw_fail(e, GW_ELIMIT, "%s is larger than %zu bytes", path, FILE_MAX);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_models(const char *dir, gw_error *e)
{
    DIR *d = opendir(dir);
    if (!d)
        return gw_fail(e, GW_EIO, "cannot read the directory %s", dir);
    for (struct dirent *f = readdir(d); f && in.n < MODELS_MAX; f = readdir(d)) {
        size_t n = strlen(f->d_name);
        if (n > 4 && strcmp(f->d_name + n - 4, ".csv") == 0)
            in.models[in.n++] = gw_arena_strdup(&in.arena, f->d_name);
    }
    closedir(d);
    qsort(in.models, in.n, sizeof(*in.models), by_name);
    for (size_t i = 0; i < in.n; i++) {
        gw_str text;
        char *path = gw_arena_printf(&in.arena, "%s/%s", dir, in.models[i]);
        int rc = read_whole(path, &text, e);
        if (rc == 0)
            rc = gw_mig_curve_read(path, text, &in.arena, &in.curves[i], e);
        if (rc)
            return rc;
        in.models[i][strlen(in.models[i]) - 4] = '\0';
    }
    return in.n ? 0 : gw_fail(e, GW_ENODATA, "%s holds no .csv", dir);
}

static int read_rows(const char *path, double rows[][MODELS_MAX], size_t *n, gw_error *e)
{
    static gw_csv csv;
    gw_str text;
    int rc = read_whole(path, &text, e);
    if (rc)
        return rc;
    gw_csv_init(&csv, path, text);
    while (*n < SCENARIOS_MAX && (rc = gw_csv_next(&csv, e)) > 0) {
        if (csv.n != in.n)
            rc = gw_csv_fail(&csv, csv.n, e, GW_ECONFIG, "%zu columns for %zu models", csv.n, in.n);
        if (rc < 0)
            break;
        for (size_t i = 0; i < in.n; i++) {
            if (!gw_parse_double(gw_csv_get(&csv, i), &rows[*n][i]) || !(rows[*n][i] > 0))
                rows[*n][i] = -1;
        }
        ++*n;
    }
    gw_csv_free(&csv);
    return rc < 0 ? rc : 0;
}

static void print_services(const gw_mig_board *b, const gw_mig_service *s, size_t n, const gw_mig_plan *p)
{
    printf("  %-14s %10s %10s %10s %10s  %s\n", "model", "limit ms", "rate/s", "planned/s", "slowest ms",
           "slices: profile, batch x processes");
    for (size_t i = 0; i < n; i++) {
        double rate = 0, slowest = 0;
        for (size_t k = 0; k < p->n_segments; k++) {
            if (p->segments[k].service != i)
                continue;
            rate += p->segments[k].point->rate;
            slowest = GW_MAX(slowest, p->segments[k].point->latency_s * 1000);
        }
        printf("  %-14s %10.1f %10.1f %10.1f %10.1f ", s[i].name, s[i].latency_limit_s * 1000, s[i].rate,
               rate, slowest);
        for (size_t k = 0; k < p->n_segments; k++) {
            const gw_mig_segment *g = &p->segments[k];
            if (g->service == i)
                printf(" %s %dx%d", b->profiles[g->profile].name, g->point->batch, g->point->processes);
        }
        putchar('\n');
    }
}

static void print_boards(const gw_mig_board *b, const gw_mig_service *s, const gw_mig_plan *p)
{
    for (size_t k = 0; k < p->n_segments; k++) {
        const gw_mig_segment *g = &p->segments[k];
        if (k == 0 || g->board != p->segments[k - 1].board)
            printf("%s  board %zu:", k ? "\n" : "", g->board + 1);
        printf(" %s@%d %s", b->profiles[g->profile].name, g->start, s[g->service].name);
    }
    putchar('\n');
}

static int plan_scenario(const gw_mig_board *b, size_t scenario, double share, gw_error *e)
{
    gw_mig_service services[MODELS_MAX];
    gw_mig_plan plan;
    size_t n = 0;
    int compute = 0;
    for (size_t i = 0; i < in.n; i++) {
        if (in.limit_ms[scenario][i] > 0 && in.rate[scenario][i] > 0)
            services[n++] = (gw_mig_service){in.models[i], in.curves[i], in.rate[scenario][i],
                                             in.limit_ms[scenario][i] / 1000};
    }
    struct timespec t0, t1;
    clock_gettime(CLOCK_MONOTONIC, &t0);
    int rc = gw_mig_plan_find(b, services, n, share, &in.arena, &plan, e);
    clock_gettime(CLOCK_MONOTONIC, &t1);
    if (rc)
        return gw_error_prefix(e, "scenario %zu", scenario + 1);
    for (size_t k = 0; k < plan.n_segments; k++)
        compute += b->profiles[plan.segments[k].profile].compute;
    print_services(b, services, n, &plan);
    print_boards(b, services, &plan);
    printf("scenario %zu: %zu models, %zu boards, lower bound %zu, %s, %d of %zu compute slices, %.1f ms\n",
           scenario + 1, n, plan.n_boards, plan.lower, plan.exact ? "optimal" : "not proven optimal", compute,
           plan.n_boards * (size_t)b->compute,
           (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"profiles", required_argument, 0, 'p'},
                                            {"slo-latency", required_argument, 0, 'l'},
                                            {"slo-rate", required_argument, 0, 'r'},
                                            {"board", required_argument, 0, 'b'},
                                            {"scenario", required_argument, 0, 's'},
                                            {"share", required_argument, 0, 'x'},
                                            {0}};
    const char *profiles = NULL, *latency = NULL, *rate = NULL, *name = "A100-SXM4-80GB";
    const gw_mig_board *board;
    int64_t only = 0;
    double share = GW_MIG_LATENCY_SHARE;
    gw_error e = {0};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool ok = c != '?';
        if (c == 'p')
            profiles = optarg;
        else if (c == 'l')
            latency = optarg;
        else if (c == 'r')
            rate = optarg;
        else if (c == 'b')
            name = optarg;
        else if (c == 's')
            ok = gw_parse_int64(gw_str_of(optarg), &only) && only > 0;
        else if (c == 'x')
            ok = gw_parse_double(gw_str_of(optarg), &share) && share > 0;
        if (!ok)
            return 2;
    }
    if (!profiles || !latency || !rate || optind < argc) {
        fprintf(stderr, "usage: mig-plan --profiles DIR --slo-latency CSV --slo-rate CSV [--board NAME] "
                        "[--scenario N] [--share X]\n");
        return 2;
    }
    gw_arena_init(&in.arena, 0);
    if (gw_mig_board_find(name, -1, &board, &e) || read_models(profiles, &e) ||
        read_rows(latency, in.limit_ms, &in.n_limits, &e) || read_rows(rate, in.rate, &in.n_rates, &e))
        return fail(&e);
    printf("board %s, measured latency < %g of the limit\n", board->name, share);
    for (size_t i = 0; i < GW_MIN(in.n_limits, in.n_rates); i++)
        if ((!only || (size_t)only == i + 1) && plan_scenario(board, i, share, &e))
            return fail(&e);
    gw_arena_free(&in.arena);
    return 0;
}
