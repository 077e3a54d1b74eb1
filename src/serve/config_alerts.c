/* The section "alerts": where events go (operate/alert.h has the meaning of each setting). */
#include "base/time.h"
#include "serve/config_internal.h"

int gw_config_money(const gw_yaml *map, const char *key, gw_micro *ret, gw_error *e)
{
    const char *text = NULL;
    int rc = gw_yaml_read_scalar(map, key, &text, e);
    if (rc || !text)
        return rc;
    gw_micro m;
    if (!gw_micro_parse(gw_str_of(text), &m) || m < 0)
        return gw_yaml_fail(gw_yaml_get(map, key), e, GW_ECONFIG, "'%s: %.40s' is no amount of dollars", key,
                            text);
    *ret = m;
    return 0;
}

int gw_config_duration(const gw_yaml *map, const char *key, int64_t *ret, gw_error *e)
{
    const char *text = NULL;
    gw_error why;
    int rc = gw_yaml_read_scalar(map, key, &text, e);
    if (rc || !text)
        return rc;
    if (gw_duration_parse(text, ret, &why))
        return gw_yaml_fail(gw_yaml_get(map, key), e, GW_ECONFIG, "%s: %s", key, why.message);
    return 0;
}

int gw_config_list(gw_serve_config *c, const gw_yaml *map, const char *key, const char *const **ret,
                   gw_error *e)
{
    const gw_yaml *y = NULL;
    int rc = gw_yaml_read_list(map, key, &y, e);
    if (rc || !y)
        return rc;
    const char **list = GW_NEW_ARRAY(&c->arena, const char *, y->n + 1);
    if (!list)
        return gw_fail_memory(e);
    for (uint32_t i = 0; i < y->n && !rc; i++)
        rc = gw_yaml_scalar(y->items[i], &list[i], e);
    if (!rc)
        *ret = list;
    return rc;
}

static int read_words(const gw_yaml *y, gw_alert_route *r, gw_error *e)
{
    const char *type = NULL, *severity = "info", *tls = "required";
    int rc = gw_yaml_read_text(y, "type", &type, e);
    rc = rc ? rc : gw_yaml_read_text(y, "minimumSeverity", &severity, e);
    rc = rc ? rc : gw_yaml_read_text(y, "tls", &tls, e);
    if (rc)
        return rc;
    r->type = type ? gw_alert_type_find(gw_str_of(type)) : GW_N_ALERT_TYPES;
    if (r->type == GW_N_ALERT_TYPES)
        return gw_yaml_fail(y, e, GW_ECONFIG,
                            "a route has a type: alertmanager, slack, webhook, pagerduty or email");
    r->minimum = gw_event_severity_find(gw_str_of(severity));
    if (r->minimum == GW_N_EVENT_SEVERITIES)
        return gw_yaml_fail(y, e, GW_ECONFIG,
                            "minimumSeverity is info, warning, error or critical, not '%.40s'", severity);
    r->tls = strcmp(tls, "none") == 0 ? GW_MAIL_TLS_NONE : GW_MAIL_TLS_REQUIRED;
    if (r->tls == GW_MAIL_TLS_REQUIRED && strcmp(tls, "required") != 0)
        return gw_yaml_fail(y, e, GW_ECONFIG, "tls is required or none, not '%.40s'", tls);
    return 0;
}

static int read_route(gw_serve_config *c, const gw_yaml *y, gw_alert_route *r, gw_error *e)
{
    static const char *const keys[] = {
        "type",     "name",   "url",    "secretFile", "secretEnv", "minimumSeverity",
        "kinds",    "digest", "repeat", "caFile",     "proxy",     "insecure",
        "username", "from",   "to",     "tls",        NULL};
    static const struct {
        const char *key;
        size_t at;
    } texts[] = {{"name", offsetof(gw_alert_route, name)},
                 {"url", offsetof(gw_alert_route, url)},
                 {"secretFile", offsetof(gw_alert_route, secret_file)},
                 {"secretEnv", offsetof(gw_alert_route, secret_env)},
                 {"caFile", offsetof(gw_alert_route, ca_file)},
                 {"proxy", offsetof(gw_alert_route, proxy)},
                 {"username", offsetof(gw_alert_route, username)},
                 {"from", offsetof(gw_alert_route, from)}};
    int rc = gw_yaml_expect(y, GW_YAML_MAP, e);
    rc = rc ? rc : gw_yaml_expect_keys(y, keys, e);
    rc = rc ? rc : read_words(y, r, e);
    for (size_t i = 0; i < GW_COUNT(texts) && !rc; i++)
        rc = gw_yaml_read_text(y, texts[i].key, (const char **)(void *)((char *)r + texts[i].at), e);
    rc = rc ? rc : gw_yaml_read_bool(y, "insecure", &r->insecure, e);
    rc = rc ? rc : gw_config_duration(y, "digest", &r->digest_ms, e);
    rc = rc ? rc : gw_config_duration(y, "repeat", &r->repeat_ms, e);
    rc = rc ? rc : gw_config_list(c, y, "kinds", &r->kinds, e);
    return rc ? rc : gw_config_list(c, y, "to", &r->to, e);
}

int gw_config_alerts(gw_serve_config *c, const gw_yaml *y, gw_error *e)
{
    static const char *const keys[] = {"minimumDollars", "timeout", "routes", NULL};
    const gw_yaml *routes = NULL;
    int rc = gw_yaml_expect(y, GW_YAML_MAP, e);
    rc = rc ? rc : gw_yaml_expect_keys(y, keys, e);
    rc = rc ? rc : gw_config_money(y, "minimumDollars", &c->anomaly_minimum, e);
    rc = rc ? rc : gw_config_duration(y, "timeout", &c->alerts.timeout_ms, e);
    rc = rc ? rc : gw_yaml_read_list(y, "routes", &routes, e);
    if (rc || !routes)
        return rc;
    if (routes->n > GW_ALERT_ROUTES_MAX)
        return gw_yaml_fail(routes, e, GW_ELIMIT, "at most %d routes", GW_ALERT_ROUTES_MAX);
    gw_alert_route *list = GW_NEW_ARRAY(&c->arena, gw_alert_route, routes->n + 1);
    if (!list)
        return gw_fail_memory(e);
    for (uint32_t i = 0; i < routes->n && !rc; i++)
        rc = read_route(c, routes->items[i], &list[i], e);
    c->alerts.routes = list;
    c->alerts.n_routes = routes->n;
    return rc;
}
