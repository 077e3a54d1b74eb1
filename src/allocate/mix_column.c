#include "allocate/mix_internal.h"

#include <stdlib.h>

void gw_mix_pool_init(gw_mix_pool *p)
{
    memset(p, 0, sizeof(*p));
    gw_map_init(&p->known);
    gw_arena_init(&p->arena, 0);
}

void gw_mix_pool_free(gw_mix_pool *p)
{
    gw_free(p->columns);
    gw_free(p->scratch);
    gw_map_free(&p->known);
    gw_arena_free(&p->arena);
    memset(p, 0, sizeof(*p));
}

static int by_kind(const void *a, const void *b)
{
    uint32_t ka = ((const gw_mix_use *)a)->kind, kb = ((const gw_mix_use *)b)->kind;
    return (ka > kb) - (ka < kb);
}

/* scratch[0]: the type; then what the items come to by kind. */
static int sum_up(gw_mix_pool *p, uint32_t type, const gw_mix_item *items, size_t n, size_t *n_uses)
{
    int rc = gw_grow((void **)&p->scratch, &p->cap_scratch, n + 1, sizeof(*p->scratch), GW_MIX_COLUMNS_MAX);
    if (rc)
        return rc;
    p->scratch[0] = (gw_mix_use){type, 0};
    gw_mix_use *uses = p->scratch + 1;
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        if (items[i].n)
            uses[used++] = (gw_mix_use){items[i].kind, items[i].n};
    qsort(uses, used, sizeof(*uses), by_kind);
    *n_uses = 0;
    for (size_t i = 0; i < used; i++) {
        if (*n_uses && uses[*n_uses - 1].kind == uses[i].kind)
            uses[*n_uses - 1].n += uses[i].n;
        else
            uses[(*n_uses)++] = uses[i];
    }
    return 0;
}

int gw_mix_pool_add(gw_mix_pool *p, uint32_t type, const gw_mix_item *items, size_t n, uint32_t *at,
                    bool *fresh)
{
    size_t n_uses, n_items = 0;
    int rc = sum_up(p, type, items, n, &n_uses);
    if (rc)
        return rc;
    gw_str key = {(const char *)p->scratch, (n_uses + 1) * sizeof(*p->scratch)};
    *at = gw_map_get(&p->known, key);
    if (fresh)
        *fresh = *at == GW_NONE;
    if (*at != GW_NONE)
        return 0;
    gw_mix_item *kept = GW_NEW_ARRAY(&p->arena, gw_mix_item, GW_MAX(n, (size_t)1));
    gw_mix_use *uses = GW_NEW_ARRAY(&p->arena, gw_mix_use, GW_MAX(n_uses, (size_t)1));
    if (!kept || !uses)
        return GW_ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (items[i].n)
            kept[n_items++] = items[i];
    memcpy(uses, p->scratch + 1, n_uses * sizeof(*uses));
    rc = gw_grow((void **)&p->columns, &p->cap, p->n + 1, sizeof(*p->columns), GW_MIX_COLUMNS_MAX);
    if (rc == 0)
        rc = gw_map_set(&p->known, key, (uint32_t)p->n);
    if (rc)
        return rc;
    *at = (uint32_t)p->n;
    p->columns[p->n++] = (gw_mix_column){type, (uint32_t)n_items, (uint32_t)n_uses, kept, uses};
    return 0;
}
