#include <ctype.h>

#include "net/url.h"
#include "operate/alert_internal.h"
#include "store/hour.h"

#define DIGEST_MAX_MS    (7 * GW_DAY_MS)
#define CLUSTER_MAX      253
#define EXTERNAL_URL_MAX 512

static const char *const type_names[GW_N_ALERT_TYPES] = {"alertmanager", "slack", "webhook", "pagerduty",
                                                         "email"};

const char *gw_alert_type_name(gw_alert_type t)
{
    return t < GW_N_ALERT_TYPES ? type_names[t] : "unknown";
}

gw_alert_type gw_alert_type_find(gw_str name)
{
    for (int i = 0; i < GW_N_ALERT_TYPES; i++)
        if (gw_str_is(name, type_names[i]))
            return (gw_alert_type)i;
    return GW_N_ALERT_TYPES;
}

const char *gw_alert_health_name(gw_alert_health h)
{
    static const char *const names[] = {"ok", "retrying", "open"};
    return (size_t)h < GW_COUNT(names) ? names[h] : "unknown";
}

const char *gw_alert_route_name(const gw_alert_config *c, size_t i, char out[GW_ALERT_NAME_MAX + 1])
{
    const gw_alert_route *r = &c->routes[i];
    size_t nth = 1;
    for (size_t k = 0; k < i; k++)
        nth += c->routes[k].type == r->type && !c->routes[k].name;
    if (r->name)
        snprintf(out, GW_ALERT_NAME_MAX + 1, "%s", r->name);
    else if (nth == 1)
        snprintf(out, GW_ALERT_NAME_MAX + 1, "%s", gw_alert_type_name(r->type));
    else
        snprintf(out, GW_ALERT_NAME_MAX + 1, "%s-%zu", gw_alert_type_name(r->type), nth);
    return out;
}

bool gw_alert_is_label(const char *detail_key)
{
    static const char *const others[] = {"budget", "metric", "period", "route"};
    if (gw_dim_find(gw_str_of(detail_key)) < GW_N_LEAF_DIMS)
        return true;
    for (size_t i = 0; i < GW_COUNT(others); i++)
        if (strcmp(detail_key, others[i]) == 0)
            return true;
    return false;
}

/* ---- checking ------------------------------------------------------------------------------------------ */

/* What messages about a route begin with. */
typedef struct place {
    char text[GW_ALERT_NAME_MAX + 32];
} place;

static place place_of(const gw_alert_config *c, size_t i)
{
    place p;
    char name[GW_ALERT_NAME_MAX + 1];
    snprintf(p.text, sizeof(p.text), "alerts: route '%s'", gw_alert_route_name(c, i, name));
    return p;
}

static int check_name(const gw_alert_config *c, size_t i, gw_error *e)
{
    const char *name = c->routes[i].name;
    char mine[GW_ALERT_NAME_MAX + 1], other[GW_ALERT_NAME_MAX + 1];
    if (name) {
        size_t n = strlen(name);
        bool good = n > 0 && n <= GW_ALERT_NAME_MAX;
        for (size_t k = 0; good && k < n; k++)
            good = isalnum((unsigned char)name[k]) || name[k] == '-' || name[k] == '_';
        if (!good)
            return gw_fail(e, GW_ECONFIG,
                           "alerts: the name of route %zu must be 1 to %d letters, digits, '-' and '_'",
                           i + 1, GW_ALERT_NAME_MAX);
    }
    gw_alert_route_name(c, i, mine);
    for (size_t k = 0; k < i; k++)
        if (strcmp(gw_alert_route_name(c, k, other), mine) == 0)
            return gw_fail(e, GW_ECONFIG, "alerts: two routes are called '%s': give each a name of its own",
                           mine);
    return 0;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || gw_has_prefix(host, "127.");
}

static int check_url(const gw_alert_route *r, const char *at, bool *ret_loopback, gw_error *e)
{
    static const char *const web[] = {"https", "http", NULL}, *const mail[] = {"smtps", "smtp", NULL};
    static const char *const example[GW_N_ALERT_TYPES] = {
        "http://alertmanager:9093", "https://hooks.slack.com/services/…", "https://example.org/hook",
        "https://events.pagerduty.com", "smtp://mail.example.org:587"};
    bool needed =
        r->type == GW_ALERT_ALERTMANAGER || r->type == GW_ALERT_WEBHOOK || r->type == GW_ALERT_EMAIL;
    bool secret = r->secret_file || r->secret_env;
    gw_arena a;
    gw_url url;
    gw_error why = {0};
    *ret_loopback = false;
    if (!r->url && (needed || (r->type == GW_ALERT_SLACK && !secret)))
        return gw_fail(e, GW_ECONFIG, "%s has no url: write, for example, %s%s", at, example[r->type],
                       r->type == GW_ALERT_SLACK ? ", or better have a secretFile hold it" : "");
    if (!r->url)
        return 0;
    if (r->type == GW_ALERT_SLACK && secret)
        return gw_fail(e, GW_ECONFIG,
                       "%s has a url and a secret, and Slack's secret is its URL: keep the one in the secret",
                       at);
    gw_arena_init(&a, 0);
    int rc = gw_url_parse(&a, r->url, r->type == GW_ALERT_EMAIL ? mail : web, false, "the url", &url, &why);
    bool credentials = !rc && (url.user || url.password);
    bool secure = !rc && strcmp(url.scheme, "smtps") == 0;
    *ret_loopback = !rc && is_loopback(url.host);
    gw_arena_free(&a);
    if (rc == GW_ENOMEM)
        return gw_fail_memory(e);
    /* Slack's URL is its secret: no part of it is shown */
    if (rc)
        return gw_fail(e, GW_ECONFIG, "%s: %s; write, for example, %s", at,
                       r->type == GW_ALERT_SLACK ? "the url is none" : why.message, example[r->type]);
    if (credentials)
        return gw_fail(e, GW_ECONFIG,
                       "%s has a password in its url: write username, and the password into a secretFile",
                       at);
    if (secure && r->tls == GW_MAIL_TLS_NONE)
        return gw_fail(e, GW_ECONFIG, "%s has smtps:// and tls: none: drop one of them", at);
    return 0;
}

