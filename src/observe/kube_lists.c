/* The lists that are read, page by page, and their way into the fleet. */
#include "net/url.h"
#include "observe/kubernetes_internal.h"

const gw_kube_list gw_kube_lists[] = {
    {.group = "", .version = "v1", .resource = "nodes", .kind = "Node", .set = "nodes", .required = true},
    {.group = "",
     .version = "v1",
     .resource = "pods",
     .kind = "Pod",
     .set = "pods",
     .namespaced = true,
     .required = true},
    {.group = "", .version = "v1", .resource = "namespaces", .kind = "Namespace", .set = "namespaces"},
    {.group = "apps",
     .version = "v1",
     .resource = "replicasets",
     .kind = "ReplicaSet",
     .set = "workloads",
     .namespaced = true},
    {.group = "apps",
     .version = "v1",
     .resource = "deployments",
     .kind = "Deployment",
     .set = "workloads",
     .namespaced = true},
    {.group = "apps",
     .version = "v1",
     .resource = "statefulsets",
     .kind = "StatefulSet",
     .set = "workloads",
     .namespaced = true},
    {.group = "apps",
     .version = "v1",
     .resource = "daemonsets",
     .kind = "DaemonSet",
     .set = "workloads",
     .namespaced = true},
    {.group = "batch",
     .version = "v1",
     .resource = "jobs",
     .kind = "Job",
     .set = "workloads",
     .namespaced = true},
    {.group = "batch",
     .version = "v1",
     .older = "v1beta1",
     .resource = "cronjobs",
     .kind = "CronJob",
     .set = "workloads",
     .namespaced = true},
    {.group = "argoproj.io",
     .version = "v1alpha1",
     .resource = "rollouts",
     .kind = "Rollout",
     .set = "workloads",
     .namespaced = true,
     .may_lack = true},
    {.group = "policy",
     .version = "v1",
     .older = "v1beta1",
     .resource = "poddisruptionbudgets",
     .kind = "PodDisruptionBudget",
     .set = "poddisruptionbudgets",
     .namespaced = true,
     .rules = true},
    {.group = "",
     .version = "v1",
     .resource = "persistentvolumes",
     .kind = "PersistentVolume",
     .set = "persistentvolumes",
     .rules = true},
    {.group = "",
     .version = "v1",
     .resource = "persistentvolumeclaims",
     .kind = "PersistentVolumeClaim",
     .set = "persistentvolumeclaims",
     .namespaced = true,
     .rules = true},
    {.resource = NULL},
};

/* ---- pages ---- */

void gw_kube_path(gw_buf *b, const char *group, const char *version, const char *ns, const char *resource)
{
    gw_buf_puts(b, *group ? "/apis/" : "/api/");
    if (*group) {
        gw_url_escape(b, gw_str_of(group));
        gw_buf_putc(b, '/');
    }
    gw_url_escape(b, gw_str_of(version));
    if (ns && *ns) {
        gw_buf_puts(b, "/namespaces/");
        gw_url_escape(b, gw_str_of(ns));
    }
    if (resource) {
        gw_buf_putc(b, '/');
        gw_url_escape(b, gw_str_of(resource));
    }
}

static int get_page(gw_kube *k, const gw_kube_list *list, const char *token, json_t **ret, int *status,
                    gw_error *e)
{
    gw_buf path;
    char limit[16];
    snprintf(limit, sizeof(limit), "%d", k->page_items);
    gw_buf_init(&path, 16384);
    gw_kube_path(&path, list->group, list->version, list->namespaced ? k->ns : NULL, list->resource);
    gw_url_query(&path, "limit", gw_str_of(limit));
    if (token)
        gw_url_query(&path, "continue", gw_str_of(token));
    int r = gw_buf_check(&path, "the path of a Kubernetes list", e);
    if (!r)
        r = gw_kube_get(k, path.data, ret, status, e);
    gw_buf_free(&path);
    return r;
}

/* Takes the continue token out of a page: NULL after the last one. Free with gw_free. */
static int next_token(const json_t *page, char **token, gw_error *e)
{
    const char *next = json_string_value(json_object_get(json_object_get(page, "metadata"), "continue"));
    gw_free(*token);
    *token = next && *next ? gw_strdup(next) : NULL;
    return next && *next && !*token ? gw_fail_memory(e) : 0;
}

static int read_pages(gw_kube *k, const gw_kube_list *list, const gw_kube_sink *sink, int *status,
                      gw_error *e)
{
    char *token = NULL;
    int r = 0, restarts = 0, pages = 0;
    do {
        json_t *page = NULL;
        r = get_page(k, list, token, &page, status, e);
        if (r && *status == 410 && token && restarts++ < GW_KUBE_MAX_RESTARTS) {
            gw_free(token); /* the server has forgotten the state that the pages were cut from */
            token = NULL;
            pages = 0;
            if (sink->restart)
                sink->restart(sink->ctx);
            r = 0;
            *status = 410;
            continue;
        }
        if (!r)
            r = next_token(page, &token, e);
        if (!r && (r = sink->page(sink->ctx, list, page, e)) == GW_ECORRUPT)
            gw_error_prefix(e, "Kubernetes API, list of %s", list->resource);
        json_decref(page);
        if (!r && token && ++pages == GW_KUBE_MAX_PAGES)
            r = gw_fail(e, GW_ELIMIT,
                        "the list of %s has no end: %d pages; --no-kubernetes leaves the API out",
                        list->resource, pages);
    } while (!r && (token || *status == 410));
    gw_free(token);
    return r;
}

