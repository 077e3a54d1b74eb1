/*
 * The fleet: what exists, and when. Nodes, GPUs, the units that are handed out (a whole GPU or one MIG
 * instance of it), pods and their owners, namespaces, labels. Nothing here does I/O.
 *
 * Everything is held by index (uint32_t, GW_NONE for "none"), which stays valid while the fleet lives;
 * pointers into the arrays do not survive an add. Strings are interned in the fleet's pool. A count or size
 * that nobody reported is -1 (GW_UNKNOWN_COUNT), never 0.
 */
#ifndef GW_FLEET_FLEET_H
#define GW_FLEET_FLEET_H

#include "base/base.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/time.h"

#define GW_UNKNOWN_COUNT ((int64_t)-1)

/* Most things of each kind that one fleet holds: beyond is GW_ELIMIT, with a message. */
#define GW_FLEET_MAX_NODES 100000
#define GW_FLEET_MAX_GPUS  1000000
#define GW_FLEET_MAX_UNITS 4000000
#define GW_FLEET_MAX_PODS  4000000

typedef enum gw_capacity {
    GW_CAPACITY_UNKNOWN,
    GW_CAPACITY_ON_DEMAND,
    GW_CAPACITY_SPOT,
    GW_CAPACITY_RESERVED,
} gw_capacity;

/* "unknown", "on-demand", "spot", "reserved" */
const char *gw_capacity_name(gw_capacity c);

typedef enum gw_provider {
    GW_PROVIDER_UNKNOWN,
    GW_PROVIDER_AWS,
    GW_PROVIDER_AZURE,
    GW_PROVIDER_GCP,
    GW_PROVIDER_ON_PREM,
} gw_provider;

/* "unknown", "aws", "azure", "gcp", "on-premises" */
const char *gw_provider_name(gw_provider p);

typedef enum gw_sharing {
    GW_SHARING_NONE,
    GW_SHARING_TIME_SLICING,
    GW_SHARING_MPS,
} gw_sharing;

/*
 * Labels of a Kubernetes object. kube-state-metrics writes "model-name" as "label_model_name" and
 * "costCenter" as "label_cost_center" (every byte outside [A-Za-z0-9_] becomes '_', a '_' goes between a
 * small letter or digit and a capital, then all is lower case), so two names are the same label where it
 * spells them the same; the spelling from the Kubernetes API wins when both are known. An object keeps its
 * first 512 labels.
 */
typedef struct gw_kv {
    const char *name, *value; /* interned */
} gw_kv;

typedef struct gw_labels {
    gw_kv *kv; /* sorted by nothing: in order of arrival; owned */
    uint32_t n, cap;
} gw_labels;

/* The value, or NULL where there is no such label. */
const char *gw_labels_get(const gw_labels *l, const char *name);
bool gw_label_name_eq(const char *a, const char *b);

/* What a node keeps pods off with; see fleet/rules.h. */
typedef enum gw_taint_effect {
    GW_TAINT_NO_SCHEDULE,
    GW_TAINT_PREFER_NO_SCHEDULE,
    GW_TAINT_NO_EXECUTE,
} gw_taint_effect;

typedef struct gw_taint {
    const char *key, *value; /* interned; value "" where it has none */
    gw_taint_effect effect;
} gw_taint;

typedef struct gw_node {
    const char *name;
    const char *cluster; /* the series' "cluster" label, where several clusters share a Prometheus; NULL */
    const char *instance_type, *region, *zone; /* NULL where unknown */
    const char *provider_id;                   /* "aws:///us-east-1a/i-0abc", NULL where unknown */
    const char *gpu_product;                   /* nvidia.com/gpu.product or the exporter's modelName, NULL */
    gw_provider provider;
    gw_capacity capacity;
    gw_sharing sharing;
    int64_t gpu_count;             /* physical GPUs; GW_UNKNOWN_COUNT */
    bool gpu_count_guessed;        /* gpu_count is what was seen: neither a label nor allocatable said it */
    int64_t gpu_memory_mib;        /* of one GPU; GW_UNKNOWN_COUNT */
    int64_t replicas;              /* pods that share one GPU by time-slicing or MPS; 1 = not shared */
    int64_t allocatable_gpus;      /* nvidia.com/gpu as the node offers it: counts replicas, not GPUs;
                                      GW_UNKNOWN_COUNT */
    int64_t cpu_milli, memory_mib; /* allocatable; GW_UNKNOWN_COUNT */
    int64_t ephemeral_mib;         /* allocatable ephemeral-storage; GW_UNKNOWN_COUNT */
    int64_t max_pods;              /* how many pods the kubelet takes; GW_UNKNOWN_COUNT */
    bool managed_control_plane;    /* EKS, GKE or AKS runs this cluster's control plane */
    bool schedulable;              /* not cordoned, as the API said; true where unknown */
    bool in_api;                   /* the Kubernetes API listed it */
    bool rules_known;              /* taints and keep are what the API said; else nobody knows */
    gw_taint *taints;              /* owned by the fleet */
    uint32_t n_taints;
    const char
        *keep; /* why it must not be taken away, as "it has the annotation …"; NULL = nothing says so */
    gw_interval seen;   /* first sample to last sample plus hold, of any series about it; {0,0} = never */
    int64_t created_ms; /* creationTimestamp; 0 = unknown */
    gw_labels labels;
} gw_node;

