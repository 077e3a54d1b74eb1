/*
 * Multi-Instance GPU: what a board can be cut into, whether a set of slices fits, on how many boards it
 * would, and how to get from one layout to another.
 *
 * A board has memory slots in a row (8; 4 on the A30; 12 on the RTX PRO 6000). A profile takes `size` slots
 * beside each other and may start at some of them only, and a board holds at most `max` instances of it.
 * These three rules are all there is: a sum of compute slices that is small enough proves nothing (3g at slot
 * 0 leaves no place for 4g), and what satisfies the three rules never exceeds the compute slices.
 *
 * The facts are NVIDIA's: Multi-Instance GPU User Guide, "Supported MIG Profiles" (names, maximal counts),
 * and for start slots, memory and SMs what `nvidia-smi mig -lgip` and `-lgipp` print on such boards where
 * somebody published it. docs/internals/mig.md says which board rests on what.
 *
 * A profile is meant by its index in its board's table everywhere below. Nothing here does I/O. Functions
 * without a gw_error cannot fail.
 */
#ifndef GW_ALLOCATE_MIG_H
#define GW_ALLOCATE_MIG_H

#include "base/mem.h"

#define GW_MIG_PROFILES_MAX 12
#define GW_MIG_SLOTS_MAX    12
#define GW_MIG_SLICES_MAX   512 /* of one list that somebody wrote */
#define GW_MIG_NONE         (-1)

typedef struct gw_mig_profile {
    const char *name;     /* "1g.10gb+me" */
    int compute;          /* compute slices: the number before the g */
    int size;             /* memory slots */
    unsigned starts;      /* bit s: may start at slot s */
    int max;              /* instances of it on one board */
    int memory_gb;        /* as in its name */
    int64_t memory_mib;   /* what the driver gives; the least that was published, or an estimate */
    bool memory_estimate; /* nobody published it: twice the half slice, or 85 % of the name's GB */
    int sms;              /* streaming multiprocessors; GW_MIG_NONE where nobody published it */
    int engines; /* sets of media engines (decoder, encoder, JPEG); 0 also where they are not counted */
} gw_mig_profile;

typedef struct gw_mig_board {
    const char *name; /* "A100-80GB" */
    int slots;        /* memory slots */
    int compute;      /* compute slices */
    int sms;          /* of the whole board with MIG off; GW_MIG_NONE where not known */
    int engines;      /* sets of media engines; 0: not counted on this board */
    bool derived;     /* its start slots are those of its die's other boards; nobody published its own */
    size_t n_profiles;
    const gw_mig_profile *profiles;
} gw_mig_board;

/* The boards in the order of the table; NULL past the end. */
const gw_mig_board *gw_mig_board_at(size_t i);

/*
 * A board by its name here or any spelling that price/gpu.h knows: "A100-80GB", "NVIDIA A100-SXM4-80GB",
 * "H100 NVL", "NVIDIA-GH200-144G-HBM3e". memory_mib: of the whole board, to tell sizes apart where the name
 * does not (GW_UNKNOWN_COUNT: not known). GW_ENOTFOUND where it has no MIG or is none of the boards here,
 * GW_EUSAGE where it could be several; the message names them.
 */
int gw_mig_board_find(const char *name, int64_t memory_mib, const gw_mig_board **ret, gw_error *e);

/* A profile by its name, letter case aside; also as Kubernetes spells it ("1g.10gb.me"), with or without
 * "nvidia.com/mig-" or "MIG ". GW_MIG_NONE where the board has none such. */
int gw_mig_profile_find(const gw_mig_board *b, gw_str name);

/* True for +me, -me, +gfx and the like: no different in place, compute and memory from the plain one. */
bool gw_mig_is_variant(const gw_mig_profile *p);

/*
 * The smallest plain profile (fewest slots, then fewest SMs) that has the compute and the memory.
 * compute_share: of the whole board's SMs, 0 to 1; so 0.13 of an H100 is 18 of 132 SMs, and 1g with 16 is too
 * small. Where a profile's SMs are not known it counts 0.118 for each compute slice (the least that a known
 * board gives: 18 of 152), and 1 for the whole board. memory_mib is compared with what the driver gives, not
 * with the name. NULL where nothing is large enough; then the work wants the board whole, with MIG off. A
 * negative need is unknown, and then nothing can be called large enough: NULL.
 */
const gw_mig_profile *gw_mig_smallest_for(const gw_mig_board *b, double compute_share, int64_t memory_mib);

/* The share of the board's SMs that a profile has, as gw_mig_smallest_for takes it. */
double gw_mig_compute_share(const gw_mig_board *b, const gw_mig_profile *p);

/* ---- sets and layouts ---- */

/* How many of each profile. */
typedef struct gw_mig_set {
    int n[GW_MIG_PROFILES_MAX];
} gw_mig_set;

typedef struct gw_mig_instance {
    int profile, start;
    bool running; /* something works on it */
} gw_mig_instance;

/* One board; sorted by start. */
typedef struct gw_mig_layout {
    gw_mig_instance at[GW_MIG_SLOTS_MAX];
    size_t n;
} gw_mig_layout;

