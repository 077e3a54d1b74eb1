/* Who hears of what, and when: the engine with a clock, a shelf and a transport that the test holds. */
#include "gw_test.h"

#include "base/mem.h"
#include "operate/alert.h"

#define DOCS_MAX 6000
#define SENT_MAX 256

#define T0 ((int64_t)1700000000000) /* 2023-11-14T22:13:20Z */

/* ---- a shelf --------------------------------------------------------------------------------------------
 */

typedef struct shelf {
    char *id[DOCS_MAX], *body[DOCS_MAX];
    size_t n;
    bool down;
    int puts, drops;
} shelf;

static size_t shelf_find(const shelf *s, const char *id)
{
    size_t i = 0;
    while (i < s->n && strcmp(s->id[i], id) != 0)
        i++;
    return i;
}

static int shelf_put(void *ctx, const char *id, gw_str body, gw_error *e)
{
    shelf *s = ctx;
    if (s->down)
        return gw_fail(e, GW_ECONNECT, "the shelf is down");
    size_t i = shelf_find(s, id);
    s->puts++;
    if (i == s->n) {
        assert_true(s->n < DOCS_MAX);
        s->id[i] = test_malloc(strlen(id) + 1);
        memcpy(s->id[i], id, strlen(id) + 1);
        s->n++;
    } else {
        test_free(s->body[i]);
    }
    s->body[i] = test_malloc(body.n + 1);
    memcpy(s->body[i], body.p, body.n);
    s->body[i][body.n] = '\0';
    return 0;
}

static int shelf_drop(void *ctx, const char *id, gw_error *e)
{
    shelf *s = ctx;
    if (s->down)
        return gw_fail(e, GW_ECONNECT, "the shelf is down");
    size_t i = shelf_find(s, id);
    s->drops++;
    if (i == s->n)
        return 0;
    test_free(s->id[i]);
    test_free(s->body[i]);
    s->n--;
    s->id[i] = s->id[s->n];
    s->body[i] = s->body[s->n];
    return 0;
}

static int shelf_each(void *ctx, const char *prefix, int (*fn)(void *, const char *, gw_str, gw_error *),
                      void *fn_ctx, gw_error *e)
{
    shelf *s = ctx;
    if (s->down)
        return gw_fail(e, GW_ECONNECT, "the shelf is down");
    for (size_t i = s->n; i-- > 0;) {
        int rc = gw_has_prefix(s->id[i], prefix) ? fn(fn_ctx, s->id[i], gw_str_of(s->body[i]), e) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static void shelf_clear(shelf *s)
{
    for (size_t i = 0; i < s->n; i++) {
        test_free(s->id[i]);
        test_free(s->body[i]);
    }
    s->n = 0;
}

/* What a process that is killed now would find again. */
static void shelf_copy(const shelf *from, shelf *to)
{
    gw_error e;
    shelf_clear(to);
    for (size_t i = 0; i < from->n; i++)
        assert_int_equal(shelf_put(to, from->id[i], gw_str_of(from->body[i]), &e), 0);
}

/* ---- the world ------------------------------------------------------------------------------------------
 */

typedef struct sent {
    size_t route, n;
    int64_t at_ms, valid_until_ms;
    char first[GW_EVENT_KEY_MAX + 1];
    gw_event_severity severity;
    bool resolved;
} sent;

typedef struct world {
    shelf docs;
    gw_alert_shelf shelf;
    int64_t now_ms;
    sent sent[SENT_MAX];
    size_t n_sent, tries;
    int fail; /* code of every send; 0: they go through */
    gw_alert_reply reply;
    const char *poison;        /* a message with this key is refused */
    const gw_event *meanwhile; /* comes while a message is on its way, once */
    gw_alerts *alerts;
} world;

static int64_t clock_of(void *ctx)
{
    return ((world *)ctx)->now_ms;
}

static int send_of(void *ctx, size_t route, const gw_alert *alerts, size_t n, int64_t now_ms,
                   gw_alert_reply *reply, gw_error *e)
{
    world *w = ctx;
    w->tries++;
    if (w->meanwhile) {
        const gw_event *ev = w->meanwhile;
        w->meanwhile = NULL;
        assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, ev, 1, e), 0);
    }
    for (size_t i = 0; w->poison && i < n; i++)
        if (strcmp(alerts[i].event->dedup_key, w->poison) == 0) {
            reply->refused = true;
            return gw_fail(e, GW_EQUERY, "what is this");
        }
    if (w->fail) {
        *reply = w->reply;
        return gw_fail(e, w->fail, "no\nluck");
    }
    assert_true(w->n_sent < SENT_MAX);
    sent *s = &w->sent[w->n_sent++];
    *s = (sent){.route = route,
                .n = n,
                .at_ms = now_ms,
                .valid_until_ms = alerts[0].valid_until_ms,
                .severity = alerts[0].event->severity,
                .resolved = alerts[0].event->resolved};
    snprintf(s->first, sizeof(s->first), "%s", alerts[0].event->dedup_key);
    for (size_t i = 1; i < n; i++) /* severest first */
        assert_true(alerts[i - 1].event->severity >= alerts[i].event->severity);
    return 0;
}

