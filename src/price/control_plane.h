/* Inside the price room: what the providers take for a managed control plane. */
#ifndef GW_PRICE_CONTROL_PLANE_H
#define GW_PRICE_CONTROL_PLANE_H

#include "price/list.h"

/* Fills b->control_plane_hourly and _source: the option's fee, else one fee for each provider that runs a
 * control plane in the fleet (a fleet over two clouds has two clusters at least). GW_ENOMEM. */
int price_control_plane(const gw_price_list *l, const gw_fleet *f, gw_price_book *b, gw_error *e);

#endif
