/* A VerticalPodAutoscaler in the mode Off for each workload whose requests this action changes: it
 * recommends, for each container by itself, and changes nothing. */
#include "act/export_internal.h"
#include "allocate/rightsize.h"

static int write_one(gw_act *a, const gw_act_target *t, gw_error *e)
{
    /* a change knows sums over containers only, so that the object states no bounds */
    const gw_rightsize_row row = {.ns = t->ns, .kind = t->kind, .name = t->name};
    if (!t->kind || !gw_rightsize_has_vpa(&row))
        return 0;
    const char *path = gw_arena_printf(a->arena, "manifests/vpa-%s.yaml", t->stem);
    gw_buf b;
    gw_doc d;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    int rc = gw_rightsize_write_vpa(&d, &row, e);
    if (rc == 0)
        rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = path ? gw_act_add(a, path, &b, e) : gw_fail_memory(e);
    gw_buf_free(&b);
    return rc;
}

int gw_act_write_vpa(gw_act *a, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n_targets; i++) {
        if (a->targets[i].resize)
            rc = write_one(a, &a->targets[i], e);
    }
    return rc;
}
