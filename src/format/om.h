/*
 * OpenMetrics / Prometheus text exposition with timestamps, as `promtool tsdb create-blocks-from openmetrics`
 * reads it: reading in pieces of any size, and writing.
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
 */
#ifndef GW_FORMAT_OM_H
#define GW_FORMAT_OM_H

#include "base/buf.h"
#include "format/series.h"

#define GW_OM_LINE_MAX ((size_t)1 << 20) /* the longest line taken, without its end */
/* Samples of one series that are delivered at once, and within which they may stand in any order. */
#define GW_OM_BATCH 4096
/* Seconds beyond which a timestamp cannot be meant: the year 5138, and milliseconds taken for seconds. */
#define GW_OM_TIME_MAX_S 1e11

/*
 * A push reader. Lines of the same series one after the other become one series() call and batches of
 * samples, ascending in time. What is taken and what is not:
 *  - samples outside `range` are skipped; a series without a sample in range is not announced;
 *  - timestamps are unix seconds with fraction; a line without one is an error (a snapshot without times
 *    means nothing), and so is one that only makes sense in milliseconds;
 *  - times that go back within GW_OM_BATCH samples of a series are sorted, of two samples at one time the
 *    first is taken; going back further is an error, since those samples would be lost without a word;
 *  - NaN, of whatever bits, is delivered as the stale marker: text cannot tell them apart, and both say that
 *    there is no value from here on;
 *  - a label with an empty value is no label, as in Prometheus; a backslash before any other byte than
 *    \ " n stands for itself, as in Prometheus; label values that are not UTF-8 are an error;
 *  - metric and label names in quotes (UTF-8 names of Prometheus 3) are read;
 *  - comments, HELP and UNIT lines, empty lines, exemplars, CRLF and `_created` samples of counters,
 *    histograms and summaries are skipped;
 *  - `# EOF` must be the last line.
 */
typedef struct gw_om_reader gw_om_reader;
gw_om_reader *gw_om_reader_new(const gw_series_sink *sink, gw_interval range); /* NULL: out of memory */
void gw_om_reader_free(gw_om_reader *r);

/*
 * Only metrics of these names (ends with NULL; must outlive the reader; NULL = all). Lines of other metrics
 * are passed over at the speed of finding their end, unchecked. Before the first feed.
 */
void gw_om_reader_families(gw_om_reader *r, const char *const *names);

/*
 * The next piece of the text. GW_ECORRUPT with the line number, or what the sink returned. What stands before
 * the bad line has been delivered then; feeding on after a failure fails again.
 */
int gw_om_reader_feed(gw_om_reader *r, const char *p, size_t n, gw_error *e);
/*
 * After the last piece: delivers what is held and checks that the text ended with `# EOF`; where not,
 * GW_ECORRUPT "cut off", after everything before it was delivered. A last line without its end is not taken:
 * half a number is another number.
 */
int gw_om_reader_finish(gw_om_reader *r, gw_error *e);

/*
 * Reading parts of a text: jump() says that the next piece starts at byte `offset`, line `line` (1 = first),
 * at the start of a line; part() ends a part like finish() but wants no `# EOF`.
 */
void gw_om_reader_jump(gw_om_reader *r, uint64_t offset, uint64_t line);
int gw_om_reader_part(gw_om_reader *r, gw_error *e);

/* Where a line starts. */
typedef struct gw_om_at {
    uint64_t offset, line;
} gw_om_at;
/*
 * Where the reader is: the line that it has come to. For making an index, inside the sink's callbacks: in
 * series(): the first line of that series that is in range; in samples() a line behind those samples, with
 * nothing but comments, and lines that are not taken, between.
 */
gw_om_at gw_om_reader_at(const gw_om_reader *r);

/* A step back in the times of one series, from one line to the next. */
typedef struct gw_om_back {
    uint64_t line; /* of the sample after the step */
    int64_t from_ms, to_ms;
} gw_om_back;
/* The largest one so far, NULL where there was none: the samples were sorted, but a clock has jumped there or
 * the text was put together wrongly. Lines out of range do not count. */
const gw_om_back *gw_om_reader_back(const gw_om_reader *r);

uint64_t gw_om_reader_samples(const gw_om_reader *r); /* delivered */
uint64_t gw_om_reader_series(const gw_om_reader *r);  /* announced */
uint64_t gw_om_reader_lines(const gw_om_reader *r);   /* read without fault, whether wanted or not */

/*
 * Writing. All append, and check at the end with gw_buf_check.
 *
 * Appends `name{a="b",…} value timestamp\n`, escaped; labels include __name__. Every NaN is written as "NaN".
 * The value reads back as the same bits, but for NaN; the time is in seconds with up to three decimals.
 */
void gw_om_write_sample(gw_buf *b, const gw_label *labels, size_t n_labels, int64_t t_ms, double value);
/* The two halves of that line: `name{a="b",…} ` and `value timestamp\n`. */
void gw_om_write_series(gw_buf *b, const gw_label *labels, size_t n_labels);
void gw_om_write_point(gw_buf *b, int64_t t_ms, double value);
/* `# TYPE name gauge\n`; a name that ends in _total is a counter, whose family goes without that ending. */
void gw_om_write_type(gw_buf *b, gw_str name);
void gw_om_write_eof(gw_buf *b);

#endif
