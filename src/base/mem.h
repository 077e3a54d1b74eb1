/*
 * Memory. All product code allocates through these, so that a test can fail the Nth allocation for every N
 * (tests/torture.py). Libraries that take an allocator (libcurl, jansson) are given these as well.
 *
 * gw_arena: memory of one task (a report, a request); freed in one go. Not thread-safe; one owner.
 */
#ifndef GW_BASE_MEM_H
#define GW_BASE_MEM_H

#include "base/base.h"

void *gw_malloc(size_t n) __attribute__((malloc, alloc_size(1)));
void *gw_calloc(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *gw_realloc(void *p, size_t n) __attribute__((alloc_size(2)));
char *gw_strdup(const char *s) __attribute__((malloc));
void gw_free(void *p);

/* Fault injection: the allocation number n from now on (1 = the next) fails, once; 0 switches it off. */
void gw_mem_fail_at(uint64_t n);
/* Allocations asked for since the last gw_mem_fail_at. */
uint64_t gw_mem_count(void);
/* Blocks allocated and not freed yet by this thread: the same before and after a task that does not leak. */
int64_t gw_mem_live(void);

/*
 * Makes room in a growable array for `need` elements: *p holds *cap of `size` bytes. Doubles, at most to max
 * elements. 0, GW_ENOMEM, or GW_ELIMIT when need > max; *p and *cap are untouched on failure.
 */
int gw_grow(void **p, size_t *cap, size_t need, size_t size, size_t max);

typedef struct gw_arena {
    struct gw_arena_block *head;
    size_t used;  /* bytes handed out */
    size_t limit; /* most bytes it may hand out */
} gw_arena;

/* limit: the most bytes this arena may hand out; 0 means no bound of its own (the input is bounded
 * elsewhere). */
void gw_arena_init(gw_arena *a, size_t limit);
/* Zeroed memory aligned for any type, or NULL when memory or the limit is exhausted. */
void *gw_arena_alloc(gw_arena *a, size_t n);
char *gw_arena_strdup(gw_arena *a, const char *s);
char *gw_arena_strndup(gw_arena *a, const char *s, size_t n);
char *gw_arena_printf(gw_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Frees everything; the arena may be used again. */
void gw_arena_free(gw_arena *a);
/* Forgets everything but keeps the newest block for the next use. */
void gw_arena_reset(gw_arena *a);

#define GW_NEW(arena, type)          ((type *)gw_arena_alloc((arena), sizeof(type)))
#define GW_NEW_ARRAY(arena, type, n) ((type *)gw_arena_alloc((arena), sizeof(type) * (n)))

#endif
