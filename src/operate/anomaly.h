/*
 * Does this value look like the ones before it? An online detector for one series of values at equal steps
 * (an hour's cost, an hour's utilisation), with bounded memory and one setting for every series.
 *
 * Two eyes look at every value; docs/internals/anomaly.md says why these two and what they reach on the
 * series of the Numenta Anomaly Benchmark.
 *
 *   shape   The last GW_ANOMALY_SHAPE values, as one point, against all such points of the history (not
 *           overlapping it): the mean distance to the GW_ANOMALY_NEIGHBOURS nearest is its novelty. Daily
 *           rhythms, bursts that come again, levels that were seen before have near neighbours and are
 * nothing new. season  What a value is apart from what its hour of the week lets expect, as a mean of three
 * steps. Opens once the history holds GW_ANOMALY_WEEKS_MIN weeks.
 *
 * A novelty becomes a tail probability p by its rank among the novelties of the history; beyond their highest
 * 3 % by a Pareto tail fitted to these (Hill's estimator). score = 1 - p.
 *
 * A value is anomalous where p <= tail and the novelty is a record: p at least GW_ANOMALY_RECORD_FACTOR below
 * that of the last anomaly, whose memory fades by one order of magnitude every GW_ANOMALY_FADE steps. So a
 * new level is told once and is normal after, as soon as the history knows it.
 *
 * Unknown values are NAN and never 0: they keep their place in time, distances leave them out, and nothing is
 * judged at one. Steps without a value are unknown values.
 */
#ifndef GW_OPERATE_ANOMALY_H
#define GW_OPERATE_ANOMALY_H

#include <math.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/time.h"

#define GW_ANOMALY_HISTORY       2016 /* steps remembered: of an hour 12 weeks, of 5 minutes a week */
#define GW_ANOMALY_SHAPE         12
#define GW_ANOMALY_NEIGHBOURS    5
#define GW_ANOMALY_WARMUP        72   /* known values before anything is judged */
#define GW_ANOMALY_TAIL          0.02 /* the default of gw_anomaly_options.tail */
#define GW_ANOMALY_RECORD_FACTOR 3.0
#define GW_ANOMALY_FADE          24
#define GW_ANOMALY_WEEKS_MIN     3
#define GW_ANOMALY_VALUE_MAX     1e30 /* what is larger, either way, is unknown */

typedef struct gw_anomaly_options {
    int64_t step_ms; /* > 0 */
    double tail;     /* in (0, 1); 0 = GW_ANOMALY_TAIL */
} gw_anomaly_options;

typedef struct gw_anomaly_verdict {
    bool judged;    /* known value, enough history; else all below but expected, low and high is 0 or false */
    bool anomalous; /* tell of it: the first of its matter */
    double score;   /* 1 - tail probability, 0..1 */
    /* What the history let expect of this step, and the range that held 98 % of its one-step errors; NAN
     * where it is too short. Known at unknown values too. */
    double expected, low, high;
} gw_anomaly_verdict;

typedef struct gw_anomaly gw_anomaly;

/* 65 KB. GW_EUSAGE where an option is out of range, GW_ENOMEM. */
int gw_anomaly_new(const gw_anomaly_options *o, gw_anomaly **ret, gw_error *e);
void gw_anomaly_free(gw_anomaly *d);

/*
 * The next value; NAN: unknown. Time goes on: a value whose step is not after the last one's is
 * left out (not judged). After a gap of GW_ANOMALY_HISTORY steps or more the history is forgotten. Neither
 * allocates nor fails. ret may be NULL.
 */
void gw_anomaly_add(gw_anomaly *d, int64_t at_ms, double value, gw_anomaly_verdict *ret);

/* Of the last step; INT64_MIN before the first. */
int64_t gw_anomaly_last_ms(const gw_anomaly *d);
/* Known values in the history. */
size_t gw_anomaly_known(const gw_anomaly *d);

/*
 * The state as one line of JSON, and back: a detector that was read goes on exactly as the one that was
 * written. gw_anomaly_read makes one of the same options as were written; GW_ECORRUPT, GW_ECONFIG (a newer
 * version), GW_ENOMEM.
 */
#define GW_ANOMALY_STATE_BYTES_MAX ((size_t)256 << 10)
int gw_anomaly_write(const gw_anomaly *d, gw_buf *b, gw_error *e);
int gw_anomaly_read(gw_str text, gw_anomaly **ret, gw_error *e);

/* ---- which rows moved ---------------------------------------------------------------------------------- */

typedef struct gw_moved {
    const char *key;
    gw_micro before, after; /* 0: was not there */
} gw_moved;

#define GW_MOVED_OTHERS "(others)"

/*
 * The rows that make up the difference, dearest first: those that moved the way the sum moved come first, by
 * how far, until they cover 90 % of it or there are max - 1 (max >= 2); all else is in one last row
 * GW_MOVED_OTHERS, left out where it is 0 before and after. Before and after of the result add up to those of
 * the input exactly. Equal keys are one row. The rows' keys are not copied. In the arena. GW_ENOMEM;
 * GW_ELIMIT where a sum leaves int64.
 */
int gw_anomaly_explain(const gw_moved *rows, size_t n, size_t max, gw_arena *arena, gw_moved **ret,
                       size_t *ret_n, gw_error *e);

#endif
