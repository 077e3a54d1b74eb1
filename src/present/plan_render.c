/*
 * The plan for a terminal: what it comes to, then what to do in order, then what was left out and what holds
 * the rest, and at last what to type next. -o table keeps to 100 columns; -o wide shows every column, and the
 * sentences.
 */
#include "present/plan.h"

#include "base/utf8.h"
#include "format/table.h"

#define ALTERNATIVES_SHOWN 5
#define HELD_SHOWN         8
#define NOTES_SHOWN        8
#define SHORT_SHOWN        3
#define INDENT             2
#define LABEL_COLUMNS      13
#define LINE_MAX           640
#define DESCRIPTION_MAX    1024 /* of what is -> what should be; longer is cut */
#define DESCRIPTION_INDENT 5
#define ID_COLUMNS         30 /* of an action's name beside its numbers */

typedef struct page {
    const gw_plan_view *v;
    const gw_plan *plan;
    gw_buf *b;
    bool wide;
    size_t width; /* 0: any */
    size_t prose; /* columns that sentences are wrapped to */
} page;

static void put_styled(const page *p, gw_style style, const char *text)
{
    gw_style_begin(p->b, style, p->v->colour);
    gw_text_write(p->b, gw_str_of(text), p->width);
    gw_style_end(p->b, style, p->v->colour);
}

static void put_title(const page *p, gw_style style, const char *text)
{
    gw_buf_putc(p->b, '\n');
    put_styled(p, style, text);
    gw_buf_putc(p->b, '\n');
}

/* A label and a sentence. */
static void put_line(const page *p, const char *label, const char *text)
{
    gw_buf_printf(p->b, "  %-*s", LABEL_COLUMNS, label);
    gw_text_wrap(p->b, text, LABEL_COLUMNS + 2, LABEL_COLUMNS + 2, p->prose);
}

/* ---- what it comes to ---------------------------------------------------------------------------------- */

/* The bill a month after: what is sure to be saved leaves the high end. */
static const char *after_range(gw_micro before, const gw_saving *s, char out[GW_CELL_MAX])
{
    gw_saving after = {.low = GW_MICRO_UNKNOWN, .high = GW_MICRO_UNKNOWN};
    if (gw_micro_known(before) && gw_micro_known(s->low) && gw_micro_known(s->high))
        after = (gw_saving){.low = before - s->high, .high = before - s->low};
    return gw_plan_range(&after, out);
}

static void put_bill(const page *p)
{
    const gw_plan *plan = p->plan;
    gw_micro monthly = gw_plan_view_monthly(p->v, gw_plan_bill(&plan->before));
    gw_saving now = {.low = monthly, .high = monthly};
    char a[GW_CELL_MAX], b[GW_CELL_MAX], c[GW_CELL_MAX], d[GW_CELL_MAX], line[LINE_MAX];
    size_t n = gw_plan_chosen(plan);
    if (!gw_micro_known(monthly))
        snprintf(line, sizeof(line), "unknown: no node has a price");
    else if (n == 0)
        snprintf(line, sizeof(line), "$%s a month, and no action that would lower it",
                 gw_plan_range(&now, a));
    else
        snprintf(line, sizeof(line), "$%s a month -> $%s: %zu action%s save%s $%s a month%s%s",
                 gw_plan_range(&now, a), after_range(monthly, &plan->saving, b), n, n == 1 ? "" : "s",
                 n == 1 ? "s" : "", gw_plan_range(&plan->saving, c),
                 *gw_plan_range_percent(&plan->saving, monthly, d) ? ", " : "", d);
    put_line(p, "Bill", line);
}

static void put_bound(const page *p)
{
    const gw_plan *plan = p->plan;
    gw_micro monthly = gw_plan_view_monthly(p->v, plan->bound);
    gw_saving bound = {.low = monthly, .high = monthly};
    char cell[GW_CELL_MAX], above[64] = "", line[LINE_MAX];
    double gap = gw_plan_gap(plan);
    const char *how = plan->bound_how ? plan->bound_how : "";
    if (gap >= 0)
        snprintf(above, sizeof(above), "; this one costs %.2f %% more", 100 * gap);
    if (!gw_micro_known(monthly))
        snprintf(line, sizeof(line), "unknown%s%s", *how ? ": " : "", how);
    else
        snprintf(line, sizeof(line), "no plan of these kinds costs less than $%s a month%s%s%s",
                 gw_plan_range(&bound, cell), above, *how ? ": " : "", how);
    put_line(p, "Bound", line);
}

