/* gpuwise plan: what to change, what it saves, and how near that is to the least there can be. */
#include "cli/plan.h"

#include <errno.h>

#include "act/export.h"

#define POLICY_BYTES_MAX ((size_t)16 << 20)
#define PRODUCT          "gpuwise " GW_VERSION

/* ---- what the options say ------------------------------------------------------------------------------ */

static int read_file(const char *path, gw_buf *b, gw_error *e)
{
    char block[16384];
    size_t n;
    FILE *f = fopen(path, "re");
    if (!f)
        return gw_fail(e, GW_EIO, "--policy: cannot read '%s': %s", path, strerror(errno));
    errno = 0;
    while (!b->failed && (n = fread(block, 1, sizeof(block), f)) > 0)
        gw_buf_add(b, block, n);
    int rc = ferror(f) ? gw_fail(e, GW_EIO, "--policy: cannot read '%s': %s", path, strerror(errno))
                       : gw_buf_check(b, path, e);
    fclose(f);
    return rc;
}

static int add_policy(gw_policy *p, const char *path, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, POLICY_BYTES_MAX);
    int rc = read_file(path, &b, e);
    if (rc == 0)
        rc = gw_policy_add_text(p, path, (gw_str){b.data ? b.data : "", b.len}, e);
    gw_buf_free(&b);
    return rc;
}

static int fail_kind(gw_str given, gw_error *e)
{
    char list[256];
    size_t n = 0;
    for (int k = 0; k < GW_N_ACTION_KINDS && n < sizeof(list); k++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", k ? ", " : "",
                              gw_action_kind_name((gw_action_kind)k));
    return gw_fail(e, GW_EUSAGE, "--only: '%.*s' is none of %s", (int)GW_MIN(given.n, (size_t)100), given.p,
                   list);
}

static int parse_kinds(const gw_option_list *only, unsigned *ret, gw_error *e)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < only->n; i++) {
        for (const char *s = only->items[i];;) {
            gw_str one = {s, strcspn(s, ",")};
            gw_action_kind k = gw_action_kind_find(one);
            if (k == GW_N_ACTION_KINDS)
                return fail_kind(one, e);
            kinds |= 1u << k;
            if (!s[one.n])
                break;
            s += one.n + 1;
        }
    }
    *ret = kinds;
    return 0;
}

static int fill_policy(gw_policy *p, const gw_cli_options *o, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->policies.n; i++)
        rc = add_policy(p, o->policies.items[i], e);
    for (size_t i = 0; rc == 0 && i < o->exclude.n; i++) {
        rc = gw_policy_add_selector(p, o->exclude.items[i], true, false, e);
        if (rc)
            gw_error_prefix(e, "--exclude");
    }
    for (size_t i = 0; rc == 0 && i < o->pin.n; i++) {
        rc = gw_policy_add_selector(p, o->pin.items[i], false, true, e);
        if (rc)
            gw_error_prefix(e, "--pin");
    }
    return rc ? rc : gw_policy_set_headroom(p, o->compute_headroom, o->memory_headroom, e);
}

int gw_plan_setup_open(const gw_cli_options *o, gw_plan_setup *ret, gw_error *e)
{
    gw_plan_setup s = {.options = {.min_saving = o->min_saving,
                                   .max_risk = (gw_risk)o->max_risk,
                                   .max_risk_set = true,
                                   .mix_budget_ms = o->mix_seconds * GW_SECOND_MS}};
    int rc = parse_kinds(&o->only, &s.options.kinds, e);
    if (rc == 0)
        rc = gw_policy_new(&s.policy, e);
    if (rc)
        return rc;
    rc = fill_policy(s.policy, o, e);
    if (rc)
        gw_plan_setup_free(&s);
    else
        *ret = s;
    return rc;
}

void gw_plan_setup_free(gw_plan_setup *s)
{
    gw_policy_free(s->policy);
    *s = (gw_plan_setup){0};
}

int gw_plan_setup_make(const gw_plan_setup *s, const gw_pipeline *p, gw_plan *ret, gw_error *e)
{
    const gw_planner_input in = {.fleet = &p->fleet,
                                 .usage = &p->usage,
                                 .prices = p->prices,
                                 .book = &p->book,
                                 .ledger = &p->ledger,
                                 .ownership = &p->ownership,
                                 .policy = s->policy,
                                 .pod_class = p->pod_class};
    return gw_plan_make(&in, &s->options, ret, e);
}

/* ---- showing it ---------------------------------------------------------------------------------------- */

/* The options that make the same plan again. */
static int plan_flags(const gw_cli *cli, gw_pipeline *p, const char **ret, gw_error *e)
{
    static const gw_option_group *const groups[] = {&gw_options_plan, NULL};
    const char *own;
    int rc = gw_cli_flags(&cli->options, groups, &p->arena, &own, e);
    if (rc)
        return rc;
    *ret = gw_arena_printf(&p->arena, "%s%s%s", p->source_flags, *own ? " " : "", own);
    return *ret ? 0 : gw_fail_memory(e);
}

/* The present, which a plan is shown against. To be freed with gw_report_free. */
static int open_view(gw_cli *cli, gw_pipeline *p, const gw_plan *plan, gw_report *r, gw_plan_view *ret,
                     gw_error *e)
{
    const char *flags;
    int rc = plan_flags(cli, p, &flags, e);
    if (rc == 0)
        rc = gw_pipeline_report(p, &cli->options, "namespace", r, e);
    if (rc)
        return rc;
    *ret = (gw_plan_view){.plan = plan,
                          .report = r,
                          .program = cli->program,
                          .flags = flags,
                          .source_flags = p->source_flags,
                          .colour = cli->colour,
                          .columns = cli->columns};
    return 0;
}

