/* gpuwise export: what other systems read. Each subject is a function; the rest is where the bytes go. */
#include <errno.h>
#include <unistd.h>

#include "cli/cli.h"
#include "operate/focus.h"
#include "operate/review_period.h"
#include "operate/rules_export.h"
#include "serve/config.h"
#include "store/store.h"

typedef enum format { FORMAT_OBJECT, FORMAT_JSON, FORMAT_RULES } format;

static const char *const formats[] = {"yaml", "json", "rules", NULL};

/* ---- where the bytes go -------------------------------------------------------------------------------- */

/* Standard output, or a file that takes its name when it is whole. */
typedef struct target {
    FILE *file;
    const char *path; /* NULL: standard output */
    char *temporary;
    bool gone; /* the reader went away: no error, and nobody to write for */
} target;

static int fail_write(const target *t, gw_error *e)
{
    return gw_fail(e, GW_EIO, "cannot write to %s: %s", t->path ? t->path : "standard output",
                   strerror(errno));
}

static int target_open(target *t, const char *path, gw_error *e)
{
    *t = (target){.file = stdout, .path = path};
    if (!path)
        return 0;
    size_t n = strlen(path) + sizeof(".part");
    t->temporary = gw_malloc(n);
    if (!t->temporary)
        return gw_fail_memory(e);
    snprintf(t->temporary, n, "%s.part", path);
    t->file = fopen(t->temporary, "wbe");
    if (t->file)
        return 0;
    int rc = fail_write(t, e);
    gw_free(t->temporary);
    return rc;
}

static int target_write(void *ctx, const char *p, size_t n, gw_error *e)
{
    target *t = ctx;
    if (t->gone || n == 0 || fwrite(p, 1, n, t->file) == n)
        return 0;
    t->gone = !t->path && errno == EPIPE;
    return t->gone ? 0 : fail_write(t, e);
}

/* failed: what was written is not wanted. */
static int target_close(target *t, int failed, gw_error *e)
{
    int rc = failed;
    if (!t->path) {
        errno = 0;
        if (fflush(stdout) && errno != EPIPE && !rc && !t->gone)
            rc = fail_write(t, e);
        return rc;
    }
    bool flushed = fflush(t->file) == 0 && fsync(fileno(t->file)) == 0;
    if (!rc && !flushed)
        rc = fail_write(t, e);
    if (fclose(t->file) && !rc)
        rc = fail_write(t, e);
    if (!rc && rename(t->temporary, t->path))
        rc = fail_write(t, e);
    if (rc)
        unlink(t->temporary);
    gw_free(t->temporary);
    return rc;
}

/* ---- rules and dashboard ------------------------------------------------------------------------------- */

/* "key=value", cut in a copy of the arena. */
static int split_pair(gw_arena *a, const char *text, const char *option, const char **key, const char **value,
                      gw_error *e)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return gw_fail(e, GW_EUSAGE, "--%s '%s' is not of the form NAME=VALUE", option, text);
    *key = gw_arena_strndup(a, text, (size_t)(equals - text));
    *value = gw_arena_strdup(a, equals + 1);
    return *key && *value ? 0 : gw_fail_memory(e);
}

static int export_rules(gw_cli *cli, gw_arena *a, gw_buf *b, gw_error *e)
{
    const gw_options *o = &cli->options;
    gw_rules_options ro = gw_rules_options_default();
    ro.plain = o->export_format == FORMAT_RULES;
    ro.json = o->export_format == FORMAT_JSON;
    ro.name = o->object_name;
    ro.ns = o->ns;
    if (o->labels.n > GW_EXPORT_LABELS_MAX)
        return gw_fail(e, GW_EUSAGE, "--label is given %zu times, at most %d", o->labels.n,
                       GW_EXPORT_LABELS_MAX);
    for (size_t i = 0; i < o->labels.n; i++) {
        int rc = split_pair(a, o->labels.items[i], "label", &ro.labels[i].key, &ro.labels[i].value, e);
        if (rc)
            return rc;
        ro.n_labels++;
    }
    return gw_rules_write(&ro, b, e);
}

