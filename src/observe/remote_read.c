#include "observe/remote_read.h"

#include <snappy-c.h>

#include "format/proto.h"

/* ReadRequest.ResponseType */
#define SAMPLES             0
#define STREAMED_XOR_CHUNKS 1

const char *const gw_remote_read_headers[] = {
    "Content-Type: application/x-protobuf",
    "Content-Encoding: snappy",
    "X-Prometheus-Remote-Read-Version: 0.1.0",
    NULL,
};

static void write_matcher(gw_buf *query, gw_buf *part, const gw_matcher *m)
{
    gw_buf_clear(part);
    gw_proto_put_uvarint(part, 1, (uint64_t)m->type);
    gw_proto_put_bytes(part, 2, m->name, strlen(m->name));
    gw_proto_put_bytes(part, 3, m->value, strlen(m->value));
    gw_proto_put_message(query, 3, part);
}

void gw_remote_read_write(gw_buf *b, const gw_read_query *queries, size_t n, gw_interval range)
{
    gw_buf query, part;
    gw_buf_init(&query, GW_REMOTE_READ_MAX_BYTES);
    gw_buf_init(&part, GW_REMOTE_READ_MAX_BYTES);
    uint64_t start = (uint64_t)range.start_ms, end = (uint64_t)(range.end_ms - 1);
    for (size_t i = 0; i < n; i++) {
        gw_buf_clear(&query);
        gw_proto_put_uvarint(&query, 1, start);
        gw_proto_put_uvarint(&query, 2, end);
        for (size_t k = 0; k < queries[i].n; k++)
            write_matcher(&query, &part, &queries[i].matchers[k]);
        gw_buf_clear(&part); /* ReadHints: step_ms 1, func 2, start_ms 3, end_ms 4 */
        gw_proto_put_uvarint(&part, 3, start);
        gw_proto_put_uvarint(&part, 4, end);
        gw_proto_put_message(&query, 4, &part);
        gw_proto_put_message(b, 1, &query);
    }
    gw_buf_free(&part);
    gw_buf_free(&query);
    /* packed, as proto3 writes repeated enums */
    static const uint8_t accepted[] = {STREAMED_XOR_CHUNKS, SAMPLES};
    gw_proto_put_bytes(b, 2, accepted, sizeof(accepted));
}

int gw_remote_read_request(const gw_read_query *queries, size_t n, gw_interval range, char **ret,
                           size_t *ret_len, gw_error *e)
{
    gw_buf plain;
    gw_buf_init(&plain, GW_REMOTE_READ_MAX_BYTES);
    gw_remote_read_write(&plain, queries, n, range);
    int rc = gw_buf_check(&plain, "the remote-read request", e);
    size_t len = snappy_max_compressed_length(plain.len);
    char *out = rc ? NULL : gw_malloc(len);
    if (!rc && !out)
        rc = gw_fail_memory(e);
    if (!rc && snappy_compress(plain.data, plain.len, out, &len) != SNAPPY_OK)
        rc = gw_fail(e, GW_EINTERNAL, "snappy cannot compress a request of %zu bytes", plain.len);
    gw_buf_free(&plain);
    if (rc) {
        gw_free(out);
        return rc;
    }
    *ret = out;
    *ret_len = len;
    return 0;
}
