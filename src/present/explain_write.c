#include "format/table.h"
#include "present/explain.h"

void gw_explanation_init(gw_explanation *x)
{
    *x = (gw_explanation){0};
    gw_arena_init(&x->arena, 0);
}

void gw_explanation_free(gw_explanation *x)
{
    gw_free(x->sections);
    gw_free(x->facts);
    gw_arena_free(&x->arena);
    gw_explanation_init(x);
}

__attribute__((format(printf, 2, 0))) static const char *keep(gw_explanation *x, const char *format,
                                                              va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    char *text = n < 0 ? NULL : gw_arena_alloc(&x->arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    else
        x->failed = GW_ENOMEM;
    va_end(again);
    return text ? text : "";
}

const char *gw_explain_text(gw_explanation *x, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    const char *text = keep(x, format, ap);
    va_end(ap);
    return text;
}

void gw_explain_section(gw_explanation *x, const char *format, ...)
{
    void *p = x->sections;
    va_list ap;
    if (x->failed)
        return;
    x->failed = gw_grow(&p, &x->cap_sections, x->n_sections + 1, sizeof(*x->sections), GW_SECTIONS_MAX);
    x->sections = p;
    if (x->failed)
        return;
    va_start(ap, format);
    x->sections[x->n_sections++] = (gw_section){keep(x, format, ap), x->n_facts, 0};
    va_end(ap);
}

void gw_explain_fact(gw_explanation *x, const char *name, const char *how, const char *format, ...)
{
    void *p = x->facts;
    va_list ap;
    if (x->failed || x->n_sections == 0)
        return;
    x->failed = gw_grow(&p, &x->cap_facts, x->n_facts + 1, sizeof(*x->facts), GW_FACTS_MAX);
    x->facts = p;
    if (x->failed)
        return;
    va_start(ap, format);
    x->facts[x->n_facts++] = (gw_fact){name, keep(x, format, ap), how};
    va_end(ap);
    x->sections[x->n_sections - 1].n++;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

#define NAME_COLUMNS 14
#define HOW_COLUMN   40

static void put_fact(gw_buf *b, const gw_fact *f, bool colour)
{
    size_t name = gw_text_write(b, gw_str_of(f->name), 0) + 2, column = NAME_COLUMNS + 2, value;
    gw_buf_printf(b, "%*s", name < column ? (int)(column - name) : 1, "");
    column = GW_MAX(column, name + 1);
    if (!f->how) {
        gw_text_wrap(b, f->value, NAME_COLUMNS + 2, column, GW_TABLE_WIDTH);
        return;
    }
    value = gw_text_write(b, gw_str_of(f->value), GW_TABLE_WIDTH - column);
    column += value;
    if (column + 2 > HOW_COLUMN) {
        gw_buf_putc(b, '\n');
        column = 0;
    }
    gw_buf_printf(b, "%*s", (int)(HOW_COLUMN - column), "");
    gw_style_begin(b, GW_STYLE_DIM, colour);
    gw_text_wrap(b, f->how, HOW_COLUMN, HOW_COLUMN, GW_TABLE_WIDTH);
    gw_style_end(b, GW_STYLE_DIM, colour);
}

static int write_text(const gw_explanation *x, const gw_pipeline *p, bool colour, gw_buf *b, gw_error *e)
{
    char start[GW_TIME_TEXT_MAX], end[GW_TIME_TEXT_MAX];
    gw_buf_puts(b, "How it came about, ");
    gw_text_write(b, gw_str_of(x->kind), 0);
    gw_buf_putc(b, ' ');
    gw_text_write(b, gw_str_of(x->name), GW_TABLE_WIDTH - 20 - strlen(x->kind));
    gw_buf_printf(b, "\n%s to %s\n", gw_time_format(p->window.start_ms, start),
                  gw_time_format(p->window.end_ms, end));
    for (size_t s = 0; s < x->n_sections; s++) {
        gw_buf_putc(b, '\n');
        gw_style_begin(b, GW_STYLE_BOLD, colour);
        gw_text_wrap(b, x->sections[s].title, 0, 0, GW_TABLE_WIDTH);
        gw_style_end(b, GW_STYLE_BOLD, colour);
        for (size_t i = 0; i < x->sections[s].n; i++) {
            gw_buf_puts(b, "  ");
            put_fact(b, &x->facts[x->sections[s].first + i], colour);
        }
    }
    return gw_buf_check(b, "the explanation", e);
}

static int write_doc(const gw_explanation *x, const gw_pipeline *p, gw_doc_format format, gw_buf *b,
                     gw_error *e)
{
    char text[GW_TIME_TEXT_MAX];
    gw_doc d;
    gw_doc_init(&d, format, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "gpuwise/v1");
    gw_doc_text(&d, "kind", "Explanation");
    gw_doc_object(&d, "subject");
    gw_doc_text(&d, "kind", x->kind);
    gw_doc_text(&d, "name", x->name);
    gw_doc_end(&d);
    gw_doc_object(&d, "window");
    gw_doc_text(&d, "start", gw_time_format(p->window.start_ms, text));
    gw_doc_text(&d, "end", gw_time_format(p->window.end_ms, text));
    gw_doc_end(&d);
    gw_doc_array(&d, "sections");
    for (size_t s = 0; s < x->n_sections; s++) {
        gw_doc_object(&d, NULL);
        gw_doc_text(&d, "title", x->sections[s].title);
        gw_doc_array(&d, "facts");
        for (size_t i = 0; i < x->sections[s].n; i++) {
            const gw_fact *f = &x->facts[x->sections[s].first + i];
            gw_doc_object(&d, NULL);
            gw_doc_text(&d, "name", f->name);
            gw_doc_text(&d, "value", f->value);
            gw_doc_text(&d, "how", f->how);
            gw_doc_end(&d);
        }
        gw_doc_end(&d);
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

int gw_explanation_write(const gw_explanation *x, const gw_pipeline *p, gw_output output, bool colour,
                         gw_buf *b, gw_error *e)
{
    if (output == GW_OUTPUT_JSON || output == GW_OUTPUT_YAML)
        return write_doc(x, p, output == GW_OUTPUT_JSON ? GW_DOC_JSON : GW_DOC_YAML, b, e);
    return write_text(x, p, colour, b, e);
}
