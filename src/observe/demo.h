/*
 * The sample fleet: a generator with documented parameters and a seed, that contains every situation the
 * report can speak of. A source like any other; `gpuwise demo --write DIR` records it as a snapshot.
 */
#ifndef GW_OBSERVE_DEMO_H
#define GW_OBSERVE_DEMO_H

#include "observe/source.h"

typedef struct gw_demo_options {
    uint64_t seed; /* default 1 */
    int nodes;     /* default 12; the situations need at least 12, more nodes repeat the ordinary ones */
    int64_t interval_ms; /* scrape interval; default 30 s */
    gw_interval window;  /* default: 7 days that end at a fixed instant, so that output never changes */
} gw_demo_options;

void gw_demo_defaults(gw_demo_options *o);
int gw_demo_open(const gw_demo_options *o, gw_source *ret, gw_error *e);

#endif
