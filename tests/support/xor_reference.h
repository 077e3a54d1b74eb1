/*
 * XOR chunks the plain way, bit by bit, for tests and benches: an encoder that makes them and a decoder to
 * compare with. Written from the format's description (docs of Prometheus' TSDB, "chunks.md" and
 * "bstream.md"), apart from src/observe/xor_chunk.c, so that the same mistake would have to be made twice.
 */
#ifndef GW_TESTS_SUPPORT_XOR_REFERENCE_H
#define GW_TESTS_SUPPORT_XOR_REFERENCE_H

#include "base/base.h"

typedef struct xor_writer {
    uint8_t *p;
    size_t cap;
    uint64_t bits; /* written so far */
    bool full;
    unsigned count;
    int64_t t, delta;
    uint64_t v;
    int lead, trail; /* the value window; lead < 0: none yet */
} xor_writer;

static inline void xor_put(xor_writer *w, uint64_t value, int n)
{
    for (int i = n - 1; i >= 0; i--) {
        if (w->bits / 8 >= w->cap) {
            w->full = true;
            return;
        }
        uint8_t mask = (uint8_t)(0x80 >> (w->bits % 8));
        if (w->bits % 8 == 0)
            w->p[w->bits / 8] = 0;
        if (value >> i & 1)
            w->p[w->bits / 8] |= mask;
        w->bits++;
    }
}

static inline void xor_put_uvarint(xor_writer *w, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        xor_put(w, (x & 0x7f) | 0x80, 8);
    xor_put(w, x, 8);
}

static inline void xor_begin(xor_writer *w, uint8_t *p, size_t cap)
{
    *w = (xor_writer){.p = p, .cap = cap, .lead = -1};
    xor_put(w, 0, 16);
}

static inline void xor_put_value(xor_writer *w, uint64_t v)
{
    uint64_t x = v ^ w->v;
    if (x == 0) {
        xor_put(w, 0, 1);
        return;
    }
    int lead = GW_MIN(__builtin_clzll(x), 31), trail = __builtin_ctzll(x);
    xor_put(w, 1, 1);
    if (w->lead >= 0 && lead >= w->lead && trail >= w->trail) {
        xor_put(w, 0, 1);
    } else {
        w->lead = lead;
        w->trail = trail;
        xor_put(w, 1, 1);
        xor_put(w, (uint64_t)lead, 5);
        xor_put(w, (uint64_t)(64 - lead - trail) & 63, 6);
    }
    xor_put(w, x >> w->trail, 64 - w->lead - w->trail);
}

/* A delta of deltas fits n bits from -(2^(n-1) - 1) to 2^(n-1): one more above than below. */
static inline bool xor_fits(int64_t x, int n)
{
    return x >= -((INT64_C(1) << (n - 1)) - 1) && x <= INT64_C(1) << (n - 1);
}

static inline void xor_append(xor_writer *w, int64_t t, double value)
{
    uint64_t v;
    memcpy(&v, &value, sizeof(v));
    if (w->count == 0) {
        xor_put_uvarint(w, ((uint64_t)t << 1) ^ (uint64_t)(t >> 63));
        xor_put(w, v, 64);
    } else if (w->count == 1) {
        w->delta = t - w->t;
        xor_put_uvarint(w, (uint64_t)w->delta);
        xor_put_value(w, v);
    } else {
        int64_t delta = (int64_t)((uint64_t)t - (uint64_t)w->t),
                dod = (int64_t)((uint64_t)delta - (uint64_t)w->delta);
        if (dod == 0) {
            xor_put(w, 0, 1);
        } else if (xor_fits(dod, 14)) {
            xor_put(w, 2, 2);
            xor_put(w, (uint64_t)dod, 14);
        } else if (xor_fits(dod, 17)) {
            xor_put(w, 6, 3);
            xor_put(w, (uint64_t)dod, 17);
        } else if (xor_fits(dod, 20)) {
            xor_put(w, 14, 4);
            xor_put(w, (uint64_t)dod, 20);
        } else {
            xor_put(w, 15, 4);
            xor_put(w, (uint64_t)dod, 64);
        }
        w->delta = delta;
        xor_put_value(w, v);
    }
    w->t = t;
    w->v = v;
    w->count++;
}

/* Writes the count; the chunk's length, or 0 when it did not fit. */
static inline size_t xor_end(xor_writer *w)
{
    if (w->full || w->count > 0xffff)
        return 0;
    w->p[0] = (uint8_t)(w->count >> 8);
    w->p[1] = (uint8_t)w->count;
    return (size_t)((w->bits + 7) / 8);
}

typedef struct xor_bits {
    const uint8_t *p;
    uint64_t at, end;
    bool over; /* read past the end */
} xor_bits;

static inline uint64_t xor_get(xor_bits *b, int n)
{
    uint64_t x = 0;
    for (int i = 0; i < n; i++) {
        if (b->at >= b->end) {
            b->over = true;
            return 0;
        }
        x = x << 1 | (b->p[b->at / 8] >> (7 - b->at % 8) & 1);
        b->at++;
    }
    return x;
}

static inline uint64_t xor_get_uvarint(xor_bits *b, bool *ok)
{
    uint64_t x = 0;
    for (int i = 0; i < 10; i++) {
        uint64_t byte = xor_get(b, 8);
        if (i == 9 && byte > 1)
            break;
        x |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80)
            return x;
    }
    *ok = false;
    return 0;
}

/* The samples of a chunk, at most cap (the chunk's count must not exceed it); -1 where the chunk is not whole
 * or not sane. */
static inline int xor_decode_plainly(const uint8_t *p, size_t len, int64_t *t, double *value, size_t cap)
{
    static const int sizes[] = {0, 14, 17, 20, 64};
    if (len < 2)
        return -1;
    unsigned n = (unsigned)p[0] << 8 | p[1];
    if (n > cap)
        return -1;
    xor_bits b = {p, 16, (uint64_t)len * 8, false};
    bool ok = true;
    uint64_t at = 0, delta = 0, v = 0;
    int lead = 0, trail = 0;
    for (unsigned i = 0; i < n; i++) {
        if (i == 0) {
            uint64_t z = xor_get_uvarint(&b, &ok);
            at = (z >> 1) ^ (0 - (z & 1));
            v = xor_get(&b, 64);
        } else {
            if (i == 1) {
                delta = xor_get_uvarint(&b, &ok);
            } else {
                int ones = 0;
                while (ones < 4 && xor_get(&b, 1))
                    ones++;
                int size = sizes[ones];
                uint64_t d = xor_get(&b, size);
                if (size > 0 && size < 64 && d > UINT64_C(1) << (size - 1))
                    d -= UINT64_C(1) << size;
                delta += d;
            }
            at += delta;
            if (xor_get(&b, 1)) {
                if (xor_get(&b, 1)) {
                    lead = (int)xor_get(&b, 5);
                    int size = (int)xor_get(&b, 6);
                    trail = 64 - lead - (size ? size : 64);
                    if (trail < 0)
                        return -1;
                }
                v ^= xor_get(&b, 64 - lead - trail) << trail;
            }
        }
        if (b.over || !ok)
            return -1;
        t[i] = (int64_t)at;
        memcpy(&value[i], &v, sizeof(v));
    }
    return (int)n;
}

#endif