static const char *const receivers[] = {"oncall@example.org", NULL};

/* A mail route needs no secret and says nothing again by itself. */
static gw_alert_route plain_route(const char *name)
{
    return (gw_alert_route){.name = name,
                            .type = GW_ALERT_WEBHOOK,
                            .url = "https://example.org/hook",
                            .repeat_ms = 4 * GW_HOUR_MS};
}

static void start(world *w, const gw_alert_route *routes, size_t n)
{
    gw_error e = {0};
    gw_alert_options o = {.config = {.routes = routes, .n_routes = n, .cluster = "prod/eu"},
                          .send = send_of,
                          .send_ctx = w,
                          .clock = clock_of,
                          .clock_ctx = w,
                          .seed = 7};
    w->shelf = (gw_alert_shelf){&w->docs, shelf_put, shelf_drop, shelf_each};
    int rc = gw_alerts_new(&o, &w->alerts, &e);
    if (rc)
        fail_msg("%s", e.message);
}

static void stop(world *w)
{
    gw_alerts_free(w->alerts);
    w->alerts = NULL;
}

static void restart(world *w, const gw_alert_route *routes, size_t n)
{
    stop(w);
    start(w, routes, n);
}

static world *world_new(const gw_alert_route *routes, size_t n)
{
    world *w = test_calloc(1, sizeof(*w));
    w->now_ms = T0;
    start(w, routes, n);
    return w;
}

static void world_free(world *w)
{
    stop(w);
    shelf_clear(&w->docs);
    test_free(w);
}

static gw_event event_of(const char *key, gw_event_severity severity, bool resolved)
{
    return (gw_event){.kind = "budget-threshold",
                      .dedup_key = key,
                      .severity = severity,
                      .summary = "80 % of nlp's budget is spent",
                      .at_ms = T0 - GW_HOUR_MS,
                      .resolved = resolved};
}

static void take(world *w, const char *key, gw_event_severity severity, bool resolved)
{
    gw_error e = {0};
    gw_event ev = event_of(key, severity, resolved);
    int rc = gw_alerts_take(w->alerts, &w->shelf, &ev, 1, &e);
    if (rc)
        fail_msg("%s", e.message);
}

static void turn(world *w)
{
    gw_error e = {0};
    int rc = gw_alerts_turn(w->alerts, &w->shelf, &e);
    if (rc)
        fail_msg("%s", e.message);
}

static gw_alert_status status(world *w, size_t route)
{
    gw_alert_status s[GW_ALERT_ROUTES_MAX];
    assert_true(route < gw_alerts_status(w->alerts, s));
    return s[route];
}

/* ---- tests ----------------------------------------------------------------------------------------------
 */

