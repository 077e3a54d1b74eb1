/*
 * XOR chunks, the form in which Prometheus stores and streams samples: about 120 samples of one series,
 * timestamps as deltas of deltas and values as XOR with the value before (Gorilla, VLDB 2015, with
 * Prometheus' own bit sizes for milliseconds). Facts from prometheus/tsdb/docs/format/chunks.md and
 * docs/bstream.md:
 *
 *   16 bits   number of samples, big-endian
 *   sample 0  timestamp as zigzag varint, value as 64 bits
 *   sample 1  delta as uvarint, value code
 *   sample n  delta of delta: 0 | 10 + 14 bits | 110 + 17 | 1110 + 20 | 1111 + 64; value code
 *   value     0: the same | 10 + the bits of the last window | 11 + 5 bits leading zeros + 6 bits size (0
 * means 64) + bits
 *
 * An n-bit delta of delta reaches from -(2^(n-1) - 1) to 2^(n-1). This is the hottest loop of gpuwise;
 * docs/internals/xor-chunk.md has the measurements behind its shape.
 */
#ifndef GW_OBSERVE_XOR_CHUNK_H
#define GW_OBSERVE_XOR_CHUNK_H

#include "base/base.h"

#define GW_XOR_MAX_SAMPLES 65535 /* what 16 bits can count */
#define GW_XOR_SLACK       8     /* elements behind the last sample that the decoder may scribble on */
/* Elements that t_ms and value must have to hold any chunk. */
#define GW_XOR_CAPACITY (GW_XOR_MAX_SAMPLES + GW_XOR_SLACK)

/* Samples in the chunk as its header says; -1 where it has no header. */
int gw_xor_chunk_count(const void *chunk, size_t len);

/*
 * Decodes a whole chunk: t_ms strictly ascending, value with all bits kept (NaN payloads are stale markers).
 * cap is the number of elements of both arrays and must be at least the chunk's count + GW_XOR_SLACK. Reads
 * nothing outside the chunk. Bytes behind the last sample are ignored. GW_ECORRUPT: cut off, a count that
 * lies, a value window wider than 64 bits, time that stands still or runs backwards or leaps more than 34
 * years; GW_ELIMIT: cap too small. *ret_n is untouched on failure, the arrays are not.
 */
int gw_xor_chunk_decode(const void *chunk, size_t len, int64_t *t_ms, double *value, size_t cap,
                        size_t *ret_n, gw_error *e);

#endif
