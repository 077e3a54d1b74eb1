#include "gw_test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/gzip.h"
#include "format/om.h"
#include "observe/kube_objects.h"
#include "observe/snapshot.h"
#include "observe/snapshot_index.h"

#define EVERYTHING ((gw_interval){INT64_MIN, INT64_MAX})

/* ---- directories ---- */

static char dir[] = "/tmp/gw-snapshot-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    GW_UNUSED(st);
    GW_UNUSED(type);
    GW_UNUSED(ftw);
    return remove(path);
}

static int make_dir(void **state)
{
    GW_UNUSED(state);
    memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    GW_UNUSED(state);
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *p, size_t n)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static int collect(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf_add(ctx, p, n);
    return gw_buf_check(ctx, "test", e);
}

static void put_packed(const char *name, const char *p, size_t n, size_t cut)
{
    gw_buf b;
    gw_error e;
    gw_buf_init(&b, 1 << 24);
    gw_gzip *g = gw_gzip_new(1, collect, &b);
    assert_int_equal(gw_gzip_write(g, p, n, &e), 0);
    assert_int_equal(gw_gzip_end(g, &e), 0);
    gw_gzip_free(g);
    put(name, b.data, b.len - cut);
    gw_buf_free(&b);
}

/* ---- a sink that writes down, one line a sample: "name{first label} time value" ---- */

typedef struct notes {
    gw_buf text;
    char head[300];
    uint64_t samples;
} notes;

static int on_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    notes *k = ctx;
    size_t at = 0;
    GW_UNUSED(e);
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(k->head + at, sizeof(k->head) - at, "%s%.*s", i ? " " : "",
                               GW_STR_ARG(labels[i].value));
    *ret = k;
    return 0;
}

static int on_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    notes *k = series;
    GW_UNUSED(ctx);
    GW_UNUSED(e);
    for (size_t i = 0; i < n; i++)
        gw_buf_printf(&k->text, "%s %" PRId64 " %g\n", k->head, t[i], v[i]);
    k->samples += n;
    return 0;
}

static int read_group(gw_source *s, gw_family_group g, gw_interval range, notes *k, gw_error *e)
{
    *k = (notes){0};
    gw_buf_init(&k->text, 1 << 26);
    gw_series_sink sink = {k, on_series, on_samples};
    return s->read(s->self, g, range, &sink, e);
}

static void expect_read(gw_source *s, gw_family_group g, gw_interval range, const char *want)
{
    notes k;
    gw_error e = {0};
    if (read_group(s, g, range, &k, &e))
        fail_msg("%s", e.message);
    assert_string_equal(k.text.data ? k.text.data : "", want);
    gw_buf_free(&k.text);
}

