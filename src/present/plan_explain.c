/* gpuwise explain ACTION: what decided, the two bills, and every step. */
#include "present/plan.h"

#define STEPS_SHOWN     500
#define FILES_SHOWN     200
#define STEP_BYTES_MAX  ((size_t)1 << 20)
#define NUMBER_DECIMALS 6
#define OR_UNKNOWN(s)   ((s) ? (s) : "unknown")

static const char *dollars(gw_explanation *x, gw_micro m)
{
    char text[GW_MICRO_TEXT_MAX];
    return gw_micro_known(m) ? gw_explain_text(x, "$%s", gw_micro_format(m, text)) : "unknown";
}

/* a - b where both are known. */
static gw_micro less(gw_micro a, gw_micro b)
{
    return gw_micro_known(a) && gw_micro_known(b) ? a - b : GW_MICRO_UNKNOWN;
}

static void explain_what(const gw_plan_view *v, uint32_t action, gw_explanation *x)
{
    const gw_action *a = &v->plan->actions[action];
    gw_explain_section(x, "Action %s", a->id);
    gw_explain_fact(x, "about", NULL, "%s", OR_UNKNOWN(a->subject));
    gw_explain_fact(x, "is", NULL, "%s", OR_UNKNOWN(a->is));
    gw_explain_fact(x, "should be", NULL, "%s", OR_UNKNOWN(a->should));
    if (a->text)
        gw_explain_fact(x, "in short", NULL, "%s", a->text);
    gw_explain_fact(x, "rule", NULL, "%s", OR_UNKNOWN(a->rule));
    if (a->chosen)
        gw_explain_fact(x, "in the plan", NULL, "step %" PRIu32 " of %zu", action + 1,
                        gw_plan_chosen(v->plan));
    else
        gw_explain_fact(x, "in the plan", NULL, "no: %s", OR_UNKNOWN(a->why_not));
}

/* The two bills of the window that a saving is the difference of, and the month that it comes to. */
static void explain_saving(const gw_plan_view *v, const gw_action *a, const gw_saving *s, gw_micro before,
                           const char *before_how, gw_explanation *x)
{
    double hours = (double)gw_interval_ms(v->plan->window) / (double)GW_HOUR_MS;
    gw_explain_fact(x, "bill before", before_how, "%s", dollars(x, before));
    gw_explain_fact(x, "bill after", "fleet and use as the action leaves them, priced and booked anew", "%s",
                    dollars(x, less(before, s->window)));
    gw_explain_fact(x, "difference", "of the two bills, over the window", "%s", dollars(x, s->window));
    gw_explain_fact(x, "a month, high",
                    gw_explain_text(x, "difference × %.1f h / %.6f h of the window", GW_MONTH_HOURS, hours),
                    "%s", dollars(x, s->high));
    gw_explain_fact(
        x, "a month, low",
        gw_explain_text(x, "high × confidence %.6f: what length and coverage of the window vouch for",
                        a->confidence),
        "%s", dollars(x, s->low));
}

static void explain_money(const gw_plan_view *v, uint32_t action, gw_explanation *x)
{
    const gw_plan *p = v->plan;
    const gw_action *a = &p->actions[action];
    gw_micro present = gw_plan_bill(&p->before), before = present;
    for (uint32_t i = 0; i < action && a->chosen; i++)
        before = less(before, p->actions[i].share.window);
    if (a->chosen) {
        gw_explain_section(x, "What it saves in the plan");
        explain_saving(v, a, &a->share, before,
                       action ? "the present, with the actions before it in the plan done" : "the present",
                       x);
    }
    gw_explain_section(x, "What it saves alone");
    if (a->n_after && a->alone.window == 0)
        gw_explain_fact(x, "nothing", NULL, "it needs others to be done before: see below");
    else
        explain_saving(v, a, &a->alone, present, "the present", x);
}

