/* Pieces that the HTML report is put together from. Well-formed as XML too, so that any parser takes it. */
#ifndef GW_PRESENT_HTML_H
#define GW_PRESENT_HTML_H

#include "present/render.h"

/* The style sheet; the page's policy names its hash, so it must be written as it is. */
extern const char gw_html_style[];

/* Appends text with <, >, &, " and ' escaped; what no document may hold becomes U+FFFD. NULL is a dash. */
void gw_html_text(gw_buf *b, const char *s);

/* The plots, each an SVG with a title and a description for screen readers. */
void gw_svg_split(const gw_report *r, gw_buf *b);
void gw_svg_bars(const gw_report *r, gw_buf *b);
/* 0 or GW_ENOMEM. */
int gw_svg_heat(const gw_report *r, gw_buf *b, gw_error *e);

/* A row's cost by part, or its GPU-hours where no price is known; what the bars are made of. */
enum { GW_PART_USED, GW_PART_WASTED, GW_PART_IDLE, GW_PART_UNKNOWN, GW_PART_OVERHEAD, GW_N_PARTS };
extern const char *const gw_part_names[GW_N_PARTS];
typedef struct gw_parts {
    double part[GW_N_PARTS], whole;
    bool dollars;
} gw_parts;
gw_parts gw_parts_of(const gw_row *row);

#endif
