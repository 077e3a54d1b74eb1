/* gpuwise report: what the GPUs cost, who spends it, how much is wasted, why, and what is not known. */
#include <errno.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "present/answer.h"

int gw_cli_pipeline(gw_cli *cli, gw_pipeline *p, gw_error *e)
{
    gw_cli_progress progress;
    gw_pipeline_env env = {.env = cli->env,
                           .env_ctx = cli->env_ctx,
                           .clock = cli->clock,
                           .progress = gw_cli_progress_show,
                           .progress_ctx = &progress};
    int rc = gw_ask_check(&cli->options, e);
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

/* how: what is said around the report. */
static int write_report(gw_cli *cli, gw_pipeline *p, gw_render how, gw_error *e)
{
    gw_ask ask = gw_cli_ask(cli);
    gw_buf b;
    gw_buf_init(&b, GW_ANSWER_BYTES_MAX);
    int rc = gw_answer_report(&ask, p, how, &b, e);
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
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
    const gw_options *o = &cli->options;
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
