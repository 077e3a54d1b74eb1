/*
 * Other nodes for the same pods: what is left on nodes that may go is given to the cheapest mix of instance
 * types that the price list sells in the same place (provider, region, capacity type) with the same model of
 * GPU. The mix comes with its own proven bound (allocate/mix.h). One proposal a place and model.
 *
 * Another model of GPU is not considered: how fast the work would be there, nobody measured here. The plan
 * says so.
 *
 * New nodes are taken to be like one of those they replace (its labels, taints and daemons), and to keep for
 * the system the share of the machine that such nodes keep today. Pods that care who is beside them
 * (affinity, anti-affinity, spread) hold their node back: where they would land is not known before it is
 * done. One more node than needed is hired where production could bear the loss of a node until now.
 */
#include "allocate/planner_internal.h"

#include "allocate/mix.h"
#include "allocate/world_internal.h"
#include "price/gpu.h"

#define ALONE_MAX  256 /* nodes of a place that are tried one by one */
#define BUDGET_MS  5000
#define LEAST_GAIN 0.02 /* of the price of what is replaced */

typedef struct place {
    const char *cluster, *region, *model;
    gw_provider provider;
    gw_capacity capacity;
} place;

typedef struct lot {
    place at;
    uint32_t *nodes, *tenants;
    uint32_t n_nodes, n_tenants;
    gw_micro hourly;
    bool spare; /* production survives the loss of a node today */
    gw_mix_type *types;
    gw_price *rows; /* parallel to types */
    size_t n_types;
    gw_mix_pod *pods;
} lot;

static bool same_place(const place *a, const place *b)
{
    return gw_eq(a->cluster, b->cluster) && gw_eq(a->region, b->region) && gw_eq(a->model, b->model) &&
           a->provider == b->provider && a->capacity == b->capacity;
}

static place place_of(const gw_planning *p, uint32_t node)
{
    const gw_node *n = &p->in->fleet->nodes[node];
    const gw_node_price *price = &p->in->book->nodes[node];
    const gw_world_node *x = &p->world.nodes[node];
    return (place){.cluster = n->cluster,
                   .region = n->region,
                   .model = x->n_boards ? p->world.boards[x->boards[0]].model : NULL,
                   .provider = n->provider,
                   .capacity = price->capacity};
}

static bool cares_for_others(const gw_world *w, const gw_tenant *t)
{
    for (uint32_t r = 0; r < t->n_rules; r++) {
        if (t->rules[r]->n_affinity || t->rules[r]->n_anti_affinity || t->rules[r]->n_spreads)
            return true;
        if (t->gang != GW_NONE)
            return true;
    }
    for (size_t i = 0; i < w->n_shy && t->pod != GW_NONE; i++) {
        const gw_tenant *s = &w->tenants[w->shy[i]];
        for (uint32_t r = 0; r < s->n_rules; r++) {
            for (uint32_t k = 0; k < s->rules[r]->n_anti_affinity; k++) {
                if (gw_pod_term_selects(&s->rules[r]->anti_affinity[k], &w->fleet->pods[t->pod]))
                    return true;
            }
        }
    }
    return false;
}

/* Whether the whole node may go, with all that is on it. */
static bool replaceable(const gw_planning *p, uint32_t node)
{
    const gw_world *w = &p->world;
    const gw_world_node *n = &w->nodes[node];
    if (!n->here || !n->gpus || n->released || n->received || n->stays || !n->priced || !n->n_boards ||
        n->n == 0 || !n->room_known || !p->in->fleet->nodes[node].instance_type)
        return false;
    for (uint32_t i = 0; i < n->n_boards; i++) {
        const gw_board *b = &w->boards[n->boards[i]];
        if (b->form != GW_FORM_WHOLE || !b->model || !gw_eq(b->model, w->boards[n->boards[0]].model))
            return false;
    }
    for (uint32_t i = 0; i < n->n; i++) {
        const gw_tenant *t = &w->tenants[n->at[i]];
        if (t->stays || t->moved || t->n_rules == 0 || cares_for_others(w, t))
            return false;
    }
    return true;
}

