#include "format/table.h"

#include "base/utf8.h"

#define TEXT_MAX ((size_t)1 << 30)
#define GAP      2 /* blanks between columns */

/* ---- text ---------------------------------------------------------------------------------------------- */

size_t gw_text_write(gw_buf *b, gw_str s, size_t max_width)
{
    bool cut = max_width > 0 && gw_text_width(s) > max_width;
    size_t room = cut ? max_width - 1 : SIZE_MAX, width = 0;
    for (size_t at = 0; at < s.n;) {
        char bytes[4];
        uint32_t c = gw_utf8_next(s, &at);
        if (gw_utf8_is_control(c))
            c = '?';
        size_t w = (size_t)gw_utf8_width(c);
        if (width + w > room)
            break;
        gw_buf_add(b, bytes, gw_utf8_put(c, bytes));
        width += w;
    }
    if (cut) {
        gw_buf_puts(b, "…");
        width++;
    }
    return width;
}

void gw_style_begin(gw_buf *b, gw_style style, bool colour)
{
    static const char *const codes[] = {"", "\033[1m", "\033[2m", "\033[31m", "\033[33m", "\033[32m"};
    if (colour)
        gw_buf_puts(b, codes[style]);
}

void gw_style_end(gw_buf *b, gw_style style, bool colour)
{
    if (colour && style != GW_STYLE_PLAIN)
        gw_buf_puts(b, "\033[0m");
}

/* ---- filling ------------------------------------------------------------------------------------------- */

void gw_table_init(gw_table *t)
{
    *t = (gw_table){0};
    gw_buf_init(&t->text, TEXT_MAX);
}

void gw_table_free(gw_table *t)
{
    gw_free(t->cells);
    gw_buf_free(&t->text);
    gw_table_init(t);
}

void gw_table_column_add(gw_table *t, gw_table_column c)
{
    if (t->n_columns == GW_TABLE_COLUMNS_MAX)
        t->failed = GW_ELIMIT;
    else
        t->columns[t->n_columns++] = c;
}

void gw_table_cell_add(gw_table *t, gw_style style, const char *text)
{
    void *p = t->cells;
    size_t n = strlen(text);
    if (t->failed)
        return;
    t->failed = gw_grow(&p, &t->cap_cells, t->n_cells + 1, sizeof(*t->cells), GW_TABLE_CELLS_MAX);
    t->cells = p;
    if (t->failed)
        return;
    t->cells[t->n_cells++] = (gw_table_cell){(uint32_t)t->text.len, (uint32_t)n, style};
    gw_buf_add(&t->text, text, n);
    t->failed = t->text.failed;
}

void gw_table_cellf(gw_table *t, gw_style style, const char *format, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    gw_table_cell_add(t, style, text);
}

/* ---- layout -------------------------------------------------------------------------------------------- */

typedef struct layout {
    size_t width[GW_TABLE_COLUMNS_MAX]; /* 0: left out */
    bool shown[GW_TABLE_COLUMNS_MAX];
} layout;

static gw_str cell_text(const gw_table *t, const gw_table_cell *c)
{
    return (gw_str){c->n ? t->text.data + c->at : "", c->n};
}

static void measure(const gw_table *t, layout *l)
{
    for (size_t c = 0; c < t->n_columns; c++) {
        l->width[c] = gw_text_width(gw_str_of(t->columns[c].title));
        l->shown[c] = true;
    }
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t w = gw_text_width(cell_text(t, &t->cells[i])), c = i % t->n_columns;
        l->width[c] = GW_MAX(l->width[c], w);
    }
}

/* What a column cannot give up. */
static size_t least_width(const gw_table *t, const layout *l, size_t c)
{
    size_t least = t->columns[c].least;
    if (least == 0)
        return l->width[c];
    return GW_MIN(l->width[c], GW_MAX(least, gw_text_width(gw_str_of(t->columns[c].title))));
}

static size_t total_width(const gw_table *t, const layout *l, bool least)
{
    size_t total = 0, shown = 0;
    for (size_t c = 0; c < t->n_columns; c++) {
        if (!l->shown[c])
            continue;
        total += least ? least_width(t, l, c) : l->width[c];
        shown++;
    }
    return total + (shown ? (shown - 1) * GAP : 0);
}

