/*
 * The HTTP API: routes, what they may be asked, and who may ask. docs/guide/api.md is the manual,
 * docs/api/openapi.json the contract that tests hold it to.
 *
 * What costs nothing (status, health, the dashboard's files) is answered on the server's own threads; all
 * else is made by the workers of a cache (serve/cache.h), once for all who ask the same of the same data.
 */
#ifndef GW_SERVE_API_H
#define GW_SERVE_API_H

#include "net/http_server.h"
#include "serve/auth.h"
#include "serve/daemon.h"

typedef struct gw_api gw_api;

typedef struct gw_api_options {
    gw_daemon *daemon;
    gw_auth *auth;
    int workers; /* 0: GW_CACHE_WORKERS; at most GW_DAEMON_STORES */
} gw_api_options;

/* Starts the workers. daemon and auth must outlive it. */
int gw_api_new(const gw_api_options *o, gw_api **ret, gw_error *e);
/* After the server was stopped. */
void gw_api_free(gw_api *a);
/* The server that asks, for its figures in /metrics. */
void gw_api_set_server(gw_api *a, const gw_server *s);
/* gw_server_options.handler, with the API as ctx. */
void gw_api_handle(void *api, const gw_server_request *q, gw_reply *r);

/*
 * How to ask Kubernetes who a bearer is: the connection of the kubeconfig or of the service account, as for
 * reading objects, for gw_auth_options.post_review. GW_ECONFIG where there is no Kubernetes to ask.
 */
typedef struct gw_reviewer gw_reviewer;
int gw_reviewer_new(const gw_serve_config *c, gw_reviewer **ret, gw_error *e);
void gw_reviewer_free(gw_reviewer *r);
int gw_reviewer_post(void *reviewer, gw_str body, gw_buf *b, gw_error *e);

#endif
