/* The Grafana dashboard: a table of panels, and what each kind of panel looks like. */
#include "format/doc.h"
#include "operate/rules_export.h"

#define SCHEMA_VERSION 38 /* Grafana 10.0; later ones read it and bring it up to date */
#define GRID_COLUMNS   24
#define TARGETS_MAX    4

typedef enum kind { STAT, SERIES, BARS, TABLE, ROW } kind;

typedef struct panel {
    kind kind;
    const char *title, *help;
    int width, height; /* of 24 columns; rows of 30 pixels */
    const char *unit;  /* Grafana's: "currencyUSD", "percentunit", "s", "short" */
    int decimals;
    bool stacked;
    struct {
        const char *expr, *legend;
    } targets[TARGETS_MAX];
} panel;

#define OF "{cluster=~\"$cluster\"}"

static const panel panels[] = {
    {ROW, "Now", NULL, 24, 1, NULL, 0, false, {{0}}},
    {STAT,
     "Bill a month",
     "The last closed hour's bill, for a month of 730.5 hours.",
     4,
     4,
     "currencyUSD",
     0,
     false,
     {{"sum(gpuwise_cost_dollars" OF ") * 730.5", "a month"}}},
    {STAT,
     "Wasted or idle",
     "Share of the bill of the last closed hour that bought no work.",
     4,
     4,
     "percentunit",
     1,
     false,
     {{"sum(gpuwise_cost_dollars{cluster=~\"$cluster\", part=~\"wasted|idle\"}) / "
       "(sum(gpuwise_cost_dollars" OF ") > 0)",
       "of the bill"}}},
    {STAT,
     "GPU utilisation",
     "Of the GPU time that was paid for, in the last closed hour.",
     4,
     4,
     "percentunit",
     1,
     false,
     {{"avg(gpuwise_utilisation_ratio" OF ")", "utilisation"}}},
    {STAT,
     "To be saved a month",
     "What the plan predicts, at least.",
     4,
     4,
     "currencyUSD",
     0,
     false,
     {{"sum(gpuwise_savings_dollars_monthly{cluster=~\"$cluster\", kind=\"predicted_low\"})", "at least"}}},
    {STAT,
     "Open anomalies",
     "Of hourly cost and utilisation.",
     4,
     4,
     "short",
     0,
     false,
     {{"sum(gpuwise_anomalies_open" OF ")", "open"}}},
    {STAT,
     "Age of the data",
     "Of the newest GPU sample. Nothing is advised on stale data.",
     4,
     4,
     "s",
     0,
     false,
     {{"max(gpuwise_data_age_seconds)", "old"}}},
    {ROW, "Where the money goes", NULL, 24, 1, NULL, 0, false, {{0}}},
    {SERIES,
     "Bill an hour by part",
     "used: did work. wasted: held by a pod and not used. idle: held by nobody. unknown: nobody observed it. "
     "overhead: "
     "what is not GPU.",
     12,
     9,
     "currencyUSD",
     2,
     true,
     {{"sum by (part) (gpuwise_cost_dollars" OF ")", "{{part}}"}}},
    {SERIES,
     "GPU hours by part",
     "In each closed hour.",
     12,
     9,
     "short",
     1,
     true,
     {{"sum by (part) (gpuwise_gpu_hours" OF ")", "{{part}}"}}},
    {BARS,
     "Dearest namespaces, last day",
     "Their bill of the last 24 hours.",
     8,
     9,
     "currencyUSD",
     0,
     false,
     {{"topk(10, sum by (namespace) (increase(gpuwise_cost_dollars_total" OF "[1d])))", "{{namespace}}"}}},
    {BARS,
     "Most waste by namespace, last day",
     "Wasted dollars of the last 24 hours.",
     8,
     9,
     "currencyUSD",
     0,
     false,
     {{"topk(10, sum by (namespace) (increase(gpuwise_cost_dollars_total{cluster=~\"$cluster\", "
       "part=\"wasted\"}[1d])))",
       "{{namespace}}"}}},
    {BARS,
     "Dearest teams, last day",
     "Their bill of the last 24 hours.",
     8,
     9,
     "currencyUSD",
     0,
     false,
     {{"topk(10, sum by (team) (increase(gpuwise_cost_dollars_total" OF "[1d])))", "{{team}}"}}},
    {SERIES,
     "GPU utilisation by cluster",
     "Of the GPU time that was paid for.",
     12,
     8,
     "percentunit",
     1,
     false,
     {{"gpuwise_utilisation_ratio" OF, "{{cluster}}"}}},
    {SERIES,
     "Share wasted or idle by cluster",
     "Of each closed hour's bill.",
     12,
     8,
     "percentunit",
     1,
     false,
     {{"sum by (cluster) (gpuwise_cost_dollars{cluster=~\"$cluster\", part=~\"wasted|idle\"}) / (sum by "
       "(cluster) "
       "(gpuwise_cost_dollars" OF ") > 0)",
       "{{cluster}}"}}},
    {ROW, "Budgets and savings", NULL, 24, 1, NULL, 0, false, {{0}}},
    {BARS,
     "Budgets: share that is spent",
     "Of the current period.",
     8,
     8,
     "percentunit",
     0,
     false,
     {{"max by (budget) (gpuwise_budget_spent_dollars) / (max by (budget) (gpuwise_budget_amount_dollars) > "
       "0)",
       "{{budget}}"}}},
    {TABLE,
     "Budgets",
     "Spent so far, the amount, and the forecast for the end of the period.",
     8,
     8,
     "currencyUSD",
     0,
     false,
     {{"max by (budget) (gpuwise_budget_spent_dollars)", "spent"},
      {"max by (budget) (gpuwise_budget_amount_dollars)", "amount"},
      {"max by (budget) (gpuwise_budget_forecast_dollars{bound=\"low\"})", "forecast, low"},
      {"max by (budget) (gpuwise_budget_forecast_dollars{bound=\"high\"})", "forecast, high"}}},
    {SERIES,
     "Savings a month",
     "What was predicted, and what accepted actions have come to.",
     8,
     8,
     "currencyUSD",
     0,
     false,
     {{"sum by (kind) (gpuwise_savings_dollars_monthly" OF ")", "{{kind}}"}}},
    {ROW, "gpuwise itself", NULL, 24, 1, NULL, 0, false, {{0}}},
    {SERIES,
     "Turns",
     "A turn reads what is new.",
     6,
     7,
     "short",
     2,
     false,
     {{"sum by (result) (rate(gpuwise_turns_total[15m]) * 60)", "{{result}} a minute"}}},
    {SERIES,
     "CPU of a turn",
     "Seconds, on average.",
     6,
     7,
     "s",
     4,
     false,
     {{"sum(rate(gpuwise_turn_cpu_seconds_sum[15m])) / (sum(rate(gpuwise_turn_cpu_seconds_count[15m])) > 0)",
       "CPU"}}},
    {SERIES,
     "Requests",
     "Answered by the HTTP server.",
     6,
     7,
     "reqps",
     2,
     true,
     {{"sum by (code) (rate(gpuwise_http_requests_total[5m]))", "{{code}}"},
      {"histogram_quantile(0.99, sum by (le) (rate(gpuwise_http_request_seconds_bucket[5m])))", "p99 (s)"}}},
    {SERIES,
     "Store, source, corrections",
     "1: up. Corrections: closed hours that changed, in a day.",
     6,
     7,
     "short",
     0,
     false,
     {{"min(gpuwise_store_up)", "store"},
      {"min(gpuwise_source_up)", "source"},
      {"sum(increase(gpuwise_corrections_total" OF "[1d]))", "corrections"}}},
};