static void put_hours(const page *p)
{
    char before[GW_CELL_MAX], after[GW_CELL_MAX], line[LINE_MAX];
    snprintf(line, sizeof(line), "%s paid in the window -> %s",
             gw_cell_hours(p->plan->time_before.paid / (double)GW_HOUR_MS, before),
             gw_cell_hours(p->plan->time_after.paid / (double)GW_HOUR_MS, after));
    put_line(p, "GPU hours", line);
}

static int put_head(const page *p, gw_error *e)
{
    char a[GW_TIME_TEXT_MAX], b[GW_TIME_TEXT_MAX], d[GW_TIME_TEXT_MAX], text[160];
    const gw_report *r = p->v->report;
    gw_buf lists;
    snprintf(text, sizeof(text), "GPU plan, from %s to %s (%s)", gw_time_format(r->window.start_ms, a),
             gw_time_format(r->window.end_ms, b), gw_duration_format(gw_interval_ms(r->window), d));
    put_styled(p, GW_STYLE_BOLD, text);
    gw_buf_puts(p->b, "\n\n");
    put_bill(p);
    put_bound(p);
    put_hours(p);
    put_line(p, "Source", r->source ? r->source : "unknown");
    if (r->partial)
        put_line(p, "Partial", "a part of the sources is missing; -o json says which, under \"unknowns\"");
    gw_buf_init(&lists, (size_t)1 << 20);
    int rc = gw_price_lists_write(r, &lists, e);
    if (rc == 0)
        put_line(p, "Prices", lists.len ? lists.data : "none");
    gw_buf_free(&lists);
    return rc;
}

/* ---- what to do ---------------------------------------------------------------------------------------- */

static gw_style risk_style(gw_risk r)
{
    return r == GW_RISK_HIGH ? GW_STYLE_RED : r == GW_RISK_MEDIUM ? GW_STYLE_YELLOW : GW_STYLE_PLAIN;
}

/* Alone it saves nothing where it needs another one first. */
static const char *alone_cell(const gw_action *a, char out[GW_CELL_MAX])
{
    if (a->n_after == 0 || !gw_micro_known(a->alone.high) || a->alone.high > 0)
        return gw_plan_range(&a->alone, out);
    snprintf(out, GW_CELL_MAX, "needs #%" PRIu32, a->after[0] + 1);
    return out;
}

static const char *describe(const gw_action *a, char out[DESCRIPTION_MAX])
{
    const char *is = a->is ? a->is : "", *should = a->should ? a->should : "";
    snprintf(out, DESCRIPTION_MAX, "%s%s%s", is, *is && *should ? " -> " : "", should);
    return out;
}

static const gw_table_column columns_numbers[] = {{.title = "SAVES $/MONTH", .right = true},
                                                  {.title = "ALONE $/MONTH", .right = true},
                                                  {.title = "RISK"},
                                                  {.title = "CONF %", .right = true},
                                                  {.title = "RESTARTS", .right = true}};

static void put_numbers(gw_table *t, const gw_action *a)
{
    char cell[GW_CELL_MAX];
    gw_table_cell_add(t, GW_STYLE_PLAIN, gw_plan_range(&a->share, cell));
    gw_table_cell_add(t, GW_STYLE_PLAIN, alone_cell(a, cell));
    gw_table_cell_add(t, risk_style(a->risk), gw_risk_name(a->risk));
    gw_table_cellf(t, GW_STYLE_PLAIN, "%.0f", 100 * a->confidence);
    gw_table_cellf(t, a->blast.production ? GW_STYLE_YELLOW : GW_STYLE_PLAIN, "%" PRIu32, a->blast.pods);
}

/* What comes before and after a row of a table. */
typedef void (*row_writer)(const page *p, size_t row);

/* Writes a table row by row, with something around each, and frees it. last: the title of what `after` puts
 * behind a row. Cells hold no end of line. */