static int check_secret(const gw_alert_route *r, const char *at, bool loopback, gw_error *e)
{
    bool secret = r->secret_file || r->secret_env;
    if (r->secret_file && r->secret_env)
        return gw_fail(e, GW_ECONFIG, "%s has a secretFile and a secretEnv: keep one", at);
    if ((r->secret_file && !*r->secret_file) || (r->secret_env && !*r->secret_env))
        return gw_fail(e, GW_ECONFIG,
                       "%s has an empty secretFile or secretEnv: name the file or the variable", at);
    if (r->type == GW_ALERT_PAGERDUTY && !secret)
        return gw_fail(
            e, GW_ECONFIG,
            "%s has no routing key: put the Events API v2 integration's key into a file and name it "
            "as secretFile",
            at);
    if (r->username && r->type != GW_ALERT_EMAIL && r->type != GW_ALERT_ALERTMANAGER)
        return gw_fail(e, GW_ECONFIG, "%s has a username, which %s does not take", at,
                       gw_alert_type_name(r->type));
    if (r->username && !secret)
        return gw_fail(e, GW_ECONFIG, "%s has a username and no password: put it into a secretFile", at);
    if (r->type == GW_ALERT_EMAIL && secret && !r->username)
        return gw_fail(e, GW_ECONFIG, "%s has a password and no username", at);
    if (r->type == GW_ALERT_EMAIL && secret && r->tls == GW_MAIL_TLS_NONE && !loopback)
        return gw_fail(
            e, GW_ECONFIG,
            "%s would send its password as plain text: drop tls: none, or use a relay on this machine", at);
    return 0;
}

static int check_mail(const gw_alert_route *r, const char *at, gw_error *e)
{
    size_t n = 0;
    if (r->type != GW_ALERT_EMAIL) {
        if (r->from || r->to || r->tls)
            return gw_fail(e, GW_ECONFIG, "%s has from, to or tls, which only email takes", at);
        return 0;
    }
    if (!r->from || !gw_mail_address(r->from).p)
        return gw_fail(e, GW_ECONFIG, "%s needs from: one address, as in gpuwise@example.org", at);
    for (; r->to && r->to[n]; n++)
        if (!gw_mail_address(r->to[n]).p)
            return gw_fail(e, GW_ECONFIG,
                           "%s: address %zu of to is none: write, for example, oncall@example.org", at,
                           n + 1);
    if (n == 0 || n > GW_MAIL_RECIPIENTS_MAX)
        return gw_fail(e, GW_ECONFIG, "%s needs to: 1 to %d addresses", at, GW_MAIL_RECIPIENTS_MAX);
    return 0;
}

static int check_rest(const gw_alert_route *r, const char *at, gw_error *e)
{
    size_t n = 0;
    if (r->minimum >= GW_N_EVENT_SEVERITIES)
        return gw_fail(e, GW_ECONFIG, "%s: minimumSeverity must be info, warning, error or critical", at);
    for (; r->kinds && r->kinds[n]; n++)
        if (!*r->kinds[n])
            return gw_fail(e, GW_ECONFIG, "%s: kind %zu is empty", at, n + 1);
    if (n > GW_ALERT_KINDS_MAX || (r->kinds && n == 0))
        return gw_fail(e, GW_ECONFIG, "%s: kinds takes 1 to %d kinds; leave it out for all", at,
                       GW_ALERT_KINDS_MAX);
    if (r->digest_ms && (r->type == GW_ALERT_ALERTMANAGER || r->type == GW_ALERT_PAGERDUTY))
        return gw_fail(e, GW_ECONFIG,
                       "%s has a digest, but %s groups alerts itself, by its own rules: drop it", at,
                       gw_alert_type_name(r->type));
    if (r->digest_ms && (r->digest_ms < GW_MINUTE_MS || r->digest_ms > DIGEST_MAX_MS))
        return gw_fail(e, GW_ECONFIG, "%s: digest must be from 1m to 7d", at);
    if (r->repeat_ms && (r->repeat_ms < GW_MINUTE_MS || r->repeat_ms > GW_ALERT_FORGET_MS / 2))
        return gw_fail(e, GW_ECONFIG, "%s: repeat must be from 1m to 45d", at);
    return 0;
}

