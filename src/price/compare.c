/* `gpuwise price`: what the same GPU costs across clouds, instance types and regions. */
#include <stdlib.h>
#include <strings.h>

#include "base/buf.h"
#include "price/list.h"

typedef struct candidate {
    const gw_price *p;
    gw_micro board; /* price of a whole board's hour; GW_MICRO_UNKNOWN */
} candidate;

static int order(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* The same thing in the same place: what a later row hides. */
static int by_subject(const gw_price *a, const gw_price *b)
{
    int d = (int)a->provider - (int)b->provider;
    if (!d)
        d = order(a->instance_type, b->instance_type);
    if (!d)
        d = order(a->gpu, b->gpu);
    return d ? d : (int)a->capacity - (int)b->capacity;
}

static int by_place(const gw_price *a, const gw_price *b)
{
    int d = order(a->region, b->region);
    return d ? d : order(a->zone, b->zone);
}

static int by_key(const void *x, const void *y)
{
    const gw_price *a = ((const candidate *)x)->p, *b = ((const candidate *)y)->p;
    int d = by_subject(a, b);
    if (!d)
        d = by_place(a, b);
    return d ? d : (a > b) - (a < b); /* rows lie in the order they were added */
}

static int by_micro(const void *x, const void *y)
{
    gw_micro a = *(const gw_micro *)x, b = *(const gw_micro *)y;
    return (a > b) - (a < b);
}

/* Unknown is not cheap: it goes last. */
static int cheaper(gw_micro a, gw_micro b)
{
    if (gw_micro_known(a) != gw_micro_known(b))
        return gw_micro_known(a) ? -1 : 1;
    return (a > b) - (a < b);
}

static int by_price(const void *x, const void *y)
{
    const gw_price_offer *a = x, *b = y;
    int d = cheaper(a->gpu_hourly, b->gpu_hourly);
    if (!d)
        d = cheaper(a->price->hourly, b->price->hourly);
    if (!d)
        d = by_subject(a->price, b->price);
    return d ? d : by_place(a->price, b->price);
}

static gw_micro board_price(const gw_price *p)
{
    if (gw_micro_known(p->gpu_hourly))
        return p->gpu_hourly;
    if (p->gpu_milli <= 0)
        return GW_MICRO_UNKNOWN;
    return (gw_micro)(((__int128)p->hourly * 1000 + p->gpu_milli / 2) / p->gpu_milli);
}

/* What is compared: a GPU, an instance type, or a pattern of them. */
typedef struct subject {
    const char *gpu, *type, *pattern;
} subject;

static bool is_wanted(const subject *s, const gw_price_query *q, const gw_price *p, const price_note *n)
{
    if (n->attached || n->added || n->node || n->selector || n->provider_id || p->gpus == 0)
        return false;
    if (q->provider != GW_PROVIDER_UNKNOWN && p->provider != q->provider)
        return false;
    if (q->capacity != GW_CAPACITY_UNKNOWN && p->capacity != q->capacity &&
        p->capacity != GW_CAPACITY_UNKNOWN)
        return false;
    if (q->region && p->region && strcmp(q->region, p->region) != 0)
        return false;
    if (s->pattern)
        return p->instance_type && price_matches(s->pattern, p->instance_type);
    if (s->gpu)
        return p->gpu && (gw_gpu_is(p->gpu, s->gpu) || strcasecmp(p->gpu, s->gpu) == 0);
    return !s->type || (p->instance_type && strcasecmp(p->instance_type, s->type) == 0);
}

static subject subject_of(const gw_price_list *l, const char *what)
{
    subject s = {0};
    if (!what || !*what)
        return s;
    if (price_is_pattern(what)) {
        s.pattern = what;
        return s;
    }
    for (size_t i = l->n_rows; i-- > 0 && !s.type;) {
        const gw_price *p = &l->rows[i];
        if (p->instance_type && strcasecmp(p->instance_type, what) == 0) {
            s.type = p->instance_type;
            s.gpu = p->gpu;
        }
    }
    for (size_t i = 0; i < l->n_instances && !s.type; i++) {
        if (strcasecmp(l->instances[i].type, what) == 0) {
            s.type = l->instances[i].type;
            s.gpu = l->instances[i].gpu;
        }
    }
    if (!s.type)
        s.gpu = gw_gpu_canonical(what) ? gw_gpu_canonical(what) : what;
    return s;
}

/* The rows that are asked for, sorted by key, each key once. */
static size_t collect(const gw_price_list *l, const subject *s, const gw_price_query *q, candidate *c)
{
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < l->n_rows; i++)
        if (is_wanted(s, q, &l->rows[i], &l->notes[i]))
            c[n++] = (candidate){&l->rows[i], board_price(&l->rows[i])};
    if (n)
        qsort(c, n, sizeof(*c), by_key);
    for (size_t i = 0; i < n; i++) {
        bool hidden = i + 1 < n && by_subject(c[i].p, c[i + 1].p) == 0 && by_place(c[i].p, c[i + 1].p) == 0;
        if (!hidden)
            c[kept++] = c[i];
    }
    return kept;
}

