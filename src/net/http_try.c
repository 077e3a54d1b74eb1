/* One try of one request: what libcurl is told before it, and what it tells us while it runs. */
#include "net/http_client.h"

#include <strings.h>

#define READ_BUFFER_BYTES 131072L /* fewer, larger pieces for on_data than libcurl's 16 KiB */

/* Keeps the first failure of a row of curl_easy_setopt calls. */
#define SET(rc, easy, option, value)                                                                         \
    do {                                                                                                     \
        if (!(rc))                                                                                           \
            (rc) = curl_easy_setopt((easy), (option), (value));                                              \
    } while (0)

/* ---- what libcurl calls ---- */

static long status_of(gw_http_slot *s)
{
    long status = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* A callback's word is final, also where it forgot to say why. */
static int own_failure(gw_http_slot *s, int code)
{
    s->own_code = code < 0 ? code : GW_EINTERNAL;
    if (s->request->error.code != s->own_code)
        gw_fail(&s->request->error, s->own_code, "the reply of %s was not taken", s->http->what);
    return s->own_code;
}

int gw_http_try_begin(gw_http_slot *s)
{
    if (s->began)
        return 0;
    s->began = true;
    gw_http_request *r = s->request;
    const char *type = NULL;
    curl_easy_getinfo(s->easy, CURLINFO_CONTENT_TYPE, &type);
    int code = r->on_begin ? r->on_begin(r->ctx, (int)status_of(s), type, &r->error) : 0;
    return code ? own_failure(s, code) : 0;
}

static size_t keep_error_body(gw_http_slot *s, const char *p, size_t n)
{
    size_t keep = GW_MIN(n, sizeof(s->error_body) - s->error_len);
    memcpy(s->error_body + s->error_len, p, keep);
    s->error_len += keep;
    return s->body_bytes > HTTP_ERROR_DRAIN_MAX ? 0 : n;
}

/* Returning another number than was given makes libcurl end the transfer. */
static size_t on_body(char *p, size_t one, size_t n, void *ctx)
{
    gw_http_slot *s = ctx;
    gw_http_request *r = s->request;
    GW_UNUSED(one);
    if (n == 0)
        return 0;
    long status = status_of(s);
    s->body_bytes += n;
    if (status < 200 || status > 299)
        return keep_error_body(s, p, n);
    if (s->body_bytes > s->http->o.max_reply_bytes) {
        s->own_code =
            gw_fail(&r->error, GW_ELIMIT,
                    "the reply of %s is larger than %" PRIu64 " bytes: ask for less, e.g. a shorter "
                    "window",
                    s->http->what, s->http->o.max_reply_bytes);
        return 0;
    }
    if (gw_http_try_begin(s))
        return 0;
    int code = r->on_data ? r->on_data(r->ctx, p, n, &r->error) : 0;
    if (code)
        own_failure(s, code);
    return code ? 0 : n;
}

static size_t on_header(char *p, size_t one, size_t n, void *ctx)
{
    gw_http_slot *s = ctx;
    GW_UNUSED(p);
    GW_UNUSED(one);
    s->header_bytes += n;
    if (s->header_bytes <= HTTP_HEADERS_MAX)
        return n;
    s->own_code = gw_fail(&s->request->error, GW_ELIMIT, "%s sends more than %zu bytes of headers",
                          s->http->what, HTTP_HEADERS_MAX);
    return 0;
}

/* ---- what libcurl is told ---- */

/* What follows scheme and authority. */
static const char *after_origin(const char *url)
{
    const char *p = strstr(url, "://");
    p = p ? p + 3 : url;
    return p + strcspn(p, "/?#");
}

int gw_http_try_redirect(gw_http_slot *s, gw_error *e)
{
    static const char *const schemes[] = {"https", "http", NULL};
    gw_http *h = s->http;
    gw_url to, renamed = h->base;
    char shown[GW_URL_SHOWN_MAX], what[64];
    snprintf(what, sizeof(what), "the redirect of %.32s to", h->what);
    int rc = gw_url_parse(&s->arena, s->location, schemes, false, what, &to, e);
    if (rc == GW_EUSAGE && e)
        e->code = GW_EQUERY;
    if (rc)
        return rc == GW_EUSAGE ? GW_EQUERY : rc;
    if (strcmp(h->base.scheme, "https") == 0 && strcmp(to.scheme, "https") != 0)
        return gw_fail(
            e, GW_EQUERY,
            "%s redirects from https to %s, which is not encrypted and so is not followed: give the "
            "URL that is meant",
            h->what, gw_url_shown(s->location, shown));
    /* a relative redirect was resolved against the name that TLS expects */
    if (h->o.server_name)
        renamed.host = h->o.server_name;
    if (!s->foreign && (gw_url_same_origin(&to, &h->base) || gw_url_same_origin(&to, &renamed))) {
        const char *rest = after_origin(s->location);
        char *url = gw_arena_printf(&s->arena, "%s%s", h->base.origin, rest);
        if (!url)
            return gw_fail_memory(e);
        if (strlen(url) >= sizeof(s->location))
            return gw_fail(e, GW_EQUERY, "%s redirects to a URL of more than %zu bytes", h->what,
                           sizeof(s->location) - 1);
        memcpy(s->location, url, strlen(url) + 1);
    } else {
        s->foreign = true;
    }
    s->redirects++;
    return 0;
}

static bool append(struct curl_slist **list, const char *line)
{
    struct curl_slist *grown = curl_slist_append(*list, line);
    if (grown)
        *list = grown;
    return grown != NULL;
}

static bool is_credential(const char *line)
{
    static const char *const names[] = {"Authorization:", "Cookie:", "Proxy-Authorization:"};
    for (size_t i = 0; i < GW_COUNT(names); i++)
        if (strncasecmp(line, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static bool make_headers(gw_http_slot *s, const gw_url *target, bool renamed)
{
    gw_http *h = s->http;
    /* no wait for "100 Continue" before a large body */
    bool ok = append(&s->headers, "Expect:");
    for (const char *const *p = s->request->headers; ok && p && *p; p++)
        if (!s->foreign || !is_credential(*p))
            ok = append(&s->headers, *p);
    for (const char *const *p = h->o.headers; ok && !s->foreign && p && *p; p++)
        ok = append(&s->headers, *p);
    if (ok && renamed) {
        const char *host = gw_arena_printf(&s->arena, "Host: %s", target->authority);
        ok = host && append(&s->headers, host);
    }
    if (ok && h->token && !s->foreign) {
        size_t n = strlen(h->token) + sizeof("Authorization: Bearer ");
        char *line = gw_malloc(n);
        if (!line)
            return false;
        snprintf(line, n, "Authorization: Bearer %s", h->token);
        ok = append(&s->headers, line);
        gw_http_forget(line);
    }
    s->token_generation = h->token_generation;
    return ok;
}

static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *p = list; p; p = p->next)
        explicit_bzero(p->data, strlen(p->data));
    curl_slist_free_all(list);
}

static CURLcode set_request(gw_http_slot *s, const char *url)
{
    const gw_http_request *r = s->request;
    CURL *c = s->easy;
    CURLcode rc = CURLE_OK;
    SET(rc, c, CURLOPT_URL, url);
    SET(rc, c, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(rc, c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(rc, c, CURLOPT_USERAGENT, "gpuwise/" GW_VERSION);
    SET(rc, c, CURLOPT_HTTPHEADER, s->headers);
    SET(rc, c, CURLOPT_HEADEROPT,
        (long)CURLHEADER_SEPARATE); /* our headers are not for the proxy's CONNECT */
    if (r->accept_encoding)
        SET(rc, c, CURLOPT_ACCEPT_ENCODING, r->accept_encoding);
    if (!r->body && gw_eq(r->method, "GET"))
        SET(rc, c, CURLOPT_HTTPGET, 1L);
    if (r->body || gw_eq(r->method, "POST")) {
        SET(rc, c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(r->body ? r->body_len : 0));
        SET(rc, c, CURLOPT_POSTFIELDS, r->body ? r->body : "");
    }
    if (!gw_eq(r->method, "GET") && !gw_eq(r->method, "POST"))
        SET(rc, c, CURLOPT_CUSTOMREQUEST, r->method);
    if (!s->foreign && s->http->o.username) {
        SET(rc, c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        SET(rc, c, CURLOPT_USERNAME, s->http->o.username);
        SET(rc, c, CURLOPT_PASSWORD, s->http->o.password);
    }
    return rc;
}

static CURLcode set_blob(CURL *c, CURLoption option, gw_str pem)
{
    /* the bytes live in the client, longer than the handle */
    struct curl_blob blob = {.data = (void *)(uintptr_t)pem.p, .len = pem.n, .flags = CURL_BLOB_NOCOPY};
    return pem.n ? curl_easy_setopt(c, option, &blob) : CURLE_OK;
}

static CURLcode set_tls(gw_http_slot *s)
{
    const gw_http_options *o = &s->http->o;
    CURL *c = s->easy;
    CURLcode rc = CURLE_OK;
    SET(rc, c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(rc, c, CURLOPT_SSL_VERIFYPEER, o->insecure ? 0L : 1L);
    SET(rc, c, CURLOPT_SSL_VERIFYHOST, o->insecure ? 0L : 2L);
    if (o->ca_data.n) {
        /* the given authorities instead of the system's, not beside them */
        SET(rc, c, CURLOPT_CAPATH, (char *)NULL);
        if (!rc)
            rc = set_blob(c, CURLOPT_CAINFO_BLOB, o->ca_data);
    }
    if (s->foreign)
        return rc;
    if (!rc)
        rc = set_blob(c, CURLOPT_SSLCERT_BLOB, o->cert_data);
    if (!rc)
        rc = set_blob(c, CURLOPT_SSLKEY_BLOB, o->key_data);
    /* OpenSSL would ask on the terminal for the passphrase of an encrypted key; so it fails instead */
    SET(rc, c, CURLOPT_KEYPASSWD, "");
    return rc;
}

static CURLcode set_way(gw_http_slot *s)
{
    const gw_proxy *proxy = &s->proxy;
    CURL *c = s->easy;
    CURLcode rc = CURLE_OK;
    /* both are always set: libcurl's own reading of the environment knows other rules than ours */
    SET(rc, c, CURLOPT_PROXY, proxy->url ? proxy->url : "");
    SET(rc, c, CURLOPT_NOPROXY, "");
    SET(rc, c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (proxy->user || proxy->password) {
        SET(rc, c, CURLOPT_PROXYUSERNAME, proxy->user ? proxy->user : "");
        SET(rc, c, CURLOPT_PROXYPASSWORD, proxy->password ? proxy->password : "");
    }
    if (s->connect_to)
        SET(rc, c, CURLOPT_CONNECT_TO, s->connect_to);
    return rc;
}

static CURLcode set_conduct(gw_http_slot *s)
{
    const gw_http_options *o = &s->http->o;
    CURL *c = s->easy;
    CURLcode rc = CURLE_OK;
    SET(rc, c, CURLOPT_PRIVATE, s);
    SET(rc, c, CURLOPT_NOSIGNAL, 1L);
    SET(rc, c, CURLOPT_TCP_NODELAY, 1L);
    SET(rc, c, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(rc, c, CURLOPT_BUFFERSIZE, READ_BUFFER_BYTES);
    SET(rc, c, CURLOPT_CONNECTTIMEOUT_MS, (long)o->connect_timeout_ms);
    SET(rc, c, CURLOPT_TIMEOUT_MS, (long)o->try_timeout_ms);
    SET(rc, c, CURLOPT_ERRORBUFFER, s->curl_text);
    SET(rc, c, CURLOPT_WRITEFUNCTION, on_body);
    SET(rc, c, CURLOPT_WRITEDATA, s);
    SET(rc, c, CURLOPT_HEADERFUNCTION, on_header);
    SET(rc, c, CURLOPT_HEADERDATA, s);
    return rc;
}

/*
 * The URL of the try. libcurl takes the TLS name from the URL's host and has no option for another, so with
 * server_name the URL names that, CONNECT_TO leads to the real host, and the Host header keeps its name.
 */
static const char *make_url(gw_http_slot *s, const gw_url *target, bool renamed)
{
    gw_http *h = s->http;
    const char *url =
        *s->location ? s->location : gw_arena_printf(&s->arena, "%s%s", h->o.base_url, s->request->path);
    if (!url || !renamed)
        return url;
    bool six = strchr(target->host, ':') != NULL;
    const char *to = gw_arena_printf(&s->arena, "%s:%d:%s%s%s:%d", h->o.server_name, target->port,
                                     six ? "[" : "", target->host, six ? "]" : "", target->port);
    if (!to || !append(&s->connect_to, to))
        return NULL;
    return gw_arena_printf(&s->arena, "https://%s:%d%s", h->o.server_name, target->port, after_origin(url));
}

static void reset_try(gw_http_slot *s)
{
    gw_arena_reset(&s->arena);
    s->proxy = (gw_proxy){0};
    s->active_ms = s->pace_ms = 0;
    s->moved = s->pace_moved = s->body_bytes = 0;
    s->header_bytes = s->error_len = 0;
    s->began = false;
    s->own_code = 0;
    s->curl_text[0] = '\0';
}

static int prepare(gw_http_slot *s, gw_error *e)
{
    static const char *const schemes[] = {"http", "https", NULL};
    gw_http *h = s->http;
    gw_url target = h->base;
    int code = 0;
    if (s->foreign)
        code = gw_url_parse(&s->arena, s->location, schemes, false, "the redirect to", &target, e);
    if (!code)
        code = gw_proxy_pick(&s->arena, &target, h->o.proxy, gw_http_env, &s->proxy, e);
    if (code)
        return code;
    bool renamed = h->o.server_name && !s->foreign && strcmp(target.scheme, "https") == 0;
    const char *url = make_url(s, &target, renamed);
    if (!url || !make_headers(s, &target, renamed))
        return gw_fail_memory(e);
    CURLcode (*const steps[])(gw_http_slot *) = {set_tls, set_way, set_conduct};
    CURLcode rc = set_request(s, url);
    for (size_t i = 0; !rc && i < GW_COUNT(steps); i++)
        rc = steps[i](s);
    if (rc == CURLE_OUT_OF_MEMORY || gw_http_memory_failed())
        return gw_fail_memory(e);
    if (rc)
        return gw_fail(e, GW_EINTERNAL, "libcurl %s refuses an option: %s",
                       curl_version_info(CURLVERSION_NOW)->version, curl_easy_strerror(rc));
    return 0;
}

int gw_http_try_start(gw_http_slot *s, gw_error *e)
{
    reset_try(s);
    gw_http_token_reread(s->http, false);
    /* A fresh handle for each try: connections and names are kept by the multi handle, and one that was part
     * of a shared HTTP/2 connection does not come back clean (libcurl 7.88 keeps its buffer). */
    s->easy = curl_easy_init();
    int code = s->easy ? prepare(s, e) : gw_fail_memory(e);
    if (!code && curl_multi_add_handle(s->http->multi, s->easy))
        code = gw_fail_memory(e);
    else if (!code)
        s->linked = true;
    if (code)
        gw_http_try_stop(s);
    return code;
}

void gw_http_try_stop(gw_http_slot *s)
{
    if (s->linked)
        curl_multi_remove_handle(s->http->multi, s->easy);
    s->linked = false;
    curl_easy_cleanup(s->easy);
    s->easy = NULL;
    free_headers(s->headers);
    curl_slist_free_all(s->connect_to);
    s->headers = s->connect_to = NULL;
}
