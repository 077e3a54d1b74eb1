#include "present/answer.h"

#define PRODUCT "gpuwise " GW_VERSION

/* ---- the report ---------------------------------------------------------------------------------------- */

int gw_ask_check(const gw_options *o, gw_error *e)
{
    gw_pipeline empty;
    gw_report r;
    gw_pipeline_init(&empty);
    gw_ownership_defaults(&empty.ownership);
    int rc = gw_pipeline_report(&empty, o, o->by ? o->by : "namespace", &r, e);
    if (rc == 0)
        gw_report_free(&r);
    gw_pipeline_free(&empty);
    return rc;
}

/* A namespace that nobody knows is a slip of the pen more often than an empty one. */
static int check_namespace(const gw_options *o, gw_pipeline *p, const gw_report *r, gw_error *e)
{
    char names[300] = "";
    size_t n = 0;
    if (!o->ns || r->n_rows)
        return 0;
    gw_report all;
    gw_options every = *o;
    every.ns = every.selector = NULL;
    int rc = gw_pipeline_report(p, &every, "namespace", &all, e);
    if (rc)
        return rc;
    bool there = false;
    for (size_t i = 0; i < all.n_rows && n < sizeof(names); i++) {
        there |= all.rows[i].held && strcmp(all.rows[i].key[0], o->ns) == 0;
        if (all.rows[i].held)
            n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "", all.rows[i].key[0]);
    }
    gw_report_free(&all);
    /* the namespace exists, and the selector left nothing of it: an empty answer is the answer */
    return there ? 0
                 : gw_fail(e, GW_ENOTFOUND,
                           "no pod of namespace '%s' held a GPU in the window; these did: %s", o->ns, names);
}

int gw_answer_report(const gw_ask *a, gw_pipeline *p, gw_render how, gw_buf *b, gw_error *e)
{
    const gw_options *o = a->options;
    how.program = a->program;
    how.source_flags = p->source_flags;
    how.colour = a->colour;
    how.columns = a->columns;
    gw_report r, teams;
    bool by_team = o->output == GW_OUTPUT_HTML && strcmp(o->by, "team") != 0;
    int rc = gw_pipeline_report(p, o, o->by, &r, e);
    if (rc)
        return rc;
    rc = check_namespace(o, p, &r, e);
    if (rc) {
        gw_report_free(&r);
        return rc;
    }
    if (by_team)
        rc = gw_pipeline_report(p, o, "team", &teams, e);
    if (rc == 0) {
        how.teams = by_team ? &teams : NULL;
        rc = gw_render_report(&r, (gw_output)o->output, &how, b, e);
        if (by_team)
            gw_report_free(&teams);
    }
    gw_report_free(&r);
    return rc;
}

/* ---- the plan ------------------------------------------------------------------------------------------ */

/* The options that make the same plan again. */
static int plan_flags(const gw_ask *a, gw_pipeline *p, const char **ret, gw_error *e)
{
    static const gw_option_group *const groups[] = {&gw_options_plan, NULL};
    const char *own;
    int rc = gw_options_flags(a->options, groups, &p->arena, &own, e);
    if (rc)
        return rc;
    *ret = gw_arena_printf(&p->arena, "%s%s%s", p->source_flags, *own ? " " : "", own);
    return *ret ? 0 : gw_fail_memory(e);
}

/* The present, which a plan is shown against. To be freed with gw_report_free. */
static int open_view(const gw_ask *a, gw_pipeline *p, const gw_plan *plan, gw_report *r, gw_plan_view *ret,
                     gw_error *e)
{
    const char *flags;
    int rc = plan_flags(a, p, &flags, e);
    if (rc == 0)
        rc = gw_pipeline_report(p, a->options, "namespace", r, e);
    if (rc)
        return rc;
    *ret = (gw_plan_view){.plan = plan,
                          .report = r,
                          .program = a->program,
                          .flags = flags,
                          .source_flags = p->source_flags,
                          .colour = a->colour,
                          .columns = a->columns};
    return 0;
}

int gw_answer_plan(const gw_ask *a, gw_pipeline *p, const gw_plan *plan, gw_buf *b, gw_error *e)
{
    gw_report r;
    gw_plan_view v;
    int rc = open_view(a, p, plan, &r, &v, e);
    if (rc)
        return rc;
    rc = gw_plan_render(&v, (gw_output)a->options->output, b, e);
    gw_report_free(&r);
    return rc;
}

int gw_answer_export(const gw_ask *a, gw_pipeline *p, const gw_plan *plan, gw_export *ret, gw_error *e)
{
    const char *flags;
    int rc = plan_flags(a, p, &flags, e);
    if (rc)
        return rc;
    *ret = (gw_export){.fleet = &p->fleet,
                       .plan = plan,
                       .prices = &p->book,
                       .product = PRODUCT,
                       .command = gw_arena_printf(&p->arena, "%s plan %s --export DIR", a->program, flags)};
    return ret->command ? 0 : gw_fail_memory(e);
}

