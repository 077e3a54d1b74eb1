/*
 * Immutable bytes with a count of references, so that one document is sent to many connections, from any
 * thread, without a copy. Whoever makes one holds one reference.
 */
#ifndef GW_NET_SHARED_H
#define GW_NET_SHARED_H

#include "base/base.h"
#include "base/buf.h"

typedef struct gw_shared gw_shared;

/* A copy of n bytes. NULL: out of memory. */
gw_shared *gw_shared_new(const void *p, size_t n);
/* Takes the memory of the buffer, which is empty afterwards; on failure (NULL: out of memory, or the buffer
 * has failed) the buffer is as it was. */
gw_shared *gw_shared_take(gw_buf *b);
/* Bytes that outlive every reference: a literal, a table built into the program. NULL: out of memory. */
gw_shared *gw_shared_static(const void *p, size_t n);

/* One more reference; s may be NULL. Returns s. */
gw_shared *gw_shared_ref(gw_shared *s);
/* One reference less; the last one frees. s may be NULL. */
void gw_shared_unref(gw_shared *s);

gw_str gw_shared_bytes(const gw_shared *s);

#endif
