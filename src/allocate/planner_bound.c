/*
 * How low a plan of these kinds could bring the bill at all. Nodes that must stay are paid for; the board
 * hours that the other tenants need, each with the smallest part of a board that its measurements allow, go
 * first to what is free on those, and the rest costs at least the cheapest board hour of that model which
 * there is, or which the price list sells in the fleet's places. CPU, memory, rules and whole nodes are left
 * out, so the true optimum is dearer: what lies between plan and bound may not be reachable.
 */
#include "allocate/planner_internal.h"

#include "price/gpu.h"

#define MODELS_MAX 64

typedef struct model_sum {
    const char *model;  /* NULL: not known */
    double need, spare; /* board hours */
    double cheapest;    /* micro-dollars a board hour; < 0: none known */
} model_sum;

static model_sum *of_model(model_sum *m, size_t *n, const char *model)
{
    for (size_t i = 0; i < *n; i++) {
        if (gw_eq(m[i].model, model))
            return &m[i];
    }
    if (*n == MODELS_MAX)
        return NULL;
    m[*n] = (model_sum){.model = model, .cheapest = -1};
    return &m[(*n)++];
}

static double least_share(const gw_tenant *t)
{
    double least = 1;
    for (size_t i = 0; i < t->choice.n; i++) {
        const gw_share_way *w = &t->choice.ways[i];
        double share = w->form == GW_FORM_MIG ? (double)w->profile->compute / w->mig->compute
                                              : 1.0 / GW_MAX(1, w->max_parts);
        least = GW_MIN(least, share);
    }
    return t->seats[0].form == GW_FORM_WHOLE ? least : t->seats[0].share;
}

static bool stays(const gw_world *w, uint32_t node)
{
    const gw_world_node *n = &w->nodes[node];
    if (n->stays)
        return true;
    for (uint32_t i = 0; i < n->n; i++) {
        if (w->tenants[n->at[i]].stays)
            return true;
    }
    return false;
}

static void offer(model_sum *m, gw_micro board_hour)
{
    if (m && gw_micro_known(board_hour) && (m->cheapest < 0 || (double)board_hour < m->cheapest))
        m->cheapest = (double)board_hour;
}

static void price_list(const gw_planning *p, model_sum *m, size_t n)
{
    size_t rows;
    const gw_price *row = gw_price_rows(p->in->prices, &rows);
    for (size_t i = 0; i < rows && gw_plan_wants(p, GW_ACTION_REPLACE_NODES); i++) {
        for (size_t k = 0; k < n; k++) {
            if (m[k].model && row[i].gpu_milli > 0 && gw_micro_known(row[i].hourly) &&
                gw_gpu_is(m[k].model, row[i].gpu))
                offer(&m[k], row[i].hourly * 1000 / row[i].gpu_milli);
        }
    }
}

/* Before any trial. GW_ENOMEM. */
int gw_plan_bound(gw_planning *p)
{
    const gw_world *w = &p->world;
    model_sum m[MODELS_MAX];
    size_t n = 0;
    double hours = (double)gw_interval_ms(w->observed) / (double)GW_HOUR_MS, sum = 0;
    gw_micro fixed = 0;
    for (uint32_t i = 0; i < w->fleet->n_nodes; i++) {
        const gw_world_node *x = &w->nodes[i];
        gw_micro bill = i < p->in->ledger->n_nodes ? p->in->ledger->node_bill[i] : 0;
        bool keep = !x->here || !x->gpus || stays(w, i);
        fixed += keep && gw_micro_known(bill) ? bill : 0;
        for (uint32_t k = 0; x->here && k < x->n_boards; k++) {
            model_sum *s = of_model(m, &n, w->boards[x->boards[k]].model);
            if (!s)
                return gw_plan_note(p->plan, "more GPU models than a bound is computed for", p->e);
            if (keep)
                s->spare += hours;
            else if (x->priced)
                offer(s, x->hourly / (gw_micro)x->n_boards);
            else
                s->cheapest = 0;
        }
    }
    for (uint32_t i = 0; i < w->n_tenants; i++) {
        const gw_tenant *t = &w->tenants[i];
        for (uint32_t k = 0; k < t->n_units; k++) {
            uint32_t gpu = t->seats[k].gpu;
            model_sum *s =
                gpu < w->fleet->n_gpus && w->boards[gpu].here ? of_model(m, &n, w->boards[gpu].model) : NULL;
            double need = t->board_ms / t->n_units / (double)GW_HOUR_MS;
            if (s && stays(w, t->node))
                s->spare -= t->stays ? need * t->seats[k].share : 0;
            if (s && !t->stays)
                s->need += need * least_share(t);
        }
    }
    price_list(p, m, n);
    for (size_t i = 0; i < n; i++)
        sum += m[i].cheapest > 0 ? GW_MAX(0, m[i].need - GW_MAX(0, m[i].spare)) * m[i].cheapest : 0;
    gw_micro control = p->in->ledger->total.bill;
    for (size_t i = 0; i < p->in->ledger->n_nodes; i++)
        control -= gw_micro_known(p->in->ledger->node_bill[i]) ? p->in->ledger->node_bill[i] : 0;
    p->plan->bound = fixed + GW_MAX(0, control) + (gw_micro)(sum * (1 - 1e-9));
    p->plan->bound_how = "nodes that must stay, and the smallest parts of boards that the measurements of "
                         "all other pods allow at the "
                         "cheapest price of a board hour; CPU, memory and rules left out, so the optimum "
                         "lies between it and the plan";
    return 0;
}
