/*
 * Makes streamed remote-read replies in memory, for tests and benches. Checksums come from gw_crc32c_table,
 * which its own test holds against RFC 3720.
 */
#ifndef GW_TESTS_SUPPORT_REPLY_BUILDER_H
#define GW_TESTS_SUPPORT_REPLY_BUILDER_H

#include "base/buf.h"
#include "format/crc32c.h"
#include "format/proto.h"

/* Appends a Label {name = 1; value = 2} as field 1. */
static inline void reply_label(gw_buf *series, const char *name, const char *value)
{
    gw_buf label;
    gw_buf_init(&label, 1 << 20);
    gw_proto_put_bytes(&label, 1, name, strlen(name));
    gw_proto_put_bytes(&label, 2, value, strlen(value));
    gw_proto_put_message(series, 1, &label);
    gw_buf_free(&label);
}

/* Appends a Chunk as field 2. */
static inline void reply_chunk(gw_buf *series, int64_t min_ms, int64_t max_ms, unsigned type,
                               const void *data, size_t n)
{
    gw_buf chunk;
    gw_buf_init(&chunk, 2 << 20);
    gw_proto_put_uvarint(&chunk, 1, (uint64_t)min_ms);
    gw_proto_put_uvarint(&chunk, 2, (uint64_t)max_ms);
    gw_proto_put_uvarint(&chunk, 3, type);
    gw_proto_put_bytes(&chunk, 4, data, n);
    gw_proto_put_message(series, 2, &chunk);
    gw_buf_free(&chunk);
}

/* Appends a whole frame around a ChunkedReadResponse. */
static inline void reply_frame(gw_buf *out, const gw_buf *message)
{
    uint32_t crc = gw_crc32c_table(0, message->data, message->len);
    uint8_t big[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
    gw_proto_put_raw_uvarint(out, message->len);
    gw_buf_add(out, big, sizeof(big));
    gw_buf_add(out, message->data, message->len);
}

#endif
