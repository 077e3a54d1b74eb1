#include "format/gzip.h"

#include <limits.h>
#include <zlib.h>

#include "base/mem.h"

#define OUT_BYTES ((size_t)128 * 1024)
#define GZIP_ONLY (15 + 16) /* zlib: the largest window, and the gzip wrapper rather than zlib's own */
#define MEM_LEVEL 8         /* zlib's default */
#define PIECE_MAX ((size_t)1 << 30) /* zlib counts in unsigned int */

static voidpf z_alloc(voidpf ctx, uInt n, uInt size)
{
    GW_UNUSED(ctx);
    return gw_calloc(n, size);
}

static void z_free(voidpf ctx, voidpf p)
{
    GW_UNUSED(ctx);
    gw_free(p);
}

struct gw_gunzip {
    z_stream z;
    gw_bytes_fn out;
    void *ctx;
    uint64_t max_out, total;
    bool in_member; /* a member has begun and not ended */
    bool any;       /* a member has ended */
    bool padding;   /* zeros behind the last member: nothing else may follow */
    char buf[OUT_BYTES];
};

gw_gunzip *gw_gunzip_new(uint64_t max_out, gw_bytes_fn out, void *ctx)
{
    gw_gunzip *g = gw_calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->z.zalloc = z_alloc;
    g->z.zfree = z_free;
    if (inflateInit2(&g->z, GZIP_ONLY) != Z_OK) {
        gw_free(g);
        return NULL;
    }
    g->out = out;
    g->ctx = ctx;
    g->max_out = max_out;
    return g;
}

void gw_gunzip_free(gw_gunzip *g)
{
    if (!g)
        return;
    inflateEnd(&g->z);
    gw_free(g);
}

uint64_t gw_gunzip_total(const gw_gunzip *g)
{
    return g->total;
}

static int push(gw_gunzip *g, gw_error *e)
{
    size_t n = OUT_BYTES - g->z.avail_out;
    if (n == 0)
        return 0;
    if (n > g->max_out - g->total)
        return gw_fail(e, GW_ELIMIT,
                       "unpacks to more than %" PRIu64 " bytes, the most that gpuwise takes of one file",
                       g->max_out);
    g->total += n;
    return g->out(g->ctx, g->buf, n, e);
}

static int inflate_some(gw_gunzip *g, gw_error *e)
{
    g->z.next_out = (Bytef *)g->buf;
    g->z.avail_out = OUT_BYTES;
    int z = inflate(&g->z, Z_NO_FLUSH);
    gw_error pushed;
    int rc = push(g, &pushed);
    if (rc)
        return gw_fail(e, rc, "%s", pushed.message);
    if (z == Z_MEM_ERROR)
        return gw_fail_memory(e);
    if (z == Z_STREAM_END) {
        g->in_member = false;
        g->any = true;
        inflateReset(&g->z);
        return 0;
    }
    if (z != Z_OK && z != Z_BUF_ERROR)
        return gw_fail(e, GW_ECORRUPT,
                       "not whole gzip data behind %" PRIu64 " unpacked bytes (%s); copy the file again",
                       g->total, g->z.msg ? g->z.msg : "wrong checksum or length");
    return 0;
}

/* Between members: whether the next byte begins one. */
static int begin_member(gw_gunzip *g, gw_error *e)
{
    while (g->any && g->z.avail_in && *g->z.next_in == 0) {
        g->padding = true;
        g->z.next_in++;
        g->z.avail_in--;
    }
    if (g->z.avail_in == 0)
        return 0;
    if (g->padding || (g->any && *g->z.next_in != 0x1f))
        return gw_fail(e, GW_ECORRUPT, "bytes behind the end of the gzip data; copy the file again");
    g->in_member = true;
    return 0;
}

int gw_gunzip_feed(gw_gunzip *g, const char *p, size_t n, gw_error *e)
{
    while (n > 0) {
        size_t piece = GW_MIN(n, PIECE_MAX);
        g->z.next_in = (Bytef *)(uintptr_t)p; /* zlib's type lacks const; it does not write there */
        g->z.avail_in = (uInt)piece;
        bool full;
        do {
            int rc = g->in_member ? 0 : begin_member(g, e);
            if (rc == 0 && g->in_member)
                rc = inflate_some(g, e);
            if (rc)
                return rc;
            full = g->in_member && g->z.avail_out == 0; /* more may be waiting inside */
        } while (g->z.avail_in > 0 || full);
        p += piece;
        n -= piece;
    }
    return 0;
}

int gw_gunzip_finish(gw_gunzip *g, gw_error *e)
{
    if (g->in_member || !g->any)
        return gw_fail(e, GW_ECORRUPT,
                       "cut off: the gzip data ends in the middle, behind %" PRIu64
                       " unpacked bytes; copy the file again, or record it again",
                       g->total);
    return 0;
}

struct gw_gzip {
    z_stream z;
    gw_bytes_fn out;
    void *ctx;
    uint64_t total;
    bool in_member;
    char buf[OUT_BYTES];
};

gw_gzip *gw_gzip_new(int level, gw_bytes_fn out, void *ctx)
{
    gw_gzip *g = gw_calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->z.zalloc = z_alloc;
    g->z.zfree = z_free;
    if (deflateInit2(&g->z, level, Z_DEFLATED, GZIP_ONLY, MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        gw_free(g);
        return NULL;
    }
    g->out = out;
    g->ctx = ctx;
    return g;
}

void gw_gzip_free(gw_gzip *g)
{
    if (!g)
        return;
    deflateEnd(&g->z);
    gw_free(g);
}

uint64_t gw_gzip_total(const gw_gzip *g)
{
    return g->total;
}

/* Runs deflate until it has taken all of its input, or with Z_FINISH until the member has ended. */
static int deflate_all(gw_gzip *g, int how, gw_error *e)
{
    int z;
    do {
        g->z.next_out = (Bytef *)g->buf;
        g->z.avail_out = OUT_BYTES;
        z = deflate(&g->z, how);
        if (z == Z_STREAM_ERROR)
            return gw_fail(e, GW_EINTERNAL, "zlib refuses to pack: please report this");
        size_t n = OUT_BYTES - g->z.avail_out;
        int rc = n ? g->out(g->ctx, g->buf, n, e) : 0;
        if (rc)
            return rc;
        g->total += n;
    } while (how == Z_FINISH ? z != Z_STREAM_END : g->z.avail_out == 0);
    return 0;
}

int gw_gzip_write(gw_gzip *g, const char *p, size_t n, gw_error *e)
{
    while (n > 0) {
        size_t piece = GW_MIN(n, PIECE_MAX);
        g->in_member = true;
        g->z.next_in = (Bytef *)(uintptr_t)p;
        g->z.avail_in = (uInt)piece;
        int rc = deflate_all(g, Z_NO_FLUSH, e);
        if (rc)
            return rc;
        p += piece;
        n -= piece;
    }
    return 0;
}

int gw_gzip_end(gw_gzip *g, gw_error *e)
{
    if (!g->in_member)
        return 0;
    g->z.avail_in = 0;
    int rc = deflate_all(g, Z_FINISH, e);
    if (rc)
        return rc;
    g->in_member = false;
    deflateReset(&g->z);
    return 0;
}
