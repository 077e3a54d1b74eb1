/* One board: does a set of slices fit, and which sets do. */
#include "allocate/mig.h"

int gw_mig_set_count(const gw_mig_set *s)
{
    int n = 0;
    for (size_t i = 0; i < GW_MIG_PROFILES_MAX; i++)
        n += s->n[i];
    return n;
}

int gw_mig_set_compute(const gw_mig_board *b, const gw_mig_set *s)
{
    int n = 0;
    for (size_t i = 0; i < b->n_profiles; i++)
        n += s->n[i] * b->profiles[i].compute;
    return n;
}

gw_mig_set gw_mig_set_of(const gw_mig_layout *l)
{
    gw_mig_set s = {{0}};
    for (size_t i = 0; i < l->n; i++)
        s.n[l->at[i].profile]++;
    return s;
}

bool gw_mig_set_eq(const gw_mig_set *a, const gw_mig_set *b)
{
    return memcmp(a->n, b->n, sizeof(a->n)) == 0;
}

unsigned gw_mig_slots(const gw_mig_board *b, int profile, int start)
{
    return ((1u << b->profiles[profile].size) - 1u) << start;
}

/* The profiles of a set, one entry a slice, the largest first: those leave the fewest choices. */
typedef struct items {
    int profile[GW_MIG_SLOTS_MAX];
    size_t n;
} items;

static bool items_of(const gw_mig_board *b, const gw_mig_set *want, items *ret)
{
    int slots = 0;
    ret->n = 0;
    for (int size = b->slots; size > 0; size--) {
        for (size_t p = 0; p < b->n_profiles; p++) {
            if (b->profiles[p].size != size || want->n[p] == 0)
                continue;
            if (want->n[p] < 0 || want->n[p] > b->profiles[p].max)
                return false;
            slots += want->n[p] * size;
            if (slots > b->slots)
                return false;
            for (int i = 0; i < want->n[p]; i++)
                ret->profile[ret->n++] = (int)p;
        }
    }
    return true;
}

/* Depth-first over the places of item i. A dead end is remembered by the slots taken alone: items come in one
 * order, so that as many slots are taken by as many items. */
typedef struct search {
    const gw_mig_board *b;
    items items;
    int start[GW_MIG_SLOTS_MAX];
    uint8_t dead[(1u << GW_MIG_SLOTS_MAX) / 8];
} search;

static bool place(search *s, size_t i, unsigned taken)
{
    if (i == s->items.n)
        return true;
    uint8_t *dead = &s->dead[taken / 8], bit = (uint8_t)(1u << taken % 8);
    if (*dead & bit)
        return false;
    int p = s->items.profile[i];
    for (int start = s->b->slots - 1; start >= 0; start--) {
        unsigned slots = gw_mig_slots(s->b, p, start);
        if (!(s->b->profiles[p].starts >> start & 1u) || (taken & slots))
            continue;
        s->start[i] = start;
        if (place(s, i + 1, taken | slots))
            return true;
    }
    *dead |= bit;
    return false;
}

bool gw_mig_fit(const gw_mig_board *b, const gw_mig_set *want, gw_mig_layout *ret)
{
    search s;
    s.b = b;
    if (!items_of(b, want, &s.items))
        return false;
    memset(s.dead, 0, sizeof(s.dead));
    if (!place(&s, 0, 0))
        return false;
    if (!ret)
        return true;
    ret->n = 0;
    for (int start = 0; start < b->slots; start++) {
        for (size_t i = 0; i < s.items.n; i++) {
            if (s.start[i] == start)
                ret->at[ret->n++] = (gw_mig_instance){s.items.profile[i], start, false};
        }
    }
    return true;
}

/* ---- all sets ---- */

typedef struct listing {
    const gw_mig_board *b;
    unsigned of;
    bool maximal;
    gw_mig_set *out;
    size_t cap, n;
} listing;

static bool can_grow(const listing *l, gw_mig_set *s)
{
    for (size_t p = 0; p < l->b->n_profiles; p++) {
        if (!(l->of >> p & 1u))
            continue;
        s->n[p]++;
        bool fits = gw_mig_fit(l->b, s, NULL);
        s->n[p]--;
        if (fits)
            return true;
    }
    return false;
}

/* A set that does not fit has no larger one that does, so that counting up stops at the first refusal. */
static void list_from(listing *l, size_t p, gw_mig_set *s)
{
    while (p < l->b->n_profiles && !(l->of >> p & 1u))
        p++;
    if (p == l->b->n_profiles) {
        if (l->maximal && can_grow(l, s))
            return;
        if (l->n < l->cap)
            l->out[l->n] = *s;
        l->n++;
        return;
    }
    for (; gw_mig_fit(l->b, s, NULL); s->n[p]++)
        list_from(l, p + 1, s);
    s->n[p] = 0;
}

size_t gw_mig_sets(const gw_mig_board *b, unsigned of, bool maximal, gw_mig_set *out, size_t cap)
{
    listing l = {b, of, maximal, out, cap, 0};
    gw_mig_set s = {{0}};
    list_from(&l, 0, &s);
    return l.n;
}