static gw_source open_dir(void)
{
    gw_source s;
    gw_error e = {0};
    if (gw_snapshot_open(dir, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

static const char small[] = "# TYPE DCGM_FI_DEV_GPU_UTIL gauge\n"
                            "DCGM_FI_DEV_GPU_UTIL{UUID=\"g0\"} 10 1000\n"
                            "DCGM_FI_DEV_GPU_UTIL{UUID=\"g0\"} 20 1060\n"
                            "# TYPE other gauge\n"
                            "other 5 5000\n"
                            "# TYPE kube_pod_info gauge\n"
                            "kube_pod_info{pod=\"p\"} 1 900\n"
                            "kube_pod_info{pod=\"p\"} 1 2000.500\n"
                            "# EOF\n";

static void reads_groups_and_ranges(void **state)
{
    GW_UNUSED(state);
    for (int packed = 0; packed < 2; packed++) {
        if (packed) {
            char path[256];
            snprintf(path, sizeof(path), "%s/metrics.om", dir);
            assert_int_equal(unlink(path), 0);
            put_packed("metrics.om.gz", small, sizeof(small) - 1, 0);
        } else {
            put("metrics.om", small, sizeof(small) - 1);
        }
        gw_source s = open_dir();
        gw_interval extent;
        gw_error e;
        expect_read(&s, GW_FAMILIES_GPU, EVERYTHING,
                    "DCGM_FI_DEV_GPU_UTIL g0 1000000 10\nDCGM_FI_DEV_GPU_UTIL g0 1060000 20\n");
        expect_read(&s, GW_FAMILIES_KUBE, (gw_interval){900000, 2000500}, "kube_pod_info p 900000 1\n");
        expect_read(&s, GW_FAMILIES_KUBE, (gw_interval){900001, 2000501}, "kube_pod_info p 2000500 1\n");
        expect_read(&s, GW_FAMILIES_CADVISOR, EVERYTHING, "");
        /* first sample to last of what gpuwise knows (`other` does not count), plus the 60 s between the
         * GPU's */
        assert_int_equal(s.extent(s.self, &extent, &e), 0);
        assert_int_equal(extent.start_ms, 900000);
        assert_int_equal(extent.end_ms, 2060500);
        assert_null(s.warnings(s.self));
        gw_source_stats stats;
        s.stats(s.self, &stats);
        assert_int_equal(stats.samples, 4);
        s.free(s.self);
    }
}

/* A plain and a packed file of the same name are one file. */
static void twins_are_read_once(void **state)
{
    GW_UNUSED(state);
    put("metrics.om", small, sizeof(small) - 1);
    put("metrics.om.gz", "not gzip", 8);
    gw_source s = open_dir();
    expect_read(&s, GW_FAMILIES_KUBE, (gw_interval){0, 1000000}, "kube_pod_info p 900000 1\n");
    assert_null(s.warnings(s.self));
    s.free(s.self);
}

static void files_come_in_the_order_of_their_numbers(void **state)
{
    GW_UNUSED(state);
    static const char *const names[] = {"metrics-10.om", "metrics-9.om", "metrics-0011.om"};
    for (int i = 0; i < 2; i++) {
        char text[100];
        int n = snprintf(text, sizeof(text), "kube_pod_info 1 %s\n# EOF\n", i ? "9" : "10");
        put(names[i], text, (size_t)n);
    }
    gw_source s = open_dir();
    expect_read(&s, GW_FAMILIES_KUBE, EVERYTHING, "kube_pod_info 9000 1\nkube_pod_info 10000 1\n");
    s.free(s.self);
}

/* Many series of two groups, larger than a section: what slices and groups deliver adds up to the whole. */
static void an_index_loses_nothing(void **state)
{
    GW_UNUSED(state);
    static const char *const families[] = {"DCGM_FI_DEV_GPU_UTIL", "kube_pod_info", "other",
                                           "container_memory_working_set_bytes"};
    gw_buf b;
    notes whole[GW_N_FAMILY_GROUPS], parts;
    gw_error e = {0};
    gw_buf_init(&b, 1 << 26);
    for (int f = 0; f < 4; f++) {
        gw_buf_printf(&b, "# TYPE %s gauge\n", families[f]);
        for (int series = 0; series < (f == 0 ? 3 : 40); series++) {
            for (int t = 0; t < (f == 0 ? 60000 : 300); t++)
                gw_buf_printf(&b, "%s{l=\"%d\"} %d %d\n", families[f], series, t % 7, t * 10);
        }
    }
    gw_buf_puts(&b, "# EOF\n");
    put("metrics.om", b.data, b.len);
    gw_source s = open_dir();
    const uint64_t want[GW_N_FAMILY_GROUPS] = {3 * 60000, 40 * 300, 40 * 300};
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        assert_int_equal(read_group(&s, (gw_family_group)g, EVERYTHING, &whole[g], &e), 0);
        assert_int_equal(whole[g].samples, want[g]);
    }
    /* the same through slices, which start and end inside sections: 600,000 s in steps of 99,999 s */
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        uint64_t n = 0;
        for (int64_t t = 0; t < 600000000; t += 99999000) {
            gw_source_stats before, after;
            s.stats(s.self, &before);
            assert_int_equal(read_group(&s, (gw_family_group)g, (gw_interval){t, t + 99999000}, &parts, &e),
                             0);
            s.stats(s.self, &after);
            n += parts.samples;
            if (g == 0) /* a sixth of the time needs far less than the whole file */
                assert_true(after.bytes - before.bytes < b.len / 2);
            gw_buf_free(&parts.text);
        }
        assert_int_equal(n, want[g]);
        gw_buf_free(&whole[g].text);
    }
    assert_null(s.warnings(s.self));
    s.free(s.self);
    gw_buf_free(&b);
}

static void opening_says_what_a_snapshot_is(void **state)
{
    GW_UNUSED(state);
    gw_source s;
    gw_error e;
    assert_int_equal(gw_snapshot_open(dir, &s, &e), GW_EIO);
    assert_non_null(strstr(e.message, "metrics.om"));
    assert_non_null(strstr(e.message, "gpuwise record"));
    assert_int_equal(gw_snapshot_open("/nonexistent/x", &s, &e), GW_EIO);
    assert_non_null(strstr(e.message, "/nonexistent/x"));
    put("metrics.om", small, sizeof(small) - 1);
    char path[256];
    snprintf(path, sizeof(path), "%s/metrics.om", dir);
    assert_int_equal(gw_snapshot_open(path, &s, &e), GW_EIO); /* a file is no directory */
    snprintf(path, sizeof(path), "%s/metrics-2.om", dir);
    assert_int_equal(mkfifo(path, 0600), 0); /* must not hang */
    assert_int_equal(gw_snapshot_open(dir, &s, &e), 0);
    notes k;
    assert_int_equal(read_group(&s, GW_FAMILIES_KUBE, EVERYTHING, &k, &e), GW_EIO);
    assert_non_null(strstr(e.message, "metrics-2.om is not a regular file"));
    gw_buf_free(&k.text);
    s.free(s.self);
}

static void a_cut_file_is_read_up_to_the_cut(void **state)
{
    GW_UNUSED(state);
    /* in the middle of "20 1060": that sample is not taken */
    size_t cut = (size_t)(strstr(small, "20 1060") + 5 - small);
    put("metrics.om", small, cut);
    gw_source s = open_dir();
    expect_read(&s, GW_FAMILIES_GPU, EVERYTHING, "DCGM_FI_DEV_GPU_UTIL g0 1000000 10\n");
    expect_read(&s, GW_FAMILIES_KUBE, EVERYTHING, "");
    const char *w = s.warnings(s.self);
    assert_non_null(w);
    assert_non_null(strstr(w, "metrics.om: cut off at line 3"));
    assert_non_null(strstr(w, "again"));
    assert_null(strchr(w, '\n')); /* said once */
    s.free(s.self);
}

static void a_cut_packed_file_is_read_up_to_the_cut(void **state)
{
    GW_UNUSED(state);
    put_packed("metrics.om.gz", small, sizeof(small) - 1, 10); /* trailer and a little more */
    gw_source s = open_dir();
    notes k;
    gw_error e;
    gw_interval extent;
    assert_int_equal(read_group(&s, GW_FAMILIES_GPU, EVERYTHING, &k, &e), 0);
    assert_int_equal(k.samples, 2);
    gw_buf_free(&k.text);
    const char *w = s.warnings(s.self);
    assert_non_null(w);
    assert_non_null(strstr(w, "metrics.om.gz: line "));
    assert_non_null(strstr(w, "cut off"));
    assert_int_equal(s.extent(s.self, &extent, &e), 0);
    s.free(s.self);
}

static void nothing_readable_is_an_error(void **state)
{
    static const struct {
        const char *name, *text;
    } cases[] = {{"metrics.om", ""},    {"metrics.om", "garbage"},         {"metrics.om", "{\"a\": 1}\n"},
                 {"metrics.om.gz", ""}, {"metrics.om.gz", "\x1f\x8b\x08"}, {"metrics.om.gz", "plain text\n"}};
    GW_UNUSED(state);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        char path[256];
        gw_error e = {0};
        gw_interval extent;
        notes k;
        put(cases[i].name, cases[i].text, strlen(cases[i].text));
        gw_source s = open_dir();
        assert_int_equal(read_group(&s, GW_FAMILIES_GPU, EVERYTHING, &k, &e), GW_ECORRUPT);
        assert_non_null(strstr(e.message, cases[i].name));
        assert_non_null(strstr(e.message, "line 1"));
        assert_int_equal(s.extent(s.self, &extent, &e), GW_ECORRUPT);
        gw_buf_free(&k.text);
        s.free(s.self);
        snprintf(path, sizeof(path), "%s/%s", dir, cases[i].name);
        unlink(path);
    }
}

