/*
 * A VerticalPodAutoscaler in the mode Off for each workload whose requests this action changes: it
 * recommends, for each container by itself, and changes nothing. Format:
 * https://github.com/kubernetes/autoscaler (vertical-pod-autoscaler, autoscaling.k8s.io/v1)
 */
#include "act/export_internal.h"

static int write_one(gw_act *a, const gw_act_target *t, gw_error *e)
{
    const gw_act_kind *k = t->info;
    const char *version = *k->group ? gw_arena_printf(a->arena, "%s/%s", k->group, k->version) : k->version;
    const char *lower = gw_act_lower(a->arena, k->kind);
    const char *both = lower ? gw_arena_printf(a->arena, "gpuwise/%s/%s", lower, t->name) : NULL;
    const char *name = both ? gw_act_slug(a->arena, both) : NULL;
    const char *path = gw_arena_printf(a->arena, "manifests/vpa-%s.yaml", t->stem);
    gw_buf b;
    gw_doc d;
    if (!version || !name || !path)
        return gw_fail_memory(e);
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_act_object(&d, "autoscaling.k8s.io/v1", "VerticalPodAutoscaler", t->ns, name);
    gw_doc_object(&d, "spec");
    gw_doc_object(&d, "targetRef");
    gw_doc_text(&d, "apiVersion", version);
    gw_doc_text(&d, "kind", k->kind);
    gw_doc_text(&d, "name", t->name);
    gw_doc_end(&d);
    gw_doc_object(&d, "updatePolicy");
    gw_doc_text(&d, "updateMode", "Off");
    gw_doc_end(&d);
    gw_doc_object(&d, "resourcePolicy");
    gw_doc_array(&d, "containerPolicies");
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "containerName", "*");
    gw_doc_array(&d, "controlledResources");
    gw_doc_text(&d, NULL, "cpu");
    gw_doc_text(&d, NULL, "memory");
    gw_doc_end(&d);
    gw_doc_text(&d, "controlledValues", "RequestsOnly");
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    int rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = gw_act_add(a, path, &b, e);
    gw_buf_free(&b);
    return rc;
}

int gw_act_write_vpa(gw_act *a, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n_targets; i++) {
        if (a->targets[i].resize && a->targets[i].info)
            rc = write_one(a, &a->targets[i], e);
    }
    return rc;
}
