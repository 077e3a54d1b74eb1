#include "gw_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "fleet/usage.h"
#include "format/json_tree.h"
#include "format/om.h"
#include "observe/record_store.h"
#include "observe/snapshot.h"
#include "observe/snapshot_file.h"

/* ---- directories ---- */

/* in memory where that is possible: a recording syncs every file */
static char root[64], dir[128];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    GW_UNUSED(st);
    GW_UNUSED(type);
    GW_UNUSED(ftw);
    return remove(path);
}

static int make_root(void **state)
{
    GW_UNUSED(state);
    snprintf(root, sizeof(root), "%s/gw-record-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(root))
        return -1;
    snprintf(dir, sizeof(dir), "%s/snapshot", root);
    return 0;
}

static int remove_root(void **state)
{
    GW_UNUSED(state);
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int collect(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf_add(ctx, p, n);
    return gw_buf_check(ctx, "test", e);
}

/* A file of the snapshot, unpacked where it is packed. */
static void slurp(const char *name, gw_buf *b)
{
    gw_error e = {0};
    int fd;
    uint64_t size, bytes = 0;
    size_t n = strlen(name);
    bool gz = n > 3 && strcmp(name + n - 3, ".gz") == 0;
    gw_buf_init(b, 1 << 28);
    if (gw_snapshot_file_open(dir, name, &fd, &size, &e) ||
        gw_snapshot_file_stream(fd, gz, 0, UINT64_MAX, 1 << 28, collect, b, &bytes, &e))
        fail_msg("%s: %s", name, e.message);
    close(fd);
}

static size_t count_files(const char *suffix)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    if (!d)
        return 0;
    for (struct dirent *entry; (entry = readdir(d));) {
        size_t len = strlen(entry->d_name), m = strlen(suffix);
        n += entry->d_name[0] != '.' && len >= m && strcmp(entry->d_name + len - m, suffix) == 0;
    }
    closedir(d);
    return n;
}

/* ---- a source made of nothing: every sample is a function of series and time ---- */

#define STEP_MS (60 * GW_SECOND_MS)

typedef struct fake {
    int n_series;
    int runs;      /* each series comes in so many pieces, all first pieces first, with an overlap */
    int fail_read; /* the read of this number fails; 0 = none */
    int reads;
    const char *lists[4]; /* nodes, pods, namespaces, workloads; NULL = none */
    char describe[100];
} fake;

static const char *const ns_names[] = {"zebra-team", "quokka", "ibex-lynx"};

static gw_family_group group_of(int series)
{
    return (gw_family_group)(series % GW_N_FAMILY_GROUPS);
}

static double value_at(int series, int64_t t_ms)
{
    int64_t step = t_ms / STEP_MS;
    switch (series % 5) {
    case 0:
        return 1; /* never changes */
    case 1:
        return (double)((step * 7919 + series) % 101);
    case 2:
        return (double)step * 0.1 + series; /* every value new, with all its bits */
    case 3:
        return step % 50 == 0 ? (double)NAN : step % 7 ? -0.0 : INFINITY;
    default:
        return (double)(step / 40);
    }
}

/* Gaps, and now and then a scrape that is late by 1 ms. */
static bool sample_at(int series, int64_t step, int64_t *t_ms)
{
    *t_ms = step * STEP_MS + (step * 31 + series) % 17 / 16;
    return (step + series) % 23 != 0;
}

static void labels_of(int series, gw_label out[6], char text[6][64])
{
    const char *const *family = gw_family_names(group_of(series));
    int n = 0;
    while (family[n])
        n++;
    /* out of order: a source promises none */
    snprintf(text[0], 64, "%s-api-6c9f7d5b8-x%04d", ns_names[series % 3], series);
    snprintf(text[1], 64, "%s", ns_names[series % 3]);
    snprintf(text[2], 64, "GPU-9e3779b1-0000-4000-8000-%012d", series);
    snprintf(text[3], 64, "NVIDIA \"L40S\"");
    out[0] = (gw_label){gw_str_of("pod"), gw_str_of(text[0])};
    out[1] = (gw_label){gw_str_of("namespace"), gw_str_of(text[1])};
    out[2] = (gw_label){gw_str_of("__name__"), gw_str_of(family[series / GW_N_FAMILY_GROUPS % n])};
    out[3] = (gw_label){gw_str_of("UUID"), gw_str_of(text[2])};
    out[4] = (gw_label){gw_str_of("modelName"), gw_str_of(text[3])};
    out[5] = (gw_label){gw_str_of("empty"), gw_str_of("")};
}

static int fake_piece(int series, gw_interval range, const gw_series_sink *sink, gw_error *e)
{
    gw_label labels[6];
    char text[6][64];
    void *handle;
    labels_of(series, labels, text);
    int rc = sink->series(sink->ctx, labels, 6, &handle, e);
    for (int64_t step = range.start_ms / STEP_MS - 1; rc == 0 && step * STEP_MS < range.end_ms; step++) {
        int64_t t;
        if (!sample_at(series, step, &t) || t < range.start_ms || t >= range.end_ms)
            continue;
        double v = value_at(series, t);
        rc = sink->samples(sink->ctx, handle, &t, &v, 1, e);
    }
    return rc;
}

static int fake_read(void *self, gw_family_group g, gw_interval range, const gw_series_sink *sink,
                     gw_error *e)
{
    fake *f = self;
    int64_t piece = gw_interval_ms(range) / f->runs + 1;
    if (++f->reads == f->fail_read)
        return gw_fail(e, GW_ESERVER, "the server is unwell");
    for (int run = 0; run < f->runs; run++) {
        gw_interval part =
            gw_interval_cut(range, (gw_interval){range.start_ms + run * piece - (run ? 5 * STEP_MS : 0),
                                                 range.start_ms + (run + 1) * piece});
        for (int s = f->n_series - 1; s >= 0; s--) {
            int rc = group_of(s) == g ? fake_piece(s, part, sink, e) : 0;
            if (rc)
                return rc;
        }
    }
    return 0;
}

static int fake_lists(void *self, int (*write)(void *ctx, const char *name, json_t *list, gw_error *e),
                      void *ctx, gw_error *e)
{
    static const char *const names[] = {"nodes", "pods", "namespaces", "workloads"};
    fake *f = self;
    int rc = 0;
    for (int i = 0; rc == 0 && i < 4; i++) {
        json_t *v = NULL;
        if (!f->lists[i])
            continue;
        rc = gw_json_tree_parse(gw_str_of(f->lists[i]), &v, e);
        if (rc == 0)
            rc = write(ctx, names[i], v, e);
        json_decref(v);
    }
    return rc;
}

static const char *fake_describe(void *self)
{
    return ((fake *)self)->describe;
}

static gw_source source_of(fake *f)
{
    return (gw_source){.self = f, .read = fake_read, .lists = fake_lists, .describe = fake_describe};
}

/* ---- comparing: samples as sorted lines ---- */

typedef struct bag {
    gw_buf text;
    char head[400];
    uint64_t n;
    uint64_t sum; /* of a hash of each sample: the same samples in any order, the same sum */
} bag;

static int by_name(const void *a, const void *b)
{
    const gw_label *x = a, *y = b;
    int c = memcmp(x->name.p, y->name.p, GW_MIN(x->name.n, y->name.n));
    return c ? c : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

static int bag_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    bag *b = ctx;
    gw_label sorted[16];
    size_t at = 0;
    GW_UNUSED(e);
    assert_true(n <= 16);
    memcpy(sorted, labels, n * sizeof(*labels));
    qsort(sorted, n, sizeof(*sorted), by_name);
    for (size_t i = 0; i < n; i++) {
        if (sorted[i].value.n)
            at += (size_t)snprintf(b->head + at, sizeof(b->head) - at, "%.*s=%.*s,",
                                   GW_STR_ARG(sorted[i].name), GW_STR_ARG(sorted[i].value));
    }
    *ret = b;
    return 0;
}

static int bag_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    bag *b = ctx;
    GW_UNUSED(series);
    GW_UNUSED(e);
    for (size_t i = 0; i < n; i++) {
        char line[500];
        uint64_t bits = GW_STALE_NAN_BITS;
        if (!isnan(v[i]))
            memcpy(&bits, &v[i], sizeof(bits));
        int len = snprintf(line, sizeof(line), "%s %" PRId64 " %" PRIx64, b->head, t[i], bits);
        b->sum += gw_hash(line, (size_t)len);
        b->n++;
    }
    return 0;
}

