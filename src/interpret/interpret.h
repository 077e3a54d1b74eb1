/*
 * Judgements on usage. Each rule is one file; the registry in interpret.c runs them in a fixed order and
 * sorts the findings by monthly cost, dearest first (unknown cost last), then rule, then subject.
 */
#ifndef GW_INTERPRET_INTERPRET_H
#define GW_INTERPRET_INTERPRET_H

#include "fleet/finding.h"

typedef struct gw_thresholds {
    double namespace_low; /* mean compute under which a namespace is reported; default 0.25 */
    double idle_share;    /* a GPU idle (held by none) for at least this share of the window; default 0.50 */
    double never_used_compute; /* peak compute at or under which a hold counts as never used; default 0.01 */
    int64_t never_used_min_ms; /* ... if it was known for at least this long; default 1 h */
    double reserved_memory;    /* default 0.50: memory peak at or above, with ... */
    double reserved_compute;   /* default 0.25: compute mean under */
    double peak_high;          /* default 0.80: largest sample at or above, while ... */
    double peak_mean_low;      /* default 0.25: ... the mean stays under */
    double over_request;       /* default 2.0: request / (P100 of usage × 1.15) at or above */
    double small_model_memory; /* default 0.25: peak memory share under, on a GPU of at least ... */
    int64_t small_model_gpu_mib; /* default 40000 */
} gw_thresholds;

void gw_thresholds_defaults(gw_thresholds *t);

typedef struct gw_judge_input {
    const gw_fleet *fleet;
    const gw_usage *usage;
    const gw_ledger *ledger;
    const gw_price_book *prices;
    const gw_ownership *ownership;
    const gw_workload_class *pod_class; /* parallel to fleet->pods */
    const gw_thresholds *thresholds;
} gw_judge_input;

/* Class of every pod that holds a GPU, with the reason as a sentence. Arrays of n_pods, in the arena. 0 or
 * GW_ENOMEM. */
int gw_classify(const gw_fleet *f, const gw_usage *u, const gw_ownership *o, gw_arena *arena,
                gw_workload_class **ret_class, const char ***ret_reason, gw_error *e);

int gw_interpret(const gw_judge_input *in, gw_findings *ret, gw_error *e);

#endif
