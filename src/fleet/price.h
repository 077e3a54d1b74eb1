/*
 * The price book: what one hour of a node costs, from where, and as of when. Prices are int64 micro-dollars
 * an hour. A price that no list knows is unknown (GW_MICRO_UNKNOWN), said loudly, and never $0.
 */
#ifndef GW_FLEET_PRICE_H
#define GW_FLEET_PRICE_H

#include "base/money.h"
#include "fleet/fleet.h"

/* One row of a price list. */
typedef struct gw_price {
    gw_provider provider;
    gw_capacity capacity;      /* GW_CAPACITY_ON_DEMAND or _SPOT ...; UNKNOWN in a user's row = any */
    const char *instance_type; /* "g6e.48xlarge", "Standard_ND96isr_H100_v5", "a3-highgpu-8g"; may be NULL in
                                  a user's row */
    const char *region;        /* NULL in a user's row = any */
    const char *gpu;           /* canonical GPU name: "L40S", "H100-80GB"; NULL unknown */
    int64_t gpus;              /* on one instance; GW_UNKNOWN_COUNT */
    int64_t vcpu_milli, memory_mib;
    gw_micro hourly;    /* of the whole instance */
    const char *source; /* "aws list", "prices.yaml:12" */
    const char *as_of;  /* "2026-07-20" */
} gw_price;

/* What a node turned out to cost. */
typedef struct gw_node_price {
    gw_micro hourly;          /* node price per hour, after discount; GW_MICRO_UNKNOWN */
    gw_micro gpu_hourly;      /* price of one GPU-hour on it; GW_MICRO_UNKNOWN */
    gw_micro overhead_hourly; /* part of `hourly` that is not GPU (with the CPU/RAM split), else 0 */
    gw_capacity capacity;     /* that the price is for */
    const char *region, *instance_type;
    const char *source, *as_of; /* NULL where unknown */
    const char *why_unknown;    /* a sentence, where hourly is unknown; else NULL */
    const char *formula;        /* "list $30.131180/h × (1 − 10 % discount)", for `explain` */
} gw_node_price;

typedef struct gw_price_book {
    gw_node_price *nodes; /* parallel to fleet->nodes */
    size_t n_nodes;
    gw_micro control_plane_hourly; /* of the cluster: EKS and GKE Standard $0.10/h, AKS free tier 0; 0 where
                                      self-managed */
    const char *control_plane_source;
    gw_arena arena; /* texts above that are not interned elsewhere */
} gw_price_book;

void gw_price_book_init(gw_price_book *b);
void gw_price_book_free(gw_price_book *b);

#endif
