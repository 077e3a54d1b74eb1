/* The report as a document: JSON and YAML with the same fields, which tests/unit/cli/test_render.c spells
 * out.
 */
#include "present/render.h"

#define HOUR_DECIMALS  6
#define SHARE_DECIMALS 6

void gw_doc_share(gw_doc *d, const char *key, double share)
{
    if (share >= 0)
        gw_doc_number(d, key, share, SHARE_DECIMALS);
    else
        gw_doc_null(d, key);
}

void gw_doc_cost(gw_doc *d, const gw_cost *c)
{
    gw_micro amounts[GW_N_COSTS];
    gw_cost_list(c, amounts);
    gw_doc_object(d, "cost");
    for (size_t i = 0; i < GW_N_COSTS; i++)
        gw_doc_money(d, gw_cost_names[i], amounts[i]);
    gw_doc_end(d);
}

void gw_doc_gpu_hours(gw_doc *d, const gw_gpu_time *t)
{
    double hours[GW_N_TIMES];
    gw_gpu_hours_list(t, hours);
    gw_doc_object(d, "gpuHours");
    for (size_t i = 0; i < GW_N_TIMES; i++)
        gw_doc_fixed(d, gw_time_names[i], hours[i], HOUR_DECIMALS);
    gw_doc_end(d);
}

static void put_profile(gw_doc *d, const char *key, const gw_profile *p)
{
    gw_doc_object(d, key);
    gw_doc_share(d, "mean", p->mean);
    gw_doc_share(d, "p95", p->p95);
    gw_doc_share(d, "peak", p->peak);
    gw_doc_end(d);
}

/* The four objects that the total and every row have. */
static void put_numbers(gw_doc *d, const gw_row *row)
{
    gw_doc_cost(d, &row->cost);
    gw_doc_gpu_hours(d, &row->time);
    put_profile(d, "compute", &row->compute);
    put_profile(d, "memory", &row->memory);
}

void gw_doc_window(gw_doc *d, gw_interval w)
{
    char text[GW_TIME_TEXT_MAX];
    gw_doc_object(d, "window");
    gw_doc_text(d, "start", gw_time_format(w.start_ms, text));
    gw_doc_text(d, "end", gw_time_format(w.end_ms, text));
    gw_doc_fixed(d, "hours", (double)gw_interval_ms(w) / (double)GW_HOUR_MS, HOUR_DECIMALS);
    gw_doc_end(d);
}

static void put_row(gw_doc *d, const gw_report *r, const gw_row *row)
{
    char signals[GW_SIGNALS_TEXT_MAX];
    double states[GW_N_STATES];
    gw_doc_object(d, NULL);
    gw_doc_object(d, "key");
    for (size_t i = 0; i < r->n_by; i++)
        gw_doc_text(d, r->by[i].name, row->key[i]);
    gw_doc_end(d);
    gw_doc_object(d, "owner");
    for (int f = 0; f < GW_N_OWNER_FIELDS; f++) {
        if (row->owner[f])
            gw_doc_text(d, gw_owner_field_name((gw_owner_field)f), row->owner[f]);
    }
    gw_doc_end(d);
    gw_doc_text(d, "class", gw_row_class(row));
    gw_doc_text(d, "signal", gw_signals_text(row->signals, signals));
    put_numbers(d, row);
    gw_state_shares(&row->stats, states);
    gw_doc_object(d, "states");
    for (int s = 0; s < GW_N_STATES; s++)
        gw_doc_share(d, gw_state_names[s], states[s]);
    gw_doc_end(d);
    gw_doc_end(d);
}

void gw_doc_evidence(gw_doc *d, const gw_evidence *evidence, size_t n)
{
    gw_doc_object(d, "evidence");
    for (size_t i = 0; i < n; i++) {
        const gw_evidence *ev = &evidence[i];
        if (ev->kind == GW_EVIDENCE_NUMBER)
            gw_doc_number(d, ev->name, ev->number, SHARE_DECIMALS);
        else
            gw_doc_text(d, ev->name, ev->kind == GW_EVIDENCE_TEXT ? ev->text : NULL);
    }
    gw_doc_end(d);
}

