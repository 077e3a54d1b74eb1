/*
 * What a plan proposes for the workloads of a review. The plan is the document of `gpuwise plan -o json`. An
 * action is about a workload when it resizes it, or moves a pod whose name is that of the workload with what
 * controllers append; the longest such name within the namespace wins, so that "chat-large-0" is not taken
 * for one of "chat".
 */
#include <math.h>

#include "format/json_tree.h"
#include "operate/review_internal.h"

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Whether `pod` is `workload`, or begins with it and a dash. */
static bool is_pod_of(const char *pod, const char *workload)
{
    size_t n = strlen(workload);
    return strncmp(pod, workload, n) == 0 && (pod[n] == '\0' || pod[n] == '-');
}

static bool same_cluster(const char *plan, const char *row)
{
    return !plan || !*plan || !row || gw_eq(plan, row);
}

/* How well a workload's name fits a pod: the longer the better; 0 where it is not the pod's. */
static size_t fit(const gw_review_workload *w, const char *cluster, const char *ns, const char *pod)
{
    return gw_eq(w->ns, ns) && same_cluster(cluster, w->cluster) && is_pod_of(pod, w->workload)
               ? strlen(w->workload)
               : 0;
}

/* Amounts are numbers with six decimals: below 2^53 µ$ (nine billion dollars) the double gives them back. */
static gw_micro money_of(const json_t *saving, const char *key)
{
    const json_t *v = json_object_get(saving, key);
    double dollars = json_number_value(v);
    return json_is_number(v) && fabs(dollars) < 9e9 ? (gw_micro)llround(dollars * 1e6) : GW_MICRO_UNKNOWN;
}

static int propose(gw_review *r, gw_review_workload *w, const json_t *action, gw_error *e)
{
    const char *id = text_of(action, "id");
    for (size_t i = 0; i < GW_MIN(w->n_proposals, (size_t)GW_REVIEW_PROPOSALS_MAX); i++)
        if (gw_eq(w->proposals[i].action, id))
            return 0; /* several pods of one workload */
    if (w->n_proposals >= GW_REVIEW_PROPOSALS_MAX) {
        w->n_proposals++;
        return 0;
    }
    const json_t *saving = json_object_get(action, "share");
    const char *kind = text_of(action, "kind"), *text = text_of(action, "text");
    gw_review_proposal p = {.action = gw_arena_strdup(&r->arena, id ? id : ""),
                            .kind = gw_arena_strdup(&r->arena, kind ? kind : ""),
                            .text = gw_arena_strdup(&r->arena, text ? text : ""),
                            .monthly_low = money_of(saving, "monthlyLow"),
                            .monthly_high = money_of(saving, "monthlyHigh"),
                            .chosen = json_is_true(json_object_get(action, "chosen"))};
    if (!p.action || !p.kind || !p.text)
        return gw_fail_memory(e);
    w->proposals[w->n_proposals++] = p;
    w->why_none = NULL;
    return 0;
}

/* To the workloads that a pod may be of: one, or one in each cluster where the plan does not name the pod's.
 * Those that are too cheap for the review take part in the search, so that their pods do not go to a dearer
 * one. */
static int take_pod(gw_review *r, const json_t *action, const char *cluster, const char *ns, const char *pod,
                    gw_error *e)
{
    size_t best = 0;
    for (size_t i = 0; i < r->workloads_seen; i++)
        best = GW_MAX(best, fit(&r->workloads[i], cluster, ns, pod));
    for (size_t i = 0; i < r->n_workloads && best; i++) {
        int rc =
            fit(&r->workloads[i], cluster, ns, pod) == best ? propose(r, &r->workloads[i], action, e) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int take_moves(gw_review *r, const json_t *action, const json_t *moves, gw_error *e)
{
    size_t i;
    const json_t *move;
    json_array_foreach(moves, i, move)
    {
        const json_t *pod = json_object_get(move, "pod");
        const char *ns = text_of(pod, "namespace"), *name = text_of(pod, "name");
        int rc = ns && name ? take_pod(r, action, text_of(pod, "cluster"), ns, name, e) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int take_resizes(gw_review *r, const json_t *action, const json_t *resizes, gw_error *e)
{
    size_t i;
    const json_t *resize;
    json_array_foreach(resizes, i, resize)
    {
        const json_t *named = json_object_get(resize, "workload");
        const json_t *w = json_is_object(named) ? named : resize;
        const char *ns = text_of(w, "namespace"), *name = text_of(w, "name"),
                   *cluster = text_of(w, "cluster");
        for (size_t k = 0; k < r->n_workloads && ns && name; k++) {
            gw_review_workload *x = &r->workloads[k];
            if (!gw_eq(x->ns, ns) || !gw_eq(x->workload, name) || !same_cluster(cluster, x->cluster))
                continue;
            int rc = propose(r, x, action, e);
            if (rc)
                return rc;
        }
    }
    return 0;
}

static int take_held(gw_review *r, const json_t *held, gw_error *e)
{
    size_t i;
    const json_t *x;
    json_array_foreach(held, i, x)
    {
        const char *why = text_of(x, "why");
        const json_t *gpus = json_object_get(x, "gpus");
        if (!why || r->n_held_back == GW_REVIEW_HELD)
            continue;
        gw_review_held h = {.why = gw_arena_strdup(&r->arena, why),
                            .gpus = json_is_number(gpus) ? json_number_value(gpus) : -1,
                            .monthly = money_of(x, "monthlyCost")};
        if (!h.why)
            return gw_fail_memory(e);
        r->held_back[r->n_held_back++] = h;
    }
    return 0;
}

/* A pod or a workload that the plan holds back is named in no entry of "held": those are counts. So what can
 * be said of a workload without proposals is only that the plan has none. */
static int take(gw_review *r, const json_t *plan, gw_error *e)
{
    const json_t *actions = json_object_get(plan, "actions"), *window = json_object_get(plan, "window"),
                 *action;
    const char *start = text_of(window, "start"), *end = text_of(window, "end");
    size_t i;
    if (!json_is_array(actions) || !start || !end)
        return gw_fail(e, GW_ECORRUPT,
                       "the plan in the store has no actions or no window; it is not the JSON of "
                       "`gpuwise plan -o json`");
    r->plan_made = gw_arena_printf(&r->arena, "%s to %s", start, end);
    if (!r->plan_made)
        return gw_fail_memory(e);
    for (size_t k = 0; k < r->n_workloads; k++)
        r->workloads[k].why_none = "no action of the plan changes its pods or their requests";
    json_array_foreach(actions, i, action)
    {
        const json_t *change = json_object_get(action, "change");
        int rc = take_resizes(r, action, json_object_get(change, "resizes"), e);
        rc = rc ? rc : take_moves(r, action, json_object_get(change, "moves"), e);
        if (rc)
            return rc;
    }
    return take_held(r, json_object_get(plan, "held"), e);
}

int gw_review_take_plan(gw_review *r, gw_str plan, gw_error *e)
{
    json_t *tree = NULL;
    int rc = gw_json_tree_parse(plan, &tree, e);
    if (rc)
        return rc == GW_ECORRUPT ? gw_error_prefix(e, "the plan in the store") : rc;
    rc = take(r, tree, e);
    json_decref(tree);
    return rc;
}
