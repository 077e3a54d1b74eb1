#include "base/mem.h"

#define ARENA_BLOCK_BYTES ((size_t)64 * 1024)

struct gw_arena_block {
    struct gw_arena_block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char data[];
};

static _Thread_local uint64_t fail_at, asked;
static _Thread_local int64_t live;

static bool must_fail(void)
{
    asked++;
    return fail_at != 0 && asked == fail_at;
}

void gw_mem_fail_at(uint64_t n)
{
    fail_at = n;
    asked = 0;
}

uint64_t gw_mem_count(void)
{
    return asked;
}

int64_t gw_mem_live(void)
{
    return live;
}

static void *counted(void *p)
{
    live += p != NULL;
    return p;
}

void *gw_malloc(size_t n)
{
    return must_fail() ? NULL : counted(malloc(n ? n : 1));
}

void *gw_calloc(size_t n, size_t size)
{
    return must_fail() ? NULL : counted(calloc(n ? n : 1, size ? size : 1));
}

void *gw_realloc(void *p, size_t n)
{
    if (must_fail())
        return NULL;
    return p ? realloc(p, n ? n : 1) : counted(malloc(n ? n : 1));
}

char *gw_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = gw_malloc(n);
    if (copy)
        memcpy(copy, s, n);
    return copy;
}

void gw_free(void *p)
{
    live -= p != NULL;
    free(p);
}

int gw_grow(void **p, size_t *cap, size_t need, size_t size, size_t max)
{
    if (need > max)
        return GW_ELIMIT;
    if (need <= *cap)
        return 0;
    size_t next = *cap ? *cap : GW_MIN(8, max);
    while (next < need)
        next = next > max / 2 ? max : next * 2;
    if (next > SIZE_MAX / size)
        return GW_ELIMIT;
    void *grown = gw_realloc(*p, next * size);
    if (!grown)
        return GW_ENOMEM;
    *p = grown;
    *cap = next;
    return 0;
}

void gw_arena_init(gw_arena *a, size_t limit)
{
    *a = (gw_arena){.limit = limit ? limit : SIZE_MAX};
}

void *gw_arena_alloc(gw_arena *a, size_t n)
{
    size_t align = _Alignof(max_align_t);
    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + align - 1) / align * align;
    if (n == 0)
        n = align;
    if (n > a->limit - a->used)
        return NULL;
    struct gw_arena_block *b = a->head;
    if (!b || b->size - b->used < n) {
        size_t size = GW_MAX(n, ARENA_BLOCK_BYTES);
        b = gw_malloc(sizeof(*b) + size);
        if (!b)
            return NULL;
        *b = (struct gw_arena_block){.next = a->head, .size = size};
        /* a block made for one large piece goes behind the current one, which still has room */
        if (a->head && size > ARENA_BLOCK_BYTES) {
            b->next = a->head->next;
            a->head->next = b;
        } else {
            a->head = b;
        }
    }
    void *p = b->data + b->used;
    b->used += n;
    a->used += n;
    return memset(p, 0, n);
}

char *gw_arena_strndup(gw_arena *a, const char *s, size_t n)
{
    char *copy = gw_arena_alloc(a, n + 1);
    if (copy && n)
        memcpy(copy, s, n);
    return copy;
}

char *gw_arena_strdup(gw_arena *a, const char *s)
{
    return gw_arena_strndup(a, s, strlen(s));
}

char *gw_arena_printf(gw_arena *a, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    char *out = n < 0 ? NULL : gw_arena_alloc(a, (size_t)n + 1);
    if (out)
        vsnprintf(out, (size_t)n + 1, format, again);
    va_end(again);
    return out;
}

void gw_arena_free(gw_arena *a)
{
    for (struct gw_arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        gw_free(b);
    }
    a->head = NULL;
    a->used = 0;
}

void gw_arena_reset(gw_arena *a)
{
    struct gw_arena_block *keep = a->head;
    if (!keep)
        return;
    a->head = keep->next;
    gw_arena_free(a);
    keep->next = NULL;
    keep->used = 0;
    a->head = keep;
}