static void test_life_of_an_alert(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    assert_true(gw_alerts_due(w->alerts) <= T0 + 5000); /* the shelf wants to be read */
    take(w, "k", GW_EVENT_WARNING, false);
    assert_int_equal(w->docs.n, 1);
    assert_string_equal(w->docs.id[0], "prod%2Feu/webhook/k");
    assert_int_equal(gw_alerts_due(w->alerts), T0);
    turn(w);
    assert_int_equal(w->n_sent, 1);
    assert_true(gw_alerts_due(w->alerts) == INT64_MAX);
    turn(w); /* nothing is new */
    take(w, "k", GW_EVENT_WARNING, false);
    w->now_ms += 4 * GW_HOUR_MS - 1;
    take(w, "k", GW_EVENT_WARNING, false);
    turn(w);
    assert_int_equal(w->n_sent, 1);
    w->now_ms += 1; /* now it may be repeated */
    take(w, "k", GW_EVENT_WARNING, false);
    turn(w);
    assert_int_equal(w->n_sent, 2);
    w->now_ms += 1;
    take(w, "k", GW_EVENT_CRITICAL, false); /* worse: at once */
    turn(w);
    assert_int_equal(w->n_sent, 3);
    assert_int_equal(w->sent[2].severity, GW_EVENT_CRITICAL);
    take(w, "k", GW_EVENT_WARNING, false); /* less bad is no news */
    turn(w);
    assert_int_equal(w->n_sent, 3);
    assert_int_equal(status(w, 0).open, 1);
    take(w, "k", GW_EVENT_INFO, true);
    turn(w);
    assert_int_equal(w->n_sent, 4);
    assert_true(w->sent[3].resolved);
    assert_int_equal(w->sent[3].severity, GW_EVENT_CRITICAL); /* that of the alert that it ends */
    assert_int_equal(w->docs.n, 0);
    take(w, "k", GW_EVENT_INFO, true); /* it has ended already */
    turn(w);
    assert_int_equal(w->n_sent, 4);
    gw_alert_status s = status(w, 0);
    assert_int_equal(s.sent, 4);
    assert_int_equal(s.open + s.queued + s.failed + s.dropped, 0);
    world_free(w);
}

static void test_who_wants_what(void **state)
{
    GW_UNUSED(state);
    static const char *const kinds[] = {"data-stale", "anomaly-*", NULL};
    gw_alert_route r[] = {plain_route("all"), plain_route("severe"), plain_route("some")};
    r[1].minimum = GW_EVENT_ERROR;
    r[2].kinds = kinds;
    world *w = world_new(r, 3);
    gw_event ev[] = {event_of("a", GW_EVENT_WARNING, false), event_of("b", GW_EVENT_ERROR, false),
                     event_of("c", GW_EVENT_INFO, false), event_of("d", GW_EVENT_INFO, false),
                     event_of("never", GW_EVENT_CRITICAL, true)};
    gw_error e = {0};
    ev[2].kind = "anomaly-cost";
    ev[3].kind = "data-stale-not";
    assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, ev, GW_COUNT(ev), &e), 0);
    assert_int_equal(status(w, 0).queued, 4);
    assert_int_equal(status(w, 1).queued, 1);
    assert_int_equal(status(w, 2).queued, 1);
    turn(w);
    assert_int_equal(w->n_sent, 3);
    assert_int_equal(w->sent[0].n, 4);
    assert_string_equal(w->sent[0].first, "b"); /* the severest first */
    assert_string_equal(w->sent[1].first, "b");
    assert_string_equal(w->sent[2].first, "c");
    /* an end reaches everybody who heard of the beginning, however it is graded */
    take(w, "b", GW_EVENT_INFO, true);
    turn(w);
    assert_int_equal(w->n_sent, 5);
    world_free(w);
}

static void test_end_before_told(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    take(w, "k", GW_EVENT_WARNING, false);
    take(w, "k", GW_EVENT_WARNING, true);
    turn(w);
    assert_int_equal(w->n_sent, 1); /* told as ended, once */
    assert_true(w->sent[0].resolved);
    assert_int_equal(w->docs.n, 0);
    /* told, ended, back before the end was told: nothing to say */
    take(w, "m", GW_EVENT_WARNING, false);
    turn(w);
    take(w, "m", GW_EVENT_WARNING, true);
    take(w, "m", GW_EVENT_WARNING, false);
    turn(w);
    assert_int_equal(w->n_sent, 2);
    assert_int_equal(status(w, 0).open, 1);
    world_free(w);
}

