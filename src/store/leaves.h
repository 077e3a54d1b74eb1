/*
 * An hour's leaves made ready to be written: their texts as numbers, the groups they are in, a digest.
 * Internal to the store.
 */
#ifndef GW_STORE_LEAVES_H
#define GW_STORE_LEAVES_H

#include "store/measures.h"
#include "store/texts.h"

#define GW_HOUR_LEAVES_MAX   ((size_t)1 << 20)
#define GW_CLUSTER_BYTES_MAX ((size_t)1024) /* of a cluster's name */

/* Dimensions that a leaf is written with: all but the cluster, which is the hour's. */
#define GW_N_TEXT_DIMS  ((size_t)GW_N_LEAF_DIMS - 1)
#define GW_N_GROUP_DIMS ((size_t)GW_N_DIMS - 1)

typedef struct gw_leaf_texts {
    gw_texts texts;
    uint32_t *ids; /* ids[(dim - 1) * n + leaf]: column after column */
    size_t n;
} gw_leaf_texts;

/* *ret is initialised by this, and to be freed where it returns 0. GW_EUSAGE for an hour that is none (not on
 * the hour, no cluster, a kind or a number that does not exist), GW_ELIMIT, GW_ENOMEM. */
int gw_leaf_texts_make(const gw_hour *h, gw_leaf_texts *ret, gw_error *e);
void gw_leaf_texts_free(gw_leaf_texts *t);

/* Writes the page; texts that `base` has are named by its numbers. base and base_number: NULL and 0 for a
 * page that stands alone. */
int gw_page_put(const gw_hour *h, const gw_leaf_texts *t, const gw_texts *base, uint32_t base_number,
                gw_buf *b, gw_error *e);
/* Reads a page whose base has this number; GW_ECORRUPT where it needs another. */
int gw_page_get(const void *bytes, size_t n, const gw_texts *base, uint32_t base_number, gw_arena *arena,
                gw_hour *ret, gw_error *e);

/*
 * 128 bits over everything that an hour says, whatever the order of its leaves: two hours of the same digest
 * are the same. No defence against forgery, and none is needed.
 */
#define GW_DIGEST_BYTES 16
int gw_hour_digest(const gw_hour *h, const gw_leaf_texts *t, uint8_t ret[GW_DIGEST_BYTES], gw_error *e);

#endif
