/* Prometheus rules over gpuwise's own metrics. */
#include "operate/rules_export.h"

#include <ctype.h>

#include "format/doc.h"

#define NAME_MAX_BYTES  253 /* of an object; of a label's value 63 */
#define LABEL_MAX_BYTES 63
#define EXPR_MAX        512

gw_rules_options gw_rules_options_default(void)
{
    return (gw_rules_options){.thresholds = {0.5, 0.8, 0.95},
                              .n_thresholds = 3,
                              .forecast = 1.0,
                              .waste = 0.4,
                              .unknown = 0.1,
                              .utilisation = 0.25,
                              .stale_ms = GW_HOUR_MS};
}

/* ---- what is recorded ---------------------------------------------------------------------------------- */

/* Named level:metric:operation, as https://prometheus.io/docs/practices/rules/ has it. A share of nothing has
 * no series: 0/0 is NaN, which the comparison takes out. */
static const struct recorded {
    const char *name, *expr;
} recorded[] = {
    {"cluster:gpuwise_cost_dollars:sum", "sum by (cluster) (gpuwise_cost_dollars)"},
    {"cluster:gpuwise_waste:ratio", "sum by (cluster) (gpuwise_cost_dollars{part=~\"wasted|idle\"})"
                                    " / (sum by (cluster) (gpuwise_cost_dollars) > 0)"},
    {"cluster:gpuwise_unknown:ratio", "sum by (cluster) (gpuwise_cost_dollars{part=\"unknown\"})"
                                      " / (sum by (cluster) (gpuwise_cost_dollars) > 0)"},
    {"cluster_namespace_team:gpuwise_cost_dollars:increase1d",
     "sum by (cluster, namespace, team) (increase(gpuwise_cost_dollars_total[1d]))"},
    {"cluster_namespace_team:gpuwise_waste_dollars:increase1d",
     "sum by (cluster, namespace, team) (increase(gpuwise_cost_dollars_total{part=~\"wasted|idle\"}[1d]))"},
    {"budget:gpuwise_budget_spent:ratio", "max by (budget) (gpuwise_budget_spent_dollars) / (max by (budget) "
                                          "(gpuwise_budget_amount_dollars) > 0)"},
    {"budget:gpuwise_budget_forecast:ratio",
     "max by (budget) (gpuwise_budget_forecast_dollars{bound=\"mean\"})"
     " / (max by (budget) (gpuwise_budget_amount_dollars) > 0)"},
    {"budget:gpuwise_budget_forecast_low:ratio",
     "max by (budget) (gpuwise_budget_forecast_dollars{bound=\"low\"})"
     " / (max by (budget) (gpuwise_budget_amount_dollars) > 0)"},
};

/* ---- what is alerted on -------------------------------------------------------------------------------- */

typedef struct alerting {
    const char *name, *expr, *pending, *severity, *summary, *description;
} alerting;

static void put_alert(gw_doc *d, const alerting *a)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "alert", a->name);
    gw_doc_text(d, "expr", a->expr);
    if (a->pending)
        gw_doc_text(d, "for", a->pending);
    gw_doc_object(d, "labels");
    gw_doc_text(d, "severity", a->severity);
    gw_doc_end(d);
    gw_doc_object(d, "annotations");
    gw_doc_text(d, "summary", a->summary);
    gw_doc_text(d, "description", a->description);
    gw_doc_end(d);
    gw_doc_end(d);
}

/* The last threshold is urgent, the first is for information. */
static const char *severity_of(const gw_rules_options *o, size_t i)
{
    if (i + 1 == o->n_thresholds)
        return "critical";
    return i == 0 && o->n_thresholds > 1 ? "info" : "warning";
}

