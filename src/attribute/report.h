/*
 * The report: the ledger grouped, with everything a renderer needs. Built once, rendered as table, wide,
 * JSON, YAML, CSV or HTML; every renderer shows the same numbers.
 */
#ifndef GW_ATTRIBUTE_REPORT_H
#define GW_ATTRIBUTE_REPORT_H

#include "fleet/finding.h"
#include "fleet/ledger.h"

/* A share measured over time, for JSON {"mean","p95","peak"}; each < 0 where unknown. */
typedef struct gw_profile {
    double mean, p95, peak;
} gw_profile;

typedef struct gw_row {
    const char *key[GW_MAX_BY];           /* parallel to report->by */
    const char *owner[GW_N_OWNER_FIELDS]; /* NULL: no label says, or the row's pods differ */
    gw_workload_class class;
    const char *class_reason;
    unsigned signals;        /* bit 1 << gw_signal for each signal a known window rests on */
    bool held;               /* some pod holds it; false for __idle__ and __overhead__ rows */
    uint32_t n_pods, n_gpus; /* distinct pods; distinct GPUs touched */
    gw_cost cost;
    gw_gpu_time time;
    gw_stats stats; /* merged; of the holds, or for an __idle__ row of the idle time */
    gw_profile compute, memory;
} gw_row;

typedef struct gw_report {
    const gw_fleet *fleet; /* what it was made from; not owned */
    const gw_usage *usage;
    const gw_ledger *ledger;
    const gw_price_book *prices;
    const gw_findings *findings;        /* may be NULL */
    const gw_workload_class *pod_class; /* parallel to fleet->pods; may be NULL */
    const char *const *pod_class_reason;
    gw_interval window;
    gw_by by[GW_MAX_BY];
    size_t n_by;
    gw_row total; /* key[] empty */
    gw_row *rows;
    size_t n_rows, cap_rows;
    gw_unknown
        *unknowns; /* everything that is not known, GPU time without a price among it; texts in the arena */
    size_t n_unknowns, cap_unknowns;
    const char *source; /* one line: where it came from */
    bool partial;       /* something is missing from the sources; `unknowns` says what */
    gw_arena arena;
} gw_report;

/* What is left out of a report. Zeroed = nothing. */
typedef struct gw_filter {
    const char *ns;       /* only this namespace; NULL = all */
    const char *selector; /* Kubernetes label selector: "a=b,c!=d,e in (x,y),f,!g"; NULL = all. Parsed by
                             gw_selector. */
} gw_filter;

typedef struct gw_report_options {
    gw_by by[GW_MAX_BY];
    size_t n_by;
    gw_filter filter;
    const char *sort_by; /* column name, see gw_report_sort; NULL = bill, dearest first */
    const gw_ownership *ownership;
} gw_report_options;

/* Parses "namespace,team,label:app" into by[]. GW_EUSAGE names the ones there are. Texts are kept in the
 * arena. */
int gw_by_parse(const char *text, gw_arena *arena, gw_by by[GW_MAX_BY], size_t *ret_n, gw_error *e);

/* Groups. r->fleet .. r->pod_class_reason and r->window are set by the caller; fills the rest. With a filter,
 * idle and overhead rows are left out, since they belong to nobody. GW_EUSAGE for a bad selector or sort
 * column. */
int gw_report_build(gw_report *r, const gw_report_options *o, gw_error *e);
void gw_report_free(gw_report *r);

#endif
