#include "observe/snapshot_index.h"

#include "base/mem.h"
#include "format/om.h"
#include "observe/snapshot_file.h"

/*
 * A section ends where the family group changes or where it is large, so that long series are cut in time. A
 * section below the minimum is not worth a jump; the least size also bounds how many there are.
 */
#define SECTION_MIN  ((uint64_t)64 * 1024)
#define SECTION_MAX  ((uint64_t)256 * 1024)
#define SECTIONS_MAX ((size_t)(GW_SNAPSHOT_METRICS_MAX / SECTION_MIN))
#define NAMES_MAX    64

typedef struct builder {
    gw_snapshot_index *x;
    gw_om_reader *reader;
    gw_snapshot_section now; /* bytes == 0: has no samples yet */
    bool open;
} builder;

const char *const *gw_all_family_names(void)
{
    static const char *names[NAMES_MAX]; /* filled with the same values by whoever comes first */
    size_t n = 0;
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        for (const char *const *name = gw_family_names((gw_family_group)g); *name && n + 1 < NAMES_MAX;
             name++)
            names[n++] = *name;
    }
    return names;
}

static unsigned group_of(gw_str name)
{
    for (int g = 0; g < GW_N_FAMILY_GROUPS; g++) {
        for (const char *const *known = gw_family_names((gw_family_group)g); *known; known++) {
            if (gw_str_is(name, *known))
                return 1u << g;
        }
    }
    return 0;
}

static int close_section(builder *b, gw_error *e)
{
    if (!b->open || b->now.bytes == 0)
        return 0;
    void *p = b->x->sections;
    int rc = gw_grow(&p, &b->x->cap, b->x->n + 1, sizeof(b->now), SECTIONS_MAX);
    if (rc == GW_ELIMIT)
        return gw_fail(e, rc, "larger than %" PRIu64 " bytes, the most that gpuwise takes of one file",
                       GW_SNAPSHOT_METRICS_MAX);
    if (rc)
        return gw_fail_memory(e);
    b->x->sections = p;
    b->x->sections[b->x->n++] = b->now;
    return 0;
}

static int open_section(builder *b, unsigned groups, gw_error *e)
{
    int rc = close_section(b, e);
    gw_om_at at = gw_om_reader_at(b->reader);
    b->now = (gw_snapshot_section){.offset = at.offset, .line = at.line, .groups = groups};
    b->open = true;
    return rc;
}

static int on_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    builder *b = ctx;
    unsigned group = 0;
    for (size_t i = 0; i < n; i++) {
        if (gw_str_is(labels[i].name, "__name__"))
            group = group_of(labels[i].value);
    }
    *ret = b;
    if (b->open && (b->now.groups == group || b->now.bytes < SECTION_MIN)) {
        b->now.groups |= group;
        return 0;
    }
    return open_section(b, group, e);
}

void gw_snapshot_step(int64_t *step_ms, const int64_t *t_ms, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        int64_t d = t_ms[i] - t_ms[i - 1];
        if (d > 0 && (*step_ms == 0 || d < *step_ms))
            *step_ms = d;
    }
}

static int on_samples(void *ctx, void *series, const int64_t *t_ms, const double *value, size_t n,
                      gw_error *e)
{
    GW_UNUSED(series);
    GW_UNUSED(value);
    builder *b = ctx;
    int64_t first = t_ms[0], end = t_ms[n - 1] + 1;
    if (b->now.bytes == 0)
        b->now.interval = (gw_interval){first, end};
    b->now.interval.start_ms = GW_MIN(b->now.interval.start_ms, first);
    b->now.interval.end_ms = GW_MAX(b->now.interval.end_ms, end);
    gw_interval *all = &b->x->extent;
    bool none = all->start_ms == all->end_ms;
    *all = none ? (gw_interval){first, end}
                : (gw_interval){GW_MIN(all->start_ms, first), GW_MAX(all->end_ms, end)};
    gw_snapshot_step(&b->x->step_ms, t_ms, n);
    b->now.bytes = gw_om_reader_at(b->reader).offset - b->now.offset;
    return b->now.bytes >= SECTION_MAX ? open_section(b, b->now.groups, e) : 0;
}

static int on_bytes(void *ctx, const char *p, size_t n, gw_error *e)
{
    return gw_om_reader_feed(ctx, p, n, e);
}

int gw_snapshot_index_make(int fd, gw_snapshot_index *x, uint64_t *read, gw_error *e)
{
    *x = (gw_snapshot_index){0};
    builder b = {.x = x};
    gw_series_sink sink = {&b, on_series, on_samples};
    b.reader = gw_om_reader_new(&sink, (gw_interval){INT64_MIN, INT64_MAX});
    if (!b.reader)
        return gw_fail_memory(e);
    gw_om_reader_families(b.reader, gw_all_family_names());
    int rc = gw_snapshot_file_stream(fd, false, 0, UINT64_MAX, GW_SNAPSHOT_METRICS_MAX, on_bytes, b.reader,
                                     read, e);
    if (rc == 0)
        rc = gw_om_reader_finish(b.reader, e);
    if (gw_om_reader_back(b.reader))
        x->back = *gw_om_reader_back(b.reader);
    gw_om_reader_free(b.reader);
    gw_error own;
    int closed = rc == 0 || rc == GW_ECORRUPT ? close_section(&b, &own) : 0;
    if (closed)
        rc = gw_fail(e, closed, "%s", own.message);
    if (rc && rc != GW_ECORRUPT)
        gw_snapshot_index_free(x);
    return rc;
}

void gw_snapshot_index_free(gw_snapshot_index *x)
{
    gw_free(x->sections);
    *x = (gw_snapshot_index){0};
}
