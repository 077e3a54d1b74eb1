/* What a configuration of alerts may say, and how it is told what is wrong. */
#include "gw_test.h"

#include "operate/alert.h"

static const char *const to[] = {"a@example.org", NULL}, *const bad_to[] = {"a@example.org", "b c@x", NULL},
                         *const none[] = {NULL}, *const empty[] = {"", NULL};

#define WEBHOOK .type = GW_ALERT_WEBHOOK, .url = "https://example.org/h"
#define EMAIL   .type = GW_ALERT_EMAIL, .url = "smtp://mail.example.org", .from = "g@example.org", .to = to

static void test_good(void **state)
{
    GW_UNUSED(state);
    const gw_alert_route routes[] = {
        {.type = GW_ALERT_ALERTMANAGER, .url = "http://am:9093/prefix"},
        {.type = GW_ALERT_ALERTMANAGER, .url = "https://am:9093", .username = "u", .secret_file = "f"},
        {.type = GW_ALERT_SLACK, .url = "https://hooks.slack.com/services/T/B/X", .digest_ms = GW_HOUR_MS},
        {.type = GW_ALERT_SLACK, .name = "ops_2", .secret_env = "SLACK_URL"},
        {WEBHOOK, .repeat_ms = GW_MINUTE_MS},
        {.type = GW_ALERT_PAGERDUTY, .secret_file = "key"},
        {EMAIL, .username = "u", .secret_file = "f"},
        {.type = GW_ALERT_EMAIL,
         .url = "smtp://127.0.0.1:25",
         .tls = GW_MAIL_TLS_NONE,
         .username = "u",
         .secret_file = "f",
         .from = "G W <g@example.org>",
         .to = to},
    };
    const gw_alert_config c = {.routes = routes, .n_routes = GW_COUNT(routes), .external_url = "https://gw/"};
    gw_error e = {0};
    char name[GW_ALERT_NAME_MAX + 1];
    if (gw_alert_config_check(&c, &e))
        fail_msg("%s", e.message);
    assert_string_equal(gw_alert_route_name(&c, 0, name), "alertmanager");
    assert_string_equal(gw_alert_route_name(&c, 1, name), "alertmanager-2");
    assert_string_equal(gw_alert_route_name(&c, 3, name), "ops_2");
    assert_int_equal(gw_alert_config_check(&(gw_alert_config){0}, &e), 0); /* nobody is told */
}

