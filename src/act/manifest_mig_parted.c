/*
 * mig-parted's configuration as the ConfigMap that mig-manager reads, under the key config.yaml. It replaces
 * the default one, so it has the entry all-disabled too, which the operator falls back to.
 * Format: https://github.com/NVIDIA/mig-parted (api/spec/v1)
 */
#include "act/export_internal.h"

static void put_config(gw_buf *b, const gw_act_entry *entries, size_t n)
{
    gw_buf_puts(b,
                "version: v1\nmig-configs:\n  all-disabled:\n    - devices: all\n      mig-enabled: false\n");
    for (size_t i = 0; i < n; i++) {
        gw_buf_printf(b, "  %s:\n", entries[i].name);
        gw_act_indent(b, entries[i].text, 4);
    }
}

int gw_act_write_mig_parted(gw_act *a, gw_error *e)
{
    gw_act_entry *entries;
    size_t n;
    int rc = gw_act_entries(a, true, &entries, &n, e);
    if (rc || n == 0)
        return rc;
    gw_buf b, config;
    gw_doc d;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_buf_init(&config, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_act_object(&d, "v1", "ConfigMap", a->operator_ns, GW_ACT_MIG_MAP);
    gw_doc_end(&d);
    rc = gw_doc_finish(&d, e);
    put_config(&config, entries, n);
    gw_buf_puts(&b, "data:\n  config.yaml: |\n");
    if (rc == 0)
        rc = gw_buf_check(&config, "the mig-parted configuration", e);
    if (rc == 0) {
        gw_act_indent(&b, config.data, 4);
        rc = gw_act_add(a, "manifests/mig-parted.yaml", &b, e);
    }
    gw_buf_free(&config);
    gw_buf_free(&b);
    return rc;
}
