/* Renderers of plans on a plan made by hand; the amounts are worked out in sample_plan.h. */
#include "gw_test.h"

#include <jansson.h>

#include "base/utf8.h"
#include "sample_plan.h"

static char *render(const sample_plan *s, gw_output output)
{
    gw_buf b;
    gw_error e = {0};
    gw_buf_init(&b, (size_t)1 << 24);
    if (gw_plan_render(&s->view, output, &b, &e))
        fail_msg("%s", e.message);
    return b.data;
}

static void says(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("does not say\n%s\nbut\n%s", part, text ? text : "nothing");
}

static void check_lines(const char *text, size_t max)
{
    for (const char *s = text; *s; s += strcspn(s, "\n") + 1) {
        gw_str line = {s, strcspn(s, "\n")};
        if (gw_text_width(line) > max)
            fail_msg("%zu columns: %.*s", gw_text_width(line), GW_STR_ARG(line));
        if (line.n && line.p[line.n - 1] == ' ')
            fail_msg("ends in a blank: '%.*s'", GW_STR_ARG(line));
    }
}

/* ---- table --------------------------------------------------------------------------------------------- */

static void test_table(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    sample_plan_init(&s);
    char *text = render(&s, GW_OUTPUT_TABLE);
    check_lines(text, GW_TABLE_WIDTH);
    assert_null(strchr(text, '\033'));
    says(text, "GPU plan, from 2022-09-11T00:00:00Z to 2022-09-18T00:00:00Z (7d)\n\n");
    /* 7,305 - 1,095.75 = 6,209.25; 7,305 - 767.025 = 6,537.975; 767.025 / 7,305 = 10.5 %; 1,095.75 / 7,305 =
     * 15 % */
    says(text, "  Bill         $7,305 a month -> $6,209–6,538: 2 actions save $767–1,096 a month, 10.5–15.0 "
               "%\n");
    /* 28 / 1,400 = 2 % */
    says(text, "  Bound        no plan of these kinds costs less than $6,088 a month; this one costs 2.00 % "
               "more: by\n               a linear program\n");
    says(text, "  GPU hours    2,000.0 paid in the window -> 656.0\n");
    says(text, "  Source       snapshot x\n");
    says(text, "\n#  ACTION              SAVES $/MONTH  ALONE $/MONTH  RISK    CONF %  RESTARTS\n");
    says(text, "\n1  release-node/gpu-7        584–731        584–731  low         80         0\n"
               "     8 of 8 GPUs idle -> released\n");
    says(text, "\n2  time-slicing/gpu-2        183–365       needs #1  medium      50         3\n"
               "     1 pod has a whole GPU -> a quarter of it\n");
    says(text, "\nALTERNATIVES, not part of the plan\n  RISK  ALONE $/MONTH  ACTION, and why it is not\n");
    says(text, "  high         91–183  mig/gpu-2\n     its risk is higher than --max-risk allows\n");
    says(text, "\nHELD BACK: what stays as it is, and why\n  $ A MONTH  GPUS  PODS  NODES  WHY\n");
    says(text, "      5,000    12    12      0  its memory peak needs more than half of the board\n");
    says(text, "    unknown  2.50     0      2  nobody knows its price\n");
    says(text, "\nNOT CONSIDERED\n  Spot nodes were not considered.\n");
    says(text, "\n  gpuwise explain release-node/gpu-7 --demo --only mig\n");
    says(text, "\n  gpuwise plan --demo --only mig --export DIR\n");
    assert_null(strstr(text, "Partial"));
    gw_free(text);
    sample_plan_free(&s);
}

