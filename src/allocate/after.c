/* The way of a change: copy, apply and check one after the other, settle, price, book. */
#include "allocate/after_internal.h"

#include "attribute/ledger.h"

/* ---- shared ---- */

int after_refuse(after *a, const char *format, ...)
{
    char text[GW_ERROR_MESSAGE_MAX];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    if (a->now == 0)
        return gw_fail(a->e, GW_EUSAGE, "the changes together: %s", text);
    return gw_fail(a->e, GW_EUSAGE, "change %" PRIu32 "%s%s: %s", a->now, a->where[0] ? ", " : "", a->where,
                   text);
}

int after_group_by(after *a, const uint32_t *key, size_t n, size_t n_keys, after_group *ret)
{
    ret->items = GW_NEW_ARRAY(&a->arena, uint32_t, n + 1);
    ret->at = GW_NEW_ARRAY(&a->arena, uint32_t, n_keys + 2);
    if (!ret->items || !ret->at)
        return gw_fail_memory(a->e);
    /* a border is two further on until its group is filled, and one further on from then */
    for (size_t i = 0; i < n; i++) {
        if (key[i] < n_keys)
            ret->at[key[i] + 1]++;
    }
    uint32_t sum = 0;
    for (size_t k = 0; k <= n_keys; k++) {
        uint32_t many = ret->at[k + 1];
        ret->at[k + 1] = sum;
        sum += many;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (key[i] < n_keys)
            ret->items[ret->at[key[i] + 1]++] = i;
    }
    return 0;
}

uint64_t after_tenant(const after *a, uint32_t hold)
{
    uint32_t unit = a->u->holds[hold].unit;
    const gw_unit *u = &a->f->units[unit];
    bool in_parts = u->gpu != GW_NONE && !u->mig_profile && a->boards[u->gpu].was_parts > 1;
    return in_parts ? (uint64_t)1 << 32 | hold : unit;
}

gw_interval after_extent(const after *a, uint32_t hold)
{
    const gw_stats *s = &a->u->holds[hold].stats;
    gw_interval when = gw_interval_cut((gw_interval){s->first_ms, s->end_ms}, a->u->window);
    return gw_interval_ms(when) > 0 ? when : a->observed;
}

bool after_stays(const after *a, uint32_t hold)
{
    const after_hold *h = &a->holds[hold];
    return h->unit == a->u->holds[hold].unit && h->share == h->was && h->form == h->was_form;
}

int64_t after_board_mib(const gw_fleet *f, uint32_t gpu)
{
    const gw_gpu *g = &f->gpus[gpu];
    int64_t mib = g->memory_mib > 0 || g->node == GW_NONE ? g->memory_mib : f->nodes[g->node].gpu_memory_mib;
    return mib > 0 ? mib : GW_UNKNOWN_COUNT;
}

int64_t after_seat_mib(const after *a, const after_hold *h)
{
    const gw_unit *u = &a->ret->fleet.units[h->unit];
    if (h->memory_mib > 0)
        return h->memory_mib;
    int64_t mib =
        u->mig_profile || u->memory_mib > 0 ? u->memory_mib : after_board_mib(&a->ret->fleet, u->gpu);
    return mib > 0 ? mib / h->parts : GW_UNKNOWN_COUNT;
}

int64_t after_unit_mib(const after *a, uint32_t hold)
{
    const gw_unit *u = &a->f->units[a->u->holds[hold].unit];
    int64_t mib = u->memory_mib > 0 || u->mig_profile || u->gpu == GW_NONE ? u->memory_mib
                                                                           : after_board_mib(a->f, u->gpu);
    return mib > 0 ? mib : GW_UNKNOWN_COUNT;
}

int after_fit(after *a)
{
    gw_usage *u = &a->ret->usage;
    size_t n = a->ret->fleet.n_units;
    if (gw_grow((void **)&u->units, &u->cap_units, n, sizeof(*u->units), GW_FLEET_MAX_UNITS) ||
        gw_grow((void **)&a->seated, &a->cap_seated, n, sizeof(*a->seated), GW_FLEET_MAX_UNITS))
        return gw_fail_memory(a->e);
    for (; u->n_units < n; u->n_units++) {
        u->units[u->n_units] = (gw_unit_usage){0};
        gw_stats_init(&u->units[u->n_units].idle);
    }
    for (; a->n_seated < n; a->n_seated++)
        a->seated[a->n_seated] = (after_seated){0};
    return 0;
}

/* ---- the present as seats ---- */

static void seat_boards(after *a)
{
    const gw_fleet *f = a->f;
    for (size_t g = 0; g < f->n_gpus; g++) {
        after_board *b = &a->boards[g];
        const gw_node *n = f->gpus[g].node == GW_NONE ? NULL : &f->nodes[f->gpus[g].node];
        *b = (after_board){.form = GW_FORM_WHOLE, .parts = 1};
        if (f->gpus[g].mig) {
            b->form = GW_FORM_MIG;
        } else if (n && n->replicas > 1) {
            b->form = n->sharing == GW_SHARING_MPS ? GW_FORM_MPS : GW_FORM_TIME_SLICE;
            b->parts = (int)GW_MIN(n->replicas, INT32_MAX);
        }
        b->was_form = b->form;
        b->was_parts = b->parts;
    }
}

