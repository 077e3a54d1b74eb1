#include "operate/deliver.h"

#include <errno.h>

#include "net/http.h"
#include "net/url.h"
#include "operate/deliver_internal.h"

#define TIMEOUT_MS       (10 * GW_SECOND_MS)
#define SECRET_BYTES_MAX ((size_t)4096)
#define REPLY_BYTES_MAX  ((uint64_t)64 << 10)
#define PAGERDUTY_URL    "https://events.pagerduty.com"
#define SIGNATURE_MAX    160

struct gw_deliver {
    gw_arena arena;
    gw_alert_config config;
};

/* ---- secrets ------------------------------------------------------------------------------------------- */

/* Overwritten when it is done with. */
typedef struct secret {
    char text[SECRET_BYTES_MAX + 1];
    bool there;
} secret;

static void forget(secret *s)
{
    explicit_bzero(s, sizeof(*s));
}

/* The first line, without blanks around it. */
static int take_secret(const gw_alert_route *r, secret *s, const char *from, gw_error *e)
{
    size_t n = strcspn(s->text, "\r\n"), start = strspn(s->text, " \t");
    while (n > start && (s->text[n - 1] == ' ' || s->text[n - 1] == '\t'))
        n--;
    if (n <= start)
        return gw_fail(e, GW_ECONFIG, "alerts: route '%s': the secret from %s is empty", r->name, from);
    memmove(s->text, s->text + start, n - start);
    memset(s->text + n - start, 0, sizeof(s->text) - (n - start));
    for (const char *p = s->text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return gw_fail(e, GW_ECONFIG, "alerts: route '%s': the secret from %s holds a control character",
                           r->name, from);
    s->there = true;
    return 0;
}

static int read_secret_file(const gw_alert_route *r, secret *s, gw_error *e)
{
    FILE *f = fopen(r->secret_file, "re");
    if (!f)
        return gw_fail(e, GW_ECONFIG, "alerts: route '%s': secretFile '%s' cannot be opened: %s", r->name,
                       r->secret_file, strerror(errno));
    setvbuf(f, NULL, _IONBF, 0); /* no copy of it in a buffer of libc's */
    size_t n = fread(s->text, 1, SECRET_BYTES_MAX, f);
    int failed = ferror(f) ? errno : 0;
    fclose(f);
    if (failed)
        return gw_fail(e, GW_ECONFIG, "alerts: route '%s': secretFile '%s' cannot be read: %s", r->name,
                       r->secret_file, strerror(failed));
    s->text[n] = '\0';
    return take_secret(r, s, r->secret_file, e);
}

static int read_secret(const gw_alert_route *r, secret *s, gw_error *e)
{
    s->there = false;
    s->text[0] = '\0';
    if (r->secret_file)
        return read_secret_file(r, s, e);
    if (!r->secret_env)
        return 0;
    const char *value = getenv(r->secret_env);
    if (!value)
        return gw_fail(e, GW_ECONFIG, "alerts: route '%s': the environment has no variable %s", r->name,
                       r->secret_env);
    if (strlen(value) > SECRET_BYTES_MAX)
        return gw_fail(e, GW_ECONFIG, "alerts: route '%s': the variable %s is longer than %zu bytes", r->name,
                       r->secret_env, SECRET_BYTES_MAX);
    snprintf(s->text, sizeof(s->text), "%s", value);
    return take_secret(r, s, r->secret_env, e);
}

/* Blots a secret out of a message; a server may echo what it was sent. */
static void blot(char *message, const char *text)
{
    size_t n = strlen(text);
    if (n < 4)
        return;
    for (char *p = message; (p = strstr(p, text)); p += n)
        memset(p, '*', n);
}

/* Cuts what follows the origin in a URL that a message shows: paths of webhooks are secrets. */
static void blot_paths(char *message, const char *origin)
{
    size_t n = strlen(origin);
    for (char *p = message; (p = strstr(p, origin));) {
        char *path = p + n, *end = path + strcspn(path, " ");
        if (end > path && strchr(":;,", end[-1]))
            end--;
        p = path;
        if (end > path + 1) {
            *path = '/';
            memmove(path + 1, end, strlen(end) + 1);
        }
    }
}

/* ---- HTTP ---------------------------------------------------------------------------------------------- */

typedef struct target {
    char base[GW_URL_SHOWN_MAX * 8]; /* "https://host:port", or with a prefix */
    const char *path;                /* into the route's URL, or static */
    bool secret_path;
    const char *bearer, *password;
    const char *headers[3];
} target;

/* Parts a URL into its origin and the rest, which is kept to the letter. */
static int part_url(const gw_alert_route *r, const char *url, target *t, gw_error *e)
{
    static const char *const schemes[] = {"https", "http", NULL};
    gw_arena a;
    gw_url parsed;
    gw_error why = {0};
    gw_arena_init(&a, 0);
    int rc = gw_url_parse(&a, url, schemes, false, "the URL", &parsed, &why);
    bool bad = rc || parsed.user || parsed.password || strlen(parsed.origin) >= sizeof(t->base);
    if (!bad)
        snprintf(t->base, sizeof(t->base), "%s", parsed.origin);
    gw_arena_free(&a);
    if (rc == GW_ENOMEM)
        return gw_fail_memory(e);
    if (bad) /* without the reason, which would show it */
        return gw_fail(e, GW_ECONFIG,
                       "alerts: route '%s': the url, or the secret that holds it, is no http or https URL",
                       r->name);
    const char *rest = strstr(url, "://") + 3;
    rest += strcspn(rest, "/?#");
    t->path = *rest == '/' ? rest : "/";
    t->secret_path = true;
    return 0;
}

static int aim(const gw_alert_route *r, const secret *s, target *t, gw_error *e)
{
    const char *path = "/api/v2/alerts", *url = r->url;
    *t = (target){0};
    if (r->type == GW_ALERT_SLACK || r->type == GW_ALERT_WEBHOOK)
        return part_url(r, r->type == GW_ALERT_SLACK && s->there ? s->text : url, t, e);
    if (r->type == GW_ALERT_PAGERDUTY) {
        path = "/v2/enqueue";
        url = url ? url : PAGERDUTY_URL;
    } else if (s->there) {
        *(r->username ? &t->password : &t->bearer) = s->text;
    }
    if (strlen(url) >= sizeof(t->base))
        return gw_fail(e, GW_ECONFIG, "alerts: route '%s': the url is longer than %zu bytes", r->name,
                       sizeof(t->base) - 1);
    snprintf(t->base, sizeof(t->base), "%s", url);
    t->path = path;
    return 0;
}

static int write_body(const gw_alert_route *r, const gw_deliver_message *m, const secret *s, gw_buf *b,
                      gw_error *e)
{
    switch (r->type) {
    case GW_ALERT_ALERTMANAGER:
        return gw_deliver_alertmanager(m, b, e);
    case GW_ALERT_SLACK:
        return gw_deliver_slack(m, b, e);
    case GW_ALERT_PAGERDUTY:
        return gw_deliver_pagerduty(m, s->text, b, e);
    default:
        return gw_deliver_webhook(m, b, e);
    }
}

static int post(const gw_deliver *d, const gw_alert_route *r, const target *t, const gw_buf *body,
                gw_alert_reply *reply, gw_error *e)
{
    static const gw_http_settings settings = {.ca = "caFile", .cert = "caFile", .insecure = "insecure: true"};
    int64_t timeout = d->config.timeout_ms ? d->config.timeout_ms : TIMEOUT_MS;
    char what[GW_ALERT_NAME_MAX + 16];
    gw_http *h = NULL;
    snprintf(what, sizeof(what), "the route '%s'", r->name);
    gw_http_options o = {.base_url = t->base,
                         .bearer_token = t->bearer,
                         .username = t->password ? r->username : NULL,
                         .password = t->password,
                         .ca_file = r->ca_file,
                         .proxy = r->proxy,
                         .insecure = r->insecure,
                         .max_concurrency = 1,
                         .connect_timeout_ms = timeout,
                         .stall_timeout_ms = timeout,
                         .try_timeout_ms = timeout,
                         .max_reply_bytes = REPLY_BYTES_MAX,
                         .what = what,
                         .settings = &settings};
    gw_http_request q = {.method = "POST",
                         .path = t->path,
                         .body = body->data,
                         .body_len = body->len,
                         .headers = t->headers,
                         .idempotent_retry = 1}; /* when to try again is the engine's to say */
    int rc = gw_http_new(&o, &h, e);
    if (rc)
        return rc;
    rc = gw_http_perform(h, &q, 1, false, e);
    gw_http_free(h);
    reply->retry_after_ms = q.retry_after_ms;
    reply->refused = rc && (q.status == 400 || q.status == 413 || q.status == 422);
    return rc;
}

static int send_http(const gw_deliver *d, const gw_alert_route *r, const gw_deliver_message *m,
                     const secret *s, gw_alert_reply *reply, gw_error *e)
{
    target t;
    gw_buf body, signature;
    gw_buf_init(&body, DELIVER_BODY_BYTES_MAX);
    gw_buf_init(&signature, SIGNATURE_MAX);
    int rc = aim(r, s, &t, e);
    if (!rc)
        rc = write_body(r, m, s, &body, e);
    t.headers[0] = "Content-Type: application/json";
    if (!rc && r->type == GW_ALERT_WEBHOOK && s->there) {
        gw_buf_puts(&signature, "X-Gpuwise-Signature: ");
        rc = gw_deliver_sign(gw_str_of(s->text), m->now_ms, (gw_str){body.data, body.len}, &signature, e);
        t.headers[1] = signature.data;
    }
    if (!rc)
        rc = post(d, r, &t, &body, reply, e);
    if (rc && e && t.secret_path) {
        blot(e->message, t.path);
        blot_paths(e->message, t.base);
    }
    if (body.data && r->type == GW_ALERT_PAGERDUTY)
        explicit_bzero(body.data, body.len);
    gw_buf_free(&body);
    gw_buf_free(&signature);
    return rc;
}

/* ---- mail ---------------------------------------------------------------------------------------------- */

static int message_id(const gw_alert_route *r, const gw_deliver_message *m, char out[DELIVER_HEX_MAX],
                      gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, 8192);
    gw_buf_printf(&b, "%s/%s/%" PRId64 "/%zu/%s", m->config->cluster, r->name, m->now_ms, m->n,
                  m->alerts[0].event->dedup_key);
    int rc = gw_buf_check(&b, "the mail's name", e);
    if (!rc)
        rc = gw_deliver_digest((gw_str){b.data, b.len}, out, e);
    gw_buf_free(&b);
    return rc;
}

