/*
 * OpenCost's shapes: what a client may ask, the spans of the sets, sums by name, shared idle money. The
 * leaves are written out by hand, and so are the amounts that must come of them.
 */
#include "gw_test.h"

#include "format/json_tree.h"
#include "serve/opencost.h"

#define NOW  ((int64_t)1795274177000) /* 2026-11-21T15:16:17Z */
#define NOON ((int64_t)1795262400000) /* 2026-11-21T12:00:00Z */

static int read_query(const gw_oc_param *params, size_t n, gw_arena *a, gw_oc_query *q, gw_error *e)
{
    return gw_oc_query_read(params, n, NOW, a, q, e);
}

#define READ(q, a, e, ...)                                                                                   \
    read_query((const gw_oc_param[]){__VA_ARGS__},                                                           \
               sizeof((const gw_oc_param[]){__VA_ARGS__}) / sizeof(gw_oc_param), a, q, e)

static void reads(gw_oc_query *q, gw_arena *a, int rc, const gw_error *e)
{
    GW_UNUSED(q);
    GW_UNUSED(a);
    if (rc)
        fail_msg("%s", e->message);
}

/* ---- the query ------------------------------------------------------------------------------------------
 */

static void test_query(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_oc_query q;
    gw_error e = {0};
    gw_arena_init(&a, 0);
    reads(&q, &a,
          READ(&q, &a, &e, {"window", "7d"}, {"aggregate", "namespace,label:app, controllerKind"},
               {"step", "1d"}, {"accumulate", "false"}, {"includeIdle", "true"}, {"resolution", "1m"}),
          &e);
    assert_int_equal(q.n_by, 3);
    assert_int_equal(q.by[0].property, GW_OC_NAMESPACE);
    assert_int_equal(q.by[1].property, GW_OC_LABEL);
    assert_string_equal(q.by[1].label, "app");
    assert_int_equal(q.by[2].property, GW_OC_CONTROLLER_KIND);
    assert_int_equal(q.step_ms, GW_DAY_MS);
    assert_int_equal(q.accumulate, GW_OC_STEPS);
    assert_true(q.include_idle && !q.share_idle && gw_oc_query_needs_fleet(&q));

    static const struct {
        const char *text;
        gw_oc_accumulate how;
    } words[] = {{"true", GW_OC_ALL}, {"1", GW_OC_ALL},       {"all", GW_OC_ALL},
                 {"", GW_OC_STEPS},   {"false", GW_OC_STEPS}, {"hour", GW_OC_HOURS},
                 {"day", GW_OC_DAYS}, {"week", GW_OC_WEEKS},  {"month", GW_OC_MONTHS}};
    for (size_t i = 0; i < GW_COUNT(words); i++) {
        reads(&q, &a, READ(&q, &a, &e, {"window", "today"}, {"accumulate", words[i].text}), &e);
        assert_int_equal(q.accumulate, words[i].how);
        assert_false(gw_oc_query_needs_fleet(&q));
    }
    reads(&q, &a, READ(&q, &a, &e, {"window", "1d"}, {"idle", "share"}), &e);
    assert_true(q.share_idle);
    reads(&q, &a, READ(&q, &a, &e, {"window", "1d"}, {"step", "10m"}), &e);
    assert_int_equal(q.step_ms, GW_HOUR_MS); /* the books are kept by the hour */
    gw_arena_free(&a);
}

