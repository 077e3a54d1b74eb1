/*
 * Kubernetes objects (v1 Node, Pod, Namespace; owners of any kind) as JSON → Fleet. Used by the API source
 * and by snapshots.
 */
#ifndef GW_OBSERVE_KUBE_OBJECTS_H
#define GW_OBSERVE_KUBE_OBJECTS_H

#include <jansson.h>

#include "fleet/fleet.h"

/*
 * Adds every item of a List (NodeList, PodList, List of mixed kinds …) or one object. `kind` names the items
 * where they do not carry one themselves, as in a typed list from the API ("Node"); NULL: take each item's
 * own. Unknown kinds with ownerReferences are taken as owners. Items that are not objects or have no name are
 * GW_ECORRUPT with the position. What the API says overrides nothing that is already known to be different in
 * time: it fills fields that are unknown and adds labels.
 */
int gw_kube_add_list(gw_fleet *f, const json_t *list, const char *kind, gw_error *e);

#endif
