#include "present/options.h"

#include "fleet/plan.h"
#include "observe/demo.h"

#define TEXT_OF_(x) #x
#define TEXT_OF(x)  TEXT_OF_(x)
#define AT(field)   offsetof(gw_options, field)

static const char *const modes[] = {"auto", "remote-read", "json", NULL};
static const char *const outputs[] = {"table", "wide", "json", "yaml", "csv", "html", NULL};
static const char *const outputs_price[] = {"table", "wide", "json", "yaml", "csv", NULL};
static const char *const outputs_explain[] = {"table", "wide", "json", "yaml", NULL};
/* in the order of gw_capacity and gw_provider, whose 0 is "unknown" and here stands for any */
static const char *const capacities[] = {"any", "on-demand", "spot", "reserved", NULL};
static const char *const providers[] = {"any", "aws", "azure", "gcp", "on-premises", NULL};

/* in the order of gw_risk */
static const char *const risks[] = {"low", "medium", "high", NULL};

static const gw_option source[] = {
    {.name = "prometheus",
     .kind = GW_OPTION_TEXT,
     .offset = AT(prometheus),
     .value = "URL",
     .help = "Read from this Prometheus (or Thanos, Mimir, Cortex, VictoriaMetrics)",
     .env = "GPUWISE_PROMETHEUS_URL",
     .exclusive = "source"},
    {.name = "snapshot",
     .kind = GW_OPTION_TEXT,
     .offset = AT(snapshot),
     .value = "DIR",
     .help = "Read from a directory that 'record' wrote",
     .env = "GPUWISE_SNAPSHOT",
     .exclusive = "source",
     .complete = "dir"},
    {.name = "demo",
     .kind = GW_OPTION_FLAG,
     .offset = AT(demo),
     .help = "Read the built-in sample fleet",
     .exclusive = "source"},
    {.name = "prometheus-header",
     .kind = GW_OPTION_LIST,
     .offset = AT(headers),
     .value = "'NAME: VALUE'",
     .help = "Send this header with every query",
     .env = "GPUWISE_PROMETHEUS_HEADER"},
    {.name = "prometheus-token",
     .kind = GW_OPTION_TEXT,
     .offset = AT(token),
     .value = "TOKEN",
     .help = "Bearer token; on the command line others can see it, so prefer the variable or the file",
     .env = "GPUWISE_PROMETHEUS_TOKEN",
     .exclusive = "token"},
    {.name = "prometheus-token-file",
     .kind = GW_OPTION_TEXT,
     .offset = AT(token_file),
     .value = "FILE",
     .help = "File with the bearer token; read again when it changes",
     .env = "GPUWISE_PROMETHEUS_TOKEN_FILE",
     .exclusive = "token",
     .complete = "file"},
    {.name = "prometheus-user",
     .kind = GW_OPTION_TEXT,
     .offset = AT(user),
     .value = "NAME",
     .help = "User for basic authentication; the password is in $GPUWISE_PROMETHEUS_PASSWORD or in the file",
     .env = "GPUWISE_PROMETHEUS_USER"},
    {.name = "prometheus-password-file",
     .kind = GW_OPTION_TEXT,
     .offset = AT(password_file),
     .value = "FILE",
     .help = "File with the password for basic authentication",
     .env = "GPUWISE_PROMETHEUS_PASSWORD_FILE",
     .complete = "file"},
    {.name = "prometheus-ca",
     .kind = GW_OPTION_TEXT,
     .offset = AT(ca_file),
     .value = "FILE",
     .help = "Certificate authority to trust, PEM",
     .env = "GPUWISE_PROMETHEUS_CA",
     .complete = "file"},
    {.name = "prometheus-cert",
     .kind = GW_OPTION_TEXT,
     .offset = AT(cert_file),
     .value = "FILE",
     .help = "Client certificate, PEM",
     .env = "GPUWISE_PROMETHEUS_CERT",
     .complete = "file"},
    {.name = "prometheus-key",
     .kind = GW_OPTION_TEXT,
     .offset = AT(key_file),
     .value = "FILE",
     .help = "Key of the client certificate, PEM",
     .env = "GPUWISE_PROMETHEUS_KEY",
     .complete = "file"},
    {.name = "prometheus-insecure",
     .kind = GW_OPTION_FLAG,
     .offset = AT(insecure),
     .help = "Do not verify the server's certificate",
     .env = "GPUWISE_PROMETHEUS_INSECURE"},
    {.name = "prometheus-mode",
     .kind = GW_OPTION_CHOICE,
     .offset = AT(mode),
     .value = "MODE",
     .help = "How to read: remote-read, json (query_range), or auto: remote read where the server has it",
     .initial = "auto",
     .env = "GPUWISE_PROMETHEUS_MODE",
     .choices = modes},
    {.name = "prometheus-matcher",
     .kind = GW_OPTION_TEXT,
     .offset = AT(matcher),
     .value = "MATCHERS",
     .help = "Matchers added to every query, such as 'cluster=\"a\"'",
     .env = "GPUWISE_PROMETHEUS_MATCHER"},
    {.name = "tenant",
     .kind = GW_OPTION_TEXT,
     .offset = AT(tenant),
     .value = "ID",
     .help = "Tenant, sent as X-Scope-OrgID",
     .env = "GPUWISE_TENANT"},
    {.name = "query-budget",
     .kind = GW_OPTION_INT,
     .offset = AT(query_budget),
     .value = "N",
     .help = "Stop after this many requests; 0 is no bound",
     .initial = "0",
     .env = "GPUWISE_QUERY_BUDGET",
     .min = 0,
     .max = 1e9},
    {.name = "concurrency",
     .kind = GW_OPTION_INT,
     .offset = AT(concurrency),
     .value = "N",
     .help = "Requests at a time",
     .initial = "4",
     .env = "GPUWISE_CONCURRENCY",
     .min = 1,
     .max = 16},
    {.name = "timeout",
     .kind = GW_OPTION_DURATION,
     .offset = AT(timeout_ms),
     .value = "DURATION",
     .help = "Give a request up when nothing comes for so long; also for Kubernetes and its plugins",
     .initial = "1m",
     .env = "GPUWISE_TIMEOUT"},
    {.name = "retries",
     .kind = GW_OPTION_INT,
     .offset = AT(retries),
     .value = "N",
     .help = "Tries after the first, of a request that a busy server refuses or breaks off",
     .initial = "4",
     .env = "GPUWISE_RETRIES",
     .min = 0,
     .max = 10},
    {0}};
