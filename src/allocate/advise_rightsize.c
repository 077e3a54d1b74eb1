/*
 * Requests that block room: with what the histograms say instead of what is asked for, more nodes can be
 * emptied. Only smaller requests are tried; a larger one saves nothing here, and `explain` and the findings
 * tell of it. Requests that free no node are a note, and actions where the user asks for this kind by name.
 */
#include "allocate/planner_internal.h"
#include "allocate/rightsize.h"

typedef struct sizing {
    gw_planning *p;
    gw_rightsize_result result;
    uint32_t *tenant_of_pod; /* parallel to the fleet's pods */
    uint32_t *row_of;        /* parallel to tenants; GW_NONE */
    bool *told;              /* parallel to rows: part of an action already */
    const char **action;     /* parallel to rows: the ID of that action */
    int64_t *cpu, *memory;   /* parallel to tenants: requests before */
} sizing;

static int64_t less(const gw_rightsize_field *f)
{
    bool known = f->hold == GW_RIGHTSIZE_GO && f->request >= 0 && f->recommended >= 0;
    return known ? GW_MAX(0, f->request - f->recommended) : 0;
}

static bool shrinks(const gw_rightsize_row *r)
{
    return less(&r->of[GW_RIGHTSIZE_CPU]) > 0 || less(&r->of[GW_RIGHTSIZE_MEMORY]) > 0;
}

static gw_resize resize_of(const gw_rightsize_row *r)
{
    const gw_rightsize_field *c = &r->of[GW_RIGHTSIZE_CPU], *m = &r->of[GW_RIGHTSIZE_MEMORY],
                             *d = &r->of[GW_RIGHTSIZE_EPHEMERAL];
    return (gw_resize){.ns = r->ns,
                       .kind = r->kind,
                       .name = r->name,
                       .cpu_milli = {c->request, c->request < 0 ? c->request : c->request - less(c)},
                       .memory_mib = {m->request, m->request < 0 ? m->request : m->request - less(m)},
                       .ephemeral_mib = {d->request, d->request},
                       .pods = r->n_pods};
}

static bool may_change(const sizing *s, const gw_rightsize_row *r)
{
    if (gw_eq(r->kind, "Job") || gw_eq(r->kind, "Pod"))
        return false; /* their templates cannot be changed */
    for (uint32_t i = 0; i < r->n_pods; i++) {
        uint32_t at = s->tenant_of_pod[r->pods[i]];
        const gw_tenant *t = at == GW_NONE ? NULL : &s->p->world.tenants[at];
        if (t && !t->daemon && (t->headroom.exclude || t->stays || t->gang != GW_NONE))
            return false; /* a changed request restarts the pod */
    }
    return true;
}

static void apply(sizing *s, const gw_rightsize_row *r, int sign)
{
    for (uint32_t i = 0; i < r->n_pods; i++) {
        uint32_t at = s->tenant_of_pod[r->pods[i]];
        if (at == GW_NONE)
            continue;
        const gw_tenant *t = &s->p->world.tenants[at];
        if (sign < 0) {
            gw_world_resize(&s->p->world, at, s->cpu[at], s->memory[at]);
            continue;
        }
        gw_world_resize(&s->p->world, at, GW_MAX(0, t->cpu_milli - sign * less(&r->of[GW_RIGHTSIZE_CPU])),
                        GW_MAX(0, t->memory_mib - sign * less(&r->of[GW_RIGHTSIZE_MEMORY])));
    }
}

/* The rows that the trial since the mark rests on: of what moved, and of what is where it moved to. */
static int rows_of(sizing *s, size_t mark, gw_resize **ret, size_t *ret_n, bool *used)
{
    gw_planning *p = s->p;
    gw_change c;
    gw_resize *out = GW_NEW_ARRAY(&p->plan->arena, gw_resize, s->result.n_rows + 1);
    size_t n = 0;
    if (!out)
        return gw_fail_memory(p->e);
    int rc = gw_world_change(&p->world, mark, &p->plan->arena, &c, p->e);
    if (rc)
        return rc;
    for (size_t i = 0; i < c.n_moves; i++) {
        const gw_world_node *to = &p->world.nodes[c.moves[i].node];
        for (uint32_t k = 0; k < to->n; k++) { /* the moved pod is among them by now */
            uint32_t r = s->row_of[to->at[k]];
            if (r != GW_NONE)
                used[r] = true;
        }
    }
    for (size_t r = 0; r < s->result.n_rows; r++) {
        if (used[r] && !s->told[r])
            out[n++] = resize_of(&s->result.rows[r]);
    }
    *ret = out;
    *ret_n = n;
    return 0;
}

