#include "observe/kubeconfig_internal.h"

#include <errno.h>
#include <unistd.h>

#include "format/base64.h"
#include "format/json_tree.h"

#define MAX_PATH 4096

/* ---- files ---- */

static int absolute_dir(gw_kubeconfig_loader *l, const char *path, const char **ret)
{
    char cwd[MAX_PATH];
    const char *slash = strrchr(path, '/');
    if (*path == '/') {
        *ret = gw_arena_strndup(l->arena, path, slash == path ? 1 : (size_t)(slash - path));
    } else if (!getcwd(cwd, sizeof(cwd))) {
        return gw_fail(l->e, GW_EIO, "the working directory cannot be read: %s", strerror(errno));
    } else {
        int n = slash ? (int)GW_MIN(slash - path, (ptrdiff_t)MAX_PATH) : 0;
        *ret = gw_arena_printf(l->arena, "%s%s%.*s", cwd, n ? "/" : "", n, path);
    }
    return *ret ? 0 : gw_fail_memory(l->e);
}

static const char *const list_keys[] = {"clusters", "users", "contexts"};

/* A kubeconfig is a map of lists; one that says what it is must say "Config". */
static int check_kind(const gw_kubeconfig_file *f, gw_error *e)
{
    const char *kind = "Config", *version = "v1";
    if (f->root->kind == GW_YAML_NULL)
        return 0;
    int r = gw_yaml_expect(f->root, GW_YAML_MAP, e);
    if (!r)
        r = gw_yaml_read_text(f->root, "kind", &kind, e);
    if (!r)
        r = gw_yaml_read_text(f->root, "apiVersion", &version, e);
    for (size_t i = 0; i < GW_COUNT(list_keys) && !r; i++) {
        const gw_yaml *unused = NULL;
        r = gw_yaml_read_list(f->root, list_keys[i], &unused, e);
    }
    if (r)
        return r;
    if (strcmp(kind, "Config") != 0 || strcmp(version, "v1") != 0)
        return gw_yaml_fail(f->root, e, GW_ECONFIG, "this is a %s %s, not a kubeconfig (v1 Config)", version,
                            kind);
    return 0;
}

static int add_file(gw_kubeconfig_loader *l, const char *path, bool must_exist)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->files[i].path, path) == 0)
            return 0;
    if (!must_exist && access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (l->n == GW_KUBECONFIG_MAX_FILES)
        return gw_fail(l->e, GW_ELIMIT, "$KUBECONFIG names more than %d files", GW_KUBECONFIG_MAX_FILES);
    gw_kubeconfig_file f = {.path = path};
    int r = gw_yaml_load(l->arena, path, &f.root, l->e);
    if (r == GW_EIO)
        return gw_error_prefix(l->e, "cannot read the kubeconfig (see --kubeconfig and $KUBECONFIG)");
    if (!r)
        r = check_kind(&f, l->e);
    if (!r)
        r = absolute_dir(l, path, &f.dir);
    if (!r)
        l->files[l->n++] = f;
    return r;
}

static int add_list(gw_kubeconfig_loader *l, const char *list)
{
    int r = 0;
    while (*list && !r) {
        size_t n = strcspn(list, ":");
        if (n) {
            const char *path = gw_arena_strndup(l->arena, list, n);
            r = path ? add_file(l, path, false) : gw_fail_memory(l->e);
        }
        list += n + (list[n] == ':');
    }
    return r;
}

static int add_files(gw_kubeconfig_loader *l, const gw_kubeconfig_options *o)
{
    if (o->file)
        return add_file(l, o->file, true);
    if (o->list && *o->list)
        return add_list(l, o->list);
    if (!o->home || !*o->home)
        return 0;
    const char *path = gw_arena_printf(l->arena, "%s/.kube/config", o->home);
    return path ? add_file(l, path, false) : gw_fail_memory(l->e);
}

/* ---- entries ---- */

