/* What the command line says too: report, plan, manifests, explanations, prices. Made by the same code. */
#include "serve/api_internal.h"

#define PROGRAM "gpuwise"

int gw_api_view(gw_api_call *c, bool cells, gw_view **ret, gw_error *e)
{
    gw_interval window;
    int rc = gw_api_window(c, &window, e);
    return rc ? rc : gw_daemon_view(c->daemon, window, cells, ret, e);
}

/* The daemon's options with what the call says. */
static gw_options options_of(const gw_api_call *c)
{
    gw_options o = gw_daemon_config(c->daemon)->options;
    const char *by = gw_api_param(c, "by"), *sort_by = gw_api_param(c, "sortBy");
    const char *ns = gw_api_param(c, "namespace"), *selector = gw_api_param(c, "selector");
    o.by = by ? by : o.by ? o.by : "namespace";
    o.sort_by = sort_by ? sort_by : o.sort_by;
    o.ns = ns ? ns : o.ns;
    o.selector = selector ? selector : o.selector;
    o.output = c->csv ? GW_OUTPUT_CSV : GW_OUTPUT_JSON;
    return o;
}

int gw_api_make_report(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_options o = options_of(c);
    const gw_ask ask = {.options = &o, .program = PROGRAM};
    gw_view *v;
    int rc = gw_ask_check(&o, e);
    if (rc == 0)
        rc = gw_api_view(c, false, &v, e);
    if (rc)
        return rc;
    pthread_mutex_lock(&v->lock);
    rc = gw_answer_report(&ask, &v->p, (gw_render){0}, b, e);
    pthread_mutex_unlock(&v->lock);
    gw_view_release(v);
    return rc;
}

/* ---- the plan ------------------------------------------------------------------------------------------ */

int gw_api_make_plan(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_options o = options_of(c);
    const gw_ask ask = {.options = &o, .program = PROGRAM};
    gw_view *v;
    int rc = gw_api_view(c, false, &v, e);
    if (rc)
        return rc;
    pthread_mutex_lock(&v->lock);
    rc = gw_daemon_plan(c->daemon, v, e);
    if (rc == 0)
        rc = gw_answer_plan(&ask, &v->p, &v->plan, b, e);
    pthread_mutex_unlock(&v->lock);
    gw_view_release(v);
    return rc;
}

