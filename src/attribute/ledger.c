/*
 * A node's bill is split once, over all parts of all its units together, so that one largest-remainder split
 * makes everything below it add up.
 */
#include "attribute/ledger.h"

#include <math.h>

#define LEAVES_MAX ((size_t)32000000)

/* What one weight of the split stands for. */
typedef enum part { PART_USED, PART_WASTED, PART_IDLE, PART_UNKNOWN } part;

typedef struct part_of {
    uint32_t leaf;
    part what;
} part_of;

typedef struct split {
    double *weight;
    part_of *of;
    gw_micro *money;
    size_t n, cap_weight, cap_of, cap_money;
} split;

static void split_free(split *s)
{
    gw_free(s->weight);
    gw_free(s->of);
    gw_free(s->money);
}

static int split_add(split *s, uint32_t leaf, part what, double gpu_ms)
{
    if (!(gpu_ms > 0))
        return 0;
    size_t need = s->n + 1;
    if (gw_grow((void **)&s->weight, &s->cap_weight, need, sizeof(*s->weight), 4 * LEAVES_MAX) ||
        gw_grow((void **)&s->of, &s->cap_of, need, sizeof(*s->of), 4 * LEAVES_MAX) ||
        gw_grow((void **)&s->money, &s->cap_money, need, sizeof(*s->money), 4 * LEAVES_MAX))
        return GW_ENOMEM;
    s->weight[s->n] = gpu_ms;
    s->of[s->n++] = (part_of){leaf, what};
    return 0;
}

static gw_leaf *leaf_new(gw_ledger *l, uint32_t node, uint32_t unit, uint32_t hold)
{
    if (gw_grow((void **)&l->leaves, &l->cap_leaves, l->n_leaves + 1, sizeof(*l->leaves), LEAVES_MAX))
        return NULL;
    gw_leaf *x = &l->leaves[l->n_leaves++];
    *x = (gw_leaf){.node = node, .unit = unit, .hold = hold};
    return x;
}

static int add_hold(gw_ledger *l, split *s, const gw_usage *u, uint32_t node, uint32_t h)
{
    const gw_stats *st = &u->holds[h].stats;
    double known = GW_MIN(st->known, st->allocated), used = GW_MIN(st->used, known);
    gw_leaf *x = st->allocated > 0 ? leaf_new(l, node, u->holds[h].unit, h) : NULL;
    if (!x)
        return st->allocated > 0 ? GW_ENOMEM : 0;
    x->time = (gw_gpu_time){
        .paid = st->allocated, .allocated = st->allocated, .used = used, .unknown = st->allocated - known};
    uint32_t at = (uint32_t)(l->n_leaves - 1);
    int rc = split_add(s, at, PART_USED, used);
    rc = rc ? rc : split_add(s, at, PART_WASTED, known - used);
    return rc ? rc : split_add(s, at, PART_UNKNOWN, st->allocated - known);
}

static int add_unheld(gw_ledger *l, split *s, const gw_usage *u, uint32_t node, uint32_t unit)
{
    const gw_unit_usage *x = &u->units[unit];
    if (!(x->idle.allocated > 0) && !(x->unknown > 0))
        return 0;
    gw_leaf *leaf = leaf_new(l, node, unit, GW_NONE);
    if (!leaf)
        return GW_ENOMEM;
    leaf->time = (gw_gpu_time){
        .paid = x->idle.allocated + x->unknown, .idle = x->idle.allocated, .unknown = x->unknown};
    uint32_t at = (uint32_t)(l->n_leaves - 1);
    int rc = split_add(s, at, PART_IDLE, x->idle.allocated);
    return rc ? rc : split_add(s, at, PART_UNKNOWN, x->unknown);
}

/*
 * reclaimable = min(wasted, cost of the known time × (1 − max(P95 of compute window means, memory peak
 * share))). Without a memory reading nothing can be said of what could be shared.
 */
static void set_reclaimable(gw_leaf *x, const gw_usage *u)
{
    const gw_stats *st = &u->holds[x->hold].stats;
    double p95 = gw_hist_quantile(st->compute_hist, 0.95), peak = st->memory.peak;
    double wasted_ms = st->known - st->used;
    x->cost.reclaimable_known = peak >= 0 && p95 >= 0;
    if (!x->cost.reclaimable_known || !(wasted_ms > 0) || x->cost.wasted <= 0)
        return;
    double free_ms = st->known * GW_MAX(0, 1 - GW_MAX(p95, peak));
    double share = GW_MIN(1, free_ms / wasted_ms);
    x->cost.reclaimable = GW_MIN(x->cost.wasted, (gw_micro)floor((double)x->cost.wasted * share));
}

static void settle(gw_ledger *l, const split *s, const gw_usage *u, size_t first, bool priced)
{
    for (size_t i = 0; i < s->n && priced; i++) {
        gw_cost *c = &l->leaves[s->of[i].leaf].cost;
        gw_micro *to[] = {&c->used, &c->wasted, &c->idle, &c->unknown};
        *to[s->of[i].what] += s->money[i];
        c->bill += s->money[i];
    }
    for (size_t i = first; i < l->n_leaves; i++) {
        gw_leaf *x = &l->leaves[i];
        x->cost.priced = priced;
        if (!priced)
            x->cost.unpriced_ms = x->time.paid;
        else if (x->hold != GW_NONE)
            set_reclaimable(x, u);
    }
}

