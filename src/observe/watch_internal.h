/*
 * Private to watch*.c:
 *   watch.c        life cycle; reading from the source; which slices are open
 *   watch_run.c    an open slice's windows → sums by the hour, as often as one likes
 *   watch_judge.c  judging all that is open; closing a slice for good
 *   watch_pack.c   closed hours in little room
 *   watch_merge.c  what no unit accounts for; sums of a window
 */
#ifndef GW_OBSERVE_WATCH_INTERNAL_H
#define GW_OBSERVE_WATCH_INTERNAL_H

#include "observe/fold_internal.h"
#include "observe/watch.h"

#define OPEN_MAX      2                /* slices: one whose end is past may get late samples yet */
#define BACKFILL_MS   (6 * GW_HOUR_MS) /* what a source that was silent may deliver after all */
#define WATCH_END_MAX (INT64_MAX / 4)  /* times beyond are none */

/* What goes from one slice to the next: the fold's, between slices. */
typedef struct carry {
    unit_state *units;
    size_t n_units, cap_units;
    node_state *nodes;
    size_t n_nodes, cap_nodes;
    pod_sums *sums;
    size_t n_sums, cap_sums;
    gw_map exporting, naming;
    int64_t typical_ms;
} carry;

/* A slice whose samples are kept as windows. */
typedef struct open_slice {
    gw_fold *fold;
    gw_usage facts;    /* which families there are */
    gw_interval slice; /* of the fold */
    bool again;        /* the slice before was closed since: what it knew is known now */
    int64_t read_ms;   /* until when it was read: the `now` of the last reading; INT64_MIN */
    /* by group: the newest sample of a reading that succeeded; INT64_MIN */
    int64_t newest_ms[GW_N_FAMILY_GROUPS];
} open_slice;

/* The sums of one slice. */
typedef struct part {
    gw_interval slice; /* as far as it is judged */
    gw_usage facts;    /* XIDs known by then; containers of the slice alone; which families there are */
    fold_hours hours;
} part;

/* GPU time of a node that no unit accounts for. */
typedef struct rest {
    int64_t hour_ms;
    uint32_t node, unit;
    bool idle, any_seen;
    double ms;
} rest;

/* Of a unit that no exporter reports: what of its time remains, where it is too much. */
typedef struct trim {
    uint32_t unit;
    double keep;
} trim;

typedef struct judgement {
    gw_fleet fleet;
    int64_t until_ms;
    part parts[OPEN_MAX];
    size_t n_parts;
    carry carry; /* after the last of them */
    rest *rests; /* by hour, then by node */
    size_t n_rests, cap_rests;
    trim *trims;
    size_t n_trims, cap_trims;
} judgement;

#define PACKED_UNIT   (UINT32_C(1) << 31) /* of a unit's idle time, not of a hold */
#define PACKED_MEMORY (1u << 15)          /* of the histogram of memory, not of compute */

typedef struct packed_bin {
    uint32_t of; /* index into holds, or units */
    uint16_t bin;
    float weight;
} packed_bin;

typedef struct packed_heat {
    uint32_t gpu, column;
    gw_heat heat;
} packed_heat;

typedef struct packed_hour {
    packed_bin *bins;
    size_t n_bins, cap_bins;
    packed_heat *heat;
    size_t n_heat, cap_heat;
} packed_hour;

/* An hour of closed slices. */
typedef struct closed_hour {
    gw_usage sums;      /* with histograms and heat map only where something came to it since it was packed */
    packed_hour packed; /* the rest of them */
    uint64_t digest;    /* 0: to be found out */
} closed_hour;

typedef struct revision {
    uint64_t digest, number;
} revision;

struct gw_watch {
    gw_watch_options o;
    int64_t length_ms; /* of slices */
    bool broken;
    gw_fleet fleet; /* with the facts of closed slices */
    gw_usage total; /* of closed slices: XIDs, containers, which families there are */
    carry carry;
    gw_map held;         /* (unit, pod) of closed slices */
    int64_t closed_ms;   /* slices are closed up to here */
    int64_t first_ms;    /* start of the first hour that is held */
    closed_hour *closed; /* from first_ms on */
    size_t n_closed, cap_closed;
    open_slice open[OPEN_MAX];
    size_t n_open;
    int64_t newest_gpu_ms, newest_ms;
    uint64_t samples;    /* of closed slices */
    judgement *now;      /* NULL: not judged since the last slice was closed */
    revision *revisions; /* of hours from first_ms on */
    size_t n_revisions, cap_revisions;
    uint64_t judgements;
};

/* watch.c: where a slice that begins there ends. */
int64_t gw_watch_slice_end(const gw_watch *w, int64_t start_ms);

/* watch_run.c */
void gw_carry_init(carry *c);
/* ret goes on from where c is; lumps are shared with it. */
int gw_carry_copy(carry *ret, const carry *c, gw_error *e);
/* Frees what is its own: not old lumps. */
void gw_carry_free(carry *c);
void gw_part_free(part *p);
/*
 * The slice's windows up to until_ms into *ret, with c going from the slice's start to there, and facts into
 * the fleet. before: the facts so far; prev: the part of the slice before, or NULL. The slice is as it was.
 * On failure *ret is nothing that must be freed; c and the fleet are in between.
 */
int gw_watch_run(const gw_watch *w, open_slice *s, int64_t until_ms, carry *c, gw_fleet *fleet,
                 const gw_usage *before, part *prev, part *ret, gw_error *e);

/* watch_judge.c: closes the first open slice. A failure breaks the watch. */
int gw_watch_close(gw_watch *w, gw_error *e);
void gw_judgement_free(judgement *j);

/* watch_merge.c: rests, trims, and numbers of GPUs of nodes. */
int gw_watch_rest(const gw_watch *w, judgement *j, gw_error *e);
/* Which hours this judgement changes. */
int gw_watch_revise(gw_watch *w, const judgement *j, gw_error *e);
/* into += the containers of a single slice. GW_ENOMEM. */
int gw_watch_add_containers(gw_usage *into, gw_fleet *names, const gw_usage *from);
uint64_t gw_watch_digest(const gw_usage *u);

/* watch_pack.c: histograms and heat map of the hour into lists; into += what is in them. GW_ENOMEM. */
void gw_watch_pack(closed_hour *h);
int gw_watch_unpack(gw_usage *into, const closed_hour *h);
void gw_closed_hour_free(closed_hour *h);

/* The usages of an hour: of closed slices, and of the open ones'. NULL where there is none. */
static inline const closed_hour *watch_closed(const gw_watch *w, int64_t hour_ms)
{
    int64_t i = (hour_ms - w->first_ms) / GW_HOUR_MS;
    return hour_ms >= w->first_ms && (size_t)i < w->n_closed ? &w->closed[i] : NULL;
}

static inline gw_usage *part_hour(const part *p, int64_t hour_ms)
{
    int64_t i = (hour_ms - p->hours.first_ms) / GW_HOUR_MS;
    return hour_ms >= p->hours.first_ms && (size_t)i < p->hours.n ? &p->hours.of[i] : NULL;
}

#endif
