/*
 * The report as one file: no script, nothing loaded from anywhere, and a policy that says so. Every plot has
 * its numbers in a table below it.
 */
#include <openssl/evp.h>

#include "present/html.h"

#define ROWS_SHOWN 5000

/* 'sha256-…' of the style sheet, for the page's policy. */
static int style_hash(char out[64], gw_error *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!EVP_Digest(gw_html_style, strlen(gw_html_style), digest, &n, EVP_sha256(), NULL) || n != 32)
        return gw_fail(e, GW_EINTERNAL, "cannot compute SHA-256; is OpenSSL set up?");
    EVP_EncodeBlock((unsigned char *)out, digest, (int)n); /* 44 characters and a NUL */
    return 0;
}

static int put_head(gw_buf *b, const gw_report *r, gw_error *e)
{
    char hash[64], start[GW_TIME_TEXT_MAX], end[GW_TIME_TEXT_MAX];
    if (style_hash(hash, e))
        return GW_EINTERNAL;
    gw_time_format(r->window.start_ms, start);
    gw_time_format(r->window.end_ms, end);
    gw_buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n");
    gw_buf_printf(b,
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                  "'sha256-%s'; base-uri 'none'; form-action 'none'\"/>\n",
                  hash);
    gw_buf_puts(b, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                   "<meta name=\"referrer\" content=\"no-referrer\"/>\n");
    gw_buf_printf(b, "<title>GPU cost, %s to %s</title>\n<style>", start, end);
    gw_buf_puts(b, gw_html_style);
    gw_buf_puts(b, "</style>\n</head>\n<body>\n");
    return 0;
}

/* The pattern for what is not known, once for all plots. */
static void put_pattern(gw_buf *b)
{
    gw_buf_puts(
        b,
        "<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\" "
        "focusable=\"false\"><defs><pattern id=\"hatch\" "
        "width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect "
        "class=\"hatch-bg\" width=\"6\" height=\"6\"/><line class=\"hatch-line\" x1=\"0\" y1=\"0\" x2=\"0\" "
        "y2=\"6\"/></pattern></defs></svg>\n");
}

static void put_intro(gw_buf *b, const gw_report *r, const gw_render *how)
{
    char start[GW_TIME_TEXT_MAX], end[GW_TIME_TEXT_MAX], length[GW_TIME_TEXT_MAX],
        signals[GW_SIGNALS_TEXT_MAX];
    gw_buf_puts(b, "<header>\n<h1>GPU cost</h1>\n");
    if (how->banner) {
        gw_buf_puts(b, "<p class=\"note\">");
        gw_html_text(b, how->banner);
        gw_buf_puts(b, "</p>\n");
    }
    gw_buf_printf(b, "<p><time>%s</time> to <time>%s</time> (%s)</p>\n<p class=\"dim\">Source: ",
                  gw_time_format(r->window.start_ms, start), gw_time_format(r->window.end_ms, end),
                  gw_duration_format(gw_interval_ms(r->window), length));
    gw_html_text(b, r->source);
    gw_buf_puts(b, ". Compute signal: ");
    gw_html_text(b, gw_signals_text(r->total.signals, signals));
    gw_buf_puts(b, ".</p>\n</header>\n<main>\n");
}

static void put_unknown_note(gw_buf *b, const gw_report *r)
{
    char cell[GW_CELL_MAX];
    if (r->n_unknowns == 0)
        return;
    gw_buf_puts(
        b, "<section class=\"note\" aria-labelledby=\"not-known\"><h2 id=\"not-known\">Not known</h2><ul>\n");
    for (size_t i = 0; i < r->n_unknowns; i++) {
        const gw_unknown *u = &r->unknowns[i];
        gw_buf_puts(b, "<li><strong>");
        gw_html_text(b, u->what);
        gw_buf_puts(b, "</strong>");
        if (u->gpu_ms >= 0)
            gw_buf_printf(b, ", %s GPU hours", gw_cell_hours(u->gpu_ms / (double)GW_HOUR_MS, cell));
        gw_buf_puts(b, ": ");
        gw_html_text(b, u->why);
        gw_buf_puts(b, "</li>\n");
    }
    gw_buf_puts(b, "</ul></section>\n");
}

static void put_tile(gw_buf *b, const char *name, const char *unit, const char *value, const char *below)
{
    bool known = strcmp(value, "–") != 0;
    gw_buf_printf(b, "<div><dt>%s</dt><dd class=\"big\">%s%s</dd><dd class=\"dim\">%s</dd></div>\n", name,
                  known ? unit : "", known ? value : "unknown", below);
}

