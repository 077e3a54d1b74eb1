/*
 * The way of a plan: world → advisers' trials → each weighed by booking it → what is left, and why.
 */
#include "allocate/planner_internal.h"

#include <math.h>

#include "interpret/interpret.h"

bool gw_plan_wants(const gw_planning *p, gw_action_kind k)
{
    return p->o->kinds == 0 || (p->o->kinds & 1u << k);
}

gw_micro gw_plan_monthly(const gw_planning *p, gw_micro window)
{
    double hours = (double)gw_interval_ms(p->world.observed) / (double)GW_HOUR_MS;
    if (!gw_micro_known(window) || !(hours > 0))
        return GW_MICRO_UNKNOWN;
    double month = (double)window * GW_MONTH_HOURS / hours;
    return fabs(month) < 9e18 ? (gw_micro)llround(month) : GW_MICRO_UNKNOWN;
}

/* ---- the books of a change ---- */

static bool touches_price(const gw_planning *p, const gw_change *c)
{
    for (size_t i = 0; i < c->n_released; i++) {
        if (p->world.nodes[c->released[i]].priced)
            return true;
    }
    return c->n_hires > 0;
}

static gw_saving saving_of(const gw_planning *p, gw_micro window, double confidence, bool priced)
{
    if (!priced)
        return (gw_saving){0, GW_MICRO_UNKNOWN, GW_MICRO_UNKNOWN};
    gw_saving s = {.window = window, .high = gw_plan_monthly(p, window)};
    s.low = gw_micro_known(s.high) ? (gw_micro)floor((double)s.high * confidence) : GW_MICRO_UNKNOWN;
    return s;
}

/* The bill with these changes; GW_EUSAGE where they cannot be without others. */
static int bill_of(gw_planning *p, const gw_change *const *changes, size_t n, gw_micro *ret, gw_error *e)
{
    gw_after a;
    int rc = gw_after_build(p->in->fleet, p->in->usage, p->in->prices, changes, n, &a, e);
    if (rc)
        return rc;
    bool balances = gw_cost_balances(&a.ledger.total);
    *ret = a.ledger.total.bill;
    gw_after_free(&a);
    return balances ? 0
                    : gw_fail(e, GW_EINTERNAL,
                              "the ledger of a planned change does not balance; please report this");
}

/* ---- what moves are worth ---- */

bool gw_plan_resizes(const gw_planning *p, const gw_resize *r, const gw_tenant *t)
{
    const gw_pod *pod = t->pod == GW_NONE ? NULL : &p->in->fleet->pods[t->pod];
    return pod && gw_eq(pod->ns, r->ns) &&
           (pod->workload_name ? gw_eq(pod->workload_name, r->name) && gw_eq(pod->workload_kind, r->kind)
                               : gw_eq(pod->name, r->name));
}

/* Whether a pod restarts that may lose all it did. */
static bool loses_work(const gw_planning *p, const gw_change *c)
{
    for (size_t k = 0; k < p->world.n_tenants; k++) {
        const gw_tenant *t = &p->world.tenants[k];
        bool restarts = false;
        if (t->pod == GW_NONE || t->n_units == 0 ||
            (t->class != GW_CLASS_TRAINING && t->class != GW_CLASS_BATCH))
            continue;
        for (size_t i = 0; i < c->n_moves && !restarts; i++)
            restarts = c->moves[i].restarts && c->moves[i].pod == t->pod;
        for (size_t i = 0; i < c->n_resizes && !restarts; i++)
            restarts = gw_plan_resizes(p, &c->resizes[i], t);
        if (restarts)
            return true;
    }
    return false;
}

static gw_micro restart_cost(const gw_planning *p, const gw_change *c)
{
    gw_micro sum = 0;
    for (size_t i = 0; i < c->n_resizes; i++) {
        for (size_t k = 0; k < p->world.n_tenants; k++) {
            const gw_tenant *t = &p->world.tenants[k];
            if (!gw_plan_resizes(p, &c->resizes[i], t))
                continue;
            if (!gw_micro_known(t->restart_cost))
                return GW_MICRO_UNKNOWN;
            sum += t->restart_cost;
        }
    }
    for (size_t i = 0; i < c->n_moves; i++) {
        if (!c->moves[i].restarts)
            continue;
        for (size_t k = 0; k < p->world.n_tenants; k++) {
            const gw_tenant *t = &p->world.tenants[k];
            if (t->pod != c->moves[i].pod)
                continue;
            if (!gw_micro_known(t->restart_cost))
                return GW_MICRO_UNKNOWN;
            sum += t->restart_cost;
            break;
        }
    }
    return sum;
}

