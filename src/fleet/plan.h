/*
 * The plan: what to change, as typed actions. An adviser (allocate/) proposes a change as plain data: who
 * sits where, how boards are handed out, which nodes are given back or hired. What a change saves is never
 * computed by the adviser: the change is applied to a copy of fleet and usage, priced and booked like the
 * present (allocate/after.h), and the saving is the difference of the two bills.
 *
 * Texts and arrays of a plan live in its arena or in the fleet's pool; a plan lives no longer than the fleet
 * it speaks of. Nodes, GPUs, units and pods are indexes into that fleet. What does not exist yet has an index
 * with the bit GW_HIRED: node GW_HIRED | k is hire k of the same change, GPU GW_HIRED | k << 8 | j is its
 * j-th board.
 */
#ifndef GW_FLEET_PLAN_H
#define GW_FLEET_PLAN_H

#include "fleet/finding.h"
#include "fleet/fleet.h"
#include "fleet/ledger.h"

#define GW_HIRED            UINT32_C(0x80000000)
#define GW_HIRED_NODE(k)    (GW_HIRED | (uint32_t)(k))
#define GW_HIRED_GPU(k, j)  (GW_HIRED | (uint32_t)(k) << 8 | (uint32_t)(j))
#define GW_HIRES_MAX        ((size_t)1 << 20) /* of one change */
#define GW_PLAN_ACTIONS_MAX ((size_t)100000)
#define GW_PLAN_PARTS_MAX   48 /* pods that one board is handed to; MPS serves no more clients */

/* How a board, or a seat on it, is handed out. */
typedef enum gw_form {
    GW_FORM_WHOLE,      /* to one pod */
    GW_FORM_MIG,        /* in instances that hardware keeps apart */
    GW_FORM_MPS,        /* to several at once, in equal parts of memory and threads; one faults, all do */
    GW_FORM_TIME_SLICE, /* to several in turn; nothing keeps one's memory from another's */
} gw_form;

/* "dedicated", "mig", "mps", "time-slicing" */
const char *gw_form_name(gw_form f);

/* What brings a share of a board to a pod. */
typedef enum gw_via {
    GW_VIA_DEVICE_PLUGIN, /* NVIDIA's device plugin: its sharing configuration, or MIG resources */
    GW_VIA_KAI,           /* annotations gpu-fraction, gpu-memory of the KAI scheduler */
    GW_VIA_HAMI,          /* resources nvidia.com/gpumem, gpucores */
} gw_via;

/* "device-plugin", "kai", "hami" */
const char *gw_via_name(gw_via v);

/* Room on one board. */
typedef struct gw_seat {
    uint32_t gpu;
    gw_form form;
    int parts;           /* MPS, TIME_SLICE: equal parts of the board, 2..GW_PLAN_PARTS_MAX; else 1 */
    const char *profile; /* MIG; else NULL */
    int start;           /* MIG: its first memory slot; -1 where it is not known; else -1 */
    double share;        /* of the board: 1; 1 / parts; compute slices / the board's compute slots */
    int64_t memory_mib;  /* that may be used: the board's, a part of it, the instance's; GW_UNKNOWN_COUNT */
} gw_seat;

/*
 * A tenant that gets other seats: a running pod, or what ran on some units within the window and has ended (a
 * bundle, which is planned for as if it needed its units all the time).
 */
typedef struct gw_move {
    uint32_t pod;          /* GW_NONE: a bundle */
    const uint32_t *units; /* on which its holds are now */
    uint32_t n_units;
    const gw_seat *was;  /* one for each unit */
    const gw_seat *to;   /* as many */
    uint32_t from, node; /* nodes; equal: it stays on its node and gets other seats there */
    bool restarts;       /* its containers start anew */
} gw_move;

/* How a board is handed out from now on. */
typedef struct gw_cut {
    uint32_t gpu;
    gw_form form;
    gw_via via;
    int parts;
    const char *layout, *was_layout; /* MIG: "3g.40gb@0,1g.10gb@4"; NULL: not cut */
} gw_cut;

/* A node to be hired. */
typedef struct gw_hire {
    const char *instance_type, *region, *zone; /* zone NULL: any */
    gw_provider provider;
    gw_capacity capacity;
    gw_micro hourly;  /* for one, as the price list has it before it is booked */
    const char *gpu;  /* canonical model, NULL unknown */
    const char *like; /* name of a node whose labels and taints it gets; NULL none */
    int64_t gpus, gpu_memory_mib, cpu_milli, memory_mib; /* allocatable; GW_UNKNOWN_COUNT */
} gw_hire;

/* Requests of each pod of a workload. A value that stays, or that is not known, is the same on both sides. */
typedef struct gw_resize {
    const char *ns, *kind, *name; /* the workload: the top of the owners, or the bare pod */
    int64_t cpu_milli[2], memory_mib[2], ephemeral_mib[2]; /* [0] is, [1] should be; GW_UNKNOWN_COUNT */
    uint32_t pods;
} gw_resize;

/* The order of the parts is the order of carrying them out: hire, cut, resize, move, release. */
typedef struct gw_change {
    const gw_hire *hires;
    size_t n_hires;
    const gw_cut *cuts;
    size_t n_cuts;
    const gw_resize *resizes;
    size_t n_resizes;
    const gw_move *moves; /* in an order that never overcommits a node on the way */
    size_t n_moves;
    const uint32_t *released; /* nodes; drained by then */
    size_t n_released;
} gw_change;

