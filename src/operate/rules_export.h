/*
 * What other systems can watch with: Prometheus rules and a Grafana dashboard over gpuwise's own /metrics,
 * and AWS Budgets as Terraform. Pure functions: the same options give the same bytes.
 *
 * The rules are for who has Prometheus and Alertmanager already, instead of gpuwise's own delivery
 * (operate/alert.h) or beside it. Budgets need no configuration here: their amounts and what is spent are
 * metrics, one series a budget.
 */
#ifndef GW_OPERATE_RULES_EXPORT_H
#define GW_OPERATE_RULES_EXPORT_H

#include "base/buf.h"
#include "base/time.h"
#include "operate/budget.h"

#define GW_EXPORT_BYTES_MAX      ((size_t)16 << 20)
#define GW_EXPORT_THRESHOLDS_MAX 8
#define GW_EXPORT_LABELS_MAX     16
#define GW_EXPORT_TAGS_MAX       8

/* ---- Prometheus ---------------------------------------------------------------------------------------- */

typedef struct gw_rules_options {
    bool plain;            /* a rule file as Prometheus reads it; false: a PrometheusRule object */
    bool json;             /* of the object; false: YAML */
    const char *name, *ns; /* of the object; NULL: "gpuwise", and no namespace */
    struct {
        const char *key, *value;
    } labels[GW_EXPORT_LABELS_MAX]; /* of the object: what the operator's ruleSelector looks for */
    size_t n_labels;
    double thresholds[GW_EXPORT_THRESHOLDS_MAX]; /* shares of a budget, ascending */
    size_t n_thresholds;
    double forecast;    /* share of a budget */
    double waste;       /* share of the bill that is wasted or idle */
    double unknown;     /* share of the bill that nobody observed */
    double utilisation; /* ratio */
    int64_t stale_ms;   /* age of the newest sample */
} gw_rules_options;

/* Thresholds 50, 80 and 95 %, forecast 100 %, waste 40 %, unknown 10 %, utilisation 25 %, an hour. */
gw_rules_options gw_rules_options_default(void);

/* GW_EUSAGE for a threshold that is none, or a label or name that Kubernetes would refuse. */
int gw_rules_write(const gw_rules_options *o, gw_buf *b, gw_error *e);

/* ---- Grafana ------------------------------------------------------------------------------------------- */

/* The dashboard "GPU cost and waste" for Grafana 10 and later: to import, or to provision as a file. The data
 * source is a variable. */
int gw_grafana_write(gw_buf *b, gw_error *e);

/* ---- AWS Budgets --------------------------------------------------------------------------------------- */

typedef struct gw_terraform_options {
    const gw_budget_rule *budgets;
    size_t n;
    /* Which cost allocation tag carries a dimension: {"team", "Team"}; "aws:eks:namespace" for one that AWS
     * writes itself. */
    struct {
        const char *dim, *tag;
    } tags[GW_EXPORT_TAGS_MAX];
    size_t n_tags;
} gw_terraform_options;

/*
 * Terraform (HCL 2, provider hashicorp/aws from 4): an aws_budgets_budget for each, and a variable for who is
 * notified. A dimension without a tag in the options is taken for a tag of its own name; cluster, namespace
 * and workload for those that EKS writes where "split cost allocation data" is switched on.
 *
 * Named in a comment and left out is what AWS Budgets cannot say: weeks; more than one grouping (its tags are
 * alternatives); what no tag carries, as the class of a workload. Of more than 4 thresholds the highest 4 are
 * kept, since a budget has at most 5 notifications.
 *
 * AWS counts what AWS bills, by its tags, hours late; gpuwise counts GPU time by who held it. The two agree
 * where a team's nodes are its own. GW_ECONFIG where a rule is wrong, GW_EUSAGE for a tag of no dimension.
 */
int gw_terraform_write(const gw_terraform_options *o, gw_buf *b, gw_error *e);

#endif
