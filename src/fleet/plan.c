#include "fleet/plan.h"

#define NOTES_MAX 256
#define HELD_MAX  1024

const char *gw_form_name(gw_form f)
{
    static const char *const name[] = {"dedicated", "mig", "mps", "time-slicing"};
    return name[f];
}

const char *gw_via_name(gw_via v)
{
    static const char *const name[] = {"device-plugin", "kai", "hami"};
    return name[v];
}

const char *gw_risk_name(gw_risk r)
{
    static const char *const name[] = {"low", "medium", "high"};
    return name[r];
}

static const char *const KIND_NAMES[GW_N_ACTION_KINDS] = {
    "release-node", "move-cpu-pods", "mig", "mps", "time-slicing", "replace-nodes", "right-size",
};

const char *gw_action_kind_name(gw_action_kind k)
{
    return k < GW_N_ACTION_KINDS ? KIND_NAMES[k] : NULL;
}

gw_action_kind gw_action_kind_find(gw_str name)
{
    gw_action_kind k = 0;
    while (k < GW_N_ACTION_KINDS && !gw_str_is(name, KIND_NAMES[k]))
        k++;
    return k;
}

void gw_plan_init(gw_plan *p)
{
    *p = (gw_plan){.bound = GW_MICRO_UNKNOWN};
    gw_arena_init(&p->arena, 0);
}

void gw_plan_free(gw_plan *p)
{
    gw_free(p->actions);
    gw_free(p->held);
    gw_free(p->notes);
    gw_arena_free(&p->arena);
    gw_plan_init(p);
}

int gw_plan_add(gw_plan *p, gw_action_kind kind, gw_action **ret, gw_error *e)
{
    int rc = gw_grow((void **)&p->actions, &p->cap_actions, p->n_actions + 1, sizeof(*p->actions),
                     GW_PLAN_ACTIONS_MAX);
    if (rc == GW_ELIMIT)
        return gw_fail(e, rc,
                       "the plan would have more than %zu actions: choose some with --only or --namespace",
                       GW_PLAN_ACTIONS_MAX);
    if (rc)
        return gw_fail_memory(e);
    gw_action *a = &p->actions[p->n_actions++];
    *a = (gw_action){.kind = kind, .blast.restart_cost = GW_MICRO_UNKNOWN};
    *ret = a;
    return 0;
}

uint32_t gw_plan_find(const gw_plan *p, const char *id)
{
    for (uint32_t i = 0; i < p->n_actions; i++) {
        if (gw_eq(p->actions[i].id, id))
            return i;
    }
    return GW_NONE;
}

int gw_plan_note(gw_plan *p, const char *text, gw_error *e)
{
    for (size_t i = 0; i < p->n_notes; i++) {
        if (gw_eq(p->notes[i], text))
            return 0;
    }
    int rc = gw_grow((void **)&p->notes, &p->cap_notes, p->n_notes + 1, sizeof(*p->notes), NOTES_MAX);
    if (rc == GW_ELIMIT)
        return 0; /* the first 256 kinds of what was not considered say enough */
    const char *copy = rc ? NULL : gw_arena_strdup(&p->arena, text);
    if (!copy)
        return gw_fail_memory(e);
    p->notes[p->n_notes++] = copy;
    return 0;
}

int gw_plan_hold(gw_plan *p, const char *why, uint32_t pods, uint32_t nodes, double gpus, gw_micro monthly,
                 gw_error *e)
{
    gw_held *h = NULL;
    for (size_t i = 0; i < p->n_held && !h; i++) {
        if (gw_eq(p->held[i].why, why))
            h = &p->held[i];
    }
    if (!h) {
        int rc = gw_grow((void **)&p->held, &p->cap_held, p->n_held + 1, sizeof(*p->held), HELD_MAX);
        const char *copy = rc ? NULL : gw_arena_strdup(&p->arena, why);
        if (rc == GW_ELIMIT)
            return gw_fail(e, rc, "more than %d reasons hold something: they must be phrased alike",
                           HELD_MAX);
        if (!copy)
            return gw_fail_memory(e);
        h = &p->held[p->n_held++];
        *h = (gw_held){.why = copy, .monthly = 0};
    }
    h->pods += pods;
    h->nodes += nodes;
    h->gpus += gpus;
    h->monthly =
        gw_micro_known(h->monthly) && gw_micro_known(monthly) ? h->monthly + monthly : GW_MICRO_UNKNOWN;
    return 0;
}
