/*
 * Who exists in the sample fleet, and when. Internal to the demo source and its tests. Built once at open;
 * read-only afterwards. Texts and arrays live in the fleet's arena or in the static tables.
 */
#ifndef GW_OBSERVE_DEMO_FLEET_H
#define GW_OBSERVE_DEMO_FLEET_H

#include "base/map.h"
#include "base/mem.h"
#include "fleet/fleet.h"
#include "observe/demo.h"
#include "observe/demo_load.h"

#define DEMO_BEFORE (-1.0) /* a fraction of the window that means: two days before it */
#define DEMO_AFTER  2.0    /* ... two hours after it */

/* Kinds of top owners. */
typedef enum demo_kind {
    DEMO_BARE, /* a pod that nothing owns */
    DEMO_DEPLOYMENT,
    DEMO_ROLLOUT,
    DEMO_STATEFULSET,
    DEMO_DAEMONSET,
    DEMO_JOB,
    DEMO_CRONJOB,
    DEMO_RAYCLUSTER,
    DEMO_PYTORCHJOB,
} demo_kind;

/* --- the tables (demo_catalogue.c) --- */

typedef struct demo_cluster {
    const char *name, *region, *zone;
    gw_provider provider;
    int prometheis;       /* 2: a pair of Prometheus replicas, both read */
    bool exported_labels; /* honorLabels=false: namespace/pod/container are the exporter's own */
    bool new_exporter;    /* since 2026: `hostname`, pod_uid, err_code and err_msg on XID_ERRORS */
    bool container_disk;  /* its runtime tells cAdvisor what containers have written: CRI-O does, containerd
                             does not */
    bool container_ids;   /* cAdvisor series keep `id` and `name`, so a restart is a new series */
    bool pod_cgroups; /* cAdvisor series of the whole pod (container="") are kept beside the containers' */
    double gap_from, gap_to; /* Prometheus itself was away: lost, without a marker; equal: never */
} demo_cluster;
#define DEMO_N_CLUSTERS 4
extern const demo_cluster demo_clusters[DEMO_N_CLUSTERS];

enum {
    DEMO_NODE_NO_EXPORTER = 1, /* nothing reports its GPUs */
    DEMO_NODE_SM_ACTIVE = 2,   /* DCGM_FI_PROF_SM_ACTIVE is switched on */
    DEMO_NODE_NO_PROF = 4,     /* no DCGM_FI_PROF_* at all */
    DEMO_NODE_NAME_ONE = 8,    /* shared GPUs: one of the pods is named */
    DEMO_NODE_NAME_ALL = 16,   /* shared GPUs: every metric is repeated for each pod, with a vgpu label */
    DEMO_NODE_RENAMED = 32,    /* shared GPUs are offered as nvidia.com/gpu.shared */
    DEMO_NODE_TWO_JOBS = 64,   /* two scrape jobs read the same exporter */
    DEMO_NODE_SENTINELS = 128, /* an old exporter: blanks as huge numbers */
    DEMO_NODE_EKS_LABELS =
        256, /* a managed node group: eks.amazonaws.com/capacityType instead of Karpenter's */
};

typedef struct demo_mig {
    int gpu;
    const char *profile, *id;
    int64_t memory_mib;
} demo_mig;

/* A kind of machine. */
typedef struct demo_machine {
    const char *instance_type, *product, *model; /* product: GFD's label; model: the exporter's modelName */
    int gpus;
    int64_t fb_mib, fb_reserved_mib; /* of one GPU */
    int cpu;
    int64_t memory_gib;
    double idle_watts, max_watts; /* of one GPU */
} demo_machine;

typedef struct demo_node_row {
    const char *name;
    uint32_t cluster;
    uint32_t machine;
    gw_capacity capacity;
    gw_sharing sharing;
    int replicas;
    unsigned flags;
    double from, to;               /* life */
    double outage_from, outage_to; /* its exporter did not answer; equal: never */
    double restart;                /* its exporter restarted; 0 = never */
    double prof_stop;              /* PROF metrics stop, until that restart; 0 = never */
    const demo_mig *mig;           /* its units where they are not the whole GPUs */
    int n_mig;
} demo_node_row;

/* A workload: what its pods have in common. NULL texts: no such label. */
typedef struct demo_work {
    const char *ns, *name;
    demo_kind kind;
    const char *team, *project, *environment, *model, *version, *type, *cost_center, *sla, *optimization;
    double cpu, cpu_used; /* cores requested, and used on average (at most 1.4 times that) */
    double ram_gib, ram_used_gib;
    demo_load load;
} demo_work;

enum {
    DEMO_PLACE_NAMED = 1,       /* on a NAME_ONE node: the pod that the exporter names */
    DEMO_PLACE_NO_STATE = 2,    /* kube-state-metrics and the API do not show it */
    DEMO_PLACE_FAILED = 4,      /* ends as Failed */
    DEMO_PLACE_RESTARTED = 8,   /* its container restarts in the middle */
    DEMO_PLACE_OOM_KILLED = 16, /* ... after a kill for want of memory */
};

/* A pod, or for a CronJob one pod a day. */
typedef struct demo_place {
    const char *work; /* name of the workload */
    uint32_t node;    /* GW_NONE: pending for ever */
    unsigned units;   /* bit i: unit i of the node; of a pending pod: bits to count */
    double from, to;  /* life, as fractions of the window */
    double busy_to;   /* computes until then; 0 = to the end */
    unsigned flags;
    int ordinal;                 /* of a StatefulSet's pod */
    int linger_minutes;          /* how long the exporter goes on naming it after its end */
    int cron_hour, cron_minutes; /* CronJob: from that hour UTC, for so long, each day */
} demo_place;

