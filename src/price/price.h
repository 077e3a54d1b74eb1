/*
 * Prices: the catalogue in the binary, price files, and the rules that turn both into a price for each node.
 * docs/guide/prices.md has the formats and the rules for users; it and this header say the same.
 *
 * Which price a node gets; the first that matches:
 *   1. a row or on-premises class for the node by name: the exact name (or provider ID), then patterns
 *   2. a row or on-premises class whose label selector the node meets
 *   3. a file's row for its instance type, region and capacity (a row without region or capacity is for any;
 *      the row that says most wins: region and capacity, region, capacity, neither; zone before no zone)
 *   4. a file's row for its GPU model, by the GPU-hour (ranked as in 3)
 *   5. the catalogue: instance type, region and capacity
 * Between equals, the later row and the later file win. The price of another region is never used, unless
 * the user says so (`default_region` for a node that names no region; `regions:` in YAML). A spot node is
 * never given an on-demand price, unless the user gives a spot discount. Reserved capacity costs the
 * on-demand price where no row says otherwise, except capacity blocks, which are prepaid. A node whose labels
 * say nothing of capacity is on-demand. What was taken, and what was done with it, stands in `formula`.
 */
#ifndef GW_PRICE_PRICE_H
#define GW_PRICE_PRICE_H

#include "fleet/price.h"
#include "fleet/usage.h"
#include "price/gpu.h"

#define GW_PRICE_FILE_MAX  ((size_t)64 << 20)
#define GW_PRICE_MAX_ROWS  1000000 /* of one list */
#define GW_PRICE_MAX_FILES 64      /* added to one list */

/* Hours of a year that capital is spread over: 365.25 × 24. */
#define GW_YEAR_HOURS 8766.0

/*
 * A node's price split between GPU, CPU and RAM. The ratio is that of OpenCost's default list prices for a
 * GPU, a vCPU and a GiB of memory (opencost/configs/default.json: 0.95, 0.031611, 0.004237 USD an hour), so
 * that its users find their numbers again.
 */
typedef struct gw_price_ratio {
    double gpu, cpu, ram; /* USD an hour; > 0 */
} gw_price_ratio;

#define GW_PRICE_RATIO_DEFAULT ((gw_price_ratio){0.95, 0.031611, 0.004237})

/* A set of price rows and rules: the catalogue plus what files add. */
typedef struct gw_price_list gw_price_list;

typedef struct gw_price_options {
    bool no_catalogue; /* only what the files say */
    double discount;   /* negotiated, 0..1, off the on-demand list prices of the catalogue and of files' rows
                          for   an instance type that do not say otherwise */
    double spot_discount; /* 0..1 off the on-demand price, for spot nodes without a spot price; 0 = none */
    bool split; /* split a GPU node's price between GPU, CPU and RAM (OpenCost's ratio); the non-GPU part is
                   overhead */
    gw_micro control_plane_hourly; /* GW_MICRO_UNKNOWN = by provider */
    const char *default_region;    /* for nodes that do not say; NULL = unknown */
} gw_price_options;

#define GW_PRICE_OPTIONS_DEFAULT ((gw_price_options){.control_plane_hourly = GW_MICRO_UNKNOWN})

/* The options are copied. GW_EUSAGE a discount outside 0..1, GW_ENOMEM. */
int gw_price_list_new(const gw_price_options *o, gw_price_list **ret, gw_error *e);
void gw_price_list_free(gw_price_list *l); /* NULL is fine */

/*
 * Adds a file: our CSV or YAML (docs/guide/prices.md), OpenCost's pricing CSV, SkyPilot's catalogue CSV; told
 * apart by header, never by name. Errors name file, line and column, and leave the list as it was.
 * GW_ECONFIG what the file says is wrong, GW_EIO it cannot be read, GW_ELIMIT, GW_ENOMEM.
 */
int gw_price_list_add_file(gw_price_list *l, const char *path, gw_error *e);
int gw_price_list_add_text(gw_price_list *l, const char *name, gw_str text, gw_error *e);

/* Every row, in the order they were added, for `gpuwise price`. Valid until the next add. */
const gw_price *gw_price_rows(const gw_price_list *l, size_t *ret_n);

/*
 * A price for every node of the fleet that has GPUs; *ret is initialised by the caller and filled. `u` may be
 * NULL. On-premises classes: (capital − residual) / (years × 8766 h) + other a year / 8766 h + watts / 1000 ×
 * PUE × price per kWh, the watts measured where the usage has GPU power, else rated.
 * A node that no list knows gets GW_MICRO_UNKNOWN and a sentence why. GW_ENOMEM.
 */
int gw_price_fleet(const gw_price_list *l, const gw_fleet *f, const gw_usage *u, gw_price_book *ret,
                   gw_error *e);

/*
 * `gpuwise price [GPU|INSTANCE]`: the same GPU across clouds.
 */
typedef struct gw_price_query {
    const char *what;     /* a GPU in any spelling ("h100", "A100-80GB"), an instance type, or an instance
                             pattern with * or ?; NULL or "": everything */
    gw_provider provider; /* UNKNOWN = any */
    gw_capacity capacity; /* UNKNOWN = any */
    const char *region;   /* NULL = any */
    bool each_region;     /* one offer a region (and zone); else one for all regions of an instance type */
} gw_price_query;

typedef struct gw_price_spread {
    gw_micro min, median, max; /* of a whole board's hour, over the regions; GW_MICRO_UNKNOWN when n is 0.
                                  Median of an even number: the lower of the two in the middle. */
    size_t n;                  /* prices it is made from */
} gw_price_spread;

typedef struct gw_price_offer {
    const gw_price *price; /* the cheapest region's row; belongs to the list */
    gw_micro gpu_hourly; /* of a whole board: hourly × 1000 / gpu_milli; GW_MICRO_UNKNOWN where the part of a
                            board is not known */
    gw_price_spread regions; /* over the regions that this offer stands for */
    bool asked;              /* it is the instance type that was asked for */
} gw_price_offer;

typedef struct gw_price_comparison {
    const char *gpu;              /* canonical name or family that was compared; NULL: several */
    const gw_price_offer *offers; /* cheapest board-hour first, unknown last */
    size_t n_offers;
    gw_price_spread on_demand, spot; /* over all of them */
} gw_price_comparison;

/*
 * List prices, before any discount; a later file's row hides the same row of an earlier one or of the
 * catalogue. For an instance type, every offer of its GPU. Everything is in the arena or the list, and valid
 * until the next add. GW_ENOTFOUND names what there is; GW_ENOMEM.
 */
int gw_price_compare(const gw_price_list *l, const gw_price_query *q, gw_arena *arena,
                     gw_price_comparison *ret, gw_error *e);

#endif
