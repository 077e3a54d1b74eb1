/* Private to world*.c. */
#ifndef GW_ALLOCATE_WORLD_INTERNAL_H
#define GW_ALLOCATE_WORLD_INTERNAL_H

#include "allocate/world.h"

typedef enum gw_step_kind {
    GW_STEP_PUT,     /* a tenant */
    GW_STEP_CUT,     /* a board */
    GW_STEP_CLOSE,   /* a node */
    GW_STEP_RELEASE, /* a node */
    GW_STEP_RESIZE,  /* a tenant */
} gw_step_kind;

/* What was before it. */
struct gw_world_step {
    gw_step_kind kind;
    uint32_t subject;
    uint32_t node, to;    /* PUT */
    gw_seat one;          /* PUT of a tenant with one seat */
    const gw_seat *seats; /* PUT of one with more */
    bool flag, flag2;     /* PUT: moved, received of `to`; CUT: recut; CLOSE: closed */
    gw_form form;         /* CUT */
    int parts;
    gw_mig_set cut;
    int64_t cpu_milli, memory_mib; /* RESIZE */
    uint64_t stamp, stamp_to;      /* of the node, and PUT: of `to` */
};

/* Takes the place that its node and seats say; not journalled, for building. */
void gw_world_sit(gw_world *w, uint32_t tenant);
void gw_world_release(gw_world *w, uint32_t node);

/* The instances that these seats need and that are not cut yet. */
void gw_world_cut_for(gw_world *w, const gw_tenant *t, const gw_seat *seats);
/* Finds out which nodes' loss could be borne as things are. */
void gw_world_note_survivors(gw_world *w);

/* world_rules.c: affinity, anti-affinity, spread against where everything is now. */
bool gw_world_neighbours(const gw_world *w, uint32_t tenant, uint32_t node, const char **why);

#endif