static bag read_bag(gw_source *s, gw_family_group g, gw_interval range)
{
    bag b = {0};
    gw_error e = {0};
    gw_series_sink sink = {&b, bag_series, bag_samples};
    if (s->read(s->self, g, range, &sink, &e))
        fail_msg("%s", e.message);
    return b;
}

static gw_source open_snapshot(void)
{
    gw_source s;
    gw_error e = {0};
    if (gw_snapshot_open(dir, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

static const gw_interval window = {1700000000000, 1700000000000 + 13 * GW_HOUR_MS};

static int64_t fixed_clock(void *ctx)
{
    GW_UNUSED(ctx);
    return 1767225600000; /* 2026-01-01 */
}

static gw_record_options options(void)
{
    return (gw_record_options){.dir = dir, .window = window, .clock = fixed_clock};
}

static void record(fake *f, const gw_record_options *o)
{
    gw_source s = source_of(f);
    gw_error e = {0};
    if (gw_record(&s, NULL, o, NULL, &e))
        fail_msg("%s", e.message);
}

/* The recording holds what the source had, hold margins included, in every slice and group. */
static void expect_same(fake *f)
{
    static const gw_interval ranges[] = {
        {INT64_MIN / 2, INT64_MAX / 2},
        {1700000000000 - GW_HOLD_MAX_MS, 1700000000000},
        {1700000000000 + 5 * GW_HOUR_MS, 1700000000000 + 8 * GW_HOUR_MS},
        {1700000000000 + 13 * GW_HOUR_MS, 1700000000000 + 14 * GW_HOUR_MS},
    };
    gw_interval all = {window.start_ms - GW_HOLD_MAX_MS, window.end_ms + GW_HOLD_MAX_MS};
    gw_source want = source_of(f), got = open_snapshot();
    f->runs = 1;
    for (size_t i = 0; i < GW_COUNT(ranges); i++) {
        for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
            bag a = read_bag(&want, (gw_family_group)g, gw_interval_cut(all, ranges[i]));
            bag b = read_bag(&got, (gw_family_group)g, ranges[i]);
            assert_true(a.n > 0);
            assert_int_equal(a.n, b.n);
            assert_int_equal(a.sum, b.sum);
        }
    }
    assert_null(got.warnings(got.self));
    got.free(got.self);
}

static void what_is_recorded_reads_back(void **state)
{
    GW_UNUSED(state);
    static const int runs[] = {1, 3, 40};
    for (size_t i = 0; i < GW_COUNT(runs); i++) {
        fake f = {.n_series = 45, .runs = runs[i]};
        gw_record_options o = options();
        o.overwrite = i > 0;
        record(&f, &o);
        expect_same(&f);
        /* 13 h and twice 5 min in slices of 6 h */
        assert_int_equal(count_files(".om.gz"), 3);
        assert_int_equal(count_files(".tmp"), 0);
    }
}

static void a_slice_that_is_too_large_is_halved(void **state)
{
    GW_UNUSED(state);
    fake f = {.n_series = 45, .runs = 1};
    gw_record_options o = options();
    o.store_bytes = 12000;
    record(&f, &o);
    expect_same(&f);
    assert_true(count_files(".om.gz") > 3);
    o.overwrite = true;
    o.store_bytes = 500; /* not even a quarter of an hour fits */
    gw_source s = source_of(&f);
    gw_error e = {0};
    assert_int_equal(gw_record(&s, NULL, &o, NULL, &e), GW_ELIMIT);
    assert_int_equal(count_files(".tmp"), 0);
}

/* One TYPE a family, each series once, times ascending, # EOF last: read by hand, not with our reader. */
static void check_layout(const char *text)
{
    gw_map series, families;
    gw_map_init(&series);
    gw_map_init(&families);
    char prefix[500] = "", family[200] = "";
    double last = -1;
    const char *line = text;
    for (; *line && !gw_has_prefix(line, "# EOF\n"); line = strchr(line, '\n') + 1) {
        if (*line == '#') {
            assert_int_equal(sscanf(line, "# TYPE %199s", family), 1);
            assert_int_equal(gw_map_get(&families, gw_str_of(family)), GW_NONE);
            gw_map_set(&families, gw_str_of(family), 1);
            continue;
        }
        assert_true(gw_has_prefix(line, family)); /* container_x_total begins with its family container_x */
        size_t n = (size_t)(strstr(line, "} ") + 2 - line);
        assert_true(n < sizeof(prefix));
        if (strncmp(prefix, line, n) != 0 || prefix[n]) {
            memcpy(prefix, line, n);
            prefix[n] = '\0';
            assert_int_equal(gw_map_get(&series, gw_str_of(prefix)), GW_NONE);
            gw_map_set(&series, gw_str_of(prefix), 1);
            last = -1;
        }
        double t = strtod(strchr(line + n, ' '), NULL);
        assert_true(t > last);
        last = t;
    }
    assert_string_equal(line, "# EOF\n");
    assert_true(series.n > 0);
    gw_map_free(&series);
    gw_map_free(&families);
}

static void files_are_in_openmetrics_order(void **state)
{
    GW_UNUSED(state);
    fake f = {.n_series = 45, .runs = 3};
    gw_record_options o = options();
    record(&f, &o);
    for (int i = 0; i < 3; i++) {
        char name[64];
        gw_buf b;
        snprintf(name, sizeof(name), "metrics-%04d.om.gz", i);
        slurp(name, &b);
        check_layout(b.data);
        gw_buf_free(&b);
    }
}

static void promtool_takes_the_files(void **state)
{
    GW_UNUSED(state);
    if (system("command -v promtool >/dev/null 2>&1") != 0) {
        print_message("promtool is not installed: skipped\n");
        skip();
    }
    fake f = {.n_series = 15, .runs = 1};
    gw_record_options o = options();
    record(&f, &o);
    for (int i = 0; i < 3; i++) {
        char command[400];
        snprintf(command, sizeof(command),
                 "cd %s && gunzip metrics-%04d.om.gz && promtool tsdb create-blocks-from openmetrics "
                 "metrics-%04d.om "
                 "%s/blocks >%s/log 2>&1",
                 dir, i, i, root, root);
        assert_int_equal(system(command), 0);
    }
    /* unpacked, it is still the same snapshot */
    expect_same(&f);
}

static void the_same_input_gives_the_same_bytes(void **state)
{
    GW_UNUSED(state);
    gw_buf first, second;
    for (int i = 0; i < 2; i++) {
        fake f = {.n_series = 20, .runs = i ? 7 : 1};
        gw_record_options o = options();
        o.overwrite = true;
        record(&f, &o);
        slurp("metrics-0001.om.gz", i ? &second : &first);
    }
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    gw_buf_free(&first);
    gw_buf_free(&second);
}

static void meta_says_what_lies_where(void **state)
{
    GW_UNUSED(state);
    fake f = {.n_series = 45,
              .runs = 1,
              .describe = "Prometheus http://bob:hunter2@prom.acme:9090/x?token=t0p (y)"};
    gw_record_options o = options();
    record(&f, &o);
    gw_buf b;
    slurp("meta.json", &b);
    assert_non_null(strstr(b.data, "\"source\": \"Prometheus http://prom.acme:9090/x (y)\""));
    assert_non_null(strstr(b.data, "\"recorded\": \"2026-01-01T00:00:00Z\""));
    assert_non_null(strstr(b.data, "\"kube_pod_info\""));
    assert_null(strstr(b.data, "hunter2"));
    assert_null(strstr(b.data, "t0p"));
    gw_buf_free(&b);
    gw_source s = open_snapshot();
    gw_interval extent;
    gw_error e;
    gw_source_stats stats;
    assert_int_equal(s.extent(s.self, &extent, &e), 0);
    assert_int_equal(extent.start_ms, window.start_ms);
    assert_int_equal(extent.end_ms, window.end_ms);
    /* an hour of one group: one of three files, and of it about a third */
    struct stat st;
    char path[256];
    snprintf(path, sizeof(path), "%s/metrics-0001.om.gz", dir);
    assert_int_equal(stat(path, &st), 0);
    gw_source_stats before;
    s.stats(s.self, &before);
    int64_t t = window.start_ms + 7 * GW_HOUR_MS;
    assert_true(read_bag(&s, GW_FAMILIES_KUBE, (gw_interval){t, t + GW_HOUR_MS}).n > 0);
    s.stats(s.self, &stats);
    assert_int_equal(stats.requests - before.requests, 1);
    assert_true(stats.bytes - before.bytes < (uint64_t)st.st_size / 2);
    s.free(s.self);
}

/* ---- objects ---- */

static const char pods_json[] =
    "{\"kind\":\"PodList\",\"items\":[{\"metadata\":{\"name\":\"zebra-team-api-6c9f7d5b8-x0000\","
    "\"namespace\":"
    "\"zebra-team\",\"labels\":{\"team\":\"zebra-people\",\"zebra.io/"
    "unit\":\"u1\"},\"annotations\":{\"a\":\"S3CRET\"},"
    "\"managedFields\":[{\"manager\":\"S3CRET\"}],\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":"
    "\"ReplicaSet\",\"name\":\"zebra-team-api-6c9f7d5b8\",\"uid\":\"u\",\"controller\":true}]},\"spec\":{"
    "\"nodeName\":"
    "\"okapi-node-1\",\"imagePullSecrets\":[{\"name\":\"S3CRET\"}],\"containers\":[{\"name\":\"main\","
    "\"image\":"
    "\"registry.zebra.example/"
    "quokka:1\",\"command\":[\"S3CRET\"],\"args\":[\"--key=S3CRET\"],\"env\":[{\"name\":\"K\","
    "\"value\":\"S3CRET\"}],\"resources\":{\"requests\":{\"nvidia.com/"
    "gpu\":\"1\",\"cpu\":\"4\"}}}]},\"status\":"
    "{\"phase\":\"Running\",\"podIP\":\"10.9.8.7\"}}]}";
static const char nodes_json[] =
    "{\"kind\":\"List\",\"items\":[{\"kind\":\"Node\",\"metadata\":{\"name\":\"okapi-node-1\",\"labels\":{"
    "\"kubernetes.io/hostname\":\"okapi-node-1\",\"node.kubernetes.io/instance-type\":\"p5.48xlarge\","
    "\"nvidia.com/gpu.count\":\"8\"}},\"spec\":{\"providerID\":\"aws:///us-east-1a/i-okapi\"},\"status\":"
    "{\"allocatable\":{\"cpu\":\"192\",\"nvidia.com/gpu\":\"8\"}}}]}";
static const char namespaces_json[] =
    "{\"items\":[{\"metadata\":{\"name\":\"zebra-team\",\"labels\":{\"team\":\"zebra-people\"}}}]}";
static const char workloads_json[] =
    "{\"kind\":\"List\",\"items\":[{\"kind\":\"ReplicaSet\",\"metadata\":{\"name\":\"zebra-team-api-"
    "6c9f7d5b8\","
    "\"namespace\":\"zebra-team\",\"ownerReferences\":[{\"kind\":\"Deployment\",\"name\":\"zebra-team-api\","
    "\"controller\":true}]}},{\"kind\":\"Deployment\",\"metadata\":{\"name\":\"zebra-team-api\","
    "\"namespace\":"
    "\"zebra-team\"},\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"app\":\"zebra\"}},\"spec\":{"
    "\"containers\":"
    "[{\"env\":[{\"value\":\"S3CRET\"}]}]}}}}]}";

#define LISTS                                                                                                \
    {                                                                                                        \
        nodes_json, pods_json, namespaces_json, workloads_json                                               \
    }

/* Every byte of the snapshot, unpacked, one file after the other. */
static void slurp_all(gw_buf *all)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    gw_buf_init(all, 1 << 28);
    for (struct dirent *entry; (entry = readdir(d));) {
        gw_buf b;
        if (entry->d_name[0] == '.')
            continue;
        slurp(entry->d_name, &b);
        gw_buf_add(all, b.data, b.len);
        gw_buf_free(&b);
    }
    closedir(d);
    assert_int_equal(all->failed, 0);
}

static void load_fleet(gw_fleet *fleet)
{
    gw_source s = open_snapshot();
    gw_error e = {0};
    gw_fleet_init(fleet);
    if (s.objects(s.self, fleet, &e))
        fail_msg("%s", e.message);
    assert_null(s.warnings(s.self));
    s.free(s.self);
    gw_fleet_resolve_owners(fleet);
}

static void no_secret_is_recorded(void **state)
{
    GW_UNUSED(state);
    for (int anonymize = 0; anonymize < 2; anonymize++) {
        fake f = {.n_series = 6, .runs = 1, .lists = LISTS};
        gw_record_options o = options();
        o.anonymize = anonymize;
        o.overwrite = true;
        record(&f, &o);
        gw_buf all;
        slurp_all(&all);
        assert_int_equal(strlen(all.data), all.len);
        assert_null(strstr(all.data, "S3CRET"));
        gw_buf_free(&all);
    }
}

static void anonymous_recordings_name_nobody(void **state)
{
    static const char *const originals[] = {"zebra",    "quokka",   "ibex",  "okapi",     "lynx",
                                            "people",   "registry", "x0000", "6c9f7d5b8", "9e3779b1",
                                            "10.9.8.7", "hunter2",  "acme"};
    GW_UNUSED(state);
    fake f = {.n_series = 45, .runs = 2, .lists = LISTS, .describe = "Prometheus http://prom.acme:9090"};
    gw_record_options o = options();
    o.anonymize = true;
    record(&f, &o);
    gw_buf all;
    slurp_all(&all);
    for (size_t i = 0; i < GW_COUNT(originals); i++) {
        const char *at = strcasestr(all.data, originals[i]);
        if (at)
            fail_msg("'%s' is still there: %.60s", originals[i], at);
    }
    assert_non_null(strstr(all.data, "modelName=\"NVIDIA \\\"L40S\\\"\""));
    assert_non_null(strstr(all.data, "p5.48xlarge"));
    gw_buf_free(&all);
}

/* As many of everything, with the same numbers, and every link leads where it led. */
static void anonymous_recordings_keep_the_shape(void **state)
{
    GW_UNUSED(state);
    fake f = {.n_series = 45, .runs = 1, .lists = LISTS};
    gw_record_options o = options();
    gw_fleet named, nameless;
    bag bags[2][GW_N_FAMILY_GROUPS];
    uint64_t series[2];
    for (int i = 0; i < 2; i++) {
        o.anonymize = i;
        o.overwrite = true;
        record(&f, &o);
        load_fleet(i ? &nameless : &named);
        gw_source s = open_snapshot();
        gw_source_stats stats;
        for (int g = 0; g < GW_N_FAMILY_GROUPS; g++)
            bags[i][g] = read_bag(&s, (gw_family_group)g, (gw_interval){INT64_MIN / 2, INT64_MAX / 2});
        s.stats(s.self, &stats);
        series[i] = stats.series;
        s.free(s.self);
    }
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        assert_int_equal(bags[0][g].n, bags[1][g].n);
        assert_int_not_equal(bags[0][g].sum, bags[1][g].sum);
    }
    assert_int_equal(series[0], series[1]);
    assert_int_equal(named.n_nodes, 1);
    assert_int_equal(nameless.n_nodes, 1);
    assert_int_equal(nameless.n_pods, named.n_pods);
    assert_int_equal(nameless.n_owners, named.n_owners);
    assert_int_equal(nameless.n_ns, named.n_ns);
    const gw_node *n = &nameless.nodes[0];
    assert_string_equal(n->instance_type, "p5.48xlarge");
    assert_int_equal(n->gpu_count, 8);
    assert_int_equal(n->cpu_milli, 192000);
    assert_int_equal(n->provider, GW_PROVIDER_AWS);
    const gw_pod *p = &nameless.pods[0];
    assert_int_equal(p->node, 0);
    assert_int_equal(p->gpus, 1);
    assert_int_equal(p->cpu_request_milli, 4000);
    assert_int_equal(p->phase, GW_PHASE_RUNNING);
    assert_string_equal(named.pods[0].workload_kind, "Deployment");
    assert_string_equal(p->workload_kind, "Deployment");
    assert_string_equal(named.pods[0].workload_name, "zebra-team-api");
    assert_true(gw_fleet_find_owner(&nameless, gw_str_of(p->ns), gw_str_of("Deployment"),
                                    gw_str_of(p->workload_name)) != GW_NONE);
    assert_string_equal(gw_labels_get(&p->labels, "team"), gw_labels_get(&nameless.ns_labels[0], "team"));
    assert_int_equal(p->labels.n, named.pods[0].labels.n);
    /* the pod of the objects is the pod of the metrics */
    gw_buf b;
    char label[200];
    slurp("metrics-0000.om.gz", &b);
    snprintf(label, sizeof(label), "namespace=\"%s\",pod=\"%s\"", p->ns, p->name);
    assert_non_null(strstr(b.data, label));
    gw_buf_free(&b);
    gw_fleet_free(&named);
    gw_fleet_free(&nameless);
}

