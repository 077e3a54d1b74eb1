/*
 * What the window would have looked like, had changes been made before it: the same work, in other seats.
 * A copy of fleet and usage is changed, priced and booked as the present is; so a promised bill is a ledger
 * like any other, and balances by the same rule.
 *
 * - A node that is released was never there. A hired one was there as long as its tenants need it.
 * - A tenant's holds go to its new seats; the work they did (used GPU time) stays the same, the time they
 *   hold (allocated, known, unknown) is scaled by new share / old share. Work beyond what the new seat can
 *   hold is cut to it: it would have taken longer.
 * - A node that gets a tenant is paid for as long as the tenant's holds lasted, also where it came later.
 * - What remains of a changed board is idle.
 */
#ifndef GW_ALLOCATE_AFTER_H
#define GW_ALLOCATE_AFTER_H

#include "fleet/plan.h"
#include "fleet/usage.h"
#include "price/price.h"

typedef struct gw_after {
    gw_fleet fleet; /* indexes of the present hold; hired nodes and their GPUs come after them */
    gw_usage usage;
    gw_price_book book;
    gw_ledger ledger;
} gw_after;

/* An independent copy with the same indexes. GW_ENOMEM; *ret is then as gw_fleet_init leaves it. */
int gw_fleet_copy(gw_fleet *ret, const gw_fleet *f, gw_error *e);
int gw_usage_copy(gw_usage *ret, const gw_usage *u, gw_error *e);

/*
 * The changes one after the other. Each may rest on those before it, but for what they hired.
 *
 * GW_EUSAGE says which part of which change cannot be: a seat that two tenants would have at one time, parts
 * of a board in two forms, more parts than the board has, a MIG layout that no board takes, a seat on a
 * released node, a released node with a tenant left, memory or CPU beyond the node where both are known.
 * Such a change is a bug of the adviser or a file that somebody edited. GW_ENOMEM. *ret is initialised by
 * this, and freed by gw_after_free in any case but failure.
 */
int gw_after_build(const gw_fleet *f, const gw_usage *u, const gw_price_list *prices,
                   const gw_change *const *changes, size_t n, gw_after *ret, gw_error *e);
void gw_after_free(gw_after *a);

#endif
