/* What people are told by mail, and signatures. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "operate/deliver_internal.h"

void gw_deliver_subject(const gw_deliver_message *m, gw_buf *b)
{
    size_t of[GW_N_EVENT_SEVERITIES] = {0}, resolved = 0;
    const gw_event *first = m->alerts[0].event;
    if (m->n == 1) {
        gw_buf_printf(b, "[gpuwise %s] %s: %s", m->config->cluster,
                      first->resolved ? "resolved" : gw_event_severity_name(first->severity), first->summary);
        return;
    }
    for (size_t i = 0; i < m->n; i++) {
        const gw_event *ev = m->alerts[i].event;
        *(ev->resolved ? &resolved : &of[ev->severity]) += 1;
    }
    gw_buf_printf(b, "[gpuwise %s] %zu alerts:", m->config->cluster, m->n);
    const char *comma = "";
    for (int s = GW_N_EVENT_SEVERITIES - 1; s >= 0; s--) {
        if (!of[s])
            continue;
        gw_buf_printf(b, "%s %zu %s", comma, of[s], gw_event_severity_name((gw_event_severity)s));
        comma = ",";
    }
    if (resolved)
        gw_buf_printf(b, "%s %zu resolved", comma, resolved);
}

int gw_deliver_mail(const gw_deliver_message *m, gw_buf *b, gw_error *e)
{
    char t[GW_TIME_TEXT_MAX];
    for (size_t i = 0; i < m->n && i < DELIVER_MAIL_SHOWN; i++) {
        const gw_event *ev = m->alerts[i].event;
        gw_buf_printf(b, "%s: %s\n", ev->resolved ? "RESOLVED" : gw_event_severity_name(ev->severity),
                      ev->summary);
        gw_buf_printf(b, "    since: %s\n", gw_time_format(m->alerts[i].opened_ms, t));
        if (ev->resolved)
            gw_buf_printf(b, "    until: %s\n", gw_time_format(ev->at_ms, t));
        for (size_t k = 0; k < ev->n_details; k++)
            gw_buf_printf(b, "    %s: %s\n", ev->details[k].key, ev->details[k].value);
        gw_buf_putc(b, '\n');
    }
    if (m->n > DELIVER_MAIL_SHOWN)
        gw_buf_printf(b, "and %zu more, no severer than these\n\n", m->n - DELIVER_MAIL_SHOWN);
    gw_buf_printf(b, "-- \ngpuwise, cluster %s\n", m->config->cluster);
    if (m->config->external_url)
        gw_buf_printf(b, "%s\n", m->config->external_url);
    return gw_buf_check(b, "the mail", e);
}

static void put_hex(const unsigned char *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

int gw_deliver_digest(gw_str bytes, char out[DELIVER_HEX_MAX], gw_error *e)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    if (!EVP_Digest(bytes.p, bytes.n, sum, &n, EVP_sha256(), NULL) || n != 32)
        return gw_fail(e, GW_EINTERNAL, "OpenSSL cannot compute SHA-256");
    put_hex(sum, n, out);
    return 0;
}

int gw_deliver_sign(gw_str key, int64_t now_ms, gw_str body, gw_buf *b, gw_error *e)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    char hex[DELIVER_HEX_MAX];
    gw_buf signed_text;
    if (key.n > INT32_MAX)
        return gw_fail(e, GW_ELIMIT, "the webhook's key is too long");
    gw_buf_init(&signed_text, DELIVER_BODY_BYTES_MAX + 64);
    gw_buf_printf(&signed_text, "%" PRId64 ".", now_ms / GW_SECOND_MS);
    gw_buf_add(&signed_text, body.p, body.n);
    int rc = gw_buf_check(&signed_text, "the signed message", e);
    if (!rc && (!HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)signed_text.data,
                      signed_text.len, sum, &n) ||
                n != 32))
        rc = gw_fail(e, GW_EINTERNAL, "OpenSSL cannot compute the signature");
    gw_buf_free(&signed_text);
    if (rc)
        return rc;
    put_hex(sum, n, hex);
    gw_buf_printf(b, "t=%" PRId64 ",v1=%s", now_ms / GW_SECOND_MS, hex);
    return gw_buf_check(b, "the signature", e);
}
