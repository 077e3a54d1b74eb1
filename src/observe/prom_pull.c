#include "observe/prom_pull.h"

#include "net/url.h"
#include "observe/remote_read.h"
#include "observe/samples_reply.h"

#define PATH_MAX_BYTES   ((size_t)64 << 10)
#define MATCHERS_OF_NAME 4 /* the name and what narrows it */
#define RANGE_SLACK_MS   2 /* added to both ends of a range vector, cut off again here */

/*
 * What of a metric is not wanted, so that it is not sent: in cAdvisor's the sums of the cgroups above (no
 * container) and of slices that belong to no image; in kube-state-metrics' the resources that no rule looks
 * at.
 */
static const struct {
    const char *metric;
    gw_matcher narrow[2];
} narrowed[] = {
    {"container_cpu_usage_seconds_total", {{GW_MATCH_NE, "container", ""}, {GW_MATCH_NE, "image", ""}}},
    {"container_memory_working_set_bytes", {{GW_MATCH_NE, "container", ""}, {GW_MATCH_NE, "image", ""}}},
    {"container_fs_usage_bytes", {{GW_MATCH_NE, "container", ""}, {GW_MATCH_NE, "image", ""}}},
    {"kube_pod_container_resource_requests",
     {{GW_MATCH_RE, "resource", "cpu|memory|ephemeral_storage|nvidia.com.+"}}},
    {"kube_pod_container_status_last_terminated_reason", {{GW_MATCH_EQ, "reason", "OOMKilled"}}},
    {"kube_node_status_allocatable", {{GW_MATCH_RE, "resource", "cpu|memory|nvidia.com.+"}}},
    {"kube_node_status_capacity", {{GW_MATCH_RE, "resource", "cpu|memory|nvidia.com.+"}}},
};

/* Everything that selects a metric, but for its name; m has room for MATCHERS_OF_NAME - 1 + n_extra. */
static size_t matchers_of(const gw_pull_common *c, const char *name, gw_matcher *m)
{
    size_t n = 0;
    for (size_t i = 0; i < GW_COUNT(narrowed); i++)
        if (strcmp(narrowed[i].metric, name) == 0)
            for (size_t k = 0; k < GW_COUNT(narrowed[i].narrow) && narrowed[i].narrow[k].name; k++)
                m[n++] = narrowed[i].narrow[k];
    for (size_t i = 0; i < c->n_extra; i++)
        m[n++] = c->extra[i];
    return n;
}

/* ---- the reply ---- */

static int on_begin_read(void *ctx, int status, const char *type, gw_error *e)
{
    gw_pull *p = ctx;
    GW_UNUSED(status);
    if (type && strncmp(type, "application/x-streamed-protobuf", 31) == 0) {
        p->form = GW_REPLY_STREAM;
    } else if (type && (strncmp(type, "application/x-protobuf", 22) == 0 ||
                        strncmp(type, "application/protobuf", 20) == 0)) {
        p->form = GW_REPLY_SAMPLES;
    } else {
        p->refused = true;
        return gw_fail(e, GW_EQUERY,
                       "the server answers remote read with '%.100s', which is no remote-read reply; check "
                       "the URL, or leave --prometheus-mode at auto",
                       type ? type : "no content type");
    }
    return 0;
}

static int on_begin_query(void *ctx, int status, const char *type, gw_error *e)
{
    gw_pull *p = ctx;
    GW_UNUSED(status);
    p->form = GW_REPLY_JSON;
    if (type && !strstr(type, "json"))
        return gw_fail(e, GW_ECORRUPT,
                       "the server answers a query with '%.100s' instead of JSON: check that the URL is "
                       "Prometheus' own, with "
                       "its path prefix, and not that of a login page or dashboard",
                       type);
    return 0;
}

