/*
 * What the scheduler would say, from tables that were worked out by hand from the Kubernetes documentation
 * (the pages that fleet/rules.h names), and the store that shares equal rules.
 */
#include "gw_test.h"

#include "fleet/rules.h"

#define S(text)     gw_str_of(text)
#define VALUES(...) (const char *const[]){__VA_ARGS__}, GW_COUNT(((const char *const[]){__VA_ARGS__}))
#define TERM(...)                                                                                            \
    {                                                                                                        \
        (const gw_match[]){__VA_ARGS__}, GW_COUNT(((const gw_match[]){__VA_ARGS__})), false                  \
    }
#define ONE(key, op)  TERM({key, op, NULL, 0, false})
#define IN(key, ...)  TERM({key, GW_MATCH_IN, VALUES(__VA_ARGS__), false})
#define NOT(key, ...) TERM({key, GW_MATCH_NOT_IN, VALUES(__VA_ARGS__), false})
#define GT(key, v)    TERM({key, GW_MATCH_GT, VALUES(v), false})
#define LT(key, v)    TERM({key, GW_MATCH_LT, VALUES(v), false})
#define NAMED(op, v)  TERM({"metadata.name", op, VALUES(v), true})

static gw_kv node_kv[] = {
    {"zone", "a"}, {"disks", "4"}, {"empty", ""}, {"big", "9223372036854775807"}, {"word", "four"}};
static const gw_labels labels = {node_kv, GW_COUNT(node_kv), GW_COUNT(node_kv)};

static void labels_match_as_kubernetes_says(void **state)
{
    GW_UNUSED(state);
    const struct {
        gw_match_term term;
        bool matches;
    } cases[] = {
        {IN("zone", "a"), true},
        {IN("zone", "b", "a"), true},
        {IN("zone", "A"), false}, /* values are case sensitive */
        {IN("absent", "a"), false},
        {IN("empty", ""), true}, /* a label with an empty value is a label */
        {NOT("zone", "a"), false},
        {NOT("zone", "b"), true},
        {NOT("absent", "a"), true}, /* "including those that have no such label" */
        {ONE("zone", GW_MATCH_EXISTS), true},
        {ONE("empty", GW_MATCH_EXISTS), true},
        {ONE("absent", GW_MATCH_EXISTS), false},
        {ONE("zone", GW_MATCH_MISSING), false},
        {ONE("absent", GW_MATCH_MISSING), true},
        {GT("disks", "3"), true},
        {GT("disks", "4"), false},
        {LT("disks", "5"), true},
        {LT("disks", "4"), false},
        {GT("big", "9223372036854775806"), true},
        {GT("word", "1"), false}, /* not a number: does not match, either way */
        {LT("word", "1"), false},
        {GT("disks", "x"), false},
        {LT("absent", "5"), false}, /* 0 is not what is missing */
        {LT("empty", "5"), false},
        /* all of a term must hold */
        {TERM({"zone", GW_MATCH_IN, VALUES("a"), false}, {"disks", GW_MATCH_GT, VALUES("3"), false}), true},
        {TERM({"zone", GW_MATCH_IN, VALUES("a"), false}, {"disks", GW_MATCH_GT, VALUES("4"), false}), false},
        /* matchFields: the name of the object, not a label */
        {NAMED(GW_MATCH_IN, "n1"), true},
        {NAMED(GW_MATCH_IN, "n2"), false},
        {NAMED(GW_MATCH_NOT_IN, "n1"), false},
        /* an empty label selector matches everything, an absent one nothing */
        {{NULL, 0, false}, true},
        {{NULL, 0, true}, false},
        /* names are exact, though kube-state-metrics would spell both alike */
        {IN("Zone", "a"), false},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        if (gw_match_labels(&cases[i].term, &labels, "n1") != cases[i].matches)
            fail_msg("case %zu (%s) should be %d", i, cases[i].term.n ? cases[i].term.all[0].key : "-",
                     cases[i].matches);
    }
}

#define ANY true, GW_TAINT_NO_SCHEDULE
#define NS  false, GW_TAINT_NO_SCHEDULE
#define NX  false, GW_TAINT_NO_EXECUTE

