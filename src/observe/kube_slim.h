/*
 * A Kubernetes object cut down to what gpuwise reads, for recordings: names, labels, owners, resources,
 * what constrains placement and eviction, phase and times. What may hold secrets (environments, commands,
 * images, paths, what a volume is made from, annotations other than those of kube_rules.h) is left out.
 */
#ifndef GW_OBSERVE_KUBE_SLIM_H
#define GW_OBSERVE_KUBE_SLIM_H

#include <jansson.h>

/* A new reference, or NULL when memory is exhausted. kind and api_version are set where they are not NULL,
 * since items of typed lists carry none. Values are shared with `object`. */
json_t *gw_kube_slim(const json_t *object, const char *api_version, const char *kind);

#endif
