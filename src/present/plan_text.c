/* Amounts of a plan, and what a change does, in words. */
#include "present/plan.h"

/* ---- amounts ------------------------------------------------------------------------------------------- */

static const char *dollars(gw_micro m, bool cents, char out[GW_MICRO_TEXT_MAX])
{
    gw_micro half = m < 0 ? -GW_USD / 2 : GW_USD / 2;
    if (cents || m > INT64_MAX - GW_USD || m < -(INT64_MAX - GW_USD))
        return gw_micro_format_human(m, out);
    gw_micro_format_human((m + half) / GW_USD * GW_USD, out);
    out[strlen(out) - strlen(".00")] = '\0';
    return out;
}

const char *gw_plan_range(const gw_saving *s, char out[GW_CELL_MAX])
{
    char low[GW_MICRO_TEXT_MAX], high[GW_MICRO_TEXT_MAX];
    if (!gw_micro_known(s->low) || !gw_micro_known(s->high)) {
        snprintf(out, GW_CELL_MAX, "unknown");
        return out;
    }
    bool cents = s->high != 0 && s->high < 10 * GW_USD && s->high > -10 * GW_USD;
    dollars(s->low, cents, low);
    dollars(s->high, cents, high);
    if (strcmp(low, high) == 0)
        snprintf(out, GW_CELL_MAX, "%s", high);
    else
        snprintf(out, GW_CELL_MAX, "%.29s–%.29s", low, high);
    return out;
}

const char *gw_plan_range_percent(const gw_saving *s, gw_micro monthly, char out[GW_CELL_MAX])
{
    char low[GW_CELL_MAX], high[GW_CELL_MAX];
    out[0] = '\0';
    if (!gw_micro_known(s->low) || !gw_micro_known(s->high) || !gw_micro_known(monthly) || monthly <= 0)
        return out;
    gw_cell_percent(s->low, monthly, low);
    gw_cell_percent(s->high, monthly, high);
    if (strcmp(low, high) == 0)
        snprintf(out, GW_CELL_MAX, "%.40s %%", high);
    else
        snprintf(out, GW_CELL_MAX, "%.20s–%.20s %%", low, high);
    return out;
}

gw_micro gw_plan_view_monthly(const gw_plan_view *v, gw_micro window)
{
    return gw_monthly_of(window, v->plan->window);
}

gw_micro gw_plan_bill(const gw_cost *c)
{
    return c->priced ? c->bill : GW_MICRO_UNKNOWN;
}

double gw_plan_gap(const gw_plan *p)
{
    gw_micro after = gw_plan_bill(&p->after);
    if (!gw_micro_known(p->bound) || !gw_micro_known(after))
        return -1;
    if (p->bound <= 0)
        return after == p->bound ? 0 : -1;
    return GW_MAX((double)(after - p->bound) / (double)p->bound, 0.0);
}

size_t gw_plan_chosen(const gw_plan *p)
{
    size_t n = 0;
    while (n < p->n_actions && p->actions[n].chosen)
        n++;
    return n;
}

/* ---- things -------------------------------------------------------------------------------------------- */

static void put_node(const gw_fleet *f, const gw_change *c, uint32_t node, gw_buf *b)
{
    uint32_t k = node & ~GW_HIRED;
    if (node == GW_NONE)
        gw_buf_puts(b, "an unknown node");
    else if (!(node & GW_HIRED))
        gw_buf_puts(b, node < f->n_nodes ? f->nodes[node].name : "?");
    else if (k < c->n_hires)
        gw_buf_printf(b, "new node %" PRIu32 " (%s)", k + 1, c->hires[k].instance_type);
    else
        gw_buf_printf(b, "new node %" PRIu32, k + 1);
}

static void put_gpu(const gw_fleet *f, uint32_t gpu, gw_buf *b)
{
    if (gpu == GW_NONE)
        gw_buf_puts(b, "a GPU that no exporter reports");
    else if (gpu & GW_HIRED)
        gw_buf_printf(b, "GPU %" PRIu32, gpu & 0xff);
    else if (gpu < f->n_gpus && f->gpus[gpu].index >= 0)
        gw_buf_printf(b, "GPU %" PRId32, f->gpus[gpu].index);
    else
        gw_buf_puts(b, gpu < f->n_gpus ? f->gpus[gpu].uuid : "?");
}

/* "GPU 3", "1/4 of GPU 3 by time-slicing, 6.0 GiB", "1g.10gb at slot 4 of GPU 3, 9.5 GiB". */
static void put_seat(const gw_fleet *f, const gw_seat *s, gw_buf *b)
{
    if (s->form == GW_FORM_MIG) {
        gw_buf_puts(b, s->profile ? s->profile : "a MIG instance");
        if (s->start >= 0)
            gw_buf_printf(b, " at slot %d", s->start);
        gw_buf_puts(b, " of ");
    } else if (s->form != GW_FORM_WHOLE) {
        gw_buf_printf(b, "1/%d of ", s->parts);
    }
    put_gpu(f, s->gpu, b);
    if (s->form == GW_FORM_MPS || s->form == GW_FORM_TIME_SLICE)
        gw_buf_printf(b, " by %s", gw_form_name(s->form));
    if (s->form != GW_FORM_WHOLE && s->memory_mib != GW_UNKNOWN_COUNT)
        gw_buf_printf(b, ", %.1f GiB", (double)s->memory_mib / 1024);
}

