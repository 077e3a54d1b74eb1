/*
 * JSON text to jansson's values, in pieces, through gw_json_push. Used instead of jansson's own reader, whose
 * lexer (2.14) ignores a failed allocation of its buffer and then reads and writes past the end of it;
 * jansson's constructors, which this uses, report such failures. It also leaves out, while reading, what
 * nobody will look at, so that a page of a Kubernetes list costs the memory of what is read of it.
 *
 * Stricter than JSON: no NUL in texts and keys, valid UTF-8 only. Of equal keys the last wins.
 */
#ifndef GW_FORMAT_JSON_TREE_H
#define GW_FORMAT_JSON_TREE_H

#include <jansson.h>

#include "format/json_push.h"

#define GW_JSON_TREE_MAX_VALUES 20000000u /* of one document */

typedef struct gw_json_tree {
    gw_json_push push;
    const char *const *skip;
    json_t *root;
    json_t *open[GW_JSON_PUSH_MAX_DEPTH + 1]; /* borrowed, below root */
    char *keys[GW_JSON_PUSH_MAX_DEPTH + 1];   /* per open object: the key that waits for its value */
    unsigned depth;
    unsigned skipping; /* containers open below a skipped key, itself included */
    uint32_t values;
} gw_json_tree;

/*
 * skip: keys whose value, at any depth, is left out if it is an object or an array (a text or number under
 * such a key stays, so that a label called "env" is safe). NULL-terminated; must outlive the tree; NULL =
 * none.
 */
void gw_json_tree_init(gw_json_tree *t, const char *const *skip);
/* Ready for another document. */
void gw_json_tree_reset(gw_json_tree *t);
void gw_json_tree_free(gw_json_tree *t);
/* GW_ECORRUPT with the position, GW_ELIMIT, GW_ENOMEM. */
int gw_json_tree_feed(gw_json_tree *t, const char *p, size_t n, gw_error *e);
/* The text has ended: a new reference in *ret. GW_ETIMEOUT where the document has not. */
int gw_json_tree_finish(gw_json_tree *t, json_t **ret, gw_error *e);

/* All of it at once; a document that is cut off is GW_ECORRUPT here. */
int gw_json_tree_parse(gw_str text, json_t **ret, gw_error *e);

/* Makes jansson allocate through gw_malloc, so that fault injection reaches it. Harmless to repeat; must come
 * before any JSON is made. The functions above do it. */
void gw_json_use_own_memory(void);

#endif