static int on_data(void *ctx, const char *bytes, size_t n, gw_error *e)
{
    gw_pull *p = ctx;
    switch (p->form) {
    case GW_REPLY_STREAM:
        return gw_chunked_reply_feed(p->chunks, bytes, n, e);
    case GW_REPLY_SAMPLES:
        gw_buf_add(&p->plain, bytes, n);
        return gw_buf_check(&p->plain, "a remote-read reply in one piece", e);
    case GW_REPLY_JSON:
        return gw_prom_json_feed(p->json, bytes, n, e);
    default:
        return gw_fail(e, GW_EINTERNAL, "a reply's body came before its head");
    }
}

static int on_retry(void *ctx, gw_error *e)
{
    gw_pull *p = ctx;
    const gw_pull_common *c = p->common;
    if (c->budget && *c->used >= c->budget) {
        p->over_budget = true;
        return gw_fail(e, GW_ELIMIT, "the query budget does not allow another try");
    }
    ++*c->used;
    if (p->chunks)
        gw_chunked_reply_reset(p->chunks);
    if (p->json)
        gw_prom_json_reset(p->json);
    gw_buf_clear(&p->plain);
    p->form = GW_REPLY_NONE;
    return 0;
}

static int on_end(void *ctx, gw_error *e)
{
    gw_pull *p = ctx;
    if (p->form == GW_REPLY_STREAM)
        return gw_chunked_reply_finish(p->chunks, e);
    if (p->form == GW_REPLY_JSON)
        return gw_prom_json_finish(p->json, e);
    gw_samples_stats stats = {0};
    int rc = gw_samples_reply_read(p->plain.data, p->plain.len, p->common->sink, p->common->range, &stats, e);
    p->plain_series += stats.series;
    p->plain_samples += stats.samples;
    gw_buf_free(&p->plain);
    return rc;
}

/* ---- the request ---- */

static int write_read(gw_pull *p, const char *const *names, size_t n, size_t first, size_t stride,
                      gw_http_request *r, gw_error *e)
{
    const gw_pull_common *c = p->common;
    size_t n_names = (n - first + stride - 1) / stride, room = MATCHERS_OF_NAME + c->n_extra;
    gw_matcher *m = gw_calloc(n_names * room, sizeof(*m));
    gw_read_query *q = gw_calloc(n_names, sizeof(*q));
    int rc = m && q ? 0 : gw_fail_memory(e);
    for (size_t i = 0; i < n_names && !rc; i++) {
        gw_matcher *mine = m + i * room;
        const char *name = names[first + i * stride];
        mine[0] = (gw_matcher){GW_MATCH_EQ, "__name__", name};
        q[i] = (gw_read_query){mine, 1 + matchers_of(c, name, mine + 1)};
    }
    if (!rc)
        rc = gw_remote_read_request(q, n_names, c->range, &p->body, &r->body_len, e);
    gw_free(q);
    gw_free(m);
    if (rc)
        return rc;
    p->chunks = gw_chunked_reply_new(c->sink, c->range, c->space, c->skip_unknown, 0);
    if (!p->chunks)
        return gw_fail_memory(e);
    r->method = "POST";
    r->path = "/api/v1/read";
    r->body = p->body;
    r->headers = gw_remote_read_headers;
    r->on_begin = on_begin_read;
    return 0;
}

static void put_time(gw_buf *path, const char *name, int64_t ms)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
    gw_url_query(path, name, (gw_str){text, (size_t)n});
}

/* `metric{…}`, then `[…]` */
static void put_selector(gw_buf *b, const char *name, const gw_matcher *m, size_t n, int64_t range_ms)
{
    gw_buf_puts(b, name);
    gw_buf_putc(b, '{');
    gw_matchers_write(b, m, n);
    gw_buf_printf(b, "}[%" PRId64 "ms]", range_ms);
}

/* The instants of the grid that lie in the range: all multiples of the step. */
static gw_interval grid_of(gw_interval range, int64_t step_ms)
{
    int64_t first = (range.start_ms + step_ms - 1) / step_ms * step_ms;
    return (gw_interval){first, (range.end_ms - 1) / step_ms * step_ms};
}