static void put_seats(const gw_fleet *f, const gw_seat *seats, uint32_t n, gw_buf *b)
{
    for (uint32_t i = 0; i < n; i++) {
        gw_buf_puts(b, i ? "; " : "");
        put_seat(f, &seats[i], b);
    }
}

/* ---- steps --------------------------------------------------------------------------------------------- */

static void put_hire(const gw_hire *h, size_t k, gw_buf *b)
{
    char money[GW_CELL_MAX];
    gw_buf_printf(b, "new node %zu: %s in %s", k + 1, h->instance_type, h->region ? h->region : "any region");
    if (h->zone)
        gw_buf_printf(b, " (%s)", h->zone);
    if (h->capacity != GW_CAPACITY_UNKNOWN)
        gw_buf_printf(b, ", %s", gw_capacity_name(h->capacity));
    if (h->gpus != GW_UNKNOWN_COUNT)
        gw_buf_printf(b, ", %" PRId64 " x %s", h->gpus, h->gpu ? h->gpu : "GPU");
    if (gw_micro_known(h->hourly))
        gw_buf_printf(b, ", $%s an hour", gw_cell_money(h->hourly, money));
    else
        gw_buf_puts(b, ", price unknown");
    if (h->like)
        gw_buf_printf(b, ", with labels and taints as %s", h->like);
}

static void put_cut(const gw_fleet *f, const gw_change *c, const gw_cut *cut, gw_buf *b)
{
    uint32_t node = cut->gpu & GW_HIRED    ? GW_HIRED_NODE((cut->gpu & ~GW_HIRED) >> 8)
                    : cut->gpu < f->n_gpus ? f->gpus[cut->gpu].node
                                           : GW_NONE;
    put_gpu(f, cut->gpu, b);
    gw_buf_puts(b, " of ");
    put_node(f, c, node, b);
    if (cut->form == GW_FORM_MIG)
        gw_buf_printf(b, " into %s", cut->layout ? cut->layout : "MIG instances");
    else if (cut->form == GW_FORM_WHOLE)
        gw_buf_puts(b, " to one pod");
    else
        gw_buf_printf(b, " in %d parts by %s", cut->parts, gw_form_name(cut->form));
    if (cut->was_layout)
        gw_buf_printf(b, ", which was cut into %s", cut->was_layout);
    if (cut->via != GW_VIA_DEVICE_PLUGIN)
        gw_buf_printf(b, ", through %s", cut->via == GW_VIA_KAI ? "the KAI scheduler" : "HAMi");
}

static void put_request(const char *what, const int64_t v[2], const char *unit, const char **comma, gw_buf *b)
{
    if (v[0] == v[1] || v[1] == GW_UNKNOWN_COUNT)
        return;
    gw_buf_printf(b, "%s%s ", *comma, what);
    if (v[0] == GW_UNKNOWN_COUNT)
        gw_buf_puts(b, "unknown");
    else
        gw_buf_printf(b, "%" PRId64 "%s", v[0], unit);
    gw_buf_printf(b, " -> %" PRId64 "%s", v[1], unit);
    *comma = ", ";
}

static void put_resize(const gw_resize *r, gw_buf *b)
{
    const char *comma = "";
    gw_buf_printf(b, "%s %s/%s (%" PRIu32 " pod%s): ", r->kind ? r->kind : "Pod", r->ns, r->name, r->pods,
                  r->pods == 1 ? "" : "s");
    put_request("CPU", r->cpu_milli, "m", &comma, b);
    put_request("memory", r->memory_mib, "Mi", &comma, b);
    put_request("ephemeral storage", r->ephemeral_mib, "Mi", &comma, b);
    if (!*comma)
        gw_buf_puts(b, "requests stay");
}

static void put_move(const gw_fleet *f, const gw_change *c, const gw_move *m, gw_buf *b)
{
    bool stays = m->from == m->node;
    if (m->pod != GW_NONE && m->pod < f->n_pods)
        gw_buf_printf(b, "%s/%s", f->pods[m->pod].ns, f->pods[m->pod].name);
    else
        gw_buf_puts(b, "what ran and has ended");
    gw_buf_puts(b, stays ? " on " : " from ");
    put_node(f, c, m->from, b);
    if (m->n_units) {
        gw_buf_puts(b, stays ? " from " : ", ");
        put_seats(f, m->was, m->n_units, b);
    }
    if (!stays || m->n_units)
        gw_buf_puts(b, " to ");
    if (!stays) {
        put_node(f, c, m->node, b);
        gw_buf_puts(b, m->n_units ? ", " : "");
    }
    put_seats(f, m->to, m->n_units, b);
    gw_buf_puts(b, m->restarts ? "; it restarts" : "");
}

bool gw_plan_step(const gw_fleet *f, const gw_change *c, size_t n, const char **ret_verb, gw_buf *b)
{
    if (n < c->n_hires) {
        *ret_verb = "hire";
        put_hire(&c->hires[n], n, b);
        return true;
    }
    n -= c->n_hires;
    if (n < c->n_cuts) {
        *ret_verb = "cut";
        put_cut(f, c, &c->cuts[n], b);
        return true;
    }
    n -= c->n_cuts;
    if (n < c->n_resizes) {
        *ret_verb = "resize";
        put_resize(&c->resizes[n], b);
        return true;
    }
    n -= c->n_resizes;
    if (n < c->n_moves) {
        *ret_verb = "move";
        put_move(f, c, &c->moves[n], b);
        return true;
    }
    n -= c->n_moves;
    if (n >= c->n_released)
        return false;
    *ret_verb = "release";
    put_node(f, c, c->released[n], b);
    return true;
}
