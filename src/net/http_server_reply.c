/* Replies: what handlers say, and the bytes that it becomes. */
#include <strings.h>

#include "net/http_server_internal.h"

const char *gw_status_reason(int status)
{
    switch (status) {
#define REASON(code, name, text)                                                                             \
    case code:                                                                                               \
        return text;
        REASON(200, OK, "OK")
        REASON(201, CREATED, "Created")
        REASON(202, ACCEPTED, "Accepted")
        REASON(204, NO_CONTENT, "No Content")
        REASON(301, MOVED, "Moved Permanently")
        REASON(302, FOUND, "Found")
        REASON(303, SEE_OTHER, "See Other")
        REASON(304, NOT_MODIFIED, "Not Modified")
        REASON(307, TEMPORARY, "Temporary Redirect")
        REASON(308, PERMANENT, "Permanent Redirect")
        REASON(400, BAD, "Bad Request")
        REASON(401, UNAUTHORIZED, "Unauthorized")
        REASON(403, FORBIDDEN, "Forbidden")
        REASON(404, NOT_FOUND, "Not Found")
        REASON(405, METHOD, "Method Not Allowed")
        REASON(406, NOT_ACCEPTABLE, "Not Acceptable")
        REASON(408, TIMEOUT, "Request Timeout")
        REASON(409, CONFLICT, "Conflict")
        REASON(410, GONE, "Gone")
        REASON(411, LENGTH, "Length Required")
        REASON(412, PRECONDITION, "Precondition Failed")
        REASON(413, TOO_LARGE, "Content Too Large")
        REASON(414, URI, "URI Too Long")
        REASON(415, MEDIA, "Unsupported Media Type")
        REASON(417, EXPECTATION, "Expectation Failed")
        REASON(421, MISDIRECTED, "Misdirected Request")
        REASON(422, UNPROCESSABLE, "Unprocessable Content")
        REASON(425, EARLY, "Too Early")
        REASON(428, REQUIRED, "Precondition Required")
        REASON(429, MANY, "Too Many Requests")
        REASON(431, HEADERS, "Request Header Fields Too Large")
        REASON(500, INTERNAL, "Internal Server Error")
        REASON(501, NOT_IMPLEMENTED, "Not Implemented")
        REASON(502, GATEWAY, "Bad Gateway")
        REASON(503, UNAVAILABLE, "Service Unavailable")
        REASON(504, GATEWAY_TIMEOUT, "Gateway Timeout")
        REASON(505, VERSION, "HTTP Version Not Supported")
        REASON(507, STORAGE, "Insufficient Storage")
#undef REASON
    default:
        return ""; /* the phrase is for people, and may be empty */
    }
}

/* ---- headers ---- */

bool gw_header_is_ok(const char *name, const char *value)
{
    static const char *const own[] = {"Content-Length", "Transfer-Encoding", "Connection", "Date"};
    for (size_t i = 0; i < GW_COUNT(own); i++)
        if (strcasecmp(name, own[i]) == 0)
            return false;
    for (const char *p = name; *p; p++)
        if (!((*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z') ||
              strchr("!#$%&'*+-.^_`|~", *p)))
            return false;
    for (const char *p = value; *p; p++)
        if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
            return false;
    return *name != '\0';
}

void gw_headers_add(gw_buf *b, const gw_server_header *h, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!gw_header_is_ok(h[i].name, h[i].value)) {
            b->failed = GW_EUSAGE;
            return;
        }
        gw_buf_puts(b, h[i].name);
        gw_buf_puts(b, ": ");
        gw_buf_puts(b, h[i].value);
        gw_buf_puts(b, "\r\n");
    }
}

const char *gw_conn_env_date(gw_conn_env *env)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t s = env->options->wall_ms(env->options->clock_ctx) / GW_SECOND_MS;
    struct tm t;
    time_t at = (time_t)s;
    if (s != env->date_s && gmtime_r(&at, &t)) {
        snprintf(env->date, sizeof(env->date), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[t.tm_wday],
                 t.tm_mday, months[t.tm_mon], (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min, t.tm_sec);
        env->date_s = s;
    }
    return env->date;
}

/* ---- a reply becomes bytes ---- */

