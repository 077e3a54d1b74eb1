#include "format/csv.h"

#include <strings.h>

#include "base/mem.h"
#include "base/number.h"

void gw_csv_init(gw_csv *c, const char *name, gw_str text)
{
    memset(c, 0, sizeof(*c));
    c->name = name;
    c->text = text;
    c->line = c->column = 1;
    gw_buf_init(&c->unescaped, text.n);
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        c->at = 3;
}

void gw_csv_free(gw_csv *c)
{
    gw_buf_free(&c->unescaped);
}

static int fail_here(const gw_csv *c, gw_error *e, int code, const char *what)
{
    return gw_fail(e, code, "%s:%" PRIu32 ":%" PRIu32 ": %s", c->name, c->line, c->column, what);
}

static bool at_end(const gw_csv *c)
{
    return c->at >= c->text.n;
}

static char here(const gw_csv *c)
{
    return c->text.p[c->at];
}

static void step(gw_csv *c)
{
    c->at++;
    c->column++;
}

static bool is_break(char ch)
{
    return ch == '\n' || ch == '\r';
}

/* Takes LF, CRLF or CR. */
static void step_line(gw_csv *c)
{
    bool crlf = here(c) == '\r' && c->at + 1 < c->text.n && c->text.p[c->at + 1] == '\n';
    c->at += crlf ? 2 : 1;
    c->line++;
    c->column = 1;
}

/*
 * The text behind the opening quote, up to and with the closing one. While the record is read, value.p is
 * NULL and value.n the place in c->unescaped, since that may move; close_fields() turns it into a slice.
 */
static int read_quoted(gw_csv *c, gw_csv_field *f, size_t *start, gw_error *e)
{
    *start = c->unescaped.len;
    step(c);
    for (;;) {
        if (at_end(c)) {
            c->line = f->line;
            c->column = f->column;
            return fail_here(c, e, GW_ECORRUPT, "this quote is never closed");
        }
        char ch = here(c);
        if (ch == '\0')
            return fail_here(c, e, GW_ECORRUPT, "a NUL byte: this is not a text file");
        if (is_break(ch)) {
            size_t from = c->at;
            step_line(c);
            gw_buf_add(&c->unescaped, c->text.p + from, c->at - from);
            continue;
        }
        step(c);
        if (ch == '"') {
            if (at_end(c) || here(c) != '"')
                break;
            step(c);
        }
        gw_buf_putc(&c->unescaped, ch);
    }
    f->quoted = true;
    if (!at_end(c) && here(c) != ',' && !is_break(here(c)))
        return fail_here(c, e, GW_ECORRUPT, "text after a closing quote; a quote inside is written twice");
    return gw_buf_check(&c->unescaped, c->name, e);
}

static int read_plain(gw_csv *c, gw_csv_field *f, gw_error *e)
{
    size_t from = c->at;
    while (!at_end(c) && here(c) != ',' && !is_break(here(c))) {
        if (here(c) == '\0')
            return fail_here(c, e, GW_ECORRUPT, "a NUL byte: this is not a text file");
        if (here(c) == '"')
            return fail_here(c, e, GW_ECORRUPT,
                             "a quote inside a field that is not quoted; put the whole field in quotes");
        step(c);
    }
    f->value = (gw_str){c->text.p + from, c->at - from};
    return 0;
}

static int read_record(gw_csv *c, gw_error *e)
{
    size_t start[GW_CSV_MAX_FIELDS];
    int r;
    c->n = 0;
    gw_buf_clear(&c->unescaped);
    for (;;) {
        if (c->n == GW_CSV_MAX_FIELDS)
            return fail_here(c, e, GW_ELIMIT, "more fields in one line than gpuwise takes (256)");
        gw_csv_field *f = &c->field[c->n];
        *f = (gw_csv_field){.line = c->line, .column = c->column};
        if (!at_end(c) && here(c) == '"')
            r = read_quoted(c, f, &start[c->n], e);
        else
            r = read_plain(c, f, e);
        if (r)
            return r;
        if (f->quoted)
            f->value.n = c->unescaped.len - start[c->n];
        c->n++;
        if (at_end(c) || here(c) != ',')
            break;
        step(c);
    }
    if (!at_end(c))
        step_line(c);
    for (size_t i = 0; i < c->n; i++)
        if (c->field[i].quoted)
            c->field[i].value.p = c->unescaped.data ? c->unescaped.data + start[i] : "";
    return 0;
}

