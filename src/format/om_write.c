#include "format/om.h"

#include <math.h>

#define SUFFIX_TOTAL    "_total"
#define EXACT_INT_LIMIT 1e15 /* integers below it have at most 15 digits, which %g would keep as well */

static bool is_plain_name(gw_str s, bool metric)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (metric && c == ':');
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return s.n > 0;
}

static void add_escaped(gw_buf *b, gw_str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *as = s.p[i] == '\\' ? "\\\\" : s.p[i] == '"' ? "\\\"" : s.p[i] == '\n' ? "\\n" : NULL;
        if (!as)
            continue;
        gw_buf_add(b, s.p + from, i - from);
        gw_buf_puts(b, as);
        from = i + 1;
    }
    gw_buf_add(b, s.p + from, s.n - from);
}

static void add_quoted(gw_buf *b, gw_str s)
{
    gw_buf_putc(b, '"');
    add_escaped(b, s);
    gw_buf_putc(b, '"');
}

void gw_om_write_series(gw_buf *b, const gw_label *labels, size_t n_labels)
{
    gw_str name = {"", 0};
    for (size_t i = 0; i < n_labels; i++) {
        if (gw_str_is(labels[i].name, "__name__"))
            name = labels[i].value;
    }
    bool plain = is_plain_name(name, true);
    char open = '{';
    if (plain) {
        gw_buf_add(b, name.p, name.n);
    } else {
        gw_buf_putc(b, '{');
        add_quoted(b, name);
        open = ',';
    }
    for (size_t i = 0; i < n_labels; i++) {
        if (gw_str_is(labels[i].name, "__name__"))
            continue;
        gw_buf_putc(b, open);
        open = ',';
        if (is_plain_name(labels[i].name, false))
            gw_buf_add(b, labels[i].name.p, labels[i].name.n);
        else
            add_quoted(b, labels[i].name);
        gw_buf_putc(b, '=');
        add_quoted(b, labels[i].value);
    }
    gw_buf_puts(b, open == ',' ? "} " : " ");
}

static size_t put_int(char *out, uint64_t v)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

/* The shortest of %.15g, %.16g and %.17g that reads back as the same number. */
static size_t put_value(char *out, size_t size, double v)
{
    if (isnan(v))
        return (size_t)snprintf(out, size, "NaN");
    if (isinf(v))
        return (size_t)snprintf(out, size, v > 0 ? "+Inf" : "-Inf");
    if (fabs(v) < EXACT_INT_LIMIT && v == (double)(int64_t)v) {
        size_t n = 0;
        if (signbit(v))
            out[n++] = '-';
        return n + put_int(out + n, (uint64_t)fabs(v));
    }
    int n = 0;
    for (int precision = 15; precision <= 17; precision++) {
        n = snprintf(out, size, "%.*g", precision, v);
        if (strtod(out, NULL) == v)
            break;
    }
    return (size_t)n;
}

void gw_om_write_point(gw_buf *b, int64_t t_ms, double value)
{
    char text[80];
    size_t n = put_value(text, 40, value);
    text[n++] = ' ';
    uint64_t ms = t_ms < 0 ? -(uint64_t)t_ms : (uint64_t)t_ms;
    if (t_ms < 0)
        text[n++] = '-';
    n += put_int(text + n, ms / 1000);
    if (ms % 1000) {
        text[n++] = '.';
        text[n++] = (char)('0' + ms % 1000 / 100);
        text[n++] = (char)('0' + ms % 100 / 10);
        text[n++] = (char)('0' + ms % 10);
    }
    text[n++] = '\n';
    gw_buf_add(b, text, n);
}

void gw_om_write_sample(gw_buf *b, const gw_label *labels, size_t n_labels, int64_t t_ms, double value)
{
    gw_om_write_series(b, labels, n_labels);
    gw_om_write_point(b, t_ms, value);
}

void gw_om_write_type(gw_buf *b, gw_str name)
{
    size_t n = strlen(SUFFIX_TOTAL);
    bool counter = name.n > n && memcmp(name.p + name.n - n, SUFFIX_TOTAL, n) == 0;
    gw_buf_puts(b, "# TYPE ");
    gw_str family = {name.p, counter ? name.n - n : name.n};
    if (is_plain_name(family, true))
        gw_buf_add(b, family.p, family.n);
    else
        add_quoted(b, family);
    gw_buf_puts(b, counter ? " counter\n" : " gauge\n");
}

void gw_om_write_eof(gw_buf *b)
{
    gw_buf_puts(b, "# EOF\n");
}