static int check_common(const gw_alert_config *c, gw_error *e)
{
    static const char *const web[] = {"https", "http", NULL};
    gw_arena a;
    gw_url url;
    if (c->n_routes > GW_ALERT_ROUTES_MAX)
        return gw_fail(e, GW_ECONFIG, "alerts: %zu routes, at most %d", c->n_routes, GW_ALERT_ROUTES_MAX);
    if (c->cluster && (!*c->cluster || strlen(c->cluster) > CLUSTER_MAX))
        return gw_fail(e, GW_ECONFIG, "the cluster's name must have 1 to %d bytes", CLUSTER_MAX);
    for (const char *p = c->cluster; p && *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return gw_fail(e, GW_ECONFIG, "the cluster's name holds a control character");
    if (c->timeout_ms < 0 || c->timeout_ms > 5 * GW_MINUTE_MS)
        return gw_fail(e, GW_ECONFIG, "alerts: timeout must be at most 5m");
    if (!c->external_url)
        return 0;
    if (strlen(c->external_url) > EXTERNAL_URL_MAX)
        return gw_fail(e, GW_ECONFIG, "alerts: externalUrl is longer than %d bytes", EXTERNAL_URL_MAX);
    gw_arena_init(&a, 0);
    int rc = gw_url_parse(&a, c->external_url, web, false, "alerts: externalUrl", &url, e);
    gw_arena_free(&a);
    if (rc == GW_EUSAGE && e)
        e->code = GW_ECONFIG;
    return rc == GW_EUSAGE ? GW_ECONFIG : rc;
}

int gw_alert_config_check(const gw_alert_config *c, gw_error *e)
{
    int rc = check_common(c, e);
    for (size_t i = 0; i < c->n_routes && !rc; i++) {
        const gw_alert_route *r = &c->routes[i];
        bool loopback;
        if (r->type >= GW_N_ALERT_TYPES)
            return gw_fail(e, GW_ECONFIG,
                           "alerts: route %zu needs a type: alertmanager, slack, webhook, pagerduty or email",
                           i + 1);
        rc = check_name(c, i, e);
        place at = place_of(c, i);
        if (!rc)
            rc = check_url(r, at.text, &loopback, e);
        if (!rc)
            rc = check_secret(r, at.text, loopback, e);
        if (!rc)
            rc = check_mail(r, at.text, e);
        if (!rc)
            rc = check_rest(r, at.text, e);
    }
    return rc;
}

/* ---- copying ------------------------------------------------------------------------------------------- */

static const char *copy_text(gw_arena *a, const char *s, bool *failed)
{
    const char *copy = s ? gw_arena_strdup(a, s) : NULL;
    *failed |= s && !copy;
    return copy;
}

static const char *const *copy_list(gw_arena *a, const char *const *list, bool *failed)
{
    size_t n = 0;
    if (!list)
        return NULL;
    while (list[n])
        n++;
    const char **copy = GW_NEW_ARRAY(a, const char *, n + 1);
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = copy_text(a, list[i], failed);
    *failed |= !copy;
    return copy;
}

int gw_alert_config_copy(const gw_alert_config *c, gw_arena *a, gw_alert_config *ret, gw_error *e)
{
    bool failed = false;
    gw_alert_config copy = *c;
    gw_alert_route *routes = GW_NEW_ARRAY(a, gw_alert_route, c->n_routes + 1);
    if (!routes)
        return gw_fail_memory(e);
    for (size_t i = 0; i < c->n_routes; i++) {
        gw_alert_route *r = &routes[i];
        char name[GW_ALERT_NAME_MAX + 1];
        *r = c->routes[i];
        r->name = copy_text(a, gw_alert_route_name(c, i, name), &failed);
        r->repeat_ms = r->repeat_ms ? r->repeat_ms : GW_ALERT_REPEAT_MS;
        r->url = copy_text(a, r->url, &failed);
        r->secret_file = copy_text(a, r->secret_file, &failed);
        r->secret_env = copy_text(a, r->secret_env, &failed);
        r->ca_file = copy_text(a, r->ca_file, &failed);
        r->proxy = copy_text(a, r->proxy, &failed);
        r->username = copy_text(a, r->username, &failed);
        r->from = copy_text(a, r->from, &failed);
        r->kinds = copy_list(a, r->kinds, &failed);
        r->to = copy_list(a, r->to, &failed);
    }
    copy.routes = routes;
    copy.cluster = copy_text(a, c->cluster ? c->cluster : "default", &failed);
    copy.external_url = copy_text(a, c->external_url, &failed);
    if (failed)
        return gw_fail_memory(e);
    *ret = copy;
    return 0;
}