/* The name of an item of clusters, users or contexts. */
int gw_kubeconfig_item_name(const gw_yaml *item, const char **ret, gw_error *e)
{
    int r = gw_yaml_expect(item, GW_YAML_MAP, e);
    *ret = "";
    return r ? r : gw_yaml_read_text(item, "name", ret, e);
}

static int find_in_file(gw_kubeconfig_loader *l, const gw_kubeconfig_file *f, const char *list,
                        const char *key, const char *name, gw_kubeconfig_entry *ret)
{
    const gw_yaml *items = NULL;
    int r = gw_yaml_read_list(f->root, list, &items, l->e);
    for (uint32_t i = 0; !r && items && i < items->n; i++) {
        const char *this;
        r = gw_kubeconfig_item_name(items->items[i], &this, l->e);
        if (r || strcmp(this, name) != 0)
            continue;
        if (ret->at)
            return gw_yaml_fail(items->items[i], l->e, GW_ECONFIG,
                                "the name \"%.80s\" is given twice in %s, first in line %" PRIu32, name, list,
                                ret->at->line);
        *ret = (gw_kubeconfig_entry){.at = items->items[i], .file = f};
        r = gw_yaml_read_map(items->items[i], key, &ret->map, l->e);
    }
    return r;
}

/* The entry of that name in the first file that has one; ret->at is NULL where none has. */
static int find_entry(gw_kubeconfig_loader *l, const char *list, const char *key, const char *name,
                      gw_kubeconfig_entry *ret)
{
    *ret = (gw_kubeconfig_entry){0};
    int r = 0;
    for (size_t i = 0; i < l->n && !r && !ret->at; i++)
        r = find_in_file(l, &l->files[i], list, key, name, ret);
    return r;
}

static bool says_nothing(const gw_kubeconfig_loader *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const gw_yaml *current = gw_yaml_get(l->files[i].root, "current-context");
        if (current && (current->text.n || current->n))
            return false;
        for (size_t k = 0; k < GW_COUNT(list_keys); k++) {
            const gw_yaml *y = gw_yaml_get(l->files[i].root, list_keys[k]);
            if (y && y->n)
                return false;
        }
    }
    return true;
}

/* "a, b, c" of the contexts that there are, for messages. */
static void context_names(const gw_kubeconfig_loader *l, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < l->n; i++) {
        const gw_yaml *items = gw_yaml_get(l->files[i].root, "contexts");
        for (uint32_t k = 0; items && items->kind == GW_YAML_LIST && k < items->n; k++) {
            const char *name;
            if (gw_kubeconfig_item_name(items->items[k], &name, NULL) || n + strlen(name) + 3 > size)
                continue;
            n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", name);
        }
    }
    if (n == 0)
        snprintf(out, size, "none");
}

static int current_context(gw_kubeconfig_loader *l, const char **ret)
{
    for (size_t i = 0; i < l->n; i++) {
        int r = gw_yaml_read_text(l->files[i].root, "current-context", ret, l->e);
        if (r)
            return r;
        if (*ret && **ret)
            return 0;
    }
    char names[256];
    context_names(l, names, sizeof(names));
    return gw_fail(l->e, GW_ECONFIG, "%s: there is no current-context; give --context, one of: %s",
                   l->files[0].path, names);
}

/* ---- fields ---- */

int gw_kubeconfig_read_path(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *from, const char *key,
                            const char **ret)
{
    const char *path = NULL;
    int r = gw_yaml_read_text(from->map, key, &path, l->e);
    if (r || !path || !*path)
        return r;
    *ret = *path == '/' ? path : gw_arena_printf(l->arena, "%s/%s", from->file->dir, path);
    return *ret ? 0 : gw_fail_memory(l->e);
}

int gw_kubeconfig_read_data(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *from, const char *key,
                            gw_str *ret)
{
    const char *text = NULL;
    int r = gw_yaml_read_text(from->map, key, &text, l->e);
    if (r || !text || !*text)
        return r;
    r = gw_base64_decode(l->arena, gw_str_of(text), ret);
    if (r == GW_ENOMEM)
        return gw_fail_memory(l->e);
    if (r)
        return gw_yaml_fail(gw_yaml_get(from->map, key), l->e, GW_ECONFIG, "\"%s\" is no base64", key);
    return 0;
}

