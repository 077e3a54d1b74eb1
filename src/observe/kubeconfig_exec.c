/* The exec plugin of a user, as the kubeconfig describes it. Running it is kube_exec.c's. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "base/buf.h"
#include "format/base64.h"
#include "observe/kubeconfig_internal.h"

#define MAX_CA_BYTES ((size_t)1 << 20)

/* The name under which a cluster's extensions hold what its exec plugin wants to know. */
static const char exec_extension[] = "client.authentication.k8s.io/exec";

static int read_args(gw_kubeconfig_loader *l, const gw_yaml *exec, const char *const **ret)
{
    const gw_yaml *args = NULL;
    int r = gw_yaml_read_list(exec, "args", &args, l->e);
    uint32_t n = args ? args->n : 0;
    if (!r && n > GW_KUBECONFIG_MAX_ENTRIES)
        r = gw_yaml_fail(args, l->e, GW_ELIMIT, "more than %d args", GW_KUBECONFIG_MAX_ENTRIES);
    if (r)
        return r;
    const char **list = GW_NEW_ARRAY(l->arena, const char *, n + 1);
    if (!list)
        return gw_fail_memory(l->e);
    for (uint32_t i = 0; i < n && !r; i++)
        r = gw_yaml_text(args->items[i], &list[i], l->e);
    *ret = list;
    return r;
}

static int read_variable(gw_kubeconfig_loader *l, const gw_yaml *item, const char **ret)
{
    const char *name = NULL, *value = "";
    int r = gw_yaml_expect(item, GW_YAML_MAP, l->e);
    if (!r)
        r = gw_yaml_read_text(item, "name", &name, l->e);
    if (!r)
        r = gw_yaml_read_text(item, "value", &value, l->e);
    if (r)
        return r;
    if (!name || !*name || strchr(name, '='))
        return gw_yaml_fail(item, l->e, GW_ECONFIG, "an environment variable needs a \"name\" without '='");
    *ret = gw_arena_printf(l->arena, "%s=%s", name, value);
    return *ret ? 0 : gw_fail_memory(l->e);
}

static int read_env(gw_kubeconfig_loader *l, const gw_yaml *exec, const char *const **ret)
{
    const gw_yaml *env = NULL;
    int r = gw_yaml_read_list(exec, "env", &env, l->e);
    uint32_t n = env ? env->n : 0;
    if (!r && n > GW_KUBECONFIG_MAX_ENTRIES)
        r = gw_yaml_fail(env, l->e, GW_ELIMIT, "more than %d variables", GW_KUBECONFIG_MAX_ENTRIES);
    if (r)
        return r;
    const char **list = GW_NEW_ARRAY(l->arena, const char *, n + 1);
    if (!list)
        return gw_fail_memory(l->e);
    for (uint32_t i = 0; i < n && !r; i++)
        r = read_variable(l, env->items[i], &list[i]);
    *ret = list;
    return r;
}

static json_t *json_of_scalar(const gw_yaml *y)
{
    int64_t whole;
    double number;
    bool flag;
    if (y->plain && gw_yaml_bool(y, &flag, NULL) == 0)
        return json_boolean(flag);
    if (y->plain && gw_yaml_int64(y, &whole, NULL) == 0)
        return json_integer(whole);
    if (y->plain && gw_yaml_double(y, &number, NULL) == 0)
        return json_real(number);
    return json_stringn(y->text.p, y->text.n);
}

/* NULL when memory is exhausted or the text is no UTF-8. The depth is bounded by the YAML reader. */
static json_t *json_of(const gw_yaml *y)
{
    if (y->kind == GW_YAML_NULL)
        return json_null();
    if (y->kind == GW_YAML_SCALAR)
        return json_of_scalar(y);
    json_t *j = y->kind == GW_YAML_MAP ? json_object() : json_array();
    for (uint32_t i = 0; j && i < y->n; i++) {
        json_t *item = json_of(y->items[i]);
        int failed = y->kind == GW_YAML_MAP ? json_object_set_new(j, y->items[i]->key, item)
                                            : json_array_append_new(j, item);
        if (failed) {
            json_decref(j);
            return NULL;
        }
    }
    return j;
}

/* The extension of the cluster that is meant for its plugin; NULL where there is none. */
static int find_extension(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *cluster, const gw_yaml **ret)
{
    const gw_yaml *list = NULL;
    int r = gw_yaml_read_list(cluster->map, "extensions", &list, l->e);
    for (uint32_t i = 0; !r && list && i < list->n; i++) {
        const char *name;
        r = gw_kubeconfig_item_name(list->items[i], &name, l->e);
        if (!r && strcmp(name, exec_extension) == 0)
            *ret = gw_yaml_get(list->items[i], "extension");
    }
    return r;
}

static int read_small_file(gw_kubeconfig_loader *l, const char *path, gw_buf *b)
{
    char piece[4096];
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && !b->failed && ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR)))
        gw_buf_add(b, piece, n > 0 ? (size_t)n : 0);
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (fd < 0 || n < 0)
        return gw_fail(l->e, GW_EIO, "certificate-authority %s: %s", path, strerror(saved));
    return gw_buf_check(b, path, l->e);
}

/* The authority's certificates in base64, from data or file; an empty buffer where there are none. */
static int encode_authority(gw_kubeconfig_loader *l, const gw_kube_access *a, gw_buf *out)
{
    gw_buf pem;
    gw_buf_init(&pem, MAX_CA_BYTES);
    int r = a->ca_data.n || !a->ca_file ? 0 : read_small_file(l, a->ca_file, &pem);
    if (!r)
        gw_base64_encode(out, a->ca_data.n ? a->ca_data : (gw_str){pem.data, pem.len});
    gw_buf_free(&pem);
    return r ? r : gw_buf_check(out, "the certificate authority", l->e);
}