static void put_datasource(gw_doc *d)
{
    gw_doc_object(d, "datasource");
    gw_doc_text(d, "type", "prometheus");
    gw_doc_text(d, "uid", "${datasource}");
    gw_doc_end(d);
}

/* ---- variables ----------------------------------------------------------------------------------------- */

static void put_variables(gw_doc *d)
{
    gw_doc_object(d, "templating");
    gw_doc_array(d, "list");
    gw_doc_object(d, NULL);
    gw_doc_text(d, "name", "datasource");
    gw_doc_text(d, "label", "Prometheus");
    gw_doc_text(d, "type", "datasource");
    gw_doc_text(d, "query", "prometheus");
    gw_doc_int(d, "refresh", 1);
    gw_doc_int(d, "hide", 0);
    gw_doc_end(d);
    gw_doc_object(d, NULL);
    gw_doc_text(d, "name", "cluster");
    gw_doc_text(d, "label", "Cluster");
    gw_doc_text(d, "type", "query");
    put_datasource(d);
    gw_doc_text(d, "definition", "label_values(gpuwise_cost_dollars, cluster)");
    gw_doc_object(d, "query");
    gw_doc_text(d, "query", "label_values(gpuwise_cost_dollars, cluster)");
    gw_doc_text(d, "refId", "clusters");
    gw_doc_end(d);
    gw_doc_int(d, "refresh", 2);
    gw_doc_int(d, "sort", 1);
    gw_doc_bool(d, "multi", true);
    gw_doc_bool(d, "includeAll", true);
    gw_doc_text(d, "allValue", ".*");
    gw_doc_object(d, "current");
    gw_doc_text(d, "text", "All");
    gw_doc_text(d, "value", "$__all");
    gw_doc_end(d);
    gw_doc_int(d, "hide", 0);
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_end(d);
}

