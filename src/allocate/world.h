/*
 * The world of the plan: the fleet as it stands at the end of the window, as a thing that can be tried on.
 * Nodes with what is free on them, boards and how each is handed out, tenants and where each sits. A trial is
 * a run of changes that is kept, or taken back as a whole (gw_world_mark, gw_world_undo). Advisers
 * (advise_*.c) make trials; nothing that breaks a rule of Kubernetes or of the headroom policy gets past
 * gw_world_find. docs/internals/plan.md has the picture.
 *
 * A tenant is what sits somewhere: a running pod, with or without GPUs. Pods that ended within the window
 * leave a past on the units they ran on: nobody knows when their like comes again, so the past is planned for
 * as if it needed its units all the time. It goes where the unit's present tenant goes, or is a tenant of its
 * own.
 *
 * What is not known keeps things where they are: the rules or the requests of a pod, a node that the
 * Kubernetes API did not show, a GPU that no exporter reports.
 */
#ifndef GW_ALLOCATE_WORLD_H
#define GW_ALLOCATE_WORLD_H

#include "allocate/planner.h"
#include "allocate/sharing.h"
#include "fleet/rules.h"

#define GW_TENANT_RULES_MAX 4 /* different rules of the pods of one tenant; beyond, it stays */
#define GW_TENANT_GPUS_MAX  16
#define GW_WORLD_STEPS_MAX  ((size_t)1 << 24) /* of the journal */

typedef struct gw_board {
    bool here;               /* on a node that is here, and reported at the end of the window */
    uint32_t node;           /* fleet index */
    const char *model;       /* canonical; NULL unknown */
    int64_t memory_mib;      /* GW_UNKNOWN_COUNT */
    const gw_mig_board *mig; /* NULL: cannot be cut, or nobody knows */
    /* State. */
    gw_form form;
    int parts;      /* MPS, TIME_SLICE; else 1 */
    bool recut;     /* cut, or to be cut, within this plan: MIG instances may still be added */
    gw_mig_set cut; /* MIG: its instances, in use or not */
    gw_mig_set used;
    double compute_p95; /* sum over its tenants; unknown counts as 1 */
    uint32_t *at;       /* tenants, GW_PLAN_PARTS_MAX of room; NULL where it is not here */
    int n;
} gw_board;

typedef struct gw_world_node {
    bool here; /* there at the end of the window, in the API where that was read, and with GPUs or not */
    bool gpus; /* it has boards, or GPUs that nobody reports */
    bool priced;
    gw_micro hourly;
    const char *stays; /* why it may not be given back; NULL: it may */
    uint32_t *boards;  /* fleet indexes, ascending */
    uint32_t n_boards;
    /* State. */
    uint64_t stamp; /* changes with everything that sits there, and changes back */
    bool released;
    bool closed;                   /* takes no tenants in this trial */
    bool received;                 /* got a tenant within this plan: stays from now on */
    int64_t cpu_free, memory_free; /* milli, MiB; meaningful where known */
    int64_t disk_free;             /* ephemeral storage, MiB; GW_UNKNOWN_COUNT: not known */
    bool room_known;
    int64_t pods_free;
    uint32_t *at; /* tenants on it, but for daemons */
    uint32_t n;
    size_t cap;
} gw_world_node;

typedef struct gw_tenant {
    uint32_t pod; /* GW_NONE: only a past */
    uint32_t node;
    uint32_t n_units;      /* 0: a pod without GPUs */
    const uint32_t *units; /* of the fleet, in order of their index */
    gw_seat *seats;        /* as many; the state */
    const gw_seat *was;    /* as many; at the beginning */
    uint32_t was_node;
    bool past;    /* pods that ended ran on its units, too */
    bool foreign; /* ... and not all of them were its own controller's */
    bool daemon;  /* belongs to its node; never moved, vanishes with it */
    bool moved;   /* within this plan */
    const gw_pod_rules *rules[GW_TENANT_RULES_MAX];
    uint32_t n_rules;
    int64_t cpu_milli, memory_mib; /* requests */
    int64_t disk_mib;              /* ephemeral storage */
    const char *stays;             /* why it may not be moved; NULL: it may */
    uint32_t gang;                 /* same number: all of them or none; GW_NONE: alone */
    uint32_t workload;             /* same number: one controller; GW_NONE */
    gw_workload_class class;
    gw_headroom headroom;
    gw_share_facts facts;
    gw_share_choice choice;
    double board_ms;       /* time that its boards were held, by it and by its past */
    gw_micro restart_cost; /* of the GPU time that one restart costs; GW_MICRO_UNKNOWN */
} gw_tenant;

