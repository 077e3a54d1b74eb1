#include "present/render.h"

#include <math.h>

#include "base/utf8.h"
#include "format/table.h"

#define LISTS_SHOWN 4 /* price lists */

const char *const gw_cost_names[GW_N_COSTS] = {"bill", "used",    "wasted",  "reclaimable",
                                               "idle", "unknown", "overhead"};
const char *const gw_time_names[GW_N_TIMES] = {"paid", "allocated", "used", "idle", "unknown"};
const char *const gw_state_names[GW_N_STATES] = {"highHigh", "lowHigh", "highLow", "lowLow", "unknown"};

int gw_render_report(const gw_report *r, gw_output output, const gw_render *how, gw_buf *b, gw_error *e)
{
    switch (output) {
    case GW_OUTPUT_TABLE:
        return gw_render_table(r, how, false, b, e);
    case GW_OUTPUT_WIDE:
        return gw_render_table(r, how, true, b, e);
    case GW_OUTPUT_JSON:
        return gw_render_doc(r, how, GW_DOC_JSON, b, e);
    case GW_OUTPUT_YAML:
        return gw_render_doc(r, how, GW_DOC_YAML, b, e);
    case GW_OUTPUT_CSV:
        return gw_render_csv(r, b, e);
    case GW_OUTPUT_HTML:
        return gw_render_html(r, how, b, e);
    }
    return gw_fail(e, GW_EINTERNAL, "no renderer for output %d; this is a bug, please report it",
                   (int)output);
}

void gw_cost_list(const gw_cost *c, gw_micro ret[GW_N_COSTS])
{
    for (size_t i = 0; i < GW_N_COSTS; i++)
        ret[i] = GW_MICRO_UNKNOWN;
    if (!c->priced)
        return;
    ret[GW_COST_BILL] = c->bill;
    ret[GW_COST_USED] = c->used;
    ret[GW_COST_WASTED] = c->wasted;
    ret[GW_COST_IDLE] = c->idle;
    ret[GW_COST_UNKNOWN] = c->unknown;
    ret[GW_COST_OVERHEAD] = c->overhead;
    /* where nothing was wasted, nothing can be reclaimed, whatever the memory did */
    if (c->reclaimable_known || c->wasted == 0)
        ret[GW_COST_RECLAIMABLE] = c->reclaimable;
}

void gw_gpu_hours_list(const gw_gpu_time *t, double ret[GW_N_TIMES])
{
    const double ms[GW_N_TIMES] = {t->paid, t->allocated, t->used, t->idle, t->unknown};
    for (size_t i = 0; i < GW_N_TIMES; i++)
        ret[i] = ms[i] / (double)GW_HOUR_MS;
}

void gw_state_shares(const gw_stats *s, double ret[GW_N_STATES])
{
    for (size_t i = 0; i < GW_N_STATES; i++)
        ret[i] = s->allocated > 0 ? s->states[i] / s->allocated : -1;
}

const char *gw_signals_text(unsigned signals, char out[GW_SIGNALS_TEXT_MAX])
{
    size_t n = 0;
    for (int s = 0; s < GW_N_COMPUTE_SIGNALS; s++) {
        if ((signals >> s & 1) && n < GW_SIGNALS_TEXT_MAX)
            n += (size_t)snprintf(out + n, GW_SIGNALS_TEXT_MAX - n, "%s%s", n ? "," : "",
                                  gw_signal_name((gw_signal)s));
    }
    return n ? out : NULL;
}

const char *gw_row_class(const gw_row *row)
{
    return row->held ? gw_class_name(row->class) : NULL;
}

/* ---- cells --------------------------------------------------------------------------------------------- */

#define NOT_KNOWN "–"

static const char *unknown_cell(char out[GW_CELL_MAX])
{
    snprintf(out, GW_CELL_MAX, NOT_KNOWN);
    return out;
}