bool gw_pull_worthwhile(const gw_pull_common *c)
{
    gw_interval grid = grid_of(c->range, c->step_ms);
    return c->way != GW_PROM_QUERY_RANGE || grid.start_ms <= grid.end_ms;
}

static int write_query(gw_pull *p, const char *name, gw_http_request *r, gw_error *e)
{
    const gw_pull_common *c = p->common;
    gw_matcher *m = gw_calloc(MATCHERS_OF_NAME + c->n_extra, sizeof(*m));
    if (!m)
        return gw_fail_memory(e);
    size_t n = matchers_of(c, name, m);
    gw_buf query, path;
    gw_buf_init(&query, PATH_MAX_BYTES);
    gw_buf_init(&path, PATH_MAX_BYTES);
    if (c->way == GW_PROM_QUERY) {
        put_selector(&query, name, m, n, gw_interval_ms(c->range) + 2 * RANGE_SLACK_MS);
        gw_buf_puts(&path, "/api/v1/query");
        gw_url_query(&path, "query", (gw_str){query.data, query.len});
        put_time(&path, "time", c->range.end_ms + RANGE_SLACK_MS);
    } else {
        gw_interval grid = grid_of(c->range, c->step_ms);
        gw_buf_puts(&query, "last_over_time(");
        put_selector(&query, name, m, n, c->step_ms);
        gw_buf_putc(&query, ')');
        gw_buf_puts(&path, "/api/v1/query_range");
        gw_url_query(&path, "query", (gw_str){query.data, query.len});
        put_time(&path, "start", grid.start_ms);
        put_time(&path, "end", grid.end_ms);
        put_time(&path, "step", c->step_ms);
    }
    int rc = gw_buf_check(&query, "a query", e);
    if (!rc)
        rc = gw_buf_check(&path, "the URL of a query", e);
    p->path = path.data;
    gw_buf_free(&query);
    gw_free(m);
    if (rc)
        return rc;
    p->json = gw_prom_json_new(c->sink, c->range, name);
    if (!p->json)
        return gw_fail_memory(e);
    r->method = "GET";
    r->path = p->path;
    r->accept_encoding = "gzip";
    r->on_begin = on_begin_query;
    return 0;
}

int gw_pull_init(gw_pull *p, const gw_pull_common *c, const char *const *names, size_t n, size_t first,
                 size_t stride, gw_http_request *ret, gw_error *e)
{
    *p = (gw_pull){.common = c, .first_name = names[first]};
    *ret = (gw_http_request){.ctx = p, .on_data = on_data, .on_retry = on_retry, .on_end = on_end};
    gw_buf_init(&p->plain, GW_SAMPLES_REPLY_MAX_BYTES);
    return c->way == GW_PROM_REMOTE_READ ? write_read(p, names, n, first, stride, ret, e)
                                         : write_query(p, names[first], ret, e);
}

void gw_pull_free(gw_pull *p)
{
    gw_chunked_reply_free(p->chunks);
    gw_prom_json_free(p->json);
    gw_buf_free(&p->plain);
    gw_free(p->body);
    gw_free(p->path);
}

gw_pull_stats gw_pull_stats_of(const gw_pull *p)
{
    gw_pull_stats s = {.series = p->plain_series, .samples = p->plain_samples};
    if (p->chunks) {
        const gw_chunked_stats *c = gw_chunked_reply_stats(p->chunks);
        s.series += c->series;
        s.samples += c->samples;
        s.unknown_chunks = c->unknown_chunks;
        s.histograms = c->histograms;
    }
    if (p->json) {
        const gw_prom_json_stats *j = gw_prom_json_stats_of(p->json);
        s.series += j->series;
        s.samples += j->samples;
        s.warnings = j->warnings;
        s.warning = gw_prom_json_warning(p->json);
    }
    return s;
}
