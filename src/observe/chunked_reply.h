/*
 * A streamed remote-read reply turned into samples as it arrives: bytes in, series and samples out. Knows
 * nothing of HTTP, so that tests and benches can replay a reply from memory.
 *
 *     ChunkedReadResponse { chunked_series = 1; query_index = 2 }
 *     ChunkedSeries       { labels = 1 { name = 1; value = 2 }; chunks = 2 }
 *     Chunk               { min_time_ms = 1; max_time_ms = 2; type = 3; data = 4 }
 *
 * A chunk goes to the sink in one samples() call, cut to the range. Chunks that overlap in time (a store with
 * replicas or late samples) are merged first, the earlier chunk's sample winning where both have one. A
 * series that goes on in the next frame is not announced again.
 */
#ifndef GW_OBSERVE_CHUNKED_REPLY_H
#define GW_OBSERVE_CHUNKED_REPLY_H

#include "base/time.h"
#include "format/series.h"
#include "observe/frames.h"
#include "observe/xor_chunk.h"

#define GW_MERGE_MAX_SAMPLES ((size_t)1 << 22) /* of chunks of one series that overlap one another */

/* Where chunks are decoded to: 1 MiB, which replies that arrive at the same time can share, as each is done
 * with it before it returns. */
typedef struct gw_chunk_space {
    int64_t t_ms[GW_XOR_CAPACITY];
    double value[GW_XOR_CAPACITY];
} gw_chunk_space;

typedef struct gw_chunked_stats {
    uint64_t series, chunks, samples;
    uint64_t
        histograms; /* chunks of native histograms, which are skipped: nothing that gpuwise reads is one */
    uint64_t unknown_chunks; /* chunks in an encoding that gpuwise does not know, skipped: their samples are
                                missing */
} gw_chunked_stats;

typedef struct gw_chunked_reply gw_chunked_reply;

/*
 * sink and space must outlive it. NULL for want of memory. skip_unknown: chunks in an unknown encoding (newer
 * than this program) are left out, their samples missing; else they end the reply with GW_EQUERY before
 * anything of that frame's series is handed on, so that the same range can be read in another way.
 * max_frame_bytes: 0 = GW_FRAME_MAX_BYTES.
 */
gw_chunked_reply *gw_chunked_reply_new(const gw_series_sink *sink, gw_interval range, gw_chunk_space *space,
                                       bool skip_unknown, size_t max_frame_bytes);
void gw_chunked_reply_free(gw_chunked_reply *r);

/* As gw_frames_feed and gw_frames_finish; also GW_ECORRUPT for messages and chunks that are not what they
 * say, with the metric's name. */
int gw_chunked_reply_feed(gw_chunked_reply *r, const char *p, size_t n, gw_error *e);
int gw_chunked_reply_finish(gw_chunked_reply *r, gw_error *e);
/* A retry: the reply starts over. What the sink was given it will be given again. */
void gw_chunked_reply_reset(gw_chunked_reply *r);
/* Counts since it was made, retries included. */
const gw_chunked_stats *gw_chunked_reply_stats(const gw_chunked_reply *r);

#endif