static void two_anonymous_recordings_share_no_pseudonym(void **state)
{
    GW_UNUSED(state);
    fake f = {.n_series = 3, .runs = 1, .lists = LISTS};
    gw_record_options o = options();
    gw_fleet first, second;
    o.anonymize = true;
    o.overwrite = true;
    record(&f, &o);
    load_fleet(&first);
    record(&f, &o);
    load_fleet(&second);
    assert_string_not_equal(first.nodes[0].name, second.nodes[0].name);
    gw_fleet_free(&first);
    gw_fleet_free(&second);
}

static void a_snapshot_can_be_recorded_again(void **state)
{
    GW_UNUSED(state);
    fake f = {.n_series = 45, .runs = 1, .lists = LISTS};
    gw_record_options o = options();
    gw_error e = {0};
    record(&f, &o);
    gw_source s = open_snapshot();
    assert_int_equal(gw_record(&s, NULL, &o, NULL, &e), GW_EUSAGE); /* onto itself */
    char again[100];
    snprintf(again, sizeof(again), "%s/again", root);
    o.dir = again;
    gw_source_stats stats;
    if (gw_record(&s, NULL, &o, &stats, &e))
        fail_msg("%s", e.message);
    s.free(s.self);
    assert_true(stats.samples > 10000);
    snprintf(dir, sizeof(dir), "%s", again);
    expect_same(&f);
    gw_fleet fleet;
    load_fleet(&fleet);
    assert_int_equal(fleet.n_pods, 1);
    gw_fleet_free(&fleet);
}

