/*
 * Streamed remote-read replies of a made-up GPU fleet, in memory, for benches: what Prometheus would send for
 * one metric and one slice of time, frame by frame. The same seed gives the same bytes; a series' samples
 * depend on nothing but the seed, the GPU, the metric and the slice.
 *
 * The mix, after what dcgm-exporter writes (integers for percent, MiB and codes; six decimals for ratios;
 * three for watts), with the scrape's time off by up to 3 ms once in 20:
 *
 *     35 % of the GPUs idle      every signal constant; only the power flickers by a tenth of a watt
 *     45 % serve models          bursts: on for 10 scrapes in the mean, off for 15; memory full and steady
 *     20 % train                 everything high and noisy, memory moves now and then
 *
 *     metric                          idle      serving                          training
 *     GPU_UTIL, MEM_COPY_UTIL         0         integers, walking in bursts      integers 90 to 100 (copy: 40
 * to 60) SM_ACTIVE, GR_ENGINE_ACTIVE, DRAM_ACTIVE, PIPE_TENSOR_ACTIVE 0         six random decimals in bursts
 * six random decimals FB_USED, FB_FREE                constant  constant, a step once in 500     a step once
 * in 20 POWER_USAGE                     ± 0.1     three random decimals            three random decimals
 *     XID_ERRORS                      0         0                                0
 */
#ifndef GW_TESTS_BENCH_GEN_REPLY_H
#define GW_TESTS_BENCH_GEN_REPLY_H

#include <math.h>

#include "../support/reply_builder.h"
#include "../support/xor_reference.h"
#include "base/time.h"

#define GEN_CHUNK_SAMPLES 120
#define GEN_CHUNK_BYTES   4096
#define GEN_FRAME_BYTES   ((size_t)1 << 20) /* as Prometheus' --storage.remote.read-max-bytes-in-frame */

static const char *const gen_metrics[] = {
    "DCGM_FI_DEV_GPU_UTIL",          "DCGM_FI_PROF_SM_ACTIVE",
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_FB_FREE",           "DCGM_FI_PROF_DRAM_ACTIVE",
    "DCGM_FI_DEV_MEM_COPY_UTIL",     "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "DCGM_FI_DEV_POWER_USAGE",       "DCGM_FI_DEV_XID_ERRORS",
};
#define GEN_N_METRICS ((int)GW_COUNT(gen_metrics))

enum { GEN_PERCENT, GEN_RATIO, GEN_MEMORY, GEN_POWER, GEN_CODE };
static const int gen_kinds[] = {GEN_PERCENT, GEN_RATIO,   GEN_RATIO, GEN_MEMORY, GEN_MEMORY,
                                GEN_RATIO,   GEN_PERCENT, GEN_RATIO, GEN_POWER,  GEN_CODE};

typedef struct gen {
    uint64_t seed;
    int gpus;
    int64_t interval_ms;
} gen;

typedef struct gen_state {
    uint64_t random;
    int kind, work; /* work: 0 idle, 1 serving, 2 training */
    bool on;
    double x;
} gen_state;

/* Vigna's splitmix64. */
static inline uint64_t gen_draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline double gen_unit(gen_state *s)
{
    return (double)(gen_draw(&s->random) >> 11) * 0x1p-53;
}

static inline bool gen_one_in(gen_state *s, unsigned n)
{
    return gen_draw(&s->random) % n == 0;
}

static inline double gen_value(gen_state *s)
{
    if (s->work == 1 && gen_one_in(s, s->on ? 10 : 15))
        s->on = !s->on;
    bool busy = s->work == 2 || (s->work == 1 && s->on);
    switch (s->kind) {
    case GEN_PERCENT:
        if (!busy)
            return 0;
        if (s->work == 2)
            return floor(90 + gen_unit(s) * 11);
        if (gen_one_in(s, 2))
            s->x = fmin(100, fmax(0, s->x + floor(gen_unit(s) * 21) - 10));
        return s->x;
    case GEN_RATIO:
        return busy ? floor((s->work == 2 ? 0.7 + gen_unit(s) * 0.3 : gen_unit(s) * 0.6) * 1e6) / 1e6 : 0;
    case GEN_MEMORY:
        if ((s->work == 1 && gen_one_in(s, 500)) || (s->work == 2 && gen_one_in(s, 20)))
            s->x += floor(gen_unit(s) * 512) - 256;
        return 40000 + s->x;
    case GEN_POWER:
        return busy ? floor((250 + gen_unit(s) * 150) * 1000) / 1000
                    : floor((62 + gen_unit(s) * 0.2) * 1000) / 1000;
    default:
        return 0;
    }
}