static void test_table_fits_whatever_the_names(void **state)
{
    GW_UNUSED(state);
    static char longest[512];
    sample_plan s;
    sample_plan_init(&s);
    memset(longest, 'x', sizeof(longest) - 1);
    const char *const texts[] = {longest, NASTY, ""};
    for (size_t i = 0; i < GW_COUNT(texts); i++) {
        for (size_t k = 0; k < s.plan.n_actions; k++) {
            gw_action *a = &s.plan.actions[k];
            a->is = a->should = a->subject = a->text = texts[i];
            if (a->why_not)
                a->why_not = texts[i];
            if (i == 1) /* a name is never cut: a long one has a line of its own */
                a->id = texts[i];
            a->share.high = a->alone.high = INT64_MAX;
        }
        if (*texts[i])
            s.plan.held[0].why = s.plan.notes[0] = texts[i];
        char *text = render(&s, GW_OUTPUT_TABLE);
        check_lines(text, GW_TABLE_WIDTH);
        assert_null(strchr(text, '\033'));
        gw_free(text);
    }
    sample_plan_free(&s);
}

/* A name is typed again: where it does not fit beside the numbers it has a line of its own, and is whole. */
static void test_long_names_are_whole(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    sample_plan_init(&s);
    s.plan.actions[0].id = "release-node/a-cluster/a-node-with-a-name-of-sixty-columns-in-all-0";
    s.plan.actions[2].id = "mig/a-cluster/another-node-with-a-long-name";
    char *text = render(&s, GW_OUTPUT_TABLE);
    check_lines(text, GW_TABLE_WIDTH);
    says(text, "\n1  release-node/a-cluster/a-node-with-a-name-of-sixty-columns-in-all-0\n"
               "                             584–731        584–731  low         80         0\n"
               "     8 of 8 GPUs idle -> released\n"
               "2  time-slicing/gpu-2        183–365       needs #1  medium      50         3\n");
    says(text, "  high         91–183  mig/a-cluster/another-node-with-a-long-name\n");
    gw_free(text);
    sample_plan_free(&s);
}

static void test_wide(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    sample_plan_init(&s);
    s.plan.actions[0].text = "One two three four five six seven eight nine ten eleven twelve thirteen "
                             "fourteen fifteen sixteen seventeen eighteen";
    char *text = render(&s, GW_OUTPUT_WIDE);
    says(text, "RESTART COST $");
    says(text, "  Deployment ml/chat on gpu-2  1 pod has a whole GPU  a quarter of it\n");
    says(text, "  84.00  ");
    says(text, "  2.50  ");
    says(text, "\n  2  A sentence with numbers.\n     the first rule that applies\n");
    /* wraps at 100 columns where no terminal says more: "sixteen" would end in the 101st */
    says(text, "fifteen\n     sixteen seventeen eighteen\n");
    gw_free(text);
    s.view.columns = 120;
    text = render(&s, GW_OUTPUT_WIDE);
    says(text, "fifteen sixteen seventeen eighteen\n"); /* ends in the 120th */
    gw_free(text);
    sample_plan_free(&s);
}

static void test_nothing_to_save(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    sample_plan_init(&s);
    s.plan.n_actions = 0;
    s.plan.after = s.plan.before;
    s.plan.saving = (gw_saving){0};
    s.report.partial = true;
    char *text = render(&s, GW_OUTPUT_TABLE);
    check_lines(text, GW_TABLE_WIDTH);
    says(text, "  Bill         $7,305 a month, and no action that would lower it\n");
    says(text, "\nNothing to save. What is held back, and why, stands below.\n");
    says(text, "  Partial      ");
    says(text, "\n  gpuwise report --demo\n"); /* report knows no --only */
    assert_null(strstr(text, "ALTERNATIVES"));
    gw_free(text);
    sample_plan_free(&s);
}

static void test_unknown_is_no_zero(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    sample_plan_init(&s);
    s.plan.before = s.plan.after = (gw_cost){.unpriced_ms = 1};
    s.plan.bound = GW_MICRO_UNKNOWN;
    s.plan.bound_how = "nothing has a price";
    const gw_saving unknown = {0, GW_MICRO_UNKNOWN, GW_MICRO_UNKNOWN};
    s.plan.saving = s.plan.actions[0].share = s.plan.actions[0].alone = unknown;
    char *text = render(&s, GW_OUTPUT_TABLE);
    says(text, "  Bill         unknown: no node has a price\n");
    says(text, "  Bound        unknown: nothing has a price\n");
    says(text, "        unknown        unknown  low ");
    gw_free(text);
    sample_plan_free(&s);
}

