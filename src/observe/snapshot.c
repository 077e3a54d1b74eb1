#include "observe/snapshot.h"

#include "fleet/usage.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "format/om.h"
#include "observe/kube_objects.h"
#include "observe/snapshot_file.h"
#include "observe/snapshot_index.h"
#include "observe/snapshot_meta.h"

#define WARNINGS_MAX  ((size_t)64 * 1024)
#define READ_TO_THERE "; what stands before it was read"
/* Bytes between two wanted sections that are read through rather than jumped over: TYPE lines and the like.
 */
#define GAP_MAX ((uint64_t)4096)

typedef struct metrics_file {
    char *name;
    bool gz;
    const gw_snapshot_slice *slice; /* what meta.json says about it; NULL = nothing */
    bool parts_hold; /* it still has the size that meta.json says, so the parts are where they were */
    bool indexed, warned, warned_of_clock;
    gw_snapshot_index index; /* of a plain file */
} metrics_file;

typedef struct snapshot {
    char *dir, *description;
    metrics_file *files;
    size_t n_files, cap_files;
    bool has_meta;
    gw_snapshot_meta meta;
    gw_interval extent;
    bool extent_known;
    bool any_good; /* some file was whole, or some sample of one could be read */
    gw_buf warnings;
    gw_source_stats stats;
} snapshot;

/* ---- opening ---- */

static int by_name(const void *a, const void *b)
{
    /* 9 before 10: samples must come in order of time, and a file is mostly numbered by it */
    return strverscmp(((const metrics_file *)a)->name, ((const metrics_file *)b)->name);
}

static int add_file(snapshot *s, const char *name, bool gz, gw_error *e)
{
    void *p = s->files;
    int rc = gw_grow(&p, &s->cap_files, s->n_files + 1, sizeof(*s->files), GW_SNAPSHOT_MAX_FILES);
    if (rc == GW_ELIMIT)
        return gw_fail(e, rc, "%s holds more than %zu metrics files", s->dir, GW_SNAPSHOT_MAX_FILES);
    char *copy = rc ? NULL : gw_strdup(name);
    if (p)
        s->files = p;
    if (!copy)
        return gw_fail_memory(e);
    s->files[s->n_files++] = (metrics_file){.name = copy, .gz = gz};
    return 0;
}

static int list_files(snapshot *s, gw_error *e)
{
    DIR *d = opendir(s->dir);
    if (!d)
        return gw_fail(e, GW_EIO, "cannot read the snapshot directory %s: %s", s->dir, strerror(errno));
    int rc = 0;
    bool gz;
    for (struct dirent *entry; rc == 0 && (entry = readdir(d));) {
        if (gw_snapshot_is_metrics(entry->d_name, &gz))
            rc = add_file(s, entry->d_name, gz, e);
    }
    closedir(d);
    if (rc == 0 && s->n_files == 0)
        return gw_fail(
            e, GW_EIO,
            "%s is no snapshot: it has no metrics.om or metrics*.om.gz; a snapshot is a directory with "
            "these (OpenMetrics) and, each if there is one, Kubernetes lists such as nodes.json and "
            "pods.json; `gpuwise record DIR` makes one",
            s->dir);
    if (s->n_files)
        qsort(s->files, s->n_files, sizeof(*s->files), by_name);
    return rc;
}

static size_t stem_length(const char *name)
{
    size_t n = strlen(name);
    return n > 3 && strcmp(name + n - 3, ".gz") == 0 ? n - 3 : n;
}

static bool same_stem(const char *a, const char *b)
{
    size_t n = stem_length(a);
    return n == stem_length(b) && memcmp(a, b, n) == 0;
}

/* Where both metrics.om and metrics.om.gz are there, one was made of the other: the plain one is read. */
static void drop_packed_twins(snapshot *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_files; i++) {
        if (n > 0 && same_stem(s->files[n - 1].name, s->files[i].name))
            gw_free(s->files[i].name); /* sorted: "x.om" comes before "x.om.gz" */
        else
            s->files[n++] = s->files[i];
    }
    s->n_files = n;
}

