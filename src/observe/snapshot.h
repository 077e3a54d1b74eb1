/*
 * Snapshot directories: metrics*.om or metrics*.om.gz (OpenMetrics), nodes.json, pods.json, namespaces.json,
 * workloads.json (Kubernetes lists; each optional), meta.json (written by `gpuwise record`: version, window,
 * source; optional).
 */
#ifndef GW_OBSERVE_SNAPSHOT_H
#define GW_OBSERVE_SNAPSHOT_H

#include "observe/kubernetes.h"
#include "observe/source.h"

/* GW_EIO where DIR or its metrics are missing; says what a snapshot looks like. */
int gw_snapshot_open(const char *dir, gw_source *ret, gw_error *e);

typedef struct gw_record_options {
    const char *dir; /* made if missing; GW_EIO where it holds a snapshot already, unless overwrite */
    bool overwrite;
    bool
        anonymize; /* consistent names: the same input name gives the same output name within one recording */
    const char *const *anonymize_keep; /* label names whose values stay ("environment"); NULL-terminated, NULL
                                          = built-in list of technical labels */
    gw_interval window;
    gw_clock clock;
    void *clock_ctx;
    gw_progress progress;
    void *progress_ctx;
} gw_record_options;

/* Reads everything from `from` (and kube, may be NULL) and writes it. On failure the directory is left
 * without the file that was being written. */
int gw_record(gw_source *from, gw_kube *kube, const gw_record_options *o, gw_source_stats *ret, gw_error *e);

#endif