static void test_short(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    gw_buf b;
    gw_error e = {0};
    sample_plan_init(&s);
    gw_buf_init(&b, (size_t)1 << 20);
    assert_int_equal(gw_plan_render_short(&s.plan, false, &b, &e), 0);
    assert_string_equal(b.data,
                        "\nPLAN: 2 actions would save $767–1,096 a month\n"
                        "  SAVES $/MONTH  ACTION\n"
                        "        584–731  release-node/gpu-7  8 of 8 GPUs idle -> released\n"
                        "        183–365  time-slicing/gpu-2  1 pod has a whole GPU -> a quarter of it\n");
    gw_buf_free(&b);
    sample_plan_free(&s);
}

static void test_ranges(void **state)
{
    GW_UNUSED(state);
    char out[GW_CELL_MAX];
    const struct {
        gw_saving s;
        const char *want;
    } cases[] = {{{0, 1234400000, 2345500000}, "1,234–2,346"},
                 {{0, 500000, 9500000}, "0.50–9.50"}, /* cents below ten dollars */
                 {{0, 0, 0}, "0"},
                 {{0, 12400000, 11600000}, "12"}, /* the same to the dollar */
                 {{0, GW_MICRO_UNKNOWN, 1}, "unknown"},
                 {{0, 1, GW_MICRO_UNKNOWN}, "unknown"},
                 {{0, -20500000, -10400000}, "-21–-10"}};
    for (size_t i = 0; i < GW_COUNT(cases); i++)
        assert_string_equal(gw_plan_range(&cases[i].s, out), cases[i].want);
    assert_string_equal(gw_plan_range_percent(&cases[0].s, 0, out), "");
    assert_string_equal(gw_plan_range_percent(&cases[0].s, GW_MICRO_UNKNOWN, out), "");
}

/* ---- documents ----------------------------------------------------------------------------------------- */

static json_t *at(json_t *o, const char *path)
{
    char part[64];
    while (*path) {
        size_t n = strcspn(path, ".");
        snprintf(part, sizeof(part), "%.*s", (int)n, path);
        o = part[0] >= '0' && part[0] <= '9' ? json_array_get(o, (size_t)(part[0] - '0'))
                                             : json_object_get(o, part);
        if (!o)
            fail_msg("no member %s", part);
        path += n + (path[n] == '.');
    }
    return o;
}

/* The members of an object are exactly these, in this order. */
static void has_keys(json_t *o, const char *list)
{
    char text[512] = "";
    size_t n = 0;
    const char *key;
    json_t *value;
    assert_true(json_is_object(o));
    json_object_foreach(o, key, value) n +=
        (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "", key);
    assert_string_equal(text, list);
}

static json_t *load(const char *text)
{
    json_error_t je;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &je);
    if (!root)
        fail_msg("line %d: %s", je.line, je.text);
    return root;
}

static const char action_keys[] =
    "id kind subject chosen step whyNot is should text rule share alone confidence risk blast prerequisites "
    "after conflicts evidence change";

