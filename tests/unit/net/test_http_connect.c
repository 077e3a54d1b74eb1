/* The way to the server: connections that fail, TLS, HTTP/2, proxies, and the options that rule them. */
#include "net/http_kit.h"

static fault_server *plain, *proxy, *tls, *tls_other_name, *tls_client, *tls_expired, *h2;
static fs_cert ca, other_ca, good, renamed, client, stranger, expired;

/* ---- no connection ---- */

static void no_connection_says_why(void **state)
{
    GW_UNUSED(state);
    char out[1024], url[256];
    int port, fd = fs_listen(&port);
    close(fd);
    snprintf(url, sizeof(url), "http://ada:lovelace@127.0.0.1:%d/pre", port);
    gw_http_options o = options(url);
    int64_t start = gw_clock_monotonic(NULL);
    o.backoff_ms = 1000;
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "refused");
    assert_lacks(out, "lovelace");
    /* a server that has never answered is not waited for */
    assert_true(gw_clock_monotonic(NULL) - start < 900);
    /* A label of more than 63 bytes is refused by the resolver itself, so no name server decides the outcome.
     */
    snprintf(url, sizeof(url), "http://%064d.invalid:9090", 0);
    o = options(url);
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "cannot be resolved");
}

static void a_known_server_is_waited_for(void **state)
{
    GW_UNUSED(state);
    fault_server *s = fs_start(NULL, NULL);
    gw_http_options o = options(url_of(s, false, "127.0.0.1"));
    gw_http *h = client_of(&o);
    gw_error e;
    sink k;
    gw_http_request r = request(&k, "/ok");
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), 0);
    fs_stop(s);
    assert_int_equal(gw_http_perform(h, &r, 1, false, &e), GW_ECONNECT);
    assert_int_equal(r.retries, 2);
    gw_buf_free(&k.body);
    gw_http_free(h);
}

static void options_are_checked(void **state)
{
    GW_UNUSED(state);
    static const char *const urls[] = {"",
                                       "localhost:9090",
                                       "ftp://h/",
                                       "http://",
                                       "http://h:99999",
                                       "http://h/?q=1",
                                       "http://ada:lovelace@h h/",
                                       "http:/ada:lovelace@h"};
    static const char *const bad[] = {"NoColon", "A: b\r\nEvil: c", ": x", "A:", "A B: c"};
    gw_error e;
    gw_http *h = NULL;
    for (size_t i = 0; i < GW_COUNT(urls); i++) {
        gw_http_options o = options(urls[i]);
        assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
        assert_lacks(e.message, "lovelace");
    }
    gw_http_options o = options("localhost:9090");
    gw_http_new(&o, &h, &e);
    assert_has(e.message, "write it as http://localhost:9090");
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        const char *headers[] = {bad[i], NULL};
        o = options("http://h");
        o.headers = headers;
        assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    }
    o = options("http://h");
    o.bearer_token = "a\r\nEvil: b";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    o.bearer_token = "a";
    o.username = "b";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    o = options("http://h");
    o.max_concurrency = 17;
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    o = options("https://h");
    o.ca_file = "/nonexistent/ca.pem";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EIO);
    assert_has(e.message, "/nonexistent/ca.pem");
    o.ca_file = "LICENSE";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EIO);
    assert_has(e.message, "is not PEM");
    o = options("https://h");
    o.key_data = gw_str_of(client.key_pem);
    assert_int_equal(gw_http_new(&o, &h, &e), GW_EUSAGE);
    o = options("http://h");
    o.proxy = "gopher://p";
    assert_int_equal(gw_http_new(&o, &h, &e), GW_ECONFIG);
    assert_null(h);
}

/* ---- TLS ---- */