/* Each is quiet where the next higher one speaks, so that a budget has one alert at a time. */
static void put_budgets(gw_doc *d, const gw_rules_options *o)
{
    char expr[EXPR_MAX], name[64], low[GW_DECIMAL_TEXT_MAX], high[GW_DECIMAL_TEXT_MAX];
    for (size_t i = 0; i < o->n_thresholds; i++) {
        gw_decimal_format(o->thresholds[i], 6, true, low);
        snprintf(name, sizeof(name), "GpuwiseBudgetSpent%d", (int)(o->thresholds[i] * 100 + 0.5));
        if (i + 1 < o->n_thresholds)
            snprintf(expr, sizeof(expr), "budget:gpuwise_budget_spent:ratio >= %.32s < %.32s", low,
                     gw_decimal_format(o->thresholds[i + 1], 6, true, high));
        else
            snprintf(expr, sizeof(expr), "budget:gpuwise_budget_spent:ratio >= %.32s", low);
        put_alert(d, &(alerting){
                         .name = name,
                         .expr = expr,
                         .severity = severity_of(o, i),
                         .summary = "{{ $value | humanizePercentage }} of the budget {{ $labels.budget }} is "
                                    "spent",
                         .description = "See what it went to: gpuwise report --window month, or the page "
                                        "Budgets of the dashboard."});
    }
    gw_decimal_format(o->forecast, 6, true, low);
    snprintf(expr, sizeof(expr),
             "budget:gpuwise_budget_forecast:ratio > %.32s unless budget:gpuwise_budget_spent:ratio >= 1",
             low);
    put_alert(d,
              &(alerting){.name = "GpuwiseBudgetForecast",
                          .expr = expr,
                          .pending = "2h",
                          .severity = "warning",
                          .summary = "The budget {{ $labels.budget }} is likely to end at {{ $value | "
                                     "humanizePercentage }}",
                          .description = "The forecast's mean for the end of the period is above the amount. "
                                         "gpuwise plan says what can be saved."});
    snprintf(expr, sizeof(expr),
             "budget:gpuwise_budget_forecast_low:ratio > %.32s unless budget:gpuwise_budget_spent:ratio >= 1",
             low);
    put_alert(
        d, &(alerting){.name = "GpuwiseBudgetForecastCertain",
                       .expr = expr,
                       .pending = "2h",
                       .severity = "critical",
                       .summary = "The budget {{ $labels.budget }} will be exceeded unless something changes",
                       .description = "Even the lower bound of the forecast, {{ $value | humanizePercentage "
                                      "}} of the amount, is above it."});
}

static void put_waste(gw_doc *d, const gw_rules_options *o)
{
    char expr[EXPR_MAX], n[GW_DECIMAL_TEXT_MAX];
    snprintf(expr, sizeof(expr), "cluster:gpuwise_waste:ratio > %.32s",
             gw_decimal_format(o->waste, 6, true, n));
    put_alert(d, &(alerting){
                     .name = "GpuwiseWasteHigh",
                     .expr = expr,
                     .pending = "6h",
                     .severity = "warning",
                     .summary = "{{ $value | humanizePercentage }} of the GPU bill of {{ $labels.cluster }} "
                                "is wasted or idle",
                     .description = "gpuwise plan says what to change, with evidence and manifests."});
    snprintf(expr, sizeof(expr), "gpuwise_utilisation_ratio < %.32s",
             gw_decimal_format(o->utilisation, 6, true, n));
    put_alert(d, &(alerting){
                     .name = "GpuwiseUtilisationLow",
                     .expr = expr,
                     .pending = "1d",
                     .severity = "warning",
                     .summary = "The GPUs of {{ $labels.cluster }} work at {{ $value | humanizePercentage }}",
                     .description = "For a day now. gpuwise report --by namespace shows where."});
    snprintf(expr, sizeof(expr), "cluster:gpuwise_unknown:ratio > %.32s",
             gw_decimal_format(o->unknown, 6, true, n));
    put_alert(d, &(alerting){
                     .name = "GpuwiseCostUnobserved",
                     .expr = expr,
                     .pending = "6h",
                     .severity = "warning",
                     .summary = "Nobody observed how {{ $value | humanizePercentage }} of the GPU bill of {{ "
                                "$labels.cluster }} was used",
                     .description = "The GPU exporter (dcgm-exporter) is missing on some nodes, or is not "
                                    "scraped there."});
    put_alert(d, &(alerting){.name = "GpuwiseAnomaly",
                             .expr = "gpuwise_anomalies_open > 0",
                             .severity = "warning",
                             .summary = "{{ $value }} anomalies of cost or utilisation are open in {{ "
                                        "$labels.cluster }}",
                             .description = "The page Anomalies of the dashboard shows which rows moved."});
}