static void tolerations_cover_as_kubernetes_says(void **state)
{
    GW_UNUSED(state);
    static const gw_taint gpu = {"nvidia.com/gpu", "present", GW_TAINT_NO_SCHEDULE};
    const struct {
        gw_toleration t;
        gw_taint taint;
        bool covers;
    } cases[] = {
        {{"nvidia.com/gpu", "present", NS, false}, gpu, true},
        {{"nvidia.com/gpu", "other", NS, false}, gpu, false},
        {{"nvidia.com/gpu", NULL, NS, false}, gpu, true},  /* Exists */
        {{"nvidia.com/gpu", NULL, ANY, false}, gpu, true}, /* no effect: every effect */
        {{"nvidia.com/gpu", NULL, NX, false}, gpu, false},
        {{NULL, NULL, ANY, false}, gpu, true}, /* "an empty key with operator Exists matches all" */
        {{NULL, NULL, NX, false}, gpu, false},
        {{"nvidia.com/gpus", NULL, ANY, false}, gpu, false},
        /* Equal with an empty value covers the taint without one, and only that */
        {{"k", "", ANY, false}, {"k", "", GW_TAINT_NO_EXECUTE}, true},
        {{"k", "", ANY, false}, {"k", "v", GW_TAINT_NO_EXECUTE}, false},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++)
        if (gw_toleration_covers(&cases[i].t, &cases[i].taint) != cases[i].covers)
            fail_msg("case %zu should be %d", i, cases[i].covers);
}

static const gw_match_term a_term = IN("zone", "a"), b_term = IN("zone", "b"), nothing_term = {NULL, 0, true};
static const gw_match_alternatives a_only = {&a_term, 1}, b_only = {&b_term, 1}, no_terms = {NULL, 0},
                                   an_empty_term = {&nothing_term, 1};

static gw_refusal refused(const gw_pod_rules *r, const gw_node *n)
{
    gw_refusal why, none = {.kind = GW_RULE_NONE};
    bool allowed = gw_rules_allow_node(r, n, &why);
    assert_int_equal(allowed, why.kind == GW_RULE_NONE);
    assert_int_equal(gw_rules_allow_node(r, n, NULL), allowed);
    return allowed ? none : why;
}

