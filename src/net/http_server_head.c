/*
 * The head of a request. It is read twice, by rules of our own and by llhttp, and both must agree: llhttp
 * alone is not strict about every line end, and what two servers in a row read differently is a way to
 * smuggle requests. Bytes are judged in their order, so that the outcome does not depend on how they arrived.
 */
#include <strings.h>

#include "net/http_server_internal.h"

/* Room for "METHOD" and "HTTP/1.1" with the two blanks, beside the URI. */
#define REQUEST_LINE_REST ((size_t)64)

static bool is_token(unsigned char c)
{
    if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
        return true;
    return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static gw_step refuse(gw_conn *c, int status, const char *code, const char *message)
{
    gw_conn_refuse(c, status, code, message);
    return GW_STEP_REFUSED;
}

static gw_step malformed(gw_conn *c, const char *message)
{
    return refuse(c, 400, "malformed", message);
}

/* "METHOD SP target SP HTTP/d.d", each part not empty and without blanks. */
static gw_step check_request_line(gw_conn *c, const char *p, size_t n)
{
    size_t method = 0, target, version;
    while (method < n && is_token((unsigned char)p[method]))
        method++;
    if (method == 0 || method == n || p[method] != ' ')
        return malformed(c, "the request line has no method");
    for (target = method + 1; target < n && p[target] != ' '; target++)
        if ((unsigned char)p[target] <= 0x20 || (unsigned char)p[target] >= 0x7f)
            return malformed(c, "the request target holds a character that must be percent-encoded");
    if (target == method + 1)
        return malformed(c, "the request line has no target");
    if (target - method - 1 > c->env->options->limits.uri_bytes)
        return refuse(c, 414, "uri_too_long", "the request target is longer than the server takes");
    version = target + 1;
    if (n < version || n - version != 8 || memcmp(p + version, "HTTP/", 5) != 0 || p[version + 6] != '.')
        return malformed(c, "the request line does not end with the HTTP version");
    if (p[version + 5] != '1' || (p[version + 7] != '0' && p[version + 7] != '1'))
        return refuse(c, 505, "version", "the server speaks HTTP/1.1 and HTTP/1.0");
    return GW_STEP_DONE;
}

static gw_step check_header_line(gw_conn *c, const char *p, size_t n)
{
    if (p[0] == ' ' || p[0] == '\t')
        return malformed(c, "a header is folded over two lines");
    size_t i = 0;
    while (i < n && is_token((unsigned char)p[i]))
        i++;
    if (i == 0 || i == n || p[i] != ':')
        return malformed(c, "a header line has no name, or a blank before its colon");
    for (i++; i < n; i++)
        if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
            return malformed(c, "a header holds a control character");
    return GW_STEP_DONE;
}

/* The line of n bytes, without its line end, that begins at offset `line` of the head. */
static gw_step check_line(gw_conn *c, const char *p, size_t n)
{
    if (c->n_lines == 0)
        return check_request_line(c, p, n);
    if (c->n_lines > c->env->options->limits.headers)
        return refuse(c, 431, "headers", "the request has more headers than the server takes");
    return check_header_line(c, p, n);
}

gw_step gw_head_scan(gw_conn *c, size_t *ret_n)
{
    const gw_server_limits *l = &c->env->options->limits;
    const char *p = c->in.data ? c->in.data + c->at : ""; /* nothing has come yet */
    size_t n = c->in.len - c->at;
    for (; c->seen < n; c->seen++) {
        size_t len = c->seen - c->line; /* of the line so far */
        if (c->seen >= l->header_bytes)
            return refuse(c, 431, "header_bytes", "the request's headers are longer than the server takes");
        if (p[c->seen] != '\n') {
            if (c->n_lines == 0 && len >= l->uri_bytes + REQUEST_LINE_REST)
                return refuse(c, 414, "uri_too_long", "the request target is longer than the server takes");
            if (p[c->seen] == '\0')
                return malformed(c, "the head of the request holds a NUL");
            if (len && p[c->seen - 1] == '\r')
                return malformed(c, "a line of the head holds a carriage return that does not end it");
            continue;
        }
        if (len == 0 || p[c->seen - 1] != '\r')
            return malformed(c, "a line of the head does not end with CR LF");
        len--;
        if (len == 0 && c->n_lines == 0) {
            /* some clients send an empty line behind a body (RFC 9112, 2.2) */
            if (++c->n_blank > GW_CONN_BLANK_LINES)
                return malformed(c, "there are empty lines before the request");
            c->at += c->seen + 1;
            p += c->seen + 1;
            n -= c->seen + 1;
            c->seen = (size_t)-1; /* the loop adds one */
            c->line = 0;
            continue;
        }
        if (len == 0) {
            *ret_n = ++c->seen;
            return GW_STEP_DONE;
        }
        gw_step step = check_line(c, p + c->line, len);
        if (step != GW_STEP_DONE)
            return step;
        c->n_lines++;
        c->line = c->seen + 1;
    }
    return GW_STEP_MORE;
}

/* ---- llhttp's callbacks: spans are whole, since the head is fed in one go ---- */

static int on_url(llhttp_t *p, const char *at, size_t n)
{
    gw_conn *c = p->data;
    c->request.target = gw_arena_strndup(&c->arena, at, n);
    c->refused = c->request.target ? c->refused : 503;
    return c->request.target ? 0 : HPE_USER;
}

static int on_field(llhttp_t *p, const char *at, size_t n)
{
    gw_conn *c = p->data;
    if (c->head_done)
        return 0; /* a trailer: counted as framing, and of no use to anybody here */
    if (c->n_headers >= c->headers_cap) {
        c->refused = 431;
        return HPE_USER;
    }
    char *name = gw_arena_strndup(&c->arena, at, n);
    if (!name) {
        c->refused = 503;
        return HPE_USER;
    }
    c->headers[c->n_headers++] = (gw_server_header){name, ""};
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    gw_conn *c = p->data;
    if (c->head_done)
        return 0;
    while (n && (at[n - 1] == ' ' || at[n - 1] == '\t'))
        n--;
    if (n == 0)
        return 0;
    /* a value in two pieces would be a folded one, and those do not come this far */
    if (c->n_headers == 0 || c->headers[c->n_headers - 1].value[0]) {
        c->refused = 400;
        return HPE_USER;
    }
    char *value = gw_arena_strndup(&c->arena, at, n);
    if (!value) {
        c->refused = 503;
        return HPE_USER;
    }
    c->headers[c->n_headers - 1].value = value;
    return 0;
}

static int on_headers_complete(llhttp_t *p)
{
    gw_conn *c = p->data;
    c->head_done = true;
    p->upgrade =
        0; /* no upgrade is offered: the request is answered as if none were asked for (RFC 9110, 7.8) */
    return 0;
}

static int on_message_complete(llhttp_t *p)
{
    gw_conn *c = p->data;
    c->body_done = true;
    return HPE_PAUSED; /* what follows is another request's */
}

const llhttp_settings_t gw_conn_settings = {.on_url = on_url,
                                            .on_header_field = on_field,
                                            .on_header_value = on_value,
                                            .on_headers_complete = on_headers_complete,
                                            .on_body = gw_body_on_data,
                                            .on_chunk_header = gw_body_on_chunk,
                                            .on_message_complete = on_message_complete};

/* ---- what the head means ---- */

static size_t count_headers(const gw_server_request *q, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < q->n_headers; i++)
        n += strcasecmp(q->headers[i].name, name) == 0;
    return n;
}

