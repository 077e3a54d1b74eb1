/* The watch over a real SQLite store in memory. */
#include "gw_test.h"

#include <math.h>

#include "books.h"
#include "format/json_tree.h"
#include "operate/anomaly_watch.h"

#define START   INT64_C(1793318400000) /* 2026-10-30T00:00:00Z */
#define HOUR(h) (START + (int64_t)(h)*GW_HOUR_MS)
#define QUIET   500 /* hours before anything happens */

static uint64_t seed;

/* 1 % up or down */
static double noise(void)
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return 0.99 + 0.02 * (double)(seed * UINT64_C(2685821657736338717) >> 11) / 9007199254740992.0;
}

/* What an hour is like: dollars of nlp in ns-a and ns-b and of ads in ns-c; how much of nlp's GPUs works. */
typedef struct shape {
    double a, b, c, used;
} shape;

static const shape usual = {6, 4, 1, 0.8};

static void put(gw_store *s, int64_t hour, shape x)
{
    enum { GPUS = 4 };
    int64_t ms = GPUS * GW_HOUR_MS;
    book_leaf l[] = {
        {"ns-a", "nlp", (gw_micro)(x.a * noise() * 1e6), 0, ms, (int64_t)(x.used * noise() * (double)ms), ms},
        {"ns-b", "nlp", (gw_micro)(x.b * noise() * 1e6), 0, ms, (int64_t)(x.used * noise() * (double)ms), ms},
        {"ns-c", "ads", (gw_micro)(x.c * noise() * 1e6), 0, ms, (int64_t)(0.5 * noise() * (double)ms), ms}};
    books_put(s, "prod", hour, l, GW_COUNT(l));
}

static gw_anomaly_watch *watch(void)
{
    gw_anomaly_watch *w = NULL;
    gw_error e;
    assert_int_equal(gw_anomaly_watch_new(&(gw_anomaly_watch_options){0}, &w, &e), 0);
    return w;
}

static void turn(gw_anomaly_watch *w, gw_store *s, int64_t now, gw_events *events)
{
    gw_error e = {0};
    if (gw_anomaly_watch_turn(w, s, now, events, &e))
        fail_msg("%s", e.message);
}

static gw_store *quiet_store(void)
{
    gw_store *s = books_open();
    seed = 29;
    for (int h = 0; h < QUIET; h++)
        put(s, HOUR(h), usual);
    return s;
}

static const gw_event *find(const gw_events *l, const char *part, bool resolved)
{
    for (size_t i = 0; i < l->n; i++)
        if (strstr(l->items[i].dedup_key, part) && l->items[i].resolved == resolved)
            return &l->items[i];
    return NULL;
}

static json_t *document(gw_store *s, gw_interval window)
{
    gw_buf b;
    gw_doc d;
    gw_error e;
    json_t *root = NULL;
    gw_buf_init(&b, 1 << 22);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    assert_int_equal(gw_anomaly_watch_write(s, window, &d, &e), 0);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
    assert_int_equal(gw_json_tree_parse((gw_str){b.data, b.len}, &root, &e), 0);
    gw_buf_free(&b);
    return root;
}

static json_t *anomaly(json_t *root, const char *part)
{
    json_t *x;
    size_t i;
    json_array_foreach(json_object_get(root, "anomalies"), i,
                       x) if (strstr(json_string_value(json_object_get(x, "id")), part)) return x;
    return NULL;
}

static double number(json_t *x, const char *key)
{
    return json_number_value(json_object_get(x, key));
}

/*
 * ns-b costs 20 $ an hour more for ten hours. 50 $ are over the expected after the third hour: told then, for
 * the cluster, the team and the namespace. Two calm hours later it is over. `restart`: a new process each
 * hour.
 */