static void write_head(gw_conn *c, gw_buf *b, int status, const char *content_type, gw_str headers,
                       gw_framing framing, size_t length)
{
    gw_buf_clear(b);
    gw_buf_printf(b, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, gw_status_reason(status),
                  gw_conn_env_date(c->env));
    if (c->env->options->name)
        gw_buf_printf(b, "Server: %s\r\n", c->env->options->name);
    if (content_type && *content_type)
        gw_buf_printf(b, "Content-Type: %s\r\n", content_type);
    gw_buf_add(b, headers.p, headers.n);
    if (framing == GW_FRAMING_CHUNKED)
        gw_buf_puts(b, "Transfer-Encoding: chunked\r\n");
    else if (framing == GW_FRAMING_LENGTH && status != 204 && status != 304)
        gw_buf_printf(b, "Content-Length: %zu\r\n", length);
    if (!c->keep)
        gw_buf_puts(b, "Connection: close\r\n");
    else if (c->version_minor == 0)
        gw_buf_puts(b, "Connection: keep-alive\r\n");
    gw_buf_puts(b, "\r\n");
}

bool gw_conn_queue(gw_conn *c, int status, const char *content_type, gw_str headers, gw_framing framing,
                   gw_shared *body)
{
    gw_buf *b = &c->env->scratch;
    gw_str bytes = gw_shared_bytes(body);
    bool send_body = bytes.n && !c->is_head && status != 204 && status != 304;
    bool inside = send_body && bytes.n <= GW_CONN_COPY_BYTES;
    if (c->stopping || framing == GW_FRAMING_CLOSE)
        c->keep = false;
    write_head(c, b, status, content_type, headers, framing, bytes.n);
    gw_piece *head = b->failed ? NULL : gw_piece_new(b->len + (inside ? bytes.n : 0));
    gw_piece *tail = send_body && !inside ? gw_piece_shared(body) : NULL;
    gw_record *record = c->waiting ? c->waiting : gw_record_new(c, status);
    if (!head || !record || (send_body && !inside && !tail)) {
        gw_piece_free(head);
        gw_piece_free(tail);
        if (record != c->waiting)
            gw_free(record);
        return false;
    }
    memcpy(head->own, b->data, b->len);
    if (inside)
        memcpy(head->own + b->len, bytes.p, bytes.n);
    c->waiting = NULL;
    record->status = status;
    record->body_bytes = send_body ? bytes.n : 0;
    gw_piece *last = tail ? tail : head;
    if (framing == GW_FRAMING_LENGTH)
        last->record = record;
    else
        c->record = record;
    gw_out_add(&c->out, head);
    if (tail)
        gw_out_add(&c->out, tail);
    return true;
}

/* ---- what handlers call ---- */

void gw_reply_init(gw_reply *r, gw_conn *c)
{
    *r = (gw_reply){.c = c};
    gw_buf_init(&r->headers, GW_REPLY_HEADER_BYTES);
}

void gw_reply_free(gw_reply *r)
{
    gw_buf_free(&r->headers);
    gw_shared_unref(r->body);
}

static void fail(gw_reply *r, int status)
{
    if (!r->failed)
        r->failed = status;
}

void gw_reply_header(gw_reply *r, const char *name, const char *value)
{
    gw_headers_add(&r->headers, &(gw_server_header){name, value}, 1);
    if (r->headers.failed)
        fail(r, r->headers.failed == GW_ENOMEM ? 503 : 500);
}

/* Takes the reference over. */
static void set(gw_reply *r, int status, const char *content_type, gw_shared *body)
{
    gw_shared_unref(r->body);
    r->body = body;
    r->status = status;
    size_t n = content_type ? strlen(content_type) : 0;
    if (status < 200 || status > 599 || n >= sizeof(r->content_type) ||
        !gw_header_is_ok("Content-Type", content_type ? content_type : "")) {
        fail(r, 500);
        return;
    }
    memcpy(r->content_type, content_type ? content_type : "", n + 1);
}

void gw_reply_bytes(gw_reply *r, int status, const char *content_type, const void *p, size_t n)
{
    gw_shared *body = n ? gw_shared_new(p, n) : NULL;
    if (n && !body)
        fail(r, 503);
    set(r, status, content_type, body);
}

void gw_reply_text(gw_reply *r, int status, const char *content_type, const char *text)
{
    gw_reply_bytes(r, status, content_type, text, strlen(text));
}

void gw_reply_shared(gw_reply *r, int status, const char *content_type, gw_shared *body)
{
    set(r, status, content_type, gw_shared_ref(body));
}

