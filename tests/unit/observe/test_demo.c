/*
 * The sample fleet. The situations are looked for in the series themselves, not in the tables they come from.
 */
#include "gw_test.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "fleet/rules.h"
#include "format/om.h"
#include "observe/demo.h"
#include "observe/demo_truth.h"

/* --- a sink that keeps everything --- */

typedef struct kept_series {
    char *key; /* name{a="b",...}, labels sorted */
    gw_label labels[64];
    size_t n_labels;
    int64_t *t;
    double *v;
    size_t n, cap_t, cap_v;
} kept_series;

typedef struct keeper {
    gw_map by_key;
    kept_series *s;
    size_t n, cap;
    gw_arena arena;
    uint64_t samples, calls;
    int fail_series, fail_samples; /* what to return instead of 0 */
    bool skip;
} keeper;

static int by_name(const void *a, const void *b)
{
    const gw_label *x = a, *y = b;
    size_t n = GW_MIN(x->name.n, y->name.n);
    int c = memcmp(x->name.p, y->name.p, n);
    return c ? c : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

static int keep_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    keeper *k = ctx;
    k->calls++;
    if (k->fail_series)
        return gw_fail(e, k->fail_series, "the sink says no");
    *ret = GW_SERIES_SKIP;
    if (k->skip)
        return 0;
    gw_label sorted[64];
    assert_true(n <= GW_COUNT(sorted));
    memcpy(sorted, labels, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_name);
    gw_buf b;
    gw_buf_init(&b, 1 << 16);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || by_name(&sorted[i - 1], &sorted[i]) < 0); /* no label twice */
        assert_true(sorted[i].value.n > 0);
        gw_buf_printf(&b, "%.*s=\"%.*s\",", GW_STR_ARG(sorted[i].name), GW_STR_ARG(sorted[i].value));
    }
    uint32_t at = gw_map_get(&k->by_key, (gw_str){b.data, b.len});
    if (at == GW_NONE) {
        at = (uint32_t)k->n;
        assert_int_equal(gw_grow((void **)&k->s, &k->cap, k->n + 1, sizeof(*k->s), 1 << 20), 0);
        kept_series *s = &k->s[k->n++];
        *s = (kept_series){.key = gw_arena_strdup(&k->arena, b.data), .n_labels = n};
        for (size_t i = 0; i < n; i++) {
            s->labels[i].name = gw_str_of(gw_arena_strndup(&k->arena, sorted[i].name.p, sorted[i].name.n));
            s->labels[i].value = gw_str_of(gw_arena_strndup(&k->arena, sorted[i].value.p, sorted[i].value.n));
        }
        assert_int_equal(gw_map_set(&k->by_key, (gw_str){b.data, b.len}, at), 0);
    }
    gw_buf_free(&b);
    *ret = (void *)(uintptr_t)(at + 1);
    return 0;
}

static int keep_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    keeper *k = ctx;
    if (k->fail_samples)
        return gw_fail(e, k->fail_samples, "the sink is full");
    assert_false(k->skip);
    kept_series *s = &k->s[(uintptr_t)series - 1];
    assert_int_equal(gw_grow((void **)&s->t, &s->cap_t, s->n + n, sizeof(*s->t), 1 << 24), 0);
    assert_int_equal(gw_grow((void **)&s->v, &s->cap_v, s->n + n, sizeof(*s->v), 1 << 24), 0);
    memcpy(s->t + s->n, t, n * sizeof(*t));
    memcpy(s->v + s->n, v, n * sizeof(*v));
    s->n += n;
    k->samples += n;
    return 0;
}

static void keeper_init(keeper *k)
{
    *k = (keeper){0};
    gw_map_init(&k->by_key);
    gw_arena_init(&k->arena, 0);
}

static void keeper_free(keeper *k)
{
    for (size_t i = 0; i < k->n; i++) {
        gw_free(k->s[i].t);
        gw_free(k->s[i].v);
    }
    gw_free(k->s);
    gw_map_free(&k->by_key);
    gw_arena_free(&k->arena);
}

static gw_series_sink sink_of(keeper *k)
{
    return (gw_series_sink){k, keep_series, keep_samples};
}

static void read_into(gw_source *s, gw_family_group g, gw_interval range, keeper *k)
{
    gw_error e = {0};
    gw_series_sink sink = sink_of(k);
    int rc = s->read(s->self, g, range, &sink, &e);
    if (rc)
        print_error("%s\n", e.message);
    assert_int_equal(rc, 0);
}

static gw_source opened(const gw_demo_options *o)
{
    gw_source s = {0};
    gw_error e = {0};
    assert_int_equal(gw_demo_open(o, &s, &e), 0);
    return s;
}

/* The default fleet, coarser: one scrape in 5 minutes keeps the test quick. */
static gw_demo_options coarse(void)
{
    gw_demo_options o;
    gw_demo_defaults(&o);
    o.interval_ms = 5 * GW_MINUTE_MS;
    return o;
}

/* The whole window of every group, read once for all tests that look for situations. */
static keeper all[GW_N_FAMILY_GROUPS];
static gw_demo_options all_options;

static int read_all(void **state)
{
    GW_UNUSED(state);
    all_options = coarse();
    gw_source s = opened(&all_options);
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        keeper_init(&all[g]);
        read_into(&s, (gw_family_group)g, all_options.window, &all[g]);
    }
    s.free(s.self);
    return 0;
}

static int free_all(void **state)
{
    GW_UNUSED(state);
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++)
        keeper_free(&all[g]);
    return 0;
}

/* --- looking for series --- */

static const char *label_of(const kept_series *s, const char *name)
{
    for (size_t i = 0; i < s->n_labels; i++) {
        if (gw_str_is(s->labels[i].name, name))
            return s->labels[i].value.p;
    }
    return NULL;
}

/* Pairs of name and value, NULL at the end. "*": any value; "-": there is no such label; "x*": begins with x.
 */
static bool matches(const kept_series *s, va_list ap)
{
    const char *name;
    while ((name = va_arg(ap, const char *))) {
        const char *want = va_arg(ap, const char *), *have = label_of(s, name);
        size_t n = strlen(want);
        if (strcmp(want, "-") == 0 ? have != NULL
            : want[n - 1] == '*'   ? !have || strncmp(have, want, n - 1) != 0
                                   : !have || strcmp(have, want) != 0)
            return false;
    }
    return true;
}

/* The next match after `after` (NULL: the first), or NULL. */
static const kept_series *next(const keeper *k, const kept_series *after, ...)
{
    for (const kept_series *s = after ? after + 1 : k->s; s < k->s + k->n; s++) {
        va_list ap;
        va_start(ap, after);
        bool yes = matches(s, ap);
        va_end(ap);
        if (yes)
            return s;
    }
    return NULL;
}

#define FIRST(k, ...) next((k), NULL, __VA_ARGS__, (const char *)NULL)

#define COUNT(k, ...)                                                                                        \
    __extension__({                                                                                          \
        size_t n_ = 0;                                                                                       \
        for (const kept_series *s_ = NULL; (s_ = next((k), s_, __VA_ARGS__, (const char *)NULL));)           \
            n_++;                                                                                            \
        n_;                                                                                                  \
    })

#define GPU  (&all[GW_FAMILIES_GPU])
#define KUBE (&all[GW_FAMILIES_KUBE])
#define CAD  (&all[GW_FAMILIES_CADVISOR])

/* Mean of the values that are numbers, from a time on. */
static double mean_from(const kept_series *s, int64_t from_ms)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->t[i] >= from_ms && !isnan(s->v[i])) {
            sum += s->v[i];
            n++;
        }
    }
    return n ? sum / (double)n : -1;
}

static double mean_of(const kept_series *s)
{
    return mean_from(s, 0);
}

static double max_of(const kept_series *s)
{
    double m = -1e300;
    for (size_t i = 0; i < s->n; i++)
        m = isnan(s->v[i]) ? m : GW_MAX(m, s->v[i]);
    return m;
}

static size_t markers_of(const kept_series *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += gw_is_stale_marker(s->v[i]);
    return n;
}

/* The longest time between two samples. */
static int64_t widest_gap(const kept_series *s)
{
    int64_t widest = 0;
    for (size_t i = 1; i < s->n; i++)
        widest = GW_MAX(widest, s->t[i] - s->t[i - 1]);
    return widest;
}

/* --- options --- */