/* ---- panels -------------------------------------------------------------------------------------------- */

static const char *type_of(kind k)
{
    static const char *const types[] = {"stat", "timeseries", "bargauge", "table", "row"};
    return types[k];
}

static void put_reduce(gw_doc *d)
{
    gw_doc_object(d, "reduceOptions");
    gw_doc_array(d, "calcs");
    gw_doc_text(d, NULL, "lastNotNull");
    gw_doc_end(d);
    gw_doc_bool(d, "values", false);
    gw_doc_end(d);
}

static void put_options(gw_doc *d, const panel *p)
{
    gw_doc_object(d, "options");
    if (p->kind == STAT) {
        put_reduce(d);
        gw_doc_text(d, "colorMode", "none");
        gw_doc_text(d, "graphMode", "area");
    } else if (p->kind == BARS) {
        put_reduce(d);
        gw_doc_text(d, "orientation", "horizontal");
        gw_doc_text(d, "displayMode", "basic");
    } else if (p->kind == SERIES) {
        gw_doc_object(d, "legend");
        gw_doc_text(d, "displayMode", "list");
        gw_doc_text(d, "placement", "bottom");
        gw_doc_bool(d, "showLegend", true);
        gw_doc_end(d);
        gw_doc_object(d, "tooltip");
        gw_doc_text(d, "mode", "multi");
        gw_doc_text(d, "sort", "desc");
        gw_doc_end(d);
    } else {
        gw_doc_bool(d, "showHeader", true);
    }
    gw_doc_end(d);
}

