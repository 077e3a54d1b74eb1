/*
 * The report for a terminal: first what it comes to, then the rows, then what is wrong and what is not known,
 * and at last what to type next. -o table keeps to 100 columns; -o wide shows every column.
 */
#include "present/plan.h"

#include "format/table.h"

#define FINDINGS_SHOWN 5
#define UNKNOWNS_SHOWN 8
#define INDENT         2
/* a key is not cut below this while columns of numbers can be left out instead */
#define KEY_LEAST(n) ((n) == 1 ? 20 : (n) == 2 ? 16 : (n) == 3 ? 13 : 8)

typedef struct page {
    const gw_report *r;
    const gw_render *how;
    gw_buf *b;
    bool wide;
    size_t width; /* 0: any */
    size_t prose; /* columns that sentences are wrapped to */
} page;

static void put_styled(const page *p, gw_style style, const char *text)
{
    gw_style_begin(p->b, style, p->how->colour);
    gw_text_write(p->b, gw_str_of(text), p->width);
    gw_style_end(p->b, style, p->how->colour);
}

static void put_head(const page *p)
{
    char a[GW_TIME_TEXT_MAX], b[GW_TIME_TEXT_MAX], d[GW_TIME_TEXT_MAX], text[160];
    if (p->how->banner) {
        put_styled(p, GW_STYLE_YELLOW, p->how->banner);
        gw_buf_puts(p->b, "\n\n");
    }
    snprintf(text, sizeof(text), "GPU cost, %s to %s (%s)", gw_time_format(p->r->window.start_ms, a),
             gw_time_format(p->r->window.end_ms, b), gw_duration_format(gw_interval_ms(p->r->window), d));
    put_styled(p, GW_STYLE_BOLD, text);
    gw_buf_puts(p->b, "\n\n");
}

/* ---- what it comes to ---------------------------------------------------------------------------------- */

static gw_style cost_style(size_t part, gw_micro amount)
{
    if (!gw_micro_known(amount))
        return GW_STYLE_YELLOW;
    if (amount == 0)
        return GW_STYLE_DIM;
    return part == GW_COST_BILL                                                        ? GW_STYLE_BOLD
           : part == GW_COST_WASTED || part == GW_COST_IDLE || part == GW_COST_UNKNOWN ? GW_STYLE_YELLOW
                                                                                       : GW_STYLE_PLAIN;
}

static const char *cost_hours(const gw_gpu_time *t, size_t part, char out[GW_CELL_MAX])
{
    double wasted = t->paid - t->used - t->idle - t->unknown;
    double ms = part == GW_COST_BILL      ? t->paid
                : part == GW_COST_USED    ? t->used
                : part == GW_COST_WASTED  ? GW_MAX(wasted, 0)
                : part == GW_COST_IDLE    ? t->idle
                : part == GW_COST_UNKNOWN ? t->unknown
                                          : -1;
    if (ms < 0)
        return "";
    return gw_cell_hours(ms / (double)GW_HOUR_MS, out);
}

