/* The headroom policy: what files say, which rule wins, what labels say where no rule does. */
#include "gw_test.h"

#include <math.h>

#include "allocate/policy.h"
#include "base/buf.h"

#define ALL  (1u << GW_FORM_WHOLE | 1u << GW_FORM_MIG | 1u << GW_FORM_MPS | 1u << GW_FORM_TIME_SLICE)
#define ONLY (1u << GW_FORM_WHOLE)

static gw_fleet fleet;
static gw_ownership ownership;
static gw_policy *policy;

static int setup(void **state)
{
    GW_UNUSED(state);
    gw_fleet_init(&fleet);
    gw_ownership_defaults(&ownership);
    return gw_policy_new(&policy, NULL);
}

static int teardown(void **state)
{
    GW_UNUSED(state);
    gw_policy_free(policy);
    gw_fleet_free(&fleet);
    return 0;
}

static uint32_t pod(const char *ns, const char *name, const char *kind, const char *workload)
{
    uint32_t p = gw_fleet_pod(&fleet, gw_str_of(ns), gw_str_of(name), NULL);
    fleet.pods[p].workload_kind = kind;
    fleet.pods[p].workload_name = workload;
    return p;
}

static void label(gw_labels *l, const char *name, const char *value)
{
    assert_int_equal(gw_fleet_label(&fleet, l, gw_str_of(name), gw_str_of(value), true), 0);
}

static void add(const char *text)
{
    gw_error e = {0};
    if (gw_policy_add_text(policy, "policy.yaml", gw_str_of(text), &e))
        fail_msg("%s", e.message);
}

static gw_headroom of(uint32_t p)
{
    return gw_policy_of(policy, &fleet, &ownership, p, GW_CLASS_INFERENCE);
}

/* ---- defaults and rules ---- */

static void says_the_defaults(void **state)
{
    GW_UNUSED(state);
    gw_headroom h = of(pod("ml", "chat-1", "Deployment", "chat"));
    assert_true(h.compute_p95 == 0.85 && h.memory_peak == 0.85);
    assert_true(h.production && h.survive_node_loss); /* nobody says what it is, so it is production */
    assert_int_equal(h.tier, GW_TIER_STANDARD);
    assert_false(h.exclude || h.pin);
    assert_int_equal(h.forms, ALL);
    assert_int_equal(h.max_parts, 0);
    assert_string_equal(h.tenant, "ml");
    assert_false(h.tenant_named);
    assert_null(h.why);
}

static void reads_every_key(void **state)
{
    GW_UNUSED(state);
    uint32_t p = pod("ml", "chat-1", "Deployment", "chat");
    add("apiVersion: gpuwise/v1\n"
        "kind: Policy\n"
        "defaults: {computeP95: 70%, memoryPeak: 0.9, surviveNodeLoss: no, maxParts: 6}\n"
        "rules:\n"
        "- namespace: ml\n"
        "  workload: deployment/chat\n"
        "  latencyTier: p99\n"
        "  production: false\n"
        "  pin: true\n"
        "  tenant: squad-a\n"
        "  sharing: [mig, time-slicing]\n");
    gw_headroom h = of(p);
    assert_true(fabs(h.compute_p95 - 0.7) < 1e-12 && h.memory_peak == 0.9);
    assert_false(h.survive_node_loss || h.production || h.exclude);
    assert_int_equal(h.tier, GW_TIER_P99);
    assert_true(h.pin);
    assert_int_equal(h.forms, ONLY | 1u << GW_FORM_MIG | 1u << GW_FORM_TIME_SLICE);
    assert_int_equal(h.max_parts, 6);
    assert_string_equal(h.tenant, "squad-a");
    assert_true(h.tenant_named);
    assert_string_equal(h.why, "pinned to its node by rule 1 (policy.yaml:5)");
}

