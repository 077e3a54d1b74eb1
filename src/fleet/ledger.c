#include "fleet/ledger.h"

void gw_ledger_init(gw_ledger *l)
{
    *l = (gw_ledger){0};
}

void gw_ledger_free(gw_ledger *l)
{
    gw_free(l->leaves);
    gw_free(l->node_bill);
    gw_ledger_init(l);
}

void gw_cost_add(gw_cost *into, const gw_cost *c)
{
    into->bill += c->bill;
    into->used += c->used;
    into->wasted += c->wasted;
    into->idle += c->idle;
    into->unknown += c->unknown;
    into->overhead += c->overhead;
    into->reclaimable += c->reclaimable;
    into->priced |= c->priced;
    into->reclaimable_known |= c->reclaimable_known;
    into->unpriced_ms += c->unpriced_ms;
}

void gw_gpu_time_add(gw_gpu_time *into, const gw_gpu_time *t)
{
    into->paid += t->paid;
    into->allocated += t->allocated;
    into->used += t->used;
    into->idle += t->idle;
    into->unknown += t->unknown;
}

bool gw_cost_balances(const gw_cost *c)
{
    return c->bill == c->used + c->wasted + c->idle + c->unknown + c->overhead && c->reclaimable >= 0 &&
           c->reclaimable <= c->wasted && c->used >= 0 && c->idle >= 0 && c->unknown >= 0 && c->overhead >= 0;
}
