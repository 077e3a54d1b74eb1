/*
 * What containers will need of CPU, memory and disk, judged the way the Vertical Pod Autoscaler's recommender
 * judges it: histograms of what they used, in which the past fades. Plain arithmetic, no I/O.
 *
 * Source of method and constants: kubernetes/autoscaler, vertical-pod-autoscaler/pkg/recommender (util/
 * histogram_options.go, util/decaying_histogram.go, model/aggregations_config.go, model/container.go,
 * logic/estimator.go, logic/recommender.go), releases 0.9 to 1.5:
 *
 *   buckets      bucket 0 is [0, first); each is 5 % wider than the one before, so bucket n begins at
 *                first · (1.05^n − 1) / 0.05 and a value is in bucket
 *                floor(log(value / first · 0.05 + 1) / log(1.05)). CPU: first 0.01 core, last from 1000
 * cores; memory: first 1e7 bytes, last from 1e12. Both are the same 176 buckets in units of `first`. decay a
 * sample's weight is × 2^((t − reference) / 24 h): one a day older counts half CPU          the rate of use;
 * every sample has the same weight. (The code multiplies by max(request, 0.1 core), but the request never
 * arrives there: kubernetes/autoscaler#7818.) memory       one sample an interval of 24 h and container: the
 * interval's peak, dated to its end percentile   the upper end of the bucket in which the cumulated weight
 * reaches it target P90, lower P50, upper P95, each + 15 % confidence   min(days from the first to the last
 * CPU sample, CPU samples / 1440) upper × (1 + 1 / confidence); lower × (1 + 0.001 / confidence)^−2 floors 25
 * milli-cores and 250 MiB a pod (the flag says "mb", the code takes MiB), in equal parts for its containers
 *
 * What differs from VPA, and why:
 *   - A CPU sample is a rate between two scrapes that lie two minutes or more apart, where VPA has one a
 *     minute from metrics-server. It weighs by the minutes that it covers and counts as so many samples, so
 *     that neither percentiles nor confidence hang on the scrape interval.
 *   - The days of memory begin with the window of the report, not with each container's first sample, so that
 *     slices of time can be folded one after the other. A container that lives over such a border has a peak
 *     on either side.
 *   - History is the window of the report. VPA reads eight days and lets the rest fade without ever cutting
 *     it; with a half-life of a day what is older than eight days weighs less than 1/256 of today.
 *   - No bucket is called empty because little weight is left in it (VPA: below 0.0001): with all history in
 *     one go nothing hangs on it.
 *   - Disk is judged like memory, which it resembles: too little of it ends the pod. VPA does not look at it.
 *   - An empty histogram is unknown (< 0); VPA says 0.
 * What the recommendation makes of it (memory never under its recorded peak, kills for want of memory) is
 * allocate/rightsize.h's.
 */
#ifndef GW_FLEET_VPA_H
#define GW_FLEET_VPA_H

#include "base/base.h"
#include "base/time.h"

#define GW_VPA_BUCKETS      176
#define GW_VPA_HALF_LIFE_MS GW_DAY_MS
#define GW_VPA_INTERVAL_MS  GW_DAY_MS /* one memory peak each */

/* Widths of bucket 0, in the units used here. */
#define GW_VPA_CPU_FIRST_MILLI  10.0
#define GW_VPA_MEMORY_FIRST_MIB (1e7 / 1048576)

#define GW_VPA_CPU_FLOOR_MILLI  25.0 /* of a pod */
#define GW_VPA_MEMORY_FLOOR_MIB 250.0

/* After a kill for want of memory VPA enters the larger of used + 100 MiB and used × 1.2, where used is the
 * larger of request and peak. */
double gw_vpa_after_oom(double used_mib);

/* The bucket of a value; of what is beyond the last one, the last one. value >= 0. */
int gw_vpa_bucket(double value, double first);
double gw_vpa_bucket_start(int bucket, double first);

/*
 * A histogram with decay. 24 bytes, and 704 more from the first sample on; {0} with peak = -1 is an empty
 * one (gw_vpa_hist_init).
 */
typedef struct gw_vpa_hist {
    float *weight;  /* of each bucket; owned, or where weight was set by hand, whoever set it */
    int64_t ref_ms; /* a sample of that time counts its weight × 1; a multiple of the half-life */
    double peak;    /* the largest value entered, however long ago; < 0: none */
} gw_vpa_hist;

void gw_vpa_hist_init(gw_vpa_hist *h);
void gw_vpa_hist_free(gw_vpa_hist *h);
/* Times may come in any order. 0, or GW_ENOMEM (only while weight is NULL; h is then unchanged). */
int gw_vpa_hist_add(gw_vpa_hist *h, double first, double value, double weight, int64_t t_ms);
/* into += from; both with the same `first`. 0 or GW_ENOMEM (into is then unchanged). */
int gw_vpa_hist_merge(gw_vpa_hist *into, const gw_vpa_hist *from);
/* q in 0..1; < 0 while empty. Of the last bucket, which has no end, the start. */
double gw_vpa_hist_percentile(const gw_vpa_hist *h, double first, double q);

/* Peaks of intervals: those that have ended are in the histogram, that of the latest one is open. */
typedef struct gw_vpa_peaks {
    gw_vpa_hist ended;
    int64_t end_ms; /* of the open interval; 0: none yet */
    double open;    /* its peak so far */
} gw_vpa_peaks;

void gw_vpa_peaks_init(gw_vpa_peaks *p);
void gw_vpa_peaks_free(gw_vpa_peaks *p);
/* A value seen in the interval that ends at end_ms (> 0). One that comes after its interval was closed is
 * another sample of it. 0 or GW_ENOMEM (p is then unchanged). */
int gw_vpa_peaks_add(gw_vpa_peaks *p, double first, double value, int64_t end_ms);
/* into += all of p, the open interval with it. 0 or GW_ENOMEM, with a part of p in `into`. */
int gw_vpa_peaks_into(gw_vpa_hist *into, const gw_vpa_peaks *p, double first);
bool gw_vpa_peaks_known(const gw_vpa_peaks *p);
/* The largest of all; < 0: none. */
double gw_vpa_peaks_max(const gw_vpa_peaks *p);

/* What one container used: 130 bytes, and 704 for CPU; 704 more each for memory and disk in windows of more
 * than a day. At most 2.3 KB. */
typedef struct gw_vpa_use {
    gw_vpa_hist cpu;           /* milli-cores, weighted by minutes */
    gw_vpa_peaks memory, disk; /* MiB */
    int64_t first_ms, last_ms; /* of CPU samples; first_ms == 0: none */
    double samples;            /* CPU, in samples a minute */
} gw_vpa_use;

void gw_vpa_use_init(gw_vpa_use *u);
void gw_vpa_use_free(gw_vpa_use *u);
/* 0 while there is nothing to rest on. */
double gw_vpa_confidence(int64_t first_ms, int64_t last_ms, double samples);

/* All < 0 where nothing was measured. upper is INFINITY where confidence is 0. lower <= target <= upper. */
typedef struct gw_vpa_range {
    double target, lower, upper;
} gw_vpa_range;

/* floor: the least of each, the container's part of the pod's. */
gw_vpa_range gw_vpa_estimate(const gw_vpa_hist *h, double first, double confidence, double floor);

#endif
