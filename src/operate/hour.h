/*
 * Closes an hour: what was observed of it → prices → ledger → leaves as plain data, ready for the store. The
 * same functions price and book it that make the report, so an hour is to the report what a page is to the
 * book; each leaf of an hour is rounded to a micro-dollar by itself, which is all that the sum of hours and
 * the report of the same window can differ by.
 */
#ifndef GW_OPERATE_HOUR_H
#define GW_OPERATE_HOUR_H

#include "price/price.h"
#include "store/hour.h"

typedef struct gw_hour_input {
    const gw_fleet *fleet; /* owners are resolved */
    const gw_usage *usage; /* of the hour alone */
    const gw_price_list *prices;
    const gw_ownership *ownership;
    const char *cluster; /* of nodes whose series name none */
} gw_hour_input;

/*
 * Leaves and texts are put into the arena. The class of a pod is what labels, controllers and names say: an
 * hour is too short to judge behaviour by. GW_ENOMEM, and what pricing and booking say.
 */
int gw_hour_make(const gw_hour_input *in, gw_arena *arena, gw_hour *ret, gw_error *e);

#endif
