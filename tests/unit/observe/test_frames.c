#include "gw_test.h"

#include "../support/reply_builder.h"
#include "base/mem.h"
#include "observe/frames.h"

/* Writes each message between brackets. */
static int keep(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf *b = ctx;
    gw_buf_putc(b, '[');
    gw_buf_add(b, p, n);
    gw_buf_putc(b, ']');
    return gw_buf_check(b, "the test's buffer", e);
}

static int refuse(void *ctx, const char *p, size_t n, gw_error *e)
{
    GW_UNUSED(ctx);
    GW_UNUSED(p);
    GW_UNUSED(n);
    return gw_fail(e, GW_EIO, "no");
}

static void add_frame(gw_buf *out, const char *text, size_t n)
{
    gw_buf m;
    gw_buf_init(&m, 1 << 20);
    gw_buf_add(&m, text, n);
    reply_frame(out, &m);
    gw_buf_free(&m);
}

/* Three frames; the second long enough for a length of two bytes, the third empty. */
static void make_stream(gw_buf *out)
{
    char longer[300];
    memset(longer, 'x', sizeof(longer));
    add_frame(out, "first", 5);
    add_frame(out, longer, sizeof(longer));
    add_frame(out, "", 0);
    add_frame(out, "last", 4);
}

static int feed_in_pieces(const gw_buf *in, size_t piece, gw_buf *out, gw_error *e)
{
    gw_frames f;
    gw_frames_init(&f, 0, keep, out);
    int rc = 0;
    for (size_t at = 0; at < in->len && !rc; at += piece)
        rc = gw_frames_feed(&f, in->data + at, GW_MIN(piece, in->len - at), e);
    if (!rc)
        rc = gw_frames_finish(&f, e);
    gw_frames_free(&f);
    return rc;
}

static void pieces_of_every_size(void **state)
{
    GW_UNUSED(state);
    gw_buf in, out;
    gw_buf_init(&in, 1 << 20);
    gw_buf_init(&out, 1 << 20);
    make_stream(&in);
    for (size_t piece = 1; piece <= in.len; piece++) {
        gw_error e = {0};
        gw_buf_clear(&out);
        assert_int_equal(feed_in_pieces(&in, piece, &out, &e), 0);
        assert_int_equal(out.len, 5 + 300 + 0 + 4 + 4 * 2);
        assert_memory_equal(out.data, "[first][xxx", 11);
        assert_string_equal(out.data + out.len - 9, "][][last]");
    }
    gw_buf_free(&in);
    gw_buf_free(&out);
}

/* A stream by hand: length 9, the CRC-32C of "123456789" that every catalogue gives, the text. */
static void a_frame_by_hand(void **state)
{
    GW_UNUSED(state);
    gw_buf in, out;
    gw_error e;
    gw_buf_init(&in, 1024);
    gw_buf_init(&out, 1024);
    gw_buf_add(&in,
               "\x09\xe3\x06\x92\x83"
               "123456789",
               14);
    assert_int_equal(feed_in_pieces(&in, 14, &out, &e), 0);
    assert_string_equal(out.data, "[123456789]");
    gw_buf_free(&in);
    gw_buf_free(&out);
}

