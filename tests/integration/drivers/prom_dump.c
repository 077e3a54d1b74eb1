/*
 * Reads everything between two instants from a Prometheus and prints, for each series, what came: labels,
 * number of samples, first and last time, sum, and a checksum over all times and value bits. Sorted, so that
 * two ways can be compared with diff. For tests/integration/test_prometheus.py.
 *
 *     prom_dump URL FROM_MS TO_MS [--mode auto|remote-read|query|query-range] [--slice MS] [--budget N]
 * [--matchers M]
 *               [--retries N] [--backoff MS] [--stall MS] [--step MS] [--concurrency N] [--samples]
 *
 * prom_dump --families prints the names of the metrics that are read. --samples prints every sample instead.
 * Exit status: the error's number; the message goes to stderr.
 */
#include <getopt.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/number.h"
#include "observe/prometheus.h"

#define SERIES_MAX ((size_t)1 << 20)

typedef struct series {
    const char *key;
    uint64_t n, checksum;
    int64_t first_ms, last_ms;
    double sum;
} series;

typedef struct dump {
    gw_map keys;
    series **all; /* pointers, as they are handed out */
    size_t n, cap;
    gw_buf key;
    gw_arena arena;
    bool samples;
} dump;

static int by_name(const void *a, const void *b)
{
    const gw_label *x = a, *y = b;
    size_t n = GW_MIN(x->name.n, y->name.n);
    int c = memcmp(x->name.p, y->name.p, n);
    return c ? c : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

static int on_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    dump *d = ctx;
    gw_label sorted[GW_SERIES_MAX_LABELS];
    memcpy(sorted, labels, n * sizeof(*labels));
    qsort(sorted, n, sizeof(*sorted), by_name);
    gw_buf_clear(&d->key);
    gw_buf_putc(&d->key, '{');
    for (size_t i = 0; i < n; i++)
        gw_buf_printf(&d->key, "%s%.*s=\"%.*s\"", i ? "," : "", GW_STR_ARG(sorted[i].name),
                      GW_STR_ARG(sorted[i].value));
    gw_buf_putc(&d->key, '}');
    gw_str key = {d->key.data, d->key.len};
    uint32_t i = gw_map_get(&d->keys, key);
    if (i == GW_NONE) {
        void *p = d->all;
        i = (uint32_t)d->n;
        if (gw_buf_check(&d->key, "labels", e) ||
            gw_grow(&p, &d->cap, d->n + 1, sizeof(*d->all), SERIES_MAX) || gw_map_set(&d->keys, key, i))
            return gw_fail_memory(e);
        d->all = p;
        series *s = GW_NEW(&d->arena, series);
        if (!s)
            return gw_fail_memory(e);
        *s = (series){
            .key = d->keys.entries[i].key, .checksum = UINT64_C(14695981039346656037), .last_ms = INT64_MIN};
        d->all[d->n++] = s;
    }
    *ret = d->all[i];
    return 0;
}

static uint64_t mix(uint64_t h, uint64_t x)
{
    for (int i = 0; i < 8; i++)
        h = (h ^ (x >> (8 * i) & 0xff)) * UINT64_C(1099511628211);
    return h;
}

static int on_samples(void *ctx, void *handle, const int64_t *t_ms, const double *value, size_t n,
                      gw_error *e)
{
    dump *d = ctx;
    series *s = handle;
    GW_UNUSED(e);
    for (size_t i = 0; i < n; i++) {
        if (t_ms[i] <= s->last_ms)
            continue;
        uint64_t bits;
        memcpy(&bits, &value[i], sizeof(bits));
        if (value[i] != value[i] && !gw_is_stale_marker(value[i]))
            bits = UINT64_C(0x7ff8000000000000); /* text cannot say which NaN */
        if (d->samples)
            printf("%s %" PRId64 " %.17g\n", s->key, t_ms[i], value[i]);
        if (s->n++ == 0)
            s->first_ms = t_ms[i];
        s->last_ms = t_ms[i];
        s->sum += value[i];
        s->checksum = mix(mix(s->checksum, (uint64_t)t_ms[i]), bits);
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(series *const *)a)->key, (*(series *const *)b)->key);
}

static void print_all(dump *d)
{
    qsort(d->all, d->n, sizeof(*d->all), by_key);
    for (size_t i = 0; i < d->n && !d->samples; i++) {
        const series *s = d->all[i];
        if (s->n)
            printf("%s n=%" PRIu64 " first=%" PRId64 " last=%" PRId64 " sum=%.17g fnv=%016" PRIx64 "\n",
                   s->key, s->n, s->first_ms, s->last_ms, s->sum, s->checksum);
    }
}

