/* Private to planner*.c and advise_*.c. */
#ifndef GW_ALLOCATE_PLANNER_INTERNAL_H
#define GW_ALLOCATE_PLANNER_INTERNAL_H

#include "allocate/after.h"
#include "allocate/world.h"

/* A move must have earned back what its restarts cost within this time. */
#define GW_PAYBACK_MS (7 * GW_DAY_MS)
/* Trials of one plan; beyond, the plan is what was found so far, and says so. */
#define GW_TRIALS_MAX 20000

typedef struct gw_planning {
    const gw_planner_input *in;
    const gw_planner_options *o;
    gw_plan *plan;
    gw_world world;
    const gw_change **chosen; /* of the chosen actions, in order */
    size_t n_chosen, cap_chosen;
    gw_micro bill;         /* with the chosen ones */
    const char **node_why; /* parallel to the nodes: why it was not given back */
    size_t trials;
    bool api; /* scheduling rules are known of somebody */
    gw_error *e;
} gw_planning;

/* What an adviser knows of its proposal; the rest is derived from the change. */
typedef struct gw_proposal {
    gw_action_kind kind;
    size_t mark;             /* the trial: everything in the world's journal since */
    uint32_t node;           /* that it is named after */
    const char *rule;        /* why, a sentence in the plan's arena or a constant */
    const char *should;      /* a phrase; NULL: derived */
    const gw_change *change; /* NULL: what the journal says */
    const gw_resize *resizes;
    size_t n_resizes;
} gw_proposal;

typedef enum gw_verdict { GW_TAKEN, GW_REFUSED, GW_FAILED } gw_verdict;

/*
 * Weighs a trial: books it, and takes it into the plan, or takes it back (as an alternative where the user's
 * own limits were what it failed on). GW_FAILED: *p->e says why.
 */
gw_verdict gw_plan_weigh(gw_planning *p, const gw_proposal *x);

/* Whether a change of requests is of this tenant. */
bool gw_plan_resizes(const gw_planning *p, const gw_resize *r, const gw_tenant *t);

/* Whether the kind was asked for. */
bool gw_plan_wants(const gw_planning *p, gw_action_kind k);

/* Advisers. 0 or a failure. */
int gw_advise_release(gw_planning *p);
int gw_advise_share(gw_planning *p);
int gw_advise_rightsize(gw_planning *p);
int gw_advise_mix(gw_planning *p);

/* planner_say.c: id, subject, is, should, text, risk, blast, prerequisites, evidence. 0 or GW_ENOMEM. */
int gw_plan_describe(gw_planning *p, gw_action *a, const gw_proposal *x);

/* The same for smaller requests that move nothing: of the one workload in a->change. */
int gw_plan_describe_resize(gw_planning *p, gw_action *a, const char *cluster, uint32_t pods);

/* planner_bound.c: what no plan can go under. Before any trial. 0 or a failure. */
int gw_plan_bound(gw_planning *p);

/* An amount of the window as a month's. */
gw_micro gw_plan_monthly(const gw_planning *p, gw_micro window);

#endif
