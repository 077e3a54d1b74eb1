#include "net/proxy.h"

#include <arpa/inet.h>
#include <strings.h>

#include "base/number.h"

typedef struct address {
    int bits; /* 32 or 128; 0 = not an address */
    unsigned char bytes[16];
} address;

static address address_of(gw_str s)
{
    address a = {0};
    char text[INET6_ADDRSTRLEN + 2];
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = (gw_str){s.p + 1, s.n - 2};
    if (s.n == 0 || s.n >= sizeof(text))
        return a;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (inet_pton(AF_INET, text, a.bytes) == 1)
        a.bits = 32;
    else if (inet_pton(AF_INET6, text, a.bytes) == 1)
        a.bits = 128;
    return a;
}

static bool is_loopback(gw_str host)
{
    static const unsigned char six[16] = {[15] = 1};
    address a = address_of(host);
    if (a.bits)
        return a.bits == 32 ? a.bytes[0] == 127 : memcmp(a.bytes, six, sizeof(six)) == 0;
    return host.n == 9 && strncasecmp(host.p, "localhost", 9) == 0;
}

static bool in_range(gw_str entry, const char *slash, const address *a)
{
    gw_str net = {entry.p, (size_t)(slash - entry.p)};
    gw_str length = {slash + 1, entry.n - net.n - 1};
    int64_t bits;
    address range = address_of(net);
    if (!range.bits || range.bits != a->bits || !gw_parse_int64(length, &bits) || bits < 0 || bits > a->bits)
        return false;
    size_t whole = (size_t)bits / 8;
    unsigned mask = (0xff00u >> (bits % 8)) & 0xff;
    return memcmp(range.bytes, a->bytes, whole) == 0 &&
           (mask == 0 || (range.bytes[whole] & mask) == (a->bytes[whole] & mask));
}

/* Cuts a trailing ":port" off the entry; an IPv6 address has colons of its own. False when the port differs.
 */
static bool port_agrees(gw_str *entry, int port)
{
    const char *colon = memrchr(entry->p, ':', entry->n);
    if (!colon || address_of(*entry).bits)
        return true;
    int64_t wanted;
    gw_str digits = {colon + 1, entry->n - (size_t)(colon + 1 - entry->p)};
    if (!gw_parse_int64(digits, &wanted))
        return true;
    entry->n = (size_t)(colon - entry->p);
    return wanted == port;
}

static bool name_matches(gw_str entry, gw_str host)
{
    if (entry.n >= 2 && entry.p[0] == '*' && entry.p[1] == '.')
        entry = (gw_str){entry.p + 1, entry.n - 1};
    if (entry.n == 0 || host.n < entry.n)
        return false;
    const char *tail = host.p + host.n - entry.n;
    if (strncasecmp(tail, entry.p, entry.n) != 0)
        return false;
    return entry.p[0] == '.' ? host.n > entry.n : host.n == entry.n || tail[-1] == '.';
}

static bool entry_matches(gw_str entry, gw_str host, const address *a, int port)
{
    const char *slash = memchr(entry.p, '/', entry.n);
    if (slash)
        return a->bits && in_range(entry, slash, a);
    if (!port_agrees(&entry, port))
        return false;
    address b = address_of(entry);
    if (a->bits || b.bits)
        return a->bits == b.bits && memcmp(a->bytes, b.bytes, sizeof(b.bytes)) == 0;
    return name_matches(entry, host);
}

bool gw_proxy_bypassed(const char *no_proxy, const char *host, int port)
{
    gw_str name = gw_str_of(host);
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    address a = address_of(name);
    for (const char *p = no_proxy; *p;) {
        size_t n = strcspn(p, ", \t");
        gw_str entry = {p, n};
        p += n + strspn(p + n, ", \t");
        if (gw_str_is(entry, "*") || (n && entry_matches(entry, name, &a, port)))
            return true;
    }
    return false;
}

static const char *first_set(const char *(*env)(const char *), const char *upper, const char *lower,
                             const char **ret_name)
{
    const char *names[] = {upper, lower};
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        const char *value = env(names[i]);
        if (value && *value) {
            *ret_name = names[i];
            return value;
        }
    }
    return NULL;
}

int gw_proxy_pick(gw_arena *a, const gw_url *target, const char *option, const char *(*env)(const char *name),
                  gw_proxy *ret, gw_error *e)
{
    static const char *const schemes[] = {"http", "https", "socks5", "socks5h", NULL};
    const char *text = option, *source = "the proxy option", *unused;
    if (!option) {
        bool tls = strcmp(target->scheme, "https") == 0;
        text =
            first_set(env, tls ? "HTTPS_PROXY" : "HTTP_PROXY", tls ? "https_proxy" : "http_proxy", &source);
        const char *except = first_set(env, "NO_PROXY", "no_proxy", &unused);
        if (text && (is_loopback(gw_str_of(target->host)) ||
                     (except && gw_proxy_bypassed(except, target->host, target->port))))
            text = NULL;
    }
    if (!text || !*text) {
        *ret = (gw_proxy){0};
        return 0;
    }
    gw_url u;
    char what[64];
    snprintf(what, sizeof(what), "the proxy URL (%s)", source);
    int rc = gw_url_parse(a, text, schemes, true, what, &u, e);
    if (rc == GW_EUSAGE && e)
        e->code = GW_ECONFIG;
    if (rc)
        return rc == GW_EUSAGE ? GW_ECONFIG : rc;
    /* The port is always written: libcurl would take 1080 for any proxy without one. */
    const char *scheme = strcmp(u.scheme, "socks5") == 0 ? "socks5h" : u.scheme;
    bool six = strchr(u.host, ':') != NULL;
    const char *url =
        gw_arena_printf(a, "%s://%s%s%s:%d", scheme, six ? "[" : "", u.host, six ? "]" : "", u.port);
    if (!url)
        return gw_fail_memory(e);
    *ret = (gw_proxy){url, u.user, u.password, source};
    return 0;
}
