/*
 * Kubernetes objects with their names replaced. Each field that is copied is listed here with what it holds;
 * affinities and everything else that may hold names in places that nobody listed are left out.
 */
#include "base/base.h"
#include "base/number.h"
#include "observe/anonymize_internal.h"

#define SPEC_DEPTH 2 /* a CronJob's spec holds a Job's */

typedef enum holds {
    HOLDS_PLAIN, /* a number, a truth value, a time, one word of Kubernetes' own: stays */
    HOLDS_NAME,
    HOLDS_PROVIDER_ID,
    HOLDS_API_VERSION,
    HOLDS_LABELS,     /* a map of label names to values */
    HOLDS_QUANTITIES, /* a map of resource names to quantities */
    HOLDS_RESOURCES,  /* requests and limits */
    HOLDS_OWNERS,     /* lists of objects: */
    HOLDS_CONTAINERS,
    HOLDS_TAINTS,
    HOLDS_META, /* objects: */
    HOLDS_SPEC,
    HOLDS_STATUS,
    HOLDS_TEMPLATE,
    HOLDS_JOB_TEMPLATE,
    HOLDS_LABEL_NAME, /* of a taint: its value is replaced by that name's rule */
} holds;

typedef struct field {
    const char *key;
    holds what;
} field;

static const field object_fields[] = {{"apiVersion", HOLDS_API_VERSION}, {"kind", HOLDS_PLAIN},
                                      {"metadata", HOLDS_META},          {"spec", HOLDS_SPEC},
                                      {"status", HOLDS_STATUS},          {NULL, HOLDS_PLAIN}};
static const field meta_fields[] = {
    {"name", HOLDS_NAME},     {"namespace", HOLDS_NAME},          {"uid", HOLDS_NAME},
    {"labels", HOLDS_LABELS}, {"creationTimestamp", HOLDS_PLAIN}, {"ownerReferences", HOLDS_OWNERS},
    {NULL, HOLDS_PLAIN}};
static const field owner_fields[] = {
    {"apiVersion", HOLDS_API_VERSION}, {"kind", HOLDS_PLAIN}, {"name", HOLDS_NAME}, {"uid", HOLDS_NAME},
    {"controller", HOLDS_PLAIN},       {NULL, HOLDS_PLAIN}};
static const field spec_fields[] = {{"nodeName", HOLDS_NAME},
                                    {"providerID", HOLDS_PROVIDER_ID},
                                    {"unschedulable", HOLDS_PLAIN},
                                    {"taints", HOLDS_TAINTS},
                                    {"tolerations", HOLDS_TAINTS},
                                    {"nodeSelector", HOLDS_LABELS},
                                    {"containers", HOLDS_CONTAINERS},
                                    {"initContainers", HOLDS_CONTAINERS},
                                    {"overhead", HOLDS_QUANTITIES},
                                    {"resources", HOLDS_RESOURCES},
                                    {"priorityClassName", HOLDS_NAME},
                                    {"schedulerName", HOLDS_NAME},
                                    {"replicas", HOLDS_PLAIN},
                                    {"template", HOLDS_TEMPLATE},
                                    {"jobTemplate", HOLDS_JOB_TEMPLATE},
                                    {NULL, HOLDS_PLAIN}};
static const field container_fields[] = {{"name", HOLDS_NAME},
                                         {"resources", HOLDS_RESOURCES},
                                         {"restartPolicy", HOLDS_PLAIN},
                                         {NULL, HOLDS_PLAIN}};
static const field resources_fields[] = {
    {"requests", HOLDS_QUANTITIES}, {"limits", HOLDS_QUANTITIES}, {NULL, HOLDS_PLAIN}};
static const field taint_fields[] = {{"key", HOLDS_LABEL_NAME},
                                     {"operator", HOLDS_PLAIN},
                                     {"effect", HOLDS_PLAIN},
                                     {"tolerationSeconds", HOLDS_PLAIN},
                                     {NULL, HOLDS_PLAIN}};
static const field status_fields[] = {{"phase", HOLDS_PLAIN},
                                      {"startTime", HOLDS_PLAIN},
                                      {"allocatable", HOLDS_QUANTITIES},
                                      {"capacity", HOLDS_QUANTITIES},
                                      {NULL, HOLDS_PLAIN}};
static const field template_fields[] = {{"metadata", HOLDS_META}, {"spec", HOLDS_SPEC}, {NULL, HOLDS_PLAIN}};

static json_t *copy_value(gw_anon *a, const json_t *v, holds what, int depth);

/* A value that is left out is a JSON null, so that NULL can say that memory is exhausted. */
static json_t *nothing(void)
{
    return json_null();
}

static gw_str text_of(const json_t *v)
{
    return (gw_str){json_string_value(v), json_string_length(v)};
}

static bool put(json_t *to, const char *key, json_t *value)
{
    if (value && json_is_null(value)) {
        json_decref(value);
        return true;
    }
    return value && json_object_set_new(to, key, value) == 0;
}

static json_t *copy_fields(gw_anon *a, const json_t *from, const field *f, int depth)
{
    json_t *to = json_is_object(from) ? json_object() : nothing();
    for (; to && json_is_object(to) && f->key; f++) {
        const json_t *v = json_object_get(from, f->key);
        if (v && !put(to, f->key, copy_value(a, v, f->what, depth))) {
            json_decref(to);
            return NULL;
        }
    }
    return to;
}