/* The last action taken rests on these rows: on the actions that tell of them, or is the one that does. */
static int lean_on(sizing *s, const bool *used)
{
    gw_plan *plan = s->p->plan;
    uint32_t last = (uint32_t)plan->n_actions - 1;
    gw_action *a = &plan->actions[last];
    uint32_t *after = GW_NEW_ARRAY(&plan->arena, uint32_t, plan->n_actions + 1);
    size_t n = 0;
    if (!after)
        return gw_fail_memory(s->p->e);
    for (uint32_t i = 0; i < last; i++) {
        bool leans = false;
        for (size_t k = 0; k < a->n_after && !leans; k++)
            leans = a->after[k] == i;
        for (size_t r = 0; r < s->result.n_rows && !leans; r++)
            leans = used[r] && gw_eq(s->action[r], plan->actions[i].id);
        if (leans)
            after[n++] = i;
    }
    a->after = after;
    a->n_after = n;
    for (size_t r = 0; r < s->result.n_rows; r++) {
        if (used[r] && !s->told[r]) {
            s->told[r] = true;
            s->action[r] = a->id;
        }
    }
    return 0;
}

static int try_node(sizing *s, uint32_t node)
{
    gw_planning *p = s->p;
    gw_proposal x = {
        .kind = GW_ACTION_RIGHT_SIZE,
        .mark = gw_world_mark(&p->world),
        .node = node,
        .rule = "right-size: with requests by VPA's histogram method (P90 and 15 %, memory never under its "
                "recorded peak) more pods fit on a node"};
    gw_resize *list = NULL;
    p->trials++;
    if (!gw_world_empty(&p->world, node, NULL))
        return 0;
    bool *used = gw_calloc(s->result.n_rows + 1, sizeof(*used));
    int rc = used ? rows_of(s, x.mark, &list, &x.n_resizes, used) : gw_fail_memory(p->e);
    if (!rc && x.n_resizes == 0 && gw_plan_wants(p, GW_ACTION_RELEASE_NODE))
        x.kind = GW_ACTION_RELEASE_NODE; /* what was resized before is enough */
    if (!rc && x.n_resizes == 0)
        x.rule = "consolidate: with the requests of earlier actions, every pod on it fits on nodes that stay";
    x.resizes = rc ? NULL : list;
    gw_verdict v = rc ? GW_FAILED : gw_plan_weigh(p, &x);
    if (v == GW_TAKEN)
        rc = lean_on(s, used);
    if (rc)
        v = GW_FAILED;
    gw_free(used);
    return v == GW_FAILED ? p->e->code : 0;
}

static int offer(sizing *s, const gw_rightsize_row *row)
{
    gw_planning *p = s->p;
    gw_resize *one = GW_NEW(&p->plan->arena, gw_resize);
    gw_action *a;
    if (!one)
        return gw_fail_memory(p->e);
    *one = resize_of(row);
    if (gw_plan_add(p->plan, GW_ACTION_RIGHT_SIZE, &a, p->e))
        return p->e->code;
    a->change = (gw_change){.resizes = one, .n_resizes = 1};
    a->chosen = true;
    a->confidence = GW_MIN(1, GW_MAX(0, row->confidence));
    a->rule =
        "right-size: requests by VPA's histogram method (P90 and 15 %, memory never under its recorded peak)";
    return gw_plan_describe_resize(p, a, row->cluster, row->n_pods);
}

