/* The rows as CSV (RFC 4180, lines end in LF): plain numbers, an empty field for what is not known. */
#include "present/render.h"

static void put_field(gw_buf *b, const char *text)
{
    if (!text)
        return;
    if (!*text || strpbrk(text, ",\"\r\n") || text[0] == ' ' || text[strlen(text) - 1] == ' ') {
        gw_buf_putc(b, '"');
        for (; *text; text++) {
            if (*text == '"')
                gw_buf_putc(b, '"');
            gw_buf_putc(b, *text);
        }
        gw_buf_putc(b, '"');
        return;
    }
    gw_buf_puts(b, text);
}

static void next_field(gw_buf *b, const char *text)
{
    gw_buf_putc(b, ',');
    put_field(b, text);
}

static void put_decimal(gw_buf *b, double v, bool known)
{
    char text[GW_DECIMAL_TEXT_MAX];
    next_field(b, known ? gw_decimal_format(v, 6, true, text) : NULL);
}

/* "gpuHours" and "paid" give "gpu_hours_paid". */
static void put_title(gw_buf *b, const char *before, const char *name, const char *after)
{
    gw_buf_putc(b, ',');
    gw_buf_puts(b, before);
    for (; *name; name++) {
        if (*name >= 'A' && *name <= 'Z')
            gw_buf_putc(b, '_');
        gw_buf_putc(b, (char)(*name >= 'A' && *name <= 'Z' ? *name | 0x20 : *name));
    }
    gw_buf_puts(b, after);
}

static void put_header(gw_buf *b, const gw_report *r)
{
    static const char *const profiles[] = {"mean", "p95", "peak"};
    for (size_t i = 0; i < r->n_by; i++) {
        if (i)
            gw_buf_putc(b, ',');
        put_field(b, r->by[i].name);
    }
    for (int f = 0; f < GW_N_OWNER_FIELDS; f++)
        put_title(b, "owner_", gw_owner_field_name((gw_owner_field)f), "");
    gw_buf_puts(b, ",class,signal,pods,gpus");
    for (size_t i = 0; i < GW_N_COSTS; i++)
        put_title(b, "", gw_cost_names[i], "_usd");
    for (size_t i = 0; i < GW_N_TIMES; i++)
        put_title(b, "gpu_hours_", gw_time_names[i], "");
    for (size_t i = 0; i < GW_COUNT(profiles); i++)
        put_title(b, "compute_", profiles[i], "");
    for (size_t i = 0; i < GW_COUNT(profiles); i++)
        put_title(b, "memory_", profiles[i], "");
    for (size_t i = 0; i < GW_N_STATES; i++)
        put_title(b, "state_", gw_state_names[i], "");
    gw_buf_putc(b, '\n');
}

static void put_row(gw_buf *b, const gw_report *r, const gw_row *row)
{
    char signals[GW_SIGNALS_TEXT_MAX], money[GW_MICRO_TEXT_MAX];
    gw_micro costs[GW_N_COSTS];
    double hours[GW_N_TIMES], states[GW_N_STATES];
    const double profiles[] = {row->compute.mean, row->compute.p95, row->compute.peak,
                               row->memory.mean,  row->memory.p95,  row->memory.peak};
    for (size_t i = 0; i < r->n_by; i++) {
        if (i)
            gw_buf_putc(b, ',');
        put_field(b, row->key[i]);
    }
    for (int f = 0; f < GW_N_OWNER_FIELDS; f++)
        next_field(b, row->owner[f]);
    next_field(b, gw_row_class(row));
    next_field(b, gw_signals_text(row->signals, signals));
    gw_buf_printf(b, ",%" PRIu32 ",%" PRIu32, row->n_pods, row->n_gpus);
    gw_cost_list(&row->cost, costs);
    for (size_t i = 0; i < GW_N_COSTS; i++)
        next_field(b, gw_micro_known(costs[i]) ? gw_micro_format(costs[i], money) : NULL);
    gw_gpu_hours_list(&row->time, hours);
    for (size_t i = 0; i < GW_N_TIMES; i++)
        put_decimal(b, hours[i], true);
    for (size_t i = 0; i < GW_COUNT(profiles); i++)
        put_decimal(b, profiles[i], profiles[i] >= 0);
    gw_state_shares(&row->stats, states);
    for (size_t i = 0; i < GW_N_STATES; i++)
        put_decimal(b, states[i], states[i] >= 0);
    gw_buf_putc(b, '\n');
}

int gw_render_csv(const gw_report *r, gw_buf *b, gw_error *e)
{
    put_header(b, r);
    for (size_t i = 0; i < r->n_rows; i++)
        put_row(b, r, &r->rows[i]);
    return gw_buf_check(b, "the output", e);
}
