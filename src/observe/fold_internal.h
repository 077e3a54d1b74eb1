/*
 * The fold's own types, shared by its five files and nobody else:
 *   fold.c         life cycle, and the loop over slices
 *   fold_series.c  labels → tracks and facts; what each metric family means
 *   fold_track.c   samples → windows of one series (the hot loop)
 *   fold_claims.c  end of a slice, first half: who held which unit when
 *   fold_containers.c  end of a slice: what containers used → histograms of VPA's kind
 *   fold_book.c    end of a slice, second half: windows × claims → sums
 */
#ifndef GW_OBSERVE_FOLD_INTERNAL_H
#define GW_OBSERVE_FOLD_INTERNAL_H

#include "base/buf.h"
#include "observe/fold.h"

#define BLOCK_WINDOWS 12 /* windows are allocated an hour at a time, where there are samples */
#define SLICE_MAX_MS  (24 * GW_HOUR_MS)
#define SLICE_MIN_MS  GW_HOUR_MS
#define SLICE_BYTES_MAX                                                                                      \
    ((size_t)320 << 20) /* of windows; a slice that needs more is read again, half as long */
#define INTERVALS_KEPT                                                                                       \
    64 /* the median interval is that of at most so many, spread evenly over the series                      \
        */
#define NODE_NAMES_MAX 6
#define INTERVAL_DEFAULT_MS                                                                                  \
    (30 * GW_SECOND_MS) /* dcgm-exporter's; for a slice in which no series has two samples */

/* One 5-minute window of one series. */
typedef struct window {
    double sum;  /* value × ms, in the metric's own unit */
    uint32_t ms; /* covered by valid samples */
    float max;
} window;

typedef struct span {
    int64_t start_ms, end_ms;
} span;

/* Days of the report, which begin with its window, that a slice can touch. */
#define SLICE_DAYS_MAX 2

/*
 * What a cAdvisor series has to say to VPA's histograms, within the slice: for CPU every rate, for memory and
 * disk the peak of each day.
 */
typedef struct container_part {
    gw_vpa_hist cpu; /* its weights are in the slice's arena */
    double minutes;  /* that rates cover */
    int64_t first_ms, last_ms;
    int64_t day_end_ms;          /* of the day in which the slice begins */
    double peak[SLICE_DAYS_MAX]; /* MiB, of that day and the next; < 0: none */
} container_part;

/* What a series measures. The compute signals come first, in gw_signal's order. */
typedef enum measure {
    M_SM_ACTIVE = GW_SIGNAL_SM_ACTIVE,
    M_GR_ENGINE_ACTIVE = GW_SIGNAL_GR_ENGINE_ACTIVE,
    M_GPU_UTIL = GW_SIGNAL_GPU_UTIL,
    M_FB_USED,
    M_FB_FREE,
    M_DRAM,
    M_COPY,
    M_TENSOR,
    M_POWER,
    M_XID,
    N_GPU_MEASURES,
    /* facts from kube-state-metrics: a value that holds while the series lasts */
    M_POD_INFO = N_GPU_MEASURES,
    M_POD_PHASE,
    M_POD_REQUEST,
    M_POD_FACT,  /* labels, owner: only that the pod exists */
    M_NODE_FACT, /* info, labels, allocatable */
    M_POD_OOM,   /* a container's last end was a kill for want of memory */
    /* cAdvisor */
    M_CPU_SECONDS,
    M_MEMORY_BYTES,
    M_DISK_BYTES,
} measure;

