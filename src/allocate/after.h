/*
 * What the window would have looked like, had changes been made before it: the same work, in other seats.
 * A copy of fleet and usage is changed, priced and booked as the present is; so a promised bill is a ledger
 * like any other, and balances by the same rule.
 *
 * Nodes
 * - A node that is released was never there. Of the cluster it still counts the time: no control plane
 *   is given back with it. (Its `seen` stays, and its `node_ms` is 0.)
 * - A hired one was there as long as its tenants need it; the whole observed window where it has none.
 * - A node that gets a tenant is paid for as long as the tenant's holds lasted, also where it came later; all
 *   its boards are then there for longer, and idle in that time. Of the time that it was away (`seen` less
 *   `node_ms`) so much goes as the fullest board would want.
 *
 * Holds
 * - A tenant's holds go to its new seats. Their work (used GPU time) stays the same; the time that they hold
 *   (allocated, known, by signal, in each state, of each quantity) is scaled by new share / old share of the
 *   board. Work beyond what the new seat can hold is cut to it: it would have taken longer.
 * - Shares of the unit (compute, DRAM, copy, tensor) rise as the part gets smaller, to 1 at most; histograms
 *   move likewise, window by window, and what is cut in one window is not made up for in another. Bin 0,
 *   which reads as idle, stays bin 0. Between models of GPU nothing is converted: nobody measured that.
 * - MiB stay. Framebuffer as a share is of the new seat's memory; unknown where either size is. On a shared
 *   board readings are of the whole board, so the share is then an upper bound.
 * - States are those of the windows as they were; count of windows, samples, first and last time stay.
 * - All is worked out from the present's numbers and the last seat, never from a seat in between: a tenant
 *   that is moved away and back has what it had, to the bit.
 *
 * Boards
 * - A board is there for as long as it was (and its node is longer). What no tenant holds is idle, but for
 *   time of which neither holder nor state was known, which stays unknown, until a new tenant needs
 *   it. Time of a node that no unit accounts for, and that the fold put down as unobserved, gives way alike.
 * - A board that is cut anew: what its tenants do not hold, and instances without a tenant, is idle on the
 *   board's own unit, as the fold has the rest of a partitioned board. Its new instances are units with an
 *   id of "@" and the first slot, which no exporter writes.
 *
 * What a hired node costs is what the price list says of its type, place and capacity; gw_hire.hourly is not
 * looked at. Nor is the share of a seat: it follows from its form.
 */
#ifndef GW_ALLOCATE_AFTER_H
#define GW_ALLOCATE_AFTER_H

#include "fleet/copy.h"
#include "fleet/plan.h"
#include "fleet/usage.h"
#include "price/price.h"

#define GW_HIRE_GPUS_MAX 256 /* of one hired node: what GW_HIRED_GPU has room for */

typedef struct gw_after {
    gw_fleet fleet; /* indexes of the present hold; hired nodes and their GPUs come after them */
    gw_usage usage; /* likewise; without heat map and containers, of which no change says anything */
    gw_price_book book;
    gw_ledger ledger;
} gw_after;

/*
 * The changes one after the other. Each may rest on those before it, but for what they hired. What a change
 * leaves behind is checked, not the way there. f and u must outlive *ret.
 *
 * - units of a move are those on which its holds are in the present, also where an earlier change has moved
 *   them; from and was are where they are by then.
 * - A pod's move takes that pod's holds. A bundle's takes whatever was on the units and is not moved, in this
 *   change or an earlier one, as a pod's.
 * - A MIG seat on a board that is not cut by any change goes to an instance of the profile that nobody is on,
 *   the one that was there longest; start is not looked at, as no exporter says it.
 *
 * GW_EUSAGE says which part of which change cannot be: a seat that two tenants would have at one time, parts
 * of a board in two forms, more parts than the board has, a MIG layout that no board takes, a seat on a
 * released node, a released node with a tenant left (a hold, or a pod that runs and is no DaemonSet's),
 * memory or CPU beyond the node where both are known, a recorded memory peak beyond the seat's memory, a unit
 * that no exporter reports, a hired node without GPUs or without a price (its cost would be in no bill),
 * indexes of nothing. Such a change is a bug of the adviser or a file that somebody edited. GW_ELIMIT,
 * GW_ENOMEM. *ret is untouched on failure.
 *
 * Tenants that shared a unit in the present never had it at one time, whatever their first and last samples
 * say, unless it was handed out in parts.
 */
int gw_after_build(const gw_fleet *f, const gw_usage *u, const gw_price_list *prices,
                   const gw_change *const *changes, size_t n, gw_after *ret, gw_error *e);
void gw_after_free(gw_after *a);

#endif