const gw_option_group gw_options_source = {"Source", source};

static const gw_option kubernetes[] = {
    {.name = "kubeconfig",
     .kind = GW_OPTION_TEXT,
     .offset = AT(kubeconfig),
     .value = "FILE",
     .help = "The kubeconfig; otherwise $KUBECONFIG, ~/.kube/config, or the pod's service account",
     .complete = "file"},
    {.name = "context",
     .kind = GW_OPTION_TEXT,
     .offset = AT(context),
     .value = "NAME",
     .help = "The kubeconfig's context to use",
     .env = "GPUWISE_CONTEXT"},
    {.name = "no-kubernetes",
     .kind = GW_OPTION_FLAG,
     .offset = AT(no_kubernetes),
     .help = "Do not ask the Kubernetes API; Prometheus alone is enough",
     .env = "GPUWISE_NO_KUBERNETES"},
    {0}};
const gw_option_group gw_options_kubernetes = {"Kubernetes (read only)", kubernetes};

#define SAMPLE_FLEET                                                                                         \
    {.name = "seed",                                                                                         \
     .kind = GW_OPTION_INT,                                                                                  \
     .offset = AT(seed),                                                                                     \
     .value = "N",                                                                                           \
     .help = "Seed of the sample fleet: the same seed, the same fleet",                                      \
     .initial = "1",                                                                                         \
     .min = 0,                                                                                               \
     .max = 9e15},                                                                                           \
    {                                                                                                        \
        .name = "nodes", .kind = GW_OPTION_INT, .offset = AT(nodes), .value = "N",                           \
        .help = "Nodes of the sample fleet", .initial = TEXT_OF(GW_DEMO_BASE_NODES),                         \
        .min = GW_DEMO_BASE_NODES, .max = GW_DEMO_MAX_NODES                                                  \
    }

static const gw_option demo[] = {SAMPLE_FLEET, {0}};
const gw_option_group gw_options_demo = {"Sample fleet (--demo)", demo};

