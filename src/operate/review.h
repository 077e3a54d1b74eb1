/*
 * Reviews: what a team looks at every week, every fortnight and every month, from the store's books, over one
 * cluster or all.
 *
 *   weekly    GPU utilisation by namespace, those under 25 % with their owners, against the week before
 *   biweekly  the ten dearest workloads: cost, waste, memory held without compute, and what the plan proposes
 *   monthly   spot coverage against targets, unit costs by month, showback and chargeback statements
 *
 * A review says which hours of its period the store does not have, and makes nothing up for them: sums are of
 * the hours that are there. Two periods are compared in dollars only where both have at least 90 % of their
 * hours; utilisation, which is a ratio, is compared always.
 *
 * gw_review_make asks the store and hands what it says to the pure functions below, which tests call with
 * sums of their own. One gw_review, three renderers: gw_review_write (JSON), gw_review_render (Markdown,
 * HTML).
 */
#ifndef GW_OPERATE_REVIEW_H
#define GW_OPERATE_REVIEW_H

#include "format/doc.h"
#include "operate/spot.h"
#include "operate/statement.h"
#include "store/store.h"

typedef enum gw_review_kind {
    GW_REVIEW_WEEKLY,
    GW_REVIEW_BIWEEKLY,
    GW_REVIEW_MONTHLY,
    GW_N_REVIEW_KINDS
} gw_review_kind;

/* "weekly", "biweekly", "monthly" */
const char *gw_review_kind_name(gw_review_kind k);
/* GW_N_REVIEW_KINDS where there is no such word. "fortnightly" is biweekly. */
gw_review_kind gw_review_kind_find(gw_str name);
/* The last full week, the last two, or the last full month before `now`. */
gw_interval gw_review_period(gw_review_kind k, int64_t now_ms);

#define GW_REVIEW_LOW           0.25 /* a namespace below this goes on the weekly list */
#define GW_REVIEW_KNOWN_LEAST   0.5  /* a namespace of which less is known is not judged */
#define GW_REVIEW_HOURS_LEAST   0.9  /* of a period, to compare its dollars with another's */
#define GW_REVIEW_GAPS_MAX      100  /* of a cluster, listed */
#define GW_REVIEW_OWNERS_MAX    8    /* of a namespace, listed */
#define GW_REVIEW_WORKLOADS     10
#define GW_REVIEW_PROPOSALS_MAX 8 /* of a workload, listed */
#define GW_REVIEW_HELD          5 /* reasons of the plan, dearest first */
#define GW_REVIEW_MONTHS        6
#define GW_REVIEW_UNITS_MAX     20 /* dearest teams, and models, in the trend */
#define GW_REVIEW_PERIOD_MAX_MS (400 * GW_DAY_MS)

typedef struct gw_review_options {
    gw_review_kind kind;
    gw_interval when; /* whole hours; {0,0}: gw_review_period of now_ms */
    int64_t now_ms;
    const char *cluster; /* NULL: all */
    gw_spot_targets spot;
    const gw_statement_budget *budgets; /* monthly budgets of teams */
    size_t n_budgets;
} gw_review_options;

typedef struct gw_review_cluster {
    const char *name;
    uint32_t expected, closed;               /* hours of the period; of them in the store */
    uint32_t expected_before, closed_before; /* of the period before */
    gw_interval *missing;                    /* at most GW_REVIEW_GAPS_MAX */
    size_t n_missing;                        /* gaps in all */
} gw_review_cluster;

/* By known utilisation; the bounds are those of docs/guide/reviews.md. */
typedef enum gw_review_verdict {
    GW_VERDICT_UNKNOWN,    /* no compute sample covers half of its time */
    GW_VERDICT_LOW,        /* under 25 % */
    GW_VERDICT_OVERPAYING, /* under 50 % */
    GW_VERDICT_BELOW,      /* under 70 % */
    GW_VERDICT_TARGET,     /* 70 to 85 % */
    GW_VERDICT_ABOVE,      /* to 90 % */
    GW_VERDICT_QUEUEING,   /* over 90 % */
} gw_review_verdict;

/* "unknown", "low", "overpaying", "below-target", "on-target", "above-target", "queueing" */
const char *gw_review_verdict_name(gw_review_verdict v);
gw_review_verdict gw_review_judge(const gw_measures *m);

typedef struct gw_review_namespace {
    const char *cluster, *ns;
    const char *owners[GW_REVIEW_OWNERS_MAX]; /* teams, dearest first */
    size_t n_owners;                          /* in all */
    bool unowned;                             /* some of it has no team */
    gw_measures m, before;
    bool seen_before;
    gw_review_verdict verdict;
} gw_review_namespace;

