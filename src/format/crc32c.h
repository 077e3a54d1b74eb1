/*
 * CRC-32C (Castagnoli, reflected polynomial 0x82f63b78; RFC 3720 appendix B.4 has test vectors), which guards
 * the frames of a streamed remote read. Uses the processor's instruction where it has one (SSE 4.2, ARMv8
 * CRC), found out at run time, else a table of 8 KiB.
 */
#ifndef GW_FORMAT_CRC32C_H
#define GW_FORMAT_CRC32C_H

#include "base/base.h"

/* Continues crc (0 to start with) over n bytes: gw_crc32c(gw_crc32c(0, a), b) is the checksum of a followed
 * by b. */
uint32_t gw_crc32c(uint32_t crc, const void *p, size_t n);

/* The same from the table, whatever the processor can: for tests and benches. */
uint32_t gw_crc32c_table(uint32_t crc, const void *p, size_t n);

#endif
