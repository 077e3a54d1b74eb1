/*
 * What Kubernetes' scheduler and its eviction would enforce on a pod: where it may run, next to whom, and
 * whether it may be taken from where it is. A plan must not break any of it.
 *
 * Where each part comes from:
 *   nodes          https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
 *   taints         https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
 *   spread         https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 *   budgets        https://kubernetes.io/docs/tasks/run-application/configure-pdb/
 *   disruption     https://karpenter.sh/docs/concepts/disruption/
 *                  https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
 * Only what is required counts; preferences ("preferredDuringScheduling…", ScheduleAnyway, PreferNoSchedule)
 * may be broken, and are not kept, but for the taint, which is.
 *
 * Unknown is not permission. A pod that the API did not show has gw_pod.rules == GW_NONE: nothing is known,
 * it must stay where it is. What a pod has, but in a form that is not understood, or whose other half (a
 * volume, a list of namespaces) could not be read, is in `stays`.
 *
 * Memory: pods of one template share one entry of gw_fleet.rules. Everything that an entry points to belongs
 * to the fleet, does not change after gw_fleet_resolve_rules, and dies with the fleet; a copy of a fleet may
 * point to the original's while that lives. Texts are interned in the fleet's pool.
 */
#ifndef GW_FLEET_RULES_H
#define GW_FLEET_RULES_H

#include "fleet/fleet.h"

/* Bounds of one pod's rules; beyond is GW_ELIMIT. etcd's limit on an object ends before most of them. */
#define GW_RULES_MAX_ITEMS   1024              /* terms, requirements, values, tolerations ... of one list */
#define GW_RULES_MAX_BYTES   ((size_t)4 << 20) /* of one pod's, texts and all */
#define GW_FLEET_MAX_RULES   GW_FLEET_MAX_PODS
#define GW_FLEET_MAX_BUDGETS 1000000
#define GW_FLEET_MAX_VOLUMES 4000000

/* ---- matching labels ---- */

typedef enum gw_match_op {
    GW_MATCH_IN,
    GW_MATCH_NOT_IN, /* holds where there is no such label, too */
    GW_MATCH_EXISTS,
    GW_MATCH_MISSING, /* DoesNotExist */
    GW_MATCH_GT,      /* both sides are integers, or it does not hold */
    GW_MATCH_LT,
} gw_match_op;

typedef struct gw_match {
    const char *key;
    gw_match_op op;
    const char *const *values;
    uint32_t n;
    bool field; /* not a label but the object's metadata.name (matchFields) */
} gw_match;

/*
 * Requirements that must all hold. Without any, everything matches, as with an empty label selector; unless
 * `nothing`: then nothing does, as with an absent label selector or an empty term of a node affinity.
 */
typedef struct gw_match_term {
    const gw_match *all;
    uint32_t n;
    bool nothing;
} gw_match_term;

/* Terms of which one must match; without any, nothing does. */
typedef struct gw_match_alternatives {
    const gw_match_term *any;
    uint32_t n;
} gw_match_alternatives;

/* name: of the object, for `field`; NULL where it does not matter. Names of labels are compared exactly,
 * unlike in gw_labels_get: what the API said is meant, not what kube-state-metrics makes of it. */
bool gw_match_labels(const gw_match_term *t, const gw_labels *l, const char *name);
/* The value of exactly this label; NULL where there is none. */
const char *gw_labels_exact(const gw_labels *l, const char *name);

/* ---- what a pod asks for ---- */

typedef struct gw_toleration {
    const char *key;   /* NULL: of every key */
    const char *value; /* NULL: of every value (Exists) */
    bool any_effect;
    gw_taint_effect effect;
    bool limited; /* for a time only (tolerationSeconds, which NoExecute alone has) */
} gw_toleration;

/*
 * A required term of pod affinity or anti-affinity: it speaks of the pods that `selector` matches in these
 * namespaces, within one domain, which is all nodes with one value of the label topology_key.
 */
