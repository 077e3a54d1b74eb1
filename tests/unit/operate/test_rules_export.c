/* Rules, dashboard and Terraform as text; that real programs take them is
 * tests/integration/test_exports.py's. */
#include "gw_test.h"

#include "format/json_tree.h"
#include "operate/rules_export.h"

static json_t *json_of(const gw_buf *b)
{
    json_t *o = NULL;
    gw_error e = {0};
    if (gw_json_tree_parse((gw_str){b->data, b->len}, &o, &e))
        fail_msg("%s", e.message);
    return o;
}

/* ---- rules ----------------------------------------------------------------------------------------------
 */

static const json_t *rule_of(const json_t *groups, const char *name)
{
    for (size_t i = 0; i < json_array_size(groups); i++) {
        const json_t *rules = json_object_get(json_array_get(groups, i), "rules");
        for (size_t k = 0; k < json_array_size(rules); k++) {
            const json_t *r = json_array_get(rules, k);
            const char *alert = json_string_value(json_object_get(r, "alert"));
            const char *record = json_string_value(json_object_get(r, "record"));
            if (strcmp(alert ? alert : record, name) == 0)
                return r;
        }
    }
    return NULL;
}

static const char *text(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void test_object(void **state)
{
    GW_UNUSED(state);
    gw_rules_options o = gw_rules_options_default();
    gw_buf b;
    gw_error e = {0};
    o.json = true;
    o.ns = "monitoring";
    o.labels[0].key = "release";
    o.labels[0].value = "kube-prometheus-stack";
    o.n_labels = 1;
    gw_buf_init(&b, GW_EXPORT_BYTES_MAX);
    assert_int_equal(gw_rules_write(&o, &b, &e), 0);
    json_t *j = json_of(&b);
    assert_string_equal(text(j, "apiVersion"), "monitoring.coreos.com/v1");
    assert_string_equal(text(j, "kind"), "PrometheusRule");
    const json_t *meta = json_object_get(j, "metadata");
    assert_string_equal(text(meta, "name"), "gpuwise");
    assert_string_equal(text(meta, "namespace"), "monitoring");
    assert_string_equal(text(json_object_get(meta, "labels"), "release"), "kube-prometheus-stack");
    const json_t *groups = json_object_get(json_object_get(j, "spec"), "groups");
    /* of three thresholds, each but the last ends where the next begins */
    assert_string_equal(text(rule_of(groups, "GpuwiseBudgetSpent50"), "expr"),
                        "budget:gpuwise_budget_spent:ratio >= 0.5 < 0.8");
    assert_string_equal(text(rule_of(groups, "GpuwiseBudgetSpent95"), "expr"),
                        "budget:gpuwise_budget_spent:ratio >= 0.95");
    assert_string_equal(text(json_object_get(rule_of(groups, "GpuwiseBudgetSpent50"), "labels"), "severity"),
                        "info");
    assert_string_equal(text(json_object_get(rule_of(groups, "GpuwiseBudgetSpent80"), "labels"), "severity"),
                        "warning");
    assert_string_equal(text(json_object_get(rule_of(groups, "GpuwiseBudgetSpent95"), "labels"), "severity"),
                        "critical");
    assert_string_equal(text(rule_of(groups, "GpuwiseDataStale"), "expr"), "gpuwise_data_age_seconds > 3600");
    json_decref(j);
    gw_buf_free(&b);
}

static void test_own_thresholds(void **state)
{
    GW_UNUSED(state);
    gw_rules_options o = gw_rules_options_default();
    gw_buf b;
    gw_error e = {0};
    o.plain = o.json = true;
    o.thresholds[0] = 1.2;
    o.n_thresholds = 1;
    o.stale_ms = 90 * GW_SECOND_MS;
    o.waste = 0.333;
    gw_buf_init(&b, GW_EXPORT_BYTES_MAX);
    assert_int_equal(gw_rules_write(&o, &b, &e), 0);
    json_t *j = json_of(&b);
    const json_t *groups = json_object_get(j, "groups");
    assert_int_equal(json_object_size(j), 1); /* a rule file has groups, nothing else */
    assert_string_equal(text(rule_of(groups, "GpuwiseBudgetSpent120"), "expr"),
                        "budget:gpuwise_budget_spent:ratio >= 1.2");
    assert_string_equal(text(json_object_get(rule_of(groups, "GpuwiseBudgetSpent120"), "labels"), "severity"),
                        "critical");
    assert_string_equal(text(rule_of(groups, "GpuwiseWasteHigh"), "expr"),
                        "cluster:gpuwise_waste:ratio > 0.333");
    assert_string_equal(text(rule_of(groups, "GpuwiseDataStale"), "expr"), "gpuwise_data_age_seconds > 90");
    assert_null(rule_of(groups, "GpuwiseBudgetSpent50"));
    json_decref(j);
    gw_buf_free(&b);
}

static void test_bad_rules(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, GW_EXPORT_BYTES_MAX);
    for (int i = 0; i < 16; i++) {
        gw_rules_options o = gw_rules_options_default();
        gw_error e = {0};
        switch (i) {
        case 0:
            o.thresholds[0] = 0;
            break;
        case 1:
            o.thresholds[2] = 0.8;
            break;
        case 2:
            o.thresholds[2] = 11;
            break;
        case 3:
            o.n_thresholds = GW_EXPORT_THRESHOLDS_MAX + 1;
            break;
        case 4:
            o.forecast = -1;
            break;
        case 5:
            o.waste = 1.5;
            break;
        case 6:
            o.utilisation = 0;
            break;
        case 7:
            o.stale_ms = 0;
            break;
        case 8:
            o.name = "Gpuwise";
            break;
        case 9:
            o.name = "a\nkind: Secret";
            break;
        case 10:
            o.ns = "a.b";
            break;
        case 11:
            o.ns = "";
            break;
        case 12:
            o.thresholds[1] = 0.0 / 0.0;
            break;
        case 13:
            o.n_labels = 1, o.labels[0].key = "a b", o.labels[0].value = "x";
            break;
        case 14:
            o.n_labels = 1, o.labels[0].key = "a", o.labels[0].value = "x y";
            break;
        default:
            o.n_labels = 2;
            o.labels[0].key = o.labels[1].key = "example.org/a";
            o.labels[0].value = o.labels[1].value = "x";
            break;
        }
        if (gw_rules_write(&o, &b, &e) != GW_EUSAGE)
            fail_msg("case %d is taken", i);
        assert_true(strlen(e.message) > 10);
        assert_int_equal(b.len, 0);
    }
    gw_buf_free(&b);
}