static void options_out_of_range_are_refused(void **state)
{
    GW_UNUSED(state);
    gw_source s = {.self = (void *)1};
    gw_error e;
    gw_demo_options o = coarse();
    o.nodes = GW_DEMO_BASE_NODES - 1;
    assert_int_equal(gw_demo_open(&o, &s, &e), GW_EUSAGE);
    o.nodes = GW_DEMO_MAX_NODES + 1;
    assert_int_equal(gw_demo_open(&o, &s, &e), GW_EUSAGE);
    o = coarse();
    o.interval_ms = 999;
    assert_int_equal(gw_demo_open(&o, &s, &e), GW_EUSAGE);
    o.interval_ms = 5 * GW_MINUTE_MS + 1;
    assert_int_equal(gw_demo_open(&o, &s, &e), GW_EUSAGE);
    o = coarse();
    o.window.end_ms = o.window.start_ms + GW_HOUR_MS - 1;
    assert_int_equal(gw_demo_open(&o, &s, &e), GW_EWINDOW);
    o.window = (gw_interval){0, GW_DAY_MS};
    assert_int_equal(gw_demo_open(&o, &s, &e), GW_EWINDOW);
    o.window = (gw_interval){GW_DAY_MS * 365, INT64_MAX};
    assert_int_equal(gw_demo_open(&o, &s, &e), GW_EWINDOW);
    o.window = (gw_interval){GW_DAY_MS * 365, GW_DAY_MS * 365 + (GW_DEMO_MAX_POINTS + 2) * GW_SECOND_MS};
    o.interval_ms = GW_SECOND_MS;
    assert_int_equal(gw_demo_open(&o, &s, &e), GW_EWINDOW);
    assert_ptr_equal(s.self, (void *)1); /* outputs are untouched */
}

static void describes_itself(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o;
    gw_demo_defaults(&o);
    gw_source s = opened(&o);
    char text[GW_TIME_TEXT_MAX];
    gw_interval extent;
    assert_int_equal(s.extent(s.self, &extent, NULL), 0);
    assert_string_equal(gw_time_format(extent.start_ms, text), "2026-09-07T00:00:00Z");
    assert_string_equal(gw_time_format(extent.end_ms, text), "2026-09-14T00:00:00Z");
    assert_string_equal(s.describe(s.self), "sample fleet (seed 1, 19 GPU nodes, scraped every 1m)");
    s.free(s.self);
}

/* --- a pure function --- */

static int hash_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    GW_UNUSED(e);
    uint64_t *h = ctx;
    for (size_t i = 0; i < n; i++)
        *h = demo_mix(*h ^ gw_hash(labels[i].name.p, labels[i].name.n) ^
                      gw_hash(labels[i].value.p, labels[i].value.n) << 1);
    *ret = ctx;
    return 0;
}

static int hash_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    GW_UNUSED(series);
    GW_UNUSED(e);
    uint64_t *h = ctx;
    *h = demo_mix(*h ^ gw_hash(t, n * sizeof(*t)) ^ gw_hash(v, n * sizeof(*v)) << 1);
    return 0;
}

static uint64_t hash_of(const gw_demo_options *o)
{
    uint64_t h = 7;
    gw_series_sink sink = {&h, hash_series, hash_samples};
    gw_source s = opened(o);
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++)
        assert_int_equal(s.read(s.self, (gw_family_group)g, o->window, &sink, NULL), 0);
    s.free(s.self);
    return h;
}

static void same_seed_same_bytes(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    o.window.start_ms = o.window.end_ms - GW_DAY_MS;
    uint64_t once = hash_of(&o), twice = hash_of(&o);
    assert_true(once == twice);
    o.seed = 2;
    assert_true(hash_of(&o) != once);
}

/* Uneven slices, read backwards with a margin as the fold does: what lies in each is what the whole has
 * there. */
static void slices_make_the_whole(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    o.window.start_ms = o.window.end_ms - 2 * GW_DAY_MS;
    const int64_t cuts[] = {0, 1, 3 * GW_HOUR_MS + 17, 3 * GW_HOUR_MS + 18, GW_DAY_MS, 2 * GW_DAY_MS};
    gw_source s = opened(&o);
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        keeper whole, part[GW_COUNT(cuts) - 1];
        keeper_init(&whole);
        read_into(&s, (gw_family_group)g, o.window, &whole);
        assert_true(whole.samples > 0);
        uint64_t sum = 0;
        for (size_t i = GW_COUNT(part); i-- > 0;) {
            keeper_init(&part[i]);
            read_into(&s, (gw_family_group)g,
                      (gw_interval){o.window.start_ms + cuts[i], o.window.start_ms + cuts[i + 1]}, &part[i]);
            sum += part[i].samples;
        }
        assert_int_equal(sum, whole.samples);
        for (size_t k = 0; k < whole.n; k++) {
            const kept_series *w = &whole.s[k];
            size_t at = 0;
            for (size_t i = 0; i < GW_COUNT(part); i++) {
                uint32_t x = gw_map_get(&part[i].by_key, gw_str_of(w->key));
                if (x == GW_NONE)
                    continue;
                const kept_series *p = &part[i].s[x];
                assert_true(at + p->n <= w->n);
                assert_memory_equal(p->t, w->t + at, p->n * sizeof(*p->t));
                assert_memory_equal(p->v, w->v + at, p->n * sizeof(*p->v));
                at += p->n;
            }
            assert_int_equal(at, w->n);
        }
        for (size_t i = 0; i < GW_COUNT(part); i++)
            keeper_free(&part[i]);
        keeper_free(&whole);
    }
    s.free(s.self);
}

static void nothing_outside_of_what_there_is(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    gw_source s = opened(&o);
    keeper k;
    keeper_init(&k);
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        read_into(&s, (gw_family_group)g,
                  (gw_interval){o.window.end_ms + GW_DAY_MS, o.window.end_ms + 2 * GW_DAY_MS}, &k);
        read_into(&s, (gw_family_group)g, (gw_interval){o.window.end_ms, o.window.start_ms}, &k);
        read_into(&s, (gw_family_group)g, (gw_interval){INT64_MIN / 2, o.window.start_ms - 3 * GW_DAY_MS},
                  &k);
    }
    assert_int_equal(k.calls, 0);
    keeper_free(&k);
    s.free(s.self);
}

static void every_series_is_sound(void **state)
{
    GW_UNUSED(state);
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        const char *const *families = gw_family_names((gw_family_group)g);
        assert_true(all[g].n > 0);
        for (size_t i = 0; i < all[g].n; i++) {
            const kept_series *s = &all[g].s[i];
            const char *name = label_of(s, "__name__");
            size_t k = 0;
            while (families[k] && !gw_eq(families[k], name))
                k++;
            assert_non_null(families[k]);
            assert_true(s->n > 0);
            for (size_t j = 0; j < s->n; j++) {
                assert_true(s->t[j] >= all_options.window.start_ms && s->t[j] < all_options.window.end_ms);
                assert_true(j == 0 || s->t[j] > s->t[j - 1]);
                assert_true(!isnan(s->v[j]) || gw_is_stale_marker(s->v[j]));
            }
        }
    }
    /* every family is there */
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        for (const char *const *f = gw_family_names((gw_family_group)g); *f; f++)
            assert_non_null(FIRST(&all[g], "__name__", *f));
    }
}

/* --- the situations: telemetry --- */

static void exporters_differ_in_their_labels(void **state)
{
    GW_UNUSED(state);
    /* honorLabels, the old spelling */
    const kept_series *s =
        FIRST(GPU, "__name__", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "pod", "llama-3-70b-chat-*");
    assert_non_null(s);
    assert_string_equal(label_of(s, "Hostname"), "ip-10-0-12-44.ec2.internal");
    assert_null(label_of(s, "hostname"));
    assert_string_equal(label_of(s, "namespace"), "assistant");
    assert_string_equal(label_of(s, "modelName"), "NVIDIA A100-SXM4-40GB");
    assert_int_equal(strlen(label_of(s, "UUID")), 40); /* GPU- and a UUID of 36 */
    assert_non_null(label_of(s, "device"));
    /* honorLabels=false: the exporter's own pod in namespace/pod, on idle GPUs too */
    s = FIRST(GPU, "__name__", "DCGM_FI_DEV_FB_USED", "exported_pod", "demo-endpoint-*");
    assert_non_null(s);
    assert_string_equal(label_of(s, "exported_namespace"), "default");
    assert_string_equal(label_of(s, "namespace"), "gpu-operator");
    assert_non_null(FIRST(GPU, "exported_pod", "-", "pod", "nvidia-dcgm-exporter-*"));
    /* the new spelling, with pod_uid and error texts */
    s = FIRST(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "pod", "tts-vits-*");
    assert_non_null(s);
    assert_string_equal(label_of(s, "hostname"), "aks-t4pool-31870214-vmss000002");
    assert_non_null(label_of(s, "pod_uid"));
    assert_non_null(FIRST(GPU, "__name__", "DCGM_FI_DEV_XID_ERRORS", "err_code", "31", "err_msg", "*", "pod",
                          "reranker-minilm-*"));
    /* GPUs that no pod holds */
    assert_non_null(
        FIRST(GPU, "Hostname", "ip-10-0-12-44.ec2.internal", "gpu", "7", "pod", "-", "exported_pod", "-"));
}

