/*
 * Backups: lines of JSON. Internal to the store.
 *
 *   {"gpuwise":"history","version":1,"leaf":[names of columns],"group":[names of columns]}
 *   {"hour":{"cluster","start","observed":[start,end],"texts":[…],"leaves":[[…],…]}}
 *   {"sums":{"cluster","start","observed","digest","texts","groups":[[…],…]}}   an hour whose leaves were
 * trimmed
 *   {"closed":{"cluster","start","observed","digest"}}                          an hour of which nothing else
 * is left
 *   {"day":{"cluster","start","texts","groups"}}                                a day that its hours do not
 * add up to
 *   {"correction":{"cluster","hour","at","namespace","workload","reason","before":[…],"after":[…]}}
 *   {"document":{"kind","id","updated","body":"…"}}
 *   {"end":{"lines":n}}
 *
 * Times are milliseconds since 1970. A leaf is an array: kind, for each dimension but the cluster an index
 * into texts, what the node costs an hour, the measures. A group: an index for each of its dimensions, the
 * bits of the hours of the day that it is of, the measures. Unknown is null.
 */
#ifndef GW_STORE_CARRY_H
#define GW_STORE_CARRY_H

#include "store/internal.h"

#define GW_CARRY_VERSION 1
#define GW_LEAF_COLUMNS  (1 + GW_N_TEXT_DIMS + 1 + GW_N_MEASURES)
#define GW_GROUP_COLUMNS (GW_N_GROUP_DIMS + 1 + GW_N_MEASURES)

#endif
