/*
 * The XOR chunk decoder on any bytes, held against the plain one: the same samples, or both refuse; but time
 * that does not advance, which only the product refuses.
 */
#include "../support/xor_reference.h"
#include "observe/xor_chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t t_ms[GW_XOR_CAPACITY], plain_t[GW_XOR_CAPACITY];
static double value[GW_XOR_CAPACITY], plain_v[GW_XOR_CAPACITY];

static bool advances(const int64_t *t, int n)
{
    const int64_t far = INT64_C(1) << 60;
    for (int i = 1; i < n; i++)
        if ((uint64_t)t[i] - (uint64_t)t[i - 1] - 1 >= UINT64_C(1) << 40)
            return false;
    return n < 1 || (t[0] <= far && t[0] >= -far);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_error e;
    size_t got = 0;
    int rc = gw_xor_chunk_decode(data, size, t_ms, value, GW_XOR_CAPACITY, &got, &e);
    int plain = xor_decode_plainly(data, size, plain_t, plain_v, GW_XOR_CAPACITY);
    bool sane = plain >= 0 && advances(plain_t, plain);
    if ((rc == 0) != sane)
        abort();
    if (rc == 0 && (got != (size_t)plain || memcmp(t_ms, plain_t, got * sizeof(*t_ms)) != 0 ||
                    memcmp(value, plain_v, got * sizeof(*value)) != 0))
        abort();
    return 0;
}