static void put_tiles(gw_buf *b, const gw_report *r)
{
    gw_micro amounts[GW_N_COSTS];
    char cell[GW_CELL_MAX], below[3 * GW_CELL_MAX], a[GW_CELL_MAX], c[GW_CELL_MAX];
    gw_cost_list(&r->total.cost, amounts);
    gw_buf_puts(b, "<dl class=\"tiles\">\n");
    for (size_t i = 0; i < GW_N_COSTS; i++) {
        if (i == GW_COST_BILL)
            snprintf(below, sizeof(below), "$%s a month",
                     gw_cell_money(gw_monthly_of(amounts[i], gw_usage_observed(r->usage)), a));
        else
            snprintf(below, sizeof(below), "%s %% of the bill",
                     gw_cell_percent(amounts[i], amounts[GW_COST_BILL], a));
        if (!gw_micro_known(amounts[i]))
            snprintf(below, sizeof(below), "no price or no sample");
        put_tile(b, gw_cost_names[i], "$", gw_cell_money(amounts[i], cell), below);
    }
    snprintf(below, sizeof(below), "P95 %s %%, peak %s %%", gw_cell_share(r->total.compute.p95, a),
             gw_cell_share(r->total.compute.peak, c));
    put_tile(b, "utilisation, mean %", "", gw_cell_share(r->total.compute.mean, cell), below);
    snprintf(below, sizeof(below), "P95 %s %%, peak %s %%", gw_cell_share(r->total.memory.p95, a),
             gw_cell_share(r->total.memory.peak, c));
    put_tile(b, "GPU memory, mean %", "", gw_cell_share(r->total.memory.mean, cell), below);
    gw_buf_puts(b, "</dl>\n");
}

static int put_plots(gw_buf *b, const gw_report *r, const gw_render *how, gw_error *e)
{
    const gw_report *bars = how->teams ? how->teams : r;
    gw_buf_puts(b, "<h2>Where it went</h2>\n<figure>");
    gw_svg_split(r, b);
    gw_buf_puts(
        b, "<figcaption>Used: compute at work. Wasted: held by a pod, compute idle. Idle: held by no pod. "
           "Unknown: no sample says.</figcaption></figure>\n<h2>Who spent it</h2>\n<figure>");
    gw_svg_bars(bars, b);
    gw_buf_puts(b, "</figure>\n<h2>Utilisation by GPU and time</h2>\n<figure>");
    int rc = gw_svg_heat(r, b, e);
    gw_buf_puts(b, "</figure>\n");
    return rc;
}

/* ---- tables -------------------------------------------------------------------------------------------- */

static void open_table(gw_buf *b, const char *title, const char *id)
{
    gw_buf_printf(
        b,
        "<h2 id=\"%s\">%s</h2>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"%s\">"
        "<table><thead><tr>",
        id, title, id);
}