/* ---- dashboard ------------------------------------------------------------------------------------------
 */

static void test_grafana(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_error e = {0};
    bool taken[200][24] = {{false}};
    gw_buf_init(&b, GW_EXPORT_BYTES_MAX);
    assert_int_equal(gw_grafana_write(&b, &e), 0);
    json_t *j = json_of(&b);
    const json_t *panels = json_object_get(j, "panels");
    assert_true(json_array_size(panels) > 10);
    assert_true(json_integer_value(json_object_get(j, "schemaVersion")) >= 38);
    for (size_t i = 0; i < json_array_size(panels); i++) {
        const json_t *p = json_array_get(panels, i), *at = json_object_get(p, "gridPos");
        int64_t x = json_integer_value(json_object_get(at, "x")),
                y = json_integer_value(json_object_get(at, "y")),
                w = json_integer_value(json_object_get(at, "w")),
                h = json_integer_value(json_object_get(at, "h"));
        assert_int_equal(json_integer_value(json_object_get(p, "id")), i + 1);
        assert_true(x >= 0 && w > 0 && x + w <= 24 && h > 0 && y + h < 200);
        for (int64_t r = y; r < y + h; r++)
            for (int64_t c = x; c < x + w; c++) { /* no panel lies on another */
                assert_false(taken[r][c]);
                taken[r][c] = true;
            }
        if (strcmp(text(p, "type"), "row") == 0)
            continue;
        assert_true(strlen(text(p, "description")) > 10);
        assert_string_equal(text(json_object_get(p, "datasource"), "uid"), "${datasource}");
        assert_true(json_array_size(json_object_get(p, "targets")) > 0);
    }
    json_decref(j);
    gw_buf_free(&b);
}

