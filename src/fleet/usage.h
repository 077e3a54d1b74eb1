/*
 * Usage: how much of what was handed out did work. One gw_stats per hold (a pod on a unit) and per unit for
 * the time that nobody held it; a group of any kind is the merge of its holds. Memory is flat in history:
 * sums, histograms, extremes and a fixed number of plot columns, never a list of samples or windows.
 *
 * GPU time is measured in GPU-milliseconds: wall milliseconds × the unit's share of its board × the holder's
 * share of the unit. "Known" is the part of it that a valid compute sample covers (a sample holds until the
 * next one of its series, at most 5 minutes; at the end of a series for one median interval). What is not
 * known is unknown, never zero.
 */
#ifndef GW_FLEET_USAGE_H
#define GW_FLEET_USAGE_H

#include "fleet/fleet.h"
#include "fleet/vpa.h"

#define GW_WINDOW_MS   (5 * GW_MINUTE_MS) /* the window that states, P95 and findings are judged on */
#define GW_HOLD_MAX_MS (5 * GW_MINUTE_MS) /* the longest that one sample speaks for */

/* Compute signals, best first. */
typedef enum gw_signal {
    GW_SIGNAL_SM_ACTIVE,        /* DCGM_FI_PROF_SM_ACTIVE */
    GW_SIGNAL_GR_ENGINE_ACTIVE, /* DCGM_FI_PROF_GR_ENGINE_ACTIVE */
    GW_SIGNAL_GPU_UTIL,         /* DCGM_FI_DEV_GPU_UTIL; never on a MIG instance */
    GW_N_COMPUTE_SIGNALS,
} gw_signal;

/* The metric's name: "DCGM_FI_PROF_SM_ACTIVE" ... */
const char *gw_signal_name(gw_signal s);

/* The four states of compute × memory on one window, and what cannot be said. */
typedef enum gw_state {
    GW_STATE_HIGH_HIGH, /* compute high, memory high */
    GW_STATE_LOW_HIGH,  /* compute low, memory high: memory-reserved, compute-light */
    GW_STATE_HIGH_LOW,  /* compute high, memory low */
    GW_STATE_LOW_LOW,
    GW_STATE_UNKNOWN, /* one of the two signals is unknown */
    GW_N_STATES,
} gw_state;

typedef struct gw_state_policy {
    double compute_high; /* a window mean at or above is high; default 0.50 */
    double memory_high;  /* default 0.50 */
    double dram_high;    /* DRAM_ACTIVE or copy activity at or above is high; default 0.50 */
} gw_state_policy;

#define GW_STATE_POLICY_DEFAULT ((gw_state_policy){0.50, 0.50, 0.50})

/* 400 equal bins over 0..1, time-weighted: quantiles within 0.25 percentage points. */
#define GW_HIST_BINS 400
typedef struct gw_hist {
    float bin[GW_HIST_BINS]; /* GPU-milliseconds */
} gw_hist;

/* One measured quantity over time: its integral, the time known, the largest sample. Shares are 0..1. */
typedef struct gw_quantity {
    double integral; /* value × GPU-ms */
    double known;    /* GPU-ms with a valid sample */
    double peak;     /* largest single sample while held; < 0 where none was seen */
} gw_quantity;

typedef struct gw_stats {
    double allocated;                       /* GPU-ms held */
    double known;                           /* GPU-ms held and covered by the compute signal */
    double used;                            /* integral of compute over `known` */
    double by_signal[GW_N_COMPUTE_SIGNALS]; /* GPU-ms known by each signal */
    double states[GW_N_STATES];             /* GPU-ms in each state; sums to `allocated` */
    double memory_bound;                    /* GPU-ms with low compute and high DRAM or copy activity */
    double memory_bound_known;              /* GPU-ms for which that could be judged */
    gw_quantity compute;                    /* share of the unit */
    gw_quantity memory;                     /* framebuffer used / (used + free), share of the unit */
    gw_quantity memory_mib;                 /* framebuffer used, MiB of the unit */
    gw_quantity dram, copy, tensor;         /* DRAM_ACTIVE, MEM_COPY_UTIL, PIPE_TENSOR_ACTIVE: shares */
    gw_quantity power_watts;
    double window_mean_max; /* highest window mean of compute; < 0 unknown */
    double active_windows,
        known_windows; /* windows with any compute above 1 %, and windows known (counts, share-weighted) */
    gw_hist *compute_hist, *memory_hist; /* of window means; NULL while nothing is known */
    bool borrows; /* the histograms are those of another gw_stats, which outlives this: not freed with it, and
                     copied before a merge changes them */
    uint64_t samples;         /* compute samples read */
    int64_t first_ms, end_ms; /* wall time covered; {0,0} = none */
} gw_stats;

void gw_stats_init(gw_stats *s);
void gw_stats_free(gw_stats *s);
/* into += from. 0 or GW_ENOMEM (into is then unchanged). */
int gw_stats_merge(gw_stats *into, const gw_stats *from);
/* Quantile q (0..1) of a histogram: the upper edge of the bin where the cumulated weight reaches q; < 0 when
 * empty. */
double gw_hist_quantile(const gw_hist *h, double q);
static inline double gw_quantity_mean(const gw_quantity *q)
{
    return q->known > 0 ? q->integral / q->known : -1; /* < 0: unknown */
}
static inline double gw_stats_unknown(const gw_stats *s)
{
    return GW_MAX(0, s->allocated - s->known);
}

/* One XID error code on a unit. */
typedef struct gw_xid {
    uint32_t unit;
    uint32_t pod; /* who held it then; GW_NONE */
    int32_t code;
    uint32_t times; /* changes to this code */
    int64_t first_ms, last_ms;
} gw_xid;

