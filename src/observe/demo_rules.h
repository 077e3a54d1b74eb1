/*
 * What constrains the sample fleet: taints, tolerations, selectors, affinities, spreads, volumes, budgets.
 * Internal to the demo source. Each adds to objects or lists that are being built, and is false when memory
 * is exhausted.
 */
#ifndef GW_OBSERVE_DEMO_RULES_H
#define GW_OBSERVE_DEMO_RULES_H

#include <jansson.h>

#include "observe/demo_fleet.h"

bool demo_node_rules(const demo_node *n, json_t *spec);
bool demo_pod_rules(const demo_pod *p, json_t *meta, json_t *spec);

/* PodDisruptionBudgets with the status that the pods of the instant give them; PersistentVolumes; their
 * claims. */
bool demo_add_budgets(const demo_fleet *f, int64_t now_ms, json_t *items);
bool demo_add_volumes(const demo_fleet *f, json_t *items);
bool demo_add_claims(const demo_fleet *f, json_t *items);

#endif
