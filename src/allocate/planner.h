/*
 * Makes the plan: from fleet, usage, prices and policy to actions whose savings are differences of ledgers.
 * docs/internals/plan.md tells the way.
 */
#ifndef GW_ALLOCATE_PLANNER_H
#define GW_ALLOCATE_PLANNER_H

#include "allocate/policy.h"
#include "fleet/plan.h"
#include "fleet/usage.h"
#include "price/price.h"

typedef struct gw_planner_input {
    const gw_fleet *fleet;
    const gw_usage *usage;
    const gw_price_list *prices;
    const gw_price_book *book;
    const gw_ledger *ledger;
    const gw_ownership *ownership;
    const gw_policy *policy;
    const gw_workload_class *pod_class; /* parallel to fleet->pods; NULL: all unknown */
} gw_planner_input;

typedef struct gw_planner_options {
    unsigned kinds;        /* bit 1 << gw_action_kind: that may be proposed; 0: all */
    gw_micro min_saving;   /* a month: chosen actions that add less are left out; 0 */
    gw_risk max_risk;      /* riskier ones become alternatives, with the reason */
    bool max_risk_set;     /* else high */
    int64_t mix_budget_ms; /* for the search for the cheapest mix; 0: 5,000 */
    /* What scales a workload by itself: bits of GW_SCALES_… (allocate/rightsize.h); NULL: unknown of all. */
    unsigned (*autoscaled)(void *ctx, const char *ns, const char *kind, const char *name);
    void *autoscaled_ctx;
    gw_clock clock; /* bounds that search; NULL: the monotonic clock */
    void *clock_ctx;
} gw_planner_options;

/*
 * *ret is initialised by the caller and filled. GW_ENODATA where the fleet has no GPU node at the end of the
 * window, GW_ENOMEM, GW_ELIMIT; GW_EINTERNAL for a plan whose books do not balance, which is a bug.
 */
int gw_plan_make(const gw_planner_input *in, const gw_planner_options *o, gw_plan *ret, gw_error *e);

#endif