static void test_query_refused(void **state)
{
    GW_UNUSED(state);
    static const struct {
        gw_oc_param p;
        int code;
        const char *part;
    } cases[] = {
        {{"aggregate", "colour"}, GW_EUSAGE, "aggregate: 'colour' is no property: there are cluster, node"},
        {{"aggregate", "label:"}, GW_EUSAGE, "no property"},
        {{"aggregate", "pod,pod,pod,pod,pod,pod,pod,pod,pod"}, GW_EUSAGE, "at most 8"},
        {{"accumulate", "fortnight"}, GW_EUSAGE, "none of true, false, hour"},
        {{"includeIdle", "maybe"}, GW_EUSAGE, "neither true nor false"},
        {{"step", "soon"}, GW_EUSAGE, "no length of time"},
        {{"window", "soon"}, GW_EUSAGE, "is none"},
        {{"filter", "namespace"}, GW_EUSAGE, "filter: cannot read"},
        {{"filter", "namespace:"}, GW_EUSAGE, "filter: cannot read"},
        {{"filter", "namespace:\"nlp"}, GW_EUSAGE, "filter: cannot read"},
        {{"filter", "namespace=\"nlp\""}, GW_EUSAGE, "no property"},
        {{"filter", "colour:\"red\""}, GW_EUSAGE, "no property"},
        {{"filter", "label[app:\"x\""}, GW_EUSAGE, "filter: cannot read"},
        {{"filter", "pod[app]:\"x\""}, GW_EUSAGE, "filter: cannot read"},
        {{"filter", "namespace:\"a\"namespace:\"b\""}, GW_EUSAGE, "filter: cannot read"},
        {{"filterLabels", "app"}, GW_EUSAGE, "NAME:VALUE"},
    };
    gw_arena a;
    gw_oc_query q;
    gw_error e = {0};
    gw_arena_init(&a, 0);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        int rc = READ(&q, &a, &e, {"window", "1d"}, cases[i].p);
        if (rc != cases[i].code || !strstr(e.message, cases[i].part))
            fail_msg("%s=%s: %d \"%s\"", cases[i].p.name, cases[i].p.value, rc, e.message);
    }
    assert_int_equal(READ(&q, &a, &e, {"aggregate", "pod"}), GW_EUSAGE);
    assert_non_null(strstr(e.message, "window: is missing"));
    gw_arena_free(&a);
}

/* ---- spans ----------------------------------------------------------------------------------------------
 */

