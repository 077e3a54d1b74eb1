/* A review as JSON. Unknown is null. docs/guide/reviews.md spells the fields out. */
#include "operate/review_internal.h"
#include "operate/review_numbers.h"

static void put_share(gw_doc *d, const char *key, double share)
{
    if (share >= 0)
        gw_doc_number(d, key, share, 6);
    else
        gw_doc_null(d, key);
}

static void put_clusters(gw_doc *d, const gw_review *r)
{
    gw_doc_array(d, "clusters");
    for (size_t i = 0; i < r->n_clusters; i++) {
        const gw_review_cluster *c = &r->clusters[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "name", c->name);
        gw_doc_int(d, "hours", c->expected);
        gw_doc_int(d, "closedHours", c->closed);
        gw_doc_int(d, "hoursBefore", c->expected_before);
        gw_doc_int(d, "closedHoursBefore", c->closed_before);
        gw_doc_int(d, "gaps", (int64_t)c->n_missing);
        gw_doc_array(d, "missing");
        for (size_t k = 0; k < GW_MIN(c->n_missing, (size_t)GW_REVIEW_GAPS_MAX); k++)
            gw_interval_write(d, NULL, c->missing[k]);
        gw_doc_end(d);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

/* The numbers of one period, with what is made of them. */
static void put_numbers(gw_doc *d, const gw_measures *m, const gw_measures *held)
{
    gw_measures_write(d, m);
    put_share(d, "utilisation", gw_measures_utilisation(held));
    put_share(d, "unknownShare", gw_measures_unknown_share(held));
}

static void put_period(gw_doc *d, const char *key, const gw_measures *m, const gw_measures *held)
{
    gw_doc_object(d, key);
    put_numbers(d, m, held);
    gw_doc_end(d);
}

static void put_namespaces(gw_doc *d, const gw_review *r)
{
    gw_doc_array(d, "namespaces");
    for (size_t i = 0; i < r->n_namespaces; i++) {
        const gw_review_namespace *x = &r->namespaces[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "cluster", x->cluster);
        gw_doc_text(d, "namespace", x->ns);
        gw_doc_array(d, "owners");
        for (size_t k = 0; k < GW_MIN(x->n_owners, (size_t)GW_REVIEW_OWNERS_MAX); k++)
            gw_doc_text(d, NULL, x->owners[k]);
        gw_doc_end(d);
        gw_doc_bool(d, "unowned", x->unowned);
        gw_doc_text(d, "verdict", gw_review_verdict_name(x->verdict));
        put_numbers(d, &x->m, &x->m);
        if (x->seen_before)
            put_period(d, "before", &x->before, &x->before);
        else
            gw_doc_null(d, "before");
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void put_states(gw_doc *d, const gw_measures *m)
{
    static const struct {
        const char *name;
        gw_state s;
    } states[] = {{"highHigh", GW_STATE_HIGH_HIGH},
                  {"lowHigh", GW_STATE_LOW_HIGH},
                  {"highLow", GW_STATE_HIGH_LOW},
                  {"lowLow", GW_STATE_LOW_LOW}};
    gw_doc_object(d, "states");
    for (size_t i = 0; i < GW_COUNT(states); i++)
        put_share(d, states[i].name, gw_measures_state_share(m, states[i].s));
    gw_doc_end(d);
}

static void put_workloads(gw_doc *d, const gw_review *r)
{
    gw_doc_int(d, "workloadsSeen", (int64_t)r->workloads_seen);
    gw_doc_text(d, "planOf", r->plan_made);
    gw_doc_array(d, "heldBack");
    for (size_t i = 0; i < r->n_held_back; i++) {
        gw_doc_object(d, NULL);
        gw_doc_text(d, "why", r->held_back[i].why);
        put_share(d, "gpus", r->held_back[i].gpus);
        gw_doc_money(d, "monthlyCost", r->held_back[i].monthly);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    gw_doc_array(d, "workloads");
    for (size_t i = 0; i < r->n_workloads; i++) {
        const gw_review_workload *x = &r->workloads[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "cluster", x->cluster);
        gw_doc_text(d, "namespace", x->ns);
        gw_doc_text(d, "workload", x->workload);
        gw_doc_text(d, "workloadKind", x->kind);
        gw_doc_text(d, "team", x->team);
        gw_doc_text(d, "class", x->class);
        put_numbers(d, &x->m, &x->m);
        put_states(d, &x->m);
        if (x->seen_before)
            put_period(d, "before", &x->before, &x->before);
        else
            gw_doc_null(d, "before");
        gw_doc_array(d, "proposals");
        for (size_t k = 0; k < GW_MIN(x->n_proposals, (size_t)GW_REVIEW_PROPOSALS_MAX); k++) {
            const gw_review_proposal *p = &x->proposals[k];
            gw_doc_object(d, NULL);
            gw_doc_text(d, "action", p->action);
            gw_doc_text(d, "kind", p->kind);
            gw_doc_text(d, "text", p->text);
            gw_doc_bool(d, "chosen", p->chosen);
            gw_doc_money(d, "monthlyLow", p->monthly_low);
            gw_doc_money(d, "monthlyHigh", p->monthly_high);
            gw_doc_end(d);
        }
        gw_doc_end(d);
        gw_doc_text(d, "nothingProposed", x->why_none);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void put_unit_costs(gw_doc *d, const gw_measures *m)
{
    gw_doc_money(d, "bill", gw_measures_money(m, m->bill));
    gw_doc_money(d, "perPaidGpuHour", gw_measures_per_paid(m));
    gw_doc_money(d, "perUsedGpuHour", gw_measures_per_used(m));
}

static void put_trend(gw_doc *d, const gw_review *r)
{
    static const gw_measures nothing = {.bill = GW_MICRO_UNKNOWN};
    gw_doc_array(d, "months");
    for (size_t i = 0; i < r->n_months; i++) {
        gw_doc_object(d, NULL);
        gw_interval_write(d, "period", r->months[i].when);
        gw_doc_int(d, "hours", r->months[i].expected);
        gw_doc_int(d, "closedHours", r->months[i].closed);
        if (r->months[i].closed)
            put_unit_costs(d, &r->months[i].m);
        else
            put_unit_costs(d, &nothing);
        if (r->months[i].closed)
            gw_doc_fixed(d, "unpricedGpuHours", gw_measures_hours(r->months[i].unpriced_ms), 6);
        else
            gw_doc_null(d, "unpricedGpuHours");
        gw_doc_end(d);
    }
    gw_doc_end(d);
    gw_doc_array(d, "unitCosts");
    for (size_t i = 0; i < r->n_units; i++) {
        const gw_review_unit *u = &r->units[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "by", gw_dim_name(u->by));
        gw_doc_text(d, "key", u->key);
        gw_doc_array(d, "months");
        for (size_t k = 0; k < r->n_months; k++) {
            if (!u->seen[k]) {
                gw_doc_null(d, NULL);
                continue;
            }
            gw_doc_object(d, NULL);
            put_unit_costs(d, &u->m[k]);
            gw_doc_end(d);
        }
        gw_doc_end(d);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

int gw_review_write(const gw_review *r, gw_doc *d, gw_error *e)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "apiVersion", "gpuwise/v1");
    gw_doc_text(d, "kind", "Review");
    gw_doc_text(d, "review", gw_review_kind_name(r->kind));
    gw_interval_write(d, "window", r->when);
    gw_interval_write(d, "windowBefore", r->before);
    gw_doc_text(d, "currency", "USD");
    gw_doc_int(d, "hours", r->expected);
    gw_doc_int(d, "closedHours", r->closed);
    put_clusters(d, r);
    put_period(d, "total", &r->total, &r->held);
    put_period(d, "totalBefore", &r->total_before, &r->held_before);
    gw_doc_bool(d, "comparable", r->comparable);
    switch (r->kind) {
    case GW_REVIEW_WEEKLY:
        gw_doc_number(d, "lowBelow", GW_REVIEW_LOW, 2);
        put_namespaces(d, r);
        break;
    case GW_REVIEW_BIWEEKLY:
        put_workloads(d, r);
        break;
    default:
        gw_doc_object(d, "spot");
        gw_spot_write(d, &r->spot);
        gw_doc_end(d);
        put_trend(d, r);
        gw_doc_object(d, "chargeback");
        gw_statements_write(d, &r->statements);
        gw_doc_end(d);
    }
    gw_doc_end(d);
    return gw_doc_finish(d, e);
}
