/*
 * A plan as text: for people, as a document, and step by step. Renderers only show: what a plan says was
 * worked out in allocate/. Amounts are dollars a month (730.5 h at the window's rate) unless a name says
 * "window"; a range is low–high as in gw_saving, and what is not known is the word "unknown", or null.
 */
#ifndef GW_PRESENT_PLAN_H
#define GW_PRESENT_PLAN_H

#include "allocate/planner.h"
#include "present/explain.h"
#include "present/render.h"

/* A plan and what it was made from. */
typedef struct gw_plan_view {
    const gw_plan *plan;
    const gw_report *report;  /* the present: fleet, window, source, prices, unknowns */
    const char *program;      /* for the next useful command */
    const char *flags;        /* "--snapshot DIR --only mig": makes the same plan again */
    const char *source_flags; /* "--snapshot DIR": reads the same again */
    bool colour;
    size_t columns; /* of the terminal, for the sentences of -o wide; 0: not known */
} gw_plan_view;

/* Appends the plan: table, wide, JSON or YAML. 0, GW_ENOMEM or GW_ELIMIT. */
int gw_plan_render(const gw_plan_view *v, gw_output output, gw_buf *b, gw_error *e);
int gw_plan_render_table(const gw_plan_view *v, bool wide, gw_buf *b, gw_error *e);
int gw_plan_render_doc(const gw_plan_view *v, gw_doc_format format, gw_buf *b, gw_error *e);
/* The sum and the first actions in a few lines, for the end of a report. */
int gw_plan_render_short(const gw_plan *p, bool colour, gw_buf *b, gw_error *e);

/* One action as a document of its own. */
int gw_plan_render_action(const gw_plan_view *v, uint32_t action, gw_doc_format format, gw_buf *b,
                          gw_error *e);

/*
 * One action explained. files: the paths that its export holds; texts of the explanation that are not its own
 * live in the plan, in its fleet and in `files`. What goes wrong stays in x->failed.
 */
void gw_plan_explain(const gw_plan_view *v, uint32_t action, const char *const *files, size_t n_files,
                     gw_explanation *x);

/* ---- making it ----------------------------------------------------------------------------------------- */

/* What the options say of a plan. */
typedef struct gw_plan_setup {
    gw_policy *policy;
    gw_planner_options options;
} gw_plan_setup;

/* Reads policies and kinds, before minutes of reading telemetry. GW_EUSAGE, GW_ECONFIG, GW_EIO, GW_ENOMEM;
 * on failure there is nothing to free. */
int gw_plan_setup_open(const gw_options *o, gw_plan_setup *ret, gw_error *e);
void gw_plan_setup_free(gw_plan_setup *s);
/* The plan of a pipeline that has run. *ret is initialised by the caller. */
int gw_plan_setup_make(const gw_plan_setup *s, const gw_pipeline *p, gw_plan *ret, gw_error *e);

/*
 * Whether the subject of `explain` may be an action: "action/ID", or an ID, which begins with its kind. *ret:
 * the ID; *ret_sure: "action/" was written, so it can be nothing else.
 */
bool gw_plan_subject(const char *subject, const char **ret, bool *ret_sure);
/* The index of that action; GW_ENOTFOUND with the nearest. */
int gw_plan_locate(const gw_plan *p, const char *id, uint32_t *ret, gw_error *e);
/* ---- what they share ----------------------------------------------------------------------------------- */

/* "1,234–2,345", one number where both are the same, cents below 10 dollars; "unknown". */
const char *gw_plan_range(const gw_saving *s, char out[GW_CELL_MAX]);
/* "12.0–15.0 %" of an amount a month; "" where it is not known or 0. */
const char *gw_plan_range_percent(const gw_saving *s, gw_micro monthly, char out[GW_CELL_MAX]);
/* Dollars a month of an amount of the plan's window. */
gw_micro gw_plan_view_monthly(const gw_plan_view *v, gw_micro window);
/* The bill of a ledger's total; unknown where nothing has a price. */
gw_micro gw_plan_bill(const gw_cost *c);
/* How far the plan's bill lies above its bound, as a share of the bound; < 0 where there is no bound. */
double gw_plan_gap(const gw_plan *p);
/* Actions that are part of the plan. They come first. */
size_t gw_plan_chosen(const gw_plan *p);

/*
 * The steps of a change in the order of carrying them out. n: 0, 1, …; false past the last. *ret_verb:
 * "hire", "cut", "resize", "move", "release"; the sentence that follows it is appended to b.
 */
bool gw_plan_step(const gw_fleet *f, const gw_change *c, size_t n, const char **ret_verb, gw_buf *b);

#endif