static void test_restart(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    shelf killed = {0};
    take(w, "a", GW_EVENT_WARNING, false);
    take(w, "b", GW_EVENT_WARNING, false);
    restart(w, &r, 1);
    shelf_copy(&w->docs, &killed); /* as it was before anything was sent */
    turn(w);
    assert_int_equal(w->n_sent, 1);
    assert_int_equal(w->sent[0].n, 2);
    restart(w, &r, 1);
    turn(w);
    assert_int_equal(w->n_sent, 1); /* told is told */
    assert_int_equal(status(w, 0).open, 2);
    /* killed after the message went out, before the mark: twice, not more */
    shelf_copy(&killed, &w->docs);
    restart(w, &r, 1);
    turn(w);
    assert_int_equal(w->n_sent, 2);
    assert_int_equal(w->sent[1].n, 2);
    restart(w, &r, 1);
    turn(w);
    assert_int_equal(w->n_sent, 2);
    take(w, "a", GW_EVENT_WARNING, true);
    restart(w, &r, 1);
    turn(w);
    assert_int_equal(w->n_sent, 3);
    assert_true(w->sent[2].resolved);
    shelf_clear(&killed);
    world_free(w);
}

static void test_outage(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    w->fail = GW_ECONNECT;
    take(w, "k", GW_EVENT_WARNING, false);
    /* 5, 10, 20, 40, 80 s, of each between the half and the whole */
    for (int i = 0; i < 5; i++) {
        turn(w);
        int64_t full = (int64_t)5000 << i, wait = gw_alerts_due(w->alerts) - w->now_ms;
        assert_true(wait >= full / 2 && wait <= full);
        gw_alert_status s = status(w, 0);
        assert_int_equal(s.health, i < 4 ? GW_ALERT_RETRYING : GW_ALERT_OPEN);
        assert_string_equal(s.why, "no luck");
        assert_int_equal(s.next_try_ms, w->now_ms + wait);
        assert_int_equal(s.oldest_queued_ms, T0);
        w->now_ms += wait - 1;
        turn(w); /* not yet */
        assert_int_equal(w->tries, i + 1);
        w->now_ms += 1;
    }
    for (int i = 0; i < 20; i++) {
        turn(w);
        int64_t wait = gw_alerts_due(w->alerts) - w->now_ms;
        assert_true(wait >= 5000 && wait <= 10 * GW_MINUTE_MS);
        w->now_ms += wait;
    }
    w->fail = 0;
    turn(w);
    assert_int_equal(w->n_sent, 1);
    gw_alert_status s = status(w, 0);
    assert_int_equal(s.health, GW_ALERT_OK);
    assert_string_equal(s.why, "");
    assert_int_equal(s.failed, 25);
    world_free(w);
}

static void test_retry_after(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    w->fail = GW_ESERVER;
    w->reply.retry_after_ms = 90 * GW_SECOND_MS;
    take(w, "k", GW_EVENT_WARNING, false);
    turn(w);
    assert_int_equal(gw_alerts_due(w->alerts), T0 + 90 * GW_SECOND_MS);
    w->now_ms += 90 * GW_SECOND_MS;
    w->reply.retry_after_ms = GW_DAY_MS; /* nobody is listened to for more than an hour */
    turn(w);
    assert_int_equal(gw_alerts_due(w->alerts), w->now_ms + GW_HOUR_MS);
    /* the clock is set back a year: no wait of ours is that long */
    w->now_ms -= 365 * GW_DAY_MS;
    w->fail = 0;
    turn(w);
    assert_int_equal(w->n_sent, 1);
    w->now_ms -= GW_MINUTE_MS; /* nor is a pause between two messages */
    take(w, "m", GW_EVENT_WARNING, false);
    turn(w);
    assert_int_equal(w->n_sent, 2);
    world_free(w);
}

