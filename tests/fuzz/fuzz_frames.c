/*
 * Remote-read replies on any bytes. The first byte says how: bits 0 and 1 the form (0, 1: a stream as it is;
 * 2: a message in a frame with the right checksum, so that what lies behind the checksum is reached; 3: a
 * reply of plain samples, which is compressed here first), the rest the size of the pieces. Checked: time
 * ascends, and a reply in pieces gives what it gives whole.
 */
#include <snappy-c.h>

#include "../support/reply_builder.h"
#include "base/mem.h"
#include "observe/chunked_reply.h"
#include "observe/samples_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static gw_chunk_space space;

typedef struct sum {
    uint64_t series, samples, bits;
} sum;

static int on_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    sum *s = ctx;
    GW_UNUSED(e);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < labels[i].name.n; k++)
            s->bits = s->bits * 31 + (unsigned char)labels[i].name.p[k];
    s->series++;
    *ret = n % 5 == 4 ? GW_SERIES_SKIP : ctx;
    return 0;
}

static int on_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    sum *s = ctx;
    GW_UNUSED(e);
    if (series != ctx || n == 0)
        abort();
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &v[i], sizeof(bits));
        if (i > 0 && t[i] <= t[i - 1])
            abort();
        s->bits = (s->bits * 31 + (uint64_t)t[i]) * 31 + bits;
    }
    s->samples += n;
    return 0;
}

static int run(const char *p, size_t n, size_t piece, bool skip, gw_interval range, sum *s)
{
    const gw_series_sink sink = {s, on_series, on_samples};
    gw_error e;
    gw_chunked_reply *r = gw_chunked_reply_new(&sink, range, &space, skip, (size_t)1 << 20);
    int rc = 0;
    for (size_t at = 0; at < n && !rc; at += piece)
        rc = gw_chunked_reply_feed(r, p + at, GW_MIN(piece, n - at), &e);
    if (!rc)
        rc = gw_chunked_reply_finish(r, &e);
    gw_chunked_reply_free(r);
    return rc;
}

static void stream(const char *p, size_t n, size_t piece, bool skip, gw_interval range)
{
    sum whole = {0}, pieces = {0};
    int a = run(p, n, n + 1, skip, range, &whole), b = run(p, n, piece, skip, range, &pieces);
    if (a != b || memcmp(&whole, &pieces, sizeof(whole)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    size_t piece = 1 + (data[0] >> 2);
    unsigned form = data[0] & 3;
    gw_buf message, framed;
    gw_buf_init(&message, 1 << 20);
    gw_buf_init(&framed, 2 << 20);
    gw_buf_add(&message, data + 1, size - 1);
    const gw_interval all = {INT64_MIN, INT64_MAX}, some = {0, INT64_C(1) << 41};
    if (form < 2) {
        stream((const char *)data + 1, size - 1, piece, form == 1, form ? all : some);
    } else if (form == 2) {
        reply_frame(&framed, &message);
        stream(framed.data, framed.len, piece, piece % 2, piece % 3 ? all : some);
    } else {
        size_t n = snappy_max_compressed_length(size - 1);
        char *packed = gw_malloc(n);
        sum s = {0};
        gw_samples_stats stats = {0};
        const gw_series_sink sink = {&s, on_series, on_samples};
        gw_error e;
        if (snappy_compress((const char *)data + 1, size - 1, packed, &n) == SNAPPY_OK)
            gw_samples_reply_read(packed, n, &sink, piece % 2 ? all : some, &stats, &e);
        gw_samples_reply_read((const char *)data + 1, size - 1, &sink, all, &stats, &e);
        gw_free(packed);
    }
    gw_buf_free(&message);
    gw_buf_free(&framed);
    return 0;
}