/* ---- meta.json ---- */

#define META(window, metrics)                                                                                \
    "{\"kind\":\"Snapshot\",\"version\":1,\"recorded\":\"2026-01-01T00:00:00Z\",\"window\":" window          \
    ",\"metrics\":[" metrics "]}"
#define WINDOW "{\"start\":\"1970-01-01T00:00:00Z\",\"end\":\"1970-01-01T01:00:00Z\"}"
#define SLICE(file, from, to)                                                                                \
    "{\"file\":\"" file "\",\"start\":\"1970-01-01T00:" from ":00Z\",\"end\":\"1970-01-01T00:" to            \
    ":00Z\",\"bytes\":0,\"series\":1,\"samples\":1,\"parts\":[]}"

static void only_slices_in_range_are_opened(void **state)
{
    static const char meta[] =
        META(WINDOW, SLICE("metrics-0.om", "00", "30") "," SLICE("metrics-1.om.gz", "30", "59"));
    GW_UNUSED(state);
    put("meta.json", meta, strlen(meta));
    put("metrics-0.om", "kube_pod_info 1 60\n# EOF\n", 25);
    put("metrics-1.om", "garbage", 7); /* unpacked since: the entry of metrics-1.om.gz means it */
    gw_source s = open_dir();
    gw_interval extent;
    gw_error e;
    assert_int_equal(s.extent(s.self, &extent, &e), 0);
    assert_int_equal(extent.start_ms, 0);
    assert_int_equal(extent.end_ms, 3600000);
    expect_read(&s, GW_FAMILIES_KUBE, (gw_interval){0, 1800000}, "kube_pod_info 60000 1\n");
    assert_null(s.warnings(s.self)); /* the damaged file was not touched */
    expect_read(&s, GW_FAMILIES_KUBE, (gw_interval){0, 1800001}, "kube_pod_info 60000 1\n");
    assert_non_null(s.warnings(s.self));
    s.free(s.self);
}

