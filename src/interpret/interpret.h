/*
 * Judgements on usage. Each rule is one file; the registry in interpret.c runs them in a fixed order and
 * sorts the findings by monthly cost, dearest first (unknown cost last), then rule, then subject.
 *
 * What every rule keeps to:
 *  - No finding where the signal is unknown. Behaviour is judged only where at least min_coverage of the
 * time, and at least min_known_ms of it, is covered by samples.
 *  - One finding for the pods of one workload that share it; evidence counts them.
 *  - The monthly cost is that of the window × 730.5 h / the window's hours. Findings overlap (a GPU that was
 *    never used is in an underused namespace too), so their costs are not to be added up.
 *
 * docs/guide/findings.md is the manual of the rules.
 */
#ifndef GW_INTERPRET_INTERPRET_H
#define GW_INTERPRET_INTERPRET_H

#include "fleet/finding.h"

#define GW_RULE_IDLE_GPU        "idle-gpu"
#define GW_RULE_NEVER_USED      "never-used"
#define GW_RULE_MEMORY_RESERVED "memory-reserved-compute-light"
#define GW_RULE_PEAK_HIDES      "peak-hides-average"
#define GW_RULE_NAMESPACE_LOW   "namespace-underused"
#define GW_RULE_OVER_CPU        "over-requested-cpu"
#define GW_RULE_OVER_MEMORY     "over-requested-memory"
#define GW_RULE_MISSING_LABELS  "missing-ownership-labels"
#define GW_RULE_GPU_ERRORS      "gpu-errors"
#define GW_RULE_FRAGMENTED      "fragmented-gpus"
#define GW_RULE_SMALL_MODEL     "small-model-large-gpu"
#define GW_RULE_MEMORY_BOUND    "memory-bound"
#define GW_RULE_UNOBSERVED      "unobserved-gpus"
#define GW_RULE_UNKNOWN_PRICE   "unknown-price"

/* Shares are 0..1 of the time, unit or board; money is a month's. */
typedef struct gw_thresholds {
    double min_coverage; /* known share of a subject's GPU time, below which nothing is said of its behaviour;
                            default 0.50 */
    int64_t min_known_ms; /* ... and known GPU time; default 1 h */

    double namespace_low; /* mean compute under which a namespace is reported; default 0.25 */
    double idle_share; /* a GPU idle (held by none) for at least this share of its paid time; default 0.50 */
    double never_used_compute; /* peak compute at or under which a hold counts as never used; default 0.01 */
    int64_t never_used_min_ms; /* ... if it was known for at least this long; default 1 h */
    double never_used_copy;    /* ... and no DRAM or copy sample is above this; default 0.05 */
    double reserved_memory;    /* default 0.50: memory peak at or above, with ... */
    double reserved_compute;   /* default 0.25: compute mean under, and ... */
    double reserved_share;     /* default 0.50: ... this share of the judged windows low × high */
    double peak_high;          /* default 0.80: largest sample at or above, while ... */
    double peak_mean_low;      /* default 0.25: ... the mean stays under */

    double over_request;       /* default 2.0: request / (P100 of usage × 1.15) at or above ... */
    double request_margin;     /* ... that 1.15 */
    int64_t cpu_floor_milli;   /* no smaller request is recommended; default 25 */
    int64_t memory_floor_mib;  /* default 250 */
    int64_t cpu_excess_milli;  /* requests that exceed the recommendation by less, a pod, are left alone;
                                  default 1000 */
    int64_t memory_excess_mib; /* default 1024 */

    double small_model_memory;   /* default 0.25: peak memory share under, on a GPU of at least ... */
    int64_t small_model_gpu_mib; /* default 40000 ... */
    double small_model_compute;  /* default 0.50: ... whose compute P95 stays under this */
    double memory_bound_share;   /* share of the judged time with low compute and busy DRAM or copy; default
                                    0.50 */
    size_t median_min_pods;      /* fewest GPU pods whose median request is taken as typical; default 3 */

    unsigned
        required_owner; /* bit 1 << gw_owner_field: labels that every GPU pod should have; default team */
    unsigned required_model; /* the same for pods of class inference, training or unknown; default model */

    /* a month's cost at or above; default $10,000, $1,000, $100. Below: info. Unknown: medium */
    gw_micro severity_high, severity_medium, severity_low;
} gw_thresholds;

void gw_thresholds_defaults(gw_thresholds *t);

/*
 * How sure a rule is: coverage × duration × margin, each 0..1.
 *   coverage: share of the subject's GPU time that the signal covers
 *   duration: 1 − 2^(−hours / 24): every day that was seen halves what is in doubt (24 h 0.50, 168 h 0.99)
 *   margin:   0.5 + 0.5 × m, where m in 0..1 is how far beyond its threshold the value lies
 * Arguments outside their range are cut to it.
 */
double gw_confidence(double coverage, double hours, double m);
/* m of a share that should lie under the threshold to fire: (t − v) / t; at or above: (v − t) / (1 − t). */
double gw_margin_under(double value, double threshold);
double gw_margin_over(double value, double threshold);
/* m of a ratio (>= threshold): 1 − t / v. */
double gw_margin_ratio(double value, double threshold);

typedef struct gw_judge_input {
    const gw_fleet *fleet;
    const gw_usage *usage;
    const gw_ledger *ledger;
    const gw_price_book *prices;
    const gw_ownership *ownership;
    const gw_workload_class *pod_class; /* parallel to fleet->pods; NULL = all unknown */
    const gw_thresholds *thresholds;
} gw_judge_input;

/*
 * Class of every pod that holds a GPU (unknown, with reason NULL, for the others), with the reason as a
 * sentence. What labels and controllers say comes before what the telemetry looks like. Arrays of n_pods, in
 * the arena. 0 or GW_ENOMEM.
 */
int gw_classify(const gw_fleet *f, const gw_usage *u, const gw_ownership *o, gw_arena *arena,
                gw_workload_class **ret_class, const char ***ret_reason, gw_error *e);
/* The same by labels, controllers and names alone: for times too short to judge behaviour by. */
int gw_classify_by_facts(const gw_fleet *f, const gw_usage *u, const gw_ownership *o, gw_arena *arena,
                         gw_workload_class **ret_class, gw_error *e);

/* Runs every rule and appends to ret, sorted. On failure ret is as it was. 0, GW_ENOMEM, GW_ELIMIT. */
int gw_interpret(const gw_judge_input *in, gw_findings *ret, gw_error *e);

/* The rules' names in the order of the registry, NULL-terminated: for documentation tests and completion. */
const char *const *gw_rule_names(void);

#endif
