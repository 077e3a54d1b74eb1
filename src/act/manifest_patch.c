/*
 * Patches of workloads: what their pods ask for.
 *
 * The name of the container that asks for the GPU is not known, so a strategic merge, which finds containers
 * by name, is out. A JSON patch (RFC 6902) of the first container is exact and safe instead: it removes or
 * tests what must be there before it adds, so that the server refuses it whole where that container is not
 * the one. Kubernetes wants a GPU in the limits and takes the request to be the same; where a template says
 * it in both, the server refuses the patch of the limits alone, and there is a second file for that.
 *
 * Quantities are tested in the canonical form in which the server holds them.
 */
#include "act/export_internal.h"

#define PATH_MAX_BYTES 256

typedef struct ops {
    gw_doc d;
    gw_buf b;
    const gw_act_kind *info;
} ops;

static void begin_ops(ops *o, const gw_act_kind *info)
{
    o->info = info;
    gw_buf_init(&o->b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&o->d, GW_DOC_YAML, &o->b);
    gw_doc_array(&o->d, NULL);
}

/* A JSON pointer to a resource of the first container; '/' in a key is ~1. */
static void put_op(ops *o, const char *op, const char *where, const char *resource, const char *value)
{
    char path[PATH_MAX_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < GW_COUNT(o->info->template) && o->info->template[i]; i++)
        n += (size_t)snprintf(path + n, sizeof(path) - n, "/%s", o->info->template[i]);
    n += (size_t)snprintf(path + n, sizeof(path) - n, "/spec/containers/0/resources/%s/", where);
    for (const char *p = resource; *p && n + 3 < sizeof(path); p++) {
        if (*p == '/' || *p == '~')
            n += (size_t)snprintf(path + n, sizeof(path) - n, "~%d", *p == '/');
        else
            path[n++] = *p;
    }
    path[n] = '\0';
    gw_doc_object(&o->d, NULL);
    gw_doc_text(&o->d, "op", op);
    gw_doc_text(&o->d, "path", path);
    if (value)
        gw_doc_text(&o->d, "value", value);
    gw_doc_end(&o->d);
}

static int end_ops(gw_act *a, ops *o, const char *path, gw_error *e)
{
    gw_doc_end(&o->d);
    int rc = gw_doc_finish(&o->d, e);
    if (rc == 0)
        rc = path ? gw_act_add(a, path, &o->b, e) : gw_fail_memory(e);
    gw_buf_free(&o->b);
    return rc;
}

/* ---- GPUs ---- */

static const gw_act_request *find_request(const gw_act_ask *a, const char *resource)
{
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->items[i].resource, resource) == 0)
            return &a->items[i];
    }
    return NULL;
}

static void put_requests(ops *o, const char *where, const gw_act_ask *was, const gw_act_ask *to)
{
    char n[24];
    for (size_t i = 0; i < was->n; i++) {
        const gw_act_request *r = &was->items[i], *stays = find_request(to, r->resource);
        snprintf(n, sizeof(n), "%" PRId64, r->n);
        if (r->n > 1 || stays) /* all of the pod's, so none is in another container */
            put_op(o, "test", where, r->resource, n);
        if (!stays)
            put_op(o, "remove", where, r->resource, NULL);
    }
    for (size_t i = 0; i < to->n; i++) {
        const gw_act_request *r = &to->items[i], *had = find_request(was, r->resource);
        snprintf(n, sizeof(n), "%" PRId64, r->n);
        if (!had || had->n != r->n)
            put_op(o, had ? "replace" : "add", where, r->resource, n);
    }
}

static int write_ask(gw_act *a, const char *path, const gw_act_kind *info, const gw_act_ask *was,
                     const gw_act_ask *to, bool requests, gw_error *e)
{
    ops o;
    begin_ops(&o, info);
    put_requests(&o, "limits", was, to);
    if (requests)
        put_requests(&o, "requests", was, to);
    return end_ops(a, &o, path, e);
}

static int write_asks(gw_act *a, gw_act_target *t, gw_error *e)
{
    for (int requests = 0; requests < 2; requests++) {
        const char *path = requests ? gw_arena_printf(a->arena, "workloads/%s.requests.yaml", t->stem)
                                    : gw_arena_printf(a->arena, "workloads/%s.yaml", t->stem);
        const char *back = path ? gw_arena_printf(a->arena, "back/%s", path) : NULL;
        int rc = write_ask(a, path, t->info, &t->was, &t->to, requests, e);
        if (rc == 0)
            rc = write_ask(a, back, t->info, &t->to, &t->was, requests, e);
        if (rc)
            return rc;
        *(requests ? &t->ask_requests_patch : &t->ask_patch) = path;
    }
    return 0;
}

/* ---- CPU, memory, ephemeral storage ---- */

/* As the server writes it: the largest unit in which it is whole. */
static const char *cpu_text(int64_t milli, char out[32])
{
    if (milli % 1000)
        snprintf(out, 32, "%" PRId64 "m", milli);
    else
        snprintf(out, 32, "%" PRId64, milli / 1000);
    return out;
}