static void warn(snapshot *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void warn(snapshot *s, const char *format, ...)
{
    char line[GW_ERROR_MESSAGE_MAX];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    if (s->warnings.len)
        gw_buf_putc(&s->warnings, '\n');
    gw_buf_puts(&s->warnings, line);
}

/* Says once that a file is damaged. */
static void warn_of_file(snapshot *s, metrics_file *f, const gw_error *why)
{
    if (!f->warned)
        warn(s, "%s/%s: %s" READ_TO_THERE, s->dir, f->name, why->message);
    f->warned = true;
}

/*
 * Says once that the times of a file go back. The reader sorts them, so what a clock has told twice is
 * counted once, and the time between is missing somewhere else.
 */
static void warn_of_clock(snapshot *s, metrics_file *f, const gw_om_back *b)
{
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    if (!b || b->from_ms - b->to_ms <= GW_HOLD_MAX_MS || f->warned_of_clock)
        return;
    warn(s,
         "%s/%s: line %" PRIu64 ": times jump back from %s to %s, as after the clock of the server was set; "
         "the time between is told twice and doubtful: leave it out with --from or --to",
         s->dir, f->name, b->line, gw_time_format(b->from_ms, from), gw_time_format(b->to_ms, to));
    f->warned_of_clock = true;
}

static void match_meta(snapshot *s)
{
    for (size_t k = 0; k < s->meta.n_slices; k++) {
        const gw_snapshot_slice *slice = &s->meta.slices[k];
        bool found = false;
        for (size_t i = 0; i < s->n_files && !found; i++) {
            found = same_stem(s->files[i].name, slice->file);
            if (found)
                s->files[i].slice = slice;
        }
        if (!found) {
            char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
            warn(s, "%s/%s, which holds %s to %s by meta.json, is missing; copy the snapshot again", s->dir,
                 slice->file, gw_time_format(slice->interval.start_ms, from),
                 gw_time_format(slice->interval.end_ms, to));
        }
    }
}

static int load_meta(snapshot *s, gw_error *e)
{
    gw_error own;
    int rc = gw_snapshot_meta_load(s->dir, &s->meta, &s->has_meta, &s->stats.bytes, &own);
    if (rc == GW_ECORRUPT || rc == GW_ECONFIG || rc == GW_ELIMIT) {
        /* it only says where to look: without it every file is read */
        warn(s, "%s; all metrics files are read instead", own.message);
        return 0;
    }
    if (rc)
        return gw_fail(e, rc, "%s", own.message);
    if (s->has_meta) {
        match_meta(s);
        s->extent = s->meta.window;
        s->extent_known = true;
    }
    return 0;
}

/* ---- reading ---- */

static int on_bytes(void *ctx, const char *p, size_t n, gw_error *e)
{
    return gw_om_reader_feed(ctx, p, n, e);
}

static int stream(snapshot *s, metrics_file *f, int fd, uint64_t offset, uint64_t bytes, gw_om_reader *r,
                  gw_error *e)
{
    return gw_snapshot_file_stream(fd, f->gz, offset, bytes, GW_SNAPSHOT_METRICS_MAX, on_bytes, r,
                                   &s->stats.bytes, e);
}

/* Where the packing is damaged, its error knows no line: adds the one that the text had reached. */
static int with_line(const gw_om_reader *r, int rc, const gw_error *why, gw_error *e)
{
    if (rc == GW_ECORRUPT && !gw_has_prefix(why->message, "line "))
        return gw_fail(e, rc, "line %" PRIu64 ": %s", gw_om_reader_at(r).line, why->message);
    return gw_fail(e, rc, "%s", why->message);
}

/* Reads the whole file. Where its packing is damaged, what came out of it is delivered. */
static int read_whole(snapshot *s, metrics_file *f, int fd, gw_om_reader *r, gw_error *e)
{
    gw_error own, ignored;
    int rc = stream(s, f, fd, 0, UINT64_MAX, r, &own);
    if (rc == 0)
        return gw_om_reader_finish(r, e);
    if (rc == GW_ECORRUPT)
        gw_om_reader_part(r, &ignored);
    return with_line(r, rc, &own, e);
}

static int read_parts(snapshot *s, metrics_file *f, int fd, gw_family_group group, gw_om_reader *r,
                      gw_error *e)
{
    for (size_t i = 0; i < f->slice->n_parts; i++) {
        const gw_snapshot_part *p = &f->slice->parts[i];
        if (p->group != group || p->bytes == 0)
            continue;
        gw_error own, end;
        gw_om_reader_jump(r, 0, p->line);
        int rc = stream(s, f, fd, p->offset, p->bytes, r, &own), part = gw_om_reader_part(r, &end);
        if (rc || part)
            return with_line(r, rc ? rc : part, rc ? &own : &end, e);
    }
    return 0;
}

static int make_index(snapshot *s, metrics_file *f, int fd, gw_error *e)
{
    if (f->indexed)
        return 0;
    gw_error own;
    int rc = gw_snapshot_index_make(fd, &f->index, &s->stats.bytes, &own);
    if (rc && rc != GW_ECORRUPT)
        return gw_fail(e, rc, "%s", own.message);
    f->indexed = true;
    s->any_good |= f->index.n > 0;
    if (rc)
        warn_of_file(s, f, &own);
    warn_of_clock(s, f, &f->index.back);
    return 0;
}

static bool meets(gw_interval a, gw_interval b)
{
    return a.start_ms < b.end_ms && b.start_ms < a.end_ms;
}

static int read_sections(snapshot *s, metrics_file *f, int fd, gw_family_group group, gw_interval range,
                         gw_om_reader *r, gw_error *e)
{
    int rc = make_index(s, f, fd, e);
    const gw_snapshot_index *x = &f->index;
    for (size_t i = 0; rc == 0 && i < x->n;) {
        const gw_snapshot_section *first = &x->sections[i];
        uint64_t end = first->offset;
        while (i < x->n && x->sections[i].offset - end <= GAP_MAX && (x->sections[i].groups & 1u << group) &&
               meets(x->sections[i].interval, range)) {
            end = x->sections[i].offset + x->sections[i].bytes;
            i++;
        }
        if (end == first->offset) {
            i++;
            continue;
        }
        gw_om_reader_jump(r, first->offset, first->line);
        rc = stream(s, f, fd, first->offset, end - first->offset, r, e);
        if (rc == 0)
            rc = gw_om_reader_part(r, e);
    }
    return rc;
}

static int read_open_file(snapshot *s, metrics_file *f, int fd, gw_family_group group, gw_interval range,
                          const gw_series_sink *sink, gw_error *e)
{
    gw_om_reader *r = gw_om_reader_new(sink, range);
    if (!r)
        return gw_fail_memory(e);
    gw_om_reader_families(r, gw_family_names(group));
    int rc;
    if (!f->gz)
        rc = read_sections(s, f, fd, group, range, r, e);
    else if (f->parts_hold)
        rc = read_parts(s, f, fd, group, r, e);
    else
        rc = read_whole(s, f, fd, r, e);
    s->any_good |= gw_om_reader_samples(r) > 0;
    warn_of_clock(s, f, gw_om_reader_back(r));
    s->stats.series += gw_om_reader_series(r);
    s->stats.samples += gw_om_reader_samples(r);
    gw_om_reader_free(r);
    return rc;
}

static int open_file(snapshot *s, metrics_file *f, int *ret_fd, gw_error *e)
{
    uint64_t size;
    int rc = gw_snapshot_file_open(s->dir, f->name, ret_fd, &size, e);
    f->parts_hold = rc == 0 && f->slice && f->slice->n_parts && size == f->slice->bytes;
    s->stats.requests++;
    return rc;
}

static int read_file(snapshot *s, metrics_file *f, gw_family_group group, gw_interval range,
                     const gw_series_sink *sink, gw_error *e)
{
    int fd;
    int rc = open_file(s, f, &fd, e);
    if (rc)
        return rc;
    gw_error own;
    rc = read_open_file(s, f, fd, group, range, sink, &own);
    close(fd);
    s->any_good |= rc == 0 && !f->warned;
    if (rc == GW_ECORRUPT) {
        warn_of_file(s, f, &own);
        return 0;
    }
    return rc ? gw_fail(e, rc, "%s/%s: %s", s->dir, f->name, own.message) : 0;
}

/* Nothing could be read, and there are reasons: an answer of nothing would hide them. */
static int check_any(const snapshot *s, gw_error *e)
{
    if (s->any_good || s->warnings.len == 0)
        return 0;
    size_t n = strcspn(s->warnings.data, "\n"), tail = sizeof(READ_TO_THERE) - 1;
    if (n > tail && memcmp(s->warnings.data + n - tail, READ_TO_THERE, tail) == 0)
        n -= tail; /* nothing does */
    return gw_fail(e, GW_ECORRUPT, "nothing in the snapshot could be read: %.*s", (int)n, s->warnings.data);
}

static int snapshot_read(void *self, gw_family_group group, gw_interval range, const gw_series_sink *sink,
                         gw_error *e)
{
    snapshot *s = self;
    int64_t began = gw_clock_monotonic(NULL);
    int rc = 0;
    bool any = false;
    for (size_t i = 0; rc == 0 && i < s->n_files; i++) {
        metrics_file *f = &s->files[i];
        if (f->slice && !meets(f->slice->interval, range))
            continue;
        any = true;
        rc = read_file(s, f, group, range, sink, e);
    }
    s->stats.wall_ms += gw_clock_monotonic(NULL) - began;
    if (rc == 0 && any)
        rc = check_any(s, e);
    return rc ? rc : gw_buf_check(&s->warnings, "the list of warnings", e);
}

/* ---- extent ---- */

static int on_any_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    GW_UNUSED(labels);
    GW_UNUSED(n);
    GW_UNUSED(e);
    *ret = ctx;
    return 0;
}

