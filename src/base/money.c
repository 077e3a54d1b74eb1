#include "base/money.h"

#include <math.h>

#include "base/mem.h"

bool gw_micro_parse(gw_str s, gw_micro *ret)
{
    size_t i = 0;
    bool negative = s.n && s.p[0] == '-', round_up = false;
    int64_t v = 0;
    int decimals = -1, digits = 0;
    for (i = negative; i < s.n; i++) {
        char c = s.p[i];
        if (c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        digits++;
        if (decimals >= 6) {
            round_up = decimals == 6 ? c >= '5' : round_up;
            decimals++;
            continue;
        }
        if (v > (INT64_MAX / 4 - 9) / 10 / GW_USD)
            if (decimals < 0)
                return false;
        v = v * 10 + (c - '0');
        decimals += decimals >= 0;
    }
    if (digits == 0)
        return false;
    for (int d = GW_MAX(decimals, 0); d < 6; d++)
        v *= 10;
    v += round_up;
    *ret = negative ? -v : v;
    return true;
}

gw_micro gw_micro_for(gw_micro per_hour, int64_t duration_ms)
{
    if (!gw_micro_known(per_hour))
        return GW_MICRO_UNKNOWN;
    __int128 v = (__int128)per_hour * duration_ms;
    __int128 half = 1800000;
    v = (v + (v < 0 ? -half : half)) / 3600000;
    return v > INT64_MAX ? INT64_MAX : v < -INT64_MAX ? -INT64_MAX : (gw_micro)v;
}

const char *gw_micro_format(gw_micro m, char out[GW_MICRO_TEXT_MAX])
{
    uint64_t v = m < 0 ? -(uint64_t)m : (uint64_t)m;
    snprintf(out, GW_MICRO_TEXT_MAX, "%s%" PRIu64 ".%06" PRIu64, m < 0 ? "-" : "", v / 1000000, v % 1000000);
    return out;
}

const char *gw_micro_format_human(gw_micro m, char out[GW_MICRO_TEXT_MAX])
{
    uint64_t v = m < 0 ? -(uint64_t)m : (uint64_t)m;
    uint64_t cents = (v + 5000) / 10000;
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%" PRIu64, cents / 100), o = 0;
    if (m < 0 && cents)
        out[o++] = '-';
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            out[o++] = ',';
        out[o++] = digits[i];
    }
    snprintf(out + o, (size_t)(GW_MICRO_TEXT_MAX - o), ".%02" PRIu64, cents % 100);
    return out;
}

typedef struct remainder_of {
    double fraction;
    size_t index;
} remainder_of;

static int by_fraction(const void *a, const void *b)
{
    const remainder_of *x = a, *y = b;
    if (x->fraction != y->fraction)
        return x->fraction > y->fraction ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

int gw_apportion(gw_micro whole, const double *weight, size_t n, gw_micro *ret)
{
    long double total = 0;
    for (size_t i = 0; i < n; i++)
        total += weight[i];
    if (!(total > 0)) {
        memset(ret, 0, n * sizeof(*ret));
        ret[n - 1] = whole;
        return 0;
    }
    remainder_of *rest = gw_malloc(n * sizeof(*rest));
    if (!rest)
        return GW_ENOMEM;
    __int128 given = 0; /* parts that are a little too large may add up to more than 64 bits */
    for (size_t i = 0; i < n; i++) {
        long double exact = (long double)whole * ((long double)weight[i] / total);
        long double down = floorl(exact);
        ret[i] = (gw_micro)down;
        given += ret[i];
        /* a part of weight 0 never gets a rounding cent */
        rest[i] = (remainder_of){weight[i] > 0 ? (double)(exact - down) : -1.0, i};
    }
    qsort(rest, n, sizeof(*rest), by_fraction);
    __int128 left = whole - given;
    for (size_t i = 0; left > 0; i = (i + 1) % n) {
        if (weight[rest[i].index] > 0) {
            ret[rest[i].index]++;
            left--;
        }
    }
    /* a total that is off in the last bits of a long double can overshoot: take it back, largest remainder
     * first */
    for (size_t i = 0; left < 0; i = (i + 1) % n) {
        gw_micro *part = &ret[rest[i].index];
        if (*part > 0 || (whole < 0 && weight[rest[i].index] > 0)) {
            --*part;
            left++;
        }
    }
    gw_free(rest);
    return 0;
}