static int put_table(const page *p, gw_table *t, size_t indent, row_writer before, row_writer after,
                     const char *last, gw_error *e)
{
    gw_buf lines;
    gw_buf_init(&lines, GW_ANSWER_BYTES_MAX);
    int rc = gw_table_write(t, &lines, p->width, indent, p->v->colour, e);
    const char *line = rc ? NULL : lines.data;
    for (size_t i = 0; line && *line; i++) {
        size_t n = strcspn(line, "\n");
        if (i > 0 && before)
            before(p, i - 1);
        gw_buf_add(p->b, line, n);
        if (i > 0)
            after(p, i - 1);
        else
            put_styled(p, GW_STYLE_DIM, last);
        gw_buf_puts(p->b, i > 0 ? "" : "\n");
        line += n + 1;
    }
    gw_buf_free(&lines);
    gw_table_free(t);
    return rc;
}

static void put_sentence(const page *p, gw_style style, size_t indent, size_t column, const char *text)
{
    gw_style_begin(p->b, style, p->v->colour);
    gw_text_wrap(p->b, text, indent, column, p->prose);
    gw_style_end(p->b, style, p->v->colour);
}

static bool has_own_line(const gw_action *a)
{
    return gw_text_width(gw_str_of(a->id)) > ID_COLUMNS;
}

/* A name is typed again, so it is never cut: one that is too long for its column stands above its numbers. */
static void put_id(const page *p, size_t row)
{
    const gw_action *a = &p->plan->actions[row];
    if (!has_own_line(a))
        return;
    gw_buf_printf(p->b, "%zu  ", row + 1);
    gw_style_begin(p->b, GW_STYLE_BOLD, p->v->colour);
    gw_text_write(p->b, gw_str_of(a->id), 0);
    gw_style_end(p->b, GW_STYLE_BOLD, p->v->colour);
    gw_buf_putc(p->b, '\n');
}

static void put_described(const page *p, size_t row)
{
    char text[DESCRIPTION_MAX];
    gw_buf_putc(p->b, '\n');
    if (!*describe(&p->plan->actions[row], text))
        return;
    gw_buf_printf(p->b, "%*s", DESCRIPTION_INDENT, "");
    put_sentence(p, GW_STYLE_DIM, DESCRIPTION_INDENT, DESCRIPTION_INDENT, text);
}

/* A line with the numbers for each action, and below it, as wide as the page, what is and what should be. */
static int put_actions(const page *p, size_t n, gw_error *e)
{
    gw_table t;
    gw_table_init(&t);
    gw_table_column_add(&t, (gw_table_column){.title = "#"});
    gw_table_column_add(&t, (gw_table_column){.title = "ACTION", .least = 8});
    for (size_t i = 0; i < GW_COUNT(columns_numbers); i++)
        gw_table_column_add(&t, columns_numbers[i]);
    for (size_t i = 0; i < n; i++) {
        const gw_action *a = &p->plan->actions[i];
        char number[32];
        snprintf(number, sizeof(number), "%zu", i + 1);
        gw_table_cell_add(&t, GW_STYLE_PLAIN, has_own_line(a) ? "" : number);
        gw_table_cell_add(&t, GW_STYLE_BOLD, has_own_line(a) ? "" : a->id);
        put_numbers(&t, a);
    }
    return put_table(p, &t, 0, put_id, put_described, "", e);
}

static void put_sentences(const page *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const gw_action *a = &p->plan->actions[i];
        char head[32];
        int width = snprintf(head, sizeof(head), "%3zu  ", i + 1);
        gw_buf_puts(p->b, head);
        put_sentence(p, GW_STYLE_PLAIN, DESCRIPTION_INDENT, (size_t)width, a->text ? a->text : "");
        if (!a->rule)
            continue;
        gw_buf_printf(p->b, "%*s", DESCRIPTION_INDENT, "");
        put_sentence(p, GW_STYLE_DIM, DESCRIPTION_INDENT, DESCRIPTION_INDENT, a->rule);
    }
}