static int fail_forbidden(const gw_kube *k, const gw_kube_list *list, gw_error *e)
{
    bool narrow = list->namespaced && k->ns;
    return gw_fail(e, GW_EAUTH,
                   "user \"%.80s\" may not list %s%s%.63s; have this rule added to %s that is bound to it: "
                   "{apiGroups: [\"%s\"], resources: [\"%s\"], verbs: [\"list\"]}",
                   k->access.user ? k->access.user : "", list->resource, narrow ? " in namespace " : "",
                   narrow ? k->ns : "", narrow ? "a Role" : "a ClusterRole", list->group, list->resource);
}

static void list_name(const gw_kube_list *list, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", list->resource, *list->group ? "." : "", list->group);
}

int gw_kube_read_list(gw_kube *k, const gw_kube_list *list, const gw_kube_sink *sink, bool *ret_seen,
                      gw_error *e)
{
    char name[256];
    int status = 0;
    *ret_seen = false;
    int r = read_pages(k, list, sink, &status, e);
    if (r && status == 404 && list->older) {
        gw_kube_list older = *list;
        older.version = list->older;
        older.older = NULL;
        return gw_kube_read_list(k, &older, sink, ret_seen, e);
    }
    *ret_seen = r == 0;
    if (!r || (status != 403 && status != 404) || (status == 404 && list->required))
        return r;
    if (status == 403 && list->required)
        return fail_forbidden(k, list, e);
    list_name(list, name, sizeof(name));
    if (status == 403)
        gw_kube_note_missing(k, name, "forbidden");
    else if (!list->may_lack)
        gw_kube_note_missing(k, name, "not served");
    return 0;
}

/* ---- into the fleet ---- */

typedef struct fleet_sink {
    gw_fleet *fleet;
    gw_kube_owners *owners;
} fleet_sink;

static int page_to_fleet(void *ctx, const gw_kube_list *list, json_t *page, gw_error *e)
{
    fleet_sink *s = ctx;
    int r = gw_kube_add_list(s->fleet, page, list->kind, e);
    return r || list->rules ? r : gw_kube_owners_note(s->owners, page, e);
}

static void whole_in_fleet(void *ctx, const gw_kube_list *list)
{
    gw_kube_note_known(((fleet_sink *)ctx)->fleet, list->set);
}

/* With one namespace only, its own object is all that is wanted, and the list may be forbidden. */
static int read_one_namespace(gw_kube *k, const gw_kube_list *list, const gw_kube_sink *sink, gw_error *e)
{
    gw_buf path;
    int status = 0;
    json_t *object = NULL;
    gw_buf_init(&path, 4096);
    gw_kube_path(&path, "", "v1", k->ns, NULL);
    int r = gw_buf_check(&path, "the path of a namespace", e);
    if (!r)
        r = gw_kube_get(k, path.data, &object, &status, e);
    gw_buf_free(&path);
    if (r && (status == 403 || status == 404)) {
        gw_kube_note_missing(k, "namespaces", status == 403 ? "forbidden" : "there is no such namespace");
        return 0;
    }
    if (!r)
        r = sink->page(sink->ctx, list, object, e);
    json_decref(object);
    return r;
}

static int read_lists(gw_kube *k, const gw_kube_sink *sink, bool rules, gw_error *e)
{
    int r = 0;
    for (const gw_kube_list *l = gw_kube_lists; l->resource && !r; l++) {
        bool seen = false;
        if (l->rules != rules)
            continue;
        if (k->ns && strcmp(l->resource, "namespaces") == 0)
            r = read_one_namespace(k, l, sink, e);
        else
            r = gw_kube_read_list(k, l, sink, &seen, e);
        if (!r && seen && sink->whole)
            sink->whole(sink->ctx, l);
    }
    return r;
}

/* Owners follow the lists at once: in a recording they are of the same set as the last of these. */
int gw_kube_read_everything(gw_kube *k, const gw_kube_sink *sink, gw_kube_owners *owners, gw_error *e)
{
    int r = read_lists(k, sink, false, e);
    if (!r)
        r = gw_kube_owners_fetch(owners, sink, e);
    return r || !k->rules ? r : read_lists(k, sink, true, e);
}

int gw_kube_objects(gw_kube *k, gw_fleet *fleet, const char **ret_missing, gw_error *e)
{
    fleet_sink s = {.fleet = fleet, .owners = gw_kube_owners_new(k)};
    gw_kube_sink sink = {.ctx = &s, .page = page_to_fleet, .whole = whole_in_fleet};
    gw_buf_clear(&k->missing);
    int r = s.owners ? gw_kube_read_everything(k, &sink, s.owners, e) : gw_fail_memory(e);
    gw_kube_owners_free(s.owners);
    if (!r && ret_missing)
        *ret_missing = gw_kube_missing(k);
    return r;
}
