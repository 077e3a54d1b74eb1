#include "gw_test.h"

#include "base/mem.h"
#include "format/proto.h"

static int next(gw_proto *r, gw_proto_field *f)
{
    return gw_proto_next(r, f);
}

/* Bytes from protobuf's encoding guide: field 1 = 150, field 2 = "testing"; then the fixed sizes by hand. */
static void reads_the_guide_s_examples(void **state)
{
    GW_UNUSED(state);
    static const char bytes[] = "\x08\x96\x01"                         /* 1: varint 150 */
                                "\x12\x07testing"                      /* 2: bytes */
                                "\x19\x00\x00\x00\x00\x00\x00\xf0\x3f" /* 3: fixed64, the double 1.0 */
                                "\x25\x01\x02\x03\x04"                 /* 4: fixed32 */
                                "\x80\x01\x00"                         /* 16: varint 0 */
                                "\x2a\x00";                            /* 5: no bytes */
    gw_proto r = gw_proto_of((gw_str){bytes, sizeof(bytes) - 1});
    gw_proto_field f;
    assert_int_equal(next(&r, &f), 1);
    assert_int_equal(f.number, 1);
    assert_int_equal(f.wire, GW_PROTO_VARINT);
    assert_int_equal(f.value, 150);
    assert_int_equal(next(&r, &f), 1);
    assert_int_equal(f.number, 2);
    assert_true(gw_str_is(f.bytes, "testing"));
    assert_int_equal(next(&r, &f), 1);
    assert_int_equal(f.number, 3);
    assert_true(gw_proto_double(f.value) == 1.0);
    assert_int_equal(next(&r, &f), 1);
    assert_int_equal(f.value, 0x04030201);
    assert_int_equal(next(&r, &f), 1);
    assert_int_equal(f.number, 16);
    assert_int_equal(f.value, 0);
    assert_int_equal(next(&r, &f), 1);
    assert_int_equal(f.number, 5);
    assert_int_equal(f.bytes.n, 0);
    assert_int_equal(next(&r, &f), 0);
    assert_int_equal(next(&r, &f), 0);
}

static void refuses_what_is_malformed(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        {"\x08", 1},                                              /* a tag without its value */
        {"\x08\x80", 2},                                          /* a varint that goes on */
        {"\x80", 1},                                              /* so does the tag */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},     /* 65 bits */
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12}, /* 11 bytes */
        {"\x12\x05"
         "abcd",
         6},                                                  /* a length beyond the end */
        {"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* a length of 2^64 - 1 */
        {"\x19\0\0\0\0\0\0\0", 8},                            /* 7 bytes of a fixed64 */
        {"\x25\0\0\0", 4},                                    /* 3 of a fixed32 */
        {"\x00\x01", 2},                                      /* field 0 */
        {"\x0b\x0c", 2},                                      /* a group */
        {"\x0e\x00", 2},                                      /* wire type 6 */
        {"\x80\x80\x80\x80\x10\x00", 6},                      /* field 2^29 */
    };
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        gw_proto r = gw_proto_of((gw_str){bad[i].bytes, bad[i].n});
        const uint8_t *before = r.p;
        gw_proto_field f = {.number = 77};
        assert_int_equal(next(&r, &f), GW_ECORRUPT);
        assert_int_equal(f.number, 77);
        assert_ptr_equal(r.p, before);
    }
}

static void varints(void **state)
{
    GW_UNUSED(state);
    static const uint64_t values[] = {0,         1, 127, 128, 16383, 16384, UINT32_MAX, (uint64_t)INT64_MAX,
                                      UINT64_MAX};
    static const int lengths[] = {1, 1, 1, 2, 2, 3, 5, 9, 10}; /* ceil(bits / 7) */
    for (size_t i = 0; i < GW_COUNT(values); i++) {
        gw_buf b;
        gw_buf_init(&b, 64);
        gw_proto_put_raw_uvarint(&b, values[i]);
        assert_int_equal(b.len, lengths[i]);
        uint64_t v = 42;
        const uint8_t *p = (const uint8_t *)b.data;
        for (size_t n = 0; n < b.len; n++)
            assert_int_equal(gw_proto_uvarint(p, n, &v), 0);
        assert_int_equal(v, 42);
        assert_int_equal(gw_proto_uvarint(p, b.len, &v), lengths[i]);
        assert_true(v == values[i]);
        gw_buf_free(&b);
    }
}

static void writes_what_the_guide_says(void **state)
{
    GW_UNUSED(state);
    gw_buf b, inner;
    gw_buf_init(&b, 1024);
    gw_buf_init(&inner, 1024);
    gw_proto_put_uvarint(&inner, 1, 150);
    gw_proto_put_message(&b, 3, &inner);                /* the guide's embedded message: 1a 03 08 96 01 */
    gw_proto_put_uvarint(&b, 2, (uint64_t)INT64_C(-2)); /* ten bytes, as the guide says of negative int64 */
    gw_proto_put_double(&b, 1, 1.0);
    static const char want[] = "\x1a\x03\x08\x96\x01"
                               "\x10\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                               "\x09\x00\x00\x00\x00\x00\x00\xf0\x3f";
    assert_int_equal(b.len, sizeof(want) - 1);
    assert_memory_equal(b.data, want, b.len);
    gw_buf_free(&inner);
    gw_buf_free(&b);
}

static void want_of_memory_sticks(void **state)
{
    GW_UNUSED(state);
    gw_buf b, inner;
    gw_buf_init(&inner, 1024);
    gw_mem_fail_at(1);
    gw_proto_put_uvarint(&inner, 1, 1);
    gw_mem_fail_at(0);
    gw_buf_init(&b, 1024);
    gw_proto_put_message(&b, 1, &inner);
    assert_int_equal(b.failed, GW_ENOMEM);
    gw_buf_free(&inner);
    gw_buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_guide_s_examples),
        cmocka_unit_test(refuses_what_is_malformed),
        cmocka_unit_test(varints),
        cmocka_unit_test(writes_what_the_guide_says),
        cmocka_unit_test(want_of_memory_sticks),
    };
    return cmocka_run_group_tests_name("proto", tests, NULL, NULL);
}
