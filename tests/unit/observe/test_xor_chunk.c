#include "gw_test.h"

#include <math.h>

#include "../support/xor_reference.h"
#include "base/mem.h"
#include "format/series.h"
#include "observe/xor_chunk.h"

#define ROOM 65600

static int64_t t_ms[GW_XOR_CAPACITY], plain_t[ROOM];
static double value[GW_XOR_CAPACITY], plain_v[ROOM];

static uint64_t seed = 1;
static uint64_t draw(void) /* xorshift64* */
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return seed * UINT64_C(2685821657736338717);
}

/* Encodes plainly, decodes with the product from an allocation of just that size, compares bits. */
static void round_trip(const int64_t *t, const double *v, size_t n)
{
    static uint8_t bytes[ROOM * 20];
    xor_writer w;
    xor_begin(&w, bytes, sizeof(bytes));
    for (size_t i = 0; i < n; i++)
        xor_append(&w, t[i], v[i]);
    size_t len = xor_end(&w), got = SIZE_MAX;
    assert_true(len > 0);
    uint8_t *exact = gw_malloc(len);
    memcpy(exact, bytes, len);
    gw_error e = {0};
    assert_int_equal(gw_xor_chunk_decode(exact, len, t_ms, value, GW_XOR_CAPACITY, &got, &e), 0);
    gw_free(exact);
    assert_int_equal(got, n);
    assert_memory_equal(t_ms, t, n * sizeof(*t));
    assert_memory_equal(value, v, n * sizeof(*v));
}

