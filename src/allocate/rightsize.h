/*
 * Right-sizing: what the pods on GPU nodes should request of CPU, memory and ephemeral storage, so that they
 * stop blocking room beside GPUs. The method is the Vertical Pod Autoscaler's (fleet/vpa.h); what is added
 * here is which recommendations hold.
 *
 * A row is a workload: the top of its pods' owners, or a bare pod. As in VPA the containers of one name in
 * all its pods share a histogram, also those of pods that ended in the window; the pod's figures are sums
 * over the containers that its present template has.
 *
 * More careful than VPA, since a killed GPU pod loses far more than the memory was worth:
 *   - memory and ephemeral storage are never recommended below the largest reading of the window, whatever
 * P90 says (raised_to_peak);
 *   - after a kill for want of memory, memory is at least what VPA makes of such a kill, and never less than
 *     is requested now (raised_for_oom, GW_RIGHTSIZE_OOM);
 *   - ephemeral storage is never lowered: container_fs_usage_bytes covers a container's writable layer, not
 *     its emptyDir volumes, which count against the request as well. It is there with Docker and CRI-O and
 *     missing with containerd; then it is not measured;
 *   - a row rests on a day of data (confidence_min), or says so and recommends nothing.
 *
 * No I/O. Everything returned lives in the arena or in the fleet. The same input gives the same bytes.
 */
#ifndef GW_ALLOCATE_RIGHTSIZE_H
#define GW_ALLOCATE_RIGHTSIZE_H

#include "fleet/usage.h"
#include "format/doc.h"

/* Why a recommendation is held back, or that it is not; in the order in which they are looked at. */
typedef enum gw_rightsize_hold {
    GW_RIGHTSIZE_GO,              /* set `recommended` */
    GW_RIGHTSIZE_NOT_MEASURED,    /* of some container nothing is known */
    GW_RIGHTSIZE_REQUEST_UNKNOWN, /* nobody said what is requested now */
    GW_RIGHTSIZE_MIXED,           /* its pods do not request alike: roles of one job, or a rollout */
    GW_RIGHTSIZE_CONFIDENCE,      /* too little data */
    GW_RIGHTSIZE_AUTOSCALED,      /* an HPA scales on the share of this request that is used */
    GW_RIGHTSIZE_OOM,             /* less would be asked for, after a kill for want of memory */
    GW_RIGHTSIZE_PARTIAL,         /* less would be asked for, and volumes are not measured */
    GW_RIGHTSIZE_CLOSE,           /* within a tenth of the request: VPA's updater would not act either */
    GW_N_RIGHTSIZE_HOLDS,
} gw_rightsize_hold;

/* "go", "not-measured", "request-unknown", "mixed", "confidence", "autoscaled", "oom", "partial", "close" */
const char *gw_rightsize_hold_name(gw_rightsize_hold h);
/* A sentence for people; "" for GO. */
const char *gw_rightsize_hold_why(gw_rightsize_hold h);

/* One resource, in milli-cores or MiB, rounded up. GW_UNKNOWN_COUNT where not known. */
typedef struct gw_rightsize_field {
    int64_t request;              /* now, of one pod or container */
    int64_t target, lower, upper; /* VPA's, before anything that this module adds; upper unknown: unbounded */
    int64_t peak;                 /* largest reading of the window */
    int64_t recommended;          /* what to set; equal to request where it is held back */
    gw_rightsize_hold hold;
    bool raised_to_peak, raised_for_oom; /* `target` was too little */
} gw_rightsize_field;

typedef enum gw_rightsize_resource {
    GW_RIGHTSIZE_CPU,
    GW_RIGHTSIZE_MEMORY,
    GW_RIGHTSIZE_EPHEMERAL,
    GW_N_RIGHTSIZE_RESOURCES,
} gw_rightsize_resource;

typedef struct gw_rightsize_container {
    const char *name;
    double confidence; /* VPA's: about the days of data; 0 without CPU samples */
    bool oom_killed;
    gw_rightsize_field of[GW_N_RIGHTSIZE_RESOURCES]; /* `hold` is the row's */
} gw_rightsize_container;

typedef struct gw_rightsize_row {
    const char *ns, *kind, *name; /* kind "Pod" for a bare one */
    const char *cluster;          /* NULL: only one, or not said */
    gw_rightsize_field of[GW_N_RIGHTSIZE_RESOURCES];
    double confidence;                  /* of the container with the least */
    double samples;                     /* its CPU samples, of a minute each */
    gw_interval window;                 /* from the first to the last CPU sample of any; {0,0}: none */
    const uint32_t *pods;               /* those that run at the end of the window, on GPU nodes */
    uint32_t n_pods, n_ended;           /* n_ended: its others of the window: ended, or waiting for a node */
    gw_rightsize_container *containers; /* sorted by name */
    uint32_t n_containers;
    bool autoscaling_unknown; /* nobody can say whether an HPA scales it: check before CPU is changed */
} gw_rightsize_row;

/* What a node gets back when every GO is done: the sum over its running pods of request − recommended.
 * Negative where more is asked for than now. */
typedef struct gw_rightsize_node {
    uint32_t node;
    int64_t cpu_milli, memory_mib, ephemeral_mib;
    uint32_t pods; /* whose requests change */
} gw_rightsize_node;

typedef struct gw_rightsize_result {
    gw_rightsize_row *rows; /* sorted by namespace, kind, name, cluster */
    size_t n_rows;
    gw_rightsize_node *nodes; /* those with pods whose requests change; sorted by name, cluster */
    size_t n_nodes;
} gw_rightsize_result;

/* What an HPA (or another autoscaler) does with a workload. */
enum { GW_SCALES_ON_CPU = 1, GW_SCALES_ON_MEMORY = 2, GW_SCALES_UNKNOWN = 4 };

typedef struct gw_rightsize_input {
    const gw_fleet *fleet; /* owners are resolved */
    const gw_usage *usage;
    double confidence_min;    /* 0: 0.9, a window of 24 h with the odd sample missing */
    double memory_peak_share; /* most of the recommended memory that the recorded peak may take, 0..1; 0: 1 */
    /* Bits of GW_SCALES_…; NULL: unknown of all. */
    unsigned (*autoscaled)(void *ctx, const char *ns, const char *kind, const char *name);
    void *autoscaled_ctx;
} gw_rightsize_input;

/* *ret is untouched on failure, which is GW_ENOMEM. */
int gw_rightsize(const gw_rightsize_input *in, gw_arena *arena, gw_rightsize_result *ret, gw_error *e);

/* Whether a VerticalPodAutoscaler can be written for it: it has a controller of a kind whose API is known. */
bool gw_rightsize_has_vpa(const gw_rightsize_row *r);

/*
 * The object autoscaling.k8s.io/v1 VerticalPodAutoscaler with updateMode "Off": it recommends and changes
 * nothing. Its bounds, for each container, are VPA's lower and upper over the row's containers, memory not
 * under a recorded peak. Writes one object at the writer's place (key NULL). GW_EINTERNAL where there is none
 * to write.
 */
int gw_rightsize_write_vpa(gw_doc *d, const gw_rightsize_row *r, gw_error *e);

#endif