/* Takes "rules" out of meta.json, as recordings had it once, or checks that it says no. */
static void edit_meta(bool take_out)
{
    char path[256];
    json_error_t je;
    snprintf(path, sizeof(path), "%s/meta.json", dir);
    json_t *meta = json_load_file(path, 0, &je);
    assert_non_null(meta);
    assert_int_equal(json_is_true(json_object_get(meta, "rules")), take_out);
    if (take_out) {
        assert_int_equal(json_object_del(meta, "rules"), 0);
        assert_int_equal(json_dump_file(meta, path, 0), 0);
    }
    json_decref(meta);
}

/*
 * A recording from before volumes and annotations were kept shows none, which does not mean that there are
 * none: what constrains its pods is unknown, and stays so when it is recorded again.
 */
static void old_recordings_do_not_know_the_rules(void **state)
{
    GW_UNUSED(state);
    fake f = {.n_series = 45, .runs = 1, .lists = LISTS};
    gw_record_options o = options();
    gw_error e = {0};
    gw_fleet fleet;
    record(&f, &o);
    load_fleet(&fleet);
    assert_int_not_equal(fleet.pods[0].rules, GW_NONE);
    assert_true(fleet.nodes[0].rules_known);
    assert_true(fleet.namespaces_known);
    assert_false(fleet.budgets_known); /* no such list was there to record */
    gw_fleet_free(&fleet);

    edit_meta(true);
    load_fleet(&fleet);
    assert_int_equal(fleet.pods[0].rules, GW_NONE);
    assert_false(fleet.nodes[0].rules_known);
    gw_fleet_free(&fleet);

    gw_source s = open_snapshot();
    char again[100];
    snprintf(again, sizeof(again), "%s/again", root);
    o.dir = again;
    if (gw_record(&s, NULL, &o, NULL, &e))
        fail_msg("%s", e.message);
    s.free(s.self);
    snprintf(dir, sizeof(dir), "%s", again);
    edit_meta(false);
    load_fleet(&fleet);
    assert_int_equal(fleet.pods[0].rules, GW_NONE);
    gw_fleet_free(&fleet);
}

