/* The names of what gpuwise reads. */
#ifndef GW_OBSERVE_FAMILIES_H
#define GW_OBSERVE_FAMILIES_H

/*
 * The metric families that gpuwise reads, for matchers and filters. Grouped, so that a source can ask for one
 * group a query. names[] ends with NULL.
 */
typedef enum gw_family_group {
    GW_FAMILIES_GPU,     /* dcgm-exporter */
    GW_FAMILIES_KUBE,    /* kube-state-metrics */
    GW_FAMILIES_CADVISOR /* container CPU, memory and disk; the sources narrow it to pods that hold GPUs where
                            they can */
} gw_family_group;
#define GW_N_FAMILY_GROUPS 3

const char *const *gw_family_names(gw_family_group g);

#endif