/* What daemons ask for on a node, and what the system keeps of its machine. */
static void reserve(const gw_planning *p, const lot *l, double *ret_cpu, double *ret_memory,
                    int64_t *ret_daemon_cpu, int64_t *ret_daemon_mib)
{
    const gw_world *w = &p->world;
    size_t rows;
    const gw_price *row = gw_price_rows(p->in->prices, &rows);
    *ret_cpu = *ret_memory = 0;
    *ret_daemon_cpu = *ret_daemon_mib = 0;
    for (uint32_t i = 0; i < l->n_nodes; i++) {
        const gw_node *n = &p->in->fleet->nodes[l->nodes[i]];
        int64_t cpu = 0, mib = 0;
        for (size_t k = 0; k < w->n_tenants; k++) {
            if (w->tenants[k].daemon && w->tenants[k].node == l->nodes[i]) {
                cpu += w->tenants[k].cpu_milli;
                mib += w->tenants[k].memory_mib;
            }
        }
        *ret_daemon_cpu = GW_MAX(*ret_daemon_cpu, cpu);
        *ret_daemon_mib = GW_MAX(*ret_daemon_mib, mib);
        for (size_t k = 0; k < rows; k++) {
            if (!gw_eq(row[k].instance_type, n->instance_type) || row[k].vcpu_milli <= 0 ||
                row[k].memory_mib <= 0)
                continue;
            *ret_cpu = GW_MAX(*ret_cpu, 1 - (double)n->cpu_milli / (double)row[k].vcpu_milli);
            *ret_memory = GW_MAX(*ret_memory, 1 - (double)n->memory_mib / (double)row[k].memory_mib);
            break;
        }
    }
}

/* The types of this place, cheapest row of each, in the list's order of names. */
static int list_types(gw_planning *p, lot *l)
{
    size_t rows;
    const gw_price *row = gw_price_rows(p->in->prices, &rows);
    double cpu, memory;
    int64_t daemon_cpu, daemon_mib;
    l->types = GW_NEW_ARRAY(&p->plan->arena, gw_mix_type, GW_MIX_TYPES_MAX);
    l->rows = GW_NEW_ARRAY(&p->plan->arena, gw_price, GW_MIX_TYPES_MAX);
    if (!l->types || !l->rows)
        return gw_fail_memory(p->e);
    reserve(p, l, &cpu, &memory, &daemon_cpu, &daemon_mib);
    for (size_t i = 0; i < rows; i++) {
        const gw_price *r = &row[i];
        if (!r->instance_type || r->provider != l->at.provider || r->capacity != l->at.capacity ||
            !gw_eq(r->region, l->at.region) || !gw_micro_known(r->hourly) || r->hourly <= 0 || r->gpus <= 0 ||
            r->gpus > GW_MIX_GPUS_MAX || r->gpu_milli != 1000 * r->gpus || r->vcpu_milli <= 0 ||
            r->memory_mib <= 0)
            continue;
        if (!gw_eq(gw_gpu_sized(r->gpu, r->gpu_memory_mib), l->at.model) && !gw_eq(r->gpu, l->at.model))
            continue;
        size_t at = 0;
        while (at < l->n_types && !gw_eq(l->types[at].name, r->instance_type))
            at++;
        if (at == GW_MIX_TYPES_MAX)
            continue;
        if (at < l->n_types && l->types[at].hourly <= r->hourly)
            continue;
        l->n_types = GW_MAX(l->n_types, at + 1);
        l->rows[at] = *r;
        l->types[at] =
            (gw_mix_type){.name = r->instance_type,
                          .cpu_milli = r->vcpu_milli,
                          .memory_mib = r->memory_mib,
                          .gpus = (int32_t)r->gpus,
                          .gpu_milli_each = GW_MIX_GPU_MILLI,
                          .hourly = r->hourly,
                          .reserve_cpu_milli = (int64_t)((double)r->vcpu_milli * cpu) + daemon_cpu + 1,
                          .reserve_memory_mib = (int64_t)((double)r->memory_mib * memory) + daemon_mib + 1,
                          .max_nodes = GW_MIX_NO_LIMIT};
    }
    return 0;
}

/* Labels that say something of the machine: what a node of another type has there, nobody knows yet. */
static bool is_of_type(const char *key)
{
    static const char *const of_type[] = {"karpenter.k8s.aws/",
                                          "karpenter.azure.com/",
                                          "karpenter.k8s.gcp/",
                                          "nvidia.com/",
                                          "feature.node.kubernetes.io/",
                                          "cloud.google.com/machine-family",
                                          "cloud.google.com/gke-nodepool",
                                          "cloud.google.com/gke-accelerator",
                                          "eks.amazonaws.com/nodegroup",
                                          "kubernetes.azure.com/agentpool",
                                          "agentpool",
                                          "kubernetes.io/hostname",
                                          NULL};
    if (gw_eq(key, "nvidia.com/gpu.product") || gw_eq(key, "nvidia.com/gpu.present"))
        return false; /* the model stays */
    for (size_t i = 0; of_type[i]; i++) {
        if (gw_has_prefix(key, of_type[i]))
            return true;
    }
    return false;
}

