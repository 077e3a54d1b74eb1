/*
 * What constrains pods and nodes, of Kubernetes objects: into fleet/rules.h. Between the files that read
 * objects.
 *
 * A field of the wrong type is an error, as everywhere; a word that is not known (an operator of a later
 * Kubernetes), and more of something than GW_RULES_MAX_ITEMS, is not: the pod then stays where it is.
 *
 * What holds a pod on its node, beside the annotations: nothing would create it again; a volume on the node's
 * disk (hostPath, or a local PersistentVolume); a port of the node; a resource, device or kind of volume that
 * gpuwise does not follow. Following the cluster autoscaler, safe-to-evict "true" or the volume's name in
 * safe-to-evict-local-volumes says that a hostPath may be left behind. An emptyDir does not hold: it is
 * scratch that every restart on another node empties, and Karpenter passes over it, though the cluster
 * autoscaler by default does not.
 */
#ifndef GW_OBSERVE_KUBE_RULES_H
#define GW_OBSERVE_KUBE_RULES_H

#include "fleet/rules.h"
#include "observe/kube_fields.h"

/* Annotations that are read, and so kept in recordings. NULL-terminated. */
extern const char *const gw_kube_pod_annotations[];
extern const char *const gw_kube_node_annotations[];

/* What the readers of selectors share. */
typedef struct gw_kube_selectors {
    const gw_kube_place *at;
    bool odd; /* something was not understood */
} gw_kube_selectors;

/* A LabelSelector; NULL (absent) matches nothing. What is odd, too. */
int gw_kube_read_selector(gw_kube_selectors *s, const json_t *selector, gw_match_term *ret);
/* The nodeSelectorTerms of a NodeSelector. */
int gw_kube_read_node_terms(gw_kube_selectors *s, const json_t *selector, gw_match_alternatives *ret);
/* A map of texts as requirements, each for exactly its value. */
int gw_kube_read_map(gw_kube_selectors *s, const json_t *from, const char *key, gw_match_term *ret);

/* Whether a resource is one that fits are counted by. */
bool gw_kube_is_counted(const char *resource);

/* Sets pods[pod].rules; leaves it where the object has no spec. */
int gw_kube_add_pod_rules(gw_fleet *f, const gw_kube_place *at, const json_t *object, uint32_t pod);
/* Sets taints, keep and rules_known. */
int gw_kube_add_node_rules(gw_fleet *f, const gw_kube_place *at, const json_t *object, gw_node *n);

int gw_kube_add_budget(gw_fleet *f, const gw_kube_place *at, const json_t *object);
int gw_kube_add_volume(gw_fleet *f, const gw_kube_place *at, const json_t *object);
int gw_kube_add_claim(gw_fleet *f, const gw_kube_place *at, const json_t *object);

#endif