typedef struct node_index {
    uint32_t *units, *holds;   /* by node, then by index */
    size_t *unit_at, *hold_at; /* n_nodes + 1 borders */
} node_index;

static void node_index_free(node_index *x)
{
    gw_free(x->units);
    gw_free(x->holds);
    gw_free(x->unit_at);
    gw_free(x->hold_at);
}

/* Counting sort: units and holds by node, in order of their index, so that the ledger's order is the fleet's.
 */
static int index_by_node(node_index *x, const gw_fleet *f, const gw_usage *u)
{
    size_t n = f->n_nodes;
    *x = (node_index){.units = gw_calloc(f->n_units + 1, sizeof(uint32_t)),
                      .holds = gw_calloc(u->n_holds + 1, sizeof(uint32_t)),
                      .unit_at = gw_calloc(n + 2, sizeof(size_t)),
                      .hold_at = gw_calloc(n + 2, sizeof(size_t))};
    if (!x->units || !x->holds || !x->unit_at || !x->hold_at)
        return GW_ENOMEM;
    for (size_t i = 0; i < f->n_units; i++) {
        if (f->units[i].node < n)
            x->unit_at[(size_t)f->units[i].node + 2]++;
    }
    for (size_t i = 0; i < u->n_holds; i++) {
        uint32_t node = f->units[u->holds[i].unit].node;
        if (node < n)
            x->hold_at[(size_t)node + 2]++;
    }
    for (size_t i = 2; i < n + 2; i++) {
        x->unit_at[i] += x->unit_at[i - 1];
        x->hold_at[i] += x->hold_at[i - 1];
    }
    for (uint32_t i = 0; i < f->n_units; i++) {
        if (f->units[i].node < n)
            x->units[x->unit_at[f->units[i].node + 1]++] = i;
    }
    for (uint32_t i = 0; i < u->n_holds; i++) {
        uint32_t node = f->units[u->holds[i].unit].node;
        if (node < n)
            x->holds[x->hold_at[node + 1]++] = i;
    }
    return 0;
}

/* Names and not indexes decide the order of leaves, so that it does not hang on the order in which a source
 * tells of things. */
typedef struct naming {
    const gw_fleet *f;
    const gw_usage *u;
} naming;

