/*
 * OpenMetrics / Prometheus text exposition with timestamps, as `promtool tsdb create-blocks-from openmetrics`
 * reads it: reading in pieces of any size, and writing.
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
 */
#ifndef GW_FORMAT_OM_H
#define GW_FORMAT_OM_H

#include "base/buf.h"
#include "format/series.h"

#define GW_OM_LINE_MAX ((size_t)1 << 20) /* the longest line taken */

/*
 * A push reader. Lines of the same series one after the other become one series() call and batches of
 * samples. Samples outside `range` are skipped. Timestamps are unix seconds with fraction (OpenMetrics);
 * lines without a timestamp are an error (a snapshot without times means nothing). `# EOF` must be the last
 * line; its absence is reported by finish() as GW_ECORRUPT "cut off", after everything before it was
 * delivered.
 */
typedef struct gw_om_reader gw_om_reader;
gw_om_reader *gw_om_reader_new(const gw_series_sink *sink, gw_interval range);
/* GW_ECORRUPT with the line number, or what the sink returned. */
int gw_om_reader_feed(gw_om_reader *r, const char *p, size_t n, gw_error *e);
int gw_om_reader_finish(gw_om_reader *r, gw_error *e);
void gw_om_reader_free(gw_om_reader *r);
uint64_t gw_om_reader_samples(const gw_om_reader *r);

/* Appends `name{a="b",…} value timestamp\n`, escaped; labels include __name__. NaN stale markers are written
 * as "NaN". */
void gw_om_write_sample(gw_buf *b, const gw_label *labels, size_t n_labels, int64_t t_ms, double value);

#endif
