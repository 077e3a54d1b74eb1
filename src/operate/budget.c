#include "operate/budget.h"

#include <math.h>

#include "base/map.h"

void gw_budget_rule_init(gw_budget_rule *r)
{
    *r = (gw_budget_rule){
        .period = GW_BUDGET_MONTHLY, .thresholds = {0.5, 0.8, 0.95}, .n_thresholds = 3, .forecast = 1};
}

static const char *const period_names[] = {[GW_BUDGET_MONTHLY] = "monthly", [GW_BUDGET_WEEKLY] = "weekly"};

bool gw_budget_period_find(gw_str name, gw_budget_period *ret)
{
    for (size_t i = 0; i < GW_COUNT(period_names); i++)
        if (gw_str_is(name, period_names[i])) {
            *ret = (gw_budget_period)i;
            return true;
        }
    return false;
}

const char *gw_budget_period_name(gw_budget_period p)
{
    return (size_t)p < GW_COUNT(period_names) ? period_names[p] : "unknown";
}

static int64_t day_of(int64_t ms)
{
    return ms / GW_DAY_MS - (ms % GW_DAY_MS < 0);
}

gw_interval gw_budget_period_of(gw_budget_period p, int64_t at_ms)
{
    int64_t day = day_of(at_ms);
    if (p == GW_BUDGET_WEEKLY) {
        int64_t monday = day - ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        return (gw_interval){monday * GW_DAY_MS, (monday + 7) * GW_DAY_MS};
    }
    time_t at = (time_t)(day * (GW_DAY_MS / GW_SECOND_MS));
    struct tm tm = {0};
    gmtime_r(&at, &tm);
    struct tm first = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = 1};
    struct tm next = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1};
    int64_t start = (int64_t)timegm(&first), end = (int64_t)timegm(&next);
    return (gw_interval){start * GW_SECOND_MS, end * GW_SECOND_MS};
}

const char *gw_budget_verdict_name(gw_budget_verdict v)
{
    static const char *const names[] = {"ok", "warning", "exceeded", "unknown"};
    return (size_t)v < GW_COUNT(names) ? names[v] : "unknown";
}

static int groups_check(const gw_budget_rule *r, gw_error *e)
{
    if (r->n_by > GW_BUDGET_BY_MAX)
        return gw_fail(e, GW_ECONFIG, "budget \"%s\": more than %d groupings", r->name, GW_BUDGET_BY_MAX);
    for (size_t i = 0; i < r->n_by; i++) {
        if (r->by[i].dim >= GW_N_DIMS)
            return gw_fail(
                e, GW_ECONFIG,
                "budget \"%s\": history is not kept by \"%s\"; take cluster, namespace, workload, team, …",
                r->name, gw_dim_name(r->by[i].dim));
        if (!r->by[i].value)
            return gw_fail(e, GW_ECONFIG, "budget \"%s\": %s has no value", r->name,
                           gw_dim_name(r->by[i].dim));
        for (size_t k = 0; k < i; k++)
            if (r->by[k].dim == r->by[i].dim)
                return gw_fail(e, GW_ECONFIG, "budget \"%s\": %s twice", r->name, gw_dim_name(r->by[i].dim));
    }
    return 0;
}

static int thresholds_check(const gw_budget_rule *r, gw_error *e)
{
    if (r->n_thresholds > GW_BUDGET_THRESHOLDS_MAX)
        return gw_fail(e, GW_ECONFIG, "budget \"%s\": more than %d thresholds", r->name,
                       GW_BUDGET_THRESHOLDS_MAX);
    for (size_t i = 0; i < r->n_thresholds; i++) {
        if (!(r->thresholds[i] > 0 && r->thresholds[i] <= 10))
            return gw_fail(
                e, GW_ECONFIG,
                "budget \"%s\": a threshold is a part of the amount, above 0 and up to 10, such as 0.8",
                r->name);
        if (i && r->thresholds[i] <= r->thresholds[i - 1])
            return gw_fail(e, GW_ECONFIG, "budget \"%s\": thresholds rise, such as 0.5, 0.8, 0.95", r->name);
    }
    if (!(r->forecast >= 0 && r->forecast <= 10))
        return gw_fail(e, GW_ECONFIG,
                       "budget \"%s\": forecast is a part of the amount, 0 (off) to 10, such as 1.0",
                       r->name);
    return 0;
}

int gw_budget_rule_check(const gw_budget_rule *r, gw_error *e)
{
    int rc;
    if (!r->name || !*r->name || strlen(r->name) > GW_BUDGET_NAME_MAX)
        return gw_fail(e, GW_ECONFIG, "a budget needs a name of at most %d bytes", GW_BUDGET_NAME_MAX);
    if ((rc = groups_check(r, e)) || (rc = thresholds_check(r, e)))
        return rc;
    if ((size_t)r->period >= GW_COUNT(period_names))
        return gw_fail(e, GW_ECONFIG, "budget \"%s\": period is monthly or weekly", r->name);
    if (!gw_micro_known(r->amount) || r->amount <= 0)
        return gw_fail(e, GW_ECONFIG, "budget \"%s\": amount is dollars above 0", r->name);
    return 0;
}

int gw_budget_rules_check(const gw_budget_rule *rules, size_t n, gw_error *e)
{
    gw_map names;
    int r = 0;
    gw_map_init(&names);
    for (size_t i = 0; i < n && !r; i++) {
        if ((r = gw_budget_rule_check(&rules[i], e)))
            break;
        if (gw_map_get(&names, gw_str_of(rules[i].name)) != GW_NONE)
            r = gw_fail(e, GW_ECONFIG, "two budgets are named \"%s\"", rules[i].name);
        else if (gw_map_set(&names, gw_str_of(rules[i].name), (uint32_t)i))
            r = gw_fail_memory(e);
    }
    gw_map_free(&names);
    return r;
}
