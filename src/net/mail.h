/*
 * Sends mail: one message, RFC 5322 with MIME, to an SMTP server through libcurl. Knows nothing of what is in
 * it. Not for bulk: a connection a message.
 *
 * Header fields are made here from plain UTF-8. Line ends and control characters cannot get into them: texts
 * become encoded words (RFC 2047) wherever they are not plain ASCII, addresses are checked letter by letter.
 * The body is sent as base64, so no line of it is too long, looks like a dot, or is changed on the way.
 */
#ifndef GW_NET_MAIL_H
#define GW_NET_MAIL_H

#include "base/buf.h"
#include "base/time.h"

typedef enum gw_mail_tls {
    GW_MAIL_TLS_REQUIRED, /* STARTTLS before anything is said, or smtps:// */
    GW_MAIL_TLS_NONE,     /* plain text: for a relay on this machine */
} gw_mail_tls;

typedef struct gw_mail_server {
    const char *url; /* "smtp://host:587", "smtps://host:465"; the port may be left out (587, 465) */
    gw_mail_tls tls;
    const char *username, *password; /* NULL: no login */
    const char *ca_file;             /* PEM; NULL: the system's */
    bool insecure;                   /* do not verify the server */
    int64_t timeout_ms;              /* of the whole; 0: 30 s */
} gw_mail_server;

#define GW_MAIL_RECIPIENTS_MAX 32
#define GW_MAIL_BYTES_MAX      ((size_t)1 << 20)
#define GW_MAIL_ADDRESS_MAX    254 /* RFC 5321, 4.5.3.1.3 */
#define GW_MAIL_SUBJECT_MAX    400 /* bytes; longer ones are cut between characters */

typedef struct gw_mail {
    const char *from; /* "gpuwise@example.org" or "Name <gpuwise@example.org>" */
    const char *const *to;
    size_t n_to;
    const char *subject;
    gw_str body; /* UTF-8, lines end in \n */
    int64_t date_ms;
    const char *message_id;     /* the part before '@': letters, digits, '.', '-', '_' */
    const char *auto_submitted; /* "auto-generated" (RFC 3834); NULL: left out */
} gw_mail;

/* The address in "Name <a@b>" or "a@b", as a slice of text; {NULL, 0} where it is none: one '@', a domain of
 * letters, digits, '.' and '-', no blanks, quotes or control characters, ASCII only. */
gw_str gw_mail_address(const char *text);

/* The message as it is sent, lines ending in \r\n. GW_ECONFIG for addresses that are none. */
int gw_mail_write(const gw_mail *m, gw_buf *b, gw_error *e);

/* 0, or GW_ECONFIG, GW_ECONNECT, GW_ETLS, GW_EAUTH (the login or the sender is refused), GW_EQUERY (refused
 * for good: 5xx), GW_ESERVER (4xx: try later), GW_ETIMEOUT. *ret_code: the server's last reply, 0 where there
 * was none. Messages hold no password. */
int gw_mail_send(const gw_mail_server *s, const gw_mail *m, int *ret_code, gw_error *e);

#endif