typedef struct gw_world_step gw_world_step;

/* Where the production tenants of a node went when its loss was last tried, and how those nodes were then. */
typedef struct gw_escape {
    uint64_t stamp; /* of the node itself; 0: not tried yet */
    uint32_t n, cap;
    uint32_t *nodes;
    uint64_t *stamps; /* parallel to nodes */
} gw_escape;

typedef struct gw_world {
    const gw_planner_input *in;
    const gw_fleet *fleet;
    gw_arena arena;
    gw_interval observed;
    int64_t now_ms;       /* the end of what was observed */
    gw_world_node *nodes; /* parallel to fleet->nodes */
    gw_board *boards;     /* parallel to fleet->gpus */
    gw_tenant *tenants;   /* sorted by namespace, pod, units */
    size_t n_tenants;
    uint32_t *shy; /* tenants with an anti-affinity of their own */
    size_t n_shy;
    uint32_t n_gangs, n_workloads;
    bool *survives;       /* parallel to fleet->nodes: its loss leaves room for production */
    uint32_t *production; /* parallel to fleet->nodes: pods with GPUs on it that are, at the beginning */
    gw_escape *escapes;   /* parallel to fleet->nodes */
    uint64_t stamps;      /* given out */
    gw_world_step *steps; /* the journal */
    size_t n_steps, cap_steps;
    bool failed; /* out of memory: every answer since is worthless */
} gw_world;

/* *ret is initialised by this. GW_ENOMEM, GW_ELIMIT, GW_ENODATA without a GPU node at the end of the window.
 */
int gw_world_new(const gw_planner_input *in, gw_world *ret, gw_error *e);
void gw_world_free(gw_world *w);

/* ---- trials ---- */

size_t gw_world_mark(const gw_world *w);
/* Takes everything back that was done since the mark. */
void gw_world_undo(gw_world *w, size_t mark);

/* ---- may it sit there? ---- */

#define GW_WHY_NO_BOARD "no free GPU of its kind"

/* Rules of Kubernetes and the policy, room for CPU and memory; nothing about GPUs. why: NULL, or where a
 * reason goes (a constant). */
bool gw_world_may(const gw_world *w, uint32_t tenant, uint32_t node, const char **why);

/* Seats for the tenant on this node as boards are now handed out; n_units of them. */
bool gw_world_seats(const gw_world *w, uint32_t tenant, uint32_t node, gw_seat *ret);

/* The best node other than the one it is on: among those where it may sit, the one with least room left
 * afterwards; ties to the node that comes first by name. */
bool gw_world_find(const gw_world *w, uint32_t tenant, uint32_t *ret_node, gw_seat *ret_seats);

/* ---- changes, each journalled ---- */

void gw_world_put(gw_world *w, uint32_t tenant, uint32_t node, const gw_seat *seats);
/* The board is handed out like this from now on. It must be empty; for MIG, `cut` are its instances. */
void gw_world_cut(gw_world *w, uint32_t gpu, gw_form form, int parts, const gw_mig_set *cut);
void gw_world_close(gw_world *w, uint32_t node, bool closed);
/* Requests of a tenant. */
void gw_world_resize(gw_world *w, uint32_t tenant, int64_t cpu_milli, int64_t memory_mib);
/*
 * Moves every tenant elsewhere and gives the node back. False, and nothing is changed, where that cannot be;
 * why: a constant that says what stands in the way. Gangs move together.
 */
bool gw_world_empty(gw_world *w, uint32_t node, const char **why);

/* Whether the loss of every node can be borne that could be lost before, and of every node that has more
 * production pods with GPUs than before: its production tenants find seats on the rest. */
bool gw_world_survives(gw_world *w);

/* ---- what a trial came to ---- */

/* What differs from `mark` as a change, in the arena; the world keeps the state. GW_ENOMEM. */
int gw_world_change(gw_world *w, size_t mark, gw_arena *arena, gw_change *ret, gw_error *e);

/* Names for people, in the arena or constant; NULL for want of memory. "pod ml/chat-0", "what ran on GPU-…".
 */
const char *gw_tenant_name(const gw_world *w, uint32_t tenant, gw_arena *arena);

#endif
