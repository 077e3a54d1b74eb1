/*
 * Delivery of alerts (operate/alert.h) to real receivers: the engine's gw_alert_send over HTTP and SMTP. One
 * message, one try; when to try again is the engine's to say.
 *
 * What is sent:
 *   alertmanager  POST /api/v2/alerts (Alertmanager's OpenAPI v2): labels from kind, cluster, severity and
 * the details that say what it is about; the rest as annotations slack         an incoming webhook's message:
 * `text`, and blocks (https://api.slack.com/reference/block-kit) webhook
 * {"version":1,"cluster","sentAt","alerts":[…]}, signed where there is a key: X-Gpuwise-Signature:
 * t=UNIX_SECONDS,v1=HEX with HEX = HMAC-SHA256(key, "UNIX_SECONDS" "." body). A receiver computes the same
 * over the bytes that came, compares in constant time, and refuses times that are minutes old. The same alert
 * may come twice; `key`, `status` and `startsAt` tell. pagerduty     Events API v2, trigger and resolve
 * (https://developer.pagerduty.com/docs/events-api-v2) email         text/plain, one mail for all that is due
 *
 * Messages for people name the 20 (mail: 100) severest alerts and count the others.
 *
 * Secrets are read for each message, so that a changed file is taken up; they are in no error message, and
 * wiped from memory after use where this code holds them. Not thread-safe: one user at a time, who may be
 * another than the one who made it.
 */
#ifndef GW_OPERATE_DELIVER_H
#define GW_OPERATE_DELIVER_H

#include "operate/alert.h"

typedef struct gw_deliver gw_deliver;

/* Checks and copies the configuration, and reads every secret once, so that a missing one is found at the
 * start: GW_ECONFIG with the route. Connects to nothing. */
int gw_deliver_new(const gw_alert_config *c, gw_deliver **ret, gw_error *e);
void gw_deliver_free(gw_deliver *d);

/* gw_alert_send; ctx is the gw_deliver. */
int gw_deliver_send(void *ctx, size_t route, const gw_alert *alerts, size_t n, int64_t now_ms,
                    gw_alert_reply *reply, gw_error *e);

#endif