static void explain_risk(const gw_action *a, gw_explanation *x)
{
    gw_explain_section(x, "How sure, how risky, and what it touches");
    gw_explain_fact(x, "confidence",
                    "coverage × duration: the least share of its time that samples cover, of all that the "
                    "action touches, times 1 - 2^(-hours / 24) of the window",
                    "%.2f %%", 100 * a->confidence);
    gw_explain_fact(x, "risk", a->risk_why, "%s", gw_risk_name(a->risk));
    gw_explain_fact(x, "restarts", NULL,
                    "%" PRIu32 " pod%s of %" PRIu32 " workload%s, %" PRIu32 " in production", a->blast.pods,
                    a->blast.pods == 1 ? "" : "s", a->blast.workloads, a->blast.workloads == 1 ? "" : "s",
                    a->blast.production);
    gw_explain_fact(x, "restart cost", "GPU time that the restarts take, once", "%s",
                    dollars(x, a->blast.restart_cost));
    gw_explain_fact(x, "nodes", "cut, drained, released or hired", "%" PRIu32, a->blast.nodes);
}

static void explain_evidence(const gw_action *a, gw_explanation *x)
{
    char number[GW_DECIMAL_TEXT_MAX];
    if (a->n_evidence == 0)
        return;
    gw_explain_section(x, "Evidence");
    for (size_t i = 0; i < a->n_evidence; i++) {
        const gw_evidence *ev = &a->evidence[i];
        const char *value = ev->kind == GW_EVIDENCE_NUMBER
                                ? gw_decimal_format(ev->number, NUMBER_DECIMALS, true, number)
                            : ev->kind == GW_EVIDENCE_TEXT ? ev->text
                                                           : NULL;
        gw_explain_fact(x, ev->name, NULL, "%s", OR_UNKNOWN(value));
    }
}

static void explain_order(const gw_plan_view *v, const gw_action *a, gw_explanation *x)
{
    const gw_plan *p = v->plan;
    if (a->n_prerequisites + a->n_after + a->n_conflicts == 0)
        return;
    gw_explain_section(x, "Before it is begun");
    for (size_t i = 0; i < a->n_prerequisites; i++)
        gw_explain_fact(x, "must be so", NULL, "%s", a->prerequisites[i]);
    for (size_t i = 0; i < a->n_after; i++)
        gw_explain_fact(x, "done before", NULL, "%s", p->actions[a->after[i]].id);
    for (size_t i = 0; i < a->n_conflicts; i++)
        gw_explain_fact(x, "not with", NULL, "%s", p->actions[a->conflicts[i]].id);
}

static void explain_steps(const gw_plan_view *v, const gw_action *a, gw_explanation *x)
{
    const gw_change *c = &a->change;
    size_t all = c->n_hires + c->n_cuts + c->n_resizes + c->n_moves + c->n_released;
    const char *verb;
    gw_buf text;
    gw_buf_init(&text, STEP_BYTES_MAX);
    gw_explain_section(x, "Steps, in this order");
    for (size_t i = 0; i < all && i < STEPS_SHOWN; i++) {
        gw_buf_clear(&text);
        if (!gw_plan_step(v->report->fleet, c, i, &verb, &text))
            break;
        if (text.failed)
            x->failed = text.failed;
        gw_explain_fact(x, gw_explain_text(x, "%zu %s", i + 1, verb), NULL, "%s", text.data ? text.data : "");
    }
    if (all > STEPS_SHOWN)
        gw_explain_fact(x, "and more", NULL, "%zu steps: -o json has them all", all - STEPS_SHOWN);
    if (all == 0)
        gw_explain_fact(x, "none", NULL, "nothing is changed");
    gw_buf_free(&text);
}

static void explain_files(const char *const *files, size_t n, gw_explanation *x)
{
    if (n == 0)
        return;
    gw_explain_section(x, "Files that 'plan --export' writes for it");
    for (size_t i = 0; i < n && i < FILES_SHOWN; i++)
        gw_explain_fact(x, "file", NULL, "%s", files[i]);
    if (n > FILES_SHOWN)
        gw_explain_fact(x, "and more", NULL, "%zu files", n - FILES_SHOWN);
}

void gw_plan_explain(const gw_plan_view *v, uint32_t action, const char *const *files, size_t n_files,
                     gw_explanation *x)
{
    const gw_action *a = &v->plan->actions[action];
    x->kind = "action";
    x->name = a->id;
    explain_what(v, action, x);
    explain_money(v, action, x);
    explain_risk(a, x);
    explain_evidence(a, x);
    explain_order(v, a, x);
    explain_steps(v, a, x);
    explain_files(files, n_files, x);
}
