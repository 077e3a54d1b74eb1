/*
 * The files that pack-replay reads, in the form of the published experiment (hkust-adsl/
 * kubernetes-scheduler-simulator, Apache-2.0):
 *
 *     nodes    CSV with header: cpu_milli, memory_mib, gpu (how many), model
 *     pods     CSV with header: cpu_milli, memory_mib, num_gpu, gpu_milli, and gpu_spec ("A|B", may be
 * missing) typical  CSV without: cpu_milli, num_gpu, gpu_milli, gpu_spec, probability events   one row number
 * of pods a line (from 0), in order of arrival; a pod may come again order    one row number of nodes a line,
 * each once: among equals the earlier is taken
 *
 * Every message says file and line. Included by one program.
 */
#ifndef GW_BENCH_PACK_REPLAY_INPUT_H
#define GW_BENCH_PACK_REPLAY_INPUT_H

#include <stdio.h>

#include "allocate/pack.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/number.h"
#include "format/csv.h"

#define INPUT_FILE_MAX   ((size_t)64 << 20)
#define INPUT_PODS_MAX   ((size_t)1 << 20)
#define INPUT_EVENTS_MAX ((size_t)1 << 24)
#define MIX_SUM_SLACK    0.01 /* published probabilities are rounded */

typedef struct input {
    gw_pack_node *nodes; /* in tie-break order after read_order */
    size_t n_nodes, cap_nodes;
    gw_pack_pod *pods;
    size_t n_pods, cap_pods;
    uint32_t *events;
    size_t n_events, cap_events;
    gw_pack_mix mix;
    gw_map models; /* name to bit */
} input;

static void input_free(input *in)
{
    gw_free(in->nodes);
    gw_free(in->pods);
    gw_free(in->events);
    gw_map_free(&in->models);
}

