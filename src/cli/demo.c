/* gpuwise demo: report and plan on the built-in sample fleet, which has every situation that findings speak
 * of. */
#include "cli/cli.h"

static int run(gw_cli *cli, gw_error *e)
{
    cli->options.demo = true;
    cli->options.prometheus = cli->options.snapshot = NULL;
    cli->options.mix_seconds = 1;
    if (cli->options.dir)
        return gw_cli_record(cli, cli->options.dir, e);
    return gw_cli_demo(
        cli, "SAMPLE: a made-up fleet, not yours. Point gpuwise at your own: gpuwise report --prometheus URL",
        e);
}

static const gw_option_group *const groups[] = {&gw_options_demo_verb,
                                                &gw_options_window,
                                                &gw_options_selection,
                                                &gw_options_output,
                                                &gw_options_prices,
                                                &gw_options_thresholds,
                                                NULL};

const gw_verb gw_verb_demo = {
    {.name = "demo",
     .summary = "Report and plan on a built-in sample fleet; needs nothing",
     .text = "The sample fleet is generated from a seed and has one example of everything\n"
             "that gpuwise finds. docs/guide/demo.md says what is in it.",
     .examples = "demo\n"
                 "demo --by team,model -o html > report.html\n"
                 "demo --write ./demo-snapshot",
     .groups = groups},
    run};