static int set_text(json_t *o, const char *key, const char *value)
{
    return value && *value ? json_object_set_new(o, key, json_string(value)) : 0;
}

static int cluster_info(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *cluster, const gw_kube_access *a,
                        json_t **ret)
{
    const gw_yaml *extension = NULL;
    gw_buf ca;
    int r = find_extension(l, cluster, &extension);
    if (r)
        return r;
    gw_buf_init(&ca, MAX_CA_BYTES * 2);
    r = encode_authority(l, a, &ca);
    json_t *o = r ? NULL : json_object();
    if (!r && (!o || set_text(o, "server", a->server) || set_text(o, "tls-server-name", a->tls_server_name) ||
               set_text(o, "proxy-url", a->proxy_url) || set_text(o, "certificate-authority-data", ca.data) ||
               (a->insecure && json_object_set_new(o, "insecure-skip-tls-verify", json_true())) ||
               (extension && json_object_set_new(o, "config", json_of(extension)))))
        r = gw_fail_memory(l->e);
    gw_buf_free(&ca);
    if (r)
        json_decref(o);
    else
        *ret = o;
    return r;
}

/* What KUBERNETES_EXEC_INFO tells the plugin. */
static int write_exec_info(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *cluster,
                           const gw_kube_access *a, bool with_cluster, gw_kube_exec *x)
{
    json_t *info = NULL;
    int r = with_cluster ? cluster_info(l, cluster, a, &info) : 0;
    if (r)
        return r;
    json_t *spec = json_object(), *o = json_object();
    bool ok = spec && o && (!info || !json_object_set(spec, "cluster", info)) &&
              !json_object_set_new(spec, "interactive", json_false()) &&
              !set_text(o, "kind", "ExecCredential") && !set_text(o, "apiVersion", x->api_version) &&
              !json_object_set(o, "spec", spec);
    char *text = ok ? json_dumps(o, JSON_COMPACT) : NULL;
    x->exec_info = text ? gw_arena_strdup(l->arena, text) : NULL;
    gw_free(text);
    json_decref(o);
    json_decref(spec);
    json_decref(info);
    return x->exec_info ? 0 : gw_fail_memory(l->e);
}

static int check_exec(gw_kubeconfig_loader *l, const gw_yaml *exec, const gw_kube_exec *x, const char *mode)
{
    static const char group[] = "client.authentication.k8s.io/";
    if (!x->api_version)
        return gw_yaml_fail(exec, l->e, GW_ECONFIG, "exec needs \"apiVersion\": %sv1 or v1beta1", group);
    const char *version = gw_has_prefix(x->api_version, group) ? x->api_version + sizeof(group) - 1 : "";
    if (strcmp(version, "v1") != 0 && strcmp(version, "v1beta1") != 0)
        return gw_yaml_fail(gw_yaml_get(exec, "apiVersion"), l->e, GW_ECONFIG,
                            "exec plugins of %.80s are not supported; update the plugin to %sv1",
                            x->api_version, group);
    if (!x->command)
        return gw_yaml_fail(exec, l->e, GW_ECONFIG, "exec needs a \"command\"");
    if (strcmp(mode, "Always") == 0)
        return gw_yaml_fail(
            gw_yaml_get(exec, "interactiveMode"), l->e, GW_ECONFIG,
            "this plugin wants to ask questions (interactiveMode: Always), and gpuwise gives it no "
            "terminal; log in with kubectl first, or use a plugin that needs no input");
    if (strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0)
        return gw_yaml_fail(gw_yaml_get(exec, "interactiveMode"), l->e, GW_ECONFIG,
                            "interactiveMode is Never, IfAvailable or Always, not \"%.40s\"", mode);
    return 0;
}

static int read_plugin(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *user, const gw_yaml *exec,
                       gw_kube_exec *x, bool *ret_cluster)
{
    const char *mode = "IfAvailable", *command = NULL;
    int r = gw_yaml_read_text(exec, "apiVersion", &x->api_version, l->e);
    if (!r)
        r = gw_yaml_read_text(exec, "command", &command, l->e);
    if (!r)
        r = gw_yaml_read_text(exec, "installHint", &x->install_hint, l->e);
    if (!r)
        r = gw_yaml_read_text(exec, "interactiveMode", &mode, l->e);
    if (!r)
        r = gw_yaml_read_bool(exec, "provideClusterInfo", ret_cluster, l->e);
    if (!r)
        r = read_args(l, exec, &x->args);
    if (!r)
        r = read_env(l, exec, &x->env);
    if (r)
        return r;
    x->command = command && *command ? command : NULL;
    if (x->command && strchr(command, '/') && *command != '/')
        x->command = gw_arena_printf(l->arena, "%s/%s", user->file->dir, command);
    x->where = gw_arena_printf(l->arena, "%s:%" PRIu32 ":%" PRIu32, exec->file, exec->line, exec->column);
    if (!x->where || (command && *command && !x->command))
        return gw_fail_memory(l->e);
    return check_exec(l, exec, x, mode);
}

int gw_kubeconfig_read_exec(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *user,
                            const gw_kubeconfig_entry *cluster, gw_kube_access *a)
{
    const gw_yaml *exec = NULL;
    bool with_cluster = false;
    int r = gw_yaml_read_map(user->map, "exec", &exec, l->e);
    if (r || !exec)
        return r;
    gw_kube_exec *x = GW_NEW(l->arena, gw_kube_exec);
    r = x ? read_plugin(l, user, exec, x, &with_cluster) : gw_fail_memory(l->e);
    if (!r)
        r = write_exec_info(l, cluster, a, with_cluster, x);
    if (!r)
        a->exec = x;
    return r;
}