/* ---- explanations -------------------------------------------------------------------------------------- */

/* The paths that the action's export holds; where it has none, one text that says why. */
static int list_files(const gw_ask *a, gw_pipeline *p, const gw_plan_view *v, uint32_t action,
                      const char *const **ret, size_t *ret_n, gw_error *e)
{
    gw_export x;
    gw_files files = {0};
    gw_error why = {0};
    int rc = gw_answer_export(a, p, v->plan, &x, e);
    if (rc)
        return rc;
    rc = gw_export_action(&x, action, &p->arena, &files, &why);
    const char **paths = rc == GW_ENOMEM ? NULL : GW_NEW_ARRAY(&p->arena, const char *, files.n + 1);
    if (!paths)
        return gw_fail_memory(e);
    for (size_t i = 0; rc == 0 && i < files.n; i++)
        paths[i] = files.items[i].path;
    if (rc && !(paths[0] = gw_arena_printf(&p->arena, "none: %s", why.message)))
        return gw_fail_memory(e);
    *ret = paths;
    *ret_n = rc ? 1 : files.n;
    return 0;
}

static int write_action_text(const gw_ask *a, gw_pipeline *p, const gw_plan_view *v, uint32_t action,
                             gw_buf *b, gw_error *e)
{
    const char *const *files = NULL;
    size_t n = 0;
    gw_explanation x;
    int rc = list_files(a, p, v, action, &files, &n, e);
    if (rc)
        return rc;
    gw_explanation_init(&x);
    gw_plan_explain(v, action, files, n, &x);
    if (x.failed == GW_ENOMEM)
        rc = gw_fail_memory(e);
    else if (x.failed)
        rc = gw_fail(e, x.failed, "the action is too large to explain; -o json has it");
    else
        rc = gw_explanation_write(&x, p, (gw_output)a->options->output, a->colour, b, e);
    gw_explanation_free(&x);
    return rc;
}

static int explain_action(const gw_ask *a, gw_pipeline *p, const gw_plan *plan, uint32_t action, gw_buf *b,
                          gw_error *e)
{
    gw_output output = (gw_output)a->options->output;
    gw_report r;
    gw_plan_view v;
    int rc = open_view(a, p, plan, &r, &v, e);
    if (rc)
        return rc;
    if (output == GW_OUTPUT_JSON || output == GW_OUTPUT_YAML)
        rc = gw_plan_render_action(&v, action, output == GW_OUTPUT_JSON ? GW_DOC_JSON : GW_DOC_YAML, b, e);
    else
        rc = write_action_text(a, p, &v, action, b, e);
    gw_report_free(&r);
    return rc;
}

static int explain_thing(const gw_ask *a, gw_pipeline *p, const char *subject, gw_buf *b, gw_error *e)
{
    gw_explanation x;
    gw_explanation_init(&x);
    int rc = gw_explain(p, subject, &x, e);
    if (rc == 0)
        rc = gw_explanation_write(&x, p, (gw_output)a->options->output, a->colour, b, e);
    gw_explanation_free(&x);
    return rc;
}

/* "mps/chat-0" may be an action, and a pod of a namespace that somebody called "mps". */
static int explain_either(const gw_ask *a, gw_pipeline *p, const char *id, bool sure, const gw_plan *plan,
                          gw_buf *b, gw_error *e)
{
    uint32_t action = GW_NONE;
    gw_error none;
    bool thing = !sure && gw_explain_find(p, id, &none) != GW_ENOTFOUND;
    bool planned = gw_plan_find(plan, id) != GW_NONE;
    if (planned && thing)
        return gw_fail(e, GW_EUSAGE, "'%s' is an action and a pod or workload: write action/%s or pod/%s", id,
                       id, id);
    if (thing)
        return explain_thing(a, p, id, b, e);
    int rc = gw_plan_locate(plan, id, &action, e);
    return rc ? rc : explain_action(a, p, plan, action, b, e);
}

int gw_answer_explain(const gw_ask *a, gw_pipeline *p, const char *subject, const gw_plan_setup *setup,
                      const gw_plan *plan, gw_buf *b, gw_error *e)
{
    const char *id = NULL;
    bool sure = false;
    gw_plan made;
    if (!gw_plan_subject(subject, &id, &sure))
        return explain_thing(a, p, subject, b, e);
    if (plan)
        return explain_either(a, p, id, sure, plan, b, e);
    gw_plan_init(&made);
    int rc = gw_plan_setup_make(setup, p, &made, e);
    if (rc == 0)
        rc = explain_either(a, p, id, sure, &made, b, e);
    gw_plan_free(&made);
    return rc;
}
