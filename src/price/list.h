/*
 * Inside the price room: what a price list holds, shared by its readers (catalogue, CSV, YAML) and by those
 * who search it. Not for other rooms.
 */
#ifndef GW_PRICE_LIST_H
#define GW_PRICE_LIST_H

#include "base/map.h"
#include "fleet/selector.h"
#include "price/price.h"

#define PRICE_MAX_HOURLY     (1000000 * GW_USD) /* more than this an hour is a slip of the pen */
#define PRICE_MAX_GPUS       10000              /* on one node */
#define PRICE_MAX_RULES      10000              /* discounts, classes, regions: of each kind */
#define PRICE_CATALOGUE_FILE 0                  /* the file number of catalogue rows */

/* What a row says beyond gw_price; parallel to list->rows. All NULL or 0 where the row does not say. */
typedef struct price_note {
    uint32_t file, line;
    const char *node;        /* a name, or a pattern with * and ? */
    const char *provider_id; /* spec.providerID */
    const gw_selector *selector;
    double discount; /* 0..1; < 0: not said */
    bool added;      /* OpenCost's AssetClass gpu: comes on top of that file's row for the node */
    bool attached;   /* the price of accelerators only, without the host that carries them */
} price_note;

typedef struct price_discount {
    uint32_t file, line;
    gw_provider provider; /* UNKNOWN = any */
    gw_capacity capacity; /* UNKNOWN = on-demand and reserved, never spot */
    const char *type;     /* pattern; NULL = any */
    const char *family;   /* "p5", "a3", "ND"; NULL = any */
    const char *region;   /* NULL = any */
    double discount;      /* 0..1 */
} price_discount;

/* On-premises nodes of one kind. Amounts are for one node. */
typedef struct price_class {
    uint32_t file, line;
    const char *name;
    const char *node;                                /* name or pattern; NULL */
    const gw_selector *selector;                     /* NULL; one of the two is there */
    double capital, residual, years, other_per_year; /* USD, years */
    bool has_power;
    double per_kwh, pue; /* USD, factor >= 1 */
    double rated_watts;  /* of the whole node; < 0 unknown */
    double base_watts;   /* of the node without its GPUs, added to what the GPUs were measured at */
    bool measured;       /* prefer measured GPU power */
} price_class;

typedef struct price_region {
    uint32_t file, line;
    const char *region, *like;
} price_region;

/* Hardware of an instance type, from instances.csv. */
typedef struct price_instance {
    gw_provider provider;
    const char *type, *gpu;
    int64_t gpus, gpu_milli, gpu_memory_mib, vcpu_milli, memory_mib; /* GW_UNKNOWN_COUNT */
} price_instance;

#define PRICE_PROVIDERS 5 /* values of gw_provider */

struct gw_price_list {
    gw_price_options o;
    gw_pool pool;   /* every text */
    gw_arena arena; /* selectors */
    gw_price *rows;
    size_t n_rows, cap_rows;
    price_note *notes;
    size_t cap_notes;
    price_discount *discounts;
    size_t n_discounts, cap_discounts;
    price_discount *spots; /* off the on-demand price, for spot nodes */
    size_t n_spots, cap_spots;
    price_class *classes;
    size_t n_classes, cap_classes;
    price_region *regions;
    size_t n_regions, cap_regions;
    price_instance *instances;
    size_t n_instances, cap_instances;
    gw_map by_type;                           /* instance type → instances[] */
    const char *file[GW_PRICE_MAX_FILES + 1]; /* names; [0] the catalogue */
    uint32_t n_files;
    gw_price_ratio ratio;
    gw_micro control_plane[PRICE_PROVIDERS]; /* an hour; GW_MICRO_UNKNOWN = as published */
    const char *control_plane_source[PRICE_PROVIDERS];
};

static inline uint64_t price_order(uint32_t file, uint32_t line)
{
    return (uint64_t)file << 32 | line;
}

/* A row with everything unknown. */
gw_price price_row_empty(void);
price_note price_note_empty(uint32_t file, uint32_t line);

/* Appends a row, its unknown hardware filled from instances.csv. GW_ENOMEM, GW_ELIMIT. */
int price_list_add_row(gw_price_list *l, const gw_price *row, const price_note *note, gw_error *e);

/* The pool's copy; NULL for empty text. false when memory is exhausted. */
bool price_text(gw_price_list *l, gw_str s, const char **ret);

/* NULL where the type is not in instances.csv. */
const price_instance *price_instance_of(const gw_price_list *l, const char *type);

/* Words of files; false where there is no such word. Empty text is UNKNOWN. */
bool price_provider_parse(gw_str s, gw_provider *ret);
bool price_capacity_parse(gw_str s, gw_capacity *ret);

/* Whether the text has * or ? in it, and whether it matches such a pattern; letter case aside. */
bool price_is_pattern(const char *s);
bool price_matches(const char *pattern, const char *text);

/* The family of an instance type: "p5" of p5.48xlarge, "a3" of a3-highgpu-8g, "ND" of Standard_ND96isr_…;
 * *n its length, 0 where the name has none. */
const char *price_family(const char *type, size_t *n);

/* The readers. Each appends to the list and may stop half-way: the caller takes that back. */
int price_read_instances(gw_price_list *l, gw_str text, gw_error *e);
int price_read_csv(gw_price_list *l, uint32_t file, gw_str text, gw_error *e);
int price_read_yaml(gw_price_list *l, uint32_t file, gw_str text, gw_error *e);

/* Built into the binary: src/price/catalogue.csv and instances.csv. */
extern const char price_catalogue_csv[], price_instances_csv[];
extern const size_t price_catalogue_csv_size, price_instances_csv_size;

#endif
