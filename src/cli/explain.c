/* gpuwise explain SUBJECT: finds what is meant. */
#include "cli/explain.h"

#include "cli/plan.h"

#define CANDIDATES_MAX    64
#define UUID_PREFIX_LEAST 4

typedef enum kind {
    KIND_ANY,
    KIND_FINDING,
    KIND_POD,
    KIND_NODE,
    KIND_GPU,
    KIND_WORKLOAD,
    KIND_NAMESPACE
} kind;

static const struct {
    const char *word;
    kind kind;
} kinds[] = {{"finding", KIND_FINDING},
             {"rule", KIND_FINDING},
             {"pod", KIND_POD},
             {"po", KIND_POD},
             {"node", KIND_NODE},
             {"no", KIND_NODE},
             {"gpu", KIND_GPU},
             {"workload", KIND_WORKLOAD},
             {"deployment", KIND_WORKLOAD},
             {"deploy", KIND_WORKLOAD},
             {"statefulset", KIND_WORKLOAD},
             {"sts", KIND_WORKLOAD},
             {"daemonset", KIND_WORKLOAD},
             {"ds", KIND_WORKLOAD},
             {"job", KIND_WORKLOAD},
             {"namespace", KIND_NAMESPACE},
             {"ns", KIND_NAMESPACE}};

/* What the subject turned out to be. */
typedef struct target {
    kind kind;
    uint32_t index;        /* pod, node, GPU */
    const char *ns, *name; /* workload, namespace, rule */
    size_t matches;
} target;

static void meet(target *t, target found)
{
    size_t n = t->matches + 1;
    if (t->matches == 0)
        *t = found;
    t->matches = n;
}

/* "NS/NAME" or "NAME" against a namespace and a name. */
static bool names(gw_str s, const char *ns, const char *name)
{
    const char *slash = memchr(s.p, '/', s.n);
    if (!slash)
        return gw_str_is(s, name);
    size_t at = (size_t)(slash - s.p);
    return gw_str_is((gw_str){s.p, at}, ns) && gw_str_is((gw_str){slash + 1, s.n - at - 1}, name);
}

static void find_pod(const gw_pipeline *p, gw_str s, target *t)
{
    for (uint32_t i = 0; i < p->fleet.n_pods; i++) {
        if (names(s, p->fleet.pods[i].ns, p->fleet.pods[i].name))
            meet(t, (target){.kind = KIND_POD, .index = i});
    }
}

static void find_workload(const gw_pipeline *p, gw_str s, target *t)
{
    for (uint32_t i = 0; i < p->fleet.n_pods; i++) {
        const gw_pod *d = &p->fleet.pods[i];
        if (!d->workload_name || !names(s, d->ns, d->workload_name))
            continue;
        if (t->matches && t->kind == KIND_WORKLOAD && gw_eq(t->ns, d->ns) && gw_eq(t->name, d->workload_name))
            continue;
        meet(t, (target){.kind = KIND_WORKLOAD, .ns = d->ns, .name = d->workload_name});
    }
}

static void find_gpu(const gw_pipeline *p, gw_str s, target *t)
{
    for (uint32_t i = 0; i < p->fleet.n_gpus; i++) {
        const char *uuid = p->fleet.gpus[i].uuid;
        gw_str bare = s;
        if (gw_has_prefix(uuid, "GPU-") && !(s.n >= 4 && memcmp(s.p, "GPU-", 4) == 0))
            uuid += 4;
        if (bare.n >= UUID_PREFIX_LEAST && strlen(uuid) >= bare.n && memcmp(uuid, bare.p, bare.n) == 0)
            meet(t, (target){.kind = KIND_GPU, .index = i});
    }
}

static void find_other(const gw_pipeline *p, kind k, gw_str s, target *t)
{
    if (k == KIND_NODE) {
        for (uint32_t i = 0; i < p->fleet.n_nodes; i++) {
            if (gw_str_is(s, p->fleet.nodes[i].name))
                meet(t, (target){.kind = k, .index = i});
        }
    } else if (k == KIND_FINDING) {
        for (const char *const *r = gw_rule_names(); *r; r++) {
            if (gw_str_is(s, *r))
                meet(t, (target){.kind = k, .name = *r});
        }
    } else {
        for (uint32_t i = 0; i < p->fleet.n_pods && t->matches == 0; i++) {
            if (gw_str_is(s, p->fleet.pods[i].ns))
                meet(t, (target){.kind = k, .ns = p->fleet.pods[i].ns});
        }
    }
}

static void find(const gw_pipeline *p, kind k, gw_str s, target *t)
{
    switch (k) {
    case KIND_POD:
        find_pod(p, s, t);
        break;
    case KIND_WORKLOAD:
        find_workload(p, s, t);
        break;
    case KIND_GPU:
        find_gpu(p, s, t);
        break;
    default:
        find_other(p, k, s, t);
        break;
    }
}

