#include "net/http_client.h"

#include <errno.h>
#include <pthread.h>
#include <strings.h>

#define RETRIES_MAX    20
#define HEADERS_MAX    64
#define TIMEOUT_MAX_MS GW_DAY_MS

/*
 * libcurl's allocations. It does not always take a failed one for what it is: some become "cannot resolve",
 * and a URL may lose its query. So a failure is noted here, and whoever called libcurl asks.
 */
static _Thread_local bool memory_failed;

static void *noted(void *p)
{
    memory_failed |= p == NULL;
    return p;
}

static void *curl_malloc(size_t n)
{
    return noted(gw_malloc(n));
}

static void *curl_calloc(size_t n, size_t size)
{
    return noted(gw_calloc(n, size));
}

static void *curl_realloc(void *p, size_t n)
{
    return noted(gw_realloc(p, n));
}

static char *curl_strdup(const char *s)
{
    return noted(gw_strdup(s));
}

bool gw_http_memory_failed(void)
{
    bool failed = memory_failed;
    memory_failed = false;
    return failed;
}

/*
 * libcurl keeps its allocators for the whole process and is never shut down: the next client would have to
 * start it again, and other threads may still be in it. A start that failed is tried again by the next
 * caller.
 */
int gw_http_global_init(gw_error *e)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool done;
    CURLcode rc = CURLE_OK;
    pthread_mutex_lock(&lock);
    if (!done) {
        rc = curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, gw_free, curl_realloc, curl_strdup,
                                  curl_calloc);
        done = rc == CURLE_OK;
    }
    pthread_mutex_unlock(&lock);
    if (rc && gw_http_memory_failed())
        return gw_fail_memory(e);
    if (rc)
        return gw_fail(e, GW_EINTERNAL, "libcurl does not start: %s", curl_easy_strerror(rc));
    return 0;
}

void gw_http_forget(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, strlen(secret));
    gw_free(secret);
}

const char *gw_http_env(const char *name)
{
    return getenv(name);
}