/* The characters of a host and port: registered names, IPv4, IPv6 in brackets. Nothing that begins a path, a
 * query or user names, which a log or a link made of it would be led astray by. */
static bool host_is_ok(const char *host)
{
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr("/?#@\\\"<>^`{|},", *p))
            return false;
    return true;
}

static gw_step check_host(gw_conn *c)
{
    gw_server_request *q = &c->request;
    size_t n = count_headers(q, "Host");
    const char *host = gw_server_header_get(q, "Host");
    if (n > 1)
        return malformed(c, "the request has more than one Host header");
    if (n == 0 && q->version_minor == 1)
        return malformed(c, "the request has no Host header");
    if (host && !host_is_ok(host))
        return malformed(c, "the Host header is no host");
    q->host = host ? host : "";
    return GW_STEP_DONE;
}

/* Splits the target, which is "/path?query", "http://host/path?query" or, for OPTIONS, "*". */
static gw_step read_target(gw_conn *c)
{
    gw_server_request *q = &c->request;
    const char *t = q->target;
    if (gw_eq(t, "*")) {
        if (!gw_eq(q->method, "OPTIONS"))
            return malformed(c, "the target * is for OPTIONS only");
        q->path = "*";
        return GW_STEP_DONE;
    }
    if (t[0] != '/') {
        size_t scheme = strncasecmp(t, "http://", 7) == 0 ? 7 : strncasecmp(t, "https://", 8) == 0 ? 8 : 0;
        size_t n = scheme ? strcspn(t + scheme, "/?#") : 0;
        char *host = n ? gw_arena_strndup(&c->arena, t + scheme, n) : NULL;
        if (n && !host)
            return refuse(c, 503, "memory", "the server is out of memory");
        if (!n || !host_is_ok(host))
            return malformed(c, "the request target is neither a path nor an http URL");
        q->host = host; /* the target's host wins over the header's (RFC 9112, 3.2.2) */
        t += scheme + n;
    }
    if (strchr(t, '#'))
        return malformed(c, "the request target holds a fragment");
    size_t len = strcspn(t, "?");
    char *path = gw_arena_alloc(&c->arena, len + 2);
    if (!path)
        return refuse(c, 503, "memory", "the server is out of memory");
    if (!gw_percent_decode((gw_str){t, len}, false, path, &len))
        return malformed(c, "the request target has a wrong percent-escape");
    q->path = len ? path : "/";
    size_t raw = strcspn(t, "?");
    q->query = t[raw] == '?' ? t + raw + 1 : NULL;
    return GW_STEP_DONE;
}

