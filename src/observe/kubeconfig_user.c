#include "observe/kubeconfig_internal.h"

static int push_header(gw_kubeconfig_loader *l, const char **list, size_t *n, const gw_yaml *at,
                       const char *header, const char *value)
{
    if (strpbrk(header, "\r\n") || strpbrk(value, "\r\n"))
        return gw_yaml_fail(at, l->e, GW_ECONFIG, "a line break cannot be sent");
    if (*n == GW_KUBECONFIG_MAX_ENTRIES)
        return gw_yaml_fail(at, l->e, GW_ELIMIT, "more than %d impersonated values",
                            GW_KUBECONFIG_MAX_ENTRIES);
    list[*n] = gw_arena_printf(l->arena, "%s: %s", header, value);
    return list[(*n)++] ? 0 : gw_fail_memory(l->e);
}

static int push_values(gw_kubeconfig_loader *l, const char **list, size_t *n, const gw_yaml *values,
                       const char *header)
{
    int r = values ? gw_yaml_expect(values, GW_YAML_LIST, l->e) : 0;
    for (uint32_t i = 0; !r && values && i < values->n; i++) {
        const char *value;
        r = gw_yaml_text(values->items[i], &value, l->e);
        if (!r)
            r = push_header(l, list, n, values->items[i], header, value);
    }
    return r;
}

static bool is_header_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* Keys of extras are percent-encoded into the header's name, in lower case, as the API server decodes them.
 */
static int push_extras(gw_kubeconfig_loader *l, const char **list, size_t *n, const gw_yaml *extra)
{
    int r = 0;
    for (uint32_t i = 0; !r && extra && i < extra->n; i++) {
        char header[512];
        size_t len = (size_t)snprintf(header, sizeof(header), "Impersonate-Extra-");
        for (const char *k = extra->items[i]->key; *k && len + 4 < sizeof(header); k++) {
            char c = *k >= 'A' && *k <= 'Z' ? (char)(*k - 'A' + 'a') : *k;
            if (is_header_char(c))
                header[len++] = c;
            else
                len += (size_t)snprintf(header + len, sizeof(header) - len, "%%%02X", (unsigned char)c);
        }
        header[len] = '\0';
        r = push_values(l, list, n, extra->items[i], header);
    }
    return r;
}

static int read_impersonation(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *u, gw_kube_access *a)
{
    const char *as = NULL, *uid = NULL;
    const gw_yaml *groups = NULL, *extra = NULL;
    int r = gw_kubeconfig_read_text(l, u, "as", &as);
    if (!r)
        r = gw_kubeconfig_read_text(l, u, "as-uid", &uid);
    if (!r)
        r = gw_yaml_read_list(u->map, "as-groups", &groups, l->e);
    if (!r)
        r = gw_yaml_read_map(u->map, "as-user-extra", &extra, l->e);
    if (r || (!as && !uid && !groups && !extra))
        return r;
    if (!as)
        return gw_yaml_fail(u->at, l->e, GW_ECONFIG, "as-uid, as-groups and as-user-extra need \"as\"");
    const char **list = GW_NEW_ARRAY(l->arena, const char *, GW_KUBECONFIG_MAX_ENTRIES + 1);
    size_t n = 0;
    if (!list)
        return gw_fail_memory(l->e);
    r = push_header(l, list, &n, u->at, "Impersonate-User", as);
    if (!r && uid)
        r = push_header(l, list, &n, u->at, "Impersonate-Uid", uid);
    if (!r)
        r = push_values(l, list, &n, groups, "Impersonate-Group");
    if (!r)
        r = push_extras(l, list, &n, extra);
    a->headers = list;
    return r;
}

static int refuse_auth_provider(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *u)
{
    const gw_yaml *provider = gw_yaml_get(u->map, "auth-provider");
    if (!provider || provider->kind == GW_YAML_NULL)
        return 0;
    const gw_yaml *name = gw_yaml_get(provider, "name");
    return gw_yaml_fail(
        provider, l->e, GW_ECONFIG,
        "the auth-provider%s%.40s was removed from kubectl in version 1.26; use the exec plugin of "
        "your provider (gke-gcloud-auth-plugin, kubelogin)",
        name && name->text.n ? " " : "", name && name->text.n ? name->text.p : "");
}

int gw_kubeconfig_read_user(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *u, gw_kube_access *a)
{
    int r = refuse_auth_provider(l, u);
    if (!r)
        r = gw_kubeconfig_read_text(l, u, "token", &a->token);
    if (!r)
        r = gw_kubeconfig_read_path(l, u, "tokenFile", &a->token_file);
    if (!r)
        r = gw_kubeconfig_read_text(l, u, "username", &a->username);
    if (!r)
        r = gw_kubeconfig_read_text(l, u, "password", &a->password);
    if (!r)
        r = gw_kubeconfig_read_path(l, u, "client-certificate", &a->cert_file);
    if (!r)
        r = gw_kubeconfig_read_path(l, u, "client-key", &a->key_file);
    if (!r)
        r = gw_kubeconfig_read_data(l, u, "client-certificate-data", &a->cert_data);
    if (!r)
        r = gw_kubeconfig_read_data(l, u, "client-key-data", &a->key_data);
    return r ? r : read_impersonation(l, u, a);
}
