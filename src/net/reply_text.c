#include "net/reply_text.h"

#include <strings.h>

#define REASON_NEST_MAX 2    /* {"error":{"message":…}} */
#define REASON_TEXT_MAX 1024 /* decoded bytes of a JSON string that are looked at */

/* Decodes one UTF-8 sequence. Returns its length, or 0 where the bytes are none (RFC 3629: no surrogates,
 * nothing over-long). */
static size_t utf8_decode(const unsigned char *p, size_t n, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t c = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (p[i] >> 6 != 2)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return 0;
    *ret = c;
    return len;
}

static size_t utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t len = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00u >> len & 0xff) | c);
    return len;
}

static bool is_blank(uint32_t c)
{
    return c <= 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

size_t gw_text_line(gw_str s, char *out, size_t cap)
{
    size_t n = 0, broken = 0;
    bool gap = false;
    if (cap == 0)
        return 0;
    for (size_t i = 0, len; i < s.n; i += len) {
        uint32_t c = 0;
        len = utf8_decode((const unsigned char *)s.p + i, s.n - i, &c);
        const char *from = s.p + i;
        size_t bytes = len;
        if (len == 0) {
            from = "?";
            len = bytes = 1;
            broken++;
        } else if (is_blank(c)) {
            gap = n > 0;
            continue;
        }
        if (n + bytes + (gap ? 1 : 0) + 4 > cap) {
            int cut = snprintf(out + n, cap - n, "...");
            GW_UNUSED(cut);
            return broken;
        }
        if (gap)
            out[n++] = ' ';
        gap = false;
        memcpy(out + n, from, bytes);
        n += bytes;
    }
    out[n] = '\0';
    return broken;
}

/* ---- a look into JSON that may be cut off: no tree, no recursion, every step moves forward ---- */

typedef struct cursor {
    const char *p, *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
        c->p++;
}

static bool take(cursor *c, char want)
{
    skip_blanks(c);
    if (c->p == c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

static bool take_hex4(cursor *c, uint32_t *ret)
{
    uint32_t v = 0;
    if (c->end - c->p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char d = c->p[i];
        int digit = d >= '0' && d <= '9'   ? d - '0'
                    : d >= 'a' && d <= 'f' ? d - 'a' + 10
                    : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                           : -1;
        if (digit < 0)
            return false;
        v = v << 4 | (uint32_t)digit;
    }
    c->p += 4;
    *ret = v;
    return true;
}

/* The character after "\u"; a lone surrogate becomes U+FFFD. */
static uint32_t take_unicode(cursor *c)
{
    uint32_t high, low;
    if (!take_hex4(c, &high))
        return 0xfffd;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    cursor next = *c;
    if (high < 0xdc00 && next.end - next.p >= 6 && next.p[0] == '\\' && next.p[1] == 'u') {
        next.p += 2;
        if (take_hex4(&next, &low) && low >= 0xdc00 && low <= 0xdfff) {
            *c = next;
            return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return 0xfffd;
}

/* Reads the string whose opening quote has been taken; keeps what fits. A string that is cut off is what
 * came. */
static size_t take_string(cursor *c, char *out, size_t cap)
{
    size_t n = 0;
    while (c->p < c->end && *c->p != '"') {
        char piece[4] = {*c->p++};
        size_t len = 1;
        if (piece[0] == '\\' && c->p < c->end) {
            char esc = *c->p++;
            if (esc == 'u')
                len = utf8_encode(take_unicode(c), piece);
            else
                piece[0] = esc == 'n' || esc == 't' || esc == 'r' || esc == 'b' || esc == 'f' ? ' ' : esc;
        }
        if (n + len <= cap) {
            memcpy(out + n, piece, len);
            n += len;
        }
    }
    if (c->p < c->end)
        c->p++;
    return n;
}

static void skip_value(cursor *c)
{
    size_t depth = 0;
    while (c->p < c->end) {
        char ch = *c->p;
        if (depth == 0 && (ch == ',' || ch == '}' || ch == ']'))
            return;
        c->p++;
        if (ch == '"')
            take_string(c, NULL, 0);
        else if (ch == '{' || ch == '[')
            depth++;
        else if (ch == '}' || ch == ']')
            depth--;
    }
}

/* The first string member called "error" or "message", in this object or in one that is called so. */
static size_t json_reason(cursor *c, char *out, size_t cap)
{
    int nest = 0;
    while (take(c, '{') && nest++ < REASON_NEST_MAX) {
        bool deeper = false;
        do {
            char key[16];
            if (!take(c, '"'))
                return 0;
            gw_str name = {key, take_string(c, key, sizeof(key))};
            if (!take(c, ':'))
                return 0;
            skip_blanks(c);
            bool wanted =
                gw_str_is(name, "error") || gw_str_is(name, "message") || gw_str_is(name, "Message");
            if (wanted && take(c, '"'))
                return take_string(c, out, cap);
            deeper = wanted && c->p < c->end && *c->p == '{';
            if (!deeper)
                skip_value(c);
        } while (!deeper && take(c, ','));
        if (!deeper)
            return 0;
    }
    return 0;
}

static gw_str html_title(gw_str body)
{
    static const char open[] = "<title>";
    for (size_t i = 0; i + sizeof(open) - 1 < body.n; i++) {
        if (strncasecmp(body.p + i, open, sizeof(open) - 1) != 0)
            continue;
        const char *from = body.p + i + sizeof(open) - 1;
        size_t rest = body.n - (size_t)(from - body.p);
        const char *to = memchr(from, '<', rest);
        return (gw_str){from, to ? (size_t)(to - from) : rest};
    }
    return (gw_str){body.p, 0};
}

void gw_reply_reason(gw_str body, char *out, size_t cap)
{
    char text[REASON_TEXT_MAX];
    cursor c = {body.p, body.p + body.n};
    skip_blanks(&c);
    gw_str from = {c.p, (size_t)(c.end - c.p)};
    if (from.n && from.p[0] == '{') {
        size_t n = json_reason(&c, text, sizeof(text));
        if (n)
            from = (gw_str){text, n};
    } else if (from.n && from.p[0] == '<') {
        from = html_title(from);
    }
    size_t broken = gw_text_line(from, out, cap);
    /* compressed or binary: not words */
    if (cap && broken > strlen(out) / 4)
        out[0] = '\0';
}
