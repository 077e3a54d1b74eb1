/* What a change leaves behind: nothing twice in one place, nobody left where nothing is. */
#include "allocate/after_internal.h"

#include "fleet/rules.h"

/* The last sample of what still runs may be this old: two scrapes missed at the slowest common rate. */
#define LATE_MS (10 * GW_MINUTE_MS)

/* ---- pods ---- */

bool after_runs(const after *a, uint32_t pod)
{
    const gw_pod *p = &a->f->pods[pod];
    if (p->phase == GW_PHASE_SUCCEEDED || p->phase == GW_PHASE_FAILED)
        return false;
    if (a->api)
        return p->in_api && p->created_ms <= a->observed.end_ms + LATE_MS;
    return gw_interval_ms(p->active) > 0 && p->active.end_ms >= a->observed.end_ms - LATE_MS;
}

bool after_is_daemon(const after *a, uint32_t pod)
{
    const gw_pod *p = &a->f->pods[pod];
    /* a static pod's owner is its node */
    return (p->rules != GW_NONE && a->f->rules[p->rules].daemon) || gw_eq(p->owner_kind, "DaemonSet") ||
           gw_eq(p->workload_kind, "DaemonSet") || gw_eq(p->owner_kind, "Node");
}

void after_load(after *a, uint32_t pod, int sign)
{
    const gw_pod *p = &a->ret->fleet.pods[pod];
    if (p->node == GW_NONE || !a->counts[pod])
        return;
    a->nodes[p->node].cpu += sign * GW_MAX(0, p->cpu_request_milli);
    a->nodes[p->node].memory += sign * GW_MAX(0, p->memory_request_mib);
}

/* Only what the change adds is its fault. */
static int check_load(after *a)
{
    const gw_fleet *f = &a->ret->fleet;
    for (size_t i = 0; i < f->n_nodes; i++) {
        const gw_node *n = &f->nodes[i];
        const after_node *x = &a->nodes[i];
        if (n->cpu_milli >= 0 && x->cpu > n->cpu_milli && x->cpu > x->cpu_before)
            return after_refuse(a, "pods on node %s request %" PRId64 " milli-CPU, and it has %" PRId64,
                                n->name, x->cpu, n->cpu_milli);
        if (n->memory_mib >= 0 && x->memory > n->memory_mib && x->memory > x->mem_before)
            return after_refuse(a, "pods on node %s request %" PRId64 " MiB of memory, and it has %" PRId64,
                                n->name, x->memory, n->memory_mib);
    }
    return 0;
}

static int check_released(after *a)
{
    const gw_fleet *f = &a->ret->fleet;
    for (uint32_t i = 0; i < a->u->n_holds; i++) {
        const after_hold *h = &a->holds[i];
        uint32_t node = h->live ? f->units[h->unit].node : GW_NONE;
        const gw_pod *p = &f->pods[a->u->holds[i].pod];
        if (node != GW_NONE && a->nodes[node].released)
            return after_refuse(a, "node %s is released, and %.60s/%.60s still has a seat on it",
                                f->nodes[node].name, p->ns, p->name);
    }
    for (uint32_t i = 0; i < f->n_pods; i++) {
        const gw_pod *p = &f->pods[i];
        if (p->node != GW_NONE && a->nodes[p->node].released && after_runs(a, i) && !after_is_daemon(a, i))
            return after_refuse(a, "node %s is released, and pod %.60s/%.60s still runs on it",
                                f->nodes[p->node].name, p->ns, p->name);
    }
    return 0;
}

/* ---- boards ---- */

typedef struct sweep {
    after *a;
    after_stay *stays;
    after_border *borders;
    size_t n;
} sweep;

static int by_seat(const void *x, const void *y)
{
    const after_place *a = x, *b = y;
    if (a->gpu != b->gpu)
        return a->gpu < b->gpu ? -1 : 1;
    if (a->unit != b->unit)
        return a->unit < b->unit ? -1 : 1;
    return (a->hold > b->hold) - (a->hold < b->hold);
}

static int by_tenant(const void *x, const void *y)
{
    const after_stay *a = x, *b = y;
    if (a->tenant != b->tenant)
        return a->tenant < b->tenant ? -1 : 1;
    return (a->hold > b->hold) - (a->hold < b->hold);
}

/* Ends before beginnings: intervals are half-open. */
static int by_time(const void *x, const void *y)
{
    const after_border *a = x, *b = y;
    if (a->ms != b->ms)
        return a->ms < b->ms ? -1 : 1;
    if (a->what != b->what)
        return a->what - b->what;
    return (a->stay > b->stay) - (a->stay < b->stay);
}

static void sweep_add(sweep *s, uint32_t hold)
{
    s->stays[s->n++] = (after_stay){.tenant = after_tenant(s->a, hold),
                                    .hold = hold,
                                    .came = !after_stays(s->a, hold),
                                    .when = after_extent(s->a, hold)};
}

