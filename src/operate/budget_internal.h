/* What the files of budgets share. */
#ifndef GW_OPERATE_BUDGET_INTERNAL_H
#define GW_OPERATE_BUDGET_INTERNAL_H

#include "operate/budget.h"

/* ---- budget_hours.c: which hours the store has ---- */

typedef struct gw_cluster_hours {
    const char *name;
    gw_interval extent;
    uint8_t *closed; /* one for each hour of gw_closed_hours.when */
} gw_cluster_hours;

typedef struct gw_closed_hours {
    gw_interval when; /* whole hours */
    gw_cluster_hours *clusters;
    size_t n;
} gw_closed_hours;

/* In the arena. */
int gw_closed_hours_read(gw_store *s, gw_interval when, gw_arena *a, gw_closed_hours *ret, gw_error *e);
/*
 * Whether what the hour cost is not in the store, for a rule of one cluster (NULL: of all): no cluster closed
 * it, or one did not that was watched before and is not gone.
 */
bool gw_closed_hours_missing(const gw_closed_hours *h, const char *cluster, int64_t hour_ms, int64_t now_ms);
/* Until when all of the rule's clusters that are not gone have closed their newest hours; INT64_MIN: there
 * are none. */
int64_t gw_closed_hours_end(const gw_closed_hours *h, const char *cluster, int64_t now_ms);
/* The start of the first; INT64_MAX: none. */
int64_t gw_closed_hours_start(const gw_closed_hours *h, const char *cluster);

/* ---- budget_told.c: what was told ---- */

typedef struct gw_budget_told {
    int64_t period_ms; /* that it is about; INT64_MIN: nothing was told yet */
    struct {
        double at;
        bool forecast;
        int64_t ms;
    } items[GW_BUDGET_THRESHOLDS_MAX * 2 + 2]; /* the rule's thresholds may have changed since */
    size_t n;
} gw_budget_told;

/* What the store says; a document that is damaged is as none. */
int gw_budget_told_read(gw_store *s, const char *name, gw_arena *a, gw_budget_told *ret, gw_error *e);
/* The entry's index; SIZE_MAX. */
size_t gw_budget_told_find(const gw_budget_told *t, double at, bool forecast);
/* Compares the state with what was told: adds events, and puts the new document where something changed. */
int gw_budget_tell(gw_store *s, const gw_budget_state *b, gw_budget_told *t, int64_t now_ms,
                   gw_events *events, gw_error *e);

#endif