static void nodes_are_refused_for_what_speaks_against_them(void **state)
{
    GW_UNUSED(state);
    gw_taint taints[] = {{"soft", "", GW_TAINT_PREFER_NO_SCHEDULE},
                         {"dedicated", "ml", GW_TAINT_NO_SCHEDULE}};
    gw_node n = {.name = "n1", .labels = labels, .rules_known = true, .schedulable = true};
    gw_pod_rules r = {0};
    char text[GW_REFUSAL_TEXT_MAX];
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NONE);

    n.rules_known = false; /* a node that only metrics tell of may have any taint */
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NODE_UNKNOWN);
    n.rules_known = true;

    n.schedulable = false;
    assert_int_equal(refused(&r, &n).kind, GW_RULE_CORDONED);
    gw_toleration any = {NULL, NULL, true, GW_TAINT_NO_SCHEDULE, false};
    r = (gw_pod_rules){.tolerations = &any, .n_tolerations = 1};
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NONE); /* as DaemonSets' pods are let onto it */
    n.schedulable = true;

    r = (gw_pod_rules){.node_selector = b_term};
    gw_refusal why = refused(&r, &n);
    assert_int_equal(why.kind, GW_RULE_NODE_SELECTOR);
    assert_string_equal(gw_refusal_phrase(&why, text), "its node selector wants zone=b");
    r.node_selector = a_term;
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NONE);

    /* terms of one affinity are alternatives; several affinities must all be satisfied */
    const gw_match_term both_terms[] = {b_term, a_term};
    const gw_match_alternatives either = {both_terms, 2}, a_and_b[] = {a_only, b_only};
    r = (gw_pod_rules){.node_affinity = &either, .n_node_affinity = 1};
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NONE);
    r = (gw_pod_rules){.node_affinity = a_and_b, .n_node_affinity = 2};
    why = refused(&r, &n);
    assert_int_equal(why.kind, GW_RULE_NODE_AFFINITY);
    assert_string_equal(gw_refusal_phrase(&why, text), "its node affinity does not allow the node");
    /* no terms, and an empty term, match no node */
    r = (gw_pod_rules){.node_affinity = &no_terms, .n_node_affinity = 1};
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NODE_AFFINITY);
    r = (gw_pod_rules){.node_affinity = &an_empty_term, .n_node_affinity = 1};
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NODE_AFFINITY);

    r = (gw_pod_rules){.volumes = a_and_b, .n_volumes = 2};
    assert_int_equal(refused(&r, &n).kind, GW_RULE_VOLUME);
    r.n_volumes = 1;
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NONE);

    const char *const claims[] = {"data"};
    r = (gw_pod_rules){.claims = claims, .n_claims = 1};
    assert_int_equal(refused(&r, &n).kind, GW_RULE_UNRESOLVED);

    n.taints = taints;
    n.n_taints = 1;
    r = (gw_pod_rules){0};
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NONE); /* a preference */
    n.n_taints = 2;
    why = refused(&r, &n);
    assert_int_equal(why.kind, GW_RULE_TAINT);
    assert_string_equal(gw_refusal_phrase(&why, text),
                        "it does not tolerate the taint dedicated=ml:NoSchedule");
    gw_toleration ml = {"dedicated", "ml", false, GW_TAINT_NO_SCHEDULE, false};
    r = (gw_pod_rules){.tolerations = &ml, .n_tolerations = 1};
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NONE);

    /* tolerated for a while is not tolerated: the pod would be thrown out again */
    taints[1].effect = ml.effect = GW_TAINT_NO_EXECUTE;
    assert_int_equal(refused(&r, &n).kind, GW_RULE_NONE);
    ml.limited = true;
    why = refused(&r, &n);
    assert_int_equal(why.kind, GW_RULE_TAINT);
    taints[1].value = "";
    why = refused(&r, &n);
    assert_string_equal(gw_refusal_phrase(&why, text), "it does not tolerate the taint dedicated:NoExecute");
}

static void a_phrase_is_cut_where_it_is_too_long(void **state)
{
    GW_UNUSED(state);
    char key[400], text[GW_REFUSAL_TEXT_MAX];
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    gw_taint t = {key, "v", GW_TAINT_NO_EXECUTE};
    gw_refusal why = {.kind = GW_RULE_TAINT, .taint = &t};
    assert_int_equal(strlen(gw_refusal_phrase(&why, text)), GW_REFUSAL_TEXT_MAX - 1);
    for (int k = GW_RULE_NONE; k <= GW_RULE_TAINT; k++) {
        why = (gw_refusal){.kind = (gw_rule_kind)k};
        assert_true(strlen(gw_refusal_phrase(&why, text)) > 10);
    }
}

static void budgets_and_terms_speak_of_their_namespaces(void **state)
{
    GW_UNUSED(state);
    gw_kv kv[] = {{"app", "web"}};
    gw_pod web = {.ns = "shop", .name = "web-1", .labels = {kv, 1, 1}};
    gw_pod other = {.ns = "lab", .name = "web-1", .labels = {kv, 1, 1}};
    gw_pod bare = {.ns = "shop", .name = "bare"};
    gw_match_term app = IN("app", "web"), all = {NULL, 0, false}, none = {NULL, 0, true};
    gw_budget b = {.ns = "shop", .name = "b", .selector = app};
    assert_true(gw_budget_covers(&b, &web));
    assert_false(gw_budget_covers(&b, &other)); /* a budget speaks of its own namespace only */
    assert_false(gw_budget_covers(&b, &bare));
    b.selector = all; /* policy/v1: an empty selector is every pod of the namespace */
    assert_true(gw_budget_covers(&b, &bare));
    assert_false(gw_budget_covers(&b, &other));
    b.selector = none;
    assert_false(gw_budget_covers(&b, &web));

    const char *const shop[] = {"shop"};
    gw_pod_term t = {.selector = app, .namespaces = shop, .n_namespaces = 1};
    assert_true(gw_pod_term_selects(&t, &web));
    assert_false(gw_pod_term_selects(&t, &other));
    t.all_namespaces = true;
    assert_true(gw_pod_term_selects(&t, &other));
    assert_false(gw_pod_term_selects(&t, &bare));
    t = (gw_pod_term){.selector = all}; /* no namespace at all */
    assert_false(gw_pod_term_selects(&t, &web));

    gw_spread s = {.selector = app};
    assert_true(gw_spread_counts(&s, "shop", &web));
    assert_false(gw_spread_counts(&s, "shop", &other));
    s.selector = none; /* a spread without a selector counts no pod */
    assert_false(gw_spread_counts(&s, "shop", &web));
}

