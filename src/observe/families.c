#include "observe/families.h"

#include "base/base.h"

static const char *const gpu[] = {
    "DCGM_FI_PROF_SM_ACTIVE",
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_FB_FREE",
    "DCGM_FI_PROF_DRAM_ACTIVE",
    "DCGM_FI_DEV_MEM_COPY_UTIL",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "DCGM_FI_DEV_POWER_USAGE",
    "DCGM_FI_DEV_XID_ERRORS",
    NULL,
};

static const char *const kube[] = {
    "kube_pod_info",
    "kube_pod_status_phase",
    "kube_pod_container_resource_requests",
    "kube_pod_container_status_last_terminated_reason",
    "kube_pod_labels",
    "kube_pod_owner",
    "kube_replicaset_owner",
    "kube_job_owner",
    "kube_namespace_labels",
    "kube_node_info",
    "kube_node_labels",
    "kube_node_status_allocatable",
    "kube_node_status_capacity",
    NULL,
};

static const char *const cadvisor[] = {
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "container_fs_usage_bytes",
    NULL,
};

const char *const *gw_family_names(gw_family_group g)
{
    static const char *const *const groups[GW_N_FAMILY_GROUPS] = {gpu, kube, cadvisor};
    return groups[g];
}
