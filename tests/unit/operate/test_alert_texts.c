/* What receivers are told: each body against what its receiver documents. */
#include "gw_test.h"

#include "format/json_tree.h"
#include "operate/deliver_internal.h"

#define T0 ((int64_t)1700000000000) /* 2023-11-14T22:13:20Z */

static const gw_event_detail details[] = {{"team", "nlp <!channel> & co"},
                                          {"spent so far", "9,600.12 USD"},
                                          {"cluster", "prod-us"},
                                          {"severity", "not a label of ours"}};
static const gw_event firing = {.kind = "budget-threshold",
                                .dedup_key = "budget/nlp/2026-11/0.8",
                                .severity = GW_EVENT_WARNING,
                                .summary = "80 % of <nlp>’s budget is spent",
                                .details = details,
                                .n_details = GW_COUNT(details),
                                .at_ms = T0 + 60000};
static const gw_event ended = {.kind = "data-stale",
                               .dedup_key = "stale",
                               .severity = GW_EVENT_ERROR,
                               .summary = "Data is fresh",
                               .at_ms = T0 + 120000,
                               .resolved = true};
static const gw_alert alerts[] = {{&firing, T0, T0 + GW_HOUR_MS}, {&ended, T0 + 120000, T0 + 120000}};
static const gw_alert_config config = {.cluster = "prod-eu", .external_url = "https://gw.example.org/"};
static const gw_deliver_message both = {&config, alerts, 2, T0 + 5000};

typedef int (*body_of)(const gw_deliver_message *m, gw_buf *b, gw_error *e);

static int pagerduty(const gw_deliver_message *m, gw_buf *b, gw_error *e)
{
    return gw_deliver_pagerduty(m, "0123456789abcdef", b, e);
}

static json_t *json_of(body_of body, const gw_deliver_message *m)
{
    gw_buf b;
    gw_error e = {0};
    json_t *o = NULL;
    gw_buf_init(&b, DELIVER_BODY_BYTES_MAX);
    assert_int_equal(body(m, &b, &e), 0);
    assert_int_equal(gw_json_tree_parse((gw_str){b.data, b.len}, &o, &e), 0);
    gw_buf_free(&b);
    return o;
}

/* "labels.severity", "0.labels": the text there. */
static const char *at(const json_t *o, const char *path)
{
    char part[64];
    while (o && *path) {
        size_t n = strcspn(path, ".");
        snprintf(part, sizeof(part), "%.*s", (int)n, path);
        o = json_is_array(o) ? json_array_get(o, (size_t)strtoul(part, NULL, 10)) : json_object_get(o, part);
        path += n + (path[n] == '.');
    }
    return json_string_value(o);
}

static void test_alertmanager(void **state)
{
    GW_UNUSED(state);
    json_t *o = json_of(gw_deliver_alertmanager, &both);
    assert_int_equal(json_array_size(o), 2);
    assert_string_equal(at(o, "0.labels.alertname"), "GpuwiseBudgetThreshold");
    assert_string_equal(at(o, "0.labels.severity"), "warning");
    assert_string_equal(at(o, "0.labels.cluster"), "prod-us"); /* what the event says is nearer */
    assert_string_equal(at(o, "0.labels.team"), "nlp <!channel> & co");
    assert_string_equal(at(o, "0.labels.gpuwise_key"), "budget/nlp/2026-11/0.8");
    assert_string_equal(at(o, "0.annotations.summary"), "80 % of <nlp>’s budget is spent");
    assert_string_equal(at(o, "0.annotations.spent_so_far"), "9,600.12 USD"); /* a name that is allowed */
    assert_null(at(o, "0.annotations.severity"));
    assert_string_equal(at(o, "0.startsAt"), "2023-11-14T22:13:20Z");
    assert_string_equal(at(o, "0.endsAt"), "2023-11-14T23:13:20Z");
    assert_string_equal(at(o, "0.generatorURL"), "https://gw.example.org/");
    assert_string_equal(at(o, "1.labels.cluster"), "prod-eu");
    assert_string_equal(at(o, "1.startsAt"), "2023-11-14T22:15:20Z");
    assert_string_equal(at(o, "1.endsAt"), "2023-11-14T22:15:21Z"); /* never at its start */
    json_decref(o);
}

