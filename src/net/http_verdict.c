/* What a finished try means: the error code, the words, and whether another try is worth it. */
#include "net/http_client.h"

#include <errno.h>
#include <openssl/x509_vfy.h>

#include "net/reply_text.h"

#define REASON_MAX 320
#define PLACE_MAX  640

typedef struct place {
    char text[PLACE_MAX];
} place;

/* What the settings are called where the caller did not say. */
static const gw_http_settings unnamed = {.ca = "the CA certificates",
                                         .cert = "the client certificate",
                                         .insecure = "not verifying the server",
                                         .server_name = "the TLS server name"};

static const gw_http_settings *settings_of(const gw_http_slot *s)
{
    return s->http->o.settings ? s->http->o.settings : &unnamed;
}

/* "Prometheus at http://host:9090/api/v1/read"; path_too: false where only the host matters. */
static place place_of(const gw_http_slot *s, bool path_too)
{
    const gw_http *h = s->http;
    place p;
    char shown[GW_URL_SHOWN_MAX], url[GW_URL_SHOWN_MAX * 2];
    if (*s->location)
        gw_url_shown(s->location, shown);
    else {
        snprintf(url, sizeof(url), "%s%s", path_too ? h->o.base_url : h->base.origin,
                 path_too ? s->request->path : "");
        gw_url_shown(url, shown);
    }
    snprintf(p.text, sizeof(p.text), "%.96s at %s", h->what, shown);
    return p;
}

void gw_http_name_place(const gw_http_slot *s, gw_error *e)
{
    if (e->code == GW_ECORRUPT || e->code == GW_ETIMEOUT || e->code == GW_ESERVER)
        gw_error_prefix(e, "%s", place_of(s, true).text);
}

static void mask(char *text, const char *secret)
{
    size_t n = secret ? strlen(secret) : 0;
    /* a shorter one would blot out ordinary words */
    if (n < 4)
        return;
    for (char *p = text; (p = strstr(p, secret)); p += n)
        memset(p, '*', n);
}

/* The server's own words as ": words", or "". A server that echoes what it was sent does not make us show it.
 */
static const char *words_of(const gw_http_slot *s, char out[REASON_MAX])
{
    char reason[REASON_MAX - 2];
    gw_reply_reason((gw_str){s->error_body, s->error_len}, reason, sizeof(reason));
    mask(reason, s->http->token);
    mask(reason, s->http->o.password);
    mask(reason, s->proxy.password);
    snprintf(out, REASON_MAX, "%s%s", *reason ? ": " : "", reason);
    return out;
}

/* libcurl's words on the failure, as a line; of OpenSSL's only the reason. */
static const char *curl_words(const gw_http_slot *s, CURLcode rc, char out[REASON_MAX])
{
    const char *text = *s->curl_text ? s->curl_text : curl_easy_strerror(rc);
    const char *reason = strstr(text, "SSL routines::");
    gw_str words = gw_str_of(reason ? reason + sizeof("SSL routines::") - 1 : text);
    const char *tail = reason ? strstr(words.p, ", errno ") : NULL;
    if (tail)
        words.n = (size_t)(tail - words.p);
    gw_text_line(words, out, REASON_MAX);
    mask(out, s->http->token);
    return out;
}

/* ---- connection ---- */

static const char *os_words(const gw_http_slot *s, CURLcode rc, char out[REASON_MAX])
{
    long err = 0;
    curl_easy_getinfo(s->easy, CURLINFO_OS_ERRNO, &err);
    if (err == ECONNREFUSED)
        return "the connection is refused";
    if (err == ENETUNREACH || err == EHOSTUNREACH)
        return "no route leads there";
    if (err == ETIMEDOUT)
        return "nothing answers there";
    return curl_words(s, rc, out);
}

