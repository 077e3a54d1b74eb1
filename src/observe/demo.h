/*
 * The sample fleet: a generator with documented parameters and a seed, that contains every situation the
 * report can speak of. A source like any other; `gpuwise demo --write DIR` records it as a snapshot.
 * docs/guide/demo.md lists the situations, which objects show each, and the finding to expect.
 *
 * Everything is a pure function of the options: any slice of any family group can be read on its own and in
 * any order, and slices put together are the whole. A series leaves the source as a real server would deliver
 * it, staleness markers included; samples of one series ascend in time, and no (series, time) comes twice.
 *
 * The fleet lives from two days before the window to two hours after it, so that what the window's edge cuts
 * is seen to go on; reads outside of that give nothing.
 *
 * demo.c       the source
 * demo_catalogue.c   who exists: the tables of nodes, workloads and placements
 * demo_fleet.c  turns the tables into nodes, units, pods and owners with names and lifetimes
 * demo_load.c   how busy a pod is at an instant
 * demo_scrape.c when each exporter was scraped, and which of these scrapes a series is in
 * demo_gpu.c, demo_kube.c, demo_cadvisor.c   the series of dcgm-exporter, kube-state-metrics, cAdvisor
 * demo_lists.c the same fleet as the Kubernetes API would list it at the window's end
 * demo_rules.c what of it constrains where pods may run: taints, affinities, budgets, volumes
 */
#ifndef GW_OBSERVE_DEMO_H
#define GW_OBSERVE_DEMO_H

#include "observe/source.h"

#define GW_DEMO_BASE_NODES 19                 /* GPU nodes that the situations need */
#define GW_DEMO_MAX_NODES  20000              /* 8 GPUs each beyond the base */
#define GW_DEMO_MAX_POINTS ((int64_t)4 << 20) /* scrapes of one target over the window */

typedef struct gw_demo_options {
    uint64_t seed;       /* names and noise; the situations are the same for every seed. Default 1 */
    int nodes;           /* GPU nodes; default and least GW_DEMO_BASE_NODES; more add ordinary 8-GPU nodes */
    int64_t interval_ms; /* scrape interval, 1 s to 5 min; default 60 s: 7 days are then some 18 M samples */
    gw_interval window;  /* at least 1 h; default: the 7 days that end at 2026-09-14T00:00:00Z, a fixed
                            instant, so that the output never changes */
} gw_demo_options;

void gw_demo_defaults(gw_demo_options *o);
/* GW_EUSAGE or GW_EWINDOW for options out of their range, GW_ENOMEM. *ret is untouched on failure; freed with
 * ret->free(ret->self). */
int gw_demo_open(const gw_demo_options *o, gw_source *ret, gw_error *e);

#endif