typedef struct gw_pod_term {
    gw_match_term selector;
    const char *topology_key;
    const char *const *namespaces; /* the pod's own where none was named */
    uint32_t n_namespaces;
    bool all_namespaces;
} gw_pod_term;

/* A spread with whenUnsatisfiable: DoNotSchedule. Counts pods of the pod's own namespace. */
typedef struct gw_spread {
    gw_match_term selector;
    const char *topology_key;
    int32_t max_skew;
    int32_t min_domains; /* 1 where none is given */
    /* Which nodes count: only those that the pod's node selector and affinity allow (nodeAffinityPolicy), and
     * whose taints it tolerates (nodeTaintsPolicy). */
    bool honour_affinity, honour_taints;
} gw_spread;

/* A namespaceSelector: adds the namespaces whose labels match to those of one term. */
typedef struct gw_ns_term {
    gw_match_term selector;
    uint32_t term; /* index into affinity, or anti_affinity */
    bool anti;
} gw_ns_term;

struct gw_pod_rules {
    /* Where: all of these, and its tolerations. See gw_rules_allow_node. */
    gw_match_term node_selector;
    const gw_match_alternatives *node_affinity; /* each must be satisfied */
    uint32_t n_node_affinity;
    const gw_match_alternatives *volumes; /* likewise: those of the volumes that its claims are bound to */
    uint32_t n_volumes;
    const gw_toleration *tolerations;
    uint32_t n_tolerations;

    /*
     * Next to whom. For each term of `affinity` the node's domain must hold a pod that it selects; the first
     * pod of a group that selects itself is excepted. For each term of `anti_affinity` it must hold none, and
     * no pod in it may have an anti-affinity that selects this one (it works both ways). For each spread,
     * with this pod the node's domain may hold at most max_skew pods more than the domain with the fewest,
     * which counts 0 while there are fewer domains than min_domains. A node without the topology key has no
     * domain: affinity and spread bar it, anti-affinity does not.
     */
    const gw_pod_term *affinity;
    uint32_t n_affinity;
    const gw_pod_term *anti_affinity;
    uint32_t n_anti_affinity;
    const gw_spread *spreads;
    uint32_t n_spreads;

    int32_t priority;          /* 0 where none is given */
    const char *scheduler;     /* schedulerName; "default-scheduler" where none is given */
    const char *runtime_class; /* NULL = none; what it asks of nodes stands in the node selector already */

    /*
     * "namespace/group" of pods that run all or not at all; NULL = alone. From the labels (or annotations) of
     * coscheduling, Volcano, Kueue, LeaderWorkerSet, and of the training controllers of Kubeflow, Ray and
     * JobSet.
     */
    const char *gang;
    bool daemon; /* a DaemonSet's or a static pod: every node has its own, it comes and goes with the node */
    const char *stays; /* why it may not be moved, as "it has the annotation …"; NULL = it may be */

    /* Until gw_fleet_resolve_rules has found out what they mean; then none. */
    const char *const *claims; /* names of PersistentVolumeClaims */
    uint32_t n_claims;
    const gw_ns_term *ns_terms; /* namespaceSelectors */
    uint32_t n_ns_terms;
};

/*
 * Finds equal rules in the fleet or adds a copy, texts and all; the index into f->rules, or GW_NONE with *e
 * filled. r may live anywhere.
 */
uint32_t gw_fleet_rules(gw_fleet *f, const gw_pod_rules *r, gw_error *e);

/* ---- volumes ---- */

/* A PersistentVolume. */
typedef struct gw_volume {
    const char *name;
    gw_match_alternatives nodes; /* spec.nodeAffinity, and the zone and region of its labels */
    bool anywhere;               /* it says nothing of nodes */
    bool local;                  /* its data are on one node's disk: local, hostPath */
    bool shared;                 /* ReadWriteMany or ReadOnlyMany: pods on several nodes may mount it */
} gw_volume;

