/*
 * Kubernetes objects with their names replaced. Each field that is copied is listed here with what it holds;
 * everything else, which may hold names in places that nobody listed, is left out.
 *
 * What refers to a label (a selector, a taint, a spread) is replaced by the rules of that label, so that it
 * still matches what it matched, and nothing else.
 */
#include "base/buf.h"
#include "base/number.h"
#include "base/time.h"
#include "observe/anonymize_internal.h"
#include "observe/kube_rules.h"

#define SPEC_DEPTH 2 /* a CronJob's spec holds a Job's */

typedef enum holds {
    HOLDS_PLAIN, /* a number, a truth value, a time, one word of Kubernetes' own: stays */
    HOLDS_NAME,
    HOLDS_PROVIDER_ID,
    HOLDS_API_VERSION,
    HOLDS_SCHEDULER,
    HOLDS_AMOUNT,      /* a number or a percentage */
    HOLDS_MARK,        /* an object that matters by being there: {} */
    HOLDS_LABEL_NAME,  /* of a taint or topology */
    HOLDS_LABELS,      /* a map of label names to values */
    HOLDS_ANNOTATIONS, /* a map of those that are read */
    HOLDS_QUANTITIES,  /* a map of resource names to quantities */
    HOLDS_WORDS,       /* lists: of plain words, */
    HOLDS_NAMES,
    HOLDS_LABEL_NAMES,
    HOLDS_TAINTS, /* of taints or tolerations: the value goes by the key */
    HOLDS_REQUIREMENTS,
    HOLDS_VOLUMES,
    HOLDS_LIST,   /* of objects with the fields that `sub` lists */
    HOLDS_OBJECT, /* such an object */
    HOLDS_SPEC,   /* objects that hold one another: */
    HOLDS_TEMPLATE,
} holds;

typedef struct field {
    const char *key;
    holds what;
    const struct field *sub;
} field;

#define END                                                                                                  \
    {                                                                                                        \
        NULL, HOLDS_PLAIN, NULL                                                                              \
    }

static const field owner_fields[] = {{"apiVersion", HOLDS_API_VERSION, NULL},
                                     {"kind", HOLDS_PLAIN, NULL},
                                     {"name", HOLDS_NAME, NULL},
                                     {"uid", HOLDS_NAME, NULL},
                                     {"controller", HOLDS_PLAIN, NULL},
                                     END};
static const field meta_fields[] = {{"name", HOLDS_NAME, NULL},
                                    {"namespace", HOLDS_NAME, NULL},
                                    {"uid", HOLDS_NAME, NULL},
                                    {"labels", HOLDS_LABELS, NULL},
                                    {"annotations", HOLDS_ANNOTATIONS, NULL},
                                    {"creationTimestamp", HOLDS_PLAIN, NULL},
                                    {"generation", HOLDS_PLAIN, NULL},
                                    {"ownerReferences", HOLDS_LIST, owner_fields},
                                    END};
static const field resources_fields[] = {
    {"requests", HOLDS_QUANTITIES, NULL}, {"limits", HOLDS_QUANTITIES, NULL}, END};
static const field port_fields[] = {{"hostPort", HOLDS_PLAIN, NULL}, {"protocol", HOLDS_PLAIN, NULL}, END};
static const field container_fields[] = {{"name", HOLDS_NAME, NULL},
                                         {"resources", HOLDS_OBJECT, resources_fields},
                                         {"restartPolicy", HOLDS_PLAIN, NULL},
                                         {"ports", HOLDS_LIST, port_fields},
                                         END};
static const field name_fields[] = {{"name", HOLDS_NAME, NULL}, END};
static const field node_term_fields[] = {
    {"matchExpressions", HOLDS_REQUIREMENTS, NULL}, {"matchFields", HOLDS_REQUIREMENTS, NULL}, END};
static const field node_selector_fields[] = {{"nodeSelectorTerms", HOLDS_LIST, node_term_fields}, END};
static const field selector_fields[] = {
    {"matchLabels", HOLDS_LABELS, NULL}, {"matchExpressions", HOLDS_REQUIREMENTS, NULL}, END};
static const field pod_term_fields[] = {{"labelSelector", HOLDS_OBJECT, selector_fields},
                                        {"topologyKey", HOLDS_LABEL_NAME, NULL},
                                        {"namespaces", HOLDS_NAMES, NULL},
                                        {"namespaceSelector", HOLDS_OBJECT, selector_fields},
                                        END};
