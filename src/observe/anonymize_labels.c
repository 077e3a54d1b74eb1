/* Which labels say something about hardware and state, and which about people. */
#include <ctype.h>
#include <strings.h>

#include "base/buf.h"
#include "fleet/ledger.h"
#include "observe/anonymize_internal.h"

#define LABEL_PREFIX "label_"
#define NUMBER_CHARS 3 /* a number of up to so many digits identifies nothing */

/* Labels of metrics: what exporters set about hardware, units and states. */
static const char *const technical_metric_labels[] = {"__name__",   "gpu",
                                                      "device",     "modelName",
                                                      "GPU_I_ID",   "GPU_I_PROFILE",
                                                      "pci_bus_id", "DCGM_FI_DRIVER_VERSION",
                                                      "err_code",   "err_msg",
                                                      "resource",   "unit",
                                                      "phase",      "reason",
                                                      "condition",  "status",
                                                      "effect",     "created_by_kind",
                                                      "owner_kind", "owner_is_controller",
                                                      "le",         "quantile",
                                                      "cpu",        "kernel_version",
                                                      "os_image",   "container_runtime_version",
                                                      "qos_class",  "kubelet_version",
                                                      "scope",      "failure_type",
                                                      NULL};

/* Labels of objects, as names or beginnings of names, with every byte outside [A-Za-z0-9_] as '_'. */
static const char *const technical_object_labels[] = {"node_kubernetes_io_instance_type",
                                                      "beta_kubernetes_io_instance_type",
                                                      "topology_kubernetes_io_region",
                                                      "topology_kubernetes_io_zone",
                                                      "failure_domain_beta_kubernetes_io_region",
                                                      "failure_domain_beta_kubernetes_io_zone",
                                                      "kubernetes_io_arch",
                                                      "kubernetes_io_os",
                                                      "beta_kubernetes_io_arch",
                                                      "beta_kubernetes_io_os",
                                                      "node_kubernetes_io_lifecycle",
                                                      "karpenter_sh_capacity_type",
                                                      "eks_amazonaws_com_capacityType",
                                                      "eks_amazonaws_com_capacity_type",
                                                      "kubernetes_azure_com_scalesetpriority",
                                                      "cloud_google_com_gke_spot",
                                                      "cloud_google_com_gke_preemptible",
                                                      "cloud_google_com_gke_provisioning",
                                                      "ray_io_originated_from_crd",
                                                      "training_kubeflow_org_replica_type",
                                                      "model_family",
                                                      NULL};
static const char *const technical_prefixes[] = {"nvidia_com_gpu",
                                                 "nvidia_com_mig",
                                                 "nvidia_com_cuda",
                                                 "nvidia_com_mps",
                                                 "nvidia_com_vgpu_present",
                                                 "cloud_google_com_gke_accelerator",
                                                 "cloud_google_com_gke_gpu",
                                                 "karpenter_k8s_aws_instance_",
                                                 "feature_node_kubernetes_io_pci_",
                                                 "feature_node_kubernetes_io_cpu_",
                                                 NULL};

/* Names that say nothing about whose label it is; ownership's come on top. */
static const char *const known_names[] = {"app",
                                          "name",
                                          "component",
                                          "tier",
                                          "role",
                                          "version",
                                          "release",
                                          "chart",
                                          "heritage",
                                          "job_name",
                                          "controller_uid",
                                          "notebook_name",
                                          "spark_role",
                                          "tf_job_name",
                                          "mpi_job_name",
                                          "k8s_app",
                                          "instance",
                                          "controller_revision_hash",
                                          "model_family",
                                          "pod_template_hash",
                                          "pytorch_job_name",
                                          "pod_group_scheduling_sigs_k8s_io",
                                          "seldon_deployment_id",
                                          "pod_template_generation",
                                          NULL};
static const char *const known_domains[] = {
    "kubernetes_io_", "k8s_io_",      "nvidia_com_",   "amd_com_",       "karpenter_sh_", "k8s_aws_",
    "amazonaws_com_", "eksctl_io_",   "google_com_",   "azure_com_",     "kubeflow_org_", "kserve_io_",
    "knative_dev_",   "argoproj_io_", "ray_io_",       "jupyter_org_",   "volcano_sh_",   "kai_scheduler_",
    "helm_sh_",       "run_ai_",      "openshift_io_", "datadoghq_com_", "llm_d_ai_",     NULL};

static char folded(char c)
{
    return isalnum((unsigned char)c) ? c : '_';
}

static bool folded_starts(gw_str s, const char *with)
{
    size_t i = 0;
    while (i < s.n && with[i] && folded(s.p[i]) == folded(with[i]))
        i++;
    return !with[i];
}

static bool folded_eq(gw_str s, const char *with)
{
    return strlen(with) == s.n && folded_starts(s, with);
}

static bool listed(gw_str s, const char *const *list)
{
    for (; list && *list; list++) {
        if (folded_eq(s, *list))
            return true;
    }
    return false;
}

