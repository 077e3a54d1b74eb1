/*
 * Books the usage: prices × GPU time → leaves that balance.
 */
#ifndef GW_ATTRIBUTE_LEDGER_H
#define GW_ATTRIBUTE_LEDGER_H

#include "fleet/ledger.h"

/*
 * For each GPU node: bill = hourly × the time the node was seen in the window; overhead first, then the rest
 * over GPU time in proportion (largest remainder). Within a hold: used = compute integral, unknown = not
 * covered by a sample, wasted = the rest. reclaimable of a hold = min(wasted, cost of its known time × max(0,
 * 1 − max(P95 of compute window means, memory peak share))): a pod whose memory is full cannot share, however
 * idle it is. The control plane's fee is booked on one leaf of its own (node and unit GW_NONE) for the hours
 * in which any node was seen.
 */
int gw_ledger_book(gw_ledger *l, const gw_fleet *f, const gw_usage *u, const gw_price_book *p, gw_error *e);

#endif
