#include "format/proto.h"

int gw_proto_uvarint(const uint8_t *p, size_t n, uint64_t *ret)
{
    uint64_t x = 0;
    for (unsigned i = 0; i < 10; i++) {
        if (i == n)
            return 0;
        if (i == 9 && p[i] > 1)
            break;
        x |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (p[i] < 0x80) {
            *ret = x;
            return (int)i + 1;
        }
    }
    return GW_ECORRUPT;
}

/* Tags and most lengths are of one byte; millions of them pass here in a reply. */
static inline bool take_uvarint(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
    if (*p < end && **p < 0x80) {
        *ret = *(*p)++;
        return true;
    }
    int n = gw_proto_uvarint(*p, (size_t)(end - *p), ret);
    if (n <= 0)
        return false;
    *p += n;
    return true;
}

static bool take_fixed(const uint8_t **p, const uint8_t *end, unsigned size, uint64_t *ret)
{
    if ((size_t)(end - *p) < size)
        return false;
    uint64_t x = 0;
    for (unsigned i = 0; i < size; i++)
        x |= (uint64_t)(*p)[i] << (8 * i);
    *p += size;
    *ret = x;
    return true;
}

int gw_proto_next(gw_proto *r, gw_proto_field *ret)
{
    if (r->p == r->end)
        return 0;
    const uint8_t *p = r->p;
    gw_proto_field f = {0};
    uint64_t tag, n;
    if (!take_uvarint(&p, r->end, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
        return GW_ECORRUPT;
    f.number = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case GW_PROTO_VARINT:
        f.wire = GW_PROTO_VARINT;
        if (!take_uvarint(&p, r->end, &f.value))
            return GW_ECORRUPT;
        break;
    case GW_PROTO_FIXED64:
        f.wire = GW_PROTO_FIXED64;
        if (!take_fixed(&p, r->end, 8, &f.value))
            return GW_ECORRUPT;
        break;
    case GW_PROTO_FIXED32:
        f.wire = GW_PROTO_FIXED32;
        if (!take_fixed(&p, r->end, 4, &f.value))
            return GW_ECORRUPT;
        break;
    case GW_PROTO_BYTES:
        f.wire = GW_PROTO_BYTES;
        if (!take_uvarint(&p, r->end, &n) || n > (size_t)(r->end - p))
            return GW_ECORRUPT;
        f.bytes = (gw_str){(const char *)p, (size_t)n};
        p += n;
        break;
    default:
        return GW_ECORRUPT;
    }
    r->p = p;
    *ret = f;
    return 1;
}

void gw_proto_put_raw_uvarint(gw_buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        bytes[n++] = (uint8_t)(v | 0x80);
    bytes[n++] = (uint8_t)v;
    gw_buf_add(b, bytes, n);
}

static void put_tag(gw_buf *b, uint32_t field, gw_proto_wire wire)
{
    gw_proto_put_raw_uvarint(b, (uint64_t)field << 3 | wire);
}

void gw_proto_put_uvarint(gw_buf *b, uint32_t field, uint64_t v)
{
    put_tag(b, field, GW_PROTO_VARINT);
    gw_proto_put_raw_uvarint(b, v);
}

void gw_proto_put_double(gw_buf *b, uint32_t field, double v)
{
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &v, sizeof(bits));
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(bits >> (8 * i));
    put_tag(b, field, GW_PROTO_FIXED64);
    gw_buf_add(b, bytes, sizeof(bytes));
}

void gw_proto_put_bytes(gw_buf *b, uint32_t field, const void *p, size_t n)
{
    put_tag(b, field, GW_PROTO_BYTES);
    gw_proto_put_raw_uvarint(b, n);
    gw_buf_add(b, p, n);
}

void gw_proto_put_message(gw_buf *b, uint32_t field, const gw_buf *message)
{
    if (message->failed && !b->failed)
        b->failed = message->failed;
    gw_proto_put_bytes(b, field, message->data, message->len);
}