/* As gw_yaml_read_text, with "" taken as absent. */
int gw_kubeconfig_read_text(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *from, const char *key,
                            const char **ret)
{
    const char *text = NULL;
    int r = gw_yaml_read_text(from->map, key, &text, l->e);
    if (!r && text && *text)
        *ret = text;
    return r;
}

static int read_server(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *cluster, gw_kube_access *a)
{
    const char *server = NULL;
    int r = gw_kubeconfig_read_text(l, cluster, "server", &server);
    if (r)
        return r;
    size_t n = server ? strlen(server) : 0;
    while (n && server[n - 1] == '/')
        n--;
    if (n == 0)
        return gw_yaml_fail(cluster->at, l->e, GW_ECONFIG, "this cluster has no \"server\"");
    /* without a scheme, what needs TLS gets it: the rule of kubectl */
    bool tls = a->insecure || a->ca_file || a->ca_data.n || a->cert_file || a->cert_data.n;
    const char *scheme = memmem(server, n, "://", 3) ? "" : tls ? "https://" : "http://";
    a->server = gw_arena_printf(l->arena, "%s%.*s", scheme, (int)GW_MIN(n, (size_t)MAX_PATH), server);
    return a->server ? 0 : gw_fail_memory(l->e);
}

static int read_cluster(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *c, gw_kube_access *a)
{
    int r = gw_kubeconfig_read_text(l, c, "tls-server-name", &a->tls_server_name);
    if (!r)
        r = gw_kubeconfig_read_text(l, c, "proxy-url", &a->proxy_url);
    if (!r)
        r = gw_yaml_read_bool(c->map, "insecure-skip-tls-verify", &a->insecure, l->e);
    if (!r)
        r = gw_yaml_read_bool(c->map, "disable-compression", &a->disable_compression, l->e);
    if (!r)
        r = gw_kubeconfig_read_path(l, c, "certificate-authority", &a->ca_file);
    if (!r)
        r = gw_kubeconfig_read_data(l, c, "certificate-authority-data", &a->ca_data);
    if (!r && a->insecure && (a->ca_file || a->ca_data.n))
        r = gw_yaml_fail(
            c->at, l->e, GW_ECONFIG,
            "insecure-skip-tls-verify and a certificate authority exclude each other; remove one");
    return r;
}

/* ---- contexts ---- */

/* What kubectl's own validation refuses. */
static int check_user(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *u, const gw_kube_access *a)
{
    bool cert = a->cert_file || a->cert_data.n, key = a->key_file || a->key_data.n;
    bool token = a->token || a->token_file, basic = a->username || a->password;
    if (token && basic)
        return gw_yaml_fail(u->at, l->e, GW_ECONFIG, "a token and a username exclude each other; remove one");
    if (a->exec && (token || basic))
        return gw_yaml_fail(u->at, l->e, GW_ECONFIG, "an exec plugin and a %s exclude each other; remove one",
                            token ? "token" : "username");
    if (cert != key)
        return gw_yaml_fail(u->at, l->e, GW_ECONFIG, "the client %s is there and the client %s is missing",
                            cert ? "certificate" : "key", cert ? "key" : "certificate");
    return 0;
}

static int read_user_and_exec(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *u,
                              const gw_kubeconfig_entry *cluster, gw_kube_access *a)
{
    int r = gw_kubeconfig_read_user(l, u, a);
    if (!r)
        r = read_server(l, cluster, a);
    if (!r)
        r = gw_kubeconfig_read_exec(l, u, cluster, a);
    return r ? r : check_user(l, u, a);
}

static int fail_context(gw_kubeconfig_loader *l, const char *name)
{
    char names[256];
    context_names(l, names, sizeof(names));
    return gw_fail(l->e, GW_ECONFIG, "%s: there is no context \"%.80s\"; there are: %s", l->files[0].path,
                   name, names);
}

