/*
 * Realised savings, worked by hand over a store of two nodes at $1 an hour each.
 *
 * Before: n1 and n2 each hold a pod of ml/chat, which uses a tenth of its GPU: $2 an hour held, 0.2 used
 * GPU-hours an hour. The action moves n2's pod to n1 and gives n2 back. A month is 730.5 hours.
 */
#include "gw_test.h"

#include <jansson.h>
#include <math.h>

#include "operate/realised.h"

#define H      GW_HOUR_MS
#define START  1793577600000 /* 2026-11-02T00:00:00Z */
#define ACCEPT (START + 7 * GW_DAY_MS)

static const char plan[] =
    "{\"actions\":[{\"id\":\"release-node/prod/n2\",\"kind\":\"release-node\",\"text\":\"n2 is not "
    "needed\",\"chosen\":true,"
    "\"share\":{\"window\":168.0,\"monthlyLow\":700.5,\"monthlyHigh\":730.5},\"change\":{\"hires\":[],"
    "\"cuts\":[],"
    "\"resizes\":[],\"moves\":[{\"pod\":{\"namespace\":\"ml\",\"name\":\"chat-2\"},\"from\":{\"name\":\"n2\"}"
    ","
    "\"node\":{\"name\":\"n1\"},\"restarts\":true,\"seats\":[]}],\"releases\":[{\"name\":\"n2\",\"cluster\":"
    "\"prod\"}]}},"
    "{\"id\":\"nothing\",\"kind\":\"right-size\",\"chosen\":false,\"change\":{}},"
    "{\"id\":\"hire\",\"kind\":\"replace-nodes\",\"chosen\":true,\"share\":{\"monthlyLow\":null,"
    "\"monthlyHigh\":null},"
    "\"change\":{\"hires\":[{\"instanceType\":\"small\"}],\"moves\":[],\"releases\":[{\"name\":\"n2\"}]}}]}";
#define ID "release-node/prod/n2"

/* A GPU hour of a node. used_percent < 0: held, and nothing measured; pod NULL: idle. */
static gw_hour_leaf leaf(const char *node, const char *type, const char *pod, int used_percent)
{
    gw_hour_leaf l = {.kind = pod ? GW_LEAF_HELD : GW_LEAF_IDLE, .node_hourly = GW_USD};
    for (int d = 0; d < GW_N_LEAF_DIMS; d++)
        l.dim[d] = "";
    l.dim[GW_DIM_CLUSTER] = "prod";
    l.dim[GW_DIM_NODE] = node;
    l.dim[GW_DIM_INSTANCE_TYPE] = type;
    l.dim[GW_DIM_GPU] = node;
    l.dim[GW_DIM_NAMESPACE] = pod ? "ml" : GW_KEY_IDLE;
    l.m = (gw_measures){.bill = GW_USD, .paid_ms = H};
    if (!pod) {
        l.m.idle = GW_USD;
        l.m.idle_ms = l.m.known_ms = H;
        return l;
    }
    l.dim[GW_DIM_POD] = pod;
    l.dim[GW_DIM_WORKLOAD] = "chat";
    l.m.allocated_ms = H;
    if (used_percent < 0) {
        l.m.unknown = GW_USD;
        l.m.unknown_ms = H;
        return l;
    }
    l.m.known_ms = H;
    l.m.used_ms = H * used_percent / 100;
    l.m.used = GW_USD * used_percent / 100;
    l.m.wasted = GW_USD - l.m.used;
    return l;
}