typedef struct track {
    struct track *next; /* in order of arrival */
    measure what;
    uint32_t order;
    /* cursor */
    int64_t last_ms;
    double last_value;
    bool open, last_valid, stale_end;
    double scale, low, high; /* value × scale is in the unit used here; valid when low <= value <= high */
    /* what has been seen */
    uint32_t intervals[INTERVALS_KEPT];
    uint32_t n_intervals, stride, until_next;
    uint32_t median_of; /* what intervals median_ms is of */
    int64_t median_ms;
    uint64_t samples; /* valid and not, within the slice */
    uint64_t invalid;
    span *spans; /* times that samples cover, valid or not; ascending, disjoint */
    uint32_t n_spans, cap_spans;
    window **blocks; /* NULL for facts */
    /* who: GPU series */
    const char *uuid, *gpu_index, *model, *mig_profile, *mig_id;
    const char *ns, *pod; /* "" = none named */
    bool bare_pod;        /* from "pod", not "exported_pod" */
    const char *job;      /* the scrape job: its cluster, prometheus and job labels */
    const char *cluster;  /* the "cluster" label; "" */
    const char *node_names[NODE_NAMES_MAX];
    uint32_t unit; /* resolved at the end of the slice */
    uint32_t pod_index;
    /* who: kube series */
    uint32_t subject; /* pod or node index */
    gw_phase phase;
    const char *container, *resource, *node_name;
    double fact; /* last valid value */
    /* cAdvisor */
    int64_t anchor_ms;
    double anchor_value, rate_max, rate_sum, rate_ms;
    container_part *part; /* NULL: of a pod that right-sizing is not about */
} track;

/* A pod (or GW_NONE: the exporter says that nobody) on a unit for a time. */
typedef struct claim {
    uint32_t pod;
    gw_hold_how how;
    int64_t start_ms, end_ms;
} claim;

/* What a slice knows about a pod from kube-state-metrics. */
typedef struct pod_slice {
    span active;                          /* scheduled and not ended; start == end: not in this slice */
    bool known;                           /* kube-state-metrics says anything about it */
    int64_t gpus;                         /* requested; 0 = none */
    uint32_t last_unit;                   /* that it was counted on, + 1 */
    uint32_t n_named;                     /* units on which the exporter names it */
    double cpu_max_milli, memory_max_mib; /* sums over containers; < 0 unknown */
} pod_slice;

/* Sums over slices that are not in gw_pod. */
typedef struct pod_sums {
    double cpu_integral, cpu_ms;
} pod_sums;

/* A node between slices. */
typedef struct node_state {
    bool in_kube; /* kube-state-metrics has told of it */
    bool seen;
    /* Windows in which kube-state-metrics told of others only: the first n_away of them lie between two times
     * that it was seen, so that it was not there, and is not paid; the others since it was last seen. */
    span *away;
    uint32_t n_away, n_spans, cap_spans;
} node_state;

/* Time of a unit that may yet turn out to belong to its last holder; of one hour where sums are by the hour.
 */
typedef struct lump {
    int64_t hour_ms; /* 0 where they are not */
    gw_stats idle;   /* reported, and nobody named */
    double unknown;  /* not reported, between two times that are; GPU-ms */
    /* not reported since the last time that is: only the next report makes it pending; by whether
     * kube-state-metrics answered meanwhile, and so would have told of a holder */
    double gap, dark;
} lump;

/* What became, in this slice, of lumps that earlier ones left. */
typedef enum lump_fate {
    LUMP_OPEN, /* nothing yet */
    LUMP_IDLE, /* nobody's */
    LUMP_HELD, /* the last holder's, which came back */
} lump_fate;

/* What goes on on a unit between slices. */
typedef struct unit_state {
    uint32_t last_holder;
    gw_hold_how last_how;
    bool seen;
    bool gaps;   /* a lump has time that nobody reported since */
    lump *lumps; /* in order of time */
    uint32_t n_lumps, cap_lumps;
    /* Where sums are by the hour: what earlier slices left, which belongs to somebody else and is not changed
     * here. */
    const lump *old;
    uint32_t n_old;
    lump_fate fate;
    bool reported;  /* since: their gaps are pending */
    bool fate_idle; /* of LUMP_HELD: what was reported as idle is the holder's, too */
    uint32_t fate_holder;
    gw_hold_how fate_how;
} unit_state;

/* Sums of a slice by the hour (UTC). */
typedef struct fold_hours {
    int64_t first_ms;
    size_t n;
    gw_usage *of;            /* the window of each is its whole hour */
    struct fold_hours *prev; /* of the slice before, where its sums are not final either; NULL */
} fold_hours;

