/* One of "budgets": {name, period, amount, thresholds, forecast} and up to four groupings ("team: nlp"). */
#include "operate/budget.h"
#include "serve/config_internal.h"

/* As operate/budget.h, and the amount itself: who is over is to hear of it. */
static void init_rule(gw_budget_rule *r)
{
    gw_budget_rule_init(r);
    r->thresholds[r->n_thresholds++] = 1;
}

static int read_thresholds(const gw_yaml *y, gw_budget_rule *r, gw_error *e)
{
    int rc = gw_yaml_expect(y, GW_YAML_LIST, e);
    if (rc)
        return rc;
    if (y->n > GW_BUDGET_THRESHOLDS_MAX)
        return gw_yaml_fail(y, e, GW_ELIMIT, "at most %d thresholds", GW_BUDGET_THRESHOLDS_MAX);
    r->n_thresholds = y->n;
    for (uint32_t i = 0; i < y->n && !rc; i++)
        rc = gw_yaml_double(y->items[i], &r->thresholds[i], e);
    return rc;
}

static int read_period(const gw_yaml *y, gw_budget_rule *r, gw_error *e)
{
    const char *text;
    int rc = gw_yaml_text(y, &text, e);
    if (rc == 0 && !gw_budget_period_find(gw_str_of(text), &r->period))
        rc = gw_yaml_fail(y, e, GW_ECONFIG, "period is monthly or weekly, not '%.40s'", text);
    return rc;
}

static int read_group(const gw_yaml *y, gw_budget_rule *r, gw_error *e)
{
    gw_dim dim = gw_dim_find(gw_str_of(y->key));
    if (dim >= GW_N_DIMS)
        return gw_yaml_fail(
            y, e, GW_ECONFIG,
            "'%.40s' is neither name, period, amount, thresholds or forecast nor a grouping such as "
            "team, namespace, model or cluster",
            y->key);
    if (r->n_by == GW_BUDGET_BY_MAX)
        return gw_yaml_fail(y, e, GW_ELIMIT, "at most %d groupings", GW_BUDGET_BY_MAX);
    r->by[r->n_by].dim = dim;
    return gw_yaml_scalar(y, &r->by[r->n_by++].value, e);
}

int gw_config_budget(gw_serve_config *c, const gw_yaml *y, gw_budget_rule *ret, gw_error *e)
{
    int rc = gw_yaml_expect(y, GW_YAML_MAP, e);
    GW_UNUSED(c);
    init_rule(ret);
    rc = rc ? rc : gw_yaml_read_scalar(y, "name", &ret->name, e);
    rc = rc ? rc : gw_config_money(y, "amount", &ret->amount, e);
    rc = rc ? rc : gw_yaml_read_double(y, "forecast", &ret->forecast, e);
    for (uint32_t i = 0; !rc && i < y->n; i++) {
        const gw_yaml *x = y->items[i];
        if (strcmp(x->key, "name") == 0 || strcmp(x->key, "amount") == 0 || strcmp(x->key, "forecast") == 0)
            continue;
        rc = strcmp(x->key, "thresholds") == 0 ? read_thresholds(x, ret, e)
             : strcmp(x->key, "period") == 0   ? read_period(x, ret, e)
                                               : read_group(x, ret, e);
    }
    gw_error why;
    if (rc == 0 && gw_budget_rule_check(ret, &why))
        rc = gw_yaml_fail(y, e, GW_ECONFIG, "%s", why.message);
    return rc;
}

int gw_serve_config_sample(gw_serve_config *c, gw_error *e)
{
    /* amounts near what the sample fleet's week costs, so that each state is there to be seen */
    static const struct {
        const char *name, *value;
        gw_dim dim;
        gw_budget_period period;
        int dollars;
    } rules[] = {{"everything, weekly", NULL, GW_N_DIMS, GW_BUDGET_WEEKLY, 45000},
                 {"research, weekly", "research", GW_DIM_NAMESPACE, GW_BUDGET_WEEKLY, 18000},
                 {"notebooks, weekly", "notebooks", GW_DIM_NAMESPACE, GW_BUDGET_WEEKLY, 900},
                 {"everything, monthly", NULL, GW_N_DIMS, GW_BUDGET_MONTHLY, 180000}};
    c->budgets = GW_NEW_ARRAY(&c->arena, gw_budget_rule, GW_COUNT(rules));
    if (!c->budgets)
        return gw_fail_memory(e);
    for (size_t i = 0; i < GW_COUNT(rules); i++) {
        gw_budget_rule *r = &c->budgets[c->n_budgets++];
        init_rule(r);
        r->name = rules[i].name;
        r->period = rules[i].period;
        r->amount = rules[i].dollars * INT64_C(1000000);
        r->n_by = rules[i].value != NULL;
        r->by[0].dim = rules[i].dim;
        r->by[0].value = rules[i].value;
    }
    return gw_budget_rules_check(c->budgets, c->n_budgets, e);
}