static gw_store *open_store(void)
{
    gw_store_options o = {.url = "sqlite::memory:"};
    gw_store *s = NULL;
    gw_error e;
    if (gw_store_open(&o, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

static void put(gw_store *s, int64_t start, gw_hour_leaf *leaves, size_t n)
{
    gw_hour h = {.cluster = "prod",
                 .start_ms = start,
                 .observed = {start, start + H},
                 .leaves = leaves,
                 .n_leaves = n};
    gw_put_result r;
    gw_error e;
    h.total = gw_hour_sum(&h);
    if (gw_store_put_hour(s, &h, NULL, &r, &e))
        fail_msg("%s", e.message);
}

/* Hours [from, to) after START of both nodes; n2 only where it is there. */
static void put_hours(gw_store *s, int from, int to, int used1, int used2, bool n2)
{
    for (int i = from; i < to; i++) {
        gw_hour_leaf leaves[] = {leaf("n1", "big", "chat-1", used1), leaf("n2", "big", "chat-2", used2)};
        put(s, START + i * H, leaves, n2 ? 2 : 1);
    }
}

static gw_store *with_baseline(void)
{
    gw_store *s = open_store();
    gw_error e;
    put_hours(s, 0, 168, 10, 10, true);
    if (gw_action_accept(s, gw_str_of(plan), ID, "prod", "ann", ACCEPT, &e))
        fail_msg("%s", e.message);
    return s;
}

static json_t *actions_of(gw_store *s)
{
    gw_buf b;
    gw_doc d;
    gw_error e;
    gw_buf_init(&b, 1 << 20);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    gw_doc_object(&d, NULL);
    assert_int_equal(gw_actions_write(s, &d, &e), 0);
    gw_doc_end(&d);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
    json_t *doc = json_loadb(b.data, b.len, 0, NULL);
    assert_non_null(doc);
    gw_buf_free(&b);
    return doc;
}

/* The check of 1, 7 or 30 days (0, 1, 2), made at that time; borrowed from *doc. */
static const json_t *check_after(gw_store *s, int which, json_t **doc)
{
    gw_error e;
    size_t n;
    int64_t now = ACCEPT + gw_realised_days[which] * GW_DAY_MS + GW_REALISED_GRACE_MS;
    if (gw_realised_check_all(s, now, &n, &e))
        fail_msg("%s", e.message);
    *doc = actions_of(s);
    const json_t *action = json_array_get(json_object_get(*doc, "actions"), 0);
    return json_array_get(json_object_get(action, "checks"), (size_t)which);
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v))
        fail_msg("%s is no number", key);
    return json_number_value(v);
}

static void expect(gw_store *s, int which, const char *state, double realised, double uncorrected,
                   double factor, const char *note)
{
    json_t *doc;
    const json_t *c = check_after(s, which, &doc);
    const char *said = json_string_value(json_object_get(c, "note"));
    assert_string_equal(json_string_value(json_object_get(c, "state")), state);
    if (strcmp(state, "done") == 0) {
        if (fabs(number(c, "realised") - realised) > 0.001 ||
            fabs(number(c, "uncorrected") - uncorrected) > 0.001 ||
            fabs(number(c, "demandFactor") - factor) > 1e-6)
            fail_msg("realised %f, uncorrected %f, factor %f", number(c, "realised"),
                     number(c, "uncorrected"), number(c, "demandFactor"));
        assert_true(fabs(number(c, "predicted") - 730.5) < 1e-9);
    } else {
        assert_true(json_is_null(json_object_get(c, "realised")));
        assert_true(json_is_null(json_object_get(c, "demandFactor")));
    }
    if (note ? !said || !strstr(said, note) : said != NULL)
        fail_msg("the note says: %s", said ? said : "nothing");
    json_decref(doc);
}

static void test_pure_saving(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    /* one node does the work of both: 0.2 used an hour as before; $1 instead of $2 */
    put_hours(s, 168, 168 + 168, 20, 0, false);
    expect(s, 0, "done", 730.5, 730.5, 1, NULL);
    expect(s, 1, "done", 730.5, 730.5, 1, NULL);
    gw_store_free(s);
}

static void test_demand_doubled(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    /* 0.4 used an hour: without the action 2 × $2; it costs $1: $3 an hour */
    put_hours(s, 168, 168 + 24, 40, 0, false);
    expect(s, 0, "done", 3 * 730.5, 730.5, 2, NULL);
    gw_store_free(s);
}

static void test_demand_halved(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    /* 0.1 used an hour: $1 would have done without the action too, so nothing is its merit */
    put_hours(s, 168, 168 + 24, 10, 0, false);
    expect(s, 0, "done", 0, 730.5, 0.5, NULL);
    gw_store_free(s);
}

static void test_bounds(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    /* four and a half times the work: 2 is applied; and said */
    put_hours(s, 168, 168 + 24, 90, 0, false);
    expect(s, 0, "done", 3 * 730.5, 730.5, 2, "factor of 4.50; 2.0 was applied");
    gw_store_free(s);
}

static void test_not_carried_out(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    put_hours(s, 168, 168 + 24, 10, 10, true);
    expect(s, 0, "done", 0, 0, 1, NULL);
    gw_store_free(s);
}

static void test_loss(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    /* n2 stayed, and a replica came onto a third node: $1 an hour more for the same work */
    for (int i = 168; i < 168 + 24; i++) {
        gw_hour_leaf leaves[] = {leaf("n1", "big", "chat-1", 10), leaf("n2", "big", "chat-2", 10),
                                 leaf("n3", "big", "chat-3", 0)};
        put(s, START + i * H, leaves, 3);
    }
    expect(s, 0, "done", -730.5, -730.5, 1, NULL);
    gw_store_free(s);
}

static void test_reverted_on_day_three(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    put_hours(s, 168, 168 + 48, 20, 0, false);
    put_hours(s, 168 + 48, 168 + 168, 10, 10, true);
    expect(s, 0, "done", 730.5, 730.5, 1, NULL);
    /* (48 × 1 + 120 × 2) / 168 = 1.714286 an hour; 0.285714 × 730.5 */
    expect(s, 1, "done", 208.714077, 208.714077, 1, "may have been undone");
    gw_store_free(s);
}

static void test_hours_missing(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    put_hours(s, 168, 168 + 151, 20, 0, false);
    expect(s, 0, "done", 730.5, 730.5, 1, NULL);
    /* 17 of 168 is more than a tenth */
    expect(s, 1, "unknown", 0, 0, 0, "17 of 168 hours since it was accepted are not in the store");
    gw_store_free(s);
}

static void test_few_hours_missing(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    put_hours(s, 168, 168 + 152, 20, 0, false); /* 16 of 168 are 9.5 % */
    expect(s, 1, "done", 730.5, 730.5, 1, NULL);
    gw_store_free(s);
}

static void test_nothing_measured(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    put_hours(s, 168, 168 + 24, -1, 0, false);
    expect(s, 0, "unknown", 0, 0, 0, "no use was measured of 100 %");
    gw_store_free(s);
}

/* An idle node given back: nobody held it, so demand does not enter. */
static void test_idle_node(void **state)
{
    GW_UNUSED(state);
    static const char idle_plan[] =
        "{\"actions\":[{\"id\":\"x\",\"kind\":\"release-node\",\"chosen\":true,\"share\":"
        "{\"monthlyLow\":730.5,\"monthlyHigh\":730.5},\"change\":{\"releases\":[{\"name\":"
        "\"n2\"}]}}]}";
    gw_store *s = open_store();
    gw_error e;
    for (int i = 0; i < 168 + 24; i++) {
        gw_hour_leaf leaves[] = {leaf("n1", "big", "chat-1", i < 168 ? 10 : 50), leaf("n2", "big", NULL, 0)};
        put(s, START + i * H, leaves, i < 168 ? 2 : 1);
    }
    assert_int_equal(gw_action_accept(s, gw_str_of(idle_plan), "x", "prod", NULL, ACCEPT, &e), 0);
    expect(s, 0, "done", 730.5, 730.5, 1, "demand does not enter");
    gw_store_free(s);
}

/* A node is replaced by one of another type that costs half: nodes of that type that are new are its cost,
 * the one that was there before is not. */
static void test_hired(void **state)
{
    GW_UNUSED(state);
    gw_store *s = open_store();
    gw_error e;
    json_t *doc;
    for (int i = 0; i < 168 + 24; i++) {
        gw_hour_leaf leaves[] = {leaf("old", "small", "other-1", 10), leaf("n2", "big", "chat-2", 10)};
        leaves[0].dim[GW_DIM_WORKLOAD] = "other";
        if (i >= 168) {
            leaves[1] = leaf("new", "small", "chat-3", 20);
            leaves[1].m.bill = GW_USD / 2;
            leaves[1].m.used = GW_USD / 10;
            leaves[1].m.wasted = GW_USD / 2 - GW_USD / 10;
            leaves[1].m.used_ms = H / 10;
        }
        put(s, START + i * H, leaves, 2);
    }
    assert_int_equal(gw_action_accept(s, gw_str_of(plan), "hire", "prod", "ann", ACCEPT, &e), 0);
    const json_t *c = check_after(s, 0, &doc);
    assert_true(fabs(number(c, "realised") - 730.5 / 2) < 0.001);
    assert_true(json_is_null(json_object_get(c, "predicted"))); /* unknown, not 0 */
    json_decref(doc);
    gw_store_free(s);
}

/* Checks wait for the hours that they rest on, and are made once. */
static void test_when(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    gw_error e;
    size_t n = 9;
    put_hours(s, 168, 168 + 23, 20, 0, false);
    int64_t due = ACCEPT + GW_DAY_MS;
    assert_int_equal(gw_realised_check(s, ID, due - 1, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(gw_realised_check(s, ID, due, &n, &e), 0);
    assert_int_equal(n, 0); /* the last hour is not closed yet */
    put_hours(s, 168 + 23, 168 + 24, 20, 0, false);
    assert_int_equal(gw_realised_check(s, ID, due, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(gw_realised_check(s, ID, due, &n, &e), 0);
    assert_int_equal(n, 0);
    json_t *doc = actions_of(s);
    const json_t *a = json_array_get(json_object_get(doc, "actions"), 0);
    const json_t *checks = json_object_get(a, "checks");
    assert_string_equal(json_string_value(json_object_get(a, "acceptedBy")), "ann");
    assert_string_equal(json_string_value(json_object_get(a, "acceptedAt")), "2026-11-09T00:00:00Z");
    assert_true(fabs(number(json_object_get(a, "predictedMonthly"), "low") - 700.5) < 1e-9);
    assert_string_equal(json_string_value(json_object_get(json_array_get(checks, 1), "state")), "pending");
    assert_string_equal(json_string_value(json_object_get(json_array_get(checks, 2), "dueAt")),
                        "2026-12-09T00:00:00Z");
    /* the scope has the workload of the pod that moves */
    const json_t *scope = json_object_get(a, "scope");
    assert_int_equal(json_array_size(json_object_get(scope, "nodes")), 2);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(scope, "workloads"), 0), "name")),
        "chat");
    json_decref(doc);
    gw_store_free(s);
}

static void test_overlap(void **state)
{
    GW_UNUSED(state);
    gw_store *s = with_baseline();
    gw_error e;
    assert_int_equal(gw_action_accept(s, gw_str_of(plan), "hire", "prod", "bob", ACCEPT + H, &e), 0);
    put_hours(s, 168, 168 + 25, 20, 0, false);
    assert_int_equal(gw_realised_check(s, ID, ACCEPT + GW_DAY_MS, NULL, &e), 0);
    json_t *doc = actions_of(s);
    /* newest first */
    const json_t *a = json_array_get(json_object_get(doc, "actions"), 1);
    const json_t *c = json_array_get(json_object_get(a, "checks"), 0);
    assert_string_equal(json_string_value(json_object_get(c, "note")),
                        "shares nodes, and their saving, with hire");
    json_decref(doc);
    gw_store_free(s);
}

/* Books of several clusters: those of the one that the plan names, and not of the one that asks. */
static void test_cluster(void **state)
{
    GW_UNUSED(state);
    gw_store *s = open_store();
    gw_error e;
    put_hours(s, 0, 168, 10, 10, true);
    for (int i = 0; i < 168; i++) { /* books of another cluster, with nodes of the same name */
        gw_hour_leaf l = leaf("n2", "big", "chat-9", 10);
        gw_hour h = {.cluster = "other", .start_ms = START + i * H, .leaves = &l, .n_leaves = 1};
        gw_put_result r;
        h.total = gw_hour_sum(&h);
        assert_int_equal(gw_store_put_hour(s, &h, NULL, &r, &e), 0);
    }
    assert_int_equal(gw_action_accept(s, gw_str_of(plan), ID, "other", "ann", ACCEPT, &e), 0);
    json_t *doc = actions_of(s);
    const json_t *a = json_array_get(json_object_get(doc, "actions"), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(a, "scope"), "cluster")), "prod");
    assert_true(fabs(number(json_object_get(a, "baseline"), "bill") - 2 * 168) < 1e-9);
    json_decref(doc);
    /* of what the history knows nothing, no saving can be told */
    static const char unknown[] =
        "{\"actions\":[{\"id\":\"u\",\"kind\":\"release-node\",\"change\":{\"releases\":[{\"name\":"
        "\"n7\"}]}}]}";
    assert_int_equal(gw_action_accept(s, gw_str_of(unknown), "u", "prod", "ann", ACCEPT, &e), GW_ENODATA);
    assert_non_null(strstr(e.message, "no charge of what action 'u' is about"));
    gw_store_free(s);
}

