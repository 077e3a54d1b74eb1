/*
 * URLs: taken apart for the HTTP client, put together for its users. The parsing is libcurl's, so that what
 * is checked here and what is connected to later are read by the same rules.
 */
#ifndef GW_NET_URL_H
#define GW_NET_URL_H

#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"

typedef struct gw_url {
    const char *scheme; /* lower case */
    const char *host;   /* as written; an IPv6 address without its brackets */
    int port;           /* as written, or the scheme's: http 80, https 443, smtp 587, smtps 465, socks 1080 */
    const char *origin; /* "https://host:port", the port only where it was written */
    const char *authority;       /* the origin without its scheme: what a Host header carries */
    const char *path;            /* "" or "/prefix": without trailing slashes, still percent-encoded */
    const char *query;           /* what follows '?', still percent-encoded; NULL = none */
    const char *user, *password; /* decoded; NULL = none */
} gw_url;

/*
 * Takes `text` apart into memory of the arena. schemes: the accepted ones, NULL-terminated; the first is
 * assumed where the text has none and `guess` is set. `what` names the thing in messages, which never show
 * user or password. GW_EUSAGE where it is no such URL, GW_ENOMEM.
 */
int gw_url_parse(gw_arena *a, const char *text, const char *const *schemes, bool guess, const char *what,
                 gw_url *ret, gw_error *e);

/* Same scheme, host (whatever the case) and port: what may share credentials. */
bool gw_url_same_origin(const gw_url *a, const gw_url *b);

/* Appends s with everything but letters, digits, '-', '.', '_', '~' percent-encoded (RFC 3986, 2.3). */
void gw_url_escape(gw_buf *b, gw_str s);
/* Appends "?name=value", or "&name=value" when b holds a '?' already; name and value are encoded here. */
void gw_url_query(gw_buf *b, const char *name, gw_str value);

#define GW_URL_SHOWN_MAX 256
/* The URL as a message may show it: without user, password, query and fragment, control characters replaced.
 * Works on any text, also on what is no URL. Returns out. */
const char *gw_url_shown(const char *text, char out[GW_URL_SHOWN_MAX]);

#endif
