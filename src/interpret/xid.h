/*
 * What XID codes mean: the driver's error numbers, as DCGM_FI_DEV_XID_ERRORS carries them.
 *
 * Source: NVIDIA, "Analyzing Xid Errors with the Xid Catalog" (Ampere and newer) and "Xid and SXid Errors"
 * (Volta and older), https://docs.nvidia.com/deploy/xid-errors/. The wording here is ours; the immediate
 * action follows the catalog's resolution bucket.
 */
#ifndef GW_INTERPRET_XID_H
#define GW_INTERPRET_XID_H

#include "fleet/finding.h"

typedef enum gw_xid_cause {
    GW_XID_HARDWARE,    /* board, memory, link, or the firmware that runs on it: the node's operator acts */
    GW_XID_DRIVER,      /* driver or its stream of commands: the node's operator looks */
    GW_XID_APPLICATION, /* a program's own fault, as a rule: the workload's owner acts */
    GW_XID_NOTE,        /* needs no action by itself */
    GW_XID_UNLISTED,    /* not in the table here */
} gw_xid_cause;

/* "hardware", "driver", "application", "note", "unlisted" */
const char *gw_xid_cause_name(gw_xid_cause c);

typedef struct gw_xid_meaning {
    int32_t first, last; /* codes */
    gw_xid_cause cause;
    gw_severity severity;
    const char *what; /* "the GPU has fallen off the bus" */
    const char *act;  /* "drain the node and reboot it ..." */
} gw_xid_meaning;

/* Never NULL: an entry of cause GW_XID_UNLISTED for a code that the table does not have. */
const gw_xid_meaning *gw_xid_look_up(int32_t code);

#endif