static void test_spans(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_oc_query q;
    gw_interval *w;
    size_t n;
    gw_error e = {0};
    gw_arena_init(&a, 0);
    /* today and the six days before: seven sets of a day */
    reads(&q, &a, READ(&q, &a, &e, {"window", "7d"}, {"step", "1d"}), &e);
    assert_int_equal(gw_oc_spans(&q, &a, &w, &n, &e), 0);
    assert_int_equal(n, 7);
    assert_int_equal(w[0].start_ms, NOON - GW_DAY_MS / 2 - 6 * GW_DAY_MS);
    for (size_t i = 1; i < n; i++)
        assert_int_equal(w[i].start_ms, w[i - 1].end_ms);
    assert_int_equal(w[6].end_ms, NOON + GW_DAY_MS / 2);
    /* accumulated: one; without a step: one */
    reads(&q, &a, READ(&q, &a, &e, {"window", "7d"}, {"step", "1d"}, {"accumulate", "true"}), &e);
    assert_int_equal(gw_oc_spans(&q, &a, &w, &n, &e), 0);
    assert_int_equal(n, 1);
    /* "week" ends now: at the end of this hour, in one set */
    reads(&q, &a, READ(&q, &a, &e, {"window", "week"}), &e);
    assert_int_equal(gw_oc_spans(&q, &a, &w, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(w[0].end_ms, NOON + 4 * GW_HOUR_MS);
    /* by the calendar: 2026-10-30 to 2026-11-03 lies in two months and, from Sunday the 1st, two weeks */
    static const struct {
        const char *how;
        size_t n;
    } calendar[] = {{"month", 2}, {"week", 2}, {"day", 4}, {"hour", 96}};
    for (size_t i = 0; i < GW_COUNT(calendar); i++) {
        reads(&q, &a,
              READ(&q, &a, &e, {"window", "2026-10-30T00:00:00Z,2026-11-03T00:00:00Z"},
                   {"accumulate", calendar[i].how}),
              &e);
        assert_int_equal(gw_oc_spans(&q, &a, &w, &n, &e), 0);
        assert_int_equal(n, calendar[i].n);
        assert_int_equal(w[n - 1].end_ms - w[0].start_ms, 4 * GW_DAY_MS);
    }
    /* a step that does not divide the window: the last one is shorter */
    reads(&q, &a, READ(&q, &a, &e, {"window", "10h"}, {"step", "4h"}), &e);
    assert_int_equal(gw_oc_spans(&q, &a, &w, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_int_equal(gw_interval_ms(w[2]), 2 * GW_HOUR_MS);
    reads(&q, &a, READ(&q, &a, &e, {"window", "365d"}, {"step", "1h"}), &e);
    assert_int_equal(gw_oc_spans(&q, &a, &w, &n, &e), GW_ELIMIT);
    gw_arena_free(&a);
}

/* ---- sets -----------------------------------------------------------------------------------------------
 */

static const char *label(const gw_oc_leaf *x, const char *name)
{
    GW_UNUSED(x);
    return strcmp(name, "app") == 0 ? "chat" : NULL;
}

#define WINDOW ((gw_interval){NOON, NOON + 10 * GW_HOUR_MS})
#define H      ((double)GW_HOUR_MS)

/* Ten hours of two nodes: 60.000001 $ of pods, 30 $ idle, 10 $ overhead. */
static const gw_oc_leaf leaves[] = {
    {.kind = GW_LEAF_HELD,
     .cluster = "c",
     .node = "n1",
     .ns = "nlp",
     .pod = "chat-0",
     .controller_kind = "Deployment",
     .controller = "chat",
     .team = "nlp-team",
     .label = label,
     .bill = 40 * GW_USD,
     .gpu_ms = 20 * H,
     .used_ms = 5 * H,
     .known_ms = 10 * H,
     .unknown_ms = 10 * H,
     .cpu_core_ms = 40 * H,
     .cpu_used_core_ms = 10 * H,
     .ram_byte_ms = 80 * H},
    {.kind = GW_LEAF_HELD,
     .cluster = "c",
     .node = "n2",
     .ns = "nlp",
     .pod = "chat-1",
     .controller_kind = "Deployment",
     .controller = "chat",
     .team = "nlp-team",
     .label = label,
     .bill = 10 * GW_USD,
     .gpu_ms = 5 * H,
     .used_ms = 5 * H,
     .known_ms = 5 * H,
     .cpu_core_ms = -1,
     .cpu_used_core_ms = -1,
     .ram_byte_ms = 20 * H,
     .active = {NOON + 5 * GW_HOUR_MS, NOON + 20 * GW_HOUR_MS}},
    {.kind = GW_LEAF_HELD,
     .cluster = "c",
     .node = "n2",
     .ns = "cv",
     .pod = "train",
     .bill = 10 * GW_USD + 1,
     .gpu_ms = 10 * H},
    {.kind = GW_LEAF_IDLE, .cluster = "c", .node = "n1", .bill = 20 * GW_USD, .gpu_ms = 10 * H},
    {.kind = GW_LEAF_IDLE, .cluster = "c", .node = "n2", .bill = 10 * GW_USD, .gpu_ms = 5 * H},
    {.kind = GW_LEAF_OVERHEAD, .cluster = "c", .bill = 10 * GW_USD},
};

typedef struct answer {
    gw_arena arena;
    json_t *set;
    gw_micro total;
} answer;

static answer answer_of(const gw_oc_param *params, size_t n)
{
    answer r = {0};
    gw_oc_query q;
    gw_oc_set s;
    gw_buf b;
    gw_doc d;
    gw_error e = {0};
    gw_arena_init(&r.arena, 0);
    if (gw_oc_query_read(params, n, NOW, &r.arena, &q, &e))
        fail_msg("%s", e.message);
    gw_oc_set_init(&s, &q, WINDOW);
    for (size_t i = 0; i < GW_COUNT(leaves); i++)
        assert_int_equal(gw_oc_set_add(&s, &leaves[i], &e), 0);
    assert_int_equal(gw_oc_set_finish(&s, &e), 0);
    r.total = gw_oc_set_total(&s);
    gw_buf_init(&b, 1 << 20);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    assert_int_equal(gw_oc_set_write(&s, &d, &e), 0);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
    if (gw_json_tree_parse((gw_str){b.data, b.len}, &r.set, &e))
        fail_msg("%s: %s", e.message, b.data);
    gw_buf_free(&b);
    gw_oc_set_free(&s);
    return r;
}

#define ANSWER(...)                                                                                          \
    answer_of((const gw_oc_param[]){{"window", "10h"}, __VA_ARGS__},                                         \
              1 + sizeof((const gw_oc_param[]){__VA_ARGS__}) / sizeof(gw_oc_param))

static void answer_free(answer *r)
{
    json_decref(r->set);
    gw_arena_free(&r->arena);
}

static void has(const answer *r, const char *name, const char *field, double value)
{
    const json_t *v = json_object_get(json_object_get(r->set, name), field);
    if (!json_is_number(v) || json_number_value(v) < value - 6e-7 || json_number_value(v) > value + 6e-7)
        fail_msg("%s.%s is %s%g, not %g", name, field, v ? "" : "missing: ", json_number_value(v), value);
}

static void unknown(const answer *r, const char *name, const char *field)
{
    if (!json_is_null(json_object_get(json_object_get(r->set, name), field)))
        fail_msg("%s.%s is not null", name, field);
}

static void test_by_namespace(void **state)
{
    GW_UNUSED(state);
    answer r = ANSWER({"aggregate", "namespace"}, {"includeIdle", "true"});
    assert_int_equal(json_object_size(r.set), 4);
    has(&r, "nlp", "gpuCost", 50);
    has(&r, "nlp", "totalCost", 50);
    has(&r, "nlp", "gpuHours", 25);
    has(&r, "nlp", "minutes", 600);
    has(&r, "nlp", "gpuCount", 2.5);
    /* 10 h used of 15 h known; the 10 h that nobody measured are in neither */
    has(&r, "nlp", "gpuEfficiency", 10.0 / 15);
    has(&r, "nlp", "totalEfficiency", 10.0 / 15);
    has(&r, "nlp", "ramByteHours", 100);
    has(&r, "nlp", "cpuCost", 0);
    unknown(&r, "nlp", "cpuCores"); /* of one of the pods nobody knows */
    has(&r, "cv", "totalCost", 10.000001);
    unknown(&r, "cv", "totalEfficiency");
    has(&r, "__idle__", "totalCost", 30);
    has(&r, "__idle__", "gpuEfficiency", 0);
    has(&r, "__overhead__", "sharedCost", 10);
    has(&r, "__overhead__", "gpuCost", 0);
    has(&r, "__overhead__", "totalCost", 10);
    assert_int_equal(r.total, 100 * GW_USD + 1);
    const json_t *p = json_object_get(json_object_get(r.set, "nlp"), "properties");
    assert_string_equal(json_string_value(json_object_get(p, "controller")), "chat");
    assert_string_equal(json_string_value(json_object_get(p, "controllerKind")), "deployment");
    assert_null(json_object_get(p, "node")); /* on two of them */
    answer_free(&r);
    /* without idle only what somebody holds */
    r = ANSWER({"aggregate", "namespace"});
    assert_int_equal(json_object_size(r.set), 2);
    answer_free(&r);
}

static void test_names(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *by, *name;
        size_t n;
    } cases[] = {
        {"controller", "deployment:chat", 2},
        {"controller", "__unallocated__", 2},
        {"controllerKind", "deployment", 2},
        {"deployment", "chat", 2},
        {"statefulset", "__unallocated__", 1},
        {"pod", "chat-1", 3},
        {"node", "n2", 2},
        {"cluster", "c", 1},
        {"team", "nlp-team", 2},
        {"label:app", "chat", 2},
        {"label:none", "__unallocated__", 1},
        {"service", "__unallocated__", 1},
        {"namespace,pod", "nlp/chat-0", 3},
        {"namespace,controller", "cv/__unallocated__", 2},
        {"", "c/n1/nlp/chat-0", 3},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        answer r = ANSWER({"aggregate", cases[i].by});
        if (!json_object_get(r.set, cases[i].name) || json_object_size(r.set) != cases[i].n)
            fail_msg("by %s: %s is not one of %zu", cases[i].by, cases[i].name, json_object_size(r.set));
        assert_int_equal(r.total, 60 * GW_USD + 1);
        answer_free(&r);
    }
    answer r = ANSWER({"aggregate", "namespace"}, {"includeIdle", "1"}, {"idleByNode", "true"});
    has(&r, "n1/__idle__", "totalCost", 20);
    has(&r, "n2/__idle__", "totalCost", 10);
    answer_free(&r);
}

/* Start and end are those of the pod, cut to the set. */
static void test_times(void **state)
{
    GW_UNUSED(state);
    answer r = ANSWER({"aggregate", "pod"});
    has(&r, "chat-1", "minutes", 300);
    has(&r, "chat-1", "gpuCount", 1); /* 5 GPU-hours in 5 hours */
    const json_t *a = json_object_get(r.set, "chat-1");
    assert_string_equal(json_string_value(json_object_get(a, "start")), "2026-11-21T17:00:00Z");
    assert_string_equal(json_string_value(json_object_get(a, "end")), "2026-11-21T22:00:00Z");
    assert_string_equal(json_string_value(json_object_get(json_object_get(a, "window"), "start")),
                        "2026-11-21T12:00:00Z");
    has(&r, "chat-0", "cpuCores", 4);
    has(&r, "chat-0", "cpuCoreHours", 40);
    has(&r, "chat-0", "cpuEfficiency", 0.25);
    answer_free(&r);
}

/*
 * 30 $ by 50 : 10.000001. The namespaces' exact parts are 30·50/60.000001 = 24.99999958… and 5.00000041…: in
 * whole micro-dollars 24.999999 and 5.000000, and the one that is left goes to the larger rest (0.58 > 0.41).
 */
static void test_share_idle(void **state)
{
    GW_UNUSED(state);
    answer r = ANSWER({"aggregate", "namespace"}, {"includeIdle", "true"}, {"shareIdle", "true"});
    assert_null(json_object_get(r.set, "__idle__"));
    has(&r, "nlp", "gpuCostIdle", 25);
    has(&r, "nlp", "gpuCost", 75);
    has(&r, "cv", "gpuCostIdle", 5);
    has(&r, "cv", "totalCost", 15.000001);
    assert_int_equal(r.total, 100 * GW_USD + 1);
    answer_free(&r);
}

static void test_filters(void **state)
{
    GW_UNUSED(state);
    static const struct {
        gw_oc_param p;
        gw_micro total;
    } cases[] = {
        {{"filterNamespaces", "cv"}, 10 * GW_USD + 1},
        {{"filterNamespaces", "cv,nlp"}, 60 * GW_USD + 1},
        {{"filterNamespaces", "n*"}, 50 * GW_USD},
        {{"filterNamespaces", ""}, 100 * GW_USD + 1},
        {{"filterNodes", "n2"}, 20 * GW_USD + 1},
        {{"filterControllers", "deployment:chat"}, 50 * GW_USD},
        {{"filterControllers", "chat"}, 50 * GW_USD},
        {{"filterControllers", "job:chat"}, 0},
        {{"filterControllerKinds", "deployment"}, 50 * GW_USD},
        {{"filterLabels", "app:chat"}, 50 * GW_USD},
        {{"filter", "namespace:\"cv\""}, 10 * GW_USD + 1},
        {{"filter", "namespace:\"nlp\"+node:\"n1\""}, 40 * GW_USD},
        {{"filter", "namespace:\"nlp\" node:\"n1\""}, 40 * GW_USD},
        {{"filter", "namespace:\"nlp\",\"cv\""}, 60 * GW_USD + 1},
        {{"filter", "namespace!:\"nlp\""}, 10 * GW_USD + 1},
        {{"filter", "pod<~:\"chat-\""}, 50 * GW_USD},
        {{"filter", "label[app]:\"chat\""}, 50 * GW_USD},
        {{"filter", "label[app]!:\"chat\""}, 10 * GW_USD + 1},
        {{"filter", "namespace:nlp"}, 50 * GW_USD},
        {{"filter", "namespace:\"a\\\"b\""}, 0},
        {{"filter", "controllerKind:\"Deployment\""}, 50 * GW_USD},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        answer r = ANSWER({"aggregate", "pod"}, {"includeIdle", "true"}, cases[i].p);
        if (r.total != cases[i].total)
            fail_msg("%s=%s: %" PRId64, cases[i].p.name, cases[i].p.value, r.total);
        answer_free(&r);
    }
}

/* What has no price is unknown, not free; what nobody is there to share stays idle. */
static void test_unpriced_and_alone(void **state)
{
    GW_UNUSED(state);
    gw_arena a;
    gw_oc_query q;
    gw_oc_set s;
    gw_buf b;
    gw_doc d;
    json_t *set = NULL;
    gw_error e = {0};
    gw_arena_init(&a, 0);
    reads(&q, &a, READ(&q, &a, &e, {"window", "10h"}, {"aggregate", "pod"}, {"shareIdle", "true"}), &e);
    gw_oc_set_init(&s, &q, WINDOW);
    gw_oc_leaf free_of_price = {
        .kind = GW_LEAF_HELD, .cluster = "c", .pod = "p", .gpu_ms = H, .unpriced_ms = H};
    assert_int_equal(gw_oc_set_add(&s, &free_of_price, &e), 0);
    assert_int_equal(gw_oc_set_add(&s, &leaves[3], &e), 0);
    assert_int_equal(gw_oc_set_finish(&s, &e), 0);
    assert_int_equal(gw_oc_set_total(&s), 20 * GW_USD);
    gw_buf_init(&b, 1 << 20);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    assert_int_equal(gw_oc_set_write(&s, &d, &e), 0);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
    assert_int_equal(gw_json_tree_parse((gw_str){b.data, b.len}, &set, &e), 0);
    answer r = {.set = set};
    unknown(&r, "p", "gpuCost");
    unknown(&r, "p", "totalCost");
    has(&r, "p", "gpuHours", 1);
    has(&r, "__idle__", "totalCost", 20);
    json_decref(set);
    gw_buf_free(&b);
    gw_oc_set_free(&s);
    gw_arena_free(&a);
}

static int whole_way(gw_error *e)
{
    static const gw_oc_param params[] = {{"window", "10h"},
                                         {"aggregate", "namespace,label:app"},
                                         {"shareIdle", "true"},
                                         {"filter", "namespace:\"nlp\",\"cv\""}};
    gw_arena a;
    gw_oc_query q;
    gw_oc_set s;
    gw_buf b;
    gw_doc d;
    gw_arena_init(&a, 0);
    int rc = gw_oc_query_read(params, GW_COUNT(params), NOW, &a, &q, e);
    if (rc == 0) {
        q.n_terms = 0; /* what is idle shall come in too */
        gw_oc_set_init(&s, &q, WINDOW);
        gw_buf_init(&b, 1 << 20);
        for (size_t i = 0; i < GW_COUNT(leaves) && rc == 0; i++)
            rc = gw_oc_set_add(&s, &leaves[i], e);
        if (rc == 0)
            rc = gw_oc_set_finish(&s, e);
        gw_doc_init(&d, GW_DOC_JSON, &b);
        if (rc == 0)
            rc = gw_oc_set_write(&s, &d, e);
        gw_buf_free(&b);
        gw_oc_set_free(&s);
    }
    gw_arena_free(&a);
    return rc;
}

static void test_memory(void **state)
{
    GW_UNUSED(state);
    int64_t before = gw_mem_live();
    for (uint64_t n = 1;; n++) {
        gw_error e = {0};
        gw_mem_fail_at(n);
        int rc = whole_way(&e);
        uint64_t asked = gw_mem_count();
        gw_mem_fail_at(0);
        assert_int_equal(gw_mem_live(), before);
        if (asked < n) {
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, GW_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_query_refused),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_by_namespace),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_share_idle),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_unpriced_and_alone),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
