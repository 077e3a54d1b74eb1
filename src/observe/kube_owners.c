/*
 * Owners of kinds that are not listed anyway: found by their apiVersion through API discovery, level by
 * level. A kind of which many objects are wanted is listed; of few, each is got by name.
 */
#include "base/map.h"
#include "net/url.h"
#include "observe/kubernetes_internal.h"

#define MAX_KINDS        64
#define MAX_GETS         200 /* of one kind on one level */
#define LIST_RATHER_THAN 20  /* gets of a namespaced kind */
#define MAX_NAME         253 /* of anything in Kubernetes */

/* An object that owns something. */
typedef struct wanted {
    const char *ns, *name;
    uint32_t kind; /* index into kinds */
} wanted;

typedef struct owner_kind {
    const char *api_version;
    gw_kube_list list;
    bool usable;  /* discovery has found its resource */
    bool refused; /* noted as missing: not asked again */
    bool listed;
} owner_kind;

struct gw_kube_owners {
    gw_kube *k;
    gw_arena texts;
    gw_map seen; /* wanted objects */
    wanted *wanted;
    size_t n, cap, done;
    owner_kind kinds[MAX_KINDS];
    uint32_t n_kinds;
    bool full; /* a bound was reached, and noted */
};

gw_kube_owners *gw_kube_owners_new(gw_kube *k)
{
    gw_kube_owners *o = gw_calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    o->k = k;
    gw_arena_init(&o->texts, 0);
    gw_map_init(&o->seen);
    return o;
}

void gw_kube_owners_free(gw_kube_owners *o)
{
    if (!o)
        return;
    gw_map_free(&o->seen);
    gw_arena_free(&o->texts);
    gw_free(o->wanted);
    gw_free(o);
}

/* ---- noting ---- */

static bool is_listed(const char *group, size_t n_group, const char *kind)
{
    if (n_group == 0 && strcmp(kind, "Node") == 0) /* owns static pods */
        return true;
    for (const gw_kube_list *l = gw_kube_lists; l->resource; l++)
        if (strlen(l->group) == n_group && memcmp(l->group, group, n_group) == 0 &&
            strcmp(l->kind, kind) == 0)
            return true;
    return false;
}

static void note_full(gw_kube_owners *o, const char *what)
{
    if (!o->full)
        gw_kube_note_missing(o->k, "owners of other kinds", what);
    o->full = true;
}

/* The kind's index, added where it is new; GW_NONE beyond the bound. */
static int find_kind(gw_kube_owners *o, const gw_kube_ref *ref, size_t n_group, uint32_t *ret)
{
    for (*ret = 0; *ret < o->n_kinds; ++*ret)
        if (strcmp(o->kinds[*ret].api_version, ref->api_version) == 0 &&
            strcmp(o->kinds[*ret].list.kind, ref->kind) == 0)
            return 0;
    if (o->n_kinds == MAX_KINDS) {
        note_full(o, "too many kinds");
        *ret = GW_NONE;
        return 0;
    }
    const char *version = ref->api_version + (n_group ? n_group + 1 : 0);
    owner_kind k = {
        .api_version = gw_arena_strdup(&o->texts, ref->api_version),
        .list = {.group = gw_arena_strndup(&o->texts, ref->api_version, n_group),
                 .version = gw_arena_strdup(&o->texts, version),
                 .kind = gw_arena_strdup(&o->texts, ref->kind),
                 .set = "workloads",
                 .may_lack = true},
    };
    if (!k.api_version || !k.list.group || !k.list.version || !k.list.kind)
        return GW_ENOMEM;
    o->kinds[o->n_kinds++] = k;
    return 0;
}

static int want(gw_kube_owners *o, const char *ns, const char *name, uint32_t kind)
{
    char key[4 * MAX_NAME];
    int n = snprintf(key, sizeof(key), "%" PRIu32 "/%s/%s", kind, ns, name);
    if (n < 0 || (size_t)n >= sizeof(key))
        return 0;
    gw_str k = {key, (size_t)n};
    if (gw_map_get(&o->seen, k) != GW_NONE)
        return 0;
    void *p = o->wanted;
    int r = gw_grow(&p, &o->cap, o->n + 1, sizeof(*o->wanted), GW_KUBE_MAX_OWNERS);
    o->wanted = p;
    if (r == GW_ELIMIT) {
        note_full(o, "too many");
        return 0;
    }
    wanted w = {.ns = gw_arena_strdup(&o->texts, ns), .name = gw_arena_strdup(&o->texts, name), .kind = kind};
    if (r || !w.ns || !w.name || gw_map_set(&o->seen, k, 1))
        return GW_ENOMEM;
    o->wanted[o->n++] = w;
    return 0;
}

static int note_object(gw_kube_owners *o, const json_t *object)
{
    gw_kube_ref ref;
    if (!gw_kube_controller(object, &ref) || !ref.api_version || strlen(ref.api_version) > MAX_NAME ||
        strlen(ref.kind) > MAX_NAME || strlen(ref.name) > MAX_NAME)
        return 0;
    const char *slash = strchr(ref.api_version, '/');
    size_t n_group = slash ? (size_t)(slash - ref.api_version) : 0;
    if (is_listed(ref.api_version, n_group, ref.kind))
        return 0;
    const char *ns = json_string_value(json_object_get(json_object_get(object, "metadata"), "namespace"));
    uint32_t kind;
    int r = find_kind(o, &ref, n_group, &kind);
    return r || kind == GW_NONE ? r : want(o, ns ? ns : "", ref.name, kind);
}