static const char *mib_text(int64_t mib, char out[32])
{
    static const char *const unit[] = {"Mi", "Gi", "Ti", "Pi"};
    size_t u = 0;
    for (; mib && mib % 1024 == 0 && u + 1 < GW_COUNT(unit); u++)
        mib /= 1024;
    if (mib)
        snprintf(out, 32, "%" PRId64 "%s", mib, unit[u]);
    else
        snprintf(out, 32, "0");
    return out;
}

/* Testing for the whole pod's request proves that the first container has all of it. */
static void put_size(ops *o, const char *resource, const int64_t pair[2], bool back,
                     const char *(*text_of)(int64_t, char[32]))
{
    int64_t was = pair[back], to = pair[!back];
    char text[32];
    if (was == to)
        return;
    if (was != GW_UNKNOWN_COUNT) {
        put_op(o, "test", "requests", resource, text_of(was, text));
        put_op(o, to == GW_UNKNOWN_COUNT ? "remove" : "replace", "requests", resource,
               to == GW_UNKNOWN_COUNT ? NULL : text_of(to, text));
    } else {
        put_op(o, "add", "requests", resource, text_of(to, text));
    }
}

static int write_size(gw_act *a, gw_act_target *t, bool back, gw_error *e)
{
    const gw_resize *z = t->resize;
    ops o;
    const char *path = gw_arena_printf(a->arena, "%sworkloads/%s.size.yaml", back ? "back/" : "", t->stem);
    begin_ops(&o, t->info);
    put_size(&o, "cpu", z->cpu_milli, back, cpu_text);
    put_size(&o, "memory", z->memory_mib, back, mib_text);
    put_size(&o, "ephemeral-storage", z->ephemeral_mib, back, mib_text);
    if (!back)
        t->size_patch = path;
    return end_ops(a, &o, path, e);
}

static bool is_resized(const gw_resize *z)
{
    return z->cpu_milli[0] != z->cpu_milli[1] || z->memory_mib[0] != z->memory_mib[1] ||
           z->ephemeral_mib[0] != z->ephemeral_mib[1];
}

/* ---- the Component ---- */

/* kustomize takes the name as a regular expression, anchored at both ends. */
static const char *name_pattern(gw_arena *arena, const char *name)
{
    gw_buf b;
    gw_buf_init(&b, 4096);
    for (const char *p = name; *p; p++) {
        if (strchr("\\.+*?()|[]{}^$", *p))
            gw_buf_putc(&b, '\\');
        gw_buf_putc(&b, *p);
    }
    const char *text = b.failed ? NULL : gw_arena_strndup(arena, b.data ? b.data : "", b.len);
    gw_buf_free(&b);
    return text;
}

static int put_component_patch(gw_act *a, gw_doc *d, const gw_act_target *t, const char *path, gw_error *e)
{
    const char *name = path ? name_pattern(a->arena, t->name) : NULL;
    const char *ns = name ? name_pattern(a->arena, t->ns) : NULL;
    if (!path)
        return 0;
    if (!ns)
        return gw_fail_memory(e);
    gw_doc_object(d, NULL);
    gw_doc_text(d, "path", path + strlen("workloads/"));
    gw_doc_object(d, "target");
    if (*t->info->group)
        gw_doc_text(d, "group", t->info->group);
    gw_doc_text(d, "version", t->info->version);
    gw_doc_text(d, "kind", t->info->kind);
    gw_doc_text(d, "name", name);
    gw_doc_text(d, "namespace", ns);
    gw_doc_end(d);
    gw_doc_end(d);
    return 0;
}

/* For kustomizations that hold the workloads: `components: [.../workloads]`. A Component may patch what it
 * does not bring. */
static int write_component(gw_act *a, gw_error *e)
{
    gw_buf b;
    gw_doc d;
    int rc = 0;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "kustomize.config.k8s.io/v1alpha1");
    gw_doc_text(&d, "kind", "Component");
    gw_doc_array(&d, "patches");
    for (size_t i = 0; rc == 0 && i < a->n_targets; i++) {
        const gw_act_target *t = &a->targets[i];
        const char *const paths[] = {t->note_patch, t->ask_patch, t->size_patch};
        for (size_t k = 0; rc == 0 && k < GW_COUNT(paths); k++)
            rc = put_component_patch(a, &d, t, paths[k], e);
    }
    gw_doc_end(&d);
    gw_doc_end(&d);
    if (rc == 0)
        rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = gw_act_add(a, "workloads/kustomization.yaml", &b, e);
    gw_buf_free(&b);
    return rc;
}

int gw_act_write_patches(gw_act *a, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n_targets; i++) {
        gw_act_target *t = &a->targets[i];
        if (!t->info || !t->info->template[0])
            continue;
        if (t->reseats && !t->differ && !t->to.impossible) {
            if (t->was.n || t->to.n)
                rc = write_asks(a, t, e);
            if (rc == 0)
                rc = gw_act_write_kai(a, t, e);
        }
        if (rc == 0 && t->resize && is_resized(t->resize)) {
            rc = write_size(a, t, false, e);
            if (rc == 0)
                rc = write_size(a, t, true, e);
        }
    }
    return rc == 0 && gw_act_has(a, "workloads/") ? write_component(a, e) : rc;
}