struct gw_fold {
    gw_fleet *fleet;
    gw_usage *usage;
    /*
     * NULL: all sums go to usage. Else holds, units' time and heat go to the hours, and usage has the rest:
     * window, policy, containers, XIDs, and which families there are.
     */
    fold_hours *hours;
    const gw_map *held; /* likewise: (unit, pod) of earlier slices */
    gw_interval slice;
    int64_t base_ms; /* start of window 0: slice.start rounded down to the 5-minute grid */
    uint32_t n_windows, n_blocks;
    gw_arena arena;   /* of the slice */
    gw_map by_series; /* of the slice: label bytes → index into tracks */
    track **tracks;
    size_t n_tracks, cap_tracks;
    gw_series_sink sink;
    gw_map exporting; /* scrape jobs with exported_pod: a bare "pod" in them is the exporter's own */
    gw_map naming;    /* scrape jobs that have named a pod: only their silence says that nobody holds a GPU */
    gw_xid *xids;     /* of the slice: `unit` is the number of the track until they are settled */
    size_t n_xids, cap_xids;
    int64_t
        reading_ms;  /* what is being read begins there: with the slice, or later where it is read in parts */
    int64_t lost_ms; /* containers whose pods came to be known late are to be read from there; INT64_MAX */
    uint64_t slice_samples, slice_series; /* of the slice: a slice that is read again counts once */
    uint64_t *node_windows;  /* of the slice: per node a bit for each window in which anything is about it */
    uint64_t *board_windows; /* of the slice: per GPU, two rows: any series; a MIG instance's series */
    uint64_t
        *kube_windows; /* of the slice: per cluster, windows in which kube-state-metrics tells of any node */
    gw_map clusters;   /* "cluster" label → row of kube_windows */
    size_t window_words;   /* 64-bit words of one such row */
    gw_interval kube_seen; /* of the slice: kube-state-metrics answered from .. to */
    span *requests_seen;   /* of the slice: when it said what pods request, without which it knows no holder;
                              ascending, disjoint */
    size_t n_requests_seen;
    int64_t typical_ms;
    gw_interval *node_seen; /* of the slice, parallel to fleet->nodes */
    size_t cap_node_seen;
    pod_slice *pods; /* of the slice, parallel to fleet->pods */
    size_t cap_pods;
    pod_sums *sums;
    size_t n_sums, cap_sums;
    size_t n_claimed;  /* units that the slice's claims speak of */
    unit_state *units; /* parallel to fleet->units */
    size_t n_units, cap_units;
    node_state *nodes; /* parallel to fleet->nodes */
    size_t n_nodes, cap_nodes;
};

/* fold_claims.c: whether kube-state-metrics said all through [start, end) what pods request. */
bool gw_fold_requests_known(const gw_fold *f, int64_t start, int64_t end);
/* fold_claims.c: the row of a node's cluster. NULL where kube-state-metrics told of none of its nodes. */
const uint64_t *gw_fold_kube_row(const gw_fold *f, const char *cluster);

static inline bool window_bit(const uint64_t *row, uint32_t w)
{
    return row[w / 64] >> (w % 64) & 1;
}

/* The row of a GPU: 0 = any series, 1 = a MIG instance's. */
static inline uint64_t *board_row(const gw_fold *f, uint32_t gpu, int which)
{
    return f->board_windows + ((size_t)gpu * 2 + (size_t)which) * f->window_words;
}

static inline int64_t hour_of(int64_t t_ms)
{
    return t_ms - ((t_ms % GW_HOUR_MS) + GW_HOUR_MS) % GW_HOUR_MS;
}

/* Where what happens at t_ms goes. */
static inline gw_usage *sums_at(const gw_fold *f, int64_t t_ms)
{
    const fold_hours *h = f->hours;
    while (h && t_ms < h->first_ms)
        h = h->prev;
    return h ? &h->of[(size_t)(t_ms - h->first_ms) / GW_HOUR_MS] : f->usage;
}

/* Up to when what happens from t_ms on goes to the same place. */
static inline int64_t sums_until(const gw_fold *f, int64_t t_ms, int64_t end_ms)
{
    return f->hours ? GW_MIN(end_ms, hour_of(t_ms) + GW_HOUR_MS) : end_ms;
}