/* One line a part of the bill: dollars, share of the bill, GPU-hours, dollars a month at this rate. */
static int put_costs(const page *p, gw_error *e)
{
    static const char *const names[GW_N_COSTS] = {"bill", "used",    "wasted",  "  reclaimable",
                                                  "idle", "unknown", "overhead"};
    static const char *const meaning[GW_N_COSTS] = {
        "what the GPU nodes cost",    "compute at work", "held by a pod, compute idle",
        "of wasted, memory allowing", "held by no pod",  "no sample says",
        "control plane, shared"};
    gw_micro amounts[GW_N_COSTS];
    gw_table t;
    gw_cost_list(&p->r->total.cost, amounts);
    gw_table_init(&t);
    gw_table_column_add(&t, (gw_table_column){.title = ""});
    gw_table_column_add(&t, (gw_table_column){.title = "USD", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "% OF BILL", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "GPU HOURS", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "USD A MONTH", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "", .least = 8, .rank = 1});
    for (size_t i = 0; i < GW_N_COSTS; i++) {
        char cell[GW_CELL_MAX];
        gw_style s = cost_style(i, amounts[i]);
        gw_table_cell_add(&t, s, names[i]);
        gw_table_cell_add(&t, s, gw_cell_money(amounts[i], cell));
        gw_table_cell_add(&t, s, gw_cell_percent(amounts[i], amounts[GW_COST_BILL], cell));
        gw_table_cell_add(&t, s, cost_hours(&p->r->total.time, i, cell));
        gw_table_cell_add(&t, s,
                          gw_cell_money(gw_monthly_of(amounts[i], gw_usage_observed(p->r->usage)), cell));
        gw_table_cell_add(&t, GW_STYLE_DIM, meaning[i]);
    }
    double unpriced_ms = p->r->total.cost.unpriced_ms;
    if (unpriced_ms > 0) {
        char cell[GW_CELL_MAX];
        gw_table_cell_add(&t, GW_STYLE_YELLOW, "no price");
        gw_table_cell_add(&t, GW_STYLE_YELLOW, "–");
        gw_table_cell_add(&t, GW_STYLE_YELLOW, "");
        gw_table_cell_add(&t, GW_STYLE_YELLOW, gw_cell_hours(unpriced_ms / (double)GW_HOUR_MS, cell));
        gw_table_cell_add(&t, GW_STYLE_YELLOW, "–");
        gw_table_cell_add(&t, GW_STYLE_YELLOW, "of these hours; in no amount");
    }
    int rc = gw_table_write(&t, p->b, p->width, INDENT, p->how->colour, e);
    gw_table_free(&t);
    return rc;
}

static void put_line(const page *p, const char *name, const char *text)
{
    gw_buf_printf(p->b, "  %-13s", name);
    gw_text_wrap(p->b, text, 15, 15, p->prose);
}

static void put_profile(const page *p, const char *name, const gw_profile *v)
{
    char mean[GW_CELL_MAX], p95[GW_CELL_MAX], peak[GW_CELL_MAX], line[256];
    if (v->mean < 0)
        snprintf(line, sizeof(line), "unknown: no valid sample");
    else
        snprintf(line, sizeof(line), "mean %s %%, P95 %s %%, peak %s %%", gw_cell_share(v->mean, mean),
                 gw_cell_share(v->p95, p95), gw_cell_share(v->peak, peak));
    put_line(p, name, line);
}

/* Which metric the compute numbers rest on, and for how much of the known time. */
static void put_signals(const page *p)
{
    const gw_stats *s = &p->r->total.stats;
    char line[512] = "";
    double all = 0;
    size_t n = 0;
    for (int i = 0; i < GW_N_COMPUTE_SIGNALS; i++)
        all += s->by_signal[i];
    for (int i = 0; i < GW_N_COMPUTE_SIGNALS && n < sizeof(line); i++) {
        if (s->by_signal[i] > 0)
            n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s %.0f %%", n ? ", " : "",
                                  gw_signal_name((gw_signal)i), 100 * s->by_signal[i] / all);
    }
    put_line(p, "Signal", n ? line : "none");
}

static int put_price_lists(const page *p, gw_error *e)
{
    gw_buf text;
    gw_buf_init(&text, (size_t)1 << 20);
    int rc = gw_price_lists_write(p->r, &text, e);
    if (rc == 0)
        put_line(p, "Prices", text.len ? text.data : "none");
    gw_buf_free(&text);
    return rc;
}

static int put_measures(const page *p, gw_error *e)
{
    gw_buf_putc(p->b, '\n');
    put_profile(p, "Utilisation", &p->r->total.compute);
    put_profile(p, "GPU memory", &p->r->total.memory);
    put_signals(p);
    put_line(p, "Source", p->r->source ? p->r->source : "unknown");
    return put_price_lists(p, e);
}

/* What is not known, below the rows that it is missing from; GPU time without a price has a line of its own
 * in the summary. */
