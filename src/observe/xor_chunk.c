#include "observe/xor_chunk.h"

/*
 * The longest sample is 4 + 64 bits of time and 2 + 5 + 6 + 64 bits of value, 145 bits; a load reads 9 bytes
 * from where its first bit lies. A sample that starts this many bytes before the end of the input can be read
 * without a bounds check.
 */
#define SAMPLE_REACH ((size_t)32)

#define DELTA_MAX (UINT64_C(1) << 40) /* ms; 34 years: with 65,535 of these no sum overflows */
#define T_MAX     (INT64_C(1) << 60)

/* Where the decoder stands and what it remembers: the sample before, its delta, and the last value window. */
typedef struct cursor {
    uint64_t bit;
    uint64_t t, delta, v; /* t unsigned, so that insane input wraps instead of overflowing */
    unsigned size, trail;
    bool insane;
} cursor;

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof(x));
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    x = __builtin_bswap64(x);
#endif
    return x;
}

/* At least 57 bits from `bit` on, the first one on top. */
static inline uint64_t peek(const uint8_t *p, uint64_t bit)
{
    return load64(p + (bit >> 3)) << (bit & 7);
}

/* Exactly n bits (1..64) from `bit` on. */
static inline uint64_t take(const uint8_t *p, uint64_t bit, unsigned n)
{
    uint64_t x = load64(p + (bit >> 3)) << (bit & 7) | (uint64_t)p[(bit >> 3) + 8] >> (8 - (bit & 7));
    return x >> (64 - n);
}

static inline uint64_t widen(uint64_t x, unsigned n)
{
    return x > UINT64_C(1) << (n - 1) ? x - (UINT64_C(1) << n) : x;
}

/* A delta of delta that is not 0: b holds its code. Seldom: scrapes are regular. */
static void read_dod(const uint8_t *p, cursor *c, uint64_t b)
{
    if (!(b >> 62 & 1)) {
        c->delta += widen(b >> 48 & 0x3fff, 14);
        c->bit += 2 + 14;
    } else if (!(b >> 61 & 1)) {
        c->delta += widen(b >> 44 & 0x1ffff, 17);
        c->bit += 3 + 17;
    } else if (!(b >> 60 & 1)) {
        c->delta += widen(b >> 40 & 0xfffff, 20);
        c->bit += 4 + 20;
    } else {
        c->delta += take(p, c->bit + 4, 64);
        c->bit += 4 + 64;
    }
    /* the delta changes nowhere else, so time ascends if it is positive here */
    c->insane |= c->delta - 1 >= DELTA_MAX;
}

/* The value code, which starts at c->bit; b holds it on top. */
static inline void read_value(const uint8_t *p, cursor *c, uint64_t b)
{
    if (!(b >> 63)) {
        c->bit += 1;
    } else if (!(b >> 62 & 1)) {
        c->v ^= take(p, c->bit + 2, c->size) << c->trail;
        c->bit += 2 + c->size;
    } else {
        unsigned lead = b >> 57 & 31, size = b >> 51 & 63;
        if (size == 0)
            size = 64;
        if (lead + size > 64) {
            c->insane = true;
            size = 1;
            lead = 0;
        }
        c->size = size;
        c->trail = 64 - lead - size;
        c->v ^= take(p, c->bit + 13, size) << c->trail;
        c->bit += 13 + size;
    }
}

static inline void store(double *value, uint64_t bits)
{
    memcpy(value, &bits, sizeof(bits));
}

/*
 * Samples i to n, as long as each starts at `last` at the latest; returns the first one not read. Branches
 * beat arithmetic here: real series are either dull (all branches predicted, several samples a turn) or noisy
 * throughout (the same branch every time), and a predicted branch takes the bit position off the critical
 * path.
 */
static size_t read_span(const uint8_t *p, cursor *state, size_t i, size_t n, uint64_t last, int64_t *t,
                        double *value)
{
    cursor c = *state;
    while (i < n && c.bit <= last) {
        uint64_t b = peek(p, c.bit);
        if (b >> 62 == 0) {
            /* two 0 bits: on time and the same value. Up to 8 of them in one turn; 8 are always written,
             * which is cheaper than counting, and what is too much is overwritten by what comes next */
            size_t run = (size_t)__builtin_clzll(b | UINT64_C(1) << 47) / 2;
            for (size_t k = 0; k < 8; k++) {
                t[i + k] = (int64_t)(c.t + c.delta * (k + 1));
                store(&value[i + k], c.v);
            }
            run = GW_MIN(run, n - i);
            c.t += c.delta * run;
            c.bit += 2 * run;
            i += run;
            continue;
        }
        if (b >> 63) {
            read_dod(p, &c, b);
            b = peek(p, c.bit);
        } else {
            c.bit++;
            b <<= 1;
        }
        c.t += c.delta;
        read_value(p, &c, b);
        t[i] = (int64_t)c.t;
        store(&value[i], c.v);
        i++;
    }
    *state = c;
    return i;
}

