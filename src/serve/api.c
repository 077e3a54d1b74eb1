#include "serve/api.h"

#include "base/mem.h"
#include "serve/api_internal.h"

#define RETRY_AFTER "5"
#define BRIEF_MS    GW_SECOND_MS
#define STORE_MS    (30 * GW_SECOND_MS)

/* The dashboard needs nothing from elsewhere, and nobody may put it into a frame. */
#define CSP                                                                                                  \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "    \
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* Sent with every answer, whatever it is. */
static const gw_server_header common[] = {{"Content-Security-Policy", CSP},
                                          {"X-Content-Type-Options", "nosniff"},
                                          {"Referrer-Policy", "no-referrer"},
                                          {"Cross-Origin-Resource-Policy", "same-origin"}};

void gw_api_headers(gw_reply *r)
{
    for (size_t i = 0; i < GW_COUNT(common); i++)
        gw_reply_header(r, common[i].name, common[i].value);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

int gw_api_new(const gw_api_options *o, gw_api **ret, gw_error *e)
{
    gw_api *a = gw_calloc(1, sizeof(*a));
    if (!a)
        return gw_fail_memory(e);
    a->o = *o;
    gw_buf_init(&a->money, GW_BLOB_MAX);
    pthread_mutex_init(&a->money_lock, NULL);
    const gw_cache_options co = {
        .workers = GW_MIN(o->workers > 0 ? o->workers : GW_CACHE_WORKERS, GW_DAEMON_STORES)};
    int rc = gw_cache_new(&co, &a->cache, e);
    if (rc)
        gw_api_free(a);
    else
        *ret = a;
    return rc;
}

void gw_api_free(gw_api *a)
{
    if (!a)
        return;
    gw_cache_free(a->cache);
    gw_buf_free(&a->money);
    pthread_mutex_destroy(&a->money_lock);
    gw_free(a);
}

void gw_api_set_server(gw_api *a, const gw_server *s)
{
    a->server = s;
}

/* ---- replies ------------------------------------------------------------------------------------------- */

/* Who waits for an answer; what of the request decides its form. */
typedef struct asker {
    gw_api *api;
    const gw_route *route;
    gw_reply *reply;           /* within the handler; or … */
    gw_token *token;           /* … later */
    const char *if_none_match; /* NULL: none */
    bool gzip;
    /* while it is not known who asks */
    gw_api_call *call;
    char *authorization;
    gw_auth_answer known;
    int failed;
    gw_error why;
} asker;

static void asker_free(asker *k)
{
    if (!k)
        return;
    gw_api_call_free(k->call);
    gw_free((char *)(uintptr_t)k->if_none_match);
    gw_free(k->authorization);
    gw_free(k);
}

#define HEADERS_MAX 16
typedef struct headers {
    gw_server_header items[HEADERS_MAX];
    size_t n;
} headers;

static void add_header(headers *h, const char *name, const char *value)
{
    h->items[h->n++] = (gw_server_header){name, value};
}

static void deliver(asker *k, int status, headers *h, gw_shared *body)
{
    for (size_t i = 0; i < GW_COUNT(common); i++)
        add_header(h, common[i].name, common[i].value);
    if (k->token) {
        gw_server_complete(k->token, status, h->items, h->n, body);
        return;
    }
    const char *type = NULL;
    for (size_t i = 0; i < h->n; i++) {
        if (strcmp(h->items[i].name, "Content-Type") == 0)
            type = h->items[i].value;
        else
            gw_reply_header(k->reply, h->items[i].name, h->items[i].value);
    }
    gw_reply_shared(k->reply, status, type, body);
}

/* Errors and answers to one person. */
static void deliver_error(asker *k, int status, const char *message)
{
    headers h = {.n = 0};
    gw_buf b;
    gw_buf_init(&b, 16 << 10);
    gw_api_error_write(&b, k->route && k->route->opencost, status, message);
    gw_shared *body = gw_shared_take(&b);
    gw_buf_free(&b);
    add_header(&h, "Content-Type", GW_API_JSON);
    add_header(&h, "Cache-Control", "no-store");
    if (status == 503)
        add_header(&h, "Retry-After", RETRY_AFTER);
    if (status == 401)
        add_header(&h, "WWW-Authenticate", "Bearer realm=\"gpuwise\"");
    deliver(k, status, &h, body);
    gw_shared_unref(body);
}

static void deliver_blob(asker *k, const gw_blob *blob)
{
    headers h = {.n = 0};
    char etag[GW_ETAG_MAX];
    bool packed = k->gzip && blob->gzip, same = false;
    if (blob->status == 200 && k->route->keep != GW_API_NEVER) {
        add_header(&h, "ETag", gw_blob_etag(blob, packed, etag));
        /* to be asked about each time: what it says may have changed with the last turn */
        add_header(&h, "Cache-Control", "no-cache");
        add_header(&h, "Vary", "Accept-Encoding, Authorization");
        same = gw_etag_matches(k->if_none_match, blob->etag);
    } else {
        add_header(&h, "Cache-Control", "no-store");
    }
    if (blob->status == 503)
        add_header(&h, "Retry-After", RETRY_AFTER);
    if (same) {
        deliver(k, 304, &h, NULL);
        return;
    }
    add_header(&h, "Content-Type", blob->type);
    if (packed)
        add_header(&h, "Content-Encoding", "gzip");
    deliver(k, blob->status, &h, packed ? blob->gzip : blob->plain);
}

/* ---- making -------------------------------------------------------------------------------------------- */

static gw_blob *error_blob(const gw_route *route, int code, const gw_error *e)
{
    gw_buf b;
    gw_blob *blob = NULL;
    gw_error ignored;
    int status = gw_api_status_of(code);
    gw_buf_init(&b, 16 << 10);
    gw_api_error_write(&b, route->opencost, status, e->message);
    return gw_blob_new(status, GW_API_JSON, &b, &blob, &ignored) ? NULL : blob;
}

static gw_blob *make(void *ctx, int worker)
{
    gw_api_call *c = ctx;
    gw_blob *blob = NULL;
    gw_error e = {0};
    gw_buf b;
    c->worker = worker;
    gw_buf_init(&b, GW_BLOB_MAX);
    int rc = c->route->make(c, &b, &e);
    if (rc == 0)
        rc = gw_buf_check(&b, "the answer: ask for less of it", &e);
    const char *type = c->csv ? GW_API_CSV : c->route->type ? c->route->type : GW_API_JSON;
    if (rc == 0)
        rc = gw_blob_new(c->status, type, &b, &blob, &e);
    gw_buf_free(&b);
    return rc == 0 ? blob : rc == GW_ENOMEM ? NULL : error_blob(c->route, rc, &e);
}

static void make_free(void *ctx)
{
    gw_api_call_free(ctx);
}

/* ---- asking -------------------------------------------------------------------------------------------- */

static void told(void *ctx, gw_blob *blob)
{
    asker *k = ctx;
    if (blob)
        deliver_blob(k, blob);
    else
        deliver_error(k, 503, "out of memory, or the program is ending: try again");
    asker_free(k);
}

static gw_cache_how how_of(const gw_api_call *c)
{
    gw_api_keep keep = c->route->keep;
    return (gw_cache_how){.generation = gw_daemon_generation(c->daemon),
                          .fresh = keep == GW_API_FRESH || keep == GW_API_BRIEF,
                          .expires_ms = keep == GW_API_BRIEF                           ? BRIEF_MS
                                        : keep == GW_API_STORE || keep == GW_API_FRESH ? STORE_MS
                                                                                       : 0};
}

/* Hands the call to the cache; the asker is told now or later. Takes both. */
static void ask(asker *k, gw_api_call *c)
{
    gw_blob *blob = NULL;
    gw_cache_how how = how_of(c);
    bool keeps = c->route->keep != GW_API_NEVER;
    const char *key = keeps ? gw_api_call_key(c) : NULL;
    if (keeps && !key) {
        gw_api_call_free(c);
        told(k, NULL);
        return;
    }
    gw_cache_answer a =
        gw_cache_ask(k->api->cache, key, &how, (gw_maker){c, make, make_free}, (gw_waiter){k, told}, &blob);
    if (a == GW_CACHE_WAIT)
        return; /* k may be gone already */
    if (a == GW_CACHE_HIT)
        deliver_blob(k, blob);
    else
        deliver_error(k, 503, "too many answers are waiting to be made: try again in a few seconds");
    gw_blob_release(blob);
    asker_free(k);
}

/* On this thread, at once. Takes the call. */
static void answer_instantly(asker *k, gw_api_call *c)
{
    headers h = {.n = 0};
    gw_error e = {0};
    gw_buf b;
    gw_buf_init(&b, 1 << 20);
    c->worker = -1;
    int rc = c->route->make(c, &b, &e);
    gw_shared *body = rc ? NULL : gw_shared_take(&b);
    gw_buf_free(&b);
    if (body) {
        add_header(&h, "Content-Type", GW_API_JSON);
        add_header(&h, "Cache-Control", "no-store");
        if (c->status == 503)
            add_header(&h, "Retry-After", RETRY_AFTER);
        deliver(k, c->status, &h, body);
        gw_shared_unref(body);
    } else {
        deliver_error(k, rc ? gw_api_status_of(rc) : 503, rc ? e.message : "out of memory");
    }
    gw_api_call_free(c);
}

/* Whether the role will do; says so where it will not. */
static bool may(asker *k, gw_role role)
{
    if (role >= k->route->role)
        return true;
    deliver_error(k, 403,
                  k->route->role == GW_ROLE_ADMIN
                      ? "this changes something, and the token's role is not admin"
                      : "the token is known, and has no role here: ask who runs gpuwise to give it one");
    return false;
}

/* ---- asking Kubernetes who asks ------------------------------------------------------------------------ */

static gw_blob *review(void *ctx, int worker)
{
    asker *k = ctx;
    GW_UNUSED(worker);
    k->failed = gw_auth_review(k->api->o.auth, k->authorization, &k->known, &k->call->who, &k->why);
    return NULL;
}

static void reviewed(void *ctx, gw_blob *none)
{
    asker *k = ctx;
    gw_api_call *c = k->call;
    GW_UNUSED(none);
    if (k->failed)
        deliver_error(k, 503, *k->why.message ? k->why.message : "the program is ending");
    else if (k->known != GW_AUTH_KNOWN)
        deliver_error(k, 401, "Kubernetes does not know this token");
    if (k->failed || k->known != GW_AUTH_KNOWN || !may(k, c->who.role)) {
        asker_free(k);
        return;
    }
    k->call = NULL;
    if (c->route->keep != GW_API_INSTANT) {
        ask(k, c);
        return;
    }
    answer_instantly(k, c);
    asker_free(k);
}

/* ---- the handler --------------------------------------------------------------------------------------- */

/* What the route needs beside its path. */
typedef struct match {
    const gw_route *route;
    const char *tail;
    bool path_known; /* there is such a path, with another method */
    char allow[64];
} match;

static void note_method(match *m, const char *method)
{
    size_t n = strlen(m->allow);
    bool get = strcmp(method, "GET") == 0;
    snprintf(m->allow + n, sizeof(m->allow) - n, "%s%s", n ? ", " : "", get ? "GET, HEAD" : method);
}

static match find_route(const gw_server_request *q)
{
    match m = {.tail = ""};
    const char *method = strcmp(q->method, "HEAD") == 0 ? "GET" : q->method;
    bool model = gw_has_prefix(q->path, "/model/");
    for (size_t i = 0; i < gw_n_api_routes && !m.route; i++) {
        const gw_route *x = &gw_api_routes[i];
        const char *path = model && x->opencost ? q->path + strlen("/model") : q->path;
        size_t n = strlen(x->path);
        bool open = x->path[n - 1] == '/';
        if (open ? !gw_has_prefix(path, x->path) || !path[n] : strcmp(path, x->path) != 0)
            continue;
        m.path_known = true;
        note_method(&m, x->method);
        if (strcmp(x->method, method) == 0) {
            m.route = x;
            m.tail = open ? path + n : "";
        }
    }
    return m;
}

/* A page of another site cannot make a browser change something here: browsers say where a request comes
 * from. https://developer.mozilla.org/docs/Web/HTTP/Headers/Sec-Fetch-Site */
static int check_origin(const gw_server_request *q, const char **ret_why)
{
    const char *site = gw_server_header_get(q, "Sec-Fetch-Site"), *origin = gw_server_header_get(q, "Origin");
    const char *type = gw_server_header_get(q, "Content-Type");
    static const char json[] = "application/json";
    *ret_why = "the request comes from a page of another site";
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return 403;
    const char *host = origin ? strstr(origin, "://") : NULL;
    if (origin && (!host || strcasecmp(host + 3, q->host) != 0))
        return 403;
    *ret_why = "the body must be JSON, with Content-Type: application/json";
    bool is_json = type && strncasecmp(type, json, sizeof(json) - 1) == 0 &&
                   (type[sizeof(json) - 1] == '\0' || strchr("; \t", type[sizeof(json) - 1]));
    return is_json || (q->body.n == 0 && strcmp(q->method, "DELETE") == 0) ? 0 : 415;
}

/* Without a log-in, a name that leads here from elsewhere (DNS rebinding) must not be taken for this
 * machine's own: the browser would let that site read the answers. */
static bool host_is_own(const gw_api *a, const gw_server_request *q)
{
    return gw_auth_required(a->o.auth) || !*q->host || gw_listen_is_loopback(q->host);
}

static asker *asker_new(gw_api *a, const gw_route *route, const gw_server_request *q, gw_reply *r)
{
    const char *if_none_match = gw_server_header_get(q, "If-None-Match");
    const char *authorization = gw_server_header_get(q, "Authorization");
    asker *k = gw_calloc(1, sizeof(*k));
    if (!k)
        return NULL;
    *k = (asker){.api = a, .route = route, .reply = r, .gzip = gw_server_accepts_gzip(q)};
    k->if_none_match = if_none_match ? gw_strdup(if_none_match) : NULL;
    k->authorization = authorization ? gw_strdup(authorization) : NULL;
    if ((if_none_match && !k->if_none_match) || (authorization && !k->authorization)) {
        asker_free(k);
        return NULL;
    }
    return k;
}

/* Not ready: later. Takes the call. */
static void answer_later(gw_api *a, const gw_server_request *q, gw_reply *r, gw_api_call *c, bool known)
{
    asker *k = asker_new(a, c->route, q, r);
    gw_token *t = k ? gw_reply_defer(r) : NULL;
    if (!t) {
        gw_api_call_free(c);
        if (!k)
            gw_reply_error(r, 503, "unavailable", "out of memory");
        asker_free(k);
        return;
    }
    k->token = t;
    k->reply = NULL;
    if (known) {
        ask(k, c);
        return;
    }
    k->call = c;
    k->failed = GW_ENOMEM;
    gw_cache_how how = {.generation = 0};
    gw_blob *none = NULL;
    if (gw_cache_ask(a->cache, NULL, &how, (gw_maker){k, review, NULL}, (gw_waiter){k, reviewed}, &none) !=
        GW_CACHE_WAIT) {
        deliver_error(k, 503, "too many requests are waiting to log in: try again in a few seconds");
        asker_free(k);
    }
}

static void answer_call(gw_api *a, const gw_server_request *q, gw_reply *r, gw_api_call *c)
{
    asker now = {.api = a,
                 .route = c->route,
                 .reply = r,
                 .if_none_match = gw_server_header_get(q, "If-None-Match"),
                 .gzip = gw_server_accepts_gzip(q)};
    if (c->route->keep == GW_API_INSTANT) {
        answer_instantly(&now, c);
        return;
    }
    gw_cache_how how = how_of(c);
    const char *key = c->route->keep == GW_API_NEVER ? NULL : gw_api_call_key(c);
    gw_blob *ready = key ? gw_cache_get(a->cache, key, &how) : NULL;
    if (!ready) {
        answer_later(a, q, r, c, true);
        return;
    }
    deliver_blob(&now, ready);
    gw_blob_release(ready);
    gw_api_call_free(c);
}

static void answer_route(gw_api *a, const gw_server_request *q, gw_reply *r, const match *m)
{
    asker now = {.api = a, .route = m->route, .reply = r};
    gw_auth_who known = {.role = GW_ROLE_NONE};
    const char *why;
    gw_auth_answer who = m->route->role == GW_ROLE_NONE
                             ? GW_AUTH_KNOWN
                             : gw_auth_check(a->o.auth, gw_server_header_get(q, "Authorization"), &known);
    if (who == GW_AUTH_MISSING) {
        deliver_error(&now, 401, "log in with a bearer token: Authorization: Bearer TOKEN");
        return;
    }
    if (who == GW_AUTH_KNOWN && !may(&now, known.role))
        return;
    int wrong = m->route->keep == GW_API_NEVER ? check_origin(q, &why) : 0;
    if (wrong) {
        deliver_error(&now, wrong, why);
        return;
    }
    gw_api_call *c;
    gw_error e = {0};
    int rc = gw_api_call_new(a, m->route, q, m->tail, &c, &e);
    if (rc) {
        deliver_error(&now, gw_api_status_of(rc), e.message);
        return;
    }
    c->who = known;
    if (who == GW_AUTH_ASK)
        answer_later(a, q, r, c, false);
    else
        answer_call(a, q, r, c);
}

void gw_api_handle(void *api, const gw_server_request *q, gw_reply *r)
{
    gw_api *a = api;
    asker now = {.api = a, .reply = r};
    bool reads = strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0;
    if (!host_is_own(a, q)) {
        deliver_error(&now, 403,
                      "the Host header names another machine, and nobody has to log in here: open it as "
                      "localhost, have the proxy before it send Host: localhost, or give auth.tokens");
        return;
    }
    match m = find_route(q);
    if (m.route) {
        answer_route(a, q, r, &m);
        return;
    }
    if (m.path_known) {
        gw_reply_header(r, "Allow", m.allow);
        deliver_error(&now, 405, "the path is there, and takes other methods (see Allow)");
        return;
    }
    if (reads && gw_static_reply(q, r)) {
        gw_api_headers(r);
        return;
    }
    deliver_error(&now, 404, "there is nothing of that name; /api/v1/openapi.json lists what there is");
}