static void put_unknowns(const page *p)
{
    const gw_report *r = p->r;
    if (r->n_unknowns == 0)
        return;
    gw_buf_putc(p->b, '\n');
    put_styled(p, GW_STYLE_YELLOW, "NOT KNOWN");
    gw_buf_putc(p->b, '\n');
    for (size_t i = 0; i < r->n_unknowns && i < UNKNOWNS_SHOWN; i++) {
        const gw_unknown *u = &r->unknowns[i];
        char line[1024], hours[GW_CELL_MAX];
        if (u->gpu_ms >= 0)
            snprintf(line, sizeof(line), "%s, %s GPU hours: %s", u->what,
                     gw_cell_hours(u->gpu_ms / (double)GW_HOUR_MS, hours), u->why ? u->why : "");
        else
            snprintf(line, sizeof(line), "%s: %s", u->what, u->why ? u->why : "");
        gw_buf_puts(p->b, "  ");
        gw_style_begin(p->b, GW_STYLE_YELLOW, p->how->colour);
        gw_text_wrap(p->b, line, 4, 2, p->prose);
        gw_style_end(p->b, GW_STYLE_YELLOW, p->how->colour);
    }
    if (r->n_unknowns > UNKNOWNS_SHOWN)
        gw_buf_printf(p->b, "  and %zu more: -o json has them all\n", r->n_unknowns - UNKNOWNS_SHOWN);
}

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* What a column shows; the tables below say which columns there are. */
typedef enum cell_kind {
    CELL_COST,
    CELL_TIME,
    CELL_COMPUTE,
    CELL_MEMORY,
    CELL_STATE,
    CELL_CLASS,
    CELL_PODS,
    CELL_GPUS,
    CELL_SIGNAL
} cell_kind;

typedef struct row_column {
    const char *title;
    cell_kind kind;
    int which; /* the part of a cost, the time, or 0 mean, 1 P95, 2 peak */
    int rank;
} row_column;

static const row_column columns_table[] = {
    {"CLASS", CELL_CLASS, 0, 5},
    {"GPU h", CELL_TIME, GW_TIME_PAID, 0},
    {"BILL $", CELL_COST, GW_COST_BILL, 0},
    {"USED $", CELL_COST, GW_COST_USED, 4},
    {"WASTED $", CELL_COST, GW_COST_WASTED, 1},
    {"RECLAIM $", CELL_COST, GW_COST_RECLAIMABLE, 3},
    {"UNKNOWN $", CELL_COST, GW_COST_UNKNOWN, 6},
    {"UTIL %", CELL_COMPUTE, 0, 0},
    {"MEM %", CELL_MEMORY, 0, 2},
};

/* A node and a GPU have idle time of their own, which the rows of pods and teams have not. */
static const row_column columns_place[] = {
    {"GPU h", CELL_TIME, GW_TIME_PAID, 0},  {"BILL $", CELL_COST, GW_COST_BILL, 0},
    {"USED $", CELL_COST, GW_COST_USED, 0}, {"WASTED $", CELL_COST, GW_COST_WASTED, 0},
    {"IDLE $", CELL_COST, GW_COST_IDLE, 0}, {"UNKNOWN $", CELL_COST, GW_COST_UNKNOWN, 0},
    {"UTIL %", CELL_COMPUTE, 0, 1},         {"MEM %", CELL_MEMORY, 0, 2},
};

static const row_column columns_wide[] = {
    {"CLASS", CELL_CLASS, 0, 0},
    {"PODS", CELL_PODS, 0, 0},
    {"GPUS", CELL_GPUS, 0, 0},
    {"BILL $", CELL_COST, GW_COST_BILL, 0},
    {"USED $", CELL_COST, GW_COST_USED, 0},
    {"WASTED $", CELL_COST, GW_COST_WASTED, 0},
    {"RECLAIM $", CELL_COST, GW_COST_RECLAIMABLE, 0},
    {"IDLE $", CELL_COST, GW_COST_IDLE, 0},
    {"UNKNOWN $", CELL_COST, GW_COST_UNKNOWN, 0},
    {"OVERHEAD $", CELL_COST, GW_COST_OVERHEAD, 0},
    {"PAID GPU h", CELL_TIME, GW_TIME_PAID, 0},
    {"HELD GPU h", CELL_TIME, GW_TIME_ALLOCATED, 0},
    {"USED GPU h", CELL_TIME, GW_TIME_USED, 0},
    {"IDLE GPU h", CELL_TIME, GW_TIME_IDLE, 0},
    {"UNKNOWN GPU h", CELL_TIME, GW_TIME_UNKNOWN, 0},
    {"UTIL MEAN %", CELL_COMPUTE, 0, 0},
    {"UTIL P95 %", CELL_COMPUTE, 1, 0},
    {"UTIL PEAK %", CELL_COMPUTE, 2, 0},
    {"MEM MEAN %", CELL_MEMORY, 0, 0},
    {"MEM P95 %", CELL_MEMORY, 1, 0},
    {"MEM PEAK %", CELL_MEMORY, 2, 0},
    {"HIGH-HIGH %", CELL_STATE, GW_STATE_HIGH_HIGH, 0},
    {"LOW-HIGH %", CELL_STATE, GW_STATE_LOW_HIGH, 0},
    {"HIGH-LOW %", CELL_STATE, GW_STATE_HIGH_LOW, 0},
    {"LOW-LOW %", CELL_STATE, GW_STATE_LOW_LOW, 0},
    {"STATE UNKNOWN %", CELL_STATE, GW_STATE_UNKNOWN, 0},
    {"SIGNAL", CELL_SIGNAL, 0, 0},
};