static void widen(gw_interval *all, gw_interval by)
{
    if (by.start_ms < by.end_ms)
        gw_interval_cover(all, by.start_ms, by.end_ms);
}

typedef struct scan {
    gw_interval all; /* first sample to last */
    int64_t step_ms; /* shortest time between two of a series; 0 unknown */
} scan;

static int on_any_samples(void *ctx, void *series, const int64_t *t_ms, const double *value, size_t n,
                          gw_error *e)
{
    GW_UNUSED(series);
    GW_UNUSED(value);
    GW_UNUSED(e);
    scan *x = ctx;
    widen(&x->all, (gw_interval){t_ms[0], t_ms[n - 1] + 1});
    gw_snapshot_step(&x->step_ms, t_ms, n);
    return 0;
}

static int scan_packed(snapshot *s, metrics_file *f, int fd, scan *all, gw_error *e)
{
    gw_series_sink sink = {all, on_any_series, on_any_samples};
    gw_om_reader *r = gw_om_reader_new(&sink, (gw_interval){INT64_MIN, INT64_MAX});
    if (!r)
        return gw_fail_memory(e);
    gw_om_reader_families(r, gw_all_family_names());
    gw_error own;
    int rc = read_whole(s, f, fd, r, &own);
    s->any_good |= gw_om_reader_samples(r) > 0;
    warn_of_clock(s, f, gw_om_reader_back(r));
    gw_om_reader_free(r);
    if (rc == GW_ECORRUPT) {
        warn_of_file(s, f, &own);
        return 0;
    }
    return rc ? gw_fail(e, rc, "%s", own.message) : 0;
}

