/*
 * Kubernetes objects (v1 Node, Pod, Namespace; owners of any kind; what constrains pods: see kube_rules.h) as
 * JSON → Fleet. Used by the API source and by snapshots.
 *
 * What is read of a pod's resources is what the scheduler counts: the sum over its containers and sidecars,
 * or the largest init container with the sidecars started before it if that is more, plus spec.overhead;
 * requests, and limits where a container gives no request; spec.resources (pod level) instead where it is
 * given.
 * https://kubernetes.io/docs/concepts/workloads/pods/init-containers/#resource-sharing-within-containers A
 * pod that the API lists without a request requests 0: that is known.
 */
#ifndef GW_OBSERVE_KUBE_OBJECTS_H
#define GW_OBSERVE_KUBE_OBJECTS_H

#include <jansson.h>

#include "fleet/fleet.h"

/*
 * Adds every item of a List (NodeList, PodList, List of mixed kinds …) or one object. `kind` names the items
 * where they do not carry one themselves, as in a typed list from the API ("Node"); NULL: take each item's
 * own, or what a typed list's kind says. Kinds other than Node, Pod and Namespace are owners if they are
 * Kubernetes' own workload kinds, or Argo's Rollout, or named by `kind`, or if they have ownerReferences;
 * anything else (a Secret in a mixed list) is passed over.
 *
 * What the API says overrides nothing that is already known to be different in time: it fills fields that are
 * unknown and adds labels. A pod of the same name with another uid is another pod: of it only in_api is
 * taken.
 *
 * GW_ECORRUPT with the item's position and name where an item is no object, has no name, or has a field of
 * the wrong type; the items before it have then been added.
 */
int gw_kube_add_list(gw_fleet *f, const json_t *list, const char *kind, gw_error *e);

/*
 * The same of a whole list of a recording: "nodes", "pods", "namespaces", "workloads",
 * "poddisruptionbudgets", "persistentvolumes", "persistentvolumeclaims". Notes in the fleet that the list is
 * known.
 */
int gw_kube_add_set(gw_fleet *f, const char *set, const json_t *list, gw_error *e);
/* Notes that all of a list has been added; of those where it matters whether there is none or nobody knows.
 */
void gw_kube_note_known(gw_fleet *f, const char *set);

/* An ownerReference. Texts belong to the JSON. */
typedef struct gw_kube_ref {
    const char *api_version, *kind, *name;
} gw_kube_ref;

/*
 * The object's controller: the ownerReference with controller=true, else the first one. False where there is
 * none (or none of a usable form).
 */
bool gw_kube_controller(const json_t *object, gw_kube_ref *ret);

/* gw_json_use_own_memory, for callers that build the JSON themselves. */
void gw_kube_json_init(void);

#endif