static void later_rules_win_field_by_field(void **state)
{
    GW_UNUSED(state);
    uint32_t chat = pod("ml", "chat-1", "Deployment", "chat"), other = pod("ml", "x", NULL, NULL);
    add("rules:\n"
        "- {namespace: ml, exclude: true, computeP95: 0.5, latencyTier: best-effort}\n"
        "- {namespace: ml, workload: chat, exclude: false, sharing: []}\n"
        "- {namespace: nowhere, exclude: true}\n"
        "- {workload: chat, computeP95: 0.6}\n");
    gw_headroom h = of(chat);
    assert_false(h.exclude);
    assert_true(h.compute_p95 == 0.6 && h.memory_peak == 0.85);
    assert_int_equal(h.tier, GW_TIER_BEST_EFFORT);
    assert_int_equal(h.forms, ONLY);
    assert_string_equal(h.why, "kept dedicated by rule 2 (policy.yaml:3)");
    h = of(other);
    assert_true(h.exclude && h.compute_p95 == 0.5);
    assert_string_equal(h.why, "excluded by rule 1 (policy.yaml:2)");
    /* a second file comes after the first; its rules count from 1 again */
    gw_error e;
    const char *more = "defaults: {memoryPeak: 0.8}\nrules: [{workload: \"?hat\", exclude: yes}]\n";
    assert_int_equal(gw_policy_add_text(policy, "b.yaml", gw_str_of(more), &e), 0);
    h = of(chat);
    assert_true(h.exclude && h.memory_peak == 0.8);
    assert_string_equal(h.why, "excluded by rule 1 (b.yaml:2)");
}

static void defaults_may_exclude_what_rules_let_in(void **state)
{
    GW_UNUSED(state);
    uint32_t in = pod("try", "a", NULL, NULL), out = pod("ml", "b", NULL, NULL);
    add("defaults: {exclude: true}\nrules: [{namespace: try, exclude: false}]\n");
    assert_false(of(in).exclude);
    assert_null(of(in).why);
    assert_true(of(out).exclude);
    assert_string_equal(of(out).why, "excluded by the defaults of policy.yaml");
}

static void patterns(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *ns, *workload;
        bool matches;
    } cases[] = {
        {"ml-prod", "Deployment/chat-large", true},
        {"ml-*", "chat-*", true},
        {"*", "*", true},
        {"m?-prod", "chat-?????", true},
        {"m?-prod", "chat-????", false},
        {"*-prod", "*/*large", true}, /* kinds are patterns, too */
        {"ml-prod*", "*a*a*e", true}, /* ch-a-t-l-a-rg-e */
        {"ml-prod*", "*a*a*a*e", false},
        {"ml", "*", false},
        {"prod", "*", false},
        {"ML-prod", "*", false}, /* names are as they are */
        {"ml-prod", "dePLOYment/chat-large", true},
        {"ml-prod", "Deployment/Chat-large", false},
        {"ml-prod", "StatefulSet/chat-large", false},
        {"ml-prod", "*Set/chat-large", false},
        {"ml-prod", "Deployment/chat", false},
        {"**", "chat**large**", true},
    };
    uint32_t p = pod("ml-prod", "chat-large-5d8f-x2x", "Deployment", "chat-large");
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        char text[200];
        gw_policy_free(policy);
        assert_int_equal(gw_policy_new(&policy, NULL), 0);
        snprintf(text, sizeof(text), "rules: [{namespace: \"%s\", workload: \"%s\", pin: true}]", cases[i].ns,
                 cases[i].workload);
        add(text);
        if (of(p).pin != cases[i].matches)
            fail_msg("%s", text);
    }
}

static void bare_pods_are_their_own_workload(void **state)
{
    GW_UNUSED(state);
    uint32_t p = pod("lab", "probe", NULL, NULL);
    add("rules: [{workload: pod/pro*, pin: true}, {workload: probe, maxParts: 2}]");
    assert_true(of(p).pin);
    assert_int_equal(of(p).max_parts, 2);
}