static bool earns_back(const gw_planning *p, gw_micro saved, gw_micro cost)
{
    int64_t window = gw_interval_ms(p->world.observed);
    return !gw_micro_known(cost) || cost <= 0 ||
           (double)saved / (double)GW_MAX(window, 1) * (double)GW_PAYBACK_MS >= (double)cost;
}

/* Of the time of everything that the change touches, the share that was measured. */
static double coverage(const gw_planning *p, const gw_change *c)
{
    double least = 1;
    for (size_t i = 0; i < c->n_moves; i++) {
        for (size_t k = 0; k < p->world.n_tenants && c->moves[i].pod != GW_NONE; k++) {
            const gw_tenant *t = &p->world.tenants[k];
            if (t->pod == c->moves[i].pod && t->n_units)
                least = GW_MIN(least, t->facts.known);
        }
    }
    for (size_t i = 0; i < c->n_released; i++) {
        const gw_world_node *n = &p->world.nodes[c->released[i]];
        double paid = 0, unknown = 0;
        for (uint32_t u = 0; u < p->in->fleet->n_units && n->n_boards; u++) {
            if (p->in->fleet->units[u].node != c->released[i] || u >= p->in->usage->n_units)
                continue;
            paid += p->in->usage->units[u].paid;
            unknown += p->in->usage->units[u].unknown;
        }
        if (paid > 0)
            least = GW_MIN(least, 1 - unknown / paid);
    }
    return GW_MAX(0, least);
}

static uint32_t node_of_board(const gw_planning *p, uint32_t gpu)
{
    return gpu < p->in->fleet->n_gpus ? p->in->fleet->gpus[gpu].node : GW_NONE;
}

static void mark_nodes(const gw_planning *p, const gw_change *c, bool *on, bool value)
{
    size_t n = p->in->fleet->n_nodes;
    for (size_t i = 0; i < c->n_moves; i++) {
        if (c->moves[i].from < n)
            on[c->moves[i].from] = value;
        if (c->moves[i].node < n)
            on[c->moves[i].node] = value;
    }
    for (size_t i = 0; i < c->n_cuts; i++) {
        if (node_of_board(p, c->cuts[i].gpu) < n)
            on[node_of_board(p, c->cuts[i].gpu)] = value;
    }
    for (size_t i = 0; i < c->n_released; i++)
        on[c->released[i]] = value;
}

static bool any_marked(const gw_planning *p, const gw_change *c, const bool *on)
{
    size_t n = p->in->fleet->n_nodes;
    for (size_t i = 0; i < c->n_moves; i++) {
        if ((c->moves[i].from < n && on[c->moves[i].from]) || (c->moves[i].node < n && on[c->moves[i].node]))
            return true;
    }
    for (size_t i = 0; i < c->n_released; i++) {
        if (on[c->released[i]])
            return true;
    }
    for (size_t i = 0; i < c->n_cuts; i++) {
        uint32_t node = node_of_board(p, c->cuts[i].gpu);
        if (node < n && on[node])
            return true;
    }
    return false;
}

/* Actions that share a node with this one: chosen ones must come before it, or cannot be done beside it. */
static int relate(gw_planning *p, gw_action *a)
{
    bool *on = gw_calloc(p->in->fleet->n_nodes + 1, sizeof(*on));
    uint32_t *list = GW_NEW_ARRAY(&p->plan->arena, uint32_t, p->plan->n_actions + 1);
    size_t n = 0;
    if (!on || !list) {
        gw_free(on);
        return gw_fail_memory(p->e);
    }
    mark_nodes(p, &a->change, on, true);
    for (uint32_t i = 0; i + 1 < p->plan->n_actions; i++) {
        const gw_action *b = &p->plan->actions[i];
        if (b->chosen && any_marked(p, &b->change, on))
            list[n++] = i;
    }
    gw_free(on);
    if (a->chosen) {
        a->after = list;
        a->n_after = n;
    } else {
        a->conflicts = list;
        a->n_conflicts = n;
    }
    return 0;
}

