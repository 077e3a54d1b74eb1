/*
 * The way through the house, once: options → source → fleet and usage → prices → ledger → classes and
 * findings → report. Shared by every verb that needs a report.
 */
#ifndef GW_PRESENT_PIPELINE_H
#define GW_PRESENT_PIPELINE_H

#include "allocate/after.h"
#include "attribute/report.h"
#include "interpret/interpret.h"
#include "observe/kubernetes.h"
#include "observe/source.h"
#include "present/options.h"
#include "price/price.h"

#define GW_WINDOW_DEFAULT_MS GW_DAY_MS
#define GW_WINDOW_MAX_MS     (5 * 366 * GW_DAY_MS)
#define GW_PIPELINE_NOTES    8

typedef struct gw_pipeline {
    gw_source source;
    bool has_source;
    gw_kube *kube;            /* NULL: none */
    const char *kube_failure; /* why there is none though one was found; NULL */
    const char *doubt;        /* why the times of the samples cannot be right; NULL */
    gw_interval window;
    gw_fleet fleet;
    gw_usage usage;
    gw_price_list *prices; /* what the book was made from */
    bool borrows_prices;   /* they are another's, who outlives this */
    gw_price_book book;
    gw_ledger ledger;
    gw_findings findings; /* all */
    gw_findings shown;    /* those of the report's pods; items in the arena */
    gw_ownership ownership;
    gw_workload_class *pod_class;
    const char **pod_class_reason;
    gw_arena arena;
    gw_source_stats stats;
    int64_t wall_ms;                     /* of reading */
    const char *source_name, *kube_name; /* as they describe themselves; NULL = none */
    const char *source_line;             /* "Prometheus http://… (remote read); Kubernetes https://…" */
    const char *source_flags; /* what to type to read the same again: "--snapshot 'DIR'"; no secrets */
    const char *notes[GW_PIPELINE_NOTES]; /* for stderr: what was left out and why */
    size_t n_notes;
    bool partial;
    bool has_present; /* fleet, usage, book and ledger are those of a "what if": */
    gw_after present; /* ... and these are what was read */
} gw_pipeline;

/* What a pipeline needs from outside. */
typedef struct gw_pipeline_env {
    gw_getenv env; /* secrets */
    void *env_ctx;
    gw_clock clock;
    void *clock_ctx;
    gw_progress progress; /* may be NULL */
    void *progress_ctx;
    bool rules; /* also ask Kubernetes for what only a plan and a recording need (gw_kube_options.rules) */
} gw_pipeline_env;

void gw_pipeline_init(gw_pipeline *p);
void gw_pipeline_free(gw_pipeline *p);

/*
 * Opens the source and Kubernetes that the options name, and settles the window. GW_EUSAGE where no source is
 * named. A Kubernetes that cannot be opened is an error only where the user named it.
 */
int gw_pipeline_open(gw_pipeline *p, const gw_options *o, const gw_pipeline_env *env, gw_error *e);
/* After open: everything up to the findings. */
int gw_pipeline_run(gw_pipeline *p, const gw_options *o, const gw_pipeline_env *env, gw_error *e);
/*
 * The two ends of run, for who observes in another way (the daemon): prepare reads ownership and price lists;
 * then window, fleet, usage, source_name and kube_name are filled in, and settle does the rest. prepare
 * leaves prices that are there already.
 */
int gw_pipeline_prepare(gw_pipeline *p, const gw_options *o, gw_error *e);
int gw_pipeline_settle(gw_pipeline *p, const gw_options *o, gw_error *e);
/* Notes that objects of the Kubernetes API are missing, and why; the answer is then partial. */
int gw_pipeline_lack_objects(gw_pipeline *p, const char *why, gw_error *e);
/* What the source had to leave out so far: becomes notes and unknowns, and the answer partial. run does it.
 */
int gw_pipeline_take_warnings(gw_pipeline *p, gw_error *e);
/*
 * After run: puts the world in place of the present that it would be, had the actions of an export been taken
 * (a folder with action.json, or one with folders NN-…, in that order). Findings are judged anew on it; what
 * a pod is (its class) stays what its behaviour said. *ret_n: how many actions. GW_ECONFIG, GW_EUSAGE where
 * they cannot be taken on this fleet, GW_ENOTFOUND, GW_EIO, GW_ENOMEM; the pipeline is then as it was.
 */
int gw_pipeline_with(gw_pipeline *p, const gw_options *o, const char *dir, size_t *ret_n, gw_error *e);
/* Findings on what the pipeline holds; appends to *ret. */
int gw_pipeline_judge(const gw_pipeline *p, const gw_options *o, gw_findings *ret, gw_error *e);
/*
 * After run: groups by `by` ("team,model"). *r is initialised by this, and lives no longer than the pipeline.
 * With a namespace or a selector, findings about others are left out, and so are those about nodes. Called on
 * an empty pipeline it checks the options' texts and costs nothing.
 */
int gw_pipeline_report(gw_pipeline *p, const gw_options *o, const char *by, gw_report *r, gw_error *e);

/*
 * The report's window from --window, --from and --to. extent: what the source holds, {0,0} for a live one.
 *   live: the window ends now unless said otherwise, and what lies in the future is cut off
 *   extent: all of it, or the last --window of it; --from and --to are taken as they are
 * GW_EWINDOW for an empty window, one in the future or outside of the extent; GW_EUSAGE for texts that are no
 * time.
 */
int gw_window_choose(const gw_options *o, gw_interval extent, int64_t now_ms, gw_interval *ret, gw_error *e);

/* "team=squad,owner": replaces the labels of one field. Texts are kept in the arena. GW_EUSAGE names the
 * fields. */
int gw_ownership_map(gw_ownership *o, const char *text, gw_arena *arena, gw_error *e);

/* A price list as the options say: discount, catalogue, files. */
int gw_price_list_open(const gw_options *o, gw_price_list **ret, gw_error *e);

#endif
