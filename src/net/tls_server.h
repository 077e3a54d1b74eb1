/*
 * The server's side of TLS: one certificate with its key, read again when the files change, without touching
 * the connections that there are. TLS 1.2 and 1.3; OpenSSL.
 */
#ifndef GW_NET_TLS_SERVER_H
#define GW_NET_TLS_SERVER_H

#include "base/base.h"

typedef struct gw_tls_server gw_tls_server;

/* Reads both files (PEM). GW_EIO, GW_ETLS (not PEM, or the key is another certificate's), GW_ENOMEM. */
int gw_tls_server_new(const char *cert_file, const char *key_file, gw_tls_server **ret, gw_error *e);
void gw_tls_server_free(gw_tls_server *t);
/* Any thread. Reads the files again; on failure what was read before stays in use. */
int gw_tls_server_reload(gw_tls_server *t, gw_error *e);
/* Any thread. gw_tls_server_reload where a file is not the one that was read last (time, size, inode). */
void gw_tls_server_look(gw_tls_server *t);
/* Any thread. An SSL (ssl_st) for an accepted socket, which stays the caller's; NULL: out of memory. */
struct ssl_st *gw_tls_server_accept(gw_tls_server *t, int fd);
/* Reloads that worked and that did not. */
void gw_tls_server_counts(gw_tls_server *t, uint64_t *ret_reloads, uint64_t *ret_failures);

#endif
