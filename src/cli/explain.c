/* gpuwise explain SUBJECT: how a number came about. */
#include "cli/cli.h"
#include "present/answer.h"

static int run(gw_cli *cli, gw_error *e)
{
    gw_ask ask = gw_cli_ask(cli);
    const char *subject = cli->operands.items[0], *id = NULL;
    bool sure = false, action = gw_plan_subject(subject, &id, &sure);
    gw_plan_setup setup = {0};
    gw_pipeline p;
    gw_buf b;
    int rc = action ? gw_plan_setup_open(&cli->options, &setup, e) : 0;
    if (rc)
        return rc;
    rc = gw_cli_pipeline(cli, &p, e);
    if (rc) {
        gw_plan_setup_free(&setup);
        return rc;
    }
    gw_buf_init(&b, GW_ANSWER_BYTES_MAX);
    rc = gw_answer_explain(&ask, &p, subject, &setup, NULL, &b, e);
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    if (rc == 0 && cli->options.strict && p.partial)
        rc = gw_fail(e, GW_EPARTIAL, "a part of the answer is missing, and --strict was given");
    gw_buf_free(&b);
    gw_pipeline_free(&p);
    gw_plan_setup_free(&setup);
    return rc;
}

static const gw_option_group *const groups[] = {
    &gw_options_source,         &gw_options_kubernetes, &gw_options_window,
    &gw_options_output_explain, &gw_options_prices,     &gw_options_thresholds,
    &gw_options_plan,           &gw_options_demo,       NULL};

const gw_verb gw_verb_explain = {
    {.name = "explain",
     .summary = "How a number came about: samples, windows, price, formula",
     .operands = "SUBJECT",
     .min_operands = 1,
     .max_operands = 1,
     .text = "SUBJECT is a pod, node, GPU (a beginning of its UUID), workload, namespace,\n"
             "the rule of a finding, or an action that 'plan' lists, for which the options of\n"
             "the plan count too; NAMESPACE/NAME where a name is not unique, and KIND/...\n"
             "(pod/, node/, gpu/, workload/, namespace/, finding/, action/) to be exact.",
     .examples = "explain avatar/chat-0 --prometheus http://localhost:9090\n"
                 "explain idle-gpu --demo\n"
                 "explain release-node/gpu-7 --snapshot ./snapshot\n"
                 "explain namespace/avatar --snapshot ./snapshot -o json",
     .groups = groups},
    run};