/* A chunk made by hand from the format's description: 1000 ms, 1.0; +500, the same; +500 and 1.5. */
static void by_hand(void **state)
{
    GW_UNUSED(state);
    /*
     * 00 03                     3 samples
     * d0 0f                     zigzag(1000) = 2000 = 0x7d0: low 7 bits 0x50 | 0x80, then 0x0f
     * 3f f0 00 00 00 00 00 00   1.0
     * f4 03                     500 = 0x1f4: low 7 bits 0x74 | 0x80, then 0x03
     * 0                         the same value
     * 0                         delta of delta 0
     * 11 01100 000001 1         1.0 ^ 1.5 = 1 << 51: a new window, 12 leading zeros (01100), 1 bit (000001),
     * that bit
     *
     * 0 0 1 1 0 1 1 0 | 0 0 0 0 0 0 1 1 = 36 03
     */
    static const uint8_t chunk[] = {0x00, 0x03, 0xd0, 0x0f, 0x3f, 0xf0, 0,    0,
                                    0,    0,    0,    0,    0xf4, 0x03, 0x36, 0x03};
    gw_error e = {0};
    size_t n;
    assert_int_equal(gw_xor_chunk_count(chunk, sizeof(chunk)), 3);
    assert_int_equal(gw_xor_chunk_decode(chunk, sizeof(chunk), t_ms, value, 16, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_int_equal(t_ms[0], 1000);
    assert_int_equal(t_ms[1], 1500);
    assert_int_equal(t_ms[2], 2000);
    assert_true(value[0] == 1.0 && value[1] == 1.0 && value[2] == 1.5);
}

static void every_delta_size(void **state)
{
    GW_UNUSED(state);
    /* the edges of 14, 17, 20 and 64 bits, which are not symmetrical, from a delta large enough to stay
     * positive */
    static const int64_t dods[] = {0,      1,       -1,      8191,    8192,    8193,    -8190,   -8191,
                                   -8192,  65535,   65536,   65537,   -65535,  -65536,  524287,  524288,
                                   524289, -524287, -524288, -524289, 4000000, -700000, 1 << 30, -(1 << 30)};
    enum { N = GW_COUNT(dods) };
    for (size_t changes = 0; changes < 2; changes++) {
        int64_t t[N + 2], delta = INT64_C(1) << 33;
        double v[N + 2];
        t[0] = 1662858720000;
        t[1] = t[0] + delta;
        v[0] = v[1] = 3;
        for (size_t i = 0; i < N; i++) {
            delta += dods[i];
            t[i + 2] = t[i + 1] + delta;
            v[i + 2] = changes ? (double)i * 1.1 : 3;
        }
        round_trip(t, v, N + 2);
    }
}

static double from_bits(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

static void values_of_all_kinds(void **state)
{
    GW_UNUSED(state);
    const double v[] = {
        0.0371,
        0.0371,
        0.0372, /* a new window */
        0.0371, /* the same window again */
        0.0372,
        from_bits(GW_STALE_NAN_BITS),
        from_bits(UINT64_C(0x7ff8000000000001)), /* the usual NaN */
        -0.0,
        0.0,
        INFINITY,
        -INFINITY,
        from_bits(UINT64_MAX),
        from_bits(0), /* XOR with all 64 bits: size 0 on the wire */
        from_bits(1), /* 63 leading zeros, clamped to 31 */
        from_bits(0),
        from_bits(UINT64_C(1) << 63),
        80,
        81,
        79,
        80,
        1.7976931348623157e308,
        4.9406564584124654e-324,
    };
    int64_t t[GW_COUNT(v)];
    for (size_t i = 0; i < GW_COUNT(v); i++)
        t[i] = -5000 + (int64_t)i * 15000; /* from before 1970 */
    for (size_t n = 1; n <= GW_COUNT(v); n++)
        round_trip(t, v, n);
    for (size_t from = 1; from < GW_COUNT(v); from++)
        round_trip(t, v + from, GW_COUNT(v) - from);
    assert_true(gw_is_stale_marker(v[5]));
}

/* Runs of every length, so that the decoder's turns of 8 end everywhere, up to a chunk that is as full as can
 * be. */
static void runs_of_every_length(void **state)
{
    GW_UNUSED(state);
    static int64_t t[GW_XOR_MAX_SAMPLES];
    static double v[GW_XOR_MAX_SAMPLES];
    for (size_t i = 0; i < GW_XOR_MAX_SAMPLES; i++) {
        t[i] = 1662858720000 + (int64_t)i * 30000;
        v[i] = 70656;
    }
    for (size_t n = 0; n < 300; n++)
        round_trip(t, v, n);
    round_trip(t, v, GW_XOR_MAX_SAMPLES);
    for (size_t at = 0; at < 60; at++) {
        v[at] = 70657;
        round_trip(t, v, 60);
        v[at] = 70656;
    }
}

static void random_series(void **state)
{
    GW_UNUSED(state);
    static int64_t t[400];
    static double v[400];
    for (int round = 0; round < 3000; round++) {
        size_t n = draw() % 400;
        int64_t at = (int64_t)(draw() % 2000000000000), step = 1 + (int64_t)(draw() % 60000);
        unsigned jitter = (unsigned)(draw() % 8), kind = (unsigned)(draw() % 6);
        double x = 0;
        for (size_t i = 0; i < n; i++) {
            at += step;
            if (draw() % 8 < jitter)
                at += (int64_t)(draw() % (UINT64_C(1) << draw() % 30));
            switch (kind) {
            case 0:
                break;
            case 1:
                x = (double)(draw() % 101);
                break;
            case 2:
                x += draw() % 3 ? 0 : (double)(draw() % 7) - 3;
                break;
            case 3:
                x = (double)(draw() % 10000) / 10000;
                break;
            case 4:
                x = from_bits(draw());
                break;
            default:
                x = from_bits(draw() & UINT64_C(0xff) << draw() % 56);
                break;
            }
            t[i] = at;
            v[i] = x;
        }
        round_trip(t, v, n);
    }
}

static size_t sample_chunk(uint8_t *p, size_t cap, size_t n)
{
    xor_writer w;
    xor_begin(&w, p, cap);
    int64_t t = 1662858720000;
    for (size_t i = 0; i < n; i++) {
        xor_append(&w, t, i % 5 ? (double)(i % 7) / 10 : 0.5);
        t += 30000 + (i % 11 == 10 ? 17 : 0) + (i % 23 == 22 ? 100000 : 0) + (i == 40 ? 1 << 30 : 0);
    }
    return xor_end(&w);
}

static void cut_off_at_every_byte(void **state)
{
    GW_UNUSED(state);
    uint8_t bytes[4096];
    size_t len = sample_chunk(bytes, sizeof(bytes), 120);
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = gw_malloc(n);
        memcpy(exact, bytes, n);
        gw_error e = {0};
        size_t got = 4711;
        assert_int_equal(gw_xor_chunk_decode(exact, n, t_ms, value, GW_XOR_CAPACITY, &got, &e), GW_ECORRUPT);
        assert_int_equal(e.code, GW_ECORRUPT);
        assert_true(strlen(e.message) > 0);
        assert_int_equal(got, 4711);
        gw_free(exact);
    }
}

static void a_count_that_lies(void **state)
{
    GW_UNUSED(state);
    uint8_t bytes[4096];
    size_t len = sample_chunk(bytes, sizeof(bytes), 120), got;
    gw_error e;
    /* fewer than there are: what the count says */
    bytes[1] = 100;
    assert_int_equal(gw_xor_chunk_decode(bytes, len, t_ms, value, GW_XOR_CAPACITY, &got, &e), 0);
    assert_int_equal(got, 100);
    /* more than there are: up to 7 bits of padding can pass for samples, 16 samples cannot */
    bytes[1] = 136;
    assert_int_equal(gw_xor_chunk_decode(bytes, len, t_ms, value, GW_XOR_CAPACITY, &got, &e), GW_ECORRUPT);
    bytes[0] = bytes[1] = 0xff;
    assert_int_equal(gw_xor_chunk_decode(bytes, len, t_ms, value, GW_XOR_CAPACITY, &got, &e), GW_ECORRUPT);
    /* none */
    bytes[0] = bytes[1] = 0;
    assert_int_equal(gw_xor_chunk_decode(bytes, len, t_ms, value, GW_XOR_CAPACITY, &got, &e), 0);
    assert_int_equal(got, 0);
    /* no room */
    bytes[1] = 120;
    assert_int_equal(gw_xor_chunk_decode(bytes, len, t_ms, value, 120, &got, &e), GW_ELIMIT);
    assert_int_equal(gw_xor_chunk_decode(bytes, len, t_ms, value, 128, &got, &e), 0);
    assert_int_equal(gw_xor_chunk_count(bytes, 1), -1);
}

/* Time that stands still, goes back or leaps, at each place where a chunk can say so. */
static void time_that_makes_no_sense(void **state)
{
    GW_UNUSED(state);
    static const int64_t bad[][4] = {
        {1000, 1000, 2000, 3000},
        {1000, 500, 2000, 3000},
        {1000, 2000, 2000, 3000},
        {1000, 2000, 1500, 3000},
        {1000, 2000, 3000, 2999},
        {1000, 2000, INT64_C(1) << 42, INT64_C(1) << 43},
        {INT64_C(1) << 61, (INT64_C(1) << 61) + 1, (INT64_C(1) << 61) + 2, (INT64_C(1) << 61) + 3},
        {INT64_MIN, INT64_MIN + 1, INT64_MIN + 2, INT64_MIN + 3},
    };
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        uint8_t bytes[256];
        xor_writer w;
        xor_begin(&w, bytes, sizeof(bytes));
        for (size_t k = 0; k < 4; k++)
            xor_append(&w, bad[i][k], 1);
        gw_error e;
        size_t got;
        assert_int_equal(gw_xor_chunk_decode(bytes, xor_end(&w), t_ms, value, 64, &got, &e), GW_ECORRUPT);
    }
}

/* A window of 31 + 63 bits. */
static void an_impossible_window(void **state)
{
    GW_UNUSED(state);
    uint8_t bytes[64] = {0};
    xor_writer w;
    xor_begin(&w, bytes, sizeof(bytes));
    xor_append(&w, 1000, 1);
    w.count = 2;
    xor_put_uvarint(&w, 500);
    xor_put(&w, 3, 2);
    xor_put(&w, 31, 5);
    xor_put(&w, 63, 6);
    xor_put(&w, 1, 63);
    gw_error e;
    size_t got;
    assert_int_equal(gw_xor_chunk_decode(bytes, xor_end(&w), t_ms, value, 64, &got, &e), GW_ECORRUPT);
}

static bool ascends(const int64_t *t, int n)
{
    for (int i = 1; i < n; i++)
        if (t[i] <= t[i - 1] || t[i] - t[i - 1] > INT64_C(1) << 40)
            return false;
    return n < 1 || (t[0] <= INT64_C(1) << 60 && t[0] >= -(INT64_C(1) << 60));
}

/* Whatever the bytes: the same as the plain decoder, which checks every bit, but for time that makes no
 * sense. */
static void damaged_chunks_as_the_plain_decoder(void **state)
{
    GW_UNUSED(state);
    uint8_t bytes[4096], damaged[4096];
    size_t whole = 0;
    for (int round = 0; round < 40000; round++) {
        size_t len = sample_chunk(bytes, sizeof(bytes), 1 + draw() % 60), got = 0;
        memcpy(damaged, bytes, len);
        for (unsigned i = 0, n = 1 + (unsigned)(draw() % 3); i < n; i++)
            damaged[1 + draw() % (len - 1)] ^= (uint8_t)(1 << draw() % 8);
        len -= draw() % 4 == 0 ? draw() % len : 0;
        int plain = xor_decode_plainly(damaged, len, plain_t, plain_v, ROOM);
        gw_error e;
        uint8_t *exact = gw_malloc(len);
        memcpy(exact, damaged, len);
        int rc = gw_xor_chunk_decode(exact, len, t_ms, value, GW_XOR_CAPACITY, &got, &e);
        gw_free(exact);
        if (plain < 0 || !ascends(plain_t, plain)) {
            assert_int_equal(rc, GW_ECORRUPT);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_int_equal(got, plain);
        assert_memory_equal(t_ms, plain_t, got * sizeof(*t_ms));
        assert_memory_equal(value, plain_v, got * sizeof(*value));
        whole++;
    }
    assert_true(whole > 1000); /* many a flipped bit only changes a value */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(every_delta_size),
        cmocka_unit_test(values_of_all_kinds),
        cmocka_unit_test(runs_of_every_length),
        cmocka_unit_test(random_series),
        cmocka_unit_test(cut_off_at_every_byte),
        cmocka_unit_test(a_count_that_lies),
        cmocka_unit_test(time_that_makes_no_sense),
        cmocka_unit_test(an_impossible_window),
        cmocka_unit_test(damaged_chunks_as_the_plain_decoder),
    };
    return cmocka_run_group_tests_name("xor_chunk", tests, NULL, NULL);
}