/* "4x1g.20gb,2g.20gb"; blanks around items do not matter and an empty text is the empty set. GW_EUSAGE,
 * GW_ELIMIT beyond GW_MIG_SLICES_MAX. */
int gw_mig_set_parse(const gw_mig_board *b, const char *text, gw_mig_set *ret, gw_error *e);

/* "3g.40gb@0*,1g.10gb@4": profile, start slot, and a star where something runs on it. Every rule above is
 * checked. GW_EUSAGE. */
int gw_mig_layout_parse(const gw_mig_board *b, const char *text, gw_mig_layout *ret, gw_error *e);

int gw_mig_set_count(const gw_mig_set *s);
/* The compute slices of a set. */
int gw_mig_set_compute(const gw_mig_board *b, const gw_mig_set *s);
gw_mig_set gw_mig_set_of(const gw_mig_layout *l);
bool gw_mig_set_eq(const gw_mig_set *a, const gw_mig_set *b);
/* The slots of an instance, one bit each. */
unsigned gw_mig_slots(const gw_mig_board *b, int profile, int start);

/*
 * Whether the set fits on one board. Exact. *ret (may be NULL) gets a layout; of several the one with every
 * slice as far to the right as it goes, the largest first, since the left is what 4g and 7g need.
 */
bool gw_mig_fit(const gw_mig_board *b, const gw_mig_set *want, gw_mig_layout *ret);

/*
 * All sets that fit on one board and are made of the profiles in `of` (bit p: profile p); maximal: only those
 * to which no slice of `of` can be added. Writes at most `cap` to `out` (may be NULL with 0) and returns how
 * many there are. The empty set counts. Order: by the count of profile 0, then 1, and so on.
 */
size_t gw_mig_sets(const gw_mig_board *b, unsigned of, bool maximal, gw_mig_set *out, size_t cap);

/*
 * Sets of media engines that the set asks for beyond what the board has; 0 where they suffice or are not
 * counted. Not a rule of gw_mig_fit: NVIDIA publishes the counts (1g.24gb+me.all takes all four), but nobody
 * published a driver's refusal.
 */
int gw_mig_engines_short(const gw_mig_board *b, const gw_mig_set *s);

/* ---- several boards ---- */

typedef struct gw_mig_packing {
    gw_mig_layout *boards;
    size_t n;     /* boards */
    size_t lower; /* no packing has fewer: proven */
    bool exact;   /* n is the minimum: it equals lower, or the search came to its end */
} gw_mig_packing;

/*
 * Packs the set onto as few boards as the search finds. The lower bound is exact arithmetic: integer weights
 * for the profiles, taken from the dual of the linear program over all maximal sets of one board, and the
 * weight of the set over the greatest weight that a board holds, rounded up. Packings come from greed and
 * from rounding the linear program; where they do not meet the bound, a search over maximal sets does, or
 * proves that nothing can, or gives up after GW_MIG_NODES_MAX nodes and says so (exact = false). Layouts come
 * from `a`. GW_ELIMIT beyond GW_MIG_SLICES_MAX slices, GW_ENOMEM.
 */
#define GW_MIG_NODES_MAX 200000
int gw_mig_pack(const gw_mig_board *b, const gw_mig_set *want, gw_arena *a, gw_mig_packing *ret, gw_error *e);

/* ---- from one layout to another ---- */

typedef enum gw_mig_step_kind {
    GW_MIG_DRAIN, /* what runs on it must go, or at least stop, before the next step */
    GW_MIG_DESTROY,
    GW_MIG_CREATE,
} gw_mig_step_kind;

typedef struct gw_mig_step {
    gw_mig_step_kind kind;
    int profile, start;
    int move_to; /* GW_MIG_DRAIN: the start of a free instance that exists by then and is no smaller in SMs
                    (or slices) and memory; GW_MIG_NONE: the work must wait, or go to another board */
} gw_mig_step;

#define GW_MIG_STEPS_MAX (3 * GW_MIG_SLOTS_MAX)

typedef struct gw_mig_change {
    gw_mig_layout to; /* running: work that was there and stays undisturbed */
    gw_mig_step steps[GW_MIG_STEPS_MAX];
    size_t n_steps;
    int drained;         /* running instances that must be drained */
    int drained_compute; /* their compute slices */
    int destroyed;       /* instances destroyed, running or not */
    int waiting;         /* drained without a place to move to */
} gw_mig_change;

/*
 * The way from a layout to one with exactly the slices of `to`. An instance cannot be moved or resized, only
 * kept where it is or destroyed. Of all layouts of `to` that one is taken, by search through all of them,
 * that disturbs the least: fewest running instances drained, then fewest of their compute slices, then fewest
 * instances destroyed, then fewest drained without a place to go (and of their compute slices), then the
 * order of gw_mig_fit. Steps: idle instances go first, each new instance is made as soon as its slots are
 * free, and running ones are drained one at a time. GW_ENOTFOUND where `to` does not fit on one board.
 */
int gw_mig_repartition(const gw_mig_board *b, const gw_mig_layout *from, const gw_mig_set *to,
                       gw_mig_change *ret, gw_error *e);

#endif
