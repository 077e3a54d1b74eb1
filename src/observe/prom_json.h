/*
 * Replies of Prometheus' query API (/api/v1/query with a range selector, /api/v1/query_range) turned into
 * samples as they arrive. https://prometheus.io/docs/prometheus/latest/querying/api/
 *
 *     {"status":"success","data":{"resultType":"matrix","result":[
 *       {"metric":{"__name__":"x","a":"b"},"values":[[1662858720.123,"0.25"],…]},…]},"warnings":["…"]}
 *
 * Unknown keys are skipped, native histograms among them. Of values that are not in the order of time (a
 * store with replicas can repeat them) the first ones count. Memory does not grow with the reply.
 */
#ifndef GW_OBSERVE_PROM_JSON_H
#define GW_OBSERVE_PROM_JSON_H

#include "base/time.h"
#include "format/series.h"

#define GW_PROM_JSON_TEXT_MAX 256 /* of a warning or error that is kept; the rest is cut */

typedef struct gw_prom_json_stats {
    uint64_t series, samples, warnings;
} gw_prom_json_stats;

typedef struct gw_prom_json gw_prom_json;

/* metric: the __name__ of series that come without one, as functions drop it; must outlive the reader. NULL =
 * none. The sink must outlive it. NULL for want of memory. */
gw_prom_json *gw_prom_json_new(const gw_series_sink *sink, gw_interval range, const char *metric);
void gw_prom_json_free(gw_prom_json *r);

/* GW_ECORRUPT: not JSON, or not such a reply · GW_ELIMIT: beyond a bound · or what the sink returned. */
int gw_prom_json_feed(gw_prom_json *r, const char *p, size_t n, gw_error *e);
/* The reply has ended. GW_EQUERY where it says "status":"error", with its text · GW_ETIMEOUT where it is cut
 * off. */
int gw_prom_json_finish(gw_prom_json *r, gw_error *e);
/* A retry: the reply starts over. */
void gw_prom_json_reset(gw_prom_json *r);

/* Counts since it was made, retries included. */
const gw_prom_json_stats *gw_prom_json_stats_of(const gw_prom_json *r);
/* The first warning, "" where there was none. VictoriaMetrics' isPartial counts as one. */
const char *gw_prom_json_warning(const gw_prom_json *r);

/* "1662858720.123" as milliseconds, exact for plain decimals; false when it is no time. */
bool gw_prom_time_parse(gw_str s, int64_t *ret_ms);

#endif
