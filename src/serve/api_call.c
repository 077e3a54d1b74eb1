/* What a request asks, checked and copied; errors as JSON. */
#include "net/url.h"
#include "serve/api_internal.h"
#include "serve/window_words.h"

#define KEY_BYTES_MAX   ((size_t)64 << 10)
#define NAMES_BYTES_MAX 1024

/* ---- parameters ---------------------------------------------------------------------------------------- */

static int fail_unknown(const gw_route *route, const char *name, gw_error *e)
{
    char names[NAMES_BYTES_MAX] = "";
    size_t n = 0;
    for (size_t i = 0; route->params[i] && n < sizeof(names); i++)
        n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", i ? ", " : "", route->params[i]);
    if (!*names)
        return gw_fail(e, GW_EUSAGE, "%s takes no parameters, and '%.60s' is one", route->path, name);
    return gw_fail(e, GW_EUSAGE, "%s has no parameter '%.60s'; there are %s", route->path, name, names);
}

static int check_param(const gw_route *route, const gw_server_param *p, gw_error *e)
{
    if (strlen(p->value) > GW_API_VALUE_MAX)
        return gw_fail(e, GW_EUSAGE, "%.60s: longer than %d bytes", p->name, GW_API_VALUE_MAX);
    for (size_t i = 0; route->params[i]; i++) {
        if (strcmp(route->params[i], p->name) == 0)
            return 0;
    }
    return fail_unknown(route, p->name, e);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const gw_oc_param *)a)->name, ((const gw_oc_param *)b)->name);
}

static int copy_params(gw_api_call *c, const gw_server_request *q, gw_error *e)
{
    const gw_server_param *given;
    size_t n;
    int rc = gw_server_query(q, &given, &n, e);
    if (rc)
        return rc;
    if (n > GW_API_PARAMS_MAX)
        return gw_fail(e, GW_EUSAGE, "more than %d parameters", GW_API_PARAMS_MAX);
    gw_oc_param *own = GW_NEW_ARRAY(&c->arena, gw_oc_param, n + 1);
    if (!own)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n; i++) {
        rc = check_param(c->route, &given[i], e);
        if (rc)
            return rc;
        own[i].name = gw_arena_strdup(&c->arena, given[i].name);
        own[i].value = gw_arena_strdup(&c->arena, given[i].value);
        if (!own[i].name || !own[i].value)
            return gw_fail_memory(e);
    }
    if (n)
        qsort(own, n, sizeof(*own), by_name);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(own[i].name, own[i - 1].name) == 0)
            return gw_fail(e, GW_EUSAGE, "%.60s is given twice", own[i].name);
    }
    c->params = own;
    c->n_params = n;
    return 0;
}

static int read_format(gw_api_call *c, gw_error *e)
{
    static const char *const formats[] = {"json", "csv"};
    size_t format;
    int rc = gw_api_choice(c, "format", formats, c->route->csv ? 2 : 1, &format, e);
    c->csv = rc == 0 && format == 1;
    return rc;
}

int gw_api_call_new(gw_api *a, const gw_route *route, const gw_server_request *q, const char *tail,
                    gw_api_call **ret, gw_error *e)
{
    gw_api_call *c = gw_calloc(1, sizeof(*c));
    if (!c)
        return gw_fail_memory(e);
    c->api = a;
    c->daemon = a->o.daemon;
    c->route = route;
    c->status = 200;
    gw_arena_init(&c->arena, 0);
    c->tail = gw_arena_strdup(&c->arena, tail);
    c->body.p = gw_arena_strndup(&c->arena, q->body.n ? q->body.p : "", q->body.n);
    c->body.n = q->body.n;
    int rc = c->tail && c->body.p ? copy_params(c, q, e) : gw_fail_memory(e);
    if (rc == 0)
        rc = read_format(c, e);
    if (rc)
        gw_api_call_free(c);
    else
        *ret = c;
    return rc;
}

void gw_api_call_free(gw_api_call *c)
{
    if (!c)
        return;
    gw_arena_free(&c->arena);
    gw_free(c);
}