/* ---- AWS Budgets --------------------------------------------------------------------------------------- */

/* The settings that may stand in a configuration, so that none of them is taken for a mistake. */
static const gw_option_group *const serve_groups[] = {&gw_options_serve,      &gw_options_store,
                                                      &gw_options_source,     &gw_options_kubernetes,
                                                      &gw_options_window,     &gw_options_prices,
                                                      &gw_options_thresholds, &gw_options_plan,
                                                      &gw_options_demo,       NULL};

static int write_budgets(const gw_serve_config *c, gw_cli *cli, gw_arena *a, gw_buf *b, gw_error *e)
{
    const gw_options *o = &cli->options;
    gw_terraform_options to = {.budgets = c->budgets, .n = c->n_budgets};
    if (c->n_budgets == 0)
        return gw_fail(e, GW_ECONFIG, "%s has no budgets to export: add a section 'budgets'", o->config_file);
    if (o->tags.n > GW_EXPORT_TAGS_MAX)
        return gw_fail(e, GW_EUSAGE, "--tag is given %zu times, at most %d", o->tags.n, GW_EXPORT_TAGS_MAX);
    for (size_t i = 0; i < o->tags.n; i++) {
        int rc = split_pair(a, o->tags.items[i], "tag", &to.tags[i].dim, &to.tags[i].tag, e);
        if (rc)
            return rc;
        to.n_tags++;
    }
    return gw_terraform_write(&to, b, e);
}

static int export_aws(gw_cli *cli, gw_arena *a, gw_buf *b, gw_error *e)
{
    gw_serve_config c;
    char **unused = NULL;
    int n_unused = 0;
    if (!cli->options.config_file)
        return gw_fail(e, GW_EUSAGE, "aws-budgets needs the budgets: give --config gpuwise.yaml");
    gw_serve_config_init(&c);
    int rc = gw_serve_config_read(&c, cli->options.config_file, serve_groups, 0, NULL, &unused, &n_unused, e);
    if (!rc)
        rc = write_budgets(&c, cli, a, b, e);
    gw_serve_config_free(&c);
    return rc;
}

/* ---- what the store holds ------------------------------------------------------------------------------ */

/* The last full month, where nothing is said. */
static int read_interval(const gw_options *o, int64_t now_ms, gw_interval *ret, gw_error *e)
{
    if (!o->from != !o->to)
        return gw_fail(e, GW_EUSAGE,
                       "--from and --to go together; without both, the last full month is exported");
    if (!o->from) {
        *ret = (gw_interval){gw_period_month(now_ms, -1), gw_period_month(now_ms, 0)};
        return 0;
    }
    int rc = gw_time_parse(o->from, now_ms, &ret->start_ms, e);
    if (!rc)
        rc = gw_time_parse(o->to, now_ms, &ret->end_ms, e);
    if (!rc && ret->start_ms >= ret->end_ms)
        rc = gw_fail(e, GW_EWINDOW, "--from %s is not before --to %s", o->from, o->to);
    return rc;
}

static int export_focus(gw_cli *cli, gw_store *s, target *t, gw_error *e)
{
    const gw_options *o = &cli->options;
    gw_focus_options fo = {.cluster = o->cluster,
                           .daily = o->daily,
                           .account_id = o->account,
                           .account_name = o->account,
                           .provider = o->provider_name};
    gw_focus_stats stats = {0};
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX], billed[GW_MICRO_TEXT_MAX];
    int64_t now = cli->clock(NULL);
    int rc = read_interval(o, now, &fo.when, e);
    if (!rc && o->corrections_since)
        rc = gw_time_parse(o->corrections_since, now, &fo.corrections_since_ms, e);
    if (!rc)
        rc = gw_focus_write(s, &fo, target_write, t, &stats, e);
    if (rc)
        return rc;
    gw_cli_note(cli, "%" PRIu64 " charges of %s to %s: %s USD", stats.rows,
                gw_time_format(fo.when.start_ms, from), gw_time_format(fo.when.end_ms, to),
                gw_micro_format_human(stats.billed, billed));
    if (stats.unpriced_leaves)
        gw_cli_note(cli,
                    "%.1f GPU hours have no price and so no charge: give prices with --prices to the daemon",
                    (double)stats.unpriced_ms / (double)GW_HOUR_MS);
    return 0;
}

