/*
 * Showback and chargeback: a statement for each team, which together are the bill to the micro-dollar.
 *
 * A team's own part is what its pods held: used, wasted, and what nobody measured. What nobody held (idle
 * GPUs, time of which nobody knows who held it) and overhead (control plane, the part of nodes that is not
 * GPU) is shared over the teams in proportion to their own paid GPU-hours, by largest remainder. Pods without
 * a team have a statement of their own, with no name: somebody has to see that money too. Where no pod held
 * anything, all of it is on that one.
 *
 * An own part without any price is unknown, and so is the statement's total; its GPU-hours still take their
 * part of what is shared.
 */
#ifndef GW_OPERATE_STATEMENT_H
#define GW_OPERATE_STATEMENT_H

#include "format/doc.h"
#include "store/store.h"

#define GW_STATEMENTS_MAX      ((size_t)100000)
#define GW_STATEMENT_LINES_MAX ((size_t)GW_CORRECTIONS_MAX)

/* A budget that a statement is held against; from the configuration. */
typedef struct gw_statement_budget {
    const char *team;
    gw_micro amount; /* of a month */
} gw_statement_budget;

typedef struct gw_statement {
    const char *team; /* NULL: pods without a team */
    gw_measures own;
    gw_micro idle, unknown, overhead; /* its share of what nobody held */
    gw_micro total;                   /* own.bill + shares; GW_MICRO_UNKNOWN where own has no price */
    gw_micro budget;                  /* GW_MICRO_UNKNOWN: none */
    size_t n_corrections;
    gw_micro corrected; /* what the corrections of its hours changed: in `own` already */
} gw_statement;

/* A correction as a statement lists it. */
typedef struct gw_statement_line {
    const gw_correction *c;
    size_t statement; /* whose it is; SIZE_MAX: of what is shared, or of a workload that is not in the sums */
} gw_statement_line;

typedef struct gw_statements {
    gw_statement *items; /* dearest first, then by team; the one without a team last */
    size_t n;
    gw_statement_line *lines; /* newest first */
    size_t n_lines;
    gw_measures own, shared; /* sums; bill = own.bill + shared.bill */
    gw_micro bill;
} gw_statements;

/* The query that gw_statements_make wants: by (cluster, namespace, workload, team) over `when`. */
gw_query gw_statements_query(gw_interval when, const char *cluster);
/*
 * s: sums of gw_statements_query in one step; they and the corrections must outlive *ret, which is put into
 * the arena. GW_ENOMEM, GW_ELIMIT.
 */
int gw_statements_make(const gw_sums *s, const gw_correction *c, size_t n_c,
                       const gw_statement_budget *budgets, size_t n_budgets, gw_arena *arena,
                       gw_statements *ret, gw_error *e);
/* Writes {"rule", "bill", "shared", "statements"} into the object that is open. */
void gw_statements_write(gw_doc *d, const gw_statements *s);

/* The rule in one sentence, for every renderer. */
extern const char gw_statement_rule[];

#endif