const char *gw_api_call_key(gw_api_call *c)
{
    gw_buf b;
    gw_buf_init(&b, KEY_BYTES_MAX);
    gw_buf_puts(&b, c->route->path);
    gw_buf_puts(&b, c->tail);
    for (size_t i = 0; i < c->n_params; i++)
        gw_url_query(&b, c->params[i].name, gw_str_of(c->params[i].value));
    const char *key = b.failed ? NULL : gw_arena_strndup(&c->arena, b.data, b.len);
    gw_buf_free(&b);
    return key;
}

const char *gw_api_param(const gw_api_call *c, const char *name)
{
    for (size_t i = 0; i < c->n_params; i++) {
        if (strcmp(c->params[i].name, name) == 0)
            return *c->params[i].value ? c->params[i].value : NULL;
    }
    return NULL;
}

int gw_api_choice(const gw_api_call *c, const char *name, const char *const *words, size_t n, size_t *ret,
                  gw_error *e)
{
    const char *v = gw_api_param(c, name);
    char all[200] = "";
    size_t len = 0;
    *ret = 0;
    for (size_t i = 0; v && i < n; i++) {
        if (strcmp(v, words[i]) == 0) {
            *ret = i;
            return 0;
        }
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i ? ", " : "", words[i]);
        if (len >= sizeof(all))
            break;
    }
    return v ? gw_fail(e, GW_EUSAGE, "%s: '%.60s' is none of %s", name, v, all) : 0;
}

/* ---- windows ------------------------------------------------------------------------------------------- */

int64_t gw_api_now(const gw_daemon_status *s)
{
    return s->recording && gw_interval_ms(s->window) ? s->window.end_ms : s->now_ms;
}

int gw_api_window(const gw_api_call *c, gw_interval *ret, gw_error *e)
{
    const char *window = gw_api_param(c, "window"), *from = gw_api_param(c, "from"),
               *to = gw_api_param(c, "to");
    gw_daemon_status s;
    gw_daemon_status_get(c->daemon, &s);
    int64_t now = gw_api_now(&s);
    gw_interval w = {0, now};
    if (window && (from || to))
        return gw_fail(e, GW_EUSAGE, "window: give either window, or from and to");
    if (window)
        return gw_window_words_parse(window, GW_WINDOW_WORDS_OURS, now, ret, e);
    if (!from && !to) {
        *ret = (gw_interval){0, 0};
        return 0;
    }
    if (!from)
        return gw_fail(e, GW_EUSAGE, "from: is missing beside to");
    int rc = gw_time_parse(from, now, &w.start_ms, e);
    if (rc == 0 && to)
        rc = gw_time_parse(to, now, &w.end_ms, e);
    if (rc)
        return rc;
    if (w.end_ms <= w.start_ms)
        return gw_fail(e, GW_EWINDOW, "to: the window must end after it begins");
    *ret = w;
    return 0;
}

/* ---- errors -------------------------------------------------------------------------------------------- */

int gw_api_status_of(int code)
{
    switch (code) {
    case GW_EUSAGE:
    case GW_EWINDOW:
    case GW_ELIMIT:
        return 400;
    case GW_ENOTFOUND:
        return 404;
    case GW_ENODATA:
    case GW_ECONNECT:
    case GW_ETIMEOUT:
    case GW_ESERVER:
    case GW_EIO:
    case GW_ENOMEM:
        return 503;
    default:
        return 500;
    }
}

const char *gw_api_code_of(int status)
{
    static const struct {
        int status;
        const char *code;
    } codes[] = {{400, "bad-request"}, {401, "unauthorized"}, {403, "forbidden"},
                 {404, "not-found"},   {405, "method"},       {409, "conflict"},
                 {415, "media-type"},  {500, "internal"},     {503, "unavailable"}};
    for (size_t i = 0; i < GW_COUNT(codes); i++) {
        if (codes[i].status == status)
            return codes[i].code;
    }
    return "error";
}

void gw_api_error_write(gw_buf *b, bool opencost, int status, const char *message)
{
    gw_doc d;
    gw_error ignored;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    if (opencost) {
        gw_doc_int(&d, "code", status);
        gw_doc_text(&d, "status", "error");
        gw_doc_null(&d, "data");
        gw_doc_text(&d, "message", message);
    } else {
        gw_doc_object(&d, "error");
        gw_doc_text(&d, "code", gw_api_code_of(status));
        gw_doc_text(&d, "message", message);
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    gw_doc_finish(&d, &ignored);
}
