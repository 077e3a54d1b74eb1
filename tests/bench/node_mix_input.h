/*
 * The files that node-mix reads; every message says file and line. Included by one program.
 */
#ifndef GW_BENCH_NODE_MIX_INPUT_H
#define GW_BENCH_NODE_MIX_INPUT_H

#include <errno.h>
#include <stdio.h>

#include "allocate/mix.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/number.h"
#include "format/csv.h"

#define INPUT_FILE_MAX ((size_t)256 << 20)

typedef struct input {
    gw_mix_type types[GW_MIX_TYPES_MAX];
    size_t n_types;
    gw_mix_pod *pods;
    uint32_t *lines; /* of the file, of each pod */
    const char **names;
    size_t n_pods, cap_pods, cap_lines, cap_names;
    gw_map type_at; /* name to index */
    gw_pool texts;
} input;

static void input_free(input *in)
{
    gw_free(in->pods);
    gw_free(in->lines);
    gw_free(in->names);
    gw_map_free(&in->type_at);
    gw_pool_free(&in->texts);
}

static int read_text(const char *path, char **ret, size_t *ret_len, gw_error *e)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return gw_fail(e, GW_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    size_t cap = 0, n = 0, got;
    char *text = NULL;
    int rc = 0;
    do {
        rc = gw_grow((void **)&text, &cap, n + 1, 1, INPUT_FILE_MAX);
        if (rc)
            break;
        got = fread(text + n, 1, cap - n, f);
        n += got;
    } while (got > 0);
    if (rc == GW_ELIMIT)
        gw_fail(e, rc, "%s: is larger than %zu MiB", path, INPUT_FILE_MAX >> 20);
    else if (rc)
        gw_fail_memory(e);
    else if (ferror(f))
        rc = gw_fail(e, GW_EIO, "%s: cannot be read: %s", path, strerror(errno));
    else if (n >= 2 && memcmp(text, "\x1f\x8b", 2) == 0)
        rc = gw_fail(e, GW_EUSAGE, "%s: is compressed; gunzip it first", path);
    fclose(f);
    if (rc) {
        gw_free(text);
        return rc;
    }
    *ret = text;
    *ret_len = n;
    return 0;
}

/* A whole number least..max in field i. */
static int get_int(const gw_csv *c, size_t i, const char *what, int64_t least, int64_t max, int64_t *ret,
                   gw_error *e)
{
    gw_str s = gw_csv_get(c, i);
    if (!gw_parse_int64(s, ret) || *ret < least || *ret > max)
        return gw_csv_fail(c, i, e, GW_ECORRUPT,
                           "%s must be a whole number %" PRId64 "..%" PRId64 ", not \"%.*s\"", what, least,
                           max, (int)GW_MIN(s.n, (size_t)40), s.p ? s.p : "");
    return 0;
}

enum { T_NAME, T_CPU, T_MEMORY, T_GPUS, T_EACH, T_PRICE, T_MOST, T_COLUMNS };
static const char *const type_columns[] = {"name",           "cpu_milli",    "memory_mib", "gpus",
                                           "gpu_milli_each", "usd_per_hour", "?max_nodes", NULL};

