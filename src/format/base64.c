#include "format/base64.h"

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int gw_base64_decode(gw_arena *a, gw_str text, gw_str *ret)
{
    char *out = gw_arena_alloc(a, text.n / 4 * 3 + 4);
    if (!out)
        return GW_ENOMEM;
    uint32_t bits = 0;
    size_t n = 0, digits = 0, pads = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\r' || c == '\n')
            continue;
        if (c == '=') {
            pads++;
            continue;
        }
        int v = sextet(c);
        if (v < 0 || pads)
            return GW_ECORRUPT;
        bits = bits << 6 | (uint32_t)v;
        if (++digits % 4 == 0) {
            out[n++] = (char)(bits >> 16 & 255);
            out[n++] = (char)(bits >> 8 & 255);
            out[n++] = (char)(bits & 255);
        }
    }
    size_t rest = digits % 4;
    if (rest == 1 || pads != (rest ? 4 - rest : 0))
        return GW_ECORRUPT;
    if (rest == 3) {
        out[n++] = (char)(bits >> 10 & 255);
        out[n++] = (char)(bits >> 2 & 255);
    } else if (rest == 2) {
        out[n++] = (char)(bits >> 4 & 255);
    }
    out[n] = '\0';
    *ret = (gw_str){out, n};
    return 0;
}

void gw_base64_encode(gw_buf *b, gw_str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t left = bytes.n - i;
        const unsigned char *p = (const unsigned char *)bytes.p + i;
        uint32_t bits = (uint32_t)p[0] << 16 | (left > 1 ? (uint32_t)p[1] << 8 : 0) | (left > 2 ? p[2] : 0u);
        char out[4] = {digits[bits >> 18 & 63], digits[bits >> 12 & 63],
                       left > 1 ? digits[bits >> 6 & 63] : '=', left > 2 ? digits[bits & 63] : '='};
        gw_buf_add(b, out, sizeof(out));
    }
}