static void put_health(gw_doc *d, const gw_rules_options *o)
{
    char expr[EXPR_MAX];
    snprintf(expr, sizeof(expr), "gpuwise_data_age_seconds > %" PRId64, o->stale_ms / GW_SECOND_MS);
    put_alert(d, &(alerting){.name = "GpuwiseDataStale",
                             .expr = expr,
                             .pending = "10m",
                             .severity = "error",
                             .summary = "The newest GPU sample is {{ $value | humanizeDuration }} old",
                             .description =
                                 "Nothing is advised on stale data. /readyz of gpuwise says what is wrong."});
    put_alert(d, &(alerting){.name = "GpuwiseHoursNotClosed",
                             .expr = "time() - gpuwise_last_closed_hour_timestamp_seconds > 14400 and "
                                     "gpuwise_last_closed_hour_timestamp_seconds > 0",
                             .pending = "10m",
                             .severity = "error",
                             .summary = "No hour has been closed for {{ $value | humanizeDuration }}",
                             .description =
                                 "History, budgets and anomalies stand still. /readyz of gpuwise says why."});
    put_alert(d, &(alerting){.name = "GpuwiseStoreDown",
                             .expr = "gpuwise_store_up == 0",
                             .pending = "10m",
                             .severity = "error",
                             .summary = "gpuwise does not reach its store",
                             .description =
                                 "Hours are closed later, and none is lost, as long as Prometheus keeps "
                                 "their samples."});
    put_alert(d, &(alerting){.name = "GpuwiseSourceDown",
                             .expr = "gpuwise_source_up == 0",
                             .pending = "15m",
                             .severity = "error",
                             .summary = "gpuwise does not reach its source of metrics",
                             .description = "Check the Prometheus that it reads, and the way there."});
    put_alert(d, &(alerting){.name = "GpuwiseAbsent",
                             .expr = "absent(gpuwise_build_info)",
                             .pending = "15m",
                             .severity = "warning",
                             .summary = "gpuwise is not scraped",
                             .description = "It does not run, or Prometheus does not know it."});
}

/* ---- the document -------------------------------------------------------------------------------------- */

static void begin_group(gw_doc *d, const char *name, const char *interval)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "name", name);
    gw_doc_text(d, "interval", interval);
    gw_doc_array(d, "rules");
}

static void end_group(gw_doc *d)
{
    gw_doc_end(d);
    gw_doc_end(d);
}

static void put_groups(gw_doc *d, const gw_rules_options *o)
{
    gw_doc_array(d, "groups");
    begin_group(d, "gpuwise.recording", "1m");
    for (size_t i = 0; i < GW_COUNT(recorded); i++) {
        gw_doc_object(d, NULL);
        gw_doc_text(d, "record", recorded[i].name);
        gw_doc_text(d, "expr", recorded[i].expr);
        gw_doc_end(d);
    }
    end_group(d);
    begin_group(d, "gpuwise.budgets", "1m");
    put_budgets(d, o);
    end_group(d);
    begin_group(d, "gpuwise.waste", "1m");
    put_waste(d, o);
    end_group(d);
    begin_group(d, "gpuwise.health", "1m");
    put_health(d, o);
    end_group(d);
    gw_doc_end(d);
}

static void put_object(gw_doc *d, const gw_rules_options *o)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "apiVersion", "monitoring.coreos.com/v1");
    gw_doc_text(d, "kind", "PrometheusRule");
    gw_doc_object(d, "metadata");
    gw_doc_text(d, "name", o->name ? o->name : "gpuwise");
    if (o->ns)
        gw_doc_text(d, "namespace", o->ns);
    gw_doc_object(d, "labels");
    gw_doc_text(d, "app.kubernetes.io/name", "gpuwise");
    for (size_t i = 0; i < o->n_labels; i++)
        gw_doc_text(d, o->labels[i].key, o->labels[i].value);
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_object(d, "spec");
    put_groups(d, o);
    gw_doc_end(d);
    gw_doc_end(d);
}

/* ---- what Kubernetes and the rules bear ---------------------------------------------------------------- */

static bool is_word(const char *s, size_t n, size_t max, const char *also)
{
    if (n == 0 || n > max || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr(also, s[i]))
            return false;
    return true;
}