static void signals_differ_by_gpu(void **state)
{
    GW_UNUSED(state);
    assert_true(COUNT(GPU, "__name__", "DCGM_FI_PROF_SM_ACTIVE", "modelName", "NVIDIA H100*") > 0);
    assert_int_equal(COUNT(GPU, "__name__", "DCGM_FI_PROF_SM_ACTIVE", "modelName", "NVIDIA A100-SXM4-40GB"),
                     0);
    assert_int_equal(COUNT(GPU, "__name__", "DCGM_FI_PROF*", "modelName", "Tesla T4"), 0);
    assert_true(COUNT(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "modelName", "Tesla T4") > 0);
}

static void mig_instances(void **state)
{
    GW_UNUSED(state);
    const char *node = "gke-research-mig-7c1e2f9a-x1zq";
    static const char *const profiles[] = {"1g.10gb", "2g.20gb", "3g.40gb"};
    for (size_t i = 0; i < GW_COUNT(profiles); i++)
        assert_true(COUNT(GPU, "__name__", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Hostname", node, "GPU_I_PROFILE",
                          profiles[i], "GPU_I_ID", "*") > 0);
    assert_int_equal(COUNT(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "GPU_I_ID", "*"), 0);
    assert_int_equal(COUNT(GPU, "__name__", "DCGM_FI_DEV_MEM_COPY_UTIL", "GPU_I_ID", "*"), 0);
    /* GPU 1 is cut into 3g and 2g: five of its seven compute slices; the instances share its UUID */
    const kept_series *big = FIRST(GPU, "GPU_I_PROFILE", "3g.40gb", "gpu", "1"),
                      *small = FIRST(GPU, "GPU_I_PROFILE", "2g.20gb", "gpu", "1");
    assert_non_null(big);
    assert_non_null(small);
    assert_string_equal(label_of(big, "UUID"), label_of(small, "UUID"));
    assert_null(FIRST(GPU, "Hostname", node, "gpu", "1", "GPU_I_ID", "-"));
    /* an instance that nobody holds, and a board without partitions beside them */
    assert_non_null(FIRST(GPU, "GPU_I_PROFILE", "1g.10gb", "GPU_I_ID", "13", "exported_pod", "-"));
    assert_non_null(
        FIRST(GPU, "Hostname", node, "gpu", "3", "GPU_I_ID", "-", "exported_pod", "qwen2-72b-eval-*"));
    assert_non_null(FIRST(KUBE, "__name__", "kube_pod_container_resource_requests", "resource",
                          "nvidia_com_mig_2g_20gb", "pod", "fraud-gnn-*"));
}

static void shared_gpus(void **state)
{
    GW_UNUSED(state);
    /* time-slicing: nine notebooks request a share, four of them are named */
    const char *sliced = "ip-10-0-14-3.ec2.internal";
    assert_int_equal(COUNT(KUBE, "__name__", "kube_pod_container_resource_requests", "resource",
                           "nvidia_com_gpu_shared", "node", sliced),
                     9);
    assert_int_equal(COUNT(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "Hostname", sliced, "pod", "*"), 4);
    const kept_series *s =
        FIRST(KUBE, "__name__", "kube_node_status_allocatable", "node", sliced, "resource", "nvidia_com_gpu");
    assert_non_null(s);
    assert_true(max_of(s) == 0); /* renamed away */
    s = FIRST(KUBE, "__name__", "kube_node_status_allocatable", "node", sliced, "resource",
              "nvidia_com_gpu_shared");
    assert_true(max_of(s) == 16);
    /* MPS: every metric repeated for each pod, the same value */
    const kept_series *one[8] = {0};
    size_t n = 0;
    for (const kept_series *k = NULL;
         (k = next(GPU, k, "__name__", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Hostname",
                   "gke-research-l4-91ac66d2-q4vj", "gpu", "0", "exported_pod", "*", NULL));)
        one[n++] = k;
    assert_int_equal(n, 4);
    for (size_t i = 1; i < n; i++) {
        assert_string_equal(label_of(one[i], "UUID"), label_of(one[0], "UUID"));
        assert_string_not_equal(label_of(one[i], "vgpu"), label_of(one[0], "vgpu"));
        assert_int_equal(one[i]->n, one[0]->n);
        assert_memory_equal(one[i]->v, one[0]->v, one[0]->n * sizeof(double));
    }
    assert_non_null(FIRST(KUBE, "__name__", "kube_node_labels", "label_nvidia_com_gpu_sharing_strategy",
                          "mps", "label_nvidia_com_gpu_product", "NVIDIA-L4-SHARED"));
    s = FIRST(KUBE, "__name__", "kube_node_status_allocatable", "node", "gke-research-l4-91ac66d2-q4vj",
              "resource", "nvidia_com_gpu");
    assert_true(max_of(s) == 16);
}

/* kube-state-metrics ends the job at 45 % of the window; the exporter goes on naming it for half an hour. */
static void ended_pods_linger(void **state)
{
    GW_UNUSED(state);
    int64_t end = demo_at(&all_options, 0.45), step = all_options.interval_ms;
    const kept_series *gpu = FIRST(GPU, "__name__", "DCGM_FI_DEV_FB_USED", "pod", "llama-3-70b-sft-worker-0");
    const kept_series *run = FIRST(KUBE, "__name__", "kube_pod_status_phase", "pod",
                                   "llama-3-70b-sft-worker-0", "phase", "Running");
    assert_non_null(gpu);
    assert_non_null(run);
    assert_true(gw_is_stale_marker(gpu->v[gpu->n - 1]));
    assert_true(gpu->t[gpu->n - 2] >= end + 30 * GW_MINUTE_MS - step &&
                gpu->t[gpu->n - 2] < end + 30 * GW_MINUTE_MS);
    assert_true(gpu->v[gpu->n - 2] < 10); /* and holds nothing any more */
    int64_t last_running = 0;
    for (size_t i = 0; i < run->n; i++)
        last_running = run->v[i] == 1 ? run->t[i] : last_running;
    assert_true(last_running >= end - step && last_running < end);
    const kept_series *done = FIRST(KUBE, "__name__", "kube_pod_status_phase", "pod",
                                    "llama-3-70b-sft-worker-0", "phase", "Succeeded");
    assert_true(max_of(done) == 1);
}

static void gaps_and_outages(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = all_options;
    /* Prometheus of prod-use1 was away for 0.0012 of the week, 12 minutes: no sample and no marker */
    int64_t from = demo_at(&o, 0.35), to = demo_at(&o, 0.3512);
    for (size_t i = 0; i < GPU->n; i++) {
        const kept_series *s = &GPU->s[i];
        for (size_t j = 0; j < s->n && gw_eq(label_of(s, "cluster"), "prod-use1"); j++)
            assert_false(s->t[j] >= from && s->t[j] < to);
    }
    /* the plant's exporter was down for 0.03 of the week, 5 h: one marker, then nothing */
    const kept_series *s =
        FIRST(GPU, "__name__", "DCGM_FI_DEV_FB_USED", "Hostname", "plant7-gpu-01", "gpu", "3");
    assert_non_null(s);
    assert_true(widest_gap(s) > 5 * GW_HOUR_MS - 11 * GW_MINUTE_MS &&
                widest_gap(s) < 5 * GW_HOUR_MS + 11 * GW_MINUTE_MS);
    bool marked = false;
    for (size_t i = 0; i < s->n; i++)
        marked |= gw_is_stale_marker(s->v[i]) && s->t[i] >= demo_at(&o, 0.40) &&
                  s->t[i] < demo_at(&o, 0.40) + o.interval_ms;
    assert_true(marked);
    /* single scrapes fail now and then: more than 4,000 scrapes of the p5 and p4d at 1 in 2,500 */
    size_t markers = 0;
    for (const kept_series *k = NULL;
         (k = next(GPU, k, "__name__", "DCGM_FI_DEV_FB_USED", "gpu", "2", NULL));)
        markers += markers_of(k);
    assert_true(markers > 5);
}

static void exporter_restart_keeps_the_uuid(void **state)
{
    GW_UNUSED(state);
    const kept_series *before = FIRST(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "pod", "defect-detector-0");
    const kept_series *after = before;
    while (after && gw_eq(label_of(after, "instance"), label_of(before, "instance")))
        after = next(GPU, after, "__name__", "DCGM_FI_DEV_GPU_UTIL", "pod", "defect-detector-0", NULL);
    assert_non_null(after);
    assert_string_equal(label_of(before, "UUID"), label_of(after, "UUID"));
    assert_true(gw_is_stale_marker(before->v[before->n - 1]));
    assert_true(after->t[0] > before->t[before->n - 1] - all_options.interval_ms);
    /* its PROF metrics stopped after four days (0.57 of the week) and came back with the restart */
    const kept_series *gr = FIRST(GPU, "__name__", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "pod",
                                  "defect-detector-0", "instance", label_of(before, "instance"));
    assert_true(gr->t[gr->n - 1] < demo_at(&all_options, 0.57) + all_options.interval_ms);
    assert_true(gw_is_stale_marker(gr->v[gr->n - 1]));
    gr = FIRST(GPU, "__name__", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "pod", "defect-detector-0", "instance",
               label_of(after, "instance"));
    assert_true(gr->t[0] >= demo_at(&all_options, 0.70));
}

