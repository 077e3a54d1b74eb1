#include "base/map.h"

#define MAP_MAX_ENTRIES ((size_t)1 << 30)

/* FNV-1a, folded once more because its low bits mix badly for short keys. */
uint64_t gw_hash(const void *p, size_t n)
{
    const unsigned char *s = p;
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * 1099511628211u;
    return h ^ (h >> 29);
}

void gw_map_init(gw_map *m)
{
    *m = (gw_map){0};
    gw_arena_init(&m->keys, 0);
}

void gw_map_free(gw_map *m)
{
    gw_free(m->entries);
    gw_free(m->slots);
    gw_arena_free(&m->keys);
    gw_map_init(m);
}

static size_t find_slot(const gw_map *m, gw_str key, uint64_t hash)
{
    size_t i = hash & (m->n_slots - 1);
    for (; m->slots[i]; i = (i + 1) & (m->n_slots - 1)) {
        const gw_map_entry *e = &m->entries[m->slots[i] - 1];
        if (e->hash == hash && gw_str_eq((gw_str){e->key, e->key_len}, key))
            break;
    }
    return i;
}

uint32_t gw_map_get(const gw_map *m, gw_str key)
{
    if (m->n == 0)
        return GW_NONE;
    uint32_t slot = m->slots[find_slot(m, key, gw_hash(key.p, key.n))];
    return slot ? m->entries[slot - 1].value : GW_NONE;
}

static int grow_slots(gw_map *m)
{
    size_t n = m->n_slots ? m->n_slots * 2 : 16;
    uint32_t *slots = gw_calloc(n, sizeof(*slots));
    if (!slots)
        return GW_ENOMEM;
    for (size_t e = 0; e < m->n; e++) {
        size_t i = m->entries[e].hash & (n - 1);
        while (slots[i])
            i = (i + 1) & (n - 1);
        slots[i] = (uint32_t)e + 1;
    }
    gw_free(m->slots);
    m->slots = slots;
    m->n_slots = n;
    return 0;
}

int gw_map_set(gw_map *m, gw_str key, uint32_t value)
{
    uint64_t hash = gw_hash(key.p, key.n);
    uint32_t old = m->n ? m->slots[find_slot(m, key, hash)] : 0;
    if (old) {
        m->entries[old - 1].value = value;
        return 0;
    }
    if (m->n * 4 >= m->n_slots * 3 && grow_slots(m))
        return GW_ENOMEM;
    void *p = m->entries;
    if (gw_grow(&p, &m->cap, m->n + 1, sizeof(*m->entries), MAP_MAX_ENTRIES))
        return GW_ENOMEM;
    m->entries = p;
    const char *copy = gw_arena_strndup(&m->keys, key.p, key.n);
    if (!copy)
        return GW_ENOMEM;
    m->entries[m->n] = (gw_map_entry){copy, (uint32_t)key.n, value, hash};
    m->slots[find_slot(m, key, hash)] = (uint32_t)m->n + 1;
    m->n++;
    return 0;
}

void gw_pool_init(gw_pool *p)
{
    gw_map_init(&p->map);
}

void gw_pool_free(gw_pool *p)
{
    gw_map_free(&p->map);
}

const char *gw_intern(gw_pool *p, gw_str s)
{
    if (s.n == 0)
        return "";
    uint32_t i = gw_map_get(&p->map, s);
    if (i == GW_NONE) {
        i = (uint32_t)p->map.n;
        if (gw_map_set(&p->map, s, i))
            return NULL;
    }
    return p->map.entries[i].key;
}
