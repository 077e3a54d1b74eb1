#include "act/export_internal.h"

/* Where NVIDIA's operator runs: next to its own pods, which the fleet knows if the API was asked. */
static void find_operator(gw_act *a)
{
    static const char *const heads[] = {"nvidia-device-plugin-", "nvidia-mig-manager-",
                                        "gpu-feature-discovery-", "nvidia-operator-validator-"};
    a->operator_ns = "gpu-operator";
    a->operator_ns_guessed = true;
    for (size_t h = 0; h < GW_COUNT(heads); h++) {
        for (size_t i = 0; i < a->fleet->n_pods; i++) {
            if (!gw_has_prefix(a->fleet->pods[i].name, heads[h]))
                continue;
            a->operator_ns = a->fleet->pods[i].ns;
            a->operator_ns_guessed = false;
            return;
        }
    }
}

static int write_kustomization(gw_act *a, gw_error *e)
{
    gw_buf b;
    gw_doc d;
    if (!gw_act_has(a, "manifests/"))
        return 0;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "kustomize.config.k8s.io/v1beta1");
    gw_doc_text(&d, "kind", "Kustomization");
    gw_doc_array(&d, "resources");
    for (size_t i = 0; i < a->files->n; i++) {
        if (gw_has_prefix(a->files->items[i].path, "manifests/"))
            gw_doc_text(&d, NULL, a->files->items[i].path);
    }
    gw_doc_end(&d);
    gw_doc_end(&d);
    int rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = gw_act_add(a, "kustomization.yaml", &b, e);
    gw_buf_free(&b);
    return rc;
}

static int by_path(const void *x, const void *y)
{
    return strcmp(((const gw_file *)x)->path, ((const gw_file *)y)->path);
}

static int sort_files(gw_act *a, gw_error *e)
{
    GW_UNUSED(e);
    qsort(a->files->items, a->files->n, sizeof(*a->files->items), by_path);
    return 0;
}

int gw_export_action(const gw_export *x, uint32_t action, gw_arena *arena, gw_files *ret, gw_error *e)
{
    /* the README comes last: it speaks of the files */
    static int (*const steps[])(gw_act *, gw_error *) = {
        gw_act_find_targets,
        gw_act_find_settings,
        gw_act_find_hires,
        gw_act_find_clusters,
        gw_act_write_mig_parted,
        gw_act_write_device_plugin,
        gw_act_write_node_labels,
        gw_act_write_patches,
        gw_act_write_vpa,
        gw_act_write_karpenter,
        gw_act_write_autoscaler,
        gw_act_write_descheduler,
        write_kustomization,
        gw_act_write_action_json,
        sort_files,
        gw_act_write_readme,
        sort_files,
    };
    gw_files files = {.arena = arena};
    if (action >= x->plan->n_actions)
        return gw_fail(e, GW_EINTERNAL, "action %" PRIu32 " of a plan of %zu", action, x->plan->n_actions);
    gw_act a = {.x = x,
                .fleet = x->fleet,
                .action = &x->plan->actions[action],
                .index = action,
                .arena = arena,
                .files = &files};
    find_operator(&a);
    for (size_t i = 0; i < GW_COUNT(steps); i++) {
        int rc = steps[i](&a, e);
        if (rc)
            return rc;
    }
    for (size_t i = 1; i < files.n; i++) {
        if (strcmp(files.items[i].path, files.items[i - 1].path) == 0)
            return gw_fail(e, GW_EINTERNAL, "%s: the file %s was written twice; please report it",
                           a.action->id, files.items[i].path);
    }
    *ret = files;
    return 0;
}