static void duplicates_and_replicas(void **state)
{
    GW_UNUSED(state);
    /* two jobs scrape the same exporter */
    const kept_series *a =
        FIRST(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "pod", "ocr-detector-*", "job", "dcgm-exporter");
    const kept_series *b =
        FIRST(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "pod", "ocr-detector-*", "job", "kubernetes-pods");
    assert_non_null(a);
    assert_non_null(b);
    assert_string_equal(label_of(a, "UUID"), label_of(b, "UUID"));
    /* two Prometheis, at other instants, and a little off their beat */
    a = FIRST(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "pod", "guardrail-small-*", "prometheus_replica",
              "prometheus-k8s-0");
    b = FIRST(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "pod", "guardrail-small-*", "prometheus_replica",
              "prometheus-k8s-1");
    assert_non_null(a);
    assert_non_null(b);
    assert_int_not_equal(a->t[10], b->t[10]);
    size_t odd = 0;
    for (size_t i = 1; i < a->n; i++)
        odd += (a->t[i] - a->t[i - 1]) % all_options.interval_ms != 0;
    assert_true(odd > a->n / 2);
}

static void sentinels(void **state)
{
    GW_UNUSED(state);
    size_t huge = 0, int32 = 0, negative = 0, elsewhere = 0;
    for (size_t i = 0; i < GPU->n; i++) {
        const kept_series *s = &GPU->s[i];
        bool plant = gw_eq(label_of(s, "Hostname"), "plant7-gpu-01");
        for (size_t j = 0; j < s->n; j++) {
            double v = s->v[j];
            huge += plant && v == 9223372036854775794.0;
            int32 += plant && v == 2147483632.0;
            negative += plant && v == -1;
            elsewhere += !plant && (v < 0 || v > 1e6);
        }
    }
    assert_true(huge > 0 && int32 > 0 && negative > 0);
    assert_int_equal(elsewhere, 0);
}

static void gpu_errors(void **state)
{
    GW_UNUSED(state);
    int64_t death = demo_at(&all_options, 0.45), step = all_options.interval_ms;
    /* XID 79: the code shows for a while, everything else ends, the device plugin takes it off */
    const char *node = "gke-research-a100-5b0d7c34-m8kt";
    const kept_series *s = FIRST(GPU, "__name__", "DCGM_FI_DEV_XID_ERRORS", "Hostname", node, "gpu", "6",
                                 "exported_pod", "vit-pretrain-*");
    assert_non_null(s);
    assert_true(max_of(s) == 79);
    for (const kept_series *k = NULL; (k = next(GPU, k, "Hostname", node, "gpu", "6", NULL));)
        assert_true(k->t[k->n - 1] < death + 20 * GW_MINUTE_MS + step);
    s = FIRST(GPU, "__name__", "DCGM_FI_DEV_FB_USED", "Hostname", node, "gpu", "6", "exported_pod",
              "vit-pretrain-*");
    assert_true(s->t[s->n - 1] < death + step);
    s = FIRST(KUBE, "__name__", "kube_node_status_allocatable", "node", node, "resource", "nvidia_com_gpu");
    assert_true(s->v[0] == 8 && s->v[s->n - 1] == 7);
    s = FIRST(KUBE, "__name__", "kube_node_status_capacity", "node", node, "resource", "nvidia_com_gpu");
    assert_true(s->v[s->n - 1] == 8);
    size_t failed = 0;
    for (const kept_series *k = NULL; (k = next(KUBE, k, "__name__", "kube_pod_status_phase", "pod",
                                                "vit-pretrain-*", "phase", "Failed", NULL));)
        failed += max_of(k) == 1;
    assert_int_equal(failed, 1);
    s = FIRST(GPU, "__name__", "DCGM_FI_DEV_XID_ERRORS", "Hostname", "ip-10-0-11-21.ec2.internal", "gpu", "3",
              "pod", "llama-3-70b-sft-*");
    assert_true(s->v[0] == 0 && max_of(s) == 94);
}

/* --- the situations: who pays for what --- */

static void clouds_and_capacity(void **state)
{
    GW_UNUSED(state);
    static const char *const nodes[][4] = {
        {"label_node_kubernetes_io_instance_type", "p5.48xlarge", "label_eks_amazonaws_com_capacityType",
         "ON_DEMAND"},
        {"label_node_kubernetes_io_instance_type", "g6e.12xlarge", "label_karpenter_sh_capacity_type",
         "spot"},
        {"label_node_kubernetes_io_instance_type", "a2-highgpu-8g", "label_cloud_google_com_gke_spot",
         "true"},
        {"label_node_kubernetes_io_instance_type", "a2-ultragpu-4g",
         "label_cloud_google_com_gke_provisioning", "standard"},
        {"label_node_kubernetes_io_instance_type", "Standard_ND96isr_H100_v5",
         "label_kubernetes_azure_com_cluster", "*"},
        {"label_node_kubernetes_io_instance_type", "Standard_NC24ads_A100_v4",
         "label_kubernetes_azure_com_scalesetpriority", "spot"},
        {"label_node_kubernetes_io_instance_type", "rke2", "label_topology_kubernetes_io_region", "-"},
    };
    for (size_t i = 0; i < GW_COUNT(nodes); i++)
        assert_non_null(
            FIRST(KUBE, "__name__", "kube_node_labels", nodes[i][0], nodes[i][1], nodes[i][2], nodes[i][3]));
    assert_non_null(FIRST(KUBE, "__name__", "kube_node_info", "provider_id", "rke2://plant7-gpu-01"));
    /* the spot node that is taken away at 60 % of the window and the one that comes */
    const kept_series *gone = FIRST(KUBE, "__name__", "kube_node_info", "node", "ip-10-0-13-7.ec2.internal");
    const kept_series *come = FIRST(KUBE, "__name__", "kube_node_info", "node", "ip-10-0-13-91.ec2.internal");
    assert_true(gone->t[gone->n - 1] < demo_at(&all_options, 0.60) + all_options.interval_ms);
    assert_true(come->t[0] >= demo_at(&all_options, 0.60));
}

static void pods_known_to_one_side_only(void **state)
{
    GW_UNUSED(state);
    const char *dark = "ip-10-0-16-88.ec2.internal";
    assert_int_equal(COUNT(GPU, "Hostname", dark), 0);
    assert_int_equal(COUNT(KUBE, "__name__", "kube_pod_container_resource_requests", "node", dark, "resource",
                           "nvidia_com_gpu"),
                     3);
    assert_non_null(FIRST(GPU, "pod", "gromacs-md", "namespace", "lab"));
    assert_int_equal(COUNT(KUBE, "pod", "gromacs-md"), 0);
}

static void owners_and_labels(void **state)
{
    GW_UNUSED(state);
    static const char *const chains[][3] = {
        {"llama-3-70b-chat-*", "ReplicaSet", "Deployment"},
        {"sdxl-serve-*", "ReplicaSet", "Rollout"},
        {"mixtral-8x7b-decode-*", "StatefulSet", NULL},
        {"vit-pretrain-*", "Job", NULL},
        {"catalog-embed-*", "Job", "CronJob"},
        {"raycluster-llm-dpo-worker-*", "RayCluster", NULL},
        {"llama-3-70b-sft-worker-*", "PyTorchJob", NULL},
        {"tmp-gpu-test", "<none>", NULL},
    };
    for (size_t i = 0; i < GW_COUNT(chains); i++) {
        const kept_series *s = FIRST(KUBE, "__name__", "kube_pod_owner", "pod", chains[i][0]);
        assert_non_null(s);
        assert_string_equal(label_of(s, "owner_kind"), chains[i][1]);
        if (!chains[i][2])
            continue;
        bool rs = strcmp(chains[i][1], "ReplicaSet") == 0;
        const kept_series *o = FIRST(KUBE, "__name__", rs ? "kube_replicaset_owner" : "kube_job_owner",
                                     rs ? "replicaset" : "job_name", label_of(s, "owner_name"));
        assert_non_null(o);
        assert_string_equal(label_of(o, "owner_kind"), chains[i][2]);
    }
    const kept_series *s = FIRST(KUBE, "__name__", "kube_pod_labels", "pod", "llama-3-70b-chat-*");
    static const char *const owned[] = {
        "label_team",        "label_project",       "label_environment",
        "label_model_name",  "label_model_version", "label_workload_type",
        "label_cost_center", "label_sla_tier",      "label_optimization_level"};
    for (size_t i = 0; i < GW_COUNT(owned); i++)
        assert_non_null(label_of(s, owned[i]));
    /* the namespace knows the team where the pods do not; others know nothing */
    assert_null(label_of(FIRST(KUBE, "__name__", "kube_pod_labels", "pod", "whisper-small-*"), "label_team"));
    assert_string_equal(
        label_of(FIRST(KUBE, "__name__", "kube_namespace_labels", "namespace", "speech"), "label_team"),
        "speech");
    assert_null(label_of(FIRST(KUBE, "__name__", "kube_pod_labels", "namespace", "sandbox"), "label_team"));
    assert_null(
        label_of(FIRST(KUBE, "__name__", "kube_namespace_labels", "namespace", "sandbox"), "label_team"));
    assert_null(
        label_of(FIRST(KUBE, "__name__", "kube_namespace_labels", "namespace", "default"), "label_team"));
}

