/*
 * What continuous observation costs. A snapshot directory is loaded into memory and told from there, so that
 * what is measured is the watch and not the reading of files:
 *
 *   watch --snapshot DIR --from RFC3339 --to RFC3339
 *
 * prints the processor time of taking in and judging the whole time at once, and of single turns at its end:
 * a minute of new samples with the last 15 minutes again, then a judgement, then the merge of the last 24 h
 * and of one hour.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fleet/copy.h"
#include "observe/snapshot.h"
#include "observe/watch.h"

#define TURNS 60

typedef struct kept {
    gw_family_group group;
    gw_label *labels;
    size_t n_labels;
    int64_t *t_ms;
    double *value;
    size_t n, cap_t, cap_v;
} kept;

typedef struct memory {
    gw_arena texts;
    kept *series;
    size_t n, cap;
    gw_map by_labels;
    gw_family_group group;
    uint64_t samples;
} memory;

static int die(const char *what)
{
    fprintf(stderr, "bench-watch: %s\n", what);
    exit(1);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- into memory ---- */

static int keep_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    memory *m = ctx;
    gw_buf key;
    gw_buf_init(&key, 1 << 20);
    for (size_t i = 0; i < n; i++)
        gw_buf_printf(&key, "%.*s=%.*s,", GW_STR_ARG(labels[i].name), GW_STR_ARG(labels[i].value));
    uint32_t at = gw_map_get(&m->by_labels, (gw_str){key.data, key.len});
    if (at == GW_NONE) {
        at = (uint32_t)m->n;
        if (gw_grow((void **)&m->series, &m->cap, m->n + 1, sizeof(*m->series), SIZE_MAX) ||
            gw_map_set(&m->by_labels, (gw_str){key.data, key.len}, at))
            return gw_fail_memory(e);
        kept *k = &m->series[m->n++];
        *k = (kept){.group = m->group, .n_labels = n, .labels = GW_NEW_ARRAY(&m->texts, gw_label, n)};
        for (size_t i = 0; i < n; i++) {
            const char *name = gw_arena_strndup(&m->texts, labels[i].name.p, labels[i].name.n),
                       *value = gw_arena_strndup(&m->texts, labels[i].value.p, labels[i].value.n);
            k->labels[i] = (gw_label){{name, labels[i].name.n}, {value, labels[i].value.n}};
        }
    }
    gw_buf_free(&key);
    *ret = (void *)((uintptr_t)at + 1);
    return 0;
}

static int keep_samples(void *ctx, void *series, const int64_t *t_ms, const double *value, size_t n,
                        gw_error *e)
{
    memory *m = ctx;
    kept *k = &m->series[(uintptr_t)series - 1];
    if (gw_grow((void **)&k->t_ms, &k->cap_t, k->n + n, sizeof(*k->t_ms), SIZE_MAX) ||
        gw_grow((void **)&k->value, &k->cap_v, k->n + n, sizeof(*k->value), SIZE_MAX))
        return gw_fail_memory(e);
    memcpy(k->t_ms + k->n, t_ms, n * sizeof(*t_ms));
    memcpy(k->value + k->n, value, n * sizeof(*value));
    k->n += n;
    m->samples += n;
    return 0;
}

static void load(memory *m, const char *dir, gw_interval when)
{
    gw_error e = {0};
    gw_source source;
    gw_series_sink sink = {m, keep_series, keep_samples};
    gw_arena_init(&m->texts, 0);
    gw_map_init(&m->by_labels);
    if (gw_snapshot_open(dir, &source, &e))
        die(e.message);
    when.start_ms -= GW_HOLD_MAX_MS;
    when.end_ms += GW_HOLD_MAX_MS;
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        m->group = (gw_family_group)g;
        if (source.read(source.self, m->group, when, &sink, &e))
            die(e.message);
    }
    source.free(source.self);
}

static void unload(memory *m)
{
    for (size_t i = 0; i < m->n; i++) {
        gw_free(m->series[i].t_ms);
        gw_free(m->series[i].value);
    }
    gw_free(m->series);
    gw_map_free(&m->by_labels);
    gw_arena_free(&m->texts);
}

