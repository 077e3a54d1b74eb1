/*
 * Which proxy a request goes through. The rules are those of Go's net/http, because kubectl and promtool
 * users expect them: HTTP_PROXY or HTTPS_PROXY by the target's scheme (upper case first, then lower),
 * NO_PROXY, and a loopback target never goes through a proxy that came from the environment (so that a
 * port-forward works).
 *
 * NO_PROXY is a list with commas: "*" (everything), "host" (it and its subdomains), ".host" or "*.host" (only
 * the subdomains), an IP address, a CIDR range; each but a range may end in ":port".
 * https://pkg.go.dev/golang.org/x/net/http/httpproxy
 */
#ifndef GW_NET_PROXY_H
#define GW_NET_PROXY_H

#include "net/url.h"

typedef struct gw_proxy {
    const char *url;             /* "http://host:port", without user; NULL = connect directly */
    const char *user, *password; /* NULL = none */
    const char *source;          /* "HTTPS_PROXY", or "the proxy option": for messages */
} gw_proxy;

/*
 * option: "" = no proxy, NULL = ask the environment through env(name), else the proxy itself, which NO_PROXY
 * does not touch. Schemes: http (assumed where none is written), https, socks5, socks5h; names are resolved
 * by a socks proxy. The result lives in the arena. GW_ECONFIG where the proxy is no such URL.
 */
int gw_proxy_pick(gw_arena *a, const gw_url *target, const char *option, const char *(*env)(const char *name),
                  gw_proxy *ret, gw_error *e);

/* Whether the NO_PROXY list names the host. */
bool gw_proxy_bypassed(const char *no_proxy, const char *host, int port);

#endif
