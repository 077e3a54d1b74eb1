#include "store/pack.h"

#include <zlib.h>

#include "base/mem.h"
#include "format/crc32c.h"

/* Level 6 packs a page some 5 % smaller than level 1 and costs three times as long. */
#define LEVEL 1

enum { AT_VERSION = 4, AT_METHOD = 5, AT_ZERO = 6, AT_LENGTH = 8, AT_NUMBER = 12, AT_SUM = 16 };
enum { STORED, DEFLATED };

static voidpf z_alloc(voidpf ctx, uInt n, uInt size)
{
    GW_UNUSED(ctx);
    return gw_calloc(n, size);
}

static void z_free(voidpf ctx, voidpf p)
{
    GW_UNUSED(ctx);
    gw_free(p);
}

static void put32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Deflates into the room that deflateBound asks for, so that one call does. */
static int add_deflated(const gw_buf *body, gw_buf *b, gw_error *e)
{
    z_stream z = {.zalloc = z_alloc, .zfree = z_free};
    if (deflateInit(&z, LEVEL) != Z_OK)
        return gw_fail_memory(e);
    size_t bound = deflateBound(&z, body->len);
    uint8_t *out = gw_malloc(bound);
    int rc = out ? 0 : gw_fail_memory(e);
    if (rc == 0) {
        z.next_in = (Bytef *)body->data;
        z.avail_in = (uInt)body->len;
        z.next_out = out;
        z.avail_out = (uInt)bound;
        if (deflate(&z, Z_FINISH) == Z_STREAM_END)
            gw_buf_add(b, out, bound - z.avail_out);
        else
            rc = gw_fail(e, GW_EINTERNAL, "zlib refuses to pack: please report this");
    }
    deflateEnd(&z);
    gw_free(out);
    return rc;
}

int gw_pack(const gw_pack_kind *kind, const gw_buf *body, uint32_t number, gw_buf *b, gw_error *e)
{
    uint8_t head[GW_PACK_HEAD_BYTES] = {0};
    size_t at = b->len;
    int rc = gw_buf_check(body, kind->what, e);
    if (rc)
        return rc;
    if (body->len > GW_PACK_BODY_MAX)
        return gw_fail(e, GW_ELIMIT, "%s: larger than %zu bytes, the most that the store takes", kind->what,
                       GW_PACK_BODY_MAX);
    memcpy(head, kind->magic, 4);
    head[AT_VERSION] = kind->version;
    head[AT_METHOD] = kind->deflated ? DEFLATED : STORED;
    put32(head + AT_LENGTH, (uint32_t)body->len);
    put32(head + AT_NUMBER, number);
    gw_buf_add(b, head, sizeof(head));
    if (kind->deflated)
        rc = add_deflated(body, b, e);
    else
        gw_buf_add(b, body->data, body->len);
    rc = rc ? rc : gw_buf_check(b, kind->what, e);
    if (rc)
        return rc;
    uint8_t *p = (uint8_t *)b->data + at;
    uint32_t sum = gw_crc32c(0, p, AT_SUM);
    put32(p + AT_SUM, gw_crc32c(sum, p + GW_PACK_HEAD_BYTES, b->len - at - GW_PACK_HEAD_BYTES));
    return 0;
}

static int inflate_body(const gw_pack_kind *kind, const uint8_t *p, size_t n, gw_unpacked *u, gw_error *e)
{
    z_stream z = {.zalloc = z_alloc, .zfree = z_free};
    u->owned = gw_malloc(u->n);
    if (!u->owned || inflateInit(&z) != Z_OK) {
        gw_unpacked_free(u);
        return gw_fail_memory(e);
    }
    u->body = u->owned;
    z.next_in = (Bytef *)(uintptr_t)p; /* zlib's type lacks const; it does not write there */
    z.avail_in = (uInt)n;
    z.next_out = u->owned;
    z.avail_out = (uInt)u->n;
    int got = inflate(&z, Z_FINISH);
    bool whole = got == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0;
    inflateEnd(&z);
    if (whole)
        return 0;
    gw_unpacked_free(u);
    if (got == Z_MEM_ERROR)
        return gw_fail_memory(e);
    return gw_fail(e, GW_ECORRUPT, "%s: does not unpack to the length that it states", kind->what);
}

int gw_unpack(const gw_pack_kind *kind, const void *bytes, size_t n, gw_unpacked *ret, gw_error *e)
{
    const uint8_t *p = bytes;
    if (n < GW_PACK_HEAD_BYTES || n > UINT32_MAX || memcmp(p, kind->magic, 4) != 0)
        return gw_fail(e, GW_ECORRUPT, "%s: %zu bytes that do not begin as one", kind->what, n);
    uint32_t sum = gw_crc32c(0, p, AT_SUM);
    if (gw_crc32c(sum, p + GW_PACK_HEAD_BYTES, n - GW_PACK_HEAD_BYTES) != get32(p + AT_SUM))
        return gw_fail(e, GW_ECORRUPT, "%s: wrong checksum: its bytes were changed since it was written",
                       kind->what);
    if (p[AT_VERSION] > kind->version)
        return gw_fail(e, GW_ECONFIG,
                       "%s: written by a newer gpuwise (version %u, this one reads up to %u); update gpuwise",
                       kind->what, p[AT_VERSION], kind->version);
    gw_unpacked u = {.version = p[AT_VERSION],
                     .number = get32(p + AT_NUMBER),
                     .n = get32(p + AT_LENGTH),
                     .body = p + GW_PACK_HEAD_BYTES};
    size_t rest = n - GW_PACK_HEAD_BYTES;
    bool sound = p[AT_VERSION] > 0 && p[AT_ZERO] == 0 && p[AT_ZERO + 1] == 0 && u.n <= GW_PACK_BODY_MAX &&
                 (p[AT_METHOD] == DEFLATED || (p[AT_METHOD] == STORED && u.n == rest));
    if (!sound)
        return gw_fail(e, GW_ECORRUPT, "%s: a head that makes no sense", kind->what);
    int rc = p[AT_METHOD] == DEFLATED ? inflate_body(kind, u.body, rest, &u, e) : 0;
    if (rc == 0)
        *ret = u;
    return rc;
}

void gw_unpacked_free(gw_unpacked *u)
{
    gw_free(u->owned);
    *u = (gw_unpacked){0};
}

void gw_varint_put(gw_buf *b, uint64_t v)
{
    uint8_t out[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        out[n++] = (uint8_t)(v | 0x80);
    out[n++] = (uint8_t)v;
    gw_buf_add(b, out, n);
}

uint64_t gw_varint_slow(gw_cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && c->p < c->end; shift += 7) {
        uint8_t byte = *c->p++;
        if (shift == 63 && byte > 1)
            break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    c->bad = true;
    c->p = c->end;
    return 0;
}

void gw_pack_text(gw_buf *b, gw_str s)
{
    gw_varint_put(b, s.n);
    gw_buf_add(b, s.p, s.n);
}

gw_str gw_unpack_text(gw_cursor *c)
{
    uint64_t n = gw_varint(c);
    if (n > (uint64_t)(c->end - c->p)) {
        c->bad = true;
        c->p = c->end;
        return (gw_str){"", 0};
    }
    gw_str s = {(const char *)c->p, (size_t)n};
    c->p += n;
    return s;
}
