/*
 * Aligned text tables for terminals. Widths are counted in columns of the terminal, not bytes. Where a table
 * is wider than it may be, columns give way in this order: those with a `rank` are left out, highest rank
 * first, then texts are cut at an ellipsis, the widest first, down to their `least`. Control characters and
 * marks that turn the direction of text are shown as '?', so that no label can write on the terminal.
 */
#ifndef GW_FORMAT_TABLE_H
#define GW_FORMAT_TABLE_H

#include "base/buf.h"
#include "base/mem.h"

typedef enum gw_style {
    GW_STYLE_PLAIN,
    GW_STYLE_BOLD,
    GW_STYLE_DIM,
    GW_STYLE_RED,
    GW_STYLE_YELLOW,
    GW_STYLE_GREEN,
} gw_style;

typedef struct gw_table_column {
    const char *title; /* with its unit: "BILL $"; borrowed */
    bool right;        /* numbers */
    size_t least;      /* the fewest columns that a text is cut to; 0: never cut */
    int rank;          /* 0: always shown; else the higher the sooner it is left out */
} gw_table_column;

#define GW_TABLE_COLUMNS_MAX 64
#define GW_TABLE_CELLS_MAX   ((size_t)1 << 26)

typedef struct gw_table_cell {
    uint32_t at, n; /* in `text` */
    gw_style style;
} gw_table_cell;

typedef struct gw_table {
    gw_table_column columns[GW_TABLE_COLUMNS_MAX];
    size_t n_columns;
    gw_table_cell *cells; /* row after row */
    size_t n_cells, cap_cells;
    gw_buf text;
    int failed; /* sticky, as in gw_buf */
} gw_table;

void gw_table_init(gw_table *t);
void gw_table_free(gw_table *t);
/* Columns are added before the first cell; beyond GW_TABLE_COLUMNS_MAX they are GW_ELIMIT. */
void gw_table_column_add(gw_table *t, gw_table_column c);
/* Cells fill row after row, from left to right. The text is copied. */
void gw_table_cell_add(gw_table *t, gw_style style, const char *text);
void gw_table_cellf(gw_table *t, gw_style style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends the table. max_width: columns, 0 = as wide as it is. indent: blanks before each line. */
int gw_table_write(const gw_table *t, gw_buf *b, size_t max_width, size_t indent, bool colour, gw_error *e);

/* Appends the text, made safe for a terminal and cut at an ellipsis to max_width columns (0 = never cut).
 * Returns its width. */
size_t gw_text_write(gw_buf *b, gw_str s, size_t max_width);
/* Appends the escape sequences of a style; nothing without colour. */
void gw_style_begin(gw_buf *b, gw_style style, bool colour);
void gw_style_end(gw_buf *b, gw_style style, bool colour);

#endif