static bool asks_of_type(const gw_match_term *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (!t->all[i].field && is_of_type(t->all[i].key))
            return true;
    }
    return false;
}

static bool rules_ask_of_type(const gw_pod_rules *r)
{
    if (asks_of_type(&r->node_selector))
        return true;
    for (uint32_t i = 0; i < r->n_node_affinity; i++) {
        for (uint32_t k = 0; k < r->node_affinity[i].n; k++) {
            if (asks_of_type(&r->node_affinity[i].any[k]))
                return true;
        }
    }
    return false;
}

/* A node as the new ones would be: like this one, of another type. */
static bool would_allow(gw_planning *p, const gw_tenant *t, uint32_t like, const char *type)
{
    const gw_node *n = &p->in->fleet->nodes[like];
    gw_node copy = *n;
    gw_kv *kv = GW_NEW_ARRAY(&p->world.arena, gw_kv, n->labels.n + 1);
    if (!kv) {
        p->world.failed = true;
        return false;
    }
    copy.labels.kv = kv;
    copy.labels.n = 0;
    for (uint32_t i = 0; i < n->labels.n; i++) {
        gw_kv x = n->labels.kv[i];
        if (gw_eq(x.name, "kubernetes.io/hostname"))
            continue; /* the new one's is not known */
        if (gw_eq(x.name, "node.kubernetes.io/instance-type") ||
            gw_eq(x.name, "beta.kubernetes.io/instance-type"))
            x.value = type;
        kv[copy.labels.n++] = x;
    }
    copy.name = "";
    for (uint32_t r = 0; r < t->n_rules; r++) {
        if (!gw_rules_allow_node(t->rules[r], &copy, NULL) ||
            (!gw_eq(type, n->instance_type) && rules_ask_of_type(t->rules[r])))
            return false;
    }
    return true;
}

static int list_pods(gw_planning *p, lot *l)
{
    l->pods = GW_NEW_ARRAY(&p->plan->arena, gw_mix_pod, l->n_tenants + 1);
    if (!l->pods)
        return gw_fail_memory(p->e);
    for (uint32_t i = 0; i < l->n_tenants; i++) {
        const gw_tenant *t = &p->world.tenants[l->tenants[i]];
        gw_mix_pod *x = &l->pods[i];
        *x = (gw_mix_pod){.cpu_milli = t->cpu_milli,
                          .memory_mib = t->memory_mib,
                          .gpus = (int32_t)t->n_units,
                          .gpu_milli = t->n_units ? GW_MIX_GPU_MILLI : 0};
        for (size_t k = 0; k < l->n_types; k++) {
            if (would_allow(p, t, l->nodes[0], l->types[k].name))
                x->types |= UINT64_C(1) << k;
        }
    }
    return p->world.failed ? gw_fail_memory(p->e) : 0;
}

/* ---- the change ---- */

typedef struct hired {
    gw_hire *hires;
    gw_move *moves;
    size_t n_moves;
} hired;

static gw_hire hire_of(const gw_planning *p, const lot *l, uint32_t type)
{
    const gw_price *r = &l->rows[type];
    const gw_mix_type *t = &l->types[type];
    return (gw_hire){.instance_type = r->instance_type,
                     .region = l->at.region,
                     .zone = r->zone,
                     .provider = r->provider,
                     .capacity = l->at.capacity,
                     .hourly = r->hourly,
                     .gpu = l->at.model,
                     .like = p->in->fleet->nodes[l->nodes[0]].name,
                     .gpus = r->gpus,
                     .gpu_memory_mib = r->gpu_memory_mib,
                     .cpu_milli = t->cpu_milli - t->reserve_cpu_milli,
                     .memory_mib = t->memory_mib - t->reserve_memory_mib};
}

