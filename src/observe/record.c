#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet/usage.h"
#include "format/om.h"
#include "observe/kube_slim.h"
#include "observe/record_store.h"
#include "observe/snapshot.h"
#include "observe/snapshot_file.h"
#include "observe/snapshot_meta.h"

#define SLICE_MIN_MS (15 * GW_MINUTE_MS) /* a slice that is too large is halved, down to this */

typedef struct recording {
    gw_source *from;
    gw_kube *kube;
    const gw_record_options *o;
    gw_anon *anon; /* NULL: names stay */
    gw_record_store *store;
    gw_snapshot_meta meta;
    uint64_t series, samples, bytes;
} recording;

/* ---- the directory ---- */

static int cannot_use(const char *dir, gw_error *e)
{
    return gw_fail(e, GW_EIO, "cannot use the directory %s: %s", dir, strerror(errno));
}

static bool is_temporary(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".tmp") == 0;
}

static int remove_file(DIR *d, const char *dir, const char *name, gw_error *e)
{
    if (unlinkat(dirfd(d), name, 0) && errno != ENOENT)
        return gw_fail(e, GW_EIO, "cannot remove %s/%s: %s", dir, name, strerror(errno));
    return 0;
}

/* Removes what an earlier recording left; meta.json goes first, since without it a rest is no whole snapshot.
 */
static int clear(DIR *d, const char *dir, bool overwrite, gw_error *e)
{
    int rc = overwrite ? remove_file(d, dir, "meta.json", e) : 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(d));) {
        if (!gw_snapshot_is_ours(entry->d_name))
            continue;
        if (!overwrite && !is_temporary(entry->d_name))
            return gw_fail(e, GW_EIO,
                           "%s holds a snapshot already (%s): pick another directory, or pass --overwrite to "
                           "replace it",
                           dir, entry->d_name);
        rc = remove_file(d, dir, entry->d_name, e);
    }
    return rc;
}

static int prepare_dir(const char *dir, bool overwrite, gw_error *e)
{
    if (mkdir(dir, 0777) && errno != EEXIST)
        return cannot_use(dir, e);
    DIR *d = opendir(dir);
    if (!d)
        return cannot_use(dir, e);
    int rc = clear(d, dir, overwrite, e);
    closedir(d);
    return rc;
}

/* ---- objects ---- */

/* "Pod" for an item of pods.json that does not say so itself. */
static const char *kind_of_items(const char *name, const json_t *list, char out[64])
{
    static const char *const kinds[][2] = {{"nodes", "Node"},
                                           {"pods", "Pod"},
                                           {"namespaces", "Namespace"},
                                           {"poddisruptionbudgets", "PodDisruptionBudget"},
                                           {"persistentvolumes", "PersistentVolume"},
                                           {"persistentvolumeclaims", "PersistentVolumeClaim"}};
    for (size_t i = 0; i < GW_COUNT(kinds); i++) {
        if (strcmp(name, kinds[i][0]) == 0)
            return kinds[i][1];
    }
    const char *kind = json_string_value(json_object_get(list, "kind"));
    size_t n = kind ? strlen(kind) : 0;
    if (n <= 4 || n >= 64 || strcmp(kind + n - 4, "List") != 0)
        return NULL;
    snprintf(out, 64, "%.*s", (int)(n - 4), kind);
    return out;
}

static json_t *item_to_record(const recording *r, const json_t *item, const char *kind)
{
    bool has_kind = json_is_string(json_object_get(item, "kind"));
    json_t *slim = gw_kube_slim(item, NULL, has_kind ? NULL : kind);
    if (!slim || !r->anon)
        return slim;
    json_t *anonymous = gw_anon_object(r->anon, slim);
    json_decref(slim);
    return anonymous;
}

static json_t *items_to_record(const recording *r, const char *name, const json_t *list)
{
    char text[64];
    const char *kind = kind_of_items(name, list, text);
    const json_t *from = json_object_get(list, "items");
    json_t *to = json_array();
    for (size_t i = 0; to && i < json_array_size(from); i++) {
        const json_t *item = json_array_get(from, i);
        if (!json_is_object(item))
            continue;
        if (json_array_append_new(to, item_to_record(r, item, kind))) {
            json_decref(to);
            return NULL;
        }
    }
    return to;
}

