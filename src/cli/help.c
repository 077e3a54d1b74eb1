/* gpuwise help [VERB], and the short help of a bare command. */
#include "cli/cli.h"

void gw_cli_short_help(const gw_cli *cli, gw_buf *b)
{
    gw_buf_printf(b, "%s tells what a GPU fleet on Kubernetes costs and how much of it is waste.\n\n",
                  cli->program);
    gw_buf_printf(b, "Usage: %s VERB [options]\n\nVerbs:\n", cli->program);
    for (const gw_verb *const *v = gw_verbs; *v; v++)
        gw_buf_printf(b, "  %-12s%s\n", (*v)->command.name, (*v)->command.summary);
    gw_buf_printf(b,
                  "\nTry:\n  %s demo\n  %s report --prometheus http://localhost:9090 --by team\n\n"
                  "'%s VERB --help' tells more of a verb.\n",
                  cli->program, cli->program, cli->program);
}

static int run(gw_cli *cli, gw_error *e)
{
    gw_buf b;
    const gw_verb *v = NULL;
    gw_buf_init(&b, (size_t)1 << 20);
    if (cli->operands.n)
        v = gw_verb_find(cli->operands.items[0]);
    if (cli->operands.n && !v)
        return gw_fail(e, GW_EUSAGE, "there is no verb '%s'; '%s help' lists them", cli->operands.items[0],
                       cli->program);
    if (cli->options.manual)
        gw_manual_write(&b);
    else if (v)
        gw_options_help(&v->command, cli->program, &b);
    else
        gw_cli_short_help(cli, &b);
    int rc = gw_buf_check(&b, "the help page", e);
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
    return rc;
}

static const gw_option_group *const groups[] = {&gw_options_help_page, NULL};

const gw_verb gw_verb_help = {
    {.name = "help",
     .summary = "Help for a verb",
     .operands = "[VERB]",
     .max_operands = 1,
     .operand_words = "report plan explain price mig record demo version completion help",
     .examples = "help report",
     .groups = groups},
    run};
