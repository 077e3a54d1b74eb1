/*
 * The headroom policy: what a plan must leave free and alone. Defaults, then rules in the order of the file;
 * each rule that matches a pod sets the fields it names. docs/guide/plan.md has the file's format:
 *
 *     defaults:
 *       computeP95: 0.85          # of what a tenant is given, and of a board that several share
 *       memoryPeak: 0.85
 *     rules:
 *       - namespace: "ml-*"       # pattern; also `selector:` (labels), `workload: Deployment/chat` or
 * "chat-*" latencyTier: p99        # p99 | standard | best-effort production: true exclude: true           #
 * no action touches it pin: true               # it stays on its node; others may come and go tenant: squad-a
 * # pods of two tenants share no board without MIG sharing: [mig, mps]     # forms that are allowed; [] none
 */
#ifndef GW_ALLOCATE_POLICY_H
#define GW_ALLOCATE_POLICY_H

#include "fleet/fleet.h"
#include "fleet/ledger.h"
#include "fleet/plan.h"

#define GW_POLICY_RULES_MAX 1000

typedef enum gw_tier {
    GW_TIER_STANDARD,
    GW_TIER_P99,         /* its users feel every delay: never time-sliced, nor under MPS */
    GW_TIER_BEST_EFFORT, /* notebooks, batch: may wait */
} gw_tier;

/* "standard", "p99", "best-effort" */
const char *gw_tier_name(gw_tier t);

/* What holds for one pod. */
typedef struct gw_headroom {
    double compute_p95;     /* 0..1: most of what it is given that its P95 of compute window means may take */
    double memory_peak;     /* 0..1: the same of its memory peak */
    bool production;        /* the loss of any one node must leave room for it */
    bool survive_node_loss; /* ... unless switched off */
    gw_tier tier;
    bool exclude, pin;
    unsigned forms;     /* bit 1 << gw_form: allowed; GW_FORM_WHOLE always is */
    const char *tenant; /* trust: the label tenant, else the namespace */
    const char *why;    /* what decided a field that keeps it where it is: "excluded by rule 3"; NULL */
} gw_headroom;

typedef struct gw_policy gw_policy;

/* The defaults alone. GW_ENOMEM. gw_policy_free takes NULL. */
int gw_policy_new(gw_policy **ret, gw_error *e);
void gw_policy_free(gw_policy *p);
/* Adds a file's text; `name` is for messages, which give line and column. GW_ECONFIG, GW_ELIMIT, GW_ENOMEM;
 * the policy is then as it was. */
int gw_policy_add_text(gw_policy *p, const char *name, gw_str text, gw_error *e);
/* One rule for the pods of a label selector: the command line's --exclude and --pin. GW_EUSAGE, GW_ENOMEM. */
int gw_policy_add_selector(gw_policy *p, const char *selector, bool exclude, bool pin, gw_error *e);
/* Replaces a default: the command line's --compute-headroom, --memory-headroom. GW_EUSAGE outside 0..1. */
int gw_policy_set_headroom(gw_policy *p, double compute_p95, double memory_peak, gw_error *e);

/*
 * production: the ownership field `environment` says prod…, or says nothing (nobody knows, so it is); false
 * for dev, development, test, testing, staging, qa, sandbox, preview, ci, demo. tier: the label of the
 * ownership field `sla-tier` (p99, gold, platinum, premium, critical, realtime: P99; bronze, best-effort,
 * batch, spot: BEST_EFFORT), else BEST_EFFORT for the classes notebook and batch, else STANDARD.
 */
gw_headroom gw_policy_of(const gw_policy *p, const gw_fleet *f, const gw_ownership *o, uint32_t pod,
                         gw_workload_class class);

#endif
