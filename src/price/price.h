/*
 * Prices: the catalogue in the binary, price files, and the rules that turn both into a price for each node.
 */
#ifndef GW_PRICE_PRICE_H
#define GW_PRICE_PRICE_H

#include "fleet/price.h"
#include "fleet/usage.h"

#define GW_PRICE_FILE_MAX ((size_t)64 << 20)

/* A set of price rows and rules: the catalogue plus what files add. Later files win over earlier ones, files
 * over the catalogue. */
typedef struct gw_price_list gw_price_list;

typedef struct gw_price_options {
    bool no_catalogue; /* only what the files say */
    double discount;   /* negotiated, 0..1, off list prices of the catalogue and of files that do not say
                          otherwise */
    bool split; /* split a GPU node's price between GPU, CPU and RAM (OpenCost's ratio); the non-GPU part is
                   overhead */
    gw_micro control_plane_hourly; /* GW_MICRO_UNKNOWN = by provider */
    const char *default_region;    /* for nodes that do not say; NULL = unknown */
} gw_price_options;

int gw_price_list_new(const gw_price_options *o, gw_price_list **ret, gw_error *e);
void gw_price_list_free(gw_price_list *l);
/*
 * Adds a file: our CSV or YAML (docs/guide/prices.md), OpenCost's pricing CSV, SkyPilot's catalogue CSV; told
 * apart by header, never by name. Errors name file, line and column. GW_ECONFIG, GW_EIO.
 */
int gw_price_list_add_file(gw_price_list *l, const char *path, gw_error *e);
int gw_price_list_add_text(gw_price_list *l, const char *name, gw_str text, gw_error *e);

/* Every row, for `gpuwise price`. */
const gw_price *gw_price_rows(const gw_price_list *l, size_t *ret_n);

/* A canonical GPU name from any spelling: "NVIDIA-L40S", "NVIDIA A100-SXM4-80GB", "nvidia-h100-80gb" →
 * "L40S", "A100-80GB", "H100-80GB"; NULL unknown. */
const char *gw_gpu_canonical(const char *name);

/*
 * A price for every node of the fleet that has GPUs. On-premises nodes: (capital / (years × 8766 h) + watts ×
 * price per kWh …) with measured watts from usage where there are any. A node that no list knows gets
 * GW_MICRO_UNKNOWN and a sentence why.
 */
int gw_price_fleet(const gw_price_list *l, const gw_fleet *f, const gw_usage *u, gw_price_book *ret,
                   gw_error *e);

#endif