static double profile_value(const gw_profile *v, int which)
{
    return which == 0 ? v->mean : which == 1 ? v->p95 : v->peak;
}

static void put_cell(gw_table *t, const gw_row *row, const row_column *c)
{
    char cell[GW_CELL_MAX], signals[GW_SIGNALS_TEXT_MAX];
    gw_micro amounts[GW_N_COSTS];
    double hours[GW_N_TIMES], states[GW_N_STATES];
    const char *text;
    switch (c->kind) {
    case CELL_COST:
        gw_cost_list(&row->cost, amounts);
        gw_table_cell_add(t, cost_style((size_t)c->which, amounts[c->which]),
                          gw_cell_money(amounts[c->which], cell));
        return;
    case CELL_TIME:
        gw_gpu_hours_list(&row->time, hours);
        gw_table_cell_add(t, GW_STYLE_PLAIN, gw_cell_hours(hours[c->which], cell));
        return;
    case CELL_COMPUTE:
        gw_table_cell_add(t, GW_STYLE_PLAIN, gw_cell_share(profile_value(&row->compute, c->which), cell));
        return;
    case CELL_MEMORY:
        gw_table_cell_add(t, GW_STYLE_PLAIN, gw_cell_share(profile_value(&row->memory, c->which), cell));
        return;
    case CELL_STATE:
        gw_state_shares(&row->stats, states);
        gw_table_cell_add(t, GW_STYLE_PLAIN, gw_cell_share(states[c->which], cell));
        return;
    case CELL_PODS:
    case CELL_GPUS:
        gw_table_cellf(t, GW_STYLE_PLAIN, "%" PRIu32, c->kind == CELL_PODS ? row->n_pods : row->n_gpus);
        return;
    case CELL_CLASS:
        text = gw_row_class(row);
        break;
    case CELL_SIGNAL:
    default:
        text = gw_signals_text(row->signals, signals);
        break;
    }
    gw_table_cell_add(t, GW_STYLE_PLAIN, text ? text : "–");
}

static int put_rows(const page *p, gw_error *e)
{
    bool place =
        p->r->n_by == 1 && (p->r->by[0].dimension == GW_BY_NODE || p->r->by[0].dimension == GW_BY_GPU ||
                            p->r->by[0].dimension == GW_BY_CLUSTER);
    const row_column *columns = p->wide ? columns_wide : place ? columns_place : columns_table;
    size_t n = p->wide ? GW_COUNT(columns_wide) : place ? GW_COUNT(columns_place) : GW_COUNT(columns_table);
    char titles[GW_MAX_BY][GW_CELL_MAX];
    gw_table t;
    gw_buf_putc(p->b, '\n');
    gw_table_init(&t);
    for (size_t i = 0; i < p->r->n_by; i++) {
        snprintf(titles[i], sizeof(titles[i]), "%s", p->r->by[i].name);
        for (char *s = titles[i]; *s && !strchr(titles[i], ':'); s++)
            *s = (char)(*s >= 'a' && *s <= 'z' ? *s & ~0x20 : *s);
        gw_table_column_add(&t, (gw_table_column){.title = titles[i], .least = KEY_LEAST(p->r->n_by)});
    }
    for (size_t i = 0; i < n; i++) {
        bool text = columns[i].kind == CELL_CLASS || columns[i].kind == CELL_SIGNAL;
        gw_table_column_add(
            &t, (gw_table_column){.title = columns[i].title, .right = !text, .rank = columns[i].rank});
    }
    for (size_t i = 0; i < p->r->n_rows; i++) {
        const gw_row *row = &p->r->rows[i];
        for (size_t k = 0; k < p->r->n_by; k++)
            gw_table_cell_add(&t, row->held ? GW_STYLE_PLAIN : GW_STYLE_DIM, row->key[k] ? row->key[k] : "–");
        for (size_t k = 0; k < n; k++)
            put_cell(&t, row, &columns[k]);
    }
    int rc = p->r->n_rows ? gw_table_write(&t, p->b, p->width, 0, p->how->colour, e) : 0;
    if (p->r->n_rows == 0)
        gw_buf_puts(p->b, "No pod matches.\n");
    gw_table_free(&t);
    return rc;
}

