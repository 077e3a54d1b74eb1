#include "base/number.h"

#include <errno.h>
#include <math.h>

#define NUMBER_TEXT_MAX 64

bool gw_parse_int64(gw_str s, int64_t *ret)
{
    char text[NUMBER_TEXT_MAX];
    if (s.n == 0 || s.n >= sizeof(text))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (!(text[0] == '-' || text[0] == '+' || (text[0] >= '0' && text[0] <= '9')))
        return false;
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end != text + s.n)
        return false;
    *ret = v;
    return true;
}

bool gw_parse_double(gw_str s, double *ret)
{
    static const double pow10[] = {1,   1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    /* the fast way: up to 15 digits with an optional point is exact in a double, divided by an exact power of
     * ten */
    size_t i = 0, digits = 0, after = 0;
    bool negative = false, point = false;
    uint64_t v = 0;
    if (s.n && (s.p[0] == '-' || s.p[0] == '+')) {
        negative = s.p[0] == '-';
        i = 1;
    }
    for (; i < s.n && digits <= 15; i++) {
        char c = s.p[i];
        if (c >= '0' && c <= '9') {
            v = v * 10 + (uint64_t)(c - '0');
            digits++;
            after += point;
        } else if (c == '.' && !point) {
            point = true;
        } else {
            break;
        }
    }
    if (i == s.n && digits > 0 && digits <= 15) {
        double d = (double)v / pow10[after];
        *ret = negative ? -d : d;
        return true;
    }
    char text[NUMBER_TEXT_MAX];
    if (s.n == 0 || s.n >= sizeof(text))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    for (size_t k = 0; k < s.n; k++) {
        /* strtod would also take blanks, hexadecimal and NaN(...) */
        if (!text[k] || !strchr("0123456789+-.eEnNaAiIfFtTyY", text[k]))
            return false;
    }
    char *end;
    double d = strtod(text, &end);
    if (*end || end == text)
        return false;
    *ret = d;
    return true;
}

bool gw_parse_quantity_milli(gw_str s, int64_t *ret_milli)
{
    static const struct {
        const char *suffix;
        double factor;
    } units[] = {{"n", 1e-9},
                 {"u", 1e-6},
                 {"m", 1e-3},
                 {"k", 1e3},
                 {"M", 1e6},
                 {"G", 1e9},
                 {"T", 1e12},
                 {"P", 1e15},
                 {"E", 1e18},
                 {"Ki", 1024.0},
                 {"Mi", 1048576.0},
                 {"Gi", 1073741824.0},
                 {"Ti", 1099511627776.0},
                 {"Pi", 1125899906842624.0},
                 {"Ei", 1152921504606846976.0}};
    bool has_suffix = false;
    double factor = 1, v;
    for (size_t i = 0; i < GW_COUNT(units); i++) {
        size_t n = strlen(units[i].suffix);
        if (s.n > n && memcmp(s.p + s.n - n, units[i].suffix, n) == 0) {
            factor = units[i].factor;
            s.n -= n;
            has_suffix = true;
            break;
        }
    }
    /* the exponent is a suffix too: "1e3k" has two */
    if (has_suffix && (memchr(s.p, 'e', s.n) || memchr(s.p, 'E', s.n)))
        return false;
    if (!gw_parse_double(s, &v) || !isfinite(v))
        return false;
    v *= factor * 1000;
    *ret_milli = v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)llround(v);
    return true;
}
