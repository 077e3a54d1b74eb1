/*
 * Snapshot directories: metrics*.om or metrics*.om.gz (OpenMetrics), nodes.json, pods.json, namespaces.json,
 * workloads.json, poddisruptionbudgets.json, persistentvolumes.json, persistentvolumeclaims.json (Kubernetes
 * lists; each optional, each also as .json.gz), meta.json (written by `gpuwise record`: version, window,
 * source and what lies where; optional, see snapshot_meta.h).
 *
 * Reading. With meta.json only the files whose interval meets the range are opened, and of them only the part
 * that holds the family group; a plain file is read through once and indexed, then only its sections that
 * matter (snapshot_index.h); a packed file without meta.json is unpacked for every read.
 *
 * Damage. A file that is cut off, or wrong from some line on, is read up to there: read() and objects()
 * return 0, and the source's warnings() names file, line and remedy. Only where nothing at all could be read
 * so far does read() return GW_ECORRUPT.
 */
#ifndef GW_OBSERVE_SNAPSHOT_H
#define GW_OBSERVE_SNAPSHOT_H

#include "observe/kubernetes.h"
#include "observe/source.h"

/* GW_EIO where DIR or its metrics are missing; says what a snapshot looks like. */
int gw_snapshot_open(const char *dir, gw_source *ret, gw_error *e);
/* Whether the source is a snapshot of that very directory. */
bool gw_snapshot_is_dir(const gw_source *s, const char *dir);
/* Whether the pods and nodes of a source have all that constrains them: false for a recording from before
 * that was recorded, true for everything else. */
bool gw_snapshot_tells_rules(const gw_source *s);

#define GW_RECORD_SLICE_MS (6 * GW_HOUR_MS) /* one metrics file a slice; less where a slice is too large */

typedef struct gw_record_options {
    const char *dir; /* made if missing (its parent must exist); GW_EIO where it holds a snapshot already,
                        unless overwrite, which removes that one first */
    bool overwrite;
    /*
     * Names of nodes, pods, namespaces, workloads, images, GPUs, hosts and label values are replaced,
     * consistently: the same input name gives the same output name within one recording, in metrics and
     * objects (anonymize.h). The key is drawn anew for each recording and kept nowhere.
     */
    bool anonymize;
    const char *const *anonymize_keep; /* names of more labels whose values stay ("environment"), besides the
                                          technical ones that always do; NULL-terminated, NULL = none */
    gw_interval
        window; /* samples GW_HOLD_MAX_MS before and after it are recorded too, since they speak for it */
    size_t store_bytes; /* samples held at once, compactly; 0 = GW_RECORD_STORE_MAX. A slice that needs more
                           is halved */
    gw_clock clock;     /* when it was recorded; NULL = gw_clock_system */
    void *clock_ctx;
    gw_progress progress;
    void *progress_ctx;
} gw_record_options;

/*
 * Reads everything from `from`, and the Kubernetes objects from kube (NULL: from->lists, if it has that), and
 * writes it, one family after the other and one series after the other, so that each metrics file is also
 * valid input for `promtool tsdb create-blocks-from openmetrics`. Of Kubernetes objects only the fields that
 * gpuwise reads are written: no environment, arguments, annotations or secrets (kube_slim.h).
 *
 * Files appear whole or not at all, meta.json last; on failure what was recorded so far stays, without the
 * file that was being written. GW_ENODATA where the source has nothing in the window. *ret (may be NULL):
 * samples, series (summed over the slices), and bytes written; the rest as the source says it.
 */
int gw_record(gw_source *from, gw_kube *kube, const gw_record_options *o, gw_source_stats *ret, gw_error *e);

#endif