static int fail_proxy(const gw_http_slot *s, CURLcode rc, gw_error *e)
{
    long tunnel = 0;
    char words[REASON_MAX];
    const gw_proxy *p = &s->proxy;
    place to = place_of(s, false);
    /* NO_PROXY has no say over a proxy that was given as an option */
    const char *hint = s->http->o.proxy ? "" : ", or name the host in NO_PROXY";
    curl_easy_getinfo(s->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
    if (tunnel == 407)
        return gw_fail(e, GW_ECONNECT,
                       "the proxy %s (from %s) wants a login (407): put user:password@ into its URL%s",
                       p->url, p->source, hint);
    if (tunnel >= 300)
        return gw_fail(e, GW_ECONNECT,
                       "the proxy %s (from %s) refuses to connect to %s (%ld): allow it there%s", p->url,
                       p->source, to.text, tunnel, hint);
    const char *why = rc == CURLE_COULDNT_RESOLVE_PROXY ? "its name cannot be resolved"
                      : rc == CURLE_COULDNT_CONNECT     ? os_words(s, rc, words)
                                                        : curl_words(s, rc, words);
    return gw_fail(e, GW_ECONNECT, "the proxy %s (from %s) on the way to %s fails: %s; correct its URL%s",
                   p->url, p->source, to.text, why, hint);
}

static bool is_proxy_failure(const gw_http_slot *s, CURLcode rc)
{
    long tunnel = 0;
    if (!s->proxy.url)
        return false;
    curl_easy_getinfo(s->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
    return rc == CURLE_COULDNT_RESOLVE_PROXY || rc == CURLE_COULDNT_CONNECT || rc == CURLE_PROXY ||
           tunnel >= 300;
}

static int fail_connect(const gw_http_slot *s, CURLcode rc, gw_error *e)
{
    char words[REASON_MAX];
    place p = place_of(s, false);
    if (rc == CURLE_COULDNT_RESOLVE_HOST)
        return gw_fail(e, GW_ECONNECT, "%s: the host name cannot be resolved; check its spelling and the DNS",
                       p.text);
    const gw_http_options *o = &s->http->o;
    int64_t ms = o->try_timeout_ms ? GW_MIN(o->try_timeout_ms, o->connect_timeout_ms) : o->connect_timeout_ms;
    if (rc == CURLE_OPERATION_TIMEDOUT)
        return gw_fail(e, GW_ECONNECT,
                       "%s: no connection within %" PRId64
                       " ms; check the address, and that a firewall lets it pass",
                       p.text, ms);
    return gw_fail(e, GW_ECONNECT, "%s: %s; check that it runs there and that the port is right", p.text,
                   os_words(s, rc, words));
}

static int fail_not_http(const gw_http_slot *s, CURLcode rc, gw_error *e)
{
    char words[REASON_MAX];
    return gw_fail(e, GW_ECONNECT, "%s does not answer in HTTP (%s): check the port, and http against https",
                   place_of(s, false).text, curl_words(s, rc, words));
}

/* ---- TLS ---- */

static int fail_verify(const gw_http_slot *s, CURLcode rc, gw_error *e)
{
    long result = X509_V_OK;
    const gw_http_settings *set = settings_of(s);
    char words[REASON_MAX], now[GW_TIME_TEXT_MAX], hint[256];
    curl_easy_getinfo(s->easy, CURLINFO_SSL_VERIFYRESULT, &result);
    /* libcurl checks the name itself, after OpenSSL has found nothing wrong */
    bool name = result == X509_V_OK || result == X509_V_ERR_UNSPECIFIED;
    const char *why = name ? curl_words(s, rc, words) : X509_verify_cert_error_string(result);
    if (result == X509_V_ERR_CERT_HAS_EXPIRED || result == X509_V_ERR_CERT_NOT_YET_VALID)
        snprintf(hint, sizeof(hint), "renew it, or correct this system's time (%s)",
                 gw_time_format(gw_clock_system(NULL) / 1000 * 1000, now));
    else if (name || result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH)
        snprintf(hint, sizeof(hint), "use a host name that the certificate has%s%s",
                 set->server_name ? ", or set " : "", set->server_name ? set->server_name : "");
    else
        snprintf(hint, sizeof(hint), "give the authority that signed it with %s, and check the system time",
                 set->ca);
    return gw_fail(e, GW_ETLS, "%s: its certificate is not trusted: %s; %s (%s trusts anyone)",
                   place_of(s, false).text, why, hint, set->insecure);
}

/* With TLS 1.3 a server refuses the client's certificate after the handshake, in the middle of reading. */
static bool is_tls_alert(const gw_http_slot *s)
{
    return strstr(s->curl_text, "SSL") && strstr(s->curl_text, "alert");
}

static int fail_tls(const gw_http_slot *s, CURLcode rc, gw_error *e)
{
    char words[REASON_MAX];
    const gw_http_options *o = &s->http->o;
    const gw_http_settings *set = settings_of(s);
    place p = place_of(s, false);
    curl_words(s, rc, words);
    if (rc == CURLE_PEER_FAILED_VERIFICATION)
        return fail_verify(s, rc, e);
    if (rc == CURLE_SSL_CACERT_BADFILE)
        return gw_fail(e, GW_ETLS,
                       "%s: the CA certificates cannot be used (%s): give PEM certificates with %s", p.text,
                       words, set->ca);
    if (rc == CURLE_SSL_CERTPROBLEM && !is_tls_alert(s))
        return gw_fail(e, GW_ETLS,
                       "%s: the client certificate or its key cannot be used (%s): give %s in PEM, the key "
                       "without passphrase, and the two that belong together",
                       p.text, words, set->cert);
    if (rc == CURLE_SSL_CLIENTCERT || strstr(words, "certificate required") ||
        (is_tls_alert(s) && !o->cert_data.n))
        return gw_fail(e, GW_ETLS, "%s wants a client certificate (%s): give one that it accepts with %s",
                       p.text, words, set->cert);
    if (strstr(words, "wrong version number") || strstr(words, "packet length too long"))
        return gw_fail(e, GW_ETLS,
                       "%s does not speak TLS (%s): check the port, or write http:// if that is meant",
                       p.text, words);
    if (is_tls_alert(s))
        return gw_fail(e, GW_ETLS, "%s refuses the TLS connection (%s): check %s", p.text, words, set->cert);
    return gw_fail(e, GW_ETLS, "%s: the TLS handshake fails (%s)", p.text, words);
}

/* ---- the reply ---- */

static int fail_cut(const gw_http_slot *s, CURLcode rc, gw_error *e)
{
    char words[REASON_MAX];
    bool secure = strcmp(s->http->base.scheme, "https") == 0;
    const char *hint = s->http->answered         ? ""
                       : !secure                 ? "; if it wants TLS, write https://"
                       : !s->http->o.cert_data.n ? "; if it wants a client certificate, give one with "
                                                 : "";
    return gw_fail(e, GW_ETIMEOUT,
                   "%s: the reply broke off after %" PRIu64 " bytes (%s): look for a timeout or "
                   "restart of the server, or of a proxy before it%s%s",
                   place_of(s, true).text, s->body_bytes, curl_words(s, rc, words), hint,
                   secure && *hint ? settings_of(s)->cert : "");
}

static int fail_slow(const gw_http_slot *s, bool stalled, gw_error *e)
{
    int64_t ms = stalled ? s->http->o.stall_timeout_ms : s->http->o.try_timeout_ms;
    const char *what = stalled ? "no byte came for" : "the reply took more than";
    const char *with = settings_of(s)->timeout;
    if (stalled && s->pace_moved != s->moved && gw_clock_monotonic(NULL) - s->active_ms < ms) {
        what = "less than a KiB came in";
        ms *= HTTP_PACE_TIMEOUTS;
    }
    return gw_fail(e, GW_ETIMEOUT, "%s: %s %" PRId64 " ms; ask for less, or allow it more time%s%s",
                   place_of(s, true).text, what, ms, with ? " with " : "", with ? with : "");
}

static gw_http_verdict judge_transport(gw_http_slot *s, CURLcode rc, gw_error *e)
{
    /* A server that has never answered is more likely a wrong URL than one that restarts: say so at once. */
    bool known = s->http->answered;
    curl_off_t connected = 0;
    if (is_proxy_failure(s, rc))
        return (gw_http_verdict){.code = fail_proxy(s, rc, e), .retry = known};
    switch (rc) {
    case CURLE_OUT_OF_MEMORY:
        return (gw_http_verdict){.code = gw_fail_memory(e)};
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return (gw_http_verdict){.code = fail_connect(s, rc, e), .retry = known};
    case CURLE_OPERATION_TIMEDOUT:
        curl_easy_getinfo(s->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
        if (connected <= 0)
            return (gw_http_verdict){.code = fail_connect(s, rc, e), .retry = known};
        return (gw_http_verdict){.code = fail_slow(s, false, e), .retry = known};
    case CURLE_URL_MALFORMAT:
        return (gw_http_verdict){.code = gw_fail(e, GW_EQUERY, "%s is not a URL", place_of(s, true).text)};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return (gw_http_verdict){.code = fail_not_http(s, rc, e)};
    case CURLE_SSL_CONNECT_ERROR: {
        int code = fail_tls(s, rc, e);
        return (gw_http_verdict){.code = code, .retry = known && !is_tls_alert(s)};
    }
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return (gw_http_verdict){.code = fail_tls(s, rc, e)};
    case CURLE_BAD_CONTENT_ENCODING:
        return (gw_http_verdict){
            .code = gw_fail(e, GW_ECORRUPT, "%s: the reply cannot be decompressed", place_of(s, true).text)};
    default:
        if (is_tls_alert(s))
            return (gw_http_verdict){.code = fail_tls(s, rc, e)};
        /* CURLE_PARTIAL_FILE, RECV_ERROR, SEND_ERROR, GOT_NOTHING, HTTP2, HTTP2_STREAM and their like */
        return (gw_http_verdict){.code = fail_cut(s, rc, e), .retry = true};
    }
}

static gw_http_verdict judge_redirect(gw_http_slot *s, long status, gw_error *e)
{
    const char *to = NULL;
    char shown[GW_URL_SHOWN_MAX];
    curl_easy_getinfo(s->easy, CURLINFO_REDIRECT_URL, &to);
    place p = place_of(s, true);
    if (!to || !*to || status == 304)
        return (gw_http_verdict){
            .code = gw_fail(e, GW_EQUERY, "%s answers %ld, which is no answer to a query", p.text, status)};
    gw_url_shown(to, shown);
    if (!gw_eq(s->request->method, "GET"))
        return (gw_http_verdict){
            .code = gw_fail(e, GW_EQUERY,
                            "%s redirects to %s (%ld), which is not followed for a %s: give the "
                            "final URL, or the credentials that spare the login page",
                            p.text, shown, status, s->request->method)};
    if (s->redirects == HTTP_REDIRECTS_MAX || strlen(to) >= sizeof(s->location))
        return (gw_http_verdict){.code =
                                     gw_fail(e, GW_EQUERY,
                                             "%s redirects more than %d times, the last time to %s: give the "
                                             "final URL",
                                             s->http->what, HTTP_REDIRECTS_MAX, shown)};
    snprintf(s->location, sizeof(s->location), "%s", to);
    return (gw_http_verdict){.code = GW_EQUERY, .redirect = true};
}

static int64_t retry_after_ms(const gw_http_slot *s)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &seconds);
    if (seconds <= 0)
        return 0;
    return seconds >= HTTP_RETRY_AFTER_MS / 1000 ? HTTP_RETRY_AFTER_MS : (int64_t)seconds * 1000;
}

static gw_http_verdict judge_status(gw_http_slot *s, long status, gw_error *e)
{
    char w[REASON_MAX];
    if (status >= 300 && status < 400)
        return judge_redirect(s, status, e);
    place p = place_of(s, true);
    size_t n = strlen(p.text);
    /* where it reads along, the answer may be its own */
    if (s->proxy.url && strcmp(s->http->base.scheme, "http") == 0)
        snprintf(p.text + n, sizeof(p.text) - n, " (through the proxy %.200s from %s)", s->proxy.url,
                 s->proxy.source);
    const char *at = p.text, *words = words_of(s, w);
    switch (status) {
    case 401:
        return (gw_http_verdict){
            .code = gw_fail(
                e, GW_EAUTH,
                "%s answers 401, not authenticated%s; check the token, the user name and password, or "
                "the client certificate%s",
                at, words, s->foreign ? " (none were sent, because it is another host)" : ""),
            .unauthorized = !s->foreign};
    case 403:
        return (gw_http_verdict){.code =
                                     gw_fail(e, GW_EAUTH,
                                             "%s answers 403, not allowed%s; the right to read this must be "
                                             "granted there",
                                             at, words)};
    case 404:
        return (gw_http_verdict){
            .code = gw_fail(e, GW_EQUERY, "%s answers 404, not found%s; check the URL and its path prefix",
                            at, words)};
    case 407:
        return (gw_http_verdict){
            .code = gw_fail(e, GW_ECONNECT,
                            "the proxy %s (from %s) wants a login (407): put user:password@ into "
                            "its URL",
                            s->proxy.url ? s->proxy.url : "on the way",
                            s->proxy.url ? s->proxy.source : "the network")};
    case 408:
        return (gw_http_verdict){.code = gw_fail(e, GW_ETIMEOUT, "%s answers 408, too slow%s", at, words),
                                 .retry = true};
    case 429:
        return (gw_http_verdict){
            .code = gw_fail(e, GW_ESERVER,
                            "%s answers 429, too many requests%s; lower the concurrency or try "
                            "later",
                            at, words),
            .retry = true,
            .wait_ms = retry_after_ms(s)};
    default:
        break;
    }
    if (status >= 500)
        return (gw_http_verdict){.code = gw_fail(e, GW_ESERVER,
                                                 "%s answers %ld%s; look into its log, or try later", at,
                                                 status, words),
                                 .retry = status != 501 && status != 505,
                                 .wait_ms = retry_after_ms(s)};
    const char *hint = status == 413 || status == 422
                           ? "ask for less, for example a shorter window, or have its limits raised"
                           : "check the URL, and what is asked for";
    return (gw_http_verdict){
        .code = gw_fail(e, GW_EQUERY, "%s rejects the request (%ld)%s; %s", at, status, words, hint)};
}

gw_http_verdict gw_http_judge(gw_http_slot *s, CURLcode rc, bool stalled, gw_error *e)
{
    long status = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    /* a bad status may be the proxy's own where it reads along, that is, but in a tunnel */
    bool direct = !s->proxy.url || strcmp(s->http->base.scheme, "https") == 0;
    if (status > 0 && (direct || status < 300))
        s->http->answered = true;
    bool starved = gw_http_memory_failed();
    if (s->own_code) {
        gw_http_name_place(s, &s->request->error);
        if (e)
            *e = s->request->error;
        return (gw_http_verdict){.code = s->own_code};
    }
    if (rc == CURLE_OUT_OF_MEMORY || starved)
        return (gw_http_verdict){.code = gw_fail_memory(e)};
    /* a bad status says more than the way in which its body ended */
    if (status >= 300)
        return judge_status(s, status, e);
    if (stalled)
        return (gw_http_verdict){.code = fail_slow(s, true, e), .retry = s->http->answered};
    return rc ? judge_transport(s, rc, e) : (gw_http_verdict){0};
}
