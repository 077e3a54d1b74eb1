#include "price/why.h"

/* The regions that have the type with this capacity: the first in *ret_first, and how many. */
static size_t regions_of(const price_index *x, const char *type, gw_capacity capacity, const char **ret_first)
{
    size_t n = 0;
    *ret_first = NULL;
    for (uint32_t row = price_type_rows(x, type); row != GW_NONE; row = x->next[row]) {
        const gw_price *r = &x->list->rows[row];
        if (r->capacity != capacity || !r->region)
            continue;
        n++;
        if (!*ret_first || strcmp(r->region, *ret_first) < 0)
            *ret_first = r->region;
    }
    return n;
}

static const char *why_no_region(const price_index *x, const price_subject *s, gw_arena *a)
{
    const char *first, *more = "";
    size_t n = regions_of(x, s->type, s->capacity, &first);
    if (n == 0)
        n = regions_of(x, s->type, GW_CAPACITY_ON_DEMAND, &first);
    if (n > 1)
        more = " and other regions";
    if (!first)
        return gw_arena_printf(a, "the price lists have %s, but not as %s: give its price with --prices",
                               s->type, gw_capacity_name(s->capacity));
    if (!s->region)
        return gw_arena_printf(a,
                               "the price of %s depends on the region, and the node names none (label "
                               "topology.kubernetes.io/region): give --default-region",
                               s->type);
    return gw_arena_printf(
        a,
        "no price list has %s in %s (they have it in %s%s): give its price with --prices, or "
        "say there under regions: whose prices hold in %s",
        s->type, s->region, first, more, s->region);
}

const char *price_why_nothing(const price_index *x, const price_subject *s, gw_arena *a)
{
    if (!s->type)
        return gw_arena_printf(
            a,
            "the node names no instance type (label node.kubernetes.io/instance-type), and no "
            "row of --prices is for its name, labels or GPU (%s)",
            s->gpu ? s->gpu : "unknown");
    if (price_type_rows(x, s->type) == GW_NONE)
        return gw_arena_printf(a, "no price list knows the instance type %s: give its price with --prices",
                               s->type);
    return why_no_region(x, s, a);
}

const char *price_why_no_spot(const price_subject *s, const price_match *m, gw_arena *a)
{
    char text[GW_MICRO_TEXT_MAX];
    bool known = gw_micro_known(m->hourly);
    return gw_arena_printf(a,
                           "a spot node, and no price list has the spot price of %s%s%s%s%s%s: give it with "
                           "--prices, or --spot-discount off the on-demand price",
                           s->type ? s->type : "its type", m->region ? " in " : "",
                           m->region ? m->region : "", known ? " (on-demand it is $" : "",
                           known ? gw_micro_format(m->hourly, text) : "", known ? "/h)" : "");
}