static bool is_kept(const gw_anon *a, gw_str name)
{
    return listed(name, gw_anon_keep(a));
}

static bool is_technical(gw_str name)
{
    if (listed(name, technical_object_labels))
        return true;
    for (const char *const *p = technical_prefixes; *p; p++) {
        if (folded_starts(name, *p))
            return true;
    }
    return false;
}

static bool is_ownership_name(gw_str name)
{
    gw_ownership o;
    gw_ownership_defaults(&o);
    for (int f = 0; f < GW_N_OWNER_FIELDS; f++) {
        for (int i = 0; i < GW_OWNER_LABELS_MAX && o.labels[f][i]; i++) {
            if (folded_eq(name, o.labels[f][i]))
                return true;
        }
    }
    return false;
}

static bool has_known_domain(gw_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (i > 0 && folded(name.p[i - 1]) != '_')
            continue;
        for (const char *const *d = known_domains; *d; d++) {
            if (folded_starts((gw_str){name.p + i, name.n - i}, *d))
                return true;
        }
    }
    return false;
}

const char *gw_anon_label_name(gw_anon *a, gw_str name)
{
    if (is_kept(a, name) || is_technical(name) || listed(name, known_names) || is_ownership_name(name) ||
        has_known_domain(name))
        return gw_anon_keep_text(a, name);
    gw_buf b;
    gw_buf_init(&b, name.n + 1);
    for (size_t i = 0; i < name.n; i++)
        gw_buf_putc(&b, folded(name.p[i]));
    const char *p = b.failed ? NULL : gw_anon_name(a, (gw_str){b.data, b.len});
    gw_buf_free(&b);
    return p;
}

static bool says_nothing(gw_str v)
{
    bool digits = v.n > 0 && v.n <= NUMBER_CHARS;
    for (size_t i = 0; i < v.n; i++)
        digits &= isdigit((unsigned char)v.p[i]) != 0;
    return digits || v.n == 0 || (v.n == 4 && strncasecmp(v.p, "true", 4) == 0) ||
           (v.n == 5 && strncasecmp(v.p, "false", 5) == 0);
}

/* The class of a workload is read from this label: a common word stays even where it is all of the value. */
static bool is_class_word(gw_str name, gw_str value)
{
    static const char *const class_labels[] = {"workload_type",
                                               "workload_class",
                                               "workloadType",
                                               "job_type",
                                               "component",
                                               "app_kubernetes_io_component",
                                               NULL};
    return listed(name, class_labels) &&
           (gw_anon_is_common_word(value) || gw_str_is(value, "singleuser-server"));
}

const char *gw_anon_label_value(gw_anon *a, gw_str name, gw_str value)
{
    if (says_nothing(value) || is_kept(a, name) || is_technical(name) || is_class_word(name, value))
        return gw_anon_keep_text(a, value);
    return gw_anon_name(a, value);
}

/* ---- series ---- */

/* A label that the exporter sets itself. Its name is the exporter's, not people's, and stays. */
static const char *metric_label_value(gw_anon *a, gw_str name, gw_str value)
{
    static const char *const pause_labels[] = {"container", "exported_container", NULL};
    bool pause = listed(name, pause_labels) && gw_str_is(value, "POD"); /* cAdvisor's name for no container */
    if (pause || says_nothing(value) || is_kept(a, name) || listed(name, technical_metric_labels))
        return gw_anon_keep_text(a, value);
    return gw_str_is(name, "provider_id") ? gw_anon_provider_id(a, value) : gw_anon_name(a, value);
}

/* "label_team": how kube-state-metrics writes the label "team" of an object. NULL: out of memory. */
static const char *object_label_name(gw_anon *a, gw_str bare)
{
    const char *p = gw_anon_label_name(a, bare), *ret = NULL;
    if (!p)
        return NULL;
    gw_buf b;
    gw_buf_init(&b, strlen(p) + sizeof(LABEL_PREFIX));
    gw_buf_puts(&b, LABEL_PREFIX);
    gw_buf_puts(&b, p);
    if (!b.failed)
        ret = gw_anon_keep_text(a, (gw_str){b.data, b.len});
    gw_buf_free(&b);
    return ret;
}

int gw_anon_labels(gw_anon *a, gw_label *labels, size_t n, gw_error *e)
{
    size_t prefix = sizeof(LABEL_PREFIX) - 1;
    for (size_t i = 0; i < n; i++) {
        gw_str name = labels[i].name, bare = name;
        bool of_object = name.n > prefix && memcmp(name.p, LABEL_PREFIX, prefix) == 0;
        if (of_object)
            bare = (gw_str){name.p + prefix, name.n - prefix};
        const char *value = of_object ? gw_anon_label_value(a, bare, labels[i].value)
                                      : metric_label_value(a, name, labels[i].value);
        const char *new_name = of_object ? object_label_name(a, bare) : gw_anon_keep_text(a, name);
        if (!value || !new_name)
            return gw_fail_memory(e);
        labels[i] = (gw_label){gw_str_of(new_name), gw_str_of(value)};
    }
    return 0;
}
