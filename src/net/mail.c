#include "net/mail.h"

#include <ctype.h>
#include <openssl/evp.h>

#include "base/mem.h"
#include "net/http_client.h"
#include "net/reply_text.h"

#define TIMEOUT_MS (30 * GW_SECOND_MS)
#define CONNECT_MS (10 * GW_SECOND_MS)
#define WORD_BYTES                                                                                           \
    39 /* of text in an encoded word: a line of 73 with "Subject: "; 76 are allowed (RFC 2047, 2) */
#define LINE_BYTES     57 /* of text in a line of base64: 76 characters (RFC 2045, 6.8) */
#define PLAIN_MAX      60 /* a longer subject becomes encoded words, which fold */
#define REPLY_TEXT_MAX 200
#define MESSAGE_ID_MAX 128

/* ---- addresses ----------------------------------------------------------------------------------------- */

static bool is_local_char(char c)
{
    /* RFC 5322, 3.2.3 atext and '.'; quoted local parts are legal and nobody has them */
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

static bool is_address(gw_str s)
{
    const char *at = memchr(s.p, '@', s.n);
    if (!at || at == s.p || s.n > GW_MAIL_ADDRESS_MAX)
        return false;
    for (const char *p = s.p; p < at; p++)
        if (!is_local_char(*p))
            return false;
    const char *domain = at + 1, *end = s.p + s.n;
    if (domain == end || *domain == '.' || *domain == '-' || end[-1] == '.' || end[-1] == '-')
        return false;
    for (const char *p = domain; p < end; p++)
        if (!isalnum((unsigned char)*p) && *p != '.' && *p != '-')
            return false;
    return true;
}

gw_str gw_mail_address(const char *text)
{
    gw_str s = gw_str_of(text);
    const char *open = strrchr(text, '<');
    if (open) {
        if (s.n == 0 || s.p[s.n - 1] != '>')
            return (gw_str){0};
        s = (gw_str){open + 1, (size_t)(text + s.n - 1 - (open + 1))};
    }
    return is_address(s) ? s : (gw_str){0};
}

/* ---- the message --------------------------------------------------------------------------------------- */

static void put_base64(gw_buf *b, const char *p, size_t n)
{
    unsigned char out[(LINE_BYTES + 2) / 3 * 4 + 1];
    int len = EVP_EncodeBlock(out, (const unsigned char *)p, (int)n);
    gw_buf_add(b, out, (size_t)len);
}

static bool is_plain(gw_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] >= 0x7f)
            return false;
    return s.n <= PLAIN_MAX && !memmem(s.p, s.n, "=?", 2);
}