static void selectors_see_every_level(void **state)
{
    GW_UNUSED(state);
    uint32_t p = pod("ml", "chat-1", "Deployment", "chat");
    fleet.pods[p].owner_kind = "ReplicaSet";
    fleet.pods[p].owner_name = "chat-5d8f";
    uint32_t rs =
        gw_fleet_owner(&fleet, gw_str_of("ml"), gw_str_of("ReplicaSet"), gw_str_of("chat-5d8f"), NULL);
    uint32_t top = gw_fleet_owner(&fleet, gw_str_of("ml"), gw_str_of("Deployment"), gw_str_of("chat"), NULL);
    uint32_t ns = gw_fleet_namespace(&fleet, gw_str_of("ml"), NULL);
    add("rules:\n"
        "- {selector: \"team=search\", pin: true}\n"
        "- {selector: \"team in (ads,feed),!canary\", maxParts: 3}\n"
        "- {selector: gpuwise/hands-off, exclude: true}\n"
        "- {namespace: other, selector: gpuwise/hands-off, exclude: false}\n");
    assert_false(of(p).pin);
    label(&fleet.ns_labels[ns], "team", "search");
    assert_true(of(p).pin); /* of the namespace */
    label(&fleet.owners[top].labels, "team", "ads");
    assert_false(of(p).pin); /* the top of the chain is nearer, though a link to it is missing */
    assert_int_equal(of(p).max_parts, 3);
    label(&fleet.owners[rs].labels, "canary", "true");
    assert_int_equal(of(p).max_parts, 0);
    label(&fleet.pods[p].labels, "team", "search");
    assert_true(of(p).pin);
    assert_false(of(p).exclude);
    label(&fleet.owners[rs].labels, "gpuwise/hands-off", "");
    assert_true(of(p).exclude); /* a label without a value is there */
}

/* Rules that do not get as far as their selector must not disturb what others find. */
static void labels_in_any_order(void **state)
{
    GW_UNUSED(state);
    uint32_t p = pod("ml", "x", NULL, NULL);
    label(&fleet.pods[p].labels, "first", "yes");
    label(&fleet.pods[p].labels, "second", "yes");
    add("rules:\n"
        "- {namespace: other, selector: first=yes, exclude: true}\n"
        "- {selector: second=yes, maxParts: 5}\n"
        "- {selector: first=yes, pin: true}\n"
        "- {selector: second=no, exclude: true}\n");
    gw_headroom h = of(p);
    assert_true(h.pin && !h.exclude && h.max_parts == 5);
}

/* More distinct labels than one look at a pod remembers: the rest is looked up each time, and found. */
static void many_labels(void **state)
{
    GW_UNUSED(state);
    uint32_t p = pod("ml", "x", NULL, NULL);
    gw_error e;
    for (int i = 0; i < 3 * GW_POLICY_LABELS_REMEMBER; i++) {
        char text[100];
        snprintf(text, sizeof(text), "rules: [{selector: \"label-%d=yes,!missing-%d\", maxParts: %d}]", i, i,
                 2 + i % 40);
        assert_int_equal(gw_policy_add_text(policy, "f", gw_str_of(text), &e), 0);
    }
    for (int i = 0; i < 3 * GW_POLICY_LABELS_REMEMBER; i++) {
        char name[32];
        snprintf(name, sizeof(name), "label-%d", i);
        label(&fleet.pods[p].labels, name, "yes");
        assert_int_equal(of(p).max_parts, 2 + i % 40); /* the last that matches is the newest label's */
    }
}

/* ---- what labels say ---- */

