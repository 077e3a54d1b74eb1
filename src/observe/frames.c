#include "observe/frames.h"

#include "format/crc32c.h"
#include "format/proto.h"

#define CRC_BYTES      4
#define TEXT_MIN       8
#define TEXT_SHOWN_MAX 200

void gw_frames_init(gw_frames *f, size_t max_bytes, gw_frame_fn fn, void *ctx)
{
    *f = (gw_frames){.fn = fn, .ctx = ctx, .max_bytes = max_bytes ? max_bytes : GW_FRAME_MAX_BYTES};
    gw_buf_init(&f->body, f->max_bytes);
}

void gw_frames_free(gw_frames *f)
{
    gw_buf_free(&f->body);
}

static void next_frame(gw_frames *f)
{
    f->head_len = f->varint_len = 0;
    f->body_len = 0;
    gw_buf_clear(&f->body);
}

void gw_frames_reset(gw_frames *f)
{
    next_frame(f);
    f->done = 0;
}

/*
 * A server that fails after its first frame can only write its error text into the stream (Go's http.Error, a
 * line with its newline). Taken for a frame it has a length of 10 to 126, and a wrong checksum or too few
 * bytes. True, with the text shown in the message, where everything since the last frame is printable, and
 * `ended` where that ends a line.
 */
static bool is_error_text(const gw_frames *f, const char *p, size_t n, bool ended,
                          char text[TEXT_SHOWN_MAX + 1])
{
    size_t len = 0, all = f->head_len + n;
    unsigned char c = 0;
    for (size_t i = 0; i < all; i++) {
        c = i < f->head_len ? f->head[i] : (unsigned char)p[i - f->head_len];
        if (c != '\n' && (c < ' ' || c >= 0x7f))
            return false;
        if (len < TEXT_SHOWN_MAX)
            text[len++] = c == '\n' ? ' ' : (char)c;
    }
    while (len > 0 && text[len - 1] == ' ')
        len--;
    text[len] = '\0';
    return all >= TEXT_MIN && (!ended || c == '\n');
}

static int fail_frame(const gw_frames *f, const char *p, size_t n, gw_error *e, int code, const char *what)
{
    char text[TEXT_SHOWN_MAX + 1];
    if (is_error_text(f, p, n, code == GW_ETIMEOUT, text))
        return gw_fail(e, GW_ESERVER, "the server broke off its reply after %" PRIu64 " frames and said: %s",
                       f->done, text);
    return gw_fail(e, code, "frame %" PRIu64 " of the reply %s", f->done + 1, what);
}

static int deliver(gw_frames *f, const char *p, gw_error *e)
{
    const uint8_t *c = f->head + f->varint_len;
    uint32_t want = (uint32_t)c[0] << 24 | (uint32_t)c[1] << 16 | (uint32_t)c[2] << 8 | c[3];
    size_t n = (size_t)f->body_len;
    if (gw_crc32c(0, p, n) != want)
        return fail_frame(
            f, p, n, e, GW_ECORRUPT,
            "has a wrong checksum: the bytes were changed on their way, look at proxies between gpuwise and "
            "Prometheus");
    int rc = f->fn(f->ctx, p, n, e);
    if (rc)
        return rc;
    f->done++;
    next_frame(f);
    return 0;
}

/* Takes bytes of the head until the length and the checksum are there. *ret_used: bytes taken. */
static int feed_head(gw_frames *f, const char *p, size_t n, size_t *ret_used, gw_error *e)
{
    size_t used = 0;
    while (used < n && (f->varint_len == 0 || f->head_len < f->varint_len + CRC_BYTES)) {
        f->head[f->head_len++] = (uint8_t)p[used++];
        if (f->varint_len)
            continue;
        int len = gw_proto_uvarint(f->head, f->head_len, &f->body_len);
        if (len < 0)
            return fail_frame(f, NULL, 0, e, GW_ECORRUPT,
                              "has no valid length: this is not a streamed remote read");
        f->varint_len = (size_t)len;
        if (len > 0 && f->body_len > f->max_bytes)
            return gw_fail(e, GW_ELIMIT,
                           "frame %" PRIu64 " of the reply says it has %" PRIu64
                           " bytes; gpuwise takes at most %zu",
                           f->done + 1, f->body_len, f->max_bytes);
    }
    *ret_used = used;
    return 0;
}

int gw_frames_feed(gw_frames *f, const char *p, size_t n, gw_error *e)
{
    for (;;) {
        size_t used = 0;
        int rc = feed_head(f, p, n, &used, e);
        if (rc)
            return rc;
        p += used;
        n -= used;
        if (f->varint_len == 0 || f->head_len < f->varint_len + CRC_BYTES)
            return 0;
        size_t missing = (size_t)f->body_len - f->body.len;
        if (f->body.len == 0 && n >= missing) {
            rc = deliver(f, p, e);
        } else {
            missing = GW_MIN(missing, n);
            gw_buf_add(&f->body, p, missing);
            rc = gw_buf_check(&f->body, "a frame", e);
            if (rc)
                return rc;
            if (f->body.len < f->body_len)
                return 0;
            rc = deliver(f, f->body.data, e);
        }
        if (rc)
            return rc;
        p += missing;
        n -= missing;
        if (n == 0)
            return 0;
    }
}

int gw_frames_finish(gw_frames *f, gw_error *e)
{
    if (f->head_len == 0)
        return 0;
    char what[160];
    snprintf(what, sizeof(what),
             "is cut off: %zu of %" PRIu64 " bytes came; look for a timeout of the server", f->body.len,
             f->body_len);
    return fail_frame(f, f->body.data, f->body.len, e, GW_ETIMEOUT, what);
}