static void test_webhook(void **state)
{
    GW_UNUSED(state);
    json_t *o = json_of(gw_deliver_webhook, &both);
    assert_int_equal(json_integer_value(json_object_get(o, "version")), 1);
    assert_string_equal(at(o, "cluster"), "prod-eu");
    assert_string_equal(at(o, "sentAt"), "2023-11-14T22:13:25Z");
    assert_string_equal(at(o, "alerts.0.status"), "firing");
    assert_string_equal(at(o, "alerts.0.key"), "budget/nlp/2026-11/0.8");
    assert_string_equal(at(o, "alerts.0.details.spent so far"), "9,600.12 USD");
    assert_null(at(o, "alerts.0.endsAt"));
    assert_string_equal(at(o, "alerts.1.status"), "resolved");
    assert_string_equal(at(o, "alerts.1.endsAt"), "2023-11-14T22:15:20Z");
    json_decref(o);
}

static void test_pagerduty(void **state)
{
    GW_UNUSED(state);
    json_t *o = json_of(pagerduty, &both);
    assert_string_equal(at(o, "routing_key"), "0123456789abcdef");
    assert_string_equal(at(o, "event_action"), "trigger");
    assert_string_equal(at(o, "dedup_key"), "prod-eu/budget/nlp/2026-11/0.8");
    assert_string_equal(at(o, "payload.severity"), "warning");
    assert_string_equal(at(o, "payload.source"), "prod-us");
    assert_string_equal(at(o, "payload.class"), "budget-threshold");
    assert_string_equal(at(o, "payload.group"), "nlp <!channel> & co");
    assert_string_equal(at(o, "payload.timestamp"), "2023-11-14T22:14:20Z");
    assert_string_equal(at(o, "payload.custom_details.spent so far"), "9,600.12 USD");
    assert_string_equal(at(o, "links.0.href"), "https://gw.example.org/");
    json_decref(o);
    const gw_deliver_message second = {&config, alerts + 1, 1, T0};
    o = json_of(pagerduty, &second);
    assert_string_equal(at(o, "event_action"), "resolve");
    assert_string_equal(at(o, "dedup_key"), "prod-eu/stale");
    json_decref(o);
}

/* PagerDuty takes 255 bytes: the cut does not make two keys one, nor half a character. */
static void test_pagerduty_keys(void **state)
{
    GW_UNUSED(state);
    char a[GW_EVENT_KEY_MAX + 1], b[GW_EVENT_KEY_MAX + 1];
    for (int i = 0; i + 1 < GW_EVENT_KEY_MAX; i += 2)
        memcpy(a + i, "é", 2);
    a[GW_EVENT_KEY_MAX - 1] = '1';
    a[GW_EVENT_KEY_MAX] = '\0';
    memcpy(b, a, sizeof(a));
    b[GW_EVENT_KEY_MAX - 1] = '2';
    gw_event ev[] = {firing, firing};
    ev[0].dedup_key = a;
    ev[1].dedup_key = b;
    const gw_alert one = {&ev[0], T0, T0}, two = {&ev[1], T0, T0};
    json_t *x = json_of(pagerduty, &(gw_deliver_message){&config, &one, 1, T0});
    json_t *y = json_of(pagerduty, &(gw_deliver_message){&config, &two, 1, T0});
    assert_true(strlen(at(x, "dedup_key")) <= 255);
    assert_string_not_equal(at(x, "dedup_key"), at(y, "dedup_key"));
    assert_null(strstr(at(x, "dedup_key"), "\xef\xbf\xbd"));
    json_decref(x);
    json_decref(y);
}

static void test_slack(void **state)
{
    GW_UNUSED(state);
    json_t *o = json_of(gw_deliver_slack, &both);
    assert_string_equal(at(o, "text"), "[gpuwise prod-eu] 2 alerts: 1 warning, 1 resolved");
    assert_string_equal(at(o, "blocks.0.type"), "header");
    assert_string_equal(at(o, "blocks.0.text.type"), "plain_text");
    const char *text = at(o, "blocks.1.text.text");
    assert_string_equal(at(o, "blocks.1.text.type"), "mrkdwn");
    assert_non_null(strstr(text, "80 % of &lt;nlp&gt;’s budget"));
    assert_non_null(strstr(text, "nlp &lt;!channel&gt; &amp; co")); /* nobody is called by a label */
    assert_non_null(strstr(at(o, "blocks.2.text.text"), "*resolved* Data is fresh"));
    assert_string_equal(at(o, "blocks.3.type"), "context");
    json_decref(o);
}

