/* gpuwise review: what a team looks at each week, fortnight and month, from the history. */
#include "operate/review.h"
#include "cli/cli.h"
#include "format/doc.h"
#include "operate/budget.h"
#include "present/render.h"
#include "serve/config.h"

typedef enum review_output { OUTPUT_MD, OUTPUT_HTML, OUTPUT_JSON } review_output;

#define REVIEW_EXTENTS_MAX 3 /* clusters in a message */

static const char *const outputs[] = {"md", "html", "json", NULL};

#define AT(field) offsetof(gw_options, field)

/* Not gw_options_store: a review is of all clusters unless one is named. */
static const gw_option options[] = {
    {.name = "store",
     .kind = GW_OPTION_TEXT,
     .offset = AT(store),
     .value = "URL",
     .help = "Where history is kept: sqlite:FILE or postgres://USER@HOST/DB",
     .initial = "sqlite:gpuwise.db",
     .env = "GPUWISE_STORE"},
    {.name = "cluster",
     .kind = GW_OPTION_TEXT,
     .offset = AT(cluster),
     .value = "NAME",
     .help = "Only this cluster of the history; all unless given"},
    {.name = "from",
     .kind = GW_OPTION_TEXT,
     .offset = AT(from),
     .value = "TIME",
     .help = "Start, a full hour: 2026-11-01 or 2026-11-01T00:00:00Z; the last full period unless given"},
    {.name = "to", .kind = GW_OPTION_TEXT, .offset = AT(to), .value = "TIME", .help = "End, a full hour"},
    {.name = "config",
     .kind = GW_OPTION_TEXT,
     .offset = AT(config_file),
     .value = "FILE",
     .help = "The daemon's configuration: budgets of teams and spot targets are taken from it",
     .env = "GPUWISE_CONFIG",
     .complete = "file"},
    {.name = "output",
     .letter = 'o',
     .kind = GW_OPTION_CHOICE,
     .offset = AT(output),
     .value = "FORMAT",
     .help = "md, html or json",
     .initial = "md",
     .choices = outputs},
    {0}};
static const gw_option_group group = {"Review", options};
static const gw_option_group *const groups[] = {&group, NULL};

/* {0,0} where nothing is said: the last full period. */
static int read_period(const gw_options *o, int64_t now_ms, gw_interval *ret, gw_error *e)
{
    gw_interval when = {0, 0};
    if (!o->from != !o->to)
        return gw_fail(e, GW_EUSAGE,
                       "--from and --to go together; without both, the last full period is reviewed");
    if (!o->from)
        return 0;
    int rc = gw_time_parse(o->from, now_ms, &when.start_ms, e);
    if (rc == 0)
        rc = gw_time_parse(o->to, now_ms, &when.end_ms, e);
    if (rc == 0 && when.start_ms >= when.end_ms)
        return gw_fail(e, GW_EWINDOW, "--from %s is not before --to %s", o->from, o->to);
    if (rc == 0)
        *ret = when;
    return rc;
}

static int write_review(const gw_review *r, int output, gw_error *e)
{
    gw_buf b;
    gw_doc d;
    gw_buf_init(&b, GW_ANSWER_BYTES_MAX);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    int rc =
        output == OUTPUT_JSON ? gw_review_write(r, &d, e) : gw_review_render(r, output == OUTPUT_HTML, &b, e);
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
    return rc;
}

/* Monthly budgets of one team and nothing else: those that a statement can be held against. */
static size_t team_budgets(const gw_serve_config *c, gw_statement_budget *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_budgets; i++) {
        const gw_budget_rule *b = &c->budgets[i];
        if (b->period == GW_BUDGET_MONTHLY && b->n_by == 1 && b->by[0].dim == GW_DIM_TEAM)
            ret[n++] = (gw_statement_budget){b->by[0].value, b->amount};
    }
    return n;
}

/* A file of that name that is not there is what a first try meets: the message says what a review is of. */
static int open_history(gw_cli *cli, gw_store **ret, gw_error *e)
{
    const gw_store_options so = {.url = cli->options.store, .read_only = true};
    int rc = gw_store_open(&so, ret, e);
    if ((rc == GW_EIO || rc == GW_ECONFIG) && e)
        gw_error_prefix(e, "a review is of the history that `gpuwise serve` keeps: give its --store URL");
    return rc;
}