static int read_context(gw_kubeconfig_loader *l, const char *name, gw_kube_access *a)
{
    gw_kubeconfig_entry context, cluster, user = {0};
    const char *cluster_name = NULL;
    int r = find_entry(l, "contexts", "context", name, &context);
    if (!r && !context.at)
        return fail_context(l, name);
    if (!r)
        r = gw_kubeconfig_read_text(l, &context, "cluster", &cluster_name);
    if (!r)
        r = gw_kubeconfig_read_text(l, &context, "user", &a->user);
    if (!r)
        r = gw_kubeconfig_read_text(l, &context, "namespace", &a->ns);
    if (!r && !cluster_name)
        r = gw_yaml_fail(context.at, l->e, GW_ECONFIG, "this context names no \"cluster\"");
    if (!r)
        r = find_entry(l, "clusters", "cluster", cluster_name, &cluster);
    if (!r && !cluster.at)
        r = gw_yaml_fail(context.at, l->e, GW_ECONFIG, "there is no cluster \"%.80s\" in any kubeconfig file",
                         cluster_name);
    if (!r && a->user)
        r = find_entry(l, "users", "user", a->user, &user);
    if (!r && a->user && !user.at)
        r = gw_yaml_fail(context.at, l->e, GW_ECONFIG, "there is no user \"%.80s\" in any kubeconfig file",
                         a->user);
    if (!r)
        r = read_cluster(l, &cluster, a);
    if (r)
        return r;
    a->context = name;
    if (!user.at)
        user = (gw_kubeconfig_entry){.at = context.at, .file = context.file};
    return read_user_and_exec(l, &user, &cluster, a);
}

int gw_kubeconfig_load(gw_arena *arena, const gw_kubeconfig_options *o, gw_kube_access *ret, bool *ret_found,
                       gw_error *e)
{
    gw_json_use_own_memory();
    gw_kubeconfig_loader *l = GW_NEW(arena, gw_kubeconfig_loader);
    gw_kube_access a = {0};
    const char *name = NULL;
    if (!l)
        return gw_fail_memory(e);
    l->arena = arena;
    l->e = e;
    int r = add_files(l, o);
    if (r)
        return r;
    if (says_nothing(l)) {
        const char *what = o->file ? o->file : o->list && *o->list ? o->list : "~/.kube/config";
        if (o->file)
            return gw_fail(e, GW_ECONFIG, "%s: this kubeconfig is empty", o->file);
        if (o->context)
            return gw_fail(e, GW_ECONFIG, "there is no context \"%.80s\": no kubeconfig at %.300s",
                           o->context, what);
        *ret_found = false;
        return 0;
    }
    if (o->context && *o->context)
        name = gw_arena_strdup(arena, o->context);
    else
        r = current_context(l, &name);
    if (!r)
        r = name ? read_context(l, name, &a) : gw_fail_memory(e);
    if (r)
        return r;
    *ret = a;
    *ret_found = true;
    return 0;
}

int gw_kube_in_cluster(gw_arena *arena, const char *dir, const char *host, const char *port,
                       gw_kube_access *ret, bool *ret_found, gw_error *e)
{
    gw_kube_access a = {.user = "the pod's service account"};
    char *token = gw_arena_printf(arena, "%s/token", dir), *ca = gw_arena_printf(arena, "%s/ca.crt", dir);
    if (!token || !ca)
        return gw_fail_memory(e);
    if (!host || !*host || !port || !*port || access(token, R_OK) != 0) {
        *ret_found = false;
        return 0;
    }
    bool v6 = strchr(host, ':') != NULL;
    a.server = gw_arena_printf(arena, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
    if (!a.server)
        return gw_fail_memory(e);
    a.token_file = token;
    a.ca_file = access(ca, R_OK) == 0 ? ca : NULL;
    *ret = a;
    *ret_found = true;
    return 0;
}