static int scan_file(snapshot *s, metrics_file *f, scan *all, gw_error *e)
{
    int fd;
    int rc = open_file(s, f, &fd, e);
    if (rc)
        return rc;
    rc = f->gz ? scan_packed(s, f, fd, all, e) : make_index(s, f, fd, e);
    close(fd);
    if (rc == 0 && !f->gz) {
        widen(&all->all, f->index.extent);
        if (f->index.step_ms && (all->step_ms == 0 || f->index.step_ms < all->step_ms))
            all->step_ms = f->index.step_ms;
    }
    return rc;
}

static int snapshot_extent(void *self, gw_interval *ret, gw_error *e)
{
    snapshot *s = self;
    scan all = {0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && !s->extent_known && i < s->n_files; i++)
        rc = scan_file(s, &s->files[i], &all, e);
    if (rc == 0)
        rc = check_any(s, e);
    if (rc)
        return rc;
    if (!s->extent_known && all.all.end_ms <= all.all.start_ms)
        return gw_fail(e, GW_ENODATA,
                       "snapshot %s has no sample of a metric that gpuwise reads (DCGM_FI_DEV_GPU_UTIL, "
                       "kube_pod_info, ...): record it again where dcgm-exporter and kube-state-metrics are "
                       "scraped",
                       s->dir);
    if (!s->extent_known) {
        /* the last sample speaks for one interval more, as it does in the fold */
        s->extent = all.all;
        if (all.step_ms > 0)
            s->extent.end_ms += GW_MIN(all.step_ms, GW_HOLD_MAX_MS) - 1;
    }
    s->extent_known = true;
    *ret = s->extent;
    return 0;
}

/* ---- objects ---- */

