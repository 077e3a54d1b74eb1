/*
 * The frames of a streamed remote read, pushed in pieces of any size:
 *
 *   uvarint  length of the message
 *   4 bytes  CRC-32C of the message, big-endian
 *   message  one ChunkedReadResponse
 *
 * (prometheus/storage/remote/chunked.go). Holds at most one frame, and no more memory than bytes of it that
 * have come, so a length that lies costs nothing. A frame that lies whole in one piece is handed on from
 * there, without a copy.
 */
#ifndef GW_OBSERVE_FRAMES_H
#define GW_OBSERVE_FRAMES_H

#include "base/buf.h"

/* Prometheus makes frames of about 1 MiB (--storage.remote.read-max-bytes-in-frame); one series can exceed
 * it. */
#define GW_FRAME_MAX_BYTES ((size_t)64 << 20)

/* One whole frame with the right checksum. Non-zero ends the feed with that error. */
typedef int (*gw_frame_fn)(void *ctx, const char *message, size_t n, gw_error *e);

typedef struct gw_frames {
    gw_frame_fn fn;
    void *ctx;
    size_t max_bytes;
    uint64_t done; /* frames handed on */
    uint8_t head[14];
    size_t head_len;   /* bytes in head */
    size_t varint_len; /* 0: the length is not complete */
    uint64_t body_len; /* valid once the length is complete */
    gw_buf body;       /* the part of a message that has come */
} gw_frames;

/* max_bytes: 0 = GW_FRAME_MAX_BYTES. */
void gw_frames_init(gw_frames *f, size_t max_bytes, gw_frame_fn fn, void *ctx);
void gw_frames_free(gw_frames *f);
/* Forgets a half frame: the reply starts over. */
void gw_frames_reset(gw_frames *f);

/*
 * GW_ECORRUPT: a bad checksum or length · GW_ELIMIT: a frame larger than max_bytes · GW_ESERVER: the server
 * wrote an error text between the frames, which is how Prometheus reports one in mid-stream; the message
 * shows it · or what fn returned. After a failure only reset or free may follow.
 */
int gw_frames_feed(gw_frames *f, const char *p, size_t n, gw_error *e);
/* The reply has ended: GW_ETIMEOUT where that is inside a frame, GW_ESERVER as above. */
int gw_frames_finish(gw_frames *f, gw_error *e);

#endif