static void test_json(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    size_t i;
    json_t *action;
    sample_plan_init(&s);
    char *text = render(&s, GW_OUTPUT_JSON);
    json_t *root = load(text);
    has_keys(root, "apiVersion kind window source partial currency before after saving bound actions held "
                   "notes prices unknowns");
    assert_string_equal(json_string_value(at(root, "kind")), "Plan");
    has_keys(at(root, "before"), "monthlyBill cost gpuHours");
    has_keys(at(root, "saving"), "window monthlyLow monthlyHigh");
    has_keys(at(root, "bound"), "bill monthlyBill gap how");
    assert_true(json_number_value(at(root, "bound.gap")) == 0.02);
    json_array_foreach(at(root, "actions"), i, action)
    {
        has_keys(action, action_keys);
        has_keys(at(action, "blast"), "podsRestarted workloads nodes productionPods restartCost");
        has_keys(at(action, "risk"), "level why");
    }
    assert_int_equal(i, 3);
    assert_int_equal(json_integer_value(at(root, "actions.1.step")), 2);
    assert_true(json_is_null(at(root, "actions.2.step")));
    assert_true(json_is_null(at(root, "actions.0.whyNot")));
    assert_string_equal(json_string_value(at(root, "actions.1.after.0")), "release-node/gpu-7");
    assert_true(json_is_null(at(root, "actions.0.evidence.lastHolder")));
    assert_true(json_is_null(at(root, "actions.0.blast.restartCost")));
    has_keys(at(root, "actions.1.change"), "hires cuts resizes moves releases");
    has_keys(at(root, "held.0"), "why pods nodes gpus monthlyCost");
    assert_true(json_is_null(at(root, "held.1.monthlyCost")));
    says(text, "\"monthlyBill\": 7305.000000,");
    says(text, "\"monthlyLow\": 767.025000,\n    \"monthlyHigh\": 1095.750000\n");
    json_decref(root);
    gw_free(text);
    sample_plan_free(&s);
}

/* What is shown adds up: the shares are the saving, and the saving is the difference of the bills. */
static void test_json_adds_up(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    size_t i;
    json_t *action;
    double window = 0, low = 0, high = 0;
    sample_plan_init(&s);
    char *text = render(&s, GW_OUTPUT_JSON);
    json_t *root = load(text);
    json_array_foreach(at(root, "actions"), i, action)
    {
        window += json_number_value(at(action, "share.window"));
        low += json_number_value(at(action, "share.monthlyLow"));
        high += json_number_value(at(action, "share.monthlyHigh"));
    }
    assert_true(window == json_number_value(at(root, "saving.window")));
    assert_true(low == json_number_value(at(root, "saving.monthlyLow")));
    assert_true(high == json_number_value(at(root, "saving.monthlyHigh")));
    assert_true(json_number_value(at(root, "before.cost.bill")) -
                    json_number_value(at(root, "after.cost.bill")) ==
                window);
    json_decref(root);
    gw_free(text);
    sample_plan_free(&s);
}

static void test_action_document(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    gw_buf b;
    gw_error e = {0};
    sample_plan_init(&s);
    gw_buf_init(&b, (size_t)1 << 20);
    assert_int_equal(gw_plan_render_action(&s.view, 1, GW_DOC_JSON, &b, &e), 0);
    json_t *root = load(b.data);
    has_keys(root, "apiVersion kind window source partial currency action");
    has_keys(at(root, "action"), action_keys);
    assert_string_equal(json_string_value(at(root, "action.id")), "time-slicing/gpu-2");
    json_decref(root);
    gw_buf_free(&b);
    sample_plan_free(&s);
}

/* The same values; that YAML says what JSON says is left to a YAML reader in the integration tests. */
static void test_yaml(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    sample_plan_init(&s);
    char *text = render(&s, GW_OUTPUT_YAML);
    says(text, "kind: Plan\n");
    says(text, "  monthlyHigh: 1095.750000\n");
    says(text, "  gap: 0.02\n");
    gw_free(text);
    sample_plan_free(&s);
}

/* ---- steps and explanation ----------------------------------------------------------------------------- */

static void test_steps(void **state)
{
    GW_UNUSED(state);
    static const char *const want[] = {
        "hire new node 1: g6.xlarge in us-east-1, on-demand, 2 x L4, $0.80 an hour",
        "cut GPU 1 of new node 1 (g6.xlarge) in 4 parts by time-slicing",
        "resize Deployment ml/chat (1 pod): CPU 8000m -> 500m, memory unknown -> 2048Mi",
        "move ml/chat-0 from gpu-2, GPU 3 to new node 1 (g6.xlarge), 1/4 of GPU 1 by time-slicing, 6.0 GiB; "
        "it "
        "restarts",
        "release gpu-7"};
    sample_plan s;
    gw_buf b;
    const char *verb;
    sample_plan_init(&s);
    gw_buf_init(&b, 4096);
    const gw_change *c = &s.plan.actions[1].change;
    for (size_t i = 0; i < GW_COUNT(want); i++) {
        char line[512];
        gw_buf_clear(&b);
        assert_true(gw_plan_step(&s.fleet, c, i, &verb, &b));
        snprintf(line, sizeof(line), "%s %s", verb, b.data);
        assert_string_equal(line, want[i]);
    }
    assert_false(gw_plan_step(&s.fleet, c, GW_COUNT(want), &verb, &b));
    gw_buf_free(&b);
    sample_plan_free(&s);
}

