/* The detector's state, for its two files: what it does (anomaly.c) and how it is kept (anomaly_state.c). */
#ifndef GW_OPERATE_ANOMALY_INTERNAL_H
#define GW_OPERATE_ANOMALY_INTERNAL_H

#include "operate/anomaly.h"
#include "operate/ranks.h"

/* One step; NAN where not known. Floats halve the state, and seven digits of a dollar amount are plenty to
 * judge it. */
typedef struct gw_anomaly_slot {
    float value, level, error; /* error: value less what was expected */
    float shape, season;       /* novelties, as they stand in the ranks */
} gw_anomaly_slot;

struct gw_anomaly {
    int64_t step_ms;
    double tail;
    int64_t base,
        last;        /* step numbers: step n lies in slot (n - base) % HISTORY; INT64_MIN before the first */
    size_t n, known; /* steps in the history, and those of them with a value */
    double record;   /* orders of magnitude that the next anomaly must surpass */
    gw_ranks shapes, seasons, errors;
    gw_anomaly_slot slot[GW_ANOMALY_HISTORY];
    float shapes_v[GW_ANOMALY_HISTORY + 1], seasons_v[GW_ANOMALY_HISTORY + 1],
        errors_v[GW_ANOMALY_HISTORY + 1];
};

void gw_anomaly_forget(gw_anomaly *d);

#endif