/* fold.c: makes the units of all sums as many as the fleet's. GW_ENOMEM. */
int gw_fold_fit_sums(gw_fold *f, gw_error *e);
/* fold.c: turns the slice's windows into sums; they stay. */
int gw_fold_sum(gw_fold *f, gw_error *e);
/* fold.c: the most boards that each node had at one time, into count[], parallel to fleet->nodes. */
int gw_fold_count_boards(const gw_fleet *fl, int64_t *count, gw_error *e);
/* fold.c: physical GPUs of a node on which so many were seen at one time. */
int64_t gw_fold_physical_gpus(const gw_node *n, int64_t seen);
/* What part of a unit's time remains when so much of it is taken off; less than a millisecond is nothing. */
static inline double keep_of(double paid_ms, double excess_ms)
{
    return paid_ms - excess_ms < 1 ? 0 : 1 - excess_ms / paid_ms;
}
/* fold.c: a line for GPUs of a node that no unit accounts for: of missing_ms out of all_ms. */
int gw_fold_note_missing(gw_usage *u, gw_fleet *fl, uint32_t node, bool any_seen, double missing_ms,
                         double all_ms, gw_error *e);
/* fold.c: what part of usage->window there are data of, into usage->observed; and a line where it is not all.
 */
int gw_fold_note_observed(gw_usage *u, gw_fleet *fl, gw_error *e);
/* fold.c: ms within the window in which a node was known not to be there. */
int64_t gw_fold_away_ms(const node_state *n, gw_interval within);

/* fold.c: makes nodes[] as long as the fleet's. */
int gw_fold_fit_nodes(gw_fold *f, gw_error *e);
/* fold.c: fails for want of room in the slice's arena; GW_ELIMIT has the slice read again, half as long. */
int gw_fold_no_room(const gw_fold *f, gw_error *e);

/* fold_track.c */
int gw_fold_track_samples(gw_fold *f, track *k, const int64_t *t_ms, const double *value, size_t n,
                          gw_error *e);
/* Ends the track: the last sample holds for one median interval, or up to its stale marker. */
int gw_fold_track_close(gw_fold *f, track *k, gw_error *e);
/* The median of the kept intervals; 0 where there are none. */
int64_t gw_fold_track_interval(track *k);
static inline const window *track_window(const track *k, uint32_t w)
{
    const window *b = k->blocks ? k->blocks[w / BLOCK_WINDOWS] : NULL;
    return b ? &b[w % BLOCK_WINDOWS] : NULL;
}

/* fold_series.c */
int gw_fold_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e);

/* fold_claims.c: resolves every track's subject; fills f->pods and f->node_seen; then claims of every unit.
 */
typedef struct unit_claims {
    claim *claims; /* sorted by start */
    size_t n, cap;
    track **tracks; /* of this unit, sorted by (pod, measure, order) */
    size_t n_tracks, cap_tracks;
} unit_claims;
int gw_fold_claims(gw_fold *f, unit_claims **ret,
                   gw_error *e); /* fleet->n_units of them, in the slice's arena */

/* fold_containers.c: whether anything is to be gathered for right-sizing; then k->part is made. */
int gw_fold_container_begin(gw_fold *f, track *k, gw_error *e);
/* A rate of CPU use over [from, to), in milli-cores. */
int gw_fold_container_rate(gw_fold *f, track *k, int64_t from, int64_t to, double milli, gw_error *e);
/* What the slice's series say, into usage->containers. After gw_fold_claims. */
int gw_fold_containers(gw_fold *f, gw_error *e);

/* A reading of memory or disk. */
static inline void container_level(const gw_fold *f, container_part *p, int64_t t_ms, double mib)
{
    if (t_ms < f->slice.start_ms || t_ms >= f->slice.end_ms)
        return;
    double *peak = &p->peak[t_ms >= p->day_end_ms];
    *peak = GW_MAX(*peak, mib);
}

/* fold_book.c */
int gw_fold_book(gw_fold *f, const unit_claims *claims, gw_error *e);
/* What is pending on the unit is nobody's. */
int gw_fold_flush_pending(gw_fold *f, uint32_t unit, gw_error *e);
/* An old lump of a unit goes where its fate says; without one it is idle. GW_ENOMEM. */
int gw_fold_apply_lump(gw_usage *to, uint32_t unit, const unit_state *st, const lump *l);
/*
 * What is too little in each hour and what is too much in others: the latter is taken off the former, of
 * later hours first, and `debt` likewise. Leaves in d[] what is too little, and returns its sum; < 0 where on
 * the whole there is too much.
 */
double gw_fold_even_out(double *d, size_t n, double debt);

#endif
