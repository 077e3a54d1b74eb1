/*
 * A growing byte buffer that states its maximum at birth. Appends after a failure are no-ops and the failure
 * sticks (b->failed is GW_ENOMEM or GW_ELIMIT), so that a writer checks once, at the end. data is NULL
 * before the first byte and NUL-terminated from then on.
 */
#ifndef GW_BASE_BUF_H
#define GW_BASE_BUF_H

#include "base/base.h"

typedef struct gw_buf {
    char *data;
    size_t len, cap, max;
    int failed;
} gw_buf;

void gw_buf_init(gw_buf *b, size_t max);
void gw_buf_free(gw_buf *b);
/* Empties the buffer, keeps its memory, forgets a failure. */
void gw_buf_clear(gw_buf *b);
void gw_buf_add(gw_buf *b, const void *p, size_t n);
void gw_buf_puts(gw_buf *b, const char *s);
void gw_buf_putc(gw_buf *b, char c);
void gw_buf_printf(gw_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Removes the first n bytes, or all where there are fewer. */
void gw_buf_drop(gw_buf *b, size_t n);
/* 0, or the sticky failure turned into an error whose message names `what`. */
int gw_buf_check(const gw_buf *b, const char *what, gw_error *e);

#endif
