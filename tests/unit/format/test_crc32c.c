#include "gw_test.h"

#include "format/crc32c.h"

/* RFC 3720, appendix B.4: 32 bytes each; the checksums are printed there byte by byte, low byte first. */
static void rfc_3720_vectors(void **state)
{
    GW_UNUSED(state);
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];
    for (int i = 0; i < 32; i++) {
        ones[i] = 0xff;
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    /* an iSCSI SCSI Read (10) command PDU */
    static const uint8_t pdu[48] = {0x01, 0xc0, 0,    0,    0,    0, 0, 0, 0,    0, 0, 0, 0,   0,
                                    0,    0,    0x14, 0,    0,    0, 0, 0, 0x04, 0, 0, 0, 0,   0x14,
                                    0,    0,    0,    0x18, 0x28, 0, 0, 0, 0,    0, 0, 0, 0x02};
    const struct {
        const uint8_t *p;
        size_t n;
        uint32_t crc;
    } vectors[] = {
        {zeros, 32, 0x8a9136aa}, {ones, 32, 0x62a8ab43}, {up, 32, 0x46dd794e},
        {down, 32, 0x113fdb5c},  {pdu, 48, 0xd9963a56},
    };
    for (size_t i = 0; i < GW_COUNT(vectors); i++) {
        assert_int_equal(gw_crc32c(0, vectors[i].p, vectors[i].n), vectors[i].crc);
        assert_int_equal(gw_crc32c_table(0, vectors[i].p, vectors[i].n), vectors[i].crc);
    }
    /* the check value that every catalogue of CRCs gives */
    assert_int_equal(gw_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(gw_crc32c_table(0, "123456789", 9), 0xe3069283);
    assert_int_equal(gw_crc32c(0, "", 0), 0);
}

/* The definition: one bit at a time. */
static uint32_t bit_by_bit(uint32_t crc, const uint8_t *p, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    return ~crc;
}

static void every_length_alignment_and_split(void **state)
{
    GW_UNUSED(state);
    uint8_t bytes[80];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t from = 0; from < 9; from++) {
        for (size_t n = 0; from + n <= 70; n++) {
            uint32_t want = bit_by_bit(0, bytes + from, n);
            assert_int_equal(gw_crc32c(0, bytes + from, n), want);
            assert_int_equal(gw_crc32c_table(0, bytes + from, n), want);
            size_t half = n / 3;
            assert_int_equal(gw_crc32c(gw_crc32c(0, bytes + from, half), bytes + from + half, n - half),
                             want);
            assert_int_equal(
                gw_crc32c_table(gw_crc32c_table(0, bytes + from, half), bytes + from + half, n - half), want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_3720_vectors),
        cmocka_unit_test(every_length_alignment_and_split),
    };
    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
