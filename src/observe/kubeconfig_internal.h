/* What the files of the kubeconfig reader share; see kubeconfig.h for everybody else. */
#ifndef GW_OBSERVE_KUBECONFIG_INTERNAL_H
#define GW_OBSERVE_KUBECONFIG_INTERNAL_H

#include "format/yaml.h"
#include "observe/kubeconfig.h"

typedef struct gw_kubeconfig_file {
    const char *path, *dir; /* dir is absolute */
    const gw_yaml *root;
} gw_kubeconfig_file;

typedef struct gw_kubeconfig_loader {
    gw_arena *arena;
    gw_error *e;
    gw_kubeconfig_file files[GW_KUBECONFIG_MAX_FILES];
    size_t n;
} gw_kubeconfig_loader;

/* One entry of clusters, users or contexts, and the file that it stands in; map is NULL where
 * it is empty. */
typedef struct gw_kubeconfig_entry {
    const gw_yaml *at, *map;
    const gw_kubeconfig_file *file;
} gw_kubeconfig_entry;

/* The name of an item of clusters, users, contexts or extensions; "" where it has none. */
int gw_kubeconfig_item_name(const gw_yaml *item, const char **ret, gw_error *e);

/* Fields of an entry; absent, null and "" leave *ret alone. Paths are made absolute, data is decoded from
 * base64. */
int gw_kubeconfig_read_text(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *from, const char *key,
                            const char **ret);
int gw_kubeconfig_read_path(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *from, const char *key,
                            const char **ret);
int gw_kubeconfig_read_data(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *from, const char *key,
                            gw_str *ret);

/* The user's token, password, certificate and impersonation; not its exec plugin. */
int gw_kubeconfig_read_user(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *user, gw_kube_access *a);
/* The user's exec plugin, if it has one; a->server and the TLS fields are there already. */
int gw_kubeconfig_read_exec(gw_kubeconfig_loader *l, const gw_kubeconfig_entry *user,
                            const gw_kubeconfig_entry *cluster, gw_kube_access *a);

#endif