static void burst(bool restart)
{
    gw_store *s = quiet_store();
    gw_anomaly_watch *w = watch();
    gw_events ev;
    gw_events_init(&ev);
    turn(w, s, HOUR(QUIET), &ev);
    assert_int_equal(ev.n, 0);
    for (int h = QUIET; h < QUIET + 40; h++) {
        bool high = h >= QUIET + 5 && h < QUIET + 15;
        put(s, HOUR(h), high ? (shape){6, 24, 1, 0.8} : usual);
        if (restart) {
            gw_anomaly_watch_free(w);
            w = watch();
        }
        gw_events_clear(&ev);
        turn(w, s, HOUR(h + 1), &ev);
        if (h == QUIET + 7) {
            assert_int_equal(ev.n, 3);
            const gw_event *team =
                find(&ev, "cost/prod/team=nlp/2026-11-20T01:00:00Z", false); /* 505 hours are 21 days and 1 */
            assert_non_null(team);
            assert_non_null(find(&ev, "cost/prod/2026-11-20T01:00:00Z", false));
            assert_non_null(find(&ev, "cost/prod/namespace=ns-b/2026-11-20T01:00:00Z", false));
            assert_string_equal(team->kind, "anomaly-cost");
            assert_int_equal(team->severity, GW_EVENT_WARNING);
            assert_int_equal(team->at_ms, HOUR(QUIET + 5));
            assert_non_null(strstr(team->summary, "ns-b moved most, by 2")); /* 20 and the noise */
        } else if (h == QUIET + 16) {
            assert_int_equal(ev.n, 3);
            assert_non_null(find(&ev, "cost/prod/team=nlp/", true));
            assert_int_equal(find(&ev, "cost/prod/team=nlp/", true)->at_ms, HOUR(QUIET + 15));
        } else
            assert_int_equal(ev.n, 0);
    }
    json_t *root = document(s, (gw_interval){0, 0}), *x = anomaly(root, "cost/prod/2026");
    assert_int_equal(json_array_size(json_object_get(root, "anomalies")), 3);
    assert_string_equal(json_string_value(json_object_get(x, "state")), "closed");
    assert_string_equal(json_string_value(json_object_get(x, "at")), "2026-11-20T01:00:00Z");
    assert_string_equal(json_string_value(json_object_get(x, "end")), "2026-11-20T11:00:00Z");
    assert_string_equal(json_string_value(json_object_get(x, "metric")), "cost");
    assert_true(fabs(number(x, "observed") - 31) < 1 && fabs(number(x, "expected") - 11) < 1);
    assert_true(number(x, "low") < 11 && number(x, "high") > 11 && number(x, "high") < 13);
    assert_true(number(x, "score") > 0.98);
    /* 10 hours of 20 $, less what the expectation has crept up; the noise is 0.3 $ at most */
    assert_true(number(x, "impact") > 180 && number(x, "impact") < 205);
    json_t *row = json_array_get(json_object_get(x, "explanation"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "key")), "nlp");
    assert_true(fabs(number(row, "before") - 10) < 0.2 && fabs(number(row, "after") - 30) < 0.4);
    json_decref(root);
    /* windows are half-open, and an anomaly is in each that it overlaps */
    root = document(s, (gw_interval){HOUR(QUIET + 15), HOUR(QUIET + 20)});
    assert_int_equal(json_array_size(json_object_get(root, "anomalies")), 0);
    json_decref(root);
    root = document(s, (gw_interval){HOUR(QUIET + 14), HOUR(QUIET + 20)});
    assert_int_equal(json_array_size(json_object_get(root, "anomalies")), 3);
    json_decref(root);
    gw_events_free(&ev);
    gw_anomaly_watch_free(w);
    gw_store_free(s);
}

static void test_burst(void **state)
{
    GW_UNUSED(state);
    burst(false);
}

static void test_burst_restarted(void **state)
{
    GW_UNUSED(state);
    burst(true);
}