static void environments(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *value;
        bool production;
    } cases[] = {
        {"production", true},
        {"prod", true},
        {"PROD-eu", true},
        {"eu-prod-2", true},
        {"preprod", true},
        {"dev", false},
        {"Development", false},
        {"test", false},
        {"testing", false},
        {"staging", false},
        {"qa2", false},
        {"sandbox", false},
        {"preview-71", false},
        {"ci", false},
        {"demo", false},
        {"dev-eu", false},
        {"devices", true},
        {"blue", true},
        {"", true},
        {"42", true},
        {"test-of-prod", true}, /* both are said: the one that asks for more care counts */
    };
    uint32_t p = pod("ml", "x", NULL, NULL);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        label(&fleet.pods[p].labels, "env", cases[i].value);
        if (of(p).production != cases[i].production)
            fail_msg("environment \"%s\"", cases[i].value);
    }
    /* a default holds where the label says nothing that is understood, a rule always */
    add("defaults: {production: false}");
    label(&fleet.pods[p].labels, "env", "blue");
    assert_false(of(p).production);
    label(&fleet.pods[p].labels, "env", "prod");
    assert_true(of(p).production);
    add("rules: [{namespace: ml, production: false}]");
    assert_false(of(p).production);
}

static gw_tier tier(uint32_t p, gw_workload_class class)
{
    return gw_policy_of(policy, &fleet, &ownership, p, class).tier;
}

static void tiers(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *value;
        gw_tier tier;
    } cases[] = {
        {"p99", GW_TIER_P99},
        {"Gold", GW_TIER_P99},
        {"platinum", GW_TIER_P99},
        {"premium", GW_TIER_P99},
        {"critical", GW_TIER_P99},
        {"real-time", GW_TIER_P99},
        {"realtime", GW_TIER_P99},
        {"silver", GW_TIER_STANDARD},
        {"standard", GW_TIER_STANDARD},
        {"bronze", GW_TIER_BEST_EFFORT},
        {"best-effort", GW_TIER_BEST_EFFORT},
        {"BATCH", GW_TIER_BEST_EFFORT},
        {"spot", GW_TIER_BEST_EFFORT},
        {"tier-1", GW_TIER_STANDARD}, /* not understood: no excuse to let a notebook wait */
    };
    uint32_t p = pod("ml", "x", NULL, NULL);
    static const gw_workload_class standard[] = {GW_CLASS_UNKNOWN, GW_CLASS_INFERENCE, GW_CLASS_TRAINING,
                                                 GW_CLASS_MIXED, GW_CLASS_NONE};
    for (size_t i = 0; i < GW_COUNT(standard); i++)
        assert_int_equal(tier(p, standard[i]), GW_TIER_STANDARD);
    assert_int_equal(tier(p, GW_CLASS_NOTEBOOK), GW_TIER_BEST_EFFORT);
    assert_int_equal(tier(p, GW_CLASS_BATCH), GW_TIER_BEST_EFFORT);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        label(&fleet.pods[p].labels, "sla-tier", cases[i].value);
        if (tier(p, GW_CLASS_NOTEBOOK) != cases[i].tier)
            fail_msg("sla-tier \"%s\"", cases[i].value);
    }
    add("defaults: {latencyTier: p99}"); /* "tier-1" still says nothing that is understood */
    assert_int_equal(tier(p, GW_CLASS_NOTEBOOK), GW_TIER_P99);
    label(&fleet.pods[p].labels, "sla-tier", "bronze");
    assert_int_equal(tier(p, GW_CLASS_INFERENCE), GW_TIER_BEST_EFFORT);
    /* without ownership no label is read */
    assert_int_equal(gw_policy_of(policy, &fleet, NULL, p, GW_CLASS_BATCH).tier, GW_TIER_P99);
}

static void tenants(void **state)
{
    GW_UNUSED(state);
    uint32_t p = pod("ml", "x", NULL, NULL);
    uint32_t ns = gw_fleet_namespace(&fleet, gw_str_of("ml"), NULL);
    assert_string_equal(of(p).tenant, "ml");
    add("defaults: {tenant: house}");
    assert_string_equal(of(p).tenant, "house");
    assert_true(of(p).tenant_named);
    label(&fleet.ns_labels[ns], "tenant", "squad-b");
    assert_string_equal(of(p).tenant, "squad-b");
    label(&fleet.pods[p].labels, "tenant", "squad-c");
    assert_string_equal(of(p).tenant, "squad-c");
    label(&fleet.pods[p].labels, "tenant", ""); /* empty: the template's author left it open */
    assert_string_equal(of(p).tenant, "house");
    add("rules: [{namespace: ml, tenant: squad-d}]");
    assert_string_equal(of(p).tenant, "squad-d");
}

