/*
 * An action as files that a person can review and a program can apply: one folder an action with manifests,
 * a kustomize patch, `action.json` and a README that gives the reason, the order of steps, and the way back.
 * Nothing here talks to a cluster.
 */
#ifndef GW_ACT_EXPORT_H
#define GW_ACT_EXPORT_H

#include "base/buf.h"
#include "fleet/plan.h"

#define GW_EXPORT_FILES_MAX 4096 /* of one action */

typedef struct gw_file {
    const char *path; /* relative to the action's folder: "manifests/device-plugin-config.yaml" */
    const char *text;
    size_t n;
} gw_file;

typedef struct gw_files {
    gw_file *items; /* in the arena; sorted by path */
    size_t n, cap;
    gw_arena *arena;
} gw_files;

typedef struct gw_export {
    const gw_fleet *fleet;
    const gw_plan *plan;
    const char *product; /* "gpuwise 1.2.3" */
    const char *command; /* what to type to make the plan again */
} gw_export;

/* The files of one action, in memory. GW_ENOMEM, GW_ELIMIT. */
int gw_export_action(const gw_export *x, uint32_t action, gw_arena *arena, gw_files *ret, gw_error *e);

/*
 * Writes every chosen action to dir/NN-ID/, and dir/README.md with their order and the totals. dir is made;
 * one that exists must be empty, or hold an earlier export (it has our README's first line) which is then
 * replaced. On failure nothing new is left behind. GW_EIO, GW_EUSAGE, GW_ENOMEM.
 */
int gw_export_write(const gw_export *x, const char *dir, gw_error *e);

/*
 * Reads an action.json back as a change of this fleet (by names, so that it may come from another run over
 * the same cluster). GW_ECONFIG names what is wrong or no longer there. The change is in the arena.
 */
int gw_change_read(const char *path, const gw_fleet *f, gw_arena *arena, gw_change *ret, gw_error *e);

#endif
