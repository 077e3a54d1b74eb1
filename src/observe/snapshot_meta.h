/*
 * meta.json of a snapshot directory, as `gpuwise record` writes it: what was recorded, and where in the
 * metrics files it lies, so that a reader opens only what it needs.
 *
 *     {"apiVersion": "gpuwise/v1", "kind": "Snapshot", "version": 1, "gpuwise": "0.1.0",
 *      "recorded": "…Z", "window": {"start": "…Z", "end": "…Z"}, "source": "…", "anonymized": false,
 *      "rules": true,
 *      "families": ["DCGM_FI_DEV_GPU_UTIL", …],
 *      "metrics": [{"file": "metrics-0000.om.gz", "start": "…Z", "end": "…Z", "bytes": 1, "series": 1,
 *                   "samples": 1, "parts": [{"group": "gpu", "offset": 0, "bytes": 1, "line": 1}, …]}]}
 *
 * A part is a gzip member of its own that holds one family group; line is where its text starts in the
 * unpacked file. Behind the last part stands a member with `# EOF` alone.
 */
#ifndef GW_OBSERVE_SNAPSHOT_META_H
#define GW_OBSERVE_SNAPSHOT_META_H

#include <jansson.h>

#include "base/mem.h"
#include "base/time.h"
#include "observe/families.h"

#define GW_SNAPSHOT_VERSION 1

typedef struct gw_snapshot_part {
    gw_family_group group;
    uint64_t offset, bytes, line;
} gw_snapshot_part;

typedef struct gw_snapshot_slice {
    const char *file;
    gw_interval interval; /* half-open; samples are in it */
    uint64_t bytes;       /* of the file as written: another size means that it was changed or cut */
    uint64_t series, samples;
    gw_snapshot_part parts[GW_N_FAMILY_GROUPS];
    size_t n_parts;
} gw_snapshot_slice;

typedef struct gw_snapshot_meta {
    gw_interval window; /* what was asked for; the slices reach GW_HOLD_MAX_MS beyond it */
    int64_t recorded_ms;
    const char *source; /* gw_source.describe without secrets; NULL unknown */
    bool anonymized;
    bool rules; /* its pods and nodes have all that fleet/rules.h is read from; earlier recordings have not */
    gw_snapshot_slice *slices; /* in order of time; owned */
    size_t n_slices, cap_slices;
    gw_arena arena; /* texts */
} gw_snapshot_meta;

void gw_snapshot_meta_init(gw_snapshot_meta *m);
void gw_snapshot_meta_free(gw_snapshot_meta *m);
/* A slice to fill, or NULL when memory is exhausted. Valid until the next add. */
gw_snapshot_slice *gw_snapshot_meta_add(gw_snapshot_meta *m);

/*
 * Reads DIR/meta.json into *m (initialised by the caller). *ret_found false where there is none. GW_ECORRUPT
 * where it is not what it says; GW_ECONFIG where a newer gpuwise wrote it. *read grows by the bytes read.
 */
int gw_snapshot_meta_load(const char *dir, gw_snapshot_meta *m, bool *ret_found, uint64_t *read, gw_error *e);
/* The same of JSON that is read already. On failure *m may hold a part. */
int gw_snapshot_meta_read(gw_snapshot_meta *m, const json_t *from, gw_error *e);
int gw_snapshot_meta_save(const char *dir, const gw_snapshot_meta *m, gw_error *e);

#endif