/* What a plan proposes for a workload. */
typedef struct gw_review_proposal {
    const char *action, *kind, *text;
    gw_micro monthly_low, monthly_high; /* of the whole action; GW_MICRO_UNKNOWN */
    bool chosen;
} gw_review_proposal;

/* What the plan leaves as it is, and why. */
typedef struct gw_review_held {
    const char *why;
    double gpus;      /* negative: not known */
    gw_micro monthly; /* GW_MICRO_UNKNOWN */
} gw_review_held;

typedef struct gw_review_workload {
    const char *cluster, *ns, *workload, *kind, *team, *class, *model;
    gw_measures m, before;
    bool seen_before;
    gw_review_proposal proposals[GW_REVIEW_PROPOSALS_MAX];
    size_t n_proposals;   /* in all */
    const char *why_none; /* where there are none */
} gw_review_workload;

typedef struct gw_review_month {
    gw_interval when;
    uint32_t expected, closed; /* hours, of any cluster */
    gw_measures m;             /* of what has a price */
    int64_t unpriced_ms;       /* GPU time of what has none: in no unit cost */
} gw_review_month;

/* The unit costs of a team or a model over the months. */
typedef struct gw_review_unit {
    gw_dim by;                       /* GW_DIM_TEAM, GW_DIM_MODEL */
    const char *key;                 /* NULL: pods without one */
    gw_measures m[GW_REVIEW_MONTHS]; /* of what has a price */
    bool seen[GW_REVIEW_MONTHS];
} gw_review_unit;

typedef struct gw_review {
    gw_review_kind kind;
    gw_interval when, before;
    const char *only_cluster; /* NULL: all */
    gw_review_cluster *clusters;
    size_t n_clusters;
    uint32_t expected, closed; /* sums over clusters */
    bool comparable;           /* the period before, in dollars */
    gw_measures total, total_before;
    gw_measures held, held_before;   /* of it: what pods held; utilisation is of this */
    gw_review_namespace *namespaces; /* weekly; dearest first */
    size_t n_namespaces;
    gw_review_workload *workloads; /* biweekly; dearest first */
    size_t n_workloads;
    size_t workloads_seen; /* of how many; they follow in `workloads` */
    const char *plan_made; /* of which window the plan is; NULL: there is none in the store */
    gw_review_held held_back[GW_REVIEW_HELD];
    size_t n_held_back;
    gw_spot spot; /* monthly */
    gw_review_month months[GW_REVIEW_MONTHS];
    size_t n_months; /* oldest first; the last is the month of the review */
    gw_review_unit *units;
    size_t n_units;
    gw_statements statements;
    gw_sums sums[10]; /* own the texts */
    size_t n_sums;
    gw_arena arena;
} gw_review;

/*
 * GW_EWINDOW for a period that is empty, not of whole hours or too long; GW_ENODATA where the store has no
 * hour of it. *ret is initialised by this; on failure there is nothing to free.
 */
int gw_review_make(gw_store *s, const gw_review_options *o, gw_review *ret, gw_error *e);
void gw_review_free(gw_review *r);

int gw_review_write(const gw_review *r, gw_doc *d, gw_error *e);
int gw_review_render(const gw_review *r, bool html, gw_buf *b, gw_error *e);

/* ---- the pure parts ------------------------------------------------------------------------------------ */

void gw_review_init(gw_review *r, gw_review_kind kind, gw_interval when);
/* closed: starts of the hours that the store has, ascending, for the period and the one before. */
int gw_review_take_cluster(gw_review *r, const char *name, const int64_t *closed, size_t n,
                           const int64_t *before, size_t n_before, gw_error *e);
/* Sums by (cluster, namespace, team), in one step each. Fills totals and namespaces. */
int gw_review_take_namespaces(gw_review *r, const gw_sums *now, const gw_sums *before, gw_error *e);
/* Sums by (cluster, namespace, workload, workloadKind, team, class). Fills totals and workloads. */
int gw_review_take_workloads(gw_review *r, const gw_sums *now, const gw_sums *before, gw_error *e);
/* The JSON of `gpuwise plan -o json`, for the workloads that were taken. GW_ECORRUPT. */
int gw_review_take_plan(gw_review *r, gw_str plan, gw_error *e);
/*
 * The trend of the bill. hours: sums by month without keys, which tell how many hours there are; s: sums by
 * month and anything that parts what has a price from what has none (GPU model, capacity, cluster).
 */
int gw_review_take_months(gw_review *r, const gw_sums *hours, const gw_sums *s, gw_error *e);
/* Sums by month and (`by`, namespace, and what parts the priced from the rest). */
int gw_review_take_units(gw_review *r, const gw_sums *s, gw_dim by, gw_error *e);

#endif
