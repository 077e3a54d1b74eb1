/*
 * What the command line can say, for every verb: one struct of values, and option groups that verbs put
 * together. The help page, the completion scripts and the manual page come from the same tables.
 */
#ifndef GW_PRESENT_OPTIONS_H
#define GW_PRESENT_OPTIONS_H

#include "base/mem.h"
#include "base/money.h"
#include "base/option.h"
#include "fleet/usage.h"
#include "interpret/interpret.h"

/* Order of the -o choices; verbs that offer fewer offer the first ones. */
typedef enum gw_output {
    GW_OUTPUT_TABLE,
    GW_OUTPUT_WIDE,
    GW_OUTPUT_JSON,
    GW_OUTPUT_YAML,
    GW_OUTPUT_CSV,
    GW_OUTPUT_HTML,
} gw_output;

typedef struct gw_options {
    /* where the data comes from */
    const char *prometheus, *snapshot;
    bool demo;
    const char *token, *token_file, *user, *password_file;
    const char *ca_file, *cert_file, *key_file;
    bool insecure;
    gw_option_list headers;
    const char *tenant, *matcher;
    int mode; /* gw_prom_mode */
    int64_t query_budget, concurrency;
    int64_t timeout_ms, retries; /* of Prometheus and of the Kubernetes API */
    const char *kubeconfig, *context;
    bool no_kubernetes;
    int64_t seed, nodes; /* of the sample fleet */

    /* what of it */
    int64_t window_ms; /* 0: not given */
    const char *from, *to;
    const char *by, *ns, *selector, *sort_by;
    bool all_namespaces;

    /* what it means */
    gw_option_list prices;
    bool no_catalogue, split;
    double discount, spot_discount;
    gw_micro control_plane;
    const char *default_region;
    gw_option_list owner_labels;
    gw_state_policy policy;
    gw_thresholds thresholds;

    /* what to change of it */
    gw_option_list only, policies, exclude, pin;
    gw_micro min_saving;                      /* a month */
    int max_risk;                             /* gw_risk */
    double compute_headroom, memory_headroom; /* < 0: not given */
    int64_t mix_seconds;
    const char *export_dir; /* plan --export */
    const char *with_dir;   /* report --with: an export, as if its actions had been taken */

    /* how it is said */
    int output; /* gw_output */
    bool strict, no_color;

    /* the daemon */
    const char *config_file, *listen, *store, *cluster, *as_of, *external_url;
    const char *tls_cert, *tls_key;
    int64_t turn_ms, threads;

    /* export */
    const char *corrections_since, *account, *export_file, *object_name, *provider_name;
    int export_format;
    gw_option_list labels, tags;
    bool daily;

    /* verbs of their own */
    const char *dir; /* demo --write */
    bool overwrite, anonymize;
    gw_option_list keep;
    const char *region;
    int capacity, provider; /* of price: gw_capacity and gw_provider, 0 = any */
    bool each_region;
    bool manual;
} gw_options;

/* What the tables cannot say: amounts that nobody gave are unknown, thresholds have the rules' defaults. */
void gw_options_init(gw_options *o);

/* Appends a value as a shell takes it back: in quotes where it needs them. */
void gw_shell_quote(gw_buf *b, const char *s);

#define GW_FLAGS_MAX ((size_t)1 << 20)
/*
 * What to type to give the options of these groups (NULL-terminated) again: "--snapshot 'DIR' --window 7d",
 * quoted for a shell, in the arena. What has its default is left out, and so are secrets and what the chosen
 * source does not take. GW_ENOMEM, GW_ELIMIT.
 */
int gw_options_flags(const gw_options *o, const gw_option_group *const *groups, gw_arena *arena,
                     const char **ret, gw_error *e);

extern const gw_option_group gw_options_source, gw_options_kubernetes, gw_options_demo, gw_options_window,
    gw_options_selection, gw_options_prices, gw_options_thresholds, gw_options_output,
    gw_options_output_explain, gw_options_output_price, gw_options_output_version, gw_options_record,
    gw_options_price, gw_options_help_page, gw_options_demo_verb, gw_options_plan, gw_options_plan_export,
    gw_options_plan_refused, gw_options_with, gw_options_serve, gw_options_store;

#endif