static const gw_option demo_verb[] = {SAMPLE_FLEET,
                                      {.name = "write",
                                       .kind = GW_OPTION_TEXT,
                                       .offset = AT(dir),
                                       .value = "DIR",
                                       .help = "Write the sample fleet as a snapshot, and report nothing",
                                       .complete = "dir"},
                                      {.name = "overwrite",
                                       .kind = GW_OPTION_FLAG,
                                       .offset = AT(overwrite),
                                       .help = "Replace a snapshot that is there"},
                                      {0}};
const gw_option_group gw_options_demo_verb = {"Sample fleet", demo_verb};

static const gw_option window[] = {
    {.name = "window",
     .kind = GW_OPTION_DURATION,
     .offset = AT(window_ms),
     .value = "DURATION",
     .help = "How far back: 90m, 24h, 7d; 24h unless given, and all of a snapshot"},
    {.name = "from",
     .kind = GW_OPTION_TEXT,
     .offset = AT(from),
     .value = "TIME",
     .help = "Start: 2026-11-01T00:00:00Z, 2026-11-01, now-24h or unix seconds"},
    {.name = "to",
     .kind = GW_OPTION_TEXT,
     .offset = AT(to),
     .value = "TIME",
     .help = "End; now unless given"},
    {0}};
const gw_option_group gw_options_window = {"Window", window};

static const gw_option selection[] = {
    {.name = "by",
     .kind = GW_OPTION_TEXT,
     .offset = AT(by),
     .value = "DIM[,DIM…]",
     .help =
         "One row for each: namespace, team, project, model, node, gpu, pod, workload, cluster, label:NAME",
     .initial = "namespace",
     .env = "GPUWISE_BY",
     .complete = "namespace team project environment model node gpu pod workload cluster label:"},
    {.name = "namespace",
     .letter = 'n',
     .kind = GW_OPTION_TEXT,
     .offset = AT(ns),
     .value = "NS",
     .help = "Only pods of this namespace",
     .exclusive = "namespace"},
    {.name = "all-namespaces",
     .letter = 'A',
     .kind = GW_OPTION_FLAG,
     .offset = AT(all_namespaces),
     .help = "Pods of all namespaces, which is the default",
     .exclusive = "namespace"},
    {.name = "selector",
     .letter = 'l',
     .kind = GW_OPTION_TEXT,
     .offset = AT(selector),
     .value = "SELECTOR",
     .help = "Only pods whose labels match: a=b,c!=d,e in (x,y),f,!g"},
    {.name = "sort-by",
     .kind = GW_OPTION_TEXT,
     .offset = AT(sort_by),
     .value = "COLUMN",
     .help = "Order of the rows; dearest first unless given",
     .complete = "bill used wasted reclaimable idle unknown overhead gpu-hours allocated compute compute-p95 "
                 "compute-peak memory memory-peak pods gpus name"},
    {0}};
const gw_option_group gw_options_selection = {"Rows", selection};

static const gw_option prices[] = {
    {.name = "prices",
     .kind = GW_OPTION_LIST,
     .offset = AT(prices),
     .value = "FILE",
     .help = "Price list, CSV or YAML; later files win over earlier ones, files over the catalogue",
     .env = "GPUWISE_PRICES",
     .complete = "file"},
    {.name = "no-catalogue",
     .kind = GW_OPTION_FLAG,
     .offset = AT(no_catalogue),
     .help = "Take prices from --prices only"},
    {.name = "discount",
     .kind = GW_OPTION_PERCENT,
     .offset = AT(discount),
     .value = "PCT",
     .help = "Negotiated discount off list prices, in percent",
     .initial = "0",
     .env = "GPUWISE_DISCOUNT"},
    {.name = "spot-discount",
     .kind = GW_OPTION_PERCENT,
     .offset = AT(spot_discount),
     .value = "PCT",
     .help = "Off the on-demand price, for spot nodes that no list has a spot price for; 0: unknown",
     .initial = "0",
     .env = "GPUWISE_SPOT_DISCOUNT"},
    {.name = "split-node-price",
     .kind = GW_OPTION_FLAG,
     .offset = AT(split),
     .help = "Split a GPU node's price between GPU, CPU and memory, as OpenCost does",
     .env = "GPUWISE_SPLIT_NODE_PRICE"},
    {.name = "control-plane-fee",
     .kind = GW_OPTION_MONEY,
     .offset = AT(control_plane),
     .value = "USD",
     .help = "Dollars an hour for the control plane; by provider unless given",
     .env = "GPUWISE_CONTROL_PLANE_FEE"},
    {.name = "default-region",
     .kind = GW_OPTION_TEXT,
     .offset = AT(default_region),
     .value = "REGION",
     .help = "Region of nodes that do not say theirs",
     .env = "GPUWISE_DEFAULT_REGION"},
    {.name = "owner-label",
     .kind = GW_OPTION_LIST,
     .offset = AT(owner_labels),
     .value = "FIELD=LABEL,…",
     .help = "Labels that say who owns a pod: team=squad,owner; replaces the field's defaults",
     .env = "GPUWISE_OWNER_LABEL"},
    {0}};
