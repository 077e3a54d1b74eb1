/*
 * The keys of history, in the report's words. The store has "" for what a leaf lacks; who reads a sum by team
 * wants to know whether that is GPUs that nobody held, the nodes' overhead, or pods without the label, and
 * only the namespace tells. So it is asked for, too, and left out again here.
 */
#include "serve/api_internal.h"

/* Where the namespace is among the keys; n_by where it is not. */
static size_t namespace_at(const gw_query *q)
{
    size_t i = 0;
    while (i < q->n_by && q->by[i] != GW_DIM_NAMESPACE)
        i++;
    return i;
}

gw_query gw_api_keys_query(const gw_query *q)
{
    gw_query wide = *q;
    bool has_words = false;
    for (size_t i = 0; i < q->n_by; i++)
        has_words |= q->by[i] != GW_DIM_CLUSTER;
    if (has_words && namespace_at(q) == q->n_by && q->n_by < GW_MAX_BY)
        wide.by[wide.n_by++] = GW_DIM_NAMESPACE;
    return wide;
}

static const char *word_of(const char *ns)
{
    if (gw_eq(ns, GW_KEY_IDLE))
        return GW_KEY_IDLE;
    return gw_eq(ns, GW_KEY_OVERHEAD) ? GW_KEY_OVERHEAD : GW_KEY_UNALLOCATED;
}

static int by_key(const gw_sum *x, const gw_sum *y)
{
    for (size_t i = 0; i < GW_MAX_BY && x->key[i] && y->key[i]; i++) {
        int order = strcmp(x->key[i], y->key[i]);
        if (order)
            return order;
    }
    return 0;
}

static int by_step_and_key(const void *a, const void *b)
{
    const gw_sum *x = a, *y = b;
    if (x->step_ms != y->step_ms)
        return x->step_ms < y->step_ms ? -1 : 1;
    return by_key(x, y);
}

static int by_step_and_bill(const void *a, const void *b)
{
    const gw_sum *x = a, *y = b;
    if (x->step_ms != y->step_ms)
        return x->step_ms < y->step_ms ? -1 : 1;
    if (x->m.bill != y->m.bill)
        return x->m.bill > y->m.bill ? -1 : 1;
    return by_key(x, y);
}

static void name_keys(const gw_query *q, const gw_query *wide, gw_sums *s)
{
    size_t ns = namespace_at(wide);
    for (size_t r = 0; r < s->n; r++) {
        gw_sum *x = &s->rows[r];
        const char *word = word_of(x->key[ns]);
        for (size_t i = 0; i < q->n_by; i++) {
            if (q->by[i] != GW_DIM_CLUSTER && !*x->key[i])
                x->key[i] = word;
        }
        for (size_t i = q->n_by; i < wide->n_by; i++)
            x->key[i] = NULL;
    }
}

/* Rows of equal keys lie side by side. The distinct hours of a sum of two are not known any more: at least
 * those of either. */
static void merge(gw_sums *s)
{
    size_t n = 0;
    for (size_t r = 0; r < s->n; r++) {
        gw_sum *last = n ? &s->rows[n - 1] : NULL;
        if (!last || by_step_and_key(last, &s->rows[r]) != 0) {
            s->rows[n++] = s->rows[r];
            continue;
        }
        gw_measures_add(&last->m, &s->rows[r].m);
        last->hours = GW_MAX(last->hours, s->rows[r].hours);
    }
    s->n = n;
}

void gw_api_keys_fold(const gw_query *q, const gw_query *wide, gw_sums *s)
{
    if (namespace_at(wide) == wide->n_by || s->n == 0)
        return;
    name_keys(q, wide, s);
    qsort(s->rows, s->n, sizeof(*s->rows), by_step_and_key);
    merge(s);
    qsort(s->rows, s->n, sizeof(*s->rows), by_step_and_bill);
}
