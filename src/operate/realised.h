/*
 * Realised savings: an accepted action is followed. What it was to save is compared with what the bill of its
 * scope came to after 1, 7 and 30 days, corrected for changed demand, and shown as it is: a miss is a miss,
 * and a loss is negative.
 *
 * Scope. The nodes that the action names (released, cut, moved from and to), in every hour; the workloads of
 * the pods that it moves and of the requests that it changes, wherever they run; and, where it hires, nodes
 * of the hired instance types that the cluster did not have before. The bill of the scope is the sum of the
 * leaves that are of any of these. Pods are matched to workloads in the pages of the seven days before.
 *
 * Baseline. The same sums over the seven days before the action was accepted, or what there is of them, at
 * least 24 hours. Kept in the document with its hours, so that a check needs no page that has been deleted
 * since.
 *
 * Method. Rates are dollars an hour, over the hours that are in the store.
 *
 *     demand factor = used GPU time an hour after / used GPU time an hour before       bounded to [0.5, 2]
 *     expected      = baseline held × demand factor + baseline idle and overhead       what it would cost
 * without realised      = expected − actual                                                a month: × 730.5 h
 *
 * The assumption: what pods hold grows and shrinks with the work they do (replicas follow load), and what
 * nobody holds stays. Where the held time before was all of it without a pod, no demand enters and the factor
 * is 1. Work that runs on fixed replicas does not hold more when it does more, and then a factor above 1
 * flatters the action: the uncorrected difference (baseline − actual) is always given beside it. The bounds
 * keep a workload that all but stopped, or a launch, from deciding the figure; a factor at a bound is said in
 * the note.
 *
 * Unknown, with the reason, and never 0: where more than 10 % of the hours of either side are missing, where
 * no use was measured of more than half of the held time of either side, where the scope has GPU time without
 * a price. Of two followed actions with nodes in common each sees all of the change; the note says so.
 *
 * Documents of kind "action" (store.h); body: JSON, its fields in docs/guide/realised-savings.md.
 */
#ifndef GW_OPERATE_REALISED_H
#define GW_OPERATE_REALISED_H

#include "format/doc.h"
#include "operate/review_numbers.h"
#include "store/store.h"

#define GW_ACTION_DOCUMENT "action"

#define GW_REALISED_CHECKS 3
extern const int gw_realised_days[GW_REALISED_CHECKS]; /* 1, 7, 30 */

#define GW_REALISED_BASELINE_MS    (7 * GW_DAY_MS)
#define GW_REALISED_BASELINE_LEAST (24 * GW_HOUR_MS)
#define GW_REALISED_HOURS_LEAST    0.9 /* of either side */
#define GW_REALISED_KNOWN_LEAST    0.5 /* of held time */
#define GW_REALISED_FACTOR_MIN     0.5
#define GW_REALISED_FACTOR_MAX     2.0
#define GW_REALISED_GRACE_MS       (6 * GW_HOUR_MS) /* how long a check waits for its last hours to be closed */
#define GW_REALISED_FOLLOWED_MAX   10000
#define GW_SCOPE_NAMES_MAX         10000 /* of each kind */

/* ---- the arithmetic, pure ------------------------------------------------------------------------------ */

/* A scope's sums over a period. */
typedef struct gw_realised_side {
    gw_measures held, rest; /* what pods held; idle, overhead and unknown of nobody */
    uint32_t hours;         /* that the sums are of */
    uint32_t expected;      /* hours of the period */
} gw_realised_side;

typedef struct gw_realised {
    bool known;
    gw_micro baseline, actual; /* dollars an hour */
    gw_micro expected;         /* an hour, corrected for demand */
    gw_micro monthly;          /* realised: (expected − actual) × 730.5; may be negative */
    gw_micro monthly_plain;    /* uncorrected: (baseline − actual) × 730.5 */
    double demand_factor;      /* as applied; negative: unknown */
    bool bounded;
    char note[256]; /* why it is not known, or what to bear in mind; "" */
} gw_realised;

void gw_realised_compare(const gw_realised_side *before, const gw_realised_side *after, gw_realised *ret);

/* ---- following ----------------------------------------------------------------------------------------- */

/*
 * Follows the action `id` of a plan (JSON of `gpuwise plan -o json`). The baseline is taken now. GW_ENOTFOUND
 * where the plan has no such action; GW_EUSAGE where it is followed already, or can save nothing; GW_ENODATA
 * where the store has less than a day before now, or nothing of the scope; GW_ECORRUPT for a plan that is
 * none. An action that was stopped may be accepted anew. cluster: whose books, where the plan's nodes name
 * none.
 */
int gw_action_accept(gw_store *s, gw_str plan, const char *id, const char *cluster, const char *who,
                     int64_t now_ms, gw_error *e);
/* Ends the following; what was checked stays. GW_ENOTFOUND; GW_EUSAGE where it is stopped already. */
int gw_action_stop(gw_store *s, const char *id, int64_t now_ms, gw_error *e);

/* Makes the checks of an action that are due; *ret_n (may be NULL): how many. GW_ENOTFOUND. */
int gw_realised_check(gw_store *s, const char *id, int64_t now_ms, size_t *ret_n, gw_error *e);
/* Of all that are followed. What fails for one action is noted in *e and returned after the others were
 * tried. */
int gw_realised_check_all(gw_store *s, int64_t now_ms, size_t *ret_n, gw_error *e);

/* {"actions": […]} as a member of the object that is open: GET /api/v1/actions. Newest first. */
int gw_actions_write(gw_store *s, gw_doc *d, gw_error *e);

#endif
