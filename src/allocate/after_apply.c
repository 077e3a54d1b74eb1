/* Changes applied to seats: who sits where, how boards are handed out, which nodes there are. */
#include "allocate/after_internal.h"

#include <strings.h>

/* The holds that one unit of a move takes along, and where they go. */
typedef struct lift {
    size_t move;
    uint32_t k;        /* of its units */
    uint32_t first, n; /* of lifts.holds */
    uint32_t gpu, node;
} lift;

typedef struct lifts {
    lift *items;
    size_t n;
    uint32_t *holds;
    uint32_t n_holds;
} lifts;

static void say_move(after *a, size_t i)
{
    const gw_move *m = &a->c->moves[i];
    if (m->pod != GW_NONE && m->pod < a->f->n_pods)
        snprintf(a->where, sizeof(a->where), "move %zu (pod %.60s/%.60s)", i + 1, a->f->pods[m->pod].ns,
                 a->f->pods[m->pod].name);
    else
        snprintf(a->where, sizeof(a->where), "move %zu", i + 1);
}

/* ---- what indexes mean ---- */

static int find_node(after *a, uint32_t x, uint32_t *ret)
{
    uint32_t k = x & ~GW_HIRED;
    if (x != GW_NONE && (x & GW_HIRED) && k < a->c->n_hires)
        *ret = a->hired[k];
    else if (x < a->f->n_nodes)
        *ret = x;
    else
        return after_refuse(a,
                            "there is no node of index %" PRIu32 "; what another change hired cannot be "
                            "used",
                            x);
    return 0;
}

static int find_gpu(after *a, uint32_t x, uint32_t *ret)
{
    uint32_t k = (x & ~GW_HIRED) >> 8, j = x & 0xff;
    if (x != GW_NONE && (x & GW_HIRED) && k < a->c->n_hires && j < (uint32_t)a->c->hires[k].gpus)
        *ret = a->hired_gpus[k] + j;
    else if (x < a->f->n_gpus && a->f->gpus[x].node < a->f->n_nodes)
        *ret = x;
    else
        return after_refuse(a,
                            "there is no GPU of index %" PRIu32 " on a node; what another change hired "
                            "cannot be used",
                            x);
    return 0;
}

/* ---- hires ---- */

/* Letters and digits are compared as they are, everything else as kube-state-metrics would spell it. */
static bool starts_like(const char *name, const char *prefix)
{
    for (; *prefix; name++, prefix++) {
        bool plain = (*prefix >= 'a' && *prefix <= 'z') || (*prefix >= '0' && *prefix <= '9');
        if (*name != *prefix && (plain || *name != '_'))
            return false;
    }
    return true;
}

/* Labels that say what a machine is, and not what it is for. */
static bool is_of_the_machine(const char *name)
{
    static const char *const prefixes[] = {"nvidia.com/", "karpenter.k8s.aws/instance-",
                                           "karpenter.k8s.aws/capacity-reservation-",
                                           "feature.node.kubernetes.io/"};
    static const char *const names[] = {"kubernetes.io/hostname",
                                        "node.kubernetes.io/instance-type",
                                        "beta.kubernetes.io/instance-type",
                                        "topology.kubernetes.io/region",
                                        "failure-domain.beta.kubernetes.io/region",
                                        "topology.kubernetes.io/zone",
                                        "failure-domain.beta.kubernetes.io/zone",
                                        "karpenter.sh/capacity-type",
                                        "eks.amazonaws.com/capacityType",
                                        "kubernetes.azure.com/scalesetpriority",
                                        "node.kubernetes.io/lifecycle",
                                        "cloud.google.com/gke-spot",
                                        "cloud.google.com/gke-preemptible",
                                        "cloud.google.com/gke-provisioning",
                                        "cloud.google.com/gke-accelerator"};
    for (size_t i = 0; i < GW_COUNT(prefixes); i++) {
        if (starts_like(name, prefixes[i]))
            return true;
    }
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        if (gw_label_name_eq(name, names[i]))
            return true;
    }
    return false;
}

static int label(gw_fleet *f, gw_node *n, const char *name, const char *value)
{
    return value ? gw_fleet_label(f, &n->labels, gw_str_of(name), gw_str_of(value), true) : 0;
}