static void test_bad_routes(void **state)
{
    GW_UNUSED(state);
    static const struct {
        gw_alert_route r;
        const char *says;
    } cases[] = {
        {{.type = GW_N_ALERT_TYPES}, "needs a type"},
        {{.type = GW_ALERT_ALERTMANAGER}, "has no url"},
        {{.type = GW_ALERT_SLACK}, "has no url"},
        {{.type = GW_ALERT_EMAIL}, "has no url"},
        {{.type = GW_ALERT_WEBHOOK, .url = "ftp://x"}, "scheme"},
        {{.type = GW_ALERT_WEBHOOK, .url = "example.org"}, "scheme"},
        {{.type = GW_ALERT_WEBHOOK, .url = "https://u:p@example.org"}, "password in its url"},
        {{.type = GW_ALERT_SLACK, .url = "https://s", .secret_file = "f"}, "keep the one in the secret"},
        {{WEBHOOK, .secret_file = "f", .secret_env = "E"}, "keep one"},
        {{WEBHOOK, .secret_file = ""}, "empty"},
        {{WEBHOOK, .username = "u", .secret_file = "f"}, "does not take"},
        {{WEBHOOK, .name = ""}, "1 to 63 letters"},
        {{WEBHOOK, .name = "a/b"}, "1 to 63 letters"},
        {{WEBHOOK, .minimum = GW_N_EVENT_SEVERITIES}, "minimumSeverity"},
        {{WEBHOOK, .kinds = none}, "kinds"},
        {{WEBHOOK, .kinds = empty}, "kind 1 is empty"},
        {{WEBHOOK, .digest_ms = 1000}, "digest must be"},
        {{WEBHOOK, .repeat_ms = 1000}, "repeat must be"},
        {{WEBHOOK, .from = "a@example.org"}, "only email takes"},
        {{WEBHOOK, .tls = GW_MAIL_TLS_NONE}, "only email takes"},
        {{.type = GW_ALERT_PAGERDUTY}, "has no routing key"},
        {{.type = GW_ALERT_PAGERDUTY, .secret_env = "E", .digest_ms = GW_HOUR_MS}, "groups alerts itself"},
        {{.type = GW_ALERT_ALERTMANAGER, .url = "http://a", .digest_ms = GW_HOUR_MS}, "groups alerts itself"},
        {{.type = GW_ALERT_ALERTMANAGER, .url = "http://a", .username = "u"}, "no password"},
        {{EMAIL, .secret_file = "f"}, "no username"},
        {{EMAIL, .secret_file = "f", .username = "u", .tls = GW_MAIL_TLS_NONE}, "plain text"},
        {{.type = GW_ALERT_EMAIL, .url = "smtps://m", .tls = GW_MAIL_TLS_NONE, .from = "g@x", .to = to},
         "smtps"},
        {{.type = GW_ALERT_EMAIL, .url = "http://m", .from = "g@x", .to = to}, "scheme"},
        {{.type = GW_ALERT_EMAIL, .url = "smtp://m", .from = "g\r\nBcc: x@x", .to = to}, "needs from"},
        {{.type = GW_ALERT_EMAIL, .url = "smtp://m", .from = "g@x"}, "needs to"},
        {{.type = GW_ALERT_EMAIL, .url = "smtp://m", .from = "g@x", .to = none}, "needs to"},
        {{.type = GW_ALERT_EMAIL, .url = "smtp://m", .from = "g@x", .to = bad_to}, "address 2 of to"},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        const gw_alert_config c = {.routes = &cases[i].r, .n_routes = 1};
        gw_error e = {0};
        assert_int_equal(gw_alert_config_check(&c, &e), GW_ECONFIG);
        if (!strstr(e.message, cases[i].says))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, e.message, cases[i].says);
        assert_non_null(strstr(e.message, "route"));
    }
}

static void test_bad_rest(void **state)
{
    GW_UNUSED(state);
    const gw_alert_route two[] = {{WEBHOOK}, {WEBHOOK, .name = "webhook"}};
    const gw_alert_config cases[] = {{.routes = two, .n_routes = 2},
                                     {.routes = two, .n_routes = GW_ALERT_ROUTES_MAX + 1},
                                     {.cluster = ""},
                                     {.cluster = "a\nb"},
                                     {.external_url = "javascript:x"},
                                     {.timeout_ms = -1}};
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_error e = {0};
        assert_int_equal(gw_alert_config_check(&cases[i], &e), GW_ECONFIG);
        assert_true(strlen(e.message) > 0);
    }
}

/* The URL of a Slack webhook is its secret, also where it is wrong. */
static void test_no_secret_in_message(void **state)
{
    GW_UNUSED(state);
    const gw_alert_route r = {.type = GW_ALERT_SLACK, .url = "hooks.slack.com/services/T0/B0/s3cr3t"};
    const gw_alert_config c = {.routes = &r, .n_routes = 1};
    gw_error e = {0};
    assert_int_equal(gw_alert_config_check(&c, &e), GW_ECONFIG);
    assert_null(strstr(e.message, "s3cr3t"));
}

static void test_names(void **state)
{
    GW_UNUSED(state);
    for (int i = 0; i < GW_N_ALERT_TYPES; i++)
        assert_int_equal(gw_alert_type_find(gw_str_of(gw_alert_type_name((gw_alert_type)i))), i);
    assert_int_equal(gw_alert_type_find(gw_str_of("pager")), GW_N_ALERT_TYPES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad_routes),
                                       cmocka_unit_test(test_bad_rest), cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_no_secret_in_message)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
