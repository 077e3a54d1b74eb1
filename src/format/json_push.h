/*
 * JSON (RFC 8259) as a stream of tokens, pushed in pieces of any size: memory is bounded by the longest
 * string, not by the document. For replies too large for a tree; documents that fit use jansson.
 *
 * Strict in structure and in literals; numbers are checked as far as their characters and handed on as text.
 * Strings come unescaped; \u escapes become UTF-8, lone surrogates U+FFFD. Bytes above 0x7f are passed
 * through unchecked.
 */
#ifndef GW_FORMAT_JSON_PUSH_H
#define GW_FORMAT_JSON_PUSH_H

#include "base/buf.h"

#define GW_JSON_PUSH_MAX_DEPTH 60
#define GW_JSON_PUSH_MAX_TEXT  ((size_t)1 << 20) /* of one string, key or number */

typedef enum gw_json_token {
    GW_JSON_OBJECT_BEGIN,
    GW_JSON_OBJECT_END,
    GW_JSON_ARRAY_BEGIN,
    GW_JSON_ARRAY_END,
    GW_JSON_KEY,    /* text */
    GW_JSON_STRING, /* text */
    GW_JSON_NUMBER, /* text: gw_parse_double's */
    GW_JSON_TRUE,
    GW_JSON_FALSE,
    GW_JSON_NULL,
} gw_json_token;

/* text is valid during the call only. Non-zero ends the feed with that error. */
typedef int (*gw_json_token_fn)(void *ctx, gw_json_token token, gw_str text, gw_error *e);

typedef struct gw_json_push {
    gw_json_token_fn fn;
    void *ctx;
    uint64_t objects; /* bit d: the container at depth d is an object */
    unsigned depth;
    uint8_t state, expect; /* see json_push.c */
    uint8_t hex_left;
    uint32_t hex, high; /* a \u escape in the making; a high surrogate that waits for its low one */
    uint64_t offset;    /* bytes fed before this piece */
    gw_buf text;        /* a token that spans pieces or has escapes */
} gw_json_push;

void gw_json_push_init(gw_json_push *j, gw_json_token_fn fn, void *ctx);
void gw_json_push_free(gw_json_push *j);
void gw_json_push_reset(gw_json_push *j);
/* GW_ECORRUPT with the byte's position and what stands there, GW_ELIMIT for nesting or text beyond the
 * bounds, or what fn returned. */
int gw_json_push_feed(gw_json_push *j, const char *p, size_t n, gw_error *e);
/* The text has ended: GW_ETIMEOUT where the document has not. */
int gw_json_push_finish(gw_json_push *j, gw_error *e);

#endif