static int book_alone(gw_planning *p, gw_action *a, bool priced)
{
    const gw_change *one = &a->change;
    gw_error why = {0};
    gw_micro bill;
    int rc = bill_of(p, &one, 1, &bill, &why);
    if (rc && rc != GW_EUSAGE) {
        *p->e = why;
        return rc;
    }
    gw_micro saved = rc ? 0 : GW_MAX(0, p->plan->before.bill - bill);
    a->alone = saving_of(p, saved, a->confidence, priced);
    return 0;
}

static const char *limits_say(const gw_planning *p, const gw_action *a)
{
    if (p->o->max_risk_set && a->risk > p->o->max_risk)
        return "its risk is higher than --max-risk allows";
    if (p->o->min_saving > 0 && (!gw_micro_known(a->share.high) || a->share.high < p->o->min_saving))
        return "it saves less than --min-saving";
    return NULL;
}

static int choose(gw_planning *p, const gw_change *c, gw_micro bill)
{
    if (gw_grow((void **)&p->chosen, &p->cap_chosen, p->n_chosen + 1, sizeof(*p->chosen),
                GW_PLAN_ACTIONS_MAX))
        return gw_fail_memory(p->e);
    p->chosen[p->n_chosen++] = c;
    p->bill = bill;
    return 0;
}

static int fill(gw_planning *p, const gw_proposal *x, const gw_change *c, gw_micro saved, gw_micro cost)
{
    gw_action *a;
    if (gw_plan_add(p->plan, x->kind, &a, p->e))
        return p->e->code;
    bool priced = touches_price(p, c);
    double hours = (double)gw_interval_ms(p->world.observed) / (double)GW_HOUR_MS;
    a->change = *c;
    a->confidence = gw_confidence(coverage(p, c), hours, 1);
    a->blast.restart_cost = cost;
    a->rule = x->rule;
    a->share = saving_of(p, saved, a->confidence, priced);
    if (book_alone(p, a, priced) || gw_plan_describe(p, a, x))
        return p->e->code;
    a->why_not = limits_say(p, a);
    a->chosen = !a->why_not;
    if (!a->chosen)
        a->share = (gw_saving){0};
    return relate(p, a);
}

gw_verdict gw_plan_weigh(gw_planning *p, const gw_proposal *x)
{
    gw_change *c = GW_NEW(&p->plan->arena, gw_change);
    gw_micro bill, saved, cost;
    const char *no = NULL;
    if (!c || p->world.failed) {
        gw_fail_memory(p->e);
        return GW_FAILED;
    }
    if (x->change)
        *c = *x->change;
    else if (gw_world_change(&p->world, x->mark, &p->plan->arena, c, p->e))
        return GW_FAILED;
    c->resizes = x->resizes;
    c->n_resizes = x->n_resizes;
    if (choose(p, c, p->bill))
        return GW_FAILED;
    p->n_chosen--;
    if (bill_of(p, p->chosen, p->n_chosen + 1, &bill, p->e)) {
        if (p->e->code == GW_EUSAGE) {
            p->e->code = GW_EINTERNAL;
            gw_error_prefix(p->e, "an action of the plan contradicts itself; please report this");
        }
        return GW_FAILED;
    }
    saved = p->bill - bill;
    cost = restart_cost(p, c);
    if (saved < 0 || (saved == 0 && touches_price(p, c)))
        no = "it would save nothing";
    else if (!gw_micro_known(cost) && loses_work(p, c))
        no = "what its restarts cost is not known, and work may be lost";
    else if (!earns_back(p, saved, cost))
        no = "its restarts would cost more than a week of what it saves";
    else if (!x->change && !gw_world_survives(&p->world))
        no = "the loss of one more node could not be borne then";
    if (no) {
        for (size_t i = 0; i < c->n_released; i++) {
            const char **why = &p->node_why[c->released[i]];
            /* what came first is simplest to act on, but for want of boards, which sharing answers */
            *why = *why && !gw_eq(*why, GW_WHY_NO_BOARD) ? *why : no;
        }
        gw_world_undo(&p->world, x->mark);
        return p->world.failed ? (gw_fail_memory(p->e), GW_FAILED) : GW_REFUSED;
    }
    if (fill(p, x, c, saved, cost))
        return GW_FAILED;
    if (p->plan->actions[p->plan->n_actions - 1].chosen)
        return choose(p, c, bill) ? GW_FAILED : GW_TAKEN;
    for (size_t i = 0; i < c->n_released; i++)
        p->node_why[c->released[i]] = p->plan->actions[p->plan->n_actions - 1].why_not;
    gw_world_undo(&p->world, x->mark);
    return GW_REFUSED;
}

