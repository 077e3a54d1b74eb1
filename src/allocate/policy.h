/*
 * The headroom policy: what a plan must leave free and alone. Defaults, then rules in the order of the file;
 * each rule that matches a pod sets the fields it names, so the last that names a field decides it.
 * docs/guide/policy.md is the manual of the file:
 *
 *     kind: Policy
 *     defaults:
 *       computeP95: 85%              # of what a tenant is given, and of a board that several share
 *       memoryPeak: 0.85
 *     rules:
 *     - namespace: "ml-*"            # all of namespace, workload and selector must match; one is enough
 *       workload: "Deployment/chat-*"
 *       selector: "team=search,!canary"
 *       latencyTier: p99             # p99, standard, best-effort
 *       production: true
 *       surviveNodeLoss: true
 *       exclude: true                # no action touches it
 *       pin: true                    # it stays on its node; others may come and go
 *       tenant: squad-a              # pods of two tenants share no board without MIG
 *       sharing: [mig, mps]          # forms that are allowed; []: dedicated only
 *       maxParts: 4                  # most parts of a board under MPS and time-slicing
 *
 * A selector sees a pod's labels, then those of its controllers, nearest first, then its namespace's: the
 * order of gw_owner_of, except that an empty value is a value here.
 */
#ifndef GW_ALLOCATE_POLICY_H
#define GW_ALLOCATE_POLICY_H

#include "fleet/fleet.h"
#include "fleet/ledger.h"
#include "fleet/plan.h"

#define GW_POLICY_RULES_MAX       1000 /* of all files and selectors together */
#define GW_POLICY_TEXT_MAX        4096 /* bytes of one pattern, selector or tenant */
#define GW_POLICY_HEADROOM        0.85 /* computeP95 and memoryPeak where nobody says otherwise */
#define GW_POLICY_HEADROOM_MIN    0.01 /* a headroom that lets nothing run at all is a slip of the pen */
#define GW_POLICY_LABELS_REMEMBER 64   /* distinct label names that one gw_policy_of looks up only once */

typedef enum gw_tier {
    GW_TIER_STANDARD,
    GW_TIER_P99,         /* its users feel every delay: never time-sliced, nor under MPS */
    GW_TIER_BEST_EFFORT, /* notebooks, batch: may wait */
    GW_N_TIERS,
} gw_tier;

/* "standard", "p99", "best-effort" */
const char *gw_tier_name(gw_tier t);

/* What holds for one pod. Texts belong to the policy or the fleet. */
typedef struct gw_headroom {
    double compute_p95;     /* 0..1: most of what it is given that its P95 of compute window means may take */
    double memory_peak;     /* 0..1: the same of its memory peak */
    bool production;        /* the loss of any one node must leave room for it */
    bool survive_node_loss; /* ... unless switched off */
    gw_tier tier;
    bool exclude, pin;
    unsigned forms;     /* bit 1 << gw_form: allowed; GW_FORM_WHOLE always is */
    int max_parts;      /* of a board under MPS or time-slicing; 0: as sharing.h has it */
    const char *tenant; /* trust: a rule's, else the label "tenant", else the namespace */
    bool tenant_named;  /* by a rule or a label: a namespace of that name is another tenant */
    const char *why;    /* what decided a field that keeps it where it is: "excluded by rule 3
                           (policy.yaml:12)"; NULL: nothing does */
} gw_headroom;

typedef struct gw_policy gw_policy;

/* The defaults alone. GW_ENOMEM. gw_policy_free takes NULL. */
int gw_policy_new(gw_policy **ret, gw_error *e);
void gw_policy_free(gw_policy *p);

/* Adds a file's text; `name` is for messages, which give line and column. A later file's rules come after
 * those of an earlier one, its defaults replace the fields that they name. GW_ECONFIG, GW_ELIMIT, GW_ENOMEM;
 * the policy is then as it was. */
int gw_policy_add_text(gw_policy *p, const char *name, gw_str text, gw_error *e);

/* One rule for the pods of a label selector: the command line's --exclude and --pin. A flag that is false is
 * not named by the rule. GW_EUSAGE where the selector is wrong or empty, GW_ELIMIT, GW_ENOMEM. */
int gw_policy_add_selector(gw_policy *p, const char *selector, bool exclude, bool pin, gw_error *e);

/* Replaces a default: the command line's --compute-headroom, --memory-headroom. A negative one leaves it as
 * it is. GW_EUSAGE outside GW_POLICY_HEADROOM_MIN..1. */
int gw_policy_set_headroom(gw_policy *p, double compute_p95, double memory_peak, gw_error *e);

/*
 * What holds for a pod. What no rule names comes from labels, then from `defaults`:
 *
 * production: the ownership field `environment`. True where it has a word that begins with "prod"; false
 * where its first word (digits at its end aside) is dev, development, test, testing, staging, stage, qa,
 * sandbox, preview, ci or demo. Else the default; else true, since nobody knows. tier: the ownership field
 * `slaTier`: p99, gold, platinum, premium, critical, realtime and real-time are P99; bronze, best-effort,
 * besteffort, batch and spot BEST_EFFORT; silver and standard STANDARD. Else the default. Else STANDARD where
 * the label says something that is not understood; else BEST_EFFORT for the classes notebook and batch; else
 * STANDARD. tenant: the label "tenant", else the default, else the namespace.
 *
 * o NULL: no label says anything of production and tier. A pod that does not exist is excluded. Allocates
 * nothing; about rules × (two patterns) plus one look-up for each label that a rule which got so far asks
 * for.
 */
gw_headroom gw_policy_of(const gw_policy *p, const gw_fleet *f, const gw_ownership *o, uint32_t pod,
                         gw_workload_class class);

/* What holds for several pods that are planned for as one: of every field the stricter. Two tenants leave no
 * form but MIG and dedicated. */
void gw_headroom_tighten(gw_headroom *h, const gw_headroom *also);

#endif