static bool is_lower(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (isupper((unsigned char)s[i]))
            return false;
    return true;
}

/* "release", "example.org/team"; https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
static bool is_label_key(const char *s)
{
    const char *slash = strchr(s, '/');
    if (slash &&
        (!is_word(s, (size_t)(slash - s), NAME_MAX_BYTES, "-.") || !is_lower(s, (size_t)(slash - s))))
        return false;
    s = slash ? slash + 1 : s;
    return is_word(s, strlen(s), LABEL_MAX_BYTES, "-_.");
}

static int check_object(const gw_rules_options *o, gw_error *e)
{
    const char *name = o->name ? o->name : "gpuwise";
    if (!is_word(name, strlen(name), NAME_MAX_BYTES, "-.") || !is_lower(name, strlen(name)))
        return gw_fail(e, GW_EUSAGE, "'%s' is no name of an object: lower case letters, digits, '-' and '.'",
                       name);
    if (o->ns && (!is_word(o->ns, strlen(o->ns), LABEL_MAX_BYTES, "-") || !is_lower(o->ns, strlen(o->ns))))
        return gw_fail(e, GW_EUSAGE, "'%s' is no namespace: lower case letters, digits and '-'", o->ns);
    for (size_t i = 0; i < o->n_labels; i++) {
        const char *value = o->labels[i].value;
        if (!is_label_key(o->labels[i].key) || strcmp(o->labels[i].key, "app.kubernetes.io/name") == 0)
            return gw_fail(e, GW_EUSAGE, "'%s' is no key for a label here: write, for example, release",
                           o->labels[i].key);
        if (*value && !is_word(value, strlen(value), LABEL_MAX_BYTES, "-_."))
            return gw_fail(e, GW_EUSAGE, "'%s' is no value of a label: letters, digits, '-', '_' and '.'",
                           value);
        for (size_t k = 0; k < i; k++)
            if (strcmp(o->labels[k].key, o->labels[i].key) == 0)
                return gw_fail(e, GW_EUSAGE, "the label '%s' is given twice", o->labels[i].key);
    }
    return 0;
}

static bool is_share(double x, double most)
{
    return x > 0 && x <= most;
}

static int check_thresholds(const gw_rules_options *o, gw_error *e)
{
    if (o->n_thresholds > GW_EXPORT_THRESHOLDS_MAX)
        return gw_fail(e, GW_EUSAGE, "%zu thresholds of a budget, at most %d", o->n_thresholds,
                       GW_EXPORT_THRESHOLDS_MAX);
    for (size_t i = 0; i < o->n_thresholds; i++) {
        if (!is_share(o->thresholds[i], 10))
            return gw_fail(e, GW_EUSAGE, "threshold %zu of a budget must be above 0 and at most 1000%%",
                           i + 1);
        /* their alerts are named by whole percents */
        if (i && o->thresholds[i] - o->thresholds[i - 1] < 0.01)
            return gw_fail(e, GW_EUSAGE, "thresholds of a budget must ascend, by a percent at least");
    }
    if (!is_share(o->forecast, 10) || !is_share(o->waste, 1) || !is_share(o->unknown, 1) ||
        !is_share(o->utilisation, 1))
        return gw_fail(e, GW_EUSAGE,
                       "shares of waste, of what is unknown, and utilisation are above 0 and at most "
                       "100%%; of a forecast at most 1000%%");
    if (o->stale_ms < GW_MINUTE_MS)
        return gw_fail(e, GW_EUSAGE, "data is stale after a minute at the earliest");
    return 0;
}

int gw_rules_write(const gw_rules_options *o, gw_buf *b, gw_error *e)
{
    gw_doc d;
    int rc = check_thresholds(o, e);
    if (!rc && !o->plain)
        rc = check_object(o, e);
    if (rc)
        return rc;
    gw_doc_init(&d, o->json ? GW_DOC_JSON : GW_DOC_YAML, b);
    if (o->plain) {
        gw_doc_object(&d, NULL);
        put_groups(&d, o);
        gw_doc_end(&d);
    } else {
        put_object(&d, o);
    }
    return gw_doc_finish(&d, e);
}
