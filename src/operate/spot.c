#include "operate/spot.h"

#include <math.h>

#include "operate/review_numbers.h"

enum { BY_CLASS, BY_CAPACITY, BY_NAMESPACE, N_BY };

gw_query gw_spot_query(gw_interval when, const char *cluster)
{
    gw_query q = {
        .when = when,
        .step = GW_STEP_NONE,
        .by = {[BY_CLASS] = GW_DIM_CLASS, [BY_CAPACITY] = GW_DIM_CAPACITY, [BY_NAMESPACE] = GW_DIM_NAMESPACE},
        .n_by = N_BY};
    if (cluster) {
        q.where[0].dim = GW_DIM_CLUSTER;
        q.where[0].value = cluster;
        q.n_where = 1;
    }
    return q;
}

/* Training and inference first, for they have targets; then by the order of the enum, which never changes. */
static const gw_workload_class order[] = {GW_CLASS_TRAINING, GW_CLASS_INFERENCE, GW_CLASS_BATCH,
                                          GW_CLASS_NOTEBOOK, GW_CLASS_MIXED,     GW_CLASS_UNKNOWN};

static void take(gw_spot_row *r, const char *capacity, const gw_measures *m)
{
    int64_t held = GW_MAX(0, m->allocated_ms);
    bool spot = gw_eq(capacity, gw_capacity_name(GW_CAPACITY_SPOT));
    if (spot)
        r->spot_ms += held;
    else if (gw_eq(capacity, gw_capacity_name(GW_CAPACITY_ON_DEMAND)))
        r->on_demand_ms += held;
    else if (gw_eq(capacity, gw_capacity_name(GW_CAPACITY_RESERVED)))
        r->reserved_ms += held;
    else
        r->unknown_ms += held;
    gw_micro bill = gw_measures_money(m, m->bill), *to = spot ? &r->spot_bill : &r->other_bill;
    *(spot ? &r->spot_unpriced : &r->other_unpriced) |= m->unpriced_ms > 0;
    if (gw_micro_known(bill))
        *to = gw_micro_known(*to) ? *to + bill : bill;
}

/* What nobody held costs nothing, whatever its price. */
static void settle(gw_spot_row *r)
{
    int64_t known = r->spot_ms + r->on_demand_ms + r->reserved_ms;
    if (known > 0)
        r->coverage = (double)r->spot_ms / (double)known;
    if (r->spot_ms == 0 && !r->spot_unpriced && !gw_micro_known(r->spot_bill))
        r->spot_bill = 0;
    if (known + r->unknown_ms == r->spot_ms && !r->other_unpriced && !gw_micro_known(r->other_bill))
        r->other_bill = 0;
}

void gw_spot_make(const gw_sums *s, gw_spot_targets targets, gw_spot *ret)
{
    *ret = (gw_spot){.targets = targets};
    for (size_t k = 0; k < GW_COUNT(order); k++) {
        const char *name = gw_class_name(order[k]);
        gw_spot_row r = {.class = name,
                         .target = order[k] == GW_CLASS_TRAINING    ? targets.training
                                   : order[k] == GW_CLASS_INFERENCE ? targets.inference
                                                                    : -1,
                         .coverage = -1,
                         .spot_bill = GW_MICRO_UNKNOWN,
                         .other_bill = GW_MICRO_UNKNOWN};
        bool any = false;
        for (size_t i = 0; i < s->n; i++) {
            const gw_sum *x = &s->rows[i];
            const char *class = x->key[BY_CLASS];
            bool here = gw_eq(class, name) || (order[k] == GW_CLASS_UNKNOWN && (!class || !*class));
            if (!here || gw_is_shared_namespace(x->key[BY_NAMESPACE]))
                continue;
            any = true;
            take(&r, x->key[BY_CAPACITY], &x->m);
        }
        settle(&r);
        if (any)
            ret->rows[ret->n_rows++] = r;
    }
}

int64_t gw_spot_lack(const gw_spot_row *r)
{
    if (r->coverage < 0 || r->target < 0)
        return -1;
    double lack = r->target * (double)(r->spot_ms + r->on_demand_ms + r->reserved_ms) - (double)r->spot_ms;
    return lack > 0 ? (int64_t)llround(lack) : 0;
}

static void put_share(gw_doc *d, const char *key, double share)
{
    if (share >= 0)
        gw_doc_number(d, key, share, 6);
    else
        gw_doc_null(d, key);
}

static void put_cost(gw_doc *d, const char *key, const char *bound_key, gw_micro bill, bool unpriced)
{
    gw_doc_money(d, key, bill);
    gw_doc_bool(d, bound_key, unpriced && gw_micro_known(bill));
}

void gw_spot_write(gw_doc *d, const gw_spot *s)
{
    gw_doc_object(d, "targets");
    put_share(d, "training", s->targets.training);
    put_share(d, "inference", s->targets.inference);
    gw_doc_end(d);
    gw_doc_array(d, "rows");
    for (size_t i = 0; i < s->n_rows; i++) {
        const gw_spot_row *r = &s->rows[i];
        int64_t lack = gw_spot_lack(r);
        gw_doc_object(d, NULL);
        gw_doc_text(d, "class", r->class);
        gw_doc_fixed(d, "spotHours", gw_measures_hours(r->spot_ms), 6);
        gw_doc_fixed(d, "onDemandHours", gw_measures_hours(r->on_demand_ms), 6);
        gw_doc_fixed(d, "reservedHours", gw_measures_hours(r->reserved_ms), 6);
        gw_doc_fixed(d, "unknownHours", gw_measures_hours(r->unknown_ms), 6);
        put_share(d, "coverage", r->coverage);
        put_share(d, "target", r->target);
        if (lack < 0)
            gw_doc_null(d, "lackingHours");
        else
            gw_doc_fixed(d, "lackingHours", gw_measures_hours(lack), 6);
        put_cost(d, "spotCost", "spotCostIsLowerBound", r->spot_bill, r->spot_unpriced);
        put_cost(d, "otherCost", "otherCostIsLowerBound", r->other_bill, r->other_unpriced);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}
