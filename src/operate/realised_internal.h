/* A followed action as the files of this module hold it, and nobody else. */
#ifndef GW_OPERATE_REALISED_INTERNAL_H
#define GW_OPERATE_REALISED_INTERNAL_H

#include "operate/realised.h"

/* Names in the arena of their action, each once. */
typedef struct realised_names {
    const char **items;
    size_t n;
} realised_names;

typedef struct realised_hour {
    int64_t start_ms;
    gw_micro bill;
    int64_t used_ms, known_ms, allocated_ms;
} realised_hour;

typedef enum realised_state { REALISED_PENDING, REALISED_DONE, REALISED_UNKNOWN } realised_state;

typedef struct realised_check {
    int days;
    int64_t due_ms, checked_ms; /* checked 0: not yet */
    realised_state state;
    uint32_t hours, expected; /* that it rests on */
    gw_micro monthly, monthly_plain, baseline, actual;
    double demand_factor; /* negative: unknown */
    const char *note;
} realised_check;

typedef struct realised_action {
    const char *id, *kind, *summary, *accepted_by;
    int64_t accepted_ms, stopped_ms; /* stopped 0: followed */
    gw_micro low, high;              /* predicted, a month; GW_MICRO_UNKNOWN */
    const char *cluster;             /* whose books; NULL: all in the store */
    realised_names nodes, workloads; /* workloads as "namespace\x1fname" */
    realised_names hired;            /* instance types */
    realised_names known;            /* nodes of those types that were there before */
    gw_interval baseline;
    gw_realised_side before;
    realised_hour *rows; /* of the baseline */
    size_t n_rows;
    realised_check checks[GW_REALISED_CHECKS];
} realised_action;

/* Documents. Texts are put into the arena. GW_ECORRUPT names the action and what is wrong. */
int realised_read(const char *id, gw_str body, gw_arena *arena, realised_action *ret, gw_error *e);
int realised_save(gw_store *s, const realised_action *a, gw_error *e);
/* The action as GET /api/v1/actions shows it: an object in the array that is open. */
void realised_show(gw_doc *d, const realised_action *a);

/* Scope, kind, summary and prediction from an action of a plan, and the pods and GPUs whose workloads and
 * nodes the pages must tell. */
typedef struct realised_wanted {
    realised_names pods;     /* "namespace\x1fpod" */
    realised_names gpus;     /* uuids */
    realised_names clusters; /* that its nodes and pods are of */
} realised_wanted;
int realised_read_plan(gw_str plan, const char *id, gw_arena *arena, realised_action *ret,
                       realised_wanted *wanted, gw_error *e);

/* Adds a copy of the name unless it is there. GW_ENOMEM, GW_ELIMIT. */
int realised_name_add(realised_names *names, const char *name, gw_arena *arena, gw_error *e);

/* What the pages of an interval say of a scope. rows: by hour, in the arena. */
typedef struct realised_sums {
    gw_realised_side side, last_day;
    realised_hour *rows;
    size_t n_rows;
} realised_sums;
int realised_sum(gw_store *s, const realised_action *a, gw_interval when, gw_arena *arena, realised_sums *ret,
                 gw_error *e);
/* Completes the scope from the pages of its baseline: nodes of GPUs, workloads of pods, known nodes. */
int realised_resolve(gw_store *s, realised_action *a, const realised_wanted *wanted, gw_arena *arena,
                     gw_error *e);

#endif