/* A PersistentVolumeClaim. */
typedef struct gw_claim {
    const char *ns, *name;
    const char *volume; /* NULL: not bound */
} gw_claim;

/* Each finds the thing or adds it, and sets what it says; texts are copied. 0 or a failure. */
int gw_fleet_add_volume(gw_fleet *f, const gw_volume *v, gw_error *e);
int gw_fleet_add_claim(gw_fleet *f, const gw_claim *c, gw_error *e);

/*
 * Puts the pods' claims and namespaceSelectors together with volumes and namespaces: call once, when
 * everything is read. A pod whose volume is unknown, local to its node, or mounted by another pod too and not
 * made for several nodes, stays. 0, GW_ENOMEM or GW_ELIMIT with some pods done.
 */
int gw_fleet_resolve_rules(gw_fleet *f, gw_error *e);

/* ---- budgets ---- */

/*
 * A PodDisruptionBudget: how many of its pods may be evicted now. A pod that no budget covers may be evicted
 * at any time; one that two cover cannot be at all, since the eviction API refuses to choose.
 */
struct gw_budget {
    const char *ns, *name;
    gw_match_term selector;
    int64_t disruptions_allowed; /* status.disruptionsAllowed; GW_UNKNOWN_COUNT also while the status is not
                                    of the budget as it is now written */
    int64_t current_healthy, desired_healthy, expected_pods; /* GW_UNKNOWN_COUNT */
    const char *min_available, *max_unavailable;             /* as written: "2", "50%"; NULL = not given */
};

/* Adds a budget, or replaces what is known of it; texts are copied. 0 or a failure. */
int gw_fleet_add_budget(gw_fleet *f, const gw_budget *b, gw_error *e);
bool gw_budget_covers(const gw_budget *b, const gw_pod *p);

/* ---- may it run there? ---- */

typedef enum gw_rule_kind {
    GW_RULE_NONE,          /* nothing speaks against it */
    GW_RULE_UNRESOLVED,    /* gw_fleet_resolve_rules was not called */
    GW_RULE_NODE_UNKNOWN,  /* the API did not show the node: its taints are not known */
    GW_RULE_CORDONED,      /* spec.unschedulable */
    GW_RULE_NODE_SELECTOR, /* detail: match */
    GW_RULE_NODE_AFFINITY,
    GW_RULE_VOLUME,
    GW_RULE_TAINT, /* detail: taint */
} gw_rule_kind;

/* Why not. Points into the rules and the node. */
typedef struct gw_refusal {
    gw_rule_kind kind;
    const gw_match *match;
    const gw_taint *taint;
} gw_refusal;

/*
 * Whether node selector, node affinity, volumes, taints (NoSchedule, NoExecute) and cordon would let the pod
 * run on the node. Says nothing of room, nor of other pods. why: NULL, or where to put the first thing that
 * speaks against it (GW_RULE_NONE where nothing does). A toleration for a limited time does not count against
 * NoExecute: the scheduler would let the pod in, and the eviction would throw it out again.
 */
bool gw_rules_allow_node(const gw_pod_rules *r, const gw_node *n, gw_refusal *why);

bool gw_toleration_covers(const gw_toleration *t, const gw_taint *taint);

#define GW_REFUSAL_TEXT_MAX 256
/* "it does not tolerate the taint nvidia.com/gpu=present:NoSchedule": a phrase about the pod, cut where it is
 * too long. Returns out. */
const char *gw_refusal_phrase(const gw_refusal *why, char out[GW_REFUSAL_TEXT_MAX]);

/* "NoSchedule", "PreferNoSchedule", "NoExecute" */
const char *gw_taint_effect_name(gw_taint_effect e);

/* Whether a term speaks of this pod: namespace and labels. */
bool gw_pod_term_selects(const gw_pod_term *t, const gw_pod *p);
/* Whether a spread of pods in namespace `ns` counts this pod. */
bool gw_spread_counts(const gw_spread *s, const char *ns, const gw_pod *p);

#endif