static int label_number(gw_fleet *f, gw_node *n, const char *name, int64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%" PRId64, value);
    return value < 0 ? 0 : label(f, n, name, text);
}

static int label_node(gw_fleet *f, uint32_t node, const gw_hire *h, uint32_t like)
{
    gw_node *n = &f->nodes[node];
    const gw_labels *from = like == GW_NONE ? NULL : &f->nodes[like].labels;
    int rc = 0;
    for (uint32_t i = 0; from && i < from->n && !rc; i++)
        rc = is_of_the_machine(from->kv[i].name) ? 0 : label(f, n, from->kv[i].name, from->kv[i].value);
    rc = rc ? rc : label(f, n, "kubernetes.io/hostname", n->name);
    rc = rc ? rc : label(f, n, "node.kubernetes.io/instance-type", h->instance_type);
    rc = rc ? rc : label(f, n, "topology.kubernetes.io/region", h->region);
    rc = rc ? rc : label(f, n, "topology.kubernetes.io/zone", h->zone);
    if (!rc && h->capacity != GW_CAPACITY_UNKNOWN)
        rc = label(f, n, "karpenter.sh/capacity-type", gw_capacity_name(h->capacity));
    rc = rc ? rc : label(f, n, "nvidia.com/gpu.product", h->gpu);
    rc = rc ? rc : label_number(f, n, "nvidia.com/gpu.count", h->gpus);
    return rc ? rc : label_number(f, n, "nvidia.com/gpu.memory", h->gpu_memory_mib);
}

/* A number that no node and no GPU of the fleet is named by yet. */
static void name_hire(after *a, int64_t gpus, char name[32])
{
    const gw_fleet *f = &a->ret->fleet;
    for (bool taken = true; taken; a->n_hired++) {
        snprintf(name, 32, "hired-%" PRIu32, a->n_hired);
        taken = gw_fleet_find_node(f, gw_str_of(name)) != GW_NONE;
        for (int64_t j = 0; j < gpus && !taken; j++) {
            char uuid[64];
            snprintf(uuid, sizeof(uuid), "%s-%" PRId64, name, j);
            taken = gw_map_get(&f->by_uuid, gw_str_of(uuid)) != GW_NONE;
        }
    }
}

static int hire_gpus(after *a, const gw_hire *h, uint32_t node, uint32_t *ret_first)
{
    gw_fleet *f = &a->ret->fleet;
    char uuid[64];
    *ret_first = (uint32_t)f->n_gpus;
    for (int64_t j = 0; j < h->gpus; j++) {
        snprintf(uuid, sizeof(uuid), "%s-%" PRId64, f->nodes[node].name, j);
        uint32_t g = gw_fleet_gpu(f, gw_str_of(uuid), a->e);
        if (g == GW_NONE)
            return a->e ? a->e->code : GW_ENOMEM;
        f->gpus[g].node = node;
        f->gpus[g].index = (int32_t)j;
        f->gpus[g].model = f->nodes[node].gpu_product;
        f->gpus[g].memory_mib = h->gpu_memory_mib;
        if (gw_grow((void **)&a->boards, &a->cap_boards, g + 1, sizeof(*a->boards), GW_FLEET_MAX_GPUS))
            return gw_fail_memory(a->e);
        a->boards[g] = (after_board){.form = GW_FORM_WHOLE, .parts = 1, .was_parts = 1};
    }
    return 0;
}

