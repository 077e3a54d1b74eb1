/*
 * Dedicated, MIG, MPS or time-slicing: which form a pod may take, and how small a part of a board suffices.
 * The first rule that applies decides; its name and sentence go into the action.
 */
#ifndef GW_ALLOCATE_SHARING_H
#define GW_ALLOCATE_SHARING_H

#include "allocate/mig.h"
#include "allocate/policy.h"

/* What is known of a tenant, by measurement. Shares are of a whole board. */
typedef struct gw_share_facts {
    const char *model;       /* of the board it is on: canonical (price/gpu.h); NULL unknown */
    int64_t board_mib;       /* memory of that board; GW_UNKNOWN_COUNT */
    int64_t gpus;            /* boards it holds */
    gw_form form;            /* how it holds them now */
    double compute_p95;      /* of a whole board, P95 of 5-minute means; < 0 unknown */
    double compute_peak;     /* largest sample; < 0 unknown */
    int64_t memory_peak_mib; /* GW_UNKNOWN_COUNT */
    double known;            /* share of its time that compute samples cover */
    double hours;            /* that it was watched */
    gw_workload_class class;
    gw_headroom headroom;
} gw_share_facts;

/* One way in which it could be seated on a board of some model. */
typedef struct gw_share_way {
    gw_form form;
    int max_parts;                 /* MPS, TIME_SLICE: the most equal parts of which one suffices; >= 2 */
    const gw_mig_board *mig;       /* MIG */
    const gw_mig_profile *profile; /* MIG: the smallest that suffices */
} gw_share_way;

#define GW_SHARE_WAYS_MAX 4
typedef struct gw_share_choice {
    gw_share_way ways[GW_SHARE_WAYS_MAX]; /* best first; none: dedicated */
    size_t n;
    const char *rule; /* "hard-p99", "no-mig-hardware", "working-set", ...: kebab-case constant */
    char why[256];    /* a sentence with the numbers */
} gw_share_choice;

/*
 * A part suffices when the memory peak is at most headroom.memory_peak × the part's memory, and the P95 of
 * compute at most headroom.compute_p95 × the part's compute (MIG: by SMs, gw_mig_smallest_for). A part of a
 * time-sliced or MPS board is 1/n of memory and of compute; the peak of any *recorded* sample must fit in
 * the part's whole memory in any case. Unknown memory peak, board memory or compute: dedicated, and said.
 */
void gw_share_choose(const gw_share_facts *facts, gw_share_choice *ret);

/* Whether two pods may sit on one board of that form: MIG always; else the same tenant, and neither p99. */
bool gw_share_together(gw_form form, const gw_headroom *a, const gw_headroom *b);

/* The rules' names, NULL-terminated: for documentation tests. */
const char *const *gw_share_rule_names(void);

#endif