/* A new level is told once; in three days it is what is expected. Unobserved hours in between are no news. */
static void test_new_level(void **state)
{
    GW_UNUSED(state);
    gw_store *s = quiet_store();
    gw_anomaly_watch *w = watch();
    gw_events ev;
    size_t began = 0, ended = 0;
    gw_events_init(&ev);
    turn(w, s, HOUR(QUIET), &ev);
    for (int h = QUIET; h < QUIET + 400; h++) {
        if (h % 17 == 0 || (h > QUIET + 200 && h < QUIET + 210))
            continue; /* nobody saw it */
        put(s, HOUR(h), (shape){6, 12, 1, 0.8});
        gw_events_clear(&ev);
        turn(w, s, HOUR(h + 1), &ev);
        for (size_t i = 0; i < ev.n; i++) {
            began += !ev.items[i].resolved;
            ended += ev.items[i].resolved;
            assert_true(h < QUIET + 100);
        }
    }
    assert_int_equal(began, 3);
    assert_int_equal(ended, 3);
    gw_events_free(&ev);
    gw_anomaly_watch_free(w);
    gw_store_free(s);
}

/* 2 $ an hour for ten hours are 20 $, under the minimum: nothing is told and nothing is kept. */
static void test_minimum(void **state)
{
    GW_UNUSED(state);
    gw_store *s = quiet_store();
    gw_anomaly_watch *w = watch();
    gw_events ev;
    gw_events_init(&ev);
    for (int h = QUIET; h < QUIET + 60; h++) {
        put(s, HOUR(h), h < QUIET + 10 ? (shape){6, 6, 1, 0.8} : usual);
        turn(w, s, HOUR(h + 1), &ev);
    }
    assert_int_equal(ev.n, 0);
    json_t *root = document(s, (gw_interval){0, 0});
    assert_int_equal(json_array_size(json_object_get(root, "anomalies")), 0);
    json_decref(root);
    gw_events_free(&ev);
    gw_anomaly_watch_free(w);
    gw_store_free(s);
}

/* nlp's GPUs go from 80 % to 10 %: 70 % of its 10 $ an hour, 50 $ after eight hours. More work is no anomaly.
 */
static void test_utilisation(void **state)
{
    GW_UNUSED(state);
    gw_store *s = quiet_store();
    gw_anomaly_watch *w = watch();
    gw_events ev;
    int told = -1;
    gw_events_init(&ev);
    for (int h = QUIET; h < QUIET + 30; h++) {
        put(s, HOUR(h), h < QUIET + 20 ? (shape){6, 4, 1, 0.1} : (shape){6, 4, 1, 0.99});
        gw_events_clear(&ev);
        turn(w, s, HOUR(h + 1), &ev);
        const gw_event *x = find(&ev, "utilisation/prod/team=nlp", false);
        if (x) {
            assert_int_equal(told, -1);
            told = h;
            assert_string_equal(x->kind, "anomaly-utilisation");
            assert_int_equal(x->at_ms, HOUR(QUIET));
        }
        assert_null(find(&ev, "/cost/", false));
    }
    assert_true(told >= QUIET + 6 && told <= QUIET + 8);
    gw_events_free(&ev);
    gw_anomaly_watch_free(w);
    gw_store_free(s);
}

/* A group that was never there before costs 30 $ an hour; and the past of a store that is looked at for the
 * first time is kept, but nobody is told of it. */
static void test_newcomer_and_past(void **state)
{
    GW_UNUSED(state);
    static const book_leaf stranger[] = {{"ns-x", "crypto", 30 * GW_USD, 0, GW_HOUR_MS, 0, 0}};
    for (int past = 0; past < 2; past++) {
        gw_store *s = quiet_store();
        gw_anomaly_watch *w = watch();
        gw_events ev;
        gw_events_init(&ev);
        if (!past)
            turn(w, s, HOUR(QUIET), &ev);
        for (int h = QUIET; h < QUIET + 20; h++)
            books_put(s, "prod", HOUR(h), stranger, h < QUIET + 4 ? 1 : 0);
        turn(w, s, HOUR(QUIET + 20 + (past ? 48 : 0)), &ev);
        if (past)
            assert_int_equal(ev.n, 0);
        else
            assert_non_null(find(&ev, "cost/prod/team=crypto", false));
        json_t *root = document(s, (gw_interval){0, 0});
        assert_non_null(anomaly(root, "cost/prod/team=crypto"));
        json_decref(root);
        gw_events_free(&ev);
        gw_anomaly_watch_free(w);
        gw_store_free(s);
    }
}

