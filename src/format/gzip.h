/*
 * gzip (RFC 1952) in pieces of any size, over zlib: what goes in is pushed, what comes out is pushed on.
 */
#ifndef GW_FORMAT_GZIP_H
#define GW_FORMAT_GZIP_H

#include "base/base.h"

/* Takes the next bytes; 0 or an error that ends the work and is handed back. */
typedef int (*gw_bytes_fn)(void *ctx, const char *p, size_t n, gw_error *e);

/*
 * Unpacking. Members one after the other are one text; zeros behind the last member (tape padding) are
 * skipped, anything else there is GW_ECORRUPT. Deflate packs at most 1032:1, so a small file can be a large
 * text: max_out bounds what comes out, GW_ELIMIT beyond.
 */
typedef struct gw_gunzip gw_gunzip;
gw_gunzip *gw_gunzip_new(uint64_t max_out, gw_bytes_fn out, void *ctx); /* NULL: out of memory */
int gw_gunzip_feed(gw_gunzip *g, const char *p, size_t n, gw_error *e);
/* After the last piece: GW_ECORRUPT "cut off" where a member has not ended, or there was none. */
int gw_gunzip_finish(gw_gunzip *g, gw_error *e);
uint64_t gw_gunzip_total(const gw_gunzip *g); /* bytes that came out */
void gw_gunzip_free(gw_gunzip *g);

/* Packing. The same input gives the same bytes: no name and no time in the header. */
typedef struct gw_gzip gw_gzip;
#define GW_GZIP_LEVEL 6
gw_gzip *gw_gzip_new(int level, gw_bytes_fn out, void *ctx); /* level 1..9; NULL: out of memory */
int gw_gzip_write(gw_gzip *g, const char *p, size_t n, gw_error *e);
/* Ends the member; the next write begins another. Nothing written since the last end: no member. */
int gw_gzip_end(gw_gzip *g, gw_error *e);
uint64_t gw_gzip_total(const gw_gzip *g); /* packed bytes so far; after gw_gzip_end: where a member starts */
void gw_gzip_free(gw_gzip *g);

#endif