/* Calls each() for every list that the directory has; a list that is damaged is noted and passed over. */
static int each_list(snapshot *s, int (*each)(void *ctx, const char *name, json_t *list, gw_error *e),
                     void *ctx, gw_error *e)
{
    static const char *const names[] = {"nodes",
                                        "pods",
                                        "namespaces",
                                        "workloads",
                                        "poddisruptionbudgets",
                                        "persistentvolumes",
                                        "persistentvolumeclaims"};
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        json_t *list;
        gw_error own;
        int rc = gw_snapshot_json_load(s->dir, names[i], &list, &s->stats.bytes, &own);
        if (rc == 0 && list) {
            s->stats.requests++;
            rc = each(ctx, names[i], list, &own);
            json_decref(list);
            if (rc)
                gw_error_prefix(&own, "%s/%s.json", s->dir, names[i]);
        }
        if (rc == GW_ECORRUPT || rc == GW_ELIMIT)
            warn(s, "%s", own.message);
        else if (rc)
            return gw_fail(e, rc, "%s", own.message);
    }
    return gw_buf_check(&s->warnings, "the list of warnings", e);
}

static int add_list(void *ctx, const char *name, json_t *list, gw_error *e)
{
    return gw_kube_add_set(ctx, name, list, e);
}

/* A snapshot made by hand has the objects as kubectl gives them. */
static bool tells_rules(const snapshot *s)
{
    return !s->has_meta || s->meta.rules;
}

/* A recording from before they were recorded has pods without volumes and nodes without annotations: that
 * says nothing. */
static void forget_rules(gw_fleet *fleet)
{
    for (size_t i = 0; i < fleet->n_pods; i++)
        fleet->pods[i].rules = GW_NONE;
    for (size_t i = 0; i < fleet->n_nodes; i++)
        fleet->nodes[i].rules_known = false;
}

static int snapshot_objects(void *self, gw_fleet *fleet, gw_error *e)
{
    int rc = each_list(self, add_list, fleet, e);
    if (rc == 0 && !tells_rules(self))
        forget_rules(fleet);
    return rc;
}

static int snapshot_lists(void *self, int (*write)(void *ctx, const char *name, json_t *list, gw_error *e),
                          void *ctx, gw_error *e)
{
    return each_list(self, write, ctx, e);
}

/* ---- the source ---- */

static const char *snapshot_describe(void *self)
{
    return ((snapshot *)self)->description;
}

static void snapshot_stats(void *self, gw_source_stats *ret)
{
    *ret = ((snapshot *)self)->stats;
}

static const char *snapshot_warnings(void *self)
{
    const snapshot *s = self;
    return s->warnings.len ? s->warnings.data : NULL;
}

static void snapshot_free(void *self)
{
    snapshot *s = self;
    if (!s)
        return;
    for (size_t i = 0; i < s->n_files; i++) {
        gw_free(s->files[i].name);
        gw_snapshot_index_free(&s->files[i].index);
    }
    gw_free(s->files);
    gw_snapshot_meta_free(&s->meta);
    gw_buf_free(&s->warnings);
    gw_free(s->description);
    gw_free(s->dir);
    gw_free(s);
}

static int set_up(snapshot *s, const char *dir, gw_error *e)
{
    gw_buf_init(&s->warnings, WARNINGS_MAX);
    gw_snapshot_meta_init(&s->meta);
    s->dir = gw_strdup(dir);
    size_t n = strlen(dir) + sizeof("snapshot ");
    s->description = gw_malloc(n);
    if (!s->dir || !s->description)
        return gw_fail_memory(e);
    snprintf(s->description, n, "snapshot %s", dir);
    int rc = list_files(s, e);
    if (rc)
        return rc;
    drop_packed_twins(s);
    return load_meta(s, e);
}

int gw_snapshot_open(const char *dir, gw_source *ret, gw_error *e)
{
    snapshot *s = gw_calloc(1, sizeof(*s));
    int rc = s ? set_up(s, dir, e) : gw_fail_memory(e);
    if (rc) {
        snapshot_free(s);
        return rc;
    }
    *ret = (gw_source){.self = s,
                       .read = snapshot_read,
                       .objects = snapshot_objects,
                       .extent = snapshot_extent,
                       .describe = snapshot_describe,
                       .stats = snapshot_stats,
                       .free = snapshot_free,
                       .warnings = snapshot_warnings,
                       .lists = snapshot_lists};
    return 0;
}

bool gw_snapshot_is_dir(const gw_source *source, const char *dir)
{
    struct stat a, b;
    return source->read == snapshot_read && stat(((snapshot *)source->self)->dir, &a) == 0 &&
           stat(dir, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool gw_snapshot_tells_rules(const gw_source *source)
{
    return source->read != snapshot_read || tells_rules(source->self);
}