static void test_broken(void **state)
{
    GW_UNUSED(state);
    static const char *const broken[] = {
        "{", "{\"version\":1,\"judged\":[],\"open\":[1,{\"cluster\":\"prod\",\"by\":\"pod\"}]}",
        "{\"version\":9}",
        "{\"version\":1,\"judged\":{\"prod\":\"x\"},\"open\":[{\"cluster\":\"prod\",\"by\":\"team\","
        "\"value\":\"nlp\","
        "\"metric\":\"cost\",\"numbers\":[],\"rows\":[3]}]}"};
    gw_error e;
    for (size_t i = 0; i < GW_COUNT(broken); i++) {
        gw_store *s = books_open();
        gw_anomaly_watch *w = watch();
        gw_events ev;
        gw_events_init(&ev);
        for (int h = 0; h < 30; h++)
            put(s, HOUR(h), usual);
        assert_int_equal(gw_store_document_put(s, "detector", "anomaly", gw_str_of(broken[i]), &e), 0);
        assert_int_equal(gw_store_document_put(s, "anomaly", "x", gw_str_of(broken[i]), &e), 0);
        turn(w, s, HOUR(30), &ev);
        json_decref(document(s, (gw_interval){0, 0}));
        gw_events_free(&ev);
        gw_anomaly_watch_free(w);
        gw_store_free(s);
    }
    gw_anomaly_watch *w = NULL;
    assert_int_equal(gw_anomaly_watch_new(&(gw_anomaly_watch_options){.minimum = -1}, &w, &e), GW_EUSAGE);
    assert_int_equal(gw_anomaly_watch_new(&(gw_anomaly_watch_options){.tail = 1}, &w, &e), GW_EUSAGE);
}

/* Whatever fails, the next turn goes on, and in the end there is what would have been there. */
static void test_allocations(void **state)
{
    GW_UNUSED(state);
    enum { FEW = 150 };
    gw_store *s = books_open();
    seed = 31;
    for (int h = 0; h < FEW + 4; h++)
        put(s, HOUR(h), h < FEW ? usual : (shape){6, 24, 1, 0.8});
    for (uint64_t n = 1;; n = n < 60 ? n + 1 : n + n / 9) {
        gw_anomaly_watch *w = watch();
        gw_events ev;
        gw_error e;
        bool was = false;
        gw_events_init(&ev);
        assert_int_equal(gw_store_document_delete(s, "detector", "anomaly", &was, &e), 0);
        gw_mem_fail_at(n);
        int r = gw_anomaly_watch_turn(w, s, HOUR(FEW + 4), &ev, &e);
        bool failed = gw_mem_count() >= n;
        gw_mem_fail_at(0);
        if (r)
            assert_int_equal(r, GW_ENOMEM);
        turn(w, s, HOUR(FEW + 4), &ev);
        assert_non_null(find(&ev, "cost/prod/team=nlp", false));
        assert_non_null(find(&ev, "cost/prod/namespace=ns-b", false));
        gw_events_free(&ev);
        gw_anomaly_watch_free(w);
        if (!failed)
            break;
    }
    gw_store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst),       cmocka_unit_test(test_burst_restarted),
        cmocka_unit_test(test_new_level),   cmocka_unit_test(test_minimum),
        cmocka_unit_test(test_utilisation), cmocka_unit_test(test_newcomer_and_past),
        cmocka_unit_test(test_broken),      cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