static void test_slack_bounds(void **state)
{
    GW_UNUSED(state);
    enum { N = 1000, LONG = 1024 };
    char text[LONG + 1];
    gw_event_detail many[GW_EVENT_DETAILS_MAX];
    gw_alert *all = test_calloc(N, sizeof(*all));
    memset(text, '&', LONG); /* the worst: five letters each */
    text[LONG] = '\0';
    for (size_t i = 0; i < GW_COUNT(many); i++)
        many[i] = (gw_event_detail){text, text};
    gw_event ev = firing;
    ev.summary = text;
    ev.details = many;
    ev.n_details = GW_COUNT(many);
    for (int i = 0; i < N; i++)
        all[i] = (gw_alert){&ev, T0, T0};
    json_t *o = json_of(gw_deliver_slack, &(gw_deliver_message){&config, all, N, T0});
    const json_t *blocks = json_object_get(o, "blocks");
    assert_int_equal(json_array_size(blocks), 22); /* header, 20 alerts, context; Slack takes 50 */
    for (size_t i = 0; i < 22; i++) {
        const char *t =
            json_string_value(json_object_get(json_object_get(json_array_get(blocks, i), "text"), "text"));
        assert_true(!t || strlen(t) <= (i == 0 ? 150 : 3000));
    }
    assert_non_null(strstr(at(o, "blocks.21.elements.0.text"), "and 980 more"));
    json_decref(o);
    test_free(all);
}

static void test_mail(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_error e = {0};
    const gw_deliver_message one = {&config, alerts, 1, T0};
    gw_buf_init(&b, 65536);
    gw_deliver_subject(&one, &b);
    assert_string_equal(b.data, "[gpuwise prod-eu] warning: 80 % of <nlp>’s budget is spent");
    gw_buf_clear(&b);
    assert_int_equal(gw_deliver_mail(&both, &b, &e), 0);
    assert_non_null(
        strstr(b.data, "warning: 80 % of <nlp>’s budget is spent\n    since: 2023-11-14T22:13:20Z\n"));
    assert_non_null(strstr(b.data, "    team: nlp <!channel> & co\n"));
    assert_non_null(strstr(b.data, "RESOLVED: Data is fresh\n"));
    assert_non_null(strstr(b.data, "    until: 2023-11-14T22:15:20Z\n"));
    gw_buf_free(&b);
}

static void test_signature(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_error e = {0};
    char hex[DELIVER_HEX_MAX];
    gw_buf_init(&b, 256);
    /* printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac s3cret-key */
    assert_int_equal(gw_deliver_sign(gw_str_of("s3cret-key"), T0 + 999, gw_str_of("{\"a\":1}"), &b, &e), 0);
    assert_string_equal(b.data,
                        "t=1700000000,v1=8f205229f41e37cd3099c55f73d92a9a4d4c67bd7ae337b802d1723bd83a2a50");
    gw_buf_free(&b);
    /* FIPS 180-2, B.1 */
    assert_int_equal(gw_deliver_digest(gw_str_of("abc"), hex, &e), 0);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_no_memory(void **state)
{
    GW_UNUSED(state);
    static const body_of bodies[] = {gw_deliver_alertmanager, gw_deliver_slack, gw_deliver_webhook, pagerduty,
                                     gw_deliver_mail};
    for (size_t i = 0; i < GW_COUNT(bodies); i++) {
        int64_t live = gw_mem_live();
        for (uint64_t n = 1;; n++) {
            gw_buf b;
            gw_error e = {0};
            gw_buf_init(&b, DELIVER_BODY_BYTES_MAX);
            gw_mem_fail_at(n);
            int rc = bodies[i](&both, &b, &e);
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
        cmocka_unit_test(test_alertmanager), cmocka_unit_test(test_webhook),
        cmocka_unit_test(test_pagerduty),    cmocka_unit_test(test_pagerduty_keys),
        cmocka_unit_test(test_slack),        cmocka_unit_test(test_slack_bounds),
        cmocka_unit_test(test_mail),         cmocka_unit_test(test_signature),
        cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
