/*
 * Private to after*.c. Changes are applied to seats only (after_apply.c, after_hire.c, after_move.c) and
 * checked (after_check.c). At the end the books of what changed are made anew from the present's numbers and
 * the last seats (after_settle.c, after_stats.c), so that there and back again is nothing.
 */
#ifndef GW_ALLOCATE_AFTER_INTERNAL_H
#define GW_ALLOCATE_AFTER_INTERNAL_H

#include "allocate/after.h"
#include "allocate/mig.h"

#define AFTER_SLACK_MS 1.0 /* GPU-ms that sums of doubles over a window may be off */

/* Changes are numbered from 1; 0 is the present. */

typedef struct after_hold {
    bool live;          /* it has time; the others are of no matter */
    bool own;           /* a pod's move took it: no bundle does any more */
    uint32_t unit;      /* now; GW_NONE between two seats */
    uint32_t change;    /* that moved it last */
    gw_form form;       /* of its seat */
    gw_form was_form;   /* in the present */
    int parts;          /* of its seat; 1 where the form has none */
    int start;          /* likewise; -1 */
    int64_t memory_mib; /* likewise; GW_UNKNOWN_COUNT */
    double share, was;  /* of the board: now, in the present */
} after_hold;

/* A MIG board as a change cut it. */
typedef struct after_cut {
    const gw_mig_board *mig;
    gw_mig_layout layout;
    uint32_t unit[GW_MIG_SLOTS_MAX]; /* of each instance; GW_NONE until somebody is on it */
} after_cut;

typedef struct after_board {
    gw_form form, was_form;
    int parts, was_parts;
    uint32_t cut, seated; /* changes that did it last */
    after_cut *mig;       /* NULL: not cut by MIG in a change */
} after_board;

typedef struct after_node {
    uint32_t hired, released;       /* changes that did it */
    int64_t cpu, memory;            /* requests of the pods on it: milli, MiB; unknown ones count nothing */
    int64_t cpu_before, mem_before; /* the change */
} after_node;

/* All holds of one tenant on a board, from the first to the last. */
typedef struct after_stay {
    uint64_t tenant;
    uint32_t hold; /* one of them */
    bool came;     /* one of them is not where it is in the present */
    gw_interval when;
} after_stay;

typedef struct after_border {
    int64_t ms;
    int what; /* -1 a stay ends, 1 begins */
    uint32_t stay;
} after_border;

typedef struct after_place {
    uint32_t gpu, unit, hold;
} after_place;

/* Who is on a unit now. */
typedef struct after_seated {
    uint32_t n;      /* live holds */
    uint64_t tenant; /* of the first of them */
} after_seated;

/* Items by key: those of key k are items[at[k]] to items[at[k + 1] - 1], in order. */
typedef struct after_group {
    uint32_t *items, *at;
} after_group;

typedef struct after {
    const gw_fleet *f; /* the present */
    const gw_usage *u;
    gw_after *ret;
    gw_error *e;
    gw_arena arena;
    gw_interval observed;
    bool api; /* the Kubernetes API was read */

    after_hold *holds; /* parallel to u->holds */
    after_board *boards;
    size_t cap_boards;
    after_node *nodes;
    size_t cap_nodes;
    after_seated *seated; /* parallel to ret->fleet.units */
    size_t n_seated, cap_seated;
    uint32_t *pod_change; /* parallel to f->pods: that moved it last */
    bool *counts;         /* parallel to f->pods: its requests are on its node */
    after_group holds_of; /* unit of the present → holds */
    after_group units_of; /* GPU of the present → units */
    /* room for all holds, in after_check and after_move */
    after_place *places;
    after_stay *stays;
    after_border *borders;
    uint32_t *lifted;

    const gw_change *c;
    uint32_t now;         /* its number; 0: all of them are done */
    uint32_t *hired;      /* node of each of its hires */
    uint32_t *hired_gpus; /* first GPU of each */
    uint32_t n_hired;     /* by all changes */
    char where[160];      /* what is looked at: "move 2 (pod ml/a)" */
} after;

/* GW_NONE keys are in no group. GW_ENOMEM. */
int after_group_by(after *a, const uint32_t *key, size_t n, size_t n_keys, after_group *ret);

/* GW_EUSAGE: "change 2, move 3 (pod ml/a): ". */
int after_refuse(after *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The whole of c as change `now`. */
int after_apply(after *a);
/* Its parts that have files of their own. */
int after_hire(after *a);
int after_move(after *a);
/* What an index of c means; GW_EUSAGE where it is nothing. */
int after_find_node(after *a, uint32_t x, uint32_t *ret);
int after_find_gpu(after *a, uint32_t x, uint32_t *ret);
/* What it leaves behind. */
int after_check(after *a);
/* The seats in the books of ret->usage, and the nodes' times. */
int after_settle(after *a);

/* ---- shared by them ---- */

static inline bool after_form_shared(gw_form f)
{
    return f == GW_FORM_MPS || f == GW_FORM_TIME_SLICE;
}

/* Two holds of one tenant may have a seat together. */
uint64_t after_tenant(const after *a, uint32_t hold);
/* The time of a hold within the window; all that was observed where nobody says. */
gw_interval after_extent(const after *a, uint32_t hold);
/* Whether its seat now is the one that it has in the present. */
bool after_stays(const after *a, uint32_t hold);
/* Takes the pod's requests off its node, or adds them. */
void after_load(after *a, uint32_t pod, int sign);
/* A pod that is there at the end of the window, as the API lists it, or else as samples of the last minutes
 * say. */
bool after_runs(const after *a, uint32_t pod);
bool after_is_daemon(const after *a, uint32_t pod);
/* Memory of a board, or of a seat on it; GW_UNKNOWN_COUNT. */
int64_t after_board_mib(const gw_fleet *f, uint32_t gpu);
int64_t after_seat_mib(const after *a, const after_hold *h);
/* Memory of the unit that the hold was measured on. */
int64_t after_unit_mib(const after *a, uint32_t hold);
/* seated[] and usage.units[] as long as the fleet's units. GW_ENOMEM. */
int after_fit(after *a);

/* What becomes of the numbers of a hold in a seat of another size. */
typedef struct after_scale {
    double share;  /* new / old share of the board */
    double memory; /* old / new memory of the unit; 0: not known */
} after_scale;

/* *to: a copy of *from that borrows its histograms; it gets its own. GW_ENOMEM: *to is unchanged. */
int after_stats_scale(gw_stats *to, const gw_stats *from, const after_scale *s);
/* Idle time of a unit: less of the same, or more of which nothing was measured. */
int after_stats_idle(gw_stats *to, const gw_stats *from, double allocated);

#endif