/* ---- the directory ---- */

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static bool there(const char *name)
{
    char path[256];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return stat(path, &st) == 0;
}

static void what_is_there_is_not_lost_unasked(void **state)
{
    GW_UNUSED(state);
    fake f = {.n_series = 6, .runs = 1};
    gw_source s = source_of(&f);
    gw_record_options o = options();
    gw_error e = {0};
    assert_int_equal(mkdir(dir, 0700), 0);
    put("notes.txt", "mine");
    put("metrics-0007.om.gz.tmp", "left over");
    record(&f, &o); /* neither is in the way */
    assert_true(there("notes.txt"));
    assert_false(there("metrics-0007.om.gz.tmp"));
    assert_int_equal(gw_record(&s, NULL, &o, NULL, &e), GW_EIO);
    assert_non_null(strstr(e.message, "holds a snapshot already"));
    put("metrics-0009.om", "old");
    put("pods.json.gz", "old");
    o.overwrite = true;
    record(&f, &o);
    assert_false(there("metrics-0009.om"));
    assert_false(there("pods.json.gz"));
    assert_true(there("notes.txt"));
    o.dir = "/nonexistent/parent/x";
    assert_int_equal(gw_record(&s, NULL, &o, NULL, &e), GW_EIO);
    o = options();
    o.window.end_ms = o.window.start_ms;
    assert_int_equal(gw_record(&s, NULL, &o, NULL, &e), GW_EWINDOW);
}