/* ---- Terraform ------------------------------------------------------------------------------------------
 */

static gw_budget_rule budget(const char *name, gw_dim dim, const char *value)
{
    gw_budget_rule r;
    gw_budget_rule_init(&r);
    r.name = name;
    r.by[0].dim = dim;
    r.by[0].value = value;
    r.n_by = value ? 1 : 0;
    r.amount = 12000 * GW_USD;
    return r;
}

/* The text for these budgets, freed by the caller. */
static char *terraform(const gw_terraform_options *o)
{
    gw_buf b;
    gw_error e = {0};
    gw_buf_init(&b, GW_EXPORT_BYTES_MAX);
    if (gw_terraform_write(o, &b, &e))
        fail_msg("%s", e.message);
    return b.data;
}

static size_t count(const char *s, const char *what)
{
    size_t n = 0;
    while ((s = strstr(s, what)) != NULL) {
        n++;
        s++;
    }
    return n;
}

static void test_terraform(void **state)
{
    GW_UNUSED(state);
    gw_budget_rule rules[] = {budget("nlp", GW_DIM_TEAM, "nlp")};
    rules[0].amount = 12000500000;
    char *s = terraform(&(gw_terraform_options){.budgets = rules, .n = 1});
    assert_non_null(
        strstr(s, "resource \"aws_budgets_budget\" \"nlp\" {\n  name         = \"gpuwise-nlp\"\n"));
    assert_non_null(strstr(s, "  limit_amount = \"12000.5\"\n"));
    assert_non_null(strstr(s, "  time_unit    = \"MONTHLY\"\n"));
    assert_non_null(strstr(s, "    values = [\"user:team$nlp\"]\n"));
    assert_int_equal(count(s, "notification {"), 4); /* 50, 80, 95 % actual, 100 % forecast */
    assert_int_equal(count(s, "= \"ACTUAL\""), 3);
    assert_int_equal(count(s, "= \"FORECASTED\""), 1);
    assert_non_null(strstr(s, "threshold                  = 95\n"));
    gw_free(s);
}

static void test_tags(void **state)
{
    GW_UNUSED(state);
    const gw_budget_rule rules[] = {
        budget("a", GW_DIM_NAMESPACE, "ml"),   budget("b", GW_DIM_TEAM, "nlp"),
        budget("c", GW_DIM_COST_CENTER, "42"), budget("d", GW_DIM_CLASS, "training"),
        budget("e", GW_DIM_CAPACITY, "spot"),  budget("all", GW_DIM_TEAM, NULL)};
    char *s = terraform(&(gw_terraform_options){
        .budgets = rules, .n = 6, .tags = {{"team", "Team Name"}, {"capacity", "aws:x"}}, .n_tags = 2});
    assert_non_null(strstr(s, "[\"aws:eks:namespace$ml\"]"));
    assert_non_null(strstr(s, "[\"user:Team Name$nlp\"]"));
    assert_non_null(strstr(s, "[\"user:costCenter$42\"]"));
    assert_non_null(strstr(s, "# Left out: the budget 'd'"));
    assert_non_null(strstr(s, "[\"aws:x$spot\"]"));
    assert_non_null(strstr(s, "# No filter: this is the whole account"));
    assert_int_equal(count(s, "resource "), 5);
    gw_free(s);
    gw_buf b;
    gw_error e = {0};
    gw_buf_init(&b, GW_EXPORT_BYTES_MAX);
    const gw_terraform_options bad = {.budgets = rules, .n = 1, .tags = {{"squad", "x"}}, .n_tags = 1};
    assert_int_equal(gw_terraform_write(&bad, &b, &e), GW_EUSAGE);
    gw_buf_free(&b);
}

