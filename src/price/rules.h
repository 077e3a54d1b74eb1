/* Inside the price room: rules of YAML files that hold for many nodes. The last one that applies counts. */
#ifndef GW_PRICE_RULES_H
#define GW_PRICE_RULES_H

#include "price/list.h"

/* What a discount is asked for. */
typedef struct price_deal {
    gw_provider provider;
    gw_capacity capacity;
    const char *type, *region; /* NULL unknown */
} price_deal;

/* The discount of the last of n rules that applies, 0..1; `otherwise` where none does. */
double price_rule_discount(const price_discount *rules, size_t n, const price_deal *deal, double otherwise);

/* The region whose prices hold in `region`, as a file says; NULL. */
const char *price_region_like(const gw_price_list *l, const char *region);

#endif