/* Everything in one line an action, and the sentences below. */
static int put_actions_wide(const page *p, size_t n, gw_error *e)
{
    static const gw_table_column more[] = {{.title = "WINDOW $", .right = true},
                                           {.title = "WORKLOADS", .right = true},
                                           {.title = "NODES", .right = true},
                                           {.title = "PRODUCTION PODS", .right = true},
                                           {.title = "RESTART COST $", .right = true},
                                           {.title = "SUBJECT"},
                                           {.title = "IS"},
                                           {.title = "SHOULD BE"}};
    gw_table t;
    gw_table_init(&t);
    gw_table_column_add(&t, (gw_table_column){.title = "#", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "ACTION"});
    for (size_t i = 0; i < GW_COUNT(columns_numbers); i++)
        gw_table_column_add(&t, columns_numbers[i]);
    for (size_t i = 0; i < GW_COUNT(more); i++)
        gw_table_column_add(&t, more[i]);
    for (size_t i = 0; i < n; i++) {
        const gw_action *a = &p->plan->actions[i];
        char cell[GW_CELL_MAX];
        gw_table_cellf(&t, GW_STYLE_PLAIN, "%zu", i + 1);
        gw_table_cell_add(&t, GW_STYLE_BOLD, a->id);
        put_numbers(&t, a);
        gw_table_cell_add(&t, GW_STYLE_PLAIN, gw_cell_money(a->share.window, cell));
        gw_table_cellf(&t, GW_STYLE_PLAIN, "%" PRIu32, a->blast.workloads);
        gw_table_cellf(&t, GW_STYLE_PLAIN, "%" PRIu32, a->blast.nodes);
        gw_table_cellf(&t, GW_STYLE_PLAIN, "%" PRIu32, a->blast.production);
        gw_table_cell_add(&t, GW_STYLE_PLAIN, gw_cell_money(a->blast.restart_cost, cell));
        gw_table_cell_add(&t, GW_STYLE_PLAIN, a->subject ? a->subject : "–");
        gw_table_cell_add(&t, GW_STYLE_PLAIN, a->is ? a->is : "–");
        gw_table_cell_add(&t, GW_STYLE_PLAIN, a->should ? a->should : "–");
    }
    int rc = gw_table_write(&t, p->b, 0, 0, p->v->colour, e);
    gw_table_free(&t);
    if (rc)
        return rc;
    gw_buf_putc(p->b, '\n');
    put_sentences(p, n);
    return 0;
}

static int put_chosen(const page *p, gw_error *e)
{
    size_t n = gw_plan_chosen(p->plan);
    gw_buf_putc(p->b, '\n');
    if (n)
        return p->wide ? put_actions_wide(p, n, e) : put_actions(p, n, e);
    put_styled(p, GW_STYLE_BOLD, "Nothing to save.");
    if (p->plan->n_actions)
        gw_buf_puts(p->b, " The alternatives below say why none of them was taken.\n");
    else if (p->plan->n_held)
        gw_buf_puts(p->b, " What is held back, and why, stands below.\n");
    else
        gw_buf_puts(p->b, " No node could be given back, and no board shared.\n");
    return 0;
}

/* ---- what was left out --------------------------------------------------------------------------------- */

static void put_more(const page *p, size_t n, size_t shown)
{
    if (n > shown)
        gw_buf_printf(p->b, "  and %zu more: -o wide has them all\n", n - shown);
}

/* Behind the numbers the name, and below it why not. */
static void put_why_not(const page *p, size_t row)
{
    const gw_action *a = &p->plan->actions[gw_plan_chosen(p->plan) + row];
    gw_buf_puts(p->b, "  ");
    gw_text_write(p->b, gw_str_of(a->id), 0);
    gw_buf_putc(p->b, '\n');
    if (!a->why_not || !*a->why_not)
        return;
    gw_buf_printf(p->b, "%*s", DESCRIPTION_INDENT, "");
    put_sentence(p, GW_STYLE_DIM, DESCRIPTION_INDENT, DESCRIPTION_INDENT, a->why_not);
}