static size_t first_from(const kept *k, int64_t t_ms)
{
    size_t low = 0, high = k->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (k->t_ms[middle] < t_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int tell(void *self, gw_family_group group, gw_interval range, const gw_series_sink *sink, gw_error *e)
{
    const memory *m = self;
    int rc = 0;
    for (size_t i = 0; i < m->n && !rc; i++) {
        const kept *k = &m->series[i];
        size_t from = first_from(k, range.start_ms), to = first_from(k, range.end_ms);
        void *handle = NULL;
        if (k->group != group || from == to)
            continue;
        rc = sink->series(sink->ctx, k->labels, k->n_labels, &handle, e);
        if (!rc && handle)
            rc = sink->samples(sink->ctx, handle, k->t_ms + from, k->value + from, to - from, e);
    }
    return rc;
}

/* ---- measuring ---- */

static gw_watch *begin(gw_interval when)
{
    gw_error e = {0};
    gw_watch *w = NULL;
    gw_watch_options o = {.start_ms = when.start_ms, .end_ms = INT64_MAX, .policy = GW_STATE_POLICY_DEFAULT};
    if (gw_watch_new(&o, &w, &e))
        die(e.message);
    return w;
}

static double read_to(gw_watch *w, memory *m, int64_t now)
{
    gw_error e = {0};
    gw_source source = {.self = m, .read = tell};
    double started = now_ms();
    if (gw_watch_read(w, &source, now, &e))
        die(e.message);
    return now_ms() - started;
}

static double judge(gw_watch *w, int64_t until)
{
    gw_error e = {0};
    double started = now_ms();
    if (gw_watch_judge(w, until, &e))
        die(e.message);
    return now_ms() - started;
}

static double merge(const gw_watch *w, gw_interval when)
{
    gw_error e = {0};
    gw_fleet fleet;
    gw_usage u;
    double started = now_ms();
    if (gw_fleet_clone(&fleet, gw_watch_fleet(w), &e) || gw_watch_merge(w, when, &fleet, &u, &e))
        die(e.message);
    double took = now_ms() - started;
    gw_usage_free(&u);
    gw_fleet_free(&fleet);
    return took;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_turns(const char *what, double *ms)
{
    qsort(ms, TURNS, sizeof(*ms), by_value);
    printf("  %-44s median %7.2f ms  worst %7.2f ms\n", what, ms[TURNS / 2], ms[TURNS - 1]);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"snapshot", 1, NULL, 's'}, {"from", 1, NULL, 'f'}, {"to", 1, NULL, 't'}, {NULL, 0, NULL, 0}};
    const char *dir = NULL;
    gw_interval when = {0, 0};
    gw_error e = {0};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 's')
            dir = optarg;
        else if (c != 'f' && c != 't')
            return 2;
        else if (gw_time_parse(optarg, 0, c == 'f' ? &when.start_ms : &when.end_ms, &e))
            die(e.message);
    }
    if (!dir || gw_interval_ms(when) < 2 * GW_HOUR_MS)
        die("--snapshot DIR --from TIME --to TIME are wanted, two hours or more");
    memory m = {0};
    load(&m, dir, when);

    gw_watch *w = begin(when);
    double read = read_to(w, &m, when.end_ms), judged = judge(w, when.end_ms);
    printf("  at once: %.1f M samples of %zu series into %zu hours: read %.0f ms, judged %.1f ms, whole "
           "window merged %.1f ms\n",
           (double)gw_watch_samples(w) / 1e6, m.n, gw_watch_hours(w), read, judged, merge(w, when));
    gw_watch_free(w);

    static double reads[TURNS], judges[TURNS], days[TURNS], hours[TURNS], sums[TURNS];
    int64_t from = when.end_ms - (TURNS + 1) * GW_MINUTE_MS;
    w = begin(when);
    read_to(w, &m, from);
    for (int i = 0; i < TURNS; i++) {
        int64_t now = from + (i + 1) * GW_MINUTE_MS;
        reads[i] = read_to(w, &m, now);
        judges[i] = judge(w, now);
        sums[i] = reads[i] + judges[i];
        days[i] = merge(w, when);
        hours[i] = merge(w, (gw_interval){now - GW_HOUR_MS, now - GW_HOUR_MS + 1});
    }
    printf("  a turn each minute of the last hour, %zu GPUs\n", gw_watch_fleet(w)->n_gpus);
    print_turns("new samples, and 15 minutes again", reads);
    print_turns("judging the open day", judges);
    print_turns("both", sums);
    print_turns("a view of all: clone and merge", days);
    print_turns("a view of one hour", hours);
    gw_watch_free(w);
    unload(&m);
    return 0;
}