/* What frees no node: actions of their own where they were asked for by name, else one note. */
static int tell_rest(sizing *s)
{
    gw_planning *p = s->p;
    size_t rows = 0;
    int64_t cpu = 0, mib = 0;
    if (p->o->kinds && (p->o->min_saving > 0 || (p->o->max_risk_set && p->o->max_risk < GW_RISK_MEDIUM)))
        return 0; /* they save nothing, and restart pods */
    for (size_t r = 0; r < s->result.n_rows; r++) {
        const gw_rightsize_row *row = &s->result.rows[r];
        if (s->told[r] || !shrinks(row) || row->n_pods == 0 || !may_change(s, row))
            continue;
        int rc = p->o->kinds ? offer(s, row) : 0;
        if (rc)
            return rc;
        rows++;
        cpu += less(&row->of[GW_RIGHTSIZE_CPU]) * row->n_pods;
        mib += less(&row->of[GW_RIGHTSIZE_MEMORY]) * row->n_pods;
    }
    if (rows == 0 || p->o->kinds)
        return 0;
    char text[256];
    snprintf(text, sizeof(text),
             "%zu workload%s ask%s for more than measured, %.1f CPU and %.1f GiB in all, but that gives no "
             "further node "
             "back: gpuwise plan --only right-size",
             rows, rows == 1 ? "" : "s", rows == 1 ? "s" : "", (double)cpu / 1000, (double)mib / 1024);
    return gw_plan_note(p->plan, text, p->e);
}

static int size(sizing *s)
{
    gw_planning *p = s->p;
    gw_world *w = &p->world;
    gw_rightsize_input in = {.fleet = p->in->fleet,
                             .usage = p->in->usage,
                             .memory_peak_share = 0.85,
                             .autoscaled = p->o->autoscaled,
                             .autoscaled_ctx = p->o->autoscaled_ctx};
    int rc = gw_rightsize(&in, &p->plan->arena, &s->result, p->e);
    if (rc)
        return rc;
    s->told = GW_NEW_ARRAY(&p->plan->arena, bool, s->result.n_rows + 1);
    s->tenant_of_pod = GW_NEW_ARRAY(&p->plan->arena, uint32_t, p->in->fleet->n_pods + 1);
    s->row_of = GW_NEW_ARRAY(&p->plan->arena, uint32_t, w->n_tenants + 1);
    s->action = GW_NEW_ARRAY(&p->plan->arena, const char *, s->result.n_rows + 1);
    s->cpu = GW_NEW_ARRAY(&p->plan->arena, int64_t, w->n_tenants + 1);
    s->memory = GW_NEW_ARRAY(&p->plan->arena, int64_t, w->n_tenants + 1);
    if (!s->action || !s->cpu || !s->memory || !s->told || !s->tenant_of_pod || !s->row_of)
        return gw_fail_memory(p->e);
    memset(s->tenant_of_pod, 0xff, p->in->fleet->n_pods * sizeof(uint32_t));
    memset(s->row_of, 0xff, w->n_tenants * sizeof(uint32_t));
    for (uint32_t i = 0; i < w->n_tenants; i++) {
        s->cpu[i] = w->tenants[i].cpu_milli;
        s->memory[i] = w->tenants[i].memory_mib;
        if (w->tenants[i].pod != GW_NONE)
            s->tenant_of_pod[w->tenants[i].pod] = i;
    }
    for (uint32_t r = 0; r < s->result.n_rows; r++) {
        const gw_rightsize_row *row = &s->result.rows[r];
        if (!shrinks(row) || !may_change(s, row))
            continue;
        for (uint32_t i = 0; i < row->n_pods; i++) {
            if (s->tenant_of_pod[row->pods[i]] != GW_NONE)
                s->row_of[s->tenant_of_pod[row->pods[i]]] = r;
        }
        apply(s, row, 1);
    }
    for (uint32_t i = 0; !rc && i < w->fleet->n_nodes && p->trials < GW_TRIALS_MAX; i++) {
        if (w->nodes[i].here && w->nodes[i].gpus && !w->nodes[i].released)
            rc = try_node(s, i);
    }
    for (size_t r = 0; r < s->result.n_rows; r++) {
        const gw_rightsize_row *row = &s->result.rows[r];
        if (shrinks(row) && may_change(s, row) && !s->told[r])
            apply(s, row, -1);
    }
    if (w->failed)
        return gw_fail_memory(p->e);
    return rc ? rc : tell_rest(s);
}

int gw_advise_rightsize(gw_planning *p)
{
    sizing s = {.p = p};
    return gw_plan_wants(p, GW_ACTION_RIGHT_SIZE) ? size(&s) : 0;
}
