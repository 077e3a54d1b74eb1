/*
 * A report as text. Every renderer shows the same numbers; what nobody knows is a dash for people, null or an
 * empty field for programs, and never a zero.
 */
#ifndef GW_PRESENT_RENDER_H
#define GW_PRESENT_RENDER_H

#include "attribute/report.h"
#include "base/buf.h"
#include "fleet/plan.h"
#include "format/doc.h"
#include "present/options.h"

#define GW_ANSWER_BYTES_MAX ((size_t)2 << 30) /* the largest document */
#define GW_TABLE_WIDTH      100               /* columns that -o table keeps to */

/* What a renderer wants beside the report. */
typedef struct gw_render {
    const char *program;      /* "gpuwise", for the next useful command */
    const char *source_flags; /* "--demo": reads the same again; may be NULL */
    const char *banner;       /* one line before everything, for people; may be NULL */
    const gw_report *teams;   /* the same by team, for the bars of -o html; may be NULL */
    bool colour;
    size_t columns;    /* of the terminal, for the sentences of -o wide; 0: not known */
    const char *as_if; /* the export whose actions are taken as done; NULL: the fleet as it is */
    size_t as_if_actions;
    const gw_plan *plan; /* to be shown in short below the findings of -o table; may be NULL */
} gw_render;

/* Appends the report. 0 or GW_ENOMEM, GW_ELIMIT. */
int gw_render_report(const gw_report *r, gw_output output, const gw_render *how, gw_buf *b, gw_error *e);

int gw_render_table(const gw_report *r, const gw_render *how, bool wide, gw_buf *b, gw_error *e);
int gw_render_doc(const gw_report *r, const gw_render *how, gw_doc_format format, gw_buf *b, gw_error *e);
int gw_render_csv(const gw_report *r, gw_buf *b, gw_error *e);
int gw_render_html(const gw_report *r, const gw_render *how, gw_buf *b, gw_error *e);

/* ---- what renderers share ------------------------------------------------------------------------------ */

/* The parts of a cost in the order of the JSON; each GW_MICRO_UNKNOWN where it is not known. */
enum {
    GW_COST_BILL,
    GW_COST_USED,
    GW_COST_WASTED,
    GW_COST_RECLAIMABLE,
    GW_COST_IDLE,
    GW_COST_UNKNOWN,
    GW_COST_OVERHEAD,
    GW_N_COSTS
};
extern const char *const gw_cost_names[GW_N_COSTS];
void gw_cost_list(const gw_cost *c, gw_micro ret[GW_N_COSTS]);

enum { GW_TIME_PAID, GW_TIME_ALLOCATED, GW_TIME_USED, GW_TIME_IDLE, GW_TIME_UNKNOWN, GW_N_TIMES };
extern const char *const gw_time_names[GW_N_TIMES];
void gw_gpu_hours_list(const gw_gpu_time *t, double ret[GW_N_TIMES]);

/* Shares of the allocated time in each state, by gw_state; < 0 where nothing was allocated. */
extern const char *const gw_state_names[GW_N_STATES]; /* "highHigh" ... */
void gw_state_shares(const gw_stats *s, double ret[GW_N_STATES]);

/* "DCGM_FI_DEV_GPU_UTIL", several with commas, best first; NULL where no signal was seen. */
#define GW_SIGNALS_TEXT_MAX 128
const char *gw_signals_text(unsigned signals, char out[GW_SIGNALS_TEXT_MAX]);

/* The class as the report says it; NULL for rows that no pod holds. */
const char *gw_row_class(const gw_row *row);

/* part / whole in percent with one decimal, "–" where one of them is unknown or the whole is 0. */
#define GW_CELL_MAX 64
const char *gw_cell_percent(gw_micro part, gw_micro whole, char out[GW_CELL_MAX]);
/* A share 0..1 in percent; "–" where it is negative. */
const char *gw_cell_share(double share, char out[GW_CELL_MAX]);
const char *gw_cell_money(gw_micro m, char out[GW_CELL_MAX]);
/* "1,234.5"; "–" where it is negative. */
const char *gw_cell_hours(double hours, char out[GW_CELL_MAX]);
/* Dollars a month (730.5 h) of an amount of the window; GW_MICRO_UNKNOWN stays unknown. */
gw_micro gw_monthly_of(gw_micro m, gw_interval window);

/* One line of the price list that the report rests on: nodes of the same type, region and price. */
typedef struct gw_price_line {
    const gw_node_price *price;
    uint32_t nodes;
} gw_price_line;
/* The distinct prices of nodes with GPUs, by name, unknown ones last; gw_free(*ret). 0 or GW_ENOMEM. */
int gw_price_lines(const gw_report *r, gw_price_line **ret, size_t *ret_n, gw_error *e);

/* "aws list of 2026-07-20 (6 nodes), none for 3 nodes": which price lists the dollars rest on. */
int gw_price_lists_write(const gw_report *r, gw_buf *b, gw_error *e);

/* Members that the documents of reports and plans have in common; without a key they name themselves. */
void gw_doc_share(gw_doc *d, const char *key, double share); /* null where it is negative */
void gw_doc_cost(gw_doc *d, const gw_cost *c);
void gw_doc_gpu_hours(gw_doc *d, const gw_gpu_time *t);
void gw_doc_window(gw_doc *d, gw_interval w);
void gw_doc_evidence(gw_doc *d, const gw_evidence *evidence, size_t n);
void gw_doc_unknowns(gw_doc *d, const gw_report *r);
/* 0 or GW_ENOMEM. */
int gw_doc_prices(gw_doc *d, const gw_report *r, gw_error *e);

/* Appends words wrapped to `width` columns; the first line starts at `column`, the others at `indent`. */
void gw_text_wrap(gw_buf *b, const char *text, size_t indent, size_t column, size_t width);
/* Appends a command to copy, on lines of its own: never cut, and broken only where a shell reads on. */
void gw_command_write(gw_buf *b, const char *command);

#endif