const gw_option_group gw_options_prices = {"Prices and owners", prices};

#define THRESHOLD(option, field, text, default_)                                                             \
    {                                                                                                        \
        .name = option, .kind = GW_OPTION_SHARE, .offset = AT(field), .value = "SHARE", .help = text,        \
        .initial = default_                                                                                  \
    }

static const gw_option thresholds[] = {
    THRESHOLD("compute-high", policy.compute_high, "Compute is high at or above", "0.5"),
    THRESHOLD("memory-high", policy.memory_high, "Memory is high at or above", "0.5"),
    THRESHOLD("dram-high", policy.dram_high, "DRAM or copy activity is high at or above", "0.5"),
    THRESHOLD("namespace-low", thresholds.namespace_low, "Report a namespace whose mean compute is under",
              "0.25"),
    THRESHOLD("idle-share", thresholds.idle_share,
              "Report a GPU that no pod holds for this share of the time", "0.5"),
    THRESHOLD("never-used", thresholds.never_used_compute, "A pod whose compute never exceeds this is unused",
              "0.01"),
    THRESHOLD("peak-high", thresholds.peak_high, "A peak that hides the average is at or above", "0.8"),
    THRESHOLD("peak-mean-low", thresholds.peak_mean_low, "... while the mean is under", "0.25"),
    THRESHOLD("min-coverage", thresholds.min_coverage, "Judge only what is known for this share of the time",
              "0.5"),
    {0}};
const gw_option_group gw_options_thresholds = {"Thresholds (shares: 0.25 or 25%)", thresholds};

#define OUTPUT(list, text)                                                                                   \
    {                                                                                                        \
        .name = "output", .letter = 'o', .kind = GW_OPTION_CHOICE, .offset = AT(output), .value = "FORMAT",  \
        .help = text, .initial = "table", .env = "GPUWISE_OUTPUT", .choices = list                           \
    }
#define STRICT                                                                                               \
    {                                                                                                        \
        .name = "strict", .kind = GW_OPTION_FLAG, .offset = AT(strict),                                      \
        .help = "Exit with 13 when a part of the answer is missing", .env = "GPUWISE_STRICT"                 \
    }
#define NO_COLOR                                                                                             \
    {                                                                                                        \
        .name = "no-color", .kind = GW_OPTION_FLAG, .offset = AT(no_color),                                  \
        .help = "No colours; NO_COLOR in the environment says the same"                                      \
    }

static const gw_option output[] = {
    OUTPUT(outputs, "table, wide, json, yaml, csv or html"), STRICT, NO_COLOR, {0}};
const gw_option_group gw_options_output = {"Output", output};

static const gw_option output_explain[] = {
    OUTPUT(outputs_explain, "table, wide, json or yaml"), STRICT, NO_COLOR, {0}};
const gw_option_group gw_options_output_explain = {"Output", output_explain};

static const gw_option output_price[] = {
    OUTPUT(outputs_price, "table, wide, json, yaml or csv"), NO_COLOR, {0}};
const gw_option_group gw_options_output_price = {"Output", output_price};

static const gw_option output_version[] = {OUTPUT(outputs_explain, "table, wide, json or yaml"), {0}};
const gw_option_group gw_options_output_version = {"Output", output_version};

