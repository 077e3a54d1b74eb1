/*
 * CSV as RFC 4180 has it: reading from a bounded text, and writing fields that any spreadsheet reads back.
 * https://www.rfc-editor.org/rfc/rfc4180
 *
 * The reader takes LF and CRLF (and a lone CR) as the end of a record, a byte-order mark at the start, quoted
 * fields with doubled quotes, delimiters and line breaks inside, and a last record without a line break.
 * Empty lines are skipped. It is strict where leniency hides a broken file: a quote inside an unquoted field,
 * text after a closing quote, a quote that nothing closes, and NUL bytes are errors with line and column.
 */
#ifndef GW_FORMAT_CSV_H
#define GW_FORMAT_CSV_H

#include "base/buf.h"

#define GW_CSV_MAX_FIELDS 256 /* of one record */

typedef struct gw_csv_field {
    gw_str value;          /* unescaped; valid until the next record is read */
    uint32_t line, column; /* where it starts; from 1, columns in bytes */
    bool quoted;
} gw_csv_field;

typedef struct gw_csv {
    const char *name; /* what messages call the text; not copied */
    gw_str text;      /* not copied */
    bool comments;    /* records that start with '#' are skipped; false unless set after gw_csv_init */
    /* the record read last */
    gw_csv_field field[GW_CSV_MAX_FIELDS];
    size_t n;
    /* the reader's place */
    size_t at;
    uint32_t line, column;
    gw_buf unescaped;
} gw_csv;

/* name and text must outlive the reader. */
void gw_csv_init(gw_csv *c, const char *name, gw_str text);
void gw_csv_free(gw_csv *c);

/* Reads the next record into c->field[0..c->n). 1: there is one. 0: the end. GW_ECORRUPT with "name:line:
 * column", GW_ELIMIT too many fields, GW_ENOMEM. */
int gw_csv_next(gw_csv *c, gw_error *e);

/* The index of the field of this record that reads `name`, letter case and blanks around it aside; SIZE_MAX
 * where none does: for the header record. */
size_t gw_csv_find(const gw_csv *c, const char *name);

/* Field i of this record without blanks around it; empty where the record is shorter or i is SIZE_MAX. */
gw_str gw_csv_get(const gw_csv *c, size_t i);

/* gw_fail with "name:line:column: " of field i (or of the record, where it is shorter) before the message. */
int gw_csv_fail(const gw_csv *c, size_t i, gw_error *e, int code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/*
 * Appends one field, quoted where it must be (a delimiter, quote, line break, or blanks at an end).
 * safe: a text that a spreadsheet would run as a formula (it starts with = + - @, their full-width forms, or
 * a tab or line break) gets an apostrophe before it; numbers stay as they are. Names of pods, labels and
 * models come from people, so every file that is meant for a spreadsheet is written safe.
 * https://owasp.org/www-community/attacks/CSV_Injection
 */
void gw_csv_write_field(gw_buf *b, gw_str value, bool safe);

/* Appends n fields with commas between them, and a line feed. */
void gw_csv_write_row(gw_buf *b, const char *const *values, size_t n, bool safe);

#endif
