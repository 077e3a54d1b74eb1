#include "net/url.h"

#include <curl/curl.h>
#include <strings.h>

#include "base/number.h"
#include "net/http_client.h"

#define URL_TEXT_MAX 8192

void gw_url_escape(gw_buf *b, gw_str s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain)
            gw_buf_putc(b, (char)c);
        else
            gw_buf_add(b, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

void gw_url_query(gw_buf *b, const char *name, gw_str value)
{
    gw_buf_putc(b, b->len && memchr(b->data, '?', b->len) ? '&' : '?');
    gw_url_escape(b, gw_str_of(name));
    gw_buf_putc(b, '=');
    gw_url_escape(b, value);
}

const char *gw_url_shown(const char *text, char out[GW_URL_SHOWN_MAX])
{
    const char *authority = strstr(text, "://");
    size_t scheme = authority ? (size_t)(authority - text) + 3 : 0;
    const char *rest = text + scheme;
    size_t end = strcspn(rest, "?#");
    /* A password may hold an unencoded '/', so the last '@' before the query decides: rather too little
     * shown. */
    const char *at = memrchr(rest, '@', end);
    if (at) {
        end -= (size_t)(at + 1 - rest);
        rest = at + 1;
    }
    int n = snprintf(out, GW_URL_SHOWN_MAX, "%.*s%.*s", (int)GW_MIN(scheme, (size_t)16), text,
                     (int)GW_MIN(end, (size_t)GW_URL_SHOWN_MAX), rest);
    for (int i = 0; i < n && i < GW_URL_SHOWN_MAX - 1; i++)
        if ((unsigned char)out[i] < 0x20 || (unsigned char)out[i] >= 0x7f)
            out[i] = '?';
    return out;
}

bool gw_url_same_origin(const gw_url *a, const gw_url *b)
{
    return strcmp(a->scheme, b->scheme) == 0 && strcasecmp(a->host, b->host) == 0 && a->port == b->port;
}

/* A part of the URL into the arena; *ret is NULL where the URL has none. */
static CURLUcode part(CURLU *u, CURLUPart what, unsigned flags, gw_arena *a, const char **ret)
{
    char *text = NULL;
    CURLUcode rc = curl_url_get(u, what, &text, flags);
    if (rc != CURLUE_OK) {
        *ret = NULL;
        return rc == CURLUE_OUT_OF_MEMORY ? rc : CURLUE_OK;
    }
    *ret = gw_arena_strdup(a, text);
    /* user and password pass through here */
    explicit_bzero(text, strlen(text));
    curl_free(text);
    return *ret ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
}

static int default_port(const char *scheme)
{
    static const struct {
        const char *scheme;
        int port;
    } known[] = {{"https", 443}, {"http", 80}, {"smtps", 465}, {"smtp", 587}};
    for (size_t i = 0; i < GW_COUNT(known); i++)
        if (strcmp(scheme, known[i].scheme) == 0)
            return known[i].port;
    return 1080;
}

static bool listed(const char *const *list, const char *s)
{
    while (*list && strcmp(*list, s) != 0)
        list++;
    return *list != NULL;
}

/* Brackets go, so that names and addresses compare and resolve alike. */
static const char *bare_host(gw_arena *a, const char *host)
{
    size_t n = strlen(host);
    return n > 2 && host[0] == '[' && host[n - 1] == ']' ? gw_arena_strndup(a, host + 1, n - 2) : host;
}

static CURLUcode take_parts(CURLU *u, gw_arena *a, gw_url *url)
{
    const char *host = NULL, *port = NULL, *path = NULL;
    CURLUcode rc = part(u, CURLUPART_SCHEME, 0, a, &url->scheme);
    if (!rc)
        rc = part(u, CURLUPART_HOST, 0, a, &host);
    if (!rc)
        rc = part(u, CURLUPART_PORT, 0, a, &port);
    if (!rc)
        rc = part(u, CURLUPART_PATH, 0, a, &path);
    if (!rc)
        rc = part(u, CURLUPART_QUERY, 0, a, &url->query);
    if (!rc)
        rc = part(u, CURLUPART_USER, CURLU_URLDECODE, a, &url->user);
    if (!rc)
        rc = part(u, CURLUPART_PASSWORD, CURLU_URLDECODE, a, &url->password);
    if (rc)
        return rc;
    if (!host || !*host)
        return CURLUE_NO_HOST;
    int64_t number = default_port(url->scheme);
    if (port && (!gw_parse_int64(gw_str_of(port), &number) || number < 1 || number > 65535))
        return CURLUE_BAD_PORT_NUMBER;
    url->port = (int)number;
    size_t n = path ? strlen(path) : 0;
    while (n && path[n - 1] == '/')
        n--;
    url->path = gw_arena_strndup(a, path ? path : "", n);
    url->host = bare_host(a, host);
    url->authority = port ? gw_arena_printf(a, "%s:%s", host, port) : host;
    url->origin = url->authority ? gw_arena_printf(a, "%s://%s", url->scheme, url->authority) : NULL;
    return url->path && url->host && url->origin ? CURLUE_OK : CURLUE_OUT_OF_MEMORY;
}

int gw_url_parse(gw_arena *a, const char *text, const char *const *schemes, bool guess, const char *what,
                 gw_url *ret, gw_error *e)
{
    int failed = gw_http_global_init(e);
    if (failed)
        return failed;
    char shown[GW_URL_SHOWN_MAX];
    gw_url_shown(text, shown);
    if (strlen(text) > URL_TEXT_MAX)
        return gw_fail(e, GW_EUSAGE, "%s is longer than %d bytes", what, URL_TEXT_MAX);
    if (!strstr(text, "://")) {
        if (!guess)
            return gw_fail(e, GW_EUSAGE, "%s '%s' has no scheme: write it as %s://%s", what, shown,
                           schemes[0], *shown ? shown : "HOST:PORT");
        text = gw_arena_printf(a, "%s://%s", schemes[0], text);
        if (!text)
            return gw_fail_memory(e);
    }
    CURLU *u = curl_url();
    if (!u)
        return gw_fail_memory(e);
    gw_url url = {0};
    CURLUcode rc = curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    if (!rc)
        rc = take_parts(u, a, &url);
    curl_url_cleanup(u);
    if (gw_http_memory_failed() || rc == CURLUE_OUT_OF_MEMORY)
        return gw_fail_memory(e);
    if (rc)
        return gw_fail(e, GW_EUSAGE, "%s '%s' is not a URL (%s): write it as %s://HOST:PORT", what, shown,
                       curl_url_strerror(rc), schemes[0]);
    if (!listed(schemes, url.scheme))
        return gw_fail(e, GW_EUSAGE, "%s '%s' has a scheme that is not supported: write it as %s://HOST:PORT",
                       what, shown, schemes[0]);
    *ret = url;
    return 0;
}