static const gw_option record[] = {{.name = "overwrite",
                                    .kind = GW_OPTION_FLAG,
                                    .offset = AT(overwrite),
                                    .help = "Replace a snapshot that is there"},
                                   {.name = "anonymize",
                                    .kind = GW_OPTION_FLAG,
                                    .offset = AT(anonymize),
                                    .help = "Replace names consistently: pods, nodes, namespaces, labels"},
                                   {.name = "keep",
                                    .kind = GW_OPTION_LIST,
                                    .offset = AT(keep),
                                    .value = "LABEL",
                                    .help = "With --anonymize: a label whose values stay"},
                                   {0}};
const gw_option_group gw_options_record = {"Recording", record};

static const gw_option price[] = {{.name = "region",
                                   .kind = GW_OPTION_TEXT,
                                   .offset = AT(region),
                                   .value = "REGION",
                                   .help = "Only this region"},
                                  {.name = "each-region",
                                   .kind = GW_OPTION_FLAG,
                                   .offset = AT(each_region),
                                   .help = "One line a region, not one an instance type"},
                                  {.name = "provider",
                                   .kind = GW_OPTION_CHOICE,
                                   .offset = AT(provider),
                                   .value = "NAME",
                                   .help = "any, aws, azure, gcp or on-premises",
                                   .initial = "any",
                                   .choices = providers},
                                  {.name = "capacity",
                                   .kind = GW_OPTION_CHOICE,
                                   .offset = AT(capacity),
                                   .value = "TYPE",
                                   .help = "any, on-demand, spot or reserved",
                                   .initial = "any",
                                   .choices = capacities},
                                  {0}};
const gw_option_group gw_options_price = {"Offers", price};

static const gw_option plan[] = {
    {.name = "only",
     .kind = GW_OPTION_LIST,
     .offset = AT(only),
     .value = "KIND,…",
     .help = "Only actions of these kinds; all unless given",
     .complete = "release-node move-cpu-pods mig mps time-slicing replace-nodes right-size"},
    {.name = "min-saving",
     .kind = GW_OPTION_MONEY,
     .offset = AT(min_saving),
     .value = "USD",
     .help = "Leave out what saves less a month",
     .initial = "0"},
    {.name = "max-risk",
     .kind = GW_OPTION_CHOICE,
     .offset = AT(max_risk),
     .value = "RISK",
     .help = "Leave out what is riskier: low, medium or high",
     .initial = "high",
     .choices = risks},
    {.name = "policy",
     .kind = GW_OPTION_LIST,
     .offset = AT(policies),
     .value = "FILE",
     .help = "Headroom, tiers, pins and exclusions, YAML; later files win",
     .env = "GPUWISE_POLICY",
     .complete = "file"},
    {.name = "exclude",
     .kind = GW_OPTION_LIST,
     .offset = AT(exclude),
     .value = "SELECTOR",
     .help = "Leave pods whose labels match as they are: a=b,c!=d,e in (x,y),f,!g"},
    {.name = "pin",
     .kind = GW_OPTION_LIST,
     .offset = AT(pin),
     .value = "SELECTOR",
     .help = "Keep pods whose labels match on their nodes; others may come and go"},
    {.name = "compute-headroom",
     .kind = GW_OPTION_SHARE,
     .offset = AT(compute_headroom),
     .value = "SHARE",
     .help = "Most that the P95 of compute may take of what a pod is given; 0.85 unless a policy says more"},
    {.name = "memory-headroom",
     .kind = GW_OPTION_SHARE,
     .offset = AT(memory_headroom),
     .value = "SHARE",
     .help = "The same of its memory peak"},
    {.name = "mix-seconds",
     .kind = GW_OPTION_INT,
     .offset = AT(mix_seconds),
     .value = "N",
     .help = "Time for the search for the cheapest mix of instance types",
     .initial = "5",
     .min = 1,
     .max = 3600},
    {0}};
const gw_option_group gw_options_plan = {"Plan", plan};

static const gw_option plan_export[] = {
    {.name = "export",
     .kind = GW_OPTION_TEXT,
     .offset = AT(export_dir),
     .value = "DIR",
     .help = "Write one folder an action: manifests, the reason, the way back; print nothing else",
     .complete = "dir"},
    {0}};
const gw_option_group gw_options_plan_export = {"Export", plan_export};

#define WHOLE_FLEET                                                                                          \
    "nodes are shared by namespaces, so a plan is of the whole fleet; --exclude SELECTOR or a --policy "     \
    "FILE keeps pods out of it"

