/*
 * The protocol, byte for byte: what comes in, what goes out. Each case is sent whole, byte by byte, and cut
 * at random places; the outcome must not depend on it. What is expected is written from RFC 9110 and 9112.
 */
#include "net/http_server_kit.h"

/* Says what it was asked, in a line. */
static void echo(void *ctx, const gw_server_request *q, gw_reply *r)
{
    GW_UNUSED(ctx);
    if (strcmp(q->path, "/nothing") == 0) {
        gw_reply_bytes(r, 204, NULL, NULL, 0);
        return;
    }
    if (strcmp(q->path, "/silent") == 0)
        return;
    if (strcmp(q->path, "/split") == 0) {
        gw_reply_header(r, "X-A", "b\r\nEvil: c");
        gw_reply_text(r, 200, "text/plain", "x");
        return;
    }
    const char *x = gw_server_header_get(q, "x");
    char *line = gw_arena_printf(q->arena, "%s %s ?%s @%s x=%s 1.%d %.*s", q->method, q->path,
                                 q->query ? q->query : "-", q->host, x ? x : "-", q->version_minor,
                                 GW_STR_ARG(q->body));
    gw_reply_text(r, 200, NULL, line);
}

#define OK(text_length, more, text)                                                                          \
    "HTTP/1.1 200 OK\r\n" KIT_DATE "Content-Length: " text_length "\r\n" more "\r\n" text
#define CLOSE "Connection: close\r\n"

typedef struct wire {
    const char *name, *in, *out;
    bool stays_open;
} wire;