static int write_list(void *ctx, const char *name, json_t *list, gw_error *e)
{
    const recording *r = ctx;
    char file[GW_SNAPSHOT_NAME_MAX];
    json_t *items = items_to_record(r, name, list);
    json_t *v =
        items ? json_pack("{s:s, s:s, s:O}", "apiVersion", "v1", "kind", "List", "items", items) : NULL;
    json_decref(items);
    if (!v)
        return gw_fail_memory(e);
    snprintf(file, sizeof(file), "%s.json", name);
    int rc = gw_snapshot_json_save(r->o->dir, file, v, e);
    json_decref(v);
    return rc;
}

static int record_objects(recording *r, gw_error *e)
{
    int rc = r->kube ? gw_kube_export(r->kube, write_list, r, e) : 0;
    if (rc == GW_ENOMEM || rc == GW_EIO)
        return rc;
    if (rc)
        return gw_error_prefix(e, "recording without the Kubernetes objects wants --no-kubernetes");
    if (r->kube)
        return 0;
    return r->from->lists ? r->from->lists(r->from->self, write_list, r, e) : 0;
}

/* ---- metrics ---- */

static int to_gzip(void *ctx, const char *p, size_t n, gw_error *e)
{
    return gw_gzip_write(ctx, p, n, e);
}

static int write_eof(gw_gzip *z, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, 64);
    gw_om_write_eof(&b);
    int rc = gw_buf_check(&b, "the last line", e);
    if (rc == 0)
        rc = gw_gzip_write(z, b.data, b.len, e);
    gw_buf_free(&b);
    return rc ? rc : gw_gzip_end(z, e);
}

/* Reads one family group of the slice and writes it as a gzip member of its own. */
static int record_group(recording *r, gw_family_group g, gw_snapshot_slice *s, uint64_t *line, gw_gzip *z,
                        gw_error *e)
{
    gw_record_store_begin(r->store, s->interval);
    int rc = r->from->read(r->from->self, g, s->interval, gw_record_store_sink(r->store), e);
    if (rc || gw_record_store_samples(r->store) == 0)
        return rc;
    gw_snapshot_part p = {.group = g, .offset = gw_gzip_total(z), .line = *line};
    rc = gw_record_store_write(r->store, gw_family_names(g), to_gzip, z, line, e);
    if (rc == 0)
        rc = gw_gzip_end(z, e);
    p.bytes = gw_gzip_total(z) - p.offset;
    s->parts[s->n_parts++] = p;
    s->series += gw_record_store_series(r->store);
    s->samples += gw_record_store_samples(r->store);
    return rc;
}

static int record_groups(recording *r, gw_snapshot_slice *s, gw_snapshot_out *out, gw_error *e)
{
    gw_gzip *z = gw_gzip_new(GW_GZIP_LEVEL, gw_snapshot_out_write, out);
    if (!z)
        return gw_fail_memory(e);
    uint64_t line = 1;
    int rc = 0;
    for (int g = 0; rc == 0 && g < GW_N_FAMILY_GROUPS; g++)
        rc = record_group(r, (gw_family_group)g, s, &line, z, e);
    if (rc == 0 && s->samples)
        rc = write_eof(z, e);
    gw_gzip_free(z);
    return rc;
}

/* Writes one slice to a file of its own; a slice without samples leaves none. */
static int record_slice(recording *r, gw_interval interval, gw_error *e)
{
    gw_snapshot_slice s = {.interval = interval};
    gw_snapshot_out out;
    char name[GW_SNAPSHOT_NAME_MAX];
    snprintf(name, sizeof(name), "metrics-%04zu.om.gz", r->meta.n_slices);
    int rc = gw_snapshot_out_open(&out, r->o->dir, name, e);
    if (rc == 0)
        rc = record_groups(r, &s, &out, e);
    if (rc == 0 && s.samples)
        rc = gw_snapshot_out_commit(&out, e);
    gw_snapshot_out_abort(&out);
    if (rc || s.samples == 0)
        return rc;
    s.bytes = out.bytes;
    s.file = gw_arena_strdup(&r->meta.arena, name);
    gw_snapshot_slice *to = s.file ? gw_snapshot_meta_add(&r->meta) : NULL;
    if (!to)
        return gw_fail_memory(e);
    *to = s;
    r->series += s.series;
    r->samples += s.samples;
    r->bytes += s.bytes;
    return 0;
}

static void tell(const recording *r, gw_interval all, int64_t t_ms)
{
    if (r->o->progress)
        r->o->progress(r->o->progress_ctx,
                       (double)(t_ms - all.start_ms) / (double)GW_MAX(1, gw_interval_ms(all)), "recording");
}