static void put_title(gw_buf *b, const char *title, bool number)
{
    gw_buf_printf(b, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
    gw_html_text(b, title);
    gw_buf_puts(b, "</th>");
}

static void put_cell(gw_buf *b, const char *text, bool number)
{
    gw_buf_puts(b, number ? "<td class=\"n\">" : "<td>");
    gw_html_text(b, text);
    gw_buf_puts(b, "</td>");
}

static void close_table(gw_buf *b)
{
    gw_buf_puts(b, "</tbody></table></div>\n");
}

static void put_row(gw_buf *b, const gw_report *r, const gw_row *row)
{
    char cell[GW_CELL_MAX];
    gw_micro amounts[GW_N_COSTS];
    gw_buf_puts(b, "<tr>");
    for (size_t k = 0; k < r->n_by; k++)
        put_cell(b, row->key[k], false);
    put_cell(b, gw_row_class(row), false);
    put_cell(b, gw_cell_hours(row->time.paid / (double)GW_HOUR_MS, cell), true);
    gw_cost_list(&row->cost, amounts);
    for (size_t i = 0; i < GW_N_COSTS; i++)
        put_cell(b, gw_cell_money(amounts[i], cell), true);
    put_cell(b, gw_cell_share(row->compute.mean, cell), true);
    put_cell(b, gw_cell_share(row->compute.peak, cell), true);
    put_cell(b, gw_cell_share(row->memory.mean, cell), true);
    put_cell(b, gw_cell_share(row->memory.peak, cell), true);
    gw_buf_puts(b, "</tr>\n");
}

static void put_rows(gw_buf *b, const gw_report *r)
{
    static const char *const titles[] = {"GPU hours",     "Bill $",      "Used $",     "Wasted $",
                                         "Reclaimable $", "Idle $",      "Unknown $",  "Overhead $",
                                         "Util mean %",   "Util peak %", "Mem mean %", "Mem peak %"};
    open_table(b, "Rows", "rows");
    for (size_t k = 0; k < r->n_by; k++)
        put_title(b, r->by[k].name, false);
    put_title(b, "class", false);
    for (size_t i = 0; i < GW_COUNT(titles); i++)
        put_title(b, titles[i], true);
    gw_buf_puts(b, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < r->n_rows && i < ROWS_SHOWN; i++)
        put_row(b, r, &r->rows[i]);
    close_table(b);
    if (r->n_rows > ROWS_SHOWN)
        gw_buf_printf(b, "<p class=\"dim\">%zu more rows are left out here; -o csv has them all.</p>\n",
                      r->n_rows - ROWS_SHOWN);
}

static void put_subject(gw_buf *b, const gw_finding *f)
{
    gw_buf_puts(b, "<td>");
    for (size_t i = 0; i < f->n_subject; i++) {
        gw_buf_puts(b, i ? "<br/>" : "");
        gw_html_text(b, f->subject[i].name);
        gw_buf_putc(b, ' ');
        gw_html_text(b, f->subject[i].value);
    }
    gw_buf_puts(b, "</td>");
}

static void put_findings(gw_buf *b, const gw_report *r)
{
    char cell[GW_CELL_MAX];
    if (!r->findings || r->findings->n == 0)
        return;
    open_table(b, "Findings", "findings");
    put_title(b, "$ a month", true);
    put_title(b, "Severity", false);
    put_title(b, "Finding", false);
    put_title(b, "Subject", false);
    put_title(b, "What", false);
    put_title(b, "Confidence %", true);
    gw_buf_puts(b, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < r->findings->n && i < ROWS_SHOWN; i++) {
        const gw_finding *f = &r->findings->items[i];
        const char *severity = gw_severity_name(f->severity);
        gw_buf_puts(b, "<tr>");
        put_cell(b, gw_cell_money(f->monthly, cell), true);
        gw_buf_printf(b, "<td class=\"%s\">%s</td>", severity, severity);
        put_cell(b, f->rule, false);
        put_subject(b, f);
        put_cell(b, f->text, false);
        put_cell(b, gw_cell_share(f->confidence, cell), true);
        gw_buf_puts(b, "</tr>\n");
    }
    close_table(b);
    gw_buf_puts(b, "<p class=\"dim\">Findings overlap: their costs are not to be added up.</p>\n");
}

static int put_prices(gw_buf *b, const gw_report *r, gw_error *e)
{
    static const char *const titles[] = {"Instance type", "Region", "Capacity", "Source", "As of"};
    char cell[GW_CELL_MAX];
    gw_price_line *lines;
    size_t n;
    if (gw_price_lines(r, &lines, &n, e))
        return GW_ENOMEM;
    open_table(b, "Prices", "prices");
    for (size_t i = 0; i < GW_COUNT(titles); i++)
        put_title(b, titles[i], false);
    put_title(b, "Nodes", true);
    put_title(b, "$ an hour", true);
    put_title(b, "$ a GPU hour", true);
    gw_buf_puts(b, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < n; i++) {
        const gw_node_price *p = lines[i].price;
        gw_buf_puts(b, "<tr>");
        put_cell(b, p->instance_type, false);
        put_cell(b, p->region, false);
        put_cell(b, p->capacity == GW_CAPACITY_UNKNOWN ? NULL : gw_capacity_name(p->capacity), false);
        put_cell(b, p->source ? p->source : p->why_unknown, false);
        put_cell(b, p->as_of, false);
        gw_buf_printf(b, "<td class=\"n\">%" PRIu32 "</td>", lines[i].nodes);
        put_cell(b, gw_cell_money(p->hourly, cell), true);
        put_cell(b, gw_cell_money(p->gpu_hourly, cell), true);
        gw_buf_puts(b, "</tr>\n");
    }
    close_table(b);
    gw_free(lines);
    return 0;
}

int gw_render_html(const gw_report *r, const gw_render *how, gw_buf *b, gw_error *e)
{
    int rc = put_head(b, r, e);
    if (rc)
        return rc;
    put_pattern(b);
    put_intro(b, r, how);
    put_tiles(b, r);
    put_unknown_note(b, r);
    rc = put_plots(b, r, how, e);
    if (rc)
        return rc;
    put_rows(b, r);
    put_findings(b, r);
    rc = put_prices(b, r, e);
    if (rc)
        return rc;
    gw_buf_puts(
        b,
        "</main>\n<footer><p class=\"dim\">Bill = used + wasted + idle + unknown + overhead. Reclaimable is "
        "the part of wasted that could be freed. Shares are time-weighted; a dash is not known, not zero. "
        "Made by gpuwise " GW_VERSION ".</p></footer>\n</body>\n</html>\n");
    return gw_buf_check(b, "the output", e);
}
