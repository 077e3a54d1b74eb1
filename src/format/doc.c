#include "format/doc.h"

#include <math.h>

#include "base/utf8.h"

void gw_doc_init(gw_doc *d, gw_doc_format format, gw_buf *out)
{
    *d = (gw_doc){.out = out, .format = format};
}

/* ---- texts --------------------------------------------------------------------------------------------- */

/*
 * One escaping serves both: a YAML double-quoted scalar takes JSON's escapes. Characters that YAML counts as
 * not printable are escaped for JSON as well, so that the two back-ends differ in layout only.
 */
static bool must_escape(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
           (c >= 0xFFFE && c <= 0xFFFF);
}

static void put_quoted(gw_buf *b, gw_str s)
{
    gw_buf_putc(b, '"');
    for (size_t at = 0; at < s.n;) {
        char bytes[4];
        uint32_t c = gw_utf8_next(s, &at);
        if (c == '"' || c == '\\') {
            gw_buf_putc(b, '\\');
            gw_buf_putc(b, (char)c);
        } else if (c == '\n') {
            gw_buf_puts(b, "\\n");
        } else if (c == '\t') {
            gw_buf_puts(b, "\\t");
        } else if (must_escape(c)) {
            gw_buf_printf(b, "\\u%04x", (unsigned)c);
        } else {
            gw_buf_add(b, bytes, gw_utf8_put(c, bytes));
        }
    }
    gw_buf_putc(b, '"');
}

/* Words that some YAML reader takes for something other than text. */
static bool is_yaml_word(gw_str s)
{
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"};
    for (size_t i = 0; i < GW_COUNT(words); i++) {
        if (strlen(words[i]) == s.n && strncasecmp(words[i], s.p, s.n) == 0)
            return true;
    }
    return false;
}

/* Letters, digits and a few marks, beginning with a letter or '_': reads as text in every version of YAML. */
static bool is_plain(gw_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool inner = (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '/';
        if (!letter && !(inner && i > 0))
            return false;
    }
    return s.n > 0 && !is_yaml_word(s);
}

static void put_text(gw_doc *d, gw_str s)
{
    if (d->format == GW_DOC_YAML && is_plain(s))
        gw_buf_add(d->out, s.p, s.n);
    else
        put_quoted(d->out, s);
}

/* ---- layout -------------------------------------------------------------------------------------------- */

static void indent(gw_doc *d, size_t levels)
{
    gw_buf_printf(d->out, "%*s", (int)(2 * levels), "");
}

static void begin_json(gw_doc *d, const char *key)
{
    if (d->depth == 0)
        return;
    gw_doc_level *l = &d->level[d->depth - 1];
    gw_buf_puts(d->out, l->empty ? "\n" : ",\n");
    l->empty = false;
    indent(d, d->depth);
    if (key) {
        put_quoted(d->out, gw_str_of(key));
        gw_buf_puts(d->out, ": ");
    }
}

/*
 * "key:" or "-", without the blank that a scalar wants behind it. The first member of an object that stands
 * in an array shares the line with its "-".
 */
static void begin_yaml(gw_doc *d, const char *key)
{
    if (d->depth == 0)
        return;
    gw_doc_level *l = &d->level[d->depth - 1];
    bool on_dash = l->empty && !l->array && d->depth > 1 && d->level[d->depth - 2].array;
    if (on_dash) {
        gw_buf_putc(d->out, ' ');
    } else {
        if (d->depth > 1 || !l->empty)
            gw_buf_putc(d->out, '\n');
        indent(d, d->depth - 1);
    }
    l->empty = false;
    if (l->array) {
        gw_buf_putc(d->out, '-');
    } else {
        put_text(d, gw_str_of(key ? key : ""));
        gw_buf_putc(d->out, ':');
    }
}

static void begin(gw_doc *d, const char *key)
{
    if (d->depth > 0 && d->level[d->depth - 1].array != (key == NULL))
        d->misused = true;
    if (d->format == GW_DOC_JSON)
        begin_json(d, key);
    else
        begin_yaml(d, key);
}