bool gw_http_sigpipe_block(sigset_t *ret_before)
{
    sigset_t pipe, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, ret_before);
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void gw_http_sigpipe_restore(const sigset_t *before, bool was_pending)
{
    sigset_t pipe;
    const struct timespec now = {0};
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    /* one that came from our own writes is taken away; one that was there before is not ours */
    if (!was_pending)
        while (sigtimedwait(&pipe, NULL, &now) == -1 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* ---- files ---- */

/* Reads a whole file of at most max bytes into *ret, which is freed after overwriting it by the caller. */
static int read_file(const char *path, const char *what, size_t max, char **ret, size_t *ret_len, gw_error *e)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return gw_fail(e, GW_EIO, "%s '%s' cannot be opened: %s", what, path, strerror(errno));
    /* One piece of the largest size: growing would leave copies of a key behind. */
    char *data = gw_malloc(max + 1);
    size_t n = data ? fread(data, 1, max + 1, f) : 0;
    int failed = ferror(f) ? errno : 0;
    fclose(f);
    if (!data)
        return gw_fail_memory(e);
    int rc = 0;
    if (failed)
        rc = gw_fail(e, GW_EIO, "%s '%s' cannot be read: %s", what, path, strerror(failed));
    else if (n > max)
        rc = gw_fail(e, GW_EIO, "%s '%s' is larger than %zu bytes", what, path, max);
    if (rc) {
        explicit_bzero(data, n);
        gw_free(data);
        return rc;
    }
    data[n] = '\0';
    *ret = data;
    *ret_len = n;
    return 0;
}

/* PEM bytes from the data or else the file into the client's arena. */
static int load_pem(gw_http *h, gw_str data, const char *path, const char *what, gw_str *ret, gw_error *e)
{
    char *text = NULL;
    *ret = (gw_str){0};
    if (data.n == 0 && !path)
        return 0;
    if (data.n == 0) {
        int rc = read_file(path, what, HTTP_FILE_BYTES_MAX, &text, &data.n, e);
        if (rc)
            return rc;
        data.p = text;
    }
    int rc = 0;
    if (!memmem(data.p, data.n, "-----BEGIN ", 11))
        rc = gw_fail(e, GW_EIO, "%s%s%s%s is not PEM: it has no line that starts with -----BEGIN", what,
                     text ? " '" : "", text ? path : "", text ? "'" : "");
    else if (!(ret->p = gw_arena_strndup(&h->arena, data.p, data.n)))
        rc = gw_fail_memory(e);
    else
        ret->n = data.n;
    if (text) {
        explicit_bzero(text, data.n);
        gw_free(text);
    }
    return rc;
}

/* ---- the token ---- */

static gw_str trimmed(gw_str s)
{
    while (s.n && strchr(" \t\r\n", s.p[0]))
        s = (gw_str){s.p + 1, s.n - 1};
    while (s.n && strchr(" \t\r\n", s.p[s.n - 1]))
        s.n--;
    return s;
}

int gw_http_token_set(gw_http *h, gw_str token, gw_error *e)
{
    token = trimmed(token);
    for (size_t i = 0; i < token.n; i++)
        if ((unsigned char)token.p[i] <= 0x20 || (unsigned char)token.p[i] >= 0x7f)
            return gw_fail(e, GW_EUSAGE,
                           "the bearer token for %s has a blank, control or non-ASCII character at byte %zu: "
                           "give the token alone",
                           h->what, i + 1);
    if (token.n == 0)
        return gw_fail(e, GW_EUSAGE, "the bearer token for %s is empty", h->what);
    if (h->token && gw_str_is(token, h->token))
        return 0;
    char *copy = gw_malloc(token.n + 1);
    if (!copy)
        return gw_fail_memory(e);
    memcpy(copy, token.p, token.n);
    copy[token.n] = '\0';
    gw_http_forget(h->token);
    h->token = copy;
    h->token_generation++;
    return 0;
}

static int token_read(gw_http *h, gw_error *e)
{
    char *text;
    size_t n;
    h->token_read_ms = gw_clock_monotonic(NULL);
    int rc = read_file(h->o.bearer_token_file, "the bearer token file", HTTP_TOKEN_BYTES_MAX, &text, &n, e);
    if (rc)
        return rc;
    rc = gw_http_token_set(h, (gw_str){text, n}, e);
    explicit_bzero(text, n);
    gw_free(text);
    return rc;
}

bool gw_http_token_reread(gw_http *h, bool force)
{
    if (!h->o.bearer_token_file ||
        (!force && gw_clock_monotonic(NULL) - h->token_read_ms < HTTP_TOKEN_REREAD_MS))
        return false;
    uint64_t before = h->token_generation;
    /* a mount that is being swapped may be empty for a moment: the token at hand stays */
    token_read(h, NULL);
    return h->token_generation != before;
}

/* ---- options ---- */

static int copy_text(gw_http *h, const char *s, const char **ret, gw_error *e)
{
    *ret = s ? gw_arena_strdup(&h->arena, s) : NULL;
    return s && !*ret ? gw_fail_memory(e) : 0;
}

/* A header that could smuggle in another one, or that libcurl would read as "remove this header". */
static bool header_is_sound(const char *line)
{
    const char *colon = strchr(line, ':');
    if (!colon || colon == line)
        return false;
    for (const char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || (p < colon && *p == ' '))
            return false;
    return colon[1 + strspn(colon + 1, " ")] != '\0';
}

static int copy_headers(gw_http *h, const char *const *headers, gw_error *e)
{
    size_t n = 0;
    h->o.headers = NULL;
    for (; headers && headers[n]; n++) {
        if (n == HEADERS_MAX)
            return gw_fail(e, GW_EUSAGE, "more than %d headers for %s", HEADERS_MAX, h->what);
        if (!header_is_sound(headers[n]))
            return gw_fail(e, GW_EUSAGE, "header %zu for %s is not 'Name: value' on one line", n + 1,
                           h->what);
        if ((h->token || h->o.username) && strncasecmp(headers[n], "Authorization:", 14) == 0)
            return gw_fail(e, GW_EUSAGE,
                           "an Authorization header for %s beside a token or user name: give one", h->what);
    }
    if (n == 0)
        return 0;
    const char **copy = GW_NEW_ARRAY(&h->arena, const char *, n + 1);
    if (!copy)
        return gw_fail_memory(e);
    h->o.headers = copy;
    for (size_t i = 0; i < n; i++)
        if (copy_text(h, headers[i], &copy[i], e))
            return GW_ENOMEM;
    return 0;
}

static int take_url(gw_http *h, const gw_http_options *o, gw_error *e)
{
    static const char *const schemes[] = {"http", "https", NULL};
    char what[96];
    snprintf(what, sizeof(what), "the %s URL", h->what);
    if (!o->base_url || !*o->base_url)
        return gw_fail(e, GW_EUSAGE, "%s is empty: give http://HOST:PORT", what);
    int rc = gw_url_parse(&h->arena, o->base_url, schemes, false, what, &h->base, e);
    if (rc)
        return rc;
    if (strpbrk(o->base_url, "?#")) {
        char shown[GW_URL_SHOWN_MAX];
        return gw_fail(e, GW_EUSAGE, "%s must end before '?' and '#': give %s", what,
                       gw_url_shown(o->base_url, shown));
    }
    h->o.base_url = gw_arena_printf(&h->arena, "%s%s", h->base.origin, h->base.path);
    return h->o.base_url ? 0 : gw_fail_memory(e);
}

static int take_credentials(gw_http *h, const gw_http_options *o, gw_error *e)
{
    const char *user = o->username, *password = o->password;
    if (!user && !password) {
        user = h->base.user;
        password = h->base.password;
    }
    if ((user || password) && (o->bearer_token || o->bearer_token_file))
        return gw_fail(e, GW_EUSAGE, "both a bearer token and a user name for %s: give one of them", h->what);
    if (user && strchr(user, ':'))
        return gw_fail(e, GW_EUSAGE,
                       "the user name for %s holds a ':', which basic authentication cannot send", h->what);
    int rc = copy_text(h, user ? user : password ? "" : NULL, &h->o.username, e);
    if (!rc)
        rc = copy_text(h, password ? password : user ? "" : NULL, &h->o.password, e);
    if (!rc)
        rc = copy_text(h, o->bearer_token_file, &h->o.bearer_token_file, e);
    h->o.bearer_token = NULL;
    if (!rc && o->bearer_token_file)
        rc = token_read(h, e);
    else if (!rc && o->bearer_token)
        rc = gw_http_token_set(h, gw_str_of(o->bearer_token), e);
    return rc;
}

static int take_tls(gw_http *h, const gw_http_options *o, gw_error *e)
{
    bool cert = o->cert_data.n || o->cert_file, key = o->key_data.n || o->key_file;
    if (key && !cert)
        return gw_fail(e, GW_EUSAGE, "a client key for %s without its certificate", h->what);
    int rc = load_pem(h, o->ca_data, o->ca_file, "the CA file", &h->o.ca_data, e);
    if (!rc)
        rc = load_pem(h, o->cert_data, o->cert_file, "the client certificate", &h->o.cert_data, e);
    if (!rc)
        rc = load_pem(h, o->key_data, o->key_file, "the client key", &h->o.key_data, e);
    if (!rc)
        rc = copy_text(h, o->server_name && *o->server_name ? o->server_name : NULL, &h->o.server_name, e);
    if (!rc && h->o.server_name && strpbrk(h->o.server_name, "/:@?# \t\r\n"))
        return gw_fail(e, GW_EUSAGE, "the TLS server name for %s is not a host name", h->what);
    return rc;
}

static int take_proxy(gw_http *h, const gw_http_options *o, gw_error *e)
{
    int rc = copy_text(h, o->proxy, &h->o.proxy, e);
    gw_proxy unused;
    /* a proxy URL that is none is reported now, not with the first request */
    return rc ? rc : gw_proxy_pick(&h->arena, &h->base, h->o.proxy, gw_http_env, &unused, e);
}

static int take_numbers(gw_http *h, gw_error *e)
{
    gw_http_options *o = &h->o;
    if (o->max_concurrency < 0 || o->max_concurrency > HTTP_CONCURRENCY_MAX)
        return gw_fail(e, GW_EUSAGE, "concurrency %d for %s: 1 to %d", o->max_concurrency, h->what,
                       HTTP_CONCURRENCY_MAX);
    if (o->max_retries < -1 || o->max_retries > RETRIES_MAX)
        return gw_fail(e, GW_EUSAGE, "%d retries for %s: 0 to %d", o->max_retries, h->what, RETRIES_MAX);
    const int64_t times[] = {o->backoff_ms, o->connect_timeout_ms, o->stall_timeout_ms, o->try_timeout_ms};
    for (size_t i = 0; i < GW_COUNT(times); i++)
        if (times[i] < 0 || times[i] > TIMEOUT_MAX_MS)
            return gw_fail(e, GW_EUSAGE, "a timeout of %" PRId64 " ms for %s: 0 to a day", times[i], h->what);
    o->max_concurrency = o->max_concurrency ? o->max_concurrency : 4;
    o->max_retries = o->max_retries < 0 ? 4 : o->max_retries;
    o->backoff_ms = o->backoff_ms ? o->backoff_ms : 200;
    o->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : 10 * GW_SECOND_MS;
    o->stall_timeout_ms = o->stall_timeout_ms ? o->stall_timeout_ms : GW_MINUTE_MS;
    o->max_reply_bytes = o->max_reply_bytes ? o->max_reply_bytes : (uint64_t)8 << 30;
    return 0;
}

static int make_handles(gw_http *h, gw_error *e)
{
    size_t n = (size_t)h->o.max_concurrency;
    h->slots = gw_calloc(n, sizeof(*h->slots));
    h->multi = curl_multi_init();
    if (!h->slots || !h->multi)
        return gw_fail_memory(e);
    /* as many idle connections as places, and some for redirects */
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)n + 2);
    for (size_t i = 0; i < n; i++) {
        gw_http_slot *s = &h->slots[i];
        s->http = h;
        gw_arena_init(&s->arena, 0);
    }
    return 0;
}

