#include "format/crc32c.h"

#include <stdatomic.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif

#define POLYNOMIAL UINT32_C(0x82f63b78)

/* table[k][b]: the checksum of byte b followed by k zero bytes, so that 8 bytes are done at once ("slicing by
 * 8"). */
static uint32_t table[8][256];
static atomic_bool table_made;

/* Two threads may both fill it, with the same numbers. */
static void make_table(void)
{
    if (atomic_load_explicit(&table_made, memory_order_acquire))
        return;
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t c = b;
        for (int i = 0; i < 8; i++)
            c = c >> 1 ^ (POLYNOMIAL & (0 - (c & 1)));
        table[0][b] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int b = 0; b < 256; b++)
            table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff];
    atomic_store_explicit(&table_made, true, memory_order_release);
}

uint32_t gw_crc32c_table(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    make_table();
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint32_t low =
            crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^ table[5][low >> 16 & 0xff] ^
              table[4][low >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
    }
    for (; n > 0; n--, p++)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)

#define HARDWARE "sse4.2"

static bool hardware_usable(void)
{
    return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t crc_hardware(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t c = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t x;
        memcpy(&x, p, sizeof(x));
        c = __builtin_ia32_crc32di(c, x);
    }
    for (; n > 0; n--, p++)
        c = __builtin_ia32_crc32qi((uint32_t)c, *p);
    return ~(uint32_t)c;
}

#elif defined(__aarch64__) && defined(__linux__)

#if defined(__clang__)
#define CRC_BYTE(c, x)  __builtin_arm_crc32cb(c, x)
#define CRC_EIGHT(c, x) __builtin_arm_crc32cd(c, x)
#define CRC_TARGET      "crc"
#else
#define CRC_BYTE(c, x)  __builtin_aarch64_crc32cb(c, x)
#define CRC_EIGHT(c, x) __builtin_aarch64_crc32cx(c, x)
#define CRC_TARGET      "+crc"
#endif
#define HARDWARE "crc"

static bool hardware_usable(void)
{
    return getauxval(AT_HWCAP) & HWCAP_CRC32;
}

__attribute__((target(CRC_TARGET))) static uint32_t crc_hardware(uint32_t crc, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    crc = ~crc;
    for (; n >= 8; n -= 8, p += 8) {
        uint64_t x;
        memcpy(&x, p, sizeof(x));
        crc = CRC_EIGHT(crc, x);
    }
    for (; n > 0; n--, p++)
        crc = CRC_BYTE(crc, *p);
    return ~crc;
}

#endif

uint32_t gw_crc32c(uint32_t crc, const void *p, size_t n)
{
#ifdef HARDWARE
    static atomic_int usable; /* 0: not asked yet, 1: yes, 2: no */
    int u = atomic_load_explicit(&usable, memory_order_relaxed);
    if (u == 0) {
        u = hardware_usable() ? 1 : 2;
        atomic_store_explicit(&usable, u, memory_order_relaxed);
    }
    if (u == 1)
        return crc_hardware(crc, p, n);
#endif
    return gw_crc32c_table(crc, p, n);
}