static int print_families(void)
{
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++)
        for (const char *const *name = gw_family_names((gw_family_group)g); *name; name++)
            puts(*name);
    return 0;
}

static int64_t number(const char *s)
{
    int64_t n;
    if (gw_parse_int64(gw_str_of(s), &n))
        return n;
    fprintf(stderr, "prom_dump: '%s' is not a number\n", s);
    exit(2);
}

static gw_prom_mode mode_of(const char *s)
{
    static const char *const names[] = {"auto", "remote-read", "query", "query-range"};
    for (size_t i = 0; i < GW_COUNT(names); i++)
        if (strcmp(s, names[i]) == 0)
            return (gw_prom_mode)i;
    fprintf(stderr, "prom_dump: '%s' is no mode\n", s);
    exit(2);
}

typedef struct options {
    gw_prom_options prom;
    int64_t slice_ms;
    bool samples;
} options;

static void read_options(int argc, char **argv, options *o)
{
    static const struct option known[] = {
        {"mode", 1, NULL, 'm'},        {"slice", 1, NULL, 's'},   {"budget", 1, NULL, 'b'},
        {"matchers", 1, NULL, 'x'},    {"retries", 1, NULL, 'r'}, {"step", 1, NULL, 'g'},
        {"concurrency", 1, NULL, 'c'}, {"samples", 0, NULL, 'S'}, {"backoff", 1, NULL, 'o'},
        {"stall", 1, NULL, 't'},       {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 'm':
            o->prom.mode = mode_of(optarg);
            break;
        case 's':
            o->slice_ms = number(optarg);
            break;
        case 'b':
            o->prom.query_budget = (uint64_t)number(optarg);
            break;
        case 'x':
            o->prom.extra_matchers = optarg;
            break;
        case 'r':
            o->prom.http.max_retries = (int)number(optarg);
            break;
        case 'g':
            o->prom.step_ms = number(optarg);
            break;
        case 'c':
            o->prom.http.max_concurrency = (int)number(optarg);
            break;
        case 'o':
            o->prom.http.backoff_ms = number(optarg);
            break;
        case 't':
            o->prom.http.stall_timeout_ms = number(optarg);
            break;
        case 'S':
            o->samples = true;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    options o = {.prom = {.http = {.max_retries = -1}}};
    if (argc == 2 && strcmp(argv[1], "--families") == 0)
        return print_families();
    read_options(argc, argv, &o);
    if (argc - optind != 3) {
        fprintf(stderr, "usage: prom_dump [OPTION]... URL FROM_MS TO_MS\n");
        return 2;
    }
    o.prom.http.base_url = argv[optind];
    gw_interval all = {number(argv[optind + 1]), number(argv[optind + 2])};
    dump d = {.samples = o.samples};
    gw_map_init(&d.keys);
    gw_arena_init(&d.arena, 0);
    gw_buf_init(&d.key, 1 << 20);
    const gw_series_sink sink = {&d, on_series, on_samples};
    gw_source source = {0};
    gw_error e = {0};
    int rc = gw_prom_open(&o.prom, &source, &e);
    int64_t slice = o.slice_ms ? o.slice_ms : gw_interval_ms(all);
    for (int64_t at = all.start_ms; at < all.end_ms && !rc; at += slice)
        for (int g = 0; g < GW_N_FAMILY_GROUPS && !rc; g++)
            rc = source.read(source.self, (gw_family_group)g,
                             (gw_interval){at, GW_MIN(at + slice, all.end_ms)}, &sink, &e);
    if (rc)
        fprintf(stderr, "error %d: %s\n", rc, e.message);
    else
        print_all(&d);
    if (source.self) {
        gw_source_stats st;
        source.stats(source.self, &st);
        fprintf(stderr,
                "%s\nrequests=%" PRIu64 " retries=%" PRIu64 " bytes=%" PRIu64 " samples=%" PRIu64
                " wall_ms=%" PRId64 "\n",
                source.describe(source.self), st.requests, st.retries, st.bytes, st.samples, st.wall_ms);
        const char *w = source.warnings(source.self);
        if (w)
            fprintf(stderr, "warning: %s\n", w);
        source.free(source.self);
    }
    gw_map_free(&d.keys);
    gw_arena_free(&d.arena);
    gw_buf_free(&d.key);
    gw_free(d.all);
    return -rc;
}