static int export_store(gw_cli *cli, bool focus, target *t, gw_error *e)
{
    const gw_store_options so = {.url = cli->options.store, .read_only = true};
    gw_store *s = NULL;
    int rc = gw_store_open(&so, &s, e);
    if (rc)
        return rc;
    rc = focus ? export_focus(cli, s, t, e) : gw_store_export(s, target_write, t, e);
    gw_store_free(s);
    return rc;
}

/* ---- the verb ------------------------------------------------------------------------------------------ */

static int export_text(gw_cli *cli, const char *subject, target *t, gw_error *e)
{
    gw_arena a;
    gw_buf b;
    int rc;
    gw_arena_init(&a, 0);
    gw_buf_init(&b, GW_EXPORT_BYTES_MAX);
    if (strcmp(subject, "prometheus-rules") == 0)
        rc = export_rules(cli, &a, &b, e);
    else if (strcmp(subject, "grafana") == 0)
        rc = gw_grafana_write(&b, e);
    else
        rc = export_aws(cli, &a, &b, e);
    if (!rc)
        rc = target_write(t, b.data, b.len, e);
    gw_buf_free(&b);
    gw_arena_free(&a);
    return rc;
}

static const char *const subjects[] = {"prometheus-rules", "grafana", "aws-budgets", "focus",
                                       "history",          NULL};

static int export_subject(gw_cli *cli, const char *subject, gw_error *e)
{
    target t;
    const char *const *s = subjects;
    while (*s && strcmp(*s, subject) != 0)
        s++;
    if (!*s) {
        const char *near = gw_nearest(subject, subjects);
        return gw_fail(e, GW_EUSAGE,
                       "there is nothing called '%s' to export%s%s; write one of prometheus-rules, "
                       "grafana, aws-budgets, focus, history",
                       subject, near ? "; did you mean " : "", near ? near : "");
    }
    int rc = target_open(&t, cli->options.export_file, e);
    if (rc)
        return rc;
    if (strcmp(subject, "focus") == 0 || strcmp(subject, "history") == 0)
        rc = export_store(cli, *subject == 'f', &t, e);
    else
        rc = export_text(cli, subject, &t, e);
    return target_close(&t, rc, e);
}

static int run(gw_cli *cli, gw_error *e)
{
    return export_subject(cli, cli->operands.items[0], e);
}

static int run_history(gw_cli *cli, gw_error *e)
{
    return export_subject(cli, "history", e);
}

#define AT(field) offsetof(gw_options, field)

static const gw_option where[] = {
    {.name = "output",
     .kind = GW_OPTION_TEXT,
     .offset = AT(export_file),
     .value = "FILE",
     .help = "Write to FILE, which appears when it is whole; else to standard output",
     .complete = "file"},
    {0}};
static const gw_option_group where_group = {"Output", where};

static const gw_option rules[] = {
    {.name = "format",
     .kind = GW_OPTION_CHOICE,
     .offset = AT(export_format),
     .value = "FORMAT",
     .help = "yaml or json: a PrometheusRule object; rules: a rule file as Prometheus reads it",
     .initial = "yaml",
     .choices = formats},
    {.name = "name",
     .kind = GW_OPTION_TEXT,
     .offset = AT(object_name),
     .value = "NAME",
     .help = "Name of the object"},
    {.name = "namespace",
     .letter = 'n',
     .kind = GW_OPTION_TEXT,
     .offset = AT(ns),
     .value = "NAMESPACE",
     .help = "Namespace of the object"},
    {.name = "label",
     .kind = GW_OPTION_LIST,
     .offset = AT(labels),
     .value = "KEY=VALUE",
     .help = "Label of the object, as the operator's ruleSelector wants it"},
    {0}};
static const gw_option_group rules_group = {"prometheus-rules", rules};