/* Appends a ChunkedSeries: one GPU's metric over a slice. Returns its samples. */
static inline uint64_t gen_series(const gen *g, int metric, int gpu, gw_interval slice, gw_buf *series)
{
    uint64_t who = g->seed * 1000003 + (uint64_t)gpu;
    unsigned roll = (unsigned)(gen_draw(&who) % 100);
    gen_state s = {.random = who ^ (uint64_t)metric << 48 ^ (uint64_t)slice.start_ms,
                   .kind = gen_kinds[metric],
                   .work = roll < 35   ? 0
                           : roll < 80 ? 1
                                       : 2,
                   .x = 30};
    char text[64];
    reply_label(series, "Hostname", (snprintf(text, sizeof(text), "gpu-node-%03d", gpu / 8), text));
    reply_label(series, "UUID",
                (snprintf(text, sizeof(text), "GPU-%08x-0000-4000-8000-%012x", gpu, gpu), text));
    reply_label(series, "__name__", gen_metrics[metric]);
    reply_label(series, "container", "server");
    reply_label(series, "device", (snprintf(text, sizeof(text), "nvidia%d", gpu % 8), text));
    reply_label(series, "gpu", (snprintf(text, sizeof(text), "%d", gpu % 8), text));
    reply_label(series, "modelName", "NVIDIA H100 80GB HBM3");
    reply_label(series, "namespace", (snprintf(text, sizeof(text), "team-%d", gpu % 17), text));
    reply_label(series, "pod", (snprintf(text, sizeof(text), "model-server-%d", gpu), text));
    uint64_t samples = 0;
    int64_t phase = (int64_t)(gen_draw(&who) % (uint64_t)g->interval_ms), t = slice.start_ms + phase;
    while (t < slice.end_ms) {
        uint8_t bytes[GEN_CHUNK_BYTES];
        xor_writer w;
        int64_t first = t, last = t;
        xor_begin(&w, bytes, sizeof(bytes));
        for (int i = 0; i < GEN_CHUNK_SAMPLES && t < slice.end_ms; i++, t += g->interval_ms) {
            last = t + (gen_one_in(&s, 20) ? (int64_t)(gen_draw(&s.random) % 7) - 3 : 0);
            last = GW_MIN(GW_MAX(last, slice.start_ms), slice.end_ms - 1);
            if (i == 0)
                first = last;
            xor_append(&w, last, gen_value(&s));
            samples++;
        }
        reply_chunk(series, first, last, 1, bytes, xor_end(&w));
    }
    return samples;
}

/* Appends the frames of one metric over a slice, all GPUs. Returns the samples. */
static inline uint64_t gen_reply(const gen *g, int metric, gw_interval slice, gw_buf *out)
{
    gw_buf message, series;
    uint64_t samples = 0;
    gw_buf_init(&message, 4 * GEN_FRAME_BYTES);
    gw_buf_init(&series, 4 * GEN_FRAME_BYTES);
    for (int gpu = 0; gpu < g->gpus; gpu++) {
        gw_buf_clear(&series);
        samples += gen_series(g, metric, gpu, slice, &series);
        gw_proto_put_message(&message, 1, &series);
        if (message.len >= GEN_FRAME_BYTES || gpu == g->gpus - 1) {
            reply_frame(out, &message);
            gw_buf_clear(&message);
        }
    }
    gw_buf_free(&series);
    gw_buf_free(&message);
    return samples;
}

#endif