static void test_refused(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    w->poison = "bad";
    take(w, "good", GW_EVENT_INFO, false);
    take(w, "bad", GW_EVENT_CRITICAL, false);
    take(w, "fine", GW_EVENT_INFO, false);
    turn(w); /* all three, refused */
    assert_int_equal(w->n_sent, 0);
    for (int i = 0; i < 4; i++) {
        turn(w);
        if (w->n_sent == 2)
            break;
        w->now_ms = GW_MAX(w->now_ms, gw_alerts_due(w->alerts));
    }
    assert_int_equal(w->n_sent, 2); /* the two, each by itself */
    assert_int_equal(status(w, 0).queued, 1);
    size_t tries = w->tries;
    w->now_ms += GW_MINUTE_MS;
    take(w, "later", GW_EVENT_INFO, false);
    turn(w); /* others are not held up, the bad one is not tried all the time */
    assert_int_equal(w->n_sent, 3);
    assert_int_equal(w->tries, tries + 1);
    w->now_ms += GW_HOUR_MS;
    turn(w);
    assert_int_equal(w->tries, tries + 2);
    w->now_ms += 3 * GW_DAY_MS;
    turn(w);
    gw_alert_status s = status(w, 0);
    assert_int_equal(s.dropped, 1);
    assert_int_equal(s.queued, 0);
    assert_int_equal(w->docs.n, 3); /* the told ones */
    world_free(w);
}

static void test_digest(void **state)
{
    GW_UNUSED(state);
    enum { N = 1000 };
    gw_alert_route r = {
        .type = GW_ALERT_SLACK, .url = "https://hooks.example.org/x", .digest_ms = GW_HOUR_MS};
    world *w = world_new(&r, 1);
    gw_event *ev = test_calloc(N, sizeof(*ev));
    char(*keys)[16] = test_calloc(N, sizeof(*keys));
    gw_error e = {0};
    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        ev[i] = event_of(keys[i], i == 500 ? GW_EVENT_ERROR : GW_EVENT_WARNING, false);
    }
    assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, ev, N, &e), 0);
    turn(w);
    assert_int_equal(w->n_sent, 0);
    /* T0 is 22:13:20; the digest is due at 23:00:00 */
    assert_int_equal(gw_alerts_due(w->alerts), T0 + 46 * GW_MINUTE_MS + 40 * GW_SECOND_MS);
    take(w, "fire", GW_EVENT_CRITICAL, false);
    turn(w); /* does not wait */
    assert_int_equal(w->n_sent, 1);
    assert_int_equal(w->sent[0].n, 1);
    restart(w, &r, 1);
    w->now_ms = T0 + 46 * GW_MINUTE_MS + 40 * GW_SECOND_MS - 1;
    turn(w);
    assert_int_equal(w->n_sent, 1);
    w->now_ms += 1;
    turn(w);
    assert_int_equal(w->n_sent, 2);
    assert_int_equal(w->sent[1].n, N);
    assert_string_equal(w->sent[1].first, "k500");
    test_free(ev);
    test_free(keys);
    world_free(w);
}

static void test_manners(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r[] = {
        {.type = GW_ALERT_SLACK, .url = "https://hooks.example.org/x"},
        {.type = GW_ALERT_PAGERDUTY, .secret_env = "PD"},
        {.type = GW_ALERT_EMAIL, .url = "smtp://mail", .from = "a@example.org", .to = receivers},
        {.type = GW_ALERT_WEBHOOK, .url = "https://example.org"}};
    world *w = world_new(r, 4);
    char key[16];
    for (int i = 0; i < 250; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        take(w, key, GW_EVENT_WARNING, false);
    }
    turn(w);
    /* Slack and mail: one message for all; PagerDuty: one alert; webhooks: by the hundred */
    assert_int_equal(w->n_sent, 6);
    assert_int_equal(w->sent[0].n, 250);
    assert_int_equal(w->sent[1].n, 1);
    assert_int_equal(w->sent[2].n, 250);
    assert_int_equal(w->sent[3].n + w->sent[4].n + w->sent[5].n, 250);
    take(w, "more", GW_EVENT_CRITICAL, false);
    turn(w); /* only the webhook takes a message in the same second */
    assert_int_equal(w->n_sent, 7);
    assert_int_equal(w->sent[6].route, 3);
    assert_int_equal(gw_alerts_due(w->alerts), T0 + 500);
    w->now_ms += 500;
    turn(w);
    assert_int_equal(w->n_sent, 8);
    assert_int_equal(w->sent[7].route, 1);
    assert_string_equal(w->sent[7].first, "more");
    w->now_ms += 500;
    turn(w);
    assert_int_equal(w->n_sent, 10); /* Slack and PagerDuty */
    w->now_ms += 9 * GW_SECOND_MS;
    turn(w);
    assert_int_equal(w->sent[11].route, 2);
    world_free(w);
}

