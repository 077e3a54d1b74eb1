/*
 * Answers: what a finished pipeline has to say, as text. The verbs print it and the HTTP API sends it, so
 * both show the same bytes.
 */
#ifndef GW_PRESENT_ANSWER_H
#define GW_PRESENT_ANSWER_H

#include "act/export.h"
#include "present/plan.h"

/* Who asks for what, and how it is to look. */
typedef struct gw_ask {
    const gw_options *options;
    const char *program; /* "gpuwise": for the next useful command */
    bool colour;
    size_t columns; /* of the terminal; 0: not known */
} gw_ask;

/* Texts that only grouping understands (--by, --sort-by, -l), tried before minutes of reading. GW_EUSAGE. */
int gw_ask_check(const gw_options *o, gw_error *e);

/*
 * The report in the form of options->output, grouped by options->by. how: what is said around it; program,
 * flags, colour and columns are filled in. GW_ENOTFOUND for a namespace that nobody knows.
 */
int gw_answer_report(const gw_ask *a, gw_pipeline *p, gw_render how, gw_buf *b, gw_error *e);

/* The plan: table, wide, JSON or YAML. */
int gw_answer_plan(const gw_ask *a, gw_pipeline *p, const gw_plan *plan, gw_buf *b, gw_error *e);

/* What gw_export_write and gw_export_action want to know of the plan; texts are in the pipeline's arena. */
int gw_answer_export(const gw_ask *a, gw_pipeline *p, const gw_plan *plan, gw_export *ret, gw_error *e);

/*
 * The subject explained (present/explain.h), or an action of the plan where the subject is one; setup: what
 * the plan is made with where `plan` is NULL, and it is needed.
 */
int gw_answer_explain(const gw_ask *a, gw_pipeline *p, const char *subject, const gw_plan_setup *setup,
                      const gw_plan *plan, gw_buf *b, gw_error *e);

#endif
