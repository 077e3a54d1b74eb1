/*
 * When each target of the sample fleet was scraped, and which of these scrapes a series is in. Every series
 * of a target has the same timestamps, so they are worked out once, and a series is then a few runs over
 * shared arrays, handed to the sink without copying. Internal to the demo source.
 */
#ifndef GW_OBSERVE_DEMO_SCRAPE_H
#define GW_OBSERVE_DEMO_SCRAPE_H

#include "format/series.h"
#include "observe/demo_fleet.h"

struct json_t; /* jansson's */

/* Something that Prometheus scrapes. */
typedef struct demo_target {
    uint64_t seed;
    bool jitter;        /* timestamps are off by up to 50 ms, as those of a pair of replicas are */
    gw_interval life;   /* the target is known; after it Prometheus ends its series */
    gw_interval outage; /* it does not answer */
    gw_interval gap;    /* Prometheus is away: nothing is written at all, no marker either */
} demo_target;

typedef enum demo_scraped {
    DEMO_SCRAPED_NOT,    /* no scrape: nothing is written */
    DEMO_SCRAPED_FAILED, /* the scrape failed: what was there before ends with a staleness marker */
    DEMO_SCRAPED_OK,
} demo_scraped;

typedef struct demo_scrapes {
    int64_t *t;     /* ascending; t[0 .. first) are before the range: they tell what ends at its edge */
    uint8_t *state; /* demo_scraped */
    size_t n, first, cap;
    int64_t first_index; /* scrape number of t[0]: time / interval */
} demo_scrapes;

/* Scrapes [a, b) of a series, one after the other; marker: scrape b is there and the series is not in it. */
typedef struct demo_run {
    size_t a, b;
    bool marker;
} demo_run;

typedef struct demo_runs {
    demo_run *run;
    size_t n, cap;
} demo_runs;

#define DEMO_MAX_LABELS 64
typedef struct demo_labels {
    gw_label label[DEMO_MAX_LABELS];
    size_t n;
} demo_labels;

/* NULL and "" are left out: to Prometheus an empty label is none. */
void demo_label(demo_labels *l, const char *name, const char *value);

/* One read of one family group. */
typedef struct demo_reader {
    const demo_fleet *f;
    gw_interval range;
    const gw_series_sink *sink;
    gw_error *e;
    demo_scrapes scrapes;
    demo_runs runs;
    double *values; /* room for DEMO_VALUES × scrapes */
    size_t cap_values;
    uint64_t n_series, n_samples;
} demo_reader;

#define DEMO_VALUES 8 /* arrays of values that a reader works with at a time */

void demo_reader_init(demo_reader *r, const demo_fleet *f, gw_interval range, const gw_series_sink *sink,
                      gw_error *e);
void demo_reader_free(demo_reader *r);

/* Works out the scrapes of a target in the range: r->scrapes. 0 or GW_ENOMEM. */
int demo_scrape(demo_reader *r, const demo_target *t);
/* The i-th array of values, as long as the scrapes. */
double *demo_values(demo_reader *r, size_t i);
/* The first scrape at or after t_ms. */
size_t demo_scrape_at(const demo_scrapes *s, int64_t t_ms);
/* The runs of a series that is there in these spans (ascending, apart): r->runs. 0 or GW_ENOMEM. */
int demo_runs_of(demo_reader *r, const gw_interval *spans, size_t n);
/*
 * Gives the sink the runs in r->runs, of them the scrapes in [from, to), with these values (one for each
 * scrape) and markers. The series is not even announced where nothing of it lies in the range. 0 or what the
 * sink said.
 */
int demo_emit(demo_reader *r, const demo_labels *labels, size_t from, size_t to, const double *values);

/* demo_gpu.c, demo_kube.c, demo_cadvisor.c: every series of the group. */
int demo_read_gpu(demo_reader *r);
int demo_read_kube(demo_reader *r);
int demo_read_cadvisor(demo_reader *r);
/* Labels that the cluster's Prometheus puts on everything, and the target's own. */
void demo_target_labels(demo_labels *l, uint32_t cluster, int prometheus, const char *job,
                        const char *instance);
/* Prometheus' absence, for targets of this cluster as that Prometheus sees them. */
gw_interval demo_cluster_gap(const demo_fleet *f, uint32_t cluster);

/* demo_lists.c: what the Kubernetes API lists at the window's end, as lists (gw_source.lists) and into a
 * fleet. */
int demo_lists(const demo_fleet *f,
               int (*write)(void *ctx, const char *name, struct json_t *list, gw_error *e), void *ctx,
               gw_error *e);
int demo_objects(const demo_fleet *f, gw_fleet *fleet, gw_error *e);

#endif