/* ---- the end ---- */

static int hold_back(gw_planning *p)
{
    gw_world *w = &p->world;
    for (uint32_t i = 0; i < w->fleet->n_nodes; i++) {
        const gw_world_node *n = &w->nodes[i];
        if (!n->here || !n->gpus || n->released)
            continue;
        const char *why = p->node_why[i] ? p->node_why[i] : "its pods need it";
        uint32_t pods = 0;
        for (uint32_t k = 0; k < n->n; k++)
            pods += w->tenants[n->at[k]].pod != GW_NONE;
        const char *text = gw_arena_printf(&p->plan->arena, "node not given back: %s", why);
        gw_micro bill = i < p->in->ledger->n_nodes ? p->in->ledger->node_bill[i] : GW_MICRO_UNKNOWN;
        if (!text)
            return gw_fail_memory(p->e);
        int rc = gw_plan_hold(p->plan, text, pods, 1, n->n_boards, gw_plan_monthly(p, bill), p->e);
        if (rc)
            return rc;
    }
    for (uint32_t i = 0; i < w->n_tenants; i++) {
        const gw_tenant *t = &w->tenants[i];
        if (t->pod == GW_NONE || t->n_units == 0 || t->choice.n || t->seats[0].form != GW_FORM_WHOLE)
            continue;
        const char *phrase = gw_share_rule_phrase(t->choice.rule);
        const char *why = t->stays     ? t->stays
                          : t->foreign ? "other work ran on it within the window"
                                       : phrase;
        const char *text =
            phrase && why == phrase
                ? gw_arena_printf(&p->plan->arena, "GPU not shared: %s (%s)", why, t->choice.rule)
                : gw_arena_printf(&p->plan->arena, "GPU not shared: %s", why ? why : t->choice.rule);
        const gw_node_price *np = t->node < p->in->book->n_nodes ? &p->in->book->nodes[t->node] : NULL;
        gw_micro month = np && gw_micro_known(np->gpu_hourly)
                             ? (gw_micro)((double)np->gpu_hourly * GW_MONTH_HOURS * t->n_units)
                             : GW_MICRO_UNKNOWN;
        if (!text)
            return gw_fail_memory(p->e);
        int rc = gw_plan_hold(p->plan, text, 1, 0, t->n_units, month, p->e);
        if (rc)
            return rc;
    }
    return 0;
}

/* Dearest first, unknown last, then by text. */
static int by_money(const void *a, const void *b)
{
    const gw_held *x = a, *y = b;
    if (x->monthly != y->monthly)
        return x->monthly > y->monthly ? -1 : 1;
    return strcmp(x->why, y->why);
}

typedef struct position {
    gw_action action;
    uint32_t from;
} position;

