#include "operate/review_page.h"

#include <math.h>

#include "base/utf8.h"

/* Texts of a page are names and sentences: a longer one is cut, never a table. */
#define TEXT_MAX ((size_t)64 << 10)

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b2026;--dim:#59636e;--line:#d5dbe1;--card:#fdf3e6;"
    "--mark:#b3611a}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#12161b;--fg:#e6eaee;--dim:#9aa5b1;--line:#2c343d;"
    "--card:#2a2119;--mark:#e8a04e}}\n"
    "body{margin:0 auto;max-width:72rem;padding:1.5rem;background:var(--bg);color:var(--fg);"
    "font:15px/1.5 system-ui,sans-serif}h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2rem}"
    "h3{font-size:1rem}.note{border-left:4px solid var(--mark);background:var(--card);padding:.5rem 1rem}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;color:var(--dim)}th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);"
    "text-align:left;vertical-align:top}.n{text-align:right;white-space:nowrap}\n";

static void put_html(gw_buf *b, uint32_t c, const char *bytes, size_t n)
{
    switch (c) {
    case '<':
        gw_buf_puts(b, "&lt;");
        break;
    case '>':
        gw_buf_puts(b, "&gt;");
        break;
    case '&':
        gw_buf_puts(b, "&amp;");
        break;
    case '"':
        gw_buf_puts(b, "&quot;");
        break;
    default:
        gw_buf_add(b, bytes, n);
    }
}

/* Every mark that Markdown or the HTML inside it could read something into; '-' and '.' only matter at the
 * start of a line, where no text of others stands. */
static void put_markdown(gw_buf *b, uint32_t c, const char *bytes, size_t n)
{
    if (c == '<' || c == '&')
        gw_buf_puts(b, c == '<' ? "&lt;" : "&amp;");
    else if (c < 0x80 && strchr("\\`*_[]|~#", (int)c))
        gw_buf_printf(b, "\\%c", (char)c);
    else
        gw_buf_add(b, bytes, n);
}

static void put_text(const gw_page *p, const char *s)
{
    gw_str text = gw_str_of(s);
    for (size_t at = 0; at < text.n;) {
        char bytes[4];
        uint32_t c = gw_utf8_next(text, &at);
        if (c == 0 || gw_utf8_is_control(c) || c == 0xFFFE || c == 0xFFFF)
            c = c == '\n' || c == '\t' ? ' ' : GW_UTF8_REPLACEMENT;
        size_t n = gw_utf8_put(c, bytes);
        if (p->html)
            put_html(p->out, c, bytes, n);
        else
            put_markdown(p->out, c, bytes, n);
    }
}

__attribute__((format(printf, 2, 0))) static void put_format(const gw_page *p, const char *format,
                                                             va_list args)
{
    char small[512];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(small, sizeof(small), format, args);
    if (n >= 0 && (size_t)n < sizeof(small)) {
        put_text(p, small);
    } else {
        gw_buf long_text;
        gw_buf_init(&long_text, TEXT_MAX);
        size_t size = GW_MIN((size_t)GW_MAX(n, 0), TEXT_MAX - 2) + 1;
        /* room for what is written into it below */
        for (size_t i = 0; i < size; i++)
            gw_buf_putc(&long_text, ' ');
        if (long_text.failed) {
            p->out->failed = p->out->failed ? p->out->failed : long_text.failed;
        } else {
            vsnprintf(long_text.data, size, format, again);
            put_text(p, long_text.data);
        }
        gw_buf_free(&long_text);
    }
    va_end(again);
}

void gw_page_begin(gw_page *p, bool html, gw_buf *out, const char *title)
{
    *p = (gw_page){.out = out, .html = html};
    if (!html) {
        gw_buf_puts(out, "# ");
        put_text(p, title);
        gw_buf_puts(out, "\n");
        return;
    }
    gw_buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                     "'unsafe-inline'\"/>\n<title>");
    put_text(p, title);
    gw_buf_printf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
    put_text(p, title);
    gw_buf_puts(out, "</h1>\n");
}

void gw_page_end(gw_page *p)
{
    if (p->html)
        gw_buf_puts(p->out, "</body>\n</html>\n");
}

