/* What the files of the watch share: the series, what is open on them, and what became of it. */
#ifndef GW_OPERATE_ANOMALY_WATCH_INTERNAL_H
#define GW_OPERATE_ANOMALY_WATCH_INTERNAL_H

#include "base/map.h"
#include "operate/anomaly_watch.h"

#define GW_WATCH_CLUSTERS_MAX 1024
#define GW_WATCH_KIND         "anomaly"
#define GW_WATCH_STATE_KIND   "detector"
#define GW_WATCH_STATE_ID     "anomaly"

typedef enum gw_watch_metric { GW_WATCH_COST, GW_WATCH_UTILISATION, GW_N_WATCH_METRICS } gw_watch_metric;

/* An anomaly from its first hour until it is over and everybody knows. Dollars an hour, or shares. */
typedef struct gw_open {
    bool on;
    bool told;       /* the event was made */
    bool over;       /* and its end has to be told */
    bool dirty;      /* the document in the store is behind */
    int64_t at_ms;   /* the hour that began it */
    int64_t last_ms; /* the last hour that was fed */
    int64_t end_ms;  /* of one that is over */
    int64_t calm_ms; /* since when the values lie in the expected range; INT64_MIN: they do not */
    double observed, expected, low, high, score; /* of the first hour */
    double impact; /* dollars since: above what was expected; of utilisation, of waste */
    gw_moved rows[GW_ANOMALY_EXPLAIN_MAX]; /* keys are its own */
    size_t n_rows;
} gw_open;

typedef struct gw_watched {
    char *cluster, *value; /* value "": the total, or the rows without a team */
    gw_dim dim;            /* GW_DIM_CLUSTER: the total */
    int64_t seen_ms;       /* the last hour that it cost anything */
    gw_anomaly *detector[GW_N_WATCH_METRICS];
    gw_open open[GW_N_WATCH_METRICS];
    int64_t stamp_ms; /* the last hour that was fed */
} gw_watched;

typedef struct gw_watch_cluster {
    char *name;
    int64_t fed_ms;    /* end of the last hour that the detectors of this process know; INT64_MIN: none */
    int64_t judged_ms; /* end of the last hour that any process judged; INT64_MIN: none */
} gw_watch_cluster;

struct gw_anomaly_watch {
    gw_micro minimum;
    double tail;
    bool loaded; /* the state was read */
    gw_watch_cluster *clusters;
    size_t n_clusters, cap_clusters;
    gw_watched **series;
    size_t n_series, cap_series;
    gw_map index; /* of series */
};

/* anomaly_watch.c */
gw_watch_cluster *gw_watch_cluster_of(gw_anomaly_watch *w, const char *name, gw_error *e);
/* *ret NULL where GW_ANOMALY_SERIES_MAX are watched already. */
int gw_watch_series_of(gw_anomaly_watch *w, const char *cluster, gw_dim dim, const char *value,
                       gw_watched **ret, gw_error *e);

/* anomaly_watch_state.c: a state that is damaged is as none. */
int gw_watch_state_read(gw_anomaly_watch *w, gw_store *s, gw_error *e);
int gw_watch_state_write(const gw_anomaly_watch *w, gw_store *s, gw_error *e);
void gw_open_free(gw_open *o);

/* anomaly_watch_tell.c */
const char *gw_watch_metric_name(gw_watch_metric m); /* "cost", "utilisation" */
/* Makes events and documents of what is open on a series and not known yet. Events of what is older than a
 * day at now_ms are left out. May be repeated after a failure. */
int gw_watch_tell(const gw_anomaly_watch *w, gw_watched *x, gw_watch_metric m, gw_store *s, int64_t now_ms,
                  gw_events *events, gw_error *e);

#endif