static int send_mail(const gw_deliver *d, const gw_alert_route *r, const gw_deliver_message *m,
                     const secret *s, gw_alert_reply *reply, gw_error *e)
{
    char id[DELIVER_HEX_MAX];
    gw_buf subject, text;
    int code = 0;
    gw_mail_server server = {.url = r->url,
                             .tls = r->tls,
                             .username = r->username,
                             .password = s->there ? s->text : NULL,
                             .ca_file = r->ca_file,
                             .insecure = r->insecure,
                             .timeout_ms = d->config.timeout_ms ? d->config.timeout_ms : TIMEOUT_MS};
    gw_mail mail = {.from = r->from, .to = r->to, .date_ms = m->now_ms, .auto_submitted = "auto-generated"};
    while (mail.to[mail.n_to])
        mail.n_to++;
    gw_buf_init(&subject, 16384);
    gw_buf_init(&text, GW_MAIL_BYTES_MAX / 2);
    gw_deliver_subject(m, &subject);
    int rc = gw_buf_check(&subject, "the mail's subject", e);
    if (!rc)
        rc = gw_deliver_mail(m, &text, e);
    if (!rc)
        rc = message_id(r, m, id, e);
    if (!rc) {
        mail.subject = subject.data;
        mail.body = (gw_str){text.data, text.len};
        mail.message_id = id;
        rc = gw_mail_send(&server, &mail, &code, e);
        reply->refused = rc && code == 552; /* too large: fewer at a time may do */
    }
    gw_buf_free(&subject);
    gw_buf_free(&text);
    return rc;
}

