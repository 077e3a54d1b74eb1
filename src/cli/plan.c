/* gpuwise plan: what to change, what it saves, and how near that is to the least there can be. */
#include "cli/cli.h"
#include "present/answer.h"

static int write_plan(gw_cli *cli, gw_pipeline *p, const gw_plan *plan, gw_error *e)
{
    gw_ask ask = gw_cli_ask(cli);
    gw_buf b;
    gw_buf_init(&b, GW_ANSWER_BYTES_MAX);
    int rc = gw_answer_plan(&ask, p, plan, &b, e);
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
    return rc;
}

static int write_export(gw_cli *cli, gw_pipeline *p, const gw_plan *plan, gw_error *e)
{
    gw_ask ask = gw_cli_ask(cli);
    const char *dir = cli->options.export_dir;
    size_t n = gw_plan_chosen(plan);
    gw_export x;
    gw_buf quoted;
    int rc = gw_answer_export(&ask, p, plan, &x, e);
    if (rc == 0)
        rc = gw_export_write(&x, dir, e);
    if (rc)
        return rc;
    gw_buf_init(&quoted, GW_FLAGS_MAX);
    gw_shell_quote(&quoted, dir);
    if (n == 0)
        gw_cli_note(cli, "there is nothing to save, and %s holds no action", dir);
    else
        gw_cli_note(cli, "wrote %zu action%s to %s; see what they come to: %s report %s --with %s", n,
                    n == 1 ? "" : "s", dir, cli->program, p->source_flags,
                    quoted.data && !quoted.failed ? quoted.data : "DIR");
    gw_buf_free(&quoted);
    return 0;
}

static int show(gw_cli *cli, gw_pipeline *p, const gw_plan *plan, gw_error *e)
{
    int rc = cli->options.export_dir ? write_export(cli, p, plan, e) : write_plan(cli, p, plan, e);
    if (rc == 0 && cli->options.strict && p->partial)
        rc = gw_fail(e, GW_EPARTIAL,
                     "a part of the answer is missing (see \"unknowns\"), and --strict was given");
    return rc;
}

static int run(gw_cli *cli, gw_error *e)
{
    gw_plan_setup setup;
    gw_pipeline p;
    gw_plan plan;
    int rc = gw_plan_setup_open(&cli->options, &setup, e);
    if (rc)
        return rc;
    rc = gw_cli_pipeline(cli, &p, e);
    if (rc == 0) {
        gw_plan_init(&plan);
        rc = gw_plan_setup_make(&setup, &p, &plan, e);
        if (rc == 0)
            rc = show(cli, &p, &plan, e);
        gw_plan_free(&plan);
        gw_pipeline_free(&p);
    }
    gw_plan_setup_free(&setup);
    return rc;
}

static const gw_option_group *const groups[] = {&gw_options_plan,
                                                &gw_options_plan_export,
                                                &gw_options_source,
                                                &gw_options_kubernetes,
                                                &gw_options_window,
                                                &gw_options_output_explain,
                                                &gw_options_prices,
                                                &gw_options_thresholds,
                                                &gw_options_demo,
                                                &gw_options_plan_refused,
                                                NULL};

const gw_verb gw_verb_plan = {
    {.name = "plan",
     .summary = "What to change: share, slice, pack, release, and what it saves",
     .text = "Reads what 'report' reads, and changes nothing. Each action is applied to a\n"
             "copy of the fleet, which is priced and booked anew: what it saves is the\n"
             "difference of two bills. A range ends at that difference and begins at the\n"
             "part that length and coverage of the window vouch for. What is not known\n"
             "holds a thing where it is, and is listed. Kinds of actions:\n"
             "\n"
             "  release-node    give back a node that is idle, or that moves can empty\n"
             "  move-cpu-pods   free a GPU node that only pods without GPUs keep alive\n"
             "  mig             cut boards into instances that hardware keeps apart\n"
             "  mps             several pods at once on a board, in equal parts\n"
             "  time-slicing    several pods in turn on a board; memory is not kept apart\n"
             "  replace-nodes   the cheapest mix of instance types for what is left\n"
             "  right-size      requests of CPU, memory and storage that block nodes",
     .examples = "plan --prometheus http://localhost:9090 --window 7d\n"
                 "plan --demo --only release-node,time-slicing --max-risk medium\n"
                 "plan --snapshot ./snapshot --policy headroom.yaml -o json\n"
                 "plan --snapshot ./snapshot --export ./changes\n"
                 "report --snapshot ./snapshot --with ./changes",
     .groups = groups},
    run};