static void test_step_forms(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    gw_buf b;
    const char *verb;
    sample_plan_init(&s);
    gw_buf_init(&b, 4096);
    /* a bundle that stays on its node and gets an instance */
    s.move.pod = GW_NONE;
    s.move.node = s.move.from;
    s.move.restarts = false;
    s.to = (gw_seat){.gpu = s.was.gpu,
                     .form = GW_FORM_MIG,
                     .parts = 1,
                     .profile = "1g.10gb",
                     .start = 4,
                     .share = 1.0 / 7,
                     .memory_mib = 9728};
    s.cut = (gw_cut){.gpu = s.was.gpu,
                     .form = GW_FORM_MIG,
                     .via = GW_VIA_KAI,
                     .layout = "3g.40gb@0,1g.10gb@4",
                     .was_layout = "7g.80gb@0"};
    const gw_change c = {.cuts = &s.cut, .n_cuts = 1, .moves = &s.move, .n_moves = 1};
    assert_true(gw_plan_step(&s.fleet, &c, 0, &verb, &b));
    assert_string_equal(b.data,
                        "GPU 3 of gpu-2 into 3g.40gb@0,1g.10gb@4, which was cut into 7g.80gb@0, through "
                        "the KAI scheduler");
    gw_buf_clear(&b);
    assert_true(gw_plan_step(&s.fleet, &c, 1, &verb, &b));
    assert_string_equal(b.data,
                        "what ran and has ended on gpu-2 from GPU 3 to 1g.10gb at slot 4 of GPU 3, 9.5 GiB");
    gw_buf_free(&b);
    sample_plan_free(&s);
}

static const gw_fact *fact(const gw_explanation *x, const char *section, const char *name)
{
    for (size_t s = 0; s < x->n_sections; s++) {
        for (size_t i = 0; i < x->sections[s].n && strstr(x->sections[s].title, section); i++) {
            const gw_fact *f = &x->facts[x->sections[s].first + i];
            if (strcmp(f->name, name) == 0)
                return f;
        }
    }
    fail_msg("no fact %s in section %s", name, section);
    return NULL;
}

static void test_explanation(void **state)
{
    GW_UNUSED(state);
    static const char *const files[] = {"README.md", "action.json"};
    sample_plan s;
    gw_explanation x;
    sample_plan_init(&s);
    gw_explanation_init(&x);
    gw_plan_explain(&s.view, 1, files, 2, &x);
    assert_int_equal(x.failed, 0);
    assert_string_equal(x.kind, "action");
    assert_string_equal(x.name, "time-slicing/gpu-2");
    assert_string_equal(fact(&x, "Action", "in the plan")->value, "step 2 of 2");
    /* the first action takes 168 of 1,680, this one 84 of what is left */
    assert_string_equal(fact(&x, "in the plan", "bill before")->value, "$1512.000000");
    assert_string_equal(fact(&x, "in the plan", "bill after")->value, "$1428.000000");
    assert_string_equal(fact(&x, "in the plan", "difference")->value, "$84.000000");
    assert_string_equal(fact(&x, "in the plan", "a month, high")->value, "$365.250000");
    says(fact(&x, "in the plan", "a month, high")->how, "× 730.5 h / 168.000000 h");
    assert_string_equal(fact(&x, "in the plan", "a month, low")->value, "$182.625000");
    says(fact(&x, "saves alone", "nothing")->value, "needs others");
    assert_string_equal(fact(&x, "How sure", "confidence")->value, "50.00 %");
    assert_string_equal(fact(&x, "How sure", "restarts")->value, "3 pods of 2 workloads, 1 in production");
    assert_string_equal(fact(&x, "Before", "done before")->value, "release-node/gpu-7");
    assert_string_equal(fact(&x, "Before", "must be so")->value, "the budget of ml/chat allows an eviction");
    assert_string_equal(fact(&x, "Steps", "5 release")->value, "gpu-7");
    assert_string_equal(fact(&x, "Files", "file")->value, "README.md");
    gw_explanation_free(&x);
    /* an alternative is weighed against the present */
    gw_explanation_init(&x);
    gw_plan_explain(&s.view, 2, NULL, 0, &x);
    says(fact(&x, "Action", "in the plan")->value, "--max-risk");
    assert_string_equal(fact(&x, "saves alone", "bill before")->value, "$1680.000000");
    assert_string_equal(fact(&x, "saves alone", "bill after")->value, "$1638.000000");
    gw_explanation_free(&x);
    sample_plan_free(&s);
}