static bool leave_one_out(const gw_table *t, layout *l)
{
    size_t worst = t->n_columns;
    for (size_t c = 0; c < t->n_columns; c++) {
        if (l->shown[c] && t->columns[c].rank > 0 &&
            (worst == t->n_columns || t->columns[c].rank >= t->columns[worst].rank))
            worst = c;
    }
    if (worst == t->n_columns)
        return false;
    l->shown[worst] = false;
    return true;
}

/* Takes one column of the terminal from the widest text that may be cut. */
static bool narrow_one(const gw_table *t, layout *l)
{
    size_t widest = t->n_columns;
    for (size_t c = 0; c < t->n_columns; c++) {
        if (l->shown[c] && l->width[c] > least_width(t, l, c) &&
            (widest == t->n_columns || l->width[c] > l->width[widest]))
            widest = c;
    }
    if (widest == t->n_columns)
        return false;
    l->width[widest]--;
    return true;
}

/* Where even the least widths are too wide, what may be cut is cut further, to one column. */
static bool squeeze_one(const gw_table *t, layout *l)
{
    size_t widest = t->n_columns;
    for (size_t c = 0; c < t->n_columns; c++) {
        if (l->shown[c] && t->columns[c].least && l->width[c] > 1 &&
            (widest == t->n_columns || l->width[c] > l->width[widest]))
            widest = c;
    }
    if (widest == t->n_columns)
        return false;
    l->width[widest]--;
    return true;
}

static void fit(const gw_table *t, layout *l, size_t max_width)
{
    while (total_width(t, l, true) > max_width && leave_one_out(t, l))
        ;
    while (total_width(t, l, false) > max_width && (narrow_one(t, l) || squeeze_one(t, l)))
        ;
}

static void pad(gw_buf *b, size_t n)
{
    gw_buf_printf(b, "%*s", (int)n, "");
}

static void write_cell(gw_buf *b, const gw_table_column *c, size_t width, gw_str text, gw_style style,
                       bool last, bool colour)
{
    size_t w = GW_MIN(gw_text_width(text), width);
    if (c->right)
        pad(b, width - w);
    gw_style_begin(b, style, colour);
    w = gw_text_write(b, text, width);
    gw_style_end(b, style, colour);
    if (!c->right && !last && width > w)
        pad(b, width - w);
}

static void write_row(const gw_table *t, const layout *l, gw_buf *b, const gw_table_cell *row, size_t indent,
                      bool colour)
{
    size_t last = 0, gap = indent;
    for (size_t c = 0; c < t->n_columns; c++) {
        gw_str text = row ? cell_text(t, &row[c]) : gw_str_of(t->columns[c].title);
        last = l->shown[c] && text.n ? c : last;
    }
    /* blanks are written before a cell and never at the end of a line */
    for (size_t c = 0; c <= last && c < t->n_columns; c++) {
        if (!l->shown[c])
            continue;
        pad(b, gap);
        gap = GAP;
        gw_str text = row ? cell_text(t, &row[c]) : gw_str_of(t->columns[c].title);
        write_cell(b, &t->columns[c], l->width[c], text, row ? row[c].style : GW_STYLE_DIM, c == last,
                   colour);
    }
    gw_buf_putc(b, '\n');
}

int gw_table_write(const gw_table *t, gw_buf *b, size_t max_width, size_t indent, bool colour, gw_error *e)
{
    layout l;
    if (t->failed == GW_ENOMEM)
        return gw_fail_memory(e);
    if (t->failed)
        return gw_fail(e, t->failed, "the table is larger than gpuwise takes; use -o csv or -o json");
    if (t->n_columns == 0)
        return 0;
    measure(t, &l);
    if (max_width)
        fit(t, &l, max_width > indent ? max_width - indent : 1);
    write_row(t, &l, b, NULL, indent, colour);
    for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
        write_row(t, &l, b, &t->cells[i], indent, colour);
    return gw_buf_check(b, "the table", e);
}
