#include "gw_test.h"

#include "fleet/finding.h"

static void a_finding_starts_unknown(void **state)
{
    GW_UNUSED(state);
    gw_findings f;
    gw_finding *x;
    gw_findings_init(&f);
    assert_int_equal(gw_findings_add(&f, "never-used", GW_SEVERITY_LOW, &x, NULL), 0);
    assert_string_equal(x->rule, "never-used");
    assert_false(gw_micro_known(x->monthly));
    assert_string_equal(x->text, "");
    gw_finding_subject(x, "namespace", "ml");
    gw_finding_subject(x, "pod", NULL); /* left out */
    gw_finding_number(x, "mean", 0.5);
    gw_finding_number(x, "bad", 0.0 / 0.0);
    gw_finding_text(x, "why", NULL);
    gw_finding_measure(x, "peak", -1);
    gw_finding_measure(x, "zero", 0);
    assert_int_equal(x->n_subject, 1);
    assert_string_equal(gw_finding_subject_of(x, "namespace"), "ml");
    assert_null(gw_finding_subject_of(x, "pod"));
    assert_int_equal(gw_finding_evidence_of(x, "mean")->kind, GW_EVIDENCE_NUMBER);
    assert_int_equal(gw_finding_evidence_of(x, "bad")->kind, GW_EVIDENCE_UNKNOWN);
    assert_int_equal(gw_finding_evidence_of(x, "why")->kind, GW_EVIDENCE_UNKNOWN);
    assert_int_equal(gw_finding_evidence_of(x, "peak")->kind, GW_EVIDENCE_UNKNOWN);
    assert_int_equal(gw_finding_evidence_of(x, "zero")->kind, GW_EVIDENCE_NUMBER);
    assert_null(gw_finding_evidence_of(x, "none"));
    gw_findings_free(&f);
}

static void bounds_hold(void **state)
{
    GW_UNUSED(state);
    gw_findings f;
    gw_finding *x;
    gw_findings_init(&f);
    assert_int_equal(gw_findings_add(&f, "r", GW_SEVERITY_LOW, &x, NULL), 0);
    for (int i = 0; i < 100; i++) {
        gw_finding_subject(x, "s", "v");
        gw_finding_number(x, "n", i);
    }
    assert_int_equal(x->n_subject, GW_SUBJECT_MAX);
    assert_int_equal(x->n_evidence, GW_EVIDENCE_MAX);
    gw_findings_free(&f);
}

/* Adds one, and says what it costs and of whom it speaks. */
static void put(gw_findings *f, const char *rule, gw_micro monthly, const char *ns)
{
    gw_finding *x;
    assert_int_equal(gw_findings_add(f, rule, GW_SEVERITY_LOW, &x, NULL), 0);
    x->monthly = monthly;
    gw_finding_subject(x, "namespace", ns);
}

static void order(void **state)
{
    GW_UNUSED(state);
    /* in the order they should come out; fed in two other orders */
    static const struct {
        const char *rule;
        gw_micro monthly;
        const char *ns;
    } sorted[] = {{"z", 300, "a"}, {"a", 200, "b"}, {"b", 200, "a"},
                  {"b", 200, "b"}, {"c", 0, "a"},   {"a", GW_MICRO_UNKNOWN, "a"}};
    for (size_t step = 1; step <= 5; step += 4) { /* 1 and 5 are prime to 6 */
        gw_findings f;
        gw_findings_init(&f);
        for (size_t i = 0; i < GW_COUNT(sorted); i++) {
            size_t k = (i * step + 3) % GW_COUNT(sorted);
            put(&f, sorted[k].rule, sorted[k].monthly, sorted[k].ns);
        }
        gw_findings_sort(&f);
        for (size_t i = 0; i < GW_COUNT(sorted); i++) {
            assert_string_equal(f.items[i].rule, sorted[i].rule);
            assert_int_equal(f.items[i].monthly, sorted[i].monthly);
            assert_string_equal(f.items[i].subject[0].value, sorted[i].ns);
        }
        gw_findings_free(&f);
    }
}

static void severities(void **state)
{
    GW_UNUSED(state);
    assert_string_equal(gw_severity_name(GW_SEVERITY_INFO), "info");
    assert_string_equal(gw_severity_name(GW_SEVERITY_HIGH), "high");
}

static void adding_may_fail(void **state)
{
    GW_UNUSED(state);
    gw_findings f;
    gw_finding *x = NULL;
    gw_error e = {0};
    gw_findings_init(&f);
    gw_mem_fail_at(1);
    assert_int_equal(gw_findings_add(&f, "r", GW_SEVERITY_LOW, &x, &e), GW_ENOMEM);
    gw_mem_fail_at(0);
    assert_int_equal(e.code, GW_ENOMEM);
    assert_null(x);
    assert_int_equal(f.n, 0);
    gw_findings_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_starts_unknown),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(order),
        cmocka_unit_test(severities),
        cmocka_unit_test(adding_may_fail),
    };
    return cmocka_run_group_tests_name("finding", tests, NULL, NULL);
}