static void failures_leave_whole_files_only(void **state)
{
    GW_UNUSED(state);
    fake f = {.n_series = 6, .runs = 1, .fail_read = 5}; /* the second group of the second slice */
    gw_source s = source_of(&f);
    gw_record_options o = options();
    gw_error e = {0};
    assert_int_equal(gw_record(&s, NULL, &o, NULL, &e), GW_ESERVER);
    assert_string_equal(e.message, "the server is unwell");
    assert_int_equal(count_files(".tmp"), 0);
    assert_int_equal(count_files(".om.gz"), 1);
    assert_false(there("meta.json"));
    /* what is there can be read */
    gw_source got = open_snapshot();
    assert_true(read_bag(&got, GW_FAMILIES_GPU, window).n > 0);
    assert_null(got.warnings(got.self));
    got.free(got.self);
    fake empty = {.n_series = 0, .runs = 1};
    s = source_of(&empty);
    o.overwrite = true;
    assert_int_equal(gw_record(&s, NULL, &o, NULL, &e), GW_ENODATA);
    assert_int_equal(count_files(".om.gz"), 0);
}

/* A file that may not grow stands in for a full disk; in a child, since the limit stays. */
static void a_full_disk_is_said(void **state)
{
    GW_UNUSED(state);
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fake f = {.n_series = 45, .runs = 1};
        gw_source s = source_of(&f);
        gw_record_options o = options();
        gw_error e = {0};
        struct rlimit limit = {4096, 4096};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        e.code = gw_record(&s, NULL, &o, NULL, &e);
        _exit(write(fd[1], &e, sizeof(e)) == (ssize_t)sizeof(e) ? 0 : 1);
    }
    gw_error e = {0};
    int status;
    close(fd[1]);
    assert_int_equal(read(fd[0], &e, sizeof(e)), sizeof(e));
    close(fd[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(e.code, GW_EIO);
    assert_non_null(strstr(e.message, "metrics-0000.om.gz"));
    assert_non_null(strstr(e.message, "free some space"));
    assert_int_equal(count_files(".tmp"), 0);
    assert_int_equal(count_files(".om.gz"), 0);
}

/* ---- the store ---- */

static uint64_t rnd(uint64_t *s)
{
    *s += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = *s;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Any times and any bits come out of the store as they went in. */
static void the_store_is_exact(void **state)
{
    GW_UNUSED(state);
    gw_record_store *store = gw_record_store_new(1 << 24, NULL);
    const gw_series_sink *sink = gw_record_store_sink(store);
    const char *const none[] = {NULL};
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t s = seed, lines = 0;
        gw_buf want, got;
        gw_error e = {0};
        void *handle;
        gw_label label = {gw_str_of("__name__"), gw_str_of("m")};
        gw_buf_init(&want, 1 << 24);
        gw_buf_init(&got, 1 << 24);
        gw_buf_puts(&want, "# TYPE m gauge\n");
        gw_record_store_begin(store, (gw_interval){-100000000000000, 100000000000000});
        assert_int_equal(sink->series(sink->ctx, &label, 1, &handle, &e), 0);
        int64_t t = (int64_t)(rnd(&s) % 200000000000000) - 100000000000000;
        double v = 1;
        uint64_t n = rnd(&s) % 300 + 1, taken = 0;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t bits = rnd(&s), how = rnd(&s) % 8;
            if (how < 2)
                memcpy(&v, &bits, sizeof(v));
            else if (how < 4)
                v = (double)(bits % 1000);
            assert_int_equal(sink->samples(sink->ctx, handle, &t, &v, 1, &e), 0);
            if (t < 100000000000000) {
                gw_om_write_sample(&want, &label, 1, t, v);
                taken++;
            }
            int64_t back = t - (int64_t)(rnd(&s) % 100);
            assert_int_equal(sink->samples(sink->ctx, handle, &back, &v, 1, &e), 0); /* dropped */
            t += how % 3 ? 30000 : 1 + (int64_t)(rnd(&s) % ((uint64_t)1 << rnd(&s) % 40));
        }
        assert_int_equal(gw_record_store_samples(store), taken);
        assert_int_equal(gw_record_store_write(store, none, collect, &got, &lines, &e), 0);
        if (taken) {
            assert_string_equal(got.data, want.data);
            assert_int_equal(lines, taken + 1);
        }
        gw_buf_free(&want);
        gw_buf_free(&got);
    }
    gw_record_store_free(store);
}