/* ---- the store ---- */

static const char *const full_ns[] = {"shop"}, *const full_claims[] = {"data-0"};
static const gw_toleration full_tolerations[] = {{"k", "v", false, GW_TAINT_NO_EXECUTE, true}};
static const gw_pod_term near_terms[] = {{IN("app", "db"), "zone", full_ns, 1, false}},
                         apart_terms[] = {{IN("app", "web"), "kubernetes.io/hostname", full_ns, 1, true}};
static const gw_spread full_spreads[] = {{IN("app", "web"), "zone", 1, 2, true, false}};
static const gw_ns_term full_ns_terms[] = {{IN("team", "x"), 0, true}};

/* Rules with something in every field. */
static gw_pod_rules full(void)
{
    return (gw_pod_rules){.node_selector = a_term,
                          .node_affinity = &b_only,
                          .n_node_affinity = 1,
                          .volumes = &a_only,
                          .n_volumes = 1,
                          .tolerations = full_tolerations,
                          .n_tolerations = 1,
                          .affinity = near_terms,
                          .n_affinity = 1,
                          .anti_affinity = apart_terms,
                          .n_anti_affinity = 1,
                          .spreads = full_spreads,
                          .n_spreads = 1,
                          .priority = -7,
                          .scheduler = "default-scheduler",
                          .runtime_class = "nvidia",
                          .gang = "shop/train",
                          .daemon = true,
                          .stays = "it has reasons",
                          .claims = full_claims,
                          .n_claims = 1,
                          .ns_terms = full_ns_terms,
                          .n_ns_terms = 1};
}

/* Each change of one field makes other rules; the same rules again are the same entry. */
static void equal_rules_are_one_entry(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_fleet_init(&f);
    gw_pod_rules base = full();
    assert_int_equal(gw_fleet_rules(&f, &base, NULL), 0);
    assert_int_equal(gw_fleet_rules(&f, &base, NULL), 0);
    static const gw_toleration other_toleration = {"k", "", false, GW_TAINT_NO_EXECUTE, true},
                               any_value = {"k", NULL, false, GW_TAINT_NO_EXECUTE, true};
    gw_pod_rules changed[16];
    size_t n = 0;
    for (size_t i = 0; i < GW_COUNT(changed); i++)
        changed[i] = base;
    changed[n++].node_selector = b_term;
    changed[n++].node_selector.nothing = true;
    changed[n++].n_node_affinity = 0;
    changed[n++].volumes = &b_only;
    changed[n++].tolerations = &other_toleration;
    changed[n++].tolerations = &any_value; /* "" is not NULL */
    changed[n++].n_affinity = 0;
    changed[n++].anti_affinity = base.affinity;
    changed[n++].n_spreads = 0;
    changed[n++].priority = 7;
    changed[n++].scheduler = "volcano";
    changed[n++].runtime_class = NULL;
    changed[n++].gang = NULL;
    changed[n++].daemon = false;
    changed[n++].stays = NULL;
    changed[n++].n_claims = 0;
    assert_int_equal(n, GW_COUNT(changed));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(gw_fleet_rules(&f, &changed[i], NULL), i + 1);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(gw_fleet_rules(&f, &changed[i], NULL), i + 1);
    assert_int_equal(f.n_rules, n + 1);

    const gw_pod_rules *r = &f.rules[0];
    assert_ptr_not_equal(r->tolerations, base.tolerations);
    assert_string_equal(r->tolerations[0].value, "v");
    assert_string_equal(r->anti_affinity[0].selector.all[0].values[0], "web");
    assert_string_equal(r->anti_affinity[0].namespaces[0], "shop");
    assert_true(r->anti_affinity[0].all_namespaces);
    assert_int_equal(r->spreads[0].min_domains, 2);
    assert_int_equal(r->priority, -7);
    assert_string_equal(r->ns_terms[0].selector.all[0].key, "team");
    assert_null(f.rules[6].tolerations[0].value);
    gw_fleet_free(&f);
}

