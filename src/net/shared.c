#include "net/shared.h"

#include <stdatomic.h>

#include "base/mem.h"

struct gw_shared {
    atomic_uint_fast64_t refs;
    const char *p;
    size_t n;
    char *owned; /* freed with it; NULL where the bytes follow it or are static */
    char bytes[];
};

gw_shared *gw_shared_new(const void *p, size_t n)
{
    if (n > SIZE_MAX / 2)
        return NULL;
    gw_shared *s = gw_malloc(sizeof(*s) + n);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->owned = NULL;
    s->p = s->bytes;
    s->n = n;
    if (n)
        memcpy(s->bytes, p, n);
    return s;
}

gw_shared *gw_shared_static(const void *p, size_t n)
{
    gw_shared *s = gw_shared_new(NULL, 0);
    if (s) {
        s->p = p;
        s->n = n;
    }
    return s;
}

gw_shared *gw_shared_take(gw_buf *b)
{
    gw_shared *s = b->failed ? NULL : gw_shared_new(NULL, 0);
    if (!s)
        return NULL;
    s->owned = b->data;
    s->p = b->data;
    s->n = b->len;
    gw_buf_init(b, b->max);
    return s;
}

gw_shared *gw_shared_ref(gw_shared *s)
{
    if (s)
        atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void gw_shared_unref(gw_shared *s)
{
    /* the last holder must see all that the others read before they let go */
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    gw_free(s->owned);
    gw_free(s);
}

gw_str gw_shared_bytes(const gw_shared *s)
{
    return s ? (gw_str){s->p, s->n} : (gw_str){NULL, 0};
}
