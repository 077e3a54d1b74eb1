/*
 * The books as FOCUS 1.2 (FinOps Open Cost and Usage Specification, https://focus.finops.org): one charge a
 * leaf and hour, or a day, as CSV. All mandatory columns and the conditional ones that apply; what FOCUS has
 * no word for (used, wasted, idle; namespace, pod, team) is in columns that begin with x_, as the
 * specification wants.
 *
 * What the rows mean:
 *   BilledCost, EffectiveCost, ListCost and ContractedCost are the same: gpuwise knows one price of a node,
 * the one it books. Their sum over the file is the store's bill of the interval, to the micro-dollar.
 *   PricingQuantity is GPU-hours, and the unit prices are cost / quantity to twelve decimals. A charge
 * without GPU time (the control plane, the part of a node that is not GPU) is priced in Hours of it.
 *   BillingPeriod is the calendar month (UTC) of the charge; a Correction's, of when it was found.
 *   BillingAccount is what the options name, SubAccount the cluster.
 *   ProviderName is read off the instance type's spelling ("p4d.24xlarge", "a2-highgpu-1g",
 * "Standard_NC24ads_A100_v4"), else the options'. PricingCategory: on demand "Standard", spot "Dynamic", all
 * else "Other". Tags are the ownership fields that are known, as labels gave them.
 *
 * GPU time without a price has no row: FOCUS forbids an unknown cost, and 0 would be a lie. The statistics
 * count it.
 *
 * Corrections: a corrected hour is exported as it is now. For who keeps earlier exports, `corrections_since`
 * adds a row of ChargeClass "Correction" for each change that was recorded since then to an hour before the
 * interval, so that earlier exports (made at corrections_since) and this one add up to the books.
 *
 * Memory: hours stream through; a file of days keeps one day's charges, at most GW_FOCUS_DAY_ROWS_MAX.
 */
#ifndef GW_OPERATE_FOCUS_H
#define GW_OPERATE_FOCUS_H

#include "store/store.h"

#define GW_FOCUS_DAY_ROWS_MAX ((size_t)1000000)

typedef struct gw_focus_options {
    const char *cluster;                   /* NULL: all */
    gw_interval when;                      /* whole hours; whole days where `daily` */
    bool daily;                            /* one row a charge and day */
    int64_t corrections_since_ms;          /* 0: none */
    const char *account_id, *account_name; /* NULL: "gpuwise", "gpuwise books" */
    const char *provider;                  /* where the instance type does not tell; NULL: "Unknown" */
} gw_focus_options;

typedef struct gw_focus_stats {
    uint64_t rows, corrections, hours; /* hours: pages that were read */
    gw_micro billed;                   /* sum of BilledCost but those of corrections */
    gw_micro corrected;                /* sum of theirs */
    uint64_t unpriced_leaves;          /* left out */
    int64_t unpriced_ms;               /* GPU time in no row */
} gw_focus_stats;

/* Takes the next bytes of the file; non-zero stops and is returned. */
typedef int (*gw_focus_sink)(void *ctx, const char *p, size_t n, gw_error *e);

/*
 * Writes the header and the rows. GW_EWINDOW for an interval that is not of whole hours (or days), GW_ELIMIT
 * for more charges of a day than GW_FOCUS_DAY_ROWS_MAX or more corrections than GW_CORRECTIONS_MAX;
 * GW_ENODATA, after all that there is was written, where closed hours have lost their pages to retention.
 * *stats is filled on success; may be NULL.
 */
int gw_focus_write(gw_store *s, const gw_focus_options *o, gw_focus_sink sink, void *ctx,
                   gw_focus_stats *stats, gw_error *e);

/* ---- the pure parts ------------------------------------------------------------------------------------ */

typedef struct gw_focus gw_focus;

/* A writer of one file. o, and the texts in it, must outlive it. The header is written with the first bytes.
 */
int gw_focus_open(const gw_focus_options *o, gw_focus_sink sink, void *ctx, gw_focus **ret, gw_error *e);
/* Hours in order of time. */
int gw_focus_hour(gw_focus *f, const gw_hour *h, gw_error *e);
int gw_focus_correction(gw_focus *f, const gw_correction *c, gw_error *e);
/* What is left, then the statistics. */
int gw_focus_finish(gw_focus *f, gw_focus_stats *ret, gw_error *e);
void gw_focus_free(gw_focus *f);

/* "Amazon Web Services", "Google Cloud", "Microsoft Azure", or NULL where the spelling is none of theirs. */
const char *gw_focus_provider(const char *instance_type);

#endif
