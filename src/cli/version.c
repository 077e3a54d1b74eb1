/* gpuwise version */
#include "cli/cli.h"
#include "format/doc.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static int run(gw_cli *cli, gw_error *e)
{
    gw_buf b;
    int rc = 0;
    gw_buf_init(&b, 4096);
    if (cli->options.output == GW_OUTPUT_JSON || cli->options.output == GW_OUTPUT_YAML) {
        gw_doc d;
        gw_doc_init(&d, cli->options.output == GW_OUTPUT_JSON ? GW_DOC_JSON : GW_DOC_YAML, &b);
        gw_doc_object(&d, NULL);
        gw_doc_text(&d, "apiVersion", "gpuwise/v1");
        gw_doc_text(&d, "kind", "Version");
        gw_doc_text(&d, "version", GW_VERSION);
        gw_doc_text(&d, "compiler", COMPILER);
        gw_doc_end(&d);
        rc = gw_doc_finish(&d, e);
    } else {
        gw_buf_puts(&b, "gpuwise " GW_VERSION "\n");
        rc = gw_buf_check(&b, "the output", e);
    }
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
    return rc;
}

static const gw_option_group *const groups[] = {&gw_options_output_version, NULL};

const gw_verb gw_verb_version = {
    {.name = "version", .summary = "Print the version", .examples = "version -o json", .groups = groups},
    run};