static void a_missing_slice_is_said(void **state)
{
    static const char meta[] =
        META(WINDOW, SLICE("metrics-0.om", "00", "30") "," SLICE("metrics-1.om.gz", "30", "59"));
    GW_UNUSED(state);
    put("meta.json", meta, strlen(meta));
    put("metrics-0.om", "kube_pod_info 1 60\n# EOF\n", 25);
    gw_source s = open_dir();
    const char *w = s.warnings(s.self);
    assert_non_null(w);
    assert_non_null(strstr(w, "metrics-1.om.gz"));
    assert_non_null(strstr(w, "1970-01-01T00:30:00Z to 1970-01-01T00:59:00Z"));
    s.free(s.self);
}

static void a_bad_meta_is_no_obstacle(void **state)
{
    static const char *const cases[] = {
        "",
        "{",
        "[]",
        "{\"kind\":\"Pod\"}",
        "{\"kind\":\"Snapshot\",\"version\":2}",
        META("{\"start\":\"1970-01-01T01:00:00Z\",\"end\":\"1970-01-01T00:00:00Z\"}", ""),
        META("{}", ""),
        META(WINDOW, "1"),
        META(WINDOW, SLICE("metrics/../../etc/x.om", "00", "30")),
        META(WINDOW, SLICE("../metrics.om", "00", "30")),
        META(WINDOW, SLICE("passwd", "00", "30")),
        META(WINDOW, SLICE("metrics-0.om", "30", "30")),
    };
    GW_UNUSED(state);
    put("metrics-0.om", "kube_pod_info 1 60\n# EOF\n", 25);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        put("meta.json", cases[i], strlen(cases[i]));
        gw_source s = open_dir();
        const char *w = s.warnings(s.self);
        if (!w || !strstr(w, "meta.json"))
            fail_msg("case %zu: %s", i, w ? w : "no warning");
        expect_read(&s, GW_FAMILIES_KUBE, EVERYTHING, "kube_pod_info 60000 1\n");
        s.free(s.self);
    }
}

/* ---- objects ---- */

static const char nodes[] = "{\"kind\":\"NodeList\",\"items\":[{\"metadata\":{\"name\":\"n0\"}}]}";
static const char workloads[] =
    "{\"kind\":\"List\",\"items\":[{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"d\","
    "\"namespace\":\"x\"}},{\"kind\":\"InferenceService\",\"metadata\":{\"name\":\"i\","
    "\"namespace\":\"x\"}}]}";

static void objects_go_into_the_fleet(void **state)
{
    GW_UNUSED(state);
    put("metrics.om", small, sizeof(small) - 1);
    put("nodes.json", nodes, strlen(nodes));
    put_packed("workloads.json.gz", workloads, strlen(workloads), 0);
    gw_source s = open_dir();
    gw_fleet f;
    gw_error e = {0};
    gw_fleet_init(&f);
    if (s.objects(s.self, &f, &e))
        fail_msg("%s", e.message);
    assert_int_equal(f.n_nodes, 1);
    assert_true(gw_fleet_find_node(&f, gw_str_of("n0")) != GW_NONE);
    assert_int_equal(f.n_pods, 0);
    /* a custom controller without an owner of its own is an owner too */
    assert_true(gw_fleet_find_owner(&f, gw_str_of("x"), gw_str_of("Deployment"), gw_str_of("d")) != GW_NONE);
    assert_true(gw_fleet_find_owner(&f, gw_str_of("x"), gw_str_of("InferenceService"), gw_str_of("i")) !=
                GW_NONE);
    assert_null(s.warnings(s.self));
    gw_fleet_free(&f);
    s.free(s.self);
}

