/*
 * A change of a plan as JSON, by names instead of indexes, so that it outlives the run that made it: written
 * into action.json, and read back over the same cluster in another run.
 *
 *     {"hires":    [{"instanceType": …, "region": …, "zone": …, "provider": …, "capacity": …, "hourlyUsd": …,
 *                    "gpu": …, "like": …, "gpus": …, "gpuMemoryMib": …, "cpuMilli": …, "memoryMib": …}],
 *      "cuts":     [{"gpu": GPU, "form": …, "via": …, "parts": …, "layout": …, "wasLayout": …}],
 *      "resizes":  [{"namespace": …, "kind": …, "name": …, "pods": …, "cpuMilli": [is, should],
 *                    "memoryMib": [is, should], "ephemeralMib": [is, should]}],
 *      "moves":    [{"pod": POD or null, "from": NODE, "node": NODE, "restarts": …,
 *                    "seats": [{"unit": UNIT, "was": SEAT, "to": SEAT}]}],
 *      "releases": [NODE]}
 *
 *     NODE  {"name": …, "cluster": …}, or {"hire": k}: the k-th of "hires"
 *     GPU   {"uuid": …}, or {"hire": k, "board": j}
 *     POD   {"namespace": …, "name": …, "cluster": …}
 *     UNIT  {"uuid": …, "profile": …, "instance": …} (the last two for a MIG instance only), or {"node":
 * NODE}: the GPUs of a node that no exporter reports SEAT  {"gpu": GPU, "form": …, "parts": …, "profile": …,
 * "start": …, "share": …, "memoryMib": …}
 *
 * What is unknown is null. A seat's share follows from its form, and is written for readers only.
 */
#ifndef GW_ACT_CHANGE_H
#define GW_ACT_CHANGE_H

#include "fleet/plan.h"
#include "format/doc.h"

#define GW_CHANGE_SCHEMA     1                   /* "schemaVersion" of action.json */
#define GW_CHANGE_BYTES_MAX  ((size_t)256 << 20) /* of one action.json */
#define GW_CHANGE_PARTS_MAX  ((size_t)4 << 20)   /* entries of one list in it */
#define GW_CHANGE_BOARDS_MAX 256                 /* of one hired node: what an index of it has room for */

/* Writes the change as the member `key` of an object. Failures stick to the document. */
void gw_change_write(gw_doc *d, const char *key, const gw_fleet *f, const gw_change *c);

/*
 * Reads an action.json as a change of this fleet. GW_ECONFIG names file, member and what is wrong with it or
 * no longer there; members that nobody knows are wrong, so that a misspelt one is not lost in silence. Also
 * GW_EIO, GW_ECORRUPT (no JSON), GW_ELIMIT, GW_ENOMEM. The change is in the arena; whether it can be carried
 * out is not checked here (allocate/after.h does).
 */
int gw_change_read(const char *path, const gw_fleet *f, gw_arena *arena, gw_change *ret, gw_error *e);

/* The same of a text; `name` is what messages call it. */
int gw_change_parse(const char *name, gw_str text, const gw_fleet *f, gw_arena *arena, gw_change *ret,
                    gw_error *e);

#endif
