/* The plan as a document: JSON and YAML with the same fields, which tests/unit/cli/test_plan_render.c and
 * docs/guide/plan.md spell out; act/change.h has those of "change". */
#include "act/change.h"
#include "present/plan.h"

#define SHARE_DECIMALS 6

static void put_saving(gw_doc *d, const char *key, const gw_saving *s)
{
    gw_doc_object(d, key);
    gw_doc_money(d, "window", s->window);
    gw_doc_money(d, "monthlyLow", s->low);
    gw_doc_money(d, "monthlyHigh", s->high);
    gw_doc_end(d);
}

static void put_texts(gw_doc *d, const char *key, const char *const *texts, size_t n)
{
    gw_doc_array(d, key);
    for (size_t i = 0; i < n; i++)
        gw_doc_text(d, NULL, texts[i]);
    gw_doc_end(d);
}

static void put_ids(gw_doc *d, const char *key, const gw_plan *p, const uint32_t *actions, size_t n)
{
    gw_doc_array(d, key);
    for (size_t i = 0; i < n; i++) {
        if (actions[i] < p->n_actions)
            gw_doc_text(d, NULL, p->actions[actions[i]].id);
    }
    gw_doc_end(d);
}

/* ---- the action ---------------------------------------------------------------------------------------- */

static void put_risk(gw_doc *d, const gw_action *a)
{
    gw_doc_share(d, "confidence", a->confidence);
    gw_doc_object(d, "risk");
    gw_doc_text(d, "level", gw_risk_name(a->risk));
    gw_doc_text(d, "why", a->risk_why);
    gw_doc_end(d);
    gw_doc_object(d, "blast");
    gw_doc_int(d, "podsRestarted", a->blast.pods);
    gw_doc_int(d, "workloads", a->blast.workloads);
    gw_doc_int(d, "nodes", a->blast.nodes);
    gw_doc_int(d, "productionPods", a->blast.production);
    gw_doc_money(d, "restartCost", a->blast.restart_cost);
    gw_doc_end(d);
}

static void put_action(gw_doc *d, const char *key, const gw_plan_view *v, uint32_t action)
{
    const gw_plan *p = v->plan;
    const gw_action *a = &p->actions[action];
    gw_doc_object(d, key);
    gw_doc_text(d, "id", a->id);
    gw_doc_text(d, "kind", gw_action_kind_name(a->kind));
    gw_doc_text(d, "subject", a->subject);
    gw_doc_bool(d, "chosen", a->chosen);
    if (a->chosen)
        gw_doc_int(d, "step", (int64_t)action + 1);
    else
        gw_doc_null(d, "step");
    gw_doc_text(d, "whyNot", a->why_not);
    gw_doc_text(d, "is", a->is);
    gw_doc_text(d, "should", a->should);
    gw_doc_text(d, "text", a->text);
    gw_doc_text(d, "rule", a->rule);
    put_saving(d, "share", &a->share);
    put_saving(d, "alone", &a->alone);
    put_risk(d, a);
    put_texts(d, "prerequisites", a->prerequisites, a->n_prerequisites);
    put_ids(d, "after", p, a->after, a->n_after);
    put_ids(d, "conflicts", p, a->conflicts, a->n_conflicts);
    gw_doc_evidence(d, a->evidence, a->n_evidence);
    gw_change_write(d, "change", v->report->fleet, &a->change);
    gw_doc_end(d);
}

/* ---- the plan ------------------------------------------------------------------------------------------ */

static void put_side(gw_doc *d, const char *key, const gw_plan_view *v, const gw_cost *c,
                     const gw_gpu_time *t)
{
    gw_doc_object(d, key);
    gw_doc_money(d, "monthlyBill", gw_plan_view_monthly(v, gw_plan_bill(c)));
    gw_doc_cost(d, c);
    gw_doc_gpu_hours(d, t);
    gw_doc_end(d);
}

static void put_bound(gw_doc *d, const gw_plan_view *v)
{
    gw_doc_object(d, "bound");
    gw_doc_money(d, "bill", v->plan->bound);
    gw_doc_money(d, "monthlyBill", gw_plan_view_monthly(v, v->plan->bound));
    gw_doc_share(d, "gap", gw_plan_gap(v->plan));
    gw_doc_text(d, "how", v->plan->bound_how);
    gw_doc_end(d);
}

static void put_held(gw_doc *d, const gw_plan *p)
{
    gw_doc_array(d, "held");
    for (size_t i = 0; i < p->n_held; i++) {
        const gw_held *h = &p->held[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "why", h->why);
        gw_doc_int(d, "pods", h->pods);
        gw_doc_int(d, "nodes", h->nodes);
        gw_doc_number(d, "gpus", h->gpus, SHARE_DECIMALS);
        gw_doc_money(d, "monthlyCost", h->monthly);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void put_head(gw_doc *d, const char *kind, const gw_plan_view *v)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "apiVersion", "gpuwise/v1");
    gw_doc_text(d, "kind", kind);
    gw_doc_window(d, v->report->window);
    gw_doc_text(d, "source", v->report->source);
    gw_doc_bool(d, "partial", v->report->partial);
    gw_doc_text(d, "currency", "USD");
}

int gw_plan_render_action(const gw_plan_view *v, uint32_t action, gw_doc_format format, gw_buf *b,
                          gw_error *e)
{
    gw_doc d;
    gw_doc_init(&d, format, b);
    put_head(&d, "Action", v);
    put_action(&d, "action", v, action);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

int gw_plan_render_doc(const gw_plan_view *v, gw_doc_format format, gw_buf *b, gw_error *e)
{
    const gw_plan *p = v->plan;
    gw_doc d;
    gw_doc_init(&d, format, b);
    put_head(&d, "Plan", v);
    put_side(&d, "before", v, &p->before, &p->time_before);
    put_side(&d, "after", v, &p->after, &p->time_after);
    put_saving(&d, "saving", &p->saving);
    put_bound(&d, v);
    gw_doc_array(&d, "actions");
    for (uint32_t i = 0; i < p->n_actions; i++)
        put_action(&d, NULL, v, i);
    gw_doc_end(&d);
    put_held(&d, p);
    put_texts(&d, "notes", p->notes, p->n_notes);
    if (gw_doc_prices(&d, v->report, e))
        return GW_ENOMEM;
    gw_doc_unknowns(&d, v->report);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}