static void pending_pods_fit_nowhere(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *pod;
        double gpus, from;
    } waiting[] = {{"mixtral-dpo-*", 4, 0.70}, {"llama-3-405b-sft-*", 8, 0.75}};
    for (size_t i = 0; i < GW_COUNT(waiting); i++) {
        const kept_series *s =
            FIRST(KUBE, "__name__", "kube_pod_status_phase", "pod", waiting[i].pod, "phase", "Pending");
        assert_non_null(s);
        assert_true(mean_of(s) == 1);
        assert_true(s->t[0] >= demo_at(&all_options, waiting[i].from));
        s = FIRST(KUBE, "__name__", "kube_pod_container_resource_requests", "pod", waiting[i].pod, "resource",
                  "nvidia_com_gpu", "node", "-");
        assert_non_null(s);
        assert_true(max_of(s) == waiting[i].gpus);
    }
    /* at the end: whole GPUs without a pod, on any node fewer than four, in prod-use1 eight together */
    int64_t end = all_options.window.end_ms;
    size_t in_cluster = 0;
    for (size_t i = 0; i < demo_n_node_rows; i++) {
        size_t idle = 0;
        for (const kept_series *k = NULL; (k = next(GPU, k, "__name__", "DCGM_FI_DEV_FB_USED", "GPU_I_ID",
                                                    "-", "exported_pod", "-", NULL));) {
            const char *host = label_of(k, "Hostname") ? label_of(k, "Hostname") : label_of(k, "hostname");
            bool exporter = label_of(k, "pod") && gw_has_prefix(label_of(k, "pod"), "nvidia-dcgm-exporter");
            bool first_of_two = !gw_eq(label_of(k, "job"), "kubernetes-pods") &&
                                !gw_eq(label_of(k, "prometheus_replica"), "prometheus-k8s-1");
            if (gw_eq(host, demo_node_rows[i].name) && first_of_two && (!label_of(k, "pod") || exporter))
                idle += end - k->t[k->n - 1] <= 2 * all_options.interval_ms && !isnan(k->v[k->n - 1]);
        }
        if (idle >= 4)
            print_error("%s: %zu\n", demo_node_rows[i].name, idle);
        assert_true(idle < 4);
        in_cluster += demo_node_rows[i].cluster == 0 ? idle : 0;
    }
    assert_int_equal(in_cluster, 3 + 2 + 1 + 2); /* p5, p4d, the new spot node, the nightly trainer's node */
}

static double counter_rate(const kept_series *s)
{
    double sum = 0;
    for (size_t i = 1; i < s->n; i++) {
        if (!isnan(s->v[i]) && !isnan(s->v[i - 1]))
            sum += s->v[i] >= s->v[i - 1] ? s->v[i] - s->v[i - 1] : s->v[i];
    }
    return sum / ((double)(s->t[s->n - 1] - s->t[0]) / 1000);
}

static void requests_beyond_use(void **state)
{
    GW_UNUSED(state);
    /* 82 cores asked for, 5 used on average; the counter starts again with its container */
    const kept_series *cpu = FIRST(CAD, "__name__", "container_cpu_usage_seconds_total", "pod",
                                   "llama-3-70b-chat-*", "container", "server");
    assert_non_null(cpu);
    assert_true(fabs(counter_rate(cpu) - 5) < 0.5);
    size_t resets = 0;
    double last = 0;
    for (size_t i = 0; i < cpu->n; i++) {
        resets += !isnan(cpu->v[i]) && cpu->v[i] < last;
        last = isnan(cpu->v[i]) ? last : cpu->v[i];
    }
    assert_int_equal(resets, 1);
    const kept_series *s = FIRST(KUBE, "__name__", "kube_pod_container_resource_requests", "pod",
                                 "llama-3-70b-chat-*", "resource", "cpu");
    assert_true(max_of(s) == 82);
    s = FIRST(CAD, "__name__", "container_memory_working_set_bytes", "pod", "llama-3-70b-chat-*", "container",
              "server");
    assert_true(max_of(s) <= 84 * 1073741824.0 && max_of(s) > 80 * 1073741824.0);
    /* where `id` is kept, a restart is another series */
    assert_int_equal(COUNT(CAD, "__name__", "container_cpu_usage_seconds_total", "pod", "video-caption-*",
                           "container", "server"),
                     2);
    /* the pod's own cgroup beside its container: the same CPU a second time */
    assert_non_null(FIRST(CAD, "pod", "llama-3-70b-chat-*", "container", "-"));
}

static void loads_are_what_their_names_say(void **state)
{
    GW_UNUSED(state);
    const char *gr = "DCGM_FI_PROF_GR_ENGINE_ACTIVE";
    /* memory reserved, compute light: 4 % of compute, 90 % of memory */
    const kept_series *s = FIRST(GPU, "__name__", gr, "pod", "llama-3-70b-chat-*");
    assert_true(mean_of(s) > 0.03 && mean_of(s) < 0.05);
    const kept_series *used = FIRST(GPU, "__name__", "DCGM_FI_DEV_FB_USED", "pod", "llama-3-70b-chat-*");
    const kept_series *free_ = FIRST(GPU, "__name__", "DCGM_FI_DEV_FB_FREE", "pod", "llama-3-70b-chat-*");
    assert_true(fabs(used->v[0] / (used->v[0] + free_->v[0]) - 0.90) < 0.01);
    /* memory-bound: low compute, DRAM busy */
    assert_true(mean_of(FIRST(GPU, "__name__", gr, "pod", "mixtral-8x7b-decode-0")) < 0.30);
    assert_true(mean_of(FIRST(GPU, "__name__", "DCGM_FI_PROF_DRAM_ACTIVE", "pod", "mixtral-8x7b-decode-0")) >
                0.60);
    /* training at 85 % */
    s = FIRST(GPU, "__name__", "DCGM_FI_PROF_SM_ACTIVE", "pod", "llama-3-70b-sft-worker-0");
    assert_true(mean_of(s) > 0.80 && mean_of(s) < 0.90);
    /* allocated, never used */
    assert_true(max_of(FIRST(GPU, "__name__", "DCGM_FI_DEV_GPU_UTIL", "pod", "tmp-gpu-test")) == 0);
    assert_true(max_of(FIRST(GPU, "__name__", "DCGM_FI_PROF_SM_ACTIVE", "pod", "qwen-lora-dev-*")) == 0);
    /* a small model: 6 GiB on 80 GB */
    s = FIRST(GPU, "__name__", "DCGM_FI_DEV_FB_USED", "pod", "guardrail-small-*");
    assert_true(max_of(s) > 6000 && max_of(s) < 6300);
    assert_string_equal(label_of(s, "modelName"), "NVIDIA H100 80GB HBM3");
    /* constant, to the digit */
    s = FIRST(GPU, "__name__", gr, "pod", "ocr-detector-*");
    for (size_t i = 0; i < s->n; i++)
        assert_true(isnan(s->v[i]) || s->v[i] == 0.6);
    /* the Ray cluster computes until 75 % of the window, and keeps its memory */
    int64_t idle = demo_at(&all_options, 0.75);
    assert_true(
        mean_from(FIRST(GPU, "__name__", "DCGM_FI_PROF_SM_ACTIVE", "pod", "raycluster-llm-dpo-worker-*"),
                  idle) == 0);
    assert_true(mean_from(FIRST(GPU, "__name__", "DCGM_FI_DEV_FB_USED", "pod", "raycluster-llm-dpo-worker-*"),
                          idle) > 70000);
}

static void whole_fleet_is_believably_idle(void **state)
{
    GW_UNUSED(state);
    double busy = 0, seen = 0;
    for (const kept_series *k = NULL; (k = next(GPU, k, "__name__", "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
                                                "GPU_I_ID", "-", "vgpu", "-", NULL));) {
        if (gw_eq(label_of(k, "job"), "kubernetes-pods") ||
            gw_eq(label_of(k, "prometheus_replica"), "prometheus-k8s-1"))
            continue;
        for (size_t i = 0; i < k->n; i++) {
            if (k->v[i] >= 0 && k->v[i] <= 1) {
                busy += k->v[i];
                seen++;
            }
        }
    }
    print_message("# whole GPUs are busy %.1f %% of the time\n", 100 * busy / seen);
    assert_true(busy / seen > 0.05 && busy / seen < 0.30);
}