static void rules_that_are_too_large_are_refused(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_fleet_init(&f);
    gw_error e = {0};
    size_t n = GW_RULES_MAX_BYTES + 1;
    char *text = gw_malloc(n + 1);
    assert_non_null(text);
    memset(text, 'x', n);
    text[n] = '\0';
    gw_pod_rules r = {.stays = text};
    assert_int_equal(gw_fleet_rules(&f, &r, &e), GW_NONE);
    assert_int_equal(e.code, GW_ELIMIT);
    assert_int_equal(f.n_rules, 0);
    gw_free(text);
    gw_fleet_free(&f);
}

/* ---- claims and namespaces ---- */

static uint32_t add_pod(gw_fleet *f, const char *name, const gw_pod_rules *r)
{
    uint32_t p = gw_fleet_pod(f, S("shop"), S(name), NULL);
    f->pods[p].phase = GW_PHASE_RUNNING;
    f->pods[p].rules = gw_fleet_rules(f, r, NULL);
    return p;
}

#define STAYS(f, p) ((f).rules[(f).pods[p].rules].stays)

static void claims_become_the_nodes_of_their_volumes(void **state)
{
    GW_UNUSED(state);
    static const char *const names[] = {"disk", "wide", "free", "lost", "unbound", "gone", "twice"};
    static const gw_claim claims[] = {{"shop", "disk", "v-disk"}, {"shop", "wide", "v-wide"},
                                      {"shop", "free", "v-free"}, {"shop", "unbound", NULL},
                                      {"shop", "gone", "v-gone"}, {"shop", "twice", "v-twice"},
                                      {"lab", "lost", "v-wide"} /* of another namespace */};
    static const gw_volume volumes[] = {{.name = "v-disk", .nodes = {&a_term, 1}, .local = true},
                                        {.name = "v-wide", .nodes = {&b_term, 1}, .shared = true},
                                        {.name = "v-free", .anywhere = true},
                                        {.name = "v-twice", .nodes = {&a_term, 1}}};
    gw_fleet f;
    gw_fleet_init(&f);
    for (size_t i = 0; i < GW_COUNT(claims); i++)
        assert_int_equal(gw_fleet_add_claim(&f, &claims[i], NULL), 0);
    for (size_t i = 0; i < GW_COUNT(volumes); i++)
        assert_int_equal(gw_fleet_add_volume(&f, &volumes[i], NULL), 0);
    f.claims_known = f.volumes_known = true;
    uint32_t pods[GW_COUNT(names)];
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        gw_pod_rules r = {.claims = &names[i], .n_claims = 1};
        pods[i] = add_pod(&f, names[i], &r);
    }
    gw_pod_rules again = {.claims = &names[6], .n_claims = 1},
                 wide_again = {.claims = &names[1], .n_claims = 1};
    add_pod(&f, "twice-2", &again);
    add_pod(&f, "wide-2", &wide_again);
    uint32_t ended = add_pod(&f, "free-2", &(gw_pod_rules){.claims = &names[2], .n_claims = 1});
    f.pods[ended].phase = GW_PHASE_SUCCEEDED; /* mounts nothing any more */
    assert_int_equal(gw_fleet_resolve_rules(&f, NULL), 0);

    assert_string_equal(STAYS(f, pods[0]), "one of its PersistentVolumes is on the disk of its node");
    assert_int_equal(f.rules[f.pods[pods[0]].rules].n_volumes, 1);
    assert_null(STAYS(f, pods[1]));
    const gw_pod_rules *wide = &f.rules[f.pods[pods[1]].rules];
    assert_int_equal(wide->n_volumes, 1);
    assert_int_equal(wide->n_claims, 0);
    assert_string_equal(wide->volumes[0].any[0].all[0].values[0], "b");
    assert_null(STAYS(f, pods[2]));
    assert_int_equal(f.rules[f.pods[pods[2]].rules].n_volumes, 0);
    assert_string_equal(STAYS(f, pods[3]), "one of its PersistentVolumeClaims could not be read");
    assert_string_equal(STAYS(f, pods[4]), "one of its PersistentVolumeClaims is not bound to a volume yet");
    assert_string_equal(STAYS(f, pods[5]), "one of its PersistentVolumes could not be read");
    assert_non_null(strstr(STAYS(f, pods[6]), "another pod mounts"));
    /* a second time there is nothing to do */
    size_t n = f.n_rules;
    assert_int_equal(gw_fleet_resolve_rules(&f, NULL), 0);
    assert_int_equal(f.n_rules, n);
    gw_fleet_free(&f);
}