static void no_such_pod_is_excluded(void **state)
{
    GW_UNUSED(state);
    gw_headroom h = of(7);
    assert_true(h.exclude && h.why && h.tenant);
    assert_int_equal(h.forms, ONLY);
}

static void several_pods_get_the_stricter(void **state)
{
    GW_UNUSED(state);
    uint32_t a = pod("ml", "a", NULL, NULL), b = pod("ml", "b", NULL, NULL), c = pod("lab", "c", NULL, NULL);
    add("rules:\n"
        "- {workload: a, computeP95: 0.5, latencyTier: best-effort, production: false, sharing: [mig, mps], "
        "maxParts: 8}\n"
        "- {workload: b, memoryPeak: 0.6, latencyTier: standard, surviveNodeLoss: false, sharing: [mps], "
        "maxParts: 3}\n"
        "- {workload: c, latencyTier: p99, exclude: true}\n");
    for (int order = 0; order < 2; order++) {
        gw_headroom h = of(order ? b : a), also = of(order ? a : b);
        gw_headroom_tighten(&h, &also);
        assert_true(h.compute_p95 == 0.5 && h.memory_peak == 0.6);
        assert_true(h.production && h.survive_node_loss);
        assert_int_equal(h.tier, GW_TIER_STANDARD);
        assert_int_equal(h.forms, ONLY | 1u << GW_FORM_MPS);
        assert_int_equal(h.max_parts, 3);
        assert_null(h.why);
        also = of(c); /* of another tenant, so that only hardware may part them: and MIG is not allowed */
        gw_headroom_tighten(&h, &also);
        assert_int_equal(h.tier, GW_TIER_P99);
        assert_int_equal(h.forms, ONLY);
        assert_int_equal(h.max_parts, 3);
        assert_true(h.exclude);
        assert_string_equal(h.why, "excluded by rule 3 (policy.yaml:4)");
    }
}

/* ---- the command line ---- */

static void selectors_of_the_command_line(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    uint32_t p = pod("ml", "x", NULL, NULL);
    label(&fleet.pods[p].labels, "app", "chat");
    assert_int_equal(gw_policy_add_selector(policy, "app=chat", false, true, &e), 0);
    assert_true(of(p).pin);
    assert_false(of(p).exclude);
    assert_string_equal(of(p).why, "pinned to its node by the selector app=chat");
    assert_int_equal(gw_policy_add_selector(policy, "app in (chat,x)", true, false, &e), 0);
    assert_true(of(p).pin && of(p).exclude);
    assert_string_equal(of(p).why, "excluded by the selector app in (chat,x)");
    assert_int_equal(gw_policy_add_selector(policy, "app=(", true, false, &e), GW_EUSAGE);
    assert_int_equal(gw_policy_add_selector(policy, "", true, false, &e), GW_EUSAGE);
    assert_int_equal(gw_policy_add_selector(policy, " ", true, false, &e), GW_EUSAGE);
    char *longer = gw_calloc(1, GW_POLICY_TEXT_MAX + 2);
    assert_non_null(longer);
    memset(longer, 'a', GW_POLICY_TEXT_MAX + 1);
    assert_int_equal(gw_policy_add_selector(policy, longer, true, false, &e), GW_EUSAGE);
    gw_free(longer);
}