/* A varint at *at; false where it is cut off or does not fit 64 bits. */
static bool read_uvarint(const uint8_t *p, size_t len, size_t *at, uint64_t *ret)
{
    uint64_t x = 0;
    for (unsigned shift = 0; shift < 70 && *at < len; shift += 7) {
        uint8_t byte = p[(*at)++];
        if (shift == 63 && byte > 1)
            return false;
        x |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = x;
            return true;
        }
    }
    return false;
}

static int cut_off(gw_error *e, size_t len, size_t i, size_t n)
{
    return gw_fail(e, GW_ECORRUPT, "a chunk of %zu bytes ends in sample %zu of %zu", len, i + 1, n);
}

static int insane(gw_error *e, size_t len)
{
    return gw_fail(e, GW_ECORRUPT,
                   "a chunk of %zu bytes has time that does not advance or an impossible value window", len);
}

int gw_xor_chunk_count(const void *chunk, size_t len)
{
    const uint8_t *p = chunk;
    return len < 2 ? -1 : p[0] << 8 | p[1];
}

/* Samples 0 and 1, which are coded apart; leaves the cursor before sample 2. *ret_i: samples read. */
static int read_head(const uint8_t *p, size_t len, cursor *c, size_t n, int64_t *t, double *value,
                     gw_error *e)
{
    size_t at = 2;
    uint64_t zigzag;
    if (!read_uvarint(p, len, &at, &zigzag) || len - at < 8)
        return cut_off(e, len, 0, n);
    c->t = zigzag >> 1 ^ (0 - (zigzag & 1));
    c->v = load64(p + at);
    at += 8;
    t[0] = (int64_t)c->t;
    if (t[0] > T_MAX || t[0] < -T_MAX)
        return insane(e, len);
    store(&value[0], c->v);
    if (n == 1)
        return 0;
    if (!read_uvarint(p, len, &at, &c->delta) || at == len)
        return cut_off(e, len, 1, n);
    if (c->delta - 1 >= DELTA_MAX)
        return insane(e, len);
    uint8_t padded[2 * SAMPLE_REACH] = {0};
    memcpy(padded, p + at, GW_MIN(len - at, SAMPLE_REACH));
    read_value(padded, c, load64(padded));
    c->bit += (uint64_t)at * 8;
    if (c->bit > (uint64_t)len * 8)
        return cut_off(e, len, 1, n);
    c->t += c->delta;
    t[1] = (int64_t)c->t;
    store(&value[1], c->v);
    return 0;
}

int gw_xor_chunk_decode(const void *chunk, size_t len, int64_t *t, double *value, size_t cap, size_t *ret_n,
                        gw_error *e)
{
    const uint8_t *p = chunk;
    int count = gw_xor_chunk_count(chunk, len);
    if (count < 0)
        return gw_fail(e, GW_ECORRUPT, "a chunk of %zu bytes has no header", len);
    size_t n = (size_t)count;
    if (cap < n + GW_XOR_SLACK)
        return gw_fail(e, GW_ELIMIT, "a chunk of %zu samples where at most %zu fit", n,
                       cap - GW_MIN(cap, GW_XOR_SLACK));
    if (n == 0) {
        *ret_n = 0;
        return 0;
    }
    cursor c = {.size = 64};
    int rc = read_head(p, len, &c, n, t, value, e);
    if (rc)
        return rc;
    size_t i = GW_MIN(n, 2);
    if (len >= SAMPLE_REACH)
        i = read_span(p, &c, i, n, (uint64_t)(len - SAMPLE_REACH) * 8, t, value);
    if (i < n) {
        /* the rest once more from a copy with zeros behind it; a sample that reaches into those is cut off */
        uint8_t padded[3 * SAMPLE_REACH] = {0};
        size_t from = (size_t)(c.bit >> 3), rest = len - from;
        memcpy(padded, p + from, rest);
        c.bit -= (uint64_t)from * 8;
        i = read_span(padded, &c, i, n, (uint64_t)rest * 8, t, value);
        if (i < n || c.bit > (uint64_t)rest * 8)
            return cut_off(e, len, i - 1, n);
    }
    if (c.insane)
        return insane(e, len);
    *ret_n = n;
    return 0;
}
