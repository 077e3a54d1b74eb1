/*
 * Metrics as text for Prometheus. https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 *     gw_metrics m = {.b = &b};
 *     gw_metric(&m, "gpuwise_store_up", "gauge", "Whether the store answers and takes hours.");
 *     gw_metric_value(&m, NULL, 0, 1);
 *
 * What is not known is left out, never 0: a family of which nothing is known is not there at all.
 */
#ifndef GW_SERVE_METRICS_H
#define GW_SERVE_METRICS_H

#include "base/buf.h"
#include "base/money.h"

typedef struct gw_metric_label {
    const char *name, *value;
} gw_metric_label;

typedef struct gw_metrics {
    gw_buf *b;
    const char *name, *type, *help; /* of the family that is written; its head comes with its first value */
    bool begun;
} gw_metrics;

/* Begins a family: gauge, counter, histogram. */
void gw_metric(gw_metrics *m, const char *name, const char *type, const char *help);
/* A value that is not finite is left out. */
void gw_metric_value(gw_metrics *m, const gw_metric_label *labels, size_t n, double v);
void gw_metric_money(gw_metrics *m, const gw_metric_label *labels, size_t n, gw_micro v);
/* buckets: not cumulated, parallel to bounds, and one more for what lies above the last. */
void gw_metric_histogram(gw_metrics *m, const double *bounds, size_t n, const uint64_t *buckets, double sum);

#endif
