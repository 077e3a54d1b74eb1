#include "operate/hour.h"

#include <math.h>

#include "attribute/ledger.h"
#include "interpret/interpret.h"

/* What the leaves of an hour are made from. */
typedef struct maker {
    const gw_hour_input *in;
    const gw_price_book *book;
    gw_workload_class *class; /* of each pod */
    gw_arena *arena;
} maker;

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static int64_t whole(double ms)
{
    return ms > 0 ? (int64_t)llround(ms) : 0;
}

static gw_micro known(gw_micro m)
{
    return m == GW_MICRO_UNKNOWN ? 0 : m;
}

static gw_measures measures_of(const gw_leaf *l, const gw_stats *s)
{
    gw_measures m = {.paid_ms = whole(l->time.paid),
                     .allocated_ms = whole(l->time.allocated),
                     .used_ms = whole(l->time.used),
                     .idle_ms = whole(l->time.idle),
                     .unknown_ms = whole(l->time.unknown),
                     .unpriced_ms = whole(l->cost.unpriced_ms)};
    if (l->cost.priced) {
        m.used = known(l->cost.used);
        m.wasted = known(l->cost.wasted);
        m.idle = known(l->cost.idle);
        m.unknown = known(l->cost.unknown);
        m.overhead = known(l->cost.overhead);
        m.reclaimable = l->cost.reclaimable_known ? known(l->cost.reclaimable) : 0;
        m.bill = known(l->cost.bill);
    }
    if (s) {
        m.known_ms = whole(s->known);
        m.memory_ms = whole(s->memory.integral);
        m.memory_known_ms = whole(s->memory.known);
        for (int i = 0; i < GW_N_STATES; i++)
            m.state_ms[i] = whole(s->states[i]);
    }
    return m;
}

static void describe_node(const maker *k, uint32_t node, gw_hour_leaf *x)
{
    const gw_node *n = &k->in->fleet->nodes[node];
    x->dim[GW_DIM_NODE] = n->name;
    x->dim[GW_DIM_INSTANCE_TYPE] = or_empty(n->instance_type);
    x->dim[GW_DIM_REGION] = or_empty(n->region);
    x->dim[GW_DIM_CAPACITY] = gw_capacity_name(n->capacity);
    x->dim[GW_DIM_GPU_MODEL] = or_empty(n->gpu_product);
    if (n->cluster && *n->cluster)
        x->dim[GW_DIM_CLUSTER] = n->cluster;
    x->node_hourly = k->book->nodes[node].hourly;
}

static void describe_unit(const maker *k, uint32_t unit, gw_hour_leaf *x)
{
    const gw_unit *u = &k->in->fleet->units[unit];
    x->dim[GW_DIM_PROFILE] = or_empty(u->mig_profile);
    if (u->gpu == GW_NONE)
        return;
    const gw_gpu *g = &k->in->fleet->gpus[u->gpu];
    x->dim[GW_DIM_GPU] = g->uuid;
    if (g->model)
        x->dim[GW_DIM_GPU_MODEL] = g->model;
}

static void describe_pod(const maker *k, uint32_t pod, gw_hour_leaf *x)
{
    static const struct {
        gw_dim dim;
        gw_owner_field field;
    } owners[] = {{GW_DIM_TEAM, GW_OWNER_TEAM},
                  {GW_DIM_PROJECT, GW_OWNER_PROJECT},
                  {GW_DIM_ENVIRONMENT, GW_OWNER_ENVIRONMENT},
                  {GW_DIM_MODEL, GW_OWNER_MODEL},
                  {GW_DIM_MODEL_VERSION, GW_OWNER_MODEL_VERSION},
                  {GW_DIM_COST_CENTER, GW_OWNER_COST_CENTER}};
    const gw_pod *p = &k->in->fleet->pods[pod];
    x->kind = GW_LEAF_HELD;
    x->dim[GW_DIM_NAMESPACE] = p->ns;
    x->dim[GW_DIM_POD] = p->name;
    x->dim[GW_DIM_WORKLOAD] = p->workload_name ? p->workload_name : p->name;
    x->dim[GW_DIM_WORKLOAD_KIND] = p->workload_name ? or_empty(p->workload_kind) : "Pod";
    x->dim[GW_DIM_CLASS] = or_empty(gw_class_name(k->class[pod]));
    for (size_t i = 0; i < GW_COUNT(owners); i++)
        x->dim[owners[i].dim] = or_empty(gw_owner_of(k->in->fleet, k->in->ownership, pod, owners[i].field));
}

static void make_leaf(const maker *k, const gw_leaf *l, gw_hour_leaf *x)
{
    const gw_usage *u = k->in->usage;
    const gw_stats *stats = l->hold != GW_NONE   ? &u->holds[l->hold].stats
                            : l->unit != GW_NONE ? &u->units[l->unit].idle
                                                 : NULL;
    *x = (gw_hour_leaf){.kind = l->unit == GW_NONE ? GW_LEAF_OVERHEAD : GW_LEAF_IDLE,
                        .node_hourly = GW_MICRO_UNKNOWN,
                        .m = measures_of(l, stats)};
    for (int i = 0; i < GW_N_LEAF_DIMS; i++)
        x->dim[i] = "";
    x->dim[GW_DIM_CLUSTER] = k->in->cluster;
    x->dim[GW_DIM_NAMESPACE] = l->unit == GW_NONE ? GW_KEY_OVERHEAD : GW_KEY_IDLE;
    if (l->node != GW_NONE)
        describe_node(k, l->node, x);
    if (l->unit != GW_NONE)
        describe_unit(k, l->unit, x);
    if (l->hold != GW_NONE && u->holds[l->hold].pod != GW_NONE)
        describe_pod(k, u->holds[l->hold].pod, x);
}

static bool is_empty(const gw_hour_leaf *x)
{
    return x->m.bill == 0 && x->m.paid_ms == 0 && x->m.allocated_ms == 0 && x->m.unpriced_ms == 0;
}

static int make_leaves(const maker *k, const gw_ledger *l, gw_hour *h, gw_error *e)
{
    h->leaves = GW_NEW_ARRAY(k->arena, gw_hour_leaf, l->n_leaves + 1);
    if (!h->leaves)
        return gw_fail_memory(e);
    for (size_t i = 0; i < l->n_leaves; i++) {
        make_leaf(k, &l->leaves[i], &h->leaves[h->n_leaves]);
        h->n_leaves += !is_empty(&h->leaves[h->n_leaves]);
    }
    h->total = gw_hour_sum(h);
    return 0;
}

int gw_hour_make(const gw_hour_input *in, gw_arena *arena, gw_hour *ret, gw_error *e)
{
    gw_price_book book;
    gw_ledger ledger;
    gw_price_book_init(&book);
    gw_ledger_init(&ledger);
    maker k = {.in = in, .book = &book, .arena = arena};
    gw_hour h = {.cluster = in->cluster,
                 .start_ms = in->usage->window.start_ms / GW_HOUR_MS * GW_HOUR_MS,
                 .observed = in->usage->observed,
                 .arena = arena};
    int rc = gw_price_fleet(in->prices, in->fleet, in->usage, &book, e);
    if (rc == 0)
        rc = gw_ledger_book(&ledger, in->fleet, in->usage, &book, e);
    if (rc == 0)
        rc = gw_classify_by_facts(in->fleet, in->usage, in->ownership, arena, &k.class, e);
    if (rc == 0)
        rc = make_leaves(&k, &ledger, &h, e);
    gw_ledger_free(&ledger);
    gw_price_book_free(&book);
    if (rc == 0)
        *ret = h;
    return rc;
}