const char *gw_cell_percent(gw_micro part, gw_micro whole, char out[GW_CELL_MAX])
{
    if (!gw_micro_known(part) || !gw_micro_known(whole) || whole <= 0)
        return unknown_cell(out);
    snprintf(out, GW_CELL_MAX, "%.1f", 100.0 * (double)part / (double)whole);
    return out;
}

const char *gw_cell_share(double share, char out[GW_CELL_MAX])
{
    if (!(share >= 0))
        return unknown_cell(out);
    snprintf(out, GW_CELL_MAX, "%.1f", 100 * share);
    return out;
}

const char *gw_cell_money(gw_micro m, char out[GW_CELL_MAX])
{
    char text[GW_MICRO_TEXT_MAX];
    if (!gw_micro_known(m))
        return unknown_cell(out);
    snprintf(out, GW_CELL_MAX, "%s", gw_micro_format_human(m, text));
    return out;
}

const char *gw_cell_hours(double hours, char out[GW_CELL_MAX])
{
    char text[GW_MICRO_TEXT_MAX];
    if (!(hours >= 0) || hours > 1e12)
        return unknown_cell(out);
    /* the thousands are grouped as for money; one decimal is kept */
    double tenths = round(hours * 10);
    gw_micro_format_human((gw_micro)(tenths * 100000), text);
    text[strlen(text) - 1] = '\0';
    snprintf(out, GW_CELL_MAX, "%s", text);
    return out;
}

gw_micro gw_monthly_of(gw_micro m, gw_interval window)
{
    int64_t ms = gw_interval_ms(window);
    if (!gw_micro_known(m) || ms == 0)
        return GW_MICRO_UNKNOWN;
    return (gw_micro)llround((double)m * (GW_MONTH_HOURS * (double)GW_HOUR_MS) / (double)ms);
}

/* ---- prices -------------------------------------------------------------------------------------------- */

static bool same_price(const gw_node_price *a, const gw_node_price *b)
{
    return a->hourly == b->hourly && a->gpu_hourly == b->gpu_hourly && a->capacity == b->capacity &&
           gw_eq(a->instance_type, b->instance_type) && gw_eq(a->region, b->region) &&
           gw_eq(a->source, b->source) && gw_eq(a->as_of, b->as_of);
}

/* Unknown prices last; else by name, not in order of the nodes: that is the order in which they were first
 * heard of, and a daemon hears of them otherwise than a report over the same time. */
static int by_price(const void *a, const void *b)
{
    const gw_node_price *x = ((const gw_price_line *)a)->price, *y = ((const gw_price_line *)b)->price;
    const char *const p[] = {x->instance_type, x->region, x->source, x->as_of};
    const char *const q[] = {y->instance_type, y->region, y->source, y->as_of};
    bool known = gw_micro_known(x->hourly);
    if (known != gw_micro_known(y->hourly))
        return known ? -1 : 1;
    for (size_t i = 0; i < GW_COUNT(p); i++) {
        int order = strcmp(p[i] ? p[i] : "", q[i] ? q[i] : "");
        if (order)
            return order;
    }
    if (x->capacity != y->capacity)
        return x->capacity < y->capacity ? -1 : 1;
    return x->hourly < y->hourly ? -1 : x->hourly > y->hourly;
}

int gw_price_lines(const gw_report *r, gw_price_line **ret, size_t *ret_n, gw_error *e)
{
    const gw_fleet *f = r->fleet;
    size_t n = 0, n_nodes = r->prices ? GW_MIN(r->prices->n_nodes, f->n_nodes) : 0;
    bool *has_gpus = gw_calloc(n_nodes + 1, sizeof(*has_gpus));
    gw_price_line *lines = gw_calloc(n_nodes + 1, sizeof(*lines));
    if (!has_gpus || !lines) {
        gw_free(has_gpus);
        gw_free(lines);
        return gw_fail_memory(e);
    }
    for (size_t u = 0; u < f->n_units; u++) {
        if (f->units[u].node < n_nodes)
            has_gpus[f->units[u].node] = true;
    }
    for (size_t i = 0; i < n_nodes; i++) {
        size_t k = 0;
        while (has_gpus[i] && k < n && !same_price(lines[k].price, &r->prices->nodes[i]))
            k++;
        if (!has_gpus[i])
            continue;
        if (k == n)
            lines[n++].price = &r->prices->nodes[i];
        lines[k].nodes++;
    }
    gw_free(has_gpus);
    if (n)
        qsort(lines, n, sizeof(*lines), by_price);
    *ret = lines;
    *ret_n = n;
    return 0;
}