static void test_said_again(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = {.type = GW_ALERT_ALERTMANAGER, .url = "http://am:9093"};
    world *w = world_new(&r, 1);
    take(w, "k", GW_EVENT_WARNING, false);
    turn(w);
    assert_int_equal(w->sent[0].valid_until_ms, T0 + 20 * GW_MINUTE_MS);
    int puts = w->docs.puts;
    for (int i = 1; i <= 12; i++) {
        assert_int_equal(gw_alerts_due(w->alerts), w->now_ms + 5 * GW_MINUTE_MS);
        w->now_ms += 5 * GW_MINUTE_MS;
        turn(w);
        assert_int_equal(w->n_sent, i + 1);
        assert_int_equal(w->sent[i].valid_until_ms, w->now_ms + 20 * GW_MINUTE_MS);
    }
    assert_int_equal(w->docs.puts, puts); /* nothing new to keep */
    restart(w, &r, 1);
    turn(w); /* after a restart it is said again at once */
    assert_int_equal(w->n_sent, 14);
    take(w, "k", GW_EVENT_WARNING, true);
    turn(w);
    assert_int_equal(w->n_sent, 15);
    assert_int_equal(w->sent[14].valid_until_ms, T0 - GW_HOUR_MS);
    w->now_ms += GW_HOUR_MS;
    turn(w);
    assert_int_equal(w->n_sent, 15);
    world_free(w);
}

static void test_news_while_sending(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = {.type = GW_ALERT_SLACK, .url = "https://hooks.example.org/x"};
    gw_event end = event_of("k", GW_EVENT_WARNING, true), again = event_of("k", GW_EVENT_WARNING, false);
    world *w = world_new(&r, 1);
    take(w, "k", GW_EVENT_WARNING, false);
    w->meanwhile = &again; /* a repeat on the way is no second message */
    turn(w);
    w->now_ms += 1000;
    turn(w);
    assert_int_equal(w->n_sent, 1);
    take(w, "m", GW_EVENT_WARNING, false);
    w->meanwhile = &end;
    turn(w); /* m; k ends meanwhile */
    assert_int_equal(w->n_sent, 2);
    w->meanwhile = &again; /* k is back while its end is on the way */
    w->now_ms += 1000;
    turn(w);
    assert_true(w->sent[2].resolved);
    w->now_ms += 1000;
    turn(w);
    assert_int_equal(w->n_sent, 4);
    assert_false(w->sent[3].resolved);
    assert_string_equal(w->sent[3].first, "k");
    w->now_ms += 1000;
    turn(w);
    assert_int_equal(w->n_sent, 4);
    /* it ends while its beginning is on the way */
    gw_event end_n = event_of("n", GW_EVENT_WARNING, true);
    take(w, "n", GW_EVENT_WARNING, false);
    w->meanwhile = &end_n;
    turn(w);
    assert_false(w->sent[4].resolved);
    w->now_ms += 1000;
    turn(w);
    assert_int_equal(w->n_sent, 6);
    assert_true(w->sent[5].resolved);
    world_free(w);
}