static int type_row(input *in, const gw_csv *c, const size_t *col, gw_error *e)
{
    int64_t gpus, each, most = GW_MIX_NO_LIMIT;
    gw_mix_type t = {0};
    gw_str price = gw_csv_get(c, col[T_PRICE]), name = gw_csv_get(c, col[T_NAME]);
    int rc = get_int(c, col[T_CPU], "cpu_milli", 0, GW_MIX_CPU_MAX, &t.cpu_milli, e);
    if (rc == 0)
        rc = get_int(c, col[T_MEMORY], "memory_mib", 0, GW_MIX_MEMORY_MAX, &t.memory_mib, e);
    if (rc == 0)
        rc = get_int(c, col[T_GPUS], "gpus", 0, GW_MIX_GPUS_MAX, &gpus, e);
    if (rc == 0)
        rc = get_int(c, col[T_EACH], "gpu_milli_each", 0, GW_MIX_GPU_EACH_MAX, &each, e);
    if (rc == 0 && gw_csv_get(c, col[T_MOST]).n)
        rc = get_int(c, col[T_MOST], "max_nodes", -1, INT64_MAX, &most, e);
    if (rc)
        return rc;
    if (!gw_micro_parse(price, &t.hourly) || t.hourly < 0 || t.hourly > GW_MIX_PRICE_MAX)
        return gw_csv_fail(c, col[T_PRICE], e, GW_ECORRUPT,
                           "usd_per_hour must be dollars, as in 1.006, not \"%.*s\"",
                           (int)GW_MIN(price.n, (size_t)40), price.p ? price.p : "");
    if (name.n == 0)
        return gw_csv_fail(c, col[T_NAME], e, GW_ECORRUPT, "the type has no name");
    if (in->n_types == GW_MIX_TYPES_MAX)
        return gw_csv_fail(c, 0, e, GW_ELIMIT, "more than %d instance types", GW_MIX_TYPES_MAX);
    if (gw_map_get(&in->type_at, name) != GW_NONE)
        return gw_csv_fail(c, col[T_NAME], e, GW_ECORRUPT, "the type \"%.*s\" is there twice",
                           GW_STR_ARG(name));
    t.gpus = (int32_t)gpus;
    t.gpu_milli_each = (int32_t)each;
    t.max_nodes = most;
    t.name = gw_intern(&in->texts, name);
    if (!t.name || gw_map_set(&in->type_at, name, (uint32_t)in->n_types))
        return gw_fail_memory(e);
    in->types[in->n_types++] = t;
    return 0;
}

/* gpu_spec: empty for any type, else names of types with '|' between them. Names that no type has count for
 * nothing; a pod that is left without any then fits none. */
static uint64_t get_types(const input *in, gw_str s)
{
    uint64_t set = 0;
    if (s.n == 0)
        return GW_MIX_ANY_TYPE;
    while (s.n) {
        const char *bar = memchr(s.p, '|', s.n);
        size_t n = bar ? (size_t)(bar - s.p) : s.n;
        uint32_t at = gw_map_get(&in->type_at, (gw_str){s.p, n});
        if (at != GW_NONE)
            set |= UINT64_C(1) << at;
        s = bar ? (gw_str){bar + 1, s.n - n - 1} : (gw_str){0};
    }
    return set;
}

enum { P_CPU, P_MEMORY, P_GPUS, P_MILLI, P_NAME, P_SPEC, P_COLUMNS };
static const char *const pod_columns[] = {"cpu_milli", "memory_mib", "num_gpu", "gpu_milli",
                                          "?name",     "?gpu_spec",  NULL};

static int keep_pod(input *in, gw_mix_pod p, const char *name, uint32_t line)
{
    size_t n = in->n_pods + 1;
    int rc = gw_grow((void **)&in->pods, &in->cap_pods, n, sizeof(*in->pods), GW_MIX_PODS_MAX);
    if (rc == 0)
        rc = gw_grow((void **)&in->lines, &in->cap_lines, n, sizeof(*in->lines), GW_MIX_PODS_MAX);
    if (rc == 0)
        rc = gw_grow((void **)&in->names, &in->cap_names, n, sizeof(*in->names), GW_MIX_PODS_MAX);
    if (rc)
        return rc;
    in->pods[in->n_pods] = p;
    in->lines[in->n_pods] = line;
    in->names[in->n_pods++] = name;
    return 0;
}