static bool same_list(const gw_node_price *a, const gw_node_price *b)
{
    return gw_eq(a->source, b->source) && gw_eq(a->as_of, b->as_of);
}

/* Nodes whose price is from the list of line i; 0 where an earlier line is of the same list. */
static uint32_t nodes_of_list(const gw_price_line *lines, size_t n, size_t i)
{
    uint32_t nodes = 0;
    for (size_t k = 0; k < n; k++) {
        if (!same_list(lines[k].price, lines[i].price))
            continue;
        if (k < i)
            return 0;
        nodes += lines[k].nodes;
    }
    return nodes;
}

int gw_price_lists_write(const gw_report *r, gw_buf *b, gw_error *e)
{
    gw_price_line *lines;
    size_t n, shown = 0;
    int rc = gw_price_lines(r, &lines, &n, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        const gw_node_price *price = lines[i].price;
        uint32_t nodes = nodes_of_list(lines, n, i);
        const char *s = nodes == 1 ? "" : "s";
        if (nodes == 0 || ++shown > LISTS_SHOWN)
            continue;
        gw_buf_puts(b, shown > 1 ? ", " : "");
        if (price->source)
            gw_buf_printf(b, "%s%s%s (%" PRIu32 " node%s)", price->source, price->as_of ? " of " : "",
                          price->as_of ? price->as_of : "", nodes, s);
        else
            gw_buf_printf(b, "none for %" PRIu32 " node%s", nodes, s);
    }
    if (shown > LISTS_SHOWN)
        gw_buf_printf(b, " and %zu more", shown - LISTS_SHOWN);
    gw_free(lines);
    return gw_buf_check(b, "the price lists", e);
}

/* ---- text ---------------------------------------------------------------------------------------------- */

void gw_text_wrap(gw_buf *b, const char *text, size_t indent, size_t column, size_t width)
{
    bool first = true;
    while (*text) {
        size_t n = strcspn(text, " \n");
        size_t w = gw_text_width((gw_str){text, n});
        if (!first && column + 1 + w > width) {
            gw_buf_printf(b, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            gw_buf_putc(b, ' ');
            column++;
        }
        column += gw_text_write(b, (gw_str){text, n}, width > indent ? width - indent : 1);
        first = false;
        text += n + strspn(text + n, " \n");
    }
    gw_buf_putc(b, '\n');
}

/* Bytes up to the next blank that a shell would part words at. */
static size_t word_length(const char *s)
{
    bool quoted = false;
    size_t n = 0;
    for (; s[n] && (quoted || s[n] != ' '); n++) {
        if (s[n] == '\'')
            quoted = !quoted;
        else if (s[n] == '\\' && !quoted && s[n + 1])
            n++;
    }
    return n;
}

void gw_command_write(gw_buf *b, const char *command)
{
    size_t column = 2;
    gw_buf_puts(b, "  ");
    while (*command) {
        size_t n = word_length(command);
        if (column > 2 && column + n + 3 > GW_TABLE_WIDTH) {
            gw_buf_puts(b, "\\\n    ");
            column = 4;
        }
        gw_text_write(b, (gw_str){command, n}, 0);
        column += n + 1;
        command += n + strspn(command + n, " ");
        if (*command)
            gw_buf_putc(b, ' ');
    }
    gw_buf_putc(b, '\n');
}