/* --- loads, by themselves --- */

static void pulses_last_three_minutes_an_hour(void **state)
{
    GW_UNUSED(state);
    demo_load l = {DEMO_PULSE, 0.95, 1, 1, 0, 0, 0};
    for (uint64_t seed = 0; seed < 5; seed++) {
        for (int64_t hour = 0; hour < 50; hour++) {
            int high = 0;
            for (int64_t s = 0; s < 3600; s++)
                high += demo_load_at(&l, seed, 0, GW_DAY_MS * 20000 + hour * GW_HOUR_MS + s * 1000) > 0.9;
            assert_int_equal(high, 180);
        }
    }
}

static void notebooks_sleep(void **state)
{
    GW_UNUSED(state);
    demo_load l = {DEMO_NOTEBOOK, 0.5, 1, 1, 0, 0, 0};
    gw_demo_options o = coarse();
    double day = 0;
    for (int64_t t = o.window.start_ms; t < o.window.end_ms; t += GW_MINUTE_MS) {
        int64_t hour = (t - o.window.start_ms) / GW_HOUR_MS; /* the window starts on a Monday at midnight */
        double v = demo_load_at(&l, 3, 0, t);
        bool office = hour / 24 < 5 && hour % 24 >= 8 && hour % 24 < 19;
        assert_true(office || v == 0);
        day += v;
    }
    assert_true(day > 0);
}

static void every_load_is_a_share(void **state)
{
    GW_UNUSED(state);
    for (int shape = DEMO_SILENT; shape <= DEMO_NOTEBOOK; shape++) {
        demo_load l = {(demo_shape)shape, 0.97, 1, 1, 0, 0, 0};
        for (uint64_t i = 0; i < 20000; i++) {
            double v = demo_load_at(&l, i % 7, 0, (int64_t)(demo_draw(9, i) % (uint64_t)(GW_DAY_MS * 20000)));
            assert_true(v >= 0 && v <= 1);
        }
    }
}

/* --- truth --- */

/*
 * By hand, from the definitions: ocr-detector holds one GPU all week (168 h) at 0.6 exactly. vit-pretrain
 * holds two GPUs for 0.4502 and then two for 0.54 of the week. fraud-gnn holds 2g of an A100: 2/7 of a board,
 * at 0.5. sdxl-lora-train runs 3 h on two GPUs on each of seven nights.
 */
static void truth_by_hand(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    gw_demo_truth t;
    gw_error e;
    assert_int_equal(gw_demo_truth_of(&o, "vision", "ocr-detector", &t, &e), 0);
    assert_int_equal(t.pods, 1);
    assert_true(fabs(t.held_gpu_hours - 168) < 1e-9 && fabs(t.used_gpu_hours - 100.8) < 1e-6);
    assert_int_equal(t.signal, GW_SIGNAL_GR_ENGINE_ACTIVE);
    assert_int_equal(gw_demo_truth_of(&o, "research", "vit-pretrain", &t, &e), 0);
    assert_int_equal(t.pods, 2);
    assert_true(fabs(t.held_gpu_hours - 2 * (0.4502 + 0.54) * 168) < 0.001); /* instants are whole seconds */
    assert_int_equal(gw_demo_truth_of(&o, "fraud", "fraud-gnn", &t, &e), 0);
    assert_true(fabs(t.held_gpu_hours - 48) < 1e-9 && fabs(t.used_gpu_hours - 24) < 1e-6);
    assert_int_equal(gw_demo_truth_of(&o, "creative", "sdxl-lora-train", &t, &e), 0);
    assert_true(fabs(t.held_gpu_hours - 7 * 2 * 3.0) < 1e-9);
    assert_int_equal(gw_demo_truth_of(&o, "notebooks", "jupyter-bob", &t, &e), 0);
    assert_true(fabs(t.held_gpu_hours - 42) < 1e-9 && t.used_gpu_hours < 0); /* a quarter of a GPU */
}

/*
 * The series tell the same story: their mean over the time in which they name a pod is the truth's used /
 * held. One sample in five minutes is coarse for loads that change within minutes: it meets a checkpoint of 2
 * minutes in 2 hours once in 24 samples or never. The nightly job of 180 minutes is named for 12 minutes
 * more.
 */
static void series_agree_with_truth(void **state)
{
    GW_UNUSED(state);
    static const char gr[] = "DCGM_FI_PROF_GR_ENGINE_ACTIVE", util[] = "DCGM_FI_DEV_GPU_UTIL";
    static const struct {
        const char *ns, *work, *metric, *label, *cluster;
        double factor, slack;
    } cases[] = {
        {"assistant", "llama-3-70b-chat", gr, "pod", "prod-use1", 1, 0.02},
        {"creative", "sdxl-lora-train", gr, "pod", "prod-use1", 180.0 / 192, 0.03},
        {"speech", "tts-vits", util, "pod", "prod-weu", 100, 0.02},
        {"fraud", "fraud-scorer", gr, "exported_pod", "research-usc1", 1, 0.02},
        {"research", "phi-3-distill", gr, "pod", "prod-weu", 1, 0.04},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_demo_truth t;
        assert_int_equal(gw_demo_truth_of(&all_options, cases[i].ns, cases[i].work, &t, NULL), 0);
        char pod[64];
        snprintf(pod, sizeof(pod), "%s-*", cases[i].work);
        double sum = 0, n = 0;
        for (const kept_series *k = NULL; (k = next(GPU, k, "__name__", cases[i].metric, cases[i].label, pod,
                                                    "cluster", cases[i].cluster, NULL));) {
            if (gw_eq(label_of(k, "prometheus_replica"), "prometheus-k8s-1") ||
                gw_eq(label_of(k, "job"), "kubernetes-pods"))
                continue;
            for (size_t j = 0; j < k->n; j++) {
                sum += isnan(k->v[j]) ? 0 : k->v[j];
                n += !isnan(k->v[j]);
            }
        }
        double want = t.used_gpu_hours / t.held_gpu_hours * cases[i].factor, seen = sum / n;
        if (fabs(seen - want) > cases[i].slack * want)
            print_error("%s: seen %.4f, true %.4f\n", cases[i].work, seen, want);
        assert_true(fabs(seen - want) <= cases[i].slack * want);
    }
}

/* --- objects --- */

static void objects_are_what_the_api_would_list(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    gw_source s = opened(&o);
    gw_fleet f;
    gw_error e = {0};
    gw_fleet_init(&f);
    assert_int_equal(s.objects(s.self, &f, &e), 0);
    assert_int_equal(f.n_nodes,
                     19); /* 19 GPU nodes less the spot node that was taken, and one without GPUs */
    assert_int_equal(gw_fleet_find_node(&f, gw_str_of("ip-10-0-13-7.ec2.internal")), GW_NONE);
    const gw_node *mps = &f.nodes[gw_fleet_find_node(&f, gw_str_of("gke-research-l4-91ac66d2-q4vj"))];
    assert_int_equal(mps->sharing, GW_SHARING_MPS);
    assert_int_equal(mps->replicas, 4);
    assert_int_equal(mps->gpu_count, 4);
    assert_int_equal(mps->allocatable_gpus, 16);
    assert_int_equal(mps->provider, GW_PROVIDER_GCP);
    const gw_node *spot = &f.nodes[gw_fleet_find_node(&f, gw_str_of("aks-a100spot-31870214-vmss000005"))];
    assert_int_equal(spot->capacity, GW_CAPACITY_SPOT);
    assert_int_equal(spot->provider, GW_PROVIDER_AZURE);
    assert_true(spot->managed_control_plane && spot->in_api);
    const gw_node *own = &f.nodes[gw_fleet_find_node(&f, gw_str_of("plant7-gpu-01"))];
    assert_false(own->managed_control_plane);
    assert_null(own->region);
    assert_int_equal(
        f.nodes[gw_fleet_find_node(&f, gw_str_of("gke-research-a100-5b0d7c34-m8kt"))].allocatable_gpus, 7);
    assert_int_equal(gw_fleet_find_pod(&f, gw_str_of("lab"), gw_str_of("gromacs-md")), GW_NONE);
    gw_fleet_resolve_owners(&f);
    size_t pending = 0, rollouts = 0, mig = 0, shared = 0;
    for (size_t i = 0; i < f.n_pods; i++) {
        const gw_pod *p = &f.pods[i];
        pending += p->phase == GW_PHASE_PENDING && p->node == GW_NONE;
        rollouts += gw_eq(p->workload_kind, "Rollout") && gw_eq(p->workload_name, "sdxl-serve");
        mig += p->resource == GW_RESOURCE_MIG && p->mig_resource;
        shared += p->resource == GW_RESOURCE_GPU_SHARED;
    }
    assert_int_equal(pending, 2);
    assert_int_equal(rollouts, 3);
    assert_int_equal(mig, 7);    /* four scorers, colbert, qwen2-vl, the gnn */
    assert_int_equal(shared, 8); /* of nine notebooks one is gone */
    gw_fleet_free(&f);
    s.free(s.self);
}

