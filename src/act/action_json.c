/* The action for programs: what `explain` would say of it, and the change itself (act/change.h). */
#include "act/export_internal.h"

static void put_saving(gw_doc *d, const char *key, const gw_saving *s)
{
    gw_doc_object(d, key);
    gw_doc_money(d, "windowUsd", s->window);
    gw_doc_money(d, "monthlyLowUsd", s->low);
    gw_doc_money(d, "monthlyHighUsd", s->high);
    gw_doc_end(d);
}

static void put_ids(gw_doc *d, const char *key, const gw_plan *p, const uint32_t *ids, size_t n)
{
    gw_doc_array(d, key);
    for (size_t i = 0; i < n; i++)
        gw_doc_text(d, NULL, ids[i] < p->n_actions ? p->actions[ids[i]].id : NULL);
    gw_doc_end(d);
}

static void put_evidence(gw_doc *d, const gw_action *a)
{
    gw_doc_object(d, "evidence");
    for (size_t i = 0; i < a->n_evidence; i++) {
        const gw_evidence *v = &a->evidence[i];
        if (v->kind == GW_EVIDENCE_NUMBER)
            gw_doc_number(d, v->name, v->number, 6);
        else
            gw_doc_text(d, v->name, v->kind == GW_EVIDENCE_TEXT ? v->text : NULL);
    }
    gw_doc_end(d);
}

static void put_judgement(gw_doc *d, const gw_action *a)
{
    gw_doc_number(d, "confidence", a->confidence, 4);
    gw_doc_object(d, "risk");
    gw_doc_text(d, "level", gw_risk_name(a->risk));
    gw_doc_text(d, "why", a->risk_why);
    gw_doc_end(d);
    gw_doc_object(d, "blastRadius");
    gw_doc_int(d, "pods", a->blast.pods);
    gw_doc_int(d, "workloads", a->blast.workloads);
    gw_doc_int(d, "nodes", a->blast.nodes);
    gw_doc_int(d, "productionPods", a->blast.production);
    gw_doc_money(d, "restartCostUsd", a->blast.restart_cost);
    gw_doc_end(d);
}

static void put_window(gw_doc *d, gw_interval w)
{
    char text[GW_TIME_TEXT_MAX];
    gw_doc_object(d, "window");
    gw_doc_text(d, "start", gw_time_format(w.start_ms, text));
    gw_doc_text(d, "end", gw_time_format(w.end_ms, text));
    gw_doc_end(d);
}

int gw_act_write_action_json(gw_act *a, gw_error *e)
{
    const gw_action *t = a->action;
    const gw_plan *p = a->x->plan;
    gw_buf b;
    gw_doc d;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "gpuwise/v1");
    gw_doc_text(&d, "kind", "Action");
    gw_doc_int(&d, "schemaVersion", GW_CHANGE_SCHEMA);
    gw_doc_text(&d, "product", a->x->product);
    gw_doc_text(&d, "id", t->id);
    gw_doc_text(&d, "action", gw_action_kind_name(t->kind));
    gw_doc_text(&d, "subject", t->subject);
    gw_doc_text(&d, "is", t->is);
    gw_doc_text(&d, "should", t->should);
    gw_doc_text(&d, "text", t->text);
    gw_doc_text(&d, "rule", t->rule);
    gw_doc_bool(&d, "chosen", t->chosen);
    gw_doc_text(&d, "whyNot", t->why_not);
    put_window(&d, p->window);
    gw_doc_text(&d, "currency", "USD");
    gw_doc_object(&d, "saving");
    put_saving(&d, "alone", &t->alone);
    put_saving(&d, "inPlan", &t->share);
    gw_doc_end(&d);
    put_judgement(&d, t);
    gw_doc_array(&d, "prerequisites");
    for (size_t i = 0; i < t->n_prerequisites; i++)
        gw_doc_text(&d, NULL, t->prerequisites[i]);
    gw_doc_end(&d);
    put_ids(&d, "after", p, t->after, t->n_after);
    put_ids(&d, "conflicts", p, t->conflicts, t->n_conflicts);
    put_evidence(&d, t);
    gw_change_write(&d, "change", a->fleet, &t->change);
    gw_doc_end(&d);
    int rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = gw_act_add(a, "action.json", &b, e);
    gw_buf_free(&b);
    return rc;
}