/* A taint or toleration: the value goes by the rule of its key, as a label's does. */
static json_t *copy_taint(gw_anon *a, const json_t *from)
{
    json_t *to = copy_fields(a, from, taint_fields, 0);
    const json_t *key = json_object_get(from, "key"), *value = json_object_get(from, "value");
    if (!to || !json_is_object(to) || !json_is_string(key) || !json_is_string(value))
        return to;
    const char *v = gw_anon_label_value(a, text_of(key), text_of(value));
    if (v && json_object_set_new(to, "value", json_string(v)) == 0)
        return to;
    json_decref(to);
    return NULL;
}

static json_t *copy_list(gw_anon *a, const json_t *from, holds what)
{
    json_t *to = json_is_array(from) ? json_array() : nothing();
    for (size_t i = 0; to && i < json_array_size(from); i++) {
        const json_t *v = json_array_get(from, i);
        if (!json_is_object(v))
            continue;
        json_t *copy = what == HOLDS_TAINTS   ? copy_taint(a, v)
                       : what == HOLDS_OWNERS ? copy_fields(a, v, owner_fields, 0)
                                              : copy_fields(a, v, container_fields, 0);
        if (json_array_append_new(to, copy)) {
            json_decref(to);
            return NULL;
        }
    }
    return to;
}

static json_t *copy_labels(gw_anon *a, const json_t *from)
{
    json_t *to = json_is_object(from) ? json_object() : nothing();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)from, name, value)
    {
        if (!to || !json_is_string(value))
            continue;
        const char *n = gw_anon_label_name(a, gw_str_of(name));
        const char *v = gw_anon_label_value(a, gw_str_of(name), text_of(value));
        if (!n || !v || json_object_set_new(to, n, json_string(v))) {
            json_decref(to);
            return NULL;
        }
    }
    return to;
}

/* Resources of vendors are label names in form: "acme.com/fpga" goes the same way. */
static json_t *copy_quantities(gw_anon *a, const json_t *from)
{
    json_t *to = json_is_object(from) ? json_object() : nothing();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)from, name, value)
    {
        int64_t milli;
        bool plain = json_is_number(value) ||
                     (json_is_string(value) && gw_parse_quantity_milli(text_of(value), &milli));
        if (!to || !plain)
            continue;
        const char *n = strchr(name, '/') ? gw_anon_label_name(a, gw_str_of(name)) : name;
        if (!n || json_object_set(to, n, value)) {
            json_decref(to);
            return NULL;
        }
    }
    return to;
}

/* One word or time stays; a text that could be more than that does not. */
static json_t *copy_plain(const json_t *v)
{
    gw_str s = text_of(v);
    bool plain = json_is_boolean(v) || json_is_number(v) || json_is_string(v);
    for (size_t i = 0; i < s.n && json_is_string(v); i++)
        plain &= (s.p[i] >= '0' && s.p[i] <= ':') || (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
                 (s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '-' || s.p[i] == '+' || s.p[i] == '.';
    return plain ? json_incref((json_t *)(uintptr_t)v) : nothing();
}

static json_t *copy_text(const char *s)
{
    return s ? json_string(s) : NULL;
}

/* "apps/v1" stays; the group of a custom kind may name a company. */
static json_t *copy_api_version(gw_anon *a, const json_t *v)
{
    gw_str s = text_of(v);
    const char *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
    if (s.n == 0)
        return nothing();
    if (!slash || !memchr(s.p, '.', (size_t)(slash - s.p)))
        return copy_text(s.p);
    return copy_text(gw_anon_label_name(a, s));
}

static json_t *copy_value(gw_anon *a, const json_t *v, holds what, int depth)
{
    switch (what) {
    case HOLDS_PLAIN:
        return copy_plain(v);
    case HOLDS_NAME:
        return json_is_string(v) ? copy_text(gw_anon_name(a, text_of(v))) : nothing();
    case HOLDS_PROVIDER_ID:
        return json_is_string(v) ? copy_text(gw_anon_provider_id(a, text_of(v))) : nothing();
    case HOLDS_LABEL_NAME:
        return json_is_string(v) ? copy_text(gw_anon_label_name(a, text_of(v))) : nothing();
    case HOLDS_API_VERSION:
        return copy_api_version(a, v);
    case HOLDS_LABELS:
        return copy_labels(a, v);
    case HOLDS_QUANTITIES:
        return copy_quantities(a, v);
    case HOLDS_RESOURCES:
        return copy_fields(a, v, resources_fields, depth);
    case HOLDS_OWNERS:
    case HOLDS_CONTAINERS:
    case HOLDS_TAINTS:
        return copy_list(a, v, what);
    case HOLDS_META:
        return copy_fields(a, v, meta_fields, depth);
    case HOLDS_STATUS:
        return copy_fields(a, v, status_fields, depth);
    case HOLDS_SPEC:
        return depth < SPEC_DEPTH * 2 ? copy_fields(a, v, spec_fields, depth + 1) : nothing();
    case HOLDS_TEMPLATE:
    case HOLDS_JOB_TEMPLATE:
        return copy_fields(a, v, template_fields, depth);
    }
    return nothing();
}

json_t *gw_anon_object(gw_anon *a, const json_t *object)
{
    return copy_fields(a, object, object_fields, 0);
}
