/*
 * The files of a snapshot directory: their names, reading them in pieces whether packed or not, writing them
 * so that a reader sees a whole file or none.
 */
#ifndef GW_OBSERVE_SNAPSHOT_FILE_H
#define GW_OBSERVE_SNAPSHOT_FILE_H

#include <jansson.h>

#include "base/buf.h"
#include "base/time.h"
#include "format/gzip.h"

#define GW_SNAPSHOT_MAX_FILES   ((size_t)100000)
#define GW_SNAPSHOT_NAME_MAX    128                 /* of a file within the directory, with the NUL */
#define GW_SNAPSHOT_METRICS_MAX ((uint64_t)1 << 40) /* unpacked bytes of one metrics file */
#define GW_SNAPSHOT_JSON_MAX    ((size_t)1 << 30)   /* unpacked bytes of one list of objects */

/* Whether the name is metrics*.om or metrics*.om.gz; *ret_gz says which. */
bool gw_snapshot_is_metrics(const char *name, bool *ret_gz);
/* Whether the name is any file that a snapshot consists of, temporary ones included. */
bool gw_snapshot_is_ours(const char *name);

/* Opens a regular file of the directory for reading. *ret_fd is the caller's to close. GW_EIO with errno's
 * text; GW_ENOTFOUND where there is none of that name. */
int gw_snapshot_file_open(const char *dir, const char *name, int *ret_fd, uint64_t *ret_size, gw_error *e);

/*
 * Pushes [offset, offset + bytes) of the file into out, unpacked where gz; bytes == UINT64_MAX: to the end.
 * *read grows by the bytes read. GW_ECORRUPT where the file ends before that, or is not whole gzip, after
 * what could be read was pushed.
 */
int gw_snapshot_file_stream(int fd, bool gz, uint64_t offset, uint64_t bytes, uint64_t max_out,
                            gw_bytes_fn out, void *ctx, uint64_t *read, gw_error *e);

/*
 * Loads NAME.json or NAME.json.gz. *ret is NULL where there is neither; else the caller's to json_decref.
 * GW_ECORRUPT names the file and the line; GW_ELIMIT where it is larger than json_tree.h takes. Objects and
 * lists under managedFields, env and the like are left out.
 */
int gw_snapshot_json_load(const char *dir, const char *name, json_t **ret, uint64_t *read, gw_error *e);

/*
 * A file being written: bytes go to a temporary name, and gw_snapshot_out_commit syncs it and gives it its
 * name. Nothing of it is left after gw_snapshot_out_abort, which is harmless after a commit.
 */
typedef struct gw_snapshot_out {
    const char *dir;
    char name[GW_SNAPSHOT_NAME_MAX];
    int fd; /* -1: not open */
    uint64_t bytes;
} gw_snapshot_out;

int gw_snapshot_out_open(gw_snapshot_out *o, const char *dir, const char *name, gw_error *e);
/* A gw_bytes_fn; ctx is the gw_snapshot_out. GW_EIO names the file and says what to do about a full disk. */
int gw_snapshot_out_write(void *ctx, const char *p, size_t n, gw_error *e);
int gw_snapshot_out_commit(gw_snapshot_out *o, gw_error *e);
void gw_snapshot_out_abort(gw_snapshot_out *o);

/* Writes a whole JSON file, atomically. */
int gw_snapshot_json_save(const char *dir, const char *name, const json_t *value, gw_error *e);

#endif