/* Sorts v. */
static gw_price_spread spread_of(gw_micro *v, size_t n)
{
    if (n == 0)
        return (gw_price_spread){GW_MICRO_UNKNOWN, GW_MICRO_UNKNOWN, GW_MICRO_UNKNOWN, 0};
    qsort(v, n, sizeof(*v), by_micro);
    return (gw_price_spread){v[0], v[(n - 1) / 2], v[n - 1], n};
}

/* One offer from c[0..n): the same instance type in so many regions. */
static gw_price_offer offer_of(const candidate *c, size_t n, const subject *s, gw_micro *scratch)
{
    gw_price_offer o = {.price = c[0].p, .gpu_hourly = c[0].board};
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        if (cheaper(c[i].p->hourly, o.price->hourly) < 0) {
            o.price = c[i].p;
            o.gpu_hourly = c[i].board;
        }
        if (gw_micro_known(c[i].board))
            scratch[known++] = c[i].board;
    }
    o.regions = spread_of(scratch, known);
    o.asked = s->type && o.price->instance_type && strcasecmp(s->type, o.price->instance_type) == 0;
    return o;
}

static gw_price_spread spread_of_kind(const candidate *c, size_t n, bool spot, gw_micro *scratch)
{
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        gw_capacity k = c[i].p->capacity;
        bool is_it = spot ? k == GW_CAPACITY_SPOT : k == GW_CAPACITY_ON_DEMAND || k == GW_CAPACITY_UNKNOWN;
        if (is_it && gw_micro_known(c[i].board))
            scratch[known++] = c[i].board;
    }
    return spread_of(scratch, known);
}

static int fail_not_found(const gw_price_list *l, const gw_price_query *q, gw_error *e)
{
    char names[GW_ERROR_MESSAGE_MAX / 2] = "";
    size_t at = 0;
    for (size_t g = 0; gw_gpu_name_at(g); g++) {
        bool there = false;
        for (size_t i = 0; i < l->n_rows && !there; i++)
            there = gw_eq(l->rows[i].gpu, gw_gpu_name_at(g));
        if (there && at + 24 < sizeof(names))
            at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", at ? ", " : "", gw_gpu_name_at(g));
    }
    const char *what = q->what && *q->what ? q->what : "anything";
    return gw_fail(
        e, GW_ENOTFOUND,
        "no price of \"%.100s\"%s%.60s is known; there are prices of %s, and of their instance types", what,
        q->region ? " in " : "", q->region ? q->region : "", at ? names : "nothing");
}

int gw_price_compare(const gw_price_list *l, const gw_price_query *q, gw_arena *arena,
                     gw_price_comparison *ret, gw_error *e)
{
    subject s = subject_of(l, q->what);
    candidate *c = GW_NEW_ARRAY(arena, candidate, GW_MAX(l->n_rows, 1));
    if (!c)
        return gw_fail_memory(e);
    size_t n = collect(l, &s, q, c);
    if (n == 0)
        return fail_not_found(l, q, e);
    gw_price_offer *offers = GW_NEW_ARRAY(arena, gw_price_offer, n);
    gw_micro *scratch = GW_NEW_ARRAY(arena, gw_micro, n);
    if (!offers || !scratch)
        return gw_fail_memory(e);
    size_t n_offers = 0;
    for (size_t i = 0, end; i < n; i = end) {
        end = i + 1;
        while (!q->each_region && end < n && by_subject(c[i].p, c[end].p) == 0)
            end++;
        offers[n_offers++] = offer_of(c + i, end - i, &s, scratch);
    }
    qsort(offers, n_offers, sizeof(*offers), by_price);
    *ret = (gw_price_comparison){.gpu = s.pattern ? NULL : s.gpu,
                                 .offers = offers,
                                 .n_offers = n_offers,
                                 .on_demand = spread_of_kind(c, n, false, scratch),
                                 .spot = spread_of_kind(c, n, true, scratch)};
    return 0;
}
