/*
 * The protobuf wire format, as much of it as remote read needs: walking the fields of a message in place, and
 * writing messages. https://protobuf.dev/programming-guides/encoding/
 */
#ifndef GW_FORMAT_PROTO_H
#define GW_FORMAT_PROTO_H

#include "base/buf.h"

typedef enum gw_proto_wire {
    GW_PROTO_VARINT = 0,
    GW_PROTO_FIXED64 = 1,
    GW_PROTO_BYTES = 2,
    GW_PROTO_FIXED32 = 5
} gw_proto_wire;

/* A walk over one message; holds pointers into it. */
typedef struct gw_proto {
    const uint8_t *p, *end;
} gw_proto;

typedef struct gw_proto_field {
    uint32_t number;
    gw_proto_wire wire;
    uint64_t value; /* VARINT, FIXED64, FIXED32 */
    gw_str bytes;   /* BYTES: strings, bytes, messages, packed arrays; points into the message */
} gw_proto_field;

static inline gw_proto gw_proto_of(gw_str message)
{
    const uint8_t *p = (const uint8_t *)message.p;
    return (gw_proto){p, p ? p + message.n : p};
}

/*
 * The next field: 1 and *ret, 0 at the message's end, or GW_ECORRUPT for a field that is cut off, a varint
 * that is too long, field number 0 or a wire type that is none (groups, which proto3 lacks, among them). The
 * walk stays where it was on failure.
 */
int gw_proto_next(gw_proto *r, gw_proto_field *ret);

/* A varint at the start of n bytes: its length 1..10, 0 where more bytes are needed, or GW_ECORRUPT. */
int gw_proto_uvarint(const uint8_t *p, size_t n, uint64_t *ret);

static inline double gw_proto_double(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

/* Writing. Failures stick in the buffer. */
void gw_proto_put_raw_uvarint(gw_buf *b, uint64_t v);
void gw_proto_put_uvarint(gw_buf *b, uint32_t field, uint64_t v); /* also int64 and enums; writes 0, too */
void gw_proto_put_double(gw_buf *b, uint32_t field, double v);
void gw_proto_put_bytes(gw_buf *b, uint32_t field, const void *p, size_t n);
/* A message written to a buffer of its own. */
void gw_proto_put_message(gw_buf *b, uint32_t field, const gw_buf *message);

#endif
