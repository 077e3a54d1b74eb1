#include "gw_test.h"

#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/gzip.h"

static int collect(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf_add(ctx, p, n);
    return gw_buf_check(ctx, "test", e);
}

static int refuse(void *ctx, const char *p, size_t n, gw_error *e)
{
    GW_UNUSED(ctx);
    GW_UNUSED(p);
    GW_UNUSED(n);
    return gw_fail(e, GW_EIO, "no room");
}

static void pack(gw_buf *out, const char *p, size_t n, size_t piece)
{
    gw_error e;
    gw_gzip *g = gw_gzip_new(GW_GZIP_LEVEL, collect, out);
    assert_non_null(g);
    for (size_t at = 0; at < n; at += piece)
        assert_int_equal(gw_gzip_write(g, p + at, GW_MIN(piece, n - at), &e), 0);
    assert_int_equal(gw_gzip_end(g, &e), 0);
    assert_int_equal(gw_gzip_total(g), out->len);
    assert_int_equal(gw_gzip_end(g, &e), 0); /* nothing since: no empty member */
    assert_int_equal(gw_gzip_total(g), out->len);
    gw_gzip_free(g);
}

static int unpack(gw_buf *out, const char *p, size_t n, size_t piece, uint64_t max, gw_error *e)
{
    gw_gunzip *g = gw_gunzip_new(max, collect, out);
    assert_non_null(g);
    int rc = 0;
    for (size_t at = 0; at < n && rc == 0; at += piece)
        rc = gw_gunzip_feed(g, p + at, GW_MIN(piece, n - at), e);
    if (rc == 0)
        rc = gw_gunzip_finish(g, e);
    if (rc == 0)
        assert_int_equal(gw_gunzip_total(g), out->len);
    gw_gunzip_free(g);
    return rc;
}

/* Text that packs neither too well nor too badly: a counter in several bases. */
static void fill(gw_buf *b, size_t n)
{
    for (unsigned i = 0; b->len < n; i++)
        gw_buf_printf(b, "%u %x series{label=\"%u\"}\n", i, i * 2654435761u, i % 10);
}

static void packs_and_unpacks(void **state)
{
    static const size_t sizes[] = {1, 100, 70000, 1000000}, pieces[] = {1, 7, 4096, SIZE_MAX / 2};
    GW_UNUSED(state);
    for (size_t s = 0; s < GW_COUNT(sizes); s++) {
        gw_buf text;
        gw_buf_init(&text, 1 << 22);
        fill(&text, sizes[s]);
        for (size_t i = 0; i < GW_COUNT(pieces); i++) {
            if (pieces[i] == 1 && sizes[s] > 100000)
                continue;
            gw_buf packed, again;
            gw_error e;
            gw_buf_init(&packed, 1 << 22);
            gw_buf_init(&again, 1 << 22);
            pack(&packed, text.data, text.len, pieces[i]);
            assert_int_equal(unpack(&again, packed.data, packed.len, pieces[i], UINT64_MAX, &e), 0);
            assert_int_equal(again.len, text.len);
            assert_memory_equal(again.data, text.data, text.len);
            gw_buf_free(&packed);
            gw_buf_free(&again);
        }
        gw_buf_free(&text);
    }
}

/* What gzip(1) makes of "hello\n", and its own reading of ours: an implementation apart from this one. */
static void agrees_with_gzip(void **state)
{
    static const unsigned char hello[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                                          0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0xe7, 0x02, 0x00,
                                          0x20, 0x30, 0x3a, 0x36, 0x06, 0x00, 0x00, 0x00};
    GW_UNUSED(state);
    gw_buf out;
    gw_error e;
    gw_buf_init(&out, 100);
    assert_int_equal(unpack(&out, (const char *)hello, sizeof(hello), 1, 100, &e), 0);
    assert_string_equal(out.data, "hello\n");
    gw_buf_free(&out);
    gw_buf_init(&out, 100);
    pack(&out, "hello\n", 6, 6);
    /* the 10 bytes of header say gzip, deflate, no flags, no time; the trailer is CRC-32 and length */
    assert_memory_equal(out.data, hello, 8);
    assert_memory_equal(out.data + out.len - 8, hello + sizeof(hello) - 8, 8);
    gw_buf_free(&out);
}

static void members_are_one_text(void **state)
{
    GW_UNUSED(state);
    gw_buf packed, out;
    gw_error e;
    gw_buf_init(&packed, 1000);
    gw_buf_init(&out, 1000);
    pack(&packed, "one ", 4, 4);
    size_t first = packed.len;
    gw_buf second;
    gw_buf_init(&second, 1000);
    pack(&second, "two", 3, 3);
    gw_buf_add(&packed, second.data, second.len);
    gw_buf_add(&packed, "\0\0\0\0", 4); /* padding */
    for (size_t piece = 1; piece <= packed.len; piece++) {
        gw_buf_clear(&out);
        assert_int_equal(unpack(&out, packed.data, packed.len, piece, 7, &e), 0);
        assert_string_equal(out.data, "one two");
    }
    /* a member of its own can be read from its place */
    gw_buf_clear(&out);
    assert_int_equal(unpack(&out, packed.data + first, packed.len - first, 5, 7, &e), 0);
    assert_string_equal(out.data, "two");
    gw_buf_add(&packed, "x", 1);
    gw_buf_clear(&out);
    assert_int_equal(unpack(&out, packed.data, packed.len, 5, 7, &e), GW_ECORRUPT);
    gw_buf_free(&packed);
    gw_buf_free(&second);
    gw_buf_free(&out);
}

