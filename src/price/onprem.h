/* Inside the price room: what an hour of an on-premises node costs, and the power that its GPUs drew. */
#ifndef GW_PRICE_ONPREM_H
#define GW_PRICE_ONPREM_H

#include "base/buf.h"
#include "price/list.h"

/* What the fleet and its usage say of a node's GPUs. */
typedef struct price_gpus {
    const char *model; /* the exporter's name of the first; NULL */
    int64_t seen;      /* GPUs that were seen, or that pods requested and no exporter reports */
    int64_t measured;  /* of them with known power */
    double watts;      /* summed over the measured ones: each GPU's mean */
} price_gpus;

/* One a node, parallel to fleet->nodes; gw_free() it. u may be NULL: nothing was measured. GW_ENOMEM. */
int price_gpus_of(const gw_fleet *f, const gw_usage *u, price_gpus **ret, gw_error *e);

/*
 * USD an hour of a node of the class; NaN where the class asks for power and none is known. `gpus`: how many
 * it has; GW_UNKNOWN_COUNT. The formula with all its numbers is appended to b.
 *
 *     (capital − residual) / (years × 8766 h) + other / 8766 h + watts / 1000 × PUE × price per kWh
 *     watts = mean power of a measured GPU × GPUs + base watts, else the rated watts of the node
 */
double price_class_hourly(const price_class *c, const price_gpus *seen, int64_t gpus, gw_buf *b);

#endif
