/* The routes of OpenCost's API. One span comes from a view, which has the open hour too and knows labels;
 * several come from the store's hours, and what of them is not closed yet from a view. */
#include "serve/api_internal.h"

/* Spans of which each needs a view of its own, since labels are asked about. */
#define VIEW_SPANS_MAX 62

typedef struct job {
    gw_api_call *c;
    const gw_oc_query *q;
    const char *cluster; /* of nodes whose series name none */
    gw_interval held;    /* by the daemon */
    gw_interval *spans;
    gw_oc_set *sets; /* parallel to spans */
    size_t n;
    int64_t closed_ms; /* the end of the last hour that came from the store */
} job;

/* Adds the leaves of a window as the daemon sees it; nothing where it holds nothing of it. */
static int add_view(job *j, gw_oc_set *set, gw_interval window, gw_error *e)
{
    gw_view *v;
    gw_interval want = gw_interval_cut(window, j->held);
    if (gw_interval_ms(want) == 0)
        return 0;
    int rc = gw_daemon_view(j->c->daemon, want, false, &v, e);
    if (rc == GW_EWINDOW)
        return 0;
    if (rc)
        return rc;
    rc = gw_oc_set_add_pipeline(set, &v->p, j->cluster, e);
    gw_view_release(v);
    return rc;
}

static int add_page(void *ctx, const gw_hour *h, gw_error *e)
{
    job *j = ctx;
    size_t low = 0, high = j->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (j->spans[mid].end_ms <= h->start_ms)
            low = mid + 1;
        else
            high = mid;
    }
    j->closed_ms = GW_MAX(j->closed_ms, h->start_ms + GW_HOUR_MS);
    if (low == j->n || h->start_ms < j->spans[low].start_ms)
        return 0;
    return gw_oc_set_add_hour(&j->sets[low], h, e);
}

static int add_stored(job *j, gw_interval window, gw_error *e)
{
    const char *const *clusters;
    size_t n = 0;
    gw_store *s;
    int rc = gw_daemon_store(j->c->daemon, j->c->worker, &s, e);
    if (rc == 0)
        rc = gw_api_clusters(j->c, &clusters, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = gw_store_pages(s, clusters[i], window, add_page, j, e);
    return rc;
}

static int fill_from_views(job *j, gw_error *e)
{
    int rc = 0;
    if (j->n > VIEW_SPANS_MAX)
        return gw_fail(e, GW_ELIMIT, "step: by labels and containers at most %d steps; ask for a longer one",
                       VIEW_SPANS_MAX);
    for (size_t i = 0; i < j->n && rc == 0; i++)
        rc = add_view(j, &j->sets[i], j->spans[i], e);
    return rc;
}

static int fill(job *j, gw_error *e)
{
    gw_interval all = {j->spans[0].start_ms, j->spans[j->n - 1].end_ms};
    bool whole = j->n == 1 && all.start_ms >= j->held.start_ms / GW_HOUR_MS * GW_HOUR_MS;
    if (gw_oc_query_needs_fleet(j->q) || whole)
        return fill_from_views(j, e);
    int rc = add_stored(j, all, e);
    for (size_t i = 0; i < j->n && rc == 0; i++) {
        gw_interval open = {GW_MAX(j->spans[i].start_ms, j->closed_ms), j->spans[i].end_ms};
        rc = gw_interval_ms(open) ? add_view(j, &j->sets[i], open, e) : 0;
    }
    return rc;
}

static int write_sets(job *j, gw_buf *b, gw_error *e)
{
    gw_doc d;
    int rc = 0;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_int(&d, "code", 200);
    gw_doc_text(&d, "status", "success");
    gw_doc_array(&d, "data");
    for (size_t i = 0; i < j->n && rc == 0; i++) {
        rc = gw_oc_set_finish(&j->sets[i], e);
        if (rc == 0)
            rc = gw_oc_set_write(&j->sets[i], &d, e);
    }
    gw_doc_end(&d);
    gw_doc_end(&d);
    return rc ? rc : gw_doc_finish(&d, e);
}

static int answer(job *j, gw_buf *b, gw_error *e)
{
    j->sets = GW_NEW_ARRAY(&j->c->arena, gw_oc_set, j->n + 1);
    if (!j->sets)
        return gw_fail_memory(e);
    for (size_t i = 0; i < j->n; i++)
        gw_oc_set_init(&j->sets[i], j->q, j->spans[i]);
    int rc = fill(j, e);
    if (rc == 0)
        rc = write_sets(j, b, e);
    for (size_t i = 0; i < j->n; i++)
        gw_oc_set_free(&j->sets[i]);
    return rc;
}

int gw_api_make_allocation(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_daemon_status s;
    gw_daemon_status_get(c->daemon, &s);
    gw_oc_query *q = GW_NEW(&c->arena, gw_oc_query);
    if (!q)
        return gw_fail_memory(e);
    if (gw_interval_ms(s.window) == 0)
        return gw_fail(e, GW_ENODATA, "nothing has been read yet: /api/v1/status says why");
    int rc = gw_oc_query_read(c->params, c->n_params, gw_api_now(&s), &c->arena, q, e);
    job j = {.c = c, .q = q, .cluster = s.cluster, .held = s.window};
    if (rc == 0)
        rc = gw_oc_spans(q, &c->arena, &j.spans, &j.n, e);
    return rc ? rc : answer(&j, b, e);
}

int gw_api_make_assets(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_daemon_status s;
    gw_view *v;
    gw_doc d;
    gw_daemon_status_get(c->daemon, &s);
    gw_oc_query *q = GW_NEW(&c->arena, gw_oc_query);
    if (!q)
        return gw_fail_memory(e);
    /* the other parameters are those of Kubecost's pages, and OpenCost passes them over */
    const char *window = gw_api_param(c, "window");
    const gw_oc_param only = {"window", window};
    int rc = gw_oc_query_read(&only, window ? 1 : 0, gw_api_now(&s), &c->arena, q, e);
    if (rc == 0)
        rc = gw_daemon_view(c->daemon, q->window, false, &v, e);
    if (rc)
        return rc;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_int(&d, "code", 200);
    gw_doc_text(&d, "status", "success");
    rc = gw_oc_assets_write(&v->p, s.cluster, "data", &d, e);
    gw_doc_end(&d);
    gw_view_release(v);
    return rc ? rc : gw_doc_finish(&d, e);
}