static const wire good[] = {
    {"a request", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", OK("20", "", "GET / ?- @h x=- 1.1 "), true},
    {"lower-case names, blanks around values, tab", "GET /a HTTP/1.1\r\nhost:h\r\nX: \t b c \t\r\n\r\n",
     OK("23", "", "GET /a ?- @h x=b c 1.1 "), true},
    {"an empty value", "GET / HTTP/1.1\r\nHost: h\r\nX:\r\n\r\n", OK("19", "", "GET / ?- @h x= 1.1 "), true},
    {"the first of two", "GET / HTTP/1.1\r\nHost: h\r\nX: 1\r\nX: 2\r\n\r\n",
     OK("20", "", "GET / ?- @h x=1 1.1 "), true},
    {"bytes above ASCII in a value", "GET / HTTP/1.1\r\nHost: h\r\nX: \xc3\xa9\r\n\r\n",
     OK("21", "", "GET / ?- @h x=\xc3\xa9 1.1 "), true},
    {"path decoded, query not", "GET /a%20b%2fc?q=%41&x HTTP/1.1\r\nHost: h\r\n\r\n",
     OK("31", "", "GET /a b/c ?q=%41&x @h x=- 1.1 "), true},
    {"an empty query", "GET /? HTTP/1.1\r\nHost: h\r\n\r\n", OK("19", "", "GET / ? @h x=- 1.1 "), true},
    {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", OK("19", "", "GET / ?- @ x=- 1.1 "), true},
    {"absolute form wins over Host", "GET http://g:81/p?q HTTP/1.1\r\nHost: h\r\n\r\n",
     OK("24", "", "GET /p ?q @g:81 x=- 1.1 "), true},
    {"absolute form without a path", "GET http://g HTTP/1.1\r\nHost: h\r\n\r\n",
     OK("20", "", "GET / ?- @g x=- 1.1 "), true},
    {"absolute form, query without a path", "GET http://g?q HTTP/1.1\r\nHost: h\r\n\r\n",
     OK("20", "", "GET / ?q @g x=- 1.1 "), true},
    {"asterisk form", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", OK("24", "", "OPTIONS * ?- @h x=- 1.1 "),
     true},
    {"HEAD has the length and no body", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", OK("21", "", ""), true},
    {"HEAD, then GET", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
     OK("21", "", "") OK("20", "", "GET / ?- @h x=- 1.1 "), true},
    {"204 has neither", "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n",
     "HTTP/1.1 204 No Content\r\n" KIT_DATE "\r\n", true},
    {"a body by length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
     OK("26", "", "POST / ?- @h x=- 1.1 hello"), true},
    {"an empty body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
     OK("21", "", "POST / ?- @h x=- 1.1 "), true},
    {"a body of a GET", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab",
     OK("22", "", "GET / ?- @h x=- 1.1 ab"), true},
    {"chunks",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
     "chunked\r\n\r\n3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n",
     OK("34", "", "POST / ?- @h x=- 1.1 abc0123456789"), true},
    {"Chunked in capitals",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
     OK("22", "", "POST / ?- @h x=- 1.1 a"), true},
    {"a chunk extension and a trailer are overlooked",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\na\r\n0\r\nX: y\r\n\r\n",
     OK("22", "", "POST / ?- @h x=- 1.1 a"), true},
    {"no body but a chunked one", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     OK("21", "", "POST / ?- @h x=- 1.1 "), true},
    {"100-continue", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\nab",
     "HTTP/1.1 100 Continue\r\n\r\n" OK("23", "", "POST / ?- @h x=- 1.1 ab"), true},
    {"100-continue without a body is not answered so",
     "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n", OK("20", "", "GET / ?- @h x=- 1.1 "), true},
    {"100-continue is unknown to HTTP/1.0",
     "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
     OK("21", CLOSE, "POST / ?- @ x=- 1.0 a"), false},
    {"Connection: close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
     OK("20", CLOSE, "GET / ?- @h x=- 1.1 "), false},
    {"close among others", "GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n",
     OK("20", CLOSE, "GET / ?- @h x=- 1.1 "), false},
    {"HTTP/1.0 closes", "GET / HTTP/1.0\r\n\r\n", OK("19", CLOSE, "GET / ?- @ x=- 1.0 "), false},
    {"HTTP/1.0 with keep-alive", "GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n",
     OK("20", "Connection: keep-alive\r\n", "GET / ?- @h x=- 1.0 "), true},
    {"an upgrade is overlooked",
     "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /2 HTTP/1.1\r\nHost: "
     "h\r\n\r\n",
     OK("20", "", "GET / ?- @h x=- 1.1 ") OK("21", "", "GET /2 ?- @h x=- 1.1 "), true},
    {"an upgrade with a body",
     "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\naGET /2 "
     "HTTP/1.1\r\n"
     "Host: h\r\n\r\n",
     OK("22", "", "POST / ?- @h x=- 1.1 a") OK("21", "", "GET /2 ?- @h x=- 1.1 "), true},
    {"an empty line before a request", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
     OK("20", "", "GET / ?- @h x=- 1.1 "), true},
    {"pipelined",
     "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\naPOST /3 "
     "HTTP/1.1\r\n"
     "Host: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\n\r\n\r\nGET /4 HTTP/1.1\r\nHost: h\r\n\r\n",
     OK("21", "", "GET /1 ?- @h x=- 1.1 ") OK("23", "", "POST /2 ?- @h x=- 1.1 a")
         OK("23", "", "POST /3 ?- @h x=- 1.1 b") OK("21", "", "GET /4 ?- @h x=- 1.1 "),
     true},
    {"after close nothing is answered",
     "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
     OK("20", CLOSE, "GET / ?- @h x=- 1.1 "), false},
    {"a handler that says nothing", "GET /silent HTTP/1.1\r\nHost: h\r\n\r\n",
     "HTTP/1.1 500 Internal Server Error\r\n" KIT_DATE
     "Content-Type: application/json\r\nCache-Control: no-store\r\n"
     "Content-Length: 68\r\n\r\n{\"error\":{\"code\":\"internal\",\"message\":\"the server made no "
     "answer\"}}\n",
     true},
    {"a header with line ends is not sent", "GET /split HTTP/1.1\r\nHost: h\r\n\r\n",
     "HTTP/1.1 500 Internal Server Error\r\n" KIT_DATE
     "Content-Type: application/json\r\nCache-Control: no-store\r\n"
     "Content-Length: 68\r\n\r\n{\"error\":{\"code\":\"internal\",\"message\":\"the server made no "
     "answer\"}}\n",
     true},
};

typedef struct wrong {
    const char *name, *in;
    int status;
    const char *says; /* a part of the message */
} wrong;

#define G "GET / HTTP/1.1\r\n"
#define H G "Host: h\r\n"
#define P "POST / HTTP/1.1\r\nHost: h\r\n"
#define C P "Transfer-Encoding: chunked\r\n\r\n"

static const wrong bad[] = {
    {"no Host", G "\r\n", 400, "no Host"},
    {"two Hosts", H "Host: h\r\n\r\n", 400, "more than one Host"},
    {"a Host with a path", G "Host: h/x\r\n\r\n", 400, "is no host"},
    {"a Host with a user", G "Host: a@h\r\n\r\n", 400, "is no host"},
    {"two Hosts in one", G "Host: a, b\r\n\r\n", 400, "is no host"},
    {"absolute form still needs Host", "GET http://h/ HTTP/1.1\r\n\r\n", 400, "no Host"},
    {"Content-Length twice", P "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400, "Content-Length"},
    {"Content-Lengths that differ", P "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400,
     "Content-Length"},
    {"a list of Content-Lengths", P "Content-Length: 1, 1\r\n\r\na", 400, "Content-Length"},
    {"Content-Length +1", P "Content-Length: +1\r\n\r\na", 400, "Content-Length"},
    {"Content-Length -1", P "Content-Length: -1\r\n\r\na", 400, "Content-Length"},
    {"Content-Length 0x1", P "Content-Length: 0x1\r\n\r\na", 400, "Content-Length"},
    {"Content-Length 1 1", P "Content-Length: 1 1\r\n\r\na", 400, "Content-Length"},
    {"Content-Length empty", P "Content-Length:\r\n\r\n", 400, "Content-Length"},
    {"Content-Length beyond 64 bits", P "Content-Length: 18446744073709551617\r\n\r\na", 400,
     "Content-Length"},
    {"length and coding", P "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
     "Transfer-Encoding"},
    {"coding and length", P "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400,
     "Transfer-Encoding"},
    {"chunked is not last", P "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, "Transfer-Encoding"},
    {"no chunked", P "Transfer-Encoding: gzip\r\n\r\n", 400, "Transfer-Encoding"},
    {"identity", P "Transfer-Encoding: identity\r\n\r\n", 400, "Transfer-Encoding"},
    {"xchunked", P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, "Transfer-Encoding"},
    {"gzip, chunked", P "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, "chunked"},
    {"chunked twice", P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, ""},
    {"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"},
    {"a chunk size that is none", C "g\r\n", 400, "chunk"},
    {"a chunk size with 0x", C "0x1\r\na\r\n0\r\n\r\n", 400, "chunk"},
    {"a negative chunk size", C "-1\r\na\r\n0\r\n\r\n", 400, "chunk"},
    {"a blank before the chunk size", C " 1\r\na\r\n0\r\n\r\n", 400, "chunk"},
    {"no chunk size", C "\r\na\r\n0\r\n\r\n", 400, "chunk"},
    {"a chunk size beyond 64 bits", C "10000000000000001\r\na\r\n0\r\n\r\n", 400, "chunk"},
    {"a chunk size with LF alone", C "1\na\r\n0\r\n\r\n", 400, "chunk"},
    {"a chunk with LF alone behind it", C "1\r\na\n0\r\n\r\n", 400, "chunk"},
    {"a chunk longer than it says", C "1\r\nab\r\n0\r\n\r\n", 400, "chunk"},
    {"a chunk extension with LF alone", C "1;a\na\r\n0\r\n\r\n", 400, "chunk"},
    {"a chunk extension with CR alone", C "1;a\rb\r\na\r\n0\r\n\r\n", 400, "chunk"},
    {"a trailer with LF alone", C "1\r\na\r\n0\r\nX: y\n\r\n", 400, "chunk"},
    {"a trailer with CR alone", C "1\r\na\r\n0\r\nX: a\rY: b\r\n\r\n", 400, "chunk"},
    {"the last chunk with LF alone", C "1\r\na\r\n0\r\n\n", 400, "chunk"},
    {"a folded header", H "X: a\r\n b\r\n\r\n", 400, "folded"},
    {"a fold behind the request line", G " Host: h\r\n\r\n", 400, "folded"},
    {"a blank before the colon", G "Host : h\r\n\r\n", 400, "blank before"},
    {"no colon", H "X\r\n\r\n", 400, "no name"},
    {"no name", H ": x\r\n\r\n", 400, "no name"},
    {"a name with a blank", H "X Y: z\r\n\r\n", 400, "no name"},
    {"LF alone behind the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400, "CR LF"},
    {"LF alone behind a header", H "X: y\n\r\n", 400, "CR LF"},
    {"LF alone at the end", H "X: y\r\n\n", 400, "CR LF"},
    {"CR alone in a header", H "X: a\rY: b\r\n\r\n", 400, "carriage return"},
    {"CR CR LF", H "X: a\r\r\n\r\n", 400, "carriage return"},
    {"a control character in a value", H "X: a\x01\r\n\r\n", 400, "control"},
    {"DEL in a value", H "X: a\x7f\r\n\r\n", 400, "control"},
    {"HTTP/0.9", "GET /\r\n\r\n", 400, "version"},
    {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505, "HTTP/1.1"},
    {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505, "HTTP/1.1"},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"},
    {"http/1.1", "GET / http/1.1\r\nHost: h\r\n\r\n", 400, "version"},
    {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", 400, "version"},
    {"RTSP", "DESCRIBE / RTSP/1.0\r\nHost: h\r\n\r\n", 400, "version"},
    {"two blanks", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "target"},
    {"a tab", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, "method"},
    {"a blank at the end of the line", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", 400, "version"},
    {"a blank in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "version"},
    {"a blank first", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "method"},
    {"bytes above ASCII in the target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "percent-encoded"},
    {"a fragment", "GET /#a HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
    {"%00", "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "percent"},
    {"%zz", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400, "percent"},
    {"% at the end", "GET /%4 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "percent"},
    {"* of a GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400, "OPTIONS"},
    {"a relative path", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
    {"another scheme", "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
    {"a user in the target", "GET http://a@h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400, ""},
    {"CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 501, "proxy"},
    {"a method that nobody knows", "FROB / HTTP/1.1\r\nHost: h\r\n\r\n", 501, "method"},
    {"another expectation", P "Expect: tea\r\nContent-Length: 1\r\n\r\na", 417, "100-continue"},
    {"TLS to a port without", "\x16\x03\x01\x02\x01\x01\r\n", 400, "method"},
    {"five empty lines", "\r\n\r\n\r\n\r\n\r\n" H "\r\n", 400, "empty lines"},
    {"a body over the limit", P "Content-Length: 1025\r\n\r\n", 413, "body"},
    {"a chunk over the limit", C "401\r\n", 413, "body"},
};

/* Sends `in` in pieces; cut: 0 whole, 1 bytes, else random. What came out is in k->out. */
static void run(kit *k, const char *in, size_t n, unsigned cut)
{
    kit_init(k, echo, NULL);
    k->options.limits.body_bytes = 1024;
    k->options.limits.header_bytes = 2048;
    k->options.limits.uri_bytes = 512;
    k->options.limits.headers = 20;
    assert_true(kit_open(k));
    uint64_t random = 88172645463325252ull + cut;
    for (size_t at = 0, take; at < n; at += take) {
        take = cut == 0 ? n : cut == 1 ? 1 : 1 + kit_random(&random) % 40;
        take = GW_MIN(take, n - at);
        kit_feed(k, in + at, take);
    }
}

static void good_requests(void **state)
{
    GW_UNUSED(state);
    for (size_t i = 0; i < GW_COUNT(good); i++)
        for (unsigned cut = 0; cut < 20; cut++) {
            kit k;
            run(&k, good[i].in, strlen(good[i].in), cut);
            if (!k.out.data || strcmp(k.out.data, good[i].out) != 0)
                fail_msg("%s (cut %u): got\n%s\nwant\n%s", good[i].name, cut, k.out.data, good[i].out);
            if (gw_conn_is_over(k.c) == good[i].stays_open)
                fail_msg("%s: the connection %s", good[i].name, good[i].stays_open ? "ended" : "did not end");
            kit_close(&k);
        }
}

static void check_refused(const wrong *w, const char *in, size_t n)
{
    for (unsigned cut = 0; cut < 20; cut++) {
        kit k;
        run(&k, in, n, cut);
        const char *out = k.out.data ? k.out.data : "";
        char line[32];
        snprintf(line, sizeof(line), "HTTP/1.1 %d ", w->status);
        if (w->status && strncmp(out, line, strlen(line)) != 0)
            fail_msg("%s (cut %u): got\n%s", w->name, cut, out);
        if (!w->status && strncmp(out, "HTTP/1.1 4", 10) != 0 && strncmp(out, "HTTP/1.1 501", 12) != 0)
            fail_msg("%s (cut %u): got\n%s", w->name, cut, out);
        const char *body = strstr(out, "\r\n\r\n");
        if (!body || !strstr(body, w->says) || !strstr(out, CLOSE) || strstr(body + 4, "\nHTTP/1.1 "))
            fail_msg("%s (cut %u): got\n%s", w->name, cut, out);
        char length[40];
        snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", strlen(body + 4));
        assert_non_null(strstr(out, length));
        if (!gw_conn_is_over(k.c))
            fail_msg("%s: the connection did not end", w->name);
        assert_int_equal(k.counts.malformed, 1);
        kit_close(&k);
    }
}

static void bad_requests(void **state)
{
    GW_UNUSED(state);
    for (size_t i = 0; i < GW_COUNT(bad); i++)
        check_refused(&bad[i], bad[i].in, strlen(bad[i].in));
    static const char nul_line[] = "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n", nul_value[] = H "X: a\0b\r\n\r\n",
                      nul_name[] = H "X\0: a\r\n\r\n", nul_chunk[] = C "1;\0\r\na\r\n0\r\n\r\n";
    check_refused(&(wrong){"NUL in the line", "", 400, "NUL"}, nul_line, sizeof(nul_line) - 1);
    check_refused(&(wrong){"NUL in a value", "", 400, "NUL"}, nul_value, sizeof(nul_value) - 1);
    check_refused(&(wrong){"NUL in a name", "", 400, "NUL"}, nul_name, sizeof(nul_name) - 1);
    check_refused(&(wrong){"NUL in an extension", "", 400, "chunk"}, nul_chunk, sizeof(nul_chunk) - 1);
}

static void limits_are_exact(void **state)
{
    GW_UNUSED(state);
    char in[8192];
    kit k;
    for (int over = 0; over < 2; over++) {
        wrong w = {"target", "", 414, "longer"};
        int n = snprintf(in, sizeof(in), "GET /%0*d HTTP/1.1\r\nHost: h\r\n\r\n", 511 + over, 0);
        if (over)
            check_refused(&w, in, (size_t)n);
        run(&k, in, (size_t)n, 0);
        assert_int_equal(strncmp(k.out.data, over ? "HTTP/1.1 414" : "HTTP/1.1 200", 12), 0);
        kit_close(&k);

        /* 2048 bytes of head in all: request line 16, Host 9, "X: " 3, line ends 2 + 2 */
        w = (wrong){"head", "", 431, "longer"};
        n = snprintf(in, sizeof(in), "GET / HTTP/1.1\r\nHost: h\r\nX: %0*d\r\n\r\n", 2048 - 32 + over, 0);
        assert_int_equal(n, 2048 + over);
        if (over)
            check_refused(&w, in, (size_t)n);
        run(&k, in, (size_t)n, 0);
        assert_int_equal(strncmp(k.out.data, over ? "HTTP/1.1 431" : "HTTP/1.1 200", 12), 0);
        kit_close(&k);

        w = (wrong){"headers", "", 431, "more headers"};
        n = snprintf(in, sizeof(in), "GET / HTTP/1.1\r\nHost: h\r\n");
        for (int i = 0; i < 19 + over; i++)
            n += snprintf(in + n, sizeof(in) - (size_t)n, "X: y\r\n");
        n += snprintf(in + n, sizeof(in) - (size_t)n, "\r\n");
        if (over)
            check_refused(&w, in, (size_t)n);
        run(&k, in, (size_t)n, 1);
        assert_int_equal(strncmp(k.out.data, over ? "HTTP/1.1 431" : "HTTP/1.1 200", 12), 0);
        kit_close(&k);

        w = (wrong){"body", "", 413, "body"};
        n = snprintf(in, sizeof(in), P "Content-Length: %d\r\n\r\n%0*d", 1024 + over, 1024 + over, 0);
        if (over)
            check_refused(&w, in, (size_t)n);
        run(&k, in, (size_t)n, 2);
        assert_int_equal(strncmp(k.out.data, over ? "HTTP/1.1 413" : "HTTP/1.1 200", 12), 0);
        kit_close(&k);

        w = (wrong){"chunks", "", 413, "body"};
        n = snprintf(in, sizeof(in), C "3ff\r\n%01023d\r\n%d\r\n%0*d\r\n0\r\n\r\n", 0, 1 + over, 1 + over, 0);
        if (over)
            check_refused(&w, in, (size_t)n);
        run(&k, in, (size_t)n, 3);
        assert_int_equal(strncmp(k.out.data, over ? "HTTP/1.1 413" : "HTTP/1.1 200", 12), 0);
        kit_close(&k);
    }
}

/* A head without end, and framing without end: cut off long before memory is. */
static void endless_input_is_cut_off(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *first, *again;
        int status;
    } endless[] = {{"GET /", "aaaa", 414},
                   {H, "X: y\r\n", 431},
                   {H "X: ", "yyyy", 431},
                   {"", "\r\n", 400},
                   {C "1;", "a=b;", 400},
                   {C "1\r\na\r\n0\r\n", "X: y\r\n", 400},
                   {C "1\r\na\r\n0\r\nX: ", "yyyyyy", 400}};
    for (size_t i = 0; i < GW_COUNT(endless); i++) {
        kit k;
        run(&k, endless[i].first, strlen(endless[i].first), 0);
        size_t fed = 0, n = strlen(endless[i].again), taken = n;
        while (taken == n && fed < 1000000)
            fed += taken = kit_feed(&k, endless[i].again, n);
        char line[32];
        snprintf(line, sizeof(line), "HTTP/1.1 %d ", endless[i].status);
        if (strncmp(k.out.data, line, strlen(line)) != 0 || fed > 20000)
            fail_msg("%s…: after %zu bytes: %s", endless[i].first, fed, k.out.data);
        kit_close(&k);
    }
}

/* Leading zeros and other framing of many bytes for few: bounded by what the body earns. */
static void chunks_of_one_byte_are_taken(void **state)
{
    GW_UNUSED(state);
    kit k;
    run(&k, C, strlen(C), 0);
    for (int i = 0; i < 1024; i++)
        assert_int_equal(kit_feed(&k, "1\r\na\r\n", 6), 6);
    kit_feed(&k, "0\r\n\r\n", 5);
    assert_int_equal(strncmp(k.out.data, "HTTP/1.1 200", 12), 0);
    kit_close(&k);
}

/* Many requests in a row, cut at random, with output taken in random steps: each is answered, in order. */
static void pipelining_torture(void **state)
{
    GW_UNUSED(state);
    uint64_t random = 1;
    for (int round = 0; round < 30; round++) {
        gw_buf in;
        gw_buf_init(&in, (size_t)1 << 20);
        int n = 200;
        for (int i = 0; i < n; i++) {
            size_t len = kit_random(&random) % 300;
            if (kit_random(&random) % 3 == 0) {
                gw_buf_printf(&in, "GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i);
            } else if (kit_random(&random) % 2) {
                gw_buf_printf(&in, "POST /%d HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", i, len);
                for (size_t j = 0; j < len; j++)
                    gw_buf_putc(&in, "\r\n0GET /"[j % 7]);
            } else {
                gw_buf_printf(&in, "POST /%d HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", i);
                for (size_t j = 0; j < len;) {
                    size_t piece = 1 + kit_random(&random) % (len - j);
                    gw_buf_printf(&in, "%zx\r\n", piece);
                    for (size_t m = 0; m < piece; m++, j++)
                        gw_buf_putc(&in, "\r\n0GET /"[j % 7]);
                    gw_buf_puts(&in, "\r\n");
                }
                gw_buf_puts(&in, "0\r\n\r\n");
            }
        }
        assert_int_equal(gw_buf_check(&in, "in", NULL), 0);
        kit k;
        kit_init(&k, echo, NULL);
        k.options.limits.output_bytes = 1 + kit_random(&random) % 2000;
        assert_true(kit_open(&k));
        for (size_t at = 0; at < in.len || k.c->out.bytes;) {
            size_t take = 1 + kit_random(&random) % 500, out = 1 + kit_random(&random) % 700;
            take = GW_MIN(take, in.len - at);
            if (take && gw_conn_wants_input(k.c)) {
                gw_conn_feed(k.c, in.data + at, take);
                at += take;
            }
            /* held input is bounded whatever the client does */
            assert_true(k.c->in.len <= k.c->in.max);
            struct iovec v;
            if (gw_conn_output(k.c, &v, 1)) {
                out = GW_MIN(out, v.iov_len);
                gw_buf_add(&k.out, v.iov_base, out);
                gw_conn_sent(k.c, out);
            }
        }
        const char *p = k.out.data;
        for (int i = 0; i < n; i++) {
            char want[32];
            p = strstr(p, "\r\n\r\n");
            assert_non_null(p);
            p += 4;
            snprintf(want, sizeof(want), " /%d ?", i);
            const char *at = strchr(p, ' ');
            if (!at || strncmp(at, want, strlen(want)) != 0)
                fail_msg("round %d: answer %d is %.30s", round, i, p);
            /* the body may hold what looks like the end of a head: go behind it by its text */
            p = strstr(p, "1.1 ") + 4;
            const char *next = strstr(p, "HTTP/1.1 200 OK\r\n");
            assert_true((next != NULL) == (i + 1 < n));
            p = next ? next : p;
        }
        assert_int_equal(k.counts.requests[2], n);
        assert_int_equal(k.c->n_requests, n);
        kit_close(&k);
        gw_buf_free(&in);
    }
}

static void half_open(void **state)
{
    GW_UNUSED(state);
    kit k;
    /* a client that has sent its request and says so is answered */
    kit_init(&k, echo, NULL);
    assert_true(kit_open(&k));
    gw_conn_feed(k.c, H "\r\n", strlen(H "\r\n"));
    gw_conn_eof(k.c);
    assert_false(gw_conn_is_over(k.c));
    kit_drain(&k, 7);
    assert_int_equal(strncmp(k.out.data, "HTTP/1.1 200", 12), 0);
    assert_true(gw_conn_is_over(k.c));
    kit_close(&k);
    /* one that goes within a request is not */
    static const char *const parts[] = {"", "GET /", H, P "Content-Length: 2\r\n\r\na", C "1\r\n"};
    for (size_t i = 0; i < GW_COUNT(parts); i++) {
        kit_init(&k, echo, NULL);
        assert_true(kit_open(&k));
        if (*parts[i])
            gw_conn_feed(k.c, parts[i], strlen(parts[i]));
        gw_conn_eof(k.c);
        assert_true(gw_conn_is_over(k.c));
        assert_null(k.out.data);
        kit_close(&k);
    }
}

/* Which time runs, and what its end does. */
static void times(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *in;
        gw_timer timer;
        const char *out; /* the status line's begin when the time is up */
    } at[] = {
        {"", GW_TIMER_HEAD, NULL},
        {"G", GW_TIMER_HEAD, "HTTP/1.1 408 "},
        {H, GW_TIMER_HEAD, "HTTP/1.1 408 "},
        {P "Content-Length: 2\r\n\r\na", GW_TIMER_BODY, "HTTP/1.1 408 "},
        {C "1\r\na", GW_TIMER_BODY, "HTTP/1.1 408 "},
    };
    for (size_t i = 0; i < GW_COUNT(at); i++) {
        kit k;
        run(&k, at[i].in, strlen(at[i].in), 0);
        assert_int_equal(gw_conn_timer(k.c), at[i].timer);
        gw_conn_expired(k.c);
        kit_drain(&k, SIZE_MAX);
        if (at[i].out)
            assert_int_equal(strncmp(k.out.data, at[i].out, strlen(at[i].out)), 0);
        else
            assert_null(k.out.data);
        assert_true(gw_conn_is_over(k.c));
        assert_int_equal(k.counts.timeouts, 1);
        kit_close(&k);
    }
    kit k;
    run(&k, H "\r\n", strlen(H "\r\n"), 0);
    assert_int_equal(gw_conn_timer(k.c), GW_TIMER_IDLE);
    k.out.len = 0;
    gw_conn_expired(k.c);
    assert_true(gw_conn_is_over(k.c));
    assert_int_equal(k.counts.timeouts, 0);
    kit_close(&k);
    /* a client that does not read, and one that takes a byte at a time: 1 KiB is what counts */
    kit_init(&k, echo, NULL);
    assert_true(kit_open(&k));
    char big[2000];
    int n = snprintf(big, sizeof(big), "GET /%01500d HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    gw_conn_feed(k.c, big, (size_t)n);
    assert_int_equal(gw_conn_timer(k.c), GW_TIMER_WRITE);
    unsigned progress = k.c->progress;
    for (int i = 0; i < 1023; i++)
        gw_conn_sent(k.c, 1);
    assert_int_equal(k.c->progress, progress);
    gw_conn_sent(k.c, 1);
    assert_int_equal(k.c->progress, progress + 1);
    gw_conn_expired(k.c);
    assert_int_equal(k.c->state, GW_CONN_CUT);
    kit_close(&k);
    assert_int_equal(k.counts.requests[0], 1); /* the client got no whole reply */
    /* so for a body */
    run(&k, P "Content-Length: 1024\r\n\r\n", strlen(P "Content-Length: 1024\r\n\r\n"), 0);
    progress = k.c->progress;
    for (int i = 0; i < 1023; i++)
        kit_feed(&k, "a", 1);
    assert_int_equal(k.c->progress, progress);
    kit_close(&k);
}

static void output_holds_input_back(void **state)
{
    GW_UNUSED(state);
    kit k;
    kit_init(&k, echo, NULL);
    k.options.limits.output_bytes = 300;
    assert_true(kit_open(&k));
    gw_buf in;
    gw_buf_init(&in, 65536);
    for (int i = 0; i < 100; i++)
        gw_buf_puts(&in, H "\r\n");
    gw_conn_feed(k.c, in.data, in.len);
    /* 17 + 37 + 20 + 2 bytes of head and 20 of body: three are 288 bytes, the fourth fills it */
    assert_int_equal(k.c->n_requests, 4);
    assert_false(gw_conn_wants_input(k.c));
    gw_conn_sent(k.c, 200);
    assert_true(k.c->n_requests > 4);
    kit_drain(&k, 50);
    assert_int_equal(k.c->n_requests, 100);
    assert_true(gw_conn_wants_input(k.c));
    gw_buf_free(&in);
    kit_close(&k);
}

static void requests_of_a_connection(void **state)
{
    GW_UNUSED(state);
    kit k;
    kit_init(&k, echo, NULL);
    k.options.limits.requests = 2;
    assert_true(kit_open(&k));
    kit_feed(&k, H "\r\n", strlen(H "\r\n"));
    assert_null(strstr(k.out.data, CLOSE));
    kit_feed(&k, H "\r\n", strlen(H "\r\n"));
    assert_non_null(strstr(k.out.data, CLOSE));
    assert_true(gw_conn_is_over(k.c));
    kit_close(&k);
}

static void stopping(void **state)
{
    GW_UNUSED(state);
    kit k;
    run(&k, H "\r\n", strlen(H "\r\n"), 0);
    gw_conn_stop(k.c);
    assert_true(gw_conn_is_over(k.c));
    kit_close(&k);
    run(&k, H, strlen(H), 0);
    gw_conn_stop(k.c);
    assert_false(gw_conn_is_over(k.c));
    kit_feed(&k, "\r\n", 2);
    assert_non_null(strstr(k.out.data, CLOSE));
    assert_true(gw_conn_is_over(k.c));
    kit_close(&k);
}

/* Every allocation of a connection's life fails once: no leak, no crash, and either an answer or an end. */
static void without_memory(void **state)
{
    GW_UNUSED(state);
    static const char in[] =
        P "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" H "\r\n";
    for (uint64_t n = 1;; n++) {
        assert_true(n < 1000);
        int64_t live = gw_mem_live();
        kit k;
        kit_init(&k, echo, NULL);
        gw_mem_fail_at(n);
        bool open = kit_open(&k);
        if (open) {
            uint64_t random = n;
            for (size_t at = 0, take; at < sizeof(in) - 1; at += take) {
                take = 1 + kit_random(&random) % 60;
                take = GW_MIN(take, sizeof(in) - 1 - at);
                if (gw_conn_wants_input(k.c))
                    gw_conn_feed(k.c, in + at, take);
                struct iovec v;
                while (gw_conn_output(k.c, &v, 1))
                    gw_conn_sent(k.c, v.iov_len);
            }
        }
        bool failed = gw_mem_count() >= n;
        gw_mem_fail_at(0);
        uint64_t answered = 0;
        for (int i = 1; i < 6; i++)
            answered += k.counts.requests[i];
        assert_true(!open || answered == 2 || gw_conn_is_over(k.c));
        kit_close(&k);
        assert_int_equal(gw_mem_live(), live);
        if (!failed)
            break;
    }
}

static gw_buf logged;

static void log_line(void *ctx, const gw_server_access *a)
{
    GW_UNUSED(ctx);
    gw_buf_printf(&logged, "%s %s %s %d %" PRIu64 " %" PRId64 "\n", a->peer, a->method, a->target, a->status,
                  a->body_bytes, a->duration_us);
}

static void access_log_and_figures(void **state)
{
    GW_UNUSED(state);
    kit k;
    kit_init(&k, echo, NULL);
    gw_buf_init(&logged, 65536);
    k.options.access_log = log_line;
    assert_true(kit_open(&k));
    gw_conn_feed(k.c, H "\r\nHEAD /a?b HTTP/1.1\r\nHost: h\r\n\r\n",
                 strlen(H "\r\nHEAD /a?b HTTP/1.1\r\nHost: h\r\n\r\n"));
    k.now_us = 300;
    kit_drain(&k, SIZE_MAX);
    gw_conn_feed(k.c, H "\r\n", strlen(H "\r\n"));
    gw_conn_free(k.c);
    k.c = gw_conn_new(&k.env, "peer", false, false);
    kit_feed(&k, "?\r\n", 3);
    assert_string_equal(logged.data, "192.0.2.1:4711 GET / 200 20 300\n192.0.2.1:4711 HEAD /a?b 200 0 300\n"
                                     "192.0.2.1:4711 GET / 499 20 0\npeer - - 400 74 0\n");
    assert_int_equal(k.counts.requests[2], 2);
    assert_int_equal(k.counts.requests[0], 1);
    assert_int_equal(k.counts.requests[4], 1);
    /* 300 µs is above 250 and not above 500, the third bound */
    assert_int_equal(k.counts.latency[2], 2);
    assert_int_equal(k.counts.latency[0], 2);
    assert_int_equal(k.counts.latency_sum_us, 600);
    assert_int_equal(k.counts.bytes_in, 27 + 31 + 27 + 3);
    gw_buf_free(&logged);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_requests),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(endless_input_is_cut_off),
        cmocka_unit_test(chunks_of_one_byte_are_taken),
        cmocka_unit_test(pipelining_torture),
        cmocka_unit_test(half_open),
        cmocka_unit_test(times),
        cmocka_unit_test(output_holds_input_back),
        cmocka_unit_test(requests_of_a_connection),
        cmocka_unit_test(stopping),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(access_log_and_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