static int hire(after *a, size_t k)
{
    const gw_hire *h = &a->c->hires[k];
    gw_fleet *f = &a->ret->fleet;
    gw_str none = {"", 0};
    char name[32];
    snprintf(a->where, sizeof(a->where), "hire %zu (%.80s)", k + 1, h->instance_type ? h->instance_type : "");
    if (h->gpus < 1 || h->gpus > GW_HIRE_GPUS_MAX)
        return after_refuse(a, "a node is hired for its GPUs, and it must be known how many it has, 1 to %d",
                            GW_HIRE_GPUS_MAX);
    uint32_t like = h->like ? gw_fleet_find_node(f, gw_str_of(h->like)) : GW_NONE;
    if (h->like && like >= a->f->n_nodes)
        return after_refuse(a, "there is no node %.100s to take labels and taints from", h->like);
    name_hire(a, h->gpus, name);
    uint32_t at = gw_fleet_node(f, gw_str_of(name), a->e);
    if (at == GW_NONE)
        return a->e ? a->e->code : GW_ENOMEM;
    if (gw_grow((void **)&a->nodes, &a->cap_nodes, at + 1, sizeof(*a->nodes), GW_FLEET_MAX_NODES) ||
        label_node(f, at, h, like))
        return gw_fail_memory(a->e);
    a->nodes[at] = (after_node){.hired = a->now};
    gw_node *n = &f->nodes[at];
    gw_node_read_labels(f, n);
    n->provider = h->provider == GW_PROVIDER_UNKNOWN ? n->provider : h->provider;
    n->capacity = h->capacity;
    n->gpu_count = h->gpus;
    n->gpu_memory_mib = h->gpu_memory_mib;
    n->allocatable_gpus = h->gpus;
    n->cpu_milli = h->cpu_milli;
    n->memory_mib = h->memory_mib;
    n->managed_control_plane = false;
    if (like != GW_NONE) {
        const gw_node *l = &f->nodes[like];
        n->cluster = l->cluster;
        n->managed_control_plane = l->managed_control_plane && l->provider == n->provider;
        n->taints = l->taints;
        n->n_taints = l->n_taints;
        n->rules_known = l->rules_known;
        n->in_api = l->in_api;
        n->max_pods = l->max_pods;
    }
    a->hired[k] = at;
    int rc = hire_gpus(a, h, at, &a->hired_gpus[k]);
    /* each board is idle until it gets a tenant */
    for (uint32_t j = 0; j < h->gpus && !rc; j++) {
        if (gw_fleet_unit(f, a->hired_gpus[k] + j, at, none, none, a->e) == GW_NONE)
            rc = a->e ? a->e->code : GW_ENOMEM;
    }
    return rc ? rc : after_fit(a);
}