static int pod_row(input *in, const gw_csv *c, const size_t *col, gw_error *e)
{
    int64_t gpus, milli;
    gw_mix_pod p = {0};
    int rc = get_int(c, col[P_CPU], "cpu_milli", 0, GW_MIX_CPU_MAX, &p.cpu_milli, e);
    if (rc == 0)
        rc = get_int(c, col[P_MEMORY], "memory_mib", 0, GW_MIX_MEMORY_MAX, &p.memory_mib, e);
    if (rc == 0)
        rc = get_int(c, col[P_GPUS], "num_gpu", 0, GW_MIX_GPUS_MAX, &gpus, e);
    if (rc == 0)
        rc = get_int(c, col[P_MILLI], "gpu_milli", 0, GW_MIX_GPU_MILLI, &milli, e);
    if (rc)
        return rc;
    if ((gpus == 0) != (milli == 0))
        return gw_csv_fail(c, col[P_MILLI], e, GW_ECORRUPT,
                           "num_gpu and gpu_milli must both be 0 or neither");
    if (gpus > 1 && milli != GW_MIX_GPU_MILLI)
        return gw_csv_fail(c, col[P_MILLI], e, GW_ECORRUPT,
                           "a pod of several GPUs must ask for whole ones (1000)");
    p.gpus = (int32_t)gpus;
    p.gpu_milli = (int32_t)milli;
    p.types = get_types(in, gw_csv_get(c, col[P_SPEC]));
    const char *name = gw_intern(&in->texts, gw_csv_get(c, col[P_NAME]));
    rc = name ? keep_pod(in, p, name, c->field[0].line) : GW_ENOMEM;
    if (rc == GW_ELIMIT)
        return gw_csv_fail(c, 0, e, rc, "more than %zu pods", GW_MIX_PODS_MAX);
    return rc ? gw_fail_memory(e) : 0;
}

typedef int (*row_reader)(input *in, const gw_csv *c, const size_t *col, gw_error *e);

/* The columns of these names (NULL-terminated); names that begin with '?' may be missing. */
static int find_columns(gw_csv *c, const char *const *names, size_t *col, gw_error *e)
{
    int rc = gw_csv_next(c, e);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return gw_fail(e, GW_ECORRUPT, "%s:1: the file is empty; it needs a header", c->name);
    for (size_t i = 0; names[i]; i++) {
        bool optional = names[i][0] == '?';
        col[i] = gw_csv_find(c, names[i] + optional);
        if (col[i] == SIZE_MAX && !optional)
            return gw_csv_fail(c, 0, e, GW_ECORRUPT, "the header has no column \"%s\"", names[i]);
    }
    return 0;
}

static int read_csv(input *in, const char *path, const char *const *names, row_reader row, gw_error *e)
{
    static gw_csv c;
    size_t col[GW_MAX((int)T_COLUMNS, (int)P_COLUMNS)], len = 0;
    char *text = NULL;
    int rc = read_text(path, &text, &len, e);
    if (rc)
        return rc;
    gw_csv_init(&c, path, (gw_str){text, len});
    rc = find_columns(&c, names, col, e);
    while (rc == 0 && (rc = gw_csv_next(&c, e)) > 0)
        rc = row(in, &c, col, e);
    gw_csv_free(&c);
    gw_free(text);
    return rc;
}

/* Draws n of the pods at random, with return. */
static int clone_pods(input *in, size_t n, uint64_t seed, gw_error *e)
{
    size_t had = in->n_pods;
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < n && had; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        size_t at = (size_t)((x * UINT64_C(0x2545f4914f6cdd1d) >> 32) % had);
        int rc = keep_pod(in, in->pods[at], in->names[at], in->lines[at]);
        if (rc)
            return rc == GW_ELIMIT ? gw_fail(e, rc, "--clone: more than %zu pods", GW_MIX_PODS_MAX)
                                   : gw_fail_memory(e);
    }
    memmove(in->pods, in->pods + had, n * sizeof(*in->pods));
    memmove(in->lines, in->lines + had, n * sizeof(*in->lines));
    memmove(in->names, in->names + had, n * sizeof(*in->names));
    in->n_pods = n;
    return 0;
}

#endif
