/*
 * What reviews, statements and exports say of an hour's sums. One definition for each number:
 *
 *   utilisation     used GPU time / allocated GPU time that a compute sample covers. Of held time only: rows
 * of GW_KEY_IDLE and GW_KEY_OVERHEAD have none. unknown share   allocated GPU time that no compute sample
 * covers / allocated GPU time. Belongs beside every utilisation. $ per paid      bill / paid GPU-hours that
 * have a price $ per used      (bill - unknown) / used GPU-hours: the cost of time that nobody measured is in
 * neither. Unknown where a part of the time has no price, since nobody knows which used hours that part had,
 * and where nothing was used.
 *
 * What is not known is negative (shares) or GW_MICRO_UNKNOWN (money), never 0.
 */
#ifndef GW_OPERATE_REVIEW_NUMBERS_H
#define GW_OPERATE_REVIEW_NUMBERS_H

#include "format/doc.h"
#include "store/hour.h"

/* Whether the amounts mean anything: they are none where all of the GPU time is without a price. */
bool gw_measures_priced(const gw_measures *m);
double gw_measures_utilisation(const gw_measures *m);
double gw_measures_unknown_share(const gw_measures *m);
/* Share of allocated time in a state, of the time whose state is known; negative where none is. */
double gw_measures_state_share(const gw_measures *m, gw_state s);
gw_micro gw_measures_per_paid(const gw_measures *m);
gw_micro gw_measures_per_used(const gw_measures *m);
/* GPU-hours; negative where the time is not known. */
double gw_measures_hours(int64_t gpu_ms);

/* The amount, or GW_MICRO_UNKNOWN where m has no price. */
gw_micro gw_measures_money(const gw_measures *m, gw_micro amount);

/* The members "cost" and "gpuHours" of the object that is open, named as in `report -o json`. */
void gw_measures_write(gw_doc *d, const gw_measures *m);

/* {"start", "end"}; key as in gw_doc. */
void gw_interval_write(gw_doc *d, const char *key, gw_interval i);

/* True where the namespace is one that no pod holds: GW_KEY_IDLE or GW_KEY_OVERHEAD. */
bool gw_is_shared_namespace(const char *ns);
/* True where a dimension says nothing: NULL, "" or GW_KEY_UNALLOCATED. */
bool gw_is_nobody(const char *key);

#endif
