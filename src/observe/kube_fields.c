#include "observe/kube_fields.h"

int gw_kube_fail_field(const gw_kube_place *at, const char *field, const char *wanted)
{
    return gw_fail(at->e, GW_ECORRUPT, "item %zu, %s %s%s%s: %s must be %s; get the objects again", at->index,
                   at->kind ? at->kind : "object", at->ns, *at->ns ? "/" : "", at->name, field, wanted);
}

int gw_kube_get_object(const gw_kube_place *at, const json_t *from, const char *key, const json_t **ret)
{
    *ret = json_object_get(from, key);
    if (json_is_null(*ret))
        *ret = NULL;
    return !*ret || json_is_object(*ret) ? 0 : gw_kube_fail_field(at, key, "an object");
}

int gw_kube_get_array(const gw_kube_place *at, const json_t *from, const char *key, const json_t **ret)
{
    *ret = json_object_get(from, key);
    if (json_is_null(*ret))
        *ret = NULL;
    return !*ret || json_is_array(*ret) ? 0 : gw_kube_fail_field(at, key, "a list");
}

int gw_kube_get_text(const gw_kube_place *at, const json_t *from, const char *key, const char **ret)
{
    const json_t *v = json_object_get(from, key);
    *ret = NULL;
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_string(v))
        return gw_kube_fail_field(at, key, "text");
    if (json_string_length(v))
        *ret = json_string_value(v);
    return 0;
}

int gw_kube_get_time(const gw_kube_place *at, const json_t *from, const char *key, int64_t *ret_ms)
{
    const char *text;
    int r = gw_kube_get_text(at, from, key, &text);
    if (r || !text)
        return r;
    return gw_time_parse(text, 0, ret_ms, NULL) ? gw_kube_fail_field(at, key, "a time") : 0;
}

int gw_kube_get_int(const gw_kube_place *at, const json_t *from, const char *key, int64_t *ret)
{
    const json_t *v = json_object_get(from, key);
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_integer(v))
        return gw_kube_fail_field(at, key, "a whole number");
    *ret = json_integer_value(v);
    return 0;
}
