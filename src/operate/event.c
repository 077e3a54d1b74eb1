#include "operate/event.h"

#include "base/map.h"

static const char *const severity_names[GW_N_EVENT_SEVERITIES] = {"info", "warning", "error", "critical"};

const char *gw_event_severity_name(gw_event_severity s)
{
    return s < GW_N_EVENT_SEVERITIES ? severity_names[s] : "unknown";
}

gw_event_severity gw_event_severity_find(gw_str name)
{
    for (int i = 0; i < GW_N_EVENT_SEVERITIES; i++)
        if (gw_str_is(name, severity_names[i]))
            return (gw_event_severity)i;
    return GW_N_EVENT_SEVERITIES;
}

void gw_events_init(gw_events *l)
{
    *l = (gw_events){0};
    gw_arena_init(&l->arena, 0);
}

void gw_events_free(gw_events *l)
{
    gw_free(l->items);
    gw_arena_free(&l->arena);
    gw_events_init(l);
}

void gw_events_clear(gw_events *l)
{
    l->n = 0;
    gw_arena_reset(&l->arena);
}

/* The cut falls between characters: receivers refuse broken UTF-8. */
static const char *key_copy(gw_arena *a, const char *key)
{
    enum { HASH = 17 }; /* "#" and 16 hex digits */
    size_t n = strlen(key), cut = GW_EVENT_KEY_MAX - HASH;

    if (n <= GW_EVENT_KEY_MAX)
        return gw_arena_strndup(a, key, n);
    while (cut > 0 && ((unsigned char)key[cut] & 0xc0) == 0x80)
        cut--;
    return gw_arena_printf(a, "%.*s#%016" PRIx64, (int)cut, key, gw_hash(key, n));
}

int gw_events_add(gw_events *l, const gw_event *ev, gw_error *e)
{
    if (ev->n_details > GW_EVENT_DETAILS_MAX)
        return gw_fail(e, GW_EINTERNAL, "an event \"%s\" has %zu details, more than %d", ev->kind,
                       ev->n_details, GW_EVENT_DETAILS_MAX);
    int r = gw_grow((void **)&l->items, &l->cap, l->n + 1, sizeof(*l->items), GW_EVENTS_MAX);
    if (r == GW_ELIMIT)
        return gw_fail(e, r, "more than %d events at a time; deliver these first", GW_EVENTS_MAX);
    if (r)
        return gw_fail_memory(e);

    gw_event copy = *ev;
    copy.kind = gw_arena_strdup(&l->arena, ev->kind);
    copy.dedup_key = key_copy(&l->arena, ev->dedup_key);
    copy.summary = gw_arena_strdup(&l->arena, ev->summary);
    gw_event_detail *details = GW_NEW_ARRAY(&l->arena, gw_event_detail, ev->n_details + 1);
    if (!copy.kind || !copy.dedup_key || !copy.summary || !details)
        return gw_fail_memory(e);
    for (size_t i = 0; i < ev->n_details; i++) {
        details[i].key = gw_arena_strdup(&l->arena, ev->details[i].key);
        details[i].value = gw_arena_strdup(&l->arena, ev->details[i].value);
        if (!details[i].key || !details[i].value)
            return gw_fail_memory(e);
    }
    copy.details = details;
    l->items[l->n++] = copy;
    return 0;
}