typedef enum gw_action_kind {
    GW_ACTION_RELEASE_NODE,  /* idle, or emptied by moves */
    GW_ACTION_MOVE_CPU_PODS, /* a GPU node that only pods without GPUs keep alive */
    GW_ACTION_MIG,
    GW_ACTION_MPS,
    GW_ACTION_TIME_SLICE,
    GW_ACTION_REPLACE_NODES, /* the cheapest mix of instance types for what is left */
    GW_ACTION_RIGHT_SIZE,    /* requests of CPU, memory, ephemeral storage */
    GW_N_ACTION_KINDS,
} gw_action_kind;

/* "release-node", "move-cpu-pods", "mig", "mps", "time-slicing", "replace-nodes", "right-size" */
const char *gw_action_kind_name(gw_action_kind k);
/* GW_N_ACTION_KINDS where there is none of that name. */
gw_action_kind gw_action_kind_find(gw_str name);

typedef enum gw_risk { GW_RISK_LOW, GW_RISK_MEDIUM, GW_RISK_HIGH } gw_risk;

/* "low", "medium", "high" */
const char *gw_risk_name(gw_risk r);

/* What is touched when it goes ahead, and what is lost when it goes wrong. */
typedef struct gw_blast {
    uint32_t pods;         /* that restart */
    uint32_t workloads;    /* they belong to */
    uint32_t nodes;        /* cut, drained, released, hired */
    uint32_t production;   /* of the pods: those that the policy calls production */
    gw_micro restart_cost; /* of the GPU time that the restarts cost, once; GW_MICRO_UNKNOWN */
} gw_blast;

/* A month is 730.5 h at the window's rate. low: the part that the length and coverage of the window vouch for
 * (high × confidence); high: the difference of the bills itself. Unknown: nothing touched has a price. */
typedef struct gw_saving {
    gw_micro window;    /* the difference of the two bills */
    gw_micro low, high; /* a month */
} gw_saving;

#define GW_ACTION_EVIDENCE_MAX 16
typedef struct gw_action {
    const char *id; /* "release-node/gpu-7": unique in the plan, the same for the same input */
    gw_action_kind kind;
    const char *subject;     /* what it is about: "node gpu-7", "Deployment ml/chat and 3 more on gpu-2" */
    const char *is, *should; /* phrases: "8 of 8 GPUs held by 5 pods", "released" */
    const char *text;        /* one sentence for people, with numbers */
    const char *rule;        /* which rule decided, and why: a sentence */
    gw_change change;
    gw_saving alone;   /* of this action and nothing else; 0 where it needs others first */
    gw_saving share;   /* within the plan: what it adds to those before it */
    double confidence; /* 0..1 */
    gw_risk risk;
    const char *risk_why;
    gw_blast blast;
    const char **prerequisites; /* sentences: what must be so before it is begun */
    size_t n_prerequisites;
    const uint32_t *after; /* actions of this plan that must be done before */
    size_t n_after;
    const uint32_t *conflicts; /* actions of this plan that cannot be done with it */
    size_t n_conflicts;
    gw_evidence evidence[GW_ACTION_EVIDENCE_MAX];
    size_t n_evidence;
    bool chosen;         /* part of the plan; else an alternative, with share 0 */
    const char *why_not; /* where it is not chosen; else NULL */
} gw_action;

/* What the plan leaves as it is, and why: the tenants and nodes that one reason holds. */
typedef struct gw_held {
    const char *why; /* "its memory peak needs more than half of the board" */
    uint32_t pods, nodes;
    double gpus;      /* that they hold */
    gw_micro monthly; /* of those GPUs or nodes; GW_MICRO_UNKNOWN */
} gw_held;

typedef struct gw_plan {
    gw_interval window;
    gw_action
        *actions; /* chosen first, in the order of carrying them out; then alternatives, dearest first */
    size_t n_actions, cap_actions;
    gw_cost before, after; /* totals of the two ledgers, of the window; both balance */
    gw_gpu_time time_before, time_after;
    gw_saving saving; /* before.bill - after.bill: the sum of the shares */
    gw_micro bound;   /* bill of the window under which no plan of these kinds can go; GW_MICRO_UNKNOWN */
    const char *bound_how; /* a sentence on what the bound rests on, or why there is none */
    gw_held *held;         /* dearest first */
    size_t n_held, cap_held;
    const char **notes; /* what was not considered, and what would allow it */
    size_t n_notes, cap_notes;
    gw_arena arena;
} gw_plan;

void gw_plan_init(gw_plan *p);
void gw_plan_free(gw_plan *p);
/* *ret: an empty action to fill, valid until the next add. GW_ENOMEM, GW_ELIMIT. */
int gw_plan_add(gw_plan *p, gw_action_kind kind, gw_action **ret, gw_error *e);
/* The index of the action of that id, or GW_NONE. */
uint32_t gw_plan_find(const gw_plan *p, const char *id);
/* Notes a sentence, once. GW_ENOMEM. */
int gw_plan_note(gw_plan *p, const char *text, gw_error *e);
/* Adds to the reason's entry, or makes one. monthly may be unknown. GW_ENOMEM. */
int gw_plan_hold(gw_plan *p, const char *why, uint32_t pods, uint32_t nodes, double gpus, gw_micro monthly,
                 gw_error *e);

#endif