static int write_plan(gw_cli *cli, const gw_plan_view *v, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, GW_OUTPUT_BYTES_MAX);
    int rc = gw_plan_render(v, (gw_output)cli->options.output, &b, e);
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
    return rc;
}

/* What to export, with the command that a README names. */
static int open_export(gw_pipeline *p, const gw_plan_view *v, gw_export *ret, gw_error *e)
{
    *ret =
        (gw_export){.fleet = &p->fleet,
                    .plan = v->plan,
                    .prices = &p->book,
                    .product = PRODUCT,
                    .command = gw_arena_printf(&p->arena, "%s plan %s --export DIR", v->program, v->flags)};
    return ret->command ? 0 : gw_fail_memory(e);
}

static int write_export(gw_cli *cli, gw_pipeline *p, const gw_plan_view *v, gw_error *e)
{
    const char *dir = cli->options.export_dir;
    size_t n = gw_plan_chosen(v->plan);
    gw_export x;
    gw_buf quoted;
    int rc = open_export(p, v, &x, e);
    if (rc == 0)
        rc = gw_export_write(&x, dir, e);
    if (rc)
        return rc;
    gw_buf_init(&quoted, GW_CLI_FLAGS_MAX);
    gw_cli_quote(&quoted, dir);
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
    gw_report r;
    gw_plan_view v;
    int rc = open_view(cli, p, plan, &r, &v, e);
    if (rc)
        return rc;
    rc = cli->options.export_dir ? write_export(cli, p, &v, e) : write_plan(cli, &v, e);
    gw_report_free(&r);
    if (rc == 0 && cli->options.strict && p->partial)
        rc = gw_fail(e, GW_EPARTIAL,
                     "a part of the answer is missing (see \"unknowns\"), and --strict was given");
    return rc;
}

/* ---- explaining an action ------------------------------------------------------------------------------ */

bool gw_plan_subject(const char *subject, const char **ret, bool *ret_sure)
{
    static const char word[] = "action/";
    const char *slash = strchr(subject, '/');
    bool sure = gw_has_prefix(subject, word);
    if (!slash || !slash[1])
        return false;
    if (!sure && gw_action_kind_find((gw_str){subject, (size_t)(slash - subject)}) == GW_N_ACTION_KINDS)
        return false;
    *ret = sure ? subject + strlen(word) : subject;
    *ret_sure = sure;
    return true;
}

int gw_plan_locate(const gw_plan *p, const char *id, uint32_t *ret, gw_error *e)
{
    uint32_t i = gw_plan_find(p, id);
    if (i != GW_NONE) {
        *ret = i;
        return 0;
    }
    const char **ids = gw_calloc(p->n_actions + 1, sizeof(*ids));
    if (!ids)
        return gw_fail_memory(e);
    for (size_t k = 0; k < p->n_actions; k++)
        ids[k] = p->actions[k].id;
    const char *nearest = gw_nearest(id, ids);
    gw_free(ids);
    return gw_fail(e, GW_ENOTFOUND,
                   "the plan has no action '%.100s'%s%.100s%s; 'plan' with the same options lists them", id,
                   nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* The paths that the action's export holds; where it has none, one text that says why. */
static int list_files(gw_pipeline *p, const gw_plan_view *v, uint32_t action, const char *const **ret,
                      size_t *ret_n, gw_error *e)
{
    gw_export x;
    gw_files files = {0};
    gw_error why = {0};
    int rc = open_export(p, v, &x, e);
    if (rc)
        return rc;
    rc = gw_export_action(&x, action, &p->arena, &files, &why);
    const char **paths = rc == GW_ENOMEM ? NULL : GW_NEW_ARRAY(&p->arena, const char *, files.n + 1);
    if (!paths)
        return gw_fail_memory(e);
    for (size_t i = 0; rc == 0 && i < files.n; i++)
        paths[i] = files.items[i].path;
    if (rc && !(paths[0] = gw_arena_printf(&p->arena, "none: %s", why.message)))
        return gw_fail_memory(e);
    *ret = paths;
    *ret_n = rc ? 1 : files.n;
    return 0;
}

static int write_text(gw_cli *cli, gw_pipeline *p, const gw_plan_view *v, uint32_t action, gw_buf *b,
                      gw_error *e)
{
    const char *const *files = NULL;
    size_t n = 0;
    gw_explanation x;
    int rc = list_files(p, v, action, &files, &n, e);
    if (rc)
        return rc;
    gw_explanation_init(&x);
    gw_plan_explain(v, action, files, n, &x);
    if (x.failed == GW_ENOMEM)
        rc = gw_fail_memory(e);
    else if (x.failed)
        rc = gw_fail(e, x.failed, "the action is too large to explain; -o json has it");
    else
        rc = gw_explanation_write(&x, p, (gw_output)cli->options.output, cli->colour, b, e);
    gw_explanation_free(&x);
    return rc;
}

int gw_plan_explain_write(gw_cli *cli, gw_pipeline *p, const gw_plan *plan, uint32_t action, gw_buf *b,
                          gw_error *e)
{
    gw_output output = (gw_output)cli->options.output;
    gw_report r;
    gw_plan_view v;
    int rc = open_view(cli, p, plan, &r, &v, e);
    if (rc)
        return rc;
    if (output == GW_OUTPUT_JSON || output == GW_OUTPUT_YAML)
        rc = gw_plan_render_action(&v, action, output == GW_OUTPUT_JSON ? GW_DOC_JSON : GW_DOC_YAML, b, e);
    else
        rc = write_text(cli, p, &v, action, b, e);
    gw_report_free(&r);
    return rc;
}

/* ---- the verb ------------------------------------------------------------------------------------------ */

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