static void test_shelf_down(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    gw_error e = {0};
    gw_event ev[] = {event_of("old", GW_EVENT_WARNING, false), event_of("new", GW_EVENT_WARNING, false)};
    take(w, "old", GW_EVENT_WARNING, false);
    turn(w);
    stop(w);
    w->docs.down = true;
    start(w, &r, 1);
    assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, &ev[1], 1, &e), GW_ECONNECT);
    assert_string_equal(e.message, "the shelf is down");
    assert_int_equal(gw_alerts_turn(w->alerts, &w->shelf, &e), GW_ECONNECT);
    assert_int_equal(w->n_sent, 2); /* told all the same */
    assert_int_equal(status(w, 0).unsaved, 1);
    assert_int_equal(gw_alerts_due(w->alerts), T0 + 5 * GW_SECOND_MS);
    w->docs.down = false;
    turn(w);
    assert_int_equal(status(w, 0).unsaved, 0);
    assert_int_equal(status(w, 0).open, 2);
    assert_int_equal(w->docs.n, 2);
    /* and what the shelf knew is not told again */
    assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, ev, 2, &e), 0);
    turn(w);
    assert_int_equal(w->n_sent, 2);
    /* an end that the shelf cannot take is told once and dropped when it can */
    w->docs.down = true;
    ev[0].resolved = true;
    assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, ev, 1, &e), GW_ECONNECT);
    gw_alerts_turn(w->alerts, &w->shelf, &e);
    gw_alerts_turn(w->alerts, &w->shelf, &e);
    assert_int_equal(w->n_sent, 3);
    assert_int_equal(w->docs.n, 2);
    w->docs.down = false;
    turn(w);
    assert_int_equal(w->docs.n, 1);
    world_free(w);
}

/* The shelf is down at the start, and an event comes for what it holds. */
static void test_late_shelf(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    gw_error e = {0};
    gw_event ev = event_of("told", GW_EVENT_WARNING, false);
    take(w, "told", GW_EVENT_WARNING, false);
    turn(w);
    stop(w);
    w->docs.down = true;
    start(w, &r, 1);
    assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, &ev, 1, &e), GW_ECONNECT);
    assert_int_equal(status(w, 0).queued, 1);
    w->docs.down = false;
    turn(w); /* it was told before: the shelf says so in time */
    assert_int_equal(w->n_sent, 1);
    assert_int_equal(status(w, 0).open, 1);
    world_free(w);
}

static void test_no_room(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = {.type = GW_ALERT_SLACK, .url = "https://hooks.example.org/x"};
    world *w = world_new(&r, 1);
    char key[16];
    w->fail = GW_ECONNECT;
    for (int i = 0; i < GW_ALERT_ROUTE_ENTRIES; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        take(w, key, i == 7 ? GW_EVENT_INFO : GW_EVENT_ERROR, false);
    }
    take(w, "late", GW_EVENT_WARNING, false); /* in the place of the least */
    assert_int_equal(status(w, 0).dropped, 1);
    take(w, "info", GW_EVENT_INFO, false); /* worth less than all that waits */
    gw_alert_status s = status(w, 0);
    assert_int_equal(s.dropped, 2);
    assert_int_equal(s.queued, GW_ALERT_ROUTE_ENTRIES);
    assert_int_equal(w->docs.n, GW_ALERT_ROUTE_ENTRIES);
    w->fail = 0;
    turn(w);
    assert_int_equal(w->sent[0].n, GW_ALERT_ROUTE_ENTRIES);
    take(w, "next", GW_EVENT_INFO, false); /* what has been told gives way to what has not */
    assert_int_equal(status(w, 0).queued, 1);
    world_free(w);
}

static void test_bad_documents(void **state)
{
    GW_UNUSED(state);
    static const char *const bodies[] = {
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"version\":2,\"key\":\"k\"}",
        "{\"version\":1,\"key\":\"k\",\"kind\":\"x\",\"severity\":\"dire\",\"summary\":\"s\",\"details\":[],"
        "\"toldSeverity\":\"info\"}",
        "{\"version\":1,\"key\":\"k\",\"kind\":\"x\",\"severity\":\"info\",\"summary\":\"s\",\"details\":[[1]"
        "],"
        "\"toldSeverity\":\"info\"}",
        "{\"version\":1,\"key\":\"\",\"kind\":\"x\",\"severity\":\"info\",\"summary\":\"s\",\"details\":[],"
        "\"toldSeverity\":\"info\"}"};
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    gw_error e = {0};
    char id[64];
    for (size_t i = 0; i < GW_COUNT(bodies); i++) {
        snprintf(id, sizeof(id), "prod%%2Feu/webhook/%zu", i);
        assert_int_equal(shelf_put(&w->docs, id, gw_str_of(bodies[i]), &e), 0);
    }
    /* other clusters' alerts are theirs; those of a route that has gone wait for its return */
    assert_int_equal(shelf_put(&w->docs, "prod/webhook/x", gw_str_of("{}"), &e), 0);
    turn(w);
    assert_int_equal(status(w, 0).open + status(w, 0).queued, 0);
    assert_int_equal(w->docs.n, GW_COUNT(bodies) + 1);
    world_free(w);
}