static void test_errors(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_store *s = open_store();
    gw_str p = gw_str_of(plan);
    assert_int_equal(gw_action_accept(s, p, ID, "prod", "ann", ACCEPT, &e), GW_ENODATA);
    put_hours(s, 168 - 23, 168, 10, 10, true);
    assert_int_equal(gw_action_accept(s, p, ID, "prod", "ann", ACCEPT, &e), GW_ENODATA);
    put_hours(s, 0, 168, 10, 10, true);
    assert_int_equal(gw_action_accept(s, p, "no such", "prod", "ann", ACCEPT, &e), GW_ENOTFOUND);
    assert_int_equal(gw_action_accept(s, p, "nothing", "prod", "ann", ACCEPT, &e), GW_EUSAGE);
    static const char *const bad[] = {
        "", "{", "{\"actions\":[{\"id\":\"release-node/prod/n2\"}]}",
        "{\"actions\":[{\"id\":\"release-node/prod/n2\",\"kind\":1,\"change\":{}}]}"};
    for (size_t i = 0; i < GW_COUNT(bad); i++)
        assert_int_equal(gw_action_accept(s, gw_str_of(bad[i]), ID, "prod", "ann", ACCEPT, &e), GW_ECORRUPT);
    assert_int_equal(gw_action_stop(s, ID, ACCEPT, &e), GW_ENOTFOUND);
    assert_int_equal(gw_realised_check(s, ID, ACCEPT, NULL, &e), GW_ENOTFOUND);
    assert_int_equal(gw_action_accept(s, p, ID, "prod", "ann", ACCEPT, &e), 0);
    assert_int_equal(gw_action_accept(s, p, ID, "prod", "ann", ACCEPT, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "2026-11-09T00:00:00Z"));
    assert_int_equal(gw_action_stop(s, ID, ACCEPT + H, &e), 0);
    assert_int_equal(gw_action_stop(s, ID, ACCEPT + H, &e), GW_EUSAGE);
    size_t n = 9; /* stopped: not checked any more */
    assert_int_equal(gw_realised_check(s, ID, ACCEPT + 2 * GW_DAY_MS, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(gw_action_accept(s, p, ID, "prod", "ann", ACCEPT + 2 * H, &e), 0);
    gw_store_free(s);
}

/* A document that somebody else wrote: it is named, it hides no other, and accepting anew is the way out. */
static void test_bad_documents(void **state)
{
    GW_UNUSED(state);
    static const char *const bad[] = {"", "[]", "{}", "{\"version\":2}", "{\"version\":1,\"id\":5}"};
    gw_error e;
    gw_store *s = with_baseline();
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        assert_int_equal(gw_store_document_put(s, GW_ACTION_DOCUMENT, "bad", gw_str_of(bad[i]), &e), 0);
        assert_int_equal(gw_realised_check(s, "bad", ACCEPT, NULL, &e), GW_ECORRUPT);
        assert_non_null(strstr(e.message, "'bad'"));
        assert_int_equal(gw_realised_check_all(s, ACCEPT, NULL, &e), GW_ECORRUPT);
        json_t *doc = actions_of(s);
        assert_int_equal(json_array_size(json_object_get(doc, "actions")), 1);
        json_decref(doc);
    }
    assert_int_equal(gw_action_stop(s, "bad", ACCEPT, &e), 0); /* takes it away */
    assert_int_equal(gw_realised_check_all(s, ACCEPT, NULL, &e), 0);
    gw_store_free(s);
}

static void test_no_memory(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    int64_t live = gw_mem_live(); /* the store keeps some between calls; at the end all of it is gone */
    gw_store *s = open_store();
    put_hours(s, 140, 168 + 24, 10, 10, true);
    int rc = GW_ENOMEM;
    for (uint64_t n = 1; rc; n++) {
        gw_mem_fail_at(n);
        rc = gw_action_accept(s, gw_str_of(plan), ID, "prod", "ann", ACCEPT, &e);
        gw_mem_fail_at(0);
        if (rc && rc != GW_ENOMEM)
            fail_msg("allocation %d: %d %s", (int)n, rc, e.message);
        assert_true(n < 20000);
    }
    rc = GW_ENOMEM;
    for (uint64_t n = 1; rc; n++) {
        gw_mem_fail_at(n);
        rc = gw_realised_check(s, ID, ACCEPT + GW_DAY_MS, NULL, &e);
        gw_mem_fail_at(0);
        if (rc && rc != GW_ENOMEM)
            fail_msg("allocation %d: %d %s", (int)n, rc, e.message);
        assert_true(n < 20000);
    }
    gw_store_free(s);
    assert_int_equal(gw_mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pure_saving),
        cmocka_unit_test(test_demand_doubled),
        cmocka_unit_test(test_demand_halved),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_not_carried_out),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_reverted_on_day_three),
        cmocka_unit_test(test_hours_missing),
        cmocka_unit_test(test_few_hours_missing),
        cmocka_unit_test(test_nothing_measured),
        cmocka_unit_test(test_idle_node),
        cmocka_unit_test(test_hired),
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_overlap),
        cmocka_unit_test(test_cluster),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_bad_documents),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
