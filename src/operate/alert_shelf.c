#include "operate/alert_shelf.h"

/* A store that is not open. */
static int no_store(gw_error *e)
{
    return gw_fail(e, GW_ECONNECT, "alerts are not kept: the store is not open");
}

static int put(void *ctx, const char *id, gw_str body, gw_error *e)
{
    if (!ctx)
        return no_store(e);
    return gw_store_document_put(ctx, GW_ALERT_DOCUMENT_KIND, id, body, e);
}

static int drop(void *ctx, const char *id, gw_error *e)
{
    bool deleted;
    if (!ctx)
        return no_store(e);
    return gw_store_document_delete(ctx, GW_ALERT_DOCUMENT_KIND, id, &deleted, e);
}

static int each(void *ctx, const char *prefix,
                int (*fn)(void *fn_ctx, const char *id, gw_str body, gw_error *e), void *fn_ctx, gw_error *e)
{
    gw_arena arena;
    gw_document *list = NULL;
    size_t n = 0;
    if (!ctx)
        return no_store(e);
    gw_arena_init(&arena, 0);
    int rc = gw_store_documents(ctx, GW_ALERT_DOCUMENT_KIND, &arena, &list, &n, e);
    for (size_t i = 0; i < n && !rc; i++)
        if (gw_has_prefix(list[i].id, prefix))
            rc = fn(fn_ctx, list[i].id, list[i].body, e);
    gw_arena_free(&arena);
    return rc;
}

gw_alert_shelf gw_alert_shelf_of(gw_store *s)
{
    return (gw_alert_shelf){.ctx = s, .put = put, .drop = drop, .each = each};
}