static void put_defaults(gw_doc *d, const panel *p)
{
    gw_doc_object(d, "fieldConfig");
    gw_doc_object(d, "defaults");
    gw_doc_text(d, "unit", p->unit);
    gw_doc_int(d, "decimals", p->decimals);
    gw_doc_text(d, "noValue", "unknown");
    if (p->kind != TABLE)
        gw_doc_int(d, "min", 0);
    if (p->kind == SERIES) {
        gw_doc_object(d, "custom");
        gw_doc_int(d, "fillOpacity", p->stacked ? 60 : 0);
        gw_doc_int(d, "lineWidth", 1);
        /* a gap is what nobody knows */
        gw_doc_bool(d, "spanNulls", false);
        gw_doc_object(d, "stacking");
        gw_doc_text(d, "mode", p->stacked ? "normal" : "none");
        gw_doc_text(d, "group", "A");
        gw_doc_end(d);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    gw_doc_array(d, "overrides");
    gw_doc_end(d);
    gw_doc_end(d);
}

/* Rows of a table are joined by the budget. */
static void put_transformations(gw_doc *d, const panel *p)
{
    char from[] = "Value #A";
    if (p->kind != TABLE)
        return;
    gw_doc_array(d, "transformations");
    gw_doc_object(d, NULL);
    gw_doc_text(d, "id", "merge");
    gw_doc_object(d, "options");
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_object(d, NULL);
    gw_doc_text(d, "id", "organize");
    gw_doc_object(d, "options");
    gw_doc_object(d, "excludeByName");
    gw_doc_bool(d, "Time", true);
    gw_doc_end(d);
    gw_doc_object(d, "renameByName");
    for (size_t i = 0; i < TARGETS_MAX && p->targets[i].expr; i++) {
        from[sizeof(from) - 2] = (char)('A' + (int)i);
        gw_doc_text(d, from, p->targets[i].legend);
    }
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_end(d);
}

static void put_targets(gw_doc *d, const panel *p)
{
    char ref[] = "A";
    gw_doc_array(d, "targets");
    for (size_t i = 0; i < TARGETS_MAX && p->targets[i].expr; i++) {
        bool instant = p->kind == TABLE || p->kind == BARS;
        ref[0] = (char)('A' + (int)i);
        gw_doc_object(d, NULL);
        put_datasource(d);
        gw_doc_text(d, "refId", ref);
        gw_doc_text(d, "expr", p->targets[i].expr);
        gw_doc_text(d, "legendFormat", p->targets[i].legend);
        gw_doc_bool(d, "instant", instant);
        gw_doc_bool(d, "range", !instant);
        if (p->kind == TABLE)
            gw_doc_text(d, "format", "table");
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void put_panel(gw_doc *d, const panel *p, int id, int x, int y)
{
    gw_doc_object(d, NULL);
    gw_doc_int(d, "id", id);
    gw_doc_text(d, "type", type_of(p->kind));
    gw_doc_text(d, "title", p->title);
    gw_doc_object(d, "gridPos");
    gw_doc_int(d, "h", p->height);
    gw_doc_int(d, "w", p->width);
    gw_doc_int(d, "x", x);
    gw_doc_int(d, "y", y);
    gw_doc_end(d);
    if (p->kind == ROW) {
        gw_doc_bool(d, "collapsed", false);
        gw_doc_array(d, "panels");
        gw_doc_end(d);
    } else {
        gw_doc_text(d, "description", p->help);
        put_datasource(d);
        put_defaults(d, p);
        put_options(d, p);
        put_transformations(d, p);
        put_targets(d, p);
    }
    gw_doc_end(d);
}

static void put_panels(gw_doc *d)
{
    int x = 0, y = 0, height = 0;
    gw_doc_array(d, "panels");
    for (size_t i = 0; i < GW_COUNT(panels); i++) {
        const panel *p = &panels[i];
        if (x + p->width > GRID_COLUMNS) {
            x = 0;
            y += height;
            height = 0;
        }
        put_panel(d, p, (int)i + 1, x, y);
        x += p->width;
        height = GW_MAX(height, p->height);
    }
    gw_doc_end(d);
}

int gw_grafana_write(gw_buf *b, gw_error *e)
{
    gw_doc d;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_null(&d, "id");
    gw_doc_text(&d, "uid", "gpuwise-cost");
    gw_doc_text(&d, "title", "GPU cost and waste");
    gw_doc_text(&d, "description",
                "What the GPUs cost, who spends it, and how much is wasted; from gpuwise's /metrics.");
    gw_doc_array(&d, "tags");
    gw_doc_text(&d, NULL, "gpu");
    gw_doc_text(&d, NULL, "cost");
    gw_doc_end(&d);
    gw_doc_int(&d, "schemaVersion", SCHEMA_VERSION);
    gw_doc_int(&d, "version", 1);
    gw_doc_text(&d, "timezone", "utc");
    gw_doc_text(&d, "refresh", "5m");
    gw_doc_bool(&d, "editable", true);
    gw_doc_int(&d, "graphTooltip", 1);
    gw_doc_object(&d, "time");
    gw_doc_text(&d, "from", "now-7d");
    gw_doc_text(&d, "to", "now");
    gw_doc_end(&d);
    gw_doc_array(&d, "links");
    gw_doc_end(&d);
    gw_doc_object(&d, "annotations");
    gw_doc_array(&d, "list");
    gw_doc_end(&d);
    gw_doc_end(&d);
    put_variables(&d);
    put_panels(&d);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}