static int put_alternatives(const page *p, gw_error *e)
{
    size_t first = gw_plan_chosen(p->plan), n = p->plan->n_actions - first;
    size_t shown = p->wide ? n : GW_MIN(n, (size_t)ALTERNATIVES_SHOWN);
    gw_table t;
    if (n == 0)
        return 0;
    put_title(p, GW_STYLE_BOLD, "ALTERNATIVES, not part of the plan");
    gw_table_init(&t);
    gw_table_column_add(&t, (gw_table_column){.title = "RISK"});
    gw_table_column_add(&t, (gw_table_column){.title = "ALONE $/MONTH", .right = true});
    for (size_t i = first; i < first + shown; i++) {
        const gw_action *a = &p->plan->actions[i];
        char cell[GW_CELL_MAX];
        gw_table_cell_add(&t, risk_style(a->risk), gw_risk_name(a->risk));
        gw_table_cell_add(&t, GW_STYLE_PLAIN, gw_plan_range(&a->alone, cell));
    }
    int rc = put_table(p, &t, INDENT, NULL, put_why_not, "  ACTION, and why it is not", e);
    put_more(p, n, shown);
    return rc;
}

static const char *gpus_cell(double gpus, char out[GW_CELL_MAX])
{
    snprintf(out, GW_CELL_MAX, gpus == (double)(int64_t)gpus ? "%.0f" : "%.2f", gpus);
    return out;
}

/* The columns of a line that was just written. */
static size_t columns_written(const gw_buf *b)
{
    size_t from = b->len;
    while (from > 0 && b->data[from - 1] != '\n')
        from--;
    return b->failed ? 0 : gw_text_width((gw_str){b->data + from, b->len - from});
}

static void put_why(const page *p, size_t row)
{
    gw_buf_puts(p->b, "  ");
    size_t column = columns_written(p->b);
    put_sentence(p, GW_STYLE_PLAIN, column, column, p->plan->held[row].why);
}

static int put_held(const page *p, gw_error *e)
{
    size_t n = p->plan->n_held, shown = p->wide ? n : GW_MIN(n, (size_t)HELD_SHOWN);
    gw_table t;
    if (n == 0)
        return 0;
    put_title(p, GW_STYLE_BOLD, "HELD BACK: what stays as it is, and why");
    gw_table_init(&t);
    gw_table_column_add(&t, (gw_table_column){.title = "$ A MONTH", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "GPUS", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "PODS", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "NODES", .right = true});
    for (size_t i = 0; i < shown; i++) {
        const gw_held *h = &p->plan->held[i];
        char cell[GW_CELL_MAX];
        gw_saving monthly = {.low = h->monthly, .high = h->monthly};
        gw_table_cell_add(&t, GW_STYLE_PLAIN, gw_plan_range(&monthly, cell));
        gw_table_cell_add(&t, GW_STYLE_PLAIN, gpus_cell(h->gpus, cell));
        gw_table_cellf(&t, GW_STYLE_PLAIN, "%" PRIu32, h->pods);
        gw_table_cellf(&t, GW_STYLE_PLAIN, "%" PRIu32, h->nodes);
    }
    int rc = put_table(p, &t, INDENT, NULL, put_why, "  WHY", e);
    put_more(p, n, shown);
    return rc;
}

static void put_notes(const page *p)
{
    size_t n = p->plan->n_notes, shown = p->wide ? n : GW_MIN(n, (size_t)NOTES_SHOWN);
    if (n == 0)
        return;
    put_title(p, GW_STYLE_YELLOW, "NOT CONSIDERED");
    for (size_t i = 0; i < shown; i++) {
        gw_buf_puts(p->b, "  ");
        gw_text_wrap(p->b, p->plan->notes[i], 4, 2, p->prose);
    }
    put_more(p, n, shown);
}

/* ---- what to type next --------------------------------------------------------------------------------- */

static int put_command(const page *p, const char *what, const char *verb, const char *operand,
                       const char *flags, const char *more, gw_error *e)
{
    gw_buf command;
    put_styled(p, GW_STYLE_DIM, what);
    gw_buf_putc(p->b, '\n');
    gw_buf_init(&command, 2 * GW_FLAGS_MAX);
    gw_buf_printf(&command, "%s %s ", p->v->program, verb);
    if (operand)
        gw_shell_quote(&command, operand);
    gw_buf_printf(&command, "%s%s%s", operand && *flags ? " " : "", flags, more);
    int rc = gw_buf_check(&command, "the next command", e);
    if (rc == 0)
        gw_command_write(p->b, command.data);
    gw_buf_free(&command);
    return rc;
}

