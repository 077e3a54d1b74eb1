#include "present/pipeline.h"

/* "model-version", "model_version" and "modelVersion" are one field. */
static bool field_is(gw_str given, const char *name)
{
    size_t i = 0;
    for (; *name; name++) {
        if (i < given.n && (given.p[i] == '-' || given.p[i] == '_') && *name >= 'A' && *name <= 'Z')
            i++;
        char a = i < given.n ? given.p[i] : '\0', b = *name;
        i++;
        if ((a | 0x20) != (b | 0x20))
            return false;
    }
    return i == given.n;
}

static int fail_field(gw_str given, gw_error *e)
{
    char list[256];
    size_t n = 0;
    for (int f = 0; f < GW_N_OWNER_FIELDS && n < sizeof(list); f++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", f ? ", " : "",
                              gw_owner_field_name((gw_owner_field)f));
    return gw_fail(e, GW_EUSAGE, "--owner-label: '%.*s' is none of the fields %s",
                   (int)GW_MIN(given.n, (size_t)100), given.p, list);
}

int gw_ownership_map(gw_ownership *o, const char *text, gw_arena *arena, gw_error *e)
{
    const char *equals = strchr(text, '=');
    gw_str name = {text, equals ? (size_t)(equals - text) : 0};
    const char *labels[GW_OWNER_LABELS_MAX] = {0};
    size_t n = 0;
    int field = 0;
    if (!equals || !equals[1])
        return gw_fail(e, GW_EUSAGE,
                       "--owner-label: write FIELD=LABEL[,LABEL…], for example team=squad,owner; not '%s'",
                       text);
    while (field < GW_N_OWNER_FIELDS && !field_is(name, gw_owner_field_name((gw_owner_field)field)))
        field++;
    if (field == GW_N_OWNER_FIELDS)
        return fail_field(name, e);
    for (const char *s = equals + 1; *s;) {
        size_t len = strcspn(s, ",");
        if (n == GW_OWNER_LABELS_MAX)
            return gw_fail(e, GW_EUSAGE, "--owner-label: at most %d labels a field", GW_OWNER_LABELS_MAX);
        if (len && !(labels[n++] = gw_arena_strndup(arena, s, len)))
            return gw_fail_memory(e);
        s += len + (s[len] == ',');
    }
    memcpy(o->labels[field], labels, sizeof(labels));
    return 0;
}
