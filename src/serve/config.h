/*
 * What the daemon is told: gpuwise.yaml and the command line, which wins. docs/guide/serve.md is the manual;
 * examples/gpuwise.yaml has every setting.
 */
#ifndef GW_SERVE_CONFIG_H
#define GW_SERVE_CONFIG_H

#include "operate/alert.h"
#include "present/options.h"
#include "store/store.h"

#define GW_CONFIG_BYTES_MAX   ((size_t)1 << 20)
#define GW_CONFIG_TOKENS_MAX  64
#define GW_CONFIG_GROUPS_MAX  32
#define GW_CONFIG_BUDGETS_MAX 1000
#define GW_LISTEN_DEFAULT     "127.0.0.1:9797"
#define GW_SERVE_WINDOW_MS    (7 * GW_DAY_MS) /* held in memory, where nothing says how much */

typedef struct gw_budget_rule gw_budget_rule; /* operate/budget.h */

typedef enum gw_role {
    GW_ROLE_NONE,
    GW_ROLE_READ,
    GW_ROLE_ADMIN, /* may accept actions */
} gw_role;

typedef struct gw_config_token {
    const char *name, *token_file;
    gw_role role;
} gw_config_token;

typedef struct gw_serve_config {
    gw_options options; /* source, Kubernetes, window, prices, thresholds, plan: as the verbs have them */
    const char *cluster;
    const char *listen;
    const char *store;
    bool store_is_temporary; /* nothing said where to keep it, and the source is not the user's own */
    int threads;             /* of the HTTP server; 0 = one a core */
    int64_t turn_ms;
    int64_t as_of_ms; /* pretend that it was this time at the start, and go on from there; 0: no */
    const char *tls_cert, *tls_key;
    gw_config_token tokens[GW_CONFIG_TOKENS_MAX];
    size_t n_tokens;
    bool token_review; /* ask the Kubernetes API who a bearer is */
    const char *admin_groups[GW_CONFIG_GROUPS_MAX], *read_groups[GW_CONFIG_GROUPS_MAX];
    size_t n_admin_groups, n_read_groups;
    gw_retention retention;
    gw_budget_rule *budgets;
    size_t n_budgets;
    gw_alert_config alerts;
    gw_micro anomaly_minimum; /* a day; dollars below which nothing is an anomaly */
    double spot_training, spot_inference;
    void (*say)(void *ctx,
                const char *line); /* for the log: states that begin and end; NULL: nobody listens */
    void *say_ctx;
    gw_arena arena; /* every text above that is not the command line's */
} gw_serve_config;

/* Defaults. */
void gw_serve_config_init(gw_serve_config *c);
void gw_serve_config_free(gw_serve_config *c);

/*
 * Reads the file. Each long option of the command is a setting of the same name ("prometheus: http://…",
 * "prices: [a.csv, b.yaml]"); they become arguments to be parsed before the command line's own, which win
 * (an option that the command line excludes is left out). Beside them stand the sections auth, tls,
 * retention, budgets, alerts and spotTargets, which are read into c. GW_ECONFIG names file, line and the
 * nearest setting there is; GW_EIO.
 *
 * *ret: what to parse, ret_argc texts, in c's arena.
 */
int gw_serve_config_read(gw_serve_config *c, const char *path, const gw_option_group *const *groups, int argc,
                         char *const *argv, char ***ret, int *ret_argc, gw_error *e);
/* Budgets for the sample fleet. */
int gw_serve_config_sample(gw_serve_config *c, gw_error *e);
/* After parsing: takes what c needs of the options, and checks what must fit together: half of TLS, a time
 * that is none. GW_ECONFIG, GW_EUSAGE. */
int gw_serve_config_settle(gw_serve_config *c, bool store_given, gw_error *e);
/* Whether the arguments give the option of that name. */
bool gw_serve_config_gives(const char *name, int argc, char *const *argv);

#endif