/* Chosen ones keep their order; alternatives after them, dearest first. */
static int by_choice(const void *a, const void *b)
{
    const position *x = a, *y = b;
    if (x->action.chosen != y->action.chosen)
        return x->action.chosen ? -1 : 1;
    if (!x->action.chosen && x->action.alone.window != y->action.alone.window)
        return x->action.alone.window > y->action.alone.window ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

static int relabel(gw_plan *plan, const uint32_t **list, size_t n, const uint32_t *to)
{
    uint32_t *out = GW_NEW_ARRAY(&plan->arena, uint32_t, n + 1);
    if (!out)
        return GW_ENOMEM;
    for (size_t i = 0; i < n; i++)
        out[i] = to[(*list)[i]];
    *list = out;
    return 0;
}

static int order_actions(gw_planning *p)
{
    gw_plan *plan = p->plan;
    position *all = gw_malloc((plan->n_actions + 1) * sizeof(*all));
    uint32_t *to = gw_malloc((plan->n_actions + 1) * sizeof(*to));
    int rc = all && to ? 0 : GW_ENOMEM;
    for (uint32_t i = 0; !rc && i < plan->n_actions; i++)
        all[i] = (position){plan->actions[i], i};
    if (!rc && plan->n_actions)
        qsort(all, plan->n_actions, sizeof(*all), by_choice);
    for (uint32_t i = 0; !rc && i < plan->n_actions; i++) {
        plan->actions[i] = all[i].action;
        to[all[i].from] = i;
    }
    for (size_t i = 0; !rc && i < plan->n_actions; i++) {
        gw_action *a = &plan->actions[i];
        rc = relabel(plan, &a->after, a->n_after, to);
        rc = rc ? rc : relabel(plan, &a->conflicts, a->n_conflicts, to);
    }
    gw_free(all);
    gw_free(to);
    return rc ? gw_fail_memory(p->e) : 0;
}

static int close_books(gw_planning *p)
{
    gw_after a;
    int rc = gw_after_build(p->in->fleet, p->in->usage, p->in->prices, p->chosen, p->n_chosen, &a, p->e);
    if (rc)
        return rc;
    gw_plan *plan = p->plan;
    plan->after = a.ledger.total;
    plan->time_after = a.ledger.time;
    gw_after_free(&a);
    gw_micro sum = 0, low = 0;
    bool priced = true;
    for (size_t i = 0; i < plan->n_actions; i++) {
        const gw_action *x = &plan->actions[i];
        if (!x->chosen)
            continue;
        sum += x->share.window;
        priced &= gw_micro_known(x->share.low);
        low += gw_micro_known(x->share.low) ? x->share.low : 0;
    }
    plan->saving.window = plan->before.bill - plan->after.bill;
    plan->saving.high = gw_plan_monthly(p, plan->saving.window);
    plan->saving.low = gw_micro_known(plan->saving.high) ? GW_MIN(low, plan->saving.high) : GW_MICRO_UNKNOWN;
    if (!priced) {
        rc = gw_plan_note(
            plan,
            "some nodes that can be given back have no known price: what they save is in no total "
            "(gpuwise price; --prices)",
            p->e);
    }
    if (sum != plan->saving.window || !gw_cost_balances(&plan->after))
        return gw_fail(p->e, GW_EINTERNAL, "the plan's books do not balance; please report this");
    return rc;
}

static int make(gw_planning *p)
{
    int rc = gw_world_new(p->in, &p->world, p->e);
    if (rc)
        return rc;
    p->node_why = GW_NEW_ARRAY(&p->plan->arena, const char *, p->in->fleet->n_nodes + 1);
    if (!p->node_why)
        return gw_fail_memory(p->e);
    for (size_t i = 0; i < p->in->fleet->n_nodes; i++)
        p->api |= p->in->fleet->nodes[i].in_api;
    p->plan->window = p->world.observed;
    p->plan->before = p->in->ledger->total;
    p->plan->time_before = p->in->ledger->time;
    p->bill = p->plan->before.bill;
    rc = gw_plan_bound(p);
    rc = rc ? rc : gw_advise_release(p);
    rc = rc ? rc : gw_advise_share(p);
    rc = rc ? rc : gw_advise_rightsize(p);
    rc = rc ? rc : gw_advise_mix(p);
    rc = rc ? rc : hold_back(p);
    rc = rc ? rc : order_actions(p);
    if (p->plan->n_held)
        qsort(p->plan->held, p->plan->n_held, sizeof(*p->plan->held), by_money);
    return rc ? rc : close_books(p);
}

int gw_plan_make(const gw_planner_input *in, const gw_planner_options *o, gw_plan *ret, gw_error *e)
{
    static const gw_planner_options none = {0};
    gw_error local = {0};
    gw_plan plan;
    gw_plan_init(&plan);
    gw_planning p = {.in = in, .o = o ? o : &none, .plan = &plan, .e = &local};
    int rc = make(&p);
    gw_world_free(&p.world);
    gw_free(p.chosen);
    if (rc) {
        gw_plan_free(&plan);
        if (e)
            *e = local;
        return rc;
    }
    gw_plan_free(ret);
    *ret = plan;
    return 0;
}