static int put_next(const page *p, gw_error *e)
{
    const gw_action *first = p->plan->actions;
    const char *source = p->v->source_flags ? p->v->source_flags : "", *all = p->v->flags ? p->v->flags : "";
    gw_buf_putc(p->b, '\n');
    if (p->plan->n_actions == 0)
        return put_command(p, "Next, see where the money goes:", "report", NULL, source, "", e);
    int rc = put_command(p, "Next, see how an action came about, and what it touches:", "explain", first->id,
                         all, "", e);
    if (rc == 0 && first->chosen)
        rc = put_command(p, "then write its manifests:", "plan", NULL, all, " --export DIR", e);
    return rc;
}

/* ---- the whole ----------------------------------------------------------------------------------------- */

int gw_plan_render_table(const gw_plan_view *v, bool wide, gw_buf *b, gw_error *e)
{
    page p = {.v = v, .plan = v->plan, .b = b, .wide = wide, .width = wide ? 0 : GW_TABLE_WIDTH};
    p.prose = wide ? GW_MAX(v->columns, (size_t)GW_TABLE_WIDTH) : GW_TABLE_WIDTH;
    int rc = put_head(&p, e);
    if (rc == 0)
        rc = put_chosen(&p, e);
    if (rc == 0)
        rc = put_alternatives(&p, e);
    if (rc == 0)
        rc = put_held(&p, e);
    if (rc)
        return rc;
    put_notes(&p);
    rc = put_next(&p, e);
    return rc ? rc : gw_buf_check(b, "the output", e);
}

int gw_plan_render_short(const gw_plan *plan, bool colour, gw_buf *b, gw_error *e)
{
    const gw_plan_view v = {.plan = plan, .colour = colour};
    page p = {.v = &v, .plan = plan, .b = b, .width = GW_TABLE_WIDTH};
    size_t n = gw_plan_chosen(plan), shown = GW_MIN(n, (size_t)SHORT_SHOWN);
    char cell[GW_CELL_MAX], title[LINE_MAX], text[DESCRIPTION_MAX];
    gw_table t;
    if (n == 0)
        snprintf(title, sizeof(title), "PLAN: nothing to save");
    else
        snprintf(title, sizeof(title), "PLAN: %zu action%s would save $%s a month", n, n == 1 ? "" : "s",
                 gw_plan_range(&plan->saving, cell));
    put_title(&p, GW_STYLE_GREEN, title);
    gw_table_init(&t);
    gw_table_column_add(&t, (gw_table_column){.title = "SAVES $/MONTH", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "ACTION", .least = 40});
    gw_table_column_add(&t, (gw_table_column){.title = "", .least = 24, .rank = 1});
    for (size_t i = 0; i < shown; i++) {
        const gw_action *a = &plan->actions[i];
        gw_table_cell_add(&t, GW_STYLE_PLAIN, gw_plan_range(&a->share, cell));
        gw_table_cell_add(&t, GW_STYLE_PLAIN, a->id);
        gw_table_cell_add(&t, GW_STYLE_DIM, describe(a, text));
    }
    int rc = n ? gw_table_write(&t, b, GW_TABLE_WIDTH, INDENT, colour, e) : 0;
    gw_table_free(&t);
    if (n > shown)
        gw_buf_printf(b, "  and %zu more\n", n - shown);
    return rc ? rc : gw_buf_check(b, "the output", e);
}

int gw_plan_render(const gw_plan_view *v, gw_output output, gw_buf *b, gw_error *e)
{
    switch (output) {
    case GW_OUTPUT_TABLE:
    case GW_OUTPUT_WIDE:
        return gw_plan_render_table(v, output == GW_OUTPUT_WIDE, b, e);
    case GW_OUTPUT_JSON:
    case GW_OUTPUT_YAML:
        return gw_plan_render_doc(v, output == GW_OUTPUT_JSON ? GW_DOC_JSON : GW_DOC_YAML, b, e);
    default:
        return gw_fail(e, GW_EINTERNAL, "no renderer for output %d; this is a bug, please report it",
                       (int)output);
    }
}
