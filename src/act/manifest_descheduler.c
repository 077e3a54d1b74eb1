/*
 * A policy of the Descheduler that empties the nodes to be released: they get a taint of ours, and the plugin
 * RemovePodsViolatingNodeTaints evicts, through the eviction API and so within PodDisruptionBudgets, what
 * does not tolerate it. (HighNodeUtilization would choose nodes by itself.) nodeFit, which evicts only what
 * an existing node has room for, is set where the plan moves pods to what is there. It is not where the room
 * comes with the action: nodes of a pool come for pods that wait, and boards that are to be cut, or requests
 * that are to change, do not fit yet; with nodeFit nothing would ever be evicted. Format:
 * https://github.com/kubernetes-sigs/descheduler (pkg/api/v1alpha2)
 */
#include "act/export_internal.h"

bool gw_act_room_is_there(const gw_act *a)
{
    return a->action->change.n_hires == 0 && a->action->change.n_cuts == 0 &&
           a->action->change.n_resizes == 0;
}

static void put_plugin_config(gw_doc *d, bool fit)
{
    gw_doc_array(d, "pluginConfig");
    gw_doc_object(d, NULL);
    gw_doc_text(d, "name", "DefaultEvictor");
    gw_doc_object(d, "args");
    gw_doc_bool(d, "nodeFit", fit);
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
    put_plugin_config(&d, gw_act_room_is_there(a));
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
