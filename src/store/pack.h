/*
 * Bytes that the store keeps: integers of variable length, and an envelope that says what is in it, of which
 * version, and guards it with a checksum. Internal to the store.
 *
 * Envelope, little-endian: magic (4 bytes), version (1), method (1: 0 stored, 1 deflated), 2 zero bytes,
 * length of the body unpacked (u32), a number of the writer's (u32), CRC-32C of the 16 bytes before it and of
 * everything behind it (u32); then the body.
 */
#ifndef GW_STORE_PACK_H
#define GW_STORE_PACK_H

#include <endian.h>

#include "base/buf.h"

#define GW_PACK_HEAD_BYTES ((size_t)20)
#define GW_PACK_BODY_MAX   ((size_t)256 << 20)

typedef struct gw_pack_kind {
    const char *magic; /* 4 letters */
    const char *what;  /* for messages: "page" */
    uint8_t version;   /* newest that this program writes and reads; older ones are read, too */
    bool deflated;
} gw_pack_kind;

/* Appends an envelope around the body. */
int gw_pack(const gw_pack_kind *kind, const gw_buf *body, uint32_t number, gw_buf *b, gw_error *e);

typedef struct gw_unpacked {
    const uint8_t *body;
    size_t n;
    uint8_t version;
    uint32_t number;
    uint8_t *owned; /* what gw_unpacked_free frees; NULL where body points into the input */
} gw_unpacked;

/* GW_ECORRUPT names what is wrong; a newer version is GW_ECONFIG. */
int gw_unpack(const gw_pack_kind *kind, const void *bytes, size_t n, gw_unpacked *ret, gw_error *e);
void gw_unpacked_free(gw_unpacked *u);

/* ---- integers: 7 bits a byte, lowest first; signed ones folded so that small negatives are short ---- */

static inline uint64_t gw_zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t gw_unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

void gw_varint_put(gw_buf *b, uint64_t v);
void gw_pack_text(gw_buf *b, gw_str s); /* length, bytes */

/* Many of them at a time: collected here and handed to the buffer by the block. */
#define GW_WRITER_BYTES ((size_t)4096)
typedef struct gw_writer {
    gw_buf *b;
    size_t n;
    uint8_t block[GW_WRITER_BYTES];
} gw_writer;

static inline void gw_writer_flush(gw_writer *w)
{
    gw_buf_add(w->b, w->block, w->n);
    w->n = 0;
}

static inline void gw_write_varint(gw_writer *w, uint64_t v)
{
    if (w->n + 10 > GW_WRITER_BYTES)
        gw_writer_flush(w);
    for (; v >= 0x80; v >>= 7)
        w->block[w->n++] = (uint8_t)(v | 0x80);
    w->block[w->n++] = (uint8_t)v;
}

static inline void gw_write_signed(gw_writer *w, int64_t v)
{
    gw_write_varint(w, gw_zigzag(v));
}

/* Reads on; past the end, or a number of more than 64 bits, sets bad, and from then on everything is 0. */
typedef struct gw_cursor {
    const uint8_t *p, *end;
    bool bad;
} gw_cursor;

uint64_t gw_varint_slow(gw_cursor *c);

/* Up to eight bytes at a time: where the first without a top bit stands is where the number ends, and the
 * groups of seven bits are pushed together in three steps. */
static inline uint64_t gw_varint(gw_cursor *c)
{
    uint64_t w, ends;
    if (c->end - c->p < 8)
        return gw_varint_slow(c);
    if (*c->p < 0x80)
        return *c->p++;
    memcpy(&w, c->p, sizeof(w));
    w = le64toh(w);
    ends = ~w & UINT64_C(0x8080808080808080);
    if (!ends)
        return gw_varint_slow(c);
    int bits = __builtin_ctzll(ends) + 1; /* 8 for each byte of the number */
    c->p += bits / 8;
    w &= UINT64_MAX >> (64 - bits) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    w = (w & UINT64_C(0x7f007f007f007f00)) >> 1 | (w & UINT64_C(0x007f007f007f007f));
    w = (w & UINT64_C(0x3fff00003fff0000)) >> 2 | (w & UINT64_C(0x00003fff00003fff));
    return (w & UINT64_C(0x0fffffff00000000)) >> 4 | (w & UINT64_C(0x000000000fffffff));
}

static inline int64_t gw_signed(gw_cursor *c)
{
    return gw_unzigzag(gw_varint(c));
}

gw_str gw_unpack_text(gw_cursor *c); /* points into what is read */

#endif
