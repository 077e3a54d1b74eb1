/*
 * Budgets: what a group may spend in a calendar month or week (UTC, weeks from Monday), what it has spent,
 * and what it will have spent. docs/guide/budgets.md is the manual.
 *
 * Spent is the bill of the group's rows in the store's closed hours of the period: used, wasted, idle,
 * unknown and overhead. It is a lower bound where hours are missing in the store, or GPU time has no price;
 * `why` says so. A threshold that a lower bound reaches is reached; one that it does not reach is not known,
 * and the state is "unknown" instead of "ok".
 *
 *   exceeded  spent >= amount
 *   warning   a threshold is reached, actual or forecast
 *   unknown   none is, but something is missing
 *   ok        none is, and nothing is missing
 */
#ifndef GW_OPERATE_BUDGET_H
#define GW_OPERATE_BUDGET_H

#include "format/doc.h"
#include "operate/event.h"
#include "operate/forecast.h"
#include "store/store.h"

#define GW_BUDGET_BY_MAX         4 /* groupings of one rule, all of which must fit */
#define GW_BUDGET_THRESHOLDS_MAX 8
#define GW_BUDGET_NAME_MAX       100 /* bytes */
/* The newest hour may still be open, and the one before not closed yet: not missing. */
#define GW_BUDGET_PENDING_MS (2 * GW_HOUR_MS)
/* A cluster without a closed hour for so long is gone, and its hours since are not missing. */
#define GW_BUDGET_GONE_MS (7 * GW_DAY_MS)

typedef enum gw_budget_period { GW_BUDGET_MONTHLY, GW_BUDGET_WEEKLY } gw_budget_period;

/* Texts are the caller's and must outlive what is made of the rule. */
typedef struct gw_budget_rule {
    const char *name; /* unique among the rules */
    struct {
        gw_dim dim; /* below GW_N_DIMS */
        const char *value;
    } by[GW_BUDGET_BY_MAX]; /* none: everything in the store */
    size_t n_by;
    gw_budget_period period;
    gw_micro amount;                             /* > 0 */
    double thresholds[GW_BUDGET_THRESHOLDS_MAX]; /* of the amount, ascending: what is spent */
    size_t n_thresholds;
    double forecast; /* of the amount: what will have been spent; 0 = do not watch it */
} gw_budget_rule;

/* Monthly, 50, 80 and 95 % actual, 100 % forecast; without name, groups and amount. */
void gw_budget_rule_init(gw_budget_rule *r);
/* GW_ECONFIG says what is wrong with the rule, by its name. */
int gw_budget_rule_check(const gw_budget_rule *r, gw_error *e);
/* Each, and that no two have one name. */
int gw_budget_rules_check(const gw_budget_rule *rules, size_t n, gw_error *e);
/* "monthly" and "weekly"; false: no such word. */
bool gw_budget_period_find(gw_str name, gw_budget_period *ret);
const char *gw_budget_period_name(gw_budget_period p);
/* The period that `at` lies in. */
gw_interval gw_budget_period_of(gw_budget_period p, int64_t at_ms);

typedef enum gw_budget_verdict {
    GW_BUDGET_OK,
    GW_BUDGET_WARNING,
    GW_BUDGET_EXCEEDED,
    GW_BUDGET_UNKNOWN,
} gw_budget_verdict;

/* "ok", "warning", "exceeded", "unknown" */
const char *gw_budget_verdict_name(gw_budget_verdict v);

typedef struct gw_budget_threshold {
    double at;
    bool forecast; /* of the forecast's mean; else of what is spent */
    bool reached;
    int64_t reached_ms; /* actual: end of the hour that crossed it; forecast: when it was first judged so;
                           INT64_MIN: not known, or not reached */
} gw_budget_threshold;

typedef struct gw_budget_day {
    int64_t day_ms;
    gw_micro spent; /* GW_MICRO_UNKNOWN where no hour of the day is in the store */
} gw_budget_day;

typedef struct gw_budget_state {
    const gw_budget_rule *rule;
    gw_interval period;
    gw_micro spent; /* GW_MICRO_UNKNOWN where no hour of the period is in the store */
    double share;   /* spent / amount; NAN where spent is not known */
    gw_forecast forecast;
    gw_budget_threshold thresholds[GW_BUDGET_THRESHOLDS_MAX + 1];
    size_t n_thresholds;
    const gw_budget_day *days; /* of the period until now */
    size_t n_days;
    uint32_t hours_missing; /* of the period until now */
    int64_t unpriced_ms;    /* GPU time without a price */
    gw_budget_verdict verdict;
    const char *why; /* NULL where nothing is missing */
} gw_budget_state;

typedef struct gw_budget_states {
    gw_budget_state *items;
    size_t n;
    gw_arena arena;
} gw_budget_states;

/*
 * Judges every rule as of now. events: NULL only looks. Otherwise what has become true since the last look is
 * added: of the thresholds of a budget that were reached since, the highest ("budget-threshold", severity
 * info below 80 %, warning below 95 %, error below 100 %, critical from there), a forecast that passes its
 * threshold
 * ("budget-forecast", warning), and, resolved, what was told in a period that is over and a forecast that
 * came back under 95 % of its threshold. What was told is kept in the store as ("budget", name), so that it
 * is told once. *ret is initialised by this; the rules must outlive it.
 */
int gw_budget_judge(gw_store *s, const gw_budget_rule *rules, size_t n, int64_t now_ms, gw_budget_states *ret,
                    gw_events *events, gw_error *e);
void gw_budget_states_free(gw_budget_states *s);

/* The document of GET /api/v1/budgets: {"budgets": [...]}, as one value of the writer's. */
void gw_budget_write(const gw_budget_states *s, gw_doc *d);

#endif
