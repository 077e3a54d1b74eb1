/* Base64 (RFC 4648, section 4) as kubeconfigs and PEM-in-YAML hold it. */
#ifndef GW_FORMAT_BASE64_H
#define GW_FORMAT_BASE64_H

#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"

/*
 * Decodes into the arena; the result is NUL-terminated beyond its end. Line breaks are passed over, as Go's
 * decoder does. GW_ECORRUPT for another byte outside the alphabet, wrong padding or a cut end, without a
 * message: the caller knows what the text was. GW_ENOMEM.
 */
int gw_base64_decode(gw_arena *a, gw_str text, gw_str *ret);

/* Appends the padded encoding, without line breaks. */
void gw_base64_encode(gw_buf *b, gw_str bytes);

#endif
