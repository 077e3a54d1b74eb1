/*
 * The device plugin's configuration as the ConfigMap of named configurations that it picks from, and the node
 * labels that pick one. `default`, which shares nothing, is there because a plugin without it gives the only
 * configuration of the map to every node without a label (fallback strategy "single").
 * Format: https://github.com/NVIDIA/k8s-device-plugin (api/config/v1)
 */
#include "act/export_internal.h"

int gw_act_write_device_plugin(gw_act *a, gw_error *e)
{
    gw_act_entry *entries;
    size_t n;
    int rc = gw_act_entries(a, false, &entries, &n, e);
    if (rc || n == 0)
        return rc;
    gw_buf b;
    gw_doc d;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_act_object(&d, "v1", "ConfigMap", a->operator_ns, GW_ACT_PLUGIN_MAP);
    gw_doc_end(&d);
    rc = gw_doc_finish(&d, e);
    gw_buf_puts(&b, "data:\n  default: |\n    version: v1\n");
    for (size_t i = 0; i < n; i++) {
        if (strcmp(entries[i].name, "default") == 0)
            continue;
        gw_buf_printf(&b, "  %s: |\n", entries[i].name);
        gw_act_indent(&b, entries[i].text, 4);
    }
    if (rc == 0)
        rc = gw_act_add(a, "manifests/device-plugin.yaml", &b, e);
    gw_buf_free(&b);
    return rc;
}

/* ---- labels of nodes ---- */

/* value NULL: the label goes away. */
static void put_label(gw_doc *d, const gw_act_setting *s, bool back)
{
    gw_doc_text(d, s->mig ? GW_ACT_MIG_LABEL : GW_ACT_PLUGIN_LABEL, back ? s->back : s->value);
}

static int write_patch(gw_act *a, const gw_act_setting *s, bool back, const char *slug, gw_error *e)
{
    gw_buf b;
    gw_doc d;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_doc_object(&d, NULL);
    gw_doc_object(&d, "metadata");
    gw_doc_object(&d, "labels");
    put_label(&d, s, back);
    const gw_act_setting *other = gw_act_setting_of(a, s->node, !s->mig);
    if (other)
        put_label(&d, other, back);
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    int rc = gw_doc_finish(&d, e);
    const char *path = gw_arena_printf(a->arena, "%snodes/%s.yaml", back ? "back/" : "", slug);
    if (rc == 0)
        rc = path ? gw_act_add(a, path, &b, e) : gw_fail_memory(e);
    gw_buf_free(&b);
    return rc;
}

int gw_act_write_node_labels(gw_act *a, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n_settings; i++) {
        const gw_act_setting *s = &a->settings[i];
        /* a hired node gets its labels from its NodePool; a node with both labels is written once */
        if (s->node & GW_HIRED || gw_act_setting_of(a, s->node, s->mig) != s ||
            (!s->mig && gw_act_setting_of(a, s->node, true)))
            continue;
        const gw_node *n = &a->fleet->nodes[s->node];
        const char *whole = n->cluster ? gw_arena_printf(a->arena, "%s/%s", n->cluster, n->name) : n->name;
        const char *slug = whole ? gw_act_slug(a->arena, whole) : NULL;
        if (!slug)
            return gw_fail_memory(e);
        rc = write_patch(a, s, false, slug, e);
        if (rc == 0)
            rc = write_patch(a, s, true, slug, e);
    }
    return rc;
}
