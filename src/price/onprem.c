#include "price/onprem.h"

#include <math.h>

static void add(gw_quantity *power, const gw_fleet *f, uint32_t unit, const gw_quantity *watts)
{
    uint32_t gpu = unit < f->n_units ? f->units[unit].gpu : GW_NONE;
    if (gpu >= f->n_gpus || !(watts->known > 0) || !(watts->integral >= 0))
        return;
    power[gpu].integral += watts->integral;
    power[gpu].known += watts->known;
}

/*
 * Every unit of a GPU (a MIG instance, a share) reports the power of the whole board, so a GPU's power is the
 * mean over its units, weighted by the GPU time that each is known for, and never their sum.
 */
static void measure(gw_quantity *power, const gw_fleet *f, const gw_usage *u)
{
    for (size_t i = 0; i < u->n_holds; i++)
        add(power, f, u->holds[i].unit, &u->holds[i].stats.power_watts);
    for (size_t i = 0; i < u->n_units; i++)
        add(power, f, (uint32_t)i, &u->units[i].idle.power_watts);
}

int price_gpus_of(const gw_fleet *f, const gw_usage *u, price_gpus **ret, gw_error *e)
{
    price_gpus *nodes = gw_calloc(f->n_nodes, sizeof(*nodes));
    gw_quantity *power = gw_calloc(f->n_gpus, sizeof(*power));
    double *unobserved = gw_calloc(f->n_nodes, sizeof(*unobserved));
    if (!nodes || !power || !unobserved) {
        gw_free(nodes);
        gw_free(power);
        gw_free(unobserved);
        return gw_fail_memory(e);
    }
    if (u)
        measure(power, f, u);
    for (size_t i = 0; i < f->n_gpus; i++) {
        const gw_gpu *g = &f->gpus[i];
        if (g->node >= f->n_nodes)
            continue;
        price_gpus *n = &nodes[g->node];
        n->seen++;
        n->model = n->model ? n->model : g->model;
        if (power[i].known > 0) {
            n->measured++;
            n->watts += power[i].integral / power[i].known;
        }
    }
    for (size_t i = 0; i < f->n_units; i++)
        if (f->units[i].gpu == GW_NONE && f->units[i].node < f->n_nodes)
            unobserved[f->units[i].node] += f->units[i].weight;
    for (size_t i = 0; i < f->n_nodes; i++)
        if (unobserved[i] > 0 && unobserved[i] < PRICE_MAX_GPUS)
            nodes[i].seen += (int64_t)ceil(unobserved[i] - 1e-9);
    gw_free(power);
    gw_free(unobserved);
    *ret = nodes;
    return 0;
}

static double power(const price_class *c, const price_gpus *seen, int64_t gpus, gw_buf *b)
{
    double watts;
    if (c->measured && seen->measured > 0) {
        int64_t all = GW_MAX(gpus, seen->measured);
        double drawn = seen->watts / (double)seen->measured * (double)all;
        watts = drawn + c->base_watts;
        gw_buf_printf(b, " + power (%.0f W measured on %" PRId64 " of %" PRId64 " GPUs", drawn,
                      seen->measured, all);
        if (c->base_watts > 0)
            gw_buf_printf(b, " + %.0f W for the rest of the node", c->base_watts);
    } else if (c->rated_watts >= 0) {
        watts = c->rated_watts;
        gw_buf_printf(b, " + power (%.0f W rated", watts);
    } else {
        return NAN;
    }
    double hourly = watts / 1000 * c->pue * c->per_kwh;
    gw_buf_printf(b, ") / 1000 × PUE %g × $%g/kWh = $%.6f/h", c->pue, c->per_kwh, hourly);
    return hourly;
}

double price_class_hourly(const price_class *c, const price_gpus *seen, int64_t gpus, gw_buf *b)
{
    double hourly = (c->capital - c->residual) / (c->years * GW_YEAR_HOURS);
    gw_buf_printf(b, "%s: ($%.2f capital − $%.2f residual) / (%g years × 8766 h) = $%.6f/h", c->name,
                  c->capital, c->residual, c->years, hourly);
    if (c->other_per_year > 0) {
        double other = c->other_per_year / GW_YEAR_HOURS;
        gw_buf_printf(b, " + $%.2f other costs a year / 8766 h = $%.6f/h", c->other_per_year, other);
        hourly += other;
    }
    if (c->has_power)
        hourly += power(c, seen, gpus, b);
    return hourly;
}
