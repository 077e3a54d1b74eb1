/*
 * Texts with numbers, in the order in which they first came: what pages hold instead of the texts. Also as
 * bytes, so that the hours of a cluster, whose pods and GPUs are nearly those of the hour before, share one
 * list. Internal to the store.
 */
#ifndef GW_STORE_TEXTS_H
#define GW_STORE_TEXTS_H

#include "base/buf.h"
#include "base/map.h"

#define GW_TEXT_BYTES_MAX ((size_t)64 * 1024) /* of one text */
#define GW_TEXTS_MAX      ((size_t)4 << 20)

typedef struct gw_texts {
    gw_map map;   /* entries[id].key; the value is the id */
    size_t bytes; /* of all texts */
} gw_texts;

void gw_texts_init(gw_texts *t);
void gw_texts_free(gw_texts *t);
/*
 * The id of the text, which is added where it is new. What is no UTF-8 is replaced by U+FFFD, since
 * PostgreSQL takes no other text. GW_ENOMEM; GW_ELIMIT for more or longer texts than the bounds above.
 */
int gw_texts_add(gw_texts *t, gw_str s, uint32_t *ret_id, gw_error *e);
static inline size_t gw_texts_n(const gw_texts *t)
{
    return t->map.n;
}

static inline gw_str gw_texts_at(const gw_texts *t, uint32_t id)
{
    return (gw_str){t->map.entries[id].key, t->map.entries[id].key_len};
}

/*
 * The id of the text, or GW_NONE. *near is where to look first, and set to behind what was found: lists of
 * two hours are nearly in one order. Begin with 0.
 */
uint32_t gw_texts_find(const gw_texts *t, gw_str s, uint32_t *near);

/* Appends the list as an envelope. Same texts, same bytes. */
int gw_texts_write(const gw_texts *t, gw_buf *b, gw_error *e);
/* *ret is initialised by this, and to be freed where it returns 0. */
int gw_texts_read(const void *bytes, size_t n, gw_texts *ret, gw_error *e);

/* The part behind the envelope, as pages hold it: count, then length and bytes of each. */
void gw_texts_put(const gw_texts *t, size_t from, gw_buf *b);

#endif