typedef struct gw_gpu {
    const char *uuid;
    uint32_t node;      /* GW_NONE while unknown */
    int32_t index;      /* the exporter's "gpu" label; -1 unknown */
    const char *model;  /* modelName, NULL */
    int64_t memory_mib; /* total framebuffer; GW_UNKNOWN_COUNT */
    bool mig;           /* at least one MIG instance was seen on it */
    gw_interval seen;   /* first sample to last plus hold, of any series */
} gw_gpu;

/* What the scheduler hands out: a whole GPU, a MIG instance, or a node's GPUs that no exporter reports. */
typedef struct gw_unit {
    uint32_t gpu;            /* GW_NONE for the unobserved GPUs of a node */
    uint32_t node;           /* GW_NONE while unknown */
    const char *mig_profile; /* "1g.10gb"; NULL for a whole GPU */
    const char *mig_id;      /* GPU_I_ID; NULL for a whole GPU */
    double weight;           /* its share of the board: 1, or compute slices / the board's compute slots */
    int64_t memory_mib;      /* framebuffer of this unit; GW_UNKNOWN_COUNT */
} gw_unit;

typedef enum gw_phase {
    GW_PHASE_UNKNOWN,
    GW_PHASE_PENDING,
    GW_PHASE_RUNNING,
    GW_PHASE_SUCCEEDED,
    GW_PHASE_FAILED
} gw_phase;

typedef enum gw_gpu_resource {
    GW_RESOURCE_NONE,
    GW_RESOURCE_GPU,        /* nvidia.com/gpu */
    GW_RESOURCE_GPU_SHARED, /* nvidia.com/gpu.shared */
    GW_RESOURCE_MIG,        /* nvidia.com/mig-... */
} gw_gpu_resource;

typedef struct gw_pod {
    const char *ns, *name;
    const char *cluster;                 /* as of gw_node */
    const char *uid;                     /* NULL unknown */
    uint32_t node;                       /* GW_NONE: not scheduled, or unknown */
    const char *owner_kind, *owner_name; /* the direct owner: ReplicaSet, Job ...; NULL unknown */
    const char *workload_kind,
        *workload_name; /* the top of the chain, from gw_fleet_resolve_owners; NULL unknown */
    gw_phase phase;     /* at the end of the window */
    gw_gpu_resource resource;
    const char *mig_resource; /* "1g.10gb" for GW_RESOURCE_MIG; NULL */
    int64_t gpus;             /* how many of the resource it requests; GW_UNKNOWN_COUNT */
    int64_t cpu_request_milli, memory_request_mib;  /* over all containers; GW_UNKNOWN_COUNT */
    int64_t ephemeral_request_mib;                  /* likewise */
    double cpu_used_max_milli, memory_used_max_mib; /* cAdvisor, over all containers; < 0 unknown */
    double cpu_used_mean_milli;                     /* < 0 unknown */
    gw_interval
        active; /* first to last sample (plus hold) that says it is scheduled and not ended; {0,0} = none */
    gw_interval info; /* first to last sample (plus hold) of any kube-state-metrics series about it */
    bool in_api;      /* the Kubernetes API listed it */
    uint32_t rules;   /* into gw_fleet.rules (fleet/rules.h); GW_NONE: nobody knows them */
    /* The KAI scheduler's annotations gpu-fraction and gpu-memory; GW_UNKNOWN_COUNT: none, or nobody knows */
    int64_t kai_fraction_milli, kai_memory_mib;
    int64_t created_ms, started_ms; /* creationTimestamp, status.startTime; 0 = unknown */
    gw_labels labels;
} gw_pod;

/* An owner link: ReplicaSet -> Deployment, Job -> CronJob, and so on. */
typedef struct gw_owner {
    const char *ns, *kind, *name;
    const char *owner_kind, *owner_name; /* NULL: the top */
    gw_labels labels;                    /* labels of the object itself, then of its pod template */
} gw_owner;

/* What the scheduler and eviction enforce: fleet/rules.h. */
typedef struct gw_pod_rules gw_pod_rules;
typedef struct gw_budget gw_budget;

