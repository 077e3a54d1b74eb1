/* gpuwise record: what the source and the cluster say, as a directory that --snapshot reads. */
#include "cli/cli.h"
#include "observe/snapshot.h"
#include "present/pipeline.h"

int gw_cli_record(gw_cli *cli, const char *dir, gw_error *e)
{
    gw_cli_progress progress;
    gw_pipeline p;
    gw_source_stats stats = {0};
    gw_pipeline_env env = {.env = cli->env, .env_ctx = cli->env_ctx, .clock = cli->clock, .rules = true};
    gw_pipeline_init(&p);
    int rc = gw_pipeline_open(&p, &cli->options, &env, e);
    if (rc == 0) {
        gw_record_options o = {.dir = dir,
                               .overwrite = cli->options.overwrite,
                               .anonymize = cli->options.anonymize,
                               .anonymize_keep = cli->options.keep.n ? cli->options.keep.items : NULL,
                               .window = p.window,
                               .clock = cli->clock,
                               .progress = gw_cli_progress_show,
                               .progress_ctx = &progress};
        gw_cli_progress_begin(&progress, cli);
        rc = gw_record(&p.source, p.kube, &o, &stats, e);
        gw_cli_progress_end(&progress);
    }
    const char *unseen = p.kube ? gw_kube_missing(p.kube) : NULL;
    if (rc == 0)
        rc = gw_pipeline_take_warnings(&p, e);
    for (size_t i = 0; rc == 0 && i < p.n_notes; i++)
        gw_cli_note(cli, "%s", p.notes[i]);
    if (rc == 0 && unseen) {
        gw_cli_note(cli, "Kubernetes did not show everything: %s", unseen);
        p.partial = true;
    }
    if (rc == 0)
        gw_cli_note(cli,
                    "wrote %" PRIu64 " samples of %" PRIu64
                    " series to %s; read them with: %s report --snapshot %s",
                    stats.samples, stats.series, dir, cli->program, dir);
    if (rc == 0 && cli->options.strict && p.partial)
        rc = gw_fail(e, GW_EPARTIAL, "a part of the recording is missing, and --strict was given");
    gw_pipeline_free(&p);
    return rc;
}

static int run(gw_cli *cli, gw_error *e)
{
    return gw_cli_record(cli, cli->operands.items[0], e);
}

static const gw_option strict[] = {{.name = "strict",
                                    .kind = GW_OPTION_FLAG,
                                    .offset = offsetof(gw_options, strict),
                                    .help = "Exit with 13 when a part is missing",
                                    .env = "GPUWISE_STRICT"},
                                   {0}};
static const gw_option_group strict_group = {"Result", strict};
static const gw_option_group *const groups[] = {&gw_options_source,
                                                &gw_options_kubernetes,
                                                &gw_options_window,
                                                &gw_options_record,
                                                &strict_group,
                                                &gw_options_demo,
                                                NULL};

const gw_verb gw_verb_record = {
    {.name = "record",
     .summary = "Write what source and cluster say to a directory, for --snapshot",
     .operands = "DIR",
     .min_operands = 1,
     .max_operands = 1,
     .operand_words = "dir",
     .text = "For analysis without a network and for bug reports. DIR gets the samples as\n"
             "metrics-NNNN.om.gz (OpenMetrics, one file for 6 hours or less) and the\n"
             "Kubernetes lists as JSON. With --anonymize every name is replaced, the same\n"
             "name by the same name.",
     .examples = "record ./snapshot --prometheus http://localhost:9090 --window 7d\n"
                 "record ./for-a-bug-report --window 6h --anonymize --keep environment",
     .groups = groups},
    run};