void gw_page_heading(gw_page *p, int level, const char *text)
{
    if (p->html)
        gw_buf_printf(p->out, "<h%d>", level);
    else
        gw_buf_puts(p->out, level == 2 ? "\n## " : "\n### ");
    put_text(p, text);
    if (p->html)
        gw_buf_printf(p->out, "</h%d>\n", level);
    else
        gw_buf_puts(p->out, "\n");
}

void gw_page_text(gw_page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    gw_buf_puts(p->out, p->html ? "<p>" : "\n");
    put_format(p, format, args);
    gw_buf_puts(p->out, p->html ? "</p>\n" : "\n");
    va_end(args);
}

void gw_page_note(gw_page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    gw_buf_puts(p->out, p->html ? "<p class=\"note\">" : "\n> ");
    put_format(p, format, args);
    gw_buf_puts(p->out, p->html ? "</p>\n" : "\n");
    va_end(args);
}

void gw_page_table(gw_page *p, const char *caption, const char *const *titles, size_t n)
{
    p->n_columns = GW_MIN(n, (size_t)GW_PAGE_COLUMNS_MAX);
    p->at = 0;
    gw_buf_puts(p->out,
                p->html ? "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" : "\n|");
    if (p->html) {
        put_text(p, caption);
        gw_buf_puts(p->out, "\"><table>\n<caption>");
        put_text(p, caption);
        gw_buf_puts(p->out, "</caption>\n<thead><tr>");
    }
    for (size_t i = 0; i < p->n_columns; i++) {
        p->right[i] = titles[i][0] == '>';
        const char *title = titles[i] + p->right[i];
        gw_buf_puts(p->out, !p->html      ? " "
                            : p->right[i] ? "<th scope=\"col\" class=\"n\">"
                                          : "<th scope=\"col\">");
        put_text(p, title);
        gw_buf_puts(p->out, p->html ? "</th>" : " |");
    }
    gw_buf_puts(p->out, p->html ? "</tr></thead>\n<tbody>\n" : "\n|");
    for (size_t i = 0; i < p->n_columns && !p->html; i++)
        gw_buf_puts(p->out, p->right[i] ? " ---: |" : " --- |");
    if (!p->html)
        gw_buf_puts(p->out, "\n");
}

static void cell_begin(gw_page *p)
{
    if (p->at == 0)
        gw_buf_puts(p->out, p->html ? "<tr>" : "|");
    gw_buf_puts(p->out, !p->html ? " " : p->right[p->at] ? "<td class=\"n\">" : "<td>");
}

static void cell_end(gw_page *p)
{
    gw_buf_puts(p->out, p->html ? "</td>" : " |");
    if (++p->at < p->n_columns)
        return;
    gw_buf_puts(p->out, p->html ? "</tr>\n" : "\n");
    p->at = 0;
}

void gw_page_cell(gw_page *p, const char *text)
{
    cell_begin(p);
    put_text(p, text ? text : "–");
    cell_end(p);
}

void gw_page_cellf(gw_page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    cell_begin(p);
    put_format(p, format, args);
    cell_end(p);
    va_end(args);
}

void gw_page_table_end(gw_page *p)
{
    if (p->html)
        gw_buf_puts(p->out, "</tbody></table></div>\n");
}

void gw_page_cell_money(gw_page *p, gw_micro m)
{
    char text[GW_MICRO_TEXT_MAX];
    gw_page_cell(p, gw_micro_known(m) ? gw_micro_format_human(m, text) : "unknown");
}

void gw_page_cell_change(gw_page *p, gw_micro m)
{
    char text[GW_MICRO_TEXT_MAX];
    if (!gw_micro_known(m))
        gw_page_cell(p, "unknown");
    else
        gw_page_cellf(p, "%s%s", m > 0 ? "+" : "", gw_micro_format_human(m, text));
}

void gw_page_cell_share(gw_page *p, double share)
{
    if (share >= 0)
        gw_page_cellf(p, "%.1f %%", 100 * share);
    else
        gw_page_cell(p, "unknown");
}

void gw_page_cell_hours(gw_page *p, double hours)
{
    if (hours >= 0)
        gw_page_cellf(p, "%.1f", hours);
    else
        gw_page_cell(p, "unknown");
}
