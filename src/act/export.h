/*
 * An action as files that a person can review and a program can apply: one folder an action. Nothing here
 * talks to a cluster. docs/guide/export.md is the reader's side of it.
 *
 *     README.md             the reason, the price of it, the steps in their order, and the way back
 *     action.json           the action for programs (act/change.h reads it)
 *     kustomization.yaml    over manifests/: what `kubectl apply -k` creates; left out where there is nothing
 *     manifests/            mig-parted and device-plugin configuration, Karpenter NodePools, VPA objects
 *     nodes/NAME.yaml       patches of node labels
 *     workloads/            patches of workloads, and a kustomize Component over them
 *     hints/                what replaces or adds to a configuration that somebody owns already: Descheduler
 *                           policy, the cluster autoscaler's priorities
 *     back/                 the reverse of nodes/ and workloads/
 */
#ifndef GW_ACT_EXPORT_H
#define GW_ACT_EXPORT_H

#include "act/change.h"
#include "base/buf.h"
#include "fleet/plan.h"
#include "fleet/price.h"

#define GW_EXPORT_FILES_MAX 4096                /* of one action */
#define GW_EXPORT_FILE_MAX  ((size_t)256 << 20) /* bytes of one file */

typedef struct gw_file {
    const char *path; /* relative to the action's folder: "manifests/device-plugin.yaml" */
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
    const gw_price_book *prices; /* of the present, for the price basis; NULL: the README leaves it out */
    const char *product;         /* "gpuwise 1.2.3" */
    const char *command;         /* what to type to make the plan again; NULL: not said */
} gw_export;

/*
 * The files of one action, in memory. GW_ENOMEM, GW_ELIMIT; GW_EUSAGE for a change that no manifest can say,
 * such as boards of one node in different numbers of time slices: a bug of the adviser.
 */
int gw_export_action(const gw_export *x, uint32_t action, gw_arena *arena, gw_files *ret, gw_error *e);

/*
 * Writes every chosen action to dir/NN-ID/, and dir/README.md with their order and the totals. dir is made
 * (its parent must be there); one that exists must be empty, or hold an earlier export and nothing else,
 * which is then replaced. All of it appears at once: it is written beside dir and renamed. On failure nothing
 * new is left behind, and dir is as it was. dir itself must be no symbolic link.
 * GW_EIO, GW_EUSAGE, GW_ENOMEM, GW_ELIMIT.
 */
int gw_export_write(const gw_export *x, const char *dir, gw_error *e);

#endif