static void every_cut_and_every_flipped_bit_is_noticed(void **state)
{
    GW_UNUSED(state);
    gw_buf text, packed, out;
    gw_error e;
    gw_buf_init(&text, 1 << 20);
    gw_buf_init(&packed, 1 << 20);
    gw_buf_init(&out, 1 << 20);
    fill(&text, 400);
    pack(&packed, text.data, text.len, 1000);
    for (size_t n = 0; n < packed.len; n++) {
        gw_buf_clear(&out);
        assert_int_equal(unpack(&out, packed.data, n, 64, 1 << 20, &e), GW_ECORRUPT);
        if (out.len)
            assert_memory_equal(out.data, text.data, out.len);
    }
    for (size_t bit = 0; bit < packed.len * 8; bit++) {
        if (bit / 8 == 3 || (bit / 8 >= 4 && bit / 8 <= 9))
            continue; /* flags, time and system of the header: not covered by the checksum */
        packed.data[bit / 8] = (char)(packed.data[bit / 8] ^ 1 << bit % 8);
        gw_buf_clear(&out);
        int rc = unpack(&out, packed.data, packed.len, 64, 1 << 20, &e);
        /* the bits that fill up the last byte of deflate data mean nothing */
        bool same = rc == 0 && out.len == text.len && memcmp(out.data, text.data, text.len) == 0;
        if (rc != GW_ECORRUPT && !(same && bit / 8 == packed.len - 9))
            fail_msg("bit %zu of byte %zu: %d", bit % 8, bit / 8, rc);
        packed.data[bit / 8] = (char)(packed.data[bit / 8] ^ 1 << bit % 8);
    }
    gw_buf_free(&text);
    gw_buf_free(&packed);
    gw_buf_free(&out);
}

static void a_bomb_is_bounded(void **state)
{
    GW_UNUSED(state);
    gw_buf packed, out;
    gw_error e;
    char *zeros = calloc(1, 1 << 20);
    gw_buf_init(&packed, 1 << 20);
    gw_buf_init(&out, 1 << 22);
    pack(&packed, zeros, 1 << 20, 1 << 20);
    assert_true(packed.len < 2000); /* deflate's best is 1032:1 */
    assert_int_equal(unpack(&out, packed.data, packed.len, 100, (1 << 20) - 1, &e), GW_ELIMIT);
    assert_true(out.len < 1 << 20);
    gw_buf_clear(&out);
    assert_int_equal(unpack(&out, packed.data, packed.len, 100, 1 << 20, &e), 0);
    free(zeros);
    gw_buf_free(&packed);
    gw_buf_free(&out);
}

static void a_sink_that_fails_is_heard(void **state)
{
    GW_UNUSED(state);
    gw_buf packed;
    gw_error e;
    gw_buf_init(&packed, 1000);
    pack(&packed, "text", 4, 4);
    gw_gunzip *u = gw_gunzip_new(100, refuse, NULL);
    assert_int_equal(gw_gunzip_feed(u, packed.data, packed.len, &e), GW_EIO);
    assert_string_equal(e.message, "no room");
    gw_gunzip_free(u);
    gw_gzip *g = gw_gzip_new(1, refuse, NULL);
    int rc = gw_gzip_write(g, "text", 4, &e);
    if (rc == 0)
        rc = gw_gzip_end(g, &e);
    assert_int_equal(rc, GW_EIO);
    gw_gzip_free(g);
    gw_buf_free(&packed);
}

static int discard(void *ctx, const char *p, size_t n, gw_error *e)
{
    GW_UNUSED(p);
    GW_UNUSED(e);
    *(size_t *)ctx += n;
    return 0;
}

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    gw_buf packed;
    gw_buf_init(&packed, 1000);
    pack(&packed, "some text", 9, 9);
    for (int packing = 0; packing < 2; packing++) {
        int rc = GW_ENOMEM;
        for (uint64_t n = 1; rc; n++) {
            size_t got = 0;
            gw_error e = {0};
            gw_mem_fail_at(n);
            if (packing) {
                gw_gzip *g = gw_gzip_new(GW_GZIP_LEVEL, discard, &got);
                rc = g ? gw_gzip_write(g, "some text", 9, &e) : GW_ENOMEM;
                if (rc == 0)
                    rc = gw_gzip_end(g, &e);
                gw_gzip_free(g);
            } else {
                gw_gunzip *g = gw_gunzip_new(100, discard, &got);
                rc = g ? gw_gunzip_feed(g, packed.data, packed.len, &e) : GW_ENOMEM;
                if (rc == 0)
                    rc = gw_gunzip_finish(g, &e);
                gw_gunzip_free(g);
            }
            gw_mem_fail_at(0);
            assert_true(rc == 0 || rc == GW_ENOMEM);
            assert_true(rc != 0 || got > 0);
            assert_true(n < 50);
        }
    }
    gw_buf_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packs_and_unpacks),
        cmocka_unit_test(agrees_with_gzip),
        cmocka_unit_test(members_are_one_text),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_noticed),
        cmocka_unit_test(a_bomb_is_bounded),
        cmocka_unit_test(a_sink_that_fails_is_heard),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