static int move_to(gw_planning *p, const lot *l, const gw_mix_place *at, size_t node, hired *h)
{
    const gw_tenant *t = &p->world.tenants[l->tenants[at->pod]];
    gw_seat *to = GW_NEW_ARRAY(&p->plan->arena, gw_seat, t->n_units + 1);
    gw_seat *was = GW_NEW_ARRAY(&p->plan->arena, gw_seat, t->n_units + 1);
    uint32_t *units = GW_NEW_ARRAY(&p->plan->arena, uint32_t, t->n_units + 1); /* outlives the world */
    uint32_t n = 0;
    if (!to || !was || !units)
        return gw_fail_memory(p->e);
    memcpy(units, t->units, t->n_units * sizeof(*units));
    for (uint32_t g = 0; g < 64 && n < t->n_units; g++) {
        if (!(at->gpus >> g & 1))
            continue;
        was[n] = t->seats[n];
        to[n++] = (gw_seat){.gpu = GW_HIRED_GPU(node, g),
                            .form = GW_FORM_WHOLE,
                            .parts = 1,
                            .start = -1,
                            .share = 1,
                            .memory_mib = h->hires[node].gpu_memory_mib};
    }
    gw_move m = {.pod = t->pod,
                 .units = units,
                 .n_units = t->n_units,
                 .was = was,
                 .to = to,
                 .from = t->node,
                 .node = GW_HIRED_NODE(node),
                 .restarts = t->pod != GW_NONE};
    h->moves[h->n_moves++] = m;
    if (t->past && t->pod != GW_NONE) {
        m.pod = GW_NONE;
        m.restarts = false;
        h->moves[h->n_moves++] = m;
    }
    return 0;
}

static const char *count_types(gw_planning *p, const lot *l, const gw_mix *m, uint32_t spare)
{
    const char *text = "";
    for (uint32_t k = 0; text && k < l->n_types; k++) {
        size_t n = k == spare;
        for (size_t i = 0; i < m->n_nodes; i++)
            n += m->nodes[i].type == k;
        if (n)
            text = gw_arena_printf(&p->plan->arena, "%s%s%zu × %s", text, *text ? ", " : "", n,
                                   l->types[k].name);
    }
    return text;
}

/* Ephemeral storage: new nodes are taken to have as much as the one they are like. */
static bool disks_suffice(const gw_planning *p, const lot *l, const gw_mix *m)
{
    int64_t disk = p->in->fleet->nodes[l->nodes[0]].ephemeral_mib;
    for (size_t i = 0; i < m->n_nodes; i++) {
        int64_t asked = 0;
        for (uint32_t k = 0; k < m->nodes[i].n; k++)
            asked += p->world.tenants[l->tenants[m->places[m->nodes[i].first + k].pod]].disk_mib;
        if (asked > 0 && asked > disk)
            return false;
    }
    return true;
}

static int propose(gw_planning *p, const lot *l, const gw_mix *m)
{
    gw_arena *a = &p->plan->arena;
    gw_change *c = GW_NEW(a, gw_change);
    hired h = {.hires = GW_NEW_ARRAY(a, gw_hire, m->n_nodes + 2),
               .moves = GW_NEW_ARRAY(a, gw_move, 2 * (size_t)l->n_tenants + 1)};
    uint32_t spare = GW_NONE;
    char money[2][GW_MICRO_TEXT_MAX];
    if (!c || !h.hires || !h.moves)
        return gw_fail_memory(p->e);
    for (size_t i = 0; i < m->n_nodes; i++) {
        h.hires[i] = hire_of(p, l, m->nodes[i].type);
        if (l->spare && (spare == GW_NONE || l->types[m->nodes[i].type].hourly > l->types[spare].hourly))
            spare = m->nodes[i].type;
        for (uint32_t k = 0; k < m->nodes[i].n; k++) {
            if (move_to(p, l, &m->places[m->nodes[i].first + k], i, &h))
                return p->e->code;
        }
    }
    size_t n_hires = m->n_nodes;
    if (spare != GW_NONE)
        h.hires[n_hires++] = hire_of(p, l, spare);
    *c = (gw_change){.hires = h.hires,
                     .n_hires = n_hires,
                     .moves = h.moves,
                     .n_moves = h.n_moves,
                     .released = l->nodes,
                     .n_released = l->n_nodes};
    gw_proposal x = {.kind = GW_ACTION_REPLACE_NODES,
                     .mark = gw_world_mark(&p->world),
                     .node = l->nodes[0],
                     .change = c,
                     .should = count_types(p, l, m, spare),
                     .rule = gw_arena_printf(
                         a,
                         "node-mix: the cheapest mix found of %zu instance types costs $%s an hour, and "
                         "none can cost less than $%s (%s%s)",
                         l->n_types, gw_micro_format_human(m->cost, money[0]),
                         gw_micro_format_human(m->bound, money[1]), gw_mix_method_name(m->method),
                         spare == GW_NONE ? "" : "; one node more for the loss of one")};
    if (!x.should || !x.rule)
        return gw_fail_memory(p->e);
    /* those that stay must not have relied on these */
    for (uint32_t i = 0; i < l->n_nodes; i++)
        gw_world_release(&p->world, l->nodes[i]);
    bool survives = gw_world_survives(&p->world);
    gw_world_undo(&p->world, x.mark);
    for (uint32_t i = 0; !survives && i < l->n_nodes; i++) {
        if (!p->node_why[l->nodes[i]])
            p->node_why[l->nodes[i]] = "the loss of one more node could not be borne then";
    }
    if (!survives)
        return 0;
    gw_verdict v = gw_plan_weigh(p, &x);
    for (uint32_t i = 0; v == GW_TAKEN && i < l->n_nodes; i++)
        gw_world_release(&p->world, l->nodes[i]);
    return v == GW_FAILED ? p->e->code : 0;
}

