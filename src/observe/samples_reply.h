/*
 * The older remote-read reply, from servers that stream no chunks: one ReadResponse, compressed with snappy
 * as one block, so that it has to be held whole.
 *
 *     ReadResponse { results = 1 }    QueryResult { timeseries = 1 }
 *     TimeSeries   { labels = 1 { name = 1; value = 2 }; samples = 2 { value = 1 (double); timestamp = 2 } }
 */
#ifndef GW_OBSERVE_SAMPLES_REPLY_H
#define GW_OBSERVE_SAMPLES_REPLY_H

#include "base/buf.h"
#include "base/time.h"
#include "format/series.h"

#define GW_SAMPLES_REPLY_MAX_BYTES    ((size_t)32 << 20) /* compressed: what a caller should gather at most */
#define GW_SAMPLES_REPLY_MAX_EXPANDED ((size_t)128 << 20) /* about 7 M samples */

typedef struct gw_samples_stats {
    uint64_t series, samples;
} gw_samples_stats;

/*
 * Decompresses and reads the whole reply into the sink, samples cut to range, and those left out that are not
 * in the order of time. *stats is added to. GW_ECORRUPT: not snappy, or not such a message · GW_ELIMIT:
 * larger than the bounds; ask for less time at once.
 */
int gw_samples_reply_read(const char *p, size_t n, const gw_series_sink *sink, gw_interval range,
                          gw_samples_stats *stats, gw_error *e);

#endif