static void put_finding(gw_doc *d, const gw_finding *f)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "rule", f->rule);
    gw_doc_text(d, "severity", gw_severity_name(f->severity));
    gw_doc_object(d, "subject");
    for (size_t i = 0; i < f->n_subject; i++)
        gw_doc_text(d, f->subject[i].name, f->subject[i].value);
    gw_doc_end(d);
    gw_doc_money(d, "monthlyCost", f->monthly);
    gw_doc_share(d, "confidence", f->confidence);
    gw_doc_evidence(d, f->evidence, f->n_evidence);
    gw_doc_text(d, "text", f->text);
    gw_doc_end(d);
}

int gw_doc_prices(gw_doc *d, const gw_report *r, gw_error *e)
{
    gw_price_line *lines;
    size_t n;
    if (gw_price_lines(r, &lines, &n, e))
        return GW_ENOMEM;
    gw_doc_array(d, "prices");
    for (size_t i = 0; i < n; i++) {
        const gw_node_price *p = lines[i].price;
        gw_doc_object(d, NULL);
        gw_doc_text(d, "instanceType", p->instance_type);
        gw_doc_text(d, "region", p->region);
        gw_doc_text(d, "capacity", p->capacity == GW_CAPACITY_UNKNOWN ? NULL : gw_capacity_name(p->capacity));
        gw_doc_money(d, "hourly", p->hourly);
        gw_doc_money(d, "gpuHourly", p->gpu_hourly);
        gw_doc_text(d, "source", p->source);
        gw_doc_text(d, "asOf", p->as_of);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    gw_free(lines);
    return 0;
}

void gw_doc_unknowns(gw_doc *d, const gw_report *r)
{
    gw_doc_array(d, "unknowns");
    for (size_t i = 0; i < r->n_unknowns; i++) {
        const gw_unknown *u = &r->unknowns[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "what", u->what);
        if (u->gpu_ms >= 0)
            gw_doc_fixed(d, "gpuHours", u->gpu_ms / (double)GW_HOUR_MS, HOUR_DECIMALS);
        else
            gw_doc_null(d, "gpuHours");
        gw_doc_text(d, "why", u->why);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

int gw_render_doc(const gw_report *r, const gw_render *how, gw_doc_format format, gw_buf *b, gw_error *e)
{
    gw_doc d;
    gw_doc_init(&d, format, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "gpuwise/v1");
    gw_doc_text(&d, "kind", "Report");
    gw_doc_window(&d, r->window);
    gw_doc_text(&d, "currency", "USD");
    if (how->as_if) {
        gw_doc_object(&d, "asIf");
        gw_doc_int(&d, "actions", (int64_t)how->as_if_actions);
        gw_doc_text(&d, "from", how->as_if);
        gw_doc_end(&d);
    }
    gw_doc_object(&d, "total");
    put_numbers(&d, &r->total);
    gw_doc_end(&d);
    gw_doc_array(&d, "by");
    for (size_t i = 0; i < r->n_by; i++)
        gw_doc_text(&d, NULL, r->by[i].name);
    gw_doc_end(&d);
    gw_doc_array(&d, "rows");
    for (size_t i = 0; i < r->n_rows; i++)
        put_row(&d, r, &r->rows[i]);
    gw_doc_end(&d);
    gw_doc_array(&d, "findings");
    for (size_t i = 0; r->findings && i < r->findings->n; i++)
        put_finding(&d, &r->findings->items[i]);
    gw_doc_end(&d);
    if (gw_doc_prices(&d, r, e))
        return GW_ENOMEM;
    gw_doc_unknowns(&d, r);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}
