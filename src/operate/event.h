/*
 * What is worth telling somebody: a budget's threshold was reached, a cost jumped, the data went stale. Those
 * who judge make events; operate/alert decides who hears of them, once, and when.
 *
 * An event is plain data. Its texts belong to who made it and live as long as the list that holds it.
 */
#ifndef GW_OPERATE_EVENT_H
#define GW_OPERATE_EVENT_H

#include "base/base.h"
#include "base/mem.h"
#include "base/time.h"

/* Not gw_severity: a finding has degrees of money, an event has degrees of haste. */
typedef enum gw_event_severity {
    GW_EVENT_INFO,
    GW_EVENT_WARNING,
    GW_EVENT_ERROR,
    GW_EVENT_CRITICAL,
    GW_N_EVENT_SEVERITIES,
} gw_event_severity;

/* "info", "warning", "error", "critical": PagerDuty's words.
 * https://developer.pagerduty.com/docs/events-api-v2 */
const char *gw_event_severity_name(gw_event_severity s);
/* GW_N_EVENT_SEVERITIES where there is no such word. */
gw_event_severity gw_event_severity_find(gw_str name);

#define GW_EVENT_KEY_MAX     255 /* bytes of dedup_key: PagerDuty's bound */
#define GW_EVENT_DETAILS_MAX 32
#define GW_EVENTS_MAX        10000 /* of one list */

typedef struct gw_event_detail {
    const char *key, *value; /* "spent" "9,600.12 USD": for people and for labels; never NULL */
} gw_event_detail;

typedef struct gw_event {
    const char *kind;      /* "budget-threshold", "budget-forecast", "anomaly-cost", "data-stale", … */
    const char *dedup_key; /* what this is about, and when, in at most GW_EVENT_KEY_MAX bytes: two events with
                              the same key are the same matter, told once; a resolved one ends it */
    gw_event_severity severity;
    const char *summary; /* one line that stands alone */
    const gw_event_detail *details;
    size_t n_details;
    int64_t at_ms; /* when it became true, not when it was noticed */
    bool resolved; /* it is over */
} gw_event;

typedef struct gw_events {
    gw_event *items;
    size_t n, cap;
    gw_arena arena; /* of the texts */
} gw_events;

void gw_events_init(gw_events *l);
void gw_events_free(gw_events *l);
/* Forgets all; keeps memory. */
void gw_events_clear(gw_events *l);
/*
 * Adds a copy, texts and details included. A dedup_key that is longer than its bound is cut and ends in a
 * hash of the whole, so that different keys stay different. GW_ENOMEM; GW_ELIMIT beyond GW_EVENTS_MAX;
 * GW_EINTERNAL where there are more than GW_EVENT_DETAILS_MAX details.
 */
int gw_events_add(gw_events *l, const gw_event *ev, gw_error *e);

#endif