static void headroom_of_the_command_line(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    uint32_t p = pod("ml", "x", NULL, NULL);
    static const double wrong[] = {0, 0.009, 1.0001, 85, NAN, INFINITY};
    for (size_t i = 0; i < GW_COUNT(wrong); i++) {
        assert_int_equal(gw_policy_set_headroom(policy, wrong[i], 0.5, &e), GW_EUSAGE);
        assert_non_null(strstr(e.message, "compute"));
        assert_int_equal(gw_policy_set_headroom(policy, 0.5, wrong[i], &e), GW_EUSAGE);
        assert_non_null(strstr(e.message, "memory"));
    }
    assert_true(of(p).compute_p95 == 0.85 && of(p).memory_peak == 0.85); /* untouched */
    add("defaults: {computeP95: 0.6, memoryPeak: 0.6}");
    assert_int_equal(gw_policy_set_headroom(policy, 1, -1, &e), 0);
    assert_true(of(p).compute_p95 == 1 && of(p).memory_peak == 0.6);
    assert_int_equal(gw_policy_set_headroom(policy, -1, 0.7, &e), 0);
    assert_true(of(p).compute_p95 == 1 && of(p).memory_peak == 0.7);
    add("rules: [{namespace: ml, computeP95: 0.9}]");
    assert_true(of(p).compute_p95 == 0.9);
}

/* ---- what is wrong ---- */

static void errors_say_where_and_what(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text, *place, *part;
    } cases[] = {
        {"rules:\n- {namespace: a, exlude: true}\n",
         "policy.yaml:2:", "\"exlude\" is no key here (did you mean exclude?)"},
        {"rules:\n- {namespace: a, colour: red}\n",
         "policy.yaml:2:", "there are namespace, workload, selector, computeP95"},
        {"rules:\n- namespace: a\n  pin: true\n  latencyTier: p999\n",
         "policy.yaml:4:16: ", "did you mean p99?"},
        {"latencyTier: p99\n", "policy.yaml:1:", "there are apiVersion, kind, defaults, rules"},
        {"defaults: {namespace: a}", "policy.yaml:1:", "is no key here"},
        {"defaults: {computeP95: 0}", "policy.yaml:1:24: ", "from 0.01 to 1"},
        {"defaults: {computeP95: 85}", "policy.yaml:1:24: ", "85%"},
        {"defaults: {computeP95: 101%}", "policy.yaml:1:24: ", "computeP95"},
        {"defaults: {memoryPeak: -0.5}", "policy.yaml:1:24: ", "memoryPeak"},
        {"defaults: {memoryPeak: nan}", "policy.yaml:1:24: ", "memoryPeak"},
        {"defaults: {memoryPeak: lots}", "policy.yaml:1:24: ", "memoryPeak"},
        {"defaults: {memoryPeak: \"%\"}", "policy.yaml:1:24: ", "memoryPeak"},
        {"defaults: {memoryPeak: [1]}", "policy.yaml:1:", ""},
        {"defaults: {exclude: maybe}", "policy.yaml:1:", ""},
        {"defaults: {maxParts: 1}", "policy.yaml:1:22: ", "from 2 to 48"},
        {"defaults: {maxParts: 49}", "policy.yaml:1:22: ", "from 2 to 48"},
        {"defaults: {maxParts: 2.5}", "policy.yaml:1:22: ", ""},
        {"defaults: {sharing: mig}", "policy.yaml:1:", ""},
        {"defaults: {sharing: [mig, msp]}", "policy.yaml:1:27: ", "did you mean mps?"},
        {"defaults: {sharing: [[mig]]}", "policy.yaml:1:", ""},
        {"defaults: {tenant: \"\"}", "policy.yaml:1:20: ", "tenant must have 1 to 4096 bytes"},
        {"defaults: []", "policy.yaml:1:", ""},
        {"rules: {}", "policy.yaml:1:", ""},
        {"rules: [a]", "policy.yaml:1:", ""},
        {"rules:\n- pin: true\n", "policy.yaml:2:3: ", "needs a namespace, workload or selector"},
        {"rules:\n- namespace: a\n", "policy.yaml:2:3: ", "sets nothing"},
        {"rules: [{namespace: \"\", pin: true}]", "policy.yaml:1:", "namespace must have 1"},
        {"rules: [{workload: a/b/c, pin: true}]", "policy.yaml:1:20: ", "KIND/NAME"},
        {"rules: [{workload: /b, pin: true}]", "policy.yaml:1:20: ", "KIND/NAME"},
        {"rules: [{workload: b/, pin: true}]", "policy.yaml:1:20: ", "KIND/NAME"},
        {"rules: [{selector: \"a in b\", pin: true}]", "policy.yaml:1:20: ", "selector"},
        {"rules: [{selector: \" \", pin: true}]", "policy.yaml:1:20: ", "empty selector"},
        {"rules: [{namespace: a, pin: true, pin: false}]", "policy.yaml:1:", ""},
        {"kind: Prices", "policy.yaml:1:7: ", "kind must be Policy"},
        {"- a", "policy.yaml:1:", ""},
        {"rules: [", "policy.yaml:", ""},
    };
    uint32_t p = pod("a", "x", NULL, NULL);
    add("defaults: {computeP95: 0.5}\nrules: [{namespace: a, maxParts: 5}]");
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_error e = {0};
        int rc = gw_policy_add_text(policy, "policy.yaml", gw_str_of(cases[i].text), &e);
        if (rc != GW_ECONFIG || !gw_has_prefix(e.message, cases[i].place) ||
            !strstr(e.message, cases[i].part))
            fail_msg("%s\n-> %d %s", cases[i].text, rc, e.message);
        gw_headroom h = of(p);
        assert_true(h.compute_p95 == 0.5 && h.max_parts == 5 && !h.pin && !h.exclude);
    }
}