static void the_store_is_compact_and_bounded(void **state)
{
    GW_UNUSED(state);
    gw_record_store *store = gw_record_store_new(64 * 1024, NULL);
    const gw_series_sink *sink = gw_record_store_sink(store);
    gw_error e = {0};
    void *handle;
    gw_label label = {gw_str_of("__name__"), gw_str_of("m")};
    double v = 1;
    gw_record_store_begin(store, (gw_interval){0, INT64_MAX});
    assert_int_equal(sink->series(sink->ctx, &label, 1, &handle, &e), 0);
    /* a million samples that never change cost next to nothing */
    for (int64_t t = 0; t < 1000000; t++) {
        int64_t t_ms = t * 30000;
        assert_int_equal(sink->samples(sink->ctx, handle, &t_ms, &v, 1, &e), 0);
    }
    int rc = 0;
    int64_t n = 0;
    for (; rc == 0 && n < 100000; n++) {
        int64_t t_ms = 30000000000 + n * 30000;
        v = (double)(n % 101);
        rc = sink->samples(sink->ctx, handle, &t_ms, &v, 1, &e);
    }
    assert_int_equal(rc, GW_ELIMIT);
    assert_true(gw_record_store_full(store));
    assert_true(n > 64 * 1024 / 8); /* less than 8 bytes each, where plain storage takes 16 */
    gw_record_store_begin(store, (gw_interval){0, 1});
    assert_false(gw_record_store_full(store));
    gw_record_store_free(store);
}