int gw_csv_next(gw_csv *c, gw_error *e)
{
    while (!at_end(c)) {
        if (c->comments && here(c) == '#') {
            while (!at_end(c) && !is_break(here(c)))
                step(c);
            if (!at_end(c))
                step_line(c);
            continue;
        }
        int r = read_record(c, e);
        if (r)
            return r;
        if (c->n > 1 || c->field[0].quoted || gw_csv_get(c, 0).n)
            return 1;
    }
    c->n = 0;
    return 0;
}

static bool is_blank(char ch)
{
    return ch == ' ' || ch == '\t';
}

gw_str gw_csv_get(const gw_csv *c, size_t i)
{
    if (i >= c->n)
        return (gw_str){"", 0};
    gw_str s = c->field[i].value;
    while (s.n && is_blank(s.p[0]))
        s = (gw_str){s.p + 1, s.n - 1};
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

size_t gw_csv_find(const gw_csv *c, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < c->n; i++) {
        gw_str s = gw_csv_get(c, i);
        if (s.n == n && strncasecmp(s.p, name, n) == 0)
            return i;
    }
    return SIZE_MAX;
}

int gw_csv_fail(const gw_csv *c, size_t i, gw_error *e, int code, const char *format, ...)
{
    uint32_t line = c->line, column = c->column;
    if (c->n) {
        const gw_csv_field *f = &c->field[i < c->n ? i : 0];
        line = f->line;
        column = f->column;
    }
    gw_error inner;
    va_list ap;
    va_start(ap, format);
    vsnprintf(inner.message, sizeof(inner.message), format, ap);
    va_end(ap);
    return gw_fail(e, code, "%s:%" PRIu32 ":%" PRIu32 ": %s", c->name, line, column, inner.message);
}

/* A spreadsheet takes these at the start of a cell as the start of a formula, or skips them to find one. */
static bool looks_like_formula(gw_str v)
{
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
    double number;
    if (v.n == 0)
        return false;
    if (strchr("=+-@\t\r\n", v.p[0]) && v.p[0])
        return !gw_parse_double(v, &number);
    for (size_t i = 0; i < GW_COUNT(wide); i++)
        if (v.n >= 3 && memcmp(v.p, wide[i], 3) == 0)
            return true;
    return false;
}

static bool needs_quotes(gw_str v)
{
    if (v.n && (is_blank(v.p[0]) || is_blank(v.p[v.n - 1])))
        return true;
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] == ',' || v.p[i] == '"' || is_break(v.p[i]))
            return true;
    return false;
}

void gw_csv_write_field(gw_buf *b, gw_str value, bool safe)
{
    bool quoted = needs_quotes(value);
    if (quoted)
        gw_buf_putc(b, '"');
    if (safe && looks_like_formula(value))
        gw_buf_putc(b, '\'');
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] == '"')
            gw_buf_putc(b, '"');
        gw_buf_putc(b, value.p[i]);
    }
    if (quoted)
        gw_buf_putc(b, '"');
}

void gw_csv_write_row(gw_buf *b, const char *const *values, size_t n, bool safe)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            gw_buf_putc(b, ',');
        /* a line of one empty field would be an empty line, which readers skip */
        if (n == 1 && (!values[0] || !values[0][0]))
            gw_buf_puts(b, "\"\"");
        else
            gw_csv_write_field(b, gw_str_of(values[i]), safe);
    }
    gw_buf_putc(b, '\n');
}