static int clash(const sweep *s, uint32_t gpu, int64_t ms, int room)
{
    const after_stay *one = NULL, *other = NULL;
    for (size_t i = 0; i < s->n; i++) {
        const after_stay *x = &s->stays[i];
        if (x->when.start_ms > ms || x->when.end_ms <= ms)
            continue;
        if (!one && x->came)
            one = x;
        else
            other = x;
    }
    const gw_fleet *f = &s->a->ret->fleet;
    const char *uuid = f->gpus[gpu].uuid;
    char when[GW_TIME_TEXT_MAX];
    if (!one || !other)
        return gw_fail(s->a->e, GW_EINTERNAL, "two tenants on GPU %s, and neither is there", uuid);
    const gw_pod *p = &f->pods[s->a->u->holds[one->hold].pod], *q = &f->pods[s->a->u->holds[other->hold].pod];
    return after_refuse(
        s->a,
        "on GPU %s %.60s/%.60s gets a seat that %.60s/%.60s has at the same time (%s): it has "
        "room for %d",
        uuid, p->ns, p->name, q->ns, q->name, gw_time_format(ms, when), room);
}

/* Never more tenants at one time than there is room for; who was together in the present may stay so. */
static int sweep_run(sweep *s, uint32_t gpu, int room)
{
    size_t n = 0, borders = 0;
    int there = 0, came = 0;
    qsort(s->stays, s->n, sizeof(*s->stays), by_tenant);
    for (size_t i = 0; i < s->n; i++) {
        after_stay *x = n ? &s->stays[n - 1] : NULL;
        if (x && x->tenant == s->stays[i].tenant) {
            gw_interval_cover(&x->when, s->stays[i].when.start_ms, s->stays[i].when.end_ms);
            x->came |= s->stays[i].came;
        } else {
            s->stays[n++] = s->stays[i];
        }
    }
    s->n = n;
    for (uint32_t i = 0; i < n; i++) {
        s->borders[borders++] = (after_border){s->stays[i].when.start_ms, 1, i};
        s->borders[borders++] = (after_border){s->stays[i].when.end_ms, -1, i};
    }
    qsort(s->borders, borders, sizeof(*s->borders), by_time);
    for (size_t i = 0; i < borders; i++) {
        const after_border *b = &s->borders[i];
        there += b->what;
        came += s->stays[b->stay].came ? b->what : 0;
        if (there > room && came > 0)
            return clash(s, gpu, b->ms, room);
    }
    return 0;
}

/*
 * Boards in one piece have one run over all that is on them. Of a MIG board each instance has one, and what
 * held the whole board before it was cut is in each.
 */
static int check_board(sweep *s, const after_place *seats, size_t n)
{
    const gw_unit *units = s->a->ret->fleet.units;
    const after_board *b = &s->a->boards[seats->gpu];
    int rc = 0;
    if (b->form != GW_FORM_MIG) {
        s->n = 0;
        for (size_t i = 0; i < n; i++)
            sweep_add(s, seats[i].hold);
        return sweep_run(s, seats->gpu, b->parts);
    }
    for (size_t i = 0; i < n && !rc;) {
        size_t first = i;
        s->n = 0;
        for (; i < n && seats[i].unit == seats[first].unit; i++)
            sweep_add(s, seats[i].hold);
        for (size_t j = 0; j < n && units[seats[first].unit].mig_profile; j++) {
            if (!units[seats[j].unit].mig_profile)
                sweep_add(s, seats[j].hold);
        }
        rc = sweep_run(s, seats->gpu, 1);
    }
    return rc;
}

static int check_boards(after *a)
{
    size_t n = 0;
    after_place *seats = a->places;
    sweep s = {.a = a, .stays = a->stays, .borders = a->borders};
    for (uint32_t i = 0; i < a->u->n_holds; i++) {
        uint32_t unit = a->holds[i].unit;
        uint32_t gpu = a->holds[i].live ? a->ret->fleet.units[unit].gpu : GW_NONE;
        if (gpu != GW_NONE && a->boards[gpu].seated == a->now)
            seats[n++] = (after_place){gpu, unit, i};
    }
    qsort(seats, n, sizeof(*seats), by_seat);
    int rc = 0;
    for (size_t i = 0; i < n && !rc;) {
        size_t first = i;
        while (i < n && seats[i].gpu == seats[first].gpu)
            i++;
        rc = check_board(&s, seats + first, i - first);
    }
    return rc;
}

int after_check(after *a)
{
    const gw_change *c = a->c;
    a->where[0] = '\0';
    int rc = c->n_moves ? check_boards(a) : 0;
    rc = rc || !(c->n_moves || c->n_resizes) ? rc : check_load(a);
    return rc || c->n_released == 0 ? rc : check_released(a);
}