/* Before a scalar. */
static void begin_value(gw_doc *d, const char *key)
{
    begin(d, key);
    if (d->format == GW_DOC_YAML && d->depth > 0)
        gw_buf_putc(d->out, ' ');
}

static void open_level(gw_doc *d, const char *key, bool array)
{
    begin(d, key);
    if (d->depth == GW_DOC_DEPTH_MAX) {
        d->misused = true;
        return;
    }
    d->level[d->depth++] = (gw_doc_level){array, true};
    if (d->format == GW_DOC_JSON)
        gw_buf_putc(d->out, array ? '[' : '{');
}

void gw_doc_object(gw_doc *d, const char *key)
{
    open_level(d, key, false);
}

void gw_doc_array(gw_doc *d, const char *key)
{
    open_level(d, key, true);
}

void gw_doc_end(gw_doc *d)
{
    if (d->depth == 0) {
        d->misused = true;
        return;
    }
    gw_doc_level l = d->level[--d->depth];
    if (d->format == GW_DOC_YAML) {
        if (l.empty)
            gw_buf_puts(d->out, d->depth ? (l.array ? " []" : " {}") : (l.array ? "[]" : "{}"));
        return;
    }
    if (!l.empty) {
        gw_buf_putc(d->out, '\n');
        indent(d, d->depth);
    }
    gw_buf_putc(d->out, l.array ? ']' : '}');
}

/* ---- values -------------------------------------------------------------------------------------------- */

void gw_doc_null(gw_doc *d, const char *key)
{
    begin_value(d, key);
    gw_buf_puts(d->out, "null");
}

void gw_doc_bool(gw_doc *d, const char *key, bool v)
{
    begin_value(d, key);
    gw_buf_puts(d->out, v ? "true" : "false");
}

void gw_doc_int(gw_doc *d, const char *key, int64_t v)
{
    begin_value(d, key);
    gw_buf_printf(d->out, "%" PRId64, v);
}

void gw_doc_str(gw_doc *d, const char *key, gw_str v)
{
    begin_value(d, key);
    put_text(d, v);
}

void gw_doc_text(gw_doc *d, const char *key, const char *v)
{
    if (v)
        gw_doc_str(d, key, gw_str_of(v));
    else
        gw_doc_null(d, key);
}

const char *gw_decimal_format(double v, int decimals, bool trim, char out[GW_DECIMAL_TEXT_MAX])
{
    int n = snprintf(out, GW_DECIMAL_TEXT_MAX, "%.*f", GW_MAX(0, GW_MIN(decimals, 15)), v);
    if (trim && memchr(out, '.', (size_t)n)) {
        while (out[n - 1] == '0')
            n--;
        if (out[n - 1] == '.')
            n--;
        out[n] = '\0';
    }
    /* a value that rounds to nothing is 0, not -0 */
    if (out[0] == '-' && strspn(out + 1, "0.") == strlen(out + 1))
        memmove(out, out + 1, strlen(out));
    return out;
}

static void put_number(gw_doc *d, const char *key, double v, int decimals, bool trim)
{
    char text[GW_DECIMAL_TEXT_MAX];
    if (!isfinite(v)) {
        gw_doc_null(d, key);
        return;
    }
    begin_value(d, key);
    gw_buf_puts(d->out, gw_decimal_format(v, decimals, trim, text));
}

void gw_doc_fixed(gw_doc *d, const char *key, double v, int decimals)
{
    put_number(d, key, v, decimals, false);
}

void gw_doc_number(gw_doc *d, const char *key, double v, int decimals)
{
    put_number(d, key, v, decimals, true);
}

void gw_doc_money(gw_doc *d, const char *key, gw_micro v)
{
    char text[GW_MICRO_TEXT_MAX];
    if (!gw_micro_known(v)) {
        gw_doc_null(d, key);
        return;
    }
    begin_value(d, key);
    gw_buf_puts(d->out, gw_micro_format(v, text));
}

int gw_doc_finish(gw_doc *d, gw_error *e)
{
    if (d->misused || d->depth)
        return gw_fail(e, GW_EINTERNAL, "the document was written wrongly; this is a bug, please report it");
    gw_buf_putc(d->out, '\n');
    return gw_buf_check(d->out, "the output", e);
}