static int write_files(const char *id, const gw_files *files, gw_buf *b, gw_error *e)
{
    gw_doc d;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "action", id);
    gw_doc_array(&d, "files");
    for (size_t i = 0; i < files->n; i++) {
        gw_doc_object(&d, NULL);
        gw_doc_text(&d, "path", files->items[i].path);
        gw_doc_str(&d, "content", (gw_str){files->items[i].text, files->items[i].n});
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

/* Under the view's lock. */
static int export_action(gw_api_call *c, gw_view *v, const char *id, gw_buf *b, gw_error *e)
{
    gw_options o = options_of(c);
    const gw_ask ask = {.options = &o, .program = PROGRAM};
    gw_export x;
    gw_files files = {0};
    uint32_t action;
    int rc = gw_daemon_plan(c->daemon, v, e);
    if (rc == 0)
        rc = gw_plan_locate(&v->plan, id, &action, e);
    if (rc == 0)
        rc = gw_answer_export(&ask, &v->p, &v->plan, &x, e);
    if (rc == 0)
        rc = gw_export_action(&x, action, &c->arena, &files, e);
    return rc ? rc : write_files(v->plan.actions[action].id, &files, b, e);
}

int gw_api_make_manifests(gw_api_call *c, gw_buf *b, gw_error *e)
{
    const char *id = gw_api_param(c, "action");
    gw_view *v;
    if (!id)
        return gw_fail(e, GW_EUSAGE, "action: is missing: the id of an action of /api/v1/plan");
    int rc = gw_api_view(c, false, &v, e);
    if (rc)
        return rc;
    pthread_mutex_lock(&v->lock);
    rc = export_action(c, v, id, b, e);
    pthread_mutex_unlock(&v->lock);
    gw_view_release(v);
    return rc;
}

/* ---- explanations -------------------------------------------------------------------------------------- */

/* Under the view's lock. The subject may be an action: then a plan is needed, and where none can be had
 * (stale data) it is only not an action. */
static int explain(gw_api_call *c, gw_view *v, const char *subject, gw_buf *b, gw_error *e)
{
    gw_options o = options_of(c);
    const gw_ask ask = {.options = &o, .program = PROGRAM};
    const char *id;
    bool sure = false;
    gw_plan empty;
    const gw_plan *plan = NULL;
    gw_plan_init(&empty);
    if (gw_plan_subject(subject, &id, &sure)) {
        int rc = gw_daemon_plan(c->daemon, v, e);
        if (rc && (sure || rc == GW_ENOMEM))
            return rc;
        plan = rc ? &empty : &v->plan;
    }
    int rc = gw_answer_explain(&ask, &v->p, subject, NULL, plan, b, e);
    gw_plan_free(&empty);
    return rc;
}

int gw_api_make_explain(gw_api_call *c, gw_buf *b, gw_error *e)
{
    const char *subject = gw_api_param(c, "subject");
    gw_view *v;
    if (!subject)
        return gw_fail(
            e, GW_EUSAGE,
            "subject: is missing: pod/NAMESPACE/NAME, node/NAME, gpu/UUID, workload/NAMESPACE/NAME, "
            "namespace/NAME, finding/RULE or action/ID");
    int rc = gw_api_view(c, false, &v, e);
    if (rc)
        return rc;
    pthread_mutex_lock(&v->lock);
    rc = explain(c, v, subject, b, e);
    pthread_mutex_unlock(&v->lock);
    gw_view_release(v);
    return rc;
}

/* ---- prices -------------------------------------------------------------------------------------------- */

/* Nodes with GPUs that have no price, and why. */
static void write_unpriced(gw_doc *d, const gw_pipeline *p)
{
    gw_doc_array(d, "unknown");
    for (size_t i = 0; i < p->fleet.n_nodes && i < p->book.n_nodes; i++) {
        const gw_node *n = &p->fleet.nodes[i];
        const gw_node_price *x = &p->book.nodes[i];
        if (!x->why_unknown)
            continue;
        gw_doc_object(d, NULL);
        gw_doc_text(d, "node", n->name);
        gw_doc_text(d, "instanceType", n->instance_type);
        gw_doc_text(d, "region", n->region);
        gw_doc_text(d, "why", x->why_unknown);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static int write_prices(gw_pipeline *p, const gw_options *o, gw_buf *b, gw_error *e)
{
    gw_doc d;
    gw_report r;
    int rc = gw_pipeline_report(p, o, "namespace", &r, e);
    if (rc)
        return rc;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "gpuwise/v1");
    gw_doc_text(&d, "kind", "Prices");
    gw_doc_window(&d, r.window);
    rc = gw_doc_prices(&d, &r, e);
    write_unpriced(&d, p);
    gw_doc_end(&d);
    gw_report_free(&r);
    return rc ? gw_fail_memory(e) : gw_doc_finish(&d, e);
}

static int prices_json(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_options o = options_of(c);
    gw_view *v;
    int rc = gw_api_view(c, false, &v, e);
    if (rc)
        return rc;
    pthread_mutex_lock(&v->lock);
    rc = write_prices(&v->p, &o, b, e);
    pthread_mutex_unlock(&v->lock);
    gw_view_release(v);
    return rc;
}

int gw_api_make_prices(gw_api_call *c, gw_buf *b, gw_error *e)
{
    static const gw_csv_column columns[] = {{"instance_type", "instanceType"},
                                            {"region", "region"},
                                            {"capacity", "capacity"},
                                            {"hourly_usd", "hourly"},
                                            {"gpu_hourly_usd", "gpuHourly"},
                                            {"source", "source"},
                                            {"as_of", "asOf"}};
    return gw_api_table(c, prices_json, "prices", NULL, columns, GW_COUNT(columns), b, e);
}
