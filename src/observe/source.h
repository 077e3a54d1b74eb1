/*
 * A source of telemetry: something that can replay the series of an interval into a sink. Prometheus, a
 * snapshot directory and the demo generator are sources. Reads are per slice of time, so that memory does not
 * grow with history.
 */
#ifndef GW_OBSERVE_SOURCE_H
#define GW_OBSERVE_SOURCE_H

#include "fleet/fleet.h"
#include "format/series.h"
#include "observe/families.h"

struct json_t; /* jansson's */

/* What a read did, for the report's last line, `explain` and the bench. Sums over all reads. */
typedef struct gw_source_stats {
    uint64_t requests, retries, bytes, series, samples;
    int64_t wall_ms;
} gw_source_stats;

typedef struct gw_source {
    void *self;
    /*
     * Pushes every series of the family group that has samples in range (half-open). A failure half-way may
     * leave the sink with part of them; reading the same range again is harmless. Families that the source
     * does not have are not an error.
     */
    int (*read)(void *self, gw_family_group group, gw_interval range, const gw_series_sink *sink,
                gw_error *e);
    /*
     * Adds what Kubernetes says exists now (nodes, pods, namespaces, owners) to the fleet. NULL where the
     * source has none. May be called before or after read.
     */
    int (*objects)(void *self, gw_fleet *fleet, gw_error *e);
    /* The interval that the source has data for, {0,0} where it cannot say. NULL = cannot say. */
    int (*extent)(void *self, gw_interval *ret, gw_error *e);
    /* One line for people: "Prometheus http://… (remote read)", "snapshot DIR". */
    const char *(*describe)(void *self);
    void (*stats)(void *self, gw_source_stats *ret);
    void (*free)(void *self);
    /*
     * What the reads so far had to leave out, one line for people each, separated by '\n'; NULL where nothing
     * is missing. A read that can deliver a part returns 0 and says here what is wrong with the rest, so that
     * a report can go on with it; only --strict makes a failure of that. The text belongs to the source and
     * is valid until its next call. NULL = this source never warns.
     */
    const char *(*warnings)(void *self);
    /*
     * The Kubernetes lists behind objects(), as the API gives them, for `gpuwise record`: calls write(ctx,
     * "nodes", list) for each of nodes, pods, namespaces, workloads that it has. The list belongs to the
     * source. NULL = none.
     */
    int (*lists)(void *self, int (*write)(void *ctx, const char *name, struct json_t *list, gw_error *e),
                 void *ctx, gw_error *e);
} gw_source;

/* Progress for people: called at most a few times a second with a share 0..1 (or < 0: unknown) and what is
 * being done. */
typedef void (*gw_progress)(void *ctx, double share, const char *doing);

#endif