#define REQUIRED "requiredDuringSchedulingIgnoredDuringExecution"
static const field node_affinity_fields[] = {{REQUIRED, HOLDS_OBJECT, node_selector_fields}, END};
static const field pod_affinity_fields[] = {{REQUIRED, HOLDS_LIST, pod_term_fields}, END};
static const field affinity_fields[] = {{"nodeAffinity", HOLDS_OBJECT, node_affinity_fields},
                                        {"podAffinity", HOLDS_OBJECT, pod_affinity_fields},
                                        {"podAntiAffinity", HOLDS_OBJECT, pod_affinity_fields},
                                        END};
static const field spread_fields[] = {{"maxSkew", HOLDS_PLAIN, NULL},
                                      {"minDomains", HOLDS_PLAIN, NULL},
                                      {"topologyKey", HOLDS_LABEL_NAME, NULL},
                                      {"whenUnsatisfiable", HOLDS_PLAIN, NULL},
                                      {"labelSelector", HOLDS_OBJECT, selector_fields},
                                      {"matchLabelKeys", HOLDS_LABEL_NAMES, NULL},
                                      {"nodeAffinityPolicy", HOLDS_PLAIN, NULL},
                                      {"nodeTaintsPolicy", HOLDS_PLAIN, NULL},
                                      END};
static const field volume_affinity_fields[] = {{"required", HOLDS_OBJECT, node_selector_fields}, END};
static const field status_fields[] = {{"phase", HOLDS_PLAIN, NULL},
                                      {"startTime", HOLDS_PLAIN, NULL},
                                      {"allocatable", HOLDS_QUANTITIES, NULL},
                                      {"capacity", HOLDS_QUANTITIES, NULL},
                                      {"disruptionsAllowed", HOLDS_PLAIN, NULL},
                                      {"currentHealthy", HOLDS_PLAIN, NULL},
                                      {"desiredHealthy", HOLDS_PLAIN, NULL},
                                      {"expectedPods", HOLDS_PLAIN, NULL},
                                      {"observedGeneration", HOLDS_PLAIN, NULL},
                                      END};
static const field spec_fields[] = {{"nodeName", HOLDS_NAME, NULL},
                                    {"providerID", HOLDS_PROVIDER_ID, NULL},
                                    {"unschedulable", HOLDS_PLAIN, NULL},
                                    {"taints", HOLDS_TAINTS, NULL},
                                    {"tolerations", HOLDS_TAINTS, NULL},
                                    {"nodeSelector", HOLDS_LABELS, NULL},
                                    {"affinity", HOLDS_OBJECT, affinity_fields},
                                    {"topologySpreadConstraints", HOLDS_LIST, spread_fields},
                                    {"containers", HOLDS_LIST, container_fields},
                                    {"initContainers", HOLDS_LIST, container_fields},
                                    {"volumes", HOLDS_VOLUMES, NULL},
                                    {"resourceClaims", HOLDS_LIST, name_fields},
                                    {"overhead", HOLDS_QUANTITIES, NULL},
                                    {"resources", HOLDS_OBJECT, resources_fields},
                                    {"priorityClassName", HOLDS_NAME, NULL},
                                    {"priority", HOLDS_PLAIN, NULL},
                                    {"schedulerName", HOLDS_SCHEDULER, NULL},
                                    {"runtimeClassName", HOLDS_NAME, NULL},
                                    {"replicas", HOLDS_PLAIN, NULL},
                                    {"template", HOLDS_TEMPLATE, NULL},
                                    {"jobTemplate", HOLDS_TEMPLATE, NULL},
                                    /* PodDisruptionBudget */
                                    {"selector", HOLDS_OBJECT, selector_fields},
                                    {"minAvailable", HOLDS_AMOUNT, NULL},
                                    {"maxUnavailable", HOLDS_AMOUNT, NULL},
                                    /* PersistentVolume and PersistentVolumeClaim */
                                    {"accessModes", HOLDS_WORDS, NULL},
                                    {"nodeAffinity", HOLDS_OBJECT, volume_affinity_fields},
                                    {"local", HOLDS_MARK, NULL},
                                    {"hostPath", HOLDS_MARK, NULL},
                                    {"volumeName", HOLDS_NAME, NULL},
                                    END};
static const field template_fields[] = {
    {"metadata", HOLDS_OBJECT, meta_fields}, {"spec", HOLDS_SPEC, NULL}, END};