/* Text of a header field, already one line: as it is, or as encoded words that fold. */
static void put_words(gw_buf *b, gw_str s)
{
    if (is_plain(s)) {
        gw_buf_add(b, s.p, s.n);
        return;
    }
    for (size_t at = 0; at < s.n;) {
        size_t end = GW_MIN(s.n, at + WORD_BYTES);
        while (end < s.n && end > at + 1 && ((unsigned char)s.p[end] & 0xc0) == 0x80)
            end--; /* an encoded word holds whole characters (RFC 2047, 5) */
        gw_buf_puts(b, at ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
        put_base64(b, s.p + at, end - at);
        gw_buf_puts(b, "?=");
        at = end;
    }
}

static void put_from(gw_buf *b, const char *from)
{
    gw_str address = gw_mail_address(from);
    const char *open = strrchr(from, '<');
    char name[128] = "";
    if (open)
        gw_text_line((gw_str){from, (size_t)(open - from)}, name, sizeof(name));
    gw_buf_puts(b, "From: ");
    if (*name) {
        /* a phrase may hold more than plain words only when encoded: so it always is */
        gw_buf_puts(b, "=?UTF-8?B?");
        size_t n = GW_MIN(strlen(name), (size_t)WORD_BYTES);
        while (n < strlen(name) && n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
            n--;
        put_base64(b, name, n);
        gw_buf_puts(b, "?=\r\n ");
    }
    gw_buf_printf(b, "<%.*s>\r\n", GW_STR_ARG(address));
}

static void put_subject(gw_buf *b, const char *subject)
{
    char line[GW_MAIL_SUBJECT_MAX + 1];
    gw_text_line(gw_str_of(subject), line, sizeof(line));
    gw_buf_puts(b, "Subject: ");
    put_words(b, gw_str_of(line));
    gw_buf_puts(b, "\r\n");
}

/* "Sat, 21 Nov 2026 15:17:14 +0000", from "2026-11-21T15:17:14Z". */
static void put_date(gw_buf *b, int64_t ms)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char t[GW_TIME_TEXT_MAX];
    ms = GW_MAX(ms, 0);
    gw_time_format(ms / GW_SECOND_MS * GW_SECOND_MS, t);
    int month = (t[5] - '0') * 10 + t[6] - '0';
    gw_buf_printf(b, "Date: %s, %.2s %s %.4s %.8s +0000\r\n", days[ms / GW_DAY_MS % 7], t + 8,
                  months[(month + 11) % 12], t, t + 11);
}

static void put_body(gw_buf *b, gw_str body)
{
    char raw[LINE_BYTES];
    size_t n = 0;
    /* text has CRLF line ends before it is encoded (RFC 2045, 6.8) */
    for (size_t i = 0; i < body.n; i++) {
        bool end = body.p[i] == '\n';
        for (int k = end ? 0 : 1; k < 2; k++) {
            raw[n++] = end && k == 0 ? '\r' : body.p[i];
            if (n == sizeof(raw)) {
                put_base64(b, raw, n);
                gw_buf_puts(b, "\r\n");
                n = 0;
            }
        }
    }
    if (n) {
        put_base64(b, raw, n);
        gw_buf_puts(b, "\r\n");
    }
}

static int check(const gw_mail *m, gw_error *e)
{
    size_t id = m->message_id ? strlen(m->message_id) : 0;
    if (!m->from || !gw_mail_address(m->from).p)
        return gw_fail(e, GW_ECONFIG, "mail: the sender is no address: write name@example.org");
    if (m->n_to == 0 || m->n_to > GW_MAIL_RECIPIENTS_MAX)
        return gw_fail(e, GW_ECONFIG, "mail: %zu recipients, must be 1 to %d", m->n_to,
                       GW_MAIL_RECIPIENTS_MAX);
    for (size_t i = 0; i < m->n_to; i++)
        if (!gw_mail_address(m->to[i]).p)
            return gw_fail(e, GW_ECONFIG, "mail: recipient %zu is no address: write name@example.org", i + 1);
    bool good = id > 0 && id <= MESSAGE_ID_MAX;
    for (size_t i = 0; good && i < id; i++)
        good = isalnum((unsigned char)m->message_id[i]) || strchr(".-_", m->message_id[i]);
    if (!good || (m->auto_submitted && !is_plain(gw_str_of(m->auto_submitted))))
        return gw_fail(e, GW_EINTERNAL, "mail: the message's name must be letters, digits, '.', '-', '_'");
    return 0;
}

int gw_mail_write(const gw_mail *m, gw_buf *b, gw_error *e)
{
    int rc = check(m, e);
    if (rc)
        return rc;
    gw_str from = gw_mail_address(m->from);
    const char *domain = memchr(from.p, '@', from.n);
    put_date(b, m->date_ms);
    put_from(b, m->from);
    for (size_t i = 0; i < m->n_to; i++)
        gw_buf_printf(b, "%s<%.*s>", i ? ",\r\n " : "To: ", GW_STR_ARG(gw_mail_address(m->to[i])));
    gw_buf_puts(b, "\r\n");
    put_subject(b, m->subject);
    gw_buf_printf(b, "Message-ID: <%s%.*s>\r\n", m->message_id, (int)(from.p + from.n - domain), domain);
    if (m->auto_submitted)
        gw_buf_printf(b, "Auto-Submitted: %s\r\n", m->auto_submitted);
    gw_buf_puts(b, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\n");
    put_body(b, m->body);
    return gw_buf_check(b, "the mail", e);
}

/* ---- sending ------------------------------------------------------------------------------------------- */

typedef struct sending {
    gw_str rest;                /* of the message */
    char reply[REPLY_TEXT_MAX]; /* the server's last refusal */
    char curl_text[CURL_ERROR_SIZE];
    char shown[GW_URL_SHOWN_MAX];
} sending;

static size_t give(char *out, size_t one, size_t n, void *ctx)
{
    sending *s = ctx;
    size_t take = GW_MIN(one * n, s->rest.n);
    memcpy(out, s->rest.p, take);
    s->rest = (gw_str){s->rest.p + take, s->rest.n - take};
    return take;
}

static size_t hear(char *line, size_t one, size_t n, void *ctx)
{
    sending *s = ctx;
    if (n && (line[0] == '4' || line[0] == '5'))
        gw_text_line((gw_str){line, n}, s->reply, sizeof(s->reply));
    return one * n;
}

#define SET(rc, easy, option, value)                                                                         \
    do {                                                                                                     \
        if (!(rc))                                                                                           \
            (rc) = curl_easy_setopt((easy), (option), (value));                                              \
    } while (0)

static CURLcode set_security(CURL *c, const gw_mail_server *server)
{
    CURLcode rc = CURLE_OK;
    SET(rc, c, CURLOPT_USE_SSL, (long)(server->tls == GW_MAIL_TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    SET(rc, c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(rc, c, CURLOPT_SSL_VERIFYPEER, server->insecure ? 0L : 1L);
    SET(rc, c, CURLOPT_SSL_VERIFYHOST, server->insecure ? 0L : 2L);
    if (server->ca_file) {
        SET(rc, c, CURLOPT_CAPATH, (char *)NULL);
        SET(rc, c, CURLOPT_CAINFO, server->ca_file);
    }
    if (server->username) {
        SET(rc, c, CURLOPT_USERNAME, server->username);
        SET(rc, c, CURLOPT_PASSWORD, server->password ? server->password : "");
    }
    return rc;
}

static CURLcode set_message(CURL *c, const gw_mail_server *server, const char *url, const char *from,
                            struct curl_slist *to, sending *s)
{
    int64_t timeout = server->timeout_ms ? server->timeout_ms : TIMEOUT_MS;
    CURLcode rc = CURLE_OK;
    SET(rc, c, CURLOPT_URL, url);
    SET(rc, c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(rc, c, CURLOPT_MAIL_FROM, from);
    SET(rc, c, CURLOPT_MAIL_RCPT, to);
    /* one address that is gone does not keep the others from hearing */
    SET(rc, c, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    SET(rc, c, CURLOPT_UPLOAD, 1L);
    SET(rc, c, CURLOPT_READFUNCTION, give);
    SET(rc, c, CURLOPT_READDATA, s);
    SET(rc, c, CURLOPT_HEADERFUNCTION, hear);
    SET(rc, c, CURLOPT_HEADERDATA, s);
    SET(rc, c, CURLOPT_ERRORBUFFER, s->curl_text);
    SET(rc, c, CURLOPT_NOSIGNAL, 1L);
    SET(rc, c, CURLOPT_PROXY, "");
    SET(rc, c, CURLOPT_NOPROXY, "");
    SET(rc, c, CURLOPT_TIMEOUT_MS, (long)timeout);
    SET(rc, c, CURLOPT_CONNECTTIMEOUT_MS, (long)GW_MIN(timeout, CONNECT_MS));
    return rc ? rc : set_security(c, server);
}

static int judge(const sending *s, CURLcode rc, long code, gw_error *e)
{
    const char *at = s->shown;
    char words[REPLY_TEXT_MAX];
    gw_text_line(gw_str_of(*s->curl_text ? s->curl_text : curl_easy_strerror(rc)), words, sizeof(words));
    switch (rc) {
    case CURLE_OUT_OF_MEMORY:
        return gw_fail_memory(e);
    case CURLE_COULDNT_RESOLVE_HOST:
        return gw_fail(e, GW_ECONNECT,
                       "the mail server %s: the host name cannot be resolved; check its spelling", at);
    case CURLE_COULDNT_CONNECT:
        return gw_fail(e, GW_ECONNECT, "the mail server %s: no connection (%s); check that it runs there", at,
                       words);
    case CURLE_USE_SSL_FAILED:
        return gw_fail(
            e, GW_ETLS,
            "the mail server %s does not offer STARTTLS: use smtps://, or tls: none for a relay on this "
            "machine",
            at);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        return gw_fail(e, GW_ETLS,
                       "the mail server %s: TLS fails (%s); check its certificate, and give its "
                       "authority with caFile",
                       at, words);
    case CURLE_LOGIN_DENIED:
        return gw_fail(e, GW_EAUTH, "the mail server %s refuses the login%s%s; check username and password",
                       at, *s->reply ? ": " : "", s->reply);
    case CURLE_OPERATION_TIMEDOUT:
        return gw_fail(e, GW_ETIMEOUT, "the mail server %s is too slow (%s)", at, words);
    default:
        break;
    }
    if (code >= 500)
        return gw_fail(e, GW_EQUERY, "the mail server %s refuses the message: %s", at,
                       *s->reply ? s->reply : words);
    return gw_fail(e, GW_ESERVER, "the mail server %s does not take the message now: %s", at,
                   *s->reply ? s->reply : words);
}

/* libcurl's URL of the server, and what messages call it. The port is always written: libcurl would take 25.
 */
static int make_url(gw_arena *a, const char *text, const char **ret, sending *s, gw_error *e)
{
    static const char *const schemes[] = {"smtp", "smtps", NULL};
    gw_url u;
    int rc = gw_url_parse(a, text, schemes, false, "the mail server", &u, e);
    if (rc == GW_EUSAGE && e)
        e->code = GW_ECONFIG;
    if (rc)
        return rc == GW_EUSAGE ? GW_ECONFIG : rc;
    bool six = strchr(u.host, ':') != NULL;
    *ret = gw_arena_printf(a, "%s://%s%s%s:%d/", u.scheme, six ? "[" : "", u.host, six ? "]" : "", u.port);
    snprintf(s->shown, sizeof(s->shown), "%.200s:%d", u.host, u.port);
    return *ret ? 0 : gw_fail_memory(e);
}

static int perform(const gw_mail_server *server, const gw_mail *m, const char *url, gw_arena *a, sending *s,
                   int *ret_code, gw_error *e)
{
    struct curl_slist *to = NULL;
    gw_str from = gw_mail_address(m->from);
    const char *sender = gw_arena_printf(a, "<%.*s>", GW_STR_ARG(from));
    CURL *c = curl_easy_init();
    CURLcode rc = c && sender ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    long code = 0;
    for (size_t i = 0; !rc && i < m->n_to; i++) {
        const char *one = gw_arena_printf(a, "<%.*s>", GW_STR_ARG(gw_mail_address(m->to[i])));
        struct curl_slist *grown = one ? curl_slist_append(to, one) : NULL;
        to = grown ? grown : to;
        rc = grown ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    }
    if (!rc)
        rc = set_message(c, server, url, sender, to, s);
    if (!rc) {
        sigset_t before;
        bool pending = gw_http_sigpipe_block(&before);
        gw_http_memory_failed();
        rc = curl_easy_perform(c);
        gw_http_sigpipe_restore(&before, pending);
        if (rc && gw_http_memory_failed())
            rc = CURLE_OUT_OF_MEMORY;
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
    }
    *ret_code = (int)code;
    int result = rc ? judge(s, rc, code, e) : 0;
    curl_slist_free_all(to);
    curl_easy_cleanup(c);
    return result;
}

int gw_mail_send(const gw_mail_server *server, const gw_mail *m, int *ret_code, gw_error *e)
{
    gw_arena a;
    gw_buf text;
    sending s = {0};
    const char *url = NULL;
    int code = 0, rc = gw_http_global_init(e);
    if (rc)
        return rc;
    gw_arena_init(&a, 0);
    gw_buf_init(&text, GW_MAIL_BYTES_MAX);
    rc = gw_mail_write(m, &text, e);
    if (!rc)
        rc = make_url(&a, server->url, &url, &s, e);
    if (!rc) {
        s.rest = (gw_str){text.data, text.len};
        rc = perform(server, m, url, &a, &s, &code, e);
    }
    *ret_code = code;
    gw_buf_free(&text);
    gw_arena_free(&a);
    return rc;
}
