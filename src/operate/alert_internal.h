/*
 * Inside the alert engine: what alert.c (who hears of what, and when), alert_entry.c (one alert, and its
 * document), alert_config.c and deliver*.c share. Nobody else includes this.
 */
#ifndef GW_OPERATE_ALERT_INTERNAL_H
#define GW_OPERATE_ALERT_INTERNAL_H

#include "base/buf.h"
#include "base/mem.h"
#include "operate/alert.h"

#define ALERT_DOCUMENT_BYTES_MAX ((size_t)512 << 10)
#define ALERT_TEXT_MAX           1024 /* bytes of a summary, or of a detail's value; longer ones are cut */

/* Copies the configuration, names filled in, into the arena. 0 or GW_ENOMEM. */
int gw_alert_config_copy(const gw_alert_config *c, gw_arena *a, gw_alert_config *ret, gw_error *e);

/* Details that say what an alert is about. They do not change while it is open, so that receivers that know
 * an alert by its labels see one alert. */
bool gw_alert_is_label(const char *detail_key);

/* One alert on one route. */
typedef struct gw_alert_entry {
    gw_event *event; /* one block; freed with gw_free */
    uint64_t hash;   /* of dedup_key */
    bool pending;    /* the newest word has not been told */
    bool told;       /* it was told that this is so */
    bool unsaved;
    bool alone; /* refused in company: goes by itself */
    gw_event_severity told_severity;
    int64_t opened_ms, queued_ms; /* queued: since when it is pending */
    int64_t told_ms;              /* the last time; 0: never */
    int64_t said_ms;              /* the last time, repeats to Alertmanager included; not kept on the shelf */
    int64_t not_before_ms;        /* refused: when it may be tried again */
    bool gone;                    /* ended and told, but the shelf has not dropped its document yet */
    uint64_t version;             /* grows with each change, so that a delivery knows what it has told */
} gw_alert_entry;

/* A copy of the event in one block, freed with gw_free. labels_of: where its labels come from instead (NULL:
 * from itself). NULL: out of memory. */
gw_event *gw_alert_event_copy(const gw_event *ev, const gw_event *labels_of);

/* The entry's document. */
int gw_alert_entry_write(const gw_alert_entry *x, gw_buf *b, gw_error *e);
/* Reads one. GW_ECORRUPT, GW_ENOMEM; *ret is untouched on failure. */
int gw_alert_entry_read(gw_str body, gw_alert_entry *ret, gw_error *e);

#endif