/* ---- memory ---- */

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    int rc = GW_ENOMEM;
    for (uint64_t n = 1; rc; n++) {
        fake f = {.n_series = 3, .runs = 2, .lists = LISTS};
        gw_source s = source_of(&f);
        gw_record_options o = options();
        gw_error e = {0};
        o.window.end_ms = o.window.start_ms + 5 * GW_MINUTE_MS;
        o.overwrite = true;
        o.anonymize = true;
        gw_mem_fail_at(n);
        rc = gw_record(&s, NULL, &o, NULL, &e);
        gw_mem_fail_at(0);
        if (rc && rc != GW_ENOMEM)
            fail_msg("allocation %" PRIu64 ": %d %s", n, rc, e.message);
        assert_int_equal(count_files(".tmp"), 0);
        assert_true(there("meta.json") == (rc == 0));
        assert_true(n < 20000);
    }
}

int main(void)
{
    gw_json_use_own_memory();
#define T(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        T(what_is_recorded_reads_back),
        T(a_slice_that_is_too_large_is_halved),
        T(files_are_in_openmetrics_order),
        T(promtool_takes_the_files),
        T(the_same_input_gives_the_same_bytes),
        T(meta_says_what_lies_where),
        T(no_secret_is_recorded),
        T(anonymous_recordings_name_nobody),
        T(anonymous_recordings_keep_the_shape),
        T(two_anonymous_recordings_share_no_pseudonym),
        T(a_snapshot_can_be_recorded_again),
        T(old_recordings_do_not_know_the_rules),
        T(what_is_there_is_not_lost_unasked),
        T(failures_leave_whole_files_only),
        T(a_full_disk_is_said),
        T(the_store_is_exact),
        T(the_store_is_compact_and_bounded),
        T(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
