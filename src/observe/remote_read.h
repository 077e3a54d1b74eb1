/*
 * The request of Prometheus' remote read: which series, which time, and that streamed XOR chunks are wanted.
 * https://github.com/prometheus/prometheus/blob/main/prompb/remote.proto
 */
#ifndef GW_OBSERVE_REMOTE_READ_H
#define GW_OBSERVE_REMOTE_READ_H

#include "base/time.h"
#include "observe/matchers.h"

#define GW_REMOTE_READ_MAX_BYTES ((size_t)1 << 20)

/* One query of a request: all series that every matcher takes. */
typedef struct gw_read_query {
    const gw_matcher *matchers;
    size_t n;
} gw_read_query;

/* Headers of the request, NULL-terminated: type, compression, version. */
extern const char *const gw_remote_read_headers[];

/*
 * Appends a ReadRequest (not compressed) with these queries, each for range, to b: accepted are streamed XOR
 * chunks first and plain samples second, so that a server without the former still answers. The protocol's
 * end is inclusive, so range.end_ms - 1 is sent. Failures stick in b.
 */
void gw_remote_read_write(gw_buf *b, const gw_read_query *queries, size_t n, gw_interval range);

/* The same, compressed (snappy, block format), ready to post; *ret is the caller's (gw_free). */
int gw_remote_read_request(const gw_read_query *queries, size_t n, gw_interval range, char **ret,
                           size_t *ret_len, gw_error *e);

#endif