int gw_kube_owners_note(gw_kube_owners *o, const json_t *page, gw_error *e)
{
    const json_t *items = json_object_get(page, "items");
    int r = items ? 0 : note_object(o, page);
    for (size_t i = 0; i < json_array_size(items) && !r; i++)
        r = note_object(o, json_array_get(items, i));
    return r ? gw_fail_memory(e) : 0;
}

/* ---- fetching ---- */

static void kind_name(const owner_kind *k, char *out, size_t size)
{
    snprintf(out, size, "%s of %s", k->list.kind, k->api_version);
}

static void refuse(gw_kube_owners *o, owner_kind *k, const char *why)
{
    char name[3 * MAX_NAME];
    kind_name(k, name, sizeof(name));
    if (!k->refused)
        gw_kube_note_missing(o->k, name, why);
    k->refused = true;
}

/* Picks the resource of the kind out of an APIResourceList; subresources ("pods/status") do not count. */
static int take_resource(gw_kube_owners *o, owner_kind *k, const json_t *reply)
{
    const json_t *list = json_object_get(reply, "resources");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *kind = json_string_value(json_object_get(item, "kind"));
        if (!name || !gw_eq(kind, k->list.kind) || strchr(name, '/') || strlen(name) > MAX_NAME)
            continue;
        k->list.resource = gw_arena_strdup(&o->texts, name);
        k->list.namespaced = json_is_true(json_object_get(item, "namespaced"));
        k->usable = k->list.resource != NULL;
        return k->usable ? 0 : GW_ENOMEM;
    }
    refuse(o, k, "not served");
    return 0;
}

static int discover(gw_kube_owners *o, owner_kind *k, gw_error *e)
{
    gw_buf path;
    int status = 0;
    json_t *reply = NULL;
    if (k->usable || k->refused)
        return 0;
    gw_buf_init(&path, 4096);
    gw_kube_path(&path, k->list.group, k->list.version, NULL, NULL);
    int r = gw_buf_check(&path, "the path of an API group", e);
    if (!r)
        r = gw_kube_get(o->k, path.data, &reply, &status, e);
    gw_buf_free(&path);
    if (r && (status == 403 || status == 404)) {
        refuse(o, k, status == 403 ? "forbidden" : "not served");
        return 0;
    }
    if (!r && take_resource(o, k, reply))
        r = gw_fail_memory(e);
    json_decref(reply);
    return r;
}

static int get_one(gw_kube_owners *o, owner_kind *k, const wanted *w, const gw_kube_sink *sink, gw_error *e)
{
    gw_buf path;
    int status = 0;
    json_t *object = NULL;
    gw_buf_init(&path, 8192);
    gw_kube_path(&path, k->list.group, k->list.version, k->list.namespaced ? w->ns : NULL, k->list.resource);
    gw_buf_putc(&path, '/');
    gw_url_escape(&path, gw_str_of(w->name));
    int r = gw_buf_check(&path, "the path of an owner", e);
    if (!r)
        r = gw_kube_get(o->k, path.data, &object, &status, e);
    gw_buf_free(&path);
    if (r && status == 404)
        return 0; /* it is gone, and what it owned will follow */
    if (r && status == 403) {
        refuse(o, k, "forbidden");
        return 0;
    }
    /* the fleet looks owners up in the namespace of what they own */
    json_t *meta = json_object_get(object, "metadata");
    if (!r && *w->ns && !k->list.namespaced && json_object_set_new(meta, "namespace", json_string(w->ns)))
        r = gw_fail(e, GW_ECORRUPT, "%s \"%.80s\" has no metadata", k->list.kind, w->name);
    if (!r)
        r = sink->page(sink->ctx, &k->list, object, e);
    json_decref(object);
    return r;
}

static size_t count_of(const gw_kube_owners *o, size_t from, size_t to, uint32_t kind)
{
    size_t n = 0;
    for (size_t i = from; i < to; i++)
        n += o->wanted[i].kind == kind;
    return n;
}

static int fetch_kind(gw_kube_owners *o, uint32_t kind, size_t from, size_t to, const gw_kube_sink *sink,
                      gw_error *e)
{
    owner_kind *k = &o->kinds[kind];
    size_t n = count_of(o, from, to, kind), asked = 0;
    if (n == 0 || k->listed)
        return 0;
    int r = discover(o, k, e);
    if (r || !k->usable)
        return r;
    if (k->list.namespaced && n > LIST_RATHER_THAN) {
        k->listed = true;
        return gw_kube_read_list(o->k, &k->list, sink, &k->usable, e);
    }
    for (size_t i = from; i < to && !r && !k->refused; i++) {
        if (o->wanted[i].kind != kind)
            continue;
        if (++asked > MAX_GETS) {
            note_full(o, "too many of one kind without a namespace");
            return 0;
        }
        wanted w = o->wanted[i]; /* the array may grow meanwhile */
        r = get_one(o, k, &w, sink, e);
    }
    return r;
}

int gw_kube_owners_fetch(gw_kube_owners *o, const gw_kube_sink *sink, gw_error *e)
{
    int r = 0;
    for (int depth = 0; depth < GW_KUBE_MAX_DEPTH && o->done < o->n && !r; depth++) {
        size_t from = o->done, to = o->n;
        uint32_t n_kinds = o->n_kinds;
        for (uint32_t kind = 0; kind < n_kinds && !r; kind++)
            r = fetch_kind(o, kind, from, to, sink, e);
        o->done = to;
    }
    if (!r && o->done < o->n)
        note_full(o, "nested too deep");
    return r;
}