static void add_json_text(gw_buf *b, const char *s)
{
    gw_buf_putc(b, '"');
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20)
            gw_buf_printf(b, "\\u%04x", (unsigned)*s);
        else if (*s == '"' || *s == '\\')
            gw_buf_printf(b, "\\%c", *s);
        else
            gw_buf_putc(b, *s);
    }
    gw_buf_putc(b, '"');
}

void gw_error_body(gw_buf *b, const char *code, const char *message)
{
    gw_buf_puts(b, "{\"error\":{\"code\":");
    add_json_text(b, code);
    gw_buf_puts(b, ",\"message\":");
    add_json_text(b, message);
    gw_buf_puts(b, "}}\n");
}

void gw_reply_error(gw_reply *r, int status, const char *code, const char *message)
{
    gw_buf b;
    gw_buf_init(&b, 64 * 1024);
    gw_error_body(&b, code, message);
    gw_reply_header(r, "Cache-Control", "no-store");
    if (b.failed)
        fail(r, b.failed == GW_ENOMEM ? 503 : 500);
    else
        gw_reply_bytes(r, status, "application/json", b.data, b.len);
    gw_buf_free(&b);
}

void gw_reply_document(gw_reply *r, const gw_server_request *q, const gw_server_document *d)
{
    bool packed = d->gzip && gw_server_accepts_gzip(q);
    char tag[GW_REPLY_TYPE_MAX] = "";
    bool held = false;
    size_t n = d->etag ? strlen(d->etag) : 0;
    if (n > 1 && n + sizeof("-gzip") < sizeof(tag)) {
        /* two forms are two representations, and a strong tag is of one; who holds either is up to date */
        snprintf(tag, sizeof(tag), "%.*s-gzip\"", (int)n - 1, d->etag);
        held = gw_server_etag_matches(q, d->etag) || (d->gzip && gw_server_etag_matches(q, tag));
        gw_reply_header(r, "ETag", packed ? tag : d->etag);
    }
    if (d->cache_control)
        gw_reply_header(r, "Cache-Control", d->cache_control);
    if (d->gzip)
        gw_reply_header(r, "Vary", "Accept-Encoding");
    if (packed && !held)
        gw_reply_header(r, "Content-Encoding", "gzip");
    if (held)
        gw_reply_shared(r, 304, NULL, NULL);
    else
        gw_reply_shared(r, 200, d->content_type, packed ? d->gzip : d->plain);
}

gw_token *gw_reply_defer(gw_reply *r)
{
    if (r->token || r->failed)
        return NULL;
    r->token = gw_token_new(r->c);
    if (!r->token)
        fail(r, 503);
    return r->token;
}

/* What a handler that cannot answer leaves behind: no header of it is kept. */
static bool queue_failure(gw_conn *c, int status)
{
    const char *text =
        status == 503 ? "{\"error\":{\"code\":\"memory\",\"message\":\"the server is out of memory\"}}\n"
                      : "{\"error\":{\"code\":\"internal\",\"message\":\"the server made no answer\"}}\n";
    gw_shared *body = gw_shared_static(text, strlen(text));
    bool queued = gw_conn_queue(c, status, "application/json", gw_str_of("Cache-Control: no-store\r\n"),
                                GW_FRAMING_LENGTH, body);
    gw_shared_unref(body);
    return queued;
}

void gw_reply_send(gw_reply *r)
{
    gw_conn *c = r->c;
    if (c->token && !r->failed) {
        c->waiting = gw_record_new(c, 499);
        if (!c->waiting)
            fail(r, 503);
    }
    if (r->failed && c->token)
        gw_token_detach(c);
    if (c->token) {
        gw_conn_drop_request(c); /* many may wait: each costs a few hundred bytes and no arena */
        c->state = GW_CONN_WAIT;
        gw_token_pump(c); /* the handler may have completed it already */
        return;
    }
    if (!r->status)
        fail(r, 500);
    bool queued = r->failed
                      ? queue_failure(c, r->failed)
                      : gw_conn_queue(c, r->status, r->content_type,
                                      (gw_str){r->headers.data, r->headers.len}, GW_FRAMING_LENGTH, r->body);
    if (!queued && !r->failed)
        queued = queue_failure(c, 503);
    if (!queued)
        c->keep = false; /* what is queued already still goes out */
    gw_conn_next(c);
}
