/* gpuwise report: what the GPUs cost, who spends it, how much is wasted, why, and what is not known. */
#include <errno.h>
#include <sys/stat.h>

#include "cli/plan.h"

/* Texts that only grouping understands (--by, --sort-by, -l) are tried before minutes of reading. */
static int check_texts(const gw_cli_options *o, gw_error *e)
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

int gw_cli_pipeline(gw_cli *cli, gw_pipeline *p, gw_error *e)
{
    gw_cli_progress progress;
    gw_pipeline_env env = {.env = cli->env,
                           .env_ctx = cli->env_ctx,
                           .clock = cli->clock,
                           .progress = gw_cli_progress_show,
                           .progress_ctx = &progress};
    int rc = check_texts(&cli->options, e);
    if (rc)
        return rc;
    gw_pipeline_init(p);
    gw_cli_progress_begin(&progress, cli);
    rc = gw_pipeline_open(p, &cli->options, &env, e);
    if (rc == 0)
        rc = gw_pipeline_run(p, &cli->options, &env, e);
    gw_cli_progress_end(&progress);
    /* a failure speaks alone */
    for (size_t i = 0; rc == 0 && i < p->n_notes; i++)
        gw_cli_note(cli, "%s", p->notes[i]);
    if (rc)
        gw_pipeline_free(p);
    return rc;
}

/* A namespace that nobody knows is a slip of the pen more often than an empty one. */
static int check_namespace(const gw_cli_options *o, const gw_pipeline *p, const gw_report *r, gw_error *e)
{
    char names[300] = "";
    size_t n = 0;
    if (!o->ns || r->n_rows)
        return 0;
    gw_report all;
    gw_cli_options every = *o;
    every.ns = every.selector = NULL;
    int rc = gw_pipeline_report((gw_pipeline *)(uintptr_t)p, &every, "namespace", &all, e);
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

/* how: what is said around the report; the rest of it is filled in. */
static int write_report(gw_cli *cli, gw_pipeline *p, gw_render how, gw_error *e)
{
    const gw_cli_options *o = &cli->options;
    how.program = cli->program;
    how.source_flags = p->source_flags;
    how.colour = cli->colour;
    how.columns = cli->columns;
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
        gw_buf b;
        gw_buf_init(&b, GW_OUTPUT_BYTES_MAX);
        how.teams = by_team ? &teams : NULL;
        rc = gw_render_report(&r, (gw_output)o->output, &how, &b, e);
        if (rc == 0)
            rc = gw_cli_write(&b, e);
        gw_buf_free(&b);
        if (by_team)
            gw_report_free(&teams);
    }
    gw_report_free(&r);
    return rc;
}

static int finish(const gw_cli *cli, const gw_pipeline *p, gw_error *e)
{
    if (cli->options.strict && p->partial)
        return gw_fail(e, GW_EPARTIAL,
                       "a part of the answer is missing (see \"unknowns\"), and --strict was given");
    return 0;
}

int gw_cli_demo(gw_cli *cli, const char *banner, gw_error *e)
{
    const gw_cli_options *o = &cli->options;
    /* the plan is of the whole fleet, and for people */
    bool planned = o->output == GW_OUTPUT_TABLE && !o->ns && !o->selector;
    gw_plan_setup setup = {0};
    gw_pipeline p;
    gw_plan plan;
    int rc = gw_cli_pipeline(cli, &p, e);
    if (rc)
        return rc;
    gw_plan_init(&plan);
    if (planned)
        rc = gw_plan_setup_open(o, &setup, e);
    if (rc == 0 && planned)
        rc = gw_plan_setup_make(&setup, &p, &plan, e);
    if (rc == 0)
        rc = write_report(cli, &p, (gw_render){.banner = banner, .plan = planned ? &plan : NULL}, e);
    if (rc == 0)
        rc = finish(cli, &p, e);
    gw_plan_free(&plan);
    gw_plan_setup_free(&setup);
    gw_pipeline_free(&p);
    return rc;
}

/* Takes the actions of --with as done, and says so above everything. */
static int apply(const gw_cli *cli, gw_pipeline *p, gw_render *how, gw_error *e)
{
    const char *dir = cli->options.with_dir;
    size_t n = 0;
    if (!dir)
        return 0;
    int rc = gw_pipeline_with(p, &cli->options, dir, &n, e);
    if (rc)
        return rc;
    how->as_if = dir;
    how->as_if_actions = n;
    how->banner =
        gw_arena_printf(&p->arena, "AS IF the %zu action%s in %s had been taken", n, n == 1 ? "" : "s", dir);
    return how->banner ? 0 : gw_fail_memory(e);
}

static int run(gw_cli *cli, gw_error *e)
{
    const char *dir = cli->options.with_dir;
    gw_pipeline p;
    gw_render how = {0};
    struct stat st;
    /* a slip of the pen is told before minutes of reading */
    if (dir && stat(dir, &st))
        return gw_fail(e, GW_EIO, "--with: cannot read '%s': %s", dir, strerror(errno));
    int rc = gw_cli_pipeline(cli, &p, e);
    if (rc)
        return rc;
    rc = apply(cli, &p, &how, e);
    if (rc == 0)
        rc = write_report(cli, &p, how, e);
    if (rc == 0)
        rc = finish(cli, &p, e);
    gw_pipeline_free(&p);
    return rc;
}

static const gw_option_group *const groups[] = {
    &gw_options_source, &gw_options_kubernetes, &gw_options_window, &gw_options_selection, &gw_options_output,
    &gw_options_prices, &gw_options_thresholds, &gw_options_with,   &gw_options_demo,      NULL};

const gw_verb gw_verb_report = {
    {.name = "report",
     .summary = "What the GPUs cost, who spends it, how much is waste and unknown",
     .text = "Reads GPU telemetry from Prometheus or a snapshot, and what exists from the\n"
             "Kubernetes API. Nothing is written to either. Unknown is never zero: what no\n"
             "sample or price list says is shown as a dash, and as null in -o json.",
     .examples = "report --prometheus http://localhost:9090\n"
                 "report --window 7d --by team,model\n"
                 "report --snapshot ./snapshot -n avatar --by pod -o wide\n"
                 "report --demo -o html > report.html\n"
                 "report --snapshot ./snapshot --with ./changes",
     .groups = groups},
    run};
