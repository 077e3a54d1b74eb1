/* Inside delivery: what deliver.c (sending) and deliver_body.c, deliver_text.c (what is said) share. Nobody
 * else includes this but their tests. */
#ifndef GW_OPERATE_DELIVER_INTERNAL_H
#define GW_OPERATE_DELIVER_INTERNAL_H

#include "base/buf.h"
#include "operate/alert_internal.h"

#define DELIVER_BODY_BYTES_MAX ((size_t)16 << 20)
#define DELIVER_SLACK_SHOWN    20
#define DELIVER_MAIL_SHOWN     100

/* What every message is made from. */
typedef struct gw_deliver_message {
    const gw_alert_config *config;
    const gw_alert *alerts;
    size_t n;
    int64_t now_ms;
} gw_deliver_message;

int gw_deliver_alertmanager(const gw_deliver_message *m, gw_buf *b, gw_error *e);
int gw_deliver_slack(const gw_deliver_message *m, gw_buf *b, gw_error *e);
int gw_deliver_webhook(const gw_deliver_message *m, gw_buf *b, gw_error *e);
/* Of the first alert only. */
int gw_deliver_pagerduty(const gw_deliver_message *m, const char *routing_key, gw_buf *b, gw_error *e);

/* One line: the alert's summary, or how many there are and how severe. */
void gw_deliver_subject(const gw_deliver_message *m, gw_buf *b);
/* Plain text for mail. */
int gw_deliver_mail(const gw_deliver_message *m, gw_buf *b, gw_error *e);

#define DELIVER_HEX_MAX 65
/* "t=1700000000,v1=hex" over body, and the hex of SHA-256 of bytes. 0 or GW_EINTERNAL, GW_ENOMEM. */
int gw_deliver_sign(gw_str key, int64_t now_ms, gw_str body, gw_buf *b, gw_error *e);
int gw_deliver_digest(gw_str bytes, char out[DELIVER_HEX_MAX], gw_error *e);

#endif
