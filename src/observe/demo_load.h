/*
 * How busy a pod of the sample fleet is at an instant: pure functions of (load, seed, time), without state,
 * so that any slice of time can be made on its own. Internal to the demo source and its tests.
 */
#ifndef GW_OBSERVE_DEMO_LOAD_H
#define GW_OBSERVE_DEMO_LOAD_H

#include "base/base.h"
#include "base/time.h"

typedef enum demo_shape {
    DEMO_SILENT,   /* holds its GPU and never computes */
    DEMO_CONSTANT, /* exactly `level`, always: what tests compare with a closed formula */
    DEMO_TRAINING, /* `level`, and a dip of 2 minutes every 2 hours for a checkpoint */
    DEMO_BATCH,    /* around `level`, uneven */
    DEMO_SERVING,  /* around `level`, following the day a little: requests come day and night */
    DEMO_RHYTHM,   /* from near 0 at night to `level` at the busiest hour */
    DEMO_PULSE,    /* `level` for 3 minutes of every hour, next to nothing else */
    DEMO_NOTEBOOK, /* weekdays 8 to 19 h UTC, on and off; nothing at night and on weekends */
} demo_shape;

/* What drives every metric of a unit. Shares are 0..1. */
typedef struct demo_load {
    demo_shape shape;
    double level;        /* SM activity while busy */
    double gr, util;     /* GR_ENGINE_ACTIVE and GPU_UTIL (as a share) over SM activity; both cut at 1 */
    double dram, tensor; /* DRAM_ACTIVE and PIPE_TENSOR_ACTIVE over SM activity; both cut at 1 */
    double memory_mib;   /* framebuffer taken on each unit for as long as the pod lives */
} demo_load;

#define DEMO_PULSE_MS (3 * GW_MINUTE_MS)

/* SM activity at t_ms, 0..1, of a pod that began at since_ms. */
double demo_load_at(const demo_load *l, uint64_t seed, int64_t since_ms, int64_t t_ms);

/*
 * The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection of 64 bits in which every input bit
 * changes about half of the output's.
 */
static inline uint64_t demo_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The k-th draw of the stream `seed`; draws of different k or seed have nothing to do with one another. */
static inline uint64_t demo_draw(uint64_t seed, uint64_t k)
{
    return demo_mix(seed + (k + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

/* The same as a share, 0 <= x < 1. */
static inline double demo_share(uint64_t seed, uint64_t k)
{
    return (double)(demo_draw(seed, k) >> 11) * 0x1p-53;
}

#endif