/* ---- findings ------------------------------------------------------------------------------------------ */

static int put_findings(const page *p, gw_error *e)
{
    const gw_findings *f = p->r->findings;
    gw_table t;
    if (!f || f->n == 0)
        return 0;
    size_t shown = p->wide ? f->n : GW_MIN(f->n, (size_t)FINDINGS_SHOWN);
    gw_buf_putc(p->b, '\n');
    gw_table_init(&t);
    gw_table_column_add(&t, (gw_table_column){.title = "$ A MONTH", .right = true});
    gw_table_column_add(&t, (gw_table_column){.title = "FINDING"});
    gw_table_column_add(&t, (gw_table_column){.title = "", .least = 20});
    for (size_t i = 0; i < shown; i++) {
        const gw_finding *one = &f->items[i];
        char cell[GW_CELL_MAX];
        gw_style s = one->severity == GW_SEVERITY_HIGH     ? GW_STYLE_RED
                     : one->severity == GW_SEVERITY_MEDIUM ? GW_STYLE_YELLOW
                                                           : GW_STYLE_PLAIN;
        gw_table_cell_add(&t, s, gw_cell_money(one->monthly, cell));
        gw_table_cell_add(&t, s, one->rule);
        gw_table_cell_add(&t, GW_STYLE_PLAIN, one->text ? one->text : "");
    }
    int rc = gw_table_write(&t, p->b, p->width, 0, p->how->colour, e);
    gw_table_free(&t);
    if (f->n > shown)
        gw_buf_printf(p->b, "%zu more findings: -o wide lists them all. They overlap: do not add them up.\n",
                      f->n - shown);
    return rc;
}

/* The one command that is most worth typing next. */
static void put_next(const page *p)
{
    const char *flags = p->how->source_flags ? p->how->source_flags : "", *what, *verb, *more = "";
    const gw_findings *f = p->r->findings;
    char command[2048];
    if (p->how->plan) {
        what = "Next, the plan in full, and what holds back the rest:";
        verb = "plan";
    } else if (p->r->total.cost.unpriced_ms > 0) {
        what = "Next, give the nodes without a price one:";
        verb = "report";
        more = " --prices FILE";
    } else if (f && f->n) {
        what = "Next, see how the dearest finding came about:";
        verb = "explain ";
    } else {
        what = "Next, the same with plots:";
        verb = "report";
        more = " -o html > report.html";
    }
    snprintf(command, sizeof(command), "%s %s%s %s%s", p->how->program, verb,
             strcmp(verb, "explain ") == 0 ? f->items[0].rule : "", flags, more);
    gw_buf_putc(p->b, '\n');
    put_styled(p, GW_STYLE_DIM, what);
    gw_buf_putc(p->b, '\n');
    gw_command_write(p->b, command);
}

int gw_render_table(const gw_report *r, const gw_render *how, bool wide, gw_buf *b, gw_error *e)
{
    page p = {.r = r, .how = how, .b = b, .wide = wide, .width = wide ? 0 : GW_TABLE_WIDTH};
    p.prose = wide ? GW_MAX(how->columns, (size_t)GW_TABLE_WIDTH) : GW_TABLE_WIDTH;
    put_head(&p);
    int rc = put_costs(&p, e);
    if (rc)
        return rc;
    rc = put_measures(&p, e);
    if (rc == 0)
        rc = put_rows(&p, e);
    if (rc)
        return rc;
    put_unknowns(&p);
    rc = put_findings(&p, e);
    if (rc == 0 && how->plan)
        rc = gw_plan_render_short(how->plan, how->colour, b, e);
    if (rc)
        return rc;
    put_next(&p);
    return gw_buf_check(b, "the output", e);
}
