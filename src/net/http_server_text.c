/* What a request says in its texts: escapes, query, header lookup, preferences. */
#include <strings.h>

#include "net/http_server.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool gw_percent_decode(gw_str s, bool plus_is_blank, char *out, size_t *ret_n)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1, low = i + 2 < s.n ? hex(s.p[i + 2]) : -1;
            if (high < 0 || low < 0 || (high | low) == 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        out[n++] = c;
    }
    out[n] = '\0';
    *ret_n = n;
    return true;
}

const char *gw_server_header_get(const gw_server_request *q, const char *name)
{
    for (size_t i = 0; i < q->n_headers; i++)
        if (strcasecmp(q->headers[i].name, name) == 0)
            return q->headers[i].value;
    return NULL;
}

static int decode_param(gw_arena *a, gw_str piece, gw_server_param *ret, gw_error *e)
{
    const char *eq = memchr(piece.p, '=', piece.n);
    gw_str name = {piece.p, eq ? (size_t)(eq - piece.p) : piece.n}, value = {"", 0};
    if (eq)
        value = (gw_str){eq + 1, piece.n - name.n - 1};
    char *n = gw_arena_alloc(a, name.n + 1), *v = gw_arena_alloc(a, value.n + 1);
    if (!n || !v)
        return gw_fail_memory(e);
    size_t len;
    if (!gw_percent_decode(name, true, n, &len) || !gw_percent_decode(value, true, v, &len))
        return gw_fail(e, GW_EUSAGE,
                       "the query has a wrong %%-escape in '%.*s'; write %%25 for a percent sign",
                       (int)GW_MIN(piece.n, 80), piece.p);
    *ret = (gw_server_param){n, v};
    return 0;
}

int gw_server_query(const gw_server_request *q, const gw_server_param **ret, size_t *ret_n, gw_error *e)
{
    size_t most = 1, n = 0;
    for (const char *p = q->query; p && *p; p++)
        most += *p == '&';
    if (most > GW_SERVER_PARAMS_MAX)
        return gw_fail(e, GW_EUSAGE, "the query has %zu parameters; at most %d are taken", most,
                       GW_SERVER_PARAMS_MAX);
    gw_server_param *all = GW_NEW_ARRAY(q->arena, gw_server_param, most);
    if (!all)
        return gw_fail_memory(e);
    for (const char *p = q->query; p && *p;) {
        size_t len = strcspn(p, "&");
        if (len) {
            int r = decode_param(q->arena, (gw_str){p, len}, &all[n], e);
            if (r)
                return r;
            n++;
        }
        p += len + (p[len] == '&');
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* Weak comparison looks at what stands between the quotes only. An entity tag may hold a comma, so the list
 * is walked by its quotes. */
static bool etag_in_list(const char *p, const char *etag, size_t n)
{
    while (*(p = p + strspn(p, " \t,"))) {
        if (p[0] == 'W' && p[1] == '/')
            p += 2;
        const char *end = *p == '"' ? strchr(p + 1, '"') : NULL;
        if (!end)
            return false;
        if ((size_t)(end + 1 - p) == n && memcmp(p, etag, n) == 0)
            return true;
        p = end + 1;
    }
    return false;
}

bool gw_server_etag_matches(const gw_server_request *q, const char *etag)
{
    if (etag[0] == 'W' && etag[1] == '/')
        etag += 2;
    for (size_t i = 0; i < q->n_headers; i++) {
        if (strcasecmp(q->headers[i].name, "If-None-Match") != 0)
            continue;
        const char *list = skip_blanks(q->headers[i].value);
        if (gw_eq(list, "*") || etag_in_list(list, etag, strlen(etag)))
            return true;
    }
    return false;
}

/* A weight is not zero: "q=0", "q=0.", "q=0.000" are, and so is what cannot be read. */
static bool weight_is_positive(const char *p, const char *end)
{
    p = memchr(p, ';', (size_t)(end - p));
    if (!p)
        return true;
    p++;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (end - p < 3 || (*p | 0x20) != 'q' || p[1] != '=')
        return false;
    for (p += 2; p < end; p++)
        if (*p >= '1' && *p <= '9')
            return true;
    return false;
}

bool gw_server_accepts_gzip(const gw_server_request *q)
{
    int named = -1, any = -1; /* what is said of gzip, and of "*" */
    for (size_t i = 0; i < q->n_headers; i++) {
        if (strcasecmp(q->headers[i].name, "Accept-Encoding") != 0)
            continue;
        for (const char *p = q->headers[i].value; *(p = p + strspn(p, " \t,"));) {
            const char *end = p + strcspn(p, ",");
            size_t n = strcspn(p, " \t,;");
            int yes = weight_is_positive(p, end);
            if ((n == 4 && strncasecmp(p, "gzip", 4) == 0) || (n == 6 && strncasecmp(p, "x-gzip", 6) == 0))
                named = yes;
            else if (n == 1 && *p == '*')
                any = yes;
            p = end;
        }
    }
    return named >= 0 ? named : any > 0;
}
