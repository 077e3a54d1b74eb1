/* Between kube_rules.c and kube_holds.c. */
#ifndef GW_OBSERVE_KUBE_RULES_INTERNAL_H
#define GW_OBSERVE_KUBE_RULES_INTERNAL_H

#include "observe/kube_rules.h"

#define GW_KUBE_MIRROR "kubernetes.io/config.mirror" /* marks the API's picture of a static pod */

/* A pod being read. */
typedef struct gw_kube_pod {
    const gw_kube_place *at;
    const json_t *meta, *spec, *annotations; /* annotations may be NULL */
    gw_pod_rules rules;                      /* texts of the JSON and the scratch arena */
    bool odd;                                /* something was not understood */
} gw_kube_pod;

/* Fills rules.claims and rules.stays; the last of the readers. */
int gw_kube_read_holds(gw_kube_pod *p, const json_t *object);

#endif
