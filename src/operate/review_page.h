/*
 * A page for people in two forms: GitHub-flavoured Markdown, and HTML that stands alone (no script, no
 * request, its style inside). The same calls write both, so that both say the same. Texts are escaped: names
 * of namespaces, teams and workloads come from people. Failures stick in the buffer.
 */
#ifndef GW_OPERATE_REVIEW_PAGE_H
#define GW_OPERATE_REVIEW_PAGE_H

#include "base/buf.h"
#include "base/money.h"

#define GW_PAGE_COLUMNS_MAX 16

typedef struct gw_page {
    gw_buf *out;
    bool html;
    size_t n_columns, at; /* of the table that is open; cells of its row so far */
    bool right[GW_PAGE_COLUMNS_MAX];
} gw_page;

void gw_page_begin(gw_page *p, bool html, gw_buf *out, const char *title);
void gw_page_end(gw_page *p);
/* Level 2 or 3. */
void gw_page_heading(gw_page *p, int level, const char *text);
/* A paragraph. */
void gw_page_text(gw_page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A paragraph that must not be overlooked: what is missing. */
void gw_page_note(gw_page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* titles: n <= GW_PAGE_COLUMNS_MAX; one that begins with '>' is of a column of numbers. caption: for readers
 * of the HTML who do not see the heading. */
void gw_page_table(gw_page *p, const char *caption, const char *const *titles, size_t n);
/* Cells from left to right; rows end by themselves. NULL: a dash. */
void gw_page_cell(gw_page *p, const char *text);
void gw_page_cellf(gw_page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gw_page_table_end(gw_page *p);

/* "1,234.57", "unknown" */
void gw_page_cell_money(gw_page *p, gw_micro m);
/* "+12.00", "-3.10", "unknown" */
void gw_page_cell_change(gw_page *p, gw_micro m);
/* "42.1 %", "unknown" for a negative share */
void gw_page_cell_share(gw_page *p, double share);
/* "1234.5", "unknown" where negative */
void gw_page_cell_hours(gw_page *p, double hours);

#endif
