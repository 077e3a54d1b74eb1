/* Inside the price room: which row or class a node matches. The order is that of price.h. */
#ifndef GW_PRICE_MATCH_H
#define GW_PRICE_MATCH_H

#include "price/list.h"

/* What matching looks at; made once a node. Texts belong to the fleet or the list. */
typedef struct price_subject {
    const gw_node *node;
    const char *type, *region, *zone, *gpu; /* NULL unknown; gpu canonical, or as the node spells it */
    bool region_assumed;                    /* region is the list's default_region */
    gw_capacity capacity;                   /* what to look for: on-demand where the node does not say */
    bool prepaid;                           /* a capacity block */
    const price_instance *instance;         /* NULL: not in instances.csv */
} price_subject;

/* How specific a match is; compared field by field. */
typedef enum price_tier {
    PRICE_TIER_NONE,
    PRICE_TIER_CATALOGUE,
    PRICE_TIER_GPU,
    PRICE_TIER_TYPE, /* of a file */
    PRICE_TIER_SELECTOR,
    PRICE_TIER_PATTERN,
    PRICE_TIER_NAME,
} price_tier;

typedef struct price_rank {
    price_tier tier;
    int specific;
    uint64_t order;
} price_rank;

typedef struct price_match {
    price_rank rank;
    size_t row; /* into list->rows, where class is NULL */
    const price_class *class;
    const char *region;   /* that was looked for: the subject's, or the one that `regions:` names */
    gw_capacity capacity; /* that was looked for */
    gw_micro hourly;      /* the row's, or the mean over zones; GW_MICRO_UNKNOWN with gpu_hourly */
    uint32_t zones;       /* that the mean is over; 0 = no mean */
} price_match;

/* The list's rows by what they are about. Made once a fleet, since rows come and go before. */
typedef struct price_index {
    const gw_price_list *list;
    gw_map heads;   /* "t" type, "n" name in lower case, "i" provider ID → first row of the chain */
    uint32_t *next; /* parallel to list->rows */
    uint32_t rules; /* chains of patterns and selectors, of GPU models, of added and of attached rows */
    uint32_t gpus, added, attached;
} price_index;

int price_index_init(price_index *x, const gw_price_list *l, gw_error *e);
void price_index_free(price_index *x);

price_subject price_subject_of(const gw_price_list *l, const gw_node *n, const char *model);

/* The best match for this region and capacity; false where nothing matches. */
bool price_search(const price_index *x, const price_subject *s, const char *region, gw_capacity capacity,
                  price_match *ret);

/* OpenCost's price of a GPU class of that file, on top of its node price; NULL where it has none for the
 * node. */
const gw_price *price_added(const price_index *x, const price_subject *s, uint32_t file);

/* The price of `gpus` attached accelerators of the node, of that file; GW_MICRO_UNKNOWN. */
gw_micro price_attached(const price_index *x, const price_subject *s, const price_match *m, int64_t gpus);

/* First row of an instance type's chain; GW_NONE. Follow with x->next. */
uint32_t price_type_rows(const price_index *x, const char *type);

#endif