static void test_subjects(void **state)
{
    GW_UNUSED(state);
    const char *id = NULL;
    bool sure;
    assert_true(gw_plan_subject("release-node/gpu-7", &id, &sure) && !sure);
    assert_string_equal(id, "release-node/gpu-7");
    assert_true(gw_plan_subject("action/mig/gpu-2", &id, &sure) && sure);
    assert_string_equal(id, "mig/gpu-2");
    assert_false(gw_plan_subject("mig", &id, &sure));
    assert_false(gw_plan_subject("mig/", &id, &sure));
    assert_false(gw_plan_subject("avatar/mig", &id, &sure));
    assert_false(gw_plan_subject("pod/mig/chat", &id, &sure));
}

/* ---- memory -------------------------------------------------------------------------------------------- */

static int all_outputs(const sample_plan *s, int which, gw_buf *b, gw_error *e)
{
    gw_explanation x;
    if (which <= GW_OUTPUT_YAML)
        return gw_plan_render(&s->view, (gw_output)which, b, e);
    if (which == GW_OUTPUT_YAML + 1)
        return gw_plan_render_short(&s->plan, true, b, e);
    if (which == GW_OUTPUT_YAML + 2)
        return gw_plan_render_action(&s->view, 1, GW_DOC_YAML, b, e);
    gw_explanation_init(&x);
    gw_plan_explain(&s->view, 1, NULL, 0, &x);
    int rc = x.failed;
    gw_explanation_free(&x);
    return rc;
}

/* Whatever allocation fails, a renderer says so and leaks nothing. */
static void test_allocations(void **state)
{
    GW_UNUSED(state);
    sample_plan s;
    sample_plan_init(&s);
    for (int which = 0; which <= GW_OUTPUT_YAML + 3; which++) {
        for (uint64_t n = 1;; n++) {
            gw_buf b;
            gw_error e = {0};
            gw_buf_init(&b, (size_t)1 << 24);
            int64_t live = gw_mem_live();
            gw_mem_fail_at(n);
            int rc = all_outputs(&s, which, &b, &e);
            bool failed = gw_mem_count() >= n;
            gw_mem_fail_at(0);
            gw_buf_free(&b);
            assert_int_equal(gw_mem_live(), live);
            if (rc != (failed ? GW_ENOMEM : 0))
                fail_msg("output %d, allocation %d: %d", which, (int)n, rc);
            if (!failed)
                break;
        }
    }
    sample_plan_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_fits_whatever_the_names),
        cmocka_unit_test(test_long_names_are_whole),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_nothing_to_save),
        cmocka_unit_test(test_unknown_is_no_zero),
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_adds_up),
        cmocka_unit_test(test_action_document),
        cmocka_unit_test(test_yaml),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_step_forms),
        cmocka_unit_test(test_explanation),
        cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
