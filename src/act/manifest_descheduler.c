/*
 * A policy of the Descheduler that empties the nodes to be released: they get a taint of ours, and the plugin
 * RemovePodsViolatingNodeTaints evicts, through the eviction API and so within PodDisruptionBudgets, what
 * does not tolerate it, as long as it fits elsewhere. (HighNodeUtilization would choose nodes by itself.)
 * Format: https://github.com/kubernetes-sigs/descheduler (pkg/api/v1alpha2)
 */
#include "act/export_internal.h"

static void put_plugin_config(gw_doc *d)
{
    gw_doc_array(d, "pluginConfig");
    gw_doc_object(d, NULL);
    gw_doc_text(d, "name", "DefaultEvictor");
    gw_doc_object(d, "args");
    gw_doc_bool(d, "nodeFit", true);
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_object(d, NULL);
    gw_doc_text(d, "name", "RemovePodsViolatingNodeTaints");
    gw_doc_object(d, "args");
    gw_doc_array(d, "includedTaints");
    gw_doc_text(d, NULL, GW_ACT_RELEASE_TAINT);
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_end(d);
}

int gw_act_write_descheduler(gw_act *a, gw_error *e)
{
    gw_buf b;
    gw_doc d;
    if (a->action->change.n_released == 0)
        return 0;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "descheduler/v1alpha2");
    gw_doc_text(&d, "kind", "DeschedulerPolicy");
    gw_doc_array(&d, "profiles");
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "name", "gpuwise-release");
    put_plugin_config(&d);
    gw_doc_object(&d, "plugins");
    gw_doc_object(&d, "deschedule");
    gw_doc_array(&d, "enabled");
    gw_doc_text(&d, NULL, "RemovePodsViolatingNodeTaints");
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    int rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = gw_act_add(a, "hints/descheduler-policy.yaml", &b, e);
    gw_buf_free(&b);
    return rc;
}