int gw_http_new(const gw_http_options *o, gw_http **ret, gw_error *e)
{
    int rc = gw_http_global_init(e);
    if (rc)
        return rc;
    gw_http *h = gw_calloc(1, sizeof(*h));
    if (!h)
        return gw_fail_memory(e);
    gw_arena_init(&h->arena, 0);
    h->o = *o;
    /* what is not ours must not be touched by gw_http_free when a step below fails */
    h->o.password = h->o.proxy = NULL;
    h->o.key_data = (gw_str){0};
    h->o.headers = NULL;
    h->what = gw_arena_strdup(&h->arena, o->what ? o->what : "server");
    rc = h->what ? 0 : gw_fail_memory(e);
    int (*const steps[])(gw_http *, const gw_http_options *, gw_error *) = {take_url, take_credentials,
                                                                            take_tls, take_proxy};
    for (size_t i = 0; !rc && i < GW_COUNT(steps); i++)
        rc = steps[i](h, o, e);
    if (!rc)
        rc = copy_headers(h, o->headers, e);
    if (!rc)
        rc = take_numbers(h, e);
    if (!rc)
        rc = make_handles(h, e);
    if (rc) {
        gw_http_free(h);
        return rc;
    }
    h->o.what = h->what;
    *ret = h;
    return 0;
}