static void test_left_out(void **state)
{
    GW_UNUSED(state);
    gw_budget_rule rules[] = {budget("week", GW_DIM_TEAM, "a"), budget("two", GW_DIM_TEAM, "a"),
                              budget("many", GW_DIM_TEAM, "a")};
    static const double many[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
    rules[0].period = GW_BUDGET_WEEKLY;
    rules[1].by[1].dim = GW_DIM_PROJECT;
    rules[1].by[1].value = "p";
    rules[1].n_by = 2;
    memcpy(rules[2].thresholds, many, sizeof(many));
    rules[2].n_thresholds = 6;
    char *s = terraform(&(gw_terraform_options){.budgets = rules, .n = 3});
    assert_non_null(strstr(s, "# Left out: the budget 'week'"));
    assert_non_null(strstr(s, "# Left out: the budget 'two'"));
    assert_int_equal(count(s, "resource "), 1);
    assert_int_equal(count(s, "notification {"), 5); /* AWS takes no more */
    assert_non_null(strstr(s, "# The lowest 2 of its thresholds are left out"));
    assert_null(strstr(s, "= 20\n"));
    gw_free(s);
}

/* Names are anybody's: they stay names. */
static void test_hostile_names(void **state)
{
    GW_UNUSED(state);
    const gw_budget_rule rules[] = {budget("a\"${file(\"/etc/passwd\")}", GW_DIM_TEAM, "{var.x}"),
                                    budget("NLP (eu)", GW_DIM_TEAM, "%{ if true }"),
                                    budget("nlp_EU", GW_DIM_TEAM, "a\\b"), budget("42", GW_DIM_TEAM, "x"),
                                    budget("\xe6\x97\xa5\xe6\x9c\xac", GW_DIM_TEAM, "y")};
    char *s = terraform(&(gw_terraform_options){.budgets = rules, .n = 5});
    assert_non_null(strstr(s, "\"gpuwise-a\\\"$${file(\\\"/etc/passwd\\\")}\""));
    assert_non_null(strstr(s, "[\"user:team$${var.x}\"]")); /* "$" and "{" meet across the parts */
    assert_non_null(strstr(s, "[\"user:team$%%{ if true }\"]"));
    assert_non_null(strstr(s, "[\"user:team$a\\\\b\"]"));
    assert_non_null(strstr(s, "\"aws_budgets_budget\" \"nlp_eu\" {"));
    assert_non_null(strstr(s, "\"aws_budgets_budget\" \"nlp_eu_2\" {"));
    assert_non_null(strstr(s, "\"aws_budgets_budget\" \"budget_42\" {"));
    assert_non_null(strstr(s, "\"aws_budgets_budget\" \"budget\" {"));
    gw_free(s);
}

static void test_no_memory(void **state)
{
    GW_UNUSED(state);
    const gw_budget_rule rules[] = {budget("a", GW_DIM_TEAM, "b")};
    const gw_rules_options ro = gw_rules_options_default();
    for (int which = 0; which < 3; which++) {
        int64_t live = gw_mem_live();
        for (uint64_t n = 1;; n++) {
            gw_buf b;
            gw_error e = {0};
            gw_buf_init(&b, GW_EXPORT_BYTES_MAX);
            gw_mem_fail_at(n);
            int rc = which == 0 ? gw_rules_write(&ro, &b, &e)
                     : which == 1
                         ? gw_grafana_write(&b, &e)
                         : gw_terraform_write(&(gw_terraform_options){.budgets = rules, .n = 1}, &b, &e);
            gw_mem_fail_at(0);
            gw_buf_free(&b);
            assert_int_equal(gw_mem_live(), live);
            assert_true(n < 1000);
            if (rc == 0)
                break;
            assert_int_equal(rc, GW_ENOMEM);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_object),    cmocka_unit_test(test_own_thresholds),
        cmocka_unit_test(test_bad_rules), cmocka_unit_test(test_grafana),
        cmocka_unit_test(test_terraform), cmocka_unit_test(test_tags),
        cmocka_unit_test(test_left_out),  cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