static const field object_fields[] = {{"apiVersion", HOLDS_API_VERSION, NULL}, {"kind", HOLDS_PLAIN, NULL},
                                      {"metadata", HOLDS_OBJECT, meta_fields}, {"spec", HOLDS_SPEC, NULL},
                                      {"status", HOLDS_OBJECT, status_fields}, END};
static const field taint_fields[] = {{"key", HOLDS_LABEL_NAME, NULL},
                                     {"operator", HOLDS_PLAIN, NULL},
                                     {"effect", HOLDS_PLAIN, NULL},
                                     {"tolerationSeconds", HOLDS_PLAIN, NULL},
                                     END};
static const field requirement_fields[] = {
    {"key", HOLDS_LABEL_NAME, NULL}, {"operator", HOLDS_PLAIN, NULL}, END};
static const field source_fields[] = {{"claimName", HOLDS_NAME, NULL}, {"medium", HOLDS_PLAIN, NULL}, END};

static json_t *copy_value(gw_anon *a, const json_t *v, const field *f, int depth);

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
        if (v && !put(to, f->key, copy_value(a, v, f, depth))) {
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

/* A requirement's values go by its key; of matchFields' one key they are names of nodes. */
static json_t *copy_requirement(gw_anon *a, const json_t *from)
{
    static const char node_name[] = "metadata.name";
    json_t *to = copy_fields(a, from, requirement_fields, 0);
    const json_t *key = json_object_get(from, "key"), *values = json_object_get(from, "values");
    if (!to || !json_is_object(to) || !json_is_string(key))
        return to;
    json_t *list = json_array();
    bool of_name = strcmp(json_string_value(key), node_name) == 0, failed = !list;
    for (size_t i = 0; i < json_array_size(values) && !failed; i++) {
        gw_str v = text_of(json_array_get(values, i));
        const char *text = !v.p ? "" : of_name ? gw_anon_name(a, v) : gw_anon_label_value(a, text_of(key), v);
        failed = !text || json_array_append_new(list, json_string(text));
    }
    if (of_name)
        failed |= json_object_set_new(to, "key", json_string(node_name)) != 0;
    if (failed || json_object_set(to, "values", list)) {
        json_decref(to);
        to = NULL;
    }
    json_decref(list);
    return to;
}

/* The kinds of volumes are words of Kubernetes' own. */
static bool is_word(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return n > 0 && s[n] == '\0';
}

/* A volume: its name and kind; of what it is made from, the claim. */
static json_t *copy_volume(gw_anon *a, const json_t *from)
{
    json_t *to = copy_fields(a, from, name_fields, 0), *source;
    const char *kind;
    json_object_foreach((json_t *)(uintptr_t)from, kind, source)
    {
        if (to && json_is_object(source) &&
            json_object_set_new(to, is_word(kind) ? kind : "unknown",
                                copy_fields(a, source, source_fields, 0))) {
            json_decref(to);
            return NULL;
        }
    }
    return to;
}

static json_t *copy_item(gw_anon *a, const json_t *v, const field *f)
{
    static const field plain = {NULL, HOLDS_PLAIN, NULL}, name = {NULL, HOLDS_NAME, NULL},
                       label_name = {NULL, HOLDS_LABEL_NAME, NULL};
    switch (f->what) {
    case HOLDS_WORDS:
        return copy_value(a, v, &plain, 0);
    case HOLDS_NAMES:
        return copy_value(a, v, &name, 0);
    case HOLDS_LABEL_NAMES:
        return copy_value(a, v, &label_name, 0);
    default:
        break;
    }
    if (!json_is_object(v))
        return nothing();
    return f->what == HOLDS_TAINTS         ? copy_taint(a, v)
           : f->what == HOLDS_REQUIREMENTS ? copy_requirement(a, v)
           : f->what == HOLDS_VOLUMES      ? copy_volume(a, v)
                                           : copy_fields(a, v, f->sub, 0);
}

static json_t *copy_list(gw_anon *a, const json_t *from, const field *f)
{
    json_t *to = json_is_array(from) ? json_array() : nothing();
    for (size_t i = 0; to && i < json_array_size(from); i++) {
        json_t *copy = copy_item(a, json_array_get(from, i), f);
        if (json_is_null(copy)) {
            json_decref(copy);
            continue;
        }
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

/* What decides who schedules; the name of one's own says who. */
static json_t *copy_scheduler(gw_anon *a, const json_t *v)
{
    static const char *const known[] = {"default-scheduler", "kai-scheduler", "volcano", "hami-scheduler"};
    for (size_t i = 0; i < GW_COUNT(known); i++) {
        if (gw_str_is(text_of(v), known[i]))
            return copy_text(known[i]);
    }
    return json_is_string(v) ? copy_text(gw_anon_name(a, text_of(v))) : nothing();
}

static json_t *copy_amount(const json_t *v)
{
    gw_str s = text_of(v);
    bool plain = json_is_integer(v) || s.n > 0;
    for (size_t i = 0; i < s.n; i++)
        plain &= (s.p[i] >= '0' && s.p[i] <= '9') || (i > 0 && i + 1 == s.n && s.p[i] == '%');
    return plain ? json_incref((json_t *)(uintptr_t)v) : nothing();
}

/* "a,b" name by name. */
static const char *name_list(gw_anon *a, gw_str list)
{
    gw_buf b;
    gw_buf_init(&b, 64 * (list.n + 16));
    while (list.n) {
        const char *comma = memchr(list.p, ',', list.n);
        gw_str part = {list.p, comma ? (size_t)(comma - list.p) : list.n};
        list = (gw_str){part.p + part.n + (comma != NULL), list.n - part.n - (comma != NULL)};
        while (part.n && *part.p == ' ')
            part = (gw_str){part.p + 1, part.n - 1};
        const char *name = gw_anon_name(a, part);
        if (!name)
            b.failed = GW_ENOMEM;
        else
            gw_buf_puts(&b, name);
        if (comma)
            gw_buf_putc(&b, ',');
    }
    const char *kept = b.failed ? NULL : gw_anon_keep_text(a, (gw_str){b.data ? b.data : "", b.len});
    gw_buf_free(&b);
    return kept;
}

/* Numbers, truth values and durations stay; names are replaced. */
static const char *annotation_value(gw_anon *a, const char *name, gw_str value)
{
    int64_t ms;
    double number;
    if (gw_str_is(value, "true") || gw_str_is(value, "false") || gw_parse_double(value, &number) ||
        (value.p[0] >= '0' && value.p[0] <= '9' && gw_duration_parse(value.p, &ms, NULL) == 0))
        return gw_anon_keep_text(a, value);
    return strstr(name, "-local-volumes") ? name_list(a, value) : gw_anon_name(a, value);
}

/* The names of annotations are those of kube_rules.h: others do not reach this. */
static json_t *copy_annotations(gw_anon *a, const json_t *from)
{
    json_t *to = json_is_object(from) ? json_object() : nothing();
    const char *const *const lists[] = {gw_kube_pod_annotations, gw_kube_node_annotations};
    for (size_t k = 0; k < GW_COUNT(lists); k++) {
        for (const char *const *name = lists[k]; to && json_is_object(to) && *name; name++) {
            const json_t *value = json_object_get(from, *name);
            const char *v = json_is_string(value) ? annotation_value(a, *name, text_of(value)) : "";
            if (json_is_string(value) && (!v || json_object_set_new(to, *name, json_string(v)))) {
                json_decref(to);
                return NULL;
            }
        }
    }
    return to;
}

static json_t *copy_value(gw_anon *a, const json_t *v, const field *f, int depth)
{
    switch (f->what) {
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
    case HOLDS_SCHEDULER:
        return copy_scheduler(a, v);
    case HOLDS_AMOUNT:
        return copy_amount(v);
    case HOLDS_MARK:
        return json_object();
    case HOLDS_LABELS:
        return copy_labels(a, v);
    case HOLDS_ANNOTATIONS:
        return copy_annotations(a, v);
    case HOLDS_QUANTITIES:
        return copy_quantities(a, v);
    case HOLDS_WORDS:
    case HOLDS_NAMES:
    case HOLDS_LABEL_NAMES:
    case HOLDS_TAINTS:
    case HOLDS_REQUIREMENTS:
    case HOLDS_VOLUMES:
    case HOLDS_LIST:
        return copy_list(a, v, f);
    case HOLDS_OBJECT:
        return copy_fields(a, v, f->sub, depth);
    case HOLDS_SPEC:
        return depth < SPEC_DEPTH * 2 ? copy_fields(a, v, spec_fields, depth + 1) : nothing();
    case HOLDS_TEMPLATE:
        return copy_fields(a, v, template_fields, depth);
    }
    return nothing();
}

json_t *gw_anon_object(gw_anon *a, const json_t *object)
{
    return copy_fields(a, object, object_fields, 0);
}