/* How a pod came to be on a unit. */
typedef enum gw_hold_how {
    GW_HOLD_NAMED,      /* the exporter's series name the pod */
    GW_HOLD_REQUESTED,  /* the pod requests GPUs on the node; matched to GPUs by elimination */
    GW_HOLD_UNOBSERVED, /* requested, and no exporter reports the GPU */
} gw_hold_how;

typedef struct gw_hold {
    uint32_t unit, pod;
    gw_hold_how how;
    bool shared; /* others held the unit at the same time */
    gw_stats stats;
} gw_hold;

/* Time of a unit that nobody held: stats.allocated is the idle time known as such, unknown the rest. */
typedef struct gw_unit_usage {
    gw_stats idle;  /* held by none (allocated = idle GPU-ms; compute etc. as measured meanwhile) */
    double unknown; /* GPU-ms of which neither holder nor state is known */
    double paid;    /* GPU-ms this unit stands for: held + idle + unknown */
} gw_unit_usage;

/*
 * What one container of a pod asks for and used: of pods on GPU nodes, and of those that hold GPUs. A
 * container that was started again is the same one.
 */
typedef struct gw_container {
    uint32_t pod;
    const char *name;                                                     /* interned in the fleet's pool */
    int64_t cpu_request_milli, memory_request_mib, ephemeral_request_mib; /* GW_UNKNOWN_COUNT */
    bool oom_killed; /* kube-state-metrics told in the window of a kill for want of memory */
    gw_vpa_use use;
} gw_container;

/* One column of the utilisation heatmap. */
typedef struct gw_heat {
    float integral, known; /* compute × ms, ms */
} gw_heat;
#define GW_HEAT_COLUMNS 168

/* A statement of what is not known, for the report's "unknowns". */
typedef struct gw_unknown {
    const char *what, *why; /* interned in the fleet's pool */
    double gpu_ms;          /* < 0: not a matter of GPU time */
} gw_unknown;

typedef struct gw_usage {
    gw_interval window;   /* the report's window */
    gw_interval observed; /* the part of it that the source has any data of; {0,0}: not said, the window */
    gw_state_policy policy;
    gw_hold *holds;
    size_t n_holds, cap_holds;
    gw_unit_usage *units; /* parallel to fleet->units */
    size_t n_units, cap_units;
    int64_t
        *node_ms; /* parallel to fleet->nodes: ms of the window in which the node was there, and is paid */
    size_t n_nodes, cap_nodes;
    gw_heat (*heat)[GW_HEAT_COLUMNS]; /* parallel to fleet->gpus */
    size_t n_heat, cap_heat;
    gw_xid *xids;
    size_t n_xids, cap_xids;
    gw_unknown *unknowns;
    size_t n_unknowns, cap_unknowns;
    gw_map by_hold; /* (unit, pod) -> index */
    gw_container *containers;
    size_t n_containers, cap_containers;
    gw_map by_container; /* (pod, name) -> index */
    uint64_t samples_total, series_total;
    bool has_kube_state, has_cadvisor, has_dcgm; /* which families were seen at all */
} gw_usage;

/* What a rate is to be taken over: a window of 30 days on a source that keeps 15 says what 15 days cost. */
static inline gw_interval gw_usage_observed(const gw_usage *u)
{
    return gw_interval_ms(u->observed) > 0 ? u->observed : u->window;
}

/* For how long a node is paid. Of one that node_ms does not tell of (a usage that no fold has made), for as
 * long as it was seen. */
static inline int64_t gw_usage_node_ms(const gw_usage *u, const gw_fleet *f, uint32_t node)
{
    return node < u->n_nodes ? u->node_ms[node]
                             : gw_interval_ms(gw_interval_cut(f->nodes[node].seen, u->window));
}

void gw_usage_init(gw_usage *u, gw_interval window, gw_state_policy policy);
void gw_usage_free(gw_usage *u);
/* Finds or adds; GW_NONE when memory is exhausted. */
uint32_t gw_usage_hold(gw_usage *u, uint32_t unit, uint32_t pod);
/* Finds or adds; name is interned in the fleet's pool. GW_NONE when memory is exhausted. */
uint32_t gw_usage_container(gw_usage *u, uint32_t pod, const char *name);
/* Makes units[] and heat[] as long as the fleet's arrays. 0 or GW_ENOMEM. */
int gw_usage_fit(gw_usage *u, const gw_fleet *f);
/* Makes node_ms[] as long as the fleet's nodes; of new ones it says what gw_usage_node_ms says without it.
 * 0 or GW_ENOMEM. */
int gw_usage_fit_nodes(gw_usage *u, const gw_fleet *f);
/*
 * into += from, two usages of one fleet over windows that do not overlap: holds, units, heat (by time, into
 * the columns of into->window), node_ms, XIDs, and which families there are. Containers and notes are left
 * out: what is said of a whole is not the sum of what is said of its parts. GW_ENOMEM, with some of it done.
 */
int gw_usage_merge(gw_usage *into, const gw_usage *from, const gw_fleet *f);
/* A column of the heat map of a window, into the column of u's in which it begins. u is fit for the GPU. */
void gw_usage_add_heat(gw_usage *u, uint32_t gpu, gw_interval window, uint32_t column, gw_heat x);
/* Notes something that is not known. 0 or GW_ENOMEM. */
int gw_usage_note_unknown(gw_usage *u, gw_fleet *f, double gpu_ms, const char *what, const char *why);

#endif
