/*
 * gw_map: byte-string keys to 32-bit values. Open addressing over a dense array of entries, so that walking
 * entries[0..n) is in insertion order: the same input gives the same output. Keys are copied.
 *
 * gw_pool: interned strings. Two equal texts give the same pointer, which lives as long as the pool.
 */
#ifndef GW_BASE_MAP_H
#define GW_BASE_MAP_H

#include "base/base.h"
#include "base/mem.h"

#define GW_NONE UINT32_MAX /* "no such index", everywhere */

typedef struct gw_map_entry {
    const char *key; /* NUL-terminated copy; may contain NULs inside */
    uint32_t key_len;
    uint32_t value;
    uint64_t hash;
} gw_map_entry;

typedef struct gw_map {
    gw_map_entry *entries;
    size_t n, cap;
    uint32_t *slots; /* index + 1 into entries; 0 = empty; size is a power of two */
    size_t n_slots;
    gw_arena keys;
} gw_map;

void gw_map_init(gw_map *m);
void gw_map_free(gw_map *m);
/* The value of the key, or GW_NONE. */
uint32_t gw_map_get(const gw_map *m, gw_str key);
/* Adds the key or replaces its value. 0 or GW_ENOMEM; replacing allocates nothing and cannot fail. */
int gw_map_set(gw_map *m, gw_str key, uint32_t value);

uint64_t gw_hash(const void *p, size_t n);

typedef struct gw_pool {
    gw_map map;
} gw_pool;

void gw_pool_init(gw_pool *p);
void gw_pool_free(gw_pool *p);
/* The pool's one copy of the text (never NULL for memory reasons but on exhaustion). Empty text gives "". */
const char *gw_intern(gw_pool *p, gw_str s);

#endif
