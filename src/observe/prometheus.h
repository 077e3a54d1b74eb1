/*
 * Prometheus, and what answers like it (Thanos, Mimir, Cortex, VictoriaMetrics, the clouds' managed
 * services), as a source.
 *
 * Three ways to the same samples, tried in this order in GW_PROM_AUTO; describe() says which one was taken
 * and why:
 *
 * 1. Remote read with streamed XOR chunks: the samples as they are stored, decoded as they arrive, at one to
 * two bytes a sample. A server that answers with plain samples (snappy) is understood as well. POST
 * /api/v1/read.
 * 2. The query API, asked for raw samples: an instant query of a range vector, `metric{…}[6h]` at the end of
 * each slice of time, gives every stored sample with its own timestamp, so the report is the same as through
 * remote read. Taken where remote read is refused: 400, 403, 404, 405, 406, 415, 501, a reply of another
 * content type, or chunks in an encoding newer than this program. GET /api/v1/query.
 * 3. query_range, where range vectors are refused as well: last_over_time(metric{…}[step]) on a grid of
 * step_ms. The samples are then moved by less than a step and thinned to one a step; unlike a bare selector
 * it does not repeat a value for the 5 minutes after a series has ended, which would bill a pod for time
 * after its death.
 *
 * Ways 2 and 3 never carry stale markers (PromQL consumes them), so a series' end is a missing sample there.
 * One metric a query, because Google's service takes no pattern for names. Prometheus 2 takes the start of a
 * range as inside, Prometheus 3 as outside: each slice asks for a little more than it needs and is cut here.
 *
 * A slice that is too much for the server (413, 422: its limits on samples, series or bytes) is halved and
 * asked again; small replies make the next slice longer.
 */
#ifndef GW_OBSERVE_PROMETHEUS_H
#define GW_OBSERVE_PROMETHEUS_H

#include "net/http.h"
#include "observe/source.h"

typedef enum gw_prom_mode {
    GW_PROM_AUTO,
    GW_PROM_REMOTE_READ, /* way 1 or an error */
    GW_PROM_QUERY,       /* way 2, and 3 where 2 is refused */
    GW_PROM_QUERY_RANGE, /* way 3 or an error */
} gw_prom_mode;

typedef struct gw_prom_options {
    gw_http_options http;
    gw_prom_mode mode;
    uint64_t query_budget; /* most requests of one run, retries included; 0 = no bound. Beyond: GW_ELIMIT */
    const char *extra_matchers; /* `cluster="a",prometheus=~"x"`: added to every query; NULL = none */
    int64_t step_ms;            /* query_range's grid; 0 = 30 s. Slices keep to 11,000 points a series */
} gw_prom_options;

/* Does not connect. GW_EUSAGE for matchers that are none, and what gw_http_new says. */
int gw_prom_open(const gw_prom_options *o, gw_source *ret, gw_error *e);
/* After a read: which way was taken (never GW_PROM_AUTO); before: what was asked for. */
gw_prom_mode gw_prom_mode_taken(const gw_source *s);

#endif