static void a_failed_file_leaves_nothing(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    uint32_t p = pod("a", "x", NULL, NULL);
    const char *text = "defaults: {memoryPeak: 0.5}\n"
                       "rules:\n"
                       "- {namespace: a, exclude: true}\n"
                       "- {namespace: a, exclude: perhaps}\n";
    assert_int_equal(gw_policy_add_text(policy, "policy.yaml", gw_str_of(text), &e), GW_ECONFIG);
    assert_false(of(p).exclude);
    assert_true(of(p).memory_peak == 0.85);
}

static void empty_files_say_nothing(void **state)
{
    GW_UNUSED(state);
    uint32_t p = pod("a", "x", NULL, NULL);
    add("");
    add("# all of it commented out\n");
    add("{}");
    add("defaults:\nrules:\n");
    add("rules: []\ndefaults: {}");
    assert_null(of(p).why);
    assert_true(of(p).compute_p95 == 0.85);
}

static void rules_are_bounded(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_buf b;
    gw_buf_init(&b, (size_t)1 << 20);
    gw_buf_puts(&b, "rules:\n");
    for (int i = 0; i < GW_POLICY_RULES_MAX; i++)
        gw_buf_puts(&b, "- {namespace: a, pin: true}\n");
    add(b.data);
    assert_int_equal(gw_policy_add_text(policy, "more", gw_str_of("rules: [{namespace: a, pin: true}]"), &e),
                     GW_ELIMIT);
    assert_non_null(strstr(e.message, "1000 rules"));
    assert_int_equal(gw_policy_add_selector(policy, "a=b", true, false, &e), GW_ELIMIT);
    gw_buf_free(&b);
}

