/*
 * YAML and JSON text as a bounded tree whose every node knows its line and column, so that a wrong value in a
 * kubeconfig, a price file or a configuration is reported where it stands: "prices.yaml:12:7: ...".
 *
 * One document a file (an empty second one is taken); anchors, aliases and merge keys ("<<") are expanded,
 * and count against the bounds each time they are used, so that "billion laughs" ends in GW_ELIMIT. The tree
 * lives in the caller's arena. A duplicate key is an error.
 *
 * Reading fields, in the style that makes a reader short: every gw_yaml_read_* leaves *ret alone where the
 * field is absent or null (so preset your default), and fails with GW_ECONFIG, file, line and column where it
 * has the wrong type:
 *
 *     const char *server = NULL;
 *     bool insecure = false;
 *     if ((r = gw_yaml_read_text(cluster, "server", &server, e)) ||
 *         (r = gw_yaml_read_bool(cluster, "insecure-skip-tls-verify", &insecure, e)))
 *         return r;
 */
#ifndef GW_FORMAT_YAML_H
#define GW_FORMAT_YAML_H

#include "base/base.h"
#include "base/mem.h"

#define GW_YAML_MAX_BYTES ((size_t)16 << 20) /* of one text */
#define GW_YAML_MAX_DEPTH 32                 /* of nested maps and lists, aliases expanded */
#define GW_YAML_MAX_NODES 1000000            /* of one tree, aliases expanded */

typedef enum gw_yaml_kind {
    GW_YAML_NULL,   /* nothing, "~" or "null", unquoted */
    GW_YAML_SCALAR, /* text, number or boolean */
    GW_YAML_LIST,
    GW_YAML_MAP,
} gw_yaml_kind;

typedef struct gw_yaml gw_yaml;
struct gw_yaml {
    gw_yaml_kind kind;
    bool plain;            /* a scalar without quotes: may be a number or a boolean */
    uint32_t line, column; /* from 1 */
    uint32_t n;            /* items of a list, entries of a map */
    const char *file;      /* the name given to gw_yaml_parse */
    const char *key;       /* the key under which it stands in a map; NULL in a list and at the root */
    gw_str text;           /* of a scalar: NUL-terminated too; may hold NULs inside ("\0") */
    gw_yaml **items;       /* of a list or map, in order */
};

/*
 * Parses the text. `name` (copied) is what messages call it. Empty text gives a GW_YAML_NULL root.
 * GW_ECONFIG syntax, duplicate keys, a second document, keys that are no scalars · GW_ELIMIT a bound above ·
 * GW_ENOMEM
 */
int gw_yaml_parse(gw_arena *a, const char *name, gw_str text, const gw_yaml **ret, gw_error *e);

/* Reads and parses a file. GW_EIO where it cannot be read, else as gw_yaml_parse. */
int gw_yaml_load(gw_arena *a, const char *path, const gw_yaml **ret, gw_error *e);

/* The value under the key, or NULL where there is none or `map` is NULL or no map. A null value is a node. */
const gw_yaml *gw_yaml_get(const gw_yaml *map, const char *key);

/* One node as a value. GW_ECONFIG with the place where it is something else. */

/* Text: any quoted scalar, or a plain one that is neither a number nor true/false (those want quotes, as
 * kubectl has it). No NUL inside. */
int gw_yaml_text(const gw_yaml *y, const char **ret, gw_error *e);
/* Any scalar as it is written: text, 12, 0.5, true. No NUL inside. */
int gw_yaml_scalar(const gw_yaml *y, const char **ret, gw_error *e);
int gw_yaml_bool(const gw_yaml *y, bool *ret, gw_error *e);     /* true/false, yes/no, on/off; unquoted */
int gw_yaml_int64(const gw_yaml *y, int64_t *ret, gw_error *e); /* plain or quoted, decimal */
int gw_yaml_double(const gw_yaml *y, double *ret, gw_error *e); /* plain or quoted; finite */

/* The field of a map; absent or null: 0 with *ret untouched. `map` may be NULL (nothing is there). */
int gw_yaml_read_text(const gw_yaml *map, const char *key, const char **ret, gw_error *e);
int gw_yaml_read_scalar(const gw_yaml *map, const char *key, const char **ret, gw_error *e);
int gw_yaml_read_bool(const gw_yaml *map, const char *key, bool *ret, gw_error *e);
int gw_yaml_read_int64(const gw_yaml *map, const char *key, int64_t *ret, gw_error *e);
int gw_yaml_read_double(const gw_yaml *map, const char *key, double *ret, gw_error *e);
int gw_yaml_read_list(const gw_yaml *map, const char *key, const gw_yaml **ret, gw_error *e);
int gw_yaml_read_map(const gw_yaml *map, const char *key, const gw_yaml **ret, gw_error *e);

/* GW_ECONFIG unless it is of that kind. */
int gw_yaml_expect(const gw_yaml *y, gw_yaml_kind kind, gw_error *e);

/* GW_ECONFIG at the first key of the map that is not in known[] (NULL-terminated): for files of our own,
 * where a misspelt key must not be silently ignored. */
int gw_yaml_expect_keys(const gw_yaml *map, const char *const *known, gw_error *e);

/* gw_fail with "file:line:column: " before the message. */
int gw_yaml_fail(const gw_yaml *y, gw_error *e, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "a list", "a map", "nothing", "a number", "true or false", "text" */
const char *gw_yaml_kind_name(const gw_yaml *y);

#endif
