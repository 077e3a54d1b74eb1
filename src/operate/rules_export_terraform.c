/* Budgets as Terraform for AWS. Written as `terraform fmt` would. */
#include <ctype.h>

#include "format/doc.h"
#include "operate/rules_export.h"

#define NOTIFICATIONS_MAX 5 /* of a budget; AWS Budgets quotas */
#define IDENTIFIER_MAX    64
#define TAG_MAX_BYTES     128

/* ---- texts --------------------------------------------------------------------------------------------- */

/* The inside of a quoted string. "${" and "%{" would begin an expression; `before` is what stands there
 * already, since a value may complete what the text before it began. */
static char put_text(gw_buf *b, char before, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '{' && (before == '$' || before == '%'))
            gw_buf_putc(b, before); /* doubled, it stands for itself */
        if (c == '"' || c == '\\')
            gw_buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            gw_buf_printf(b, "\\u%04x", c);
        else
            gw_buf_putc(b, (char)c);
        before = (char)c;
    }
    return before;
}

/* One line of a comment: nothing of a name may end it. */
static void put_comment_text(gw_buf *b, const char *s)
{
    for (; *s; s++)
        gw_buf_putc(b, (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s);
}

/* "NLP (eu)" becomes "nlp_eu"; the second that would be called so "nlp_eu_2". */
static void identifier(const gw_terraform_options *o, size_t i, char out[IDENTIFIER_MAX])
{
    size_t n = 0, nth = 1;
    char other[IDENTIFIER_MAX];
    for (const char *s = o->budgets[i].name; *s && n < IDENTIFIER_MAX - 8; s++) {
        if (isalnum((unsigned char)*s))
            out[n++] = (char)tolower((unsigned char)*s);
        else if (n && out[n - 1] != '_')
            out[n++] = '_';
    }
    while (n && out[n - 1] == '_')
        n--;
    out[n] = '\0';
    if (n == 0 || isdigit((unsigned char)out[0])) {
        char text[IDENTIFIER_MAX];
        memcpy(text, out, n + 1);
        n = (size_t)snprintf(out, IDENTIFIER_MAX, "budget%s%.40s", n ? "_" : "", text);
    }
    for (size_t k = 0; k < i; k++) {
        identifier(&(gw_terraform_options){.budgets = o->budgets + k, .n = 1}, 0, other);
        nth += strcmp(other, out) == 0;
    }
    if (nth > 1)
        snprintf(out + n, IDENTIFIER_MAX - n, "_%zu", nth);
}

/* ---- what AWS can say ---------------------------------------------------------------------------------- */

/* The tag that carries a dimension; NULL: none does. */
static const char *tag_of(const gw_terraform_options *o, gw_dim dim)
{
    const char *name = gw_dim_name(dim);
    for (size_t i = 0; i < o->n_tags; i++)
        if (strcmp(o->tags[i].dim, name) == 0)
            return o->tags[i].tag;
    switch (dim) {
    case GW_DIM_CLUSTER:
        return "aws:eks:cluster-name";
    case GW_DIM_NAMESPACE:
        return "aws:eks:namespace";
    case GW_DIM_WORKLOAD:
        return "aws:eks:workload-name";
    case GW_DIM_WORKLOAD_KIND:
        return "aws:eks:workload-type";
    case GW_DIM_CLASS:
    case GW_DIM_GPU_MODEL:
    case GW_DIM_CAPACITY:
        return NULL;
    default:
        return name;
    }
}

/* Why a rule has no budget at AWS; NULL: it can have one. */
static const char *why_not(const gw_terraform_options *o, const gw_budget_rule *r)
{
    if (r->period == GW_BUDGET_WEEKLY)
        return "AWS Budgets knows days, months, quarters and years, not weeks";
    if (r->n_by > 1)
        return "AWS Budgets takes several tags as alternatives, not together";
    if (r->n_by == 1 && !tag_of(o, r->by[0].dim))
        return "no tag at AWS carries what it is grouped by; name one with --tag";
    return NULL;
}

static void put_notification(gw_buf *b, double share, bool forecast)
{
    char percent[GW_DECIMAL_TEXT_MAX];
    gw_buf_printf(b,
                  "\n  notification {\n"
                  "    comparison_operator        = \"GREATER_THAN\"\n"
                  "    threshold                  = %s\n"
                  "    threshold_type             = \"PERCENTAGE\"\n"
                  "    notification_type          = \"%s\"\n"
                  "    subscriber_email_addresses = var.gpuwise_budget_emails\n"
                  "  }\n",
                  gw_decimal_format(share * 100, 4, true, percent), forecast ? "FORECASTED" : "ACTUAL");
}

static void put_filter(gw_buf *b, const char *tag, const char *value)
{
    gw_buf_puts(b, "\n  cost_filter {\n    name   = \"TagKeyValue\"\n    values = [\"");
    char last = put_text(b, '\0', gw_has_prefix(tag, "aws:") ? "" : "user:");
    last = put_text(b, last, tag);
    last = put_text(b, last, "$");
    put_text(b, last, value);
    gw_buf_puts(b, "\"]\n  }\n");
}

static void put_amount(gw_buf *b, gw_micro amount)
{
    char text[GW_MICRO_TEXT_MAX];
    gw_micro_format(amount, text);
    size_t n = strlen(text);
    while (n && text[n - 1] == '0')
        n--;
    n -= n && text[n - 1] == '.';
    gw_buf_add(b, text, n);
}

static void put_budget(gw_buf *b, const gw_terraform_options *o, size_t i)
{
    const gw_budget_rule *r = &o->budgets[i];
    char name[IDENTIFIER_MAX];
    size_t most = NOTIFICATIONS_MAX - 1, first = r->n_thresholds > most ? r->n_thresholds - most : 0;
    identifier(o, i, name);
    if (r->n_by == 0)
        gw_buf_puts(b, "\n# No filter: this is the whole account, what is not GPU included.");
    if (first)
        gw_buf_printf(b,
                      "\n# The lowest %zu of its thresholds are left out: AWS has at most %d notifications.",
                      first, NOTIFICATIONS_MAX);
    gw_buf_printf(b, "\nresource \"aws_budgets_budget\" \"%s\" {\n  name         = \"gpuwise-", name);
    put_text(b, '-', r->name);
    gw_buf_puts(b, "\"\n  budget_type  = \"COST\"\n  limit_amount = \"");
    put_amount(b, r->amount);
    gw_buf_puts(b, "\"\n  limit_unit   = \"USD\"\n  time_unit    = \"MONTHLY\"\n");
    if (r->n_by)
        put_filter(b, tag_of(o, r->by[0].dim), r->by[0].value);
    for (size_t k = first; k < r->n_thresholds; k++)
        put_notification(b, r->thresholds[k], false);
    if (r->forecast > 0)
        put_notification(b, r->forecast, true);
    gw_buf_puts(b, "}\n");
}

static void put_head(gw_buf *b)
{
    gw_buf_puts(
        b, "# Budgets of gpuwise as AWS Budgets. AWS counts what it bills, by cost allocation tags (which "
           "must be\n"
           "# activated in the billing console), some hours late; gpuwise counts GPU time by who held it.\n"
           "terraform {\n"
           "  required_providers {\n"
           "    aws = {\n"
           "      source  = \"hashicorp/aws\"\n"
           "      version = \">= 4.0\"\n"
           "    }\n"
           "  }\n"
           "}\n"
           "\n"
           "variable \"gpuwise_budget_emails\" {\n"
           "  description = \"Who is told when a budget reaches a threshold; at most 10 addresses.\"\n"
           "  type        = list(string)\n"
           "}\n");
}

static int check_tags(const gw_terraform_options *o, gw_error *e)
{
    if (o->n_tags > GW_EXPORT_TAGS_MAX)
        return gw_fail(e, GW_EUSAGE, "%zu tags, at most %d", o->n_tags, GW_EXPORT_TAGS_MAX);
    for (size_t i = 0; i < o->n_tags; i++) {
        size_t n = strlen(o->tags[i].tag);
        if (gw_dim_find(gw_str_of(o->tags[i].dim)) >= GW_N_DIMS)
            return gw_fail(e, GW_EUSAGE,
                           "'%s' is nothing that budgets are grouped by: write, for example, team=Team",
                           o->tags[i].dim);
        if (n == 0 || n > TAG_MAX_BYTES)
            return gw_fail(e, GW_EUSAGE, "the tag of '%s' must have 1 to %d characters", o->tags[i].dim,
                           TAG_MAX_BYTES);
    }
    return 0;
}

int gw_terraform_write(const gw_terraform_options *o, gw_buf *b, gw_error *e)
{
    int rc = gw_budget_rules_check(o->budgets, o->n, e);
    if (!rc)
        rc = check_tags(o, e);
    if (rc)
        return rc;
    put_head(b);
    for (size_t i = 0; i < o->n; i++) {
        const char *why = why_not(o, &o->budgets[i]);
        if (!why) {
            put_budget(b, o, i);
            continue;
        }
        gw_buf_puts(b, "\n# Left out: the budget '");
        put_comment_text(b, o->budgets[i].name);
        gw_buf_printf(b, "': %s.\n", why);
    }
    return gw_buf_check(b, "the Terraform file", e);
}
