/* The lists as a recording holds them. */
#include "observe/kube_slim.h"
#include "observe/kubernetes_internal.h"

#define MAX_EXPORT_ITEMS GW_FLEET_MAX_PODS

typedef struct export_sink {
    gw_kube_owners *owners;
    int (*write)(void *ctx, const char *name, json_t *list, gw_error *e);
    void *write_ctx;
    const char *set; /* whose items are being gathered */
    json_t *items;
    size_t list_start; /* how many there were when the current list started */
    const gw_kube_list *list;
} export_sink;

static int write_set(export_sink *s, gw_error *e)
{
    if (!s->set)
        return 0;
    json_t *list = json_object();
    if (!list || json_object_set_new(list, "apiVersion", json_string("v1")) ||
        json_object_set_new(list, "kind", json_string("List")) || json_object_set(list, "items", s->items)) {
        json_decref(list);
        return gw_fail_memory(e);
    }
    int r = s->write(s->write_ctx, s->set, list, e);
    json_decref(list);
    json_decref(s->items);
    s->items = NULL;
    s->set = NULL;
    return r;
}

static int begin_set(export_sink *s, const char *set, gw_error *e)
{
    if (gw_eq(s->set, set))
        return 0;
    int r = write_set(s, e);
    if (r)
        return r;
    s->items = json_array();
    s->set = set;
    return s->items ? 0 : gw_fail_memory(e);
}

static int append_slim(export_sink *s, const gw_kube_list *list, const json_t *object, gw_error *e)
{
    char version[320];
    snprintf(version, sizeof(version), "%s%s%s", list->group, *list->group ? "/" : "", list->version);
    if (json_array_size(s->items) >= MAX_EXPORT_ITEMS)
        return gw_fail(e, GW_ELIMIT, "more than %d %s; narrow the recording with --namespace",
                       MAX_EXPORT_ITEMS, list->set);
    return json_array_append_new(s->items, gw_kube_slim(object, version, list->kind)) ? gw_fail_memory(e) : 0;
}

static int page_to_export(void *ctx, const gw_kube_list *list, json_t *page, gw_error *e)
{
    export_sink *s = ctx;
    int r = begin_set(s, list->set, e);
    if (r)
        return r;
    if (s->list != list) {
        s->list = list;
        s->list_start = json_array_size(s->items);
    }
    const json_t *items = json_object_get(page, "items");
    if (!items)
        r = append_slim(s, list, page, e);
    for (size_t i = 0; i < json_array_size(items) && !r; i++)
        r = append_slim(s, list, json_array_get(items, i), e);
    return r || list->rules ? r : gw_kube_owners_note(s->owners, page, e);
}

static void restart_export(void *ctx)
{
    export_sink *s = ctx;
    while (s->items && json_array_size(s->items) > s->list_start)
        json_array_remove(s->items, json_array_size(s->items) - 1);
}

int gw_kube_export(gw_kube *k, int (*write)(void *ctx, const char *name, json_t *list, gw_error *e),
                   void *ctx, gw_error *e)
{
    export_sink s = {.owners = gw_kube_owners_new(k), .write = write, .write_ctx = ctx};
    gw_kube_sink sink = {.ctx = &s, .page = page_to_export, .restart = restart_export};
    gw_buf_clear(&k->missing);
    int r = s.owners ? gw_kube_read_everything(k, &sink, s.owners, e) : gw_fail_memory(e);
    if (!r)
        r = write_set(&s, e);
    json_decref(s.items);
    gw_kube_owners_free(s.owners);
    return r;
}