static int compare(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int by_node_name(const void *a, const void *b, void *ctx)
{
    const gw_node *x = &((naming *)ctx)->f->nodes[*(const uint32_t *)a],
                  *y = &((naming *)ctx)->f->nodes[*(const uint32_t *)b];
    int c = compare(x->cluster, y->cluster);
    return c ? c : compare(x->name, y->name);
}

static int compare_units(const gw_fleet *f, uint32_t a, uint32_t b)
{
    const gw_unit *x = &f->units[a], *y = &f->units[b];
    int c = compare(x->gpu == GW_NONE ? NULL : f->gpus[x->gpu].uuid,
                    y->gpu == GW_NONE ? NULL : f->gpus[y->gpu].uuid);
    c = c ? c : compare(x->mig_id, y->mig_id);
    return c ? c : compare(x->mig_profile, y->mig_profile);
}

static int by_unit_name(const void *a, const void *b, void *ctx)
{
    return compare_units(((naming *)ctx)->f, *(const uint32_t *)a, *(const uint32_t *)b);
}

static int by_hold_name(const void *a, const void *b, void *ctx)
{
    const naming *n = ctx;
    const gw_hold *x = &n->u->holds[*(const uint32_t *)a], *y = &n->u->holds[*(const uint32_t *)b];
    int c = compare_units(n->f, x->unit, y->unit);
    if (c)
        return c;
    const gw_pod *p = &n->f->pods[x->pod], *q = &n->f->pods[y->pod];
    c = compare(p->ns, q->ns);
    c = c ? c : compare(p->name, q->name);
    return c ? c : compare(p->cluster, q->cluster);
}

/* The nodes in order; holds and units of each sorted in place. NULL for want of memory. */
static uint32_t *sort_index(node_index *by, const gw_fleet *f, const gw_usage *u)
{
    naming n = {f, u};
    uint32_t *order = gw_malloc((f->n_nodes + 1) * sizeof(*order));
    for (uint32_t i = 0; order && i < f->n_nodes; i++) {
        order[i] = i;
        qsort_r(by->units + by->unit_at[i], by->unit_at[i + 1] - by->unit_at[i], sizeof(uint32_t),
                by_unit_name, &n);
        qsort_r(by->holds + by->hold_at[i], by->hold_at[i + 1] - by->hold_at[i], sizeof(uint32_t),
                by_hold_name, &n);
    }
    if (order)
        qsort_r(order, f->n_nodes, sizeof(*order), by_node_name, &n);
    return order;
}

/*
 * GPUs that the price list gives the node's instance type and that nobody reports: where neither a label nor
 * allocatable said how many there are, the count is what was seen, and the rest of the node's money must not
 * fall on those. Unknown, on a leaf without a unit.
 */
static int add_unseen(gw_ledger *l, split *s, const gw_fleet *f, const gw_node_price *p, uint32_t node,
                      int64_t ms)
{
    const gw_node *n = &f->nodes[node];
    bool guessed = n->gpu_count_guessed || (s->n == 0 && n->gpu_count <= 0);
    double seen = 0;
    for (size_t i = 0; i < s->n; i++)
        seen += s->weight[i];
    double unseen = (double)p->gpus * (double)ms - seen;
    if (!guessed || p->gpus <= 0 || ms <= 0 || unseen < 0.005 * (double)p->gpus * (double)ms)
        return 0;
    gw_leaf *x = leaf_new(l, node, GW_NONE, GW_NONE);
    if (!x)
        return GW_ENOMEM;
    x->time = (gw_gpu_time){.paid = unseen, .unknown = unseen};
    return split_add(s, (uint32_t)(l->n_leaves - 1), PART_UNKNOWN, unseen);
}

static int book_node(gw_ledger *l, const gw_fleet *f, const gw_usage *u, const gw_price_book *p,
                     const node_index *by, uint32_t node, split *s)
{
    size_t first = l->n_leaves;
    int rc = 0;
    s->n = 0;
    for (size_t i = by->hold_at[node]; i < by->hold_at[node + 1] && !rc; i++)
        rc = add_hold(l, s, u, node, by->holds[i]);
    for (size_t i = by->unit_at[node]; i < by->unit_at[node + 1] && !rc; i++)
        rc = add_unheld(l, s, u, node, by->units[i]);
    const gw_node_price *price = node < p->n_nodes ? &p->nodes[node] : NULL;
    bool priced = price && gw_micro_known(price->hourly);
    int64_t ms = gw_usage_node_ms(u, f, node);
    if (!rc && priced)
        rc = add_unseen(l, s, f, price, node, ms);
    if (rc || s->n == 0)
        return rc;
    l->node_bill[node] = GW_MICRO_UNKNOWN;
    if (priced) {
        gw_micro bill = gw_micro_for(price->hourly, ms);
        gw_micro overhead = GW_MIN(bill, gw_micro_for(price->overhead_hourly, ms));
        l->node_bill[node] = bill;
        rc = gw_apportion(bill - overhead, s->weight, s->n, s->money);
        if (!rc)
            settle(l, s, u, first, true);
        if (!rc && overhead > 0) {
            gw_leaf *x = leaf_new(l, node, GW_NONE, GW_NONE);
            if (!x)
                return GW_ENOMEM;
            x->cost = (gw_cost){.bill = overhead, .overhead = overhead, .priced = true};
        }
        return rc;
    }
    settle(l, s, u, first, false);
    return 0;
}

static int book_control_plane(gw_ledger *l, const gw_fleet *f, const gw_usage *u, const gw_price_book *p)
{
    gw_interval seen = {0, 0};
    for (size_t i = 0; i < f->n_nodes; i++) {
        gw_interval there = gw_interval_cut(f->nodes[i].seen, u->window);
        if (gw_interval_ms(there) > 0)
            gw_interval_cover(&seen, there.start_ms, there.end_ms);
    }
    gw_micro fee = gw_micro_known(p->control_plane_hourly)
                       ? gw_micro_for(p->control_plane_hourly, gw_interval_ms(seen))
                       : 0;
    if (fee <= 0)
        return 0;
    gw_leaf *x = leaf_new(l, GW_NONE, GW_NONE, GW_NONE);
    if (!x)
        return GW_ENOMEM;
    x->cost = (gw_cost){.bill = fee, .overhead = fee, .priced = true};
    return 0;
}

int gw_ledger_book(gw_ledger *l, const gw_fleet *f, const gw_usage *u, const gw_price_book *p, gw_error *e)
{
    node_index by;
    split s = {0};
    gw_ledger out;
    gw_ledger_init(&out);
    int rc = index_by_node(&by, f, u);
    out.n_nodes = f->n_nodes;
    out.node_bill = gw_calloc(f->n_nodes + 1, sizeof(*out.node_bill));
    if (!out.node_bill)
        rc = GW_ENOMEM;
    uint32_t *order = rc ? NULL : sort_index(&by, f, u);
    if (!rc && !order)
        rc = GW_ENOMEM;
    for (uint32_t i = 0; i < f->n_nodes && !rc; i++)
        rc = book_node(&out, f, u, p, &by, order[i], &s);
    gw_free(order);
    if (!rc)
        rc = book_control_plane(&out, f, u, p);
    node_index_free(&by);
    split_free(&s);
    if (rc) {
        gw_ledger_free(&out);
        return gw_fail_memory(e);
    }
    for (size_t i = 0; i < out.n_leaves; i++) {
        gw_cost_add(&out.total, &out.leaves[i].cost);
        gw_gpu_time_add(&out.time, &out.leaves[i].time);
    }
    *l = out;
    return 0;
}