const char *gw_http_url(const gw_http *h)
{
    return h->o.base_url;
}

/* Overwrites a text of the arena, which the arena itself would only give back. */
static void wipe(const char *s, size_t n)
{
    if (s)
        explicit_bzero((void *)(uintptr_t)s, n);
}

void gw_http_free(gw_http *h)
{
    if (!h)
        return;
    sigset_t before;
    bool pending = gw_http_sigpipe_block(&before);
    for (int i = 0; h->slots && i < h->o.max_concurrency; i++) {
        gw_http_slot *s = &h->slots[i];
        gw_http_try_stop(s);
        gw_arena_free(&s->arena);
    }
    curl_multi_cleanup(h->multi);
    gw_http_memory_failed();
    gw_http_sigpipe_restore(&before, pending);
    gw_free(h->slots);
    gw_http_forget(h->token);
    wipe(h->o.password, h->o.password ? strlen(h->o.password) : 0);
    wipe(h->base.password, h->base.password ? strlen(h->base.password) : 0);
    wipe(h->o.proxy, h->o.proxy ? strlen(h->o.proxy) : 0);
    wipe(h->o.key_data.p, h->o.key_data.n);
    for (size_t i = 0; h->o.headers && h->o.headers[i]; i++)
        wipe(h->o.headers[i], strlen(h->o.headers[i]));
    gw_arena_free(&h->arena);
    gw_free(h);
}