static void a_flipped_bit_anywhere_is_noticed(void **state)
{
    GW_UNUSED(state);
    gw_buf in, out;
    gw_buf_init(&in, 1 << 20);
    gw_buf_init(&out, 1 << 20);
    make_stream(&in);
    for (size_t bit = 0; bit < in.len * 8; bit++) {
        gw_error e = {0};
        in.data[bit / 8] ^= (char)(1 << bit % 8);
        gw_buf_clear(&out);
        int rc = feed_in_pieces(&in, 97, &out, &e);
        assert_true(rc == GW_ECORRUPT || rc == GW_ETIMEOUT || rc == GW_ELIMIT);
        assert_int_equal(e.code, rc);
        in.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    gw_buf_free(&in);
    gw_buf_free(&out);
}

static void cut_off_at_every_byte(void **state)
{
    GW_UNUSED(state);
    gw_buf in, out;
    gw_buf_init(&in, 1 << 20);
    gw_buf_init(&out, 1 << 20);
    make_stream(&in);
    size_t whole = in.len, clean = 0;
    for (in.len = 0; in.len < whole; in.len++) {
        gw_error e = {0};
        gw_buf_clear(&out);
        int rc = feed_in_pieces(&in, 41, &out, &e);
        clean += rc == 0;
        if (rc)
            assert_int_equal(rc, GW_ETIMEOUT);
    }
    assert_int_equal(clean, 4); /* nothing, and after each frame but the last */
    gw_buf_free(&in);
    gw_buf_free(&out);
}

static void bounds(void **state)
{
    GW_UNUSED(state);
    gw_buf in, out;
    gw_error e = {0};
    gw_frames f;
    gw_buf_init(&in, 1024);
    gw_buf_init(&out, 1024);
    add_frame(&in, "0123456789", 10);
    gw_frames_init(&f, 10, keep, &out);
    assert_int_equal(gw_frames_feed(&f, in.data, in.len, &e), 0);
    gw_frames_free(&f);
    gw_frames_init(&f, 9, keep, &out);
    assert_int_equal(gw_frames_feed(&f, in.data, in.len, &e), GW_ELIMIT);
    gw_frames_free(&f);
    /* a length of 2^63: refused before any memory is asked for */
    gw_frames_init(&f, 0, keep, &out);
    gw_mem_fail_at(1);
    assert_int_equal(gw_frames_feed(&f, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 10, &e), GW_ELIMIT);
    gw_mem_fail_at(0);
    gw_frames_free(&f);
    /* eleven bytes of length */
    gw_frames_init(&f, 0, keep, &out);
    assert_int_equal(gw_frames_feed(&f, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, &e), GW_ECORRUPT);
    gw_frames_free(&f);
    gw_buf_free(&in);
    gw_buf_free(&out);
}

/* How Prometheus reports a failure in mid-stream: its text, where a frame should begin. */
static void an_error_text_in_the_stream_is_shown(void **state)
{
    GW_UNUSED(state);
    static const char *const texts[] = {
        "expanding series: context deadline exceeded\n", /* as a frame: 101 bytes, of which too few come */
        "exceeded sample limit (5000000)\n",
        "\nno such thing\n", /* as a frame: 10 bytes, which come, with a wrong checksum */
    };
    for (size_t i = 0; i < GW_COUNT(texts); i++) {
        gw_buf in, out;
        gw_error e = {0};
        gw_buf_init(&in, 1024);
        gw_buf_init(&out, 1024);
        add_frame(&in, "first", 5);
        gw_buf_puts(&in, texts[i]);
        assert_int_equal(feed_in_pieces(&in, 7, &out, &e), GW_ESERVER);
        assert_string_equal(out.data, "[first]");
        static const char *const shown[] = {"said: expanding series: context deadline exceeded",
                                            "said: exceeded sample limit (5000000)", "said:  no such thing"};
        assert_string_equal(strstr(e.message, "said"), shown[i]);
        gw_buf_free(&in);
        gw_buf_free(&out);
    }
    /* longer than the frame that it seems to begin: the checksum fails, the text is shown all the same */
    gw_buf in, out;
    gw_error e = {0};
    gw_buf_init(&in, 1024);
    gw_buf_init(&out, 1024);
    gw_buf_puts(&in, "\nquery timed out in expression evaluation");
    assert_int_equal(feed_in_pieces(&in, 100, &out, &e), GW_ESERVER);
    assert_non_null(strstr(e.message, "query timed"));
    gw_buf_free(&in);
    gw_buf_free(&out);
}

static void a_consumer_s_error_ends_it(void **state)
{
    GW_UNUSED(state);
    gw_frames f;
    gw_error e = {0};
    gw_frames_init(&f, 0, refuse, NULL);
    assert_int_equal(gw_frames_feed(&f,
                                    "\x09\xe3\x06\x92\x83"
                                    "123456789",
                                    14, &e),
                     GW_EIO);
    gw_frames_free(&f);
}

static void reset_forgets_half_a_frame(void **state)
{
    GW_UNUSED(state);
    gw_frames f;
    gw_error e = {0};
    gw_buf out;
    gw_buf_init(&out, 1024);
    gw_frames_init(&f, 0, keep, &out);
    for (size_t half = 0; half < 14; half++) {
        gw_buf_clear(&out);
        assert_int_equal(gw_frames_feed(&f,
                                        "\x09\xe3\x06\x92\x83"
                                        "123456789",
                                        half, &e),
                         0);
        gw_frames_reset(&f);
        assert_int_equal(gw_frames_finish(&f, &e), 0);
        assert_int_equal(gw_frames_feed(&f,
                                        "\x09\xe3\x06\x92\x83"
                                        "123456789",
                                        14, &e),
                         0);
        assert_string_equal(out.data, "[123456789]");
    }
    gw_frames_free(&f);
    gw_buf_free(&out);
}

static void every_allocation_fails_once(void **state)
{
    GW_UNUSED(state);
    gw_buf in, out;
    gw_buf_init(&in, 1 << 20);
    make_stream(&in);
    uint64_t n = 1;
    for (;; n++) {
        gw_error e = {0};
        gw_buf_init(&out, 1 << 20);
        gw_mem_fail_at(n);
        int rc = feed_in_pieces(&in, 50, &out, &e);
        gw_mem_fail_at(0);
        gw_buf_free(&out);
        if (!rc)
            break;
        assert_int_equal(rc, GW_ENOMEM);
    }
    assert_true(n > 3);
    gw_buf_free(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_of_every_size),
        cmocka_unit_test(a_frame_by_hand),
        cmocka_unit_test(a_flipped_bit_anywhere_is_noticed),
        cmocka_unit_test(cut_off_at_every_byte),
        cmocka_unit_test(bounds),
        cmocka_unit_test(an_error_text_in_the_stream_is_shown),
        cmocka_unit_test(a_consumer_s_error_ends_it),
        cmocka_unit_test(reset_forgets_half_a_frame),
        cmocka_unit_test(every_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