/* Appends to a message that nothing of the period is there what there is; unless that cannot be read. */
static void say_extents(gw_store *s, const char *cluster, gw_error *e)
{
    gw_arena a;
    gw_buf b;
    gw_error ignored;
    const char **names = NULL;
    size_t n = 0, said = 0;
    gw_arena_init(&a, 0);
    gw_buf_init(&b, sizeof(e->message));
    gw_buf_puts(&b, e->message);
    gw_buf_puts(&b, "; it has ");
    bool failed = gw_store_clusters(s, &a, &names, &n, &ignored) != 0;
    for (size_t i = 0; !failed && i < n; i++) {
        char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
        gw_interval when;
        if ((cluster && strcmp(cluster, names[i]) != 0) || gw_store_extent(s, names[i], &when, &ignored) ||
            gw_interval_ms(when) == 0)
            continue;
        if (said++ < REVIEW_EXTENTS_MAX)
            gw_buf_printf(&b, "%s%s from %s to %s", said > 1 ? ", " : "", names[i],
                          gw_time_format(when.start_ms, from), gw_time_format(when.end_ms, to));
    }
    if (said > REVIEW_EXTENTS_MAX)
        gw_buf_printf(&b, ", and %zu more clusters", said - REVIEW_EXTENTS_MAX);
    if (!said)
        gw_buf_printf(&b, "no hours%s%s", cluster ? " of " : " at all", cluster ? cluster : "");
    if (!failed && !b.failed)
        gw_fail(e, GW_ENODATA, "%s", b.data);
    gw_buf_free(&b);
    gw_arena_free(&a);
}

static int review(gw_cli *cli, const gw_serve_config *c, gw_review_options *ro, gw_error *e)
{
    const gw_options *o = &cli->options;
    gw_statement_budget *budgets = gw_calloc(c->n_budgets + 1, sizeof(*budgets));
    gw_store *s = NULL;
    gw_review r;
    if (!budgets)
        return gw_fail_memory(e);
    ro->budgets = budgets;
    ro->n_budgets = team_budgets(c, budgets);
    ro->spot = (gw_spot_targets){c->spot_training, c->spot_inference};
    int rc = open_history(cli, &s, e);
    if (rc == 0) {
        rc = gw_review_make(s, ro, &r, e);
        if (rc == GW_ENODATA && e)
            say_extents(s, o->cluster, e);
    }
    if (rc == 0) {
        rc = write_review(&r, o->output, e);
        gw_review_free(&r);
    }
    gw_store_free(s);
    gw_free(budgets);
    return rc;
}

static int run_with(gw_cli *cli, gw_serve_config *c, gw_error *e)
{
    const gw_options *o = &cli->options;
    char **unused = NULL;
    int n_unused = 0;
    gw_review_options ro = {.kind = gw_review_kind_find(gw_str_of(cli->operands.items[0])),
                            .now_ms = cli->clock(NULL),
                            .cluster = o->cluster};
    if (ro.kind == GW_N_REVIEW_KINDS)
        return gw_fail(e, GW_EUSAGE, "there is no review '%s'; write weekly, biweekly or monthly",
                       cli->operands.items[0]);
    int rc = read_period(o, ro.now_ms, &ro.when, e);
    /* the daemon's options may stand in its file, and are none of ours */
    if (rc == 0 && o->config_file)
        rc = gw_serve_config_read(c, o->config_file, gw_verb_serve.command.groups, 0, NULL, &unused,
                                  &n_unused, e);
    return rc ? rc : review(cli, c, &ro, e);
}

static int run(gw_cli *cli, gw_error *e)
{
    gw_serve_config *c = gw_calloc(1, sizeof(*c));
    if (!c)
        return gw_fail_memory(e);
    gw_serve_config_init(c);
    int rc = run_with(cli, c, e);
    gw_serve_config_free(c);
    gw_free(c);
    return rc;
}

const gw_verb gw_verb_review = {
    {.name = "review",
     .summary = "Weekly, fortnightly and monthly reviews from the history",
     .operands = "weekly|biweekly|monthly",
     .min_operands = 1,
     .max_operands = 1,
     .operand_words = "weekly biweekly monthly",
     .text = "From the history that `gpuwise serve` keeps; reads no Prometheus. weekly: GPU\n"
             "utilisation by namespace, those under 25 % with their owners. biweekly: the ten\n"
             "dearest workloads and what the plan proposes for them. monthly: spot coverage,\n"
             "unit costs, and a statement for each team; they add up to the bill. Hours that\n"
             "are not in the history are named, and nothing is made up for them.",
     .examples = "review weekly --store sqlite:gpuwise.db\n"
                 "review monthly --from 2026-10-01 --to 2026-11-01 -o html > october.html\n"
                 "review biweekly --store postgres://gpuwise@db/costs --cluster prod -o json",
     .groups = groups},
    run};