static int hire_all(after *a)
{
    if (a->c->n_hires > GW_HIRES_MAX)
        return after_refuse(a, "%zu hires are more than the %zu that a change may have", a->c->n_hires,
                            GW_HIRES_MAX);
    a->hired = GW_NEW_ARRAY(&a->arena, uint32_t, a->c->n_hires + 1);
    a->hired_gpus = GW_NEW_ARRAY(&a->arena, uint32_t, a->c->n_hires + 1);
    if (!a->hired || !a->hired_gpus)
        return gw_fail_memory(a->e);
    for (size_t k = 0; k < a->c->n_hires; k++) {
        int rc = hire(a, k);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- cuts ---- */

static int cut_mig(after *a, const gw_cut *x, uint32_t gpu)
{
    const gw_gpu *g = &a->ret->fleet.gpus[gpu];
    const char *model = g->model ? g->model : a->ret->fleet.nodes[g->node].gpu_product;
    gw_error why = {0};
    if (!x->layout)
        return after_refuse(a, "MIG without a layout");
    if (!model)
        return after_refuse(a, "the model of GPU %s is not known, so nobody can say how MIG cuts it",
                            g->uuid);
    after_cut *m = GW_NEW(&a->arena, after_cut);
    if (!m)
        return gw_fail_memory(a->e);
    int rc = gw_mig_board_find(model, after_board_mib(&a->ret->fleet, gpu), &m->mig, &why);
    rc = rc ? rc : gw_mig_layout_parse(m->mig, x->layout, &m->layout, &why);
    if (rc == GW_ENOMEM)
        return gw_fail_memory(a->e);
    if (rc)
        return after_refuse(a, "GPU %s: %s", g->uuid, why.message);
    memset(m->unit, 0xff, sizeof(m->unit));
    a->boards[gpu].mig = m;
    return 0;
}

static int cut(after *a, size_t i)
{
    const gw_cut *x = &a->c->cuts[i];
    uint32_t gpu;
    snprintf(a->where, sizeof(a->where), "cut %zu", i + 1);
    int rc = find_gpu(a, x->gpu, &gpu);
    if (rc)
        return rc;
    const gw_fleet *f = &a->ret->fleet;
    after_board *b = &a->boards[gpu];
    if (a->nodes[f->gpus[gpu].node].released)
        return after_refuse(a, "GPU %s is on node %s, which was released", f->gpus[gpu].uuid,
                            f->nodes[f->gpus[gpu].node].name);
    if (b->cut == a->now)
        return after_refuse(a, "GPU %s is cut twice in one change", f->gpus[gpu].uuid);
    if (after_form_shared(x->form) && (x->parts < 2 || x->parts > GW_PLAN_PARTS_MAX))
        return after_refuse(a, "GPU %s in %d parts by %s: 2 to %d can be", f->gpus[gpu].uuid, x->parts,
                            gw_form_name(x->form), GW_PLAN_PARTS_MAX);
    b->form = x->form;
    b->parts = after_form_shared(x->form) ? x->parts : 1;
    b->cut = a->now;
    b->mig = NULL;
    return x->form == GW_FORM_MIG ? cut_mig(a, x, gpu) : 0;
}

/* ---- resizes ---- */

static bool is_of_workload(const gw_pod *p, const gw_resize *r)
{
    if (!gw_eq(p->ns, r->ns))
        return false;
    if (p->workload_name)
        return gw_eq(p->workload_kind, r->kind) && gw_eq(p->workload_name, r->name);
    return (!r->kind || strcasecmp(r->kind, "Pod") == 0) && gw_eq(p->name, r->name);
}

static void resize_field(int64_t *field, const int64_t is_should[2])
{
    if (is_should[1] >= 0 && is_should[1] != is_should[0])
        *field = is_should[1];
}

static int resize(after *a, size_t i)
{
    const gw_resize *r = &a->c->resizes[i];
    gw_fleet *f = &a->ret->fleet;
    size_t n = 0;
    for (uint32_t p = 0; p < f->n_pods; p++) {
        if (!is_of_workload(&f->pods[p], r))
            continue;
        after_load(a, p, -1);
        resize_field(&f->pods[p].cpu_request_milli, r->cpu_milli);
        resize_field(&f->pods[p].memory_request_mib, r->memory_mib);
        resize_field(&f->pods[p].ephemeral_request_mib, r->ephemeral_mib);
        after_load(a, p, 1);
        n++;
    }
    snprintf(a->where, sizeof(a->where), "resize %zu", i + 1);
    return n ? 0
             : after_refuse(a, "there is no pod of %.60s %.100s/%.100s", r->kind ? r->kind : "Pod",
                            r->ns ? r->ns : "", r->name ? r->name : "");
}

/* ---- moves: taking up ---- */

static int check_from(after *a, uint32_t from, uint32_t now, uint32_t in_present, const char *what)
{
    const gw_fleet *f = &a->ret->fleet;
    if (now != GW_NONE && a->nodes[now].hired)
        return after_refuse(a, "%s is on a node that another change hired", what);
    if (now == GW_NONE || from == now || from == in_present)
        return 0;
    return after_refuse(a, "%s is on node %s, and not where the move takes it from", what,
                        f->nodes[now].name);
}

/* The seat that a hold had in the present, as far as it matters: its share of the board. */
static int check_was(after *a, const gw_seat *was, uint32_t unit, after_hold *h)
{
    const gw_unit *u = &a->f->units[unit];
    if ((was->form == GW_FORM_MIG) != (u->mig_profile != NULL))
        return after_refuse(a, "was %s, and its unit is %s", gw_form_name(was->form),
                            u->mig_profile ? "a MIG instance" : "none of MIG's");
    if (h->form != GW_FORM_WHOLE && was->form == GW_FORM_WHOLE)
        return after_refuse(a, "was dedicated, and its board is handed out in %d parts", h->parts);
    if (!after_form_shared(was->form) || after_form_shared(h->form))
        return 0;
    /* shared by something that the node does not say, such as the KAI scheduler */
    if (was->parts < 2 || was->parts > GW_PLAN_PARTS_MAX)
        return after_refuse(a, "was one of %d parts", was->parts);
    h->form = h->was_form = was->form;
    h->parts = was->parts;
    h->share = h->was = 1.0 / was->parts;
    return 0;
}

static int lift_hold(after *a, const gw_move *m, uint32_t k, uint32_t hold, lifts *l)
{
    after_hold *h = &a->holds[hold];
    const gw_unit *units = a->ret->fleet.units;
    const gw_pod *p = &a->f->pods[a->u->holds[hold].pod];
    char what[160];
    snprintf(what, sizeof(what), "the hold of %.60s/%.60s", p->ns, p->name);
    if (h->unit == GW_NONE)
        return after_refuse(a, "%s is moved twice in one change", what);
    int rc = check_from(a, m->from, units[h->unit].node, a->f->units[m->units[k]].node, what);
    if (!rc && !h->change)
        rc = check_was(a, &m->was[k], m->units[k], h);
    if (rc)
        return rc;
    a->seated[h->unit].n--;
    h->unit = GW_NONE;
    h->change = a->now;
    h->own |= m->pod != GW_NONE;
    l->holds[l->n_holds++] = hold;
    return 0;
}

static int lift_unit(after *a, size_t i, uint32_t k, lifts *l)
{
    const gw_move *m = &a->c->moves[i];
    uint32_t unit = m->units[k];
    bool met = m->pod == GW_NONE;
    if (unit >= a->f->n_units)
        return after_refuse(a, "there is no unit of index %" PRIu32, unit);
    if (a->f->units[unit].gpu == GW_NONE)
        return after_refuse(a, "no exporter reports the GPU that it holds, so nothing is known of its work");
    lift *x = &l->items[l->n++];
    *x = (lift){.move = i, .k = k, .first = l->n_holds};
    for (uint32_t j = a->holds_of.at[unit]; j < a->holds_of.at[unit + 1]; j++) {
        uint32_t hold = a->holds_of.items[j], pod = a->u->holds[hold].pod;
        bool taken = m->pod == GW_NONE ? a->pod_change[pod] != a->now && !a->holds[hold].own : pod == m->pod;
        if (!taken)
            continue;
        met = true;
        int rc = a->holds[hold].live ? lift_hold(a, m, k, hold, l) : 0;
        if (rc)
            return rc;
    }
    x->n = l->n_holds - x->first;
    return met ? 0 : after_refuse(a, "it does not hold unit %" PRIu32, unit);
}

static int check_move(after *a, size_t i)
{
    const gw_move *m = &a->c->moves[i];
    uint32_t node;
    int rc = find_node(a, m->node, &node);
    if (rc)
        return rc;
    if (m->pod != GW_NONE && m->pod >= a->f->n_pods)
        return after_refuse(a, "there is no pod of index %" PRIu32, m->pod);
    if (m->pod == GW_NONE && m->n_units == 0)
        return after_refuse(a, "neither a pod nor units are named");
    if (m->n_units && (!m->units || !m->was || !m->to))
        return after_refuse(a, "units without seats");
    if (a->nodes[node].released)
        return after_refuse(a, "node %s was released", a->ret->fleet.nodes[node].name);
    if (m->pod == GW_NONE)
        return 0;
    if (a->pod_change[m->pod] == a->now)
        return after_refuse(a, "it is moved twice in one change");
    a->pod_change[m->pod] = a->now;
    return m->n_units
               ? 0
               : check_from(a, m->from, a->ret->fleet.pods[m->pod].node, a->f->pods[m->pod].node, "the pod");
}

static int lift_all(after *a, lifts *l)
{
    const gw_change *c = a->c;
    size_t units = 0;
    for (size_t i = 0; i < c->n_moves; i++) {
        say_move(a, i);
        int rc = check_move(a, i);
        if (rc)
            return rc;
        units += c->moves[i].n_units;
    }
    *l = (lifts){.items = GW_NEW_ARRAY(&a->arena, lift, units + 1), .holds = a->lifted};
    if (!l->items)
        return gw_fail_memory(a->e);
    for (size_t i = 0; i < c->n_moves; i++) {
        say_move(a, i);
        for (uint32_t k = 0; k < c->moves[i].n_units; k++) {
            int rc = lift_unit(a, i, k, l);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* ---- moves: putting down ---- */

static bool is_profile(const gw_mig_board *b, const char *x, const char *y)
{
    int p = b ? gw_mig_profile_find(b, gw_str_of(x)) : GW_MIG_NONE;
    return p != GW_MIG_NONE ? p == gw_mig_profile_find(b, gw_str_of(y)) : strcasecmp(x, y) == 0;
}

/* Nobody is on it, or only who may be there together with this tenant. */
static bool is_free(const after *a, uint32_t unit, uint64_t tenant)
{
    return unit == GW_NONE || a->seated[unit].n == 0 || a->seated[unit].tenant == tenant;
}

/* A unit for an instance that was cut; another one of the same name is in use where the board was cut anew
 * and the instance there was kept. */
static int make_instance(after *a, uint32_t gpu, after_cut *c, size_t i)
{
    gw_fleet *f = &a->ret->fleet;
    const gw_mig_profile *p = &c->mig->profiles[c->layout.at[i].profile];
    char id[32];
    for (int again = 0;; again++) {
        snprintf(id, sizeof(id), again ? "@%d.%d" : "@%d", c->layout.at[i].start, again);
        uint32_t u = gw_fleet_unit(f, gpu, f->gpus[gpu].node, gw_str_of(p->name), gw_str_of(id), a->e);
        if (u == GW_NONE)
            return a->e ? a->e->code : GW_ENOMEM;
        int rc = after_fit(a);
        if (rc)
            return rc;
        if (a->seated[u].n)
            continue;
        f->units[u].weight = (double)p->compute / c->mig->compute;
        f->units[u].memory_mib = p->memory_mib;
        c->unit[i] = u;
        return 0;
    }
}

/* An instance of the cut for a seat, or GW_MIG_SLOTS_MAX. */
static size_t find_instance(const after *a, const after_cut *c, const gw_seat *s, uint64_t tenant)
{
    int p = gw_mig_profile_find(c->mig, gw_str_of(s->profile));
    size_t best = GW_MIG_SLOTS_MAX;
    for (size_t i = 0; i < c->layout.n; i++) {
        const gw_mig_instance *x = &c->layout.at[i];
        if (x->profile != p)
            continue;
        if (s->start >= 0 && x->start == s->start)
            return i;
        if (s->start >= 0 || !is_free(a, c->unit[i], tenant))
            continue;
        /* beside whom it may be there is better than an instance more */
        bool joins = c->unit[i] != GW_NONE && a->seated[c->unit[i]].n > 0;
        if (best == GW_MIG_SLOTS_MAX || joins)
            best = i;
    }
    return best;
}

/* An instance that the board has in the present. */
static uint32_t find_present(const after *a, uint32_t gpu, const gw_seat *s, uint64_t tenant)
{
    const gw_fleet *f = a->f;
    const gw_mig_board *b = NULL;
    uint32_t best = GW_NONE;
    if (gpu >= f->n_gpus)
        return GW_NONE;
    if (f->gpus[gpu].model && gw_mig_board_find(f->gpus[gpu].model, after_board_mib(f, gpu), &b, NULL))
        b = NULL;
    for (uint32_t j = a->units_of.at[gpu]; j < a->units_of.at[gpu + 1]; j++) {
        uint32_t u = a->units_of.items[j];
        if (!f->units[u].mig_profile || !is_profile(b, s->profile, f->units[u].mig_profile) ||
            !is_free(a, u, tenant))
            continue;
        bool longer = best == GW_NONE || a->u->units[u].paid > a->u->units[best].paid;
        if (longer || (a->seated[u].n && !a->seated[best].n))
            best = u;
    }
    return best;
}

static int find_unit(after *a, uint32_t gpu, const gw_seat *s, uint64_t tenant, uint32_t *ret)
{
    gw_fleet *f = &a->ret->fleet;
    after_board *b = &a->boards[gpu];
    gw_str none = {"", 0};
    if (s->form != GW_FORM_MIG) {
        *ret = gw_fleet_unit(f, gpu, f->gpus[gpu].node, none, none, a->e);
        return *ret == GW_NONE ? (a->e ? a->e->code : GW_ENOMEM) : after_fit(a);
    }
    if (!b->mig) {
        *ret = find_present(a, gpu, s, tenant);
        return *ret != GW_NONE ? 0
                               : after_refuse(a, "GPU %s has no instance %.40s that nobody is on",
                                              f->gpus[gpu].uuid, s->profile);
    }
    size_t i = find_instance(a, b->mig, s, tenant);
    if (i == GW_MIG_SLOTS_MAX)
        return s->start < 0 ? after_refuse(a, "GPU %s has no instance %.40s that nobody is on",
                                           f->gpus[gpu].uuid, s->profile)
                            : after_refuse(a, "GPU %s has no instance %.40s at slot %d", f->gpus[gpu].uuid,
                                           s->profile, s->start);
    int rc = b->mig->unit[i] == GW_NONE ? make_instance(a, gpu, b->mig, i) : 0;
    *ret = b->mig->unit[i];
    return rc;
}

/* Form and parts of the seat are those of the board. */
static int check_seat(after *a, const gw_seat *s, uint32_t gpu, uint32_t node)
{
    const gw_fleet *f = &a->ret->fleet;
    const after_board *b = &a->boards[gpu];
    const char *uuid = f->gpus[gpu].uuid;
    if (f->gpus[gpu].node != node)
        return after_refuse(a, "GPU %s is on node %s, and the move goes to %s", uuid,
                            f->nodes[f->gpus[gpu].node].name, f->nodes[node].name);
    if (s->form == GW_FORM_MIG && !s->profile)
        return after_refuse(a, "a MIG seat on GPU %s without a profile", uuid);
    if (s->form != b->form)
        return after_refuse(a,
                            "a %s seat on GPU %s, which is handed out as %s: parts of a board in two forms",
                            gw_form_name(s->form), uuid, gw_form_name(b->form));
    if (after_form_shared(s->form) && s->parts != b->parts)
        return after_refuse(a, "one of %d parts of GPU %s, which is handed out in %d", s->parts, uuid,
                            b->parts);
    return 0;
}

static int check_peak(after *a, const after_hold *h, uint32_t hold)
{
    const gw_hold *x = &a->u->holds[hold];
    int64_t mib = after_seat_mib(a, h);
    /* on a board that several share nobody says whose memory it is */
    if (mib < 0 || x->shared || after_stays(a, hold) || !(x->stats.memory_mib.peak > (double)mib))
        return 0;
    return after_refuse(a, "%.0f MiB of GPU memory were recorded of it, and the seat on GPU %s has %" PRId64,
                        x->stats.memory_mib.peak, a->ret->fleet.gpus[a->ret->fleet.units[h->unit].gpu].uuid,
                        mib);
}

static int put_hold(after *a, const gw_seat *s, uint32_t gpu, uint32_t hold)
{
    after_hold *h = &a->holds[hold];
    uint64_t tenant = after_tenant(a, hold);
    int rc = find_unit(a, gpu, s, tenant, &h->unit);
    if (rc)
        return rc;
    after_seated *on = &a->seated[h->unit];
    on->tenant = on->n++ ? on->tenant : tenant;
    h->form = s->form;
    h->parts = a->boards[gpu].parts;
    h->start = s->form == GW_FORM_MIG ? s->start : -1;
    h->memory_mib = s->memory_mib > 0 ? s->memory_mib : GW_UNKNOWN_COUNT;
    h->share = s->form == GW_FORM_MIG ? a->ret->fleet.units[h->unit].weight : 1.0 / h->parts;
    if (!(h->share > 0))
        return after_refuse(a, "\"%.40s\" is no MIG profile", s->profile);
    return check_peak(a, h, hold);
}

static bool picks_start(const after *a, const lift *x)
{
    const gw_seat *s = &a->c->moves[x->move].to[x->k];
    return s->form != GW_FORM_MIG || s->start >= 0 || !a->boards[x->gpu].mig;
}

static int put_lift(after *a, const lift *x, const lifts *l)
{
    const gw_move *m = &a->c->moves[x->move];
    say_move(a, x->move);
    for (uint32_t i = x->first; i < x->first + x->n; i++) {
        int rc = put_hold(a, &m->to[x->k], x->gpu, l->holds[i]);
        if (rc)
            return rc;
    }
    return 0;
}

/* An instance of the new cut for a tenant that stays on its old one. */
static int keep_instance(after *a, uint32_t hold)
{
    after_hold *h = &a->holds[hold];
    const gw_unit *u = &a->ret->fleet.units[h->unit];
    after_cut *c = a->boards[u->gpu].mig;
    int p = u->mig_profile ? gw_mig_profile_find(c->mig, gw_str_of(u->mig_profile)) : GW_MIG_NONE;
    size_t best = GW_MIG_SLOTS_MAX;
    for (size_t i = 0; i < c->layout.n; i++) {
        if (c->unit[i] == h->unit)
            return 0;
        bool fits = c->layout.at[i].profile == p && c->unit[i] == GW_NONE;
        if (fits && (best == GW_MIG_SLOTS_MAX || c->layout.at[i].start == h->start))
            best = i;
    }
    const gw_pod *pod = &a->f->pods[a->u->holds[hold].pod];
    if (best == GW_MIG_SLOTS_MAX)
        return after_refuse(a, "GPU %s is cut anew, and the instance that %.60s/%.60s stays on is not in it",
                            a->ret->fleet.gpus[u->gpu].uuid, pod->ns, pod->name);
    c->unit[best] = h->unit;
    return 0;
}

/* Who stays on a board that is cut in this change. */
static int keep_seats(after *a)
{
    for (uint32_t i = 0; i < a->u->n_holds; i++) {
        const after_hold *h = &a->holds[i];
        if (!h->live || h->unit == GW_NONE || h->change == a->now)
            continue;
        uint32_t gpu = a->ret->fleet.units[h->unit].gpu;
        const after_board *b = gpu == GW_NONE ? NULL : &a->boards[gpu];
        if (!b || b->cut != a->now)
            continue;
        const gw_pod *p = &a->f->pods[a->u->holds[i].pod];
        snprintf(a->where, sizeof(a->where), "cuts");
        if (h->form != b->form || h->parts != b->parts)
            return after_refuse(a,
                                "GPU %s is handed out as %s, and %.60s/%.60s keeps a %s seat on it: parts of "
                                "a board in two forms",
                                a->ret->fleet.gpus[gpu].uuid, gw_form_name(b->form), p->ns, p->name,
                                gw_form_name(h->form));
        int rc = b->mig ? keep_instance(a, i) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int check_lifts(after *a, lifts *l)
{
    for (size_t i = 0; i < l->n; i++) {
        lift *x = &l->items[i];
        const gw_move *m = &a->c->moves[x->move];
        const gw_seat *s = &m->to[x->k];
        say_move(a, x->move);
        int rc = find_node(a, m->node, &x->node);
        rc = rc ? rc : find_gpu(a, s->gpu, &x->gpu);
        rc = rc ? rc : check_seat(a, s, x->gpu, x->node);
        if (rc)
            return rc;
        a->boards[x->gpu].seated = a->now;
    }
    return 0;
}

/* First who names a place, then who stays where a board is cut, then who takes what is left. */
static int put_all(after *a, lifts *l)
{
    int rc = check_lifts(a, l);
    for (size_t i = 0; i < l->n && !rc; i++)
        rc = picks_start(a, &l->items[i]) ? put_lift(a, &l->items[i], l) : 0;
    rc = rc || a->c->n_cuts == 0 ? rc : keep_seats(a);
    for (size_t i = 0; i < l->n && !rc; i++)
        rc = picks_start(a, &l->items[i]) ? 0 : put_lift(a, &l->items[i], l);
    for (size_t i = 0; i < a->c->n_moves && !rc; i++) {
        const gw_move *m = &a->c->moves[i];
        uint32_t node;
        rc = m->pod == GW_NONE ? 0 : find_node(a, m->node, &node);
        if (rc || m->pod == GW_NONE)
            continue;
        after_load(a, m->pod, -1);
        a->ret->fleet.pods[m->pod].node = node;
        a->counts[m->pod] = true;
        after_load(a, m->pod, 1);
    }
    return rc;
}

/* ---- releases ---- */

static int release(after *a, size_t i)
{
    uint32_t x = a->c->released[i];
    snprintf(a->where, sizeof(a->where), "release %zu", i + 1);
    if (x >= a->f->n_nodes)
        return after_refuse(a, "there is no node of index %" PRIu32, x);
    if (a->nodes[x].released)
        return after_refuse(a, "node %s was released before", a->f->nodes[x].name);
    a->nodes[x].released = a->now;
    return 0;
}

int after_apply(after *a)
{
    const gw_change *c = a->c;
    lifts l;
    a->where[0] = '\0';
    int rc = hire_all(a);
    for (size_t i = 0; i < a->ret->fleet.n_nodes && !rc; i++) {
        a->nodes[i].cpu_before = a->nodes[i].cpu;
        a->nodes[i].mem_before = a->nodes[i].memory;
    }
    for (size_t i = 0; i < c->n_cuts && !rc; i++)
        rc = cut(a, i);
    for (size_t i = 0; i < c->n_resizes && !rc; i++)
        rc = resize(a, i);
    rc = rc ? rc : lift_all(a, &l);
    rc = rc ? rc : put_all(a, &l);
    for (size_t i = 0; i < c->n_released && !rc; i++)
        rc = release(a, i);
    return rc;
}