static gw_step check_framing(gw_conn *c)
{
    gw_server_request *q = &c->request;
    const char *coding = gw_server_header_get(q, "Transfer-Encoding");
    if (coding && count_headers(q, "Content-Length"))
        return malformed(c, "the request has both Transfer-Encoding and Content-Length");
    if (coding && q->version_minor == 0)
        return malformed(c, "HTTP/1.0 has no Transfer-Encoding");
    if (coding && (count_headers(q, "Transfer-Encoding") > 1 || strcasecmp(coding, "chunked") != 0))
        return refuse(c, 501, "transfer_coding", "the only transfer coding that the server knows is chunked");
    c->chunked = coding != NULL;
    if (!coding && (c->parser.flags & F_CONTENT_LENGTH) &&
        c->parser.content_length > c->env->options->limits.body_bytes)
        return refuse(c, 413, "body_too_large", "the request's body is larger than the server takes");
    return GW_STEP_DONE;
}

static gw_step check_expect(gw_conn *c)
{
    const char *expect = gw_server_header_get(&c->request, "Expect");
    if (!expect)
        return GW_STEP_DONE;
    if (strcasecmp(expect, "100-continue") != 0)
        return refuse(c, 417, "expectation", "the only expectation that the server meets is 100-continue");
    if (c->body_done || c->request.version_minor == 0)
        return GW_STEP_DONE;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    gw_piece *p = gw_piece_new(sizeof(go_on) - 1);
    if (!p)
        return refuse(c, 503, "memory", "the server is out of memory");
    memcpy(p->own, go_on, sizeof(go_on) - 1);
    gw_out_add(&c->out, p);
    return GW_STEP_DONE;
}

static gw_step parser_refuses(gw_conn *c, llhttp_errno_t code)
{
    if (c->refused == 503)
        return refuse(c, 503, "memory", "the server is out of memory");
    if (c->refused == 431)
        return refuse(c, 431, "headers", "the request has more headers than the server takes");
    switch (code) {
    case HPE_INVALID_METHOD: /* the line is well-formed, so it is a method that llhttp does not know */
        return refuse(c, 501, "method", "the server does not know this method");
    case HPE_INVALID_VERSION:
        return refuse(c, 505, "version", "the server speaks HTTP/1.1 and HTTP/1.0");
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return malformed(c,
                         "the Content-Length is no number, is given twice, or contradicts Transfer-Encoding");
    case HPE_INVALID_TRANSFER_ENCODING:
        return malformed(c, "the Transfer-Encoding does not end with chunked");
    case HPE_INVALID_URL:
        return malformed(c, "the request target is no URL");
    default:
        return malformed(c, "the head of the request is not HTTP/1.1");
    }
}

gw_step gw_head_parse(gw_conn *c, size_t n)
{
    gw_server_request *q = &c->request;
    c->headers_cap = c->n_lines;
    c->headers = GW_NEW_ARRAY(&c->arena, gw_server_header, c->headers_cap);
    if (!c->headers)
        return refuse(c, 503, "memory", "the server is out of memory");
    llhttp_init(&c->parser, HTTP_REQUEST, &gw_conn_settings);
    c->parser.data = c;
    llhttp_errno_t r = llhttp_execute(&c->parser, c->in.data ? c->in.data + c->at : "", n);
    q->headers = c->headers;
    q->n_headers = c->n_headers;
    if (c->refused || !c->head_done || (r != HPE_OK && r != HPE_PAUSED))
        return parser_refuses(c, r);
    if (c->n_headers + 1 != c->n_lines) /* the two readers disagree */
        return malformed(c, "the head of the request is not HTTP/1.1");
    q->method = llhttp_method_name((llhttp_method_t)c->parser.method);
    q->version_minor = c->version_minor = c->parser.http_minor;
    c->is_head = c->parser.method == HTTP_HEAD;
    c->keep = llhttp_should_keep_alive(&c->parser) != 0;
    if (c->parser.method == HTTP_CONNECT)
        return refuse(c, 501, "method", "the server is no proxy");
    gw_step step = check_host(c);
    if (step == GW_STEP_DONE)
        step = read_target(c);
    if (step == GW_STEP_DONE)
        step = check_framing(c);
    if (step == GW_STEP_DONE)
        step = check_expect(c);
    return step;
}
