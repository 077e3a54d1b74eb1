#include "price/rules.h"

#include <strings.h>

static bool applies(const price_discount *d, const price_deal *deal)
{
    size_t n = 0;
    const char *type = deal->type ? deal->type : "";
    const char *family = price_family(type, &n);
    bool capacity = d->capacity == GW_CAPACITY_UNKNOWN ? deal->capacity != GW_CAPACITY_SPOT
                                                       : d->capacity == deal->capacity;
    return capacity && (d->provider == GW_PROVIDER_UNKNOWN || d->provider == deal->provider) &&
           (!d->type || price_matches(d->type, type)) &&
           (!d->family || (strlen(d->family) == n && strncasecmp(d->family, family, n) == 0)) &&
           (!d->region || gw_eq(d->region, deal->region));
}

double price_rule_discount(const price_discount *rules, size_t n, const price_deal *deal, double otherwise)
{
    double discount = otherwise;
    uint64_t order = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t o = price_order(rules[i].file, rules[i].line);
        if (o >= order && applies(&rules[i], deal)) {
            discount = rules[i].discount;
            order = o;
        }
    }
    return discount;
}

const char *price_region_like(const gw_price_list *l, const char *region)
{
    const char *like = NULL;
    uint64_t order = 0;
    for (size_t i = 0; region && i < l->n_regions; i++) {
        const price_region *r = &l->regions[i];
        if (strcmp(r->region, region) == 0 && price_order(r->file, r->line) >= order) {
            like = r->like;
            order = price_order(r->file, r->line);
        }
    }
    return like;
}
