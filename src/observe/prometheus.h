/*
 * Prometheus as a source: remote read with streamed XOR chunks, decoded as it arrives; where the server has
 * none, query_range JSON in slices.
 */
#ifndef GW_OBSERVE_PROMETHEUS_H
#define GW_OBSERVE_PROMETHEUS_H

#include "net/http.h"
#include "observe/source.h"

typedef enum gw_prom_mode { GW_PROM_AUTO, GW_PROM_REMOTE_READ, GW_PROM_QUERY_RANGE } gw_prom_mode;

typedef struct gw_prom_options {
    gw_http_options http;
    gw_prom_mode mode;          /* AUTO: remote read, and query_range where that is refused */
    uint64_t query_budget;      /* most requests of one run; 0 = no bound. Beyond: GW_ELIMIT */
    const char *extra_matchers; /* `cluster="a",prometheus=~"x"`: added to every query; NULL = none */
    int64_t step_ms; /* query_range resolution; 0 = 30 s, fitted to the 11,000 points bound by slicing */
} gw_prom_options;

/* Does not connect. */
int gw_prom_open(const gw_prom_options *o, gw_source *ret, gw_error *e);
/* After a read: which way was taken. */
gw_prom_mode gw_prom_mode_taken(const gw_source *s);

#endif