static const gw_pod *pod_of(const gw_fleet *f, const char *app)
{
    for (size_t i = 0; i < f->n_pods; i++) {
        if (gw_eq(gw_labels_exact(&f->pods[i].labels, "app"), app))
            return &f->pods[i];
    }
    fail_msg("no pod of %s", app);
    return NULL;
}

/* Of the pods that a spread counts, how many are in the domain of each of its nodes; the worst difference. */
static int skew_of(const gw_fleet *f, const gw_pod *p, const gw_spread *s)
{
    int least = INT_MAX, most = 0;
    for (size_t i = 0; i < f->n_nodes; i++) {
        const gw_node *n = &f->nodes[i];
        const char *domain = gw_labels_exact(&n->labels, s->topology_key);
        gw_pod_rules only = {.node_selector = f->rules[p->rules].node_selector};
        static const gw_toleration every = {NULL, NULL, true, GW_TAINT_NO_SCHEDULE, false};
        only.tolerations = &every;
        only.n_tolerations = 1;
        if (!domain || !gw_rules_allow_node(&only, n, NULL))
            continue;
        int here = 0;
        for (size_t k = 0; k < f->n_pods; k++) {
            const gw_pod *q = &f->pods[k];
            here += q->node != GW_NONE && gw_spread_counts(s, p->ns, q) &&
                    gw_eq(gw_labels_exact(&f->nodes[q->node].labels, s->topology_key), domain);
        }
        least = GW_MIN(least, here);
        most = GW_MAX(most, here);
    }
    return most - least;
}

/* What is said of the fleet must be so already: no pod runs where its own rules would not let it. */
static void every_pod_keeps_the_rules(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    o.nodes = GW_DEMO_BASE_NODES + 4;
    gw_source s = opened(&o);
    gw_fleet f;
    gw_error e = {0};
    gw_fleet_init(&f);
    assert_int_equal(s.objects(s.self, &f, &e), 0);
    assert_int_equal(gw_fleet_resolve_rules(&f, &e), 0);
    assert_true(f.budgets_known && f.volumes_known && f.claims_known && f.namespaces_known);
    size_t spreads = 0, apart = 0, tainted = 0;
    for (size_t i = 0; i < f.n_nodes; i++)
        tainted += f.nodes[i].n_taints > 0;
    assert_true(tainted >= 10);
    for (size_t i = 0; i < f.n_pods; i++) {
        const gw_pod *p = &f.pods[i];
        assert_int_not_equal(p->rules, GW_NONE);
        const gw_pod_rules *r = &f.rules[p->rules];
        gw_refusal why;
        char text[GW_REFUSAL_TEXT_MAX];
        if (p->node == GW_NONE)
            continue;
        if (!gw_rules_allow_node(r, &f.nodes[p->node], &why))
            fail_msg("%s on %s: %s", p->name, f.nodes[p->node].name, gw_refusal_phrase(&why, text));
        for (uint32_t k = 0; k < r->n_spreads; k++, spreads++)
            assert_true(skew_of(&f, p, &r->spreads[k]) <= r->spreads[k].max_skew);
        for (uint32_t k = 0; k < r->n_anti_affinity; k++, apart++) {
            assert_string_equal(r->anti_affinity[k].topology_key, "kubernetes.io/hostname");
            for (size_t q = 0; q < f.n_pods; q++)
                assert_false(q != i && f.pods[q].node == p->node &&
                             gw_pod_term_selects(&r->anti_affinity[k], &f.pods[q]));
        }
    }
    assert_int_equal(spreads, 4); /* the four scorers */
    assert_int_equal(apart, 2);   /* the two registries */
    gw_fleet_free(&f);
    s.free(s.self);
}

static void rules_of_every_kind_are_there(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    gw_source s = opened(&o);
    gw_fleet f;
    gw_fleet_init(&f);
    assert_int_equal(s.objects(s.self, &f, NULL), 0);
    assert_int_equal(gw_fleet_resolve_rules(&f, NULL), 0);
    assert_string_equal(f.rules[pod_of(&f, "vit-pretrain")->rules].stays,
                        "it has the annotation karpenter.sh/do-not-disrupt: true");
    assert_string_equal(f.rules[pod_of(&f, "mixtral-8x7b-decode")->rules].stays,
                        "one of its PersistentVolumes is on the disk of its node");
    assert_string_equal(
        f.rules[f.pods[gw_fleet_find_pod(&f, gw_str_of("sandbox"), gw_str_of("tmp-gpu-test"))].rules].stays,
        "nothing would create it again: it has no controller");
    const gw_pod_rules *prometheus = &f.rules[pod_of(&f, "prometheus-k8s")->rules];
    assert_null(prometheus->stays); /* its disk follows it within the zone */
    assert_int_equal(prometheus->n_volumes, 1);
    assert_string_equal(f.rules[pod_of(&f, "raycluster-llm-dpo")->rules].gang, "research/raycluster-llm-dpo");
    assert_true(f.rules[pod_of(&f, "nvidia-dcgm-exporter")->rules].daemon);
    assert_int_equal(f.rules[pod_of(&f, "sdxl-serve")->rules].node_affinity[0].any[0].all[0].n, 2);

    /* minAvailable 3 of 4: one may go. maxUnavailable 0: none */
    assert_int_equal(f.n_budgets, 2);
    assert_true(gw_budget_covers(&f.budgets[0], pod_of(&f, "fraud-scorer")));
    assert_int_equal(f.budgets[0].disruptions_allowed, 1);
    assert_int_equal(f.budgets[0].current_healthy, 4);
    assert_true(gw_budget_covers(&f.budgets[1], pod_of(&f, "whisper-large-v3")));
    assert_int_equal(f.budgets[1].disruptions_allowed, 0);

    /* of the two small nodes one has a pod that wants no GPU, and the other nothing but its exporter */
    uint32_t idle = gw_fleet_find_node(&f, gw_str_of("gke-research-l4-small-2d81c0b5-h6rw"));
    uint32_t keeps = gw_fleet_find_node(&f, gw_str_of("gke-research-l4-small-2d81c0b5-p9tk"));
    for (size_t i = 0; i < f.n_pods; i++) {
        const gw_pod *p = &f.pods[i];
        bool daemon = f.rules[p->rules].daemon;
        assert_true(p->node != idle || daemon);
        assert_true(p->node != keeps || daemon || (p->gpus == 0 && p->cpu_request_milli == 2000));
    }
    assert_true(pod_of(&f, "model-registry")->node == keeps);
    gw_fleet_free(&f);
    s.free(s.self);
}

static int count_list(void *ctx, const char *name, json_t *list, gw_error *e)
{
    GW_UNUSED(e);
    static const char *const names[] = {"nodes",
                                        "pods",
                                        "namespaces",
                                        "workloads",
                                        "poddisruptionbudgets",
                                        "persistentvolumes",
                                        "persistentvolumeclaims"};
    size_t *n = ctx; /* the last counts the lists */
    assert_true(n[7] < GW_COUNT(names));
    assert_string_equal(name, names[n[7]++]);
    n[n[7] - 1] = json_array_size(json_object_get(list, "items"));
    return 0;
}

static int refuse_list(void *ctx, const char *name, json_t *list, gw_error *e)
{
    GW_UNUSED(ctx);
    GW_UNUSED(list);
    return gw_fail(e, GW_EIO, "no room for %s", name);
}

static void lists_can_be_recorded(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    gw_source s = opened(&o);
    size_t n[8] = {0};
    gw_error e;
    assert_int_equal(s.lists(s.self, count_list, n, &e), 0);
    assert_int_equal(n[7], 7);
    assert_int_equal(n[0], 19);             /* as in the fleet above */
    assert_int_equal(n[2], demo_n_ns_rows); /* a namespace of two clusters is one name */
    assert_true(n[1] > 60 && n[3] > 50);
    assert_true(n[4] == 2 && n[5] == 2 && n[6] == 2); /* demo_rules.c lists them */
    assert_int_equal(s.lists(s.self, refuse_list, NULL, &e), GW_EIO);
    assert_string_equal(e.message, "no room for nodes");
    s.free(s.self);
}

/* --- more nodes --- */

