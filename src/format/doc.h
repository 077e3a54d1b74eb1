/*
 * A document writer with two back-ends: the same calls give JSON (RFC 8259, indented by two) or YAML 1.2 in
 * block style. Streams into a gw_buf; memory does not grow with the document but by what the buffer holds.
 *
 *     gw_doc d;
 *     gw_doc_init(&d, GW_DOC_JSON, &buf);
 *     gw_doc_object(&d, NULL);
 *     gw_doc_text(&d, "kind", "Report");
 *     gw_doc_end(&d);
 *     if (gw_doc_finish(&d, e)) ...
 *
 * `key` is the member's name in an object, and NULL in an array and at the top. Unknown values are null, and
 * null only: a NULL text, a double that is not finite, GW_MICRO_UNKNOWN. Texts are taken as UTF-8; bytes that
 * are none become U+FFFD, so that the output is always well-formed.
 */
#ifndef GW_FORMAT_DOC_H
#define GW_FORMAT_DOC_H

#include "base/buf.h"
#include "base/money.h"

#define GW_DOC_DEPTH_MAX 32

typedef enum gw_doc_format { GW_DOC_JSON, GW_DOC_YAML } gw_doc_format;

typedef struct gw_doc_level {
    bool array, empty;
} gw_doc_level;

typedef struct gw_doc {
    gw_buf *out;
    gw_doc_format format;
    size_t depth;
    gw_doc_level level[GW_DOC_DEPTH_MAX];
    bool misused; /* nested too deep, or ended too often: a bug of the caller's */
} gw_doc;

void gw_doc_init(gw_doc *d, gw_doc_format format, gw_buf *out);

void gw_doc_object(gw_doc *d, const char *key);
void gw_doc_array(gw_doc *d, const char *key);
/* Ends the innermost object or array. */
void gw_doc_end(gw_doc *d);

void gw_doc_null(gw_doc *d, const char *key);
void gw_doc_bool(gw_doc *d, const char *key, bool v);
void gw_doc_int(gw_doc *d, const char *key, int64_t v);
void gw_doc_text(gw_doc *d, const char *key, const char *v);
void gw_doc_str(gw_doc *d, const char *key, gw_str v);
/* Exactly `decimals` decimals (0..15). */
void gw_doc_fixed(gw_doc *d, const char *key, double v, int decimals);
/* At most `decimals` decimals (0..15), without trailing zeros. */
void gw_doc_number(gw_doc *d, const char *key, double v, int decimals);
/* Dollars with exactly six decimals. */
void gw_doc_money(gw_doc *d, const char *key, gw_micro v);

/* Ends the last line. 0, GW_ENOMEM or GW_ELIMIT of the buffer, or GW_EINTERNAL where something is still open.
 */
int gw_doc_finish(gw_doc *d, gw_error *e);

/* "0.058" without trailing zeros, or with exactly `decimals`; for every writer of numbers. Returns out. */
#define GW_DECIMAL_TEXT_MAX 352
const char *gw_decimal_format(double v, int decimals, bool trim, char out[GW_DECIMAL_TEXT_MAX]);

#endif
