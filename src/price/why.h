/* Inside the price room: sentences that say why a price is unknown and what to do. In the arena; NULL when
 * memory is exhausted. */
#ifndef GW_PRICE_WHY_H
#define GW_PRICE_WHY_H

#include "price/match.h"

/* No row or class matches the node. */
const char *price_why_nothing(const price_index *x, const price_subject *s, gw_arena *a);

/* A spot node for which only the on-demand price matched. */
const char *price_why_no_spot(const price_subject *s, const price_match *m, gw_arena *a);

#endif
