/*
 * The price book: what one hour of a node costs, from where, and as of when. Prices are int64 micro-dollars
 * an hour. A price that no list knows is unknown (GW_MICRO_UNKNOWN), said loudly, and never $0.
 */
#ifndef GW_FLEET_PRICE_H
#define GW_FLEET_PRICE_H

#include "base/money.h"
#include "fleet/fleet.h"

/*
 * One row of a price list.
 *
 * Parts of a GPU: an instance with a slice of a board (AWS g6f, Azure NVads A10 v5, small GCP g4) shows its
 * node one virtual GPU, so `gpus` is 1 there, and gpu_milli says how much of the board that is: 125 for an
 * eighth, 167 for a sixth (rounded to a thousandth, 0.2 % off). For whole GPUs gpu_milli is 1000 × gpus. A
 * GPU-hour *on a node* is therefore hourly / gpus, and a GPU-hour that can be *compared* between instances is
 * hourly × 1000 / gpu_milli.
 */
typedef struct gw_price {
    gw_provider provider;
    gw_capacity capacity;      /* GW_CAPACITY_ON_DEMAND or _SPOT ...; UNKNOWN in a user's row = any */
    const char *instance_type; /* "g6e.48xlarge", "Standard_ND96isr_H100_v5", "a3-highgpu-8g"; may be NULL in
                                  a user's row */
    const char *region;        /* NULL in a user's row = any */
    const char *zone;          /* NULL = every zone of the region; only spot prices differ by zone */
    const char *gpu;           /* canonical GPU name: "L40S", "H100-80GB"; NULL unknown */
    int64_t gpus;              /* GPUs the node sees; GW_UNKNOWN_COUNT; 0: a host that GPUs are attached to */
    int64_t gpu_milli;         /* boards in thousandths; GW_UNKNOWN_COUNT */
    int64_t gpu_memory_mib;    /* of one GPU as the node sees it; GW_UNKNOWN_COUNT */
    int64_t vcpu_milli, memory_mib; /* of the instance; GW_UNKNOWN_COUNT */
    gw_micro hourly;     /* of the whole instance; GW_MICRO_UNKNOWN where the row gives gpu_hourly instead */
    gw_micro gpu_hourly; /* of one GPU, in rows that price by the GPU-hour; else GW_MICRO_UNKNOWN */
    const char *source;  /* "aws list", "prices.yaml:12" */
    const char *as_of;   /* "2026-07-20"; NULL unknown */
} gw_price;

/*
 * What a node turned out to cost. Nodes without GPUs are not priced: hourly unknown and why_unknown NULL.
 */
typedef struct gw_node_price {
    gw_micro hourly;          /* node price per hour, after discount; GW_MICRO_UNKNOWN */
    gw_micro gpu_hourly;      /* price of one GPU-hour on it; GW_MICRO_UNKNOWN */
    gw_micro overhead_hourly; /* part of `hourly` that is not GPU (with the CPU/RAM split), else 0 */
    int64_t gpus;             /* that gpu_hourly is for one of; GW_UNKNOWN_COUNT */
    gw_capacity capacity;     /* that the price is for */
    const char *region, *instance_type;
    const char *source, *as_of; /* NULL where unknown */
    const char *why_unknown;    /* a sentence, where hourly or gpu_hourly is unknown; else NULL */
    const char *formula; /* "list $30.131180/h × (1 − 10 % discount)", for `explain`; NULL where unknown */
} gw_node_price;

typedef struct gw_price_book {
    gw_node_price *nodes; /* parallel to fleet->nodes */
    size_t n_nodes;
    gw_micro control_plane_hourly; /* of the cluster: EKS and GKE $0.10/h, AKS free tier 0; 0 where
                                      self-managed */
    const char *control_plane_source;
    gw_arena arena; /* every text above: a book outlives the list and the fleet it was made from */
} gw_price_book;

void gw_price_book_init(gw_price_book *b);
/* Frees everything and leaves the book as gw_price_book_init does. */
void gw_price_book_free(gw_price_book *b);

#endif
