/*
 * Dedicated, MIG, MPS or time-slicing: which form a pod may take, and how small a part of a board suffices.
 * The first rule that applies decides; its name and sentence go into the action.
 *
 * What keeps it dedicated, in this order:
 *
 *     excluded            the policy leaves it out
 *     no-form-allowed     the policy's `sharing` allows none
 *     multi-gpu           it holds several boards
 *     unknown-board       how many it holds, the model, or its memory is unknown; or the memory is not that
 * of the model: a virtual GPU, or another board not-nvidia          a board that the device plugin cannot
 * share unknown-memory      no memory peak was recorded unknown-compute     no P95 of compute was recorded
 *     too-little-known    known for less than GW_SHARE_KNOWN_MIN of its time or GW_SHARE_HOURS_MIN
 *     hard-p99-no-mig     its tier is p99, and the board has no MIG or the policy forbids it
 *     no-form-left        hardware, tier, class and policy leave nothing in common
 *     compute-bound       its P95 of compute leaves no headroom even on the whole board
 *     working-set         its memory peak leaves no headroom in the largest part that it may take
 *     no-part             no part that it may take has both the memory and the compute
 *
 * Else it may take what is left, best first, and the rule's name goes by its tier and the first way:
 *
 *     tier         first                     then                            rule
 *     p99          MIG                                                       hard-p99-mig
 *     standard     MIG                       MPS (a), time-slicing (b)       standard-mig
 *                  MPS (a)                   time-slicing (b)                tenant-mps
 *                  time-slicing (b)                                          development-time-slicing
 *     best-effort  time-slicing              MIG, MPS                        best-effort-time-slicing
 *                  MIG                       MPS                             best-effort-mig
 *                  MPS                                                       best-effort-mps
 *
 *     (a) not for production, unless its class is known and is not training: under MPS one client's fault
 * ends all of them, and a training run loses what it did since its checkpoint (b) not for production: nothing
 * keeps one pod's memory from another's
 *
 * Hardware. MIG: boards of allocate/mig.h. MPS: compute capability 7.0 (Volta) on, since before it clients'
 * memory is not kept apart; never on a board that is cut by MIG. Time-slicing: any NVIDIA board.
 *
 * A part suffices when the memory peak is at most headroom.memory_peak × the part's memory, and
 *   MIG           compute P95 <= headroom.compute_p95 × the instance's share of the SMs;
 *   MPS           compute P95 <= headroom.compute_p95 × floor(100 / n) %, which is the share of threads that
 *                 NVIDIA's device plugin gives each of n clients (cmd/mps-control-daemon/mps/daemon.go);
 *   time-slicing  compute P95 <= headroom.compute_p95: each gets the whole board in its turn. Whoever seats
 *                 several there must hold the sum of their P95s under the headroom as well.
 * So no part is ever smaller than the largest memory sample that was recorded, also at a headroom of 1.
 */
#ifndef GW_ALLOCATE_SHARING_H
#define GW_ALLOCATE_SHARING_H

#include "allocate/mig.h"
#include "allocate/policy.h"

/* Least that must be known of a tenant before its board is cut: the bounds of gw_thresholds in
 * interpret/interpret.h (min_coverage, min_known_ms), under which no finding speaks of behaviour either. */
#define GW_SHARE_KNOWN_MIN 0.50
#define GW_SHARE_HOURS_MIN 1.0 /* known: hours × known */

/*
 * Most parts of a time-sliced board, unless the policy says `maxParts`. Of n tenants that all want to compute
 * each waits for the turns of n - 1 others, and every turn begins with a switch of contexts and cold caches;
 * and each process keeps a CUDA context of some hundred MiB that no peak of another's memory shows.
 */
#define GW_SHARE_TURNS_MAX 8
/* Clients that the device plugin allows under MPS, by compute capability: from 7.5 on, and before
 * (cmd/mps-control-daemon/mps/device.go). */
#define GW_SHARE_CLIENTS_MAX     GW_PLAN_PARTS_MAX
#define GW_SHARE_CLIENTS_MAX_OLD 16

/* What is known of a tenant, by measurement. Shares are of a whole board. */
typedef struct gw_share_facts {
    const char *model;       /* of the board it is on: canonical (price/gpu.h); NULL unknown */
    int64_t board_mib;       /* memory of that board; GW_UNKNOWN_COUNT */
    int64_t gpus;            /* boards it holds; GW_UNKNOWN_COUNT */
    gw_form form;            /* how it holds them now; decides nothing */
    double compute_p95;      /* of a whole board, P95 of 5-minute means; < 0 unknown */
    double compute_peak;     /* largest sample; < 0 unknown; told to p99 tiers, decides nothing */
    int64_t memory_peak_mib; /* GW_UNKNOWN_COUNT */
    double known;            /* share of its time that compute samples cover */
    double hours;            /* that it was watched */
    gw_workload_class class;
    gw_headroom headroom;
} gw_share_facts;

/* One way in which it could be seated on a board of that model. */
typedef struct gw_share_way {
    gw_form form;
    int max_parts;                 /* MPS, TIME_SLICE: the most equal parts of which one suffices; >= 2 */
    const gw_mig_board *mig;       /* MIG */
    const gw_mig_profile *profile; /* MIG: the smallest that suffices; never the whole board */
} gw_share_way;

#define GW_SHARE_WAYS_MAX 3
#define GW_SHARE_WHY_MAX  256
typedef struct gw_share_choice {
    gw_share_way ways[GW_SHARE_WAYS_MAX]; /* best first, each form once; none: dedicated */
    size_t n;
    const char *rule;           /* a constant of the tables above */
    char why[GW_SHARE_WHY_MAX]; /* a sentence with the numbers, without the full stop */
} gw_share_choice;

void gw_share_choose(const gw_share_facts *facts, gw_share_choice *ret);

/*
 * Whether two pods may have parts of one board in that form. MIG: always. Time-slicing: of one tenant,
 * neither p99 nor excluded, the form allowed to both. MPS: as time-slicing, and both of one tier and both
 * production or neither, since either's fault ends the other.
 */
bool gw_share_together(gw_form form, const gw_headroom *a, const gw_headroom *b);

/* A rule that keeps a pod dedicated, as a phrase without numbers; NULL for a name that is none of them. */
const char *gw_share_rule_phrase(const char *rule);

/* The rules' names in the order above, NULL-terminated: for documentation tests. */
const char *const *gw_share_rule_names(void);

/* CUDA compute capability × 10 (75: 7.5) of a canonical model of NVIDIA's; 0 where it is not known, or
 * another vendor's. Source: https://developer.nvidia.com/cuda-gpus and .../cuda-legacy-gpus. */
int gw_share_capability(const char *canonical);

#endif
