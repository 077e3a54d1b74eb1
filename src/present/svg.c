/*
 * The plots of the HTML report. Positions are in units of the view box, which the browser scales. Cells of
 * one colour are one path, runs of them one rectangle, so that a thousand GPUs stay within a few megabytes.
 */
#include "present/html.h"

#include <math.h>

#include "base/utf8.h"
#include "format/table.h"

#define WIDTH        1020
#define MARGIN       180 /* for names */
#define NAME_COLUMNS 24  /* columns of a name */
#define BARS_MAX     20
#define BAR_HEIGHT   20
#define HEAT_ROWS    256 /* more GPUs than this are shown by node */
#define HEAT_COLUMN  5
#define LEVELS       10
#define TICKS        6

/* A name at (x, y), cut to what fits. */
static void put_name(gw_buf *b, double x, double y, const char *anchor, const char *class, const char *name)
{
    gw_buf cut;
    gw_buf_init(&cut, 4096);
    gw_text_write(&cut, gw_str_of(name), NAME_COLUMNS);
    gw_buf_printf(b, "<text x=\"%g\" y=\"%g\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor, class);
    gw_html_text(b, cut.data && !cut.failed ? cut.data : "");
    gw_buf_puts(b, "</text>");
    if (cut.failed == GW_ENOMEM)
        b->failed = GW_ENOMEM;
    gw_buf_free(&cut);
}

/* One bar from x, its parts in proportion; each part says itself when pointed at. */
static void put_bar(gw_buf *b, const gw_parts *p, double x, double y, double width, double height)
{
    for (size_t i = 0; i < GW_N_PARTS && p->whole > 0; i++) {
        double w = width * p->part[i] / p->whole;
        if (w <= 0)
            continue;
        gw_buf_printf(b, "<rect class=\"%s\" x=\"%.2f\" y=\"%g\" width=\"%.2f\" height=\"%g\">",
                      gw_part_names[i], x, y, w, height);
        gw_buf_printf(b, "<title>%s %s%.2f%s, %.1f %%</title></rect>", gw_part_names[i],
                      p->dollars ? "$" : "", p->part[i], p->dollars ? "" : " GPU hours",
                      100 * p->part[i] / p->whole);
        x += w;
    }
}

static void put_key(gw_buf *b, double y)
{
    for (size_t i = 0; i < GW_N_PARTS; i++) {
        double x = MARGIN + (double)i * 110;
        gw_buf_printf(b, "<rect class=\"%s\" x=\"%g\" y=\"%g\" width=\"12\" height=\"12\"/>",
                      gw_part_names[i], x, y);
        gw_buf_printf(b, "<text x=\"%g\" y=\"%g\">%s</text>", x + 17, y + 10, gw_part_names[i]);
    }
}

void gw_svg_split(const gw_report *r, gw_buf *b)
{
    gw_parts p = gw_parts_of(&r->total);
    gw_buf_printf(b, "<svg viewBox=\"0 0 %d 62\" role=\"img\" aria-labelledby=\"split-title split-desc\">",
                  WIDTH);
    gw_buf_printf(b, "<title id=\"split-title\">Where the %s went</title><desc id=\"split-desc\">",
                  p.dollars ? "bill" : "GPU hours");
    for (size_t i = 0; i < GW_N_PARTS && p.whole > 0; i++)
        gw_buf_printf(b, "%s%s %.1f %%", i ? ", " : "", gw_part_names[i], 100 * p.part[i] / p.whole);
    gw_buf_puts(b, "</desc>");
    put_bar(b, &p, 0, 4, WIDTH, 30);
    put_key(b, 44);
    gw_buf_puts(b, "</svg>\n");
}

static const char *row_name(const gw_report *r, const gw_row *row, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t k = 0; k < r->n_by && n < size; k++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", k ? " / " : "", row->key[k] ? row->key[k] : "–");
    return out;
}

void gw_svg_bars(const gw_report *r, gw_buf *b)
{
    size_t n = GW_MIN(r->n_rows, (size_t)BARS_MAX);
    double largest = 0;
    /* dollars and hours do not share a scale: rows without a price among priced ones have no bar */
    bool dollars = r->total.cost.priced;
    for (size_t i = 0; i < n; i++) {
        gw_parts p = gw_parts_of(&r->rows[i]);
        largest = p.dollars == dollars ? GW_MAX(largest, p.whole) : largest;
    }
    gw_buf_printf(b, "<svg viewBox=\"0 0 %d %zu\" role=\"img\" aria-labelledby=\"bars-title bars-desc\">",
                  WIDTH, n * BAR_HEIGHT + 30);
    gw_buf_puts(b, "<title id=\"bars-title\">Cost by ");
    for (size_t k = 0; k < r->n_by; k++) {
        gw_buf_puts(b, k ? ", " : "");
        gw_html_text(b, r->by[k].name);
    }
    gw_buf_printf(
        b, "</title><desc id=\"bars-desc\">The %zu dearest rows; the table has the same numbers.</desc>", n);
    for (size_t i = 0; i < n; i++) {
        gw_parts p = gw_parts_of(&r->rows[i]);
        char name[256], amount[GW_CELL_MAX + 16], cell[GW_CELL_MAX];
        double y = (double)(i * BAR_HEIGHT), room = WIDTH - MARGIN - 110;
        double width = largest > 0 && p.dollars == dollars ? room * p.whole / largest : 0;
        put_name(b, MARGIN - 8, y + 14, "end", "name", row_name(r, &r->rows[i], name, sizeof(name)));
        if (width > 0)
            put_bar(b, &p, MARGIN, y + 3, width, BAR_HEIGHT - 6);
        if (p.dollars)
            snprintf(amount, sizeof(amount), "$%s", gw_cell_money(r->rows[i].cost.bill, cell));
        else
            snprintf(amount, sizeof(amount), "%s h, no price", gw_cell_hours(p.whole, cell));
        put_name(b, MARGIN + width + 6, y + 14, "start", "dim", amount);
    }
    put_key(b, (double)(n * BAR_HEIGHT) + 10);
    gw_buf_puts(b, "</svg>\n");
}

/* ---- the heatmap --------------------------------------------------------------------------------------- */

typedef struct heat_row {
    uint32_t gpu, node; /* gpu GW_NONE: all GPUs of the node */
    const char *name;
} heat_row;

typedef struct heat_map {
    const gw_report *r;
    heat_row *rows;
    size_t n_rows, n_left_out;
    bool by_node;
    double height; /* of a row */
} heat_map;

static const char *node_name(const gw_fleet *f, uint32_t node)
{
    return node < f->n_nodes && f->nodes[node].name ? f->nodes[node].name : "";
}

static int by_place(const void *a, const void *b, void *ctx)
{
    const gw_fleet *f = ctx;
    const heat_row *x = a, *y = b;
    int c = strcmp(node_name(f, x->node), node_name(f, y->node));
    if (c || x->gpu == GW_NONE || y->gpu == GW_NONE)
        return c;
    const gw_gpu *g = &f->gpus[x->gpu], *h = &f->gpus[y->gpu];
    return g->index != h->index ? (g->index > h->index) - (g->index < h->index) : strcmp(g->uuid, h->uuid);
}

static int collect_rows(heat_map *m, gw_error *e)
{
    const gw_fleet *f = m->r->fleet;
    size_t n = GW_MIN(f->n_gpus, m->r->usage->n_heat);
    m->by_node = n > HEAT_ROWS;
    m->rows = gw_calloc(n + 1, sizeof(*m->rows));
    if (!m->rows)
        return gw_fail_memory(e);
    bool *seen = gw_calloc(f->n_nodes + 1, sizeof(*seen));
    if (!seen)
        return gw_fail_memory(e);
    for (uint32_t g = 0; g < n; g++) {
        uint32_t node = f->gpus[g].node;
        size_t slot = node < f->n_nodes ? node : f->n_nodes;
        if (m->by_node && seen[slot])
            continue;
        seen[slot] = true;
        m->rows[m->n_rows++] = (heat_row){m->by_node ? GW_NONE : g, node, NULL};
    }
    gw_free(seen);
    qsort_r(m->rows, m->n_rows, sizeof(*m->rows), by_place, (void *)(uintptr_t)f);
    if (m->n_rows > HEAT_ROWS) {
        m->n_left_out = m->n_rows - HEAT_ROWS;
        m->n_rows = HEAT_ROWS;
    }
    return 0;
}

/* The cells of one row; where a row stands for a node, its GPUs together. */
static void row_cells(const heat_map *m, const heat_row *row, gw_heat out[GW_HEAT_COLUMNS])
{
    const gw_usage *u = m->r->usage;
    if (row->gpu != GW_NONE) {
        memcpy(out, u->heat[row->gpu], sizeof(gw_heat) * GW_HEAT_COLUMNS);
        return;
    }
    memset(out, 0, sizeof(gw_heat) * GW_HEAT_COLUMNS);
    for (size_t g = 0; g < GW_MIN(m->r->fleet->n_gpus, u->n_heat); g++) {
        if (m->r->fleet->gpus[g].node != row->node)
            continue;
        for (size_t c = 0; c < GW_HEAT_COLUMNS; c++) {
            out[c].integral += u->heat[g][c].integral;
            out[c].known += u->heat[g][c].known;
        }
    }
}

/* 0..9, or -1 where nothing is known. */
static int level_of(gw_heat h)
{
    if (!(h.known > 0))
        return -1;
    int level = (int)floor((double)h.integral / (double)h.known * LEVELS);
    return GW_MAX(0, GW_MIN(level, LEVELS - 1));
}

/* Every run of one level as a rectangle of one path. */
static void put_level(const heat_map *m, const int8_t *levels, int level, gw_buf *b)
{
    bool any = false;
    for (size_t i = 0; i < m->n_rows; i++) {
        const int8_t *row = levels + i * GW_HEAT_COLUMNS;
        for (int c = 0; c < GW_HEAT_COLUMNS;) {
            int start = c;
            while (c < GW_HEAT_COLUMNS && row[c] == row[start])
                c++;
            if (row[start] != level)
                continue;
            if (!any && level < 0)
                gw_buf_puts(b, "<path class=\"unknown\" d=\"");
            else if (!any)
                gw_buf_printf(b, "<path class=\"h%d\" d=\"", level);
            any = true;
            int w = (c - start) * HEAT_COLUMN;
            gw_buf_printf(b, "M%d %.6gh%dv%.6gh-%dz", MARGIN + start * HEAT_COLUMN, (double)i * m->height, w,
                          m->height, w);
        }
    }
    if (any)
        gw_buf_puts(b, "\"/>");
}

static void put_names(const heat_map *m, gw_buf *b)
{
    const gw_fleet *f = m->r->fleet;
    double last = -100;
    for (size_t i = 0; i < m->n_rows; i++) {
        bool first = i == 0 || m->rows[i].node != m->rows[i - 1].node;
        double y = (double)i * m->height;
        if (first && i)
            gw_buf_printf(b, "<path class=\"frame\" d=\"M0 %.6gh%d\"/>", y,
                          MARGIN + GW_HEAT_COLUMNS * HEAT_COLUMN);
        if (!first || y - last < 12)
            continue;
        last = y;
        put_name(b, MARGIN - 8, y + GW_MIN(11, m->height + 6), "end", "name",
                 m->rows[i].node < f->n_nodes ? node_name(f, m->rows[i].node) : "node unknown");
    }
}

static void put_times(const heat_map *m, gw_buf *b, double y)
{
    int64_t span = gw_interval_ms(m->r->window);
    for (int t = 0; t <= TICKS; t++) {
        char text[GW_TIME_TEXT_MAX];
        gw_time_format(m->r->window.start_ms + span * t / TICKS, text);
        /* "2022-09-11T01:12:00Z" to "09-11 01:12" */
        char label[16] = "";
        if (strlen(text) >= 16)
            snprintf(label, sizeof(label), "%.5s %.5s", text + 5, text + 11);
        put_name(b, MARGIN + (double)(GW_HEAT_COLUMNS * HEAT_COLUMN) * t / TICKS, y,
                 t == 0       ? "start"
                 : t == TICKS ? "end"
                              : "middle",
                 "dim", label);
    }
}

static void put_scale(gw_buf *b, double y)
{
    for (int l = 0; l < LEVELS; l++)
        gw_buf_printf(b, "<rect class=\"h%d\" x=\"%d\" y=\"%g\" width=\"24\" height=\"12\"/>", l,
                      MARGIN + l * 24, y);
    gw_buf_printf(b, "<text x=\"%d\" y=\"%g\">0 %% to 100 %% of compute</text>", MARGIN + LEVELS * 24 + 8,
                  y + 10);
    gw_buf_printf(b, "<rect class=\"unknown\" x=\"%d\" y=\"%g\" width=\"24\" height=\"12\"/>", MARGIN + 420,
                  y);
    gw_buf_printf(b, "<text x=\"%d\" y=\"%g\">unknown: no sample</text>", MARGIN + 452, y + 10);
}

static void put_heat_table(const heat_map *m, gw_buf *b)
{
    const gw_fleet *f = m->r->fleet;
    char cell[GW_CELL_MAX];
    gw_buf_puts(
        b,
        "<details><summary>The same as a table</summary><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Utilisation by GPU\"><table><thead><tr><th scope=\"col\">Node</th><th "
        "scope=\"col\">GPU</th><th scope=\"col\">Model</th><th class=\"n\" scope=\"col\">Mean %</th><th "
        "class=\"n\" scope=\"col\">Known % of window</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < m->n_rows; i++) {
        gw_heat cells[GW_HEAT_COLUMNS];
        double integral = 0, known = 0, gpus = m->rows[i].gpu == GW_NONE ? 0 : 1;
        row_cells(m, &m->rows[i], cells);
        for (size_t c = 0; c < GW_HEAT_COLUMNS; c++) {
            integral += (double)cells[c].integral;
            known += (double)cells[c].known;
        }
        for (size_t g = 0; m->rows[i].gpu == GW_NONE && g < f->n_gpus; g++)
            gpus += f->gpus[g].node == m->rows[i].node;
        const gw_gpu *g = m->rows[i].gpu == GW_NONE ? NULL : &f->gpus[m->rows[i].gpu];
        gw_buf_puts(b, "<tr><td>");
        gw_html_text(b, m->rows[i].node < f->n_nodes ? node_name(f, m->rows[i].node) : NULL);
        gw_buf_puts(b, "</td><td>");
        gw_html_text(b, g ? g->uuid : "all of the node");
        gw_buf_puts(b, "</td><td>");
        gw_html_text(b, g ? g->model : NULL);
        gw_buf_printf(b, "</td><td class=\"n\">%s</td>",
                      gw_cell_share(known > 0 ? integral / known : -1, cell));
        double span = (double)gw_interval_ms(m->r->window) * gpus;
        gw_buf_printf(b, "<td class=\"n\">%s</td></tr>\n",
                      gw_cell_share(span > 0 ? GW_MIN(known / span, 1) : -1, cell));
    }
    gw_buf_puts(b, "</tbody></table></div></details>\n");
}

static int put_heat(const heat_map *m, gw_buf *b, gw_error *e)
{
    int8_t *levels = gw_malloc(m->n_rows * GW_HEAT_COLUMNS + 1);
    if (!levels)
        return gw_fail_memory(e);
    for (size_t i = 0; i < m->n_rows; i++) {
        gw_heat cells[GW_HEAT_COLUMNS];
        row_cells(m, &m->rows[i], cells);
        for (size_t c = 0; c < GW_HEAT_COLUMNS; c++)
            levels[i * GW_HEAT_COLUMNS + c] = (int8_t)level_of(cells[c]);
    }
    double height = (double)m->n_rows * m->height;
    gw_buf_printf(b, "<svg viewBox=\"0 0 %d %.6g\" role=\"img\" aria-labelledby=\"heat-title heat-desc\">",
                  WIDTH + 4, height + 50);
    gw_buf_printf(
        b,
        "<title id=\"heat-title\">Compute utilisation by %s and time</title>"
        "<desc id=\"heat-desc\">%zu rows, %d columns of time; hatched where no sample says. The table "
        "below has every row's mean.</desc>",
        m->by_node ? "node" : "GPU", m->n_rows, GW_HEAT_COLUMNS);
    for (int level = -1; level < LEVELS; level++)
        put_level(m, levels, level, b);
    gw_free(levels);
    gw_buf_printf(b, "<rect class=\"frame\" x=\"%d\" y=\"0\" width=\"%d\" height=\"%.6g\"/>", MARGIN,
                  GW_HEAT_COLUMNS * HEAT_COLUMN, height);
    put_names(m, b);
    put_times(m, b, height + 14);
    put_scale(b, height + 26);
    gw_buf_puts(b, "</svg>\n");
    return 0;
}

int gw_svg_heat(const gw_report *r, gw_buf *b, gw_error *e)
{
    heat_map m = {.r = r};
    int rc = collect_rows(&m, e);
    if (rc == 0 && m.n_rows == 0)
        gw_buf_puts(b, "<p>No GPU was observed.</p>\n");
    if (rc == 0 && m.n_rows) {
        m.height = GW_MAX(3.0, GW_MIN(14.0, floor(720.0 / (double)m.n_rows * 2) / 2));
        rc = put_heat(&m, b, e);
        if (rc == 0)
            put_heat_table(&m, b);
        if (m.n_left_out)
            gw_buf_printf(b,
                          "<p class=\"dim\">%zu more nodes are not shown here; the tables have them.</p>\n",
                          m.n_left_out);
    }
    gw_free(m.rows);
    return rc;
}