typedef struct gw_fleet {
    gw_pool pool;
    gw_node *nodes;
    size_t n_nodes, cap_nodes;
    gw_gpu *gpus;
    size_t n_gpus, cap_gpus;
    gw_unit *units;
    size_t n_units, cap_units;
    gw_pod *pods;
    size_t n_pods, cap_pods;
    gw_owner *owners;
    size_t n_owners, cap_owners;
    gw_labels *ns_labels; /* parallel to ns_names */
    const char **ns_names;
    size_t n_ns, cap_ns;
    gw_map by_node, by_uuid, by_unit, by_pod, by_owner, by_ns;

    gw_pod_rules *rules; /* fleet/rules.h; several pods share one */
    size_t n_rules, cap_rules;
    gw_budget *budgets;
    size_t n_budgets, cap_budgets;
    /* Whether the list could be read; false: there may be any number of them. */
    bool budgets_known, volumes_known, claims_known, namespaces_known;
    struct gw_volume *volumes;
    size_t n_volumes, cap_volumes;
    struct gw_claim *claims;
    size_t n_claims, cap_claims;
    gw_map by_rules, by_budget, by_volume, by_claim;
    gw_arena rule_parts; /* what rules, budgets, volumes and nodes' taints point to */
} gw_fleet;

void gw_fleet_init(gw_fleet *f);
void gw_fleet_free(gw_fleet *f);

/* Each finds the thing or adds an empty one ("unknown" in every field); GW_NONE on failure, with *e filled.
 */
uint32_t gw_fleet_node(gw_fleet *f, gw_str name, gw_error *e);
uint32_t gw_fleet_gpu(gw_fleet *f, gw_str uuid, gw_error *e);
/* profile and id empty: the whole GPU. gpu == GW_NONE: the unobserved GPUs of `node`. */
uint32_t gw_fleet_unit(gw_fleet *f, uint32_t gpu, uint32_t node, gw_str mig_profile, gw_str mig_id,
                       gw_error *e);
uint32_t gw_fleet_pod(gw_fleet *f, gw_str ns, gw_str name, gw_error *e);
uint32_t gw_fleet_owner(gw_fleet *f, gw_str ns, gw_str kind, gw_str name, gw_error *e);
uint32_t gw_fleet_namespace(gw_fleet *f, gw_str ns, gw_error *e);
/*
 * The same in one cluster of several: two clusters may each have a node or a pod of one name. What is known
 * without a cluster (from the Kubernetes API) is the first cluster's that claims it. cluster empty: as above,
 * whichever cluster's came first.
 */
uint32_t gw_fleet_node_in(gw_fleet *f, gw_str cluster, gw_str name, gw_error *e);
uint32_t gw_fleet_pod_in(gw_fleet *f, gw_str cluster, gw_str ns, gw_str name, gw_error *e);
uint32_t gw_fleet_find_node_in(const gw_fleet *f, gw_str cluster, gw_str name);
uint32_t gw_fleet_find_pod_in(const gw_fleet *f, gw_str cluster, gw_str ns, gw_str name);
/* Look-ups that never add; GW_NONE where it does not exist. */
uint32_t gw_fleet_find_node(const gw_fleet *f, gw_str name);
uint32_t gw_fleet_find_pod(const gw_fleet *f, gw_str ns, gw_str name);
uint32_t gw_fleet_find_owner(const gw_fleet *f, gw_str ns, gw_str kind, gw_str name);

/* Interned copy; NULL only when memory is exhausted. */
const char *gw_fleet_intern(gw_fleet *f, gw_str s);
/* Sets or replaces a label. replace=false keeps a value that is there. 0 or GW_ENOMEM. */
int gw_fleet_label(gw_fleet *f, gw_labels *l, gw_str name, gw_str value, bool replace);

/* Whether it has GPUs, by whatever says so; false also where nobody said anything. */
bool gw_node_has_gpus(const gw_node *n);

/* Widens *seen to cover [start, end). */
void gw_interval_cover(gw_interval *seen, int64_t start_ms, int64_t end_ms);

/*
 * Reads what the labels of a node say (instance type, region, zone, capacity type, provider, GPU product,
 * count, memory, replicas, sharing) into its fields. Call after labels change. Well-known labels of
 * Kubernetes, Karpenter, EKS, GKE, AKS and NVIDIA's gpu-feature-discovery.
 */
void gw_node_read_labels(gw_fleet *f, gw_node *n);

/*
 * Follows owner links to the top for every pod (bounded depth, loops cut), and fills workload_kind/name. A
 * ReplicaSet that nothing is known of and whose name ends in a pod-template hash is taken as its Deployment.
 * 0 or GW_ENOMEM, with some pods done.
 */
int gw_fleet_resolve_owners(gw_fleet *f);

/* The MIG share of a board: compute slices of the profile / the board's compute slots; 0 when the profile is
 * not known. Source: NVIDIA MIG user guide; model is the exporter's modelName (decides 7 or 4 slots). */
double gw_mig_weight(const char *model, const char *profile);
/* Memory of a profile in MiB ("1g.10gb" -> 10 GiB as the name says it), GW_UNKNOWN_COUNT where it has no such
 * part. */
int64_t gw_mig_memory_mib(const char *profile);

#endif