static void test_route_has_gone(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r[] = {plain_route("one"), plain_route("two")};
    world *w = world_new(r, 2);
    take(w, "k", GW_EVENT_WARNING, false);
    restart(w, r, 1);
    turn(w);
    assert_int_equal(w->docs.n, 2);
    restart(w, r, 2); /* it is back: its alert was kept */
    turn(w);
    assert_int_equal(w->n_sent, 2);
    w->now_ms += 4 * GW_DAY_MS;
    restart(w, r, 1);
    turn(w); /* gone for good */
    assert_int_equal(w->docs.n, 1);
    world_free(w);
}

static void test_bad_events(void **state)
{
    GW_UNUSED(state);
    gw_alert_route r = plain_route(NULL);
    world *w = world_new(&r, 1);
    gw_error e = {0};
    char key[GW_EVENT_KEY_MAX + 2];
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    const char *keys[] = {NULL, "", key};
    for (size_t i = 0; i < GW_COUNT(keys); i++) {
        gw_event ev = event_of(keys[i], GW_EVENT_INFO, false);
        assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, &ev, 1, &e), GW_EINTERNAL);
    }
    gw_event ev = event_of("k", GW_N_EVENT_SEVERITIES, false);
    assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, &ev, 1, &e), GW_EINTERNAL);
    assert_int_equal(w->docs.n, 0);
    world_free(w);
}

/* Every allocation fails once: no leak, and what was asked for is done when it is asked for again. */
static void test_no_memory(void **state)
{
    GW_UNUSED(state);
    static const gw_event_detail details[] = {{"team", "nlp"}, {"spent", "9,600.12"}};
    gw_alert_route r[] = {plain_route("one"), plain_route("two")};
    gw_event ev = event_of("k", GW_EVENT_WARNING, false);
    ev.details = details;
    ev.n_details = 2;
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        world *w = world_new(r, 2);
        int64_t live = gw_mem_live();
        gw_error e = {0};
        assert_true(n < 10000);
        gw_mem_fail_at(n);
        int took = gw_alerts_take(w->alerts, &w->shelf, &ev, 1, &e);
        int turned = gw_alerts_turn(w->alerts, &w->shelf, &e);
        done = gw_mem_count() < n;
        gw_mem_fail_at(0);
        assert_true(took == 0 || took == GW_ENOMEM);
        assert_true(turned == 0 || turned == GW_ENOMEM);
        assert_int_equal(gw_alerts_take(w->alerts, &w->shelf, &ev, 1, &e), 0);
        assert_int_equal(gw_alerts_turn(w->alerts, &w->shelf, &e), 0);
        assert_int_equal(w->n_sent, 2); /* each route once */
        assert_int_equal(w->docs.n, 2);
        assert_int_equal(status(w, 0).unsaved, 0);
        GW_UNUSED(live);
        world_free(w);
    }
    int64_t before = gw_mem_live();
    for (uint64_t n = 1;; n++) {
        gw_alerts *a = NULL;
        gw_error e = {0};
        gw_alert_options o = {.config = {.routes = r, .n_routes = 2}, .send = send_of};
        assert_true(n < 1000);
        gw_mem_fail_at(n);
        int rc = gw_alerts_new(&o, &a, &e);
        gw_mem_fail_at(0);
        gw_alerts_free(a);
        assert_int_equal(gw_mem_live(), before);
        if (rc == 0)
            break;
        assert_int_equal(rc, GW_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_of_an_alert),
        cmocka_unit_test(test_who_wants_what),
        cmocka_unit_test(test_end_before_told),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_manners),
        cmocka_unit_test(test_said_again),
        cmocka_unit_test(test_news_while_sending),
        cmocka_unit_test(test_shelf_down),
        cmocka_unit_test(test_late_shelf),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_bad_documents),
        cmocka_unit_test(test_route_has_gone),
        cmocka_unit_test(test_bad_events),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
