#include "observe/snapshot_meta.h"

#include "observe/snapshot_file.h"

static const char *const group_names[GW_N_FAMILY_GROUPS] = {"gpu", "kube", "cadvisor"};

void gw_snapshot_meta_init(gw_snapshot_meta *m)
{
    *m = (gw_snapshot_meta){0};
    gw_arena_init(&m->arena, 0);
}

void gw_snapshot_meta_free(gw_snapshot_meta *m)
{
    gw_free(m->slices);
    gw_arena_free(&m->arena);
    gw_snapshot_meta_init(m);
}

gw_snapshot_slice *gw_snapshot_meta_add(gw_snapshot_meta *m)
{
    void *p = m->slices;
    if (gw_grow(&p, &m->cap_slices, m->n_slices + 1, sizeof(*m->slices), GW_SNAPSHOT_MAX_FILES))
        return NULL;
    m->slices = p;
    m->slices[m->n_slices] = (gw_snapshot_slice){0};
    return &m->slices[m->n_slices++];
}

/* ---- reading ---- */

static int wrong(gw_error *e, const char *what)
{
    return gw_fail(e, GW_ECORRUPT, "%s is missing or wrong", what);
}

static int get_u64(const json_t *from, const char *key, uint64_t *ret, gw_error *e)
{
    const json_t *v = json_object_get(from, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return wrong(e, key);
    *ret = (uint64_t)json_integer_value(v);
    return 0;
}

static int get_time(const json_t *from, const char *key, int64_t *ret, gw_error *e)
{
    const char *text = json_string_value(json_object_get(from, key));
    return text && gw_time_parse(text, 0, ret, NULL) == 0 ? 0 : wrong(e, key);
}

static int get_interval(const json_t *from, gw_interval *ret, gw_error *e)
{
    int rc = get_time(from, "start", &ret->start_ms, e);
    if (rc == 0)
        rc = get_time(from, "end", &ret->end_ms, e);
    if (rc == 0 && ret->end_ms <= ret->start_ms)
        rc = wrong(e, "end");
    return rc;
}

static int get_part(const json_t *from, gw_snapshot_part *ret, gw_error *e)
{
    const char *group = json_string_value(json_object_get(from, "group"));
    int g = 0;
    while (g < GW_N_FAMILY_GROUPS && !gw_eq(group, group_names[g]))
        g++;
    if (g == GW_N_FAMILY_GROUPS)
        return wrong(e, "group");
    ret->group = (gw_family_group)g;
    int rc = get_u64(from, "offset", &ret->offset, e);
    if (rc == 0)
        rc = get_u64(from, "bytes", &ret->bytes, e);
    if (rc == 0)
        rc = get_u64(from, "line", &ret->line, e);
    return rc;
}

static int get_slice(gw_snapshot_meta *m, const json_t *from, gw_error *e)
{
    gw_snapshot_slice s = {0};
    bool gz;
    const char *file = json_string_value(json_object_get(from, "file"));
    /* the name becomes a path: it must be one that a snapshot has, and no other place */
    if (!file || strchr(file, '/') || !gw_snapshot_is_metrics(file, &gz))
        return wrong(e, "file");
    s.file = gw_arena_strdup(&m->arena, file);
    int rc = s.file ? get_interval(from, &s.interval, e) : gw_fail_memory(e);
    if (rc == 0)
        rc = get_u64(from, "bytes", &s.bytes, e);
    if (rc == 0)
        rc = get_u64(from, "series", &s.series, e);
    if (rc == 0)
        rc = get_u64(from, "samples", &s.samples, e);
    const json_t *parts = json_object_get(from, "parts");
    if (rc == 0 && json_array_size(parts) > GW_N_FAMILY_GROUPS)
        rc = wrong(e, "parts");
    for (size_t i = 0; rc == 0 && i < json_array_size(parts); i++)
        rc = get_part(json_array_get(parts, i), &s.parts[s.n_parts++], e);
    if (rc)
        return rc;
    gw_snapshot_slice *to = gw_snapshot_meta_add(m);
    if (!to)
        return gw_fail_memory(e);
    *to = s;
    return 0;
}

int gw_snapshot_meta_read(gw_snapshot_meta *m, const json_t *from, gw_error *e)
{
    uint64_t version;
    if (!gw_eq(json_string_value(json_object_get(from, "kind")), "Snapshot"))
        return wrong(e, "kind: Snapshot");
    int rc = get_u64(from, "version", &version, e);
    if (rc)
        return rc;
    if (version > GW_SNAPSHOT_VERSION)
        return gw_fail(e, GW_ECONFIG,
                       "written by a newer gpuwise (snapshot version %" PRIu64 ", known is %d)", version,
                       GW_SNAPSHOT_VERSION);
    rc = get_interval(json_object_get(from, "window"), &m->window, e);
    if (rc == 0)
        rc = get_time(from, "recorded", &m->recorded_ms, e);
    if (rc)
        return rc;
    m->anonymized = json_is_true(json_object_get(from, "anonymized"));
    m->rules = json_is_true(json_object_get(from, "rules"));
    const char *source = json_string_value(json_object_get(from, "source"));
    if (source && !(m->source = gw_arena_strdup(&m->arena, source)))
        return gw_fail_memory(e);
    const json_t *metrics = json_object_get(from, "metrics");
    if (!json_is_array(metrics))
        return wrong(e, "metrics");
    for (size_t i = 0; rc == 0 && i < json_array_size(metrics); i++)
        rc = get_slice(m, json_array_get(metrics, i), e);
    return rc;
}

int gw_snapshot_meta_load(const char *dir, gw_snapshot_meta *m, bool *ret_found, uint64_t *read, gw_error *e)
{
    json_t *v;
    int rc = gw_snapshot_json_load(dir, "meta", &v, read, e);
    *ret_found = false;
    if (rc || !v)
        return rc;
    gw_error own;
    rc = gw_snapshot_meta_read(m, v, &own);
    json_decref(v);
    if (rc) {
        gw_snapshot_meta_free(m);
        return gw_fail(e, rc, "%s/meta.json: %s", dir, own.message);
    }
    *ret_found = true;
    return 0;
}

/* ---- writing ---- */

static json_t *time_json(int64_t ms)
{
    char text[GW_TIME_TEXT_MAX];
    return json_string(gw_time_format(ms, text));
}

static json_t *slice_json(const gw_snapshot_slice *s)
{
    json_t *parts = json_array();
    for (size_t i = 0; parts && i < s->n_parts; i++) {
        const gw_snapshot_part *p = &s->parts[i];
        json_t *v =
            json_pack("{s:s, s:I, s:I, s:I}", "group", group_names[p->group], "offset", (json_int_t)p->offset,
                      "bytes", (json_int_t)p->bytes, "line", (json_int_t)p->line);
        if (json_array_append_new(parts, v)) {
            json_decref(parts);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I, s:o}", "file", s->file, "start",
                     time_json(s->interval.start_ms), "end", time_json(s->interval.end_ms), "bytes",
                     (json_int_t)s->bytes, "series", (json_int_t)s->series, "samples", (json_int_t)s->samples,
                     "parts", parts);
}

static json_t *families_json(void)
{
    json_t *list = json_array();
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        for (const char *const *name = gw_family_names((gw_family_group)g); *name; name++) {
            if (json_array_append_new(list, json_string(*name))) {
                json_decref(list);
                return NULL;
            }
        }
    }
    return list;
}

static json_t *slices_json(const gw_snapshot_meta *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_slices; i++) {
        if (json_array_append_new(list, slice_json(&m->slices[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

int gw_snapshot_meta_save(const char *dir, const gw_snapshot_meta *m, gw_error *e)
{
    json_t *v =
        json_pack("{s:s, s:s, s:i, s:s, s:o, s:{s:o, s:o}, s:s?, s:b, s:b, s:o, s:o}", "apiVersion",
                  "gpuwise/v1", "kind", "Snapshot", "version", GW_SNAPSHOT_VERSION, "gpuwise", GW_VERSION,
                  "recorded", time_json(m->recorded_ms), "window", "start", time_json(m->window.start_ms),
                  "end", time_json(m->window.end_ms), "source", m->source, "anonymized", (int)m->anonymized,
                  "rules", (int)m->rules, "families", families_json(), "metrics", slices_json(m));
    if (!v)
        return gw_fail_memory(e);
    int rc = gw_snapshot_json_save(dir, "meta.json", v, e);
    json_decref(v);
    return rc;
}