/* ---- from outside -------------------------------------------------------------------------------------- */

int gw_deliver_new(const gw_alert_config *c, gw_deliver **ret, gw_error *e)
{
    int rc = gw_alert_config_check(c, e);
    if (rc)
        return rc;
    gw_deliver *d = gw_calloc(1, sizeof(*d));
    if (!d)
        return gw_fail_memory(e);
    gw_arena_init(&d->arena, 0);
    rc = gw_alert_config_copy(c, &d->arena, &d->config, e);
    for (size_t i = 0; !rc && i < d->config.n_routes; i++) {
        secret s;
        target t;
        const gw_alert_route *r = &d->config.routes[i];
        rc = read_secret(r, &s, e);
        if (!rc && r->type == GW_ALERT_SLACK)
            rc = aim(r, &s, &t, e);
        forget(&s);
    }
    if (rc) {
        gw_deliver_free(d);
        return rc;
    }
    *ret = d;
    return 0;
}

void gw_deliver_free(gw_deliver *d)
{
    if (!d)
        return;
    gw_arena_free(&d->arena);
    gw_free(d);
}

int gw_deliver_send(void *ctx, size_t route, const gw_alert *alerts, size_t n, int64_t now_ms,
                    gw_alert_reply *reply, gw_error *e)
{
    const gw_deliver *d = ctx;
    const gw_alert_route *r = &d->config.routes[route];
    gw_deliver_message m = {.config = &d->config, .alerts = alerts, .n = n, .now_ms = now_ms};
    secret s;
    int rc = read_secret(r, &s, e);
    if (!rc)
        rc =
            r->type == GW_ALERT_EMAIL ? send_mail(d, r, &m, &s, reply, e) : send_http(d, r, &m, &s, reply, e);
    if (rc && e && s.there)
        blot(e->message, s.text);
    forget(&s);
    return rc;
}