static int fail_missing(const gw_pipeline *p, const char *subject, gw_error *e)
{
    const char *words[4096];
    size_t n = 0;
    for (const char *const *r = gw_rule_names(); *r && n < GW_COUNT(words) - 1; r++)
        words[n++] = *r;
    for (size_t i = 0; i < p->fleet.n_nodes && n < GW_COUNT(words) / 2; i++)
        words[n++] = p->fleet.nodes[i].name;
    for (size_t i = 0; i < p->fleet.n_pods && n < GW_COUNT(words) - 4; i++) {
        const gw_pod *d = &p->fleet.pods[i];
        words[n++] = d->name;
        words[n++] = d->ns;
        if (d->workload_name)
            words[n++] = d->workload_name;
    }
    words[n] = NULL;
    const char *nearest = gw_nearest(subject, words);
    return gw_fail(e, GW_ENOTFOUND,
                   "no pod, node, GPU, workload, namespace or finding '%.100s' in the window%s%s%s", subject,
                   nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static int locate(const gw_pipeline *p, const char *subject, target *t, gw_error *e)
{
    static const kind order[] = {KIND_FINDING, KIND_POD, KIND_NODE, KIND_GPU, KIND_WORKLOAD, KIND_NAMESPACE};
    const char *slash = strchr(subject, '/');
    *t = (target){0};
    if (strcmp(subject, GW_KEY_IDLE) == 0) /* a row of the report that somebody copied */
        subject = GW_RULE_IDLE_GPU;
    for (size_t i = 0; slash && i < GW_COUNT(kinds) && t->matches == 0; i++) {
        if (gw_str_is((gw_str){subject, (size_t)(slash - subject)}, kinds[i].word))
            find(p, kinds[i].kind, gw_str_of(slash + 1), t);
    }
    for (size_t i = 0; i < GW_COUNT(order) && t->matches == 0; i++)
        find(p, order[i], gw_str_of(subject), t);
    if (t->matches == 0)
        return fail_missing(p, subject, e);
    if (t->matches > 1 && t->kind == KIND_GPU)
        return gw_fail(e, GW_EUSAGE, "%zu GPUs begin with '%s'; give more of the UUID", t->matches, subject);
    if (t->matches > 1)
        return gw_fail(e, GW_EUSAGE, "'%s' is in %zu namespaces; write NAMESPACE/NAME", subject, t->matches);
    return 0;
}

static void describe(const gw_pipeline *p, const target *t, gw_explanation *x)
{
    switch (t->kind) {
    case KIND_POD:
        x->kind = "pod";
        x->name = gw_explain_text(x, "%s/%s", p->fleet.pods[t->index].ns, p->fleet.pods[t->index].name);
        gw_explain_pod(x, p, t->index);
        break;
    case KIND_NODE:
        x->kind = "node";
        x->name = p->fleet.nodes[t->index].name;
        gw_explain_node(x, p, t->index);
        break;
    case KIND_GPU:
        x->kind = "gpu";
        x->name = p->fleet.gpus[t->index].uuid;
        gw_explain_gpu(x, p, t->index);
        break;
    case KIND_WORKLOAD:
        x->kind = "workload";
        x->name = gw_explain_text(x, "%s/%s", t->ns, t->name);
        gw_explain_pods(x, p, t->ns, t->name);
        break;
    case KIND_NAMESPACE:
        x->kind = "namespace";
        x->name = t->ns;
        gw_explain_pods(x, p, t->ns, NULL);
        break;
    default:
        x->kind = "finding";
        x->name = t->name;
        gw_explain_rule(x, p, t->name);
        break;
    }
}

int gw_explain(const gw_pipeline *p, const char *subject, gw_explanation *x, gw_error *e)
{
    target t;
    int rc = locate(p, subject, &t, e);
    if (rc)
        return rc;
    describe(p, &t, x);
    if (x->failed == GW_ENOMEM)
        return gw_fail_memory(e);
    if (x->failed)
        return gw_fail(e, x->failed, "'%s' is too large to explain; name a pod of it", subject);
    return 0;
}

static int write_subject(gw_cli *cli, gw_pipeline *p, const char *subject, gw_buf *b, gw_error *e)
{
    gw_explanation x;
    gw_explanation_init(&x);
    int rc = gw_explain(p, subject, &x, e);
    if (rc == 0)
        rc = gw_explanation_write(&x, p, (gw_output)cli->options.output, cli->colour, b, e);
    gw_explanation_free(&x);
    return rc;
}

/* "mps/chat-0" may be an action, and a pod of a namespace that somebody called "mps". */
static int write_action(gw_cli *cli, const gw_plan_setup *setup, gw_pipeline *p, const char *id, bool sure,
                        gw_buf *b, gw_error *e)
{
    gw_plan plan;
    uint32_t action;
    target t;
    gw_error none;
    bool thing = !sure && locate(p, id, &t, &none) != GW_ENOTFOUND;
    gw_plan_init(&plan);
    int rc = gw_plan_setup_make(setup, p, &plan, e);
    bool planned = rc == 0 && gw_plan_find(&plan, id) != GW_NONE;
    if (planned && thing)
        rc = gw_fail(e, GW_EUSAGE, "'%s' is an action and a pod or workload: write action/%s or pod/%s", id,
                     id, id);
    else if (rc == 0 && thing)
        rc = write_subject(cli, p, id, b, e);
    else if (rc == 0)
        rc = gw_plan_locate(&plan, id, &action, e);
    if (rc == 0 && planned)
        rc = gw_plan_explain_write(cli, p, &plan, action, b, e);
    gw_plan_free(&plan);
    return rc;
}

static int run(gw_cli *cli, gw_error *e)
{
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
    gw_buf_init(&b, GW_OUTPUT_BYTES_MAX);
    rc = action ? write_action(cli, &setup, &p, id, sure, &b, e) : write_subject(cli, &p, subject, &b, e);
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