static void lists_that_were_not_read_are_not_empty_lists(void **state)
{
    GW_UNUSED(state);
    static const char *const name[] = {"c"};
    static const gw_claim claim = {"shop", "c", "v"};
    static const gw_volume volume = {.name = "v", .anywhere = true};
    for (int known = 0; known < 3; known++) {
        gw_fleet f;
        gw_fleet_init(&f);
        assert_int_equal(gw_fleet_add_claim(&f, &claim, NULL), 0);
        assert_int_equal(gw_fleet_add_volume(&f, &volume, NULL), 0);
        f.claims_known = known >= 1;
        f.volumes_known = known >= 2;
        uint32_t p = add_pod(&f, "p", &(gw_pod_rules){.claims = name, .n_claims = 1});
        assert_int_equal(gw_fleet_resolve_rules(&f, NULL), 0);
        assert_int_equal(STAYS(f, p) == NULL, known == 2);
        gw_fleet_free(&f);
    }
}

static void namespace_selectors_become_namespaces(void **state)
{
    GW_UNUSED(state);
    static const char *const own[] = {"shop"};
    const gw_pod_term apart = {IN("app", "web"), "zone", own, 1, false};
    const gw_ns_term x = {IN("team", "x"), 0, true};
    for (int known = 0; known < 2; known++) {
        gw_fleet f;
        gw_fleet_init(&f);
        static const char *const spaces[] = {"shop", "lab", "blue", "red"}, *const teams[] = {"x", "y", "x",
                                                                                              NULL};
        for (size_t i = 0; i < GW_COUNT(spaces); i++) {
            uint32_t at = gw_fleet_namespace(&f, S(spaces[i]), NULL);
            if (teams[i])
                assert_int_equal(gw_fleet_label(&f, &f.ns_labels[at], S("team"), S(teams[i]), true), 0);
        }
        f.namespaces_known = known;
        gw_pod_rules r = {.anti_affinity = &apart, .n_anti_affinity = 1, .ns_terms = &x, .n_ns_terms = 1};
        uint32_t p = add_pod(&f, "p", &r);
        assert_int_equal(gw_fleet_resolve_rules(&f, NULL), 0);
        const gw_pod_rules *to = &f.rules[f.pods[p].rules];
        assert_int_equal(to->n_ns_terms, 0);
        if (known) { /* its own, which the selector names too, and blue */
            assert_null(to->stays);
            assert_int_equal(to->anti_affinity[0].n_namespaces, 2);
            assert_string_equal(to->anti_affinity[0].namespaces[0], "shop");
            assert_string_equal(to->anti_affinity[0].namespaces[1], "blue");
        } else {
            assert_non_null(to->stays);
            assert_true(to->anti_affinity[0].all_namespaces);
        }
        gw_fleet_free(&f);
    }
}