static void tls_is_verified(void **state)
{
    GW_UNUSED(state);
    char out[1024];
    static const gw_http_settings settings = {.ca = "--ca-file", .insecure = "--trust-anyone"};
    gw_http_options o = options(url_of(tls, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    o.settings = &settings;
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_string_equal(out, "hello");
    /* another authority; the system's */
    const char *others[] = {other_ca.cert_pem, NULL};
    for (int i = 0; i < 2; i++) {
        o.ca_data = gw_str_of(others[i]);
        fs_reset(tls);
        assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
        assert_has(out, "unable to get local issuer certificate");
        assert_has(out, "--ca-file");
        assert_has(out, "(--trust-anyone trusts anyone)");
        assert_has(out, "system time");
        assert_int_equal(fs_requests(tls), 0);
    }
    o.insecure = true;
    assert_int_equal(fetch(&o, "/ok", out), 0);
    o = options(url_of(tls_expired, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "expired");
    assert_has(out, "system's time (20");
    /* the wrong protocol, both ways round */
    o = options(url_of(plain, true, "127.0.0.1"));
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "does not speak TLS");
}

static void the_server_name_can_be_set(void **state)
{
    GW_UNUSED(state);
    char out[1024], host[64];
    gw_http_options o = options(url_of(tls_other_name, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "TLS server name");
    o.server_name = "gpuwise.test";
    fs_reset(tls_other_name);
    assert_int_equal(fetch(&o, "/redirect?to=/ok", out), 0);
    assert_string_equal(out, "hello");
    /* the Host header still names whom we asked */
    snprintf(host, sizeof(host), "127.0.0.1:%d", tls_other_name->port);
    assert_int_equal(fs_requests(tls_other_name), 2);
    assert_string_equal(tls_other_name->log[0].host, host);
    assert_string_equal(tls_other_name->log[1].host, host);
    o.server_name = "another.test";
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
}

static void client_certificates_are_shown(void **state)
{
    GW_UNUSED(state);
    char out[1024];
    gw_http_options o = options(url_of(tls_client, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "wants a client certificate");
    o.cert_data = gw_str_of(client.cert_pem);
    o.key_data = gw_str_of(client.key_pem);
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_string_equal(out, "hello");
    o.key_data = gw_str_of(stranger.key_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "client certificate or its key cannot be used");
    o.cert_data = gw_str_of(stranger.cert_pem);
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
    assert_has(out, "client certificate");
    o.cert_data = gw_str_of("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n");
    assert_int_equal(fetch(&o, "/ok", out), GW_ETLS);
}

static void a_client_certificate_stays_at_home(void **state)
{
    GW_UNUSED(state);
    char out[1024], path[256];
    gw_http_options o = options(url_of(tls, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    o.cert_data = gw_str_of(client.cert_pem);
    o.key_data = gw_str_of(client.key_pem);
    snprintf(path, sizeof(path), "/redirect?to=%s/ok", url_of(tls_client, true, "127.0.0.1"));
    assert_int_equal(fetch(&o, path, out), GW_ETLS);
    assert_has(out, "wants a client certificate");
    snprintf(path, sizeof(path), "/redirect?to=%s/ok", url_of(plain, false, "127.0.0.1"));
    fs_reset(plain);
    assert_int_equal(fetch(&o, path, out), GW_EQUERY);
    assert_has(out, "not encrypted");
    assert_int_equal(fs_requests(plain), 0);
}

/* ---- HTTP/2 ---- */

static void streams_share_a_connection(void **state)
{
    GW_UNUSED(state);
    enum { N = 12 };
    gw_http_options o = options(url_of(h2, true, "127.0.0.1"));
    o.ca_data = gw_str_of(ca.cert_pem);
    o.max_concurrency = 4;
    gw_http *h = client_of(&o);
    gw_error e;
    sink s[N];
    gw_http_request r[N];
    for (int round = 0; round < 3; round++) {
        /* the last round meets three streams that are reset */
        h2->h2_resets = round == 2 ? 3 : 0;
        int before = h2->connections, retries = 0;
        for (int i = 0; i < N; i++)
            r[i] = request(&s[i], "/x");
        assert_int_equal(gw_http_perform(h, r, N, false, &e), 0);
        for (int i = 0; i < N; i++) {
            assert_string_equal(s[i].body.data, "hello");
            retries += r[i].retries;
            gw_buf_free(&s[i].body);
        }
        assert_int_equal(retries, round == 2 ? 3 : 0);
        /* the first four may each open a connection before they know that one would do */
        assert_true(h2->connections - before <= (round == 0 ? 4 : 0));
    }
    gw_http_free(h);
}

/* ---- proxies ---- */

static void a_proxy_is_used(void **state)
{
    GW_UNUSED(state);
    char out[1024], via[128];
    gw_http_options o = options("http://prom.test:9090");
    snprintf(via, sizeof(via), "http://ada:love%%2Flace@127.0.0.1:%d", proxy->port);
    o.proxy = via;
    fs_reset(proxy);
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_string_equal(proxy->log[0].target, "http://prom.test:9090/ok");
    /* base64 of "ada:love/lace", by coreutils' base64 */
    assert_string_equal(proxy->log[0].proxy_authorization, "Basic YWRhOmxvdmUvbGFjZQ==");
    /* through a tunnel, the headers are for the server alone */
    const char *headers[] = {"X-Scope-OrgID: team-a", NULL};
    o.base_url = "https://gpuwise.test:6443";
    o.ca_data = gw_str_of(ca.cert_pem);
    o.headers = headers;
    o.bearer_token = "new-token";
    fs_reset(proxy);
    assert_int_equal(fetch(&o, "/auth", out), 0);
    assert_string_equal(proxy->log[0].target, "gpuwise.test:6443");
    assert_string_equal(proxy->log[0].extra, "");
    assert_string_equal(proxy->log[0].authorization, "");
    assert_string_equal(proxy->log[1].target, "/auth");
    assert_string_equal(proxy->log[1].extra, "team-a");
    assert_string_equal(proxy->log[1].proxy_authorization, "");
    /* with a TLS name of its own, the tunnel still leads to the host that was named */
    o.base_url = "https://elsewhere.test:6443";
    o.server_name = "gpuwise.test";
    fs_reset(proxy);
    assert_int_equal(fetch(&o, "/auth", out), 0);
    assert_string_equal(proxy->log[0].target, "elsewhere.test:6443");
    assert_string_equal(proxy->log[1].host, "elsewhere.test:6443");
}

static void a_proxy_that_fails_is_named(void **state)
{
    GW_UNUSED(state);
    char out[1024], via[128];
    snprintf(via, sizeof(via), "http://ada:lovelace@127.0.0.1:%d", proxy->port);
    gw_http_options o = options("https://deny.test");
    o.proxy = via;
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "refuses to connect");
    assert_has(out, "(403)");
    o.base_url = "https://login.test";
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "wants a login (407)");
    assert_lacks(out, "lovelace");
    int port, fd = fs_listen(&port);
    close(fd);
    snprintf(via, sizeof(via), "http://ada:lovelace@127.0.0.1:%d", port);
    o.base_url = "http://prom.test";
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "the proxy http://127.0.0.1:");
    assert_has(out, "refused");
    assert_lacks(out, "lovelace");
}

static void the_environment_names_the_proxy(void **state)
{
    GW_UNUSED(state);
    char out[1024], via[128];
    snprintf(via, sizeof(via), "127.0.0.1:%d", proxy->port);
    gw_http_options o = options("http://prom.test:9090");
    setenv("HTTP_PROXY", via, 1);
    fs_reset(proxy);
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_int_equal(fs_requests(proxy), 1);
    /* NO_PROXY, and "" in the options: straight to a host that does not exist. The name cannot be resolved by
     * the resolver's own rules, see above. */
    char url[256], except[256];
    snprintf(url, sizeof(url), "http://%064d.invalid:9090", 0);
    o.base_url = url;
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_int_equal(fs_requests(proxy), 2);
    snprintf(except, sizeof(except), "x.test, %064d.invalid", 0);
    setenv("NO_PROXY", except, 1);
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_has(out, "cannot be resolved");
    unsetenv("NO_PROXY");
    o.proxy = "";
    assert_int_equal(fetch(&o, "/ok", out), GW_ECONNECT);
    assert_int_equal(fs_requests(proxy), 2);
    /* a port-forward on loopback is not looked for behind the proxy */
    o = options(url_of(plain, false, "127.0.0.1"));
    assert_int_equal(fetch(&o, "/ok", out), 0);
    assert_int_equal(fs_requests(proxy), 2);
    unsetenv("HTTP_PROXY");
}

/* ---- the house ---- */

static int open_servers(void **state)
{
    GW_UNUSED(state);
    clear_environment();
    ca = fs_certify("test CA", NULL, NULL, -60, 3600);
    other_ca = fs_certify("other CA", NULL, NULL, -60, 3600);
    good = fs_certify("good", "DNS:localhost,IP:127.0.0.1", &ca, -60, 3600);
    renamed = fs_certify("renamed", "DNS:gpuwise.test", &ca, -60, 3600);
    expired = fs_certify("expired", "IP:127.0.0.1", &ca, -7200, -3600);
    client = fs_certify("client", NULL, &ca, -60, 3600);
    stranger = fs_certify("stranger", NULL, &other_ca, -60, 3600);
    plain = fs_start(NULL, NULL);
    proxy = fs_start(NULL, fs_tls(&renamed, NULL));
    tls = fs_start(fs_tls(&good, NULL), NULL);
    tls_other_name = fs_start(fs_tls(&renamed, NULL), NULL);
    tls_client = fs_start(fs_tls(&good, &ca), NULL);
    tls_expired = fs_start(fs_tls(&expired, NULL), NULL);
    SSL_CTX *ctx = fs_tls(&good, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, fs_choose_h2, NULL);
    h2 = fs_start(ctx, NULL);
    h2->h2 = true;
    return 0;
}

static int close_servers(void **state)
{
    GW_UNUSED(state);
    fault_server *all[] = {plain, proxy, tls, tls_other_name, tls_client, tls_expired, h2};
    fs_cert *certs[] = {&ca, &other_ca, &good, &renamed, &client, &stranger, &expired};
    for (size_t i = 0; i < GW_COUNT(all); i++)
        fs_stop(all[i]);
    for (size_t i = 0; i < GW_COUNT(certs); i++)
        fs_cert_free(certs[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_connection_says_why),
        cmocka_unit_test(a_known_server_is_waited_for),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(tls_is_verified),
        cmocka_unit_test(the_server_name_can_be_set),
        cmocka_unit_test(client_certificates_are_shown),
        cmocka_unit_test(a_client_certificate_stays_at_home),
        cmocka_unit_test(streams_share_a_connection),
        cmocka_unit_test(a_proxy_is_used),
        cmocka_unit_test(a_proxy_that_fails_is_named),
        cmocka_unit_test(the_environment_names_the_proxy),
    };
    return cmocka_run_group_tests_name("http connect", tests, open_servers, close_servers);
}