static void seat_holds(after *a)
{
    for (uint32_t i = 0; i < a->u->n_holds; i++) {
        const gw_hold *x = &a->u->holds[i];
        const gw_unit *u = &a->f->units[x->unit];
        const after_board *b = u->gpu == GW_NONE ? NULL : &a->boards[u->gpu];
        after_hold *h = &a->holds[i];
        *h = (after_hold){.live = x->stats.allocated > 0,
                          .unit = x->unit,
                          .form = u->mig_profile ? GW_FORM_MIG : GW_FORM_WHOLE,
                          .parts = 1,
                          .start = -1,
                          .memory_mib = GW_UNKNOWN_COUNT,
                          .share = u->mig_profile && u->weight > 0 ? u->weight : 1};
        if (b && !u->mig_profile && after_form_shared(b->form)) {
            h->form = b->form;
            h->parts = b->parts;
            h->share = 1.0 / b->parts;
        }
        h->was_form = h->form;
        h->was = h->share;
        if (!h->live)
            continue;
        after_seated *on = &a->seated[x->unit];
        on->tenant = on->n++ ? on->tenant : after_tenant(a, i);
    }
}

static int index_present(after *a)
{
    const gw_fleet *f = a->f;
    size_t n = GW_MAX(f->n_units, a->u->n_holds);
    uint32_t *key = GW_NEW_ARRAY(&a->arena, uint32_t, n + 1);
    if (!key)
        return gw_fail_memory(a->e);
    for (size_t i = 0; i < a->u->n_holds; i++)
        key[i] = a->u->holds[i].unit;
    int rc = after_group_by(a, key, a->u->n_holds, f->n_units, &a->holds_of);
    for (size_t i = 0; i < f->n_units; i++)
        key[i] = f->units[i].gpu;
    return rc ? rc : after_group_by(a, key, f->n_units, f->n_gpus, &a->units_of);
}

static int start(after *a)
{
    const gw_fleet *f = a->f;
    size_t n = a->u->n_holds + 1;
    a->holds = GW_NEW_ARRAY(&a->arena, after_hold, n);
    a->lifted = GW_NEW_ARRAY(&a->arena, uint32_t, n);
    a->places = GW_NEW_ARRAY(&a->arena, after_place, n);
    a->stays = GW_NEW_ARRAY(&a->arena, after_stay, n);
    a->borders = GW_NEW_ARRAY(&a->arena, after_border, 2 * n);
    a->pod_change = GW_NEW_ARRAY(&a->arena, uint32_t, f->n_pods + 1);
    a->counts = GW_NEW_ARRAY(&a->arena, bool, f->n_pods + 1);
    if (!a->holds || !a->lifted || !a->places || !a->stays || !a->borders || !a->pod_change || !a->counts ||
        gw_grow((void **)&a->boards, &a->cap_boards, f->n_gpus + 1, sizeof(*a->boards), SIZE_MAX) ||
        gw_grow((void **)&a->nodes, &a->cap_nodes, f->n_nodes + 1, sizeof(*a->nodes), SIZE_MAX))
        return gw_fail_memory(a->e);
    memset(a->nodes, 0, (f->n_nodes + 1) * sizeof(*a->nodes));
    for (size_t i = 0; i < f->n_nodes; i++)
        a->api |= f->nodes[i].in_api;
    a->observed = gw_interval_cut(gw_usage_observed(a->u), a->u->window);
    int rc = after_fit(a);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < f->n_pods; i++) {
        a->counts[i] = after_runs(a, i);
        after_load(a, i, 1);
    }
    seat_boards(a);
    seat_holds(a);
    return index_present(a);
}

static int check_prices(after *a)
{
    const gw_fleet *f = &a->ret->fleet;
    for (size_t i = a->f->n_nodes; i < f->n_nodes; i++) {
        const gw_node_price *p = &a->ret->book.nodes[i];
        if (!gw_micro_known(p->hourly))
            return after_refuse(a, "no price is known for a hired %.80s: %s",
                                f->nodes[i].instance_type ? f->nodes[i].instance_type : "node",
                                p->why_unknown ? p->why_unknown : "nobody says why");
    }
    return 0;
}

static int build(after *a, const gw_price_list *prices, const gw_change *const *changes, size_t n)
{
    int rc = gw_fleet_copy(&a->ret->fleet, a->f, a->e);
    rc = rc ? rc : gw_usage_copy(&a->ret->usage, a->u, a->e);
    rc = rc ? rc : start(a);
    for (size_t i = 0; i < n && !rc; i++) {
        a->c = changes[i];
        a->now = (uint32_t)i + 1;
        rc = after_apply(a);
        rc = rc ? rc : after_check(a);
    }
    rc = rc ? rc : after_settle(a);
    rc = rc ? rc : gw_price_fleet(prices, &a->ret->fleet, &a->ret->usage, &a->ret->book, a->e);
    rc = rc ? rc : check_prices(a);
    return rc ? rc : gw_ledger_book(&a->ret->ledger, &a->ret->fleet, &a->ret->usage, &a->ret->book, a->e);
}

int gw_after_build(const gw_fleet *f, const gw_usage *u, const gw_price_list *prices,
                   const gw_change *const *changes, size_t n, gw_after *ret, gw_error *e)
{
    gw_after out;
    after a = {.f = f, .u = u, .ret = &out, .e = e};
    gw_fleet_init(&out.fleet);
    gw_usage_init(&out.usage, u->window, u->policy);
    gw_price_book_init(&out.book);
    gw_ledger_init(&out.ledger);
    gw_arena_init(&a.arena, 0);
    int rc = build(&a, prices, changes, n);
    gw_free(a.boards);
    gw_free(a.nodes);
    gw_free(a.seated);
    gw_arena_free(&a.arena);
    if (rc) {
        gw_after_free(&out);
        return rc;
    }
    *ret = out;
    return 0;
}

void gw_after_free(gw_after *a)
{
    gw_ledger_free(&a->ledger);
    gw_price_book_free(&a->book);
    gw_usage_free(&a->usage);
    gw_fleet_free(&a->fleet);
}