static int record_metrics(recording *r, gw_error *e)
{
    gw_interval all = {r->o->window.start_ms - GW_HOLD_MAX_MS, r->o->window.end_ms + GW_HOLD_MAX_MS};
    int64_t length = GW_RECORD_SLICE_MS;
    for (int64_t t = all.start_ms; t < all.end_ms;) {
        tell(r, all, t);
        int64_t end = all.end_ms - t > length ? t + length : all.end_ms;
        int rc = record_slice(r, (gw_interval){t, end}, e);
        if (rc == GW_ELIMIT && gw_record_store_full(r->store) && end - t > SLICE_MIN_MS) {
            length = GW_MAX((end - t) / 2, SLICE_MIN_MS); /* for the rest too: fleets seldom shrink */
            continue;
        }
        if (rc)
            return rc;
        t = end;
    }
    tell(r, all, all.end_ms);
    return 0;
}

/* ---- all of it ---- */

/*
 * "Prometheus http://u:p@host/x?token=y (remote read)" without what may be secret: user and password, and
 * everything from a '?' to the next blank.
 */
static const char *public_source(recording *r)
{
    const char *text = r->from->describe ? r->from->describe(r->from->self) : NULL;
    if (!text || r->anon)
        return NULL;
    char *out = gw_arena_alloc(&r->meta.arena, strlen(text) + 1);
    size_t n = 0;
    for (const char *p = text; out && *p;) {
        size_t host = gw_has_prefix(p, "://") ? strcspn(p + 3, "/?# ") : 0;
        const char *at = host ? memrchr(p + 3, '@', host) : NULL;
        if (at) {
            memcpy(out + n, "://", 3);
            n += 3;
            p = at + 1;
        } else if (*p == '?') {
            p += strcspn(p, " ");
        } else {
            out[n++] = *p++;
        }
    }
    return out;
}

static int finish(recording *r, gw_error *e)
{
    if (r->samples == 0) {
        char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
        return gw_fail(
            e, GW_ENODATA,
            "%s has none of the metrics that gpuwise reads from %s to %s: check the window, and that "
            "dcgm-exporter and kube-state-metrics are scraped",
            r->from->describe ? r->from->describe(r->from->self) : "the source",
            gw_time_format(r->o->window.start_ms, from), gw_time_format(r->o->window.end_ms, to));
    }
    r->meta.window = r->o->window;
    r->meta.recorded_ms = (r->o->clock ? r->o->clock : gw_clock_system)(r->o->clock_ctx);
    r->meta.anonymized = r->anon != NULL;
    r->meta.rules = r->kube || gw_snapshot_tells_rules(r->from);
    r->meta.source = public_source(r);
    return gw_snapshot_meta_save(r->o->dir, &r->meta, e);
}

static int set_up(recording *r, gw_error *e)
{
    gw_snapshot_meta_init(&r->meta);
    if (r->o->anonymize) {
        uint8_t key[GW_ANON_KEY_BYTES];
        int rc = gw_anon_random_key(key, e);
        if (rc)
            return rc;
        r->anon = gw_anon_new(key, r->o->anonymize_keep);
        explicit_bzero(key, sizeof(key));
        if (!r->anon)
            return gw_fail_memory(e);
    }
    r->store = gw_record_store_new(r->o->store_bytes ? r->o->store_bytes : GW_RECORD_STORE_MAX, r->anon);
    return r->store ? 0 : gw_fail_memory(e);
}

static void tear_down(recording *r)
{
    gw_record_store_free(r->store);
    gw_anon_free(r->anon);
    gw_snapshot_meta_free(&r->meta);
}

int gw_record(gw_source *from, gw_kube *kube, const gw_record_options *o, gw_source_stats *ret, gw_error *e)
{
    recording r = {.from = from, .kube = kube, .o = o};
    if (o->window.end_ms <= o->window.start_ms)
        return gw_fail(e, GW_EWINDOW, "the window to record is empty: --from must be before --to");
    if (gw_snapshot_is_dir(from, o->dir))
        return gw_fail(e, GW_EUSAGE, "%s cannot be recorded onto itself: name another directory", o->dir);
    int rc = prepare_dir(o->dir, o->overwrite, e);
    if (rc == 0)
        rc = set_up(&r, e);
    /* metrics first: a window without any fails before a file is written that would stand in the next try's
     * way */
    if (rc == 0)
        rc = record_metrics(&r, e);
    if (rc == 0)
        rc = record_objects(&r, e);
    if (rc == 0)
        rc = finish(&r, e);
    if (rc == 0 && ret) {
        *ret = (gw_source_stats){0};
        if (from->stats)
            from->stats(from->self, ret);
        ret->series = r.series;
        ret->samples = r.samples;
        ret->bytes = r.bytes;
    }
    tear_down(&r);
    return rc;
}