typedef struct demo_event {
    uint32_t node, unit;
    double at;
    int xid;
    bool dies; /* the GPU is gone from then on */
} demo_event;

typedef struct demo_ns_row {
    const char *ns, *team, *cost_center, *environment; /* labels of the namespace; NULL = none */
} demo_ns_row;

extern const demo_machine demo_machines[];
extern const demo_node_row demo_node_rows[];
extern const size_t demo_n_node_rows; /* GW_DEMO_BASE_NODES GPU nodes, then CPU-only ones */
extern const demo_work demo_works[];
extern const size_t demo_n_works;
extern const demo_place demo_places[];
extern const size_t demo_n_places;
extern const demo_event demo_events[];
extern const size_t demo_n_events;
extern const demo_ns_row demo_ns_rows[];
extern const size_t demo_n_ns_rows;
/* Ordinary nodes beyond the base, repeated in turn (their name is what real names begin with), and what runs
 * on each; the works end with an empty one. */
extern const demo_node_row demo_more_nodes[];
extern const size_t demo_n_more_nodes;
extern const demo_work demo_more_works[];
extern const demo_place demo_more_places[]; /* their node is the new one */
extern const size_t demo_n_more_places;

/* --- the fleet (demo_fleet.c) --- */

typedef struct demo_kv {
    const char *name, *value;
} demo_kv;

#define DEMO_NODE_LABELS_MAX 24
#define DEMO_POD_LABELS_MAX  11

typedef struct demo_node {
    const demo_node_row *row;
    const demo_machine *machine;
    uint32_t cluster;
    const char *name, *provider_id;
    const char *instance[2], *exporter[2]; /* address and pod of the exporter, before and after its restart */
    uint64_t seed;
    gw_interval life, outage;
    int64_t restart_ms, prof_stop_ms; /* INT64_MAX = never */
    uint32_t first_unit, n_units;
    demo_kv labels[DEMO_NODE_LABELS_MAX];
    size_t n_labels;
} demo_node;

/* The time in which a unit's series carry this pod's name, or none. */
typedef struct demo_track {
    uint32_t pod; /* GW_NONE: no pod is named */
    int vgpu;     /* -1: no such label */
    gw_interval *spans;
    size_t n_spans;
} demo_track;

typedef struct demo_unit {
    uint32_t node;
    int gpu;
    const char *uuid, *gpu_text, *device, *pci_bus_id;
    const char *mig_profile, *mig_id; /* NULL: a whole GPU */
    int64_t fb_mib, fb_reserved_mib;
    uint64_t seed;
    int xid;        /* 0 = no error in the window */
    int64_t xid_ms; /* INT64_MAX = never */
    bool dies;
    uint32_t *pods; /* that are on it at any time, by start */
    size_t n_pods;
    demo_track *tracks;
    size_t n_tracks;
} demo_unit;

typedef struct demo_pod {
    const demo_work *work;
    const demo_place *place;
    uint32_t cluster, node; /* node GW_NONE: pending */
    const char *name, *uid, *ip;
    const char *owner_kind, *owner_name, *container;
    unsigned units;                        /* bits over the node's units */
    int gpus;                              /* how many of `resource` it requests; 0 = none */
    const char *resource, *state_resource; /* "nvidia.com/mig-1g.10gb", "nvidia_com_mig_1g_10gb" */
    uint64_t seed;
    int64_t created_ms;    /* the object appears, Pending */
    gw_interval life;      /* Running; empty for a pending pod */
    int64_t busy_until_ms; /* computes no longer than this */
    int64_t gone_ms;       /* the object disappears */
    int64_t restart_ms;    /* of its container; INT64_MAX = never */
    bool failed;
    demo_kv labels[DEMO_POD_LABELS_MAX];
    size_t n_labels;
} demo_pod;

/* ReplicaSet → Deployment, Job → CronJob and the tops, one for each cluster and name. */
typedef struct demo_owner {
    uint32_t cluster;
    const char *ns, *kind, *name, *owner_kind, *owner_name; /* NULL: it is the top */
    uint32_t pod;                                           /* one of its pods: its template's labels */
    gw_interval life;
} demo_owner;

typedef struct demo_fleet {
    gw_demo_options o;
    gw_interval extent;
    demo_node *nodes;
    demo_unit *units;
    demo_pod *pods;
    demo_owner *owners;
    size_t n_nodes, n_units, n_pods, n_owners;
    size_t cap_nodes, cap_units, cap_pods, cap_owners;
    gw_map by_owner;
    gw_arena arena;
    bool failed; /* an allocation failed while building */
} demo_fleet;

/* Zeroed on failure. */
int demo_fleet_init(demo_fleet *f, const gw_demo_options *o, gw_error *e);
void demo_fleet_free(demo_fleet *f);

/* The instant at this fraction of the window. */
int64_t demo_at(const gw_demo_options *o, double fraction);
/* SM activity of a pod on one of its units: 0 outside of its life and after it has stopped computing. */
double demo_pod_compute(const demo_fleet *f, uint32_t pod, uint32_t unit, int64_t t_ms);
/* The stream of draws for a pod on a unit. */
static inline uint64_t demo_pod_seed(const demo_pod *p, const demo_unit *u)
{
    return p->seed ^ demo_mix(u->seed);
}
static inline bool demo_in(gw_interval i, int64_t t_ms)
{
    return t_ms >= i.start_ms && t_ms < i.end_ms;
}

#endif