static void more_nodes_are_ordinary(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    o.nodes = GW_DEMO_BASE_NODES + 9;
    gw_source s = opened(&o);
    keeper k;
    keeper_init(&k);
    read_into(&s, GW_FAMILIES_GPU, (gw_interval){o.window.start_ms, o.window.start_ms + 10 * GW_MINUTE_MS},
              &k);
    gw_map uuids;
    gw_map_init(&uuids);
    for (size_t i = 0; i < k.n; i++)
        assert_int_equal(gw_map_set(&uuids, gw_str_of(label_of(&k.s[i], "UUID")), 1), 0);
    /* the base: 8 + 8 + 4 (one of the spot pair) + 4 + 4 + 8 + 4 + 8 + 4 + 1 + 4 + 4 + 1 + 1, three of the
     * lab, the dark node unseen */
    assert_int_equal(uuids.n, 66 + 9 * 8);
    assert_non_null(FIRST(&k, "__name__", "DCGM_FI_PROF_SM_ACTIVE", "pod", "serve-0009-*"));
    gw_map_free(&uuids);
    keeper_free(&k);
    s.free(s.self);
}

/* --- failures --- */

static void the_sinks_word_counts(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    gw_source s = opened(&o);
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        keeper k;
        keeper_init(&k);
        gw_series_sink sink = sink_of(&k);
        gw_error e;
        k.fail_series = GW_ELIMIT;
        assert_int_equal(s.read(s.self, (gw_family_group)g, o.window, &sink, &e), GW_ELIMIT);
        assert_string_equal(e.message, "the sink says no");
        k.fail_series = 0;
        k.fail_samples = GW_EIO;
        assert_int_equal(s.read(s.self, (gw_family_group)g, o.window, &sink, &e), GW_EIO);
        k.fail_samples = 0;
        k.skip = true;
        assert_int_equal(s.read(s.self, (gw_family_group)g, o.window, &sink, &e), 0);
        assert_true(k.calls > 100 && k.samples == 0);
        keeper_free(&k);
    }
    s.free(s.self);
}

static void no_allocation_is_missed(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o = coarse();
    o.window.start_ms = o.window.end_ms - GW_HOUR_MS;
    gw_source s = {0};
    gw_error e;
    int rc = GW_ENOMEM;
    for (uint64_t n = 1; rc != 0; n++) {
        gw_mem_fail_at(n);
        rc = gw_demo_open(&o, &s, &e);
        gw_mem_fail_at(0);
        assert_true(rc == 0 || (rc == GW_ENOMEM && s.self == NULL));
    }
    uint64_t h = 0;
    gw_series_sink sink = {&h, hash_series, hash_samples};
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        rc = GW_ENOMEM;
        for (uint64_t n = 1; rc != 0; n++) {
            gw_mem_fail_at(n);
            rc = s.read(s.self, (gw_family_group)g, o.window, &sink, &e);
            gw_mem_fail_at(0);
            assert_true(rc == 0 || rc == GW_ENOMEM);
        }
    }
    rc = GW_ENOMEM;
    /* thousands of small allocations of the same few kinds: every one of the first 50, then each 2 % further
     */
    for (uint64_t n = 1; rc != 0; n += 1 + n / 50) {
        gw_fleet f;
        gw_fleet_init(&f);
        gw_mem_fail_at(n);
        rc = s.objects(s.self, &f, &e);
        gw_mem_fail_at(0);
        assert_true(rc == 0 || rc == GW_ENOMEM);
        gw_fleet_free(&f);
    }
    s.free(s.self);
}

/* --- with real tools --- */

typedef struct dump {
    FILE *f;
    gw_label labels[64];
    size_t n;
    gw_buf line;
} dump;

static int dump_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    GW_UNUSED(e);
    dump *d = ctx;
    memcpy(d->labels, labels, n * sizeof(*labels));
    d->n = n;
    *ret = d;
    return 0;
}

static int dump_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    GW_UNUSED(series);
    GW_UNUSED(e);
    dump *d = ctx;
    gw_buf_clear(&d->line);
    for (size_t i = 0; i < n; i++)
        gw_om_write_sample(&d->line, d->labels, d->n, t[i], v[i]);
    assert_int_equal(d->line.failed, 0);
    assert_int_equal(fwrite(d->line.data, 1, d->line.len, d->f), d->line.len);
    return 0;
}

static void promtool_takes_it(void **state)
{
    GW_UNUSED(state);
    if (system("command -v promtool >/dev/null 2>&1") != 0) {
        print_message("# SKIPPED: promtool is not installed; nobody else has read the demo's series\n");
        skip();
    }
    char dir[] = "/tmp/gw-demo-XXXXXX", path[64], command[256];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/metrics.om", dir);
    gw_demo_options o = coarse();
    o.interval_ms = GW_MINUTE_MS;
    o.window.start_ms = o.window.end_ms - GW_HOUR_MS;
    dump d = {.f = fopen(path, "w")};
    assert_non_null(d.f);
    gw_buf_init(&d.line, 1 << 26);
    gw_series_sink sink = {&d, dump_series, dump_samples};
    gw_source s = opened(&o);
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++)
        assert_int_equal(s.read(s.self, (gw_family_group)g, o.window, &sink, NULL), 0);
    s.free(s.self);
    fputs("# EOF\n", d.f);
    assert_int_equal(fclose(d.f), 0);
    gw_buf_free(&d.line);
    snprintf(
        command, sizeof(command),
        "promtool tsdb create-blocks-from openmetrics -q %s %s/tsdb >%s/log 2>&1 || { cat %s/log; exit 1; }",
        path, dir, dir, dir);
    int rc = system(command);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(rc, 0);
}

/* Cheap, but looks at every value, so that none can be left out. */
static int sum_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    GW_UNUSED(series);
    GW_UNUSED(e);
    uint64_t *h = ctx;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    *h += (uint64_t)t[0] + (sum > 0);
    return 0;
}

static void speed(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o;
    gw_demo_defaults(&o);
    int64_t begin = gw_clock_monotonic(NULL);
    gw_source s = opened(&o);
    int64_t ready = gw_clock_monotonic(NULL);
    uint64_t h = 0;
    gw_series_sink sink = {&h, hash_series, sum_samples};
    for (int64_t t = o.window.start_ms; t < o.window.end_ms; t += GW_DAY_MS) {
        for (int g = 0; g < GW_N_FAMILY_GROUPS; g++)
            assert_int_equal(s.read(s.self, (gw_family_group)g, (gw_interval){t, t + GW_DAY_MS}, &sink, NULL),
                             0);
    }
    int64_t end = gw_clock_monotonic(NULL);
    gw_source_stats st;
    s.stats(s.self, &st);
    print_message("# %" PRIu64 " samples in %" PRId64 " ms (and %" PRId64
                  " ms to open), all values added up: %.1f M/s\n",
                  st.samples, end - ready, ready - begin,
                  (double)st.samples / 1000 / (double)GW_MAX(end - ready, 1));
    assert_true(st.samples > 1000000);
    s.free(s.self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(describes_itself),
        cmocka_unit_test(same_seed_same_bytes),
        cmocka_unit_test(slices_make_the_whole),
        cmocka_unit_test(nothing_outside_of_what_there_is),
        cmocka_unit_test(every_series_is_sound),
        cmocka_unit_test(exporters_differ_in_their_labels),
        cmocka_unit_test(signals_differ_by_gpu),
        cmocka_unit_test(mig_instances),
        cmocka_unit_test(shared_gpus),
        cmocka_unit_test(ended_pods_linger),
        cmocka_unit_test(gaps_and_outages),
        cmocka_unit_test(exporter_restart_keeps_the_uuid),
        cmocka_unit_test(duplicates_and_replicas),
        cmocka_unit_test(sentinels),
        cmocka_unit_test(gpu_errors),
        cmocka_unit_test(clouds_and_capacity),
        cmocka_unit_test(pods_known_to_one_side_only),
        cmocka_unit_test(owners_and_labels),
        cmocka_unit_test(pending_pods_fit_nowhere),
        cmocka_unit_test(requests_beyond_use),
        cmocka_unit_test(loads_are_what_their_names_say),
        cmocka_unit_test(whole_fleet_is_believably_idle),
        cmocka_unit_test(pulses_last_three_minutes_an_hour),
        cmocka_unit_test(notebooks_sleep),
        cmocka_unit_test(every_load_is_a_share),
        cmocka_unit_test(truth_by_hand),
        cmocka_unit_test(series_agree_with_truth),
        cmocka_unit_test(objects_are_what_the_api_would_list),
        cmocka_unit_test(every_pod_keeps_the_rules),
        cmocka_unit_test(rules_of_every_kind_are_there),
        cmocka_unit_test(lists_can_be_recorded),
        cmocka_unit_test(more_nodes_are_ordinary),
        cmocka_unit_test(the_sinks_word_counts),
        cmocka_unit_test(no_allocation_is_missed),
        cmocka_unit_test(promtool_takes_it),
        cmocka_unit_test(speed),
    };
    return cmocka_run_group_tests(tests, read_all, free_all);
}