static void damaged_objects_are_said_and_the_rest_is_taken(void **state)
{
    GW_UNUSED(state);
    put("metrics.om", small, sizeof(small) - 1);
    put("nodes.json", nodes, strlen(nodes));
    static const char pods[] = "{\n\"kind\":\"PodList\",\n\"items\":[{\"met";
    put("pods.json", pods, strlen(pods));
    put("namespaces.json", "{\"items\": 7}", 12);
    put_packed("workloads.json.gz", workloads, strlen(workloads), 12);
    gw_source s = open_dir();
    gw_fleet f;
    gw_error e = {0};
    gw_fleet_init(&f);
    assert_int_equal(s.objects(s.self, &f, &e), 0);
    assert_int_equal(f.n_nodes, 1);
    const char *w = s.warnings(s.self);
    assert_non_null(w);
    assert_non_null(strstr(w, "pods.json: line 3: "));
    assert_non_null(strstr(w, "namespaces.json: "));
    assert_non_null(strstr(w, "workloads.json.gz: line 1: "));
    gw_fleet_free(&f);
    s.free(s.self);
}

/* ---- memory ---- */

static int count_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    GW_UNUSED(labels);
    GW_UNUSED(n);
    GW_UNUSED(e);
    *ret = ctx;
    return 0;
}

static int count_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    GW_UNUSED(series);
    GW_UNUSED(t);
    GW_UNUSED(v);
    GW_UNUSED(e);
    *(size_t *)ctx += n;
    return 0;
}

static int use_all(size_t *samples, gw_error *e)
{
    gw_source s;
    gw_interval extent;
    gw_fleet f;
    int rc = gw_snapshot_open(dir, &s, e);
    if (rc)
        return rc;
    gw_fleet_init(&f);
    gw_series_sink sink = {samples, count_series, count_samples};
    rc = s.extent(s.self, &extent, e);
    if (rc == 0)
        rc = s.read(s.self, GW_FAMILIES_KUBE, EVERYTHING, &sink, e);
    if (rc == 0)
        rc = s.objects(s.self, &f, e);
    if (rc == 0 && s.warnings(s.self))
        rc = gw_fail(e, GW_EINTERNAL, "%s", s.warnings(s.self));
    gw_fleet_free(&f);
    s.free(s.self);
    return rc;
}

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    put("metrics-0.om", small, sizeof(small) - 1);
    put_packed("metrics-1.om.gz", "kube_pod_info 1 5000\n# EOF\n", 27, 0);
    put("nodes.json", nodes, strlen(nodes));
    static const char meta[] =
        META(WINDOW, SLICE("metrics-0.om", "00", "30") "," SLICE("metrics-1.om.gz", "30", "59"));
    for (int with_meta = 0; with_meta < 2; with_meta++) {
        if (with_meta)
            put("meta.json", meta, strlen(meta));
        int rc = GW_ENOMEM;
        for (uint64_t n = 1; rc; n++) {
            size_t samples = 0;
            gw_error e = {0};
            gw_mem_fail_at(n);
            rc = use_all(&samples, &e);
            gw_mem_fail_at(0);
            if (rc && rc != GW_ENOMEM)
                fail_msg("allocation %" PRIu64 ": %d %s", n, rc, e.message);
            if (rc == 0)
                assert_int_equal(samples, 3);
            assert_true(n < 3000);
        }
    }
}

int main(void)
{
    gw_kube_json_init();
#define T(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        T(reads_groups_and_ranges),
        T(twins_are_read_once),
        T(files_come_in_the_order_of_their_numbers),
        T(an_index_loses_nothing),
        T(opening_says_what_a_snapshot_is),
        T(a_cut_file_is_read_up_to_the_cut),
        T(a_cut_packed_file_is_read_up_to_the_cut),
        T(nothing_readable_is_an_error),
        T(only_slices_in_range_are_opened),
        T(a_missing_slice_is_said),
        T(a_bad_meta_is_no_obstacle),
        T(objects_go_into_the_fleet),
        T(damaged_objects_are_said_and_the_rest_is_taken),
        T(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