static int read_text(const char *path, char **ret, size_t *ret_len, gw_error *e)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return gw_fail(e, GW_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    size_t cap = 0, n = 0;
    char *text = NULL;
    int rc = 0;
    for (;;) {
        if (n == INPUT_FILE_MAX)
            rc = gw_fail(e, GW_ELIMIT, "%s: is larger than %zu MiB", path, INPUT_FILE_MAX >> 20);
        else if (gw_grow((void **)&text, &cap, n + 1, 1, INPUT_FILE_MAX))
            rc = gw_fail_memory(e);
        if (rc)
            break;
        size_t got = fread(text + n, 1, cap - n, f);
        n += got;
        if (got == 0)
            break;
    }
    if (rc == 0 && ferror(f))
        rc = gw_fail(e, GW_EIO, "%s: cannot be read: %s", path, strerror(errno));
    if (rc == 0 && n >= 2 && memcmp(text, "\x1f\x8b", 2) == 0)
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

/* A whole number 0..max in field i. */
static int get_int(const gw_csv *c, size_t i, const char *what, int64_t max, int64_t *ret, gw_error *e)
{
    gw_str s = gw_csv_get(c, i);
    if (!gw_parse_int64(s, ret) || *ret < 0 || *ret > max)
        return gw_csv_fail(c, i, e, GW_ECORRUPT, "%s must be a whole number 0..%" PRId64 ", not \"%.*s\"",
                           what, max, (int)GW_MIN(s.n, (size_t)40), s.p ? s.p : "");
    return 0;
}

/* The bit of a model; a new one where `add`. 0 where the model is unknown. */
static int model_bit(input *in, const gw_csv *c, size_t i, gw_str name, bool add, uint64_t *ret, gw_error *e)
{
    uint32_t at = gw_map_get(&in->models, name);
    if (at == GW_NONE && add) {
        if (in->models.n == GW_PACK_MODELS_MAX)
            return gw_csv_fail(c, i, e, GW_ELIMIT, "more than %d GPU models", GW_PACK_MODELS_MAX);
        at = (uint32_t)in->models.n;
        if (gw_map_set(&in->models, name, at))
            return gw_fail_memory(e);
    }
    *ret = at == GW_NONE ? 0 : UINT64_C(1) << at;
    return 0;
}

/* gpu_spec: empty for any model, else names with '|' between them; a model that no node has counts for none.
 */
static int get_models(input *in, const gw_csv *c, size_t i, uint64_t *ret, gw_error *e)
{
    gw_str s = gw_csv_get(c, i);
    *ret = s.n ? 0 : GW_PACK_ANY_MODEL;
    while (s.n) {
        const char *bar = memchr(s.p, '|', s.n);
        size_t n = bar ? (size_t)(bar - s.p) : s.n;
        uint64_t bit;
        int rc = model_bit(in, c, i, (gw_str){s.p, n}, false, &bit, e);
        if (rc)
            return rc;
        *ret |= bit;
        s = bar ? (gw_str){bar + 1, s.n - n - 1} : (gw_str){0};
    }
    return 0;
}

static int node_row(input *in, const gw_csv *c, const size_t *col, gw_error *e)
{
    int64_t cpu, memory, gpus;
    uint64_t bit;
    int rc = get_int(c, col[0], "cpu_milli", GW_PACK_CPU_MAX, &cpu, e);
    if (rc == 0)
        rc = get_int(c, col[1], "memory_mib", GW_PACK_MEMORY_MAX, &memory, e);
    if (rc == 0)
        rc = get_int(c, col[2], "gpu", GW_PACK_GPUS_MAX, &gpus, e);
    if (rc == 0)
        rc = model_bit(in, c, col[3], gw_csv_get(c, col[3]), true, &bit, e);
    if (rc)
        return rc;
    rc = gw_grow((void **)&in->nodes, &in->cap_nodes, in->n_nodes + 1, sizeof(*in->nodes), GW_PACK_NODES_MAX);
    if (rc == GW_ELIMIT)
        return gw_csv_fail(c, 0, e, rc, "more than %zu nodes", GW_PACK_NODES_MAX);
    if (rc)
        return gw_fail_memory(e);
    in->nodes[in->n_nodes++] = (gw_pack_node){
        .cpu_milli = cpu, .memory_mib = memory, .gpus = (int32_t)gpus, .model = __builtin_ctzll(bit)};
    return 0;
}

/* CPU, GPUs, milli and models in these columns; memory 0 where its column is SIZE_MAX. */
static int get_pod(input *in, const gw_csv *c, const size_t *col, gw_pack_pod *ret, gw_error *e)
{
    int64_t memory = 0, gpus, milli;
    gw_pack_pod p = {0};
    int rc = get_int(c, col[0], "cpu_milli", GW_PACK_CPU_MAX, &p.cpu_milli, e);
    if (rc == 0 && col[1] != SIZE_MAX)
        rc = get_int(c, col[1], "memory_mib", GW_PACK_MEMORY_MAX, &memory, e);
    if (rc == 0)
        rc = get_int(c, col[2], "num_gpu", GW_PACK_GPUS_MAX, &gpus, e);
    if (rc == 0)
        rc = get_int(c, col[3], "gpu_milli", GW_PACK_GPU_MILLI, &milli, e);
    if (rc == 0)
        rc = get_models(in, c, col[4], &p.models, e);
    if (rc)
        return rc;
    if ((gpus == 0) != (milli == 0))
        return gw_csv_fail(c, col[3], e, GW_ECORRUPT, "num_gpu and gpu_milli must both be 0 or neither");
    if (gpus > 1 && milli != GW_PACK_GPU_MILLI)
        return gw_csv_fail(c, col[3], e, GW_ECORRUPT, "a pod of several GPUs must ask for whole ones (1000)");
    p.memory_mib = memory;
    p.gpus = (int32_t)gpus;
    p.gpu_milli = (int32_t)milli;
    *ret = p;
    return 0;
}

static int pod_row(input *in, const gw_csv *c, const size_t *col, gw_error *e)
{
    gw_pack_pod p;
    int rc = get_pod(in, c, col, &p, e);
    if (rc)
        return rc;
    rc = gw_grow((void **)&in->pods, &in->cap_pods, in->n_pods + 1, sizeof(*in->pods), INPUT_PODS_MAX);
    if (rc == GW_ELIMIT)
        return gw_csv_fail(c, 0, e, rc, "more than %zu pods", INPUT_PODS_MAX);
    if (rc)
        return gw_fail_memory(e);
    in->pods[in->n_pods++] = p;
    return 0;
}

static int typical_row(input *in, const gw_csv *c, const size_t *col, gw_error *e)
{
    gw_pack_pod p;
    double share;
    if (c->n != 5)
        return gw_csv_fail(c, 0, e, GW_ECORRUPT,
                           "must be cpu_milli,num_gpu,gpu_milli,gpu_spec,probability, but has %zu fields",
                           c->n);
    int rc = get_pod(in, c, col, &p, e);
    if (rc)
        return rc;
    if (!gw_parse_double(gw_csv_get(c, 4), &share) || !(share >= 0 && share <= 1))
        return gw_csv_fail(c, 4, e, GW_ECORRUPT, "the probability must be a number 0..1");
    if (in->mix.n == GW_PACK_MIX_MAX)
        return gw_csv_fail(c, 0, e, GW_ELIMIT, "more than %d kinds of typical pods", GW_PACK_MIX_MAX);
    in->mix.kinds[in->mix.n++] = (gw_pack_typical){p.cpu_milli, p.gpus, p.gpu_milli, p.models, share};
    return 0;
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

/* names NULL: there is no header, and the columns are in the order that get_pod wants, without memory. */
static int read_csv(input *in, const char *path, const char *const *names, row_reader row, gw_error *e)
{
    static gw_csv c;
    size_t col[5] = {0, SIZE_MAX, 1, 2, 3}, len;
    char *text;
    int rc = read_text(path, &text, &len, e);
    if (rc)
        return rc;
    gw_csv_init(&c, path, (gw_str){text, len});
    rc = names ? find_columns(&c, names, col, e) : 0;
    while (rc == 0 && (rc = gw_csv_next(&c, e)) > 0)
        rc = row(in, &c, col, e);
    gw_csv_free(&c);
    gw_free(text);
    return rc;
}

static int read_typical(input *in, const char *path, gw_error *e)
{
    int rc = read_csv(in, path, NULL, typical_row, e);
    double sum = 0;
    for (size_t i = 0; rc == 0 && i < in->mix.n; i++)
        sum += in->mix.kinds[i].share;
    if (rc == 0 && !(sum > 1 - MIX_SUM_SLACK && sum < 1 + MIX_SUM_SLACK))
        return gw_fail(e, GW_ECORRUPT, "%s:1: the probabilities add up to %.4f, not 1", path, sum);
    return rc;
}

/* Row numbers below `below`, one a line. once: one flag for each number, which may then come once only; or
 * NULL. */
static int number_line(const char *path, size_t line, gw_str s, const char *of, size_t below, bool *once,
                       uint32_t *ret, gw_error *e)
{
    int64_t v;
    if (!gw_parse_int64(s, &v) || v < 0 || (size_t)v >= below)
        return gw_fail(e, GW_ECORRUPT, "%s:%zu: must be the row number of a %s, 0..%zu, not \"%.*s\"", path,
                       line, of, below - 1, (int)GW_MIN(s.n, (size_t)40), s.p);
    if (once && once[v])
        return gw_fail(e, GW_ECORRUPT, "%s:%zu: %s %" PRId64 " is named a second time", path, line, of, v);
    if (once)
        once[v] = true;
    *ret = (uint32_t)v;
    return 0;
}

static int read_numbers(const char *path, const char *of, size_t below, size_t max, bool *once,
                        uint32_t **ret, size_t *n, size_t *cap, gw_error *e)
{
    char *text;
    size_t len, line = 1;
    int rc = read_text(path, &text, &len, e);
    if (rc)
        return rc;
    for (const char *p = text, *end = text + len; rc == 0 && p < end; line++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        gw_str s = {p, (size_t)((stop ? stop : end) - p)};
        uint32_t v = 0;
        p = stop ? stop + 1 : end;
        if (s.n && s.p[s.n - 1] == '\r')
            s.n--;
        if (s.n == 0)
            continue;
        rc = number_line(path, line, s, of, below, once, &v, e);
        if (rc)
            break;
        rc = gw_grow((void **)ret, cap, *n + 1, sizeof(**ret), max);
        if (rc == GW_ELIMIT)
            rc = gw_fail(e, rc, "%s:%zu: more than %zu lines", path, line, max);
        else if (rc)
            rc = gw_fail_memory(e);
        else
            (*ret)[(*n)++] = v;
    }
    gw_free(text);
    return rc;
}

/* Puts the nodes into the order of the file. */
static int read_order(input *in, const char *path, gw_error *e)
{
    uint32_t *order = NULL;
    size_t n = 0, cap = 0;
    gw_pack_node *sorted = gw_calloc(in->n_nodes, sizeof(*sorted));
    bool *once = gw_calloc(in->n_nodes, sizeof(*once));
    int rc = sorted && once ? read_numbers(path, "node", in->n_nodes, in->n_nodes, once, &order, &n, &cap, e)
                            : gw_fail_memory(e);
    if (rc == 0 && n != in->n_nodes)
        rc = gw_fail(e, GW_ECORRUPT, "%s:%zu: the file ends after %zu of %zu nodes", path, n + 1, n,
                     in->n_nodes);
    for (size_t i = 0; rc == 0 && i < n; i++)
        sorted[i] = in->nodes[order[i]];
    if (rc == 0)
        memcpy(in->nodes, sorted, n * sizeof(*sorted));
    gw_free(order);
    gw_free(sorted);
    gw_free(once);
    return rc;
}

static int input_read(input *in, const char *nodes, const char *pods, const char *events, const char *order,
                      const char *typical, gw_error *e)
{
    static const char *const node_columns[] = {"cpu_milli", "memory_mib", "gpu", "model", NULL};
    static const char *const pod_columns[] = {"cpu_milli", "memory_mib", "num_gpu",
                                              "gpu_milli", "?gpu_spec",  NULL};
    int rc = read_csv(in, nodes, node_columns, node_row, e);
    if (rc == 0 && in->n_nodes == 0)
        rc = gw_fail(e, GW_ENODATA, "%s:2: there are no nodes", nodes);
    if (rc == 0)
        rc = read_csv(in, pods, pod_columns, pod_row, e);
    if (rc == 0 && in->n_pods == 0)
        rc = gw_fail(e, GW_ENODATA, "%s:2: there are no pods", pods);
    if (rc == 0)
        rc = read_typical(in, typical, e);
    if (rc == 0)
        rc = read_order(in, order, e);
    if (rc == 0)
        rc = read_numbers(events, "pod", in->n_pods, INPUT_EVENTS_MAX, NULL, &in->events, &in->n_events,
                          &in->cap_events, e);
    if (rc == 0 && in->n_events == 0)
        rc = gw_fail(e, GW_ENODATA, "%s:1: nothing arrives", events);
    return rc;
}

#endif