static const gw_option plan_refused[] = {{.name = "namespace",
                                          .letter = 'n',
                                          .kind = GW_OPTION_TEXT,
                                          .offset = AT(ns),
                                          .value = "NS",
                                          .help = "",
                                          .refused = WHOLE_FLEET},
                                         {.name = "selector",
                                          .letter = 'l',
                                          .kind = GW_OPTION_TEXT,
                                          .offset = AT(selector),
                                          .value = "SELECTOR",
                                          .help = "",
                                          .refused = WHOLE_FLEET},
                                         {0}};
const gw_option_group gw_options_plan_refused = {"", plan_refused};

static const gw_option with[] = {
    {.name = "with",
     .kind = GW_OPTION_TEXT,
     .offset = AT(with_dir),
     .value = "DIR",
     .help = "As if the actions had been taken that 'plan --export' wrote there; or one of its folders",
     .complete = "dir"},
    {0}};
const gw_option_group gw_options_with = {"What if", with};

static const gw_option help_page[] = {{.name = "man",
                                       .kind = GW_OPTION_FLAG,
                                       .offset = AT(manual),
                                       .help = "Print the manual page: gpuwise help --man | man -l -"},
                                      {0}};
const gw_option_group gw_options_help_page = {"Help", help_page};

void gw_options_init(gw_options *o)
{
    *o = (gw_options){.control_plane = GW_MICRO_UNKNOWN,
                      .policy = GW_STATE_POLICY_DEFAULT,
                      .max_risk = GW_RISK_HIGH,
                      .compute_headroom = -1,
                      .memory_headroom = -1,
                      .mix_seconds = 5};
    gw_thresholds_defaults(&o->thresholds);
}

static const gw_option store[] = {{.name = "store",
                                   .kind = GW_OPTION_TEXT,
                                   .offset = AT(store),
                                   .value = "URL",
                                   .help = "Where history is kept: sqlite:FILE or postgres://USER@HOST/DB",
                                   .initial = "sqlite:gpuwise.db",
                                   .env = "GPUWISE_STORE"},
                                  {.name = "cluster",
                                   .kind = GW_OPTION_TEXT,
                                   .offset = AT(cluster),
                                   .value = "NAME",
                                   .help = "What this cluster is called in the history",
                                   .initial = "default",
                                   .env = "GPUWISE_CLUSTER"},
                                  {0}};
const gw_option_group gw_options_store = {"History", store};

static const gw_option serve[] = {
    {.name = "config",
     .kind = GW_OPTION_TEXT,
     .offset = AT(config_file),
     .value = "FILE",
     .help = "Read settings from this YAML file; every long option may stand in it",
     .env = "GPUWISE_CONFIG",
     .complete = "file"},
    {.name = "listen",
     .kind = GW_OPTION_TEXT,
     .offset = AT(listen),
     .value = "ADDR:PORT",
     .help = "Where to serve the dashboard and the API; port 0 takes a free one",
     .initial = "127.0.0.1:9797",
     .env = "GPUWISE_LISTEN"},
    {.name = "external-url",
     .kind = GW_OPTION_TEXT,
     .offset = AT(external_url),
     .value = "URL",
     .help = "Address of the dashboard, for links in alerts"},
    {.name = "tls-cert",
     .kind = GW_OPTION_TEXT,
     .offset = AT(tls_cert),
     .value = "FILE",
     .help = "Serve over TLS with this certificate chain (PEM)",
     .complete = "file"},
    {.name = "tls-key",
     .kind = GW_OPTION_TEXT,
     .offset = AT(tls_key),
     .value = "FILE",
     .help = "The certificate's private key (PEM)",
     .complete = "file"},
    {.name = "turn",
     .kind = GW_OPTION_DURATION,
     .offset = AT(turn_ms),
     .value = "DURATION",
     .help = "How often to look for new samples",
     .initial = "1m"},
    {.name = "threads",
     .kind = GW_OPTION_INT,
     .offset = AT(threads),
     .value = "N",
     .help = "Threads of the HTTP server; 0: one for each core",
     .initial = "0",
     .min = 0,
     .max = 64},
    {.name = "as-of",
     .kind = GW_OPTION_TEXT,
     .offset = AT(as_of),
     .value = "TIME",
     .help = "Pretend that it is this time at the start: plays a past window as if it were now"},
    {0}};
const gw_option_group gw_options_serve = {"Daemon", serve};