static int replace(gw_planning *p, lot *l)
{
    gw_mix m = {0};
    gw_error why = {0};
    int rc = list_types(p, l);
    rc = rc ? rc : list_pods(p, l);
    if (rc || l->n_types == 0)
        return rc ? rc
                  : gw_plan_note(p->plan,
                                 "no instance types are known for some nodes' place, so no other mix was "
                                 "looked for (gpuwise price; --prices)",
                                 p->e);
    gw_mix_options o = {.budget_ms = p->o->mix_budget_ms > 0 ? p->o->mix_budget_ms : BUDGET_MS,
                        .clock = p->o->clock,
                        .clock_ctx = p->o->clock_ctx};
    rc = gw_mix_find(l->pods, l->n_tenants, l->types, l->n_types, &o, &m, &why);
    if (rc == GW_ENODATA || rc == GW_EUSAGE)
        return gw_plan_note(p->plan, "some pods fit no instance type of the price list, so their nodes stay",
                            p->e);
    if (rc) {
        *p->e = why;
        return rc;
    }
    if ((double)m.cost < (double)l->hourly * (1 - LEAST_GAIN) && disks_suffice(p, l, &m))
        rc = propose(p, l, &m);
    gw_mix_free(&m);
    return rc;
}

/* All together was refused: node by node, some may still be worth it. */
static int replace_each(gw_planning *p, const lot *all)
{
    const gw_world *w = &p->world;
    int rc = 0;
    for (uint32_t i = 0; !rc && i < all->n_nodes; i++) {
        uint32_t node = all->nodes[i];
        lot one = {.at = all->at,
                   .nodes = &all->nodes[i],
                   .tenants = w->nodes[node].at,
                   .n_nodes = 1,
                   .n_tenants = w->nodes[node].n,
                   .hourly = w->nodes[node].hourly};
        for (uint32_t t = 0; t < one.n_tenants; t++)
            one.spare |= w->survives[node] && w->tenants[one.tenants[t]].headroom.production;
        rc = replace(p, &one);
    }
    return rc;
}

int gw_advise_mix(gw_planning *p)
{
    const gw_world *w = &p->world;
    size_t n = w->fleet->n_nodes;
    bool *met = gw_calloc(n + 1, sizeof(*met));
    int rc = met ? 0 : gw_fail_memory(p->e);
    if (!rc && gw_plan_wants(p, GW_ACTION_REPLACE_NODES))
        rc = gw_plan_note(
            p->plan, "other GPU models were not considered: how fast this work runs on them, nobody measured",
            p->e);
    for (uint32_t i = 0; !rc && gw_plan_wants(p, GW_ACTION_REPLACE_NODES) && i < n; i++) {
        if (met[i] || !replaceable(p, i))
            continue;
        lot l = {.at = place_of(p, i),
                 .nodes = GW_NEW_ARRAY(&p->plan->arena, uint32_t, n + 1),
                 .tenants = GW_NEW_ARRAY(&p->plan->arena, uint32_t, w->n_tenants + 1)};
        if (!l.nodes || !l.tenants) {
            rc = gw_fail_memory(p->e);
            break;
        }
        for (uint32_t k = i; k < n; k++) {
            place at = replaceable(p, k) ? place_of(p, k) : (place){0};
            if (met[k] || !replaceable(p, k) || !same_place(&at, &l.at))
                continue;
            met[k] = true;
            l.nodes[l.n_nodes++] = k;
            l.hourly += w->nodes[k].hourly;
            for (uint32_t t = 0; t < w->nodes[k].n; t++) {
                l.tenants[l.n_tenants++] = w->nodes[k].at[t];
                l.spare |= w->survives[k] && w->tenants[w->nodes[k].at[t]].headroom.production;
            }
        }
        rc = replace(p, &l);
        if (!rc && l.n_nodes > 1 && l.n_nodes <= ALONE_MAX && !w->nodes[l.nodes[0]].released)
            rc = replace_each(p, &l);
    }
    gw_free(met);
    return rc;
}