static void survives_want_of_memory(void **state)
{
    GW_UNUSED(state);
    static const char text[] =
        "defaults: {memoryPeak: 0.5, tenant: t}\n"
        "rules:\n"
        "- {namespace: ml, workload: Deployment/x, selector: \"a in (b,c),!d\", exclude: true}\n"
        "- {selector: app=chat, sharing: [mps], tenant: u}\n";
    uint32_t p = pod("ml", "x-1", "Deployment", "x");
    label(&fleet.pods[p].labels, "a", "c");
    int64_t live = gw_mem_live();
    int rc = GW_ENOMEM;
    uint64_t at = 0;
    while (rc && at < 2000) {
        gw_policy *fresh = NULL;
        gw_error e = {0};
        gw_mem_fail_at(++at);
        rc = gw_policy_new(&fresh, &e);
        if (!rc) {
            rc = gw_policy_add_text(fresh, "policy.yaml", gw_str_of(text), &e);
            gw_headroom h = gw_policy_of(fresh, &fleet, &ownership, p, GW_CLASS_UNKNOWN);
            assert_true(h.exclude == !rc && (h.memory_peak == 0.5) == !rc);
        }
        if (!rc)
            rc = gw_policy_add_selector(fresh, "a=c", false, true, &e);
        gw_mem_fail_at(0);
        if (rc)
            assert_int_equal(rc, GW_ENOMEM);
        else
            assert_true(gw_policy_of(fresh, &fleet, &ownership, p, GW_CLASS_UNKNOWN).pin);
        gw_policy_free(fresh);
        assert_int_equal(gw_mem_live(), live);
    }
    assert_int_equal(rc, 0);
    assert_true(at > 10); /* it did allocate */
}

/* The guide's tables have a row for each key that a rule may have, and its example is read. */
static void the_guide_has_every_key(void **state)
{
    GW_UNUSED(state);
    static char text[1 << 16], example[1 << 16];
    gw_error e = {0};
    FILE *guide = fopen("docs/guide/policy.md", "r"); /* tests run in the source root */
    assert_non_null(guide);
    text[fread(text, 1, sizeof(text) - 1, guide)] = '\0';
    fclose(guide);
    assert_int_equal(gw_policy_add_text(policy, "p", gw_str_of("rules: [{?: 1}]"), &e), GW_ECONFIG);
    char *keys = strstr(e.message, "there are ");
    assert_non_null(keys);
    int n = 0;
    for (char *key = keys + strlen("there are "), *rest; key; key = rest, n++) {
        char row[64];
        rest = strstr(key, ", ");
        if (rest) {
            *rest = '\0';
            rest += 2;
        }
        snprintf(row, sizeof(row), "\n| `%s` |", key);
        if (!strstr(text, row))
            fail_msg("docs/guide/policy.md has no row for %s", key);
    }
    assert_int_equal(n, 13); /* 3 that choose pods, 10 that set something */
    /* the first indented block */
    char *from = strstr(text, "\n    kind: Policy"), *to = strstr(text, "\n## ");
    assert_true(from && to && from < to);
    size_t at = 0;
    for (const char *p = from + 1; p < to; p++)
        if (!gw_has_prefix(p, "    ") || p[-1] != '\n')
            example[at++] = *p;
        else
            p += 3;
    add(example);
    gw_headroom h = of(pod("ml-search", "embed-1", "Deployment", "embed-de"));
    assert_true(h.memory_peak == 0.75); /* as the comment there says */
    assert_int_equal(h.tier, GW_TIER_STANDARD);
    assert_true(of(pod("billing", "x", NULL, NULL)).exclude);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(says_the_defaults),
        T(reads_every_key),
        T(later_rules_win_field_by_field),
        T(defaults_may_exclude_what_rules_let_in),
        T(patterns),
        T(bare_pods_are_their_own_workload),
        T(selectors_see_every_level),
        T(labels_in_any_order),
        T(many_labels),
        T(environments),
        T(tiers),
        T(tenants),
        T(no_such_pod_is_excluded),
        T(several_pods_get_the_stricter),
        T(the_guide_has_every_key),
        T(selectors_of_the_command_line),
        T(headroom_of_the_command_line),
        T(errors_say_where_and_what),
        T(a_failed_file_leaves_nothing),
        T(empty_files_say_nothing),
        T(rules_are_bounded),
        T(survives_want_of_memory),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
