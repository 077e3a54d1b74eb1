/*
 * Copies of fleet and usage. gw_fleet_copy and gw_usage_copy share with the original what does not change,
 * for whoever changes a few things and throws the copy away while the original stands. gw_fleet_clone shares
 * nothing: its copy may go to another thread and outlive the original.
 */
#ifndef GW_FLEET_COPY_H
#define GW_FLEET_COPY_H

#include "fleet/usage.h"

/*
 * A copy with the same indexes, which can be added to and changed. Texts, and what rules and taints point to,
 * are the original's, which must outlive the copy and not be resolved anew meanwhile. A text that is interned
 * anew has another pointer than the original's: compare with gw_eq. GW_ENOMEM; *ret is then as gw_fleet_init
 * leaves it.
 */
int gw_fleet_copy(gw_fleet *ret, const gw_fleet *f, gw_error *e);

/*
 * A copy with the same indexes, without heat map and containers. Histograms are borrowed from the original
 * (gw_stats.borrows), which must outlive the copy: they are most of its bytes. GW_ENOMEM; *ret is then
 * untouched.
 */
int gw_usage_copy(gw_usage *ret, const gw_usage *u, gw_error *e);

/*
 * A copy with the same indexes that shares nothing with the original, not even texts. Costs an interning of
 * every text. GW_ENOMEM, GW_ELIMIT; *ret is then as gw_fleet_init leaves it.
 */
int gw_fleet_clone(gw_fleet *ret, const gw_fleet *f, gw_error *e);

#endif
