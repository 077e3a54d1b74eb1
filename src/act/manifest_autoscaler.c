/*
 * Priorities of the cluster autoscaler's expander `priority`: node groups of the types that the plan hires
 * come before all others. It matches regular expressions with the names of node groups, which are not known
 * here: only groups that are named after their type are found.
 * Format: https://github.com/kubernetes/autoscaler (cluster-autoscaler/expander/priority)
 */
#include "act/export_internal.h"

#define PRIORITY_HIRED 50
#define PRIORITY_OTHER 10

/* "g5.xlarge" as it stands in a group's name, where its dots may be '-' or '_'; in single quotes of YAML. */
static void put_type_pattern(gw_buf *b, const char *type)
{
    gw_buf_puts(b, "  - '.*");
    for (const char *p = type; *p; p++) {
        if (*p == '.' || *p == '-' || *p == '_')
            gw_buf_puts(b, "[._-]");
        else if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9'))
            gw_buf_putc(b, *p);
        else
            gw_buf_putc(b, '.'); /* no provider has such a type: any character */
    }
    gw_buf_puts(b, ".*'\n");
}

static bool has_type_before(const gw_act *a, size_t k)
{
    for (size_t i = 0; i < k; i++) {
        if (gw_eq(a->hires[i].like->instance_type, a->hires[k].like->instance_type))
            return true;
    }
    return false;
}

int gw_act_write_autoscaler(gw_act *a, gw_error *e)
{
    gw_buf b, inner;
    gw_doc d;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_buf_init(&inner, GW_EXPORT_FILE_MAX);
    for (size_t i = 0; i < a->n_hires; i++) {
        if (a->hires[i].like->instance_type && !has_type_before(a, i))
            put_type_pattern(&inner, a->hires[i].like->instance_type);
    }
    int rc = gw_buf_check(&inner, "the priorities", e);
    if (rc == 0 && inner.len) {
        gw_doc_init(&d, GW_DOC_YAML, &b);
        gw_act_object(&d, "v1", "ConfigMap", "kube-system", "cluster-autoscaler-priority-expander");
        gw_doc_end(&d);
        rc = gw_doc_finish(&d, e);
        gw_buf_printf(&b, "data:\n  priorities: |\n    %d:\n", PRIORITY_HIRED);
        gw_act_indent(&b, inner.data, 4);
        gw_buf_printf(&b, "    %d:\n      - '.*'\n", PRIORITY_OTHER);
        if (rc == 0)
            rc = gw_act_add(a, "hints/cluster-autoscaler-priorities.yaml", &b, e);
    }
    gw_buf_free(&inner);
    gw_buf_free(&b);
    return rc;
}