static void a_budget_said_twice_is_the_later_one(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_fleet_init(&f);
    gw_budget b = {.ns = "shop",
                   .name = "b",
                   .selector = IN("app", "web"),
                   .disruptions_allowed = 1,
                   .min_available = "50%"};
    assert_int_equal(gw_fleet_add_budget(&f, &b, NULL), 0);
    b.disruptions_allowed = 0;
    assert_int_equal(gw_fleet_add_budget(&f, &b, NULL), 0);
    b.ns = "lab";
    assert_int_equal(gw_fleet_add_budget(&f, &b, NULL), 0);
    assert_int_equal(f.n_budgets, 2);
    assert_int_equal(f.budgets[0].disruptions_allowed, 0);
    assert_string_equal(f.budgets[0].min_available, "50%");
    assert_null(f.budgets[0].max_unavailable);
    gw_fleet_free(&f);
}

static int everything(gw_fleet *f)
{
    static const char *const name[] = {"disk"}, *const own[] = {"shop"};
    const gw_pod_term apart = {IN("app", "web"), "zone", own, 1, false};
    const gw_ns_term x = {IN("team", "x"), 0, true};
    gw_pod_rules r = full(), claiming = {.claims = name,
                                         .n_claims = 1,
                                         .volumes = &a_only,
                                         .n_volumes = 1,
                                         .anti_affinity = &apart,
                                         .n_anti_affinity = 1,
                                         .ns_terms = &x,
                                         .n_ns_terms = 1};
    gw_budget b = {.ns = "shop", .name = "b", .selector = IN("app", "web"), .min_available = "1"};
    gw_claim c = {"shop", "disk", "v"};
    gw_volume v = {.name = "v", .nodes = {&a_term, 1}};
    gw_error e = {0};
    uint32_t p = gw_fleet_pod(f, S("shop"), S("p"), &e), ns = gw_fleet_namespace(f, S("blue"), &e);
    if (p == GW_NONE || ns == GW_NONE)
        return e.code;
    f->namespaces_known = f->claims_known = f->volumes_known = true;
    int rc = gw_fleet_label(f, &f->ns_labels[ns], S("team"), S("x"), true);
    if (rc == 0 && gw_fleet_rules(f, &r, &e) == GW_NONE)
        rc = e.code;
    if (rc == 0 && (f->pods[p].rules = gw_fleet_rules(f, &claiming, &e)) == GW_NONE)
        rc = e.code;
    rc = rc ? rc : gw_fleet_add_budget(f, &b, &e);
    rc = rc ? rc : gw_fleet_add_claim(f, &c, &e);
    rc = rc ? rc : gw_fleet_add_volume(f, &v, &e);
    return rc ? rc : gw_fleet_resolve_rules(f, &e);
}

static void memory_may_run_out_anywhere(void **state)
{
    GW_UNUSED(state);
    int64_t live = gw_mem_live();
    int rc = GW_ENOMEM;
    uint64_t at;
    for (at = 1; rc && at < 1000; at++) {
        gw_fleet f;
        gw_fleet_init(&f);
        gw_mem_fail_at(at);
        rc = everything(&f);
        gw_mem_fail_at(0);
        assert_true(rc == 0 || rc == GW_ENOMEM);
        if (rc == 0) {
            assert_int_equal(f.rules[f.pods[0].rules].anti_affinity[0].n_namespaces, 2);
            assert_int_equal(f.rules[f.pods[0].rules].n_volumes, 2);
        }
        gw_fleet_free(&f);
        assert_int_equal(gw_mem_live(), live);
    }
    assert_int_equal(rc, 0);
    assert_true(at > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_match_as_kubernetes_says),
        cmocka_unit_test(tolerations_cover_as_kubernetes_says),
        cmocka_unit_test(nodes_are_refused_for_what_speaks_against_them),
        cmocka_unit_test(a_phrase_is_cut_where_it_is_too_long),
        cmocka_unit_test(budgets_and_terms_speak_of_their_namespaces),
        cmocka_unit_test(equal_rules_are_one_entry),
        cmocka_unit_test(rules_that_are_too_large_are_refused),
        cmocka_unit_test(claims_become_the_nodes_of_their_volumes),
        cmocka_unit_test(lists_that_were_not_read_are_not_empty_lists),
        cmocka_unit_test(namespace_selectors_become_namespaces),
        cmocka_unit_test(a_budget_said_twice_is_the_later_one),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