static const gw_option aws[] = {{.name = "config",
                                 .kind = GW_OPTION_TEXT,
                                 .offset = AT(config_file),
                                 .value = "FILE",
                                 .help = "The daemon's configuration, which has the budgets",
                                 .env = "GPUWISE_CONFIG",
                                 .complete = "file"},
                                {.name = "tag",
                                 .kind = GW_OPTION_LIST,
                                 .offset = AT(tags),
                                 .value = "DIMENSION=TAG",
                                 .help = "Cost allocation tag that carries a dimension: team=Team"},
                                {0}};
static const gw_option_group aws_group = {"aws-budgets", aws};

/* Not gw_options_store: an export is of all clusters unless one is named. */
static const gw_option history[] = {{.name = "store",
                                     .kind = GW_OPTION_TEXT,
                                     .offset = AT(store),
                                     .value = "URL",
                                     .help = "Where history is kept: sqlite:FILE or postgres://USER@HOST/DB",
                                     .initial = "sqlite:gpuwise.db",
                                     .env = "GPUWISE_STORE"},
                                    {0}};
static const gw_option_group history_group = {"focus, history", history};
static const gw_option_group history_only = {"History", history};

static const gw_option focus[] = {
    {.name = "cluster",
     .kind = GW_OPTION_TEXT,
     .offset = AT(cluster),
     .value = "NAME",
     .help = "Only this cluster of the history; all unless given"},
    {.name = "from",
     .kind = GW_OPTION_TEXT,
     .offset = AT(from),
     .value = "TIME",
     .help = "Start, a full hour: 2026-11-01 or 2026-11-01T00:00:00Z; the last full month unless given"},
    {.name = "to", .kind = GW_OPTION_TEXT, .offset = AT(to), .value = "TIME", .help = "End, a full hour"},
    {.name = "daily",
     .kind = GW_OPTION_FLAG,
     .offset = AT(daily),
     .help = "One row a charge and day, not hour"},
    {.name = "corrections-since",
     .kind = GW_OPTION_TEXT,
     .offset = AT(corrections_since),
     .value = "TIME",
     .help = "Also what changed since then in hours before the interval"},
    {.name = "account",
     .kind = GW_OPTION_TEXT,
     .offset = AT(account),
     .value = "ID",
     .help = "BillingAccountId and BillingAccountName"},
    {.name = "provider",
     .kind = GW_OPTION_TEXT,
     .offset = AT(provider_name),
     .value = "NAME",
     .help = "ProviderName where the instance type does not tell"},
    {0}};
static const gw_option_group focus_group = {"focus", focus};

static const gw_option_group *const groups[] = {&where_group,   &rules_group, &aws_group,
                                                &history_group, &focus_group, NULL};
static const gw_option_group *const history_groups[] = {&where_group, &history_only, NULL};

const gw_verb gw_verb_export = {
    {.name = "export",
     .summary = "Prometheus rules, a Grafana dashboard, AWS Budgets, FOCUS, history",
     .operands = "SUBJECT",
     .min_operands = 1,
     .max_operands = 1,
     .operand_words = "prometheus-rules grafana aws-budgets focus history",
     .text = "SUBJECT is one of\n"
             "  prometheus-rules  recording and alerting rules over the daemon's /metrics\n"
             "  grafana           a dashboard over the same, for Grafana 10 and later\n"
             "  aws-budgets       the configured budgets as Terraform for AWS Budgets\n"
             "  focus             the books as FOCUS 1.2 (CSV), from the history\n"
             "  history           the whole history as lines of JSON: a backup, for gpuwise import",
     .examples = "export prometheus-rules --label release=prometheus | kubectl apply -f -\n"
                 "export grafana --output dashboard.json\n"
                 "export aws-budgets --config gpuwise.yaml --tag team=Team > budgets.tf\n"
                 "export focus --from 2026-10-01 --to 2026-11-01 --output october.csv\n"
                 "export history --store sqlite:gpuwise.db --output backup.jsonl",
     .groups = groups},
    run};

const gw_verb gw_verb_export_history = {
    {.name = "export-history",
     .summary = "The whole history as lines of JSON: a backup; as export history",
     .groups = history_groups,
     .examples = "export-history --store sqlite:gpuwise.db --output backup.jsonl"},
    run_history};
