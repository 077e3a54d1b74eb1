#include "base/map.h"
#include "operate/anomaly.h"

#define COVER 90 /* per cent of the difference that the named rows are to make up */

typedef struct row {
    gw_moved m;
    gw_micro delta;
    int sign; /* of the sum's difference: rows that went along with it come first */
} row;

static int by_delta(const void *a, const void *b)
{
    const row *x = a, *y = b;
    gw_micro p = x->sign * x->delta, q = y->sign * y->delta;
    if (p != q)
        return p < q ? 1 : -1;
    return strcmp(x->m.key, y->m.key);
}

/* Rows of equal keys as one. */
static int merge(const gw_moved *rows, size_t n, row *out, size_t *ret_n, gw_error *e)
{
    gw_map index;
    size_t k = 0;
    int r = 0;

    gw_map_init(&index);
    for (size_t i = 0; i < n && !r; i++) {
        gw_str key = gw_str_of(rows[i].key);
        uint32_t at = gw_map_get(&index, key);
        if (at == GW_NONE) {
            at = (uint32_t)k;
            out[k++].m.key = rows[i].key;
            if (gw_map_set(&index, key, at))
                r = gw_fail_memory(e);
        }
        if (!r && (__builtin_add_overflow(out[at].m.before, rows[i].before, &out[at].m.before) ||
                   __builtin_add_overflow(out[at].m.after, rows[i].after, &out[at].m.after)))
            r = gw_fail(e, GW_ELIMIT, "the amounts of \"%s\" are too large to add", rows[i].key);
    }
    gw_map_free(&index);
    *ret_n = k;
    return r;
}

static int add_up(row *rows, size_t n, gw_moved *ret, gw_micro *ret_delta, gw_error *e)
{
    gw_moved sum = {GW_MOVED_OTHERS, 0, 0};
    for (size_t i = 0; i < n; i++)
        if (__builtin_add_overflow(sum.before, rows[i].m.before, &sum.before) ||
            __builtin_add_overflow(sum.after, rows[i].m.after, &sum.after) ||
            __builtin_sub_overflow(rows[i].m.after, rows[i].m.before, &rows[i].delta) ||
            rows[i].delta == INT64_MIN /* cannot change its sign */)
            return gw_fail(e, GW_ELIMIT, "the amounts of the rows are too large to add");
    if (__builtin_sub_overflow(sum.after, sum.before, ret_delta))
        return gw_fail(e, GW_ELIMIT, "the amounts of the rows are too large to compare");
    *ret = sum;
    return 0;
}

int gw_anomaly_explain(const gw_moved *rows, size_t n, size_t max, gw_arena *arena, gw_moved **ret,
                       size_t *ret_n, gw_error *e)
{
    gw_micro delta = 0;
    gw_moved rest;
    size_t k = 0, named = 0;
    int r;

    row *all = GW_NEW_ARRAY(arena, row, n + 1);
    max = GW_MAX(max, (size_t)2);
    gw_moved *out = GW_NEW_ARRAY(arena, gw_moved, max);
    if (!all || !out)
        return gw_fail_memory(e);
    if ((r = merge(rows, n, all, &k, e)) || (r = add_up(all, k, &rest, &delta, e)))
        return r;
    for (size_t i = 0; i < k; i++)
        all[i].sign = delta < 0 ? -1 : 1;
    qsort(all, k, sizeof(*all), by_delta);
    /* in 128 bits: rows against the tide can make a part of the sum larger than the sum */
    __int128 want = (__int128)(delta < 0 ? -(__int128)delta : delta) * COVER, covered = 0;
    while (named < k && named < max - 1 && covered * 100 < want && all[named].delta != 0) {
        out[named] = all[named].m;
        if (__builtin_sub_overflow(rest.before, all[named].m.before, &rest.before) ||
            __builtin_sub_overflow(rest.after, all[named].m.after, &rest.after))
            return gw_fail(e, GW_ELIMIT, "the amounts of the rows are too large to add");
        covered += (__int128)all[named].sign * all[named].delta;
        named++;
    }
    if (rest.before != 0 || rest.after != 0)
        out[named++] = rest;
    *ret = out;
    *ret_n = named;
    return 0;
}
